//! `adhoc db`: the environments' databases.

mod access;
mod audit;
mod change;
mod list;
mod preparation;
mod restore;
mod shell;
mod url;

use adhoc_core::{Context, EnvironmentName, Error, Result, Summary};
use serde::Serialize;
use tokio::sync::OnceCell;

pub(super) use self::access::Databases;
pub(crate) use self::change::creator;
pub(super) use self::preparation::EnsureDatabase;

use crate::args::{Cli, Command, DbCommand, GlobalArgs, OutputFormat};
use crate::config::Config;

/// What a command of `adhoc db` works with.
struct Surroundings<'a> {
    cx: &'a Context,
    global: &'a GlobalArgs,
    config: &'a Config,
    opened: OnceCell<Databases>,
}

impl Surroundings<'_> {
    /// What the configuration and AWS say; nothing is connected yet.
    async fn open(&self) -> Result<&Databases> {
        let open = || self.cx.step("resolve", Databases::open(self.cx, self.global, self.config));
        self.opened.get_or_try_init(open).await
    }
}

/// Runs the command and gives back its summary.
pub(super) async fn run(cli: &Cli, command: &DbCommand, cx: &Context) -> Summary {
    let name = Command::name(&cli.command);
    let config = match super::load_config(cli) {
        Ok(config) => config,
        Err(error) => return Summary::new(name).with_error(&error),
    };
    let at = Surroundings { cx, global: &cli.global, config: &config, opened: OnceCell::new() };
    let summary = execute(name, &at, command).await;
    if let Some(databases) = at.opened.get() {
        databases.close().await;
    }
    summary
}

async fn execute(name: &str, at: &Surroundings<'_>, command: &DbCommand) -> Summary {
    match command {
        DbCommand::Create(args) => {
            summary(name, Some(&args.environment), change::create(at, &args.environment, &args.marker).await)
        }
        DbCommand::Clone(args) => summary(name, Some(&args.environment), change::clone(at, args).await),
        DbCommand::Drop(args) => summary(name, args.environment.as_ref(), change::drop(at, args).await),
        DbCommand::List => summary(name, None, list::list(at).await),
        DbCommand::Audit(args) => audit::audit(at, args).await,
        DbCommand::Restore(args) => restore::restore(at, args).await,
        DbCommand::Url(args) => {
            let mut summary = summary(name, Some(&args.environment), url::url(at, args).await);
            if at.global.output == OutputFormat::Human {
                // It has been printed, before anything was forwarded.
                summary.result = None;
            }
            summary
        }
        DbCommand::Shell(args) => match shell::shell(at, args).await {
            Ok(()) => Summary::new(name).with_environment(args.environment.as_str()),
            Err(error) => summary(name, Some(&args.environment), Err::<(), _>(error)),
        },
    }
}

/// A summary with what was found or done as its result.
fn summary(command: &str, environment: Option<&EnvironmentName>, result: Result<impl Serialize>) -> Summary {
    let mut summary = Summary::new(command);
    if let Some(environment) = environment {
        summary = summary.with_environment(environment.as_str());
    }
    let written = result.and_then(|result| {
        serde_json::to_value(result)
            .map_err(|error| Error::internal("", command, "has no JSON form").with_source(error))
    });
    match written {
        Ok(value) => {
            summary.result = Some(value);
            summary
        }
        // Every command here is safe to repeat, and finds what was begun.
        Err(error @ Error::Cancelled(_)) if !error.detail().left_behind.is_empty() => {
            summary.with_error(&error.with_hint("the same command completes, or removes, what was begun"))
        }
        Err(error) => summary.with_error(&error),
    }
}
