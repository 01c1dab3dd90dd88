//! Each adapter does what its trait's contract says, over HTTP against adhoc-local: what is asked, what is answered, and
//! what becomes of the failures that AWS has on a bad day.

#![cfg(feature = "ec2")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a helper that fails is a test that fails")]

mod support;

use std::sync::Arc;

use adhoc_core::{
    CapacityProviderItem, ClusterName, DeploymentController, Error, LaunchMode, LogCursor, LogStream,
    NetworkConfiguration, RunTask, ServiceDeploymentStatus, ServiceName, ServiceUpdate, TaskArn, TaskDefinitions,
    TaskFilter, TaskState,
};
use adhoc_ecs::Ecs;
use adhoc_ecs::aws::AwsTaskDefinitions;
use adhoc_local::{Behaviour, EnvironmentSpec, Fault, Scenario};
use aws_sdk_cloudwatchlogs::types::InputLogEvent;
use serde_json::{Map, Value, json};
use support::{ImpatientClock, Local, eventually, object, scenario, sdk_config, sdk_config_without_credentials};

const TOO_MANY_ATTEMPTS: &str = "Too many concurrent attempts to create a new revision of the specified family.";

fn cluster() -> ClusterName {
    "alpha-cluster".into()
}

fn spec() -> EnvironmentSpec {
    EnvironmentSpec::new("alpha").with_image_tag("v1")
}

async fn faulty(fault: Fault) -> Local {
    Local::start(scenario(spec()).with_fault(fault)).await
}

fn network() -> NetworkConfiguration {
    NetworkConfiguration::new(vec!["subnet-0a005a7e00000000".into()], vec!["sg-0ec5000000000001".into()])
}

async fn migrate_task(ecs: &Ecs) -> RunTask {
    let definition = ecs.task_definitions.describe("alpha-migrate").await.unwrap();
    RunTask::new(cluster(), definition.arn(), "migrate".into())
        .with_network(Some(network()))
        .with_identity("adhoc/alpha-migrate/1", "token-1")
}

/// The newest revision as the input of another one, with another image.
async fn next_revision(ecs: &Ecs, family: &str) -> Map<String, Value> {
    let source = ecs.task_definitions.describe(family).await.unwrap();
    let container = source.container_names()[0].into();
    adhoc_ecs::clone_with_image(&source, &container, &adhoc_core::ImageChange::Tag("v2".parse().unwrap()))
        .unwrap()
        .input
}

async fn revisions(local: &Local, family: &str) -> usize {
    let listed = local.foreign_ecs().list_task_definitions().family_prefix(family).send().await.unwrap();
    listed.task_definition_arns().len()
}

// --- Task definitions

#[tokio::test]
async fn a_definition_that_is_not_there_is_not_found() {
    let local = Local::alpha(spec()).await;
    for reference in
        ["nobody", "alpha-gunicorn:99", "arn:aws:ecs:us-east-1:123456789012:task-definition/alpha-gunicorn:99"]
    {
        let error = local.ecs.task_definitions.describe(reference).await.unwrap_err();
        assert!(matches!(error, Error::NotFound(_)), "{reference}: {error:?}");
    }
    let error =
        local.ecs.task_definitions.deregister(&adhoc_core::TaskDefinitionArn::new("nobody:1")).await.unwrap_err();
    assert!(matches!(error, Error::NotFound(_)), "{error:?}");
}

#[tokio::test]
async fn an_inactive_revision_is_read_by_its_number_and_not_by_its_family() {
    let local = Local::alpha(spec()).await;
    let definitions = &local.ecs.task_definitions;
    let first = definitions.describe("alpha-beat").await.unwrap();
    let second = definitions.register(&next_revision(&local.ecs, "alpha-beat").await).await.unwrap();
    definitions.deregister(&second.arn()).await.unwrap();
    assert_eq!(definitions.describe("alpha-beat").await.unwrap().arn(), first.arn(), "the newest ACTIVE one");
    assert!(!definitions.describe(second.arn().as_str()).await.unwrap().is_active());

    definitions.deregister(&first.arn()).await.unwrap();
    let error = definitions.describe("alpha-beat").await.unwrap_err();
    assert!(matches!(error, Error::NotFound(_)), "{error:?}");
}

#[tokio::test]
async fn a_registration_whose_answer_was_lost_is_not_repeated() {
    let local = faulty(Fault::drop_answer("RegisterTaskDefinition")).await;
    let input = next_revision(&local.ecs, "alpha-gunicorn").await;
    let registered = local.ecs.task_definitions.register(&input).await.unwrap();
    assert_eq!(registered.arn().short(), "alpha-gunicorn:2");
    assert_eq!((local.count("RegisterTaskDefinition"), revisions(&local, "alpha-gunicorn").await), (1, 2));
}

