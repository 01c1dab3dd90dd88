//! What differs between the world and the configuration.

use adhoc_core::{Context, EnvironmentName, InfrastructurePlan, ResourceChange, Result};
use serde::Serialize;

use super::TerraformWorkspaces;
use super::plan::Planning;

/// How far the world has moved away from an environment's configuration and its state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Drift {
    /// The environment.
    pub environment: String,
    /// What an apply would change: the drift that matters.
    pub pending: InfrastructurePlan,
    /// What has been changed by others since the last apply, though the configuration leaves much of that alone on
    /// purpose, such as the task definition of every service that was rolled.
    pub out_of_band: Vec<ResourceChange>,
}

impl TerraformWorkspaces {
    /// Compares the world with an environment's configuration and state. Changes nothing.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`](adhoc_core::Error::NotFound) without a workspace; those of a plan.
    pub async fn drift(&self, cx: &Context, environment: &EnvironmentName) -> Result<Drift> {
        let opened = self.open(cx, environment, "drift").await?;
        opened.ensure_exists()?;
        let variables = opened.variables_that_resolve(cx).await?;
        let planning = |refresh_only| Planning { variables: &variables, destroy: false, refresh_only, out: None };
        let pending = cx.step_to_its_end("plan", planning(false).run(&opened, cx)).await?;
        let seen = cx.step_to_its_end("refresh", planning(true).run(&opened, cx)).await?;
        opened.hold()?.state_was_free();
        Ok(Drift { environment: environment.to_string(), pending, out_of_band: seen.drift })
    }
}
