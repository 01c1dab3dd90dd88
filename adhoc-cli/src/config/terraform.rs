//! `[terraform]`: the program, and where the configurations are that it drives.

use std::path::{Path, PathBuf};

use adhoc_core::Result;
use serde::Deserialize;
use toml::Spanned;

use super::database::{filled, resolve};
use super::{DEFAULT_FILE, Source, placeholders};

/// How Terraform is called, and on what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TerraformConfig {
    /// The program: a name to be found on PATH, or a path.
    pub(crate) bin: PathBuf,
    /// The folder of the configuration that every environment is made from.
    pub(crate) dir: PathBuf,
    /// The folder of the configuration of shared environments.
    pub(crate) shared_dir: PathBuf,
    /// The folder of the configuration that makes the backend itself.
    pub(crate) bootstrap_dir: PathBuf,
    /// The var file of an environment, with `{env}`; relative to the folder that is driven.
    pub(crate) var_files: String,
    /// The settings of the backend; relative to the folder that is driven.
    pub(crate) backend_config: PathBuf,
    /// Whether the file names `backend_config`, so that it has to be there.
    pub(crate) backend_config_given: bool,
    /// Where providers are taken from instead of their registry.
    pub(crate) plugin_dir: Option<PathBuf>,
}

impl TerraformConfig {
    /// What holds for a project whose configuration is `file`.
    fn beside(file: &Path) -> Self {
        Self {
            bin: "terraform".into(),
            dir: resolve("terraform/ad-hoc", file),
            shared_dir: resolve("terraform/shared", file),
            bootstrap_dir: resolve("terraform/bootstrap", file),
            var_files: "envs/{env}.tfvars".to_owned(),
            backend_config: "backend.config".into(),
            backend_config_given: false,
            plugin_dir: None,
        }
    }
}

