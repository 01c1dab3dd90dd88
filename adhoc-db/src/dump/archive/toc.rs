//! The header of an archive and its table of contents.

use std::io;
use std::sync::Arc;

use super::super::item::{Fault, Place, Read};
use super::wire::Wire;

const OLDEST: (u8, u8) = (1, 12);
const NEWEST: (u8, u8) = (1, 16);

/// More entries than any database has objects, and dependencies of one.
const MOST_ENTRIES: u64 = 100_000_000;

/// Which file the table of contents stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// A file in the custom format, whose data follow.
    Custom,
    /// `toc.dat` of a directory or tar file; each entry names its file.
    Files,
}

/// How the data are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    Zlib,
}

/// What an archive contains.
#[derive(Debug)]
pub(super) struct Toc {
    pub(super) compression: Compression,
    pub(super) entries: Vec<Entry>,
}

/// One object of the archive.
#[derive(Debug, Default)]
pub(super) struct Entry {
    pub(super) id: i64,
    pub(super) has_data: bool,
    pub(super) tag: String,
    pub(super) kind: String,
    pub(super) is_data: bool,
    pub(super) definition: String,
    pub(super) copy: String,
    pub(super) schema: String,
    pub(super) access_method: String,
    pub(super) file: String,
}

impl Entry {
    /// The entry in an error.
    pub(super) fn place(&self) -> Place {
        let dot = if self.schema.is_empty() { "" } else { "." };
        Place::Entry(Arc::from(format!("{} {}{dot}{}", self.kind, self.schema, self.tag)))
    }

    /// Whether its data are large objects.
    pub(super) fn holds_large_objects(&self) -> bool {
        self.kind == "BLOBS"
    }
}

/// Reads header and table of contents.
pub(super) fn read_toc<R: io::Read>(wire: &mut Wire<R>, layout: Layout) -> Read<Toc> {
    let (version, offset_size, compression) = read_header(wire, layout)?;
    let count = wire.length(MOST_ENTRIES)?;
    let mut entries = Vec::new();
    for _ in 0..count {
        entries.push(read_entry(wire, layout, version, offset_size)?);
    }
    Ok(Toc { compression, entries })
}

fn read_header<R: io::Read>(wire: &mut Wire<R>, layout: Layout) -> Read<((u8, u8), usize, Compression)> {
    for expected in b"PGDMP" {
        if wire.byte()? != *expected {
            return Err(wire.corrupt("is no archive of pg_dump"));
        }
    }
    let version = (wire.byte()?, wire.byte()?);
    wire.byte()?;
    check_version(version)?;
    let (int_size, offset_size) = (usize::from(wire.byte()?), usize::from(wire.byte()?));
    if !(1..=8).contains(&int_size) || !(1..=8).contains(&offset_size) {
        return Err(wire.corrupt("numbers of a size that no machine has"));
    }
    wire.set_int_size(int_size);
    check_format(wire.byte()?, layout, wire)?;
    let compression = read_compression(wire, version)?;
    for _ in 0..7 {
        wire.int()?;
    }
    for _ in ["database", "version of the server", "version of pg_dump"] {
        wire.string()?;
    }
    Ok((version, offset_size, compression))
}

fn check_version((major, minor): (u8, u8)) -> Read<()> {
    if (major, minor) < OLDEST {
        let reason = format!("is an archive of version {major}.{minor}; the oldest known one is 1.12");
        return Err(Fault::new(reason).with_hint("make the dump with pg_dump 10 or later"));
    }
    if (major, minor) > NEWEST {
        let reason = format!("is an archive of version {major}.{minor}; the newest known one is 1.16");
        return Err(Fault::new(reason).with_hint("make the dump with pg_dump 18, or with --format=plain"));
    }
    Ok(())
}

fn check_format<R: io::Read>(format: u8, layout: Layout, wire: &Wire<R>) -> Read<()> {
    match (layout, format) {
        // A directory's table of contents calls itself tar.
        (Layout::Custom, 1) | (Layout::Files, 3 | 5) => Ok(()),
        (Layout::Custom, 3 | 5) => Err(Fault::new("is the table of contents of a directory dump, without its data")
            .with_hint("give the directory itself")),
        _ => Err(wire.corrupt(format!("an archive of the unknown format {format}"))),
    }
}

fn read_compression<R: io::Read>(wire: &mut Wire<R>, version: (u8, u8)) -> Read<Compression> {
    let algorithm = match version {
        (1, ..15) => i64::from(wire.int()? != 0),
        _ => i64::from(wire.byte()?),
    };
    let name = match algorithm {
        0 => return Ok(Compression::None),
        1 => return Ok(Compression::Zlib),
        2 => "lz4",
        3 => "zstd",
        other => return Err(wire.corrupt(format!("the unknown compression {other}"))),
    };
    let reason = format!("is an archive compressed by {name}, which is not supported");
    Err(Fault::new(reason).with_hint("make the dump with `pg_dump --compress=gzip`"))
}

fn read_entry<R: io::Read>(wire: &mut Wire<R>, layout: Layout, version: (u8, u8), offset_size: usize) -> Read<Entry> {
    let id = wire.int()?;
    let has_data = wire.int()? != 0;
    // The numbers of the object's catalog row, which mean nothing in another database.
    wire.string()?;
    wire.string()?;
    let (tag, kind) = (wire.text()?, wire.text()?);
    let is_data = wire.int()? == 3;
    let definition = wire.text()?;
    wire.string()?;
    let (copy, schema) = (wire.text()?, wire.text()?);
    wire.string()?;
    let access_method = if version >= (1, 14) { wire.text()? } else { String::new() };
    if version >= (1, 16) {
        wire.int()?;
    }
    // Owner, and whether rows have OIDs; then what the entry depends on.
    wire.string()?;
    wire.string()?;
    skip_dependencies(wire)?;
    let file = read_extra(wire, layout, offset_size)?;
    Ok(Entry { id, has_data, tag, kind, is_data, definition, copy, schema, access_method, file })
}

fn skip_dependencies<R: io::Read>(wire: &mut Wire<R>) -> Read<()> {
    for _ in 0..MOST_ENTRIES {
        if wire.string()?.is_none() {
            return Ok(());
        }
    }
    Err(wire.corrupt("an entry with dependencies without end"))
}

/// What each format adds to an entry: an offset, which a stream has no use for, or the name of a file.
fn read_extra<R: io::Read>(wire: &mut Wire<R>, layout: Layout, offset_size: usize) -> Read<String> {
    if layout == Layout::Files {
        return wire.text();
    }
    for _ in 0..=offset_size {
        wire.byte()?;
    }
    Ok(String::new())
}
