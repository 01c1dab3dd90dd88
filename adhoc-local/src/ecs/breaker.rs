//! The deployment circuit breaker's decision.

/// How many failed tasks trip the breaker: half the desired count, at least 3, at most 200.
pub(super) fn threshold(desired: usize) -> u32 {
    u32::try_from(desired.div_ceil(2).clamp(3, 200)).unwrap_or(200)
}

/// What the breaker does about a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Goes on.
    Closed,
    /// Fails it, and that is all.
    Fail,
    /// Fails it and goes back to the last deployment that completed.
    RollBack,
}

/// The breaker of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Breaker {
    pub(super) enable: bool,
    pub(super) rollback: bool,
}

impl Breaker {
    pub(super) fn judge(self, failed: u32, desired: usize, earlier_completed: bool) -> Verdict {
        match (self.enable && failed >= threshold(desired), self.rollback && earlier_completed) {
            (false, _) => Verdict::Closed,
            (true, true) => Verdict::RollBack,
            (true, false) => Verdict::Fail,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Breaker, Verdict, threshold};

    #[test]
    fn the_threshold_is_half_the_count_between_3_and_200() {
        for (desired, expected) in [(0, 3), (1, 3), (6, 3), (7, 4), (25, 13), (400, 200), (1000, 200)] {
            assert_eq!(threshold(desired), expected, "{desired}");
        }
    }

    #[test]
    fn it_rolls_back_only_to_something_that_completed() {
        let breaker = Breaker { enable: true, rollback: true };
        assert_eq!(breaker.judge(2, 1, true), Verdict::Closed);
        assert_eq!(breaker.judge(3, 1, true), Verdict::RollBack);
        assert_eq!(breaker.judge(3, 1, false), Verdict::Fail);
        assert_eq!(Breaker { rollback: false, ..breaker }.judge(3, 1, true), Verdict::Fail);
        assert_eq!(Breaker { enable: false, ..breaker }.judge(300, 1, true), Verdict::Closed);
    }
}
