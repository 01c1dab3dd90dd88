use std::sync::Arc;

use adhoc_core::testing::{
    FakeClusters, FakeLogs, FakeNetwork, FakeServices, FakeTaskDefinitions, FakeTasks, ManualClock, MockServices,
    RecordingSink,
};
use adhoc_core::{
    Clock, ClusterName, Context, Conventions, Deployment, DeploymentController, DeploymentId, DeploymentStatus,
    EnvironmentTags, RolloutState, Services, TaskDefinitionArn, Verdict,
};

use super::*;

const SERVICES: [(&str, u32); 4] = [("alpha-gunicorn", 2), ("alpha-beat", 1), ("alpha-default", 0), ("alpha-redis", 1)];

struct Scene {
    cx: Context,
    events: Arc<RecordingSink>,
    ecs: Ecs,
    services: Arc<FakeServices>,
    clusters: FakeClusters,
    request: SleepRequest,
}

fn service(name: &str, desired: u32) -> Service {
    let arn = TaskDefinitionArn::new(format!("arn:aws:ecs:r:1:task-definition/{name}:1"));
    let primary = Deployment::new(DeploymentId::new("ecs-svc/0"), DeploymentStatus::Primary, arn.clone())
        .with_counts(desired, desired, 0)
        .with_rollout(RolloutState::Completed, "");
    Service::new(name.into(), arn).with_counts(desired, desired, 0).with_deployments(vec![primary])
}

fn backends(services: Arc<dyn Services>) -> Ecs {
    Ecs::new(
        Arc::new(FakeTaskDefinitions::default()),
        Arc::new(FakeTasks::default()),
        services,
        Arc::new(FakeLogs::default()),
        Arc::new(FakeNetwork::default()),
    )
}

impl Scene {
    fn new() -> Self {
        let (services, clusters) = (Arc::new(FakeServices::default()), FakeClusters::default());
        SERVICES.iter().for_each(|(name, desired)| services.insert(service(name, *desired)));
        let tags = [("adhoc:created-at".to_owned(), "2026-01-01T00:00:00Z".to_owned())];
        clusters.insert(Cluster::new("alpha-cluster".into(), "arn").with_tags(tags.into()));
        let events = Arc::new(RecordingSink::default());
        let cx = Context::new(Arc::new(ManualClock::new()), events.clone());
        let environment = Environment::new("alpha".parse().expect("valid"), Conventions::default());
        let request = SleepRequest::new(environment);
        Self { cx, events, ecs: backends(services.clone()), services, clusters, request }
    }

    async fn stop(&self) -> SleepReport {
        stop(&self.cx, &self.ecs, &self.clusters, &self.request).await
    }

    async fn wake(&self) -> SleepReport {
        wake(&self.cx, &self.ecs, &self.clusters, &self.request).await
    }

    fn tags(&self) -> EnvironmentTags {
        EnvironmentTags::read(&self.clusters.tags(&ClusterName::new("alpha-cluster")))
    }

    async fn counts(&self) -> Vec<u32> {
        let names = SERVICES.map(|(name, _)| name.into());
        let services = self.services.describe(&"alpha-cluster".into(), &names).await.expect("described");
        services.iter().map(|service| service.desired_count).collect()
    }

