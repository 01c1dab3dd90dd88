//! One SSH connection, and the streams through it.

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use adhoc_core::{BoxedStream, Clock, Error, Result, within};
use russh::client::{Config, DisconnectReason, Handle, Handler, connect_stream};
use russh::keys::{Algorithm, EcdsaCurve, HashAlg, PublicKeyOrCertificate};
use russh::{ChannelOpenFailure, Preferred, SshId, cipher, compression};

use super::authenticate::Attempt;
use super::config::{Authentication, Hop};
use super::host_keys::HostKeys;
use crate::tunnel::lost::{Guarded, Lost};

/// How long the hosts may take to agree on keys.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a log-in may take. An agent may have to ask its user.
const LOG_IN_TIMEOUT: Duration = Duration::from_secs(30);
/// How long the bastion may take to connect to the server.
const OPEN_TIMEOUT: Duration = Duration::from_secs(10);
/// After this much silence the server is asked whether it is there; after three times as much it is given up.
const KEEPALIVE: Duration = Duration::from_secs(3);

/// The kinds of host keys that are asked for. RSA with SHA-1 is not.
const HOST_KEYS: [Algorithm; 6] = [
    Algorithm::Ed25519,
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 },
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP384 },
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP521 },
    Algorithm::Rsa { hash: Some(HashAlg::Sha512) },
    Algorithm::Rsa { hash: Some(HashAlg::Sha256) },
];

/// Fastest first, as measured with ring.
const CIPHERS: [cipher::Name; 6] = [
    cipher::AES_128_GCM,
    cipher::AES_256_GCM,
    cipher::CHACHA20_POLY1305,
    cipher::AES_256_CTR,
    cipher::AES_192_CTR,
    cipher::AES_128_CTR,
];

/// An SSH connection that is logged in. It lives as long as this or a stream through it does.
pub(super) struct Connection {
    handle: Arc<Handle<Client>>,
    hop: Hop,
    lost: Lost,
}

impl Connection {
    /// Shakes hands over `stream`, lets the host prove itself, and logs in.
    pub(super) async fn establish(
        clock: &dyn Clock,
        stream: BoxedStream,
        hop: &Hop,
        host_keys: HostKeys,
        methods: &[Authentication],
    ) -> Result<Self> {
        let failed = |reason: String| Error::database("ssh", hop.to_string(), reason);
        let config = Arc::new(client_config(&host_keys));
        let lost = Lost::default();
        let client = Client { hop: hop.clone(), host_keys, lost: lost.clone() };
        let shaking = connect_stream(config, stream, client);
        let mut handle = match within(clock, HANDSHAKE_TIMEOUT, shaking).await {
            Some(Ok(handle)) => handle,
            Some(Err(Failure::HostKey(error))) => return Err(error),
            Some(Err(Failure::Protocol(error))) => {
                return Err(failed(format!("no SSH connection: {}", reason(&error)))
                    .with_hint(format!("is {} an SSH server, and may this machine use it?", hop.role())));
            }
            None => {
                return Err(failed(format!("{} accepts connections and says nothing", hop.role()))
                    .with_hint("it may be overloaded, or something else listens on that port"));
            }
        };
        match within(clock, LOG_IN_TIMEOUT, Attempt::new(&mut handle, hop).log_in(methods)).await {
            Some(result) => result?,
            None => {
                return Err(failed("logging in took longer than 30 s".to_owned())
                    .with_hint("does the agent or a security token wait for you? Or the host is overloaded"));
            }
        }
        Ok(Self { handle: Arc::new(handle), hop: hop.clone(), lost })
    }

    pub(super) fn has_ended(&self) -> bool {
        self.handle.is_closed() || self.lost.has_ended()
    }

    /// Opens a stream to `port` on `host`, as that host sees it.
    pub(super) async fn open(&self, clock: &dyn Clock, host: &str, port: u16) -> Result<BoxedStream> {
        let (handle, lost, name) = (self.handle.clone(), self.lost.clone(), host.to_owned());
        // A task of its own, so that a stream that opens after nobody waits for it any more is closed again.
        let opening = tokio::spawn(async move {
            let channel = handle.channel_open_direct_tcpip(name, u32::from(port), "127.0.0.1", 0).await?;
            Ok(Guarded::new(Box::new(channel.into_stream()), lost))
        });
        match within(clock, OPEN_TIMEOUT, opening).await {
            Some(Ok(Ok(stream))) => Ok(Box::new(stream)),
            Some(Ok(Err(error))) => Err(self.not_opened(&error, host, port)),
            Some(Err(error)) => Err(Error::internal("ssh", self.hop.to_string(), error.to_string())),
            None => Err(self
                .failed(format!("{} gets no answer from {host}:{port} within 10 s", self.hop.role()))
                .with_hint("the server's security group must let the bastion in, and the port must be right")),
        }
    }

