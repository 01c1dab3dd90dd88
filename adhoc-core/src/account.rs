//! What an account holds beside ECS, as far as a deployment depends on it.

use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;

use crate::{ImageReference, QuotaKind, Result};

/// Reads what a registry knows about images.
///
/// # Contract
///
/// `serves` needs no request. `describe` tells an image that is not there from one that cannot be read.
#[cfg_attr(feature = "test-util", mockall::automock)]
#[async_trait]
pub trait Images: Send + Sync {
    /// Whether the image is in a registry that can be asked.
    fn serves(&self, image: &ImageReference) -> bool;

    /// Reads an image by its digest, else by its tag, else by the tag `latest`.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`](crate::Error::NotFound) without such an image or repository;
    /// [`Error::Invalid`](crate::Error::Invalid) if the registry is none that can be asked.
    async fn describe(&self, image: &ImageReference) -> Result<RegistryImage>;
}

/// An image in a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RegistryImage {
    /// Its digest with the algorithm.
    pub digest: String,
    /// The architectures that it has, as ECS calls them: `X86_64`, `ARM64`. Empty where only a download would tell.
    pub architectures: Vec<String>,
}

impl RegistryImage {
    /// An image of unknown architecture.
    pub fn new(digest: impl Into<String>) -> Self {
        Self { digest: digest.into(), architectures: Vec::new() }
    }

    /// Sets the architectures.
    #[must_use]
    pub fn with_architectures(mut self, architectures: Vec<String>) -> Self {
        self.architectures = architectures;
        self
    }
}

/// Something without which a task does not start.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Dependency {
    /// An IAM role, by ARN or name.
    Role(String),
    /// A secret in Secrets Manager, by ARN or name.
    Secret(String),
    /// A parameter of Systems Manager, by ARN or name.
    Parameter(String),
    /// A CloudWatch log group.
    LogGroup {
        /// Its name.
        name: String,
        /// Its region; none is that of the backend.
        region: Option<String>,
    },
}

impl Dependency {
    /// What the `valueFrom` of a container's secret names. What follows a secret's name (JSON key, stage, version) is left
    /// out. See <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Secret.html>.
    #[must_use]
    pub fn of_value(from: &str) -> Self {
        let parts: Vec<&str> = from.split(':').collect();
        match parts.as_slice() {
            ["arn", _, "secretsmanager", _, _, "secret", _, ..] => Self::Secret(parts[..7].join(":")),
            _ => Self::Parameter(from.to_owned()),
        }
    }
}

impl fmt::Display for Dependency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let last = |text: &str, separator: char| text.rsplit(separator).next().unwrap_or_default().to_owned();
        f.pad(&match self {
            Self::Role(role) => last(role, '/'),
            Self::Secret(secret) => last(secret, ':'),
            Self::Parameter(parameter) => last(parameter, ':').trim_start_matches("parameter").to_owned(),
            Self::LogGroup { name, .. } => name.clone(),
        })
    }
}

/// Looks for what tasks depend on.
///
/// # Contract
///
/// No value of a secret or parameter is ever read. What is about to be deleted is not there.
#[cfg_attr(feature = "test-util", mockall::automock)]
#[async_trait]
pub trait Dependencies: Send + Sync {
    /// Looks for one.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`](crate::Error::NotFound) if it is not there.
    async fn find(&self, dependency: &Dependency) -> Result<()>;
}

/// Reads subnets, and where packets go from there.
///
/// # Contract
///
/// What is not there is left out of answers, and is no error.
#[cfg_attr(feature = "test-util", mockall::automock)]
#[async_trait]
pub trait Routes: Send + Sync {
    /// The subnets of these ids.
    ///
    /// # Errors
    ///
    /// Those of the backend; never `NotFound`.
    async fn subnets(&self, ids: &[String]) -> Result<Vec<Subnet>>;

    /// Those of the ids that belong to a security group.
    ///
    /// # Errors
    ///
    /// Those of the backend; never `NotFound`.
    async fn security_groups(&self, ids: &[String]) -> Result<Vec<String>>;

    /// The default route of each subnet, by id.
    ///
    /// # Errors
    ///
    /// Those of the backend.
    async fn ways_out(&self, subnets: &[Subnet]) -> Result<BTreeMap<String, WayOut>>;

    /// The services that have an endpoint in a VPC, such as `ecr.api` and `s3`.
    ///
    /// # Errors
    ///
    /// Those of the backend.
    async fn endpoints(&self, vpc: &str) -> Result<Vec<String>>;
}

/// A subnet.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Subnet {
    /// Its id.
    pub id: String,
    /// Its VPC.
    pub vpc: String,
    /// How many addresses it can still give away.
    pub free_addresses: u32,
}

impl Subnet {
    /// A subnet.
    pub fn new(id: impl Into<String>, vpc: impl Into<String>, free_addresses: u32) -> Self {
        Self { id: id.into(), vpc: vpc.into(), free_addresses }
    }
}

/// Where the default route of a subnet leads.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum WayOut {
    /// A NAT gateway: everything gets out.
    Nat,
    /// An internet gateway: what has a public address gets out.
    Internet,
    /// Something else, such as a transit gateway, of which nothing is known here.
    Other(String),
    /// Something that is gone: packets are dropped.
    Blackhole,
    /// There is no default route.
    None,
}

/// Reads an account's quotas, and how much of them is used.
///
/// # Contract
///
/// Amounts are in the unit of the kind: CPU units (1024 are one vCPU) of Fargate, else pieces. `used` counts what is there in
/// the whole scope of the quota, whoever made it.
#[cfg_attr(feature = "test-util", mockall::automock)]
#[async_trait]
pub trait Quotas: Send + Sync {
    /// The quota that applies to the account.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`](crate::Error::NotFound) where the backend knows none of this kind, so that AWS's default holds.
    async fn limit(&self, kind: QuotaKind) -> Result<u64>;

    /// How much of it is used.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`](crate::Error::NotFound) where what it is counted in is not there, such as the load balancer.
    async fn used(&self, kind: QuotaKind) -> Result<u64>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_named_without_what_follows_its_name() {
        let secret = "arn:aws:secretsmanager:us-east-1:123456789012:secret:alpha-db-AbCdEf";
        assert_eq!(Dependency::of_value(&format!("{secret}:password::")), Dependency::Secret(secret.to_owned()));
        assert_eq!(Dependency::of_value(secret), Dependency::Secret(secret.to_owned()));
        let parameter = "arn:aws:ssm:us-east-1:123456789012:parameter/alpha/key";
        assert_eq!(Dependency::of_value(parameter), Dependency::Parameter(parameter.to_owned()));
        assert_eq!(Dependency::of_value("/alpha/key"), Dependency::Parameter("/alpha/key".to_owned()));
    }

    #[test]
    fn a_dependency_is_shown_by_its_name() {
        let role = Dependency::Role("arn:aws:iam::123456789012:role/ublog/dev-execution".to_owned());
        let secret = Dependency::of_value("arn:aws:secretsmanager:us-east-1:123456789012:secret:alpha-db-AbCdEf:k::");
        let parameter = Dependency::of_value("arn:aws:ssm:us-east-1:123456789012:parameter/alpha/key");
        let shown = [role, secret, parameter].map(|dependency| dependency.to_string());
        assert_eq!(shown, ["dev-execution", "alpha-db-AbCdEf", "/alpha/key"]);
    }
}
