//! `adhoc exec` and `promote`.

use adhoc_core::EnvironmentName;
use clap::{Args, ValueHint};

use super::TimeoutArgs;
use super::values::{parse_named, parse_role};

pub(super) const EXEC_HELP: &str = "\
The command is a program and its arguments; no shell looks at them. It needs AWS's session-manager-plugin here, and
`enableExecuteCommand` on the service. Without a terminal on both sides, as in CI, what is piped in is its input.

Examples:
  adhoc exec gunicorn alpha
      Open a shell in the newest task.
  adhoc exec gunicorn alpha -- python manage.py shell
  adhoc exec gunicorn alpha -- sh -c 'ls -l /app | wc -l'
  adhoc exec gunicorn alpha -- python manage.py loaddata - < seed.json

Exit codes:
  That of the command, whatever it is. If adhoc itself fails, its own code, and a line on stderr that begins with
  `error:`; with --output json, `error` of the summary says so, and only a command that ended has `result.exit_code`.";

pub(super) const PROMOTE_HELP: &str = "\
Examples:
  adhoc promote backend staging production
      Update production to the very image that staging runs, by its digest.
  adhoc promote backend staging production --dry-run
      Show what that would change.";

/// `adhoc exec`.
#[derive(Debug, Args)]
pub(crate) struct ExecArgs {
    /// The service's role: gunicorn, default, beat, web-ui, ...
    #[arg(value_parser = parse_role)]
    pub(crate) service: String,
    /// The environment, such as alpha or pr-42
    #[arg(value_name = "ENV", value_parser = parse_named::<EnvironmentName>)]
    pub(crate) environment: EnvironmentName,
    /// The task, by the beginning of its id [default: the newest one that runs]
    #[arg(long, value_name = "ID")]
    pub(crate) task: Option<String>,
    /// The command [default: a shell]
    #[arg(last = true, value_name = "COMMAND", value_hint = ValueHint::CommandWithArguments)]
    pub(crate) command: Vec<String>,
}

/// `adhoc promote`.
#[derive(Debug, Args)]
pub(crate) struct PromoteArgs {
    /// The component, as adhoc.toml defines it: backend, frontend, ...
    #[arg(value_parser = parse_role)]
    pub(crate) component: String,
    /// The environment that runs the release
    #[arg(value_name = "FROM", value_parser = parse_named::<EnvironmentName>)]
    pub(crate) from: EnvironmentName,
    /// The environment that is to run it
    #[arg(value_name = "TO", value_parser = parse_named::<EnvironmentName>)]
    pub(crate) to: EnvironmentName,
    /// Show what would change, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// The deadline.
    #[command(flatten)]
    pub(crate) deadline: TimeoutArgs,
    /// Roll the services without running the pre-update tasks (migrations)
    #[arg(long)]
    pub(crate) skip_pre_update: bool,
    /// Do not make sure that the environment has its database
    #[arg(long)]
    pub(crate) skip_db: bool,
}
