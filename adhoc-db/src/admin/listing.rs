//! What there is, and how much of it is used.

use adhoc_core::{Database, Error, Result};
use jiff::Timestamp;
use serde::Serialize;

use super::{PostgresAdmin, SERVER_OWN, state};
use crate::Session;

/// How many connections the server has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Limits {
    /// The most that it allows: `max_connections`, less those kept for superusers.
    pub max_connections: u32,
    /// How many are open now, in all databases.
    pub connections: u32,
}

impl PostgresAdmin {
    /// How many connections the server has, and how many are used.
    ///
    /// # Errors
    ///
    /// [`Error::Database`].
    pub async fn limits(&self) -> Result<Limits> {
        const QUERY: &str = "
            SELECT current_setting('max_connections')::int8 - current_setting('superuser_reserved_connections')::int8
                       - coalesce(current_setting('reserved_connections', true), '0')::int8,
                   (SELECT sum(numbackends)::int8 FROM pg_stat_database)";
        let session = self.connect().await?;
        let rows = session.rows("list", "", QUERY, &[]).await?;
        let row = rows.first().ok_or_else(|| Error::internal("list", "", "no row"))?;
        Ok(Limits { max_connections: count(row.get(0)), connections: count(row.get(1)) })
    }
}

pub(super) async fn list(session: &Session) -> Result<Vec<Database>> {
    // Sizes may only be read where one may connect; times go as text, in which both sides agree.
    const QUERY: &str = "
        SELECT d.datname, r.rolname, shobj_description(d.oid, 'pg_database'), d.datistemplate,
               CASE WHEN has_database_privilege(d.oid, 'CONNECT') OR pg_has_role('pg_read_all_stats', 'USAGE')
                    THEN pg_database_size(d.oid) END,
               coalesce(s.numbackends, 0)::int8, d.datconnlimit::int8, coalesce(s.sessions, 0),
               (SELECT to_char(max(greatest(a.backend_start, a.state_change)) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')
                FROM pg_stat_activity a WHERE a.datid = d.oid AND a.backend_type = 'client backend')
        FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba LEFT JOIN pg_stat_database s ON s.datid = d.oid
        WHERE d.datname <> ALL ($1) ORDER BY d.datname";
    let own: Vec<&str> = SERVER_OWN.to_vec();
    let rows = session.rows("list", "", QUERY, &[&own]).await?;
    Ok(rows.iter().map(database).collect())
}

fn database(row: &tokio_postgres::Row) -> Database {
    let mut database = Database::new(row.get::<_, String>(0), row.get::<_, String>(1));
    database.marker = state::parse_marker(row.get(2));
    database.is_template = row.get(3);
    database.size_bytes = row.get::<_, Option<i64>>(4).and_then(|size| u64::try_from(size).ok());
    database.connections = count(row.get(5));
    // -1 means that it sets no limit.
    database.connection_limit = u32::try_from(row.get::<_, i64>(6)).ok();
    database.sessions = u64::try_from(row.get::<_, i64>(7)).unwrap_or_default();
    database.last_activity = row.get::<_, Option<&str>>(8).and_then(|text| text.parse::<Timestamp>().ok());
    database
}

fn count(number: i64) -> u32 {
    u32::try_from(number).unwrap_or_default()
}
