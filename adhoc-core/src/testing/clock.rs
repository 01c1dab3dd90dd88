use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::Clock;
use crate::clock::advance;

/// A clock that begins at 2026-01-01T00:00:00Z and follows tokio's, which `#[tokio::test(start_paused = true)]` stops:
/// a sleep then takes no real time, and time moves only when every task waits.
#[derive(Debug, Clone)]
pub struct ManualClock {
    started: tokio::time::Instant,
}

impl ManualClock {
    /// A clock at its beginning.
    #[must_use]
    pub fn new() -> Self {
        Self { started: tokio::time::Instant::now() }
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        let beginning = Timestamp::from_second(1_767_225_600).unwrap_or(Timestamp::UNIX_EPOCH);
        advance(beginning, self.started.elapsed())
    }

    #[expect(clippy::disallowed_methods, reason = "a clock is where sleeping happens")]
    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}
