//! Cloning a task definition: the same document with another image in one container.
//!
//! The clone works on the raw JSON of `DescribeTaskDefinition`. Whatever is not known to be output-only is input and
//! survives verbatim, members that no SDK knows yet included.

use adhoc_core::{ContainerName, Error, FieldChange, ImageChange, Result, TaskDefinition};
use serde_json::{Map, Value};

/// Members of a described task definition that `RegisterTaskDefinition` does not take.
///
/// See <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskDefinition.html>.
pub(crate) const OUTPUT_ONLY: [&str; 9] = [
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

/// The input of a new revision, and what became of each field of the one that it was made from.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct TaskDefinitionClone {
    /// The input document for `RegisterTaskDefinition`.
    pub input: Map<String, Value>,
    /// Every field of the source, with its fate.
    pub fields: Vec<Field>,
    /// The image of the named container before.
    pub image_from: String,
    /// The image of the named container now.
    pub image: String,
}

/// A field of the source, by JSON path, and its fate.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Field {
    /// Such as `runtimePlatform` or `containerDefinitions[0].image`.
    pub path: String,
    /// What became of it.
    pub fate: Fate,
}

/// What became of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fate {
    /// It is the same, verbatim.
    Kept,
    /// It has another value.
    Changed {
        /// The value before.
        from: String,
        /// The value after.
        to: String,
    },
    /// It is output-only, or AWS's own, and cannot be sent.
    Dropped,
}

impl TaskDefinitionClone {
    /// Whether registering it would only repeat its source.
    #[must_use]
    pub fn is_identical(&self) -> bool {
        self.changes().is_empty()
    }

    /// The fields that differ.
    #[must_use]
    pub fn changes(&self) -> Vec<FieldChange> {
        let changes = self.fields.iter().filter_map(|field| match &field.fate {
            Fate::Changed { from, to } => {
                Some(FieldChange { path: field.path.clone(), from: from.clone(), to: to.clone() })
            }
            _ => None,
        });
        changes.collect()
    }
}

/// Clones `source` with `change` applied to the image of `container`. Nothing else differs.
///
/// # Errors
///
/// [`Error::NotFound`] with the names of the real containers if there is none of that name; [`Error::Invalid`] if the
/// container's present image cannot be parsed.
///
/// # Example
///
/// ```
/// use adhoc_core::{ImageChange, TaskDefinition};
/// use adhoc_ecs::clone_with_image;
/// use serde_json::json;
///
/// let document = json!({"family": "alpha-gunicorn", "revision": 7, "fieldOfTheFuture": [],
///     "containerDefinitions": [{"name": "gunicorn", "image": "backend:v1"}, {"name": "proxy", "image": "nginx:1"}]});
/// let source = TaskDefinition::new(document.as_object().unwrap().clone(), vec![]);
///
/// let clone = clone_with_image(&source, &"gunicorn".into(), &ImageChange::Tag("v2".parse()?))?;
/// assert_eq!(serde_json::to_value(&clone.input).unwrap(), json!({"family": "alpha-gunicorn", "fieldOfTheFuture": [],
///     "containerDefinitions": [{"name": "gunicorn", "image": "backend:v2"}, {"name": "proxy", "image": "nginx:1"}]}));
/// # Ok::<_, adhoc_core::Error>(())
/// ```
pub fn clone_with_image(
    source: &TaskDefinition,
    container: &ContainerName,
    change: &ImageChange,
) -> Result<TaskDefinitionClone> {
    let index = container_index(source, container)?;
    let image_from = source.image(container).unwrap_or_default().to_owned();
    let image = change.apply(&image_from)?;

    let mut input = Map::new();
    let mut fields = Vec::new();
    for (member, value) in &source.document {
        if OUTPUT_ONLY.contains(&member.as_str()) {
            fields.push(Field { path: member.clone(), fate: Fate::Dropped });
            continue;
        }
        input.insert(member.clone(), value.clone());
        if member == "containerDefinitions" {
            fields.extend(container_fields(value, index, &image_from, &image));
        } else {
            fields.push(Field { path: member.clone(), fate: Fate::Kept });
        }
    }
    if let Some(image_member) =
        input.get_mut("containerDefinitions").and_then(|all| all.get_mut(index)?.get_mut("image"))
    {
        *image_member = Value::String(image.clone());
    }
    add_tags(source, &mut input, &mut fields);
    Ok(TaskDefinitionClone { input, fields, image_from, image })
}

fn container_index(source: &TaskDefinition, container: &ContainerName) -> Result<usize> {
    let names = source.container_names();
    names.iter().position(|name| *name == container.as_str()).ok_or_else(|| {
        let reason = format!("has no container {:?}; its containers are: {}", container.as_str(), names.join(", "));
        Error::not_found("", source.arn().short(), reason)
            .with_hint("name the container in adhoc.toml: `[names] container = \"...\"`")
    })
}

fn container_fields(containers: &Value, index: usize, from: &str, to: &str) -> Vec<Field> {
    let containers = containers.as_array().into_iter().flatten().enumerate();
    let members = containers.flat_map(|(position, container)| {
        let members = container.as_object().into_iter().flatten();
        members.map(move |(member, _)| {
            let is_image = position == index && member == "image" && from != to;
            let fate = if is_image { Fate::Changed { from: from.to_owned(), to: to.to_owned() } } else { Fate::Kept };
            Field { path: format!("containerDefinitions[{position}].{member}"), fate }
        })
    });
    members.collect()
}

