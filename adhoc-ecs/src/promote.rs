//! What an environment really runs, so that another one can run the same.

use std::collections::BTreeSet;

use adhoc_core::{
    ContainerName, Error, ImageReference, Result, Service, ServiceDeploymentStatus, Task, TaskDefinition, TaskFilter,
    TaskState,
};
use futures_util::future::try_join_all;

use crate::Ecs;
use crate::resolve::{self, Environment, ResolvedService};
use crate::status::{ServiceState, state};

/// Among how many deployments the last one is looked for: ECS does not promise an order.
const HISTORY: u16 = 20;

/// The image that a component of an environment runs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunningImage {
    /// Repository, tag and digest: what every task was found to run.
    pub reference: ImageReference,
    /// How many tasks that are.
    pub tasks: usize,
}

/// Finds the one image that all services of a component run: by the digest of what each container was started from, since a tag
/// may have been moved.
///
/// A promotion is this on one environment, and an [`update`](crate::update()) with
/// [`ImageChange::Reference`](adhoc_core::ImageChange::Reference) on another.
///
/// # Errors
///
/// [`Error::Conflict`] where there is no such image: a service is being deployed, is not at its full count, was rolled back by ECS
/// last, holds a placeholder, or tasks run different images; [`Error::NotFound`] where something is missing, or nothing runs; those
/// of the backend. All problems are told together.
pub async fn running_image(ecs: &Ecs, env: &Environment, component: &str) -> Result<RunningImage> {
    let roles: Vec<&str> = env.conventions.component(component)?.services.iter().map(String::as_str).collect();
    let mut problems = Vec::new();
    let services = resolve::services(ecs, env, &roles, &mut problems).await;
    resolve::ensure_no_problems(problems)?;
    let found = try_join_all(services.iter().map(|service| look_at(ecs, env, service))).await?;
    let place = format!("{component} in {}", env.name);
    let faults: Vec<String> = found.iter().filter_map(|seen| seen.fault(&env.conventions.placeholder_tag)).collect();
    if !faults.is_empty() {
        return Err(Error::conflict("", place, faults.join("; "))
            .with_hint("promote from an environment whose last update has succeeded"));
    }
    agreed(&place, &found)
}

/// A service, and what its containers were started from.
struct Seen {
    service: Service,
    /// Whether ECS has taken its last deployment back.
    taken_back: bool,
    /// The image in its task definition.
    image: String,
    /// The digests of its tasks, with how many tasks there are.
    digests: Vec<Option<String>>,
}

async fn look_at(ecs: &Ecs, env: &Environment, resolved: &ResolvedService) -> Result<Seen> {
    let (cluster, service) = (env.cluster(), &resolved.service);
    let container = env.container(&resolved.role);
    let filter = TaskFilter::Service(service.name.clone());
    let (history, definition, arns) = tokio::try_join!(
        ecs.services.history(&cluster, &service.name, HISTORY),
        ecs.task_definitions.describe(service.task_definition.as_str()),
        ecs.tasks.list(&cluster, &filter, TaskState::Running),
    )?;
    let tasks = ecs.tasks.describe(&cluster, &arns).await?;
    let last = history.first().map(|entry| entry.status);
    Ok(Seen {
        service: service.clone(),
        taken_back: last.is_some_and(is_taken_back),
        image: image(&definition, &container)?,
        digests: tasks.iter().map(|task| digest(task, &container)).collect(),
    })
}

fn is_taken_back(status: ServiceDeploymentStatus) -> bool {
    use ServiceDeploymentStatus::{RollbackFailed, RolledBack, RollingBack};
    matches!(status, RolledBack | RollingBack | RollbackFailed)
}

fn image(definition: &TaskDefinition, container: &ContainerName) -> Result<String> {
    let image = definition.image(container).map(str::to_owned);
    image.ok_or_else(|| Error::not_found("", definition.arn().short(), format!("has no container {container:?}")))
}

fn digest(task: &Task, container: &ContainerName) -> Option<String> {
    task.container(container)?.image_digest.clone()
}

impl Seen {
    /// Why nothing can be promoted from it.
    fn fault(&self, placeholder: &str) -> Option<String> {
        let name = &self.service.name;
        let reference: Option<ImageReference> = self.image.parse().ok();
        let (running, desired) = (self.service.running_count, self.service.desired_count);
        match state(&self.service) {
            _ if reference.is_some_and(|it| it.tag() == Some(placeholder)) => {
                Some(format!("{name} has the placeholder {}", self.image))
            }
            ServiceState::Deploying => Some(format!("{name} is being deployed")),
            ServiceState::Degraded => {
                Some(format!("{name} runs {running} of {desired} tasks, or its deployment failed"))
            }
            _ if self.taken_back => Some(format!("ECS rolled {name} back")),
            _ => None,
        }
    }
}

/// The one image that all run. A stopped service has no say but by its task definition.
fn agreed(place: &str, found: &[Seen]) -> Result<RunningImage> {
    let tasks = found.iter().flat_map(|seen| seen.digests.iter().map(move |digest| (seen, digest)));
    let mut digests = BTreeSet::new();
    let mut count = 0;
    for (seen, digest) in tasks {
        count += 1;
        digests.insert(digest.as_deref().ok_or_else(|| {
            let reason = format!("ECS does not tell what image a task of {} was started from", seen.service.name);
            Error::conflict("", place, reason).with_hint(
                "try again when it has run for a while; or name the image: `adhoc update COMPONENT ENV --image REF`",
            )
        })?);
    }
    let images: BTreeSet<&str> = found.iter().map(|seen| seen.image.as_str()).collect();
    let mut digests = digests.into_iter();
    match (digests.next(), digests.next(), images.len()) {
        (None, ..) => {
            Err(Error::not_found("", place, "runs nothing")
                .with_hint("its services are stopped: update or start it first"))
        }
        (Some(digest), None, 1) => {
            let image: ImageReference = found[0].image.parse()?;
            Ok(RunningImage { reference: image.pinned_to(digest)?, tasks: count })
        }
        _ => Err(Error::conflict("", place, format!("runs different images: {}", described(found)))
            .with_hint("update it, so that all of its services run one release")),
    }
}

