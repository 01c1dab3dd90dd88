//! Short forms for people, aligned columns, and text from elsewhere made safe for a terminal.

use std::iter::Peekable;
use std::str::Chars;
use std::time::Duration;

use adhoc_core::ImageReference;
use comfy_table::{Table, presets};

/// `0.4s`, `1m 02s`, `2h 05m`.
pub(crate) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..60 => format!("{}.{}s", seconds, duration.subsec_millis() / 100),
        60..3600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h {:02}m", seconds / 3600, seconds / 60 % 60),
    }
}

/// [`duration`] of milliseconds.
pub(crate) fn millis(millis: u64) -> String {
    duration(Duration::from_millis(millis))
}

/// `8.4 MiB`.
pub(crate) fn bytes(number: u64) -> String {
    indicatif::HumanBytes(number).to_string()
}

/// `1 task`, `2 tasks`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// `:2` of `alpha-gunicorn:2`, if the family is that one.
pub(crate) fn revision_of<'a>(revision: &'a str, family: &str) -> &'a str {
    revision.strip_prefix(family).filter(|rest| rest.starts_with(':')).unwrap_or(revision)
}

/// The id at the end of an ARN, in the eight characters that tell tasks apart.
pub(crate) fn task_id(arn: &str) -> &str {
    let id = arn.rsplit_once('/').map_or(arn, |(_, id)| id);
    id.get(..8).unwrap_or(id)
}

/// `backend:v1.1.0`: an image without registry and path, a digest in twelve digits.
pub(crate) fn image(image: &str) -> String {
    image
        .parse::<ImageReference>()
        .map_or_else(|_| image.to_owned(), |image| format!("{}{}", image.name(), version(&image)))
}

/// `backend:v1.0.0 → v1.1.0`, or both whole images where the repository changes.
pub(crate) fn image_change(from: &str, to: &str) -> String {
    match (from.parse::<ImageReference>(), to.parse::<ImageReference>()) {
        _ if from == to => image(to),
        (Ok(old), Ok(new)) if old.repository() == new.repository() => {
            format!("{} → {}", image(from), version(&new).trim_start_matches([':', '@']))
        }
        _ => format!("{from} → {to}"),
    }
}

fn version(image: &ImageReference) -> String {
    let tag = image.tag().map_or(String::new(), |tag| format!(":{tag}"));
    let digest = image.digest().map_or(String::new(), |digest| {
        let (algorithm, hex) = digest.split_once(':').unwrap_or(("", digest));
        format!("@{algorithm}:{}", hex.get(..12).unwrap_or(hex))
    });
    tag + &digest
}

/// Rows as lines with aligned columns, indented, without trailing spaces. Cells must not hold colour.
pub(crate) fn columns(indent: &str, rows: &[Vec<String>]) -> Vec<String> {
    if rows.is_empty() {
        return Vec::new();
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.add_rows(rows.iter().map(|row| row.iter().map(|cell| one_line(cell)).collect::<Vec<_>>()));
    for column in table.column_iter_mut() {
        column.set_padding((0, 3));
    }
    table.lines().map(|line| format!("{indent}{}", line.trim_end())).collect()
}

/// Text on one line.
pub(crate) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Text from elsewhere on one line, without anything that could steer a terminal.
pub(crate) fn one_safe_line(text: &str) -> String {
    one_line(&safe(text, false))
}

/// Text from elsewhere without anything by which it could steer the terminal: no control characters (a tab becomes
/// spaces) and no escape sequences, save those for colour (SGR) if `keep_color`. What follows is back to normal colour.
pub(crate) fn safe(text: &str, keep_color: bool) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    let mut colored = false;
    while let Some(c) = chars.next() {
        match c {
            '\t' => safe.push_str("    "),
            '\r' | '\n' if chars.peek().is_some() => safe.push(' '),
            '\u{1b}' | '\u{90}' | '\u{98}' | '\u{9b}' | '\u{9d}'..='\u{9f}' => {
                if let Some(sgr) = escape_sequence(c, &mut chars).filter(|_| keep_color) {
                    safe.push_str(&format!("\u{1b}[{sgr}m"));
                    colored = !matches!(sgr.as_str(), "" | "0");
                }
            }
            _ if c.is_control() => {}
            _ => safe.push(c),
        }
    }
    if colored {
        safe.push_str("\u{1b}[0m");
    }
    safe
}

