//! From what Terraform says to an error by meaning, with what to do next.

mod causes;
mod text;

use adhoc_core::Error;

use crate::LockInfo;
use crate::stream::Diagnostic;

/// What follows from another error, or says nothing by itself; only shown if there is nothing else.
const CONSEQUENCES: [&str; 5] = [
    "Error releasing the state lock",
    "Failed to persist state",
    "execution halted",
    "operation canceled",
    "Terraform encountered problems during initiali",
];

/// What was being done when Terraform failed.
pub(crate) struct Situation<'a> {
    /// `plan`, `apply`, `init`.
    pub(crate) operation: &'static str,
    /// Of which environment.
    pub(crate) environment: &'a str,
    /// The file with the values of its variables.
    pub(crate) var_file: Option<&'a str>,
    /// The command that releases the lock with an id.
    pub(crate) unlock: &'a dyn Fn(&str) -> String,
    /// Whether a lock was taken on this machine, by a run that is dead.
    pub(crate) left_behind_lock_is_ours: &'a dyn Fn(&LockInfo) -> bool,
}

/// The error of a run that failed, by its diagnostics, or by `text`, what else it wrote, if there are none.
pub(crate) fn classify(errors: &[Diagnostic], text: &str, situation: &Situation<'_>) -> Error {
    let read;
    let errors = if errors.is_empty() {
        read = text::errors(text);
        &read
    } else {
        errors
    };
    causes::find(&Faults::new(errors), situation)
}

/// Whether the new state could not be saved, so that it is in a file now.
pub(crate) fn lost_state(errors: &[Diagnostic]) -> bool {
    let lost = ["Failed to persist state", "Failed to save state"];
    errors.iter().any(|error| lost.iter().any(|words| error.words().contains(words)))
}

/// Whether it ended because it was told to.
pub(crate) fn was_interrupted(errors: &[Diagnostic], text: &str) -> bool {
    let interrupted = |error: &Diagnostic| {
        ["execution halted", "operation canceled", "Interrupted", "interrupted"]
            .iter()
            .any(|words| error.summary.trim_start().starts_with(words))
    };
    errors.iter().any(interrupted) || ["Interrupt received", "interrupts received"].iter().any(|it| text.contains(it))
}

/// The errors that count, and their words.
struct Faults<'a>(Vec<(&'a Diagnostic, String)>);

impl<'a> Faults<'a> {
    fn new(errors: &'a [Diagnostic]) -> Self {
        let follows = |error: &&Diagnostic| CONSEQUENCES.iter().any(|words| error.summary.starts_with(words));
        let mut causes: Vec<_> = errors.iter().filter(|error| !follows(error)).collect();
        if causes.is_empty() {
            causes = errors.iter().collect();
        }
        Self(causes.into_iter().map(|error| (error, error.words())).collect())
    }

    /// The first with one of these words.
    fn find(&self, words: &[&str]) -> Option<(&'a Diagnostic, &str)> {
        let (error, found) = self.0.iter().find(|(_, found)| words.iter().any(|words| found.contains(words)))?;
        Some((error, found))
    }

    /// `reason` without its full stop, and how many errors there are beside it.
    fn with_others(&self, reason: &str, told: usize) -> String {
        let reason = reason.trim_end().trim_end_matches('.');
        match self.0.len().saturating_sub(told) {
            0 => reason.to_owned(),
            1 => format!("{reason} (and one more error)"),
            more => format!("{reason} (and {more} more errors)"),
        }
    }
}

#[cfg(test)]
mod tests;
