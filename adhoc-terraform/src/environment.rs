//! The environment variables that Terraform gets.

use std::ffi::{OsStr, OsString};
use std::fmt;

/// Variables by which a shell's leftovers would change what is done, and in which workspace.
const DROPPED: [&str; 4] = ["TF_WORKSPACE", "TF_INPUT", "TF_DATA_DIR", "TF_IN_AUTOMATION"];
/// Likewise, with any ending: an inherited `TF_CLI_ARGS_plan=-destroy` silently plans a destroy, and `TF_LOG` writes
/// secrets to where errors are read from.
const DROPPED_PREFIXES: [&str; 2] = ["TF_CLI_ARGS", "TF_LOG"];

/// The environment of a process. Its values may be secrets, so `Debug` shows none.
#[derive(Clone, Default)]
pub struct ProcessEnvironment(Vec<(OsString, OsString)>);

impl ProcessEnvironment {
    /// What is passed on to Terraform, such as `std::env::vars_os()`: credentials, `PATH`, `HOME`, `TF_VAR_*`.
    pub fn new(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        Self(variables.into_iter().collect())
    }

    /// The variables that Terraform gets, and the names of those that it does not.
    pub(crate) fn sanitised(&self) -> (Vec<(OsString, OsString)>, Vec<String>) {
        let (dropped, kept): (Vec<_>, Vec<_>) = self.0.iter().cloned().partition(|(name, _)| is_dropped(name));
        // What we set ourselves anyway is not worth a word, and neither is what is empty.
        let reported = dropped.iter().filter(|(name, value)| name != "TF_IN_AUTOMATION" && !value.is_empty());
        let mut names: Vec<String> = reported.map(|(name, _)| name.to_string_lossy().into_owned()).collect();
        names.sort();
        (kept, names)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, value)| known == name && !value.is_empty())
    }
}

impl fmt::Debug for ProcessEnvironment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProcessEnvironment({} variables)", self.0.len())
    }
}

fn is_dropped(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    DROPPED.contains(&name.as_ref()) || DROPPED_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_change_the_run_is_dropped_and_told() {
        let environment = ProcessEnvironment::new(
            [
                "PATH",
                "TF_CLI_ARGS_plan",
                "TF_VAR_tag",
                "TF_WORKSPACE",
                "TF_LOG_PATH",
                "TF_PLUGIN_CACHE_DIR",
                "TF_DATA_DIR",
            ]
            .map(|name| (name.into(), "hunter2".into())),
        );
        let (kept, dropped) = environment.sanitised();
        let kept: Vec<_> = kept.iter().map(|(name, _)| name.to_str().expect("text")).collect();
        assert_eq!(kept, ["PATH", "TF_VAR_tag", "TF_PLUGIN_CACHE_DIR"]);
        assert_eq!(dropped, ["TF_CLI_ARGS_plan", "TF_DATA_DIR", "TF_LOG_PATH", "TF_WORKSPACE"]);
        assert!(!format!("{environment:?}").contains("hunter2"));
    }
}
