//! What `adhoc status` has found.

use serde::{Deserialize, Serialize};

use super::style::{Style, Tone};
use super::text::{columns, count, image, one_line, revision_of};

/// What runs in an environment; the `result` of the summary of `adhoc status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StatusTable {
    /// The environment.
    pub(crate) environment: String,
    /// Its services.
    pub(crate) rows: Vec<StatusRow>,
}

/// One service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StatusRow {
    /// The component to which it belongs, if any does.
    pub(crate) component: Option<String>,
    /// Its name.
    pub(crate) service: String,
    /// How it is.
    pub(crate) state: ServiceState,
    /// How many tasks run.
    pub(crate) running: u32,
    /// How many should.
    pub(crate) desired: u32,
    /// The revision, `family:revision`.
    pub(crate) task_definition: Option<String>,
    /// The whole image reference.
    pub(crate) image: Option<String>,
    /// More about the state, in a few words.
    pub(crate) detail: Option<String>,
}

/// How a service is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ServiceState {
    /// All tasks run, and nothing is being rolled.
    Steady,
    /// A deployment is in progress.
    Deploying,
    /// Fewer tasks run than should, or the last deployment failed.
    Degraded,
    /// Its desired count is 0.
    Stopped,
    /// The component has it, but ECS does not.
    Missing,
}

impl ServiceState {
    fn word(self) -> &'static str {
        match self {
            Self::Steady => "steady",
            Self::Deploying => "deploying",
            Self::Degraded => "degraded",
            Self::Stopped => "stopped",
            Self::Missing => "missing",
        }
    }

    fn tone(self) -> Tone {
        match self {
            Self::Steady => Tone::Good,
            Self::Stopped => Tone::Idle,
            Self::Deploying => Tone::Doubtful,
            Self::Degraded | Self::Missing => Tone::Bad,
        }
    }

    fn cell(self) -> String {
        format!("{} {}", self.tone().mark(), self.word())
    }
}

impl StatusTable {
    /// The table for people.
    pub(crate) fn lines(&self, style: Style) -> Vec<String> {
        if self.rows.is_empty() {
            return vec![format!("{} has no services", style.bold(&self.environment))];
        }
        let header = ["component", "service", "state", "tasks", "revision", "image", ""].map(str::to_owned).to_vec();
        let rows: Vec<Vec<String>> = std::iter::once(header).chain(self.rows.iter().map(StatusRow::cells)).collect();
        let mut lines = vec![format!("{}: {}", style.bold(&self.environment), count(self.rows.len(), "service"))];
        let table = columns("  ", &rows);
        lines.extend(table.first().map(|header| style.dim(header)));
        lines.extend(table.iter().skip(1).zip(&self.rows).map(|(line, row)| {
            let cell = row.state.cell();
            line.replacen(&cell, &style.tone(row.state.tone(), &cell), 1)
        }));
        lines
    }
}

impl StatusRow {
    fn cells(&self) -> Vec<String> {
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        vec![
            or_dash(self.component.clone()),
            self.service.clone(),
            self.state.cell(),
            format!("{}/{}", self.running, self.desired),
            or_dash(self.task_definition.as_deref().map(|revision| revision_of(revision, &self.service).to_owned())),
            or_dash(self.image.as_deref().map(image)),
            self.detail.as_deref().map(one_line).unwrap_or_default(),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reporters::samples;

    #[test]
    fn services_stand_in_columns() {
        samples::assert_snapshot("status", &samples::status().lines(Style::PLAIN).join("\n"));
    }

    #[test]
    fn no_services_is_said() {
        let none = StatusTable { environment: "alpha".to_owned(), rows: Vec::new() };
        assert_eq!(none.lines(Style::PLAIN), ["alpha has no services"]);
    }
}
