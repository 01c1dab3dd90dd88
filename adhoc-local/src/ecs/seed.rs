//! Environments as Terraform would have made them.

use super::{World, world::Cluster};
use crate::{
    EnvironmentSpec,
    environment::{SERVICE_ROLES, TASK_ROLES},
    logs::LogStore,
};
use serde_json::{Value, json};

const MIGRATE: &str = r#"tag="${ADHOC_IMAGE##*:}"
echo "Operations to perform:"
echo "  Apply all migrations: accounts, admin, auth, blog, contenttypes, sessions"
echo "Running migrations from $tag:"
for name in contenttypes.0001_initial auth.0001_initial accounts.0001_initial blog.0001_initial sessions.0001_initial; do
  sleep 0.04
  echo "  Applying $name... OK"
done
echo "  Applied all migrations of $tag.""#;

const COLLECTSTATIC: &str = r#"echo "Copying static files of ${ADHOC_IMAGE##*:}"
sleep 0.03
echo "164 static files copied to 's3://static', 12 unmodified.""#;

const GUNICORN: &str = r#"echo "[INFO] Starting gunicorn 23.0.0 (${ADHOC_IMAGE##*:})"
echo "[INFO] Listening at: http://0.0.0.0:8000"
echo "[INFO] Booting worker with pid: 7"
n=0
while true; do
  sleep 5
  n=$((n + 1))
  echo "10.0.101.7 \"GET /api/health/ HTTP/1.1\" 200 15 \"ELB-HealthChecker/2.0\" request=$n"
done"#;

const WORKER: &str = r#"echo "[INFO] celery@worker (${ADHOC_IMAGE##*:}) ready."
n=0
while true; do
  sleep 7
  n=$((n + 1))
  echo "[INFO] Task blog.tasks.refresh[$n] succeeded in 0.012s"
done"#;

const BEAT: &str = r#"echo "[INFO] beat (${ADHOC_IMAGE##*:}): Starting..."
while true; do
  sleep 10
  echo "[INFO] Scheduler: Sending due task refresh (blog.tasks.refresh)"
done"#;

const WEB_UI: &str = r#"echo "Listening on http://0.0.0.0:3000 (${ADHOC_IMAGE##*:})"
while true; do
  sleep 5
  echo "GET / 200 in 3ms"
done"#;

fn script(role: &str) -> Option<&'static str> {
    match role {
        "migrate" => Some(MIGRATE),
        "collectstatic" => Some(COLLECTSTATIC),
        "gunicorn" => Some(GUNICORN),
        "default" => Some(WORKER),
        "beat" => Some(BEAT),
        "web-ui" => Some(WEB_UI),
        _ => None,
    }
}

fn tag(key: &str, value: &str) -> Value {
    json!({"key": key, "value": value})
}

impl World {
    /// Makes an environment; nothing happens if its cluster is there already.
    pub(crate) fn create_environment(&mut self, spec: &EnvironmentSpec, logs: &LogStore, now: u64) {
        let cluster = format!("{}-cluster", spec.name);
        if self.environments.contains(&spec.name) || self.clusters.get(&cluster).is_some_and(|cluster| cluster.active) {
            return;
        }
        self.environments.push(spec.name.clone());
        self.clusters.insert(cluster.clone(), self.environment_cluster(spec, &cluster, now));
        for role in TASK_ROLES.into_iter().chain(SERVICE_ROLES).filter(|role| spec.has(role)) {
            logs.create_group(&format!("/ecs/{}/{role}", spec.name), now);
            let request = self.family(spec, role);
            let definition = self.register(&request, vec![tag("env", &spec.name)], now);
            if SERVICE_ROLES.contains(&role) {
                let key = (cluster.clone(), format!("{}-{role}", spec.name));
                let desired = usize::try_from(spec.desired_count(role)).unwrap_or(0);
                let input = self.service_request(spec, role);
                self.insert_service(&key, definition.arn().to_owned(), desired, &input, now);
            }
        }
    }

    fn environment_cluster(&self, spec: &EnvironmentSpec, name: &str, now: u64) -> Cluster {
        let time = |offset_ms: u64| {
            let ms = i64::try_from(now + offset_ms).unwrap_or(i64::MAX);
            jiff::Timestamp::from_second(ms / 1000).map(|time| time.to_string()).unwrap_or_default()
        };
        const FIVE_DAYS_MS: u64 = 5 * 86_400_000;
        let created = spec.created_at.clone().unwrap_or_else(|| time(0));
        let expires = spec.expires_at.clone().unwrap_or_else(|| time(FIVE_DAYS_MS));
        Cluster {
            name: name.to_owned(),
            active: true,
            settings: vec![json!({"name": "containerInsights", "value": "disabled"})],
            capacity_providers: json!(["FARGATE", "FARGATE_SPOT"]),
            default_strategy: json!([{"capacityProvider": "FARGATE_SPOT", "weight": 1, "base": 0}]),
            extras: json!({}),
            tags: vec![
                tag("env", &self.topology.shared),
                tag("adhoc:owner", &spec.owner),
                tag("adhoc:created-at", &created),
                tag("adhoc:expires-at", &expires),
            ],
        }
    }

