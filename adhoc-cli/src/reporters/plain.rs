//! Progress as lines that a log can keep and `grep` can find: one fact per line, stamped, no control characters.

use adhoc_core::{Event, EventRecord, ServiceSummary, TaskDefinitionSummary, Verdict};

use super::infrastructure;
use super::plan;
use super::style::Style;
use super::text::{bytes, image, millis, one_line, revision_of, task_id};

/// The lines of one record. `step` is the step that runs; with `verbose`, no list is cut.
pub(crate) fn lines(record: &EventRecord, step: Option<&str>, style: Style, verbose: bool) -> Vec<String> {
    let stamp = style.dim(&format!("[{:>7}]", seconds(record.elapsed_ms)));
    facts(&record.event, step, style, verbose)
        .into_iter()
        .map(|fact| format!("{stamp} {fact}").trim_end().to_owned())
        .collect()
}

fn facts(event: &Event, step: Option<&str>, style: Style, verbose: bool) -> Vec<String> {
    let fact = match event {
        Event::Plan(plan) => {
            return plan::lines(plan, style).iter().map(|line| format!("plan: {}", line.trim_start())).collect();
        }
        Event::InfrastructurePlan(plan) => {
            let lines = infrastructure::plan_lines(plan, style, verbose);
            return lines.iter().filter(|line| !line.is_empty()).map(|line| format!("plan: {line}")).collect();
        }
        Event::LogLine { source, message, .. } => return log_lines(source, message, style),
        Event::StepStarted { step } => format!("{step}: started"),
        Event::WaitProgress { waiting_for, detail, .. } => {
            let step = step.map_or(String::new(), |step| format!("{step}: "));
            format!("{step}waiting for {waiting_for}: {}", one_line(detail))
        }
        Event::TransferProgress { what, bytes, total, detail } => {
            let step = step.map_or(String::new(), |step| format!("{step}: "));
            let detail = if detail.is_empty() { String::new() } else { format!(", {}", one_line(detail)) };
            format!("{step}{}: {}{detail}", one_line(what), transferred(*bytes, *total))
        }
        Event::Hint { message } => format!("hint: {}", one_line(message)),
        Event::StepFinished { step, duration_ms } => style.green(&format!("{step}: done in {}", millis(*duration_ms))),
        Event::StepFailed { step, duration_ms, error } => {
            style.red(&format!("{step}: failed after {}: {}", millis(*duration_ms), one_line(error)))
        }
        Event::Summary(_) => return Vec::new(),
        other => match sentence(other) {
            Some(sentence) => sentence,
            None => other.name().to_owned(),
        },
    };
    vec![fact]
}

/// `45 % of 1.2 GiB`, or only what is done where the whole is not known.
pub(crate) fn transferred(done: u64, total: Option<u64>) -> String {
    match total.filter(|total| *total > 0) {
        Some(total) => format!("{} % of {}", done.min(total).saturating_mul(100) / total, bytes(total)),
        None => bytes(done),
    }
}

/// A container's line behind the name of its source; a message of several lines makes several.
pub(crate) fn log_lines(source: &str, message: &str, style: Style) -> Vec<String> {
    let lines: Vec<&str> = if message.is_empty() { vec![""] } else { message.lines().collect() };
    lines.into_iter().map(|line| style.dim(&format!("{source} │ {line}"))).collect()
}

/// What happened to a task definition, a task, a service or a resource, as one sentence.
pub(crate) fn sentence(event: &Event) -> Option<String> {
    Some(match event {
        Event::Registered(TaskDefinitionSummary { to, image: used, registered, .. }) => {
            format!("{} {to} with {}", if *registered { "registered" } else { "reusing" }, image(used))
        }
        Event::TaskStarted { family, arn, joined: false } => format!("started {family}, task {}", task_id(arn)),
        Event::TaskStarted { family, arn, joined: true } => {
            format!("{family} of this release runs already: following task {}", task_id(arn))
        }
        Event::TaskStopped { family, exit_code, stop_code, reason, .. } => {
            task_ended(family, *exit_code, stop_code.as_deref(), reason.as_deref())
        }
        Event::ServiceUpdated { service, from, to, desired_count, .. } => {
            let (from, to) = (revision_of(from, service), revision_of(to, service));
            let count = desired_count.map_or(String::new(), |count| format!(", desired count {count}"));
            if from == to {
                format!("rolling {service} on {to}{count}")
            } else {
                format!("rolling {service} from {from} to {to}{count}")
            }
        }
        Event::ServiceVerdict(service) => verdict(service),
        Event::ResourceProgress { address, action, phase, elapsed_ms } => {
            infrastructure::progress(address, *action, *phase, *elapsed_ms)
        }
        _ => return None,
    })
}

/// How a task ended; the reason only where it explains a failure.
pub(crate) fn task_ended(
    family: &str,
    exit_code: Option<i32>,
    stop_code: Option<&str>,
    reason: Option<&str>,
) -> String {
    let reason = reason.filter(|reason| !reason.is_empty()).or(stop_code);
    let because = reason.map_or(String::new(), |reason| format!(": {}", one_line(reason)));
    match exit_code {
        Some(0) => format!("{family} exited with code 0"),
        Some(code) => format!("{family} exited with code {code}{because}"),
        None => format!("{family} ended without an exit code{because}"),
    }
}

/// How a service's deployment ended, and why.
pub(crate) fn verdict(service: &ServiceSummary) -> String {
    let ServiceSummary { service, verdict, reason, to, .. } = service;
    let because = reason.as_deref().map_or(String::new(), |reason| format!(": {}", one_line(reason)));
    match verdict {
        Verdict::Succeeded => format!("{service} succeeded: it runs {}", revision_of(to, service)),
        Verdict::Unchanged => format!("{service} unchanged: it ran {} already", revision_of(to, service)),
        _ => format!("{service} {verdict}{because}"),
    }
}

fn seconds(elapsed_ms: u64) -> String {
    format!("{}.{}s", elapsed_ms / 1000, elapsed_ms % 1000 / 100)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reporters::samples;

    #[test]
    fn every_event_reads_as_a_line() {
        let lines: Vec<String> =
            samples::every_event().iter().flat_map(|record| lines(record, Some("roll"), Style::PLAIN, false)).collect();
        samples::assert_snapshot("plain_events", &lines.join("\n"));
    }
}