    fn failed(&self, reason: String) -> Error {
        Error::database("ssh", self.hop.to_string(), reason)
    }

    fn not_opened(&self, error: &russh::Error, host: &str, port: u16) -> Error {
        let role = self.hop.role();
        match error {
            russh::Error::ChannelOpenFailure(ChannelOpenFailure::AdministrativelyProhibited) => self
                .failed(format!("{role} does not forward to {host}:{port}: administratively prohibited"))
                .with_hint(format!(
                    "its sshd_config needs `AllowTcpForwarding local`, and where it has `PermitOpen`, `{host}:{port}` there"
                )),
            russh::Error::ChannelOpenFailure(ChannelOpenFailure::ConnectFailed) => self
                .failed(format!("{role} cannot connect to {host}:{port}: it is refused, or the name is unknown there"))
                .with_hint("check host and port of the server, and that its security group lets the bastion in"),
            russh::Error::ChannelOpenFailure(other) => {
                self.failed(format!("{role} opens no stream to {host}:{port}: {}", other.description().to_lowercase()))
                    .with_hint("the bastion may have reached a limit; try again")
            }
            error => {
                let reason = self.lost.reason().map_or_else(|| lost_reason(&self.hop, &reason(error)), str::to_owned);
                self.failed(reason).with_hint("the same command may work again, once the bastion is back")
            }
        }
    }
}

fn client_config(host_keys: &HostKeys) -> Config {
    Config {
        client_id: SshId::Standard(Cow::Borrowed(concat!("SSH-2.0-adhoc_", env!("CARGO_PKG_VERSION")))),
        preferred: Preferred {
            key: Cow::Owned(host_keys.preferred(&HOST_KEYS)),
            cipher: Cow::Borrowed(&CIPHERS),
            compression: Cow::Borrowed(&[compression::NONE]),
            ..Preferred::DEFAULT
        },
        keepalive_interval: Some(KEEPALIVE),
        keepalive_max: 2,
        // A distant bastion sends no more than this in one round trip.
        window_size: 8 << 20,
        // What a stream's reader has not taken yet waits here; beyond that the whole connection waits.
        channel_buffer_size: 1024,
        ..Config::default()
    }
}

/// What russh asks and tells during a connection.
pub(super) struct Client {
    hop: Hop,
    host_keys: HostKeys,
    lost: Lost,
}

/// Why a handshake failed.
pub(super) enum Failure {
    Protocol(russh::Error),
    HostKey(Error),
}

impl From<russh::Error> for Failure {
    fn from(error: russh::Error) -> Self {
        Self::Protocol(error)
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason())
    }
}

impl Failure {
    fn reason(&self) -> String {
        match self {
            Self::Protocol(error) => reason(error),
            Self::HostKey(error) => error.to_string(),
        }
    }
}

impl Handler for Client {
    type Error = Failure;

    async fn check_server_key(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, Failure> {
        match shown {
            PublicKeyOrCertificate::PublicKey { key, .. } => {
                self.host_keys.check(key).map(|()| true).map_err(Failure::HostKey)
            }
            // None was asked for.
            PublicKeyOrCertificate::Certificate(_) => Ok(false),
        }
    }

    async fn disconnected(&mut self, why: DisconnectReason<Failure>) -> Result<(), Failure> {
        let reason = match &why {
            DisconnectReason::ReceivedDisconnect(info) => {
                format!("it ended the connection: {}", one_line(&info.message))
            }
            DisconnectReason::Error(error) => error.reason(),
        };
        tracing::debug!(hop = %self.hop, reason, "SSH connection ended");
        self.lost.fail(lost_reason(&self.hop, &reason));
        match why {
            DisconnectReason::ReceivedDisconnect(_) => Ok(()),
            DisconnectReason::Error(error) => Err(error),
        }
    }
}

fn lost_reason(hop: &Hop, reason: &str) -> String {
    format!("the connection to {} {hop} was lost: {reason}", hop.role())
}

/// The library's error as a fragment of a sentence about the host.
fn reason(error: &russh::Error) -> String {
    use russh::Error as E;
    match error {
        E::KeepaliveTimeout | E::InactivityTimeout | E::ConnectionTimeout => "it no longer answers".to_owned(),
        E::HUP | E::Disconnect | E::SendError | E::RecvError => "it closed the connection".to_owned(),
        E::Version => "it does not speak SSH".to_owned(),
        E::NoCommonAlgo { kind, theirs, .. } => {
            format!("there is no {kind:?} algorithm in common; it offers {}", one_line(&theirs.join(", ")))
        }
        E::IO(error) => match error.kind() {
            io::ErrorKind::TimedOut => "it no longer answers".to_owned(),
            io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
                "it closed the connection".to_owned()
            }
            _ => one_line(&error.to_string()),
        },
        other => one_line(&other.to_string()).to_lowercase(),
    }
}

/// What came from elsewhere, without line ends and control characters.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect::<String>().trim().to_owned()
}
