//! Clusters in memory.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::{Cluster, ClusterName, Clusters, Error, Result, Tags, async_trait};

/// Clusters that keep their tags.
#[derive(Debug, Default)]
pub struct FakeClusters {
    clusters: Mutex<BTreeMap<String, Cluster>>,
}

impl FakeClusters {
    /// Adds a cluster, or replaces the one of its name.
    pub fn insert(&self, cluster: Cluster) {
        self.lock().insert(cluster.name.to_string(), cluster);
    }

    /// Removes a cluster.
    pub fn remove(&self, name: &ClusterName) {
        self.lock().remove(name.as_str());
    }

    /// The tags of a cluster; none if it is not there.
    #[must_use]
    pub fn tags(&self, name: &ClusterName) -> Tags {
        self.lock().get(name.as_str()).map(|cluster| cluster.tags.clone()).unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Cluster>> {
        self.clusters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, operation: &'static str, name: &ClusterName, change: impl FnOnce(&mut Tags)) -> Result<()> {
        match self.lock().get_mut(name.as_str()) {
            Some(cluster) => {
                change(&mut cluster.tags);
                Ok(())
            }
            None => Err(missing(operation, name)),
        }
    }
}

fn missing(operation: &'static str, name: &ClusterName) -> Error {
    Error::not_found(operation, format!("cluster {name}"), "is not there")
}

#[async_trait]
impl Clusters for FakeClusters {
    async fn list(&self) -> Result<Vec<Cluster>> {
        Ok(self.lock().values().cloned().collect())
    }

    async fn describe(&self, cluster: &ClusterName) -> Result<Cluster> {
        self.lock().get(cluster.as_str()).cloned().ok_or_else(|| missing("DescribeClusters", cluster))
    }

    async fn tag(&self, cluster: &ClusterName, tags: &Tags) -> Result<()> {
        self.change("TagResource", cluster, |old| old.extend(tags.clone()))
    }

    async fn untag(&self, cluster: &ClusterName, keys: &[String]) -> Result<()> {
        self.change("UntagResource", cluster, |old| old.retain(|key, _| !keys.contains(key)))
    }
}
