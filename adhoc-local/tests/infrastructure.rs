//! What tools for infrastructure ask of ECS and CloudWatch Logs beyond deployments, over HTTP.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a helper that fails is a test that fails")]

mod common;

use adhoc_local::{Behaviour, EnvironmentSpec, Scenario, Server, Timing};
use common::{ecs, ecs_error, logs, network, refused, until_service, until_status};
use serde_json::{Value, json};

const CLUSTER_ARN: &str = "arn:aws:ecs:us-east-1:123456789012:cluster/alpha-cluster";
const GROUP_ARN: &str = "arn:aws:logs:us-east-1:123456789012:log-group:/ecs/alpha/web";

async fn empty() -> Server {
    Server::start_with(Scenario::empty().with_timing(Timing::instant())).await.unwrap()
}

async fn with_alpha() -> Server {
    let alpha = EnvironmentSpec::new("alpha").with_desired_count("gunicorn", 1);
    let scenario = Scenario::empty().with_timing(Timing::instant()).with_environment(alpha);
    Server::start_with(scenario.with_behaviour(Behaviour::idle("*"))).await.unwrap()
}

/// The names and values of tags, sorted.
fn pairs(tags: &Value) -> Vec<String> {
    let text = |tag: &Value, name: &str| tag[name].as_str().unwrap().to_owned();
    let mut pairs: Vec<_> =
        tags.as_array().unwrap().iter().map(|tag| format!("{}={}", text(tag, "key"), text(tag, "value"))).collect();
    pairs.sort();
    pairs
}

async fn cluster(server: &Server, include: &[&str]) -> Value {
    let body = json!({"clusters": ["alpha-cluster"], "include": include});
    ecs(server, "DescribeClusters", body).await["clusters"][0].clone()
}

#[tokio::test]
async fn a_cluster_keeps_what_it_was_made_with() {
    let server = empty().await;
    let request = json!({
        "clusterName": "alpha-cluster",
        "settings": [{"name": "containerInsights", "value": "enabled"}],
        "configuration": {"executeCommandConfiguration": {"logging": "DEFAULT"}},
        "tags": [{"key": "env", "value": "alpha"}],
    });
    let made = ecs(&server, "CreateCluster", request).await["cluster"].clone();
    assert_eq!((&made["status"], &made["capacityProviders"]), (&json!("ACTIVE"), &json!([])));
    assert_eq!(made["tags"], json!([{"key": "env", "value": "alpha"}]));
    let plain = cluster(&server, &[]).await;
    assert_eq!((&plain["tags"], &plain["settings"], &plain["statistics"]), (&json!([]), &json!([]), &json!([])));
    assert!(plain.get("configuration").is_none());
    let whole = cluster(&server, &["SETTINGS", "CONFIGURATIONS", "TAGS"]).await;
    assert_eq!(whole["settings"], json!([{"name": "containerInsights", "value": "enabled"}]));
    assert_eq!(whole["configuration"]["executeCommandConfiguration"]["logging"], "DEFAULT");

    let off = json!({"cluster": CLUSTER_ARN, "settings": [{"name": "containerInsights", "value": "disabled"}]});
    ecs(&server, "UpdateCluster", off).await;
    let after = cluster(&server, &["SETTINGS", "CONFIGURATIONS"]).await;
    assert_eq!(after["settings"], json!([{"name": "containerInsights", "value": "disabled"}]));
    assert!(after["configuration"].is_object(), "what a change does not name stays");
    let wrong = json!({"cluster": "alpha-cluster", "settings": [{"name": "containerInsights", "value": "loud"}]});
    assert_eq!(ecs_error(&server, "UpdateClusterSettings", wrong).await.0, "InvalidParameterException");
    ecs(&server, "CreateCluster", json!({"clusterName": "plain"})).await;
    let body = json!({"clusters": ["plain", "nowhere"], "include": ["SETTINGS"]});
    let described = ecs(&server, "DescribeClusters", body).await;
    assert_eq!(described["clusters"][0]["settings"], json!([{"name": "containerInsights", "value": "disabled"}]));
    assert_eq!(described["failures"][0]["reason"], "MISSING");
}

