use adhoc_core::{Cluster, ClusterName, Clusters, Error, Result, Tags, async_trait};
use aws_sdk_ecs::Client;
use aws_sdk_ecs::types::{self, ClusterField, Tag};
use futures_util::future::try_join_all;

use super::convert;
use super::error::from_sdk;

/// `DescribeClusters` takes no more.
const BATCH: usize = 100;

/// Clusters on AWS.
#[derive(Clone)]
pub struct AwsClusters {
    client: Client,
}

impl AwsClusters {
    /// On the account and region of `client`.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    /// With the region, credentials and endpoint of `config`.
    #[must_use]
    pub fn on_aws(config: &aws_types::SdkConfig) -> Self {
        Self::new(Client::new(config))
    }

    /// The ACTIVE ones of these, which are names or ARNs.
    async fn describe_batch(&self, clusters: &[String]) -> Result<Vec<Cluster>> {
        let request = self.client.describe_clusters().set_clusters(Some(clusters.to_vec())).include(ClusterField::Tags);
        let place = if let [one] = clusters { one.as_str() } else { "" };
        let reply = request.send().await.map_err(|error| from_sdk("DescribeClusters", place, &error))?;
        let failures = reply.failures().iter().filter(|failure| failure.reason() != Some("MISSING"));
        let failures: Vec<String> = failures.map(convert::failure).collect();
        if !failures.is_empty() {
            return Err(Error::rejected("DescribeClusters", place, failures.join("; ")));
        }
        Ok(reply.clusters().iter().filter(|it| it.status() == Some("ACTIVE")).map(cluster).collect())
    }
}

fn cluster(it: &types::Cluster) -> Cluster {
    let count = |count: i32| u32::try_from(count).unwrap_or_default();
    let tags =
        it.tags().iter().filter_map(|tag| Some((tag.key()?.to_owned(), tag.value().unwrap_or_default().to_owned())));
    let mut cluster =
        Cluster::new(ClusterName::new(it.cluster_name().unwrap_or_default()), it.cluster_arn().unwrap_or_default())
            .with_tags(tags.collect())
            .with_counts(count(it.active_services_count()), count(it.running_tasks_count()));
    cluster.pending_tasks = count(it.pending_tasks_count());
    cluster
}

#[async_trait]
impl Clusters for AwsClusters {
    async fn list(&self) -> Result<Vec<Cluster>> {
        let pages = self.client.list_clusters().into_paginator().items().send();
        let arns: Vec<String> =
            pages.collect::<std::result::Result<_, _>>().await.map_err(|error| from_sdk("ListClusters", "", &error))?;
        let batches = arns.chunks(BATCH).map(|batch| self.describe_batch(batch));
        Ok(try_join_all(batches).await?.into_iter().flatten().collect())
    }

    async fn describe(&self, cluster: &ClusterName) -> Result<Cluster> {
        let found = self.describe_batch(&[cluster.to_string()]).await?;
        found
            .into_iter()
            .next()
            .ok_or_else(|| Error::not_found("DescribeClusters", format!("cluster {cluster}"), "is not there"))
    }

    async fn tag(&self, cluster: &ClusterName, tags: &Tags) -> Result<()> {
        let arn = self.describe(cluster).await?.arn;
        let tags = tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect();
        let reply = self.client.tag_resource().resource_arn(arn).set_tags(Some(tags)).send().await;
        reply.map(drop).map_err(|error| from_sdk("TagResource", cluster.as_str(), &error))
    }

    async fn untag(&self, cluster: &ClusterName, keys: &[String]) -> Result<()> {
        let arn = self.describe(cluster).await?.arn;
        let reply = self.client.untag_resource().resource_arn(arn).set_tag_keys(Some(keys.to_vec())).send().await;
        reply.map(drop).map_err(|error| from_sdk("UntagResource", cluster.as_str(), &error))
    }
}