#[tokio::test]
async fn a_registration_whose_answer_was_lost_is_found_though_ecs_wrote_defaults_into_it() {
    let local = faulty(Fault::drop_answer("RegisterTaskDefinition")).await;
    let input = object(&json!({"family": "sparse", "containerDefinitions": [{"name": "a", "image": "x:v1"}],
        "tags": [{"key": "team", "value": "x"}]}));
    let registered = local.ecs.task_definitions.register(&input).await.unwrap();
    assert_eq!(registered.arn().short(), "sparse:1");
    assert_eq!((local.count("RegisterTaskDefinition"), revisions(&local, "sparse").await), (1, 1));
}

#[tokio::test]
async fn a_registration_that_was_never_carried_out_is_repeated() {
    let local = faulty(Fault::drop_connection("RegisterTaskDefinition")).await;
    let input = next_revision(&local.ecs, "alpha-gunicorn").await;
    let registered = local.ecs.task_definitions.register(&input).await.unwrap();
    assert_eq!(registered.arn().short(), "alpha-gunicorn:2");
    assert_eq!((local.count("RegisterTaskDefinition"), revisions(&local, "alpha-gunicorn").await), (2, 2));
}

/// What is there already must not be taken for what was to be registered.
#[tokio::test]
async fn an_older_revision_is_not_taken_for_one_that_was_lost() {
    let older = |change: fn(&mut Map<String, Value>)| async move {
        let local = faulty(Fault::drop_connection("RegisterTaskDefinition").with_skip(1)).await;
        let definitions = &local.ecs.task_definitions;
        let mut input = next_revision(&local.ecs, "alpha-gunicorn").await;
        definitions.register(&input).await.unwrap();
        change(&mut input);
        let registered = definitions.register(&input).await.unwrap();
        assert_eq!((registered.arn().short(), local.count("RegisterTaskDefinition")), ("alpha-gunicorn:3", 3));
        registered
    };
    let other_tag = older(|input| input["tags"] = json!([{"key": "env", "value": "other"}])).await;
    assert_eq!(other_tag.tags, [json!({"key": "env", "value": "other"})]);
    // The newest revision holds all that is to be registered, and more.
    let less = older(|input| {
        input["containerDefinitions"][0].as_object_mut().unwrap().shift_remove("logConfiguration");
    });
    assert_eq!(less.await.log_configuration(&"gunicorn".into()), None);
    older(|input| {
        input.shift_remove("runtimePlatform");
    })
    .await;
}

#[tokio::test]
async fn too_many_concurrent_registrations_are_tried_again() {
    let busy = Fault::error("RegisterTaskDefinition", "ClientException", TOO_MANY_ATTEMPTS, 400);
    let local = faulty(busy.clone().with_times(2)).await;
    let definitions = AwsTaskDefinitions::new(local.foreign_ecs()).with_clock(Arc::new(ImpatientClock));
    let input = next_revision(&local.ecs, "alpha-gunicorn").await;
    let registered = definitions.register(&input).await.unwrap();
    assert_eq!(registered.arn().short(), "alpha-gunicorn:2");
    assert_eq!(local.count("RegisterTaskDefinition"), 3);

    local.server.add_fault(busy.with_times(0));
    local.server.clear_calls();
    let error = definitions.register(&input).await.unwrap_err();
    assert!(matches!(error, Error::Throttled(_)), "{error:?}");
    assert_eq!(local.count("RegisterTaskDefinition"), 6, "and not for ever");
}

#[tokio::test]
async fn a_refused_registration_is_not_tried_again() {
    let local = Local::alpha(spec()).await;
    let mut input = next_revision(&local.ecs, "alpha-gunicorn").await;
    input["containerDefinitions"] = json!([]);
    let error = local.ecs.task_definitions.register(&input).await.unwrap_err();
    assert!(matches!(error, Error::Rejected(_)), "{error:?}");
    assert!(error.to_string().contains("Container list cannot be empty"), "{error}");
    assert_eq!(local.count("RegisterTaskDefinition"), 1);
}

// --- Services

