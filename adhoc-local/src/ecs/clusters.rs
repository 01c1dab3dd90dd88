//! Clusters.

use super::{
    World,
    capacity::{check_providers, check_strategy},
    tags::check_tags,
    world::{Cluster, failure, includes, short_name},
};
use crate::{
    error::ApiError,
    json::{Members, listing, page},
};
use serde_json::{Value, json};

/// What of a cluster is only shown when it is asked for, and is kept as it was sent.
const EXTRAS: [&str; 2] = ["configuration", "serviceConnectDefaults"];

fn array(input: &Value, name: &str) -> Value {
    Value::from(input.list(name).to_vec())
}

/// Sets `added` over `settings`, each by its name.
fn merge_settings(settings: &mut Vec<Value>, added: &[Value]) -> Result<(), ApiError> {
    for setting in added {
        let known = match setting.text("name") {
            Some("containerInsights") => ["enabled", "disabled", "enhanced"],
            other => {
                return Err(ApiError::invalid(format!("Invalid cluster setting name: {}", other.unwrap_or_default())));
            }
        };
        if !setting.text("value").is_some_and(|value| known.contains(&value)) {
            return Err(ApiError::invalid(format!("Invalid cluster setting value for containerInsights: {setting}")));
        }
        settings.retain(|old| old.text("name") != setting.text("name"));
        settings.push(setting.clone());
    }
    Ok(())
}

impl World {
    pub(super) fn create_cluster(&mut self, input: &Value) -> Result<Value, ApiError> {
        let name = input.text("clusterName").unwrap_or("default").to_owned();
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if name.is_empty() || name.len() > 255 || !name.bytes().all(fits) {
            return Err(ApiError::invalid(
                "Invalid cluster name. Must be up to 255 letters (uppercase and lowercase), numbers, underscores, and hyphens.",
            ));
        }
        check_tags(input.list("tags"))?;
        check_providers(input)?;
        check_strategy(&array(input, "capacityProviders"), input.list("defaultCapacityProviderStrategy"))?;
        let mut settings = vec![json!({"name": "containerInsights", "value": "disabled"})];
        merge_settings(&mut settings, input.list("settings"))?;
        if !self.clusters.get(&name).is_some_and(|cluster| cluster.active) {
            let mut cluster = Cluster {
                name: name.clone(),
                active: true,
                settings,
                capacity_providers: array(input, "capacityProviders"),
                default_strategy: array(input, "defaultCapacityProviderStrategy"),
                extras: json!({}),
                tags: input.list("tags").to_vec(),
            };
            cluster.keep_extras(input);
            self.clusters.insert(name.clone(), cluster);
        }
        Ok(json!({"cluster": self.cluster_value(&name, &everything())}))
    }

    /// UpdateCluster and UpdateClusterSettings, which is a part of it.
    pub(super) fn update_cluster(&mut self, input: &Value) -> Result<Value, ApiError> {
        input.required("cluster")?;
        let name = self.cluster_name(input)?;
        if let Some(cluster) = self.clusters.get_mut(&name) {
            merge_settings(&mut cluster.settings, input.list("settings"))?;
            cluster.keep_extras(input);
        }
        Ok(json!({"cluster": self.cluster_value(&name, &everything())}))
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
        Ok(json!({"cluster": self.cluster_value(&name, &everything())}))
    }

    pub(super) fn describe_clusters(&self, input: &Value) -> Result<Value, ApiError> {
        let asked = input.texts("clusters");
        if asked.len() > 100 {
            return Err(ApiError::invalid("Clusters can have at most 100 items."));
        }
        let asked = if asked.is_empty() { vec!["default".to_owned()] } else { asked };
        let (mut clusters, mut failures) = (Vec::new(), Vec::new());
        for reference in asked {
            let name = short_name(&reference);
            if self.clusters.contains_key(name) {
                clusters.push(self.cluster_value(name, input));
            } else {
                failures.push(failure(&self.cluster_arn(name), "MISSING"));
            }
        }
        Ok(json!({"clusters": clusters, "failures": failures}))
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
        check_providers(input)?;
        check_strategy(&array(input, "capacityProviders"), input.list("defaultCapacityProviderStrategy"))?;
        let kept = input.texts("capacityProviders");
        if self.providers_in_use(&name).iter().any(|provider| !kept.contains(provider)) {
            return Err(ApiError::new(
                "ResourceInUseException",
                "The specified capacity provider is in use and cannot be removed.",
            ));
        }
        if let Some(cluster) = self.clusters.get_mut(&name) {
            cluster.capacity_providers = array(input, "capacityProviders");
            cluster.default_strategy = array(input, "defaultCapacityProviderStrategy");
        }
        Ok(json!({"cluster": self.cluster_value(&name, &everything())}))
    }

