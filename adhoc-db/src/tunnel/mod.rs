//! The ways to a server that cannot be reached directly.
//!
//! | | needs | opens a local port |
//! |---|---|---|
//! | [`Direct`] | a route to the server | no |
//! | [`Ssh`] | a bastion, and a key or an agent | no |
//! | [`OpenSsh`] | a bastion, and the `ssh` program with the user's own configuration | no |
//! | [`Ssm`] | an instance under Systems Manager, and `session-manager-plugin` | yes, on loopback: the plugin has no other way |
//!
//! [`Listener`] gives any of them a port on loopback, for a program that needs one.

mod direct;
mod known_hosts;
mod listen;
mod lost;
mod openssh;
mod program;
mod ssh;
mod ssm;

pub use self::direct::Direct;
pub use self::listen::{Listener, listen};
pub use self::openssh::{OpenSsh, OpenSshConfig};
pub use self::ssh::{Authentication, HostKeyPolicy, JumpHost, KeyPusher, Ssh, SshConfig};
pub use self::ssm::{Ssm, SsmConfig, SsmSession, SsmSessions};

use adhoc_core::{Error, Result};

/// Refuses what cannot be a host name, before it reaches a command line or a protocol.
fn check_host(host: &str) -> Result<()> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '%');
    if !host.is_empty() && host.len() <= 255 && !host.starts_with('-') && host.chars().all(fits) {
        return Ok(());
    }
    Err(Error::invalid("", format!("{host:?}"), "is no host name")
        .with_hint("give a name or an address, without user, port or spaces"))
}

/// As [`check_host`], for the name of a user.
fn check_user(user: &str) -> Result<()> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '@' | '+' | '\\');
    if !user.is_empty() && user.len() <= 255 && !user.starts_with('-') && user.chars().all(fits) {
        return Ok(());
    }
    Err(Error::invalid("", format!("{user:?}"), "is no user name").with_hint("give the account's name on the bastion"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_that_could_be_an_option_is_refused() {
        for bad in ["", "-oProxyCommand=touch", "a b", "a\nb", "user@host", "$(id)", "host;id"] {
            assert!(matches!(check_host(bad), Err(Error::Invalid(_))), "{bad:?}");
        }
        for good in ["db.abc.eu-central-1.rds.amazonaws.com", "10.0.0.1", "::1", "fe80::1%eth0", "my_host"] {
            assert!(check_host(good).is_ok(), "{good:?}");
        }
        assert!(check_user("-l").is_err() && check_user("ec2-user").is_ok());
    }
}
