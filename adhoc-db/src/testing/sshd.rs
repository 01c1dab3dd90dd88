//! A real OpenSSH server on loopback.

use std::collections::BTreeSet;
use std::io::{self, Read};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use adhoc_core::{Clock, SystemClock};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::process::{Account, Server, find, free_port, record};

const FOLDERS: [&str; 4] = ["/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin", "/usr/lib/ssh"];

/// What an [`SshdFixture`] allows.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SshdOptions {
    /// `PermitOpen`: the `host:port` that may be reached through it; all if empty.
    pub permit_open: Vec<String>,
    /// The types of its host keys, as `ssh-keygen -t` calls them.
    pub host_keys: Vec<String>,
    /// Public keys that may log in besides the fixture's own.
    pub authorized_keys: Vec<String>,
    /// More lines of `sshd_config`, before the fixture's own.
    pub first_settings: Vec<String>,
    /// More lines of `sshd_config`, after them.
    pub settings: Vec<String>,
}

impl SshdOptions {
    /// Forwarding to anywhere, one ed25519 host key, and the fixture's own client key.
    #[must_use]
    pub fn new() -> Self {
        Self {
            permit_open: Vec::new(),
            host_keys: vec!["ed25519".to_owned()],
            authorized_keys: Vec::new(),
            first_settings: Vec::new(),
            settings: Vec::new(),
        }
    }

    /// Allows forwarding to `place` (`host:port`), and to no place that is not allowed likewise.
    #[must_use]
    pub fn with_permit_open(mut self, place: impl Into<String>) -> Self {
        self.permit_open.push(place.into());
        self
    }

    /// Has host keys of these types, the server's most preferred first.
    #[must_use]
    pub fn with_host_keys(mut self, types: &[&str]) -> Self {
        self.host_keys = types.iter().map(|&name| name.to_owned()).collect();
        self
    }

    /// Lets the owner of `public_key` log in.
    #[must_use]
    pub fn with_authorized_key(mut self, public_key: impl Into<String>) -> Self {
        self.authorized_keys.push(public_key.into());
        self
    }

    /// Adds a line to `sshd_config`.
    #[must_use]
    pub fn with_setting(mut self, line: impl Into<String>) -> Self {
        self.settings.push(line.into());
        self
    }

    /// Adds a line before all others; OpenSSH takes the first of several values.
    #[must_use]
    pub fn with_first_setting(mut self, line: impl Into<String>) -> Self {
        self.first_settings.push(line.into());
        self
    }

    /// Starts the server.
    ///
    /// # Errors
    ///
    /// If OpenSSH's server is not installed or does not start; with its log.
    pub async fn start(self) -> io::Result<SshdFixture> {
        SshdFixture::start_with(&self).await
    }
}

impl Default for SshdOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// An SSH server that forwards and does nothing else, as a bastion should.
///
/// It runs unprivileged, so [`user`](Self::user) is the only one who can log in. Dropping it ends the server, its
/// connections too, and removes its folder.
pub struct SshdFixture {
    server: Option<Server>,
    account: Account,
    program: PathBuf,
    folder: TempDir,
    port: u16,
    user: String,
    host_keys: Vec<String>,
}

impl SshdFixture {
    /// Where this machine has `sshd`; none if it has not.
    #[must_use]
    pub fn program() -> Option<PathBuf> {
        find("sshd", &FOLDERS)
    }

    /// Starts a server with the defaults of [`SshdOptions`].
    ///
    /// # Errors
    ///
    /// As [`SshdOptions::start`].
    pub async fn start() -> io::Result<Self> {
        SshdOptions::new().start().await
    }

