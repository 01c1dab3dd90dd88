//! How far a restore has come.

use std::time::Duration;

use adhoc_core::{Context, Event, Timestamp};

/// How often progress is told.
pub(super) const INTERVAL: Duration = Duration::from_millis(200);

/// Tells how far it has come, not too often.
pub(super) struct Progress<'a> {
    cx: &'a Context,
    what: &'a str,
    total: Option<u64>,
    detail: String,
    told: Option<Timestamp>,
}

impl<'a> Progress<'a> {
    pub(super) fn new(cx: &'a Context, what: &'a str) -> Self {
        Self { cx, what, total: None, detail: String::new(), told: None }
    }

    pub(super) fn set_total(&mut self, total: Option<u64>) {
        self.total = total;
    }

    /// Says what is being done from now on.
    pub(super) fn now(&mut self, detail: &str) {
        detail.clone_into(&mut self.detail);
    }

    /// Tells, if it was not told just now.
    pub(super) fn tell(&mut self, bytes: u64) {
        if self.told.is_none_or(|told| self.cx.since(told) >= INTERVAL) {
            self.tell_now(bytes);
        }
    }

    /// Tells in any case.
    pub(super) fn tell_now(&mut self, bytes: u64) {
        self.told = Some(self.cx.clock().now());
        let (what, detail) = (self.what.to_owned(), self.detail.clone());
        self.cx.emit(Event::TransferProgress { what, bytes, total: self.total, detail });
    }
}
