//! A command, or a shell, in a container that runs.

mod marks;
mod plugin;
mod run;
mod target;
mod terminal;
mod wrapper;

use std::fmt;
use std::io::Write;
use std::os::fd::OwnedFd;

use adhoc_core::{Context, ExecSessions, Result, StartExec};
use tokio::io::AsyncRead;

pub use self::plugin::ExecPlugin;

use self::wrapper::{Input, wrapped};
use crate::Ecs;
use crate::resolve::Environment;

/// What to run, and where.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ExecRequest {
    /// The environment.
    pub environment: Environment,
    /// The role of the service whose container is entered.
    pub service: String,
    /// The task, by the beginning of its id; the newest one that takes sessions if none.
    pub task: Option<String>,
    /// The program and its arguments; a shell if there are none.
    pub command: Vec<String>,
}

impl ExecRequest {
    /// A shell in the newest task of a service.
    pub fn new(environment: Environment, service: impl Into<String>) -> Self {
        Self { environment, service: service.into(), task: None, command: Vec::new() }
    }

    /// Enters the task whose id begins so.
    #[must_use]
    pub fn with_task(mut self, task: Option<String>) -> Self {
        self.task = task;
        self
    }

    /// Runs this program with these arguments. No shell looks at them.
    #[must_use]
    pub fn with_command(mut self, command: Vec<String>) -> Self {
        self.command = command;
        self
    }
}

/// What a command reads from.
#[non_exhaustive]
pub enum ExecInput {
    /// Nothing: it finds its input at an end.
    Nothing,
    /// These bytes. The image needs `base64`.
    Stream(Box<dyn AsyncRead + Send + Unpin>),
    /// The user's terminal, which is raw until the command has ended.
    Terminal(OwnedFd),
}

impl fmt::Debug for ExecInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nothing => "Nothing",
            Self::Stream(_) => "Stream",
            Self::Terminal(_) => "Terminal",
        })
    }
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExecReport {
    /// The task's id.
    pub task: String,
    /// The container.
    pub container: String,
    /// The command's exit code; as in a shell, 128 and the signal's number where a signal ended it, and 127 where there is no such
    /// program.
    pub exit_code: u8,
}

/// Runs a command in a container through `session-manager-plugin`, and gives back its exit code. What it writes, on standard
/// output and error alike, goes to `output` as it comes, and nothing else does. See
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-exec.html>.
///
/// Arguments arrive as they are, and so does input, of any kind and length. Output is text: ECS Exec replaces what is no UTF-8. At
/// a terminal the command has it to itself; elsewhere newlines are a file's. The image needs `sh`. The session's token is handed to
/// the plugin in its environment.
///
/// # Errors
///
/// [`Error::Invalid`](adhoc_core::Error::Invalid) without the plugin, found before anything is asked of AWS;
/// [`Error::NotFound`](adhoc_core::Error::NotFound) where no such task runs; [`Error::Rejected`](adhoc_core::Error::Rejected)
/// where it takes no sessions; [`Error::Unavailable`](adhoc_core::Error::Unavailable) if the session ends before the command;
/// [`Error::Cancelled`](adhoc_core::Error::Cancelled), after the command was sent a Ctrl-C. A future that is dropped ends the
/// session, and with it most commands. Where the input is a terminal, one read of it may outlive the future.
pub async fn exec(
    cx: &Context,
    ecs: &Ecs,
    sessions: &dyn ExecSessions,
    plugin: &ExecPlugin,
    request: &ExecRequest,
    input: ExecInput,
    output: &mut (dyn Write + Send),
) -> Result<ExecReport> {
    let env = &request.environment;
    cx.unless_cancelled(plugin.check(cx.clock())).await?;
    let target = cx.unless_cancelled(target::find(ecs, env, &request.service, request.task.as_deref())).await?;
    let nonce = format!("adhoc-{}", uuid::Uuid::new_v4().simple());
    let kind = match &input {
        ExecInput::Nothing => Input::Nothing,
        ExecInput::Stream(_) => Input::Encoded,
        ExecInput::Terminal(_) => Input::Terminal,
    };
    let shell: Vec<String> = wrapper::SHELL.map(str::to_owned).to_vec();
    let command = if request.command.is_empty() { &shell } else { &request.command };
    let line = wrapped(command, &nonce, kind)?;
    let start = StartExec::new(env.cluster(), target.task.arn.clone(), target.container.clone(), line);
    let session = cx.unless_cancelled(sessions.start(&start)).await?;
    let command = plugin.command(&session, &target.name(env.cluster().as_str()));
    let exit_code = match input {
        ExecInput::Terminal(terminal) => terminal::at_terminal(cx, plugin, command, terminal, output, &nonce).await?,
        ExecInput::Stream(stream) => run::on_pipes(cx, plugin, command, Some(stream), output, &nonce).await?,
        ExecInput::Nothing => run::on_pipes(cx, plugin, command, None, output, &nonce).await?,
    };
    Ok(ExecReport { task: target.task.arn.id().to_owned(), container: target.container.to_string(), exit_code })
}
