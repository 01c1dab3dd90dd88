//! What to update, and how.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use adhoc_core::{Component, Context, ImageChange, Result, Service, async_trait};

use crate::resolve::Environment;

/// Something that must be before the first pre-update task runs, such as an environment's database.
#[async_trait]
pub trait Preparation: Send + Sync {
    /// What it is, such as `database alpha-db`; also the name of its step.
    fn name(&self) -> &str;

    /// Makes it, if it is not there. Must be safe to repeat, since every update does.
    ///
    /// # Errors
    ///
    /// Any; the update then ends with nothing registered and no service touched.
    async fn prepare(&self, cx: &Context) -> Result<()>;

    /// Whether it is needed even where no pre-update task runs. Default: no.
    fn is_always_needed(&self) -> bool {
        false
    }
}

/// What to update, and how.
#[derive(Clone)]
#[non_exhaustive]
pub struct UpdateRequest {
    /// The environment.
    pub environment: Environment,
    /// The component's name in the conventions.
    pub component: String,
    /// The image that its containers get.
    pub image: ImageChange,
    /// Stop after resolving.
    pub dry_run: bool,
    /// Do not run the component's pre-update tasks.
    pub skip_pre_update: bool,
    /// What must be there before the first pre-update task, in order.
    pub preparations: Vec<Arc<dyn Preparation>>,
    /// Counts to set whatever the services have now.
    pub desired_count: DesiredCount,
    /// How long the whole update may take. Default 30 minutes.
    pub timeout: Duration,
}

impl fmt::Debug for UpdateRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let preparations: Vec<&str> = self.preparations.iter().map(|preparation| preparation.name()).collect();
        f.debug_struct("UpdateRequest")
            .field("environment", &self.environment)
            .field("component", &self.component)
            .field("image", &self.image)
            .field("dry_run", &self.dry_run)
            .field("skip_pre_update", &self.skip_pre_update)
            .field("preparations", &preparations)
            .field("desired_count", &self.desired_count)
            .field("timeout", &self.timeout)
            .finish()
    }
}

/// Counts that the caller sets. Without one, a stopped service starts at its component's count, else at 1, and a running
/// one keeps its count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DesiredCount {
    /// For every service.
    pub all: Option<u32>,
    /// For the service of a role; wins over `all`.
    pub by_role: BTreeMap<String, u32>,
}

impl UpdateRequest {
    /// An update with the defaults.
    pub fn new(environment: Environment, component: impl Into<String>, image: ImageChange) -> Self {
        Self {
            environment,
            component: component.into(),
            image,
            dry_run: false,
            skip_pre_update: false,
            preparations: Vec::new(),
            desired_count: DesiredCount::default(),
            timeout: Duration::from_secs(30 * 60),
        }
    }

    /// Stops after resolving.
    #[must_use]
    pub fn with_dry_run(mut self, dry_run: bool) -> Self {
        self.dry_run = dry_run;
        self
    }

    /// Leaves the pre-update tasks out.
    #[must_use]
    pub fn with_skip_pre_update(mut self, skip: bool) -> Self {
        self.skip_pre_update = skip;
        self
    }

    /// Makes sure of something before the first pre-update task; without one, or if they are skipped, only what is always
    /// needed is made sure of, before any service is touched.
    #[must_use]
    pub fn with_preparation(mut self, preparation: Arc<dyn Preparation>) -> Self {
        self.preparations.push(preparation);
        self
    }

    /// Sets counts whatever the services have now.
    #[must_use]
    pub fn with_desired_count(mut self, count: DesiredCount) -> Self {
        self.desired_count = count;
        self
    }

    /// Sets how long the whole update may take.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    pub(super) fn component(&self) -> Result<&Component> {
        self.environment.conventions.component(&self.component)
    }

    pub(super) fn pre_update<'a>(&self, component: &'a Component) -> &'a [String] {
        if self.skip_pre_update { &[] } else { &component.pre_update }
    }

    /// The count to set on a service: what the caller says, else a start for a stopped one.
    pub(super) fn count_for(&self, component: &Component, role: &str, service: &Service) -> Option<u32> {
        if service.daemon {
            return None;
        }
        let asked = self.desired_count.by_role.get(role).copied().or(self.desired_count.all);
        let start = || (service.desired_count == 0).then(|| component.desired_count.get(role).copied().unwrap_or(1));
        asked.or_else(start)
    }
}

#[cfg(test)]
mod tests {
    use adhoc_core::{Conventions, TaskDefinitionArn};

    use super::*;

    #[test]
    fn counts_are_asked_for_or_start_what_is_stopped_and_a_daemon_has_none() {
        let environment = Environment::new("alpha".parse().expect("valid"), Conventions::default());
        let request = UpdateRequest::new(environment, "backend", ImageChange::Keep);
        let component = Component::new("backend", &[], &["web", "beat"]).with_desired_count("web", 3);
        let service = |desired| Service::new("s".into(), TaskDefinitionArn::new("a")).with_counts(desired, desired, 0);
        assert_eq!(request.count_for(&component, "web", &service(0)), Some(3));
        assert_eq!(request.count_for(&component, "beat", &service(0)), Some(1));
        assert_eq!(request.count_for(&component, "web", &service(2)), None);
        let mut daemon = service(0);
        daemon.daemon = true;
        let asked = request.with_desired_count(DesiredCount { all: Some(5), by_role: BTreeMap::new() });
        assert_eq!(asked.count_for(&component, "web", &service(2)), Some(5));
        assert_eq!(asked.count_for(&component, "web", &daemon), None);
    }
}
