//! A backend of one's own: a release freeze, and a record of who was told what.
//!
//! Every primitive works on traits, so a team that must not release on some days wraps the AWS adapters instead of
//! patching the pipeline. Registering is the first change that an update makes: refusing it leaves everything as it was.
//! Updating a service is refused as well, for a release that was registered before the freeze. The stock update runs
//! over the wrapper and knows nothing of it; the refusal has an exit code of its own, 13.
#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use adhoc_core::{
    Clock, ClusterName, Error, ImageChange, Result, Service, ServiceDeployment, ServiceName, ServiceUpdate, Services,
    SystemClock, TaskDefinition, TaskDefinitionArn, TaskDefinitions, Timestamp, async_trait,
};
use adhoc_ecs::{Ecs, UpdateRequest, update};
use adhoc_examples::{Stage, narrated};
use adhoc_local::Scenario;
use serde_json::{Map, Value};

/// Refuses changes until a moment, and records those that it lets through.
struct Freeze {
    inner: Ecs,
    clock: Arc<dyn Clock>,
    until: Timestamp,
    record: Mutex<Vec<String>>,
}

impl Freeze {
    fn pass(&self, operation: &'static str, resource: &str) -> Result<()> {
        if self.clock.now() < self.until {
            let frozen = Error::locked(operation, resource, format!("releases are frozen until {:.0}", self.until));
            return Err(frozen.with_hint("ask the release manager, or wait"));
        }
        let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        record.push(format!("{operation} {resource}"));
        Ok(())
    }
}

#[async_trait]
impl TaskDefinitions for Freeze {
    async fn describe(&self, reference: &str) -> Result<TaskDefinition> {
        self.inner.task_definitions.describe(reference).await
    }

    async fn register(&self, input: &Map<String, Value>) -> Result<TaskDefinition> {
        self.pass("RegisterTaskDefinition", input.get("family").and_then(Value::as_str).unwrap_or_default())?;
        self.inner.task_definitions.register(input).await
    }

    async fn deregister(&self, arn: &TaskDefinitionArn) -> Result<()> {
        self.inner.task_definitions.deregister(arn).await
    }
}

#[async_trait]
impl Services for Freeze {
    async fn describe(&self, cluster: &ClusterName, services: &[ServiceName]) -> Result<Vec<Service>> {
        self.inner.services.describe(cluster, services).await
    }

    async fn update(&self, update: &ServiceUpdate) -> Result<Service> {
        self.pass("UpdateService", update.service.as_str())?;
        self.inner.services.update(update).await
    }

    async fn history(
        &self,
        cluster: &ClusterName,
        service: &ServiceName,
        limit: u16,
    ) -> Result<Vec<ServiceDeployment>> {
        self.inner.services.history(cluster, service, limit).await
    }

    async fn list(&self, cluster: &ClusterName) -> Result<Vec<ServiceName>> {
        self.inner.services.list(cluster).await
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let stage = Stage::start(Scenario::empty()).await?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let until = clock.now() + Duration::from_secs(2);
    let freeze = Arc::new(Freeze { inner: stage.ecs.clone(), clock: clock.clone(), until, record: Mutex::default() });
    let mut ecs = stage.ecs.clone();
    (ecs.task_definitions, ecs.services) = (freeze.clone(), freeze.clone());
    let request = UpdateRequest::new(stage.environment.clone(), "backend", ImageChange::Tag("v2.0.0".parse()?));

    println!("During the freeze:");
    let report = update(&narrated(), &ecs, &request).await;
    assert_eq!(report.outcome().exit_code(), 13);
    assert_eq!(
        (stage.calls("RegisterTaskDefinition"), stage.calls("RunTask"), stage.calls("UpdateService")),
        (0, 0, 0)
    );

    println!("\nAfter it:");
    clock.sleep(Duration::from_secs(2)).await;
    update(&narrated(), &ecs, &request).await.into_result()?;
    let record = freeze.record.lock().unwrap_or_else(PoisonError::into_inner);
    println!("\nWhat was let through:\n  {}", record.join("\n  "));
    assert_eq!(record.len(), 7, "four families and three services");
    Ok(())
}
