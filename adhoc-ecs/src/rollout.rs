//! Rolling services: tell each what to run, then wait for all of them in one batched poll and judge each by its own
//! deployment.

mod start;
mod watch;

use std::time::Duration;

use adhoc_core::{ClusterName, Context, Error, Event, Outcome, Result, ServiceSummary, WaitConfig, wait_for};
use futures_util::future::join_all;

use self::start::{refused_unless_any_accepted, start};
use self::watch::{Rollout, all_decided};
use crate::Ecs;

pub use self::start::RollService;

const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
/// `DescribeServices` allows 20 calls a second to an account; one call of ours reads ten services.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Rolls all of `services` at once and waits until each has a verdict.
///
/// Emits [`Event::ServiceUpdated`], [`Event::WaitProgress`] and [`Event::ServiceVerdict`]. Every service gets a summary,
/// in the order given, whatever becomes of the others: a deployment that fails, is rolled back, superseded or still
/// under way at the deadline is a verdict, not an error. A service that ECS refuses to update gets
/// [`Verdict::Failed`](adhoc_core::Verdict::Failed).
///
/// # Errors
///
/// [`Error::Cancelled`], which leaves the deployments going on and names them; that of `UpdateService`, if ECS took no
/// update at all; those of the backend while polling.
pub async fn roll_out(
    cx: &Context,
    ecs: &Ecs,
    cluster: &ClusterName,
    services: &[RollService],
    timeout: Duration,
) -> Result<Vec<ServiceSummary>> {
    let mut summaries = Vec::new();
    roll_out_into(cx, ecs, cluster, services, timeout, &mut summaries).await?;
    Ok(summaries)
}

/// The same, keeping the verdicts that were reached before an error.
pub(crate) async fn roll_out_into(
    cx: &Context,
    ecs: &Ecs,
    cluster: &ClusterName,
    services: &[RollService],
    timeout: Duration,
    summaries: &mut Vec<ServiceSummary>,
) -> Result<()> {
    let started = join_all(services.iter().map(|roll| start(cx, ecs, cluster, roll))).await;
    let started = refused_unless_any_accepted(started)?;
    let rollout = Rollout::new(cx, ecs, cluster, started);
    for summary in rollout.decided_without_waiting() {
        cx.emit(Event::ServiceVerdict(Box::new(summary)));
    }
    let config = WaitConfig::new(rollout.title()).with_timeout(timeout).with_pauses(SHORTEST_PAUSE, LONGEST_PAUSE);
    let waited = match wait_for(cx, &config, || rollout.observe(), &all_decided).await {
        Ok(_) => Ok(()),
        Err(Error::Timeout(_)) => {
            rollout.close_at_deadline(timeout).await;
            Ok(())
        }
        Err(error) => Err(rollout.name_what_goes_on(error)),
    };
    summaries.extend(rollout.into_summaries());
    waited
}