    /// A cluster with what the `include` of a request names.
    fn cluster_value(&self, name: &str, input: &Value) -> Value {
        let Some(cluster) = self.clusters.get(name) else { return Value::Null };
        let services = self.services.values().filter(|service| service.cluster == name && service.status == "ACTIVE");
        let mut value = json!({
            "clusterArn": self.cluster_arn(name),
            "clusterName": name,
            "status": if cluster.active { "ACTIVE" } else { "INACTIVE" },
            "registeredContainerInstancesCount": 0,
            "runningTasksCount": self.count_tasks(name, None, &RUNNING),
            "pendingTasksCount": self.count_tasks(name, None, &PENDING),
            "activeServicesCount": services.count(),
            "statistics": if includes(input, "STATISTICS") { self.statistics(name) } else { Vec::new() },
            "tags": if includes(input, "TAGS") { cluster.tags.clone() } else { Vec::new() },
            "settings": if includes(input, "SETTINGS") { cluster.settings.clone() } else { Vec::new() },
            "capacityProviders": cluster.capacity_providers,
            "defaultCapacityProviderStrategy": cluster.default_strategy,
        });
        for extra in EXTRAS.into_iter().filter(|extra| *extra != "configuration" || includes(input, "CONFIGURATIONS")) {
            if let Some(kept) = cluster.extras.get(extra) {
                value[extra] = kept.clone();
            }
        }
        value
    }

    fn count_tasks(&self, cluster: &str, launch_type: Option<&str>, status: &[&str]) -> usize {
        let of_type = |have: Option<&str>| launch_type.is_none_or(|wanted| have == Some(wanted));
        let tasks = self.tasks.values().filter(|task| task.cluster == cluster);
        tasks.filter(|task| status.contains(&task.phase.name()) && of_type(task.launch_type.as_deref())).count()
    }

    fn statistics(&self, cluster: &str) -> Vec<Value> {
        let services = |launch_type: &str, status: &str| {
            let services = self.services.values().filter(|service| service.cluster == cluster);
            services.filter(|service| service.status == status && service.launches_on() == launch_type).count()
        };
        let mut statistics = Vec::new();
        for (launch_type, name) in [("EC2", "EC2"), ("FARGATE", "Fargate"), ("EXTERNAL", "External")] {
            for (statistic, count) in [
                (format!("running{name}TasksCount"), self.count_tasks(cluster, Some(launch_type), &RUNNING)),
                (format!("pending{name}TasksCount"), self.count_tasks(cluster, Some(launch_type), &PENDING)),
                (format!("active{name}ServiceCount"), services(launch_type, "ACTIVE")),
                (format!("draining{name}ServiceCount"), services(launch_type, "DRAINING")),
            ] {
                statistics.push(json!({"name": statistic, "value": count.to_string()}));
            }
        }
        statistics
    }
}

const RUNNING: [&str; 1] = ["RUNNING"];
const PENDING: [&str; 3] = ["PROVISIONING", "PENDING", "ACTIVATING"];

/// The answer to a change shows what was changed.
fn everything() -> Value {
    json!({"include": ["TAGS", "SETTINGS", "CONFIGURATIONS"]})
}

impl Cluster {
    fn keep_extras(&mut self, input: &Value) {
        for name in EXTRAS {
            if let Some(value) = input.get(name).filter(|value| value.is_object()) {
                self.extras[name] = value.clone();
            }
        }
    }
}
