//! The logs of a whole service: every container of every task, merged in time order, across task replacement.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use adhoc_core::{
    ClusterName, Context, Error, Event, Family, LogCursor, LogEvent, LogStream, Result, ServiceName, Task, TaskArn,
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
    /// The family whose tasks are read where there is no such service: those of one-off tasks.
    pub family: Option<Family>,
    /// The oldest moment.
    pub since: Timestamp,
    /// Go on until cancelled.
    pub follow: bool,
}

impl ServiceLogs {
    /// What was logged since a moment, up to now.
    #[must_use]
    pub fn new(cluster: ClusterName, service: ServiceName, since: Timestamp) -> Self {
        Self { cluster, service, family: None, since, follow: false }
    }

    /// Reads the tasks of a family where there is no such service.
    #[must_use]
    pub fn or_family(mut self, family: Family) -> Self {
        self.family = Some(family);
        self
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
/// in memory at a time. While following, new tasks are found within five seconds, and a task that is being replaced is read until
/// it has stopped and its last lines have had fifteen seconds to arrive. Lines of different tasks are in order as far as CloudWatch
/// delivers them in order.
///
/// # Errors
///
/// [`Error::NotFound`] where there is no such service; [`Error::Cancelled`] ends following; those of the backend.
pub async fn service_logs(cx: &Context, ecs: &Ecs, what: &ServiceLogs) -> Result<u64> {
    let mut merge = Merge::new(cx, ecs, what);
    match merge.discover().await {
        Err(error) if what.follow && error.is_retryable() => tracing::debug!(%error, "no tasks could be listed"),
        other => other?,
    }
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
    filter: TaskFilter,
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
            filter: TaskFilter::Service(what.service.clone()),
            known: HashSet::new(),
            definitions: HashMap::new(),
            discovered_at: cx.clock().now(),
            lines: 0,
        }
    }

    /// Finds tasks that are new, and forgets streams of tasks that have been gone for a while.
    async fn discover(&mut self) -> Result<()> {
        let (running, stopping) = self.listed().await?;
        let now = self.cx.clock().now();
        self.discovered_at = now;
        let listed: HashSet<TaskArn> = running.iter().chain(&stopping).cloned().collect();
        // A task that is to stop may go on for minutes, with much to say.
        let live = self.streams.iter().filter(|stream| stream.gone_at.is_none());
        let ending = live.filter(|stream| !running.contains(&stream.task)).map(|stream| &stream.task);
        let asked: HashSet<&TaskArn> = listed.difference(&self.known).chain(ending).collect();
        let asked: Vec<TaskArn> = asked.into_iter().cloned().collect();
        let described = self.ecs.tasks.describe(&self.what.cluster, &asked).await?;
        for stream in self.streams.iter_mut().filter(|stream| stream.gone_at.is_none()) {
            let seen = described.iter().find(|task| task.arn == stream.task);
            let forgotten = seen.is_none() && !listed.contains(&stream.task);
            if forgotten || seen.is_some_and(Task::is_stopped) {
                stream.gone_at = Some(now);
            }
        }
        self.streams.retain(|stream| stream.gone_at.is_none_or(|gone_at| self.cx.since(gone_at) < LINGER));
        for task in described {
            if !self.known.contains(&task.arn) {
                self.meet(&task).await?;
            }
        }
        Ok(())
    }

    /// The tasks that are to run, and those that are to stop or have stopped.
    async fn listed(&mut self) -> Result<(HashSet<TaskArn>, HashSet<TaskArn>)> {
        let found = self.list().await;
        let found = match (&found, &self.what.family) {
            (Err(Error::NotFound(_)), Some(family)) if !matches!(self.filter, TaskFilter::Family(_)) => {
                self.filter = TaskFilter::Family(family.clone());
                match self.list().await {
                    // Neither is there: the service is what was asked for.
                    Ok((running, stopped)) if running.is_empty() && stopped.is_empty() => found,
                    other => other,
                }
            }
            _ => found,
        };
        found.map_err(|error| self.name_service(error))
    }