/// The error that a list of verdicts amounts to.
///
/// # Errors
///
/// One that names every service that did not succeed, of the kind that the exit-code table gives.
pub fn ensure_succeeded(services: &[ServiceSummary]) -> Result<()> {
    let failed: Vec<String> = services
        .iter()
        .filter(|service| Outcome::from(service.verdict) != Outcome::Succeeded)
        .map(|service| match &service.reason {
            Some(reason) => format!("{} {} ({reason})", service.service, service.verdict),
            None => format!("{} {}", service.service, service.verdict),
        })
        .collect();
    let reason = failed.join("; ");
    match Outcome::of_verdicts(services.iter().map(|service| service.verdict)) {
        Outcome::RolloutFailed => Err(Error::rollout_failed("", "", reason)),
        Outcome::RolledBack => Err(Error::rolled_back("", "", reason)),
        Outcome::Superseded => Err(Error::superseded("", "", reason)),
        Outcome::TimedOut => Err(Error::timeout("", "", reason)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use adhoc_core::testing::{
        FakeLogs, FakeNetwork, FakeServices, FakeTaskDefinitions, FakeTasks, ManualClock, MockServices, RecordingSink,
    };
    use adhoc_core::{
        CircuitBreaker, Deployment, DeploymentId, DeploymentStatus, RolloutState, Service, Services, TaskDefinitionArn,
        Verdict,
    };

    use super::*;

    fn arn(service: &str, revision: u32) -> TaskDefinitionArn {
        TaskDefinitionArn::new(format!("arn:aws:ecs:r:1:task-definition/{service}:{revision}"))
    }

    fn service(name: &str, revision: u32, desired: u32) -> Service {
        let primary = Deployment::new(DeploymentId::new("ecs-svc/0"), DeploymentStatus::Primary, arn(name, revision))
            .with_counts(desired, desired, 0)
            .with_rollout(RolloutState::Completed, "");
        Service::new(name.into(), arn(name, revision))
            .with_counts(desired, desired, 0)
            .with_deployments(vec![primary])
            .with_circuit_breaker(CircuitBreaker::new(true, true))
    }

    fn surroundings(services: Arc<dyn Services>) -> (Context, Arc<RecordingSink>, Ecs) {
        let sink = Arc::new(RecordingSink::default());
        let cx = Context::new(Arc::new(ManualClock::new()), sink.clone());
        let ecs = Ecs::new(
            Arc::new(FakeTaskDefinitions::default()),
            Arc::new(FakeTasks::default()),
            services,
            Arc::new(FakeLogs::default()),
            Arc::new(FakeNetwork::default()),
        );
        (cx, sink, ecs)
    }

    const MINUTE: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn many_services_roll_at_once_in_one_batched_wait() {
        let fake = Arc::new(FakeServices::default());
        let rolls: Vec<RollService> = (0..25)
            .map(|i| {
                let service = service(&format!("s{i}"), 1, 2);
                fake.insert(service.clone());
                RollService::new(service, arn(&format!("s{i}"), 2))
            })
            .collect();
        let (cx, sink, ecs) = surroundings(fake.clone());
        let summaries = roll_out(&cx, &ecs, &"c".into(), &rolls, MINUTE).await.expect("rolls");
        assert!(summaries.iter().all(|summary| summary.verdict == Verdict::Succeeded), "{summaries:?}");
        assert_eq!(fake.updates().len(), 25);
        assert!(fake.updates().iter().all(|update| update.desired_count.is_none()), "autoscaling keeps control");
        assert_eq!(sink.names().iter().filter(|name| **name == "service_verdict").count(), 25);
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_that_runs_the_revision_is_left_in_peace() {
        let fake = Arc::new(FakeServices::default());
        let current = service("s", 2, 2);
        fake.insert(current.clone());
        let (cx, _, ecs) = surroundings(fake.clone());
        let roll = [RollService::new(current, arn("s", 2))];
        let summaries = roll_out(&cx, &ecs, &"c".into(), &roll, MINUTE).await.expect("nothing to do");
        assert_eq!(summaries[0].verdict, Verdict::Unchanged);
        assert!(fake.updates().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_deployment_of_an_interrupted_run_is_followed_not_repeated() {
        let fake = Arc::new(FakeServices::default());
        let mut current = service("s", 2, 2);
        current.deployments[0].rollout_state = Some(RolloutState::InProgress);
        current.deployments[0].running_count = 0;
        fake.insert(current.clone());
        let (cx, _, ecs) = surroundings(fake.clone());
        let roll = [RollService::new(current, arn("s", 2))];
        let summaries = roll_out(&cx, &ecs, &"c".into(), &roll, MINUTE).await.expect("follows");
        assert_eq!(summaries[0].verdict, Verdict::Succeeded);
        assert!(fake.updates().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn each_service_has_its_own_verdict_and_the_worst_decides() {
        let fake = Arc::new(FakeServices::default());
        for name in ["good", "slow", "bad"] {
            fake.insert(service(name, 1, 2));
        }
        let deploying = |name: &str, running, failed| {
            let ours = Deployment::new(DeploymentId::new(""), DeploymentStatus::Primary, arn(name, 2))
                .with_counts(2, running, failed)
                .with_rollout(RolloutState::InProgress, "");
            service(name, 1, 2).with_deployments(vec![ours])
        };
        // Deployment ids are numbered in the order of the updates.
        let with_id = |mut service: Service, id: u32| {
            service.deployments[0].id = DeploymentId::new(format!("ecs-svc/{id}"));
            service
        };
        fake.script("slow", vec![with_id(deploying("slow", 1, 0), 2)]);
        fake.script("bad", vec![with_id(deploying("bad", 0, 2), 3)]);
        let (cx, _, ecs) = surroundings(fake.clone());
        let rolls = ["good", "slow", "bad"].map(|name| RollService::new(service(name, 1, 2), arn(name, 2)));
        let summaries = roll_out(&cx, &ecs, &"c".into(), &rolls, MINUTE).await.expect("decides");
        let verdicts: Vec<Verdict> = summaries.iter().map(|summary| summary.verdict).collect();
        assert_eq!(verdicts, [Verdict::Succeeded, Verdict::TimedOut, Verdict::Failed]);
        let error = ensure_succeeded(&summaries).expect_err("failed");
        assert_eq!(Outcome::from(&error).exit_code(), 7);
        assert!(error.to_string().contains("slow timed out (1 of 2 run after 60s)"), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_update_fails_one_service_and_no_other() {
        let mut mock = MockServices::new();
        mock.expect_update().times(1).returning(|_| Err(Error::rejected("UpdateService", "s", "quota exceeded")));
        let (cx, _, ecs) = surroundings(Arc::new(mock));
        let roll =
            [RollService::new(service("s", 1, 2), arn("s", 2)), RollService::new(service("t", 2, 2), arn("t", 2))];
        let summaries = roll_out(&cx, &ecs, &"c".into(), &roll, MINUTE).await.expect("decides");
        assert_eq!(summaries[0].verdict, Verdict::Failed);
        assert_eq!(summaries[0].reason.as_deref(), Some("UpdateService s: quota exceeded"));
        assert_eq!(summaries[1].verdict, Verdict::Unchanged);
    }

    #[tokio::test(start_paused = true)]
    async fn where_no_update_is_taken_the_refusal_is_the_error() {
        let mut mock = MockServices::new();
        mock.expect_update().times(2).returning(|_| Err(Error::permission_denied("UpdateService", "s", "no")));
        let (cx, _, ecs) = surroundings(Arc::new(mock));
        let roll = ["s", "t"].map(|name| RollService::new(service(name, 1, 2), arn(name, 2)));
        let error = roll_out(&cx, &ecs, &"c".into(), &roll, MINUTE).await.expect_err("refused");
        assert_eq!(Outcome::from(&error).exit_code(), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn an_update_whose_answer_was_lost_is_followed() {
        let mut mock = MockServices::new();
        let done = || {
            let mut done = service("s", 2, 2);
            done.deployments[0].id = DeploymentId::new("ecs-svc/1");
            done
        };
        mock.expect_update().times(1).returning(|_| Err(Error::unavailable("UpdateService", "s", "connection reset")));
        mock.expect_describe().returning(move |_, _| Ok(vec![done()]));
        let (cx, _, ecs) = surroundings(Arc::new(mock));
        let roll = [RollService::new(service("s", 1, 2), arn("s", 2))];
        let summaries = roll_out(&cx, &ecs, &"c".into(), &roll, MINUTE).await.expect("follows");
        assert_eq!(
            (summaries[0].verdict, summaries[0].deployment_id.as_deref()),
            (Verdict::Succeeded, Some("ecs-svc/1"))
        );
    }

    #[tokio::test(start_paused = true)]
    async fn cancelling_names_the_deployments_that_go_on() {
        let fake = Arc::new(FakeServices::default());
        fake.insert(service("s", 1, 2));
        let ours = Deployment::new(DeploymentId::new("ecs-svc/1"), DeploymentStatus::Primary, arn("s", 2))
            .with_counts(2, 0, 0)
            .with_rollout(RolloutState::InProgress, "");
        fake.script("s", vec![service("s", 1, 2).with_deployments(vec![ours])]);
        let (cx, _, ecs) = surroundings(fake);
        let roll = [RollService::new(service("s", 1, 2), arn("s", 2))];
        let cluster = "c".into();
        let (result, ()) = tokio::join!(roll_out(&cx, &ecs, &cluster, &roll, MINUTE), async {
            cx.clock().sleep(Duration::from_secs(5)).await;
            cx.cancellation().cancel();
        });
        let error = result.expect_err("cancelled");
        assert_eq!(error.detail().left_behind, ["deployment ecs-svc/1 of s goes on"]);
    }
}
