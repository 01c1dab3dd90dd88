//! Colour, or none; and the marks that carry the meaning where there is none.

use adhoc_core::{Outcome, Verdict};
use owo_colors::{OwoColorize, Style as Paint};

/// Whether to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Style {
    color: bool,
}

impl Style {
    /// No colour, no control characters.
    #[cfg(test)]
    pub(crate) const PLAIN: Self = Self { color: false };

    /// Colour where `color` says so.
    pub(crate) fn new(color: bool) -> Self {
        Self { color }
    }

    /// Whether there is colour.
    pub(crate) fn has_color(self) -> bool {
        self.color
    }

    fn paint(self, text: &str, paint: Paint) -> String {
        if self.color && !text.is_empty() { text.style(paint).to_string() } else { text.to_owned() }
    }

    pub(crate) fn dim(self, text: &str) -> String {
        self.paint(text, Paint::new().dimmed())
    }

    pub(crate) fn bold(self, text: &str) -> String {
        self.paint(text, Paint::new().bold())
    }

    pub(crate) fn green(self, text: &str) -> String {
        self.paint(text, Paint::new().green())
    }

    pub(crate) fn yellow(self, text: &str) -> String {
        self.paint(text, Paint::new().yellow())
    }

    pub(crate) fn cyan(self, text: &str) -> String {
        self.paint(text, Paint::new().cyan())
    }

    pub(crate) fn red(self, text: &str) -> String {
        self.paint(text, Paint::new().red())
    }

    /// A heading in red.
    pub(crate) fn alarm(self, text: &str) -> String {
        self.paint(text, Paint::new().red().bold())
    }

    /// The colour of good, doubtful or bad.
    pub(crate) fn tone(self, tone: Tone, text: &str) -> String {
        match tone {
            Tone::Good => self.green(text),
            Tone::Idle => self.dim(text),
            Tone::Doubtful => self.yellow(text),
            Tone::Bad => self.red(text),
        }
    }
}

/// How good some state is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Good,
    Idle,
    Doubtful,
    Bad,
}

impl Tone {
    /// The mark of the tone.
    pub(crate) fn mark(self) -> &'static str {
        match self {
            Self::Good => "✓",
            Self::Idle => "·",
            Self::Doubtful => "!",
            Self::Bad => "✗",
        }
    }
}

impl From<Verdict> for Tone {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Succeeded => Self::Good,
            Verdict::Unchanged => Self::Idle,
            Verdict::Superseded | Verdict::TimedOut => Self::Doubtful,
            _ => Self::Bad,
        }
    }
}

impl From<Outcome> for Tone {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Succeeded => Self::Good,
            Outcome::TimedOut | Outcome::Superseded | Outcome::Interrupted => Self::Doubtful,
            _ => Self::Bad,
        }
    }
}
