//! `adhoc create`, `plan` and `destroy` as a user meets them: with a real Terraform and resources that need no provider, and with
//! a `terraform` that does what a real one will not do on demand.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test that cannot be set up fails, and one that is skipped says so"
)]

mod support;

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use adhoc_local::EnvironmentSpec;
use serde_json::Value;
use support::{Run, World, interrupt};

/// Resources of Terraform's own.
const CONFIGURATION: &str = r#"
variable "tag" { type = string }
variable "pause" {
  type    = number
  default = 0
}
variable "password" {
  type      = string
  sensitive = true
  default   = "never-shown"
}
resource "terraform_data" "part" {
  input            = var.tag
  triggers_replace = var.tag == "replace" ? "yes" : "no"
}
resource "terraform_data" "slow" {
  input = { pause = var.pause, password = var.password }
  provisioner "local-exec" { command = "sleep ${var.pause}" }
}
output "url" { value = "https://${terraform.workspace}.dev.example.com" }
output "password" {
  value     = var.password
  sensitive = true
}
"#;

/// A folder with a project, beside an AWS where somebody has made the cluster of alpha: the configuration makes none.
struct Project(World);

impl Project {
    fn new() -> Self {
        let project = Self(World::with(World::scenario(EnvironmentSpec::new("alpha"))));
        project.file("terraform/ad-hoc/main.tf", CONFIGURATION);
        project.file("terraform/ad-hoc/envs/alpha.tfvars", "# Alpha.\ntag = \"v1\" # the release\n");
        project.file("terraform/ad-hoc/envs/beta.tfvars", "tag = \"v1\"\n");
        project
    }

    /// With a real Terraform, if there is one.
    fn real() -> Option<Self> {
        let found = Command::new("terraform").arg("version").env("CHECKPOINT_DISABLE", "1").output().is_ok();
        let required = std::env::var_os("ADHOC_TEST_REQUIRE").is_some_and(|required| required == "1");
        assert!(found || !required, "there is no terraform on the PATH");
        if !found {
            eprintln!("skipped: there is no terraform on the PATH");
        }
        found.then(Self::new)
    }

    /// With a `terraform` that runs `script` when it applies.
    fn fake(version: &str, apply: &str) -> Self {
        let project = Self::new();
        let script = format!(
            "#!/bin/sh\ncase \"$1 $2\" in\nversion*) echo '{version}' ;;\n\"workspace list\") printf '* default\\n  alpha\\n' ;;\n\
             plan*)\n  for argument; do case \"$argument\" in -out=*) echo plan >\"${{argument#-out=}}\" ;; esac; done\n  exit 2 ;;\n\
             show*) echo '{{\"variables\":{{}}}}' ;;\napply*) {apply} ;;\nesac\n"
        );
        project.file("bin/terraform", &script);
        fs::set_permissions(project.path("bin/terraform"), fs::Permissions::from_mode(0o755)).unwrap();
        project.file("adhoc.toml", "[terraform]\nbin = \"bin/terraform\"\n");
        project
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.folder.path().join(name)
    }

    fn file(&self, name: &str, text: &str) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn adhoc(&self, line: &str) -> Run {
        let run = self.0.adhoc(line);
        assert!(!run.stdout.contains("never-shown") && !run.stderr.contains("never-shown"), "{line} shows a secret");
        run
    }

    fn succeed(&self, line: &str) -> Run {
        let run = self.adhoc(line);
        assert_eq!(run.code, 0, "{line}\n{}\n{}", run.stdout, run.stderr);
        run
    }

    /// The error and its hint; the exit code must be `code`.
    fn refused(&self, line: &str, code: i32) -> String {
        let run = self.adhoc(line);
        assert_eq!(run.code, code, "{line}\n{}\n{}", run.stdout, run.stderr);
        let errors: Vec<&str> = run.stderr.lines().filter(|line| line.starts_with("error: ")).collect();
        assert_eq!(errors.len(), 1, "one line: {}", run.stderr);
        let hints = run.stderr.lines().filter(|line| line.trim_start().starts_with("hint: "));
        std::iter::once(errors[0]).chain(hints).collect::<Vec<_>>().join("\n")
    }
}

