//! Seed databases, from which new ones are cloned in a fraction of a second.
//!
//! A clone keeps the owners of its source's objects, and `REASSIGN OWNED` in the clone would also re-own shared objects, the
//! source itself included. So a template's objects belong to a role `{template}-owner` that cannot log in and owns no
//! database; the database itself belongs to the administrator, and nobody may connect to it, since a single session would
//! keep it from being cloned.

use adhoc_core::{Context, DatabaseMarker, DatabaseName, Error, Result, RoleName};
use tokio_postgres::error::SqlState;

use super::ensure::create_extensions;
use super::login::TemporaryLogin;
use super::remove::{drop_database, drop_role};
use super::state::ExistingDatabase;
use super::{PostgresAdmin, lock, state};
use crate::Session;
use crate::identifier::{identifier, literal};
use crate::postgres::sql_state;

/// From this size on, copying files beats writing them to the log, in spite of the checkpoints that it takes.
const FILE_COPY_FROM: i64 = 64 << 20;

/// A template to be made, or made anew.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct LoadTemplate {
    /// Its name.
    pub name: DatabaseName,
    /// What its comment says.
    pub marker: DatabaseMarker,
    /// Extensions that only the administrator may install.
    pub extensions: Vec<String>,
}

impl LoadTemplate {
    /// A template of this name.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] if the name is too long for those that are made from it.
    pub fn new(name: DatabaseName, marker: DatabaseMarker) -> Result<Self> {
        if name.as_str().len() > DatabaseName::MAX_LENGTH - "-loading".len() {
            return Err(Error::invalid("", format!("template name {name:?}", name = name.as_str()), "is too long")
                .with_hint("use at most 55 characters"));
        }
        Ok(Self { name, marker, extensions: Vec::new() })
    }

    /// Installs extensions as the administrator.
    #[must_use]
    pub fn with_extensions(mut self, extensions: Vec<String>) -> Self {
        self.extensions = extensions;
        self
    }

    fn owner(&self) -> String {
        owner_of(&self.name)
    }

    /// Where the new contents are loaded, beside the template that is there.
    fn loading(&self) -> String {
        format!("{}-loading", self.name)
    }

    /// The former template, while it is being replaced.
    fn former(&self) -> String {
        format!("{}-former", self.name)
    }
}

/// The role that owns the objects of a template: to drop it with the template.
///
/// # Errors
///
/// [`Error::Invalid`] if the template's name is too long for one of ours.
pub fn template_owner(template: &DatabaseName) -> Result<RoleName> {
    owner_of(template).parse()
}

fn owner_of(template: &DatabaseName) -> String {
    format!("{template}-owner")
}

/// The lock under which a template is replaced; clones hold it shared.
pub(super) fn swap_lock(template: &DatabaseName) -> String {
    format!("template {template}")
}

/// Removes what interrupted runs have left beside a template, and says whether there was anything.
pub(super) async fn remove_leftovers(
    admin: &PostgresAdmin,
    session: &Session,
    template: &DatabaseName,
) -> Result<bool> {
    let marker = DatabaseMarker::for_template(template, jiff::Timestamp::UNIX_EPOCH);
    let Ok(request) = LoadTemplate::new(template.clone(), marker) else { return Ok(false) };
    let mut found = false;
    for left in [request.loading(), request.former()] {
        if state::database(session, &left).await?.is_some() {
            admin.drop_leftover(session, &request, &left).await?;
            found = true;
        }
    }
    Ok(found)
}

/// Refuses to clone from what is not a template of ours.
pub(super) async fn ensure_usable(session: &Session, template: &DatabaseName) -> Result<()> {
    let hint = format!("`adhoc db restore --as-template {template} FILE` makes it");
    match state::database(session, template.as_str()).await? {
        None => Err(Error::not_found("clone", template.as_str(), "there is no such template").with_hint(hint)),
        Some(existing) if is_template(&existing, template) => Ok(()),
        Some(_) => {
            Err(Error::database("clone", template.as_str(), "is no template that adhoc has made").with_hint(hint))
        }
    }
}

fn is_template(existing: &ExistingDatabase, name: &DatabaseName) -> bool {
    existing.marker.as_ref().is_some_and(|marker| marker.template.as_deref() == Some(name.as_str()))
}

