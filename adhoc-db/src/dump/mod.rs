//! Reading dumps of pg_dump.
//!
//! A thread of its own reads, unpacks and splits; what it finds goes through a short queue to those who execute it, so that
//! both work at once and a dump of any size takes little memory.

mod archive;
mod feeder;
mod filter;
mod item;
mod plain;
mod source;
mod splitter;
mod words;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use tokio::sync::mpsc;

pub use self::source::DumpSource;

pub(crate) use self::feeder::adds_constraint;
pub(crate) use self::item::{Batch, Fault, Item, Place};
pub(crate) use self::words::{Tokens, begins_with, head, qualified_name, tokens};

use self::feeder::Feeder;

/// How many items wait for their execution at most; one has up to 128 KiB.
const QUEUE: usize = 16;

/// A dump that is being read.
pub(crate) struct Dump {
    items: mpsc::Receiver<Result<Item, Fault>>,
    counter: Arc<AtomicU64>,
}

impl Dump {
    /// Begins to read, for a server that knows `settings`. Dropping the dump ends that.
    pub(crate) fn read(source: DumpSource, settings: HashSet<String>) -> Self {
        let (sender, items) = mpsc::channel(QUEUE);
        let counter = Arc::new(AtomicU64::new(0));
        let (source, count) = (source.into_blocking(), counter.clone());
        let faults = sender.clone();
        let read = move || {
            if let Err(fault) = source.read(Feeder::new(sender, settings), &count) {
                // Whoever has dropped the dump does not care.
                let _ = faults.blocking_send(Err(fault));
            }
        };
        // Not `spawn_blocking`: a runtime waits for that when it ends, and a read of standard input may never end.
        if let Err(error) = std::thread::Builder::new().name("dump".to_owned()).spawn(read) {
            tracing::debug!(%error, "no thread to read with");
        }
        Self { items, counter }
    }

    /// The next item; none if the reader has ended without a word, which is a fault as well.
    pub(crate) async fn next(&mut self) -> Result<Item, Fault> {
        self.items.recv().await.unwrap_or_else(|| Err(Fault::new("the reader has ended early")))
    }

    /// What counts the bytes of the source that have been taken.
    pub(crate) fn counter(&self) -> Arc<AtomicU64> {
        self.counter.clone()
    }
}
