//! What an environment is made of, named as the project's conventions have it.

use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// Roles that are one-off tasks.
pub(crate) const TASK_ROLES: [&str; 2] = ["migrate", "collectstatic"];
/// Roles that are services.
pub(crate) const SERVICE_ROLES: [&str; 5] = ["gunicorn", "default", "beat", "web-ui", "redis"];

/// An environment as Terraform would make it: cluster, task definitions, services, log groups and tags.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "RawEnvironment")]
#[non_exhaustive]
pub struct EnvironmentSpec {
    /// Its name, as in `alpha-cluster`.
    pub name: String,
    /// The tag of its `backend` and `frontend` images; default `placeholder`.
    pub image_tag: String,
    /// Desired counts by role; default 0, and 1 for `redis`.
    pub desired_counts: BTreeMap<String, u32>,
    /// Roles that it does not have.
    pub without: BTreeSet<String>,
    /// Deployment controllers other than `ECS`, by role.
    pub deployment_controllers: BTreeMap<String, String>,
    /// Whether its services have the deployment circuit breaker, with rollback; default true.
    pub circuit_breaker: bool,
    /// A launch type for its services; default is a capacity provider strategy of FARGATE_SPOT and FARGATE.
    pub launch_type: Option<String>,
    /// Cluster tag `adhoc:owner`; default `nobody`.
    pub owner: String,
    /// Cluster tag `adhoc:created-at`; default is now.
    pub created_at: Option<String>,
    /// Cluster tag `adhoc:expires-at`; default is five days from now.
    pub expires_at: Option<String>,
}

impl EnvironmentSpec {
    /// An environment of this name, freshly made: placeholder images, nothing running but `redis`.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            image_tag: "placeholder".to_owned(),
            desired_counts: BTreeMap::new(),
            without: BTreeSet::new(),
            deployment_controllers: BTreeMap::new(),
            circuit_breaker: true,
            launch_type: None,
            owner: "nobody".to_owned(),
            created_at: None,
            expires_at: None,
        }
    }

    /// Starts at a real image tag.
    #[must_use]
    pub fn with_image_tag(mut self, tag: impl Into<String>) -> Self {
        self.image_tag = tag.into();
        self
    }

    /// Starts the service of `role` with so many tasks.
    #[must_use]
    pub fn with_desired_count(mut self, role: impl Into<String>, count: u32) -> Self {
        self.desired_counts.insert(role.into(), count);
        self
    }

    /// Leaves out the family, and the service, of `role`.
    #[must_use]
    pub fn without_role(mut self, role: impl Into<String>) -> Self {
        self.without.insert(role.into());
        self
    }

    /// Gives the service of `role` a deployment controller, `CODE_DEPLOY` or `EXTERNAL`.
    #[must_use]
    pub fn with_deployment_controller(mut self, role: impl Into<String>, controller: impl Into<String>) -> Self {
        self.deployment_controllers.insert(role.into(), controller.into());
        self
    }

    /// Sets whether the services have the circuit breaker with rollback.
    #[must_use]
    pub fn with_circuit_breaker(mut self, enabled: bool) -> Self {
        self.circuit_breaker = enabled;
        self
    }

    /// Gives the services a launch type, `FARGATE`, in place of a capacity provider strategy.
    #[must_use]
    pub fn with_launch_type(mut self, launch_type: impl Into<String>) -> Self {
        self.launch_type = Some(launch_type.into());
        self
    }

    /// Sets the tag `adhoc:owner`.
    #[must_use]
    pub fn with_owner(mut self, owner: impl Into<String>) -> Self {
        self.owner = owner.into();
        self
    }

    /// Sets the tag `adhoc:created-at`, RFC 3339.
    #[must_use]
    pub fn with_created_at(mut self, time: impl Into<String>) -> Self {
        self.created_at = Some(time.into());
        self
    }

    /// Sets the tag `adhoc:expires-at`, RFC 3339.
    #[must_use]
    pub fn with_expires_at(mut self, time: impl Into<String>) -> Self {
        self.expires_at = Some(time.into());
        self
    }

    pub(crate) fn desired_count(&self, role: &str) -> u32 {
        self.desired_counts.get(role).copied().unwrap_or(u32::from(role == "redis"))
    }

    pub(crate) fn has(&self, role: &str) -> bool {
        !self.without.contains(role)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEnvironment {
    name: String,
    image_tag: Option<String>,
    #[serde(default)]
    desired_counts: BTreeMap<String, u32>,
    #[serde(default)]
    without: BTreeSet<String>,
    #[serde(default)]
    deployment_controllers: BTreeMap<String, String>,
    circuit_breaker: Option<bool>,
    launch_type: Option<String>,
    owner: Option<String>,
    created_at: Option<String>,
    expires_at: Option<String>,
}

fn check_role(role: &str) -> Result<(), String> {
    if SERVICE_ROLES.contains(&role) || TASK_ROLES.contains(&role) {
        return Ok(());
    }
    Err(format!("unknown role `{role}`, expected one of {}, {}", TASK_ROLES.join(", "), SERVICE_ROLES.join(", ")))
}

impl TryFrom<RawEnvironment> for EnvironmentSpec {
    type Error = String;

    fn try_from(raw: RawEnvironment) -> Result<Self, String> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let starts_well = raw.name.starts_with(|c: char| c.is_ascii_lowercase());
        if !starts_well || !raw.name.bytes().all(plain) || raw.name.len() > 28 {
            return Err(format!("`{}` is not an environment name: [a-z][a-z0-9-]{{0,27}}", raw.name));
        }
        raw.desired_counts
            .keys()
            .chain(&raw.without)
            .chain(raw.deployment_controllers.keys())
            .try_for_each(|role| check_role(role))?;
        let base = Self::new(raw.name);
        Ok(Self {
            image_tag: raw.image_tag.unwrap_or(base.image_tag),
            desired_counts: raw.desired_counts,
            without: raw.without,
            deployment_controllers: raw.deployment_controllers,
            circuit_breaker: raw.circuit_breaker.unwrap_or(true),
            launch_type: raw.launch_type,
            owner: raw.owner.unwrap_or(base.owner),
            created_at: raw.created_at,
            expires_at: raw.expires_at,
            ..Self::new(base.name)
        })
    }
}
