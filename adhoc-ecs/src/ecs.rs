//! The backends that a pipeline works with.

use std::sync::Arc;

use adhoc_core::{LogSource, Network, Services, TaskDefinitions, Tasks};

/// One implementation of each trait. Cheap to clone; replace any of them with your own.
#[derive(Clone)]
#[non_exhaustive]
pub struct Ecs {
    /// Task definitions.
    pub task_definitions: Arc<dyn TaskDefinitions>,
    /// Tasks.
    pub tasks: Arc<dyn Tasks>,
    /// Services.
    pub services: Arc<dyn Services>,
    /// Logs.
    pub logs: Arc<dyn LogSource>,
    /// Subnets and security groups.
    pub network: Arc<dyn Network>,
}

impl Ecs {
    /// A set of backends.
    pub fn new(
        task_definitions: Arc<dyn TaskDefinitions>,
        tasks: Arc<dyn Tasks>,
        services: Arc<dyn Services>,
        logs: Arc<dyn LogSource>,
        network: Arc<dyn Network>,
    ) -> Self {
        Self { task_definitions, tasks, services, logs, network }
    }
}
