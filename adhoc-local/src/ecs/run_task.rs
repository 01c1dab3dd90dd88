//! RunTask: a request checked, then carried out.

use super::{
    World,
    plan::TaskPlan,
    tags::{check_tags, managed_tags},
    world::Remembered,
};
use crate::{error::ApiError, json::Members};
use serde_json::{Value, json};

const NO_CAPACITY: &str =
    "Capacity is unavailable at this time. Please try again later or in a different availability zone";

pub(super) fn check_capacity(input: &Value) -> Result<(), ApiError> {
    if input.text("launchType").is_some() && !input.list("capacityProviderStrategy").is_empty() {
        return Err(ApiError::invalid(
            "Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again.",
        ));
    }
    match input.text("launchType") {
        None | Some("FARGATE" | "EC2" | "EXTERNAL") => Ok(()),
        Some(other) => Err(ApiError::invalid(format!("Unsupported launch type: {other}"))),
    }
}

fn check_started_by(input: &Value) -> Result<(), ApiError> {
    let started_by = input.text("startedBy").unwrap_or_default();
    // The documentation has no space; the widely used `ecs-deploy` sends "ECS Deploy", and AWS takes it.
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '/' | '_' | ' ');
    if started_by.len() > 128 || !started_by.chars().all(fits) {
        return Err(ApiError::invalid(
            "startedBy must be up to 128 letters (uppercase and lowercase), numbers, hyphens, forward slash and underscores.",
        ));
    }
    Ok(())
}

pub(super) fn check_network(mode: Option<&str>, network: Option<&Value>) -> Result<(), ApiError> {
    let vpc = network.and_then(|network| network.get("awsvpcConfiguration"));
    if mode != Some("awsvpc") {
        return match vpc {
            None => Ok(()),
            Some(_) => Err(ApiError::invalid(
                "Network Configuration is not valid for the given networkMode of this task definition.",
            )),
        };
    }
    let Some(vpc) = vpc else {
        return Err(ApiError::invalid(
            "Network Configuration must be provided when networkMode 'awsvpc' is specified.",
        ));
    };
    let subnets = vpc.texts("subnets");
    if subnets.is_empty() {
        return Err(ApiError::invalid("subnets can not be empty."));
    }
    if let Some(unknown) = subnets.iter().find(|id| !id.starts_with("subnet-")) {
        return Err(ApiError::invalid(format!(
            "Error retrieving subnet information for [{unknown}]: The subnet ID '{unknown}' does not exist (ErrorCode: InvalidSubnetID.NotFound)"
        )));
    }
    if let Some(unknown) = vpc.texts("securityGroups").iter().find(|id| !id.starts_with("sg-")) {
        return Err(ApiError::invalid(format!(
            "Error retrieving security group information for [{unknown}]: The security group '{unknown}' does not exist (ErrorCode: InvalidGroup.NotFound)"
        )));
    }
    Ok(())
}

/// The capacity provider that the next task of a strategy gets: the one with the greatest weight.
pub(super) fn provider(strategy: &[Value]) -> Option<String> {
    let weight = |item: &&Value| item.number("weight").unwrap_or(0).max(item.number("base").unwrap_or(0));
    strategy.iter().rev().max_by_key(weight).and_then(|item| item.text("capacityProvider")).map(str::to_owned)
}

impl World {
    pub(super) fn run_task(&mut self, input: &Value, now: u64) -> Result<Value, ApiError> {
        let cluster = self.cluster_name(input)?;
        check_capacity(input)?;
        self.check_cluster_strategy(&cluster, input)?;
        check_started_by(input)?;
        let count = input.number("count").unwrap_or(1);
        if !(1..=10).contains(&count) {
            return Err(ApiError::invalid("count must be between 1 and 10."));
        }
        if let Some(answer) = self.remembered(input)? {
            return Ok(answer);
        }
        let plan = self.task_plan(&cluster, input)?;
        if self.lacks_capacity(&plan.definition) {
            let failures: Vec<Value> =
                (0..count).map(|_| json!({"reason": "RESOURCE:FARGATE", "detail": NO_CAPACITY})).collect();
            return Ok(json!({"tasks": [], "failures": failures}));
        }
        let ids: Vec<String> = (0..count).map(|_| self.spawn_task(&plan, now)).collect();
        if let Some(token) = input.text("clientToken") {
            let remembered = Remembered { request: input.clone(), answer: ids.clone() };
            self.client_tokens.insert(token.to_owned(), remembered);
        }
        Ok(self.run_answer(&ids))
    }

