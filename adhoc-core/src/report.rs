//! The plain data of plans and reports: what a pipeline intends, and what it did. The member names are a contract.

use std::fmt;

use serde::Serialize;

use crate::{Error, Outcome};

/// What an update, a rollback or a run is about to do.
#[derive(Debug, Clone, Serialize)]
pub struct Plan {
    /// The command: `update`, `rollback`, `run`.
    pub command: String,
    /// The environment.
    pub environment: String,
    /// The component, where the command has one.
    pub component: Option<String>,
    /// What is made sure of before the first task, such as `database alpha-db`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub preparations: Vec<String>,
    /// The revisions that will be used.
    pub task_definitions: Vec<PlannedTaskDefinition>,
    /// The one-off tasks that will run, in order.
    pub tasks: Vec<PlannedTask>,
    /// The services that will be rolled.
    pub services: Vec<PlannedService>,
    /// Whether nothing will be done at all.
    pub dry_run: bool,
}

/// A task-definition revision that a plan makes or reuses.
#[derive(Debug, Clone, Serialize)]
pub struct PlannedTaskDefinition {
    /// Its family.
    pub family: String,
    /// The container whose image changes.
    pub container: String,
    /// The revision it is made from, `family:revision`.
    pub from: String,
    /// The revision that will be used, `family:revision`; none where it is yet to be registered.
    pub to: Option<String>,
    /// The image before.
    pub image_from: String,
    /// The image after.
    pub image: String,
    /// Whether a new revision will be registered.
    pub register: bool,
    /// What differs from the revision it is made from.
    pub changes: Vec<FieldChange>,
}

/// One field of a task definition that differs, by JSON path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldChange {
    /// Such as `containerDefinitions[0].image`.
    pub path: String,
    /// The value before.
    pub from: String,
    /// The value after.
    pub to: String,
}

/// A one-off task that a plan runs.
#[derive(Debug, Clone, Serialize)]
pub struct PlannedTask {
    /// Its family.
    pub family: String,
    /// The container that is judged.
    pub container: String,
}

/// A service that a plan rolls.
#[derive(Debug, Clone, Serialize)]
pub struct PlannedService {
    /// Its name.
    pub service: String,
    /// The revision it has, `family:revision`.
    pub from: String,
    /// The count it has.
    pub desired_count: u32,
    /// The count it will be given, where the plan gives one.
    pub set_desired_count: Option<u32>,
}

/// What became of a task definition.
#[derive(Debug, Clone, Serialize)]
pub struct TaskDefinitionSummary {
    /// Its family.
    pub family: String,
    /// The container whose image was changed.
    pub container: String,
    /// The revision it was made from, `family:revision`.
    pub from: String,
    /// The revision in use now.
    pub to: String,
    /// The image in use now.
    pub image: String,
    /// Whether `to` was registered by this run.
    pub registered: bool,
}

/// What became of a one-off task.
#[derive(Debug, Clone, Serialize)]
pub struct TaskSummary {
    /// Its family.
    pub family: String,
    /// Its ARN, once it has one.
    pub arn: Option<String>,
    /// The judged container's exit code; none if it never ran.
    pub exit_code: Option<i32>,
    /// ECS's stop code.
    pub stop_code: Option<String>,
    /// ECS's words on why it stopped.
    pub reason: Option<String>,
}

/// How a service's deployment ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Verdict {
    /// The deployment completed.
    Succeeded,
    /// The service ran this revision already; nothing was sent.
    Unchanged,
    /// The circuit breaker or an alarm put the former revision back.
    RolledBack,
    /// It failed, and the former revision was not put back.
    Failed,
    /// Another deployment replaced it before it ended.
    Superseded,
    /// The deadline passed while it still progressed.
    TimedOut,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Succeeded => "succeeded",
            Self::Unchanged => "unchanged",
            Self::RolledBack => "rolled back",
            Self::Failed => "failed",
            Self::Superseded => "superseded",
            Self::TimedOut => "timed out",
        })
    }
}

