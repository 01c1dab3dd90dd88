//! `adhoc verify`, `quota` and `cost` on the embedded AWS, which knows neither IAM nor Service Quotas nor load balancers: what
//! cannot be looked at never stands in the way.

#![expect(clippy::unwrap_used, reason = "what goes wrong in a fixture fails the test")]

mod support;

use adhoc_local::{EnvironmentSpec, Fault, Scenario};
use serde_json::{Value, json};
use support::{World, running};

/// An AWS with `alpha`, whose repositories have these tags of the backend.
fn world(tags: &[&str]) -> World {
    let images: Vec<String> = tags.iter().map(|tag| (*tag).to_owned()).collect();
    steady(World::with(World::scenario(running("alpha")).with_images("backend", images)))
}

/// The same, once the first deployments of `alpha` have ended.
fn steady(world: World) -> World {
    world.until("alpha to be steady", || !world.adhoc("verify alpha").stdout.contains("a deployment is under way"));
    world
}

/// The rows of `adhoc verify` about one kind of thing, each as subject, verdict and reason.
fn rows<'a>(result: &'a Value, check: &str) -> Vec<(&'a str, &'a str, &'a str)> {
    let rows = result["findings"].as_array().unwrap().iter().filter(|row| row["check"] == check);
    rows.map(|row| {
        let text = |member: &str| row[member].as_str().unwrap();
        (text("subject"), text("verdict"), text("reason"))
    })
    .collect()
}

fn verify(world: &World, line: &str, code: i32) -> Value {
    world.adhoc(&format!("verify {line} --output json")).ends_with(code).summary()["result"].clone()
}

#[test]
fn an_environment_in_order_passes_and_nothing_is_touched() {
    let world = world(&["v1.0.0"]);
    world.server.add_fault(Fault::error("GetRole", "AccessDenied", "not allowed", 403).with_times(0));
    let run = world.adhoc("verify alpha").ends_with(0);
    assert!(run.stdout.starts_with("alpha: nothing stands in the way of an update: "), "{}", run.stdout);
    let result = verify(&world, "alpha", 0);
    assert_eq!(rows(&result, "cluster"), [("alpha-cluster", "ok", "ACTIVE, 5 services")]);
    let families = rows(&result, "task definition");
    assert!(families.len() > 4 && families.contains(&("alpha-gunicorn", "ok", "alpha-gunicorn:1")), "{families:?}");
    let image = rows(&result, "image").into_iter().find(|row| row.0 == "backend:v1.0.0").unwrap();
    assert!(image.1 == "ok" && image.2.starts_with("sha256:"), "{image:?}");
    assert!(rows(&result, "service").contains(&("alpha-gunicorn", "ok", "1/1 tasks")), "{result}");
    let role = rows(&result, "task role")[0];
    assert_eq!(role, ("dev-ecs-task", "skipped", "not allowed to look (iam:GetRole)"));
    assert_eq!(world.mutations(), [""; 0]);
}

#[test]
fn a_release_without_its_image_would_find_nothing() {
    let world = world(&["v1.0.0"]);
    let result = verify(&world, "alpha --component backend --tag v9", 3);
    let image = rows(&result, "image").into_iter().find(|row| row.0 == "backend:v9").unwrap();
    assert_eq!(image.1, "failed", "{image:?}");
    let row = result["findings"].as_array().unwrap().iter().find(|row| row["subject"] == "backend:v9").unwrap();
    assert_eq!(row["outcome"], "not_found");
    assert!(row["hint"].as_str().unwrap().contains("push it"), "{row}");
    let services: Vec<&str> = rows(&result, "service").iter().map(|row| row.0).collect();
    assert!(services.contains(&"alpha-gunicorn") && !services.contains(&"alpha-web-ui"), "{services:?}");
    verify(&world, "alpha --component backend --tag v1.0.0", 0);
    world.adhoc("verify alpha --tag v1.0.0").ends_with(2);
    assert_eq!(world.adhoc("verify alpha --component nothing").ends_with(2).errors().len(), 1);
}

#[test]
fn without_a_cluster_there_is_nothing_more_to_look_at() {
    let run = world(&[]).adhoc("verify beta").ends_with(3);
    assert!(run.stdout.contains("✗ cluster   beta-cluster   is not there"), "{}", run.stdout);
    assert!(run.stdout.starts_with("beta: an update would not succeed: 1 check failed, 0 ok\n"), "{}", run.stdout);
}

#[test]
fn a_service_that_cannot_be_rolled_is_a_refusal() {
    let spec = running("alpha").with_deployment_controller("beat", "CODE_DEPLOY").with_circuit_breaker(false);
    let world = steady(World::with(World::scenario(spec)));
    let result = verify(&world, "alpha --component backend", 2);
    let beat = rows(&result, "service").into_iter().find(|row| row.0 == "alpha-beat").unwrap();
    assert_eq!((beat.1, beat.2), ("failed", "is deployed by CODE_DEPLOY, which UpdateService cannot roll"));
    let run = world.adhoc("verify alpha --component backend").ends_with(2);
    assert_eq!(run.stdout.matches("its circuit breaker is off").count(), 1, "once for all services: {}", run.stdout);
}

