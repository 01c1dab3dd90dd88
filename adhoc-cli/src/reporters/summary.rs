//! The result of a command: a verdict, a table, and an explanation of what failed.

use adhoc_core::{Dossier, LogExcerpt, Outcome, ServiceSummary, Summary, TaskSummary, Verdict};

use serde::Deserialize;

use super::closing::EnvironmentReport;
use super::databases::{AuditTable, DatabaseChange, DatabaseTable};
use super::environments::{EnvironmentTable, Extension, SleepTable, SweepTable};
use super::infrastructure::InfrastructureReport;
use super::inspection::{CostReport, QuotaTable, VerifyReport};
use super::plain;
use super::status::StatusTable;
use super::style::{Style, Tone};
use super::text::{columns, count, image, millis, one_line, revision_of, safe, task_id};

/// What the summary itself does not say.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Ending {
    /// How long the command took.
    pub(crate) elapsed_ms: u64,
    /// Whether it was a dry run.
    pub(crate) dry_run: bool,
    /// Whether to name the exit code.
    pub(crate) verbose: bool,
}

/// Whether there is more to tell than an error.
pub(crate) fn has_report(summary: &Summary) -> bool {
    !summary.tasks.is_empty() || !summary.services.is_empty()
}

/// The result, for stdout. Empty if there is none: the command failed before it did anything, or its log lines were
/// the result.
pub(crate) fn lines(summary: &Summary, ending: Ending, style: Style) -> Vec<String> {
    let mut lines = match (&summary.result, has_report(summary)) {
        (Some(result), true) if summary.outcome == Outcome::Succeeded => {
            let mut lines = report(summary, ending, style);
            lines.push(String::new());
            lines.extend(found(result, style, ending.verbose));
            lines
        }
        (_, true) => report(summary, ending, style),
        (Some(result), false) => found(result, style, ending.verbose),
        (None, false) if summary.outcome != Outcome::Succeeded || is_silent(&summary.command) => Vec::new(),
        (None, false) => vec![headline(summary, ending, style)],
    };
    if has_report(summary) || summary.outcome == Outcome::Succeeded {
        lines.extend(next(summary, style));
    }
    if ending.verbose {
        let name = serde_json::to_value(summary.outcome).ok().and_then(|name| name.as_str().map(str::to_owned));
        lines.push(style.dim(&format!("exit code {} ({})", summary.exit_code, name.unwrap_or_default())));
    }
    lines
}

/// Commands whose output is not their summary.
fn is_silent(command: &str) -> bool {
    let said_already =
        ["completions", "db shell", "db url", "demo", "exec", "iam-policy", "local serve", "logs", "man"];
    said_already.contains(&command)
}

/// The results that have a form for people.
#[derive(Deserialize)]
#[serde(untagged)]
enum Found {
    Status(StatusTable),
    Databases(DatabaseTable),
    Audit(AuditTable),
    Change(DatabaseChange),
    Environment(EnvironmentReport),
    Infrastructure(InfrastructureReport),
    Environments(EnvironmentTable),
    Sweep(SweepTable),
    Sleep(SleepTable),
    Extension(Extension),
    Verify(VerifyReport),
    Quota(QuotaTable),
    Cost(CostReport),
}

/// What a command has found or done, for people; with `verbose`, no list is cut.
pub(crate) fn found(result: &serde_json::Value, style: Style, verbose: bool) -> Vec<String> {
    // Each is told by its members; whatever else a command has found is shown as it is.
    if let Ok(found) = serde_json::from_value(result.clone()) {
        return match found {
            Found::Status(table) => StatusTable::lines(&table, style),
            Found::Databases(table) => DatabaseTable::lines(&table, style),
            Found::Audit(table) => AuditTable::lines(&table, style),
            Found::Change(change) => DatabaseChange::lines(&change, style),
            Found::Environment(report) => EnvironmentReport::lines(&report, style, verbose),
            Found::Infrastructure(report) => InfrastructureReport::lines(&report, style, verbose),
            Found::Environments(table) => EnvironmentTable::lines(&table, style),
            Found::Sweep(table) => SweepTable::lines(&table, style),
            Found::Sleep(table) => SleepTable::lines(&table, style),
            Found::Extension(extension) => Extension::lines(&extension, style),
            Found::Verify(report) => VerifyReport::lines(&report, style),
            Found::Quota(table) => QuotaTable::lines(&table, style),
            Found::Cost(report) => CostReport::lines(&report, style),
        };
    }
    let text = result.as_str().map_or_else(|| format!("{result:#}"), str::to_owned);
    text.lines().map(str::to_owned).collect()
}

/// What a command has found or done, without colour and with nothing that could steer a terminal.
pub(crate) fn plain_result(result: &serde_json::Value) -> Vec<String> {
    found(result, Style::new(false), false).iter().map(|line| safe(line, false)).collect()
}