#[tokio::test]
async fn services_are_read_in_batches_of_ten_and_missing_ones_left_out() {
    let local = Local::alpha(spec()).await;
    let client = local.foreign_ecs();
    let vpc = aws_sdk_ecs::types::AwsVpcConfiguration::builder().subnets("subnet-0a005a7e00000000").build().unwrap();
    let network = aws_sdk_ecs::types::NetworkConfiguration::builder().awsvpc_configuration(vpc).build();
    for i in 0..20 {
        let request = client.create_service().cluster("alpha-cluster").service_name(format!("extra-{i}"));
        let request = request.task_definition("alpha-gunicorn").desired_count(0).network_configuration(network.clone());
        request.send().await.unwrap();
    }
    let mut names = local.ecs.services.list(&cluster()).await.unwrap();
    assert_eq!(names.len(), 25, "all pages: {names:?}");
    names.insert(3, "ghost".into());
    names.push("ghost-2".into());
    local.server.clear_calls();
    let found = local.ecs.services.describe(&cluster(), &names).await.unwrap();
    names.retain(|name| !name.as_str().starts_with("ghost"));
    assert_eq!(found.iter().map(|service| service.name.clone()).collect::<Vec<_>>(), names, "in the order asked for");
    let mut sizes: Vec<usize> =
        local.calls("DescribeServices").iter().map(|call| call.request["services"].as_array().unwrap().len()).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [7, 10, 10]);

    let error = local.ecs.services.describe(&"ghost-cluster".into(), &["x".into()]).await.unwrap_err();
    assert!(matches!(error, Error::NotFound(_)), "{error:?}");
    let error = local.ecs.services.list(&"ghost-cluster".into()).await.unwrap_err();
    assert!(matches!(error, Error::NotFound(_)), "{error:?}");
    assert!(local.ecs.services.describe(&cluster(), &[]).await.unwrap().is_empty(), "nothing asked, nothing sent");
}

#[tokio::test]
async fn a_service_is_read_as_it_is_configured() {
    let spec = spec().with_desired_count("gunicorn", 2).with_deployment_controller("beat", "CODE_DEPLOY");
    let local = Local::alpha(spec).await;
    let gunicorn = eventually("two tasks to run", async || {
        let found = local.ecs.services.describe(&cluster(), &["alpha-gunicorn".into()]).await.unwrap().remove(0);
        (found.running_count == 2).then_some(found)
    })
    .await;
    assert_eq!(gunicorn.desired_count, 2);
    assert_eq!(gunicorn.task_definition.short(), "alpha-gunicorn:1");
    assert_eq!(gunicorn.controller, DeploymentController::Ecs);
    let spot = CapacityProviderItem::new("FARGATE_SPOT", 1, 0);
    assert_eq!(gunicorn.launch, LaunchMode::Strategy(vec![spot, CapacityProviderItem::new("FARGATE", 0, 0)]));
    let subnets = vec!["subnet-0a005a7e00000000".to_owned(), "subnet-0a015a7e00000000".to_owned()];
    assert_eq!(gunicorn.network, Some(NetworkConfiguration::new(subnets, vec!["sg-0ec5000000000001".to_owned()])));
    assert!(gunicorn.circuit_breaker.enabled && gunicorn.circuit_breaker.rollback && !gunicorn.daemon);
    assert_eq!(gunicorn.platform_version, None, "LATEST is what leaving it out means");
    assert!(gunicorn.events.iter().all(|event| event.at.is_some()));
    assert!(gunicorn.primary().unwrap().created_at.is_some());

    let beat = local.ecs.services.describe(&cluster(), &["alpha-beat".into()]).await.unwrap().remove(0);
    assert_eq!(beat.controller, DeploymentController::Other("CODE_DEPLOY".to_owned()));
}

#[tokio::test]
async fn an_update_sends_only_what_is_set() {
    let local = Local::alpha(spec()).await;
    let next = local.ecs.task_definitions.register(&next_revision(&local.ecs, "alpha-gunicorn").await).await.unwrap();
    let update = ServiceUpdate::new(cluster(), "alpha-gunicorn".into());
    local.ecs.services.update(&update.clone().with_desired_count(Some(0))).await.unwrap();
    let answer = local.ecs.services.update(&update.with_task_definition(next.arn())).await.unwrap();
    assert_eq!(answer.deployments[0].task_definition, next.arn(), "the new deployment comes first");
    let sent: Vec<Value> = local.calls("UpdateService").into_iter().map(|call| call.request).collect();
    assert_eq!(
        sent,
        [
            json!({"cluster": "alpha-cluster", "service": "alpha-gunicorn", "desiredCount": 0}),
            json!({"cluster": "alpha-cluster", "service": "alpha-gunicorn", "taskDefinition": next.arn().as_str()}),
        ]
    );
    let ghost = ServiceUpdate::new(cluster(), "ghost".into()).with_desired_count(Some(1));
    let error = local.ecs.services.update(&ghost).await.unwrap_err();
    assert!(matches!(error, Error::NotFound(_)), "{error:?}");
}

