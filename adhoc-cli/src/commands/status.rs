use adhoc_core::{Error, Summary};
use adhoc_ecs::ServiceStatus;

use super::Session;
use crate::args::StatusArgs;
use crate::reporters::{ServiceState, StatusRow, StatusTable};

/// `adhoc status`.
pub(super) async fn status(args: &StatusArgs, session: &Session) -> Summary {
    let mut summary = Summary::new("status").with_environment(args.environment.as_str());
    let environment = session.environment(&args.environment);
    let found = adhoc_ecs::status(&session.ecs, &environment).await.and_then(|services| {
        let rows = services.iter().map(row).collect();
        let table = StatusTable { environment: args.environment.to_string(), rows };
        serde_json::to_value(table)
            .map_err(|error| Error::internal("", "", "the table cannot be written").with_source(error))
    });
    match found {
        Ok(table) => {
            summary.result = Some(table);
            summary
        }
        Err(error) => summary.with_error(&error),
    }
}

fn row(status: &ServiceStatus) -> StatusRow {
    let service = status.service.as_ref();
    StatusRow {
        component: status.component.clone(),
        service: status.name.to_string(),
        state: state(status.state),
        running: service.map(|service| service.running_count).unwrap_or_default(),
        desired: service.map(|service| service.desired_count).unwrap_or_default(),
        task_definition: service.map(|service| service.task_definition.short().to_owned()),
        image: status.image.clone(),
        detail: status.detail().map(str::to_owned),
    }
}

fn state(state: adhoc_ecs::ServiceState) -> ServiceState {
    match state {
        adhoc_ecs::ServiceState::Steady => ServiceState::Steady,
        adhoc_ecs::ServiceState::Deploying => ServiceState::Deploying,
        adhoc_ecs::ServiceState::Stopped => ServiceState::Stopped,
        adhoc_ecs::ServiceState::Missing => ServiceState::Missing,
        _ => ServiceState::Degraded,
    }
}
