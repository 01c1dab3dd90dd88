//! The end of an environment's task definitions.

use std::collections::BTreeSet;
use std::time::Duration;

use adhoc_core::{Context, Error, Family, Result};
use futures_util::future::try_join_all;

use crate::{Ecs, Environment};

/// How often a revision that was just deregistered may still be described as the newest one: ECS is eventually consistent.
const ECHOES: u32 = 10;
const ECHO_PAUSE: Duration = Duration::from_millis(500);

/// Deregisters every ACTIVE revision of an environment's families, and gives their number.
///
/// For an environment that is destroyed: infrastructure tools remove the revisions that they have made, and not the clones that
/// updates have registered since. Safe to repeat. Tasks that still run go on
/// (<https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deregister-task-definition-v2.html>).
///
/// # Errors
///
/// Those of ECS. What was deregistered before stays so; cancelling leaves the rest ACTIVE.
pub async fn retire(cx: &Context, ecs: &Ecs, environment: &Environment) -> Result<u64> {
    let components = environment.conventions.components.values();
    let roles: BTreeSet<&str> = components.flat_map(adhoc_core::Component::roles).collect();
    let families = roles.into_iter().map(|role| environment.conventions.family(&environment.name, role));
    let retired = cx.step("deregister", try_join_all(families.map(|family| retire_family(cx, ecs, family)))).await?;
    Ok(retired.into_iter().sum())
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

    use adhoc_core::Conventions;
    use adhoc_core::testing::{
        FakeLogs, FakeNetwork, FakeServices, FakeTaskDefinitions, FakeTasks, ManualClock, RecordingSink,
    };

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
        assert_eq!(retire(&cx, &ecs, &alpha).await.expect("retired"), 4);
        assert_eq!(retire(&cx, &ecs, &alpha).await.expect("nothing left"), 0);
        assert!(ecs.task_definitions.describe("alpha-gunicorn").await.is_err());
        assert!(ecs.task_definitions.describe("beta-gunicorn").await.is_ok());
    }
}
