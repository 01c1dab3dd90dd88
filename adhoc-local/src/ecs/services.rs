//! The calls on services.

use super::{
    World,
    run_task::{check_capacity, check_network},
    service_model::{Deployment, Service},
    tags::check_tags,
    task_model::{Phase, Task},
    world::{failure, includes, short_name},
};
use crate::{
    clock::epoch_seconds,
    error::ApiError,
    json::{Members, listing, page},
};
use serde_json::{Map, Value, json};
use std::collections::VecDeque;

/// Members kept as they were sent.
const SETTINGS: [&str; 20] = [
    "launchType",
    "capacityProviderStrategy",
    "platformVersion",
    "networkConfiguration",
    "deploymentConfiguration",
    "deploymentController",
    "loadBalancers",
    "serviceRegistries",
    "serviceConnectConfiguration",
    "volumeConfigurations",
    "vpcLatticeConfigurations",
    "placementConstraints",
    "placementStrategy",
    "healthCheckGracePeriodSeconds",
    "schedulingStrategy",
    "propagateTags",
    "enableECSManagedTags",
    "enableExecuteCommand",
    "role",
    "availabilityZoneRebalancing",
];

/// Those of them whose change needs a new deployment.
const DEPLOYED: [&str; 10] = [
    "launchType",
    "capacityProviderStrategy",
    "platformVersion",
    "networkConfiguration",
    "loadBalancers",
    "serviceRegistries",
    "serviceConnectConfiguration",
    "volumeConfigurations",
    "vpcLatticeConfigurations",
    "enableExecuteCommand",
];

/// Keeps in `settings` what the request says of them. A deployment configuration is merged member by member.
fn apply(settings: &mut Map<String, Value>, input: &Value) -> bool {
    let mut deploys = false;
    for name in SETTINGS {
        let Some(value) = input.get(name).filter(|value| !value.is_null()) else { continue };
        let old = settings.get(name).cloned();
        if name == "deploymentConfiguration"
            && let (Some(Value::Object(old)), Value::Object(new)) = (&old, value)
        {
            let mut merged = old.clone();
            merged.extend(new.iter().map(|(name, value)| (name.clone(), value.clone())));
            settings.insert(name.to_owned(), Value::Object(merged));
            continue;
        }
        deploys |= DEPLOYED.contains(&name) && old.as_ref() != Some(value);
        settings.insert(name.to_owned(), value.clone());
    }
    if input.get("launchType").is_some_and(Value::is_string) {
        settings.remove("capacityProviderStrategy");
    } else if !input.list("capacityProviderStrategy").is_empty() {
        settings.remove("launchType");
    }
    deploys
}

fn desired_count(input: &Value) -> Result<Option<usize>, ApiError> {
    match input.number("desiredCount") {
        None => Ok(None),
        Some(count) => match usize::try_from(count) {
            Ok(count) if count <= 5000 => Ok(Some(count)),
            _ => Err(ApiError::invalid("desiredCount must be between 0 and 5000.")),
        },
    }
}

impl World {
    fn service_key(&self, input: &Value, name: &str) -> Result<(String, String), ApiError> {
        Ok((self.cluster_name(input)?, short_name(name).to_owned()))
    }

    pub(super) fn create_service(&mut self, input: &Value, now: u64) -> Result<Value, ApiError> {
        let name = input.required("serviceName")?.to_owned();
        let key = self.service_key(input, &name)?;
        if self.services.get(&key).is_some_and(|service| service.status == "ACTIVE") {
            return Err(ApiError::invalid("Creation of service was not idempotent."));
        }
        if self.services.get(&key).is_some_and(|service| service.status == "DRAINING") {
            return Err(ApiError::invalid("Unable to Start a service that is still Draining."));
        }
        check_tags(input.list("tags"))?;
        check_capacity(input)?;
        self.check_cluster_strategy(&key.0, input)?;
        let definition = self.runnable(input.required("taskDefinition")?)?;
        let mode = definition.document.get("networkMode").and_then(Value::as_str);
        check_network(mode, input.get("networkConfiguration").filter(|network| !network.is_null()))?;
        let definition = definition.arn().to_owned();
        let daemon = input.text("schedulingStrategy") == Some("DAEMON");
        let desired = desired_count(input)?;
        if daemon && desired.is_some() {
            return Err(ApiError::invalid("The daemon scheduling strategy does not support a desired count."));
        }
        self.insert_service(&key, definition, desired.unwrap_or(usize::from(daemon)), input, now);
        Ok(json!({"service": self.services.get(&key).map(|service| self.service_value(service, true))}))
    }

