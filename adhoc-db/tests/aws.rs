//! Look-ups, secrets and tokens, over HTTP against the embedded AWS.

#![cfg(feature = "aws")]

mod common;

use std::sync::Arc;
use std::time::Duration;

use adhoc_core::{Clock, Error, ExposeSecret, SystemClock};
use adhoc_db::aws::{
    Bastion, IamToken, InstanceConnect, SecretCredentials, SecretsManagerPasswords, SessionManager, find_bastion,
    find_rds_instance,
};
use adhoc_db::testing::{PostgresFixture, SshdOptions};
use adhoc_db::tunnel::{Authentication, KeyPusher, Ssh, SshConfig, SsmSessions};
use adhoc_db::{Account, CredentialSource, Postgres, RoleSecrets, Tls};
use adhoc_local::{Network, Scenario, Server};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::retry::RetryConfig;
use aws_sdk_secretsmanager::config::{BehaviorVersion, Region};
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_async::time::SystemTimeSource;
use aws_types::SdkConfig;

fn config(server: &Server) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new("test", "test", None, None, "test")))
        .endpoint_url(server.endpoint())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .region(Region::new("us-east-1"))
        .retry_config(RetryConfig::standard().with_initial_backoff(Duration::from_millis(5)))
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .time_source(SystemTimeSource::new())
        .build()
}

async fn server(network: Network) -> Server {
    let mut scenario = Scenario::empty();
    scenario.network = network;
    Server::start_with(scenario).await.expect("started")
}

fn account(name: &str) -> Account {
    let database = format!("{name}-db").parse().expect("a name");
    Account::new(
        name.parse().expect("a name"),
        database,
        name.parse().expect("a name"),
        ("dev-rds.example.internal", 5432),
    )
}

#[tokio::test]
async fn server_and_bastion_are_found_by_name() {
    let server = server(Network::new("dev").with_database_endpoint("dev-rds.example.internal", 5433)).await;
    let config = config(&server);
    let instance = find_rds_instance(&config, "dev-rds").await.expect("found");
    assert_eq!((instance.host.as_str(), instance.port), ("dev-rds.example.internal", 5433));
    assert!(instance.master_secret.as_deref().is_some_and(|arn| arn.contains("secret:rds!")), "{instance:?}");
    let bastion = find_bastion(&config, "dev-bastion").await.expect("found");
    assert_eq!(bastion.address().expect("an address"), "127.0.0.1");
    assert!(bastion.instance_id.starts_with("i-") && bastion.availability_zone.is_some());

    for error in
        [find_rds_instance(&config, "stage-rds").await.err(), find_bastion(&config, "stage-bastion").await.err()]
    {
        let error = error.expect("missing");
        assert!(matches!(error, Error::NotFound(_)) && error.detail().hint.is_some(), "{error}");
    }
    let credentials =
        SecretCredentials::new(&config, instance.master_secret.expect("managed")).credentials(false).await;
    assert_eq!(credentials.expect("read").user, "postgres");
}

