use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use adhoc_core::{
    Check, Clusters, Context, EnvironmentTags, Error, Event, Result, Service, ServiceUpdate, TagKey, Tags, WaitConfig,
    wait_for,
};
use futures_util::future::join_all;

use super::{CountChange, SleepReport, SleepRequest, cluster_of, countable};
use crate::{Ecs, Environment};

/// Puts an environment to sleep: remembers how many tasks each of its services should have, in the tags of its cluster, sets
/// every one of them to 0, and waits until no task of theirs runs. DAEMON services, which take no count, are left alone, and
/// so are one-off tasks.
///
/// Safe to repeat: what is remembered is never replaced by less, so that stopping what is stopped, or half stopped, changes
/// nothing of it. Autoscaling leaves a service at 0 alone:
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-auto-scaling.html>.
///
/// Never fails: the report holds what was done and, if it did not succeed, the [`Error`]; [`Error::Invalid`] for a protected
/// environment. Cancelling leaves the services going down by themselves.
pub async fn stop(cx: &Context, ecs: &Ecs, clusters: &dyn Clusters, request: &SleepRequest) -> SleepReport {
    let mut report = SleepReport::default();
    let step = format!("stop {}", request.environment.name);
    report.error = cx.step(&step, drive(cx, ecs, clusters, request, &mut report.changed)).await.err();
    report
}

async fn drive(
    cx: &Context,
    ecs: &Ecs,
    clusters: &dyn Clusters,
    request: &SleepRequest,
    changed: &mut Vec<CountChange>,
) -> Result<()> {
    let environment = &request.environment;
    let cluster = cluster_of(clusters, environment).await?;
    let tags = EnvironmentTags::read(&cluster.tags);
    if tags.protected {
        return Err(Error::invalid(
            "",
            format!("environment {}", environment.name),
            "is protected, and was not stopped",
        )
        .with_hint(format!("the tag {} of its cluster says so", TagKey::Protected.as_str())));
    }
    let services = countable(ecs, environment).await?;
    if tags.stopped_at.is_none() || services.values().any(|service| service.desired_count > 0) {
        let remembered = remembered(cx, environment, &tags, &services)?;
        if !remembered.iter().all(|(key, value)| cluster.tags.get(key) == Some(value)) {
            clusters.tag(&cluster.name, &remembered).await?;
        }
    }
    cx.ensure_not_cancelled()?;
    go_down(cx, ecs, request, services, changed).await
}

/// The tags that say what is asleep: since when, and the counts that are not 1. A count that was remembered before stays, unless
/// there is more to remember now.
fn remembered(
    cx: &Context,
    environment: &Environment,
    tags: &EnvironmentTags,
    services: &BTreeMap<String, Service>,
) -> Result<Tags> {
    let mut kept = EnvironmentTags::default();
    kept.stopped_at = Some(tags.stopped_at.unwrap_or_else(|| cx.clock().now()));
    for (key, service) in services {
        let before = tags.stopped_at.map(|_| tags.counts.get(key).copied().unwrap_or(1));
        let count = service.desired_count.max(before.unwrap_or_default());
        kept.counts.extend((count != 1).then(|| (key.clone(), count)));
    }
    let written = kept.write();
    if EnvironmentTags::read(&written).counts != kept.counts {
        let reason = "has more counts to remember than a tag holds, and was not stopped";
        return Err(Error::rejected("", format!("environment {}", environment.name), reason)
            .with_hint("a tag holds 256 characters; the services that are to have 1 task take none of them"));
    }
    Ok(complete(written))
}

/// A tag that an earlier stop has left must not say what this one does not.
fn complete(mut tags: Tags) -> Tags {
    tags.entry(TagKey::Counts.as_str().to_owned()).or_default();
    tags
}

/// Sets every service to 0, and waits until nothing runs.
async fn go_down(
    cx: &Context,
    ecs: &Ecs,
    request: &SleepRequest,
    services: BTreeMap<String, Service>,
    changed: &mut Vec<CountChange>,
) -> Result<()> {
    let services: Vec<Service> = services.into_values().collect();
    let told = Mutex::new(Vec::new());
    let lock = || told.lock().unwrap_or_else(PoisonError::into_inner);
    let cluster = request.environment.cluster();
    let names: Vec<_> = services.iter().map(|service| service.name.clone()).collect();
    let probe = || async {
        // Whom nobody has told yet: all of them at first, later those whose answer was lost.
        let open: Vec<&Service> = services.iter().filter(|service| !lock().contains(&service.name)).collect();
        let results = join_all(open.into_iter().map(|service| tell(cx, ecs, &cluster, service))).await;
        let mut refusal = None;
        for result in results {
            match result {
                Ok(service) => lock().push(service),
                Err(error) => refusal = refusal.or(Some(error)),
            }
        }
        match refusal {
            Some(error) => Err(error),
            None => ecs.services.describe(&cluster, &names).await.map(Some),
        }
    };
    let waiting = format!("the tasks of {}", request.environment.name);
    let config = WaitConfig::new(waiting).with_timeout(request.timeout);
    let waited = wait_for(cx, &config, probe, &nothing_runs).await;
    let told = lock().clone();
    let changes = services.iter().filter(|service| service.desired_count > 0 && told.contains(&service.name));
    changed.extend(changes.map(|service| CountChange {
        service: service.name.to_string(),
        from: service.desired_count,
        to: 0,
    }));
    let still = services.iter().filter(|service| service.desired_count > 0 && !told.contains(&service.name));
    waited.map(drop).map_err(|error| {
        still.fold(error, |error, service| error.with_left_behind(format!("{} goes on running", service.name)))
    })
}

/// Sets one service to 0, where it is not.
async fn tell(
    cx: &Context,
    ecs: &Ecs,
    cluster: &adhoc_core::ClusterName,
    service: &Service,
) -> Result<adhoc_core::ServiceName> {
    if service.desired_count > 0 {
        let update = ServiceUpdate::new(cluster.clone(), service.name.clone()).with_desired_count(Some(0));
        let updated = ecs.services.update(&update).await?;
        let revision = service.task_definition.short().to_owned();
        cx.emit(Event::ServiceUpdated {
            service: service.name.to_string(),
            deployment_id: updated.primary().map(|primary| primary.id.to_string()).unwrap_or_default(),
            from: revision.clone(),
            to: revision,
            desired_count: Some(0),
        });
    }
    Ok(service.name.clone())
}

/// Whether no task of these services runs.
fn nothing_runs(services: Option<&Vec<Service>>) -> Check {
    let services = services.into_iter().flatten();
    let tasks = services.map(|service| service.running_count + service.pending_count);
    match tasks.sum::<u32>() {
        0 => Check::Ready,
        1 => Check::NotYet("1 task runs".to_owned()),
        number => Check::NotYet(format!("{number} tasks run")),
    }
}