#[tokio::test]
async fn the_history_tells_a_rollback_from_a_success() {
    let crash = Behaviour::command("alpha-gunicorn", ["sh", "-c", "exit 1"]).with_image("*:v2");
    let scenario = scenario(spec().with_desired_count("gunicorn", 1));
    let local = Local::start(scenario.with_behaviour(Behaviour::idle("alpha-*")).with_behaviour(crash)).await;
    let service: ServiceName = "alpha-gunicorn".into();
    let newest = async |wanted| {
        eventually("the deployment to end", async || {
            let history = local.ecs.services.history(&cluster(), &service, 10).await.unwrap();
            (history.first()?.status == wanted).then_some(history)
        })
        .await
    };
    newest(ServiceDeploymentStatus::Successful).await;
    let v1 = local.ecs.task_definitions.describe("alpha-gunicorn").await.unwrap();
    let v2 = local.ecs.task_definitions.register(&next_revision(&local.ecs, "alpha-gunicorn").await).await.unwrap();
    let update = ServiceUpdate::new(cluster(), service.clone()).with_task_definition(v2.arn());
    local.ecs.services.update(&update).await.unwrap();

    let history = newest(ServiceDeploymentStatus::RolledBack).await;
    let definitions: Vec<_> = history.iter().map(|entry| entry.task_definition.clone().unwrap()).collect();
    assert_eq!(definitions, [v2.arn(), v1.arn()], "newest first, and what was asked for, not what it fell back to");
    assert!(history[0].reason.as_deref().unwrap_or_default().contains("circuit breaker"), "{history:?}");
    assert!(history[0].created_at > history[1].created_at);
    assert_eq!(local.ecs.services.history(&cluster(), &service, 1).await.unwrap(), history[..1]);

    let found = local.ecs.services.describe(&cluster(), &[service]).await.unwrap().remove(0);
    assert_eq!(found.task_definition, v1.arn());
    assert_eq!(found.primary().unwrap().task_definition, v1.arn());
}

// --- Tasks

#[tokio::test]
async fn tasks_are_listed_over_pages_and_read_in_batches_of_a_hundred() {
    let local = Local::start(scenario(spec()).with_behaviour(Behaviour::idle("alpha-migrate"))).await;
    let client = local.foreign_ecs();
    let vpc = aws_sdk_ecs::types::AwsVpcConfiguration::builder().subnets("subnet-0a005a7e00000000").build().unwrap();
    let network = aws_sdk_ecs::types::NetworkConfiguration::builder().awsvpc_configuration(vpc).build();
    for _ in 0..21 {
        let request = client.run_task().cluster("alpha-cluster").task_definition("alpha-migrate").count(10);
        request.network_configuration(network.clone()).send().await.unwrap();
    }
    let filter = TaskFilter::Family("alpha-migrate".into());
    let mut arns = local.ecs.tasks.list(&cluster(), &filter, TaskState::Running).await.unwrap();
    assert_eq!((arns.len(), local.count("ListTasks")), (210, 3));
    assert!(local.ecs.tasks.list(&cluster(), &filter, TaskState::Stopped).await.unwrap().is_empty());
    arns.insert(50, TaskArn::new("arn:aws:ecs:us-east-1:123456789012:task/alpha-cluster/0123456789abcdef"));
    let found = local.ecs.tasks.describe(&cluster(), &arns).await.unwrap();
    arns.remove(50);
    assert_eq!(found.into_iter().map(|task| task.arn).collect::<Vec<_>>(), arns);
    let mut sizes: Vec<usize> =
        local.calls("DescribeTasks").iter().map(|call| call.request["tasks"].as_array().unwrap().len()).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [11, 100, 100]);
    assert!(local.ecs.tasks.describe(&cluster(), &[]).await.unwrap().is_empty(), "nothing asked, nothing sent");
}

#[tokio::test]
async fn a_task_that_is_not_visible_yet_is_left_out() {
    let local = faulty(Fault::missing(2)).await;
    let task = local.ecs.tasks.run(&migrate_task(&local.ecs).await).await.unwrap();
    let mut polls = Vec::new();
    for _ in 0..3 {
        polls.push(local.ecs.tasks.describe(&cluster(), std::slice::from_ref(&task.arn)).await.unwrap().len());
    }
    assert_eq!(polls, [0, 0, 1]);
}

