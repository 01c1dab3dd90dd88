//! `adhoc.toml`: how one project names things, and of what its components consist.

mod cost;
mod database;
mod environments;
mod health;
mod lifecycle;
mod maintenance;
mod notifications;
mod terraform;

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::ops::Range;
use std::path::{Path, PathBuf};

use adhoc_core::{Component, Conventions, EnvironmentName, Error, ImageReference, ImageTag, Result};
use serde::Deserialize;
use toml::Spanned;

use self::cost::{CostConfig, CostTable};
use self::database::DatabaseTable;
pub(crate) use self::database::{AdminAuth, BastionKind, DatabaseConfig, SshConfig, TlsMode};
pub(crate) use self::environments::Account;
use self::environments::{Accounts, EnvironmentTable, accounts};
pub(crate) use self::health::HealthConfig;
use self::health::HealthTable;
use self::lifecycle::{LifecycleConfig, LifecycleTable};
use self::maintenance::{MaintenanceConfig, MaintenanceTable};
pub(crate) use self::notifications::NotificationsConfig;
use self::notifications::NotificationsTable;
use self::terraform::{TerraformConfig, TerraformTable};

/// The file that is read when no other is named.
pub(crate) const DEFAULT_FILE: &str = "adhoc.toml";

/// What a project says about itself.
#[derive(Debug, Clone, Default)]
pub(crate) struct Config {
    /// The project.
    pub(crate) project: Project,
    /// Names and components, with the built-in ones where the file is silent.
    pub(crate) conventions: Conventions,
    /// The server that holds the environments' databases, if the file has `[database]`.
    pub(crate) database: Option<DatabaseConfig>,
    /// How Terraform is called, and on what.
    pub(crate) terraform: TerraformConfig,
    /// How long environments live.
    pub(crate) lifecycle: LifecycleConfig,
    /// By what an environment that was made is seen to answer.
    pub(crate) health: HealthConfig,
    /// What is answered instead of the application.
    pub(crate) maintenance: MaintenanceConfig,
    /// Who is told of what.
    pub(crate) notifications: NotificationsConfig,
    /// In which account each environment is.
    accounts: Accounts,
    /// The account of the environment that this is about.
    pub(crate) account: Account,
    /// Where prices are from.
    pub(crate) cost: CostConfig,
}

/// The parts of `[project]` that are no naming convention.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Project {
    /// The project's name.
    pub(crate) name: Option<String>,
    /// The domain under which environments are reached.
    pub(crate) domain: Option<String>,
    /// The AWS region, unless an option names another.
    pub(crate) region: Option<String>,
}

impl Config {
    /// Reads `path`, or `adhoc.toml` of the working folder, or nothing if that is not there.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] with file, line and column; also if the file that `path` names cannot be read.
    pub(crate) fn load(path: Option<&Path>) -> Result<Self> {
        let file = path.unwrap_or(Path::new(DEFAULT_FILE));
        match std::fs::read_to_string(file) {
            Ok(text) => Self::parse(&text, file),
            Err(error) if error.kind() == ErrorKind::NotFound && path.is_none() => Ok(Self::default()),
            Err(error) => Err(Error::invalid("", file.display().to_string(), "cannot be read")
                .with_source(error)
                .with_hint("name a readable TOML file with `--config`, or leave the option out for the defaults")),
        }
    }

    /// The same, in the account of an environment.
    #[must_use]
    pub(crate) fn for_environment(mut self, environment: &EnvironmentName) -> Self {
        self.account = self.accounts.of(environment);
        self
    }

    /// The region, where the file names one.
    pub(crate) fn region(&self) -> Option<&String> {
        self.account.region.as_ref().or(self.project.region.as_ref())
    }

