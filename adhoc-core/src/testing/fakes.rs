//! Fakes that keep state in memory and follow a script where ECS would take its time.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use serde_json::{Map, Value, json};

use crate::{
    ClusterName, Deployment, DeploymentId, DeploymentStatus, Error, LogCursor, LogEvent, LogPage, LogSource, LogStream,
    Network, Result, RolloutState, RunTask, Service, ServiceDeployment, ServiceName, ServiceUpdate, Services, Task,
    TaskArn, TaskDefinition, TaskDefinitionArn, TaskDefinitions, TaskFilter, TaskState, Tasks,
};

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Task definitions in memory: registering makes the next revision.
#[derive(Debug, Default)]
pub struct FakeTaskDefinitions {
    revisions: Mutex<Vec<TaskDefinition>>,
}

impl FakeTaskDefinitions {
    /// Registers `document` as the next revision of its family and returns it.
    pub fn insert(&self, mut document: Map<String, Value>) -> TaskDefinition {
        let mut revisions = lock(&self.revisions);
        let family = document.get("family").and_then(Value::as_str).unwrap_or_default().to_owned();
        let revision = revisions.iter().filter(|known| known.family().as_str() == family).count() + 1;
        let tags = match document.remove("tags") {
            Some(Value::Array(tags)) => tags,
            _ => Vec::new(),
        };
        let arn = format!("arn:aws:ecs:us-east-1:123456789012:task-definition/{family}:{revision}");
        document.insert("taskDefinitionArn".to_owned(), json!(arn));
        document.insert("revision".to_owned(), json!(revision));
        document.insert("status".to_owned(), json!("ACTIVE"));
        let definition = TaskDefinition::new(document, tags);
        revisions.push(definition.clone());
        definition
    }

    /// Registers a family with one container that logs to `/ecs/{family}`.
    pub fn insert_simple(&self, family: &str, container: &str, image: &str) -> TaskDefinition {
        let document = json!({"family": family, "containerDefinitions": [{
            "name": container, "image": image, "essential": true,
            "logConfiguration": {"logDriver": "awslogs", "options": {
                "awslogs-group": format!("/ecs/{family}"), "awslogs-stream-prefix": container}}}]});
        self.insert(document.as_object().cloned().unwrap_or_default())
    }

    /// How many revisions there are in all.
    pub fn count(&self) -> usize {
        lock(&self.revisions).len()
    }
}

#[async_trait]
impl TaskDefinitions for FakeTaskDefinitions {
    async fn describe(&self, reference: &str) -> Result<TaskDefinition> {
        let revisions = lock(&self.revisions);
        let matching = |known: &&TaskDefinition| {
            let arn = known.arn();
            arn.as_str() == reference || arn.short() == reference || (arn.family() == reference && known.is_active())
        };
        let newest = revisions.iter().rev().find(matching).cloned();
        newest.ok_or_else(|| Error::not_found("DescribeTaskDefinition", reference, "no ACTIVE revision"))
    }

    async fn register(&self, input: &Map<String, Value>) -> Result<TaskDefinition> {
        Ok(self.insert(input.clone()))
    }

    async fn deregister(&self, arn: &TaskDefinitionArn) -> Result<()> {
        let mut revisions = lock(&self.revisions);
        let known = revisions.iter_mut().find(|known| known.arn() == *arn);
        let known =
            known.ok_or_else(|| Error::not_found("DeregisterTaskDefinition", arn.short(), "no such revision"))?;
        known.document.insert("status".to_owned(), json!("INACTIVE"));
        Ok(())
    }
}

/// Services in memory. An update makes a deployment that is completed at the second `describe` after it, unless a
/// script says what the service looks like instead.
#[derive(Debug, Default)]
pub struct FakeServices {
    state: Mutex<FakeServicesState>,
}

#[derive(Debug, Default)]
struct FakeServicesState {
    services: HashMap<String, Service>,
    scripts: HashMap<String, VecDeque<Service>>,
    history: HashMap<String, Vec<ServiceDeployment>>,
    updates: Vec<ServiceUpdate>,
    deployments: u32,
}

impl FakeServices {
    /// Adds a service, or replaces the one of that name.
    pub fn insert(&self, service: Service) {
        lock(&self.state).services.insert(service.name.to_string(), service);
    }

    /// From the next update on, successive reads of the service give `states`; the last one stays.
    pub fn script(&self, service: &str, states: Vec<Service>) {
        lock(&self.state).scripts.insert(service.to_owned(), states.into());
    }

