//! A file with the values of variables.

use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use adhoc_core::{Error, Result};
use hcl_edit::Span;
use hcl_edit::expr::Expression;
use hcl_edit::structure::{Body, Structure};

use crate::variables::literal::{is_plain_number, literal, quoted};
use crate::variables::{Declarations, syntax_error};

const SENSITIVE: &str = "(sensitive)";
/// How many names are listed where one is not known.
const NAMED: usize = 20;

/// A variable that was set.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SetVariable {
    /// Its name.
    pub name: String,
    /// What it was before, if it was there; of a string its text, of anything else what is written. Of a sensitive variable
    /// `(sensitive)`.
    pub from: Option<String>,
    /// What it is now, likewise.
    pub to: String,
    /// Whether that made a difference.
    pub changed: bool,
}

/// A `*.tfvars` file.
///
/// Setting a variable replaces the bytes of its value. Every other byte stays: comments, order, blanks.
#[derive(Clone)]
pub struct VarFile {
    path: PathBuf,
    text: String,
    body: Body,
}

impl std::fmt::Debug for VarFile {
    /// Its values may be secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VarFile").field("path", &self.path).finish_non_exhaustive()
    }
}

impl VarFile {
    /// The file at `path`, whose contents are `text`.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] with line and column if it is not made of assignments only.
    pub fn parse(text: String, path: &Path) -> Result<Self> {
        let file = path.display().to_string();
        if path.extension().is_some_and(|extension| extension == "json") {
            let hint = "use a *.tfvars file, which keeps its comments";
            return Err(Error::invalid("", file, "files of variables in JSON are not changed").with_hint(hint));
        }
        if text.starts_with('\u{feff}') {
            return Err(Error::invalid("", file, "begins with a byte order mark, which Terraform refuses")
                .with_hint("save it as UTF-8 without one"));
        }
        let body = hcl_edit::parser::parse_body(&text).map_err(|error| syntax_error(&file, &error))?;
        if let Some(block) = body.iter().find_map(Structure::as_block) {
            let (line, column) = place(&text, block.span().map_or(0, |span| span.start));
            let error =
                Error::invalid("", format!("{file} line {line} column {column}"), "a block where only values may be");
            return Err(error.with_hint("a file of variables holds lines such as `tag = \"v1\"`"));
        }
        Ok(Self { path: path.to_owned(), text, body })
    }

    /// Reads a file.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] without the file, and those of [`parse`](Self::parse).
    pub fn read(path: &Path) -> Result<Self> {
        let place = || path.display().to_string();
        let text = fs::read_to_string(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Error::not_found("read", place(), "there is no such file of variables"),
            _ => Error::invalid("read", place(), error.to_string()),
        })?;
        Self::parse(text, path)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its contents.
    #[must_use]
    pub fn text(&self) -> String {
        self.text.clone()
    }

