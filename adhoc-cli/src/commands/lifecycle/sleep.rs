use adhoc_core::{Cluster, EnvironmentName, EnvironmentTags, Error, Outcome, Result, Summary, TagKey};
use adhoc_ecs::{SleepReport, SleepRequest};
use futures_util::stream::{self, StreamExt};

use super::{Session, ensure_not_shared};
use crate::args::SleepArgs;
use crate::reporters::{SleepChange, SleepRow, SleepTable};

/// How many environments are put to sleep, or woken, at once: `UpdateService` allows 5 calls a second to an account.
const AT_ONCE: usize = 4;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Stop,
    Start,
}

impl Direction {
    fn command(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Start => "start",
        }
    }

    fn done(self) -> SleepChange {
        match self {
            Self::Stop => SleepChange::Stopped,
            Self::Start => SleepChange::Started,
        }
    }
}

/// `adhoc stop`.
pub(in crate::commands) async fn stop(args: &SleepArgs, session: &Session) -> Summary {
    run(Direction::Stop, args, session).await
}

/// `adhoc start`.
pub(in crate::commands) async fn start(args: &SleepArgs, session: &Session) -> Summary {
    run(Direction::Start, args, session).await
}

async fn run(direction: Direction, args: &SleepArgs, session: &Session) -> Summary {
    match &args.environment {
        Some(environment) => one(direction, args, session, environment).await,
        None => all(direction, args, session).await,
    }
}

async fn one(direction: Direction, args: &SleepArgs, session: &Session, name: &EnvironmentName) -> Summary {
    let command = direction.command();
    let summary = Summary::new(command).with_environment(name.as_str());
    if let Err(error) = ensure_not_shared(session, name).and_then(|()| ensure_not_protected(direction, session, name)) {
        return summary.with_error(&error);
    }
    let report = change(direction, args, session, name).await;
    let mut summary = report.summary(command).with_environment(name.as_str());
    if summary.outcome == Outcome::Interrupted {
        summary.hint = summary.hint.or_else(|| Some(format!("`{}` goes on where this ended", session.typed)));
    }
    let table = SleepTable { sleep: command.to_owned(), rows: vec![row(direction, name, &report)] };
    if report.error.is_none() {
        summary.result = serde_json::to_value(table).ok();
    }
    summary
}

async fn change(direction: Direction, args: &SleepArgs, session: &Session, name: &EnvironmentName) -> SleepReport {
    let request = SleepRequest::new(session.environment(name)).with_timeout(args.timeout);
    match direction {
        Direction::Stop => adhoc_ecs::stop(&session.cx, &session.ecs, &*session.clusters, &request).await,
        Direction::Start => adhoc_ecs::wake(&session.cx, &session.ecs, &*session.clusters, &request).await,
    }
}

/// Every environment that has tags of ours. One that fails does not hold up the others; its error is the command's.
async fn all(direction: Direction, args: &SleepArgs, session: &Session) -> Summary {
    let command = direction.command();
    let clusters = match session.cx.step("clusters", session.clusters.list()).await {
        Ok(clusters) => clusters,
        Err(error) => return Summary::new(command).with_error(&error),
    };
    let environments = environments(args, session, clusters);
    let changes = environments.into_iter().map(|(name, tags)| async move {
        match skipped(direction, session, &name, &tags) {
            Some(why) => (SleepRow::skipped(name.as_str(), why), None),
            None => {
                let report = change(direction, args, session, &name).await;
                (row(direction, &name, &report), report.error)
            }
        }
    });
    let changed: Vec<(SleepRow, Option<Error>)> = stream::iter(changes).buffered(AT_ONCE).collect().await;
    let (rows, errors): (Vec<_>, Vec<_>) = changed.into_iter().unzip();
    let mut summary = Summary::new(command);
    summary.result = serde_json::to_value(SleepTable { sleep: command.to_owned(), rows }).ok();
    match errors.into_iter().flatten().next() {
        None => summary,
        Some(error) => summary.with_error(&error),
    }
}

fn environments(
    args: &SleepArgs,
    session: &Session,
    clusters: Vec<Cluster>,
) -> Vec<(EnvironmentName, EnvironmentTags)> {
    let conventions = &session.config.conventions;
    let ours = clusters.into_iter().filter(|cluster| EnvironmentTags::is_ours(&cluster.tags));
    let mut found: Vec<_> = ours
        .filter_map(|cluster| {
            Some((conventions.environment_of_cluster(&cluster.name)?, EnvironmentTags::read(&cluster.tags)))
        })
        .filter(|(name, _)| name.as_str() != conventions.shared && !args.except.contains(name))
        .collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

/// Why an environment is left as it is, where all are meant.
fn skipped(direction: Direction, session: &Session, name: &EnvironmentName, tags: &EnvironmentTags) -> Option<String> {
    if direction == Direction::Start {
        return tags.stopped_at.is_none().then(|| "is not asleep".to_owned());
    }
    if let Some(unfinished) = tags.unfinished {
        return Some(format!("its {unfinished} has not ended"));
    }
    (tags.protected || is_protected(session, name)).then(|| "is protected".to_owned())
}

fn is_protected(session: &Session, name: &EnvironmentName) -> bool {
    session.config.lifecycle.protected.iter().any(|protected| protected == name.as_str())
}

fn ensure_not_protected(direction: Direction, session: &Session, name: &EnvironmentName) -> Result<()> {
    match direction == Direction::Stop && is_protected(session, name) {
        false => Ok(()),
        true => Err(Error::invalid("", format!("environment {name}"), "is protected, and was not stopped").with_hint(
            format!(
                "`protected` under [lifecycle] in adhoc.toml names it, as the tag {} would",
                TagKey::Protected.as_str()
            ),
        )),
    }
}

fn row(direction: Direction, name: &EnvironmentName, report: &SleepReport) -> SleepRow {
    let services = report.changed.iter().map(|it| (it.service.clone(), it.from, it.to)).collect();
    let change = match &report.error {
        Some(_) => SleepChange::Failed,
        None if report.changed.is_empty() && report.services.is_empty() => SleepChange::Unchanged,
        None => direction.done(),
    };
    let detail = match (&report.error, change, direction) {
        (Some(error), _, _) => Some(error.chain().join(": ")),
        (None, SleepChange::Unchanged, Direction::Stop) => Some("nothing in it ran".to_owned()),
        (None, SleepChange::Unchanged, Direction::Start) => Some("is not asleep".to_owned()),
        _ => None,
    };
    SleepRow::new(name.as_str(), change, services, detail)
}
