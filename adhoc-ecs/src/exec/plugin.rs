//! How `session-manager-plugin` is called. See
//! <https://docs.aws.amazon.com/systems-manager/latest/userguide/session-manager-working-with-install-plugin.html>.

use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use adhoc_core::{Clock, Error, ExecSession, ExposeSecret, Result, within};
use serde_json::json;
use tokio::process::Command;

/// The variable in which the plugin takes the session, as the AWS CLI hands it over: an argument could be read by everybody.
const VARIABLE: &str = "AWS_SSM_START_SESSION_RESPONSE";
/// The first version that does.
const OLDEST: [u32; 3] = [1, 2, 497];
const VERSION_TIMEOUT: Duration = Duration::from_secs(5);
const INSTALL: &str = "install it: https://docs.aws.amazon.com/systems-manager/latest/userguide/session-manager-working-with-install-plugin.html";

/// How to call the plugin.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ExecPlugin {
    /// The program; `session-manager-plugin` on the PATH unless set.
    pub program: PathBuf,
    /// The AWS profile that the plugin uses to resume a session; none by default.
    pub profile: Option<String>,
}

impl ExecPlugin {
    /// The plugin on the PATH, without a profile.
    #[must_use]
    pub fn new() -> Self {
        Self { program: "session-manager-plugin".into(), profile: None }
    }

    /// Runs `program` instead.
    #[must_use]
    pub fn with_program(mut self, program: impl Into<PathBuf>) -> Self {
        self.program = program.into();
        self
    }

    /// Resumes sessions with the credentials of `profile`.
    #[must_use]
    pub fn with_profile(mut self, profile: Option<String>) -> Self {
        self.profile = profile;
        self
    }

    /// Refuses a plugin that is missing or too old.
    pub(super) async fn check(&self, clock: &dyn Clock) -> Result<()> {
        let failed = |reason: String| Error::invalid("", self.program.display().to_string(), reason).with_hint(INSTALL);
        let mut command = Command::new(&self.program);
        command.arg("--version").stdin(Stdio::null()).kill_on_drop(true);
        let output = within(clock, VERSION_TIMEOUT, command.output()).await;
        let output = output.ok_or_else(|| failed("does not tell its version within 5 s".to_owned()))?;
        let output = output.map_err(|error| failed(not_started(&error).to_owned()).with_source(error))?;
        match version(&String::from_utf8_lossy(&output.stdout)) {
            None => Err(failed("does not tell its version".to_owned())),
            Some([a, b, c]) if [a, b, c] < OLDEST => {
                Err(failed(format!("is version {a}.{b}.{c}, which is too old; it has to be 1.2.497 or later")))
            }
            Some(_) => Ok(()),
        }
    }

    /// The command that connects to a session on `target`.
    pub(super) fn command(&self, session: &ExecSession, target: &str) -> Command {
        let response = json!({
            "SessionId": session.session_id,
            "StreamUrl": session.stream_url,
            "TokenValue": session.token.expose_secret(),
        });
        let request = json!({ "Target": target });
        let endpoint =
            session.endpoint.clone().unwrap_or_else(|| format!("https://ssm.{}.amazonaws.com", session.region));
        let mut command = Command::new(&self.program);
        command.arg(VARIABLE).arg(&session.region).arg("StartSession");
        command.arg(self.profile.as_deref().unwrap_or_default()).arg(request.to_string()).arg(endpoint);
        // A group of its own: an interrupt is for us, and what the plugin starts ends with it.
        command.env(VARIABLE, response.to_string()).process_group(0).kill_on_drop(true);
        command
    }

    /// The error for a plugin that did not start after all.
    pub(super) fn not_started(&self, error: io::Error) -> Error {
        let reason = not_started(&error);
        Error::invalid("", self.program.display().to_string(), reason).with_source(error).with_hint(INSTALL)
    }
}

impl Default for ExecPlugin {
    fn default() -> Self {
        Self::new()
    }
}

fn not_started(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => "is not installed, or not on the PATH",
        io::ErrorKind::PermissionDenied => "may not be run",
        _ => "does not start",
    }
}

/// The first three numbers of `1.2.497.0`.
fn version(text: &str) -> Option<[u32; 3]> {
    let mut numbers = text.trim().split('.').map(|number| number.trim().parse().ok());
    Some([numbers.next()??, numbers.next()??, numbers.next()??])
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
        let session = ExecSession::new("id", "wss://stream", "TOKEN".to_owned(), "eu-central-1");
        let command = ExecPlugin::new().command(&session, "ecs:c_t_r");
        let arguments: Vec<_> = command.as_std().get_args().map(|argument| argument.to_string_lossy()).collect();
        assert_eq!(arguments[..4], [VARIABLE, "eu-central-1", "StartSession", ""]);
        assert_eq!(arguments[4..], [r#"{"Target":"ecs:c_t_r"}"#, "https://ssm.eu-central-1.amazonaws.com"]);
        assert!(arguments.iter().all(|argument| !argument.contains("TOKEN")), "{arguments:?}");
    }
}
