//! Secrets Manager over HTTP.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a helper that fails is a test that fails")]

mod common;

use adhoc_local::{Network, Scenario, Server, Timing};
use common::{call, element, lines, query, refused, run, until_status};
use serde_json::{Value, json};

const NOT_FOUND: &str = "ResourceNotFoundException";
const INVALID: &str = "InvalidRequestException";

async fn server() -> Server {
    Server::start_with(Scenario::empty().with_network(Network::new("dev").with_database(false))).await.unwrap()
}

async fn secrets(server: &Server, operation: &str, body: Value) -> Value {
    call(server, &format!("secretsmanager.{operation}"), body).await
}

async fn error(server: &Server, operation: &str, body: Value) -> String {
    refused(server, &format!("secretsmanager.{operation}"), body).await
}

async fn value(server: &Server, id: &str) -> String {
    secrets(server, "GetSecretValue", json!({"SecretId": id})).await["SecretString"].as_str().unwrap().to_owned()
}

/// The names that ListSecrets gives for these filters.
async fn names(server: &Server, filters: Value) -> Vec<String> {
    let list = secrets(server, "ListSecrets", json!({"Filters": filters})).await;
    list["SecretList"].as_array().unwrap().iter().map(|entry| entry["Name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_new_value_takes_the_labels_with_it() {
    let server = server().await;
    let created = secrets(&server, "CreateSecret", json!({"Name": "alpha/db", "SecretString": "one"})).await;
    let (arn, first) = (created["ARN"].as_str().unwrap(), created["VersionId"].as_str().unwrap());
    let second = secrets(&server, "PutSecretValue", json!({"SecretId": arn, "SecretString": "two"})).await;
    let second_id = second["VersionId"].as_str().unwrap();
    assert_ne!(first, second_id);
    assert_eq!(second["VersionStages"], json!(["AWSCURRENT"]));
    assert_eq!(value(&server, "alpha/db").await, "two");
    let previous = secrets(&server, "GetSecretValue", json!({"SecretId": arn, "VersionStage": "AWSPREVIOUS"})).await;
    assert_eq!((&previous["SecretString"], &previous["VersionId"]), (&json!("one"), &json!(first)));

    let third = secrets(&server, "UpdateSecret", json!({"SecretId": arn, "SecretString": "three"})).await;
    let described = secrets(&server, "DescribeSecret", json!({"SecretId": "alpha/db"})).await;
    let labels = json!({second_id: ["AWSPREVIOUS"], third["VersionId"].as_str().unwrap(): ["AWSCURRENT"]});
    assert_eq!(described["VersionIdsToStages"], labels, "the first is deprecated");
    let deprecated = secrets(&server, "GetSecretValue", json!({"SecretId": arn, "VersionId": first})).await;
    assert_eq!((&deprecated["SecretString"], &deprecated["VersionStages"]), (&json!("one"), &json!([])));

    let pending = json!({"SecretId": arn, "SecretString": "four", "VersionStages": ["AWSPENDING"]});
    secrets(&server, "PutSecretValue", pending).await;
    assert_eq!(value(&server, arn).await, "three");
    let pending = secrets(&server, "GetSecretValue", json!({"SecretId": arn, "VersionStage": "AWSPENDING"})).await;
    assert_eq!(pending["SecretString"], "four");
    let updated = secrets(&server, "UpdateSecret", json!({"SecretId": arn, "Description": "of alpha"})).await;
    assert!(updated["VersionId"].is_null(), "{updated}");
    let described = secrets(&server, "DescribeSecret", json!({"SecretId": arn})).await;
    assert_eq!(described["Description"], "of alpha");
}

#[tokio::test]
async fn what_is_not_there_or_not_said_is_an_error() {
    let server = server().await;
    secrets(&server, "CreateSecret", json!({"Name": "empty"})).await;
    for (operation, body, code) in [
        ("GetSecretValue", json!({"SecretId": "none"}), NOT_FOUND),
        ("GetSecretValue", json!({"SecretId": "empty"}), NOT_FOUND),
        ("GetSecretValue", json!({"SecretId": "empty", "VersionStage": "AWSPREVIOUS"}), NOT_FOUND),
        ("DescribeSecret", json!({"SecretId": "none"}), NOT_FOUND),
        ("PutSecretValue", json!({"SecretId": "none", "SecretString": "x"}), NOT_FOUND),
        ("PutSecretValue", json!({"SecretId": "empty"}), INVALID),
        ("UpdateSecret", json!({"SecretId": "none", "SecretString": "x"}), NOT_FOUND),
        ("DeleteSecret", json!({"SecretId": "none"}), NOT_FOUND),
        ("RestoreSecret", json!({"SecretId": "none"}), NOT_FOUND),
        ("TagResource", json!({"SecretId": "none", "Tags": []}), NOT_FOUND),
        ("UntagResource", json!({"SecretId": "none", "TagKeys": []}), NOT_FOUND),
        ("CreateSecret", json!({"Name": "with space"}), "InvalidParameterException"),
        (
            "CreateSecret",
            json!({"Name": "both", "SecretString": "x", "SecretBinary": "eA=="}),
            "InvalidParameterException",
        ),
        ("ListSecrets", json!({"NextToken": "x"}), "InvalidNextTokenException"),
        ("ListSecrets", json!({"MaxResults": 101}), "InvalidParameterException"),
        ("RotateSecret", json!({"SecretId": "empty"}), "UnknownOperationException"),
    ] {
        assert_eq!(error(&server, operation, body.clone()).await, code, "{operation} {body}");
    }
    secrets(&server, "PutSecretValue", json!({"SecretId": "empty", "SecretBinary": "eA=="})).await;
    let read = secrets(&server, "GetSecretValue", json!({"SecretId": "empty"})).await;
    assert!(read["SecretBinary"] == "eA==" && read["SecretString"].is_null(), "{read}");
}

#[tokio::test]
async fn a_request_sent_again_is_the_same_request() {
    let server = server().await;
    let (token, other) = ("0".repeat(32), "1".repeat(32));
    let create = json!({"Name": "a", "SecretString": "one", "ClientRequestToken": token});
    let created = secrets(&server, "CreateSecret", create.clone()).await;
    assert_eq!(created["VersionId"], json!(token));
    assert_eq!(secrets(&server, "CreateSecret", create).await, created);
    for (operation, body, code) in [
        (
            "CreateSecret",
            json!({"Name": "a", "SecretString": "two", "ClientRequestToken": token}),
            "ResourceExistsException",
        ),
        (
            "CreateSecret",
            json!({"Name": "a", "SecretString": "one", "ClientRequestToken": other}),
            "ResourceExistsException",
        ),
        (
            "PutSecretValue",
            json!({"SecretId": "a", "SecretString": "two", "ClientRequestToken": token}),
            "ResourceExistsException",
        ),
        (
            "PutSecretValue",
            json!({"SecretId": "a", "SecretString": "x", "ClientRequestToken": "short"}),
            "InvalidParameterException",
        ),
    ] {
        assert_eq!(error(&server, operation, body.clone()).await, code, "{operation} {body}");
    }
    let put = json!({"SecretId": "a", "SecretString": "two", "ClientRequestToken": other});
    let first = secrets(&server, "PutSecretValue", put.clone()).await;
    assert_eq!(secrets(&server, "PutSecretValue", put).await, first);
    let described = secrets(&server, "DescribeSecret", json!({"SecretId": "a"})).await;
    assert_eq!(described["VersionIdsToStages"], json!({token: ["AWSPREVIOUS"], other: ["AWSCURRENT"]}));
}

#[tokio::test]
async fn a_deleted_secret_can_be_restored_and_blocks_its_name() {
    let server = server().await;
    let created = secrets(&server, "CreateSecret", json!({"Name": "a", "SecretString": "one"})).await;
    for window in [
        json!({"RecoveryWindowInDays": 6}),
        json!({"RecoveryWindowInDays": 31}),
        json!({"RecoveryWindowInDays": 7, "ForceDeleteWithoutRecovery": true}),
    ] {
        let mut body = window.clone();
        body["SecretId"] = "a".into();
        assert_eq!(error(&server, "DeleteSecret", body).await, "InvalidParameterException", "{window}");
    }
    let deleted = secrets(&server, "DeleteSecret", json!({"SecretId": "a", "RecoveryWindowInDays": 7})).await;
    let described = secrets(&server, "DescribeSecret", json!({"SecretId": "a"})).await;
    assert_eq!(described["DeletedDate"], deleted["DeletionDate"]);
    let days = (deleted["DeletionDate"].as_f64().unwrap() - described["CreatedDate"].as_f64().unwrap()) / 86_400.0;
    assert!((7.0..7.01).contains(&days), "{days}");
    for (operation, body) in [
        ("GetSecretValue", json!({"SecretId": "a"})),
        ("PutSecretValue", json!({"SecretId": "a", "SecretString": "two"})),
        ("UpdateSecret", json!({"SecretId": "a", "SecretString": "two"})),
        ("TagResource", json!({"SecretId": "a", "Tags": []})),
        ("DeleteSecret", json!({"SecretId": "a"})),
        ("CreateSecret", json!({"Name": "a", "SecretString": "two"})),
    ] {
        assert_eq!(error(&server, operation, body).await, INVALID, "{operation}");
    }
    assert_eq!(names(&server, json!([])).await, Vec::<String>::new());
    let all = secrets(&server, "ListSecrets", json!({"IncludePlannedDeletion": true})).await;
    assert_eq!(all["SecretList"][0]["Name"], "a");
    secrets(&server, "RestoreSecret", json!({"SecretId": "a"})).await;
    assert_eq!(value(&server, "a").await, "one");
    let described = secrets(&server, "DescribeSecret", json!({"SecretId": "a"})).await;
    assert!(described["DeletedDate"].is_null(), "{described}");

    let force = json!({"SecretId": "a", "ForceDeleteWithoutRecovery": true});
    secrets(&server, "DeleteSecret", json!({"SecretId": "a"})).await;
    secrets(&server, "DeleteSecret", force.clone()).await;
    assert_eq!(secrets(&server, "DeleteSecret", force).await["Name"], "a", "what is gone is as good as deleted");
    assert_eq!(error(&server, "GetSecretValue", json!({"SecretId": "a"})).await, NOT_FOUND);
    let again = secrets(&server, "CreateSecret", json!({"Name": "a", "SecretString": "two"})).await;
    assert_ne!(again["ARN"], created["ARN"]);
    assert_eq!(error(&server, "GetSecretValue", json!({"SecretId": created["ARN"]})).await, NOT_FOUND);
}

#[tokio::test]
async fn secrets_are_listed_by_name_and_tag_page_by_page() {
    let server = server().await;
    for name in ["adhoc/alpha/db", "adhoc/beta/db", "adhoc/beta/key", "other/db"] {
        let tags = json!([{"Key": "adhoc:environment", "Value": name.split('/').nth(1)}, {"Key": "x", "Value": ""}]);
        secrets(&server, "CreateSecret", json!({"Name": name, "SecretString": "s", "Tags": tags})).await;
    }
    let untag = json!({"SecretId": "other/db", "TagKeys": ["adhoc:environment"]});
    secrets(&server, "UntagResource", untag).await;
    let tag =
        json!({"SecretId": "adhoc/beta/key", "Tags": [{"Key": "owner", "Value": "me"}, {"Key": "x", "Value": "y"}]});
    secrets(&server, "TagResource", tag).await;
    let described = secrets(&server, "DescribeSecret", json!({"SecretId": "adhoc/beta/key"})).await;
    let expected = json!([{"Key": "adhoc:environment", "Value": "beta"}, {"Key": "owner", "Value": "me"}, {"Key": "x", "Value": "y"}]);
    assert_eq!(described["Tags"], expected);

    let filter = |key: &str, values: &[&str]| json!([{"Key": key, "Values": values}]);
    assert_eq!(names(&server, filter("name", &["adhoc/beta/"])).await, ["adhoc/beta/db", "adhoc/beta/key"]);
    assert_eq!(names(&server, filter("name", &["beta"])).await, Vec::<String>::new(), "it is a prefix");
    assert_eq!(names(&server, filter("name", &["!adhoc/"])).await, ["other/db"]);
    assert_eq!(names(&server, filter("name", &["other", "adhoc/alpha"])).await, ["adhoc/alpha/db", "other/db"]);
    assert_eq!(names(&server, filter("tag-key", &["adhoc:"])).await.len(), 3);
    assert_eq!(names(&server, filter("tag-value", &["me"])).await, ["adhoc/beta/key"]);
    let both = json!([{"Key": "tag-key", "Values": ["adhoc:"]}, {"Key": "name", "Values": ["adhoc/alpha"]}]);
    assert_eq!(names(&server, both).await, ["adhoc/alpha/db"]);
    assert_eq!(
        error(&server, "ListSecrets", json!({"Filters": filter("colour", &["red"])})).await,
        "InvalidParameterException"
    );

    let mut seen = Vec::new();
    let mut request = json!({"MaxResults": 3});
    loop {
        let page = secrets(&server, "ListSecrets", request.clone()).await;
        seen.push(page["SecretList"].as_array().unwrap().len());
        let Some(token) = page.get("NextToken") else { break };
        request["NextToken"] = token.clone();
    }
    assert_eq!(seen, [3, 1]);
}

#[tokio::test]
async fn the_password_of_the_database_is_where_rds_says() {
    let form = "Action=DescribeDBInstances&Version=2014-10-31&DBInstanceIdentifier=dev-rds";
    let server = Server::start_with(Scenario::empty()).await.unwrap();
    let arn = element(&query(&server, form).await.body, "SecretArn").unwrap();
    assert_eq!(value(&server, &arn).await, r#"{"username":"postgres","password":"local"}"#);
    let listed = names(&server, json!([{"Key": "owning-service", "Values": ["rds"]}])).await;
    assert_eq!(listed, ["rds!db-dev-rds"]);

    let scenario = Scenario::empty().with_secret("rds!db-qa-rds", "mine").with_network(Network::new("qa"));
    let server = Server::start_with(scenario).await.unwrap();
    let arn = element(&query(&server, &form.replace("dev", "qa")).await.body, "SecretArn").unwrap();
    assert_eq!(value(&server, &arn).await, "mine");

    let server = self::server().await;
    assert_eq!(names(&server, json!([])).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_task_gets_the_value_of_the_moment() {
    let server = Server::start_with(Scenario::default().with_timing(Timing::instant())).await.unwrap();
    let created = secrets(&server, "CreateSecret", json!({"Name": "alpha/db", "SecretString": "old"})).await;
    let body = json!({"SecretId": "alpha/db", "SecretString": r#"{"password": "new"}"#});
    secrets(&server, "PutSecretValue", body).await;
    let target = "AmazonEC2ContainerServiceV20141113.";
    let described =
        call(&server, &format!("{target}DescribeTaskDefinition"), json!({"taskDefinition": "alpha-migrate"})).await;
    let mut definition = described["taskDefinition"].clone();
    let container = &mut definition["containerDefinitions"][0];
    container["command"] = json!(["sh", "-c", "echo got $PASSWORD"]);
    let from = format!("{}:password::", created["ARN"].as_str().unwrap());
    container["secrets"] = json!([{"name": "PASSWORD", "valueFrom": from}]);
    call(&server, &format!("{target}RegisterTaskDefinition"), definition).await;
    let task = run(&server, "alpha-migrate").await;
    until_status(&server, &task, "STOPPED").await;
    assert_eq!(lines(&server, "migrate", &task).await, ["got new"]);
}
