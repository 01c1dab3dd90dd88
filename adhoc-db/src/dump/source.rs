//! Where a dump comes from, and what kind it is.

use std::fs::File;
use std::io::{self, BufReader, Cursor};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::runtime::Handle;

use super::feeder::Feeder;
use super::item::{Fault, Read};
use super::{archive, plain};

/// How much is read from a file at once.
const BUFFER: usize = 256 * 1024;

/// How many bytes tell the kinds of files apart: a tar header.
const HEAD: usize = 512;

/// A dump to be read: a file, a directory, or a stream that need not be seekable.
///
/// It may be a plain SQL dump, or an archive in the custom, directory or tar format; a file or stream may be compressed by
/// gzip. Which one it is shows in its first bytes, never in its name.
pub struct DumpSource {
    name: String,
    kind: Kind,
}

enum Kind {
    Path(PathBuf),
    Reader(Box<dyn io::Read + Send>),
    Async(Box<dyn AsyncRead + Send + Unpin>),
}

impl DumpSource {
    /// The file or directory at `path`, named after its last part.
    pub fn path(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        Self { name, kind: Kind::Path(path) }
    }

    /// What `reader` gives, such as standard input. It is read by a thread of its own, once and from beginning to end; a
    /// read that never returns keeps that thread, and nothing else.
    pub fn reader(name: impl Into<String>, reader: impl io::Read + Send + 'static) -> Self {
        Self { name: name.into(), kind: Kind::Reader(Box::new(reader)) }
    }

    /// What `reader` gives, such as a download; as [`reader`](Self::reader).
    pub fn async_reader(name: impl Into<String>, reader: impl AsyncRead + Send + Unpin + 'static) -> Self {
        Self { name: name.into(), kind: Kind::Async(Box::new(reader)) }
    }

    /// Shows it under another name.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// What it is called in progress and errors.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Makes asynchronous reading blocking, for the thread that will read.
    pub(super) fn into_blocking(self) -> Self {
        let kind = match self.kind {
            Kind::Async(reader) => Kind::Reader(Box::new(Bridge { runtime: Handle::current(), reader })),
            kind => kind,
        };
        Self { name: self.name, kind }
    }

    /// Reads everything. `counter` tells how many bytes of the source have been taken.
    pub(super) fn read(self, feeder: Feeder, counter: &Arc<AtomicU64>) -> Read<()> {
        match self.kind {
            Kind::Path(path) if path.is_dir() => {
                feeder.opened(Some(archive::directory_size(&path)))?;
                archive::read_directory(&path, feeder, counter)
            }
            Kind::Path(path) => {
                let (file, total) = open(&path)?;
                read_stream(Box::new(Counted::new(file, counter)), total, feeder, counter)
            }
            Kind::Reader(reader) => read_stream(Box::new(Counted::new(reader, counter)), None, feeder, counter),
            Kind::Async(_) => Err(Fault::new("cannot be read here")),
        }
    }
}

fn open(path: &Path) -> Read<(File, Option<u64>)> {
    let file = File::open(path).map_err(|error| Fault::new(format!("cannot be opened: {error}")))?;
    let metadata = file.metadata().map_err(|error| Fault::new(format!("cannot be opened: {error}")))?;
    Ok((file, metadata.is_file().then_some(metadata.len())))
}

type Input = Box<dyn io::Read + Send>;

fn read_stream(input: Input, total: Option<u64>, feeder: Feeder, counter: &AtomicU64) -> Read<()> {
    let place = || counter.load(Ordering::Relaxed);
    let (mut head, mut input) = peek(input).map_err(|error| read_fault(&error, place()))?;
    if head.starts_with(&[0x1f, 0x8b]) {
        let unpacked = MultiGzDecoder::new(BufReader::with_capacity(BUFFER, input));
        (head, input) = peek(Box::new(unpacked)).map_err(|error| read_fault(&error, place()))?;
    }
    let kind = detect(&head)?;
    feeder.opened(total)?;
    match kind {
        Format::Custom => archive::read_custom(BufReader::with_capacity(BUFFER, input), feeder),
        Format::Tar => archive::read_tar(BufReader::with_capacity(BUFFER, input), feeder),
        Format::Plain => plain::read(&mut *input, feeder, counter),
    }
}

/// The first bytes, and the input with them.
fn peek(mut input: Input) -> io::Result<(Vec<u8>, Input)> {
    let mut head = Vec::with_capacity(HEAD);
    io::Read::read_to_end(&mut io::Read::take(&mut input, HEAD as u64), &mut head)?;
    Ok((head.clone(), Box::new(io::Read::chain(Cursor::new(head), input))))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Plain,
    Custom,
    Tar,
}

