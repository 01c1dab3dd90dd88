//! The end of an environment.

use std::ffi::OsString;
use std::path::PathBuf;

use adhoc_core::{Context, DestroyedWorkspace, EnvironmentName, Error, Result};

use super::TerraformWorkspaces;
use super::open::{Opened, option, relative};
use crate::kit;
use crate::stream::{Collector, Message};

/// How many of the resources that are left an error names.
const NAMED: usize = 5;

pub(super) async fn destroy(
    at: &TerraformWorkspaces,
    cx: &Context,
    environment: &EnvironmentName,
) -> Result<DestroyedWorkspace> {
    let opened = at.open(cx, environment, "destroy").await?;
    if !opened.existed {
        opened.folder.remove();
        return Ok(DestroyedWorkspace::new(environment, false, 0));
    }
    // With nothing left no variable has to resolve, and nothing can stop the clean-up.
    let empty = opened.resources(cx).await?.is_empty();
    let destroyed = match empty {
        true => 0,
        false => cx.step_to_its_end("destroy", opened.destroy_resources(cx)).await?,
    };
    cx.step_to_its_end("delete workspace", opened.delete_empty_workspace(cx)).await?;
    at.initialised().remove(&opened.folder.data_dir());
    opened.folder.remove();
    Ok(DestroyedWorkspace::new(environment, true, destroyed))
}

impl Opened<'_> {
    async fn destroy_resources(&self, cx: &Context) -> Result<u64> {
        let variables = self.variables_that_resolve(cx).await?;
        let mut arguments: Vec<OsString> =
            ["destroy", "-json", "-auto-approve", "-input=false"].map(OsString::from).into();
        arguments.push(option("-var-file=", &variables));
        let mut collector = Collector::new(cx, &self.environment, true);
        let run = self.run(arguments);
        let ended = run.outliving(cx, &self.folder.log(), |line| collector.take(Message::parse(line))).await?;
        Ok(self.ensure_changed(&ended, "destroy", &collector)?.destroy)
    }

    /// Verifies that nothing is left, and deletes the workspace.
    async fn delete_empty_workspace(&self, cx: &Context) -> Result<()> {
        let left = self.resources(cx).await?;
        if left.is_empty() {
            return self.delete_workspace(cx).await;
        }
        let named = left.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
        let more = if left.len() > NAMED { ", ..." } else { "" };
        Err(Error::terraform(
            "destroy",
            self.environment.as_str(),
            format!("{} left in the state: {named}{more}", left.len()),
        )
        .with_hint(format!("run `adhoc destroy {}` again", self.environment)))
    }

    /// A var file with which every variable has a value, relative to the configuration: the environment's own, else what its
    /// last apply used.
    pub(super) async fn variables_that_resolve(&self, cx: &Context) -> Result<PathBuf> {
        let at = self.workspaces;
        let missing = match at.read_var_file(&self.environment) {
            Ok(_) => return Ok(at.var_file(&self.environment)),
            Err(error @ Error::NotFound(_)) => error,
            Err(error) => return Err(error),
        };
        match kit::find(self, cx).await? {
            Some(kit) => {
                cx.hint(format!(
                    "{} has no var file any more: the variables of its last apply are used",
                    self.environment
                ));
                Ok(relative(&at.dir, &kit))
            }
            None => Err(missing),
        }
    }
}
