//! The commands that drive Terraform.

mod create;
mod destroy;
mod driver;
mod environment;
mod plan;
mod settings;
mod var_file;

use adhoc_core::{Context, EnvironmentName, Error, InfrastructurePlan, Outcome, Result, Summary};

pub(super) use self::driver::{Driver, Root};
use super::{PATIENT, Session, confirm, ensure_answerable, load_config};
use crate::args::{
    BootstrapCommand, Cli, CreateOptions, DestroyArgs, GlobalArgs, InfrastructureCommand, PlanOptions, SharedCommand,
};
use crate::aws;
use crate::config::Config;

/// The workspace, and the var file, of the one configuration that is not an environment's.
const BOOTSTRAP: &str = "bootstrap";

/// What the commands work with.
struct Site<'a> {
    cx: &'a Context,
    global: &'a GlobalArgs,
    config: &'a Config,
    root: Root,
    driver: Driver,
    environment: EnvironmentName,
    /// The command as it was typed.
    typed: &'a str,
}

/// Runs the command and gives back its summary.
pub(super) async fn run(cli: &Cli, command: &InfrastructureCommand, typed: &str, cx: &Context) -> Summary {
    // Terraform saves its state before it ends: a second Ctrl-C must not end us before that.
    PATIENT.store(true, std::sync::atomic::Ordering::Relaxed);
    let environment = match environment_of(command) {
        Ok(environment) => environment,
        Err(error) => return Summary::new(cli.command.name()).with_error(&error),
    };
    let mut summary = Summary::new(cli.command.name()).with_environment(environment.as_str());
    match perform(cli, command, &environment, typed, cx, &mut summary).await {
        Ok(result) => summary.result = Some(result),
        Err(error) => summary = summary.with_error(&error),
    }
    if summary.outcome == Outcome::Interrupted {
        summary.hint = summary.hint.or_else(|| Some(format!("`{}` continues where it ended", without_values(typed))));
    }
    summary
}

fn environment_of(command: &InfrastructureCommand) -> Result<EnvironmentName> {
    Ok(match command {
        InfrastructureCommand::Bootstrap(_) => BOOTSTRAP.parse()?,
        InfrastructureCommand::Shared(SharedCommand::Create(args)) => args.environment.clone(),
        InfrastructureCommand::Shared(SharedCommand::Plan(args)) => args.environment.clone(),
        InfrastructureCommand::Shared(SharedCommand::Destroy(args)) => args.environment.clone(),
        InfrastructureCommand::Create(args) => args.environment.clone(),
        InfrastructureCommand::Plan(args) => args.environment.clone(),
        InfrastructureCommand::Destroy(args) => args.environment.clone(),
    })
}

async fn perform(
    cli: &Cli,
    command: &InfrastructureCommand,
    environment: &EnvironmentName,
    typed: &str,
    cx: &Context,
    summary: &mut Summary,
) -> Result<serde_json::Value> {
    let config = load_config(cli)?;
    let root = match command {
        InfrastructureCommand::Bootstrap(_) => Root::Bootstrap,
        InfrastructureCommand::Shared(_) => Root::Shared,
        _ => Root::Environments,
    };
    if root == Root::Environments && environment.as_str() == config.conventions.shared {
        let shared = format!("shared {}", cli.command.name());
        return Err(Error::invalid("", environment.as_str(), "is the shared environment")
            .with_hint(format!("`adhoc {shared} {environment}`, or name another shared environment with `--shared`")));
    }
    let role = aws::role_variables(&cli.global, &config).await?;
    let driver = Driver::new(root, &cli.global, &config, &role);
    let (global, environment) = (&cli.global, environment.clone());
    let site = Site { cx, global, config: &config, root, driver, environment, typed };
    match command {
        InfrastructureCommand::Bootstrap(BootstrapCommand::Create(args)) => {
            let options = CreateOptions { settings: args.settings.clone(), plan: None };
            create::bootstrap(&site, &options).await
        }
        InfrastructureCommand::Shared(SharedCommand::Create(args)) => site.create(&args.options).await,
        InfrastructureCommand::Create(args) => result(&environment::create(&site, args, summary).await?),
        InfrastructureCommand::Shared(SharedCommand::Plan(args)) => site.plan(&args.options).await,
        InfrastructureCommand::Plan(args) => site.plan(&args.options).await,
        InfrastructureCommand::Bootstrap(BootstrapCommand::Destroy)
        | InfrastructureCommand::Shared(SharedCommand::Destroy(_)) => result(&destroy::destroy(&site).await?),
        InfrastructureCommand::Destroy(args) => result(&environment::destroy(&site, args).await?),
    }
}

impl Site<'_> {
    async fn create(&self, options: &CreateOptions) -> Result<serde_json::Value> {
        result(&create::alone(self, options).await?)
    }

    async fn plan(&self, options: &PlanOptions) -> Result<serde_json::Value> {
        plan::plan(self, options).await
    }

    /// Forgets a plan that is not going to be applied.
    async fn forget(&self, plan: &InfrastructurePlan) {
        if let Err(error) = self.driver.workspaces.discard(self.cx, plan).await {
            self.cx.hint(format!("the plan could not be removed: {error}"));
        }
    }
}

/// Destroys an environment without asking: a sweep has decided it.
pub(super) async fn destroy_environment(session: &Session, environment: &EnvironmentName) -> Result<()> {
    let (global, config) = (GlobalArgs { yes: true, ..session.global.clone() }, &session.config);
    let role = aws::role_variables(&global, config).await?;
    let driver = Driver::new(Root::Environments, &global, config, &role);
    let environment = environment.clone();
    let (root, typed) = (Root::Environments, session.typed.as_str());
    let site = Site { cx: &session.cx, global: &global, config, root, driver, environment, typed };
    environment::destroy(&site, &DestroyArgs::everything(&site.environment)).await.map(drop)
}

/// A report as a summary carries it.
fn result(report: &impl serde::Serialize) -> Result<serde_json::Value> {
    serde_json::to_value(report)
        .map_err(|error| Error::internal("", "", "the result cannot be written").with_source(error))
}

/// A command line without the values that it sets, some of which may be secrets: it ends up in logs.
fn without_values(typed: &str) -> String {
    let words = shlex::split(typed).unwrap_or_default();
    let mut is_value = false;
    let words = words.iter().map(|word| {
        let (option, setting) = match word.strip_prefix("--set=") {
            Some(setting) => ("--set=", setting),
            None => ("", word.as_str()),
        };
        let hidden = std::mem::replace(&mut is_value, word == "--set") || !option.is_empty();
        match setting.split_once('=').filter(|_| hidden) {
            Some((name, _)) => format!("{option}{name}=..."),
            None => word.clone(),
        }
    });
    let words: Vec<String> = words.collect();
    shlex::try_join(words.iter().map(String::as_str)).unwrap_or_else(|_| "the same command".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_without_the_values_that_it_sets() {
        let typed = "adhoc create alpha --set 'password=hunter 2' --set=token=hunter3 --yes";
        assert_eq!(without_values(typed), "adhoc create alpha --set 'password=...' '--set=token=...' --yes");
    }
}
