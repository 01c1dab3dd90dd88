//! Noticing that the far end takes no more data.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use adhoc_core::{BoxedStream, Clock};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A stream to an SSH server, over another SSH connection. A server reads all the time, so one that takes nothing for
/// `limit` is dead. While a write waits, russh sends no keepalives that could tell.
pub(super) struct Progress {
    inner: BoxedStream,
    clock: Arc<dyn Clock>,
    limit: Duration,
    waiting: Option<Sleep>,
}

impl Progress {
    pub(super) fn new(inner: BoxedStream, clock: Arc<dyn Clock>, limit: Duration) -> Self {
        Self { inner, clock, limit, waiting: None }
    }
}

impl AsyncRead for Progress {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl AsyncWrite for Progress {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if let Poll::Ready(written) = Pin::new(&mut self.inner).poll_write(cx, buf) {
            self.waiting = None;
            return Poll::Ready(written);
        }
        let (clock, limit) = (self.clock.clone(), self.limit);
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(async move { clock.sleep(limit).await }));
        if waiting.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use adhoc_core::SystemClock;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test(start_paused = true)]
    async fn a_write_that_gets_nowhere_fails_and_a_slow_one_does_not() {
        let (near, mut far) = tokio::io::duplex(4);
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let mut stream = Progress::new(Box::new(near), clock.clone(), Duration::from_secs(9));
        let slow_reader = async {
            for _ in 0..5 {
                clock.sleep(Duration::from_secs(8)).await;
                far.read_exact(&mut [0; 4]).await.expect("data");
            }
        };
        let (written, ()) = tokio::join!(stream.write_all(&[0; 24]), slow_reader);
        written.expect("slow, but it went");
        let error = stream.write_all(&[0; 24]).await.expect_err("nobody reads");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
