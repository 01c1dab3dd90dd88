//! The calls of Secrets Manager.

use super::{
    list,
    secret::{NewVersion, Secret},
    store::{Secrets, missing},
};
use crate::{clock::epoch_seconds, error::ApiError, json::Members};
use serde_json::{Value, json};

const DAY_MS: u64 = 86_400_000;

impl Secrets {
    pub(crate) fn call(&mut self, operation: &str, input: &Value, now: u64) -> Result<Value, ApiError> {
        self.expire(now);
        match operation {
            "CreateSecret" => self.create(input, now),
            "GetSecretValue" => self.value(input),
            "DescribeSecret" => self.describe(input),
            "ListSecrets" => list::list(self.secrets.values(), input),
            "PutSecretValue" => self.put(input, now),
            "UpdateSecret" => self.update(input, now),
            "DeleteSecret" => self.delete(input, now),
            "RestoreSecret" => self.restore(input),
            "TagResource" => self.tag(input, now),
            "UntagResource" => self.untag(input, now),
            _ => Err(ApiError::unknown_operation()),
        }
    }

    fn create(&mut self, input: &Value, now: u64) -> Result<Value, ApiError> {
        let name = valid_name(input)?;
        let version = NewVersion::of(input)?;
        if let Some(secret) = self.secrets.get_mut(name) {
            return create_again(secret, input, version, now);
        }
        let mut secret = self.blank(name, now);
        secret.description = input.text("Description").map(str::to_owned);
        add_tags(&mut secret, input);
        let mut answer = secret.brief();
        if let Some(version) = version {
            answer["VersionId"] = secret.put(version, now)?["VersionId"].take();
        }
        self.secrets.insert(name.to_owned(), secret);
        Ok(answer)
    }

    fn value(&mut self, input: &Value) -> Result<Value, ApiError> {
        let secret = self.usable(input.required("SecretId")?)?;
        let mut answer = secret.brief();
        secret.version(input.text("VersionId"), input.text("VersionStage"))?.tell(&mut answer);
        Ok(answer)
    }

    fn describe(&self, input: &Value) -> Result<Value, ApiError> {
        let secret = self.find(input.required("SecretId")?).ok_or_else(missing)?;
        let mut answer = secret.details();
        answer["VersionIdsToStages"] = secret.stages();
        Ok(answer)
    }

    fn put(&mut self, input: &Value, now: u64) -> Result<Value, ApiError> {
        let Some(version) = NewVersion::of(input)? else {
            let message = "You must provide either SecretString or SecretBinary.";
            return Err(ApiError::new("InvalidRequestException", message));
        };
        self.usable(input.required("SecretId")?)?.put(version, now)
    }

    fn update(&mut self, input: &Value, now: u64) -> Result<Value, ApiError> {
        let version = NewVersion::of(input)?;
        let secret = self.usable(input.required("SecretId")?)?;
        let mut answer = secret.brief();
        if let Some(version) = version {
            answer["VersionId"] = secret.put(version, now)?["VersionId"].take();
        }
        if let Some(description) = input.text("Description") {
            secret.description = Some(description.to_owned());
            secret.changed_at = now;
        }
        Ok(answer)
    }

    fn delete(&mut self, input: &Value, now: u64) -> Result<Value, ApiError> {
        let id = input.required("SecretId")?;
        let (force, window) = (input.flag("ForceDeleteWithoutRecovery"), input.number("RecoveryWindowInDays"));
        if force && window.is_some() {
            let message = "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.";
            return Err(ApiError::invalid(message));
        }
        if force {
            return Ok(self.delete_at_once(id, now));
        }
        let days =
            u64::try_from(window.unwrap_or(30)).ok().filter(|days| (7..=30).contains(days)).ok_or_else(|| {
                ApiError::invalid("The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).")
            })?;
        let secret = self.usable(id)?;
        let at = now + days * DAY_MS;
        secret.deletion_at = Some(at);
        let mut answer = secret.brief();
        answer["DeletionDate"] = epoch_seconds(at);
        Ok(answer)
    }

    /// One that is not there, or scheduled for deletion already, is as good as deleted.
    fn delete_at_once(&mut self, id: &str, now: u64) -> Value {
        let mut answer = match self.find(id) {
            Some(secret) => secret.brief(),
            None if id.starts_with("arn:") => json!({"ARN": id, "Name": id.rsplit(':').next()}),
            None => self.blank(id, now).brief(),
        };
        answer["DeletionDate"] = epoch_seconds(now);
        if let Some(name) = answer.text("Name") {
            self.remove(name);
        }
        answer
    }

    fn restore(&mut self, input: &Value) -> Result<Value, ApiError> {
        let secret = self.find_mut(input.required("SecretId")?)?;
        secret.deletion_at = None;
        Ok(secret.brief())
    }

    fn tag(&mut self, input: &Value, now: u64) -> Result<Value, ApiError> {
        let secret = self.usable(input.required("SecretId")?)?;
        add_tags(secret, input);
        secret.changed_at = now;
        Ok(json!({}))
    }

    fn untag(&mut self, input: &Value, now: u64) -> Result<Value, ApiError> {
        let secret = self.usable(input.required("SecretId")?)?;
        for key in input.texts("TagKeys") {
            secret.tags.remove(&key);
        }
        secret.changed_at = now;
        Ok(json!({}))
    }
}

fn valid_name(input: &Value) -> Result<&str, ApiError> {
    let name = input.text("Name").unwrap_or_default();
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-/_+=.@!".contains(&byte);
    if name.is_empty() || name.len() > 512 || !name.bytes().all(allowed) {
        return Err(ApiError::invalid(
            "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!",
        ));
    }
    Ok(name)
}

/// A request for a secret that exists: the one that made it, sent again, or an error.
fn create_again(secret: &mut Secret, input: &Value, version: Option<NewVersion>, now: u64) -> Result<Value, ApiError> {
    if secret.deletion_at.is_some() {
        let message = "You can't create this secret because a secret with this name is already scheduled for deletion.";
        return Err(ApiError::new("InvalidRequestException", message));
    }
    let known = input.text("ClientRequestToken").is_some_and(|token| secret.has_version(token));
    let Some(version) = version.filter(|_| known) else {
        let message = format!("The operation failed because the secret {} already exists.", secret.name);
        return Err(ApiError::new("ResourceExistsException", message));
    };
    let mut answer = secret.put(version, now)?;
    if let Some(members) = answer.as_object_mut() {
        members.remove("VersionStages");
    }
    Ok(answer)
}

fn add_tags(secret: &mut Secret, input: &Value) {
    for tag in input.list("Tags") {
        if let Some(key) = tag.text("Key") {
            secret.tags.insert(key.to_owned(), tag.text("Value").unwrap_or_default().to_owned());
        }
    }
}
