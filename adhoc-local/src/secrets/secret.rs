//! A secret and its versions.

use crate::{clock::epoch_seconds, error::ApiError, json::Members};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

const CURRENT: &str = "AWSCURRENT";
const PREVIOUS: &str = "AWSPREVIOUS";

/// What a version holds, in the member of this name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Payload {
    member: &'static str,
    text: String,
}

impl Payload {
    /// The payload of a plain text.
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self { member: "SecretString", text: text.into() }
    }

    /// The payload of a request, if it has one. `SecretBinary` stays in Base64, as it goes out again.
    pub(super) fn of(input: &Value) -> Result<Option<Self>, ApiError> {
        let given = |member| input.text(member).map(|text| Self { member, text: text.to_owned() });
        match (given("SecretString"), given("SecretBinary")) {
            (Some(_), Some(_)) => {
                Err(ApiError::invalid("You can't specify both a binary secret value and a string secret value."))
            }
            (text, binary) => Ok(text.or(binary)),
        }
    }
}

/// A value that a secret has or had.
pub(super) struct Version {
    pub(super) id: String,
    payload: Payload,
    stages: Vec<String>,
    created_at: u64,
}

/// A new version, as a request asks for it.
pub(super) struct NewVersion {
    token: String,
    payload: Payload,
    stages: Vec<String>,
}

impl NewVersion {
    /// One that becomes the current version.
    pub(super) fn current(payload: Payload) -> Self {
        Self { token: uuid::Uuid::new_v4().to_string(), payload, stages: vec![CURRENT.to_owned()] }
    }

    /// The version that a request asks for; `None` if it has no value.
    pub(super) fn of(input: &Value) -> Result<Option<Self>, ApiError> {
        let Some(payload) = Payload::of(input)? else { return Ok(None) };
        let mut version = Self::current(payload);
        if let Some(token) = input.text("ClientRequestToken") {
            if !(32..=64).contains(&token.len()) {
                return Err(ApiError::invalid("ClientRequestToken must be 32-64 characters long."));
            }
            token.clone_into(&mut version.token);
        }
        let stages = input.texts("VersionStages");
        if !stages.is_empty() {
            version.stages = stages;
        }
        Ok(Some(version))
    }
}

/// A secret.
pub(super) struct Secret {
    pub(super) name: String,
    pub(super) arn: String,
    pub(super) description: Option<String>,
    pub(super) tags: BTreeMap<String, String>,
    /// The service that manages it, such as `rds`.
    pub(super) owner: Option<&'static str>,
    pub(super) created_at: u64,
    pub(super) changed_at: u64,
    /// When it goes, once it is scheduled for deletion.
    pub(super) deletion_at: Option<u64>,
    versions: Vec<Version>,
}

impl Secret {
    /// A secret without a value.
    pub(super) fn new(name: &str, arn: String, now: u64) -> Self {
        Self {
            name: name.to_owned(),
            arn,
            description: None,
            tags: BTreeMap::new(),
            owner: None,
            created_at: now,
            changed_at: now,
            deletion_at: None,
            versions: Vec::new(),
        }
    }

    /// `ARN` and `Name`.
    pub(super) fn brief(&self) -> Value {
        json!({"ARN": self.arn, "Name": self.name})
    }

    /// What describing and listing it have in common.
    pub(super) fn details(&self) -> Value {
        let tags: Vec<Value> = self.tags.iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect();
        let mut details = self.brief();
        details["Tags"] = tags.into();
        details["CreatedDate"] = epoch_seconds(self.created_at);
        details["LastChangedDate"] = epoch_seconds(self.changed_at);
        let optional = [
            ("Description", self.description.as_deref().map(Value::from)),
            ("OwningService", self.owner.map(Value::from)),
            ("DeletedDate", self.deletion_at.map(epoch_seconds)),
        ];
        for (name, value) in optional {
            if let Some(value) = value {
                details[name] = value;
            }
        }
        details
    }

