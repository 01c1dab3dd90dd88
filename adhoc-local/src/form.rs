//! Form bodies: `Action=DescribeSubnets&Filter.1.Name=tag%3AName&Filter.1.Value.1=dev-*`.

use crate::glob;
use serde_json::{Map, Value};

fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = text.get(at + 1..at + 3).and_then(|pair| u8::from_str_radix(pair, 16).ok());
        match (bytes[at], hex) {
            (b'%', Some(byte)) => {
                decoded.push(byte);
                at += 2;
            }
            (b'+', _) => decoded.push(b' '),
            (byte, _) => decoded.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

/// The parameters of a form body, in order.
pub(crate) fn parse(body: &str) -> Value {
    let mut form = Map::new();
    for pair in body.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        form.insert(decode(name), Value::from(decode(value)));
    }
    Value::Object(form)
}

/// The values `Name.1`, `Name.2`, ...
pub(crate) fn numbered(form: &Value, name: &str) -> Vec<String> {
    (1..).map_while(|n| form.get(format!("{name}.{n}"))?.as_str().map(str::to_owned)).collect()
}

/// A filter of a request: any of its values must match.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Filter {
    pub(crate) name: String,
    values: Vec<String>,
}

impl Filter {
    /// Whether one of `found` matches one of the values, which may hold `*` and `?`.
    pub(crate) fn admits<S: AsRef<str>>(&self, found: &[S]) -> bool {
        found.iter().any(|text| self.values.iter().any(|value| glob::matches(value, text.as_ref())))
    }
}

/// `Filter.N.Name` with its `Filter.N.Value.M`.
pub(crate) fn filters(form: &Value) -> Vec<Filter> {
    (1..)
        .map_while(|n| {
            let name = form.get(format!("Filter.{n}.Name"))?.as_str()?.to_owned();
            Some(Filter { name, values: numbered(form, &format!("Filter.{n}.Value")) })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{filters, parse};

    #[test]
    fn escapes_and_filters_are_read() {
        let form = parse(
            "Action=X&Filter.1.Name=tag%3AName&Filter.1.Value.1=a%2Bb&Filter.1.Value.2=dev-*&Filter.2.Name=a+b&x=%zz%e2%82%ac",
        );
        assert_eq!(form["x"], "%zz€");
        let filters = filters(&form);
        assert_eq!(filters[1].name, "a b");
        assert!(filters[0].admits(&["a+b"]) && filters[0].admits(&["dev-1"]) && !filters[0].admits(&["qa-1"]));
        assert!(!filters[1].admits(&["anything"]));
    }
}
