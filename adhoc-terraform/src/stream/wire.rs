//! From JSON to a message: quickly where it is as documented, forgivingly where it is not.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use adhoc_core::ResourceAction;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    ChangeSummary, Diagnostic, Location, Message, OutputChange, PlannedResource, ResourceHook, Severity, shortened,
};

/// How many bytes of a name are kept, so that what is collected stays small.
const NAME: usize = 2 * 1024;
/// How many bytes of words for people are kept.
const WORDS: usize = 4 * 1024;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Line<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(rename = "@level", borrow)]
    level: Cow<'a, str>,
    #[serde(rename = "@message", borrow)]
    message: Cow<'a, str>,
    #[serde(borrow)]
    message_code: Cow<'a, str>,
    #[serde(borrow)]
    terraform: Cow<'a, str>,
    #[serde(borrow)]
    tofu: Cow<'a, str>,
    #[serde(borrow)]
    ui: Cow<'a, str>,
    #[serde(borrow)]
    hook: Option<Hook<'a>>,
    #[serde(borrow)]
    change: Option<Change<'a>>,
    changes: Option<Counts>,
    diagnostic: Option<Report>,
    outputs: Option<BTreeMap<String, Output>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Resource<'a> {
    #[serde(borrow)]
    addr: Cow<'a, str>,
    #[serde(borrow)]
    resource_type: Cow<'a, str>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Hook<'a> {
    #[serde(borrow)]
    resource: Resource<'a>,
    #[serde(borrow)]
    action: Cow<'a, str>,
    #[serde(borrow)]
    id_value: Option<Cow<'a, str>>,
    elapsed_seconds: f64,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Change<'a> {
    #[serde(borrow)]
    resource: Resource<'a>,
    #[serde(borrow)]
    previous_resource: Option<Resource<'a>>,
    #[serde(borrow)]
    action: Cow<'a, str>,
    reason: Option<String>,
    importing: Option<serde::de::IgnoredAny>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Counts {
    add: u64,
    change: u64,
    import: u64,
    remove: u64,
    operation: String,
}

/// A diagnostic, without its snippet and the values in that.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Report {
    severity: String,
    summary: String,
    detail: String,
    address: Option<String>,
    range: Option<Range>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Range {
    filename: String,
    start: Position,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Position {
    line: u64,
    column: u64,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Output {
    action: String,
    sensitive: bool,
}

/// The message of a line that begins as an object.
pub(super) fn read(line: &[u8]) -> Message {
    if let Ok(line) = serde_json::from_slice::<Line<'_>>(line) {
        return line.into_message();
    }
    let text = String::from_utf8_lossy(line);
    match serde_json::from_str(&text) {
        Ok(Value::Object(members)) => Line::from_members(&members).into_message(),
        _ => cut_short(&text),
    }
}

/// Of a line that has no end, an error's summary is still to be had: it stands at the beginning.
fn cut_short(text: &str) -> Message {
    let summary = text.strip_prefix(r#"{"@level":"error","@message":"#).and_then(|rest| {
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<String>();
        values.next().and_then(Result::ok)
    });
    match summary {
        Some(summary) => Message::Diagnostic(Diagnostic::new(Severity::Error, without_severity(&summary), "")),
        None => Message::Unknown { kind: None },
    }
}

fn without_severity(message: &str) -> &str {
    let message = message.strip_prefix("Error: ").unwrap_or(message);
    message.strip_prefix("Warning: ").unwrap_or(message)
}

impl<'a> Line<'a> {
    /// Member by member, without those that are not of the documented type.
    fn from_members(members: &'a Map<String, Value>) -> Self {
        Self {
            kind: member(members, "type"),
            level: member(members, "@level"),
            message: member(members, "@message"),
            message_code: member(members, "message_code"),
            terraform: member(members, "terraform"),
            tofu: member(members, "tofu"),
            ui: member(members, "ui"),
            hook: member(members, "hook"),
            change: member(members, "change"),
            changes: member(members, "changes"),
            diagnostic: members.get("diagnostic").map(Report::from_value),
            outputs: member(members, "outputs"),
        }
    }

    fn into_message(self) -> Message {
        let hook: Option<fn(ResourceHook) -> Message> = match &*self.kind {
            "refresh_start" => Some(Message::RefreshStart),
            "refresh_complete" => Some(Message::RefreshComplete),
            "apply_start" => Some(Message::ApplyStart),
            "apply_progress" => Some(Message::ApplyProgress),
            "apply_complete" => Some(Message::ApplyComplete),
            "apply_errored" => Some(Message::ApplyErrored),
            "provision_start" => Some(Message::ProvisionStart),
            "provision_progress" => Some(Message::ProvisionProgress),
            "provision_complete" => Some(Message::ProvisionComplete),
            "provision_errored" => Some(Message::ProvisionErrored),
            _ => None,
        };
        match (hook, &self.hook) {
            (Some(message), Some(hook)) if !hook.resource.addr.is_empty() => message(hook.to_hook()),
            (Some(_), _) => self.unknown(),
            (None, _) => self.into_statement(),
        }
    }

    /// What is not about the work on one resource.
    fn into_statement(self) -> Message {
        match (&*self.kind, &self.change, &self.changes) {
            ("resource_drift", Some(change), _) => Message::ResourceDrift(change.to_planned()),
            ("planned_change", Some(change), _) => Message::PlannedChange(change.to_planned()),
            ("change_summary", _, Some(counts)) => Message::ChangeSummary(counts.to_summary()),
            ("diagnostic", ..) => self.into_diagnostic(),
            ("outputs", ..) => {
                let outputs = self.outputs.unwrap_or_default().into_iter();
                Message::Outputs(outputs.map(|(name, output)| (shortened(&name, NAME), output.to_change())).collect())
            }
            ("version", ..) => {
                let tofu = self.terraform.is_empty() && !self.tofu.is_empty();
                let version = if tofu { &self.tofu } else { &self.terraform };
                Message::Version { version: shortened(version, NAME), ui: shortened(&self.ui, NAME), tofu }
            }
            ("log", ..) => {
                Message::Log { level: shortened(&self.level, NAME), message: shortened(&self.message, WORDS) }
            }
            ("init_output", ..) => Message::InitOutput {
                code: shortened(&self.message_code, NAME),
                message: shortened(&self.message, WORDS),
            },
            ("state_lock_acquire", ..) => Message::StateLockAcquire,
            ("state_lock_release", ..) => Message::StateLockRelease,
            _ => self.unknown(),
        }
    }

    fn unknown(&self) -> Message {
        Message::Unknown { kind: (!self.kind.is_empty()).then(|| shortened(&self.kind, NAME)) }
    }

    fn into_diagnostic(self) -> Message {
        let report = self.diagnostic.unwrap_or_default();
        let severity = if report.severity.is_empty() { &*self.level } else { &report.severity };
        let severity = if severity == "error" { Severity::Error } else { Severity::Warning };
        let summary = if report.summary.is_empty() { without_severity(&self.message) } else { &report.summary };
        let location = report.range.filter(|range| !range.filename.is_empty());
        let location = location.map(|range| Location {
            file: shortened(&range.filename, NAME),
            line: range.start.line,
            column: range.start.column,
        });
        let diagnostic = Diagnostic::new(severity, summary, &report.detail)
            .with_address(report.address.filter(|address| !address.is_empty()).map(|it| shortened(&it, NAME)))
            .with_location(location);
        Message::Diagnostic(diagnostic)
    }
}

impl Report {
    fn from_value(value: &Value) -> Self {
        let Value::Object(members) = value else { return Self::default() };
        Self {
            severity: member(members, "severity"),
            summary: member(members, "summary"),
            detail: member(members, "detail"),
            address: member(members, "address"),
            range: member(members, "range"),
        }
    }
}

fn member<'a, T: Deserialize<'a> + Default>(members: &'a Map<String, Value>, name: &str) -> T {
    members.get(name).and_then(|value| T::deserialize(value).ok()).unwrap_or_default()
}

impl Hook<'_> {
    fn to_hook(&self) -> ResourceHook {
        ResourceHook {
            address: shortened(&self.resource.addr, NAME),
            kind: shortened(&self.resource.resource_type, NAME),
            action: if self.action.is_empty() { ResourceAction::None } else { action(&self.action) },
            id: self.id_value.as_deref().map(|id| shortened(id, NAME)).filter(|id| !id.is_empty()),
            elapsed: Duration::try_from_secs_f64(self.elapsed_seconds).unwrap_or_default(),
        }
    }
}

