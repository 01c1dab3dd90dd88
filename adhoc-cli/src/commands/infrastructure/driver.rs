use std::ffi::OsString;
use std::path::PathBuf;

use adhoc_core::EnvironmentName;
use adhoc_terraform::{ProcessEnvironment, TerraformConfig, TerraformWorkspaces};

use crate::args::GlobalArgs;
use crate::config::Config;

/// The variables by which AWS credentials are chosen.
const CREDENTIALS: [&str; 5] =
    ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_DEFAULT_PROFILE"];

/// Which of the project's configurations is driven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::commands) enum Root {
    Bootstrap,
    Shared,
    Environments,
}

/// A configuration of Terraform's, and what drives it.
pub(in crate::commands) struct Driver {
    pub(in crate::commands) workspaces: TerraformWorkspaces,
    pub(in crate::commands) dir: PathBuf,
    var_files: String,
}

impl Driver {
    pub(in crate::commands) fn new(
        root: Root,
        global: &GlobalArgs,
        config: &Config,
        role: &[(String, String)],
    ) -> Self {
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
            .with_environment(ProcessEnvironment::new(environment(std::env::vars_os(), &settings, role)))
            .with_settings(settings);
        let var_files = terraform.var_files.clone();
        Self { workspaces: TerraformWorkspaces::new(driven), dir: dir.clone(), var_files }
    }

    /// The var file of an environment.
    pub(super) fn var_file(&self, environment: &EnvironmentName) -> PathBuf {
        self.dir.join(self.var_files.replace("{env}", environment.as_str()))
    }
}

/// Region and profile as the options say: Terraform's provider reads the same variables as we do.
fn settings(global: &GlobalArgs, config: &Config) -> Vec<(String, String)> {
    let region = global.region.as_ref().or(config.region());
    let chosen = [("AWS_REGION", region), ("AWS_PROFILE", global.profile.as_ref())];
    chosen.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.clone()))).collect()
}

/// Our own environment, with these settings, and the credentials of a role, in the place of its own.
fn environment(
    own: impl Iterator<Item = (OsString, OsString)>,
    settings: &[(String, String)],
    role: &[(String, String)],
) -> Vec<(OsString, OsString)> {
    // Whatever else chooses credentials would stand beside those of the role.
    let other = |name: &OsString| !role.is_empty() && CREDENTIALS.iter().any(|known| name == known);
    let settings = settings.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
    let role = role.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
    let chosen: Vec<_> = settings.filter(|(name, _)| !other(name)).chain(role).collect();
    let kept = |name: &OsString| !other(name) && !chosen.iter().any(|(known, _)| known == name);
    let inherited: Vec<_> = own.filter(|(name, _)| kept(name)).collect();
    inherited.into_iter().chain(chosen).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_takes_the_place_of_every_other_credential() {
        let pairs = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let own = [("PATH", "/bin"), ("AWS_REGION", "a"), ("AWS_PROFILE", "mine"), ("AWS_SESSION_TOKEN", "old")];
        let own = || own.into_iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
        let settings = pairs(&[("AWS_REGION", "b"), ("AWS_PROFILE", "chosen")]);
        let names = |role: &[(String, String)]| {
            let environment = environment(own(), &settings, role).into_iter();
            let text = environment.map(|(name, value)| format!("{}={}", name.display(), value.display()));
            text.collect::<Vec<_>>()
        };
        assert_eq!(names(&[]), ["PATH=/bin", "AWS_SESSION_TOKEN=old", "AWS_REGION=b", "AWS_PROFILE=chosen"]);
        let role = pairs(&[("AWS_ACCESS_KEY_ID", "ASIA")]);
        assert_eq!(names(&role), ["PATH=/bin", "AWS_REGION=b", "AWS_ACCESS_KEY_ID=ASIA"]);
    }
}
