//! Putting an environment to sleep, and waking it: every service to 0 and back, the counts remembered in the tags of its cluster.

mod stop;
mod wake;

use std::collections::BTreeMap;
use std::time::Duration;

use adhoc_core::{Cluster, Clusters, Error, Outcome, Result, Service, ServiceSummary, Summary};

use crate::{Ecs, Environment};

pub use self::stop::stop;
pub use self::wake::wake;

/// What is put to sleep, or woken.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SleepRequest {
    /// The environment.
    pub environment: Environment,
    /// How long it may take. Default 10 minutes.
    pub timeout: Duration,
}

impl SleepRequest {
    /// An environment to be put to sleep, or woken.
    #[must_use]
    pub fn new(environment: Environment) -> Self {
        Self { environment, timeout: Duration::from_secs(10 * 60) }
    }

    /// Sets how long it may take.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

/// A service whose count was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CountChange {
    /// Its name.
    pub service: String,
    /// The count before.
    pub from: u32,
    /// The count now.
    pub to: u32,
}

/// What was put to sleep or woken, whether that succeeded or not.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct SleepReport {
    /// The services whose count was changed.
    pub changed: Vec<CountChange>,
    /// How each service started, where it was woken.
    pub services: Vec<ServiceSummary>,
    /// Why it did not succeed.
    pub error: Option<Error>,
}

impl SleepReport {
    /// How it ended.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        self.error.as_ref().map_or(Outcome::Succeeded, Outcome::from)
    }

    /// The summary of `command` with this report's contents.
    pub fn summary(&self, command: impl Into<String>) -> Summary {
        let mut summary = Summary::new(command);
        if let Some(error) = &self.error {
            summary = summary.with_error(error);
        }
        summary.services.clone_from(&self.services);
        summary
    }
}

/// The services of an environment that take a count, with the key under which each is remembered.
async fn countable(ecs: &Ecs, environment: &Environment) -> Result<BTreeMap<String, Service>> {
    let cluster = environment.cluster();
    let names = ecs.services.list(&cluster).await?;
    let services = ecs.services.describe(&cluster, &names).await?;
    let services = services.into_iter().filter(|service| service.is_active() && !service.daemon);
    Ok(services.map(|service| (key(environment, &service), service)).collect())
}

/// The role; the name, after a slash, of a service that has none.
fn key(environment: &Environment, service: &Service) -> String {
    let role = environment.conventions.role_of_service(&environment.name, &service.name);
    role.unwrap_or_else(|| format!("/{}", service.name))
}

/// The environment's cluster, with its tags.
async fn cluster_of(clusters: &dyn Clusters, environment: &Environment) -> Result<Cluster> {
    let name = environment.cluster();
    clusters.describe(&name).await.map_err(|error| match error {
        Error::NotFound(_) => {
            Error::not_found("", format!("environment {}", environment.name), format!("cluster {name} is not there"))
                .with_hint("`adhoc list` shows what there is; check the region and the account, too")
        }
        other => other,
    })
}

#[cfg(test)]
mod tests;