    /// The names of its variables, in their order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.body.attributes().map(|attribute| attribute.key.as_str())
    }

    /// The value of a variable, if it is there and a string without a template.
    #[must_use]
    pub fn value_of(&self, name: &str) -> Option<String> {
        self.value(name)?.as_str().map(str::to_owned)
    }

    /// Sets a variable. Its declared type decides what `value` is: for `string` it is text, and for any other type it is HCL,
    /// such as `3` or `["a", "b"]`. Without a declared type, or with `any`, it is HCL if it can be and is read back the same
    /// (`1.10` is not, and so is text), and text else. A new variable is added at the end.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] if the variable is not declared, or `value` cannot be one of its type. Nothing is changed then.
    pub fn set(&mut self, name: &str, value: &str, declarations: &Declarations) -> Result<SetVariable> {
        let declaration = declarations.get(name);
        if declaration.is_none() && declarations.is_complete() {
            return Err(undeclared(name, declarations));
        }
        let kind = declaration.and_then(|declaration| declaration.kind.as_deref());
        // One that is declared where it was not looked for may be sensitive.
        let sensitive = declaration.is_none_or(|declaration| declaration.sensitive);
        let new = written(name, value, kind, sensitive)?;
        let shown = |value: String| if sensitive { SENSITIVE.to_owned() } else { value };
        let from = self.value(name).map(|expression| self.shown(expression));
        let unchanged = self.value(name).is_some_and(|old| self.is_same(old, &new));
        let set = SetVariable {
            name: name.to_owned(),
            from: from.map(shown),
            to: shown(literal(&new).and_then(|(it, _)| it.as_str().map(str::to_owned)).unwrap_or_else(|| new.clone())),
            changed: !unchanged,
        };
        if !unchanged {
            *self = Self::parse(self.with(name, &new)?, &self.path)?;
        }
        Ok(set)
    }

    /// Writes it where it was read: beside it first, then in its place, so that it is never half there. Its mode stays, and a
    /// link still leads to it.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] if that cannot be done; the file is then as it was.
    pub fn write(&self) -> Result<()> {
        self.replace().map_err(|error| Error::invalid("write", self.path.display().to_string(), error.to_string()))
    }

    fn replace(&self) -> io::Result<()> {
        let path = fs::canonicalize(&self.path).or_else(|error| match error.kind() {
            io::ErrorKind::NotFound => Ok(self.path.clone()),
            _ => Err(error),
        })?;
        let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
        // What a new file may be is up to the umask.
        let mut file = tempfile::Builder::new().permissions(Permissions::from_mode(0o666)).tempfile_in(dir)?;
        if let Ok(there) = fs::metadata(&path) {
            file.as_file().set_permissions(there.permissions())?;
        }
        file.write_all(self.text.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(&path).map_err(|error| error.error)?;
        Ok(())
    }

    fn value(&self, name: &str) -> Option<&Expression> {
        self.body.get_attribute(name).map(|attribute| &attribute.value)
    }

    fn source(&self, expression: &Expression) -> &str {
        expression.span().and_then(|span| self.text.get(span)).unwrap_or_default()
    }

    fn shown(&self, expression: &Expression) -> String {
        expression.as_str().unwrap_or_else(|| self.source(expression)).to_owned()
    }

    fn is_same(&self, old: &Expression, new: &str) -> bool {
        let new_text = literal(new).and_then(|(new, _)| new.as_str().map(str::to_owned));
        match (old.as_str(), new_text) {
            (Some(old), Some(new)) => old == new,
            _ => self.source(old) == new,
        }
    }

    /// The text with another value, or one more.
    fn with(&self, name: &str, new: &str) -> Result<String> {
        let mut text = self.text.clone();
        match self.value(name).map(Span::span) {
            Some(Some(span)) => text.replace_range(span, new),
            Some(None) => return Err(Error::internal("set", name, "the place of the value is not known")),
            None => {
                let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
                if !text.is_empty() && !text.ends_with('\n') {
                    text.push_str(end);
                }
                text.push_str(&format!("{name} = {new}{end}"));
            }
        }
        Ok(text)
    }
}

/// How the value is written.
fn written(name: &str, value: &str, kind: Option<&str>, sensitive: bool) -> Result<String> {
    let Some(kind) = kind.filter(|kind| *kind != "any") else {
        return Ok(match literal(value) {
            Some((Expression::Number(_) | Expression::UnaryOp(_), text)) if !is_plain_number(text) => quoted(value),
            Some((_, text)) => text.to_owned(),
            None => quoted(value),
        });
    };
    if kind == "string" {
        return Ok(quoted(value));
    }
    let fits = |expression: &Expression| match (kind, expression) {
        (_, Expression::Null(_)) => true,
        ("number", expression) => matches!(expression, Expression::Number(_) | Expression::UnaryOp(_)),
        ("bool", expression) => matches!(expression, Expression::Bool(_)),
        _ => true,
    };
    match literal(value) {
        Some((expression, text)) if fits(&expression) => Ok(text.to_owned()),
        _ => {
            let value = if sensitive { "its value".to_owned() } else { format!("`{value}`") };
            let example = match kind {
                "number" => "3",
                "bool" => "true",
                kind if kind.starts_with("map") || kind.starts_with("object") => "{ a = \"b\" }",
                _ => "[\"a\", \"b\"]",
            };
            let error = Error::invalid("set", name, format!("{value} is no literal of the type {kind}"));
            Err(error.with_hint(format!("write it as in `{name}={example}`")))
        }
    }
}

fn undeclared(name: &str, declarations: &Declarations) -> Error {
    let all: Vec<_> = declarations.names().collect();
    let near: Vec<_> = all.iter().copied().filter(|other| distance(name, other) <= 1 + name.len() / 4).collect();
    let hint = match (&near[..], all.len()) {
        ([], 0) => "it declares none".to_owned(),
        ([], count) if count > NAMED => format!("it declares {}, and {} more", all[..NAMED].join(", "), count - NAMED),
        ([], _) => format!("it declares {}", all.join(", ")),
        (near, _) => format!("did you mean {}?", near[..near.len().min(NAMED)].join(" or ")),
    };
    Error::invalid("set", name, "the configuration declares no such variable").with_hint(hint)
}

/// How many characters have to be put in, left out or replaced.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, character) in one.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], line + 1);
        for (column, against) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(character != *against);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}

/// Line and column of an offset, from 1.
fn place(text: &str, offset: usize) -> (usize, usize) {
    let before = &text[..text.floor_char_boundary(offset)];
    let line = before.rsplit('\n').next().unwrap_or_default();
    (before.matches('\n').count() + 1, line.chars().count() + 1)
}

#[cfg(test)]
mod tests;
