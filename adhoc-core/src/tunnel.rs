//! A way to a host that cannot be reached directly.

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::Result;

/// A connection as a tunnel gives it: bytes in both directions.
pub trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + ?Sized> ByteStream for T {}

/// A [`ByteStream`] of any kind.
pub type BoxedStream = Box<dyn ByteStream>;

/// Reaches a host through something: a bastion, a port-forwarding session, or nothing at all.
///
/// # Contract
///
/// `open` gives a new connection on every call; several may be open at once. The host is looked up at the far end, so a
/// name that only resolves there is fine. Dropping the stream closes the connection; dropping the tunnel does not close
/// streams that are open. A far end that has gone silent makes reads and writes fail within ten seconds, rather than
/// never. No local port is opened, unless the implementation says so.
///
/// Cancelling `open` leaves nothing behind.
#[cfg_attr(feature = "test-util", mockall::automock)]
#[async_trait]
pub trait Tunnel: Send + Sync {
    /// Opens a connection to `port` on `host`.
    ///
    /// # Errors
    ///
    /// [`Error::Database`](crate::Error::Database) with a hint, where the way or its end refuses.
    async fn open(&self, host: &str, port: u16) -> Result<BoxedStream>;
}
