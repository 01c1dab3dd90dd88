//! Events and summaries for the snapshot tests.

mod infrastructure;

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use adhoc_core::{
    CauseSummary, Dossier, Event, EventRecord, FieldChange, LogExcerpt, Outcome, Plan, PlannedService, PlannedTask,
    PlannedTaskDefinition, ServiceSummary, Summary, TaskDefinitionSummary, TaskSummary, Timestamp, Verdict,
};

pub(crate) use self::infrastructure::{infrastructure_plan, large_plan, resource};

use super::status::{ServiceState, StatusRow, StatusTable};

const REGISTRY: &str = "123456789012.dkr.ecr.eu-central-1.amazonaws.com";
const TASK: &str = "arn:aws:ecs:eu-central-1:123456789012:task/alpha-cluster/0123abcd4567ef890123abcd4567ef89";

/// Keeps the snapshots of all reporters in one folder.
pub(crate) fn assert_snapshot(name: &str, text: &str) {
    insta::with_settings!({ snapshot_path => "../snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(name, text);
    });
}

/// A writer whose text can be read afterwards.
#[derive(Clone, Default)]
pub(crate) struct SharedBuffer(Arc<Mutex<Vec<u8>>>);

impl SharedBuffer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("not poisoned").clone()).expect("UTF-8")
    }
}

impl Write for SharedBuffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("not poisoned").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub(crate) fn moment() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().expect("a timestamp")
}

/// The events, 700 ms apart.
pub(crate) fn records(events: impl IntoIterator<Item = Event>) -> Vec<EventRecord> {
    let at = |index: usize| u64::try_from(index * 700).expect("few events");
    events
        .into_iter()
        .enumerate()
        .map(|(index, event)| {
            let after = std::time::Duration::from_millis(at(index));
            EventRecord::new(moment() + after, at(index), event)
        })
        .collect()
}

pub(crate) fn plan() -> Plan {
    Plan {
        command: "update".to_owned(),
        environment: "alpha".to_owned(),
        component: Some("backend".to_owned()),
        preparations: vec!["database alpha-db".to_owned()],
        task_definitions: vec![
            planned("migrate", 1, true),
            planned("gunicorn", 1, true),
            planned("default", 12, false),
        ],
        tasks: vec![PlannedTask { family: "alpha-migrate".to_owned(), container: "migrate".to_owned() }],
        services: vec![
            planned_service("gunicorn", 1, 0, Some(2)),
            planned_service("default", 12, 1, None),
            planned_service("beat", 3, 2, Some(1)),
        ],
        dry_run: false,
    }
}

fn planned(role: &str, from: u32, register: bool) -> PlannedTaskDefinition {
    let (old, new) = (format!("{REGISTRY}/backend:v1.0.0"), format!("{REGISTRY}/backend:v1.1.0"));
    let change = FieldChange { path: "containerDefinitions[0].image".to_owned(), from: old.clone(), to: new.clone() };
    PlannedTaskDefinition {
        family: format!("alpha-{role}"),
        container: role.to_owned(),
        from: format!("alpha-{role}:{from}"),
        to: (!register).then(|| format!("alpha-{role}:{from}")),
        image_from: if register { old } else { new.clone() },
        image: new,
        register,
        changes: if register { vec![change] } else { Vec::new() },
    }
}

fn planned_service(role: &str, from: u32, desired_count: u32, set: Option<u32>) -> PlannedService {
    let service = format!("alpha-{role}");
    PlannedService { from: format!("{service}:{from}"), service, desired_count, set_desired_count: set }
}

fn definition(role: &str, from: u32, registered: bool) -> TaskDefinitionSummary {
    TaskDefinitionSummary {
        family: format!("alpha-{role}"),
        container: role.to_owned(),
        from: format!("alpha-{role}:{from}"),
        to: format!("alpha-{role}:{}", if registered { from + 1 } else { from }),
        image: format!("{REGISTRY}/backend:v1.1.0"),
        registered,
    }
}

fn service(role: &str, from: u32, to: u32, verdict: Verdict) -> ServiceSummary {
    ServiceSummary {
        service: format!("alpha-{role}"),
        deployment_id: (verdict != Verdict::Unchanged).then(|| format!("ecs-svc/{to}")),
        verdict,
        reason: None,
        from: format!("alpha-{role}:{from}"),
        to: format!("alpha-{role}:{to}"),
        dossier: None,
    }
}

fn task(exit_code: Option<i32>, stop_code: &str, reason: &str) -> TaskSummary {
    TaskSummary {
        family: "alpha-migrate".to_owned(),
        arn: Some(TASK.to_owned()),
        exit_code,
        stop_code: Some(stop_code.to_owned()),
        reason: Some(reason.to_owned()),
    }
}