    /// Reads the text of `path`, which appears in errors only.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] with file, line and column.
    pub(crate) fn parse(text: &str, path: &Path) -> Result<Self> {
        let source = Source { text, path };
        let file: File = toml::from_str(text).map_err(|error| source.syntax_error(error))?;
        file.into_config(&source)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    project: ProjectTable,
    #[serde(default)]
    names: BTreeMap<NameKey, Spanned<String>>,
    #[serde(default)]
    components: BTreeMap<Spanned<String>, ComponentTable>,
    database: Option<DatabaseTable>,
    #[serde(default)]
    terraform: TerraformTable,
    #[serde(default)]
    lifecycle: LifecycleTable,
    #[serde(default)]
    health: HealthTable,
    #[serde(default)]
    maintenance: MaintenanceTable,
    #[serde(default)]
    notifications: NotificationsTable,
    #[serde(default)]
    environments: BTreeMap<Spanned<String>, EnvironmentTable>,
    #[serde(default)]
    cost: CostTable,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ProjectTable {
    name: Option<String>,
    domain: Option<String>,
    region: Option<String>,
    shared: Option<Spanned<String>>,
    placeholder_tag: Option<Spanned<String>>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ComponentTable {
    repository: Option<Spanned<String>>,
    registry: Option<Spanned<String>>,
    pre_update: Vec<Spanned<String>>,
    services: Vec<Spanned<String>>,
    desired_count: BTreeMap<Spanned<String>, u32>,
}

/// The templates that `[names]` may set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
enum NameKey {
    Cluster,
    Family,
    Service,
    Container,
    Subnets,
    SecurityGroup,
    RdsInstance,
    Bastion,
    Database,
    DatabaseRole,
    DatabaseSecret,
}

impl NameKey {
    fn as_str(self) -> &'static str {
        match self {
            Self::Cluster => "cluster",
            Self::Family => "family",
            Self::Service => "service",
            Self::Container => "container",
            Self::Subnets => "subnets",
            Self::SecurityGroup => "security_group",
            Self::RdsInstance => "rds_instance",
            Self::Bastion => "bastion",
            Self::Database => "database",
            Self::DatabaseRole => "database_role",
            Self::DatabaseSecret => "database_secret",
        }
    }

    fn slot(self, conventions: &mut Conventions) -> &mut String {
        let names = &mut conventions.names;
        match self {
            Self::Cluster => &mut names.cluster,
            Self::Family => &mut names.family,
            Self::Service => &mut names.service,
            Self::Container => &mut names.container,
            Self::Subnets => &mut names.subnets,
            Self::SecurityGroup => &mut names.security_group,
            Self::RdsInstance => &mut names.rds_instance,
            Self::Bastion => &mut names.bastion,
            Self::Database => &mut names.database,
            Self::DatabaseRole => &mut names.database_role,
            Self::DatabaseSecret => &mut names.database_secret,
        }
    }

    /// The placeholders that have a value where the name is made.
    fn allowed(self) -> &'static [&'static str] {
        match self {
            Self::Cluster | Self::Database | Self::DatabaseRole | Self::DatabaseSecret => &["env", "shared"],
            Self::Family | Self::Service | Self::Container => &["env", "role", "shared"],
            Self::Subnets | Self::SecurityGroup | Self::RdsInstance | Self::Bastion => &["shared"],
        }
    }

    /// The placeholders without which two things would get one name.
    fn required(self) -> &'static [&'static str] {
        match self {
            Self::Cluster | Self::Database | Self::DatabaseRole | Self::DatabaseSecret => &["env"],
            Self::Family | Self::Service => &["env", "role"],
            Self::Container | Self::Subnets | Self::SecurityGroup | Self::RdsInstance | Self::Bastion => &[],
        }
    }
}

impl File {
    fn into_config(self, source: &Source<'_>) -> Result<Config> {
        let mut conventions = Conventions::default();
        self.project.apply(&mut conventions, source)?;
        for (key, template) in &self.names {
            check_template(*key, template, source)?;
            template.get_ref().clone_into(key.slot(&mut conventions));
        }
        for (name, table) in self.components {
            let component = table.into_component(&name, source)?;
            conventions.components.insert(name.into_inner(), component);
        }
        let database = self.database.map(|table| table.into_database(&conventions, source)).transpose()?;
        let terraform = self.terraform.into_terraform(source)?;
        Ok(Config {
            database,
            terraform,
            lifecycle: self.lifecycle.into_lifecycle(source)?,
            health: self.health.into_health(source)?,
            maintenance: self.maintenance.into_maintenance(source)?,
            notifications: self.notifications.into_notifications(source)?,
            accounts: accounts(self.environments, source)?,
            account: Account::default(),
            cost: self.cost.into_cost(source)?,
            project: Project { name: self.project.name, domain: self.project.domain, region: self.project.region },
            conventions,
        })
    }
}

