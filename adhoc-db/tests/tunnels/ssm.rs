//! An instance under Systems Manager, with a program that behaves like AWS's plugin.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use adhoc_core::{Error, Result, Tunnel};
use adhoc_db::testing::PostgresFixture;
use adhoc_db::tunnel::{Ssm, SsmConfig, SsmSession, SsmSessions};
use adhoc_db::{Postgres, Session, Tls};
use tempfile::TempDir;

use crate::support::{check, clock, says, servers_are_installed};

/// Begins sessions, and remembers which have been ended.
#[derive(Default)]
struct Sessions {
    started: Mutex<Vec<(String, u16)>>,
    terminated: Mutex<Vec<String>>,
}

#[async_trait::async_trait]
impl SsmSessions for Sessions {
    async fn start(&self, host: &str, port: u16, local_port: u16) -> Result<SsmSession> {
        assert_eq!(local_port, 0);
        let mut started = self.started.lock().unwrap();
        started.push((host.to_owned(), port));
        let id = format!("session-{}", started.len());
        Ok(SsmSession::new(id, "wss://stream.invalid", "the token".to_owned(), "eu-central-1", "i-0123456789"))
    }

    async fn terminate(&self, session_id: &str) -> Result<()> {
        self.terminated.lock().unwrap().push(session_id.to_owned());
        Ok(())
    }
}

struct Stage {
    folder: TempDir,
    sessions: Arc<Sessions>,
    tunnel: Ssm,
}

impl Stage {
    /// A plugin with such an environment.
    fn new(environment: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tunnels/session-manager-plugin.py");
        let program = folder.path().join("session-manager-plugin");
        let folder_name = folder.path().display();
        let text = format!("#!/bin/sh\nFAKE_FOLDER='{folder_name}' {environment} exec python3 '{script}' \"$@\"\n");
        std::fs::write(&program, text).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        Self::with_program(folder, program)
    }

    fn with_program(folder: TempDir, program: PathBuf) -> Self {
        let sessions = Arc::new(Sessions::default());
        let config = SsmConfig::new().with_program(program).with_profile("staging");
        let tunnel = Ssm::new(clock(), sessions.clone(), config);
        Self { folder, sessions, tunnel }
    }

    async fn connect(&self, postgres: &PostgresFixture) -> Result<Session> {
        let tunnel = Arc::new(self.tunnel.clone());
        let server = Postgres::new(tunnel, clock(), "127.0.0.1", postgres.port(), Tls::Disabled);
        server.connect("postgres", &postgres.master()).await
    }

    fn argv(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("argv")).unwrap_or_default()
    }

    fn signal(&self, which: &str) {
        let pid = std::fs::read_to_string(self.folder.path().join("pid")).unwrap();
        assert!(Command::new("kill").args([which, &pid]).status().unwrap().success());
    }

    fn runs(&self) -> bool {
        let pid = std::fs::read_to_string(self.folder.path().join("pid")).unwrap();
        Command::new("kill").args(["-0", &pid]).stderr(std::process::Stdio::null()).status().unwrap().success()
    }

    fn terminated(&self) -> Vec<String> {
        self.sessions.terminated.lock().unwrap().clone()
    }
}

#[tokio::test]
async fn one_plugin_serves_every_stream_to_a_place() {
    if !servers_are_installed() {
        return;
    }
    let postgres = PostgresFixture::start().await.unwrap();
    let stage = Stage::new("");
    let (one, two) = (stage.connect(&postgres).await.unwrap(), stage.connect(&postgres).await.unwrap());
    for session in [&one, &two] {
        assert_eq!(session.client().query_one("SELECT 42", &[]).await.unwrap().get::<_, i32>(0), 42);
    }
    assert_eq!(*stage.sessions.started.lock().unwrap(), [("127.0.0.1".to_owned(), postgres.port())]);
    let argv = stage.argv();
    assert_eq!(argv.lines().count(), 2, "the version is asked for once, and one plugin is started: {argv}");
    assert!(argv.contains("AWS_SSM_START_SESSION_RESPONSE") && argv.contains("staging"), "{argv}");
    assert!(argv.contains("https://ssm.eu-central-1.amazonaws.com") && !argv.contains("the token"), "{argv}");
    stage.tunnel.close().await;
    assert_eq!(stage.terminated(), ["session-1"]);
    while stage.runs() {
        clock().sleep(Duration::from_millis(20)).await;
    }
    one.client().query_one("SELECT 42", &[]).await.expect_err("it is closed");
}

