//! The backends for what an account holds beside ECS.

use std::sync::Arc;

use adhoc_core::{Dependencies, Images, Quotas, Routes};

/// One implementation of each trait. Cheap to clone; replace any of them with your own.
#[derive(Clone)]
#[non_exhaustive]
pub struct Account {
    /// Images in registries.
    pub images: Arc<dyn Images>,
    /// Roles, secrets, log groups.
    pub dependencies: Arc<dyn Dependencies>,
    /// Subnets and their routes.
    pub routes: Arc<dyn Routes>,
    /// Quotas.
    pub quotas: Arc<dyn Quotas>,
}

impl Account {
    /// A set of backends.
    pub fn new(
        images: Arc<dyn Images>,
        dependencies: Arc<dyn Dependencies>,
        routes: Arc<dyn Routes>,
        quotas: Arc<dyn Quotas>,
    ) -> Self {
        Self { images, dependencies, routes, quotas }
    }
}
