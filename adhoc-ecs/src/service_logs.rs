//! The logs of a whole service: every container of every task, merged in time order, across task replacement.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use adhoc_core::{
    ClusterName, Context, Error, Event, LogCursor, LogEvent, LogStream, Result, ServiceName, Task, TaskArn,
    TaskDefinition, TaskFilter, TaskState, Timestamp,
};

use crate::Ecs;

const POLL: Duration = Duration::from_secs(1);
const TOLERATED_FAILURES: u32 = 10;
const DISCOVER: Duration = Duration::from_secs(5);

/// How long a stopped task's stream is still read: CloudWatch delivers its last lines late.
const LINGER: Duration = Duration::from_secs(15);

/// Which logs to read.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ServiceLogs {
    /// The cluster.
    pub cluster: ClusterName,
    /// The service.
    pub service: ServiceName,
    /// The oldest moment.
    pub since: Timestamp,
    /// Go on until cancelled.
    pub follow: bool,
}

impl ServiceLogs {
    /// What was logged since a moment, up to now.
    #[must_use]
    pub fn new(cluster: ClusterName, service: ServiceName, since: Timestamp) -> Self {
        Self { cluster, service, since, follow: false }
    }

    /// Goes on until cancelled.
    #[must_use]
    pub fn with_follow(mut self, follow: bool) -> Self {
        self.follow = follow;
        self
    }
}

/// Emits each line of a service's tasks as [`Event::LogLine`], oldest first, and gives back how many there were.
///
/// Tasks that have stopped are read too, as long as ECS remembers them (about an hour). One page of each stream is held
/// in memory at a time. While following, new tasks are found within five seconds, and lines of different tasks are in
/// order as far as CloudWatch delivers them in order.
///
/// # Errors
///
/// [`Error::NotFound`] where there is no such service; [`Error::Cancelled`] ends following; those of the backend.
pub async fn service_logs(cx: &Context, ecs: &Ecs, what: &ServiceLogs) -> Result<u64> {
    let mut merge = Merge::new(cx, ecs, what);
    merge.discover().await?;
    loop {
        merge.read_all().await?;
        if !what.follow {
            return Ok(merge.lines);
        }
        cx.unless_cancelled(async {
            cx.clock().sleep(POLL).await;
            Ok(())
        })
        .await?;
        if cx.since(merge.discovered_at) >= DISCOVER {
            match merge.discover().await {
                // There will be another round.
                Err(error) if error.is_retryable() => tracing::debug!(%error, "no tasks could be listed"),
                other => other?,
            }
        }
    }
}

struct Merge<'a> {
    cx: &'a Context,
    ecs: &'a Ecs,
    what: &'a ServiceLogs,
    streams: Vec<Stream>,
    known: HashSet<TaskArn>,
    definitions: HashMap<String, Option<TaskDefinition>>,
    discovered_at: Timestamp,
    lines: u64,
}

/// One container's stream and the part of it that was read but not shown.
struct Stream {
    source: String,
    task: TaskArn,
    stream: LogStream,
    cursor: LogCursor,
    buffer: VecDeque<LogEvent>,
    at_end: bool,
    gone_at: Option<Timestamp>,
    failures: u32,
}

impl<'a> Merge<'a> {
    fn new(cx: &'a Context, ecs: &'a Ecs, what: &'a ServiceLogs) -> Self {
        Self {
            cx,
            ecs,
            what,
            streams: Vec::new(),
            known: HashSet::new(),
            definitions: HashMap::new(),
            discovered_at: cx.clock().now(),
            lines: 0,
        }
    }

    /// Finds tasks that are new, and forgets streams of tasks that have been gone for a while.
    async fn discover(&mut self) -> Result<()> {
        let filter = TaskFilter::Service(self.what.service.clone());
        let (running, stopped) = tokio::try_join!(
            self.ecs.tasks.list(&self.what.cluster, &filter, TaskState::Running),
            self.ecs.tasks.list(&self.what.cluster, &filter, TaskState::Stopped),
        )
        .map_err(|error| self.name_service(error))?;
        let now = self.cx.clock().now();
        self.discovered_at = now;
        for stream in &mut self.streams {
            if stream.gone_at.is_none() && !running.contains(&stream.task) {
                stream.gone_at = Some(now);
            }
        }
        self.streams.retain(|stream| stream.gone_at.is_none_or(|gone_at| self.cx.since(gone_at) < LINGER));
        let listed: HashSet<TaskArn> = running.into_iter().chain(stopped).collect();
        self.known.retain(|task| listed.contains(task));
        let new: Vec<TaskArn> = listed.difference(&self.known).cloned().collect();
        for task in self.ecs.tasks.describe(&self.what.cluster, &new).await? {
            self.known.insert(task.arn.clone());
            if task.stopped_at.is_none_or(|stopped_at| stopped_at >= self.what.since) {
                self.add(&task).await;
            }
        }
        Ok(())
    }

    fn name_service(&self, error: Error) -> Error {
        match error {
            Error::NotFound(_) => Error::not_found(
                "",
                format!("service {}", self.what.service),
                format!("is not there, or cluster {} is not", self.what.cluster),
            )
            .with_hint("`adhoc status ENV` lists the services of an environment"),
            other => other,
        }
    }