impl ProjectTable {
    fn apply(&self, conventions: &mut Conventions, source: &Source<'_>) -> Result<()> {
        if let Some(shared) = &self.shared {
            let valid: Result<EnvironmentName> = shared.get_ref().parse();
            valid.map_err(|error| {
                let hint = error.detail().hint.as_deref().unwrap_or_default();
                source.error(shared.span(), "project.shared", &error.detail().reason, hint)
            })?;
            conventions.shared.clone_from(shared.get_ref());
        }
        if let Some(tag) = &self.placeholder_tag {
            let valid: Result<ImageTag> = tag.get_ref().parse();
            valid.map_err(|error| {
                let hint = "a tag has letters, digits, `_`, `.` and `-`";
                source.error(tag.span(), "project.placeholder_tag", &error.detail().reason, hint)
            })?;
            conventions.placeholder_tag.clone_from(tag.get_ref());
        }
        Ok(())
    }
}

impl ComponentTable {
    fn into_component(self, name: &Spanned<String>, source: &Source<'_>) -> Result<Component> {
        let key = format!("components.{}", name.get_ref());
        check_name(name, &key, source)?;
        if self.services.is_empty() && self.pre_update.is_empty() {
            return Err(source.error(
                name.span(),
                &key,
                "has neither services nor pre_update, so there is nothing to update",
                "add `services = [\"...\"]`",
            ));
        }
        check_roles(&self.pre_update, &format!("{key}.pre_update"), source)?;
        check_roles(&self.services, &format!("{key}.services"), source)?;
        let mut component = Component::new(self.repository_of(name, &key, source)?, &[], &[]);
        component.registry = self.registry_of(&component.repository, &key, source)?;
        for (role, count) in &self.desired_count {
            if !self.services.iter().any(|service| service.get_ref() == role.get_ref()) {
                let key = format!("{key}.desired_count.{}", role.get_ref());
                return Err(source.error(
                    role.span(),
                    &key,
                    "is no service of the component",
                    "name one of its `services`",
                ));
            }
            component.desired_count.insert(role.get_ref().clone(), *count);
        }
        component.pre_update = self.pre_update.into_iter().map(Spanned::into_inner).collect();
        component.services = self.services.into_iter().map(Spanned::into_inner).collect();
        Ok(component)
    }

    /// The repository; the component's own name where the file is silent.
    fn repository_of(&self, name: &Spanned<String>, key: &str, source: &Source<'_>) -> Result<String> {
        match &self.repository {
            None => Ok(name.get_ref().clone()),
            Some(repository) if repository.get_ref().trim().is_empty() => Err(source.error(
                repository.span(),
                &format!("{key}.repository"),
                "is empty",
                "give the name of the ECR repository",
            )),
            Some(repository) => Ok(repository.get_ref().clone()),
        }
    }
}

impl ComponentTable {
    /// The registry, without a slash at its end.
    fn registry_of(&self, repository: &str, key: &str, source: &Source<'_>) -> Result<Option<String>> {
        let Some(registry) = &self.registry else { return Ok(None) };
        let text = registry.get_ref().trim_end_matches('/');
        let image: Result<ImageReference> = format!("{text}/{repository}").parse();
        match image {
            Ok(image) if image.registry().is_some() => Ok(Some(text.to_owned())),
            _ => Err(source.error(
                registry.span(),
                &format!("{key}.registry"),
                "is no registry",
                "write something like `123456789012.dkr.ecr.eu-central-1.amazonaws.com`",
            )),
        }
    }
}

fn check_roles(roles: &[Spanned<String>], key: &str, source: &Source<'_>) -> Result<()> {
    let mut seen = BTreeSet::new();
    for role in roles {
        check_name(role, key, source)?;
        if !seen.insert(role.get_ref()) {
            let fault = format!("names {:?} twice", role.get_ref());
            return Err(source.error(role.span(), key, &fault, "name each role once"));
        }
    }
    Ok(())
}

fn check_name(name: &Spanned<String>, key: &str, source: &Source<'_>) -> Result<()> {
    let text = name.get_ref();
    let fault = match text.chars().find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))) {
        _ if text.is_empty() => "has an empty name".to_owned(),
        Some(bad) => format!("{text:?} contains {bad:?}"),
        None => return Ok(()),
    };
    Err(source.error(name.span(), key, &fault, "names have letters, digits, `-` and `_`, such as `web-ui`"))
}

fn check_template(key: NameKey, template: &Spanned<String>, source: &Source<'_>) -> Result<()> {
    let allowed: Vec<String> = key.allowed().iter().map(|name| format!("`{{{name}}}`")).collect();
    let hint = format!("this template may hold {}", allowed.join(", "));
    let fault = template_fault(key, template.get_ref());
    fault.map_or(Ok(()), |fault| Err(source.error(template.span(), &format!("names.{}", key.as_str()), &fault, &hint)))
}

