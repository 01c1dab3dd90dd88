//! Passwords in Secrets Manager.

use std::sync::{Mutex, PoisonError};

use adhoc_core::{Credentials, Error, ExposeSecret, Result, SecretString};
use async_trait::async_trait;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::types::Tag;
use aws_types::SdkConfig;
use serde::Deserialize;
use serde_json::json;

use super::error::{code, from_sdk};
use crate::credentials::new_password;
use crate::{Account, CredentialSource, RoleSecrets};

/// The tag that says which environment a secret belongs to, and that we made it.
const ENVIRONMENT_TAG: &str = "adhoc:environment";

/// The JSON in a database's secret; it may hold more. See
/// <https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_secret_json_structure.html>.
#[derive(Deserialize)]
struct SecretValue {
    username: Option<String>,
    password: SecretText,
}

/// A password that is redacted from the moment it is parsed.
#[derive(Deserialize)]
#[serde(from = "String")]
struct SecretText(SecretString);

impl From<String> for SecretText {
    fn from(text: String) -> Self {
        Self(SecretString::from(text))
    }
}

async fn read(client: &Client, name: &str) -> Result<Option<SecretValue>> {
    let answer = match client.get_secret_value().secret_id(name).send().await {
        Ok(answer) => answer,
        // Not there, or without a value yet, or about to be deleted.
        Err(error) if matches!(code(&error), Some("ResourceNotFoundException" | "InvalidRequestException")) => {
            return Ok(None);
        }
        Err(error) => return Err(from_sdk("GetSecretValue", name, &error)),
    };
    let text = answer.secret_string().unwrap_or_default();
    // The parser's message would quote what it does not understand.
    let value = serde_json::from_str(text).map_err(|_| {
        Error::database("GetSecretValue", name, "is no JSON with a password")
            .with_hint("it must be {\"username\": ..., \"password\": ...}, as RDS keeps it")
    })?;
    Ok(Some(value))
}

/// The master user's credentials in a secret: the one that RDS manages, or any other of that form.
pub struct SecretCredentials {
    client: Client,
    secret: String,
    user: Option<String>,
    known: Mutex<Option<Credentials>>,
}

impl SecretCredentials {
    /// The credentials in the secret of this name or ARN.
    pub fn new(config: &SdkConfig, secret: impl Into<String>) -> Self {
        Self { client: Client::new(config), secret: secret.into(), user: None, known: Mutex::new(None) }
    }

    /// Logs in as this user, whatever the secret says.
    #[must_use]
    pub fn with_user(mut self, user: Option<String>) -> Self {
        self.user = user;
        self
    }
}

#[async_trait]
impl CredentialSource for SecretCredentials {
    async fn credentials(&self, fresh: bool) -> Result<Credentials> {
        let lock = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let known = lock().clone();
        if let (false, Some(known)) = (fresh, known) {
            return Ok(known);
        }
        let value = read(&self.client, &self.secret).await?.ok_or_else(|| {
            Error::database("GetSecretValue", &self.secret, "there is no such secret, or it has no value")
                .with_hint("check `admin_secret` under [database], and the region")
        })?;
        let user = self.user.clone().or(value.username).unwrap_or_else(|| "postgres".to_owned());
        let credentials = Credentials::new(user, value.password.0);
        *lock() = Some(credentials.clone());
        Ok(credentials)
    }
}

/// The passwords of environments' roles, one secret each, tagged with the environment. The value has the form that AWS gives
/// to a database's secret, so that a task definition can refer to `SECRET:password::`.
#[derive(Clone)]
pub struct SecretsManagerPasswords {
    client: Client,
}

impl SecretsManagerPasswords {
    /// In the account and region of `config`.
    #[must_use]
    pub fn new(config: &SdkConfig) -> Self {
        Self { client: Client::new(config) }
    }

    async fn make(&self, account: &Account) -> Result<()> {
        let name = account.secret.as_str();
        let value = new_value(account)?;
        let tag = Tag::builder().key(ENVIRONMENT_TAG).value(account.environment.as_str()).build();
        let request = self.client.create_secret().name(name).secret_string(value.expose_secret()).tags(tag);
        let request = request.description(format!("Log-in of {} to {}", account.role, account.database));
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) if code(&error) == Some("ResourceExistsException") => self.fill(account, &value).await,
            // It is about to be deleted, as after a drop: it is wanted again.
            Err(error) if code(&error) == Some("InvalidRequestException") => {
                let restored = self.client.restore_secret().secret_id(name).send().await;
                restored.map_err(|error| from_sdk("RestoreSecret", name, &error))?;
                self.fill(account, &value).await
            }
            Err(error) => Err(from_sdk("CreateSecret", name, &error)),
        }
    }

    /// Gives a value to a secret that has none: infrastructure code makes such, or another run was faster, and then its value
    /// stays.
    async fn fill(&self, account: &Account, value: &SecretString) -> Result<()> {
        let name = account.secret.as_str();
        if read(&self.client, name).await?.is_some() {
            return Ok(());
        }
        let put = self.client.put_secret_value().secret_id(name).secret_string(value.expose_secret()).send().await;
        put.map(drop).map_err(|error| from_sdk("PutSecretValue", name, &error))
    }
}

fn new_value(account: &Account) -> Result<SecretString> {
    let password = new_password()?;
    let value = json!({
        "engine": "postgres",
        "host": account.host,
        "port": account.port,
        "dbname": account.database,
        "username": account.role,
        "password": password.expose_secret(),
    });
    Ok(SecretString::from(value.to_string()))
}

#[async_trait]
impl RoleSecrets for SecretsManagerPasswords {
    async fn find(&self, account: &Account) -> Result<Option<SecretString>> {
        Ok(read(&self.client, &account.secret).await?.map(|value| value.password.0))
    }

    async fn ensure(&self, account: &Account) -> Result<Option<SecretString>> {
        if let Some(password) = self.find(account).await? {
            return Ok(Some(password));
        }
        self.make(account).await?;
        // Read again: with two runs at once, the one that was slower uses the other's password.
        self.find(account).await
    }

    async fn remove(&self, account: &Account) -> Result<bool> {
        let name = account.secret.as_str();
        let described = match self.client.describe_secret().secret_id(name).send().await {
            Ok(described) => described,
            Err(error) if code(&error) == Some("ResourceNotFoundException") => return Ok(false),
            Err(error) => return Err(from_sdk("DescribeSecret", name, &error)),
        };
        let environment = account.environment.as_str();
        let is_ours = |tag: &Tag| tag.key() == Some(ENVIRONMENT_TAG) && tag.value() == Some(environment);
        if !described.tags().iter().any(is_ours) {
            return Ok(false);
        }
        // At once: an environment of that name may come back before a recovery window has passed.
        let request = self.client.delete_secret().secret_id(name).force_delete_without_recovery(true);
        request.send().await.map(|_| true).map_err(|error| from_sdk("DeleteSecret", name, &error))
    }
}
