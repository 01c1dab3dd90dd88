//! A bastion, spoken to by the system's own `ssh`.

use std::path::PathBuf;
use std::sync::Arc;

use adhoc_core::{Error, Tunnel};
use adhoc_db::testing::{SshdFixture, SshdOptions};
use adhoc_db::tunnel::{OpenSsh, OpenSshConfig};
use tokio::io::AsyncReadExt;

use crate::support::{Place, check, clock, says, servers_are_installed};

/// An OpenSSH configuration that knows the bastion as `bastion`.
fn configuration(place: &Place, more: &str) -> PathBuf {
    let file = place.bastion.folder().join("ssh_config");
    let text = format!("{}{more}", host("bastion", &place.bastion, place));
    std::fs::write(&file, text).unwrap();
    file
}

fn host(alias: &str, sshd: &SshdFixture, place: &Place) -> String {
    format!(
        "Host {alias}\n HostName 127.0.0.1\n Port {}\n User {}\n IdentityFile {}\n IdentitiesOnly yes\n \
         UserKnownHostsFile {}\n GlobalKnownHostsFile /dev/null\n",
        sshd.port(),
        sshd.user(),
        place.bastion.client_key().display(),
        sshd.known_hosts_file().unwrap().display(),
    )
}

/// What the first read says.
async fn refusal(tunnel: &OpenSsh, host: &str, port: u16) -> String {
    let mut stream = tunnel.open(host, port).await.unwrap();
    let error = stream.read(&mut [0; 8]).await.expect_err("it cannot work");
    assert!(!error.to_string().contains('\n'), "{error}");
    error.to_string()
}

#[tokio::test]
async fn the_users_own_configuration_leads_to_postgres() {
    if !servers_are_installed() {
        return;
    }
    let place = Place::start().await;
    let tunnel = OpenSsh::new(clock(), OpenSshConfig::new("bastion").with_file(configuration(&place, "")));
    assert_eq!(place.query(Arc::new(tunnel)).await.unwrap(), 42);
    // Without any configuration, everything is said.
    let explicit = OpenSshConfig::new("127.0.0.1")
        .with_file("/dev/null")
        .with_user(place.bastion.user())
        .with_port(place.bastion.port())
        .with_identity(place.bastion.client_key())
        .with_option(format!("UserKnownHostsFile={}", place.bastion.known_hosts_file().unwrap().display()));
    assert_eq!(place.query(Arc::new(OpenSsh::new(clock(), explicit))).await.unwrap(), 42);
}

#[tokio::test]
async fn a_configured_jump_host_is_used() {
    if !servers_are_installed() {
        return;
    }
    let place = Place::start().await;
    let jump =
        SshdOptions::new().with_permit_open(format!("127.0.0.1:{}", place.bastion.port())).start().await.unwrap();
    let public = std::fs::read_to_string(place.bastion.client_key().with_extension("pub")).unwrap();
    jump.authorize(&public).unwrap();
    let more = format!(" ProxyJump jump\n{}", host("jump", &jump, &place));
    let tunnel = OpenSsh::new(clock(), OpenSshConfig::new("bastion").with_file(configuration(&place, &more)));
    assert_eq!(place.query(Arc::new(tunnel.clone())).await.unwrap(), 42);
    assert!(jump.log().contains("Accepted publickey"), "{}", jump.log());
    // A jump host that OpenSSH would ask about is refused, rather than waited for.
    std::fs::write(jump.known_hosts_file().unwrap(), "").unwrap();
    let said = refusal(&tunnel, "127.0.0.1", place.postgres.port()).await;
    assert!(said.contains("ssh: "), "{said}");
}

#[tokio::test]
async fn what_ssh_says_is_the_reason() {
    if !servers_are_installed() {
        return;
    }
    let place = Place::start_with(SshdOptions::new().with_permit_open("127.0.0.1:1")).await;
    let file = configuration(&place, "");
    let tunnel = OpenSsh::new(clock(), OpenSshConfig::new("bastion").with_file(&file));
    assert!(refusal(&tunnel, "127.0.0.1", 2).await.contains("administratively prohibited"));
    assert!(refusal(&tunnel, "127.0.0.1", 1).await.contains("Connection refused"));
    let error = place
        .connect(Arc::new(OpenSsh::new(clock(), OpenSshConfig::new("bastion").with_file(&file).with_user("x"))))
        .await;
    let error = error.err().unwrap();
    check(&error);
    says(&error, &["ssh: ", "Permission denied"]);

    std::fs::write(place.bastion.folder().join("known_hosts"), "").unwrap();
    let said = refusal(&tunnel, "127.0.0.1", 1).await;
    assert!(said.contains("host key is known"), "{said}");
    let other = SshdFixture::start().await.unwrap();
    let line = format!("[127.0.0.1]:{} {}", place.bastion.port(), other.host_keys()[0]);
    std::fs::write(place.bastion.folder().join("known_hosts"), line).unwrap();
    let said = refusal(&tunnel, "127.0.0.1", 1).await;
    assert!(said.contains("has changed"), "{said}");
    let said =
        refusal(&OpenSsh::new(clock(), OpenSshConfig::new("127.0.0.1").with_file("/dev/null").with_port(1)), "a", 1)
            .await;
    assert!(said.contains("refused"), "{said}");
}

#[tokio::test]
async fn what_could_be_an_option_is_refused() {
    let open = |config: OpenSshConfig, host: &'static str| async move {
        OpenSsh::new(clock(), config).open(host, 1).await.err().unwrap()
    };
    let bad = [
        open(OpenSshConfig::new("-oProxyCommand=id"), "db").await,
        open(OpenSshConfig::new("bastion"), "-oProxyCommand=id").await,
        open(OpenSshConfig::new("bastion").with_user("-oProxyCommand=id"), "db").await,
        open(OpenSshConfig::new("user@bastion"), "db").await,
    ];
    for error in &bad {
        check(error);
        assert!(matches!(error, Error::Invalid(_)), "{error:?}");
    }
    let missing = open(OpenSshConfig::new("bastion").with_program("/nonexistent/ssh"), "db").await;
    check(&missing);
    says(&missing, &["/nonexistent/ssh", "not installed"]);
}

#[tokio::test]
async fn the_process_ends_with_its_stream() {
    if !servers_are_installed() {
        return;
    }
    let place = Place::start().await;
    let tunnel = Arc::new(OpenSsh::new(clock(), OpenSshConfig::new("bastion").with_file(configuration(&place, ""))));
    let session = place.connect(tunnel).await.unwrap();
    session.client().query_one("SELECT 1", &[]).await.unwrap();
    let ended = || ["Connection closed by", "Disconnected from"].iter().any(|end| place.bastion.log().contains(end));
    assert!(!ended(), "{}", place.bastion.log());
    session.close().await;
    while !ended() {
        clock().sleep(std::time::Duration::from_millis(20)).await;
    }
}
