//! The calls of CloudWatch Logs.

use super::{
    LogStore, groups,
    store::Group,
    stream::{PAGE_EVENTS, Page, Range, Stream},
};
use crate::{
    error::ApiError,
    json::{Members, listing, page},
    sync::lock,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub(super) type Groups = BTreeMap<String, Group>;

/// The account and region that ARNs name.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) region: &'a str,
    pub(crate) account: &'a str,
}

pub(super) fn no_group() -> ApiError {
    ApiError::new("ResourceNotFoundException", "The specified log group does not exist.")
}

fn no_stream() -> ApiError {
    ApiError::new("ResourceNotFoundException", "The specified log stream does not exist.")
}

pub(super) fn exists(what: &str) -> ApiError {
    ApiError::new("ResourceAlreadyExistsException", format!("The specified {what} already exists"))
}

/// The group of a request, by name or by ARN.
pub(super) fn group_name(input: &Value) -> Result<&str, ApiError> {
    let name = input.text("logGroupName").or_else(|| input.text("logGroupIdentifier")).unwrap_or_default();
    let name = name.split_once(":log-group:").map_or(name, |(_, rest)| rest.trim_end_matches(":*"));
    if name.is_empty() {
        return Err(ApiError::invalid("Log group name is required."));
    }
    Ok(name)
}

pub(super) fn group<'a>(groups: &'a mut Groups, input: &Value) -> Result<&'a mut Group, ApiError> {
    groups.get_mut(group_name(input)?).ok_or_else(no_group)
}

fn stream<'a>(groups: &'a mut Groups, input: &Value) -> Result<&'a mut Stream, ApiError> {
    let name = input.required("logStreamName")?.to_owned();
    group(groups, input)?.streams.get_mut(&name).ok_or_else(no_stream)
}

/// Forward and backward tokens have the shape of AWS's: 56 digits, here 36 of position and 20 of serial number.
fn token(direction: char, position: usize, serial: u64) -> String {
    format!("{direction}/{position:036}{serial:020}")
}

fn parse_token(token: &str) -> Result<(bool, usize, u64), ApiError> {
    let invalid = || ApiError::invalid("The specified nextToken is invalid.");
    let digits = token.strip_prefix("f/").or_else(|| token.strip_prefix("b/")).ok_or_else(invalid)?;
    if digits.len() != 56 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(invalid());
    }
    let position = digits[..36].parse().map_err(|_| invalid())?;
    let serial = digits[36..].parse().map_err(|_| invalid())?;
    Ok((token.starts_with('f'), position, serial))
}

fn range(input: &Value) -> Range {
    let time = |name: &str| input.number(name).and_then(|ms| u64::try_from(ms).ok());
    Range {
        from: time("startTime").unwrap_or(0),
        until: time("endTime").unwrap_or(u64::MAX),
        limit: input.number("limit").and_then(|n| usize::try_from(n).ok()).unwrap_or(PAGE_EVENTS),
    }
}

fn check_limit(input: &Value) -> Result<(), ApiError> {
    match input.number("limit") {
        Some(n) if !(1..=10_000).contains(&n) => Err(ApiError::invalid(format!(
            "1 validation error detected: Value '{n}' at 'limit' failed to satisfy constraint: \
             Member must have value less than or equal to 10000"
        ))),
        _ => Ok(()),
    }
}

fn events(page: &Page) -> Vec<Value> {
    let event = |event: &super::stream::Event| json!({"timestamp": event.time, "message": event.message, "ingestionTime": event.ingested});
    page.events.iter().map(event).collect()
}

impl LogStore {
    pub(crate) fn call(&self, operation: &str, input: &Value, place: Place<'_>, now: u64) -> Result<Value, ApiError> {
        let groups = &mut *lock(&self.groups);
        match operation {
            "CreateLogGroup" => groups::create(groups, input, now),
            "DeleteLogGroup" => groups::delete(groups, input),
            "CreateLogStream" => create_stream(groups, input, now),
            "DeleteLogStream" => delete_stream(groups, input),
            "DescribeLogGroups" => groups::describe(groups, input, place),
            "DescribeLogStreams" => describe_streams(groups, input, place),
            "PutLogEvents" => put_events(groups, input, now),
            "GetLogEvents" => get_events(groups, input, now),
            "FilterLogEvents" => filter_events(groups, input, now),
            "PutRetentionPolicy" => groups::put_retention(groups, input),
            "DeleteRetentionPolicy" => groups::delete_retention(groups, input),
            "TagResource" | "TagLogGroup" => groups::tag(groups, input),
            "UntagResource" | "UntagLogGroup" => groups::untag(groups, input),
            "ListTagsForResource" | "ListTagsLogGroup" => groups::list_tags(groups, input),
            _ => Err(ApiError::unknown_operation()),
        }
    }

    /// An empty page whose forward token is new although it stands at the same place.
    pub(crate) fn empty_page(&self, input: &Value) -> Result<Value, ApiError> {
        let groups = &mut *lock(&self.groups);
        stream(groups, input)?;
        let (_, position, serial) = input.text("nextToken").map_or(Ok((true, 0, 0)), parse_token)?;
        Ok(json!({
            "events": [],
            "nextForwardToken": token('f', position, serial + 1),
            "nextBackwardToken": token('b', position, serial + 1),
        }))
    }
}

fn create_stream(groups: &mut Groups, input: &Value, now: u64) -> Result<Value, ApiError> {
    let name = input.required("logStreamName")?;
    let group = group(groups, input)?;
    if group.streams.contains_key(name) {
        return Err(exists("log stream"));
    }
    group.streams.insert(name.to_owned(), Stream::new(now));
    Ok(json!({}))
}

