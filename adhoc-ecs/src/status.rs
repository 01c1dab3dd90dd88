//! What runs in an environment now.

use adhoc_core::{DeploymentStatus, Error, Result, RolloutState, Service, ServiceName};
use futures_util::future::join_all;

use crate::Ecs;
use crate::resolve::Environment;

/// A service of an environment as it is now.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ServiceStatus {
    /// The component that it belongs to, if it belongs to one.
    pub component: Option<String>,
    /// Its name.
    pub name: ServiceName,
    /// Where it stands.
    pub state: ServiceState,
    /// The service; none if it is missing.
    pub service: Option<Service>,
    /// The image of the role's container, else of the first one.
    pub image: Option<String>,
}

/// Where a service stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServiceState {
    /// All tasks run, and nothing is being rolled.
    Steady,
    /// A deployment is under way.
    Deploying,
    /// Fewer tasks run than should, or the last deployment failed.
    Degraded,
    /// Its desired count is 0.
    Stopped,
    /// A component has it, but ECS does not.
    Missing,
}

impl ServiceStatus {
    /// What is worth knowing about a service that is not as it should be: the rollout in ECS's words, else what the service
    /// said last.
    #[must_use]
    pub fn detail(&self) -> Option<&str> {
        if matches!(self.state, ServiceState::Steady | ServiceState::Stopped) {
            return None;
        }
        let service = self.service.as_ref()?;
        let reason = service.primary().and_then(|primary| primary.rollout_state_reason.as_deref());
        reason.or_else(|| service.events.first().map(|event| event.message.as_str()))
    }
}

/// Reads all services of an environment: those of components first, in the order of the conventions, and those that a
/// component should have but ECS has not.
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
    let mut places = expected(env);
    let others = services.iter().filter(|service| !places.iter().any(|place| place.name == service.name));
    let mut others: Vec<ServiceName> = others.map(|service| service.name.clone()).collect();
    others.sort();
    places.extend(others.into_iter().map(|name| Place { component: None, role: None, name }));
    let described = places.into_iter().map(|place| {
        let service = services.iter().find(|service| service.name == place.name).cloned();
        describe(ecs, env, place, service)
    });
    Ok(join_all(described).await)
}

/// A service and the part it plays.
struct Place {
    component: Option<String>,
    role: Option<String>,
    name: ServiceName,
}

fn expected(env: &Environment) -> Vec<Place> {
    let components = env.conventions.components.iter();
    let places = components.flat_map(|(component, it)| {
        it.services.iter().map(|role| Place {
            component: Some(component.clone()),
            role: Some(role.clone()),
            name: env.service(role),
        })
    });
    places.collect()
}

async fn describe(ecs: &Ecs, env: &Environment, place: Place, service: Option<Service>) -> ServiceStatus {
    let image = match &service {
        Some(service) => image_of(ecs, env, place.role.as_deref(), service).await,
        None => None,
    };
    let state = service.as_ref().map_or(ServiceState::Missing, state);
    ServiceStatus { component: place.component, name: place.name, state, service, image }
}

/// A revision that cannot be read costs a cell of the table, not the table.
async fn image_of(ecs: &Ecs, env: &Environment, role: Option<&str>, service: &Service) -> Option<String> {
    let definition = ecs.task_definitions.describe(service.task_definition.as_str()).await.ok()?;
    let named = role.map(|role| env.container(role)).filter(|name| definition.container(name).is_some());
    let name = named.or_else(|| definition.container_names().first().map(|name| (*name).into()))?;
    definition.image(&name).map(str::to_owned)
}

/// Where a service stands.
pub(crate) fn state(service: &Service) -> ServiceState {
    let rollout = service.primary().and_then(|primary| primary.rollout_state);
    let others = service.deployments.iter().any(|deployment| deployment.status != DeploymentStatus::Primary);
    match rollout {
        _ if !service.is_active() => ServiceState::Missing,
        Some(RolloutState::Failed) => ServiceState::Degraded,
        _ if service.desired_count == 0 && service.running_count == 0 => ServiceState::Stopped,
        Some(RolloutState::InProgress) => ServiceState::Deploying,
        _ if others => ServiceState::Deploying,
        _ if service.running_count < service.desired_count => ServiceState::Degraded,
        _ => ServiceState::Steady,
    }
}
