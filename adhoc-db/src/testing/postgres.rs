//! A real Postgres on loopback.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use adhoc_core::{Clock, Credentials, Error, Result, SystemClock};
use rustix::process::Signal;
use tempfile::TempDir;

use super::process::{Account, Server, find, free_port, record};
use crate::tunnel::Direct;
use crate::{Postgres, Session, Tls};

const FOLDERS: [&str; 5] =
    ["/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/local/pgsql/bin", "/opt/homebrew/bin", "/usr/local/bin"];

/// How RDS divides power: `rdsadmin` is the superuser that nobody gets, `postgres` the master user, which may make roles and
/// databases and signal back ends, and is no superuser.
const RDS_ROLES: &str = "
    CREATE ROLE rds_superuser NOLOGIN;
    GRANT pg_signal_backend, pg_monitor TO rds_superuser;
    CREATE ROLE rds_iam NOLOGIN;
    CREATE ROLE postgres LOGIN CREATEDB CREATEROLE PASSWORD 'master secret';
    GRANT rds_superuser TO postgres;
    ALTER DATABASE postgres OWNER TO postgres;
    REVOKE CONNECT ON DATABASE rdsadmin FROM PUBLIC;
";

/// A Postgres server that begins like a new RDS instance: a master user `postgres` without superuser rights, a superuser
/// `rdsadmin`, and a database `postgres`.
///
/// Dropping it stops the server and removes its folder.
pub struct PostgresFixture {
    server: Server,
    folder: TempDir,
    bin: PathBuf,
    port: u16,
    ca: Option<String>,
}

impl PostgresFixture {
    /// The password of the master user `postgres`.
    pub const MASTER_PASSWORD: &'static str = "master secret";
    /// The password of the superuser `rdsadmin`.
    pub const SUPERUSER_PASSWORD: &'static str = "superuser secret";

    /// Where this machine has Postgres's programs; none if it has not.
    #[must_use]
    pub fn programs() -> Option<PathBuf> {
        // A link on the PATH leads to the folder that has all of them.
        std::fs::canonicalize(find("initdb", &FOLDERS)?).ok()?.parent().map(Path::to_owned)
    }

    /// Starts a server without TLS.
    ///
    /// # Errors
    ///
    /// If Postgres is not installed or does not start; with the end of its log.
    pub async fn start() -> io::Result<Self> {
        Self::start_with(None, &[]).await
    }

    /// Starts a server with TLS, whose certificate is for `host` and comes from a new authority; see [`ca`](Self::ca).
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub async fn start_with_tls(host: &str) -> io::Result<Self> {
        Self::start_with(Some(host), &[]).await
    }

