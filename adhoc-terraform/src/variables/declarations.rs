//! Which variables a configuration declares.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use adhoc_core::{Error, Result};
use hcl_edit::Span;
use hcl_edit::expr::Expression;
use hcl_edit::structure::Block;

use super::syntax_error;

/// A variable that a configuration declares.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Declaration {
    /// Its type, as it is written, such as `list(string)`.
    pub kind: Option<String>,
    /// Whether it needs no value.
    pub has_default: bool,
    /// Whether its value must not be shown.
    pub sensitive: bool,
}

impl Declaration {
    /// A variable of a type.
    #[must_use]
    pub fn new(kind: Option<&str>) -> Self {
        Self { kind: kind.map(str::to_owned), has_default: false, sensitive: false }
    }
}

/// The variables that a configuration declares, by name.
///
/// Those in `*.tf.json` files are not read. Where there are such files, it cannot be said of a name that it is not declared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Declarations {
    variables: BTreeMap<String, Declaration>,
    incomplete: bool,
}

impl Declarations {
    /// Reads every `variable` block of the `*.tf` and `*.tofu` files of a folder. As with Terraform, `override.tf` and
    /// `*_override.tf` come last and have the last word.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] without the folder, and [`Error::Invalid`] if a file cannot be read or is no HCL.
    pub fn read(dir: &Path) -> Result<Self> {
        let mut read = Self::default();
        for path in read.files(dir)? {
            let text = fs::read_to_string(&path).map_err(|error| cannot_read(&path, &error))?;
            read.add(&text, &path.display().to_string())?;
        }
        Ok(read)
    }

    /// The declaration of a variable.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Declaration> {
        self.variables.get(name)
    }

    /// The names of all variables, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.variables.keys().map(String::as_str)
    }

    /// Whether every declaration was read, so that a name that is not among them is not declared.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        !self.incomplete
    }

    fn files(&mut self, dir: &Path) -> Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(dir).map_err(|error| cannot_read(dir, &error))? {
            let path = entry.map_err(|error| cannot_read(dir, &error))?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if name.starts_with('.') {
                continue;
            }
            self.incomplete |= name.ends_with(".tf.json") || name.ends_with(".tofu.json");
            if let Some(stem) = name.strip_suffix(".tf").or_else(|| name.strip_suffix(".tofu")) {
                let is_override = stem == "override" || stem.ends_with("_override");
                files.push((is_override, path));
            }
        }
        files.sort();
        Ok(files.into_iter().map(|(_, path)| path).collect())
    }

    fn add(&mut self, text: &str, file: &str) -> Result<()> {
        let body = hcl_edit::parser::parse_body(text).map_err(|error| syntax_error(file, &error))?;
        for block in body.get_blocks("variable") {
            if let [label] = &block.labels[..] {
                declare(self.variables.entry(label.as_str().to_owned()).or_default(), block, text);
            }
        }
        Ok(())
    }
}

impl<N: Into<String>> FromIterator<(N, Declaration)> for Declarations {
    fn from_iter<I: IntoIterator<Item = (N, Declaration)>>(variables: I) -> Self {
        Self { variables: variables.into_iter().map(|(name, it)| (name.into(), it)).collect(), incomplete: false }
    }
}

fn declare(variable: &mut Declaration, block: &Block, text: &str) {
    if let Some(kind) = block.body.get_attribute("type") {
        // `type = "string"` is how Terraform 0.11 wrote it, and still understood.
        let written = || kind.value.span().and_then(|span| text.get(span)).unwrap_or_default();
        variable.kind = Some(kind.value.as_str().unwrap_or_else(written).trim().to_owned());
    }
    variable.has_default |= block.body.has_attribute("default");
    if let Some(sensitive) = block.body.get_attribute("sensitive") {
        // What cannot be judged is rather not shown.
        variable.sensitive = !matches!(&sensitive.value, Expression::Bool(value) if !**value);
    }
}

fn cannot_read(path: &Path, error: &io::Error) -> Error {
    let place = path.display().to_string();
    match error.kind() {
        io::ErrorKind::NotFound => Error::not_found("read", place, "there is no such file or folder"),
        _ => Error::invalid("read", place, error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("a folder");
        for (name, text) in files {
            fs::write(dir.path().join(name), text).expect("a file");
        }
        dir
    }

    #[test]
    fn every_variable_of_a_folder_is_known() {
        let dir = folder(&[
            ("variables.tf", "variable \"tag\" {\n  type = number # the image\n}\nvariable size {\n  default = 1\n}\n"),
            ("more.tofu", "variable \"all\" {\n  type = list( object({ a = string }) )\n  sensitive = true\n}\n"),
            ("old.tf", "variable \"old\" {\n  type = \"string\"\n  sensitive = false\n}\nlocals {\n  x = 1\n}\n"),
            ("override.tf", "variable \"tag\" {\n  type = string\n  default = \"a\"\n  sensitive = true\n}\n"),
            (".hidden.tf", "not HCL"),
            ("notes.txt", "not HCL"),
        ]);
        let declared = Declarations::read(dir.path()).expect("valid");
        assert_eq!(declared.names().collect::<Vec<_>>(), ["all", "old", "size", "tag"]);
        let tag = Declaration { kind: Some("string".into()), has_default: true, sensitive: true };
        assert_eq!(declared.get("tag"), Some(&tag));
        assert_eq!(declared.get("size"), Some(&Declaration { has_default: true, ..Declaration::default() }));
        let all = declared.get("all").expect("declared");
        assert_eq!((all.kind.as_deref(), all.sensitive), (Some("list( object({ a = string }) )"), true));
        assert_eq!(declared.get("old"), Some(&Declaration::new(Some("string"))));
        assert!(declared.is_complete());
    }

    #[test]
    fn json_is_not_read_and_said_so() {
        let dir = folder(&[("main.tf.json", "{}")]);
        assert!(!Declarations::read(dir.path()).expect("valid").is_complete());
    }

    #[test]
    fn what_cannot_be_read_is_named_with_its_place() {
        let dir = folder(&[("main.tf", "variable \"tag\" {\n  type = \n}\n")]);
        let error = Declarations::read(dir.path()).expect_err("no expression");
        assert!(matches!(error, Error::Invalid(_)) && error.to_string().contains("main.tf line 2 column"), "{error}");
        let error = Declarations::read(&dir.path().join("nowhere")).expect_err("no folder");
        assert!(matches!(error, Error::NotFound(_)));
    }
}
