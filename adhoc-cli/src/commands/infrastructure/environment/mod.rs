//! An environment's whole way in and out of the world: infrastructure, database, releases, health.

mod create;
mod destroy;
mod health;
mod release;

use adhoc_core::{Clusters, Error, Result};
use adhoc_ecs::{Ecs, Environment};

pub(super) use self::create::create;
pub(super) use self::destroy::destroy;
use super::{Site, confirm, ensure_answerable};
use crate::commands::Session;

/// What an environment of [`Site`] is worked on with, once its infrastructure is there.
struct Place<'a> {
    site: &'a Site<'a>,
    session: Session,
    environment: Environment,
}

impl<'a> Place<'a> {
    /// Reads nothing yet.
    async fn open(site: &'a Site<'a>) -> Result<Self> {
        let sdk = crate::aws::sdk_config(site.global, site.config).await?;
        let session = Session::on(site.cx.clone(), site.config.clone(), site.global.clone(), sdk, site.typed);
        let environment = session.environment(&site.environment);
        Ok(Self { site, session, environment })
    }

    fn ecs(&self) -> &Ecs {
        &self.session.ecs
    }

    fn clusters(&self) -> &dyn Clusters {
        &*self.session.clusters
    }
}

/// Refuses to touch an environment that the configuration, or its own tag, protects.
fn protected(environment: &str, by: &str) -> Error {
    Error::invalid("", environment, format!("is protected by {by}"))
        .with_hint("take the protection away first, if that is what you want")
}

/// Refuses what `[lifecycle]` protects.
fn ensure_not_protected(site: &Site<'_>) -> Result<()> {
    let name = site.environment.as_str();
    match site.config.lifecycle.protected.iter().any(|protected| protected == name) {
        true => Err(protected(name, "[lifecycle] in adhoc.toml")),
        false => Ok(()),
    }
}
