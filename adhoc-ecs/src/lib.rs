//! Deployment primitives for AWS ECS: cloning task definitions, one-off tasks with logs, rolling updates with true verdicts,
//! and rollback.
//!
//! ```text
//!   update ──> resolve ──> cloning ──> TaskDefinitions::register
//!     │            │
//!     │            └── Services::describe, Network
//!     ├──> one_off ──> Tasks::run, describe      log_tail ──> LogSource::page
//!     └──> rollout ──> Services::update          verdict, dossier
//! ```
//!
//! Each primitive is a function over the traits of [`adhoc_core`]; [`update()`] composes them, and so can you. The AWS
//! implementations live under [`aws`], behind the features `aws`, `ec2` and `account`.
//!
//! # Example
//!
//! A pipeline of one's own, on fakes:
//!
//! ```
//! use std::sync::Arc;
//! use adhoc_core::testing::*;
//! use adhoc_core::{Context, ImageChange, Service};
//! use adhoc_ecs::{Ecs, RollService, clone_with_image, ensure_succeeded, roll_out};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! let (definitions, services) = (FakeTaskDefinitions::default(), FakeServices::default());
//! let v1 = definitions.insert_simple("alpha-gunicorn", "gunicorn", "backend:v1");
//! services.insert(Service::new("alpha-gunicorn".into(), v1.arn()));
//! let ecs = Ecs::new(Arc::new(definitions), Arc::new(FakeTasks::default()), Arc::new(services),
//!     Arc::new(FakeLogs::default()), Arc::new(FakeNetwork::default()));
//! let cx = Context::new(Arc::new(ManualClock::new()), Arc::new(RecordingSink::default()));
//! let cluster = "alpha-cluster".into();
//!
//! let source = ecs.task_definitions.describe("alpha-gunicorn").await?;
//! let clone = clone_with_image(&source, &"gunicorn".into(), &ImageChange::Tag("v2".parse()?))?;
//! let v2 = cx.step("register", ecs.task_definitions.register(&clone.input)).await?;
//! let service = ecs.services.describe(&cluster, &["alpha-gunicorn".into()]).await?.remove(0);
//! let roll = [RollService::new(service, v2.arn()).with_desired_count(Some(1))];
//! let verdicts = cx.step("roll", roll_out(&cx, &ecs, &cluster, &roll, std::time::Duration::from_secs(600))).await?;
//! ensure_succeeded(&verdicts)
//! # }).unwrap();
//! ```

mod account;
#[cfg(feature = "aws")]
pub mod aws;
mod cloning;
mod deadline;
mod dossier;
mod ecs;
mod exec;
mod halt;
mod judgement;
mod log_tail;
mod maintenance;
mod observe;
mod one_off;
mod promote;
mod quota;
mod resolve;
mod retire;
mod rollback;
mod rollout;
mod run;
mod service_logs;
mod sleep;
mod status;
mod update;
mod usage;
mod verdict;
mod verify;

pub use account::Account;
pub use cloning::{Fate, Field, TaskDefinitionClone, clone_with_image};
pub use ecs::Ecs;
pub use exec::{ExecInput, ExecPlugin, ExecReport, ExecRequest, exec};
pub use halt::halt;
pub use judgement::{TaskEnd, judge_task};
pub use log_tail::LogTail;
pub use maintenance::{MaintenancePage, MaintenanceReport, maintenance_off, maintenance_on};
pub use observe::observe;
pub use one_off::{FinishedTask, OneOff, Placement, run_one_off, task_stopped};
pub use promote::{RunningImage, running_image};
pub use quota::{QuotaReport, quotas};
pub use resolve::Environment;
pub use retire::retire;
pub use rollback::{RevisionChoice, RollbackRequest, rollback};
pub use rollout::{RollService, ensure_succeeded, roll_out};
pub use run::{RunRequest, run};
pub use service_logs::{ServiceLogs, service_logs};
pub use sleep::{CountChange, SleepReport, SleepRequest, stop, wake};
pub use status::{ServiceState, ServiceStatus, status};
pub use update::{DesiredCount, Preparation, UpdateReport, UpdateRequest, update};
pub use usage::{environment_usage, service_usage};
pub use verdict::{Judgement, Target, judge_deployment};
pub use verify::{Finding, FindingVerdict, VerifyRequest, outcome_of_findings, verify};
