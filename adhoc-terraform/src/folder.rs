//! The files that are kept for each environment, beside the configuration.
//!
//! ```text
//! terraform/ad-hoc/.adhoc/
//!   .gitignore               nothing here belongs into a repository
//!   init.lock                one `init` at a time: it writes the folder's lock file of providers
//!   plugins/                 providers that were downloaded
//!   alpha/                   readable by its owner only
//!     lock                   held while a run, or a Terraform that has survived one, works on alpha
//!     run.json               who runs; still there after the end only if that was no orderly one
//!     died.json              who ran before and died, until a run has got the state's lock
//!     data/                  TF_DATA_DIR
//!     plan, plan.seal.json   a saved plan between plan and apply
//!     terraform.log          what an apply or a destroy says, while it runs
//!     variables.tfvars.json  what the last apply used: enough to destroy
//!   alpha.errored.tfstate    a state that could not be saved
//! ```

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use adhoc_core::{Context, EnvironmentName, Error, Result, Timestamp};
use serde::{Deserialize, Serialize};

use crate::lock::LockInfo;

/// The operation of a run that only plans.
pub(crate) const PLAN: &str = "plan";
/// The folder's name.
const NAME: &str = ".adhoc";
/// How much earlier a lock may seem to be than the run that took it: clocks are read at different moments.
const SLACK: std::time::Duration = std::time::Duration::from_secs(2);

/// Where the files of one environment are.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    dir: PathBuf,
    environment: String,
}

/// A run, as the next one finds it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct RunRecord {
    pub(crate) pid: u32,
    pub(crate) host: String,
    pub(crate) operation: String,
    pub(crate) started_at: Timestamp,
    /// Whether it made the environment's workspace.
    #[serde(default)]
    pub(crate) made_workspace: bool,
}

/// The right to work on an environment in this folder, until it is dropped.
#[derive(Debug)]
pub(crate) struct Hold {
    file: File,
    run: PathBuf,
    died: PathBuf,
    /// The run before, if it died.
    predecessor: Option<RunRecord>,
    /// Whether a Terraform of this run was killed: then the record stays, as if we had died.
    killed: AtomicBool,
}

impl Folder {
    /// The files of `environment` for the configuration in `dir`.
    pub(crate) fn new(dir: &Path, environment: &EnvironmentName) -> Self {
        Self { dir: dir.to_owned(), environment: environment.to_string() }
    }

