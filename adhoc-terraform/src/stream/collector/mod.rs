//! What is kept of a run's messages, in flat memory, and what is made known of them.

use std::collections::{BTreeMap, BTreeSet};

use adhoc_core::{
    ChangeCounts, Context, EnvironmentName, Event, InfrastructurePlan, ResourceAction, ResourceChange, ResourcePhase,
};

use crate::stream::{ChangeSummary, Diagnostic, Message, PlannedResource, ResourceHook, Severity};

const LISTED: usize = InfrastructurePlan::MAX_LISTED;
/// How many errors are kept.
const ERRORS: usize = 50;
/// How many warnings are told.
const WARNINGS: usize = 10;
/// How many resources that were left in the middle are named.
const UNFINISHED: usize = 50;
/// How many bytes of text are kept: the last ones, since a program says at its end what is wrong.
const TEXT: usize = 2 * 1024;

/// Takes the messages of one run: emits the progress of its resources, and warnings as hints.
pub(crate) struct Collector {
    cx: Context,
    plan: InfrastructurePlan,
    planned: ChangeCounts,
    planned_summary: Option<ChangeCounts>,
    done: ChangeCounts,
    done_summary: Option<ChangeCounts>,
    under_way: BTreeMap<String, u32>,
    finished: Vec<String>,
    ids: Vec<String>,
    errors: Vec<Diagnostic>,
    warned: BTreeSet<String>,
    more_warnings: u64,
    text: String,
}

impl Collector {
    /// A collector for a run on `environment`, which is to `destroy` it or not.
    pub(crate) fn new(cx: &Context, environment: &EnvironmentName, destroy: bool) -> Self {
        let mut plan = InfrastructurePlan::new(environment);
        plan.destroy = destroy;
        Self {
            cx: cx.clone(),
            plan,
            planned: ChangeCounts::default(),
            planned_summary: None,
            done: ChangeCounts::default(),
            done_summary: None,
            under_way: BTreeMap::new(),
            finished: Vec::new(),
            ids: Vec::new(),
            errors: Vec::new(),
            warned: BTreeSet::new(),
            more_warnings: 0,
            text: String::new(),
        }
    }

    /// Takes one message.
    pub(crate) fn take(&mut self, message: Message) {
        match message {
            Message::Diagnostic(diagnostic) => self.report(diagnostic),
            Message::ApplyStart(hook) => self.progress(hook, ResourcePhase::Started),
            Message::ApplyProgress(hook) => self.progress(hook, ResourcePhase::Progressing),
            Message::ApplyComplete(hook) => self.progress(hook, ResourcePhase::Finished),
            Message::ApplyErrored(hook) => self.progress(hook, ResourcePhase::Failed),
            Message::PlannedChange(change) => self.planned(change),
            Message::ResourceDrift(change) => list(&mut self.plan.drift, &mut self.plan.omitted, change),
            Message::ChangeSummary(summary) if summary.operation == "plan" => {
                self.planned_summary = Some(counts(&summary));
            }
            Message::ChangeSummary(summary) => self.done_summary = Some(counts(&summary)),
            Message::Outputs(outputs) => {
                let changed = outputs.into_iter().filter(|(_, output)| output.action != ResourceAction::None);
                self.plan.outputs.extend(changed.take(LISTED).map(|(name, output)| (name, output.action)));
            }
            Message::Text(line) => self.keep_text(&line),
            _ => (),
        }
    }

    /// Says how many warnings were not told, if that was not said yet.
    pub(crate) fn finish(&mut self) {
        match std::mem::take(&mut self.more_warnings) {
            0 => (),
            1 => self.cx.hint("terraform: and one more warning"),
            more => self.cx.hint(format!("terraform: and {more} more warnings")),
        }
    }

    /// What the run planned, so far.
    pub(crate) fn plan(&self) -> InfrastructurePlan {
        let mut plan = self.plan.clone();
        // Terraform tells them as its graph is walked, in another order each time.
        plan.changes.sort_by(|one, other| one.address.cmp(&other.address));
        plan.drift.sort_by(|one, other| one.address.cmp(&other.address));
        plan.counts = self.planned_summary.unwrap_or(self.planned);
        plan.has_changes =
            plan.counts != ChangeCounts::default() || !plan.changes.is_empty() || !plan.outputs.is_empty();
        plan
    }

    /// What the run did, so far.
    pub(crate) fn counts(&self) -> ChangeCounts {
        self.done_summary.unwrap_or(self.done)
    }

