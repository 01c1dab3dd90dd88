//! `adhoc verify`, `quota` and `cost`: what is known before a change.

use std::path::PathBuf;

use adhoc_core::EnvironmentName;
use clap::{Args, ValueHint};

use super::ImageArgs;
use super::values::{parse_named, parse_role};

pub(super) const VERIFY_HELP: &str = "\
Examples:
  adhoc verify alpha
      Check everything that an update of alpha would need.
  adhoc verify alpha --component backend --tag v1.1.0
      Check the same for this release of the backend.

Exit codes, the first that applies:
   3  something is not there: the cluster, a task definition, an image, a role, a secret, a subnet, ...
   2  a service cannot be rolled, or the image is none
   5  tasks would not start: no route to the image, no free address, no quota left, the wrong architecture
  13  a deployment is under way
   0  nothing of this was found; what could not be looked at is skipped, and said";

/// `adhoc verify`.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// The environment, such as alpha or pr-42
    #[arg(value_name = "ENV", value_parser = parse_named::<EnvironmentName>)]
    pub(crate) environment: EnvironmentName,
    /// Check this component only; needed with --tag and --image
    #[arg(long, value_name = "COMPONENT", value_parser = parse_role)]
    pub(crate) component: Option<String>,
    /// The image that is going to be deployed; that of the newest revisions if neither is given.
    #[command(flatten)]
    pub(crate) image: ImageArgs,
}

/// `adhoc quota`.
#[derive(Debug, Args)]
pub(crate) struct QuotaArgs {}

/// `adhoc cost`.
#[derive(Debug, Args)]
pub(crate) struct CostArgs {
    /// This environment only [default: all of them, and the shared one]
    #[arg(value_name = "ENV", value_parser = parse_named::<EnvironmentName>)]
    pub(crate) environment: Option<EnvironmentName>,
    /// Take prices from FILE instead of the built-in table
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) prices: Option<PathBuf>,
}
