//! Loading a dump into a database, in one transaction.

mod failure;
mod loader;
mod progress;
mod transaction;

use std::collections::HashSet;
use std::sync::OnceLock;
use std::time::Duration;

use adhoc_core::{Context, Error, Result, within};
use serde::Serialize;
use tokio_postgres::SimpleQueryMessage;

use crate::dump::{Dump, DumpSource};
use crate::postgres::{Session, database_error};

use self::failure::{clean_refused, unchanged};
use self::loader::Loader;
use self::transaction::Transaction;

/// How long a rollback may take, with the cancelling of what is under way.
const ROLLBACK_LIMIT: Duration = Duration::from_millis(4500);

/// How long a rollback waits for what is under way before that is cancelled, again and again.
const PATIENCE: Duration = Duration::from_secs(1);

/// The settings of the transaction. `maintenance_work_mem` and the number of parallel workers stay those of the server: more of
/// either has made no difference, and the server is shared.
const BEGIN: &str = "BEGIN;
    SET LOCAL statement_timeout = 0;
    SET LOCAL lock_timeout = 0;
    SET LOCAL idle_in_transaction_session_timeout = 0;
    SET LOCAL client_min_messages = warning;
    SET LOCAL standard_conforming_strings = on;
    SET LOCAL row_security = off;
    SET LOCAL check_function_bodies = false";

/// Empties the database of what its owner owns. The owner's own privileges on the database stay, as they come with owning it.
const CLEAN: &str = "SET LOCAL lock_timeout = '10s';
    DROP OWNED BY CURRENT_USER CASCADE;
    CREATE SCHEMA IF NOT EXISTS public;
    SET LOCAL lock_timeout = 0";

const OWNS: &str = "SELECT pg_catalog.pg_has_role(CURRENT_USER, datdba, 'USAGE') FROM pg_catalog.pg_database
    WHERE datname = pg_catalog.current_database()";

/// How to [`restore`].
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct RestoreOptions {
    /// Whether everything that the session's role owns in the database is dropped first, in the same transaction. Default
    /// no: then the dump has to fit beside what is there.
    pub clean: bool,
}

impl RestoreOptions {
    /// Loads beside what is there.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets whether the database is emptied first.
    #[must_use]
    pub fn with_clean(mut self, clean: bool) -> Self {
        self.clean = clean;
        self
    }
}

/// What [`restore`] has loaded.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Restored {
    /// How many statements were executed.
    pub statements: u64,
    /// How many tables were loaded with rows, or with none where the dump says so.
    pub tables: u64,
    /// How many rows they got.
    pub rows: u64,
    /// How many bytes the source had, as it was read: compressed, if it is.
    pub bytes: u64,
    /// What was left out of the dump.
    pub skipped: Vec<Skipped>,
}

/// A kind of statement that was left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Skipped {
    /// Its kind in the plural, such as `owners` or `privileges`.
    pub kind: String,
    /// How often.
    pub count: u64,
}

