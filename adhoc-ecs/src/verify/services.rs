use adhoc_core::{DeploymentController, Error, Outcome, RolloutState, Service, ServiceName};

use super::{Finding, Found};
use crate::{Ecs, Environment};

/// Every service is there and can be rolled, and no deployment is under way.
pub(super) async fn services(ecs: &Ecs, env: &Environment, roles: &[String]) -> Found<Service> {
    let names: Vec<ServiceName> = roles.iter().map(|role| env.service(role)).collect();
    if names.is_empty() {
        return Found { findings: Vec::new(), found: Vec::new() };
    }
    match ecs.services.describe(&env.cluster(), &names).await {
        Ok(found) => {
            let of = |name: &ServiceName| found.iter().find(|it| it.name == *name && it.is_active());
            let findings = names.iter().map(|name| judge(name, of(name))).collect();
            let found = names.iter().filter_map(|name| of(name).cloned()).collect();
            Found { findings, found }
        }
        Err(error) => Found { findings: vec![unread(env, &error)], found: Vec::new() },
    }
}

fn unread(env: &Environment, error: &Error) -> Finding {
    Finding::of_error("service", env.cluster().as_str(), "ecs", error)
}

fn judge(name: &ServiceName, service: Option<&Service>) -> Finding {
    let failed = |outcome, reason: String| Finding::failed("service", name.as_str(), outcome, reason);
    let Some(service) = service else {
        return failed(Outcome::NotFound, "is not there".to_owned())
            .with_hint("apply the infrastructure, or correct `services` under [components] in adhoc.toml");
    };
    if let DeploymentController::Other(controller) = &service.controller {
        return failed(Outcome::Usage, format!("is deployed by {controller}, which UpdateService cannot roll"))
            .with_hint("use a service whose deployment controller is ECS, or leave this one out of the component");
    }
    if service.primary().and_then(|primary| primary.rollout_state) == Some(RolloutState::InProgress) {
        return failed(Outcome::Locked, "a deployment is under way".to_owned())
            .with_hint("wait for it: an update would replace it");
    }
    let running = format!("{}/{} tasks", service.running_count, service.desired_count);
    let finding = Finding::ok("service", name.as_str(), running);
    match service.circuit_breaker.enabled {
        true => finding,
        false => finding.with_hint(
            "its circuit breaker is off: a release that keeps crashing is not rolled back, and is waited for until the timeout",
        ),
    }
}
