//! Why a command failed, in few lines.

use super::style::Style;
use super::text::one_line;

/// `error: ...`, then what to do next and what was left behind.
pub(crate) fn lines(error: &str, hint: Option<&str>, left_behind: &[String], style: Style) -> Vec<String> {
    let mut lines = vec![format!("{} {}", style.alarm("error:"), one_line(error))];
    lines.extend(hint.map(|hint| format!("  {} {}", style.cyan("hint:"), one_line(hint))));
    lines.extend(left_behind.iter().map(|what| format!("  {} {}", style.yellow("left behind:"), one_line(what))));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_line_and_its_hint_another() {
        let lines = lines("cannot\nread", Some("look"), &["alpha-web:2".to_owned()], Style::PLAIN);
        assert_eq!(lines, ["error: cannot read", "  hint: look", "  left behind: alpha-web:2"]);
    }
}
