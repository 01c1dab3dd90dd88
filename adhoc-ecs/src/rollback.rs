//! Back to the last revision that really succeeded.

use std::time::Duration;

use adhoc_core::{
    Context, Error, Event, ImageReference, Plan, PlannedService, PlannedTaskDefinition, Result, Service,
    ServiceDeployment, ServiceDeploymentStatus, TaskDefinition, TaskDefinitionArn, TaskDefinitionSummary,
};
use futures_util::future::join_all;

use crate::Ecs;
use crate::deadline::Deadline;
use crate::resolve::{self, Environment, ResolvedService};
use crate::rollout::{RollService, ensure_succeeded, roll_out_into};
use crate::update::UpdateReport;

/// How far back a success is looked for: what one page of ECS holds.
const HISTORY: u16 = 20;

/// What to roll back, and to what.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RollbackRequest {
    /// The environment.
    pub environment: Environment,
    /// The component's name in the conventions.
    pub component: String,
    /// Revisions to go to. Empty: for each service the last one that succeeded before its newest release.
    pub to: Vec<RevisionChoice>,
    /// Stop after resolving.
    pub dry_run: bool,
    /// How long it may take. Default 30 minutes.
    pub timeout: Duration,
}

/// A revision that the caller names.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RevisionChoice {
    /// Revision N of every family; the images must agree.
    Number(u64),
    /// One revision of one family.
    Revision {
        /// The family.
        family: String,
        /// The revision.
        revision: u64,
    },
}

impl std::str::FromStr for RevisionChoice {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let number = |text: &str| text.parse::<u64>().ok().filter(|number| *number > 0);
        let choice = match text.rsplit_once(':') {
            None => number(text).map(Self::Number),
            Some((family, revision)) if !family.is_empty() => {
                number(revision).map(|revision| Self::Revision { family: family.to_owned(), revision })
            }
            Some(_) => None,
        };
        choice.ok_or_else(|| {
            Error::invalid("", format!("revision {text:?}"), "is not a number, and not FAMILY:NUMBER")
                .with_hint("write `--to 12` or `--to alpha-gunicorn:12`")
        })
    }
}

impl RollbackRequest {
    /// A rollback to the last success.
    pub fn new(environment: Environment, component: impl Into<String>) -> Self {
        Self {
            environment,
            component: component.into(),
            to: Vec::new(),
            dry_run: false,
            timeout: Duration::from_secs(30 * 60),
        }
    }

    /// Names the revisions to go to.
    #[must_use]
    pub fn with_to(mut self, to: Vec<RevisionChoice>) -> Self {
        self.to = to;
        self
    }

    /// Stops after resolving.
    #[must_use]
    pub fn with_dry_run(mut self, dry_run: bool) -> Self {
        self.dry_run = dry_run;
        self
    }

