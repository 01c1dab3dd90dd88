//! `adhoc list`, `sweep`, `stop`, `start` and `extend` on the embedded AWS, as a user or a scheduled job runs them.

#![expect(clippy::unwrap_used, reason = "what goes wrong in a fixture fails the test")]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use adhoc_core::{Clock, SystemClock, Timestamp};
use adhoc_local::{Behaviour, EnvironmentSpec, Fault, Scenario, Timing};
use jiff::SignedDuration;
use serde_json::{Value, json};
use support::{World, running};

fn hours(number: i64) -> Timestamp {
    SystemClock::new().now() + SignedDuration::from_hours(number)
}

/// An environment of `ada`'s that was made a hundred hours ago and expires in so many.
fn expiring(name: &str, in_hours: i64) -> EnvironmentSpec {
    let (made, ends) = (hours(-100).to_string(), hours(in_hours).to_string());
    running(name).with_owner("ada").with_created_at(made).with_expires_at(ends)
}

fn world(environments: impl IntoIterator<Item = EnvironmentSpec>) -> World {
    let empty = Scenario::empty().with_timing(Timing::instant());
    World::with(environments.into_iter().fold(empty, Scenario::with_environment))
}

/// The summary's `result` of a command that ends well.
fn result(world: &World, line: &str) -> Value {
    world.adhoc(&format!("{line} --output json")).ends_with(0).summary()["result"].clone()
}

fn environment(world: &World, name: &str) -> Value {
    let list = result(world, "list");
    let rows = list["environments"].as_array().unwrap();
    rows.iter().find(|row| row["name"] == name).unwrap_or(&Value::Null).clone()
}

/// What a sweep does with each environment.
fn actions(sweep: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let rows = sweep["sweep"].as_array().unwrap().iter();
    rows.map(|row| (text(&row["environment"]), text(&row["action"]))).collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
}

fn calls(world: &World, operation: &str) -> Vec<Value> {
    let calls = world.server.calls().into_iter().filter(|call| call.operation == operation);
    calls.map(|call| call.request).collect()
}