#[tokio::test]
async fn what_is_dropped_is_ended() {
    if !servers_are_installed() {
        return;
    }
    let postgres = PostgresFixture::start().await.unwrap();
    let Stage { folder, sessions, tunnel } = Stage::new("");
    let stream = tunnel.open("127.0.0.1", postgres.port()).await.unwrap();
    drop(tunnel);
    assert!(sessions.terminated.lock().unwrap().is_empty(), "a stream is open");
    drop(stream);
    let other = Stage { folder, sessions, tunnel: Stage::new("").tunnel };
    while other.runs() || other.terminated().is_empty() {
        clock().sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(other.terminated(), ["session-1"]);
}

#[tokio::test]
async fn a_plugin_that_ends_is_started_anew() {
    if !servers_are_installed() {
        return;
    }
    let postgres = PostgresFixture::start().await.unwrap();
    let stage = Stage::new("");
    let session = stage.connect(&postgres).await.unwrap();
    stage.signal("-KILL");
    session.client().query_one("SELECT 42", &[]).await.expect_err("it is gone");
    while stage.connect(&postgres).await.is_err() {
        clock().sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(stage.sessions.started.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn the_watch_leaves_no_trace_in_the_servers_log() {
    if !servers_are_installed() {
        return;
    }
    let postgres = PostgresFixture::start_with(Some("localhost"), &["log_connections=on"]).await.unwrap();
    let stage = Stage::new("");
    let before = postgres.log().len();
    let session = stage.connect(&postgres).await.unwrap();
    let received = || postgres.log()[before..].matches("connection received").count();
    while received() < 2 {
        clock().sleep(Duration::from_millis(50)).await;
    }
    session.client().query_one("SELECT 42", &[]).await.unwrap();
    session.close().await;
    let log = &postgres.log()[before..];
    assert!(!log.contains("could not") && !log.contains("incomplete") && !log.contains("FATAL"), "{log}");
}

#[tokio::test]
async fn a_server_that_refuses_the_instance_is_named() {
    if !servers_are_installed() {
        return;
    }
    let stage = Stage::new("");
    let mut stream = stage.tunnel.open("127.0.0.1", 1).await.unwrap();
    let said = tokio::io::AsyncReadExt::read_u8(&mut stream).await.expect_err("nobody is there").to_string();
    assert!(said.contains("cannot connect to 127.0.0.1:1"), "{said}");
}

#[tokio::test]
async fn an_instance_that_no_longer_answers_fails_the_streams() {
    if !servers_are_installed() {
        return;
    }
    let postgres = PostgresFixture::start().await.unwrap();
    let stage = Stage::new("");
    let session = stage.connect(&postgres).await.unwrap();
    let mut stream = stage.tunnel.open("127.0.0.1", postgres.port()).await.unwrap();
    stage.signal("-STOP");
    let said = tokio::io::AsyncReadExt::read_u8(&mut stream).await.expect_err("nobody answers").to_string();
    assert!(said.contains("no longer answers"), "{said}");
    session.client().query_one("SELECT 42", &[]).await.expect_err("the session is lost");
    drop((stream, session));
    assert!(stage.connect(&postgres).await.is_ok(), "another session takes over");
}

#[tokio::test]
async fn a_plugin_that_cannot_be_used_says_why() {
    let missing = Stage::with_program(tempfile::tempdir().unwrap(), "/nonexistent/plugin".into());
    let failure = |stage: Stage| async move {
        let error = stage.tunnel.open("db.invalid", 5432).await.err().unwrap();
        check(&error);
        (error, stage)
    };
    let (error, _) = failure(missing).await;
    says(&error, &["/nonexistent/plugin", "not installed"]);
    assert!(error.detail().hint.as_ref().unwrap().contains("https://docs.aws.amazon.com/"));
    if !servers_are_installed() {
        return;
    }
    let (error, stage) = failure(Stage::new("FAKE_VERSION=1.2.463.0")).await;
    says(&error, &["1.2.463", "too old", "1.2.497"]);
    assert!(stage.sessions.started.lock().unwrap().is_empty(), "no session without a plugin");
    let (error, _) = failure(Stage::new("FAKE_VERSION='not a version'")).await;
    says(&error, &["does not tell its version"]);
    let (error, stage) = failure(Stage::new("FAKE_FAILURE='Cannot perform start session: EOF'")).await;
    says(&error, &["db.invalid:5432", "Cannot perform start session"]);
    while stage.terminated().is_empty() {
        clock().sleep(Duration::from_millis(20)).await;
    }
    assert!(matches!(stage.tunnel.open("-x", 1).await, Err(Error::Invalid(_))));
}
