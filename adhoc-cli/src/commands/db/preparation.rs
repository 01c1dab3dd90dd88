use adhoc_core::{Context, DatabaseMarker, DatabaseName, EnvironmentName, Result, Timestamp, async_trait};
use adhoc_ecs::Preparation;

use super::access::Databases;
use super::change::creator;
use crate::args::GlobalArgs;
use crate::config::Config;

/// An environment's database, there before its first migration.
pub(crate) struct EnsureDatabase {
    name: String,
    environment: EnvironmentName,
    global: GlobalArgs,
    config: Config,
    owner: Option<String>,
    expires_at: Option<Timestamp>,
}

impl EnsureDatabase {
    /// The database of `environment`.
    ///
    /// # Errors
    ///
    /// [`adhoc_core::Error::Invalid`] if the conventions make no valid name for it.
    pub(crate) fn new(environment: &EnvironmentName, global: &GlobalArgs, config: &Config) -> Result<Self> {
        let database: DatabaseName = config.conventions.database(environment)?;
        let name = format!("database {database}");
        Ok(Self {
            name,
            environment: environment.clone(),
            global: global.clone(),
            config: config.clone(),
            owner: creator(),
            expires_at: None,
        })
    }

    /// Sets whose it is, if that is known better.
    pub(crate) fn with_owner(mut self, owner: Option<String>) -> Self {
        self.owner = owner.or(self.owner);
        self
    }

    /// Sets after when it may be swept away.
    pub(crate) fn with_expiry(mut self, expires_at: Option<Timestamp>) -> Self {
        self.expires_at = expires_at;
        self
    }
}

#[async_trait]
impl Preparation for EnsureDatabase {
    fn name(&self) -> &str {
        &self.name
    }

    async fn prepare(&self, cx: &Context) -> Result<()> {
        let databases = Databases::open(cx, &self.global, &self.config).await?;
        let account = databases.account(&self.environment)?;
        let marker = DatabaseMarker::for_environment(&self.environment, cx.clock().now())
            .with_creator(self.owner.clone())
            .with_expiry(self.expires_at);
        let request = databases.request(&account, marker).with_template(databases.config.template.clone());
        let ensured = adhoc_db::ensure_database(cx, &databases.admin, &*databases.passwords, &account, request).await;
        databases.close().await;
        ensured.map(drop)
    }
}
