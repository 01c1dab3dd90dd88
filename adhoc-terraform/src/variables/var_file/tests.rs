use proptest::prelude::*;

use super::*;
use crate::variables::Declaration;

const FILE: &str = "# The environment.\n\ntag   = \"v1\"   # of the images\nsize = 3 // tasks\n\n/* where */\nzones = [\n  \
                    \"a\", # first\n  \"b\",\n]\nquoted = \"a$${b} \\u00e9\\n\"\nraw = <<-EOT\n  x ${1}\n  EOT\nnothing = null\n";

fn file(text: &str) -> VarFile {
    VarFile::parse(text.to_owned(), Path::new("alpha.tfvars")).expect("valid")
}

fn declared() -> Declarations {
    let secret = Declaration { sensitive: true, ..Declaration::new(Some("string")) };
    let kinds = [
        ("tag", Some("string")),
        ("size", Some("number")),
        ("debug", Some("bool")),
        ("zones", Some("list(string)")),
        ("labels", Some("map(string)")),
        ("anything", Some("any")),
        ("untyped", None),
        ("quoted", Some("string")),
        ("raw", Some("string")),
        ("nothing", None),
    ];
    let variables = kinds.map(|(name, kind)| (name, Declaration::new(kind)));
    variables.into_iter().chain([("password", secret)]).collect()
}

fn set(name: &str, value: &str) -> (SetVariable, String) {
    let mut file = file(FILE);
    let set = file.set(name, value, &declared()).expect("valid");
    (set, file.text())
}

fn refused(name: &str, value: &str) -> Error {
    let mut file = file(FILE);
    let error = file.set(name, value, &declared()).expect_err("invalid");
    assert!(matches!(error, Error::Invalid(_)), "{error:?}");
    assert_eq!(file.text(), FILE);
    error
}

#[test]
fn values_are_read() {
    let file = file(FILE);
    assert_eq!(file.names().collect::<Vec<_>>(), ["tag", "size", "zones", "quoted", "raw", "nothing"]);
    assert_eq!(file.value_of("tag").as_deref(), Some("v1"));
    assert_eq!(file.value_of("quoted").as_deref(), Some("a${b} é\n"));
    for no_string in ["size", "zones", "raw", "nothing", "missing"] {
        assert_eq!(file.value_of(no_string), None, "{no_string}");
    }
}