#[tokio::test]
async fn a_cluster_is_asked_for_its_tags_and_its_statistics() {
    let server = with_alpha().await;
    until_service(&server, "alpha-gunicorn", "one runs", |service| service["runningCount"] == 1).await;
    until_service(&server, "alpha-redis", "one runs", |service| service["runningCount"] == 1).await;
    let described = cluster(&server, &["TAGS", "STATISTICS"]).await;
    assert!(pairs(&described["tags"]).contains(&"adhoc:owner=nobody".to_owned()), "{described}");
    let statistics = described["statistics"].as_array().unwrap();
    let value = |name: &str| {
        let found = statistics.iter().find(|statistic| statistic["name"] == name);
        found.unwrap_or_else(|| panic!("no {name}"))["value"].as_str().unwrap().to_owned()
    };
    assert_eq!((value("runningFargateTasksCount"), value("runningEC2TasksCount")), ("2".to_owned(), "0".to_owned()));
    assert_eq!((value("activeFargateServiceCount"), value("drainingFargateServiceCount")), ("5".into(), "0".into()));
    assert_eq!((value("pendingFargateTasksCount"), value("activeExternalServiceCount")), ("0".into(), "0".into()));
}

#[tokio::test]
async fn clusters_are_listed_page_by_page() {
    let server = empty().await;
    for number in 0..5 {
        ecs(&server, "CreateCluster", json!({"clusterName": format!("number-{number}")})).await;
    }
    ecs(&server, "DeleteCluster", json!({"cluster": "number-3"})).await;
    let (mut request, mut pages) = (json!({"maxResults": 2}), Vec::new());
    loop {
        let page = ecs(&server, "ListClusters", request.clone()).await;
        let name = |arn: &Value| arn.as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        pages.push(page["clusterArns"].as_array().unwrap().iter().map(name).collect::<Vec<_>>());
        match page.get("nextToken") {
            Some(token) => request["nextToken"] = token.clone(),
            None => break,
        }
    }
    assert_eq!(pages, [["number-0", "number-1"], ["number-2", "number-4"]]);
    let inactive = ecs(&server, "DescribeClusters", json!({"clusters": ["number-3"]})).await;
    assert_eq!(inactive["clusters"][0]["status"], "INACTIVE");
    let many: Vec<String> = (0..101).map(|number| format!("number-{number}")).collect();
    assert_eq!(ecs_error(&server, "DescribeClusters", json!({"clusters": many})).await.0, "InvalidParameterException");
}

#[tokio::test]
async fn capacity_providers_belong_to_the_cluster_before_anything_uses_them() {
    let server = empty().await;
    server.add_behaviour(Behaviour::idle("*"));
    ecs(&server, "CreateCluster", json!({"clusterName": "alpha-cluster"})).await;
    let definition =
        json!({"family": "web", "networkMode": "awsvpc", "containerDefinitions": [{"name": "web", "image": "web:1"}]});
    ecs(&server, "RegisterTaskDefinition", definition).await;
    let strategy = json!([{"capacityProvider": "FARGATE_SPOT", "weight": 1}]);
    let service = json!({"cluster": "alpha-cluster", "serviceName": "web", "taskDefinition": "web", "desiredCount": 1,
        "capacityProviderStrategy": strategy, "networkConfiguration": network()});
    let (code, message) = ecs_error(&server, "CreateService", service.clone()).await;
    assert!(code == "InvalidParameterException" && message.contains("not associated with the cluster"), "{message}");

    let put = |providers: Value, strategy: &Value| json!({"cluster": "alpha-cluster", "capacityProviders": providers, "defaultCapacityProviderStrategy": strategy});
    let unknown = put(json!(["FARGATE", "HORSES"]), &json!([]));
    assert_eq!(ecs_error(&server, "PutClusterCapacityProviders", unknown).await.0, "InvalidParameterException");
    let partial = put(json!(["FARGATE"]), &strategy);
    assert_eq!(ecs_error(&server, "PutClusterCapacityProviders", partial).await.0, "InvalidParameterException");
    ecs(&server, "PutClusterCapacityProviders", put(json!(["FARGATE", "FARGATE_SPOT"]), &strategy)).await;
    assert_eq!(cluster(&server, &[]).await["capacityProviders"], json!(["FARGATE", "FARGATE_SPOT"]));

    ecs(&server, "CreateService", service).await;
    let (code, _) = ecs_error(&server, "PutClusterCapacityProviders", put(json!(["FARGATE"]), &json!([]))).await;
    assert_eq!(code, "ResourceInUseException");
    ecs(&server, "DeleteService", json!({"cluster": "alpha-cluster", "service": "web", "force": true})).await;
    until_service(&server, "web", "gone", |service| service["status"] == "INACTIVE").await;
    ecs(&server, "PutClusterCapacityProviders", put(json!([]), &json!([]))).await;
    ecs(&server, "DeleteCluster", json!({"cluster": "alpha-cluster"})).await;
}