    /// Files for what concerns no environment, such as a listing. No environment can have this name.
    pub(crate) fn of_none(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), environment: "_all".to_owned() }
    }

    fn root(&self) -> PathBuf {
        self.dir.join(NAME)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root().join(&self.environment).join(name)
    }

    /// The data folder, relative to the configuration's, where Terraform runs.
    pub(crate) fn data_dir(&self) -> PathBuf {
        Path::new(NAME).join(&self.environment).join("data")
    }

    pub(crate) fn plan(&self) -> PathBuf {
        self.path("plan")
    }

    /// The output of a run that may outlive us.
    pub(crate) fn log(&self) -> PathBuf {
        self.path("terraform.log")
    }

    pub(crate) fn kit(&self) -> PathBuf {
        self.path("variables.tfvars.json")
    }

    /// Providers that were downloaded, for all environments.
    pub(crate) fn plugin_cache(&self) -> PathBuf {
        self.root().join("plugins")
    }

    pub(crate) fn errored_state(&self) -> PathBuf {
        self.root().join(format!("{}.errored.tfstate", self.environment))
    }

    /// Makes sure that the folder is there, for its owner only.
    pub(crate) fn create(&self) -> Result<()> {
        let make = || -> io::Result<()> {
            DirBuilder::new().recursive(true).mode(0o700).create(self.root().join(&self.environment))?;
            let ignore = self.root().join(".gitignore");
            if !ignore.exists() {
                fs::write(ignore, "*\n")?;
            }
            Ok(())
        };
        make().map_err(|error| unwritable(&self.root(), error))
    }

    /// Keeps other runs in this folder off the environment.
    ///
    /// # Errors
    ///
    /// [`Error::Locked`] if another run is at it.
    pub(crate) fn hold(&self, cx: &Context, operation: &str) -> Result<Hold> {
        self.create()?;
        let path = self.path("lock");
        let open = OpenOptions::new().create(true).truncate(false).read(true).write(true).mode(0o600).open(&path);
        let file = open.map_err(|error| unwritable(&path, error))?;
        let (run, died) = (self.path("run.json"), self.path("died.json"));
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(self.held(read_record(&run).as_ref())),
            Err(TryLockError::Error(error)) => return Err(unwritable(&path, error)),
        }
        if run.exists() {
            fs::rename(&run, &died).map_err(|error| unwritable(&run, error))?;
        }
        let predecessor = read_record(&died);
        let started_at = cx.clock().now();
        let record = RunRecord {
            pid: std::process::id(),
            host: host(),
            operation: operation.to_owned(),
            started_at,
            made_workspace: false,
        };
        write_record(&run, &record)?;
        Ok(Hold { file, run, died, predecessor, killed: AtomicBool::new(false) })
    }

    fn held(&self, by: Option<&RunRecord>) -> Error {
        let whose = by.map_or_else(String::new, |run| {
            format!(" ({}, process {}, since {})", run.operation, run.pid, run.started_at)
        });
        Error::locked("", self.environment.as_str(), format!("another run works on it in this folder{whose}"))
            .with_hint("wait for its end, then run the command again")
    }

    /// Waits until no other run initialises in this folder.
    pub(crate) async fn hold_init(&self, cx: &Context) -> Result<File> {
        let path = self.root().join("init.lock");
        let open = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let file = open.map_err(|error| unwritable(&path, error))?;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) => {
                    cx.ensure_not_cancelled()?;
                    cx.clock().sleep(std::time::Duration::from_millis(100)).await;
                }
                Err(TryLockError::Error(error)) => return Err(unwritable(&path, error)),
            }
        }
    }

    /// Removes everything that was kept for the environment, but for a state that could not be saved.
    pub(crate) fn remove(&self) {
        // What cannot be removed harms nobody: all of it is made anew.
        let _ = fs::remove_dir_all(self.root().join(&self.environment));
    }
}

impl Hold {
    /// The file whose lock it is, for a child that is to hold it, too.
    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// Writes down that the environment's workspace was made, so that the next run knows it for nothing but that, should we die.
    pub(crate) fn made_workspace(&self) -> Result<()> {
        match read_record(&self.run) {
            Some(record) => write_record(&self.run, &RunRecord { made_workspace: true, ..record }),
            None => Ok(()),
        }
    }

    /// Whether a plan that died had made the environment's workspace. (Whoever applies means it to stay.)
    pub(crate) fn dead_plan_made_workspace(&self) -> bool {
        self.predecessor.as_ref().is_some_and(|run| run.made_workspace && run.operation == PLAN)
    }

    /// Whether a lock on the state seems to be left by a run of ours that died: it was taken on this machine after that run
    /// began. Neither we nor its Terraform can still be at work in this folder, which is ours now; only another folder's could.
    pub(crate) fn left_by_the_dead(&self, lock: &LockInfo) -> bool {
        let Some(run) = &self.predecessor else { return false };
        let here = lock.who.rsplit_once('@').is_some_and(|(_, host)| host == run.host) && run.host == host();
        here && lock.created.is_some_and(|created| created + SLACK >= run.started_at)
    }

    /// To be called when Terraform was killed: it may have left a lock.
    pub(crate) fn was_killed(&self) {
        self.killed.store(true, Ordering::Relaxed);
    }

