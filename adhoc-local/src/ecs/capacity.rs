//! Capacity providers: which there are, which a cluster has, and which are in use.

use super::{World, service_model::Service};
use crate::{error::ApiError, json::Members};
use serde_json::Value;

/// Those of Fargate, which every account has. There are no instances here, so no others either.
const FARGATE: [&str; 2] = ["FARGATE", "FARGATE_SPOT"];

/// Whether a request names capacity providers that exist.
pub(super) fn check_providers(input: &Value) -> Result<(), ApiError> {
    match input.texts("capacityProviders").iter().find(|provider| !FARGATE.contains(&provider.as_str())) {
        None => Ok(()),
        Some(unknown) => Err(ApiError::invalid(format!(
            "The specified capacity provider '{unknown}' was not found. Specify a valid name or ARN and try again."
        ))),
    }
}

/// Whether a cluster with these capacity providers can follow a strategy.
pub(super) fn check_strategy(providers: &Value, strategy: &[Value]) -> Result<(), ApiError> {
    let known = |item: &Value| {
        let name = item.text("capacityProvider").unwrap_or_default();
        providers.as_array().is_some_and(|providers| providers.iter().any(|provider| provider == name))
    };
    if strategy.iter().all(known) {
        return Ok(());
    }
    Err(ApiError::invalid(
        "The specified capacity provider strategy cannot contain a capacity provider that is not associated with the cluster. Associate the capacity provider with the cluster or specify a valid capacity provider and try again.",
    ))
}

impl World {
    /// Whether the cluster of a request has the capacity providers that it names.
    pub(super) fn check_cluster_strategy(&self, cluster: &str, input: &Value) -> Result<(), ApiError> {
        let Some(cluster) = self.clusters.get(cluster) else { return Ok(()) };
        check_strategy(&cluster.capacity_providers, input.list("capacityProviderStrategy"))
    }

    /// The capacity providers of a cluster that services or tasks need.
    pub(super) fn providers_in_use(&self, cluster: &str) -> Vec<String> {
        let services = self.services.values().filter(|service| service.cluster == cluster);
        let strategies = services.filter(|service| service.status != "INACTIVE").flat_map(Service::strategy);
        let named = strategies.filter_map(|item| item.text("capacityProvider").map(str::to_owned));
        let tasks = self.tasks.values().filter(|task| task.cluster == cluster && !task.is_stopped());
        named.chain(tasks.filter_map(|task| task.capacity_provider.clone())).collect()
    }
}

impl Service {
    fn strategy(&self) -> &[Value] {
        self.setting("capacityProviderStrategy").as_array().map_or(&[], Vec::as_slice)
    }

    /// The launch type of its tasks: that of its capacity providers, if it has a strategy.
    pub(super) fn launches_on(&self) -> &str {
        if self.strategy().is_empty() { self.setting("launchType").as_str().unwrap_or("FARGATE") } else { "FARGATE" }
    }
}
