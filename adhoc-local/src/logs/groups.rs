//! Log groups: made, described, kept for so many days, tagged, deleted.

use super::{
    api::{Groups, Place, exists, group, group_name, limit_as_max_results, no_group},
    store::Group,
    stream::Stream,
};
use crate::{
    error::ApiError,
    json::{Members, listing, page},
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// For how many days CloudWatch keeps events, if not for ever.
const RETENTIONS: [i64; 22] =
    [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];
const CLASSES: [&str; 3] = ["STANDARD", "INFREQUENT_ACCESS", "DELIVERY"];
const MOST_TAGS: usize = 50;

type Tags = BTreeMap<String, String>;

fn constraint(value: &str, member: &str, constraint: &str) -> ApiError {
    ApiError::invalid(format!(
        "1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: {constraint}"
    ))
}

pub(super) fn create(groups: &mut Groups, input: &Value, now: u64) -> Result<Value, ApiError> {
    let name = group_name(input)?;
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/#".contains(&byte);
    if name.len() > 512 || !name.bytes().all(fits) {
        let pattern = "Member must satisfy regular expression pattern: [\\.\\-_/#A-Za-z0-9]+";
        return Err(constraint(name, "logGroupName", pattern));
    }
    let class = input.text("logGroupClass").unwrap_or("STANDARD");
    if !CLASSES.contains(&class) {
        return Err(constraint(class, "logGroupClass", "Member must satisfy enum value set"));
    }
    let tags = tags(input)?;
    if groups.contains_key(name) {
        return Err(exists("log group"));
    }
    let (class, key) = (class.to_owned(), input.text("kmsKeyId").map(str::to_owned));
    groups.insert(name.to_owned(), Group { class, key, tags, ..Group::new(now) });
    Ok(json!({}))
}

pub(super) fn delete(groups: &mut Groups, input: &Value) -> Result<Value, ApiError> {
    groups.remove(group_name(input)?).ok_or_else(no_group)?;
    Ok(json!({}))
}

pub(super) fn describe(groups: &Groups, input: &Value, place: Place<'_>) -> Result<Value, ApiError> {
    let (prefix, pattern) = (input.text("logGroupNamePrefix"), input.text("logGroupNamePattern"));
    if prefix.is_some() && pattern.is_some() {
        return Err(ApiError::invalid(
            "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.",
        ));
    }
    if let Some(limit) = input.number("limit").filter(|limit| !(1..=50).contains(limit)) {
        return Err(constraint(&limit.to_string(), "limit", "Member must have value less than or equal to 50"));
    }
    let fits = |name: &str, group: &Group| {
        name.starts_with(prefix.unwrap_or_default())
            && name.contains(pattern.unwrap_or_default())
            && input.text("logGroupClass").is_none_or(|class| class == group.class)
    };
    let found: Vec<Value> = groups
        .iter()
        .filter(|(name, group)| fits(name, group))
        .map(|(name, group)| value(name, group, place))
        .collect();
    let (items, next) = page(&found, &limit_as_max_results(input), 50)?;
    Ok(listing("logGroups", items, next))
}

fn value(name: &str, group: &Group, place: Place<'_>) -> Value {
    let arn = format!("arn:aws:logs:{}:{}:log-group:{name}", place.region, place.account);
    let mut value = json!({
        "logGroupName": name,
        "creationTime": group.created_at,
        "metricFilterCount": 0,
        "arn": format!("{arn}:*"),
        "storedBytes": group.streams.values().map(Stream::stored_bytes).sum::<usize>(),
        "logGroupClass": group.class,
        "logGroupArn": arn,
        "deletionProtectionEnabled": false,
    });
    if let Some(days) = group.retention_days {
        value["retentionInDays"] = days.into();
    }
    if let Some(key) = &group.key {
        value["kmsKeyId"] = key.as_str().into();
    }
    value
}

pub(super) fn put_retention(groups: &mut Groups, input: &Value) -> Result<Value, ApiError> {
    let days = input.number("retentionInDays").unwrap_or_default();
    if !RETENTIONS.contains(&days) {
        return Err(constraint(&days.to_string(), "retentionInDays", &format!("Member must be in {RETENTIONS:?}")));
    }
    group(groups, input)?.retention_days = Some(days);
    Ok(json!({}))
}

pub(super) fn delete_retention(groups: &mut Groups, input: &Value) -> Result<Value, ApiError> {
    group(groups, input)?.retention_days = None;
    Ok(json!({}))
}

// --- Tags -----------------------------------------------------------------------------------------------------------

/// The group of a request, by ARN in the newer calls and by name in the older ones.
fn tagged<'a>(groups: &'a mut Groups, input: &Value) -> Result<&'a mut Group, ApiError> {
    let Some(arn) = input.text("resourceArn") else { return group(groups, input) };
    let invalid = || ApiError::invalid("The specified resource ARN is invalid.");
    let (_, name) = arn.split_once(":log-group:").ok_or_else(invalid)?;
    groups.get_mut(name.trim_end_matches(":*")).ok_or_else(no_group)
}

fn tags(input: &Value) -> Result<Tags, ApiError> {
    let mut tags = Tags::new();
    for (key, value) in input.get("tags").and_then(Value::as_object).into_iter().flatten() {
        let value = value.as_str().unwrap_or_default();
        if key.is_empty() || key.chars().count() > 128 || value.chars().count() > 256 {
            return Err(constraint(key, "tags", "Map keys must have length of 1 to 128, values of up to 256"));
        }
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(ApiError::invalid("Tag keys that begin with aws: are reserved for AWS."));
        }
        tags.insert(key.clone(), value.to_owned());
    }
    few(&tags).map(|()| tags)
}

fn few(tags: &Tags) -> Result<(), ApiError> {
    if tags.len() > MOST_TAGS {
        let message = format!("A resource can have no more than {MOST_TAGS} tags.");
        return Err(ApiError::new("TooManyTagsException", message));
    }
    Ok(())
}

pub(super) fn tag(groups: &mut Groups, input: &Value) -> Result<Value, ApiError> {
    let added = tags(input)?;
    let group = tagged(groups, input)?;
    let mut merged = group.tags.clone();
    merged.extend(added);
    few(&merged)?;
    group.tags = merged;
    Ok(json!({}))
}

pub(super) fn untag(groups: &mut Groups, input: &Value) -> Result<Value, ApiError> {
    // Their names in the newer call and in the older one.
    let keys = [input.texts("tagKeys"), input.texts("tags")].concat();
    tagged(groups, input)?.tags.retain(|key, _| !keys.contains(key));
    Ok(json!({}))
}

pub(super) fn list_tags(groups: &mut Groups, input: &Value) -> Result<Value, ApiError> {
    Ok(json!({"tags": tagged(groups, input)?.tags}))
}
