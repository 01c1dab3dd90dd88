//! Logging in: TLS that names the real server, and every way in which a server refuses.

mod common;

use std::sync::Arc;

use adhoc_core::{Clock, Credentials, Error, Result, SystemClock, Tunnel};
use adhoc_db::testing::PostgresFixture;
use adhoc_db::tunnel::Direct;
use adhoc_db::{Postgres, Tls, async_trait};

const ENDPOINT: &str = "dev-rds.abc123.us-east-1.rds.amazonaws.com";

/// Leads every name to loopback, as a bastion would look it up by itself.
struct Bastion(Direct);

#[async_trait]
impl Tunnel for Bastion {
    async fn open(&self, _: &str, port: u16) -> Result<adhoc_core::BoxedStream> {
        self.0.open("127.0.0.1", port).await
    }
}

fn server(fixture: &PostgresFixture, host: &str, tls: Tls) -> Postgres {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    Postgres::new(Arc::new(Bastion(Direct::new(clock.clone()))), clock, host, fixture.port(), tls)
}

async fn refusal(server: &Postgres, credentials: &Credentials) -> Error {
    let error = server.connect("postgres", credentials).await.err().expect("refused");
    let shown = format!("{} {error:?}", error.chain().join(": "));
    assert!(matches!(error, Error::Database(_)) && error.detail().hint.is_some(), "{shown}");
    assert!(
        !error.to_string().contains('\n')
            && !shown.contains(PostgresFixture::MASTER_PASSWORD)
            && !shown.contains("but wrong"),
        "{shown}"
    );
    error
}

fn trusted(pem: Option<&str>) -> Tls {
    Tls::verify_full_pem(pem.expect("with TLS").as_bytes()).expect("an authority")
}

#[tokio::test]
async fn verify_full_is_of_the_real_name_and_the_given_authority() {
    if common::postgres().await.is_none() {
        return;
    }
    let fixture = PostgresFixture::start_with_tls(ENDPOINT).await.expect("PostgreSQL starts");
    let session =
        server(&fixture, ENDPOINT, trusted(fixture.ca())).connect("postgres", &fixture.master()).await.expect("in");
    let row = session
        .client()
        .query_one("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()", &[])
        .await
        .expect("a row");
    assert!(row.get::<_, bool>(0));
    session.canceller().cancel().await.expect("a cancellation goes over TLS, too");

    let error = refusal(&server(&fixture, "other.example.com", trusted(fixture.ca())), &fixture.master()).await;
    assert!(
        error.detail().hint.as_deref().is_some_and(|hint| hint.contains("RDS endpoint")),
        "{error}: {:?}",
        error.detail().hint
    );
    let other = PostgresFixture::start_with_tls(ENDPOINT).await.expect("PostgreSQL starts");
    let error = refusal(&server(&fixture, ENDPOINT, trusted(other.ca())), &fixture.master()).await;
    assert!(
        error.detail().hint.as_deref().is_some_and(|hint| hint.contains("ssl_root_cert")),
        "{error}: {:?}",
        error.detail().hint
    );
}

#[tokio::test]
async fn a_server_without_tls_is_not_talked_to_in_the_clear() {
    let Some(fixture) = common::postgres().await else { return };
    let with = PostgresFixture::start_with_tls(ENDPOINT).await.expect("PostgreSQL starts");
    let error = refusal(&server(&fixture, ENDPOINT, trusted(with.ca())), &fixture.master()).await;
    assert!(
        error.detail().hint.as_deref().is_some_and(|hint| hint.contains("loopback")),
        "{error}: {:?}",
        error.detail().hint
    );
    assert!(!fixture.log().contains("password authentication failed"));
}

#[tokio::test]
async fn refusals_say_what_to_do() {
    let Some(fixture) = common::postgres().await else { return };
    let server = fixture.server();
    let wrong = refusal(&server, &Credentials::new("postgres", "secret but wrong".to_owned())).await;
    assert!(wrong.to_string().contains("password authentication failed"), "{wrong}");
    let missing = server.connect("nowhere", &fixture.master()).await.err().expect("no such database");
    assert!(missing.to_string().contains("does not exist"), "{missing}");
    let closed = Postgres::new(server.tunnel().clone(), Arc::new(SystemClock::new()), "127.0.0.1", 1, Tls::Disabled);
    refusal(&closed, &fixture.master()).await;
}

#[tokio::test]
async fn a_full_server_is_recognised() {
    if common::postgres().await.is_none() {
        return;
    }
    let settings = ["max_connections=4", "superuser_reserved_connections=1", "max_wal_senders=0"];
    let fixture = PostgresFixture::start_with(None, &settings).await.expect("PostgreSQL starts");
    let mut held = Vec::new();
    let error = loop {
        match fixture.server().connect("postgres", &fixture.master()).await {
            Ok(session) => held.push(session),
            Err(error) => break error,
        }
        assert!(held.len() < 5);
    };
    assert!(matches!(error, Error::Database(_)) && error.to_string().contains("53300"), "{error}");
    assert!(error.detail().hint.as_deref().is_some_and(|hint| hint.contains("adhoc db list")));
}

#[test]
fn a_bundle_must_hold_certificates() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("rds-ca.pem");
    for text in [None, Some(""), Some("no PEM"), Some("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")]
    {
        if let Some(text) = text {
            std::fs::write(&file, text).expect("written");
        }
        let error = Tls::verify_full(&file).expect_err("no certificate");
        assert!(matches!(error, Error::Invalid(_)) && error.detail().hint.is_some(), "{error}");
        assert!(error.to_string().contains("rds-ca.pem"), "{error}");
    }
}
