use std::fs;

use adhoc_core::{Error, PlanPurpose, PlanRequest, Result, Workspaces};

use super::{Site, result};
use crate::args::PlanOptions;
use adhoc_terraform::Drift;

use crate::reporters::{DriftReport, PlanReport, count, plan_markdown};

/// `adhoc plan` and `adhoc shared plan`.
pub(super) async fn plan(site: &Site<'_>, options: &PlanOptions) -> Result<serde_json::Value> {
    let (cx, workspaces) = (site.cx, &site.driver.workspaces);
    if options.drift {
        let drift = workspaces.drift(cx, &site.environment).await?;
        if !drift.unapplied.is_empty() {
            let changes = count(drift.unapplied.len(), "change");
            cx.hint(format!("the configuration has {changes} that are not applied yet: `adhoc plan` shows them"));
        }
        let Drift { environment, drifted: pending, out_of_band, .. } = drift;
        return result(&DriftReport { environment, pending, out_of_band });
    }
    let purpose = options.out.clone().map_or(PlanPurpose::Look, PlanPurpose::Keep);
    let request = PlanRequest::new(site.environment.clone(), purpose).with_destroy(options.destroy);
    let plan = workspaces.plan(cx, &request).await?;
    if let Some(path) = &options.markdown {
        fs::write(path, plan_markdown(&plan))
            .map_err(|error| Error::invalid("", path.display().to_string(), "cannot be written").with_source(error))?;
    }
    result(&PlanReport { plan })
}
