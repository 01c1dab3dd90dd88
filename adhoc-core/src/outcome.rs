//! How a command ended, and the exit code that says so.

use serde::Serialize;

use crate::{Error, Verdict};

/// How a command ended. The numbers are a contract with the scripts that call `adhoc`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// Done, or nothing to do.
    Succeeded,
    /// A bug: everything else has a code of its own.
    Internal,
    /// Bad arguments, bad name, bad configuration file.
    Usage,
    /// The environment, a family, service, network, workspace or var file is not there.
    NotFound,
    /// A one-off task ran and failed; no service was touched.
    TaskFailed,
    /// A one-off task never started; no service was touched.
    TaskNotStarted,
    /// ECS rolled a service back.
    RolledBack,
    /// A rollout failed and was not rolled back.
    RolloutFailed,
    /// The deadline passed while things still progressed.
    TimedOut,
    /// Another deployment replaced this one.
    Superseded,
    /// AWS refused or stayed unreachable after retries.
    Aws,
    /// The bastion, the tunnel or Postgres refused.
    Database,
    /// Terraform failed.
    Terraform,
    /// Another run holds this environment, or the Terraform state.
    Locked,
    /// Ctrl-C.
    Interrupted,
}

impl Outcome {
    /// The process exit code.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Succeeded => 0,
            Self::Internal => 1,
            Self::Usage => 2,
            Self::NotFound => 3,
            Self::TaskFailed => 4,
            Self::TaskNotStarted => 5,
            Self::RolledBack => 6,
            Self::RolloutFailed => 7,
            Self::TimedOut => 8,
            Self::Superseded => 9,
            Self::Aws => 10,
            Self::Database => 11,
            Self::Terraform => 12,
            Self::Locked => 13,
            Self::Interrupted => 130,
        }
    }

    /// The outcome of several services: the first of *failed*, *rolled back*, *superseded*, *timed out* that occurs,
    /// else success.
    pub fn of_verdicts(verdicts: impl IntoIterator<Item = Verdict>) -> Self {
        let rank = [Self::RolloutFailed, Self::RolledBack, Self::Superseded, Self::TimedOut];
        let seen: Vec<Self> = verdicts.into_iter().map(Self::from).collect();
        rank.into_iter().find(|outcome| seen.contains(outcome)).unwrap_or(Self::Succeeded)
    }
}

impl From<Verdict> for Outcome {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Succeeded | Verdict::Unchanged => Self::Succeeded,
            Verdict::RolledBack => Self::RolledBack,
            Verdict::Failed => Self::RolloutFailed,
            Verdict::Superseded => Self::Superseded,
            Verdict::TimedOut => Self::TimedOut,
        }
    }
}

impl From<&Error> for Outcome {
    fn from(error: &Error) -> Self {
        match error {
            Error::Invalid(_) => Self::Usage,
            Error::NotFound(_) => Self::NotFound,
            Error::TaskFailed(_) => Self::TaskFailed,
            Error::TaskNotStarted(_) => Self::TaskNotStarted,
            Error::RolledBack(_) => Self::RolledBack,
            Error::RolloutFailed(_) => Self::RolloutFailed,
            Error::Timeout(_) => Self::TimedOut,
            Error::Superseded(_) => Self::Superseded,
            Error::Conflict(_)
            | Error::Throttled(_)
            | Error::PermissionDenied(_)
            | Error::Unavailable(_)
            | Error::Rejected(_) => Self::Aws,
            Error::Database(_) => Self::Database,
            Error::Terraform(_) => Self::Terraform,
            Error::Locked(_) => Self::Locked,
            Error::Cancelled(_) => Self::Interrupted,
            Error::Internal(_) => Self::Internal,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_verdicts_rank_7_6_9_8() {
        use Verdict::{Failed, RolledBack, Succeeded, Superseded, TimedOut, Unchanged};
        for (verdicts, code) in [
            (vec![Succeeded, Unchanged], 0),
            (vec![TimedOut, Superseded, RolledBack, Failed], 7),
            (vec![TimedOut, Superseded, RolledBack], 6),
            (vec![TimedOut, Superseded], 9),
            (vec![Succeeded, TimedOut], 8),
        ] {
            assert_eq!(Outcome::of_verdicts(verdicts.clone()).exit_code(), code, "{verdicts:?}");
        }
    }
}
