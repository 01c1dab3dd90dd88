//! The adapters on an AWS that nobody here wrote: moto, from PyPI. What adhoc-local and the adapters might agree on wrongly,
//! moto does not.
//!
//! `ADHOC_TEST_VENV` names the virtual environment that has it; `scripts/test` makes one.

#![cfg(feature = "ec2")]
#![expect(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

#[path = "support/moto.rs"]
mod moto;
mod support;

use adhoc_core::{Clock, Error, ImageChange, LogCursor, LogStream, SystemClock, TaskDefinitionArn};
use adhoc_ecs::clone_with_image;
use aws_sdk_cloudwatchlogs::types::InputLogEvent;
use aws_sdk_ec2::types::{ResourceType, Tag, TagSpecification};
use moto::Moto;
use serde_json::{Map, Value, json};
use support::object;

/// moto answers through botocore's serialiser, which drops members that botocore does not know; and of those that it does
/// know, moto 5.2 keeps no `enableFaultInjection`.
fn as_moto_has_it(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|member, _| member != "fieldOfTheFuture" && member != "enableFaultInjection");
            members.values_mut().for_each(as_moto_has_it);
        }
        Value::Array(items) => items.iter_mut().for_each(as_moto_has_it),
        _ => {}
    }
}

fn described_as_input(definition: &adhoc_core::TaskDefinition) -> Map<String, Value> {
    let mut document = definition.document.clone();
    for member in ["taskDefinitionArn", "revision", "status", "compatibilities", "registeredAt", "tags"] {
        document.shift_remove(member);
    }
    document.insert("tags".to_owned(), json!(definition.tags));
    document
}

#[tokio::test]
async fn definitions_are_registered_read_and_cloned_on_moto() {
    let Some(moto) = Moto::start().await else { return };
    let definitions = &moto.ecs.task_definitions;
    let fixture: Value = serde_json::from_str(include_str!("fixtures/every_field.json")).unwrap();
    let document = object(&fixture["document"]);
    let mut expected = fixture["document"].clone();
    as_moto_has_it(&mut expected);

    let first = definitions.register(&document).await.unwrap();
    assert_eq!(first.arn().short(), "every-field:1");
    let described = definitions.describe("every-field").await.unwrap();
    assert_eq!(Value::Object(described_as_input(&described)), expected);

    let clone = clone_with_image(&described, &"second".into(), &ImageChange::Tag("v2".parse().unwrap())).unwrap();
    let second = definitions.register(&clone.input).await.unwrap();
    expected["containerDefinitions"][1]["image"] = json!("registry.example.com:5000/team/app:v2");
    let described = definitions.describe(second.arn().as_str()).await.unwrap();
    assert_eq!(described.arn().short(), "every-field:2");
    assert_eq!(Value::Object(described_as_input(&described)), expected);

    definitions.deregister(&second.arn()).await.unwrap();
    // By family moto goes on to answer with the newest revision, ACTIVE or not; by ARN its status shows.
    assert!(!definitions.describe(second.arn().as_str()).await.unwrap().is_active());
    let error = definitions.describe("nobody").await.unwrap_err();
    assert!(matches!(error, Error::NotFound(_)), "{error:?}");
    let error = definitions.deregister(&TaskDefinitionArn::new("nobody:1")).await.unwrap_err();
    assert!(matches!(error, Error::NotFound(_)), "{error:?}");
}

fn named(kind: ResourceType, name: &str, env: &str) -> TagSpecification {
    let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build();
    TagSpecification::builder().resource_type(kind).tags(tag("Name", name)).tags(tag("env", env)).build()
}

