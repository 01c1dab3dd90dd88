//! What the server has under a name.

use adhoc_core::{DatabaseMarker, Result};

use crate::Session;

/// A database that is there.
pub(super) struct ExistingDatabase {
    pub(super) owner: String,
    /// What the owner's role says, if it is ours.
    pub(super) owner_marker: Option<DatabaseMarker>,
    pub(super) marker: Option<DatabaseMarker>,
    pub(super) is_template: bool,
    /// Whether the administrator has the rights of the owner's role, as dropping it needs.
    pub(super) is_member: bool,
}

impl ExistingDatabase {
    /// Whether an interrupted run of ours has left it: no marker yet, but its owner is a role that we made. Role and marker
    /// are made in one transaction, which CREATE DATABASE cannot be part of.
    pub(super) fn is_half_made(&self, owner: &str) -> bool {
        self.marker.is_none() && self.owner == owner && self.owner_marker.is_some()
    }
}

/// The database of that name.
pub(super) async fn database(session: &Session, name: &str) -> Result<Option<ExistingDatabase>> {
    const QUERY: &str = "
        SELECT r.rolname, shobj_description(r.oid, 'pg_authid'), shobj_description(d.oid, 'pg_database'), d.datistemplate,
               pg_has_role(current_user, r.oid, 'USAGE')
        FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba WHERE d.datname = $1";
    let rows = session.rows("look up", name, QUERY, &[&name]).await?;
    Ok(rows.first().map(|row| ExistingDatabase {
        owner: row.get(0),
        owner_marker: parse_marker(row.get(1)),
        marker: parse_marker(row.get(2)),
        is_template: row.get(3),
        is_member: row.get(4),
    }))
}

/// Whether there is a role of that name, and whether we made it.
pub(super) async fn role(session: &Session, name: &str) -> Result<Option<bool>> {
    const QUERY: &str = "SELECT shobj_description(oid, 'pg_authid') FROM pg_roles WHERE rolname = $1";
    let rows = session.rows("look up", name, QUERY, &[&name]).await?;
    Ok(rows.first().map(|row| parse_marker(row.get(0)).is_some()))
}

/// Our marker in a comment; a comment that says anything else is not ours.
pub(super) fn parse_marker(comment: Option<&str>) -> Option<DatabaseMarker> {
    let marker: DatabaseMarker = serde_json::from_str(comment?).ok()?;
    (marker.environment.is_some() || marker.template.is_some()).then_some(marker)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_comments_are_markers() {
        assert!(parse_marker(Some(r#"{"environment":"alpha","created_at":"2026-11-21T06:00:00Z"}"#)).is_some());
        for other in
            [None, Some(""), Some("the app's database"), Some("{}"), Some(r#"{"created_at":"2026-11-21T06:00:00Z"}"#)]
        {
            assert!(parse_marker(other).is_none(), "{other:?}");
        }
    }
}