/// Tags travel beside the document. ECS refuses an empty list, and tags of the reserved prefix `aws:`, which
/// CloudFormation puts on what it makes.
fn add_tags(source: &TaskDefinition, input: &mut Map<String, Value>, fields: &mut Vec<Field>) {
    let key = |tag: &Value| tag.get("key").and_then(Value::as_str).unwrap_or_default().to_owned();
    let (reserved, kept): (Vec<&Value>, Vec<&Value>) = source.tags.iter().partition(|tag| key(tag).starts_with("aws:"));
    let field = |tag: &Value, fate| Field { path: format!("tags[{}]", key(tag)), fate };
    fields.extend(kept.iter().map(|tag| field(tag, Fate::Kept)));
    fields.extend(reserved.iter().map(|tag| field(tag, Fate::Dropped)));
    if !kept.is_empty() {
        input.insert("tags".to_owned(), kept.into_iter().cloned().collect());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn definition(document: &Value, tags: &Value) -> TaskDefinition {
        TaskDefinition::new(document.as_object().expect("object").clone(), tags.as_array().expect("array").clone())
    }

    fn to_v2() -> ImageChange {
        ImageChange::Tag("v2".parse().expect("tag"))
    }

    #[test]
    fn empty_values_and_unknown_members_survive_verbatim() {
        let source = definition(
            &json!({"family": "f", "containerDefinitions": [{"name": "a", "image": "x:v1", "command": [], "user": "",
                "cpu": 0, "secrets": null, "member2031": {"deep": [{"er": 1.50}]}}], "runtimePlatform": {},
                "volumes": [], "newTopLevel": "x", "revision": 3, "status": "ACTIVE"}),
            &json!([]),
        );
        let clone = clone_with_image(&source, &"a".into(), &to_v2()).expect("clones");
        let text = serde_json::to_string(&clone.input).expect("serialises");
        let expected = r#"{"family":"f","containerDefinitions":[{"name":"a","image":"x:v2","command":[],"user":"","cpu":0,"secrets":null,"member2031":{"deep":[{"er":1.5}]}}],"runtimePlatform":{},"volumes":[],"newTopLevel":"x"}"#;
        assert_eq!(text, expected);
    }

    #[test]
    fn every_field_has_a_fate() {
        let source = definition(
            &json!({"family": "f", "revision": 3, "containerDefinitions": [
                {"name": "a", "image": "x:v1"}, {"name": "b", "image": "x:v1", "essential": false}]}),
            &json!([{"key": "team", "value": "x"}, {"key": "aws:cloudformation:stack-id", "value": "y"}]),
        );
        let clone = clone_with_image(&source, &"a".into(), &to_v2()).expect("clones");
        let fates: Vec<String> = clone.fields.iter().map(|field| format!("{} {:?}", field.path, field.fate)).collect();
        assert_eq!(
            fates,
            [
                "family Kept",
                "revision Dropped",
                "containerDefinitions[0].name Kept",
                "containerDefinitions[0].image Changed { from: \"x:v1\", to: \"x:v2\" }",
                "containerDefinitions[1].name Kept",
                "containerDefinitions[1].image Kept",
                "containerDefinitions[1].essential Kept",
                "tags[team] Kept",
                "tags[aws:cloudformation:stack-id] Dropped",
            ]
        );
        assert_eq!(clone.input["tags"], json!([{"key": "team", "value": "x"}]));
    }

    #[test]
    fn no_tags_means_no_member() {
        let source = definition(&json!({"containerDefinitions": [{"name": "a", "image": "x:v1"}]}), &json!([]));
        let clone = clone_with_image(&source, &"a".into(), &to_v2()).expect("clones");
        assert!(!clone.input.contains_key("tags"));
    }

    #[test]
    fn an_unknown_container_lists_the_real_ones() {
        let source = definition(
            &json!({"taskDefinitionArn": "arn:x/f:3", "containerDefinitions": [{"name": "a"}, {"name": "b"}]}),
            &json!([]),
        );
        let error = clone_with_image(&source, &"web".into(), &to_v2()).expect_err("unknown");
        assert_eq!(error.to_string(), "f:3: has no container \"web\"; its containers are: a, b");
    }

    #[test]
    fn the_same_image_is_an_identical_clone() {
        let source = definition(&json!({"containerDefinitions": [{"name": "a", "image": "x:v2"}]}), &json!([]));
        assert!(clone_with_image(&source, &"a".into(), &to_v2()).expect("clones").is_identical());
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "\\PC{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[a-zA-Z]{1,8}", inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn whatever_else_is_in_there_survives(top in any_json(), inner in any_json(), sidecar in any_json()) {
            let source = definition(
                &json!({"family": "f", "future": top, "containerDefinitions": [
                    {"name": "side", "image": "y", "future": sidecar}, {"name": "a", "image": "x:v1", "future": inner}]}),
                &json!([]),
            );
            let clone = clone_with_image(&source, &"a".into(), &to_v2()).expect("clones");
            let mut expected = source.document.clone();
            expected["containerDefinitions"][1]["image"] = json!("x:v2");
            prop_assert_eq!(clone.input, expected);
        }
    }
}
