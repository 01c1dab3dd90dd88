//! What the commands of `adhoc db` have found and done.

use adhoc_core::Timestamp;
use serde::{Deserialize, Serialize};

use super::style::{Style, Tone};
use super::text::{bytes, columns, count, one_line};

/// The databases of a server; the `result` of the summary of `adhoc db list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DatabaseTable {
    /// The server, `host:port`.
    pub(crate) server: String,
    /// How many connections are open in it.
    pub(crate) connections: u32,
    /// How many it allows.
    pub(crate) max_connections: u32,
    /// The moment at which it was read.
    pub(crate) at: Timestamp,
    /// Its databases, but for the server's own.
    pub(crate) databases: Vec<DatabaseRow>,
}

/// One database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DatabaseRow {
    /// Its name.
    pub(crate) name: String,
    /// The role that owns it.
    pub(crate) role: String,
    /// What it is for.
    pub(crate) kind: DatabaseKind,
    /// The environment it belongs to.
    pub(crate) environment: Option<String>,
    /// Who asked for it.
    pub(crate) owner: Option<String>,
    /// When it was made.
    pub(crate) created_at: Option<Timestamp>,
    /// After when it may be swept away.
    pub(crate) expires_at: Option<Timestamp>,
    /// Its size on disk.
    pub(crate) size_bytes: Option<u64>,
    /// How many connections are open.
    pub(crate) connections: u32,
    /// How many it allows; none if it sets no limit of its own.
    pub(crate) connection_limit: Option<u32>,
    /// How many connections there have been since the server's statistics began.
    pub(crate) sessions: u64,
    /// When one of the open connections last did something.
    pub(crate) last_activity: Option<Timestamp>,
    /// Whether there is no such environment; none where that could not be found out.
    pub(crate) orphaned: Option<bool>,
}

/// What a database is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DatabaseKind {
    /// It belongs to an environment.
    Environment,
    /// New ones are cloned from it.
    Template,
    /// It is none of ours.
    Foreign,
}

impl DatabaseTable {
    /// The table for people.
    pub(crate) fn lines(&self, style: Style) -> Vec<String> {
        let used = format!("{} of {} connections", self.connections, self.max_connections);
        let number = count(self.databases.len(), "database");
        let mut lines = vec![format!("{}: {number}, {used}", style.bold(&self.server))];
        if self.databases.is_empty() {
            return lines;
        }
        let header = ["database", "for", "size", "connections", "last activity", "owner", "expires", ""];
        let rows: Vec<Vec<String>> = std::iter::once(header.map(str::to_owned).to_vec())
            .chain(self.databases.iter().map(|row| row.cells(self.at)))
            .collect();
        let table = columns("  ", &rows);
        lines.extend(table.first().map(|header| style.dim(header)));
        lines.extend(table.iter().skip(1).zip(&self.databases).map(|(line, row)| match row.mark(self.at) {
            (Some(tone), mark) => line.replacen(&mark, &style.tone(tone, &mark), 1),
            (None, _) => line.clone(),
        }));
        lines
    }
}

impl DatabaseRow {
    fn cells(&self, now: Timestamp) -> Vec<String> {
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        let limit = self.connection_limit.map_or(String::new(), |limit| format!("/{limit}"));
        vec![
            self.name.clone(),
            match self.kind {
                DatabaseKind::Environment => or_dash(self.environment.clone()),
                DatabaseKind::Template => "template".to_owned(),
                DatabaseKind::Foreign => "-".to_owned(),
            },
            or_dash(self.size_bytes.map(bytes)),
            format!("{}{limit}", self.connections),
            or_dash(self.last_activity.map(|moment| ago(moment, now))),
            or_dash(self.owner.as_deref().map(one_line)),
            or_dash(self.expires_at.map(|moment| moment.strftime("%Y-%m-%d %H:%M").to_string())),
            self.mark(now).1,
        ]
    }

    /// What deserves attention.
    fn mark(&self, now: Timestamp) -> (Option<Tone>, String) {
        let marked = |tone: Tone, word: &str| (Some(tone), format!("{} {word}", tone.mark()));
        if self.orphaned == Some(true) {
            marked(Tone::Bad, "orphaned")
        } else if self.expires_at.is_some_and(|moment| moment < now) {
            marked(Tone::Doubtful, "expired")
        } else if self.kind == DatabaseKind::Foreign {
            marked(Tone::Idle, "not adhoc's")
        } else {
            (None, String::new())
        }
    }
}

/// `just now`, `5m ago`, `3d ago`.
fn ago(moment: Timestamp, now: Timestamp) -> String {
    match now.duration_since(moment).as_secs() {
        seconds if seconds < 60 => "just now".to_owned(),
        seconds if seconds < 3600 => format!("{}m ago", seconds / 60),
        seconds if seconds < 86_400 => format!("{}h ago", seconds / 3600),
        seconds => format!("{}d ago", seconds / 86_400),
    }
}

