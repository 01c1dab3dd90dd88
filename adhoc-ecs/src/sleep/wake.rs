use std::collections::BTreeSet;
use std::time::Duration;

use adhoc_core::{
    Clusters, Context, DeploymentController, EnvironmentTags, Result, Service, ServiceName, ServiceSummary,
    ServiceUpdate, TagKey,
};

use super::{CountChange, SleepReport, SleepRequest, cluster_of, countable};
use crate::deadline::Deadline;
use crate::rollout::{RollService, ensure_succeeded, roll_out_into};
use crate::{Ecs, Environment};

/// Wakes an environment that [`stop`](super::stop()) has put to sleep: first the services that belong to no component, such as
/// Redis, then those of the components. Each gets the count that is remembered for it, and is judged as an update would judge it;
/// then what was remembered is forgotten. A service that has more tasks by now keeps them.
///
/// Safe to repeat: until every service runs, what is remembered stays. An environment that is not asleep is left alone.
///
/// Never fails: the report holds what was done and, if it did not succeed, the error. Cancelling leaves the services starting
/// by themselves.
pub async fn wake(cx: &Context, ecs: &Ecs, clusters: &dyn Clusters, request: &SleepRequest) -> SleepReport {
    let mut report = SleepReport::default();
    let step = format!("start {}", request.environment.name);
    report.error = cx.step(&step, drive(cx, ecs, clusters, request, &mut report)).await.err();
    report
}

async fn drive(
    cx: &Context,
    ecs: &Ecs,
    clusters: &dyn Clusters,
    request: &SleepRequest,
    report: &mut SleepReport,
) -> Result<()> {
    let (environment, deadline) = (&request.environment, Deadline::new(cx, request.timeout));
    let cluster = cluster_of(clusters, environment).await?;
    let tags = EnvironmentTags::read(&cluster.tags);
    if tags.stopped_at.is_none() {
        return Ok(());
    }
    let asleep: Vec<Sleeper> = countable(ecs, environment)
        .await?
        .into_iter()
        .map(|(key, service)| Sleeper { to: tags.counts.get(&key).copied().unwrap_or(1), service })
        .collect();
    let roles = of_components(environment);
    let (first, then): (Vec<_>, Vec<_>) = asleep.into_iter().partition(|it| !roles.contains(&it.service.name));
    // What does not start is no reason to leave the rest asleep, nor to take all of its time: the verdicts tell.
    start(cx, ecs, environment, &first, deadline.left(cx) / 2, report).await?;
    start(cx, ecs, environment, &then, deadline.left(cx), report).await?;
    ensure_succeeded(&report.services)?;
    clusters.untag(&cluster.name, &[TagKey::StoppedAt, TagKey::Counts].map(|key| key.as_str().to_owned())).await
}

/// A service, and the count that it had.
struct Sleeper {
    service: Service,
    to: u32,
}

impl Sleeper {
    /// The count to set; none where it has as many or more.
    fn count(&self) -> Option<u32> {
        (self.service.desired_count < self.to).then_some(self.to)
    }
}

fn of_components(environment: &Environment) -> BTreeSet<ServiceName> {
    let components = environment.conventions.components.values();
    components.flat_map(|component| component.services.iter().map(|role| environment.service(role))).collect()
}

async fn start(
    cx: &Context,
    ecs: &Ecs,
    environment: &Environment,
    batch: &[Sleeper],
    timeout: Duration,
    report: &mut SleepReport,
) -> Result<()> {
    let cluster = environment.cluster();
    let wanted = || batch.iter().filter(|it| it.to > 0);
    let rolls: Vec<RollService> = wanted()
        .filter(|it| it.service.controller == DeploymentController::Ecs)
        .map(|it| {
            RollService::new(it.service.clone(), it.service.task_definition.clone()).with_desired_count(it.count())
        })
        .collect();
    // Their deployments are another's: they are told, and not awaited.
    for it in wanted().filter(|it| it.service.controller != DeploymentController::Ecs) {
        let update = ServiceUpdate::new(cluster.clone(), it.service.name.clone()).with_desired_count(it.count());
        if update.desired_count.is_some() {
            ecs.services.update(&update).await?;
            cx.hint(format!("{} starts, but is not awaited: ECS does not deploy it", it.service.name));
        }
    }
    let mut summaries: Vec<ServiceSummary> = Vec::new();
    let rolled = roll_out_into(cx, ecs, &cluster, &rolls, timeout, &mut summaries).await;
    report.services.extend(summaries);
    report.changed.extend(wanted().filter_map(|it| {
        Some(CountChange { service: it.service.name.to_string(), from: it.service.desired_count, to: it.count()? })
    }));
    rolled
}
