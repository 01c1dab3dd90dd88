//! How things are named on AWS, and of what a component consists. Everything has a default and can be replaced.

use std::collections::BTreeMap;

use crate::{
    ClusterName, ContainerName, DatabaseName, EnvironmentName, Error, Family, ImageChange, ImageReference, Result,
    RoleName, ServiceName,
};

/// The naming conventions and components of one project.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Conventions {
    /// The shared environment, `dev` by default.
    pub shared: String,
    /// The templates of names.
    pub names: NameTemplates,
    /// The components by name.
    pub components: BTreeMap<String, Component>,
    /// The tag of images that only hold a place: never a rollback target. `placeholder` by default.
    pub placeholder_tag: String,
}

/// Templates of AWS names, with `{env}`, `{role}` and `{shared}`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NameTemplates {
    /// The cluster: `{env}-cluster`.
    pub cluster: String,
    /// A task family: `{env}-{role}`.
    pub family: String,
    /// A service: `{env}-{role}`.
    pub service: String,
    /// The container to change: `{role}`.
    pub container: String,
    /// The `Name` tag of subnets for one-off tasks: `*private*`; they also carry the tag `env={shared}`.
    pub subnets: String,
    /// The `Name` tag of the security group for one-off tasks: `{shared}-ecs-sg`.
    pub security_group: String,
    /// The RDS instance: `{shared}-rds`.
    pub rds_instance: String,
    /// The `Name` tag of the bastion: `{shared}-bastion`.
    pub bastion: String,
    /// An environment's database: `{env}-db`.
    pub database: String,
    /// The role that owns it: `{env}`.
    pub database_role: String,
    /// The secret that keeps the role's password: `{env}-db`.
    pub database_secret: String,
}

impl Default for NameTemplates {
    fn default() -> Self {
        Self {
            cluster: "{env}-cluster".to_owned(),
            family: "{env}-{role}".to_owned(),
            service: "{env}-{role}".to_owned(),
            container: "{role}".to_owned(),
            subnets: "*private*".to_owned(),
            security_group: "{shared}-ecs-sg".to_owned(),
            rds_instance: "{shared}-rds".to_owned(),
            bastion: "{shared}-bastion".to_owned(),
            database: "{env}-db".to_owned(),
            database_role: "{env}".to_owned(),
            database_secret: "{env}-db".to_owned(),
        }
    }
}

/// A part of the application that is updated as one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Component {
    /// The image repository's name.
    pub repository: String,
    /// The registry that its images come from, such as that of another account; none keeps whatever the task definitions have.
    pub registry: Option<String>,
    /// The roles of one-off tasks that run, in order, before services are rolled.
    pub pre_update: Vec<String>,
    /// The roles of its services.
    pub services: Vec<String>,
    /// At which count a stopped service is started, by role. 1 where nothing is said.
    pub desired_count: BTreeMap<String, u32>,
}

impl Component {
    /// A component.
    pub fn new(repository: impl Into<String>, pre_update: &[&str], services: &[&str]) -> Self {
        let owned = |roles: &[&str]| roles.iter().map(|role| (*role).to_owned()).collect();
        Self {
            repository: repository.into(),
            registry: None,
            pre_update: owned(pre_update),
            services: owned(services),
            desired_count: BTreeMap::new(),
        }
    }

    /// Sets at which count a stopped service is started.
    #[must_use]
    pub fn with_desired_count(mut self, role: impl Into<String>, count: u32) -> Self {
        self.desired_count.insert(role.into(), count);
        self
    }

    /// Takes its images from this registry.
    #[must_use]
    pub fn with_registry(mut self, registry: Option<String>) -> Self {
        self.registry = registry;
        self
    }

    /// The change of image as it is for this component: a tag is looked for in its registry, where it has one.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] if registry and repository make no image reference.
    pub fn image_change(&self, change: &ImageChange) -> Result<ImageChange> {
        match (&self.registry, change) {
            (Some(registry), ImageChange::Tag(tag)) => {
                let repository: ImageReference = format!("{registry}/{}", self.repository).parse()?;
                Ok(ImageChange::Reference(repository.at_tag(tag)))
            }
            _ => Ok(change.clone()),
        }
    }

