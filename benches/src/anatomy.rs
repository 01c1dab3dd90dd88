use adhoc_core::{ClusterName, Error, Result, ServiceName, TaskArn};
use adhoc_ecs::Ecs;
use adhoc_local::Call;

/// Where the time of one update went, in milliseconds, by the server's clock: when requests came in, when the task
/// stopped, when each deployment was finished. Nothing that the client says about itself takes part, except when it
/// was called and when it returned.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct Anatomy {
    /// The whole update.
    pub wall: i64,
    /// From its start to the first `RegisterTaskDefinition`.
    pub resolve: i64,
    /// From the first `RegisterTaskDefinition` to the last.
    pub register: i64,
    /// From the last `RegisterTaskDefinition` to `RunTask`.
    pub to_run_task: i64,
    /// From `RunTask` until the task had stopped.
    pub migration: i64,
    /// From then to the first `UpdateService`.
    pub to_roll: i64,
    /// The longest time from an `UpdateService` until its deployment was finished.
    pub rollout: i64,
    /// From the last finished deployment until the update returned.
    pub to_return: i64,
    /// What was asked of the server.
    pub calls: Calls,
}

/// How many requests of an update are polls, and how many are not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Calls {
    /// `DescribeTasks`, `GetLogEvents`, and `DescribeServices` after the first.
    pub polls: i64,
    /// All others.
    pub others: i64,
}

impl Calls {
    /// Counts `calls`.
    #[must_use]
    pub fn of(calls: &[Call]) -> Self {
        let times = |operation: &str| calls.iter().filter(|call| call.operation == operation).count();
        let polls = times("DescribeTasks") + times("GetLogEvents") + times("DescribeServices").saturating_sub(1);
        Self { polls: as_i64(polls), others: as_i64(calls.len() - polls) }
    }
}

impl Anatomy {
    /// What no client could shorten: register, migration and the slowest rollout.
    #[must_use]
    pub fn critical_path(&self) -> i64 {
        self.register + self.migration + self.rollout
    }

    /// What the client adds to it.
    #[must_use]
    pub fn overhead(&self) -> i64 {
        self.wall - self.critical_path()
    }
}

fn as_i64(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Dissects an update that began and ended at these moments (milliseconds since the epoch), made these calls, and ran
/// `task`.
///
/// # Errors
///
/// [`Error::NotFound`] if a call, the task or a deployment that belongs to an update is not there; those of AWS.
pub async fn dissect(
    ecs: &Ecs,
    client: &aws_sdk_ecs::Client,
    calls: &[Call],
    (began, ended): (i64, i64),
    task: &TaskArn,
) -> Result<Anatomy> {
    let registered = times_of(calls, "RegisterTaskDefinition");
    let updated = times_of(calls, "UpdateService");
    let ran = *times_of(calls, "RunTask").first().ok_or_else(|| missing("RunTask"))?;
    let (Some(&first_register), Some(&last_register)) = (registered.first(), registered.last()) else {
        return Err(missing("RegisterTaskDefinition"));
    };
    let first_update = *updated.first().ok_or_else(|| missing("UpdateService"))?;
    let cluster = ClusterName::new("alpha-cluster");
    let stopped = ecs.tasks.describe(&cluster, std::slice::from_ref(task)).await?.pop().and_then(|it| it.stopped_at);
    let stopped = stopped.ok_or_else(|| missing("the task"))?.as_millisecond();

    let (mut rollout, mut last_finished) = (0, 0);
    for call in calls.iter().filter(|call| call.operation == "UpdateService") {
        let service = call.request.get("service").and_then(serde_json::Value::as_str).unwrap_or_default();
        let finished = finished_at(client, &cluster, &service.into()).await?;
        rollout = rollout.max(finished - at(call));
        last_finished = last_finished.max(finished);
    }
    Ok(Anatomy {
        wall: ended - began,
        resolve: first_register - began,
        register: last_register - first_register,
        to_run_task: ran - last_register,
        migration: stopped - ran,
        to_roll: first_update - stopped,
        rollout,
        to_return: ended - last_finished,
        calls: Calls::of(calls),
    })
}

/// When the newest deployment of a service was finished.
async fn finished_at(client: &aws_sdk_ecs::Client, cluster: &ClusterName, service: &ServiceName) -> Result<i64> {
    let request = client.list_service_deployments().cluster(cluster.as_str()).service(service.as_str());
    let reply = request.send().await.map_err(|error| missing("ListServiceDeployments").with_source(error))?;
    let newest = reply
        .service_deployments()
        .iter()
        .max_by_key(|it| it.created_at().map(aws_sdk_ecs::primitives::DateTime::as_nanos));
    let finished = newest.and_then(|it| it.finished_at()).and_then(|at| at.to_millis().ok());
    finished.ok_or_else(|| missing(service.as_str()))
}

fn times_of(calls: &[Call], operation: &str) -> Vec<i64> {
    let mut times: Vec<i64> = calls.iter().filter(|call| call.operation == operation).map(at).collect();
    times.sort_unstable();
    times
}

fn at(call: &Call) -> i64 {
    i64::try_from(call.at_ms).unwrap_or(i64::MAX)
}

fn missing(what: &str) -> Error {
    Error::not_found("dissect", what, "is not there")
}
