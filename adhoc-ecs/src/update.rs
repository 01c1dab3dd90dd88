//! The main job: resolve, register, migrate, roll, wait, report.

mod report;
mod request;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use adhoc_core::{
    Check, Component, Context, Error, Event, Plan, PlannedService, PlannedTask, Result, ServiceSummary, TaskDefinition,
    TaskDefinitionSummary, TaskSummary, WaitConfig, wait_for,
};
use futures_util::future::join_all;

use crate::deadline::Deadline;
use crate::one_off::{FinishedTask, OneOff, start_one_off};
use crate::resolve::{self, Environment, ResolvedFamily, ResolvedService};
use crate::rollout::{RollService, ensure_succeeded, roll_out_into};
use crate::{Ecs, Placement};

pub use self::report::UpdateReport;
pub use self::request::{DesiredCount, Preparation, UpdateRequest};

/// Updates a component of an environment: clones its task definitions with another image, runs its pre-update tasks, and
/// rolls its services.
///
/// A pre-update task that fails, never starts, or cannot be judged ends the update with every service untouched. Running
/// the same update again after any interruption converges: an identical newest revision is reused, a pre-update task that
/// still runs is joined, a deployment under way is followed, and a service that is there already is left in peace.
///
/// Never fails: the report holds what was done and, if it did not succeed, the [`Error`]. Cancelling through the context
/// ends the current step; what goes on by itself is named in [`ErrorDetail::left_behind`](adhoc_core::ErrorDetail).
pub async fn update(cx: &Context, ecs: &Ecs, request: &UpdateRequest) -> UpdateReport {
    let mut report = UpdateReport::default();
    report.error = Box::pin(drive(cx, ecs, request, &mut report)).await.err();
    report
}

async fn drive(cx: &Context, ecs: &Ecs, request: &UpdateRequest, report: &mut UpdateReport) -> Result<()> {
    let deadline = Deadline::new(cx, request.timeout);
    let plan = cx.step("resolve", resolve_update(ecs, request)).await?;
    cx.emit(Event::Plan(Box::new(plan.describe(request))));
    if request.dry_run {
        return Ok(());
    }
    for preparation in plan.preparations(request) {
        deadline.ensure_left(cx)?;
        cx.step(preparation.name(), preparation.prepare(cx)).await?;
    }
    deadline.ensure_left(cx)?;
    let revisions = cx.step("register", register(cx, ecs, &plan.families, &mut report.task_definitions)).await?;
    let mut finished = Vec::new();
    for role in &plan.pre_update {
        deadline.ensure_left(cx)?;
        let task = plan.one_off(&revisions, role)?.with_timeout(deadline.left(cx));
        finished.push(cx.step(role, migrate(cx, ecs, &task, &mut report.tasks)).await?);
    }
    deadline.ensure_left(cx)?;
    let rolled =
        cx.step("roll", roll(cx, ecs, request, &plan, &revisions, deadline.left(cx), &mut report.services)).await;
    // The roll has mostly taken longer than CloudWatch delays lines, so that nothing is waited for here.
    for mut task in finished {
        task.drain_logs().await;
    }
    rolled
}

/// Everything that an update needs, found before anything is changed.
struct UpdatePlan {
    environment: Environment,
    families: Vec<ResolvedFamily>,
    pre_update: Vec<String>,
    services: Vec<PlannedRoll>,
    placement: Option<Placement>,
}

struct PlannedRoll {
    resolved: ResolvedService,
    set_count: Option<u32>,
}

