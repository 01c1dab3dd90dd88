//! From a request to the service that answers it.

use crate::{
    ec2::Ec2, ecr::Registry, error::ApiError, http::Incoming, instance_connect, json::Members, logs::Place, rds,
    shared::Shared, sync::lock,
};
use serde_json::{Value, json};
use std::sync::Arc;

/// What a service answers.
pub(crate) enum Answer {
    Json(Value),
    Xml { namespace: &'static str, inner: String },
}

pub(crate) fn call(shared: &Arc<Shared>, incoming: &Incoming, now: u64) -> Result<Answer, ApiError> {
    let (operation, input) = (incoming.operation.as_str(), &incoming.input);
    let (region, account) = (shared.region.as_str(), shared.account.as_str());
    let xml = |namespace, inner| Ok(Answer::Xml { namespace, inner });
    match incoming.service.as_str() {
        "ecs" => {
            let answer = lock(&shared.world).call(operation, input, &shared.faults, now);
            if !operation.starts_with("Describe") && !operation.starts_with("List") {
                shared.wake.notify_one();
            }
            answer.map(Answer::Json)
        }
        "logs" => shared.logs.call(operation, input, Place { region, account }, now).map(Answer::Json),
        "secretsmanager" => lock(&shared.secrets).call(operation, input, now).map(Answer::Json),
        "ec2-instance-connect" => instance_connect::call(shared, operation, input).map(Answer::Json),
        "ssm" => {
            let mut sessions = lock(&shared.sessions);
            sessions.call(&shared.topology, region, operation, input).map(Answer::Json)
        }
        "ecr" => {
            let world = lock(&shared.world);
            Registry { region, account, images: &world.images }.call(operation, input).map(Answer::Json)
        }
        "ec2" => xml(
            "http://ec2.amazonaws.com/doc/2016-11-15/",
            Ec2 { topology: &shared.topology, region, account }.call(operation, input)?,
        ),
        "rds" => xml(
            "http://rds.amazonaws.com/doc/2014-10-31/",
            rds::rds(&shared.topology, region, account, operation, input)?,
        ),
        "sts" => {
            let mut roles = lock(&shared.roles);
            let inner = roles.call(account, &incoming.access_key, operation, input, now)?;
            xml("https://sts.amazonaws.com/doc/2011-06-15/", inner)
        }
        _ if incoming.protocol == crate::http::Protocol::Json => Err(ApiError::unknown_operation()),
        _ => Err(ApiError::new("InvalidAction", format!("Could not find operation {operation}"))),
    }
}

/// An answer in which everything that was asked for failed.
pub(crate) fn failures(operation: &str, input: &Value, reason: &str) -> Value {
    let (listed, asked) = match operation {
        "DescribeTasks" => ("tasks", input.texts("tasks")),
        "DescribeServices" => ("services", input.texts("services")),
        "DescribeClusters" => ("clusters", input.texts("clusters")),
        "DescribeServiceDeployments" => ("serviceDeployments", input.texts("serviceDeploymentArns")),
        "DescribeServiceRevisions" => ("serviceRevisions", input.texts("serviceRevisionArns")),
        _ => ("tasks", Vec::new()),
    };
    let mut failures: Vec<Value> = asked.iter().map(|arn| json!({"arn": arn, "reason": reason})).collect();
    if failures.is_empty() {
        failures.push(json!({"reason": reason}));
    }
    json!({listed: [], "failures": failures})
}
