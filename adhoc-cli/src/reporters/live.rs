//! A terminal: a spinner for each running step, everything that has happened above it.

mod running;

use std::time::Duration;

use adhoc_core::{Event, ResourcePhase};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use self::running::Running;

use super::infrastructure;
use super::plain::{log_lines, sentence, transferred};
use super::plan;
use super::style::{Style, Tone};
use super::text::{millis, one_line, safe};

const FRAME: Duration = Duration::from_millis(90);

/// The spinners. Everything they and their surroundings show goes through here.
pub(crate) struct Live {
    multi: MultiProgress,
    style: Style,
    steps: Vec<(String, ProgressBar)>,
    running: Running,
    wrote: bool,
}

impl Live {
    /// Spinners on stderr.
    pub(crate) fn new(style: Style) -> Self {
        Self {
            multi: MultiProgress::with_draw_target(ProgressDrawTarget::stderr()),
            style,
            steps: Vec::new(),
            running: Running::default(),
            wrote: false,
        }
    }

    /// Shows one event.
    pub(crate) fn show(&mut self, event: &Event) {
        match event {
            Event::StepStarted { step } => self.begin(step),
            // What is awaited follows from the step, and a terminal is narrow.
            Event::WaitProgress { detail, .. } => {
                if let Some((_, bar)) = self.steps.last() {
                    bar.set_message(safe(&one_line(detail), false));
                }
            }
            Event::TransferProgress { bytes, total, detail, .. } => self.transfer(*bytes, *total, detail),
            Event::ResourceProgress { address, action, phase, .. } => {
                let doing = infrastructure::progress(address, *action, ResourcePhase::Started, 0);
                self.running.update(&self.multi, self.steps.last(), self.style, (address, &doing, *phase));
            }
            Event::StepFinished { step, .. } | Event::StepFailed { step, .. } => self.finish(step),
            _ => {}
        }
        for line in lines(event, self.style) {
            let _ = self.multi.println(safe(&line, self.style.has_color()));
            self.wrote = true;
        }
    }

    /// Writes elsewhere while no spinner is on the screen.
    pub(crate) fn suspended(&self, write: impl FnOnce()) {
        self.multi.suspend(write);
    }

    /// Removes whatever still spins, and sets off what follows from what was written.
    pub(crate) fn clear(&mut self) {
        self.running.clear(&self.multi);
        for (_, bar) in self.steps.drain(..) {
            bar.finish_and_clear();
        }
        if std::mem::take(&mut self.wrote) {
            let _ = self.multi.println("");
        }
        let _ = self.multi.clear();
    }

    fn begin(&mut self, step: &str) {
        let bar =
            self.multi.add(ProgressBar::new_spinner().with_style(spinner(self.style)).with_prefix(step.to_owned()));
        bar.enable_steady_tick(FRAME);
        self.steps.push((step.to_owned(), bar));
    }

    /// A bar where the whole is known, else how much is done so far.
    fn transfer(&mut self, done: u64, total: Option<u64>, detail: &str) {
        let Some((_, bar)) = self.steps.last() else { return };
        match total.filter(|total| *total > 0) {
            Some(total) => {
                if bar.length() != Some(total) {
                    bar.set_length(total);
                    bar.set_style(transfer_bar(self.style));
                }
                bar.set_position(done);
                bar.set_message(safe(&one_line(detail), false));
            }
            None => bar.set_message(safe(&format!("{} {}", transferred(done, None), one_line(detail)), false)),
        }
    }

    fn finish(&mut self, step: &str) {
        self.running.end_of(step, &self.multi);
        if let Some(index) = self.steps.iter().rposition(|(open, _)| open == step) {
            let (_, bar) = self.steps.remove(index);
            bar.finish_and_clear();
            self.multi.remove(&bar);
        }
    }
}