#[tokio::test]
async fn a_secret_is_read_once_and_again_when_it_is_refused() {
    let server = server(Network::new("dev")).await;
    let config = config(&server);
    let client = Client::new(&config);
    let value = |password: &str| format!(r#"{{"username":"root","password":"{password}","more":1}}"#);
    client.create_secret().name("master").secret_string(value("old")).send().await.expect("made");
    let source = SecretCredentials::new(&config, "master");
    let read = async |fresh| source.credentials(fresh).await.expect("read").password.expose_secret().to_owned();
    assert_eq!(read(false).await, "old");
    client.put_secret_value().secret_id("master").secret_string(value("new")).send().await.expect("rotated");
    assert_eq!((read(false).await, read(true).await, read(false).await), ("old".into(), "new".into(), "new".into()));

    client.create_secret().name("broken").secret_string("{\"password\": hunter2}").send().await.expect("made");
    for name in ["broken", "missing"] {
        let error = SecretCredentials::new(&config, name).credentials(false).await.expect_err(name);
        let shown = format!("{error:?} {}", error.chain().join(": "));
        assert!(matches!(error, Error::Database(_)) && !shown.contains("hunter2"), "{shown}");
    }
}

#[tokio::test]
async fn passwords_are_made_once_whoever_comes_first() {
    let server = server(Network::new("dev")).await;
    let config = config(&server);
    let passwords = SecretsManagerPasswords::new(&config);
    let account = account("alpha");
    assert!(passwords.find(&account).await.expect("asked").is_none());
    let (one, other) = tokio::join!(passwords.ensure(&account), passwords.ensure(&account));
    let (one, other) = (one.expect("made").expect("kept"), other.expect("made").expect("kept"));
    assert_eq!(one.expose_secret(), other.expose_secret());
    let client = Client::new(&config);
    let text =
        client.get_secret_value().secret_id("alpha-db").send().await.expect("there").secret_string.expect("text");
    let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(
        (&value["username"], &value["dbname"], &value["port"]),
        (&"alpha".into(), &"alpha-db".into(), &5432.into())
    );

    assert!(passwords.remove(&account).await.expect("removed"));
    assert!(!passwords.remove(&account).await.expect("gone"));
    assert!(passwords.find(&account).await.expect("asked").is_none());
}

#[tokio::test]
async fn a_secret_of_infrastructure_code_is_filled_and_stays() {
    let server = server(Network::new("dev")).await;
    let config = config(&server);
    let (client, passwords, account) = (Client::new(&config), SecretsManagerPasswords::new(&config), account("alpha"));
    client.create_secret().name("alpha-db").send().await.expect("made without a value");
    assert!(passwords.ensure(&account).await.expect("filled").is_some());
    assert!(!passwords.remove(&account).await.expect("asked"), "it is not ours");
    assert!(passwords.find(&account).await.expect("asked").is_some());
    // Deleted with a recovery window, and wanted again.
    client.delete_secret().secret_id("alpha-db").send().await.expect("scheduled");
    assert!(passwords.find(&account).await.expect("asked").is_none());
    assert!(passwords.ensure(&account).await.expect("restored").is_some());
}

#[tokio::test]
async fn a_token_is_signed_for_the_real_endpoint() {
    let server = server(Network::new("dev")).await;
    let source = IamToken::new(&config(&server), "dev-rds.example.internal", 5432, "postgres");
    let credentials = source.credentials(false).await.expect("signed");
    let token = credentials.password.expose_secret();
    assert!(token.starts_with("dev-rds.example.internal:5432/?") && token.contains("DBUser=postgres"), "{token}");
    assert!(
        token.contains("Action=connect") && token.contains("rds-db") && token.contains("X-Amz-Expires=900"),
        "{token}"
    );
    assert!(!format!("{credentials:?}").contains("X-Amz-Signature"));
}

#[tokio::test]
async fn a_throw_away_key_opens_the_bastion() {
    if common::postgres().await.is_none() || common::sshd_is_missing() {
        return;
    }
    let postgres = PostgresFixture::start().await.expect("PostgreSQL starts");
    let options = SshdOptions::new().with_permit_open(format!("127.0.0.1:{}", postgres.port()));
    let bastion = options.start().await.expect("sshd starts");
    let pushed = bastion.pushed_keys();
    let server = server(Network::new("dev").with_authorized_keys(pushed.parent().expect("a folder"))).await;
    let config = config(&server);
    let found = find_bastion(&config, "dev-bastion").await.expect("found");
    let pusher = InstanceConnect::new(&config, &found);
    let ssh = SshConfig::new(found.address().expect("an address"), bastion.user())
        .with_port(bastion.port())
        .with_known_hosts(bastion.known_hosts_file().expect("written"))
        .with_authentication(Authentication::pushed(Arc::new(pusher)));
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let tunnel = Arc::new(Ssh::new(clock.clone(), ssh));
    let behind = Postgres::new(tunnel, clock, "127.0.0.1", postgres.port(), Tls::Disabled);
    behind.connect("postgres", &postgres.master()).await.expect("through the bastion");
    assert!(server.calls().iter().any(|call| call.operation == "SendSSHPublicKey"));

    let nowhere = Bastion::new("i-0000000000000000f");
    let refused =
        InstanceConnect::new(&config, &nowhere).push("ec2-user", "ssh-ed25519 AAAA").await.expect_err("refused");
    assert!(!refused.to_string().contains('\n'), "{refused}");
}

#[tokio::test]
async fn sessions_are_started_and_terminated() {
    let server = server(Network::new("dev")).await;
    let config = config(&server);
    let bastion = find_bastion(&config, "dev-bastion").await.expect("found");
    let sessions = SessionManager::new(&config, &bastion.instance_id);
    let session = sessions.start("dev-rds.example.internal", 5432, 0).await.expect("started");
    assert!(
        session.stream_url.starts_with("wss://") && !format!("{session:?}").contains(session.token.expose_secret())
    );
    assert_eq!(server.open_sessions(), std::slice::from_ref(&session.session_id));
    for _ in 0..2 {
        sessions.terminate(&session.session_id).await.expect("ended, however often");
    }
    assert!(server.open_sessions().is_empty());
    let missing = SessionManager::new(&config, "i-0000000000000000f").start("db", 5432, 0).await.expect_err("refused");
    assert!(matches!(missing, Error::Database(_)) && missing.detail().hint.is_some(), "{missing}");
}
