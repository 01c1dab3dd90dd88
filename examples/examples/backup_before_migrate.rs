//! A backup in front of the migration: if it fails, nothing else happens.
//!
//! A team that wants a dump of its data before every migration runs `dumpdata` as a one-off task of the *old* release,
//! whose models fit the schema that is there, and then hands over to the stock update. Both are steps of one ordinary
//! async function, so a failed backup ends it before a revision is registered, a migration runs or a service is touched.
#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use std::time::Duration;

use adhoc_core::{Context, Error, ImageChange, Outcome, Result};
use adhoc_ecs::{Ecs, Environment, OneOff, Placement, UpdateReport, UpdateRequest, run_one_off, update};
use adhoc_examples::{Stage, narrated};
use adhoc_local::{Behaviour, Scenario};

const DUMP: &str = "echo \"dumping to $TARGET\"; sleep 0.05; echo '1204 objects, 318 kB'";

/// Backs up, then updates the component `backend`.
async fn update_with_backup(cx: &Context, ecs: &Ecs, env: &Environment, image: ImageChange) -> Result<UpdateReport> {
    cx.step("backup", backup(cx, ecs, env, DUMP)).await?;
    update(cx, ecs, &UpdateRequest::new(env.clone(), "backend", image)).await.into_result()
}

/// Runs `command` in the container, network and image that migrations have now.
async fn backup(cx: &Context, ecs: &Ecs, env: &Environment, command: &str) -> Result<()> {
    let family = env.conventions.family(&env.name, "migrate");
    let definition = ecs.task_definitions.describe(family.as_str()).await?;
    let target = format!("s3://{}-backups/before-migrate.json", env.name);
    let dump = OneOff::new(env.cluster(), definition, env.container("migrate"), placement(ecs, env).await?)
        .with_command(Some(vec!["sh".to_owned(), "-c".to_owned(), command.to_owned()]))
        .with_environment([("TARGET".to_owned(), target)].into_iter().collect())
        .with_timeout(Duration::from_secs(15 * 60));
    let mut finished = run_one_off(cx, ecs, &dump).await?;
    finished.drain_logs().await;
    let ended = finished.end.into_result("the backup");
    ended.map_err(|error| error.with_hint("nothing was changed; look at the backup's output, then update again"))
}

/// Where and on what the API runs: close to the database.
async fn placement(ecs: &Ecs, env: &Environment) -> Result<Placement> {
    let found = ecs.services.describe(&env.cluster(), &[env.service("gunicorn")]).await?.pop();
    let service = found.ok_or_else(|| Error::not_found("backup", "gunicorn", "there is no such service"))?;
    Ok(Placement::new(service.launch, service.network).with_platform_version(service.platform_version))
}

#[tokio::main]
async fn main() -> Result<()> {
    let stage = Stage::start(Scenario::empty()).await?;
    let (cx, ecs, env) = (narrated(), &stage.ecs, &stage.environment);

    println!("The backup succeeds, and the update goes on:");
    update_with_backup(&cx, ecs, env, ImageChange::Tag("v2.0.0".parse()?)).await?;
    assert_eq!(stage.calls("RunTask"), 2, "the backup and the migration");

    println!("\nThe bucket is full:");
    let full = ["sh", "-c", "echo 'upload failed: no space left' >&2; exit 3"];
    stage.server.add_behaviour(Behaviour::command("alpha-migrate", full));
    stage.server.clear_calls();
    let failed = update_with_backup(&cx, ecs, env, ImageChange::Tag("v3.0.0".parse()?)).await;
    let error = failed.expect_err("the backup fails");
    println!("\nExit code {}: {error}", Outcome::from(&error).exit_code());
    println!("{}", error.detail().hint.as_deref().unwrap_or_default());
    assert_eq!((stage.calls("RegisterTaskDefinition"), stage.calls("UpdateService")), (0, 0));
    assert_eq!(stage.calls("RunTask"), 1, "the backup alone");
    Ok(())
}
