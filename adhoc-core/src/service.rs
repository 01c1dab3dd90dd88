//! Services and their deployments.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::{ClusterName, DeploymentId, LaunchMode, NetworkConfiguration, Result, ServiceName, TaskDefinitionArn};

/// Reads and updates services.
///
/// # Contract
///
/// `describe` takes any number of names, in whatever batches the backend needs, and leaves out services that are not
/// there. `update` sends only what is set in the request, and returns the service as the backend answered, the new
/// deployment first in `deployments`. `history` gives the newest service deployments first.
#[cfg_attr(feature = "test-util", mockall::automock)]
#[async_trait]
pub trait Services: Send + Sync {
    /// Reads services. Missing ones are left out.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`](crate::Error::NotFound) where there is no such cluster.
    async fn describe(&self, cluster: &ClusterName, services: &[ServiceName]) -> Result<Vec<Service>>;

    /// Changes a service.
    ///
    /// # Errors
    ///
    /// [`Error::Rejected`](crate::Error::Rejected) with the backend's reason. Cancelling may leave the change made.
    async fn update(&self, update: &ServiceUpdate) -> Result<Service>;

    /// The service deployments of a service, newest first, at most `limit` of them.
    ///
    /// See <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-deployment.html>.
    ///
    /// # Errors
    ///
    /// Those of the backend.
    async fn history(&self, cluster: &ClusterName, service: &ServiceName, limit: u16)
    -> Result<Vec<ServiceDeployment>>;

    /// The names of all services in a cluster.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`](crate::Error::NotFound) where there is no such cluster.
    async fn list(&self, cluster: &ClusterName) -> Result<Vec<ServiceName>>;
}

/// A service as ECS sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Service {
    /// Its name.
    pub name: ServiceName,
    /// `ACTIVE`, `DRAINING` or `INACTIVE`.
    pub status: String,
    /// The revision it is configured with.
    pub task_definition: TaskDefinitionArn,
    /// How many tasks it should have.
    pub desired_count: u32,
    /// How many run.
    pub running_count: u32,
    /// How many are starting.
    pub pending_count: u32,
    /// Its deployments, newest first.
    pub deployments: Vec<Deployment>,
    /// What it said, newest first; ECS keeps the newest 100.
    pub events: Vec<ServiceEvent>,
    /// Who may deploy to it.
    pub controller: DeploymentController,
    /// Whether it runs one task per host and so takes no count.
    pub daemon: bool,
    /// Its network.
    pub network: Option<NetworkConfiguration>,
    /// On what it runs.
    pub launch: LaunchMode,
    /// Its Fargate platform version.
    pub platform_version: Option<String>,
    /// Its circuit breaker.
    pub circuit_breaker: CircuitBreaker,
    /// The ARNs of the target groups in which its tasks are.
    pub target_groups: Vec<String>,
    /// Whether `adhoc exec` may enter the tasks that it starts from now on.
    pub execute_command: bool,
}

impl Service {
    /// An ACTIVE service, otherwise blank.
    #[must_use]
    pub fn new(name: ServiceName, task_definition: TaskDefinitionArn) -> Self {
        Self {
            name,
            status: "ACTIVE".to_owned(),
            task_definition,
            desired_count: 0,
            running_count: 0,
            pending_count: 0,
            deployments: Vec::new(),
            events: Vec::new(),
            controller: DeploymentController::Ecs,
            daemon: false,
            network: None,
            launch: LaunchMode::ClusterDefault,
            platform_version: None,
            circuit_breaker: CircuitBreaker::default(),
            target_groups: Vec::new(),
            execute_command: false,
        }
    }

    /// Sets desired, running and pending counts.
    #[must_use]
    pub fn with_counts(mut self, desired: u32, running: u32, pending: u32) -> Self {
        (self.desired_count, self.running_count, self.pending_count) = (desired, running, pending);
        self
    }

    /// Sets the deployments, newest first.
    #[must_use]
    pub fn with_deployments(mut self, deployments: Vec<Deployment>) -> Self {
        self.deployments = deployments;
        self
    }

    /// Sets the circuit breaker.
    #[must_use]
    pub fn with_circuit_breaker(mut self, circuit_breaker: CircuitBreaker) -> Self {
        self.circuit_breaker = circuit_breaker;
        self
    }

    /// Sets the target groups in which its tasks are.
    #[must_use]
    pub fn with_target_groups(mut self, arns: Vec<String>) -> Self {
        self.target_groups = arns;
        self
    }

    /// Whether it exists and takes updates.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.status == "ACTIVE"
    }

    /// The deployment that ECS works towards.
    #[must_use]
    pub fn primary(&self) -> Option<&Deployment> {
        self.deployments.iter().find(|deployment| deployment.status == DeploymentStatus::Primary)
    }

    /// One of its deployments.
    #[must_use]
    pub fn deployment(&self, id: &DeploymentId) -> Option<&Deployment> {
        self.deployments.iter().find(|deployment| deployment.id == *id)
    }
}

/// One deployment of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Deployment {
    /// Its id.
    pub id: DeploymentId,
    /// Its place among the service's deployments.
    pub status: DeploymentStatus,
    /// The revision it deploys.
    pub task_definition: TaskDefinitionArn,
    /// How many tasks it should have.
    pub desired_count: u32,
    /// How many run.
    pub running_count: u32,
    /// How many are starting.
    pub pending_count: u32,
    /// How many failed in a row.
    pub failed_tasks: u32,
    /// How far it is; absent behind a Classic load balancer.
    pub rollout_state: Option<RolloutState>,
    /// Why it is there.
    pub rollout_state_reason: Option<String>,
    /// When it began.
    pub created_at: Option<Timestamp>,
}

