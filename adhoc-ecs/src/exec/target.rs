//! Which container is entered.

use adhoc_core::{ContainerName, Error, Result, Service, Task, TaskFilter, TaskState};

use crate::Ecs;
use crate::resolve::Environment;

/// A container that takes sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) task: Task,
    pub(super) container: ContainerName,
    runtime_id: String,
}

impl Target {
    /// As Systems Manager names it.
    pub(super) fn name(&self, cluster: &str) -> String {
        format!("ecs:{cluster}_{}_{}", self.task.arn.id(), self.runtime_id)
    }
}

/// Finds the container of a role in the newest task that takes sessions, or in the one whose id begins with `id`.
pub(super) async fn find(ecs: &Ecs, env: &Environment, role: &str, id: Option<&str>) -> Result<Target> {
    let (cluster, name) = (env.cluster(), env.service(role));
    let services = ecs.services.describe(&cluster, std::slice::from_ref(&name)).await.map_err(|error| match error {
        Error::NotFound(_) => {
            Error::not_found("", format!("environment {}", env.name), format!("cluster {cluster} is not there"))
                .with_hint("check the environment's name, the region and the account")
        }
        other => other,
    })?;
    let service = services.into_iter().find(Service::is_active).ok_or_else(|| {
        Error::not_found("", format!("service {name}"), "is not there")
            .with_hint(format!("`adhoc status {}` lists the services", env.name))
    })?;
    let arns = ecs.tasks.list(&cluster, &TaskFilter::Service(name), TaskState::Running).await?;
    let tasks = ecs.tasks.describe(&cluster, &arns).await?;
    choose(tasks, &service, &env.container(role), id).map_err(|error| with_way_out(error, env, &service))
}

/// What to do where a task takes no sessions.
fn with_way_out(error: Error, env: &Environment, service: &Service) -> Error {
    match (&error, service.execute_command) {
        (Error::Rejected(detail), _) if detail.hint.is_some() => error,
        (Error::Rejected(_), enabled) => {
            let enable = if enabled { "" } else { "--enable-execute-command " };
            let (cluster, name) = (env.cluster(), &service.name);
            let (why, first) = match enabled {
                true => ("the service has it enabled now", "start new tasks"),
                false => (
                    "Terraform's `enable_execute_command` keeps it on; the task role needs the ssmmessages actions",
                    "enable it, and start new tasks",
                ),
            };
            error.with_hint(format!(
                "{first}: `aws ecs update-service --cluster {cluster} --service {name} {enable}--force-new-deployment`; {why}"
            ))
        }
        _ => error,
    }
}

fn choose(tasks: Vec<Task>, service: &Service, container: &ContainerName, id: Option<&str>) -> Result<Target> {
    let name = &service.name;
    let mut running: Vec<Task> = tasks.into_iter().filter(|task| task.last_status == "RUNNING").collect();
    if let Some(id) = id {
        running.retain(|task| task.arn.id().starts_with(id));
        match running.as_slice() {
            [] => return Err(Error::not_found("", format!("task {id}"), format!("is no running task of {name}"))),
            [_] => {}
            several => {
                let ids: Vec<&str> = several.iter().map(|task| task.arn.id()).collect();
                let reason = format!("could be any of {}", ids.join(", "));
                return Err(Error::invalid("", format!("task {id}"), reason).with_hint("give more of the id"));
            }
        }
    }
    running.sort_by_key(|task| std::cmp::Reverse(task.started_at));
    let Some(newest) = running.first() else {
        let reason = format!("runs no task; {} should run", service.desired_count);
        return Err(Error::not_found("", format!("service {name}"), reason)
            .with_hint("wait for its task, or update the environment: that starts a service at count 0"));
    };
    match running.iter().find_map(|task| target(task, container)) {
        Some(target) => Ok(target),
        None => Err(refusal(newest, container)),
    }
}

fn target(task: &Task, name: &ContainerName) -> Option<Target> {
    let container = task.container(name).filter(|it| it.exec_agent.as_deref() == Some("RUNNING"))?;
    Some(Target { task: task.clone(), container: name.clone(), runtime_id: container.runtime_id.clone()? })
}