    /// Starts a server with settings such as `max_connections=10`, and with TLS if `host` is given.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub async fn start_with(host: Option<&str>, settings: &[&str]) -> io::Result<Self> {
        let bin = Self::programs().ok_or_else(|| io::Error::other("PostgreSQL is not installed: no initdb found"))?;
        let account = Account::unprivileged()?;
        let folder = tempfile::Builder::new().prefix("adhoc-postgres-").tempdir()?;
        let data = account.folder(&folder, "data")?;
        let log = folder.path().join("log");
        initialise(account, &bin, &folder, &data)?;
        let port = free_port()?;
        let mut command = account.command(&bin.join("postgres"));
        command.arg("-D").arg(&data).args(["-p", &port.to_string(), "-c", "listen_addresses=127.0.0.1"]);
        command.args(["-c", "unix_socket_directories=", "-c", "fsync=off"]);
        let mut ca = None;
        if let Some(host) = host {
            ca = Some(certify(account, &data, host)?);
            command.args(["-c", "ssl=on"]);
        }
        for setting in settings {
            command.args(["-c", setting]);
        }
        let server = Server::start(command, &log, Signal::QUIT)?;
        let mut fixture = Self { server, folder, bin, port, ca };
        fixture.prepare().await.map_err(|error| {
            let log = std::fs::read_to_string(&log).unwrap_or_default();
            io::Error::other(format!("{}\n{log}", error.chain().join(": ")))
        })?;
        record("postgres", &fixture.version());
        Ok(fixture)
    }

    /// Waits until the server answers, and gives it RDS's roles.
    async fn prepare(&mut self) -> Result<()> {
        let clock = SystemClock::new();
        let mut attempts = 0;
        let session = loop {
            match self.superuser("postgres").await {
                Ok(session) => break session,
                Err(error) if attempts == 200 || self.server.has_ended() => return Err(error),
                Err(_) => clock.sleep(Duration::from_millis(50)).await,
            }
            attempts += 1;
        };
        let failed = |error: tokio_postgres::Error| Error::database("prepare", "", format!("{error:?}"));
        session.client().batch_execute("CREATE DATABASE rdsadmin").await.map_err(failed)?;
        session.client().batch_execute(RDS_ROLES).await.map_err(failed)
    }

    /// The port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The authority that signed the server's certificate, as PEM; none without TLS.
    #[must_use]
    pub fn ca(&self) -> Option<&str> {
        self.ca.as_deref()
    }

    /// The folder with the server's data and log; a test may keep files of its own there.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What the server has logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// The version, such as `15.18`.
    #[must_use]
    pub fn version(&self) -> String {
        let output = Command::new(self.bin.join("postgres")).arg("--version").output();
        let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
        text.split_whitespace().nth(2).unwrap_or("unknown").to_owned()
    }

    /// A command of this Postgres, such as `pg_dump`, that connects as the superuser.
    #[must_use]
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.bin.join(program));
        command.env("PGHOST", "127.0.0.1").env("PGPORT", self.port.to_string()).env("PGUSER", "rdsadmin");
        command.env("PGPASSWORD", Self::SUPERUSER_PASSWORD).env("PGDATABASE", "postgres");
        command
    }

    /// The server, reached directly and without TLS.
    #[must_use]
    pub fn server(&self) -> Postgres {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        Postgres::new(Arc::new(Direct::new(clock.clone())), clock, "127.0.0.1", self.port, Tls::Disabled)
    }

    /// The master user's credentials.
    #[must_use]
    pub fn master(&self) -> Credentials {
        Credentials::new("postgres", Self::MASTER_PASSWORD.to_owned())
    }

    /// Logs in as the superuser, who may do anything.
    ///
    /// # Errors
    ///
    /// Those of [`Postgres::connect`].
    pub async fn superuser(&self, database: &str) -> Result<Session> {
        let credentials = Credentials::new("rdsadmin", Self::SUPERUSER_PASSWORD.to_owned());
        self.server().connect(database, &credentials).await
    }

    /// Freezes the server, as an overloaded one would be; dropping the fixture still works.
    pub fn freeze(&self) {
        self.server.signal(Signal::STOP);
    }
}

fn initialise(account: Account, bin: &Path, folder: &TempDir, data: &Path) -> io::Result<()> {
    let password = folder.path().join("password");
    std::fs::write(&password, PostgresFixture::SUPERUSER_PASSWORD)?;
    account.give(&password, 0o600)?;
    let mut command = account.command(&bin.join("initdb"));
    command.arg("-D").arg(data).arg("--pwfile").arg(&password);
    command.args(["--no-sync", "-A", "scram-sha-256", "-U", "rdsadmin", "-E", "UTF8", "--locale=C"]);
    let output = command.output()?;
    std::fs::remove_file(&password)?;
    if output.status.success() {
        return Ok(());
    }
    Err(io::Error::other(format!("initdb failed: {}", String::from_utf8_lossy(&output.stderr))))
}

/// Gives the server a certificate for `host` and returns the authority that signed it.
fn certify(account: Account, data: &Path, host: &str) -> io::Result<String> {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
    let failed = |error: rcgen::Error| io::Error::other(error);
    let mut authority = CertificateParams::new(Vec::new()).map_err(failed)?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.distinguished_name.push(rcgen::DnType::CommonName, "adhoc test authority");
    let authority_key = KeyPair::generate().map_err(failed)?;
    let ca = authority.self_signed(&authority_key).map_err(failed)?.pem();
    let issuer = Issuer::new(authority, authority_key);
    let key = KeyPair::generate().map_err(failed)?;
    let certificate =
        CertificateParams::new(vec![host.to_owned()]).map_err(failed)?.signed_by(&key, &issuer).map_err(failed)?;
    for (name, text) in [("server.crt", certificate.pem()), ("server.key", key.serialize_pem())] {
        std::fs::write(data.join(name), text)?;
        account.give(&data.join(name), 0o600)?;
    }
    Ok(ca)
}
