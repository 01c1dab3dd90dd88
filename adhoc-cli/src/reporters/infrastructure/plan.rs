//! A plan for a terminal: what is lost first, and never cut.

use std::collections::BTreeMap;

use adhoc_core::{ChangeCounts, InfrastructurePlan, ResourceAction, ResourceChange};

use crate::reporters::style::Style;
use crate::reporters::text::{columns, count, safe};

/// How many lines of what is no loss are shown.
const MAX_LINES: usize = 40;
/// How many types the rest is told by.
const MAX_TYPES: usize = 6;
/// How many outputs are named.
const MAX_OUTPUTS: usize = 20;

pub(super) const DRIFT: &str = "changed outside of Terraform since the last apply";

/// The plan: a sentence, then the changes; with `verbose`, all of them.
pub(crate) fn lines(plan: &InfrastructurePlan, style: Style, verbose: bool) -> Vec<String> {
    let mut lines = vec![format!("{}: {}", style.bold(&plan.environment), sentence(plan))];
    lines.extend(planned(&plan.changes, style, verbose));
    lines.extend(outputs(plan, verbose));
    if !plan.drift.is_empty() {
        lines.extend([String::new(), format!("  {DRIFT}:")]);
        lines.extend(drifted(&plan.drift, style, verbose));
    }
    lines.extend((plan.omitted > 0).then(|| style.yellow(&format!("  {} listed", unlisted(plan.omitted)))));
    lines
}

/// `12 to add, 1 to change, 0 to destroy`.
pub(super) fn sentence(plan: &InfrastructurePlan) -> String {
    let ChangeCounts { add, change, destroy, import } = plan.counts;
    let of = |action| plan.changes.iter().filter(|resource| resource.action == action).count();
    let (moved, forgotten) = (of(ResourceAction::Move), of(ResourceAction::Forget));
    let untouched = plan.counts == ChangeCounts::default() && moved + forgotten == 0;
    match plan.has_changes {
        false if plan.destroy => return "there is nothing to destroy".to_owned(),
        false => return "no changes; the infrastructure is what is configured".to_owned(),
        true if untouched && !plan.outputs.is_empty() => return "only outputs change".to_owned(),
        true => {}
    }
    let mut parts = vec![format!("{add} to add"), format!("{change} to change"), format!("{destroy} to destroy")];
    if plan.destroy && add + change == 0 {
        parts.drain(..2);
    }
    let rare = [(import, "import"), (moved as u64, "move"), (forgotten as u64, "forget")];
    parts.extend(rare.iter().filter(|(number, _)| *number > 0).map(|(number, verb)| format!("{number} to {verb}")));
    format!("{}{}", if plan.destroy { "everything goes: " } else { "" }, parts.join(", "))
}

/// `1 more change is not`, `5 more changes are not`.
pub(super) fn unlisted(number: u64) -> String {
    let changes = count(usize::try_from(number).unwrap_or(usize::MAX), "more change");
    format!("{changes} {} not", if number == 1 { "is" } else { "are" })
}

/// What a plan does, one line for each resource.
pub(super) fn planned(changes: &[ResourceChange], style: Style, verbose: bool) -> Vec<String> {
    let verb = |action: ResourceAction| action.to_string();
    table(changes, verb, |action| action == ResourceAction::Create && !verbose, style)
}

/// What somebody else did, one line for each resource.
pub(super) fn drifted(changes: &[ResourceChange], style: Style, verbose: bool) -> Vec<String> {
    table(changes, drift_verb, |action| action != ResourceAction::Delete && !verbose, style)
}

pub(super) fn drift_verb(action: ResourceAction) -> String {
    match action {
        ResourceAction::Delete => "gone".to_owned(),
        ResourceAction::Create => "new".to_owned(),
        ResourceAction::Move => "moved".to_owned(),
        _ => "changed".to_owned(),
    }
}

/// The changes grouped by what is done, losses first.
pub(super) fn grouped(changes: &[ResourceChange]) -> Vec<&ResourceChange> {
    let mut grouped: Vec<_> = changes.iter().filter(|change| change.action != ResourceAction::None).collect();
    grouped.sort_by_key(|change| rank(change.action));
    grouped
}

