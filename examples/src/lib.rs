//! What the examples share: an embedded AWS with an environment on it, and a sink that writes events as plain lines.
//!
//! ```text
//!   examples/*.rs ──> Stage ──> adhoc_local::Server   on loopback, no account needed
//!        │              └─────> Ecs                   the AWS adapters, pointed at it
//!        └─ a pipeline: an ordinary async function over Context and Ecs
//! ```
//!
//! [`cdk`] is an implementation of a trait that another tool would bring along: `Workspaces` over AWS CDK.
//!
//! Run one with `cargo run -p adhoc-examples --example canary`. On a real account, replace the stage by
//! `Ecs::on_aws(&aws_config::load_defaults(BehaviorVersion::latest()).await)`; the pipelines stay as they are.

pub mod cdk;

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use adhoc_core::{
    ChangeCounts, Check, Context, Conventions, Error, Event, EventRecord, EventSink, InfrastructurePlan, NullSink,
    ResourcePhase, Result, RolloutState, Service, SystemClock, WaitConfig, wait_for,
};
use adhoc_ecs::{Ecs, Environment};
use adhoc_local::{EnvironmentSpec, Scenario, Server, Timing};
use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;

/// The services of the component `backend`.
pub const BACKEND: [&str; 3] = ["gunicorn", "default", "beat"];

/// The environment `alpha` on an embedded AWS: one task of each backend service runs `v1.0.0`.
#[derive(Clone)]
pub struct Stage {
    /// The embedded AWS. It stops when the last clone of the stage is dropped.
    pub server: Arc<Server>,
    /// The AWS adapters, pointed at it.
    pub ecs: Ecs,
    /// `alpha`, by the built-in conventions.
    pub environment: Environment,
}

impl Stage {
    /// Starts `scenario` with `alpha` in it, with every transition taking some milliseconds, and waits until the
    /// services run.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`] if the server does not start; those of AWS. Cancelling stops the server.
    pub async fn start(scenario: Scenario) -> Result<Self> {
        Self::start_with(scenario, Timing::instant()).await
    }

    /// Likewise, with another timing.
    ///
    /// # Errors
    ///
    /// Those of [`Stage::start`].
    pub async fn start_with(scenario: Scenario, timing: Timing) -> Result<Self> {
        let alpha = BACKEND.into_iter().fold(EnvironmentSpec::new("alpha").with_image_tag("v1.0.0"), |spec, role| {
            spec.with_desired_count(role, 1)
        });
        let server = Server::start_with(scenario.with_timing(timing).with_environment(alpha)).await;
        let server =
            server.map_err(|error| Error::internal("", "the embedded AWS", "did not start").with_source(error))?;
        let ecs = Ecs::on_aws(&sdk_config(&server.endpoint()));
        let environment = Environment::new("alpha".parse()?, Conventions::default());
        let stage = Self { server: Arc::new(server), ecs, environment };
        stage.settle().await?;
        stage.server.clear_calls();
        Ok(stage)
    }

    /// Waits until every backend service runs what it should.
    ///
    /// # Errors
    ///
    /// [`Error::Timeout`] after a minute; those of AWS.
    pub async fn settle(&self) -> Result<()> {
        let cx = Context::new(Arc::new(SystemClock::new()), Arc::new(NullSink));
        let services = BACKEND.map(|role| self.environment.service(role));
        let cluster = self.environment.cluster();
        let config = WaitConfig::new("the services")
            .with_timeout(Duration::from_secs(60))
            .with_pauses(Duration::from_millis(20), Duration::from_millis(100));
        let probe = || async { Ok(Some(self.ecs.services.describe(&cluster, &services).await?)) };
        wait_for(&cx, &config, probe, &all_settled).await.map(drop)
    }

    /// The revision that each backend service is configured with, such as `alpha-gunicorn:2`.
    ///
    /// # Errors
    ///
    /// Those of AWS.
    pub async fn revisions(&self) -> Result<Vec<String>> {
        let services = BACKEND.map(|role| self.environment.service(role));
        let services = self.ecs.services.describe(&self.environment.cluster(), &services).await?;
        let mut revisions: Vec<String> =
            services.iter().map(|service| service.task_definition.short().to_owned()).collect();
        revisions.sort();
        Ok(revisions)
    }

