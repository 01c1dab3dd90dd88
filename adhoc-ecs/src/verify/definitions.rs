use std::collections::BTreeSet;

use adhoc_core::{Dependency, Error, ImageChange, Outcome, TaskDefinition};
use serde_json::{Map, Value};

use super::{Finding, Found, in_order, look_up};
use crate::account::Account;
use crate::{Ecs, Environment};

/// A role's newest revision, and the images that its tasks will have.
pub(super) struct Family {
    pub(super) definition: TaskDefinition,
    pub(super) images: Vec<String>,
}

/// Every role has an ACTIVE revision with a container whose image can change.
pub(super) async fn families(ecs: &Ecs, env: &Environment, roles: &[String], image: &ImageChange) -> Found<Family> {
    look_up(roles.iter().map(|role| async move {
        let family = env.conventions.family(&env.name, role);
        let definition = match ecs.task_definitions.describe(family.as_str()).await {
            Ok(definition) => definition,
            Err(Error::NotFound(_)) => {
                return (vec![missing(family.as_str(), "has no ACTIVE revision")], None);
            }
            Err(error) => return (vec![Finding::of_error("task definition", family.as_str(), "ecs", &error)], None),
        };
        let container = env.container(role);
        let Some(current) = definition.image(&container) else {
            return (vec![missing(family.as_str(), &format!("has no container {container}"))], None);
        };
        let changed = match image.apply(current) {
            Ok(changed) => changed,
            Err(error) => return (vec![unreadable(family.as_str(), &error)], None),
        };
        let others = definition.container_names().into_iter().filter(|name| *name != container.as_str());
        let others = others.filter_map(|name| definition.image(&name.into())).map(str::to_owned);
        let images = std::iter::once(changed).chain(others).collect();
        let found = Finding::ok("task definition", family.as_str(), definition.arn().short().to_owned());
        (vec![found], Some(Family { definition, images }))
    }))
    .await
}

fn missing(family: &str, reason: &str) -> Finding {
    Finding::failed("task definition", family, Outcome::NotFound, reason)
        .with_hint("apply the infrastructure, or correct the roles under [components] in adhoc.toml")
}

fn unreadable(family: &str, error: &Error) -> Finding {
    let finding = Finding::failed("task definition", family, Outcome::Usage, error.to_string());
    Finding { hint: error.detail().hint.clone(), ..finding }
}

/// Everything that the definitions name is there: roles, secrets, parameters, log groups. Each is looked for once.
pub(super) async fn dependencies(account: &Account, families: &[Family]) -> Vec<Finding> {
    let named: BTreeSet<(&'static str, Dependency)> =
        families.iter().flat_map(|family| named(&family.definition)).collect();
    let account = &account.dependencies;
    in_order(named.into_iter().map(|(check, dependency)| async move {
        match account.find(&dependency).await {
            Ok(()) => Finding::ok(check, dependency.to_string(), "is there"),
            Err(error) => {
                let finding = Finding::of_error(check, dependency.to_string(), service(&dependency), &error);
                match (&error, &dependency) {
                    (Error::NotFound(_), Dependency::Secret(_)) if finding.hint.is_none() => {
                        finding.with_hint("`adhoc db create` makes the secret of a database; others are yours")
                    }
                    _ => finding,
                }
            }
        }
    }))
    .await
}

fn service(dependency: &Dependency) -> &'static str {
    match dependency {
        Dependency::Role(_) => "iam",
        Dependency::Secret(_) => "secretsmanager",
        Dependency::Parameter(_) => "ssm",
        _ => "logs",
    }
}

/// What a definition names.
fn named(definition: &TaskDefinition) -> Vec<(&'static str, Dependency)> {
    let document = &definition.document;
    let role = |member: &str| Some(Dependency::Role(document.get(member)?.as_str()?.to_owned()));
    let mut named = Vec::new();
    named.extend(role("executionRoleArn").map(|role| ("execution role", role)));
    named.extend(role("taskRoleArn").map(|role| ("task role", role)));
    for container in members(document, "containerDefinitions") {
        let values = members(container, "secrets").filter_map(|secret| secret.get("valueFrom")?.as_str());
        named.extend(values.map(|from| {
            let dependency = Dependency::of_value(from);
            (if matches!(dependency, Dependency::Secret(_)) { "secret" } else { "parameter" }, dependency)
        }));
        named.extend(log_group(container).map(|group| ("log group", group)));
    }
    named
}

fn members<'a>(of: &'a Map<String, Value>, list: &str) -> impl Iterator<Item = &'a Map<String, Value>> {
    of.get(list).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object)
}

/// The log group of a container, unless its tasks make it themselves.
fn log_group(container: &Map<String, Value>) -> Option<Dependency> {
    let configuration = container.get("logConfiguration")?;
    let option = |name: &str| configuration.get("options")?.get(name)?.as_str();
    if configuration.get("logDriver")?.as_str()? != "awslogs" || option("awslogs-create-group") == Some("true") {
        return None;
    }
    Some(Dependency::LogGroup {
        name: option("awslogs-group")?.to_owned(),
        region: option("awslogs-region").map(str::to_owned),
    })
}
