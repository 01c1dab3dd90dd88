use adhoc_core::Summary;
use adhoc_ecs::RollbackRequest;

use super::lifecycle::note_versions;
use super::{Session, next_step};
use crate::args::RollbackArgs;

/// `adhoc rollback`.
pub(super) async fn rollback(args: &RollbackArgs, session: &Session) -> Summary {
    let environment = &args.target.environment;
    let component = &args.target.component;
    let request = RollbackRequest::new(session.environment(environment), component)
        .with_to(args.to.clone())
        .with_dry_run(args.dry_run)
        .with_timeout(args.deadline.timeout);
    let report = adhoc_ecs::rollback(&session.cx, &session.ecs, &request).await;
    let mut summary = report.summary("rollback").with_environment(environment.as_str()).with_component(component);
    note_versions(session, environment, component, &summary).await;
    summary.hint = summary.hint.take().or_else(|| next_step(&summary, session, environment));
    summary
}
