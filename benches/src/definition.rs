use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// A task definition near ECS's limit of 64 KB: ten containers, each with a hundred variables, secrets and a health
/// check. As `DescribeTaskDefinition` gives it, output-only members included.
#[must_use]
pub fn large_definition() -> Value {
    let containers: Vec<Value> = (0..10).map(container).collect();
    json!({
        "taskDefinitionArn": "arn:aws:ecs:us-east-1:123456789012:task-definition/alpha-gunicorn:41",
        "family": "alpha-gunicorn", "revision": 41, "status": "ACTIVE",
        "taskRoleArn": "arn:aws:iam::123456789012:role/dev-ecs-task",
        "executionRoleArn": "arn:aws:iam::123456789012:role/dev-ecs-execution",
        "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "4096", "memory": "8192",
        "runtimePlatform": {"cpuArchitecture": "X86_64", "operatingSystemFamily": "LINUX"},
        "volumes": [{"name": "media", "efsVolumeConfiguration": {"fileSystemId": "fs-1", "transitEncryption": "ENABLED"}}],
        "compatibilities": ["EC2", "FARGATE"], "registeredAt": 1_767_225_600.123, "registeredBy": "arn:aws:iam::1:user/x",
        "requiresAttributes": [{"name": "com.amazonaws.ecs.capability.logging-driver.awslogs"}],
        "containerDefinitions": containers,
    })
}

fn container(index: usize) -> Value {
    let variable =
        |number: usize| json!({"name": format!("SETTING_{number:03}"), "value": format!("value-{number}-{index}")});
    let secret = |number: usize| {
        json!({"name": format!("SECRET_{number}"),
            "valueFrom": format!("arn:aws:secretsmanager:us-east-1:123456789012:secret:django-{number}-AbCdEf")})
    };
    json!({
        "name": if index == 0 { "gunicorn".to_owned() } else { format!("sidecar-{index}") },
        "image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/backend:v1.0.0",
        "essential": index == 0, "cpu": 0, "command": ["gunicorn", "--bind", "0.0.0.0:8000", "backend.wsgi"],
        "portMappings": [{"containerPort": 8000 + index, "protocol": "tcp"}],
        "environment": (0..100).map(variable).collect::<Vec<_>>(),
        "secrets": (0..10).map(secret).collect::<Vec<_>>(),
        "healthCheck": {"command": ["CMD-SHELL", "curl -f http://localhost:8000/health"], "interval": 30, "retries": 3},
        "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "/ecs/alpha/gunicorn",
            "awslogs-region": "us-east-1", "awslogs-stream-prefix": "gunicorn"}},
        "ulimits": [{"name": "nofile", "softLimit": 65536, "hardLimit": 65536}],
    })
}

/// The usual way to clone: into types, and out of them. It knows these members and loses every other one, which is why
/// `adhoc-ecs` does not work like this.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TypedDefinition {
    family: String,
    task_role_arn: Option<String>,
    execution_role_arn: Option<String>,
    network_mode: Option<String>,
    container_definitions: Vec<TypedContainer>,
    #[serde(default)]
    volumes: Vec<Map<String, Value>>,
    #[serde(default)]
    requires_compatibilities: Vec<String>,
    cpu: Option<String>,
    memory: Option<String>,
    runtime_platform: Option<Map<String, Value>>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct TypedContainer {
    name: String,
    image: String,
    essential: Option<bool>,
    cpu: Option<i32>,
    #[serde(default)]
    command: Vec<String>,
    #[serde(default)]
    port_mappings: Vec<TypedPort>,
    #[serde(default)]
    environment: Vec<TypedVariable>,
    #[serde(default)]
    secrets: Vec<TypedSecret>,
    health_check: Option<Map<String, Value>>,
    log_configuration: Option<Map<String, Value>>,
    #[serde(default)]
    ulimits: Vec<Map<String, Value>>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct TypedPort {
    container_port: Option<i32>,
    host_port: Option<i32>,
    protocol: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct TypedVariable {
    name: String,
    value: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct TypedSecret {
    name: String,
    value_from: String,
}

impl TypedDefinition {
    /// Sets the image of the container `name`.
    pub fn set_image(&mut self, name: &str, image: &str) {
        for container in self.container_definitions.iter_mut().filter(|container| container.name == name) {
            image.clone_into(&mut container.image);
        }
    }
}
