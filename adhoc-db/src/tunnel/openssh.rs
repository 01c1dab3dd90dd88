//! A bastion, spoken to by the system's own `ssh`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;

use adhoc_core::{BoxedStream, Clock, Error, Result, Tunnel};
use async_trait::async_trait;
use tokio::io::join;
use tokio::process::Command;

use super::lost::{Guarded, Lost};
use super::program::{Program, Worth, not_started};
use super::{check_host, check_user};

/// What OpenSSH says after it has said what matters.
const EPILOGUES: [&str; 5] = [
    "stdio forwarding failed",
    "Host key verification failed",
    "Connection closed by",
    "kex_exchange_identification",
    "Killed by signal",
];

/// How to call `ssh`. All but the bastion may be left to the user's OpenSSH configuration.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct OpenSshConfig {
    /// The bastion: a name, an address, or an alias of the OpenSSH configuration.
    pub host: String,
    /// The program; `ssh` on the PATH unless set.
    pub program: PathBuf,
    /// The user to log in as; as configured if none.
    pub user: Option<String>,
    /// The bastion's port; as configured if none.
    pub port: Option<u16>,
    /// Another configuration file than the user's (`-F`).
    pub file: Option<PathBuf>,
    /// Key files to try first (`-i`).
    pub identities: Vec<PathBuf>,
    /// Whether a host that is met for the first time is believed and written down; default no.
    pub accept_new: bool,
    /// More settings (`-o`), such as `ProxyJump=jump`. They do not override the ones that this tunnel needs.
    pub options: Vec<String>,
}

impl OpenSshConfig {
    /// The bastion `host`, as it is configured for OpenSSH.
    pub fn new(host: impl Into<String>) -> Self {
        Self {
            host: host.into(),
            program: "ssh".into(),
            user: None,
            port: None,
            file: None,
            identities: Vec::new(),
            accept_new: false,
            options: Vec::new(),
        }
    }

    /// Runs `program` instead of the `ssh` on the PATH.
    #[must_use]
    pub fn with_program(mut self, program: impl Into<PathBuf>) -> Self {
        self.program = program.into();
        self
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
        self.port = Some(port);
        self
    }

    /// Reads `file` instead of the user's configuration.
    #[must_use]
    pub fn with_file(mut self, file: impl Into<PathBuf>) -> Self {
        self.file = Some(file.into());
        self
    }

    /// Tries the key in the file `identity`, after those named before.
    #[must_use]
    pub fn with_identity(mut self, identity: impl Into<PathBuf>) -> Self {
        self.identities.push(identity.into());
        self
    }

    /// Believes a host that is met for the first time.
    #[must_use]
    pub fn with_accept_new(mut self, accept: bool) -> Self {
        self.accept_new = accept;
        self
    }

    /// Adds a setting, `Name=value`.
    #[must_use]
    pub fn with_option(mut self, option: impl Into<String>) -> Self {
        self.options.push(option.into());
        self
    }

    /// The arguments for a stream to `port` on `host`. OpenSSH takes the first of several values, so ours come first.
    fn arguments(&self, host: &str, port: u16) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = Vec::new();
        if let Some(file) = &self.file {
            arguments.extend(["-F".into(), file.into()]);
        }
        let needed = [
            "BatchMode=yes",
            "ServerAliveInterval=3",
            "ServerAliveCountMax=2",
            // Less than Postgres is given, so that it is ssh that tells.
            "ConnectTimeout=8",
            // What goes wrong is told at this level.
            "LogLevel=INFO",
            // A shared connection would outlive this one, and would not notice that the bastion is dead.
            "ControlPath=none",
            // Only what this tunnel needs is forwarded, and nothing is run.
            "ClearAllForwardings=yes",
            "PermitLocalCommand=no",
        ];
        let trusted = if self.accept_new { "StrictHostKeyChecking=accept-new" } else { "StrictHostKeyChecking=yes" };
        let options = needed.into_iter().chain([trusted]).chain(self.options.iter().map(String::as_str));
        for option in options {
            arguments.extend(["-o".into(), option.into()]);
        }
        for identity in &self.identities {
            arguments.extend(["-i".into(), identity.into()]);
        }
        if let Some(port) = self.port {
            arguments.extend(["-p".into(), port.to_string().into()]);
        }
        if let Some(user) = &self.user {
            arguments.extend(["-l".into(), user.into()]);
        }
        let place = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
        arguments.extend(["-W".into(), place.into(), "--".into(), self.host.clone().into()]);
        arguments
    }

    fn check(&self) -> Result<()> {
        check_host(&self.host)?;
        self.user.as_deref().map_or(Ok(()), check_user)
    }
}

