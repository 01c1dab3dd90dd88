//! Rolling deployments, over HTTP.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a helper that fails is a test that fails")]

mod common;

use adhoc_local::{Behaviour, EnvironmentSpec, Scenario, Server, Timing};
use common::{clone_with_tag, ecs, ecs_error, eventually, is_stable, service, until_service, until_status};
use serde_json::{Value, json};

async fn server(spec: EnvironmentSpec) -> Server {
    let scenario = Scenario::default().with_timing(Timing::instant()).with_environment(spec);
    Server::start_with(scenario).await.unwrap()
}

fn alpha() -> EnvironmentSpec {
    EnvironmentSpec::new("alpha").with_image_tag("v1").with_desired_count("gunicorn", 1)
}

/// Waits until v1 runs, then deploys `tag`. Returns the new deployment's id.
async fn update(server: &Server, tag: &str) -> String {
    until_service(server, "alpha-gunicorn", "v1 runs", |s| {
        is_stable(s) && s["deployments"][0]["rolloutState"] == "COMPLETED"
    })
    .await;
    deploy(server, tag).await
}

async fn deploy(server: &Server, tag: &str) -> String {
    let definition = clone_with_tag(server, "alpha-gunicorn", tag).await;
    let body = json!({"cluster": "alpha-cluster", "service": "alpha-gunicorn", "taskDefinition": definition});
    let answer = ecs(server, "UpdateService", body).await;
    let deployment = &answer["service"]["deployments"][0];
    assert_eq!((&deployment["status"], &deployment["rolloutState"]), (&json!("PRIMARY"), &json!("IN_PROGRESS")));
    deployment["id"].as_str().unwrap().to_owned()
}

async fn last_record(server: &Server) -> Value {
    let body = json!({"cluster": "alpha-cluster", "service": "alpha-gunicorn"});
    let list = ecs(server, "ListServiceDeployments", body).await;
    let arn = &list["serviceDeployments"][0]["serviceDeploymentArn"];
    ecs(server, "DescribeServiceDeployments", json!({"serviceDeploymentArns": [arn]})).await["serviceDeployments"][0]
        .clone()
}

