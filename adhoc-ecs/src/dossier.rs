//! Why a deployment failed: stopped tasks grouped by cause, last log lines, service events.
//!
//! Captured at once, since ECS forgets a stopped task within the hour.

use std::collections::BTreeMap;

use adhoc_core::{
    CauseSummary, ClusterName, ContainerName, ContainerState, Dossier, LogCursor, LogExcerpt, LogStream, Service, Task,
    TaskDefinition, TaskFilter, TaskState, Timestamp,
};

use crate::Ecs;
use crate::verdict::Target;

const LAST_LINES: u16 = 12;
const MOST_EVENTS: usize = 8;
const MOST_CAUSES: usize = 4;

/// Collects what is known about the failure of `target`. What cannot be read is left out: a dossier never fails.
pub(crate) async fn collect(ecs: &Ecs, cluster: &ClusterName, target: &Target, service: Option<&Service>) -> Dossier {
    let (tasks, definition) = tokio::join!(
        stopped_tasks(ecs, cluster, target),
        ecs.task_definitions.describe(target.task_definition.as_str())
    );
    let causes = group_by_cause(&tasks);
    let logs = match definition {
        Ok(definition) => last_lines(ecs, &definition, &causes).await,
        Err(_) => Vec::new(),
    };
    let events = service.map(|service| recent_events(service, target.created_at)).unwrap_or_default();
    Dossier { causes: causes.into_iter().map(|cause| cause.summary).collect(), logs, events }
}

async fn stopped_tasks(ecs: &Ecs, cluster: &ClusterName, target: &Target) -> Vec<Task> {
    // A service's tasks carry the id of their deployment as `startedBy`.
    let filter = TaskFilter::StartedBy(target.deployment.to_string());
    let Ok(mut arns) = ecs.tasks.list(cluster, &filter, TaskState::Stopped).await else { return Vec::new() };
    arns.truncate(100);
    let mut tasks = ecs.tasks.describe(cluster, &arns).await.unwrap_or_default();
    tasks.retain(|task| task.stop_code.as_deref() != Some("ServiceSchedulerInitiated"));
    tasks
}

/// Stop code, reason, exit code.
type CauseKey = (Option<String>, String, Option<i32>);

struct Cause<'a> {
    summary: CauseSummary,
    example: &'a Task,
    container: Option<ContainerName>,
}

/// Groups tasks by stop code, reason and exit code, most frequent first. Reasons are compared without the ids that differ
/// from task to task.
fn group_by_cause(tasks: &[Task]) -> Vec<Cause<'_>> {
    let mut groups: BTreeMap<CauseKey, Vec<&Task>> = BTreeMap::new();
    for task in tasks {
        let culprit = culprit(task);
        let reason = culprit.and_then(|container| container.reason.clone()).or_else(|| task.stopped_reason.clone());
        let reason = without_ids(&reason.unwrap_or_else(|| "no reason was given".to_owned()));
        let key = (task.stop_code.clone(), reason, culprit.and_then(|container| container.exit_code));
        groups.entry(key).or_default().push(task);
    }
    let mut causes: Vec<Cause<'_>> = groups
        .into_iter()
        .filter_map(|((stop_code, reason, exit_code), tasks)| {
            let example = tasks.iter().max_by_key(|task| task.stopped_at)?;
            let summary =
                CauseSummary { tasks: tasks.len(), stop_code, reason, exit_code, example: example.arn.id().to_owned() };
            Some(Cause { summary, example, container: culprit(example).map(|container| container.name.clone()) })
        })
        .collect();
    causes.sort_by_key(|cause| std::cmp::Reverse(cause.summary.tasks));
    causes.truncate(MOST_CAUSES);
    causes
}

/// The container that brought the task down: one that could not start, else one that failed by itself. 137 and 143 are
/// mostly the others, which ECS stopped because of it.
fn culprit(task: &Task) -> Option<&ContainerState> {
    let containers = || task.containers.iter();
    let could_not_start = containers().find(|container| container.reason.is_some() && container.exit_code.is_none());
    let failed = containers().find(|container| !matches!(container.exit_code, None | Some(0 | 137 | 143)));
    could_not_start.or(failed).or_else(|| containers().find(|c| c.exit_code.is_some())).or_else(|| containers().next())
}

/// Replaces words with long hexadecimal runs (task ids, ENI ids, request ids) by an ellipsis.
fn without_ids(reason: &str) -> String {
    let is_id = |word: &str| {
        let hex_run = word.split(|c: char| !c.is_ascii_hexdigit()).map(str::len).max().unwrap_or_default();
        hex_run >= 12 && !word.contains("sha256:")
    };
    let words = reason.split(' ').map(|word| if is_id(word) { "…" } else { word });
    words.collect::<Vec<_>>().join(" ")
}

async fn last_lines(ecs: &Ecs, definition: &TaskDefinition, causes: &[Cause<'_>]) -> Vec<LogExcerpt> {
    let mut excerpts = Vec::new();
    for cause in causes {
        let Some(container) = &cause.container else { continue };
        let Some(configuration) = definition.log_configuration(container) else { continue };
        let stream = LogStream::of_container(&configuration, container, &cause.example.arn);
        let Ok(page) = ecs.logs.page(&stream, &LogCursor::Tail { lines: LAST_LINES }).await else { continue };
        let lines: Vec<String> = page.events.into_iter().map(|event| event.message).collect();
        if !lines.is_empty() {
            excerpts.push(LogExcerpt {
                task: cause.example.arn.id().to_owned(),
                container: container.to_string(),
                lines,
            });
        }
    }
    excerpts
}

fn recent_events(service: &Service, since: Option<Timestamp>) -> Vec<String> {
    let recent = service.events.iter().filter(|event| match (event.at, since) {
        (Some(at), Some(since)) => at >= since,
        _ => true,
    });
    let mut messages: Vec<String> = recent.map(|event| event.message.clone()).collect();
    messages.dedup();
    messages.truncate(MOST_EVENTS);
    messages
}

#[cfg(test)]
mod tests {
    use adhoc_core::{TaskArn, TaskDefinitionArn};

    use super::*;

    fn stopped(id: &str, reason: &str, exit_code: Option<i32>) -> Task {
        Task::new(TaskArn::new(format!("arn:x/c/{id}")), TaskDefinitionArn::new("d"), "STOPPED")
            .with_stop("EssentialContainerExited", reason)
            .with_containers(vec![
                ContainerState::new("sidecar".into(), "STOPPED").with_exit_code(Some(137)),
                ContainerState::new("app".into(), "STOPPED").with_exit_code(exit_code),
            ])
    }

    #[test]
    fn tasks_are_grouped_by_cause_and_ids_do_not_count() {
        let tasks = [
            stopped("1", "Essential container in task 0123456789abcdef exited", Some(3)),
            stopped("2", "Essential container in task fedcba9876543210 exited", Some(3)),
            stopped("3", "OutOfMemoryError", Some(1)),
        ];
        let causes: Vec<CauseSummary> = group_by_cause(&tasks).into_iter().map(|cause| cause.summary).collect();
        let seen: Vec<_> = causes.iter().map(|cause| (cause.tasks, cause.reason.as_str(), cause.exit_code)).collect();
        assert_eq!(seen, [(2, "Essential container in task … exited", Some(3)), (1, "OutOfMemoryError", Some(1))]);
    }

    #[test]
    fn a_container_that_could_not_start_is_the_culprit() {
        let mut task = stopped("1", "Task failed to start", None);
        task.containers[1].reason = Some("CannotPullContainerError: no such tag".to_owned());
        assert_eq!(culprit(&task).expect("one").name.as_str(), "app");
    }
}
