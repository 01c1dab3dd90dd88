//! What comes before every operation: the right program, an initialised data folder, and the one workspace meant.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use adhoc_core::{Context, EnvironmentName, Error, Result};
use rustix::process::Signal;

use super::TerraformWorkspaces;
use super::apply::ERRORED_STATE;
use crate::failure::{Situation, classify, was_interrupted};
use crate::folder::{Folder, Hold};
use crate::process::{Ended, Run};
use crate::stream::{Collector, Diagnostic};
use crate::variables::Declarations;
use crate::version::Version;

/// An environment that may be worked on: held, initialised, and with its workspace known.
pub(crate) struct Opened<'a> {
    pub(crate) workspaces: &'a TerraformWorkspaces,
    pub(crate) environment: EnvironmentName,
    pub(crate) folder: Folder,
    /// None where it is only looked at.
    pub(super) hold: Option<Arc<Hold>>,
    /// Whether the workspace was there before.
    pub(super) existed: bool,
    /// Whether it is new: made by this run, or by one that died before anything was in it.
    pub(super) is_new: bool,
}

impl TerraformWorkspaces {
    /// The program's version, asked for once.
    ///
    /// # Errors
    ///
    /// [`Error::Terraform`] if it is not there, too old, or something else.
    pub async fn version(&self, cx: &Context) -> Result<Version> {
        self.version.get_or_try_init(|| self.detect(cx)).await.copied()
    }

    async fn detect(&self, cx: &Context) -> Result<Version> {
        let (ended, text) = self.program.run(["version"]).capture(cx).await?;
        if ended.interrupted {
            return Err(Error::cancelled("", "", "interrupted"));
        }
        let name = self.config.program.display().to_string();
        let version = Version::parse(&text).ok_or_else(|| {
            Error::terraform("", name.as_str(), "does not say that it is Terraform or OpenTofu")
                .with_hint("name the program with `bin` under [terraform]")
        })?;
        if !self.dropped.is_empty() {
            let names = self.dropped.join(", ");
            cx.hint(format!(
                "terraform does not get {names} from the environment: that could change what is done, and where"
            ));
        }
        version.ensure_supported(&name)
    }

    /// Refuses a folder without a configuration.
    pub(super) fn ensure_configured(&self) -> Result<()> {
        let is_code =
            |name: &str| [".tf", ".tofu", ".tf.json", ".tofu.json"].iter().any(|ending| name.ends_with(ending));
        let entries = fs::read_dir(&self.dir).ok();
        let found = entries.is_some_and(|mut entries| {
            entries.any(|entry| entry.is_ok_and(|entry| entry.file_name().to_str().is_some_and(is_code)))
        });
        let shown = self.config.dir.display().to_string();
        match found {
            true => Ok(()),
            false => Err(Error::not_found("", shown, "there is no Terraform configuration in this folder")
                .with_hint("name the folder with `dir` (or `shared_dir`, `bootstrap_dir`) under [terraform]")),
        }
    }