    fn family(&self, spec: &EnvironmentSpec, role: &str) -> Value {
        let registry = format!("{}.dkr.ecr.{}.amazonaws.com", self.account, self.region);
        let image = match role {
            "redis" => "redis:7".to_owned(),
            "web-ui" => format!("{registry}/frontend:{}", spec.image_tag),
            _ => format!("{registry}/backend:{}", spec.image_tag),
        };
        let mut container = json!({
            "name": role,
            "image": image,
            "essential": true,
            "environment": [{"name": "ENVIRONMENT", "value": spec.name}],
            "logConfiguration": {
                "logDriver": "awslogs",
                "options": {
                    "awslogs-group": format!("/ecs/{}/{role}", spec.name),
                    "awslogs-region": self.region,
                    "awslogs-stream-prefix": role,
                },
            },
        });
        if let Some(script) = script(role) {
            container["command"] = json!(["sh", "-c", script]);
        }
        let port = match role {
            "gunicorn" => Some(8000),
            "web-ui" => Some(3000),
            "redis" => Some(6379),
            _ => None,
        };
        if let Some(port) = port {
            container["portMappings"] = json!([{"containerPort": port, "hostPort": port, "protocol": "tcp"}]);
        }
        json!({
            "family": format!("{}-{role}", spec.name),
            "taskRoleArn": format!("arn:aws:iam::{}:role/{}-ecs-task", self.account, self.topology.shared),
            "executionRoleArn": format!("arn:aws:iam::{}:role/{}-ecs-execution", self.account, self.topology.shared),
            "networkMode": "awsvpc",
            "containerDefinitions": [container],
            "requiresCompatibilities": ["FARGATE"],
            "cpu": "256",
            "memory": "512",
            "runtimePlatform": {"cpuArchitecture": "X86_64", "operatingSystemFamily": "LINUX"},
        })
    }

    fn service_request(&self, spec: &EnvironmentSpec, role: &str) -> Value {
        let groups: Vec<&str> = self.topology.groups.iter().map(|(id, _)| id.as_str()).collect();
        let mut request = json!({
            "networkConfiguration": {"awsvpcConfiguration": {
                "subnets": self.topology.private_subnets(),
                "securityGroups": groups,
                "assignPublicIp": "DISABLED",
            }},
            "deploymentConfiguration": {
                "deploymentCircuitBreaker": {"enable": spec.circuit_breaker, "rollback": spec.circuit_breaker},
                "maximumPercent": 200,
                "minimumHealthyPercent": 100,
            },
            "enableExecuteCommand": true,
            "propagateTags": "NONE",
            "tags": [tag("env", &spec.name)],
        });
        match &spec.launch_type {
            Some(launch_type) => request["launchType"] = launch_type.as_str().into(),
            None => {
                request["capacityProviderStrategy"] = json!([
                    {"capacityProvider": "FARGATE_SPOT", "weight": 1, "base": 0},
                    {"capacityProvider": "FARGATE", "weight": 0, "base": 0},
                ]);
            }
        }
        if let Some(controller) = spec.deployment_controllers.get(role) {
            request["deploymentController"] = json!({"type": controller});
        }
        request
    }

    /// Takes an environment away. Returns the ids of its tasks, whose processes are to be killed.
    pub(crate) fn remove_environment(&mut self, name: &str, logs: &LogStore) -> Vec<String> {
        let cluster = format!("{name}-cluster");
        self.environments.retain(|other| other != name);
        self.clusters.remove(&cluster);
        self.services.retain(|(owner, _), _| *owner != cluster);
        for role in TASK_ROLES.into_iter().chain(SERVICE_ROLES) {
            self.definitions.remove(&format!("{name}-{role}"));
        }
        logs.remove_groups(&format!("/ecs/{name}/"));
        let gone: Vec<(u64, String)> = self
            .tasks
            .iter()
            .filter(|(_, task)| task.cluster == cluster)
            .map(|(n, task)| (*n, task.id.clone()))
            .collect();
        for (serial, id) in &gone {
            self.tasks.remove(serial);
            self.task_ids.remove(id);
        }
        gone.into_iter().map(|(_, id)| id).collect()
    }
}