fn rank(action: ResourceAction) -> u8 {
    match action {
        ResourceAction::Delete => 0,
        ResourceAction::Replace => 1,
        ResourceAction::Create => 2,
        ResourceAction::Update => 3,
        ResourceAction::Import => 4,
        ResourceAction::Move => 5,
        ResourceAction::Forget => 6,
        ResourceAction::Read => 7,
        _ => 8,
    }
}

/// Whether something is lost.
pub(super) fn is_loss(action: ResourceAction) -> bool {
    matches!(action, ResourceAction::Delete | ResourceAction::Replace)
}

/// Terraform's own symbol, where it has one.
pub(super) fn symbol(action: ResourceAction) -> &'static str {
    match action {
        ResourceAction::Create => "+",
        ResourceAction::Update => "~",
        ResourceAction::Delete => "-",
        ResourceAction::Replace => "-/+",
        ResourceAction::Read => "<=",
        _ => "",
    }
}

/// One line for each resource; of those that may be cut, the first ones and a line about the others.
fn table(
    changes: &[ResourceChange],
    verb: fn(ResourceAction) -> String,
    cut: impl Fn(ResourceAction) -> bool,
    style: Style,
) -> Vec<String> {
    let mut left = MAX_LINES;
    let (shown, hidden): (Vec<_>, Vec<_>) = grouped(changes).into_iter().partition(|change| {
        let fits = !cut(change.action) || left > 0;
        left = left.saturating_sub(usize::from(cut(change.action)));
        fits
    });
    let rows: Vec<Vec<String>> =
        shown.iter().map(|change| vec![verb(change.action), safe(&change.address, false), why(change)]).collect();
    let mut lines: Vec<String> =
        columns("", &rows).iter().zip(&shown).map(|(line, change)| painted(change.action, line, style)).collect();
    if !hidden.is_empty() {
        let last = shown.iter().rposition(|change| cut(change.action)).map_or(lines.len(), |last| last + 1);
        lines.insert(last, style.dim(&format!("      and {} more: {}", hidden.len(), by_type(&hidden))));
    }
    lines
}

/// A line in the colour of what is done: all of it where something is lost, else up to the verb.
fn painted(action: ResourceAction, line: &str, style: Style) -> String {
    let end = line.find(' ').unwrap_or(line.len());
    let (verb, rest) = line.split_at(end);
    let head = format!("{:>3} {verb}", symbol(action));
    match action {
        action if is_loss(action) => format!("  {}", style.red(&format!("{head}{rest}"))),
        ResourceAction::Create => format!("  {}{rest}", style.green(&head)),
        ResourceAction::Update => format!("  {}{rest}", style.yellow(&head)),
        _ => format!("  {}{rest}", style.cyan(&head)),
    }
}

/// `40 aws_subnet, 2 aws_vpc`, the most frequent ones first.
fn by_type(changes: &[&ResourceChange]) -> String {
    let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
    for change in changes {
        *numbers.entry(&change.kind).or_default() += 1;
    }
    let mut numbers: Vec<(&str, usize)> = numbers.into_iter().collect();
    numbers.sort_by_key(|(_, number)| std::cmp::Reverse(*number));
    let rest = numbers.split_off(numbers.len().min(MAX_TYPES));
    let mut parts: Vec<String> =
        numbers.iter().map(|(kind, number)| format!("{number} {}", safe(kind, false))).collect();
    if !rest.is_empty() {
        let number: usize = rest.iter().map(|(_, number)| number).sum();
        parts.push(format!("{number} of {}", count(rest.len(), "other type")));
    }
    parts.join(", ")
}

