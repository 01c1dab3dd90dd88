//! The commands that drive Terraform.

use adhoc_core::{Context, Outcome, Summary};

use crate::args::{Cli, InfrastructureCommand};

/// Runs the command and gives back its summary.
pub(super) async fn run(cli: &Cli, _command: &InfrastructureCommand, _cx: &Context) -> Summary {
    Summary::new(cli.command.name()).with_outcome(Outcome::Internal)
}
