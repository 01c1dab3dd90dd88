//! One process of the session manager plugin.

use std::process::Stdio;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use adhoc_core::{Clock, Error, ExposeSecret, Result, within};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{ChildStdout, Command};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::watch::keep_watch;
use super::{SsmConfig, SsmSession, SsmSessions};
use crate::tunnel::lost::Lost;
use crate::tunnel::program::{LastWords, Program, Worth, not_started};

/// The variable in which the plugin takes the session, as the AWS CLI hands it over: an argument could be read by everybody.
const VARIABLE: &str = "AWS_SSM_START_SESSION_RESPONSE";
/// The first version that does.
const OLDEST: [u32; 3] = [1, 2, 497];
const VERSION_TIMEOUT: Duration = Duration::from_secs(5);
const START_TIMEOUT: Duration = Duration::from_secs(30);
const READY_TIMEOUT: Duration = Duration::from_secs(20);
const TERMINATE_TIMEOUT: Duration = Duration::from_secs(5);
const INSTALL: &str = "install it: https://docs.aws.amazon.com/systems-manager/latest/userguide/session-manager-working-with-install-plugin.html";

/// Refuses a plugin that is missing or too old.
pub(super) async fn check_version(clock: &dyn Clock, config: &SsmConfig) -> Result<()> {
    let failed =
        |reason: String| Error::database("ssm", config.program.display().to_string(), reason).with_hint(INSTALL);
    let mut command = Command::new(&config.program);
    command.arg("--version").stdin(Stdio::null()).kill_on_drop(true);
    let output = within(clock, VERSION_TIMEOUT, command.output()).await;
    let output = output.ok_or_else(|| failed("the program does not tell its version within 5 s".to_owned()))?;
    let output = output.map_err(|error| failed(not_started(&error).to_owned()).with_source(error))?;
    let text = String::from_utf8_lossy(&output.stdout);
    match version(&text) {
        None => Err(failed("the program does not tell its version".to_owned())),
        Some(found) if found < OLDEST => {
            let [a, b, c] = found;
            Err(failed(format!("version {a}.{b}.{c} is too old; it has to be 1.2.497 or later")))
        }
        Some(_) => Ok(()),
    }
}

/// The first three numbers of `1.2.497.0`.
fn version(text: &str) -> Option<[u32; 3]> {
    let mut numbers = text.trim().split('.').map(|number| number.trim().parse().ok());
    Some([numbers.next()??, numbers.next()??, numbers.next()??])
}

/// A plugin that forwards to one host and port.
pub(super) struct Forwarding {
    port: u16,
    lost: Lost,
    said: LastWords,
    streams: watch::Sender<usize>,
    watching: AbortHandle,
    session: Ender,
    /// The plugin goes first, then its session.
    program: OnceLock<Program>,
}

/// A stream that is open.
pub(super) struct OpenStream(Arc<Forwarding>);

