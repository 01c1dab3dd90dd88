//! Executes what a dump consists of.
//!
//! The next statements are sent before the former have answered, a few batches at most, so that a slow link costs few
//! pauses. What fails makes the rest fail as well: the server executes nothing more in a failed transaction.

use std::collections::HashSet;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use adhoc_core::{Context, Error, Result};
use bytes::Bytes;
use futures_util::stream::FuturesOrdered;
use futures_util::{SinkExt, StreamExt};
use tokio_postgres::error::ErrorPosition;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{CopyInSink, SimpleQueryMessage};

use super::failure::{lost, refused, unreadable};
use super::progress::{INTERVAL, Progress};
use super::{Restored, Skipped};
use crate::dump::{Batch, Dump, Item, Place, adds_constraint, begins_with, qualified_name, tokens};
use crate::postgres::Session;

/// How many batches may be without an answer.
const UNANSWERED: usize = 8;

type Answer<'a> = Pin<Box<dyn Future<Output = Result<Done>> + Send + 'a>>;

/// What a request came to.
#[derive(Clone, Copy, Default)]
struct Done {
    statements: u64,
    rows: u64,
}

/// Loads one dump.
pub(super) struct Loader<'a> {
    cx: &'a Context,
    session: &'a Session,
    name: &'a str,
    unanswered: FuturesOrdered<Answer<'a>>,
    progress: Progress<'a>,
    counter: Arc<AtomicU64>,
    tables: HashSet<String>,
    restored: Restored,
}

impl<'a> Loader<'a> {
    pub(super) fn new(cx: &'a Context, session: &'a Session, name: &'a str, dump: &Dump) -> Self {
        Self {
            cx,
            session,
            name,
            unanswered: FuturesOrdered::new(),
            progress: Progress::new(cx, name),
            counter: dump.counter(),
            tables: HashSet::new(),
            restored: Restored::default(),
        }
    }

    /// Waits until the source is open.
    pub(super) async fn open(&mut self, dump: &mut Dump) -> Result<()> {
        match self.next(dump).await? {
            Item::Opened { total } => self.progress.set_total(total),
            _ => return Err(self.confused()),
        }
        Ok(())
    }

    /// Executes everything, and waits for every answer.
    pub(super) async fn run(mut self, dump: &mut Dump) -> Result<Restored> {
        loop {
            match self.next(dump).await? {
                Item::Batch(batch) => self.batch(batch).await?,
                Item::Copy { sql, table, place } => self.copy(dump, sql, table, &place).await?,
                Item::LargeObject { oid, place } => self.large_object(dump, oid, &place).await?,
                Item::Complete { skipped } => return self.finish(skipped).await,
                Item::Opened { .. } | Item::Data(_) | Item::DataEnd => return Err(self.confused()),
            }
        }
    }