/// How CREATE DATABASE is to copy it.
pub(super) async fn clone_clause(session: &Session, template: &DatabaseName) -> Result<String> {
    const QUERY: &str = "SELECT pg_database_size($1::name), current_setting('server_version_num')::int4";
    let rows = session.rows("clone", template.as_str(), QUERY, &[&template.as_str()]).await?;
    let row = rows.first().ok_or_else(|| Error::internal("clone", template.as_str(), "has no size"))?;
    let (size, version): (i64, i32) = (row.get(0), row.get(1));
    // Before version 15 there was only one way.
    let strategy = if version >= 150_000 && size >= FILE_COPY_FROM { " STRATEGY file_copy" } else { "" };
    Ok(format!("TEMPLATE {}{strategy}", identifier(template.as_str())))
}

/// Gives what a clone has inherited to its owner.
pub(super) async fn take_over(inside: &Session, template: &DatabaseName, owner: &str) -> Result<()> {
    let statement = format!("REASSIGN OWNED BY {} TO {}", identifier(&owner_of(template)), identifier(owner));
    inside.run("take over", owner, &statement).await
}

impl PostgresAdmin {
    /// Makes a template, or replaces the one of that name when all has gone well: `load` fills a new database, into which
    /// it is logged in as the role that is to own everything. Clones that are made meanwhile are of the former contents.
    ///
    /// When `load` fails, or the context is cancelled in it, what was made is removed, and the former template stays.
    ///
    /// # Errors
    ///
    /// Those of `load`; [`Error::Database`], also if a database of that name is not a template of ours.
    pub async fn load_template<T>(
        &self,
        cx: &Context,
        request: &LoadTemplate,
        load: impl AsyncFnOnce(&Session) -> Result<T>,
    ) -> Result<T> {
        let session = self.locked(request.name.as_str()).await?;
        let existing = state::database(&session, request.name.as_str()).await?;
        if existing.as_ref().is_some_and(|existing| !is_template(existing, &request.name)) {
            return Err(Error::database(
                "make template",
                request.name.as_str(),
                "a database of that name exists and is no template of ours",
            )
            .with_hint("nothing was changed; choose another name"));
        }
        cx.ensure_not_cancelled()?;
        let new_owner = prepare_owner(&session, request).await?;
        let loaded = self.load_beside(&session, request, load).await;
        let result = match loaded {
            Ok(value) => self.swap(&session, request, existing.is_some()).await.map(|()| value),
            Err(error) => Err(error),
        };
        match result {
            Ok(value) => Ok(value),
            Err(error) => Err(self.undo_template(&session, request, new_owner, error).await),
        }
    }

    async fn load_beside<T>(
        &self,
        session: &Session,
        request: &LoadTemplate,
        load: impl AsyncFnOnce(&Session) -> Result<T>,
    ) -> Result<T> {
        self.create_loading(session, request).await?;
        let loading = request.loading();
        let inside = self.connect_to(&loading).await?;
        lend_schema(&inside, request).await?;
        create_extensions(&inside, &request.extensions).await?;
        let login = TemporaryLogin::begin(session, &request.owner()).await?;
        let loaded = match self.server.connect(&loading, login.credentials()).await {
            Ok(loader) => {
                let loaded = load(&loader).await;
                loader.close().await;
                loaded
            }
            Err(error) => Err(error),
        };
        let ended = self.end_login(session, login).await;
        let loaded = loaded?;
        ended?;
        return_schema(&inside, request).await?;
        // Clones inherit statistics and visibility, which each would otherwise have to work out again.
        inside.run("vacuum", &loading, "SET statement_timeout = 0").await?;
        inside.run("vacuum", &loading, "VACUUM (ANALYZE)").await?;
        inside.close().await;
        Ok(loaded)
    }

    async fn create_loading(&self, session: &Session, request: &LoadTemplate) -> Result<()> {
        for left in [request.loading(), request.former()] {
            self.drop_leftover(session, request, &left).await?;
        }
        let (loading, owner) = (request.loading(), identifier(&request.owner()));
        let database = identifier(&loading);
        session.run("create database", &loading, &format!("CREATE DATABASE {database} TEMPLATE template0")).await?;
        let marker = marker(request)?;
        let statements = format!(
            "COMMENT ON DATABASE {database} IS {marker}; REVOKE CONNECT, TEMPORARY ON DATABASE {database} FROM PUBLIC; \
             GRANT CONNECT, CREATE, TEMPORARY ON DATABASE {database} TO {owner}"
        );
        session.run("grant", &loading, &statements).await
    }

    /// Removes what an interrupted run has left under a name of ours.
    async fn drop_leftover(&self, session: &Session, request: &LoadTemplate, name: &str) -> Result<()> {
        let Some(left) = state::database(session, name).await? else { return Ok(()) };
        // One without a marker is ours if it has the administrator's owner: the owner role above it carries our marker.
        if !is_template(&left, &request.name) && (left.marker.is_some() || !left.is_member) {
            return Err(Error::database(
                "make template",
                name,
                "a database of that name is in the way, and is not ours",
            )
            .with_hint("nothing was changed; rename it, or choose another name for the template"));
        }
        if left.is_template {
            let statement = format!("ALTER DATABASE {} IS_TEMPLATE false", identifier(name));
            session.run("drop", name, &statement).await?;
        }
        drop_database(self, session, name).await
    }

