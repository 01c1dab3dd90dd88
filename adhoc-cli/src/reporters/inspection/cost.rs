use adhoc_core::Money;
use serde::{Deserialize, Serialize};

use crate::reporters::style::Style;
use crate::reporters::text::{columns, count, one_line};

const NOT_COUNTED: &str =
    "not counted: traffic, requests, storage of S3 and logs, images, secrets, backups, discounts, taxes";

/// What is paid per day; the `result` of the summary of `adhoc cost`. Amounts are US dollars.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CostReport {
    /// The day on which the prices held.
    pub(crate) prices_as_of: String,
    /// The file that they are from; none for the built-in ones.
    pub(crate) prices_from: Option<String>,
    /// The region.
    pub(crate) region: String,
    /// The sum of all that is listed and has a price.
    pub(crate) per_day: Money,
    /// The environments.
    pub(crate) environments: Vec<CostGroup>,
    /// What they share; none if one environment was asked for.
    pub(crate) shared: Option<CostGroup>,
    /// What could not be read.
    pub(crate) unreadable: Vec<String>,
}

/// An environment, or the shared part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CostGroup {
    /// Its name.
    pub(crate) name: String,
    /// What it costs per day.
    pub(crate) per_day: Money,
    /// Whether something has no price, and so is not in the sum.
    pub(crate) is_incomplete: bool,
    /// What costs it.
    pub(crate) items: Vec<CostRow>,
}

/// A service, or something shared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CostRow {
    /// Its name.
    pub(crate) name: String,
    /// How much of what.
    pub(crate) detail: String,
    /// What it costs per day; none where there is no price for it.
    pub(crate) per_day: Option<Money>,
    /// The region whose price stands in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) priced_in: Option<String>,
}

impl CostGroup {
    fn amount(&self) -> String {
        format!("{}{}", self.per_day, if self.is_incomplete { " or more" } else { "" })
    }
}

impl CostReport {
    /// The lines for people: the services of one environment, or a line for each of many.
    pub(crate) fn lines(&self, style: Style) -> Vec<String> {
        let groups = || self.environments.iter().chain(&self.shared);
        let about = if groups().any(|group| group.is_incomplete) { " or more" } else { "" };
        let from = self.prices_from.as_ref().map_or(String::new(), |file| format!(", from {file}"));
        let headline =
            format!("{}{about} per day in {} at prices of {}{from}", self.per_day, self.region, self.prices_as_of);
        let mut lines = vec![style.bold(&one_line(&headline))];
        lines.extend(columns("  ", &self.rows()));
        let notes = self.notes().into_iter().chain([NOT_COUNTED.to_owned()]);
        lines.extend(notes.map(|note| style.dim(&one_line(&note))));
        lines
    }

    fn rows(&self) -> Vec<Vec<String>> {
        let item = |indent: &str, row: &CostRow| {
            let amount = row.per_day.map_or_else(|| "no price".to_owned(), |amount| amount.to_string());
            vec![format!("{indent}{}", row.name), row.detail.clone(), amount]
        };
        let Some(shared) = &self.shared else {
            return self.environments.iter().flat_map(|it| &it.items).map(|row| item("", row)).collect();
        };
        let whole = |group: &CostGroup| vec![group.name.clone(), count(group.items.len(), "service"), group.amount()];
        let mut rows: Vec<_> = self.environments.iter().map(whole).collect();
        rows.push(vec![shared.name.clone(), "shared".to_owned(), shared.amount()]);
        rows.extend(shared.items.iter().map(|row| item("- ", row)));
        rows
    }

    fn notes(&self) -> Vec<String> {
        let items = || self.environments.iter().chain(&self.shared).flat_map(|group| &group.items);
        let mut notes: Vec<String> = self.unreadable.iter().map(|what| format!("not read: {what}")).collect();
        if let Some(place) = items().find_map(|item| item.priced_in.as_ref()) {
            notes.push(format!("some prices of {} are not known: those of {place} stand in", self.region));
        }
        let unpriced: Vec<&str> = items().filter(|it| it.per_day.is_none()).map(|it| it.detail.as_str()).collect();
        if !unpriced.is_empty() {
            notes.push(format!(
                "no price is known of: {}; name it in a table of your own with `--prices`",
                unpriced.join("; ")
            ));
        }
        notes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reporters::samples::assert_snapshot;

    fn row(name: &str, detail: &str, micros: Option<u64>) -> CostRow {
        let priced_in = (name == "NAT gateway").then(|| "us-east-1".to_owned());
        CostRow { name: name.to_owned(), detail: detail.to_owned(), per_day: micros.map(Money::from_micros), priced_in }
    }

    fn group(name: &str, items: Vec<CostRow>) -> CostGroup {
        let per_day = items.iter().filter_map(|item| item.per_day).sum();
        CostGroup {
            name: name.to_owned(),
            per_day,
            is_incomplete: items.iter().any(|item| item.per_day.is_none()),
            items,
        }
    }

    fn report() -> CostReport {
        let alpha = group(
            "alpha",
            vec![
                row("alpha-beat", "1 x 0.25 vCPU, 0.5 GB, Spot", Some(88_872)),
                row("alpha-gunicorn", "2 x 1 vCPU, 2 GB", Some(2_369_760)),
            ],
        );
        CostReport {
            prices_as_of: "2026-03-01".to_owned(),
            prices_from: None,
            region: "sa-east-1".to_owned(),
            per_day: alpha.per_day,
            environments: vec![alpha],
            shared: None,
            unreadable: Vec::new(),
        }
    }

    #[test]
    fn one_environment_is_told_by_service() {
        assert_snapshot("cost_of_one", &report().lines(Style::PLAIN).join("\n"));
    }

    #[test]
    fn many_are_told_with_what_they_share() {
        let items = vec![row("NAT gateway", "1", Some(1_080_000)), row("dev-bastion", "x9.huge", None)];
        let report = CostReport {
            prices_from: Some("prices.toml".to_owned()),
            shared: Some(group("dev", items)),
            unreadable: vec!["beta: ListServices: access denied".to_owned()],
            per_day: Money::from_micros(3_538_632),
            ..report()
        };
        assert_snapshot("cost", &report.lines(Style::PLAIN).join("\n"));
        let text = serde_json::to_string_pretty(&report).expect("JSON");
        assert_eq!(serde_json::from_str::<CostReport>(&text).expect("JSON"), report);
        assert_snapshot("cost_json", &text);
    }
}
