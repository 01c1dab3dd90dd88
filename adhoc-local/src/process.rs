//! A container's command as a real child process.

use crate::{
    clock::{now_ms, sleep_ms, within_ms},
    ecs::{Launch, LogTarget},
    shared::Shared,
    sync::lock,
};
use rustix::process::{Pid, Signal, kill_process_group};
use std::{
    collections::HashMap,
    os::unix::process::ExitStatusExt,
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::{Child, Command},
};

/// CloudWatch takes events of up to 256 KB; a longer line becomes several.
const LONGEST_LINE: usize = 256 * 1024 - 26;
/// How long output may take to arrive after its writer is gone.
const LAST_WORDS_MS: u64 = 1_000;
const NO_LOG_GROUP: &str = "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 \
    times: failed to create Cloudwatch log stream: ResourceNotFoundException: The specified log group does not exist.";

/// The process groups that live, by task and container.
#[derive(Default)]
pub(crate) struct Processes {
    groups: Mutex<HashMap<(String, String), Pid>>,
}

fn signal_group(group: Pid, signal: Signal) {
    if let Err(error) = kill_process_group(group, signal) {
        tracing::debug!(?group, ?signal, %error, "no such process group any more");
    }
}

impl Processes {
    fn signal(&self, task: &str, container: &str, signal: Signal) -> Option<Pid> {
        let group = *lock(&self.groups).get(&(task.to_owned(), container.to_owned()))?;
        signal_group(group, signal);
        Some(group)
    }

    /// Kills every process of a task.
    pub(crate) fn kill_task(&self, task: &str) {
        for ((owner, _), group) in lock(&self.groups).iter() {
            if owner == task {
                signal_group(*group, Signal::KILL);
            }
        }
    }

    /// Kills every process.
    pub(crate) fn kill_all(&self) {
        for (_, group) in lock(&self.groups).drain() {
            signal_group(group, Signal::KILL);
        }
    }

    fn remove(&self, launch: &Launch) {
        lock(&self.groups).remove(&(launch.task.clone(), launch.container.clone()));
    }
}

fn command(launch: &Launch) -> Command {
    let (program, arguments) = launch.command.split_first().map_or(("", &[][..]), |(head, rest)| (head, rest));
    let mut command = Command::new(program);
    command.args(arguments).env_clear();
    // The one variable of this process that a child sees: without it nothing is found.
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    command.envs(launch.environment.iter().filter(|(name, _)| !name.is_empty() && !name.contains('=')).cloned());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0).kill_on_drop(true);
    command
}

/// Starts a container; what comes of it is reported to the world.
pub(crate) fn start(shared: &Arc<Shared>, launch: Launch) {
    if let Some(log) = &launch.log {
        if log.create_group {
            shared.logs.create_group(&log.group, now_ms());
        } else if !shared.logs.has_group(&log.group) {
            return failed(shared, &launch, NO_LOG_GROUP, NO_LOG_GROUP);
        }
    }
    let spawned = command(&launch).spawn();
    let group = spawned.as_ref().ok().and_then(Child::id).and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
    match (spawned, group) {
        (Ok(child), Some(group)) => {
            lock(&shared.processes.groups).insert((launch.task.clone(), launch.container.clone()), group);
            tokio::spawn(watch(Arc::clone(shared), launch, child, group));
        }
        (Ok(_), None) => cannot_start(shared, &launch, "the process ended before it began"),
        (Err(error), _) => {
            let program = launch.command.first().map_or("", String::as_str);
            let why = match error.kind() {
                std::io::ErrorKind::NotFound => "executable file not found in $PATH".to_owned(),
                std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
                _ => error.to_string(),
            };
            cannot_start(
                shared,
                &launch,
                &format!(
                    "failed to create shim task: OCI runtime create failed: runc create failed: unable to start \
                     container process: exec: \"{program}\": {why}: unknown"
                ),
            );
        }
    }
}

fn cannot_start(shared: &Shared, launch: &Launch, why: &str) {
    failed(shared, launch, "Task failed to start", &format!("CannotStartContainerError: {why}"));
}

fn failed(shared: &Shared, launch: &Launch, task_reason: &str, container_reason: &str) {
    lock(&shared.world).container_failed(&launch.task, &launch.container, task_reason, container_reason, now_ms());
    shared.wake.notify_one();
}

/// SIGTERM now, SIGKILL after the grace if it is still there.
pub(crate) fn terminate(shared: &Arc<Shared>, task: String, container: String, grace_ms: u64) {
    let Some(group) = shared.processes.signal(&task, &container, Signal::TERM) else { return };
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        sleep_ms(grace_ms).await;
        let still = lock(&shared.processes.groups).get(&(task, container)) == Some(&group);
        if still {
            signal_group(group, Signal::KILL);
        }
    });
}

fn exit_code(status: ExitStatus) -> i64 {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    i64::from(code.unwrap_or(255))
}

async fn watch(shared: Arc<Shared>, launch: Launch, mut child: Child, group: Pid) {
    let pump_out = child.stdout.take().map(|pipe| tokio::spawn(pump(Arc::clone(&shared), pipe, launch.log.clone())));
    let pump_err = child.stderr.take().map(|pipe| tokio::spawn(pump(Arc::clone(&shared), pipe, launch.log.clone())));
    let code = child.wait().await.map_or(255, exit_code);
    // A container's other processes end with its first one.
    signal_group(group, Signal::KILL);
    shared.processes.remove(&launch);
    for pump in [pump_out, pump_err].into_iter().flatten() {
        let aborter = pump.abort_handle();
        if within_ms(LAST_WORDS_MS, pump).await.is_none() {
            aborter.abort();
        }
    }
    lock(&shared.world).container_exited(&launch.task, &launch.container, code, now_ms());
    shared.wake.notify_one();
}

/// Moves lines from a pipe to a log stream, many at a time.
async fn pump(shared: Arc<Shared>, mut pipe: impl AsyncRead + Unpin, log: Option<LogTarget>) {
    let mut buffer = Vec::with_capacity(128 * 1024);
    loop {
        match pipe.read_buf(&mut buffer).await {
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
        let complete = match buffer.iter().rposition(|byte| *byte == b'\n') {
            Some(at) => at + 1,
            None if buffer.len() >= LONGEST_LINE => buffer.len(),
            None => {
                buffer.reserve(64 * 1024);
                continue;
            }
        };
        write(&shared, log.as_ref(), &buffer[..complete]);
        buffer.drain(..complete);
        buffer.reserve(64 * 1024);
    }
    write(&shared, log.as_ref(), &buffer);
}

fn write(shared: &Shared, log: Option<&LogTarget>, bytes: &[u8]) {
    let Some(log) = log.filter(|_| !bytes.is_empty()) else { return };
    let text = String::from_utf8_lossy(bytes);
    let lines = text.split('\n').map(|line| line.trim_end_matches('\r')).filter(|line| !line.is_empty());
    shared.logs.append(&log.group, &log.stream, lines.flat_map(pieces), now_ms(), shared.log_delay_ms);
}

/// A line in pieces that CloudWatch takes.
fn pieces(mut line: &str) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || {
        let cut = line.floor_char_boundary(LONGEST_LINE.min(line.len()));
        let (piece, rest) = line.split_at(cut);
        line = rest;
        (!piece.is_empty()).then_some(piece)
    })
}
