use std::collections::BTreeMap;

use adhoc_core::{EnvironmentName, Error, Result, SecretString, Summary};
use adhoc_db::{AuditReport, DatabaseAdmin, RoleAudit};

use super::access::Databases;
use super::{Surroundings, summary};
use crate::args::DbAuditArgs;
use crate::reporters::{AuditRow, AuditTable};

/// `adhoc db audit`: succeeds if every role reaches its own database and no other.
pub(super) async fn audit(at: &Surroundings<'_>, args: &DbAuditArgs) -> Summary {
    let report = match look(at, args).await {
        Ok(report) => report,
        Err(error) => return summary("db audit", None, Err::<(), _>(error)),
    };
    let table = AuditTable { roles: report.roles.iter().map(row).collect(), notes: report.notes.clone() };
    let faulty = report.roles.iter().filter(|role| !role.problems.is_empty()).count();
    let ending = summary("db audit", None, Ok(table));
    if report.is_clean() {
        return ending;
    }
    let reason = format!("{faulty} of {} roles are not confined to their own database", report.roles.len());
    ending.with_error(&Error::database("audit", "", reason).with_hint(
        "`REVOKE CONNECT ON DATABASE \"NAME\" FROM PUBLIC` closes a database; take memberships and attributes away likewise",
    ))
}

async fn look(at: &Surroundings<'_>, args: &DbAuditArgs) -> Result<AuditReport> {
    let databases = at.open().await?;
    let work = async {
        let passwords = if args.without_passwords { BTreeMap::new() } else { passwords(databases).await? };
        databases.admin.audit(&passwords).await
    };
    at.cx.step("audit", work).await
}

/// The passwords that are kept, by environment.
async fn passwords(databases: &Databases) -> Result<BTreeMap<String, SecretString>> {
    let mut passwords = BTreeMap::new();
    for database in databases.admin.list().await? {
        let Some(name) = database.marker.and_then(|marker| marker.environment) else { continue };
        let Ok(environment) = name.parse::<EnvironmentName>() else { continue };
        if let Some(password) = databases.passwords.find(&databases.account(&environment)?).await? {
            passwords.insert(name, password);
        }
    }
    Ok(passwords)
}

fn row(role: &RoleAudit) -> AuditRow {
    let proof = serde_json::to_value(role.proof).ok().and_then(|proof| proof.as_str().map(str::to_owned));
    let reached = role.tried.iter().filter(|tried| tried.reached).map(|tried| tried.database.clone());
    AuditRow {
        environment: role.environment.clone(),
        role: role.role.clone(),
        database: role.database.clone(),
        proof: proof.unwrap_or_default(),
        tried: role.tried.len(),
        reached: reached.collect(),
        problems: role.problems.clone(),
    }
}
