//! What the SSH tunnel says when it cannot work.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use adhoc_core::{Error, Tunnel};
use adhoc_db::testing::{SshdFixture, SshdOptions};
use adhoc_db::tunnel::{Authentication, HostKeyPolicy, Ssh, SshConfig};

use crate::support::{Agent, Place, check, clock, says, servers_are_installed};

fn write(place: &Place, name: &str, text: &str) -> PathBuf {
    let path = place.bastion.folder().join(name);
    std::fs::write(&path, text).unwrap();
    path
}

/// The bastion's configuration, but with these known hosts.
fn knowing(place: &Place, file: &Path) -> SshConfig {
    let config = SshConfig::new("127.0.0.1", place.bastion.user()).with_port(place.bastion.port());
    config.with_known_hosts(file).with_authentication(Authentication::key_file(place.bastion.client_key()))
}

#[tokio::test]
async fn a_host_that_is_not_who_it_was_is_refused() {
    if !servers_are_installed() {
        return;
    }
    let place = Place::start().await;
    let other = SshdFixture::start().await.unwrap();
    let name = format!("[127.0.0.1]:{}", place.bastion.port());

    let file = write(&place, "changed", &format!("# a comment\n{name} {}", other.host_keys()[0]));
    let error = place.failure(knowing(&place, &file)).await;
    says(&error, &["another host key", &format!("{}:2", file.display()), "SHA256:"]);
    assert!(error.detail().hint.as_ref().unwrap().contains(&format!("ssh-keygen -R '{name}'")));

    let file = write(&place, "missing", "");
    let error = place.failure(knowing(&place, &file)).await;
    says(&error, &["in no known_hosts file", "ssh-ed25519 SHA256:"]);
    let hint = error.detail().hint.as_ref().unwrap();
    assert!(hint.contains("ssh-keyscan") && hint.contains("strict_host_key_checking"), "{hint}");

    let key = &place.bastion.host_keys()[0];
    let file = write(&place, "revoked", &format!("{name} {key}@revoked * {key}"));
    for policy in [HostKeyPolicy::Strict, HostKeyPolicy::AcceptNew] {
        let error = place.failure(knowing(&place, &file).with_host_key_policy(policy)).await;
        says(&error, &["revoked", &format!("{}:2", file.display())]);
    }

    let rsa = SshdOptions::new().with_host_keys(&["ecdsa"]).start().await.unwrap();
    let file = write(&place, "kind", &format!("{name} {}", rsa.host_keys()[0]));
    for policy in [HostKeyPolicy::Strict, HostKeyPolicy::AcceptNew] {
        let error = place.failure(knowing(&place, &file).with_host_key_policy(policy)).await;
        says(&error, &["another kind of host key", &format!("{}:1", file.display())]);
    }
    assert!(!place.bastion.log().contains("Accepted"), "nobody got as far as logging in");
}

#[tokio::test]
async fn a_key_that_cannot_be_used_is_named() {
    if !servers_are_installed() {
        return;
    }
    let place = Place::start().await;
    let locked = place.bastion.generate_key("locked", "ed25519", "open sesame").unwrap();
    let key = place.bastion.client_key();
    let junk = write(&place, "junk", "this is not a key, but a secret\n");
    let cases = [
        (Authentication::key_file(&locked), "encrypted"),
        (Authentication::key_file(&locked).with_passphrase("open barley".to_owned()), "the passphrase does not open"),
        (Authentication::key_file(key.with_extension("pub")), "public key"),
        (Authentication::key_file(place.bastion.folder()), "folder"),
        (Authentication::key_file("/nonexistent/key"), "no such key file"),
        (Authentication::key_file(&junk), "no private key"),
        (Authentication::key("a secret".to_owned()), "no private key"),
    ];
    for (method, reason) in cases {
        let error = place.failure(place.keyless().with_authentication(method)).await;
        says(&error, &[reason]);
        let shown = format!("{error:?} {}", error.chain().join(" "));
        assert!(!shown.contains("secret") && !shown.contains("sesame") && !shown.contains("barley"), "{shown}");
    }
    // What is wrong with one key does not keep another from working.
    let second = place.keyless().with_authentication(Authentication::key_file("/nonexistent/key"));
    let second = second.with_authentication(Authentication::key_file(&key));
    assert_eq!(place.query(Arc::new(Ssh::new(clock(), second))).await.unwrap(), 42);
}

