//! What happened, as data. Libraries emit events and never print; a command line renders them.

use serde::Serialize;

use jiff::Timestamp;

use crate::{InfrastructurePlan, Plan, ResourceAction, ResourcePhase, ServiceSummary, Summary, TaskDefinitionSummary};

/// Where events go.
///
/// # Contract
///
/// `emit` returns at once, never fails and never panics: an event that cannot be shown is dropped. Events of one
/// [`Context`](crate::Context) arrive in the order in which they happened, from any thread.
pub trait EventSink: Send + Sync {
    /// Takes one event.
    fn emit(&self, record: &EventRecord);
}

/// A sink that drops everything.
#[derive(Debug, Clone, Copy, Default)]
pub struct NullSink;

impl EventSink for NullSink {
    fn emit(&self, _: &EventRecord) {}
}

/// An event and when it happened.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct EventRecord {
    /// Wall time.
    pub ts: Timestamp,
    /// Milliseconds since the context was made.
    pub elapsed_ms: u64,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

impl EventRecord {
    /// A record of `event`.
    #[must_use]
    pub fn new(ts: Timestamp, elapsed_ms: u64, event: Event) -> Self {
        Self { ts, elapsed_ms, event }
    }
}

/// One fact about a running pipeline. The names and fields are a contract with those who read `--output json`.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// What is about to be done; nothing has changed yet.
    Plan(Box<Plan>),
    /// A step began. Exactly one [`StepFinished`](Event::StepFinished) or [`StepFailed`](Event::StepFailed) follows.
    StepStarted {
        /// The step's name.
        step: String,
    },
    /// Something awaited has moved, without being there yet.
    WaitProgress {
        /// What is awaited.
        waiting_for: String,
        /// For how long, so far.
        waited_ms: u64,
        /// What is still missing.
        detail: String,
    },
    /// Data are on their way.
    TransferProgress {
        /// What is transferred, such as a dump's name.
        what: String,
        /// How many bytes of the source are done.
        bytes: u64,
        /// How many there are; none where the source does not tell, as a pipe.
        total: Option<u64>,
        /// What is being done right now, such as a table's name.
        detail: String,
    },
    /// What is about to be done to an environment's infrastructure; nothing has changed yet.
    InfrastructurePlan(Box<InfrastructurePlan>),
    /// The work on a resource of the infrastructure has begun, goes on, or has ended.
    ResourceProgress {
        /// Its address, such as `module.api.aws_ecs_service.this`.
        address: String,
        /// What is done to it.
        action: ResourceAction,
        /// How far that is.
        phase: ResourcePhase,
        /// For how long, so far. On the wire it is `duration_ms`, since every record has an `elapsed_ms` of its own.
        #[serde(rename = "duration_ms")]
        elapsed_ms: u64,
    },
    /// A container wrote a line.
    LogLine {
        /// The task family or service whose container it is.
        source: String,
        /// The task's id.
        task: String,
        /// When the line was written.
        at: Timestamp,
        /// The line.
        message: String,
    },
    /// A task-definition revision was registered, or the newest one was reused.
    Registered(TaskDefinitionSummary),
    /// A one-off task was started, or one that runs already was joined.
    TaskStarted {
        /// Its family.
        family: String,
        /// Its ARN.
        arn: String,
        /// Whether it ran already.
        joined: bool,
    },
    /// A one-off task stopped.
    TaskStopped {
        /// Its family.
        family: String,
        /// Its ARN.
        arn: String,
        /// The judged container's exit code, if that container ever ran.
        exit_code: Option<i32>,
        /// ECS's stop code.
        stop_code: Option<String>,
        /// ECS's words on why it stopped.
        reason: Option<String>,
    },
    /// A service was told to use another revision or count.
    ServiceUpdated {
        /// The service.
        service: String,
        /// The deployment that is to be judged.
        deployment_id: String,
        /// The revision before, `family:revision`.
        from: String,
        /// The revision asked for.
        to: String,
        /// The count that was asked for, where one was.
        desired_count: Option<u32>,
    },
    /// How a service's deployment ended.
    ServiceVerdict(Box<ServiceSummary>),
    /// What to do next.
    Hint {
        /// A sentence.
        message: String,
    },
    /// A step ended well.
    StepFinished {
        /// The step's name.
        step: String,
        /// How long it took.
        duration_ms: u64,
    },
    /// A step ended with an error, was cancelled, or was abandoned.
    StepFailed {
        /// The step's name.
        step: String,
        /// How long it took.
        duration_ms: u64,
        /// Why.
        error: String,
    },
    /// The result of the command: always the last event.
    Summary(Box<Summary>),
}

impl Event {
    /// The event's name on the wire, such as `step_started`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Plan(_) => "plan",
            Self::StepStarted { .. } => "step_started",
            Self::WaitProgress { .. } => "wait_progress",
            Self::TransferProgress { .. } => "transfer_progress",
            Self::InfrastructurePlan(_) => "infrastructure_plan",
            Self::ResourceProgress { .. } => "resource_progress",
            Self::LogLine { .. } => "log_line",
            Self::Registered(_) => "registered",
            Self::TaskStarted { .. } => "task_started",
            Self::TaskStopped { .. } => "task_stopped",
            Self::ServiceUpdated { .. } => "service_updated",
            Self::ServiceVerdict(_) => "service_verdict",
            Self::Hint { .. } => "hint",
            Self::StepFinished { .. } => "step_finished",
            Self::StepFailed { .. } => "step_failed",
            Self::Summary(_) => "summary",
        }
    }
}
