//! The one place of this crate that reads the time and waits.

use std::{future::Future, time::Duration};

/// Milliseconds since the Unix epoch.
#[expect(clippy::disallowed_methods, reason = "the server's clock is the real one; this is its only reader")]
pub(crate) fn now_ms() -> u64 {
    u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or(0)
}

#[expect(clippy::disallowed_methods, reason = "the server waits in real time, and only here")]
pub(crate) async fn sleep_ms(ms: u64) {
    tokio::time::sleep(Duration::from_millis(ms)).await;
}

/// Runs `future` for at most `ms`; `None` when it took longer.
#[expect(clippy::disallowed_methods, reason = "the server waits in real time, and only here")]
pub(crate) async fn within_ms<F: Future>(ms: u64, future: F) -> Option<F::Output> {
    tokio::time::timeout(Duration::from_millis(ms), future).await.ok()
}

/// A time as the query protocol writes it.
pub(crate) fn rfc3339(ms: u64) -> String {
    let time = i64::try_from(ms / 1000).ok().and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    time.map_or_else(String::new, |time| time.to_string())
}

/// A time as the JSON protocol writes it: seconds since the epoch with a fraction.
#[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 fit a double's 53 bits")]
pub(crate) fn epoch_seconds(ms: u64) -> serde_json::Value {
    serde_json::Value::from(ms as f64 / 1000.0)
}
