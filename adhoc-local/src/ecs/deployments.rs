//! Service deployments and service revisions.

use super::{
    World,
    service_model::{Record, Revision, Rollout, Service},
    task_model::Phase,
    world::short_name,
};
use crate::{
    clock::epoch_seconds,
    error::ApiError,
    json::{Members, listing, page},
};
use serde_json::{Value, json};

fn created(input: &Value) -> (f64, f64) {
    let bound = |name: &str| input.get("createdAt").and_then(|range| range.get(name)).and_then(Value::as_f64);
    (bound("after").unwrap_or(f64::MIN), bound("before").unwrap_or(f64::MAX))
}

fn add_times(value: &mut Value, record: &Record) {
    for (name, time) in [("startedAt", record.started_at), ("finishedAt", record.finished_at)] {
        if let Some(time) = time {
            value[name] = epoch_seconds(time);
        }
    }
    if let Some(reason) = &record.status_reason {
        value["statusReason"] = reason.as_str().into();
    }
}

impl World {
    pub(super) fn list_service_deployments(&self, input: &Value) -> Result<Value, ApiError> {
        let key = (self.cluster_name(input)?, short_name(input.required("service")?).to_owned());
        let service = self.services.get(&key).ok_or_else(ApiError::service_not_found)?;
        let status = input.texts("status");
        let (after, before) = created(input);
        let briefs: Vec<Value> = service
            .records
            .iter()
            .rev()
            .filter(|record| status.is_empty() || status.iter().any(|status| status == record.status))
            .filter(|record| epoch_seconds(record.created_at).as_f64().is_some_and(|at| at >= after && at <= before))
            .map(|record| {
                let mut value = json!({
                    "serviceDeploymentArn": record.arn,
                    "serviceArn": service.arn,
                    "clusterArn": self.cluster_arn(&service.cluster),
                    "createdAt": epoch_seconds(record.created_at),
                    "targetServiceRevisionArn": record.target,
                    "status": record.status,
                });
                add_times(&mut value, record);
                value
            })
            .collect();
        let (items, next) = page(&briefs, input, 20)?;
        Ok(listing("serviceDeployments", items, next))
    }

    pub(super) fn describe_service_deployments(&self, input: &Value) -> Result<Value, ApiError> {
        let arns = input.texts("serviceDeploymentArns");
        if arns.is_empty() || arns.len() > 20 {
            return Err(ApiError::invalid("serviceDeploymentArns must have 1 to 20 items."));
        }
        let (mut found, mut failures) = (Vec::new(), Vec::new());
        for arn in arns {
            let hit = self.services.values().find_map(|service| {
                service.records.iter().find(|record| record.arn == arn).map(|record| (service, record))
            });
            match hit {
                Some((service, record)) => found.push(self.record_value(service, record)),
                None => failures.push(json!({"arn": arn, "reason": "MISSING"})),
            }
        }
        Ok(json!({"serviceDeployments": found, "failures": failures}))
    }

    fn record_value(&self, service: &Service, record: &Record) -> Value {
        let mut value = json!({
            "serviceDeploymentArn": record.arn,
            "serviceArn": service.arn,
            "clusterArn": self.cluster_arn(&service.cluster),
            "createdAt": epoch_seconds(record.created_at),
            "updatedAt": epoch_seconds(record.updated_at),
            "sourceServiceRevisions": record.sources.iter().map(|arn| self.revision_summary(service, arn)).collect::<Vec<_>>(),
            "targetServiceRevision": self.revision_summary(service, &record.target),
            "status": record.status,
            "deploymentConfiguration": service.setting("deploymentConfiguration"),
            "deploymentCircuitBreaker": {
                "status": record.breaker,
                "failureCount": record.failed,
                "threshold": record.threshold,
            },
            "alarms": {"status": "DISABLED", "alarmNames": [], "triggeredAlarmNames": []},
        });
        add_times(&mut value, record);
        if let Some(rollback) = &record.rollback {
            value["rollback"] = rollback.clone();
        }
        value
    }

