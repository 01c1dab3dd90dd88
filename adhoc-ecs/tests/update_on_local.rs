//! Whole updates, runs and rollbacks over HTTP against adhoc-local: one test for each way that they can end.

#![cfg(feature = "ec2")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a helper that fails is a test that fails")]

mod support;

use std::time::Duration;

use adhoc_core::{Conventions, Error, Event, ImageChange, Outcome, TaskFilter, TaskState, Verdict};
use adhoc_ecs::{Environment, RollbackRequest, RunRequest, UpdateReport, UpdateRequest, rollback, run, update};
use adhoc_local::{Behaviour, EnvironmentSpec, Fault, Timing};
use aws_sdk_ecs::types::{DeploymentCircuitBreaker, DeploymentConfiguration};
use serde_json::json;
use support::{Local, alpha, cancel_when, eventually, failed_steps, scenario, verdicts};

const SERVICES: [&str; 3] = ["alpha-gunicorn", "alpha-default", "alpha-beat"];

fn to(tag: &str) -> UpdateRequest {
    UpdateRequest::new(alpha(), "backend", ImageChange::Tag(tag.parse().unwrap())).with_timeout(Duration::from_secs(60))
}

/// As Terraform leaves it: placeholder images, nothing running.
fn fresh() -> EnvironmentSpec {
    EnvironmentSpec::new("alpha")
}

/// An environment whose containers do nothing, which takes the least time.
async fn quiet(spec: EnvironmentSpec) -> Local {
    Local::start(
        scenario(spec)
            .with_behaviour(Behaviour::idle("alpha-*"))
            .with_behaviour(Behaviour::command("alpha-migrate", ["echo", "migrated"])),
    )
    .await
}

/// A quiet environment that runs v1, and has forgotten how it came to.
async fn running_v1() -> Local {
    running_v1_of(fresh()).await
}

async fn running_v1_of(spec: EnvironmentSpec) -> Local {
    let local = quiet(spec).await;
    succeed(&local, &to("v1")).await;
    local.server.clear_calls();
    local
}

async fn succeed(local: &Local, request: &UpdateRequest) -> UpdateReport {
    let (cx, sink) = local.another_run();
    let report = update(&cx, &local.ecs, request).await;
    assert_eq!(report.outcome(), Outcome::Succeeded, "{:?}", report.error);
    assert!(failed_steps(&sink).is_empty());
    report
}

/// Runs an update that must fail, and checks the parts that all failures have in common.
async fn fail(local: &Local, request: &UpdateRequest, code: u8) -> (UpdateReport, Error) {
    let mut report = update(&local.cx, &local.ecs, request).await;
    let Some(error) = report.error.take() else { panic!("should end with {code}: {report:?}") };
    assert_eq!(Outcome::from(&error).exit_code(), code, "{error:?}");
    assert_eq!(failed_steps(&local.sink).len(), 1, "one step failed");
    (report, error)
}

fn log_lines(sink: &adhoc_core::testing::RecordingSink) -> Vec<String> {
    sink.log_lines()
}

// --- 0: succeeded

#[tokio::test]
async fn the_first_update_starts_the_services_and_streams_the_migration() {
    // With the real commands of the images, as child processes.
    let local = Local::alpha(fresh()).await;
    let report = update(&local.cx, &local.ecs, &to("v1.1.0")).await;
    assert_eq!(report.outcome().exit_code(), 0, "{:?}", report.error);
    assert_eq!(verdicts(&report.services), SERVICES.map(|service| (service, Verdict::Succeeded)));
    assert_eq!(report.tasks[0].exit_code, Some(0));

    let lines = log_lines(&local.sink);
    assert_eq!(lines.len(), 9, "{lines:?}");
    assert_eq!(lines[0], "Operations to perform:");
    assert_eq!(lines[8], "  Applied all migrations of v1.1.0.", "the last line, too");

    let found = local.ecs.services.describe(&"alpha-cluster".into(), &SERVICES.map(Into::into)).await.unwrap();
    for service in &found {
        assert_eq!((service.desired_count, service.running_count), (1, 1), "{}", service.name);
        let definition = local.ecs.task_definitions.describe(service.task_definition.as_str()).await.unwrap();
        let container = definition.container_names()[0].into();
        assert!(definition.image(&container).unwrap().ends_with("/backend:v1.1.0"));
    }
    let finished = local.sink.events().into_iter().filter_map(|event| match event {
        Event::StepFinished { step, .. } => Some(step),
        _ => None,
    });
    let steps: Vec<String> = finished.collect();
    assert_eq!(steps, ["resolve", "register", "migrate", "roll"]);
    let mutations = local.mutations();
    let position = |operation: &str| mutations.iter().position(|it| it == operation).unwrap();
    assert!(position("RunTask") < position("UpdateService"), "no service before the migration: {mutations:?}");
}