#[tokio::test]
async fn one_client_token_starts_one_task() {
    let local = Local::alpha(spec()).await;
    let request = migrate_task(&local.ecs).await;
    let (first, second) = tokio::join!(local.ecs.tasks.run(&request), local.ecs.tasks.run(&request));
    assert_eq!(first.unwrap().arn, second.unwrap().arn);
    let error = local.ecs.tasks.run(&request.with_command(Some(vec!["other".to_owned()]))).await.unwrap_err();
    assert!(matches!(error, Error::Conflict(_)), "{error:?}");
}

#[tokio::test]
async fn a_task_whose_answer_was_lost_is_not_started_twice() {
    let local = faulty(Fault::drop_answer("RunTask").with_times(2)).await;
    let task = local.ecs.tasks.run(&migrate_task(&local.ecs).await).await.unwrap();
    let filter = TaskFilter::StartedBy("adhoc/alpha-migrate/1".to_owned());
    let started = eventually("the task to be listed", async || {
        let running = local.ecs.tasks.list(&cluster(), &filter, TaskState::Running).await.unwrap();
        let stopped = local.ecs.tasks.list(&cluster(), &filter, TaskState::Stopped).await.unwrap();
        Some([running, stopped].concat()).filter(|all| !all.is_empty())
    })
    .await;
    assert_eq!(started, [task.arn]);
    assert_eq!(local.count("RunTask"), 3, "the SDK repeats it, which the token makes harmless");
}

#[tokio::test]
async fn a_task_is_asked_for_exactly_so() {
    let local = Local::alpha(spec()).await;
    let request = migrate_task(&local.ecs)
        .await
        .with_launch(LaunchMode::Strategy(vec![CapacityProviderItem::new("FARGATE_SPOT", 1, 0)]))
        .with_platform_version(Some("1.4.0".to_owned()))
        .with_command(Some(vec!["true".to_owned(), String::new()]))
        .with_environment([("EMPTY", "")].into_iter().collect());
    let task = local.ecs.tasks.run(&request).await.unwrap();
    assert_eq!(task.started_by.as_deref(), Some("adhoc/alpha-migrate/1"));
    assert_eq!(task.group.as_deref(), Some("family:alpha-migrate"));
    assert_eq!(
        local.calls("RunTask")[0].request,
        json!({
            "cluster": "alpha-cluster",
            "taskDefinition": request.task_definition.as_str(),
            "count": 1,
            "capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT", "weight": 1, "base": 0}],
            "networkConfiguration": {"awsvpcConfiguration": {
                "subnets": ["subnet-0a005a7e00000000"], "securityGroups": ["sg-0ec5000000000001"],
                "assignPublicIp": "DISABLED"}},
            "platformVersion": "1.4.0",
            "overrides": {"containerOverrides": [
                {"name": "migrate", "command": ["true", ""], "environment": [{"name": "EMPTY", "value": ""}]}]},
            "startedBy": "adhoc/alpha-migrate/1",
            "clientToken": "token-1",
            "enableExecuteCommand": false,
        })
    );
    let plain = migrate_task(&local.ecs).await.with_launch(LaunchMode::LaunchType("FARGATE".to_owned()));
    local.ecs.tasks.run(&plain.with_identity("by", "token-2")).await.unwrap();
    let sent = local.calls("RunTask")[1].request.clone();
    assert_eq!(sent["launchType"], "FARGATE");
    assert!(sent.get("capacityProviderStrategy").is_none() && sent.get("overrides").is_none(), "{sent}");
}

#[tokio::test]
async fn a_stopped_task_says_how_and_when_it_ended() {
    let local = Local::start(scenario(spec()).with_behaviour(Behaviour::idle("alpha-migrate"))).await;
    let task = local.ecs.tasks.run(&migrate_task(&local.ecs).await).await.unwrap();
    let one = [task.arn.clone()];
    let state = async |status: &str| {
        eventually(status, async || {
            let task = local.ecs.tasks.describe(&cluster(), &one).await.unwrap().remove(0);
            (task.last_status == status).then_some(task)
        })
        .await
    };
    state("RUNNING").await;
    local.ecs.tasks.stop(&cluster(), &task.arn, "enough").await.unwrap();
    let stopped = state("STOPPED").await;
    assert_eq!(stopped.stop_code.as_deref(), Some("UserInitiated"));
    assert_eq!(stopped.stopped_reason.as_deref(), Some("enough"));
    let times = [stopped.created_at, stopped.started_at, stopped.execution_stopped_at, stopped.stopped_at];
    assert!(times.iter().all(Option::is_some) && times.is_sorted(), "{times:?}");
    assert!(stopped.container(&"migrate".into()).unwrap().runtime_id.is_some());
    let ghost = TaskArn::new("0123456789abcdef");
    let error = local.ecs.tasks.stop(&cluster(), &ghost, "").await.unwrap_err();
    assert!(matches!(error, Error::NotFound(_)), "{error:?}");
}

