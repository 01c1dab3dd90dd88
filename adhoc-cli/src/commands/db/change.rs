use adhoc_core::{
    Created, DatabaseMarker, DatabaseName, DropDatabase, Dropped, EnvironmentName, Error, Result, RoleName,
};
use adhoc_db::DatabaseAdmin;

use super::Surroundings;
use super::access::Databases;
use crate::args::{DbCloneArgs, DbDropArgs, MarkerArgs};
use crate::commands::confirm;
use crate::reporters::DatabaseChange;

/// `adhoc db create`.
pub(super) async fn create(
    at: &Surroundings<'_>,
    environment: &EnvironmentName,
    marker: &MarkerArgs,
) -> Result<DatabaseChange> {
    let databases = at.open().await?;
    let template = databases.config.template.clone();
    let created = ensure(at, databases, environment, marker, template.clone()).await?;
    change(databases, environment, created, template.as_ref())
}

/// `adhoc db clone`.
pub(super) async fn clone(at: &Surroundings<'_>, args: &DbCloneArgs) -> Result<DatabaseChange> {
    let databases = at.open().await?;
    let account = databases.account(&args.environment)?;
    let known = at.cx.step("look up", databases.admin.list()).await?;
    // One without a marker is what an interrupted run has left, or is refused.
    if known.iter().any(|database| database.name == account.database.as_str() && database.marker.is_some()) {
        return Err(Error::database(
            "clone",
            account.database.as_str(),
            "the database exists already, and keeps what it holds",
        )
        .with_hint(format!("`adhoc db drop {}` first", args.environment)));
    }
    let created = ensure(at, databases, &args.environment, &args.marker, Some(args.from.clone())).await?;
    change(databases, &args.environment, created, Some(&args.from))
}

async fn ensure(
    at: &Surroundings<'_>,
    databases: &Databases,
    environment: &EnvironmentName,
    marker_args: &MarkerArgs,
    template: Option<DatabaseName>,
) -> Result<Created> {
    let marker = marker_of(at, environment, marker_args)?;
    let account = databases.account(environment)?;
    let request = databases.request(&account, marker).with_template(template);
    let work = adhoc_db::ensure_database(at.cx, &databases.admin, &*databases.passwords, &account, request);
    let created = at.cx.step("create", work).await?;
    databases.hint_about_password(at.cx, &account).await;
    if created != Created::New && (args_given(marker_args)) {
        at.cx.hint("the database was there: `--ttl` and `--owner` are for new ones, and its marker stays as it is");
    }
    Ok(created)
}

fn args_given(args: &MarkerArgs) -> bool {
    args.ttl.is_some() || args.owner.is_some()
}

fn marker_of(at: &Surroundings<'_>, environment: &EnvironmentName, args: &MarkerArgs) -> Result<DatabaseMarker> {
    let now = at.cx.clock().now();
    let expiry = args.ttl.map(|ttl| now.checked_add(ttl)).transpose();
    let expiry =
        expiry.map_err(|error| Error::invalid("", "--ttl", "reaches beyond the end of time").with_source(error))?;
    let creator = args.owner.clone().or_else(creator);
    Ok(DatabaseMarker::for_environment(environment, now).with_creator(creator).with_expiry(expiry))
}

/// Who runs this.
pub(crate) fn creator() -> Option<String> {
    ["GITHUB_ACTOR", "USER"]
        .into_iter()
        .filter_map(|name| std::env::var(name).ok())
        .find(|name| !name.trim().is_empty())
}

fn change(
    databases: &Databases,
    environment: &EnvironmentName,
    created: Created,
    template: Option<&DatabaseName>,
) -> Result<DatabaseChange> {
    let account = databases.account(environment)?;
    let (database, role) = (account.database.to_string(), account.role.to_string());
    let (change, message) = match (created, template) {
        (Created::New, Some(template)) => {
            ("cloned", format!("database {database} is a clone of {template}, owned by {role}"))
        }
        (Created::New, None) => ("created", format!("database {database} is there, owned by {role}")),
        (Created::Completed, _) => {
            ("completed", format!("database {database} was there; what was missing is there now"))
        }
        _ => ("unchanged", format!("database {database} was there already; nothing was changed")),
    };
    Ok(DatabaseChange { database, role, change: change.to_owned(), message, details: Vec::new() })
}

/// `adhoc db drop`.
pub(super) async fn drop(at: &Surroundings<'_>, args: &DbDropArgs) -> Result<DatabaseChange> {
    match (&args.environment, &args.template) {
        (Some(environment), _) => drop_environment(at, environment).await,
        (None, Some(template)) => drop_template(at, template).await,
        (None, None) => Err(Error::invalid("", "", "neither an environment nor a template is named")),
    }
}

async fn drop_environment(at: &Surroundings<'_>, environment: &EnvironmentName) -> Result<DatabaseChange> {
    confirm(at.cx, at.global, &format!("Drop the database of {environment}, with everything in it?")).await?;
    let databases = at.open().await?;
    let account = databases.account(environment)?;
    let work = adhoc_db::remove_database(at.cx, &databases.admin, &*databases.passwords, &account);
    let dropped = at.cx.step("drop", work).await?;
    Ok(removal(account.database.as_str(), account.role.as_str(), dropped))
}

async fn drop_template(at: &Surroundings<'_>, template: &DatabaseName) -> Result<DatabaseChange> {
    confirm(at.cx, at.global, &format!("Drop the template {template}? Databases that were cloned from it stay."))
        .await?;
    let databases = at.open().await?;
    let owner: RoleName = adhoc_db::template_owner(template)?;
    let dropped =
        at.cx.step("drop", databases.admin.drop(&DropDatabase::of_template(template.clone(), owner.clone()))).await?;
    Ok(removal(template.as_str(), owner.as_str(), dropped))
}

fn removal(database: &str, role: &str, dropped: Dropped) -> DatabaseChange {
    let (change, message) = match dropped {
        Dropped::Dropped => ("dropped", format!("database {database} and role {role} are gone")),
        _ => ("already_gone", format!("database {database} was gone already")),
    };
    let (database, role) = (database.to_owned(), role.to_owned());
    DatabaseChange { database, role, change: change.to_owned(), message, details: Vec::new() }
}