    /// The versions that have staging labels; those that have none are deprecated and not told.
    pub(super) fn stages(&self) -> Value {
        let labelled = self.versions.iter().filter(|version| !version.stages.is_empty());
        Value::Object(
            labelled.map(|version| (version.id.clone(), version.stages.clone().into())).collect::<Map<_, _>>(),
        )
    }

    /// Adds a version, moves the staging labels to it, and answers with its id and labels.
    ///
    /// The same token with the same value is the same version, and nothing happens.
    pub(super) fn put(&mut self, new: NewVersion, now: u64) -> Result<Value, ApiError> {
        let mut answer = self.brief();
        if let Some(version) = self.versions.iter().find(|version| version.id == new.token) {
            if version.payload != new.payload {
                return Err(token_in_use(&new.token, &self.arn));
            }
            answer["VersionId"] = version.id.as_str().into();
            answer["VersionStages"] = version.stages.clone().into();
            return Ok(answer);
        }
        let NewVersion { token: id, payload, mut stages } = new;
        if self.versions.is_empty() && !stages.iter().any(|stage| stage == CURRENT) {
            stages.push(CURRENT.to_owned());
        }
        self.take_stages(&stages);
        answer["VersionId"] = id.as_str().into();
        answer["VersionStages"] = stages.clone().into();
        self.versions.push(Version { id, payload, stages, created_at: now });
        self.changed_at = now;
        Ok(answer)
    }

    /// Takes these labels from the versions that have them. The one that was current becomes the previous one.
    fn take_stages(&mut self, stages: &[String]) {
        let moves_current = stages.iter().any(|stage| stage == CURRENT);
        let was_current = self.versions.iter().position(|version| version.has_stage(CURRENT));
        for version in &mut self.versions {
            version.stages.retain(|stage| !(stages.contains(stage) || moves_current && stage == PREVIOUS));
        }
        if let Some(at) = was_current.filter(|_| moves_current) {
            self.versions[at].stages.push(PREVIOUS.to_owned());
        }
    }

    /// Whether a version has this id.
    pub(super) fn has_version(&self, id: &str) -> bool {
        self.versions.iter().any(|version| version.id == id)
    }

    /// The version with this id and this staging label; without either, the current one.
    pub(super) fn version(&self, id: Option<&str>, stage: Option<&str>) -> Result<&Version, ApiError> {
        let missing = |kind: &str, wanted: &str| {
            let message = format!("Secrets Manager can't find the specified secret value for {kind}: {wanted}");
            ApiError::new("ResourceNotFoundException", message)
        };
        let Some(id) = id else {
            let stage = stage.unwrap_or(CURRENT);
            let found = self.versions.iter().find(|version| version.has_stage(stage));
            return found.ok_or_else(|| missing("staging label", stage));
        };
        let version = self.versions.iter().find(|version| version.id == id).ok_or_else(|| missing("VersionId", id))?;
        if stage.is_some_and(|stage| !version.has_stage(stage)) {
            let message = "You provided a VersionStage that is not associated to the provided VersionId.";
            return Err(ApiError::new("InvalidRequestException", message));
        }
        Ok(version)
    }
}

impl Version {
    fn has_stage(&self, stage: &str) -> bool {
        self.stages.iter().any(|own| own == stage)
    }

    /// Its text, if it is one.
    pub(super) fn as_text(&self) -> Option<&str> {
        (self.payload.member == "SecretString").then_some(self.payload.text.as_str())
    }

    /// Adds its value, id, labels and time to an answer.
    pub(super) fn tell(&self, answer: &mut Value) {
        answer["VersionId"] = self.id.as_str().into();
        answer[self.payload.member] = self.payload.text.as_str().into();
        answer["VersionStages"] = self.stages.clone().into();
        answer["CreatedDate"] = epoch_seconds(self.created_at);
    }
}

fn token_in_use(token: &str, arn: &str) -> ApiError {
    let message = format!(
        "You can't use ClientRequestToken {token} because that value is already in use for a version of secret {arn}."
    );
    ApiError::new("ResourceExistsException", message)
}
