//! How things are named on AWS, and of what a component consists. Everything has a default and can be replaced.

use std::collections::BTreeMap;

use crate::{ClusterName, ContainerName, DatabaseName, EnvironmentName, Error, Family, Result, RoleName, ServiceName};

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
    fn an_unknown_component_names_the_known_ones() {
        let error = Conventions::default().component("backendd").expect_err("unknown");
        assert_eq!(error.detail().hint.as_deref(), Some("the components are: backend, frontend"));
    }
}
