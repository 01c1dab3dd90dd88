//! Plans.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use adhoc_core::{
    CancellationToken, Context, EnvironmentName, Error, Event, InfrastructurePlan, PlanPurpose, PlanRequest, Result,
};

use super::TerraformWorkspaces;
use super::open::{Opened, option};
use crate::folder::{Folder, PLAN, make_private, unwritable};
use crate::kit;
use crate::seal::{self, Inputs, Seal};
use crate::stream::{Collector, Message};

/// What a run of `terraform plan` is given.
#[derive(Clone, Copy)]
pub(super) struct Planning<'a> {
    /// The var file, relative to the configuration.
    pub(super) variables: &'a Path,
    pub(super) destroy: bool,
    pub(super) refresh_only: bool,
    /// Where the plan is saved.
    pub(super) out: Option<&'a Path>,
}

pub(super) async fn plan(at: &TerraformWorkspaces, cx: &Context, request: &PlanRequest) -> Result<InfrastructurePlan> {
    if !request.destroy {
        at.read_var_file(&request.environment)?;
    }
    let opened = at.open(cx, &request.environment, PLAN).await?;
    if request.destroy {
        opened.ensure_exists()?;
    }
    let result = cx.step_to_its_end("plan", plan_opened(&opened, cx, request)).await;
    if opened.is_new && (result.is_err() || request.purpose == PlanPurpose::Look) {
        // Made for this plan alone; and it goes even if the plan was interrupted.
        let uninterrupted = cx.clone().with_cancellation(CancellationToken::new());
        if let Err(error) = opened.delete_workspace(&uninterrupted).await {
            cx.hint(format!(
                "the workspace {}, made for this plan, could not be removed: {error}",
                request.environment
            ));
        }
    }
    let plan = result?;
    opened.hold()?.state_was_free();
    cx.emit(Event::InfrastructurePlan(Box::new(plan.clone())));
    Ok(plan)
}

async fn plan_opened(opened: &Opened<'_>, cx: &Context, request: &PlanRequest) -> Result<InfrastructurePlan> {
    opened.make_workspace(cx).await?;
    let variables = match request.destroy {
        true => opened.variables_that_resolve(cx).await?,
        false => opened.workspaces.var_file(&request.environment),
    };
    let out = match &request.purpose {
        PlanPurpose::Keep(path) => Some(std::path::absolute(path).unwrap_or_else(|_| path.clone())),
        PlanPurpose::Apply => Some(opened.folder.plan()),
        _ => None,
    };
    let planning =
        Planning { variables: &variables, destroy: request.destroy, refresh_only: false, out: out.as_deref() };
    match out.as_deref() {
        None => planning.run(opened, cx).await,
        Some(out) => save(opened, cx, &planning, out).await,
    }
}

/// Plans into a file that nobody else can read, and seals it. What was there stays until all of that has gone well.
async fn save(opened: &Opened<'_>, cx: &Context, planning: &Planning<'_>, out: &Path) -> Result<InfrastructurePlan> {
    let unfinished = PathBuf::from(format!("{}.unfinished", out.display()));
    make_private(&unfinished).map_err(|error| unwritable(&unfinished, error))?;
    let sealed = seal(opened, cx, planning, (&unfinished, out)).await;
    if sealed.is_err() {
        let _ = fs::remove_file(&unfinished);
    }
    sealed
}

async fn seal(
    opened: &Opened<'_>,
    cx: &Context,
    planning: &Planning<'_>,
    (unfinished, out): (&Path, &Path),
) -> Result<InfrastructurePlan> {
    let at = opened.workspaces;
    let revision = at.revision(cx).await;
    let before = Inputs::read(&at.dir, planning.variables, revision.clone())?;
    let planning = Planning { out: Some(unfinished), ..*planning };
    let mut plan = planning.run(opened, cx).await?;
    before.ensure_same(&Inputs::read(&at.dir, planning.variables, revision)?, &opened.environment)?;
    plan.reference = Some(out.display().to_string());
    let made = (cx.clock().now(), at.version(cx).await?.to_string());
    let seal = Seal::new(&plan, unfinished, planning.variables, before, made)?.of_new_workspace(opened.is_new);
    fs::rename(unfinished, out).map_err(|error| unwritable(out, error))?;
    seal.write(out)?;
    Ok(plan)
}

