//! Reading log streams page by page.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::{ContainerName, LogConfiguration, Result, TaskArn};

/// Reads log streams.
///
/// # Contract
///
/// Pages go forward in time. A page may be empty without being the end; the end is reached when a page says so, and
/// reading on from its cursor later gives what was written since. No event is given twice or left out when each page is
/// read with the cursor of the one before.
///
/// See <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogEvents.html>.
#[cfg_attr(feature = "test-util", mockall::automock)]
#[async_trait]
pub trait LogSource: Send + Sync {
    /// Reads the page of `stream` that `cursor` names.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`](crate::Error::NotFound) while the stream does not exist, which for a young task means that
    /// nothing was written yet.
    async fn page(&self, stream: &LogStream, cursor: &LogCursor) -> Result<LogPage>;
}

/// The name of a log stream.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct LogStream {
    /// The log group.
    pub group: String,
    /// The stream.
    pub stream: String,
    /// The region; none means the one that the source was made for.
    pub region: Option<String>,
}

impl LogStream {
    /// A stream in the source's own region.
    pub fn new(group: impl Into<String>, stream: impl Into<String>) -> Self {
        Self { group: group.into(), stream: stream.into(), region: None }
    }

    /// The stream to which the `awslogs` driver sends a container's output: `{prefix}/{container}/{task id}`.
    #[must_use]
    pub fn of_container(configuration: &LogConfiguration, container: &ContainerName, task: &TaskArn) -> Self {
        Self {
            group: configuration.group.clone(),
            stream: format!("{}/{container}/{}", configuration.prefix, task.id()),
            region: configuration.region.clone(),
        }
    }
}

/// Where to read on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum LogCursor {
    /// From the oldest event, or from the first one at or after a moment.
    Start {
        /// The moment.
        since: Option<Timestamp>,
    },
    /// The newest events only, as many as one page holds: for the last lines of a dead container.
    Tail {
        /// How many, at the most.
        lines: u16,
    },
    /// After a page that was read before.
    Token(String),
}

impl LogCursor {
    /// The oldest event.
    #[must_use]
    pub fn start() -> Self {
        Self::Start { since: None }
    }
}

/// Some events and where to read on.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct LogPage {
    /// The events, oldest first.
    pub events: Vec<LogEvent>,
    /// Where to read on.
    pub next: LogCursor,
    /// Whether this was all there is, for now.
    pub at_end: bool,
}

impl LogPage {
    /// A page.
    #[must_use]
    pub fn new(events: Vec<LogEvent>, next: LogCursor, at_end: bool) -> Self {
        Self { events, next, at_end }
    }
}

/// One line of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogEvent {
    /// When it was written, to the millisecond. Several events may share one.
    pub at: Timestamp,
    /// When it could first be read, where the source tells.
    pub ingested_at: Option<Timestamp>,
    /// The line, without its line break.
    pub message: String,
}

impl LogEvent {
    /// An event.
    pub fn new(at: Timestamp, message: impl Into<String>) -> Self {
        Self { at, ingested_at: None, message: message.into() }
    }

    /// Sets when it could first be read.
    #[must_use]
    pub fn with_ingested_at(mut self, at: Option<Timestamp>) -> Self {
        self.ingested_at = at;
        self
    }
}
