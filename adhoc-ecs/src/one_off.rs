//! One-off tasks: start or join one, stream its logs, judge its end.

use std::collections::BTreeMap;
use std::time::Duration;

use adhoc_core::{
    Check, ClusterName, ContainerName, Context, Error, Event, LaunchMode, LogStream, NetworkConfiguration, Result,
    RunTask, Task, TaskArn, TaskDefinition, TaskFilter, TaskState, TaskSummary, Timestamp, Variables, WaitConfig,
    wait_for,
};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::cloning::OUTPUT_ONLY;
use crate::log_tail::LogTail;
use crate::{Ecs, TaskEnd, judge_task};

/// A one-off task stands in the way of everything after it: its end is to be seen soon.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// A client token is only reused within this window, which is shorter than the hour for which ECS remembers a stopped
/// task: a token can then never give back a task that has been forgotten.
const TOKEN_WINDOW_SECONDS: i64 = 30 * 60;

/// A one-off task: what runs, and where.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct OneOff {
    /// The cluster.
    pub cluster: ClusterName,
    /// The exact revision.
    pub definition: TaskDefinition,
    /// The container whose exit code and logs count.
    pub container: ContainerName,
    /// Where and on what it runs.
    pub placement: Placement,
    /// A command instead of the definition's.
    pub command: Option<Vec<String>>,
    /// Environment variables added to the definition's.
    pub environment: Variables,
    /// How long to wait for its end. Default 30 minutes.
    pub timeout: Duration,
}

/// Where and on what a one-off task runs: as the service does that it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Placement {
    /// Launch type or capacity providers.
    pub launch: LaunchMode,
    /// Subnets and security groups.
    pub network: Option<NetworkConfiguration>,
    /// The Fargate platform version.
    pub platform_version: Option<String>,
}

impl Placement {
    /// A placement on the latest platform version.
    #[must_use]
    pub fn new(launch: LaunchMode, network: Option<NetworkConfiguration>) -> Self {
        Self { launch, network, platform_version: None }
    }

    /// Sets the Fargate platform version.
    #[must_use]
    pub fn with_platform_version(mut self, version: Option<String>) -> Self {
        self.platform_version = version;
        self
    }
}

impl OneOff {
    /// The definition's own command, with the default timeout.
    #[must_use]
    pub fn new(
        cluster: ClusterName,
        definition: TaskDefinition,
        container: ContainerName,
        placement: Placement,
    ) -> Self {
        Self {
            cluster,
            definition,
            container,
            placement,
            command: None,
            environment: Variables::default(),
            timeout: Duration::from_secs(30 * 60),
        }
    }

    /// Replaces the command.
    #[must_use]
    pub fn with_command(mut self, command: Option<Vec<String>>) -> Self {
        self.command = command;
        self
    }

    /// Adds environment variables.
    #[must_use]
    pub fn with_environment(mut self, environment: Variables) -> Self {
        self.environment = environment;
        self
    }

    /// Sets how long to wait for its end.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The `startedBy` of every task that does the same: same definition, container, command and environment. Two
    /// revisions with the same contents are the same: two updates that begin at once register one each.
    #[must_use]
    pub fn started_by(&self) -> String {
        let mut document = self.definition.document.clone();
        document.retain(|member, _| !OUTPUT_ONLY.contains(&member.as_str()));
        let document = canonical(&Value::Object(document)).unwrap_or_default();
        let environment: Vec<(&str, &str)> = self.environment.iter().collect();
        let what = format!("{document}|{}|{:?}|{environment:?}", self.container, self.command);
        let family: String = self.definition.arn().family().chars().take(80).collect();
        format!("adhoc/{family}/{}", &fingerprint(&what)[..32])
    }
}

/// A one-off task that has come to its end.
#[derive(Debug)]
#[non_exhaustive]
pub struct FinishedTask {
    /// What became of it.
    pub summary: TaskSummary,
    /// How it ended.
    pub end: TaskEnd,
    logs: Option<LogTail>,
    stopped_at: Timestamp,
}