    async fn finish(mut self, skipped: Vec<(&'static str, u64)>) -> Result<Restored> {
        self.leave_unanswered(0).await?;
        self.progress.now("committing");
        let bytes = self.counter.load(Ordering::Relaxed);
        self.progress.tell_now(bytes);
        let skipped = skipped.into_iter().map(|(kind, count)| Skipped { kind: kind.to_owned(), count });
        let tables = self.tables.len() as u64;
        Ok(Restored { tables, bytes, skipped: skipped.collect(), ..self.restored })
    }

    async fn batch(&mut self, batch: Batch) -> Result<()> {
        self.note(&batch);
        self.send(run_batch(self.session, self.name, batch)).await
    }

    /// Says what a batch is about.
    fn note(&mut self, batch: &Batch) {
        for at in (0..batch.members.len()).filter(|at| batch.members[*at].inserts) {
            let table = qualified_name(skip_words(batch.text(at), 2));
            self.progress.now(&table);
            self.tables.insert(table);
        }
        let Some(last) = batch.members.len().checked_sub(1).filter(|last| !batch.members[*last].inserts) else {
            return;
        };
        let sql = batch.text(last);
        self.progress.now(match sql {
            _ if begins_with(sql, &["REFRESH"]) => "refreshing materialized views",
            _ if adds_constraint(sql) => "adding constraints",
            _ if ["INDEX", "UNIQUE"].iter().any(|word| begins_with(sql, &["CREATE", word])) => "creating indexes",
            _ => "creating objects",
        });
    }

    async fn copy(&mut self, dump: &mut Dump, sql: String, table: String, place: &Place) -> Result<()> {
        let place = place.within(self.name);
        let session = self.session;
        let opening = async { session.client().copy_in(&sql).await.map_err(|error| refused(&place, &sql, &error)) };
        let sink: CopyInSink<Bytes> = self.wait(opening).await?;
        // All that was asked before has been answered by now.
        self.leave_unanswered(0).await?;
        self.progress.now(&table);
        self.tables.insert(table);
        let mut sink = Box::pin(sink);
        loop {
            match self.next(dump).await? {
                Item::Data(data) => {
                    let sending = async { sink.feed(data).await.map_err(|error| refused(&place, &sql, &error)) };
                    self.wait(sending).await?;
                    self.tell();
                }
                Item::DataEnd => break,
                _ => return Err(self.confused()),
            }
        }
        let finish = async move {
            let rows = sink.as_mut().finish().await.map_err(|error| refused(&place, &sql, &error))?;
            Ok(Done { statements: 1, rows })
        };
        self.send(finish).await
    }

    async fn large_object(&mut self, dump: &mut Dump, oid: u32, place: &Place) -> Result<()> {
        let place = place.within(self.name);
        self.progress.now("large objects");
        let mut offset = 0;
        loop {
            let data = match self.next(dump).await? {
                Item::Data(data) => data,
                Item::DataEnd => return Ok(()),
                _ => return Err(self.confused()),
            };
            let length = data.len() as i64;
            self.send(put(self.session, place.clone(), oid, offset, data)).await?;
            offset += length;
        }
    }

    /// The next item of the dump.
    async fn next(&mut self, dump: &mut Dump) -> Result<Item> {
        let name = self.name;
        self.wait(async { dump.next().await.map_err(|fault| unreadable(name, &fault)) }).await
    }

    /// Sends a request without waiting for its answer, unless there are many already.
    async fn send(&mut self, request: impl Future<Output = Result<Done>> + Send + 'a) -> Result<()> {
        self.unanswered.push_back(Box::pin(request));
        self.tell();
        self.leave_unanswered(UNANSWERED).await
    }

    /// Waits until at most so many requests are without an answer.
    async fn leave_unanswered(&mut self, most: usize) -> Result<()> {
        while self.unanswered.len() > most {
            tokio::select! {
                biased;
                Some(done) = self.unanswered.next() => self.add(done?),
                () = self.cx.clock().sleep(INTERVAL) => self.tick()?,
            }
        }
        Ok(())
    }

    /// Waits for `work`, and meanwhile for what has not been answered: its failure comes first, as it happened first.
    async fn wait<T>(&mut self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                biased;
                Some(done) = self.unanswered.next(), if !self.unanswered.is_empty() => self.add(done?),
                result = &mut work => return result,
                () = self.cx.clock().sleep(INTERVAL) => self.tick()?,
            }
        }
    }

    /// What is due from time to time. A source that gives nothing must not hide that nobody is there to take it.
    fn tick(&mut self) -> Result<()> {
        self.tell();
        if self.session.client().is_closed() {
            return Err(lost(self.name));
        }
        Ok(())
    }

    fn add(&mut self, done: Done) {
        self.restored.statements += done.statements;
        self.restored.rows += done.rows;
    }

    fn tell(&mut self) {
        self.progress.tell(self.counter.load(Ordering::Relaxed));
    }

    fn confused(&self) -> Error {
        Error::internal("restore", self.name, "the parts of the dump came in an impossible order")
    }
}

fn skip_words(sql: &str, count: usize) -> crate::dump::Tokens<'_> {
    let mut tokens = tokens(sql);
    for _ in 0..count {
        tokens.next();
    }
    tokens
}

async fn run_batch(session: &Session, name: &str, batch: Batch) -> Result<Done> {
    let mut done = Done::default();
    let failed = |done: &Done, error: &tokio_postgres::Error| {
        let at = failing(&batch, done.statements, error);
        let place = batch.members.get(at).map_or_else(|| name.to_owned(), |member| member.place.within(name));
        refused(&place, batch.text(at), error)
    };
    let answers = session.client().simple_query_raw(&batch.sql).await;
    let mut answers = pin!(answers.map_err(|error| failed(&done, &error))?);
    while let Some(answer) = answers.next().await {
        if let SimpleQueryMessage::CommandComplete(rows) = answer.map_err(|error| failed(&done, &error))? {
            let member = usize::try_from(done.statements).ok().and_then(|at| batch.members.get(at));
            done.rows += if member.is_some_and(|member| member.inserts) { rows } else { 0 };
            done.statements += 1;
        }
    }
    Ok(done)
}

/// Which statement of the batch has failed: the one that the server points at, or else the first without an answer.
fn failing(batch: &Batch, completed: u64, error: &tokio_postgres::Error) -> usize {
    match error.as_db_error().and_then(|refusal| refusal.position()) {
        Some(ErrorPosition::Original(position)) => batch.member_at(*position),
        _ => usize::try_from(completed).unwrap_or_default().min(batch.members.len().saturating_sub(1)),
    }
}

/// Writes a part of a large object.
async fn put(session: &Session, place: String, oid: u32, offset: i64, data: Bytes) -> Result<Done> {
    const PUT: &str = "SELECT pg_catalog.lo_put($1, $2, $3)";
    let data: &[u8] = &data;
    let parameters: [(&(dyn ToSql + Sync), Type); 3] = [(&oid, Type::OID), (&offset, Type::INT8), (&data, Type::BYTEA)];
    session.client().execute_typed(PUT, &parameters).await.map_err(|error| refused(&place, "", &error))?;
    Ok(Done::default())
}
