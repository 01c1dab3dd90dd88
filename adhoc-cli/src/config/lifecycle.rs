//! `[lifecycle]`: how long environments live, and which are left in peace.

use std::time::Duration;

use adhoc_core::{EnvironmentName, Result};
use serde::Deserialize;
use toml::Spanned;

use super::Source;
use crate::args::parse_duration;

/// How long environments live, and which are left in peace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LifecycleConfig {
    /// After how long a new environment may be swept away; never if none.
    pub(crate) ttl: Option<Duration>,
    /// The greatest age that an environment may be extended to; any if none.
    pub(crate) max_age: Option<Duration>,
    /// How long before its end an owner is warned.
    pub(crate) warn_before: Duration,
    /// How long something that nobody seems to want is left alone.
    pub(crate) grace: Duration,
    /// Environments that are never destroyed, swept away or put to sleep.
    pub(crate) protected: Vec<String>,
}

impl Default for LifecycleConfig {
    fn default() -> Self {
        Self {
            ttl: None,
            max_age: None,
            warn_before: Duration::from_secs(24 * 60 * 60),
            grace: Duration::from_secs(24 * 60 * 60),
            protected: Vec::new(),
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
pub(super) struct LifecycleTable {
    ttl: Option<Spanned<String>>,
    max_age: Option<Spanned<String>>,
    warn_before: Option<Spanned<String>>,
    grace: Option<Spanned<String>>,
    protected: Vec<Spanned<String>>,
}

impl LifecycleTable {
    pub(super) fn into_lifecycle(self, source: &Source<'_>) -> Result<LifecycleConfig> {
        let length = |value: &Option<Spanned<String>>, key: &str| length(value.as_ref(), key, source);
        let default = LifecycleConfig::default();
        let config = LifecycleConfig {
            ttl: length(&self.ttl, "ttl")?,
            max_age: length(&self.max_age, "max_age")?,
            warn_before: length(&self.warn_before, "warn_before")?.unwrap_or(default.warn_before),
            grace: length(&self.grace, "grace")?.unwrap_or(default.grace),
            protected: self.protected.iter().map(|name| protected(name, source)).collect::<Result<_>>()?,
        };
        match (&self.ttl, config.ttl.zip(config.max_age)) {
            (Some(ttl), Some((length, most))) if length > most => Err(source.error(
                ttl.span(),
                "lifecycle.ttl",
                "is longer than `max_age`",
                "a new environment would be too old for itself; shorten it, or lengthen `max_age`",
            )),
            _ => Ok(config),
        }
    }
}

pub(super) fn duration(value: Option<&Spanned<String>>, key: &str, source: &Source<'_>) -> Result<Option<Duration>> {
    let Some(value) = value else { return Ok(None) };
    let parsed = parse_duration(value.get_ref());
    parsed.map(Some).map_err(|fault| source.error(value.span(), key, &fault, "write 90m, 12h or 5d"))
}

fn length(value: Option<&Spanned<String>>, key: &str, source: &Source<'_>) -> Result<Option<Duration>> {
    duration(value, &format!("lifecycle.{key}"), source)
}

fn protected(name: &Spanned<String>, source: &Source<'_>) -> Result<String> {
    let valid: Result<EnvironmentName> = name.get_ref().parse();
    valid.map(|name| name.to_string()).map_err(|error| {
        let hint = error.detail().hint.as_deref().unwrap_or_default();
        source.error(name.span(), "lifecycle.protected", &error.detail().reason, hint)
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Config;

    fn parse(text: &str) -> Result<LifecycleConfig> {
        Config::parse(text, Path::new("adhoc.toml")).map(|config| config.lifecycle)
    }

    #[test]
    fn everything_can_be_said() {
        let lifecycle = parse("[lifecycle]\nttl = '5d'\nmax_age = '30d'\nwarn_before = '12h'\nprotected = ['staging']");
        let lifecycle = lifecycle.expect("valid");
        assert_eq!(lifecycle.ttl, Some(Duration::from_secs(5 * 86_400)));
        assert_eq!(lifecycle.warn_before, Duration::from_secs(12 * 3600));
        assert_eq!(lifecycle.protected, ["staging"]);
        assert_eq!(parse("").expect("valid"), LifecycleConfig::default());
    }

    #[test]
    fn faults_are_one_line_with_place_key_and_hint() {
        for (text, part) in [
            ("[lifecycle]\nttl = '5'", "`lifecycle.ttl` has no unit"),
            ("[lifecycle]\nmax_age = 'long'", "`lifecycle.max_age` is no duration"),
            ("[lifecycle]\nttl = '5d'\nmax_age = '4d'", "`lifecycle.ttl` is longer than `max_age`"),
            ("[lifecycle]\nprotected = ['Prod']", "`lifecycle.protected`"),
            ("[lifecycle]\nttls = '5d'", "unknown field `ttls`"),
        ] {
            let error = parse(text).expect_err(text);
            assert!(error.to_string().contains(part), "{error}");
            assert!(error.detail().hint.is_some(), "{text}");
        }
    }
}