#[tokio::test]
async fn failures_with_http_200_are_failures() {
    let local = faulty(Fault::failures("*", "RESOURCE:MEMORY").with_skip(1).with_times(0)).await;
    let request = migrate_task(&local.ecs).await;
    let error = local.ecs.tasks.run(&request).await.unwrap_err();
    assert!(matches!(error, Error::TaskNotStarted(_)), "{error:?}");
    assert!(error.to_string().contains("RESOURCE:MEMORY"), "{error}");
    let services = ["alpha-gunicorn".into(), "alpha-beat".into()];
    let error = local.ecs.services.describe(&cluster(), &services).await.unwrap_err();
    assert!(matches!(error, Error::Rejected(_)), "{error:?}");
    for service in ["alpha-gunicorn", "alpha-beat"] {
        assert!(error.to_string().contains(service), "every entry is named: {error}");
    }
    let error = local.ecs.tasks.describe(&cluster(), &[TaskArn::new("1"), TaskArn::new("2")]).await.unwrap_err();
    assert!(matches!(error, Error::Rejected(_)), "{error:?}");
}

#[tokio::test]
async fn no_capacity_is_a_task_that_did_not_start() {
    let local = Local::start(scenario(spec()).with_behaviour(Behaviour::no_capacity("alpha-migrate"))).await;
    let request = migrate_task(&local.ecs).await;
    let error = local.ecs.tasks.run(&request).await.unwrap_err();
    assert!(matches!(error, Error::TaskNotStarted(_)), "{error:?}");
    assert!(error.to_string().contains("Capacity is unavailable"), "{error}");
    // The same, as an error instead of an entry of `failures[]`.
    let message = "Capacity is unavailable at this time. Please try again later.";
    local.server.add_fault(Fault::error("RunTask", "ClientException", message, 400));
    let error = local.ecs.tasks.run(&request).await.unwrap_err();
    assert!(matches!(error, Error::TaskNotStarted(_)), "{error:?}");
}

// --- Logs

async fn put_lines(local: &Local, stream: &str, lines: &[String], at: i64) {
    let logs = local.foreign_logs();
    for batch in lines.chunks(10_000) {
        let event = |line: &String| InputLogEvent::builder().timestamp(at).message(line).build().unwrap();
        let request = logs.put_log_events().log_group_name("/ecs/alpha/beat").log_stream_name(stream);
        request.set_log_events(Some(batch.iter().map(event).collect())).send().await.unwrap();
    }
}

async fn create_stream(local: &Local, stream: &str) -> LogStream {
    let logs = local.foreign_logs();
    logs.create_log_stream().log_group_name("/ecs/alpha/beat").log_stream_name(stream).send().await.unwrap();
    LogStream::new("/ecs/alpha/beat", stream)
}

/// Reads from `cursor` to the end: the lines, and where to go on.
async fn read_on(ecs: &Ecs, stream: &LogStream, mut cursor: LogCursor) -> (Vec<String>, LogCursor, usize) {
    let (mut lines, mut pages) = (Vec::new(), 0);
    loop {
        let page = ecs.logs.page(stream, &cursor).await.unwrap();
        pages += 1;
        assert!(page.events.len() <= 10_000);
        lines.extend(page.events.into_iter().map(|event| event.message));
        cursor = page.next;
        if page.at_end {
            return (lines, cursor, pages);
        }
    }
}

fn now_ms(local: &Local) -> i64 {
    local.cx.clock().now().as_millisecond()
}

#[tokio::test]
async fn nothing_of_a_long_stream_is_lost_or_repeated() {
    let local = faulty(Fault::empty_page(2).with_skip(1)).await;
    let stream = create_stream(&local, "beat/beat/1").await;
    // More than two pages, and all of one millisecond.
    let lines: Vec<String> = (0..25_003).map(|i| format!("line {i}")).collect();
    put_lines(&local, "beat/beat/1", &lines, now_ms(&local)).await;
    let (read, cursor, pages) = read_on(&local.ecs, &stream, LogCursor::start()).await;
    assert_eq!(read.len(), lines.len());
    assert!(read == lines, "lines are missing, twice or out of order");
    assert!(pages >= 6, "{pages} pages, two of them empty and in the middle");

    // What comes later is read from where the end was, and once.
    let (read, cursor, _) = read_on(&local.ecs, &stream, cursor).await;
    assert!(read.is_empty());
    let later = vec!["later".to_owned(), "same millisecond".to_owned()];
    put_lines(&local, "beat/beat/1", &later, now_ms(&local)).await;
    assert_eq!(read_on(&local.ecs, &stream, cursor).await.0, later);
}