#[tokio::test]
async fn a_refused_log_in_names_every_key_that_was_tried() {
    if !servers_are_installed() {
        return;
    }
    let place = Place::start().await;
    let stranger = place.bastion.generate_key("stranger", "ed25519", "").unwrap();
    let rsa = place.bastion.generate_key("rsa", "rsa", "").unwrap();
    let agent = Agent::start(place.bastion.folder(), &[&rsa]).await;
    let config = place
        .keyless()
        .with_authentication(Authentication::key_file(&stranger))
        .with_authentication(Authentication::key_file("/nonexistent/key"))
        .with_authentication(Authentication::agent(&agent.socket));
    let error = place.failure(config).await;
    let fingerprint = std::process::Command::new("ssh-keygen").arg("-lf").arg(&rsa).output().unwrap();
    let fingerprint = String::from_utf8(fingerprint.stdout).unwrap();
    let fingerprint = fingerprint.split(' ').nth(1).unwrap();
    says(&error, &["refused every key", "stranger", fingerprint, "adhoc-test, from the agent", "no such key file"]);
    // The right key for the wrong user.
    let config = SshConfig::new("127.0.0.1", "somebody").with_port(place.bastion.port());
    let config = config.with_known_hosts(place.bastion.known_hosts_file().unwrap());
    let error = place.failure(config.with_authentication(Authentication::key_file(place.bastion.client_key()))).await;
    assert!(error.detail().hint.as_ref().unwrap().contains("`somebody`"), "{error:?}");
}

#[tokio::test]
async fn more_keys_than_the_bastion_lets_try_are_too_many() {
    if !servers_are_installed() {
        return;
    }
    let place = Place::start_with(SshdOptions::new().with_setting("MaxAuthTries 2")).await;
    let mut config = place.keyless();
    for name in ["one", "two", "three", "four"] {
        let key = place.bastion.generate_key(name, "ed25519", "").unwrap();
        config = config.with_authentication(Authentication::key_file(key));
    }
    let error = place.failure(config.with_authentication(Authentication::key_file(place.bastion.client_key()))).await;
    says(&error, &["closed the connection"]);
}

#[tokio::test]
async fn an_agent_that_cannot_help_says_why() {
    if !servers_are_installed() {
        return;
    }
    let place = Place::start().await;
    let error = place.failure(place.keyless().with_authentication(Authentication::agent("/nonexistent/agent"))).await;
    says(&error, &["/nonexistent/agent", "does not answer"]);
    let agent = Agent::start(place.bastion.folder(), &[]).await;
    let error = place.failure(place.keyless().with_authentication(Authentication::agent(&agent.socket))).await;
    says(&error, &["no keys"]);
}

#[tokio::test]
async fn a_second_factor_is_named() {
    if !servers_are_installed() {
        return;
    }
    let options = SshdOptions::new();
    let place = Place::start_with(options.with_first_setting("AuthenticationMethods publickey,password")).await;
    let error = place.failure(place.config()).await;
    says(&error, &["wants password too"]);
}

#[tokio::test]
async fn what_the_bastion_does_not_forward_is_refused() {
    if !servers_are_installed() {
        return;
    }
    let place =
        Place::start_with(SshdOptions::new().with_permit_open("127.0.0.1:1").with_permit_open("nowhere.invalid:5432"))
            .await;
    let tunnel = Ssh::new(clock(), place.config());
    let cases = [
        ("127.0.0.1", 2, "administratively prohibited"),
        ("127.0.0.1", 1, "cannot connect"),
        ("nowhere.invalid", 5432, "cannot connect"),
    ];
    for (host, port, reason) in cases {
        let error = tunnel.open(host, port).await.err().unwrap();
        check(&error);
        says(&error, &[reason, &format!("{host}:{port}")]);
        assert_eq!(error.detail().hint.as_ref().unwrap().contains("PermitOpen"), port == 2);
    }
    assert!(matches!(tunnel.open("-oProxyCommand=id", 1).await, Err(Error::Invalid(_))));
    // None of that did the connection any harm.
    assert_eq!(place.query(Arc::new(tunnel)).await.unwrap(), 42);
}

#[tokio::test]
async fn a_bastion_that_is_not_there_is_named() {
    if !servers_are_installed() {
        return;
    }
    let place = Place::start().await;
    let key = Authentication::key_file(place.bastion.client_key());
    let at = |host: &str, port: u16| {
        let config = SshConfig::new(host, "me").with_port(port).with_authentication(key.clone());
        config.with_known_hosts(place.bastion.known_hosts_file().unwrap())
    };
    says(&place.failure(at("127.0.0.1", 1)).await, &["me@127.0.0.1:1", "cannot be reached", "refused"]);
    says(&place.failure(at("nowhere.invalid", 22)).await, &["nowhere.invalid", "cannot be reached"]);
    // Postgres listens there, and says nothing before it is asked.
    says(&place.failure(at("127.0.0.1", place.postgres.port())).await, &["no SSH connection"]);
    // Somebody listens, and that is all.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    says(&place.failure(at("127.0.0.1", silent.local_addr().unwrap().port())).await, &["says nothing"]);
}

#[tokio::test]
async fn algorithms_that_nobody_shares_are_named() {
    if !servers_are_installed() {
        return;
    }
    let place = Place::start_with(SshdOptions::new().with_setting("Ciphers aes256-cbc")).await;
    says(&place.failure(place.config()).await, &["Cipher", "in common", "aes256-cbc"]);
}
