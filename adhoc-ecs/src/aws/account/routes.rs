use std::collections::{BTreeMap, BTreeSet};

use adhoc_core::{Result, Routes, Subnet, WayOut, async_trait};
use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{self, Filter, Route, RouteState, RouteTable, VpcEndpoint, VpcEndpointType};
use aws_types::SdkConfig;

use crate::aws::error::from_sdk;

/// Subnets and routes in EC2.
#[derive(Clone)]
pub struct AwsRoutes {
    client: Client,
}

impl AwsRoutes {
    /// With the region, credentials and endpoint of `config`.
    #[must_use]
    pub fn on_aws(config: &SdkConfig) -> Self {
        Self { client: Client::new(config) }
    }
}

pub(super) fn filter(name: &str, values: impl IntoIterator<Item = String>) -> Filter {
    Filter::builder().name(name).set_values(Some(values.into_iter().collect())).build()
}

pub(super) fn subnet(it: &types::Subnet) -> Subnet {
    let free = it.available_ip_address_count().and_then(|count| u32::try_from(count).ok());
    Subnet::new(it.subnet_id().unwrap_or_default(), it.vpc_id().unwrap_or_default(), free.unwrap_or_default())
}

/// The table that a subnet is associated with, else the main one of its VPC. See
/// <https://docs.aws.amazon.com/vpc/latest/userguide/subnet-route-tables.html>.
fn table_of<'a>(tables: &'a [RouteTable], subnet: &Subnet) -> Option<&'a RouteTable> {
    let own = |table: &&RouteTable| table.associations().iter().any(|it| it.subnet_id() == Some(&subnet.id));
    let main = |table: &&RouteTable| {
        table.vpc_id() == Some(&subnet.vpc) && table.associations().iter().any(|it| it.main() == Some(true))
    };
    tables.iter().find(own).or_else(|| tables.iter().find(main))
}

fn way_out(table: &RouteTable) -> WayOut {
    let default = table.routes().iter().find(|route| route.destination_cidr_block() == Some("0.0.0.0/0"));
    default.map_or(WayOut::None, through)
}

fn through(route: &Route) -> WayOut {
    let others = [
        route.transit_gateway_id(),
        route.network_interface_id(),
        route.instance_id(),
        route.vpc_peering_connection_id(),
        route.local_gateway_id(),
        route.carrier_gateway_id(),
        route.core_network_arn(),
        route.gateway_id(),
    ];
    match route.gateway_id() {
        _ if route.state() == Some(&RouteState::Blackhole) => WayOut::Blackhole,
        _ if route.nat_gateway_id().is_some() => WayOut::Nat,
        Some(gateway) if gateway.starts_with("igw-") => WayOut::Internet,
        _ => others.into_iter().flatten().next().map_or(WayOut::None, |other| WayOut::Other(other.to_owned())),
    }
}

/// `ecr.api` of `com.amazonaws.us-east-1.ecr.api`. An interface that the service's own name does not lead to is none.
fn endpoint(it: &VpcEndpoint) -> Option<String> {
    if it.vpc_endpoint_type() == Some(&VpcEndpointType::Interface) && it.private_dns_enabled() != Some(true) {
        return None;
    }
    let (_, name) = it.service_name()?.split_once("amazonaws.")?;
    name.split_once('.').map(|(_, service)| service.to_owned())
}

#[async_trait]
impl Routes for AwsRoutes {
    async fn subnets(&self, ids: &[String]) -> Result<Vec<Subnet>> {
        // By filter: an id that is not there would be an error otherwise.
        let request = self.client.describe_subnets().filters(filter("subnet-id", ids.to_vec()));
        let found: Vec<_> = request
            .into_paginator()
            .items()
            .send()
            .collect::<std::result::Result<_, _>>()
            .await
            .map_err(|error| from_sdk("DescribeSubnets", "", &error))?;
        Ok(found.iter().map(subnet).collect())
    }

    async fn security_groups(&self, ids: &[String]) -> Result<Vec<String>> {
        let request = self.client.describe_security_groups().filters(filter("group-id", ids.to_vec()));
        let found: Vec<_> = request
            .into_paginator()
            .items()
            .send()
            .collect::<std::result::Result<_, _>>()
            .await
            .map_err(|error| from_sdk("DescribeSecurityGroups", "", &error))?;
        Ok(found.into_iter().filter_map(|group: types::SecurityGroup| group.group_id).collect())
    }

