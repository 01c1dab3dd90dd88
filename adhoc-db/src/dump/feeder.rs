//! The way of what was read to those who execute it.

use std::collections::{BTreeMap, HashSet};

use bytes::Bytes;
use tokio::sync::mpsc::Sender;

use super::filter::Filter;
use super::item::{Batch, Fault, Item, Member, Place, Read};
use super::words::{begins_with, qualified_name, tokens};

/// How much SQL travels at once: few round trips over a slow link, and little to hold.
const BATCH: usize = 64 * 1024;

/// How many statements travel at once at most: the server parses all of them before it executes the first.
const MEMBERS: usize = 2000;

/// Judges what has been read, gathers statements, and hands on. Waits while the other side is busy, so that nothing piles
/// up.
#[derive(Debug)]
pub(crate) struct Feeder {
    sender: Sender<Read<Item>>,
    filter: Filter,
    batch: Batch,
    skipped: BTreeMap<&'static str, u64>,
    items: u64,
}

impl Feeder {
    /// A feeder for a server that knows `settings`.
    pub(crate) fn new(sender: Sender<Read<Item>>, settings: HashSet<String>) -> Self {
        let (filter, batch, skipped) = (Filter::new(settings), Batch::default(), BTreeMap::new());
        Self { sender, filter, batch, skipped, items: 0 }
    }

    /// Says that the source is open.
    pub(crate) fn opened(&self, total: Option<u64>) -> Read<()> {
        self.send(Item::Opened { total })
    }

    /// A statement with its semicolon.
    pub(crate) fn statement(&mut self, sql: &str, place: Place) -> Read<()> {
        self.items += 1;
        if let Some(kind) = self.filter.judge(sql, &place)? {
            self.skip(kind);
            return Ok(());
        }
        let alone = is_slow(sql);
        if alone || self.batch.sql.len() + sql.len() > BATCH || self.batch.members.len() >= MEMBERS {
            self.flush()?;
        }
        let inserts = begins_with(sql, &["INSERT"]);
        self.batch.members.push(Member { offset: self.batch.sql.len(), place, inserts });
        self.batch.sql.push_str(sql);
        self.batch.sql.push('\n');
        if alone { self.flush() } else { Ok(()) }
    }

    /// A `COPY .. FROM STDIN`; data follow.
    pub(crate) fn copy(&mut self, sql: String, place: Place) -> Read<()> {
        self.items += 1;
        self.flush()?;
        let mut words = tokens(&sql);
        words.next();
        let table = qualified_name(words);
        self.send(Item::Copy { sql, table, place })
    }

    /// A large object; data follow.
    pub(crate) fn large_object(&mut self, oid: u32, place: Place) -> Read<()> {
        self.flush()?;
        self.send(Item::LargeObject { oid, place })
    }

    /// Data of what was announced last.
    pub(crate) fn data(&mut self, data: Bytes) -> Read<()> {
        self.send(Item::Data(data))
    }

    /// There are no more data.
    pub(crate) fn data_end(&mut self) -> Read<()> {
        self.send(Item::DataEnd)
    }

    /// Counts something that was left out.
    pub(crate) fn skip(&mut self, kind: &'static str) {
        *self.skipped.entry(kind).or_default() += 1;
    }

    /// The dump is complete.
    pub(crate) fn complete(mut self) -> Read<()> {
        self.filter.finish()?;
        if self.items == 0 {
            return Err(Fault::new("contains no statement"));
        }
        self.flush()?;
        let skipped = std::mem::take(&mut self.skipped).into_iter().collect();
        self.send(Item::Complete { skipped })
    }

    fn flush(&mut self) -> Read<()> {
        if self.batch.members.is_empty() {
            return Ok(());
        }
        let batch = std::mem::take(&mut self.batch);
        self.send(Item::Batch(batch))
    }

    fn send(&self, item: Item) -> Read<()> {
        // Nobody listens any more only when the restore has ended already.
        self.sender.blocking_send(Ok(item)).map_err(|_| Fault::new("nobody wants the rest"))
    }
}

/// Whether a statement may take long: alone in its batch, it can be named while it runs.
fn is_slow(sql: &str) -> bool {
    let slow: [&[&str]; 3] = [&["CREATE", "INDEX"], &["CREATE", "UNIQUE", "INDEX"], &["REFRESH"]];
    slow.iter().any(|keywords| begins_with(sql, keywords)) || adds_constraint(sql)
}

pub(crate) fn adds_constraint(sql: &str) -> bool {
    begins_with(sql, &["ALTER", "TABLE"]) && tokens(sql).take(12).any(|token| token.is("CONSTRAINT"))
}
