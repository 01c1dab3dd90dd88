use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{EnvironmentRecord, EnvironmentState, Unfinished, roughly};
use crate::EnvironmentName;
use crate::clock::{advance, between};

/// How often an owner is told of the same end at the most.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What is swept away, and what is left in peace.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SweepPolicy {
    /// The present moment.
    pub now: Timestamp,
    /// How long something that nobody seems to want is left alone. Default one day.
    pub grace: Duration,
    /// How long before its end an owner is warned. Default one day.
    pub warn_before: Duration,
    /// The greatest age; any if none, which is the default.
    pub max_age: Option<Duration>,
    /// Environments that this sweep leaves in peace.
    pub keep: BTreeSet<EnvironmentName>,
    /// Environments that are never destroyed.
    pub protected: BTreeSet<EnvironmentName>,
    /// How many environments are destroyed at the most; any number if none, which is the default.
    pub limit: Option<usize>,
}

impl SweepPolicy {
    /// A sweep at `now`.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self {
            now,
            grace: DAY,
            warn_before: DAY,
            max_age: None,
            keep: BTreeSet::new(),
            protected: BTreeSet::new(),
            limit: None,
        }
    }

    /// Sets how long something that nobody seems to want is left alone.
    #[must_use]
    pub fn with_grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Sets how long before its end an owner is warned.
    #[must_use]
    pub fn with_warning(mut self, warn_before: Duration) -> Self {
        self.warn_before = warn_before;
        self
    }

    /// Sets the greatest age.
    #[must_use]
    pub fn with_max_age(mut self, max_age: Option<Duration>) -> Self {
        self.max_age = max_age;
        self
    }

    /// Names environments that this sweep leaves in peace.
    #[must_use]
    pub fn with_keep(mut self, keep: impl IntoIterator<Item = EnvironmentName>) -> Self {
        self.keep.extend(keep);
        self
    }

    /// Names environments that are never destroyed.
    #[must_use]
    pub fn with_protected(mut self, protected: impl IntoIterator<Item = EnvironmentName>) -> Self {
        self.protected.extend(protected);
        self
    }

    /// Sets how many environments are destroyed at the most.
    #[must_use]
    pub fn with_limit(mut self, limit: Option<usize>) -> Self {
        self.limit = limit;
        self
    }
}

/// What a sweep does with an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SweepAction {
    /// It is destroyed, with everything in it.
    Destroy,
    /// Its database, which is all that there is of it, is dropped.
    DropDatabase,
    /// Its workspace, which is empty, is deleted.
    DeleteWorkspace,
    /// Its owner is told that it ends soon.
    Warn,
    /// Nothing.
    Leave,
}

impl fmt::Display for SweepAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Destroy => "destroy",
            Self::DropDatabase => "drop its database",
            Self::DeleteWorkspace => "delete its workspace",
            Self::Warn => "warn its owner",
            Self::Leave => "leave",
        })
    }
}

/// What a sweep does with one environment, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SweepDecision {
    /// The environment.
    pub environment: EnvironmentName,
    /// What is done.
    pub action: SweepAction,
    /// Why, as a fragment without a full stop.
    pub reason: String,
    /// When it ends, by its expiry or by the greatest age; none if it has no end.
    pub ends_at: Option<Timestamp>,
}

/// What an owner is told of an environment that ends soon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Warning {
    /// The environment.
    pub environment: EnvironmentName,
    /// Whose it is.
    pub owner: Option<String>,
    /// When it ends.
    pub expires_at: Timestamp,
    /// The same as a sentence, with what can be done about it.
    pub message: String,
}

impl Warning {
    /// What to tell the owner of `record`; none where the decision is not to warn.
    #[must_use]
    pub fn new(record: &EnvironmentRecord, decision: &SweepDecision, now: Timestamp) -> Option<Self> {
        let ends_at = decision.ends_at.filter(|_| decision.action == SweepAction::Warn)?;
        let name = &record.name;
        let left = roughly(between(now, ends_at));
        let remedy = match record.expires_at.is_some_and(|expiry| expiry <= ends_at) {
            true => format!("`adhoc extend {name}` gives it longer"),
            false => format!("it is then as old as one may be; `adhoc extend {name} --keep REASON` keeps it"),
        };
        let message = format!("{name} is swept away in {left}, at {}: {remedy}", minute(ends_at));
        Some(Self { environment: name.clone(), owner: record.owner.clone(), expires_at: ends_at, message })
    }
}

fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// What a sweep does with each of these environments: what it changes first, in the order in which it does so, then the rest
/// by name. Changes nothing itself.
///
/// Nothing that is protected, kept, nobody's, or not known whole is ever destroyed, and nothing without a workspace. Where there is no cluster at all no
/// database is dropped: then the account or the region may be the wrong one.
#[must_use]
pub fn decide(records: &[EnvironmentRecord], policy: &SweepPolicy) -> Vec<SweepDecision> {
    let some_cluster = records.iter().any(|record| record.cluster.is_some());
    let mut decisions: Vec<SweepDecision> =
        records.iter().map(|record| Judgement { record, policy, some_cluster }.decision()).collect();
    // What has no end comes last: it was never promised to anybody until then.
    decisions.sort_by_key(|it| {
        let order = (it.action != SweepAction::Leave).then_some(it.ends_at.unwrap_or(Timestamp::MAX));
        (it.action, order, it.environment.clone())
    });
    let destroyed = decisions.iter_mut().filter(|it| it.action == SweepAction::Destroy);
    for spared in destroyed.skip(policy.limit.unwrap_or(usize::MAX)) {
        spared.action = SweepAction::Leave;
        spared.reason = format!("{}; left for the next run", spared.reason);
    }
    decisions.sort_by_key(|it| (it.action, (it.action == SweepAction::Leave).then(|| it.environment.clone())));
    decisions
}

/// One environment before the policy.
struct Judgement<'a> {
    record: &'a EnvironmentRecord,
    policy: &'a SweepPolicy,
    some_cluster: bool,
}

type Verdict = (SweepAction, String);

fn leave(reason: impl Into<String>) -> Verdict {
    (SweepAction::Leave, reason.into())
}