    /// Sets how long it may take.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

/// Rolls the services of a component back, and judges each as an update does. No one-off task runs, and nothing is
/// registered.
///
/// Without named revisions, each service goes to the newest revision that a deployment of it ended successfully with and
/// that is older than the newest revision ever deployed to it: so a second rollback changes nothing, and a service that
/// the circuit breaker has put back already is left in peace. Placeholder images and INACTIVE revisions are passed over.
///
/// Never fails: the report holds what was done and, if it did not succeed, the error.
pub async fn rollback(cx: &Context, ecs: &Ecs, request: &RollbackRequest) -> UpdateReport {
    let mut report = UpdateReport::default();
    report.error = Box::pin(drive(cx, ecs, request, &mut report)).await.err();
    report
}

async fn drive(cx: &Context, ecs: &Ecs, request: &RollbackRequest, report: &mut UpdateReport) -> Result<()> {
    let deadline = Deadline::new(cx, request.timeout);
    let planned = cx.step("resolve", resolve_rollback(ecs, request)).await?;
    cx.emit(Event::Plan(Box::new(describe(request, &planned))));
    if request.dry_run {
        return Ok(());
    }
    report.task_definitions = planned.iter().map(PlannedRollback::summary).collect();
    let rolls = planned.iter().map(|it| RollService::new(it.service.service.clone(), it.revision.arn()));
    let rolls: Vec<RollService> = rolls.collect();
    deadline.ensure_left(cx)?;
    let services = &mut report.services;
    cx.step("roll", async {
        roll_out_into(cx, ecs, &request.environment.cluster(), &rolls, deadline.left(cx), services).await?;
        ensure_succeeded(services)
    })
    .await
}

struct PlannedRollback {
    service: ResolvedService,
    container: String,
    revision: TaskDefinition,
    image_from: String,
    image: String,
}

impl PlannedRollback {
    fn summary(&self) -> TaskDefinitionSummary {
        TaskDefinitionSummary {
            family: self.revision.family().to_string(),
            container: self.container.clone(),
            from: self.service.service.task_definition.short().to_owned(),
            to: self.revision.arn().short().to_owned(),
            image: self.image.clone(),
            registered: false,
        }
    }
}

fn describe(request: &RollbackRequest, planned: &[PlannedRollback]) -> Plan {
    let definitions = planned.iter().map(|it| PlannedTaskDefinition {
        family: it.revision.family().to_string(),
        container: it.container.clone(),
        from: it.service.service.task_definition.short().to_owned(),
        to: Some(it.revision.arn().short().to_owned()),
        image_from: it.image_from.clone(),
        image: it.image.clone(),
        register: false,
        changes: Vec::new(),
    });
    let services = planned.iter().map(|it| PlannedService {
        service: it.service.service.name.to_string(),
        from: it.service.service.task_definition.short().to_owned(),
        desired_count: it.service.service.desired_count,
        set_desired_count: None,
    });
    Plan {
        command: "rollback".to_owned(),
        environment: request.environment.name.to_string(),
        component: Some(request.component.clone()),
        preparations: Vec::new(),
        task_definitions: definitions.collect(),
        tasks: Vec::new(),
        services: services.collect(),
        dry_run: request.dry_run,
    }
}

async fn resolve_rollback(ecs: &Ecs, request: &RollbackRequest) -> Result<Vec<PlannedRollback>> {
    let env = &request.environment;
    let component = env.conventions.component(&request.component)?;
    let roles: Vec<&str> = component.services.iter().map(String::as_str).collect();
    let mut problems = Vec::new();
    let services = resolve::services(ecs, env, &roles, &mut problems).await;
    resolve::ensure_no_problems(std::mem::take(&mut problems))?;
    check_families(request, &services)?;
    let mut planned = Vec::new();
    for result in join_all(services.into_iter().map(|service| plan_one(ecs, request, service))).await {
        match result {
            Ok(one) => planned.push(one),
            Err(error) => problems.push(error),
        }
    }
    resolve::ensure_no_problems(problems)?;
    check_images_agree(request, &planned)?;
    Ok(planned)
}

fn check_families(request: &RollbackRequest, services: &[ResolvedService]) -> Result<()> {
    let families: Vec<&str> = services.iter().map(|it| it.service.task_definition.family()).collect();
    for choice in &request.to {
        if let RevisionChoice::Revision { family, .. } = choice
            && !families.contains(&family.as_str())
        {
            let reason = format!("is not deployed by {}", request.component);
            return Err(Error::invalid("", format!("family {family:?}"), reason)
                .with_hint(format!("its families are: {}", families.join(", "))));
        }
    }
    Ok(())
}

/// One number for several families is only safe where it means the same release everywhere.
fn check_images_agree(request: &RollbackRequest, planned: &[PlannedRollback]) -> Result<()> {
    let by_number = request.to.iter().any(|choice| matches!(choice, RevisionChoice::Number(_)));
    let tag = |image: &str| {
        image.parse::<ImageReference>().ok().map(|it| (it.tag().map(str::to_owned), it.digest().map(str::to_owned)))
    };
    let disagree = planned.iter().skip(1).find(|it| tag(&it.image) != tag(&planned[0].image));
    match disagree {
        Some(other) if by_number => {
            let reason = format!(
                "{} has {}, but {} has {}",
                planned[0].revision.arn().short(),
                planned[0].image,
                other.revision.arn().short(),
                other.image
            );
            Err(Error::invalid("", "--to", format!("that number is another release in each family: {reason}"))
                .with_hint("name each family: `--to alpha-gunicorn:12 --to alpha-default:9`"))
        }
        _ => Ok(()),
    }
}

async fn plan_one(ecs: &Ecs, request: &RollbackRequest, service: ResolvedService) -> Result<PlannedRollback> {
    let env = &request.environment;
    let container = env.container(&service.role);
    let current = service.service.task_definition.clone();
    let now = ecs.task_definitions.describe(current.as_str()).await?;
    let revision = match chosen(request, &current) {
        Some(reference) => named_revision(ecs, &reference).await?,
        None if request.to.is_empty() => last_success(ecs, env, &service).await?,
        None => now.clone(),
    };
    let image = |definition: &TaskDefinition| definition.image(&container).unwrap_or_default().to_owned();
    Ok(PlannedRollback {
        container: container.to_string(),
        image_from: image(&now),
        image: image(&revision),
        revision,
        service,
    })
}

fn chosen(request: &RollbackRequest, current: &TaskDefinitionArn) -> Option<String> {
    let mut matching = request.to.iter().filter_map(|choice| match choice {
        RevisionChoice::Number(number) => Some(*number),
        RevisionChoice::Revision { family, revision } => (family == current.family()).then_some(*revision),
    });
    Some(format!("{}:{}", current.family(), matching.next()?))
}

async fn named_revision(ecs: &Ecs, reference: &str) -> Result<TaskDefinition> {
    let revision = ecs.task_definitions.describe(reference).await?;
    if revision.is_active() {
        return Ok(revision);
    }
    Err(Error::not_found("", format!("revision {reference}"), "is INACTIVE and cannot be deployed"))
}

async fn last_success(ecs: &Ecs, env: &Environment, resolved: &ResolvedService) -> Result<TaskDefinition> {
    let service = &resolved.service;
    let history = ecs.services.history(&env.cluster(), &service.name, HISTORY).await?;
    for candidate in candidates(service, &history) {
        // Only what is gone is passed over: what cannot be read now may be the right one.
        let revision = match ecs.task_definitions.describe(candidate.as_str()).await {
            Ok(revision) => revision,
            Err(Error::NotFound(_)) => continue,
            Err(error) => return Err(error),
        };
        if revision.is_active() && !is_placeholder(env, &resolved.role, &revision) {
            return Ok(revision);
        }
    }
    Err(Error::not_found("", format!("service {}", service.name), "has no earlier successful deployment to go back to")
        .with_hint("name a revision with `--to FAMILY:NUMBER`"))
}

/// Revisions to go back to, best first: those of successful deployments, newest first, that are older than the newest
/// revision ever deployed.
fn candidates(service: &Service, history: &[ServiceDeployment]) -> Vec<TaskDefinitionArn> {
    let deployed = history.iter().filter_map(|entry| entry.task_definition.as_ref());
    let newest = deployed.chain([&service.task_definition]).filter_map(TaskDefinitionArn::revision).max();
    let successful = history.iter().filter(|entry| entry.status == ServiceDeploymentStatus::Successful);
    let mut candidates: Vec<TaskDefinitionArn> = Vec::new();
    for arn in successful.filter_map(|entry| entry.task_definition.as_ref()) {
        if arn.revision() < newest && !candidates.contains(arn) {
            candidates.push(arn.clone());
        }
    }
    candidates
}

fn is_placeholder(env: &Environment, role: &str, revision: &TaskDefinition) -> bool {
    let image = revision.image(&env.container(role)).and_then(|image| image.parse::<ImageReference>().ok());
    image.is_some_and(|image| image.tag() == Some(env.conventions.placeholder_tag.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arn(revision: u64) -> TaskDefinitionArn {
        TaskDefinitionArn::new(format!("arn:aws:ecs:r:1:task-definition/f:{revision}"))
    }

    fn entry(revision: u64, status: ServiceDeploymentStatus) -> ServiceDeployment {
        ServiceDeployment::new("a", status).with_task_definition(Some(arn(revision)))
    }

    fn best(current: u64, history: &[ServiceDeployment]) -> Option<u64> {
        candidates(&Service::new("s".into(), arn(current)), history).first().and_then(TaskDefinitionArn::revision)
    }

    use ServiceDeploymentStatus::{RolledBack, Successful};

    #[test]
    fn the_last_success_before_the_newest_release_is_chosen() {
        assert_eq!(best(3, &[entry(3, Successful), entry(2, RolledBack), entry(1, Successful)]), Some(1));
        assert_eq!(best(1, &[entry(1, Successful)]), None);
    }

    #[test]
    fn a_service_that_was_put_back_already_stays() {
        assert_eq!(best(2, &[entry(3, RolledBack), entry(2, Successful), entry(1, Successful)]), Some(2));
    }

    #[test]
    fn rolling_back_twice_does_not_go_forward_again() {
        assert_eq!(best(1, &[entry(1, Successful), entry(2, Successful), entry(1, Successful)]), Some(1));
    }

    #[test]
    fn revisions_are_numbers_or_named() {
        assert_eq!("12".parse::<RevisionChoice>().expect("valid"), RevisionChoice::Number(12));
        let named = RevisionChoice::Revision { family: "alpha-gunicorn".to_owned(), revision: 3 };
        assert_eq!("alpha-gunicorn:3".parse::<RevisionChoice>().expect("valid"), named);
        for bad in ["", "0", "x", ":3", "a:", "a:x", "-1"] {
            assert!(bad.parse::<RevisionChoice>().is_err(), "{bad}");
        }
    }
}
