//! The one error type that crosses a trait boundary.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

/// A result with the core [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What every error knows about itself.
///
/// `Display` gives one lowercase fragment without the source and without a full stop: `RunTask alpha-migrate: access
/// denied`. Only a command line renders the chain, the hint and what was left behind.
#[derive(Debug)]
#[non_exhaustive]
pub struct ErrorDetail {
    /// The operation that failed: an AWS API name (`RunTask`) or a verb of ours (`resolve`).
    pub operation: Cow<'static, str>,
    /// What it was done to; may be empty when the operation has no object.
    pub resource: String,
    /// Why it failed.
    pub reason: String,
    /// What to do next, as a sentence fragment: "run `adhoc db create alpha` first".
    pub hint: Option<String>,
    /// What was changed before the failure and is still there, one phrase each.
    pub left_behind: Vec<String>,
    /// The pipeline step in which it happened.
    pub step: Option<String>,
    /// The underlying error.
    pub source: Option<Box<dyn StdError + Send + Sync>>,
}

impl fmt::Display for ErrorDetail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.operation.is_empty(), self.resource.is_empty()) {
            (true, true) => write!(f, "{}", self.reason),
            (true, false) => write!(f, "{}: {}", self.resource, self.reason),
            (false, true) => write!(f, "{}: {}", self.operation, self.reason),
            (false, false) => write!(f, "{} {}: {}", self.operation, self.resource, self.reason),
        }
    }
}

impl StdError for ErrorDetail {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

macro_rules! errors {
    ($($(#[$doc:meta])* $variant:ident, $constructor:ident;)*) => {
        /// Why an operation failed, by meaning. Match on the variant or ask [`Error::is_retryable`]; never look at the
        /// text.
        #[derive(Debug, thiserror::Error)]
        #[non_exhaustive]
        pub enum Error {
            $($(#[$doc])* #[error(transparent)] $variant(Box<ErrorDetail>),)*
        }

        impl Error {
            $(
                $(#[$doc])*
                pub fn $constructor(
                    operation: impl Into<Cow<'static, str>>,
                    resource: impl Into<String>,
                    reason: impl Into<String>,
                ) -> Self {
                    Self::$variant(Box::new(ErrorDetail {
                        operation: operation.into(),
                        resource: resource.into(),
                        reason: reason.into(),
                        hint: None,
                        left_behind: Vec::new(),
                        step: None,
                        source: None,
                    }))
                }
            )*

            /// What the error knows about itself.
            #[must_use]
            pub fn detail(&self) -> &ErrorDetail {
                match self { $(Self::$variant(detail) => detail,)* }
            }

            fn detail_mut(&mut self) -> &mut ErrorDetail {
                match self { $(Self::$variant(detail) => detail,)* }
            }
        }
    };
}

errors! {
    /// The caller's input is wrong: a bad name, a bad configuration file, contradictory arguments.
    Invalid, invalid;
    /// Something that must exist is not there.
    NotFound, not_found;
    /// It exists already, or something else changed it at the same time.
    Conflict, conflict;
    /// The service asked to slow down, and kept asking after retries.
    Throttled, throttled;
    /// The caller may not do this, or has no valid credentials.
    PermissionDenied, permission_denied;
    /// The service could not be reached, or answered with a server error.
    Unavailable, unavailable;
    /// The service understood the request and refused it.
    Rejected, rejected;
    /// A deadline passed while the awaited thing still progressed.
    Timeout, timeout;
    /// A one-off task ran and failed.
    TaskFailed, task_failed;
    /// A one-off task never started: capacity, image pull, placement.
    TaskNotStarted, task_not_started;
    /// ECS rolled a service back.
    RolledBack, rolled_back;
    /// A rollout failed and was not rolled back.
    RolloutFailed, rollout_failed;
    /// Another deployment replaced the one that was waited for.
    Superseded, superseded;
    /// The bastion, the tunnel or Postgres refused.
    Database, database;
    /// Terraform failed.
    Terraform, terraform;
    /// Another run holds the environment or the Terraform state.
    Locked, locked;
    /// The user or the caller cancelled.
    Cancelled, cancelled;
    /// A bug in this program.
    Internal, internal;
}

impl Error {
    /// Adds what to do next.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.detail_mut().hint = Some(hint.into());
        self
    }

    /// Adds the underlying error.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.detail_mut().source = Some(source.into());
        self
    }

    /// Adds something that was changed before the failure and is still there.
    #[must_use]
    pub fn with_left_behind(mut self, what: impl Into<String>) -> Self {
        self.detail_mut().left_behind.push(what.into());
        self
    }

    /// Names the pipeline step, unless an inner step has done so already.
    #[must_use]
    pub fn in_step(mut self, step: &str) -> Self {
        self.detail_mut().step.get_or_insert_with(|| step.to_owned());
        self
    }

    /// Whether the same call may succeed later without anybody changing anything.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Throttled(_) | Self::Unavailable(_))
    }

    /// The message and those of its sources, outermost first, each once.
    #[must_use]
    pub fn chain(&self) -> Vec<String> {
        let mut messages = vec![self.to_string()];
        let mut source = self.source();
        while let Some(inner) = source {
            let message = inner.to_string();
            if !messages.iter().any(|known| known.contains(&message)) {
                messages.push(message);
            }
            source = inner.source();
        }
        messages
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_is_one_fragment_without_its_source() {
        let error =
            Error::rejected("RunTask", "alpha-migrate", "no subnets").with_source(std::io::Error::other("inner"));
        assert_eq!(error.to_string(), "RunTask alpha-migrate: no subnets");
        assert_eq!(error.chain(), ["RunTask alpha-migrate: no subnets", "inner"]);
    }

    #[test]
    fn the_innermost_step_names_the_error() {
        let error = Error::timeout("wait", "", "too long").in_step("migrate").in_step("update");
        assert_eq!(error.detail().step.as_deref(), Some("migrate"));
    }

    #[test]
    fn only_transient_errors_are_retryable() {
        assert!(Error::throttled("a", "b", "c").is_retryable());
        assert!(Error::unavailable("a", "b", "c").is_retryable());
        assert!(!Error::rejected("a", "b", "c").is_retryable());
    }
}
