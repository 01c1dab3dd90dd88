use std::time::Duration;

use jiff::Timestamp;

use super::{EnvironmentTags, roughly};
use crate::clock::{advance, between};
use crate::{EnvironmentName, Error, Result};

/// Until when an environment lives that is to live `ttl` from `now` on.
///
/// # Errors
///
/// [`Error::Invalid`] if that is later than its greatest age allows, with the latest moment there is.
pub fn extended_until(
    environment: &EnvironmentName,
    tags: &EnvironmentTags,
    now: Timestamp,
    ttl: Duration,
    max_age: Option<Duration>,
) -> Result<Timestamp> {
    let until = advance(now, ttl);
    // A tag has no fractions of a second.
    let until = Timestamp::from_second(until.as_second()).unwrap_or(until);
    let Some((created_at, max_age)) = tags.created_at.zip(max_age) else { return Ok(until) };
    let latest = advance(created_at, max_age);
    if until <= latest {
        return Ok(until);
    }
    let reason = format!(
        "may live until {} at the latest: it is {} old, and may be {}",
        latest.strftime("%Y-%m-%d %H:%M:%S UTC"),
        roughly(between(created_at, now)),
        roughly(max_age)
    );
    let keep = format!("`adhoc extend {environment} --keep REASON` keeps it from being swept away");
    let hint = match between(now, latest) {
        left if left < Duration::from_secs(60) => keep,
        left => format!("the longest is `--ttl {}m`; {keep}", left.as_secs() / 60),
    };
    Err(Error::invalid("", format!("environment {environment}"), reason).with_hint(hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_outlives_the_greatest_age() {
        let (alpha, now) = ("alpha".parse().expect("valid"), "2026-03-10T12:00:00.5Z".parse().expect("a moment"));
        let mut tags = EnvironmentTags::default();
        let hours = |number: u64| Duration::from_secs(number * 3600);
        let until = |tags: &EnvironmentTags, ttl, most: Option<u64>| {
            extended_until(&alpha, tags, now, hours(ttl), most.map(hours))
        };
        assert_eq!(until(&tags, 5, None).expect("any").to_string(), "2026-03-10T17:00:00Z");
        assert!(until(&tags, 5, Some(1)).is_ok(), "nobody knows how old it is");
        tags.created_at = "2026-03-10T00:00:00Z".parse().ok();
        assert!(until(&tags, 12, Some(24)).is_ok());
        let error = until(&tags, 13, Some(24)).expect_err("too long");
        let reason = "may live until 2026-03-11 00:00:00 UTC at the latest: it is 12 hours old, and may be 24 hours";
        assert_eq!(error.detail().reason, reason);
        assert!(error.detail().hint.as_deref().is_some_and(|hint| hint.contains("--ttl 719m")));
        let error = until(&tags, 1, Some(3)).expect_err("too old already");
        assert!(error.detail().hint.as_deref().is_some_and(|hint| hint.starts_with("`adhoc extend alpha --keep")));
    }
}
