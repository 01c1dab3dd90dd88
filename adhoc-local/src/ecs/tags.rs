//! Tags of anything that ECS has.

use super::{World, world::short_name};
use crate::{error::ApiError, json::Members};
use serde_json::{Value, json};

/// The most tags that a resource has; AWS's own do not count.
const MOST: usize = 50;
const LONGEST_KEY: usize = 128;
const LONGEST_VALUE: usize = 256;

/// Sets `added` over `tags`: a key occurs once, and keeps its place.
fn merge(tags: &mut Vec<Value>, added: &[Value]) {
    for tag in added {
        match tags.iter_mut().find(|old| old.text("key") == tag.text("key")) {
            Some(old) => *old = tag.clone(),
            None => tags.push(tag.clone()),
        }
    }
}

/// Whether AWS takes these tags.
pub(super) fn check_tags(tags: &[Value]) -> Result<(), ApiError> {
    for tag in tags {
        let (key, value) = (tag.text("key").unwrap_or_default(), tag.text("value").unwrap_or_default());
        if key.is_empty() || key.chars().count() > LONGEST_KEY || value.chars().count() > LONGEST_VALUE {
            return Err(ApiError::invalid(format!("Invalid tag: {tag}")));
        }
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(ApiError::invalid("Tag keys that begin with aws: are reserved for AWS."));
        }
    }
    if tags.len() > MOST {
        return Err(ApiError::invalid(format!("The maximum number of tags per resource is {MOST}.")));
    }
    Ok(())
}

fn inactive(what: &str) -> ApiError {
    ApiError::invalid(format!("The specified {what} is inactive. Specify an active {what} and try again."))
}

/// The tags that ECS itself puts on a task: of which cluster and, if any, which service it is.
pub(super) fn managed_tags(cluster: &str, service: Option<&str>) -> Vec<Value> {
    let tag = |key: &str, value: &str| json!({"key": format!("aws:ecs:{key}"), "value": value});
    let of_service = service.map(|name| tag("serviceName", name));
    [tag("clusterName", cluster)].into_iter().chain(of_service).collect()
}

impl World {
    fn tags_of(&mut self, arn: &str) -> Result<&mut Vec<Value>, ApiError> {
        let missing = || ApiError::invalid("The specified resource was not found.");
        let resource = arn.splitn(6, ':').nth(5).ok_or_else(|| ApiError::invalid("Invalid ARN."))?;
        let (kind, rest) = resource.split_once('/').unwrap_or((resource, ""));
        match kind {
            "cluster" => match self.clusters.get_mut(rest) {
                Some(cluster) if cluster.active => Ok(&mut cluster.tags),
                Some(_) => Err(inactive("cluster")),
                None => Err(ApiError::cluster_not_found()),
            },
            "service" => {
                let (cluster, name) = rest.split_once('/').ok_or_else(missing)?;
                match self.services.get_mut(&(cluster.to_owned(), name.to_owned())) {
                    Some(service) if service.status != "INACTIVE" => Ok(&mut service.tags),
                    Some(_) => Err(inactive("service")),
                    None => Err(ApiError::service_not_found()),
                }
            }
            "task" => self.task_mut(short_name(rest)).map(|task| &mut task.tags).ok_or_else(missing),
            "task-definition" => {
                let found = self.definitions.values_mut().flatten().find(|definition| definition.arn() == arn);
                found.map(|definition| &mut definition.tags).ok_or_else(missing)
            }
            _ => Err(missing()),
        }
    }

    pub(super) fn tag_resource(&mut self, input: &Value) -> Result<Value, ApiError> {
        check_tags(input.list("tags"))?;
        let tags = self.tags_of(input.required("resourceArn")?)?;
        let mut merged = tags.clone();
        merge(&mut merged, input.list("tags"));
        check_tags(&of_users(&merged))?;
        *tags = merged;
        Ok(json!({}))
    }

    pub(super) fn untag_resource(&mut self, input: &Value) -> Result<Value, ApiError> {
        let keys = input.texts("tagKeys");
        let tags = self.tags_of(input.required("resourceArn")?)?;
        tags.retain(|tag| !keys.iter().any(|key| tag.text("key") == Some(key)));
        Ok(json!({}))
    }

    pub(super) fn list_tags(&mut self, input: &Value) -> Result<Value, ApiError> {
        let tags = self.tags_of(input.required("resourceArn")?)?;
        Ok(json!({"tags": tags}))
    }
}

/// Without those that AWS has put there.
fn of_users(tags: &[Value]) -> Vec<Value> {
    let of_aws = |tag: &&Value| tag.text("key").is_some_and(|key| key.starts_with("aws:"));
    tags.iter().filter(|tag| !of_aws(tag)).cloned().collect()
}
