//! One message, typed.

use std::collections::BTreeMap;
use std::time::Duration;

use adhoc_core::ResourceAction;

use super::{Diagnostic, shortened, wire};

/// How many bytes of a line that is no JSON are kept.
const TEXT: usize = 4 * 1024;

/// What Terraform, or OpenTofu, says in one line.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Message {
    /// Who speaks; the first message.
    Version {
        /// The program's version.
        version: String,
        /// The version of these messages.
        ui: String,
        /// Whether it is OpenTofu.
        tofu: bool,
    },
    /// Words for people.
    Log {
        /// `info`, `warn`, `error`.
        level: String,
        /// The words.
        message: String,
    },
    /// An error or a warning.
    Diagnostic(Diagnostic),
    /// A resource is about to be read.
    RefreshStart(ResourceHook),
    /// A resource was read.
    RefreshComplete(ResourceHook),
    /// The work on a resource begins.
    ApplyStart(ResourceHook),
    /// The work on a resource goes on; every ten seconds.
    ApplyProgress(ResourceHook),
    /// The work on a resource is done.
    ApplyComplete(ResourceHook),
    /// The work on a resource failed.
    ApplyErrored(ResourceHook),
    /// A provisioner begins.
    ProvisionStart(ResourceHook),
    /// A provisioner wrote something; what, is not kept.
    ProvisionProgress(ResourceHook),
    /// A provisioner is done.
    ProvisionComplete(ResourceHook),
    /// A provisioner failed.
    ProvisionErrored(ResourceHook),
    /// A resource is no longer as it was left.
    ResourceDrift(PlannedResource),
    /// What the plan does to a resource.
    PlannedChange(PlannedResource),
    /// How many resources are, or were, changed.
    ChangeSummary(ChangeSummary),
    /// The outputs by name. Their values are not kept.
    Outputs(BTreeMap<String, OutputChange>),
    /// The lock of the state is being taken.
    StateLockAcquire,
    /// The lock of the state is being released.
    StateLockRelease,
    /// Words of `init`.
    InitOutput {
        /// What they are about, such as `initializing_backend_message`.
        code: String,
        /// The words.
        message: String,
    },
    /// A message that this version does not know, or that was cut short.
    Unknown {
        /// Its type, where it has one.
        kind: Option<String>,
    },
    /// A line that is no JSON.
    Text(String),
}

/// A resource that is worked on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ResourceHook {
    /// Its address.
    pub address: String,
    /// Its type.
    pub kind: String,
    /// What is done to it; [`ResourceAction::None`] where it is only read or provisioned.
    pub action: ResourceAction,
    /// Its id, once it has one and it is told.
    pub id: Option<String>,
    /// For how long, so far; zero where it is not told.
    pub elapsed: Duration,
}

/// A resource in a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlannedResource {
    /// Its address.
    pub address: String,
    /// The address it had before, where it moves.
    pub previous_address: Option<String>,
    /// Its type.
    pub kind: String,
    /// What is done to it.
    pub action: ResourceAction,
    /// Why, such as `cannot_update`.
    pub reason: Option<String>,
    /// Whether it is taken over first.
    pub importing: bool,
}

/// How many resources are, or were, changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChangeSummary {
    /// Made.
    pub add: u64,
    /// Changed where they stand.
    pub change: u64,
    /// Taken over.
    pub import: u64,
    /// Destroyed.
    pub remove: u64,
    /// `plan`, `apply` or `destroy`.
    pub operation: String,
}

/// An output, without its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct OutputChange {
    /// What the plan does to it; [`ResourceAction::None`] after an apply.
    pub action: ResourceAction,
    /// Whether its value must not be shown.
    pub sensitive: bool,
}

impl OutputChange {
    /// What is done to an output.
    #[must_use]
    pub fn new(action: ResourceAction, sensitive: bool) -> Self {
        Self { action, sensitive }
    }
}

