//! Workspaces over the command line of Terraform.

mod apply;
mod destroy;
mod drift;
mod held;
mod inspect;
mod open;
mod plan;
mod var_files;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError, Weak};

use adhoc_core::{
    AppliedPlan, Context, DestroyedWorkspace, EnvironmentName, InfrastructurePlan, Outputs, PlanRequest, Result,
    Workspaces, async_trait,
};
use tokio::sync::OnceCell;

pub use self::drift::Drift;
pub use self::held::HeldEnvironment;
pub use self::inspect::StateResource;
pub(crate) use self::open::Opened;
use crate::folder::Hold;
use crate::process::Program;
use crate::{TerraformConfig, Version};

/// The workspaces of one Terraform configuration.
///
/// Every operation pins its workspace by the environment variable `TF_WORKSPACE`, once it is known to exist, and uses a data
/// folder of its own: see <https://developer.hashicorp.com/terraform/cli/config/environment-variables>. Nothing is ever
/// done in the workspace `default`.
///
/// # What cancelling leaves
///
/// Terraform is asked to stop once, finishes what is in flight, saves its state and frees its lock. The same command
/// continues from there.
#[derive(Debug)]
pub struct TerraformWorkspaces {
    config: TerraformConfig,
    /// The folder of the configuration, whatever our own working folder becomes.
    dir: PathBuf,
    program: Program,
    dropped: Vec<String>,
    version: OnceCell<Version>,
    /// The environments that somebody holds by a guard of this value's.
    holds: Mutex<BTreeMap<EnvironmentName, Weak<Hold>>>,
    /// The environments whose data folder this value has initialised.
    initialised: Mutex<BTreeSet<PathBuf>>,
}

impl TerraformWorkspaces {
    /// Drives the configuration that `config` names. Starts nothing yet.
    #[must_use]
    pub fn new(config: TerraformConfig) -> Self {
        let dir = std::path::absolute(&config.dir).unwrap_or_else(|_| config.dir.clone());
        let (environment, dropped) = config.environment.sanitised();
        let program = Program::new(&config.program, dir.clone(), environment);
        Self {
            config,
            dir,
            program,
            dropped,
            version: OnceCell::new(),
            holds: Mutex::default(),
            initialised: Mutex::default(),
        }
    }

    /// The var file of an environment, relative to the configuration.
    fn var_file(&self, environment: &EnvironmentName) -> PathBuf {
        PathBuf::from(self.config.var_files.replace("{env}", environment.as_str()))
    }

    /// A path of the configuration's as the user would write it.
    fn shown(&self, path: &Path) -> String {
        self.config.dir.join(path).display().to_string()
    }

    fn initialised(&self) -> std::sync::MutexGuard<'_, BTreeSet<PathBuf>> {
        self.initialised.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Workspaces for TerraformWorkspaces {
    async fn list(&self, cx: &Context) -> Result<Vec<EnvironmentName>> {
        inspect::list(self, cx).await
    }

    async fn plan(&self, cx: &Context, request: &PlanRequest) -> Result<InfrastructurePlan> {
        plan::plan(self, cx, request).await
    }

    async fn apply(&self, cx: &Context, plan: &InfrastructurePlan) -> Result<AppliedPlan> {
        apply::apply(self, cx, plan).await
    }

    async fn outputs(&self, cx: &Context, environment: &EnvironmentName) -> Result<Outputs> {
        inspect::outputs(self, cx, environment).await
    }

    async fn destroy(&self, cx: &Context, environment: &EnvironmentName) -> Result<DestroyedWorkspace> {
        destroy::destroy(self, cx, environment).await
    }
}