/// A project whose `terraform` knows these workspaces, and `ghost` with an empty state.
fn with_terraform(world: &World, workspaces: &[&str]) {
    let workspaces = workspaces.iter().map(|name| format!("  {name}\\n")).collect::<String>();
    let folder = world.folder.path();
    fs::create_dir_all(folder.join("terraform/ad-hoc/envs")).unwrap();
    fs::create_dir_all(folder.join("bin")).unwrap();
    world.file("terraform/ad-hoc/main.tf", "").file("terraform/ad-hoc/envs/later.tfvars", "");
    let script = format!(
        "#!/bin/sh\ncd '{}'\ncase \"$1 $2\" in\nversion*) echo 'Terraform v1.11.4' ;;\n\
         \"workspace list\") printf '* default\\n{workspaces}'; test -e deleted || echo '  ghost' ;;\n\
         \"workspace delete\") echo \"$3\" >deleted ;;\n\"state list\") echo 'No state file was found!' >&2; exit 1 ;;\nesac\n",
        folder.display()
    );
    world.file("bin/terraform", &script).file("adhoc.toml", "[terraform]\nbin = \"bin/terraform\"\n");
    fs::set_permissions(folder.join("bin/terraform"), fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_list_says_who_has_what_and_until_when() {
    let world = world([expiring("alpha", 75), EnvironmentSpec::new("beta")]);
    world.file("adhoc.toml", "[project]\nname = \"ublog\"\ndomain = \"dev.example.com\"\n");
    let run = world.adhoc("list --html list.html --markdown list.md").ends_with(0);
    assert!(run.stdout.starts_with("2 environments: 2 live; $"), "{}", run.stdout);
    let alpha = run.stdout.lines().find(|line| line.contains("alpha")).unwrap();
    for part in ["✓ live", "5/5", "v1.0.0", "ada", "4 days", "in 3 days"] {
        assert!(alpha.contains(part), "{part}: {alpha}");
    }
    let read = |name: &str| fs::read_to_string(world.folder.path().join(name)).unwrap();
    let (page, markdown) = (read("list.html"), read("list.md"));
    assert!(page.contains("https://alpha.dev.example.com") && page.contains("ublog environments"), "{page}");
    assert!(markdown.contains("[alpha](https://alpha.dev.example.com)"), "{markdown}");

    let alpha = environment(&world, "alpha");
    assert_eq!((&alpha["state"], &alpha["owner"]), (&"live".into(), &"ada".into()));
    assert_eq!(alpha["versions"], json!({"backend": "v1.0.0", "frontend": "v1.0.0"}));
    assert_eq!(alpha["services"], json!({"services": 5, "desired": 5, "running": 5, "pending": 0}));
    assert_eq!(environment(&world, "beta")["versions"], json!({}), "a placeholder is no version");
    assert_eq!(world.adhoc("list --html no/such/folder.html").ends_with(2).errors().len(), 1);
}

#[test]
fn an_update_and_a_rollback_tell_the_version() {
    let world = world([expiring("alpha", 75)]);
    world.adhoc("update backend alpha --tag v1.1.0").ends_with(0);
    let tags = calls(&world, "TagResource");
    assert_eq!(tags[0]["tags"], json!([{"key": "adhoc:backend", "value": "v1.1.0"}]));
    assert_eq!(environment(&world, "alpha")["versions"]["backend"], "v1.1.0");
    world.adhoc("update backend alpha --tag v1.1.0").ends_with(0);
    assert_eq!(calls(&world, "TagResource").len(), 1, "it is known already");
    world.adhoc("update backend alpha --tag v1.2.0 --dry-run").ends_with(0);
    world.server.add_behaviour(Behaviour::command("*-migrate", ["sh", "-c", "exit 1"]));
    world.adhoc("update backend alpha --tag v1.3.0").ends_with(4);
    assert_eq!(environment(&world, "alpha")["versions"]["backend"], "v1.1.0", "nothing of v1.2.0 or v1.3.0 runs");
    world.adhoc("rollback backend alpha").ends_with(0);
    assert_eq!(environment(&world, "alpha")["versions"]["backend"], "v1.0.0");
    world.server.add_fault(Fault::error("TagResource", "AccessDeniedException", "not allowed", 400).with_times(0));
    let run = world.adhoc("update frontend alpha --tag v1.1.0").ends_with(0);
    assert!(run.stderr.contains("the tag adhoc:frontend could not be written"), "{}", run.stderr);
}

#[test]
fn what_is_stopped_starts_with_its_counts() {
    let world = world([expiring("alpha", 75).with_desired_count("gunicorn", 3).with_desired_count("beat", 0)]);
    let run = world.adhoc("stop alpha").ends_with(0);
    assert_eq!(run.stdout, "✓ alpha is asleep: 4 services stopped; `adhoc start alpha` wakes it\n");
    let first = calls(&world, "UpdateService");
    assert_eq!((first.len(), first.iter().all(|update| update["desiredCount"] == 0)), (4, true));
    let alpha = environment(&world, "alpha");
    assert_eq!((&alpha["state"], &alpha["services"]["running"]), (&"stopped".into(), &0.into()));
    assert!(alpha["stopped_at"].is_string());
    let again = world.adhoc("stop alpha").ends_with(0);
    assert_eq!(again.stdout, "· alpha is left as it is: nothing in it ran\n");

    let run = world.adhoc("start alpha").ends_with(0);
    assert!(run.stdout.contains("start alpha succeeded") && run.stdout.contains("alpha-gunicorn"), "{}", run.stdout);
    let alpha = environment(&world, "alpha");
    assert_eq!(alpha["services"], json!({"services": 5, "desired": 6, "running": 6, "pending": 0}));
    assert_eq!((&alpha["state"], &alpha["stopped_at"]), (&"live".into(), &Value::Null));
    let again = world.adhoc("start alpha").ends_with(0);
    assert_eq!(again.stdout, "· alpha is left as it is: is not asleep\n");
    assert_eq!(world.adhoc("stop nobody").ends_with(3).errors().len(), 1);
}

#[test]
fn all_are_put_to_sleep_but_for_those_that_are_wanted() {
    let world = world([expiring("alpha", 75), expiring("beta", 75), expiring("gamma", 75), expiring("dev", 75)]);
    world.file("adhoc.toml", "[lifecycle]\nprotected = [\"gamma\"]\n");
    let refused = Fault::error("UpdateService", "AccessDeniedException", "not allowed", 400).with_times(5);
    world.server.add_fault(refused);
    let run = world.adhoc("stop --all --except beta").ends_with(10);
    assert!(run.stdout.contains("✗ failed") && run.stdout.contains("is protected"), "{}", run.stdout);
    let run = world.adhoc("stop --all --except beta").ends_with(0);
    assert!(run.stdout.contains("✓ stopped"), "{}", run.stdout);
    let states = ["alpha", "beta", "gamma"].map(|name| environment(&world, name)["state"].clone());
    assert_eq!(states, ["stopped", "live", "live"]);
    assert!(world.adhoc("stop gamma").ends_with(2).stderr.contains("is protected, and was not stopped"));
    assert!(world.adhoc("stop dev").ends_with(2).stderr.contains("is the shared environment"));
    let rows = result(&world, "start --all")["rows"].clone();
    assert_eq!((&rows[0]["change"], &rows[1]["change"]), (&"started".into(), &"skipped".into()), "{rows}");
    assert_eq!(environment(&world, "alpha")["state"], "live");
}

#[test]
fn an_extension_stays_within_the_greatest_age() {
    let world = world([expiring("alpha", 2)]);
    world.file("adhoc.toml", "[lifecycle]\nttl = \"1d\"\nmax_age = \"6d\"\n");
    let until = |name: &str| environment(&world, name)["expires_at"].as_str().unwrap().parse::<Timestamp>().unwrap();
    let extension = result(&world, "extend alpha");
    assert_eq!(extension["expires_at"], until("alpha").to_string());
    assert!(until("alpha") > hours(23) && until("alpha") <= hours(24));
    let run = world.adhoc("extend alpha --ttl 3d").ends_with(2);
    assert!(run.stderr.contains("may live until") && run.stderr.contains("--keep REASON"), "{}", run.stderr);
    assert!(world.adhoc("extend dev").ends_with(2).stderr.contains("is the shared environment"));
    assert_eq!(world.adhoc("extend nobody").ends_with(3).errors().len(), 1);
    assert!(world.adhoc("extend alpha --keep no").ends_with(2).stderr.contains("is no reason"));
}

#[test]
fn a_sweep_shows_before_it_does() {
    let world = world([expiring("old", -3), expiring("soon", 5), expiring("later", 75), expiring("kept", -9)]);
    let unmanaged = actions(&result(&world, "sweep"));
    assert!(unmanaged.iter().all(|(_, action)| action != "destroy"), "nobody here could destroy them: {unmanaged:?}");
    with_terraform(&world, &["old", "soon", "later", "kept"]);
    world.adhoc("extend kept --keep demo").ends_with(0);
    world.server.clear_calls();
    let run = world.adhoc("sweep").ends_with(0);
    let expected = [("old", "destroy"), ("ghost", "delete_workspace"), ("soon", "warn"), ("kept", "leave")];
    assert_eq!(actions(&result(&world, "sweep"))[..4], pairs(&expected));
    for part in ["expired 3 hours ago; its owner was not warned", "kept: demo", "`adhoc sweep --apply` does it"] {
        assert!(run.stdout.contains(part), "{part}: {}", run.stdout);
    }
    assert!(world.mutations().is_empty() && calls(&world, "TagResource").is_empty());
    world.adhoc("extend kept --no-keep").ends_with(0);
    let limited = result(&world, "sweep --limit 1 --keep soon");
    let expected = [("kept", "destroy"), ("ghost", "delete_workspace"), ("later", "leave"), ("old", "leave")];
    assert_eq!(actions(&limited)[..4], pairs(&expected), "the longest expired goes first");
}

#[test]
fn an_owner_is_warned_once_and_again_after_an_extension() {
    let world = world([expiring("soon", 5)]);
    let run = world.adhoc("sweep --apply").ends_with(0);
    assert!(run.stderr.contains("ada: soon is swept away in 4 hours"), "{}", run.stderr);
    assert!(run.stdout.contains("✓ warn its owner"), "{}", run.stdout);
    assert!(environment(&world, "soon")["warned_at"].is_string());
    let again = world.adhoc("sweep --apply").ends_with(0);
    assert!(
        again.stdout.contains("and its owner has been warned") && !again.stderr.contains("ada:"),
        "{}",
        again.stdout
    );
    world.adhoc("extend soon --ttl 6h").ends_with(0);
    assert_eq!(environment(&world, "soon")["warned_at"], Value::Null);
    assert_eq!(actions(&result(&world, "sweep")), pairs(&[("soon", "warn")]));
}

#[test]
fn workspaces_are_joined_and_an_empty_one_is_deleted() {
    let world = world([expiring("alpha", 75), expiring("beta", 75)]);
    with_terraform(&world, &["alpha"]);
    let list = result(&world, "list");
    let rows = list["environments"].as_array().unwrap();
    let states: Vec<_> =
        rows.iter().map(|row| (row["name"].as_str().unwrap(), row["state"].as_str().unwrap())).collect();
    let expected = [("alpha", "live"), ("beta", "live"), ("ghost", "ghost_workspace"), ("later", "configured")];
    assert_eq!(states, expected);
    assert_eq!(rows[1]["notes"], json!(["has no workspace"]));
    assert_eq!(actions(&result(&world, "sweep"))[0], ("ghost".to_owned(), "delete_workspace".to_owned()));
    world.adhoc("sweep --apply").ends_with(0);
    assert_eq!(fs::read_to_string(world.folder.path().join("deleted")).unwrap(), "ghost\n");
    assert_eq!(environment(&world, "ghost"), Value::Null);
}

#[test]
fn what_cannot_be_read_costs_its_column_and_sweeps_nothing() {
    let world = world([expiring("alpha", -5)]);
    with_terraform(&world, &["alpha"]);
    world.file("adhoc.toml", "[terraform]\nbin = \"no-such-terraform\"\n");
    let run = world.adhoc("list").ends_with(0);
    assert!(run.stdout.contains("✓ live") && run.stdout.contains("! unknown"), "{}", run.stdout);
    assert!(run.stderr.contains("the workspaces could not be read"), "{}", run.stderr);

    with_terraform(&world, &["alpha"]);
    world.server.add_fault(Fault::error("ListClusters", "AccessDeniedException", "not allowed", 400).with_times(0));
    let run = world.adhoc("list").ends_with(0);
    assert!(run.stderr.contains("the clusters could not be read"), "{}", run.stderr);
    assert!(!run.stdout.contains("ghost workspace"), "{}", run.stdout);
    world.adhoc("sweep --apply").ends_with(10);
    assert!(!world.folder.path().join("deleted").exists());
    fs::remove_dir_all(world.folder.path().join("terraform")).unwrap();
    assert_eq!(world.adhoc("list").ends_with(10).errors().len(), 1, "nothing could be read");
}