/// Consumes the rest of an escape sequence (ECMA-48) that `introducer` began; the parameters, if it sets colour.
fn escape_sequence(introducer: char, chars: &mut Peekable<Chars<'_>>) -> Option<String> {
    let kind = match introducer {
        '\u{1b}' => chars.next()?,
        // The one-character forms of `ESC [`, `ESC ]` and of the other strings.
        '\u{9b}' => '[',
        _ => ']',
    };
    match kind {
        '[' => control_sequence(chars),
        ']' | 'P' | 'X' | '^' | '_' => {
            skip_string(chars);
            None
        }
        ' '..='/' => {
            while chars.next_if(|c| (' '..='/').contains(c)).is_some() {}
            chars.next();
            None
        }
        _ => None,
    }
}

fn control_sequence(chars: &mut Peekable<Chars<'_>>) -> Option<String> {
    let mut parameters = String::new();
    while let Some(c) = chars.next_if(|c| (' '..='?').contains(c)) {
        parameters.push(c);
    }
    let end = chars.next_if(|c| ('@'..='~').contains(c))?;
    let plain = parameters.chars().all(|c| c.is_ascii_digit() || matches!(c, ';' | ':'));
    (end == 'm' && plain).then_some(parameters)
}

/// Skips to the end of a string sequence: BEL, ST, or the end of the text.
fn skip_string(chars: &mut Peekable<Chars<'_>>) {
    while let Some(c) = chars.next() {
        match c {
            '\u{7}' | '\u{9c}' => return,
            '\u{1b}' => {
                chars.next_if_eq(&'\\');
                return;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_short() {
        for (millis_, text) in [(0, "0.0s"), (2345, "2.3s"), (62_000, "1m 02s"), (7_500_000, "2h 05m")] {
            assert_eq!(millis(millis_), text);
        }
    }

    #[test]
    fn images_lose_what_everybody_knows() {
        let digest = format!("r.example:5000/team/backend@sha256:{}", "ab".repeat(32));
        assert_eq!(image("1.dkr.ecr.eu-west-1.amazonaws.com/backend:v1"), "backend:v1");
        assert_eq!(image(&digest), "backend@sha256:abababababab");
        assert_eq!(image(&digest.replace('@', ":v1@")), "backend:v1@sha256:abababababab");
        assert_eq!(image("not an image"), "not an image");
        assert_eq!(image_change("r/backend:v1", "r/backend:v2"), "backend:v1 → v2");
        assert_eq!(image_change("r/backend:v1", "s/backend:v1"), "r/backend:v1 → s/backend:v1");
        assert_eq!(image_change("r/backend:v1", "r/backend:v1"), "backend:v1");
    }

    #[test]
    fn text_cannot_steer_the_terminal() {
        let evil = "a\u{1b}[2Jb\u{1b}]0;title\u{7}c\u{1b}[31mred\u{1b}[?25ld\u{8}\u{8}\u{9b}5nE\u{1b}Pq\u{1b}\\F\tG\u{1b}(0H\r";
        assert_eq!(safe(evil, false), "abcreddEF    GH");
        assert_eq!(safe(evil, true), "abc\u{1b}[31mreddEF    GH\u{1b}[0m");
        assert_eq!(safe("10%\r20%\r", false), "10% 20%");
        assert_eq!(safe("\u{1b}[", true), "");
        assert_eq!(safe("\u{1b}]8;;http://x", true), "");
    }

    #[test]
    fn colour_that_was_ended_is_not_ended_again() {
        assert_eq!(safe("\u{1b}[32mok\u{1b}[0m", true), "\u{1b}[32mok\u{1b}[0m");
    }
}
