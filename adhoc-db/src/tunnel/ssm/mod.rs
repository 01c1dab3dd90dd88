//! A bastion that nobody can connect to: Systems Manager forwards the port.

mod plugin;
mod watch;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use adhoc_core::{BoxedStream, Clock, Error, Result, SecretString, Tunnel};
use async_trait::async_trait;
use tokio::sync::{Mutex, OnceCell};

use self::plugin::Forwarding;
use super::check_host;
use super::direct;
use super::lost::Guarded;

/// How long the plugin's own port may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A session as `StartSession` gives it, with what the plugin wants to know besides. `Debug` does not show the token.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SsmSession {
    /// Its id.
    pub session_id: String,
    /// Where the plugin connects to.
    pub stream_url: String,
    /// What lets it.
    pub token: SecretString,
    /// The region.
    pub region: String,
    /// The instance.
    pub target: String,
    /// The endpoint of Systems Manager; the region's own if none.
    pub endpoint: Option<String>,
}

impl SsmSession {
    /// A session on the instance `target` in `region`.
    pub fn new(
        session_id: impl Into<String>,
        stream_url: impl Into<String>,
        token: impl Into<SecretString>,
        region: impl Into<String>,
        target: impl Into<String>,
    ) -> Self {
        Self {
            session_id: session_id.into(),
            stream_url: stream_url.into(),
            token: token.into(),
            region: region.into(),
            target: target.into(),
            endpoint: None,
        }
    }

    /// Uses another endpoint than the region's own.
    #[must_use]
    pub fn with_endpoint(mut self, endpoint: impl Into<String>) -> Self {
        self.endpoint = Some(endpoint.into());
        self
    }
}

/// Starts and ends sessions of Systems Manager.
///
/// # Contract
///
/// `start` begins a session with the document `AWS-StartPortForwardingSessionToRemoteHost`, whose far end connects to `port`
/// on `host`; see <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_StartSession.html>. A cancelled
/// `start` may leave a session behind that nobody uses, which the service ends by itself. To terminate a session that has
/// ended is no error.
#[async_trait]
pub trait SsmSessions: Send + Sync {
    /// Starts a session. `local_port` is to be passed on as `localPortNumber`; 0 has the plugin choose.
    ///
    /// # Errors
    ///
    /// Any error of the core; the tunnel passes it on.
    async fn start(&self, host: &str, port: u16, local_port: u16) -> Result<SsmSession>;

    /// Ends a session.
    ///
    /// # Errors
    ///
    /// Any error of the core. The tunnel only logs it.
    async fn terminate(&self, session_id: &str) -> Result<()>;
}

/// How to call the plugin.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SsmConfig {
    /// The program; `session-manager-plugin` on the PATH unless set.
    pub program: PathBuf,
    /// The AWS profile that the plugin uses to resume a session; none by default.
    pub profile: Option<String>,
}

impl SsmConfig {
    /// The plugin on the PATH, without a profile.
    #[must_use]
    pub fn new() -> Self {
        Self { program: "session-manager-plugin".into(), profile: None }
    }

    /// Runs `program` instead.
    #[must_use]
    pub fn with_program(mut self, program: impl Into<PathBuf>) -> Self {
        self.program = program.into();
        self
    }

    /// Resumes sessions with the credentials of `profile`.
    #[must_use]
    pub fn with_profile(mut self, profile: impl Into<String>) -> Self {
        self.profile = Some(profile.into());
        self
    }
}

impl Default for SsmConfig {
    fn default() -> Self {
        Self::new()
    }
}

/// Goes through an instance under Systems Manager, which needs no inbound port and no SSH. It needs
/// [`session-manager-plugin`](https://docs.aws.amazon.com/systems-manager/latest/userguide/session-manager-working-with-install-plugin.html)
/// 1.2.497 or later on this machine, and an SSM agent 3.1.1374 or later on the instance.
///
/// The plugin opens a port on loopback, which it chooses: it has no other way. Every user of this machine can connect to it
/// while it runs. One plugin serves all the streams to the same host and port; it ends, with its session, when the tunnel
/// and all of these are dropped, or with [`close`](Self::close). The session's token is handed to it in its environment.
///
/// The plugin does not notice a dead instance. So, while a stream is open, another connection is made through it every three
/// seconds; it asks what any Postgres answers at once, whether it encrypts with GSSAPI, and no answer within six seconds fails all the
/// streams. Hence this tunnel is for Postgres only.
///
/// Whether the instance can connect to the server shows only then: one that is refused fails the first read.
#[derive(Clone)]
pub struct Ssm {
    inner: Arc<Inner>,
}

struct Inner {
    clock: Arc<dyn Clock>,
    sessions: Arc<dyn SsmSessions>,
    config: SsmConfig,
    checked: OnceCell<()>,
    forwardings: Mutex<HashMap<(String, u16), Arc<Forwarding>>>,
}

impl Ssm {
    /// A tunnel through the instance that `sessions` starts its sessions on. Nothing is started yet; clones share plugins.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, sessions: Arc<dyn SsmSessions>, config: SsmConfig) -> Self {
        let (checked, forwardings) = Default::default();
        Self { inner: Arc::new(Inner { clock, sessions, config, checked, forwardings }) }
    }

    /// Ends every plugin and its session, and so every stream, and waits for it. A command calls this before it exits: what
    /// is merely dropped then may be left to the service's idle time-out.
    pub async fn close(&self) {
        let forwardings: Vec<_> = self.inner.forwardings.lock().await.drain().map(|(_, value)| value).collect();
        for forwarding in forwardings {
            forwarding.close().await;
        }
    }

    async fn forwarding(&self, host: &str, port: u16) -> Result<Arc<Forwarding>> {
        let inner = &*self.inner;
        inner.checked.get_or_try_init(|| plugin::check_version(&*inner.clock, &inner.config)).await?;
        let mut forwardings = inner.forwardings.lock().await;
        let key = (host.to_owned(), port);
        if let Some(forwarding) = forwardings.get(&key).filter(|forwarding| !forwarding.lost().has_ended()) {
            return Ok(forwarding.clone());
        }
        let started = Forwarding::start(inner.clock.clone(), inner.sessions.clone(), &inner.config, host, port).await?;
        forwardings.insert(key, started.clone());
        Ok(started)
    }
}

#[async_trait]
impl Tunnel for Ssm {
    async fn open(&self, host: &str, port: u16) -> Result<BoxedStream> {
        check_host(host)?;
        let forwarding = self.forwarding(host, port).await?;
        let clock = &*self.inner.clock;
        let socket =
            direct::connect(clock, "localhost", forwarding.port(), CONNECT_TIMEOUT).await.map_err(|error| {
                let reason = forwarding.lost().reason().map_or_else(|| error.to_string(), str::to_owned);
                Error::database("ssm", format!("{host}:{port}"), format!("the plugin's port does not answer: {reason}"))
                    .with_hint("run the same command again")
            })?;
        let lost = forwarding.lost().clone();
        let stream = forwarding.stream();
        let (closed, said) = (format!("the instance cannot connect to {host}:{port}"), stream.output());
        let explain = move || match said.text() {
            said if said.is_empty() => closed.clone(),
            said => format!("{closed}; the plugin says: {said}"),
        };
        Ok(Box::new(Guarded::new(Box::new(socket), lost).keeping(stream).explaining(explain)))
    }
}
