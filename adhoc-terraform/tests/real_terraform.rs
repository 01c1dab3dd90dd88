//! The driver with a real Terraform, and resources that need no provider.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use adhoc_core::testing::FakeWorkspaces;
use adhoc_core::{
    ChangeCounts, Error, OutputValue, Outputs, PlanPurpose, PlanRequest, ResourceAction, Result, Workspaces,
};
use adhoc_terraform::{Declarations, TerraformWorkspaces};
use support::{Project, Surroundings, named, real_terraform, told};

async fn bring_up(at: &Surroundings, workspaces: &TerraformWorkspaces, name: &str) -> Result<ChangeCounts> {
    let plan = workspaces.plan(&at.cx, &PlanRequest::new(named(name), PlanPurpose::Apply)).await?;
    Ok(workspaces.apply(&at.cx, &plan).await?.counts)
}

fn entries(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(dir)
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn two_environments_live_in_one_folder_at_once() {
    if !real_terraform() {
        return;
    }
    let (project, at) = (Project::new(), Surroundings::new());
    let workspaces = project.workspaces();
    let (alpha, beta) = tokio::join!(bring_up(&at, &workspaces, "alpha"), bring_up(&at, &workspaces, "beta"));
    let three = ChangeCounts { add: 3, ..ChangeCounts::default() };
    assert_eq!((alpha.unwrap(), beta.unwrap()), (three, three));
    assert_eq!(workspaces.list(&at.cx).await.unwrap(), [named("alpha"), named("beta")]);
    let outputs = workspaces.outputs(&at.cx, &named("beta")).await.unwrap();
    assert_eq!(outputs["tag"].as_str(), Some("b"));
    assert!(outputs["password"].sensitive);
    let mut state = workspaces.state_list(&at.cx, &named("alpha")).await.unwrap();
    state.sort();
    assert_eq!(state, ["terraform_data.part[0]", "terraform_data.part[1]", "terraform_data.slow"]);
    assert_eq!(workspaces.show(&at.cx, &named("alpha")).await.unwrap().len(), 3);

    // A change in the var file, with its comment kept, changes that environment alone.
    let mut file = workspaces.read_var_file(&named("alpha")).unwrap();
    file.set("parts", "3", &Declarations::read(&project.dir()).unwrap()).unwrap();
    file.write().unwrap();
    assert_eq!(fs::read_to_string(project.path("envs/alpha.tfvars")).unwrap(), "# Alpha.\ntag = \"a\"\nparts = 3\n");
    let plan = workspaces.plan(&at.cx, &PlanRequest::new(named("alpha"), PlanPurpose::Look)).await.unwrap();
    assert_eq!(plan.counts, ChangeCounts { add: 1, ..ChangeCounts::default() });
    assert_eq!(
        (plan.changes[0].address.as_str(), plan.changes[0].action),
        ("terraform_data.part[2]", ResourceAction::Create)
    );
    let drift = workspaces.drift(&at.cx, &named("beta")).await.unwrap();
    assert!(drift.drifted.is_empty() && drift.unapplied.is_empty() && drift.out_of_band.is_empty());
    let drift = workspaces.drift(&at.cx, &named("alpha")).await.unwrap();
    assert!(drift.drifted.is_empty() && drift.unapplied.len() == 1, "what is not applied yet is no drift: {drift:?}");

    let error = workspaces.delete_workspace(&at.cx, &named("alpha")).await.unwrap_err();
    assert!(matches!(error, Error::Terraform(_)), "it is not empty: {}", told(&error));
    let held = workspaces.hold(&at.cx, &named("alpha"), "test").unwrap();
    let look = PlanRequest::new(named("alpha"), PlanPurpose::Look);
    assert!(workspaces.plan(&at.cx, &look).await.is_ok(), "whoever holds it may work on it");
    assert!(matches!(project.workspaces().plan(&at.cx, &look).await, Err(Error::Locked(_))), "and nobody else");
    drop(held);

    for name in ["alpha", "beta"] {
        assert_eq!(workspaces.destroy(&at.cx, &named(name)).await.unwrap().destroyed, 3);
        assert!(!workspaces.destroy(&at.cx, &named(name)).await.unwrap().existed, "twice is once");
    }
    assert!(workspaces.list(&at.cx).await.unwrap().is_empty());
    assert!(entries(&project.path("terraform.tfstate.d")).is_empty());
    assert!(!entries(&project.path(".adhoc")).iter().any(|name| name == "alpha" || name == "beta"));
}

/// What the contract of [`Workspaces`] says, on any implementation.
async fn conforms(at: &Surroundings, workspaces: &dyn Workspaces) {
    let gamma = named("gamma");
    let look = PlanRequest::new(gamma.clone(), PlanPurpose::Look);
    let seen = workspaces.plan(&at.cx, &look).await.unwrap();
    assert!(seen.has_changes && seen.reference.is_none() && workspaces.list(&at.cx).await.unwrap().is_empty());
    assert!(workspaces.apply(&at.cx, &seen).await.is_err(), "a look is not kept");
    let plan = workspaces.plan(&at.cx, &PlanRequest::new(gamma.clone(), PlanPurpose::Apply)).await.unwrap();
    let applied = workspaces.apply(&at.cx, &plan).await.unwrap();
    assert_eq!((applied.counts, applied.environment.as_str()), (plan.counts, "gamma"));
    assert_eq!(workspaces.list(&at.cx).await.unwrap(), std::slice::from_ref(&gamma));
    assert!(!workspaces.plan(&at.cx, &look).await.unwrap().has_changes);
    assert_eq!(workspaces.outputs(&at.cx, &gamma).await.unwrap()["tag"].as_str(), Some("a"));
    assert_eq!(workspaces.destroy(&at.cx, &gamma).await.unwrap().destroyed, plan.counts.add);
    assert!(
        !workspaces.destroy(&at.cx, &gamma).await.unwrap().existed && workspaces.list(&at.cx).await.unwrap().is_empty()
    );
    let names = at.events.names();
    for name in ["step_started", "step_finished", "infrastructure_plan", "resource_progress"] {
        assert!(names.contains(&name), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_fake_and_terraform_keep_one_contract() {
    let outputs = Outputs::from([("tag".to_owned(), OutputValue::new("a"))]);
    let fake = FakeWorkspaces::new(&["terraform_data.part", "terraform_data.slow"]).with_outputs(outputs);
    conforms(&Surroundings::new(), &fake).await;
    if real_terraform() {
        let project = Project::new();
        project.write("envs/gamma.tfvars", "tag = \"a\"\n");
        conforms(&Surroundings::new(), &project.workspaces()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_is_only_looked_at_leaves_nothing() {
    if !real_terraform() {
        return;
    }
    let (project, at) = (Project::new(), Surroundings::new());
    let workspaces = project.workspaces();
    let plan = workspaces.plan(&at.cx, &PlanRequest::new(named("alpha"), PlanPurpose::Look)).await.unwrap();
    assert_eq!((plan.counts.add, plan.reference), (3, None));
    assert!(workspaces.list(&at.cx).await.unwrap().is_empty());
    assert!(at.events.names().contains(&"infrastructure_plan"));

    // Likewise after a look that was killed, which has left its workspace and its record.
    let seen = project.workspaces().plan(&at.cx, &PlanRequest::new(named("alpha"), PlanPurpose::Apply)).await.unwrap();
    assert_eq!(workspaces.list(&at.cx).await.unwrap(), [named("alpha")]);
    let record = r#"{"pid":1,"host":"x","operation":"plan","started_at":"2026-11-21T06:00:00Z","made_workspace":true}"#;
    project.write(".adhoc/alpha/run.json", record);
    project.workspaces().plan(&at.cx, &PlanRequest::new(named("alpha"), PlanPurpose::Look)).await.unwrap();
    assert!(seen.has_changes && workspaces.list(&at.cx).await.unwrap().is_empty());
    fs::remove_file(project.path(".adhoc/alpha/plan")).unwrap();
    fs::remove_file(project.path(".adhoc/alpha/plan.seal.json")).unwrap();

    // Likewise one that fails, and one that is not applied after all.
    project.write("envs/alpha.tfvars", "tag = \"a\"\nparts = \"many\"\n");
    let error = bring_up(&at, &workspaces, "alpha").await.unwrap_err();
    assert!(matches!(error, Error::Invalid(_)) && told(&error).contains("alpha.tfvars"), "{}", told(&error));
    project.write("envs/alpha.tfvars", "tag = \"a\"\n");
    let plan = workspaces.plan(&at.cx, &PlanRequest::new(named("alpha"), PlanPurpose::Apply)).await.unwrap();
    let mode = fs::metadata(plan.reference.as_ref().unwrap()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    workspaces.discard(&at.cx, &plan).await.unwrap();
    assert!(workspaces.list(&at.cx).await.unwrap().is_empty());
    assert_eq!(entries(&project.path(".adhoc/alpha")), ["data", "lock"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_in_a_file_is_applied_to_what_it_was_made_for_or_not_at_all() {
    if !real_terraform() {
        return;
    }
    let (project, at) = (Project::new(), Surroundings::new());
    let workspaces = project.workspaces();
    let file = project.folder.path().join("alpha.tfplan");
    let request = PlanRequest::new(named("alpha"), PlanPurpose::Keep(file.clone()));
    workspaces.plan(&at.cx, &request).await.unwrap();
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);

    let error = workspaces.open_plan(&at.cx, &file, &named("beta")).await.unwrap_err();
    assert!(
        matches!(error, Error::Invalid(_)) && told(&error).contains("is a plan for alpha, not for beta"),
        "{error}"
    );
    project.write("envs/alpha.tfvars", "tag = \"other\"\n");
    let error = workspaces.open_plan(&at.cx, &file, &named("alpha")).await.unwrap_err();
    assert!(matches!(error, Error::Terraform(_)) && told(&error).contains("alpha.tfvars has changed since"), "{error}");
    project.write("envs/alpha.tfvars", "# Alpha.\ntag = \"a\"\n");

    // In another process, as it were.
    let workspaces = project.workspaces();
    let plan = workspaces.open_plan(&at.cx, &file, &named("alpha")).await.unwrap();
    assert_eq!(workspaces.apply(&at.cx, &plan).await.unwrap().counts.add, 3);
    let error = workspaces.apply(&at.cx, &plan).await.unwrap_err();
    assert!(matches!(error, Error::Terraform(_)) && told(&error).contains("stale"), "{}", told(&error));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_environment_without_its_var_file_can_be_destroyed_but_not_made() {
    if !real_terraform() {
        return;
    }
    let (project, at) = (Project::new(), Surroundings::new());
    let workspaces = project.workspaces();
    for remove_kit in [false, true] {
        project.write("envs/alpha.tfvars", "tag = \"a\"\n");
        bring_up(&at, &workspaces, "alpha").await.unwrap();
        fs::remove_file(project.path("envs/alpha.tfvars")).unwrap();
        let kit = project.path(".adhoc/alpha/variables.tfvars.json");
        assert_eq!(fs::metadata(&kit).unwrap().permissions().mode() & 0o777, 0o600);
        if remove_kit {
            // As on another machine: the configuration's own output has to do.
            fs::remove_file(kit).unwrap();
        }
        let error = bring_up(&at, &workspaces, "alpha").await.unwrap_err();
        assert!(matches!(error, Error::NotFound(_)) && told(&error).contains("envs/beta.tfvars"), "{}", told(&error));
        assert_eq!(workspaces.destroy(&at.cx, &named("alpha")).await.unwrap().destroyed, 3);
        assert!(at.hints().iter().any(|hint| hint.contains("the variables of its last apply are used")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_with_nothing_left_in_it_is_cleaned_up() {
    if !real_terraform() {
        return;
    }
    let (project, at) = (Project::new(), Surroundings::new());
    let workspaces = project.workspaces();
    let plan = workspaces.plan(&at.cx, &PlanRequest::new(named("alpha"), PlanPurpose::Apply)).await.unwrap();
    workspaces.apply(&at.cx, &plan).await.unwrap();
    let plan = PlanRequest::new(named("alpha"), PlanPurpose::Apply).with_destroy(true);
    let plan = workspaces.plan(&at.cx, &plan).await.unwrap();
    assert_eq!((plan.destroy, plan.counts.destroy), (true, 3));
    workspaces.apply(&at.cx, &plan).await.unwrap();
    // Not even a configuration that resolves is needed any more.
    fs::remove_file(project.path("envs/alpha.tfvars")).unwrap();
    workspaces.delete_workspace(&at.cx, &named("alpha")).await.unwrap();
    assert!(matches!(workspaces.delete_workspace(&at.cx, &named("alpha")).await, Err(Error::NotFound(_))));
    project.write("envs/alpha.tfvars", "tag = \"a\"\n");
    let plan = workspaces.plan(&at.cx, &PlanRequest::new(named("alpha"), PlanPurpose::Apply)).await.unwrap();
    fs::remove_file(project.path("envs/alpha.tfvars")).unwrap();
    assert!(plan.has_changes, "an empty workspace, again");
    let gone = workspaces.destroy(&at.cx, &named("alpha")).await.unwrap();
    assert_eq!((gone.existed, gone.destroyed), (true, 0));
    assert!(workspaces.list(&at.cx).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_shell_left_in_the_environment_changes_nothing() {
    if !real_terraform() {
        return;
    }
    let (project, at) = (Project::new(), Surroundings::new());
    let inherited = [
        ("TF_CLI_ARGS_plan", "-destroy"),
        ("TF_WORKSPACE", "beta"),
        ("TF_LOG", "trace"),
        ("TF_DATA_DIR", "/nowhere"),
        ("TF_VAR_password", "from the environment"),
    ];
    let workspaces = TerraformWorkspaces::new(project.config_with(&inherited));
    bring_up(&at, &workspaces, "alpha").await.unwrap();
    assert_eq!(workspaces.list(&at.cx).await.unwrap(), [named("alpha")]);
    let outputs = workspaces.outputs(&at.cx, &named("alpha")).await.unwrap();
    assert_eq!(outputs["password"].as_str(), Some("from the environment"));
    let told: Vec<_> = at.hints().into_iter().filter(|hint| hint.contains("TF_CLI_ARGS_plan")).collect();
    assert_eq!(
        told,
        [
            "terraform does not get TF_CLI_ARGS_plan, TF_DATA_DIR, TF_LOG, TF_WORKSPACE from the environment: that could \
          change what is done, and where"
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_apply_ends_in_good_order_and_is_continued() {
    if !real_terraform() {
        return;
    }
    let (project, at) = (Project::new(), Surroundings::new());
    project.write("envs/alpha.tfvars", "tag = \"a\"\npause = 600\n");
    let workspaces = project.workspaces();
    let plan = workspaces.plan(&at.cx, &PlanRequest::new(named("alpha"), PlanPurpose::Apply)).await.unwrap();
    let begun = async {
        while at.events.events().iter().filter(|event| event.name() == "resource_progress").count() < 5 {
            tokio::task::yield_now().await;
        }
        at.cancellation.cancel();
    };
    let (result, ()) = tokio::join!(workspaces.apply(&at.cx, &plan), begun);
    let error = result.unwrap_err();
    assert!(matches!(error, Error::Cancelled(_)), "{}", told(&error));
    assert!(told(&error).contains("2 resources were changed before"), "{}", told(&error));

    project.write("envs/alpha.tfvars", "tag = \"a\"\n");
    let later = Surroundings::new();
    let counts = bring_up(&later, &workspaces, "alpha").await.unwrap();
    assert_eq!(counts.add, 1, "what was done is in the state, and the lock is free");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_that_is_locked_says_by_whom_and_how_to_unlock_it() {
    if !real_terraform() {
        return;
    }
    let (project, other) = (Project::new(), Project::new());
    let states = project.folder.path().join("states");
    for project in [&project, &other] {
        let backend =
            format!("terraform {{\n  backend \"local\" {{ workspace_dir = {:?} }}\n}}\n", states.display().to_string());
        project.write("backend.tf", &backend);
        project.write("envs/alpha.tfvars", "tag = \"a\"\npause = 600\n");
    }
    let (first, second) = (Surroundings::new(), Surroundings::new());
    let (busy, waiting) = (project.workspaces(), other.workspaces());
    let plan = busy.plan(&first.cx, &PlanRequest::new(named("alpha"), PlanPurpose::Apply)).await.unwrap();
    let meanwhile = async {
        while !first.events.names().contains(&"resource_progress") {
            tokio::task::yield_now().await;
        }
        // In the same folder the environment is held; in another one it is the state.
        let request = PlanRequest::new(named("alpha"), PlanPurpose::Look);
        let held = project.workspaces().plan(&second.cx, &request).await.unwrap_err();
        let same_value = busy.plan(&second.cx, &request).await.unwrap_err();
        assert!(matches!(same_value, Error::Locked(_)), "one operation at a time, in one value, too: {same_value}");
        let locked = waiting.plan(&second.cx, &request).await.unwrap_err();
        let outputs = busy.outputs(&second.cx, &named("alpha")).await;
        first.cancellation.cancel();
        (held, locked, outputs)
    };
    let (_, (held, locked, outputs)) = tokio::join!(busy.apply(&first.cx, &plan), meanwhile);
    assert!(
        matches!(held, Error::Locked(_))
            && told(&held).contains("another run works on it in this folder (apply, process"),
        "{held}"
    );
    assert!(matches!(locked, Error::Locked(_)), "{}", told(&locked));
    let line = told(&locked);
    assert!(
        line.contains("terraform -chdir=") && line.contains(" force-unlock ") && line.contains("TF_WORKSPACE=alpha"),
        "{line}"
    );
    assert!(outputs.is_ok(), "looking needs no lock");
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_of_the_user_are_told_in_one_line_and_change_nothing() {
    if !real_terraform() {
        return;
    }
    let (project, at) = (Project::new(), Surroundings::new());
    let workspaces = project.workspaces();
    for (text, wanted) in [
        ("tag = \"a\n", "envs/alpha.tfvars line 1 column"),
        ("tag = \n", "envs/alpha.tfvars line 1 column"),
        ("environment = \"beta\"\ntag = \"a\"\n", "says environment = \"beta\", and is the var file of alpha"),
        ("parts = 1\n", "\"tag\""),
    ] {
        project.write("envs/alpha.tfvars", text);
        let error = bring_up(&at, &workspaces, "alpha").await.unwrap_err();
        assert!(matches!(error, Error::Invalid(_)) && told(&error).contains(wanted), "{}", told(&error));
        assert!(!error.to_string().contains('\n'));
    }
    project.write("envs/alpha.tfvars", "tag = \"a\"\n");
    project.write("broken.tf", "resource \"x\" {\n");
    let error = bring_up(&at, &workspaces, "alpha").await.unwrap_err();
    assert!(matches!(error, Error::Terraform(_)) && told(&error).contains("broken.tf line 1"), "{}", told(&error));
    let missing = workspaces.destroy(&at.cx, &named("gamma")).await;
    assert!(missing.is_err(), "init fails on broken code, too");
    fs::remove_file(project.path("broken.tf")).unwrap();
    let error = workspaces.outputs(&at.cx, &named("gamma")).await.unwrap_err();
    assert!(matches!(error, Error::NotFound(_)), "{}", told(&error));
    assert!(workspaces.list(&at.cx).await.unwrap().is_empty());
}
