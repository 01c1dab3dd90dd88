//! The commands: each turns its arguments into a request, hands it to a crate, and the report into a summary.

mod db;
mod demo;
mod exec;
mod infrastructure;
mod inspection;
mod lifecycle;
mod local;
mod logs;
mod maintenance;
mod promote;
mod reference;
mod rollback;
mod run;
mod status;
mod update;

use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use adhoc_core::{Clusters, Context, EnvironmentName, Error, Outcome, Result, Summary};
use adhoc_ecs::aws::AwsClusters;
use adhoc_ecs::{Ecs, Environment};
use aws_config::SdkConfig;

use crate::args::{Cli, Command, GlobalArgs, LocalCommand};
use crate::aws;
use crate::config::Config;

pub(crate) use self::db::creator;

/// What a command works with.
pub(crate) struct Session {
    pub(crate) cx: Context,
    pub(crate) config: Config,
    pub(crate) global: GlobalArgs,
    pub(crate) ecs: Ecs,
    /// Where what is known of environments' lives is kept.
    pub(crate) clusters: Arc<dyn Clusters>,
    /// How AWS is reached.
    pub(crate) sdk: SdkConfig,
    /// The command as it was typed, with which an interrupted run is resumed.
    pub(crate) typed: String,
}

impl Session {
    pub(crate) fn on(cx: Context, config: Config, global: GlobalArgs, sdk: SdkConfig, typed: &str) -> Self {
        let (ecs, clusters) = (Ecs::on_aws(&sdk), Arc::new(AwsClusters::on_aws(&sdk)));
        Self { cx, config, global, ecs, clusters, sdk, typed: typed.to_owned() }
    }

    /// The same in the account of another environment.
    ///
    /// # Errors
    ///
    /// Those of AWS, if a role has to be assumed there.
    pub(crate) async fn for_environment(&self, environment: &EnvironmentName) -> Result<Self> {
        let config = self.config.clone().for_environment(environment);
        let sdk = match config.account == self.config.account {
            true => self.sdk.clone(),
            false => aws::sdk_config(&self.global, &config).await?,
        };
        Ok(Self::on(self.cx.clone(), config, self.global.clone(), sdk, &self.typed))
    }

    /// An environment under the conventions of the configuration.
    pub(crate) fn environment(&self, name: &EnvironmentName) -> Environment {
        Environment::new(name.clone(), self.config.conventions.clone())
    }
}

/// Runs the command and gives back its summary, whatever happens.
pub(crate) async fn run(cli: &Cli, typed: &str, cx: &Context) -> Summary {
    match &cli.command {
        Command::Demo(args) => demo::demo(cli, args, cx).await,
        Command::Local(LocalCommand::Serve(args)) => local::serve(cli, args, cx).await,
        Command::Db(command) => db::run(cli, command, cx).await,
        Command::Infrastructure(command) => infrastructure::run(cli, command, typed, cx).await,
        Command::IamPolicy(args) => reference::iam_policy(cli, args, cx),
        Command::Completions(args) => reference::completions(cli, args),
        Command::Man(args) => reference::man(cli, args),
        command => match open(cli, typed, cx).await {
            Ok(session) => execute(command, &session).await,
            Err(error) => Summary::new(command.name()).with_error(&error),
        },
    }
}

/// Runs one of the commands that need AWS.
pub(crate) async fn execute(command: &Command, session: &Session) -> Summary {
    match command {
        Command::Update(args) => update::update(args, session).await,
        Command::Rollback(args) => rollback::rollback(args, session).await,
        Command::Run(args) => run::run(args, session).await,
        Command::Status(args) => status::status(args, session).await,
        Command::Logs(args) => logs::logs(args, session).await,
        Command::Promote(args) => promote::promote(args, session).await,
        Command::Verify(args) => inspection::verify(args, session).await,
        Command::List(args) => lifecycle::list(args, session).await,
        Command::Stop(args) => lifecycle::stop(args, session).await,
        Command::Start(args) => lifecycle::start(args, session).await,
        Command::Extend(args) => lifecycle::extend(args, session).await,
        Command::Sweep(args) => lifecycle::sweep(args, session).await,
        Command::Exec(args) => exec::exec(args, session).await,
        Command::Maintenance(command) => maintenance::switch(command, session).await,
        Command::Quota(args) => inspection::quota(args, session).await,
        Command::Cost(args) => inspection::cost(args, session).await,
        Command::Demo(_)
        | Command::Local(_)
        | Command::Db(_)
        | Command::Infrastructure(_)
        | Command::IamPolicy(_)
        | Command::Completions(_)
        | Command::Man(_) => Summary::new(command.name()).with_outcome(Outcome::Internal),
    }
}

