//! Terraform workspaces, one for each short-lived environment.
//!
//! [`TerraformWorkspaces`] implements [`Workspaces`] over the command line of Terraform, or of OpenTofu.
//!
//! ```text
//!   TerraformConfig ──> TerraformWorkspaces
//!                          │  plan · apply · destroy · outputs · list           (the trait)
//!                          │  drift · show · state_list · open_plan · discard   (beside it)
//!                          ├── init in a data folder of the environment's own; workspace pinned by TF_WORKSPACE
//!                          ├── terraform -json ──> Message ──> Event::ResourceProgress, InfrastructurePlan, or an Error by meaning
//!                          └── .adhoc/alpha/: who holds it, a sealed plan, the variables for its destruction
//!   VarFile                envs/alpha.tfvars, edited with comments and formatting kept
//! ```
//!
//! # Example
//!
//! A pipeline takes the trait, and runs on the fake:
//!
//! ```
//! use std::sync::Arc;
//! use adhoc_core::testing::{FakeWorkspaces, ManualClock, RecordingSink};
//! use adhoc_core::{Context, EnvironmentName, PlanPurpose, PlanRequest, Result, Workspaces};
//!
//! async fn bring_up(cx: &Context, workspaces: &dyn Workspaces, environment: &EnvironmentName) -> Result<u64> {
//!     let plan = workspaces.plan(cx, &PlanRequest::new(environment.clone(), PlanPurpose::Apply)).await?;
//!     Ok(workspaces.apply(cx, &plan).await?.counts.add)
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let cx = Context::new(Arc::new(ManualClock::new()), Arc::new(RecordingSink::default()));
//! let workspaces = FakeWorkspaces::new(&["aws_ecs_cluster.this", "aws_s3_bucket.media"]);
//! assert_eq!(bring_up(&cx, &workspaces, &"alpha".parse()?).await?, 2);
//! # Ok::<_, adhoc_core::Error>(())
//! # }).unwrap();
//! ```

mod config;
mod environment;
mod failure;
mod folder;
mod kit;
mod lock;
mod process;
mod seal;
pub mod stream;
pub mod variables;
mod version;
mod workspaces;

pub use adhoc_core::Workspaces;

pub use config::TerraformConfig;
pub use environment::ProcessEnvironment;
pub use kit::VARIABLES_OUTPUT;
pub use lock::LockInfo;
pub use stream::{Diagnostic, Message};
pub use variables::{Declarations, VarFile};
pub use version::{Flavour, Version};
pub use workspaces::{Drift, HeldEnvironment, StateResource, TerraformWorkspaces};