    /// To be called once the state's lock was got: then the dead have left none.
    pub(crate) fn state_was_free(&self) {
        let _ = fs::remove_file(&self.died);
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        // The folder may be gone with its environment.
        let _ = match self.killed.load(Ordering::Relaxed) {
            true => fs::rename(&self.run, &self.died),
            false => fs::remove_file(&self.run),
        };
    }
}

fn read_record(path: &Path) -> Option<RunRecord> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

fn write_record(path: &Path, record: &RunRecord) -> Result<()> {
    let text = serde_json::to_vec(record).unwrap_or_default();
    write_private(path, &text).map_err(|error| unwritable(path, error))
}

/// This machine as Terraform names it in a lock.
fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Writes a file that only its owner can read, all of it or nothing.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    io::Write::write_all(&mut file, bytes)?;
    file.persist(path)?;
    Ok(())
}

/// Makes an empty file that only its owner can read, for a program to write into: it keeps the mode.
pub(crate) fn make_private(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(path)?;
    file.set_permissions(fs::Permissions::from_mode(0o600))?;
    Ok(file)
}

pub(crate) fn unwritable(path: &Path, error: io::Error) -> Error {
    Error::terraform("", path.display().to_string(), "cannot be written").with_source(error)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use adhoc_core::testing::{ManualClock, RecordingSink};

    use super::*;

    fn context() -> Context {
        Context::new(Arc::new(ManualClock::new()), Arc::new(RecordingSink::default()))
    }

    fn folder(dir: &Path) -> Folder {
        Folder::new(dir, &"alpha".parse().expect("valid"))
    }

    fn lock_of(host: &str, created: Timestamp) -> LockInfo {
        let detail = format!(
            "Lock Info:\n  ID:        6f5e\n  Path:      alpha.tfstate\n  Operation: OperationTypeApply\n  Who:       me@{host}\n  \
             Version:   1.11.4\n  Created:   {}\n  Info:      \n",
            created.strftime("%Y-%m-%d %H:%M:%S.%9f +0000 UTC")
        );
        LockInfo::parse(&detail).expect("a lock")
    }

    #[test]
    fn one_run_works_on_an_environment_at_a_time() {
        let dir = tempfile::tempdir().expect("a folder");
        let cx = context();
        let hold = folder(dir.path()).hold(&cx, "apply").expect("free");
        let error = folder(dir.path()).hold(&cx, "plan").expect_err("held");
        assert!(matches!(&error, Error::Locked(detail) if detail.reason.contains("(apply, process ")), "{error}");
        drop(hold);
        folder(dir.path()).hold(&cx, "plan").expect("free again");
        let mode = fs::metadata(dir.path().join(".adhoc/alpha")).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }

    #[test]
    fn the_lock_of_a_dead_run_is_recognised_until_the_state_was_free() {
        let dir = tempfile::tempdir().expect("a folder");
        let cx = context();
        let first = folder(dir.path()).hold(&cx, "apply").expect("free");
        let now = cx.clock().now();
        assert!(!first.left_by_the_dead(&lock_of(&host(), now)), "nobody died");
        // As a kill does: the lock goes, the record stays.
        let record = fs::read(dir.path().join(".adhoc/alpha/run.json")).expect("a record");
        drop(first);
        fs::write(dir.path().join(".adhoc/alpha/run.json"), record).expect("written");

        for _ in 0..2 {
            let next = folder(dir.path()).hold(&cx, "apply").expect("free");
            assert!(next.left_by_the_dead(&lock_of(&host(), now)));
            assert!(!next.left_by_the_dead(&lock_of("elsewhere", now)));
            let before = now.checked_sub(jiff::SignedDuration::from_secs(60)).expect("a time");
            assert!(!next.left_by_the_dead(&lock_of(&host(), before)), "older than the dead run");
        }
        folder(dir.path()).hold(&cx, "apply").expect("free").state_was_free();
        let last = folder(dir.path()).hold(&cx, "apply").expect("free");
        assert!(!last.left_by_the_dead(&lock_of(&host(), now)));
    }
}
