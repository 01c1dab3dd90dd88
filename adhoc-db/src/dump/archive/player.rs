//! Turns the entries of an archive into what is to be executed, in the order of pg_restore.

use std::io;

use bytes::BytesMut;

use super::super::feeder::Feeder;
use super::super::item::{Fault, Place, Read};
use super::super::source::read_fault;
use super::super::splitter::{Piece, Splitter};
use super::toc::{Entry, Toc};
use crate::identifier::identifier;

/// How much of a large object travels at once.
const CHUNK: usize = 128 * 1024;

/// Plays an archive: what comes before the data, the data in the order of the file, what comes after them.
pub(super) struct Player {
    feeder: Feeder,
    toc: Toc,
    seen: Vec<bool>,
    sets_search_path: bool,
    schema: String,
    access_method: String,
}

impl Player {
    pub(super) fn new(feeder: Feeder, toc: Toc) -> Self {
        let seen = vec![false; toc.entries.len()];
        // Dumps of before 2018 leave it to pg_restore.
        let sets_search_path = !toc.entries.iter().any(|entry| entry.kind == "SEARCHPATH");
        let (schema, access_method) = (String::new(), String::new());
        Self { feeder, toc, seen, sets_search_path, schema, access_method }
    }

    pub(super) fn toc(&self) -> &Toc {
        &self.toc
    }

    /// Executes what comes before the data.
    pub(super) fn before_data(&mut self) -> Read<()> {
        let entries = std::mem::take(&mut self.toc.entries);
        let (before, after) = entries.split_at(first_data(&entries));
        let large_objects = after.iter().filter(|entry| makes_large_objects(entry));
        let result = before.iter().chain(large_objects).try_for_each(|entry| self.define(entry));
        self.toc.entries = entries;
        result
    }

    /// Executes what comes after the data, checks that none are missing, and says that the dump is complete.
    pub(super) fn after_data(mut self) -> Read<()> {
        let entries = std::mem::take(&mut self.toc.entries);
        if let Some(at) = (0..entries.len()).find(|at| entries[*at].has_data && !self.seen[*at]) {
            return Err(Fault::at(&entries[at].place(), "has no data").truncated());
        }
        let rest = entries[first_data(&entries)..].iter().filter(|entry| !makes_large_objects(entry));
        let (last, first): (Vec<_>, Vec<_>) = rest.partition(|entry| comes_last(entry));
        first.into_iter().chain(last).try_for_each(|entry| self.define(entry))?;
        self.feeder.complete()
    }

    /// The place in the table of contents of the entry that `is_it`, of which data have come.
    pub(super) fn find(&mut self, is_it: impl Fn(&Entry) -> bool) -> Option<usize> {
        let at = self.toc.entries.iter().position(|entry| entry.has_data && is_it(entry))?;
        (!std::mem::replace(&mut self.seen[at], true)).then_some(at)
    }

    fn define(&mut self, entry: &Entry) -> Read<()> {
        if let Some(kind) = left_out(entry) {
            self.feeder.skip(kind);
            return Ok(());
        }
        if entry.has_data || entry.definition.is_empty() {
            return Ok(());
        }
        self.surround(entry)?;
        if makes_large_objects(entry) {
            return self.create_large_objects(entry);
        }
        // What ends with its semicolon is not harmed by another one.
        self.statements(&mut entry.definition.as_bytes().chain_semicolon(), &entry.place())
    }

    /// Sets what pg_restore sets before an entry.
    fn surround(&mut self, entry: &Entry) -> Read<()> {
        if self.sets_search_path && !entry.schema.is_empty() && entry.schema != self.schema {
            self.schema.clone_from(&entry.schema);
            let sql = format!("SET search_path = {}, pg_catalog;", identifier(&entry.schema));
            self.feeder.statement(&sql, entry.place())?;
        }
        if !entry.access_method.is_empty() && entry.access_method != self.access_method {
            self.access_method.clone_from(&entry.access_method);
            let sql = format!("SET default_table_access_method = {};", identifier(&entry.access_method));
            self.feeder.statement(&sql, entry.place())?;
        }
        Ok(())
    }

    /// Since PostgreSQL 17 one entry names many large objects, one a line.
    fn create_large_objects(&mut self, entry: &Entry) -> Read<()> {
        for line in entry.definition.lines().filter(|line| !line.is_empty()) {
            let oid: u32 = line.trim().parse().map_err(|_| Fault::at(&entry.place(), "names no large object"))?;
            self.feeder.statement(&format!("SELECT pg_catalog.lo_create('{oid}');"), entry.place())?;
        }
        Ok(())
    }

