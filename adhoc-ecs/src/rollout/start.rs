//! Telling a service what to run: what has to be sent, and what became of it.

use adhoc_core::{
    ClusterName, Context, Deployment, Error, Event, Result, RolloutState, Service, ServiceSummary, ServiceUpdate,
    TaskDefinitionArn, Verdict,
};

use crate::Ecs;
use crate::verdict::Target;

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

/// A service under way, or decided.
#[derive(Clone)]
pub(super) struct Tracked {
    pub(super) from: RollService,
    pub(super) target: Option<Target>,
    pub(super) missed: u32,
    pub(super) undated: u32,
    pub(super) decided: Option<ServiceSummary>,
}

impl Tracked {
    pub(super) fn summary(&self, verdict: Verdict, reason: Option<String>) -> ServiceSummary {
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
pub(super) struct Started {
    tracked: Tracked,
    refusal: Option<Error>,
}

impl From<Tracked> for Started {
    fn from(tracked: Tracked) -> Self {
        Self { tracked, refusal: None }
    }
}

/// Sends what has to be sent to one service.
pub(super) async fn start(cx: &Context, ecs: &Ecs, cluster: &ClusterName, roll: &RollService) -> Started {
    let tracked = Tracked { from: roll.clone(), target: None, missed: 0, undated: 0, decided: None };
    let update = ServiceUpdate::new(cluster.clone(), roll.service.name.clone()).with_desired_count(roll.desired_count);
    let update = match roll.action() {
        Action::Nothing => return tracked.decide(Verdict::Unchanged, None).into(),
        Action::Follow => return follow(tracked, roll.service.primary(), true).into(),
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
            let only_scaled = update.task_definition.is_none();
            let tracked = follow(tracked, service.primary(), only_scaled);
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

fn follow(mut tracked: Tracked, primary: Option<&Deployment>, all_must_run: bool) -> Tracked {
    match primary {
        Some(primary) => {
            let target = Target::new(tracked.from.service.name.clone(), primary);
            tracked.target = Some(if all_must_run { target.with_all_running() } else { target });
            tracked
        }
        None => tracked.decide(Verdict::Failed, Some("ECS answered without a deployment".to_owned())),
    }
}

fn announce(cx: &Context, tracked: &Tracked, desired_count: Option<u32>) {
    let Some(target) = &tracked.target else { return };
    let summary = tracked.summary(Verdict::Unchanged, None);
    cx.emit(Event::ServiceUpdated {
        service: summary.service,
        deployment_id: target.deployment.to_string(),
        from: summary.from,
        to: summary.to,
        desired_count,
    });
}

/// If ECS has taken no update at all, nothing was rolled, and its refusal is the error. If it has taken some, each refused
/// service gets a verdict of its own.
pub(super) fn refused_unless_any_accepted(started: Vec<Started>) -> Result<Vec<Tracked>> {
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