impl FinishedTask {
    /// Reads the rest of its logs, waiting up to five seconds after it stopped for lines that CloudWatch delivers late.
    /// Gives back the last lines. A container that never ran has none to wait for.
    pub async fn drain_logs(&mut self) -> Vec<String> {
        match self.logs.take() {
            Some(tail) if matches!(self.end, TaskEnd::NeverStarted { .. }) => tail.finish().await,
            Some(tail) => tail.drain(self.stopped_at).await,
            None => Vec::new(),
        }
    }
}

/// Runs a one-off task to its end, or joins one that does the same and still runs, and streams its logs meanwhile.
///
/// A task that ran and failed is not an error here: see [`FinishedTask::end`]. Emits [`Event::TaskStarted`],
/// [`Event::LogLine`] and [`Event::TaskStopped`].
///
/// # Errors
///
/// [`Error::TaskNotStarted`] where ECS has no place for it; [`Error::Timeout`], [`Error::Cancelled`] and those of the backend,
/// all of which may leave the task running and then say so.
pub async fn run_one_off(cx: &Context, ecs: &Ecs, what: &OneOff) -> Result<FinishedTask> {
    start_one_off(cx, ecs, what).await?.finish(cx, ecs, what).await
}

/// A one-off task that was started or joined.
pub(crate) struct RunningTask {
    arn: TaskArn,
    logs: Option<LogTail>,
}

/// Starts or joins a one-off task and begins to stream its logs.
pub(crate) async fn start_one_off(cx: &Context, ecs: &Ecs, what: &OneOff) -> Result<RunningTask> {
    let (arn, joined) = start_or_join(cx, ecs, what).await?;
    let family = what.definition.family().to_string();
    cx.emit(Event::TaskStarted { family, arn: arn.to_string(), joined });
    Ok(RunningTask { logs: tail(cx, ecs, what, &arn), arn })
}

impl RunningTask {
    /// What is known of it while it runs.
    pub(crate) fn summary(&self, what: &OneOff) -> TaskSummary {
        TaskSummary {
            family: what.definition.family().to_string(),
            arn: Some(self.arn.to_string()),
            exit_code: None,
            stop_code: None,
            reason: Some("it was not seen to end".to_owned()),
        }
    }

    /// Waits for its end and judges it.
    pub(crate) async fn finish(self, cx: &Context, ecs: &Ecs, what: &OneOff) -> Result<FinishedTask> {
        let family = what.definition.family();
        let stopped = wait_until_stopped(cx, ecs, what, &self.arn).await.map_err(|error| {
            error.with_left_behind(format!("task {} of {family} may still run in {}", self.arn.id(), what.cluster))
        })?;
        let summary = summarise(&stopped, what);
        cx.emit(Event::TaskStopped {
            family: family.to_string(),
            arn: self.arn.to_string(),
            exit_code: summary.exit_code,
            stop_code: summary.stop_code.clone(),
            reason: summary.reason.clone(),
        });
        let end = judge_task(&stopped, &what.container);
        // By our own clock, which need not agree with that of AWS.
        Ok(FinishedTask { summary, end, logs: self.logs, stopped_at: cx.clock().now() })
    }
}

