use adhoc_core::{PlanPurpose, PlanRequest, Result, Workspaces};
use adhoc_ecs::{Ecs, Environment};

use super::driver::Root;
use super::{Site, confirm, ensure_answerable};
use crate::aws;
use crate::reporters::DestroyReport;

/// `adhoc destroy`, `adhoc shared destroy` and `adhoc bootstrap destroy`.
pub(super) async fn destroy(site: &Site<'_>) -> Result<DestroyReport> {
    let (cx, workspaces, environment) = (site.cx, &site.driver.workspaces, &site.environment);
    ensure_answerable(site.global)?;
    let exists = workspaces.list(cx).await?.contains(environment);
    let mut destroyed = 0;
    if exists && !workspaces.state_list(cx, environment).await?.is_empty() {
        let request = PlanRequest::new(environment.clone(), PlanPurpose::Apply).with_destroy(true);
        let plan = workspaces.plan(cx, &request).await?;
        let question = format!("Destroy {environment}, with everything in it?");
        if let Err(error) = confirm(cx, site.global, &question).await {
            site.forget(&plan).await;
            return Err(error);
        }
        destroyed = workspaces.apply(cx, &plan).await?.counts.destroy;
    }
    if exists {
        retire(site).await;
    }
    // What is left now is at most an empty workspace, or what appeared meanwhile.
    let gone = workspaces.destroy(cx, environment).await?;
    let environment = environment.to_string();
    Ok(DestroyReport { environment, existed: gone.existed, destroyed: destroyed + gone.destroyed })
}

/// Deregisters the revisions that updates have made: Terraform knows only its own. They cost nothing, so that they stay is no
/// reason to fail.
async fn retire(site: &Site<'_>) {
    if site.root != Root::Environments {
        return;
    }
    let environment = Environment::new(site.environment.clone(), site.config.conventions.clone());
    let retired = match aws::sdk_config(site.global, site.config).await {
        Ok(sdk) => adhoc_ecs::retire(site.cx, &Ecs::on_aws(&sdk), &environment).await,
        Err(error) => Err(error),
    };
    if let Err(error) = retired {
        site.cx.hint(format!("revisions of task definitions that updates have registered may be left: {error}"));
    }
}
