//! Tasks and their containers.

use serde_json::Value;

/// Where a task is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    Provisioning,
    Pending,
    Activating,
    Running,
    Deactivating,
    Stopping,
    Deprovisioning,
    Stopped,
}

impl Phase {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Provisioning => "PROVISIONING",
            Self::Pending => "PENDING",
            Self::Activating => "ACTIVATING",
            Self::Running => "RUNNING",
            Self::Deactivating => "DEACTIVATING",
            Self::Stopping => "STOPPING",
            Self::Deprovisioning => "DEPROVISIONING",
            Self::Stopped => "STOPPED",
        }
    }
}

/// The log stream of a container, from its `awslogs` configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogTarget {
    pub(crate) group: String,
    pub(crate) stream: String,
    pub(crate) create_group: bool,
}

/// What a container does once it starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    Process(Vec<String>),
    Idle,
    ExitZero,
}

/// What becomes of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fate {
    Run,
    FailToStart(String),
    Hang,
    StopAfter { code: String, after_ms: u64 },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Condition {
    Start,
    Complete,
    Success,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ContainerState {
    Waiting,
    Running,
    Exited,
}

/// A container of a task.
pub(crate) struct Container {
    pub(crate) name: String,
    pub(crate) image: String,
    pub(crate) cpu: String,
    pub(crate) memory: Option<String>,
    pub(crate) essential: bool,
    pub(crate) depends_on: Vec<(String, Condition)>,
    pub(crate) action: Action,
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) log: Option<LogTarget>,
    pub(crate) stop_timeout_s: u64,
    pub(crate) state: ContainerState,
    pub(crate) terminating: bool,
    pub(crate) exit_code: Option<i64>,
    pub(crate) reason: Option<String>,
    pub(crate) runtime_id: Option<String>,
}

/// A task's network interface.
pub(crate) struct Interface {
    pub(crate) attachment: String,
    pub(crate) eni: String,
    pub(crate) ip: String,
    pub(crate) mac: String,
    pub(crate) subnet: String,
}

/// A task.
pub(crate) struct Task {
    pub(crate) id: String,
    pub(crate) arn: String,
    pub(crate) cluster: String,
    pub(crate) definition: String,
    pub(crate) family: String,
    pub(crate) cpu: Value,
    pub(crate) memory: Value,
    pub(crate) group: String,
    pub(crate) started_by: Option<String>,
    pub(crate) launch_type: Option<String>,
    pub(crate) capacity_provider: Option<String>,
    pub(crate) exec: bool,
    pub(crate) tags: Vec<Value>,
    pub(crate) overrides: Value,
    pub(crate) interface: Option<Interface>,
    pub(crate) containers: Vec<Container>,
    pub(crate) fate: Fate,
    /// Name of its service and id of its deployment.
    pub(crate) service: Option<(String, String)>,
    /// Whether its service has taken note of its end.
    pub(crate) accounted: bool,
    pub(crate) phase: Phase,
    pub(crate) next_at: Option<u64>,
    pub(crate) stop_at: Option<u64>,
    pub(crate) created_at: u64,
    pub(crate) pull_started_at: Option<u64>,
    pub(crate) pull_stopped_at: Option<u64>,
    pub(crate) started_at: Option<u64>,
    pub(crate) stopping_at: Option<u64>,
    pub(crate) execution_stopped_at: Option<u64>,
    pub(crate) stopped_at: Option<u64>,
    pub(crate) stop_code: Option<String>,
    pub(crate) stopped_reason: Option<String>,
}

impl Task {
    pub(crate) fn is_stopped(&self) -> bool {
        self.phase == Phase::Stopped
    }

    /// Whether ECS wants it to stop, or it has.
    pub(crate) fn is_leaving(&self) -> bool {
        self.stopping_at.is_some()
    }

    pub(crate) fn desired_status(&self) -> &'static str {
        if self.is_leaving() { "STOPPED" } else { "RUNNING" }
    }

    pub(crate) fn has_process(&self) -> bool {
        self.containers.iter().any(|container| matches!(container.action, Action::Process(_)))
    }

    /// Whether it runs and has shown that it will not fall over at once.
    pub(crate) fn is_steady(&self, now: u64, steady_ms: u64) -> bool {
        let wait = if self.has_process() { steady_ms } else { 0 };
        self.phase == Phase::Running && self.started_at.is_some_and(|at| at + wait <= now)
    }

    pub(crate) fn is_of(&self, deployment: &str) -> bool {
        self.service.as_ref().is_some_and(|(_, id)| id == deployment)
    }

    pub(crate) fn is_in(&self, cluster: &str, service: &str) -> bool {
        self.cluster == cluster && self.service.as_ref().is_some_and(|(name, _)| name == service)
    }
}
