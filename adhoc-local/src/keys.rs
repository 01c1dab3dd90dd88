//! The SSH keys that let in at the moment, as lines of files that an sshd reads.

use crate::{Scenario, sync::lock};
use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Mutex,
};

struct Pushed {
    serial: u64,
    file: PathBuf,
    line: String,
}

#[derive(Default)]
struct State {
    pushed: Vec<Pushed>,
    serial: u64,
}

/// Pushed keys. Whatever else stands in the files is left alone.
pub(crate) struct Keys {
    folder: Option<PathBuf>,
    /// How long a key lets in.
    pub(crate) lifetime_ms: u64,
    /// Its lock is also that of the files.
    state: Mutex<State>,
}

impl Keys {
    pub(crate) fn new(scenario: &Scenario) -> Self {
        Self {
            folder: scenario.network.authorized_keys.clone(),
            lifetime_ms: scenario.timing.pushed_key_ms,
            state: Mutex::new(State::default()),
        }
    }

    /// Adds a line to the user's file and returns its number, if there is a folder for such files.
    pub(crate) fn push(&self, user: &str, line: &str) -> io::Result<Option<u64>> {
        let Some(folder) = &self.folder else { return Ok(None) };
        let file = folder.join(user);
        let mut state = lock(&self.state);
        fs::create_dir_all(folder).and_then(|()| append(&file, line)).map_err(|error| named(&file, &error))?;
        state.serial += 1;
        let serial = state.serial;
        state.pushed.push(Pushed { serial, file, line: line.to_owned() });
        Ok(Some(serial))
    }

    /// Removes one line, once.
    pub(crate) fn remove(&self, serial: u64) {
        let mut state = lock(&self.state);
        if let Some(at) = state.pushed.iter().position(|pushed| pushed.serial == serial) {
            take_out(&state.pushed.remove(at));
        }
    }

    /// Removes every line that is still there.
    pub(crate) fn remove_all(&self) {
        lock(&self.state).pushed.drain(..).for_each(|pushed| take_out(&pushed));
    }
}

fn named(file: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", file.display()))
}

fn append(file: &Path, line: &str) -> io::Result<()> {
    let begun = fs::read(file).is_ok_and(|text| text.last().is_some_and(|byte| *byte != b'\n'));
    let line = format!("{}{line}\n", if begun { "\n" } else { "" });
    OpenOptions::new().create(true).append(true).open(file)?.write_all(line.as_bytes())
}

fn take_out(pushed: &Pushed) {
    if let Err(error) = without_line(&pushed.file, &pushed.line) {
        tracing::warn!(file = %pushed.file.display(), %error, "cannot remove an SSH key that is no longer valid");
    }
}

/// Puts a file without the first such line in the place of `file`, so that an sshd never reads half a file.
fn without_line(file: &Path, line: &str) -> io::Result<()> {
    let text = fs::read_to_string(file)?;
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    let Some(at) = lines.iter().position(|own| own.trim_end_matches('\n') == line) else { return Ok(()) };
    lines.remove(at);
    // No user's name begins with a dot.
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let draft = file.with_file_name(format!(".{name}.new"));
    fs::write(&draft, lines.concat())?;
    fs::set_permissions(&draft, fs::metadata(file)?.permissions())?;
    fs::rename(&draft, file)
}