impl Planning<'_> {
    pub(super) async fn run(&self, opened: &Opened<'_>, cx: &Context) -> Result<InfrastructurePlan> {
        let mut collector = Collector::new(cx, &opened.environment, self.destroy);
        let run = opened.run(self.arguments());
        let ended = run.lines(cx, |line| collector.take(Message::parse(line))).await?;
        // https://developer.hashicorp.com/terraform/cli/commands/plan#detailed-exitcode
        let has_changes = match ended.code() {
            Some(0) => false,
            Some(2) => true,
            _ => return Err(opened.failure(&ended, "plan", &collector)),
        };
        let mut plan = collector.plan();
        plan.has_changes = has_changes;
        Ok(plan)
    }

    fn arguments(&self) -> Vec<OsString> {
        let mut arguments: Vec<OsString> =
            ["plan", "-json", "-input=false", "-detailed-exitcode"].map(OsString::from).into();
        arguments.push(option("-var-file=", self.variables));
        arguments.extend(self.destroy.then(|| "-destroy".into()));
        arguments.extend(self.refresh_only.then(|| "-refresh-only".into()));
        arguments.extend(self.out.map(|out| option("-out=", out)));
        arguments
    }
}

impl TerraformWorkspaces {
    /// A plan that was kept in a file, if it is for `environment` and nothing that it depends on has changed.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] without the file, [`Error::Invalid`] for another environment's plan or one without a seal,
    /// [`Error::Terraform`] for one that does not fit any more.
    pub async fn open_plan(
        &self,
        cx: &Context,
        file: &Path,
        environment: &EnvironmentName,
    ) -> Result<InfrastructurePlan> {
        let file = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
        let seal = Seal::read(&file, environment)?;
        seal.ensure_unchanged(&file, &Inputs::read(&self.dir, seal.var_file(), self.revision(cx).await)?)?;
        let mut plan = seal.plan;
        plan.reference = Some(file.display().to_string());
        Ok(plan)
    }

    /// Keeps what a plan that changes nothing was made with, as an apply would, so that the environment can be destroyed without
    /// its var file; and forgets the plan, unless it is kept in a file of the user's. The workspace stays.
    ///
    /// # Errors
    ///
    /// Those of reading the plan.
    pub async fn settle(&self, cx: &Context, plan: &InfrastructurePlan) -> Result<()> {
        let environment: EnvironmentName = plan.environment.parse()?;
        let Some(file) = plan.reference.as_deref().map(Path::new) else { return Ok(()) };
        let opened = self.open(cx, &environment, "settle").await?;
        let stored = kit::store(&opened, cx, file).await;
        if file == opened.folder.plan() {
            seal::remove(file);
        }
        stored
    }

    /// Forgets a plan that is not going to be applied, and the workspace, if it was made for it. A plan that is kept in a file
    /// of the user's stays.
    ///
    /// # Errors
    ///
    /// Those of deleting the workspace.
    pub async fn discard(&self, cx: &Context, plan: &InfrastructurePlan) -> Result<()> {
        let environment: EnvironmentName = plan.environment.parse()?;
        let file = Folder::new(&self.dir, &environment).plan();
        if plan.reference.as_deref().map(Path::new) != Some(&file) {
            return Ok(());
        }
        let made_for_it = Seal::read(&file, &environment).is_ok_and(|seal| seal.workspace_is_new);
        seal::remove(&file);
        if !made_for_it {
            return Ok(());
        }
        // It may have been the answer to a question, by Ctrl-C.
        let cx = cx.clone().with_cancellation(CancellationToken::new());
        let opened = self.open(&cx, &environment, "discard").await?;
        match opened.resources(&cx).await?.is_empty() {
            true => opened.delete_workspace(&cx).await,
            false => Err(Error::terraform("discard", environment.as_str(), "its workspace is in use by now")),
        }
    }
}
