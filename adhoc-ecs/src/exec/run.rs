//! One session, from its beginning to the exit code.

use std::io::Write;
use std::process::Stdio;
use std::time::Duration;

use adhoc_core::{Context, Error, Result, within};
use data_encoding::BASE64;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::sync::oneshot;

use super::marks::Marks;
use super::plugin::ExecPlugin;

/// How long the plugin may take to end once nothing more is wanted of it.
const GRACE: Duration = Duration::from_secs(2);
/// How many bytes make one line of encoded input: a terminal takes lines of up to 4095 characters.
const LINE: usize = 2250;
/// How much of the plugin's last words is shown.
const LAST_WORDS: usize = 300;

/// Where a command's input comes from, where that is no terminal.
pub(super) type Source = Option<Box<dyn AsyncRead + Send + Unpin>>;

/// Runs the plugin on pipes.
pub(super) async fn on_pipes(
    cx: &Context,
    plugin: &ExecPlugin,
    mut command: Command,
    input: Source,
    output: &mut (dyn Write + Send),
    nonce: &str,
) -> Result<u8> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = Plugin(command.spawn().map_err(|error| plugin.not_started(error))?);
    let (Some(stdin), Some(mut stdout), Some(stderr)) =
        (child.0.stdin.take(), child.0.stdout.take(), child.0.stderr.take())
    else {
        return Err(Error::internal("", "session-manager-plugin", "has no pipes"));
    };
    let (begin, begun) = oneshot::channel();
    let mut begin = Some(begin);
    let complaints = tokio::spawn(last_words(stderr));
    let mut forwarding = Box::pin(forward(input, stdin, begun, nonce.to_owned()));
    let mut marks = Marks::new(nonce, true);
    let mut piece = Vec::with_capacity(16 * 1024);
    while marks.exit_code().is_none() {
        tokio::select! {
            read = stdout.read_buf(&mut piece) => match read {
                Ok(0) | Err(_) => break,
                Ok(_) => write(output, &marks.feed(&piece))?,
            },
            never = &mut forwarding => match never {},
            () = cx.cancellation().cancelled() => {
                // The plugin passes it on, as a Ctrl-C at the command's terminal.
                child.signal(Signal::INT);
                let _ = within(cx.clock(), GRACE, child.0.wait()).await;
                return Err(Error::cancelled("", "", "interrupted").with_left_behind("the command, if it ignores a Ctrl-C"));
            }
        }
        piece.clear();
        if marks.begun() {
            let _ = begin.take().map(|begin| begin.send(()));
        }
    }
    write(output, &marks.rest())?;
    child.end(cx).await;
    match marks.exit_code() {
        Some(code) => Ok(code),
        None => Err(broken_off(
            &marks,
            &within(cx.clock(), GRACE, complaints).await.and_then(Result::ok).unwrap_or_default(),
        )),
    }
}

/// Hands the input over, once the command is there to take it, and then keeps the pipe open: the plugin takes the end of its own
/// input for the end of the session.
async fn forward(
    input: Source,
    mut pipe: impl AsyncWrite + Unpin,
    begun: oneshot::Receiver<()>,
    nonce: String,
) -> std::convert::Infallible {
    if let (Some(mut input), Ok(())) = (input, begun.await) {
        let mut bytes = vec![0; LINE];
        loop {
            // What cannot be read has ended.
            let count = input.read(&mut bytes).await.unwrap_or(0);
            let line = if count == 0 { nonce.clone() } else { BASE64.encode(&bytes[..count]) };
            if pipe.write_all(format!("{line}\n").as_bytes()).await.is_err() || count == 0 {
                break;
            }
        }
    }
    let never = std::future::pending().await;
    drop(pipe);
    never
}

/// A plugin that runs; it ends, with what it has started, when this is dropped.
pub(super) struct Plugin(pub(super) Child);

impl Plugin {
    fn signal(&self, which: Signal) {
        let group = self.0.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let _ = group.map(|group| kill_process_group(group, which));
    }

    /// Lets it take its leave of Systems Manager, for a while.
    pub(super) async fn end(&mut self, cx: &Context) {
        if within(cx.clock(), GRACE, self.0.wait()).await.is_none() {
            self.signal(Signal::KILL);
            let _ = self.0.wait().await;
        }
    }
}

impl Drop for Plugin {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

pub(super) fn write(output: &mut (dyn Write + Send), bytes: &[u8]) -> Result<()> {
    let written = match bytes {
        [] => Ok(()),
        bytes => output.write_all(bytes).and_then(|()| output.flush()),
    };
    // Nobody reads any more, as after `| head`.
    written.map_err(|error| {
        Error::cancelled("", "", "nobody reads the output any more")
            .with_source(error)
            .with_left_behind("the command, if it ignores the end of its terminal")
    })
}

/// The error for a session without an end.
pub(super) fn broken_off(marks: &Marks, complaints: &str) -> Error {
    let said = String::from_utf8_lossy(&marks.before);
    let mut said = said.lines().chain(complaints.lines()).map(clean).filter(|line| says_something(line));
    let said = said.next_back().map_or(String::new(), |line| format!(": {line}"));
    if marks.begun() {
        return Error::unavailable("ExecuteCommand", "", format!("the session ended before the command did{said}"))
            .with_hint("its exit code is unknown, and it may still run; was the task stopped?");
    }
    Error::rejected("ExecuteCommand", "", format!("the command did not begin{said}"))
        .with_hint("the image needs `sh`; the task role needs the ssmmessages actions; and this network has to let websockets through")
}

fn clean(line: &str) -> String {
    line.chars()
        .filter(|c| !c.is_control())
        .take(LAST_WORDS)
        .collect::<String>()
        .trim()
        .trim_end_matches('.')
        .to_owned()
}

fn says_something(line: &str) -> bool {
    !line.is_empty() && !["Starting session with", "Exiting session with"].iter().any(|usual| line.starts_with(usual))
}

async fn last_words(mut stream: impl AsyncRead + Unpin) -> String {
    let mut all = Vec::new();
    let mut piece = Vec::with_capacity(1024);
    while let Ok(1..) = stream.read_buf(&mut piece).await {
        all.append(&mut piece);
        let excess = all.len().saturating_sub(4 * LAST_WORDS);
        all.drain(..excess);
    }
    String::from_utf8_lossy(&all).into_owned()
}
