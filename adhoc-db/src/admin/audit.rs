//! Whether each environment's role can reach its own database, and no other.

use std::collections::BTreeMap;

use adhoc_core::{Credentials, Error, Result, SecretString};
use futures_util::{StreamExt, stream};
use serde::Serialize;
use tokio_postgres::error::SqlState;

use super::{PostgresAdmin, SERVER_OWN, TemporaryLogin, state};
use crate::Session;
use crate::postgres::sql_state;

/// How many log-ins are tried at once.
const CONCURRENCY: usize = 8;

/// What an audit has found.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct AuditReport {
    /// One entry for each environment's database, by name.
    pub roles: Vec<RoleAudit>,
    /// What is worth knowing, and no fault of an environment's role.
    pub notes: Vec<String>,
}

impl AuditReport {
    /// Whether every role reaches its own database and no other.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.roles.iter().all(|role| role.problems.is_empty())
    }
}

/// What one environment's role can do.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct RoleAudit {
    /// The environment.
    pub environment: String,
    /// The role.
    pub role: String,
    /// Its own database.
    pub database: String,
    /// How it was found out.
    pub proof: Proof,
    /// The databases that were tried, its own one included.
    pub tried: Vec<DatabaseReach>,
    /// What is wrong, in words; empty if nothing is.
    pub problems: Vec<String>,
}

/// Whether a role got in to a database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DatabaseReach {
    /// The database.
    pub database: String,
    /// Whether it was let in.
    pub reached: bool,
}

/// How an audit has found out what a role can reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Proof {
    /// It logged in with the role's own password.
    OwnPassword,
    /// It logged in as a temporary member of the role, which inherits all of its rights.
    TemporaryMember,
}

/// A role as the catalogue has it.
struct Subject {
    environment: String,
    role: String,
    database: String,
    powers: Vec<String>,
}

impl PostgresAdmin {
    /// Logs in to every database as every environment's role: with its password, where `passwords` (by environment) has it, else
    /// through a [`TemporaryLogin`]. Looks for powers that would lead further, too: memberships, and attributes such as
    /// CREATEROLE.
    ///
    /// # Errors
    ///
    /// [`Error::Database`]. What is wrong with a role is in the report.
    pub async fn audit(&self, passwords: &BTreeMap<String, SecretString>) -> Result<AuditReport> {
        let session = self.connect().await?;
        let databases = connectable(&session).await?;
        let mut roles = Vec::new();
        for subject in subjects(&session).await? {
            let password = passwords.get(&subject.environment);
            roles.push(self.audit_role(&session, subject, password, &databases).await?);
        }
        let notes = notes(&session).await?;
        session.close().await;
        Ok(AuditReport { roles, notes })
    }

    async fn audit_role(
        &self,
        session: &Session,
        subject: Subject,
        password: Option<&SecretString>,
        databases: &[String],
    ) -> Result<RoleAudit> {
        let (proof, login) = match password {
            Some(_) => (Proof::OwnPassword, None),
            None => {
                let login = TemporaryLogin::begin(session, &subject.role).await?;
                (Proof::TemporaryMember, Some(login))
            }
        };
        let own = password.map(|password| Credentials::new(&subject.role, password.clone()));
        let credentials = own.as_ref().or(login.as_ref().map(TemporaryLogin::credentials));
        let credentials = credentials.ok_or_else(|| Error::internal("audit", &subject.role, "has no credentials"))?;
        let mut tried: Vec<(DatabaseReach, Option<String>)> = stream::iter(databases)
            .map(|database| self.attempt(database, credentials))
            .buffer_unordered(CONCURRENCY)
            .collect()
            .await;
        tried.sort_by(|one, other| one.0.database.cmp(&other.0.database));
        if let Some(login) = login {
            self.end_login(session, login).await?;
        }
        let mut problems = judge(&subject, &tried);
        problems.extend(subject.powers);
        Ok(RoleAudit {
            environment: subject.environment,
            role: subject.role,
            database: subject.database,
            proof,
            tried: tried.into_iter().map(|(reach, _)| reach).collect(),
            problems,
        })
    }

