//! The message with which `adhoc create` ends: where the environment is, what it runs, and what can be done with it.

use adhoc_core::Timestamp;
use serde::{Deserialize, Serialize};

use super::github::{code, escaped};
use super::infrastructure::ApplyReport;
use super::style::{Style, Tone};
use super::text::columns;

/// What was made; the `result` of the summary of `adhoc create`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EnvironmentReport {
    /// The infrastructure.
    #[serde(flatten)]
    pub(crate) applied: ApplyReport,
    /// Where it is reached, if that is known.
    pub(crate) url: Option<String>,
    /// Whose it is.
    pub(crate) owner: Option<String>,
    /// After when it may be swept away.
    pub(crate) expires_at: Option<Timestamp>,
    /// Its database.
    pub(crate) database: Option<String>,
    /// What it runs.
    pub(crate) components: Vec<ComponentReport>,
}

/// A component of an environment that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ComponentReport {
    /// Its name.
    pub(crate) component: String,
    /// The tag or digest of its image; none if it has no release yet.
    pub(crate) version: Option<String>,
}

impl EnvironmentReport {
    /// One that has infrastructure, and nothing else yet.
    pub(crate) fn new(applied: ApplyReport, url: Option<String>) -> Self {
        Self { applied, url, owner: None, expires_at: None, database: None, components: Vec::new() }
    }

    fn environment(&self) -> &str {
        &self.applied.environment
    }

    fn runs(&self) -> bool {
        self.components.iter().any(|component| component.version.is_some())
    }

    fn headline(&self) -> String {
        match &self.url {
            Some(url) if self.runs() => format!("{} is up: {url}", self.environment()),
            _ => self.applied.sentence(),
        }
    }

    /// What is known, as name and value.
    fn facts(&self) -> Vec<(String, String)> {
        let mut facts: Vec<(String, String)> = self.components.iter().map(|it| self.component(it)).collect();
        facts.extend(self.database.iter().map(|database| ("database".to_owned(), database.clone())));
        facts.extend(self.owner.iter().map(|owner| ("owner".to_owned(), owner.clone())));
        if self.owner.is_some() || self.expires_at.is_some() {
            let expiry = self.expires_at.map_or("never".to_owned(), |at| at.strftime("%Y-%m-%d %H:%M UTC").to_string());
            facts.push(("expires".to_owned(), expiry));
        }
        facts
    }

    fn component(&self, it: &ComponentReport) -> (String, String) {
        let none = || format!("no release yet: `adhoc update {} {} --tag TAG`", it.component, self.environment());
        (it.component.clone(), it.version.clone().unwrap_or_else(none))
    }

    /// What can be done next, as a word and a command.
    fn commands(&self) -> Vec<(&'static str, String)> {
        let name = self.environment();
        let mut commands = Vec::new();
        if self.runs() {
            commands.push(("shell", format!("adhoc exec gunicorn {name}")));
            commands.push(("logs", format!("adhoc logs gunicorn {name} -f")));
        }
        if self.expires_at.is_some() {
            commands.push(("keep longer", format!("adhoc extend {name} --ttl 5d")));
        }
        commands.push(("remove", format!("adhoc destroy {name}")));
        commands
    }

    /// The lines for people; with `verbose`, the outputs of the infrastructure too.
    pub(crate) fn lines(&self, style: Style, verbose: bool) -> Vec<String> {
        if !self.runs() || verbose {
            let mut lines = self.applied.lines_for_terminal(style);
            lines.extend(self.table(style));
            return lines;
        }
        let mut lines = vec![format!("{} {}", style.green(Tone::Good.mark()), style.bold(&self.headline()))];
        lines.extend(self.table(style));
        lines
    }

    fn table(&self, style: Style) -> Vec<String> {
        let mut rows: Vec<Vec<String>> = self.facts().into_iter().map(|(name, value)| vec![name, value]).collect();
        if rows.is_empty() {
            return Vec::new();
        }
        let facts = rows.len();
        rows.extend(self.commands().into_iter().map(|(name, command)| vec![name.to_owned(), command]));
        let mut lines = columns("  ", &rows);
        for line in &mut lines[facts..] {
            *line = style.dim(line);
        }
        lines.insert(facts, String::new());
        lines.insert(0, String::new());
        lines
    }

    /// The same as Markdown.
    pub(crate) fn markdown(&self) -> String {
        let mut lines = vec![match &self.url {
            Some(url) if self.runs() => format!("**{} is up:** <{url}>", escaped(self.environment())),
            _ => escaped(&self.applied.sentence()),
        }];
        let facts = self.facts().into_iter().map(|(name, value)| format!("- {}: {}", escaped(&name), code(&value)));
        lines.push(facts.collect::<Vec<_>>().join("\n"));
        lines.retain(|part| !part.is_empty());
        lines.join("\n\n")
    }
}

#[cfg(test)]
mod tests {
    use adhoc_core::{ChangeCounts, OutputValue, Outputs};

    use super::*;
    use crate::reporters::samples;

    fn report() -> EnvironmentReport {
        let outputs = Outputs::from([("cluster".to_owned(), OutputValue::new("alpha-cluster"))]);
        let counts = ChangeCounts { add: 41, ..ChangeCounts::default() };
        let applied = ApplyReport { environment: "alpha".to_owned(), counts, outputs, changed: true };
        EnvironmentReport {
            owner: Some("ada".to_owned()),
            expires_at: Some("2026-03-06T12:00:00Z".parse().expect("a moment")),
            database: Some("alpha-db".to_owned()),
            components: vec![
                ComponentReport { component: "backend".to_owned(), version: Some("v1.1.0".to_owned()) },
                ComponentReport { component: "frontend".to_owned(), version: None },
            ],
            ..EnvironmentReport::new(applied, Some("https://alpha.dev.example.com".to_owned()))
        }
    }

    #[test]
    fn it_ends_with_what_one_wants_to_know() {
        let (full, mut bare) = (report(), report());
        bare.components = Vec::new();
        let texts = [
            full.lines(Style::PLAIN, false).join("\n"),
            full.lines(Style::PLAIN, true).join("\n"),
            bare.lines(Style::PLAIN, false).join("\n"),
            full.markdown(),
        ];
        samples::assert_snapshot("closing", &texts.join("\n\n---\n\n"));
    }

    #[test]
    fn it_is_told_from_other_results() {
        let value = serde_json::to_value(report()).expect("JSON");
        let found = crate::reporters::summary::found(&value, Style::PLAIN, false);
        assert_eq!(found, report().lines(Style::PLAIN, false));
    }
}
