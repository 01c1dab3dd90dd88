//! The secrets of a server, by name.

use super::secret::{NewVersion, Payload, Secret};
use crate::{Scenario, error::ApiError, topology::Database};
use serde_json::Value;
use std::collections::BTreeMap;

/// Secrets by name.
pub(crate) struct Secrets {
    pub(super) secrets: BTreeMap<String, Secret>,
    prefix: String,
    /// How many are gone for good, by which a secret that is made anew gets another ARN.
    pub(super) gone: u32,
}

fn prefix(region: &str, account: &str) -> String {
    format!("arn:aws:secretsmanager:{region}:{account}:secret:")
}

/// Six characters end an ARN. AWS draws them at random; here they follow from the name and from what is gone.
fn arn(prefix: &str, name: &str, gone: u32) -> String {
    let digest =
        name.bytes().fold(0x811c_9dc5_u32 ^ gone, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    format!("{prefix}{name}-{:06x}", digest & 0x00ff_ffff)
}

/// The ARN of a secret that is there from the start.
pub(crate) fn seeded_arn(region: &str, account: &str, name: &str) -> String {
    arn(&prefix(region, account), name, 0)
}

impl Secrets {
    /// The secrets of a scenario, and the one in which RDS keeps the password of the database.
    pub(crate) fn new(scenario: &Scenario, database: Option<&Database>) -> Self {
        let prefix = prefix(&scenario.region, &scenario.account_id);
        let mut store = Self { secrets: BTreeMap::new(), prefix, gone: 0 };
        for (name, value) in &scenario.secrets {
            store.seed(name, value);
        }
        if let Some(name) = database.map(Database::secret_name) {
            if !scenario.secrets.contains_key(&name) {
                store.seed(&name, r#"{"username":"postgres","password":"local"}"#);
            }
            if let Some(secret) = store.secrets.get_mut(&name) {
                secret.owner = Some("rds");
                secret.tags.insert("aws:secretsmanager:owningService".to_owned(), "rds".to_owned());
            }
        }
        store
    }

    fn seed(&mut self, name: &str, value: &str) {
        let mut secret = self.blank(name, 0);
        // The first version of a secret has no token to be at odds with.
        drop(secret.put(NewVersion::current(Payload::text(value)), 0));
        self.secrets.insert(name.to_owned(), secret);
    }

    /// A secret of this name without a value, not yet in the store.
    pub(super) fn blank(&self, name: &str, now: u64) -> Secret {
        Secret::new(name, arn(&self.prefix, name, self.gone), now)
    }

    /// The name in a `SecretId`: name, whole ARN, or ARN without its random end.
    fn name<'a>(&'a self, id: &'a str) -> Option<&'a str> {
        let Some(tail) = id.strip_prefix(&self.prefix) else { return Some(id) };
        let known = |secret: &&Secret| secret.arn == id || secret.name == tail;
        self.secrets.values().find(known).map(|secret| secret.name.as_str())
    }

    /// The secret of a `SecretId`, scheduled for deletion or not.
    pub(super) fn find(&self, id: &str) -> Option<&Secret> {
        self.secrets.get(self.name(id)?)
    }

    /// The secret of a `SecretId`, scheduled for deletion or not.
    pub(super) fn find_mut(&mut self, id: &str) -> Result<&mut Secret, ApiError> {
        let name = self.find(id).map(|secret| secret.name.clone()).unwrap_or_default();
        self.secrets.get_mut(&name).ok_or_else(missing)
    }

    /// The secret of a `SecretId`, unless it is scheduled for deletion.
    pub(super) fn usable(&mut self, id: &str) -> Result<&mut Secret, ApiError> {
        let secret = self.find_mut(id)?;
        if secret.deletion_at.is_some() {
            return Err(ApiError::new(
                "InvalidRequestException",
                "You can't perform this operation on the secret because it was marked for deletion.",
            ));
        }
        Ok(secret)
    }

    /// Takes a secret away for good.
    pub(super) fn remove(&mut self, name: &str) {
        if self.secrets.remove(name).is_some() {
            self.gone = self.gone.wrapping_add(1);
        }
    }

    /// Removes those whose recovery window is over.
    pub(super) fn expire(&mut self, now: u64) {
        let over = |secret: &&Secret| secret.deletion_at.is_some_and(|at| at <= now);
        let names: Vec<String> = self.secrets.values().filter(over).map(|secret| secret.name.clone()).collect();
        names.iter().for_each(|name| self.remove(name));
    }

    /// The value for a `valueFrom` of a container's `secrets`: a name or an ARN, of any account, with an optional
    /// `:json-key:version-stage:version-id` after it.
    pub(crate) fn value_from(&self, source: &str) -> Option<String> {
        let tail = source.split_once(":secret:").map_or(source, |(_, tail)| tail);
        let mut parts = tail.split(':');
        let mut part = || parts.next().filter(|part| !part.is_empty());
        let (id, key, stage, version) = (part()?, part(), part(), part());
        let named = || id.rsplit_once('-').and_then(|(name, end)| (end.len() == 6).then_some(name));
        let secret = self.secrets.get(id).or_else(|| self.secrets.get(named()?))?;
        let usable = secret.deletion_at.is_none();
        let text = secret.version(version, stage).ok().filter(|_| usable)?.as_text()?;
        let Some(key) = key else { return Some(text.to_owned()) };
        match serde_json::from_str::<Value>(text).ok()?.get(key)? {
            Value::String(value) => Some(value.clone()),
            other => Some(other.to_string()),
        }
    }
}

pub(super) fn missing() -> ApiError {
    ApiError::new("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
}

#[cfg(test)]
mod tests {
    use super::Secrets;
    use crate::{Scenario, topology::Topology};
    use serde_json::json;

    #[test]
    fn a_secret_goes_when_its_recovery_window_is_over() {
        let mut secrets = Secrets::new(&Scenario::empty().with_secret("key", "value"), None);
        let (deletion, secret) = (json!({"SecretId": "key", "RecoveryWindowInDays": 7}), json!({"SecretId": "key"}));
        let window = 7 * 86_400_000;
        secrets.call("DeleteSecret", &deletion, 1000).unwrap();
        secrets.call("RestoreSecret", &secret, 999 + window).unwrap();
        secrets.call("DeleteSecret", &deletion, 2000).unwrap();
        let error = secrets.call("RestoreSecret", &secret, 2000 + window).unwrap_err();
        assert_eq!(error.code, "ResourceNotFoundException");
    }

    #[test]
    fn a_container_names_a_value_as_ecs_has_it() {
        let scenario =
            Scenario::empty().with_secret("key", "plain").with_secret("a-b/c", r#"{"port": 5432, "k": "v"}"#);
        let secrets = Secrets::new(&scenario, Topology::new(&scenario).database.as_ref());
        let arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:";
        for (source, expected) in [
            ("key".to_owned(), Some("plain")),
            (format!("{arn}key"), Some("plain")),
            (format!("{arn}key-AbCdEf"), Some("plain")),
            (format!("{arn}key-AbCdEfG"), None),
            (format!("{arn}ke"), None),
            (format!("{arn}a-b/c-AbCdEf:k::"), Some("v")),
            (format!("{arn}a-b/c:port::"), Some("5432")),
            (format!("{arn}a-b/c:other::"), None),
            (format!("{arn}key::AWSPREVIOUS:"), None),
            (format!("{arn}key::AWSCURRENT:"), Some("plain")),
            (format!("{arn}rds!db-dev-rds:password::"), Some("local")),
        ] {
            assert_eq!(secrets.value_from(&source).as_deref(), expected, "{source}");
        }
    }
}
