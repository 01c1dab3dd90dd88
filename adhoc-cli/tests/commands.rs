//! Whole commands against the embedded AWS, as a user or a CI job runs them.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what goes wrong in a fixture fails the test")]

mod support;

use std::io::{BufRead, BufReader};
use std::process::Child;

use adhoc_local::{Behaviour, EnvironmentSpec};
use serde_json::Value;
use support::{Run, World, bare_command, interrupt, running};

fn finish(child: Child) -> Run {
    Run::of(child.wait_with_output().unwrap())
}

#[test]
fn the_json_of_an_update_is_the_contract() {
    let world = World::with(World::scenario(EnvironmentSpec::new("alpha")));
    let run = world.adhoc("update backend alpha --tag v1.1.0 --output json").ends_with(0);
    assert_eq!(run.stderr, "");
    let summary = run.summary();
    for event in run.events() {
        assert!(event["ts"].is_string() && event["elapsed_ms"].is_u64() && event["event"].is_string(), "{event}");
    }
    assert_eq!(summary["command"], "update");
    assert_eq!((&summary["environment"], &summary["component"]), (&"alpha".into(), &"backend".into()));
    assert_eq!((&summary["outcome"], &summary["exit_code"]), (&"succeeded".into(), &0.into()));
    assert_eq!(summary["error"], Value::Null);
    let gunicorn = by(&summary["task_definitions"], "family", "alpha-gunicorn");
    assert_eq!((&gunicorn["container"], &gunicorn["registered"]), (&"gunicorn".into(), &true.into()));
    assert_eq!((&gunicorn["from"], &gunicorn["to"]), (&"alpha-gunicorn:1".into(), &"alpha-gunicorn:2".into()));
    assert!(gunicorn["image"].as_str().unwrap().ends_with("backend:v1.1.0"));
    let migrate = by(&summary["tasks"], "family", "alpha-migrate");
    assert_eq!((&migrate["exit_code"], &migrate["stop_code"]), (&0.into(), &"EssentialContainerExited".into()));
    let service = by(&summary["services"], "service", "alpha-gunicorn");
    assert_eq!(service["verdict"], "succeeded");
    assert!(service["deployment_id"].as_str().unwrap().starts_with("ecs-svc/"));
}

fn by<'a>(list: &'a Value, key: &str, value: &str) -> &'a Value {
    list.as_array().unwrap().iter().find(|item| item[key] == value).unwrap_or_else(|| panic!("no {value} in {list}"))
}

#[test]
fn each_service_may_have_an_endpoint_of_its_own() {
    let world = World::new();
    let run = |ecs: &str, logs: &str| {
        let mut command = world.command("run migrate alpha --tag v2");
        command.env("AWS_ENDPOINT_URL", "http://127.0.0.1:9");
        command.env("AWS_ENDPOINT_URL_ECS", ecs).env("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", logs);
        Run::of(command.output().unwrap())
    };
    let server = world.server.endpoint();
    let reached = run(&server, &server).ends_with(0);
    assert!(reached.stderr.contains("Applied all migrations of v2."), "{}", reached.stderr);
    run("http://127.0.0.1:9", &server).ends_with(10);
}

