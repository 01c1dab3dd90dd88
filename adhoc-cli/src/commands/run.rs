use adhoc_core::Summary;
use adhoc_ecs::RunRequest;

use super::{Session, next_step};
use crate::args::RunArgs;

/// `adhoc run`.
pub(super) async fn run(args: &RunArgs, session: &Session) -> Summary {
    let environment = &args.environment;
    let command = (!args.command.is_empty()).then(|| args.command.clone());
    let request = RunRequest::new(session.environment(environment), &args.task)
        .with_image(args.image.change())
        .with_command(command)
        .with_timeout(args.deadline.timeout);
    let report = adhoc_ecs::run(&session.cx, &session.ecs, &request).await;
    let mut summary = report.summary("run").with_environment(environment.as_str());
    summary.hint = summary.hint.take().or_else(|| next_step(&summary, session, environment));
    summary
}
