//! For people: progress on stderr, the result on stdout.

use std::collections::HashMap;
use std::io::Write;
use std::sync::{Mutex, PoisonError};

use adhoc_core::{Event, EventRecord, EventSink, ResourcePhase, Summary, Timestamp};

use super::live::Live;
use super::style::Style;
use super::summary::{self, Ending};
use super::text::{safe, task_id};
use super::{OutputOptions, error, plain, plan};

/// Renders each event as it comes. Nothing that a container, AWS or a file says reaches the terminal unfiltered.
pub(crate) struct HumanReporter {
    options: OutputOptions,
    inner: Mutex<Inner>,
}

struct Inner {
    out: Box<dyn Write + Send>,
    err: Box<dyn Write + Send>,
    live: Option<Live>,
    command: Progress,
}

/// How far the present command is; its summary ends it, and another one may follow.
#[derive(Default)]
struct Progress {
    began: Option<Timestamp>,
    steps: Vec<String>,
    dry_run: bool,
    transfer_shown: Option<u64>,
    /// The minute in which a resource was last told of.
    resources_shown: HashMap<String, u64>,
}

/// How far apart lines about one transfer are: a log is not a progress bar.
const TRANSFER_LINES_MS: u64 = 5000;

/// How far apart lines about one resource are, between its first and its last one.
const RESOURCE_LINES_MS: u64 = 60_000;

impl HumanReporter {
    /// A reporter that writes to `out` and `err`; spinners, where `options` have them, go to the process's own stderr.
    pub(crate) fn new(options: OutputOptions, out: Box<dyn Write + Send>, err: Box<dyn Write + Send>) -> Self {
        let live = (options.live && !options.quiet).then(|| Live::new(Style::new(options.stderr_color)));
        Self { options, inner: Mutex::new(Inner { out, err, live, command: Progress::default() }) }
    }

    fn out_style(&self) -> Style {
        Style::new(self.options.stdout_color)
    }

    fn err_style(&self) -> Style {
        Style::new(self.options.stderr_color)
    }

    fn result(&self, inner: &mut Inner, lines: &[String]) {
        let style = self.out_style();
        let Inner { out, live, .. } = inner;
        match live {
            Some(live) => live.suspended(|| write_lines(out, lines, style)),
            None => write_lines(out, lines, style),
        }
    }

    fn progress(&self, inner: &mut Inner, record: &EventRecord) {
        if self.options.quiet {
            return;
        }
        match &mut inner.live {
            Some(live) => live.show(&record.event),
            None => {
                let step = inner.command.steps.last().map(String::as_str);
                write_lines(
                    &mut inner.err,
                    &plain::lines(record, step, self.err_style(), self.options.verbose > 0),
                    self.err_style(),
                );
            }
        }
    }

    fn end(&self, inner: &mut Inner, summary: &Summary, record: &EventRecord) {
        let command = std::mem::take(&mut inner.command);
        if let Some(live) = &mut inner.live {
            live.clear();
        }
        if let Some(text) = &summary.error {
            // A report ends with the hint itself.
            let alone = !summary::has_report(summary);
            let hint = summary.hint.as_deref().filter(|_| alone);
            let left_behind = if alone { summary.left_behind.as_slice() } else { &[] };
            write_lines(&mut inner.err, &error::lines(text, hint, left_behind, self.err_style()), self.err_style());
        }
        let ending = Ending {
            elapsed_ms: command.elapsed_ms(record),
            dry_run: command.dry_run,
            verbose: self.options.verbose > 0,
        };
        let lines = summary::lines(summary, ending, self.out_style());
        self.result(inner, &lines);
    }
}

impl EventSink for HumanReporter {
    fn emit(&self, record: &EventRecord) {
        let inner = &mut *self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.command.began.get_or_insert(record.ts);
        match &record.event {
            Event::Plan(plan) if plan.dry_run => {
                inner.command.dry_run = true;
                self.result(inner, &plan::lines(plan, self.out_style()));
            }
            Event::LogLine { task, at, message, .. } if self.options.logs_are_result => {
                let prefix = format!("{at:.3} {} │", task_id(task));
                let prefix = self.out_style().dim(&prefix);
                let lines: Vec<&str> = if message.is_empty() { vec![""] } else { message.lines().collect() };
                let lines: Vec<String> = lines.into_iter().map(|line| format!("{prefix} {line}")).collect();
                self.result(inner, &lines);
            }
            // The summary has it, for stdout.
            Event::InfrastructurePlan(_) if self.options.plan_is_result => {}
            Event::Summary(summary) => self.end(inner, summary, record),
            event => {
                inner.command.track(event);
                if inner.live.is_some() || inner.command.is_due(record) {
                    self.progress(inner, record);
                }
            }
        }
    }
}

