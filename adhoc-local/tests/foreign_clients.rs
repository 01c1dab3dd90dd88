//! Clients that nobody here wrote: the AWS CLI, boto3, and `ecs-deploy` from PyPI, each on a server of its own.
//!
//! `ADHOC_TEST_VENV` names the virtual environment that has them.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a helper that fails is a test that fails")]

use adhoc_local::{EnvironmentSpec, Network, Scenario, Server, Timing};
use serde_json::{Value, json};
use std::{
    io::Write,
    path::{Path, PathBuf},
    process::Command,
};

const FAMILY_ARN: &str = "arn:aws:ecs:us-east-1:123456789012:task-definition/";

/// The virtual environment; `None`, said aloud, if there is none and none is required.
fn venv() -> Option<PathBuf> {
    if let Some(venv) = std::env::var_os("ADHOC_TEST_VENV") {
        return Some(venv.into());
    }
    assert!(
        std::env::var_os("ADHOC_TEST_REQUIRE").is_none_or(|required| required != "1"),
        "foreign clients are required, but ADHOC_TEST_VENV is not set"
    );
    say("skipped: foreign clients (ADHOC_TEST_VENV is not set)");
    None
}

#[expect(clippy::print_stdout, reason = "a test that does not run says so")]
fn say(line: &str) {
    println!("{line}");
}

fn took_part(line: &str) {
    let Some(ledger) = std::env::var_os("ADHOC_TEST_LEDGER") else { return };
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(ledger).unwrap();
    writeln!(file, "{line}").unwrap();
}

/// A program of the virtual environment, with no configuration but this server.
fn program(venv: &Path, name: &str, server: &Server) -> Command {
    let mut command = Command::new(venv.join("bin").join(name));
    command
        .env_clear()
        .env("PATH", venv.join("bin"))
        .env("HOME", "/nonexistent")
        .env("LC_ALL", "C.UTF-8")
        .env("AWS_ENDPOINT_URL", server.endpoint())
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_DEFAULT_REGION", "us-east-1")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_PAGER", "");
    command
}

fn output(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}\n{out}\n{err}");
    out.into_owned()
}