impl Deployment {
    /// A deployment, otherwise blank.
    #[must_use]
    pub fn new(id: DeploymentId, status: DeploymentStatus, task_definition: TaskDefinitionArn) -> Self {
        Self {
            id,
            status,
            task_definition,
            desired_count: 0,
            running_count: 0,
            pending_count: 0,
            failed_tasks: 0,
            rollout_state: None,
            rollout_state_reason: None,
            created_at: None,
        }
    }

    /// Sets desired, running and failed counts.
    #[must_use]
    pub fn with_counts(mut self, desired: u32, running: u32, failed: u32) -> Self {
        (self.desired_count, self.running_count, self.failed_tasks) = (desired, running, failed);
        self
    }

    /// Sets how far it is, and why.
    #[must_use]
    pub fn with_rollout(mut self, state: RolloutState, reason: impl Into<String>) -> Self {
        self.rollout_state = Some(state);
        self.rollout_state_reason = Some(reason.into());
        self
    }
}

/// A deployment's place among a service's deployments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeploymentStatus {
    /// The one that ECS works towards.
    Primary,
    /// An older one that still has tasks.
    Active,
    /// An older one without tasks.
    Inactive,
}

/// How far a deployment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RolloutState {
    /// On its way.
    InProgress,
    /// Done.
    Completed,
    /// Given up by the circuit breaker or an alarm.
    Failed,
}

/// A service's deployment circuit breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct CircuitBreaker {
    /// Whether it ends deployments whose tasks keep failing.
    pub enabled: bool,
    /// Whether it, or a deployment alarm, puts the last completed deployment back.
    pub rollback: bool,
}

impl CircuitBreaker {
    /// A breaker.
    #[must_use]
    pub fn new(enabled: bool, rollback: bool) -> Self {
        Self { enabled, rollback }
    }
}

/// Who may deploy to a service.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeploymentController {
    /// ECS itself: the only one that `UpdateService` can roll.
    Ecs,
    /// Another one: `CODE_DEPLOY`, `EXTERNAL`.
    Other(String),
}

/// What a service said.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServiceEvent {
    /// When.
    pub at: Option<Timestamp>,
    /// What.
    pub message: String,
}

impl ServiceEvent {
    /// An event.
    pub fn new(at: Option<Timestamp>, message: impl Into<String>) -> Self {
        Self { at, message: message.into() }
    }
}

/// A change to a service: only what is set is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServiceUpdate {
    /// The cluster.
    pub cluster: ClusterName,
    /// The service.
    pub service: ServiceName,
    /// Another revision; always a full ARN, since a bare family would mean "the newest".
    pub task_definition: Option<TaskDefinitionArn>,
    /// Another count.
    pub desired_count: Option<u32>,
    /// Whether to deploy even if nothing else changes.
    pub force_new_deployment: bool,
}

impl ServiceUpdate {
    /// A change that changes nothing yet.
    #[must_use]
    pub fn new(cluster: ClusterName, service: ServiceName) -> Self {
        Self { cluster, service, task_definition: None, desired_count: None, force_new_deployment: false }
    }

    /// Deploys another revision.
    #[must_use]
    pub fn with_task_definition(mut self, arn: TaskDefinitionArn) -> Self {
        self.task_definition = Some(arn);
        self
    }

    /// Sets the count, if there is one to set.
    #[must_use]
    pub fn with_desired_count(mut self, count: Option<u32>) -> Self {
        self.desired_count = count;
        self
    }

    /// Deploys even if nothing else changes.
    #[must_use]
    pub fn with_force(mut self, force: bool) -> Self {
        self.force_new_deployment = force;
        self
    }
}

/// One entry of a service's deployment history.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServiceDeployment {
    /// Its ARN.
    pub arn: String,
    /// How far it is, or how it ended.
    pub status: ServiceDeploymentStatus,
    /// Why.
    pub reason: Option<String>,
    /// The revision it deploys.
    pub task_definition: Option<TaskDefinitionArn>,
    /// When it began.
    pub created_at: Option<Timestamp>,
}

impl ServiceDeployment {
    /// An entry, otherwise blank.
    pub fn new(arn: impl Into<String>, status: ServiceDeploymentStatus) -> Self {
        Self { arn: arn.into(), status, reason: None, task_definition: None, created_at: None }
    }

    /// Sets the revision.
    #[must_use]
    pub fn with_task_definition(mut self, arn: Option<TaskDefinitionArn>) -> Self {
        self.task_definition = arn;
        self
    }

    /// Sets when it began.
    #[must_use]
    pub fn with_created_at(mut self, at: Option<Timestamp>) -> Self {
        self.created_at = at;
        self
    }

    /// Sets why it is where it is.
    #[must_use]
    pub fn with_reason(mut self, reason: Option<String>) -> Self {
        self.reason = reason;
        self
    }
}

/// How far a service deployment is. Only [`Successful`](ServiceDeploymentStatus::Successful) is success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServiceDeploymentStatus {
    /// Waiting or on its way.
    InProgress,
    /// Done.
    Successful,
    /// Stopped, mostly because another one replaced it.
    Stopped,
    /// Being taken back.
    RollingBack,
    /// Taken back.
    RolledBack,
    /// It could not be taken back.
    RollbackFailed,
}
