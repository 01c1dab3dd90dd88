//! Who holds a state's lock.

use adhoc_core::Timestamp;

/// What Terraform tells about a lock. The local backend, S3 and DynamoDB all tell it in the same words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LockInfo {
    /// Its id, by which it can be released.
    pub id: String,
    /// What is locked: a file, or bucket and key.
    pub path: String,
    /// What it was taken for, such as `OperationTypeApply`.
    pub operation: String,
    /// Who took it, `user@host`.
    pub who: String,
    /// Of which version.
    pub version: String,
    /// When, if that can be understood.
    pub created: Option<Timestamp>,
    /// When, in the words of Terraform.
    pub created_text: String,
    /// More words, seldom any.
    pub info: String,
}

impl LockInfo {
    /// Finds the `Lock Info:` in a message of Terraform. None if there is none, or if it has no id.
    #[must_use]
    pub fn parse(detail: &str) -> Option<Self> {
        let (_, block) = detail.split_once("Lock Info:")?;
        let mut lock = Self::default();
        for line in block.lines().skip(1) {
            let Some((name, value)) = line.split_once(':') else { break };
            let value = value.trim().to_owned();
            match name.trim() {
                "ID" => lock.id = value,
                "Path" => lock.path = value,
                "Operation" => lock.operation = value,
                "Who" => lock.who = value,
                "Version" => lock.version = value,
                "Created" => {
                    lock.created = go_time(&value);
                    lock.created_text = value;
                }
                "Info" => lock.info = value,
                _ => break,
            }
        }
        (!lock.id.is_empty()).then_some(lock)
    }

    /// What it was taken for, as one says it: `apply`.
    pub(crate) fn verb(&self) -> String {
        let verb = self.operation.strip_prefix("OperationType").map(str::to_lowercase);
        verb.unwrap_or_else(|| self.operation.clone())
    }

    /// When it was taken: RFC 3339, or in the words of Terraform.
    pub(crate) fn since(&self) -> String {
        self.created.map_or_else(|| self.created_text.clone(), |created| created.to_string())
    }
}

/// A time as Go's `Time.String` writes it: the offset is followed by the zone's name, which says nothing more.
fn go_time(text: &str) -> Option<Timestamp> {
    let mut words = text.split_whitespace();
    let time = format!("{} {} {}", words.next()?, words.next()?, words.next()?);
    Timestamp::strptime("%Y-%m-%d %H:%M:%S%.f %z", time).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Message;

    fn recorded(recording: &str) -> LockInfo {
        let found = recording.lines().find_map(|line| match Message::parse(line.as_bytes()) {
            Message::Diagnostic(diagnostic) => LockInfo::parse(&diagnostic.detail),
            _ => None,
        });
        found.expect("a lock")
    }

    #[test]
    fn the_locks_of_all_backends_are_read() {
        let lock = recorded(include_str!("../tests/recorded/locked_local.jsonl"));
        assert_eq!((lock.path.as_str(), lock.info.as_str()), ("terraform.tfstate", ""));
        let expected = LockInfo {
            id: "5b5e0a2c-6d4a-5b7e-9c1d-0f6a8e3b2d11".into(),
            path: "tf-state/env.tfstate".into(),
            operation: "OperationTypeApply".into(),
            who: "ci@runner".into(),
            version: "1.11.4".into(),
            created: "2026-11-21T10:00:02.123456789Z".parse().ok(),
            created_text: "2026-11-21 10:00:02.123456789 +0000 UTC".into(),
            info: String::new(),
        };
        assert_eq!(recorded(include_str!("../tests/recorded/locked_s3.jsonl")), expected);
        assert_eq!(recorded(include_str!("../tests/recorded/locked_dynamodb.jsonl")), expected);
        assert_eq!((expected.verb(), expected.since()), ("apply".into(), "2026-11-21T10:00:02.123456789Z".into()));
    }

    #[test]
    fn times_of_go_are_understood() {
        let time = |text| go_time(text).map(|time| time.to_string());
        assert_eq!(time("2026-11-21 10:00:02 +0000 UTC").as_deref(), Some("2026-11-21T10:00:02Z"));
        assert_eq!(time("2026-11-21 10:00:02.5 -0330 -0330").as_deref(), Some("2026-11-21T13:30:02.5Z"));
        assert_eq!(time("2026-11-21 10:00:02.5 +0100 CET m=+0.1").as_deref(), Some("2026-11-21T09:00:02.5Z"));
        assert_eq!(time("yesterday"), None);
        assert_eq!(LockInfo::parse("Lock Info:\n  ID: a\n  Created: soon\n").expect("a lock").since(), "soon");
    }

    #[test]
    fn without_an_id_there_is_no_lock() {
        assert_eq!(LockInfo::parse("Error message: 412\nLock Info:\n  Path: a\n"), None);
        assert_eq!(LockInfo::parse("Error message: 412"), None);
    }

    proptest! {
        #[test]
        fn no_text_is_a_reason_to_fail(text in "(?s)(Lock Info:)?.{0,80}") {
            let _ = LockInfo::parse(&text);
        }
    }
}
