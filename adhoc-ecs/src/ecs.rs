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

    /// Everything on AWS, with the region, credentials and endpoint of `config`.
    #[cfg(feature = "ec2")]
    #[must_use]
    pub fn on_aws(config: &aws_types::SdkConfig) -> Self {
        use crate::aws::{AwsLogs, AwsNetwork, AwsServices, AwsTaskDefinitions, AwsTasks};
        let ecs = aws_sdk_ecs::Client::new(config);
        Self {
            task_definitions: Arc::new(AwsTaskDefinitions::new(ecs.clone())),
            tasks: Arc::new(AwsTasks::new(ecs.clone())),
            services: Arc::new(AwsServices::new(ecs)),
            logs: Arc::new(AwsLogs::new(aws_sdk_cloudwatchlogs::Client::new(config))),
            network: Arc::new(AwsNetwork::new(aws_sdk_ec2::Client::new(config))),
        }
    }
}
