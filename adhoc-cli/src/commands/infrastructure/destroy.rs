use std::collections::BTreeSet;

use adhoc_core::{Family, PlanPurpose, PlanRequest, Result, Workspaces};
use adhoc_ecs::{Ecs, Environment};
use serde_json::Value;

use super::driver::Root;
use super::{Site, confirm, ensure_answerable};
use crate::aws;
use crate::reporters::DestroyReport;

/// The output with the names of all task families of an environment, where a configuration has one.
const FAMILIES_OUTPUT: &str = "task_families";

/// `adhoc destroy`, `adhoc shared destroy` and `adhoc bootstrap destroy`.
pub(super) async fn destroy(site: &Site<'_>) -> Result<DestroyReport> {
    let (cx, workspaces, environment) = (site.cx, &site.driver.workspaces, &site.environment);
    ensure_answerable(site.global)?;
    let _held = workspaces.hold(cx, environment, "destroy")?;
    let mut destroyed = 0;
    if workspaces.list(cx).await?.contains(environment) {
        let families = families(site).await?;
        destroyed = destroy_resources(site).await?;
        if site.root == Root::Environments {
            retire(site, families).await;
        }
    }
    // What is left now is at most an empty workspace, or what appeared meanwhile.
    let gone = workspaces.destroy(cx, environment).await?;
    let environment = environment.to_string();
    Ok(DestroyReport { environment, existed: gone.existed, destroyed: destroyed + gone.destroyed })
}

/// Destroys what the state has, once that is agreed to. An empty state may be the wrong one, and is asked about, too.
async fn destroy_resources(site: &Site<'_>) -> Result<u64> {
    let (cx, workspaces, environment) = (site.cx, &site.driver.workspaces, &site.environment);
    if workspaces.state_list(cx, environment).await?.is_empty() {
        let question = format!("The state of {environment} has no resources. Delete its workspace?");
        return confirm(cx, site.global, &question).await.map(|()| 0);
    }
    let request = PlanRequest::new(environment.clone(), PlanPurpose::Apply).with_destroy(true);
    let plan = workspaces.plan(cx, &request).await?;
    let question = format!("Destroy {environment}, with everything in it?");
    if let Err(error) = confirm(cx, site.global, &question).await {
        site.forget(&plan).await;
        return Err(error);
    }
    Ok(workspaces.apply(cx, &plan).await?.counts.destroy)
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
