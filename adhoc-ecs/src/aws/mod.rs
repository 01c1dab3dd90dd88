//! The traits of [`adhoc_core`] on AWS. SDK types do not leave this module, except that each adapter is made from a client.
//!
//! The SDK retries requests (three attempts, exponential backoff); set more or fewer on the client's configuration.

#[cfg(feature = "account")]
mod account;
mod clusters;
mod convert;
mod error;
mod exec;
#[cfg(feature = "account")]
mod listener_rules;
mod logs;
#[cfg(feature = "ec2")]
mod network;
mod raw;
mod services;
mod task_definitions;
mod tasks;

#[cfg(feature = "account")]
pub use account::{AwsDependencies, AwsImages, AwsQuotas, AwsRoutes, AwsShared};
pub use clusters::AwsClusters;
pub use exec::AwsExecSessions;
#[cfg(feature = "account")]
pub use listener_rules::AwsListenerRules;
pub use logs::AwsLogs;
#[cfg(feature = "ec2")]
pub use network::AwsNetwork;
pub use services::AwsServices;
pub use task_definitions::AwsTaskDefinitions;
pub use tasks::AwsTasks;

#[cfg(feature = "ec2")]
impl crate::Ecs {
    /// Everything on AWS, with the region, credentials and endpoint of `config`.
    #[must_use]
    pub fn on_aws(config: &aws_types::SdkConfig) -> Self {
        use std::sync::Arc;
        let ecs = aws_sdk_ecs::Client::new(config);
        Self::new(
            Arc::new(AwsTaskDefinitions::new(ecs.clone())),
            Arc::new(AwsTasks::new(ecs.clone())),
            Arc::new(AwsServices::new(ecs)),
            Arc::new(AwsLogs::new(aws_sdk_cloudwatchlogs::Client::new(config))),
            Arc::new(AwsNetwork::new(aws_sdk_ec2::Client::new(config))),
        )
    }
}
