//! What a service's state says about one of its deployments. Pure: the polling is in [`crate::rollout`].

use adhoc_core::{
    Deployment, DeploymentId, DeploymentStatus, RolloutState, Service, ServiceDeployment, ServiceDeploymentStatus,
    ServiceName, TaskDefinitionArn, Timestamp, Verdict,
};

/// By how much the history may date a deployment earlier than the service does.
const SAME_DEPLOYMENT_MS: i64 = 60_000;

/// A deployment that is to be judged.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Target {
    /// The service.
    pub service: ServiceName,
    /// The deployment's id, as `UpdateService` gave it.
    pub deployment: DeploymentId,
    /// The revision it deploys.
    pub task_definition: TaskDefinitionArn,
    /// When it began.
    pub created_at: Option<Timestamp>,
    /// Whether it takes all of the service's tasks running, beyond ECS calling the deployment completed.
    pub all_must_run: bool,
}

impl Target {
    /// A deployment that has succeeded once ECS calls it completed: its tasks all ran then, and autoscaling may have asked
    /// for more since.
    #[must_use]
    pub fn new(service: ServiceName, deployment: &Deployment) -> Self {
        Self {
            service,
            deployment: deployment.id.clone(),
            task_definition: deployment.task_definition.clone(),
            created_at: deployment.created_at,
            all_must_run: false,
        }
    }

    /// Asks for all tasks to run, too: for a deployment that was completed before its count was changed.
    #[must_use]
    pub fn with_all_running(mut self) -> Self {
        self.all_must_run = true;
        self
    }
}

/// What one observation says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Judgement {
    /// It goes on, and what is missing.
    Open(String),
    /// It ended, and why.
    Closed(Verdict, Option<String>),
    /// The service alone does not tell: the deployment gave way to another one. Ask again with its history.
    NeedsHistory,
}

/// Judges `target` by the state of its service, and by the service's deployment history if the state alone does not tell.
///
/// "Stable" is never the question: a service that was rolled back is stable too. An empty history (the caller may not
/// read it) falls back to what the deployments themselves say.
#[must_use]
pub fn judge_deployment(target: &Target, service: &Service, history: Option<&[ServiceDeployment]>) -> Judgement {
    match service.deployment(&target.deployment) {
        Some(ours) if ours.status == DeploymentStatus::Primary => judge_primary(target, ours, service, history),
        ours => judge_replaced(target, ours, service, history),
    }
}

fn judge_primary(
    target: &Target,
    ours: &Deployment,
    service: &Service,
    history: Option<&[ServiceDeployment]>,
) -> Judgement {
    // A count that was just set shows in the service before it shows in the deployment.
    let wanted = ours.desired_count.max(service.desired_count);
    let all_run = ours.running_count >= wanted;
    match ours.rollout_state {
        Some(RolloutState::Completed) if all_run || !target.all_must_run => Judgement::Closed(Verdict::Succeeded, None),
        Some(RolloutState::Failed) => judge_failed(target, ours, service, history),
        None if all_run && service.deployments.len() == 1 => Judgement::Closed(Verdict::Succeeded, None),
        _ if !service.circuit_breaker.enabled && ours.failed_tasks >= breaker_threshold(ours) => Judgement::Closed(
            Verdict::Failed,
            Some(format!(
                "{} tasks failed in a row and {} of {} run; the service has no circuit breaker, so ECS keeps trying",
                ours.failed_tasks, ours.running_count, ours.desired_count
            )),
        ),
        _ => Judgement::Open(progress(ours, wanted)),
    }
}

/// A failed deployment stays PRIMARY for a moment before ECS rolls it back, and for good if it cannot.
fn judge_failed(
    target: &Target,
    ours: &Deployment,
    service: &Service,
    history: Option<&[ServiceDeployment]>,
) -> Judgement {
    let reason = ours.rollout_state_reason.clone();
    if !service.circuit_breaker.rollback {
        return Judgement::Closed(Verdict::Failed, reason);
    }
    let Some(history) = history else { return Judgement::NeedsHistory };
    let announced = reason.as_deref().is_some_and(|reason| reason.contains("rolling back"));
    match find_in(history, target).map(|entry| entry.status) {
        Some(ServiceDeploymentStatus::InProgress | ServiceDeploymentStatus::RollingBack) => {
            Judgement::Open("failed, rolling back".to_owned())
        }
        Some(ServiceDeploymentStatus::RolledBack) => Judgement::Closed(Verdict::RolledBack, reason),
        None if announced => Judgement::Open("failed, rolling back".to_owned()),
        None if !history.is_empty() => Judgement::NeedsHistory,
        _ => Judgement::Closed(Verdict::Failed, reason),
    }
}

