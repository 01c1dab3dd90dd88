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
        let names = self.values_of_template();
        names.iter().map(|name| self.shown(Path::new(&self.config.var_files.replace("{env}", name)))).collect()
    }

    /// The environments that have a var file, whether or not there is more of them, by name.
    #[must_use]
    pub fn configured(&self) -> Vec<EnvironmentName> {
        self.values_of_template().iter().filter_map(|name| name.parse().ok()).collect()
    }

    /// What `{env}` in the template of var files may stand for, as far as there are such files.
    fn values_of_template(&self) -> Vec<String> {
        let (before, after) = self.config.var_files.split_once("{env}").unwrap_or_default();
        let (folder, prefix) = before.rsplit_once('/').unwrap_or((".", before));
        let suffix = after.split('/').next().unwrap_or_default();
        let entries = fs::read_dir(self.dir.join(folder)).into_iter().flatten();
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let values = names.filter_map(|name| Some(name.strip_prefix(prefix)?.strip_suffix(suffix)?.to_owned()));
        let file = |value: &String| self.dir.join(self.config.var_files.replace("{env}", value)).is_file();
        let mut values: Vec<String> = values.filter(|value| !value.is_empty() && file(value)).collect();
        values.sort();
        values
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TerraformConfig;

    #[test]
    fn the_template_tells_which_environments_have_a_var_file() {
        let folder = tempfile::tempdir().expect("a folder");
        for file in ["envs/alpha.tfvars", "envs/pr-42.tfvars", "envs/Shared.tfvars", "envs/.tfvars", "beta/x.tfvars"] {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            fs::write(path, "").expect("written");
        }
        fs::create_dir(folder.path().join("envs/folder.tfvars")).expect("made");
        let of = |template: &str| {
            let workspaces = TerraformWorkspaces::new(TerraformConfig::new(folder.path()).with_var_files(template));
            workspaces.configured().iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(of("envs/{env}.tfvars"), ["alpha", "pr-42"]);
        assert_eq!(of("{env}/x.tfvars"), ["beta"]);
        assert_eq!(of("envs/pr-{env}.tfvars"), Vec::<String>::new(), "42 is no name");
        assert_eq!(of("nowhere/{env}.tfvars"), Vec::<String>::new());
    }
}