fn report(summary: &Summary, ending: Ending, style: Style) -> Vec<String> {
    let mut lines = vec![headline(summary, ending, style), String::new()];
    lines.extend(table(summary, style));
    for service in summary.services.iter().filter(|service| is_failure(service.verdict)) {
        lines.push(String::new());
        lines.extend(explanation(service, style));
    }
    lines
}

fn headline(summary: &Summary, ending: Ending, style: Style) -> String {
    let (subject, took) = (subject(summary), millis(ending.elapsed_ms));
    match summary.outcome {
        Outcome::Succeeded if ending.dry_run => style.bold("dry run: nothing was changed"),
        Outcome::Succeeded => format!("{} {} succeeded in {took}", style.green("✓"), style.bold(&subject)),
        outcome => {
            let tone = Tone::from(outcome);
            let mark = style.tone(tone, tone.mark());
            let words = style.tone(tone, outcome_words(summary));
            format!("{mark} {} {words} after {took}{}", style.bold(&subject), untouched(summary))
        }
    }
}

/// `update backend in alpha`, `run alpha-migrate`.
pub(crate) fn subject(summary: &Summary) -> String {
    let component = summary.component.as_deref().map_or(String::new(), |component| format!(" {component}"));
    match (summary.command.as_str(), summary.tasks.as_slice(), &summary.environment) {
        ("run", [task], _) => format!("run {}", task.family),
        ("start", _, Some(environment)) => format!("start {environment}"),
        (command, _, Some(environment)) => format!("{command}{component} in {environment}"),
        (command, _, None) => format!("{command}{component}"),
    }
}

fn untouched(summary: &Summary) -> &'static str {
    let before_services = matches!(summary.outcome, Outcome::TaskFailed | Outcome::TaskNotStarted);
    if before_services && summary.command != "run" { "; no service was touched" } else { "" }
}

/// The outcome as the predicate of a sentence about [`subject`].
pub(crate) fn outcome_words(summary: &Summary) -> &'static str {
    match summary.outcome {
        Outcome::TaskNotStarted if summary.command == "run" => "did not start",
        Outcome::TaskFailed if summary.command == "run" => "failed",
        Outcome::Succeeded => "succeeded",
        Outcome::Internal => "hit a bug in adhoc",
        Outcome::Usage => "was refused",
        Outcome::NotFound => "found something missing",
        Outcome::TaskFailed => "failed in a task",
        Outcome::TaskNotStarted => "could not start a task",
        Outcome::RolledBack => "was rolled back",
        Outcome::TimedOut => "timed out",
        Outcome::Superseded => "was superseded",
        Outcome::Locked => "found a lock",
        Outcome::Interrupted => "was interrupted",
        _ => "failed",
    }
}

fn table(summary: &Summary, style: Style) -> Vec<String> {
    let (mut rows, mut states) = (Vec::new(), Vec::new());
    for task in &summary.tasks {
        let used = summary.task_definitions.iter().find(|definition| definition.family == task.family);
        let revision = used.map_or(String::new(), |used| revision_of(&used.to, &used.family).to_owned());
        let (tone, state) = task_state(task);
        rows.push(vec![
            task.family.clone(),
            state.clone(),
            revision,
            used.map_or(String::new(), |used| image(&used.image)),
        ]);
        states.push((tone, state));
    }
    for service in &summary.services {
        let tone = Tone::from(service.verdict);
        let state = format!("{} {}", tone.mark(), service.verdict);
        rows.push(vec![service.service.clone(), state.clone(), revisions(service), image_of(service, summary)]);
        states.push((tone, state));
    }
    let table = columns("  ", &rows);
    table.iter().zip(states).map(|(line, (tone, state))| line.replacen(&state, &style.tone(tone, &state), 1)).collect()
}

fn task_state(task: &TaskSummary) -> (Tone, String) {
    match task.exit_code {
        Some(0) => (Tone::Good, format!("{} exit code 0", Tone::Good.mark())),
        Some(code) => (Tone::Bad, format!("{} exit code {code}", Tone::Bad.mark())),
        None if task.stop_code.is_none() => (Tone::Doubtful, format!("{} end not seen", Tone::Doubtful.mark())),
        None if task.stop_code.as_deref() == Some("TaskFailedToStart") => {
            (Tone::Bad, format!("{} never ran", Tone::Bad.mark()))
        }
        None => (Tone::Bad, format!("{} no exit code", Tone::Bad.mark())),
    }
}

/// The way of a service through its revisions.
pub(crate) fn revisions(service: &ServiceSummary) -> String {
    let (from, to) = (revision_of(&service.from, &service.service), revision_of(&service.to, &service.service));
    match service.verdict {
        _ if from == to => to.to_owned(),
        Verdict::RolledBack => format!("{to} → back on {from}"),
        _ => format!("{from} → {to}"),
    }
}

