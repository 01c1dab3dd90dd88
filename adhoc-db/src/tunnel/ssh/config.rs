//! What an SSH tunnel is made from.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use adhoc_core::{Error, Result, SecretString};
use async_trait::async_trait;

use crate::tunnel::{check_host, check_user};

/// Makes a bastion accept a key that is made anew for every connection, as EC2 Instance Connect does for sixty seconds.
///
/// # Contract
///
/// Once `push` has returned, `user` can log in with the key for at least as long as it takes to do so. It is called before
/// every new connection, with another key each time. Cancelling it leaves at most a key that nobody has.
#[async_trait]
pub trait KeyPusher: Send + Sync {
    /// Lets the owner of `public_key`, one line such as `ssh-ed25519 AAAA..`, log in as `user`.
    ///
    /// # Errors
    ///
    /// Any error of the core; the tunnel passes it on.
    async fn push(&self, user: &str, public_key: &str) -> Result<()>;
}

/// A way to prove who one is. `Debug` shows neither keys nor passphrases.
#[derive(Clone)]
#[non_exhaustive]
pub enum Authentication {
    /// The keys of an agent, in the agent's order. Keys on a security token work where the agent can use them.
    Agent {
        /// The agent's socket: what `SSH_AUTH_SOCK` names.
        socket: PathBuf,
    },
    /// A key in a file, in OpenSSH's or a PEM format.
    KeyFile {
        /// The private key.
        path: PathBuf,
        /// What opens it, if it is encrypted.
        passphrase: Option<SecretString>,
    },
    /// A key in memory, as the text that its file would hold.
    Key {
        /// The private key.
        text: SecretString,
        /// What opens it, if it is encrypted.
        passphrase: Option<SecretString>,
    },
    /// An ed25519 key made in memory for every connection, which something makes the bastion accept. It is for the bastion
    /// itself and skipped for jump hosts.
    Pushed(Arc<dyn KeyPusher>),
}

impl Authentication {
    /// The keys of the agent behind `socket`.
    pub fn agent(socket: impl Into<PathBuf>) -> Self {
        Self::Agent { socket: socket.into() }
    }

    /// The key in the file `path`.
    pub fn key_file(path: impl Into<PathBuf>) -> Self {
        Self::KeyFile { path: path.into(), passphrase: None }
    }

    /// The key that `text` holds.
    pub fn key(text: impl Into<SecretString>) -> Self {
        Self::Key { text: text.into(), passphrase: None }
    }

    /// A key for every connection, made acceptable by `pusher`.
    pub fn pushed(pusher: Arc<dyn KeyPusher>) -> Self {
        Self::Pushed(pusher)
    }

    /// Opens an encrypted key with `secret`; of no effect for an agent and for pushed keys.
    #[must_use]
    pub fn with_passphrase(mut self, secret: impl Into<SecretString>) -> Self {
        match &mut self {
            Self::KeyFile { passphrase, .. } | Self::Key { passphrase, .. } => *passphrase = Some(secret.into()),
            Self::Agent { .. } | Self::Pushed(_) => {}
        }
        self
    }
}

impl fmt::Debug for Authentication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Agent { socket } => f.debug_struct("Agent").field("socket", socket).finish(),
            Self::KeyFile { path, .. } => f.debug_struct("KeyFile").field("path", path).finish_non_exhaustive(),
            Self::Key { .. } => f.write_str("Key"),
            Self::Pushed(_) => f.write_str("Pushed"),
        }
    }
}

/// What to do with a host that no `known_hosts` file knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum HostKeyPolicy {
    /// Refuse it.
    #[default]
    Strict,
    /// Accept its key and write it down, in the first of the files. A host that is known already still has to show the key
    /// that it is known by.
    AcceptNew,
}

/// A host on the way to the bastion, as `ProxyJump` has them: `user@host:port`, of which only the host is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct JumpHost {
    /// The user; that of the bastion if none.
    pub user: Option<String>,
    /// The host, looked up by the hop before it.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl JumpHost {
    /// The jump host `host`, on port 22.
    pub fn new(host: impl Into<String>) -> Self {
        Self { user: None, host: host.into(), port: 22 }
    }

    /// Logs in as `user`.
    #[must_use]
    pub fn with_user(mut self, user: impl Into<String>) -> Self {
        self.user = Some(user.into());
        self
    }

    /// Connects to `port`.
    #[must_use]
    pub fn with_port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }
}

impl FromStr for JumpHost {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let invalid = || {
            Error::invalid("", format!("{text:?}"), "is no jump host")
                .with_hint("write `user@host:port`; user and port may be left out, and an IPv6 address needs brackets")
        };
        let (user, place) = match text.rsplit_once('@') {
            Some((user, place)) => (Some(user.to_owned()), place),
            None => (None, text),
        };
        let bracketed = place.strip_prefix('[').and_then(|rest| rest.split_once(']'));
        let (host, port) = match (bracketed, place.split_once(':')) {
            (Some((host, "")), _) => (host, None),
            (Some((host, rest)), _) => (host, Some(rest.strip_prefix(':').ok_or_else(invalid)?)),
            (None, Some((host, port))) => (host, Some(port)),
            (None, None) => (place, None),
        };
        let port = port.map_or(Ok(22), |port| port.parse().map_err(|_| invalid()))?;
        let jump = Self { user, host: host.to_owned(), port };
        if jump.port == 0 || check_host(host).is_err() || jump.user.as_deref().is_some_and(|u| check_user(u).is_err()) {
            return Err(invalid());
        }
        Ok(jump)
    }
}

