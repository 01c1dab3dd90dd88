//! What the tests of the tunnels share.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use adhoc_core::{Clock, Error, Result, SystemClock, Tunnel};
use adhoc_db::testing::{PostgresFixture, SshdFixture, SshdOptions};
use adhoc_db::tunnel::{Authentication, Ssh, SshConfig};
use adhoc_db::{Postgres, Session, Tls};

/// Whether the servers are there; if not, and none are required, says so.
pub(crate) fn servers_are_installed() -> bool {
    let python = Command::new("python3").arg("--version").output().is_ok().then(PathBuf::new);
    let missing = [("PostgreSQL", PostgresFixture::programs()), ("sshd", SshdFixture::program()), ("python3", python)]
        .into_iter()
        .filter_map(|(name, found)| found.is_none().then_some(name))
        .collect::<Vec<_>>()
        .join(" and ");
    if missing.is_empty() {
        return true;
    }
    assert!(
        std::env::var_os("ADHOC_TEST_REQUIRE").is_none_or(|required| required != "1"),
        "the tests of tunnels are required, but {missing} is not installed"
    );
    say(&format!("skipped: tunnels ({missing} is not installed)"));
    false
}

#[expect(clippy::print_stdout, reason = "a test that does not run says so")]
fn say(line: &str) {
    println!("{line}");
}

pub(crate) fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock::new())
}

/// A Postgres, and a bastion that forwards to it and nowhere else.
pub(crate) struct Place {
    pub(crate) postgres: PostgresFixture,
    pub(crate) bastion: SshdFixture,
}

impl Place {
    pub(crate) async fn start() -> Self {
        Self::start_with(SshdOptions::new()).await
    }

    pub(crate) async fn start_with(options: SshdOptions) -> Self {
        let postgres = PostgresFixture::start().await.unwrap();
        let options = options.with_permit_open(format!("127.0.0.1:{}", postgres.port()));
        let bastion = options.start().await.unwrap();
        Self { postgres, bastion }
    }

    /// How to log in, but for the key.
    pub(crate) fn keyless(&self) -> SshConfig {
        config(&self.bastion)
    }

    pub(crate) fn config(&self) -> SshConfig {
        self.keyless().with_authentication(Authentication::key_file(self.bastion.client_key()))
    }

    /// A session on Postgres through the tunnel.
    pub(crate) async fn connect(&self, tunnel: Arc<dyn Tunnel>) -> Result<Session> {
        let server = Postgres::new(tunnel, clock(), "127.0.0.1", self.postgres.port(), Tls::Disabled);
        server.connect("postgres", &self.postgres.master()).await
    }

    /// Logs in to Postgres through the tunnel and asks it something.
    pub(crate) async fn query(&self, tunnel: Arc<dyn Tunnel>) -> Result<i32> {
        let session = self.connect(tunnel).await?;
        let row = session.client().query_one("SELECT 40 + 2", &[]).await.unwrap();
        session.close().await;
        Ok(row.get(0))
    }

    /// As [`query`](Self::query), where it cannot work.
    pub(crate) async fn failure(&self, config: SshConfig) -> Error {
        let error = self.query(Arc::new(Ssh::new(clock(), config))).await.expect_err("it cannot work");
        check(&error);
        error
    }
}

pub(crate) fn config(sshd: &SshdFixture) -> SshConfig {
    SshConfig::new("127.0.0.1", sshd.user()).with_port(sshd.port()).with_known_hosts(sshd.known_hosts_file().unwrap())
}

/// What every error of a tunnel has to be: one line that shows no source, and a hint.
#[track_caller]
pub(crate) fn check(error: &Error) {
    let text = error.to_string();
    assert!(matches!(error, Error::Database(_) | Error::Invalid(_)), "{error:?}");
    let hint = error.detail().hint.as_deref().unwrap_or_default();
    assert!(!hint.is_empty(), "no hint: {text}");
    assert!(!text.contains('\n') && !hint.contains('\n'), "{text}\n{hint}");
    assert!(!text.ends_with('.'), "{text}");
}

/// Asserts that the message names all of these.
#[track_caller]
pub(crate) fn says(error: &Error, parts: &[&str]) {
    let text = error.chain().join(": ");
    for part in parts {
        assert!(text.contains(part), "`{part}` is not in: {text}");
    }
}

/// A real `ssh-agent`; dropping it ends it.
pub(crate) struct Agent {
    child: std::process::Child,
    pub(crate) socket: PathBuf,
}

impl Agent {
    pub(crate) async fn start(folder: &Path, keys: &[&Path]) -> Self {
        let socket = folder.join("agent");
        let mut command = Command::new("ssh-agent");
        command.arg("-D").arg("-a").arg(&socket).stdout(std::process::Stdio::null());
        let agent = Self { child: command.spawn().unwrap(), socket };
        // Its socket is there a moment before anybody listens.
        while std::os::unix::net::UnixStream::connect(&agent.socket).is_err() {
            clock().sleep(std::time::Duration::from_millis(10)).await;
        }
        for key in keys {
            let mut add = Command::new("ssh-add");
            assert!(add.arg("-q").arg(key).env("SSH_AUTH_SOCK", &agent.socket).status().unwrap().success());
        }
        agent
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