/// The image that a service runs now, where this run knows it.
pub(crate) fn image_of(service: &ServiceSummary, summary: &Summary) -> String {
    let used = summary.task_definitions.iter().find(|definition| definition.to == service.to);
    used.filter(|_| service.verdict != Verdict::RolledBack).map_or(String::new(), |used| image(&used.image))
}

/// Whether a verdict needs an explanation.
pub(crate) fn is_failure(verdict: Verdict) -> bool {
    !matches!(verdict, Verdict::Succeeded | Verdict::Unchanged)
}

fn explanation(service: &ServiceSummary, style: Style) -> Vec<String> {
    let sentence = plain::verdict(service);
    let mut lines = vec![style.tone(Tone::from(service.verdict), &sentence)];
    if let Some(Dossier { causes, logs, events }) = &service.dossier {
        lines.extend(causes.iter().map(|cause| format!("  {}", cause_sentence(cause))));
        logs.iter().for_each(|excerpt| lines.extend(excerpt_lines(excerpt, style)));
        if !events.is_empty() {
            lines.push("  what the service said, newest first:".to_owned());
            lines.extend(events.iter().map(|event| style.dim(&format!("    {}", one_line(event)))));
        }
    }
    lines
}

/// `3 tasks stopped: Essential container in task exited (exit code 1)`.
pub(crate) fn cause_sentence(cause: &adhoc_core::CauseSummary) -> String {
    let reason =
        if cause.reason.is_empty() { cause.stop_code.as_deref().unwrap_or("no reason given") } else { &cause.reason };
    let exit = cause.exit_code.map_or(String::new(), |code| format!(" (exit code {code})"));
    format!("{} stopped: {}{exit}", count(cause.tasks, "task"), one_line(reason))
}

/// `last lines of gunicorn in task 0123abcd`.
pub(crate) fn excerpt_title(excerpt: &LogExcerpt) -> String {
    format!("last lines of {} in task {}", excerpt.container, task_id(&excerpt.task))
}

fn excerpt_lines(excerpt: &LogExcerpt, style: Style) -> Vec<String> {
    let title = excerpt_title(excerpt);
    if excerpt.lines.is_empty() {
        return vec![format!("  {} wrote nothing in task {}", excerpt.container, task_id(&excerpt.task))];
    }
    let lines = excerpt.lines.iter().flat_map(|line| line.lines());
    std::iter::once(format!("  {title}:")).chain(lines.map(|line| format!("    {} {line}", style.dim("│")))).collect()
}

fn next(summary: &Summary, style: Style) -> Vec<String> {
    let hint = summary.hint.iter().map(|hint| format!("{} {}", style.cyan("next:"), one_line(hint)));
    let left = summary.left_behind.iter().map(|what| format!("{} {}", style.yellow("left behind:"), one_line(what)));
    let mut lines: Vec<String> = hint.chain(left).collect();
    if !lines.is_empty() {
        lines.insert(0, String::new());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reporters::samples;

    fn render(summary: &Summary) -> String {
        lines(summary, Ending { elapsed_ms: 42_100, ..Ending::default() }, Style::PLAIN).join("\n")
    }

    #[test]
    fn success_is_a_table() {
        samples::assert_snapshot("summary_success", &render(&samples::success()));
    }

    #[test]
    fn a_failed_migration_says_that_nothing_was_touched() {
        samples::assert_snapshot("summary_migration_failed", &render(&samples::migration_failed()));
    }

    #[test]
    fn a_rollback_is_explained() {
        samples::assert_snapshot("summary_rolled_back", &render(&samples::rolled_back()));
    }

    #[test]
    fn a_task_that_never_started_has_no_exit_code() {
        samples::assert_snapshot("summary_task_not_started", &render(&samples::task_not_started()));
    }

    #[test]
    fn other_verdicts_say_why() {
        samples::assert_snapshot("summary_timed_out", &render(&samples::timed_out()));
    }

    #[test]
    fn a_found_status_is_the_whole_result() {
        let mut summary = Summary::new("status").with_environment("alpha");
        summary.result = serde_json::to_value(samples::status()).ok();
        assert_eq!(render(&summary), samples::status().lines(Style::PLAIN).join("\n"));
    }

    #[test]
    fn what_failed_before_it_began_has_no_result() {
        let error =
            adhoc_core::Error::not_found("", "alpha-cluster", "does not exist").with_hint("run `adhoc create alpha`");
        assert_eq!(render(&Summary::new("update").with_error(&error)), "");
        let verbose = Ending { verbose: true, ..Ending::default() };
        assert_eq!(
            lines(&Summary::new("update").with_error(&error), verbose, Style::PLAIN),
            ["exit code 3 (not_found)"]
        );
    }

    #[test]
    fn a_dry_run_and_logs_end_quietly() {
        let dry = Ending { dry_run: true, ..Ending::default() };
        assert_eq!(lines(&Summary::new("update"), dry, Style::PLAIN), ["dry run: nothing was changed"]);
        assert_eq!(render(&Summary::new("logs")), "");
    }
}
