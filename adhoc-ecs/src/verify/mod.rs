//! Looking, before an update, for everything that it will need. Nothing is changed, and no check depends on another one's
//! success: what cannot be looked at is skipped and says why.

mod definitions;
mod finding;
mod images;
mod network;
mod services;
mod surge;

use adhoc_core::{Clusters, Context, Error, ImageChange, Outcome, Result};
use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt};

pub use self::finding::{Finding, FindingVerdict, outcome_of_findings};
use crate::account::Account;
use crate::{Ecs, Environment};

/// How many requests are under way at once: IAM takes few.
const AT_ONCE: usize = 8;

/// What is going to be updated, and to what.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct VerifyRequest {
    /// The environment.
    pub environment: Environment,
    /// The component; none is all of them.
    pub component: Option<String>,
    /// The image.
    pub image: ImageChange,
}

impl VerifyRequest {
    /// All components, with the images that they have.
    #[must_use]
    pub fn new(environment: Environment) -> Self {
        Self { environment, component: None, image: ImageChange::Keep }
    }

    /// One component only.
    #[must_use]
    pub fn with_component(mut self, component: Option<String>) -> Self {
        self.component = component;
        self
    }

    /// Another image.
    #[must_use]
    pub fn with_image(mut self, image: ImageChange) -> Self {
        self.image = image;
        self
    }

    /// The roles of one-off tasks and services, each once, and those of services only.
    fn roles(&self) -> Result<(Vec<String>, Vec<String>)> {
        let conventions = &self.environment.conventions;
        let components = match &self.component {
            Some(name) => vec![conventions.component(name)?],
            None => conventions.components.values().collect(),
        };
        let (mut all, mut services) = (Vec::new(), Vec::new());
        for component in components {
            component.roles().into_iter().for_each(|role| push_new(&mut all, role));
            component.services.iter().for_each(|role| push_new(&mut services, role));
        }
        Ok((all, services))
    }
}

fn push_new(roles: &mut Vec<String>, role: &str) {
    if !roles.iter().any(|known| known == role) {
        roles.push(role.to_owned());
    }
}

/// Checks everything that an update would need: cluster, task definitions, images, roles, secrets, log groups, services,
/// network and quota. In the order of an update; a missing cluster is the only finding, since nothing else can be there.
///
/// # Errors
///
/// [`Error::Invalid`] for a component that is not defined. What a check runs into is a finding.
pub async fn verify(
    cx: &Context,
    ecs: &Ecs,
    clusters: &dyn Clusters,
    account: &Account,
    request: &VerifyRequest,
) -> Result<Vec<Finding>> {
    let (roles, service_roles) = request.roles()?;
    let env = &request.environment;
    cx.step("verify", async {
        let cluster = cluster(clusters, env).await;
        if matches!(cluster.verdict, FindingVerdict::Failed(_)) {
            return Ok(vec![cluster]);
        }
        let (families, services) = tokio::join!(
            definitions::families(ecs, env, &roles, &request.image),
            services::services(ecs, env, &service_roles),
        );
        let (images, dependencies, network, surge) = tokio::join!(
            images::images(account, &families.found),
            definitions::dependencies(account, &families.found),
            network::network(ecs, account, env, &services.found),
            surge::surge(account, &families.found, &services.found),
        );
        let parts = [vec![cluster], families.findings, images, dependencies, services.findings, network, surge];
        Ok(parts.into_iter().flatten().collect())
    })
    .await
}

async fn cluster(clusters: &dyn Clusters, env: &Environment) -> Finding {
    let name = env.cluster();
    match clusters.describe(&name).await {
        Ok(cluster) => Finding::ok("cluster", name.as_str(), format!("ACTIVE, {} services", cluster.services)),
        Err(Error::NotFound(_)) => Finding::failed("cluster", name.as_str(), Outcome::NotFound, "is not there")
            .with_hint("check the environment's name, the region and the account"),
        Err(error) => Finding::of_error("cluster", name.as_str(), "ecs", &error),
    }
}

/// Runs checks, some at once, and gives back what they found in the order of the checks.
async fn in_order<F: Future<Output = Finding>>(checks: impl IntoIterator<Item = F>) -> Vec<Finding> {
    stream::iter(checks).buffered(AT_ONCE).collect().await
}

/// What was found, and what of it is there to go on with.
struct Found<T> {
    findings: Vec<Finding>,
    found: Vec<T>,
}

/// Runs look-ups at once, and keeps what they find in order.
async fn look_up<T, F: Future<Output = (Vec<Finding>, Option<T>)>>(look_ups: impl IntoIterator<Item = F>) -> Found<T> {
    let (findings, found): (Vec<_>, Vec<_>) = join_all(look_ups).await.into_iter().unzip();
    Found { findings: findings.into_iter().flatten().collect(), found: found.into_iter().flatten().collect() }
}
