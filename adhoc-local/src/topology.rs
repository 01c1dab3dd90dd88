//! The shared network's resources and their ids.

use crate::{Network, Scenario};
use std::net::Ipv4Addr;

/// A subnet.
#[derive(Debug, Clone)]
pub(crate) struct Subnet {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) zone: String,
    pub(crate) cidr: String,
    pub(crate) public: bool,
}

/// An EC2 instance.
#[derive(Debug, Clone)]
pub(crate) struct Instance {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) zone: String,
    /// Empty if the network has no subnets.
    pub(crate) subnet: String,
    /// Its public address.
    pub(crate) address: Option<Ipv4Addr>,
}

/// An RDS instance.
#[derive(Debug, Clone)]
pub(crate) struct Database {
    pub(crate) id: String,
    pub(crate) address: String,
    pub(crate) port: u16,
}

impl Database {
    /// Where RDS keeps the master user's password, in Secrets Manager.
    pub(crate) fn secret_name(&self) -> String {
        format!("rds!db-{}", self.id)
    }
}

/// What the shared Terraform configuration made.
#[derive(Debug, Clone)]
pub(crate) struct Topology {
    pub(crate) shared: String,
    pub(crate) vpc: String,
    pub(crate) subnets: Vec<Subnet>,
    /// Id and name of each security group.
    pub(crate) groups: Vec<(String, String)>,
    pub(crate) bastion: Option<Instance>,
    pub(crate) database: Option<Database>,
}

impl Topology {
    pub(crate) fn new(scenario: &Scenario) -> Self {
        let network = &scenario.network;
        let shared = &network.shared;
        let private = (0..network.private_subnets).map(|at| subnet(scenario, false, at));
        let public = (0..network.public_subnets).map(|at| subnet(scenario, true, at));
        let subnets: Vec<Subnet> = private.chain(public).collect();
        let group = network.security_group.then(|| ("sg-0ec5000000000001".to_owned(), format!("{shared}-ecs-sg")));
        Self {
            shared: shared.clone(),
            vpc: "vpc-0c0ffee0000000001".to_owned(),
            groups: group.into_iter().collect(),
            bastion: network.bastion.then(|| bastion(scenario, &subnets)),
            database: network.database.then(|| database(network, &scenario.region)),
            subnets,
        }
    }

    /// The private subnets' ids.
    pub(crate) fn private_subnets(&self) -> Vec<&str> {
        self.subnets.iter().filter(|subnet| !subnet.public).map(|subnet| subnet.id.as_str()).collect()
    }

    /// The instance of this id.
    pub(crate) fn instance(&self, id: &str) -> Option<&Instance> {
        self.bastion.as_ref().filter(|instance| instance.id == id)
    }
}

fn subnet(scenario: &Scenario, public: bool, at: u8) -> Subnet {
    let letter = char::from(b'a' + at % 26);
    let kind = if public { "public" } else { "private" };
    let octet = u16::from(at) + if public { 101 } else { 1 };
    Subnet {
        id: format!("subnet-0{}{at:02x}5a7e00000000", if public { "b" } else { "a" }),
        name: format!("{}-{kind}-{letter}", scenario.network.shared),
        zone: format!("{}{letter}", scenario.region),
        cidr: format!("10.0.{octet}.0/24"),
        public,
    }
}

/// The bastion, in a public subnet if it has a public address.
fn bastion(scenario: &Scenario, subnets: &[Subnet]) -> Instance {
    let address = scenario.network.bastion_address;
    let subnet = subnets.iter().find(|subnet| subnet.public == address.is_some()).or(subnets.first());
    Instance {
        id: "i-0ba5710000000001".to_owned(),
        name: format!("{}-bastion", scenario.network.shared),
        zone: subnet.map_or_else(|| format!("{}a", scenario.region), |subnet| subnet.zone.clone()),
        subnet: subnet.map(|subnet| subnet.id.clone()).unwrap_or_default(),
        address,
    }
}

fn database(network: &Network, region: &str) -> Database {
    let id = format!("{}-rds", network.shared);
    let made_up = || format!("{id}.local.{region}.rds.amazonaws.com");
    let address = network.database_address.clone().unwrap_or_else(made_up);
    Database { address, port: network.database_port, id }
}
