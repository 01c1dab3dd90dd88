//! No tunnel at all.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use adhoc_core::{BoxedStream, Clock, Error, Result, Tunnel, within};
use async_trait::async_trait;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::check_host;

/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the other side may leave unanswered what was sent to it.
const SILENCE: Duration = Duration::from_secs(9);
/// The same, where more is to be sent than the other side takes. The system counts a server that is busy and reads nothing
/// as silent, although it answers probes; one that loads data may well pause for longer than nine seconds.
const STALL: Duration = Duration::from_secs(60);

/// Connects straight to the server, from inside its network or over a VPN.
///
/// A server that has gone silent is noticed within ten seconds; in the middle of a bulk upload, where it cannot be told from
/// one that is busy, within a minute.
#[derive(Clone)]
pub struct Direct {
    clock: Arc<dyn Clock>,
}

impl Direct {
    /// No tunnel.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock }
    }
}

#[async_trait]
impl Tunnel for Direct {
    async fn open(&self, host: &str, port: u16) -> Result<BoxedStream> {
        check_host(host)?;
        let stream = connect(&*self.clock, host, port, CONNECT_TIMEOUT).await.map_err(|error| {
            Error::database("connect", format!("{host}:{port}"), error.to_string())
                .with_hint("`bastion = \"direct\"` needs a route to the server: a VPN, or `bastion = \"ssh\"`")
        })?;
        Ok(Box::new(Socket { stream, stalled: false }))
    }
}

/// Connects, and has the system notice a peer that has gone silent within ten seconds.
pub(super) async fn connect(clock: &dyn Clock, host: &str, port: u16, limit: Duration) -> io::Result<TcpStream> {
    let late = || io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {} s", limit.as_secs()));
    let stream = within(clock, limit, TcpStream::connect((host, port))).await.unwrap_or_else(|| Err(late()));
    let stream = stream.map_err(plain)?;
    stream.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new().with_time(Duration::from_secs(3)).with_interval(Duration::from_secs(2));
    SockRef::from(&stream).set_tcp_keepalive(&keepalive.with_retries(3))?;
    limit_silence(&stream, SILENCE);
    Ok(stream)
}

/// The error without the number that the system adds to it.
fn plain(error: io::Error) -> io::Error {
    let text = match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => "there is no route to it".to_owned(),
        io::ErrorKind::TimedOut => return error,
        _ => {
            let text = error.to_string();
            text.split(" (os error").next().unwrap_or_default().to_lowercase()
        }
    };
    io::Error::new(error.kind(), text)
}

/// Where the system can (Linux), limits how long what was sent may go unanswered.
fn limit_silence(stream: &TcpStream, limit: Duration) {
    #[cfg(target_os = "linux")]
    if let Err(error) = SockRef::from(stream).set_tcp_user_timeout(Some(limit)) {
        tracing::debug!(%error, "no TCP_USER_TIMEOUT");
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (stream, limit);
}

/// A socket that is more patient while it has more to send than the other side takes.
struct Socket {
    stream: TcpStream,
    stalled: bool,
}

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        // An answer means that the other side has caught up.
        if self.stalled && matches!(polled, Poll::Ready(Ok(()))) {
            self.stalled = false;
            limit_silence(&self.stream, SILENCE);
        }
        polled
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, buf);
        if !self.stalled && polled.is_pending() {
            self.stalled = true;
            limit_silence(&self.stream, STALL);
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
