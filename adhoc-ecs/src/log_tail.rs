//! Following one container's log stream while its task runs, and draining it after the task has stopped.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use adhoc_core::{Context, Error, Event, LogCursor, LogEvent, LogSource, LogStream, Result, Timestamp};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// CloudWatch delivers the last lines of a container some seconds after it has stopped.
pub(crate) const SETTLE: Duration = Duration::from_secs(5);

const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
const REMEMBERED_LINES: usize = 20;

/// When a tail may end.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Until {
    /// Not yet: the container runs.
    Told,
    /// Once the end of the stream is seen at or after this moment.
    EndSeenAfter(Timestamp),
}

/// A log stream that is being followed in the background. Dropping it stops following.
#[derive(Debug)]
pub struct LogTail {
    until: watch::Sender<Until>,
    reader: JoinHandle<VecDeque<String>>,
}

impl LogTail {
    /// Follows `stream` and emits each line as [`Event::LogLine`] of `source`. A stream that does not exist yet is
    /// awaited; a stream that may not be read is reported once as a hint, since logs never decide an outcome.
    #[must_use]
    pub fn start(cx: &Context, logs: Arc<dyn LogSource>, stream: LogStream, source: &str, task: &str) -> Self {
        let (until, told) = watch::channel(Until::Told);
        let reader = Reader {
            cx: cx.clone(),
            logs,
            stream,
            source: source.to_owned(),
            task: task.to_owned(),
            told,
            last_lines: VecDeque::new(),
        };
        Self { until, reader: tokio::spawn(reader.read()) }
    }

    /// Reads until the end of the stream is seen at or after `moment`, and gives back the last lines, oldest first.
    pub async fn drain(mut self, moment: Timestamp) -> Vec<String> {
        self.until.send_replace(Until::EndSeenAfter(moment));
        (&mut self.reader).await.unwrap_or_default().into()
    }
}

impl Drop for LogTail {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

struct Reader {
    cx: Context,
    logs: Arc<dyn LogSource>,
    stream: LogStream,
    source: String,
    task: String,
    told: watch::Receiver<Until>,
    last_lines: VecDeque<String>,
}

impl Reader {
    async fn read(mut self) -> VecDeque<String> {
        let mut cursor = LogCursor::start();
        let mut pause = FIRST_PAUSE;
        loop {
            // Asked before the page is read: what is written in between is then read by another round.
            let now = self.cx.clock().now();
            let until = *self.told.borrow_and_update();
            let at_end = match self.page(&mut cursor).await {
                Ok(Page { at_end, lines }) => {
                    if lines > 0 {
                        pause = FIRST_PAUSE;
                    }
                    at_end
                }
                Err(error) => {
                    self.cx.hint(format!("the logs of {} cannot be read: {}", self.source, error.chain().join(": ")));
                    return self.last_lines;
                }
            };
            if !at_end {
                continue;
            }
            if matches!(until, Until::EndSeenAfter(moment) if now >= moment) {
                return self.last_lines;
            }
            self.rest(pause).await;
            pause = pause.mul_f32(1.5).min(LONGEST_PAUSE);
        }
    }

    async fn page(&mut self, cursor: &mut LogCursor) -> Result<Page> {
        let page = match self.logs.page(&self.stream, cursor).await {
            Ok(page) => page,
            // Nothing was written yet, or the service is busy: there will be another round.
            Err(Error::NotFound(_) | Error::Throttled(_) | Error::Unavailable(_)) => {
                return Ok(Page { at_end: true, lines: 0 });
            }
            Err(error) => return Err(error),
        };
        *cursor = page.next;
        let lines = page.events.len();
        for event in page.events {
            self.emit(event);
        }
        Ok(Page { at_end: page.at_end, lines })
    }

    fn emit(&mut self, event: LogEvent) {
        if self.last_lines.len() == REMEMBERED_LINES {
            self.last_lines.pop_front();
        }
        self.last_lines.push_back(event.message.clone());
        self.cx.emit(Event::LogLine {
            source: self.source.clone(),
            task: self.task.clone(),
            at: event.at,
            message: event.message,
        });
    }

    /// Pauses, but not beyond the moment at which it is told to end.
    async fn rest(&mut self, pause: Duration) {
        let cx = self.cx.clone();
        tokio::select! {
            () = cx.clock().sleep(pause) => {}
            changed = self.told.changed() => {
                if changed.is_err() {
                    cx.clock().sleep(pause).await;
                }
            }
        }
    }
}

struct Page {
    at_end: bool,
    lines: usize,
}

#[cfg(test)]
mod tests {
    use adhoc_core::testing::{FakeLogs, ManualClock, RecordingSink};

    use super::*;

    fn events(lines: &[&str]) -> Vec<LogEvent> {
        // All in one millisecond: resuming by time would lose or repeat some.
        lines.iter().map(|line| LogEvent::new(Timestamp::UNIX_EPOCH, *line)).collect()
    }

    fn tail(logs: &Arc<FakeLogs>) -> (Context, Arc<RecordingSink>, LogTail) {
        let sink = Arc::new(RecordingSink::default());
        let cx = Context::new(Arc::new(ManualClock::new()), sink.clone());
        let tail = LogTail::start(&cx, logs.clone(), LogStream::new("/g", "s"), "alpha-migrate", "t1");
        (cx, sink, tail)
    }

    #[tokio::test(start_paused = true)]
    async fn empty_pages_are_not_the_end() {
        let logs = Arc::new(FakeLogs::default());
        for page in [&["one"][..], &[], &[], &["two", "three"], &[]] {
            logs.append("s", events(page));
        }
        let (cx, sink, tail) = tail(&logs);
        let last = tail.drain(cx.clock().now()).await;
        assert_eq!(sink.log_lines(), ["one", "two", "three"]);
        assert_eq!(last, ["one", "two", "three"]);
    }

    #[tokio::test(start_paused = true)]
    async fn lines_that_arrive_after_the_stop_are_drained() {
        let logs = Arc::new(FakeLogs::default());
        let (cx, sink, tail) = tail(&logs);
        let late = {
            let (cx, logs) = (cx.clone(), logs.clone());
            tokio::spawn(async move {
                cx.clock().sleep(Duration::from_secs(4)).await;
                logs.append("s", events(&["the last line"]));
            })
        };
        let stopped_at = cx.clock().now();
        tail.drain(stopped_at + SETTLE).await;
        late.await.expect("appends");
        assert_eq!(sink.log_lines(), ["the last line"]);
    }

    #[tokio::test(start_paused = true)]
    async fn unreadable_logs_are_a_hint_and_no_failure() {
        let sink = Arc::new(RecordingSink::default());
        let cx = Context::new(Arc::new(ManualClock::new()), sink.clone());
        let mut logs = adhoc_core::testing::MockLogSource::new();
        logs.expect_page().times(1).returning(|_, _| Err(Error::permission_denied("GetLogEvents", "s", "denied")));
        let tail = LogTail::start(&cx, Arc::new(logs), LogStream::new("/g", "s"), "alpha-migrate", "t1");
        assert!(tail.drain(cx.clock().now()).await.is_empty());
        assert_eq!(sink.names(), ["hint"]);
    }
}