async fn resolve_update(ecs: &Ecs, request: &UpdateRequest) -> Result<UpdatePlan> {
    let env = &request.environment;
    let component = request.component()?;
    check_roles(request, component)?;
    let pre_update = request.pre_update(component);
    let service_roles: Vec<&str> = component.services.iter().map(String::as_str).collect();
    let mut roles: Vec<&str> = pre_update.iter().map(String::as_str).collect();
    roles.extend(service_roles.iter().filter(|role| !pre_update.iter().any(|task| task == *role)));

    let image = component.image_change(&request.image)?;
    let (mut problems, mut service_problems) = (Vec::new(), Vec::new());
    let (families, services) = tokio::join!(
        resolve::families(ecs, env, &roles, &image, &mut problems),
        resolve::services(ecs, env, &service_roles, &mut service_problems),
    );
    problems.append(&mut service_problems);
    let mut placement = None;
    if !pre_update.is_empty() && problems.is_empty() {
        let first = services.first().map(|resolved| &resolved.service);
        let tasks = families.iter().filter(|family| pre_update.contains(&family.role));
        let networked = tasks.map(|family| &family.source).any(resolve::needs_network);
        match resolve::placement(ecs, env, first, networked).await {
            Ok(found) => placement = Some(found),
            Err(error) => problems.push(error),
        }
    }
    resolve::ensure_no_problems(problems)?;
    let services = services.into_iter().map(|resolved| {
        let set_count = request.count_for(component, &resolved.role, &resolved.service);
        PlannedRoll { set_count: set_count.filter(|count| *count != resolved.service.desired_count), resolved }
    });
    Ok(UpdatePlan {
        environment: env.clone(),
        families,
        pre_update: pre_update.to_vec(),
        services: services.collect(),
        placement,
    })
}

fn check_roles(request: &UpdateRequest, component: &Component) -> Result<()> {
    match request.desired_count.by_role.keys().find(|role| !component.services.contains(role)) {
        None => Ok(()),
        Some(role) => {
            Err(Error::invalid("", format!("role {role:?}"), format!("is no service of {}", request.component))
                .with_hint(format!("its services are: {}", component.services.join(", "))))
        }
    }
}

impl UpdatePlan {
    /// What is made sure of first.
    fn preparations<'a>(&self, request: &'a UpdateRequest) -> Vec<&'a Arc<dyn Preparation>> {
        let is_needed = |it: &&Arc<dyn Preparation>| !self.pre_update.is_empty() || it.is_always_needed();
        request.preparations.iter().filter(is_needed).collect()
    }

    fn describe(&self, request: &UpdateRequest) -> Plan {
        let tasks = self.families.iter().filter(|family| self.pre_update.contains(&family.role));
        let services = self.services.iter().map(|planned| PlannedService {
            service: planned.resolved.service.name.to_string(),
            from: planned.resolved.service.task_definition.short().to_owned(),
            desired_count: planned.resolved.service.desired_count,
            set_desired_count: planned.set_count,
        });
        Plan {
            command: "update".to_owned(),
            environment: self.environment.name.to_string(),
            component: Some(request.component.clone()),
            preparations: self.preparations(request).iter().map(|preparation| preparation.name().to_owned()).collect(),
            task_definitions: self.families.iter().map(ResolvedFamily::planned).collect(),
            tasks: tasks
                .map(|family| PlannedTask {
                    family: family.source.family().to_string(),
                    container: family.container.to_string(),
                })
                .collect(),
            services: services.collect(),
            dry_run: request.dry_run,
        }
    }

    fn one_off(&self, revisions: &BTreeMap<String, TaskDefinition>, role: &str) -> Result<OneOff> {
        let definition = revision_of(revisions, role)?;
        let placement = self.placement.clone().ok_or_else(|| Error::internal("", role, "was not placed"))?;
        Ok(one_off(&self.environment, definition.clone(), role, placement))
    }
}

/// The one-off task of a role; a definition without its own network interface gets no network configuration.
pub(crate) fn one_off(env: &Environment, definition: TaskDefinition, role: &str, mut placement: Placement) -> OneOff {
    if !resolve::needs_network(&definition) {
        placement.network = None;
    }
    OneOff::new(env.cluster(), definition, env.container(role), placement)
}

fn revision_of<'a>(revisions: &'a BTreeMap<String, TaskDefinition>, role: &str) -> Result<&'a TaskDefinition> {
    revisions.get(role).ok_or_else(|| Error::internal("", role, "has no registered revision"))
}

