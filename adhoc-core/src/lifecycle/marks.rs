//! The beginning and the end of what is done with an environment, written where others see it.

use std::time::Duration;

use jiff::Timestamp;

use super::{EnvironmentTags, TagKey, Unfinished};
use crate::{ClusterName, Clusters, Error, Result};

/// What is to be known of an environment that is made.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NewEnvironment {
    /// When this is.
    pub now: Timestamp,
    /// Whose it becomes; it stays whose it was if none.
    pub owner: Option<String>,
    /// Whose it becomes if it is nobody's.
    pub default_owner: Option<String>,
    /// After when it may be swept away; as before if none.
    pub expires_at: Option<Timestamp>,
    /// After when it may be swept away if it is new and nothing else is said.
    pub default_expiry: Option<Timestamp>,
    /// The greatest age that it may reach; any if none.
    pub max_age: Option<Duration>,
}

impl NewEnvironment {
    /// One of which nothing is said.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self { now, owner: None, default_owner: None, expires_at: None, default_expiry: None, max_age: None }
    }

    /// Sets whose it becomes, and whose if nobody has it yet.
    #[must_use]
    pub fn with_owner(mut self, owner: Option<String>, default: Option<String>) -> Self {
        (self.owner, self.default_owner) = (owner, default);
        self
    }

    /// Sets after when it may be swept away, and after when if it is new.
    #[must_use]
    pub fn with_expiry(mut self, expires_at: Option<Timestamp>, default: Option<Timestamp>) -> Self {
        (self.expires_at, self.default_expiry) = (expires_at, default);
        self
    }

    /// Sets the greatest age that it may reach: an expiry beyond it is brought forward.
    #[must_use]
    pub fn with_max_age(mut self, max_age: Option<Duration>) -> Self {
        self.max_age = max_age;
        self
    }

    /// The tags of a cluster that had `before`.
    fn applied(&self, before: &EnvironmentTags) -> EnvironmentTags {
        let is_new = before.created_at.is_none();
        let mut after = before.clone();
        after.owner = self.owner.clone().or(after.owner).or_else(|| self.default_owner.clone());
        after.created_at = after.created_at.or(Some(self.now));
        let latest = after.created_at.zip(self.max_age).and_then(|(made, age)| made.checked_add(age).ok());
        let expiry = self.expires_at.or(after.expires_at).or(self.default_expiry.filter(|_| is_new));
        after.expires_at = expiry.map(|expiry| latest.map_or(expiry, |latest| expiry.min(latest)));
        after.unfinished = Some(Unfinished::Create);
        after
    }
}

/// Writes down that an environment is being made, and what is to be known of it. Safe to repeat.
///
/// Gives the tags as they were before, and as they are now.
///
/// # Errors
///
/// Those of [`Clusters`]. Cancelling leaves the tags written, or not.
pub async fn begin_create(
    clusters: &dyn Clusters,
    cluster: &ClusterName,
    new: &NewEnvironment,
) -> Result<(EnvironmentTags, EnvironmentTags)> {
    let before = EnvironmentTags::read(&clusters.describe(cluster).await?.tags);
    let after = new.applied(&before);
    clusters.tag(cluster, &after.write()).await?;
    Ok((before, after))
}

/// Writes down that an environment is made. Safe to repeat.
///
/// # Errors
///
/// Those of [`Clusters`].
pub async fn finish_create(clusters: &dyn Clusters, cluster: &ClusterName) -> Result<()> {
    clusters.untag(cluster, &[TagKey::Unfinished.as_str().to_owned()]).await
}

/// Writes down that an environment is being destroyed. Gives its tags as they were before; none if its cluster is gone.
///
/// # Errors
///
/// Those of [`Clusters`]. Cancelling leaves the tag written, or not.
pub async fn begin_destroy(clusters: &dyn Clusters, cluster: &ClusterName) -> Result<Option<EnvironmentTags>> {
    let before = match clusters.describe(cluster).await {
        Ok(cluster) => EnvironmentTags::read(&cluster.tags),
        Err(Error::NotFound(_)) => return Ok(None),
        Err(error) => return Err(error),
    };
    let mark = [(TagKey::Unfinished.as_str().to_owned(), Unfinished::Destroy.to_string())];
    clusters.tag(cluster, &mark.into()).await?;
    Ok(Some(before))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Cluster;
    use crate::testing::FakeClusters;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("valid")
    }

    fn one_cluster() -> (FakeClusters, ClusterName) {
        let (clusters, name) = (FakeClusters::default(), ClusterName::new("alpha-cluster"));
        clusters.insert(Cluster::new(name.clone(), "arn"));
        (clusters, name)
    }

    #[tokio::test]
    async fn making_an_environment_twice_keeps_its_beginning_and_its_end() {
        let (clusters, name) = one_cluster();
        let first =
            NewEnvironment::new(at(100)).with_owner(None, Some("ada".to_owned())).with_expiry(None, Some(at(500)));
        let (before, after) = begin_create(&clusters, &name, &first).await.expect("tagged");
        assert_eq!((before.created_at, after.unfinished), (None, Some(Unfinished::Create)));
        finish_create(&clusters, &name).await.expect("tagged");
        let again =
            NewEnvironment::new(at(200)).with_owner(None, Some("bob".to_owned())).with_expiry(None, Some(at(600)));
        begin_create(&clusters, &name, &again).await.expect("tagged");
        let tags = EnvironmentTags::read(&clusters.tags(&name));
        assert_eq!(
            (tags.owner.as_deref(), tags.created_at, tags.expires_at),
            (Some("ada"), Some(at(100)), Some(at(500)))
        );
        let said =
            NewEnvironment::new(at(300)).with_owner(Some("cy".to_owned()), None).with_expiry(Some(at(900)), None);
        let (_, after) = begin_create(&clusters, &name, &said).await.expect("tagged");
        assert_eq!((after.owner.as_deref(), after.expires_at), (Some("cy"), Some(at(900))));
        let (_, after) =
            begin_create(&clusters, &name, &said.with_max_age(Some(Duration::from_secs(700)))).await.expect("tagged");
        assert_eq!(after.expires_at, Some(at(800)), "no older than that");
    }

    #[tokio::test]
    async fn what_is_gone_needs_no_mark() {
        let (clusters, name) = one_cluster();
        let tags = begin_destroy(&clusters, &name).await.expect("tagged").expect("there");
        assert!(!tags.protected);
        assert_eq!(clusters.tags(&name)["adhoc:unfinished"], "destroy");
        clusters.remove(&name);
        assert_eq!(begin_destroy(&clusters, &name).await.expect("gone"), None);
    }
}
