//! What Terraform writes for people, read as diagnostics.

use crate::stream::{Diagnostic, Location, Severity, one_line};

/// What precedes a box, or follows it, and says nothing by itself.
const NOISE: [&str; 2] =
    ["There are some problems with the CLI configuration:", "For more help on using this command, run:"];

/// The errors in `text`: those in boxes, or, without any, the text itself. Boxes with warnings are left out, colours are
/// stripped, and excerpts of the configuration, which may hold secrets, too.
pub(super) fn errors(text: &str) -> Vec<Diagnostic> {
    let text = without_colours(text);
    let (mut boxes, mut inside, mut outside) = (Vec::new(), Vec::new(), Vec::new());
    for line in text.lines() {
        match line.trim_start() {
            line if line.starts_with('╷') || line.starts_with('╵') => boxes.push(std::mem::take(&mut inside)),
            line if line.starts_with('│') => inside.push(line['│'.len_utf8()..].trim_end()),
            _ => outside.push(line.trim_end()),
        }
    }
    boxes.push(inside);
    let boxed: Vec<_> = boxes.iter().filter_map(|lines| boxed(lines)).collect();
    if boxed.is_empty() {
        return free(&outside).into_iter().collect();
    }
    let errors: Vec<_> = boxed.into_iter().filter(|diagnostic| diagnostic.severity == Severity::Error).collect();
    if errors.is_empty() { free(&outside).into_iter().collect() } else { errors }
}

/// The text without escape sequences, such as `ESC [ 31 m`.
fn without_colours(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '\u{1b}' {
            plain.push(character);
        } else if characters.next() == Some('[') {
            characters.by_ref().find(char::is_ascii_alphabetic);
        }
    }
    plain
}

fn boxed(lines: &[&str]) -> Option<Diagnostic> {
    let start = lines.iter().position(|line| !line.trim().is_empty())?;
    let lines = &lines[start..];
    let end = lines.iter().position(|line| line.trim().is_empty()).unwrap_or(lines.len());
    let (head, rest) = lines.split_at(end);
    let head = one_line(&head.join(" "));
    let (severity, summary) = match (head.strip_prefix("Error: "), head.strip_prefix("Warning: ")) {
        (_, Some(summary)) => (Severity::Warning, summary),
        (summary, None) => (Severity::Error, summary.unwrap_or(&head)),
    };
    let (mut address, mut location, mut detail) = (None, None, Vec::new());
    for line in rest {
        let words = line.trim();
        if let Some(place) = words.strip_prefix("on ").and_then(place) {
            location = Some(place);
        } else if let Some(name) = words.strip_prefix("with ").and_then(|name| name.strip_suffix(',')) {
            address = Some(name.to_owned());
        } else if location.is_none() || !is_excerpt(words) {
            detail.push(line.strip_prefix(' ').unwrap_or(line));
        }
    }
    let detail = detail.join("\n");
    Some(Diagnostic::new(severity, summary, detail.trim()).with_address(address).with_location(location))
}

/// `main.tf line 2, in resource "a" "b":`
fn place(text: &str) -> Option<Location> {
    let (file, rest) = text.split_once(" line ")?;
    let digits = rest.find(|character: char| !character.is_ascii_digit()).unwrap_or(rest.len());
    Some(Location::new(file, rest[..digits].parse().ok()?, 0))
}

/// `2:   input = var.a`, and the values of what is in it.
fn is_excerpt(words: &str) -> bool {
    let numbered = words
        .split_once(':')
        .is_some_and(|(number, _)| !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit()));
    numbered || words.starts_with(['├', '│'])
}

fn free(lines: &[&str]) -> Option<Diagnostic> {
    let lines: Vec<_> = lines.iter().filter(|line| !NOISE.contains(&line.trim())).copied().collect();
    let text = lines.join("\n");
    let (summary, detail) = text.trim().split_once("\n\n").unwrap_or((text.trim(), ""));
    let (summary, lock) = summary.split_once("\nLock Info:").map_or((summary, None), |(it, lock)| (it, Some(lock)));
    let detail = lock.map_or_else(|| detail.to_owned(), |lock| format!("Lock Info:{lock}"));
    let summary = one_line(summary);
    let summary = summary.strip_prefix("Error: ").unwrap_or(&summary);
    (!summary.is_empty()).then(|| Diagnostic::new(Severity::Error, summary, &detail))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::LockInfo;

    fn shown(text: &str) -> Vec<String> {
        errors(text).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn boxes_are_read_without_colours_and_excerpts() {
        let expected = [
            "Terraform encountered problems during initialisation, including problems with the configuration, described \
             below.: The Terraform configuration must be valid before initialization so that Terraform can determine which \
             modules and providers need to be installed.",
            "main.tf line 2: Invalid expression: Expected the start of an expression, but found an invalid expression token.",
        ];
        assert_eq!(shown(include_str!("../../tests/recorded/bad_hcl_init.txt")), expected);
        let usage = shown(include_str!("../../tests/recorded/usage.txt"));
        assert_eq!(usage, ["Failed to parse command-line flags: flag provided but not defined: -nosuchflag"]);
        let values = "╷\n│ Error: Bad\n│ \n│   with a.b,\n│   on main.tf line 3, in resource:\n│    3: x = var.word\n\
                      │     ├────\n│     │ var.word is \"hunter2\"\n│ \n│ No.\n╵\n";
        assert_eq!(shown(values), ["main.tf line 3, a.b: Bad: No."]);
    }

    #[test]
    fn a_lock_is_found_in_a_box_and_outside() {
        for text in [
            include_str!("../../tests/recorded/locked.txt"),
            include_str!("../../tests/recorded/locked_s3_unlock_wrong.txt"),
        ] {
            let errors = errors(text);
            let lock = LockInfo::parse(&errors[0].detail).expect("a lock");
            assert_eq!(lock.who, "ci@runner");
        }
    }

    #[test]
    fn a_warning_about_the_configuration_of_the_program_is_no_error() {
        let expected =
            ["Workspace \"nope\" doesn't exist.: You can create this workspace with the \"new\" subcommand or \
                         include the \"-or-create\" flag with the \"select\" subcommand."];
        assert_eq!(shown(include_str!("../../tests/recorded/config_warning.txt")), expected);
        assert_eq!(shown(include_str!("../../tests/recorded/workspace_missing.txt")), expected);
        assert_eq!(shown(include_str!("../../tests/recorded/config_warning_plan.txt")), [""; 0]);
    }

    proptest! {
        #[test]
        fn no_text_is_a_reason_to_fail(text in "(?s)([╷│╵\u{1b}\\[m \nE:]|Error: |on a line 1|.){0,80}") {
            let _ = errors(&text);
        }
    }
}
