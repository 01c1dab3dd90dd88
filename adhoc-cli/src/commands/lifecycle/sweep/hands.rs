//! What a sweep does its work with.

use adhoc_core::{
    DatabaseAdmin, DatabaseRecord, DropDatabase, EnvironmentName, EnvironmentTags, Result, Warning, async_trait,
};
use tokio::sync::OnceCell;

use crate::commands::Session;
use crate::commands::db::Databases;
use crate::commands::infrastructure::{Driver, Root, destroy_environment};
use crate::notifications::{ExpiryWarning, Notifier};

/// What a sweep does its work with. Each is safe to repeat.
#[async_trait]
pub(super) trait Hands: Send + Sync {
    /// Destroys an environment with everything in it.
    async fn destroy(&self, environment: &EnvironmentName, why: &str) -> Result<()>;

    /// Drops a database that is all there is of an environment.
    async fn drop_database(&self, environment: &EnvironmentName, database: &DatabaseRecord) -> Result<()>;

    /// Deletes an empty workspace.
    async fn delete_workspace(&self, environment: &EnvironmentName) -> Result<()>;

    /// Tells an owner that an environment ends soon, and notes that.
    async fn warn(&self, warning: &Warning) -> Result<()>;
}

/// The real ones.
pub(super) struct SessionHands<'a> {
    session: &'a Session,
    driver: Driver,
    databases: OnceCell<Databases>,
}

impl<'a> SessionHands<'a> {
    pub(super) fn new(session: &'a Session) -> Self {
        let driver = Driver::new(Root::Environments, &session.global, &session.config, &[]);
        Self { session, driver, databases: OnceCell::new() }
    }

    /// Ends what would outlive this program.
    pub(super) async fn close(&self) {
        if let Some(databases) = self.databases.get() {
            databases.close().await;
        }
    }

    async fn databases(&self) -> Result<&Databases> {
        let session = self.session;
        self.databases.get_or_try_init(|| Databases::open(&session.cx, &session.global, &session.config)).await
    }
}

#[async_trait]
impl Hands for SessionHands<'_> {
    async fn destroy(&self, environment: &EnvironmentName, why: &str) -> Result<()> {
        self.session.cx.hint(format!("{environment} is destroyed: {why}"));
        destroy_environment(&self.session.for_environment(environment).await?, environment).await
    }

    async fn drop_database(&self, environment: &EnvironmentName, database: &DatabaseRecord) -> Result<()> {
        let request = DropDatabase::of_environment(environment.clone(), database.name.parse()?, database.role.parse()?);
        let drop = async { self.databases().await?.admin.drop(&request).await };
        self.session.cx.step(&format!("drop {}", database.name), drop).await.map(|_| ())
    }

    async fn delete_workspace(&self, environment: &EnvironmentName) -> Result<()> {
        self.driver.workspaces.delete_workspace(&self.session.cx, environment).await
    }

    async fn warn(&self, warning: &Warning) -> Result<()> {
        let session = self.session;
        let owner = warning.owner.as_deref().map_or(String::new(), |owner| format!("{owner}: "));
        session.cx.hint(format!("{owner}{}", warning.message));
        let told = ExpiryWarning {
            environment: warning.environment.to_string(),
            owner: warning.owner.clone(),
            expires_at: warning.expires_at,
            url: session.config.health.url_of(&warning.environment, &session.config.project),
        };
        Notifier::new(session.cx.clone(), &session.config.notifications)?.warn(&told).await?;
        let mut tags = EnvironmentTags::default();
        tags.warned_at = Some(session.cx.clock().now());
        let cluster = session.config.conventions.cluster(&warning.environment);
        session.clusters.tag(&cluster, &tags.write()).await
    }
}