#[tokio::test]
async fn a_service_shows_its_settings_as_they_were_given() {
    let server = with_alpha().await;
    let settings = json!({
        "capacityProviderStrategy": [{"capacityProvider": "FARGATE", "weight": 1}],
        "deploymentConfiguration": {
            "deploymentCircuitBreaker": {"enable": true, "rollback": true},
            "maximumPercent": 100,
            "minimumHealthyPercent": 0,
        },
        "availabilityZoneRebalancing": "DISABLED",
        "healthCheckGracePeriodSeconds": 60,
        "loadBalancers": [{"targetGroupArn": "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/a/1", "containerName": "gunicorn", "containerPort": 8000}],
        "serviceRegistries": [{"registryArn": "arn:aws:servicediscovery:us-east-1:123456789012:service/srv-1"}],
        "enableECSManagedTags": true,
        "enableExecuteCommand": true,
        "propagateTags": "SERVICE",
        "networkConfiguration": network(),
    });
    let mut request = settings.clone();
    for (name, value) in [("cluster", "alpha-cluster"), ("serviceName", "own"), ("taskDefinition", "alpha-gunicorn")] {
        request[name] = value.into();
    }
    request["desiredCount"] = 1.into();
    request["tags"] = json!([{"key": "env", "value": "alpha"}]);
    ecs(&server, "CreateService", request).await;
    let own = until_service(&server, "own", "one runs", |service| service["runningCount"] == 1).await;
    for (name, value) in settings.as_object().unwrap().iter().filter(|(name, _)| *name != "deploymentConfiguration") {
        assert_eq!(own[name], *value, "{name}");
    }
    assert_eq!(own["deploymentConfiguration"]["maximumPercent"], 100);
    assert_eq!((&own["schedulingStrategy"], own.get("launchType")), (&json!("REPLICA"), None));

    // Its tasks have its tags, and those that ECS adds.
    let tasks = ecs(&server, "ListTasks", json!({"cluster": "alpha-cluster", "serviceName": "own"})).await;
    let body = json!({"cluster": "alpha-cluster", "tasks": tasks["taskArns"], "include": ["TAGS"]});
    let task = ecs(&server, "DescribeTasks", body).await["tasks"][0].clone();
    assert_eq!(
        pairs(&task["tags"]),
        ["aws:ecs:clusterName=alpha-cluster", "aws:ecs:serviceName=own", "env=alpha"].map(str::to_owned)
    );
}

#[tokio::test]
async fn a_task_gets_the_tags_that_were_asked_for() {
    let server = with_alpha().await;
    let body = json!({"cluster": "alpha-cluster", "taskDefinition": "alpha-migrate", "networkConfiguration": network(),
        "propagateTags": "TASK_DEFINITION", "enableECSManagedTags": true, "tags": [{"key": "run", "value": "1"}]});
    let task = ecs(&server, "RunTask", body).await["tasks"][0].clone();
    assert_eq!(pairs(&task["tags"]), ["aws:ecs:clusterName=alpha-cluster", "env=alpha", "run=1"].map(str::to_owned));
    let arn = task["taskArn"].as_str().unwrap();
    until_status(&server, arn, "RUNNING").await;
    ecs(&server, "TagResource", json!({"resourceArn": arn, "tags": [{"key": "run", "value": "2"}]})).await;
    let tags = ecs(&server, "ListTagsForResource", json!({"resourceArn": arn})).await;
    assert!(pairs(&tags["tags"]).contains(&"run=2".to_owned()), "{tags}");
}

