//! Task definitions survive registering, reading and cloning verbatim, whatever is in them.
//!
//! `fixtures/every_field.json` has every member of the service model, and some of no service model: see `generate.py`.

#![cfg(feature = "ec2")]
#![expect(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

mod support;

use adhoc_core::{ImageChange, TaskDefinition};
use adhoc_ecs::{Fate, clone_with_image};
use adhoc_local::EnvironmentSpec;
use serde_json::{Map, Value, json};
use support::{Local, object};

/// What ECS adds to a definition. Written out here, so that the list in the code cannot excuse itself.
const OUTPUT_ONLY: [&str; 9] = [
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

fn fixture() -> (Map<String, Value>, Map<String, Value>) {
    let fixture: Value = serde_json::from_str(include_str!("fixtures/every_field.json")).unwrap();
    (object(&fixture["document"]), object(&fixture["enums"]))
}

/// The definition as the input it was made from.
fn as_input(definition: &TaskDefinition) -> Map<String, Value> {
    let mut document = definition.document.clone();
    for member in OUTPUT_ONLY {
        document.shift_remove(member);
    }
    document.insert("tags".to_owned(), json!(definition.tags));
    document
}

/// Text, so that the order of members counts.
fn text(document: &Map<String, Value>) -> String {
    serde_json::to_string(document).unwrap()
}

fn with_image(document: &Map<String, Value>, image: &str) -> Map<String, Value> {
    let mut document = document.clone();
    document["containerDefinitions"][0]["image"] = json!(image);
    document
}

/// `tags` travels beside the document, so its place among the members is not kept: it comes last.
fn tags_last(document: &Map<String, Value>) -> Map<String, Value> {
    let mut document = document.clone();
    let tags = document.shift_remove("tags").unwrap();
    document.insert("tags".to_owned(), tags);
    document
}

#[tokio::test]
async fn every_field_of_the_service_model_is_registered_read_back_and_cloned() {
    let local = Local::alpha(EnvironmentSpec::new("alpha")).await;
    let definitions = &local.ecs.task_definitions;
    let (document, _) = fixture();

    let registered = definitions.register(&document).await.unwrap();
    let described = definitions.describe("every-field").await.unwrap();
    assert_eq!(described, registered, "what is read is what was registered");
    assert_eq!(text(&as_input(&described)), text(&tags_last(&document)));

    let clone = clone_with_image(&described, &"first".into(), &ImageChange::Tag("v2".parse().unwrap())).unwrap();
    let expected = tags_last(&with_image(&document, "registry.example.com:5000/team/app:v2"));
    assert_eq!(text(&clone.input), text(&expected));
    let changed: Vec<&str> =
        clone.fields.iter().filter(|it| it.fate != Fate::Kept).map(|it| it.path.as_str()).collect();
    assert_eq!(
        changed.iter().filter(|path| !OUTPUT_ONLY.contains(path)).collect::<Vec<_>>(),
        [&"containerDefinitions[0].image"]
    );

    let registered = definitions.register(&clone.input).await.unwrap();
    let described = definitions.describe(registered.arn().as_str()).await.unwrap();
    assert_eq!(described.arn().short(), "every-field:2");
    assert_eq!(text(&as_input(&described)), text(&expected));

    // On the wire, too.
    let bodies: Vec<String> =
        local.calls("RegisterTaskDefinition").iter().map(|call| call.request.to_string()).collect();
    assert_eq!(bodies, [text(&document), text(&clone.input)]);
}

#[tokio::test]
async fn every_value_of_every_enumeration_survives() {
    let local = Local::alpha(EnvironmentSpec::new("alpha")).await;
    let (mut document, enums) = fixture();
    // With it ECS, and so adhoc-local, wants one network mode.
    document.insert("requiresCompatibilities".to_owned(), json!(["EC2"]));
    let rounds = enums.values().map(|values| values.as_array().unwrap().len()).max().unwrap();
    assert!(rounds >= 10, "{enums:?}");
    for round in 0..rounds {
        let mut document = Value::Object(document.clone());
        for (pointer, values) in &enums {
            let values = values.as_array().unwrap();
            *document.pointer_mut(pointer).unwrap() = values[round % values.len()].clone();
        }
        local.ecs.task_definitions.register(&object(&document)).await.unwrap();
        let described = local.ecs.task_definitions.describe("every-field").await.unwrap();
        assert_eq!(text(&as_input(&described)), text(&tags_last(&object(&document))), "round {round}");
    }
}

#[tokio::test]
async fn a_definition_without_tags_is_cloned_without_any() {
    let local = Local::alpha(EnvironmentSpec::new("alpha")).await;
    let (mut document, _) = fixture();
    document.shift_remove("tags");
    let registered = local.ecs.task_definitions.register(&document).await.unwrap();
    let clone = clone_with_image(&registered, &"empty".into(), &ImageChange::Tag("v2".parse().unwrap())).unwrap();
    assert_eq!(clone.image, "registry:5000/empty:v2");
    local.ecs.task_definitions.register(&clone.input).await.unwrap();
    let calls = local.calls("RegisterTaskDefinition");
    assert_eq!(calls[1].request.get("tags"), None, "ECS refuses an empty list");
}
