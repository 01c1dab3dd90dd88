//! The end of an environment's task definitions.

use std::time::Duration;

use adhoc_core::{Context, Error, Family, Result};
use futures_util::future::try_join_all;

use crate::{Ecs, Environment};

/// How often a revision that was just deregistered may still be described as the newest one: ECS is eventually consistent.
const ECHOES: u32 = 10;
const ECHO_PAUSE: Duration = Duration::from_millis(500);

/// Deregisters every ACTIVE revision of `families`, those of an environment that is no more, and gives their number.
///
/// Infrastructure tools remove the revisions that they have made, and not the clones that updates have registered since. Safe to
/// repeat (<https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deregister-task-definition-v2.html>).
///
/// # Errors
///
/// [`Error::Rejected`] if the environment still has a service, which could not be deployed any more; and those of ECS. What was
/// deregistered before stays so; cancelling leaves the rest ACTIVE.
pub async fn retire(
    cx: &Context,
    ecs: &Ecs,
    environment: &Environment,
    families: impl IntoIterator<Item = Family>,
) -> Result<u64> {
    let retiring = async {
        ensure_gone(ecs, environment).await?;
        try_join_all(families.into_iter().map(|family| retire_family(cx, ecs, family))).await
    };
    Ok(cx.step("deregister", retiring).await?.into_iter().sum())
}

async fn ensure_gone(ecs: &Ecs, environment: &Environment) -> Result<()> {
    let components = environment.conventions.components.values();
    let services: Vec<_> =
        components.flat_map(|component| &component.services).map(|role| environment.service(role)).collect();
    let left = match ecs.services.describe(&environment.cluster(), &services).await {
        Ok(services) => services,
        Err(Error::NotFound(_)) => Vec::new(),
        Err(error) => return Err(error),
    };
    match left.iter().find(|service| service.is_active()) {
        None => Ok(()),
        Some(service) => {
            let reason = format!("the service {} is still there", service.name);
            Err(Error::rejected("deregister", environment.name.as_str(), reason))
        }
    }
}

async fn retire_family(cx: &Context, ecs: &Ecs, family: Family) -> Result<u64> {
    let (mut retired, mut last, mut echoes) = (0, None, 0);
    loop {
        cx.ensure_not_cancelled()?;
        let newest = match ecs.task_definitions.describe(family.as_str()).await {
            Ok(definition) if definition.is_active() => definition.arn(),
            Ok(_) | Err(Error::NotFound(_)) => return Ok(retired),
            Err(error) => return Err(error),
        };
        if last.as_ref() == Some(&newest) {
            echoes += 1;
            if echoes > ECHOES {
                let reason = "is still ACTIVE after it was deregistered";
                return Err(Error::rejected("DeregisterTaskDefinition", newest.short(), reason));
            }
            cx.clock().sleep(ECHO_PAUSE).await;
            continue;
        }
        ecs.task_definitions.deregister(&newest).await?;
        (retired, last, echoes) = (retired + 1, Some(newest), 0);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use adhoc_core::testing::{
        FakeLogs, FakeNetwork, FakeServices, FakeTaskDefinitions, FakeTasks, ManualClock, RecordingSink,
    };
    use adhoc_core::{Conventions, Service};

    use super::*;

    #[tokio::test]
    async fn every_revision_of_the_environment_goes_and_no_other() {
        let definitions = Arc::new(FakeTaskDefinitions::default());
        for image in ["backend:placeholder", "backend:v1", "backend:v2"] {
            definitions.insert_simple("alpha-gunicorn", "gunicorn", image);
        }
        definitions.insert_simple("alpha-web-ui", "web-ui", "frontend:v1");
        definitions.insert_simple("beta-gunicorn", "gunicorn", "backend:v1");
        let ecs = Ecs::new(
            definitions,
            Arc::new(FakeTasks::default()),
            Arc::new(FakeServices::default()),
            Arc::new(FakeLogs::default()),
            Arc::new(FakeNetwork::default()),
        );
        let cx = Context::new(Arc::new(ManualClock::new()), Arc::new(RecordingSink::default()));
        let alpha = Environment::new("alpha".parse().expect("valid"), Conventions::default());
        let families = ["alpha-gunicorn", "alpha-web-ui", "alpha-nothing"].map(Family::new);
        assert_eq!(retire(&cx, &ecs, &alpha, families.clone()).await.expect("retired"), 4);
        assert_eq!(retire(&cx, &ecs, &alpha, families).await.expect("nothing left"), 0);
        assert!(ecs.task_definitions.describe("alpha-gunicorn").await.is_err());
        assert!(ecs.task_definitions.describe("beta-gunicorn").await.is_ok());
    }

    #[tokio::test]
    async fn nothing_goes_that_a_service_may_need() {
        let definitions = Arc::new(FakeTaskDefinitions::default());
        let live = definitions.insert_simple("alpha-gunicorn", "gunicorn", "backend:v1");
        let services = FakeServices::default();
        services.insert(Service::new("alpha-gunicorn".into(), live.arn()));
        let (tasks, logs) = (Arc::new(FakeTasks::default()), Arc::new(FakeLogs::default()));
        let ecs = Ecs::new(definitions, tasks, Arc::new(services), logs, Arc::new(FakeNetwork::default()));
        let cx = Context::new(Arc::new(ManualClock::new()), Arc::new(RecordingSink::default()));
        let alpha = Environment::new("alpha".parse().expect("valid"), Conventions::default());
        let error = retire(&cx, &ecs, &alpha, [Family::new("alpha-gunicorn")]).await.expect_err("a live service");
        assert!(matches!(error, Error::Rejected(_)) && error.to_string().contains("alpha-gunicorn"), "{error}");
        assert!(ecs.task_definitions.describe("alpha-gunicorn").await.is_ok());
    }
}
