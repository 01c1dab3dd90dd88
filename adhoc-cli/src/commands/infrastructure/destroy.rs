use std::collections::BTreeSet;

use adhoc_core::{Family, InfrastructurePlan, PlanPurpose, PlanRequest, Result, Workspaces};
use adhoc_ecs::{Ecs, Environment};
use serde_json::Value;

use super::driver::Root;
use super::{Site, confirm, ensure_answerable};
use crate::aws;
use crate::reporters::DestroyReport;

/// The output with the names of all task families of an environment, where a configuration has one.
const FAMILIES_OUTPUT: &str = "task_families";

/// A destroy that was agreed to.
pub(super) struct Prepared {
    /// What to apply; none if the state has no resources.
    plan: Option<InfrastructurePlan>,
    /// Whose revisions go with it.
    families: BTreeSet<Family>,
}

/// `adhoc shared destroy` and `adhoc bootstrap destroy`.
pub(super) async fn destroy(site: &Site<'_>) -> Result<DestroyReport> {
    let (cx, workspaces, environment) = (site.cx, &site.driver.workspaces, &site.environment);
    ensure_answerable(site.global)?;
    let _held = workspaces.hold(cx, environment, "destroy")?;
    let destroyed = match prepare(site).await? {
        Some(prepared) => carry_out(site, prepared).await?,
        None => 0,
    };
    // What is left now is at most an empty workspace, or what appeared meanwhile.
    let gone = workspaces.destroy(cx, environment).await?;
    let environment = environment.to_string();
    Ok(DestroyReport { environment, existed: gone.existed, destroyed: destroyed + gone.destroyed, database: None })
}

/// Plans to destroy what the state has, and asks. None if there is no workspace. The environment has to be held.
pub(super) async fn prepare(site: &Site<'_>) -> Result<Option<Prepared>> {
    let (cx, workspaces, environment) = (site.cx, &site.driver.workspaces, &site.environment);
    if !workspaces.list(cx).await?.contains(environment) {
        return Ok(None);
    }
    let families = families(site).await?;
    if workspaces.state_list(cx, environment).await?.is_empty() {
        // An empty state may be the wrong one, and is asked about, too.
        let question = format!("The state of {environment} has no resources. Delete its workspace?");
        confirm(cx, site.global, &question).await?;
        return Ok(Some(Prepared { plan: None, families }));
    }
    let request = PlanRequest::new(environment.clone(), PlanPurpose::Apply).with_destroy(true);
    let plan = workspaces.plan(cx, &request).await?;
    let question = format!("Destroy {environment}, with everything in it?");
    if let Err(error) = confirm(cx, site.global, &question).await {
        site.forget(&plan).await;
        return Err(error);
    }
    Ok(Some(Prepared { plan: Some(plan), families }))
}

/// Destroys what was agreed to, and gives the number of resources.
pub(super) async fn carry_out(site: &Site<'_>, prepared: Prepared) -> Result<u64> {
    let destroyed = match &prepared.plan {
        Some(plan) => site.driver.workspaces.apply(site.cx, plan).await?.counts.destroy,
        None => 0,
    };
    if site.root == Root::Environments {
        retire(site, prepared.families).await;
    }
    Ok(destroyed)
}

/// Forgets what was agreed to and is not going to happen now.
pub(super) async fn abandon(site: &Site<'_>, prepared: &Prepared) {
    if let Some(plan) = &prepared.plan {
        site.forget(plan).await;
    }
}

/// The environment's task families: those that the configuration tells, and those of the components.
async fn families(site: &Site<'_>) -> Result<BTreeSet<Family>> {
    let conventions = &site.config.conventions;
    let roles = conventions.components.values().flat_map(adhoc_core::Component::roles);
    let mut families: BTreeSet<Family> = roles.map(|role| conventions.family(&site.environment, role)).collect();
    let outputs = site.driver.workspaces.outputs(site.cx, &site.environment).await?;
    let told: Vec<Value> = match outputs.get(FAMILIES_OUTPUT).map(|output| output.value.clone()) {
        Some(Value::Array(names)) => names,
        Some(Value::Object(names)) => names.into_iter().map(|(_, name)| name).collect(),
        _ => Vec::new(),
    };
    families.extend(told.iter().filter_map(Value::as_str).map(Family::new));
    Ok(families)
}

/// Deregisters the revisions that updates have made: Terraform knows only its own. They cost nothing, so that they stay is no
/// reason to fail.
async fn retire(site: &Site<'_>, families: BTreeSet<Family>) {
    let environment = Environment::new(site.environment.clone(), site.config.conventions.clone());
    let retired = match aws::sdk_config(site.global, site.config).await {
        Ok(sdk) => adhoc_ecs::retire(site.cx, &Ecs::on_aws(&sdk), &environment, families).await,
        Err(error) => Err(error),
    };
    if let Err(error) = retired {
        site.cx.hint(format!("revisions of task definitions may be left: {}", error.chain().join(": ")));
    }
}