#[tokio::test]
async fn a_component_without_a_migration_is_rolled_alone() {
    let local = quiet(fresh()).await;
    let request = UpdateRequest::new(alpha(), "frontend", ImageChange::Tag("v1".parse().unwrap()));
    let report = succeed(&local, &request).await;
    assert_eq!(verdicts(&report.services), [("alpha-web-ui", Verdict::Succeeded)]);
    assert_eq!(local.mutations(), ["RegisterTaskDefinition", "UpdateService"]);
}

#[tokio::test]
async fn the_count_of_a_running_service_is_left_alone() {
    let local = quiet(fresh().with_desired_count("gunicorn", 3)).await;
    let report = succeed(&local, &to("v1")).await;
    assert_eq!(report.services.len(), 3);
    for call in local.calls("UpdateService") {
        let count = call.request.get("desiredCount").and_then(serde_json::Value::as_u64);
        let expected = if call.request["service"] == "alpha-gunicorn" { None } else { Some(1) };
        assert_eq!(count, expected, "{}", call.request);
    }
}

#[tokio::test]
async fn the_second_run_of_an_update_changes_nothing() {
    let local = running_v1().await;
    let report = succeed(&local, &to("v1")).await;
    assert_eq!(verdicts(&report.services), SERVICES.map(|service| (service, Verdict::Unchanged)));
    assert!(report.task_definitions.iter().all(|definition| !definition.registered));
    assert_eq!(local.mutations(), ["RunTask"], "the migration is asked again; it has to be idempotent");
}

#[tokio::test]
async fn an_update_that_was_interrupted_is_taken_up_where_it_was() {
    let slow = Behaviour::command("alpha-migrate", ["sh", "-c", "sleep 1; echo done"]).with_image("*:v2");
    let local = running_v1().await;
    local.server.add_behaviour(slow);
    let token = local.cx.cancellation().clone();
    let is_running = |event: &Event| matches!(event, Event::TaskStarted { .. });
    let request = to("v2");
    let (report, ()) =
        tokio::join!(update(&local.cx, &local.ecs, &request), cancel_when(&local.sink, &token, is_running));
    let error = report.error.unwrap();
    assert_eq!(Outcome::from(&error).exit_code(), 130, "{error:?}");
    assert!(error.detail().left_behind[0].contains("of alpha-migrate may still run in alpha-cluster"), "{error:?}");

    let (cx, sink) = local.another_run();
    let report = update(&cx, &local.ecs, &request).await;
    assert_eq!(report.outcome(), Outcome::Succeeded, "{:?}", report.error);
    assert!(sink.events().iter().any(|event| matches!(event, Event::TaskStarted { joined: true, .. })));
    assert_eq!(log_lines(&sink), ["done"]);
    assert_eq!((local.count("RegisterTaskDefinition"), local.count("RunTask")), (4, 1), "nothing was done twice");
}

#[tokio::test]
async fn an_interrupted_roll_names_what_goes_on_and_is_followed_by_the_next_run() {
    let local = running_v1().await;
    local.server.add_behaviour(Behaviour::hang("alpha-gunicorn").with_image("*:v2"));
    let token = local.cx.cancellation().clone();
    let is_rolling =
        |event: &Event| matches!(event, Event::WaitProgress { detail, .. } if detail.contains("alpha-gunicorn 0/1"));
    let request = to("v2").with_skip_pre_update(true);
    let (report, ()) =
        tokio::join!(update(&local.cx, &local.ecs, &request), cancel_when(&local.sink, &token, is_rolling));
    let error = report.error.unwrap();
    assert_eq!(Outcome::from(&error), Outcome::Interrupted);
    assert!(error.detail().left_behind.iter().any(|left| left.contains("of alpha-gunicorn goes on")), "{error:?}");

    local.server.clear_calls();
    let (cx, _) = local.another_run();
    let report = update(&cx, &local.ecs, &request.with_timeout(Duration::from_secs(1))).await;
    assert_eq!(report.outcome(), Outcome::TimedOut, "{:?}", report.error);
    assert!(local.mutations().is_empty(), "it only follows: {:?}", local.mutations());
}