fn update_summary(outcome: Outcome) -> Summary {
    let mut summary = Summary::new("update").with_environment("alpha").with_component("backend").with_outcome(outcome);
    summary.task_definitions =
        vec![definition("migrate", 1, true), definition("gunicorn", 1, true), definition("default", 12, false)];
    summary.tasks = vec![task(Some(0), "EssentialContainerExited", "Essential container in task exited")];
    summary
}

pub(crate) fn success() -> Summary {
    let mut summary = update_summary(Outcome::Succeeded);
    summary.services =
        vec![service("gunicorn", 1, 2, Verdict::Succeeded), service("default", 12, 12, Verdict::Unchanged)];
    summary
}

pub(crate) fn migration_failed() -> Summary {
    let mut summary = update_summary(Outcome::TaskFailed);
    summary.tasks = vec![task(Some(1), "EssentialContainerExited", "Essential container in task exited")];
    summary.error = Some("task alpha-migrate: exited with code 1: Essential container in task exited".to_owned());
    summary.hint = Some("correct the migration, then run `adhoc update backend alpha --tag v1.1.1`".to_owned());
    summary.left_behind =
        vec!["the registered revisions alpha-migrate:2 and alpha-gunicorn:2, used by nothing".to_owned()];
    summary
}

pub(crate) fn task_not_started() -> Summary {
    let mut summary = Summary::new("run").with_environment("alpha").with_outcome(Outcome::TaskNotStarted);
    let reason = "CannotPullContainerError: pull image manifest has been retried 1 time(s): not found";
    summary.tasks = vec![task(None, "TaskFailedToStart", reason)];
    summary.error = Some(format!("task alpha-migrate: never started: {reason}"));
    summary
}

pub(crate) fn timed_out() -> Summary {
    let mut summary = update_summary(Outcome::TimedOut);
    let mut slow = service("gunicorn", 1, 2, Verdict::TimedOut);
    slow.reason = Some("1 of 2 tasks running after 30m".to_owned());
    let mut replaced = service("beat", 3, 4, Verdict::Superseded);
    replaced.reason = Some("ecs-svc/9 to alpha-beat:5 took its place".to_owned());
    summary.services = vec![slow, replaced];
    summary.error = Some("alpha-gunicorn: timed out: 1 of 2 tasks running after 30m".to_owned());
    summary.hint = Some("run the same command again to go on waiting".to_owned());
    summary
}

pub(crate) fn dossier() -> Dossier {
    Dossier {
        causes: vec![
            CauseSummary {
                tasks: 3,
                stop_code: Some("EssentialContainerExited".to_owned()),
                reason: "Essential container in task exited".to_owned(),
                exit_code: Some(1),
                example: TASK.to_owned(),
            },
            CauseSummary {
                tasks: 1,
                stop_code: Some("TaskFailedToStart".to_owned()),
                reason: String::new(),
                exit_code: None,
                example: TASK.to_owned(),
            },
        ],
        logs: vec![LogExcerpt {
            task: "0123abcd4567ef890123abcd4567ef89".to_owned(),
            container: "gunicorn".to_owned(),
            lines: vec![
                "Traceback (most recent call last):".to_owned(),
                "  File \"/app/wsgi.py\", line 3, in <module>".to_owned(),
                "ModuleNotFoundError: No module named 'blog'".to_owned(),
            ],
        }],
        events: vec![
            "(service alpha-gunicorn) (deployment ecs-svc/2) deployment failed: tasks failed to start.".to_owned(),
            "(service alpha-gunicorn) has started 1 tasks: (task 0123abcd4567ef890123abcd4567ef89).".to_owned(),
        ],
    }
}

pub(crate) fn rolled_back() -> Summary {
    let mut summary = update_summary(Outcome::RolledBack);
    let mut failed = service("gunicorn", 1, 2, Verdict::RolledBack);
    failed.reason = Some("ECS deployment circuit breaker: tasks failed to start".to_owned());
    failed.dossier = Some(dossier());
    summary.services = vec![failed, service("default", 12, 13, Verdict::Succeeded)];
    summary.error =
        Some("alpha-gunicorn: rolled back: ECS deployment circuit breaker: tasks failed to start".to_owned());
    summary.hint = Some("adhoc logs gunicorn alpha --since 30m".to_owned());
    summary.left_behind = vec!["alpha-default runs v1.1.0 while alpha-gunicorn runs v1.0.0".to_owned()];
    summary
}