/// A bastion, how to log in to it, and how to know it again. Reads no environment variable and no `~/.ssh/config`; for
/// what is configured there, see [`OpenSsh`](crate::tunnel::OpenSsh).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SshConfig {
    /// The bastion's name or address.
    pub host: String,
    /// Its port; 22 unless set.
    pub port: u16,
    /// The user to log in as.
    pub user: String,
    /// The ways to log in, tried in this order. None by default, which cannot work.
    pub authentication: Vec<Authentication>,
    /// The hosts on the way to it, nearest first. They are known by the same files and, but for pushed keys, logged in to
    /// the same way.
    pub jumps: Vec<JumpHost>,
    /// The `known_hosts` files. A missing one is empty. None by default, which knows nobody.
    pub known_hosts: Vec<PathBuf>,
    /// What to do with a host that they do not know; strict unless set.
    pub host_key_policy: HostKeyPolicy,
}

impl SshConfig {
    /// The bastion `host`, on port 22, to be logged in to as `user`.
    pub fn new(host: impl Into<String>, user: impl Into<String>) -> Self {
        Self {
            host: host.into(),
            port: 22,
            user: user.into(),
            authentication: Vec::new(),
            jumps: Vec::new(),
            known_hosts: Vec::new(),
            host_key_policy: HostKeyPolicy::Strict,
        }
    }

    /// Connects to `port`.
    #[must_use]
    pub fn with_port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Tries `method` too, after those given before.
    #[must_use]
    pub fn with_authentication(mut self, method: Authentication) -> Self {
        self.authentication.push(method);
        self
    }

    /// Goes through `jump` too, after those given before.
    #[must_use]
    pub fn with_jump(mut self, jump: JumpHost) -> Self {
        self.jumps.push(jump);
        self
    }

    /// Looks in the file `path` too. New hosts are written to the first file given.
    #[must_use]
    pub fn with_known_hosts(mut self, path: impl Into<PathBuf>) -> Self {
        self.known_hosts.push(path.into());
        self
    }

    /// Treats unknown hosts as `policy` says.
    #[must_use]
    pub fn with_host_key_policy(mut self, policy: HostKeyPolicy) -> Self {
        self.host_key_policy = policy;
        self
    }

    /// The hosts to log in to, one after the other; the bastion is the last.
    pub(super) fn hops(&self) -> Vec<Hop> {
        let jumps = self.jumps.iter().map(|jump| Hop {
            user: jump.user.clone().unwrap_or_else(|| self.user.clone()),
            host: jump.host.clone(),
            port: jump.port,
            is_jump: true,
        });
        let bastion = Hop { user: self.user.clone(), host: self.host.clone(), port: self.port, is_jump: false };
        jumps.chain([bastion]).collect()
    }

    /// Refuses what cannot work, before anything is connected.
    pub(super) fn check(&self) -> Result<()> {
        for hop in self.hops() {
            check_host(&hop.host)?;
            check_user(&hop.user)?;
        }
        if self.authentication.is_empty() {
            return Err(Error::invalid("ssh", self.host.clone(), "no way to log in is configured")
                .with_hint("name a key file, or start an agent and load a key with `ssh-add`"));
        }
        if self.known_hosts.is_empty() {
            return Err(Error::invalid("ssh", self.host.clone(), "no known_hosts file is configured")
                .with_hint("name one, such as ~/.ssh/known_hosts"));
        }
        Ok(())
    }
}

/// One host to log in to.
#[derive(Debug, Clone)]
pub(super) struct Hop {
    pub(super) user: String,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) is_jump: bool,
}

impl fmt::Display for Hop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}:{}", self.user, self.host, self.port)
    }
}

impl Hop {
    /// What it is to the user.
    pub(super) fn role(&self) -> &'static str {
        if self.is_jump { "the jump host" } else { "the bastion" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jump_hosts_are_written_as_in_proxy_jump() {
        let parse = |text: &str| text.parse::<JumpHost>();
        assert_eq!(parse("jump").expect("host"), JumpHost::new("jump"));
        assert_eq!(parse("me@jump:2222").expect("all"), JumpHost::new("jump").with_user("me").with_port(2222));
        assert_eq!(parse("[::1]:2222").expect("IPv6"), JumpHost::new("::1").with_port(2222));
        for bad in ["", "@jump", "me@", "jump:", "jump:0", "jump:99999", "-oProxyCommand=x", "a b", "[::1", "[::1]x"] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn secrets_do_not_show() {
        let config = SshConfig::new("bastion", "me")
            .with_authentication(Authentication::key("KEYTEXT".to_owned()).with_passphrase("PASSPHRASE".to_owned()))
            .with_authentication(Authentication::key_file("/k").with_passphrase("PASSPHRASE".to_owned()));
        let shown = format!("{config:?}");
        assert!(!shown.contains("KEYTEXT") && !shown.contains("PASSPHRASE"), "{shown}");
    }

    #[test]
    fn what_cannot_work_is_refused_with_a_hint() {
        let config = SshConfig::new("bastion", "me").with_known_hosts("/known_hosts");
        let error = config.check().expect_err("no way to log in");
        assert!(matches!(error, Error::Invalid(_)) && error.detail().hint.is_some());
        let config = config.with_authentication(Authentication::agent("/agent"));
        assert!(config.check().is_ok());
        assert!(config.with_jump(JumpHost::new("-x")).check().is_err());
    }
}