/// Runs the same update twice at once, as two commands would. Gives back how many migrations of `tag` there were.
async fn twice_at_once(local: &Local, tag: &str) -> usize {
    let slow = Behaviour::command("alpha-migrate", ["sh", "-c", "sleep 0.5; echo slowly migrated"]);
    local.server.add_behaviour(slow.with_image(format!("*:{tag}")));
    let (other, sink) = local.another_run();
    let other_ecs = adhoc_ecs::Ecs::on_aws(&local.config);
    let filter = TaskFilter::Family("alpha-migrate".into());
    let migrations = async || {
        let listed = local.ecs.tasks.list(&"alpha-cluster".into(), &filter, TaskState::Stopped).await;
        listed.unwrap().len()
    };
    let before = migrations().await;
    let request = to(tag);
    let (one, two) = tokio::join!(update(&local.cx, &local.ecs, &request), update(&other, &other_ecs, &request));
    let lines = [&local.sink, &sink].map(|sink| log_lines(sink));
    assert_eq!(lines, [["slowly migrated"], ["slowly migrated"]], "both see what happens");
    for report in [one, two] {
        // Whoever deploys last may supersede the other; nobody may fail.
        assert!(matches!(report.outcome(), Outcome::Succeeded | Outcome::Superseded), "{:?}", report.error);
    }
    migrations().await - before
}

#[tokio::test]
async fn two_identical_updates_at_once_run_one_migration_where_nothing_is_registered() {
    let local = running_v1().await;
    assert_eq!(twice_at_once(&local, "v1").await, 1);
}

#[tokio::test]
async fn two_identical_updates_at_once_run_one_migration() {
    let local = running_v1().await;
    assert_eq!(twice_at_once(&local, "v2").await, 1);
}

#[tokio::test]
async fn a_bad_day_of_aws_still_ends_in_success() {
    let local = running_v1().await;
    for operation in ["DescribeTaskDefinition", "DescribeServices", "ListTasks", "RunTask", "DescribeTasks"] {
        local.server.add_fault(Fault::throttle(operation).with_times(2));
    }
    local.server.add_fault(Fault::missing(3));
    local.server.add_fault(Fault::server_error("UpdateService", 503).with_times(2));
    local.server.add_fault(Fault::server_error("DescribeServices", 500).with_skip(3).with_times(6));
    local.server.add_fault(Fault::drop_answer("RegisterTaskDefinition").with_skip(1));
    local.server.add_fault(Fault::drop_connection("DescribeTasks").with_skip(3).with_times(2));
    local.server.add_fault(Fault::throttle("GetLogEvents").with_times(6));
    local.server.add_fault(Fault::empty_page(2).with_skip(6));
    let report = update(&local.cx, &local.ecs, &to("v2")).await;
    assert_eq!(report.outcome(), Outcome::Succeeded, "{:?}", report.error);
    assert_eq!(log_lines(&local.sink), ["migrated"]);
    for family in ["alpha-migrate", "alpha-gunicorn", "alpha-default", "alpha-beat"] {
        let newest = local.ecs.task_definitions.describe(family).await.unwrap();
        assert_eq!(newest.arn().revision(), Some(3), "{family}: placeholder, v1, v2 and no more");
    }
}

#[tokio::test]
async fn real_request_rates_are_kept_to() {
    let local = Local::start(
        scenario(fresh())
            .with_behaviour(Behaviour::idle("alpha-*"))
            .with_behaviour(Behaviour::command("alpha-migrate", ["sh", "-c", "sleep 1; echo migrated"]))
            .with_real_limits(true),
    )
    .await;
    succeed(&local, &to("v1")).await;
    assert!(local.server.calls().iter().all(|call| call.status == 200 || call.operation == "GetLogEvents"));
}

