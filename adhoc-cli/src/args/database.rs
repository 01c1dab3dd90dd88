//! `adhoc db`.

use std::path::PathBuf;
use std::time::Duration;

use adhoc_core::{DatabaseName, EnvironmentName};
use clap::{ArgGroup, Args, Subcommand, ValueHint};

use super::values::{parse_duration, parse_named};

const CREATE_HELP: &str = "\
Makes the role, the database, its grants and a marker that says whose it is. Safe to repeat: what is there stays as it is. With
`template` under [database], a new database is cloned from that template.

Example:
  adhoc db create alpha --ttl 5d";

const RESTORE_HELP: &str = "\
Loads a dump of pg_dump's, in any of its formats (plain SQL, custom, directory, tar), gzipped or not, in one transaction: it is
all there afterwards, or nothing is. Owners and grants of the dump are left out: everything belongs to the environment's role.

Examples:
  adhoc db restore alpha production.dump
  pg_dump app | adhoc db restore alpha -
  adhoc db restore alpha production.dump --clean
      Replace what the database holds.
  adhoc db restore --as-template seed production.dump
      Make, or replace, the template that new environments are cloned from.";

const URL_HELP: &str = "\
Examples:
  adhoc db url alpha
      The address as it is inside the network.
  adhoc db url alpha --listen 5433
      Forward a port on 127.0.0.1 until interrupted, and print the address for it.";

const SHELL_HELP: &str = "\
Examples:
  adhoc db shell alpha
  adhoc db shell alpha -- -c 'SELECT count(*) FROM auth_user'";

/// `adhoc db`.
#[derive(Debug, Subcommand)]
pub(crate) enum DbCommand {
    /// Make sure that an environment has its database and its role
    #[command(after_help = CREATE_HELP)]
    Create(DbCreateArgs),
    /// Drop an environment's database and role, ending every session in it
    #[command(group = ArgGroup::new("what").args(["environment", "template"]).required(true))]
    Drop(DbDropArgs),
    /// Show the databases: size, connections, last activity, owner, expiry, and those whose environment is gone
    List,
    /// Load a dump into an environment's database, or into a template
    #[command(after_help = RESTORE_HELP)]
    Restore(DbRestoreArgs),
    /// Make an environment's database as a copy of a template
    Clone(DbCloneArgs),
    /// Print the address of an environment's database
    #[command(after_help = URL_HELP)]
    Url(DbUrlArgs),
    /// Open psql in an environment's database
    #[command(after_help = SHELL_HELP)]
    Shell(DbShellArgs),
    /// Prove that each environment's role can reach its own database and no other
    Audit(DbAuditArgs),
}

impl DbCommand {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Create(_) => "db create",
            Self::Drop(_) => "db drop",
            Self::List => "db list",
            Self::Restore(_) => "db restore",
            Self::Clone(_) => "db clone",
            Self::Url(_) => "db url",
            Self::Shell(_) => "db shell",
            Self::Audit(_) => "db audit",
        }
    }
}

/// What the marker of a new database says.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct MarkerArgs {
    /// After which time the database may be swept away, such as 5d [default: never]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub(crate) ttl: Option<Duration>,
    /// Who asks for it [default: GITHUB_ACTOR, else USER]
    #[arg(long, value_name = "NAME", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(crate) owner: Option<String>,
}

/// `adhoc db create`.
#[derive(Debug, Args)]
pub(crate) struct DbCreateArgs {
    /// The environment, such as alpha or pr-42
    #[arg(value_name = "ENV", value_parser = parse_named::<EnvironmentName>)]
    pub(crate) environment: EnvironmentName,
    /// The marker.
    #[command(flatten)]
    pub(crate) marker: MarkerArgs,
}

