//! A task as the API shows it.

use super::{
    World,
    task_model::{Container, ContainerState, Phase, Task},
};
use crate::{clock::epoch_seconds, ecr::digest_of};
use serde_json::{Map, Value, json};

fn container_status(task: &Task, container: &Container) -> &'static str {
    match container.state {
        ContainerState::Running if task.phase == Phase::Activating => "PENDING",
        ContainerState::Running => "RUNNING",
        ContainerState::Exited => "STOPPED",
        ContainerState::Waiting if task.is_stopped() || task.phase == Phase::Deprovisioning => "STOPPED",
        ContainerState::Waiting => "PENDING",
    }
}

impl World {
    pub(super) fn container_arn(&self, task: &Task, name: &str) -> String {
        // Stable for as long as the task lives, without being stored.
        let digest =
            name.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
        let head = task.id.get(..8).unwrap_or_default();
        self.arn("ecs", &format!("container/{}/{}/{head}-{digest:08x}", task.cluster, task.id))
    }

    pub(super) fn task_value(&self, task: &Task, tags: bool) -> Value {
        let mut value = json!({
            "attachments": attachments(task),
            "attributes": [{"name": "ecs.cpu-architecture", "value": "x86_64"}],
            "availabilityZone": format!("{}a", self.region),
            "clusterArn": self.cluster_arn(&task.cluster),
            "connectivity": if task.phase >= Phase::Activating { "CONNECTED" } else { "DISCONNECTED" },
            "containers": self.containers(task),
            "cpu": task.cpu,
            "createdAt": epoch_seconds(task.created_at),
            "desiredStatus": task.desired_status(),
            "enableExecuteCommand": task.exec,
            "group": task.group,
            "healthStatus": "UNKNOWN",
            "lastStatus": task.phase.name(),
            "memory": task.memory,
            "overrides": task.overrides,
            "tags": if tags { task.tags.clone() } else { Vec::new() },
            "taskArn": task.arn,
            "taskDefinitionArn": task.definition,
            "version": task.phase as u8 + 1,
        });
        if let Some(object) = value.as_object_mut() {
            add_times(object, task);
            add_text(object, "capacityProviderName", task.capacity_provider.as_deref());
            add_text(object, "launchType", task.launch_type.as_deref());
            add_text(object, "startedBy", task.started_by.as_deref());
            add_text(object, "stopCode", task.stop_code.as_deref());
            add_text(object, "stoppedReason", task.stopped_reason.as_deref());
            if task.launch_type.as_deref() == Some("FARGATE") {
                add_text(object, "platformFamily", Some("Linux"));
                add_text(object, "platformVersion", Some("1.4.0"));
                object.insert("ephemeralStorage".to_owned(), json!({"sizeInGiB": 20}));
            }
        }
        value
    }

    fn containers(&self, task: &Task) -> Vec<Value> {
        task.containers.iter().map(|container| self.container_value(task, container)).collect()
    }

    fn container_value(&self, task: &Task, container: &Container) -> Value {
        let mut value = json!({
            "containerArn": self.container_arn(task, &container.name),
            "taskArn": task.arn,
            "name": container.name,
            "image": container.image,
            "lastStatus": container_status(task, container),
            "networkInterfaces": interfaces(task),
            "healthStatus": "UNKNOWN",
            "cpu": container.cpu,
        });
        if let Some(object) = value.as_object_mut() {
            add_text(object, "memory", container.memory.as_deref());
            add_text(object, "runtimeId", container.runtime_id.as_deref());
            let pulled = task.pull_stopped_at.or(task.started_at).map(|_| digest_of(&container.image));
            add_text(object, "imageDigest", pulled.as_deref());
            add_text(object, "reason", container.reason.as_deref());
            if let Some(code) = container.exit_code {
                object.insert("exitCode".to_owned(), code.into());
            }
            if task.exec {
                let status = if task.phase == Phase::Running { "RUNNING" } else { "PENDING" };
                object
                    .insert("managedAgents".to_owned(), json!([{"name": "ExecuteCommandAgent", "lastStatus": status}]));
            }
        }
        value
    }
}

fn add_text(object: &mut Map<String, Value>, name: &str, text: Option<&str>) {
    if let Some(text) = text {
        object.insert(name.to_owned(), Value::from(text));
    }
}

fn add_times(object: &mut Map<String, Value>, task: &Task) {
    let connected = task.pull_stopped_at.or(task.started_at);
    for (name, time) in [
        ("connectivityAt", connected),
        ("pullStartedAt", task.pull_started_at),
        ("pullStoppedAt", task.pull_stopped_at),
        ("startedAt", task.started_at),
        ("stoppingAt", task.stopping_at),
        ("executionStoppedAt", task.execution_stopped_at),
        ("stoppedAt", task.stopped_at),
    ] {
        if let Some(time) = time {
            object.insert(name.to_owned(), epoch_seconds(time));
        }
    }
}

fn attachments(task: &Task) -> Vec<Value> {
    let status = match task.phase {
        Phase::Provisioning => "PRECREATED",
        Phase::Deprovisioning => "DETACHING",
        Phase::Stopped => "DELETED",
        _ => "ATTACHED",
    };
    let attachment = |interface: &super::task_model::Interface| {
        json!({
            "id": interface.attachment,
            "type": "ElasticNetworkInterface",
            "status": status,
            "details": [
                {"name": "subnetId", "value": interface.subnet},
                {"name": "networkInterfaceId", "value": interface.eni},
                {"name": "macAddress", "value": interface.mac},
                {"name": "privateIPv4Address", "value": interface.ip},
            ],
        })
    };
    task.interface.iter().map(attachment).collect()
}

fn interfaces(task: &Task) -> Vec<Value> {
    let interface = |interface: &super::task_model::Interface| json!({"attachmentId": interface.attachment, "privateIpv4Address": interface.ip});
    task.interface.iter().filter(|_| task.phase >= Phase::Pending).map(interface).collect()
}