#[test]
fn only_the_value_is_replaced() {
    for (name, value, from, old, new) in [
        ("tag", "v1.1.0", "v1", "\"v1\"", "\"v1.1.0\""),
        ("tag", "say \"${hi}\"", "v1", "\"v1\"", r#""say \"$${hi}\"""#),
        ("size", " -4 ", "3", "3", "-4"),
        ("size", "null", "3", "3", "null"),
        ("nothing", "\"x\"", "null", "null", "\"x\""),
        ("raw", "x", "<<-EOT\n  x ${1}\n  EOT", "<<-EOT\n  x ${1}\n  EOT", "\"x\""),
        ("zones", "[\"c\"]", "[\n  \"a\", # first\n  \"b\",\n]", "[\n  \"a\", # first\n  \"b\",\n]", "[\"c\"]"),
    ] {
        let (set, text) = set(name, value);
        assert_eq!((set.from.as_deref(), set.changed), (Some(from), true), "{name}");
        assert_eq!(text, FILE.replacen(old, new, 1), "{name}");
        file(&text);
    }
}

#[test]
fn the_same_value_changes_nothing() {
    for (name, value) in [("tag", "v1"), ("size", "3"), ("quoted", "a${b} é\n"), ("nothing", "null")] {
        let (set, text) = set(name, value);
        assert_eq!((set.changed, text.as_str()), (false, FILE), "{name}");
        assert_eq!(set.from.as_ref(), Some(&set.to));
    }
}

#[test]
fn the_declared_type_decides() {
    let added = |name: &str, value: &str| {
        let (set, text) = set(name, value);
        assert_eq!((set.from, set.changed), (None, true));
        text.strip_prefix(FILE).expect("the rest as it was").to_owned()
    };
    assert_eq!(added("debug", "true"), "debug = true\n");
    assert_eq!(added("labels", "{ a = \"b\" }"), "labels = { a = \"b\" }\n");
    for (value, written) in [
        ("1", "1"),
        ("1.10", "\"1.10\""),
        ("007", "\"007\""),
        ("v1", "\"v1\""),
        ("[1]", "[1]"),
        ("\"q\"", "\"q\""),
        ("12e4567", "\"12e4567\""),
        ("a b", "\"a b\""),
        ("f(1)", "\"f(1)\""),
        ("true", "true"),
        ("", "\"\""),
    ] {
        assert_eq!(added("untyped", value), format!("untyped = {written}\n"), "{value}");
        assert_eq!(added("anything", value), format!("anything = {written}\n"), "{value}");
    }
    for (name, value) in [
        ("size", "many"),
        ("size", "\"3\""),
        ("size", "1 + 1"),
        ("size", "3\ntag = 4"),
        ("debug", "1"),
        ("debug", "yes"),
        ("zones", "a,b"),
        ("zones", "[a]"),
        ("zones", "[\"${file(\"x\")}\"]"),
        ("labels", "{ a = var.b }"),
        ("labels", ""),
    ] {
        let error = refused(name, value);
        assert!(error.detail().hint.as_deref().is_some_and(|hint| hint.starts_with("write it as in")), "{error}");
    }
}

#[test]
fn a_name_that_is_not_declared_is_refused_with_those_that_are() {
    assert_eq!(refused("tagg", "v1").detail().hint.as_deref(), Some("did you mean tag?"));
    let hint = refused("completely_other", "v1").detail().hint.clone().unwrap_or_default();
    assert!(hint.starts_with("it declares anything, debug, labels,"), "{hint}");
    let dir = tempfile::tempdir().expect("a folder");
    fs::write(dir.path().join("main.tf.json"), "{}").expect("a file");
    let incomplete = Declarations::read(dir.path()).expect("valid");
    assert!(file(FILE).set("tagg", "v1", &incomplete).is_ok());
}

#[test]
fn a_sensitive_value_is_not_shown() {
    let mut file = file("password = \"hunter1\"\n");
    let set = file.set("password", "hunter2", &declared()).expect("valid");
    assert_eq!((set.from.as_deref(), set.to.as_str()), (Some(SENSITIVE), SENSITIVE));
    assert_eq!(file.text(), "password = \"hunter2\"\n");
    assert!(!format!("{file:?}").contains("hunter"));
    let number: Declarations =
        [("pin", Declaration { sensitive: true, ..Declaration::new(Some("number")) })].into_iter().collect();
    let error = file.set("pin", "hunter2", &number).expect_err("no number");
    assert!(!format!("{error:?}").contains("hunter"), "{error:?}");
}

#[test]
fn a_new_variable_gets_a_line_of_its_own() {
    for (text, expected) in [
        ("", "tag = \"v1\"\n"),
        ("size = 3", "size = 3\ntag = \"v1\"\n"),
        ("size = 3 # tasks", "size = 3 # tasks\ntag = \"v1\"\n"),
        ("size = 3\r\n", "size = 3\r\ntag = \"v1\"\r\n"),
    ] {
        let mut file = file(text);
        file.set("tag", "v1", &declared()).expect("valid");
        assert_eq!(file.text(), expected);
    }
}

#[test]
fn what_is_no_file_of_variables_is_refused_with_its_place() {
    for (text, place) in [
        ("tag = \"v1\"\nsize = \n", "alpha.tfvars line 2 column 8"),
        ("tag = \"hunter2\nsize = \"3\"\n", "alpha.tfvars line 2 column"),
        ("tag = \"v1\"\n\nblock {\n}\n", "alpha.tfvars line 3 column 1: a block where only values may be"),
        ("tag = 1\ntag = 2\n", "alpha.tfvars line 2 column 1"),
    ] {
        let error = VarFile::parse(text.to_owned(), Path::new("alpha.tfvars")).expect_err("invalid");
        assert!(matches!(error, Error::Invalid(_)) && error.to_string().starts_with(place), "{error}");
        assert!(error.detail().hint.is_some() && !format!("{error:?}").contains("hunter2"), "{error:?}");
    }
    assert!(VarFile::parse("{}".to_owned(), Path::new("a.tfvars.json")).is_err());
    let missing = VarFile::read(Path::new("/nowhere/a.tfvars")).expect_err("no file");
    assert!(matches!(missing, Error::NotFound(_)));
}

#[test]
fn writing_keeps_mode_and_link() {
    let dir = tempfile::tempdir().expect("a folder");
    let (path, link) = (dir.path().join("real.tfvars"), dir.path().join("link.tfvars"));
    fs::write(&path, FILE).expect("a file");
    fs::set_permissions(&path, Permissions::from_mode(0o640)).expect("a mode");
    std::os::unix::fs::symlink(&path, &link).expect("a link");
    let mut file = VarFile::read(&link).expect("valid");
    file.set("tag", "v2", &declared()).expect("valid");
    file.write().expect("written");
    assert!(fs::symlink_metadata(&link).expect("a link").is_symlink());
    assert_eq!(fs::read_to_string(&path).expect("a file"), FILE.replace("\"v1\"", "\"v2\""));
    assert_eq!(fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o640);
    assert_eq!(fs::read_dir(dir.path()).expect("a folder").count(), 2, "nothing is left beside it");
    let nowhere = VarFile::parse(String::new(), &dir.path().join("no/a.tfvars")).expect("valid");
    assert!(nowhere.write().is_err());
}

/// A line of a file of variables: blanks, a comment, or an assignment, whose name is numbered to be unique.
fn line() -> impl Strategy<Value = (String, bool)> {
    prop_oneof![
        "[ \t]{0,3}".prop_map(|blank| (blank, false)),
        "(#|//) ?[a-z\"={}$ ]{0,12}".prop_map(|comment| (comment, false)),
        (
            "[ ]{0,2}",
            "[ ]{0,3}=[ ]{0,3}",
            r#""[a-zäö #/]{0,8}"|-?[0-9]{1,4}|\[1, "b"\]|null|\{ a = 1 \}"#,
            "( +# ?[a-z\"]{0,8})?"
        )
            .prop_map(|(indent, sign, value, comment)| (format!("{indent}NAME{sign}{value}{comment}"), true)),
    ]
}

proptest! {
    #[test]
    fn setting_changes_the_value_and_nothing_else(
        lines in proptest::collection::vec(line(), 0..12),
        ends in any::<bool>(),
        which in 0usize..12,
        value in r#"(?s)([$%{}"\\#=]|.){0,12}"#,
    ) {
        let names: Vec<_> = (0..lines.len()).map(|number| format!("name{number}")).collect();
        let mut text: String =
            lines.iter().zip(&names).map(|((line, _), name)| line.replace("NAME", name) + "\n").collect();
        if !ends && text.ends_with('\n') { text.pop(); }
        let name = format!("name{which}");
        let declared: Declarations = [(name.clone(), Declaration::new(Some("string")))].into_iter().collect();
        let before = file(&text);
        let mut after = before.clone();
        let set = after.set(&name, &value, &declared).expect("text is always valid");
        prop_assert_eq!(after.value_of(&name), Some(value.clone()));
        let there = before.value(&name).and_then(Span::span);
        let new = quoted(&value);
        match there {
            _ if !set.changed => prop_assert_eq!(after.text(), text.clone()),
            Some(span) => {
                prop_assert_eq!(after.text(), format!("{}{new}{}", &text[..span.start], &text[span.end..]));
            }
            None => {
                let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
                prop_assert_eq!(after.text(), format!("{text}{end}{name} = {new}\n"));
            }
        }
        for other in before.names().filter(|other| **other != name) {
            let (old, new) = (before.value(other).expect("there"), after.value(other).expect("still there"));
            prop_assert_eq!(before.source(old), after.source(new));
        }
        let once = after.text();
        prop_assert!(!after.set(&name, &value, &declared).expect("again").changed);
        prop_assert_eq!(after.text(), once);
    }

    #[test]
    fn no_text_is_a_reason_to_panic(text in r#"(?s)([a-z="{}\[\]$%\n<#]|.){0,60}"#, value in "(?s).{0,10}") {
        if let Ok(mut file) = VarFile::parse(text, Path::new("a.tfvars")) {
            let declared: Declarations = [("a", Declaration::new(None))].into_iter().collect();
            let _ = file.set("a", &value, &declared);
        }
    }
}
