//! A bastion, spoken to by this program itself.

mod authenticate;
mod config;
mod connection;
mod host_keys;
mod keys;
mod progress;

use std::sync::Arc;
use std::time::Duration;

use adhoc_core::{BoxedStream, Clock, Error, Result, Tunnel};
use async_trait::async_trait;
use tokio::sync::Mutex;

pub use self::config::{Authentication, HostKeyPolicy, JumpHost, KeyPusher, SshConfig};

use self::config::Hop;
use self::connection::Connection;
use self::host_keys::HostKeys;
use self::progress::Progress;
use super::{check_host, direct};

/// How long the first host may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a host behind a jump host may take no data.
const STALL: Duration = Duration::from_secs(9);

/// Goes through an SSH bastion, and through jump hosts before it. No process is started and no local port is opened.
///
/// The first [`open`](Tunnel::open) connects; later ones share the connection, and a lost one is made anew. It carries any
/// number of streams. One whose data nobody reads holds up the others once some 30 MB have piled up: whoever copies from one
/// stream to another gives each a connection of its own, see [`separate`](Self::separate).
///
/// A host key is checked against `known_hosts` files as OpenSSH does it: hashed names, wildcards, `@revoked`, ports. Host
/// certificates are not asked for. A bastion that has gone silent is given up after nine seconds.
#[derive(Clone)]
pub struct Ssh {
    clock: Arc<dyn Clock>,
    config: Arc<SshConfig>,
    connection: Arc<Mutex<Option<Arc<Connection>>>>,
}

impl Ssh {
    /// A tunnel through the bastion of `config`. Nothing is connected yet; clones share the connection.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, config: SshConfig) -> Self {
        Self { clock, config: Arc::new(config), connection: Arc::default() }
    }

    /// The same way, over a connection of its own.
    #[must_use]
    pub fn separate(&self) -> Self {
        Self { connection: Arc::default(), ..self.clone() }
    }

    /// The connection, and whether it was made just now.
    async fn connection(&self) -> Result<(Arc<Connection>, bool)> {
        let mut shared = self.connection.lock().await;
        if let Some(connection) = shared.as_ref().filter(|connection| !connection.has_ended()) {
            return Ok((connection.clone(), false));
        }
        let connection = Arc::new(self.connect().await?);
        *shared = Some(connection.clone());
        Ok((connection, true))
    }

    /// Connects to one hop after the other, each through the one before.
    async fn connect(&self) -> Result<Connection> {
        self.config.check()?;
        let mut last: Option<Connection> = None;
        for hop in self.config.hops() {
            let host_keys = HostKeys::read(&hop, &self.config.known_hosts, self.config.host_key_policy)?;
            let stream = self.reach(last.as_ref(), &hop).await?;
            let methods = &self.config.authentication;
            last = Some(Connection::establish(&*self.clock, stream, &hop, host_keys, methods).await?);
        }
        last.ok_or_else(|| Error::internal("ssh", self.config.host.clone(), "no hop"))
    }

    /// A stream to the SSH server of `hop`.
    async fn reach(&self, last: Option<&Connection>, hop: &Hop) -> Result<BoxedStream> {
        if let Some(last) = last {
            let stream = last.open(&*self.clock, &hop.host, hop.port).await?;
            return Ok(Box::new(Progress::new(stream, self.clock.clone(), STALL)));
        }
        let stream = direct::connect(&*self.clock, &hop.host, hop.port, CONNECT_TIMEOUT).await.map_err(|error| {
            Error::database("ssh", hop.to_string(), format!("{} cannot be reached: {error}", hop.role()))
                .with_hint("check its name and port, that it runs, and that its security group lets this machine in")
        })?;
        Ok(Box::new(stream))
    }
}

#[async_trait]
impl Tunnel for Ssh {
    async fn open(&self, host: &str, port: u16) -> Result<BoxedStream> {
        check_host(host)?;
        let (connection, is_new) = self.connection().await?;
        match connection.open(&*self.clock, host, port).await {
            // It had gone and nobody had noticed.
            Err(_) if !is_new && connection.has_ended() => {
                self.connection().await?.0.open(&*self.clock, host, port).await
            }
            result => result,
        }
    }
}