    /// Sets the deployment history of a service, newest first.
    pub fn set_history(&self, service: &str, history: Vec<ServiceDeployment>) {
        lock(&self.state).history.insert(service.to_owned(), history);
    }

    /// The updates that were sent, in order.
    pub fn updates(&self) -> Vec<ServiceUpdate> {
        lock(&self.state).updates.clone()
    }
}

impl FakeServicesState {
    fn read(&mut self, name: &ServiceName) -> Option<Service> {
        let updated = self.updates.iter().any(|update| update.service == *name);
        if updated && let Some(script) = self.scripts.get_mut(name.as_str()) {
            let last = script.len() == 1;
            return if last { script.front().cloned() } else { script.pop_front() };
        }
        let service = self.services.get_mut(name.as_str())?;
        let before = service.clone();
        complete(service);
        Some(before)
    }

    fn apply(&mut self, update: &ServiceUpdate) -> Result<Service> {
        self.updates.push(update.clone());
        self.deployments += 1;
        let id = DeploymentId::new(format!("ecs-svc/{}", self.deployments));
        let service = self.services.get_mut(update.service.as_str());
        let service =
            service.ok_or_else(|| Error::not_found("UpdateService", update.service.as_str(), "no such service"))?;
        service.desired_count = update.desired_count.unwrap_or(service.desired_count);
        if update.task_definition.is_some() || update.force_new_deployment {
            let arn = update.task_definition.clone().unwrap_or_else(|| service.task_definition.clone());
            service.task_definition = arn.clone();
            let deployment = Deployment::new(id, DeploymentStatus::Primary, arn)
                .with_counts(service.desired_count, 0, 0)
                .with_rollout(RolloutState::InProgress, "ECS deployment in progress.");
            for older in &mut service.deployments {
                older.status = DeploymentStatus::Active;
            }
            service.deployments.insert(0, deployment);
        }
        Ok(service.clone())
    }
}

fn complete(service: &mut Service) {
    service.deployments.truncate(1);
    service.running_count = service.desired_count;
    if let Some(deployment) = service.deployments.first_mut() {
        deployment.desired_count = service.desired_count;
        deployment.running_count = service.desired_count;
        deployment.rollout_state = Some(RolloutState::Completed);
    }
}

#[async_trait]
impl Services for FakeServices {
    async fn describe(&self, _: &ClusterName, services: &[ServiceName]) -> Result<Vec<Service>> {
        let mut state = lock(&self.state);
        Ok(services.iter().filter_map(|name| state.read(name)).collect())
    }

    async fn update(&self, update: &ServiceUpdate) -> Result<Service> {
        lock(&self.state).apply(update)
    }

    async fn history(&self, _: &ClusterName, service: &ServiceName, limit: u16) -> Result<Vec<ServiceDeployment>> {
        let history = lock(&self.state).history.get(service.as_str()).cloned().unwrap_or_default();
        Ok(history.into_iter().take(limit.into()).collect())
    }

    async fn list(&self, _: &ClusterName) -> Result<Vec<ServiceName>> {
        let mut names: Vec<ServiceName> = lock(&self.state).services.values().map(|known| known.name.clone()).collect();
        names.sort();
        Ok(names)
    }
}

/// Tasks in memory. Each `describe` of a task takes the next state of its family's script; the last one stays.
#[derive(Debug, Default)]
pub struct FakeTasks {
    state: Mutex<FakeTasksState>,
}

#[derive(Debug, Default)]
struct FakeTasksState {
    scripts: HashMap<String, Vec<Task>>,
    tasks: Vec<(Task, VecDeque<Task>)>,
    requests: Vec<RunTask>,
}

impl FakeTasks {
    /// What tasks of `family` look like, read after read. ARN and definition are filled in.
    pub fn script(&self, family: &str, states: Vec<Task>) {
        lock(&self.state).scripts.insert(family.to_owned(), states);
    }

    /// Adds a task that nobody here started, with the states that reading it gives.
    pub fn insert(&self, task: Task, states: Vec<Task>) {
        lock(&self.state).tasks.push((task, states.into()));
    }

    /// The requests that started a task, in order.
    pub fn requests(&self) -> Vec<RunTask> {
        lock(&self.state).requests.clone()
    }
}

