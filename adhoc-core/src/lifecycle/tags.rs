use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;

use crate::{ImageReference, Tags};

/// The most characters that a tag's value may have:
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-using-tags.html>.
const LONGEST_VALUE: usize = 256;

const PREFIX: &str = "adhoc:";

/// The tags of ours that are no component's version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum TagKey {
    /// `adhoc:owner`: whose it is.
    Owner,
    /// `adhoc:created-at`: since when it is there.
    CreatedAt,
    /// `adhoc:expires-at`: after when it may be swept away.
    ExpiresAt,
    /// `adhoc:warned-at`: when its owner was last told that it expires.
    WarnedAt,
    /// `adhoc:keep`: why it is never swept away.
    Keep,
    /// `adhoc:protected`: that it is not destroyed at all.
    Protected,
    /// `adhoc:unfinished`: what was begun with it and has not ended.
    Unfinished,
    /// `adhoc:stopped-at`: since when it is asleep.
    StoppedAt,
    /// `adhoc:counts`: how many tasks its services had when it was put to sleep, where that was not one.
    Counts,
}

impl TagKey {
    /// The key as AWS has it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "adhoc:owner",
            Self::CreatedAt => "adhoc:created-at",
            Self::ExpiresAt => "adhoc:expires-at",
            Self::WarnedAt => "adhoc:warned-at",
            Self::Keep => "adhoc:keep",
            Self::Protected => "adhoc:protected",
            Self::Unfinished => "adhoc:unfinished",
            Self::StoppedAt => "adhoc:stopped-at",
            Self::Counts => "adhoc:counts",
        }
    }

    /// The key under which a component's version is kept: `adhoc:backend`.
    #[must_use]
    pub fn of_component(component: &str) -> String {
        format!("{PREFIX}{component}")
    }

    /// A value as AWS takes it: letters, digits, spaces and `_.:/=+-@`, at most 256 of them. Others become `_`.
    #[must_use]
    pub fn value(text: &str) -> String {
        let allowed = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '_' | '.' | ':' | '/' | '=' | '+' | '-' | '@');
        text.trim().chars().map(|c| if allowed(c) { c } else { '_' }).take(LONGEST_VALUE).collect()
    }
}

/// Something that was begun with an environment and has not ended: it was interrupted, or goes on right now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Unfinished {
    /// It is being made.
    Create,
    /// It is being destroyed.
    Destroy,
}

impl fmt::Display for Unfinished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Create => "create",
            Self::Destroy => "destroy",
        })
    }
}

/// What the tags of a cluster say of its environment. What is not said, or not understood, is none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct EnvironmentTags {
    /// Whose it is.
    pub owner: Option<String>,
    /// Since when it is there.
    pub created_at: Option<Timestamp>,
    /// After when it may be swept away.
    pub expires_at: Option<Timestamp>,
    /// When its owner was last told that it expires.
    pub warned_at: Option<Timestamp>,
    /// Why it is never swept away.
    pub keep: Option<String>,
    /// Whether it is not destroyed at all.
    pub protected: bool,
    /// What was begun with it and has not ended.
    pub unfinished: Option<Unfinished>,
    /// Since when it is asleep.
    pub stopped_at: Option<Timestamp>,
    /// How many tasks its services had when it was put to sleep, by role; a role that is not named had one.
    pub counts: BTreeMap<String, u32>,
    /// The version of each component: tag or digest of its image.
    pub versions: BTreeMap<String, String>,
}

impl EnvironmentTags {
    /// Reads the tags of a cluster.
    #[must_use]
    pub fn read(tags: &Tags) -> Self {
        let text = |key: TagKey| tags.get(key.as_str()).map(|value| value.trim()).filter(|value| !value.is_empty());
        let moment = |key: TagKey| text(key).and_then(|value| value.parse::<Timestamp>().ok());
        Self {
            owner: text(TagKey::Owner).map(str::to_owned),
            created_at: moment(TagKey::CreatedAt),
            expires_at: moment(TagKey::ExpiresAt),
            warned_at: moment(TagKey::WarnedAt),
            keep: is_set(text(TagKey::Keep)).map(str::to_owned),
            protected: is_set(text(TagKey::Protected)).is_some(),
            unfinished: text(TagKey::Unfinished).and_then(|value| match value {
                "create" => Some(Unfinished::Create),
                "destroy" => Some(Unfinished::Destroy),
                _ => None,
            }),
            stopped_at: moment(TagKey::StoppedAt),
            counts: text(TagKey::Counts).map(read_counts).unwrap_or_default(),
            versions: tags.iter().filter_map(|(key, value)| Some((component(key)?, value.clone()))).collect(),
        }
    }

