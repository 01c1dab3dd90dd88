//! `adhoc bootstrap`, `shared`, `create`, `plan` and `destroy`: what Terraform is driven for.

use std::path::PathBuf;
use std::time::Duration;

use adhoc_core::EnvironmentName;
use clap::{Args, Subcommand, ValueHint};

use super::values::{Release, parse_duration, parse_named, parse_release};

const BOOTSTRAP_CREATE_HELP: &str = "\
Safe to repeat: what is there stays as it is.

Example:
  adhoc bootstrap create --set state_bucket=example-terraform-state";

const SHARED_CREATE_HELP: &str = "\
Safe to repeat: what is as it is configured stays as it is.

Examples:
  adhoc shared create dev
  adhoc shared create dev --plan dev.plan
      Do what `adhoc shared plan dev --out dev.plan` has planned, and nothing else.";

const SHARED_PLAN_HELP: &str = "\
Examples:
  adhoc shared plan dev
  adhoc shared plan dev --drift
      Show what differs from the configuration because somebody else has changed it.";

const CREATE_HELP: &str = "\
Makes the infrastructure, then the database, deploys the first release, and waits until the URL answers. Safe to repeat: what
is as it is configured stays as it is, and what was interrupted is completed.

Examples:
  adhoc create alpha --ttl 5d --owner ada
  adhoc create pr-42 --from envs/pull-request.tfvars --tag backend=v1.1.0 --tag frontend=v1.0.3
      Start its var file from another one, and deploy these releases.
  adhoc create alpha --set environment_variables='{FEATURE=\"on\"}'
      Write the variable into the environment's var file first, and roll what it changes.
  adhoc create alpha --plan alpha.plan
      Do what `adhoc plan alpha --out alpha.plan` has planned, and nothing else.";

const PLAN_HELP: &str = "\
Examples:
  adhoc plan alpha
  adhoc plan alpha --out alpha.plan --markdown comment.md
      Keep the plan for `adhoc create alpha --plan alpha.plan`, and write it down for a pull request.
  adhoc plan alpha --drift
      Show what differs from the configuration because somebody else has changed it.";

const DESTROY_HELP: &str = "\
Stops what runs, drops the database, destroys the infrastructure, and looks whether anything is left. Safe to repeat: what is
gone stays gone, and what was interrupted is completed.

Example:
  adhoc destroy alpha --yes";

/// The commands that drive Terraform.
#[derive(Debug, Subcommand)]
pub(crate) enum InfrastructureCommand {
    /// Where Terraform keeps the state of all the others
    #[command(subcommand)]
    Bootstrap(BootstrapCommand),
    /// The shared environments: the network, and what else others stand on
    #[command(subcommand)]
    Shared(SharedCommand),
    /// Make an environment: infrastructure, database, first release; or bring it to what is configured
    #[command(after_help = CREATE_HELP)]
    Create(CreateArgs),
    /// Show what would change in an environment's infrastructure, and change nothing
    #[command(after_help = PLAN_HELP)]
    Plan(PlanArgs),
    /// Destroy an environment, with its database, to the last resource
    #[command(after_help = DESTROY_HELP)]
    Destroy(DestroyArgs),
}

impl InfrastructureCommand {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Bootstrap(BootstrapCommand::Create(_)) => "bootstrap create",
            Self::Bootstrap(BootstrapCommand::Destroy) => "bootstrap destroy",
            Self::Shared(SharedCommand::Create(_)) => "shared create",
            Self::Shared(SharedCommand::Plan(_)) => "shared plan",
            Self::Shared(SharedCommand::Destroy(_)) => "shared destroy",
            Self::Create(_) => "create",
            Self::Plan(_) => "plan",
            Self::Destroy(_) => "destroy",
        }
    }

    pub(super) fn only_plans(&self) -> bool {
        matches!(self, Self::Plan(_) | Self::Shared(SharedCommand::Plan(_)))
    }
}

/// `adhoc bootstrap`.
#[derive(Debug, Subcommand)]
pub(crate) enum BootstrapCommand {
    /// Make the storage for Terraform's states
    #[command(after_help = BOOTSTRAP_CREATE_HELP)]
    Create(BootstrapCreateArgs),
    /// Destroy the storage for Terraform's states
    Destroy,
}

/// `adhoc shared`.
#[derive(Debug, Subcommand)]
pub(crate) enum SharedCommand {
    /// Make a shared environment, or bring it to what is configured
    #[command(after_help = SHARED_CREATE_HELP)]
    Create(SharedCreateArgs),
    /// Show what would change in a shared environment, and change nothing
    #[command(after_help = SHARED_PLAN_HELP)]
    Plan(SharedPlanArgs),
    /// Destroy a shared environment, to the last resource
    Destroy(SharedDestroyArgs),
}

