//! A bastion, spoken to by this program itself.

use std::sync::{Arc, Mutex};

use adhoc_core::{Error, Tunnel};
use adhoc_db::testing::{SshdFixture, SshdOptions};
use adhoc_db::tunnel::{Authentication, Direct, HostKeyPolicy, JumpHost, KeyPusher, Ssh, SshConfig, listen};
use adhoc_db::{Postgres, Tls};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_util::sync::CancellationToken;

use crate::support::{Agent, Place, check, clock, says, servers_are_installed};

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
        place.bastion.authorize(&public(&path)).unwrap();
        let in_file = Authentication::key_file(&path).with_passphrase(passphrase.to_owned());
        let text = std::fs::read_to_string(&path).unwrap();
        let in_memory = Authentication::key(text).with_passphrase(passphrase.to_owned());
        for method in [in_file, in_memory] {
            let tunnel = Ssh::new(clock(), place.keyless().with_authentication(method));
            assert_eq!(place.query(Arc::new(tunnel)).await.unwrap(), 42, "{name}");
        }
    }
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
        place.bastion.authorize(&public(&path)).unwrap();
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

fn public(key: &std::path::Path) -> String {
    std::fs::read_to_string(format!("{}.pub", key.display())).unwrap()
}

#[tokio::test]
async fn jump_hosts_are_passed_through_and_verified() {
    if !servers_are_installed() {
        return;
    }
    let place = Place::start().await;
    let jump =
        SshdOptions::new().with_permit_open(format!("127.0.0.1:{}", place.bastion.port())).start().await.unwrap();
    jump.authorize(&public(&place.bastion.client_key())).unwrap();
    let through = JumpHost::new("127.0.0.1").with_user(jump.user()).with_port(jump.port());
    let unverified = place.config().with_jump(through);
    let error = place.failure(unverified.clone()).await;
    says(&error, &["the jump host", "in no known_hosts file", &jump.port().to_string()]);
    let tunnel = Ssh::new(clock(), unverified.with_known_hosts(jump.known_hosts_file().unwrap()));
    assert_eq!(place.query(Arc::new(tunnel)).await.unwrap(), 42);
    assert!(jump.log().contains("Accepted publickey"), "{}", jump.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn many_streams_share_one_connection() {
    if !servers_are_installed() {
        return;
    }
    let place = Place::start().await;
    let tunnel = Ssh::new(clock(), place.config());
    let queries = (0..20).map(|_| place.query(Arc::new(tunnel.clone())));
    for answer in futures_util::future::join_all(queries).await {
        assert_eq!(answer.unwrap(), 42);
    }
    assert_eq!(place.bastion.log().matches("Accepted publickey").count(), 1, "{}", place.bastion.log());
    assert_eq!(place.query(Arc::new(tunnel.separate())).await.unwrap(), 42);
    assert_eq!(place.bastion.log().matches("Accepted publickey").count(), 2, "one of its own");
}

#[tokio::test]
async fn a_restarted_bastion_is_connected_to_anew() {
    if !servers_are_installed() {
        return;
    }
    let mut place = Place::start().await;
    let tunnel = Arc::new(Ssh::new(clock(), place.config()));
    assert_eq!(place.query(tunnel.clone()).await.unwrap(), 42);
    place.bastion.restart().await.unwrap();
    assert_eq!(place.query(tunnel.clone()).await.unwrap(), 42);
    place.bastion.stop();
    let error = place.query(tunnel).await.expect_err("it is gone");
    check(&error);
    says(&error, &["the bastion", "refused"]);
}

#[tokio::test]
async fn a_stream_outlives_the_tunnel_that_opened_it() {
    if !servers_are_installed() {
        return;
    }
    let place = Place::start().await;
    let tunnel: Arc<dyn Tunnel> = Arc::new(Ssh::new(clock(), place.config()));
    let mut stream = tunnel.open("127.0.0.1", place.postgres.port()).await.unwrap();
    drop(tunnel);
    stream.write_all(&[0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f]).await.unwrap();
    assert_eq!(stream.read_u8().await.unwrap(), b'N');
}

#[tokio::test]
async fn a_host_known_by_one_kind_of_key_is_asked_for_that_kind() {
    if !servers_are_installed() {
        return;
    }
    let place = Place::start_with(SshdOptions::new().with_host_keys(&["ed25519", "ecdsa", "rsa"])).await;
    for line in place.bastion.known_hosts().lines() {
        std::fs::write(place.bastion.folder().join("known_hosts"), format!("{line}\n")).unwrap();
        let config = SshConfig::new("127.0.0.1", place.bastion.user())
            .with_port(place.bastion.port())
            .with_known_hosts(place.bastion.folder().join("known_hosts"))
            .with_authentication(Authentication::key_file(place.bastion.client_key()));
        assert_eq!(place.query(Arc::new(Ssh::new(clock(), config))).await.unwrap(), 42, "{line}");
    }
}

#[tokio::test]
async fn hashed_names_are_known() {
    if !servers_are_installed() {
        return;
    }
    let place = Place::start().await;
    let config = place.config();
    let file = place.bastion.known_hosts_file().unwrap();
    assert!(std::process::Command::new("ssh-keygen").args(["-q", "-H", "-f"]).arg(&file).status().unwrap().success());
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.starts_with("|1|") && !text.contains("127.0.0.1"), "{text}");
    assert_eq!(place.query(Arc::new(Ssh::new(clock(), config))).await.unwrap(), 42);
}

#[tokio::test]
async fn a_new_host_is_accepted_once_and_then_known() {
    if !servers_are_installed() {
        return;
    }
    let place = Place::start().await;
    let file = place.bastion.folder().join("new/known_hosts");
    let config = || {
        SshConfig::new("127.0.0.1", place.bastion.user())
            .with_port(place.bastion.port())
            .with_known_hosts(&file)
            .with_authentication(Authentication::key_file(place.bastion.client_key()))
    };
    says(&place.failure(config()).await, &["in no known_hosts file", "SHA256:"]);
    let accepting = config().with_host_key_policy(HostKeyPolicy::AcceptNew);
    assert_eq!(place.query(Arc::new(Ssh::new(clock(), accepting.clone()))).await.unwrap(), 42);
    assert_eq!(place.query(Arc::new(Ssh::new(clock(), config()))).await.unwrap(), 42);
    // OpenSSH can read what was written.
    let name = format!("[127.0.0.1]:{}", place.bastion.port());
    let found = std::process::Command::new("ssh-keygen").args(["-F", &name, "-f"]).arg(&file).output().unwrap();
    assert!(String::from_utf8_lossy(&found.stdout).contains("ssh-ed25519"), "{found:?}");
    // It accepts new hosts, and no new keys of known ones.
    let other = SshdFixture::start().await.unwrap();
    let key = &other.host_keys()[0];
    std::fs::write(&file, format!("[127.0.0.1]:{} {key}", place.bastion.port())).unwrap();
    says(&place.failure(accepting).await, &["another host key", "known_hosts:1"]);
    assert_eq!(std::fs::read_to_string(&file).unwrap().lines().count(), 1);
}

#[tokio::test]
async fn a_port_on_loopback_leads_through_the_tunnel_until_cancelled() {
    if !servers_are_installed() {
        return;
    }
    let place = Place::start().await;
    let tunnel = Arc::new(Ssh::new(clock(), place.config()));
    let listener = listen(tunnel.clone(), "127.0.0.1", place.postgres.port(), 0).await.unwrap();
    let address = listener.address();
    assert!(address.ip().is_loopback());
    let taken = listen(tunnel.clone(), "127.0.0.1", 1, address.port()).await.err().unwrap();
    check(&taken);
    says(&taken, &["taken"]);
    let cancellation = CancellationToken::new();
    let (stop, forwarding) = (cancellation.clone(), tokio::spawn(async move { listener.forward(&cancellation).await }));
    let direct = Arc::new(Direct::new(clock()));
    let server = Postgres::new(direct, clock(), "127.0.0.1", address.port(), Tls::Disabled);
    let session = server.connect("postgres", &place.postgres.master()).await.unwrap();
    session.close().await;
    assert!(place.bastion.log().contains("Accepted publickey"), "{}", place.bastion.log());
    stop.cancel();
    forwarding.await.unwrap().unwrap();
    assert!(tokio::net::TcpStream::connect(address).await.is_err(), "it listens no more");

    let hopeless = listen(tunnel, "127.0.0.1", 1, 0).await.unwrap();
    let (address, never) = (hopeless.address(), CancellationToken::new());
    let (forwarded, _client) = tokio::join!(hopeless.forward(&never), tokio::net::TcpStream::connect(address));
    says(&forwarded.expect_err("nobody is there"), &["administratively prohibited"]);
}
