//! The environment that a command is about.

use adhoc_core::EnvironmentName;

use super::infrastructure::{InfrastructureCommand, SharedCommand};
use super::{Command, DbCommand, MaintenanceCommand};

impl Command {
    /// The environment that it changes or looks at, where that is one: in whose account it acts.
    pub(crate) fn environment(&self) -> Option<EnvironmentName> {
        match self {
            Self::Update(args) => Some(args.target.environment.clone()),
            Self::Rollback(args) => Some(args.target.environment.clone()),
            Self::Run(args) => Some(args.environment.clone()),
            Self::Status(args) => Some(args.environment.clone()),
            Self::Logs(args) => Some(args.environment.clone()),
            Self::Exec(args) => Some(args.environment.clone()),
            Self::Promote(args) => Some(args.to.clone()),
            Self::Verify(args) => Some(args.environment.clone()),
            Self::Stop(args) | Self::Start(args) => args.environment.clone(),
            Self::Extend(args) => Some(args.environment.clone()),
            Self::Cost(args) => args.environment.clone(),
            Self::Maintenance(MaintenanceCommand::On(args) | MaintenanceCommand::Off(args)) => {
                Some(args.environment.clone())
            }
            Self::Infrastructure(command) => command.environment(),
            Self::Db(command) => command.environment(),
            Self::List(_)
            | Self::Sweep(_)
            | Self::Quota(_)
            | Self::Demo(_)
            | Self::Local(_)
            | Self::IamPolicy(_)
            | Self::Completions(_)
            | Self::Man(_) => None,
        }
    }
}

impl InfrastructureCommand {
    fn environment(&self) -> Option<EnvironmentName> {
        match self {
            Self::Bootstrap(_) => None,
            Self::Shared(SharedCommand::Create(args)) => Some(args.environment.clone()),
            Self::Shared(SharedCommand::Plan(args)) => Some(args.environment.clone()),
            Self::Shared(SharedCommand::Destroy(args)) => Some(args.environment.clone()),
            Self::Create(args) => Some(args.environment.clone()),
            Self::Plan(args) => Some(args.environment.clone()),
            Self::Destroy(args) => Some(args.environment.clone()),
        }
    }
}

impl DbCommand {
    fn environment(&self) -> Option<EnvironmentName> {
        match self {
            Self::Create(args) => Some(args.environment.clone()),
            Self::Drop(args) => args.environment.clone(),
            Self::Clone(args) => Some(args.environment.clone()),
            Self::Url(args) => Some(args.environment.clone()),
            Self::Shell(args) => Some(args.environment.clone()),
            // What is wrong with its words is told later.
            Self::Restore(args) => args.target().ok().and_then(|(environment, _)| environment),
            Self::List | Self::Audit(_) => None,
        }
    }
}
