//! From a task definition, overrides and behaviours to a task that is about to live.

use super::{
    World,
    definitions::Definition,
    task_model::{Action, Condition, Container, ContainerState, Fate, Interface, LogTarget, Phase, Task},
};
use crate::{Effect, json::Members, sync::lock};
use serde_json::{Value, json};

/// What a new task is asked to be.
#[derive(Clone)]
pub(super) struct TaskPlan {
    pub(super) cluster: String,
    pub(super) definition: Definition,
    pub(super) group: String,
    pub(super) started_by: Option<String>,
    pub(super) launch_type: Option<String>,
    pub(super) capacity_provider: Option<String>,
    pub(super) network: Option<Value>,
    pub(super) overrides: Value,
    pub(super) tags: Vec<Value>,
    pub(super) exec: bool,
    pub(super) service: Option<(String, String)>,
}

fn pairs(list: &[Value]) -> Vec<(String, String)> {
    let pair = |item: &Value| Some((item.text("name")?.to_owned(), item.text("value").unwrap_or_default().to_owned()));
    list.iter().filter_map(pair).collect()
}

fn log_target(definition: &Value, name: &str, task: &str) -> Option<LogTarget> {
    let log = definition.get("logConfiguration")?;
    if log.text("logDriver") != Some("awslogs") {
        return None;
    }
    let options = log.get("options")?;
    let prefix = options.text("awslogs-stream-prefix")?;
    Some(LogTarget {
        group: options.text("awslogs-group")?.to_owned(),
        stream: format!("{prefix}/{name}/{task}"),
        create_group: options.text("awslogs-create-group") == Some("true"),
    })
}

fn dependencies(definition: &Value) -> Vec<(String, Condition)> {
    let dependency = |item: &Value| {
        let condition = match item.text("condition") {
            Some("COMPLETE") => Condition::Complete,
            Some("SUCCESS") => Condition::Success,
            _ => Condition::Start,
        };
        Some((item.text("containerName")?.to_owned(), condition))
    };
    definition.list("dependsOn").iter().filter_map(dependency).collect()
}

impl World {
    /// The newest behaviour for a container, if any applies.
    fn behaviour(&self, family: &str, container: &str, image: &str) -> Option<&Effect> {
        let applies = |behaviour: &&crate::Behaviour| behaviour.applies(family, container, image);
        self.behaviours.iter().rev().find(applies).map(|behaviour| &behaviour.effect)
    }

    /// Whether a scenario says that there is no capacity for this definition.
    pub(super) fn lacks_capacity(&self, definition: &Definition) -> bool {
        definition.containers().iter().any(|container| {
            let (name, image) =
                (container.text("name").unwrap_or_default(), container.text("image").unwrap_or_default());
            self.behaviour(&definition.family, name, image) == Some(&Effect::NoCapacity)
        })
    }

    /// Why an image cannot be pulled: the scenario lists the tags of its repository, and this one is not among them.
    fn pull_failure(&self, image: &str) -> Option<String> {
        let path = image.rsplit_once('@').map_or(image, |(path, _)| path);
        let last = path.rsplit('/').next().unwrap_or(path);
        let (_, tag) = last.split_once(':').unwrap_or((last, "latest"));
        let repository = path.strip_suffix(&format!(":{tag}")).unwrap_or(path);
        let known = self.images.iter().find(|(name, _)| {
            repository.split_once('/').is_some_and(|(_, rest)| rest == name.as_str()) || repository == name.as_str()
        })?;
        (!image.contains('@') && !known.1.iter().any(|known| known == tag)).then(|| {
            format!(
                "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref \
                 {image}: {image}: not found"
            )
        })
    }

    fn fate(&self, definition: &Definition) -> Fate {
        let mut fate = Fate::Run;
        for container in definition.containers() {
            let (name, image) =
                (container.text("name").unwrap_or_default(), container.text("image").unwrap_or_default());
            match self.behaviour(&definition.family, name, image) {
                Some(Effect::FailToStart(reason)) => return Fate::FailToStart(reason.clone()),
                Some(Effect::Hang) => return Fate::Hang,
                Some(Effect::Stop { code, after_ms }) => {
                    fate = Fate::StopAfter { code: code.clone(), after_ms: *after_ms };
                }
                Some(_) => {}
                None => {
                    if let Some(reason) = self.pull_failure(image) {
                        return Fate::FailToStart(reason);
                    }
                }
            }
        }
        fate
    }

