//! Where tasks run: subnets and security groups.

use async_trait::async_trait;
use serde::Serialize;

use crate::Result;

/// Finds subnets and security groups by their tags.
///
/// # Contract
///
/// Filters are pairs of tag key and value, all of which must match; a value may hold `*` and `?`, as in EC2's own
/// filters. Nothing found is an empty list, not an error. Results are in a stable order.
#[cfg_attr(feature = "test-util", mockall::automock)]
#[async_trait]
pub trait Network: Send + Sync {
    /// The ids of the subnets that carry all of `tags`.
    ///
    /// # Errors
    ///
    /// Those of the backend; never `NotFound`.
    async fn subnets(&self, tags: &[(String, String)]) -> Result<Vec<String>>;

    /// The ids of the security groups that carry all of `tags`.
    ///
    /// # Errors
    ///
    /// Those of the backend; never `NotFound`.
    async fn security_groups(&self, tags: &[(String, String)]) -> Result<Vec<String>>;
}

/// The `awsvpcConfiguration` of a service or task.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct NetworkConfiguration {
    /// Subnet ids.
    pub subnets: Vec<String>,
    /// Security group ids.
    pub security_groups: Vec<String>,
    /// Whether tasks get a public address.
    pub assign_public_ip: bool,
}

impl NetworkConfiguration {
    /// A configuration without public addresses.
    #[must_use]
    pub fn new(subnets: Vec<String>, security_groups: Vec<String>) -> Self {
        Self { subnets, security_groups, assign_public_ip: false }
    }

    /// Says whether tasks get a public address.
    #[must_use]
    pub fn with_public_ip(mut self, assign: bool) -> Self {
        self.assign_public_ip = assign;
        self
    }
}
