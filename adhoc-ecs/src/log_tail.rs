//! Following one container's log stream while its task runs, and draining it after the task has stopped.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use adhoc_core::{Context, Error, Event, LogCursor, LogEvent, LogSource, LogStream, Result, Timestamp};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// CloudWatch delivers the last lines of a container some seconds after it has stopped: this long is waited for them where
/// nothing is known of the stream's delay, and never longer.
const LONGEST_SETTLE: Duration = Duration::from_secs(5);
const SHORTEST_SETTLE: Duration = Duration::from_millis(250);

/// How many reads in a row may fail for a passing reason before the logs are given up.
const TOLERATED_FAILURES: u32 = 10;

const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
const REMEMBERED_LINES: usize = 20;

/// When a tail may end.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Until {
    /// Not yet: the container runs.
    Told,
    /// Once the end of the stream is seen, and late lines have had their time since the container stopped.
    Settled(Timestamp),
    /// Once the end of the stream is seen.
    EndSeen,
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
            worst_delay: None,
            failures: 0,
        };
        Self { until, reader: tokio::spawn(reader.read()) }
    }

    /// Reads the rest of a stream whose container has stopped at `stopped`, and gives back the last lines, oldest first.
    ///
    /// Late lines get three times the worst delay that was seen between the writing of a line and its delivery, at least 250
    /// ms and at most 5 s; 5 s where no line was seen.
    pub async fn drain(self, stopped: Timestamp) -> Vec<String> {
        self.end(Until::Settled(stopped)).await
    }

    /// Reads what is there now, without waiting for late lines.
    pub async fn finish(self) -> Vec<String> {
        self.end(Until::EndSeen).await
    }

    async fn end(mut self, until: Until) -> Vec<String> {
        self.until.send_replace(until);
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
    worst_delay: Option<Duration>,
    failures: u32,
}

impl Reader {
    async fn read(mut self) -> VecDeque<String> {
        let mut cursor = LogCursor::start();
        let mut pause = FIRST_PAUSE;
        loop {
            // Asked before the page is read: what is written in between is then read by another round.
            let now = self.cx.clock().now();
            let until = *self.told.borrow_and_update();
            match self.page(&mut cursor).await {
                Ok(Round::Lines) => {
                    pause = FIRST_PAUSE;
                    continue;
                }
                Ok(Round::Nothing) => continue,
                Ok(Round::End) if self.may_end(until, now) => return self.last_lines,
                Ok(Round::End | Round::Busy) => {}
                Err(error) => {
                    let reason = error.chain().join(": ");
                    self.cx.hint(format!("the logs of {} cannot be read to their end: {reason}", self.source));
                    return self.last_lines;
                }
            }
            let settled_in = match until {
                Until::Settled(stopped) => {
                    Duration::try_from((stopped + self.settle()).duration_since(now)).unwrap_or_default()
                }
                _ => LONGEST_PAUSE,
            };
            self.rest(pause.min(settled_in)).await;
            pause = pause.mul_f32(1.5).min(LONGEST_PAUSE);
        }
    }

    fn may_end(&self, until: Until, now: Timestamp) -> bool {
        match until {
            Until::Told => false,
            Until::EndSeen => true,
            Until::Settled(stopped) => now >= stopped + self.settle(),
        }
    }

    fn settle(&self) -> Duration {
        self.worst_delay.map_or(LONGEST_SETTLE, |delay| (delay * 3).clamp(SHORTEST_SETTLE, LONGEST_SETTLE))
    }

    async fn page(&mut self, cursor: &mut LogCursor) -> Result<Round> {
        let page = match self.logs.page(&self.stream, cursor).await {
            Ok(page) => page,
            // Nothing was written yet.
            Err(Error::NotFound(_)) => return Ok(Round::End),
            Err(error) if error.is_retryable() && self.failures < TOLERATED_FAILURES => {
                self.failures += 1;
                return Ok(Round::Busy);
            }
            Err(error) => return Err(error),
        };
        self.failures = 0;
        *cursor = page.next;
        let round = match (page.at_end, page.events.is_empty()) {
            (true, true) => Round::End,
            (_, false) => Round::Lines,
            (false, true) => Round::Nothing,
        };
        for event in page.events {
            self.emit(event);
        }
        Ok(round)
    }

    fn emit(&mut self, event: LogEvent) {
        if let Some(ingested_at) = event.ingested_at {
            let delay = Duration::try_from(ingested_at.duration_since(event.at)).unwrap_or_default();
            self.worst_delay = self.worst_delay.max(Some(delay));
        }
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

    /// Pauses, but not beyond the moment at which it is told to end, nor long while it waits for late lines.
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

/// What one read of the stream brought.
enum Round {
    /// Lines; there may be more.
    Lines,
    /// An empty page, which is not the end.
    Nothing,
    /// The end, for now.
    End,
    /// No answer, for a passing reason.
    Busy,
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
        let (_, sink, tail) = tail(&logs);
        let last = tail.finish().await;
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
        tail.drain(stopped_at).await;
        late.await.expect("appends");
        assert_eq!(sink.log_lines(), ["the last line"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_without_delay_is_not_waited_for() {
        let logs = Arc::new(FakeLogs::default());
        let prompt = events(&["prompt"]).into_iter().map(|event| event.with_ingested_at(Some(Timestamp::UNIX_EPOCH)));
        logs.append("s", prompt.collect());
        let (cx, sink, tail) = tail(&logs);
        let stopped_at = cx.clock().now();
        tail.drain(stopped_at).await;
        assert_eq!(sink.log_lines(), ["prompt"]);
        assert!(cx.since(stopped_at) < Duration::from_secs(1), "{:?}", cx.since(stopped_at));
    }

    #[tokio::test(start_paused = true)]
    async fn a_busy_service_is_no_end() {
        let sink = Arc::new(RecordingSink::default());
        let cx = Context::new(Arc::new(ManualClock::new()), sink.clone());
        let mut logs = adhoc_core::testing::MockLogSource::new();
        let mut reads = 0;
        logs.expect_page().returning(move |_, cursor| {
            reads += 1;
            match reads {
                1..=4 => Err(Error::throttled("GetLogEvents", "s", "slow down")),
                5 => Ok(adhoc_core::LogPage::new(events(&["late"]), LogCursor::Token("5".to_owned()), false)),
                _ => Ok(adhoc_core::LogPage::new(Vec::new(), cursor.clone(), true)),
            }
        });
        let tail = LogTail::start(&cx, Arc::new(logs), LogStream::new("/g", "s"), "alpha-migrate", "t1");
        assert_eq!(tail.finish().await, ["late"]);
    }

    #[tokio::test(start_paused = true)]
    async fn unreadable_logs_are_a_hint_and_no_failure() {
        let sink = Arc::new(RecordingSink::default());
        let cx = Context::new(Arc::new(ManualClock::new()), sink.clone());
        let mut logs = adhoc_core::testing::MockLogSource::new();
        logs.expect_page().times(1).returning(|_, _| Err(Error::permission_denied("GetLogEvents", "s", "denied")));
        let tail = LogTail::start(&cx, Arc::new(logs), LogStream::new("/g", "s"), "alpha-migrate", "t1");
        assert!(tail.finish().await.is_empty());
        assert_eq!(sink.names(), ["hint"]);
    }
}
