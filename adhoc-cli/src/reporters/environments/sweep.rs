use adhoc_core::{EnvironmentName, Error, SweepAction, SweepDecision, Timestamp};
use serde::{Deserialize, Serialize};

use crate::reporters::github::{code, escaped, table};
use crate::reporters::style::{Style, Tone};
use crate::reporters::text::{columns, count, one_line};

/// What a sweep would do, or has done; the `result` of the summary of `adhoc sweep`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SweepTable {
    /// The environments: those that are changed first.
    pub(crate) sweep: Vec<SweepRow>,
    /// Whether it was done, or only shown.
    pub(crate) applied: bool,
    /// The moment for which it was decided.
    pub(crate) at: Timestamp,
    /// What could not be read.
    pub(crate) unreadable: Vec<String>,
}

/// One environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SweepRow {
    /// Its name.
    pub(crate) environment: EnvironmentName,
    /// What is done with it.
    pub(crate) action: SweepAction,
    /// Why.
    pub(crate) reason: String,
    /// When it ends.
    pub(crate) ends_at: Option<Timestamp>,
    /// Whether it was done; none where nothing was to be, or is only shown.
    pub(crate) done: Option<bool>,
    /// Why it was not.
    pub(crate) error: Option<String>,
}

impl SweepRow {
    /// What is decided, and not done.
    pub(crate) fn planned(decision: &SweepDecision) -> Self {
        Self {
            environment: decision.environment.clone(),
            action: decision.action,
            reason: decision.reason.clone(),
            ends_at: decision.ends_at,
            done: None,
            error: None,
        }
    }

    /// What was done, or failed.
    pub(crate) fn ended(decision: &SweepDecision, error: Option<&Error>) -> Self {
        let error = error.map(|error| error.chain().join(": "));
        Self { done: Some(error.is_none()), error, ..Self::planned(decision) }
    }

    fn tone(&self) -> Tone {
        match (self.done, self.action) {
            (Some(false), _) => Tone::Bad,
            (Some(true), _) => Tone::Good,
            (None, SweepAction::Leave) => Tone::Idle,
            (None, _) => Tone::Doubtful,
        }
    }

    fn cell(&self) -> String {
        format!("{} {}", self.tone().mark(), self.action)
    }

    fn why(&self) -> String {
        let error = self.error.as_ref().map_or(String::new(), |error| format!("; failed: {error}"));
        one_line(&format!("{}{error}", self.reason))
    }
}

impl SweepTable {
    /// The table for people.
    pub(crate) fn lines(&self, style: Style) -> Vec<String> {
        let mut lines = vec![style.bold(&self.headline())];
        let cells = |row: &SweepRow| vec![row.environment.to_string(), row.cell(), row.why()];
        let table = columns("  ", &self.sweep.iter().map(cells).collect::<Vec<_>>());
        lines.extend(table.iter().zip(&self.sweep).map(|(line, row)| {
            let cell = row.cell();
            line.replacen(&cell, &style.tone(row.tone(), &cell), 1)
        }));
        lines
    }

    /// The same as Markdown.
    pub(crate) fn markdown(&self) -> String {
        let row = |row: &SweepRow| [escaped(row.environment.as_str()), escaped(&row.cell()), escaped(&row.why())];
        let rows: Vec<[String; 3]> = self.sweep.iter().map(row).collect();
        let mut parts = vec![format!("**{}**", escaped(&self.headline()))];
        parts.extend(table(["Environment", "Action", "Why"], &rows));
        parts.extend((!self.applied).then(|| format!("{} does it.", code("adhoc sweep --apply"))));
        parts.join("\n\n")
    }

    fn headline(&self) -> String {
        let changed: Vec<&SweepRow> = self.sweep.iter().filter(|row| row.action != SweepAction::Leave).collect();
        let failed = changed.iter().filter(|row| row.done == Some(false)).count();
        let of = count(self.sweep.len(), "environment");
        match (changed.len(), self.applied) {
            (0, _) => format!("nothing to sweep away in {of}"),
            (number, false) => format!("{number} of {of} would be swept or warned; nothing was changed"),
            (number, true) if failed > 0 => format!("{} of {number} done, {failed} failed, in {of}", number - failed),
            (number, true) => format!("{number} of {of} swept or warned"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reporters::samples::{assert_snapshot, moment};

    fn row(name: &str, action: SweepAction, reason: &str) -> SweepRow {
        SweepRow {
            environment: name.parse().expect("valid"),
            action,
            reason: reason.to_owned(),
            ends_at: None,
            done: None,
            error: None,
        }
    }

    fn sweep() -> SweepTable {
        let sweep = vec![
            row("pr-41", SweepAction::Destroy, "expired 3 hours ago; its owner was not warned"),
            row(
                "pr-7",
                SweepAction::DropDatabase,
                "its database is all there is, without an expiry, 4 days after it was made",
            ),
            row("typo", SweepAction::DeleteWorkspace, "its workspace is empty, and it has no cluster"),
            row("alpha", SweepAction::Warn, "ends in 5 hours"),
            row("board", SweepAction::Leave, "kept: demo for the board"),
            row("production", SweepAction::Leave, "nobody's: it has no tags of adhoc; not touched"),
        ];
        SweepTable { sweep, applied: false, at: moment(), unreadable: Vec::new() }
    }

    #[test]
    fn a_sweep_says_what_and_why() {
        assert_snapshot("sweep", &sweep().lines(Style::PLAIN).join("\n"));
        assert_snapshot("sweep_markdown", &sweep().markdown());
    }

    #[test]
    fn what_was_done_is_told_from_what_failed() {
        let mut table = sweep();
        table.applied = true;
        for row in &mut table.sweep[..4] {
            row.done = Some(true);
        }
        assert_eq!(table.lines(Style::PLAIN)[0], "4 of 6 environments swept or warned");
        (table.sweep[0].done, table.sweep[0].error) = (Some(false), Some("state is locked".to_owned()));
        let lines = table.lines(Style::PLAIN);
        assert_eq!(lines[0], "3 of 4 done, 1 failed, in 6 environments");
        assert!(lines[1].contains("✗ destroy") && lines[1].ends_with("; failed: state is locked"), "{}", lines[1]);
        table.sweep.retain(|row| row.action == SweepAction::Leave);
        assert_eq!(table.lines(Style::PLAIN)[0], "nothing to sweep away in 2 environments");
    }
}