fn spinner(style: Style) -> ProgressStyle {
    let template = if style.has_color() {
        "{spinner:.cyan} {prefix:.bold} {elapsed:.dim}  {wide_msg:.dim}"
    } else {
        "{spinner} {prefix} {elapsed}  {wide_msg}"
    };
    let bare = ProgressStyle::default_spinner();
    bare.clone().template(template).unwrap_or(bare).tick_chars("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ ")
}

fn transfer_bar(style: Style) -> ProgressStyle {
    let template = if style.has_color() {
        "{spinner:.cyan} {prefix:.bold} {elapsed:.dim} {bar:24.cyan/dim} {bytes}/{total_bytes} {bytes_per_sec:.dim}  {wide_msg:.dim}"
    } else {
        "{spinner} {prefix} {elapsed} {bar:24} {bytes}/{total_bytes} {bytes_per_sec}  {wide_msg}"
    };
    let bare = ProgressStyle::default_bar();
    bare.clone().template(template).unwrap_or(bare).tick_chars("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ ").progress_chars("━╸─")
}

/// The lines that stay on the screen.
fn lines(event: &Event, style: Style) -> Vec<String> {
    match event {
        Event::Plan(plan) => with_room(&plan::lines(plan, style)),
        Event::InfrastructurePlan(plan) => with_room(&infrastructure::plan_lines(plan, style, false)),
        // It has a line of its own while it lasts.
        Event::ResourceProgress { phase: ResourcePhase::Started | ResourcePhase::Progressing, .. } => Vec::new(),
        Event::LogLine { source, message, .. } => indented(log_lines(source, message, style)),
        Event::Hint { message } => vec![format!("  {} {}", style.cyan("hint:"), one_line(message))],
        Event::StepFinished { step, duration_ms } => {
            vec![format!("{} {step}  {}", style.green("✓"), style.dim(&millis(*duration_ms)))]
        }
        Event::StepFailed { step, duration_ms, error } => {
            let took = style.dim(&millis(*duration_ms));
            vec![format!("{} {step}  {took}  {}", style.red("✗"), style.red(&one_line(error)))]
        }
        other => sentence(other).map(|sentence| toned(other, &sentence, style)).into_iter().collect(),
    }
}

/// Room to read it: it is what the user has asked for.
fn with_room(lines: &[String]) -> Vec<String> {
    let room = [String::new()];
    [&room, lines, &room].concat()
}

fn indented(lines: Vec<String>) -> Vec<String> {
    lines.into_iter().map(|line| format!("  {line}")).collect()
}

/// A sentence with the mark of what it means.
fn toned(event: &Event, sentence: &str, style: Style) -> String {
    let tone = match event {
        Event::ServiceVerdict(service) => Tone::from(service.verdict),
        Event::TaskStopped { exit_code: Some(0), .. } => Tone::Good,
        Event::ResourceProgress { phase: ResourcePhase::Finished, .. } => Tone::Good,
        Event::TaskStopped { .. } | Event::ResourceProgress { .. } => Tone::Bad,
        _ => return format!("  {} {sentence}", style.dim("·")),
    };
    format!("  {} {sentence}", style.tone(tone, tone.mark()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reporters::samples;

    #[test]
    fn every_event_leaves_its_lines() {
        let lines: Vec<String> =
            samples::every_event().iter().flat_map(|record| lines(&record.event, Style::PLAIN)).collect();
        samples::assert_snapshot("live_events", &lines.join("\n"));
    }

    #[test]
    fn spinners_come_and_go_with_their_steps() {
        let mut live = Live::new(Style::new(true));
        for step in ["roll", "watch"] {
            live.show(&Event::StepStarted { step: step.to_owned() });
        }
        live.show(&Event::StepFinished { step: "roll".to_owned(), duration_ms: 1 });
        assert_eq!(live.steps.iter().map(|(step, _)| step.as_str()).collect::<Vec<_>>(), ["watch"]);
        live.clear();
        assert!(live.steps.is_empty());
    }
}
