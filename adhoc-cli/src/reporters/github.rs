//! GitHub Actions: the report in the job's summary, the results as outputs of the step.
//!
//! Formats: <https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands>.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::Path;

use adhoc_core::{ServiceSummary, Summary};

use super::closing::EnvironmentReport;
use super::environments::{EnvironmentTable, SweepTable};
use super::infrastructure::InfrastructureReport;
use super::plain;
use super::style::Tone;
use super::summary::{
    cause_sentence, excerpt_title, image_of, is_failure, outcome_words, plain_result, revisions, subject,
};
use super::text::{one_line, safe};

/// Appends the report to the file `step_summary` and the results to the file `output`: the values of
/// `GITHUB_STEP_SUMMARY` and `GITHUB_OUTPUT`.
///
/// # Errors
///
/// Those of opening and writing the files.
pub(crate) fn write_github(summary: &Summary, step_summary: Option<&Path>, output: Option<&Path>) -> io::Result<()> {
    if let Some(path) = step_summary {
        append(path, &markdown(summary))?;
    }
    if let Some(path) = output {
        append(path, &outputs(summary)?)?;
    }
    Ok(())
}

fn append(path: &Path, text: &str) -> io::Result<()> {
    OpenOptions::new().create(true).append(true).open(path)?.write_all(text.as_bytes())
}

fn markdown(summary: &Summary) -> String {
    markdown_parts(summary).join("\n\n") + "\n\n"
}

/// The report in Markdown: a heading, and whatever else there is to tell, each part whole.
pub(crate) fn markdown_parts(summary: &Summary) -> Vec<String> {
    let tone = Tone::from(summary.outcome);
    let mut parts = vec![format!("### {} {} {}", tone.mark(), escaped(&subject(summary)), outcome_words(summary))];
    parts.extend(summary.error.iter().map(|error| escaped(error)));
    parts.extend(summary.result.as_ref().map(result_block));
    parts.extend(services_table(summary));
    parts.extend(tasks_table(summary));
    parts.extend(summary.services.iter().filter_map(details));
    parts.extend(summary.hint.iter().map(|hint| format!("**Next:** {}", escaped(hint))));
    if !summary.left_behind.is_empty() {
        parts.push(bullets("**Left behind:**", &summary.left_behind));
    }
    parts
}

/// What was found: infrastructure and environments in tables, the rest as a terminal would show it.
fn result_block(result: &serde_json::Value) -> String {
    if let Ok(report) = serde_json::from_value::<EnvironmentReport>(result.clone()) {
        return report.markdown();
    }
    if let Ok(report) = serde_json::from_value::<InfrastructureReport>(result.clone()) {
        return report.markdown();
    }
    if let Ok(table) = serde_json::from_value::<EnvironmentTable>(result.clone()) {
        return table.markdown();
    }
    if let Ok(table) = serde_json::from_value::<SweepTable>(result.clone()) {
        return table.markdown();
    }
    let lines = plain_result(result);
    // A fence that is longer than any in the text.
    let ticks = lines.iter().map(|line| line.chars().take_while(|c| *c == '`').count()).max().unwrap_or_default();
    let fence = "`".repeat(ticks.max(2) + 1);
    format!("{fence}text\n{}\n{fence}", lines.join("\n"))
}

fn services_table(summary: &Summary) -> Option<String> {
    let rows: Vec<[String; 4]> = summary
        .services
        .iter()
        .map(|service| {
            let verdict = format!("{} {}", Tone::from(service.verdict).mark(), service.verdict);
            let image = code(&image_of(service, summary));
            [code(&service.service), verdict, escaped(&revisions(service)), image]
        })
        .collect();
    table(["Service", "Verdict", "Revision", "Image"], &rows)
}

fn tasks_table(summary: &Summary) -> Option<String> {
    let rows: Vec<[String; 3]> = summary
        .tasks
        .iter()
        .map(|task| {
            let exit = task.exit_code.map_or("none".to_owned(), |code| code.to_string());
            [
                code(&task.family),
                exit,
                escaped(task.reason.as_deref().filter(|_| task.exit_code != Some(0)).unwrap_or_default()),
            ]
        })
        .collect();
    table(["Task", "Exit code", "Reason"], &rows)
}

/// A table; none without rows. Cells are Markdown.
pub(crate) fn table<const N: usize>(header: [&str; N], rows: &[[String; N]]) -> Option<String> {
    let line = |cells: &[&str]| format!("| {} |", cells.join(" | "));
    let mut lines = vec![line(&header), line(&["---"; N])];
    lines.extend(rows.iter().map(|row| line(&row.each_ref().map(String::as_str))));
    (!rows.is_empty()).then(|| lines.join("\n"))
}

/// The explanation of a failure, folded.
fn details(service: &ServiceSummary) -> Option<String> {
    let dossier = service.dossier.as_ref().filter(|_| is_failure(service.verdict))?;
    let mut parts = vec![format!("<details><summary>{}</summary>", html(&plain::verdict(service)))];
    if !dossier.causes.is_empty() {
        parts.push(bullets("", &dossier.causes.iter().map(cause_sentence).collect::<Vec<_>>()));
    }
    for excerpt in &dossier.logs {
        parts.push(format!("{}:\n\n{}", escaped(&excerpt_title(excerpt)), fenced(&excerpt.lines)));
    }
    if !dossier.events.is_empty() {
        parts.push(format!("What the service said, newest first:\n\n{}", fenced(&dossier.events)));
    }
    parts.push("</details>".to_owned());
    Some(parts.join("\n\n"))
}

