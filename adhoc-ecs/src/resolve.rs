//! Finding everything that an update, a run or a rollback needs, before anything is changed. Whatever is missing is
//! reported together.

use adhoc_core::{
    ClusterName, Component, ContainerName, Conventions, DeploymentController, EnvironmentName, Error, ImageChange,
    LaunchMode, NetworkConfiguration, PlannedTaskDefinition, Result, Service, ServiceName, TaskDefinition,
};
use futures_util::future::join_all;

use crate::cloning::{TaskDefinitionClone, clone_with_image};
use crate::{Ecs, Placement};

/// An environment as it is addressed on AWS.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Environment {
    /// Its name.
    pub name: EnvironmentName,
    /// Its conventions.
    pub conventions: Conventions,
}

impl Environment {
    /// An environment that follows `conventions`.
    #[must_use]
    pub fn new(name: EnvironmentName, conventions: Conventions) -> Self {
        Self { name, conventions }
    }

    /// Its cluster.
    #[must_use]
    pub fn cluster(&self) -> ClusterName {
        self.conventions.cluster(&self.name)
    }

    /// The service of a role.
    #[must_use]
    pub fn service(&self, role: &str) -> ServiceName {
        self.conventions.service(&self.name, role)
    }

    /// The container of a role.
    #[must_use]
    pub fn container(&self, role: &str) -> ContainerName {
        self.conventions.container(&self.name, role)
    }
}

/// The newest revision of a role's family, and its clone.
#[derive(Debug, Clone)]
pub(crate) struct ResolvedFamily {
    pub(crate) role: String,
    pub(crate) container: ContainerName,
    pub(crate) source: TaskDefinition,
    pub(crate) clone: TaskDefinitionClone,
}

impl ResolvedFamily {
    pub(crate) fn planned(&self) -> PlannedTaskDefinition {
        PlannedTaskDefinition {
            family: self.source.family().to_string(),
            container: self.container.to_string(),
            from: self.source.arn().short().to_owned(),
            to: self.clone.is_identical().then(|| self.source.arn().short().to_owned()),
            image_from: self.clone.image_from.clone(),
            image: self.clone.image.clone(),
            register: !self.clone.is_identical(),
            changes: self.clone.changes(),
        }
    }
}

/// A role's service as it is now.
#[derive(Debug, Clone)]
pub(crate) struct ResolvedService {
    pub(crate) role: String,
    pub(crate) service: Service,
}

/// Reads the newest ACTIVE revision of each role's family and clones it. Gives back all problems, not the first.
pub(crate) async fn families(
    ecs: &Ecs,
    env: &Environment,
    roles: &[&str],
    image: &ImageChange,
    problems: &mut Vec<Error>,
) -> Vec<ResolvedFamily> {
    let found = join_all(roles.iter().map(|role| family(ecs, env, role, image))).await;
    keep_problems(found, problems)
}

async fn family(ecs: &Ecs, env: &Environment, role: &str, image: &ImageChange) -> Result<ResolvedFamily> {
    let family = env.conventions.family(&env.name, role);
    let source = ecs.task_definitions.describe(family.as_str()).await.map_err(|error| match error {
        Error::NotFound(_) => Error::not_found("", format!("task family {family}"), "has no ACTIVE revision"),
        other => other,
    })?;
    let container = env.container(role);
    let clone = clone_with_image(&source, &container, image)?;
    Ok(ResolvedFamily { role: role.to_owned(), container, source, clone })
}

/// Reads the services of all roles in one batch.
pub(crate) async fn services(
    ecs: &Ecs,
    env: &Environment,
    roles: &[&str],
    problems: &mut Vec<Error>,
) -> Vec<ResolvedService> {
    let names: Vec<ServiceName> = roles.iter().map(|role| env.service(role)).collect();
    if names.is_empty() {
        return Vec::new();
    }
    match ecs.services.describe(&env.cluster(), &names).await {
        Ok(found) => {
            let resolved = roles.iter().zip(&names).map(|(role, name)| resolved_service(&found, role, name));
            keep_problems(resolved, problems)
        }
        Err(error) => {
            problems.push(missing_environment(env, error));
            Vec::new()
        }
    }
}

fn resolved_service(found: &[Service], role: &str, name: &ServiceName) -> Result<ResolvedService> {
    let service = found.iter().find(|service| service.name == *name && service.is_active());
    let service = service.ok_or_else(|| Error::not_found("", format!("service {name}"), "is not there"))?;
    if let DeploymentController::Other(controller) = &service.controller {
        let reason = format!("is deployed by {controller}, which UpdateService cannot roll");
        return Err(Error::invalid("", format!("service {name}"), reason)
            .with_hint("use a service whose deployment controller is ECS, or leave this one out of the component"));
    }
    Ok(ResolvedService { role: role.to_owned(), service: service.clone() })
}

