use std::collections::BTreeMap;

use adhoc_core::{EnvironmentRecord, EnvironmentState, ServiceCounts, Timestamp, roughly};

use crate::reporters::text::count;

/// `7 environments: 3 live, 1 stopped, 1 half-made; $12.34 per day`.
pub(super) fn totals(records: &[EnvironmentRecord]) -> String {
    if records.is_empty() {
        return "no environments".to_owned();
    }
    let mut states: BTreeMap<EnvironmentState, usize> = BTreeMap::new();
    records.iter().for_each(|record| *states.entry(record.state).or_default() += 1);
    let states: Vec<String> = states.iter().map(|(state, number)| format!("{number} {state}")).collect();
    let cost = total_cost(records).map_or(String::new(), |cents| format!("; {} per day", dollars(cents)));
    format!("{}: {}{cost}", count(records.len(), "environment"), states.join(", "))
}

/// What all of them cost per day, in cents; none if that is not known of any.
pub(super) fn total_cost(records: &[EnvironmentRecord]) -> Option<u64> {
    let known: Vec<u64> = records.iter().filter_map(|record| record.cost_cents_per_day).collect();
    (!known.is_empty()).then(|| known.iter().sum())
}

/// `$12.34`, `$1,234.50`.
pub(super) fn dollars(cents: u64) -> String {
    let whole = (cents / 100).to_string();
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("${grouped}.{:02}", cents % 100)
}

/// How long ago `moment` was.
pub(super) fn age(moment: Timestamp, now: Timestamp) -> String {
    roughly(std::time::Duration::try_from(now.duration_since(moment)).unwrap_or_default())
}

/// `5/6`: how many tasks run, and should.
pub(super) fn tasks(record: &EnvironmentRecord) -> Option<String> {
    let ServiceCounts { desired, running, .. } = record.services?;
    Some(format!("{running}/{desired}"))
}

/// `in 3 days`, `5 hours ago`, `never`; none where there is nothing to expire.
pub(super) fn end(record: &EnvironmentRecord, now: Timestamp) -> Option<String> {
    match record.expires_at {
        Some(at) => Some(relative(at, now)),
        None if record.tracked => Some("never".to_owned()),
        None => None,
    }
}

/// `in 3 days`, `5 hours ago`.
pub(super) fn relative(at: Timestamp, now: Timestamp) -> String {
    if at > now { format!("in {}", age(now, at)) } else { format!("{} ago", age(at, now)) }
}

/// What is worth knowing beyond the state.
pub(super) fn remarks(record: &EnvironmentRecord) -> Vec<String> {
    let protected = record.protected.then(|| "protected".to_owned());
    let kept = record.keep.as_ref().map(|reason| format!("kept: {reason}"));
    protected.into_iter().chain(kept).chain(record.notes.iter().cloned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_in_dollars() {
        for (cents, text) in [(0, "$0.00"), (5, "$0.05"), (123_450, "$1,234.50"), (100_000_000, "$1,000,000.00")] {
            assert_eq!(dollars(cents), text);
        }
    }
}
