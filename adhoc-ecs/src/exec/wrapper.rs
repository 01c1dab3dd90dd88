//! What really runs in the container: the command, and around it a shell that tells where its output begins and ends, and its
//! exit code, which neither ECS nor the plugin does.
//!
//! The agent splits the command into words (with google/shlex, which knows a POSIX shell's quotes) and gives the shell a
//! terminal of its own, whether we have one or not.

use adhoc_core::{Error, Result};

/// Where the command's input comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Input {
    /// There is none.
    Nothing,
    /// Base64 in lines, up to a line with the nonce: a terminal would take some bytes for commands, and cut long lines.
    Encoded,
    /// The terminal.
    Terminal,
}

/// The begin: the caller's nonce, then the command, stay out of the script. A trap that does nothing keeps the shell there after
/// a Ctrl-C that the command survives; in the subshell it is gone.
const BEGIN: &str = r#"n=$1; shift; trap : INT QUIT; printf "%s:begin\n" "$n"; "#;
/// A program that writes no lines must not hide the end, so this begins with a newline of its own.
const END: &str = r#"printf "\n%s:%s\n" "$n" "$?""#;
/// What a terminal does to text has to be undone, or prevented.
const PLAIN: &str = "stty -echo -opost 2>/dev/null; ";
/// Line by line, so that nothing waits for a buffer to fill.
const DECODED: &str = r#"while IFS= read -r l && [ "$l" != "$n" ]; do printf "%s\n" "$l" | base64 -d || break; done"#;

/// A shell, the best that the image has.
pub(super) const SHELL: [&str; 3] =
    ["sh", "-c", "if command -v bash >/dev/null 2>&1; then exec bash; else exec sh; fi"];

/// The command line for `ExecuteCommand`.
///
/// # Errors
///
/// [`Error::Invalid`] for an argument with a NUL, which no program can be given.
pub(super) fn wrapped(command: &[String], nonce: &str, input: Input) -> Result<String> {
    if command.iter().any(|word| word.contains('\0')) {
        return Err(Error::invalid("", "the command", "has an argument that contains a NUL"));
    }
    let run = r#"(exec "$@")"#;
    let script = match input {
        Input::Nothing => format!("{PLAIN}{BEGIN}{run} </dev/null; {END}"),
        Input::Encoded => format!("{PLAIN}{BEGIN}{DECODED} | ({run}; {END})"),
        Input::Terminal => format!("{BEGIN}{run}; {END}"),
    };
    // The name after the script is the one by which the shell complains.
    let words = ["sh", "-c", &script, "adhoc", nonce].into_iter().chain(command.iter().map(String::as_str));
    Ok(words.map(quoted).collect::<Vec<_>>().join(" "))
}

/// A word in single quotes, which keep everything but themselves.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | ':');
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use proptest::prelude::*;

    use super::*;

    fn words(command: &[&str]) -> Vec<String> {
        command.iter().map(|word| (*word).to_owned()).collect()
    }

    /// Runs the command line as the agent does, but for the terminal.
    fn output(command: &[&str], input: Input, text: &str) -> String {
        use std::io::Write;
        let line = wrapped(&words(command), "NONCE", input).expect("valid");
        let mut child = Command::new("sh")
            .args(["-c", &line])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a shell");
        child.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("written");
        let done = child.wait_with_output().expect("ended");
        String::from_utf8(done.stdout).expect("UTF-8") + &String::from_utf8_lossy(&done.stderr)
    }

    #[test]
    fn the_exit_code_follows_the_output() {
        let ends =
            |command: &[&str]| output(command, Input::Nothing, "").split_once("begin\n").expect("it").1.to_owned();
        assert_eq!(ends(&["true"]), "\nNONCE:0\n");
        assert_eq!(ends(&["sh", "-c", "printf no-newline; exit 7"]), "no-newline\nNONCE:7\n");
        // Some shells say "Killed" afterwards, where nobody listens any more.
        assert!(ends(&["sh", "-c", "kill -9 $$"]).starts_with("\nNONCE:137\n"));
        assert!(ends(&["no-such-program"]).starts_with("\nNONCE:127\n"));
        assert_eq!(ends(&["cat"]), "\nNONCE:0\n", "without input, it ends at once");
    }

    #[test]
    fn input_is_decoded_up_to_its_end() {
        let coded = "aGVsbG8g\nd29ybGQ=\nNONCE\nbm8=\n";
        assert_eq!(output(&["cat"], Input::Encoded, coded), "NONCE:begin\nhello world\nNONCE:0\n");
        assert_eq!(output(&["head", "-c", "3"], Input::Encoded, coded), "NONCE:begin\nhel\nNONCE:0\n");
    }

    #[test]
    fn a_nul_is_refused() {
        assert!(matches!(wrapped(&words(&["a\0b"]), "NONCE", Input::Nothing), Err(Error::Invalid(_))));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn every_argument_arrives_as_it_was(arguments in prop::collection::vec("[^\0]{0,12}|[ '\"$`\\\\\n*~#;]{1,6}", 0..4)) {
            let mut command = vec!["printf", "%s\u{1f}", "x"];
            command.extend(arguments.iter().map(String::as_str));
            let expected: String = command[2..].iter().map(|word| format!("{word}\u{1f}")).collect();
            prop_assert_eq!(output(&command, Input::Nothing, ""), format!("NONCE:begin\n{expected}\nNONCE:0\n"));
        }
    }
}
