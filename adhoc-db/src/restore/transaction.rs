//! The one transaction: that it was one, and whose its objects are.

use adhoc_core::{Error, Result};

use crate::Session;
use crate::identifier::identifier;

/// The transaction that a dump is loaded in. What could end it is refused before it is sent; this notices when that has not
/// helped.
#[derive(Debug, Default)]
pub(super) struct Transaction {
    id: Option<String>,
    /// The role that acts, where it is not the one that has logged in.
    role: Option<(String, String)>,
}

impl Transaction {
    /// The transaction that has begun.
    pub(super) async fn begun(session: &Session, name: &str) -> Result<Self> {
        const QUERY: &str = "SELECT pg_catalog.pg_current_xact_id()::text, session_user::text, current_user::text";
        let rows = session.rows("restore", name, QUERY, &[]).await?;
        let row = rows.first().ok_or_else(|| Error::internal("restore", name, "has no transaction"))?;
        let (login, role): (String, String) = (row.get(1), row.get(2));
        Ok(Self { id: Some(row.get(0)), role: (login != role).then_some((login, role)) })
    }

    /// Refuses to commit what is no longer the transaction that was begun. What the dump has made as the log-in itself, by
    /// leaving the role, is given to the role.
    pub(super) async fn ensure_whole(&self, session: &Session, name: &str) -> Result<()> {
        const QUERY: &str = "SELECT pg_catalog.pg_current_xact_id_if_assigned()::text";
        let rows = session.rows("restore", name, QUERY, &[]).await?;
        if rows.first().and_then(|row| row.get::<_, Option<String>>(0)) != self.id {
            return Err(Error::database("restore", name, "the dump has ended the transaction that it was loaded in")
                .with_hint("look at what it has left in the database; `--clean` with another dump replaces it"));
        }
        let Some((login, role)) = &self.role else { return Ok(()) };
        let statements =
            format!("SET LOCAL ROLE NONE; REASSIGN OWNED BY {} TO {}", identifier(login), identifier(role));
        session.run("restore", name, &statements).await
    }

    /// Whether it was committed, by the dump itself.
    pub(super) async fn has_committed(&self, session: &Session) -> bool {
        const QUERY: &str = "SELECT pg_catalog.pg_xact_status($1::text::xid8)";
        let Some(id) = &self.id else { return false };
        if session.client().is_closed() {
            return false;
        }
        let rows = session.rows("restore", "", QUERY, &[id]).await;
        rows.is_ok_and(|rows| rows.first().and_then(|row| row.get::<_, Option<&str>>(0)) == Some("committed"))
    }
}