    fn revision_summary(&self, service: &Service, arn: &str) -> Value {
        let of = |id: &str| service.deployments.iter().any(|d| d.id == id && d.revision_arn == arn);
        let count = |wanted: fn(Phase) -> bool| {
            let tasks = self.tasks.values().filter(|task| task.is_in(&service.cluster, &service.name));
            tasks.filter(|task| task.service.as_ref().is_some_and(|(_, id)| of(id)) && wanted(task.phase)).count()
        };
        let requested = service.primary().is_some_and(|primary| primary.revision_arn == arn);
        json!({
            "arn": arn,
            "requestedTaskCount": if requested { service.desired } else { 0 },
            "runningTaskCount": count(|phase| phase == Phase::Running),
            "pendingTaskCount": count(|phase| phase < Phase::Running),
        })
    }

    pub(super) fn describe_service_revisions(&self, input: &Value) -> Result<Value, ApiError> {
        let arns = input.texts("serviceRevisionArns");
        if arns.is_empty() || arns.len() > 20 {
            return Err(ApiError::invalid("serviceRevisionArns must have 1 to 20 items."));
        }
        let (mut found, mut failures) = (Vec::new(), Vec::new());
        for arn in arns {
            let hit = self.services.values().find_map(|service| {
                service.revisions.iter().find(|revision| revision.arn == arn).map(|revision| (service, revision))
            });
            match hit {
                Some((service, revision)) => found.push(self.revision_value(service, revision)),
                None => failures.push(json!({"arn": arn, "reason": "MISSING"})),
            }
        }
        Ok(json!({"serviceRevisions": found, "failures": failures}))
    }

    fn revision_value(&self, service: &Service, revision: &Revision) -> Value {
        let mut value = json!({
            "serviceRevisionArn": revision.arn,
            "serviceArn": service.arn,
            "clusterArn": self.cluster_arn(&service.cluster),
            "taskDefinition": revision.definition,
            "createdAt": epoch_seconds(revision.created_at),
            "containerImages": self.images_of(&revision.definition),
        });
        for name in [
            "launchType",
            "capacityProviderStrategy",
            "platformVersion",
            "networkConfiguration",
            "loadBalancers",
            "serviceRegistries",
        ] {
            if let Some(setting) = revision.settings.get(name) {
                value[name] = setting.clone();
            }
        }
        value
    }

    fn images_of(&self, definition: &str) -> Vec<Value> {
        let containers =
            self.definition(definition).map(|definition| definition.containers().to_vec()).unwrap_or_default();
        containers.iter().map(|c| json!({"containerName": c.get("name"), "image": c.get("image")})).collect()
    }

    pub(super) fn stop_service_deployment(&mut self, input: &Value, now: u64) -> Result<Value, ApiError> {
        let arn = input.required("serviceDeploymentArn")?.to_owned();
        let missing = || ApiError::new("ServiceDeploymentNotFoundException", "The service deployment was not found.");
        let holds = |service: &&Service| service.records.iter().any(|record| record.arn == arn);
        let key =
            self.services.values().find(holds).map(|s| (s.cluster.clone(), s.name.clone())).ok_or_else(missing)?;
        let mut service = self.services.remove(&key).ok_or_else(missing)?;
        let primary = service
            .primary()
            .filter(|p| p.record == arn && p.rollout == Rollout::InProgress && !p.is_rollback)
            .cloned();
        if let Some(primary) = primary.filter(|_| service.last_completed().is_some()) {
            if let Some(primary) = service.primary_mut() {
                primary.rollout = Rollout::Failed;
                primary.reason = "ECS deployment stopped by the user.".to_owned();
            }
            self.roll_back(&mut service, &primary, "Service deployment stopped by the user.", now);
            service.next_tick = Some(now);
        } else {
            self.services.insert(key, service);
            return Err(ApiError::new("ConflictException", "The service deployment cannot be stopped."));
        }
        self.services.insert(key, service);
        Ok(json!({"serviceDeploymentArn": arn}))
    }
}
