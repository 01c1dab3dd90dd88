//! Postgres over any byte stream.

mod error;
mod session;
mod tls;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use adhoc_core::{Clock, Credentials, Error, ExposeSecret, Result, Tunnel, within};
use tokio_postgres::Config;
use tokio_postgres::config::{ChannelBinding, SslMode};
use tokio_postgres::tls::NoTls;

pub use self::session::{Canceller, Session};
pub use self::tls::{Roots, Tls};

use self::wire::Wire;

pub(crate) use self::error::{database_error, error_without_values, sql_state};

/// How long opening a connection may take, after the tunnel has opened its stream.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A Postgres server at the end of a tunnel.
#[derive(Clone)]
pub struct Postgres {
    tunnel: Arc<dyn Tunnel>,
    clock: Arc<dyn Clock>,
    host: String,
    port: u16,
    tls: Tls,
}

impl Postgres {
    /// The server `host`, as it is named at the far end of the tunnel and in its certificate.
    pub fn new(tunnel: Arc<dyn Tunnel>, clock: Arc<dyn Clock>, host: impl Into<String>, port: u16, tls: Tls) -> Self {
        Self { tunnel, clock, host: host.into(), port, tls }
    }

    /// The server's name at the far end of the tunnel.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The server's port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// How the connection is protected.
    #[must_use]
    pub fn tls(&self) -> &Tls {
        &self.tls
    }

    /// The way to the server.
    #[must_use]
    pub fn tunnel(&self) -> &Arc<dyn Tunnel> {
        &self.tunnel
    }

    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// Logs in to `database`. The connection ends with the session.
    ///
    /// # Errors
    ///
    /// [`Error::Database`]: those of the tunnel, a certificate that does not verify, a wrong password, no connection left,
    /// or no answer within ten seconds.
    pub async fn connect(&self, database: &str, credentials: &Credentials) -> Result<Session> {
        self.connect_with(database, credentials, "").await
    }

    /// As [`connect`](Self::connect), with settings of the session such as `-c lock_timeout=60s`.
    pub(crate) async fn connect_with(
        &self,
        database: &str,
        credentials: &Credentials,
        options: &str,
    ) -> Result<Session> {
        let stream = Wire(self.tunnel.open(&self.host, self.port).await?);
        let mut config = Config::new();
        config
            .user(&credentials.user)
            .password(credentials.password.expose_secret())
            .dbname(database)
            .application_name("adhoc");
        if !options.is_empty() {
            config.options(options);
        }
        let handshake = async {
            match &self.tls {
                Tls::Disabled => {
                    config.ssl_mode(SslMode::Disable).channel_binding(ChannelBinding::Disable);
                    let (client, connection) = config.connect_raw(stream, NoTls).await?;
                    Ok(Session::spawn(self.clone(), client, connection))
                }
                Tls::VerifyFull(roots) => {
                    // Not the driver's default, which goes on without TLS where the server offers none.
                    config.ssl_mode(SslMode::Require);
                    let (client, connection) = config.connect_raw(stream, roots.connect(&self.host)).await?;
                    Ok(Session::spawn(self.clone(), client, connection))
                }
            }
        };
        match within(&*self.clock, CONNECT_TIMEOUT, handshake).await {
            Some(Ok(session)) => Ok(session),
            Some(Err(error)) => Err(error::connect_error(&self.place(database, &credentials.user), &error)),
            None => Err(Error::database("connect", self.place(database, &credentials.user), "no answer within 10 s")
                .with_hint(
                    "the tunnel is open, so the server may be overloaded, or something else listens on that port",
                )),
        }
    }

    fn place(&self, database: &str, user: &str) -> String {
        format!("{user}@{}:{}/{database}", self.host, self.port)
    }
}