    /// Adds a service with its first deployment.
    pub(super) fn insert_service(
        &mut self,
        key: &(String, String),
        definition: String,
        desired: usize,
        input: &Value,
        now: u64,
    ) {
        let (cluster, name) = key;
        let mut settings = Map::new();
        settings.insert("deploymentController".to_owned(), json!({"type": "ECS"}));
        settings.insert("schedulingStrategy".to_owned(), json!("REPLICA"));
        settings.insert(
            "deploymentConfiguration".to_owned(),
            json!({
                "deploymentCircuitBreaker": {"enable": false, "rollback": false},
                "maximumPercent": 200,
                "minimumHealthyPercent": 100,
                "strategy": "ROLLING",
                "bakeTimeInMinutes": 0,
            }),
        );
        apply(&mut settings, input);
        let mut service = Service {
            name: name.clone(),
            cluster: cluster.clone(),
            arn: self.arn("ecs", &format!("service/{cluster}/{name}")),
            status: "ACTIVE",
            desired,
            definition,
            settings,
            deployments: Vec::new(),
            records: Vec::new(),
            revisions: Vec::new(),
            events: VecDeque::new(),
            created_at: now,
            tags: input.list("tags").to_vec(),
            steady: false,
            next_tick: Some(now),
        };
        self.deploy(&mut service, now);
        self.services.insert(key.clone(), service);
    }

    pub(super) fn update_service(&mut self, input: &Value, now: u64) -> Result<Value, ApiError> {
        let key = self.service_key(input, input.required("service")?)?;
        let Some(service) = self.services.get(&key) else { return Err(ApiError::service_not_found()) };
        if service.status != "ACTIVE" {
            return Err(ApiError::new("ServiceNotActiveException", "Service was not ACTIVE."));
        }
        check_capacity(input)?;
        self.check_cluster_strategy(&key.0, input)?;
        check_controller(service, input)?;
        let desired = desired_count(input)?;
        if desired.is_some() && service.setting("schedulingStrategy") == "DAEMON" {
            return Err(ApiError::invalid("The daemon scheduling strategy does not support a desired count."));
        }
        let definition = match input.text("taskDefinition").filter(|reference| !reference.is_empty()) {
            Some(reference) => Some(self.runnable(reference)?.arn().to_owned()),
            None => None,
        };
        if input.get("networkConfiguration").is_some_and(Value::is_object) {
            check_network(Some("awsvpc"), input.get("networkConfiguration"))?;
        }
        let Some(mut service) = self.services.remove(&key) else { return Err(ApiError::service_not_found()) };
        let mut deploys = apply(&mut service.settings, input) || input.flag("forceNewDeployment");
        if let Some(definition) = definition.filter(|definition| *definition != service.definition) {
            service.definition = definition;
            deploys = true;
        }
        if let Some(desired) = desired.filter(|desired| *desired != service.desired) {
            service.desired = desired;
            service.steady = false;
            if let Some(primary) = service.primary_mut() {
                primary.updated_at = now;
            }
        }
        if deploys {
            self.deploy(&mut service, now);
        }
        service.next_tick = Some(now);
        let answer = json!({"service": self.service_value(&service, true)});
        self.services.insert(key, service);
        Ok(answer)
    }

    pub(super) fn delete_service(&mut self, input: &Value, now: u64) -> Result<Value, ApiError> {
        let key = self.service_key(input, input.required("service")?)?;
        let Some(service) = self.services.get_mut(&key) else { return Err(ApiError::service_not_found()) };
        if service.status != "ACTIVE" {
            return Err(ApiError::new("ServiceNotActiveException", "Service was not ACTIVE."));
        }
        if service.desired > 0 && !input.flag("force") {
            return Err(ApiError::invalid("The service cannot be stopped while it is scaled above 0."));
        }
        service.status = "DRAINING";
        service.desired = 0;
        service.steady = false;
        service.next_tick = Some(now);
        Ok(json!({"service": self.services.get(&key).map(|service| self.service_value(service, true))}))
    }

    pub(super) fn describe_services(&self, input: &Value) -> Result<Value, ApiError> {
        let cluster = self.cluster_name(input)?;
        let asked = input.texts("services");
        if asked.is_empty() {
            return Err(ApiError::invalid("Services cannot be empty."));
        }
        if asked.len() > 10 {
            return Err(ApiError::invalid("Services can have at most 10 items."));
        }
        let (mut services, mut failures) = (Vec::new(), Vec::new());
        for reference in asked {
            let name = short_name(&reference);
            match self.services.get(&(cluster.clone(), name.to_owned())) {
                Some(service) => services.push(self.service_value(service, includes(input, "TAGS"))),
                None => failures.push(failure(&self.arn("ecs", &format!("service/{cluster}/{name}")), "MISSING")),
            }
        }
        Ok(json!({"services": services, "failures": failures}))
    }

