//! One run of Terraform: a process in a group of its own, asked to stop at most once.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use adhoc_core::{CancellationToken, Context, Error, Result, within};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdout, Command};

use crate::folder::{make_private, unwritable};
use crate::stream::read_lines;

/// The longest line that is read whole. A plan's lines are a few hundred bytes; more is values that nobody needs here.
const LINE_LIMIT: usize = 1 << 20;
/// How much of the end of the error output is kept.
const STDERR_LIMIT: usize = 64 << 10;
/// The longest text that a short command, such as `output`, may give.
const CAPTURE_LIMIT: u64 = 64 << 20;
/// How long pipes may stay open after the process has ended: a provider may hold them.
const PIPE_GRACE: Duration = Duration::from_secs(2);
/// How often a file is looked at that is still written.
const FOLLOW_PAUSE: Duration = Duration::from_millis(50);

/// The program, and what every run of it gets.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    path: PathBuf,
    dir: PathBuf,
    environment: Vec<(OsString, OsString)>,
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    /// The end of what it wrote to its error output.
    pub(crate) stderr: String,
    /// Whether it was asked to stop.
    pub(crate) interrupted: bool,
}

impl Ended {
    pub(crate) fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// The signal that killed it.
    pub(crate) fn signal(&self) -> Option<i32> {
        self.status.signal()
    }
}

/// What one run is to do.
pub(crate) struct Run<'a> {
    program: &'a Program,
    arguments: Vec<OsString>,
    variables: Vec<(&'static str, OsString)>,
    hold: Option<&'a File>,
}

impl Program {
    /// `path` is looked up on the `PATH` if it is a bare name; else it is relative to our own working folder, while the
    /// program runs in `dir`.
    pub(crate) fn new(path: &Path, dir: PathBuf, environment: Vec<(OsString, OsString)>) -> Self {
        let bare = path.components().count() == 1 && !path.starts_with(".");
        let path = if bare { path.to_owned() } else { std::path::absolute(path).unwrap_or_else(|_| path.to_owned()) };
        Self { path, dir, environment }
    }

    /// Another program, with the same surroundings.
    pub(crate) fn renamed(&self, path: &Path) -> Self {
        Self { path: path.to_owned(), ..self.clone() }
    }

    pub(crate) fn name(&self) -> String {
        self.path.display().to_string()
    }

    /// A run with these arguments.
    pub(crate) fn run<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Run<'_> {
        let arguments = arguments.into_iter().map(|argument| argument.as_ref().to_owned()).collect();
        Run { program: self, arguments, variables: Vec::new(), hold: None }
    }

    fn not_started(&self, error: io::Error) -> Error {
        let missing = error.kind() == io::ErrorKind::NotFound;
        let reason = if missing { "is not there, or not on the PATH" } else { "cannot be started" };
        Error::terraform("", self.name(), reason)
            .with_source(error)
            .with_hint("install Terraform 1.5 or later, or OpenTofu, or name the program with `bin` under [terraform]")
    }
}

