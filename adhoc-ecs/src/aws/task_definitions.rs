use std::sync::Arc;
use std::time::Duration;

use adhoc_core::{Clock, Error, Result, SystemClock, TaskDefinition, TaskDefinitionArn, TaskDefinitions, async_trait};
use aws_sdk_ecs::Client;
use aws_sdk_ecs::config::retry::RetryConfig;
use aws_sdk_ecs::types::TaskDefinitionField;
use serde_json::{Map, Value};

use super::error::from_sdk;
use super::raw::{CaptureReply, replace_body};
use crate::cloning::OUTPUT_ONLY;

/// How often a registration is tried while ECS asks to wait.
const ATTEMPTS: u32 = 6;

/// Task definitions on AWS, as raw JSON in both directions.
#[derive(Clone)]
pub struct AwsTaskDefinitions {
    client: Client,
    clock: Arc<dyn Clock>,
}

impl AwsTaskDefinitions {
    /// On the account and region of `client`.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { client, clock: Arc::new(SystemClock::new()) }
    }

    /// Waits between attempts on another clock.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// One registration, without the SDK's retries: it would repeat one that had succeeded unseen, and so make a revision
    /// too many.
    async fn register_once(&self, family: &str, input: &Map<String, Value>) -> Result<TaskDefinition> {
        let body = serde_json::to_vec(input).map_err(|error| {
            Error::internal("RegisterTaskDefinition", family, "cannot be serialised").with_source(error)
        })?;
        let reply = CaptureReply::default();
        let sent = self
            .client
            .register_task_definition()
            .family(family)
            .customize()
            .config_override(aws_sdk_ecs::Config::builder().retry_config(RetryConfig::disabled()))
            .mutate_request(move |request| replace_body(request, &body))
            .interceptor(reply.clone())
            .send()
            .await;
        sent.map_err(|error| from_sdk("RegisterTaskDefinition", family, &error))?;
        definition(reply.into_document("RegisterTaskDefinition", family)?, "RegisterTaskDefinition", family)
    }

    /// The newest revision, if it is what was to be registered: the registration whose answer was lost.
    async fn registered_unseen(&self, family: &str, input: &Map<String, Value>) -> Option<TaskDefinition> {
        let newest = self.describe(family).await.ok()?;
        is_made_of(&newest, input).then_some(newest)
    }
}

#[async_trait]
impl TaskDefinitions for AwsTaskDefinitions {
    async fn describe(&self, reference: &str) -> Result<TaskDefinition> {
        let reply = CaptureReply::default();
        let request =
            self.client.describe_task_definition().task_definition(reference).include(TaskDefinitionField::Tags);
        let sent = request.customize().interceptor(reply.clone()).send().await;
        sent.map_err(|error| match from_sdk("DescribeTaskDefinition", reference, &error) {
            Error::Rejected(detail) if is_no_such_revision(&detail.reason) => Error::NotFound(detail),
            other => other,
        })?;
        definition(reply.into_document("DescribeTaskDefinition", reference)?, "DescribeTaskDefinition", reference)
    }

    async fn register(&self, input: &Map<String, Value>) -> Result<TaskDefinition> {
        let family = input.get("family").and_then(Value::as_str).unwrap_or_default();
        let mut pause = Duration::from_millis(300);
        let mut attempt = 1;
        loop {
            let error = match self.register_once(family, input).await {
                Ok(definition) => return Ok(definition),
                Err(error) if attempt == ATTEMPTS || !error.is_retryable() => return Err(error),
                Err(error) => error,
            };
            tracing::debug!(family, attempt, %error, "registering again");
            self.clock.sleep(pause).await;
            if matches!(error, Error::Unavailable(_))
                && let Some(definition) = self.registered_unseen(family, input).await
            {
                return Ok(definition);
            }
            attempt += 1;
            pause *= 2;
        }
    }

    async fn deregister(&self, arn: &TaskDefinitionArn) -> Result<()> {
        let request = self.client.deregister_task_definition().task_definition(arn.as_str());
        let sent = request.send().await;
        sent.map(drop).map_err(|error| match from_sdk("DeregisterTaskDefinition", arn.short(), &error) {
            Error::Rejected(detail) if is_no_such_revision(&detail.reason) => Error::NotFound(detail),
            other => other,
        })
    }
}

/// ECS has no code of its own for a revision that is not there.
fn is_no_such_revision(reason: &str) -> bool {
    let phrases = ["Unable to describe task definition", "not found", "does not exist"];
    phrases.iter().any(|phrase| reason.contains(phrase))
}

/// Whether ECS may have made `registered` of `input`. Nothing less will do: an older revision that happens to hold all of
/// `input` and more, or has other tags, is not what was asked for.
fn is_made_of(registered: &TaskDefinition, input: &Map<String, Value>) -> bool {
    let mut document = registered.document.clone();
    document.retain(|member, _| !OUTPUT_ONLY.contains(&member.as_str()));
    let mut input = input.clone();
    let tags = input.shift_remove("tags");
    let tags = tags.as_ref().and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let same_tags = tags.len() == registered.tags.len() && tags.iter().all(|tag| registered.tags.contains(tag));
    same_tags && is_same(&Value::Object(document), &Value::Object(input))
}

/// Equal, but for members that ECS writes where they were left out: empty ones, zeros and `essential`.
fn is_same(registered: &Value, input: &Value) -> bool {
    match (registered, input) {
        (Value::Object(registered), Value::Object(input)) => {
            let is_there = |(member, value): (&String, &Value)| {
                registered.get(member).is_some_and(|registered| is_same(registered, value))
            };
            let is_expected = |(member, value): (&String, &Value)| {
                input.contains_key(member) || is_empty(value) || (member == "essential" && *value == Value::Bool(true))
            };
            input.iter().all(is_there) && registered.iter().all(is_expected)
        }
        (Value::Array(registered), Value::Array(input)) => {
            registered.len() == input.len() && registered.iter().zip(input).all(|(one, other)| is_same(one, other))
        }
        _ => registered == input,
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Number(value) => value.as_i64() == Some(0),
        Value::String(value) => value.is_empty(),
        Value::Array(value) => value.is_empty(),
        Value::Object(value) => value.is_empty(),
    }
}

fn definition(mut reply: Map<String, Value>, operation: &'static str, resource: &str) -> Result<TaskDefinition> {
    let tags = match reply.remove("tags") {
        Some(Value::Array(tags)) => tags,
        _ => Vec::new(),
    };
    match reply.remove("taskDefinition") {
        Some(Value::Object(document)) => Ok(TaskDefinition::new(document, tags)),
        _ => Err(Error::unavailable(operation, resource, "the answer holds no task definition")),
    }
}