/// What became of a service.
#[derive(Debug, Clone, Serialize)]
pub struct ServiceSummary {
    /// Its name.
    pub service: String,
    /// The deployment that was judged; none if there was nothing to do.
    pub deployment_id: Option<String>,
    /// How it ended.
    pub verdict: Verdict,
    /// Why, in ECS's words where it has some.
    pub reason: Option<String>,
    /// The revision before, `family:revision`.
    pub from: String,
    /// The revision asked for.
    pub to: String,
    /// What is known about a failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dossier: Option<Dossier>,
}

/// What is known about a failed rollout, captured at once, since ECS forgets stopped tasks within the hour.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Dossier {
    /// Why tasks of this deployment stopped, most frequent first.
    pub causes: Vec<CauseSummary>,
    /// The last lines of one stopped task of each cause.
    pub logs: Vec<LogExcerpt>,
    /// What the service said since the deployment began, newest first.
    pub events: Vec<String>,
}

/// Tasks that stopped for one reason.
#[derive(Debug, Clone, Serialize)]
pub struct CauseSummary {
    /// How many.
    pub tasks: usize,
    /// ECS's stop code.
    pub stop_code: Option<String>,
    /// ECS's words, without the parts that differ from task to task.
    pub reason: String,
    /// The judged container's exit code.
    pub exit_code: Option<i32>,
    /// One of the tasks.
    pub example: String,
}

/// The last log lines of one container.
#[derive(Debug, Clone, Serialize)]
pub struct LogExcerpt {
    /// The task's id.
    pub task: String,
    /// The container.
    pub container: String,
    /// The lines, oldest first.
    pub lines: Vec<String>,
}

/// The result of a command.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    /// The command.
    pub command: String,
    /// The environment, where the command has one.
    pub environment: Option<String>,
    /// The component, where the command has one.
    pub component: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// The process exit code.
    pub exit_code: u8,
    /// The revisions that were used.
    pub task_definitions: Vec<TaskDefinitionSummary>,
    /// The one-off tasks that ran.
    pub tasks: Vec<TaskSummary>,
    /// The services that were rolled.
    pub services: Vec<ServiceSummary>,
    /// Why it did not succeed, in one line.
    pub error: Option<String>,
    /// What to do next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// What was changed before a failure and is still there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left_behind: Vec<String>,
    /// What a command that only looks has found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<serde_json::Value>,
}

impl Summary {
    /// A summary of a command that succeeded without touching anything.
    pub fn new(command: impl Into<String>) -> Self {
        Self {
            command: command.into(),
            environment: None,
            component: None,
            outcome: Outcome::Succeeded,
            exit_code: 0,
            task_definitions: Vec::new(),
            tasks: Vec::new(),
            services: Vec::new(),
            error: None,
            hint: None,
            left_behind: Vec::new(),
            result: None,
        }
    }

    /// Sets outcome and exit code together.
    #[must_use]
    pub fn with_outcome(mut self, outcome: Outcome) -> Self {
        self.outcome = outcome;
        self.exit_code = outcome.exit_code();
        self
    }

    /// Takes outcome, error line, hint and remains from an error.
    #[must_use]
    pub fn with_error(mut self, error: &Error) -> Self {
        self.error = Some(error.chain().join(": "));
        self.hint.clone_from(&error.detail().hint);
        self.left_behind.clone_from(&error.detail().left_behind);
        self.with_outcome(Outcome::from(error))
    }

    /// Names the environment.
    #[must_use]
    pub fn with_environment(mut self, environment: impl Into<String>) -> Self {
        self.environment = Some(environment.into());
        self
    }

    /// Names the component.
    #[must_use]
    pub fn with_component(mut self, component: impl Into<String>) -> Self {
        self.component = Some(component.into());
        self
    }
}
