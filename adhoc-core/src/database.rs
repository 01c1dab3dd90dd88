//! The databases of environments inside one shared server.

use std::fmt;
use std::str::FromStr;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{EnvironmentName, Error, Result, SecretString};

macro_rules! postgres_name {
    ($($(#[$doc:meta])* $name:ident, $what:literal;)*) => {$(
        $(#[$doc])*
        ///
        /// `[A-Za-z_][A-Za-z0-9_-]*`, at most 63 bytes: Postgres cuts a longer identifier silently. See
        /// <https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-IDENTIFIERS>.
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The most bytes a name may have.
            pub const MAX_LENGTH: usize = 63;

            /// The name as text, not quoted.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = Error;

            fn from_str(name: &str) -> Result<Self> {
                match name_fault(name) {
                    None => Ok(Self(name.to_owned())),
                    Some(fault) => Err(Error::invalid("", format!(concat!($what, " name {:?}"), name), fault)
                        .with_hint("use 1 to 63 letters, digits, `_` and `-`, beginning with a letter, such as `alpha-db`")),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    )*};
}

postgres_name! {
    /// The name of a Postgres database.
    DatabaseName, "database";
    /// The name of a Postgres role.
    RoleName, "role";
}

fn name_fault(name: &str) -> Option<String> {
    let first = name.chars().next();
    if first.is_none() {
        Some("is empty".to_owned())
    } else if name.len() > DatabaseName::MAX_LENGTH {
        Some(format!("is longer than {} bytes, after which Postgres would cut it", DatabaseName::MAX_LENGTH))
    } else if let Some(bad) = name.chars().find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))) {
        Some(format!("contains {bad:?}"))
    } else if !first.is_some_and(|c| c.is_ascii_alphabetic() || c == '_') {
        Some("does not begin with a letter".to_owned())
    } else {
        None
    }
}

/// What says that a database is ours: kept as JSON in its comment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DatabaseMarker {
    /// The environment that the database belongs to; none for a template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// The name of the template, if this is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// The template that it is a clone of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloned_from: Option<String>,
    /// Who asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creator: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// After when it may be swept away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

impl DatabaseMarker {
    /// The marker of an environment's database, made at `created_at`.
    #[must_use]
    pub fn for_environment(environment: &EnvironmentName, created_at: Timestamp) -> Self {
        Self { environment: Some(environment.to_string()), ..Self::made_at(created_at) }
    }

    /// The marker of a template, made at `created_at`.
    #[must_use]
    pub fn for_template(name: &DatabaseName, created_at: Timestamp) -> Self {
        Self { template: Some(name.to_string()), ..Self::made_at(created_at) }
    }

    fn made_at(created_at: Timestamp) -> Self {
        Self { environment: None, template: None, cloned_from: None, creator: None, created_at, expires_at: None }
    }

    /// Says who asked for it.
    #[must_use]
    pub fn with_creator(mut self, creator: Option<String>) -> Self {
        self.creator = creator;
        self
    }

    /// Says after when it may be swept away.
    #[must_use]
    pub fn with_expiry(mut self, expires_at: Option<Timestamp>) -> Self {
        self.expires_at = expires_at;
        self
    }
}

/// A database as the server knows it.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Database {
    /// Its name.
    pub name: String,
    /// The role that owns it.
    pub owner: String,
    /// What says that it is ours; none for any other database.
    pub marker: Option<DatabaseMarker>,
    /// Whether new databases may be cloned from it.
    pub is_template: bool,
    /// Its size on disk in bytes; none where it may not be read.
    pub size_bytes: Option<u64>,
    /// How many connections are open.
    pub connections: u32,
    /// How many connections it allows; none if it sets no limit of its own.
    pub connection_limit: Option<u32>,
    /// How many connections there have been since the server's statistics began.
    pub sessions: u64,
    /// When one of the open connections last did something; none without one.
    pub last_activity: Option<Timestamp>,
}

impl Database {
    /// An empty database that nobody uses.
    pub fn new(name: impl Into<String>, owner: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            owner: owner.into(),
            marker: None,
            is_template: false,
            size_bytes: None,
            connections: 0,
            connection_limit: None,
            sessions: 0,
            last_activity: None,
        }
    }

    /// Sets what says that it is ours.
    #[must_use]
    pub fn with_marker(mut self, marker: DatabaseMarker) -> Self {
        self.marker = Some(marker);
        self
    }
}

/// The database that an environment is to have.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CreateDatabase {
    /// Its name.
    pub name: DatabaseName,
    /// The role that owns it and logs in to it.
    pub owner: RoleName,
    /// The password with which the owner is to log in; without one it cannot.
    pub password: Option<SecretString>,
    /// What its comment says.
    pub marker: DatabaseMarker,
    /// The template it is cloned from; none for an empty one.
    pub template: Option<DatabaseName>,
    /// How many connections it allows. Default 50.
    pub connection_limit: u32,
    /// Extensions that only the server's administrator may install, such as `postgis`.
    pub extensions: Vec<String>,
}