    /// Makes everything ready for work on an environment, in the step `init`. Its workspace may be there or not.
    pub(super) async fn open(
        &self,
        cx: &Context,
        environment: &EnvironmentName,
        operation: &'static str,
    ) -> Result<Opened<'_>> {
        self.ensure_configured()?;
        let folder = Folder::new(&self.dir, environment);
        let hold = self.held_or_free(cx, environment, operation)?;
        self.refuse_lost_state(environment, &folder)?;
        let known = self.ready(cx, &folder, Some(&hold)).await?;
        let existed = known.iter().any(|name| name == environment.as_str());
        let (environment, is_new) = (environment.clone(), !existed);
        let left_by_the_dead = existed && hold.dead_plan_made_workspace();
        let mut opened = Opened { workspaces: self, environment, folder, hold: Some(hold), existed, is_new };
        opened.is_new = is_new || (left_by_the_dead && opened.resources(cx).await?.is_empty());
        Ok(opened)
    }

    /// A state that could not be saved knows of resources that nobody else does.
    fn refuse_lost_state(&self, environment: &EnvironmentName, folder: &Folder) -> Result<()> {
        if self.dir.join(ERRORED_STATE).exists() {
            let file = self.shown(Path::new(ERRORED_STATE));
            return Err(Error::terraform(
                "",
                file,
                "is a state that could not be saved, of an environment that nobody has noted",
            )
            .with_hint(
                "look into it for whose it is, save it with `terraform state push` in that workspace, and remove it",
            ));
        }
        let lost = folder.errored_state();
        if !lost.exists() {
            return Ok(());
        }
        let file = lost.strip_prefix(&self.dir).unwrap_or(&lost);
        let reason = format!("the state of an earlier run was not saved, and is in {}", self.shown(file));
        Err(Error::terraform("", environment.as_str(), reason).with_hint(self.way_back(environment, folder, file)))
    }

    /// How a state that could not be saved is saved after all.
    pub(super) fn way_back(&self, environment: &EnvironmentName, folder: &Folder, file: &Path) -> String {
        let push = self.command_line(environment, folder, &format!("state push {}", file.display()));
        format!("once the backend can be reached, `{push}`; then remove the file")
    }

    /// A command of Terraform's that works in the environment's workspace, for a shell in our working folder.
    pub(super) fn command_line(&self, environment: &EnvironmentName, folder: &Folder, command: &str) -> String {
        let settings = self.config.settings.iter().map(|(name, value)| format!("{name}={value}"));
        let ours = [format!("TF_WORKSPACE={environment}"), format!("TF_DATA_DIR={}", folder.data_dir().display())];
        let program = [self.config.program.display().to_string(), format!("-chdir={}", self.config.dir.display())];
        let words: Vec<String> = settings.chain(ours).chain(program).map(|word| quoted(&word)).collect();
        format!("{} {command}", words.join(" "))
    }

    /// Initialises the data folder, in the step `init`, unless this value has done so, and gives the names of the workspaces.
    pub(super) async fn ready(&self, cx: &Context, folder: &Folder, hold: Option<&Hold>) -> Result<Vec<String>> {
        let init = self.init(cx, folder, hold);
        let initialised = self.initialised().contains(&folder.data_dir());
        match initialised {
            true => init.await,
            false => cx.step_to_its_end("init", init).await,
        }
    }

    async fn init(&self, cx: &Context, folder: &Folder, hold: Option<&Hold>) -> Result<Vec<String>> {
        self.version(cx).await?;
        let data = folder.data_dir();
        if !self.initialised().contains(&data) {
            self.run_init(cx, folder, hold).await?;
            self.initialised().insert(data);
        }
        let run = self.run(folder, hold, ["workspace", "list"]);
        let (ended, text) = run.capture(cx).await?;
        self.ensure_succeeded(&ended, "list workspaces", None)?;
        let names = text.lines().map(|line| line.trim_start_matches(['*', ' ']).trim());
        Ok(names.filter(|name| !name.is_empty()).map(str::to_owned).collect())
    }

    async fn run_init(&self, cx: &Context, folder: &Folder, hold: Option<&Hold>) -> Result<()> {
        // The workspace that was selected last may be gone by now, and `init` would stumble over it.
        let _ = fs::remove_file(self.dir.join(folder.data_dir()).join("environment"));
        let _one_at_a_time = folder.hold_init(cx).await?;
        let run = self.run(folder, hold, self.init_arguments()?);
        let (ended, _) = run.capture(cx).await?;
        self.ensure_succeeded(&ended, "init", None).map_err(|error| match (&error, Declarations::read(&self.dir)) {
            // Faults of syntax are told with their column, as Terraform does not here.
            (Error::Terraform(_), Err(fault)) => {
                Error::terraform("", fault.detail().resource.as_str(), fault.detail().reason.as_str())
                    .with_hint("`terraform validate` says more")
            }
            _ => error,
        })
    }

    fn init_arguments(&self) -> Result<Vec<OsString>> {
        // What a data folder remembers of a backend must not matter: the configuration says where the state is.
        let mut arguments: Vec<OsString> = ["init", "-input=false", "-reconfigure"].map(OsString::from).into();
        if let Some(file) = &self.config.backend_config {
            if !self.dir.join(file).is_file() {
                return Err(Error::not_found("", self.shown(file), "the settings of the backend are not there").with_hint(
                    "`adhoc bootstrap create` writes them, or name another file with `backend_config` under [terraform]",
                ));
            }
            arguments.push(option("-backend-config=", file));
        }
        if let Some(folder) = &self.config.plugin_dir {
            let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.clone());
            arguments.push(option("-plugin-dir=", &folder));
        }
        Ok(arguments)
    }

    /// A run in the environment's data folder, in no workspace in particular.
    pub(super) fn run<'a, S: AsRef<std::ffi::OsStr>>(
        &'a self,
        folder: &Folder,
        hold: Option<&'a Hold>,
        arguments: impl IntoIterator<Item = S>,
    ) -> Run<'a> {
        let run = self.program.run(arguments).with("TF_DATA_DIR", folder.data_dir());
        let run = match (self.config.plugin_dir.is_some(), self.config.environment.has("TF_PLUGIN_CACHE_DIR")) {
            // A provider is hundreds of megabytes, and every environment would get one of its own.
            (false, false) => self.with_plugin_cache(run, folder),
            _ => run,
        };
        // The descriptor is shared, so the environment stays held as long as Terraform lives, whatever becomes of us.
        run.holding(hold.map(Hold::file))
    }

    fn with_plugin_cache<'a>(&self, run: Run<'a>, folder: &Folder) -> Run<'a> {
        let cache = folder.plugin_cache();
        match fs::create_dir_all(&cache) {
            Ok(()) => run.with("TF_PLUGIN_CACHE_DIR", cache),
            Err(_) => run,
        }
    }

    /// The error of a short command that did not succeed.
    pub(crate) fn ensure_succeeded(
        &self,
        ended: &Ended,
        operation: &'static str,
        opened: Option<&Opened<'_>>,
    ) -> Result<()> {
        if ended.status.success() {
            return Ok(());
        }
        Err(self.failure(ended, operation, (&[], &ended.stderr), opened))
    }

    /// Why a run failed, by what it said.
    pub(super) fn failure(
        &self,
        ended: &Ended,
        operation: &'static str,
        (errors, text): (&[Diagnostic], &str),
        opened: Option<&Opened<'_>>,
    ) -> Error {
        let environment = opened.map_or_else(String::new, |opened| opened.environment.to_string());
        // Our own interrupt kills it where it comes before anything listens for it.
        let killed = ended.signal().filter(|signal| !(ended.interrupted && *signal == Signal::INT.as_raw()));
        if let Some(signal) = killed {
            if let Some(hold) = opened.and_then(|opened| opened.hold.as_ref()) {
                hold.was_killed();
            }
            return Error::terraform(operation, environment, format!("Terraform was killed by signal {signal}"))
                .with_hint("run the command again: if the state is still locked, it says how to unlock it");
        }
        // By us, or by whoever stops all processes of a job.
        if ended.interrupted || was_interrupted(errors, text) {
            let cause = errors.iter().find(|error| !was_interrupted(std::slice::from_ref(error), ""));
            return match cause {
                None => Error::cancelled(operation, environment, "interrupted; Terraform ended in good order"),
                Some(cause) => Error::cancelled(operation, environment, "interrupted").with_source(cause.to_string()),
            };
        }
        let var_file = opened.map(|opened| self.shown(&self.var_file(&opened.environment)));
        let unlock = |id: &str| match opened {
            Some(opened) => self.command_line(&opened.environment, &opened.folder, &format!("force-unlock {id}")),
            None => format!(
                "{} {} force-unlock {id}",
                quoted(&self.config.program.display().to_string()),
                quoted(&format!("-chdir={}", self.config.dir.display()))
            ),
        };
        let hold = opened.and_then(|opened| opened.hold.as_ref());
        let ours = |lock: &crate::LockInfo| hold.is_some_and(|hold| hold.left_by_the_dead(lock));
        let situation = Situation {
            operation,
            environment: &environment,
            var_file: var_file.as_deref(),
            unlock: &unlock,
            left_behind_lock_is_ours: &ours,
        };
        classify(errors, text, &situation)
    }

    /// The commit that is checked out where the configuration is, if it is in a repository and there is a git.
    pub(super) async fn revision(&self, cx: &Context) -> Option<String> {
        let git = self.program.renamed(Path::new("git"));
        let (ended, text) = git.run(["rev-parse", "HEAD"]).capture(cx).await.ok()?;
        let revision = text.trim();
        (ended.status.success() && !revision.is_empty()).then(|| revision.to_owned())
    }
}

