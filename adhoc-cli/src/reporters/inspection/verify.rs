use serde::{Deserialize, Serialize};

use crate::reporters::style::{Style, Tone};
use crate::reporters::text::{columns, count, one_line};

/// What an update would find; the `result` of the summary of `adhoc verify`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct VerifyReport {
    /// The environment.
    pub(crate) verify: String,
    /// The checks, in the order of an update.
    pub(crate) findings: Vec<FindingRow>,
}

/// What one check has found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FindingRow {
    /// What was looked at, such as `image` or `task role`.
    pub(crate) check: String,
    /// Which one.
    pub(crate) subject: String,
    /// `ok`, `failed` or `skipped`.
    pub(crate) verdict: String,
    /// How an update would end, if it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) outcome: Option<String>,
    /// Why, or what was found.
    pub(crate) reason: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) hint: Option<String>,
}

impl FindingRow {
    fn tone(&self) -> Tone {
        match (self.verdict.as_str(), &self.hint) {
            ("ok", None) => Tone::Good,
            ("ok", Some(_)) => Tone::Doubtful,
            ("skipped", _) => Tone::Idle,
            _ => Tone::Bad,
        }
    }

    /// The verdict with its mark, and what was looked at.
    fn cell(&self) -> String {
        format!("{} {}", self.tone().mark(), self.check)
    }
}

impl VerifyReport {
    /// The lines for people.
    pub(crate) fn lines(&self, style: Style) -> Vec<String> {
        let cells = |row: &FindingRow| vec![row.cell(), row.subject.clone(), words(row)];
        let table = columns("  ", &self.findings.iter().map(cells).collect::<Vec<_>>());
        let mut lines = vec![style.bold(&self.headline())];
        for (index, (line, row)) in table.iter().zip(&self.findings).enumerate() {
            lines.push(line.replacen(&row.cell(), &style.tone(row.tone(), &row.cell()), 1));
            let next = self.findings.get(index + 1).and_then(|next| next.hint.as_ref());
            // Rows one after another with the same hint share it.
            let hint = row.hint.as_ref().filter(|hint| next != Some(hint));
            lines.extend(hint.map(|hint| format!("    {} {}", style.cyan("next:"), one_line(hint))));
        }
        lines
    }

    /// `alpha: an update would be refused: 1 check failed, 20 ok, 3 skipped`.
    fn headline(&self) -> String {
        let number = |verdict: &str| self.findings.iter().filter(|row| row.verdict == verdict).count();
        let (ok, failed, skipped) = (number("ok"), number("failed"), number("skipped"));
        let skipped = if skipped == 0 { String::new() } else { format!(", {skipped} skipped") };
        match failed {
            0 => format!("{}: nothing stands in the way of an update: {ok} ok{skipped}", self.verify),
            _ => format!(
                "{}: an update would not succeed: {} failed, {ok} ok{skipped}",
                self.verify,
                count(failed, "check")
            ),
        }
    }
}

fn words(row: &FindingRow) -> String {
    match row.verdict.as_str() {
        "skipped" => format!("skipped: {}", row.reason),
        _ => row.reason.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reporters::samples::assert_snapshot;

    fn row(check: &str, subject: &str, verdict: &str, reason: &str, hint: Option<&str>) -> FindingRow {
        FindingRow {
            check: check.to_owned(),
            subject: subject.to_owned(),
            verdict: verdict.to_owned(),
            outcome: (verdict == "failed").then(|| "not_found".to_owned()),
            reason: reason.to_owned(),
            hint: hint.map(str::to_owned),
        }
    }

    #[test]
    fn checks_stand_in_the_order_of_an_update() {
        let off = Some("its circuit breaker is off: a release that keeps crashing is not rolled back");
        let report = VerifyReport {
            verify: "alpha".to_owned(),
            findings: vec![
                row("cluster", "alpha-cluster", "ok", "ACTIVE, 5 services", None),
                row("image", "backend:v9", "failed", "is not there", Some("push it, or name another one with `--tag`")),
                row("task role", "dev-ecs-task", "skipped", "not allowed to look (iam:GetRole)", None),
                row("service", "alpha-beat", "ok", "1/1 tasks", off),
                row("service", "alpha-gunicorn", "ok", "2/2 tasks", off),
            ],
        };
        assert_snapshot("verify", &report.lines(Style::PLAIN).join("\n"));
        let text = serde_json::to_string_pretty(&report).expect("JSON");
        assert_eq!(serde_json::from_str::<VerifyReport>(&text).expect("JSON"), report);
        assert_snapshot("verify_json", &text);
    }
}