/// Other kinds of files that people have by mistake.
const FOREIGN: [(&[u8], &str, &str); 11] = [
    (&[0x1f, 0x8b], "is compressed by gzip twice", "unpack it once"),
    (&[0x28, 0xb5, 0x2f, 0xfd], "is compressed by zstd", "unpack it on the way: `zstd -dc DUMP | ..`"),
    (&[0x04, 0x22, 0x4d, 0x18], "is compressed by lz4", "unpack it on the way: `lz4 -dc DUMP | ..`"),
    (b"BZh", "is compressed by bzip2", "unpack it on the way: `bzip2 -dc DUMP | ..`"),
    (&[0xfd, b'7', b'z', b'X', b'Z'], "is compressed by xz", "unpack it on the way: `xz -dc DUMP | ..`"),
    (b"PK\x03\x04", "is a zip archive", "unpack it first"),
    (&[0xff, 0xfe], "is UTF-16", "the `>` of PowerShell does that: use `pg_dump --file`"),
    (&[0xfe, 0xff], "is UTF-16", "the `>` of PowerShell does that: use `pg_dump --file`"),
    (b"<", "is a web page or XML", "look into it: a download may have failed"),
    (b"{", "is JSON", "look into it: a download may have failed"),
    (b"SQLite format 3", "is a SQLite database", "only dumps of pg_dump can be loaded"),
];

fn detect(head: &[u8]) -> Read<Format> {
    let trimmed = head.trim_ascii_start();
    if trimmed.is_empty() {
        return Err(Fault::new("is empty").with_hint("pg_dump may have failed: make the dump again"));
    }
    if head.starts_with(b"PGDMP") {
        return Ok(Format::Custom);
    }
    if head.get(257..262) == Some(b"ustar") {
        return Ok(Format::Tar);
    }
    if let Some((_, what, hint)) = FOREIGN.iter().find(|(magic, ..)| trimmed.starts_with(magic)) {
        return Err(Fault::new(format!("{what}, and no dump")).with_hint(*hint));
    }
    if head.contains(&0) {
        return Err(Fault::new("is a binary file, and no dump").with_hint("only dumps of pg_dump can be loaded"));
    }
    Ok(Format::Plain)
}

/// What a failure to read means. `offset` is how far the source has been read.
pub(super) fn read_fault(error: &io::Error, offset: u64) -> Fault {
    if let Some(fault) = error.get_ref().and_then(|inner| inner.downcast_ref::<Fault>()) {
        return fault.clone();
    }
    match error.kind() {
        io::ErrorKind::UnexpectedEof => Fault::at_byte(offset, "ends in the middle").truncated(),
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => {
            Fault::at_byte(offset, format!("the compressed data are corrupt ({error})"))
                .with_hint("make or fetch the dump again")
        }
        _ => Fault::at_byte(offset, format!("cannot be read: {error}")),
    }
}

/// Counts what is read.
pub(super) struct Counted<R> {
    inner: R,
    counter: Arc<AtomicU64>,
}

impl<R> Counted<R> {
    pub(super) fn new(inner: R, counter: &Arc<AtomicU64>) -> Self {
        Self { inner, counter: counter.clone() }
    }
}

impl<R: io::Read> io::Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.counter.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// Reads asynchronously from a thread that may block.
struct Bridge {
    runtime: Handle,
    reader: Box<dyn AsyncRead + Send + Unpin>,
}

impl io::Read for Bridge {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.runtime.block_on(self.reader.read(buffer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_tell_what_it_is() {
        assert_eq!(detect(b"PGDMP\x01"), Ok(Format::Custom));
        assert_eq!(detect(b"--\n-- PostgreSQL database dump\n"), Ok(Format::Plain));
        let mut tar = vec![b'x'; 512];
        tar[257..262].copy_from_slice(b"ustar");
        assert_eq!(detect(&tar), Ok(Format::Tar));
    }

    #[test]
    fn what_is_no_dump_is_called_what_it_is() {
        let reason = |head: &[u8]| detect(head).unwrap_err().reason;
        assert_eq!(reason(b""), "is empty");
        assert_eq!(reason(b"\n \n"), "is empty");
        assert_eq!(reason(b"\x89PNG\r\n\x1a\n\0\0"), "is a binary file, and no dump");
        assert_eq!(reason(b"<!DOCTYPE html>"), "is a web page or XML, and no dump");
        assert_eq!(reason(b"\x28\xb5\x2f\xfd"), "is compressed by zstd, and no dump");
    }
}