impl Progress {
    /// How long the command took. Its summary may come from a context that is younger than its first event.
    fn elapsed_ms(&self, last: &EventRecord) -> u64 {
        let seen = self.began.map_or(0, |began| last.ts.duration_since(began).as_millis());
        u64::try_from(seen).unwrap_or(0).max(last.elapsed_ms)
    }

    /// Whether a line about this is due: always, but for a transfer or a resource that was told of a moment ago.
    fn is_due(&mut self, record: &EventRecord) -> bool {
        match &record.event {
            Event::TransferProgress { .. } => self.transfer_is_due(record),
            Event::ResourceProgress { address, phase, elapsed_ms, .. } => {
                self.resource_is_due(address, *phase, *elapsed_ms)
            }
            _ => true,
        }
    }

    fn resource_is_due(&mut self, address: &str, phase: ResourcePhase, elapsed_ms: u64) -> bool {
        if phase != ResourcePhase::Progressing {
            self.resources_shown.remove(address);
            return true;
        }
        let minute = elapsed_ms / RESOURCE_LINES_MS;
        minute > self.resources_shown.insert(address.to_owned(), minute).unwrap_or_default()
    }

    fn transfer_is_due(&mut self, record: &EventRecord) -> bool {
        let due = self.transfer_shown.is_none_or(|shown| record.elapsed_ms >= shown + TRANSFER_LINES_MS);
        if due {
            self.transfer_shown = Some(record.elapsed_ms);
        }
        due
    }

    /// Remembers which step runs, so that a wait can be told by it.
    fn track(&mut self, event: &Event) {
        match event {
            Event::StepStarted { step } => self.steps.push(step.clone()),
            Event::StepFinished { step, .. } | Event::StepFailed { step, .. } => {
                if let Some(index) = self.steps.iter().rposition(|open| open == step) {
                    self.steps.remove(index);
                }
            }
            _ => {}
        }
    }
}