#[tokio::test]
async fn three_services_and_a_migration_take_25_calls_beyond_polls() {
    let local = Local::alpha(fresh()).await;
    succeed(&local, &to("v1")).await;
    let calls = local.server.calls();
    let count = |operation: &str| calls.iter().filter(|call| call.operation == operation).count();
    let polls = count("DescribeTasks") + count("GetLogEvents") + count("DescribeServices") - 1;
    let others: Vec<&str> = calls
        .iter()
        .map(|call| call.operation.as_str())
        .filter(|operation| !["DescribeTasks", "GetLogEvents", "DescribeServices"].contains(operation))
        .collect();
    assert!(calls.len() - polls <= 25, "{} calls: {others:?}", calls.len() - polls);
    assert!(polls < 40, "{polls} polls");
}

// --- 2, 3: nothing begins

#[tokio::test]
async fn a_service_that_code_deploy_deploys_is_refused_before_anything_changes() {
    let local = quiet(fresh().with_deployment_controller("beat", "CODE_DEPLOY")).await;
    let (_, error) = fail(&local, &to("v1"), 2).await;
    assert!(error.to_string().contains("service alpha-beat: is deployed by CODE_DEPLOY"), "{error}");
    assert!(local.mutations().is_empty());
}

#[tokio::test]
async fn everything_that_is_missing_is_reported_together() {
    let local = quiet(fresh().without_role("beat").without_role("default")).await;
    let (report, error) = fail(&local, &to("v1"), 3).await;
    for missing in
        ["task family alpha-default", "task family alpha-beat", "service alpha-default", "service alpha-beat"]
    {
        assert!(error.to_string().contains(missing), "{missing}: {error}");
    }
    assert!(report.task_definitions.is_empty() && local.mutations().is_empty());
}

#[tokio::test]
async fn a_family_without_an_active_revision_is_not_found() {
    let local = quiet(fresh()).await;
    let newest = local.ecs.task_definitions.describe("alpha-beat").await.unwrap();
    local.ecs.task_definitions.deregister(&newest.arn()).await.unwrap();
    local.server.clear_calls();
    let (_, error) = fail(&local, &to("v1"), 3).await;
    assert_eq!(error.to_string(), "task family alpha-beat: has no ACTIVE revision");
    assert!(local.mutations().is_empty());
}

#[tokio::test]
async fn an_environment_that_is_not_there_is_one_line() {
    let local = quiet(fresh()).await;
    let ghost = Environment::new("ghost".parse().unwrap(), Conventions::default());
    let request = UpdateRequest::new(ghost, "backend", ImageChange::Tag("v1".parse().unwrap()));
    let (_, error) = fail(&local, &request, 3).await;
    assert_eq!(error.to_string(), "environment ghost: cluster ghost-cluster is not there");
    assert!(local.mutations().is_empty());
}

#[tokio::test]
async fn a_dry_run_shows_the_plan_and_changes_nothing() {
    let local = quiet(fresh()).await;
    let report = update(&local.cx, &local.ecs, &to("v1").with_dry_run(true)).await;
    assert_eq!(report.outcome(), Outcome::Succeeded, "{:?}", report.error);
    assert!(local.mutations().is_empty(), "{:?}", local.mutations());
    let events = local.sink.events();
    let Some(Event::Plan(plan)) = events.iter().find(|event| matches!(event, Event::Plan(_))) else {
        panic!("{events:?}")
    };
    assert!(plan.dry_run && plan.task_definitions.iter().all(|it| it.register && it.image.ends_with("backend:v1")));
    assert_eq!(plan.services.iter().map(|it| it.set_desired_count).collect::<Vec<_>>(), [Some(1); 3]);
}

// --- 4, 5: the migration decides, and no service is touched

#[tokio::test]
async fn a_migration_that_fails_leaves_every_service_untouched() {
    // CloudWatch delivers lines late.
    let late = scenario(fresh()).with_timing(Timing::instant().with_log_delay_ms(1500));
    let local = Local::start(late.with_behaviour(Behaviour::idle("alpha-*"))).await;
    let command = ["sh", "-c", "echo applying; echo boom; exit 1"];
    local.server.add_behaviour(Behaviour::command("alpha-migrate", command).with_image("*:v2"));
    let (report, error) = fail(&local, &to("v2"), 4).await;
    assert!(error.to_string().contains("alpha-migrate: exited with code 1"), "{error}");
    assert_eq!(error.detail().step.as_deref(), Some("migrate"));
    assert_eq!(report.tasks[0].exit_code, Some(1));
    assert_eq!(log_lines(&local.sink), ["applying", "boom"], "the last words of the dead");
    assert_eq!(local.count("UpdateService"), 0);
    assert!(report.services.is_empty());
}