/// Registers the clones concurrently, one family each, and gives back the revision of each role. An identical newest
/// revision is reused.
pub(crate) async fn register(
    cx: &Context,
    ecs: &Ecs,
    families: &[ResolvedFamily],
    summaries: &mut Vec<TaskDefinitionSummary>,
) -> Result<BTreeMap<String, TaskDefinition>> {
    let registered = join_all(families.iter().map(|family| register_one(cx, ecs, family))).await;
    let mut revisions = BTreeMap::new();
    let mut failure = None;
    for (family, result) in families.iter().zip(registered) {
        match result {
            Ok((revision, summary)) => {
                summaries.push(summary);
                revisions.insert(family.role.clone(), revision);
            }
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    match failure {
        None => Ok(revisions),
        Some(error) => Err(summaries.iter().filter(|summary| summary.registered).fold(error, |error, summary| {
            error.with_left_behind(format!("revision {} was registered and is not used", summary.to))
        })),
    }
}

async fn register_one(
    cx: &Context,
    ecs: &Ecs,
    family: &ResolvedFamily,
) -> Result<(TaskDefinition, TaskDefinitionSummary)> {
    let registered = !family.clone.is_identical();
    let revision =
        if registered { ecs.task_definitions.register(&family.clone.input).await? } else { family.source.clone() };
    let summary = TaskDefinitionSummary {
        family: family.source.family().to_string(),
        container: family.container.to_string(),
        from: family.source.arn().short().to_owned(),
        to: revision.arn().short().to_owned(),
        image: family.clone.image.clone(),
        registered,
    };
    cx.emit(Event::Registered(summary.clone()));
    Ok((revision, summary))
}

/// Runs one pre-update task. Its failure is an error, after its last log lines were read.
pub(crate) async fn migrate(
    cx: &Context,
    ecs: &Ecs,
    task: &OneOff,
    summaries: &mut Vec<TaskSummary>,
) -> Result<FinishedTask> {
    let running = start_one_off(cx, ecs, task).await?;
    let place = summaries.len();
    summaries.push(running.summary(task));
    let mut finished = running.finish(cx, ecs, task).await?;
    summaries[place] = finished.summary.clone();
    let ended = finished.end.clone().into_result(task.definition.family().as_str());
    if ended.is_err() {
        finished.drain_logs().await;
    }
    ended.map(|()| finished)
}

async fn roll(
    cx: &Context,
    ecs: &Ecs,
    request: &UpdateRequest,
    plan: &UpdatePlan,
    revisions: &BTreeMap<String, TaskDefinition>,
    timeout: Duration,
    summaries: &mut Vec<ServiceSummary>,
) -> Result<()> {
    // Read again: the pre-update tasks may have taken long, and somebody else may have scaled or deployed meanwhile.
    let roles: Vec<&str> = plan.services.iter().map(|planned| planned.resolved.role.as_str()).collect();
    let read = || async {
        let mut problems = Vec::new();
        let services = resolve::services(ecs, &plan.environment, &roles, &mut problems).await;
        resolve::ensure_no_problems(problems)?;
        Ok(Some(services))
    };
    let found = |_: Option<&Vec<ResolvedService>>| Check::Ready;
    let services = wait_for(cx, &WaitConfig::new("the services"), read, &found).await?.unwrap_or_default();
    let component = request.component()?;
    let rolls: Result<Vec<RollService>> = services
        .into_iter()
        .map(|resolved| {
            let revision = revision_of(revisions, &resolved.role)?;
            let count = request.count_for(component, &resolved.role, &resolved.service);
            let count = count.filter(|count| *count != resolved.service.desired_count);
            Ok(RollService::new(resolved.service, revision.arn()).with_desired_count(count))
        })
        .collect();
    roll_out_into(cx, ecs, &plan.environment.cluster(), &rolls?, timeout, summaries).await?;
    ensure_succeeded(summaries)
}
