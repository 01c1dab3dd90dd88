//! `[health]`: by what an environment that was made is seen to answer.

use std::time::Duration;

use adhoc_core::{EnvironmentName, Result};
use serde::Deserialize;
use toml::Spanned;

use super::lifecycle::duration;
use super::{Project, Source, placeholders};

/// By what an environment that was made is seen to answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HealthConfig {
    /// Where an environment is reached, with `{env}` and `{domain}`.
    pub(crate) url: String,
    /// Whether the file names `url`, so that it is better known than what the infrastructure tells.
    pub(crate) is_given: bool,
    /// The paths that have to answer with a status from 200 to 399.
    pub(crate) paths: Vec<String>,
    /// How long they may take to do so.
    pub(crate) timeout: Duration,
}

impl Default for HealthConfig {
    fn default() -> Self {
        Self {
            url: "https://{env}.{domain}".to_owned(),
            is_given: false,
            paths: vec!["/".to_owned()],
            timeout: Duration::from_secs(5 * 60),
        }
    }
}

impl HealthConfig {
    /// Where an environment is reached; none if its domain is not known.
    pub(crate) fn url_of(&self, environment: &EnvironmentName, project: &Project) -> Option<String> {
        let domain = match (&project.domain, self.url.contains("{domain}")) {
            (Some(domain), _) => domain.as_str(),
            (None, false) => "",
            (None, true) => return None,
        };
        Some(self.url.replace("{env}", environment.as_str()).replace("{domain}", domain))
    }
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
pub(super) struct HealthTable {
    url: Option<Spanned<String>>,
    paths: Option<Vec<Spanned<String>>>,
    timeout: Option<Spanned<String>>,
}

impl HealthTable {
    pub(super) fn into_health(self, source: &Source<'_>) -> Result<HealthConfig> {
        let default = HealthConfig::default();
        let paths = self.paths.map(|paths| paths.into_iter().map(|path| checked_path(path, source)).collect());
        Ok(HealthConfig {
            is_given: self.url.is_some(),
            url: self.url.map(|url| checked_url(url, source)).transpose()?.unwrap_or(default.url),
            paths: paths.transpose()?.unwrap_or(default.paths),
            timeout: duration(self.timeout.as_ref(), "health.timeout", source)?.unwrap_or(default.timeout),
        })
    }
}

fn checked_url(url: Spanned<String>, source: &Source<'_>) -> Result<String> {
    let text = url.get_ref();
    let fault = match placeholders(text) {
        Err(fault) => Some(fault.to_owned()),
        Ok(used) => used
            .iter()
            .find(|name| !matches!(**name, "env" | "domain"))
            .map(|unknown| format!("has the unknown placeholder `{{{unknown}}}`")),
    };
    let fault = fault.or_else(|| {
        let scheme = text.starts_with("https://") || text.starts_with("http://");
        (!scheme).then(|| "is no http or https URL".to_owned())
    });
    match fault {
        Some(fault) => {
            Err(source.error(url.span(), "health.url", &fault, "write something like `https://{env}.{domain}`"))
        }
        None => Ok(url.into_inner().trim_end_matches('/').to_owned()),
    }
}

fn checked_path(path: Spanned<String>, source: &Source<'_>) -> Result<String> {
    match path.get_ref().starts_with('/') && !path.get_ref().contains(char::is_whitespace) {
        true => Ok(path.into_inner()),
        false => Err(source.error(
            path.span(),
            "health.paths",
            "holds no path of a URL",
            "a path begins with `/`, such as `/api/health-check/`",
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Config;

    fn parse(text: &str) -> Result<Config> {
        Config::parse(text, Path::new("adhoc.toml"))
    }

    #[test]
    fn the_url_of_an_environment_needs_a_domain() {
        let alpha = "alpha".parse().expect("valid");
        let url = |text: &str| {
            let config = parse(text).expect("valid");
            config.health.url_of(&alpha, &config.project)
        };
        assert_eq!(url(""), None);
        assert_eq!(url("[project]\ndomain = 'dev.example.com'").as_deref(), Some("https://alpha.dev.example.com"));
        assert_eq!(url("[health]\nurl = 'http://127.0.0.1:81/{env}/'").as_deref(), Some("http://127.0.0.1:81/alpha"));
    }

    #[test]
    fn faults_are_one_line_with_place_key_and_hint() {
        for (text, part) in [
            ("[health]\nurl = 'ftp://{env}'", "`health.url` is no http or https URL"),
            ("[health]\nurl = 'https://{name}'", "unknown placeholder"),
            ("[health]\npaths = ['api']", "`health.paths` holds no path"),
            ("[health]\ntimeout = '5'", "`health.timeout` has no unit"),
        ] {
            let error = parse(text).expect_err(text);
            assert!(error.to_string().contains(part) && error.detail().hint.is_some(), "{error}");
        }
    }
}
