//! Values as HCL writes them.

use hcl_edit::expr::{Expression, ObjectKey, UnaryOperator};

/// How many digits a number has at most to be certainly kept as it is.
const DIGITS: usize = 15;

/// The text as a quoted string, in which nothing is a template.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '$' | '%' if characters.peek() == Some(&'{') => quoted.extend([character, character]),
            _ if character.is_control() => quoted.push_str(&format!("\\u{:04x}", u32::from(character))),
            _ => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}

/// The expression that `text` is, without what surrounds it, if it is a literal: no reference, call, template or operator.
pub(super) fn literal(text: &str) -> Option<(Expression, &str)> {
    let text = text.trim();
    let expression = hcl_edit::parser::parse_expr(text).ok()?;
    is_literal(&expression).then_some((expression, text))
}

fn is_literal(expression: &Expression) -> bool {
    match expression {
        Expression::Null(_) | Expression::Bool(_) | Expression::Number(_) | Expression::String(_) => true,
        Expression::UnaryOp(operation) => {
            *operation.operator == UnaryOperator::Neg && matches!(operation.expr, Expression::Number(_))
        }
        Expression::Array(items) => items.iter().all(is_literal),
        Expression::Object(members) => members.iter().all(|(key, value)| {
            let plain = match key {
                ObjectKey::Ident(_) => true,
                ObjectKey::Expression(key) => matches!(key, Expression::String(_) | Expression::Number(_)),
            };
            plain && is_literal(value.expr())
        }),
        _ => false,
    }
}

/// Whether a number, once it is one, is still written as it was. `1.10` and `007` are not, and are somebody's version.
pub(super) fn is_plain_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "1"));
    let all_digits = |text: &str| !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit());
    let no_zeros =
        (whole == "0" || !whole.starts_with('0')) && !fraction.ends_with('0') && digits != "0" || text == "0";
    all_digits(whole) && all_digits(fraction) && no_zeros && digits.len() <= DIGITS
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn strings_are_quoted_as_terraform_reads_them() {
        let text = "a${x} $${y} %{z} $5 %d $$ é \t \" \\ \n $%{";
        assert_eq!(quoted(text), r#""a$${x} $$${y} %%{z} $5 %d $$ é \t \" \\ \n $%%{""#);
        assert_eq!(quoted("\u{7}"), r#""\u0007""#);
    }

    #[test]
    fn only_literals_are_literals() {
        for text in ["1", " -2.5 ", "true", "null", "\"a\"", "[1, [\"b\"]]", "{ a = 1, \"b\" = [] }", "{\n  a = 1\n}"] {
            assert!(literal(text).is_some(), "{text}");
        }
        for text in [
            "",
            "a",
            "var.a",
            "\"${a}\"",
            "f(1)",
            "1 + 1",
            "[a]",
            "{ a = b }",
            "(1)",
            "1 # a",
            "/* a */ 1",
            "1\nb = 2",
            "-\"a\"",
            "!true",
        ] {
            assert!(literal(text).is_none(), "{text}");
        }
    }

    #[test]
    fn versions_and_hashes_are_no_numbers() {
        for text in ["0", "7", "-3", "1.5", "0.25", "123456789"] {
            assert!(is_plain_number(text), "{text}");
        }
        for text in ["007", "1.10", "1.0", "1e5", "12e4567", "-0", "-", "", ".5", "1.", "1.2.3", "1234567890123456789"]
        {
            assert!(!is_plain_number(text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_quoted_string_is_read_back(text in r#"(?s)([$%{}"\\n]|.){0,30}"#) {
            let quoted = quoted(&text);
            let (expression, _) = literal(&quoted).expect("a literal");
            prop_assert_eq!(expression.as_str(), Some(text.as_str()));
            prop_assert!(!quoted.contains('\n'));
        }
    }
}
