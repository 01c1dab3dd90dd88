//! Task definitions as the raw JSON documents that ECS sends, so that members newer than any SDK survive.

use async_trait::async_trait;
use serde_json::{Map, Value};

use crate::{ContainerName, Family, Result, TaskDefinitionArn};

/// Registers and reads task definitions.
///
/// # Contract
///
/// Documents pass through verbatim: an implementation neither adds, drops nor reorders members, and knows no schema.
/// Registering is not idempotent (each call makes a revision), so an implementation retries it only when ECS says that
/// nothing was made. Implementations may be called concurrently, for different families.
///
/// See <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskDefinition.html>.
#[cfg_attr(feature = "test-util", mockall::automock)]
#[async_trait]
pub trait TaskDefinitions: Send + Sync {
    /// Reads a definition with its tags, by family (the newest ACTIVE revision), `family:revision`, or ARN.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`](crate::Error::NotFound) where there is no such revision, or no ACTIVE one in the family.
    async fn describe(&self, reference: &str) -> Result<TaskDefinition>;

    /// Registers a new revision from the input document of `RegisterTaskDefinition` (`family`,
    /// `containerDefinitions`, ...) and returns it as registered.
    ///
    /// # Errors
    ///
    /// [`Error::Rejected`](crate::Error::Rejected) with ECS's reason. Cancelling may leave the revision registered.
    async fn register(&self, input: &Map<String, Value>) -> Result<TaskDefinition>;

    /// Makes a revision INACTIVE: running tasks go on, new deployments of it are refused.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`](crate::Error::NotFound) where there is no such revision.
    async fn deregister(&self, arn: &TaskDefinitionArn) -> Result<()>;
}

/// One revision: the `taskDefinition` member of `DescribeTaskDefinition`'s reply, and its `tags`.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct TaskDefinition {
    /// The document, as ECS sent it.
    pub document: Map<String, Value>,
    /// The tags, as ECS sent them: objects with `key` and `value`.
    pub tags: Vec<Value>,
}

impl TaskDefinition {
    /// A revision from its parts.
    #[must_use]
    pub fn new(document: Map<String, Value>, tags: Vec<Value>) -> Self {
        Self { document, tags }
    }

    /// The ARN of this revision.
    #[must_use]
    pub fn arn(&self) -> TaskDefinitionArn {
        TaskDefinitionArn::new(self.text("taskDefinitionArn"))
    }

    /// Its family.
    #[must_use]
    pub fn family(&self) -> Family {
        Family::new(self.text("family"))
    }

    /// Whether it can be deployed.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.text("status") == "ACTIVE"
    }

    /// The names of its containers, in their order.
    #[must_use]
    pub fn container_names(&self) -> Vec<&str> {
        self.containers().filter_map(|container| container.get("name")?.as_str()).collect()
    }

    /// The definition of one container.
    #[must_use]
    pub fn container(&self, name: &ContainerName) -> Option<&Map<String, Value>> {
        self.containers().find(|container| container.get("name").and_then(Value::as_str) == Some(name.as_str()))
    }

    /// The image of one container.
    #[must_use]
    pub fn image(&self, name: &ContainerName) -> Option<&str> {
        self.container(name)?.get("image")?.as_str()
    }

    /// Where one container's output goes, if it goes to CloudWatch Logs through the `awslogs` driver with a stream
    /// prefix (which Fargate requires).
    #[must_use]
    pub fn log_configuration(&self, name: &ContainerName) -> Option<LogConfiguration> {
        let configuration = self.container(name)?.get("logConfiguration")?;
        if configuration.get("logDriver")?.as_str()? != "awslogs" {
            return None;
        }
        let option = |key: &str| Some(configuration.get("options")?.get(key)?.as_str()?.to_owned());
        Some(LogConfiguration {
            group: option("awslogs-group")?,
            prefix: option("awslogs-stream-prefix")?,
            region: option("awslogs-region"),
        })
    }

    fn containers(&self) -> impl Iterator<Item = &Map<String, Value>> {
        let containers = self.document.get("containerDefinitions").and_then(Value::as_array);
        containers.into_iter().flatten().filter_map(Value::as_object)
    }

    fn text(&self, member: &str) -> &str {
        self.document.get(member).and_then(Value::as_str).unwrap_or_default()
    }
}

/// The `awslogs` options of a container.
///
/// See <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using_awslogs.html>.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogConfiguration {
    /// The log group.
    pub group: String,
    /// The stream prefix.
    pub prefix: String,
    /// The region, which may differ from the cluster's; none means the cluster's.
    pub region: Option<String>,
}

impl LogConfiguration {
    /// A configuration in the cluster's region.
    pub fn new(group: impl Into<String>, prefix: impl Into<String>) -> Self {
        Self { group: group.into(), prefix: prefix.into(), region: None }
    }

    /// Names another region.
    #[must_use]
    pub fn with_region(mut self, region: Option<String>) -> Self {
        self.region = region;
        self
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn log_configuration_is_read_not_assumed() {
        let document = json!({"containerDefinitions": [
            {"name": "app", "logConfiguration": {"logDriver": "awslogs", "options": {
                "awslogs-group": "/g", "awslogs-stream-prefix": "p", "awslogs-region": "eu-west-1"}}},
            {"name": "sidecar", "logConfiguration": {"logDriver": "awsfirelens", "options": {"Name": "x"}}},
            {"name": "quiet"}
        ]});
        let definition = TaskDefinition::new(document.as_object().expect("object").clone(), Vec::new());
        let logs = definition.log_configuration(&"app".into()).expect("awslogs");
        assert_eq!((logs.group.as_str(), logs.prefix.as_str(), logs.region.as_deref()), ("/g", "p", Some("eu-west-1")));
        assert_eq!(definition.log_configuration(&"sidecar".into()), None);
        assert_eq!(definition.log_configuration(&"quiet".into()), None);
        assert_eq!(definition.container_names(), ["app", "sidecar", "quiet"]);
    }
}
