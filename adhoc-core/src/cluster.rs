//! Clusters and the tags that they carry.

use std::collections::BTreeMap;

use async_trait::async_trait;

use crate::{ClusterName, Result};

/// Tags, by key.
pub type Tags = BTreeMap<String, String>;

/// Reads clusters, and writes their tags: what is known of an environment's life is kept there.
///
/// # Contract
///
/// `list` gives every ACTIVE cluster of the account and region, in whatever pages the backend has. `describe` tells a cluster that
/// is gone from one that cannot be read. `tag` leaves other keys as they are, and both writes are safe to repeat.
#[cfg_attr(feature = "test-util", mockall::automock)]
#[async_trait]
pub trait Clusters: Send + Sync {
    /// Every ACTIVE cluster, with its tags.
    ///
    /// # Errors
    ///
    /// Those of the backend.
    async fn list(&self) -> Result<Vec<Cluster>>;

    /// One cluster, with its tags.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`](crate::Error::NotFound) where there is none, or an INACTIVE one.
    async fn describe(&self, cluster: &ClusterName) -> Result<Cluster>;

    /// Sets tags. Cancelling may leave them set.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`](crate::Error::NotFound) where there is no such cluster;
    /// [`Error::Rejected`](crate::Error::Rejected) for a key or value that the backend does not take.
    async fn tag(&self, cluster: &ClusterName, tags: &Tags) -> Result<()>;

    /// Removes tags; those that are not there are as good as removed.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`](crate::Error::NotFound) where there is no such cluster.
    async fn untag(&self, cluster: &ClusterName, keys: &[String]) -> Result<()>;
}

/// A cluster as ECS sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cluster {
    /// Its name.
    pub name: ClusterName,
    /// Its ARN.
    pub arn: String,
    /// Its tags.
    pub tags: Tags,
    /// How many services it has that are not gone.
    pub services: u32,
    /// How many tasks run.
    pub running_tasks: u32,
    /// How many are starting.
    pub pending_tasks: u32,
}

impl Cluster {
    /// A cluster without tags, services and tasks.
    #[must_use]
    pub fn new(name: ClusterName, arn: impl Into<String>) -> Self {
        Self { name, arn: arn.into(), tags: Tags::new(), services: 0, running_tasks: 0, pending_tasks: 0 }
    }

    /// Sets its tags.
    #[must_use]
    pub fn with_tags(mut self, tags: Tags) -> Self {
        self.tags = tags;
        self
    }

    /// Sets how many services it has, and how many tasks run.
    #[must_use]
    pub fn with_counts(mut self, services: u32, running_tasks: u32) -> Self {
        (self.services, self.running_tasks) = (services, running_tasks);
        self
    }
}
