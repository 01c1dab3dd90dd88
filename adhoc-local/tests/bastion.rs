//! The way to a database over HTTP: its endpoint, the bastion, pushed keys, sessions.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a helper that fails is a test that fails")]

mod common;

use adhoc_local::{Network, Scenario, Server, Timing};
use common::{call, element, eventually, query, raw, refused};
use serde_json::{Value, json};
use std::path::Path;

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFPVbUjzZWBzp2eZzQ1TEpYSGXRDbbYNrfbbMkpcPsQN";
const BASTION: &str = "i-0ba5710000000001";
const SEND: &str = "AWSEC2InstanceConnectService.SendSSHPublicKey";
const START: &str = "AmazonSSM.StartSession";
const TERMINATE: &str = "AmazonSSM.TerminateSession";

async fn server(network: Network) -> Server {
    Server::start_with(Scenario::empty().with_network(network)).await.unwrap()
}

async fn server_with_keys(folder: &Path, lifetime_ms: u64) -> Server {
    let network = Network::default().with_authorized_keys(folder);
    let timing = Timing::instant().with_pushed_key_ms(lifetime_ms);
    Server::start_with(Scenario::empty().with_network(network).with_timing(timing)).await.unwrap()
}

async fn instances(server: &Server, filters: &[(&str, &str)]) -> String {
    let mut form = "Action=DescribeInstances&Version=2016-11-15".to_owned();
    for (n, (name, value)) in filters.iter().enumerate() {
        form += &format!("&Filter.{0}.Name={name}&Filter.{0}.Value.1={value}", n + 1);
    }
    query(server, &form).await.body
}

async fn database(server: &Server) -> String {
    query(server, "Action=DescribeDBInstances&Version=2014-10-31").await.body
}

fn push(user: &str, key: &str) -> Value {
    json!({"InstanceId": BASTION, "InstanceOSUser": user, "SSHPublicKey": key})
}

fn read(folder: &Path, user: &str) -> String {
    std::fs::read_to_string(folder.join(user)).unwrap()
}

#[tokio::test]
async fn the_endpoint_is_where_the_scenario_says() {
    let at_first = database(&server(Network::default()).await).await;
    assert_eq!(element(&at_first, "Address").unwrap(), "dev-rds.local.us-east-1.rds.amazonaws.com");
    assert_eq!(element(&at_first, "Port").unwrap(), "5432");
    let moved = database(&server(Network::default().with_database_endpoint("localhost", 54321)).await).await;
    assert_eq!(element(&moved, "Address").unwrap(), "localhost");
    assert_eq!(element(&moved, "Port").unwrap(), "54321");
    let none = database(&server(Network::default().with_database(false)).await).await;
    assert!(!none.contains("<DBInstance>"), "{none}");
}

#[tokio::test]
async fn the_bastion_is_found_by_what_it_is() {
    let server = server(Network::default().with_bastion_address(std::net::Ipv4Addr::new(127, 0, 0, 9))).await;
    let zone = element(&instances(&server, &[]).await, "availabilityZone").unwrap();
    assert_eq!(zone, "us-east-1a");
    let wanted = [("instance-state-name", "running"), ("tag:Name", "dev-bastion"), ("instance-id", BASTION)];
    let found = instances(&server, &wanted).await;
    assert_eq!(element(&found, "ipAddress").unwrap(), "127.0.0.9");
    assert_eq!(element(&found, "instanceId").unwrap(), BASTION);
    for other in [("instance-state-name", "stopped"), ("tag:Name", "qa-bastion"), ("instance-id", "i-0")] {
        let found = instances(&server, &[wanted[0], other]).await;
        assert!(!found.contains("<instanceId>"), "{other:?}: {found}");
    }
    let invalid = instances(&server, &[("colour", "red")]).await;
    assert_eq!(element(&invalid, "Code").unwrap(), "InvalidParameterValue");
}

#[tokio::test]
async fn a_bastion_may_be_private_or_missing() {
    let private = server(Network::default().with_bastion_address(None)).await;
    let found = instances(&private, &[("tag:Name", "dev-bastion")]).await;
    assert!(found.contains(BASTION) && !found.contains("<ipAddress>"), "{found}");
    assert_eq!(element(&found, "subnetId").unwrap(), "subnet-0a005a7e00000000");

    let missing = server(Network::default().with_bastion(false)).await;
    assert!(!instances(&missing, &[]).await.contains("<instanceId>"));
    assert_eq!(refused(&missing, SEND, push("ec2-user", KEY)).await, "EC2InstanceNotFoundException");
    assert_eq!(refused(&missing, START, json!({"Target": BASTION})).await, "TargetNotConnected");
}

