//! The end of what several streams depend on.

use std::any::Any;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use adhoc_core::BoxedStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// Whether a connection or a process has ended, and why. Clones tell of the same end.
#[derive(Debug, Clone, Default)]
pub(super) struct Lost {
    ended: CancellationToken,
    reason: Arc<OnceLock<String>>,
}

impl Lost {
    /// Says why it ended, which fails every [`Guarded`] stream. The first reason stays.
    pub(super) fn fail(&self, reason: impl Into<String>) {
        let _ = self.reason.set(reason.into());
        self.ended.cancel();
    }

    /// Says that it has ended in good order.
    pub(super) fn finish(&self) {
        self.ended.cancel();
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended.is_cancelled()
    }

    pub(super) fn reason(&self) -> Option<&str> {
        self.reason.get().map(String::as_str)
    }

    pub(super) async fn ended(&self) {
        self.ended.cancelled().await;
    }

    fn error(&self) -> Option<io::Error> {
        self.reason().map(|reason| io::Error::new(io::ErrorKind::ConnectionAborted, reason.to_owned()))
    }
}

/// A stream whose reads and writes fail, with the reason, once what carries it has failed. What had arrived before can still
/// be read.
pub(super) struct Guarded {
    inner: BoxedStream,
    lost: Lost,
    ended: Pin<Box<WaitForCancellationFutureOwned>>,
    /// Whether an end of the data has to wait until `lost` knows why.
    patient: bool,
    /// What an end before any data means.
    explain: Option<Box<dyn Fn() -> String + Send>>,
    /// What has to live as long as the stream.
    _kept: Option<Box<dyn Any + Send>>,
    /// Dropping some streams spawns a task, which must not panic where no runtime is entered.
    runtime: tokio::runtime::Handle,
}

impl Guarded {
    /// Must be called within a runtime.
    pub(super) fn new(inner: BoxedStream, lost: Lost) -> Self {
        let ended = Box::pin(lost.ended.clone().cancelled_owned());
        Self {
            inner,
            lost,
            ended,
            patient: false,
            explain: None,
            _kept: None,
            runtime: tokio::runtime::Handle::current(),
        }
    }

    /// Lets an end of the data wait until `lost` has ended too: for a process, whose exit follows the end of its output.
    pub(super) fn patient(mut self) -> Self {
        self.patient = true;
        self
    }

    /// Keeps `what` as long as the stream lives.
    pub(super) fn keeping(mut self, what: impl Any + Send) -> Self {
        self._kept = Some(Box::new(what));
        self
    }

    /// Has an end before any data fail, for the reason that `explain` gives.
    pub(super) fn explaining(mut self, explain: impl Fn() -> String + Send + 'static) -> Self {
        self.explain = Some(Box::new(explain));
        self
    }

    /// Why the stream ends here, if that is known or becomes known in time.
    fn poll_error(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Error>> {
        if self.lost.has_ended() || self.ended.as_mut().poll(cx).is_ready() {
            return Poll::Ready(self.lost.error());
        }
        Poll::Pending
    }

    /// The result of a write, which fails with the reason where there is one.
    fn judge<T>(&mut self, cx: &mut Context<'_>, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        match polled {
            Poll::Ready(Err(error)) => match self.poll_error(cx) {
                Poll::Ready(reason) => Poll::Ready(Err(reason.unwrap_or(error))),
                Poll::Pending if self.patient => Poll::Pending,
                Poll::Pending => Poll::Ready(Err(error)),
            },
            Poll::Pending => match self.poll_error(cx) {
                Poll::Ready(Some(error)) => Poll::Ready(Err(error)),
                _ => Poll::Pending,
            },
            ready => ready,
        }
    }
}

impl AsyncRead for Guarded {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let (before, room) = (buf.filled().len(), buf.remaining());
        let polled = Pin::new(&mut self.inner).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.explain = None;
        }
        if !matches!(polled, Poll::Ready(Ok(()))) || buf.filled().len() > before || room == 0 {
            return self.judge(cx, polled);
        }
        match (self.poll_error(cx), &self.explain) {
            (Poll::Ready(Some(error)), _) => Poll::Ready(Err(error)),
            (Poll::Pending, _) if self.patient => Poll::Pending,
            (_, Some(explain)) => Poll::Ready(Err(io::Error::new(io::ErrorKind::ConnectionRefused, explain()))),
            _ => Poll::Ready(Ok(())),
        }
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if buf.is_empty() {
            return Poll::Ready(Ok(0));
        }
        if self.lost.has_ended()
            && let Some(error) = self.lost.error()
        {
            return Poll::Ready(Err(error));
        }
        let polled = Pin::new(&mut self.inner).poll_write(cx, buf);
        self.judge(cx, polled)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.inner).poll_flush(cx);
        self.judge(cx, polled)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // There is nothing left to shut down, and trying might wait for ever.
        if self.lost.has_ended() {
            return Poll::Ready(Ok(()));
        }
        let polled = Pin::new(&mut self.inner).poll_shutdown(cx);
        self.judge(cx, polled)
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        let _entered = self.runtime.enter();
        self.inner = Box::new(tokio::io::empty());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn what_had_arrived_is_read_before_the_reason() {
        let (near, mut far) = tokio::io::duplex(64);
        let lost = Lost::default();
        let mut stream = Guarded::new(Box::new(near), lost.clone());
        far.write_all(b"hello").await.expect("written");
        lost.fail("the bastion has gone away");
        let mut buffer = [0; 5];
        stream.read_exact(&mut buffer).await.expect("the data");
        let error = stream.read(&mut buffer).await.expect_err("lost");
        assert_eq!(error.to_string(), "the bastion has gone away");
        assert_eq!(stream.write(b"x").await.expect_err("lost").to_string(), "the bastion has gone away");
    }

    #[tokio::test]
    async fn a_read_and_a_write_under_way_fail_too() {
        let (near, _far) = tokio::io::duplex(4);
        let lost = Lost::default();
        let (mut reader, mut writer) = tokio::io::split(Guarded::new(Box::new(near), lost.clone()));
        let mut buffer = [0; 5];
        let (read, written, ()) =
            tokio::join!(reader.read(&mut buffer), writer.write_all(b"more than fits"), async { lost.fail("gone") });
        assert!(read.is_err() && written.is_err());
    }

    #[tokio::test]
    async fn an_end_in_good_order_is_an_end() {
        let (near, far) = tokio::io::duplex(64);
        let lost = Lost::default();
        let mut stream = Guarded::new(Box::new(near), lost.clone()).patient();
        drop(far);
        lost.finish();
        assert_eq!(stream.read(&mut [0; 4]).await.expect("the end"), 0);
    }
}
