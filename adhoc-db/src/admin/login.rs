//! A log-in for one piece of work, which can do what a role can, and nothing else.

use std::time::Duration;

use adhoc_core::{Clock, Credentials, Result, RoleName};

use super::PostgresAdmin;
use super::ensure::password_clause;
use super::remove::drop_role;
use crate::Session;
use crate::credentials::new_password;
use crate::identifier::{identifier, literal};

/// For how long such a log-in is good, at most, should nobody remove it.
const VALID_FOR: Duration = Duration::from_secs(12 * 60 * 60);

/// A role of its own that acts as another one: what it makes belongs to that one. Foreign SQL, such as a dump's, runs under
/// it, and so cannot become the administrator, whatever it says; and the password of the role it acts for need not be known.
///
/// To be ended by [`end`](Self::end). One that is forgotten cannot log in after twelve hours.
#[derive(Debug)]
pub struct TemporaryLogin {
    credentials: Credentials,
}

impl PostgresAdmin {
    /// A log-in that acts as `role`.
    ///
    /// # Errors
    ///
    /// [`Error::Database`](adhoc_core::Error::Database).
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
    /// [`Error::Database`](adhoc_core::Error::Database).
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
        let suffix = uuid_suffix()?;
        let user = format!("adhoc-login-{suffix}");
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
        const TERMINATE: &str = "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity WHERE usename = $1";
        let user = self.credentials.user.as_str();
        session.rows("log out", user, TERMINATE, &[&user]).await?;
        drop_role(session, user).await
    }
}

fn uuid_suffix() -> Result<String> {
    use adhoc_core::ExposeSecret;
    Ok(new_password()?.expose_secret()[..12].to_ascii_lowercase())
}