#[test]
fn an_environment_costs_what_its_tasks_have_and_nothing_when_it_sleeps() {
    let world = world(&[]);
    // A task has a quarter of a vCPU and half a GB; Spot; 24 hours.
    let per_task = |vcpu: f64, gb: f64| 24.0 * (0.25 * vcpu + 0.5 * gb);
    let cost = |line: &str| world.adhoc(&format!("{line} --output json")).ends_with(0).summary()["result"].clone();
    let report = cost("cost alpha");
    let beat = report["environments"][0]["items"].as_array().unwrap().iter().find(|it| it["name"] == "alpha-beat");
    let beat = beat.unwrap();
    let (paid, spot) = (beat["per_day"].as_f64().unwrap(), beat["detail"].as_str().unwrap().contains("Spot"));
    let expected = if spot { per_task(0.012_144, 0.001_334) } else { per_task(0.040_48, 0.004_445) };
    assert!((paid - expected).abs() < 0.000_01, "{beat} {expected}");
    assert_eq!(report["per_day"], report["environments"][0]["per_day"]);

    world.file(
        "prices.toml",
        "as_of = \"2026-05-01\"\n[regions.us-east-1]\nfargate_vcpu_hour = 1\nfargate_gb_hour = 0\n\
        fargate_spot_vcpu_hour = 1\nfargate_spot_gb_hour = 0\n",
    );
    let run = world.adhoc("cost alpha --prices prices.toml").ends_with(0);
    assert!(run.stdout.contains("at prices of 2026-05-01, from prices.toml"), "{}", run.stdout);
    world.file("adhoc.toml", "[cost]\nprices = \"prices.toml\"\n");
    assert_eq!(cost("cost alpha")["prices_as_of"], "2026-05-01");
    // Five services of a task each, at six dollars a day.
    let list = cost("list");
    assert_eq!(list["environments"][0]["cost_cents_per_day"], 3000, "{list}");
    assert!(world.adhoc("list").ends_with(0).stdout.starts_with("1 environment: 1 live; $30.00 per day\n"));

    world.adhoc("stop alpha").ends_with(0);
    assert_eq!(cost("cost alpha")["per_day"], 0.0);
    assert_eq!(world.adhoc("cost nothing").ends_with(3).errors().len(), 1);
    world.file("prices.toml", "as_of = 1\n");
    let run = world.adhoc("cost").ends_with(2);
    assert!(run.errors()[0].contains("prices.toml:1:9"), "{}", run.stderr);
    let run = world.adhoc("list").ends_with(0);
    assert!(run.stderr.contains("costs are not known"), "{}", run.stderr);
}

#[test]
fn what_environments_share_is_counted_as_far_as_it_can_be_read() {
    let world = World::with(World::scenario(running("alpha")).with_environment(running("beta")));
    let report = world.adhoc("cost --output json").ends_with(0).summary()["result"].clone();
    let names: Vec<&Value> = report["environments"].as_array().unwrap().iter().map(|it| &it["name"]).collect();
    assert_eq!(names, ["alpha", "beta"]);
    let items: Vec<&Value> = report["shared"]["items"].as_array().unwrap().iter().map(|it| &it["name"]).collect();
    assert!(items.contains(&&json!("dev-rds")) && items.contains(&&json!("dev-bastion")), "{report}");
    let unreadable = report["unreadable"].to_string();
    assert!(unreadable.contains("DescribeLoadBalancers") && unreadable.contains("DescribeNatGateways"), "{unreadable}");
    let sum: f64 = report["environments"]
        .as_array()
        .unwrap()
        .iter()
        .chain([&report["shared"]])
        .map(|group| group["per_day"].as_f64().unwrap())
        .sum();
    assert!((report["per_day"].as_f64().unwrap() - sum).abs() < 0.000_01, "{report}");
}

#[test]
fn quotas_stand_on_what_can_be_read() {
    let world = World::with(Scenario::empty().with_environment(running("alpha").with_desired_count("gunicorn", 2)));
    world.until("alpha to run", || world.adhoc("status alpha").stdout.contains("2/2"));
    world.server.add_fault(Fault::error("GetServiceQuota", "AccessDeniedException", "not allowed", 400).with_times(0));
    let run = world.adhoc("quota --output json").ends_with(0);
    let table = run.summary()["result"].clone();
    let row = |name: &str| table["quotas"].as_array().unwrap().iter().find(|row| row["quota"] == name).cloned();
    let clusters = row("clusters").unwrap();
    assert_eq!((&clusters["used"], &clusters["limit"]), (&json!(1), &json!(10_000)), "{clusters}");
    assert_eq!((&clusters["is_default"], &clusters["is_measured"]), (&json!(true), &json!(false)));
    let addresses = row("private addresses").unwrap();
    assert_eq!((&addresses["per_environment"], &addresses["is_measured"]), (&json!(6), &json!(true)), "{table}");
    assert!(table["unknown"].to_string().contains("listener rules"), "{table}");
    assert!(table["defaults"].to_string().contains("not allowed"), "{table}");
    let text = world.adhoc("quota").ends_with(0).stdout;
    assert!(text.contains("run out first") && text.contains("default: AWS's"), "{text}");
    assert_eq!(world.mutations(), [""; 0]);
}

#[test]
fn a_sleeping_account_is_measured_by_the_defaults() {
    let world = World::with(World::scenario(EnvironmentSpec::new("alpha").with_desired_count("redis", 0)));
    let table = world.adhoc("quota --output json").ends_with(0).summary()["result"].clone();
    assert_eq!(table["measured_on"], 0, "{table}");
    assert!(table["environments_that_fit"].as_u64().is_some_and(|fits| fits > 0), "{table}");
}
