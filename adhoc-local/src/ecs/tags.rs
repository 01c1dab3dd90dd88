//! Tags of anything that ECS has.

use super::{World, world::short_name};
use crate::{error::ApiError, json::Members};
use serde_json::{Value, json};

/// Sets `added` over `tags`: a key occurs once, and keeps its place.
fn merge(tags: &mut Vec<Value>, added: &[Value]) {
    for tag in added {
        match tags.iter_mut().find(|old| old.text("key") == tag.text("key")) {
            Some(old) => *old = tag.clone(),
            None => tags.push(tag.clone()),
        }
    }
}

impl World {
    fn tags_of(&mut self, arn: &str) -> Result<&mut Vec<Value>, ApiError> {
        let missing = || ApiError::invalid("The specified resource was not found.");
        let resource = arn.splitn(6, ':').nth(5).ok_or_else(|| ApiError::invalid("Invalid ARN."))?;
        let (kind, rest) = resource.split_once('/').unwrap_or((resource, ""));
        match kind {
            "cluster" => self
                .clusters
                .get_mut(rest)
                .filter(|cluster| cluster.active)
                .map(|cluster| &mut cluster.tags)
                .ok_or_else(ApiError::cluster_not_found),
            "service" => {
                let (cluster, name) = rest.split_once('/').ok_or_else(missing)?;
                let key = (cluster.to_owned(), name.to_owned());
                self.services.get_mut(&key).map(|service| &mut service.tags).ok_or_else(ApiError::service_not_found)
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
        let added = input.list("tags").to_vec();
        if let Some(bad) = added.iter().find(|tag| tag.text("key").is_none_or(|key| key.is_empty() || key.len() > 128))
        {
            return Err(ApiError::invalid(format!("Invalid tag: {bad}")));
        }
        let tags = self.tags_of(input.required("resourceArn")?)?;
        merge(tags, &added);
        if tags.len() > 50 {
            return Err(ApiError::invalid("The maximum number of tags per resource is 50."));
        }
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