    fn updates(&self) -> Vec<(String, Option<u32>)> {
        let updates = self.services.updates().into_iter();
        updates.map(|update| (update.service.to_string(), update.desired_count)).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_put_to_sleep_wakes_as_it_was() {
    let scene = Scene::new();
    let report = scene.stop().await;
    assert!(report.error.is_none(), "{:?}", report.error);
    assert_eq!(scene.counts().await, [0, 0, 0, 0]);
    assert_eq!(report.changed.len(), 3, "what is at 0 is not told to be");
    let tags = scene.tags();
    assert_eq!(tags.counts, [("default".to_owned(), 0), ("gunicorn".to_owned(), 2)].into());
    assert_eq!(tags.stopped_at, Some(ManualClock::new().now()));

    let report = scene.wake().await;
    assert!(report.error.is_none(), "{:?}", report.error);
    assert_eq!(scene.counts().await, SERVICES.map(|(_, desired)| desired));
    assert!(report.services.iter().all(|summary| summary.verdict == Verdict::Succeeded), "{:?}", report.services);
    assert_eq!(scene.updates()[3], ("alpha-redis".to_owned(), Some(1)), "what the others need comes first");
    let tags = scene.tags();
    assert_eq!((tags.stopped_at, tags.counts.len()), (None, 0), "nothing is left to remember");
    assert!(tags.created_at.is_some());
}

#[tokio::test(start_paused = true)]
async fn counts_are_remembered_before_anything_is_stopped() {
    let scene = Scene::new();
    let mut mock = MockServices::new();
    let running = [service("alpha-gunicorn", 3)];
    let name = running[0].name.clone();
    mock.expect_list().returning(move |_| Ok(vec![name.clone()]));
    mock.expect_describe().returning(move |_, _| Ok(running.to_vec()));
    mock.expect_update().returning(|_| Err(Error::permission_denied("UpdateService", "alpha-gunicorn", "no")));
    let report = stop(&scene.cx, &backends(Arc::new(mock)), &scene.clusters, &scene.request).await;
    let error = report.error.expect("refused");
    assert_eq!(error.detail().left_behind, ["alpha-gunicorn goes on running"]);
    assert_eq!(scene.tags().counts, [("gunicorn".to_owned(), 3)].into());
    assert!(report.changed.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_second_stop_forgets_nothing() {
    let scene = Scene::new();
    scene.stop().await;
    let remembered = scene.tags();
    // An update has started the API at 1 meanwhile, and the worker, which was off, at 4.
    scene.services.insert(service("alpha-gunicorn", 1));
    scene.services.insert(service("alpha-default", 4));
    scene.cx.clock().sleep(Duration::from_secs(60)).await;
    let report = scene.stop().await;
    assert_eq!(report.changed.len(), 2, "{report:?}");
    assert_eq!(scene.tags().counts, [("default".to_owned(), 4), ("gunicorn".to_owned(), 2)].into());
    assert_eq!(scene.tags().stopped_at, remembered.stopped_at);
    let report = scene.stop().await;
    assert!(report.changed.is_empty() && report.error.is_none());
    scene.wake().await;
    assert_eq!(scene.counts().await, [2, 1, 4, 1]);
}

#[tokio::test(start_paused = true)]
async fn an_interrupted_start_is_taken_up_and_takes_nothing_away() {
    let scene = Scene::new();
    scene.stop().await;
    scene.services.insert(service("alpha-redis", 1));
    scene.services.insert(service("alpha-beat", 5));
    let report = scene.wake().await;
    assert!(report.error.is_none());
    assert_eq!(scene.counts().await, [2, 5, 0, 1], "autoscaling has its way");
    let told = scene.updates().split_off(3);
    assert_eq!(told, [("alpha-gunicorn".to_owned(), Some(2))]);
}

#[tokio::test(start_paused = true)]
async fn what_does_not_start_stays_remembered() {
    let scene = Scene::new();
    scene.stop().await;
    let mut stuck = service("alpha-redis", 1);
    stuck.running_count = 0;
    stuck.deployments[0] = stuck.deployments[0].clone().with_counts(1, 0, 0);
    scene.services.script("alpha-redis", vec![stuck]);
    let report = scene.wake().await;
    assert_eq!(report.outcome(), Outcome::TimedOut, "{report:?}");
    assert_eq!(scene.tags().counts.len(), 2, "the next start goes on");
    assert!(
        report.services.iter().any(|summary| summary.service == "alpha-gunicorn"),
        "the others are not left asleep"
    );
}

#[tokio::test(start_paused = true)]
async fn who_is_awake_is_left_alone() {
    let scene = Scene::new();
    let report = scene.wake().await;
    assert!(report.error.is_none() && report.services.is_empty() && scene.updates().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_protected_and_the_missing_are_refused() {
    let scene = Scene::new();
    let tags = [("adhoc:protected".to_owned(), "true".to_owned())];
    scene.clusters.insert(Cluster::new("alpha-cluster".into(), "arn").with_tags(tags.into()));
    let error = scene.stop().await.error.expect("refused");
    assert!(error.to_string().contains("is protected") && error.detail().hint.is_some(), "{error}");
    assert!(scene.updates().is_empty());
    scene.clusters.remove(&"alpha-cluster".into());
    assert_eq!(scene.stop().await.outcome(), Outcome::NotFound);
    assert_eq!(scene.wake().await.outcome(), Outcome::NotFound);
    let started = scene.events.names().iter().filter(|name| **name == "step_started").count();
    assert_eq!(started, scene.events.names().iter().filter(|name| **name == "step_failed").count());
}

#[tokio::test(start_paused = true)]
async fn more_than_a_tag_holds_is_refused_before_anything_is_stopped() {
    let scene = Scene::new();
    for number in 0..20 {
        scene.services.insert(service(&format!("alpha-worker-number-{number}"), 2));
    }
    let error = scene.stop().await.error.expect("refused");
    assert!(error.to_string().contains("more counts to remember"), "{error}");
    assert!(scene.updates().is_empty() && scene.tags().stopped_at.is_none());
}

#[tokio::test(start_paused = true)]
async fn daemons_take_no_count_and_others_deployments_are_not_awaited() {
    let scene = Scene::new();
    let mut daemon = service("alpha-agent", 1);
    daemon.daemon = true;
    let mut foreign = service("shop", 2);
    foreign.controller = DeploymentController::Other("CODE_DEPLOY".to_owned());
    scene.services.insert(daemon);
    scene.services.insert(foreign);
    scene.services.script("shop", vec![service("shop", 0)]);
    let report = scene.stop().await;
    assert!(report.error.is_none() && report.changed.len() == 4, "{report:?}");
    assert_eq!(scene.tags().counts["/shop"], 2);
    let report = scene.wake().await;
    assert!(report.error.is_none(), "{report:?}");
    assert!(scene.updates().contains(&("shop".to_owned(), Some(2))));
    assert!(!scene.updates().iter().any(|(name, _)| name == "alpha-agent"));
}
