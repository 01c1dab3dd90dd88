//! What the commands that drive Terraform have planned, found and done.

mod markdown;
mod plan;

use adhoc_core::{
    ChangeCounts, InfrastructurePlan, OutputValue, Outputs, ResourceAction, ResourceChange, ResourcePhase,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(crate) use self::markdown::plan_markdown;
pub(super) use self::plan::lines as plan_lines;

use super::style::{Style, Tone};
use super::text::{columns, count, millis, one_line};

/// The `result` of the summary of a command that drives Terraform. Each is told by its members.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum InfrastructureReport {
    Plan(PlanReport),
    Drift(DriftReport),
    Apply(ApplyReport),
    Destroy(DestroyReport),
}

/// What would change; the `result` of the summary of `adhoc plan`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PlanReport {
    /// The plan.
    pub(crate) plan: InfrastructurePlan,
}

/// What somebody else has changed; the `result` of the summary of `adhoc plan --drift`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DriftReport {
    /// The environment.
    pub(crate) environment: String,
    /// What a plan would change back.
    pub(crate) pending: Vec<ResourceChange>,
    /// What differs from the last apply, but is left alone by the configuration.
    pub(crate) out_of_band: Vec<ResourceChange>,
}

/// What was made; the `result` of the summary of `adhoc create`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ApplyReport {
    /// The environment.
    pub(crate) environment: String,
    /// How many resources were changed.
    pub(crate) counts: ChangeCounts,
    /// The outputs.
    pub(crate) outputs: Outputs,
    /// Whether anything was changed, if only outputs.
    pub(crate) changed: bool,
}

/// What was destroyed; the `result` of the summary of `adhoc destroy`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DestroyReport {
    /// The environment.
    pub(crate) environment: String,
    /// Whether there was a workspace.
    pub(crate) existed: bool,
    /// How many resources were destroyed.
    pub(crate) destroyed: u64,
    /// The database that was dropped, if one was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) database: Option<String>,
}

impl InfrastructureReport {
    /// The lines for people; with `verbose`, no list is cut.
    pub(crate) fn lines(&self, style: Style, verbose: bool) -> Vec<String> {
        match self {
            Self::Plan(report) => plan_lines(&report.plan, style, verbose),
            Self::Drift(report) => report.lines(style, verbose),
            Self::Apply(report) => report.lines(style, terminal_width()),
            Self::Destroy(report) => vec![done(&report.sentence(), style)],
        }
    }

    /// The same as Markdown.
    pub(crate) fn markdown(&self) -> String {
        match self {
            Self::Plan(report) => plan_markdown(&report.plan),
            Self::Drift(report) => markdown::drift(report),
            Self::Apply(report) => markdown::apply(report),
            Self::Destroy(report) => markdown::sentence(&report.sentence()),
        }
    }
}

impl DriftReport {
    fn sentence(&self) -> String {
        match self.pending.len() {
            0 => format!("{} has not drifted", self.environment),
            number => {
                format!("{} has drifted: a plan would change {} back", self.environment, count(number, "resource"))
            }
        }
    }

    fn lines(&self, style: Style, verbose: bool) -> Vec<String> {
        let tone = if self.pending.is_empty() { Tone::Good } else { Tone::Doubtful };
        let mut lines = vec![format!("{} {}", style.tone(tone, tone.mark()), self.sentence())];
        lines.extend(plan::planned(&self.pending, style, verbose));
        if !self.out_of_band.is_empty() {
            lines.extend([String::new(), format!("  {LEFT_ALONE}:")]);
            lines.extend(plan::drifted(&self.out_of_band, style, verbose));
        }
        lines
    }
}

const LEFT_ALONE: &str = "changed outside of Terraform, and left alone by the configuration";