fn template_fault(key: NameKey, template: &str) -> Option<String> {
    let used = match placeholders(template) {
        Ok(used) => used,
        Err(fault) => return Some(fault.to_owned()),
    };
    let missing = |name: &&&str| !used.contains(*name);
    if template.trim().is_empty() {
        Some("is empty".to_owned())
    } else if let Some(unknown) = used.iter().find(|name| !key.allowed().contains(*name)) {
        Some(format!("has the unknown placeholder `{{{unknown}}}`"))
    } else {
        key.required().iter().find(missing).map(|name| match *name {
            "env" => "lacks `{env}`, so two environments would share one name".to_owned(),
            _ => "lacks `{role}`, so two roles would share one name".to_owned(),
        })
    }
}

fn placeholders(template: &str) -> Result<Vec<&str>, &'static str> {
    let mut used = Vec::new();
    let mut rest = template;
    while let Some(brace) = rest.find(['{', '}']) {
        let inner = rest[brace..].strip_prefix('{').ok_or("has a `}` without its `{`")?;
        let end =
            inner.find(['{', '}']).filter(|end| inner[*end..].starts_with('}')).ok_or("has a `{` without its `}`")?;
        used.push(&inner[..end]);
        rest = &inner[end + 1..];
    }
    Ok(used)
}

/// The text being read and where it came from, to point at faults.
struct Source<'a> {
    text: &'a str,
    path: &'a Path,
}

impl Source<'_> {
    fn error(&self, span: Range<usize>, key: &str, fault: &str, hint: &str) -> Error {
        let place = if key.is_empty() { String::new() } else { format!("`{key}` ") };
        Error::invalid("", self.place(span.start), format!("{place}{fault}")).with_hint(hint)
    }

    /// A path that the file names.
    fn path(&self, path: &str) -> PathBuf {
        database::resolve(path, self.path)
    }

    /// Where the table of that name begins.
    fn table(&self, name: &str) -> Range<usize> {
        let start = self.text.find(&format!("[{name}]")).unwrap_or_default();
        start..start
    }

    fn syntax_error(&self, mut error: toml::de::Error) -> Error {
        let span = error.span().unwrap_or_default();
        let message = in_words_of_toml(&error.message().lines().collect::<Vec<_>>().join(", "));
        // Without its input, the error names the key instead of quoting the line.
        error.set_input(None);
        let described = error.to_string();
        let table = described.lines().last().and_then(|line| line.strip_prefix("in `")?.strip_suffix('`'));
        let (fault, expected) = match message.split_once(", expected ") {
            Some((fault, expected)) => (fault, Some(expected)),
            None => (message.as_str(), None),
        };
        // A key of a map with known keys is as much a variant for serde as a value of a choice is.
        let fault =
            if table == Some("names") { fault.replace("unknown value", "unknown field") } else { fault.to_owned() };
        let fault = table.map_or(fault.clone(), |table| format!("`{table}`: {fault}"));
        let hint =
            expected.map_or("see https://toml.io for the syntax".to_owned(), |expected| format!("expected {expected}"));
        self.error(span, "", &fault, &hint)
    }

    /// `path:line:column`, both counted from one.
    fn place(&self, offset: usize) -> String {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let (line, column) = (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1);
        format!("{}:{line}:{column}", self.path.display())
    }
}

