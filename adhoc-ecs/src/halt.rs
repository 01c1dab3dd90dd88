//! The end of everything that runs in an environment.

use std::time::Duration;

use adhoc_core::{
    Check, ClusterName, Context, DeploymentController, Error, Result, Service, ServiceUpdate, TaskArn, TaskFilter,
    TaskState, WaitConfig, wait_for,
};
use futures_util::future::try_join_all;

use crate::{Ecs, Environment};

const REASON: &str = "the environment is being destroyed";

/// Ends everything that runs in an environment, for good: every service goes to 0 tasks, every other task is asked to stop, and
/// this waits until none of them runs. Gives the number of services that had tasks.
///
/// Services whose deployments another controller makes, and those of the strategy DAEMON, take no count and are left to whoever
/// deletes them. Safe to repeat; an environment whose cluster is gone has nothing that runs.
///
/// # Errors
///
/// [`Error::Timeout`] if something still runs after `timeout`; those of ECS. Cancelling leaves services at 0 that were told so.
pub async fn halt(cx: &Context, ecs: &Ecs, environment: &Environment, timeout: Duration) -> Result<usize> {
    let cluster = environment.cluster();
    match end_everything(cx, ecs, &cluster, timeout).await {
        // It was deleted meanwhile, or before.
        Err(Error::NotFound(_)) => Ok(0),
        other => other,
    }
}

async fn end_everything(cx: &Context, ecs: &Ecs, cluster: &ClusterName, timeout: Duration) -> Result<usize> {
    let names = ecs.services.list(cluster).await?;
    let services = ecs.services.describe(cluster, &names).await?;
    let counted: Vec<&Service> = services.iter().filter(|service| takes_a_count(service)).collect();
    let busy: Vec<&&Service> = counted.iter().filter(|service| service.desired_count > 0).collect();
    let zero = busy.iter().map(|service| {
        let update = ServiceUpdate::new(cluster.clone(), service.name.clone()).with_desired_count(Some(0));
        async move { ecs.services.update(&update).await }
    });
    try_join_all(zero).await?;
    cx.ensure_not_cancelled()?;
    stop_tasks(ecs, cluster).await?;
    let config = WaitConfig::new(format!("the last task in {cluster}")).with_timeout(timeout);
    let names: Vec<_> = counted.iter().map(|service| service.name.clone()).collect();
    let probe = || async {
        let left = ecs.services.describe(cluster, &names).await?;
        let tasks = ecs.tasks.list(cluster, &TaskFilter::All, TaskState::Running).await?;
        Ok(Some((left, tasks)))
    };
    wait_for(cx, &config, probe, &nothing_runs).await?;
    Ok(busy.len())
}

fn takes_a_count(service: &Service) -> bool {
    service.is_active() && !service.daemon && service.controller == DeploymentController::Ecs
}

/// Asks the tasks that belong to no service to stop. Those of services go with their services.
async fn stop_tasks(ecs: &Ecs, cluster: &ClusterName) -> Result<()> {
    let running = ecs.tasks.list(cluster, &TaskFilter::All, TaskState::Running).await?;
    let tasks = ecs.tasks.describe(cluster, &running).await?;
    let alone = tasks.iter().filter(|task| !task.group.as_deref().is_some_and(|group| group.starts_with("service:")));
    let stopped = alone.map(|task| async move {
        match ecs.tasks.stop(cluster, &task.arn, REASON).await {
            // It has ended by itself.
            Err(Error::NotFound(_)) => Ok(()),
            other => other,
        }
    });
    try_join_all(stopped).await.map(drop)
}

fn nothing_runs(observed: Option<&(Vec<Service>, Vec<TaskArn>)>) -> Check {
    let Some((services, tasks)) = observed else { return Check::Ready };
    let busy =
        services.iter().filter(|service| service.is_active() && service.running_count + service.pending_count > 0);
    match (busy.count(), tasks.len()) {
        (0, 0) => Check::Ready,
        (0, tasks) => Check::NotYet(format!("{tasks} tasks still run")),
        (services, _) => Check::NotYet(format!("{services} services still have tasks")),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use adhoc_core::testing::{
        FakeLogs, FakeNetwork, FakeServices, FakeTaskDefinitions, FakeTasks, ManualClock, RecordingSink,
    };
    use adhoc_core::{Conventions, Service};

    use super::*;

    fn environment() -> Environment {
        Environment::new("alpha".parse().expect("valid"), Conventions::default())
    }

    #[tokio::test(start_paused = true)]
    async fn every_service_goes_to_zero_and_only_once() {
        let (definitions, services) = (FakeTaskDefinitions::default(), Arc::new(FakeServices::default()));
        let arn = definitions.insert_simple("alpha-gunicorn", "gunicorn", "x:1").arn();
        services.insert(Service::new("alpha-gunicorn".into(), arn.clone()).with_counts(2, 0, 0));
        services.insert(Service::new("alpha-beat".into(), arn).with_counts(0, 0, 0));
        let ecs = Ecs::new(
            Arc::new(definitions),
            Arc::new(FakeTasks::default()),
            services.clone(),
            Arc::new(FakeLogs::default()),
            Arc::new(FakeNetwork::default()),
        );
        let cx = Context::new(Arc::new(ManualClock::new()), Arc::new(RecordingSink::default()));
        let minute = Duration::from_secs(60);
        assert_eq!(halt(&cx, &ecs, &environment(), minute).await.expect("halted"), 1);
        assert_eq!(halt(&cx, &ecs, &environment(), minute).await.expect("halted"), 0);
        let updates = services.updates();
        assert_eq!(updates.len(), 1);
        assert_eq!((updates[0].service.as_str(), updates[0].desired_count), ("alpha-gunicorn", Some(0)));
    }
}
