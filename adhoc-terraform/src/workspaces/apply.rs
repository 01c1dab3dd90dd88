//! Applies.

use std::fs;
use std::path::Path;

use adhoc_core::{AppliedPlan, Context, EnvironmentName, Error, InfrastructurePlan, Result};

use super::TerraformWorkspaces;
use super::open::{Opened, relative};
use crate::failure::lost_state;
use crate::kit;
use crate::process::Ended;
use crate::seal::{self, Inputs, Seal};
use crate::stream::{Collector, Message};

/// Where Terraform writes a state that it could not save.
pub(super) const ERRORED_STATE: &str = "errored.tfstate";

pub(super) async fn apply(at: &TerraformWorkspaces, cx: &Context, plan: &InfrastructurePlan) -> Result<AppliedPlan> {
    let environment: EnvironmentName = plan.environment.parse()?;
    let Some(file) = plan.reference.as_deref().map(Path::new) else {
        return Err(Error::invalid("apply", environment.as_str(), "the plan was only looked at, and not kept"));
    };
    let seal = Seal::read(file, &environment)?;
    let opened = at.open(cx, &environment, "apply").await?;
    opened.ensure_exists()?;
    seal.ensure_unchanged(file, &Inputs::read(&at.dir, seal.var_file(), at.revision(cx).await)?)?;
    let result = cx.step_to_its_end("apply", apply_opened(&opened, cx, &seal, file)).await;
    if file == opened.folder.plan() {
        // It holds every value in clear, and cannot be applied a second time.
        seal::remove(file);
    }
    result
}

async fn apply_opened(opened: &Opened<'_>, cx: &Context, seal: &Seal, file: &Path) -> Result<AppliedPlan> {
    if !seal.plan.destroy {
        kit::store(opened, cx, file).await?;
    }
    let mut collector = Collector::new(cx, &opened.environment, seal.plan.destroy);
    let run = opened.run(["apply", "-json", "-input=false"].map(Path::new).into_iter().chain([file]));
    let ended = run.outliving(cx, &opened.folder.log(), |line| collector.take(Message::parse(line))).await?;
    let counts = opened.ensure_changed(&ended, "apply", &collector)?;
    Ok(AppliedPlan::new(&opened.environment, counts))
}

impl Opened<'_> {
    /// What a run changed, or why it failed and what it left.
    pub(super) fn ensure_changed(
        &self,
        ended: &Ended,
        operation: &'static str,
        collector: &Collector,
    ) -> Result<adhoc_core::ChangeCounts> {
        if ended.status.success() {
            self.hold()?.state_was_free();
            return Ok(collector.counts());
        }
        let error = self.failure(ended, operation, collector);
        let error = match ended.signal() {
            Some(_) => with_orphans(error, collector),
            None => with_progress(error, collector),
        };
        Err(match lost_state(collector.errors()) {
            true => self.keep_lost_state(error, collector),
            false => error,
        })
    }

    /// Puts a state that Terraform could not save where no other environment's can overwrite it.
    fn keep_lost_state(&self, error: Error, collector: &Collector) -> Error {
        let at = self.workspaces;
        let (from, to) = (at.dir.join(ERRORED_STATE), self.folder.errored_state());
        // Terraform writes it under one name for all environments, and another run may have been as unlucky.
        let text = fs::read_to_string(&from).unwrap_or_default();
        let ids = collector.ids();
        if !ids.is_empty() && !ids.iter().any(|id| text.contains(id.as_str())) {
            let shown = at.shown(Path::new(ERRORED_STATE));
            return with_orphans(error, collector)
                .with_left_behind(format!("the state could not be saved, and {shown} is not this environment's"));
        }
        // A link fails where the target is there; a rename would overwrite it.
        let kept = fs::hard_link(&from, &to).and_then(|()| fs::remove_file(&from));
        let file = relative(&at.dir, if kept.is_ok() { &to } else { &from });
        let way_back = at.way_back(&self.environment, &self.folder, &file);
        error.with_left_behind(format!("the state that could not be saved, in {}", at.shown(&file))).with_hint(way_back)
    }
}

/// What was done before a run ended by itself, which saves its state.
fn with_progress(error: Error, collector: &Collector) -> Error {
    let counts = collector.counts();
    match counts.add + counts.change + counts.destroy + counts.import {
        0 => error,
        1 => error.with_left_behind("1 resource was changed before, as the state says"),
        changed => error.with_left_behind(format!("{changed} resources were changed before, as the state says")),
    }
}

/// What a run was at that did not come to save its state.
fn with_orphans(error: Error, collector: &Collector) -> Error {
    let made = collector.finished().iter().map(|address| format!("{address} was changed"));
    let unfinished = collector.unfinished().into_iter().map(|address| format!("{address} was in the making"));
    made.chain(unfinished)
        .fold(error, |error, what| error.with_left_behind(format!("{what}, perhaps unknown to the state")))
}
