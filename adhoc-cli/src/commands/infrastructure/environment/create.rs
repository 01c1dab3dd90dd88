use std::time::Duration;

use adhoc_core::{
    Context, EnvironmentTags, Error, NewEnvironment, Result, Summary, Timestamp, begin_create, finish_create,
};
use adhoc_ecs::{Preparation, UpdateReport};

use super::release::{Release, choose, deploy};
use super::{Place, Site, health};
use crate::args::CreateArgs;
use crate::commands::db::{EnsureDatabase, creator};
use crate::commands::infrastructure::create as infrastructure;
use crate::commands::infrastructure::settings::parsed;
use crate::commands::lifecycle::note_versions;
use crate::reporters::{ApplyReport, EnvironmentReport};

/// `adhoc create ENV`. What was deployed goes into `summary`, whether all of it succeeded or not.
///
/// Every step is safe to repeat: what an interrupted run has left is found by its tags, and completed.
pub(in crate::commands::infrastructure) async fn create(
    site: &Site<'_>,
    args: &CreateArgs,
    summary: &mut Summary,
) -> Result<EnvironmentReport> {
    let settings = parsed(&args.options.settings.set)?;
    // Nobody else may change it until it is complete.
    let _held = site.driver.workspaces.hold(site.cx, &site.environment, "create")?;
    let applied = infrastructure::create(site, &args.options, &settings, args.from.as_deref()).await?;
    let place = Place::open(site).await;
    let mut report = report(site, applied);
    if args.skip_update {
        // The configuration may have no cluster, and nobody asked for one.
        let kept = async { register(&place?, args, &mut report, false).await };
        if let Err(error) = kept.await {
            site.cx.hint(format!("owner and expiry could not be written down: {}", error.chain().join(": ")));
        }
        database(site, args, &mut report).await?;
        return Ok(report);
    }
    let place = place?;
    let before = site.cx.step("register", register(&place, args, &mut report, true)).await?;
    database(site, args, &mut report).await?;
    release(&place, args, &before, &mut report, summary).await?;
    finish_create(place.clusters(), &place.environment.cluster()).await?;
    Ok(report)
}

fn report(site: &Site<'_>, applied: ApplyReport) -> EnvironmentReport {
    let told = applied.outputs.get("url").filter(|url| !url.sensitive).and_then(|url| url.as_str().map(str::to_owned));
    let configured = site.config.health.url_of(&site.environment, &site.config.project);
    // What the configuration file says wins: somebody has written it.
    let url = if site.config.health.is_given { configured.or(told) } else { told.or(configured) };
    EnvironmentReport::new(applied, url)
}

/// Writes down whose it is and when it expires. Gives the tags as they were.
async fn register(
    place: &Place<'_>,
    args: &CreateArgs,
    report: &mut EnvironmentReport,
    unfinished: bool,
) -> Result<EnvironmentTags> {
    let site = place.site;
    let lifecycle = &site.config.lifecycle;
    let now = site.cx.clock().now();
    let new = NewEnvironment::new(now)
        .with_owner(args.owner.clone(), creator())
        .with_expiry(moment(now, args.ttl)?, moment(now, lifecycle.ttl)?)
        .with_max_age(lifecycle.max_age);
    let cluster = place.environment.cluster();
    let (before, after) = begin_create(place.clusters(), &cluster, &new).await.map_err(|error| match error {
        Error::NotFound(_) => Error::not_found("", format!("cluster {cluster}"), "is not what the configuration makes")
            .with_hint("say its name under [names] in adhoc.toml, or `--skip-update`")
            .with_left_behind(format!("the infrastructure of {}", site.environment)),
        other => other.with_left_behind(format!("the infrastructure of {}", site.environment)),
    })?;
    if !unfinished {
        finish_create(place.clusters(), &cluster).await?;
    }
    if moment(now, args.ttl)? > after.expires_at {
        site.cx.hint("it expires sooner than that: `max_age` under [lifecycle] is its limit");
    }
    (report.owner, report.expires_at) = (after.owner, after.expires_at);
    Ok(before)
}

fn moment(now: Timestamp, length: Option<Duration>) -> Result<Option<Timestamp>> {
    let moment = length.map(|length| now.checked_add(length)).transpose();
    moment.map_err(|error| Error::invalid("", "--ttl", "reaches beyond the end of time").with_source(error))
}

async fn database(site: &Site<'_>, args: &CreateArgs, report: &mut EnvironmentReport) -> Result<()> {
    if args.skip_db || site.config.database.is_none() {
        return Ok(());
    }
    let database = EnsureDatabase::new(&site.environment, site.global, site.config)?
        .with_owner(report.owner.clone())
        .with_expiry(report.expires_at);
    site.cx.step(database.name(), database.prepare(site.cx)).await?;
    report.database = Some(site.config.conventions.database(&site.environment)?.to_string());
    Ok(())
}

/// Deploys the components one after the other, and waits for the URL to answer.
async fn release(
    place: &Place<'_>,
    args: &CreateArgs,
    before: &EnvironmentTags,
    report: &mut EnvironmentReport,
    summary: &mut Summary,
) -> Result<()> {
    let cx = place.site.cx;
    let releases = choose(place, args).await?;
    report.components = releases.iter().map(Release::report).collect();
    if before.stopped_at.is_some() {
        cx.hint(format!(
            "it is asleep, and nothing was deployed: `adhoc start {}` wakes it up",
            place.environment.name
        ));
        return Ok(());
    }
    let mut deployed = false;
    for release in releases {
        let Some(image) = release.image else {
            not_yet(cx, &release.component, place);
            continue;
        };
        deployed = true;
        if is_there(args, report, before, &release.component) {
            continue;
        }
        let update = deploy(place, args, &release.component, image).await;
        keep(summary, &update);
        let ended = update.summary("create");
        update.into_result()?;
        note_versions(&place.session, &place.environment.name, &release.component, &ended).await;
    }
    match &report.url {
        Some(url) if deployed && !args.skip_health => {
            let answers = health::url_answers(cx, &place.site.config.health, url);
            let answered = cx.step("health", answers).await;
            answered.map_err(|error| health::unwell(error, place.environment.name.as_str()))
        }
        _ => Ok(()),
    }
}

fn not_yet(cx: &Context, component: &str, place: &Place<'_>) {
    let name = &place.environment.name;
    cx.hint(format!("{component} has no release yet: `adhoc update {component} {name} --tag TAG`"));
}

/// Whether a component runs already what it should: nothing has changed since an earlier run has come to its end.
fn is_there(args: &CreateArgs, report: &EnvironmentReport, before: &EnvironmentTags, component: &str) -> bool {
    let complete = before.created_at.is_some() && before.unfinished.is_none();
    complete && !report.applied.changed && args.tag.is_empty() && before.versions.contains_key(component)
}

/// Takes over what an update has done.
fn keep(summary: &mut Summary, update: &UpdateReport) {
    summary.task_definitions.extend(update.task_definitions.iter().cloned());
    summary.tasks.extend(update.tasks.iter().cloned());
    summary.services.extend(update.services.iter().cloned());
}