    fn run_answer(&self, ids: &[String]) -> Value {
        let task = |id: &String| self.tasks.get(self.task_ids.get(id)?).map(|task| self.task_value(task, true));
        json!({"tasks": ids.iter().filter_map(task).collect::<Vec<_>>(), "failures": []})
    }

    /// The tasks that this client token already started.
    fn remembered(&self, input: &Value) -> Result<Option<Value>, ApiError> {
        let Some(token) = input.text("clientToken") else { return Ok(None) };
        if token.len() > 64 {
            return Err(ApiError::invalid("clientToken must be up to 64 characters."));
        }
        let Some(remembered) = self.client_tokens.get(token) else { return Ok(None) };
        if remembered.request == *input {
            return Ok(Some(self.run_answer(&remembered.answer)));
        }
        Err(ApiError::new(
            "ConflictException",
            "The RunTask request could not be processed due to conflicts. The provided clientToken is already in use with a different RunTask request. The resourceIds are the existing task ARNs which are already associated with the clientToken.",
        ))
    }

    fn task_plan(&self, cluster: &str, input: &Value) -> Result<TaskPlan, ApiError> {
        let definition = self.runnable(input.required("taskDefinition")?)?.clone();
        let mode = definition.document.get("networkMode").and_then(Value::as_str);
        let network = input.get("networkConfiguration").filter(|network| !network.is_null());
        check_network(mode, network)?;
        let overrides = self.checked_overrides(&definition, input)?;
        let strategy = match (input.text("launchType"), input.list("capacityProviderStrategy")) {
            (None, []) => self
                .clusters
                .get(cluster)
                .and_then(|cluster| cluster.default_strategy.as_array())
                .map_or(&[][..], Vec::as_slice),
            (_, strategy) => strategy,
        };
        let capacity_provider = provider(strategy);
        let launch_type = match (input.text("launchType"), &capacity_provider) {
            (Some(launch_type), _) => launch_type,
            (None, Some(_)) => "FARGATE",
            (None, None) => "EC2",
        };
        if launch_type == "FARGATE" && mode != Some("awsvpc") {
            return Err(ApiError::invalid("Task definition does not support launch_type FARGATE."));
        }
        check_tags(input.list("tags"))?;
        let mut tags = input.list("tags").to_vec();
        if input.text("propagateTags") == Some("TASK_DEFINITION") {
            let own = |tag: &Value| tags.iter().any(|other| other.text("key") == tag.text("key"));
            let inherited: Vec<Value> = definition.tags.iter().filter(|tag| !own(tag)).cloned().collect();
            tags.extend(inherited);
        }
        if input.flag("enableECSManagedTags") {
            tags.extend(managed_tags(cluster, None));
        }
        Ok(TaskPlan {
            cluster: cluster.to_owned(),
            group: input.text("group").map_or_else(|| format!("family:{}", definition.family), str::to_owned),
            definition,
            started_by: input.text("startedBy").map(str::to_owned),
            launch_type: Some(launch_type.to_owned()),
            capacity_provider,
            network: network.cloned(),
            overrides,
            tags,
            exec: input.flag("enableExecuteCommand"),
            service: None,
        })
    }

    fn checked_overrides(&self, definition: &super::definitions::Definition, input: &Value) -> Result<Value, ApiError> {
        let mut overrides =
            input.get("overrides").filter(|overrides| overrides.is_object()).cloned().unwrap_or_else(|| json!({}));
        if overrides.to_string().len() > 8192 {
            return Err(ApiError::invalid("Container Overrides length must be at most 8192"));
        }
        for over in overrides.list("containerOverrides") {
            let name = over.required("name")?;
            if !definition.containers().iter().any(|container| container.text("name") == Some(name)) {
                return Err(ApiError::invalid(format!(
                    "Override for container named {name} is not a container in the TaskDefinition."
                )));
            }
        }
        if overrides.get("containerOverrides").is_none() {
            let names = definition.containers().iter().map(|container| json!({"name": container.get("name")}));
            overrides["containerOverrides"] = names.collect();
        }
        if overrides.get("inferenceAcceleratorOverrides").is_none() {
            overrides["inferenceAcceleratorOverrides"] = json!([]);
        }
        Ok(overrides)
    }
}
