use serde::{Deserialize, Serialize};

use crate::reporters::style::{Style, Tone};
use crate::reporters::text::{columns, count, one_line};

/// How many more environments fit; the `result` of the summary of `adhoc quota`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct QuotaTable {
    /// How many more environments fit; none if nothing limits them.
    pub(crate) environments_that_fit: Option<u64>,
    /// What runs out first.
    pub(crate) binding: Option<String>,
    /// On how many running environments it was measured what one takes.
    pub(crate) measured_on: usize,
    /// The quotas, by what runs out first.
    pub(crate) quotas: Vec<QuotaRow>,
    /// Why AWS's defaults stand in for the account's own quotas.
    pub(crate) defaults: Vec<UnknownQuota>,
    /// What could not be read.
    pub(crate) unknown: Vec<UnknownQuota>,
}

/// A quota, and what is used of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct QuotaRow {
    /// Of what.
    pub(crate) quota: String,
    /// The unit of the numbers: `count`, or `cpu_units`, of which 1024 are a vCPU.
    pub(crate) unit: String,
    /// How much there may be.
    pub(crate) limit: u64,
    /// How much there is.
    pub(crate) used: u64,
    /// How much is left.
    pub(crate) left: u64,
    /// How much one more environment takes.
    pub(crate) per_environment: u64,
    /// How many more fit; none if they take nothing of it.
    pub(crate) fits: Option<u64>,
    /// Whether the limit is AWS's default.
    pub(crate) is_default: bool,
    /// Whether what one takes was measured; else it is that of the configuration that comes with adhoc.
    pub(crate) is_measured: bool,
}

/// A quota that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct UnknownQuota {
    /// Of what.
    pub(crate) quota: String,
    /// Why.
    pub(crate) reason: String,
}

impl QuotaRow {
    fn tone(&self) -> Tone {
        match self.fits {
            Some(0) => Tone::Bad,
            Some(1..=2) => Tone::Doubtful,
            Some(_) => Tone::Good,
            None => Tone::Idle,
        }
    }

    fn name(&self) -> String {
        format!("{} {}", self.tone().mark(), self.quota)
    }

    fn cells(&self) -> Vec<String> {
        let fits = self.fits.map_or_else(|| "-".to_owned(), |fits| fits.to_string());
        let taken = format!("{}{}", self.amount(self.per_environment), if self.is_measured { "" } else { " *" });
        let note = if self.is_default { "default" } else { "" };
        vec![self.name(), self.amount(self.used), self.amount(self.limit), taken, fits, note.to_owned()]
    }

    /// An amount; vCPU with two decimals at the most.
    fn amount(&self, amount: u64) -> String {
        if self.unit != "cpu_units" {
            return amount.to_string();
        }
        let hundredths = amount.saturating_mul(100) / 1024;
        let text = format!("{}.{:02}", hundredths / 100, hundredths % 100);
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }
}

impl QuotaTable {
    /// The lines for people.
    pub(crate) fn lines(&self, style: Style) -> Vec<String> {
        let mut lines = vec![style.bold(&self.headline())];
        if !self.quotas.is_empty() {
            let header = ["", "used", "of", "one takes", "more fit", ""].map(str::to_owned).to_vec();
            let rows: Vec<_> = std::iter::once(header).chain(self.quotas.iter().map(QuotaRow::cells)).collect();
            let table = columns("  ", &rows);
            lines.extend(table.first().map(|header| style.dim(header)));
            lines.extend(
                table
                    .iter()
                    .skip(1)
                    .zip(&self.quotas)
                    .map(|(line, row)| line.replacen(&row.name(), &style.tone(row.tone(), &row.name()), 1)),
            );
        }
        lines.extend(self.notes().iter().map(|note| style.dim(note)));
        lines
    }

    fn headline(&self) -> String {
        match (self.environments_that_fit, &self.binding) {
            (Some(0), Some(binding)) => format!("no more environment fits: {binding} have run out"),
            (Some(1), Some(binding)) => format!("one more environment would fit; {binding} run out first"),
            (Some(fits), Some(binding)) => format!("{fits} more environments would fit; {binding} run out first"),
            _ => "no quota that could be read limits the environments".to_owned(),
        }
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.measured_on > 0 {
            notes.push(format!(
                "what one takes is the median of {} now running",
                count(self.measured_on, "environment")
            ));
        }
        if self.quotas.iter().any(|row| !row.is_measured) {
            notes.push("* what an environment of terraform/ad-hoc takes with its defaults".to_owned());
        }
        if let Some(first) = self.defaults.first() {
            notes.push(format!(
                "default: AWS's, since the account's own could not be read: {}",
                one_line(&first.reason)
            ));
        } else if self.quotas.iter().any(|row| row.is_default) {
            notes.push("default: AWS's, since Service Quotas has none of the account's own".to_owned());
        }
        notes.extend(self.unknown.iter().map(|it| format!("{} are not known: {}", it.quota, one_line(&it.reason))));
        notes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reporters::samples::assert_snapshot;

    fn row(quota: &str, numbers: [u64; 3], is_default: bool) -> QuotaRow {
        let [used, limit, each] = numbers;
        let is_cpu = quota.starts_with("Fargate");
        QuotaRow {
            quota: quota.to_owned(),
            unit: if is_cpu { "cpu_units" } else { "count" }.to_owned(),
            limit,
            used,
            left: limit - used,
            per_environment: each,
            fits: (limit - used).checked_div(each),
            is_default,
            is_measured: is_cpu,
        }
    }

    fn unknown(quota: &str, reason: &str) -> UnknownQuota {
        UnknownQuota { quota: quota.to_owned(), reason: reason.to_owned() }
    }

    #[test]
    fn what_runs_out_first_is_on_top() {
        let table = QuotaTable {
            environments_that_fit: Some(2),
            binding: Some("Fargate Spot vCPU".to_owned()),
            measured_on: 3,
            quotas: vec![
                row("Fargate Spot vCPU", [3_584, 6_144, 1_280], false),
                row("listener rules", [9, 100, 3], true),
                row("Fargate vCPU", [0, 6_144, 0], false),
            ],
            defaults: vec![unknown("listener rules", "GetServiceQuota L-7EED9B64: access denied")],
            unknown: vec![unknown("secrets", "ListSecrets: access denied")],
        };
        assert_snapshot("quota", &table.lines(Style::PLAIN).join("\n"));
        let text = serde_json::to_string_pretty(&table).expect("JSON");
        assert_eq!(serde_json::from_str::<QuotaTable>(&text).expect("JSON"), table);
    }

    #[test]
    fn no_room_and_no_knowledge_are_said() {
        let full = QuotaTable {
            environments_that_fit: Some(0),
            binding: Some("listener rules".to_owned()),
            measured_on: 0,
            quotas: vec![row("listener rules", [99, 100, 3], false)],
            defaults: Vec::new(),
            unknown: Vec::new(),
        };
        assert_eq!(full.lines(Style::PLAIN)[0], "no more environment fits: listener rules have run out");
        let blind = QuotaTable { environments_that_fit: None, binding: None, quotas: Vec::new(), ..full };
        assert_eq!(blind.lines(Style::PLAIN), ["no quota that could be read limits the environments"]);
    }
}
