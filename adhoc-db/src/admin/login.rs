//! A log-in for one piece of work, which can do what a role can, and nothing else.

use adhoc_core::{Credentials, DatabaseName, Error, ExposeSecret, Result, RoleName};

use super::PostgresAdmin;
use super::ensure::password_clause;
use super::remove::drop_role;
use super::state;
use crate::Session;
use crate::credentials::new_password;
use crate::identifier::{identifier, literal};

/// For how long one can log in with it. A session that is open by then goes on.
const VALID_FOR: &str = "10 minutes";

/// With what the names of such roles begin.
const PREFIX: &str = "adhoc-login-";

/// The same for somebody who works with it, and may connect again.
const VALID_FOR_PEOPLE: &str = "12 hours";

/// A role of its own that acts as another one: what it makes belongs to that one. Foreign SQL, such as a dump's, runs under
/// it, and so cannot become the administrator, whatever it says; and the password of the role it acts for need not be known.
///
/// To be ended by [`PostgresAdmin::end_temporary_login`]. One that is forgotten, as when the bastion dies, cannot log in any more
/// after a while, and the next work on the server removes it.
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
        let login = TemporaryLogin::begin(&session, owner.as_str()).await?;
        let done = match self.server.connect(database.as_str(), login.credentials()).await {
            Ok(inside) => {
                let done = work(&inside).await;
                inside.close().await;
                done
            }
            Err(error) => Err(error),
        };
        let user = login.credentials.user.clone();
        let ended = self.end_login(&session, login).await;
        session.close().await;
        match (done, ended) {
            (Err(error), Err(_)) => Err(error.with_left_behind(format!(
                "role {user}, with which nobody can log in after {VALID_FOR}, and which the next run removes"
            ))),
            (done, ended) => done.and_then(|value| ended.map(|()| value)),
        }
    }

    /// Ends a log-in; over a new session if the administrator's own was lost with the bastion.
    pub(super) async fn end_login(&self, session: &Session, login: TemporaryLogin) -> Result<()> {
        let user = login.credentials.user.clone();
        match login.end(session).await {
            Err(_) if session.client().is_closed() => self.end_by_name(&user).await,
            result => result,
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
        let login = TemporaryLogin::begin_for(&session, role.as_str(), VALID_FOR_PEOPLE).await?;
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
    pub(super) async fn begin(session: &Session, role: &str) -> Result<Self> {
        Self::begin_for(session, role, VALID_FOR).await
    }

    async fn begin_for(session: &Session, role: &str, valid_for: &str) -> Result<Self> {
        // By the server's clock, which is the one that decides.
        const UNTIL: &str = "SELECT (now() + $1::text::interval)::text";
        remove_forgotten(session).await?;
        let rows = session.rows("log in", role, UNTIL, &[&valid_for]).await?;
        let until: String = rows.first().map(|row| row.get(0)).unwrap_or_default();
        let password = new_password()?;
        let user = format!("{PREFIX}{}", suffix()?);
        let (name, role) = (identifier(&user), identifier(role));
        // The setting `role` takes effect at log-in, and is what RESET ROLE goes back to. The administrator becomes a member,
        // so that it may end the sessions.
        let statements = format!(
            "BEGIN; CREATE ROLE {name} LOGIN {} VALID UNTIL {} IN ROLE {role}; ALTER ROLE {name} SET role = {role}; \
             GRANT {name} TO CURRENT_USER; COMMIT",
            password_clause(Some(&password)),
            literal(&until),
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

/// Removes log-ins that are no longer good and that nobody uses: of runs that could not do so.
pub(super) async fn remove_forgotten(session: &Session) -> Result<()> {
    const FORGOTTEN: &str = "
        SELECT rolname FROM pg_roles WHERE starts_with(rolname::text, $1) AND rolvaliduntil < now()
        AND NOT EXISTS (SELECT FROM pg_stat_activity WHERE usename = rolname)";
    for row in session.rows("look up", "", FORGOTTEN, &[&PREFIX]).await? {
        let user: &str = row.get(0);
        // Another run may be at it.
        let _ = session.run("drop role", user, &format!("DROP ROLE IF EXISTS {}", identifier(user))).await;
    }
    Ok(())
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