/// What each environment's role can reach; the `result` of the summary of `adhoc db audit`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AuditTable {
    /// The roles.
    pub(crate) roles: Vec<AuditRow>,
    /// What is worth knowing.
    pub(crate) notes: Vec<String>,
}

/// One role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AuditRow {
    /// The environment.
    pub(crate) environment: String,
    /// The role.
    pub(crate) role: String,
    /// Its own database.
    pub(crate) database: String,
    /// `own_password` or `temporary_member`.
    pub(crate) proof: String,
    /// Into how many databases it tried to log in.
    pub(crate) tried: usize,
    /// The databases that let it in.
    pub(crate) reached: Vec<String>,
    /// What is wrong.
    pub(crate) problems: Vec<String>,
}

impl AuditTable {
    /// The table for people.
    pub(crate) fn lines(&self, style: Style) -> Vec<String> {
        if self.roles.is_empty() {
            return vec!["no environment has a database here".to_owned()];
        }
        let mut lines = Vec::new();
        for row in &self.roles {
            let tone = if row.problems.is_empty() { Tone::Good } else { Tone::Bad };
            let mark = style.tone(tone, tone.mark());
            let tried = count(row.tried, "database");
            let how =
                if row.proof == "own_password" { "with its password" } else { "as a temporary member of the role" };
            lines.push(format!("{mark} {} reached {} of {tried}, {how}", style.bold(&row.role), row.reached.len()));
            lines.extend(row.problems.iter().map(|problem| format!("    {}", style.red(&one_line(problem)))));
        }
        lines.extend(self.notes.iter().map(|note| style.dim(&format!("note: {}", one_line(note)))));
        lines
    }
}

/// What was done to a database; the `result` of the summary of the other commands of `adhoc db`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DatabaseChange {
    /// The database.
    pub(crate) database: String,
    /// The role that owns it.
    pub(crate) role: String,
    /// `created`, `completed`, `unchanged`, `cloned`, `dropped`, `already_gone`, `restored`, `template_made`.
    pub(crate) change: String,
    /// The same in words.
    pub(crate) message: String,
    /// What more there is to know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) details: Vec<String>,
}

impl DatabaseChange {
    /// The lines for people.
    pub(crate) fn lines(&self, style: Style) -> Vec<String> {
        let first = format!("{} {}", style.green(Tone::Good.mark()), one_line(&self.message));
        std::iter::once(first).chain(self.details.iter().map(|detail| format!("  {}", one_line(detail)))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reporters::samples;

    fn row(name: &str, kind: DatabaseKind, orphaned: bool, expires_at: Option<&str>) -> DatabaseRow {
        let environment = (kind == DatabaseKind::Environment).then(|| name.trim_end_matches("-db").to_owned());
        DatabaseRow {
            name: name.to_owned(),
            role: "role".to_owned(),
            kind,
            owner: environment.as_ref().map(|_| "me".to_owned()),
            environment,
            created_at: None,
            expires_at: expires_at.map(|moment| moment.parse().expect("a moment")),
            size_bytes: Some(8_765_432),
            connections: 3,
            connection_limit: (kind != DatabaseKind::Foreign).then_some(50),
            sessions: 17,
            last_activity: (!orphaned).then(|| samples::moment() - jiff::SignedDuration::from_mins(7)),
            orphaned: Some(orphaned),
        }
    }

    #[test]
    fn databases_stand_in_columns() {
        let table = DatabaseTable {
            server: "dev-rds:5432".to_owned(),
            connections: 12,
            max_connections: 81,
            at: samples::moment(),
            databases: vec![
                row("alpha-db", DatabaseKind::Environment, false, Some("2026-02-01T10:00:00Z")),
                row("beta-db", DatabaseKind::Environment, true, None),
                row("gamma-db", DatabaseKind::Environment, false, Some("2025-12-01T10:00:00Z")),
                row("legacy", DatabaseKind::Foreign, false, None),
                row("seed", DatabaseKind::Template, false, None),
            ],
        };
        samples::assert_snapshot("databases", &table.lines(Style::PLAIN).join("\n"));
    }

    #[test]
    fn an_audit_names_every_problem() {
        let row = |role: &str, problems: &[&str]| AuditRow {
            environment: role.to_owned(),
            role: role.to_owned(),
            database: format!("{role}-db"),
            proof: if problems.is_empty() { "own_password" } else { "temporary_member" }.to_owned(),
            tried: 3,
            reached: vec![format!("{role}-db")],
            problems: problems.iter().map(|problem| (*problem).to_owned()).collect(),
        };
        let table = AuditTable {
            roles: vec![row("alpha", &[]), row("beta", &["can reach alpha-db", "has the attribute CREATEROLE"])],
            notes: vec!["every role may connect to the server's own database postgres".to_owned()],
        };
        samples::assert_snapshot("audit", &table.lines(Style::PLAIN).join("\n"));
    }
}
