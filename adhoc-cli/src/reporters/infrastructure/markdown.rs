//! Plans and reports as Markdown: for a comment on a pull request, and for the job's summary.

use adhoc_core::{InfrastructurePlan, OutputValue, ResourceAction, ResourceChange};

use super::plan::{DRIFT, drift_verb, grouped, is_loss, sentence as counts, symbol, unlisted, why};
use super::{ApplyReport, DriftReport, LEFT_ALONE, output_text};
use crate::reporters::github::{code, escaped, table};

/// How long the text may be. A comment on GitHub has at most 65536 characters.
const MAX_BYTES: usize = 60_000;
/// What headings, folds and the closing sentence take of it at most.
const FRAME_BYTES: usize = 1_000;
/// How many rows are not folded.
const MAX_OPEN: usize = 25;
/// How long the value of an output may be in a table.
const MAX_VALUE: usize = 200;

/// A plan as a comment of at most 60 000 characters. Its first line, which is hidden, names the environment, so that the
/// comment can be found again.
pub(crate) fn plan_markdown(plan: &InfrastructurePlan) -> String {
    let mut room = Room::new();
    let name: String = plan.environment.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
    let heading = format!("### {}", escaped(&format!("{}: {}", plan.environment, counts(plan))));
    let mut parts = vec![format!("<!-- adhoc plan {name} -->\n{heading}")];
    parts.extend(changes(&plan.changes, &mut room));
    parts.extend(outputs(plan, &mut room));
    parts.extend(drifted(DRIFT, &plan.drift, &mut room));
    parts.extend(room.left_out(plan.omitted));
    parts.join("\n\n") + "\n"
}

/// What has drifted.
pub(super) fn drift(report: &DriftReport) -> String {
    let mut room = Room::new();
    let mut parts = vec![sentence(&report.sentence())];
    parts.extend(changes(&report.pending, &mut room));
    parts.extend(drifted(LEFT_ALONE, &report.out_of_band, &mut room));
    parts.extend(room.left_out(0));
    parts.join("\n\n")
}

/// What an apply did, and its outputs.
pub(super) fn apply(report: &ApplyReport) -> String {
    let mut room = Room::new();
    let row = |(name, output): (&String, &OutputValue)| [code(name), code(&output_text(output, MAX_VALUE))];
    let rows: Vec<[String; 2]> = report.outputs.iter().map(row).filter(|row| room.takes(row)).collect();
    let outputs = table(["Output", "Value"], &rows);
    [Some(sentence(&report.sentence())), outputs].into_iter().flatten().collect::<Vec<_>>().join("\n\n")
}

/// A sentence of ours about names of others.
pub(super) fn sentence(text: &str) -> String {
    format!("**{}**", escaped(text))
}

/// How much more may be said, and what was not.
struct Room {
    left: usize,
    changes: u64,
    losses: u64,
}

impl Room {
    fn new() -> Self {
        Self { left: MAX_BYTES - FRAME_BYTES, changes: 0, losses: 0 }
    }

    /// Whether there is room for a row of these cells, which takes it.
    fn takes(&mut self, cells: &[String]) -> bool {
        let size = cells.iter().map(|cell| cell.len() + " | ".len()).sum::<usize>() + "| \n".len();
        let fits = size <= self.left;
        if fits {
            self.left -= size;
        }
        fits
    }

    fn rows(&mut self, changes: &[&ResourceChange], verb: fn(ResourceAction) -> String) -> Vec<[String; 3]> {
        let mut rows = Vec::new();
        for change in changes {
            let row = [action(change.action, &verb(change.action)), code(&change.address), escaped(&why(change))];
            if self.takes(&row) {
                rows.push(row);
            } else {
                self.changes += 1;
                self.losses += u64::from(is_loss(change.action));
            }
        }
        rows
    }

    fn left_out(&self, omitted: u64) -> Option<String> {
        let losses =
            if self.losses > 0 { format!(", {} of which destroy or replace", self.losses) } else { String::new() };
        let number = self.changes.saturating_add(omitted);
        (number > 0).then(|| format!("**{} listed here{losses}**: the list would be too long.", unlisted(number)))
    }
}

/// What is done, marked where something is lost.
fn action(action: ResourceAction, verb: &str) -> String {
    match symbol(action) {
        _ if is_loss(action) => format!("⚠ **{verb}**"),
        "" => verb.to_owned(),
        symbol => format!("{} {verb}", code(symbol)),
    }
}

const HEADER: [&str; 3] = ["Action", "Resource", "Why"];

