//! One-off tasks, over HTTP.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a helper that fails is a test that fails")]

mod common;

use adhoc_local::{Behaviour, Fault, Scenario, Server, Timing};
use common::{SIGNATURE, ecs, ecs_error, eventually, lines, network, query, raw, run, send, task, until_status};
use serde_json::json;

async fn server() -> Server {
    Server::start_with(Scenario::default().with_timing(Timing::instant())).await.unwrap()
}

#[tokio::test]
async fn a_migration_runs_as_a_process_and_its_lines_are_its_log() {
    let server = server().await;
    let arn = run(&server, "alpha-migrate").await;
    let stopped = until_status(&server, &arn, "STOPPED").await;
    assert_eq!(stopped["containers"][0]["exitCode"], 0);
    assert_eq!(stopped["containers"][0]["lastStatus"], "STOPPED");
    assert_eq!(stopped["stopCode"], "EssentialContainerExited");
    assert_eq!(stopped["stoppedReason"], "Essential container in task exited");
    assert_eq!(stopped["group"], "family:alpha-migrate");
    assert!(stopped["startedAt"].is_f64() && stopped["stoppedAt"].is_f64());
    let lines = lines(&server, "migrate", &arn).await;
    assert_eq!(lines.first().unwrap(), "Operations to perform:");
    assert_eq!(lines.last().unwrap(), "  Applied all migrations of placeholder.");
}

#[tokio::test]
async fn overrides_and_nothing_of_the_servers_environment_reach_the_process() {
    let server = server().await;
    let overrides = json!({"containerOverrides": [{
        "name": "migrate",
        "command": ["sh", "-c", "echo $GREETING $ENVIRONMENT; echo HOME=$HOME CARGO=$CARGO; exit 3"],
        "environment": [{"name": "GREETING", "value": "hello"}],
    }]});
    let body = json!({"cluster": "alpha-cluster", "taskDefinition": "alpha-migrate:1", "networkConfiguration": network(), "overrides": overrides});
    let answer = ecs(&server, "RunTask", body).await;
    let arn = answer["tasks"][0]["taskArn"].as_str().unwrap();
    let stopped = until_status(&server, arn, "STOPPED").await;
    assert_eq!(stopped["containers"][0]["exitCode"], 3);
    assert_eq!(lines(&server, "migrate", arn).await, ["hello alpha", "HOME= CARGO="]);
}

#[tokio::test]
async fn behaviours_decide_how_a_task_ends() {
    let server = server().await;
    for (behaviour, code, reason) in [
        (
            Behaviour::fail_to_start("alpha-migrate", "CannotPullContainerError: no such tag"),
            "TaskFailedToStart",
            "CannotPullContainerError: no such tag",
        ),
        (
            Behaviour::stop_after("alpha-migrate", "SpotInterruption", 1),
            "SpotInterruption",
            "Your Spot Task was interrupted.",
        ),
        (Behaviour::command("alpha-migrate", ["/no/such/program"]), "TaskFailedToStart", "Task failed to start"),
    ] {
        server.add_behaviour(behaviour.with_image("*:placeholder"));
        let arn = run(&server, "alpha-migrate").await;
        let stopped = until_status(&server, &arn, "STOPPED").await;
        assert_eq!((&stopped["stopCode"], &stopped["stoppedReason"]), (&json!(code), &json!(reason)));
        if code == "TaskFailedToStart" {
            assert!(stopped["containers"][0].get("exitCode").is_none(), "{stopped}");
            assert!(stopped["containers"][0]["reason"].as_str().unwrap().starts_with("Cannot"), "{stopped}");
        }
    }
    server.add_behaviour(Behaviour::hang("alpha-migrate"));
    let arn = run(&server, "alpha-migrate").await;
    until_status(&server, &arn, "PENDING").await;
    ecs(&server, "StopTask", json!({"cluster": "alpha-cluster", "task": arn, "reason": "enough"})).await;
    assert_eq!(until_status(&server, &arn, "STOPPED").await["stopCode"], "UserInitiated");
    server.add_behaviour(Behaviour::no_capacity("alpha-migrate"));
    let body =
        json!({"cluster": "alpha-cluster", "taskDefinition": "alpha-migrate", "networkConfiguration": network()});
    let answer = ecs(&server, "RunTask", body).await;
    assert_eq!(
        (answer["tasks"].as_array().unwrap().len(), &answer["failures"][0]["reason"]),
        (0, &json!("RESOURCE:FARGATE"))
    );
}

