//! A port on loopback, for a program that can connect to nothing else.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use adhoc_core::{Error, Result, Tunnel};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// A port on 127.0.0.1 behind which a tunnel begins; see [`listen`].
pub struct Listener {
    listener: TcpListener,
    address: SocketAddr,
    tunnel: Arc<dyn Tunnel>,
    host: String,
    port: u16,
}

/// Listens on `local_port` of 127.0.0.1, or on a free port if it is 0. Nothing is accepted before
/// [`Listener::forward`] runs.
///
/// Every user of this machine can connect to that port, so it is for those who ask for it; all else goes through
/// [`Tunnel::open`].
///
/// # Errors
///
/// [`Error::Database`] if the port is taken.
pub async fn listen(tunnel: Arc<dyn Tunnel>, host: impl Into<String>, port: u16, local_port: u16) -> Result<Listener> {
    let failed = |error: io::Error| {
        let reason = match error.kind() {
            io::ErrorKind::AddrInUse => "the port is taken".to_owned(),
            io::ErrorKind::PermissionDenied => "ports below 1024 are for the administrator".to_owned(),
            _ => error.to_string(),
        };
        Error::database("listen", format!("127.0.0.1:{local_port}"), reason)
            .with_hint("choose another local port, or 0 for any that is free")
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, local_port)).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok(Listener { listener, address, tunnel, host: host.into(), port })
}

impl Listener {
    /// The address it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Forwards every connection through the tunnel, until `cancellation` is cancelled; then it closes them all. Dropping
    /// the future does the same.
    ///
    /// # Errors
    ///
    /// That of the first connection, if the tunnel opens none for it: what is wrong there will be wrong for the next ones.
    /// Later failures only close the connection that they concern.
    pub async fn forward(self, cancellation: &CancellationToken) -> Result<()> {
        let mut connections = JoinSet::new();
        let opened = Arc::new(AtomicBool::new(false));
        loop {
            let accepted = tokio::select! {
                () = cancellation.cancelled() => return Ok(()),
                Some(ended) = connections.join_next(), if !connections.is_empty() => {
                    match ended {
                        Ok(Err(error)) if !opened.load(Ordering::Relaxed) => return Err(error),
                        Ok(Err(error)) => tracing::warn!(%error, "a forwarded connection failed"),
                        Ok(Ok(())) => {}
                        Err(error) => tracing::debug!(%error, "a forwarded connection ended"),
                    }
                    continue;
                }
                accepted = self.listener.accept() => accepted,
            };
            match accepted {
                Ok((socket, _)) => {
                    let tunnel = self.tunnel.clone();
                    connections.spawn(carry(tunnel, self.host.clone(), self.port, socket, opened.clone()));
                }
                // The connection went away before it was accepted.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => return Err(Error::database("listen", self.address.to_string(), error.to_string())),
            }
        }
    }
}

/// Carries one connection. That it breaks in the middle is for its two ends to see.
async fn carry(
    tunnel: Arc<dyn Tunnel>,
    host: String,
    port: u16,
    mut socket: TcpStream,
    opened: Arc<AtomicBool>,
) -> Result<()> {
    let mut stream = tunnel.open(&host, port).await?;
    opened.store(true, Ordering::Relaxed);
    let _ = socket.set_nodelay(true);
    if let Err(error) = copy_bidirectional(&mut socket, &mut stream).await {
        tracing::debug!(%error, "a forwarded connection broke");
    }
    Ok(())
}
