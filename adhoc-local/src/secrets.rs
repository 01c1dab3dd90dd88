//! Secrets Manager.

use crate::{clock::epoch_seconds, error::ApiError, json::Members};
use serde_json::{Value, json};
use std::collections::BTreeMap;

struct Secret {
    value: Option<String>,
    version: String,
    created_at: u64,
}

/// Secrets by name.
pub(crate) struct Secrets {
    secrets: BTreeMap<String, Secret>,
}

fn missing() -> ApiError {
    ApiError::new("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
}

impl Secrets {
    pub(crate) fn new(values: &BTreeMap<String, String>) -> Self {
        let secret = |(name, value): (&String, &String)| {
            let version = uuid::Uuid::new_v4().to_string();
            (name.clone(), Secret { value: Some(value.clone()), version, created_at: 0 })
        };
        Self { secrets: values.iter().map(secret).collect() }
    }

    pub(crate) fn call(&mut self, operation: &str, input: &Value, prefix: &str, now: u64) -> Result<Value, ApiError> {
        match operation {
            "CreateSecret" => self.create(input, prefix, now),
            "GetSecretValue" => self.value(input, prefix),
            "DescribeSecret" => {
                let (name, secret) = self.find(input, prefix)?;
                let mut value = brief(name, secret, prefix);
                value["VersionIdsToStages"] = json!({secret.version.clone(): ["AWSCURRENT"]});
                value["CreatedDate"] = epoch_seconds(secret.created_at);
                Ok(value)
            }
            _ => Err(ApiError::unknown_operation()),
        }
    }

    /// By name, whole ARN, or ARN without its random end.
    fn find(&self, input: &Value, prefix: &str) -> Result<(&String, &Secret), ApiError> {
        let id = input.text("SecretId").unwrap_or_default();
        let hit =
            |(name, _): &(&String, &Secret)| *name == id || arn(prefix, name) == id || format!("{prefix}{name}") == id;
        self.secrets.iter().find(hit).ok_or_else(missing)
    }

    fn create(&mut self, input: &Value, prefix: &str, now: u64) -> Result<Value, ApiError> {
        let name = input.text("Name").unwrap_or_default().to_owned();
        if name.is_empty() {
            return Err(ApiError::invalid(
                "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!",
            ));
        }
        if self.secrets.contains_key(&name) {
            let message = format!("The operation failed because the secret {name} already exists.");
            return Err(ApiError::new("ResourceExistsException", message));
        }
        let version = uuid::Uuid::new_v4().to_string();
        let value = input.text("SecretString").map(str::to_owned);
        let secret = Secret { value, version, created_at: now };
        let mut answer = brief(&name, &secret, prefix);
        answer["VersionId"] = secret.version.as_str().into();
        self.secrets.insert(name, secret);
        Ok(answer)
    }

    fn value(&self, input: &Value, prefix: &str) -> Result<Value, ApiError> {
        let (name, secret) = self.find(input, prefix)?;
        let Some(value) = &secret.value else {
            let message = "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT";
            return Err(ApiError::new("ResourceNotFoundException", message));
        };
        let mut answer = brief(name, secret, prefix);
        answer["VersionId"] = secret.version.as_str().into();
        answer["SecretString"] = value.as_str().into();
        answer["VersionStages"] = json!(["AWSCURRENT"]);
        answer["CreatedDate"] = epoch_seconds(secret.created_at);
        Ok(answer)
    }
}

fn arn(prefix: &str, name: &str) -> String {
    // Six characters that AWS draws at random; here they follow from the name.
    let digest = name.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    format!("{prefix}{name}-{:06x}", digest & 0x00ff_ffff)
}

fn brief(name: &str, _: &Secret, prefix: &str) -> Value {
    json!({"ARN": arn(prefix, name), "Name": name})
}
