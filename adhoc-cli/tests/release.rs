//! `promote`, `rollback` and `logs -f`, and environments in several accounts, on the embedded AWS.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what goes wrong in a fixture fails the test")]

mod support;

use std::io::{BufRead, BufReader};

use adhoc_local::{Behaviour, EnvironmentSpec, Fault};
use serde_json::Value;
use support::{Run, World, interrupt, running};

fn by<'a>(list: &'a Value, key: &str, value: &str) -> &'a Value {
    list.as_array().unwrap().iter().find(|item| item[key] == value).unwrap_or_else(|| panic!("no {value} in {list}"))
}

/// `staging` at v1.0.0 and running, `production` as Terraform makes it.
fn two_environments() -> World {
    World::with(World::scenario(running("staging")).with_environment(EnvironmentSpec::new("production")))
}

#[test]
fn promote_brings_the_very_image_to_another_environment() {
    let world = two_environments();
    world.adhoc("update backend staging --tag v1.1.0").ends_with(0);
    world.server.clear_calls();
    let dry = world.adhoc("promote backend staging production --dry-run").ends_with(0);
    assert!(dry.stdout.contains("v1.1.0") && dry.stdout.contains("sha256:"), "{}", dry.stdout);
    assert_eq!(world.mutations(), Vec::<String>::new());
    let summary = world.adhoc("promote backend staging production --output json").ends_with(0).summary();
    assert_eq!((&summary["command"], &summary["environment"]), (&"promote".into(), &"production".into()));
    let image = by(&summary["task_definitions"], "family", "production-gunicorn")["image"].as_str().unwrap();
    assert!(image.contains("/backend:v1.1.0@sha256:"), "{image}");
    assert_eq!(by(&summary["tasks"], "family", "production-migrate")["exit_code"], 0);
    assert_eq!(by(&summary["services"], "service", "production-beat")["verdict"], "succeeded");
    // What it runs now can be promoted in turn, and back again nothing changes.
    let back = world.adhoc("promote backend production staging --output json").ends_with(0).summary();
    assert_eq!(by(&back["task_definitions"], "family", "staging-gunicorn")["image"], image);
    let again =
        world.adhoc("promote backend staging production --skip-pre-update --output json").ends_with(0).summary();
    assert_eq!(by(&again["services"], "service", "production-gunicorn")["verdict"], "unchanged");
}

#[test]
fn what_is_in_doubt_is_not_promoted() {
    let world = two_environments();
    let refusal = |world: &World, code: i32| {
        let run = world.adhoc("promote backend staging production").ends_with(code);
        assert!(!world.mutations().iter().any(|call| call == "RegisterTaskDefinition"), "nothing was made");
        run.errors()[0].to_owned()
    };
    assert!(
        world.adhoc("promote backend production staging").ends_with(10).errors()[0].contains("has the placeholder")
    );
    assert!(world.adhoc("promote backend staging staging").ends_with(2).errors()[0].contains("to itself"));
    assert!(world.adhoc("promote backend nowhere staging").ends_with(3).errors()[0].contains("environment nowhere"));
    // The release that ECS takes back.
    let crash = Behaviour::command("staging-gunicorn", ["sh", "-c", "exit 7"]);
    world.server.add_behaviour(crash.with_image("*:v2"));
    world.adhoc("update backend staging --tag v2").ends_with(6);
    world.server.clear_calls();
    assert!(refusal(&world, 10).contains("ECS rolled staging-gunicorn back"));
    world.adhoc("rollback backend staging").ends_with(0);
    world.server.clear_calls();
    // gunicorn is where it was put back, and was not deployed again.
    assert!(refusal(&world, 10).contains("staging-gunicorn back"));
}

#[test]
fn an_environment_that_is_being_deployed_is_not_promoted() {
    let world = two_environments();
    world.server.add_behaviour(Behaviour::hang("staging-gunicorn").with_image("*:v2"));
    let child = world.spawn("update backend staging --tag v2");
    world.until("gunicorn is rolled", || world.mutations().contains(&"UpdateService".to_owned()));
    let run = world.adhoc("promote backend staging production").ends_with(10);
    assert!(run.errors()[0].contains("staging-gunicorn is being deployed"), "{}", run.stderr);
    interrupt(&child);
    Run::of(child.wait_with_output().unwrap()).ends_with(130);
}