/// What a command that must fail says.
fn refusal(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(!output.status.success(), "{command:?} succeeded");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A server whose database listens on port 54321 of loopback, and which writes pushed keys to this folder.
async fn server_with_database(keys: &Path) -> Server {
    let network = Network::default().with_database_endpoint("localhost", 54321).with_authorized_keys(keys);
    Server::start_with(Scenario::empty().with_network(network)).await.unwrap()
}

async fn server() -> Server {
    let alpha = EnvironmentSpec::new("alpha").with_image_tag("v1").with_desired_count("gunicorn", 1);
    let scenario = Scenario::default().with_timing(Timing::instant()).with_environment(alpha);
    Server::start_with(scenario).await.unwrap()
}

fn aws(venv: &Path, server: &Server, arguments: &[&str]) -> Value {
    let out = output(program(venv, "aws", server).args(arguments).args(["--output", "json"]));
    if out.trim().is_empty() { Value::Null } else { serde_json::from_str(&out).unwrap() }
}

/// The newest revision of a family as the input of `register-task-definition`, with another image tag.
fn clone_of(venv: &Path, server: &Server, family: &str, tag: &str) -> String {
    let described = aws(venv, server, &["ecs", "describe-task-definition", "--task-definition", family]);
    let mut definition = described["taskDefinition"].clone();
    let members = definition.as_object_mut().unwrap();
    for name in
        "taskDefinitionArn revision status requiresAttributes compatibilities registeredAt registeredBy".split(' ')
    {
        members.remove(name).unwrap_or_else(|| panic!("no {name}"));
    }
    let image = definition["containerDefinitions"][0]["image"].as_str().unwrap();
    let image = format!("{}:{tag}", image.rsplit_once(':').unwrap().0);
    definition["containerDefinitions"][0]["image"] = image.into();
    definition.to_string()
}

#[tokio::test]
async fn the_aws_cli_updates_an_environment() {
    let Some(venv) = venv() else { return };
    let server = server().await;
    let aws = |arguments: &[&str]| aws(&venv, &server, arguments);
    let definition = clone_of(&venv, &server, "alpha-migrate", "v7");
    let registered = aws(&["ecs", "register-task-definition", "--cli-input-json", &definition]);
    assert_eq!(registered["taskDefinition"]["taskDefinitionArn"], json!(format!("{FAMILY_ARN}alpha-migrate:2")));

    let subnets =
        aws(&["ec2", "describe-subnets", "--filters", "Name=tag:env,Values=dev", "Name=tag:Name,Values=*private*"]);
    let subnet = subnets["Subnets"][0]["SubnetId"].as_str().unwrap();
    let network = format!("awsvpcConfiguration={{subnets=[{subnet}],securityGroups=[]}}");
    let run = aws(&[
        "ecs",
        "run-task",
        "--cluster",
        "alpha-cluster",
        "--task-definition",
        "alpha-migrate",
        "--launch-type",
        "FARGATE",
        "--network-configuration",
        &network,
    ]);
    let task = run["tasks"][0]["taskArn"].as_str().unwrap();
    aws(&["ecs", "wait", "tasks-stopped", "--cluster", "alpha-cluster", "--tasks", task]);
    let tasks = aws(&["ecs", "describe-tasks", "--cluster", "alpha-cluster", "--tasks", task]);
    assert_eq!(tasks["tasks"][0]["containers"][0]["exitCode"], 0);
    assert_eq!(tasks["tasks"][0]["stopCode"], "EssentialContainerExited");

    let stream = format!("migrate/migrate/{}", task.rsplit('/').next().unwrap());
    let events = aws(&[
        "logs",
        "get-log-events",
        "--log-group-name",
        "/ecs/alpha/migrate",
        "--log-stream-name",
        &stream,
        "--start-from-head",
    ]);
    let last = events["events"].as_array().unwrap().last().unwrap();
    assert_eq!(last["message"], "  Applied all migrations of v7.");

    let definition = clone_of(&venv, &server, "alpha-gunicorn", "v7");
    aws(&["ecs", "register-task-definition", "--cli-input-json", &definition]);
    let update = aws(&[
        "ecs",
        "update-service",
        "--cluster",
        "alpha-cluster",
        "--service",
        "alpha-gunicorn",
        "--task-definition",
        "alpha-gunicorn:2",
    ]);
    aws(&["ecs", "wait", "services-stable", "--cluster", "alpha-cluster", "--services", "alpha-gunicorn"]);
    let services = aws(&["ecs", "describe-services", "--cluster", "alpha-cluster", "--services", "alpha-gunicorn"]);
    let deployments = &services["services"][0]["deployments"];
    assert_eq!(deployments[0]["id"], update["service"]["deployments"][0]["id"]);
    assert_eq!((&deployments[0]["rolloutState"], deployments.as_array().unwrap().len()), (&json!("COMPLETED"), 1));
    let version = output(program(&venv, "aws", &server).arg("--version"));
    took_part(&version.split(' ').next().unwrap().replace('/', " "));
}

#[tokio::test]
async fn boto3_updates_an_environment() {
    let Some(venv) = venv() else { return };
    let server = server().await;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foreign/boto3_client.py");
    let out = output(program(&venv, "python", &server).arg(script).arg(server.endpoint()));
    let seen: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&seen["account"], &seen["database"]), (&json!("123456789012"), &json!(5432)));
    assert_eq!((&seen["subnets"], &seen["bastions"]), (&json!(2), &json!(1)));
    assert_eq!((&seen["exit_code"], &seen["stopped_after_start"]), (&json!(0), &json!(true)));
    assert_eq!(seen["lines"].as_array().unwrap().last().unwrap(), "  Applied all migrations of v7.");
    assert_eq!((&seen["running"], &seen["same_deployment"]), (&json!(1), &json!(true)));
    assert_eq!(seen["definition"], json!(format!("{FAMILY_ARN}alpha-gunicorn:2")));
    assert_eq!(seen["statuses"], json!(["SUCCESSFUL", "SUCCESSFUL"]));
    assert!(seen["error"].as_str().unwrap().contains("Cluster not found."));
    took_part(&format!("boto3 {}", seen["version"].as_str().unwrap()));
}