    fn action(&self, family: &str, definition: &Value, over: Option<&Value>, service: bool) -> Action {
        let (name, image) = (definition.text("name").unwrap_or_default(), definition.text("image").unwrap_or_default());
        match self.behaviour(family, name, image) {
            Some(Effect::Command(command)) => return Action::Process(command.clone()),
            Some(Effect::Idle) => return Action::Idle,
            _ => {}
        }
        let overridden = over.map(|over| over.texts("command")).filter(|command| !command.is_empty());
        let mut command = definition.texts("entryPoint");
        command.extend(overridden.unwrap_or_else(|| definition.texts("command")));
        match (command.is_empty(), service) {
            (false, _) => Action::Process(command),
            (true, true) => Action::Idle,
            (true, false) => Action::ExitZero,
        }
    }

    fn environment(&self, definition: &Value, over: Option<&Value>, plan: &TaskPlan) -> Vec<(String, String)> {
        let mut environment = pairs(definition.list("environment"));
        for secret in definition.list("secrets") {
            let value = secret.text("valueFrom").and_then(|source| lock(&self.secrets).value_from(source));
            if let (Some(name), Some(value)) = (secret.text("name"), value) {
                environment.push((name.to_owned(), value));
            }
        }
        environment.extend(pairs(over.map_or(&[], |over| over.list("environment"))));
        environment.push(("ADHOC_IMAGE".to_owned(), definition.text("image").unwrap_or_default().to_owned()));
        environment.push(("AWS_REGION".to_owned(), self.region.clone()));
        environment.push(("ECS_FAMILY".to_owned(), plan.definition.family.clone()));
        environment
    }

    fn container(&self, definition: &Value, plan: &TaskPlan, task: &str) -> Container {
        let name = definition.text("name").unwrap_or_default();
        let overrides = plan.overrides.list("containerOverrides");
        let over = overrides.iter().find(|over| over.text("name") == Some(name));
        Container {
            name: name.to_owned(),
            image: definition.text("image").unwrap_or_default().to_owned(),
            cpu: definition.number("cpu").unwrap_or(0).to_string(),
            memory: definition.number("memory").map(|memory| memory.to_string()),
            essential: definition.get("essential") != Some(&Value::Bool(false)),
            depends_on: dependencies(definition),
            action: self.action(&plan.definition.family, definition, over, plan.service.is_some()),
            environment: self.environment(definition, over, plan),
            log: log_target(definition, name, task),
            stop_timeout_s: definition.number("stopTimeout").and_then(|s| u64::try_from(s).ok()).unwrap_or(30),
            state: ContainerState::Waiting,
            terminating: false,
            exit_code: None,
            reason: None,
            runtime_id: None,
        }
    }

    fn interface(&mut self, network: &Value) -> Interface {
        let subnets = network.get("awsvpcConfiguration").map(|vpc| vpc.texts("subnets")).unwrap_or_default();
        let serial = self.serial();
        let at = usize::try_from(serial).unwrap_or(0) % subnets.len().max(1);
        let (high, low) = ((serial / 250) % 250, serial % 250 + 4);
        Interface {
            attachment: uuid::Uuid::new_v4().to_string(),
            eni: format!("eni-{:017x}", serial + 0x0a00_0000),
            ip: format!("10.0.{high}.{low}"),
            mac: format!("0e:00:00:00:{high:02x}:{low:02x}"),
            subnet: subnets.get(at).cloned().unwrap_or_default(),
        }
    }

    /// Brings a task into being; returns its id.
    pub(super) fn spawn_task(&mut self, plan: &TaskPlan, now: u64) -> String {
        let id = uuid::Uuid::new_v4().simple().to_string();
        let interface = plan.network.as_ref().map(|network| self.interface(network));
        let definition = &plan.definition;
        let member = |name: &str| plan.overrides.get(name).or_else(|| definition.document.get(name)).cloned();
        let containers = definition.containers().iter().map(|container| self.container(container, plan, &id)).collect();
        let task = Task {
            arn: self.arn("ecs", &format!("task/{}/{id}", plan.cluster)),
            id: id.clone(),
            cluster: plan.cluster.clone(),
            definition: definition.arn().to_owned(),
            family: definition.family.clone(),
            cpu: member("cpu").unwrap_or(json!("256")),
            memory: member("memory").unwrap_or(json!("512")),
            group: plan.group.clone(),
            started_by: plan.started_by.clone(),
            launch_type: plan.launch_type.clone(),
            capacity_provider: plan.capacity_provider.clone(),
            exec: plan.exec,
            tags: plan.tags.clone(),
            overrides: plan.overrides.clone(),
            interface,
            containers,
            fate: self.fate(definition),
            service: plan.service.clone(),
            accounted: false,
            phase: Phase::Provisioning,
            next_at: Some(now + self.timing.provisioning_ms),
            stop_at: None,
            created_at: now,
            pull_started_at: None,
            pull_stopped_at: None,
            started_at: None,
            stopping_at: None,
            execution_stopped_at: None,
            stopped_at: None,
            stop_code: None,
            stopped_reason: None,
        };
        self.add_task(task);
        id
    }
}