    /// Puts the new contents in the place of the former ones, when no clone is being made.
    async fn swap(&self, session: &Session, request: &LoadTemplate, replace: bool) -> Result<()> {
        let name = request.name.as_str();
        let (loading, former) = (identifier(&request.loading()), request.former());
        let statements = format!(
            "REVOKE ALL ON DATABASE {loading} FROM {}; ALTER DATABASE {loading} ALLOW_CONNECTIONS false IS_TEMPLATE true",
            identifier(&request.owner())
        );
        session.run("lock", name, &statements).await?;
        lock(session, "pg_advisory_lock", &swap_lock(&request.name)).await?;
        let database = identifier(name);
        let away = if replace {
            format!("ALTER DATABASE {database} RENAME TO {};", identifier(&former))
        } else {
            String::new()
        };
        let renamed = format!("BEGIN; {away} ALTER DATABASE {loading} RENAME TO {database}; COMMIT");
        if let Err(error) = session.run("replace", name, &renamed).await {
            let _ = session.run("roll back", name, "ROLLBACK").await;
            return Err(error);
        }
        if replace {
            self.drop_leftover(session, request, &former).await?;
        }
        Ok(())
    }

    async fn undo_template(&self, session: &Session, request: &LoadTemplate, new_owner: bool, error: Error) -> Error {
        let loading = request.loading();
        // It may have been lost with the bastion, which may be there again.
        let fresh = if session.client().is_closed() { self.locked(request.name.as_str()).await.ok() } else { None };
        let session = fresh.as_ref().unwrap_or(session);
        if self.drop_leftover(session, request, &loading).await.is_err() {
            return error.with_left_behind(format!(
                "database {loading} and role {}: the next run removes them",
                request.owner()
            ));
        }
        if new_owner && drop_role(session, &request.owner()).await.is_err() {
            return error.with_left_behind(format!("role {}", request.owner()));
        }
        error
    }
}

/// The role that owns a template's objects; says whether it is new.
async fn prepare_owner(session: &Session, request: &LoadTemplate) -> Result<bool> {
    let owner = request.owner();
    let known = state::role(session, &owner).await?;
    if known == Some(false) {
        return Err(Error::database("make template", owner, "a role of that name exists and is not ours")
            .with_hint("nothing was changed; rename it, or choose another name for the template"));
    }
    let role = identifier(&owner);
    let create = if known.is_none() { format!("CREATE ROLE {role} NOLOGIN;") } else { String::new() };
    let marker = marker(request)?;
    let statements =
        format!("BEGIN; {create} COMMENT ON ROLE {role} IS {marker}; GRANT {role} TO CURRENT_USER; COMMIT");
    let made = session.run("create role", &owner, &statements).await;
    if made.is_err() {
        let _ = session.run("roll back", &owner, "ROLLBACK").await;
    }
    made.map(|()| known.is_none())
}

/// Dumps comment on the schema `public`, which only its owner may. From version 15 on, that is the database's owner.
async fn lend_schema(inside: &Session, request: &LoadTemplate) -> Result<()> {
    let owner = identifier(&request.owner());
    let lent = inside.run("lend", "public", &format!("ALTER SCHEMA public OWNER TO {owner}")).await;
    match lent {
        // Before, it belongs to the superuser, and everybody may create in it.
        Err(error) if sql_state(&error) == Some(SqlState::INSUFFICIENT_PRIVILEGE) => Ok(()),
        result => result,
    }
}

async fn return_schema(inside: &Session, request: &LoadTemplate) -> Result<()> {
    // A dump may have dropped it.
    const QUERY: &str = "SELECT 1 FROM pg_namespace n JOIN pg_roles r ON r.oid = n.nspowner WHERE n.nspname = 'public' AND r.rolname = $1";
    if inside.rows("return", "public", QUERY, &[&request.owner()]).await?.is_empty() {
        return Ok(());
    }
    inside.run("return", "public", "ALTER SCHEMA public OWNER TO pg_database_owner").await
}

fn marker(request: &LoadTemplate) -> Result<String> {
    let text = serde_json::to_string(&request.marker)
        .map_err(|error| Error::internal("mark", request.name.as_str(), error.to_string()))?;
    Ok(literal(&text))
}
