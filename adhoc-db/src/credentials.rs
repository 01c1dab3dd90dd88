//! Who logs in, and where the password comes from.

use adhoc_core::{Credentials, DatabaseName, EnvironmentName, Error, Result, RoleName, SecretString};
use async_trait::async_trait;
use ring::rand::{SecureRandom, SystemRandom};

/// Where the administrator's credentials come from.
///
/// # Contract
///
/// `credentials(false)` may answer from memory; `credentials(true)` asks the origin again, because the server has refused
/// the former answer: an RDS-managed secret rotates every seven days.
#[async_trait]
pub trait CredentialSource: Send + Sync {
    /// The credentials as they are now.
    ///
    /// # Errors
    ///
    /// Those of the origin.
    async fn credentials(&self, fresh: bool) -> Result<Credentials>;
}

/// Credentials that do not change, such as those that the caller found in its environment.
#[async_trait]
impl CredentialSource for Credentials {
    async fn credentials(&self, _: bool) -> Result<Credentials> {
        Ok(self.clone())
    }
}

/// An environment's own log-in, and the name under which its password is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Account {
    /// The environment.
    pub environment: EnvironmentName,
    /// Its database.
    pub database: DatabaseName,
    /// The role that owns it.
    pub role: RoleName,
    /// The name of the secret.
    pub secret: String,
    /// The server's name, for whoever reads the secret.
    pub host: String,
    /// The server's port.
    pub port: u16,
}

impl Account {
    /// The log-in of `role` to `database` on a server, kept in a secret of the database's name.
    pub fn new(
        environment: EnvironmentName,
        database: DatabaseName,
        role: RoleName,
        (host, port): (&str, u16),
    ) -> Self {
        let secret = database.to_string();
        Self { environment, database, role, secret, host: host.to_owned(), port }
    }

    /// Keeps the password in the secret of this name.
    #[must_use]
    pub fn with_secret(mut self, name: impl Into<String>) -> Self {
        self.secret = name.into();
        self
    }
}

/// Where the passwords of environments' roles are kept.
///
/// # Contract
///
/// `ensure` is safe when many run at once: all get the same password. `remove` is happy when there is nothing to remove,
/// and leaves alone what it did not make.
#[async_trait]
pub trait RoleSecrets: Send + Sync {
    /// The password, if it is kept.
    ///
    /// # Errors
    ///
    /// Those of the place where it is kept.
    async fn find(&self, account: &Account) -> Result<Option<SecretString>>;

    /// The password that is kept, or a new one that is kept from now on; none where none can be kept.
    ///
    /// # Errors
    ///
    /// Those of the place where it is kept.
    async fn ensure(&self, account: &Account) -> Result<Option<SecretString>>;

    /// Forgets the password, and says whether there was one to forget.
    ///
    /// # Errors
    ///
    /// Those of the place where it is kept.
    async fn remove(&self, account: &Account) -> Result<bool>;
}

/// One password for every role, given by the caller; or none, and then roles cannot log in.
#[derive(Debug, Clone, Default)]
pub struct GivenPassword(Option<SecretString>);

impl GivenPassword {
    /// This password.
    #[must_use]
    pub fn new(password: SecretString) -> Self {
        Self(Some(password))
    }

    /// No password.
    #[must_use]
    pub fn none() -> Self {
        Self(None)
    }
}

#[async_trait]
impl RoleSecrets for GivenPassword {
    async fn find(&self, _: &Account) -> Result<Option<SecretString>> {
        Ok(self.0.clone())
    }

    async fn ensure(&self, _: &Account) -> Result<Option<SecretString>> {
        Ok(self.0.clone())
    }

    async fn remove(&self, _: &Account) -> Result<bool> {
        Ok(false)
    }
}

/// A new password of 32 letters and digits: 190 bits, and nothing to escape in a URL.
pub(crate) fn new_password() -> Result<SecretString> {
    const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let random = SystemRandom::new();
    let mut password = String::with_capacity(32);
    while password.len() < 32 {
        let mut byte = [0_u8; 1];
        random.fill(&mut byte).map_err(|_| Error::internal("", "the system", "gives no random numbers"))?;
        // 248 is the greatest multiple of 62: taking more would favour the first letters.
        if byte[0] < 248 {
            password.push(char::from(ALPHABET[usize::from(byte[0] % 62)]));
        }
    }
    Ok(SecretString::from(password))
}

#[cfg(test)]
mod tests {
    use adhoc_core::ExposeSecret;

    use super::*;

    #[test]
    fn passwords_differ_and_need_no_escaping() {
        let (one, other) = (new_password().expect("random"), new_password().expect("random"));
        assert_ne!(one.expose_secret(), other.expose_secret());
        assert!(one.expose_secret().len() == 32 && one.expose_secret().chars().all(|c| c.is_ascii_alphanumeric()));
    }
}