#[test]
fn an_environment_is_made_changed_looked_at_and_destroyed() {
    let Some(project) = Project::real() else { return };
    let plan = project.succeed("plan alpha --markdown comment.md");
    assert!(plan.stdout.contains("alpha: 2 to add, 0 to change, 0 to destroy"), "{}", plan.stdout);
    assert!(project.read("comment.md").starts_with("<!-- adhoc plan alpha -->"));
    let made = project.succeed("create alpha");
    assert!(
        made.stdout.contains("https://alpha.dev.example.com") && made.stdout.contains("(sensitive)"),
        "{}",
        made.stdout
    );

    // A change in place needs no question; the file keeps its comments.
    project.succeed("create alpha --set tag=1.10");
    assert_eq!(project.read("terraform/ad-hoc/envs/alpha.tfvars"), "# Alpha.\ntag = \"1.10\" # the release\n");
    assert!(project.succeed("create alpha").stdout.contains("nothing had to be changed"));
    assert!(project.succeed("plan alpha --drift").stdout.contains("alpha has not drifted"));

    // A replacement does, and without an answer the file is as it was.
    let told = project.refused("create alpha --set tag=replace", 2);
    assert!(told.contains("this cannot be undone") && told.contains("--yes"), "{told}");
    assert_eq!(project.read("terraform/ad-hoc/envs/alpha.tfvars"), "# Alpha.\ntag = \"1.10\" # the release\n");
    project.succeed("create alpha --set tag=replace --yes");

    assert!(project.refused("destroy alpha", 2).contains("this cannot be undone"));
    fs::remove_file(project.path("terraform/ad-hoc/envs/alpha.tfvars")).unwrap();
    let gone = project.succeed("destroy alpha --yes");
    assert!(gone.stdout.contains("alpha is gone: 2 resources destroyed, workspace deleted"), "{}", gone.stdout);
    assert!(project.succeed("destroy alpha --yes").stdout.contains("there was nothing left of alpha"));
}

#[test]
fn programs_and_github_read_the_same_plan() {
    let Some(project) = Project::real() else { return };
    let mut command = project.0.command("plan alpha --output json");
    command.env("GITHUB_STEP_SUMMARY", project.path("summary.md")).env("GITHUB_OUTPUT", project.path("output"));
    let run = Run::of(command.output().unwrap());
    let events: Vec<Value> = run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let plan = events.iter().find(|event| event["event"] == "infrastructure_plan").unwrap();
    assert_eq!((&plan["counts"]["add"], &plan["changes"][0]["action"]), (&2.into(), &"create".into()));
    let summary = events.last().unwrap();
    assert_eq!((&summary["event"], &summary["outcome"]), (&"summary".into(), &"succeeded".into()));
    assert_eq!(summary["result"]["plan"]["changes"], plan["changes"]);
    let markdown = project.read("summary.md");
    assert!(markdown.contains("terraform_data.part") && markdown.contains('|'), "{markdown}");
    assert!(project.read("output").contains("outcome=succeeded"));
}

#[test]
fn a_kept_plan_is_applied_to_what_it_was_made_for() {
    let Some(project) = Project::real() else { return };
    project.succeed("plan alpha --out alpha.tfplan");
    assert_eq!(fs::metadata(project.path("alpha.tfplan")).unwrap().permissions().mode() & 0o777, 0o600);
    let told = project.refused("create beta --plan alpha.tfplan", 2);
    assert!(told.contains("is a plan for alpha, not for beta"), "{told}");
    assert!(project.refused("create alpha --plan none.tfplan", 3).contains("there is no such plan"));
    project.file("terraform/ad-hoc/envs/alpha.tfvars", "tag = \"v2\"\n");
    assert!(project.refused("create alpha --plan alpha.tfplan", 12).contains("has changed since"));
    project.file("terraform/ad-hoc/envs/alpha.tfvars", "# Alpha.\ntag = \"v1\" # the release\n");
    project.succeed("create alpha --plan alpha.tfplan");
    assert!(project.refused("create alpha --plan alpha.tfplan", 12).contains("stale"));
}