/// Says what serde says, in the words of someone who writes the file.
fn in_words_of_toml(message: &str) -> String {
    let words = [
        ("unknown variant", "unknown value"),
        ("a sequence", "a list"),
        ("u32", "a whole number, 0 or more"),
        ("u16", "a whole number from 1 to 65535"),
    ];
    words.iter().fold(message.to_owned(), |message, (serde, toml)| message.replace(serde, toml))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config> {
        Config::parse(text, Path::new("adhoc.toml"))
    }

    const EXAMPLE: &str = r#"
[project]
name = "ublog"
domain = "dev.example.com"
shared = "stage"
region = "eu-central-1"
[names]
cluster = "x-{env}"
[components.backend]
repository = "api"
pre_update = ["migrate", "collectstatic"]
services = ["gunicorn", "default", "beat"]
desired_count = { gunicorn = 2 }
[database]
engine = "postgres"
ssl_root_cert = "rds-ca.pem"
[database.ssh]
port = 22
[terraform]
bin = "tofu"
"#;

    #[test]
    fn a_file_replaces_what_it_names_and_keeps_the_rest() {
        let config = parse(EXAMPLE).expect("valid");
        assert_eq!(config.project.name.as_deref(), Some("ublog"));
        assert_eq!(config.project.domain.as_deref(), Some("dev.example.com"));
        assert_eq!(config.project.region.as_deref(), Some("eu-central-1"));
        assert_eq!(config.conventions.shared, "stage");
        assert_eq!(config.conventions.names.cluster, "x-{env}");
        assert_eq!(config.conventions.names.family, "{env}-{role}");
        let backend = config.conventions.component("backend").expect("there");
        assert_eq!(backend.repository, "api");
        assert_eq!(backend.pre_update, ["migrate", "collectstatic"]);
        assert_eq!(backend.desired_count["gunicorn"], 2);
        assert_eq!(config.conventions.component("frontend").expect("built in").services, ["web-ui"]);
        assert_eq!(config.terraform.bin, Path::new("tofu"));
        assert_eq!(config.database.expect("there").ssh.port, Some(22));
    }

    #[test]
    fn a_component_has_its_own_name_as_repository() {
        let config = parse("[components.worker]\nservices = ['default']").expect("valid");
        assert_eq!(config.conventions.component("worker").expect("there").repository, "worker");
    }

    #[test]
    fn a_component_may_have_a_registry() {
        let of = |text: &str| {
            let config = parse(&format!("[components.api]\nservices = ['web']\nregistry = '{text}'"))?;
            Ok::<_, Error>(config.conventions.component("api")?.registry.clone())
        };
        let ecr = "123456789012.dkr.ecr.us-east-1.amazonaws.com";
        assert_eq!(of(&format!("{ecr}/")).expect("valid").as_deref(), Some(ecr));
        for bad in ["", "team", "https://host.example.com"] {
            let error = of(bad).expect_err(bad);
            assert!(error.to_string().contains("`components.api.registry` is no registry"), "{error}");
        }
    }

    #[test]
    fn an_empty_file_is_the_built_in_conventions() {
        assert_eq!(parse("").expect("valid").conventions, Conventions::default());
    }

    #[test]
    fn faults_are_one_line_with_place_key_and_hint() {
        let faults: Vec<String> = [
            "[project]\nname = 3",
            "[project]\nnmae = 'x'",
            "[project]\nshared = 'Dev'",
            "[project]\nplaceholder_tag = 'a b'",
            "[projekt]",
            "[project\nname = 'x'",
            "a = 'x",
            "x = 1\nx = 2",
            "[names]\nclustr = 'x'",
            "[names]\ncluster = 'one'",
            "[names]\nservice = '{env}'",
            "[names]\nfamily = '{env}-{rôle}'",
            "[names]\nfamily = '{env}-{role'",
            "[names]\nfamily = '{env}-role}'",
            "[names]\nsecurity_group = '{env}-sg'",
            "[names]\ncontainer = ' '",
            "[components.backend]\nrepository = 'api'",
            "[components.backend]\nservices = ['ok', '']",
            "[components.backend]\nservices = ['a', 'a']",
            "[components.backend]\nservices = ['a b']",
            "[components.backend]\nservices = 'gunicorn'",
            "[components.backend]\nservices = ['a']\ndesired_count = { b = 1 }",
            "[components.backend]\nservices = ['a']\ndesired_count = { a = -1 }",
            "[components.backend]\nservices = ['a']\nrepository = ''",
            "[components.backend]\nservices = ['a']\nreplicas = 3",
            "[components.'back end']\nservices = ['a']",
        ]
        .into_iter()
        .map(|text| {
            let error = parse(text).expect_err(text);
            assert!(matches!(error, Error::Invalid(_)));
            let line = error.chain().join(": ");
            assert!(!line.contains('\n'), "{line}");
            format!("{text}\n> {line}\n> hint: {}\n", error.detail().hint.as_deref().expect("a hint"))
        })
        .collect();
        insta::with_settings!({ snapshot_path => "snapshots", prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!("config_errors", faults.join("\n"));
        });
    }

    #[test]
    fn a_named_file_must_be_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let missing = folder.path().join("none.toml");
        let error = Config::load(Some(&missing)).expect_err("missing");
        assert!(matches!(error, Error::Invalid(_)), "{error}");
        std::fs::write(&missing, EXAMPLE).expect("written");
        assert_eq!(Config::load(Some(&missing)).expect("valid").conventions.shared, "stage");
    }
}
