//! Any one-off task of an environment, with its logs and its exit code.

use std::time::Duration;

use adhoc_core::{Context, Event, ImageChange, Plan, PlannedTask, Result, Variables};

use crate::Ecs;
use crate::deadline::Deadline;
use crate::resolve::{self, Environment};
use crate::update::{UpdateReport, migrate, one_off, register};

/// What to run.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RunRequest {
    /// The environment.
    pub environment: Environment,
    /// The role of the task, such as `migrate`.
    pub task: String,
    /// The image to run; [`ImageChange::Keep`] runs the newest revision as it is.
    pub image: ImageChange,
    /// A command instead of the definition's.
    pub command: Option<Vec<String>>,
    /// Environment variables added to the definition's.
    pub variables: Variables,
    /// How long it may take. Default 30 minutes.
    pub timeout: Duration,
}

impl RunRequest {
    /// Runs the newest revision of a task with its own command.
    pub fn new(environment: Environment, task: impl Into<String>) -> Self {
        Self {
            environment,
            task: task.into(),
            image: ImageChange::Keep,
            command: None,
            variables: Variables::default(),
            timeout: Duration::from_secs(30 * 60),
        }
    }

    /// Runs another image.
    #[must_use]
    pub fn with_image(mut self, image: ImageChange) -> Self {
        self.image = image;
        self
    }

    /// Runs another command.
    #[must_use]
    pub fn with_command(mut self, command: Option<Vec<String>>) -> Self {
        self.command = command;
        self
    }

    /// Adds environment variables to the container's.
    #[must_use]
    pub fn with_variables(mut self, variables: Variables) -> Self {
        self.variables = variables;
        self
    }

    /// Sets how long it may take.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

/// Runs a one-off task of an environment to its end, where and on what the services of its component run. No service is
/// touched.
///
/// Never fails: the report holds what was done and, if it did not succeed, the error.
pub async fn run(cx: &Context, ecs: &Ecs, request: &RunRequest) -> UpdateReport {
    let mut report = UpdateReport::default();
    report.error = Box::pin(drive(cx, ecs, request, &mut report)).await.err();
    report
}

async fn drive(cx: &Context, ecs: &Ecs, request: &RunRequest, report: &mut UpdateReport) -> Result<()> {
    let env = &request.environment;
    let role = request.task.as_str();
    let deadline = Deadline::new(cx, request.timeout);
    let (families, placement) = cx.step("resolve", resolve_run(ecs, request)).await?;
    cx.emit(Event::Plan(Box::new(Plan {
        command: "run".to_owned(),
        environment: env.name.to_string(),
        component: None,
        preparations: Vec::new(),
        task_definitions: families.iter().map(resolve::ResolvedFamily::planned).collect(),
        tasks: vec![PlannedTask {
            family: env.conventions.family(&env.name, role).to_string(),
            container: env.container(role).to_string(),
        }],
        services: Vec::new(),
        dry_run: false,
    })));
    let mut revisions = cx.step("register", register(cx, ecs, &families, &mut report.task_definitions)).await?;
    let Some(definition) = revisions.remove(role) else { return Ok(()) };
    deadline.ensure_left(cx)?;
    let task = one_off(env, definition, role, placement)
        .with_command(request.command.clone())
        .with_environment(request.variables.clone())
        .with_timeout(deadline.left(cx));
    let tasks = &mut report.tasks;
    cx.step(role, async {
        let mut finished = migrate(cx, ecs, &task, tasks).await?;
        finished.drain_logs().await;
        Ok(())
    })
    .await
}

async fn resolve_run(ecs: &Ecs, request: &RunRequest) -> Result<(Vec<resolve::ResolvedFamily>, crate::Placement)> {
    let env = &request.environment;
    let role = request.task.as_str();
    let component = resolve::component_of_task(&env.conventions, role);
    let neighbour: Vec<&str> = component.and_then(|it| it.services.first()).map(String::as_str).into_iter().collect();
    // A task of no component may be of any repository.
    let own = env.conventions.components.values().find(|component| component.roles().contains(&role));
    let image = match own {
        Some(component) => component.image_change(&request.image)?,
        None => request.image.clone(),
    };
    let roles = [role];
    let (mut problems, mut service_problems) = (Vec::new(), Vec::new());
    let (families, services) = tokio::join!(
        resolve::families(ecs, env, &roles, &image, &mut problems),
        resolve::services(ecs, env, &neighbour, &mut service_problems),
    );
    // A service that is not there only means that the network has to be found by tag; a missing cluster is the end.
    problems.extend(service_problems.into_iter().filter(|problem| !problem.detail().resource.starts_with("service ")));
    resolve::ensure_no_problems(problems)?;
    let first = services.first().map(|resolved| &resolved.service);
    let networked = families.iter().map(|family| &family.source).any(resolve::needs_network);
    Ok((families, resolve::placement(ecs, env, first, networked).await?))
}
