//! A folder with a configuration, and something to drive it with.

#![allow(clippy::allow_attributes, dead_code, reason = "each test file uses its own part")]
#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "a fixture that cannot be set up fails the test")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use adhoc_core::testing::RecordingSink;
use adhoc_core::{CancellationToken, Context, EnvironmentName, Error, Event, SystemClock};
use adhoc_terraform::{ProcessEnvironment, TerraformConfig, TerraformWorkspaces};
use tempfile::TempDir;

/// Resources that need no provider but the built-in one.
pub(crate) const CONFIGURATION: &str = r#"
variable "tag" { type = string }
variable "parts" {
  type    = number
  default = 2
}
variable "pause" {
  type    = number
  default = 0
}
variable "password" {
  type      = string
  sensitive = true
  default   = "open sesame"
}
resource "terraform_data" "part" {
  count = var.parts
  input = "${var.tag}-${count.index}"
}
resource "terraform_data" "slow" {
  input      = var.pause
  depends_on = [terraform_data.part]
  provisioner "local-exec" { command = "sleep ${var.pause}" }
}
output "tag" { value = var.tag }
output "password" {
  value     = var.password
  sensitive = true
}
output "adhoc_variables" { value = { tag = var.tag, parts = var.parts, pause = 0 } }
"#;

/// A folder with a configuration.
pub(crate) struct Project {
    pub(crate) folder: TempDir,
}

/// The events and the context of one run.
pub(crate) struct Surroundings {
    pub(crate) cx: Context,
    pub(crate) events: Arc<RecordingSink>,
    pub(crate) cancellation: CancellationToken,
}

impl Surroundings {
    pub(crate) fn new() -> Self {
        let (events, cancellation) = (Arc::new(RecordingSink::default()), CancellationToken::new());
        let cx = Context::new(Arc::new(SystemClock::new()), events.clone()).with_cancellation(cancellation.clone());
        Self { cx, events, cancellation }
    }

    pub(crate) fn hints(&self) -> Vec<String> {
        let events = self.events.events();
        events
            .into_iter()
            .filter_map(|event| match event {
                Event::Hint { message } => Some(message),
                _ => None,
            })
            .collect()
    }
}

impl Project {
    pub(crate) fn new() -> Self {
        let project = Self { folder: tempfile::tempdir().unwrap() };
        project.write("main.tf", CONFIGURATION);
        project.write("envs/alpha.tfvars", "# Alpha.\ntag = \"a\"\n");
        project.write("envs/beta.tfvars", "tag = \"b\"\n");
        project
    }

    pub(crate) fn dir(&self) -> PathBuf {
        self.folder.path().join("terraform/ad-hoc")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn config(&self) -> TerraformConfig {
        self.config_with(&[])
    }

    /// With these variables beside the process's own.
    pub(crate) fn config_with(&self, variables: &[(&str, &str)]) -> TerraformConfig {
        let inherited = std::env::vars_os().filter(|(name, _)| !name.to_string_lossy().starts_with("TF_"));
        let more = variables.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        TerraformConfig::new(self.dir()).with_environment(ProcessEnvironment::new(inherited.chain(more)))
    }

    pub(crate) fn workspaces(&self) -> TerraformWorkspaces {
        TerraformWorkspaces::new(self.config())
    }
}

pub(crate) fn named(name: &str) -> EnvironmentName {
    name.parse().unwrap()
}

/// The error's text, its hint, and what it says was left behind.
pub(crate) fn told(error: &Error) -> String {
    let detail = error.detail();
    let mut lines = vec![error.chain().join(": ")];
    lines.extend(detail.hint.iter().map(|hint| format!("hint: {hint}")));
    lines.extend(detail.left_behind.iter().map(|left| format!("left: {left}")));
    lines.join("\n")
}

/// Whether there is a real Terraform, which is written into the ledger of the components that took part.
pub(crate) fn real_terraform() -> bool {
    let output = Command::new("terraform").arg("version").env("CHECKPOINT_DISABLE", "1").output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    let Some(version) = text.lines().find_map(|line| line.strip_prefix("Terraform v")) else {
        let required = std::env::var_os("ADHOC_TEST_REQUIRE").is_some_and(|required| required == "1");
        assert!(!required, "there is no terraform on the PATH");
        eprintln!("skipped: there is no terraform on the PATH");
        return false;
    };
    if let Some(ledger) = std::env::var_os("ADHOC_TEST_LEDGER") {
        record(Path::new(&ledger), version.trim());
    }
    true
}

fn record(ledger: &Path, version: &str) {
    use std::io::Write;
    let file = fs::OpenOptions::new().create(true).append(true).open(ledger);
    file.and_then(|mut file| writeln!(file, "terraform {version}")).unwrap();
}
