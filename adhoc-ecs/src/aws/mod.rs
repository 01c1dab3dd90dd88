//! The traits of [`adhoc_core`] on AWS. SDK types do not leave this module, except that each adapter is made from a client.
//!
//! The SDK retries requests (three attempts, exponential backoff); set more or fewer on the client's configuration.

mod convert;
mod error;
mod logs;
#[cfg(feature = "ec2")]
mod network;
mod raw;
mod services;
mod task_definitions;
mod tasks;

pub use logs::AwsLogs;
#[cfg(feature = "ec2")]
pub use network::AwsNetwork;
pub use services::AwsServices;
pub use task_definitions::AwsTaskDefinitions;
pub use tasks::AwsTasks;
