//! How this program reaches AWS: the SDK's own configuration chain, one TLS stack, and the options of the command line.

mod role;

use std::time::Duration;

use adhoc_core::{Error, Result};
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::http::SharedHttpClient;

use crate::args::GlobalArgs;
use crate::config::Config;

/// How often a request is tried in all.
const ATTEMPTS: u32 = 4;

/// The configuration for every AWS client: options before file before environment and profile, and the role of the environment
/// that `config` is for, if it has one.
///
/// # Errors
///
/// [`Error::Invalid`] without a region, or with an unreadable `AWS_CA_BUNDLE`; [`Error::PermissionDenied`] if the role cannot be
/// assumed.
pub(crate) async fn sdk_config(global: &GlobalArgs, config: &Config) -> Result<SdkConfig> {
    let own = own_config(global, config).await?;
    match &config.account.assume_role {
        Some(role) => role::assumed(&own, role, &config.account).await,
        None => Ok(own),
    }
}

/// The variables with the credentials of the environment's role, for other programs; none where it has no role.
///
/// # Errors
///
/// Those of [`sdk_config`].
pub(crate) async fn role_variables(global: &GlobalArgs, config: &Config) -> Result<Vec<(String, String)>> {
    match &config.account.assume_role {
        Some(_) => role::variables(&sdk_config(global, config).await?).await,
        None => Ok(Vec::new()),
    }
}

async fn own_config(global: &GlobalArgs, config: &Config) -> Result<SdkConfig> {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(5))
        .operation_attempt_timeout(Duration::from_secs(30))
        .build();
    let client = http_client(trusted()?);
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(client.clone())
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
        .timeout_config(timeouts);
    if let Some(profile) = &global.profile {
        loader = loader.profile_name(profile);
    }
    if let Some(region) = global.region.as_ref().or(config.region()) {
        loader = loader.region(Region::new(region.clone()));
    }
    let sdk = loader.load().await;
    if sdk.region().is_none() {
        return Err(Error::invalid("", "", "no AWS region is set")
            .with_hint("give --region, set AWS_REGION, or name one in adhoc.toml under [project]"));
    }
    match &global.profile {
        Some(profile) => with_profile(&sdk, profile, client).await,
        None => Ok(sdk),
    }
}

/// With the credentials of the profile that was asked for, and of nothing else: the SDK's own chain would take those of the
/// environment first, and so might act in another account.
async fn with_profile(sdk: &SdkConfig, profile: &str, client: SharedHttpClient) -> Result<SdkConfig> {
    let surroundings = ProviderConfig::without_region().with_region(sdk.region().cloned()).with_http_client(client);
    let provider = ProfileFileCredentialsProvider::builder().profile_name(profile).configure(&surroundings).build();
    // Asked here, where the profile can be named: later the SDK only says that there are none.
    provider.provide_credentials().await.map_err(|error| {
        Error::permission_denied("", format!("profile {profile:?}"), "gives no AWS credentials")
            .with_source(error)
            .with_hint("`aws configure list-profiles` shows the profiles; an SSO profile needs `aws sso login` first")
    })?;
    Ok(sdk.to_builder().credentials_provider(SharedCredentialsProvider::new(provider)).build())
}

/// rustls with ring, the system's roots and `AWS_CA_BUNDLE`, and the proxies of the environment.
fn http_client(tls: TlsContext) -> SharedHttpClient {
    Builder::new().build_with_connector_fn(move |settings, _| {
        let mut connector = Connector::builder()
            .proxy_config(ProxyConfig::from_env())
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .tls_context(tls.clone());
        connector.set_connector_settings(settings.cloned());
        connector.build()
    })
}

fn trusted() -> Result<TlsContext> {
    let mut store = TrustStore::default();
    if let Some(path) = std::env::var_os("AWS_CA_BUNDLE").filter(|path| !path.is_empty()) {
        let invalid = |reason: String| Error::invalid("", format!("AWS_CA_BUNDLE {}", path.display()), reason);
        let pem = std::fs::read(&path).map_err(|error| invalid("cannot be read".to_owned()).with_source(error))?;
        store.add_pem_certificate(pem);
    }
    TlsContext::builder()
        .with_trust_store(store)
        .build()
        .map_err(|error| Error::invalid("", "AWS_CA_BUNDLE", "holds no usable certificate").with_source(error))
}

/// The configuration for the embedded AWS at `endpoint`: nothing of the machine's own AWS configuration takes part, so that
/// no request can go astray.
///
/// # Errors
///
/// [`Error::Invalid`] with an unreadable `AWS_CA_BUNDLE`.
pub(crate) fn loopback_config(endpoint: &str) -> Result<SdkConfig> {
    let credentials = Credentials::new("test", "test", None, None, "adhoc-local");
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .endpoint_url(endpoint)
        .http_client(http_client(trusted()?))
        .region(Region::new("us-east-1"))
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()));
    Ok(config.build())
}
