use adhoc_core::{Network, Result, async_trait};
use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::Filter;

use super::error::from_sdk;

/// Subnets and security groups in EC2.
#[derive(Clone)]
pub struct AwsNetwork {
    client: Client,
}

impl AwsNetwork {
    /// On the account and region of `client`.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { client }
    }
}

fn filters(tags: &[(String, String)]) -> Option<Vec<Filter>> {
    let filter = |(key, value): &(String, String)| Filter::builder().name(format!("tag:{key}")).values(value).build();
    Some(tags.iter().map(filter).collect())
}

fn sorted(ids: impl Iterator<Item = String>) -> Vec<String> {
    let mut ids: Vec<String> = ids.collect();
    ids.sort();
    ids
}

#[async_trait]
impl Network for AwsNetwork {
    async fn subnets(&self, tags: &[(String, String)]) -> Result<Vec<String>> {
        let pages = self.client.describe_subnets().set_filters(filters(tags)).into_paginator().items().send();
        let found: Vec<_> = pages
            .collect::<std::result::Result<_, _>>()
            .await
            .map_err(|error| from_sdk("DescribeSubnets", "", &error))?;
        Ok(sorted(found.into_iter().filter_map(|subnet: aws_sdk_ec2::types::Subnet| subnet.subnet_id)))
    }

    async fn security_groups(&self, tags: &[(String, String)]) -> Result<Vec<String>> {
        let pages = self.client.describe_security_groups().set_filters(filters(tags)).into_paginator().items().send();
        let found: Vec<_> = pages
            .collect::<std::result::Result<_, _>>()
            .await
            .map_err(|error| from_sdk("DescribeSecurityGroups", "", &error))?;
        Ok(sorted(found.into_iter().filter_map(|group: aws_sdk_ec2::types::SecurityGroup| group.group_id)))
    }
}