    /// The first errors.
    pub(crate) fn errors(&self) -> &[Diagnostic] {
        &self.errors
    }

    /// The last lines that were no messages.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The first addresses of those resources whose work began and has no end.
    pub(crate) fn unfinished(&self) -> Vec<String> {
        self.under_way.keys().take(UNFINISHED).cloned().collect()
    }

    /// The first addresses of those resources whose work has ended well.
    pub(crate) fn finished(&self) -> &[String] {
        &self.finished
    }

    /// The ids of the first of them: by these a state is known to be this run's.
    pub(crate) fn ids(&self) -> &[String] {
        &self.ids
    }

    fn progress(&mut self, hook: ResourceHook, phase: ResourcePhase) {
        match phase {
            ResourcePhase::Started => self.begin(&hook.address),
            ResourcePhase::Finished => {
                self.end(&hook.address);
                if self.finished.len() < UNFINISHED {
                    self.finished.push(hook.address.clone());
                    self.ids.extend(hook.id.clone());
                }
                count(&mut self.done, hook.action);
            }
            ResourcePhase::Failed => self.end(&hook.address),
            _ => (),
        }
        let elapsed_ms = u64::try_from(hook.elapsed.as_millis()).unwrap_or(u64::MAX);
        self.cx.emit(Event::ResourceProgress { address: hook.address, action: hook.action, phase, elapsed_ms });
    }

    /// A resource can be under way twice: its successor is made before it is destroyed.
    fn begin(&mut self, address: &str) {
        if let Some(times) = self.under_way.get_mut(address) {
            *times += 1;
        } else if self.under_way.len() < LISTED {
            self.under_way.insert(address.to_owned(), 1);
        }
    }

    fn end(&mut self, address: &str) {
        if let Some(times) = self.under_way.get_mut(address) {
            *times -= 1;
            if *times == 0 {
                self.under_way.remove(address);
            }
        }
    }

    fn planned(&mut self, change: PlannedResource) {
        count(&mut self.planned, change.action);
        if change.importing && change.action != ResourceAction::Import {
            self.planned.import += 1;
        }
        list(&mut self.plan.changes, &mut self.plan.omitted, change);
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        match diagnostic.severity {
            Severity::Warning => self.warn(&diagnostic),
            Severity::Error if self.errors.len() == ERRORS => (),
            Severity::Error => self.errors.push(diagnostic),
        }
    }

    fn warn(&mut self, warning: &Diagnostic) {
        let words = warning.to_string();
        if self.warned.contains(&words) {
            return;
        }
        if self.warned.len() == WARNINGS {
            self.more_warnings += 1;
            return;
        }
        self.cx.hint(format!("terraform: {words}"));
        self.warned.insert(words);
    }

    fn keep_text(&mut self, line: &str) {
        if line.is_empty() && self.text.is_empty() {
            return;
        }
        self.text.push_str(line);
        self.text.push('\n');
        if let Some(excess) = self.text.len().checked_sub(TEXT) {
            let cut = self.text.ceil_char_boundary(excess);
            let cut = self.text[cut..].find('\n').map_or(cut, |end| cut + end + 1);
            // The last line alone may be too long: then its end is what is kept.
            let cut = if cut == self.text.len() { self.text.ceil_char_boundary(excess) } else { cut };
            self.text.drain(..cut);
        }
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.finish();
    }
}

/// What is only read or left alone is no change.
fn list(changes: &mut Vec<ResourceChange>, omitted: &mut u64, change: PlannedResource) {
    if matches!(change.action, ResourceAction::None | ResourceAction::Read) {
        return;
    }
    if changes.len() == LISTED {
        *omitted += 1;
        return;
    }
    changes.push(ResourceChange::new(change.address, change.kind, change.action).with_reason(change.reason));
}

fn count(counts: &mut ChangeCounts, action: ResourceAction) {
    match action {
        ResourceAction::Create => counts.add += 1,
        ResourceAction::Update => counts.change += 1,
        ResourceAction::Delete => counts.destroy += 1,
        ResourceAction::Replace => {
            counts.add += 1;
            counts.destroy += 1;
        }
        ResourceAction::Import => counts.import += 1,
        _ => (),
    }
}

fn counts(summary: &ChangeSummary) -> ChangeCounts {
    ChangeCounts { add: summary.add, change: summary.change, destroy: summary.remove, import: summary.import }
}

#[cfg(test)]
mod tests;
