use std::ffi::OsString;
use std::path::PathBuf;

use adhoc_terraform::{ProcessEnvironment, TerraformConfig, TerraformWorkspaces};

use crate::args::GlobalArgs;
use crate::config::Config;

/// Which of the project's configurations is driven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Root {
    Bootstrap,
    Shared,
    Environments,
}

/// A configuration of Terraform's, and what drives it.
pub(super) struct Driver {
    pub(super) workspaces: TerraformWorkspaces,
    pub(super) dir: PathBuf,
}

impl Driver {
    pub(super) fn new(root: Root, global: &GlobalArgs, config: &Config) -> Self {
        let terraform = &config.terraform;
        let dir = match root {
            Root::Bootstrap => &terraform.bootstrap_dir,
            Root::Shared => &terraform.shared_dir,
            Root::Environments => &terraform.dir,
        };
        // The backend of the bootstrap is what it makes.
        let wanted = terraform.backend_config_given || dir.join(&terraform.backend_config).is_file();
        let backend = (wanted && root != Root::Bootstrap).then(|| terraform.backend_config.clone());
        let plugins = std::env::var_os("ADHOC_TF_PLUGIN_DIR").filter(|folder| !folder.is_empty()).map(PathBuf::from);
        let settings = settings(global, config);
        let driven = TerraformConfig::new(dir)
            .with_program(&terraform.bin)
            .with_var_files(&terraform.var_files)
            .with_backend_config(backend)
            .with_plugin_dir(plugins.or_else(|| terraform.plugin_dir.clone()))
            .with_environment(environment(&settings))
            .with_settings(settings);
        Self { workspaces: TerraformWorkspaces::new(driven), dir: dir.clone() }
    }
}

/// Region and profile as the options say: Terraform's provider reads the same variables as we do.
fn settings(global: &GlobalArgs, config: &Config) -> Vec<(String, String)> {
    let region = global.region.as_ref().or(config.project.region.as_ref());
    let chosen = [("AWS_REGION", region), ("AWS_PROFILE", global.profile.as_ref())];
    chosen.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.clone()))).collect()
}

/// Our own environment, with these settings in the place of its own.
fn environment(settings: &[(String, String)]) -> ProcessEnvironment {
    let chosen = settings.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
    let inherited = std::env::vars_os().filter(|(name, _)| !settings.iter().any(|(known, _)| name == known.as_str()));
    ProcessEnvironment::new(inherited.chain(chosen))
}
