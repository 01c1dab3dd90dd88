//! What there is of every environment, read from AWS, Terraform and Postgres at once.

use adhoc_core::{
    Database, DatabaseAdmin, EnvironmentRecord, EnvironmentState, Error, Inventory, ObservedCluster, ObservedWorkspace,
    Part, Result, Workspaces,
};

use super::Session;
use crate::commands::db::Databases;
use crate::commands::infrastructure::{Driver, Root};

/// Every environment, and what could not be read.
pub(super) struct Gathered {
    /// The environments: those that live first.
    pub(super) environments: Vec<EnvironmentRecord>,
    /// What could not be read, in words.
    pub(super) unreadable: Vec<String>,
    /// Why the clusters could not be read.
    pub(super) without_clusters: Option<Error>,
}

/// Reads whatever can be read. What cannot costs its columns and a hint.
///
/// # Errors
///
/// [`Error::Cancelled`].
pub(super) async fn gather(session: &Session) -> Result<Gathered> {
    let driver = driver(session);
    let clusters = adhoc_ecs::observe(&session.cx, &session.ecs, &*session.clusters, &session.config.conventions);
    let (clusters, workspaces, databases) =
        tokio::join!(session.cx.step("clusters", clusters), workspaces(session, driver.as_ref()), databases(session));
    session.cx.ensure_not_cancelled()?;
    let mut unreadable = Vec::new();
    let mut failures = Vec::new();
    let mut inventory = Inventory::default();
    inventory.clusters = part(clusters.map(Some), "AWS: the clusters", &mut failures);
    let without_clusters = failures.pop().map(|(what, error)| {
        unreadable.push(what);
        error
    });
    inventory.workspaces = part(workspaces, "Terraform: the workspaces", &mut failures);
    inventory.databases = part(databases, "Postgres: the databases", &mut failures);
    inventory.var_files = driver.as_ref().map(|driver| driver.workspaces.configured()).unwrap_or_default();
    for (what, error) in failures {
        session.cx.hint(format!("{what} could not be read: {}", error.chain().join(": ")));
        unreadable.push(what);
    }
    if let Some(driver) = &driver {
        count_resources(session, driver, &mut inventory).await?;
    }
    Ok(Gathered { environments: records(session, &inventory), unreadable, without_clusters })
}

fn part<T>(read: Result<Option<Vec<T>>>, what: &str, failures: &mut Vec<(String, Error)>) -> Part<T> {
    match read {
        Ok(Some(found)) => Part::Read(found),
        Ok(None) => Part::Absent,
        Err(error) => {
            failures.push((what.to_owned(), error));
            Part::Unreadable
        }
    }
}

/// What drives Terraform; none where the project has no configuration for environments.
fn driver(session: &Session) -> Option<Driver> {
    let driver = Driver::new(Root::Environments, &session.global, &session.config, &[]);
    driver.dir.is_dir().then_some(driver)
}

async fn workspaces(session: &Session, driver: Option<&Driver>) -> Result<Option<Vec<ObservedWorkspace>>> {
    let Some(driver) = driver else { return Ok(None) };
    let names = session.cx.step_to_its_end("workspaces", driver.workspaces.list(&session.cx)).await?;
    Ok(Some(names.into_iter().map(|name| ObservedWorkspace::new(name, None)).collect()))
}

/// How many resources a workspace has is asked, which takes Terraform a while, only where there is no cluster.
async fn count_resources(session: &Session, driver: &Driver, inventory: &mut Inventory) -> Result<()> {
    let (Some(clusters), Part::Read(workspaces)) = (inventory.clusters.known(), &mut inventory.workspaces) else {
        return Ok(());
    };
    let conventions = &session.config.conventions;
    let names: Vec<_> = clusters.iter().map(|it: &ObservedCluster| it.cluster.name.clone()).collect();
    let alone = workspaces.iter_mut().filter(|it| {
        it.environment.as_str() != conventions.shared && !names.contains(&conventions.cluster(&it.environment))
    });
    for workspace in alone {
        match driver.workspaces.state_list(&session.cx, &workspace.environment).await {
            Ok(resources) => workspace.resources = u64::try_from(resources.len()).ok(),
            Err(error @ Error::Cancelled(_)) => return Err(error),
            Err(error) => {
                let name = &workspace.environment;
                session.cx.hint(format!("the state of {name} could not be read: {}", error.chain().join(": ")));
            }
        }
    }
    Ok(())
}

async fn databases(session: &Session) -> Result<Option<Vec<Database>>> {
    if session.config.database.is_none() {
        return Ok(None);
    }
    let read = async {
        let databases = Databases::open(&session.cx, &session.global, &session.config).await?;
        let found = databases.admin.list().await;
        databases.close().await;
        found
    };
    session.cx.step("databases", read).await.map(Some)
}

fn records(session: &Session, inventory: &Inventory) -> Vec<EnvironmentRecord> {
    let config = &session.config;
    let mut records = inventory.join(&config.conventions);
    for record in &mut records {
        record.protected |= config.lifecycle.protected.iter().any(|name| name == record.name.as_str());
        if matches!(record.state, EnvironmentState::Live | EnvironmentState::Stopped | EnvironmentState::HalfMade) {
            record.url = config.health.url_of(&record.name, &config.project);
        }
    }
    records.sort_by(|a, b| (a.state, &a.name).cmp(&(b.state, &b.name)));
    records
}