#[tokio::test]
async fn the_aws_cli_finds_the_way_to_a_database() {
    let Some(venv) = venv() else { return };
    let keys = tempfile::tempdir().unwrap();
    let server = server_with_database(keys.path()).await;
    let aws = |line: &str| aws(&venv, &server, &line.split(' ').collect::<Vec<_>>());
    // For RDS in us-east-1 this client takes its endpoint from no variable.
    let endpoint = server.endpoint();
    let database =
        aws(&format!("rds describe-db-instances --db-instance-identifier dev-rds --endpoint-url {endpoint}"));
    let database = &database["DBInstances"][0];
    assert_eq!(database["Endpoint"], json!({"Address": "localhost", "Port": 54321}));
    let arn = database["MasterUserSecret"]["SecretArn"].as_str().unwrap();
    let master = aws(&format!("secretsmanager get-secret-value --secret-id {arn}"));
    assert_eq!(master["SecretString"], r#"{"username":"postgres","password":"local"}"#);

    aws("secretsmanager create-secret --name alpha/db --secret-string one --tags Key=env,Value=alpha");
    aws("secretsmanager put-secret-value --secret-id alpha/db --secret-string two");
    let previous = aws("secretsmanager get-secret-value --secret-id alpha/db --version-stage AWSPREVIOUS");
    assert_eq!((&previous["SecretString"], &previous["VersionStages"]), (&json!("one"), &json!(["AWSPREVIOUS"])));
    aws("secretsmanager create-secret --name alpha/key --secret-string k");
    let listed = aws("secretsmanager list-secrets --filters Key=name,Values=alpha/ --page-size 1");
    let names: Vec<&Value> = listed["SecretList"].as_array().unwrap().iter().map(|entry| &entry["Name"]).collect();
    assert_eq!(names, ["alpha/db", "alpha/key"]);
    aws("secretsmanager delete-secret --secret-id alpha/db --recovery-window-in-days 7");
    let value = ["secretsmanager", "get-secret-value", "--secret-id", "alpha/db"];
    let refused = refusal(program(&venv, "aws", &server).args(value));
    assert!(refused.contains("InvalidRequestException") && refused.contains("marked for deletion"), "{refused}");
    aws("secretsmanager delete-secret --secret-id alpha/db --force-delete-without-recovery");
    assert!(refusal(program(&venv, "aws", &server).args(value)).contains("ResourceNotFoundException"));

    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFPVbUjzZWBzp2eZzQ1TEpYSGXRDbbYNrfbbMkpcPsQN aws-cli";
    std::fs::write(keys.path().join("key.pub"), format!("{key}\n")).unwrap();
    let file = keys.path().join("key.pub").display().to_string();
    let pushed = aws(&format!(
        "ec2-instance-connect send-ssh-public-key --instance-id i-0ba5710000000001 --instance-os-user ec2-user \
         --availability-zone us-east-1a --ssh-public-key file://{file}"
    ));
    assert_eq!(pushed["Success"], true);
    assert_eq!(std::fs::read_to_string(keys.path().join("ec2-user")).unwrap(), format!("{key}\n"));
}

#[tokio::test]
async fn boto3_finds_the_way_to_a_database() {
    let Some(venv) = venv() else { return };
    let keys = tempfile::tempdir().unwrap();
    let server = server_with_database(keys.path()).await;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foreign/boto3_database.py");
    let out = output(program(&venv, "python", &server).arg(script).arg(server.endpoint()).arg(keys.path()));
    let expected = json!({
        "endpoint": {"Address": "localhost", "Port": 54321},
        "master": {"username": "postgres", "password": "local"},
        "labels": [["AWSPREVIOUS"], ["AWSCURRENT"]],
        "tags": [{"Key": "adhoc:environment", "Value": "alpha"}],
        "pages": [["rds!db-dev-rds"], ["beta/db"]],
        "tagged": ["alpha/db"],
        "binary": "00ff",
        "deleted": ["InvalidRequestException", "InvalidRequestException", "ResourceNotFoundException"],
        "restored": "two",
        "address": "127.0.0.1",
        "pushed": true,
        "no_instance": "EC2InstanceNotFoundException",
        "stream": true,
        "token": true,
        "ended": true,
        "not_connected": "TargetNotConnected",
        "no_document": "InvalidDocument",
    });
    assert_eq!(serde_json::from_str::<Value>(&out).unwrap(), expected);
    assert_eq!(server.open_sessions(), Vec::<String>::new());
}

#[tokio::test]
async fn ecs_deploy_updates_an_environment() {
    let Some(venv) = venv() else { return };
    let server = server().await;
    let ecs = |arguments: &[&str]| output(program(&venv, "ecs", &server).args(arguments));
    let deployed = ecs(&["deploy", "alpha-cluster", "alpha-gunicorn", "--tag", "v7", "--timeout", "60"]);
    assert!(deployed.contains("Deployment successful"), "{deployed}");
    let services = aws(
        &venv,
        &server,
        &["ecs", "describe-services", "--cluster", "alpha-cluster", "--services", "alpha-gunicorn"],
    );
    let service = &services["services"][0];
    assert_eq!(
        (&service["runningCount"], &service["taskDefinition"]),
        (&json!(1), &json!(format!("{FAMILY_ARN}alpha-gunicorn:2")))
    );
    let network = &service["networkConfiguration"]["awsvpcConfiguration"];
    let (subnet, group) = (network["subnets"][0].as_str().unwrap(), network["securityGroups"][0].as_str().unwrap());
    let ran = ecs(&[
        "run",
        "alpha-cluster",
        "alpha-migrate",
        "1",
        "--launchtype",
        "FARGATE",
        "--subnet",
        subnet,
        "--securitygroup",
        group,
    ]);
    assert!(ran.contains("Successfully started 1 instances of task: alpha-migrate"), "{ran}");
    let task = ran.lines().find_map(|line| line.trim().strip_prefix("- ")).unwrap_or_else(|| panic!("no task: {ran}"));
    aws(&venv, &server, &["ecs", "wait", "tasks-stopped", "--cluster", "alpha-cluster", "--tasks", task]);
    let scaled = ecs(&["scale", "alpha-cluster", "alpha-gunicorn", "2", "--timeout", "60"]);
    assert!(scaled.contains("Scaling successful"), "{scaled}");
    assert!(server.calls().iter().all(|call| call.status == 200), "{:?}", server.calls());
    let version = output(program(&venv, "ecs", &server).arg("--version"));
    took_part(&format!("ecs-deploy {}", version.trim().rsplit(' ').next().unwrap()));
}
