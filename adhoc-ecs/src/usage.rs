//! What an environment runs on, from which its cost and its share of quotas follow.

use adhoc_core::{CapacityProviderItem, LaunchMode, Result, Service, ServiceUsage, TaskDefinition};
use futures_util::future::try_join_all;
use serde_json::Value;

use crate::{Ecs, Environment};

/// What the services of an environment run on, by name: how many tasks they should have, of what size, and where.
///
/// # Errors
///
/// [`Error::NotFound`](adhoc_core::Error::NotFound) where there is no such cluster; those of the backend.
pub async fn environment_usage(ecs: &Ecs, env: &Environment) -> Result<Vec<ServiceUsage>> {
    usage_of(ecs, &active_services(ecs, env).await?).await
}

/// The services of an environment that are not about to go.
pub(crate) async fn active_services(ecs: &Ecs, env: &Environment) -> Result<Vec<Service>> {
    let cluster = env.cluster();
    let names = ecs.services.list(&cluster).await?;
    let services = ecs.services.describe(&cluster, &names).await?;
    Ok(services.into_iter().filter(Service::is_active).collect())
}

/// What services run on, by name.
pub(crate) async fn usage_of(ecs: &Ecs, services: &[Service]) -> Result<Vec<ServiceUsage>> {
    let usage = services.iter().map(|service| async move {
        let definition = ecs.task_definitions.describe(service.task_definition.as_str()).await?;
        Ok(service_usage(service, &definition))
    });
    let mut usage = try_join_all(usage).await?;
    usage.sort_by(|one: &ServiceUsage, other| one.service.cmp(&other.service));
    Ok(usage)
}

/// What one service runs on, by the size that its task definition gives a task.
#[must_use]
pub fn service_usage(service: &Service, definition: &TaskDefinition) -> ServiceUsage {
    let tasks = if service.daemon { service.running_count } else { service.desired_count };
    let (cpu, memory) = (size(definition, "cpu"), size(definition, "memory"));
    ServiceUsage::new(service.name.as_str(), tasks, cpu, memory)
        .with_spot_tasks(spot_tasks(&service.launch, tasks))
        .with_arm(architecture(definition) == Some("ARM64"))
        .with_fargate(is_fargate(&service.launch))
}

/// The architecture that a definition asks for; none is X86_64.
pub(crate) fn architecture(definition: &TaskDefinition) -> Option<&str> {
    definition.document.get("runtimePlatform")?.get("cpuArchitecture")?.as_str()
}

/// ECS writes the size of a task as text.
fn size(definition: &TaskDefinition, member: &str) -> u32 {
    match definition.document.get(member) {
        Some(Value::String(text)) => text.trim().parse().unwrap_or_default(),
        Some(Value::Number(number)) => number.as_u64().and_then(|size| size.try_into().ok()).unwrap_or_default(),
        _ => 0,
    }
}

fn is_fargate(launch: &LaunchMode) -> bool {
    match launch {
        LaunchMode::LaunchType(launch_type) => launch_type == "FARGATE",
        LaunchMode::Strategy(items) => items.iter().any(|item| item.provider.starts_with("FARGATE")),
        _ => true,
    }
}

/// How many of the tasks run on Fargate Spot: each provider gets its base first, and the rest is shared by weight. See
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CapacityProviderStrategyItem.html>.
fn spot_tasks(launch: &LaunchMode, tasks: u32) -> u32 {
    let LaunchMode::Strategy(items) = launch else { return 0 };
    let is_spot = |item: &&CapacityProviderItem| item.provider == "FARGATE_SPOT";
    let number = |number: i32| u32::try_from(number).unwrap_or_default();
    let base: u32 = items.iter().map(|item| number(item.base)).sum();
    let spot_base: u32 = items.iter().filter(is_spot).map(|item| number(item.base)).sum();
    if tasks <= base {
        // Only one provider of a strategy has a base.
        return tasks.min(spot_base);
    }
    let weight: u32 = items.iter().map(|item| number(item.weight)).sum();
    let spot_weight: u32 = items.iter().filter(is_spot).map(|item| number(item.weight)).sum();
    let shared = u64::from(tasks - base) * u64::from(spot_weight);
    let share = (shared + u64::from(weight / 2)).checked_div(weight.into()).unwrap_or_default();
    spot_base + u32::try_from(share).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use adhoc_core::Conventions;
    use adhoc_core::testing::{FakeLogs, FakeNetwork, FakeServices, FakeTaskDefinitions, FakeTasks};
    use serde_json::json;

    use super::*;

    fn strategy(items: &[(&str, i32, i32)]) -> LaunchMode {
        let item = |(provider, weight, base): &(&str, i32, i32)| CapacityProviderItem::new(*provider, *weight, *base);
        LaunchMode::Strategy(items.iter().map(item).collect())
    }

    #[test]
    fn tasks_are_shared_among_providers_by_base_and_weight() {
        let mixed = strategy(&[("FARGATE", 1, 1), ("FARGATE_SPOT", 3, 0)]);
        assert_eq!((spot_tasks(&mixed, 1), spot_tasks(&mixed, 5), spot_tasks(&mixed, 0)), (0, 3, 0));
        assert_eq!(spot_tasks(&strategy(&[("FARGATE_SPOT", 1, 0)]), 4), 4);
        assert_eq!(spot_tasks(&strategy(&[("FARGATE_SPOT", 0, 2), ("FARGATE", 1, 0)]), 4), 2);
        assert_eq!(spot_tasks(&LaunchMode::LaunchType("FARGATE".to_owned()), 4), 0);
    }

    #[tokio::test]
    async fn services_are_measured_by_their_own_revision() {
        let (definitions, services) = (FakeTaskDefinitions::default(), FakeServices::default());
        let document = json!({"family": "alpha-gunicorn", "cpu": "512", "memory": "1024",
            "runtimePlatform": {"cpuArchitecture": "ARM64"}, "containerDefinitions": []});
        let small = definitions.insert(document.as_object().expect("object").clone());
        let document = json!({"family": "alpha-gunicorn", "cpu": "4096", "memory": "8192", "containerDefinitions": []});
        definitions.insert(document.as_object().expect("object").clone());
        let mut service = Service::new("alpha-gunicorn".into(), small.arn()).with_counts(2, 1, 0);
        service.launch = strategy(&[("FARGATE_SPOT", 1, 0)]);
        services.insert(service);
        let ecs = Ecs::new(
            Arc::new(definitions),
            Arc::new(FakeTasks::default()),
            Arc::new(services),
            Arc::new(FakeLogs::default()),
            Arc::new(FakeNetwork::default()),
        );
        let env = Environment::new("alpha".parse().expect("valid"), Conventions::default());
        let expected = ServiceUsage::new("alpha-gunicorn", 2, 512, 1024).with_spot_tasks(2).with_arm(true);
        assert_eq!(environment_usage(&ecs, &env).await.expect("read"), [expected]);
    }
}