#[tokio::test]
async fn a_page_of_a_megabyte_is_not_the_end() {
    let local = Local::alpha(spec()).await;
    let stream = create_stream(&local, "beat/beat/2").await;
    let lines: Vec<String> = (0..60).map(|i| format!("{i} {}", "x".repeat(50_000))).collect();
    put_lines(&local, "beat/beat/2", &lines, now_ms(&local)).await;
    let (read, _, pages) = read_on(&local.ecs, &stream, LogCursor::start()).await;
    assert!(read == lines && pages > 3, "{} lines on {pages} pages", read.len());
}

#[tokio::test]
async fn the_last_lines_and_those_since_a_moment_can_be_asked_for() {
    let local = Local::alpha(spec()).await;
    let stream = create_stream(&local, "beat/beat/3").await;
    let now = now_ms(&local);
    put_lines(&local, "beat/beat/3", &["old".to_owned(), "older\r\n".to_owned()], now - 5000).await;
    put_lines(&local, "beat/beat/3", &["new".to_owned(), "  indented \n".to_owned()], now).await;
    let page = local.ecs.logs.page(&stream, &LogCursor::Tail { lines: 3 }).await.unwrap();
    let messages: Vec<String> = page.events.iter().map(|event| event.message.clone()).collect();
    assert_eq!(messages, ["older", "new", "  indented "], "line ends go, spaces stay");
    put_lines(&local, "beat/beat/3", &["newest".to_owned()], now).await;
    assert_eq!(read_on(&local.ecs, &stream, page.next).await.0, ["newest"], "following goes on after the tail");
    let since = LogCursor::Start { since: adhoc_core::Timestamp::from_millisecond(now).ok() };
    assert_eq!(read_on(&local.ecs, &stream, since).await.0, ["new", "  indented ", "newest"]);

    for stream in [LogStream::new("/ecs/alpha/beat", "ghost"), LogStream::new("/ghost", "x")] {
        let error = local.ecs.logs.page(&stream, &LogCursor::start()).await.unwrap_err();
        assert!(matches!(error, Error::NotFound(_)), "{error:?}");
    }
}

// --- Network

fn tags(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test]
async fn subnets_and_groups_are_found_by_tag_with_wildcards() {
    let local = Local::alpha(spec()).await;
    let network = &local.ecs.network;
    let private = network.subnets(&tags(&[("env", "dev"), ("Name", "*private*")])).await.unwrap();
    assert_eq!(private, ["subnet-0a005a7e00000000", "subnet-0a015a7e00000000"]);
    assert_eq!(network.subnets(&tags(&[("env", "dev")])).await.unwrap().len(), 4);
    assert_eq!(network.subnets(&tags(&[("Name", "dev-private-?")])).await.unwrap(), private);
    assert!(
        network.subnets(&tags(&[("env", "prod"), ("Name", "*private*")])).await.unwrap().is_empty(),
        "all tags count"
    );
    assert_eq!(network.security_groups(&tags(&[("Name", "dev-ecs-sg")])).await.unwrap(), ["sg-0ec5000000000001"]);
    assert!(network.security_groups(&tags(&[("Name", "prod-ecs-sg")])).await.unwrap().is_empty());
}

// --- Failures that any call may have

/// Every adapter once, each with a call that has nothing to do with the others.
async fn every_call(ecs: &Ecs) -> Vec<(&'static str, Result<(), Error>)> {
    let stream = LogStream::new("/ecs/alpha/beat", "beat/beat/1");
    let service = ServiceName::from("alpha-gunicorn");
    let request = RunTask::new(cluster(), adhoc_core::TaskDefinitionArn::new("alpha-migrate:1"), "migrate".into())
        .with_network(Some(network()))
        .with_identity("by", "token");
    let update = ServiceUpdate::new(cluster(), service.clone()).with_desired_count(Some(0));
    let by = TaskFilter::StartedBy("by".to_owned());
    vec![
        ("DescribeTaskDefinition", ecs.task_definitions.describe("alpha-migrate").await.map(drop)),
        ("RunTask", ecs.tasks.run(&request).await.map(drop)),
        ("DescribeTasks", ecs.tasks.describe(&cluster(), &[TaskArn::new("1")]).await.map(drop)),
        ("ListTasks", ecs.tasks.list(&cluster(), &by, TaskState::Running).await.map(drop)),
        ("DescribeServices", ecs.services.describe(&cluster(), std::slice::from_ref(&service)).await.map(drop)),
        ("ListServices", ecs.services.list(&cluster()).await.map(drop)),
        ("ListServiceDeployments", ecs.services.history(&cluster(), &service, 5).await.map(drop)),
        ("UpdateService", ecs.services.update(&update).await.map(drop)),
        ("GetLogEvents", ecs.logs.page(&stream, &LogCursor::start()).await.map(drop)),
        ("DescribeSubnets", ecs.network.subnets(&tags(&[("env", "dev")])).await.map(drop)),
        ("DescribeSecurityGroups", ecs.network.security_groups(&tags(&[("env", "dev")])).await.map(drop)),
    ]
}

