//! A pipeline and its tests, without AWS, processes or waiting.
//!
//! The pipeline puts an environment to sleep: every service to count 0, and a report once the last task is gone. Its
//! tests run it on the fakes of `adhoc_core::testing`; time is tokio's, paused, so a wait of minutes takes none.
//! Test it like this: `cargo test -p adhoc-examples --example without_aws`.
#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use std::sync::Arc;
use std::time::Duration;

use adhoc_core::testing::{
    FakeLogs, FakeNetwork, FakeServices, FakeTaskDefinitions, FakeTasks, ManualClock, RecordingSink,
};
use adhoc_core::{Check, Context, Result, Service, ServiceName, ServiceUpdate, WaitConfig, wait_for};
use adhoc_ecs::{Ecs, Environment};

/// Puts every service of `env` to sleep within ten minutes, and says which ones were awake.
async fn put_to_sleep(cx: &Context, ecs: &Ecs, env: &Environment) -> Result<Vec<ServiceName>> {
    let cluster = env.cluster();
    let services = cx.step("look", async {
        let names = ecs.services.list(&cluster).await?;
        ecs.services.describe(&cluster, &names).await
    });
    let awake: Vec<_> = services.await?.into_iter().filter(|it| it.desired_count > 0).map(|it| it.name).collect();
    cx.step("stop", async {
        for service in &awake {
            let stop = ServiceUpdate::new(cluster.clone(), service.clone()).with_desired_count(Some(0));
            ecs.services.update(&stop).await?;
        }
        Ok(())
    })
    .await?;
    let config = WaitConfig::new("the last task").with_timeout(Duration::from_secs(600));
    let probe = || async { Ok(Some(ecs.services.describe(&cluster, &awake).await?)) };
    cx.step("drain", wait_for(cx, &config, probe, &all_asleep)).await?;
    Ok(awake)
}

/// A condition reads as a fact, and is as easy to test as any function.
fn all_asleep(services: Option<&Vec<Service>>) -> Check {
    match services.map(|services| services.iter().map(|service| service.running_count).sum()) {
        Some(0) => Check::Ready,
        Some(tasks) => Check::NotYet(format!("{tasks} tasks still run")),
        None => Check::NotYet("nothing is known yet".to_owned()),
    }
}

/// `alpha` in memory, with a worker that takes `polls` looks to stop.
struct World {
    cx: Context,
    ecs: Ecs,
    env: Environment,
    events: Arc<RecordingSink>,
    services: Arc<FakeServices>,
}

fn world(polls: usize) -> Result<World> {
    let definitions = FakeTaskDefinitions::default();
    let v1 = definitions.insert_simple("alpha-default", "default", "backend:v1").arn();
    let worker = |desired, running| Service::new("alpha-default".into(), v1.clone()).with_counts(desired, running, 0);
    let services = Arc::new(FakeServices::default());
    services.insert(worker(2, 2));
    services.insert(Service::new("alpha-beat".into(), v1.clone()));
    let mut states = vec![worker(0, 2); polls];
    states.push(worker(0, 0));
    services.script("alpha-default", states);
    let (tasks, logs, network) = (FakeTasks::default(), FakeLogs::default(), FakeNetwork::default());
    let ecs = Ecs::new(Arc::new(definitions), Arc::new(tasks), services.clone(), Arc::new(logs), Arc::new(network));
    let events = Arc::new(RecordingSink::default());
    let cx = Context::new(Arc::new(ManualClock::new()), events.clone());
    Ok(World { cx, ecs, env: Environment::new("alpha".parse()?, adhoc_core::Conventions::default()), events, services })
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<()> {
    let (w, real) = (world(30)?, std::time::Instant::now());
    let begun = w.cx.clock().now();
    let slept = put_to_sleep(&w.cx, &w.ecs, &w.env).await?;
    println!("asleep now: {}", slept.iter().map(ServiceName::as_str).collect::<Vec<_>>().join(", "));
    println!("events: {}", w.events.names().join(", "));
    println!("waited {:.0?} in {:.0?} of real time", w.cx.since(begun), real.elapsed());
    assert_eq!(w.services.updates().len(), 1, "beat slept already");
    Ok(())
}

#[cfg(test)]
mod tests {
    use adhoc_core::{Error, Outcome};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn only_what_is_awake_is_stopped() {
        let w = world(3).unwrap();
        assert_eq!(put_to_sleep(&w.cx, &w.ecs, &w.env).await.unwrap(), ["alpha-default".into()]);
        assert_eq!(w.services.updates()[0].desired_count, Some(0));
        assert_eq!(w.events.names().last(), Some(&"step_finished"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_will_not_stop_is_a_timeout_in_the_step_that_waited() {
        let w = world(1000).unwrap();
        let error = put_to_sleep(&w.cx, &w.ecs, &w.env).await.unwrap_err();
        assert!(matches!(error, Error::Timeout(_)), "{error}");
        assert_eq!(error.detail().step.as_deref(), Some("drain"));
        assert_eq!(error.to_string(), "the last task: still waiting after 10 min: 2 tasks still run");
        assert_eq!(Outcome::from(&error).exit_code(), 8);
    }

    #[tokio::test(start_paused = true)]
    async fn cancelling_ends_it() {
        let w = world(1000).unwrap();
        let token = w.cx.cancellation().clone();
        let (result, ()) = tokio::join!(put_to_sleep(&w.cx, &w.ecs, &w.env), async {
            w.cx.clock().sleep(Duration::from_secs(30)).await;
            token.cancel();
        });
        assert!(matches!(result, Err(Error::Cancelled(_))));
    }
}
