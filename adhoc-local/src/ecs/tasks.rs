//! Looking at tasks, stopping them, and opening a session in one.

use super::{
    World,
    task_model::{ContainerState, Phase, Task},
    world::{failure, includes, short_name},
};
use crate::{
    error::ApiError,
    fault::Faults,
    json::{Members, listing, page},
    sync::lock,
};
use serde_json::{Value, json};
use std::sync::Mutex;

impl World {
    pub(super) fn describe_tasks(&self, input: &Value, faults: &Mutex<Faults>) -> Result<Value, ApiError> {
        let cluster = self.cluster_name(input)?;
        let asked = input.texts("tasks");
        if asked.is_empty() {
            return Err(ApiError::invalid("Tasks cannot be empty."));
        }
        if asked.len() > 100 {
            return Err(ApiError::invalid("Tasks can have at most 100 items."));
        }
        let faults = &mut *lock(faults);
        let (mut tasks, mut failures) = (Vec::new(), Vec::new());
        for reference in asked {
            let id = short_name(&reference);
            match self.task(&cluster, &reference).filter(|_| !faults.hides(id)) {
                Some(task) => tasks.push(self.task_value(task, includes(input, "TAGS"))),
                None => failures.push(failure(&self.arn("ecs", &format!("task/{cluster}/{id}")), "MISSING")),
            }
        }
        Ok(json!({"tasks": tasks, "failures": failures}))
    }

    pub(super) fn stop_task(&mut self, input: &Value, now: u64) -> Result<Value, ApiError> {
        let cluster = self.cluster_name(input)?;
        let reference = input.required("task")?;
        let Some(id) = self.task(&cluster, reference).map(|task| task.id.clone()) else {
            return Err(ApiError::invalid("The referenced task was not found."));
        };
        let timing = self.timing;
        let reason = input.text("reason").unwrap_or("Task stopped by user").to_owned();
        if let Some(task) = self.task_mut(&id) {
            task.begin_stop("UserInitiated", reason, &timing, now);
        }
        let task = self.task(&cluster, &id).map(|task| self.task_value(task, true));
        Ok(json!({"task": task}))
    }

    pub(super) fn list_tasks(&self, input: &Value) -> Result<Value, ApiError> {
        let cluster = self.cluster_name(input)?;
        let filter = TaskFilter::new(input)?;
        if filter.service.is_some_and(|name| !self.services.contains_key(&(cluster.clone(), name.to_owned()))) {
            return Err(ApiError::service_not_found());
        }
        let arns: Vec<Value> = self
            .tasks
            .values()
            .filter(|task| task.cluster == cluster && filter.admits(task))
            .map(|task| Value::from(task.arn.as_str()))
            .collect();
        if input.number("maxResults").is_some_and(|n| !(1..=100).contains(&n)) {
            return Err(ApiError::invalid("maxResults must be between 1 and 100."));
        }
        let (items, next) = page(&arns, input, 100)?;
        Ok(listing("taskArns", items, next))
    }

    pub(super) fn execute_command(&self, input: &Value) -> Result<Value, ApiError> {
        let cluster = self.cluster_name(input)?;
        let command = input.required("command")?;
        let Some(task) = self.task(&cluster, input.required("task")?) else {
            return Err(ApiError::invalid("The referenced task was not found."));
        };
        if !task.exec {
            return Err(ApiError::invalid(
                "The execute command failed because execute command was not enabled when the task was run or the execute command agent isn’t running. Wait and try again or run a new task with execute command enabled and try again.",
            ));
        }
        let wanted = input.text("container");
        if wanted.is_none() && task.containers.len() > 1 {
            return Err(ApiError::invalid("The container name must be specified for a task with multiple containers."));
        }
        let Some(container) = task.containers.iter().find(|container| wanted.is_none_or(|name| container.name == name))
        else {
            return Err(ApiError::invalid("The specified container was not found in the task."));
        };
        if task.phase != Phase::Running || container.state != ContainerState::Running {
            return Err(ApiError::new(
                "TargetNotConnectedException",
                "The execute command failed due to an internal error. Try again later.",
            ));
        }
        tracing::debug!(command, "a session was asked for; only its description is made");
        let session = format!("ecs-execute-command-{}", uuid::Uuid::new_v4().simple());
        Ok(json!({
            "clusterArn": self.cluster_arn(&cluster),
            "containerArn": self.container_arn(task, &container.name),
            "containerName": container.name,
            "interactive": input.flag("interactive"),
            "session": {
                "sessionId": session,
                "streamUrl": format!("wss://ssmmessages.{}.amazonaws.com/v1/data-channel/{session}", self.region),
                "tokenValue": uuid::Uuid::new_v4().simple().to_string(),
            },
            "taskArn": task.arn,
        }))
    }
}

struct TaskFilter<'a> {
    family: Option<&'a str>,
    service: Option<&'a str>,
    started_by: Option<&'a str>,
    launch_type: Option<&'a str>,
    desired_status: &'a str,
}

impl<'a> TaskFilter<'a> {
    fn new(input: &'a Value) -> Result<Self, ApiError> {
        let filter = Self {
            family: input.text("family"),
            service: input.text("serviceName").map(short_name),
            started_by: input.text("startedBy"),
            launch_type: input.text("launchType"),
            desired_status: input.text("desiredStatus").unwrap_or("RUNNING"),
        };
        if filter.started_by.is_some() && (filter.family.is_some() || filter.service.is_some()) {
            return Err(ApiError::invalid("startedBy must be the only filter when specified."));
        }
        if filter.family.is_some() && filter.service.is_some() {
            return Err(ApiError::invalid("Specify either family or serviceName, but not both."));
        }
        Ok(filter)
    }

    fn admits(&self, task: &Task) -> bool {
        let service = task.service.as_ref().map(|(name, _)| name.as_str());
        self.family.is_none_or(|family| task.family == family)
            && (self.service.is_none() || self.service == service)
            && (self.started_by.is_none() || self.started_by == task.started_by.as_deref())
            && (self.launch_type.is_none() || self.launch_type == task.launch_type.as_deref())
            && task.desired_status() == self.desired_status
    }
}
