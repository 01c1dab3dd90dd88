use std::fs;
use std::path::Path;

use adhoc_core::{Error, Event, InfrastructurePlan, PlanPurpose, PlanRequest, ResourceAction, Result, Workspaces};

use adhoc_terraform::VARIABLES_OUTPUT;

use super::settings::{Edited, Setting, parsed};
use super::var_file::Begun;
use super::{Site, confirm, result};
use crate::args::CreateOptions;
use crate::reporters::ApplyReport;

/// Brings infrastructure to what is configured. The var file starts as `template` if there is none. The environment has to be
/// held: from the edit of the var file to its apply, no other run may come between.
pub(super) async fn create(
    site: &Site<'_>,
    options: &CreateOptions,
    settings: &[Setting],
    template: Option<&Path>,
) -> Result<ApplyReport> {
    let workspaces = &site.driver.workspaces;
    let plan = match &options.plan {
        Some(_) => agreed_plan(site, options).await?,
        None => {
            let begun = Begun::from(site, template)?;
            let planned = async {
                let edited = Edited::set(site, settings)?;
                // Once it is agreed to, the world may follow the new values: then they stay.
                agreed_plan(site, options).await.map_err(|error| edited.undo(error))
            };
            planned.await.map_err(|error| begun.undo(error))?
        }
    };
    let counts = match plan.has_changes {
        true => workspaces.apply(site.cx, &plan).await?.counts,
        false => {
            workspaces.settle(site.cx, &plan).await?;
            plan.counts
        }
    };
    let mut outputs = workspaces.outputs(site.cx, &site.environment).await?;
    // For us, not for people.
    outputs.remove(VARIABLES_OUTPUT);
    Ok(ApplyReport { environment: site.environment.to_string(), counts, outputs, changed: plan.has_changes })
}

/// `adhoc shared create`, and the first part of `adhoc bootstrap create`.
pub(super) async fn alone(site: &Site<'_>, options: &CreateOptions) -> Result<ApplyReport> {
    let settings = parsed(&options.settings.set)?;
    let _held = site.driver.workspaces.hold(site.cx, &site.environment, "create")?;
    create(site, options, &settings, None).await
}

/// A plan that may be applied: given, or made, shown, and agreed to where it destroys something.
async fn agreed_plan(site: &Site<'_>, options: &CreateOptions) -> Result<InfrastructurePlan> {
    let (cx, workspaces) = (site.cx, &site.driver.workspaces);
    if let Some(file) = &options.plan {
        // Whoever kept it has seen it.
        let plan = workspaces.open_plan(cx, file, &site.environment).await?;
        if plan.destroy {
            return Err(Error::invalid("", file.display().to_string(), "is a plan to destroy everything")
                .with_hint(format!("`adhoc destroy {}` plans for itself", site.environment)));
        }
        cx.emit(Event::InfrastructurePlan(Box::new(plan.clone())));
        return Ok(plan);
    }
    let plan = workspaces.plan(cx, &PlanRequest::new(site.environment.clone(), PlanPurpose::Apply)).await?;
    match destructive(&plan) {
        0 => Ok(plan),
        count => {
            let question = format!("Destroy {}, as planned?", crate::reporters::count(count, "resource"));
            match confirm(cx, site.global, &question).await {
                Ok(()) => Ok(plan),
                Err(error) => {
                    site.forget(&plan).await;
                    Err(error)
                }
            }
        }
    }
}

/// How many resources a plan destroys, those included that are made again.
fn destructive(plan: &InfrastructurePlan) -> usize {
    let listed = plan.changes.iter();
    let listed =
        listed.filter(|change| matches!(change.action, ResourceAction::Delete | ResourceAction::Replace)).count();
    listed.max(usize::try_from(plan.counts.destroy).unwrap_or(usize::MAX))
}

/// `adhoc bootstrap create`: makes the place for the states, and tells the other configurations of it.
pub(super) async fn bootstrap(site: &Site<'_>, options: &CreateOptions) -> Result<serde_json::Value> {
    let mut report = alone(site, options).await?;
    let terraform = &site.config.terraform;
    for (output, dir) in [("backend_config_shared", &terraform.shared_dir), ("backend_config_ad_hoc", &terraform.dir)] {
        // A bootstrap of the user's own may have no such output.
        let settings = report.outputs.remove(output);
        if let Some(settings) = settings.as_ref().and_then(|settings| settings.as_str()) {
            write_backend_config(site, settings, &dir.join(&terraform.backend_config))?;
        }
    }
    result(&report)
}

/// Writes the settings of a backend, unless somebody has done so.
fn write_backend_config(site: &Site<'_>, settings: &str, path: &Path) -> Result<()> {
    if path.exists() || !path.parent().is_some_and(Path::is_dir) {
        return Ok(());
    }
    fs::write(path, settings).map_err(|error| {
        Error::terraform("", path.display().to_string(), "cannot be written")
            .with_source(error)
            .with_left_behind("everything that was planned")
    })?;
    site.cx.hint(format!("{} says where the states are: commit it", path.display()));
    Ok(())
}
