//! Task definitions, kept as the raw JSON that was registered.

use super::{World, tags::check_tags, world::includes};
use crate::{
    clock::epoch_seconds,
    error::ApiError,
    json::{Members, fill, listing, page},
};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// Members of an answer that are none of a request: AWS ignores them there.
const OUTPUT_ONLY: [&str; 10] = [
    "tags",
    "taskDefinitionArn",
    "revision",
    "status",
    "requiresAttributes",
    "compatibilities",
    "registeredAt",
    "registeredBy",
    "deregisteredAt",
    "deleteRequestedAt",
];

/// One revision.
#[derive(Clone)]
pub(crate) struct Definition {
    pub(crate) family: String,
    pub(crate) revision: u64,
    pub(crate) active: bool,
    pub(crate) deleting: bool,
    /// The `taskDefinition` of an answer, unknown members included.
    pub(crate) document: Map<String, Value>,
    pub(crate) tags: Vec<Value>,
}

impl Definition {
    pub(crate) fn arn(&self) -> &str {
        self.document.get("taskDefinitionArn").and_then(Value::as_str).unwrap_or_default()
    }

    pub(crate) fn containers(&self) -> &[Value] {
        self.document.get("containerDefinitions").and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    fn status(&self) -> &'static str {
        match (self.deleting, self.active) {
            (true, _) => "DELETE_IN_PROGRESS",
            (false, true) => "ACTIVE",
            (false, false) => "INACTIVE",
        }
    }
}

/// `family`, `family:revision` or an ARN of either, as family and revision.
fn parse_reference(reference: &str) -> Result<(&str, Option<u64>), ApiError> {
    let name = reference.split_once(":task-definition/").map_or(reference, |(_, name)| name);
    match name.split_once(':') {
        None => Ok((name, None)),
        Some((family, revision)) => match revision.parse() {
            Ok(revision) => Ok((family, Some(revision))),
            Err(_) => Err(ApiError::client(format!("Invalid revision number. Number: {revision}"))),
        },
    }
}

fn check(input: &Value) -> Result<(), ApiError> {
    let family = input.text("family").unwrap_or_default();
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if family.is_empty() {
        return Err(ApiError::client("Family can not be blank."));
    }
    if family.len() > 255 || !family.bytes().all(fits) {
        return Err(ApiError::client("Family contains invalid characters."));
    }
    let containers = input.list("containerDefinitions");
    if containers.is_empty() {
        return Err(ApiError::client("Container list cannot be empty."));
    }
    let mut names = BTreeSet::new();
    for container in containers {
        let name = container.text("name").unwrap_or_default();
        if name.is_empty() {
            return Err(ApiError::client("Container.name should not be null or empty."));
        }
        if container.text("image").unwrap_or_default().is_empty() {
            return Err(ApiError::client("Container.image should not be null or empty."));
        }
        if !names.insert(name) {
            return Err(ApiError::client(format!("Duplicate container name in task definition: {name}")));
        }
    }
    if !containers.iter().any(|container| container.get("essential") != Some(&Value::Bool(false))) {
        return Err(ApiError::client("At least one container must be essential."));
    }
    check_fargate(input)
}

fn check_fargate(input: &Value) -> Result<(), ApiError> {
    if !input.texts("requiresCompatibilities").contains(&"FARGATE".to_owned()) {
        return Ok(());
    }
    if input.text("networkMode") != Some("awsvpc") {
        return Err(ApiError::client("Fargate only supports network mode ‘awsvpc’."));
    }
    for name in ["cpu", "memory"] {
        if input.text(name).unwrap_or_default().is_empty() {
            return Err(ApiError::client(format!("Fargate requires that '{name}' be defined at the task level.")));
        }
    }
    Ok(())
}

/// What AWS writes into a container definition that leaves it out.
fn fill_container(container: &mut Value) {
    let Some(container) = container.as_object_mut() else { return };
    fill(container, "cpu", json!(0));
    fill(container, "portMappings", json!([]));
    fill(container, "essential", json!(true));
    fill(container, "environment", json!([]));
    fill(container, "mountPoints", json!([]));
    fill(container, "volumesFrom", json!([]));
    fill(container, "systemControls", json!([]));
}