/// Not PRIMARY any more: rolled back or superseded. Only the history tells which.
fn judge_replaced(
    target: &Target,
    ours: Option<&Deployment>,
    service: &Service,
    history: Option<&[ServiceDeployment]>,
) -> Judgement {
    let Some(history) = history else { return Judgement::NeedsHistory };
    let failed = ours.filter(|ours| ours.rollout_state == Some(RolloutState::Failed));
    let Some(entry) = find_in(history, target) else {
        if !history.is_empty() {
            return Judgement::NeedsHistory;
        }
        return match failed {
            Some(failed) => Judgement::Closed(Verdict::RolledBack, failed.rollout_state_reason.clone()),
            None if primary_is_a_rollback(service) => Judgement::Closed(Verdict::RolledBack, primary_reason(service)),
            None => Judgement::Closed(Verdict::Superseded, replaced_by(service)),
        };
    };
    let reason = entry.reason.clone().or_else(|| failed.and_then(|failed| failed.rollout_state_reason.clone()));
    match entry.status {
        ServiceDeploymentStatus::Successful => Judgement::Closed(Verdict::Succeeded, reason),
        ServiceDeploymentStatus::RolledBack => Judgement::Closed(Verdict::RolledBack, reason),
        ServiceDeploymentStatus::RollbackFailed => Judgement::Closed(Verdict::Failed, reason),
        ServiceDeploymentStatus::Stopped => Judgement::Closed(Verdict::Superseded, replaced_by(service).or(reason)),
        ServiceDeploymentStatus::RollingBack => Judgement::Open("failed, rolling back".to_owned()),
        _ => Judgement::Open("giving way to another deployment".to_owned()),
    }
}

/// The entry of `target`. A deployment's id does not occur in the history: revision and time do. An entry that is clearly
/// older belongs to an earlier deployment of the same revision.
fn find_in<'a>(history: &'a [ServiceDeployment], target: &Target) -> Option<&'a ServiceDeployment> {
    let later_by = |entry: &ServiceDeployment| match (entry.created_at, target.created_at) {
        (Some(entry), Some(target)) => entry.as_millisecond() - target.as_millisecond(),
        _ => 0,
    };
    let same_revision = history.iter().filter(|entry| entry.task_definition.as_ref() == Some(&target.task_definition));
    same_revision.filter(|entry| later_by(entry) > -SAME_DEPLOYMENT_MS).min_by_key(|entry| later_by(entry).abs())
}

fn primary_is_a_rollback(service: &Service) -> bool {
    primary_reason(service).is_some_and(|reason| reason.contains("rollback") || reason.contains("rolling back"))
}

fn primary_reason(service: &Service) -> Option<String> {
    service.primary()?.rollout_state_reason.clone()
}

fn replaced_by(service: &Service) -> Option<String> {
    let primary = service.primary()?;
    Some(format!("replaced by deployment {} of {}", primary.id, primary.task_definition.short()))
}

/// The number of failed tasks at which ECS's own breaker would trip: half the desired count, at least 3, at most 200.
///
/// See <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html>.
fn breaker_threshold(deployment: &Deployment) -> u32 {
    deployment.desired_count.div_ceil(2).clamp(3, 200)
}

fn progress(deployment: &Deployment, wanted: u32) -> String {
    let mut text = format!("{}/{wanted} running", deployment.running_count);
    if deployment.running_count >= wanted {
        text += ", becoming steady";
    }
    if deployment.failed_tasks > 0 {
        text += &format!(", {} failed", deployment.failed_tasks);
    }
    text
}

#[cfg(test)]
mod tests {
    use adhoc_core::CircuitBreaker;

    use super::*;

    fn arn(revision: u32) -> TaskDefinitionArn {
        TaskDefinitionArn::new(format!("arn:aws:ecs:r:1:task-definition/f:{revision}"))
    }

    fn deployment(id: u32, status: DeploymentStatus, revision: u32) -> Deployment {
        Deployment::new(DeploymentId::new(format!("ecs-svc/{id}")), status, arn(revision)).with_counts(2, 2, 0)
    }

    fn service(deployments: Vec<Deployment>) -> Service {
        Service::new("s".into(), arn(2))
            .with_counts(2, 2, 0)
            .with_deployments(deployments)
            .with_circuit_breaker(CircuitBreaker::new(true, true))
    }

    fn target() -> Target {
        Target::new("s".into(), &deployment(2, DeploymentStatus::Primary, 2))
    }

    fn entry(status: ServiceDeploymentStatus) -> Vec<ServiceDeployment> {
        vec![ServiceDeployment::new("arn", status).with_task_definition(Some(arn(2)))]
    }

    fn verdict(judgement: &Judgement) -> Option<Verdict> {
        match judgement {
            Judgement::Closed(verdict, _) => Some(*verdict),
            _ => None,
        }
    }

    use DeploymentStatus::{Active, Primary};
    use RolloutState::{Completed, Failed, InProgress};

