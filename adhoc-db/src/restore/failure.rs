//! What went wrong, for people.

use adhoc_core::Error;
use tokio_postgres::error::SqlState;

use crate::dump::{Fault, begins_with, head};
use crate::postgres::{database_error, error_without_values};

const RESTORE: &str = "restore";

/// A dump that cannot be read.
pub(super) fn unreadable(name: &str, fault: &Fault) -> Error {
    let error = Error::database(RESTORE, format!("{name}{}", fault.place), fault.reason.clone());
    match &fault.hint {
        Some(hint) => error.with_hint(hint.clone()),
        None => error,
    }
}

/// A statement of the dump that failed. `place` is where it stands; its values are not shown.
pub(super) fn refused(place: &str, sql: &str, error: &tokio_postgres::Error) -> Error {
    let head = head(sql);
    let resource = if head.is_empty() { place.to_owned() } else { format!("{place}: {head}") };
    let failed = error_without_values(RESTORE, &resource, error);
    let Some(refusal) = error.as_db_error() else { return failed };
    let reason = match refusal.where_().and_then(row) {
        Some(row) => format!("{}, in {row}", failed.detail().reason),
        None => failed.detail().reason.clone(),
    };
    let hint = hint_for(refusal.code(), sql).map(str::to_owned).or_else(|| failed.detail().hint.clone());
    let error = Error::database(RESTORE, resource, reason).with_source(failed);
    match hint {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}

/// The connection has ended while nothing was sent.
pub(super) fn lost(name: &str) -> Error {
    Error::database(RESTORE, name, "the connection was lost")
        .with_hint("the bastion or the server has gone away; run the same command again when it is back")
}

/// What is there could not be dropped.
pub(super) fn clean_refused(name: &str, error: &tokio_postgres::Error) -> Error {
    let failed = database_error(RESTORE, name, error);
    if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) {
        return failed.with_hint("somebody uses the database: stop the environment's services, then try again");
    }
    failed
}

/// Says that the transaction has not happened.
pub(super) fn unchanged(error: Error) -> Error {
    let detail = error.detail();
    let (resource, reason) = (detail.resource.clone(), format!("{}; nothing was changed", detail.reason));
    let told = match error {
        Error::Cancelled(_) => Error::cancelled(RESTORE, resource, reason),
        _ => Error::database(RESTORE, resource, reason),
    };
    let told = match &detail.hint {
        Some(hint) => told.with_hint(hint.clone()),
        None => told,
    };
    told.with_source(error)
}

/// `COPY orders, line 3, column total`, without the value that follows.
fn row(context: &str) -> Option<&str> {
    let line = context.lines().find(|line| line.starts_with("COPY "))?;
    Some(line.split(": ").next().unwrap_or(line))
}

fn hint_for(code: &SqlState, sql: &str) -> Option<&'static str> {
    let exists = [
        SqlState::DUPLICATE_TABLE,
        SqlState::DUPLICATE_OBJECT,
        SqlState::DUPLICATE_SCHEMA,
        SqlState::DUPLICATE_FUNCTION,
    ];
    let missing = [SqlState::UNDEFINED_TABLE, SqlState::UNDEFINED_OBJECT, SqlState::INVALID_SCHEMA_NAME];
    let is_extension = begins_with(sql, &["CREATE", "EXTENSION"]);
    Some(match code {
        code if *code == SqlState::INSUFFICIENT_PRIVILEGE && is_extension => {
            "only the administrator may install it: list it under `extensions` of [database]"
        }
        code if *code == SqlState::INSUFFICIENT_PRIVILEGE => {
            "the environment's role may not do this: make the dump without it, or prepare it as the administrator"
        }
        code if is_extension && [SqlState::UNDEFINED_FILE, SqlState::FEATURE_NOT_SUPPORTED].contains(code) => {
            "the server does not have this extension"
        }
        code if exists.contains(code) => "the database is not empty: `--clean` replaces what is in it",
        code if missing.contains(code) && begins_with(sql, &["DROP"]) => "make the dump without --clean",
        code if *code == SqlState::OUT_OF_MEMORY => {
            "one transaction locks every object: raise max_locks_per_transaction of the server"
        }
        code if *code == SqlState::SYNTAX_ERROR => "the dump may be of a newer PostgreSQL than the server",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_row_is_shown_without_its_value() {
        assert_eq!(row("COPY t, line 3, column a: \"secret\""), Some("COPY t, line 3, column a"));
        assert_eq!(row("PL/pgSQL function f() line 1"), None);
    }

    #[test]
    fn a_failure_says_that_nothing_was_changed_and_keeps_its_hint() {
        let fault = Fault::at_line(3, "COMMIT in a dump").with_hint("take it out");
        let error = unchanged(unreadable("a.sql", &fault));
        assert_eq!(error.chain(), ["restore a.sql:3: COMMIT in a dump; nothing was changed"]);
        assert_eq!(error.detail().hint.as_deref(), Some("take it out"));
    }
}