#[tokio::test]
async fn a_stopped_task_loses_its_process_and_says_137() {
    let server = server().await;
    server.add_behaviour(Behaviour::command("alpha-migrate", ["sh", "-c", "echo $$; exec sleep 300"]));
    let arn = run(&server, "alpha-migrate").await;
    until_status(&server, &arn, "RUNNING").await;
    let pid = eventually("the pid", || async { lines(&server, "migrate", &arn).await.first().cloned() }).await;
    assert!(std::path::Path::new(&format!("/proc/{pid}")).exists());
    ecs(&server, "StopTask", json!({"cluster": "alpha-cluster", "task": arn})).await;
    assert_eq!(until_status(&server, &arn, "STOPPED").await["containers"][0]["exitCode"], 137);
    assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
}

#[tokio::test]
async fn dropping_the_server_kills_its_processes() {
    let server = server().await;
    // The shell's own child: killing the shell alone would leave it behind.
    let script = "trap '' TERM; sleep 300 & echo $!; wait";
    server.add_behaviour(Behaviour::command("alpha-migrate", ["sh", "-c", script]));
    let arn = run(&server, "alpha-migrate").await;
    until_status(&server, &arn, "RUNNING").await;
    let pid = eventually("the pid", || async { lines(&server, "migrate", &arn).await.first().cloned() }).await;
    drop(server);
    eventually("the process to be gone", || async {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        (stat.is_empty() || stat.contains(") Z ")).then_some(())
    })
    .await;
}

#[tokio::test]
async fn containers_wait_for_one_another() {
    let server = server().await;
    let definition = json!({"family": "pair", "containerDefinitions": [
        {"name": "main", "image": "a", "command": ["sh", "-c", "exit 5"], "dependsOn": [{"containerName": "first", "condition": "SUCCESS"}]},
        {"name": "first", "image": "b", "essential": false, "command": ["true"]},
        {"name": "beside", "image": "c", "essential": false, "command": ["sleep", "300"]},
    ]});
    ecs(&server, "RegisterTaskDefinition", definition).await;
    let answer =
        ecs(&server, "RunTask", json!({"cluster": "alpha-cluster", "taskDefinition": "pair", "launchType": "EC2"}))
            .await;
    let stopped = until_status(&server, answer["tasks"][0]["taskArn"].as_str().unwrap(), "STOPPED").await;
    let codes: Vec<i64> =
        stopped["containers"].as_array().unwrap().iter().map(|c| c["exitCode"].as_i64().unwrap()).collect();
    assert_eq!(codes, [5, 0, 137]);
}

#[tokio::test]
async fn run_task_refuses_what_aws_refuses() {
    let server = server().await;
    let base =
        json!({"cluster": "alpha-cluster", "taskDefinition": "alpha-migrate", "networkConfiguration": network()});
    let with = |name: &str, value: serde_json::Value| {
        let mut body = base.clone();
        body[name] = value;
        body
    };
    for (body, code, text) in [
        (with("cluster", json!("nope")), "ClusterNotFoundException", "Cluster not found."),
        (with("count", json!(11)), "InvalidParameterException", "count"),
        (with("startedBy", json!("a;b")), "InvalidParameterException", "startedBy"),
        (
            with("networkConfiguration", json!(null)),
            "InvalidParameterException",
            "Network Configuration must be provided",
        ),
        (with("taskDefinition", json!("nope")), "ClientException", "TaskDefinition not found."),
        (with("overrides", json!({"containerOverrides": [{"name": "x"}]})), "InvalidParameterException", "named x"),
    ] {
        let (found, message) = ecs_error(&server, "RunTask", body).await;
        assert!(found == code && message.contains(text), "{found}: {message}");
    }
    let mut both = with("launchType", json!("FARGATE"));
    both["capacityProviderStrategy"] = json!([{"capacityProvider": "FARGATE_SPOT"}]);
    assert_eq!(ecs_error(&server, "RunTask", both).await.0, "InvalidParameterException");
    let first = ecs(&server, "RunTask", with("clientToken", json!("t"))).await;
    let again = ecs(&server, "RunTask", with("clientToken", json!("t"))).await;
    assert_eq!(first["tasks"][0]["taskArn"], again["tasks"][0]["taskArn"]);
    let mut other = with("clientToken", json!("t"));
    other["count"] = json!(2);
    assert_eq!(ecs_error(&server, "RunTask", other).await.0, "ConflictException");
}

