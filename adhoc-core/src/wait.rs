//! One way to wait: poll a probe until a pure condition holds, fails, or the deadline passes.

use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use crate::clock::between;
use crate::context::millis;
use crate::{Context, Error, Event, Result};

/// What a condition says about an observation.
#[derive(Debug)]
#[non_exhaustive]
pub enum Check {
    /// It holds.
    Ready,
    /// Not yet, and what is missing.
    NotYet(String),
    /// It will never hold.
    Failed(Error),
}

/// A pure question about an observed state. Names read as facts: `service_stable`, `task_stopped`.
///
/// # Contract
///
/// `check` has no side effects. `None` means that the observed thing is not there (yet).
pub trait Condition<T: ?Sized>: Send + Sync {
    /// Judges one observation.
    fn check(&self, observed: Option<&T>) -> Check;
}

impl<T: ?Sized, F: Fn(Option<&T>) -> Check + Send + Sync> Condition<T> for F {
    fn check(&self, observed: Option<&T>) -> Check {
        self(observed)
    }
}

/// How to wait.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct WaitConfig {
    /// What is awaited, for people.
    pub waiting_for: String,
    /// How long to wait at the most. Default 30 minutes.
    pub timeout: Duration,
    /// The shortest pause between polls. Default 100 ms; a pause is a quarter of the time waited so far, so that an end is seen
    /// at most a quarter late.
    pub shortest_pause: Duration,
    /// The longest pause. Default 5 s.
    pub longest_pause: Duration,
    /// How long the observed thing may be absent before that is an error (eventual consistency). Default 60 s.
    pub absence_grace: Duration,
    /// How many polls in a row may fail with a retryable error. Default 5.
    pub tolerated_failures: u32,
}

impl WaitConfig {
    /// Defaults, waiting for `waiting_for`.
    pub fn new(waiting_for: impl Into<String>) -> Self {
        Self {
            waiting_for: waiting_for.into(),
            timeout: Duration::from_secs(30 * 60),
            shortest_pause: Duration::from_millis(100),
            longest_pause: Duration::from_secs(5),
            absence_grace: Duration::from_secs(60),
            tolerated_failures: 5,
        }
    }

    /// Sets the deadline.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets the shortest and the longest pause between polls.
    #[must_use]
    pub fn with_pauses(mut self, shortest: Duration, longest: Duration) -> Self {
        self.shortest_pause = shortest;
        self.longest_pause = longest;
        self
    }

    /// Sets how long the observed thing may be absent.
    #[must_use]
    pub fn with_absence_grace(mut self, grace: Duration) -> Self {
        self.absence_grace = grace;
        self
    }
}

/// Polls `probe` until `condition` is ready, and gives back the observation that made it so.
///
/// Emits [`Event::WaitProgress`] whenever what is missing changes. Pauses grow from `shortest_pause` to `longest_pause` and
/// are jittered by a fifth, so that many waits do not poll in step.
///
/// # Errors
///
/// The condition's own failure; [`Error::Timeout`] with how long it waited and what was missing last;
/// [`Error::NotFound`] when the thing stayed absent longer than the grace; [`Error::Cancelled`]; the probe's error, at
/// once if it is not retryable. Dropping the future stops polling and leaves nothing.
pub async fn wait_for<T, P, F>(
    cx: &Context,
    config: &WaitConfig,
    mut probe: P,
    condition: &dyn Condition<T>,
) -> Result<Option<T>>
where
    P: FnMut() -> F,
    F: Future<Output = Result<Option<T>>>,
{
    let mut state = Waiting::new(cx, config);
    loop {
        let observed = match cx.unless_cancelled(state.in_time(probe())).await {
            Ok(observed) => observed,
            Err(error) => {
                state.probe_failed(error)?;
                state.pause().await?;
                continue;
            }
        };
        state.failures = 0;
        match condition.check(observed.as_ref()) {
            Check::Ready => return Ok(observed),
            Check::Failed(error) => return Err(error),
            Check::NotYet(missing) => state.not_yet(observed.is_some(), missing)?,
        }
        state.pause().await?;
    }
}

struct Waiting<'a> {
    cx: &'a Context,
    config: &'a WaitConfig,
    started: jiff::Timestamp,
    absent_since: Option<jiff::Timestamp>,
    missing: String,
    failures: u32,
}

impl<'a> Waiting<'a> {
    fn new(cx: &'a Context, config: &'a WaitConfig) -> Self {
        let now = cx.clock().now();
        Self { cx, config, started: now, absent_since: None, missing: String::new(), failures: 0 }
    }

    /// A probe that hangs must not outlive the deadline.
    async fn in_time<T>(&self, probe: impl Future<Output = Result<T>>) -> Result<T> {
        let left = self.config.timeout.saturating_sub(self.cx.since(self.started)).max(self.config.shortest_pause);
        tokio::select! {
            biased;
            result = probe => result,
            () = self.cx.clock().sleep(left) => Err(self.timed_out()),
        }
    }

    fn timed_out(&self) -> Error {
        let waited = humanly(self.cx.since(self.started));
        let missing = if self.missing.is_empty() { "there was no answer" } else { &self.missing };
        Error::timeout("", self.config.waiting_for.clone(), format!("still waiting after {waited}: {missing}"))
    }

    fn probe_failed(&mut self, error: Error) -> Result<()> {
        self.failures += 1;
        if !error.is_retryable() || self.failures > self.config.tolerated_failures {
            return Err(error);
        }
        self.progress(error.to_string());
        Ok(())
    }