    async fn start_with(options: &SshdOptions) -> io::Result<Self> {
        let program = Self::program().ok_or_else(|| io::Error::other("OpenSSH is not installed: no sshd found"))?;
        let account = Account::unprivileged()?;
        let folder = tempfile::Builder::new().prefix("adhoc-sshd-").tempdir()?;
        let keys = account.folder(&folder, "keys")?;
        std::fs::create_dir(folder.path().join("pushed"))?;
        let user = output(account.command(Path::new("/usr/bin/id")).arg("-un"))?;
        let port = free_port()?;
        let mut host_keys = Vec::new();
        for name in &options.host_keys {
            generate(account.command(Path::new("/usr/bin/ssh-keygen")), name, "", &keys.join(name))?;
            host_keys.push(std::fs::read_to_string(keys.join(format!("{name}.pub")))?);
        }
        let mut fixture = Self { server: None, account, program, folder, port, user, host_keys };
        let own = fixture.generate_key("client", "ed25519", "")?;
        fixture.authorize(&std::fs::read_to_string(own.with_extension("pub"))?)?;
        for key in &options.authorized_keys {
            fixture.authorize(key)?;
        }
        std::fs::write(fixture.folder.path().join("sshd_config"), fixture.config(options))?;
        fixture.launch().await?;
        record("openssh", &fixture.version());
        Ok(fixture)
    }

    fn config(&self, options: &SshdOptions) -> String {
        let folder = self.folder.path().display();
        let mut lines = options.first_settings.clone();
        lines.extend([
            format!("Port {}", self.port),
            "ListenAddress 127.0.0.1".to_owned(),
            "PidFile none".to_owned(),
            "UsePAM no".to_owned(),
            "StrictModes no".to_owned(),
            "LogLevel VERBOSE".to_owned(),
            "AuthenticationMethods publickey".to_owned(),
            "AllowTcpForwarding local".to_owned(),
            // A test may open many connections at once.
            "MaxStartups 100".to_owned(),
            format!("AuthorizedKeysFile {folder}/authorized_keys {folder}/pushed/%u"),
        ]);
        lines.extend(options.host_keys.iter().map(|name| format!("HostKey {folder}/keys/{name}")));
        if !options.permit_open.is_empty() {
            lines.push(format!("PermitOpen {}", options.permit_open.join(" ")));
        }
        lines.extend(options.settings.iter().cloned());
        lines.push(String::new());
        lines.join("\n")
    }

    /// Starts the server process and waits until it answers.
    async fn launch(&mut self) -> io::Result<()> {
        let mut command = self.account.command(&self.program);
        command.arg("-D").arg("-e").arg("-f").arg(self.folder.path().join("sshd_config"));
        let log = self.folder.path().join("log");
        let mut server = Server::start(command, &log, Signal::TERM)?;
        let clock = SystemClock::new();
        for _ in 0..250 {
            if self.answers() {
                self.server = Some(server);
                return Ok(());
            }
            if server.has_ended() {
                break;
            }
            clock.sleep(Duration::from_millis(20)).await;
        }
        Err(io::Error::other(format!("sshd does not answer\n{}", self.log())))
    }