/// Goes through an SSH bastion with the system's `ssh -W`, one process for each stream, and so with all that the user has
/// configured for OpenSSH: `ProxyJump`, keys on security tokens, certificates. No local port is opened.
///
/// It never asks anything (`BatchMode=yes`) and accepts an unknown host only if told to (`StrictHostKeyChecking`). A bastion that
/// has gone silent is given up after nine seconds. The process ends when its stream is dropped.
///
/// `ssh` does not tell when its connection is made, so [`open`](Tunnel::open) does not wait for that: a bastion that refuses
/// fails the first read, with an [`io::Error`](std::io::Error) that holds what `ssh` said.
#[derive(Clone)]
pub struct OpenSsh {
    clock: Arc<dyn Clock>,
    config: OpenSshConfig,
}

impl OpenSsh {
    /// A tunnel through the bastion of `config`. Nothing is started yet.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, config: OpenSshConfig) -> Self {
        Self { clock, config }
    }
}

#[async_trait]
impl Tunnel for OpenSsh {
    async fn open(&self, host: &str, port: u16) -> Result<BoxedStream> {
        check_host(host)?;
        self.config.check()?;
        let mut command = Command::new(&self.config.program);
        command.args(self.config.arguments(host, port)).env("LC_ALL", "C").stdin(Stdio::piped());
        // Nor may the `ssh` of a jump host, which takes no settings from ours, wait for an answer from the terminal.
        command.env("SSH_ASKPASS_REQUIRE", "force").env("SSH_ASKPASS", "false");
        let lost = Lost::default();
        let started = Program::start(self.clock.clone(), command, lost.clone(), "ssh", worth);
        let (program, pipes) = started.map_err(|error| {
            Error::database("ssh", self.config.program.display().to_string(), not_started(&error))
                .with_source(error)
                .with_hint("install OpenSSH's client, or use `bastion = \"ssh\"`, which needs no program")
        })?;
        let Some(stdin) = pipes.stdin else { return Err(Error::internal("ssh", "", "no pipe to the program")) };
        let stream = Guarded::new(Box::new(join(pipes.stdout, stdin)), lost).patient().keeping(program);
        Ok(Box::new(stream))
    }
}

fn worth(line: &str) -> Worth {
    match line {
        "" => Worth::Nothing,
        line if EPILOGUES.iter().any(|epilogue| line.starts_with(epilogue)) => Worth::Little,
        _ => Worth::Much,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_settings_come_before_the_callers() {
        let config = OpenSshConfig::new("bastion").with_user("me").with_option("BatchMode=no").with_port(2222);
        let arguments = config.arguments("db", 5432);
        let place = |text: &str| arguments.iter().position(|argument| argument == text).expect("it is there");
        assert!(place("BatchMode=yes") < place("BatchMode=no"));
        assert_eq!(arguments[arguments.len() - 4..], ["-W", "db:5432", "--", "bastion"]);
        assert_eq!(config.arguments("::1", 5432)[arguments.len() - 3], "[::1]:5432");
    }

    #[test]
    fn what_matters_is_not_the_last_line() {
        let why = worth("channel 0: open failed: administratively prohibited: open failed");
        assert!(why > worth("stdio forwarding failed") && worth("stdio forwarding failed") > worth(""));
    }
}