#[tokio::test]
async fn a_pushed_key_is_a_line_for_a_minute_or_as_long_as_the_server() {
    assert_eq!(Timing::instant().pushed_key_ms, 60_000);
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("made/when/needed");
    let server = server_with_keys(&keys, 60_000).await;
    let mut body = push("ec2-user", &format!("{KEY} me\n"));
    body["AvailabilityZone"] = "us-east-1a".into();
    let answer = call(&server, SEND, body).await;
    assert!(answer["Success"] == true && answer["RequestId"].is_string(), "{answer}");
    for user in ["ec2-user", "other"] {
        call(&server, SEND, push(user, KEY)).await;
    }
    assert_eq!(read(&keys, "ec2-user"), format!("{KEY} me\n{KEY}\n"));
    assert_eq!(read(&keys, "other"), format!("{KEY}\n"));
    drop(server);
    assert_eq!((read(&keys, "ec2-user"), read(&keys, "other")), (String::new(), String::new()));
}

#[tokio::test]
async fn a_key_goes_and_what_was_there_stays() {
    let folder = tempfile::tempdir().unwrap();
    // The line has no end yet: with one, a key has come and gone.
    std::fs::write(folder.path().join("ec2-user"), "ssh-rsa own").unwrap();
    let server = server_with_keys(folder.path(), 20).await;
    call(&server, SEND, push("ec2-user", KEY)).await;
    let gone = || async { (read(folder.path(), "ec2-user") == "ssh-rsa own\n").then_some(()) };
    eventually("the key to be gone", gone).await;
}

#[tokio::test]
async fn a_key_that_cannot_be_meant_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let server = server_with_keys(folder.path(), 60_000).await;
    let with = |name: &str, value: &str| {
        let mut body = push("ec2-user", KEY);
        body[name] = value.into();
        body
    };
    for (body, code) in [
        (with("InstanceId", "i-0ba5710000000002"), "EC2InstanceNotFoundException"),
        (with("InstanceId", "mi-0ba5710000000001"), "InvalidArgsException"),
        (with("AvailabilityZone", "us-east-1b"), "InvalidArgsException"),
        (with("InstanceOSUser", "../ec2-user"), "InvalidArgsException"),
        (with("SSHPublicKey", &format!("{KEY}\n{KEY}")), "InvalidArgsException"),
    ] {
        assert_eq!(refused(&server, SEND, body.clone()).await, code, "{body}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing was written");
    std::fs::create_dir(folder.path().join("folder")).unwrap();
    let failed = raw(&server, SEND, &push("folder", KEY)).await;
    assert_eq!((failed.status, &failed.json()["__type"]), (500, &json!("ServiceException")), "{}", failed.body);
    let other = self::server(Network::default()).await;
    assert_eq!(call(&other, SEND, push("ec2-user", KEY)).await["Success"], true, "without a folder");
}

#[tokio::test]
async fn a_session_begins_and_ends() {
    let server = server(Network::default()).await;
    let remote = json!({"host": ["db"], "portNumber": ["5432"], "localPortNumber": ["5432"]});
    let document = "AWS-StartPortForwardingSessionToRemoteHost";
    let forwarding = json!({"Target": BASTION, "DocumentName": document, "Parameters": remote});
    let session = call(&server, START, forwarding).await;
    let id = session["SessionId"].as_str().unwrap();
    let stream = format!("wss://ssmmessages.us-east-1.amazonaws.com/v1/data-channel/{id}?role=publish_subscribe");
    assert_eq!(session["StreamUrl"], json!(stream));
    assert!(!session["TokenValue"].as_str().unwrap().is_empty());
    let ssh = json!({"Target": BASTION, "DocumentName": "AWS-StartSSHSession", "Parameters": {"portNumber": ["22"]}});
    let others =
        [ssh, json!({"Target": BASTION}), json!({"Target": BASTION, "DocumentName": "AWS-StartPortForwardingSession"})];
    for other in others {
        call(&server, START, other).await;
    }
    assert_eq!((server.open_sessions().len(), server.open_sessions()[0].as_str()), (4, id));
    assert_eq!(call(&server, TERMINATE, json!({"SessionId": id})).await, json!({"SessionId": id}));
    assert!(!server.open_sessions().contains(&id.to_owned()));
    for (target, body, code) in [
        (TERMINATE, json!({"SessionId": id}), "ValidationException"),
        (TERMINATE, json!({"SessionId": "nobody-0"}), "DoesNotExistException"),
        (START, json!({"Target": "i-0ba5710000000002"}), "TargetNotConnected"),
        (START, json!({"Target": BASTION, "DocumentName": "AWS-RunShellScript"}), "InvalidDocument"),
        (START, json!({"Target": BASTION, "DocumentName": document}), "InvalidParameters"),
        (
            START,
            json!({"Target": BASTION, "DocumentName": document, "Parameters": {"host": ["db"], "port": ["1"]}}),
            "InvalidParameters",
        ),
        ("AmazonSSM.DescribeSessions", json!({}), "UnknownOperationException"),
    ] {
        assert_eq!(refused(&server, target, body.clone()).await, code, "{target} {body}");
    }
    assert_eq!(server.open_sessions().len(), 3);
}