    /// All roles, each once: one-off tasks first.
    #[must_use]
    pub fn roles(&self) -> Vec<&str> {
        let mut roles: Vec<&str> = Vec::new();
        for role in self.pre_update.iter().chain(&self.services) {
            if !roles.contains(&role.as_str()) {
                roles.push(role);
            }
        }
        roles
    }
}

impl Default for Conventions {
    fn default() -> Self {
        let components = [
            ("backend", Component::new("backend", &["migrate"], &["gunicorn", "default", "beat"])),
            ("frontend", Component::new("frontend", &[], &["web-ui"])),
        ];
        Self {
            shared: "dev".to_owned(),
            names: NameTemplates::default(),
            components: components.into_iter().map(|(name, component)| (name.to_owned(), component)).collect(),
            placeholder_tag: "placeholder".to_owned(),
        }
    }
}

impl Conventions {
    /// The component of that name.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] that lists the components there are.
    pub fn component(&self, name: &str) -> Result<&Component> {
        self.components.get(name).ok_or_else(|| {
            let known: Vec<&str> = self.components.keys().map(String::as_str).collect();
            Error::invalid("", format!("component {name:?}"), "is not defined")
                .with_hint(format!("the components are: {}", known.join(", ")))
        })
    }

    /// The cluster of an environment.
    #[must_use]
    pub fn cluster(&self, env: &EnvironmentName) -> ClusterName {
        ClusterName::new(self.fill(&self.names.cluster, env.as_str(), ""))
    }

    /// The environment whose cluster this is; none if the name does not follow the template.
    #[must_use]
    pub fn environment_of_cluster(&self, cluster: &ClusterName) -> Option<EnvironmentName> {
        let short = cluster.as_str().rsplit('/').next().unwrap_or_default();
        placed(&self.fill(&self.names.cluster, "{env}", ""), "{env}", short)?.parse().ok()
    }

    /// The role of an environment's service; none if the name does not follow the template.
    #[must_use]
    pub fn role_of_service(&self, env: &EnvironmentName, service: &ServiceName) -> Option<String> {
        let template = self.fill(&self.names.service, env.as_str(), "{role}");
        placed(&template, "{role}", service.as_str()).filter(|role| !role.is_empty()).map(str::to_owned)
    }

    /// The task family of a role.
    #[must_use]
    pub fn family(&self, env: &EnvironmentName, role: &str) -> Family {
        Family::new(self.fill(&self.names.family, env.as_str(), role))
    }

    /// The service of a role.
    #[must_use]
    pub fn service(&self, env: &EnvironmentName, role: &str) -> ServiceName {
        ServiceName::new(self.fill(&self.names.service, env.as_str(), role))
    }

    /// The container of a role whose image changes.
    #[must_use]
    pub fn container(&self, env: &EnvironmentName, role: &str) -> ContainerName {
        ContainerName::new(self.fill(&self.names.container, env.as_str(), role))
    }

    /// The tags of the subnets for one-off tasks.
    #[must_use]
    pub fn subnet_tags(&self) -> Vec<(String, String)> {
        let name = self.fill(&self.names.subnets, "", "");
        vec![("env".to_owned(), self.shared.clone()), ("Name".to_owned(), name)]
    }

    /// The tags of the security group for one-off tasks.
    #[must_use]
    pub fn security_group_tags(&self) -> Vec<(String, String)> {
        vec![("Name".to_owned(), self.fill(&self.names.security_group, "", ""))]
    }

    /// The identifier of the RDS instance.
    #[must_use]
    pub fn rds_instance(&self) -> String {
        self.fill(&self.names.rds_instance, "", "")
    }

    /// The `Name` tag of the bastion.
    #[must_use]
    pub fn bastion(&self) -> String {
        self.fill(&self.names.bastion, "", "")
    }

    /// An environment's database.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] if the template makes a name that Postgres would cut or that needs escaping.
    pub fn database(&self, env: &EnvironmentName) -> Result<DatabaseName> {
        self.fill(&self.names.database, env.as_str(), "").parse()
    }

    /// The role that owns an environment's database.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] if the template makes a name that Postgres would cut or that needs escaping.
    pub fn database_role(&self, env: &EnvironmentName) -> Result<RoleName> {
        self.fill(&self.names.database_role, env.as_str(), "").parse()
    }

    /// The secret that keeps the password of an environment's role.
    #[must_use]
    pub fn database_secret(&self, env: &EnvironmentName) -> String {
        self.fill(&self.names.database_secret, env.as_str(), "")
    }

