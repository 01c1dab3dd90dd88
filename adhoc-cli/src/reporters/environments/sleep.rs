use adhoc_core::Timestamp;
use serde::{Deserialize, Serialize};

use crate::reporters::style::{Style, Tone};
use crate::reporters::text::{columns, count, one_line};

/// What was put to sleep or woken; the `result` of the summary of `adhoc stop` and `adhoc start`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SleepTable {
    /// `stop` or `start`.
    pub(crate) sleep: String,
    /// The environments.
    pub(crate) rows: Vec<SleepRow>,
}

/// One environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SleepRow {
    /// Its name.
    pub(crate) environment: String,
    /// What became of it.
    pub(crate) change: SleepChange,
    /// The services whose count was changed.
    pub(crate) services: Vec<SleepService>,
    /// More about it.
    pub(crate) detail: Option<String>,
}

/// A service whose count was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SleepService {
    /// Its name.
    pub(crate) service: String,
    /// The count before.
    pub(crate) from: u32,
    /// The count now.
    pub(crate) to: u32,
}

/// What became of an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SleepChange {
    /// It was put to sleep.
    Stopped,
    /// It was woken.
    Started,
    /// There was nothing to do.
    Unchanged,
    /// It was left alone.
    Skipped,
    /// That failed.
    Failed,
}

impl SleepChange {
    fn tone(self) -> Tone {
        match self {
            Self::Stopped | Self::Started => Tone::Good,
            Self::Unchanged | Self::Skipped => Tone::Idle,
            Self::Failed => Tone::Bad,
        }
    }

    fn cell(self) -> String {
        let word = match self {
            Self::Stopped => "stopped",
            Self::Started => "started",
            Self::Unchanged => "unchanged",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
        };
        format!("{} {word}", self.tone().mark())
    }
}

impl SleepRow {
    /// An environment, and its services with their counts before and now.
    pub(crate) fn new(
        environment: &str,
        change: SleepChange,
        services: Vec<(String, u32, u32)>,
        detail: Option<String>,
    ) -> Self {
        let services = services.into_iter().map(|(service, from, to)| SleepService { service, from, to }).collect();
        Self { environment: environment.to_owned(), change, services, detail }
    }

    /// An environment that is left alone.
    pub(crate) fn skipped(environment: &str, why: String) -> Self {
        Self::new(environment, SleepChange::Skipped, Vec::new(), Some(why))
    }

    fn words(&self) -> String {
        match (&self.detail, self.services.len()) {
            (Some(detail), _) => one_line(detail),
            (None, 0) => String::new(),
            (None, number) => count(number, "service"),
        }
    }

    /// The sentence about one environment alone.
    fn sentence(&self) -> String {
        let (name, services) = (&self.environment, count(self.services.len(), "service"));
        match self.change {
            SleepChange::Stopped => format!("{name} is asleep: {services} stopped; `adhoc start {name}` wakes it"),
            SleepChange::Started => format!("{name} is awake: {services} started"),
            _ => format!("{name} is left as it is: {}", self.words()),
        }
    }
}

impl SleepTable {
    /// The lines for people.
    pub(crate) fn lines(&self, style: Style) -> Vec<String> {
        match self.rows.as_slice() {
            [] => vec![format!("no environment to {}", self.sleep)],
            [row] => {
                let tone = row.change.tone();
                vec![format!("{} {}", style.tone(tone, tone.mark()), row.sentence())]
            }
            rows => {
                let cells = |row: &SleepRow| vec![row.environment.clone(), row.change.cell(), row.words()];
                let table = columns("", &rows.iter().map(cells).collect::<Vec<_>>());
                let lines = table.iter().zip(rows).map(|(line, row)| {
                    let cell = row.change.cell();
                    line.replacen(&cell, &style.tone(row.change.tone(), &cell), 1)
                });
                lines.collect()
            }
        }
    }
}

/// Until when an environment lives; the `result` of the summary of `adhoc extend`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Extension {
    /// The environment.
    pub(crate) environment: String,
    /// What was done, in words.
    pub(crate) extended: String,
    /// After when it may be swept away.
    pub(crate) expires_at: Option<Timestamp>,
    /// After when it might have been swept away before.
    pub(crate) expired_at_before: Option<Timestamp>,
    /// Why it is never swept away.
    pub(crate) keep: Option<String>,
}

impl Extension {
    /// The lines for people.
    pub(crate) fn lines(&self, style: Style) -> Vec<String> {
        let minute = |at: Timestamp| at.strftime("%Y-%m-%d %H:%M UTC").to_string();
        let mut lines = vec![format!("{} {}", style.green(Tone::Good.mark()), one_line(&self.extended))];
        if self.expires_at != self.expired_at_before {
            let before = self.expired_at_before.map_or(String::new(), |at| format!("; it was {}", minute(at)));
            lines.extend(self.expires_at.map(|at| format!("  until {}{before}", minute(at))));
        }
        lines.extend(self.keep.as_ref().map(|reason| format!("  kept: {}", one_line(reason))));
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, change: SleepChange, services: usize, detail: Option<&str>) -> SleepRow {
        let services = (0..services).map(|number| (format!("{name}-{number}"), 1, 0)).collect();
        SleepRow::new(name, change, services, detail.map(str::to_owned))
    }

    fn lines(rows: Vec<SleepRow>) -> String {
        SleepTable { sleep: "stop".to_owned(), rows }.lines(Style::PLAIN).join("\n")
    }

    #[test]
    fn one_is_told_in_a_sentence_and_many_in_a_table() {
        let one = lines(vec![row("alpha", SleepChange::Stopped, 3, None)]);
        assert_eq!(one, "✓ alpha is asleep: 3 services stopped; `adhoc start alpha` wakes it");
        let idle = lines(vec![row("alpha", SleepChange::Unchanged, 0, Some("nothing in it ran"))]);
        assert_eq!(idle, "· alpha is left as it is: nothing in it ran");
        assert_eq!(lines(Vec::new()), "no environment to stop");
        let many = lines(vec![
            row("alpha", SleepChange::Stopped, 1, None),
            row("staging", SleepChange::Skipped, 0, Some("is protected")),
            row("beta", SleepChange::Failed, 1, Some("UpdateService beta-beat:\naccess denied")),
        ]);
        let expected = "alpha     ✓ stopped   1 service\nstaging   · skipped   is protected\nbeta      ✗ failed    UpdateService beta-beat: access denied";
        assert_eq!(many, expected);
    }

    #[test]
    fn an_extension_says_until_when() {
        let at = |text: &str| text.parse().ok();
        let extension = Extension {
            environment: "alpha".to_owned(),
            extended: "alpha lives for another 5 days".to_owned(),
            expires_at: at("2026-03-06T12:00:00Z"),
            expired_at_before: at("2026-03-02T12:00:00Z"),
            keep: None,
        };
        let lines = extension.lines(Style::PLAIN).join("\n");
        assert_eq!(
            lines,
            "✓ alpha lives for another 5 days\n  until 2026-03-06 12:00 UTC; it was 2026-03-02 12:00 UTC"
        );
    }
}