/// `adhoc db drop`.
#[derive(Debug, Args)]
#[group(skip)]
pub(crate) struct DbDropArgs {
    /// The environment, such as alpha or pr-42
    #[arg(value_name = "ENV", value_parser = parse_named::<EnvironmentName>)]
    pub(crate) environment: Option<EnvironmentName>,
    /// Drop this template instead
    #[arg(long, value_name = "NAME", value_parser = parse_named::<DatabaseName>)]
    pub(crate) template: Option<DatabaseName>,
}

/// `adhoc db restore`.
#[derive(Debug, Args)]
pub(crate) struct DbRestoreArgs {
    /// The environment, and the dump: a file, a directory, or `-` for what is piped in [default: -]
    #[arg(value_names = ["ENV", "DUMP"], num_args = 0..=2, value_hint = ValueHint::AnyPath)]
    words: Vec<String>,
    /// Load it into a template of this name, which nobody can connect to and new databases are cloned from
    #[arg(long, value_name = "NAME", value_parser = parse_named::<DatabaseName>)]
    pub(crate) as_template: Option<DatabaseName>,
    /// Drop everything that the environment's role owns in the database first, in the same transaction
    #[arg(long, conflicts_with = "as_template")]
    pub(crate) clean: bool,
}

impl DbRestoreArgs {
    /// The environment and the dump. A template needs no environment, so that a single word is then the dump.
    pub(crate) fn target(&self) -> Result<(Option<EnvironmentName>, PathBuf), adhoc_core::Error> {
        let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        let (environment, dump) = match (words.as_slice(), &self.as_template) {
            ([], None) => {
                return Err(adhoc_core::Error::invalid("", "", "no environment is named")
                    .with_hint("`adhoc db restore ENV DUMP`, or `--as-template NAME`"));
            }
            ([], Some(_)) => (None, "-"),
            ([dump], Some(_)) => (None, *dump),
            ([environment], None) => (Some(*environment), "-"),
            ([environment, dump, ..], _) => (Some(*environment), *dump),
        };
        Ok((environment.map(str::parse).transpose()?, PathBuf::from(dump)))
    }
}

/// `adhoc db clone`.
#[derive(Debug, Args)]
pub(crate) struct DbCloneArgs {
    /// The environment, such as alpha or pr-42
    #[arg(value_name = "ENV", value_parser = parse_named::<EnvironmentName>)]
    pub(crate) environment: EnvironmentName,
    /// The template, as `adhoc db restore --as-template` makes it
    #[arg(long, value_name = "TEMPLATE", value_parser = parse_named::<DatabaseName>)]
    pub(crate) from: DatabaseName,
    /// The marker.
    #[command(flatten)]
    pub(crate) marker: MarkerArgs,
}

/// `adhoc db url`.
#[derive(Debug, Args)]
pub(crate) struct DbUrlArgs {
    /// The environment, such as alpha or pr-42
    #[arg(value_name = "ENV", value_parser = parse_named::<EnvironmentName>)]
    pub(crate) environment: EnvironmentName,
    /// Forward this port on 127.0.0.1 through the bastion until interrupted; 0 takes a free one
    #[arg(long, value_name = "PORT")]
    pub(crate) listen: Option<u16>,
    /// Show the password in the address
    #[arg(long)]
    pub(crate) with_password: bool,
}

/// `adhoc db shell`.
#[derive(Debug, Args)]
pub(crate) struct DbShellArgs {
    /// The environment, such as alpha or pr-42
    #[arg(value_name = "ENV", value_parser = parse_named::<EnvironmentName>)]
    pub(crate) environment: EnvironmentName,
    /// Arguments for psql
    #[arg(last = true, value_name = "ARGUMENT", value_hint = ValueHint::CommandWithArguments)]
    pub(crate) arguments: Vec<String>,
}

/// `adhoc db audit`.
#[derive(Debug, Args)]
pub(crate) struct DbAuditArgs {
    /// Do not use the passwords that are kept: log in as temporary members of the roles
    #[arg(long)]
    pub(crate) without_passwords: bool,
}
