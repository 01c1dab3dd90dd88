use adhoc_core::Summary;
use adhoc_ecs::{DesiredCount, UpdateRequest};

use super::{Session, next_step};
use crate::args::UpdateArgs;

/// `adhoc update`.
pub(super) async fn update(args: &UpdateArgs, session: &Session) -> Summary {
    let environment = &args.target.environment;
    let component = &args.target.component;
    let counts = session.config.conventions.component(component).and_then(|it| args.desired_counts(it));
    let summary = match counts {
        Err(error) => Summary::new("update").with_error(&error),
        Ok(by_role) => {
            let mut counts = DesiredCount::default();
            counts.by_role = by_role;
            let request = UpdateRequest::new(session.environment(environment), component, args.image.change())
                .with_dry_run(args.dry_run)
                .with_skip_pre_update(args.skip_pre_update)
                .with_desired_count(counts)
                .with_timeout(args.deadline.timeout);
            adhoc_ecs::update(&session.cx, &session.ecs, &request).await.summary("update")
        }
    };
    let again = format!("adhoc update {component} {environment} {}", args.image.as_typed());
    let mut summary = summary.with_environment(environment.as_str()).with_component(component);
    summary.hint = summary.hint.take().or_else(|| next_step(&summary, &again, environment));
    summary
}