    async fn list(&self) -> Result<(HashSet<TaskArn>, HashSet<TaskArn>)> {
        let list = |state| self.ecs.tasks.list(&self.what.cluster, &self.filter, state);
        let (running, stopped) = tokio::try_join!(list(TaskState::Running), list(TaskState::Stopped))?;
        Ok((running.into_iter().collect(), stopped.into_iter().collect()))
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

    /// Reads a task from now on, if it may have something to say. It stays known for good: if it were met twice, its lines would
    /// be shown twice.
    async fn meet(&mut self, task: &Task) -> Result<()> {
        if task.stopped_at.is_none_or(|stopped_at| stopped_at >= self.what.since) {
            self.add(task).await?;
        }
        self.known.insert(task.arn.clone());
        Ok(())
    }

    async fn add(&mut self, task: &Task) -> Result<()> {
        let arn = task.task_definition.as_str();
        if !self.definitions.contains_key(arn) {
            let definition = match self.ecs.task_definitions.describe(arn).await {
                Ok(definition) => Some(definition),
                // In the next round, then.
                Err(error) if error.is_retryable() => return Err(error),
                Err(error) => {
                    let reason = error.chain().join(": ");
                    self.cx.hint(format!("the logs of task {} cannot be found: {reason}", task.arn.id()));
                    None
                }
            };
            self.definitions.insert(arn.to_owned(), definition);
        }
        let Some(Some(definition)) = self.definitions.get(arn) else { return Ok(()) };
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
        Ok(())
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

    use adhoc_core::Tasks;
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

    #[tokio::test(start_paused = true)]
    async fn a_task_is_read_until_it_has_stopped() {
        let w = world();
        let mut leaving = Task::new(TaskArn::new("arn:x/c/1"), w.definition.arn(), "RUNNING");
        leaving.group = Some("service:web".to_owned());
        w.logs.append("web/web/1", vec![event(1, "works")]);
        let (mut tasks, state) = (adhoc_core::testing::MockTasks::new(), Arc::new(std::sync::Mutex::new("RUNNING")));
        let (listed, described) = (state.clone(), state.clone());
        let is = |state: &std::sync::Mutex<&'static str>| *state.lock().expect("not poisoned");
        tasks.expect_list().returning(move |_, _, wanted| {
            let runs = is(&listed) == "RUNNING";
            let listed = runs == (wanted == TaskState::Running) && is(&listed) != "GONE";
            Ok(listed.then(|| TaskArn::new("arn:x/c/1")).into_iter().collect())
        });
        tasks.expect_describe().returning(move |_, asked| {
            let mut task = leaving.clone();
            is(&described).clone_into(&mut task.last_status);
            Ok(if asked.is_empty() { Vec::new() } else { vec![task] })
        });
        let ecs = Ecs { tasks: Arc::new(tasks), ..w.ecs.clone() };
        let request = w.request().with_follow(true);
        let set = |to| *state.lock().expect("not poisoned") = to;
        let (result, ()) = tokio::join!(service_logs(&w.cx, &ecs, &request), async {
            w.cx.clock().sleep(Duration::from_secs(10)).await;
            set("DEACTIVATING");
            // A load balancer may drain a task for minutes.
            w.cx.clock().sleep(Duration::from_secs(120)).await;
            w.logs.append("web/web/1", vec![event(130, "last request")]);
            w.cx.clock().sleep(Duration::from_secs(5)).await;
            set("STOPPED");
            w.cx.clock().sleep(Duration::from_secs(8)).await;
            w.logs.append("web/web/1", vec![event(136, "late")]);
            w.cx.clock().sleep(Duration::from_secs(60)).await;
            // It is not taken for a new one when it is listed again.
            set("GONE");
            w.cx.clock().sleep(Duration::from_secs(60)).await;
            set("STOPPED");
            w.cx.clock().sleep(Duration::from_secs(60)).await;
            w.cx.cancellation().cancel();
        });
        assert!(matches!(result, Err(Error::Cancelled(_))));
        assert_eq!(w.sink.log_lines(), ["works", "last request", "late"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_definition_that_cannot_be_read_now_is_read_later() {
        let w = world();
        w.start_task("1");
        w.logs.append("web/web/1", vec![event(1, "there")]);
        let (mut definitions, definition) = (adhoc_core::testing::MockTaskDefinitions::new(), w.definition.clone());
        let mut reads = 0;
        definitions.expect_describe().returning(move |_| {
            reads += 1;
            if reads == 1 {
                Err(Error::throttled("DescribeTaskDefinition", "f:1", "slow down"))
            } else {
                Ok(definition.clone())
            }
        });
        let ecs = Ecs { task_definitions: Arc::new(definitions), ..w.ecs.clone() };
        let request = w.request().with_follow(true);
        let (_, ()) = tokio::join!(service_logs(&w.cx, &ecs, &request), async {
            w.cx.clock().sleep(Duration::from_secs(20)).await;
            w.cx.cancellation().cancel();
        });
        assert_eq!(w.sink.log_lines(), ["there"]);
    }

    #[tokio::test(start_paused = true)]
    async fn one_off_tasks_are_read_by_their_family() {
        let w = world();
        w.start_task("1");
        w.logs.append("web/web/1", vec![event(1, "migrated")]);
        let fakes = w.tasks.clone();
        let (mut tasks, described) = (adhoc_core::testing::MockTasks::new(), fakes.clone());
        tasks.expect_list().returning(move |_, filter, state| match (filter, state) {
            (TaskFilter::Service(_), _) => Err(Error::not_found("ListTasks", "", "Service not found.")),
            (_, TaskState::Running) => Ok(vec![TaskArn::new("arn:x/c/1")]),
            _ => Ok(Vec::new()),
        });
        let task = described.describe(&"c".into(), &[TaskArn::new("arn:x/c/1")]).await.expect("there");
        tasks.expect_describe().returning(move |_, asked| Ok(if asked.is_empty() { Vec::new() } else { task.clone() }));
        let ecs = Ecs { tasks: Arc::new(tasks), ..w.ecs.clone() };
        assert!(matches!(service_logs(&w.cx, &ecs, &w.request()).await, Err(Error::NotFound(_))));
        let request = w.request().or_family("f".into());
        assert_eq!(service_logs(&w.cx, &ecs, &request).await.expect("reads"), 1);
    }
}