impl<'a> Run<'a> {
    /// Sets an environment variable.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<OsString>) -> Self {
        self.variables.push((name, value.into()));
        self
    }

    /// Lets the process hold the lock of an open file, too: it stays locked as long as either of us lives.
    pub(crate) fn holding(mut self, file: Option<&'a File>) -> Self {
        self.hold = file;
        self
    }

    /// Runs it, and hands over every line of its output.
    pub(crate) async fn lines(self, cx: &Context, take: impl FnMut(&[u8]) + Send) -> Result<Ended> {
        cx.ensure_not_cancelled()?;
        let (mut child, stdout) = self.start()?;
        let stderr = child.stderr.take();
        let reading = async { tokio::join!(read_lines(stdout, LINE_LIMIT, take), tail(stderr)) };
        let (status, interrupted, read) = finish(cx, &mut child, reading, Some(PIPE_GRACE), || ()).await?;
        let stderr = match read {
            Some(((), stderr)) => stderr,
            None => {
                // What was read until then tells how it went.
                cx.hint("Terraform has ended, but something that it started keeps its output open: a provider?");
                String::new()
            }
        };
        Ok(Ended { status, stderr, interrupted })
    }

    /// Runs it as something that may outlive us, and hands over every line of its output, which goes into files beside `log`: a
    /// pipe that breaks would kill Terraform at its next line, and with it the memory of what it is making.
    pub(crate) async fn outliving(self, cx: &Context, log: &Path, take: impl FnMut(&[u8]) + Send) -> Result<Ended> {
        cx.ensure_not_cancelled()?;
        let errors = log.with_extension("errors");
        let (out, err) = (private_file(log)?, private_file(&errors)?);
        let mut child = self.spawn(Stdio::from(out), Stdio::from(err))?;
        let done = CancellationToken::new();
        let reading = follow(cx, log, &done, take);
        let (status, interrupted, _) = finish(cx, &mut child, reading, None, || done.cancel()).await?;
        let stderr = tail(tokio::fs::File::open(&errors).await.ok()).await;
        for file in [log, &errors] {
            let _ = std::fs::remove_file(file);
        }
        Ok(Ended { status, stderr, interrupted })
    }

    /// Runs it, and gives its whole output.
    pub(crate) async fn capture(self, cx: &Context) -> Result<(Ended, String)> {
        let read = async |stdout: ChildStdout| {
            let mut bytes = Vec::new();
            let _ = stdout.take(CAPTURE_LIMIT).read_to_end(&mut bytes).await;
            String::from_utf8_lossy(&bytes).into_owned()
        };
        self.whole(cx, read).await
    }

    /// Runs it, and hands its output to `read` as a file, on a thread that may block: for JSON that is too large to be held.
    pub(crate) async fn read<T, F>(self, cx: &Context, read: F) -> Result<(Ended, io::Result<T>)>
    where
        T: Send + 'static,
        F: FnOnce(File) -> io::Result<T> + Send + 'static,
    {
        let read = async |stdout: ChildStdout| {
            let file = File::from(stdout.into_owned_fd()?);
            tokio::task::spawn_blocking(move || read(file)).await.map_err(io::Error::other)?
        };
        self.whole(cx, read).await
    }

    /// Runs it for an output that is nothing unless it is whole.
    async fn whole<T>(self, cx: &Context, read: impl AsyncFnOnce(ChildStdout) -> T) -> Result<(Ended, T)> {
        cx.ensure_not_cancelled()?;
        let (mut child, stdout) = self.start()?;
        let stderr = child.stderr.take();
        let reading = async { tokio::join!(read(stdout), tail(stderr)) };
        match finish(cx, &mut child, reading, Some(PIPE_GRACE), || ()).await? {
            (status, interrupted, Some((output, stderr))) => Ok((Ended { status, stderr, interrupted }, output)),
            (_, _, None) => {
                Err(Error::terraform("", "terraform", "has ended, but something that it started keeps its output open")
                    .with_hint("look for providers that are still running"))
            }
        }
    }

    fn start(self) -> Result<(Child, ChildStdout)> {
        let name = self.program.name();
        let mut child = self.spawn(Stdio::piped(), Stdio::piped())?;
        match child.stdout.take() {
            Some(stdout) => Ok((child, stdout)),
            None => Err(Error::internal("start", name, "has no output")),
        }
    }

    fn spawn(self, stdout: Stdio, stderr: Stdio) -> Result<Child> {
        let mut command = Command::new(&self.program.path);
        command.args(&self.arguments).current_dir(&self.program.dir);
        command.env_clear().envs(self.program.environment.iter().map(|(name, value)| (name, value)));
        command.envs([("TF_IN_AUTOMATION", "1"), ("TF_INPUT", "0"), ("CHECKPOINT_DISABLE", "1")]);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        // Nothing is ever read from it: the file is empty, or there is none.
        let stdin = self.hold.and_then(|file| file.try_clone().ok()).map_or_else(Stdio::null, Stdio::from);
        command.stdin(stdin).stdout(stdout).stderr(stderr);
        // A group of its own: a Ctrl-C at the terminal would reach it beside the one that we send.
        command.process_group(0);
        command.spawn().map_err(|error| self.program.not_started(error))
    }
}

