//! What differs between the world and the configuration.

use std::collections::BTreeSet;

use adhoc_core::{Context, EnvironmentName, ResourceChange, Result};
use serde::Serialize;

use super::TerraformWorkspaces;
use super::plan::Planning;

/// How far the world has moved away from an environment's configuration and its state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Drift {
    /// The environment.
    pub environment: String,
    /// What somebody else has changed, and an apply would change back: the drift that matters.
    pub drifted: Vec<ResourceChange>,
    /// What somebody else has changed, and the configuration leaves alone, such as the task definition of every service that
    /// was rolled.
    pub out_of_band: Vec<ResourceChange>,
    /// What an apply would change because the configuration has changed.
    pub unapplied: Vec<ResourceChange>,
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
        let touched: BTreeSet<&str> = seen.drift.iter().map(|change| change.address.as_str()).collect();
        let (drifted, unapplied): (Vec<_>, Vec<_>) =
            pending.changes.into_iter().partition(|change| touched.contains(change.address.as_str()));
        let undone: BTreeSet<&str> = drifted.iter().map(|change| change.address.as_str()).collect();
        let out_of_band =
            seen.drift.iter().filter(|change| !undone.contains(change.address.as_str())).cloned().collect();
        Ok(Drift { environment: environment.to_string(), drifted, out_of_band, unapplied })
    }
}