#[tokio::test]
async fn lists_filter_and_page() {
    let server = server().await;
    server.add_behaviour(Behaviour::idle("alpha-migrate"));
    let body = json!({"cluster": "alpha-cluster", "taskDefinition": "alpha-migrate", "networkConfiguration": network(), "count": 3, "startedBy": "me"});
    ecs(&server, "RunTask", body).await;
    let list = |filter: serde_json::Value| {
        let mut filter = filter;
        filter["cluster"] = json!("alpha-cluster");
        filter
    };
    let page = ecs(&server, "ListTasks", list(json!({"startedBy": "me", "maxResults": 2}))).await;
    assert_eq!(page["taskArns"].as_array().unwrap().len(), 2);
    let rest =
        ecs(&server, "ListTasks", list(json!({"startedBy": "me", "maxResults": 2, "nextToken": page["nextToken"]})))
            .await;
    assert_eq!((rest["taskArns"].as_array().unwrap().len(), rest.get("nextToken")), (1, None));
    let stopped = ecs(&server, "ListTasks", list(json!({"family": "alpha-migrate", "desiredStatus": "STOPPED"}))).await;
    assert_eq!(stopped["taskArns"], json!([]));
    for bad in [json!({"startedBy": "me", "family": "x"}), json!({"family": "x", "serviceName": "y"})] {
        assert_eq!(ecs_error(&server, "ListTasks", list(bad)).await.0, "InvalidParameterException");
    }
    let unknown = ecs(&server, "DescribeTasks", json!({"cluster": "alpha-cluster", "tasks": ["0123"]})).await;
    assert_eq!(unknown["failures"][0]["reason"], "MISSING");
}

#[tokio::test]
async fn unknown_members_of_a_definition_survive() {
    let server = server().await;
    let definition = json!({"family": "f", "containerDefinitions": [{"name": "a", "image": "i", "newThing": {"x": []}, "command": []}], "futureField": ""});
    ecs(&server, "RegisterTaskDefinition", definition).await;
    let read = ecs(&server, "DescribeTaskDefinition", json!({"taskDefinition": "f"})).await;
    let read = &read["taskDefinition"];
    assert_eq!((&read["futureField"], &read["containerDefinitions"][0]["newThing"]), (&json!(""), &json!({"x": []})));
    assert_eq!((&read["revision"], &read["containerDefinitions"][0]["essential"]), (&json!(1), &json!(true)));
    ecs(&server, "DeregisterTaskDefinition", json!({"taskDefinition": "f:1"})).await;
    assert_eq!(ecs_error(&server, "DescribeTaskDefinition", json!({"taskDefinition": "f"})).await.0, "ClientException");
}

#[tokio::test]
async fn faults_strike_as_ordered() {
    let server = server().await;
    let target = "AmazonEC2ContainerServiceV20141113.ListClusters";
    server.add_fault(Fault::throttle("ecs:ListClusters"));
    let answer = raw(&server, target, &json!({})).await;
    assert_eq!((answer.status, &answer.json()["__type"]), (400, &json!("ThrottlingException")));
    server.add_fault(Fault::server_error("ListClusters", 503).with_skip(1));
    server.add_fault(Fault::drop_connection("ListClusters").with_skip(2));
    assert_eq!(raw(&server, target, &json!({})).await.status, 200);
    assert_eq!(raw(&server, target, &json!({})).await.status, 503);
    assert_eq!(raw(&server, target, &json!({})).await.status, 0);
    assert_eq!(raw(&server, target, &json!({})).await.status, 200);
    server.add_fault(Fault::failures("DescribeServices", "MISSING"));
    assert_eq!(
        ecs(&server, "DescribeServices", json!({"cluster": "alpha-cluster", "services": ["alpha-redis"]})).await["services"],
        json!([])
    );
    server.add_fault(Fault::missing(2));
    let arn = run(&server, "alpha-migrate").await;
    assert!(task(&server, &arn).await.is_null() && task(&server, &arn).await.is_null());
    assert!(task(&server, &arn).await.is_object());
    let statuses: Vec<u16> =
        server.calls().iter().filter(|call| call.operation == "ListClusters").map(|call| call.status).collect();
    assert_eq!(statuses, [400, 200, 503, 0, 200]);
    server.clear_calls();
    assert!(server.calls().is_empty());
}