#[test]
fn every_started_step_ends_once() {
    let world = World::new();
    let run = world.adhoc("update backend alpha --tag v2 --output json").ends_with(0);
    let steps = |name: &str| {
        let events = run.events().into_iter().filter(|event| event["event"] == name);
        events.map(|event| event["step"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(steps("step_started"), ["resolve", "register", "migrate", "roll"]);
    assert_eq!(steps("step_finished"), steps("step_started"));
}

#[test]
fn a_dry_run_shows_the_difference_and_changes_nothing() {
    let world = World::new();
    let run = world.adhoc("update backend alpha --tag v2 --dry-run").ends_with(0);
    let all = run.stdout.clone() + &run.stderr;
    assert!(all.contains("alpha-gunicorn") && all.contains("v1.0.0 → v2"), "{all}");
    assert_eq!(world.mutations(), Vec::<String>::new());
}

#[test]
fn a_failing_migration_leaves_the_services_alone() {
    let world = World::new();
    let failing = ["sh", "-c", "echo column slug is missing >&2; exit 3"];
    world.server.add_behaviour(Behaviour::command("*-migrate", failing));
    let run = world.adhoc("update backend alpha --tag v2").ends_with(4);
    assert!(run.stderr.contains("column slug is missing"), "{}", run.stderr);
    assert!(run.errors()[0].contains("exited with code 3"), "{}", run.stderr);
    assert!(!world.mutations().contains(&"UpdateService".to_owned()));
}

#[test]
fn a_crashing_release_is_rolled_back_and_explained() {
    let world = World::new();
    let crash = Behaviour::command("*-gunicorn", ["sh", "-c", "echo no module named ublog; exit 7"]);
    world.server.add_behaviour(crash.with_image("*:v2"));
    let run = world.adhoc("update backend alpha --tag v2").ends_with(6);
    for part in ["rolled back", "exit code 7", "no module named ublog", "adhoc logs gunicorn alpha"] {
        assert!((run.stdout.clone() + &run.stderr).contains(part), "{part}: {}{}", run.stdout, run.stderr);
    }
    // The worker and the scheduler had succeeded; a rollback puts them beside gunicorn again.
    let run = world.adhoc("rollback backend alpha --output json").ends_with(0);
    let summary = run.summary();
    assert_eq!(by(&summary["services"], "service", "alpha-gunicorn")["verdict"], "unchanged");
    assert_eq!(by(&summary["services"], "service", "alpha-beat")["to"], "alpha-beat:1");
}

#[test]
fn an_interrupted_update_names_what_goes_on_and_resumes() {
    let world = World::new();
    world.server.add_behaviour(Behaviour::command("*-migrate", ["sh", "-c", &world.until_file("go")]));
    let child = world.spawn("update backend alpha --tag v2 --output json");
    world.until("the migration runs", || world.mutations().contains(&"RunTask".to_owned()));
    interrupt(&child);
    let run = finish(child).ends_with(130);
    let summary = run.summary();
    assert_eq!(summary["outcome"], "interrupted");
    assert!(summary["hint"].as_str().unwrap().contains("adhoc update backend alpha --tag v2"), "{summary}");

    let again = world.spawn("update backend alpha --tag v2 --output json");
    let listings = || world.server.calls().iter().filter(|call| call.operation == "ListTasks").count();
    world.until("the second run has looked for the migration", || listings() >= 4);
    world.file("go", "");
    let run = finish(again).ends_with(0);
    let started = run.events().into_iter().find(|event| event["event"] == "task_started").unwrap();
    assert_eq!(started["joined"], true);
    assert_eq!(world.mutations().iter().filter(|it| *it == "RunTask").count(), 1, "one migration in all");
}

#[test]
fn run_streams_a_command_and_tells_its_exit_code() {
    let world = World::new();
    let mut command = world.command("run migrate alpha");
    let run = Run::of(command.args(["--", "sh", "-c", "echo hello; exit 9"]).output().unwrap()).ends_with(4);
    assert!(run.stderr.contains("hello") && run.errors()[0].contains("exited with code 9"), "{}", run.stderr);
    let run = world.adhoc("run migrate alpha --tag v9 --output json -- printenv ADHOC_IMAGE").ends_with(0);
    let line = run.events().into_iter().find(|event| event["event"] == "log_line").unwrap();
    assert!(line["message"].as_str().unwrap().ends_with("backend:v9"));
    assert_eq!(run.summary()["tasks"][0]["exit_code"], 0);
}

#[test]
fn status_shows_what_runs() {
    let world = World::new();
    let run = world.adhoc("status alpha").ends_with(0);
    for part in ["alpha-gunicorn", "backend:v1.0.0", "frontend", "alpha-redis"] {
        assert!(run.stdout.contains(part), "{}", run.stdout);
    }
    let json = world.adhoc("status alpha --output json").ends_with(0).summary();
    assert_eq!(json["result"]["environment"], "alpha");
    assert_eq!(json["result"]["rows"][0]["component"], "backend");
}

#[test]
fn logs_go_to_stdout_and_follow_survives_an_update() {
    let world = World::new();
    let talk = ["sh", "-c", "echo I am $ADHOC_IMAGE; exec sleep 60"];
    world.server.add_behaviour(Behaviour::command("*-gunicorn", talk));
    world.adhoc("update backend alpha --tag v2 --skip-pre-update").ends_with(0);
    let mut child = world.spawn("logs gunicorn alpha -f");
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains("backend:v2")));
    world.adhoc("update backend alpha --tag v3 --skip-pre-update").ends_with(0);
    assert!(lines.any(|line| line.contains("backend:v3")), "the replacement's lines follow");
    interrupt(&child);
    finish(child).ends_with(130);
    let run = world.adhoc("logs gunicorn alpha --since 1h").ends_with(0);
    assert!(run.stdout.contains("backend:v2") && run.stdout.contains("backend:v3"), "{}", run.stdout);
}

#[test]
fn the_frontend_has_no_migration() {
    let world = World::new();
    world.adhoc("update frontend alpha --tag v2").ends_with(0);
    assert_eq!(world.mutations(), ["RegisterTaskDefinition", "UpdateService"]);
}

#[test]
fn counts_are_left_alone_unless_asked_for() {
    let world = World::with(World::scenario(running("alpha").with_desired_count("gunicorn", 3)));
    world.adhoc("update backend alpha --tag v2").ends_with(0);
    let updates = |server: &adhoc_local::Server| {
        let calls = server.calls().into_iter().filter(|call| call.operation == "UpdateService");
        calls.map(|call| call.request).collect::<Vec<_>>()
    };
    assert!(updates(&world.server).iter().all(|update| update.get("desiredCount").is_none()));
    world.server.clear_calls();
    world.adhoc("update backend alpha --tag v3 --desired-count gunicorn=2").ends_with(0);
    let counts: Vec<Value> = updates(&world.server).iter().filter_map(|it| it.get("desiredCount").cloned()).collect();
    assert_eq!(counts, [Value::from(2)]);
}

#[test]
fn github_gets_a_summary_and_outputs() {
    let world = World::new();
    let (step, output) = (world.folder.path().join("step.md"), world.folder.path().join("output"));
    let mut command = world.command("update backend alpha --tag v2");
    let run = command.env("GITHUB_STEP_SUMMARY", &step).env("GITHUB_OUTPUT", &output).output().unwrap();
    Run::of(run).ends_with(0);
    let step = std::fs::read_to_string(step).unwrap();
    assert!(step.contains("alpha-gunicorn") && step.contains('|'), "{step}");
    let output = std::fs::read_to_string(output).unwrap();
    assert!(output.contains("outcome=succeeded") && output.contains("exit_code=0"), "{output}");
}

#[test]
fn secrets_are_nowhere_even_with_all_verbosity() {
    let world = World::new();
    let run = world.adhoc("update backend alpha --tag v2 -vv --output json").ends_with(0);
    assert!(!(run.stdout + &run.stderr).contains("test-secret-key-never-shown"));
}

#[test]
fn a_closed_pipe_is_no_panic() {
    let world = World::new();
    let mut child = world.spawn("update backend alpha --tag v2 --output json");
    drop(child.stdout.take());
    let run = finish(child).ends_with(0);
    assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
}

#[test]
fn following_ends_when_nobody_reads() {
    let world = World::new();
    let chatty = Behaviour::command("*-gunicorn", ["sh", "-c", "while echo tick; do sleep 0.1; done"]);
    world.server.add_behaviour(chatty);
    world.adhoc("update backend alpha --tag v2 --skip-pre-update").ends_with(0);
    let mut child = world.spawn("logs gunicorn alpha -f");
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.by_ref().any(|line| line.unwrap().contains("tick")));
    drop(lines);
    finish(child).ends_with(130);
}

