//! The manual and the completions, used as people use them.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what goes wrong in a fixture fails the test")]

mod support;

use std::path::Path;
use std::process::{Command, Output, Stdio};

use support::{Run, bare_command};

fn adhoc(line: &str, folder: &Path) -> Run {
    Run::of(bare_command(line, folder).output().unwrap())
}

/// The output of a program; none where it is not installed.
fn of_program(program: &str, arguments: &[&str]) -> Option<Output> {
    match Command::new(program).args(arguments).stdin(Stdio::null()).output() {
        Ok(output) => Some(output),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => panic!("{program}: {error}"),
    }
}

#[test]
fn the_manual_has_a_page_for_every_command_that_formatters_take_without_a_word() {
    let folder = tempfile::tempdir().unwrap();
    let run = adhoc("man --dir man1", folder.path()).ends_with(0);
    let mut pages: Vec<String> = std::fs::read_dir(folder.path().join("man1"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    pages.sort();
    for page in ["adhoc.1", "adhoc-update.1", "adhoc-db.1", "adhoc-db-create.1", "adhoc-shared-plan.1", "adhoc-man.1"] {
        assert!(pages.iter().any(|it| it == page), "{page} in {pages:?}");
    }
    assert!(run.stdout.contains(&format!("{} pages", pages.len())), "{}", run.stdout);
    for page in pages {
        let path = folder.path().join("man1").join(&page).display().to_string();
        if let Some(output) = of_program("groff", &["-ww", "-man", "-Tutf8", "-z", &path]) {
            assert!(output.status.success() && output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        // The pages have no date, so that the same program always makes the same pages; and the list of a value's choices begins
        // with a line too many.
        if let Some(output) = of_program("mandoc", &["-Tlint", "-Wwarning", &path]) {
            let words = String::from_utf8_lossy(&output.stdout).into_owned();
            let faults: Vec<&str> =
                words.lines().filter(|line| !line.contains("missing date") && !line.contains("macro: br ")).collect();
            assert!(faults.is_empty(), "{faults:#?}");
        }
    }
}

#[test]
fn the_first_page_tells_what_no_help_does() {
    let folder = tempfile::tempdir().unwrap();
    let page = adhoc("man", folder.path()).ends_with(0).stdout;
    for heading in ["NAME", "SYNOPSIS", "SUBCOMMANDS", "\"EXIT STATUS\"", "ENVIRONMENT", "FILES", "\"SEE ALSO\""] {
        assert!(page.contains(&format!(".SH {heading}")), "{heading} in {page}");
    }
    let page = adhoc("man db create", folder.path()).ends_with(0).stdout;
    assert!(page.contains("adhoc\\-db\\-create") && page.contains(".SH EXAMPLE"), "{page}");
    adhoc("man db creat", folder.path()).ends_with(2);
    let json = adhoc("man update --output json", folder.path()).ends_with(0).summary();
    assert!(json["result"].as_str().unwrap().starts_with(".ie"), "{json}");
}

#[test]
fn bash_completes_commands_and_options() {
    let folder = tempfile::tempdir().unwrap();
    let script = adhoc("completions bash", folder.path()).ends_with(0).stdout;
    std::fs::write(folder.path().join("adhoc.bash"), script).unwrap();
    let completed = |words: &str| {
        let ask = format!(
            "source {}/adhoc.bash; COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
             _adhoc adhoc \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD - 1]}}\"; echo \"${{COMPREPLY[@]}}\"",
            folder.path().display()
        );
        let output = of_program("bash", &["-c", &ask]).expect("bash is wherever these tests run");
        assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    assert_eq!(completed("adhoc upd"), "update");
    assert_eq!(completed("adhoc db cre"), "create");
    assert_eq!(completed("adhoc update --skip-p"), "--skip-pre-update");
}

#[test]
fn other_shells_take_their_completions() {
    let folder = tempfile::tempdir().unwrap();
    for (shell, check) in [("zsh", "-n"), ("fish", "--no-execute")] {
        let script = adhoc(&format!("completions {shell}"), folder.path()).ends_with(0).stdout;
        assert!(script.contains("update"), "{script}");
        let path = folder.path().join(shell);
        std::fs::write(&path, script).unwrap();
        if let Some(output) = of_program(shell, &[check, &path.display().to_string()]) {
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
    }
}
