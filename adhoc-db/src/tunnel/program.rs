//! Programs that carry a connection.

use std::io;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use adhoc_core::{Clock, within};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::lost::Lost;

/// How much of a program's last words is kept.
const LAST_WORDS: usize = 300;
/// How long a program that was asked to end may take before it is killed.
const GRACE: Duration = Duration::from_secs(2);

/// A program in a process group of its own, so that neither an interrupt at the terminal nor its own children escape us.
/// Dropping it ends the whole group.
pub(super) struct Program {
    words: LastWords,
    _stop: DropGuard,
}

/// Of the lines that a program writes, the last of those that say the most.
#[derive(Clone, Default)]
pub(super) struct LastWords(Arc<Mutex<(Worth, String)>>);

/// How much a line says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Worth {
    #[default]
    Nothing,
    /// That something failed.
    Little,
    /// Why.
    Much,
}

impl LastWords {
    pub(super) fn text(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1.clone()
    }

    /// Reads to the end; `worth` weighs the lines.
    pub(super) async fn listen(self, stream: impl AsyncRead + Unpin, worth: fn(&str) -> Worth) {
        let mut lines = BufReader::new(stream).split(b'\n');
        while let Ok(Some(line)) = lines.next_segment().await {
            let line = String::from_utf8_lossy(&line);
            let line: String = line.chars().filter(|c| !c.is_control()).take(LAST_WORDS).collect();
            let line = line.trim().trim_end_matches('.');
            let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let worth = worth(line);
            if worth > Worth::Nothing && worth >= kept.0 {
                *kept = (worth, line.to_owned());
            }
        }
    }
}

impl Program {
    /// Starts a program whose standard input and output the caller takes from the child. When it ends, `lost` fails with
    /// its last words, or finishes if it ended well. It is ended when this is dropped, or when `lost` ends otherwise.
    pub(super) fn start(
        clock: Arc<dyn Clock>,
        mut command: Command,
        lost: Lost,
        name: &'static str,
        worth: fn(&str) -> Worth,
    ) -> io::Result<(Self, Pipes)> {
        command.stderr(Stdio::piped()).stdout(Stdio::piped()).process_group(0).kill_on_drop(true);
        let mut child = command.spawn()?;
        let taken = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (stdin, Some(stdout), Some(stderr)) = taken else { return Err(io::Error::other("no pipes")) };
        let words = LastWords::default();
        let listening = tokio::spawn(words.clone().listen(stderr, worth));
        let stop = CancellationToken::new();
        tokio::spawn(supervise(clock, child, stop.clone(), lost, name, words.clone(), listening));
        Ok((Self { words, _stop: stop.drop_guard() }, Pipes { stdin, stdout }))
    }

    /// What it said last.
    pub(super) fn last_words(&self) -> String {
        self.words.text()
    }
}

/// The ends of a program's pipes; no input where the command has none.
pub(super) struct Pipes {
    pub(super) stdin: Option<tokio::process::ChildStdin>,
    pub(super) stdout: tokio::process::ChildStdout,
}

/// Waits for the end of a program, and brings it about if need be.
async fn supervise(
    clock: Arc<dyn Clock>,
    mut child: Child,
    stop: CancellationToken,
    lost: Lost,
    name: &'static str,
    words: LastWords,
    listening: tokio::task::JoinHandle<()>,
) {
    let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    let signal = |which| group.map(|group| kill_process_group(group, which));
    let status = tokio::select! {
        status = child.wait() => Some(status),
        () = stop.cancelled() => None,
        () = lost.ended() => None,
    };
    let Some(status) = status else {
        signal(Signal::TERM);
        if within(&*clock, GRACE, child.wait()).await.is_none() {
            signal(Signal::KILL);
            let _ = child.wait().await;
        }
        return;
    };
    // What it started has no business without it.
    signal(Signal::KILL);
    let _ = within(&*clock, GRACE, listening).await;
    match status {
        Ok(status) if status.success() => lost.finish(),
        Ok(status) => {
            let said = words.text();
            lost.fail(if said.is_empty() {
                format!("{name} ended: {status}")
            } else {
                format!("{name}: {}", own_words(name, &said))
            });
        }
        Err(error) => lost.fail(format!("{name} cannot be waited for: {error}")),
    }
}

/// What a program has said, without its own name before it.
fn own_words<'a>(name: &str, said: &'a str) -> &'a str {
    said.strip_prefix(name).and_then(|rest| rest.strip_prefix(": ")).unwrap_or(said)
}

/// Why a program did not start: a fragment of a sentence.
pub(super) fn not_started(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => "the program is not installed",
        io::ErrorKind::PermissionDenied => "the program may not be run",
        _ => "the program does not start",
    }
}
