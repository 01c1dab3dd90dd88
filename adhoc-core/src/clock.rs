//! Time, behind a trait, so that nothing else asks the machine for it.

use std::future::Future;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

/// Where time comes from.
///
/// # Contract
///
/// `now` never goes backwards within one value of the implementation. `sleep` returns once `now` has advanced by at
/// least `duration`; dropping its future cancels the sleep and leaves nothing behind.
#[async_trait]
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> Timestamp;

    /// Waits for `duration`.
    async fn sleep(&self, duration: Duration);
}

/// The machine's clock: wall time when it was made, advanced monotonically, so that a step of the wall clock in the
/// middle of an update does not move a deadline.
#[derive(Debug, Clone)]
pub struct SystemClock {
    wall: Timestamp,
    started: tokio::time::Instant,
}

impl SystemClock {
    /// A clock that starts at the machine's present wall time.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks the machine for the time")]
    pub fn new() -> Self {
        Self { wall: Timestamp::now(), started: tokio::time::Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        advance(self.wall, self.started.elapsed())
    }

    #[expect(clippy::disallowed_methods, reason = "this is the one place that sleeps")]
    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// The output of `work`, or nothing if it takes longer than `limit`; it is then dropped where it stands.
pub async fn within<T>(clock: &dyn Clock, limit: Duration, work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        // The work first: what has ended in time has ended.
        biased;
        output = work => Some(output),
        () = clock.sleep(limit) => None,
    }
}

/// `base` plus `elapsed`, held at the end of time instead of overflowing.
pub(crate) fn advance(base: Timestamp, elapsed: Duration) -> Timestamp {
    base.checked_add(elapsed).unwrap_or(Timestamp::MAX)
}

/// How much later `to` is than `from`; zero when it is not later.
pub(crate) fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}