    /// Whether it was let in; and if it was kept out for another reason than a missing privilege, that reason.
    async fn attempt(&self, database: &str, credentials: &Credentials) -> (DatabaseReach, Option<String>) {
        let reach = |reached| DatabaseReach { database: database.to_owned(), reached };
        match self.server.connect(database, credentials).await {
            Ok(session) => {
                session.close().await;
                (reach(true), None)
            }
            Err(error) if sql_state(&error) == Some(SqlState::INSUFFICIENT_PRIVILEGE) => (reach(false), None),
            Err(error) => (reach(false), Some(error.detail().reason.clone())),
        }
    }
}

fn judge(subject: &Subject, tried: &[(DatabaseReach, Option<String>)]) -> Vec<String> {
    let mut problems = Vec::new();
    for (reach, obstacle) in tried {
        let database = &reach.database;
        let own = *database == subject.database;
        match (own, reach.reached, obstacle) {
            (_, _, Some(obstacle)) => problems.push(format!("could not try {database}: {obstacle}")),
            (true, false, None) => problems.push(format!("cannot reach its own database {database}")),
            (false, true, None) => problems.push(format!("can reach {database}")),
            (true, true, None) | (false, false, None) => {}
        }
    }
    problems
}

/// The databases that one can connect to, but for the server's own.
async fn connectable(session: &Session) -> Result<Vec<String>> {
    const QUERY: &str = "SELECT datname FROM pg_database WHERE datallowconn AND datname <> ALL ($1) ORDER BY 1";
    let own: Vec<&str> = SERVER_OWN.to_vec();
    let rows = session.rows("audit", "", QUERY, &[&own]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

async fn subjects(session: &Session) -> Result<Vec<Subject>> {
    const QUERY: &str = "
        SELECT d.datname, r.rolname, shobj_description(d.oid, 'pg_database'),
               array_remove(ARRAY[CASE WHEN r.rolsuper THEN 'SUPERUSER' END, CASE WHEN r.rolcreaterole THEN 'CREATEROLE' END,
                   CASE WHEN r.rolcreatedb THEN 'CREATEDB' END, CASE WHEN r.rolreplication THEN 'REPLICATION' END,
                   CASE WHEN r.rolbypassrls THEN 'BYPASSRLS' END], NULL),
               ARRAY(SELECT g.rolname::text FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid WHERE m.member = r.oid)
        FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba ORDER BY d.datname";
    let rows = session.rows("audit", "", QUERY, &[]).await?;
    let subject = |row: &tokio_postgres::Row| {
        let environment = state::parse_marker(row.get(2))?.environment?;
        let attributes: Vec<String> = row.get(3);
        let groups: Vec<String> = row.get(4);
        let powers = attributes
            .iter()
            .map(|attribute| format!("has the attribute {attribute}"))
            // Membership of this one only says that it may log in with a token.
            .chain(groups.iter().filter(|group| *group != "rds_iam").map(|group| format!("is a member of {group}")));
        Some(Subject { environment, role: row.get(1), database: row.get(0), powers: powers.collect() })
    };
    Ok(rows.iter().filter_map(subject).collect())
}

/// The server's own databases, which every role may connect to unless somebody has forbidden it.
async fn notes(session: &Session) -> Result<Vec<String>> {
    const QUERY: &str = "
        SELECT d.datname FROM pg_database d, aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a
        WHERE d.datname = ANY ($1) AND d.datallowconn AND a.grantee = 0 AND a.privilege_type = 'CONNECT' ORDER BY 1";
    let own: Vec<&str> = SERVER_OWN.to_vec();
    let rows = session.rows("audit", "", QUERY, &[&own]).await?;
    let note = |row: &tokio_postgres::Row| {
        let name: &str = row.get(0);
        format!("every role may connect to the server's own database {name}; it should hold nothing of value")
    };
    Ok(rows.iter().map(note).collect())
}