/// The changes in one table; where there are many, losses in one of their own, and the rest folded.
fn changes(changes: &[ResourceChange], room: &mut Room) -> Vec<String> {
    let all = grouped(changes);
    let (losses, rest) = all.split_at(all.partition_point(|change| is_loss(change.action)));
    let verb = |action: ResourceAction| action.to_string();
    if losses.len() <= MAX_OPEN && rest.len() <= MAX_OPEN {
        return table(HEADER, &room.rows(&all, verb)).into_iter().collect();
    }
    let first = (losses.len() > MAX_OPEN, "details open", losses);
    let second = (rest.len() > MAX_OPEN, "details", rest);
    let part = |(fold, tag, part): (bool, &str, &[&ResourceChange])| {
        let table = table(HEADER, &room.rows(part, verb))?;
        Some(if fold { folded(tag, &numbers(part), &table) } else { table })
    };
    [first, second].into_iter().filter_map(part).collect()
}

fn drifted(title: &str, changes: &[ResourceChange], room: &mut Room) -> Option<String> {
    let table = table(HEADER, &room.rows(&grouped(changes), drift_verb))?;
    let title = capitalised(title);
    Some(match changes.len() {
        0..=MAX_OPEN => format!("**{title}:**\n\n{table}"),
        number => folded("details", &format!("{title}: {number} resources"), &table),
    })
}

fn folded(tag: &str, summary: &str, text: &str) -> String {
    format!("<{tag}><summary>{summary}</summary>\n\n{text}\n\n</details>")
}

/// `30 to create, 2 to update`; they come in groups.
fn numbers(changes: &[&ResourceChange]) -> String {
    let groups = changes.chunk_by(|one, other| one.action == other.action);
    groups.map(|group| format!("{} to {}", group.len(), group[0].action)).collect::<Vec<_>>().join(", ")
}

fn outputs(plan: &InfrastructurePlan, room: &mut Room) -> Option<String> {
    let changing = || plan.outputs.iter().filter(|(_, action)| **action != ResourceAction::None);
    let mut parts: Vec<String> = changing()
        .map(|(name, kind)| format!("{} {}", action(*kind, &kind.to_string()).replace("⚠ ", ""), code(name)))
        .filter(|part| room.takes(std::slice::from_ref(part)))
        .collect();
    let more = changing().count() - parts.len();
    parts.extend((more > 0).then(|| format!("and {more} more")));
    (!parts.is_empty()).then(|| format!("Outputs: {}", parts.join(", ")))
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |first| first.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reporters::samples;

    #[test]
    fn a_plan_is_a_table_with_losses_first() {
        samples::assert_snapshot("plan_markdown", &plan_markdown(&samples::infrastructure_plan()));
    }

    #[test]
    fn long_lists_are_folded() {
        samples::assert_snapshot("plan_markdown_folded", &plan_markdown(&samples::large_plan(30, 2)));
    }

    #[test]
    fn a_comment_is_never_too_long() {
        let mut plan = samples::large_plan(1500, 400);
        let text = plan_markdown(&plan);
        assert!(text.len() <= MAX_BYTES && text.len() > MAX_BYTES - 3_000, "{}", text.len());
        assert_eq!(text.matches("⚠ **destroy**").count(), 400, "losses come first");
        assert!(text.contains("more changes are not listed here**: the list"), "{}", &text[text.len() - 200..]);
        for change in &mut plan.changes {
            change.address = format!("{}|", change.address.repeat(20));
        }
        let text = plan_markdown(&plan);
        assert!(text.len() <= MAX_BYTES, "{}", text.len());
        assert!(text.contains("of which destroy or replace"), "{}", &text[text.len() - 200..]);
    }

    #[test]
    fn nothing_from_elsewhere_has_a_meaning() {
        let mut plan = samples::large_plan(1, 0);
        plan.environment = "alpha --><script>".to_owned();
        plan.changes[0].address = "x[\"a`|<b>\"]\n### no".to_owned();
        plan.changes[0].reason = Some("<i>|@me".to_owned());
        let text = plan_markdown(&plan);
        assert!(text.starts_with("<!-- adhoc plan alpha--script -->\n"), "{text}");
        assert!(!text.contains("<b>") && !text.contains("<i>") && !text.contains("<script>"), "{text}");
        assert!(text.contains(r"\\|") || text.contains(r"\|"), "{text}");
        assert_eq!(text.lines().filter(|line| line.starts_with('#')).count(), 1, "{text}");
    }
}
