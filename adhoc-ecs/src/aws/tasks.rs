use adhoc_core::{ClusterName, Error, Result, RunTask, Task, TaskArn, TaskFilter, TaskState, Tasks, async_trait};
use aws_sdk_ecs::Client;
use aws_sdk_ecs::types::{ContainerOverride, DesiredStatus, KeyValuePair, TaskOverride};
use futures_util::future::try_join_all;

use super::convert;
use super::error::from_sdk;

/// `DescribeTasks` takes no more.
const BATCH: usize = 100;

/// Tasks on AWS.
#[derive(Clone)]
pub struct AwsTasks {
    client: Client,
}

impl AwsTasks {
    /// On the account and region of `client`.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    async fn describe_batch(&self, cluster: &ClusterName, tasks: &[TaskArn]) -> Result<Vec<Task>> {
        let ids = tasks.iter().map(|task| task.as_str().to_owned()).collect();
        let request = self.client.describe_tasks().cluster(cluster.as_str()).set_tasks(Some(ids));
        let reply = request.send().await.map_err(|error| from_sdk("DescribeTasks", cluster.as_str(), &error))?;
        let failures = reply.failures().iter().filter(|failure| failure.reason() != Some("MISSING"));
        let failures: Vec<String> = failures.map(convert::failure).collect();
        if failures.is_empty() {
            Ok(reply.tasks().iter().map(convert::task).collect())
        } else {
            Err(Error::rejected("DescribeTasks", cluster.as_str(), failures.join("; ")))
        }
    }
}

fn overrides(request: &RunTask) -> Option<TaskOverride> {
    if request.command.is_none() && request.environment.is_empty() {
        return None;
    }
    let environment =
        request.environment.iter().map(|(name, value)| KeyValuePair::builder().name(name).value(value).build());
    let container = ContainerOverride::builder()
        .name(request.container.as_str())
        .set_command(request.command.clone())
        .set_environment((!request.environment.is_empty()).then(|| environment.collect()))
        .build();
    Some(TaskOverride::builder().container_overrides(container).build())
}

#[async_trait]
impl Tasks for AwsTasks {
    async fn run(&self, request: &RunTask) -> Result<Task> {
        let family = request.task_definition.family();
        let (launch_type, strategy) = convert::launch_input(&request.launch);
        let reply = self
            .client
            .run_task()
            .cluster(request.cluster.as_str())
            .task_definition(request.task_definition.as_str())
            .count(1)
            .set_launch_type(launch_type)
            .set_capacity_provider_strategy(strategy)
            .set_network_configuration(request.network.as_ref().and_then(convert::network_input))
            .set_platform_version(request.platform_version.clone())
            .set_overrides(overrides(request))
            .started_by(&request.started_by)
            .client_token(&request.client_token)
            .enable_execute_command(request.enable_execute_command)
            .send()
            .await
            .map_err(|error| from_sdk("RunTask", family, &error))?;
        let failures: Vec<String> = reply.failures().iter().map(convert::failure).collect();
        match reply.tasks().first() {
            Some(task) if failures.is_empty() => Ok(convert::task(task)),
            _ if failures.is_empty() => {
                Err(Error::task_not_started("RunTask", family, "ECS started no task and gave no reason"))
            }
            _ => Err(Error::task_not_started("RunTask", family, failures.join("; "))
                .with_hint("run the same command again later, or add another capacity provider or subnet")),
        }
    }

    async fn describe(&self, cluster: &ClusterName, tasks: &[TaskArn]) -> Result<Vec<Task>> {
        let batches = tasks.chunks(BATCH).map(|batch| self.describe_batch(cluster, batch));
        Ok(try_join_all(batches).await?.into_iter().flatten().collect())
    }

    async fn stop(&self, cluster: &ClusterName, task: &TaskArn, reason: &str) -> Result<()> {
        let request = self.client.stop_task().cluster(cluster.as_str()).task(task.as_str()).reason(reason);
        request.send().await.map(drop).map_err(|error| match from_sdk("StopTask", task.id(), &error) {
            Error::Rejected(detail) if detail.reason.contains("not found") => Error::NotFound(detail),
            other => other,
        })
    }

    async fn list(&self, cluster: &ClusterName, filter: &TaskFilter, state: TaskState) -> Result<Vec<TaskArn>> {
        let status = match state {
            TaskState::Stopped => DesiredStatus::Stopped,
            _ => DesiredStatus::Running,
        };
        let request = self.client.list_tasks().cluster(cluster.as_str()).desired_status(status);
        let request = match filter {
            TaskFilter::Service(service) => request.service_name(service.as_str()),
            TaskFilter::Family(family) => request.family(family.as_str()),
            TaskFilter::StartedBy(by) => request.started_by(by),
            _ => request,
        };
        let pages = request.into_paginator().items().send();
        let arns: Vec<String> = pages
            .collect::<std::result::Result<_, _>>()
            .await
            .map_err(|error| from_sdk("ListTasks", cluster.as_str(), &error))?;
        Ok(arns.into_iter().map(TaskArn::new).collect())
    }
}