impl Change<'_> {
    fn to_planned(&self) -> PlannedResource {
        PlannedResource {
            address: shortened(&self.resource.addr, NAME),
            previous_address: self.previous_resource.as_ref().map(|resource| shortened(&resource.addr, NAME)),
            kind: shortened(&self.resource.resource_type, NAME),
            action: action(&self.action),
            reason: self.reason.as_deref().filter(|reason| !reason.is_empty()).map(|it| shortened(it, NAME)),
            importing: self.importing.is_some(),
        }
    }
}

impl Counts {
    fn to_summary(&self) -> ChangeSummary {
        ChangeSummary {
            add: self.add,
            change: self.change,
            import: self.import,
            remove: self.remove,
            operation: shortened(&self.operation, NAME),
        }
    }
}

impl Output {
    fn to_change(&self) -> OutputChange {
        let action = if self.action.is_empty() { ResourceAction::None } else { action(&self.action) };
        OutputChange { action, sensitive: self.sensitive }
    }
}

fn action(word: &str) -> ResourceAction {
    match word {
        "noop" | "no-op" => ResourceAction::None,
        "create" => ResourceAction::Create,
        "read" => ResourceAction::Read,
        "update" => ResourceAction::Update,
        "replace" => ResourceAction::Replace,
        "delete" => ResourceAction::Delete,
        "move" => ResourceAction::Move,
        "import" => ResourceAction::Import,
        "forget" | "remove" => ResourceAction::Forget,
        _ => ResourceAction::Other,
    }
}
