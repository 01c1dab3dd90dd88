//! A session at the user's own terminal.
//!
//! The plugin gets a terminal of its own, which we read: so its output passes the same marks as on pipes, and the exit code of an
//! interactive command is known, too. Both terminals are raw meanwhile. Every key, Ctrl-C among them, reaches the one in the
//! container, and only that one gives it a meaning.

use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};

use adhoc_core::{Context, Error, Result};
use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr, tcsetwinsize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::marks::Marks;
use super::plugin::ExecPlugin;
use super::run::{Plugin, broken_off, write};

/// Runs the plugin at `terminal`.
pub(super) async fn at_terminal(
    cx: &Context,
    plugin: &ExecPlugin,
    mut command: Command,
    terminal: OwnedFd,
    output: &mut (dyn Write + Send),
    nonce: &str,
) -> Result<u8> {
    let (master, slave) = pair().map_err(|error| failed("cannot be made", error))?;
    resize(&terminal, &master);
    let stdio = || slave.try_clone().map_err(|error| failed("cannot be shared", error));
    command.stdin(stdio()?).stdout(stdio()?).stderr(stdio()?);
    let mut child = Plugin(command.spawn().map_err(|error| plugin.not_started(error))?);
    // As long as we had it, its end would not show.
    drop((command, slave));
    let raw = Raw::new(terminal).map_err(|error| failed("cannot be set", error))?;
    let marks = relay(cx, &raw.terminal, master, output, nonce).await;
    drop(raw);
    let marks = marks?;
    child.end(cx).await;
    marks.exit_code().ok_or_else(|| broken_off(&marks, ""))
}

/// Passes everything on until the command has ended.
async fn relay(
    cx: &Context,
    terminal: &OwnedFd,
    master: OwnedFd,
    output: &mut (dyn Write + Send),
    nonce: &str,
) -> Result<Marks> {
    let copy = |fd: &OwnedFd| fd.try_clone().map(|fd| tokio::fs::File::from_std(File::from(fd)));
    let copies = (copy(terminal), copy(&master), copy(&master));
    let (Ok(mut keys), Ok(mut reader), Ok(mut writer)) = copies else {
        return Err(Error::internal("", "a terminal", "cannot be shared"));
    };
    let mut resized = signal(SignalKind::window_change()).ok();
    let mut marks = Marks::new(nonce, false);
    let (mut typed, mut shown) = (Vec::with_capacity(1024), Vec::with_capacity(16 * 1024));
    let mut open = true;
    while marks.exit_code().is_none() {
        tokio::select! {
            // The end of a terminal is an error, EIO.
            read = reader.read_buf(&mut shown) => match read {
                Ok(0) | Err(_) => break,
                Ok(_) => {
                    write(output, &marks.feed(&shown))?;
                    shown.clear();
                }
            },
            read = keys.read_buf(&mut typed), if open => match read {
                Ok(0) | Err(_) => open = false,
                Ok(_) => {
                    open = writer.write_all(&typed).await.is_ok() && writer.flush().await.is_ok();
                    typed.clear();
                }
            },
            () = next(resized.as_mut()) => resize(terminal, &master),
            () = cx.cancellation().cancelled() => {
                return Err(Error::cancelled("", "", "interrupted").with_left_behind("the command, if it ignores the end of its terminal"));
            }
        }
    }
    write(output, &marks.rest())?;
    Ok(marks)
}

async fn next(signal: Option<&mut Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}

/// Two ends of a new terminal, which changes nothing of what passes.
fn pair() -> rustix::io::Result<(OwnedFd, OwnedFd)> {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
    // The plugin, and what it starts, would keep our end open.
    rustix::io::fcntl_setfd(&master, rustix::io::FdFlags::CLOEXEC)?;
    grantpt(&master)?;
    unlockpt(&master)?;
    let name = ptsname(&master, Vec::new())?;
    let slave = rustix::fs::open(name, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty())?;
    let mut settings = tcgetattr(&slave)?;
    settings.make_raw();
    tcsetattr(&slave, OptionalActions::Now, &settings)?;
    Ok((master, slave))
}

/// The plugin looks every half second, and tells the container.
fn resize(from: impl AsFd, to: impl AsFd) {
    if let Ok(size) = tcgetwinsize(from) {
        let _ = tcsetwinsize(to, size);
    }
}

fn failed(reason: &str, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::internal("", "a terminal for session-manager-plugin", reason).with_source(error)
}

/// The user's terminal while it is raw; dropping this puts it back.
struct Raw {
    terminal: OwnedFd,
    before: Termios,
}

impl Raw {
    fn new(terminal: OwnedFd) -> rustix::io::Result<Self> {
        let before = tcgetattr(&terminal)?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(&terminal, OptionalActions::Now, &raw)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        let _ = tcsetattr(&self.terminal, OptionalActions::Now, &self.before);
    }
}
