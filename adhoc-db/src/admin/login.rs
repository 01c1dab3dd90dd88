//! A log-in for one piece of work, which can do what a role can, and nothing else.

use std::time::Duration;

use adhoc_core::{Clock, Credentials, DatabaseName, Error, ExposeSecret, Result, RoleName};

use super::PostgresAdmin;
use super::ensure::password_clause;
use super::remove::drop_role;
use super::state;
use crate::Session;
use crate::credentials::new_password;
use crate::identifier::{identifier, literal};

/// For how long such a log-in is good, at most, should nobody remove it.
const VALID_FOR: Duration = Duration::from_secs(12 * 60 * 60);

/// A role of its own that acts as another one: what it makes belongs to that one. Foreign SQL, such as a dump's, runs under
/// it, and so cannot become the administrator, whatever it says; and the password of the role it acts for need not be known.
///
/// To be ended by [`PostgresAdmin::end_temporary_login`]. One that is forgotten cannot log in after twelve hours.
#[derive(Debug)]
pub struct TemporaryLogin {
    credentials: Credentials,
}

impl PostgresAdmin {
    /// Does `work` in an environment's database as its owner, over a [`TemporaryLogin`] that is ended whatever happens.
    ///
    /// # Errors
    ///
    /// Those of `work`; [`Error::NotFound`] without the database; [`Error::Database`], also if it is not ours.
    pub async fn as_owner<T>(
        &self,
        database: &DatabaseName,
        owner: &RoleName,
        work: impl AsyncFnOnce(&Session) -> Result<T>,
    ) -> Result<T> {
        let session = self.connect().await?;
        ensure_owned(&session, database, owner).await?;
        let login = TemporaryLogin::begin(&session, &**self.server.clock(), owner.as_str()).await?;
        let done = match self.server.connect(database.as_str(), login.credentials()).await {
            Ok(inside) => {
                let done = work(&inside).await;
                inside.close().await;
                done
            }
            Err(error) => Err(error),
        };
        // The administrator's own session may have been lost with the bastion, which the work then has told already.
        let user = login.credentials.user.clone();
        let ended = match login.end(&session).await {
            Ok(()) => Ok(()),
            Err(_) => self.end_by_name(&user).await,
        };
        session.close().await;
        match (done, ended) {
            (Err(error), Err(_)) => {
                Err(error.with_left_behind(format!("role {user}, which nobody can use after twelve hours")))
            }
            (done, ended) => done.and_then(|value| ended.map(|()| value)),
        }
    }

    async fn end_by_name(&self, user: &str) -> Result<()> {
        let session = self.connect().await?;
        TemporaryLogin { credentials: Credentials::new(user, String::new()) }.end(&session).await
    }

    /// A log-in that acts as `role`.
    ///
    /// # Errors
    ///
    /// [`Error::Database`].
    pub async fn temporary_login(&self, role: &RoleName) -> Result<TemporaryLogin> {
        let session = self.connect().await?;
        let login = TemporaryLogin::begin(&session, &**self.server.clock(), role.as_str()).await?;
        session.close().await;
        Ok(login)
    }

    /// Ends the sessions of a temporary log-in, and removes it.
    ///
    /// # Errors
    ///
    /// [`Error::Database`].
    pub async fn end_temporary_login(&self, login: TemporaryLogin) -> Result<()> {
        let session = self.connect().await?;
        login.end(&session).await?;
        session.close().await;
        Ok(())
    }
}

impl TemporaryLogin {
    pub(super) async fn begin(session: &Session, clock: &dyn Clock, role: &str) -> Result<Self> {
        let password = new_password()?;
        let user = format!("adhoc-login-{}", suffix()?);
        let until = clock.now().saturating_add(VALID_FOR).unwrap_or(jiff::Timestamp::MAX);
        let (name, role) = (identifier(&user), identifier(role));
        // The setting `role` takes effect at log-in, and is what RESET ROLE goes back to. The administrator becomes a member,
        // so that it may end the sessions.
        let statements = format!(
            "BEGIN; CREATE ROLE {name} LOGIN {} VALID UNTIL {} IN ROLE {role}; ALTER ROLE {name} SET role = {role}; \
             GRANT {name} TO CURRENT_USER; COMMIT",
            password_clause(Some(&password)),
            literal(&until.to_string()),
        );
        let made = session.run("log in", &user, &statements).await;
        if made.is_err() {
            let _ = session.run("roll back", &user, "ROLLBACK").await;
        }
        made.map(|()| Self { credentials: Credentials::new(user, password) })
    }

    /// User and password.
    #[must_use]
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Ends its sessions and removes it. What it made belongs to the role that it acted as.
    pub(super) async fn end(self, session: &Session) -> Result<()> {
        const TERMINATE: &str =
            "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity WHERE usename = $1";
        let user = self.credentials.user.as_str();
        session.rows("log out", user, TERMINATE, &[&user]).await?;
        drop_role(session, user).await
    }
}

/// Refuses a database that is not there, or not the owner's.
async fn ensure_owned(session: &Session, database: &DatabaseName, owner: &RoleName) -> Result<()> {
    match state::database(session, database.as_str()).await? {
        None => Err(Error::not_found("", format!("database {database}"), "does not exist")
            .with_hint("`adhoc db create ENV` makes it, and `adhoc db list` shows those there are")),
        Some(existing) if existing.marker.is_some() && existing.owner == owner.as_str() => Ok(()),
        Some(existing) => {
            let reason = format!("is owned by {} and was not made by adhoc for {owner}", existing.owner);
            Err(Error::database("", format!("database {database}"), reason).with_hint("nothing was changed"))
        }
    }
}

fn suffix() -> Result<String> {
    Ok(new_password()?.expose_secret()[..12].to_ascii_lowercase())
}
