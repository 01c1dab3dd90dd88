//! The driver with a `terraform` that does what a real one will not do on demand.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use adhoc_core::{Error, InfrastructurePlan, PlanPurpose, PlanRequest, Workspaces};
use adhoc_terraform::TerraformWorkspaces;
use support::{Project, Surroundings, named, told};

/// A `terraform` with one workspace `alpha`; `$apply` is what it does when it applies.
fn fake(project: &Project, version: &str, apply: &str) -> PathBuf {
    let script = format!(
        r#"#!/bin/sh
here=$(dirname "$0")
echo "$TF_WORKSPACE|$*" >>"$here/calls"
case "$1 $2" in
version*) echo "{version}" ;;
"workspace list") printf '  default\n* alpha\n\n' ;;
plan*)
    for argument; do case "$argument" in -out=*) echo plan >"${{argument#-out=}}" ;; esac; done
    echo '{{"type":"change_summary","changes":{{"add":1,"change":0,"import":0,"remove":0,"operation":"plan"}}}}'
    exit 2 ;;
show*) echo '{{"format_version":"1.2","variables":{{"tag":{{"value":"a"}}}}}}' ;;
apply*) {apply} ;;
esac
"#
    );
    let path = project.folder.path().join("bin/terraform");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

fn with_fake(project: &Project, apply: &str) -> TerraformWorkspaces {
    TerraformWorkspaces::new(project.config().with_program(fake(project, "Terraform v1.11.4", apply)))
}

async fn planned(at: &Surroundings, workspaces: &TerraformWorkspaces) -> InfrastructurePlan {
    workspaces.plan(&at.cx, &PlanRequest::new(named("alpha"), PlanPurpose::Apply)).await.unwrap()
}

async fn failed_apply(at: &Surroundings, workspaces: &TerraformWorkspaces) -> Error {
    let plan = planned(at, workspaces).await;
    workspaces.apply(&at.cx, &plan).await.unwrap_err()
}