fn bullets(title: &str, items: &[String]) -> String {
    let list: Vec<String> = items.iter().map(|item| format!("- {}", escaped(item))).collect();
    if title.is_empty() { list.join("\n") } else { format!("{title}\n\n{}", list.join("\n")) }
}

/// A code block whose fence is longer than any run of backticks in it.
fn fenced(lines: &[String]) -> String {
    let text: Vec<String> = lines.iter().flat_map(|line| line.lines()).map(|line| safe(line, false)).collect();
    let text = text.join("\n");
    let fence = "`".repeat(longest_backticks(&text).max(2) + 1);
    format!("{fence}text\n{text}\n{fence}")
}

fn longest_backticks(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// A name as code. Names of AWS have no backticks; what has some is escaped as prose instead.
pub(crate) fn code(name: &str) -> String {
    let name = one_line(&safe(name, false));
    if name.is_empty() || name.contains(['`', '|']) { escaped(&name) } else { format!("`{name}`") }
}

/// Prose from elsewhere, on one line, without meaning to Markdown or HTML.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in html(text).chars() {
        if matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' | '!' | '@') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

fn html(text: &str) -> String {
    one_line(&safe(text, false)).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn outputs(summary: &Summary) -> io::Result<String> {
    let outcome = serde_json::to_value(summary.outcome)?;
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let told =
        |name: &str| summary.result.as_ref().and_then(|result| result[name].as_str()).unwrap_or_default().to_owned();
    let values = [
        ("command", summary.command.clone()),
        ("environment", text(&summary.environment)),
        ("component", text(&summary.component)),
        ("outcome", outcome.as_str().unwrap_or_default().to_owned()),
        ("exit_code", summary.exit_code.to_string()),
        ("error", text(&summary.error)),
        ("hint", text(&summary.hint)),
        ("url", told("url")),
        ("expires_at", told("expires_at")),
        ("result", summary.result.as_ref().map(ToString::to_string).unwrap_or_default()),
        ("task_definitions", serde_json::to_string(&summary.task_definitions)?),
        ("services", serde_json::to_string(&summary.services)?),
    ];
    Ok(values.iter().fold(String::new(), |mut all, (key, value)| {
        let _ = writeln!(all, "{}", output(key, value));
        all
    }))
}

/// `key=value`, or the form with a delimiter if the value has several lines.
fn output(key: &str, value: &str) -> String {
    if !value.contains(['\n', '\r']) {
        return format!("{key}={value}");
    }
    let mut delimiter = "adhoc_end_of_value".to_owned();
    while value.contains(&delimiter) {
        delimiter.push('_');
    }
    format!("{key}<<{delimiter}\n{value}\n{delimiter}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reporters::{PlanReport, samples};

    #[test]
    fn what_was_found_is_shown_as_on_a_terminal() {
        let mut summary = Summary::new("status").with_environment("alpha");
        summary.result = serde_json::to_value(samples::status()).ok();
        let text = markdown(&summary);
        assert!(text.contains("```text\nalpha: ") && text.contains("\n```\n"), "{text}");
    }

    #[test]
    fn a_plan_is_shown_in_tables() {
        let mut summary = Summary::new("plan").with_environment("alpha");
        let report = InfrastructureReport::Plan(PlanReport { plan: samples::infrastructure_plan() });
        summary.result = serde_json::to_value(&report).ok();
        let text = markdown(&summary);
        assert!(text.contains(&report.markdown()) && !text.contains("```"), "{text}");
    }

    #[test]
    fn reports_are_appended() {
        let folder = tempfile::tempdir().expect("a folder");
        let (report, results) = (folder.path().join("summary"), folder.path().join("output"));
        std::fs::write(&results, "before=1\n").expect("written");
        write_github(&samples::success(), Some(&report), Some(&results)).expect("written");
        write_github(&samples::rolled_back(), Some(&report), None).expect("written");
        let read = |path| std::fs::read_to_string(path).expect("there");
        samples::assert_snapshot("github_summary", &read(&report));
        samples::assert_snapshot("github_output", &read(&results));
    }

    #[test]
    fn logs_cannot_break_out_of_their_block() {
        let block = fenced(&["```".to_owned(), "````` </details>\u{1b}[2J".to_owned()]);
        assert_eq!(block, "``````text\n```\n````` </details>\n``````");
    }

    #[test]
    fn prose_has_no_meaning_to_markdown() {
        assert_eq!(escaped("a | b <b> [x](y) `z`\nw"), "a \\| b &lt;b&gt; \\[x\\](y) \\`z\\` w");
    }

    #[test]
    fn an_output_of_several_lines_has_a_delimiter_of_its_own() {
        assert_eq!(output("outcome", "succeeded"), "outcome=succeeded");
        assert_eq!(
            output("error", "a\nadhoc_end_of_value\nb"),
            "error<<adhoc_end_of_value_\na\nadhoc_end_of_value\nb\nadhoc_end_of_value_"
        );
    }
}
