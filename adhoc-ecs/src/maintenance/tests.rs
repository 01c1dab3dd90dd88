use std::sync::Arc;

use adhoc_core::testing::{
    FakeListenerRules, FakeLogs, FakeNetwork, FakeServices, FakeTaskDefinitions, FakeTasks, ManualClock,
    MockListenerRules, RecordingSink,
};
use adhoc_core::{Conventions, Service, TaskDefinitionArn};

use super::*;

const HTTPS: &str = "listener/https";

fn context() -> Context {
    Context::new(Arc::new(ManualClock::new()), Arc::new(RecordingSink::default()))
}

fn alpha() -> Environment {
    Environment::new("alpha".parse().expect("valid"), Conventions::default())
}

/// Services behind the target groups `api` and `web`.
fn ecs() -> Ecs {
    let services = FakeServices::default();
    for (name, groups) in [("gunicorn", vec!["api"]), ("web-ui", vec!["web"]), ("beat", vec![])] {
        let groups = groups.into_iter().map(str::to_owned).collect();
        let service = Service::new(format!("alpha-{name}").as_str().into(), TaskDefinitionArn::new("a"));
        services.insert(service.with_target_groups(groups));
    }
    let (tasks, logs) = (Arc::new(FakeTasks::default()), Arc::new(FakeLogs::default()));
    let network = Arc::new(FakeNetwork::default());
    Ecs::new(Arc::new(FakeTaskDefinitions::default()), tasks, Arc::new(services), logs, network)
}

fn forwarding(listener: &str, priority: u32, host: &str, group: &str) -> ListenerRule {
    ListenerRule::new(format!("{listener}/{priority}"), listener, priority)
        .with_hosts(vec![host.to_owned()])
        .with_target_groups(vec![group.to_owned()])
}

/// alpha at 8 and 25004, and beta right before it.
fn shared() -> FakeListenerRules {
    let rules = FakeListenerRules::default();
    rules.insert(forwarding(HTTPS, 8, "alpha.example.com", "api"));
    rules.insert(forwarding(HTTPS, 25_004, "alpha.example.com", "web"));
    rules.insert(forwarding(HTTPS, 7, "beta.example.com", "beta-api"));
    rules.insert(forwarding("listener/other", 1, "beta.example.com", "beta-api"));
    rules
}

fn page(body: &str) -> FixedResponse {
    FixedResponse::new(503, "text/plain", body).expect("valid")
}

async fn on(rules: &dyn ListenerRules, body: &str) -> Result<MaintenanceReport> {
    maintenance_on(&context(), &ecs(), rules, &alpha(), &page(body)).await
}

async fn off(rules: &dyn ListenerRules) -> usize {
    maintenance_off(&context(), rules, &alpha().name).await.expect("off")
}

#[tokio::test]
async fn the_page_stands_in_front_of_the_environment_and_of_no_other() {
    let rules = shared();
    let before = rules.rules();
    let report = on(&rules, "soon").await.expect("on");
    assert_eq!((report.made, report.hosts), (1, BTreeSet::from(["alpha.example.com".to_owned()])));
    let made: Vec<ListenerRule> = rules.rules().into_iter().filter(|rule| rule.response.is_some()).collect();
    assert_eq!(made.len(), 1);
    assert_eq!((made[0].priority, made[0].hosts.as_slice()), (6, ["alpha.example.com".to_owned()].as_slice()));
    assert_eq!(made[0].tags["adhoc:maintenance"], "alpha");
    assert_eq!(off(&rules).await, 1);
    assert_eq!(rules.rules(), before);
}

#[tokio::test]
async fn both_are_safe_to_repeat() {
    let rules = shared();
    on(&rules, "soon").await.expect("on");
    let first = rules.rules();
    assert_eq!(on(&rules, "soon").await.expect("on again").made, 0);
    assert_eq!(rules.rules(), first);
    assert_eq!((off(&rules).await, off(&rules).await), (1, 0));
}

#[tokio::test]
async fn another_page_replaces_the_former_one() {
    let rules = shared();
    on(&rules, "soon").await.expect("on");
    assert_eq!(on(&rules, "later").await.expect("on").made, 1);
    let bodies: Vec<String> = rules.rules().into_iter().filter_map(|rule| Some(rule.response?.body)).collect();
    assert_eq!(bodies, ["later"]);
}

#[tokio::test]
async fn a_page_that_the_environment_has_overtaken_is_made_anew() {
    let rules = shared();
    on(&rules, "soon").await.expect("on");
    // Terraform has given it another slot since.
    rules.insert(forwarding(HTTPS, 4, "alpha.example.com", "api"));
    on(&rules, "soon").await.expect("on");
    let answering: Vec<u32> =
        rules.rules().into_iter().filter(|rule| rule.response.is_some()).map(|rule| rule.priority).collect();
    assert_eq!(answering, [3]);
}

#[tokio::test]
async fn every_listener_with_the_environment_gets_the_page() {
    let rules = shared();
    rules.insert(forwarding("listener/other", 5, "api.example.com", "api"));
    let report = on(&rules, "soon").await.expect("on");
    assert_eq!((report.made, report.hosts.len()), (2, 2));
    assert_eq!(off(&rules).await, 2);
}

#[tokio::test]
async fn an_environment_without_a_host_cannot_have_it() {
    let rules = FakeListenerRules::default();
    rules.insert(ListenerRule::new("r", HTTPS, 8).with_target_groups(vec!["api".to_owned()]));
    let error = on(&rules, "soon").await.expect_err("no host");
    assert!(matches!(error, Error::NotFound(_)) && error.detail().hint.is_some(), "{error}");
}

#[tokio::test]
async fn without_a_priority_before_it_there_is_no_page() {
    let rules = FakeListenerRules::default();
    rules.insert(forwarding(HTTPS, 1, "alpha.example.com", "api"));
    let error = on(&rules, "soon").await.expect_err("no room");
    assert!(matches!(error, Error::Rejected(_)) && error.to_string().contains("before 1"), "{error}");
}

#[tokio::test]
async fn a_priority_that_was_taken_meanwhile_is_left_to_its_taker() {
    let mut rules = MockListenerRules::new();
    rules.expect_list().returning(|| Ok(vec![forwarding(HTTPS, 8, "alpha.example.com", "api")]));
    rules.expect_create().times(3).returning(|rule| match rule.priority {
        5 => Ok("made".to_owned()),
        _ => Err(Error::conflict("CreateRule", "", "taken")),
    });
    assert_eq!(on(&rules, "soon").await.expect("on").made, 1);
}
