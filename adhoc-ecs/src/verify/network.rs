use std::collections::{BTreeMap, BTreeSet};

use adhoc_core::{Error, NetworkConfiguration, Outcome, Result, Service, Subnet, WayOut};

use super::Finding;
use crate::account::Account;
use crate::resolve::placement;
use crate::{Ecs, Environment};

/// What Fargate has to reach to start a task, where nothing else leads out: the images, which come from S3, and the logs. See
/// <https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html>.
const NEEDED: [&str; 4] = ["ecr.api", "ecr.dkr", "s3", "logs"];

/// Subnets and security groups are there, and from the subnets a task gets to its image.
pub(super) async fn network(ecs: &Ecs, account: &Account, env: &Environment, services: &[Service]) -> Vec<Finding> {
    let network = match all_networks(ecs, env, services).await {
        Ok(network) => network,
        Err(Error::NotFound(detail)) => {
            let finding = Finding::failed("network", detail.resource.clone(), Outcome::NotFound, detail.reason.clone());
            return vec![Finding { hint: detail.hint, ..finding }];
        }
        Err(error) => return vec![Finding::of_error("network", env.conventions.shared.as_str(), "ec2", &error)],
    };
    let (subnets, groups) = tokio::join!(subnets(account, &network), security_groups(account, &network));
    subnets.into_iter().chain(groups).collect()
}

/// The network of all services; of tasks, where no service has one.
async fn all_networks(ecs: &Ecs, env: &Environment, services: &[Service]) -> Result<NetworkConfiguration> {
    let networks: Vec<&NetworkConfiguration> = services.iter().filter_map(|it| it.network.as_ref()).collect();
    if networks.is_empty() {
        return Ok(placement(ecs, env, None, true).await?.network.unwrap_or_default());
    }
    let collect = |of: fn(&NetworkConfiguration) -> &Vec<String>| -> Vec<String> {
        let ids: BTreeSet<&String> = networks.iter().flat_map(|network| of(network)).collect();
        ids.into_iter().cloned().collect()
    };
    // One without a public address is enough to need another way out.
    let public = networks.iter().all(|network| network.assign_public_ip);
    Ok(NetworkConfiguration::new(collect(|it| &it.subnets), collect(|it| &it.security_groups)).with_public_ip(public))
}

async fn security_groups(account: &Account, network: &NetworkConfiguration) -> Vec<Finding> {
    let wanted = &network.security_groups;
    if wanted.is_empty() {
        return Vec::new();
    }
    match account.routes.security_groups(wanted).await {
        Ok(found) => wanted.iter().map(|id| exists("security group", id, found.contains(id))).collect(),
        Err(error) => vec![Finding::of_error("security group", wanted.join(", "), "ec2", &error)],
    }
}

fn exists(check: &'static str, id: &str, there: bool) -> Finding {
    match there {
        true => Finding::ok(check, id, "is there"),
        false => Finding::failed(check, id, Outcome::NotFound, "is not there")
            .with_hint("the service still names it: apply the infrastructure"),
    }
}

async fn subnets(account: &Account, network: &NetworkConfiguration) -> Vec<Finding> {
    let wanted = &network.subnets;
    let found = match account.routes.subnets(wanted).await {
        Ok(found) => found,
        Err(error) => return vec![Finding::of_error("subnet", wanted.join(", "), "ec2", &error)],
    };
    let mut findings: Vec<Finding> = wanted.iter().map(|id| subnet(id, &found)).collect();
    if !found.is_empty() {
        findings.extend(routes(account, network, &found).await);
    }
    findings
}

fn subnet(id: &str, found: &[Subnet]) -> Finding {
    match found.iter().find(|subnet| subnet.id == id) {
        None => exists("subnet", id, false),
        Some(subnet) if subnet.free_addresses == 0 => {
            Finding::failed("subnet", id, Outcome::TaskNotStarted, "has no free address")
                .with_hint("stop what is not needed, or add a subnet")
        }
        Some(subnet) => Finding::ok("subnet", id, format!("{} free addresses", subnet.free_addresses)),
    }
}

async fn routes(account: &Account, network: &NetworkConfiguration, subnets: &[Subnet]) -> Vec<Finding> {
    let ways = match account.routes.ways_out(subnets).await {
        Ok(ways) => ways,
        Err(error) => return vec![Finding::of_error("route", ids(subnets), "ec2", &error)],
    };
    let closed = |subnet: &&Subnet| is_closed(ways.get(&subnet.id), network.assign_public_ip);
    let vpcs: BTreeSet<&str> = subnets.iter().filter(closed).map(|subnet| subnet.vpc.as_str()).collect();
    let mut missing = BTreeMap::new();
    for vpc in vpcs {
        match account.routes.endpoints(vpc).await {
            Ok(there) => drop(missing.insert(vpc, not_in(&there))),
            Err(error) => return vec![Finding::of_error("route", ids(subnets), "ec2", &error)],
        }
    }
    subnets
        .iter()
        .map(|subnet| route(subnet, ways.get(&subnet.id), missing.get(subnet.vpc.as_str()), network))
        .collect()
}

fn ids(subnets: &[Subnet]) -> String {
    subnets.iter().map(|subnet| subnet.id.as_str()).collect::<Vec<_>>().join(", ")
}

fn not_in(endpoints: &[String]) -> Vec<&'static str> {
    NEEDED.into_iter().filter(|needed| !endpoints.iter().any(|endpoint| endpoint == needed)).collect()
}

/// Whether nothing gets out by the default route.
fn is_closed(way: Option<&WayOut>, public: bool) -> bool {
    match way {
        Some(WayOut::Nat | WayOut::Other(_)) => false,
        Some(WayOut::Internet) => !public,
        _ => true,
    }
}

fn route(
    subnet: &Subnet,
    way: Option<&WayOut>,
    missing: Option<&Vec<&str>>,
    network: &NetworkConfiguration,
) -> Finding {
    let id = subnet.id.as_str();
    if !is_closed(way, network.assign_public_ip) {
        return Finding::ok(
            "route",
            id,
            match way {
                Some(WayOut::Nat) => "out by a NAT gateway".to_owned(),
                Some(WayOut::Other(through)) => format!("out by {through}"),
                _ => "out by an internet gateway".to_owned(),
            },
        );
    }
    let Some(missing) = missing.filter(|missing| !missing.is_empty()) else {
        return Finding::ok("route", id, "by endpoints of the VPC");
    };
    let why = match way {
        Some(WayOut::Internet) => "leads to an internet gateway, but tasks have no public address",
        Some(WayOut::Blackhole) => "leads to something that is gone",
        _ => "there is none out of the VPC",
    };
    let lacks = format!("{why}, and no endpoint for {}", missing.join(", "));
    Finding::failed("route", id, Outcome::TaskNotStarted, lacks)
        .with_hint("tasks could not fetch their image: route 0.0.0.0/0 to a NAT gateway, or make the endpoints")
}