async fn start_or_join(cx: &Context, ecs: &Ecs, what: &OneOff) -> Result<(TaskArn, bool)> {
    let started_by = what.started_by();
    let filter = TaskFilter::StartedBy(started_by.clone());
    let (running, stopped) = tokio::try_join!(
        ecs.tasks.list(&what.cluster, &filter, TaskState::Running),
        ecs.tasks.list(&what.cluster, &filter, TaskState::Stopped),
    )?;
    if let Some(task) = running.into_iter().min() {
        return Ok((task, true));
    }
    wait_until_gone(cx, ecs, what, &stopped).await?;
    let request = RunTask::new(what.cluster.clone(), what.definition.arn(), what.container.clone())
        .with_launch(what.placement.launch.clone())
        .with_network(what.placement.network.clone())
        .with_platform_version(what.placement.platform_version.clone())
        .with_command(what.command.clone())
        .with_environment(what.environment.clone());
    cx.ensure_not_cancelled()?;
    let token = client_token(&request, &started_by, stopped.clone(), cx.clock().now());
    match ecs.tasks.run(&request.with_identity(started_by, token)).await {
        Ok(task) => Ok((task.arn, false)),
        // Another run has started it in this moment, from a revision of its own.
        Err(error @ Error::Conflict(_)) => {
            let other = Box::pin(appeared_task(cx, ecs, what, &filter, &stopped, Duration::from_secs(30))).await;
            other.map(|task| (task, true)).ok_or(error)
        }
        // The answer may have been lost, and the task started.
        Err(error) if error.is_retryable() => {
            let ours = Box::pin(appeared_task(cx, ecs, what, &filter, &stopped, Duration::from_secs(5))).await;
            ours.map(|task| (task, false)).ok_or_else(|| {
                error.with_left_behind(format!("a task of {} may have been started", what.definition.family()))
            })
        }
        Err(error) => Err(error),
    }
}

/// A task of the same release that was told to stop may still be at work: nothing is started beside it.
async fn wait_until_gone(cx: &Context, ecs: &Ecs, what: &OneOff, stopped: &[TaskArn]) -> Result<()> {
    if stopped.is_empty() {
        return Ok(());
    }
    let title = format!("the former {}", what.definition.family());
    let config = WaitConfig::new(title).with_timeout(what.timeout).with_pauses(SHORTEST_PAUSE, LONGEST_PAUSE);
    let probe = || async { Ok(Some(ecs.tasks.describe(&what.cluster, stopped).await?)) };
    let all_gone = |tasks: Option<&Vec<Task>>| match tasks.into_iter().flatten().find(|task| !task.is_stopped()) {
        Some(task) => Check::NotYet(format!("task {} is still stopping", task.arn.id())),
        None => Check::Ready,
    };
    wait_for(cx, &config, probe, &all_gone).await.map(drop)
}

/// The task that was not there before, once it is listed, which it may be as a stopped one already; none if it does not
/// appear in time, or if nobody may look.
async fn appeared_task(
    cx: &Context,
    ecs: &Ecs,
    what: &OneOff,
    filter: &TaskFilter,
    before: &[TaskArn],
    patience: Duration,
) -> Option<TaskArn> {
    let config = WaitConfig::new(what.definition.family().as_str()).with_timeout(patience);
    let probe = || async {
        let (running, stopped) = tokio::try_join!(
            ecs.tasks.list(&what.cluster, filter, TaskState::Running),
            ecs.tasks.list(&what.cluster, filter, TaskState::Stopped),
        )?;
        Ok(running.into_iter().chain(stopped).filter(|task| !before.contains(task)).min())
    };
    let is_listed = |task: Option<&TaskArn>| match task {
        Some(_) => Check::Ready,
        None => Check::NotYet("the task is not listed yet".to_owned()),
    };
    wait_for(cx, &config, probe, &is_listed).await.ok().flatten()
}

/// Two runs that begin at the same moment see the same stopped tasks, make the same token, and so share one task. A run
/// after a task has stopped sees one stopped task more, and so gets a task of its own.
fn client_token(request: &RunTask, started_by: &str, mut stopped: Vec<TaskArn>, now: Timestamp) -> String {
    stopped.sort();
    let window = now.as_second().div_euclid(TOKEN_WINDOW_SECONDS);
    // Not the revision: another run may have registered one of its own with the same contents.
    let what = (&request.launch, &request.network, &request.platform_version);
    fingerprint(&format!("{started_by}|{what:?}|{stopped:?}|{window}"))
}

