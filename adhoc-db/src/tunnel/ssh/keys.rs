//! Private keys, and what may be wrong with them.

use std::io;
use std::path::Path;

use adhoc_core::{Error, ExposeSecret, Result, SecretString};
use russh::keys::{Algorithm, PrivateKey, decode_secret_key, key::safe_rng};

/// Reads the key in a file.
pub(super) fn read(path: &Path, passphrase: Option<&SecretString>) -> Result<PrivateKey> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| {
        let reason = match error.kind() {
            io::ErrorKind::NotFound => "there is no such key file",
            io::ErrorKind::PermissionDenied => "the key file may not be read",
            io::ErrorKind::InvalidData => "the file is no private key",
            io::ErrorKind::IsADirectory => "the key file is a folder",
            _ => "the key file cannot be read",
        };
        Error::database("read key", name.clone(), reason)
            .with_source(error)
            .with_hint("name the private key: the file without `.pub`, readable for you")
    })?;
    decode(&name, &SecretString::from(text), passphrase)
}

/// Reads a key from its text; `name` says which in an error.
pub(super) fn decode(name: &str, text: &SecretString, passphrase: Option<&SecretString>) -> Result<PrivateKey> {
    let wrong = |reason: &str, hint: &str| Error::database("read key", name, reason).with_hint(hint);
    let text = text.expose_secret();
    if is_public(text) {
        return Err(wrong("this is a public key", "name the private key: the file without `.pub`"));
    }
    if !text.contains("PRIVATE KEY-----") && !text.starts_with("PuTTY-User-Key-File-") {
        return Err(wrong(
            "this is no private key",
            "a private key begins with `-----BEGIN OPENSSH PRIVATE KEY-----` or the like",
        ));
    }
    // The parser looks for the markers at the very beginning of a line.
    let text = SecretString::from(text.replace("\r\n", "\n").lines().map(str::trim).collect::<Vec<_>>().join("\n"));
    let passphrase = passphrase.map(ExposeSecret::expose_secret).filter(|passphrase| !passphrase.is_empty());
    decode_secret_key(text.expose_secret(), passphrase).map_err(|error| {
        // The parser's own words could repeat what it has read.
        tracing::debug!(kind = ?std::mem::discriminant(&error), "key not read");
        match (is_encrypted(text.expose_secret()), passphrase) {
            (true, None) => wrong(
                "the key is encrypted and there is no passphrase",
                "give the passphrase, or load the key into an agent with `ssh-add`",
            ),
            (true, Some(_)) => wrong(
                "the passphrase does not open the key",
                "check the passphrase; `ssh-keygen -y -f FILE` asks for it",
            ),
            (false, _) => wrong(
                "the private key is damaged or of a kind that is not supported",
                "`ssh-keygen -y -f FILE` tells more; ed25519, ecdsa and rsa keys work",
            ),
        }
    })
}

/// A key that lives as long as one log-in.
pub(super) fn generate() -> Result<PrivateKey> {
    PrivateKey::random(&mut safe_rng(), Algorithm::Ed25519)
        .map_err(|error| Error::internal("make key", "", error.to_string()))
}

fn is_public(text: &str) -> bool {
    let first = text.split_whitespace().next().unwrap_or_default();
    ["ssh-", "ecdsa-sha2-", "sk-"].iter().any(|kind| first.starts_with(kind)) || text.contains("PUBLIC KEY-----")
}

fn is_encrypted(text: &str) -> bool {
    let by_header = text.contains("BEGIN ENCRYPTED PRIVATE KEY") || text.contains("Proc-Type: 4,ENCRYPTED");
    by_header || PrivateKey::from_openssh(text).is_ok_and(|key| key.is_encrypted())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(text: &str) -> String {
        let error = decode("the key", &SecretString::from(text.to_owned()), None).expect_err("no key");
        assert!(error.detail().hint.is_some());
        error.to_string()
    }

    #[test]
    fn what_is_no_key_is_named() {
        assert!(reason("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI me@here").contains("public key"));
        assert!(reason("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----").contains("public key"));
        assert!(reason("hello").contains("no private key"));
        assert!(reason("").contains("no private key"));
        let damaged = reason("-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0\n-----END OPENSSH PRIVATE KEY-----\n");
        assert!(damaged.contains("damaged") && !damaged.contains("c2VjcmV0"), "{damaged}");
    }

    #[test]
    fn indented_text_and_windows_line_ends_are_read() {
        use russh::keys::ssh_key::LineEnding;
        let text = generate().expect("a key").to_openssh(LineEnding::CRLF).expect("text");
        let indented: String = text.lines().map(|line| format!("  {line}\r\n")).collect();
        for text in [text.to_string(), indented, text.trim_end().to_owned()] {
            decode("the key", &SecretString::from(text), None).expect("a key");
        }
    }
}