    fn fill(&self, template: &str, env: &str, role: &str) -> String {
        template.replace("{env}", env).replace("{role}", role).replace("{shared}", &self.shared)
    }
}

/// What stands in `text` where the template has the placeholder; none if it does not follow the template.
fn placed<'a>(template: &str, placeholder: &str, text: &'a str) -> Option<&'a str> {
    let begin = template.find(placeholder)?;
    let fixed = template.replace(placeholder, "").len();
    let length = text.len().checked_sub(fixed)? / template.matches(placeholder).count();
    let value = text.get(begin..begin + length)?;
    (template.replace(placeholder, value) == text).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_those_of_the_design() {
        let conventions = Conventions::default();
        let alpha: EnvironmentName = "alpha".parse().expect("valid");
        assert_eq!(conventions.cluster(&alpha).as_str(), "alpha-cluster");
        assert_eq!(conventions.family(&alpha, "gunicorn").as_str(), "alpha-gunicorn");
        assert_eq!(conventions.container(&alpha, "gunicorn").as_str(), "gunicorn");
        assert_eq!(conventions.security_group_tags(), [("Name".to_owned(), "dev-ecs-sg".to_owned())]);
        let database =
            (conventions.database(&alpha).expect("valid"), conventions.database_role(&alpha).expect("valid"));
        assert_eq!((database.0.as_str(), database.1.as_str()), ("alpha-db", "alpha"));
        assert_eq!((conventions.rds_instance().as_str(), conventions.bastion().as_str()), ("dev-rds", "dev-bastion"));
        let backend = conventions.component("backend").expect("built in");
        assert_eq!(backend.roles(), ["migrate", "gunicorn", "default", "beat"]);
    }

    #[test]
    fn a_registry_is_for_tags_only() {
        let here =
            Component::new("team/api", &[], &["web"]).with_registry(Some("123.dkr.ecr.r.amazonaws.com".to_owned()));
        let tag = ImageChange::Tag("v2".parse().expect("a tag"));
        let image = here.image_change(&tag).expect("valid").apply("elsewhere/api:v1@x").expect("valid");
        assert_eq!(image, "123.dkr.ecr.r.amazonaws.com/team/api:v2");
        assert_eq!(here.image_change(&ImageChange::Keep).expect("valid"), ImageChange::Keep);
        assert_eq!(Component::default().image_change(&tag).expect("valid"), tag);
    }

    #[test]
    fn an_unknown_component_names_the_known_ones() {
        let error = Conventions::default().component("backendd").expect_err("unknown");
        assert_eq!(error.detail().hint.as_deref(), Some("the components are: backend, frontend"));
    }

    #[test]
    fn a_cluster_tells_its_environment() {
        let mut conventions = Conventions::default();
        let of = |conventions: &Conventions, cluster: &str| {
            conventions.environment_of_cluster(&cluster.into()).map(|name| name.to_string())
        };
        assert_eq!(of(&conventions, "alpha-cluster").as_deref(), Some("alpha"));
        assert_eq!(of(&conventions, "arn:aws:ecs:r:1:cluster/pr-42-cluster").as_deref(), Some("pr-42"));
        for foreign in ["alpha", "-cluster", "cluster", "Alpha-cluster", "default-cluster", "alpha-cluster-2", ""] {
            assert_eq!(of(&conventions, foreign), None, "{foreign}");
        }
        conventions.names.cluster = "{shared}/{env}-and-{env}".to_owned();
        assert_eq!(of(&conventions, "dev/beta-and-beta"), None, "what follows a slash is the name");
        conventions.names.cluster = "{shared}-{env}-and-{env}".to_owned();
        assert_eq!(of(&conventions, "dev-beta-and-beta").as_deref(), Some("beta"));
        assert_eq!(of(&conventions, "dev-beta-and-bets"), None);
        assert_eq!(of(&conventions, "devébeta-and-beta"), None);
    }

    #[test]
    fn a_service_tells_its_role() {
        let (conventions, alpha) = (Conventions::default(), "alpha".parse().expect("valid"));
        let role = |service: &str| conventions.role_of_service(&alpha, &service.into());
        assert_eq!(role("alpha-web-ui").as_deref(), Some("web-ui"));
        assert_eq!((role("beta-web-ui"), role("alpha-"), role("redis")), (None, None, None));
    }
}
