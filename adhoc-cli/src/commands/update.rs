use std::sync::Arc;

use adhoc_core::Summary;
use adhoc_ecs::UpdateRequest;

use super::db::EnsureDatabase;
use super::{Session, next_step};
use crate::args::UpdateArgs;

/// `adhoc update`.
pub(super) async fn update(args: &UpdateArgs, session: &Session) -> Summary {
    let environment = &args.target.environment;
    let component = &args.target.component;
    let mut request = UpdateRequest::new(session.environment(environment), component, args.image.change())
        .with_dry_run(args.dry_run)
        .with_skip_pre_update(args.skip_pre_update)
        .with_desired_count(args.desired_counts())
        .with_timeout(args.deadline.timeout);
    if session.config.database.is_some() && !args.skip_db {
        match EnsureDatabase::new(environment, &session.global, &session.config) {
            Ok(database) => request = request.with_preparation(Arc::new(database)),
            Err(error) => return Summary::new("update").with_error(&error),
        }
    }
    let report = adhoc_ecs::update(&session.cx, &session.ecs, &request).await;
    let mut summary = report.summary("update").with_environment(environment.as_str()).with_component(component);
    summary.hint = summary.hint.take().or_else(|| next_step(&summary, session, environment));
    summary
}
