//! Tasks: running, reading, stopping and listing them.

use std::fmt;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::{
    ClusterName, ContainerName, Family, LaunchMode, NetworkConfiguration, Result, ServiceName, TaskArn,
    TaskDefinitionArn,
};

/// Runs and watches tasks.
///
/// # Contract
///
/// `run` starts exactly one task per client token: repeating a request gives back the task that it started. Every entry
/// of ECS's `failures[]` becomes an error, except that `describe` leaves out tasks that ECS calls MISSING, which right
/// after `run` means "not yet".
#[cfg_attr(feature = "test-util", mockall::automock)]
#[async_trait]
pub trait Tasks: Send + Sync {
    /// Starts one task.
    ///
    /// # Errors
    ///
    /// [`Error::TaskNotStarted`](crate::Error::TaskNotStarted) where ECS has no place for it. Cancelling may leave it
    /// started; list by `started_by` to find it.
    async fn run(&self, request: &RunTask) -> Result<Task>;

    /// Reads tasks, any number of them. Missing ones are left out.
    ///
    /// # Errors
    ///
    /// Those of the backend.
    async fn describe(&self, cluster: &ClusterName, tasks: &[TaskArn]) -> Result<Vec<Task>>;

    /// Asks a task to stop, and returns before it has.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`](crate::Error::NotFound) where there is no such task.
    async fn stop(&self, cluster: &ClusterName, task: &TaskArn, reason: &str) -> Result<()>;

    /// Lists tasks, all pages.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`](crate::Error::NotFound) where there is no such cluster or service.
    async fn list(&self, cluster: &ClusterName, filter: &TaskFilter, state: TaskState) -> Result<Vec<TaskArn>>;
}

/// What to start. See <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html>.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RunTask {
    /// The cluster.
    pub cluster: ClusterName,
    /// The exact revision.
    pub task_definition: TaskDefinitionArn,
    /// On what it runs.
    pub launch: LaunchMode,
    /// Where it runs; `awsvpc` tasks need one.
    pub network: Option<NetworkConfiguration>,
    /// The Fargate platform version; none means the latest.
    pub platform_version: Option<String>,
    /// The container that `command` and `environment` are for.
    pub container: ContainerName,
    /// A command instead of the definition's.
    pub command: Option<Vec<String>>,
    /// Environment variables added to the definition's.
    pub environment: Variables,
    /// Who started it: at most 128 letters, digits, `-`, `/` and `_`.
    pub started_by: String,
    /// At most 64 characters; the same token never starts a second task.
    pub client_token: String,
    /// Whether `adhoc exec` may enter it.
    pub enable_execute_command: bool,
}

impl RunTask {
    /// A request with the cluster's default launch mode, no network and no overrides.
    #[must_use]
    pub fn new(cluster: ClusterName, task_definition: TaskDefinitionArn, container: ContainerName) -> Self {
        Self {
            cluster,
            task_definition,
            container,
            launch: LaunchMode::ClusterDefault,
            network: None,
            platform_version: None,
            command: None,
            environment: Variables::default(),
            started_by: String::new(),
            client_token: String::new(),
            enable_execute_command: false,
        }
    }

    /// Sets on what it runs.
    #[must_use]
    pub fn with_launch(mut self, launch: LaunchMode) -> Self {
        self.launch = launch;
        self
    }

    /// Sets where it runs.
    #[must_use]
    pub fn with_network(mut self, network: Option<NetworkConfiguration>) -> Self {
        self.network = network;
        self
    }

    /// Sets the Fargate platform version.
    #[must_use]
    pub fn with_platform_version(mut self, version: Option<String>) -> Self {
        self.platform_version = version;
        self
    }

    /// Replaces the container's command.
    #[must_use]
    pub fn with_command(mut self, command: Option<Vec<String>>) -> Self {
        self.command = command;
        self
    }

    /// Adds environment variables to the container's.
    #[must_use]
    pub fn with_environment(mut self, environment: Variables) -> Self {
        self.environment = environment;
        self
    }

    /// Says whether `adhoc exec` may enter it.
    #[must_use]
    pub fn with_execute_command(mut self, enable: bool) -> Self {
        self.enable_execute_command = enable;
        self
    }

    /// Sets `startedBy` and the client token.
    #[must_use]
    pub fn with_identity(mut self, started_by: impl Into<String>, client_token: impl Into<String>) -> Self {
        self.started_by = started_by.into();
        self.client_token = client_token.into();
        self
    }
}

/// Environment variables, whose values may be secret: `Debug` shows only their names.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Variables(Vec<(String, String)>);

impl Variables {
    /// The pairs of name and value, in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.iter().map(|(name, _)| (name, "redacted"))).finish()
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Variables {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

/// Which tasks to list. ECS allows one of these at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TaskFilter {
    /// All of the cluster.
    All,
    /// Those with this `startedBy`.
    StartedBy(String),
    /// Those of a service.
    Service(ServiceName),
    /// Those of a family.
    Family(Family),
}

/// Which tasks to list, by what ECS wants them to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TaskState {
    /// Desired status RUNNING: starting tasks included.
    Running,
    /// Desired status STOPPED: visible for about an hour after they stopped.
    Stopped,
}