    #[test]
    fn completed_and_running_is_success() {
        let done = service(vec![deployment(2, Primary, 2).with_rollout(Completed, "")]);
        assert_eq!(verdict(&judge_deployment(&target(), &done, None)), Some(Verdict::Succeeded));
        let starting = service(vec![deployment(2, Primary, 2).with_counts(2, 1, 0).with_rollout(Completed, "")]);
        let all = target().with_all_running();
        assert_eq!(judge_deployment(&all, &starting, None), Judgement::Open("1/2 running".to_owned()));
        assert_eq!(verdict(&judge_deployment(&target(), &starting, None)), Some(Verdict::Succeeded));
    }

    #[test]
    fn a_stable_service_that_was_rolled_back_is_not_success() {
        let stable = service(vec![deployment(3, Primary, 1).with_rollout(Completed, "")]);
        assert_eq!(judge_deployment(&target(), &stable, None), Judgement::NeedsHistory);
        for (status, expected) in [
            (ServiceDeploymentStatus::RolledBack, Some(Verdict::RolledBack)),
            (ServiceDeploymentStatus::RollbackFailed, Some(Verdict::Failed)),
            (ServiceDeploymentStatus::Stopped, Some(Verdict::Superseded)),
            (ServiceDeploymentStatus::Successful, Some(Verdict::Succeeded)),
            (ServiceDeploymentStatus::RollingBack, None),
        ] {
            assert_eq!(verdict(&judge_deployment(&target(), &stable, Some(&entry(status)))), expected, "{status:?}");
        }
    }

    #[test]
    fn without_history_the_deployments_decide() {
        let failed =
            deployment(2, Active, 2).with_rollout(Failed, "ECS deployment circuit breaker: tasks failed to start.");
        let rolled_back = service(vec![deployment(3, Primary, 1).with_rollout(InProgress, ""), failed]);
        assert_eq!(verdict(&judge_deployment(&target(), &rolled_back, Some(&[]))), Some(Verdict::RolledBack));
        let replaced = service(vec![deployment(3, Primary, 3).with_rollout(InProgress, "")]);
        assert_eq!(
            judge_deployment(&target(), &replaced, Some(&[])),
            Judgement::Closed(Verdict::Superseded, Some("replaced by deployment ecs-svc/3 of f:3".to_owned()))
        );
    }

    #[test]
    fn a_failure_without_rollback_is_final_and_one_with_it_is_awaited() {
        let failed = || deployment(2, Primary, 2).with_rollout(Failed, "tasks failed to start");
        let no_rollback = service(vec![failed()]).with_circuit_breaker(CircuitBreaker::new(true, false));
        assert_eq!(verdict(&judge_deployment(&target(), &no_rollback, None)), Some(Verdict::Failed));
        let with_rollback = service(vec![failed()]);
        assert_eq!(judge_deployment(&target(), &with_rollback, None), Judgement::NeedsHistory);
        let rolling = entry(ServiceDeploymentStatus::RollingBack);
        assert_eq!(verdict(&judge_deployment(&target(), &with_rollback, Some(&rolling))), None);
        assert_eq!(verdict(&judge_deployment(&target(), &with_rollback, Some(&[]))), Some(Verdict::Failed));
    }

    #[test]
    fn without_a_breaker_crash_loops_end_at_its_threshold() {
        let crashing = |failed| {
            service(vec![deployment(2, Primary, 2).with_counts(2, 0, failed).with_rollout(InProgress, "")])
                .with_circuit_breaker(CircuitBreaker::default())
        };
        assert_eq!(
            judge_deployment(&target(), &crashing(2), None),
            Judgement::Open("0/2 running, 2 failed".to_owned())
        );
        assert_eq!(verdict(&judge_deployment(&target(), &crashing(3), None)), Some(Verdict::Failed));
    }

    #[test]
    fn behind_a_classic_load_balancer_stability_has_to_do() {
        let stable = service(vec![deployment(2, Primary, 2)]);
        assert_eq!(verdict(&judge_deployment(&target(), &stable, None)), Some(Verdict::Succeeded));
        let rolling = service(vec![deployment(2, Primary, 2), deployment(1, Active, 1)]);
        assert_eq!(verdict(&judge_deployment(&target(), &rolling, None)), None);
    }

    #[test]
    fn of_two_deployments_of_one_revision_the_nearer_in_time_is_ours() {
        let mut ours = target();
        ours.created_at = Timestamp::from_second(1000).ok();
        let at = |seconds, status| {
            ServiceDeployment::new("a", status)
                .with_task_definition(Some(arn(2)))
                .with_created_at(Timestamp::from_second(seconds).ok())
        };
        let history = [at(1900, ServiceDeploymentStatus::Successful), at(1001, ServiceDeploymentStatus::Stopped)];
        let now = service(vec![deployment(9, Primary, 2).with_rollout(Completed, "")]);
        assert_eq!(verdict(&judge_deployment(&ours, &now, Some(&history))), Some(Verdict::Superseded));
        let yesterday = [at(10, ServiceDeploymentStatus::RolledBack)];
        assert_eq!(judge_deployment(&ours, &now, Some(&yesterday)), Judgement::NeedsHistory);
    }
}