async fn open(cli: &Cli, typed: &str, cx: &Context) -> Result<Session> {
    let config = load_config(cli)?;
    let sdk = aws::sdk_config(&cli.global, &config).await?;
    Ok(Session::on(cx.clone(), config, cli.global.clone(), sdk, typed))
}

pub(crate) fn load_config(cli: &Cli) -> Result<Config> {
    let mut config = Config::load(cli.global.config.as_deref())?;
    if let Some(shared) = &cli.global.shared {
        config.conventions.shared = shared.to_string();
    }
    Ok(match cli.command.environment() {
        Some(environment) => config.for_environment(&environment),
        None => config,
    })
}

/// Whether a program in the foreground, such as psql, has Ctrl-C for itself now.
pub(crate) static FOREGROUND: AtomicBool = AtomicBool::new(false);

/// Whether what runs now must not be abandoned at a second Ctrl-C.
pub(crate) static PATIENT: AtomicBool = AtomicBool::new(false);

/// Asks before what cannot be undone, unless `--yes` has answered.
///
/// # Errors
///
/// [`Error::Cancelled`] if the answer is not yes; [`Error::Invalid`] where nobody can be asked.
async fn confirm(cx: &Context, global: &GlobalArgs, question: &str) -> Result<()> {
    ensure_answerable(global)?;
    if global.yes {
        return Ok(());
    }
    let mut stderr = std::io::stderr();
    let _ = write!(stderr, "{question} [y/N] ").and_then(|()| stderr.flush());
    // On a thread of its own, so that Ctrl-C is an answer, too.
    let read = tokio::task::spawn_blocking(|| {
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer).map(|_| answer.trim().to_ascii_lowercase())
    });
    let answer = tokio::select! {
        () = cx.cancellation().cancelled() => return Err(Error::cancelled("", "", "interrupted; nothing was changed")),
        answer = read => answer,
    };
    match answer {
        Ok(Ok(answer)) if answer == "y" || answer == "yes" => Ok(()),
        _ => Err(Error::cancelled("", "", "not confirmed; nothing was changed")),
    }
}

/// Refuses, before any work is done, what would have to be confirmed where nobody can be asked.
///
/// # Errors
///
/// [`Error::Invalid`] without a terminal and without `--yes`.
fn ensure_answerable(global: &GlobalArgs) -> Result<()> {
    match global.yes || (std::io::stdin().is_terminal() && std::io::stderr().is_terminal()) {
        true => Ok(()),
        false => {
            Err(Error::invalid("", "", "this cannot be undone, and nobody is there to be asked")
                .with_hint("say `--yes`"))
        }
    }
}

/// What to do next after an update or a rollback that did not succeed, where the error itself does not say.
fn next_step(summary: &Summary, session: &Session, environment: &EnvironmentName) -> Option<String> {
    let service = summary.services.iter().find(|service| service.dossier.is_some()).map(|service| &service.service);
    let role = service.and_then(|service| service.strip_prefix(&format!("{environment}-")));
    match summary.outcome {
        Outcome::Interrupted | Outcome::TimedOut => {
            Some(format!("`{}` resumes: it joins what still runs", session.typed))
        }
        Outcome::RolledBack | Outcome::RolloutFailed => {
            let role = role?;
            Some(format!("`adhoc logs {role} {environment} --since 30m` shows more; then update to a fixed image"))
        }
        Outcome::TaskFailed => Some(format!("fix what the task complains of, then `{}`", session.typed)),
        Outcome::Superseded => Some(format!("`adhoc status {environment}` shows what runs now")),
        _ => None,
    }
}
