//! Plans: a change set for a change, the list of resources for a destroy.

use adhoc_core::{
    Check, Context, Error, Event, InfrastructurePlan, PlanPurpose, PlanRequest, ResourceAction, ResourceChange, Result,
    WaitConfig, wait_for,
};
use aws_sdk_cloudformation::operation::describe_change_set::DescribeChangeSetOutput;
use aws_sdk_cloudformation::types::{ChangeSetStatus, ChangeSetType, Stack, StackStatus};

use super::stacks::NewChangeSet;
use super::{CdkWorkspaces, change, synth};

/// What CloudFormation says where a template changes nothing. It fails the change set then, without a code.
const NO_CHANGES: [&str; 2] = ["didn't contain changes", "No updates are to be performed"];

pub(super) async fn plan(at: &CdkWorkspaces, cx: &Context, request: &PlanRequest) -> Result<InfrastructurePlan> {
    let stack = at.stacks.find(&at.stack_name(&request.environment)).await?;
    let planning = async {
        match request.destroy {
            true => plan_destroy(at, request, stack.as_ref()).await,
            false => plan_change(at, cx, request, stack.as_ref()).await,
        }
    };
    let plan = cx.step_to_its_end("plan", planning).await?;
    keep(&plan, &request.purpose)?;
    if stack.is_some() && !request.destroy {
        warn_of_counts(cx, &plan);
    }
    cx.emit(Event::InfrastructurePlan(Box::new(plan.clone())));
    Ok(plan)
}

async fn plan_destroy(at: &CdkWorkspaces, request: &PlanRequest, stack: Option<&Stack>) -> Result<InfrastructurePlan> {
    let name = at.stack_name(&request.environment);
    let arn = stack.and_then(Stack::stack_id);
    let arn = arn.ok_or_else(|| Error::not_found("plan", name, "there is no such stack"))?;
    let mut plan = InfrastructurePlan::new(&request.environment);
    plan.destroy = true;
    change::record(&mut plan, deletions(at, arn).await?);
    plan.has_changes = true;
    plan.reference = (request.purpose != PlanPurpose::Look).then(|| arn.to_owned());
    Ok(plan)
}

/// Everything that goes with a stack.
pub(super) async fn deletions(at: &CdkWorkspaces, arn: &str) -> Result<Vec<ResourceChange>> {
    let resources = at.stacks.resources(arn).await?;
    Ok(resources.into_iter().map(|(name, kind)| ResourceChange::new(name, kind, ResourceAction::Delete)).collect())
}

async fn plan_change(
    at: &CdkWorkspaces,
    cx: &Context,
    request: &PlanRequest,
    stack: Option<&Stack>,
) -> Result<InfrastructurePlan> {
    let name = at.stack_name(&request.environment);
    stack.map_or(Ok(()), |stack| ensure_changeable("plan", stack))?;
    let template = synth::template(at, cx, &request.environment).await?;
    cx.ensure_not_cancelled()?;
    let is_new = stack.is_none_or(|stack| stack.stack_status() == Some(&StackStatus::ReviewInProgress));
    let new = NewChangeSet {
        stack: &name,
        name: &format!("adhoc-{}", cx.clock().now().as_millisecond()),
        kind: if is_new { ChangeSetType::Create } else { ChangeSetType::Update },
        template,
    };
    let (change_set, arn) = at.stacks.create_change_set(new).await?;
    let planned = described(at, cx, request, &change_set).await;
    let is_kept = matches!(&planned, Ok(plan) if plan.reference.is_some());
    if !is_kept {
        clean_up(at, cx, &change_set, stack.is_none().then_some(&arn)).await;
    }
    planned
}

/// Removes a change set that nobody will execute, and the stack that was made for it alone. What cannot be removed is empty and
/// costs nothing, so that is no failure.
async fn clean_up(at: &CdkWorkspaces, cx: &Context, change_set: &str, stack: Option<&String>) {
    let mut removed = at.stacks.delete_change_set(change_set).await;
    if let Some(stack) = stack {
        removed = at.stacks.delete(stack).await;
    }
    if let Err(error) = removed {
        cx.hint(format!("what was made for this plan could not be removed: {error}"));
    }
}

