//! moto, which stands for AWS where the embedded one does not: everything that Terraform makes.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A moto that runs until this is dropped.
pub(crate) struct Moto {
    child: Child,
    endpoint: String,
    venv: PathBuf,
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Moto {
    /// Starts the one in the virtual environment that ADHOC_TEST_VENV names, on a free port.
    pub(crate) fn start() -> Self {
        let venv = std::env::var_os("ADHOC_TEST_VENV").expect("ADHOC_TEST_VENV names the virtual environment");
        let venv = PathBuf::from(venv);
        let (child, endpoint) = (0..3).find_map(|_| listening(&venv)).expect("moto starts");
        Self { child, endpoint, venv }
    }

    /// Its URL.
    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// A program of its virtual environment, which also has the AWS CLI and boto3.
    pub(crate) fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.venv.join("bin").join(name));
        command.env_clear().env("PATH", self.venv.join("bin")).stdin(Stdio::null());
        command
    }
}

/// One attempt, which fails where somebody else takes the port first.
fn listening(venv: &Path) -> Option<(Child, String)> {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    // moto, but for what it forgets of services, which Terraform would take for drift.
    let mut command = Command::new(venv.join("bin/python"));
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/moto-server"));
    command.args(["-H", "127.0.0.1", "-p", &port.to_string()]).env_clear().env("PATH", venv.join("bin"));
    // It is an AWS client itself now and then, and must not look for an account.
    command.envs([
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ]);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while child.try_wait().unwrap().is_none() {
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return Some((child, format!("http://127.0.0.1:{port}")));
        }
        std::thread::yield_now();
    }
    None
}
