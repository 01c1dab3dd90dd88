//! A guard between plan and apply: no run may destroy a database or a bucket, whatever the configuration says.
//!
//! The plan is plain data, so a rule of one's own is a function over it. It runs on workspaces in memory here; on a real
//! account they come from `adhoc_terraform::TerraformWorkspaces`, and the pipeline stays as it is.
#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use std::sync::Arc;

use adhoc_core::testing::FakeWorkspaces;
use adhoc_core::{
    Context, EnvironmentName, Error, InfrastructurePlan, NullSink, PlanPurpose, PlanRequest, ResourceAction, Result,
    SystemClock, Workspaces,
};

/// What holds data that nobody can make again.
const PRECIOUS: [&str; 2] = ["aws_db_instance", "aws_s3_bucket"];

/// Plans, asks the guard, and applies.
async fn apply_guarded(cx: &Context, workspaces: &dyn Workspaces, request: &PlanRequest) -> Result<u64> {
    let plan = workspaces.plan(cx, request).await?;
    cx.step("guard", async { guard(&plan) }).await?;
    let counts = workspaces.apply(cx, &plan).await?.counts;
    Ok(counts.add + counts.change + counts.destroy)
}

/// Refuses a plan that destroys, or replaces, something precious; and one too long to be judged.
fn guard(plan: &InfrastructurePlan) -> Result<()> {
    if plan.omitted > 0 {
        return Err(Error::rejected("guard", plan.environment.as_str(), "the plan is too long to be looked through"));
    }
    let gone = |action| matches!(action, ResourceAction::Delete | ResourceAction::Replace);
    let found = plan.changes.iter().find(|change| gone(change.action) && PRECIOUS.contains(&change.kind.as_str()));
    match found {
        None => Ok(()),
        Some(change) => {
            Err(Error::rejected("guard", plan.environment.as_str(), format!("{} holds data", change.address))
                .with_hint("empty it first, and take it out of the state by hand"))
        }
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let cx = Context::new(Arc::new(SystemClock::new()), Arc::new(NullSink));
    let workspaces = FakeWorkspaces::new(&["aws_ecs_cluster.this", "aws_s3_bucket.media"]);
    let alpha: EnvironmentName = "alpha".parse()?;

    let create = PlanRequest::new(alpha.clone(), PlanPurpose::Apply);
    println!("create:  {} resources changed", apply_guarded(&cx, &workspaces, &create).await?);

    let destroy = PlanRequest::new(alpha.clone(), PlanPurpose::Apply).with_destroy(true);
    match apply_guarded(&cx, &workspaces, &destroy).await {
        Err(error) => println!("destroy: refused: {error}"),
        Ok(_) => return Err(Error::internal("guard", "alpha", "let the bucket go")),
    }
    println!("alpha still has {:?}", workspaces.resources(&alpha).unwrap_or_default());
    Ok(())
}