impl Default for TerraformConfig {
    fn default() -> Self {
        Self::beside(Path::new(DEFAULT_FILE))
    }
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
pub(super) struct TerraformTable {
    bin: Option<Spanned<String>>,
    dir: Option<Spanned<String>>,
    shared_dir: Option<Spanned<String>>,
    bootstrap_dir: Option<Spanned<String>>,
    var_files: Option<Spanned<String>>,
    backend_config: Option<Spanned<String>>,
    plugin_dir: Option<Spanned<String>>,
}

impl TerraformTable {
    pub(super) fn into_terraform(self, source: &Source<'_>) -> Result<TerraformConfig> {
        let text =
            |value: &Option<Spanned<String>>, key: &str| filled(value.as_ref(), &format!("terraform.{key}"), source);
        let path = |value: &Option<Spanned<String>>, key: &str, default: PathBuf| {
            Ok(text(value, key)?.map_or(default, |path| source.path(&path)))
        };
        let default = TerraformConfig::beside(source.path);
        if let Some(template) = &self.var_files {
            check_var_files(template, source)?;
        }
        Ok(TerraformConfig {
            bin: text(&self.bin, "bin")?.map_or(default.bin, |bin| program(&bin, source)),
            dir: path(&self.dir, "dir", default.dir)?,
            shared_dir: path(&self.shared_dir, "shared_dir", default.shared_dir)?,
            bootstrap_dir: path(&self.bootstrap_dir, "bootstrap_dir", default.bootstrap_dir)?,
            var_files: self.var_files.map_or(default.var_files, Spanned::into_inner),
            backend_config_given: self.backend_config.is_some(),
            backend_config: text(&self.backend_config, "backend_config")?.map_or(default.backend_config, PathBuf::from),
            // Empty is what stands for none here, and so may be said.
            plugin_dir: self
                .plugin_dir
                .map(Spanned::into_inner)
                .filter(|folder| !folder.trim().is_empty())
                .map(|folder| source.path(&folder)),
        })
    }
}

/// A bare name is for PATH; anything else is a path like the others.
fn program(bin: &str, source: &Source<'_>) -> PathBuf {
    if Path::new(bin).components().count() > 1 { source.path(bin) } else { bin.into() }
}

fn check_var_files(template: &Spanned<String>, source: &Source<'_>) -> Result<()> {
    let fault = match placeholders(template.get_ref()) {
        Err(fault) => fault.to_owned(),
        Ok(_) if template.get_ref().trim().is_empty() => "is empty".to_owned(),
        Ok(used) => match used.iter().find(|name| **name != "env") {
            Some(unknown) => format!("has the unknown placeholder `{{{unknown}}}`"),
            None if !template.get_ref().ends_with(".tfvars") => "names no *.tfvars files".to_owned(),
            None if used.is_empty() => "lacks `{env}`, so two environments would share one file".to_owned(),
            None => return Ok(()),
        },
    };
    let hint = "name a file with `{env}` in it, such as `envs/{env}.tfvars`";
    Err(source.error(template.span(), "terraform.var_files", &fault, hint))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn parse(text: &str) -> Result<TerraformConfig> {
        Config::parse(text, Path::new("project/adhoc.toml")).map(|config| config.terraform)
    }

    #[test]
    fn everything_can_be_said() {
        let terraform = parse(
            r#"
[terraform]
bin = "tofu"
dir = "infra/environments"
shared_dir = "/srv/infra/shared"
bootstrap_dir = "infra/bootstrap"
var_files = "vars/{env}/{env}.tfvars"
backend_config = "../backend.hcl"
plugin_dir = "providers"
"#,
        )
        .expect("valid");
        assert_eq!(terraform.bin, Path::new("tofu"), "found on PATH");
        assert_eq!(terraform.dir, Path::new("project/infra/environments"), "beside the file");
        assert_eq!(terraform.shared_dir, Path::new("/srv/infra/shared"));
        assert_eq!(terraform.bootstrap_dir, Path::new("project/infra/bootstrap"));
        assert_eq!(terraform.var_files, "vars/{env}/{env}.tfvars");
        assert_eq!(terraform.backend_config, Path::new("../backend.hcl"), "of the folder that is driven");
        assert!(terraform.backend_config_given);
        assert_eq!(terraform.plugin_dir.as_deref(), Some(Path::new("project/providers")));
    }

    #[test]
    fn without_the_section_there_are_defaults() {
        let terraform = parse("").expect("valid");
        assert_eq!(terraform, parse("[terraform]\nplugin_dir = ''").expect("valid"));
        assert_eq!((terraform.bin, terraform.plugin_dir), ("terraform".into(), None));
        assert_eq!(terraform.dir, Path::new("project/terraform/ad-hoc"));
        assert_eq!(terraform.backend_config, Path::new("backend.config"));
        assert!(!terraform.backend_config_given);
        assert_eq!(TerraformConfig::default().shared_dir, Path::new("terraform/shared"));
    }

    #[test]
    fn a_program_with_a_folder_is_a_path() {
        assert_eq!(parse("[terraform]\nbin = './tools/tofu'").expect("valid").bin, Path::new("project/./tools/tofu"));
        assert_eq!(parse("[terraform]\nbin = '/opt/tofu'").expect("valid").bin, Path::new("/opt/tofu"));
    }

    #[test]
    fn faults_are_one_line_with_place_key_and_hint() {
        let faults: Vec<String> = [
            "[terraform]\ndirectory = 'x'",
            "[terraform]\nbin = 1",
            "[terraform]\nbin = ''",
            "[terraform]\ndir = ' '",
            "[terraform]\nbackend_config = ''",
            "[terraform]\nbackend_config = ['a', 'b']",
            "[terraform]\nvar_files = ''",
            "[terraform]\nvar_files = 'one.tfvars'",
            "[terraform]\nvar_files = '{shared}/{env}.tfvars'",
            "[terraform]\nvar_files = '{env.tfvars'",
            "terraform = 'terraform'",
        ]
        .into_iter()
        .map(|text| {
            let error = parse(text).expect_err(text);
            let line = error.chain().join(": ");
            assert!(!line.contains('\n'), "{line}");
            format!("{text}\n> {line}\n> hint: {}\n", error.detail().hint.as_deref().expect("a hint"))
        })
        .collect();
        insta::with_settings!({ snapshot_path => "../snapshots", prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!("terraform_config_errors", faults.join("\n"));
        });
    }
}