/// Variables that are set.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct SettingArgs {
    /// Set a variable in the var file first; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
}

/// How an environment is made.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct CreateOptions {
    /// What is set first.
    #[command(flatten)]
    pub(crate) settings: SettingArgs,
    /// Apply this plan, as `plan --out` has kept it
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "set")]
    pub(crate) plan: Option<PathBuf>,
}

/// How an environment is planned.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct PlanOptions {
    /// Keep the plan in FILE, for `create --plan`
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "destroy")]
    pub(crate) out: Option<PathBuf>,
    /// Plan to destroy everything
    #[arg(long)]
    pub(crate) destroy: bool,
    /// Show only what somebody else has changed since the last apply
    #[arg(long, conflicts_with_all = ["out", "destroy", "markdown"])]
    pub(crate) drift: bool,
    /// Write the plan to FILE as Markdown, short enough for a comment on a pull request
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) markdown: Option<PathBuf>,
}

/// `adhoc bootstrap create`.
#[derive(Debug, Args)]
pub(crate) struct BootstrapCreateArgs {
    /// What is set first.
    #[command(flatten)]
    pub(crate) settings: SettingArgs,
}

/// `adhoc shared create`.
#[derive(Debug, Args)]
pub(crate) struct SharedCreateArgs {
    /// The shared environment, such as dev
    #[arg(value_name = "SHARED", value_parser = parse_named::<EnvironmentName>)]
    pub(crate) environment: EnvironmentName,
    /// How.
    #[command(flatten)]
    pub(crate) options: CreateOptions,
}

/// `adhoc shared plan`.
#[derive(Debug, Args)]
pub(crate) struct SharedPlanArgs {
    /// The shared environment, such as dev
    #[arg(value_name = "SHARED", value_parser = parse_named::<EnvironmentName>)]
    pub(crate) environment: EnvironmentName,
    /// How.
    #[command(flatten)]
    pub(crate) options: PlanOptions,
}

/// `adhoc shared destroy`.
#[derive(Debug, Args)]
pub(crate) struct SharedDestroyArgs {
    /// The shared environment, such as dev
    #[arg(value_name = "SHARED", value_parser = parse_named::<EnvironmentName>)]
    pub(crate) environment: EnvironmentName,
}

/// `adhoc create`.
#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// The environment, such as alpha or pr-42
    #[arg(value_name = "ENV", value_parser = parse_named::<EnvironmentName>)]
    pub(crate) environment: EnvironmentName,
    /// How.
    #[command(flatten)]
    pub(crate) options: CreateOptions,
    /// Start the environment's var file from FILE, if it has none yet
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "plan")]
    pub(crate) from: Option<PathBuf>,
    /// Let it be swept away after this long from now, such as 12h or 5d [default: `ttl` of adhoc.toml, for a new one]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub(crate) ttl: Option<Duration>,
    /// Whose it is [default: for a new one, GITHUB_ACTOR or USER]
    #[arg(long, value_name = "NAME", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(crate) owner: Option<String>,
    /// Deploy this tag of a component's image, or of every component's; may be repeated
    #[arg(long, value_name = "[COMPONENT=]TAG", value_parser = parse_release)]
    pub(crate) tag: Vec<Release>,
    /// Make no database
    #[arg(long)]
    pub(crate) skip_db: bool,
    /// Deploy nothing: the infrastructure only, and the database
    #[arg(long)]
    pub(crate) skip_update: bool,
    /// Do not wait until the URL answers
    #[arg(long)]
    pub(crate) skip_health: bool,
    /// Give up on a component's release after this long, such as 30m or 1h30m; what was begun goes on
    #[arg(long, value_name = "DURATION", default_value = "30m", value_parser = parse_duration)]
    pub(crate) timeout: Duration,
}

/// `adhoc plan`.
#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    /// The environment, such as alpha or pr-42
    #[arg(value_name = "ENV", value_parser = parse_named::<EnvironmentName>)]
    pub(crate) environment: EnvironmentName,
    /// How.
    #[command(flatten)]
    pub(crate) options: PlanOptions,
}

/// `adhoc destroy`.
#[derive(Debug, Args)]
pub(crate) struct DestroyArgs {
    /// The environment, such as alpha or pr-42
    #[arg(value_name = "ENV", value_parser = parse_named::<EnvironmentName>)]
    pub(crate) environment: EnvironmentName,
    /// Leave its database where it is
    #[arg(long)]
    pub(crate) skip_db: bool,
}

impl DestroyArgs {
    /// Everything of an environment.
    pub(crate) fn everything(environment: &EnvironmentName) -> Self {
        Self { environment: environment.clone(), skip_db: false }
    }
}
