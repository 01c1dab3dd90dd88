//! Whether a host is who it says it is.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use adhoc_core::{Error, Result};
use russh::keys::{Algorithm, HashAlg, PublicKey};

use super::config::{Hop, HostKeyPolicy};
use crate::tunnel::known_hosts::{KnownHosts, Place, Verdict, entry_name};

/// The gate that a hop has to pass.
#[derive(Debug)]
pub(super) struct HostKeys {
    hop: Hop,
    files: Vec<PathBuf>,
    policy: HostKeyPolicy,
    known: KnownHosts,
}

impl HostKeys {
    /// Reads the files, now: they may have changed since the last connection.
    pub(super) fn read(hop: &Hop, files: &[PathBuf], policy: HostKeyPolicy) -> Result<Self> {
        let mut known = KnownHosts::default();
        for file in files {
            match std::fs::read(file) {
                Ok(bytes) => known.add(file, &String::from_utf8_lossy(&bytes)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    return Err(Error::invalid("ssh", file.display().to_string(), "the known hosts cannot be read")
                        .with_source(error)
                        .with_hint("check the file's owner and mode"));
                }
            }
        }
        Ok(Self { hop: hop.clone(), files: files.to_vec(), policy, known })
    }

    /// The algorithms to ask for: those first that the host is known by, so that it does not show a key that nobody knows.
    pub(super) fn preferred(&self, all: &[Algorithm]) -> Vec<Algorithm> {
        let known = self.known.algorithms(&self.hop.host, self.hop.port);
        let is_known = |algorithm: &&Algorithm| match algorithm {
            Algorithm::Rsa { .. } => known.iter().any(|known| matches!(known, Algorithm::Rsa { .. })),
            algorithm => known.contains(algorithm),
        };
        let (mut first, rest): (Vec<&Algorithm>, Vec<&Algorithm>) = all.iter().partition(is_known);
        first.extend(rest);
        first.into_iter().cloned().collect()
    }

    /// Lets the host pass, or says why not.
    pub(super) fn check(&self, key: &PublicKey) -> Result<()> {
        match self.known.judge(&self.hop.host, self.hop.port, key) {
            Verdict::Known => Ok(()),
            Verdict::Unknown if self.policy == HostKeyPolicy::AcceptNew => self.learn(key),
            Verdict::Unknown => Err(self.unknown(key)),
            Verdict::Changed(place) => Err(self.changed(key, &place)),
            Verdict::OtherKind(place) => Err(self.other_kind(key, &place)),
            Verdict::Revoked(place) => Err(self.revoked(key, &place)),
        }
    }

    fn refused(&self, reason: String) -> Error {
        Error::database("ssh", self.hop.to_string(), reason)
    }

    fn unknown(&self, key: &PublicKey) -> Error {
        let file = self.files.first().map(|file| file.display().to_string()).unwrap_or_default();
        self.refused(format!("{} is in no known_hosts file; its host key is {}", self.hop.role(), describe(key))).with_hint(
            format!(
                "compare that fingerprint with the host's own (`ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` there), then \
                 `ssh-keyscan -p {} {} >> {file}`; or have new hosts accepted: `strict_host_key_checking = \"accept-new\"`",
                self.hop.port, self.hop.host
            ),
        )
    }

    fn changed(&self, key: &PublicKey, place: &Place) -> Error {
        self.refused(format!(
            "{} shows another host key than the one at {place}; it is {} now, and somebody may be in between",
            self.hop.role(),
            describe(key)
        ))
        .with_hint(self.forget(place))
    }

    fn other_kind(&self, key: &PublicKey, place: &Place) -> Error {
        self.refused(format!(
            "{} is known by another kind of host key, at {place}, but shows {}; somebody may be in between",
            self.hop.role(),
            describe(key)
        ))
        .with_hint(self.forget(place))
    }

    fn revoked(&self, key: &PublicKey, place: &Place) -> Error {
        self.refused(format!("{} shows a host key that is revoked at {place}: {}", self.hop.role(), describe(key)))
            .with_hint("do not connect to it; give the host a new key")
    }

    fn forget(&self, place: &Place) -> String {
        format!(
            "only if the host was made anew: `ssh-keygen -R '{}' -f {}`, then add its new key",
            entry_name(&self.hop.host, self.hop.port),
            place.file.display()
        )
    }

    /// Writes the key of a new host to the first file.
    fn learn(&self, key: &PublicKey) -> Result<()> {
        let Some(file) = self.files.first() else { return Err(self.unknown(key)) };
        let key =
            PublicKey::new(key.key_data().clone(), "").to_openssh().map_err(|error| self.refused(error.to_string()))?;
        let name = entry_name(&self.hop.host, self.hop.port);
        append(file, &format!("{name} {}\n", key.trim_end())).map_err(|error| {
            self.refused(format!("its host key cannot be added to {}: {error}", file.display()))
                .with_hint("make the file writable, or name another one first")
        })
    }
}

/// Adds a line to a file, on a line of its own; makes the file and its folder if need be, for the user alone.
fn append(file: &Path, line: &str) -> io::Result<()> {
    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let ends_well = std::fs::read(file).map_or(true, |bytes| bytes.last().is_none_or(|&last| last == b'\n'));
    let start = if ends_well { "" } else { "\n" };
    // In one write, so that two runs do not mix their lines.
    OpenOptions::new().append(true).create(true).mode(0o600).open(file)?.write_all(format!("{start}{line}").as_bytes())
}

/// A key as people compare it.
pub(super) fn describe(key: &PublicKey) -> String {
    format!("{} {}", key.algorithm(), key.fingerprint(HashAlg::Sha256))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";

    fn hop() -> Hop {
        Hop { user: "me".to_owned(), host: "bastion".to_owned(), port: 2222, is_jump: false }
    }

    #[test]
    fn a_new_host_is_written_down_for_the_user_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("ssh/known_hosts");
        let key = PublicKey::from_openssh(KEY).expect("a key");
        let files = [file.clone()];
        let gate = |policy| HostKeys::read(&hop(), &files, policy).expect("read");
        assert!(gate(HostKeyPolicy::Strict).check(&key).is_err());
        gate(HostKeyPolicy::AcceptNew).check(&key).expect("new");
        gate(HostKeyPolicy::Strict).check(&key).expect("known now");
        let mode = |path: &Path| std::fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
        assert_eq!((mode(&file), mode(file.parent().expect("a folder"))), (0o600, 0o700));
    }

    #[test]
    fn a_file_without_a_last_newline_keeps_its_last_line() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("known_hosts");
        std::fs::write(&file, format!("other {KEY}")).expect("written");
        let key = PublicKey::from_openssh(KEY).expect("a key");
        let files = [file.clone()];
        HostKeys::read(&hop(), &files, HostKeyPolicy::AcceptNew).expect("read").check(&key).expect("new");
        assert_eq!(std::fs::read_to_string(&file).expect("text"), format!("other {KEY}\n[bastion]:2222 {KEY}\n"));
    }

    #[test]
    fn the_algorithms_of_known_keys_come_first() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("known_hosts");
        std::fs::write(&file, format!("[bastion]:2222 {KEY}\n")).expect("written");
        let gate = HostKeys::read(&hop(), &[file], HostKeyPolicy::Strict).expect("read");
        let rsa = Algorithm::Rsa { hash: Some(HashAlg::Sha256) };
        assert_eq!(gate.preferred(&[rsa.clone(), Algorithm::Ed25519]), [Algorithm::Ed25519, rsa]);
    }
}