fn required_attributes(document: &Map<String, Value>) -> Value {
    let mut names = vec!["com.amazonaws.ecs.capability.docker-remote-api.1.18"];
    let text = Value::Object(document.clone()).to_string();
    if text.contains("awslogs") {
        names.insert(0, "com.amazonaws.ecs.capability.logging-driver.awslogs");
    }
    if document.contains_key("taskRoleArn") {
        names.push("com.amazonaws.ecs.capability.task-iam-role");
    }
    if document.get("networkMode").is_some_and(|mode| mode == "awsvpc") {
        names.push("ecs.capability.task-eni");
    }
    names.into_iter().map(|name| json!({"name": name})).collect()
}

impl World {
    pub(super) fn register_task_definition(&mut self, input: &Value, now: u64) -> Result<Value, ApiError> {
        check(input)?;
        let tags = input.list("tags").to_vec();
        if input.get("tags").is_some() && tags.is_empty() {
            return Err(ApiError::invalid("Tags can not be empty."));
        }
        check_tags(&tags)?;
        let definition = self.register(input, tags, now);
        Ok(json!({"taskDefinition": definition.document, "tags": definition.tags}))
    }

    /// Adds a revision without checking it.
    pub(super) fn register(&mut self, input: &Value, tags: Vec<Value>, now: u64) -> Definition {
        let family = input.text("family").unwrap_or_default().to_owned();
        let revision = self.definitions.get(&family).and_then(|all| all.last()).map_or(1, |last| last.revision + 1);
        let mut document = Map::new();
        document.insert(
            "taskDefinitionArn".to_owned(),
            Value::from(self.arn("ecs", &format!("task-definition/{family}:{revision}"))),
        );
        for (name, value) in
            input.as_object().into_iter().flatten().filter(|(name, _)| !OUTPUT_ONLY.contains(&name.as_str()))
        {
            document.insert(name.clone(), value.clone());
        }
        if let Some(containers) = document.get_mut("containerDefinitions").and_then(Value::as_array_mut) {
            containers.iter_mut().for_each(fill_container);
        }
        fill(&mut document, "volumes", json!([]));
        fill(&mut document, "placementConstraints", json!([]));
        let attributes = required_attributes(&document);
        let fargate = document.get("networkMode").is_some_and(|mode| mode == "awsvpc");
        document.insert("revision".to_owned(), json!(revision));
        document.insert("status".to_owned(), json!("ACTIVE"));
        document.insert("requiresAttributes".to_owned(), attributes);
        document.insert(
            "compatibilities".to_owned(),
            if fargate { json!(["EC2", "FARGATE"]) } else { json!(["EXTERNAL", "EC2"]) },
        );
        document.insert("registeredAt".to_owned(), epoch_seconds(now));
        document.insert(
            "registeredBy".to_owned(),
            json!(format!("arn:aws:sts::{}:assumed-role/local/adhoc", self.account)),
        );
        let definition = Definition { family: family.clone(), revision, active: true, deleting: false, document, tags };
        self.definitions.entry(family).or_default().push(definition.clone());
        definition
    }

    /// The revision that a reference names; the newest ACTIVE one for a family.
    pub(super) fn definition(&self, reference: &str) -> Result<&Definition, ApiError> {
        let (family, revision) = parse_reference(reference)?;
        let all = self.definitions.get(family).map_or(&[][..], Vec::as_slice);
        let found = match revision {
            Some(revision) => all.iter().find(|definition| definition.revision == revision),
            None => all.iter().rev().find(|definition| definition.active),
        };
        found.ok_or_else(|| ApiError::client("Unable to describe task definition."))
    }

    /// Likewise, for something that is about to run it.
    pub(super) fn runnable(&self, reference: &str) -> Result<&Definition, ApiError> {
        match self.definition(reference) {
            Ok(definition) if definition.active => Ok(definition),
            Ok(_) => Err(ApiError::client("TaskDefinition is inactive")),
            Err(_) => Err(ApiError::client("TaskDefinition not found.")),
        }
    }

