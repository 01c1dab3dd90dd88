//! The variables of a configuration, and the file with their values: read, changed in one place, and written back with
//! everything else as it was.

mod declarations;
mod literal;
mod var_file;

use adhoc_core::{Error, Result};
use hcl_edit::parser;

pub use declarations::{Declaration, Declarations};
pub use var_file::{SetVariable, VarFile};

/// Takes `key=value` apart. The value begins after the first `=` and is kept as it is.
///
/// # Errors
///
/// [`Error::Invalid`] without a `=`, or if the key cannot be a variable's name. It does not show the value.
pub fn assignment(text: &str) -> Result<(String, String)> {
    let invalid = |reason| Error::invalid("", "", reason).with_hint("write it as `name=value`");
    let Some((name, value)) = text.split_once('=') else {
        return Err(invalid("there is no `=` in it".to_owned()));
    };
    let name = name.trim();
    if !is_name(name) {
        return Err(invalid("what is before the `=` cannot be the name of a variable".to_owned()));
    }
    Ok((name.to_owned(), value.to_owned()))
}

fn is_name(text: &str) -> bool {
    hcl_edit::Ident::try_new(text).is_ok()
}

/// Why a file cannot be read: the place, and what was expected; never what is there, which may be secret.
fn syntax_error(file: &str, error: &parser::Error) -> Error {
    let place = format!("{file} line {} column {}", error.location().line(), error.location().column());
    Error::invalid("", place, error.message()).with_hint("`terraform fmt` and `terraform validate` say more")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_assignment_is_taken_apart_at_its_first_sign() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(assignment("tag=v1").expect("valid"), pair("tag", "v1"));
        assert_eq!(assignment(" url =a=b ").expect("valid"), pair("url", "a=b "));
        assert_eq!(assignment("empty=").expect("valid"), pair("empty", ""));
        for wrong in ["tag", "=v1", "1a=b", "a b=c", "a.b=c"] {
            let error = assignment(wrong).expect_err(wrong);
            assert!(matches!(error, Error::Invalid(_)), "{error:?}");
        }
        assert!(!assignment("pass word=hunter2").expect_err("a blank").to_string().contains("hunter2"));
    }
}