#[async_trait]
impl Tasks for FakeTasks {
    async fn run(&self, request: &RunTask) -> Result<Task> {
        let mut state = lock(&self.state);
        state.requests.push(request.clone());
        let arn = TaskArn::new(format!(
            "arn:aws:ecs:us-east-1:123456789012:task/{}/{}",
            request.cluster,
            state.requests.len()
        ));
        let mut task = Task::new(arn, request.task_definition.clone(), "PROVISIONING");
        task.started_by = Some(request.started_by.clone());
        let script = state.scripts.get(request.task_definition.family()).cloned().unwrap_or_default();
        state.tasks.push((task.clone(), script.into()));
        Ok(task)
    }

    async fn describe(&self, _: &ClusterName, tasks: &[TaskArn]) -> Result<Vec<Task>> {
        let mut state = lock(&self.state);
        let known = state.tasks.iter_mut().filter(|(task, _)| tasks.contains(&task.arn));
        let read = known.map(|(task, script)| {
            if let Some(next) = script.pop_front() {
                *task = Task {
                    arn: task.arn.clone(),
                    task_definition: task.task_definition.clone(),
                    started_by: task.started_by.clone(),
                    ..next
                };
            }
            task.clone()
        });
        Ok(read.collect())
    }

    async fn stop(&self, _: &ClusterName, task: &TaskArn, reason: &str) -> Result<()> {
        let mut state = lock(&self.state);
        let known = state.tasks.iter_mut().find(|(known, _)| known.arn == *task);
        let (known, script) = known.ok_or_else(|| Error::not_found("StopTask", task.id(), "no such task"))?;
        *known = known.clone().with_stop("UserInitiated", reason);
        known.last_status = "STOPPED".to_owned();
        script.clear();
        Ok(())
    }

    async fn list(&self, _: &ClusterName, filter: &TaskFilter, wanted: TaskState) -> Result<Vec<TaskArn>> {
        let state = lock(&self.state);
        let matching = state.tasks.iter().map(|(task, _)| task).filter(|task| {
            let state_matches = task.is_stopped() == (wanted == TaskState::Stopped);
            state_matches
                && match filter {
                    TaskFilter::All => true,
                    TaskFilter::StartedBy(by) => task.started_by.as_ref() == Some(by),
                    TaskFilter::Family(family) => task.task_definition.family() == family.as_str(),
                    TaskFilter::Service(service) => task.group.as_deref() == Some(&format!("service:{service}")),
                }
        });
        Ok(matching.map(|task| task.arn.clone()).collect())
    }
}

/// Log streams in memory, one page per entry.
#[derive(Debug, Default)]
pub struct FakeLogs {
    pages: Mutex<HashMap<String, Vec<Vec<LogEvent>>>>,
}

impl FakeLogs {
    /// Appends a page to a stream, making the stream if need be.
    pub fn append(&self, stream: &str, events: Vec<LogEvent>) {
        lock(&self.pages).entry(stream.to_owned()).or_default().push(events);
    }
}

#[async_trait]
impl LogSource for FakeLogs {
    async fn page(&self, stream: &LogStream, cursor: &LogCursor) -> Result<LogPage> {
        let pages = lock(&self.pages);
        let pages = pages
            .get(&stream.stream)
            .ok_or_else(|| Error::not_found("GetLogEvents", stream.stream.clone(), "the stream does not exist"))?;
        let index = match cursor {
            LogCursor::Token(token) => token.parse().unwrap_or(0),
            LogCursor::Tail { .. } => pages.len().saturating_sub(1),
            LogCursor::Start { .. } => 0,
        };
        let events = pages.get(index).cloned().unwrap_or_default();
        let next = (index + 1).min(pages.len());
        Ok(LogPage::new(events, LogCursor::Token(next.to_string()), next == index))
    }
}

/// A network with two subnets and a security group, or whatever it is told.
#[derive(Debug, Clone)]
pub struct FakeNetwork {
    /// What any look-up of subnets finds.
    pub subnets: Vec<String>,
    /// What any look-up of security groups finds.
    pub security_groups: Vec<String>,
}

impl Default for FakeNetwork {
    fn default() -> Self {
        Self { subnets: vec!["subnet-a".to_owned(), "subnet-b".to_owned()], security_groups: vec!["sg-1".to_owned()] }
    }
}

#[async_trait]
impl Network for FakeNetwork {
    async fn subnets(&self, _: &[(String, String)]) -> Result<Vec<String>> {
        Ok(self.subnets.clone())
    }

    async fn security_groups(&self, _: &[(String, String)]) -> Result<Vec<String>> {
        Ok(self.security_groups.clone())
    }
}
