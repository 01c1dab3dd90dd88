//! From the SDK's types to the core's.

use adhoc_core::{
    CapacityProviderItem, CircuitBreaker, ContainerState, Deployment, DeploymentController, DeploymentId,
    DeploymentStatus, LaunchMode, NetworkConfiguration, RolloutState, Service, ServiceDeploymentStatus, ServiceEvent,
    Task, TaskArn, TaskDefinitionArn, Timestamp,
};
use aws_sdk_ecs::types as sdk;

pub(super) fn timestamp(moment: Option<&aws_smithy_types::DateTime>) -> Option<Timestamp> {
    Timestamp::from_millisecond(moment?.to_millis().ok()?).ok()
}

fn count(number: i32) -> u32 {
    u32::try_from(number).unwrap_or_default()
}

fn definition_arn(arn: Option<&str>) -> TaskDefinitionArn {
    TaskDefinitionArn::new(arn.unwrap_or_default())
}

pub(super) fn service(from: &sdk::Service) -> Service {
    let arn = definition_arn(from.task_definition());
    let mut service = Service::new(from.service_name().unwrap_or_default().into(), arn)
        .with_counts(count(from.desired_count()), count(from.running_count()), count(from.pending_count()))
        .with_deployments(from.deployments().iter().map(deployment).collect())
        .with_circuit_breaker(circuit_breaker(from));
    service.status = from.status().unwrap_or_default().to_owned();
    service.events = from.events().iter().map(event).collect();
    service.controller = controller(from);
    service.daemon = from.scheduling_strategy() == Some(&sdk::SchedulingStrategy::Daemon);
    service.network = from.network_configuration().and_then(network);
    service.launch = launch(from.launch_type(), from.capacity_provider_strategy());
    service.execute_command = from.enable_execute_command();
    service.platform_version = from.platform_version().filter(|version| *version != "LATEST").map(str::to_owned);
    let load_balancers = from.load_balancers().iter();
    service.target_groups = load_balancers.filter_map(|it| it.target_group_arn().map(str::to_owned)).collect();
    service
}

fn circuit_breaker(from: &sdk::Service) -> CircuitBreaker {
    let Some(configuration) = from.deployment_configuration() else { return CircuitBreaker::default() };
    let breaker = configuration.deployment_circuit_breaker();
    // Alarms roll a deployment back just as the breaker does.
    let by_alarm = configuration.alarms().is_some_and(|alarms| alarms.enable() && alarms.rollback());
    let by_breaker = breaker.is_some_and(|breaker| breaker.enable() && breaker.rollback());
    CircuitBreaker::new(breaker.is_some_and(sdk::DeploymentCircuitBreaker::enable), by_breaker || by_alarm)
}

fn controller(from: &sdk::Service) -> DeploymentController {
    match from.deployment_controller().map(sdk::DeploymentController::r#type) {
        None | Some(sdk::DeploymentControllerType::Ecs) => DeploymentController::Ecs,
        Some(other) => DeploymentController::Other(other.as_str().to_owned()),
    }
}

fn event(from: &sdk::ServiceEvent) -> ServiceEvent {
    ServiceEvent::new(timestamp(from.created_at()), from.message().unwrap_or_default())
}

fn network(from: &sdk::NetworkConfiguration) -> Option<NetworkConfiguration> {
    let vpc = from.awsvpc_configuration().filter(|vpc| !vpc.subnets().is_empty())?;
    let configuration = NetworkConfiguration::new(vpc.subnets().to_vec(), vpc.security_groups().to_vec());
    Some(configuration.with_public_ip(vpc.assign_public_ip() == Some(&sdk::AssignPublicIp::Enabled)))
}

fn launch(launch_type: Option<&sdk::LaunchType>, strategy: &[sdk::CapacityProviderStrategyItem]) -> LaunchMode {
    match launch_type {
        _ if !strategy.is_empty() => {
            let item = |it: &sdk::CapacityProviderStrategyItem| {
                CapacityProviderItem::new(it.capacity_provider(), it.weight(), it.base())
            };
            LaunchMode::Strategy(strategy.iter().map(item).collect())
        }
        Some(launch_type) => LaunchMode::LaunchType(launch_type.as_str().to_owned()),
        None => LaunchMode::ClusterDefault,
    }
}

fn deployment(from: &sdk::Deployment) -> Deployment {
    let status = match from.status() {
        Some("PRIMARY") => DeploymentStatus::Primary,
        Some("ACTIVE") => DeploymentStatus::Active,
        _ => DeploymentStatus::Inactive,
    };
    let id = DeploymentId::new(from.id().unwrap_or_default());
    let mut deployment = Deployment::new(id, status, definition_arn(from.task_definition())).with_counts(
        count(from.desired_count()),
        count(from.running_count()),
        count(from.failed_tasks()),
    );
    deployment.pending_count = count(from.pending_count());
    deployment.rollout_state = from.rollout_state().and_then(|state| match state {
        sdk::DeploymentRolloutState::Completed => Some(RolloutState::Completed),
        sdk::DeploymentRolloutState::Failed => Some(RolloutState::Failed),
        sdk::DeploymentRolloutState::InProgress => Some(RolloutState::InProgress),
        _ => None,
    });
    deployment.rollout_state_reason = from.rollout_state_reason().map(str::to_owned);
    deployment.created_at = timestamp(from.created_at());
    deployment
}