fn missing_environment(env: &Environment, error: Error) -> Error {
    match error {
        Error::NotFound(_) => {
            Error::not_found("", format!("environment {}", env.name), format!("cluster {} is not there", env.cluster()))
                .with_hint("check the environment's name, the region and the account")
        }
        other => other,
    }
}

fn keep_problems<T>(results: impl IntoIterator<Item = Result<T>>, problems: &mut Vec<Error>) -> Vec<T> {
    let mut kept = Vec::new();
    for result in results {
        match result {
            Ok(value) => kept.push(value),
            Err(error) => problems.push(error),
        }
    }
    kept
}

/// One error for all problems. Refusals of AWS come first: what could not be read may well be there.
pub(crate) fn ensure_no_problems(mut problems: Vec<Error>) -> Result<()> {
    problems.sort_by_key(|problem| match problem {
        Error::NotFound(_) => 2,
        Error::Invalid(_) => 1,
        _ => 0,
    });
    if problems.iter().any(|problem| problem.detail().resource.starts_with("environment ")) {
        // Without the cluster nothing else can be there: one line says it all.
        problems.retain(|problem| problem.detail().resource.starts_with("environment "));
    }
    let count = problems.len();
    let mut problems = problems.into_iter();
    let Some(first) = problems.next() else { return Ok(()) };
    if count == 1 || !matches!(first, Error::NotFound(_) | Error::Invalid(_)) {
        return Err(first);
    }
    let hint = first.detail().hint.clone();
    let is_invalid = matches!(first, Error::Invalid(_));
    let rest = problems.map(|problem| problem.to_string());
    let all: Vec<String> = std::iter::once(first.to_string()).chain(rest).collect();
    let reason = format!("{count} problems: {}", all.join("; "));
    let error = if is_invalid { Error::invalid("", "", reason) } else { Error::not_found("", "", reason) };
    Err(match hint {
        Some(hint) => error.with_hint(hint),
        None => error.with_hint("nothing was changed; check the environment's name, the region and adhoc.toml"),
    })
}

/// Where one-off tasks of a component run: as its first service does; failing that, in the network found by tag, on the
/// cluster's default capacity. Only tasks that are `networked` (`awsvpc`) need a network.
///
/// # Errors
///
/// [`Error::NotFound`] where no subnet or security group carries the tags.
pub(crate) async fn placement(
    ecs: &Ecs,
    env: &Environment,
    first: Option<&Service>,
    networked: bool,
) -> Result<Placement> {
    let launch = first.map_or(LaunchMode::ClusterDefault, |service| service.launch.clone());
    let version = first.and_then(|service| service.platform_version.clone());
    let network = match first.and_then(|service| service.network.clone()) {
        Some(network) => Some(network),
        None if networked => Some(network_by_tag(ecs, &env.conventions).await?),
        None => None,
    };
    Ok(Placement::new(launch, network).with_platform_version(version))
}

async fn network_by_tag(ecs: &Ecs, conventions: &Conventions) -> Result<NetworkConfiguration> {
    let (subnet_tags, group_tags) = (conventions.subnet_tags(), conventions.security_group_tags());
    let (subnets, groups) =
        tokio::try_join!(ecs.network.subnets(&subnet_tags), ecs.network.security_groups(&group_tags))?;
    let require = |found: &[String], what: &str, tags: &[(String, String)]| {
        if !found.is_empty() {
            return Ok(());
        }
        let tags: Vec<String> = tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
        Err(Error::not_found("", what, format!("none carries the tags {}", tags.join(" and ")))
            .with_hint("name the shared environment with --shared, or the tags in adhoc.toml under [names]"))
    };
    require(&subnets, "subnets", &subnet_tags)?;
    require(&groups, "security group", &group_tags)?;
    Ok(NetworkConfiguration::new(subnets, groups))
}

/// Whether tasks of this definition need a network configuration.
pub(crate) fn needs_network(definition: &TaskDefinition) -> bool {
    definition.document.get("networkMode").and_then(serde_json::Value::as_str) == Some("awsvpc")
}

/// The component that a one-off task belongs to: the one that lists it, else the first with services.
pub(crate) fn component_of_task<'a>(conventions: &'a Conventions, role: &str) -> Option<&'a Component> {
    let listed = conventions.components.values().find(|component| component.pre_update.iter().any(|task| task == role));
    listed.or_else(|| conventions.components.values().find(|component| !component.services.is_empty()))
}