fn lock_error(host: &str, created: &str) -> String {
    let detail = format!(
        "Error message: resource temporarily unavailable\\nLock Info:\\n  ID:        7d3f-1\\n  Path:      states/alpha\\n  \
         Operation: OperationTypeApply\\n  Who:       ci@{host}\\n  Version:   1.11.4\\n  Created:   {created}\\n  Info:      \\n"
    );
    format!(
        r#"cat <<'JSON'
{{"@level":"error","type":"diagnostic","diagnostic":{{"severity":"error","summary":"Error acquiring the state lock","detail":"{detail}"}}}}
JSON
exit 1"#
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupt_reaches_terraform_exactly_once() {
    let (project, at) = (Project::new(), Surroundings::new());
    let apply = r#"
    trap 'echo INT >>"$here/signals"' INT
    trap 'echo TERM >>"$here/signals"' TERM
    echo '{"type":"apply_start","hook":{"resource":{"addr":"a.b","resource_type":"a"},"action":"create"}}'
    while [ ! -s "$here/signals" ]; do sleep 0.05; done
    i=0; while [ $i -lt 20 ]; do sleep 0.05; i=$((i + 1)); done
    exit 1"#;
    let workspaces = with_fake(&project, apply);
    let plan = planned(&at, &workspaces).await;
    let begun = async {
        while !at.events.names().contains(&"resource_progress") {
            tokio::task::yield_now().await;
        }
        at.cancellation.cancel();
    };
    let (result, ()) = tokio::join!(workspaces.apply(&at.cx, &plan), begun);
    assert!(matches!(result, Err(Error::Cancelled(_))));
    assert_eq!(fs::read_to_string(project.folder.path().join("bin/signals")).unwrap(), "INT\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_terraform_is_told_with_what_it_was_making() {
    let (project, at) = (Project::new(), Surroundings::new());
    let apply = r#"
    echo '{"type":"apply_start","hook":{"resource":{"addr":"aws_lb.this","resource_type":"aws_lb"},"action":"create"}}'
    kill -9 $$"#;
    let error = failed_apply(&at, &with_fake(&project, apply)).await;
    assert!(matches!(error, Error::Terraform(_)));
    let told = told(&error);
    assert!(told.contains("was killed by signal 9") && told.contains("aws_lb.this was in the making"), "{told}");
    assert!(!project.path(".adhoc/alpha/plan").exists(), "a plan holds secrets");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_of_somebody_else_is_told_from_one_that_a_dead_run_of_ours_left() {
    let project = Project::new();
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let (before, after) = ("2020-01-02 03:04:05.123456789 +0000 UTC", "2099-01-02 03:04:05.123456789 +0000 UTC");

    let error = failed_apply(&Surroundings::new(), &with_fake(&project, &lock_error("elsewhere", before))).await;
    assert!(matches!(error, Error::Locked(_)), "{error}");
    let line = told(&error);
    for wanted in ["ci@elsewhere", "7d3f-1", "TF_WORKSPACE=alpha", "force-unlock 7d3f-1"] {
        assert!(line.contains(wanted), "{wanted} in {line}");
    }
    assert!(!line.contains("dead run of"), "{line}");

    // A run of ours that was killed leaves its record.
    let record = format!(r#"{{"pid":1,"host":"{host}","operation":"apply","started_at":"2026-11-21T06:00:00Z"}}"#);
    fs::write(project.path(".adhoc/alpha/died.json"), &record).unwrap();
    let planned = with_fake(&project, "exit 0");
    let plan =
        planned.plan(&Surroundings::new().cx, &PlanRequest::new(named("alpha"), PlanPurpose::Apply)).await.unwrap();
    // (The plan got the lock, so the record is gone; it is there again when the apply dies.)
    fs::write(project.path(".adhoc/alpha/died.json"), &record).unwrap();
    let ours = with_fake(&project, &lock_error(&host, after));
    let error = ours.apply(&Surroundings::new().cx, &plan).await.unwrap_err();
    let line = told(&error);
    assert!(
        line.contains("dead run")
            && line.contains("unless a run from another folder")
            && line.contains("force-unlock 7d3f-1"),
        "{line}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_that_could_not_be_saved_is_kept_and_nothing_is_done_before_it_is_back() {
    let (project, at) = (Project::new(), Surroundings::new());
    let apply = r#"
    echo '{"serial":7}' >errored.tfstate
    echo '{"type":"diagnostic","diagnostic":{"severity":"error","summary":"Failed to persist state to backend","detail":"no route"}}'
    exit 1"#;
    let workspaces = with_fake(&project, apply);
    let error = failed_apply(&at, &workspaces).await;
    let line = told(&error);
    assert!(matches!(error, Error::Terraform(_)) && line.contains(".adhoc/alpha.errored.tfstate"), "{line}");
    assert!(line.contains("state push .adhoc/alpha.errored.tfstate`"), "{line}");
    assert_eq!(fs::read_to_string(project.path(".adhoc/alpha.errored.tfstate")).unwrap(), "{\"serial\":7}\n");
    assert!(!project.path("errored.tfstate").exists());

    let request = PlanRequest::new(named("alpha"), PlanPurpose::Look);
    let error = workspaces.plan(&at.cx, &request).await.unwrap_err();
    assert!(told(&error).contains("the state of an earlier run was not saved"), "{}", told(&error));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_that_is_not_this_environments_is_not_filed_as_its_own() {
    let (project, at) = (Project::new(), Surroundings::new());
    let apply = r#"
    echo '{"type":"apply_complete","hook":{"resource":{"addr":"aws_lb.this","resource_type":"aws_lb"},"action":"create","id_key":"id","id_value":"lb-alpha"}}'
    echo '{"resources":["lb-beta"]}' >errored.tfstate
    echo '{"type":"diagnostic","diagnostic":{"severity":"error","summary":"Failed to persist state to backend","detail":"no route"}}'
    exit 1"#;
    let error = failed_apply(&at, &with_fake(&project, apply)).await;
    let line = told(&error);
    assert!(
        line.contains("errored.tfstate is not this environment's") && line.contains("aws_lb.this was changed"),
        "{line}"
    );
    assert!(!line.contains("state push") && !project.path(".adhoc/alpha.errored.tfstate").exists(), "{line}");

    // It lies where Terraform left it, and nothing is done until somebody has looked at it.
    let request = PlanRequest::new(named("alpha"), PlanPurpose::Look);
    let error = with_fake(&project, "exit 0").plan(&at.cx, &request).await.unwrap_err();
    assert!(told(&error).contains("errored.tfstate: is a state that could not be saved"), "{}", told(&error));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_a_killed_terraform_has_left_is_known_as_such() {
    let (project, at) = (Project::new(), Surroundings::new());
    failed_apply(&at, &with_fake(&project, "kill -9 $$")).await;
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let record = fs::read_to_string(project.path(".adhoc/alpha/died.json")).unwrap();
    assert!(record.contains(&host) && record.contains("\"apply\""), "{record}");
    // (A plan gets the lock here, as none would of a real state; so the record is put back.)
    let workspaces = with_fake(&project, &lock_error(&host, "2099-01-02 03:04:05 +0000 UTC"));
    let plan = planned(&at, &workspaces).await;
    fs::write(project.path(".adhoc/alpha/died.json"), record).unwrap();
    let error = workspaces.apply(&at.cx, &plan).await.unwrap_err();
    assert!(told(&error).contains("looks like that of a dead run of this machine"), "{}", told(&error));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_terraform_leaves_running_hides_nothing() {
    let (project, at) = (Project::new(), Surroundings::new());
    let workspaces = with_fake(&project, "sleep 600 & exit 0");
    let plan = planned(&at, &workspaces).await;
    workspaces.apply(&at.cx, &plan).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_var_file_that_changes_under_the_plan_makes_no_sealed_plan() {
    let (project, at) = (Project::new(), Surroundings::new());
    let program = fake(&project, "Terraform v1.11.4", "exit 0");
    let script = fs::read_to_string(&program).unwrap().replace("plan*)", "plan*) echo >>envs/alpha.tfvars");
    fs::write(&program, script).unwrap();
    let workspaces = TerraformWorkspaces::new(project.config().with_program(program));
    let file = project.path("mine.tf");
    fs::write(&file, "# mine").unwrap();
    let request = PlanRequest::new(named("alpha"), PlanPurpose::Keep(file.clone()));
    let error = workspaces.plan(&at.cx, &request).await.unwrap_err();
    assert!(told(&error).contains("envs/alpha.tfvars has changed since the plan began"), "{}", told(&error));
    assert_eq!(fs::read_to_string(file).unwrap(), "# mine", "what was there stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_is_pinned_to_its_workspace() {
    let (project, at) = (Project::new(), Surroundings::new());
    let workspaces = with_fake(&project, "exit 0");
    let plan = planned(&at, &workspaces).await;
    workspaces.apply(&at.cx, &plan).await.unwrap();
    let calls = fs::read_to_string(project.folder.path().join("bin/calls")).unwrap();
    for call in calls.lines().filter(|call| !call.contains("|rev-parse")) {
        let (workspace, arguments) = call.split_once('|').unwrap();
        let unpinned = ["version", "init", "workspace"].iter().any(|word| arguments.starts_with(word));
        assert_eq!(workspace, if unpinned { "" } else { "alpha" }, "{call}");
    }
    assert!(calls.contains("alpha|apply -json -input=false"), "{calls}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terraform_that_is_missing_too_old_or_something_else_is_refused() {
    let (project, at) = (Project::new(), Surroundings::new());
    let request = PlanRequest::new(named("alpha"), PlanPurpose::Look);
    let cases = [
        (PathBuf::from("terraform-that-is-not-there"), "is not there, or not on the PATH"),
        (fake(&project, "Terraform v1.4.7", ""), "which is too old: 1.5 or later is needed"),
    ];
    for (program, wanted) in cases {
        let workspaces = TerraformWorkspaces::new(project.config().with_program(program));
        let error = workspaces.plan(&at.cx, &request).await.unwrap_err();
        assert!(matches!(error, Error::Terraform(_)) && told(&error).contains(wanted), "{}", told(&error));
    }
    let workspaces = TerraformWorkspaces::new(project.config().with_program(fake(&project, "GNU bash 5", "")));
    let error = workspaces.plan(&at.cx, &request).await.unwrap_err();
    assert!(told(&error).contains("does not say that it is Terraform"), "{}", told(&error));
    let workspaces =
        TerraformWorkspaces::new(project.config().with_program(fake(&project, "OpenTofu v1.8.2", "exit 0")));
    assert!(workspaces.plan(&at.cx, &request).await.is_ok());
}
