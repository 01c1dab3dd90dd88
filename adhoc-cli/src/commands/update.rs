use adhoc_core::Summary;
use adhoc_ecs::UpdateRequest;

use super::{Session, next_step};
use crate::args::UpdateArgs;

/// `adhoc update`.
pub(super) async fn update(args: &UpdateArgs, session: &Session) -> Summary {
    let environment = &args.target.environment;
    let component = &args.target.component;
    let request = UpdateRequest::new(session.environment(environment), component, args.image.change())
        .with_dry_run(args.dry_run)
        .with_skip_pre_update(args.skip_pre_update)
        .with_desired_count(args.desired_counts())
        .with_timeout(args.deadline.timeout);
    let report = adhoc_ecs::update(&session.cx, &session.ecs, &request).await;
    let mut summary = report.summary("update").with_environment(environment.as_str()).with_component(component);
    summary.hint = summary.hint.take().or_else(|| next_step(&summary, session, environment));
    summary
}
