//! Faults that a scenario injects, and their bookkeeping.

use crate::glob;
use serde::Deserialize;
use std::collections::HashMap;

/// Makes calls fail, or answer as AWS does on a bad day.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "RawFault")]
#[non_exhaustive]
pub struct Fault {
    /// Which operations: `DescribeServices`, `ecs:*`, `Describe*`.
    pub operation: String,
    /// How many matching calls pass unharmed first.
    pub skip: u32,
    /// How many are then hit; 0 means all. For [`FaultKind::Missing`]: how many polls of each task.
    pub times: u32,
    /// What happens to them.
    pub kind: FaultKind,
}

/// What happens to a call.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FaultKind {
    /// ThrottlingException, HTTP 400.
    Throttle,
    /// A server error of this HTTP status, 500 or 503. The call is not carried out.
    ServerError(u16),
    /// The connection closes without an answer. The call is not carried out.
    Drop,
    /// The call is carried out, and its answer lost on the way: the connection closes.
    DropAnswer,
    /// HTTP 200 with everything asked for in `failures[]`, each with this reason. The call is not carried out.
    Failures(String),
    /// DescribeTasks answers MISSING for the first polls of each task.
    Missing,
    /// GetLogEvents answers an empty page with a new forward token.
    EmptyPage,
    /// The call is carried out after so many milliseconds.
    Delay(u64),
    /// This error. The call is not carried out.
    #[non_exhaustive]
    Error {
        /// Such as `ClientException`.
        code: String,
        /// Its message.
        message: String,
        /// Its HTTP status.
        status: u16,
    },
}

impl Fault {
    /// Hits the next call of an operation that matches `operation`.
    #[must_use]
    pub fn new(operation: impl Into<String>, kind: FaultKind) -> Self {
        Self { operation: operation.into(), skip: 0, times: 1, kind }
    }

    /// ThrottlingException.
    #[must_use]
    pub fn throttle(operation: impl Into<String>) -> Self {
        Self::new(operation, FaultKind::Throttle)
    }

    /// HTTP 500 or 503.
    #[must_use]
    pub fn server_error(operation: impl Into<String>, status: u16) -> Self {
        Self::new(operation, FaultKind::ServerError(status))
    }

    /// A connection that closes without an answer.
    #[must_use]
    pub fn drop_connection(operation: impl Into<String>) -> Self {
        Self::new(operation, FaultKind::Drop)
    }

    /// A call that takes effect and whose answer is lost.
    #[must_use]
    pub fn drop_answer(operation: impl Into<String>) -> Self {
        Self::new(operation, FaultKind::DropAnswer)
    }

    /// `failures[]` with HTTP 200, each with `reason` (usually `MISSING`).
    #[must_use]
    pub fn failures(operation: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::new(operation, FaultKind::Failures(reason.into()))
    }

    /// DescribeTasks answers MISSING for the first `polls` polls of each task.
    #[must_use]
    pub fn missing(polls: u32) -> Self {
        Self::new("DescribeTasks", FaultKind::Missing).with_times(polls)
    }

    /// GetLogEvents answers `pages` empty pages, each with a new forward token.
    #[must_use]
    pub fn empty_page(pages: u32) -> Self {
        Self::new("GetLogEvents", FaultKind::EmptyPage).with_times(pages)
    }

    /// A slow answer.
    #[must_use]
    pub fn delay(operation: impl Into<String>, ms: u64) -> Self {
        Self::new(operation, FaultKind::Delay(ms))
    }

    /// Any error.
    #[must_use]
    pub fn error(
        operation: impl Into<String>,
        code: impl Into<String>,
        message: impl Into<String>,
        status: u16,
    ) -> Self {
        Self::new(operation, FaultKind::Error { code: code.into(), message: message.into(), status })
    }

    /// Lets the first `calls` matching calls pass.
    #[must_use]
    pub fn with_skip(mut self, calls: u32) -> Self {
        self.skip = calls;
        self
    }

    /// Hits so many calls; 0 means all of them.
    #[must_use]
    pub fn with_times(mut self, calls: u32) -> Self {
        self.times = calls;
        self
    }