#[tokio::test]
async fn a_browser_is_refused() {
    let server = server().await;
    let target = ("X-Amz-Target", "AmazonEC2ContainerServiceV20141113.ListClusters");
    let (host, signed) = (("Host", "127.0.0.1"), ("Authorization", SIGNATURE));
    assert_eq!(send(&server, &[host, signed, target], "{}").await.status, 200);
    for (headers, code) in [
        (vec![host, target], "MissingAuthenticationTokenException"),
        (vec![host, ("Authorization", "Bearer x"), target], "MissingAuthenticationTokenException"),
        (vec![host, signed, target, ("Origin", "http://127.0.0.1")], "AccessDeniedException"),
        (vec![host, signed, target, ("Origin", "null")], "AccessDeniedException"),
        (vec![("Host", "evil.example.com"), signed, target], "AccessDeniedException"),
    ] {
        let answer = send(&server, &headers, "{}").await;
        assert_eq!((answer.status, &answer.json()["__type"]), (403, &json!(code)), "{headers:?}");
    }
    assert_eq!(server.calls().len(), 1);
}

#[tokio::test]
async fn the_network_is_found_by_tag_and_strangers_are_told_so() {
    let server = server().await;
    let subnets = query(&server, "Action=DescribeSubnets&Version=2016-11-15&Filter.1.Name=tag%3Aenv&Filter.1.Value.1=dev&Filter.2.Name=tag%3AName&Filter.2.Value.1=%2Aprivate%2A").await;
    assert_eq!(subnets.body.matches("<subnetId>").count(), 2);
    let groups = query(
        &server,
        "Action=DescribeSecurityGroups&Version=2016-11-15&Filter.1.Name=tag:Name&Filter.1.Value.1=dev-ecs-sg",
    )
    .await;
    assert!(groups.body.contains("<groupId>sg-0ec5000000000001</groupId>"));
    let database = query(&server, "Action=DescribeDBInstances&Version=2014-10-31&DBInstanceIdentifier=dev-rds").await;
    assert!(database.body.contains("<Port>5432</Port>"));
    let caller = query(&server, "Action=GetCallerIdentity&Version=2011-06-15").await;
    assert!(caller.body.contains("<Account>123456789012</Account>"));
    let unknown = query(&server, "Action=RunInstances&Version=2016-11-15").await;
    assert!(unknown.status == 400 && unknown.body.contains("<Code>InvalidAction</Code>"));
    let unknown = raw(&server, "AmazonEC2ContainerServiceV20141113.Nope", &json!({})).await;
    assert_eq!((unknown.status, &unknown.json()["__type"]), (400, &json!("UnknownOperationException")));
}

#[tokio::test]
async fn real_limits_throttle() {
    let server = Server::start_with(Scenario::default().with_real_limits(true)).await.unwrap();
    let body = json!({"family": "f", "containerDefinitions": [{"name": "a", "image": "i"}]});
    let mut statuses = Vec::new();
    for _ in 0..25 {
        statuses.push(raw(&server, "AmazonEC2ContainerServiceV20141113.RegisterTaskDefinition", &body).await.status);
    }
    assert!(statuses[..20].iter().all(|status| *status == 200) && statuses.contains(&400), "{statuses:?}");
}

#[tokio::test]
async fn environments_come_and_go() {
    let server = server().await;
    server
        .create_environment(&adhoc_local::EnvironmentSpec::new("beta").with_owner("me").with_desired_count("beat", 1));
    assert_eq!(server.environments(), ["alpha", "beta"]);
    let body = json!({"clusters": ["beta-cluster", "gamma-cluster"], "include": ["TAGS"]});
    let answer = ecs(&server, "DescribeClusters", body).await;
    assert!(answer["clusters"][0]["tags"].as_array().unwrap().contains(&json!({"key": "adhoc:owner", "value": "me"})));
    assert_eq!(answer["failures"][0]["reason"], "MISSING");
    server.remove_environment("beta");
    assert_eq!(ecs(&server, "ListClusters", json!({})).await["clusterArns"].as_array().unwrap().len(), 1);
}
