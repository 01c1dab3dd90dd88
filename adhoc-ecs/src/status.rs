//! What runs in an environment now.

use adhoc_core::{Error, Result, RolloutState, Service, Timestamp};
use futures_util::future::join_all;

use crate::Ecs;
use crate::resolve::Environment;

/// A service of an environment as it is now.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ServiceStatus {
    /// The component that it belongs to, if it belongs to one.
    pub component: Option<String>,
    /// The role that it plays in that component.
    pub role: Option<String>,
    /// The service.
    pub service: Service,
    /// The image of the role's container, else of the first one.
    pub image: Option<String>,
}

impl ServiceStatus {
    /// One word for where it stands: `stable`, `rolling`, `failed`, `stopped`, `starting`, or ECS's own word for a service
    /// that is not active.
    #[must_use]
    pub fn state(&self) -> String {
        let service = &self.service;
        let rollout = service.primary().and_then(|primary| primary.rollout_state);
        let word = match rollout {
            _ if !service.is_active() => return service.status.to_lowercase(),
            Some(RolloutState::Failed) => "failed",
            Some(RolloutState::InProgress) => "rolling",
            _ if service.deployments.len() > 1 => "rolling",
            _ if service.desired_count == 0 && service.running_count == 0 => "stopped",
            _ if service.running_count < service.desired_count => "starting",
            _ => "stable",
        };
        word.to_owned()
    }

    /// What the service said last.
    #[must_use]
    pub fn last_event(&self) -> Option<(Option<Timestamp>, &str)> {
        self.service.events.first().map(|event| (event.at, event.message.as_str()))
    }
}

/// Reads all services of an environment, those of components first, in the order of the conventions.
///
/// # Errors
///
/// [`Error::NotFound`] where there is no such environment; those of the backend.
pub async fn status(ecs: &Ecs, env: &Environment) -> Result<Vec<ServiceStatus>> {
    let cluster = env.cluster();
    let names = ecs.services.list(&cluster).await.map_err(|error| match error {
        Error::NotFound(_) => {
            Error::not_found("", format!("environment {}", env.name), format!("cluster {cluster} is not there"))
                .with_hint("check the environment's name, the region and the account")
        }
        other => other,
    })?;
    let services = ecs.services.describe(&cluster, &names).await?;
    let mut all = join_all(services.into_iter().map(|service| describe(ecs, env, service))).await;
    all.sort_by_key(|status| (position(env, status), status.service.name.clone()));
    Ok(all)
}

async fn describe(ecs: &Ecs, env: &Environment, service: Service) -> ServiceStatus {
    let place = env.conventions.components.iter().find_map(|(name, component)| {
        let role = component.services.iter().find(|role| env.service(role) == service.name)?;
        Some((name.clone(), role.clone()))
    });
    let (component, role) = place.unzip();
    // A revision that cannot be read costs a cell of the table, not the table.
    let definition = ecs.task_definitions.describe(service.task_definition.as_str()).await.ok();
    let image = definition.and_then(|definition| {
        let named = role.as_ref().map(|role| env.container(role)).filter(|name| definition.container(name).is_some());
        let name = named.or_else(|| definition.container_names().first().map(|name| (*name).into()))?;
        definition.image(&name).map(str::to_owned)
    });
    ServiceStatus { component, role, service, image }
}

/// Where a service stands in the conventions: component, then role.
fn position(env: &Environment, status: &ServiceStatus) -> (usize, usize) {
    let end = usize::MAX;
    let Some((component, role)) = status.component.as_ref().zip(status.role.as_ref()) else { return (end, end) };
    let of_component = env.conventions.components.keys().position(|name| name == component).unwrap_or(end);
    let roles = env.conventions.components.get(component).map(|it| it.services.iter());
    (of_component, roles.and_then(|mut roles| roles.position(|it| it == role)).unwrap_or(end))
}