    /// Whether adhoc has made this environment, or knows it.
    #[must_use]
    pub fn is_ours(tags: &Tags) -> bool {
        tags.contains_key(TagKey::CreatedAt.as_str())
    }

    /// The tags that say this, for the cluster. What is none or false has no tag.
    #[must_use]
    pub fn write(&self) -> Tags {
        let moment = |at: Option<Timestamp>| at.map(written);
        let flag = |set: bool| set.then(|| "true".to_owned());
        let counts: Vec<String> = self.counts.iter().map(|(role, count)| format!("{role}={count}")).collect();
        let values = [
            (TagKey::Owner, self.owner.clone()),
            (TagKey::CreatedAt, moment(self.created_at)),
            (TagKey::ExpiresAt, moment(self.expires_at)),
            (TagKey::WarnedAt, moment(self.warned_at)),
            (TagKey::Keep, self.keep.clone()),
            (TagKey::Protected, flag(self.protected)),
            (TagKey::Unfinished, self.unfinished.map(|unfinished| unfinished.to_string())),
            (TagKey::StoppedAt, moment(self.stopped_at)),
            (TagKey::Counts, Some(counts.join(" ")).filter(|counts| !counts.is_empty())),
        ];
        let ours =
            values.into_iter().filter_map(|(key, value)| Some((key.as_str().to_owned(), TagKey::value(&value?))));
        let versions = self.versions.iter().map(|(name, version)| (TagKey::of_component(name), TagKey::value(version)));
        ours.chain(versions).collect()
    }

    /// The version that an image is, for a tag: its tag, else its digest.
    #[must_use]
    pub fn version(image: &ImageReference) -> Option<String> {
        image.tag().or_else(|| image.digest()).map(str::to_owned)
    }
}

/// A moment as a tag has it, to the second: `2026-03-01T12:00:00Z`.
fn written(at: Timestamp) -> String {
    Timestamp::from_second(at.as_second()).unwrap_or(at).to_string()
}

fn is_set(value: Option<&str>) -> Option<&str> {
    value.filter(|value| !matches!(value.to_ascii_lowercase().as_str(), "false" | "no" | "0" | "off"))
}

fn read_counts(text: &str) -> BTreeMap<String, u32> {
    let pairs = text.split_whitespace().filter_map(|pair| pair.split_once('='));
    pairs.filter_map(|(role, count)| Some((role.to_owned(), count.parse().ok()?))).collect()
}

/// The component whose version a tag is.
fn component(key: &str) -> Option<String> {
    let known = [
        TagKey::Owner,
        TagKey::CreatedAt,
        TagKey::ExpiresAt,
        TagKey::WarnedAt,
        TagKey::Keep,
        TagKey::Protected,
        TagKey::Unfinished,
        TagKey::StoppedAt,
        TagKey::Counts,
    ];
    let name = key.strip_prefix(PREFIX)?;
    (!known.iter().any(|known| known.as_str() == key)).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Option<Timestamp> {
        Some(text.parse().expect("a moment"))
    }

    #[test]
    fn what_is_written_is_read() {
        let tags = EnvironmentTags {
            owner: Some("ada@example.com".to_owned()),
            created_at: at("2026-03-01T12:00:00Z"),
            expires_at: at("2026-03-06T12:00:00Z"),
            keep: Some("demo for the board".to_owned()),
            protected: true,
            unfinished: Some(Unfinished::Destroy),
            counts: [("gunicorn".to_owned(), 2), ("beat".to_owned(), 0)].into(),
            versions: [("backend".to_owned(), "v1.1.0".to_owned())].into(),
            ..EnvironmentTags::default()
        };
        let written = tags.write();
        assert_eq!(written["adhoc:expires-at"], "2026-03-06T12:00:00Z");
        assert_eq!(written["adhoc:counts"], "beat=0 gunicorn=2");
        assert_eq!(EnvironmentTags::read(&written), tags);
        assert!(!written.contains_key("adhoc:stopped-at"));
    }

    #[test]
    fn what_is_not_understood_is_none() {
        let tags = [
            ("adhoc:expires-at", "soon"),
            ("adhoc:keep", "false"),
            ("adhoc:protected", "no"),
            ("adhoc:counts", "gunicorn=many x"),
            ("adhoc:unfinished", "dance"),
            ("Name", "alpha-cluster"),
        ];
        let tags = tags.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        assert_eq!(EnvironmentTags::read(&tags), EnvironmentTags::default());
        assert!(!EnvironmentTags::is_ours(&tags));
    }

    #[test]
    fn a_value_is_as_aws_takes_it() {
        assert_eq!(TagKey::value(" a#b,é \n"), "a_b_é");
        assert_eq!(TagKey::value(&"x".repeat(300)).len(), 256);
    }
}
