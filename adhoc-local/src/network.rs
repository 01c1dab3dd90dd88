//! The shared network's resources and their ids.

use crate::Scenario;

/// A subnet.
#[derive(Debug, Clone)]
pub(crate) struct Subnet {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) zone: String,
    pub(crate) cidr: String,
    pub(crate) public: bool,
}

/// What the shared Terraform configuration made.
#[derive(Debug, Clone)]
pub(crate) struct Topology {
    pub(crate) shared: String,
    pub(crate) vpc: String,
    pub(crate) subnets: Vec<Subnet>,
    /// Id and name of each security group.
    pub(crate) groups: Vec<(String, String)>,
    /// Id and name of each instance.
    pub(crate) instances: Vec<(String, String)>,
    pub(crate) databases: Vec<String>,
}

impl Topology {
    pub(crate) fn new(scenario: &Scenario) -> Self {
        let network = &scenario.network;
        let shared = &network.shared;
        let subnet = |public: bool, at: u8| {
            let letter = char::from(b'a' + at % 26);
            let kind = if public { "public" } else { "private" };
            let octet = u16::from(at) + if public { 101 } else { 1 };
            Subnet {
                id: format!("subnet-0{}{at:02x}5a7e00000000", if public { "b" } else { "a" }),
                name: format!("{shared}-{kind}-{letter}"),
                zone: format!("{}{letter}", scenario.region),
                cidr: format!("10.0.{octet}.0/24"),
                public,
            }
        };
        let private = (0..network.private_subnets).map(|at| subnet(false, at));
        let public = (0..network.public_subnets).map(|at| subnet(true, at));
        let named = |there: bool, id: &str, suffix: &str| {
            there.then(|| (id.to_owned(), format!("{shared}-{suffix}"))).into_iter().collect()
        };
        Self {
            shared: shared.clone(),
            vpc: "vpc-0c0ffee0000000001".to_owned(),
            subnets: private.chain(public).collect(),
            groups: named(network.security_group, "sg-0ec5000000000001", "ecs-sg"),
            instances: named(network.bastion, "i-0ba5710000000001", "bastion"),
            databases: if network.database { vec![format!("{shared}-rds")] } else { Vec::new() },
        }
    }

    /// The private subnets' ids.
    pub(crate) fn private_subnets(&self) -> Vec<&str> {
        self.subnets.iter().filter(|subnet| !subnet.public).map(|subnet| subnet.id.as_str()).collect()
    }
}