#[tokio::test]
async fn a_migration_whose_image_is_not_there_never_started() {
    let pushed = scenario(fresh()).with_images("backend", ["placeholder"]);
    let local = Local::start(pushed).await;
    let (report, error) = fail(&local, &to("v2"), 5).await;
    assert!(error.to_string().contains("CannotPullContainerError"), "{error}");
    assert!(error.detail().hint.as_deref().unwrap().contains("image and its tag exist"), "{error:?}");
    assert_eq!((report.tasks[0].exit_code, report.tasks[0].stop_code.as_deref()), (None, Some("TaskFailedToStart")));
    assert_eq!(local.count("UpdateService"), 0);
}

#[tokio::test]
async fn a_migration_without_capacity_never_started() {
    let local = quiet(fresh()).await;
    local.server.add_behaviour(Behaviour::no_capacity("alpha-migrate"));
    let (report, error) = fail(&local, &to("v2"), 5).await;
    assert!(error.to_string().contains("Capacity is unavailable"), "{error}");
    assert!(report.tasks.is_empty() && local.count("UpdateService") == 0);
}

#[tokio::test]
async fn a_migration_that_spot_interrupts_says_so() {
    let local = quiet(fresh()).await;
    local.server.add_behaviour(Behaviour::stop_after("alpha-migrate", "SpotInterruption", 20));
    let (report, error) = fail(&local, &to("v2"), 4).await;
    assert!(error.to_string().contains("interrupted by Fargate Spot"), "{error}");
    assert_eq!(report.tasks[0].stop_code.as_deref(), Some("SpotInterruption"));
    assert_eq!(local.count("UpdateService"), 0);
}

#[tokio::test]
async fn a_migration_that_takes_too_long_is_left_running_and_named() {
    let local = quiet(fresh()).await;
    local.server.add_behaviour(Behaviour::command("alpha-migrate", ["sleep", "60"]));
    let (_, error) = fail(&local, &to("v2").with_timeout(Duration::from_millis(700)), 8).await;
    assert!(error.detail().left_behind[0].contains("of alpha-migrate may still run in alpha-cluster"), "{error:?}");
    assert_eq!(local.count("UpdateService"), 0);
}

#[tokio::test]
async fn a_migration_that_may_not_be_started_leaves_every_service_untouched() {
    let local = quiet(fresh()).await;
    let message = "not authorized to perform: iam:PassRole";
    local.server.add_fault(Fault::error("RunTask", "AccessDeniedException", message, 400).with_times(0));
    let (_, error) = fail(&local, &to("v2"), 10).await;
    assert!(matches!(error, Error::PermissionDenied(_)) && error.to_string().contains(message), "{error:?}");
    assert_eq!(local.count("UpdateService"), 0);
}

// --- 6, 7, 8, 9: the roll

#[tokio::test]
async fn an_image_that_crashes_is_rolled_back_and_explained() {
    let local = running_v1().await;
    let command = ["sh", "-c", "echo starting; echo ModuleNotFoundError: blog; exit 3"];
    local.server.add_behaviour(Behaviour::command("alpha-gunicorn", command).with_image("*:v2"));
    let (report, error) = fail(&local, &to("v2"), 6).await;
    assert!(error.to_string().contains("alpha-gunicorn rolled back"), "{error}");
    assert_eq!(
        verdicts(&report.services),
        [
            ("alpha-gunicorn", Verdict::RolledBack),
            ("alpha-default", Verdict::Succeeded),
            ("alpha-beat", Verdict::Succeeded)
        ]
    );
    let gunicorn = &report.services[0];
    assert_eq!((gunicorn.from.as_str(), gunicorn.to.as_str()), ("alpha-gunicorn:2", "alpha-gunicorn:3"));
    let dossier = gunicorn.dossier.as_ref().unwrap();
    assert_eq!(dossier.causes.len(), 1, "{dossier:?}");
    assert_eq!(dossier.causes[0].exit_code, Some(3));
    assert_eq!(dossier.causes[0].stop_code.as_deref(), Some("EssentialContainerExited"));
    assert!(dossier.causes[0].tasks >= 3, "{dossier:?}");
    assert_eq!(dossier.logs[0].lines, ["starting", "ModuleNotFoundError: blog"]);
    assert!(dossier.events.iter().any(|event| event.contains("deployment failed")), "{:?}", dossier.events);
    assert!(report.services[1].dossier.is_none(), "a success needs no explanation");

    let service =
        local.ecs.services.describe(&"alpha-cluster".into(), &["alpha-gunicorn".into()]).await.unwrap().remove(0);
    assert_eq!(service.task_definition.short(), "alpha-gunicorn:2");
}