    fn applies(&self, service: &str, operation: &str) -> bool {
        match self.operation.split_once(':') {
            Some((wanted, pattern)) => glob::matches(wanted, service) && glob::matches(pattern, operation),
            None => glob::matches(&self.operation, operation),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawError {
    code: String,
    #[serde(default)]
    message: String,
    #[serde(default = "bad_request")]
    status: u16,
}

fn bad_request() -> u16 {
    400
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFault {
    operation: String,
    #[serde(default)]
    skip: u32,
    times: Option<u32>,
    kind: Option<String>,
    reason: Option<String>,
    status: Option<u16>,
    delay_ms: Option<u64>,
    error: Option<RawError>,
}

impl TryFrom<RawFault> for Fault {
    type Error = String;

    fn try_from(raw: RawFault) -> Result<Self, String> {
        if raw.reason.is_some() && raw.kind.as_deref() != Some("failures") {
            return Err("`reason` belongs to the kind `failures`".to_owned());
        }
        if raw.status.is_some() && raw.kind.as_deref() != Some("server_error") {
            return Err("`status` belongs to the kind `server_error`".to_owned());
        }
        let status = raw.status.or(raw.error.as_ref().map(|error| error.status)).unwrap_or(500);
        if !(400..=599).contains(&status) {
            return Err(format!("`status` is {status}, expected 400 to 599"));
        }
        let kind = match (raw.kind.as_deref(), raw.delay_ms, raw.error) {
            (None, Some(ms), None) => FaultKind::Delay(ms),
            (None, None, Some(RawError { code, message, status })) => FaultKind::Error { code, message, status },
            (Some("throttle"), None, None) => FaultKind::Throttle,
            (Some("server_error"), None, None) => FaultKind::ServerError(status),
            (Some("drop"), None, None) => FaultKind::Drop,
            (Some("drop_answer"), None, None) => FaultKind::DropAnswer,
            (Some("failures"), None, None) => FaultKind::Failures(raw.reason.unwrap_or_else(|| "MISSING".to_owned())),
            (Some("missing"), None, None) => FaultKind::Missing,
            (Some("empty_page"), None, None) => FaultKind::EmptyPage,
            (Some(other), None, None) => {
                return Err(format!(
                    "unknown kind `{other}`, expected `throttle`, `server_error`, `drop`, `drop_answer`, `failures`, \
                     `missing` or `empty_page`"
                ));
            }
            _ => return Err("a fault needs exactly one of `kind`, `delay_ms` and `error`".to_owned()),
        };
        Ok(Self { operation: raw.operation, skip: raw.skip, times: raw.times.unwrap_or(1), kind })
    }
}

struct Armed {
    fault: Fault,
    seen: u32,
}

/// The faults of a server, and how often each has struck.
#[derive(Default)]
pub(crate) struct Faults {
    armed: Vec<Armed>,
    polls: HashMap<String, u32>,
}

impl Faults {
    pub(crate) fn add(&mut self, fault: Fault) {
        self.armed.push(Armed { fault, seen: 0 });
    }

    /// What strikes this call; counts it for every fault that matches.
    pub(crate) fn strike(&mut self, service: &str, operation: &str) -> Vec<FaultKind> {
        let mut struck = Vec::new();
        for armed in &mut self.armed {
            let fault = &armed.fault;
            if fault.kind == FaultKind::Missing || !fault.applies(service, operation) {
                continue;
            }
            let turn = armed.seen;
            armed.seen = armed.seen.saturating_add(1);
            if turn >= fault.skip && (fault.times == 0 || turn - fault.skip < fault.times) {
                struck.push(fault.kind.clone());
            }
        }
        struck
    }

    /// Whether DescribeTasks must not know this task yet; counts the poll.
    pub(crate) fn hides(&mut self, task: &str) -> bool {
        let mut missing = self.armed.iter().filter(|armed| armed.fault.kind == FaultKind::Missing).peekable();
        if missing.peek().is_none() {
            return false;
        }
        let polls = self.polls.entry(task.to_owned()).or_default();
        let turn = *polls;
        *polls = polls.saturating_add(1);
        missing.any(|armed| {
            let fault = &armed.fault;
            turn >= fault.skip && (fault.times == 0 || turn - fault.skip < fault.times)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Fault, FaultKind, Faults};

    #[test]
    fn a_fault_skips_then_strikes_as_often_as_asked() {
        let mut faults = Faults::default();
        faults.add(Fault::throttle("ecs:Describe*").with_skip(1).with_times(2));
        let struck = |faults: &mut Faults, operation| faults.strike("ecs", operation).len();
        assert_eq!(struck(&mut faults, "RunTask"), 0);
        let hits: Vec<usize> = (0..5).map(|_| struck(&mut faults, "DescribeTasks")).collect();
        assert_eq!(hits, [0, 1, 1, 0, 0]);
        assert!(faults.strike("logs", "DescribeLogGroups").is_empty());
    }

    #[test]
    fn missing_counts_polls_of_each_task() {
        let mut faults = Faults::default();
        assert!(!faults.hides("a"));
        faults.add(Fault::missing(2));
        assert_eq!([faults.hides("a"), faults.hides("a"), faults.hides("a")], [true, true, false]);
        assert!(faults.hides("b"));
        assert_eq!(faults.strike("ecs", "DescribeTasks"), Vec::<FaultKind>::new());
    }
}
