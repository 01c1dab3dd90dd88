//! What is "in an image".

use crate::glob;
use serde::Deserialize;

/// Says what containers do that match it, in place of the command in their task definition.
///
/// ```
/// use adhoc_local::Behaviour;
///
/// let crash = Behaviour::command("alpha-gunicorn", ["sh", "-c", "echo boom; exit 1"]).with_image("*:v2.0.0");
/// # let _ = crash;
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "RawBehaviour")]
#[non_exhaustive]
pub struct Behaviour {
    /// Which task families, with `*` and `?`.
    pub family: String,
    /// Which containers of theirs; `None` means all.
    pub container: Option<String>,
    /// Which images; `None` means all.
    pub image: Option<String>,
    /// What they do.
    pub effect: Effect,
}

/// What a matching container does.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Effect {
    /// Runs this as a child process.
    Command(Vec<String>),
    /// Runs until it is stopped, without a process.
    Idle,
    /// Never starts; the task's stop reason is this text.
    FailToStart(String),
    /// Runs its command, and is stopped with this stop code.
    #[non_exhaustive]
    Stop {
        /// `SpotInterruption`, `TerminationNotice`, `ServiceSchedulerInitiated`, ...
        code: String,
        /// When, after the task runs, in milliseconds.
        after_ms: u64,
    },
    /// Stays PENDING until it is stopped.
    Hang,
    /// No capacity for it: RunTask answers with `failures[]`, and a service places nothing.
    NoCapacity,
}

impl Behaviour {
    /// Makes all containers of the families that match `family` behave like `effect`.
    #[must_use]
    pub fn new(family: impl Into<String>, effect: Effect) -> Self {
        Self { family: family.into(), container: None, image: None, effect }
    }

    /// A real child process.
    #[must_use]
    pub fn command<I: IntoIterator<Item = S>, S: Into<String>>(family: impl Into<String>, command: I) -> Self {
        Self::new(family, Effect::Command(command.into_iter().map(Into::into).collect()))
    }

    /// Runs until stopped, without a process.
    #[must_use]
    pub fn idle(family: impl Into<String>) -> Self {
        Self::new(family, Effect::Idle)
    }

    /// Never starts, for example with `CannotPullContainerError: ...`.
    #[must_use]
    pub fn fail_to_start(family: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::new(family, Effect::FailToStart(reason.into()))
    }

    /// Is stopped by AWS with `code` (such as `SpotInterruption`) `after_ms` milliseconds into RUNNING.
    #[must_use]
    pub fn stop_after(family: impl Into<String>, code: impl Into<String>, after_ms: u64) -> Self {
        Self::new(family, Effect::Stop { code: code.into(), after_ms })
    }

    /// Stays PENDING for ever.
    #[must_use]
    pub fn hang(family: impl Into<String>) -> Self {
        Self::new(family, Effect::Hang)
    }

    /// Finds no capacity.
    #[must_use]
    pub fn no_capacity(family: impl Into<String>) -> Self {
        Self::new(family, Effect::NoCapacity)
    }

    /// Only containers whose name matches `glob`.
    #[must_use]
    pub fn with_container(mut self, glob: impl Into<String>) -> Self {
        self.container = Some(glob.into());
        self
    }

    /// Only images whose whole reference matches `glob`.
    #[must_use]
    pub fn with_image(mut self, glob: impl Into<String>) -> Self {
        self.image = Some(glob.into());
        self
    }

    pub(crate) fn applies(&self, family: &str, container: &str, image: &str) -> bool {
        glob::matches(&self.family, family)
            && self.container.as_deref().is_none_or(|pattern| glob::matches(pattern, container))
            && self.image.as_deref().is_none_or(|pattern| glob::matches(pattern, image))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawBehaviour {
    family: String,
    container: Option<String>,
    image: Option<String>,
    command: Option<Vec<String>>,
    #[serde(default)]
    idle: bool,
    fail_to_start: Option<String>,
    stop_code: Option<String>,
    after_ms: Option<u64>,
    #[serde(default)]
    hang: bool,
    #[serde(default)]
    no_capacity: bool,
}

impl TryFrom<RawBehaviour> for Behaviour {
    type Error = String;

    fn try_from(raw: RawBehaviour) -> Result<Self, String> {
        if raw.after_ms.is_some() && raw.stop_code.is_none() {
            return Err("`after_ms` needs a `stop_code`".to_owned());
        }
        let after_ms = raw.after_ms.unwrap_or(0);
        let mut effects = [
            raw.command.map(Effect::Command),
            raw.idle.then_some(Effect::Idle),
            raw.fail_to_start.map(Effect::FailToStart),
            raw.stop_code.map(|code| Effect::Stop { code, after_ms }),
            raw.hang.then_some(Effect::Hang),
            raw.no_capacity.then_some(Effect::NoCapacity),
        ]
        .into_iter()
        .flatten();
        match (effects.next(), effects.next()) {
            (Some(Effect::Command(command)), None) if command.is_empty() => Err("`command` is empty".to_owned()),
            (Some(effect), None) => Ok(Self { family: raw.family, container: raw.container, image: raw.image, effect }),
            _ => Err("a behaviour needs exactly one of `command`, `idle`, `fail_to_start`, `stop_code`, `hang`, \
                      `no_capacity`"
                .to_owned()),
        }
    }
}
