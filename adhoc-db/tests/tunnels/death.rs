//! Bastions that die without a word. That it takes no more than ten seconds is left to the limit that the test run sets:
//! without a watch, these would wait for ever.

use std::sync::Arc;

use adhoc_core::{BoxedStream, Tunnel};
use adhoc_db::testing::SshdOptions;
use adhoc_db::tunnel::{JumpHost, OpenSsh, OpenSshConfig, Ssh};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{Place, clock, servers_are_installed};

/// What a read that waits says, and then a write.
async fn last_words(mut stream: BoxedStream) -> String {
    let error = stream.read(&mut [0; 8]).await.expect_err("nobody is there");
    stream.write_all(b"x").await.expect_err("nobody is there");
    error.to_string()
}

/// Sends until nobody takes any more, and then what that says.
async fn upload(mut stream: BoxedStream) -> String {
    let chunk = vec![0; 1 << 20];
    loop {
        if let Err(error) = stream.write_all(&chunk).await {
            return error.to_string();
        }
    }
}

/// A port that takes everything and answers nothing.
async fn sink() -> u16 {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            tokio::spawn(async move { tokio::io::copy(&mut socket, &mut tokio::io::sink()).await });
        }
    });
    port
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_bastion_fails_waiting_reads_and_writes() {
    if !servers_are_installed() {
        return;
    }
    let port = sink().await;
    let place = Place::start_with(SshdOptions::new().with_permit_open(format!("127.0.0.1:{port}"))).await;
    let tunnel = Arc::new(Ssh::new(clock(), place.config()));
    let session = place.connect(tunnel.clone()).await.unwrap();
    let idle = tunnel.open("127.0.0.1", port).await.unwrap();
    let busy = tunnel.separate().open("127.0.0.1", port).await.unwrap();
    let busy = tokio::spawn(upload(busy));
    place.bastion.freeze();
    let said = last_words(idle).await;
    assert!(said.contains("the bastion") && said.contains("no longer answers"), "{said}");
    let said = busy.await.unwrap();
    assert!(said.contains("no longer answers"), "{said}");
    session.client().query_one("SELECT 1", &[]).await.expect_err("the connection is lost");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_bastion_behind_a_jump_host_is_noticed_too() {
    if !servers_are_installed() {
        return;
    }
    let port = sink().await;
    let place = Place::start_with(SshdOptions::new().with_permit_open(format!("127.0.0.1:{port}"))).await;
    let jump = SshdOptions::new().start().await.unwrap();
    jump.authorize(&std::fs::read_to_string(place.bastion.client_key().with_extension("pub")).unwrap()).unwrap();
    let through = JumpHost::new("127.0.0.1").with_user(jump.user()).with_port(jump.port());
    let config = place.config().with_jump(through).with_known_hosts(jump.known_hosts_file().unwrap());
    let tunnel = Ssh::new(clock(), config);
    let idle = tunnel.open("127.0.0.1", port).await.unwrap();
    // More streams than the buffers on the way have room for, so that the connection itself gets stuck.
    let stuck = tunnel.separate();
    let mut busy = Vec::new();
    for _ in 0..12 {
        busy.push(tokio::spawn(upload(stuck.open("127.0.0.1", port).await.unwrap())));
    }
    place.bastion.freeze();
    let said = last_words(idle).await;
    assert!(said.contains("the bastion") && said.contains("no longer answers"), "{said}");
    for upload in busy {
        let said = upload.await.unwrap();
        assert!(said.contains("no longer answers"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bastion_that_is_killed_fails_at_once() {
    if !servers_are_installed() {
        return;
    }
    let port = sink().await;
    let place = Place::start_with(SshdOptions::new().with_permit_open(format!("127.0.0.1:{port}"))).await;
    let tunnel = Ssh::new(clock(), place.config());
    let stream = tunnel.open("127.0.0.1", port).await.unwrap();
    place.bastion.kill_connections();
    let said = last_words(stream).await;
    assert!(said.contains("was lost: it closed the connection"), "{said}");
    assert_eq!(place.query(Arc::new(tunnel)).await.unwrap(), 42, "the next stream has a new connection");
}

#[tokio::test(flavor = "multi_thread")]
async fn openssh_notices_a_frozen_bastion() {
    if !servers_are_installed() {
        return;
    }
    let port = sink().await;
    let place = Place::start_with(SshdOptions::new().with_permit_open(format!("127.0.0.1:{port}"))).await;
    let config = OpenSshConfig::new("127.0.0.1")
        .with_file("/dev/null")
        .with_user(place.bastion.user())
        .with_port(place.bastion.port())
        .with_identity(place.bastion.client_key())
        .with_option(format!("UserKnownHostsFile={}", place.bastion.known_hosts_file().unwrap().display()));
    let tunnel = Arc::new(OpenSsh::new(clock(), config));
    // It does not tell when it is connected; an answer does.
    let session = place.connect(tunnel.clone()).await.unwrap();
    place.bastion.freeze();
    session.client().query_one("SELECT 1", &[]).await.expect_err("the connection is lost");
    // One that has not even begun fails as well.
    let mut stream = tunnel.open("127.0.0.1", port).await.unwrap();
    let said = stream.read(&mut [0; 8]).await.expect_err("nobody is there").to_string();
    assert!(said.contains("timed out"), "{said}");
}
