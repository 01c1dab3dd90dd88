//! How environments live, sleep and end.

mod extend;
mod gather;
mod list;
mod sleep;
mod sweep;
mod versions;

use adhoc_core::{EnvironmentName, Error, Result, Summary};

pub(super) use self::extend::extend;
pub(super) use self::list::list;
pub(super) use self::sleep::{start, stop};
pub(super) use self::sweep::sweep;
pub(super) use self::versions::note_versions;

use super::Session;

/// The shared environment lives as long as any other needs it.
fn ensure_not_shared(session: &Session, environment: &EnvironmentName) -> Result<()> {
    match environment.as_str() == session.config.conventions.shared {
        false => Ok(()),
        true => Err(Error::invalid("", environment.as_str(), "is the shared environment")
            .with_hint("it neither sleeps nor expires; name another shared environment with `--shared`")),
    }
}

/// A summary with what was found or done as its result.
fn summary(command: &str, result: Result<impl serde::Serialize>) -> Summary {
    let written = result.and_then(|result| {
        serde_json::to_value(result)
            .map_err(|error| Error::internal("", command, "has no JSON form").with_source(error))
    });
    let mut summary = Summary::new(command);
    match written {
        Ok(value) => {
            summary.result = Some(value);
            summary
        }
        Err(error) => summary.with_error(&error),
    }
}
