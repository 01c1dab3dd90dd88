//! Everything that the ECS side of a server knows.

use super::{
    definitions::Definition,
    service_model::Service,
    task_model::{Container, Task},
};
use crate::{Behaviour, Scenario, Timing, error::ApiError, secrets::Secrets, topology::Topology};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
};

/// A cluster.
pub(crate) struct Cluster {
    pub(crate) name: String,
    pub(crate) active: bool,
    pub(crate) settings: Vec<Value>,
    pub(crate) capacity_providers: Value,
    pub(crate) default_strategy: Value,
    /// Members that are kept as they were sent, by name.
    pub(crate) extras: Value,
    pub(crate) tags: Vec<Value>,
}

/// What a `clientToken` of RunTask stood for.
pub(crate) struct Remembered {
    pub(crate) request: Value,
    pub(crate) answer: Vec<String>,
}

/// The state of ECS, behind one lock.
pub(crate) struct World {
    pub(crate) region: String,
    pub(crate) account: String,
    pub(crate) timing: Timing,
    pub(crate) topology: Topology,
    pub(crate) behaviours: Vec<Behaviour>,
    pub(crate) images: BTreeMap<String, Vec<String>>,
    pub(crate) environments: Vec<String>,
    pub(crate) clusters: BTreeMap<String, Cluster>,
    pub(crate) definitions: BTreeMap<String, Vec<Definition>>,
    pub(crate) services: BTreeMap<(String, String), Service>,
    pub(crate) tasks: BTreeMap<u64, Task>,
    pub(crate) task_ids: HashMap<String, u64>,
    pub(crate) client_tokens: HashMap<String, Remembered>,
    /// Those of Secrets Manager. Their lock is taken while that of the world is held, never the other way round.
    pub(crate) secrets: Arc<Mutex<Secrets>>,
    serial: u64,
}

impl World {
    pub(crate) fn new(scenario: &Scenario, topology: Topology, secrets: Arc<Mutex<Secrets>>) -> Self {
        Self {
            region: scenario.region.clone(),
            account: scenario.account_id.clone(),
            timing: scenario.timing,
            topology,
            behaviours: scenario.behaviours.clone(),
            images: scenario.images.clone(),
            environments: Vec::new(),
            clusters: BTreeMap::new(),
            definitions: BTreeMap::new(),
            services: BTreeMap::new(),
            tasks: BTreeMap::new(),
            task_ids: HashMap::new(),
            client_tokens: HashMap::new(),
            secrets,
            serial: 0,
        }
    }

    /// A number that this server has not given out yet.
    pub(crate) fn serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    /// Nineteen digits, as in `ecs-svc/1234567890123456789`.
    pub(crate) fn digits(&mut self) -> String {
        let random = uuid::Uuid::new_v4().as_u128() % 1_000_000_000_000;
        format!("{:07}{random:012}", 1_000_000 + self.serial() % 8_000_000)
    }

    pub(crate) fn arn(&self, service: &str, resource: &str) -> String {
        format!("arn:aws:{service}:{}:{}:{resource}", self.region, self.account)
    }

    pub(crate) fn cluster_arn(&self, name: &str) -> String {
        self.arn("ecs", &format!("cluster/{name}"))
    }

    /// The active cluster that a request names, by name or ARN; `default` when it names none.
    pub(crate) fn cluster_name(&self, input: &Value) -> Result<String, ApiError> {
        let name = input.get("cluster").and_then(Value::as_str).unwrap_or("default");
        let name = short_name(name);
        match self.clusters.get(name) {
            Some(cluster) if cluster.active => Ok(name.to_owned()),
            _ => Err(ApiError::cluster_not_found()),
        }
    }

    pub(crate) fn task(&self, cluster: &str, reference: &str) -> Option<&Task> {
        let task = self.tasks.get(self.task_ids.get(short_name(reference))?)?;
        (task.cluster == cluster).then_some(task)
    }

    pub(crate) fn task_mut(&mut self, id: &str) -> Option<&mut Task> {
        self.tasks.get_mut(self.task_ids.get(id)?)
    }

    pub(crate) fn container_mut(&mut self, task: &str, name: &str) -> Option<&mut Container> {
        self.task_mut(task)?.containers.iter_mut().find(|container| container.name == name)
    }

    pub(crate) fn add_task(&mut self, task: Task) {
        let serial = self.serial();
        self.task_ids.insert(task.id.clone(), serial);
        self.tasks.insert(serial, task);
    }
}

/// The last part of an ARN or path; a plain name is its own.
pub(crate) fn short_name(reference: &str) -> &str {
    reference.rsplit('/').next().unwrap_or(reference)
}

/// An entry of `failures[]`.
pub(crate) fn failure(arn: &str, reason: &str) -> Value {
    json!({"arn": arn, "reason": reason})
}

/// Whether a request asks to `include` this.
pub(crate) fn includes(input: &Value, what: &str) -> bool {
    input.get("include").and_then(Value::as_array).is_some_and(|list| list.iter().any(|item| item == what))
}