async fn described(
    at: &CdkWorkspaces,
    cx: &Context,
    request: &PlanRequest,
    change_set: &str,
) -> Result<InfrastructurePlan> {
    let config = WaitConfig::new("the change set").with_timeout(at.config.timeout);
    let probe = || async { at.stacks.change_set(change_set).await };
    let made = wait_for(cx, &config, probe, &change_set_made).await?;
    let made = made.ok_or_else(|| Error::internal("plan", change_set, "a change set that is ready is not there"))?;
    let mut plan = InfrastructurePlan::new(&request.environment);
    let reason = made.status_reason().unwrap_or_default();
    if made.status() == Some(&ChangeSetStatus::Failed) {
        let nothing_to_do = NO_CHANGES.iter().any(|words| reason.contains(words));
        let failed = || Error::terraform("plan", at.stack_name(&request.environment), reason);
        return if nothing_to_do { Ok(plan) } else { Err(failed()) };
    }
    // A change set says nothing of the outputs, which may be all that changes.
    plan.has_changes = true;
    let changes = made.changes().iter().filter_map(|change| change.resource_change()).map(change::converted);
    change::record(&mut plan, changes.collect());
    plan.reference = (request.purpose != PlanPurpose::Look).then(|| change_set.to_owned());
    Ok(plan)
}

fn change_set_made(change_set: Option<&DescribeChangeSetOutput>) -> Check {
    match change_set.and_then(DescribeChangeSetOutput::status) {
        Some(ChangeSetStatus::CreateComplete | ChangeSetStatus::Failed) => Check::Ready,
        Some(status) => Check::NotYet(status.as_str().to_lowercase().replace('_', " ")),
        None => Check::NotYet("it is not there".to_owned()),
    }
}

/// Only a stack at rest can be changed.
pub(super) fn ensure_changeable(operation: &'static str, stack: &Stack) -> Result<()> {
    let name = stack.stack_name().unwrap_or_default();
    match stack.stack_status().map_or("", StackStatus::as_str) {
        "REVIEW_IN_PROGRESS" => Ok(()),
        status if status.ends_with("_IN_PROGRESS") => {
            Err(Error::locked(operation, name, format!("CloudFormation is at work on it ({status})")))
        }
        "UPDATE_ROLLBACK_FAILED" => Err(Error::terraform(operation, name, "its last rollback failed")
            .with_hint(format!("run `aws cloudformation continue-update-rollback --stack-name {name}`"))),
        status if status.starts_with("UPDATE_") || status.starts_with("IMPORT_") || status == "CREATE_COMPLETE" => {
            Ok(())
        }
        status => Err(Error::terraform(operation, name, format!("it can only be deleted ({status})"))
            .with_hint("destroy the environment, then create it again")),
    }
}

/// The plan itself; what it does lies in the account.
fn keep(plan: &InfrastructurePlan, purpose: &PlanPurpose) -> Result<()> {
    let PlanPurpose::Keep(file) = purpose else { return Ok(()) };
    let unwritable = |error: std::io::Error| {
        Error::invalid("plan", file.display().to_string(), "cannot be written").with_source(error)
    };
    let text = serde_json::to_vec_pretty(plan).map_err(std::io::Error::from).map_err(unwritable)?;
    std::fs::write(file, text).map_err(unwritable)
}

/// CloudFormation updates a service as a whole, so with the count that the template has.
fn warn_of_counts(cx: &Context, plan: &InfrastructurePlan) {
    let touched =
        |change: &&ResourceChange| change.kind == "AWS::ECS::Service" && change.action != ResourceAction::Create;
    let services: Vec<&str> = plan.changes.iter().filter(touched).map(|change| change.address.as_str()).collect();
    if !services.is_empty() {
        cx.hint(format!(
            "applying this sets the count of {} to the template's: run an update afterwards, which starts what is stopped",
            services.join(", ")
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack(status: &str) -> Stack {
        let created = aws_sdk_cloudformation::primitives::DateTime::from_secs(0);
        let stack = Stack::builder().stack_name("ublog-alpha").creation_time(created);
        stack.stack_status(StackStatus::from(status)).build()
    }

    #[test]
    fn a_stack_is_changed_only_at_rest() {
        for status in ["CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "REVIEW_IN_PROGRESS"] {
            assert!(ensure_changeable("plan", &stack(status)).is_ok(), "{status}");
        }
        for status in ["UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"] {
            assert!(matches!(ensure_changeable("plan", &stack(status)), Err(Error::Locked(_))), "{status}");
        }
        for status in ["ROLLBACK_COMPLETE", "CREATE_FAILED", "DELETE_FAILED", "UPDATE_ROLLBACK_FAILED"] {
            let error = ensure_changeable("plan", &stack(status)).expect_err(status);
            assert!(matches!(error, Error::Terraform(_)) && error.detail().hint.is_some(), "{status}: {error}");
        }
    }
}