impl ApplyReport {
    /// What was done, in one sentence.
    pub(super) fn sentence(&self) -> String {
        let ChangeCounts { add, change, destroy, import } = self.counts;
        let environment = &self.environment;
        if self.counts == ChangeCounts::default() && self.changed {
            return format!("{environment} is up to date: only outputs were changed");
        }
        if self.counts == ChangeCounts::default() {
            return format!("{environment} is up to date: nothing had to be changed");
        }
        let imported = if import > 0 { format!(", {import} imported") } else { String::new() };
        format!("{environment} is up to date: {add} added, {change} changed, {destroy} destroyed{imported}")
    }

    /// The lines for a terminal of the width that there is.
    pub(super) fn lines_for_terminal(&self, style: Style) -> Vec<String> {
        self.lines(style, terminal_width())
    }

    fn lines(&self, style: Style, width: usize) -> Vec<String> {
        let mut lines = vec![done(&self.sentence(), style)];
        let names = self.outputs.keys().map(|name| name.chars().count()).max().unwrap_or_default();
        let room = width.saturating_sub(names + "  ".len() + "   ".len()).max(20);
        let row = |(name, output): (&String, &OutputValue)| vec![name.clone(), output_text(output, room)];
        let rows: Vec<Vec<String>> = self.outputs.iter().map(row).collect();
        lines.extend(columns("  ", &rows));
        lines
    }
}

impl DestroyReport {
    fn sentence(&self) -> String {
        let Self { environment, existed, destroyed, database } = self;
        let dropped = database.as_ref().map(|database| format!("database {database} dropped"));
        if !existed && *destroyed == 0 {
            return match dropped {
                Some(dropped) => format!("{environment} is gone: {dropped}; there was nothing else left"),
                None => format!("there was nothing left of {environment}"),
            };
        }
        let destroyed = count(usize::try_from(*destroyed).unwrap_or(usize::MAX), "resource");
        let dropped = dropped.map_or(String::new(), |dropped| format!(", {dropped}"));
        format!("{environment} is gone: {destroyed} destroyed{dropped}, workspace deleted")
    }
}

fn done(sentence: &str, style: Style) -> String {
    format!("{} {sentence}", style.green(Tone::Good.mark()))
}

/// An output on one line. Text is whole, since somebody wants to copy it; what is made of parts ends at `room`.
fn output_text(output: &OutputValue, room: usize) -> String {
    match &output.value {
        _ if output.sensitive => "(sensitive)".to_owned(),
        Value::String(text) => one_line(text),
        value => {
            let text = value.to_string();
            match text.char_indices().nth(room) {
                Some(_) => text.chars().take(room.saturating_sub(1)).chain(['…']).collect(),
                None => text,
            }
        }
    }
}

/// How many columns there are; enough for most where nobody knows.
fn terminal_width() -> usize {
    terminal_size::terminal_size_of(std::io::stdout()).map_or(100, |(width, _)| usize::from(width.0))
}

/// The work on a resource, as one sentence.
pub(super) fn progress(address: &str, action: ResourceAction, phase: ResourcePhase, elapsed_ms: u64) -> String {
    let (doing, done) = verbs(action);
    let (address, took) = (one_line(address), millis(elapsed_ms));
    match phase {
        ResourcePhase::Started => format!("{doing} {address}"),
        ResourcePhase::Finished => format!("{done} {address} in {took}"),
        ResourcePhase::Failed => format!("{doing} {address} failed after {took}"),
        _ => format!("still {doing} {address} after {took}"),
    }
}

