//! Rolling services: tell each what to run, then wait for all of them in one batched poll and judge each by its own
//! deployment.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use adhoc_core::{
    Check, ClusterName, Context, Deployment, DeploymentStatus, Error, Event, Outcome, Result, RolloutState, Service,
    ServiceName, ServiceSummary, ServiceUpdate, TaskDefinitionArn, Verdict, WaitConfig, wait_for,
};
use futures_util::future::join_all;

use crate::verdict::{Judgement, Target, judge_deployment};
use crate::{Ecs, dossier};

const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
/// `DescribeServices` allows 20 calls a second to an account; one call of ours reads ten services.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// How many polls in a row may miss a service before it counts as gone.
const MISSED_POLLS: u32 = 3;

/// How many entries of a service's history are enough to find a deployment that was just made.
const RECENT_HISTORY: u16 = 10;

/// What one service is to run.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RollService {
    /// The service as it is.
    pub service: Service,
    /// The revision it is to run.
    pub task_definition: TaskDefinitionArn,
    /// The count to set; none leaves it alone, so that autoscaling keeps control.
    pub desired_count: Option<u32>,
}

impl RollService {
    /// Rolls `service` to `task_definition` and leaves its count alone.
    #[must_use]
    pub fn new(service: Service, task_definition: TaskDefinitionArn) -> Self {
        Self { service, task_definition, desired_count: None }
    }

    /// Sets the count.
    #[must_use]
    pub fn with_desired_count(mut self, count: Option<u32>) -> Self {
        self.desired_count = count;
        self
    }

    /// What has to be sent, if anything: a service that runs or already deploys this revision is left in peace.
    fn action(&self) -> Action {
        let count = self.desired_count.filter(|count| *count != self.service.desired_count);
        let Some(primary) = self.service.primary().filter(|it| it.task_definition == self.task_definition) else {
            return Action::Deploy { force: false };
        };
        let under_way = match primary.rollout_state {
            Some(state) => state == RolloutState::InProgress,
            None => self.service.deployments.len() > 1,
        };
        match (primary.rollout_state, count) {
            (Some(RolloutState::Failed), _) => Action::Deploy { force: true },
            (_, Some(_)) => Action::Scale,
            (_, None) if under_way || primary.running_count < primary.desired_count => Action::Follow,
            (_, None) => Action::Nothing,
        }
    }
}

enum Action {
    /// A new deployment.
    Deploy { force: bool },
    /// Only another count.
    Scale,
    /// Someone, maybe an earlier run of ours, has started the deployment: wait for it.
    Follow,
    /// It runs already.
    Nothing,
}

/// Rolls all of `services` at once and waits until each has a verdict.
///
/// Emits [`Event::ServiceUpdated`], [`Event::WaitProgress`] and [`Event::ServiceVerdict`]. Every service gets a summary,
/// in the order given, whatever becomes of the others: a deployment that fails, is rolled back, superseded or still
/// under way at the deadline is a verdict, not an error. A service that ECS refuses to update gets [`Verdict::Failed`].
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
    let rollout = Rollout { cx, ecs, cluster, tracked: Mutex::new(started) };
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

