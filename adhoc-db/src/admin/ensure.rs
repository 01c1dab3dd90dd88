//! Role, database, grants and marker, as far as they are not there.

use adhoc_core::{CreateDatabase, Created, Credentials, DatabaseName, Error, ExposeSecret, Result, SecretString};
use tokio_postgres::error::SqlState;

use super::remove::drop_database;
use super::state::{self, ExistingDatabase};
use super::{PostgresAdmin, lock, template};
use crate::Session;
use crate::identifier::{identifier, literal};
use crate::postgres::sql_state;

pub(super) async fn create(admin: &PostgresAdmin, request: &CreateDatabase) -> Result<Created> {
    let name = request.name.as_str();
    let session = admin.locked(name).await?;
    match state::database(&session, name).await? {
        None => create_new(admin, &session, request).await.map(|()| Created::New),
        Some(existing) if existing.is_half_made(request.owner.as_str()) => {
            complete(admin, &session, &existing, request).await
        }
        Some(existing) => {
            ensure_ours(&existing, request)?;
            ensure_log_in(admin, &session, request).await
        }
    }
}

fn ensure_ours(existing: &ExistingDatabase, request: &CreateDatabase) -> Result<()> {
    let name = request.name.as_str();
    let refused = |reason: String| {
        Err(Error::database("create", name, reason)
            .with_hint("nothing was changed; rename that database, or set another `database` under [names]"))
    };
    match &existing.marker {
        None => {
            refused(format!("a database of that name exists, owned by {}, and was not made by adhoc", existing.owner))
        }
        Some(marker) if marker.environment != request.marker.environment => {
            let other = marker.environment.as_deref().or(marker.template.as_deref()).unwrap_or_default();
            refused(format!("the database of that name belongs to {other}"))
        }
        Some(_) if existing.owner != request.owner.as_str() => {
            refused(format!("it is owned by {}, not by {}", existing.owner, request.owner))
        }
        Some(_) => Ok(()),
    }
}

/// Completes what an interrupted run has left, as that run was asked to: its role remembers of what it is a clone. One that
/// was to be empty, and is to be a clone now, is made anew.
async fn complete(
    admin: &PostgresAdmin,
    session: &Session,
    existing: &ExistingDatabase,
    request: &CreateDatabase,
) -> Result<Created> {
    let begun = existing.owner_marker.as_ref().and_then(|marker| marker.cloned_from.as_deref());
    let begun = begun.map(str::parse::<DatabaseName>).transpose()?;
    if begun.is_none() && request.template.is_some() {
        let inside = admin.connect_to(request.name.as_str()).await?;
        let is_empty = is_empty(&inside).await?;
        inside.close().await;
        if !is_empty {
            return Err(Error::database("create", request.name.as_str(), "it has lost its marker, and holds tables")
                .with_hint("nothing was changed; `adhoc db drop` removes it, and `db create` without a template takes it as it is"));
        }
        drop_database(admin, session, request.name.as_str()).await?;
        create_new(admin, session, request).await?;
        return Ok(Created::New);
    }
    let request = request.clone().with_template(begun);
    dress(admin, session, &request).await?;
    ensure_log_in(admin, session, &request).await?;
    Ok(Created::Completed)
}

async fn is_empty(inside: &Session) -> Result<bool> {
    const QUERY: &str = "
        SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p', 'm') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' LIMIT 1";
    Ok(inside.rows("look up", "tables", QUERY, &[]).await?.is_empty())
}

/// Makes everything; what was made is removed again if a later part fails.
async fn create_new(admin: &PostgresAdmin, session: &Session, request: &CreateDatabase) -> Result<()> {
    let (name, owner) = (request.name.as_str(), request.owner.as_str());
    if let Some(template) = &request.template {
        template::ensure_usable(session, template).await?;
    }
    let new_role = match state::role(session, owner).await? {
        None => true,
        Some(true) => false,
        Some(false) => {
            return Err(Error::database("create", name, format!("the role {owner} exists and was not made by adhoc"))
                .with_hint("nothing was changed; rename that role, or set another `database_role` under [names]"));
        }
    };
    create_role(session, request, new_role).await?;
    let made = match create_database(session, request).await {
        Ok(()) => dress(admin, session, request).await,
        Err(error) => Err(error),
    };
    match made {
        Ok(()) => Ok(()),
        Err(error) => Err(undo(session, request, new_role, error).await),
    }
}

/// The role and its marker in one transaction, so that a role without one is never ours. The administrator becomes a member,
/// without which it could not make a database for it: on RDS it is no superuser.
async fn create_role(session: &Session, request: &CreateDatabase, new: bool) -> Result<()> {
    let owner = request.owner.as_str();
    let role = identifier(owner);
    let marker = marker(request)?;
    let verb = if new { "CREATE" } else { "ALTER" };
    let password = password_clause(request.password.as_ref());
    let statements = format!(
        "BEGIN; {verb} ROLE {role} LOGIN {password}; COMMENT ON ROLE {role} IS {marker}; GRANT {role} TO CURRENT_USER; COMMIT"
    );
    let made = session.run("create role", owner, &statements).await;
    if made.is_err() {
        // The transaction is still open: what follows on this session would be refused.
        let _ = session.run("roll back", owner, "ROLLBACK").await;
    }
    made
}