pub(crate) fn status() -> StatusTable {
    let row =
        |component: Option<&str>, role: &str, state, running, desired, revision: Option<u32>, detail: Option<&str>| {
            StatusRow {
                component: component.map(str::to_owned),
                service: format!("alpha-{role}"),
                state,
                running,
                desired,
                task_definition: revision.map(|revision| format!("alpha-{role}:{revision}")),
                image: revision.map(|_| format!("{REGISTRY}/backend:v1.1.0")),
                detail: detail.map(str::to_owned),
            }
        };
    StatusTable {
        environment: "alpha".to_owned(),
        rows: vec![
            row(Some("backend"), "gunicorn", ServiceState::Steady, 2, 2, Some(2), None),
            row(
                Some("backend"),
                "default",
                ServiceState::Deploying,
                1,
                2,
                Some(13),
                Some("ecs-svc/2 in progress for 3m"),
            ),
            row(Some("backend"), "beat", ServiceState::Stopped, 0, 0, Some(3), None),
            row(Some("frontend"), "web-ui", ServiceState::Missing, 0, 0, None, Some("no such service")),
            row(None, "redis", ServiceState::Degraded, 0, 1, Some(1), Some("last deployment failed")),
        ],
    }
}

/// A whole update as it happens.
pub(crate) fn update() -> Vec<EventRecord> {
    let step = |step: &str| Event::StepStarted { step: step.to_owned() };
    let done = |step: &str, duration_ms| Event::StepFinished { step: step.to_owned(), duration_ms };
    records([
        step("resolve"),
        done("resolve", 240),
        Event::Plan(Box::new(plan())),
        step("register"),
        Event::Registered(definition("gunicorn", 1, true)),
        done("register", 400),
        step("migrate"),
        Event::TaskStarted { family: "alpha-migrate".to_owned(), arn: TASK.to_owned(), joined: false },
        wait("task 0123abcd", "PENDING"),
        log_line("Applying blog.0042_tags... OK"),
        stopped(Some(0)),
        done("migrate", 12_345),
        step("roll"),
        updated(),
        wait("3 services", "alpha-gunicorn 1/2 running"),
        Event::ServiceVerdict(Box::new(service("gunicorn", 1, 2, Verdict::Succeeded))),
        done("roll", 95_000),
        Event::Summary(Box::new(success())),
    ])
}

fn wait(waiting_for: &str, detail: &str) -> Event {
    Event::WaitProgress { waiting_for: waiting_for.to_owned(), waited_ms: 1500, detail: detail.to_owned() }
}

fn transfer(total: Option<u64>) -> Event {
    let detail = "public.blog_post".to_owned();
    Event::TransferProgress { what: "production.dump".to_owned(), bytes: 120 << 20, total, detail }
}

fn log_line(message: &str) -> Event {
    Event::LogLine {
        source: "alpha-migrate".to_owned(),
        task: "0123abcd4567ef890123abcd4567ef89".to_owned(),
        at: moment(),
        message: message.to_owned(),
    }
}

fn stopped(exit_code: Option<i32>) -> Event {
    let TaskSummary { family, stop_code, reason, .. } =
        task(exit_code, "EssentialContainerExited", "Essential container in task exited");
    Event::TaskStopped { family, arn: TASK.to_owned(), exit_code, stop_code, reason }
}

fn updated() -> Event {
    Event::ServiceUpdated {
        service: "alpha-gunicorn".to_owned(),
        deployment_id: "ecs-svc/2".to_owned(),
        from: "alpha-gunicorn:1".to_owned(),
        to: "alpha-gunicorn:2".to_owned(),
        desired_count: Some(2),
    }
}

/// Every event, in each of its forms.
pub(crate) fn every_event() -> Vec<EventRecord> {
    let joined = Event::TaskStarted { family: "alpha-migrate".to_owned(), arn: TASK.to_owned(), joined: true };
    let mut failed = service("gunicorn", 1, 2, Verdict::RolledBack);
    failed.reason = Some("tasks failed to start".to_owned());
    let mut events: Vec<Event> = update().into_iter().map(|record| record.event).collect();
    events.extend([
        Event::Registered(definition("default", 12, false)),
        transfer(Some(1 << 28)),
        transfer(None),
        joined,
        log_line("one\n  two"),
        log_line(""),
        stopped(Some(1)),
        stopped(None),
        Event::ServiceVerdict(Box::new(service("default", 12, 12, Verdict::Unchanged))),
        Event::ServiceVerdict(Box::new(failed)),
        Event::Hint { message: "alpha-beat is stopped; start it with `--desired-count beat=1`".to_owned() },
        Event::StepFailed {
            step: "roll".to_owned(),
            duration_ms: 95_000,
            error: "alpha-gunicorn: rolled back".to_owned(),
        },
    ]);
    events.extend(infrastructure::events());
    events.push(Event::Summary(Box::new(rolled_back())));
    records(events)
}
