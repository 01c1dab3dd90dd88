//! An embedded AWS control plane on loopback.
//!
//! [`Server`] speaks the calls that deployments and databases behind a bastion make, to ECS, CloudWatch Logs, EC2, EC2
//! Instance Connect, Session Manager, RDS, STS, Secrets Manager and ECR, closely enough that the AWS CLI, boto3,
//! aws-sdk-rust and other ECS tools work against it unchanged. Tasks walk through their real states on a clock, a
//! container's command runs as a real child process whose output is its log stream and whose exit code is the
//! container's, and deployments roll task by task under a circuit breaker.
//!
//! ```text
//!  AWS client ──HTTP──▶ guard ─▶ faults, limits ─▶ ECS │ Logs │ EC2 │ RDS │ Secrets Manager │ ...
//!                                                   │      ▲
//!                                        clockwork ─┘      │ lines
//!                                   (tasks, services) ─▶ child processes
//! ```
//!
//! A [`Scenario`] says what is there, how long things take ([`Timing`]), what is in the images ([`Behaviour`]) and what
//! goes wrong ([`Fault`]). The README has its file format.
//!
//! ```
//! use adhoc_local::{Behaviour, EnvironmentSpec, Scenario, Server, Timing};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let scenario = Scenario::empty()
//!     .with_timing(Timing::instant())
//!     .with_environment(EnvironmentSpec::new("beta").with_image_tag("v1.0.0"))
//!     .with_behaviour(Behaviour::command("beta-migrate", ["sh", "-c", "echo migrated"]));
//! let server = Server::start_with(scenario).await?;
//! // Give this to any AWS client, as AWS_ENDPOINT_URL.
//! assert!(server.endpoint().starts_with("http://127.0.0.1:"));
//! assert_eq!(server.environments(), ["beta"]);
//! assert!(server.calls().is_empty());
//! server.shutdown().await;
//! # Ok(())
//! # }
//! ```

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeExamples;

mod behaviour;
mod clock;
mod dispatch;
mod ec2;
mod ecr;
mod ecs;
mod environment;
mod error;
mod fault;
mod form;
mod glob;
mod guard;
mod http;
mod instance_connect;
mod json;
mod keys;
mod limits;
mod logs;
mod network;
mod process;
mod rds;
mod scenario;
mod secrets;
mod server;
mod shared;
mod ssm;
mod sts;
mod sync;
mod timing;
mod topology;
mod xml;

pub use behaviour::{Behaviour, Effect};
pub use environment::EnvironmentSpec;
pub use error::{ScenarioError, StartError};
pub use fault::{Fault, FaultKind};
pub use network::Network;
pub use scenario::{Limits, Scenario};
pub use server::{Call, Server};
pub use timing::Timing;
