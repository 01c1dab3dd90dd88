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
const ERRORED_STATE: &str = "errored.tfstate";

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
    let ended = run.lines(cx, |line| collector.take(Message::parse(line))).await?;
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
        let mut error = self.failure(ended, operation, collector);
        let counts = collector.counts();
        let changed = counts.add + counts.change + counts.destroy + counts.import;
        if changed > 0 {
            let what = if changed == 1 { "resource was" } else { "resources were" };
            error = error.with_left_behind(format!("{changed} {what} changed before, as the state says"));
        }
        if ended.signal().is_some() {
            let unfinished = collector.unfinished();
            error = unfinished.iter().fold(error, |error, address| {
                error.with_left_behind(format!("{address} was in the making, and may exist without the state knowing"))
            });
        }
        Err(match lost_state(collector.errors()) {
            true => self.keep_lost_state(error),
            false => error,
        })
    }

    /// Puts a state that Terraform could not save where no other environment's can overwrite it.
    fn keep_lost_state(&self, error: Error) -> Error {
        let at = self.workspaces;
        let (from, to) = (at.dir.join(ERRORED_STATE), self.folder.errored_state());
        // A link fails where the target is there; a rename would overwrite it.
        let kept = fs::hard_link(&from, &to).and_then(|()| fs::remove_file(&from));
        let file = relative(&at.dir, if kept.is_ok() { &to } else { &from });
        let way_back = at.way_back(&self.environment, &self.folder, &file);
        error.with_left_behind(format!("the state that could not be saved, in {}", at.shown(&file))).with_hint(way_back)
    }
}