    fn definition_mut(&mut self, reference: &str) -> Result<&mut Definition, ApiError> {
        let (family, revision) = parse_reference(reference)?;
        let Some(revision) = revision else {
            return Err(ApiError::client("The task definition must have a revision number."));
        };
        let all = self.definitions.get_mut(family).into_iter().flatten();
        all.into_iter()
            .find(|definition| definition.revision == revision)
            .ok_or_else(|| ApiError::client("The specified task definition does not exist."))
    }

    pub(super) fn describe_task_definition(&self, input: &Value) -> Result<Value, ApiError> {
        let reference = input.text("taskDefinition").unwrap_or_default();
        if reference.is_empty() {
            return Err(ApiError::client("Task definition can not be blank."));
        }
        let definition = self.definition(reference)?;
        let tags = if includes(input, "TAGS") { definition.tags.clone() } else { Vec::new() };
        Ok(json!({"taskDefinition": definition.document, "tags": tags}))
    }

    pub(super) fn list_task_definitions(&self, input: &Value) -> Result<Value, ApiError> {
        let status = input.text("status").unwrap_or("ACTIVE");
        let prefix = input.text("familyPrefix");
        let mut arns: Vec<Value> = self
            .definitions
            .iter()
            .filter(|(family, _)| prefix.is_none_or(|prefix| *family == prefix))
            .flat_map(|(_, all)| all)
            .filter(|definition| definition.status() == status)
            .map(|definition| Value::from(definition.arn()))
            .collect();
        if input.text("sort") == Some("DESC") {
            arns.reverse();
        }
        let (items, next) = page(&arns, input, 100)?;
        Ok(listing("taskDefinitionArns", items, next))
    }

    pub(super) fn list_families(&self, input: &Value) -> Result<Value, ApiError> {
        let prefix = input.text("familyPrefix").unwrap_or_default();
        let status = input.text("status").unwrap_or("ACTIVE");
        let families: Vec<Value> = self
            .definitions
            .iter()
            .filter(|(family, all)| {
                let active = all.iter().any(|definition| definition.active);
                family.starts_with(prefix) && (status == "ALL" || (status == "ACTIVE") == active)
            })
            .map(|(family, _)| Value::from(family.as_str()))
            .collect();
        let (items, next) = page(&families, input, 100)?;
        Ok(listing("families", items, next))
    }

    pub(super) fn deregister_task_definition(&mut self, input: &Value, now: u64) -> Result<Value, ApiError> {
        let definition = self.definition_mut(input.required("taskDefinition")?)?;
        definition.active = false;
        definition.document.insert("status".to_owned(), json!("INACTIVE"));
        definition.document.insert("deregisteredAt".to_owned(), epoch_seconds(now));
        Ok(json!({"taskDefinition": definition.document}))
    }

    pub(super) fn delete_task_definitions(&mut self, input: &Value, now: u64) -> Result<Value, ApiError> {
        let references = input.texts("taskDefinitions");
        if references.is_empty() || references.len() > 10 {
            return Err(ApiError::invalid("Specify up to 10 task definitions."));
        }
        let (mut deleted, mut failures) = (Vec::new(), Vec::new());
        for reference in references {
            match self.definition_mut(&reference) {
                Ok(definition) if definition.active => {
                    failures.push(json!({"arn": definition.arn(), "reason": "The specified task definition is still in ACTIVE status. Please deregister the target and try again."}));
                }
                Ok(definition) => {
                    definition.deleting = true;
                    definition.document.insert("status".to_owned(), json!("DELETE_IN_PROGRESS"));
                    definition.document.insert("deleteRequestedAt".to_owned(), epoch_seconds(now));
                    deleted.push(Value::Object(definition.document.clone()));
                }
                Err(error) => failures.push(json!({"arn": reference, "reason": error.message})),
            }
        }
        Ok(json!({"taskDefinitions": deleted, "failures": failures}))
    }
}