    /// Loads the data of the entry at a place that [`find`](Self::find) has given.
    pub(super) fn data(&mut self, at: usize, input: &mut dyn io::Read) -> Read<()> {
        let entries = std::mem::take(&mut self.toc.entries);
        let entry = &entries[at];
        let result = self.surround(entry).and_then(|()| match entry.copy.is_empty() {
            true => self.statements(input, &entry.place()),
            false => self.rows(entry, input),
        });
        self.toc.entries = entries;
        result
    }

    fn rows(&mut self, entry: &Entry, input: &mut dyn io::Read) -> Read<()> {
        let mut splitter = Splitter::in_data();
        self.feeder.copy(entry.copy.clone(), entry.place())?;
        loop {
            match splitter.next().map_err(|fault| in_entry(fault, &entry.place()))? {
                Some(Piece::Data(data)) => self.feeder.data(data)?,
                Some(Piece::DataEnd) => self.feeder.data_end()?,
                Some(_) => return Err(Fault::at(&entry.place(), "more than rows of a table")),
                None if splitter.has_ended() => break,
                None => fill(&mut splitter, input, &entry.place())?,
            }
        }
        match splitter.unfinished() {
            Some(inside) => Err(Fault::at(&entry.place(), format!("ends inside {inside}")).truncated()),
            None => Ok(()),
        }
    }

    fn statements(&mut self, input: &mut dyn io::Read, place: &Place) -> Read<()> {
        let mut splitter = Splitter::new();
        loop {
            match splitter.next().map_err(|fault| in_entry(fault, place))? {
                Some(Piece::Statement { sql, .. }) => self.feeder.statement(&sql, place.clone())?,
                Some(Piece::Comment(_)) => {}
                Some(_) => return Err(Fault::at(place, "more than statements")),
                None if splitter.has_ended() => break,
                None => fill(&mut splitter, input, place)?,
            }
        }
        match splitter.unfinished() {
            Some(inside) => Err(Fault::at(place, format!("ends inside {inside}")).truncated()),
            None => Ok(()),
        }
    }

    /// Loads a large object that exists by now.
    pub(super) fn large_object(&mut self, oid: u32, input: &mut dyn io::Read) -> Read<()> {
        let place = Place::Entry(format!("BLOB {oid}").into());
        self.feeder.large_object(oid, place.clone())?;
        loop {
            let mut chunk = BytesMut::zeroed(CHUNK);
            let count = read_whole(input, &mut chunk).map_err(|error| in_entry(read_fault(&error, 0), &place))?;
            chunk.truncate(count);
            if count == 0 {
                return self.feeder.data_end();
            }
            self.feeder.data(chunk.freeze())?;
        }
    }
}

/// Where the data begin: all that is defined before them is needed by them.
fn first_data(entries: &[Entry]) -> usize {
    entries.iter().position(|entry| entry.is_data).unwrap_or(entries.len())
}

/// Since PostgreSQL 17 this counts as data, but the contents need it.
fn makes_large_objects(entry: &Entry) -> bool {
    entry.kind == "BLOB METADATA"
}

/// What pg_restore leaves for the end, because it looks at everything else.
fn comes_last(entry: &Entry) -> bool {
    matches!(entry.kind.as_str(), "MATERIALIZED VIEW DATA" | "EVENT TRIGGER")
        || matches!(entry.kind.as_str(), "COMMENT" | "SECURITY LABEL") && entry.tag.starts_with("EVENT TRIGGER ")
}

/// What is left out by its kind; the rest is judged by its statements.
fn left_out(entry: &Entry) -> Option<&'static str> {
    match entry.kind.as_str() {
        "ACL" | "ACL LANGUAGE" | "DEFAULT ACL" => Some("privileges"),
        "DATABASE" | "DATABASE PROPERTIES" => Some("settings of the database"),
        "STATISTICS DATA" => Some("statistics"),
        _ => None,
    }
}

fn fill(splitter: &mut Splitter, input: &mut dyn io::Read, place: &Place) -> Read<()> {
    splitter.fill(input).map_err(|error| in_entry(read_fault(&error, 0), place))
}

/// A fault that does not know where it is in an archive happened in this entry.
fn in_entry(fault: Fault, place: &Place) -> Fault {
    let knows = fault.place.starts_with(" at byte ") && fault.place != " at byte 0";
    if knows { fault } else { Fault { place: place.within(""), ..fault } }
}

/// Fills as much of `buffer` as there is.
fn read_whole(input: &mut dyn io::Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match input.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

trait ChainSemicolon: io::Read + Sized {
    fn chain_semicolon(self) -> io::Chain<Self, &'static [u8]> {
        self.chain(b"\n;".as_slice())
    }
}

impl ChainSemicolon for &[u8] {}
