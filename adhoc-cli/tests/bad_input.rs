//! Bad input gets one clear line and the right exit code, and changes nothing.

mod support;

use adhoc_local::{EnvironmentSpec, Scenario, Timing};
use support::{Run, World, bare_command, running};

/// One error line that holds all of `parts`, a hint, and nothing changed.
#[track_caller]
fn refused(world: &World, line: &str, code: i32, parts: &[&str]) {
    let run = world.adhoc(line).ends_with(code);
    one_clear_line(&run, line, parts);
    assert_eq!(world.mutations(), Vec::<String>::new(), "{line}");
}

#[track_caller]
fn one_clear_line(run: &Run, line: &str, parts: &[&str]) {
    let errors = run.errors();
    assert_eq!(errors.len(), 1, "{line}: {}", run.stderr);
    for part in parts {
        assert!(errors[0].contains(part), "{line}: {:?} is not in {:?}", part, errors[0]);
    }
    assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
}

#[test]
fn unknown_names_are_named() {
    let world = World::new();
    refused(&world, "update backend beta --tag v1", 3, &["environment beta", "cluster beta-cluster"]);
    refused(&world, "status beta", 3, &["environment beta"]);
    refused(&world, "rollback backend beta", 3, &["environment beta"]);
    refused(&world, "update backendd alpha --tag v1", 2, &["component \"backendd\""]);
    refused(&world, "run imgrate alpha", 3, &["task family alpha-imgrate"]);
    refused(&world, "run migrate beta", 3, &["beta"]);
    refused(&world, "logs gunicron alpha", 3, &["service alpha-gunicron"]);
    refused(&world, "update backend alpha --tag v1 --desired-count web-ui=2", 2, &["web-ui"]);
    refused(&world, "rollback backend alpha --to 99", 3, &["99"]);
    refused(&world, "rollback backend alpha --to alpha-nothing:1", 2, &["alpha-nothing"]);
}

#[test]
fn bad_words_are_usage_errors() {
    let world = World::new();
    for (line, part) in [
        ("update backend alpha --tag ''", "empty"),
        ("update backend alpha --tag a/b", "contains '/'"),
        ("update backend alpha --tag v1 --image x:v1", "cannot be used with"),
        ("update backend alpha", "--tag"),
        ("update backend Alpha --tag v1", "lower-case"),
        ("update backend default --tag v1", "reserved"),
        ("update backend alpha --image a//b", "empty path segment"),
        ("update backend alpha --tag v1 --timeout 30", "unit"),
        ("update backend alpha --tag v1 --region ''", "region"),
        ("frobnicate", "frobnicate"),
        ("create default", "reserved"),
        ("create ''", "empty"),
        ("plan a/b", "contains '/'"),
        ("destroy a234567890123456789012345678901234567890", "longer than 28"),
        ("shared create default", "reserved"),
        ("create alpha --set tag", "name=value"),
    ] {
        let run = world.adhoc(line).ends_with(2);
        assert!(run.stderr.contains(part), "{line}: {}", run.stderr);
    }
    assert!(world.server.calls().is_empty());
}

#[test]
fn a_usage_error_in_json_still_ends_with_a_summary() {
    let world = World::new();
    let run = world.adhoc("update backend alpha --tag a/b --output json").ends_with(2);
    assert_eq!(run.stderr, "");
    let summary = run.summary();
    assert_eq!((&summary["outcome"], &summary["exit_code"]), (&"usage".into(), &2.into()));
    assert!(summary["error"].as_str().unwrap().contains("a/b"));
}

#[test]
fn a_service_of_code_deploy_is_refused() {
    let world = World::with(World::scenario(running("alpha").with_deployment_controller("default", "CODE_DEPLOY")));
    refused(&world, "update backend alpha --tag v2", 2, &["service alpha-default", "CODE_DEPLOY"]);
}

#[test]
fn everything_that_is_missing_is_reported_at_once() {
    let spec = running("alpha").without_role("migrate").without_role("beat");
    let world = World::with(World::scenario(spec));
    let parts = ["task family alpha-migrate: has no ACTIVE revision", "task family alpha-beat", "service alpha-beat"];
    refused(&world, "update backend alpha --tag v2", 3, &parts);
}

#[test]
fn no_subnets_is_an_error_of_the_network() {
    let scenario =
        Scenario::from_toml("environments = []\nnetwork = { shared = \"dev\", private_subnets = 0 }").unwrap();
    let world = World::with(scenario.with_timing(Timing::instant()).with_environment(EnvironmentSpec::new("alpha")));
    world
        .file("adhoc.toml", "[components.jobs]\nrepository = \"backend\"\npre_update = [\"migrate\"]\nservices = []\n");
    refused(&world, "update jobs alpha --tag v2", 3, &["subnets", "env=dev", "*private*"]);
}

#[test]
fn a_broken_file_is_shown_with_line_and_column() {
    let world = World::new();
    world.file("adhoc.toml", "[project]\nname = \"x\"\n\n[components.backend]\nservces = [\"gunicorn\"]\n");
    refused(&world, "status alpha", 2, &["adhoc.toml:5:1", "servces"]);
    world.file("adhoc.toml", "[project\n");
    refused(&world, "status alpha", 2, &["adhoc.toml:1:9"]);
    refused(&world, "status alpha --config nowhere.toml", 2, &["nowhere.toml"]);
}

#[test]
fn missing_region_and_credentials_are_told_apart() {
    let world = World::new();
    let folder = world.folder.path();
    let with_endpoint = |line: &str| {
        let mut command = bare_command(line, folder);
        command.env("AWS_ENDPOINT_URL", world.server.endpoint());
        command
    };
    let run = Run::of(with_endpoint("status alpha").output().unwrap()).ends_with(2);
    one_clear_line(&run, "no region", &["no AWS region"]);
    let run = Run::of(with_endpoint("status alpha --region us-east-1").output().unwrap()).ends_with(10);
    one_clear_line(&run, "no credentials", &["no AWS credentials"]);
    assert!(run.stderr.contains("AWS_PROFILE"), "{}", run.stderr);
    assert!(world.server.calls().is_empty());
}

#[test]
fn an_unreachable_endpoint_is_an_error_of_aws() {
    let world = World::new();
    let mut command = world.command("status alpha");
    let run = Run::of(command.env("AWS_ENDPOINT_URL", "http://127.0.0.1:9").output().unwrap()).ends_with(10);
    one_clear_line(&run, "unreachable", &["could not be reached", "onnection refused"]);
}

#[test]
fn a_bad_scenario_is_shown_with_line_and_column() {
    let world = World::new();
    world.file("bad.toml", "region = \"eu-west-1\"\n\n  regoin = 1\n");
    refused(&world, "local serve --port 0 --scenario bad.toml", 2, &["bad.toml:3:3", "regoin"]);
}

#[test]
fn a_profile_that_is_asked_for_is_the_only_source_of_credentials() {
    let world = World::new();
    let run = world.adhoc("status alpha --profile nope").ends_with(10);
    one_clear_line(&run, "profile", &["nope"]);
    assert!(world.server.calls().is_empty(), "the environment's credentials were not used");
    std::fs::create_dir_all(world.folder.path().join(".aws")).expect("a folder");
    world.file(".aws/credentials", "[staging]\naws_access_key_id = a\naws_secret_access_key = b\n");
    world.adhoc("status alpha --profile staging").ends_with(0);
}