#[test]
fn faults_are_one_line_with_their_exit_code_and_change_nothing() {
    let Some(project) = Project::real() else { return };
    for (line, wanted) in [
        ("create default", "reserved for Terraform"),
        ("create ''", "is empty"),
        ("create a/b", "contains '/'"),
        ("plan aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "longer than 28"),
        ("destroy Alpha --yes", "lower-case letter"),
        ("create dev", "is the shared environment"),
        ("create alpha --set never-shown", "name=value"),
        ("create alpha --set pass/word=never-shown", "cannot be the name of a variable"),
        ("create alpha --set tagg=v1", "tag"),
        ("create alpha --set pause=soon", "pause"),
    ] {
        let run = project.adhoc(line);
        assert!(run.code == 2 && run.stderr.contains(wanted), "{line}: {}\n{}", run.code, run.stderr);
    }
    assert!(project.refused("create gamma", 3).contains("terraform/ad-hoc/envs/beta.tfvars"));
    assert!(project.refused("shared create dev", 3).contains("there is no Terraform configuration in this folder"));
    for (text, wanted) in [
        ("tag = \"v1\n", "envs/alpha.tfvars line 1 column"),
        ("tag = \"v1\"\npause = =\n", "envs/alpha.tfvars line 2 column"),
        ("pause = 1\n", "\"tag\""),
        ("tag = \"v1\"\npause = \"soon\"\n", "pause"),
        ("tag = \"v1\"\nenvironment = \"beta\"\n", "is the var file of alpha"),
    ] {
        project.file("terraform/ad-hoc/envs/alpha.tfvars", text);
        let told = project.refused("create alpha", 2);
        assert!(told.contains(wanted), "{told}");
    }
    project.file("terraform/ad-hoc/envs/alpha.tfvars", "tag = \"v1\"\n");
    project.file("terraform/ad-hoc/broken.tf", "resource \"terraform_data\" {\n");
    assert!(project.refused("create alpha", 12).contains("broken.tf line 1"));
    fs::remove_file(project.path("terraform/ad-hoc/broken.tf")).unwrap();
    let none = project.adhoc("plan alpha --drift");
    assert!(none.code == 3 && none.stderr.contains("has no Terraform workspace"), "{}", none.stderr);
}

#[test]
fn a_terraform_that_is_missing_old_locked_or_killed_is_told() {
    let project = Project::fake("Terraform v1.4.7", "");
    assert!(project.refused("plan alpha", 12).contains("is too old: 1.5 or later is needed"));
    project.file("adhoc.toml", "[terraform]\nbin = \"no-such-terraform\"\n");
    assert!(project.refused("plan alpha", 12).contains("no-such-terraform: is not there"));

    let project = Project::fake("OpenTofu v1.8.2", "kill -9 $$");
    assert!(project.refused("create alpha", 12).contains("was killed by signal 9"));

    let lock = "Lock Info:\\n  ID:        7d3f\\n  Path:      s3\\n  Operation: OperationTypeApply\\n  Who:       ci@elsewhere\\n  \
                Version:   1.11.4\\n  Created:   2026-11-21 10:00:00 +0000 UTC\\n  Info:      \\n";
    let diagnostic = format!(
        "cat <<'JSON'\n{{\"type\":\"diagnostic\",\"diagnostic\":{{\"severity\":\"error\",\"summary\":\"Error acquiring the state lock\",\
         \"detail\":\"{lock}\"}}}}\nJSON\nexit 1"
    );
    let told = Project::fake("Terraform v1.11.4", &diagnostic).refused("create alpha", 13);
    assert!(
        told.contains("ci@elsewhere") && told.contains("force-unlock 7d3f") && told.contains("TF_WORKSPACE=alpha"),
        "{told}"
    );
}

/// Whether a condition comes to hold within ten seconds.
fn eventually(condition: impl Fn() -> bool) -> bool {
    let until = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while !condition() && std::time::Instant::now() < until {
        std::thread::yield_now();
    }
    condition()
}

#[test]
fn what_was_begun_ends_in_good_order_though_adhoc_is_killed() {
    let Some(project) = Project::real() else { return };
    let gate = project.path("gate");
    let slow = format!("\"while [ ! -e '{}' ]; do sleep 0.05; done\"", gate.display());
    let configuration = CONFIGURATION.replace("\"sleep ${var.pause}\"", &slow);
    // Another line of Terraform's after the death, which would find a broken pipe.
    let last = "\nresource \"terraform_data\" \"last\" { depends_on = [terraform_data.slow] }\n";
    project.file("terraform/ad-hoc/main.tf", &(configuration + last));
    let mut command = project.0.command("create alpha");
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains("creating terraform_data.slow")));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(
        project.refused("plan alpha", 13).contains("another run works on it in this folder (create"),
        "Terraform lives"
    );
    fs::write(&gate, "").unwrap();
    assert!(eventually(|| project.adhoc("plan alpha").code == 0), "it ends, and lets go");
    assert!(project.succeed("create alpha").stdout.contains("nothing had to be changed"), "all of it is in the state");
}

