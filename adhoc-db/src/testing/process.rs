//! Starting and stopping servers for a test.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, geteuid, kill_process};
use tempfile::TempDir;

/// A program on the PATH or in one of `folders`, where a `*` stands for any one folder name.
pub(super) fn find(program: &str, folders: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let listed = std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file());
    listed.or_else(|| folders.iter().flat_map(|pattern| expand(pattern)).map(|f| f.join(program)).find(|f| f.is_file()))
}

/// The folders that match a pattern with at most one `*`; the greatest name first.
fn expand(pattern: &str) -> Vec<PathBuf> {
    let Some((parent, rest)) = pattern.split_once("/*") else { return vec![PathBuf::from(pattern)] };
    let entries = std::fs::read_dir(parent).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    folders.sort_by_key(|path| path.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok()));
    folders.into_iter().rev().map(|folder| folder.join(rest.trim_start_matches('/'))).collect()
}

/// A port on loopback that is free now.
pub(super) fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// The account that servers run under: our own, or for root, one that is not.
#[derive(Clone, Copy)]
pub(super) struct Account(Option<(u32, u32)>);

impl Account {
    pub(super) fn unprivileged() -> io::Result<Self> {
        if !geteuid().is_root() {
            return Ok(Self(None));
        }
        let passwd = std::fs::read_to_string("/etc/passwd")?;
        let ids = ["postgres", "nobody"].iter().find_map(|user| {
            let line = passwd.lines().find(|line| line.split(':').next() == Some(user))?;
            let mut fields = line.split(':').skip(2);
            Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
        });
        ids.map(|ids| Self(Some(ids))).ok_or_else(|| io::Error::other("no account `postgres` or `nobody`"))
    }

    pub(super) fn command(self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C").stdin(Stdio::null());
        if let Some((user, group)) = self.0 {
            command.uid(user).gid(group);
        }
        command
    }

    /// A folder that this account owns, under `parent`.
    pub(super) fn folder(self, parent: &TempDir, name: &str) -> io::Result<PathBuf> {
        let folder = parent.path().join(name);
        std::fs::set_permissions(parent.path(), std::fs::Permissions::from_mode(0o755))?;
        std::fs::create_dir(&folder)?;
        self.give(&folder, 0o700)?;
        Ok(folder)
    }

    /// Hands a file or folder over to this account.
    pub(super) fn give(self, path: &Path, mode: u32) -> io::Result<()> {
        if let Some((user, group)) = self.0 {
            chown(path, Some(user), Some(group))?;
        }
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
    }
}

/// A server process, ended by `signal` when dropped.
pub(super) struct Server {
    child: Child,
    signal: Signal,
}

impl Server {
    pub(super) fn start(mut command: Command, log: &Path, signal: Signal) -> io::Result<Self> {
        let log = std::fs::File::create(log)?;
        let child = command.stdout(log.try_clone()?).stderr(log).spawn()?;
        Ok(Self { child, signal })
    }

    pub(super) fn signal(&self, signal: Signal) {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, signal);
        }
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(super) fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A server that a test has frozen would not see the other signal.
        self.signal(Signal::CONT);
        self.signal(self.signal);
        let _ = self.child.wait();
    }
}

/// Notes that a component took part, for the closing table of the test run.
pub(super) fn record(name: &str, version: &str) {
    use std::io::Write;
    let Some(path) = std::env::var_os("ADHOC_TEST_LEDGER") else { return };
    if let Ok(mut ledger) = std::fs::OpenOptions::new().append(true).create(true).open(path) {
        let _ = writeln!(ledger, "{name} {version}");
    }
}