/// If ECS has taken no update at all, nothing was rolled, and its refusal is the error. If it has taken some, each refused
/// service gets a verdict of its own.
fn refused_unless_any_accepted(started: Vec<Started>) -> Result<Vec<Tracked>> {
    let accepted = started.iter().any(|started| started.refusal.is_none());
    let mut tracked = Vec::new();
    for Started { tracked: one, refusal } in started {
        match refusal {
            Some(error) if !accepted => return Err(error),
            Some(error) => tracked.push(one.decide(Verdict::Failed, Some(error.chain().join(": ")))),
            None => tracked.push(one),
        }
    }
    Ok(tracked)
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

/// A service under way, or decided.
#[derive(Clone)]
struct Tracked {
    from: RollService,
    target: Option<Target>,
    missed: u32,
    undated: u32,
    decided: Option<ServiceSummary>,
}

impl Tracked {
    fn summary(&self, verdict: Verdict, reason: Option<String>) -> ServiceSummary {
        ServiceSummary {
            service: self.from.service.name.to_string(),
            deployment_id: self.target.as_ref().map(|target| target.deployment.to_string()),
            verdict,
            reason,
            from: self.from.service.task_definition.short().to_owned(),
            to: self.from.task_definition.short().to_owned(),
            dossier: None,
        }
    }

    fn decide(mut self, verdict: Verdict, reason: Option<String>) -> Self {
        self.decided = Some(self.summary(verdict, reason));
        self
    }
}

/// A service that was told what to run, or would not be told.
struct Started {
    tracked: Tracked,
    refusal: Option<Error>,
}

impl From<Tracked> for Started {
    fn from(tracked: Tracked) -> Self {
        Self { tracked, refusal: None }
    }
}

/// Sends what has to be sent to one service.
async fn start(cx: &Context, ecs: &Ecs, cluster: &ClusterName, roll: &RollService) -> Started {
    let tracked = Tracked { from: roll.clone(), target: None, missed: 0, undated: 0, decided: None };
    let update = ServiceUpdate::new(cluster.clone(), roll.service.name.clone()).with_desired_count(roll.desired_count);
    let update = match roll.action() {
        Action::Nothing => return tracked.decide(Verdict::Unchanged, None).into(),
        Action::Follow => return follow(tracked, roll.service.primary()).into(),
        Action::Scale => update,
        Action::Deploy { force } => update.with_task_definition(roll.task_definition.clone()).with_force(force),
    };
    if cx.ensure_not_cancelled().is_err() {
        // Undecided and without a target: the wait ends at once, and nothing of this service is left behind.
        return tracked.into();
    }
    // Not cut off by a cancellation: what was asked for has to be known.
    let updated = match ecs.services.update(&update).await {
        Err(error) if error.is_retryable() => updated_unseen(ecs, &update, roll).await.ok_or(error),
        other => other,
    };
    match updated {
        Ok(service) => {
            let tracked = follow(tracked, service.primary());
            announce(cx, &tracked, update.desired_count);
            tracked.into()
        }
        Err(error) => Started { tracked, refusal: Some(may_have_happened(error, roll)) },
    }
}

/// The service, if it shows that an update was carried out whose answer was lost.
async fn updated_unseen(ecs: &Ecs, update: &ServiceUpdate, roll: &RollService) -> Option<Service> {
    let name = std::slice::from_ref(&update.service);
    let now = ecs.services.describe(&update.cluster, name).await.ok()?.pop()?;
    let before = roll.service.primary().map(|primary| &primary.id);
    let deployed = now.primary().is_some_and(|primary| {
        let another = Some(&primary.id) != before || update.task_definition.is_none();
        primary.task_definition == roll.task_definition && another
    });
    let scaled = update.desired_count.is_none_or(|count| count == now.desired_count);
    (deployed && scaled).then_some(now)
}

fn may_have_happened(error: Error, roll: &RollService) -> Error {
    match error.is_retryable() {
        true => error.with_left_behind(format!("the update of {} may have been carried out", roll.service.name)),
        false => error,
    }
}

fn follow(mut tracked: Tracked, primary: Option<&Deployment>) -> Tracked {
    match primary {
        Some(primary) => {
            tracked.target = Some(Target::new(tracked.from.service.name.clone(), primary));
            tracked
        }
        None => tracked.decide(Verdict::Failed, Some("ECS answered without a deployment".to_owned())),
    }
}

fn announce(cx: &Context, tracked: &Tracked, desired_count: Option<u32>) {
    let summary = tracked.summary(Verdict::Unchanged, None);
    cx.emit(Event::ServiceUpdated {
        service: summary.service,
        deployment_id: summary.deployment_id.unwrap_or_default(),
        from: summary.from,
        to: summary.to,
        desired_count,
    });
}

struct Rollout<'a> {
    cx: &'a Context,
    ecs: &'a Ecs,
    cluster: &'a ClusterName,
    tracked: Mutex<Vec<Tracked>>,
}

/// What one poll leaves open: one phrase for each undecided service.
type StillOpen = Vec<String>;

fn all_decided(open: Option<&StillOpen>) -> Check {
    match open {
        Some(open) if open.is_empty() => Check::Ready,
        Some(open) => Check::NotYet(open.join(", ")),
        None => Check::NotYet("the services are not visible yet".to_owned()),
    }
}

