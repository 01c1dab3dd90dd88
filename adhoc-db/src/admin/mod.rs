//! Making and removing databases, as the server's master user.

mod audit;
mod ensure;
mod listing;
mod login;
mod remove;
mod state;
mod template;

use std::sync::Arc;
use std::time::Duration;

use adhoc_core::{
    CreateDatabase, Created, Database, DatabaseAdmin, DatabaseName, DropDatabase, Dropped, Error, Result,
};
use async_trait::async_trait;
use tokio_postgres::error::SqlState;

pub use self::audit::{AuditReport, DatabaseReach, Proof, RoleAudit};
pub use self::listing::Limits;
pub use self::login::TemporaryLogin;
pub use self::template::{LoadTemplate, template_owner};

use crate::identifier::literal;
use crate::postgres::sql_state;
use crate::{CredentialSource, Postgres, Session};

/// How long a statement of the administrator may wait for a lock, and take: a clone of a large template takes longest.
const LIMITS: &str = "-c lock_timeout=60s -c statement_timeout=10min";

/// Databases and roles that belong to the server: never made, dropped or listed.
const SERVER_OWN: [&str; 4] = ["postgres", "rdsadmin", "template0", "template1"];

/// Makes and removes databases on one Postgres server (14 or later), as its master user, which needs no superuser rights:
/// CREATEDB and CREATEROLE do, and on RDS the master user has them.
#[derive(Clone)]
pub struct PostgresAdmin {
    server: Postgres,
    credentials: Arc<dyn CredentialSource>,
    database: String,
}

impl PostgresAdmin {
    /// The administrator of `server`, who logs in to the database `postgres`. Locks are those of this database: whoever
    /// works on the same server must log in to the same one. From version 16 on, it must also be the same user, since only the
    /// role that has made a role may hand it on.
    pub fn new(server: Postgres, credentials: Arc<dyn CredentialSource>) -> Self {
        Self { server, credentials, database: "postgres".to_owned() }
    }

    /// Logs in to another database.
    #[must_use]
    pub fn with_database(mut self, database: impl Into<String>) -> Self {
        self.database = database.into();
        self
    }

    /// The server.
    #[must_use]
    pub fn server(&self) -> &Postgres {
        &self.server
    }

    /// A session of the administrator's, in the database it logs in to.
    ///
    /// # Errors
    ///
    /// [`Error::Database`], and those of the credentials' origin.
    pub async fn connect(&self) -> Result<Session> {
        self.connect_to(&self.database).await
    }

    /// Logs in to `database`; with a fresh password if the known one is refused, since it may have rotated.
    pub(crate) async fn connect_to(&self, database: &str) -> Result<Session> {
        let known = self.credentials.credentials(false).await?;
        match self.server.connect_with(database, &known, LIMITS).await {
            Err(error) if sql_state(&error) == Some(SqlState::INVALID_PASSWORD) => {
                let fresh = self.credentials.credentials(true).await?;
                self.server.connect_with(database, &fresh, LIMITS).await
            }
            result => result,
        }
    }

    /// A session that holds the lock of `name` until it ends: whoever makes or removes that database waits for it.
    async fn locked(&self, name: &str) -> Result<Session> {
        let session = self.connect().await?;
        lock(&session, "pg_advisory_lock", name).await?;
        Ok(session)
    }

    /// Waits on behalf of a caller that cannot be told to come back later.
    async fn pause(&self, duration: Duration) {
        self.server.clock().sleep(duration).await;
    }
}

#[async_trait]
impl DatabaseAdmin for PostgresAdmin {
    async fn exists(&self, name: &DatabaseName) -> Result<bool> {
        let session = self.connect().await?;
        Ok(state::database(&session, name.as_str()).await?.is_some())
    }

    async fn create(&self, request: &CreateDatabase) -> Result<Created> {
        refuse_server_own(request.name.as_str(), "database")?;
        refuse_server_own(request.owner.as_str(), "role")?;
        ensure::create(self, request).await
    }

    async fn drop(&self, request: &DropDatabase) -> Result<Dropped> {
        refuse_server_own(request.name.as_str(), "database")?;
        refuse_server_own(request.owner.as_str(), "role")?;
        remove::drop(self, request).await
    }

    async fn list(&self) -> Result<Vec<Database>> {
        listing::list(&self.connect().await?).await
    }
}

/// Takes an [advisory lock](https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS), exclusive or
/// shared, which ends with the session. The key is a hash of our own name and the database's.
async fn lock(session: &Session, function: &str, name: &str) -> Result<()> {
    let key = literal(&format!("adhoc {name}"));
    let statement = format!("SELECT {function}(hashtextextended({key}, 0))");
    session.run("lock", name, &statement).await.map_err(|error| match sql_state(&error) {
        Some(SqlState::LOCK_NOT_AVAILABLE) => {
            Error::locked("lock", name, "another run has been working on it for a minute")
                .with_hint("wait for it to end; its session in pg_stat_activity is named `adhoc`")
        }
        _ => error,
    })
}

fn refuse_server_own(name: &str, what: &str) -> Result<()> {
    let reserved =
        SERVER_OWN.contains(&name) || (what == "role" && (name.starts_with("pg_") || name.starts_with("rds_")));
    if !reserved {
        return Ok(());
    }
    Err(Error::invalid("", format!("{what} {name:?}"), "belongs to the server itself")
        .with_hint("choose another name for the environment, or other templates under [names]"))
}