impl Forwarding {
    pub(super) async fn start(
        clock: Arc<dyn Clock>,
        sessions: Arc<dyn SsmSessions>,
        config: &SsmConfig,
        host: &str,
        port: u16,
    ) -> Result<Arc<Self>> {
        let place = format!("{host}:{port}");
        let failed = |reason: String| Error::database("ssm", place.clone(), reason);
        let starting = within(&*clock, START_TIMEOUT, sessions.start(host, port, 0)).await;
        let session = starting.unwrap_or_else(|| {
            Err(failed("no session within 30 s".to_owned())
                .with_hint("is the instance running, and its SSM agent online?"))
        })?;
        // From here on, whatever happens ends the session.
        let ender = Ender::new(clock.clone(), sessions, session.session_id.clone());
        let lost = Lost::default();
        let command = command(config, &session, host, port);
        let started = Program::start(clock.clone(), command, lost.clone(), "session-manager-plugin", any_line);
        let (program, pipes) = started.map_err(|error| failed(not_started(&error).to_owned()).with_hint(INSTALL))?;
        let mut output = BufReader::new(pipes.stdout).lines();
        let local = match within(&*clock, READY_TIMEOUT, opened_port(&mut output)).await {
            Some(Ok(local)) => local,
            Some(Err(said)) => {
                // The reason follows the end of the output.
                let _ = within(&*clock, VERSION_TIMEOUT, lost.ended()).await;
                let said = if said.is_empty() { program.last_words() } else { said };
                let said = if said.is_empty() { "it said nothing".to_owned() } else { said };
                return Err(failed(format!("the plugin ended before it opened a port: {said}")).with_hint(
                    "is the instance running, its SSM agent 3.1.1374 or later, and may you start sessions?",
                ));
            }
            None => {
                return Err(failed("the plugin opened no port within 20 s".to_owned())
                    .with_hint("is the instance running, and does this network let websockets through?"));
            }
        };
        // A plugin that cannot write any more would end.
        let said = LastWords::default();
        tokio::spawn(said.clone().listen(output.into_inner(), trouble));
        let (streams, open) = watch::channel(0);
        let watching = tokio::spawn(keep_watch(clock, local, open, lost.clone())).abort_handle();
        let program = OnceLock::from(program);
        Ok(Arc::new(Self { port: local, lost, said, streams, watching, session: ender, program }))
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn lost(&self) -> &Lost {
        &self.lost
    }

    /// To be kept as long as a stream is open.
    pub(super) fn stream(self: &Arc<Self>) -> OpenStream {
        self.streams.send_modify(|count| *count += 1);
        OpenStream(self.clone())
    }

    /// Ends the plugin and its session, and waits for the latter.
    pub(super) async fn close(&self) {
        self.lost.fail("the tunnel was closed");
        self.session.end().await;
    }
}

impl OpenStream {
    /// What the plugin tells of connections that failed.
    pub(super) fn output(&self) -> LastWords {
        self.0.said.clone()
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.0.streams.send_modify(|count| *count -= 1);
    }
}

impl Drop for Forwarding {
    fn drop(&mut self) {
        self.watching.abort();
        self.program.take();
    }
}

fn command(config: &SsmConfig, session: &SsmSession, host: &str, port: u16) -> Command {
    let response = json!({
        "SessionId": session.session_id,
        "StreamUrl": session.stream_url,
        "TokenValue": session.token.expose_secret(),
    });
    let request = json!({
        "Target": session.target,
        "DocumentName": "AWS-StartPortForwardingSessionToRemoteHost",
        "Parameters": { "host": [host], "portNumber": [port.to_string()], "localPortNumber": ["0"] },
    });
    let endpoint = session.endpoint.clone().unwrap_or_else(|| format!("https://ssm.{}.amazonaws.com", session.region));
    let mut command = Command::new(&config.program);
    command.arg(VARIABLE).arg(&session.region).arg("StartSession").arg(config.profile.as_deref().unwrap_or_default());
    command.arg(request.to_string()).arg(endpoint).env(VARIABLE, response.to_string()).stdin(Stdio::null());
    command
}

fn any_line(line: &str) -> Worth {
    if line.is_empty() { Worth::Nothing } else { Worth::Much }
}

fn trouble(line: &str) -> Worth {
    if line.contains("failed") || line.contains("rror") { Worth::Much } else { Worth::Nothing }
}

/// The port of "Port 43210 opened for sessionId ..", or what the plugin said last before it ended.
async fn opened_port(output: &mut Lines<BufReader<ChildStdout>>) -> Result<u16, String> {
    let mut said = String::new();
    while let Ok(Some(line)) = output.next_line().await {
        let port = line.trim().strip_prefix("Port ").and_then(|rest| rest.split_once(" opened for sessionId"));
        if let Some(port) = port.and_then(|(port, _)| port.parse().ok()) {
            return Ok(port);
        }
        let line: String = line.chars().filter(|c| !c.is_control()).take(300).collect();
        if !line.trim().is_empty() && !line.starts_with("Starting session with SessionId") {
            said = line.trim().trim_end_matches('.').to_owned();
        }
    }
    Err(said)
}

/// Ends a session when dropped, unless it has done so already.
struct Ender {
    clock: Arc<dyn Clock>,
    sessions: Arc<dyn SsmSessions>,
    id: String,
    ended: OnceLock<()>,
    runtime: tokio::runtime::Handle,
}

impl Ender {
    fn new(clock: Arc<dyn Clock>, sessions: Arc<dyn SsmSessions>, id: String) -> Self {
        Self { clock, sessions, id, ended: OnceLock::new(), runtime: tokio::runtime::Handle::current() }
    }

    async fn end(&self) {
        if self.ended.set(()).is_ok() {
            terminate(&*self.clock, &*self.sessions, &self.id).await;
        }
    }
}

impl Drop for Ender {
    fn drop(&mut self) {
        if self.ended.set(()).is_ok() {
            let (clock, sessions, id) = (self.clock.clone(), self.sessions.clone(), std::mem::take(&mut self.id));
            self.runtime.spawn(async move { terminate(&*clock, &*sessions, &id).await });
        }
    }
}

async fn terminate(clock: &dyn Clock, sessions: &dyn SsmSessions, id: &str) {
    match within(clock, TERMINATE_TIMEOUT, sessions.terminate(id)).await {
        Some(Ok(())) => {}
        Some(Err(error)) => tracing::warn!(session = id, %error, "the session was not terminated"),
        None => tracing::warn!(session = id, "the session was not terminated within 5 s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert_eq!(version("1.2.497.0\n"), Some([1, 2, 497]));
        assert!(version("1.2.1000.0") > Some(OLDEST) && version("1.2.99.0") < Some(OLDEST));
        assert_eq!(version("command not found"), None);
    }

    #[test]
    fn the_token_is_in_no_argument() {
        let session = SsmSession::new("id", "wss://stream", "TOKEN".to_owned(), "eu-central-1", "i-1");
        let command = command(&SsmConfig::new(), &session, "db", 5432);
        let arguments: Vec<_> = command.as_std().get_args().map(|argument| argument.to_string_lossy()).collect();
        assert_eq!(arguments[..4], [VARIABLE, "eu-central-1", "StartSession", ""]);
        assert_eq!(arguments[5], "https://ssm.eu-central-1.amazonaws.com");
        assert!(arguments.iter().all(|argument| !argument.contains("TOKEN")), "{arguments:?}");
        assert!(!format!("{session:?}").contains("TOKEN"));
    }
}
