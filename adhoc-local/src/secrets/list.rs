//! ListSecrets.

use super::secret::Secret;
use crate::{
    error::ApiError,
    json::{Members, page},
};
use serde_json::{Value, json};

pub(super) fn list<'a>(secrets: impl Iterator<Item = &'a Secret>, input: &Value) -> Result<Value, ApiError> {
    if input.number("MaxResults").is_some_and(|size| !(1..=100).contains(&size)) {
        return Err(ApiError::invalid("MaxResults must be between 1 and 100."));
    }
    let deleted_too = input.flag("IncludePlannedDeletion");
    let mut found = Vec::new();
    for secret in secrets.filter(|secret| deleted_too || secret.deletion_at.is_none()) {
        if passes(secret, input.list("Filters"))? {
            found.push(secret);
        }
    }
    found.sort_by_key(|secret| secret.created_at);
    if input.text("SortOrder") == Some("desc") {
        found.reverse();
    }
    let entries: Vec<Value> = found.into_iter().map(entry).collect();
    let asked = json!({"nextToken": input.get("NextToken"), "maxResults": input.get("MaxResults")});
    let (entries, next) =
        page(&entries, &asked, 100).map_err(|error| ApiError::new("InvalidNextTokenException", error.message))?;
    let mut answer = json!({"SecretList": entries});
    if let Some(token) = next {
        answer["NextToken"] = token.into();
    }
    Ok(answer)
}

fn entry(secret: &Secret) -> Value {
    let mut entry = secret.details();
    entry["SecretVersionsToStages"] = secret.stages();
    entry
}

/// Whether it passes every filter: one of the filter's values begins one of the secret's.
fn passes(secret: &Secret, filters: &[Value]) -> Result<bool, ApiError> {
    for filter in filters {
        let attributes = attributes(secret, filter.text("Key").unwrap_or_default())?;
        let lower = filter.text("Key") == Some("description");
        let begins = |prefix: &str| {
            let prefix = if lower { prefix.to_lowercase() } else { prefix.to_owned() };
            attributes.iter().any(|attribute| attribute.starts_with(&prefix))
        };
        let admits = |value: &String| value.strip_prefix('!').map_or_else(|| begins(value), |prefix| !begins(prefix));
        if !filter.texts("Values").iter().any(admits) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What a filter looks at. Only descriptions are matched without regard to case.
fn attributes(secret: &Secret, key: &str) -> Result<Vec<String>, ApiError> {
    Ok(match key {
        "name" => vec![secret.name.clone()],
        "tag-key" => secret.tags.keys().cloned().collect(),
        "tag-value" => secret.tags.values().cloned().collect(),
        "owning-service" => secret.owner.map(str::to_owned).into_iter().collect(),
        "description" => secret.description.as_deref().map(str::to_lowercase).into_iter().collect(),
        other => return Err(ApiError::invalid(format!("The filter key {other} is not known to this server."))),
    })
}