/// Why the newest task takes no session.
fn refusal(task: &Task, name: &ContainerName) -> Error {
    let place = format!("task {}", task.arn.id());
    let Some(container) = task.container(name) else {
        let names: Vec<&str> = task.containers.iter().map(|container| container.name.as_str()).collect();
        return Error::not_found(
            "",
            place,
            format!("has no container {:?}; its containers are: {}", name.as_str(), names.join(", ")),
        );
    };
    match (task.execute_command, container.exec_agent.as_deref()) {
        (false, _) => Error::rejected("", place, "was started without ECS Exec"),
        (true, Some("STOPPED")) => Error::rejected("", place, "the agent of ECS Exec has stopped in it")
            .with_hint("the task role needs the ssmmessages actions, and /tmp must be writable; then start new tasks"),
        (true, _) => Error::rejected("", place, "the agent of ECS Exec does not run in it yet")
            .with_hint("run the same command again in a few seconds"),
    }
}

#[cfg(test)]
mod tests {
    use adhoc_core::{ContainerState, TaskArn, TaskDefinitionArn, Timestamp};

    use super::*;

    fn task(id: &str, started: i64, agent: Option<&str>) -> Task {
        let container = ContainerState::new("web".into(), "RUNNING")
            .with_runtime_id(Some(format!("{id}-1")))
            .with_exec_agent(agent.map(str::to_owned));
        let mut task = Task::new(TaskArn::new(format!("arn:x/c/{id}")), TaskDefinitionArn::new("f:1"), "RUNNING")
            .with_containers(vec![container])
            .with_execute_command(agent.is_some());
        task.started_at = Timestamp::from_second(started).ok();
        task
    }

    fn service() -> Service {
        Service::new("alpha-web".into(), TaskDefinitionArn::new("f:1")).with_counts(2, 2, 0)
    }

    fn chosen(tasks: &[Task], id: Option<&str>) -> Result<String> {
        choose(tasks.to_vec(), &service(), &"web".into(), id).map(|target| target.name("c"))
    }

    #[test]
    fn the_newest_task_that_takes_sessions_is_entered() {
        let tasks = [task("aa", 1, Some("RUNNING")), task("ab", 2, Some("RUNNING")), task("b", 3, Some("PENDING"))];
        assert_eq!(chosen(&tasks, None).expect("one"), "ecs:c_ab_ab-1");
        assert_eq!(chosen(&tasks, Some("aa")).expect("one"), "ecs:c_aa_aa-1");
        assert!(chosen(&tasks, Some("a")).expect_err("two").to_string().contains("could be any of"));
        assert!(matches!(chosen(&tasks, Some("c")), Err(Error::NotFound(_))));
    }

    #[test]
    fn a_task_that_takes_no_sessions_says_why() {
        let reason = |task: Task| chosen(&[task], None).expect_err("refused").to_string();
        assert_eq!(reason(task("a", 1, None)), "task a: was started without ECS Exec");
        assert!(reason(task("a", 1, Some("PENDING"))).contains("not run in it yet"));
        assert!(reason(task("a", 1, Some("STOPPED"))).contains("has stopped"));
        let mut starting = task("a", 1, Some("RUNNING"));
        starting.last_status = "PENDING".to_owned();
        assert_eq!(reason(starting), "service alpha-web: runs no task; 2 should run");
        let other = choose(vec![task("a", 1, None)], &service(), &"api".into(), None).expect_err("refused");
        assert_eq!(other.to_string(), "task a: has no container \"api\"; its containers are: web");
    }

    #[test]
    fn a_refusal_says_which_command_helps() {
        let environment = Environment::new("alpha".parse().expect("valid"), adhoc_core::Conventions::default());
        let hint = |enabled: bool, agent: Option<&str>| {
            let mut service = service();
            service.execute_command = enabled;
            let error = choose(vec![task("a", 1, agent)], &service, &"web".into(), None).expect_err("refused");
            with_way_out(error, &environment, &service).detail().hint.clone().expect("a hint")
        };
        let update = "aws ecs update-service --cluster alpha-cluster --service alpha-web";
        assert!(hint(false, None).contains(&format!("`{update} --enable-execute-command --force-new-deployment`")));
        assert!(hint(true, None).contains(&format!("`{update} --force-new-deployment`")));
        assert!(hint(true, Some("PENDING")).contains("again in a few seconds"));
    }
}
