//! Logging in with a token instead of a password.

use adhoc_core::{Credentials, Error, Result, SecretString};
use async_trait::async_trait;
use aws_sdk_rds::auth_token::{AuthTokenGenerator, Config};
use aws_types::SdkConfig;

use crate::CredentialSource;

/// A token of fifteen minutes for a user that is a member of `rds_iam`, signed for the server's real endpoint. The server
/// takes it over TLS only. See <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.IAMDBAuth.html>.
#[derive(Clone)]
pub struct IamToken {
    config: SdkConfig,
    host: String,
    port: u16,
    user: String,
}

impl IamToken {
    /// Tokens of `user` for the server at `host`, with the credentials of `config`.
    pub fn new(config: &SdkConfig, host: impl Into<String>, port: u16, user: impl Into<String>) -> Self {
        Self { config: config.clone(), host: host.into(), port, user: user.into() }
    }
}

#[async_trait]
impl CredentialSource for IamToken {
    async fn credentials(&self, _: bool) -> Result<Credentials> {
        let failed = |reason: String| {
            Error::permission_denied("sign a token", format!("{}@{}", self.user, self.host), reason)
                .with_hint("`auth = \"iam\"` needs AWS credentials that may do rds-db:connect")
        };
        let config = Config::builder().hostname(&self.host).port(self.port.into()).username(&self.user).build();
        let config = config.map_err(|error| failed(error.to_string()))?;
        let token = AuthTokenGenerator::new(config).auth_token(&self.config).await;
        let token = token.map_err(|error| failed(error.to_string()))?;
        Ok(Credentials::new(&self.user, SecretString::from(token.as_str().to_owned())))
    }
}