#[test]
fn two_runs_at_once_never_lose_a_value_that_one_has_set() {
    let Some(project) = Project::real() else { return };
    project.succeed("create alpha");
    for round in 0..6 {
        let tags = [format!("x{round}"), format!("y{round}")];
        let runs = tags.each_ref().map(|tag| {
            let mut command = project.0.command(&format!("create alpha --set tag={tag}"));
            command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
        });
        let codes = runs.map(|mut run| run.wait().unwrap().code().unwrap());
        let text = project.read("terraform/ad-hoc/envs/alpha.tfvars");
        let winners: Vec<_> = tags.iter().zip(codes).filter(|(_, code)| *code == 0).map(|(tag, _)| tag).collect();
        assert!(!winners.is_empty() && winners.iter().any(|tag| text.contains(tag.as_str())), "{codes:?} {text}");
        assert!(codes.iter().all(|code| [0, 13].contains(code)), "{codes:?}");
    }
}

#[test]
fn the_command_that_continues_shows_no_value() {
    // It dies of the interrupt, as Terraform does before it listens for one.
    let project = Project::fake("Terraform v1.11.4", "while [ ! -e end ]; do sleep 0.05; done; exit 1");
    let mut command = project.0.command("create alpha --output json --set password=never-shown");
    command.env("GITHUB_STEP_SUMMARY", project.path("summary.md")).env("GITHUB_OUTPUT", project.path("output"));
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.by_ref().any(|line| line.contains("\"step\":\"apply\"")));
    interrupt(&child);
    let rest: Vec<String> = lines.collect();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{rest:?}");
    assert!(rest.last().unwrap().contains("--set 'password=...'"), "{rest:?}");
    for text in [rest.join("\n"), project.read("summary.md"), project.read("output")] {
        assert!(!text.contains("never-shown"), "{text}");
    }
}

#[test]
fn any_signal_reaches_terraform_once_as_an_interrupt_and_a_second_one_only_warns() {
    for signal in ["INT", "TERM", "HUP"] {
        signalled(signal);
    }
}

fn signalled(signal: &str) {
    let signal = |child: &Child| {
        assert!(Command::new("kill").args(["-s", signal, &child.id().to_string()]).status().unwrap().success());
    };
    let apply = r#"
    trap 'echo INT >>"$here/signals"' INT
    here=$(dirname "$0")
    echo '{"type":"apply_start","hook":{"resource":{"addr":"a.b","resource_type":"a"},"action":"create"}}'
    while [ ! -e "$here/end" ]; do sleep 0.05; done
    echo '{"type":"diagnostic","diagnostic":{"severity":"error","summary":"execution halted"}}'
    exit 1"#;
    let project = Project::fake("Terraform v1.11.4", apply);
    let mut command = project.0.command("create alpha");
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let mut seen = |wanted: &str| lines.by_ref().find(|line| line.contains(wanted)).expect(wanted);
    seen("creating a.b");
    signal(&child);
    seen("Terraform was asked to stop");
    signal(&child);
    seen("a third signal leaves it to end by itself");
    project.file("bin/end", "");
    let end = seen("`adhoc create alpha` continues");
    assert!(end.contains("next") || end.contains("hint"), "{end}");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(project.read("bin/signals"), "INT\n");
}