fn delete_stream(groups: &mut Groups, input: &Value) -> Result<Value, ApiError> {
    let name = input.required("logStreamName")?;
    group(groups, input)?.streams.remove(name).ok_or_else(no_stream)?;
    Ok(json!({}))
}

pub(super) fn limit_as_max_results(input: &Value) -> Value {
    json!({"nextToken": input.get("nextToken"), "maxResults": input.get("limit")})
}

fn describe_streams(groups: &mut Groups, input: &Value, place: Place<'_>) -> Result<Value, ApiError> {
    let name = group_name(input)?.to_owned();
    let prefix = input.text("logStreamNamePrefix").unwrap_or_default();
    let by_time = input.text("orderBy") == Some("LastEventTime");
    if by_time && !prefix.is_empty() {
        return Err(ApiError::invalid("Cannot order by LastEventTime with a logStreamNamePrefix."));
    }
    let mut found: Vec<(u64, Value)> = group(groups, input)?
        .streams
        .iter()
        .filter(|(stream, _)| stream.starts_with(prefix))
        .map(|(stream, events)| {
            let mut value = json!({
                "logStreamName": stream,
                "creationTime": events.created_at,
                "uploadSequenceToken": "49039859621949201234567890123456789012345678901234567890",
                "arn": format!("arn:aws:logs:{}:{}:log-group:{name}:log-stream:{stream}", place.region, place.account),
                "storedBytes": 0,
            });
            if let Some((first, last)) = events.times() {
                value["firstEventTimestamp"] = first.into();
                value["lastEventTimestamp"] = last.into();
                value["lastIngestionTime"] = last.into();
            }
            (events.times().map_or(events.created_at, |(_, last)| last), value)
        })
        .collect();
    if by_time {
        found.sort_by_key(|(last, _)| *last);
    }
    if input.flag("descending") {
        found.reverse();
    }
    let found: Vec<Value> = found.into_iter().map(|(_, value)| value).collect();
    let (items, next) = page(&found, &limit_as_max_results(input), 50)?;
    Ok(listing("logStreams", items, next))
}

fn put_events(groups: &mut Groups, input: &Value, now: u64) -> Result<Value, ApiError> {
    let mut events: Vec<(u64, &str)> = Vec::new();
    for event in input.list("logEvents") {
        let time = event.number("timestamp").and_then(|ms| u64::try_from(ms).ok());
        let message = event.text("message").filter(|message| !message.is_empty());
        let (Some(time), Some(message)) = (time, message) else {
            return Err(ApiError::invalid("Log event message must not be empty."));
        };
        if events.last().is_some_and(|(last, _)| *last > time) {
            return Err(ApiError::invalid(
                "Log events in a single PutLogEvents request must be in chronological order.",
            ));
        }
        events.push((time, message));
    }
    if events.is_empty() || events.len() > PAGE_EVENTS {
        return Err(ApiError::invalid("The log event batch must have 1 to 10,000 events."));
    }
    stream(groups, input)?.append(events, now);
    Ok(json!({"nextSequenceToken": "49039859621949201234567890123456789012345678901234567890"}))
}

fn get_events(groups: &mut Groups, input: &Value, now: u64) -> Result<Value, ApiError> {
    check_limit(input)?;
    let stream = stream(groups, input)?;
    let range = range(input);
    let page = match input.text("nextToken").map(parse_token).transpose()? {
        Some((true, position, _)) => stream.forward(position, range, now),
        Some((false, position, _)) => stream.backward(position, range, now),
        None if input.flag("startFromHead") => stream.forward(0, range, now),
        None => stream.backward(usize::MAX, range, now),
    };
    let (mut forward, mut backward) = (token('f', page.end, 0), token('b', page.start, 0));
    // At an end of the stream the very token that was sent comes back.
    if let (true, Some(sent)) = (page.events.is_empty(), input.text("nextToken")) {
        *(if sent.starts_with('f') { &mut forward } else { &mut backward }) = sent.to_owned();
    }
    Ok(json!({"events": events(&page), "nextForwardToken": forward, "nextBackwardToken": backward}))
}

fn filter_events(groups: &mut Groups, input: &Value, now: u64) -> Result<Value, ApiError> {
    check_limit(input)?;
    let range = range(input);
    let names = input.texts("logStreamNames");
    let prefix = input.text("logStreamNamePrefix").unwrap_or_default();
    let pattern = input.text("filterPattern").unwrap_or_default().trim_matches('"').to_owned();
    // Of what matches only the places are kept until the page is cut: streams hold millions of events.
    let streams = &mut group(groups, input)?.streams;
    let mut found: Vec<(u64, usize, usize)> = Vec::new();
    let mut searched: Vec<String> = Vec::new();
    for (name, stream) in streams.iter_mut() {
        if name.starts_with(prefix) && (names.is_empty() || names.contains(name)) {
            let places = stream.matching(range, &pattern, now).into_iter();
            found.extend(places.map(|(time, at)| (time, searched.len(), at)));
            searched.push(name.clone());
        }
    }
    found.sort_by_key(|(time, ..)| *time);
    let (places, next) = page(&found, &limit_as_max_results(input), PAGE_EVENTS)?;
    let events = places.into_iter().filter_map(|(time, stream, at)| {
        let name = searched.get(stream)?;
        let event = streams.get(name)?.event(at, range)?;
        Some(json!({
            "logStreamName": name, "timestamp": time, "message": event.message,
            "ingestionTime": event.ingested, "eventId": format!("{time:020}{at:036}"),
        }))
    });
    let items = events.collect();
    let mut answer = listing("events", items, next);
    answer["searchedLogStreams"] = json!([]);
    Ok(answer)
}
