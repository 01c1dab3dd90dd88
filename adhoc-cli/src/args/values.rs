//! The values of arguments. A refusal is one fragment, since clap names the value and the argument before it.

use std::str::FromStr;
use std::time::Duration;

use adhoc_core::{Error, ImageTag, Result};
use jiff::{Span, SpanRelativeTo};

/// A number of tasks, for one role or for all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DesiredCount {
    /// The role; every service of the component if there is none.
    pub(crate) role: Option<String>,
    /// The number.
    pub(crate) count: u32,
}

/// A tag of an image, for one component or for all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Release {
    /// The component; every one if there is none.
    pub(crate) component: Option<String>,
    /// The tag.
    pub(crate) tag: ImageTag,
}

/// Parses with the type's own parser; reason and hint make one line, since clap names argument and value itself.
pub(super) fn parse_named<T: FromStr<Err = Error>>(text: &str) -> Result<T, String> {
    text.parse::<T>().map_err(|error| {
        let detail = error.detail();
        detail.hint.as_ref().map_or_else(|| detail.reason.clone(), |hint| format!("{}; {hint}", detail.reason))
    })
}

pub(super) fn parse_role(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err("it is empty".to_owned());
    }
    match text.chars().find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))) {
        Some(bad) => Err(format!("contains {bad:?}; a name has letters, digits, `-` and `_`")),
        None => Ok(text.to_owned()),
    }
}

pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(format!("has no unit; write {text}s for seconds or {text}m for minutes"));
    }
    let span: Span = text.parse().map_err(|_| "is no duration; write 90s, 30m, 1h30m or 5d".to_owned())?;
    let duration = span
        .to_duration(SpanRelativeTo::days_are_24_hours())
        .map_err(|_| "has a unit without a fixed length; use weeks, days, hours, minutes or seconds".to_owned())?;
    match Duration::try_from(duration) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => Err("is not longer than zero".to_owned()),
    }
}

pub(super) fn parse_release(text: &str) -> Result<Release, String> {
    let (component, tag) = match text.split_once('=') {
        Some((component, tag)) => (Some(parse_role(component)?), tag),
        None => (None, text),
    };
    Ok(Release { component, tag: parse_named(tag)? })
}

pub(super) fn parse_desired_count(text: &str) -> Result<DesiredCount, String> {
    let (role, number) = match text.split_once('=') {
        Some((role, number)) => (Some(parse_role(role)?), number),
        None => (None, text),
    };
    let count =
        number.parse().map_err(|_| "is neither a number of tasks nor ROLE=NUMBER, such as gunicorn=2".to_owned())?;
    Ok(DesiredCount { role, count })
}