fn private_file(path: &Path) -> Result<File> {
    make_private(path).map_err(|error| unwritable(path, error))
}

/// Reads until the process has ended and waits for it; asks it to stop, once, when the context is cancelled. Gives its status,
/// whether it was asked to stop, and what was read, unless something keeps a pipe open for longer than `grace`.
///
/// Terraform then finishes what is in flight and saves its state. A second signal would make it forget the resource in
/// the making, so there is none, however long it takes.
async fn finish<T>(
    cx: &Context,
    child: &mut Child,
    read: impl Future<Output = T>,
    grace: Option<Duration>,
    ended: impl FnOnce(),
) -> Result<(ExitStatus, bool, Option<T>)> {
    let mut guard = Interrupt::of(child);
    let mut reading = std::pin::pin!(read);
    let (mut output, mut interrupted) = (None, false);
    let status = loop {
        tokio::select! {
            status = child.wait() => break status,
            done = &mut reading, if output.is_none() => output = Some(done),
            () = cx.cancellation().cancelled(), if !interrupted => {
                interrupted = true;
                guard.send();
                cx.hint("Terraform was asked to stop: it finishes what is in flight, and saves its state");
            }
        }
    };
    guard.ended();
    ended();
    let status =
        status.map_err(|error| Error::internal("wait for", "terraform", "its end is unknown").with_source(error))?;
    if output.is_none() {
        output = match grace {
            Some(grace) => within(cx.clock(), grace, reading).await,
            None => Some(reading.await),
        };
    }
    Ok((status, interrupted, output))
}

/// Hands over the lines of a file that is still written, until `done` and its end.
async fn follow(cx: &Context, path: &Path, done: &CancellationToken, take: impl FnMut(&[u8])) {
    let (mut writer, reader) = tokio::io::duplex(64 << 10);
    let pump = async move {
        let Ok(mut file) = tokio::fs::File::open(path).await else { return };
        let mut piece = vec![0; 64 << 10];
        loop {
            // Asked before the file is read: then what is read after the end is all there is.
            let last = done.is_cancelled();
            match file.read(&mut piece).await {
                Ok(read @ 1..) => {
                    if writer.write_all(&piece[..read]).await.is_err() {
                        return;
                    }
                }
                _ if last => return,
                _ => drop(within(cx.clock(), FOLLOW_PAUSE, done.cancelled()).await),
            }
        }
    };
    tokio::join!(pump, read_lines(reader, LINE_LIMIT, take));
}

/// Sends one interrupt; also when it is dropped before the end, since a process nobody watches should not go on.
struct Interrupt {
    pid: Option<Pid>,
}

impl Interrupt {
    fn of(child: &Child) -> Self {
        let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        Self { pid }
    }

    fn send(&mut self) {
        if let Some(pid) = self.pid.take() {
            // Gone already: then there is nothing to stop.
            let _ = kill_process(pid, Signal::INT);
        }
    }

    fn ended(&mut self) {
        self.pid = None;
    }
}

impl Drop for Interrupt {
    fn drop(&mut self) {
        self.send();
    }
}

/// The end of what a stream gives.
async fn tail(stream: Option<impl AsyncRead + Unpin>) -> String {
    let Some(mut stream) = stream else { return String::new() };
    let (mut kept, mut piece) = (Vec::new(), vec![0; 8 << 10]);
    while let Ok(read @ 1..) = stream.read(&mut piece).await {
        kept.extend_from_slice(&piece[..read]);
        if kept.len() > 2 * STDERR_LIMIT {
            kept.drain(..kept.len() - STDERR_LIMIT);
        }
    }
    let excess = kept.len().saturating_sub(STDERR_LIMIT);
    String::from_utf8_lossy(&kept[excess..]).into_owned()
}