impl Rollout<'_> {
    /// One poll: reads all undecided services in one batch and decides what can be decided.
    async fn observe(&self) -> Result<Option<StillOpen>> {
        let open = self.open();
        let names: Vec<ServiceName> = open.iter().map(|tracked| tracked.from.service.name.clone()).collect();
        if names.is_empty() {
            return Ok(Some(Vec::new()));
        }
        let services = self.ecs.services.describe(self.cluster, &names).await?;
        let mut still_open = Vec::new();
        for tracked in open {
            let service = services.iter().find(|service| service.name == tracked.from.service.name);
            if let Some(missing) = self.judge(tracked, service).await? {
                still_open.push(missing);
            }
        }
        Ok(Some(still_open))
    }

    /// Judges one service; gives back what is missing if it stays open.
    async fn judge(&self, mut tracked: Tracked, service: Option<&Service>) -> Result<Option<String>> {
        let name = tracked.from.service.name.clone();
        let (Some(target), Some(service)) = (&tracked.target, service) else {
            tracked.missed += 1;
            if tracked.missed >= MISSED_POLLS {
                self.close(&tracked, Verdict::Failed, Some("the service is gone".to_owned()), None).await;
            } else {
                self.replace(tracked);
            }
            return Ok(Some(format!("{name} is not visible")));
        };
        let mut judgement = judge_deployment(target, service, None);
        if judgement == Judgement::NeedsHistory {
            let history = self.history(&name).await?;
            judgement = judge_deployment(target, service, Some(&history));
        }
        if judgement == Judgement::NeedsHistory {
            // The history lags behind: after some polls, what the deployments themselves say has to do.
            tracked.undated += 1;
            if tracked.undated > MISSED_POLLS {
                judgement = judge_deployment(target, service, Some(&[]));
            }
            self.replace(tracked.clone());
        }
        match judgement {
            Judgement::Closed(verdict, reason) => {
                self.close(&tracked, verdict, reason, Some(service)).await;
                Ok(None)
            }
            Judgement::Open(missing) => Ok(Some(format!("{name} {missing}"))),
            Judgement::NeedsHistory => Ok(Some(format!("{name} is between two deployments"))),
        }
    }

    /// The history, or none where the caller may not read it: the deployments themselves then have to do.
    async fn history(&self, service: &ServiceName) -> Result<Vec<adhoc_core::ServiceDeployment>> {
        match self.ecs.services.history(self.cluster, service, RECENT_HISTORY).await {
            Ok(history) => Ok(history),
            Err(error) if error.is_retryable() => Err(error),
            Err(error) => {
                tracing::debug!(%service, %error, "no deployment history");
                Ok(Vec::new())
            }
        }
    }

    async fn close(&self, tracked: &Tracked, verdict: Verdict, reason: Option<String>, service: Option<&Service>) {
        let mut summary = tracked.summary(verdict, reason);
        if let (Some(target), false) = (&tracked.target, Outcome::from(verdict) == Outcome::Succeeded) {
            summary.dossier = Some(dossier::collect(self.ecs, self.cluster, target, service).await);
        }
        self.cx.emit(Event::ServiceVerdict(Box::new(summary.clone())));
        self.replace(Tracked { decided: Some(summary), ..tracked.clone() });
    }

    /// At the deadline, a deployment whose tasks fail and fail has failed; any other is merely slow.
    async fn close_at_deadline(&self, timeout: Duration) {
        let open = self.open();
        let names: Vec<ServiceName> = open.iter().map(|tracked| tracked.from.service.name.clone()).collect();
        let services = self.ecs.services.describe(self.cluster, &names).await.unwrap_or_default();
        for tracked in open {
            let service = services.iter().find(|service| service.name == tracked.from.service.name);
            let last =
                tracked.target.as_ref().zip(service).map(|(target, service)| judge_deployment(target, service, None));
            let (verdict, reason) = match last {
                Some(Judgement::Closed(verdict, reason)) => (verdict, reason),
                _ => deadline_verdict(&tracked, service, timeout),
            };
            self.close(&tracked, verdict, reason, service).await;
        }
    }

    fn name_what_goes_on(&self, error: Error) -> Error {
        self.open().iter().fold(error, |error, tracked| match &tracked.target {
            Some(target) => {
                error.with_left_behind(format!("deployment {} of {} goes on", target.deployment, target.service))
            }
            None => error,
        })
    }

    /// What is awaited, for people.
    fn title(&self) -> String {
        match self.open().as_slice() {
            [one] => one.from.service.name.to_string(),
            many => format!("{} services", many.len()),
        }
    }

    fn open(&self) -> Vec<Tracked> {
        self.lock().iter().filter(|tracked| tracked.decided.is_none()).cloned().collect()
    }

    fn decided_without_waiting(&self) -> Vec<ServiceSummary> {
        self.lock().iter().filter_map(|tracked| tracked.decided.clone()).collect()
    }

    fn replace(&self, tracked: Tracked) {
        let mut all = self.lock();
        if let Some(place) = all.iter_mut().find(|known| known.from.service.name == tracked.from.service.name) {
            *place = tracked;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Tracked>> {
        self.tracked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn into_summaries(self) -> Vec<ServiceSummary> {
        let tracked = self.tracked.into_inner().unwrap_or_else(PoisonError::into_inner);
        tracked.into_iter().filter_map(|tracked| tracked.decided).collect()
    }
}

fn deadline_verdict(tracked: &Tracked, service: Option<&Service>, timeout: Duration) -> (Verdict, Option<String>) {
    let ours = tracked.target.as_ref().and_then(|target| service?.deployment(&target.deployment));
    let waited = format!("after {timeout:?}");
    let (verdict, reason) = match ours {
        Some(ours) if ours.status == DeploymentStatus::Primary && ours.failed_tasks > 0 && ours.running_count == 0 => {
            (Verdict::Failed, format!("{} tasks failed and none runs {waited}", ours.failed_tasks))
        }
        Some(ours) => (Verdict::TimedOut, format!("{} of {} run {waited}", ours.running_count, ours.desired_count)),
        None => (Verdict::TimedOut, format!("undecided {waited}")),
    };
    (verdict, Some(reason))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use adhoc_core::testing::{
        FakeLogs, FakeNetwork, FakeServices, FakeTaskDefinitions, FakeTasks, ManualClock, MockServices, RecordingSink,
    };
    use adhoc_core::{CircuitBreaker, DeploymentId, Services};

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
