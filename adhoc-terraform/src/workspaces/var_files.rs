//! The var file of an environment.

use std::fs;
use std::io;
use std::path::Path;

use adhoc_core::{EnvironmentName, Error, Result};

use super::TerraformWorkspaces;
use crate::variables::VarFile;

/// Variables of a var file that name the environment, if a configuration has one.
const NAMING: [&str; 4] = ["environment", "env", "environment_name", "workspace"];

impl TerraformWorkspaces {
    /// The var file of an environment, which must be there, be HCL, and not be another environment's.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] that names the files there are; [`Error::Invalid`] with line and column.
    pub fn read_var_file(&self, environment: &EnvironmentName) -> Result<VarFile> {
        self.ensure_configured()?;
        let name = self.var_file(environment);
        let shown = self.shown(&name);
        let text = fs::read_to_string(self.dir.join(&name)).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => self.no_var_file(environment, &name),
            _ => Error::invalid("", shown.as_str(), "cannot be read").with_source(error),
        })?;
        let file = VarFile::parse(text, &self.config.dir.join(&name))?;
        for naming in NAMING {
            if let Some(other) = file.value_of(naming).filter(|value| value != environment.as_str()) {
                return Err(Error::invalid(
                    "",
                    shown,
                    format!("says {naming} = {other:?}, and is the var file of {environment}"),
                )
                .with_hint(format!("is it a copy? say {environment} there")));
            }
        }
        Ok(file)
    }

    fn no_var_file(&self, environment: &EnvironmentName, name: &Path) -> Error {
        let known = self.var_files();
        let hint = match known.is_empty() {
            true => format!("write {}", self.shown(name)),
            false => format!("there are {}; copy one, or is {environment} misspelt?", known.join(", ")),
        };
        Error::not_found("", self.shown(name), "there is no var file for this environment").with_hint(hint)
    }

    /// The var files there are, as the user would write them.
    fn var_files(&self) -> Vec<String> {
        let template = Path::new(&self.config.var_files);
        let folder = template.parent().unwrap_or(Path::new(""));
        let pattern = template.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let (prefix, suffix) = pattern.split_once("{env}").unwrap_or_default();
        let entries = fs::read_dir(self.dir.join(folder)).into_iter().flatten();
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut names: Vec<String> =
            names.filter(|name| name.starts_with(prefix) && name.ends_with(suffix) && !suffix.is_empty()).collect();
        names.sort();
        names.iter().map(|name| self.shown(&folder.join(name))).collect()
    }
}