/// Loads a dump of pg_dump into the database of `session`, in one transaction, without psql or pg_restore.
///
/// What is loaded belongs to the role of the session. Owners, privileges, tablespaces, publications, subscriptions, comments on
/// extensions, and settings that the server does not know are left out, as `pg_restore --no-owner --no-acl` would. Commands to
/// psql are refused, and so is what would end the transaction. Memory stays flat whatever the size of the dump: pieces of
/// 128 KiB, and single statements of up to 64 MiB. Emits [`Event::TransferProgress`](adhoc_core::Event::TransferProgress) up
/// to five times a second, with the bytes of the source.
///
/// With [`RestoreOptions::clean`], what the role owns in this database is dropped first, and with it what depends on that;
/// so are the privileges that others have granted to the role.
///
/// After a success the session's settings are those of its beginning. After an error, drop the session: it may still be busy
/// with the statement under way.
///
/// # Errors
///
/// [`Error::Database`] if the dump cannot be read, is corrupt or truncated, contains what is refused, or a statement fails:
/// with its line or entry. Nothing has changed then, except that the answer to the commit itself can be lost, which the error
/// says. [`Error::Cancelled`] when the context is cancelled, which ends the statement under way and rolls back, within five
/// seconds; a future that is dropped leaves that to the end of the session.
///
/// Formats: <https://www.postgresql.org/docs/current/app-pgdump.html>.
pub async fn restore(
    cx: &Context,
    session: &Session,
    source: DumpSource,
    options: &RestoreOptions,
) -> Result<Restored> {
    let name = source.name().to_owned();
    cx.ensure_not_cancelled()?;
    let transaction = OnceLock::new();
    let loaded = tokio::select! {
        biased;
        () = cx.cancellation().cancelled() => Err(Error::cancelled("restore", name.as_str(), "interrupted")),
        loaded = load(cx, session, &name, source, options, &transaction) => loaded,
    };
    let transaction = transaction.into_inner().unwrap_or_default();
    let loaded = match loaded {
        Ok(restored) => transaction.ensure_whole(session, &name).await.map(|()| restored),
        Err(error) => Err(error),
    };
    match loaded {
        Ok(restored) => commit(session, &name).await.map(|()| restored),
        Err(error) => {
            roll_back(cx, session, matches!(error, Error::Cancelled(_))).await;
            match transaction.has_committed(session).await {
                true => Err(error.with_left_behind("what the dump itself has committed")),
                false => Err(unchanged(error)),
            }
        }
    }
}

async fn load(
    cx: &Context,
    session: &Session,
    name: &str,
    source: DumpSource,
    options: &RestoreOptions,
    transaction: &OnceLock<Transaction>,
) -> Result<Restored> {
    let mut dump = Dump::read(source, known_settings(session, name).await?);
    let mut loader = Loader::new(cx, session, name, &dump);
    // First the dump: a file that is none does not trouble the server.
    loader.open(&mut dump).await?;
    session.run("restore", name, BEGIN).await?;
    let begun = Transaction::begun(session, name).await?;
    transaction.get_or_init(|| begun);
    if options.clean {
        clean(session, name).await?;
    }
    loader.run(&mut dump).await
}

async fn known_settings(session: &Session, name: &str) -> Result<HashSet<String>> {
    let answer = session.client().simple_query("SELECT pg_catalog.lower(name) FROM pg_catalog.pg_settings").await;
    let messages = answer.map_err(|error| database_error("restore", name, &error))?;
    let names = messages.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    });
    Ok(names.collect())
}

async fn clean(session: &Session, name: &str) -> Result<()> {
    let owns = session.rows("restore", name, OWNS, &[]).await?;
    if !owns.first().is_some_and(|row| row.get(0)) {
        return Err(Error::database("restore", name, "the database belongs to another role, so it cannot be emptied")
            .with_hint("log in as the owner of the database"));
    }
    let cleaned = session.client().batch_execute(CLEAN).await;
    cleaned.map_err(|error| clean_refused(name, &error))
}

/// Ends the transaction well. This is not cancelled: its outcome has to be known.
async fn commit(session: &Session, name: &str) -> Result<()> {
    if let Err(error) = session.client().batch_execute("COMMIT").await {
        let failed = database_error("restore", name, &error);
        if error.as_db_error().is_some() {
            return Err(unchanged(failed));
        }
        return Err(failed.with_left_behind("either all of the dump or nothing: the answer to COMMIT was lost"));
    }
    // What the dump has set is no business of what comes after it.
    let _ = session.client().batch_execute("RESET ALL").await;
    Ok(())
}

/// Ends the transaction, and what it is busy with. If that fails, the end of the session does it.
async fn roll_back(cx: &Context, session: &Session, at_once: bool) {
    if session.client().is_closed() {
        return;
    }
    let canceller = session.canceller();
    let rollback =
        async { while session.client().batch_execute("ROLLBACK").await.is_err() && !session.client().is_closed() {} };
    let hurry = async {
        if !at_once {
            cx.clock().sleep(PATIENCE).await;
        }
        loop {
            let _ = canceller.cancel().await;
            cx.clock().sleep(PATIENCE).await;
        }
    };
    let ended = async {
        tokio::select! {
            () = rollback => {}
            () = hurry => {}
        }
    };
    let _ = within(cx.clock(), ROLLBACK_LIMIT, ended).await;
}