    fn answers(&self) -> bool {
        let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)) else { return false };
        let mut banner = [0; 4];
        stream.set_read_timeout(Some(Duration::from_secs(2))).is_ok()
            && stream.read_exact(&mut banner).is_ok()
            && &banner == b"SSH-"
    }

    /// The port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The one user who can log in.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The folder with its configuration and keys; a test may keep files of its own there.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The host keys as a `known_hosts` file has them, one line each.
    #[must_use]
    pub fn known_hosts(&self) -> String {
        self.host_keys.iter().map(|key| format!("[127.0.0.1]:{} {key}", self.port)).collect()
    }

    /// Writes [`known_hosts`](Self::known_hosts) to a file.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn known_hosts_file(&self) -> io::Result<PathBuf> {
        let path = self.folder.path().join("known_hosts");
        std::fs::write(&path, self.known_hosts())?;
        Ok(path)
    }

    /// The public host keys, in the order of [`SshdOptions::host_keys`]: type, key and comment.
    #[must_use]
    pub fn host_keys(&self) -> &[String] {
        &self.host_keys
    }

    /// The private key file of the client that may log in, without a passphrase.
    #[must_use]
    pub fn client_key(&self) -> PathBuf {
        self.folder.path().join("client")
    }

    /// Makes a key for a client, which may not log in yet; the public half lies beside it as `NAME.pub`.
    ///
    /// # Errors
    ///
    /// If `ssh-keygen` fails.
    pub fn generate_key(&self, name: &str, kind: &str, passphrase: &str) -> io::Result<PathBuf> {
        let path = self.folder.path().join(name);
        generate(Command::new("ssh-keygen"), kind, passphrase, &path)?;
        Ok(path)
    }

    /// Lets the owner of `public_key` log in from now on.
    ///
    /// # Errors
    ///
    /// If the file of authorised keys cannot be written.
    pub fn authorize(&self, public_key: &str) -> io::Result<()> {
        let path = self.folder.path().join("authorized_keys");
        let mut text = std::fs::read_to_string(&path).unwrap_or_default();
        text.push_str(public_key.trim_end());
        text.push('\n');
        std::fs::write(&path, text)
    }

    /// The file whose keys may log in too, made by nobody at first: what EC2 Instance Connect would push goes there.
    #[must_use]
    pub fn pushed_keys(&self) -> PathBuf {
        self.folder.path().join("pushed").join(&self.user)
    }

    /// What the server has logged since it was started last.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// The version, such as `9.2p1`.
    #[must_use]
    pub fn version(&self) -> String {
        let output = Command::new("ssh").arg("-V").output();
        let text = output.map(|output| String::from_utf8_lossy(&output.stderr).into_owned()).unwrap_or_default();
        let version = text.split([' ', ',']).next().and_then(|word| word.strip_prefix("OpenSSH_"));
        version.unwrap_or("unknown").to_owned()
    }

    /// Freezes the server and what serves its connections, as a bastion that has died without a word. Dropping the fixture
    /// still works.
    pub fn freeze(&self) {
        self.signal_all(Signal::STOP);
    }

    /// Ends every connection, and lets the server go on.
    pub fn kill_connections(&self) {
        for pid in self.descendants() {
            signal(pid, Signal::KILL);
        }
    }

    /// Ends the server and every connection.
    pub fn stop(&mut self) {
        self.signal_all(Signal::CONT);
        self.kill_connections();
        self.server = None;
    }

    /// Ends the server and every connection, and starts it again on the same port.
    ///
    /// # Errors
    ///
    /// If it does not start.
    pub async fn restart(&mut self) -> io::Result<()> {
        self.stop();
        self.launch().await
    }

    fn signal_all(&self, which: Signal) {
        // The server first, so that it cannot accept another connection meanwhile.
        if let Some(server) = &self.server {
            server.signal(which);
        }
        for pid in self.descendants() {
            signal(pid, which);
        }
    }

    /// The processes that the server has started, and those that these have.
    fn descendants(&self) -> BTreeSet<u32> {
        let Some(server) = &self.server else { return BTreeSet::new() };
        let pairs = processes();
        let mut family = BTreeSet::from([server.id()]);
        loop {
            let before = family.len();
            family.extend(
                pairs.iter().filter(|(_, parent)| family.contains(parent)).map(|(pid, _)| *pid).collect::<Vec<_>>(),
            );
            if family.len() == before {
                break;
            }
        }
        family.remove(&server.id());
        family
    }
}

impl Drop for SshdFixture {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Every process and its parent.
fn processes() -> Vec<(u32, u32)> {
    let output = Command::new("ps").args(["-axo", "pid=,ppid="]).output();
    if let Ok(text) = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
        && !text.is_empty()
    {
        let pair = |line: &str| {
            let mut words = line.split_whitespace();
            Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?))
        };
        return text.lines().filter_map(pair).collect();
    }
    let stat = |entry: io::Result<std::fs::DirEntry>| {
        let entry = entry.ok()?;
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let text = std::fs::read_to_string(entry.path().join("stat")).ok()?;
        // The name stands in parentheses and may hold anything; the state and the parent follow it.
        let parent = text.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
        Some((pid, parent))
    };
    std::fs::read_dir("/proc").into_iter().flatten().filter_map(stat).collect()
}

fn signal(pid: u32, which: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, which);
    }
}

fn generate(mut command: Command, kind: &str, passphrase: &str, path: &Path) -> io::Result<()> {
    output(command.args(["-q", "-t", kind, "-N", passphrase, "-C", "adhoc-test", "-f"]).arg(path)).map(drop)
}

fn output(command: &mut Command) -> io::Result<String> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    }
    Err(io::Error::other(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr))))
}
