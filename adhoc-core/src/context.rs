//! What every operation is given: a clock, a sink for events, and a way to be cancelled.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::clock::between;
use crate::{Clock, Error, Event, EventRecord, EventSink, Result};

/// How long a cancelled step may take to end by itself.
const CANCEL_GRACE: Duration = Duration::from_secs(5);

const INTERRUPTED: &str = "interrupted";
const CUT_OFF: &str = "interrupted in the middle of a request";

/// The surroundings of a pipeline. Cheap to clone; clones share clock, events and cancellation.
#[derive(Clone)]
pub struct Context {
    clock: Arc<dyn Clock>,
    events: Arc<dyn EventSink>,
    cancellation: CancellationToken,
    started: Timestamp,
}

impl Context {
    /// A context that begins now.
    pub fn new(clock: Arc<dyn Clock>, events: Arc<dyn EventSink>) -> Self {
        let started = clock.now();
        Self { clock, events, cancellation: CancellationToken::new(), started }
    }

    /// Uses `token`, which the caller cancels.
    #[must_use]
    pub fn with_cancellation(mut self, token: CancellationToken) -> Self {
        self.cancellation = token;
        self
    }

    /// The same sink and cancellation for a pipeline that begins now, on `clock`.
    #[must_use]
    pub fn restarted(&self, clock: Arc<dyn Clock>) -> Self {
        Self::new(clock, self.events.clone()).with_cancellation(self.cancellation.clone())
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// The token whose cancellation ends every step.
    #[must_use]
    pub fn cancellation(&self) -> &CancellationToken {
        &self.cancellation
    }

    /// How long ago `moment` was.
    #[must_use]
    pub fn since(&self, moment: Timestamp) -> Duration {
        between(moment, self.clock.now())
    }

    /// Emits an event, stamped with the present time.
    pub fn emit(&self, event: Event) {
        let ts = self.clock.now();
        self.events.emit(&EventRecord::new(ts, millis(between(self.started, ts)), event));
    }

    /// Emits a [`Event::Hint`].
    pub fn hint(&self, message: impl Into<String>) {
        self.emit(Event::Hint { message: message.into() });
    }

    /// Runs `work` as the step `name`: emits its start and exactly one end, ends it when the context is cancelled, and names
    /// the step in its error.
    ///
    /// # Errors
    ///
    /// Those of `work`, or [`Error::Cancelled`]. A cancelled step has five seconds to end by itself, so that a request under
    /// way is not cut off and a wait can say what it leaves behind; then it is dropped where it stands.
    pub async fn step<T>(&self, name: &str, work: impl Future<Output = Result<T>>) -> Result<T> {
        self.emit(Event::StepStarted { step: name.to_owned() });
        let mut open = OpenStep { context: self, name, started: self.clock.now(), closed: false };
        // On the heap: a pipeline's steps would otherwise lie on the stack one within the other.
        let result = self.race(Box::pin(work), CANCEL_GRACE).await;
        let cut_off = matches!(&result, Err(Error::Cancelled(detail)) if detail.reason == CUT_OFF);
        let result = result.map_err(|error| match cut_off {
            true => error.with_left_behind(format!("step {name} was cut off: what it had asked for may still happen")),
            false => error,
        });
        open.close(result.as_ref().err().map(|error| error.chain().join(": ")));
        result.map_err(|error| error.in_step(name))
    }

    /// Runs `work` as the step `name`, as [`step`](Self::step) does, but never drops it: `work` watches the cancellation
    /// itself, and ends in good order however long that takes. For what would lose something if it were cut off.
    ///
    /// # Errors
    ///
    /// Those of `work`, or [`Error::Cancelled`] if the context was cancelled before.
    pub async fn step_to_its_end<T>(&self, name: &str, work: impl Future<Output = Result<T>>) -> Result<T> {
        self.emit(Event::StepStarted { step: name.to_owned() });
        let mut open = OpenStep { context: self, name, started: self.clock.now(), closed: false };
        let result = match self.ensure_not_cancelled() {
            Ok(()) => Box::pin(work).await,
            Err(error) => Err(error),
        };
        open.close(result.as_ref().err().map(|error| error.chain().join(": ")));
        result.map_err(|error| error.in_step(name))
    }

    /// Runs `work` unless the context is cancelled, and drops it at once when it is: for what changes nothing.
    ///
    /// # Errors
    ///
    /// Those of `work`, or [`Error::Cancelled`].
    pub async fn unless_cancelled<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        self.race(work, Duration::ZERO).await
    }

