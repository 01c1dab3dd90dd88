//! moto, from the virtual environment that ADHOC_TEST_VENV names.

#![expect(unreachable_pub, clippy::panic, reason = "a helper that fails is a test that fails")]

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use adhoc_ecs::Ecs;
use aws_types::SdkConfig;

use crate::support::{eventually, sdk_config};

/// The virtual environment; `None`, said aloud, if there is none and none is required.
fn venv() -> Option<PathBuf> {
    if let Some(venv) = std::env::var_os("ADHOC_TEST_VENV") {
        return Some(venv.into());
    }
    assert!(
        std::env::var_os("ADHOC_TEST_REQUIRE").is_none_or(|required| required != "1"),
        "moto is required, but ADHOC_TEST_VENV is not set"
    );
    say("skipped: moto (ADHOC_TEST_VENV is not set)");
    None
}

#[expect(clippy::print_stdout, reason = "a test that does not run says so")]
fn say(line: &str) {
    println!("{line}");
}

/// A moto server on a port of its own. Dropping it ends it.
pub struct Moto {
    process: Child,
    pub config: SdkConfig,
    pub ecs: Ecs,
}

impl Drop for Moto {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Moto {
    pub async fn start() -> Option<Self> {
        let venv = venv()?;
        took_part(&venv);
        for _ in 0..3 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let mut process = serve(&venv, port);
            let is_up = eventually("moto to listen", async || {
                // Someone else may have taken the port in the meantime.
                let ended = process.try_wait().unwrap().is_some();
                let listens = TcpStream::connect(("127.0.0.1", port)).is_ok();
                (ended || listens).then_some(!ended)
            });
            if is_up.await {
                let config = sdk_config(&format!("http://127.0.0.1:{port}"));
                return Some(Self { process, ecs: Ecs::on_aws(&config), config });
            }
        }
        panic!("moto does not start");
    }
}

fn serve(venv: &Path, port: u16) -> Child {
    let mut command = Command::new(venv.join("bin/moto_server"));
    command.args(["-H", "127.0.0.1", "-p", &port.to_string()]).env_clear().env("PATH", venv.join("bin"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

fn took_part(venv: &Path) {
    let Some(ledger) = std::env::var_os("ADHOC_TEST_LEDGER") else { return };
    let script = "import importlib.metadata; print('moto', importlib.metadata.version('moto'))";
    let version = Command::new(venv.join("bin/python")).args(["-c", script]).output().unwrap();
    assert!(version.status.success(), "{version:?}");
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(ledger).unwrap();
    file.write_all(&version.stdout).unwrap();
}