fn described(found: &[Seen]) -> String {
    let one = |seen: &Seen| {
        let digests: BTreeSet<&str> = seen.digests.iter().flatten().map(|digest| short(digest)).collect();
        let digests: Vec<&str> = digests.into_iter().collect();
        format!(
            "{} has {} ({})",
            seen.service.name,
            seen.image,
            if digests.is_empty() { "stopped".to_owned() } else { digests.join(", ") }
        )
    };
    found.iter().map(one).collect::<Vec<_>>().join("; ")
}

/// `sha256:0123456789ab`, as much as tells digests apart.
fn short(digest: &str) -> &str {
    digest.get(..19).unwrap_or(digest)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use adhoc_core::testing::{FakeLogs, FakeNetwork, FakeServices, FakeTaskDefinitions, FakeTasks};
    use adhoc_core::{Component, ContainerState, Conventions, ServiceDeployment, TaskArn};

    use super::*;

    struct World {
        definitions: Arc<FakeTaskDefinitions>,
        services: Arc<FakeServices>,
        tasks: Arc<FakeTasks>,
        env: Environment,
    }

    fn hash(digit: char) -> String {
        format!("sha256:{}", digit.to_string().repeat(64))
    }

    impl World {
        fn new() -> Self {
            let mut conventions = Conventions::default();
            conventions.components.insert("backend".to_owned(), Component::new("api", &[], &["web", "beat"]));
            let env = Environment::new("alpha".parse().expect("valid"), conventions);
            Self { definitions: Arc::default(), services: Arc::default(), tasks: Arc::default(), env }
        }

        /// A service whose tasks were started from these digests.
        fn service(&self, role: &str, image: &str, digests: &[char]) -> Service {
            let name = format!("alpha-{role}");
            let revision = self.definitions.insert_simple(&name, role, image);
            let count = u32::try_from(digests.len()).expect("few");
            let service = Service::new(name.as_str().into(), revision.arn()).with_counts(count, count, 0);
            self.services.insert(service.clone());
            for (number, digit) in digests.iter().enumerate() {
                let container =
                    ContainerState::new(role.into(), "RUNNING").with_image(Some(image.to_owned()), Some(hash(*digit)));
                let mut task = Task::new(TaskArn::new(format!("arn:x/c/{role}{number}")), revision.arn(), "RUNNING")
                    .with_containers(vec![container]);
                task.group = Some(format!("service:{name}"));
                self.tasks.insert(task, Vec::new());
            }
            service
        }

        async fn image(&self) -> Result<String> {
            let ecs = Ecs::new(
                self.definitions.clone(),
                self.tasks.clone(),
                self.services.clone(),
                Arc::new(FakeLogs::default()),
                Arc::new(FakeNetwork::default()),
            );
            running_image(&ecs, &self.env, "backend").await.map(|image| image.reference.to_string())
        }

        async fn refusal(&self) -> String {
            self.image().await.expect_err("refused").to_string()
        }
    }

    #[tokio::test]
    async fn the_image_is_what_every_task_was_started_from() {
        let w = World::new();
        w.service("web", "r.example.com/api:v1", &['a', 'a']);
        w.service("beat", "r.example.com/api:v1", &[]);
        assert_eq!(w.image().await.expect("one"), format!("r.example.com/api:v1@{}", hash('a')));
    }

    #[tokio::test]
    async fn a_tag_that_was_moved_is_no_one_image() {
        let w = World::new();
        w.service("web", "api:v1", &['a']);
        w.service("beat", "api:v1", &['b']);
        assert!(w.refusal().await.contains("runs different images: alpha-web has api:v1 (sha256:aaaaaaaaaaaa)"));
    }

    #[tokio::test]
    async fn a_stopped_service_with_another_release_is_a_difference() {
        let w = World::new();
        w.service("web", "api:v1", &['a']);
        w.service("beat", "api:v0", &[]);
        assert!(w.refusal().await.contains("alpha-beat has api:v0 (stopped)"));
    }

    #[tokio::test]
    async fn what_is_in_doubt_is_refused_all_together() {
        let w = World::new();
        w.service("web", "api:placeholder", &['a']);
        w.service("beat", "api:v1", &['a']);
        w.services.set_history("alpha-beat", vec![ServiceDeployment::new("x", ServiceDeploymentStatus::RolledBack)]);
        let refusal = w.refusal().await;
        assert!(
            refusal.contains("alpha-web has the placeholder") && refusal.contains("ECS rolled alpha-beat back"),
            "{refusal}"
        );
        let w = World::new();
        w.services.insert(w.service("web", "api:v1", &['a']).with_counts(2, 1, 1));
        w.service("beat", "api:v1", &['a']);
        assert!(w.refusal().await.contains("alpha-web runs 1 of 2 tasks"));
    }

    #[tokio::test]
    async fn nothing_that_runs_is_nothing_to_promote() {
        let w = World::new();
        w.service("web", "api:v1", &[]);
        w.service("beat", "api:v1", &[]);
        assert!(matches!(w.image().await, Err(Error::NotFound(_))));
    }
}
