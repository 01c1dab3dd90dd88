//! What nobody may read by accident.

pub use secrecy::{ExposeSecret, SecretString};

/// A user and the password that proves it. `Debug` shows the user only.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Credentials {
    /// The user.
    pub user: String,
    /// The password.
    pub password: SecretString,
}

impl Credentials {
    /// The credentials of `user`.
    pub fn new(user: impl Into<String>, password: impl Into<SecretString>) -> Self {
        Self { user: user.into(), password: password.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_does_not_show() {
        let credentials = Credentials::new("alpha", "hunter2".to_owned());
        assert!(!format!("{credentials:?} {credentials:#?}").contains("hunter2"));
        assert_eq!(credentials.password.expose_secret(), "hunter2");
    }
}