/// One write for all lines. A stream that nobody reads any more is no reason to fail.
fn write_lines(out: &mut dyn Write, lines: &[String], style: Style) {
    if lines.is_empty() {
        return;
    }
    let text: String = lines.iter().map(|line| safe(line, style.has_color()) + "\n").collect();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reporters::samples::{self, SharedBuffer};

    fn run(options: OutputOptions, events: &[EventRecord]) -> (String, String) {
        let (out, err) = (SharedBuffer::default(), SharedBuffer::default());
        let reporter = HumanReporter::new(options, Box::new(out.clone()), Box::new(err.clone()));
        events.iter().for_each(|record| reporter.emit(record));
        (out.text(), err.text())
    }

    fn both(options: OutputOptions, events: &[EventRecord]) -> String {
        let (out, err) = run(options, events);
        format!("--- stderr\n{err}--- stdout\n{out}")
    }

    #[test]
    fn an_update_in_a_pipe() {
        samples::assert_snapshot("human_update", &both(OutputOptions::default(), &samples::update()));
    }

    #[test]
    fn a_rollback_in_a_pipe() {
        let events = samples::records([Event::Summary(Box::new(samples::rolled_back()))]);
        samples::assert_snapshot("human_rolled_back", &both(OutputOptions::default(), &events));
    }

    #[test]
    fn quiet_leaves_the_result_and_errors() {
        let options = OutputOptions { quiet: true, ..OutputOptions::default() };
        let (out, err) = run(options, &samples::update());
        assert_eq!(err, "");
        assert!(out.starts_with("✓ update backend in alpha succeeded"), "{out}");
        let (_, err) = run(options, &samples::records([Event::Summary(Box::new(samples::rolled_back()))]));
        assert!(err.starts_with("error: "), "{err}");
    }

    #[test]
    fn a_dry_run_puts_its_plan_on_stdout() {
        let plan = adhoc_core::Plan { dry_run: true, ..samples::plan() };
        let mut summary = Summary::new("update").with_environment("alpha");
        summary.component = Some("backend".to_owned());
        let events = samples::records([Event::Plan(Box::new(plan)), Event::Summary(Box::new(summary))]);
        let (out, err) = run(OutputOptions::default(), &events);
        assert_eq!(err, "");
        assert!(out.starts_with("update backend in alpha (dry run)\n"), "{out}");
        assert!(out.ends_with("dry run: nothing was changed\n"), "{out}");
    }

    #[test]
    fn an_early_error_is_a_line_and_a_hint() {
        let error = adhoc_core::Error::not_found("", "cluster alpha-cluster", "does not exist")
            .with_hint("look at `adhoc list`");
        let summary = Summary::new("update").with_error(&error);
        let (out, err) = run(OutputOptions::default(), &samples::records([Event::Summary(Box::new(summary))]));
        assert_eq!(err, "error: cluster alpha-cluster: does not exist\n  hint: look at `adhoc list`\n");
        assert_eq!(out, "");
    }

    #[test]
    fn a_resource_is_told_of_once_a_minute() {
        let resource = |phase, seconds: u64| {
            samples::resource("aws_db_instance.this", adhoc_core::ResourceAction::Create, phase, seconds * 1000)
        };
        let mut events = vec![resource(ResourcePhase::Started, 0)];
        events.extend((1..=14).map(|number| resource(ResourcePhase::Progressing, number * 10)));
        events.push(resource(ResourcePhase::Finished, 142));
        let (_, err) = run(OutputOptions::default(), &samples::records(events));
        let lines: Vec<&str> = err.lines().filter_map(|line| line.split_once("] ")).map(|(_, line)| line).collect();
        let address = "aws_db_instance.this";
        assert_eq!(
            lines,
            [
                format!("creating {address}"),
                format!("still creating {address} after 1m 00s"),
                format!("still creating {address} after 2m 00s"),
                format!("created {address} in 2m 22s"),
            ]
        );
    }

    #[test]
    fn a_plan_that_is_the_result_is_shown_once() {
        let plan = samples::infrastructure_plan();
        let mut summary = Summary::new("plan").with_environment("alpha");
        summary.result = serde_json::to_value(crate::reporters::PlanReport { plan: plan.clone() }).ok();
        let events = samples::records([Event::InfrastructurePlan(Box::new(plan)), Event::Summary(Box::new(summary))]);
        let (out, err) = run(OutputOptions::default().with_plan_as_result(), &events);
        assert_eq!(
            (out.lines().next(), err.as_str()),
            (Some("alpha: 3 to add, 1 to change, 3 to destroy, 1 to import, 1 to move, 1 to forget"), "")
        );
        let (_, err) = run(OutputOptions::default(), &events);
        assert!(err.starts_with("[   0.0s] plan: alpha: 3 to add"), "{err}");
    }

    #[test]
    fn log_lines_cannot_steer_the_terminal() {
        let evil = Event::LogLine {
            source: "alpha-migrate".to_owned(),
            task: "0123456789abcdef".to_owned(),
            at: samples::moment(),
            message: "\u{1b}[2J\u{1b}[31mred\u{1b}]0;owned\u{7}\nnext".to_owned(),
        };
        let (_, plain) = run(OutputOptions::default(), &samples::records([evil.clone()]));
        assert_eq!(plain, "[   0.0s] alpha-migrate │ red\n[   0.0s] alpha-migrate │ next\n");
        let color = OutputOptions { stderr_color: true, ..OutputOptions::default() };
        let (_, colored) = run(color, &samples::records([evil.clone()]));
        assert!(
            colored.contains("\u{1b}[31mred") && !colored.contains("[2J") && !colored.contains("owned"),
            "{colored:?}"
        );
        let (out, _) = run(OutputOptions::default().with_logs_as_result(), &samples::records([evil]));
        assert_eq!(out, "2026-01-01T00:00:00.000Z 01234567 │ red\n2026-01-01T00:00:00.000Z 01234567 │ next\n");
    }
}
