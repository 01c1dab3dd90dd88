use std::sync::Arc;

use adhoc_core::{EnvironmentName, Error, ImageChange, ImageReference, Result, Summary};
use adhoc_ecs::UpdateRequest;

use super::db::EnsureDatabase;
use super::{Session, next_step};
use crate::args::PromoteArgs;

/// `adhoc promote`: an update to the image that another environment runs. The session is that of the environment to update.
pub(super) async fn promote(args: &PromoteArgs, session: &Session) -> Summary {
    let (environment, component) = (&args.to, &args.component);
    let named = |summary: Summary| summary.with_environment(environment.as_str()).with_component(component);
    let request = match request(args, session).await {
        Ok(request) => request,
        Err(error) => return named(Summary::new("promote").with_error(&error)),
    };
    let report = adhoc_ecs::update(&session.cx, &session.ecs, &request).await;
    let mut summary = named(report.summary("promote"));
    summary.hint = summary.hint.take().or_else(|| next_step(&summary, session, environment));
    summary
}

async fn request(args: &PromoteArgs, session: &Session) -> Result<UpdateRequest> {
    let environment = &args.to;
    if args.from == *environment {
        return Err(Error::invalid("", environment.as_str(), "cannot be promoted to itself")
            .with_hint("name the environment that runs the release first, then the one that is to run it"));
    }
    let step = format!("image of {}", args.from);
    let image = session.cx.step(&step, running_image(&args.component, &args.from, session)).await?;
    let request = UpdateRequest::new(session.environment(environment), &args.component, ImageChange::Reference(image))
        .with_dry_run(args.dry_run)
        .with_skip_pre_update(args.skip_pre_update)
        .with_timeout(args.deadline.timeout);
    Ok(match session.config.database.is_some() && !args.skip_db {
        true => {
            let database = EnsureDatabase::new(environment, &session.global, &session.config)?;
            request.with_preparation(Arc::new(database))
        }
        false => request,
    })
}

/// Read in the account of the environment that runs it.
async fn running_image(component: &str, from: &EnvironmentName, session: &Session) -> Result<ImageReference> {
    let there = session.for_environment(from).await?;
    let image = adhoc_ecs::running_image(&there.ecs, &there.environment(from), component).await?;
    Ok(image.reference)
}
