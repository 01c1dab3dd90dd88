//! EC2 Instance Connect: a public key that lets in for a minute.

use crate::{clock::sleep_ms, error::ApiError, json::Members, keys::Keys, shared::Shared, topology::Instance};
use axum::http::StatusCode;
use serde_json::{Value, json};
use std::sync::Arc;

pub(crate) fn call(shared: &Shared, operation: &str, input: &Value) -> Result<Value, ApiError> {
    match operation {
        "SendSSHPublicKey" => send_key(shared, input),
        _ => Err(ApiError::unknown_operation()),
    }
}

fn send_key(shared: &Shared, input: &Value) -> Result<Value, ApiError> {
    let text = |name| input.text(name).unwrap_or_default();
    let (user, key) = (valid_user(text("InstanceOSUser"))?, valid_key(text("SSHPublicKey"))?);
    let instance = instance(shared, text("InstanceId"))?;
    if let Some(zone) = input.text("AvailabilityZone").filter(|zone| *zone != instance.zone) {
        return Err(invalid(format!("{} is not in the availability zone {zone}.", instance.id)));
    }
    let pushed = shared.keys.push(user, key).map_err(|error| {
        let message = format!("the key cannot be written: {error}");
        ApiError::new("ServiceException", message).with_status(StatusCode::INTERNAL_SERVER_ERROR)
    })?;
    if let Some(serial) = pushed {
        tokio::spawn(forget(Arc::clone(&shared.keys), serial));
    }
    Ok(json!({"RequestId": uuid::Uuid::new_v4().to_string(), "Success": true}))
}

async fn forget(keys: Arc<Keys>, serial: u64) {
    sleep_ms(keys.lifetime_ms).await;
    keys.remove(serial);
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new("InvalidArgsException", message)
}

fn constraint(member: &str, value: &str, pattern: &str) -> ApiError {
    invalid(format!(
        "1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: Member must satisfy \
         regular expression pattern: {pattern}"
    ))
}

fn instance<'a>(shared: &'a Shared, id: &str) -> Result<&'a Instance, ApiError> {
    let digits = id.strip_prefix("i-").unwrap_or_default();
    if digits.is_empty() || !digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return Err(constraint("instanceId", id, "^i-[a-f0-9]+$"));
    }
    let missing = || ApiError::new("EC2InstanceNotFoundException", format!("Instance not found: {id}"));
    shared.topology.instance(id).ok_or_else(missing)
}

/// The name is a file's name, too: this pattern lets no path through.
fn valid_user(user: &str) -> Result<&str, ApiError> {
    let first = |byte: &u8| byte.is_ascii_alphabetic() || *byte == b'_';
    let rest = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    if user.len() > 32 || !user.as_bytes().first().is_some_and(first) || !user.bytes().all(rest) {
        return Err(constraint("instanceOSUser", user, "[A-Za-z_][A-Za-z0-9_.-]{0,31}"));
    }
    Ok(user)
}

/// One line with an Ed25519 or an RSA key, in the form of OpenSSH: no options before it, no second key after it.
fn valid_key(key: &str) -> Result<&str, ApiError> {
    let line = key.trim_end_matches(['\r', '\n']);
    if !(80..=4096).contains(&key.len()) || line.chars().any(char::is_control) {
        return Err(invalid("The SSH public key must be one line of 80 to 4096 characters."));
    }
    let mut words = line.split(' ');
    let begin = match words.next() {
        // The name of the key's type is also at the beginning of its body.
        Some("ssh-ed25519") => "AAAAC3NzaC1lZDI1NTE5",
        Some("ssh-rsa") => "AAAAB3NzaC1yc2E",
        _ => return Err(invalid("The SSH public key must be of the type ED25519 or RSA.")),
    };
    let base64 = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte);
    let body = words.next().unwrap_or_default();
    if !body.starts_with(begin) || !body.bytes().all(base64) {
        return Err(invalid("SSH Public key is invalid"));
    }
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::{valid_key, valid_user};

    const BODY: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIFPVbUjzZWBzp2eZzQ1TEpYSGXRDbbYNrfbbMkpcPsQN";

    #[test]
    fn a_user_is_never_a_path() {
        for user in ["ec2-user", "_x", "a.b", &"a".repeat(32)] {
            assert_eq!(valid_user(user).unwrap(), user);
        }
        for user in ["", ".", "..", "../x", "a/b", "-a", ".a", "1a", "a b", "a\n", "a\0", "ü", &"a".repeat(33)] {
            assert_eq!(valid_user(user).unwrap_err().code, "InvalidArgsException", "{user:?}");
        }
    }

    #[test]
    fn a_key_is_one_line_without_options() {
        let good = format!("ssh-ed25519 {BODY}");
        assert_eq!(valid_key(&format!("{good}\n")).unwrap(), good);
        assert!(valid_key(&format!("{good} me@here, at my desk")).is_ok());
        for key in [
            String::new(),
            BODY.to_owned(),
            format!("command=\"true\" {good}"),
            format!("{good}\n{good}"),
            format!("ssh-rsa {BODY} of another type"),
            format!("ecdsa-sha2-nistp256 {BODY}"),
            format!("ssh-ed25519  {BODY}"),
            format!("{good}%"),
            format!("{good} {}", "x".repeat(4096)),
        ] {
            assert_eq!(valid_key(&key).unwrap_err().code, "InvalidArgsException", "{key:?}");
        }
    }
}
