//! The settings of the shared network.

use serde::{Deserialize, Deserializer, de::Error as _};
use std::{net::Ipv4Addr, path::PathBuf};

/// The shared network: what the shared Terraform configuration makes.
///
/// A database that listens on loopback, behind a bastion that does:
///
/// ```
/// use adhoc_local::{Network, Scenario};
///
/// let network = Network::new("dev").with_database_endpoint("localhost", 54321).with_authorized_keys("/srv/keys");
/// let scenario = Scenario::empty().with_network(network);
/// assert_eq!(scenario.network.database_port, 54321);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Network {
    /// Name of the shared environment; default `dev`.
    pub shared: String,
    /// How many private subnets; default 2.
    pub private_subnets: u8,
    /// How many public subnets; default 2.
    pub public_subnets: u8,
    /// Whether there is a security group `{shared}-ecs-sg`; default true.
    pub security_group: bool,
    /// Whether there is an instance `{shared}-bastion`; default true.
    pub bastion: bool,
    /// The bastion's public address; default 127.0.0.1. `None`, an empty text in a scenario file, is a bastion in a
    /// private subnet.
    #[serde(deserialize_with = "address")]
    pub bastion_address: Option<Ipv4Addr>,
    /// The folder in which a key that EC2 Instance Connect pushes is a line of the file `{user}`, for as long as
    /// [`Timing::pushed_key_ms`](crate::Timing::pushed_key_ms): for sshd's `AuthorizedKeysFile`. Made when the first key
    /// comes; default is none, and keys are checked and forgotten.
    pub authorized_keys: Option<PathBuf>,
    /// Whether there is an RDS instance `{shared}-rds`, its master user's password in the secret `rds!db-{shared}-rds`;
    /// default true.
    pub database: bool,
    /// Host name or address in the RDS instance's endpoint; default is `{shared}-rds.local.{region}.rds.amazonaws.com`,
    /// at which nothing listens.
    pub database_address: Option<String>,
    /// Port in the RDS instance's endpoint; default 5432.
    pub database_port: u16,
}

impl Default for Network {
    fn default() -> Self {
        Self {
            shared: "dev".to_owned(),
            private_subnets: 2,
            public_subnets: 2,
            security_group: true,
            bastion: true,
            bastion_address: Some(Ipv4Addr::LOCALHOST),
            authorized_keys: None,
            database: true,
            database_address: None,
            database_port: 5432,
        }
    }
}

impl Network {
    /// The network of a shared environment of this name.
    #[must_use]
    pub fn new(shared: impl Into<String>) -> Self {
        Self { shared: shared.into(), ..Self::default() }
    }

    /// How many private and public subnets there are.
    #[must_use]
    pub fn with_subnets(mut self, private: u8, public: u8) -> Self {
        self.private_subnets = private;
        self.public_subnets = public;
        self
    }

    /// Whether the security group is there.
    #[must_use]
    pub fn with_security_group(mut self, there: bool) -> Self {
        self.security_group = there;
        self
    }

    /// Whether the bastion is there.
    #[must_use]
    pub fn with_bastion(mut self, there: bool) -> Self {
        self.bastion = there;
        self
    }

    /// The bastion's public address, or `None`.
    #[must_use]
    pub fn with_bastion_address(mut self, address: impl Into<Option<Ipv4Addr>>) -> Self {
        self.bastion_address = address.into();
        self
    }

    /// The folder that pushed SSH keys are written to, one file for each user.
    #[must_use]
    pub fn with_authorized_keys(mut self, folder: impl Into<PathBuf>) -> Self {
        self.authorized_keys = Some(folder.into());
        self
    }

    /// Whether the RDS instance, and its secret, are there.
    #[must_use]
    pub fn with_database(mut self, there: bool) -> Self {
        self.database = there;
        self
    }

    /// Where the RDS instance listens.
    #[must_use]
    pub fn with_database_endpoint(mut self, address: impl Into<String>, port: u16) -> Self {
        self.database_address = Some(address.into());
        self.database_port = port;
        self
    }

    /// The first member that cannot be used, and why.
    pub(crate) fn check(&self) -> Result<(), (&'static str, String)> {
        let in_host_names = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:".contains(&byte);
        let host = |address: &String| !address.is_empty() && address.bytes().all(in_host_names);
        if let Some(address) = self.database_address.as_ref().filter(|address| !host(address)) {
            let message = format!("`database_address` is `{address}`, expected a host name or an address");
            return Err(("database_address", message));
        }
        if self.database_port == 0 {
            return Err(("database_port", "`database_port` is 0, expected 1 to 65535".to_owned()));
        }
        if self.authorized_keys.as_ref().is_some_and(|folder| folder.as_os_str().is_empty()) {
            return Err(("authorized_keys", "`authorized_keys` is empty, expected a folder".to_owned()));
        }
        Ok(())
    }
}

fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Ipv4Addr>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() {
        return Ok(None);
    }
    let message = format!("`bastion_address` is `{text}`, expected an IPv4 address, or \"\" for none");
    text.parse().map(Some).map_err(|_| D::Error::custom(message))
}

#[cfg(test)]
mod tests {
    use super::Network;
    use crate::Scenario;
    use std::net::Ipv4Addr;

    #[test]
    fn a_file_says_what_the_builder_says() {
        let text = r#"
            network = { bastion_address = "10.1.2.3", authorized_keys = "/keys", database_address = "localhost", database_port = 1 }
        "#;
        let network = Network::default()
            .with_bastion_address(Ipv4Addr::new(10, 1, 2, 3))
            .with_authorized_keys("/keys")
            .with_database_endpoint("localhost", 1);
        assert_eq!(Scenario::from_toml(text).unwrap().network, network);
        let network =
            Scenario::from_toml("[network]\nbastion_address = \"\"\nbastion = false\ndatabase = false").unwrap();
        let expected = Network::default().with_bastion_address(None).with_bastion(false).with_database(false);
        assert_eq!(network.network, expected);
    }

    #[test]
    fn mistakes_are_named_where_they_are() {
        for (line, expected) in [
            ("database_address = \"\"", "host name"),
            ("database_address = \"a/b\"", "a/b"),
            ("database_port = 0", "1 to 65535"),
            ("database_port = 65536", "65536"),
            ("bastion_address = \"bastion\"", "IPv4"),
            ("bastion_address = 1", "string"),
            ("authorized_keys = \"\"", "folder"),
        ] {
            let error = Scenario::from_toml(&format!("[network]\nshared = \"qa\"\n{line}\n")).unwrap_err();
            assert_eq!(error.line, 3, "{line}: {error}");
            assert!(error.message.contains(expected), "{line}: {error}");
        }
    }
}