#[tokio::test]
async fn a_rollback_is_seen_without_the_right_to_read_the_history() {
    let local = running_v1().await;
    local.server.add_behaviour(Behaviour::command("alpha-gunicorn", ["false"]).with_image("*:v2"));
    let denied = Fault::error("ListServiceDeployments", "AccessDeniedException", "no", 400);
    local.server.add_fault(denied.with_times(0));
    let (report, _) = fail(&local, &to("v2"), 6).await;
    assert_eq!(report.services[0].verdict, Verdict::RolledBack);
}

#[tokio::test]
async fn without_a_circuit_breaker_a_crashing_image_is_a_failure() {
    let local = running_v1_of(fresh().with_circuit_breaker(false)).await;
    local
        .server
        .add_behaviour(Behaviour::command("alpha-gunicorn", ["sh", "-c", "echo boom; exit 3"]).with_image("*:v2"));
    let (report, error) = fail(&local, &to("v2"), 7).await;
    assert_eq!(report.services[0].verdict, Verdict::Failed);
    assert!(error.to_string().contains("no circuit breaker"), "{error}");
    assert_eq!(report.services[0].dossier.as_ref().unwrap().causes[0].exit_code, Some(3));
}

#[tokio::test]
async fn a_circuit_breaker_without_rollback_is_a_failure() {
    let local = running_v1().await;
    let breaker = DeploymentCircuitBreaker::builder().enable(true).rollback(false).build();
    let configuration = DeploymentConfiguration::builder().deployment_circuit_breaker(breaker).build();
    let request = local.foreign_ecs().update_service().cluster("alpha-cluster").service("alpha-gunicorn");
    request.deployment_configuration(configuration).send().await.unwrap();
    local.server.add_behaviour(Behaviour::command("alpha-gunicorn", ["false"]).with_image("*:v2"));
    let (report, error) = fail(&local, &to("v2"), 7).await;
    assert_eq!(report.services[0].verdict, Verdict::Failed);
    assert!(error.to_string().contains("ECS deployment circuit breaker: tasks failed to start"), "{error}");
}

#[tokio::test]
async fn a_service_that_may_not_be_updated_fails_alone() {
    let local = running_v1().await;
    let denied = Fault::error("UpdateService", "AccessDeniedException", "no right to UpdateService", 400);
    local.server.add_fault(denied);
    let (report, error) = fail(&local, &to("v2"), 7).await;
    assert!(error.to_string().contains("no right to UpdateService"), "{error}");
    let mut verdicts: Vec<Verdict> = report.services.iter().map(|service| service.verdict).collect();
    verdicts.sort_by_key(Verdict::to_string);
    assert_eq!(verdicts, [Verdict::Failed, Verdict::Succeeded, Verdict::Succeeded]);
}

#[tokio::test]
async fn tasks_that_hang_run_out_of_time() {
    let local = running_v1().await;
    local.server.add_behaviour(Behaviour::hang("alpha-gunicorn").with_image("*:v2"));
    let request = to("v2").with_skip_pre_update(true).with_timeout(Duration::from_millis(1500));
    let (report, error) = fail(&local, &request, 8).await;
    assert!(error.to_string().contains("alpha-gunicorn timed out (0 of 1 run after"), "{error}");
    assert_eq!(
        verdicts(&report.services),
        [
            ("alpha-gunicorn", Verdict::TimedOut),
            ("alpha-default", Verdict::Succeeded),
            ("alpha-beat", Verdict::Succeeded)
        ]
    );
}

