//! An error or a warning, as Terraform words it.

use std::fmt;

/// How many bytes of a detail are kept: enough for a lock's description behind a long message of AWS.
const KEPT: usize = 16 * 1024;
/// How many characters one line of a report shows.
const SHOWN: usize = 500;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Severity {
    /// The operation failed.
    Error,
    /// The operation goes on.
    Warning,
}

/// Where in the configuration something is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Location {
    /// The file, as Terraform names it: relative to where it runs, or as it was given.
    pub file: String,
    /// The line, from 1; 0 where it is not told.
    pub line: u64,
    /// The column, from 1; 0 where it is not told.
    pub column: u64,
}

impl Location {
    /// A place in a file.
    pub fn new(file: impl Into<String>, line: u64, column: u64) -> Self {
        Self { file: file.into(), line, column }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.line, self.column) {
            (0, _) => f.write_str(&self.file),
            (line, 0) => write!(f, "{} line {line}", self.file),
            (line, column) => write!(f, "{} line {line} column {column}", self.file),
        }
    }
}

/// An error or a warning. The excerpt of the configuration that comes with it, and the values in it, are not kept: they
/// may be secret.
///
/// `Display` gives one line of limited length.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// What it is, such as `No value for required variable`.
    pub summary: String,
    /// More words on it, often several lines; may be empty.
    pub detail: String,
    /// The resource it is about.
    pub address: Option<String>,
    /// The place in the configuration it is about.
    pub location: Option<Location>,
}

impl Diagnostic {
    /// A diagnostic about nothing in particular. Texts are kept up to a limit.
    #[must_use]
    pub fn new(severity: Severity, summary: &str, detail: &str) -> Self {
        Self {
            severity,
            summary: shortened(summary, KEPT),
            detail: shortened(detail, KEPT),
            address: None,
            location: None,
        }
    }

    /// Adds the resource it is about.
    #[must_use]
    pub fn with_address(mut self, address: Option<String>) -> Self {
        self.address = address;
        self
    }

    /// Adds the place it is about.
    #[must_use]
    pub fn with_location(mut self, location: Option<Location>) -> Self {
        self.location = location;
        self
    }

    /// Summary and detail with single blanks: Terraform breaks the lines of both.
    pub(crate) fn words(&self) -> String {
        one_line(&format!("{}\n{}", self.summary, self.detail))
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let summary = one_line(&self.summary);
        let mut line = match (&self.location, &self.address) {
            (Some(location), Some(address)) => format!("{location}, {address}: {summary}"),
            (Some(location), None) => format!("{location}: {summary}"),
            (None, Some(address)) => format!("{address}: {summary}"),
            (None, None) => summary,
        };
        let detail = one_line(&self.detail);
        if !detail.is_empty() {
            line.push_str(": ");
            line.push_str(&detail);
        }
        match line.char_indices().nth(SHOWN) {
            Some((end, _)) => write!(f, "{}...", line[..end].trim_end()),
            None => f.write_str(&line),
        }
    }
}

/// The text with single blanks instead of line breaks and indentation.
pub(crate) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    line
}

/// The text, or as much of its beginning as fits into `limit` bytes.
pub(crate) fn shortened(text: &str, limit: usize) -> String {
    text[..text.floor_char_boundary(limit)].to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_diagnostic_is_one_line() {
        let diagnostic = Diagnostic::new(Severity::Error, "Bad\nthing", "It is\n  bad.\n\nVery.")
            .with_location(Some(Location::new("main.tf", 2, 1)))
            .with_address(Some("terraform_data.a".to_owned()));
        assert_eq!(diagnostic.to_string(), "main.tf line 2 column 1, terraform_data.a: Bad thing: It is bad. Very.");
        assert_eq!(Diagnostic::new(Severity::Error, "execution halted", "").to_string(), "execution halted");
    }

    proptest! {
        #[test]
        fn no_diagnostic_is_longer_than_a_paragraph(summary in ".{0,900}", detail in "(?s).{0,900}") {
            let shown = Diagnostic::new(Severity::Warning, &summary, &detail).to_string();
            prop_assert!(shown.chars().count() <= SHOWN + 3 && !shown.contains('\n'));
        }

        #[test]
        fn what_is_shortened_fits(text in ".{0,40}", limit in 0usize..60) {
            let short = shortened(&text, limit);
            prop_assert!(short.len() <= limit && text.starts_with(&short));
        }
    }
}