#[test]
fn a_registry_of_another_account_is_where_tags_are_looked_for() {
    let world = World::new();
    let registry = "111122223333.dkr.ecr.eu-west-1.amazonaws.com";
    let component = "pre_update = ['migrate']\nservices = ['gunicorn', 'default', 'beat']";
    world.file("adhoc.toml", &format!("[components.backend]\nregistry = '{registry}'\n{component}\n"));
    let summary = world.adhoc("update backend alpha --tag v2 --output json").ends_with(0).summary();
    for family in ["alpha-migrate", "alpha-gunicorn"] {
        let image = &by(&summary["task_definitions"], "family", family)["image"];
        assert_eq!(image, &Value::from(format!("{registry}/backend:v2")));
    }
    // A task of another component keeps its own.
    let run = world.adhoc("run web-ui alpha --tag v9 --output json -- printenv ADHOC_IMAGE").ends_with(0);
    let image = run.summary()["task_definitions"][0]["image"].as_str().unwrap().to_owned();
    assert!(image.ends_with("/frontend:v9") && !image.contains(registry), "{image}");
}

const ACCOUNTS: &str = "
[environments.production]
assume_role = 'arn:aws:iam::210987654321:role/deploy'
external_id = 'the-id'
region = 'eu-west-1'
[environments.'stag*']
assume_role = 'arn:aws:iam::333333333333:role/ci/deploy'
";

#[test]
fn each_environment_is_reached_as_its_own_role() {
    let world = two_environments();
    world.file("adhoc.toml", ACCOUNTS);
    world.adhoc("update backend staging --tag v1.1.0").ends_with(0);
    world.server.clear_calls();
    let mut command = world.command("promote backend staging production -vv");
    let run = Run::of(command.env("USER", "jane").env_remove("GITHUB_ACTOR").output().unwrap()).ends_with(0);
    assert!(!(run.stdout + &run.stderr).contains("local-secret"));
    let calls = world.server.calls();
    let assumed: Vec<&Value> =
        calls.iter().filter(|call| call.operation == "AssumeRole").map(|call| &call.request).collect();
    assert_eq!(assumed.len(), 2, "each once: {assumed:?}");
    let production = assumed.iter().find(|it| it["RoleArn"] == "arn:aws:iam::210987654321:role/deploy").unwrap();
    assert_eq!((&production["ExternalId"], &production["RoleSessionName"]), (&"the-id".into(), &"adhoc-jane".into()));
    let keys = |of: &str, operation: &str| -> Vec<String> {
        let about = |call: &&adhoc_local::Call| call.request.to_string().contains(of) && call.operation == operation;
        let mut keys: Vec<String> = calls.iter().filter(about).map(|call| call.access_key.clone()).collect();
        keys.dedup();
        keys
    };
    let (there, here) = (keys("staging-cluster", "DescribeTasks"), keys("production", "UpdateService"));
    assert!(there.len() == 1 && here.len() == 1 && there != here, "{there:?} {here:?}");
    assert!(there[0].starts_with("ASIA") && here[0].starts_with("ASIA"));
    assert!(keys("staging", "UpdateService").is_empty());
    // Without a table, the credentials of the user.
    world.server.create_environment(&running("alpha"));
    world.server.clear_calls();
    world.adhoc("status alpha").ends_with(0);
    assert!(world.server.calls().iter().all(|call| call.access_key == "test"));
}

#[test]
fn a_role_that_cannot_be_assumed_is_named() {
    let world = two_environments();
    world.file("adhoc.toml", ACCOUNTS);
    let denied =
        Fault::error("AssumeRole", "AccessDenied", "User: jane is not authorized to perform: sts:AssumeRole", 403);
    world.server.add_fault(denied.with_times(0));
    for line in ["status production", "update backend production --tag v2", "plan production"] {
        let run = world.adhoc(line).ends_with(10);
        assert!(
            run.errors()[0].contains("arn:aws:iam::210987654321:role/deploy: this role cannot be assumed"),
            "{}",
            run.stderr
        );
        assert!(run.errors()[0].contains("is not authorized") && run.stderr.contains("trust policy"), "{}", run.stderr);
    }
    assert!(world.server.calls().iter().all(|call| call.operation == "AssumeRole"));
}