async fn create_database(session: &Session, request: &CreateDatabase) -> Result<()> {
    let name = request.name.as_str();
    let source = match &request.template {
        Some(template) => {
            // Held until the session ends: whoever replaces the template waits for its clones.
            lock(session, "pg_advisory_lock_shared", &template::swap_lock(template)).await?;
            template::clone_clause(session, template).await?
        }
        // Not template1, on which a single session makes this wait for five seconds and fail.
        None => "TEMPLATE template0".to_owned(),
    };
    let statement = format!(
        "CREATE DATABASE {} OWNER {} {source} CONNECTION LIMIT {}",
        identifier(name),
        identifier(request.owner.as_str()),
        request.connection_limit
    );
    session.run("create database", name, &statement).await
}

/// Grants, extensions, ownership and, last, the marker: with it the database is complete. Safe to repeat.
async fn dress(admin: &PostgresAdmin, session: &Session, request: &CreateDatabase) -> Result<()> {
    let name = request.name.as_str();
    let database = identifier(name);
    // Without this every role of the server may connect.
    let revoke = format!("REVOKE CONNECT, TEMPORARY ON DATABASE {database} FROM PUBLIC");
    session.run("revoke", name, &revoke).await?;
    if request.template.is_some() || !request.extensions.is_empty() {
        let inside = admin.connect_to(name).await?;
        if let Some(template) = &request.template {
            template::take_over(&inside, template, request.owner.as_str()).await?;
        }
        create_extensions(&inside, &request.extensions).await?;
        inside.close().await;
    }
    let comment = format!("COMMENT ON DATABASE {database} IS {}", marker(request)?);
    session.run("mark", name, &comment).await
}

pub(super) async fn create_extensions(inside: &Session, extensions: &[String]) -> Result<()> {
    for extension in extensions {
        let statement = format!("CREATE EXTENSION IF NOT EXISTS {}", identifier(extension));
        inside.run("create extension", extension, &statement).await.map_err(|error| {
            error.with_hint("`SELECT name FROM pg_available_extensions` shows those that the server has")
        })?;
    }
    Ok(())
}

/// Removes what this run has made; what cannot be removed is named.
async fn undo(session: &Session, request: &CreateDatabase, new_role: bool, error: Error) -> Error {
    let (name, owner) = (request.name.as_str(), request.owner.as_str());
    let dropped = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", identifier(name));
    if session.run("drop", name, &dropped).await.is_err() {
        return error.with_left_behind(format!("database {name}, half made: the next `adhoc db create` completes it"));
    }
    if new_role && session.run("drop role", owner, &format!("DROP ROLE IF EXISTS {}", identifier(owner))).await.is_err()
    {
        return error.with_left_behind(format!("role {owner}"));
    }
    error
}

/// Makes sure that the owner of a complete database can log in with the password that the caller has.
async fn ensure_log_in(admin: &PostgresAdmin, session: &Session, request: &CreateDatabase) -> Result<Created> {
    let Some(password) = &request.password else { return Ok(Created::Unchanged) };
    let owner = request.owner.as_str();
    let credentials = Credentials::new(owner, password.clone());
    match admin.server.connect(request.name.as_str(), &credentials).await {
        Err(error) if matches!(sql_state(&error), Some(SqlState::INVALID_PASSWORD)) => {
            let statement = format!("ALTER ROLE {} LOGIN {}", identifier(owner), password_clause(Some(password)));
            session.run("set password", owner, &statement).await?;
            Ok(Created::Completed)
        }
        // Whatever else may be wrong, such as no connection left, it is not the password.
        Err(_) => Ok(Created::Unchanged),
        Ok(session) => {
            session.close().await;
            Ok(Created::Unchanged)
        }
    }
}

/// A SCRAM verifier instead of the password itself, which so never reaches the server or its log.
pub(super) fn password_clause(password: Option<&SecretString>) -> String {
    match password {
        None => "PASSWORD NULL".to_owned(),
        Some(password) => {
            let verifier = postgres_protocol::password::scram_sha_256(password.expose_secret().as_bytes());
            format!("PASSWORD {}", literal(&verifier))
        }
    }
}

fn marker(request: &CreateDatabase) -> Result<String> {
    let mut marker = request.marker.clone();
    marker.cloned_from = request.template.as_ref().map(ToString::to_string);
    let text = serde_json::to_string(&marker)
        .map_err(|error| Error::internal("mark", request.name.as_str(), error.to_string()))?;
    Ok(literal(&text))
}