    fn not_yet(&mut self, present: bool, missing: String) -> Result<()> {
        let now = self.cx.clock().now();
        if present {
            self.absent_since = None;
        } else if between(*self.absent_since.get_or_insert(now), now) >= self.config.absence_grace {
            let reason = format!("{missing}, for {}", humanly(self.config.absence_grace));
            return Err(Error::not_found("", self.config.waiting_for.clone(), reason));
        }
        self.progress(missing);
        Ok(())
    }

    fn progress(&mut self, missing: String) {
        if missing != self.missing {
            self.missing = missing;
            self.cx.emit(Event::WaitProgress {
                waiting_for: self.config.waiting_for.clone(),
                waited_ms: millis(self.cx.since(self.started)),
                detail: self.missing.clone(),
            });
        }
    }

    async fn pause(&mut self) -> Result<()> {
        let waited = self.cx.since(self.started);
        let Some(left) = self.config.timeout.checked_sub(waited).filter(|left| !left.is_zero()) else {
            return Err(self.timed_out());
        };
        let pause = (waited / 4).min(self.config.longest_pause).max(self.config.shortest_pause);
        let pause = jittered(pause).min(left);
        self.cx
            .unless_cancelled(async {
                self.cx.clock().sleep(pause).await;
                Ok(())
            })
            .await
    }
}

/// `pause`, up to a fifth shorter.
fn jittered(pause: Duration) -> Duration {
    let random = RandomState::new().hash_one(0_u8) % 1000;
    #[expect(clippy::cast_precision_loss, reason = "below a thousand")]
    pause.mul_f32(1.0 - 0.2 * (random as f32) / 1000.0)
}

/// A duration for people: `850 ms`, `42 s`, `12 min 30 s`.
fn humanly(duration: Duration) -> String {
    match (duration.as_secs(), duration.as_millis()) {
        (0, ms) => format!("{ms} ms"),
        (s, ms) if s < 10 => format!("{}.{} s", s, ms % 1000 / 100),
        (s, _) if s < 60 => format!("{s} s"),
        (s, _) if s % 60 == 0 => format!("{} min", s / 60),
        (s, _) => format!("{} min {} s", s / 60, s % 60),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::testing::{ManualClock, RecordingSink};

    fn context() -> (Context, Arc<RecordingSink>) {
        let sink = Arc::new(RecordingSink::default());
        (Context::new(Arc::new(ManualClock::new()), sink.clone()), sink)
    }

    fn at_least_three(observed: Option<&u32>) -> Check {
        match observed {
            Some(3..) => Check::Ready,
            Some(n) => Check::NotYet(format!("{n} of 3")),
            None => Check::NotYet("nothing there".to_owned()),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn progress_is_told_once_per_change() {
        let (cx, sink) = context();
        let polls = AtomicU32::new(0);
        let probe = || async { Ok(Some(polls.fetch_add(1, Ordering::Relaxed) / 2)) };
        let seen = wait_for(&cx, &WaitConfig::new("counter"), probe, &at_least_three).await.expect("ready");
        assert_eq!(seen, Some(3));
        assert_eq!(sink.names(), ["wait_progress"; 3]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_timeout_says_how_long_and_what_was_missing() {
        let (cx, _) = context();
        let config = WaitConfig::new("counter").with_timeout(Duration::from_secs(90));
        let error = wait_for(&cx, &config, || async { Ok(Some(1)) }, &at_least_three).await.expect_err("times out");
        assert_eq!(error.to_string(), "counter: still waiting after 1 min 30 s: 1 of 3");
        assert!(matches!(error, Error::Timeout(_)));
    }

    #[tokio::test(start_paused = true)]
    async fn absence_has_a_grace_and_then_an_end() {
        let (cx, _) = context();
        let config = WaitConfig::new("task").with_absence_grace(Duration::from_secs(10));
        let error = wait_for(&cx, &config, || async { Ok(None) }, &at_least_three).await.expect_err("absent");
        assert!(matches!(error, Error::NotFound(_)), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn transient_failures_are_tolerated_and_others_are_not() {
        let (cx, _) = context();
        let polls = AtomicU32::new(0);
        let flaky = || async {
            match polls.fetch_add(1, Ordering::Relaxed) {
                n if n % 2 == 0 => Err(Error::throttled("DescribeServices", "", "slow down")),
                n => Ok(Some(n)),
            }
        };
        assert!(wait_for(&cx, &WaitConfig::new("x"), flaky, &at_least_three).await.is_ok());
        let denied = || async { Err(Error::permission_denied("DescribeServices", "", "no")) };
        assert!(wait_for(&cx, &WaitConfig::new("x"), denied, &at_least_three).await.is_err());
        let down = || async { Err(Error::unavailable("DescribeServices", "", "down")) };
        assert!(wait_for(&cx, &WaitConfig::new("x"), down, &at_least_three).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_that_hangs_ends_at_the_deadline() {
        let (cx, _) = context();
        let config = WaitConfig::new("counter").with_timeout(Duration::from_secs(90));
        let error = wait_for(&cx, &config, std::future::pending, &at_least_three).await.expect_err("times out");
        assert_eq!(error.to_string(), "counter: still waiting after 1 min 30 s: there was no answer");
    }

    #[tokio::test(start_paused = true)]
    async fn cancelling_ends_the_wait() {
        let (cx, _) = context();
        cx.cancellation().cancel();
        let result = wait_for(&cx, &WaitConfig::new("x"), || async { Ok(Some(0)) }, &at_least_three).await;
        assert!(matches!(result, Err(Error::Cancelled(_))));
    }
}