pub(super) fn deployment_status(from: Option<&sdk::ServiceDeploymentStatus>) -> ServiceDeploymentStatus {
    use sdk::ServiceDeploymentStatus as Sdk;
    match from {
        Some(Sdk::Successful) => ServiceDeploymentStatus::Successful,
        Some(Sdk::Stopped) => ServiceDeploymentStatus::Stopped,
        Some(Sdk::RollbackSuccessful) => ServiceDeploymentStatus::RolledBack,
        Some(Sdk::RollbackFailed) => ServiceDeploymentStatus::RollbackFailed,
        Some(Sdk::RollbackRequested | Sdk::RollbackInProgress) => ServiceDeploymentStatus::RollingBack,
        _ => ServiceDeploymentStatus::InProgress,
    }
}

pub(super) fn task(from: &sdk::Task) -> Task {
    let arn = TaskArn::new(from.task_arn().unwrap_or_default());
    let mut task = Task::new(arn, definition_arn(from.task_definition_arn()), from.last_status().unwrap_or_default())
        .with_containers(from.containers().iter().map(container).collect());
    task.started_by = from.started_by().map(str::to_owned);
    task.group = from.group().map(str::to_owned);
    task.stop_code = from.stop_code().map(|code| code.as_str().to_owned());
    task.stopped_reason = from.stopped_reason().map(str::to_owned);
    task.created_at = timestamp(from.created_at());
    task.started_at = timestamp(from.started_at());
    task.execution_stopped_at = timestamp(from.execution_stopped_at());
    task.stopped_at = timestamp(from.stopped_at());
    task.execute_command = from.enable_execute_command();
    task
}

fn container(from: &sdk::Container) -> ContainerState {
    let name = from.name().unwrap_or_default().into();
    ContainerState::new(name, from.last_status().unwrap_or_default())
        .with_exit_code(from.exit_code())
        .with_reason(from.reason().map(str::to_owned))
        .with_runtime_id(from.runtime_id().map(str::to_owned))
        .with_image(from.image().map(str::to_owned), from.image_digest().map(str::to_owned))
        .with_exec_agent(exec_agent(from))
}

fn exec_agent(from: &sdk::Container) -> Option<String> {
    let is_exec = |agent: &&sdk::ManagedAgent| agent.name() == Some(&sdk::ManagedAgentName::ExecuteCommandAgent);
    let agent = from.managed_agents().iter().find(is_exec)?;
    Some(agent.last_status().unwrap_or("PENDING").to_owned())
}

/// The launch mode as `RunTask` takes it: type and strategy exclude each other.
pub(super) fn launch_input(
    mode: &LaunchMode,
) -> (Option<sdk::LaunchType>, Option<Vec<sdk::CapacityProviderStrategyItem>>) {
    match mode {
        LaunchMode::LaunchType(name) => (Some(name.as_str().into()), None),
        LaunchMode::Strategy(items) => {
            let item = |item: &CapacityProviderItem| {
                let builder = sdk::CapacityProviderStrategyItem::builder().capacity_provider(&item.provider);
                // Only a missing provider fails, and it is set.
                builder.weight(item.weight).base(item.base).build().ok()
            };
            (None, Some(items.iter().filter_map(item).collect()))
        }
        _ => (None, None),
    }
}

/// The network as `RunTask` takes it.
pub(super) fn network_input(network: &NetworkConfiguration) -> Option<sdk::NetworkConfiguration> {
    let assign = if network.assign_public_ip { sdk::AssignPublicIp::Enabled } else { sdk::AssignPublicIp::Disabled };
    let vpc = sdk::AwsVpcConfiguration::builder()
        .set_subnets(Some(network.subnets.clone()))
        .set_security_groups((!network.security_groups.is_empty()).then(|| network.security_groups.clone()))
        .assign_public_ip(assign)
        .build()
        .ok()?;
    Some(sdk::NetworkConfiguration::builder().awsvpc_configuration(vpc).build())
}

/// An entry of `failures[]`, which ECS sends with HTTP 200, for people.
pub(super) fn failure(failure: &sdk::Failure) -> String {
    let parts = [failure.arn(), failure.reason(), failure.detail()];
    let known: Vec<&str> = parts.into_iter().flatten().collect();
    if known.is_empty() { "an unnamed failure".to_owned() } else { known.join(": ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alarm_rolls_back_without_a_circuit_breaker() {
        let with_alarms = |enable| {
            let alarms = sdk::DeploymentAlarms::builder().alarm_names("5xx").enable(enable).rollback(true).build();
            let alarms = alarms.expect("complete");
            let configuration = sdk::DeploymentConfiguration::builder().alarms(alarms).build();
            service(&sdk::Service::builder().deployment_configuration(configuration).build()).circuit_breaker
        };
        assert_eq!(with_alarms(true), CircuitBreaker::new(false, true));
        assert_eq!(with_alarms(false), CircuitBreaker::default());
    }

    #[test]
    fn a_network_without_subnets_is_none() {
        let vpc = sdk::AwsVpcConfiguration::builder().set_subnets(Some(Vec::new())).build().expect("complete");
        let configuration = sdk::NetworkConfiguration::builder().awsvpc_configuration(vpc).build();
        assert_eq!(network(&configuration), None);
    }
}
