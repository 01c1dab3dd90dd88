//! What there is on ECS of any environment.

use std::collections::BTreeMap;

use adhoc_core::{
    Cluster, Clusters, Context, Conventions, EnvironmentTags, ImageReference, ObservedCluster, Result, Service,
    ServiceCounts,
};
use futures_util::stream::{self, StreamExt};

use crate::{Ecs, Environment};

/// How many clusters are looked into at once: `DescribeServices` allows 20 calls a second to an account.
const AT_ONCE: usize = 8;

/// Reads every cluster whose name follows the conventions, with its tags, the counts of its services, and the versions of
/// those components that no tag tells. Changes nothing.
///
/// Services that cannot be read cost these two, and a hint, not the cluster.
///
/// # Errors
///
/// Those of listing the clusters.
pub async fn observe(
    cx: &Context,
    ecs: &Ecs,
    clusters: &dyn Clusters,
    conventions: &Conventions,
) -> Result<Vec<ObservedCluster>> {
    let found = clusters.list().await?;
    let environments = found.into_iter().filter_map(|cluster| {
        let name = conventions.environment_of_cluster(&cluster.name)?;
        Some((Environment::new(name, conventions.clone()), cluster))
    });
    let looks = environments.map(|(environment, cluster)| async move { look(cx, ecs, &environment, cluster).await });
    Ok(stream::iter(looks).buffered(AT_ONCE).collect().await)
}

async fn look(cx: &Context, ecs: &Ecs, environment: &Environment, cluster: Cluster) -> ObservedCluster {
    let services = match services(ecs, environment).await {
        Ok(services) => services,
        Err(error) => {
            cx.hint(format!("the services of {} could not be read: {}", environment.name, error.chain().join(": ")));
            return ObservedCluster::new(cluster);
        }
    };
    let versions = versions(ecs, environment, &EnvironmentTags::read(&cluster.tags), &services).await;
    ObservedCluster::new(cluster).with_services(Some(counts(&services))).with_versions(versions)
}

async fn services(ecs: &Ecs, environment: &Environment) -> Result<Vec<Service>> {
    let cluster = environment.cluster();
    let names = ecs.services.list(&cluster).await?;
    let services = ecs.services.describe(&cluster, &names).await?;
    Ok(services.into_iter().filter(Service::is_active).collect())
}

fn counts(services: &[Service]) -> ServiceCounts {
    let sum = |count: fn(&Service) -> u32| services.iter().map(count).sum();
    ServiceCounts {
        services: u32::try_from(services.len()).unwrap_or(u32::MAX),
        desired: sum(|service| service.desired_count),
        running: sum(|service| service.running_count),
        pending: sum(|service| service.pending_count),
    }
}

/// The versions that no tag tells, by the image of the first service that each component has here.
async fn versions(
    ecs: &Ecs,
    environment: &Environment,
    tags: &EnvironmentTags,
    services: &[Service],
) -> BTreeMap<String, String> {
    let mut versions = BTreeMap::new();
    let untold = environment.conventions.components.iter().filter(|(name, _)| !tags.versions.contains_key(*name));
    for (name, component) in untold {
        let running = component.services.iter().find_map(|role| {
            let wanted = environment.service(role);
            Some((role, services.iter().find(|service| service.name == wanted)?))
        });
        if let Some((role, service)) = running
            && let Some(version) = version(ecs, environment, role, service).await
        {
            versions.insert(name.clone(), version);
        }
    }
    versions
}

/// The version that a service runs; none if that cannot be told, or nothing real runs yet.
async fn version(ecs: &Ecs, environment: &Environment, role: &str, service: &Service) -> Option<String> {
    let definition = ecs.task_definitions.describe(service.task_definition.as_str()).await.ok()?;
    let image: ImageReference = definition.image(&environment.container(role))?.parse().ok()?;
    EnvironmentTags::version(&image).filter(|version| *version != environment.conventions.placeholder_tag)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use adhoc_core::testing::{
        FakeClusters, FakeLogs, FakeNetwork, FakeServices, FakeTaskDefinitions, FakeTasks, ManualClock, MockServices,
        RecordingSink,
    };
    use adhoc_core::{Error, Services};

    use super::*;

    fn scene(definitions: FakeTaskDefinitions, services: Arc<dyn Services>) -> (Context, Arc<RecordingSink>, Ecs) {
        let sink = Arc::new(RecordingSink::default());
        let cx = Context::new(Arc::new(ManualClock::new()), sink.clone());
        let ecs = Ecs::new(
            Arc::new(definitions),
            Arc::new(FakeTasks::default()),
            services,
            Arc::new(FakeLogs::default()),
            Arc::new(FakeNetwork::default()),
        );
        (cx, sink, ecs)
    }

    fn clusters(tags: &[(&str, &str)]) -> FakeClusters {
        let tags = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let clusters = FakeClusters::default();
        clusters.insert(Cluster::new("alpha-cluster".into(), "arn").with_tags(tags));
        clusters.insert(Cluster::new("somebody-elses".into(), "arn"));
        clusters
    }

    #[tokio::test(start_paused = true)]
    async fn counts_and_untold_versions_are_read() {
        let (definitions, services) = (FakeTaskDefinitions::default(), FakeServices::default());
        for (role, image) in [("gunicorn", "r/backend:v1"), ("web-ui", "r/frontend:v7"), ("worker", "r/w:placeholder")]
        {
            let definition = definitions.insert_simple(&format!("alpha-{role}"), role, image);
            let service = Service::new(format!("alpha-{role}").as_str().into(), definition.arn());
            services.insert(service.with_counts(2, 1, 1));
        }
        let (cx, _, ecs) = scene(definitions, Arc::new(services));
        let mut conventions = Conventions::default();
        conventions.components.insert("jobs".to_owned(), adhoc_core::Component::new("w", &[], &["worker"]));
        let found = observe(&cx, &ecs, &clusters(&[("adhoc:backend", "v2")]), &conventions).await.expect("read");
        assert_eq!(found.len(), 1, "what does not follow the template is no environment");
        let counts = ServiceCounts { services: 3, desired: 6, running: 3, pending: 3 };
        assert_eq!(found[0].services, Some(counts));
        assert_eq!(found[0].versions, [("frontend".to_owned(), "v7".to_owned())].into());
    }

    #[tokio::test(start_paused = true)]
    async fn services_that_cannot_be_read_cost_a_column() {
        let mut mock = MockServices::new();
        mock.expect_list().returning(|_| Err(Error::permission_denied("ListServices", "", "no")));
        let (cx, sink, ecs) = scene(FakeTaskDefinitions::default(), Arc::new(mock));
        let found = observe(&cx, &ecs, &clusters(&[]), &Conventions::default()).await.expect("read");
        assert_eq!((found.len(), found[0].services), (1, None));
        assert_eq!(sink.names(), ["hint"]);
    }
}
