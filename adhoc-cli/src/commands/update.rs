use std::sync::Arc;

use adhoc_core::{Result, Summary};
use adhoc_ecs::{MaintenancePage, UpdateRequest};

use super::db::EnsureDatabase;
use super::lifecycle::note_versions;
use super::{Session, maintenance, next_step};
use crate::args::UpdateArgs;

/// `adhoc update`.
pub(super) async fn update(args: &UpdateArgs, session: &Session) -> Summary {
    let (request, page) = match prepared(args, session) {
        Ok(prepared) => prepared,
        Err(error) => return Summary::new("update").with_error(&error),
    };
    let environment = &args.target.environment;
    let component = &args.target.component;
    let mut report = adhoc_ecs::update(&session.cx, &session.ecs, &request).await;
    if let Some(page) = page {
        report = page.settle(&session.cx, report).await;
    }
    let mut summary = report.summary("update").with_environment(environment.as_str()).with_component(component);
    note_versions(session, environment, component, &summary).await;
    summary.hint = summary.hint.take().or_else(|| next_step(&summary, session, environment));
    summary
}

fn prepared(args: &UpdateArgs, session: &Session) -> Result<(UpdateRequest, Option<Arc<MaintenancePage>>)> {
    let environment = &args.target.environment;
    let mut request = UpdateRequest::new(session.environment(environment), &args.target.component, args.image.change())
        .with_dry_run(args.dry_run)
        .with_skip_pre_update(args.skip_pre_update)
        .with_desired_count(args.desired_counts())
        .with_timeout(args.deadline.timeout);
    if session.config.database.is_some() && !args.skip_db {
        request =
            request.with_preparation(Arc::new(EnsureDatabase::new(environment, &session.global, &session.config)?));
    }
    // The last one: what fails before it has touched nothing that anybody sees.
    let page = args.maintenance.then(|| maintenance::during_update(environment, session)).transpose()?;
    if let Some(page) = &page {
        request = request.with_preparation(page.clone());
    }
    Ok((request, page))
}
