//! Database and role, gone.

use std::time::Duration;

use adhoc_core::{DropDatabase, Dropped, EnvironmentName, Error, Result};
use tokio_postgres::error::SqlState;

use super::state::ExistingDatabase;
use super::{PostgresAdmin, lock, login, state, template};
use crate::Session;
use crate::identifier::identifier;
use crate::postgres::sql_state;

/// How often a drop is tried that a session of the server's own stands in the way of.
const ATTEMPTS: u32 = 5;

pub(super) async fn drop(admin: &PostgresAdmin, request: &DropDatabase) -> Result<Dropped> {
    let (name, owner) = (request.name.as_str(), request.owner.as_str());
    let session = admin.locked(name).await?;
    login::remove_forgotten(&session).await?;
    let mut dropped = Dropped::AlreadyGone;
    if request.environment.is_none() {
        // No clone is being made of it from here on.
        lock(&session, "pg_advisory_lock", &template::swap_lock(&request.name)).await?;
        if template::remove_leftovers(admin, &session, &request.name).await? {
            dropped = Dropped::Dropped;
        }
    }
    if let Some(existing) = state::database(&session, name).await? {
        ensure_meant(&existing, request)?;
        if !existing.is_member {
            session.run("drop", name, &format!("GRANT {} TO CURRENT_USER", identifier(&existing.owner))).await?;
        }
        if existing.is_template {
            let statement = format!("ALTER DATABASE {} IS_TEMPLATE false", identifier(name));
            session.run("drop", name, &statement).await?;
        }
        drop_database(admin, &session, name).await?;
        dropped = Dropped::Dropped;
    }
    // A role that we did not make stays, whatever its name.
    if state::role(&session, owner).await? == Some(true) {
        let gone = drop_role(&session, owner).await;
        gone.map_err(|error| error.with_left_behind(format!("role {owner}; the database is gone")))?;
        dropped = Dropped::Dropped;
    }
    Ok(dropped)
}

/// Refuses what is not ours, and what is something else than the request says.
fn ensure_meant(existing: &ExistingDatabase, request: &DropDatabase) -> Result<()> {
    let refused = |reason: String| {
        Err(Error::database("drop", request.name.as_str(), reason)
            .with_hint("nothing was changed; `adhoc db list` shows what each database is for"))
    };
    let wanted = request.environment.as_ref().map(EnvironmentName::as_str);
    let Some(marker) = &existing.marker else {
        return match wanted.is_some() && existing.is_half_made(request.owner.as_str()) {
            true => Ok(()),
            false => refused(format!("the database is owned by {} and was not made by adhoc", existing.owner)),
        };
    };
    match (&marker.environment, wanted) {
        (Some(environment), wanted) if Some(environment.as_str()) != wanted => {
            refused(format!("it is the database of the environment {environment}"))
        }
        (None, Some(_)) => refused("it is a template".to_owned()),
        (Some(_), _) if existing.owner != request.owner.as_str() => {
            refused(format!("it is owned by {}, not by {}", existing.owner, request.owner))
        }
        _ => Ok(()),
    }
}

/// Ends every session in the database and drops it.
pub(super) async fn drop_database(admin: &PostgresAdmin, session: &Session, name: &str) -> Result<()> {
    let statement = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", identifier(name));
    let mut attempt = 1;
    loop {
        match session.run("drop", name, &statement).await {
            // On RDS, a worker of the superuser's, such as autovacuum, is there for a moment and cannot be ended.
            Err(error) if attempt < ATTEMPTS && is_transient(&error) => admin.pause(Duration::from_secs(1)).await,
            result => return result,
        }
        attempt += 1;
    }
}

fn is_transient(error: &Error) -> bool {
    matches!(sql_state(error), Some(SqlState::INSUFFICIENT_PRIVILEGE | SqlState::OBJECT_IN_USE))
}

pub(super) async fn drop_role(session: &Session, role: &str) -> Result<()> {
    let dropped = session.run("drop role", role, &format!("DROP ROLE IF EXISTS {}", identifier(role))).await;
    dropped.map_err(|error| match sql_state(&error) {
        Some(SqlState::DEPENDENT_OBJECTS_STILL_EXIST) => error.with_hint(
            "it owns something, or was granted something, where it says: look at that, and hand it on first",
        ),
        _ => error,
    })
}
