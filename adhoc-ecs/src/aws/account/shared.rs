use std::collections::BTreeSet;

use adhoc_core::{Conventions, Error, Result, SharedUsage};
use aws_sdk_ec2::types::{NatGateway, NatGatewayState, Subnet};
use aws_sdk_elasticloadbalancingv2::types::{LoadBalancer, LoadBalancerSchemeEnum, LoadBalancerTypeEnum};
use aws_types::SdkConfig;

use super::routes::filter;
use crate::aws::error::from_sdk;

/// The network that environments share, and what stands in it: found by the tags of its private subnets.
#[derive(Clone)]
pub struct AwsShared {
    ec2: aws_sdk_ec2::Client,
    balancers: aws_sdk_elasticloadbalancingv2::Client,
    conventions: Conventions,
}

impl AwsShared {
    /// With the region, credentials and endpoint of `config`.
    #[must_use]
    pub fn on_aws(config: &SdkConfig, conventions: &Conventions) -> Self {
        Self {
            ec2: aws_sdk_ec2::Client::new(config),
            balancers: aws_sdk_elasticloadbalancingv2::Client::new(config),
            conventions: conventions.clone(),
        }
    }

    /// How many load balancers, NAT gateways and public addresses there are, as far as that could be read, and what kept it
    /// from being read. Databases and instances are not looked for.
    pub async fn usage(&self) -> (SharedUsage, Vec<Error>) {
        let mut usage = SharedUsage::default();
        let subnets = match self.subnets().await {
            Ok(subnets) => subnets,
            Err(error) => return (usage, vec![error]),
        };
        let vpcs = vpcs(&subnets);
        let (balancers, gateways) = tokio::join!(self.load_balancers(&vpcs), self.nat_gateways(&vpcs));
        let mut problems = Vec::new();
        match balancers {
            Ok(found) => {
                usage.load_balancers = count(found.len());
                usage.public_addresses += count(found.iter().map(addresses).sum());
            }
            Err(error) => problems.push(error),
        }
        match gateways {
            Ok(found) => {
                usage.nat_gateways = count(found.len());
                let public = |gateway: &NatGateway| {
                    gateway.nat_gateway_addresses().iter().filter(|address| address.public_ip().is_some()).count()
                };
                usage.public_addresses += count(found.iter().map(public).sum());
            }
            Err(error) => problems.push(error),
        }
        (usage, problems)
    }

    /// The private subnets.
    pub(super) async fn subnets(&self) -> Result<Vec<Subnet>> {
        let tags = self.conventions.subnet_tags();
        let filters = tags.iter().map(|(key, value)| filter(&format!("tag:{key}"), [value.clone()])).collect();
        let request = self.ec2.describe_subnets().set_filters(Some(filters));
        let found: Vec<Subnet> = request
            .into_paginator()
            .items()
            .send()
            .collect::<std::result::Result<_, _>>()
            .await
            .map_err(|error| from_sdk("DescribeSubnets", "", &error))?;
        match found.is_empty() {
            false => Ok(found),
            true => {
                let tags: Vec<String> = tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
                Err(Error::not_found("", "subnets", format!("none carries the tags {}", tags.join(" and ")))
                    .with_hint("name the shared environment with --shared, or the tags in adhoc.toml under [names]"))
            }
        }
    }

    /// The application load balancers of these VPCs.
    pub(super) async fn load_balancers(&self, vpcs: &BTreeSet<String>) -> Result<Vec<LoadBalancer>> {
        let found: Vec<LoadBalancer> = self
            .balancers
            .describe_load_balancers()
            .into_paginator()
            .items()
            .send()
            .collect::<std::result::Result<_, _>>()
            .await
            .map_err(|error| from_sdk("DescribeLoadBalancers", "", &error))?;
        let ours = |balancer: &LoadBalancer| {
            balancer.r#type() == Some(&LoadBalancerTypeEnum::Application)
                && balancer.vpc_id().is_some_and(|vpc| vpcs.contains(vpc))
        };
        Ok(found.into_iter().filter(ours).collect())
    }

    async fn nat_gateways(&self, vpcs: &BTreeSet<String>) -> Result<Vec<NatGateway>> {
        let request = self.ec2.describe_nat_gateways().filter(filter("vpc-id", vpcs.clone()));
        let found: Vec<NatGateway> = request
            .into_paginator()
            .items()
            .send()
            .collect::<std::result::Result<_, _>>()
            .await
            .map_err(|error| from_sdk("DescribeNatGateways", "", &error))?;
        Ok(found.into_iter().filter(|gateway| gateway.state() == Some(&NatGatewayState::Available)).collect())
    }
}

pub(super) fn vpcs(subnets: &[Subnet]) -> BTreeSet<String> {
    subnets.iter().filter_map(|subnet| subnet.vpc_id().map(str::to_owned)).collect()
}

/// A balancer that is reached from the internet has at least one public address in each zone.
fn addresses(balancer: &LoadBalancer) -> usize {
    match balancer.scheme() {
        Some(LoadBalancerSchemeEnum::InternetFacing) => balancer.availability_zones().len(),
        _ => 0,
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
