//! The program under test, run as a user would run it, against an embedded AWS in this process.

#![allow(clippy::allow_attributes, dead_code, reason = "each test file uses its own part, and one of them all")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a fixture that cannot be set up fails the test")]

pub(crate) mod account;
pub(crate) mod moto;
pub(crate) mod place;
pub(crate) mod site;

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use adhoc_local::{EnvironmentSpec, Scenario, Server, Timing};
use serde_json::Value;

/// An embedded AWS and the runtime that drives it.
pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) folder: tempfile::TempDir,
    runtime: tokio::runtime::Runtime,
}

impl World {
    /// With the environment `alpha`, its backend at v1.0.0 and running.
    pub(crate) fn new() -> Self {
        Self::with(Self::scenario(running("alpha")))
    }

    pub(crate) fn scenario(environment: EnvironmentSpec) -> Scenario {
        Scenario::empty().with_timing(Timing::instant()).with_environment(environment)
    }

    pub(crate) fn with(scenario: Scenario) -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let server = runtime.block_on(Server::start_with(scenario)).unwrap();
        Self { server, folder: tempfile::tempdir().unwrap(), runtime }
    }

    /// Writes a file beside which the program runs.
    pub(crate) fn file(&self, name: &str, text: &str) -> &Self {
        std::fs::write(self.folder.path().join(name), text).unwrap();
        self
    }

    /// A shell command that runs until the file `name` is written.
    pub(crate) fn until_file(&self, name: &str) -> String {
        format!("while [ ! -e '{}' ]; do sleep 0.05; done", self.folder.path().join(name).display())
    }

    /// The program with the environment of a user whose AWS is the embedded one, and nothing of this machine's.
    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = bare_command(line, self.folder.path());
        command
            .env("AWS_ENDPOINT_URL", self.server.endpoint())
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test-secret-key-never-shown");
        command
    }

    pub(crate) fn adhoc(&self, line: &str) -> Run {
        Run::of(self.command(line).output().unwrap())
    }

    pub(crate) fn spawn(&self, line: &str) -> Child {
        self.command(line).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// The operations that change something, in order.
    pub(crate) fn mutations(&self) -> Vec<String> {
        let changes = ["Register", "Run", "Update", "Create", "Delete", "Stop", "Deregister", "Put"];
        let calls = self.server.calls().into_iter().map(|call| call.operation);
        calls.filter(|operation| changes.iter().any(|change| operation.starts_with(change))).collect()
    }

    /// Runs something on the world's own runtime.
    pub(crate) fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// Waits until `condition` holds, for ten seconds at the most.
    pub(crate) fn until(&self, what: &str, condition: impl Fn() -> bool) {
        let clock = adhoc_core::SystemClock::new();
        self.runtime.block_on(async {
            for _ in 0..1000 {
                if condition() {
                    return;
                }
                adhoc_core::Clock::sleep(&clock, std::time::Duration::from_millis(10)).await;
            }
            panic!("never happened: {what}");
        });
    }
}

/// An environment whose backend runs v1.0.0.
pub(crate) fn running(name: &str) -> EnvironmentSpec {
    ["gunicorn", "default", "beat", "web-ui"]
        .into_iter()
        .fold(EnvironmentSpec::new(name).with_image_tag("v1.0.0"), |spec, role| spec.with_desired_count(role, 1))
}

/// Ctrl-C for a child.
pub(crate) fn interrupt(child: &Child) {
    let status = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(status.success());
}

pub(crate) fn bare_command(line: &str, folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_adhoc"));
    command
        .args(line.split_whitespace().map(|word| if word == "''" { "" } else { word }))
        .current_dir(folder)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", folder)
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .stdin(Stdio::null());
    command
}

/// What a run of the program left.
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    pub(crate) fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Asserts the exit code, showing everything where it is another.
    #[track_caller]
    pub(crate) fn ends_with(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// The lines that say what is wrong.
    pub(crate) fn errors(&self) -> Vec<&str> {
        self.stderr.lines().filter(|line| line.starts_with("error:")).collect()
    }

    /// The JSON lines on stdout.
    pub(crate) fn events(&self) -> Vec<Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
    }

    /// The last JSON line, which must be the summary.
    pub(crate) fn summary(&self) -> Value {
        let last = self.events().pop().expect("an event");
        assert_eq!(last["event"], "summary", "{last}");
        last
    }
}
