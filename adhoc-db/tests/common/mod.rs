//! What the tests on real servers share.

#![allow(
    clippy::allow_attributes,
    clippy::print_stderr,
    dead_code,
    unreachable_pub,
    reason = "each test file uses its own part, and one of them all"
)]

use std::sync::Arc;

use adhoc_core::testing::RecordingSink;
use adhoc_core::{Context, EnvironmentName, SecretString, SystemClock, Timestamp};
use adhoc_db::testing::{PostgresFixture, SshdFixture};
use adhoc_db::{CreateDatabase, DatabaseMarker, PostgresAdmin};

/// A server; none where the machine has no Postgres and the run does not require it.
pub async fn postgres() -> Option<PostgresFixture> {
    if PostgresFixture::programs().is_none() && std::env::var_os("ADHOC_TEST_REQUIRE").is_none() {
        eprintln!("skipped: PostgreSQL is not installed");
        return None;
    }
    Some(PostgresFixture::start().await.expect("PostgreSQL starts"))
}

/// Whether there is no sshd on this machine, and the run does not require one.
pub fn sshd_is_missing() -> bool {
    let missing = SshdFixture::program().is_none() && std::env::var_os("ADHOC_TEST_REQUIRE").is_none();
    if missing {
        eprintln!("skipped: sshd is not installed");
    }
    missing
}

pub fn admin(fixture: &PostgresFixture) -> PostgresAdmin {
    PostgresAdmin::new(fixture.server(), Arc::new(fixture.master()))
}

pub fn context() -> (Context, Arc<RecordingSink>) {
    let sink = Arc::new(RecordingSink::default());
    (Context::new(Arc::new(SystemClock::new()), sink.clone()), sink)
}

pub fn at() -> Timestamp {
    "2026-11-21T06:00:00Z".parse().expect("a time")
}

/// The database of an environment, whose role logs in with `secret of NAME`.
pub fn request(name: &str) -> CreateDatabase {
    let environment: EnvironmentName = name.parse().expect("a name");
    let marker = DatabaseMarker::for_environment(&environment, at());
    let database = format!("{name}-db").parse().expect("a name");
    let password = SecretString::from(format!("secret of {name}"));
    CreateDatabase::new(database, name.parse().expect("a name"), marker).with_password(Some(password))
}
