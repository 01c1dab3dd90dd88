//! Holding an environment over several operations.

use std::sync::{Arc, PoisonError, Weak};

use adhoc_core::{Context, EnvironmentName, Result};

use super::TerraformWorkspaces;
use crate::folder::{Folder, Hold};

/// The right to work on an environment in a folder, until it is dropped: see [`TerraformWorkspaces::hold`].
#[derive(Debug)]
#[must_use = "the environment is free again once this is dropped"]
pub struct HeldEnvironment(#[expect(dead_code, reason = "it is held, not used")] Arc<Hold>);

impl TerraformWorkspaces {
    /// Keeps every other run in this folder off an environment until the guard is dropped, so that what is read between
    /// several operations, such as its var file, stays as it is. Operations of this value share the guard: whoever holds it
    /// runs them one after the other.
    ///
    /// # Errors
    ///
    /// [`Error::Locked`](adhoc_core::Error::Locked) if another run is at it; [`Error::NotFound`](adhoc_core::Error::NotFound)
    /// without a configuration.
    pub fn hold(&self, cx: &Context, environment: &EnvironmentName, operation: &str) -> Result<HeldEnvironment> {
        self.ensure_configured()?;
        let hold = Arc::new(Folder::new(&self.dir, environment).hold(cx, operation)?);
        let mut holds = self.holds.lock().unwrap_or_else(PoisonError::into_inner);
        holds.insert(environment.clone(), Arc::downgrade(&hold));
        Ok(HeldEnvironment(hold))
    }

    /// The guard that somebody has on an environment, or else a hold for one operation, which shares it with no other.
    pub(super) fn held_or_free(
        &self,
        cx: &Context,
        environment: &EnvironmentName,
        operation: &str,
    ) -> Result<Arc<Hold>> {
        let holds = self.holds.lock().unwrap_or_else(PoisonError::into_inner);
        match holds.get(environment).and_then(Weak::upgrade) {
            Some(hold) => Ok(hold),
            None => Ok(Arc::new(Folder::new(&self.dir, environment).hold(cx, operation)?)),
        }
    }
}
