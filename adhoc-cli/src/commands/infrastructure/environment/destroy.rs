use std::time::Duration;

use adhoc_core::{DatabaseAdmin as _, Dropped, EnvironmentTags, Error, Result, Workspaces as _, begin_destroy};

use super::{Place, Site, confirm, ensure_answerable, ensure_not_protected, protected};
use crate::args::DestroyArgs;
use crate::commands::db::Databases;
use crate::commands::infrastructure::destroy as infrastructure;
use crate::commands::maintenance;
use crate::reporters::DestroyReport;

/// How long the last task may take to stop: as long as ECS lets a container that does not want to.
const PATIENCE: Duration = Duration::from_secs(10 * 60);

/// `adhoc destroy ENV`: services to 0, database dropped, everything of Terraform's destroyed, and looked whether anything is left.
///
/// Every step is safe to repeat, and what is gone already is passed over.
pub(in crate::commands::infrastructure) async fn destroy(site: &Site<'_>, args: &DestroyArgs) -> Result<DestroyReport> {
    let (cx, workspaces) = (site.cx, &site.driver.workspaces);
    ensure_not_protected(site)?;
    ensure_answerable(site.global)?;
    let _held = workspaces.hold(cx, &site.environment, "destroy")?;
    let place = Place::open(site).await?;
    ensure_not_tagged_protected(&place).await?;
    let databases = open_databases(&place, args).await?;
    let ended = end(&place, databases.as_ref()).await;
    if let Some(databases) = &databases {
        databases.close().await;
    }
    let (destroyed, database) = ended?;
    // What is left now is at most an empty workspace, or what appeared meanwhile.
    let gone = workspaces.destroy(cx, &site.environment).await?;
    ensure_nothing_left(&place).await?;
    Ok(DestroyReport {
        environment: site.environment.to_string(),
        existed: gone.existed,
        destroyed: destroyed + gone.destroyed,
        database,
    })
}

/// Ends everything that was agreed to. Gives the number of resources and the database that are gone by this.
async fn end(place: &Place<'_>, databases: Option<&Databases>) -> Result<(u64, Option<String>)> {
    let site = place.site;
    let prepared = infrastructure::prepare(site).await?;
    if prepared.is_none() && !ask_about_rest(place, databases).await? {
        return Ok((0, None));
    }
    let emptied = async {
        end_tasks(place).await?;
        drop_database(place, databases).await
    };
    let database = match (emptied.await, &prepared) {
        (Ok(database), _) => database,
        (Err(error), Some(prepared)) => {
            infrastructure::abandon(site, prepared).await;
            return Err(error);
        }
        (Err(error), None) => return Err(error),
    };
    match prepared {
        Some(prepared) => Ok((infrastructure::carry_out(site, prepared).await?, database)),
        None => Ok((0, database)),
    }
}

async fn ensure_not_tagged_protected(place: &Place<'_>) -> Result<()> {
    let name = place.environment.name.as_str();
    match place.clusters().describe(&place.environment.cluster()).await {
        Ok(cluster) if EnvironmentTags::read(&cluster.tags).protected => {
            Err(protected(name, "the tag adhoc:protected of its cluster"))
        }
        Ok(_) | Err(Error::NotFound(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

async fn open_databases(place: &Place<'_>, args: &DestroyArgs) -> Result<Option<Databases>> {
    let site = place.site;
    match site.config.database.is_some() && !args.skip_db {
        true => Databases::open(site.cx, site.global, site.config).await.map(Some),
        false => Ok(None),
    }
}

/// Where Terraform has nothing: whether there is something else that may go. Asks, since nobody has been asked yet.
async fn ask_about_rest(place: &Place<'_>, databases: Option<&Databases>) -> Result<bool> {
    let (site, name) = (place.site, &place.environment.name);
    let Some(databases) = databases else { return Ok(false) };
    let account = databases.account(name)?;
    if !databases.admin.exists(&account.database).await? {
        return Ok(false);
    }
    let question =
        format!("There is no workspace {name}. Drop its database {}, with everything in it?", account.database);
    confirm(site.cx, site.global, &question).await.map(|()| true)
}

/// Ends what runs, so that nothing holds on to the database, and nobody sees an application that is half gone.
async fn end_tasks(place: &Place<'_>) -> Result<()> {
    let cluster = place.environment.cluster();
    if begin_destroy(place.clusters(), &cluster).await?.is_none() {
        return Ok(());
    }
    let cx = place.site.cx;
    // Its rule would hold on to nothing; it only stays in the way of others.
    if let Err(error) = maintenance::remove(cx, &place.session.sdk, &place.environment.name).await {
        cx.hint(format!("a maintenance page may be left: {}", error.chain().join(": ")));
    }
    cx.step("stop", adhoc_ecs::halt(cx, place.ecs(), &place.environment, PATIENCE)).await.map(drop)
}

async fn drop_database(place: &Place<'_>, databases: Option<&Databases>) -> Result<Option<String>> {
    let Some(databases) = databases else { return Ok(None) };
    let account = databases.account(&place.environment.name)?;
    let cx = place.site.cx;
    let work = adhoc_db::remove_database(cx, &databases.admin, &*databases.passwords, &account);
    let dropped = cx.step("database", work).await?;
    Ok((dropped == Dropped::Dropped).then(|| account.database.to_string()))
}

/// The last look: an environment is gone when its cluster is.
async fn ensure_nothing_left(place: &Place<'_>) -> Result<()> {
    let cluster = place.environment.cluster();
    match place.clusters().describe(&cluster).await {
        Err(Error::NotFound(_)) => Ok(()),
        Ok(_) => {
            place.site.cx.hint(format!(
                "the cluster {cluster} is still there: Terraform does not know it, so that who made it has to delete it"
            ));
            Ok(())
        }
        Err(error) => Err(error),
    }
}
