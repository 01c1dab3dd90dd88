use std::fmt;

use adhoc_core::{Error, Outcome};

/// What one check has found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// What was looked at: `image`, `execution role`, `service`.
    pub check: &'static str,
    /// Which one.
    pub subject: String,
    /// Whether it is as an update needs it.
    pub verdict: FindingVerdict,
    /// Why it failed or was skipped, or what was found.
    pub reason: String,
    /// What to do about it. Something that is in order may have a hint, too: it does not stop an update, but is worth knowing.
    pub hint: Option<String>,
}

/// Whether something is as an update needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FindingVerdict {
    /// It is.
    Ok,
    /// It is not; an update would end with this outcome.
    Failed(Outcome),
    /// It could not be looked at, or need not be.
    Skipped,
}

impl fmt::Display for FindingVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "ok",
            Self::Failed(_) => "failed",
            Self::Skipped => "skipped",
        })
    }
}

impl Finding {
    /// Something that is as it should be.
    pub fn ok(check: &'static str, subject: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { check, subject: subject.into(), verdict: FindingVerdict::Ok, reason: reason.into(), hint: None }
    }

    /// Something with which an update would end with `outcome`.
    pub fn failed(
        check: &'static str,
        subject: impl Into<String>,
        outcome: Outcome,
        reason: impl Into<String>,
    ) -> Self {
        Self { verdict: FindingVerdict::Failed(outcome), ..Self::ok(check, subject, reason) }
    }

    /// Something that was not looked at.
    pub fn skipped(check: &'static str, subject: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { verdict: FindingVerdict::Skipped, ..Self::ok(check, subject, reason) }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What an error means: what is not there has failed; what could not be looked at is skipped. `service` is the prefix of
    /// IAM actions, such as `iam`.
    pub(super) fn of_error(check: &'static str, subject: impl Into<String>, service: &str, error: &Error) -> Self {
        let detail = error.detail();
        match error {
            Error::NotFound(_) => {
                let finding = Self::failed(check, subject, Outcome::NotFound, "is not there");
                Self { hint: detail.hint.clone(), ..finding }
            }
            Error::PermissionDenied(_) if !detail.operation.is_empty() => {
                Self::skipped(check, subject, format!("not allowed to look ({service}:{})", detail.operation))
            }
            _ => Self::skipped(check, subject, error.chain().join(": ")),
        }
    }
}

/// How an update would end: the first of *not found*, *usage*, *task not started*, *locked* that has occurred, else success.
#[must_use]
pub fn outcome_of_findings(findings: &[Finding]) -> Outcome {
    let seen = |outcome: &Outcome| findings.iter().any(|finding| finding.verdict == FindingVerdict::Failed(*outcome));
    let rank = [Outcome::NotFound, Outcome::Usage, Outcome::TaskNotStarted, Outcome::Locked];
    rank.into_iter().find(seen).unwrap_or(Outcome::Succeeded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_never_a_failure() {
        let denied = Error::permission_denied("GetRole", "x", "AccessDenied");
        let finding = Finding::of_error("task role", "x", "iam", &denied);
        assert_eq!(finding.verdict, FindingVerdict::Skipped);
        assert_eq!(finding.reason, "not allowed to look (iam:GetRole)");
        let down = Error::unavailable("GetRole", "x", "AWS could not be reached");
        assert_eq!(Finding::of_error("task role", "x", "iam", &down).verdict, FindingVerdict::Skipped);
    }

    #[test]
    fn what_is_missing_decides_before_all_else() {
        let failed = |outcome| Finding::failed("service", "x", outcome, "");
        let findings = [Finding::ok("a", "b", "c"), failed(Outcome::Locked), failed(Outcome::NotFound)];
        assert_eq!(outcome_of_findings(&findings), Outcome::NotFound);
        assert_eq!(outcome_of_findings(&findings[..2]), Outcome::Locked);
        assert_eq!(outcome_of_findings(&[Finding::skipped("a", "b", "c")]), Outcome::Succeeded);
    }
}