fn events(service: &Value) -> String {
    let message = |event: &Value| event["message"].as_str().unwrap().to_owned();
    service["events"].as_array().unwrap().iter().map(message).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn an_update_rolls_to_the_new_definition() {
    let server = server(alpha()).await;
    let id = update(&server, "v2").await;
    let done = until_service(&server, "alpha-gunicorn", "stable", |s| {
        is_stable(s) && s["deployments"][0]["rolloutState"] == "COMPLETED"
    })
    .await;
    assert_eq!(done["deployments"][0]["id"], json!(id));
    assert!(done["taskDefinition"].as_str().unwrap().ends_with("alpha-gunicorn:2"));
    let done = until_service(&server, "alpha-gunicorn", "steady", |s| {
        events(s).starts_with("(service alpha-gunicorn) has reached a steady state.")
    })
    .await;
    assert!(events(&done).contains(&format!("(deployment {id}) deployment completed.")));
    let record = last_record(&server).await;
    assert_eq!(record["status"], "SUCCESSFUL");
    let revision = ecs(
        &server,
        "DescribeServiceRevisions",
        json!({"serviceRevisionArns": [record["targetServiceRevision"]["arn"]]}),
    )
    .await;
    assert_eq!(revision["serviceRevisions"][0]["taskDefinition"], done["taskDefinition"]);
    let tasks = ecs(&server, "ListTasks", json!({"cluster": "alpha-cluster", "serviceName": "alpha-gunicorn"})).await;
    let task = common::task(&server, tasks["taskArns"][0].as_str().unwrap()).await;
    assert_eq!((&task["startedBy"], &task["group"]), (&json!(id), &json!("service:alpha-gunicorn")));
    assert_eq!(task["capacityProviderName"], "FARGATE_SPOT");
}

#[tokio::test]
async fn a_crashing_image_is_rolled_back() {
    let server = server(alpha()).await;
    server.add_behaviour(Behaviour::command("alpha-gunicorn", ["sh", "-c", "echo boom; exit 1"]).with_image("*:v2"));
    let id = update(&server, "v2").await;
    let back = until_service(&server, "alpha-gunicorn", "rolled back", |s| {
        is_stable(s) && s["deployments"][0]["id"] != json!(id) && s["deployments"][0]["rolloutState"] == "COMPLETED"
    })
    .await;
    assert!(back["taskDefinition"].as_str().unwrap().ends_with("alpha-gunicorn:1"));
    assert!(events(&back).contains(&format!("(deployment {id}) deployment failed: tasks failed to start.")));
    assert!(events(&back).contains("rolling back to deployment ecs-svc/"));
    let record = last_record(&server).await;
    assert_eq!(record["status"], "ROLLBACK_SUCCESSFUL");
    assert_eq!(record["deploymentCircuitBreaker"]["failureCount"], 3);
    assert!(record["rollback"]["serviceRevisionArn"].is_string() && record["rollback"]["startedAt"].is_f64());
    let stopped = json!({"cluster": "alpha-cluster", "serviceName": "alpha-gunicorn", "desiredStatus": "STOPPED"});
    let crashed = ecs(&server, "ListTasks", stopped).await["taskArns"].as_array().unwrap().clone();
    let mut by_itself = 0;
    for arn in &crashed {
        let task = until_status(&server, arn.as_str().unwrap(), "STOPPED").await;
        by_itself +=
            u32::from(task["stopCode"] == "EssentialContainerExited" && task["containers"][0]["exitCode"] == 1);
    }
    assert_eq!(by_itself, 3);
}

#[tokio::test]
async fn without_the_breaker_a_crashing_image_is_never_given_up() {
    let server = server(alpha().with_circuit_breaker(false)).await;
    server.add_behaviour(Behaviour::command("alpha-gunicorn", ["false"]).with_image("*:v2"));
    let id = update(&server, "v2").await;
    let tried = until_service(&server, "alpha-gunicorn", "five failures", |s| {
        s["deployments"][0]["failedTasks"].as_i64() >= Some(5)
    })
    .await;
    assert_eq!(
        (&tried["deployments"][0]["id"], &tried["deployments"][0]["rolloutState"]),
        (&json!(id), &json!("IN_PROGRESS"))
    );
    assert_eq!(
        (&tried["deployments"][1]["status"], &tried["deployments"][1]["runningCount"]),
        (&json!("ACTIVE"), &json!(1))
    );
}

#[tokio::test]
async fn with_nothing_to_go_back_to_the_deployment_stays_failed() {
    let server = server(EnvironmentSpec::new("alpha")).await;
    server.add_behaviour(Behaviour::fail_to_start("fresh", "CannotPullContainerError: no"));
    ecs(
        &server,
        "RegisterTaskDefinition",
        json!({"family": "fresh", "containerDefinitions": [{"name": "a", "image": "i"}]}),
    )
    .await;
    let breaker = json!({"deploymentCircuitBreaker": {"enable": true, "rollback": true}});
    ecs(&server, "CreateService", json!({"cluster": "alpha-cluster", "serviceName": "fresh", "taskDefinition": "fresh", "desiredCount": 1, "launchType": "EC2", "deploymentConfiguration": breaker})).await;
    let failed = until_service(&server, "fresh", "failed", |s| s["deployments"][0]["rolloutState"] == "FAILED").await;
    assert_eq!(failed["deployments"][0]["status"], "PRIMARY");
    let list = ecs(&server, "ListServiceDeployments", json!({"cluster": "alpha-cluster", "service": "fresh"})).await;
    assert_eq!(list["serviceDeployments"][0]["status"], "ROLLBACK_FAILED");
}

#[tokio::test]
async fn a_newer_update_supersedes_one_that_hangs() {
    let server = server(alpha()).await;
    server.add_behaviour(Behaviour::hang("alpha-gunicorn").with_image("*:v2"));
    let hanging = update(&server, "v2").await;
    until_service(&server, "alpha-gunicorn", "the hanging task", |s| s["deployments"][0]["pendingCount"] == 1).await;
    assert_eq!(last_record(&server).await["status"], "IN_PROGRESS");
    let list =
        ecs(&server, "ListServiceDeployments", json!({"cluster": "alpha-cluster", "service": "alpha-gunicorn"})).await;
    let superseded = list["serviceDeployments"][0]["serviceDeploymentArn"].clone();
    let id = deploy(&server, "v3").await;
    let done = until_service(&server, "alpha-gunicorn", "stable", |s| {
        is_stable(s) && s["deployments"][0]["rolloutState"] == "COMPLETED"
    })
    .await;
    assert_eq!(done["deployments"][0]["id"], json!(id));
    assert_ne!(id, hanging);
    let record = ecs(&server, "DescribeServiceDeployments", json!({"serviceDeploymentArns": [superseded]})).await;
    assert_eq!(record["serviceDeployments"][0]["status"], "STOPPED");
}

#[tokio::test]
async fn counts_change_without_a_deployment_and_the_dead_are_replaced() {
    let server = server(alpha()).await;
    let before = until_service(&server, "alpha-gunicorn", "stable", |s| {
        is_stable(s) && s["deployments"][0]["rolloutState"] == "COMPLETED"
    })
    .await;
    let body = json!({"cluster": "alpha-cluster", "service": "alpha-gunicorn", "desiredCount": 3});
    ecs(&server, "UpdateService", body).await;
    let grown = until_service(&server, "alpha-gunicorn", "three tasks", |s| s["runningCount"] == 3).await;
    assert_eq!(before["deployments"][0]["id"], grown["deployments"][0]["id"]);
    let tasks = || ecs(&server, "ListTasks", json!({"cluster": "alpha-cluster", "serviceName": "alpha-gunicorn"}));
    let victim = tasks().await["taskArns"][0].clone();
    ecs(&server, "StopTask", json!({"cluster": "alpha-cluster", "task": victim})).await;
    eventually("a replacement", || async {
        let now = tasks().await["taskArns"].as_array().unwrap().clone();
        (now.len() == 3 && !now.contains(&victim)).then_some(())
    })
    .await;
    let body = json!({"cluster": "alpha-cluster", "service": "alpha-gunicorn", "desiredCount": 0});
    ecs(&server, "UpdateService", body).await;
    until_service(&server, "alpha-gunicorn", "none", |s| s["runningCount"] == 0 && s["pendingCount"] == 0).await;
    ecs(&server, "DeleteService", json!({"cluster": "alpha-cluster", "service": "alpha-gunicorn"})).await;
    until_service(&server, "alpha-gunicorn", "inactive", |s| s["status"] == "INACTIVE").await;
}

#[tokio::test]
async fn update_service_refuses_what_aws_refuses() {
    let server = server(alpha().with_deployment_controller("beat", "CODE_DEPLOY")).await;
    let update = |service: &str, definition: &str| json!({"cluster": "alpha-cluster", "service": service, "taskDefinition": definition});
    let (code, message) = ecs_error(&server, "UpdateService", update("alpha-beat", "alpha-beat:1")).await;
    assert!(code == "InvalidParameterException" && message.contains("CODE_DEPLOY"), "{message}");
    assert_eq!(ecs_error(&server, "UpdateService", update("nope", "alpha-beat")).await.0, "ServiceNotFoundException");
    clone_with_tag(&server, "alpha-gunicorn", "v2").await;
    ecs(&server, "DeregisterTaskDefinition", json!({"taskDefinition": "alpha-gunicorn:1"})).await;
    let refused = ecs_error(&server, "UpdateService", update("alpha-gunicorn", "alpha-gunicorn:1")).await;
    assert_eq!(refused, ("ClientException".to_owned(), "TaskDefinition is inactive".to_owned()));
    let body = json!({"cluster": "alpha-cluster", "services": ["nope", "alpha-redis"]});
    let described = ecs(&server, "DescribeServices", body).await;
    assert_eq!(
        (&described["failures"][0]["reason"], &described["services"][0]["serviceName"]),
        (&json!("MISSING"), &json!("alpha-redis"))
    );
    assert_eq!(service(&server, "alpha-beat").await["deploymentController"]["type"], "CODE_DEPLOY");
}