    /// How often an operation, such as `UpdateService`, was called since the stage was set.
    #[must_use]
    pub fn calls(&self, operation: &str) -> usize {
        self.server.calls().iter().filter(|call| call.operation == operation).count()
    }
}

fn all_settled(services: Option<&Vec<Service>>) -> Check {
    let settled = |service: &Service| {
        let completed = service.primary().is_some_and(|it| it.rollout_state == Some(RolloutState::Completed));
        completed && service.deployments.len() == 1 && service.running_count == service.desired_count
    };
    match services {
        Some(services) if services.iter().all(settled) => Check::Ready,
        _ => Check::NotYet("the services still start".to_owned()),
    }
}

/// The configuration for an embedded AWS at `endpoint`. Nothing of the machine's own AWS configuration takes part, so
/// that no request can go astray.
#[must_use]
pub fn sdk_config(endpoint: &str) -> SdkConfig {
    let credentials = Credentials::new("test", "test", None, None, "adhoc-examples");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .endpoint_url(endpoint)
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .region(Region::new("us-east-1"))
        .retry_config(RetryConfig::standard())
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .build()
}

/// The configuration of the account that the SDK's own chain finds (`AWS_PROFILE`, `AWS_REGION`, `AWS_ENDPOINT_URL`), over
/// rustls with ring.
pub async fn account() -> SdkConfig {
    let tls = aws_smithy_http_client::tls::Provider::Rustls(CryptoMode::Ring);
    let client = aws_smithy_http_client::Builder::new().tls_provider(tls).build_https();
    aws_config::defaults(BehaviorVersion::latest()).http_client(client).load().await
}

/// A context on the machine's clock whose events are written to stdout, one line each.
#[must_use]
pub fn narrated() -> Context {
    Context::new(Arc::new(SystemClock::new()), Arc::new(Lines))
}

/// A sink that writes what happens to stdout, one line for each event.
#[derive(Debug, Clone, Copy, Default)]
pub struct Lines;

impl EventSink for Lines {
    fn emit(&self, record: &EventRecord) {
        let Some(line) = line_of(&record.event) else { return };
        // A sink never fails: what nobody can read is dropped.
        let _ = writeln!(std::io::stdout(), "{:>6} ms  {line}", record.elapsed_ms);
    }
}

fn line_of(event: &Event) -> Option<String> {
    Some(match event {
        Event::StepStarted { step } => format!("{step} ..."),
        Event::StepFinished { step, duration_ms } => format!("{step} done in {duration_ms} ms"),
        Event::StepFailed { step, error, .. } => format!("{step} FAILED: {error}"),
        Event::InfrastructurePlan(plan) => format!("  {}", sentence_of(plan)),
        Event::ResourceProgress { address, action, phase: ResourcePhase::Finished, .. } => {
            format!("  {action} {address}: done")
        }
        Event::ResourceProgress { address, action, phase: ResourcePhase::Failed, .. } => {
            format!("  {action} {address}: FAILED")
        }
        Event::LogLine { source, message, .. } => format!("  {source} | {message}"),
        Event::Registered(revision) => format!("  {} with {}", revision.to, revision.image),
        Event::ServiceUpdated { service, from, to, .. } => format!("  {service}: {from} -> {to}"),
        Event::ServiceVerdict(summary) => format!("  {}: {}", summary.service, summary.verdict),
        Event::TaskStopped { family, exit_code, .. } => match exit_code {
            Some(code) => format!("  {family} exited with {code}"),
            None => format!("  {family} never ran"),
        },
        Event::Hint { message } => format!("  hint: {message}"),
        _ => return None,
    })
}

fn sentence_of(plan: &InfrastructurePlan) -> String {
    let ChangeCounts { add, change, destroy, .. } = plan.counts;
    match plan.has_changes {
        true => format!("{add} to make, {change} to change, {destroy} to destroy"),
        false => "nothing to change".to_owned(),
    }
}
