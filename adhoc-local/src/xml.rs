//! Writing the XML of the query and EC2 protocols.

/// Text as it may stand between tags.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// `<name>text</name>`
pub(crate) fn leaf(name: &str, text: &str) -> String {
    format!("<{name}>{}</{name}>", escape(text))
}

/// `<name>` around what is XML already.
pub(crate) fn node(name: &str, inner: &str) -> String {
    format!("<{name}>{inner}</{name}>")
}

/// EC2's list: `<name><item>..</item>..</name>`.
pub(crate) fn items<I: IntoIterator<Item = String>>(name: &str, inner: I) -> String {
    let inner: String = inner.into_iter().map(|inner| node("item", &inner)).collect();
    node(name, &inner)
}
