//! What a driver of Terraform is told.

use std::path::PathBuf;

use crate::ProcessEnvironment;

/// A configuration of Terraform's, and how it is driven.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct TerraformConfig {
    /// The folder of the configuration, such as `terraform/ad-hoc`.
    pub dir: PathBuf,
    /// The program: `terraform`, `tofu`, or a path. Default `terraform`.
    pub program: PathBuf,
    /// An environment's var file, relative to `dir`. Default `envs/{env}.tfvars`.
    pub var_files: String,
    /// The file with the settings of the backend, relative to `dir`. Default: none are given.
    pub backend_config: Option<PathBuf>,
    /// A folder of providers, so that nothing is downloaded. Default: Terraform finds them itself.
    pub plugin_dir: Option<PathBuf>,
    /// The variables of the process that Terraform gets. Default: none, not even a `PATH`.
    pub environment: ProcessEnvironment,
    /// Of these, those that a user has to set as well for the commands that errors print, such as `AWS_PROFILE`. Default:
    /// none.
    pub settings: Vec<(String, String)>,
}

impl TerraformConfig {
    /// The configuration in `dir`, with the defaults.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            program: PathBuf::from("terraform"),
            var_files: "envs/{env}.tfvars".to_owned(),
            backend_config: None,
            plugin_dir: None,
            environment: ProcessEnvironment::default(),
            settings: Vec::new(),
        }
    }

    /// Sets the program.
    #[must_use]
    pub fn with_program(mut self, program: impl Into<PathBuf>) -> Self {
        self.program = program.into();
        self
    }

    /// Sets the template of var files, which contains `{env}`.
    #[must_use]
    pub fn with_var_files(mut self, template: impl Into<String>) -> Self {
        self.var_files = template.into();
        self
    }

    /// Sets the file with the settings of the backend.
    #[must_use]
    pub fn with_backend_config(mut self, file: Option<PathBuf>) -> Self {
        self.backend_config = file;
        self
    }

    /// Sets the folder of providers.
    #[must_use]
    pub fn with_plugin_dir(mut self, folder: Option<PathBuf>) -> Self {
        self.plugin_dir = folder;
        self
    }

    /// Sets the variables that Terraform gets.
    #[must_use]
    pub fn with_environment(mut self, environment: ProcessEnvironment) -> Self {
        self.environment = environment;
        self
    }

    /// Sets which variables the commands have that errors print.
    #[must_use]
    pub fn with_settings(mut self, settings: Vec<(String, String)>) -> Self {
        self.settings = settings;
        self
    }
}
