//! `adhoc list`, `sweep`, `stop`, `start` and `extend`: how environments live, sleep and end.

use std::path::PathBuf;
use std::time::Duration;

use adhoc_core::EnvironmentName;
use clap::{Args, ValueHint};

use super::values::{parse_duration, parse_named};

/// `adhoc list`.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Write the list to FILE as one HTML page that needs nothing else
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) html: Option<PathBuf>,
    /// Write the list to FILE as Markdown
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) markdown: Option<PathBuf>,
}

/// `adhoc sweep`.
#[derive(Debug, Args)]
pub(crate) struct SweepArgs {
    /// Destroy what has been found; without it nothing is changed
    #[arg(long)]
    pub(crate) apply: bool,
    /// Leave this environment in peace; may be repeated
    #[arg(long, value_name = "ENV", value_parser = parse_named::<EnvironmentName>)]
    pub(crate) keep: Vec<EnvironmentName>,
    /// Destroy no more than N environments in one run
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit: Option<u32>,
}

/// `adhoc stop` and `adhoc start`.
#[derive(Debug, Args)]
pub(crate) struct SleepArgs {
    /// The environment, such as alpha or pr-42
    #[arg(value_name = "ENV", required_unless_present = "all", value_parser = parse_named::<EnvironmentName>)]
    pub(crate) environment: Option<EnvironmentName>,
    /// Every environment that is not protected
    #[arg(long, conflicts_with = "environment")]
    pub(crate) all: bool,
    /// Leave this environment out; may be repeated
    #[arg(long, value_name = "ENV", requires = "all", value_parser = parse_named::<EnvironmentName>)]
    pub(crate) except: Vec<EnvironmentName>,
    /// Give up after this long, such as 30m or 1h30m; what was begun goes on
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = parse_duration)]
    pub(crate) timeout: Duration,
}

/// `adhoc extend`.
#[derive(Debug, Args)]
pub(crate) struct ExtendArgs {
    /// The environment, such as alpha or pr-42
    #[arg(value_name = "ENV", value_parser = parse_named::<EnvironmentName>)]
    pub(crate) environment: EnvironmentName,
    /// Let it live this long from now on, such as 12h or 5d [default: `ttl` of adhoc.toml, else 5d]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, conflicts_with_all = ["keep", "no_keep"])]
    pub(crate) ttl: Option<Duration>,
    /// Never sweep it away, for this reason
    #[arg(long, value_name = "REASON", conflicts_with = "no_keep")]
    pub(crate) keep: Option<String>,
    /// Let it be swept away again once it has expired
    #[arg(long)]
    pub(crate) no_keep: bool,
}
