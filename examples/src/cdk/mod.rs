//! [`Workspaces`] over AWS CDK: a workspace is a CloudFormation stack, `{prefix}-{environment}`.
//!
//! ```text
//!   plan     cdk synth ──> template ──> change set ──> InfrastructurePlan
//!   apply    the change set is executed; the stack's events ──> ResourceProgress
//!   destroy  the stack is deleted, and looked for
//! ```
//!
//! The state, the lock on it and the saved plans are CloudFormation's own, so nothing is kept on this machine. The contract
//! calls whatever drives the infrastructure Terraform: its failures are [`Error::Terraform`] here as well.

mod change;
mod deploy;
mod follow;
mod plan;
mod stacks;
mod synth;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use adhoc_core::{
    AppliedPlan, Context, DestroyedWorkspace, EnvironmentName, Error, InfrastructurePlan, OutputValue, Outputs,
    PlanRequest, Result, Workspaces, async_trait,
};
use aws_sdk_cloudformation::Client;

use self::stacks::Stacks;

/// Which app to drive, and how.
#[derive(Clone)]
#[non_exhaustive]
pub struct CdkConfig {
    /// The folder of the app: `cdk.json`, and `node_modules` with the `cdk` of its lock file.
    pub dir: PathBuf,
    /// What the names of the stacks begin with; the app gets it as the context value `prefix`.
    pub prefix: String,
    /// Further context values. They are arguments of a process, which others on the machine can read: no secrets.
    pub context: BTreeMap<String, String>,
    /// The environment variables of `cdk`, `PATH` among them. Default none.
    pub variables: Vec<(OsString, OsString)>,
    /// How long CloudFormation may take for one operation. Default one hour.
    pub timeout: Duration,
}

impl CdkConfig {
    /// The app in `dir`, whose stacks are `{prefix}-{environment}`.
    pub fn new(dir: impl Into<PathBuf>, prefix: impl Into<String>) -> Self {
        Self {
            dir: dir.into(),
            prefix: prefix.into(),
            context: BTreeMap::new(),
            variables: Vec::new(),
            timeout: Duration::from_secs(3600),
        }
    }

    /// Gives the app a context value.
    #[must_use]
    pub fn with_context(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.context.insert(name.into(), value.into());
        self
    }

    /// Passes these environment variables on, but for those of AWS: an app that asks the account does not always give the same
    /// template.
    #[must_use]
    pub fn with_variables(mut self, variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let of_aws = |name: &OsString| name.to_string_lossy().starts_with("AWS_");
        self.variables = variables.into_iter().filter(|(name, _)| !of_aws(name)).collect();
        self
    }
}

impl fmt::Debug for CdkConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The variables may hold secrets.
        f.debug_struct("CdkConfig").field("dir", &self.dir).field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

/// The stacks of one CDK app, an environment each.
///
/// # What cancelling leaves
///
/// CloudFormation goes on with what it has begun, and the error says so. The same operation waits for nobody: it is refused as
/// long as the stack is busy, but for a destroy, which joins one under way.
#[derive(Debug)]
pub struct CdkWorkspaces {
    config: CdkConfig,
    stacks: Stacks,
}

impl CdkWorkspaces {
    /// Drives the app that `config` names, on the account and region of `client`. Starts nothing yet.
    #[must_use]
    pub fn new(config: CdkConfig, client: Client) -> Self {
        Self { config, stacks: Stacks::new(client) }
    }

    fn stack_name(&self, environment: &EnvironmentName) -> String {
        format!("{}-{environment}", self.config.prefix)
    }
}

#[async_trait]
impl Workspaces for CdkWorkspaces {
    async fn list(&self, cx: &Context) -> Result<Vec<EnvironmentName>> {
        let prefix = format!("{}-", self.config.prefix);
        let names = cx.unless_cancelled(self.stacks.names()).await?;
        let mut environments: Vec<EnvironmentName> =
            names.iter().filter_map(|name| name.strip_prefix(&prefix)?.parse().ok()).collect();
        environments.sort();
        Ok(environments)
    }

    async fn plan(&self, cx: &Context, request: &PlanRequest) -> Result<InfrastructurePlan> {
        plan::plan(self, cx, request).await
    }

    async fn apply(&self, cx: &Context, plan: &InfrastructurePlan) -> Result<AppliedPlan> {
        deploy::apply(self, cx, plan).await
    }

    async fn outputs(&self, cx: &Context, environment: &EnvironmentName) -> Result<Outputs> {
        let name = self.stack_name(environment);
        let stack = cx.unless_cancelled(self.stacks.find(&name)).await?;
        let stack = stack.ok_or_else(|| Error::not_found("outputs", name, "there is no such stack"))?;
        let outputs = stack.outputs().iter().filter_map(|output| Some((output.output_key()?, output.output_value()?)));
        Ok(outputs.map(|(key, value)| (key.to_owned(), OutputValue::new(value))).collect())
    }

    async fn destroy(&self, cx: &Context, environment: &EnvironmentName) -> Result<DestroyedWorkspace> {
        deploy::destroy(self, cx, environment).await
    }
}
