//! What a stopped one-off task means.

use adhoc_core::{ContainerName, Error, Result, Task};

/// How a one-off task ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TaskEnd {
    /// The container exited with 0.
    Succeeded,
    /// The container ran and exited with another code, or was killed.
    Failed {
        /// The exit code, where there is one.
        exit_code: Option<i32>,
        /// Why, in words.
        reason: String,
    },
    /// The container never ran.
    NeverStarted {
        /// Why, in words.
        reason: String,
    },
    /// Fargate Spot took its machine back.
    Interrupted {
        /// Why, in words.
        reason: String,
    },
}

/// Judges a stopped task by the container that matters: a sidecar's exit code says nothing.
///
/// An exit code that is missing is a failure: the container never ran (image pull, missing secret, capacity).
///
/// See <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html>.
#[must_use]
pub fn judge_task(task: &Task, container: &ContainerName) -> TaskEnd {
    let state = task.container(container);
    let exit_code = state.and_then(|state| state.exit_code);
    let words = || {
        let container_reason = state.and_then(|state| state.reason.clone());
        let reasons = [task.stopped_reason.clone(), container_reason].into_iter().flatten();
        let mut distinct: Vec<String> = Vec::new();
        for reason in reasons {
            if !distinct.contains(&reason) {
                distinct.push(reason);
            }
        }
        if distinct.is_empty() { "no reason was given".to_owned() } else { distinct.join("; ") }
    };
    match (exit_code, task.stop_code.as_deref()) {
        (Some(0), _) => TaskEnd::Succeeded,
        (_, Some("SpotInterruption" | "TerminationNotice")) => TaskEnd::Interrupted { reason: words() },
        (Some(code), _) => TaskEnd::Failed { exit_code: Some(code), reason: words() },
        (None, Some("TaskFailedToStart")) => TaskEnd::NeverStarted { reason: words() },
        (None, _) if task.started_at.is_none() => TaskEnd::NeverStarted { reason: words() },
        (None, _) => TaskEnd::Failed { exit_code: None, reason: words() },
    }
}

impl TaskEnd {
    /// The end as a result, naming the task's family.
    ///
    /// # Errors
    ///
    /// [`Error::TaskFailed`] if it ran, [`Error::TaskNotStarted`] if it never did.
    pub fn into_result(self, family: &str) -> Result<()> {
        match self {
            Self::Succeeded => Ok(()),
            Self::Failed { exit_code: Some(code), reason } => {
                Err(Error::task_failed("", family, format!("exited with code {code}: {reason}")))
            }
            Self::Failed { exit_code: None, reason } => {
                Err(Error::task_failed("", family, format!("ended without an exit code: {reason}")))
            }
            Self::NeverStarted { reason } => {
                Err(Error::task_not_started("", family, format!("never started: {reason}"))
                    .with_hint(start_hint(&reason)))
            }
            Self::Interrupted { reason } => {
                let error = Error::task_failed("", family, format!("was interrupted by Fargate Spot: {reason}"));
                Err(error.with_hint(
                    "run the same command again; a service on FARGATE instead of FARGATE_SPOT is never interrupted",
                ))
            }
        }
    }
}

fn start_hint(reason: &str) -> &'static str {
    if reason.contains("CannotPull") {
        "check that the image and its tag exist in the registry, and that the execution role may pull it"
    } else if reason.contains("ResourceInitializationError") {
        "check the task's secrets, its execution role, and that its subnets reach Secrets Manager, ECR and CloudWatch Logs"
    } else if reason.contains("apacity") {
        "run the same command again later, or add another capacity provider or subnet"
    } else {
        "check the task definition and the service's network"
    }
}

#[cfg(test)]
mod tests {
    use adhoc_core::{ContainerState, Outcome, TaskArn, TaskDefinitionArn};

    use super::*;

    fn stopped(code: &str, started: bool, containers: &[(&str, Option<i32>)]) -> Task {
        let containers = containers
            .iter()
            .map(|(name, exit_code)| ContainerState::new((*name).into(), "STOPPED").with_exit_code(*exit_code));
        let mut task = Task::new(TaskArn::new("t"), TaskDefinitionArn::new("d"), "STOPPED")
            .with_containers(containers.collect())
            .with_stop(code, "why");
        task.started_at = started.then_some(adhoc_core::Timestamp::UNIX_EPOCH);
        task
    }

    fn exit_code_of(task: &Task) -> u8 {
        match judge_task(task, &"migrate".into()).into_result("alpha-migrate") {
            Ok(()) => 0,
            Err(error) => Outcome::from(&error).exit_code(),
        }
    }

    #[test]
    fn the_named_container_alone_is_judged() {
        let essential = "EssentialContainerExited";
        assert_eq!(exit_code_of(&stopped(essential, true, &[("migrate", Some(0)), ("agent", Some(137))])), 0);
        assert_eq!(exit_code_of(&stopped(essential, true, &[("migrate", Some(1)), ("agent", Some(0))])), 4);
    }

    #[test]
    fn a_missing_exit_code_is_never_success() {
        assert_eq!(exit_code_of(&stopped("TaskFailedToStart", false, &[("migrate", None)])), 5);
        assert_eq!(exit_code_of(&stopped("TaskFailedToStart", false, &[])), 5);
        assert_eq!(exit_code_of(&stopped("UserInitiated", false, &[("migrate", None)])), 5);
        assert_eq!(exit_code_of(&stopped("UserInitiated", true, &[("migrate", None)])), 4);
    }

    #[test]
    fn spot_interruptions_are_told_apart() {
        let task = stopped("SpotInterruption", true, &[("migrate", Some(137))]);
        assert!(matches!(judge_task(&task, &"migrate".into()), TaskEnd::Interrupted { .. }));
        assert_eq!(exit_code_of(&task), 4);
    }
}
