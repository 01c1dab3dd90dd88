//! Acting as the role of an environment's account.

use std::time::{Duration, UNIX_EPOCH};

use adhoc_core::{Clock, Error, Result, SystemClock};
use aws_config::SdkConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use tokio::sync::Mutex;

use crate::commands::creator;
use crate::config::Account;

/// How long before their end credentials are replaced.
const MARGIN: Duration = Duration::from_secs(5 * 60);
/// What STS takes for a session's name, at most.
const LONGEST_NAME: usize = 64;

/// With the credentials of `role`, which those of `own` let us assume.
///
/// # Errors
///
/// [`Error::PermissionDenied`] if it cannot be assumed: asked here, where the role can be named.
pub(super) async fn assumed(own: &SdkConfig, role: &str, account: &Account) -> Result<SdkConfig> {
    let mut builder = AssumeRoleProvider::builder(role).session_name(session_name(creator())).configure(own);
    if let Some(id) = &account.external_id {
        builder = builder.external_id(id);
    }
    let provider = Remembered { role: builder.build().await, credentials: Mutex::default() };
    provider.credentials().await.map_err(|error| {
        Error::permission_denied("AssumeRole", role, "this role cannot be assumed").with_source(error).with_hint(
            "its trust policy has to name you, and `external_id` in adhoc.toml what the policy asks for; \
             `aws sts get-caller-identity` shows who you are",
        )
    })?;
    Ok(own.to_builder().credentials_provider(SharedCredentialsProvider::new(provider)).build())
}

/// The variables in which other programs take these credentials.
///
/// # Errors
///
/// [`Error::PermissionDenied`] if there are none.
pub(super) async fn variables(sdk: &SdkConfig) -> Result<Vec<(String, String)>> {
    let missing = || Error::permission_denied("", "", "no AWS credentials");
    let provider = sdk.credentials_provider().ok_or_else(missing)?;
    let credentials = provider.provide_credentials().await.map_err(|error| missing().with_source(error))?;
    let values = [
        ("AWS_ACCESS_KEY_ID", Some(credentials.access_key_id())),
        ("AWS_SECRET_ACCESS_KEY", Some(credentials.secret_access_key())),
        ("AWS_SESSION_TOKEN", credentials.session_token()),
    ];
    Ok(values.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned()))).collect())
}

/// `adhoc-USER`, which CloudTrail shows in the other account.
fn session_name(user: Option<String>) -> String {
    let fits = |c: &char| c.is_ascii_alphanumeric() || "_=,.@-".contains(*c);
    let user: String = user.unwrap_or_default().chars().filter(fits).collect();
    let name = if user.is_empty() { "adhoc".to_owned() } else { format!("adhoc-{user}") };
    name.chars().take(LONGEST_NAME).collect()
}

/// Assumes a role once for all clients: each has a cache of its own.
#[derive(Debug)]
struct Remembered {
    role: AssumeRoleProvider,
    credentials: Mutex<Option<Credentials>>,
}

impl Remembered {
    async fn credentials(&self) -> aws_credential_types::provider::Result {
        let mut kept = self.credentials.lock().await;
        match kept.as_ref().filter(|credentials| is_fresh(credentials)) {
            Some(credentials) => Ok(credentials.clone()),
            None => {
                let credentials = self.role.provide_credentials().await?;
                Ok(kept.insert(credentials).clone())
            }
        }
    }
}

fn is_fresh(credentials: &Credentials) -> bool {
    let now = u64::try_from(SystemClock::new().now().as_second()).unwrap_or_default();
    let end = credentials.expiry().and_then(|end| end.duration_since(UNIX_EPOCH).ok());
    end.is_none_or(|end| end > Duration::from_secs(now) + MARGIN)
}

impl ProvideCredentials for Remembered {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.credentials())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_named_after_who_runs_this() {
        let name = |user: &str| session_name(Some(user.to_owned()));
        assert_eq!(name("jane.doe"), "adhoc-jane.doe");
        assert_eq!(name("dependabot[bot]"), "adhoc-dependabotbot");
        assert_eq!(session_name(None), "adhoc");
        assert_eq!(name(&"x".repeat(99)).len(), 64);
    }
}
