//! What there is, without changing anything.

use std::io::{self, BufReader};

use adhoc_core::{Context, EnvironmentName, Error, Outputs, Result};
use serde::{Deserialize, Serialize};

use super::TerraformWorkspaces;
use super::open::Opened;
use crate::folder::Folder;

/// A resource as the state has it, without its values, some of which are secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StateResource {
    /// Its address, such as `module.api.aws_ecs_service.this`.
    pub address: String,
    /// Its type, such as `aws_ecs_service`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether it is only read, not made.
    #[serde(rename = "mode", deserialize_with = "is_data")]
    pub is_data: bool,
}

fn is_data<'de, D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<bool, D::Error> {
    String::deserialize(deserializer).map(|mode| mode == "data")
}

/// The part of a state's JSON that is read.
#[derive(Deserialize)]
struct ShownState {
    values: Option<ShownValues>,
}

#[derive(Deserialize)]
struct ShownValues {
    root_module: Option<ShownModule>,
}

#[derive(Deserialize)]
struct ShownModule {
    #[serde(default)]
    resources: Vec<StateResource>,
    #[serde(default)]
    child_modules: Vec<ShownModule>,
}

impl ShownModule {
    fn flatten(self, into: &mut Vec<StateResource>) {
        into.extend(self.resources);
        self.child_modules.into_iter().for_each(|module| module.flatten(into));
    }
}

pub(super) async fn list(at: &TerraformWorkspaces, cx: &Context) -> Result<Vec<EnvironmentName>> {
    at.ensure_configured()?;
    let folder = Folder::of_none(&at.dir);
    folder.create()?;
    let names = at.ready(cx, &folder, None).await?;
    let mut names: Vec<EnvironmentName> = names.iter().filter_map(|name| name.parse().ok()).collect();
    names.sort();
    Ok(names)
}

pub(super) async fn outputs(at: &TerraformWorkspaces, cx: &Context, environment: &EnvironmentName) -> Result<Outputs> {
    let opened = at.open_to_look(cx, environment).await?;
    cx.step_to_its_end("outputs", opened.outputs(cx)).await
}

impl TerraformWorkspaces {
    /// The addresses of the resources that an environment's state has and that would be destroyed with it.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] without a workspace; [`Error::Terraform`].
    pub async fn state_list(&self, cx: &Context, environment: &EnvironmentName) -> Result<Vec<String>> {
        let opened = self.open_to_look(cx, environment).await?;
        cx.step_to_its_end("state", opened.resources(cx)).await
    }

    /// Everything that an environment's state has, data sources included. The state is read as a stream: only what is
    /// returned is held.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] without a workspace; [`Error::Terraform`].
    pub async fn show(&self, cx: &Context, environment: &EnvironmentName) -> Result<Vec<StateResource>> {
        let opened = self.open_to_look(cx, environment).await?;
        cx.step_to_its_end("state", opened.show(cx)).await
    }

    /// Deletes an environment's workspace, which must be empty.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] without a workspace; [`Error::Terraform`] if it still has resources.
    pub async fn delete_workspace(&self, cx: &Context, environment: &EnvironmentName) -> Result<()> {
        let opened = self.open(cx, environment, "delete workspace").await?;
        opened.ensure_exists()?;
        cx.step_to_its_end("delete workspace", opened.delete_workspace(cx)).await
    }

    /// An environment that exists, to be looked at: others may work on it meanwhile. All looks share a data folder, since a
    /// pinned workspace leaves no trace there.
    async fn open_to_look(&self, cx: &Context, environment: &EnvironmentName) -> Result<Opened<'_>> {
        self.ensure_configured()?;
        // Where this value has worked on the environment, nothing has to be initialised again.
        let own = Folder::new(&self.dir, environment);
        let known_here = self.initialised().contains(&own.data_dir());
        let folder = if known_here { own } else { Folder::of_none(&self.dir) };
        folder.create()?;
        let known = self.ready(cx, &folder, None).await?;
        let existed = known.iter().any(|name| name == environment.as_str());
        let opened = Opened {
            workspaces: self,
            environment: environment.clone(),
            folder,
            hold: None,
            existed,
            is_new: !existed,
        };
        opened.ensure_exists()?;
        Ok(opened)
    }
}

impl Opened<'_> {
    pub(crate) async fn outputs(&self, cx: &Context) -> Result<Outputs> {
        let (ended, text) = self.run(["output", "-json"]).capture(cx).await?;
        self.workspaces.ensure_succeeded(&ended, "outputs", Some(self))?;
        serde_json::from_str(&text).map_err(|error| {
            Error::terraform("outputs", self.environment.as_str(), "are not JSON as Terraform writes it")
                .with_source(error)
        })
    }

    /// The addresses of what is managed; none without a state.
    pub(crate) async fn resources(&self, cx: &Context) -> Result<Vec<String>> {
        let (ended, text) = self.run(["state", "list"]).capture(cx).await?;
        if !ended.status.success() && ended.stderr.contains("No state file was found") {
            return Ok(Vec::new());
        }
        self.workspaces.ensure_succeeded(&ended, "list the state", Some(self))?;
        let addresses = text.lines().map(str::trim).filter(|line| !line.is_empty() && !is_data_source(line));
        Ok(addresses.map(str::to_owned).collect())
    }

    async fn show(&self, cx: &Context) -> Result<Vec<StateResource>> {
        let read = |file| serde_json::from_reader::<_, ShownState>(BufReader::new(file)).map_err(io::Error::from);
        let (ended, state) = self.run(["show", "-json"]).read(cx, read).await?;
        self.workspaces.ensure_succeeded(&ended, "show", Some(self))?;
        let state = state.map_err(|error| {
            Error::terraform("show", self.environment.as_str(), "is not JSON as Terraform writes it").with_source(error)
        })?;
        let mut resources = Vec::new();
        if let Some(root) = state.values.and_then(|values| values.root_module) {
            root.flatten(&mut resources);
        }
        Ok(resources)
    }
}

/// Whether an address is a data source's: `data.aws_vpc.this`, `module.network["a.b"].data.aws_vpc.this`.
fn is_data_source(address: &str) -> bool {
    let mut rest = address;
    while let Some(inner) = rest.strip_prefix("module.") {
        rest = after_module(inner);
    }
    rest.starts_with("data.")
}

/// What follows a module's name and its key; a key may contain anything, dots included.
fn after_module(text: &str) -> &str {
    let (mut quoted, mut escaped) = (false, false);
    for (index, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '.' if !quoted => return &text[index + 1..],
            _ => {}
        }
    }
    ""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_sources_are_told_from_resources() {
        for data in ["data.aws_vpc.this", "module.a.data.aws_vpc.this[0]", r#"module.a["x.y"].module.b.data.z.w"#] {
            assert!(is_data_source(data), "{data}");
        }
        for resource in
            ["aws_vpc.data", r#"module.a["data.x"].aws_vpc.this"#, "module.data.aws_vpc.x", r#"module.a["\"."].b.c"#]
        {
            assert!(!is_data_source(resource), "{resource}");
        }
    }
}
