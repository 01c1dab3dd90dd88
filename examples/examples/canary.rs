//! A canary: one service takes the new release first, and the others follow only if it does well.
//!
//! A team whose worker breaks more often than its API rolls the worker alone, reads its verdict, watches it for a while,
//! and rolls the rest afterwards. The order is the pipeline: an ordinary async function. A release with migrations
//! calls [`adhoc_ecs::run`] for them in front of the canary.
#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use std::time::Duration;

use adhoc_core::{Context, Error, ImageChange, Outcome, Result, ServiceSummary, TaskDefinitionArn};
use adhoc_ecs::{Ecs, Environment, RollService, clone_with_image, ensure_succeeded, roll_out};
use adhoc_examples::{Stage, narrated};
use adhoc_local::{Behaviour, Scenario};

const TEN_MINUTES: Duration = Duration::from_secs(600);

/// Rolls `default` (the worker), watches it, then rolls the API and the scheduler.
async fn update_by_canary(cx: &Context, ecs: &Ecs, env: &Environment, image: &ImageChange) -> Result<()> {
    cx.step("canary", roll(cx, ecs, env, &["default"], image)).await?;
    cx.step("watch", watch(cx, ecs, env, "default", Duration::from_millis(500))).await?;
    cx.step("rest", roll(cx, ecs, env, &["gunicorn", "beat"], image)).await?;
    Ok(())
}

async fn roll(
    cx: &Context,
    ecs: &Ecs,
    env: &Environment,
    roles: &[&str],
    image: &ImageChange,
) -> Result<Vec<ServiceSummary>> {
    let mut rolls = Vec::new();
    for role in roles {
        let found = ecs.services.describe(&env.cluster(), &[env.service(role)]).await?.pop();
        let service = found.ok_or_else(|| Error::not_found("roll", *role, "there is no such service"))?;
        rolls.push(RollService::new(service, revision(ecs, env, role, image).await?));
    }
    let verdicts = roll_out(cx, ecs, &env.cluster(), &rolls, TEN_MINUTES).await?;
    ensure_succeeded(&verdicts)?;
    Ok(verdicts)
}

/// The revision of `role` with `image`: a new one, unless the newest has it already.
async fn revision(ecs: &Ecs, env: &Environment, role: &str, image: &ImageChange) -> Result<TaskDefinitionArn> {
    let family = env.conventions.family(&env.name, role);
    let source = ecs.task_definitions.describe(family.as_str()).await?;
    let clone = clone_with_image(&source, &env.container(role), image)?;
    if clone.is_identical() {
        return Ok(source.arn());
    }
    Ok(ecs.task_definitions.register(&clone.input).await?.arn())
}

/// A verdict says that tasks started; this says that they are still there a while later.
async fn watch(cx: &Context, ecs: &Ecs, env: &Environment, role: &str, how_long: Duration) -> Result<()> {
    cx.clock().sleep(how_long).await;
    let service = ecs.services.describe(&env.cluster(), &[env.service(role)]).await?.pop();
    match service {
        Some(service) if service.running_count >= service.desired_count => Ok(()),
        _ => Err(Error::rollout_failed("watch", role, "its tasks did not stay up")),
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let crash = Behaviour::command("alpha-default", ["sh", "-c", "echo cannot import tasks; exit 1"]);
    let stage = Stage::start(Scenario::empty().with_behaviour(crash.with_image("*:v3.0.0"))).await?;
    let (cx, ecs, env) = (narrated(), &stage.ecs, &stage.environment);

    println!("v2.0.0 does well:");
    update_by_canary(&cx, ecs, env, &ImageChange::Tag("v2.0.0".parse()?)).await?;
    assert_eq!(stage.revisions().await?, ["alpha-beat:2", "alpha-default:2", "alpha-gunicorn:2"]);

    println!("\nThe worker of v3.0.0 crashes:");
    let error = update_by_canary(&cx, ecs, env, &ImageChange::Tag("v3.0.0".parse()?)).await.expect_err("crashes");
    println!("\nExit code {}: {error}", Outcome::from(&error).exit_code());
    assert_eq!(stage.revisions().await?, ["alpha-beat:2", "alpha-default:2", "alpha-gunicorn:2"]);
    println!("API and scheduler never saw v3.0.0: {}", stage.revisions().await?.join(", "));
    Ok(())
}