impl Message {
    /// Reads a line. Never fails: what is not known, or not as expected, is [`Message::Unknown`], and what is no JSON is
    /// [`Message::Text`]. A line that begins as an object but was cut short is no text, since it may hold values; of a cut
    /// error its summary is kept.
    #[must_use]
    pub fn parse(line: &[u8]) -> Self {
        let object = line.trim_ascii();
        if object.first() == Some(&b'{') {
            return wire::read(object);
        }
        let text = String::from_utf8_lossy(&line[..line.len().min(TEXT)]);
        Self::Text(shortened(text.trim_end(), TEXT))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::stream::{Location, Severity};

    fn parse(value: &Value) -> Message {
        Message::parse(value.to_string().as_bytes())
    }

    fn recorded(text: &str) -> Vec<Message> {
        text.lines().map(|line| Message::parse(line.as_bytes())).collect()
    }

    #[test]
    fn a_recorded_plan_is_understood() {
        let messages = recorded(include_str!("../../tests/recorded/drift_move_import.jsonl"));
        assert!(messages.contains(&Message::Version { version: "1.11.4".into(), ui: "1.2".into(), tofu: false }));
        let imported = PlannedResource {
            address: "aws_ssm_parameter.foreign".into(),
            previous_address: None,
            kind: "aws_ssm_parameter".into(),
            action: ResourceAction::Update,
            reason: None,
            importing: true,
        };
        assert!(messages.contains(&Message::PlannedChange(imported)));
        let moved = PlannedResource {
            address: "aws_ssm_parameter.new".into(),
            previous_address: Some("aws_ssm_parameter.old".into()),
            kind: "aws_ssm_parameter".into(),
            action: ResourceAction::Move,
            reason: None,
            importing: false,
        };
        assert!(messages.contains(&Message::PlannedChange(moved)));
        let drifted = messages.iter().filter(|message| matches!(message, Message::ResourceDrift(_))).count();
        assert_eq!(drifted, 2);
        let unknown: Vec<_> = messages.iter().filter(|message| matches!(message, Message::Unknown { .. })).collect();
        assert_eq!(unknown.len(), 4, "the ephemeral resource's alone: {unknown:?}");
    }

    #[test]
    fn a_recorded_apply_is_understood() {
        let messages = recorded(include_str!("../../tests/recorded/apply.jsonl"));
        assert!(!messages.iter().any(|message| matches!(message, Message::Unknown { .. } | Message::Text(_))));
        let outputs = BTreeMap::from([
            ("tag".to_owned(), OutputChange::new(ResourceAction::None, false)),
            ("word".to_owned(), OutputChange::new(ResourceAction::None, true)),
        ]);
        assert!(messages.contains(&Message::Outputs(outputs)));
        let summary = ChangeSummary { add: 4, operation: "apply".into(), ..ChangeSummary::default() };
        assert!(messages.contains(&Message::ChangeSummary(summary)));
        let slow = messages.iter().find_map(|message| match message {
            Message::ProvisionProgress(hook) => Some(hook.address.as_str()),
            _ => None,
        });
        assert_eq!(slow, Some("terraform_data.slow[0]"));
    }

    #[test]
    fn a_progress_tells_how_long_it_takes() {
        let messages = recorded(include_str!("../../tests/recorded/apply_interrupted.jsonl"));
        let progress = messages.iter().find_map(|message| match message {
            Message::ApplyProgress(hook) => Some(hook.clone()),
            _ => None,
        });
        let expected = ResourceHook {
            address: "terraform_data.long".into(),
            kind: "terraform_data".into(),
            action: ResourceAction::Create,
            id: None,
            elapsed: Duration::from_secs(10),
        };
        assert_eq!(progress, Some(expected));
    }

    #[test]
    fn a_diagnostic_keeps_its_place_and_no_values() {
        let messages = recorded(include_str!("../../tests/recorded/validation.jsonl"));
        let Some(Message::Diagnostic(diagnostic)) = messages.last() else { panic!("{messages:?}") };
        assert_eq!(diagnostic.severity, Severity::Error);
        assert_eq!(diagnostic.location, Some(Location::new("main.tf", 17, 1)));
        assert!(!format!("{messages:?}").contains("is \\\"4\\\""), "{diagnostic:?}");
        let messages = recorded(include_str!("../../tests/recorded/secret_tfvars.jsonl"));
        assert!(!format!("{messages:?}").contains("s3cr3t"), "{messages:?}");
    }

    #[test]
    fn what_is_missing_or_of_another_shape_is_no_reason_to_fail() {
        let hook = json!({"type": "apply_start", "hook": {"resource": {"addr": "a.b"}, "action": "teleport"}});
        let Message::ApplyStart(hook) = parse(&hook) else { panic!("{hook}") };
        assert_eq!((hook.address.as_str(), hook.action), ("a.b", ResourceAction::Other));
        let odd = json!({"type": "apply_start", "hook": "a.b"});
        assert_eq!(parse(&odd), Message::Unknown { kind: Some("apply_start".into()) });
        let odd = json!({"type": "outputs", "outputs": {"a": {"sensitive": true, "value": "x"}}, "ui": 7});
        let outputs = BTreeMap::from([("a".to_owned(), OutputChange::new(ResourceAction::None, true))]);
        assert_eq!(parse(&odd), Message::Outputs(outputs));
        assert_eq!(parse(&json!({"type": ["x"]})), Message::Unknown { kind: None });
        assert_eq!(parse(&json!({"type": "query"})), Message::Unknown { kind: Some("query".into()) });
        let tofu = json!({"type": "version", "tofu": "1.10.0", "ui": "1.2"});
        assert_eq!(parse(&tofu), Message::Version { version: "1.10.0".into(), ui: "1.2".into(), tofu: true });
        assert_eq!(Message::parse(b"Usage: terraform\r"), Message::Text("Usage: terraform".into()));
    }

    #[test]
    fn a_diagnostic_of_another_shape_is_an_error_nevertheless() {
        for odd in [json!(null), json!("x"), json!({"severity": "error", "summary": "Boom", "range": "main.tf"})] {
            let line = json!({"@level": "error", "@message": "Error: Boom", "type": "diagnostic", "diagnostic": odd});
            let Message::Diagnostic(diagnostic) = parse(&line) else { panic!("{line}") };
            assert_eq!((diagnostic.severity, diagnostic.summary.as_str()), (Severity::Error, "Boom"), "{line}");
        }
        let odd = json!({"severity": "error", "summary": "Boom", "detail": "Because.", "range": "main.tf"});
        let Message::Diagnostic(diagnostic) = parse(&json!({"type": "diagnostic", "diagnostic": odd})) else {
            panic!()
        };
        assert_eq!(diagnostic, Diagnostic::new(Severity::Error, "Boom", "Because."));
    }

    #[test]
    fn a_cut_line_is_no_text_and_a_cut_error_keeps_its_summary() {
        let cut = br#"{"@level":"info","outputs":{"password":{"value":"hunter2"#;
        assert_eq!(Message::parse(cut), Message::Unknown { kind: None });
        let cut = br#"{"@level":"error","@message":"Error: No \"such\" thing","diagnostic":{"detail":"lorem"#;
        let Message::Diagnostic(diagnostic) = Message::parse(cut) else { panic!("no diagnostic") };
        assert_eq!(diagnostic.summary, "No \"such\" thing");
    }

    proptest! {
        #[test]
        fn any_line_is_some_message(line in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Message::parse(&line);
        }

        #[test]
        fn a_damaged_message_is_some_message(at in any::<prop::sample::Index>(), byte in any::<u8>(), which in 0usize..30) {
            let text = include_str!("../../tests/recorded/apply.jsonl");
            let mut line = text.lines().nth(which).expect("a line").as_bytes().to_vec();
            let at = at.index(line.len());
            line[at] = byte;
            let _ = Message::parse(&line);
            let _ = Message::parse(&line[..at]);
        }
    }
}
