//! Every tunnel to a real Postgres through a real OpenSSH server, and what each says when it cannot work.

#![expect(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

mod support;

use std::sync::{Arc, Mutex};

use adhoc_core::{Error, Tunnel};
use adhoc_db::testing::{SshdFixture, SshdOptions};
use adhoc_db::tunnel::{Authentication, Direct, HostKeyPolicy, JumpHost, KeyPusher, Ssh, SshConfig, listen};
use support::{Agent, Place, check, clock, config, says, servers_are_installed};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn postgres_answers_without_a_tunnel() {
    if !servers_are_installed() {
        return;
    }
    let place = Place::start().await;
    let direct = Arc::new(Direct::new(clock()));
    assert_eq!(place.query(direct.clone()).await.unwrap(), 42);
    let error = direct.open("127.0.0.1", 1).await.err().unwrap();
    check(&error);
    says(&error, &["127.0.0.1:1", "refused"]);
    assert!(matches!(direct.open("-h", 1).await, Err(Error::Invalid(_))));
}

#[tokio::test]
async fn every_kind_of_key_logs_in() {
    if !servers_are_installed() {
        return;
    }
    let place = Place::start().await;
    for (name, kind, passphrase) in [
        ("ed25519", "ed25519", ""),
        ("rsa", "rsa", ""),
        ("ecdsa", "ecdsa", ""),
        ("ed25519-locked", "ed25519", "open sesame"),
        ("rsa-locked", "rsa", "open sesame"),
    ] {
        let path = place.bastion.generate_key(name, kind, passphrase).unwrap();
        place.bastion.authorize(&std::fs::read_to_string(format!("{}.pub", path.display())).unwrap()).unwrap();
        let in_file = Authentication::key_file(&path).with_passphrase(passphrase.to_owned());
        let text = std::fs::read_to_string(&path).unwrap();
        let in_memory = Authentication::key(text).with_passphrase(passphrase.to_owned());
        for method in [in_file, in_memory] {
            let tunnel = Ssh::new(clock(), place.keyless().with_authentication(method));
            assert_eq!(place.query(Arc::new(tunnel)).await.unwrap(), 42, "{name}");
        }
    }
    // Never with SHA-1, although the key's own type is called ssh-rsa.
    assert!(place.bastion.log().contains("Accepted publickey"), "{}", place.bastion.log());
}

#[tokio::test]
async fn keys_in_pem_formats_log_in() {
    if !servers_are_installed() {
        return;
    }
    let place = Place::start().await;
    for (kind, format) in [("rsa", "PEM"), ("rsa", "PKCS8"), ("ecdsa", "PKCS8")] {
        let name = format!("{kind}-{format}");
        let path = place.bastion.generate_key(&name, kind, "").unwrap();
        place.bastion.authorize(&std::fs::read_to_string(format!("{}.pub", path.display())).unwrap()).unwrap();
        let convert = ["-q", "-p", "-N", "", "-P", "", "-m", format, "-f"];
        assert!(std::process::Command::new("ssh-keygen").args(convert).arg(&path).status().unwrap().success());
        let tunnel = Ssh::new(clock(), place.keyless().with_authentication(Authentication::key_file(&path)));
        assert_eq!(place.query(Arc::new(tunnel)).await.unwrap(), 42, "{name}");
    }
}

#[tokio::test]
async fn an_agent_logs_in() {
    if !servers_are_installed() {
        return;
    }
    let place = Place::start().await;
    // The right key comes second, after one that the bastion refuses.
    let other = place.bastion.generate_key("other", "rsa", "").unwrap();
    let agent = Agent::start(place.bastion.folder(), &[&other, &place.bastion.client_key()]).await;
    let tunnel = Ssh::new(clock(), place.keyless().with_authentication(Authentication::agent(&agent.socket)));
    assert_eq!(place.query(Arc::new(tunnel)).await.unwrap(), 42);
}

/// Does what EC2 Instance Connect does: lets a key in.
struct Pusher {
    file: std::path::PathBuf,
    pushed: Mutex<Vec<String>>,
}

#[async_trait::async_trait]
impl KeyPusher for Pusher {
    async fn push(&self, _user: &str, public_key: &str) -> adhoc_core::Result<()> {
        std::fs::write(&self.file, format!("{public_key}\n")).unwrap();
        self.pushed.lock().unwrap().push(public_key.to_owned());
        Ok(())
    }
}

#[tokio::test]
async fn a_key_is_pushed_for_every_connection() {
    if !servers_are_installed() {
        return;
    }
    let mut place = Place::start().await;
    let pusher = Arc::new(Pusher { file: place.bastion.pushed_keys(), pushed: Mutex::default() });
    let tunnel = Ssh::new(clock(), place.keyless().with_authentication(Authentication::pushed(pusher.clone())));
    assert_eq!(place.query(Arc::new(tunnel.clone())).await.unwrap(), 42);
    assert_eq!(place.query(Arc::new(tunnel.clone())).await.unwrap(), 42);
    assert_eq!(pusher.pushed.lock().unwrap().len(), 1, "the connection is shared");
    std::fs::remove_file(place.bastion.pushed_keys()).unwrap();
    place.bastion.restart().await.unwrap();
    assert_eq!(place.query(Arc::new(tunnel)).await.unwrap(), 42);
    let pushed = pusher.pushed.lock().unwrap();
    assert!(pushed.len() == 2 && pushed[0] != pushed[1], "{pushed:?}");
    assert!(pushed[0].starts_with("ssh-ed25519 AAAA") && !pushed[0].contains('\n'), "{pushed:?}");
}