impl Opened<'_> {
    /// The hold on the environment, for what changes something or needs the state's lock.
    pub(super) fn hold(&self) -> Result<&Hold> {
        self.hold.as_deref().ok_or_else(|| Error::internal("", self.environment.as_str(), "is not held"))
    }

    /// Why a run of Terraform's that speaks JSON failed.
    pub(super) fn failure(&self, ended: &Ended, operation: &'static str, collector: &Collector) -> Error {
        // Faults in the command line itself are told on the error output, as text.
        let text = if collector.text().is_empty() { &ended.stderr } else { collector.text() };
        self.workspaces.failure(ended, operation, (collector.errors(), text), Some(self))
    }

    /// Refuses an environment that has no workspace.
    pub(super) fn ensure_exists(&self) -> Result<()> {
        match self.existed {
            true => Ok(()),
            false => Err(Error::not_found("", self.environment.as_str(), "has no Terraform workspace")
                .with_hint(format!("`adhoc create {}` makes it, or is the name misspelt?", self.environment))),
        }
    }

    /// A run in the environment's workspace.
    pub(crate) fn run<S: AsRef<std::ffi::OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Run<'_> {
        self.workspaces
            .run(&self.folder, self.hold.as_deref(), arguments)
            .with("TF_WORKSPACE", self.environment.as_str())
    }

    /// Makes the workspace, if it is not there.
    pub(super) async fn make_workspace(&self, cx: &Context) -> Result<()> {
        if self.existed {
            return Ok(());
        }
        let run =
            self.workspaces.run(&self.folder, self.hold.as_deref(), ["workspace", "new", self.environment.as_str()]);
        let (ended, _) = run.capture(cx).await?;
        self.workspaces.ensure_succeeded(&ended, "make the workspace", Some(self))?;
        self.hold()?.made_workspace()
    }

    /// Deletes the workspace, which must be empty. One that is gone already is no error.
    pub(super) async fn delete_workspace(&self, cx: &Context) -> Result<()> {
        // The workspace that is deleted must not be the current one; `default` is always there.
        let arguments = ["workspace", "delete", self.environment.as_str()];
        let run = self.workspaces.run(&self.folder, self.hold.as_deref(), arguments).with("TF_WORKSPACE", "default");
        let (ended, _) = run.capture(cx).await?;
        match self.workspaces.ensure_succeeded(&ended, "delete the workspace", Some(self)) {
            Err(Error::NotFound(_)) => Ok(()),
            result => result,
        }
    }
}

/// A word for a shell; of an assignment the value alone may be quoted.
fn quoted(word: &str) -> String {
    let (name, value) = word.split_once('=').map_or(("", word), |(name, value)| (&word[..=name.len()], value));
    // Only a NUL cannot be quoted, and no path holds one.
    format!("{name}{}", shlex::try_quote(value).unwrap_or(value.into()))
}

/// An option and its value in one word.
pub(super) fn option(name: &str, value: &Path) -> OsString {
    let mut option = OsString::from(name);
    option.push(value);
    option
}

/// The path of a file relative to the configuration, where it lies in it.
pub(super) fn relative(dir: &Path, path: &Path) -> PathBuf {
    path.strip_prefix(dir).unwrap_or(path).to_owned()
}
