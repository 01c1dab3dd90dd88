//! What changes stacks.

use adhoc_core::{AppliedPlan, Context, DestroyedWorkspace, EnvironmentName, Error, InfrastructurePlan, Result};
use aws_sdk_cloudformation::types::{ExecutionStatus, Stack, StackStatus};

use super::CdkWorkspaces;
use super::follow::Operation;
use super::plan::{deletions, ensure_changeable};

const PLAN_AGAIN: &str = "plan again";

pub(super) async fn apply(at: &CdkWorkspaces, cx: &Context, plan: &InfrastructurePlan) -> Result<AppliedPlan> {
    let environment: EnvironmentName = plan.environment.parse()?;
    if !plan.has_changes {
        return Ok(AppliedPlan::new(&environment, plan.counts));
    }
    let Some(reference) = plan.reference.as_deref() else {
        return Err(Error::invalid("apply", environment.as_str(), "the plan was only looked at, and not kept"));
    };
    if plan.destroy {
        ensure_same(at, plan, reference).await?;
        destroy(at, cx, &environment).await?;
    } else {
        let executing = execute(at, cx, &environment, reference);
        cx.step_to_its_end("apply", executing).await?;
    }
    Ok(AppliedPlan::new(&environment, plan.counts))
}

/// Whether a plan to destroy still names everything that would go.
async fn ensure_same(at: &CdkWorkspaces, plan: &InfrastructurePlan, arn: &str) -> Result<()> {
    let name = format!("{}-{}", at.config.prefix, plan.environment);
    let stack = at.stacks.find(&name).await?;
    let is_that = stack.as_ref().and_then(Stack::stack_id) == Some(arn);
    if is_that && (plan.omitted > 0 || deletions(at, arn).await? == plan.changes) {
        return Ok(());
    }
    Err(Error::terraform("apply", name, "the stack is not the one that was planned for").with_hint(PLAN_AGAIN))
}

async fn execute(at: &CdkWorkspaces, cx: &Context, environment: &EnvironmentName, change_set: &str) -> Result<()> {
    let name = at.stack_name(environment);
    let found = at.stacks.change_set(change_set).await?;
    let gone =
        || Error::terraform("apply", name.as_str(), "the change set is not there any more").with_hint(PLAN_AGAIN);
    let found = found.ok_or_else(gone)?;
    if found.stack_name() != Some(name.as_str()) {
        let reason = format!("the plan is for the stack {}", found.stack_name().unwrap_or_default());
        return Err(Error::invalid("apply", name, reason));
    }
    // A change of the stack makes every other change set obsolete.
    if found.execution_status() != Some(&ExecutionStatus::Available) {
        let status = found.execution_status().map_or("unknown", ExecutionStatus::as_str);
        let reason = format!("the change set cannot be executed ({status}): the stack has changed since");
        return Err(Error::terraform("apply", name, reason).with_hint(PLAN_AGAIN));
    }
    let arn = found.stack_id().unwrap_or(&name);
    let operation = Operation::about_to_begin(at, cx, arn).await?;
    let token = found.change_set_name().unwrap_or("adhoc");
    cx.ensure_not_cancelled()?;
    at.stacks.execute(change_set, token).await?;
    operation.ended(&name).await?.ensure("apply", &name)
}

pub(super) async fn destroy(
    at: &CdkWorkspaces,
    cx: &Context,
    environment: &EnvironmentName,
) -> Result<DestroyedWorkspace> {
    let name = at.stack_name(environment);
    let Some(stack) = at.stacks.find(&name).await? else {
        return Ok(DestroyedWorkspace::new(environment, false, 0));
    };
    let arn = stack.stack_id().unwrap_or(&name);
    let resources = at.stacks.resources(arn).await?.len();
    cx.step_to_its_end("destroy", delete(at, cx, &stack, arn, &name)).await?;
    Ok(DestroyedWorkspace::new(environment, true, u64::try_from(resources).unwrap_or(u64::MAX)))
}

async fn delete(at: &CdkWorkspaces, cx: &Context, stack: &Stack, arn: &str, name: &str) -> Result<()> {
    let ended = deletion(at, cx, stack, arn).await?.ended(name).await?;
    ended.ensure("destroy", name)?;
    if !ended.kept.is_empty() {
        cx.hint(format!("the template tells to retain {}: delete that by hand", ended.kept.join(", ")));
    }
    match at.stacks.find(name).await? {
        None => Ok(()),
        Some(_) => Err(Error::terraform("destroy", name, "the stack is still there").with_hint("destroy it again")),
    }
}

/// The deletion of a stack: one under way, else a new one.
async fn deletion<'a>(at: &'a CdkWorkspaces, cx: &'a Context, stack: &Stack, arn: &'a str) -> Result<Operation<'a>> {
    if stack.stack_status() == Some(&StackStatus::DeleteInProgress) {
        return Operation::delete_under_way(at, cx, arn).await;
    }
    // Whatever else keeps a stack from being changed, it can be deleted.
    if let Err(error @ Error::Locked(_)) = ensure_changeable("destroy", stack) {
        return Err(error);
    }
    let operation = Operation::about_to_begin(at, cx, arn).await?;
    at.stacks.delete(arn).await?;
    Ok(operation)
}
