//! What the integration tests share: the real adapters, pointed at a server on loopback.

#![expect(dead_code, unreachable_pub, reason = "each test file uses a part of it")]

use std::sync::Arc;
use std::time::Duration;

use adhoc_core::testing::RecordingSink;
use adhoc_core::{
    CancellationToken, Clock, Context, Conventions, Event, ServiceSummary, SystemClock, Timestamp, Verdict, async_trait,
};
use adhoc_ecs::{Ecs, Environment};
use adhoc_local::{Call, EnvironmentSpec, Scenario, Server, Timing};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_ecs::config::retry::RetryConfig;
use aws_sdk_ecs::config::{BehaviorVersion, Region};
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_types::SdkConfig;
use serde_json::{Map, Value};

/// A configuration for a server on loopback: nothing of the machine's own AWS configuration takes part. Retries as the
/// command does, but with short pauses.
pub fn sdk_config(endpoint: &str) -> SdkConfig {
    let credentials = Credentials::new("test", "test", None, None, "test");
    sdk_config_without_credentials(endpoint)
        .into_builder()
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .build()
}

pub fn sdk_config_without_credentials(endpoint: &str) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(endpoint)
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .retry_config(RetryConfig::standard().with_max_attempts(4).with_initial_backoff(Duration::from_millis(10)))
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .build()
}

/// An embedded AWS, and everything that works on it.
pub struct Local {
    pub server: Server,
    pub config: SdkConfig,
    pub ecs: Ecs,
    pub cx: Context,
    pub sink: Arc<RecordingSink>,
}

impl Local {
    pub async fn start(scenario: Scenario) -> Self {
        let server = Server::start_with(scenario).await.unwrap();
        let config = sdk_config(&server.endpoint());
        let ecs = Ecs::on_aws(&config);
        let sink = Arc::new(RecordingSink::default());
        let cx = Context::new(Arc::new(SystemClock::new()), sink.clone());
        Self { server, config, ecs, cx, sink }
    }

    /// The environment `alpha`, with things taking as little time as they can.
    pub async fn alpha(spec: EnvironmentSpec) -> Self {
        Self::start(scenario(spec)).await
    }

    /// The SDK's own client, for what somebody else does meanwhile.
    pub fn foreign_ecs(&self) -> aws_sdk_ecs::Client {
        aws_sdk_ecs::Client::new(&self.config)
    }

    pub fn foreign_logs(&self) -> aws_sdk_cloudwatchlogs::Client {
        aws_sdk_cloudwatchlogs::Client::new(&self.config)
    }

    /// A second command, with a sink of its own.
    pub fn another_run(&self) -> (Context, Arc<RecordingSink>) {
        let sink = Arc::new(RecordingSink::default());
        (Context::new(Arc::new(SystemClock::new()), sink.clone()), sink)
    }

    pub fn calls(&self, operation: &str) -> Vec<Call> {
        self.server.calls().into_iter().filter(|call| call.operation == operation).collect()
    }

    pub fn count(&self, operation: &str) -> usize {
        self.calls(operation).len()
    }

    /// The operations that change something, in order.
    pub fn mutations(&self) -> Vec<String> {
        let changes = |call: &Call| !["Describe", "List", "Get"].iter().any(|verb| call.operation.starts_with(verb));
        self.server.calls().into_iter().filter(changes).map(|call| call.operation).collect()
    }
}

pub fn scenario(spec: EnvironmentSpec) -> Scenario {
    Scenario::default().with_timing(Timing::instant()).with_environment(spec)
}

pub fn alpha() -> Environment {
    Environment::new("alpha".parse().unwrap(), Conventions::default())
}

/// A clock that never waits, for pauses that a test is not about.
#[derive(Debug, Default)]
pub struct ImpatientClock;

#[async_trait]
impl Clock for ImpatientClock {
    fn now(&self) -> Timestamp {
        SystemClock::new().now()
    }

    async fn sleep(&self, _: Duration) {
        tokio::task::yield_now().await;
    }
}

/// Asks again until `check` has an answer.
pub async fn eventually<T>(what: &str, mut check: impl AsyncFnMut() -> Option<T>) -> T {
    let clock = SystemClock::new();
    let started = clock.now();
    loop {
        if let Some(found) = check().await {
            return found;
        }
        assert!(clock.now().duration_since(started).as_secs() < 30, "waited 30 s for {what}");
        clock.sleep(Duration::from_millis(5)).await;
    }
}

pub fn object(value: &Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

pub fn verdicts(services: &[ServiceSummary]) -> Vec<(&str, Verdict)> {
    services.iter().map(|service| (service.service.as_str(), service.verdict)).collect()
}

/// Cancels `token` once `seen` has been emitted.
pub async fn cancel_when(sink: &RecordingSink, token: &CancellationToken, seen: impl Fn(&Event) -> bool) {
    eventually("the event at which to cancel", async || sink.events().iter().any(&seen).then_some(())).await;
    token.cancel();
}

/// A started step has exactly one end, and the names of those that failed.
pub fn failed_steps(sink: &RecordingSink) -> Vec<String> {
    let (mut open, mut failed) = (Vec::new(), Vec::new());
    for event in sink.events() {
        match event {
            Event::StepStarted { step } => open.push(step),
            Event::StepFinished { step, .. } => assert_eq!(open.pop(), Some(step)),
            Event::StepFailed { step, .. } => {
                assert_eq!(open.pop().as_ref(), Some(&step));
                failed.push(step);
            }
            _ => {}
        }
    }
    assert!(open.is_empty(), "steps without an end: {open:?}");
    failed
}
