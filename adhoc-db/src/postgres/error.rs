//! From the driver's errors to the core's, by SQLSTATE and never by text.

use std::error::Error as StdError;
use std::io;

use adhoc_core::Error;
use tokio_postgres::error::SqlState;

/// The code of a server's refusal; none if it was no refusal.
pub(crate) fn sql_state(error: &Error) -> Option<SqlState> {
    let source = error.detail().source.as_deref()?.downcast_ref::<Refusal>()?;
    Some(source.0.clone())
}

/// The code that a server refused with, kept beside the message that the error itself shows.
#[derive(Debug)]
struct Refusal(SqlState, String);

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.1)
    }
}

impl StdError for Refusal {}

/// The core error of a statement that failed. Shows the server's message, which never holds a password that was sent as a
/// verifier; the statement itself is not shown.
pub(crate) fn database_error(operation: &'static str, resource: &str, error: &tokio_postgres::Error) -> Error {
    let Some(refusal) = error.as_db_error() else {
        return lost(operation, resource, error);
    };
    let message = refusal.message().lines().next().unwrap_or_default();
    let detail = refusal.detail().and_then(|detail| detail.lines().next());
    let reason = match detail {
        Some(detail) => format!("{message}: {detail} ({})", refusal.code().code()),
        None => format!("{message} ({})", refusal.code().code()),
    };
    let kept = Refusal(refusal.code().clone(), message.to_owned());
    let error = Error::database(operation, resource, reason).with_source(kept);
    match hint_for(refusal.code()) {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}

/// As [`database_error`], without the values of rows, which are nobody's business in a log: the server's detail is left out, and
/// what it quotes of the data.
pub(crate) fn error_without_values(operation: &'static str, resource: &str, error: &tokio_postgres::Error) -> Error {
    let Some(refusal) = error.as_db_error() else { return lost(operation, resource, error) };
    let code = refusal.code().code();
    let message = refusal.message().lines().next().unwrap_or_default();
    let is_about_data = code.starts_with("22") || code.starts_with("23");
    let message = if is_about_data { message.split(": \"").next().unwrap_or(message) } else { message };
    let detail = refusal.detail().filter(|_| ["0A", "2B", "42", "53"].iter().any(|class| code.starts_with(class)));
    let detail = detail.and_then(|detail| detail.lines().next()).map_or(String::new(), |detail| format!(": {detail}"));
    let kept = Refusal(refusal.code().clone(), message.to_owned());
    let error = Error::database(operation, resource, format!("{message}{detail} ({code})")).with_source(kept);
    match hint_for(refusal.code()) {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}

/// The core error of a log-in that failed.
pub(super) fn connect_error(place: &str, error: &tokio_postgres::Error) -> Error {
    if error.as_db_error().is_some() {
        return database_error("connect", place, error);
    }
    let (innermost, ended_by_tunnel) = (innermost(error), is_refused_stream(error));
    let error = Error::database("connect", place, innermost.clone());
    let hint = tls_hint(&innermost).unwrap_or(match ended_by_tunnel {
        true => "these are the words of what leads there: check the bastion, its log, and what it may forward to",
        false => "check host, port and `sslmode` of [database]",
    });
    error.with_hint(hint)
}

/// Whether the stream itself was refused or cut off, which a program such as `ssh -W` can only say after it was opened.
fn is_refused_stream(error: &(dyn StdError + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        let kind = error.downcast_ref::<io::Error>().map(io::Error::kind);
        if matches!(kind, Some(io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionRefused)) {
            return true;
        }
        next = error.source();
    }
    false
}

fn lost(operation: &'static str, resource: &str, error: &tokio_postgres::Error) -> Error {
    let reason = match innermost(error) {
        reason if error.is_closed() => format!("the connection was lost ({reason})"),
        reason => reason,
    };
    Error::database(operation, resource, reason)
        .with_hint("the bastion or the server has gone away; run the same command again when it is back")
}

fn innermost(error: &(dyn StdError + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string().lines().next().unwrap_or_default().to_owned()
}

fn hint_for(code: &SqlState) -> Option<&'static str> {
    let hint = match *code {
        SqlState::INVALID_PASSWORD | SqlState::INVALID_AUTHORIZATION_SPECIFICATION => {
            "check the user and where its password comes from: the secret, the variable, or `auth = \"iam\"`"
        }
        SqlState::TOO_MANY_CONNECTIONS => {
            "`adhoc db list` shows who holds the connections; stop an environment, or use a larger instance"
        }
        SqlState::INVALID_CATALOG_NAME => "`adhoc db list` shows the databases there are",
        SqlState::INSUFFICIENT_PRIVILEGE => {
            "`admin_user` must be the server's master user, or a role with CREATEDB and CREATEROLE"
        }
        SqlState::OBJECT_IN_USE => "somebody is connected to it; try again, or end those sessions",
        SqlState::DISK_FULL => "the server's disk is full: drop an environment that is no longer used",
        _ => return None,
    };
    Some(hint)
}

fn tls_hint(reason: &str) -> Option<&'static str> {
    let known = [
        (
            "UnknownIssuer",
            "the server's certificate is from no authority in `ssl_root_cert`; use the RDS bundle of its region",
        ),
        (
            "BadSignature",
            "the server's certificate is from no authority in `ssl_root_cert`; use the RDS bundle of its region",
        ),
        ("NotValidForName", "the server's certificate is for another name: `host` must be the RDS endpoint itself"),
        ("not valid for name", "the server's certificate is for another name: `host` must be the RDS endpoint itself"),
        ("Expired", "the server's certificate, or the bundle, is out of date"),
        ("server does not support TLS", "the server offers no TLS; `sslmode = \"disable\"` is for loopback only"),
    ];
    known.iter().find(|(part, _)| reason.contains(part)).map(|(_, hint)| *hint)
}