    pub(super) fn list_services(&self, input: &Value) -> Result<Value, ApiError> {
        let cluster = self.cluster_name(input)?;
        let (launch, scheduling) = (input.text("launchType"), input.text("schedulingStrategy"));
        let arns: Vec<Value> = self
            .services
            .values()
            .filter(|service| service.cluster == cluster && service.status != "INACTIVE")
            .filter(|service| launch.is_none_or(|launch| service.setting("launchType") == launch))
            .filter(|service| scheduling.is_none_or(|strategy| service.setting("schedulingStrategy") == strategy))
            .map(|service| Value::from(service.arn.as_str()))
            .collect();
        let (items, next) = page(&arns, input, 10)?;
        Ok(listing("serviceArns", items, next))
    }

    fn counts(&self, service: &Service, of: impl Fn(&Task) -> bool) -> (usize, usize) {
        let mine = || self.tasks.values().filter(|task| task.is_in(&service.cluster, &service.name) && of(task));
        let running = mine().filter(|task| task.phase == Phase::Running).count();
        let pending = mine().filter(|task| task.phase < Phase::Running).count();
        (running, pending)
    }

    pub(super) fn service_value(&self, service: &Service, tags: bool) -> Value {
        let (running, pending) = self.counts(service, |_| true);
        let mut value = json!({
            "serviceArn": service.arn,
            "serviceName": service.name,
            "clusterArn": self.cluster_arn(&service.cluster),
            "loadBalancers": [],
            "serviceRegistries": [],
            "status": service.status,
            "desiredCount": service.desired,
            "runningCount": running,
            "pendingCount": pending,
            "taskDefinition": service.definition,
            "deployments": service.deployments.iter().map(|d| self.deployment_value(service, d)).collect::<Vec<_>>(),
            "roleArn": format!("arn:aws:iam::{}:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS", self.account),
            "events": service.events,
            "createdAt": epoch_seconds(service.created_at),
            "placementConstraints": [],
            "placementStrategy": [],
            "tags": if tags { service.tags.clone() } else { Vec::new() },
            "createdBy": format!("arn:aws:sts::{}:assumed-role/local/adhoc", self.account),
            "enableECSManagedTags": false,
            "propagateTags": "NONE",
            "enableExecuteCommand": false,
            "platformVersion": "LATEST",
            "platformFamily": "Linux",
        });
        if let Some(object) = value.as_object_mut() {
            object.extend(service.settings.iter().map(|(name, value)| (name.clone(), value.clone())));
        }
        value
    }

    fn deployment_value(&self, service: &Service, deployment: &Deployment) -> Value {
        let (running, pending) = self.counts(service, |task| task.is_of(&deployment.id));
        let status = if deployment.primary { "PRIMARY" } else { "ACTIVE" };
        let desired = if deployment.primary { service.desired } else { running };
        let mut value = json!({
            "id": deployment.id,
            "status": status,
            "taskDefinition": deployment.definition,
            "desiredCount": desired,
            "pendingCount": pending,
            "runningCount": running,
            "failedTasks": deployment.failed,
            "createdAt": epoch_seconds(deployment.created_at),
            "updatedAt": epoch_seconds(deployment.updated_at),
            "rolloutState": deployment.rollout.name(),
            "rolloutStateReason": deployment.reason,
        });
        let settings = service.revisions.iter().find(|revision| revision.arn == deployment.revision_arn);
        for name in ["launchType", "capacityProviderStrategy", "platformVersion", "networkConfiguration"] {
            if let Some(setting) = settings.and_then(|revision| revision.settings.get(name)) {
                value[name] = setting.clone();
            }
        }
        value
    }
}

/// Only services that ECS itself deploys can be given another task definition.
fn check_controller(service: &Service, input: &Value) -> Result<(), ApiError> {
    let changes = input.text("taskDefinition").is_some() || input.flag("forceNewDeployment");
    match service.controller() {
        "CODE_DEPLOY" if changes => Err(ApiError::invalid(
            "Unable to update task definition on services with a CODE_DEPLOY deployment controller. Use AWS CodeDeploy to trigger a new deployment.",
        )),
        "EXTERNAL" if changes => Err(ApiError::invalid(
            "Unable to update task definition on services with an EXTERNAL deployment controller.",
        )),
        _ => Ok(()),
    }
}
