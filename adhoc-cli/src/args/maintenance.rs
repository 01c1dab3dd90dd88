//! `adhoc maintenance`: a page instead of the application.

use adhoc_core::EnvironmentName;
use clap::{Args, Subcommand};

use super::values::parse_named;

/// `adhoc maintenance`.
#[derive(Debug, Subcommand)]
pub(crate) enum MaintenanceCommand {
    /// Answer every request to an environment with a maintenance page
    On(MaintenanceArgs),
    /// Let requests reach the application again
    Off(MaintenanceArgs),
}

/// `adhoc maintenance on` and `off`.
#[derive(Debug, Args)]
pub(crate) struct MaintenanceArgs {
    /// The environment, such as alpha or pr-42
    #[arg(value_name = "ENV", value_parser = parse_named::<EnvironmentName>)]
    pub(crate) environment: EnvironmentName,
}