impl CreateDatabase {
    /// An empty database, whose owner has no password.
    #[must_use]
    pub fn new(name: DatabaseName, owner: RoleName, marker: DatabaseMarker) -> Self {
        Self { name, owner, password: None, marker, template: None, connection_limit: 50, extensions: Vec::new() }
    }

    /// Lets the owner log in with a password.
    #[must_use]
    pub fn with_password(mut self, password: Option<SecretString>) -> Self {
        self.password = password;
        self
    }

    /// Clones it from a template.
    #[must_use]
    pub fn with_template(mut self, template: Option<DatabaseName>) -> Self {
        self.template = template;
        self
    }

    /// Sets how many connections it allows.
    #[must_use]
    pub fn with_connection_limit(mut self, limit: u32) -> Self {
        self.connection_limit = limit;
        self
    }

    /// Installs extensions as the administrator.
    #[must_use]
    pub fn with_extensions(mut self, extensions: Vec<String>) -> Self {
        self.extensions = extensions;
        self
    }
}

/// The database that is to go. Its marker has to say the same as the request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DropDatabase {
    /// Its name.
    pub name: DatabaseName,
    /// The role that owns it, or the objects in it if it is a template.
    pub owner: RoleName,
    /// The environment it belongs to; none for a template.
    pub environment: Option<EnvironmentName>,
}

impl DropDatabase {
    /// An environment's database.
    #[must_use]
    pub fn of_environment(environment: EnvironmentName, name: DatabaseName, owner: RoleName) -> Self {
        Self { name, owner, environment: Some(environment) }
    }

    /// A template.
    #[must_use]
    pub fn of_template(name: DatabaseName, owner: RoleName) -> Self {
        Self { name, owner, environment: None }
    }
}

/// What [`DatabaseAdmin::create`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Created {
    /// The database is new.
    New,
    /// It was there, but something was missing that is there now: what an interrupted run had not come to, or the password.
    Completed,
    /// It was there already, and nothing changed.
    Unchanged,
}

/// What [`DatabaseAdmin::drop`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Dropped {
    /// Database, role, or what was left of them, were dropped.
    Dropped,
    /// There was nothing to drop.
    AlreadyGone,
}

/// Makes and removes databases in one shared server.
///
/// # Contract
///
/// `create` and `drop` are safe to repeat, and safe when many run at once: they end in the same state. A database without a
/// [`DatabaseMarker`] is not ours: `create` refuses to take it over and `drop` to remove it. What an interrupted call has
/// left is completed, or removed, by the next one. Errors are [`Error::Database`], or [`Error::Locked`] where another run
/// holds the same database for too long.
#[cfg_attr(feature = "test-util", mockall::automock)]
#[async_trait]
pub trait DatabaseAdmin: Send + Sync {
    /// Whether there is a database of that name, whoever made it.
    ///
    /// # Errors
    ///
    /// [`Error::Database`].
    async fn exists(&self, name: &DatabaseName) -> Result<bool>;

    /// Makes database, owner and marker, as far as they are not there.
    ///
    /// # Errors
    ///
    /// [`Error::Database`], also if a database of that name is not ours; [`Error::NotFound`] without the template.
    async fn create(&self, request: &CreateDatabase) -> Result<Created>;

    /// Ends every connection, and removes the database and its owner.
    ///
    /// # Errors
    ///
    /// [`Error::Database`], also if the database is not ours, or not what the request says.
    async fn drop(&self, request: &DropDatabase) -> Result<Dropped>;

    /// Every database but the server's own, by name.
    ///
    /// # Errors
    ///
    /// [`Error::Database`].
    async fn list(&self) -> Result<Vec<Database>>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_postgres_keeps_whole_and_nobody_has_to_escape() {
        for good in ["a", "alpha-db", "_x", "A1", &"a".repeat(63)] {
            assert!(good.parse::<DatabaseName>().is_ok(), "{good}");
        }
        for bad in ["", "1a", "-a", "a;b", "a\"b", "a'b", "ä", "a b", "a\0", "a/b", &"a".repeat(64)] {
            let error = bad.parse::<RoleName>().expect_err(bad);
            assert!(matches!(error, Error::Invalid(_)) && error.detail().hint.is_some(), "{error}");
        }
    }

    #[test]
    fn a_marker_survives_its_comment_and_members_of_the_future() {
        let environment: EnvironmentName = "alpha".parse().expect("valid");
        let at: Timestamp = "2026-11-21T06:00:00Z".parse().expect("valid");
        let marker = DatabaseMarker::for_environment(&environment, at).with_creator(Some("me".into()));
        let text = serde_json::to_string(&marker).expect("JSON");
        assert_eq!(text, r#"{"environment":"alpha","creator":"me","created_at":"2026-11-21T06:00:00Z"}"#);
        let newer = text.replace('{', r#"{"newer":1,"#);
        assert_eq!(serde_json::from_str::<DatabaseMarker>(&newer).expect("JSON"), marker);
    }
}