/// Why it is done, in words.
pub(super) fn why(change: &ResourceChange) -> String {
    let Some(reason) = change.reason.as_deref() else { return String::new() };
    let words = match reason {
        "cannot_update" | "replace_because_cannot_update" => "cannot be changed in place",
        "replace_because_tainted" => "tainted",
        "requested" | "replace_by_request" => "requested",
        "replace_triggered_by" | "replace_by_triggers" => "replaced together with another resource",
        "delete_because_no_resource_config" => "no longer configured",
        "delete_because_no_module" => "its module is no longer configured",
        "delete_because_wrong_repetition" => "`count` or `for_each` came or went",
        "delete_because_count_index" => "beyond its `count`",
        "delete_because_each_key" => "no longer in its `for_each`",
        "delete_because_no_move_target" => "moved to an address that is not configured",
        "read_because_config_unknown" => "depends on what is known only then",
        "read_because_dependency_pending" => "depends on what is changed",
        "read_because_check_nested" => "part of a check",
        other => return safe(&other.replace('_', " "), false),
    };
    words.to_owned()
}

/// `outputs: + url, ~ cluster`.
fn outputs(plan: &InfrastructurePlan, verbose: bool) -> Option<String> {
    let shown = if verbose { usize::MAX } else { MAX_OUTPUTS };
    let changing = || plan.outputs.iter().filter(|(_, action)| **action != ResourceAction::None);
    let mut parts: Vec<String> = changing()
        .take(shown)
        .map(|(name, action)| format!("{} {}", symbol(*action), safe(name, false)).trim_start().to_owned())
        .collect();
    let more = changing().count() - parts.len();
    parts.extend((more > 0).then(|| format!("and {more} more")));
    (!parts.is_empty()).then(|| format!("  outputs: {}", parts.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reporters::samples;

    fn plain(plan: &InfrastructurePlan, verbose: bool) -> Vec<String> {
        lines(plan, Style::PLAIN, verbose)
    }

    fn empty() -> InfrastructurePlan {
        InfrastructurePlan::new(&"alpha".parse().expect("valid"))
    }

    #[test]
    fn losses_come_first() {
        samples::assert_snapshot("infrastructure_plan", &plain(&samples::infrastructure_plan(), false).join("\n"));
    }

    #[test]
    fn a_large_plan_is_cut_but_for_its_losses() {
        let plan = samples::large_plan(150, 60);
        let lines = plain(&plan, false);
        samples::assert_snapshot("infrastructure_plan_large", &lines.join("\n"));
        assert_eq!(lines.iter().filter(|line| line.contains("- destroy")).count(), 60);
        assert_eq!(plain(&plan, true).iter().filter(|line| line.contains("+ create")).count(), 150);
    }

    #[test]
    fn sentences_say_what_is_to_come() {
        let mut plan = empty();
        assert_eq!(sentence(&plan), "no changes; the infrastructure is what is configured");
        plan.has_changes = true;
        plan.outputs.insert("url".to_owned(), ResourceAction::Create);
        assert_eq!(plain(&plan, false), ["alpha: only outputs change", "  outputs: + url"]);
        plan.counts = ChangeCounts { add: 1, import: 2, ..ChangeCounts::default() };
        assert_eq!(sentence(&plan), "1 to add, 0 to change, 0 to destroy, 2 to import");
        plan.counts = ChangeCounts::default();
        plan.changes = vec![ResourceChange::new("aws_vpc.b", "aws_vpc", ResourceAction::Move)];
        assert_eq!(sentence(&plan), "0 to add, 0 to change, 0 to destroy, 1 to move");
        let mut gone = empty();
        gone.destroy = true;
        assert_eq!(sentence(&gone), "there is nothing to destroy");
        (gone.has_changes, gone.counts.destroy) = (true, 31);
        assert_eq!(sentence(&gone), "everything goes: 31 to destroy");
    }

    #[test]
    fn what_is_lost_is_red() {
        let colored = lines(&samples::infrastructure_plan(), Style::new(true), false).join("\n");
        for part in
            ["\u{1b}[31m  - destroy", "\u{1b}[31m-/+ replace", "\u{1b}[32m  + create\u{1b}[0m", "\u{1b}[33m  ~ update"]
        {
            assert!(colored.contains(part), "{part:?} is not in {colored}");
        }
    }

    #[test]
    fn one_that_was_left_out_is_one() {
        assert_eq!(unlisted(1), "1 more change is not");
    }
}
