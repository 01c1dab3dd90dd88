//! The moment by which a whole command has to be over.

use std::time::Duration;

use adhoc_core::{Context, Error, Result, Timestamp};

/// The moment by which everything has to be over.
pub(crate) struct Deadline {
    started: Timestamp,
    timeout: Duration,
}

impl Deadline {
    pub(crate) fn new(cx: &Context, timeout: Duration) -> Self {
        Self { started: cx.clock().now(), timeout }
    }

    pub(crate) fn left(&self, cx: &Context) -> Duration {
        self.timeout.saturating_sub(cx.since(self.started))
    }

    /// To be asked before each step that changes something: a step without time would only be begun.
    pub(crate) fn ensure_left(&self, cx: &Context) -> Result<()> {
        if self.left(cx).is_zero() {
            let reason = format!("the deadline of {:?} passed before any service was touched", self.timeout);
            return Err(Error::timeout("", "", reason).with_hint("give it longer with --timeout"));
        }
        Ok(())
    }
}
