//! Database and role, gone.

use std::time::Duration;

use adhoc_core::{DatabaseName, Dropped, Error, Result, RoleName};
use tokio_postgres::error::SqlState;

use super::{PostgresAdmin, login, state};
use crate::Session;
use crate::identifier::identifier;
use crate::postgres::sql_state;

/// How often a drop is tried that a session of the server's own stands in the way of.
const ATTEMPTS: u32 = 5;

pub(super) async fn drop(admin: &PostgresAdmin, name: &DatabaseName, owner: &RoleName) -> Result<Dropped> {
    let session = admin.locked(name.as_str()).await?;
    login::remove_forgotten(&session).await?;
    let mut dropped = Dropped::AlreadyGone;
    if let Some(existing) = state::database(&session, name.as_str()).await? {
        if existing.marker.is_none() && !existing.is_half_made(owner.as_str()) {
            let reason = format!("the database is owned by {} and was not made by adhoc", existing.owner);
            return Err(Error::database("drop", name.as_str(), reason)
                .with_hint("nothing was changed; if it is to go, drop it with psql as its owner"));
        }
        if !existing.is_member {
            let grant = format!("GRANT {} TO CURRENT_USER", identifier(&existing.owner));
            session.run("drop", name.as_str(), &grant).await?;
        }
        if existing.is_template {
            let statement = format!("ALTER DATABASE {} IS_TEMPLATE false", identifier(name.as_str()));
            session.run("drop", name.as_str(), &statement).await?;
        }
        drop_database(admin, &session, name.as_str()).await?;
        dropped = Dropped::Dropped;
    }
    // A role that we did not make stays, whatever its name.
    if state::role(&session, owner.as_str()).await? == Some(true) {
        drop_role(&session, owner.as_str()).await?;
        dropped = Dropped::Dropped;
    }
    Ok(dropped)
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
        Some(SqlState::DEPENDENT_OBJECTS_STILL_EXIST) => error
            .with_hint(format!(
                "the database is gone; in the one named here run `DROP OWNED BY {}`, then try again",
                identifier(role)
            ))
            .with_left_behind(format!("role {role}")),
        _ => error,
    })
}