#[tokio::test]
async fn anything_that_ecs_has_can_be_tagged_and_untagged() {
    let server = with_alpha().await;
    let arns = [
        CLUSTER_ARN.to_owned(),
        CLUSTER_ARN.replace(":cluster/alpha-cluster", ":service/alpha-cluster/alpha-gunicorn"),
        CLUSTER_ARN.replace(":cluster/alpha-cluster", ":task-definition/alpha-gunicorn:1"),
    ];
    for arn in &arns {
        let before = pairs(&ecs(&server, "ListTagsForResource", json!({"resourceArn": arn})).await["tags"]);
        let tags = json!([{"key": "adhoc:owner", "value": "me"}, {"key": "kept", "value": ""}]);
        ecs(&server, "TagResource", json!({"resourceArn": arn, "tags": tags})).await;
        let tags = pairs(&ecs(&server, "ListTagsForResource", json!({"resourceArn": arn})).await["tags"]);
        assert!(tags.contains(&"adhoc:owner=me".to_owned()) && tags.contains(&"kept=".to_owned()), "{arn}: {tags:?}");
        let again = json!({"resourceArn": arn, "tags": [{"key": "kept", "value": "yes"}]});
        ecs(&server, "TagResource", again).await;
        ecs(&server, "UntagResource", json!({"resourceArn": arn, "tagKeys": ["adhoc:owner", "never"]})).await;
        let tags = pairs(&ecs(&server, "ListTagsForResource", json!({"resourceArn": arn})).await["tags"]);
        let mut expected: Vec<String> = before.into_iter().filter(|tag| !tag.starts_with("adhoc:owner")).collect();
        expected.push("kept=yes".to_owned());
        expected.sort();
        assert_eq!(tags, expected, "{arn}");
    }
    assert!(pairs(&cluster(&server, &["TAGS"]).await["tags"]).contains(&"kept=yes".to_owned()));
}

#[tokio::test]
async fn tags_are_refused_as_aws_refuses_them() {
    let server = with_alpha().await;
    let tag = |arn: &str, tags: Value| json!({"resourceArn": arn, "tags": tags});
    let one = json!([{"key": "a", "value": "b"}]);
    let missing = CLUSTER_ARN.replace("alpha", "nowhere");
    assert_eq!(ecs_error(&server, "TagResource", tag(&missing, one.clone())).await.0, "ClusterNotFoundException");
    let reserved = json!([{"key": "aws:mine", "value": "b"}]);
    assert_eq!(ecs_error(&server, "TagResource", tag(CLUSTER_ARN, reserved)).await.0, "InvalidParameterException");
    let many: Vec<Value> = (0..50).map(|number| json!({"key": format!("key-{number}"), "value": ""})).collect();
    assert_eq!(ecs_error(&server, "TagResource", tag(CLUSTER_ARN, json!(many))).await.0, "InvalidParameterException");
    let tags = ecs(&server, "ListTagsForResource", json!({"resourceArn": CLUSTER_ARN})).await;
    assert!(!tags.to_string().contains("key-"), "a refused call changes nothing: {tags}");

    ecs(&server, "CreateCluster", json!({"clusterName": "gone"})).await;
    ecs(&server, "DeleteCluster", json!({"cluster": "gone"})).await;
    let gone = CLUSTER_ARN.replace("alpha-cluster", "gone");
    let (code, message) = ecs_error(&server, "ListTagsForResource", json!({"resourceArn": gone})).await;
    assert!(code == "InvalidParameterException" && message.contains("cluster is inactive"), "{message}");
}

