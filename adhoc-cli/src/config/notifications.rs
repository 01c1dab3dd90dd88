//! `[notifications]`: who is told of what.

use adhoc_core::Result;
use serde::Deserialize;
use toml::Spanned;

use super::Source;

/// The commands that change something, and so are told of unless the file says otherwise.
const CHANGING: [&str; 21] = [
    "bootstrap create",
    "bootstrap destroy",
    "shared create",
    "shared destroy",
    "create",
    "destroy",
    "update",
    "rollback",
    "promote",
    "stop",
    "start",
    "extend",
    "sweep",
    "maintenance on",
    "maintenance off",
    "db create",
    "db drop",
    "db restore",
    "db clone",
    "db audit",
    "run",
];

/// Who is told of what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NotificationsConfig {
    /// The environment variable with the URL of the webhook.
    pub(crate) slack_webhook_env: String,
    /// The commands that are told of, by their names or the first words of these; those that change something if none.
    pub(crate) on: Option<Vec<String>>,
    /// Whether only what did not succeed is told.
    pub(crate) only_failures: bool,
}

impl Default for NotificationsConfig {
    fn default() -> Self {
        Self { slack_webhook_env: "ADHOC_SLACK_WEBHOOK".to_owned(), on: None, only_failures: false }
    }
}

impl NotificationsConfig {
    /// Whether the end of this command is told.
    pub(crate) fn covers(&self, command: &str, succeeded: bool) -> bool {
        let is_named = match &self.on {
            None => command != "run" && CHANGING.contains(&command),
            Some(on) => on.iter().any(|name| is_meant(name, command)),
        };
        is_named && !(succeeded && self.only_failures)
    }
}

/// Whether `name` is this command, or the word that all of its kind begin with.
fn is_meant(name: &str, command: &str) -> bool {
    command == name || command.strip_prefix(name).is_some_and(|rest| rest.starts_with(' '))
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
pub(super) struct NotificationsTable {
    slack_webhook_env: Option<Spanned<String>>,
    on: Option<Vec<Spanned<String>>>,
    only_failures: bool,
}

impl NotificationsTable {
    pub(super) fn into_notifications(self, source: &Source<'_>) -> Result<NotificationsConfig> {
        let default = NotificationsConfig::default();
        let on = self.on.map(|on| on.into_iter().map(|name| known(name, source)).collect());
        let variable = self.slack_webhook_env.map(|name| variable(name, source)).transpose()?;
        Ok(NotificationsConfig {
            slack_webhook_env: variable.unwrap_or(default.slack_webhook_env),
            on: on.transpose()?,
            only_failures: self.only_failures,
        })
    }
}

fn known(name: Spanned<String>, source: &Source<'_>) -> Result<String> {
    match CHANGING.iter().any(|command| is_meant(name.get_ref(), command)) {
        true => Ok(name.into_inner()),
        false => {
            let fault = format!("names {:?}, which changes nothing", name.get_ref());
            Err(source.error(name.span(), "notifications.on", &fault, "name commands such as create, update or db"))
        }
    }
}

fn variable(name: Spanned<String>, source: &Source<'_>) -> Result<String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    match !name.get_ref().is_empty() && name.get_ref().chars().all(is_name) {
        true => Ok(name.into_inner()),
        // It may be the URL itself, which is a secret.
        false => Err(source.error(
            name.span(),
            "notifications.slack_webhook_env",
            "is no name of an environment variable",
            "put the URL into a variable such as ADHOC_SLACK_WEBHOOK, and name that here",
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Config;

    fn parse(text: &str) -> Result<NotificationsConfig> {
        Config::parse(text, Path::new("adhoc.toml")).map(|config| config.notifications)
    }

    #[test]
    fn what_changes_something_is_told() {
        let config = NotificationsConfig::default();
        for command in ["create", "update", "db restore", "shared destroy", "maintenance on", "sweep"] {
            assert!(config.covers(command, true) && config.covers(command, false), "{command}");
        }
        for command in ["plan", "list", "logs", "db list", "demo", "local serve", "run"] {
            assert!(!config.covers(command, false), "{command}");
        }
    }

    #[test]
    fn the_file_says_what_is_told() {
        let config = parse("[notifications]\non = ['update', 'db', 'run']\nonly_failures = true").expect("valid");
        assert!(config.covers("db drop", false) && config.covers("run", false) && config.covers("update", false));
        assert!(!config.covers("update", true) && !config.covers("create", false) && !config.covers("dbx", false));
    }

    #[test]
    fn faults_are_one_line_with_place_key_and_hint() {
        for (text, part) in [
            ("[notifications]\non = ['list']", "`notifications.on` names \"list\", which changes nothing"),
            ("[notifications]\non = 'update'", "expected"),
            ("[notifications]\nslack_webhook_env = 'https://hooks.example.com/s3cret'", "is no name"),
            ("[notifications]\nwebhook = 'X'", "unknown field `webhook`"),
        ] {
            let error = parse(text).expect_err(text);
            let line = format!("{error} {:?}", error.detail().hint);
            assert!(line.contains(part) && !line.contains("s3cret"), "{line}");
        }
    }
}
