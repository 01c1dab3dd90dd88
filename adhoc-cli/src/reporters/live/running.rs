//! The resources that are being worked on, below the spinner of their step.

use std::time::Duration;

use adhoc_core::ResourcePhase;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::reporters::style::Style;
use crate::reporters::text::{one_line, safe};

/// How many resources have a line.
const MAX_SHOWN: usize = 5;
/// Each line counts seconds.
const SECOND: Duration = Duration::from_secs(1);

/// The resources in the order in which they were begun: the longest-running ones have a line, the others are counted.
#[derive(Default)]
pub(super) struct Running {
    rows: Vec<Row>,
    more: Option<ProgressBar>,
    step: Option<String>,
}

struct Row {
    address: String,
    bar: ProgressBar,
    shown: bool,
}

impl Running {
    /// A resource has begun, goes on, or has ended, in the step whose spinner is `below`. `doing` says what is done to it.
    pub(super) fn update(
        &mut self,
        multi: &MultiProgress,
        below: Option<&(String, ProgressBar)>,
        style: Style,
        (address, doing, phase): (&str, &str, ResourcePhase),
    ) {
        let there = self.rows.iter().position(|row| row.address == address);
        match (phase, there) {
            (ResourcePhase::Finished | ResourcePhase::Failed, Some(index)) => {
                let Row { bar, shown, .. } = self.rows.remove(index);
                if shown {
                    dismiss(multi, &bar);
                }
            }
            (ResourcePhase::Started | ResourcePhase::Progressing, None) => {
                self.step = below.map(|(step, _)| step.clone());
                let bar = hidden(style).with_message(safe(&one_line(doing), false));
                self.rows.push(Row { address: address.to_owned(), bar, shown: false });
            }
            _ => {}
        }
        self.arrange(multi, below.map(|(_, bar)| bar), style);
    }

    /// Forgets the resources of a step that has ended.
    pub(super) fn end_of(&mut self, step: &str, multi: &MultiProgress) {
        if self.step.as_deref() == Some(step) {
            self.clear(multi);
        }
    }

    /// Forgets every resource.
    pub(super) fn clear(&mut self, multi: &MultiProgress) {
        for row in self.rows.drain(..).filter(|row| row.shown) {
            dismiss(multi, &row.bar);
        }
        if let Some(more) = self.more.take() {
            dismiss(multi, &more);
        }
        self.step = None;
    }

    /// Rows only ever move up, so that what is shown stays shown until its end.
    fn arrange(&mut self, multi: &MultiProgress, below: Option<&ProgressBar>, style: Style) {
        let mut above = below.cloned();
        for row in self.rows.iter_mut().take(MAX_SHOWN) {
            if !row.shown {
                place(multi, above.as_ref(), &row.bar);
                row.bar.enable_steady_tick(SECOND);
                row.shown = true;
            }
            above = Some(row.bar.clone());
        }
        match (self.rows.len().saturating_sub(MAX_SHOWN), &self.more) {
            (0, _) => {
                if let Some(more) = self.more.take() {
                    dismiss(multi, &more);
                }
            }
            (number, Some(more)) => more.set_message(format!("and {number} more")),
            (number, None) => {
                let more = hidden(style).with_style(bare("     {msg}"));
                place(multi, above.as_ref(), &more);
                more.set_message(format!("and {number} more"));
                self.more = Some(more);
            }
        }
    }
}

/// A line that is on no screen yet, but counts its time.
fn hidden(style: Style) -> ProgressBar {
    let template = if style.has_color() { "  {elapsed:>4.dim} {wide_msg:.dim}" } else { "  {elapsed:>4} {wide_msg}" };
    ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden()).with_style(bare(template))
}

fn bare(template: &str) -> ProgressStyle {
    let bare = ProgressStyle::default_spinner();
    bare.clone().template(template).unwrap_or(bare)
}

fn place(multi: &MultiProgress, above: Option<&ProgressBar>, bar: &ProgressBar) {
    match above {
        Some(above) => multi.insert_after(above, bar.clone()),
        None => multi.add(bar.clone()),
    };
}

fn dismiss(multi: &MultiProgress, bar: &ProgressBar) {
    bar.finish_and_clear();
    multi.remove(bar);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(running: &Running) -> Vec<String> {
        let rows = running.rows.iter().filter(|row| row.shown).map(|row| row.bar.message());
        rows.chain(running.more.iter().map(ProgressBar::message)).collect()
    }

    #[test]
    fn the_longest_running_ones_have_a_line() {
        let multi = MultiProgress::with_draw_target(ProgressDrawTarget::hidden());
        let step = ("apply".to_owned(), multi.add(ProgressBar::new_spinner()));
        let mut running = Running::default();
        let mut update = |address: &str, phase| {
            let doing = format!("creating {address}");
            running.update(&multi, Some(&step), Style::new(true), (address, &doing, phase));
            shown(&running)
        };
        let addresses: Vec<String> = (1..=8).map(|index| format!("aws_eip.this[{index}]")).collect();
        let mut lines = Vec::new();
        for address in &addresses {
            lines = update(address, ResourcePhase::Started);
        }
        assert_eq!((lines[0].as_str(), lines[5].as_str()), ("creating aws_eip.this[1]", "and 3 more"));
        assert_eq!(update(&addresses[7], ResourcePhase::Progressing), lines, "it is known already");
        assert_eq!(update(&addresses[6], ResourcePhase::Finished)[5], "and 2 more");
        let lines = update(&addresses[0], ResourcePhase::Failed);
        assert_eq!((lines[0].as_str(), lines[4].as_str()), ("creating aws_eip.this[2]", "creating aws_eip.this[6]"));
        let lines = update(&addresses[1], ResourcePhase::Finished);
        assert_eq!(lines.len(), 5, "{lines:?}");
        running.end_of("another", &multi);
        assert_eq!(running.rows.len(), 5);
        running.end_of("apply", &multi);
        assert!(shown(&running).is_empty() && running.rows.is_empty());
    }
}