/// A task as ECS sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Task {
    /// Its ARN.
    pub arn: TaskArn,
    /// The revision it runs.
    pub task_definition: TaskDefinitionArn,
    /// `PROVISIONING`, `PENDING`, `ACTIVATING`, `RUNNING`, ..., `STOPPED`.
    pub last_status: String,
    /// Its containers; may be empty at first.
    pub containers: Vec<ContainerState>,
    /// Who started it; a service's tasks carry their deployment's id.
    pub started_by: Option<String>,
    /// `service:NAME` or `family:NAME`.
    pub group: Option<String>,
    /// `TaskFailedToStart`, `EssentialContainerExited`, `SpotInterruption`, ...
    pub stop_code: Option<String>,
    /// Why it stopped, in ECS's words.
    pub stopped_reason: Option<String>,
    /// When it was asked for.
    pub created_at: Option<Timestamp>,
    /// When its containers ran.
    pub started_at: Option<Timestamp>,
    /// When its containers had stopped.
    pub execution_stopped_at: Option<Timestamp>,
    /// When it was gone.
    pub stopped_at: Option<Timestamp>,
    /// Whether it was started so that `adhoc exec` may enter it.
    pub execute_command: bool,
}

impl Task {
    /// A task in the given state, otherwise blank.
    pub fn new(arn: TaskArn, task_definition: TaskDefinitionArn, last_status: impl Into<String>) -> Self {
        Self {
            arn,
            task_definition,
            last_status: last_status.into(),
            containers: Vec::new(),
            started_by: None,
            group: None,
            stop_code: None,
            stopped_reason: None,
            created_at: None,
            started_at: None,
            execution_stopped_at: None,
            stopped_at: None,
            execute_command: false,
        }
    }

    /// Sets the containers.
    #[must_use]
    pub fn with_containers(mut self, containers: Vec<ContainerState>) -> Self {
        self.containers = containers;
        self
    }

    /// Sets why it stopped.
    #[must_use]
    pub fn with_stop(mut self, code: impl Into<String>, reason: impl Into<String>) -> Self {
        self.stop_code = Some(code.into());
        self.stopped_reason = Some(reason.into());
        self
    }

    /// Says whether `adhoc exec` may enter it.
    #[must_use]
    pub fn with_execute_command(mut self, enabled: bool) -> Self {
        self.execute_command = enabled;
        self
    }

    /// Whether it has come to its end.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        matches!(self.last_status.as_str(), "STOPPED" | "DELETED")
    }

    /// One of its containers.
    #[must_use]
    pub fn container(&self, name: &ContainerName) -> Option<&ContainerState> {
        self.containers.iter().find(|container| container.name == *name)
    }
}

/// A container of a task as ECS sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ContainerState {
    /// Its name.
    pub name: ContainerName,
    /// `PENDING`, `RUNNING`, `STOPPED`.
    pub last_status: String,
    /// Its exit code; none if it never ran.
    pub exit_code: Option<i32>,
    /// Why it could not run, in ECS's words.
    pub reason: Option<String>,
    /// The id that ECS Exec needs.
    pub runtime_id: Option<String>,
    /// The image as the task definition names it.
    pub image: Option<String>,
    /// The digest of the image that really runs; none before it was pulled.
    pub image_digest: Option<String>,
    /// Where the agent of ECS Exec is: `PENDING`, `RUNNING`, `STOPPED`; none where the task was started without it.
    pub exec_agent: Option<String>,
}

impl ContainerState {
    /// A container in the given state, otherwise blank.
    pub fn new(name: ContainerName, last_status: impl Into<String>) -> Self {
        Self {
            name,
            last_status: last_status.into(),
            exit_code: None,
            reason: None,
            runtime_id: None,
            image: None,
            image_digest: None,
            exec_agent: None,
        }
    }

    /// Sets the exit code.
    #[must_use]
    pub fn with_exit_code(mut self, code: Option<i32>) -> Self {
        self.exit_code = code;
        self
    }

    /// Sets why it could not run.
    #[must_use]
    pub fn with_reason(mut self, reason: Option<String>) -> Self {
        self.reason = reason;
        self
    }

    /// Sets the id that ECS Exec needs.
    #[must_use]
    pub fn with_runtime_id(mut self, id: Option<String>) -> Self {
        self.runtime_id = id;
        self
    }

    /// Sets the image, and the digest of what was pulled.
    #[must_use]
    pub fn with_image(mut self, image: Option<String>, digest: Option<String>) -> Self {
        (self.image, self.image_digest) = (image, digest);
        self
    }

    /// Sets where the agent of ECS Exec is.
    #[must_use]
    pub fn with_exec_agent(mut self, status: Option<String>) -> Self {
        self.exec_agent = status;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_variables_are_not_shown() {
        let variables: Variables = [("TOKEN", "hunter2")].into_iter().collect();
        assert_eq!(format!("{variables:?}"), r#"{"TOKEN": "redacted"}"#);
    }
}