#[tokio::test]
async fn an_update_that_someone_else_overtakes_is_superseded() {
    let local = running_v1().await;
    local.server.add_behaviour(Behaviour::hang("alpha-gunicorn").with_image("*:v2"));
    let overtake = async {
        let is_rolling =
            |event: &Event| matches!(event, Event::ServiceUpdated { service, .. } if service == "alpha-gunicorn");
        eventually("the roll", async || local.sink.events().iter().any(is_rolling).then_some(())).await;
        let client = local.foreign_ecs();
        let definition = client.describe_task_definition().task_definition("alpha-gunicorn:2").send().await.unwrap();
        let arn = definition.task_definition().unwrap().task_definition_arn().unwrap().to_owned();
        let request = client.update_service().cluster("alpha-cluster").service("alpha-gunicorn").task_definition(arn);
        request.send().await.unwrap();
    };
    let request = to("v2").with_skip_pre_update(true);
    let ((report, error), ()) = tokio::join!(fail(&local, &request, 9), overtake);
    assert_eq!(report.services[0].verdict, Verdict::Superseded);
    assert!(error.to_string().contains("of alpha-gunicorn:2"), "who has replaced it: {error}");
}

#[tokio::test]
async fn an_unreachable_aws_has_its_own_code() {
    let local = quiet(fresh()).await;
    local.server.add_fault(Fault::server_error("ecs:*", 500).with_times(0));
    let (_, error) = fail(&local, &to("v1"), 10).await;
    assert!(matches!(error, Error::Unavailable(_)), "{error:?}");
}

// --- run

fn task(role: &str) -> RunRequest {
    RunRequest::new(alpha(), role).with_timeout(Duration::from_secs(60))
}

#[tokio::test]
async fn a_run_gives_the_output_and_the_exit_code_of_its_command() {
    let local = Local::alpha(fresh()).await;
    let command = ["sh", "-c", "echo one; echo $WHAT; exit 7"].map(str::to_owned).to_vec();
    let variables = [("WHAT", "two")].into_iter().collect();
    let request = task("collectstatic").with_command(Some(command)).with_variables(variables);
    let report = run(&local.cx, &local.ecs, &request).await;
    assert_eq!(report.outcome().exit_code(), 4, "{:?}", report.error);
    assert_eq!(report.tasks[0].exit_code, Some(7));
    assert_eq!(log_lines(&local.sink), ["one", "two"]);
    assert_eq!(local.mutations(), ["RunTask"], "no revision, no service");
    // Where and on what the component's first service runs.
    let sent = &local.calls("RunTask")[0].request;
    assert_eq!(sent["capacityProviderStrategy"][0]["capacityProvider"], "FARGATE_SPOT");
    assert_eq!(sent.get("launchType"), None);
    let vpc = &sent["networkConfiguration"]["awsvpcConfiguration"];
    assert_eq!(vpc["subnets"], json!(["subnet-0a005a7e00000000", "subnet-0a015a7e00000000"]));
    assert_eq!(vpc["securityGroups"], json!(["sg-0ec5000000000001"]));
}

#[tokio::test]
async fn a_run_without_a_service_to_follow_finds_its_network_by_tag() {
    let local = Local::alpha(fresh().without_role("gunicorn")).await;
    let tag = ImageChange::Tag("v9".parse().unwrap());
    let report = run(&local.cx, &local.ecs, &task("collectstatic").with_image(tag)).await;
    assert_eq!(report.outcome(), Outcome::Succeeded, "{:?}", report.error);
    assert_eq!(log_lines(&local.sink).first().unwrap(), "Copying static files of v9");
    assert_eq!((local.count("DescribeSubnets"), local.count("DescribeSecurityGroups")), (1, 1));
    let sent = &local.calls("RunTask")[0].request;
    let vpc = &sent["networkConfiguration"]["awsvpcConfiguration"];
    assert_eq!(vpc["subnets"], json!(["subnet-0a005a7e00000000", "subnet-0a015a7e00000000"]));
    assert!(
        sent.get("capacityProviderStrategy").is_none() && sent.get("launchType").is_none(),
        "the cluster's default"
    );
}