impl Judgement<'_> {
    fn decision(&self) -> SweepDecision {
        let (action, reason) = match (self.verdict(), self.record.workspace) {
            ((SweepAction::Destroy, reason), Some(false)) => {
                leave(format!("{reason}; but it has no workspace here: whoever made it has to destroy it"))
            }
            ((SweepAction::Destroy, reason), None) => leave(format!("{reason}; but its workspace could not be read")),
            (verdict, _) => verdict,
        };
        SweepDecision { environment: self.record.name.clone(), action, reason, ends_at: self.ends_at() }
    }

    fn verdict(&self) -> Verdict {
        let record = self.record;
        if let Some(reason) = self.spared() {
            return leave(reason);
        }
        match record.state {
            EnvironmentState::Live | EnvironmentState::Stopped => self.by_its_end().unwrap_or_else(|| self.unending()),
            EnvironmentState::HalfMade if record.cluster.is_none() => leave(format!(
                "its workspace has resources, but it has no cluster: `adhoc destroy {0}` removes it, `adhoc create {0}` \
                 completes it",
                record.name
            )),
            EnvironmentState::HalfMade => self.half_made(),
            EnvironmentState::GhostWorkspace => {
                (SweepAction::DeleteWorkspace, "its workspace is empty, and it has no cluster".to_owned())
            }
            EnvironmentState::OrphanDatabase => self.orphan(),
            EnvironmentState::Untracked => leave("nobody's: it has no tags of adhoc; not touched"),
            EnvironmentState::Configured => leave("has only a var file"),
            EnvironmentState::Unknown => leave("could not be read whole; not touched"),
        }
    }

    /// Why it is left in peace, whatever its state.
    fn spared(&self) -> Option<String> {
        let name = &self.record.name;
        if self.record.protected || self.policy.protected.contains(name) {
            return Some("protected: never destroyed".to_owned());
        }
        if self.policy.keep.contains(name) {
            return Some("kept: named with --keep".to_owned());
        }
        self.record.keep.as_ref().map(|reason| format!("kept: {reason}"))
    }

    fn ends_at(&self) -> Option<Timestamp> {
        self.record.expires_at.into_iter().chain(self.too_old_at()).min()
    }

    fn too_old_at(&self) -> Option<Timestamp> {
        Some(advance(self.record.created_at?, self.policy.max_age?))
    }

    fn age(&self) -> Option<Duration> {
        self.record.created_at.map(|at| between(at, self.policy.now))
    }

    /// What its end asks for; none if it has none.
    fn by_its_end(&self) -> Option<Verdict> {
        let (now, ends_at) = (self.policy.now, self.ends_at()?);
        if now >= ends_at {
            return Some((SweepAction::Destroy, format!("{}{}", self.ended(), self.unwarned())));
        }
        let left = roughly(between(now, ends_at));
        if between(now, ends_at) > self.policy.warn_before {
            return Some(leave(format!("ends in {left}")));
        }
        match self.warned_of(ends_at) {
            true => Some(leave(format!("ends in {left}, and its owner has been warned"))),
            false => Some((SweepAction::Warn, format!("ends in {left}"))),
        }
    }

    /// Why it is over.
    fn ended(&self) -> String {
        let now = self.policy.now;
        match (self.record.expires_at.filter(|at| *at <= now), self.age(), self.policy.max_age) {
            (Some(expired), _, _) => format!("expired {} ago", roughly(between(expired, now))),
            (None, Some(age), Some(most)) => format!("is {} old, and may be {}", roughly(age), roughly(most)),
            (None, _, _) => "is over".to_owned(),
        }
    }

    fn unwarned(&self) -> &'static str {
        if self.record.warned_at.is_none() { "; its owner was not warned" } else { "" }
    }

    /// Whether the owner was told of this end, or of any within the last day.
    fn warned_of(&self, ends_at: Timestamp) -> bool {
        let begin = between(self.policy.now, ends_at);
        let window = self.policy.warn_before.saturating_sub(begin);
        self.record.warned_at.is_some_and(|at| {
            let since = between(at, self.policy.now);
            since <= window || since < DAY
        })
    }

    fn unending(&self) -> Verdict {
        leave(match (self.record.tracked, self.record.created_at, self.policy.max_age) {
            (false, _, _) => "has no tags of adhoc, and so no end",
            (true, None, Some(_)) => "has no expiry, and does not say how old it is",
            _ => "has no expiry",
        })
    }

    fn half_made(&self) -> Verdict {
        let name = &self.record.name;
        let over = self.ends_at().is_some_and(|at| at <= self.policy.now);
        let forgotten = self.age().filter(|age| *age >= self.policy.grace);
        let idle = self.record.services.is_some_and(|counts| counts.running + counts.pending == 0);
        match (self.record.unfinished, forgotten) {
            _ if over => (SweepAction::Destroy, format!("{}, and is half-made", self.ended())),
            (Some(Unfinished::Destroy), Some(_)) => {
                (SweepAction::Destroy, "its destroy was begun and has not ended".to_owned())
            }
            (_, Some(age)) if self.ends_at().is_none() && idle => (
                SweepAction::Destroy,
                format!("half-made for {}, with no expiry, and nothing in it runs", roughly(age)),
            ),
            (_, None) if self.age().is_some() => leave("half-made, but not for long enough"),
            _ => leave(format!("half-made: `adhoc create {name}` completes it, `adhoc destroy {name}` removes it")),
        }
    }

    fn orphan(&self) -> Verdict {
        let now = self.policy.now;
        if !self.some_cluster {
            return leave(
                "its database is all there is, but so it is everywhere: is this the right account and region?",
            );
        }
        match (self.record.expires_at, self.age()) {
            (Some(expiry), _) if expiry <= now => (SweepAction::DropDatabase, self.ended()),
            (Some(expiry), _) => {
                leave(format!("its database is all there is, and expires in {}", roughly(between(now, expiry))))
            }
            (None, Some(age)) if age >= self.policy.grace => (
                SweepAction::DropDatabase,
                format!("its database is all there is, without an expiry, {} after it was made", roughly(age)),
            ),
            (None, _) => leave("its database is all there is, but not for long enough"),
        }
    }
}

#[cfg(test)]
mod tests;
