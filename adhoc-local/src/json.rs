//! Reading members of a request without ceremony.

use crate::error::ApiError;
use serde_json::{Map, Value};

/// Members of a request, by name.
pub(crate) trait Members {
    fn text(&self, name: &str) -> Option<&str>;
    fn number(&self, name: &str) -> Option<i64>;
    fn flag(&self, name: &str) -> bool;
    fn list(&self, name: &str) -> &[Value];
    fn texts(&self, name: &str) -> Vec<String>;
    fn required(&self, name: &str) -> Result<&str, ApiError>;
}

impl Members for Value {
    fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(Value::as_str)
    }

    fn number(&self, name: &str) -> Option<i64> {
        self.get(name).and_then(Value::as_i64)
    }

    fn flag(&self, name: &str) -> bool {
        self.get(name).and_then(Value::as_bool).unwrap_or(false)
    }

    fn list(&self, name: &str) -> &[Value] {
        self.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    fn texts(&self, name: &str) -> Vec<String> {
        self.list(name).iter().filter_map(Value::as_str).map(str::to_owned).collect()
    }

    fn required(&self, name: &str) -> Result<&str, ApiError> {
        let text = self.text(name).unwrap_or_default();
        if text.is_empty() {
            return Err(ApiError::invalid(format!("{name} can not be blank.")));
        }
        Ok(text)
    }
}

/// Sets `name` unless `value` is null or the object has it already.
pub(crate) fn fill(object: &mut Map<String, Value>, name: &str, value: Value) {
    if !value.is_null() && !object.contains_key(name) {
        object.insert(name.to_owned(), value);
    }
}

/// One page of `items` after `nextToken`, and the token of the next page.
pub(crate) fn page<T: Clone>(items: &[T], input: &Value, default: usize) -> Result<(Vec<T>, Option<String>), ApiError> {
    let start = match input.text("nextToken") {
        None => 0,
        Some(token) => token
            .strip_prefix("page-")
            .and_then(|offset| offset.parse::<usize>().ok())
            .ok_or_else(|| ApiError::invalid("Invalid token."))?,
    };
    let size = input.number("maxResults").and_then(|n| usize::try_from(n).ok()).filter(|n| *n > 0).unwrap_or(default);
    let end = items.len().min(start.saturating_add(size));
    let page = items.get(start..end).unwrap_or(&[]).to_vec();
    Ok((page, (end < items.len()).then(|| format!("page-{end}"))))
}

/// `{name: items}`, with `nextToken` if there is a next page.
pub(crate) fn listing(name: &str, items: Vec<Value>, token: Option<String>) -> Value {
    let mut answer = Map::new();
    answer.insert(name.to_owned(), Value::Array(items));
    if let Some(token) = token {
        answer.insert("nextToken".to_owned(), Value::from(token));
    }
    Value::Object(answer)
}
