//! The RDS instance and the bastion, by identifier and by tag.

use adhoc_core::{Error, Result};
use aws_sdk_ec2::types::Filter;
use aws_types::SdkConfig;

use super::error::from_sdk;

/// What RDS knows about an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RdsInstance {
    /// The endpoint's host, which is also the name in its certificate.
    pub host: String,
    /// The endpoint's port.
    pub port: u16,
    /// The master user.
    pub master_user: Option<String>,
    /// The ARN of the secret that RDS keeps the master password in, where it manages one.
    pub master_secret: Option<String>,
    /// Its class, such as `db.t4g.micro`.
    pub class: Option<String>,
    /// Its storage, in GB.
    pub storage_gb: u32,
    /// Whether it has a standby in another zone.
    pub multi_az: bool,
    /// Such as `available` or `stopped`.
    pub status: Option<String>,
}

/// The RDS instance `identifier`. See
/// <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeDBInstances.html>.
///
/// # Errors
///
/// [`Error::NotFound`] without such an instance; [`Error::Database`] if it has no endpoint yet; those of AWS.
pub async fn find_rds_instance(config: &SdkConfig, identifier: &str) -> Result<RdsInstance> {
    let answer =
        aws_sdk_rds::Client::new(config).describe_db_instances().db_instance_identifier(identifier).send().await;
    let answer = answer.map_err(|error| {
        from_sdk("DescribeDBInstances", identifier, &error)
            .with_hint("name the server with `host` under [database], or the shared environment with `--shared`")
    })?;
    let instance = answer.db_instances().first();
    let instance = instance.ok_or_else(|| Error::not_found("DescribeDBInstances", identifier, "no such instance"))?;
    let endpoint = instance.endpoint();
    let place = endpoint.and_then(|endpoint| Some((endpoint.address()?, u16::try_from(endpoint.port()?).ok()?)));
    let Some((host, port)) = place else {
        let status = instance.db_instance_status().unwrap_or("unknown");
        return Err(Error::database(
            "DescribeDBInstances",
            identifier,
            format!("has no endpoint; its status is {status}"),
        )
        .with_hint("wait until it is available, or start it"));
    };
    Ok(RdsInstance {
        host: host.to_owned(),
        port,
        master_user: instance.master_username().map(str::to_owned),
        master_secret: instance.master_user_secret().and_then(|secret| secret.secret_arn()).map(str::to_owned),
        class: instance.db_instance_class().map(str::to_owned),
        storage_gb: instance.allocated_storage().and_then(|gb| u32::try_from(gb).ok()).unwrap_or_default(),
        multi_az: instance.multi_az() == Some(true),
        status: instance.db_instance_status().map(str::to_owned),
    })
}

/// The instance through which the server is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Bastion {
    /// Its id.
    pub instance_id: String,
    /// Its public address, where it has one.
    pub public_address: Option<String>,
    /// Its address inside the VPC.
    pub private_address: Option<String>,
    /// Its availability zone.
    pub availability_zone: Option<String>,
    /// Its type, such as `t4g.nano`.
    pub instance_type: Option<String>,
}

impl Bastion {
    /// The instance of this id, of which nothing else is known.
    pub fn new(instance_id: impl Into<String>) -> Self {
        Self {
            instance_id: instance_id.into(),
            public_address: None,
            private_address: None,
            availability_zone: None,
            instance_type: None,
        }
    }

    /// Where SSH reaches it: its public address, else the one inside the VPC, for those who are there.
    ///
    /// # Errors
    ///
    /// [`Error::Database`] if it has neither.
    pub fn address(&self) -> Result<&str> {
        self.public_address.as_deref().or(self.private_address.as_deref()).ok_or_else(|| {
            Error::database("DescribeInstances", &self.instance_id, "has no address")
                .with_hint("use `bastion = \"ssm\"`, which needs none")
        })
    }
}

/// The running EC2 instance whose tag `Name` is `name`; the first by id if there are several. See
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html>.
///
/// # Errors
///
/// [`Error::NotFound`] without such an instance; those of AWS.
pub async fn find_bastion(config: &SdkConfig, name: &str) -> Result<Bastion> {
    let filter = |name: &str, value: &str| Filter::builder().name(name).values(value).build();
    let request = aws_sdk_ec2::Client::new(config).describe_instances().filters(filter("tag:Name", name));
    let request = request.filters(filter("instance-state-name", "running"));
    let found = request.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
    let found = found.map_err(|error| from_sdk("DescribeInstances", name, &error))?;
    let instances = found.iter().flat_map(aws_sdk_ec2::types::Reservation::instances);
    let first = instances.min_by_key(|instance| instance.instance_id().map(str::to_owned));
    let first = first.ok_or_else(|| {
        Error::not_found("DescribeInstances", name, "no running instance has this name")
            .with_hint("start the bastion, or name another one with `host` under [database.ssh]")
    })?;
    let filled = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
    Ok(Bastion {
        instance_id: first.instance_id().unwrap_or_default().to_owned(),
        public_address: filled(first.public_ip_address()),
        private_address: filled(first.private_ip_address()),
        availability_zone: first.placement().and_then(|placement| filled(placement.availability_zone())),
        instance_type: first.instance_type().map(|kind| kind.as_str().to_owned()),
    })
}