#[test]
fn a_rollback_goes_to_the_last_release_that_succeeded_and_stays_there() {
    let world = World::new();
    world.adhoc("update backend alpha --tag v1.1.0").ends_with(0);
    world.server.add_behaviour(Behaviour::command("*-gunicorn", ["sh", "-c", "exit 7"]).with_image("*:v1.2.0"));
    world.adhoc("update backend alpha --tag v1.2.0").ends_with(6);
    world.adhoc("update backend alpha --tag v1.3.0").ends_with(0);
    let image = |summary: &Value, role: &str| {
        let image = by(&summary["task_definitions"], "family", role)["image"].as_str().unwrap().to_owned();
        image.rsplit(':').next().unwrap().to_owned()
    };
    let summary = world.adhoc("rollback backend alpha --output json").ends_with(0).summary();
    assert_eq!(image(&summary, "alpha-gunicorn"), "v1.1.0", "v1.2.0 never succeeded");
    assert_eq!(by(&summary["services"], "service", "alpha-gunicorn")["verdict"], "succeeded");
    let again = world.adhoc("rollback backend alpha --output json").ends_with(0).summary();
    assert_eq!(image(&again, "alpha-gunicorn"), "v1.1.0");
    assert_eq!(by(&again["services"], "service", "alpha-gunicorn")["verdict"], "unchanged");
}

#[test]
fn a_rollback_never_goes_to_a_placeholder() {
    // Its services have run the placeholder, and successfully.
    let spec = running("alpha").with_image_tag("placeholder");
    let world = World::with(World::scenario(spec));
    world.adhoc("update backend alpha --tag v1.0.0").ends_with(0);
    world.server.clear_calls();
    let run = world.adhoc("rollback backend alpha").ends_with(3);
    assert!(run.errors()[0].contains("has no earlier successful deployment"), "{}", run.stderr);
    assert_eq!(world.mutations(), Vec::<String>::new());
}

#[test]
fn the_last_words_of_a_task_that_is_replaced_are_followed() {
    let world = World::new();
    let talk =
        "echo $ADHOC_IMAGE begins; trap 'sleep 0.2; echo $ADHOC_IMAGE ends; exit 0' TERM; while :; do sleep 0.05; done";
    world.server.add_behaviour(Behaviour::command("*-gunicorn", ["sh", "-c", talk]));
    world.adhoc("update backend alpha --tag v2 --skip-pre-update").ends_with(0);
    let mut child = world.spawn("logs gunicorn alpha -f");
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut read = Vec::new();
    let mut read_until = |parts: &[&str]| {
        while !parts.iter().all(|part| read.iter().any(|line: &String| line.contains(part))) {
            read.push(lines.next().expect("more lines"));
        }
    };
    read_until(&["backend:v2 begins"]);
    // A task that is to stop is still read.
    world.adhoc("update backend alpha --tag v3 --skip-pre-update").ends_with(0);
    read_until(&["backend:v2 ends", "backend:v3 begins"]);
    world.adhoc("update backend alpha --tag v4 --skip-pre-update").ends_with(0);
    read_until(&["backend:v3 ends", "backend:v4 begins"]);
    assert_eq!(read.iter().filter(|line| line.contains("v2 ends")).count(), 1, "{read:?}");
    interrupt(&child);
    Run::of(child.wait_with_output().unwrap()).ends_with(130);
}

#[test]
fn one_off_tasks_have_logs_by_their_role() {
    let world = World::new();
    world.server.add_behaviour(Behaviour::command("*-migrate", ["sh", "-c", "echo all migrated"]));
    world.adhoc("run migrate alpha").ends_with(0);
    assert!(world.adhoc("logs migrate alpha").ends_with(0).stdout.contains("all migrated"));
    let run = world.adhoc("logs migrat alpha").ends_with(3);
    assert!(run.errors()[0].contains("service alpha-migrat: is not there"), "{}", run.stderr);
}
