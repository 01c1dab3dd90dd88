//! The vocabulary of `adhoc`: what deployment primitives and their users agree on.
//!
//! This crate holds names, errors, events, the wait engine, the clock and the traits behind which every backend
//! sits. It has no AWS SDK, spawns no process and opens no socket, so that a pipeline can be written and tested
//! against it alone.
//!
//! ```text
//!   your pipeline ──> Context (clock, events, cancellation)
//!        │                 │
//!        │                 └──> EventSink   what happened, for people and machines
//!        ├──> TaskDefinitions · Tasks · Services · LogSource · Network     (adhoc-ecs implements them on AWS)
//!        ├──> ExecSessions                               (a command in a running container)
//!        ├──> Tunnel · DatabaseAdmin                     (adhoc-db implements them with SSH and Postgres)
//!        ├──> Workspaces                                 (adhoc-terraform implements it with Terraform)
//!        ├──> Images · Dependencies · Routes · Quotas     what an account holds beside ECS   (adhoc-ecs)
//!        ├──> Clusters                                   (the tags that say of an environment's life what is known)
//!        └──> wait_for(context, config, probe, condition)
//! ```
//!
//! # Example
//!
//! A step reports its start and its end, honours cancellation, and names itself in an error:
//!
//! ```
//! use std::sync::Arc;
//! use adhoc_core::testing::{ManualClock, RecordingSink};
//! use adhoc_core::{Context, Error};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! let events = Arc::new(RecordingSink::default());
//! let cx = Context::new(Arc::new(ManualClock::new()), events.clone());
//!
//! let answer = cx.step("resolve", async { Ok(42) }).await?;
//! assert_eq!(answer, 42);
//!
//! let missing = cx.step("migrate", async { Err::<(), _>(Error::not_found("DescribeServices", "alpha", "no such service")) });
//! assert_eq!(missing.await.unwrap_err().detail().step.as_deref(), Some("migrate"));
//! assert_eq!(events.names(), ["step_started", "step_finished", "step_started", "step_failed"]);
//! # Ok::<_, Error>(())
//! # }).unwrap();
//! ```

mod account;
mod clock;
mod cluster;
mod context;
mod conventions;
mod database;
mod error;
mod event;
mod exec;
mod image;
mod infrastructure;
mod launch;
mod lifecycle;
mod listener_rule;
mod logs;
mod names;
mod network;
mod outcome;
mod report;
mod secret;
mod service;
mod task;
mod task_definition;
mod tunnel;
mod wait;

#[cfg(feature = "test-util")]
pub mod testing;

pub use async_trait::async_trait;
pub use jiff::Timestamp;
pub use tokio_util::sync::CancellationToken;

pub use account::{Dependencies, Dependency, Images, Quotas, RegistryImage, Routes, Subnet, WayOut};
pub use clock::{Clock, SystemClock, within};
pub use cluster::{Cluster, Clusters, Tags};
pub use context::Context;
pub use conventions::{Component, Conventions, NameTemplates};
pub use database::{
    CreateDatabase, Created, Database, DatabaseAdmin, DatabaseMarker, DatabaseName, DropDatabase, Dropped, RoleName,
};
pub use error::{Error, ErrorDetail, Result};
pub use event::{Event, EventRecord, EventSink, NullSink};
pub use exec::{ExecSession, ExecSessions, StartExec};
pub use image::{ImageChange, ImageReference};
pub use infrastructure::{
    AppliedPlan, ChangeCounts, DestroyedWorkspace, InfrastructurePlan, OutputValue, Outputs, PlanPurpose, PlanRequest,
    ResourceAction, ResourceChange, ResourcePhase, Workspaces,
};
pub use launch::{CapacityProviderItem, LaunchMode};
pub use lifecycle::{
    CostItem, DatabaseRecord, DatabaseUsage, EnvironmentRecord, EnvironmentState, EnvironmentTags, InstanceUsage,
    Inventory, Money, NewEnvironment, ObservedCluster, ObservedWorkspace, Part, PriceTable, Prices, Quota, QuotaKind,
    QuotaSource, RegionalPrices, ServiceCounts, ServiceUsage, SharedUsage, SweepAction, SweepDecision, SweepPolicy,
    TagKey, Unfinished, Warning, begin_create, begin_destroy, binding, cost_of_services, cost_of_shared, daily_cost,
    decide, extended_until, finish_create, median, roughly, sort_by_what_binds, total_cost,
};
pub use listener_rule::{FixedResponse, ListenerRule, ListenerRules, NewListenerRule};
pub use logs::{LogCursor, LogEvent, LogPage, LogSource, LogStream};
pub use names::{
    ClusterName, ContainerName, DeploymentId, EnvironmentName, Family, ImageTag, ServiceName, TaskArn,
    TaskDefinitionArn,
};
pub use network::{Network, NetworkConfiguration};
pub use outcome::Outcome;
pub use report::{
    CauseSummary, Dossier, FieldChange, LogExcerpt, Plan, PlannedService, PlannedTask, PlannedTaskDefinition,
    ServiceSummary, Summary, TaskDefinitionSummary, TaskSummary, Verdict,
};
pub use secret::{Credentials, ExposeSecret, SecretString};
pub use service::{
    CircuitBreaker, Deployment, DeploymentController, DeploymentStatus, RolloutState, Service, ServiceDeployment,
    ServiceDeploymentStatus, ServiceEvent, ServiceUpdate, Services,
};
pub use task::{ContainerState, RunTask, Task, TaskFilter, TaskState, Tasks, Variables};
pub use task_definition::{LogConfiguration, TaskDefinition, TaskDefinitions};
pub use tunnel::{BoxedStream, ByteStream, Tunnel};
pub use wait::{Check, Condition, WaitConfig, wait_for};