/// The document with its members in order and without empty ones, which ECS fills in as it likes.
fn canonical(value: &Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Array(items) => {
            let items: Vec<Value> = items.iter().filter_map(canonical).collect();
            (!items.is_empty()).then(|| Value::Array(items))
        }
        Value::Object(members) => {
            let members = members.iter().filter_map(|(name, value)| Some((name.clone(), canonical(value)?)));
            let sorted: BTreeMap<String, Value> = members.collect();
            (!sorted.is_empty()).then(|| Value::Object(sorted.into_iter().collect()))
        }
        other => Some(other.clone()),
    }
}

/// 64 hexadecimal digits.
fn fingerprint(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn tail(cx: &Context, ecs: &Ecs, what: &OneOff, task: &TaskArn) -> Option<LogTail> {
    let family = what.definition.family();
    let Some(configuration) = what.definition.log_configuration(&what.container) else {
        cx.hint(format!(
            "container {} of {family} does not log to CloudWatch Logs (awslogs), so its output is not shown",
            what.container
        ));
        return None;
    };
    let stream = LogStream::of_container(&configuration, &what.container, task);
    Some(LogTail::start(cx, ecs.logs.clone(), stream, family.as_str(), task.id()))
}

async fn wait_until_stopped(cx: &Context, ecs: &Ecs, what: &OneOff, task: &TaskArn) -> Result<Task> {
    let config = WaitConfig::new(what.definition.family().as_str())
        .with_timeout(what.timeout)
        .with_pauses(SHORTEST_PAUSE, LONGEST_PAUSE);
    let ids = [task.clone()];
    let probe = || async { Ok(ecs.tasks.describe(&what.cluster, &ids).await?.pop()) };
    let stopped = wait_for(cx, &config, probe, &task_stopped).await?;
    stopped.ok_or_else(|| Error::internal("", task.id(), "stopped without being seen"))
}

/// The condition that a task has come to its end.
pub fn task_stopped(task: Option<&Task>) -> Check {
    match task {
        Some(task) if task.is_stopped() => Check::Ready,
        Some(task) => Check::NotYet(format!("the task is {}", task.last_status)),
        None => Check::NotYet("the task is not visible yet".to_owned()),
    }
}

fn summarise(task: &Task, what: &OneOff) -> TaskSummary {
    let container = task.container(&what.container);
    TaskSummary {
        family: what.definition.family().to_string(),
        arn: Some(task.arn.to_string()),
        exit_code: container.and_then(|container| container.exit_code),
        stop_code: task.stop_code.clone(),
        reason: container.and_then(|container| container.reason.clone()).or_else(|| task.stopped_reason.clone()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use adhoc_core::ContainerState;
    use adhoc_core::testing::{
        FakeLogs, FakeNetwork, FakeServices, FakeTaskDefinitions, FakeTasks, ManualClock, RecordingSink,
    };

    use super::*;

    struct World {
        cx: Context,
        sink: Arc<RecordingSink>,
        tasks: Arc<FakeTasks>,
        ecs: Ecs,
        what: OneOff,
    }

    fn world() -> World {
        let sink = Arc::new(RecordingSink::default());
        let cx = Context::new(Arc::new(ManualClock::new()), sink.clone());
        let definitions = FakeTaskDefinitions::default();
        let definition = definitions.insert_simple("alpha-migrate", "migrate", "backend:v1");
        let tasks = Arc::new(FakeTasks::default());
        let ecs = Ecs::new(
            Arc::new(definitions),
            tasks.clone(),
            Arc::new(FakeServices::default()),
            Arc::new(FakeLogs::default()),
            Arc::new(FakeNetwork::default()),
        );
        let what = OneOff::new(
            "alpha-cluster".into(),
            definition,
            "migrate".into(),
            Placement::new(LaunchMode::ClusterDefault, None),
        );
        World { cx, sink, tasks, ecs, what }
    }

    fn state(status: &str, exit_code: Option<i32>) -> Task {
        Task::new(TaskArn::new(""), adhoc_core::TaskDefinitionArn::new(""), status)
            .with_containers(vec![ContainerState::new("migrate".into(), status).with_exit_code(exit_code)])
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_is_started_watched_and_judged() {
        let w = world();
        w.tasks
            .script("alpha-migrate", vec![state("PENDING", None), state("RUNNING", None), state("STOPPED", Some(0))]);
        let mut finished = run_one_off(&w.cx, &w.ecs, &w.what).await.expect("runs");
        finished.drain_logs().await;
        assert_eq!(finished.end, TaskEnd::Succeeded);
        assert_eq!(w.sink.names(), ["task_started", "wait_progress", "wait_progress", "task_stopped"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_running_task_of_the_same_release_is_joined() {
        let w = world();
        let mut running = Task::new(TaskArn::new("arn:x/7"), w.what.definition.arn(), "RUNNING");
        running.started_by = Some(w.what.started_by());
        w.tasks.insert(running, vec![state("RUNNING", None), state("STOPPED", Some(0))]);
        let finished = run_one_off(&w.cx, &w.ecs, &w.what).await.expect("joins");
        assert_eq!(finished.summary.arn.as_deref(), Some("arn:x/7"));
        assert!(w.tasks.requests().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn cancelling_leaves_the_task_and_says_so() {
        let w = world();
        w.tasks.script("alpha-migrate", vec![state("RUNNING", None)]);
        let token = w.cx.cancellation().clone();
        let (result, ()) = tokio::join!(run_one_off(&w.cx, &w.ecs, &w.what), async {
            w.cx.clock().sleep(Duration::from_secs(3)).await;
            token.cancel();
        });
        let error = result.expect_err("cancelled");
        assert!(matches!(error, Error::Cancelled(_)));
        assert_eq!(error.detail().left_behind, ["task 1 of alpha-migrate may still run in alpha-cluster"]);
    }

    #[test]
    fn started_by_and_token_keep_to_the_limits_of_ecs() {
        let mut w = world();
        let family = "f".repeat(255);
        w.what.definition = FakeTaskDefinitions::default().insert_simple(&family, "migrate", "x");
        let started_by = w.what.started_by();
        assert!(started_by.len() <= 128, "{started_by}");
        assert!(started_by.chars().all(|c| c.is_ascii_alphanumeric() || "-/_".contains(c)));
        assert_eq!(fingerprint("x").len(), 64);
    }

    #[test]
    fn revisions_of_the_same_contents_are_the_same_release() {
        let w = world();
        let mut again = w.what.clone();
        let document = &mut again.definition.document;
        document.insert("taskDefinitionArn".to_owned(), serde_json::json!("arn:x/alpha-migrate:9"));
        document.insert("volumes".to_owned(), serde_json::json!([]));
        let family = document.shift_remove("family").expect("has one");
        document.insert("family".to_owned(), family);
        assert_eq!(again.started_by(), w.what.started_by());
        again.definition.document.insert("cpu".to_owned(), serde_json::json!("256"));
        assert_ne!(again.started_by(), w.what.started_by());
    }

    #[test]
    fn simultaneous_runs_share_a_token_and_later_ones_do_not() {
        let request = RunTask::new("c".into(), adhoc_core::TaskDefinitionArn::new("d"), "m".into());
        let now = Timestamp::UNIX_EPOCH;
        let first = client_token(&request, "by", vec![TaskArn::new("a"), TaskArn::new("b")], now);
        assert_eq!(first, client_token(&request, "by", vec![TaskArn::new("b"), TaskArn::new("a")], now));
        assert_ne!(first, client_token(&request, "by", vec![TaskArn::new("a")], now));
        assert_ne!(
            first,
            client_token(&request, "by", vec![TaskArn::new("a"), TaskArn::new("b")], now + Duration::from_secs(3600))
        );
    }
}
