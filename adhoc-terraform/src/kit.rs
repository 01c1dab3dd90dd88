//! What is needed to destroy an environment whose var file is gone: the variables of its last apply.
//!
//! Terraform wants every variable to have a value even where nothing is left to destroy
//! (<https://github.com/hashicorp/terraform/issues/23552>).

use std::collections::BTreeMap;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use adhoc_core::{Context, Error, Result};
use serde::Deserialize;
use serde_json::Value;

use crate::folder::{unwritable, write_private};
use crate::workspaces::Opened;

/// The output of a configuration that holds the variables with which it can be destroyed, for machines that have never
/// applied it: an object by name.
pub const VARIABLES_OUTPUT: &str = "adhoc_variables";

/// The part of a plan's JSON that is read; the rest, which can be hundreds of megabytes, is skipped.
#[derive(Deserialize)]
struct ShownPlan {
    #[serde(default)]
    variables: BTreeMap<String, ShownVariable>,
}

#[derive(Deserialize)]
struct ShownVariable {
    #[serde(default)]
    value: Value,
}

/// Keeps the variables of a saved plan.
pub(crate) async fn store(opened: &Opened<'_>, cx: &Context, plan: &Path) -> Result<()> {
    let run = opened.run(["show", "-json"].map(Path::new).into_iter().chain([plan]));
    let read = |file| serde_json::from_reader::<_, ShownPlan>(BufReader::new(file)).map_err(io::Error::from);
    let (ended, shown) = run.read(cx, read).await?;
    opened.workspaces.ensure_succeeded(&ended, "read the plan", Some(opened))?;
    let shown = shown.map_err(|error| {
        Error::terraform("read the plan", opened.environment.as_str(), "is not JSON as Terraform writes it")
            .with_source(error)
    })?;
    write(opened, shown.variables.into_iter().map(|(name, variable)| (name, variable.value)).collect())
}

/// What the outputs of the last apply say, wherever it ran, over what this machine has kept; none if there is neither.
pub(crate) async fn find(opened: &Opened<'_>, cx: &Context) -> Result<Option<PathBuf>> {
    let path = opened.folder.kit();
    let kept = std::fs::read(&path).ok().and_then(|text| serde_json::from_slice(&text).ok());
    let mut variables: BTreeMap<String, Value> = kept.unwrap_or_default();
    let outputs = opened.outputs(cx).await?;
    if let Some(Value::Object(told)) = outputs.get(VARIABLES_OUTPUT).map(|output| output.value.clone()) {
        variables.extend(told);
    } else if variables.is_empty() && !path.is_file() {
        return Ok(None);
    }
    write(opened, variables)?;
    Ok(Some(path))
}

fn write(opened: &Opened<'_>, mut variables: BTreeMap<String, Value>) -> Result<()> {
    // A variable without a value is one that was not set.
    variables.retain(|_, value| !value.is_null());
    let path = opened.folder.kit();
    let text = serde_json::to_vec_pretty(&variables).unwrap_or_default();
    write_private(&path, &text).map_err(|error| unwritable(&path, error))
}