#[tokio::test]
async fn a_log_group_keeps_its_retention_and_its_tags() {
    let server = empty().await;
    let group =
        json!({"logGroupName": "/ecs/alpha/web", "tags": {"env": "alpha"}, "logGroupClass": "INFREQUENT_ACCESS"});
    logs(&server, "CreateLogGroup", group.clone()).await;
    assert_eq!(refused(&server, "Logs_20140328.CreateLogGroup", group).await, "ResourceAlreadyExistsException");
    logs(&server, "PutRetentionPolicy", json!({"logGroupName": "/ecs/alpha/web", "retentionInDays": 14})).await;
    let described = || async {
        let body = json!({"logGroupNamePrefix": "/ecs/alpha/web", "limit": 50});
        logs(&server, "DescribeLogGroups", body).await["logGroups"][0].clone()
    };
    let group = described().await;
    assert_eq!((&group["retentionInDays"], &group["logGroupClass"]), (&json!(14), &json!("INFREQUENT_ACCESS")));
    assert_eq!((&group["arn"], &group["logGroupArn"]), (&json!(format!("{GROUP_ARN}:*")), &json!(GROUP_ARN)));
    assert!(group.get("kmsKeyId").is_none() && group["creationTime"].is_u64(), "{group}");
    logs(&server, "DeleteRetentionPolicy", json!({"logGroupName": "/ecs/alpha/web"})).await;
    assert!(described().await.get("retentionInDays").is_none());

    logs(&server, "TagResource", json!({"resourceArn": GROUP_ARN, "tags": {"env": "beta", "owner": "me"}})).await;
    logs(&server, "UntagResource", json!({"resourceArn": GROUP_ARN, "tagKeys": ["owner", "never"]})).await;
    let tags = logs(&server, "ListTagsForResource", json!({"resourceArn": GROUP_ARN})).await;
    assert_eq!(tags["tags"], json!({"env": "beta"}));
    logs(&server, "TagLogGroup", json!({"logGroupName": "/ecs/alpha/web", "tags": {"old": "way"}})).await;
    logs(&server, "UntagLogGroup", json!({"logGroupName": "/ecs/alpha/web", "tags": ["env"]})).await;
    let tags = logs(&server, "ListTagsLogGroup", json!({"logGroupName": "/ecs/alpha/web"})).await;
    assert_eq!(tags["tags"], json!({"old": "way"}));
    logs(&server, "DeleteLogGroup", json!({"logGroupName": "/ecs/alpha/web"})).await;
    assert!(described().await.is_null());
}

#[tokio::test]
async fn log_groups_are_refused_as_cloudwatch_refuses_them() {
    let server = empty().await;
    logs(&server, "CreateLogGroup", json!({"logGroupName": "/ecs/alpha/web"})).await;
    let mut many = serde_json::Map::new();
    many.extend((0..51).map(|number| (format!("key-{number}"), json!(""))));
    let nowhere = GROUP_ARN.replace("web", "nowhere");
    for (operation, body, code) in [
        ("CreateLogGroup", json!({"logGroupName": "a b"}), "InvalidParameterException"),
        ("CreateLogGroup", json!({"logGroupName": "a", "logGroupClass": "LOUD"}), "InvalidParameterException"),
        ("CreateLogGroup", json!({"logGroupName": "a", "tags": {"aws:a": "b"}}), "InvalidParameterException"),
        (
            "PutRetentionPolicy",
            json!({"logGroupName": "/ecs/alpha/web", "retentionInDays": 2}),
            "InvalidParameterException",
        ),
        ("PutRetentionPolicy", json!({"logGroupName": "a", "retentionInDays": 1}), "ResourceNotFoundException"),
        ("DeleteRetentionPolicy", json!({"logGroupName": "a"}), "ResourceNotFoundException"),
        ("TagResource", json!({"resourceArn": GROUP_ARN, "tags": many}), "TooManyTagsException"),
        ("TagResource", json!({"resourceArn": nowhere, "tags": {"a": "b"}}), "ResourceNotFoundException"),
        ("UntagResource", json!({"resourceArn": "arn:aws:logs", "tagKeys": ["a"]}), "InvalidParameterException"),
        ("ListTagsForResource", json!({"resourceArn": nowhere}), "ResourceNotFoundException"),
        ("DescribeLogGroups", json!({"limit": 51}), "InvalidParameterException"),
        (
            "DescribeLogGroups",
            json!({"logGroupNamePrefix": "a", "logGroupNamePattern": "a"}),
            "InvalidParameterException",
        ),
    ] {
        assert_eq!(
            refused(&server, &format!("Logs_20140328.{operation}"), body.clone()).await,
            code,
            "{operation} {body}"
        );
    }
    let tags = logs(&server, "ListTagsForResource", json!({"resourceArn": GROUP_ARN})).await;
    assert_eq!(tags["tags"], json!({}), "a refused call changes nothing");
}
