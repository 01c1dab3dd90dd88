//! Clusters.

use super::{
    World,
    world::{Cluster, failure, includes, short_name},
};
use crate::{
    error::ApiError,
    json::{Members, listing, page},
};
use serde_json::{Value, json};

impl World {
    pub(super) fn create_cluster(&mut self, input: &Value) -> Result<Value, ApiError> {
        let name = input.text("clusterName").unwrap_or("default").to_owned();
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if name.is_empty() || name.len() > 255 || !name.bytes().all(fits) {
            return Err(ApiError::invalid(
                "Invalid cluster name. Must be up to 255 letters (uppercase and lowercase), numbers, underscores, and hyphens.",
            ));
        }
        if !self.clusters.get(&name).is_some_and(|cluster| cluster.active) {
            let cluster = Cluster {
                name: name.clone(),
                active: true,
                settings: input.get("settings").cloned().unwrap_or_else(|| json!([])),
                capacity_providers: input.get("capacityProviders").cloned().unwrap_or_else(|| json!([])),
                default_strategy: input.get("defaultCapacityProviderStrategy").cloned().unwrap_or_else(|| json!([])),
                tags: input.list("tags").to_vec(),
            };
            self.clusters.insert(name.clone(), cluster);
        }
        Ok(json!({"cluster": self.cluster_value(&name, true, true)}))
    }

    pub(super) fn delete_cluster(&mut self, input: &Value) -> Result<Value, ApiError> {
        let name = self.cluster_name(input)?;
        if self.services.values().any(|service| service.cluster == name && service.status == "ACTIVE") {
            return Err(ApiError::new(
                "ClusterContainsServicesException",
                "The Cluster cannot be deleted while Services are active.",
            ));
        }
        if self.tasks.values().any(|task| task.cluster == name && !task.is_stopped()) {
            return Err(ApiError::new(
                "ClusterContainsTasksException",
                "The Cluster cannot be deleted while Tasks are active.",
            ));
        }
        if let Some(cluster) = self.clusters.get_mut(&name) {
            cluster.active = false;
        }
        Ok(json!({"cluster": self.cluster_value(&name, true, true)}))
    }

    pub(super) fn describe_clusters(&self, input: &Value) -> Value {
        let asked = input.texts("clusters");
        let asked = if asked.is_empty() { vec!["default".to_owned()] } else { asked };
        let (mut clusters, mut failures) = (Vec::new(), Vec::new());
        for reference in asked {
            let name = short_name(&reference);
            if self.clusters.contains_key(name) {
                clusters.push(self.cluster_value(name, includes(input, "TAGS"), includes(input, "SETTINGS")));
            } else {
                failures.push(failure(&self.cluster_arn(name), "MISSING"));
            }
        }
        json!({"clusters": clusters, "failures": failures})
    }

    pub(super) fn list_clusters(&self, input: &Value) -> Result<Value, ApiError> {
        let arns: Vec<Value> = self
            .clusters
            .values()
            .filter(|cluster| cluster.active)
            .map(|cluster| Value::from(self.cluster_arn(&cluster.name)))
            .collect();
        let (items, next) = page(&arns, input, 100)?;
        Ok(listing("clusterArns", items, next))
    }

    pub(super) fn put_capacity_providers(&mut self, input: &Value) -> Result<Value, ApiError> {
        let name = self.cluster_name(input)?;
        if let Some(cluster) = self.clusters.get_mut(&name) {
            cluster.capacity_providers = input.get("capacityProviders").cloned().unwrap_or_else(|| json!([]));
            cluster.default_strategy =
                input.get("defaultCapacityProviderStrategy").cloned().unwrap_or_else(|| json!([]));
        }
        Ok(json!({"cluster": self.cluster_value(&name, true, true)}))
    }

    fn cluster_value(&self, name: &str, tags: bool, settings: bool) -> Value {
        let Some(cluster) = self.clusters.get(name) else { return Value::Null };
        let tasks = |status: &[&str]| {
            self.tasks.values().filter(|task| task.cluster == name && status.contains(&task.phase.name())).count()
        };
        let services = self.services.values().filter(|service| service.cluster == name && service.status == "ACTIVE");
        json!({
            "clusterArn": self.cluster_arn(name),
            "clusterName": name,
            "status": if cluster.active { "ACTIVE" } else { "INACTIVE" },
            "registeredContainerInstancesCount": 0,
            "runningTasksCount": tasks(&["RUNNING"]),
            "pendingTasksCount": tasks(&["PROVISIONING", "PENDING", "ACTIVATING"]),
            "activeServicesCount": services.count(),
            "statistics": [],
            "tags": if tags { Value::from(cluster.tags.clone()) } else { json!([]) },
            "settings": if settings { cluster.settings.clone() } else { json!([]) },
            "capacityProviders": cluster.capacity_providers,
            "defaultCapacityProviderStrategy": cluster.default_strategy,
        })
    }
}