    async fn ways_out(&self, subnets: &[Subnet]) -> Result<BTreeMap<String, WayOut>> {
        let vpcs: BTreeSet<String> = subnets.iter().map(|subnet| subnet.vpc.clone()).collect();
        let request = self.client.describe_route_tables().filters(filter("vpc-id", vpcs));
        let tables: Vec<RouteTable> = request
            .into_paginator()
            .items()
            .send()
            .collect::<std::result::Result<_, _>>()
            .await
            .map_err(|error| from_sdk("DescribeRouteTables", "", &error))?;
        let way = |subnet: &Subnet| (subnet.id.clone(), table_of(&tables, subnet).map_or(WayOut::None, way_out));
        Ok(subnets.iter().map(way).collect())
    }

    async fn endpoints(&self, vpc: &str) -> Result<Vec<String>> {
        let request = self.client.describe_vpc_endpoints().filters(filter("vpc-id", [vpc.to_owned()]));
        let request = request.filters(filter("vpc-endpoint-state", ["available".to_owned()]));
        let found: Vec<VpcEndpoint> = request
            .into_paginator()
            .items()
            .send()
            .collect::<std::result::Result<_, _>>()
            .await
            .map_err(|error| from_sdk("DescribeVpcEndpoints", vpc, &error))?;
        Ok(found.iter().filter_map(endpoint).collect())
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::types::RouteTableAssociation;

    use super::*;

    #[test]
    fn a_subnet_without_a_table_of_its_own_has_the_main_one() {
        let route = |to: &str| Route::builder().destination_cidr_block(to);
        let nat = route("0.0.0.0/0").nat_gateway_id("nat-1").build();
        let own =
            RouteTable::builder().vpc_id("vpc-1").routes(route("10.0.0.0/16").gateway_id("local").build()).routes(nat);
        let own = own.associations(RouteTableAssociation::builder().subnet_id("subnet-a").main(false).build()).build();
        let internet = route("0.0.0.0/0").gateway_id("igw-1").build();
        let main = RouteTable::builder().vpc_id("vpc-1").routes(internet);
        let main = main.associations(RouteTableAssociation::builder().main(true).build()).build();
        let tables = [main, own];
        let way = |id: &str, vpc: &str| table_of(&tables, &Subnet::new(id, vpc, 1)).map(way_out);
        assert_eq!(way("subnet-a", "vpc-1"), Some(WayOut::Nat));
        assert_eq!(way("subnet-b", "vpc-1"), Some(WayOut::Internet));
        assert_eq!(way("subnet-b", "vpc-2"), None);
    }

    #[test]
    fn a_default_route_is_told_by_where_it_leads() {
        let route = || Route::builder().destination_cidr_block("0.0.0.0/0");
        assert_eq!(through(&route().transit_gateway_id("tgw-1").build()), WayOut::Other("tgw-1".to_owned()));
        let gone = route().nat_gateway_id("nat-1").state(RouteState::Blackhole).build();
        assert_eq!(through(&gone), WayOut::Blackhole);
        assert_eq!(through(&route().gateway_id("vgw-1").build()), WayOut::Other("vgw-1".to_owned()));
    }

    #[test]
    fn an_endpoint_is_named_by_its_service() {
        let of = |name: &str, kind: VpcEndpointType, dns: bool| {
            endpoint(
                &VpcEndpoint::builder().service_name(name).vpc_endpoint_type(kind).private_dns_enabled(dns).build(),
            )
        };
        let name = "com.amazonaws.us-east-1.ecr.api";
        assert_eq!(of(name, VpcEndpointType::Interface, true).as_deref(), Some("ecr.api"));
        assert_eq!(of(name, VpcEndpointType::Interface, false), None);
        assert_eq!(of("com.amazonaws.us-east-1.s3", VpcEndpointType::Gateway, false).as_deref(), Some("s3"));
        assert_eq!(of("cn.com.amazonaws.cn-north-1.logs", VpcEndpointType::Interface, true).as_deref(), Some("logs"));
    }
}