/// `creating`, `created`.
fn verbs(action: ResourceAction) -> (&'static str, &'static str) {
    match action {
        ResourceAction::Create => ("creating", "created"),
        ResourceAction::Read => ("reading", "read"),
        ResourceAction::Replace => ("replacing", "replaced"),
        ResourceAction::Delete => ("destroying", "destroyed"),
        ResourceAction::Move => ("moving", "moved"),
        ResourceAction::Import => ("importing", "imported"),
        ResourceAction::Forget => ("forgetting", "forgotten"),
        ResourceAction::Update => ("updating", "updated"),
        _ => ("changing", "changed"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::reporters::samples;

    fn plain(report: &InfrastructureReport) -> String {
        report.lines(Style::PLAIN, false).join("\n")
    }

    fn applied(counts: ChangeCounts) -> ApplyReport {
        let outputs = Outputs::from([
            ("cluster".to_owned(), OutputValue::new("alpha-cluster")),
            ("master_password".to_owned(), OutputValue::sensitive("hunter2")),
            ("ports".to_owned(), OutputValue::new(json!({"gunicorn": 8000, "web-ui": 8080}))),
            ("subnets".to_owned(), OutputValue::new(json!(vec!["subnet-0123456789abcdef0"; 12]))),
            ("url".to_owned(), OutputValue::new(format!("https://alpha.example.com/{}", "a".repeat(90)))),
        ]);
        ApplyReport { environment: "alpha".to_owned(), counts, outputs, changed: counts != ChangeCounts::default() }
    }

    #[test]
    fn outputs_stand_in_columns() {
        let report = applied(ChangeCounts { add: 12, change: 1, ..ChangeCounts::default() });
        samples::assert_snapshot("applied", &report.lines(Style::PLAIN, 80).join("\n"));
    }

    #[test]
    fn an_apply_says_what_it_did() {
        let said = |counts| applied(counts).sentence();
        assert_eq!(said(ChangeCounts::default()), "alpha is up to date: nothing had to be changed");
        let counts = ChangeCounts { import: 2, ..ChangeCounts::default() };
        assert_eq!(said(counts), "alpha is up to date: 0 added, 0 changed, 0 destroyed, 2 imported");
    }

    #[test]
    fn a_destroy_says_what_is_left() {
        let said = |existed, destroyed| {
            DestroyReport { environment: "alpha".to_owned(), existed, destroyed, database: None }.sentence()
        };
        assert_eq!(said(true, 31), "alpha is gone: 31 resources destroyed, workspace deleted");
        assert_eq!(said(true, 1), "alpha is gone: 1 resource destroyed, workspace deleted");
        assert_eq!(said(false, 0), "there was nothing left of alpha");
    }

    #[test]
    fn drift_is_told_from_what_is_left_alone() {
        let drift = samples::infrastructure_plan().drift;
        let report = DriftReport { environment: "alpha".to_owned(), pending: drift.clone(), out_of_band: drift };
        let none = DriftReport { pending: Vec::new(), ..report.clone() };
        let all = [report, none].map(|report| plain(&InfrastructureReport::Drift(report)));
        samples::assert_snapshot("drift", &all.join("\n\n"));
    }

    #[test]
    fn reports_are_told_by_their_members() {
        let environment = "alpha".to_owned();
        let reports = [
            InfrastructureReport::Plan(PlanReport { plan: samples::infrastructure_plan() }),
            InfrastructureReport::Drift(DriftReport {
                environment: environment.clone(),
                pending: Vec::new(),
                out_of_band: Vec::new(),
            }),
            InfrastructureReport::Apply(ApplyReport {
                environment: environment.clone(),
                counts: ChangeCounts::default(),
                outputs: Outputs::new(),
                changed: true,
            }),
            InfrastructureReport::Destroy(DestroyReport { environment, existed: true, destroyed: 1, database: None }),
        ];
        for report in reports {
            let value = serde_json::to_value(&report).expect("JSON");
            assert_eq!(serde_json::from_value::<InfrastructureReport>(value.clone()).expect("the same"), report);
            let found = crate::reporters::summary::found(&value, Style::PLAIN, false);
            assert_eq!(found, report.lines(Style::PLAIN, false));
        }
    }

    #[test]
    fn a_sensitive_output_stays_one() {
        let report = InfrastructureReport::Apply(applied(ChangeCounts::default()));
        let text = format!("{}{}{}", plain(&report), report.markdown(), serde_json::json!(report));
        assert!(text.contains("(sensitive)") && !text.contains("hunter2"), "{text}");
    }
}