#[test]
fn somebody_else_may_deploy_during_the_migration() {
    let world = World::new();
    world.adhoc("update backend alpha --tag v2").ends_with(0);
    world.server.add_behaviour(Behaviour::command("*-migrate", ["sh", "-c", &world.until_file("go")]));
    let child = world.spawn("update backend alpha --tag v2 --output json");
    world.until("the migration runs", || world.mutations().iter().filter(|it| *it == "RunTask").count() == 2);
    world.adhoc("rollback backend alpha --to alpha-gunicorn:1").ends_with(0);
    world.file("go", "");
    let summary = finish(child).ends_with(0).summary();
    let gunicorn = by(&summary["services"], "service", "alpha-gunicorn");
    assert_eq!((&gunicorn["verdict"], &gunicorn["to"]), (&"succeeded".into(), &"alpha-gunicorn:2".into()));
}

#[test]
fn the_command_that_resumes_is_the_whole_command() {
    let world = World::new();
    let child = world
        .command("run migrate alpha --timeout 5m")
        .args(["--", "sh", "-c", "sleep 3; echo x"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    world.until("the task runs", || world.mutations().contains(&"RunTask".to_owned()));
    interrupt(&child);
    let run = finish(child).ends_with(130);
    let all = run.stdout + &run.stderr;
    for part in ["may still run in alpha-cluster", "adhoc run migrate alpha --timeout 5m -- sh -c 'sleep 3; echo x'"] {
        assert!(all.contains(part), "{part}: {all}");
    }
}

#[test]
fn serving_is_announced_and_ends_in_good_order() {
    let folder = tempfile::tempdir().unwrap();
    let mut serve = bare_command("local serve --port 0", folder.path());
    let mut child = serve.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let first = lines.next().unwrap();
    let endpoint = first.split_whitespace().find(|word| word.starts_with("http://")).unwrap().trim_end_matches(',');
    let mut status = bare_command("status alpha --region us-east-1", folder.path());
    status.env("AWS_ENDPOINT_URL", endpoint).env("AWS_ACCESS_KEY_ID", "a").env("AWS_SECRET_ACCESS_KEY", "b");
    let run = Run::of(status.output().unwrap()).ends_with(0);
    assert!(run.stdout.contains("alpha-gunicorn"), "{}", run.stdout);
    interrupt(&child);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn the_demo_plays_and_reads_well_in_a_pipe() {
    let folder = tempfile::tempdir().unwrap();
    let run = Run::of(bare_command("demo --fast", folder.path()).output().unwrap()).ends_with(0);
    let all = run.stdout + &run.stderr;
    for part in ["An environment appears", "no service was touched", "rolled back", "Environments left: 0"] {
        assert!(all.contains(part), "{part}");
    }
    assert!(!all.contains('\u{1b}'), "no escapes in a pipe");
}