#[tokio::test]
async fn networks_are_found_by_tag_on_moto() {
    let Some(moto) = Moto::start().await else { return };
    let ec2 = aws_sdk_ec2::Client::new(&moto.config);
    let vpc = ec2.create_vpc().cidr_block("10.0.0.0/16").send().await.unwrap();
    let vpc = vpc.vpc().unwrap().vpc_id().unwrap().to_owned();
    let mut subnets = Vec::new();
    let wanted = [("dev-private-a", "dev"), ("dev-private-b", "dev"), ("dev-public-a", "dev"), ("qa-private-a", "qa")];
    for (at, (name, env)) in wanted.into_iter().enumerate() {
        let request = ec2.create_subnet().vpc_id(&vpc).cidr_block(format!("10.0.{at}.0/24"));
        let made = request.tag_specifications(named(ResourceType::Subnet, name, env)).send().await.unwrap();
        subnets.push(made.subnet().unwrap().subnet_id().unwrap().to_owned());
    }
    let request = ec2.create_security_group().vpc_id(&vpc).group_name("tasks").description("tasks");
    let tags = named(ResourceType::SecurityGroup, "dev-ecs-sg", "dev");
    let group = request.tag_specifications(tags).send().await.unwrap().group_id().unwrap().to_owned();

    let conventions = adhoc_core::Conventions::default();
    let mut private = subnets[..2].to_vec();
    private.sort();
    assert_eq!(moto.ecs.network.subnets(&conventions.subnet_tags()).await.unwrap(), private);
    assert_eq!(moto.ecs.network.security_groups(&conventions.security_group_tags()).await.unwrap(), [group]);
    let other = [("Name".to_owned(), "prod-ecs-sg".to_owned())];
    assert!(moto.ecs.network.security_groups(&other).await.unwrap().is_empty());
    assert!(moto.ecs.network.subnets(&other).await.unwrap().is_empty());
}

async fn put_lines(logs: &aws_sdk_cloudwatchlogs::Client, lines: &[String], at: i64) {
    for batch in lines.chunks(10_000) {
        let event = |line: &String| InputLogEvent::builder().timestamp(at).message(line).build().unwrap();
        let request = logs.put_log_events().log_group_name("/ecs/alpha/beat").log_stream_name("beat/beat/1");
        request.set_log_events(Some(batch.iter().map(event).collect())).send().await.unwrap();
    }
}

/// Reads from `cursor` to the end: the lines, and where to go on.
async fn read_on(moto: &Moto, mut cursor: LogCursor) -> (Vec<String>, LogCursor, usize) {
    let stream = LogStream::new("/ecs/alpha/beat", "beat/beat/1");
    let (mut lines, mut pages) = (Vec::new(), 0);
    loop {
        let page = moto.ecs.logs.page(&stream, &cursor).await.unwrap();
        pages += 1;
        lines.extend(page.events.into_iter().map(|event| event.message));
        cursor = page.next;
        if page.at_end {
            return (lines, cursor, pages);
        }
    }
}

#[tokio::test]
async fn logs_are_read_page_by_page_on_moto() {
    let Some(moto) = Moto::start().await else { return };
    let logs = aws_sdk_cloudwatchlogs::Client::new(&moto.config);
    let ghost = LogStream::new("/ecs/alpha/beat", "beat/beat/1");
    let error = moto.ecs.logs.page(&ghost, &LogCursor::start()).await.unwrap_err();
    assert!(matches!(error, Error::NotFound(_)), "no group yet: {error:?}");
    logs.create_log_group().log_group_name("/ecs/alpha/beat").send().await.unwrap();
    let error = moto.ecs.logs.page(&ghost, &LogCursor::start()).await.unwrap_err();
    assert!(matches!(error, Error::NotFound(_)), "no stream yet: {error:?}");
    let request = logs.create_log_stream().log_group_name("/ecs/alpha/beat").log_stream_name("beat/beat/1");
    request.send().await.unwrap();

    let now = SystemClock::new().now().as_millisecond();
    let lines: Vec<String> = (0..12_345).map(|i| format!("line {i}")).collect();
    put_lines(&logs, &lines, now - 1000).await;
    let (read, cursor, pages) = read_on(&moto, LogCursor::start()).await;
    assert!(read == lines, "{} of {} lines", read.len(), lines.len());
    assert_eq!(pages, 3, "two with lines, and the end");

    let later = vec!["later".to_owned(), "same millisecond".to_owned()];
    put_lines(&logs, &later, now - 1000).await;
    let (read, cursor, _) = read_on(&moto, cursor).await;
    assert_eq!(read, later);
    assert!(read_on(&moto, cursor).await.0.is_empty());
    assert_eq!(read_on(&moto, LogCursor::Tail { lines: 2 }).await.0, later);
}