async fn all_fail(ecs: &Ecs, kind: &str, is_kind: impl Fn(&Error) -> bool) {
    for (operation, result) in every_call(ecs).await {
        let Err(error) = result else { panic!("{operation} should be {kind}") };
        assert!(is_kind(&error), "{operation} should be {kind}: {error:?}");
        assert_eq!(error.detail().operation, operation);
    }
}

#[tokio::test]
async fn a_bad_moment_of_aws_is_survived() {
    let bad_moments = [
        ("throttling", Fault::throttle("*")),
        ("HTTP 500", Fault::server_error("*", 500)),
        ("HTTP 503", Fault::server_error("*", 503)),
        ("a closed connection", Fault::drop_connection("*")),
    ];
    for (name, fault) in bad_moments {
        let local = Local::alpha(spec()).await;
        create_stream(&local, "beat/beat/1").await;
        for (operation, _) in every_call(&local.ecs).await {
            local.server.add_fault(Fault::new(operation, fault.kind.clone()).with_times(2));
        }
        for (operation, result) in every_call(&local.ecs).await {
            assert!(result.is_ok(), "{operation} after {name}: {:?}", result.unwrap_err());
        }
    }
}

#[tokio::test]
async fn what_lasts_has_a_name() {
    let throttled = faulty(Fault::throttle("*").with_times(0)).await;
    all_fail(&throttled.ecs, "throttled", |error| matches!(error, Error::Throttled(_))).await;
    let broken = faulty(Fault::server_error("*", 500).with_times(0)).await;
    all_fail(&broken.ecs, "unavailable", |error| matches!(error, Error::Unavailable(_))).await;
    let dropped = faulty(Fault::drop_connection("*").with_times(0)).await;
    all_fail(&dropped.ecs, "unavailable", |error| matches!(error, Error::Unavailable(_))).await;
}

#[tokio::test]
async fn a_refusal_of_iam_is_permission_denied() {
    let message = "User: arn:aws:iam::123456789012:user/x is not authorized to perform: this";
    for code in
        ["AccessDeniedException", "UnauthorizedOperation", "ExpiredTokenException", "UnrecognizedClientException"]
    {
        let local = faulty(Fault::error("*", code, message, 400).with_times(0)).await;
        all_fail(&local.ecs, "denied", |error| matches!(error, Error::PermissionDenied(_))).await;
        assert_eq!(local.server.calls().len(), 11, "{code} is not tried again");
    }
}

#[tokio::test]
async fn an_endpoint_that_nobody_serves_is_unavailable() {
    let local = Local::start(Scenario::empty()).await;
    let endpoint = local.server.endpoint();
    local.server.shutdown().await;
    all_fail(&Ecs::on_aws(&sdk_config(&endpoint)), "unavailable", |error| {
        matches!(error, Error::Unavailable(_)) && error.detail().hint.is_some()
    })
    .await;
    let definitions = AwsTaskDefinitions::new(aws_sdk_ecs::Client::new(&sdk_config(&endpoint)));
    let definitions = definitions.with_clock(Arc::new(ImpatientClock));
    let error = definitions.register(&object(&json!({"family": "f"}))).await.unwrap_err();
    assert!(matches!(error, Error::Unavailable(_)), "{error:?}");
}

#[tokio::test]
async fn missing_credentials_are_permission_denied_with_a_hint() {
    let local = Local::alpha(spec()).await;
    let ecs = Ecs::on_aws(&sdk_config_without_credentials(&local.server.endpoint()));
    all_fail(&ecs, "denied", |error| {
        matches!(error, Error::PermissionDenied(_))
            && error.detail().hint.as_deref().is_some_and(|hint| hint.contains("AWS_PROFILE"))
    })
    .await;
    assert!(local.server.calls().is_empty());
}
