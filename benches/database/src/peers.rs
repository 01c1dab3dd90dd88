//! The tools that one would use otherwise, each through OpenSSH.

use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use adhoc_db::testing::{PostgresFixture, SshdFixture};

/// `ssh -L` in the background, and the clients that connect to its port.
pub(crate) struct Peers<'a> {
    postgres: &'a PostgresFixture,
    bastion: &'a SshdFixture,
    port: u16,
    forwarding: Child,
}

impl<'a> Peers<'a> {
    pub(crate) fn start(postgres: &'a PostgresFixture, bastion: &'a SshdFixture) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut ssh = ssh(bastion);
        let forward = format!("{port}:127.0.0.1:{}", postgres.port());
        let forwarding = ssh.args(["-N", "-L", &forward]).arg("127.0.0.1").spawn().unwrap();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            std::thread::yield_now();
        }
        Self { postgres, bastion, port, forwarding }
    }

    fn command(&self, program: &str) -> Command {
        let mut command = self.postgres.command(program);
        command.env("PGPORT", self.port.to_string()).stdout(Stdio::null());
        command
    }

    fn fresh(&self) {
        for program in ["dropdb", "createdb"] {
            let mut command = self.command(program);
            if program == "dropdb" {
                command.arg("--if-exists");
            }
            assert!(command.arg("peer").stderr(Stdio::null()).status().unwrap().success(), "{program} failed");
        }
    }

    /// `psql -1 -f DUMP` into a new database.
    pub(crate) fn psql(&self, dump: &Path) -> (&'static str, Duration) {
        self.fresh();
        let took =
            timed(self.command("psql").args(["-X", "-q", "-1", "-v", "ON_ERROR_STOP=1", "-d", "peer", "-f"]).arg(dump));
        ("psql -1", took)
    }

    /// `pg_restore -j2 DUMP` into a new database.
    pub(crate) fn pg_restore(&self, dump: &Path) -> (&'static str, Duration) {
        self.fresh();
        let took = timed(self.command("pg_restore").args(["--no-owner", "--no-acl", "-j2", "-d", "peer"]).arg(dump));
        ("pg_restore -j2", took)
    }

    /// `ssh bastion createdb`: the database alone, without role, grants or marker.
    pub(crate) fn createdb(&self) -> Duration {
        let drop = self.command("dropdb").args(["--if-exists", "peer"]).stderr(Stdio::null()).status().unwrap();
        assert!(drop.success(), "dropdb failed");
        let createdb = PostgresFixture::programs().unwrap().join("createdb");
        let remote = format!(
            "PGHOST=127.0.0.1 PGPORT={} PGUSER=rdsadmin PGPASSWORD='{}' {} peer",
            self.postgres.port(),
            PostgresFixture::SUPERUSER_PASSWORD,
            createdb.display()
        );
        timed(ssh(self.bastion).arg("127.0.0.1").arg(remote))
    }
}

impl Drop for Peers<'_> {
    fn drop(&mut self) {
        let _ = self.forwarding.kill();
        let _ = self.forwarding.wait();
    }
}

fn ssh(bastion: &SshdFixture) -> Command {
    let mut ssh = Command::new("ssh");
    let known_hosts = format!("UserKnownHostsFile={}", bastion.known_hosts_file().unwrap().display());
    ssh.args(["-F", "/dev/null", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "-o", &known_hosts]);
    ssh.arg("-i").arg(bastion.client_key()).args(["-p", &bastion.port().to_string(), "-l", bastion.user()]);
    ssh.stdin(Stdio::null());
    ssh
}

fn timed(command: &mut Command) -> Duration {
    let began = Instant::now();
    let status = command.status().unwrap();
    let took = began.elapsed();
    assert!(status.success(), "{command:?} failed");
    took
}
