//! What the commands of an environment's life have found and done.

mod markdown;
mod page;
#[cfg(test)]
mod samples;
mod sleep;
mod sweep;
mod words;

use std::collections::BTreeSet;

use adhoc_core::{EnvironmentRecord, EnvironmentState, Timestamp};
use serde::{Deserialize, Serialize};

pub(crate) use self::sleep::{Extension, SleepChange, SleepRow, SleepTable};
pub(crate) use self::sweep::{SweepRow, SweepTable};

use self::words::{age, dollars, end, remarks, tasks, totals};
use super::style::{Style, Tone};
use super::text::columns;

/// How many components have a column each.
const MOST_COMPONENTS: usize = 3;

/// Every environment; the `result` of the summary of `adhoc list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EnvironmentTable {
    /// The project's name, where the configuration has one.
    pub(crate) project: Option<String>,
    /// The AWS region that was looked at.
    pub(crate) region: Option<String>,
    /// The moment at which it was read.
    pub(crate) at: Timestamp,
    /// The environments: those that live first.
    pub(crate) environments: Vec<EnvironmentRecord>,
    /// What could not be read.
    pub(crate) unreadable: Vec<String>,
}

impl EnvironmentTable {
    /// The table for people.
    pub(crate) fn lines(&self, style: Style) -> Vec<String> {
        let mut lines = vec![style.bold(&totals(&self.environments))];
        if self.environments.is_empty() {
            return lines;
        }
        let components = self.components();
        let costs = self.environments.iter().any(|record| record.cost_cents_per_day.is_some());
        let rows: Vec<Vec<String>> = std::iter::once(header(&components, costs))
            .chain(self.environments.iter().map(|record| self.cells(record, &components, costs)))
            .collect();
        let table = columns("  ", &rows);
        lines.extend(table.first().map(|header| style.dim(header)));
        lines.extend(table.iter().skip(1).zip(&self.environments).map(|(line, record)| {
            let cell = state_cell(record);
            line.replacen(&cell, &style.tone(tone(record), &cell), 1)
        }));
        lines
    }

    /// The same as Markdown: for the job's summary, or a comment that is found again by its first line, which is hidden.
    pub(crate) fn markdown(&self) -> String {
        markdown::table_of(self)
    }

    /// The same as one HTML page that needs nothing else.
    pub(crate) fn page(&self) -> String {
        page::page(self)
    }

    /// The components that some environment has a version of; none if they are too many for a column each.
    fn components(&self) -> Vec<String> {
        let names: BTreeSet<&String> = self.environments.iter().flat_map(|record| record.versions.keys()).collect();
        if names.len() > MOST_COMPONENTS { Vec::new() } else { names.into_iter().cloned().collect() }
    }

    fn cells(&self, record: &EnvironmentRecord, components: &[String], costs: bool) -> Vec<String> {
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        let mut cells = vec![record.name.to_string(), state_cell(record), or_dash(tasks(record))];
        cells.extend(version_cells(record, components));
        cells.extend([
            or_dash(record.owner.clone()),
            or_dash(record.created_at.map(|at| age(at, self.at))),
            or_dash(end(record, self.at)),
        ]);
        cells.extend(costs.then(|| or_dash(record.cost_cents_per_day.map(dollars))));
        cells.push(remarks(record).join("; "));
        cells
    }
}

fn header(components: &[String], costs: bool) -> Vec<String> {
    let mut header: Vec<String> = ["environment", "state", "tasks"].map(str::to_owned).to_vec();
    match components {
        [] => header.push("versions".to_owned()),
        names => header.extend(names.iter().cloned()),
    }
    header.extend(["owner", "age", "expires"].map(str::to_owned));
    header.extend(costs.then(|| "per day".to_owned()));
    header.push(String::new());
    header
}

fn version_cells(record: &EnvironmentRecord, components: &[String]) -> Vec<String> {
    let or_dash = |text: String| if text.is_empty() { "-".to_owned() } else { text };
    if components.is_empty() {
        let all = record.versions.iter().map(|(name, version)| format!("{name} {version}"));
        return vec![or_dash(all.collect::<Vec<_>>().join(", "))];
    }
    components.iter().map(|name| or_dash(record.versions.get(name).cloned().unwrap_or_default())).collect()
}

fn state_cell(record: &EnvironmentRecord) -> String {
    format!("{} {}", tone(record).mark(), record.state)
}

/// How good the state of an environment is.
fn tone(record: &EnvironmentRecord) -> Tone {
    let lacking = record.services.is_some_and(|counts| counts.running < counts.desired);
    match record.state {
        EnvironmentState::Live if lacking => Tone::Doubtful,
        EnvironmentState::Live => Tone::Good,
        EnvironmentState::Stopped | EnvironmentState::Untracked | EnvironmentState::Configured => Tone::Idle,
        EnvironmentState::Unknown => Tone::Doubtful,
        _ => Tone::Bad,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reporters::samples::assert_snapshot;

    #[test]
    fn environments_stand_in_columns() {
        assert_snapshot("environments", &samples::table().lines(Style::PLAIN).join("\n"));
    }

    #[test]
    fn many_components_share_a_column() {
        let mut table = samples::table();
        let names = ["api", "docs", "jobs", "shop"].map(|name| (name.to_owned(), "v1".to_owned()));
        table.environments[0].versions = names.into();
        let lines = table.lines(Style::PLAIN);
        assert!(lines[1].contains("versions") && lines[2].contains("api v1, docs v1, jobs v1, shop v1"), "{lines:?}");
    }

    #[test]
    fn no_environment_is_said() {
        let table = EnvironmentTable { environments: Vec::new(), ..samples::table() };
        assert_eq!(table.lines(Style::PLAIN), ["no environments"]);
        assert!(table.markdown().contains("No environments") && table.page().contains("No environments"));
    }

    #[test]
    fn the_json_of_a_list_is_the_contract() {
        let text = serde_json::to_string_pretty(&samples::table()).expect("JSON");
        assert_eq!(serde_json::from_str::<EnvironmentTable>(&text).expect("JSON"), samples::table());
        assert_snapshot("environments_json", &text);
    }
}