    async fn add(&mut self, task: &Task) {
        let arn = task.task_definition.as_str();
        if !self.definitions.contains_key(arn) {
            let definition = self.ecs.task_definitions.describe(arn).await.ok();
            self.definitions.insert(arn.to_owned(), definition);
        }
        let Some(Some(definition)) = self.definitions.get(arn) else { return };
        let names = definition.container_names();
        for name in &names {
            let container = (*name).into();
            let Some(configuration) = definition.log_configuration(&container) else { continue };
            let service = self.what.service.as_str();
            self.streams.push(Stream {
                source: if names.len() > 1 { format!("{service}/{name}") } else { service.to_owned() },
                task: task.arn.clone(),
                stream: LogStream::of_container(&configuration, &container, &task.arn),
                cursor: LogCursor::Start { since: Some(self.what.since) },
                buffer: VecDeque::new(),
                at_end: false,
                gone_at: None,
                failures: 0,
            });
        }
    }

    /// Shows everything that is there, oldest first, holding one page of each stream at a time.
    async fn read_all(&mut self) -> Result<()> {
        for stream in &mut self.streams {
            stream.at_end = false;
        }
        loop {
            for stream in &mut self.streams {
                while stream.buffer.is_empty() && !stream.at_end {
                    self.cx.unless_cancelled(stream.read(self.cx, self.ecs)).await?;
                }
            }
            let oldest = self.streams.iter_mut().filter(|stream| !stream.buffer.is_empty());
            let Some(stream) = oldest.min_by_key(|stream| stream.buffer.front().map(|event| event.at)) else {
                return Ok(());
            };
            if let Some(event) = stream.buffer.pop_front() {
                self.lines += 1;
                self.cx.emit(Event::LogLine {
                    source: stream.source.clone(),
                    task: stream.task.id().to_owned(),
                    at: event.at,
                    message: event.message,
                });
            }
        }
    }
}

impl Stream {
    async fn read(&mut self, cx: &Context, ecs: &Ecs) -> Result<()> {
        match ecs.logs.page(&self.stream, &self.cursor).await {
            Ok(page) => {
                self.failures = 0;
                self.buffer = page.events.into();
                self.cursor = page.next;
                self.at_end = page.at_end;
                Ok(())
            }
            // Nothing was written yet.
            Err(Error::NotFound(_)) => {
                self.at_end = true;
                Ok(())
            }
            // There will be another round, but not for ever.
            Err(error) if error.is_retryable() && self.failures < TOLERATED_FAILURES => {
                self.failures += 1;
                cx.clock().sleep(POLL).await;
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use adhoc_core::testing::{
        FakeLogs, FakeNetwork, FakeServices, FakeTaskDefinitions, FakeTasks, ManualClock, RecordingSink,
    };

    use super::*;

    fn event(second: i64, message: &str) -> LogEvent {
        LogEvent::new(Timestamp::from_second(second).expect("valid"), message)
    }

    struct World {
        cx: Context,
        sink: Arc<RecordingSink>,
        tasks: Arc<FakeTasks>,
        logs: Arc<FakeLogs>,
        ecs: Ecs,
        definition: TaskDefinition,
    }

    fn world() -> World {
        let sink = Arc::new(RecordingSink::default());
        let cx = Context::new(Arc::new(ManualClock::new()), sink.clone());
        let definitions = FakeTaskDefinitions::default();
        let definition = definitions.insert_simple("f", "web", "x:1");
        let (tasks, logs) = (Arc::new(FakeTasks::default()), Arc::new(FakeLogs::default()));
        let ecs = Ecs::new(
            Arc::new(definitions),
            tasks.clone(),
            Arc::new(FakeServices::default()),
            logs.clone(),
            Arc::new(FakeNetwork::default()),
        );
        World { cx, sink, tasks, logs, ecs, definition }
    }

    impl World {
        fn start_task(&self, id: &str) {
            let mut task = Task::new(TaskArn::new(format!("arn:x/c/{id}")), self.definition.arn(), "RUNNING");
            task.group = Some("service:web".to_owned());
            self.tasks.insert(task, Vec::new());
        }

        fn request(&self) -> ServiceLogs {
            ServiceLogs::new("c".into(), "web".into(), Timestamp::UNIX_EPOCH)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn tasks_are_merged_in_time_order_page_by_page() {
        let w = world();
        w.start_task("1");
        w.start_task("2");
        w.logs.append("web/web/1", vec![event(1, "a"), event(4, "d")]);
        w.logs.append("web/web/1", Vec::new());
        w.logs.append("web/web/1", vec![event(5, "e")]);
        w.logs.append("web/web/2", vec![event(2, "b"), event(3, "c"), event(6, "f")]);
        let lines = service_logs(&w.cx, &w.ecs, &w.request()).await.expect("reads");
        assert_eq!(lines, 6);
        assert_eq!(w.sink.log_lines(), ["a", "b", "c", "d", "e", "f"]);
    }

    #[tokio::test(start_paused = true)]
    async fn following_survives_the_replacement_of_a_task() {
        let w = world();
        w.start_task("1");
        w.logs.append("web/web/1", vec![event(1, "old")]);
        let request = w.request().with_follow(true);
        let (result, ()) = tokio::join!(service_logs(&w.cx, &w.ecs, &request), async {
            w.cx.clock().sleep(Duration::from_secs(10)).await;
            w.start_task("2");
            w.logs.append("web/web/2", vec![event(20, "new")]);
            w.cx.clock().sleep(Duration::from_secs(30)).await;
            w.cx.cancellation().cancel();
        });
        assert!(matches!(result, Err(Error::Cancelled(_))));
        assert_eq!(w.sink.log_lines(), ["old", "new"]);
    }
}