    /// To be asked before each change.
    ///
    /// # Errors
    ///
    /// [`Error::Cancelled`] once the context is cancelled.
    pub fn ensure_not_cancelled(&self) -> Result<()> {
        if self.cancellation.is_cancelled() { Err(interrupted()) } else { Ok(()) }
    }

    async fn race<T>(&self, work: impl Future<Output = Result<T>>, grace: Duration) -> Result<T> {
        self.ensure_not_cancelled()?;
        let cancelled = async {
            self.cancellation.cancelled().await;
            if !grace.is_zero() {
                self.clock.sleep(grace).await;
            }
        };
        tokio::select! {
            // The work first: what has ended has ended, cancelled or not.
            biased;
            result = work => result,
            () = cancelled => Err(Error::cancelled("", "", if grace.is_zero() { INTERRUPTED } else { CUT_OFF })),
        }
    }
}

fn interrupted() -> Error {
    Error::cancelled("", "", INTERRUPTED)
}

/// A started step; dropping it unfinished still reports an end.
struct OpenStep<'a> {
    context: &'a Context,
    name: &'a str,
    started: Timestamp,
    closed: bool,
}

impl OpenStep<'_> {
    fn close(&mut self, error: Option<String>) {
        self.closed = true;
        let step = self.name.to_owned();
        let duration_ms = millis(self.context.since(self.started));
        self.context.emit(match error {
            None => Event::StepFinished { step, duration_ms },
            Some(error) => Event::StepFailed { step, duration_ms, error },
        });
    }
}

impl Drop for OpenStep<'_> {
    fn drop(&mut self) {
        if !self.closed {
            self.close(Some("abandoned".to_owned()));
        }
    }
}

pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{ManualClock, RecordingSink};

    fn context() -> (Context, Arc<RecordingSink>) {
        let sink = Arc::new(RecordingSink::default());
        (Context::new(Arc::new(ManualClock::new()), sink.clone()), sink)
    }

    #[tokio::test(start_paused = true)]
    async fn cancelling_ends_a_step_with_one_failure() {
        let (cx, sink) = context();
        let endless = async {
            cx.cancellation().cancel();
            std::future::pending::<Result<()>>().await
        };
        let error = cx.step("migrate", endless).await.expect_err("cancelled");
        assert!(matches!(error, Error::Cancelled(_)));
        assert_eq!(error.detail().left_behind, ["step migrate was cut off: what it had asked for may still happen"]);
        assert_eq!(sink.names(), ["step_started", "step_failed"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_cancelled_step_may_finish_the_request_under_way() {
        let (cx, _) = context();
        let request = async {
            cx.cancellation().cancel();
            cx.clock().sleep(Duration::from_secs(2)).await;
            cx.ensure_not_cancelled().map_err(|error| error.with_left_behind("what the request made"))
        };
        let error = cx.step("roll", request).await.expect_err("cancelled");
        assert_eq!(error.detail().left_behind, ["what the request made"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_step_that_watches_the_cancellation_itself_is_not_cut_off() {
        let (cx, sink) = context();
        let patient = async {
            cx.cancellation().cancel();
            cx.clock().sleep(Duration::from_secs(600)).await;
            Ok("saved")
        };
        assert_eq!(cx.step_to_its_end("apply", patient).await.expect("its own end"), "saved");
        let late = cx.step_to_its_end("apply", std::future::pending::<Result<()>>()).await;
        assert!(matches!(late, Err(Error::Cancelled(_))));
        assert_eq!(sink.names(), ["step_started", "step_finished", "step_started", "step_failed"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_dropped_step_still_ends_once() {
        let (cx, sink) = context();
        {
            let mut step = Box::pin(cx.step("roll", std::future::pending::<Result<()>>()));
            let poll = futures_poll(step.as_mut()).await;
            assert!(poll.is_none());
        }
        assert_eq!(sink.names(), ["step_started", "step_failed"]);
    }

    async fn futures_poll<F: Future>(future: std::pin::Pin<&mut F>) -> Option<F::Output> {
        tokio::select! { biased; output = future => Some(output), () = std::future::ready(()) => None }
    }
}