#[tokio::test]
async fn a_run_without_a_network_is_not_found() {
    let network = adhoc_local::Network::default().with_subnets(0, 2);
    let local = Local::start(scenario(fresh().without_role("gunicorn")).with_network(network)).await;
    let report = run(&local.cx, &local.ecs, &task("migrate")).await;
    let error = report.error.unwrap();
    assert_eq!(Outcome::from(&error).exit_code(), 3, "{error:?}");
    assert_eq!(error.to_string(), "subnets: none carries the tags env=dev and Name=*private*");
    assert!(local.mutations().is_empty());
}

#[tokio::test]
async fn a_run_uses_the_launch_type_where_the_service_does() {
    let local = quiet(fresh().with_launch_type("FARGATE")).await;
    let report = run(&local.cx, &local.ecs, &task("migrate")).await;
    assert_eq!(report.outcome(), Outcome::Succeeded, "{:?}", report.error);
    let sent = &local.calls("RunTask")[0].request;
    assert_eq!((&sent["launchType"], sent.get("capacityProviderStrategy")), (&json!("FARGATE"), None));
}

// --- rollback

fn back() -> RollbackRequest {
    RollbackRequest::new(alpha(), "backend").with_timeout(Duration::from_secs(60))
}

async fn deployed(local: &Local) -> Vec<String> {
    let found = local.ecs.services.describe(&"alpha-cluster".into(), &SERVICES.map(Into::into)).await.unwrap();
    found.iter().map(|service| service.task_definition.short().to_owned()).collect()
}

#[tokio::test]
async fn a_rollback_goes_to_the_last_success_and_a_second_one_stays() {
    let local = running_v1().await;
    succeed(&local, &to("v2")).await;
    local.server.clear_calls();
    for verdict in [Verdict::Succeeded, Verdict::Unchanged] {
        let (cx, _) = local.another_run();
        let report = rollback(&cx, &local.ecs, &back()).await;
        assert_eq!(report.outcome(), Outcome::Succeeded, "{:?}", report.error);
        assert_eq!(verdicts(&report.services), SERVICES.map(|service| (service, verdict)));
        assert_eq!(deployed(&local).await, ["alpha-gunicorn:2", "alpha-default:2", "alpha-beat:2"]);
    }
    assert_eq!(local.mutations(), ["UpdateService"; 3], "no migration, nothing registered");
}

#[tokio::test]
async fn a_rollback_never_goes_to_a_placeholder() {
    let local = running_v1().await;
    let report = rollback(&local.cx, &local.ecs, &back()).await;
    let error = report.error.unwrap();
    assert_eq!(Outcome::from(&error).exit_code(), 3, "{error:?}");
    assert!(error.to_string().contains("has no earlier successful deployment to go back to"), "{error}");
    assert!(local.mutations().is_empty());
}

#[tokio::test]
async fn what_the_circuit_breaker_put_back_stays() {
    let local = running_v1().await;
    for service in SERVICES {
        local.server.add_behaviour(Behaviour::command(service, ["false"]).with_image("*:v2"));
    }
    fail(&local, &to("v2"), 6).await;
    // ECS is still busy with it; a rollback that went further back would make it worse.
    local.server.clear_calls();
    let (cx, _) = local.another_run();
    let report = rollback(&cx, &local.ecs, &back()).await;
    assert_eq!(report.outcome(), Outcome::Succeeded, "{:?}", report.error);
    assert_eq!(deployed(&local).await, ["alpha-gunicorn:2", "alpha-default:2", "alpha-beat:2"]);
    assert!(local.mutations().is_empty(), "{:?}", local.mutations());
}

#[tokio::test]
async fn a_named_revision_that_is_inactive_is_refused() {
    let local = running_v1().await;
    let first = local.ecs.task_definitions.describe("alpha-beat:1").await.unwrap();
    local.ecs.task_definitions.deregister(&first.arn()).await.unwrap();
    local.server.clear_calls();
    let request = back().with_to(vec!["alpha-beat:1".parse().unwrap()]);
    let report = rollback(&local.cx, &local.ecs, &request).await;
    let error = report.error.unwrap();
    assert_eq!(error.to_string(), "revision alpha-beat:1: is INACTIVE and cannot be deployed");
    assert!(local.mutations().is_empty());
}
