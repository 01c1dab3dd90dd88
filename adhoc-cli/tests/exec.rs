//! `adhoc exec` on the embedded AWS, with a stand-in for the plugin that really runs what ExecuteCommand was asked for.

#![expect(clippy::unwrap_used, reason = "what goes wrong in a fixture fails the test")]

mod support;

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use adhoc_local::{EnvironmentSpec, Fault};
use support::{Run, World, interrupt};

/// A user with the plugin on the PATH.
struct Stage {
    world: World,
}

impl Stage {
    fn new() -> Self {
        Self::with("")
    }

    /// A plugin with such an environment.
    fn with(environment: &str) -> Self {
        let world = World::new();
        let bin = world.folder.path().join("bin");
        std::fs::create_dir(&bin).unwrap();
        let (script, folder) = (script("session-manager-plugin.py"), world.folder.path().display());
        let text = format!("#!/bin/sh\nFAKE_FOLDER='{folder}' {environment} exec python3 '{script}' \"$@\"\n");
        let program = bin.join("session-manager-plugin");
        std::fs::write(&program, text).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        Self { world }
    }

    fn command(&self, line: &str, words: &[&str]) -> Command {
        let mut command = self.world.command(line);
        let path = std::env::var("PATH").unwrap();
        command.env("PATH", format!("{}:{path}", self.world.folder.path().join("bin").display()));
        command.args(words).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Starts it, and hands what ExecuteCommand was asked for to the stand-in.
    fn start(&self, command: &mut Command) -> Child {
        let before = self.asked().len();
        let child = command.spawn().unwrap();
        self.world.until("ExecuteCommand", || self.asked().len() > before);
        self.world.file("command.new", self.asked().last().unwrap());
        let folder = self.world.folder.path();
        std::fs::rename(folder.join("command.new"), folder.join("command")).unwrap();
        child
    }

    fn exec(&self, words: &[&str]) -> Run {
        self.run("exec gunicorn alpha --", words)
    }

    fn run(&self, line: &str, words: &[&str]) -> Run {
        let child = self.start(&mut self.command(line, words));
        Run::of(child.wait_with_output().unwrap())
    }

    fn asked(&self) -> Vec<String> {
        let calls = self.world.server.calls().into_iter().filter(|call| call.operation == "ExecuteCommand");
        calls.map(|call| call.request["command"].as_str().unwrap().to_owned()).collect()
    }

    fn file(&self, name: &str) -> String {
        std::fs::read_to_string(self.world.folder.path().join(name)).unwrap()
    }
}

fn script(name: &str) -> String {
    format!("{}/tests/exec/{name}", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn arguments_arrive_as_they_are_and_output_is_nothing_else() {
    let stage = Stage::new();
    let words = ["a b", "", "'", "\"$HOME\" `id` \\", "new\nline", "*", "~", "# no comment", "--help", "ünïcode"];
    let run = stage.exec(&[&["printf", "<%s>"], &words[..]].concat()).ends_with(0);
    let expected: String = words.iter().map(|word| format!("<{word}>")).collect();
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), (expected.as_str(), ""));
}

#[test]
fn the_exit_code_is_the_commands_own() {
    let stage = Stage::new();
    for (script, code) in [("exit 0", 0), ("exit 1", 1), ("kill -9 $$", 137), ("exit 255", 255)] {
        let run = stage.exec(&["sh", "-c", script]).ends_with(code);
        // The shell in the container may say that its child was killed.
        assert_eq!((run.stdout.replace("Killed\n", "").as_str(), run.stderr.as_str()), ("", ""), "{script}");
    }
    assert!(stage.exec(&["no-such-program"]).ends_with(127).stdout.contains("no-such-program"));
}

#[test]
fn long_output_comes_whole() {
    let stage = Stage::new();
    let run = stage.exec(&["seq", "1", "20000"]).ends_with(0);
    let expected: String = (1..=20000).map(|number| format!("{number}\n")).collect();
    assert!(run.stdout == expected, "{} bytes instead of {}", run.stdout.len(), expected.len());
}

#[test]
fn what_is_piped_in_arrives_byte_for_byte() {
    let stage = Stage::new();
    let bytes: Vec<u8> = (0..40_000_u32).map(|number| u8::try_from(number * number % 251).unwrap()).collect();
    let mut child = stage.command("exec gunicorn alpha --", &["cksum"]);
    let mut child = stage.start(child.stdin(Stdio::piped()));
    let mut input = child.stdin.take().unwrap();
    let sent = bytes.clone();
    let writer = std::thread::spawn(move || input.write_all(&sent));
    let run = Run::of(child.wait_with_output().unwrap()).ends_with(0);
    writer.join().unwrap().unwrap();
    let mut cksum = Command::new("cksum").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    cksum.stdin.take().unwrap().write_all(&bytes).unwrap();
    assert_eq!(run.stdout, String::from_utf8(cksum.wait_with_output().unwrap().stdout).unwrap());
}

#[test]
fn a_pipe_that_stays_open_holds_nothing_up() {
    let stage = Stage::new();
    let mut command = stage.command("exec gunicorn alpha --", &["echo", "done"]);
    let mut child = stage.start(command.stdin(Stdio::piped()));
    let open = child.stdin.take();
    let run = Run::of(child.wait_with_output().unwrap()).ends_with(0);
    assert_eq!(run.stdout, "done\n");
    drop(open);
}

#[test]
fn json_has_the_lines_and_the_exit_code() {
    let stage = Stage::new();
    let run =
        stage.run("exec gunicorn alpha --output json --", &["sh", "-c", "echo one; printf two; exit 3"]).ends_with(3);
    let lines: Vec<_> = run.events().into_iter().filter(|event| event["event"] == "log_line").collect();
    let lines: Vec<_> = lines.iter().map(|line| line["message"].as_str().unwrap()).collect();
    assert_eq!(lines, ["one", "two"]);
    let summary = run.summary();
    assert_eq!((&summary["exit_code"], &summary["result"]["exit_code"]), (&3.into(), &3.into()));
    assert_eq!((&summary["result"]["container"], &summary["error"]), (&"gunicorn".into(), &serde_json::Value::Null));
}

#[test]
fn the_token_is_seen_by_nobody() {
    let stage = Stage::new();
    let run = stage.run("exec gunicorn alpha -vv --", &["true"]).ends_with(0);
    assert_eq!(stage.file("leaks"), "0");
    let token = stage.file("token");
    assert!(token.len() > 20 && !stage.file("argv").contains(&token) && !(run.stdout + &run.stderr).contains(&token));
}

#[test]
fn ctrl_c_reaches_the_command() {
    let stage = Stage::new();
    let place = |name: &str| stage.world.folder.path().join(name).display().to_string();
    let (got, ready) = (place("got"), place("ready"));
    let script = format!("trap 'echo >{got}; exit' INT; echo >{ready}; while :; do sleep 0.05; done");
    let child = stage.start(&mut stage.command("exec gunicorn alpha --", &["sh", "-c", &script]));
    stage.world.until("the command runs", || Path::new(&ready).exists());
    interrupt(&child);
    let run = Run::of(child.wait_with_output().unwrap()).ends_with(130);
    assert!(run.errors()[0].contains("interrupted"), "{}", run.stderr);
    stage.world.until("the command was interrupted", || Path::new(&got).exists());
}

#[test]
fn a_missing_plugin_is_told_before_anything_is_asked() {
    let world = World::new();
    let mut command = world.command("exec gunicorn alpha -- true");
    let run = Run::of(command.env("PATH", world.folder.path()).output().unwrap()).ends_with(2);
    assert!(run.errors()[0].contains("session-manager-plugin: is not installed"), "{}", run.stderr);
    assert!(run.stderr.contains("https://docs.aws.amazon.com/systems-manager/"), "{}", run.stderr);
    assert!(world.server.calls().is_empty());
    let old = Stage::with("FAKE_VERSION=1.2.463.0");
    let run = Run::of(old.command("exec gunicorn alpha -- true", &[]).output().unwrap()).ends_with(2);
    assert!(run.errors()[0].contains("1.2.463, which is too old"), "{}", run.stderr);
}

#[test]
fn what_cannot_be_entered_says_why() {
    let stage = Stage::new();
    let refused = |line: &str| Run::of(stage.command(line, &[]).output().unwrap());
    let run = refused("exec gunicorn beta -- true").ends_with(3);
    assert!(run.errors()[0].contains("environment beta"), "{}", run.stderr);
    let run = refused("exec celery alpha -- true").ends_with(3);
    assert!(run.errors()[0].contains("service alpha-celery: is not there"), "{}", run.stderr);
    let run = refused("exec gunicorn alpha --task xyz -- true").ends_with(3);
    assert!(run.errors()[0].contains("task xyz: is no running task"), "{}", run.stderr);
    let run = refused("exec gunicorn alpha").ends_with(2);
    assert!(run.errors()[0].contains("a shell needs a terminal"), "{}", run.stderr);
    let refusal = Fault::error("ExecuteCommand", "AccessDeniedException", "not authorized", 400);
    stage.world.server.add_fault(refusal);
    assert!(refused("exec gunicorn alpha -- true").ends_with(10).errors()[0].contains("not authorized"));
    stage.world.server.create_environment(&EnvironmentSpec::new("gamma"));
    let run = refused("exec gunicorn gamma -- true").ends_with(3);
    assert!(run.errors()[0].contains("runs no task; 0 should run"), "{}", run.stderr);
}

#[test]
fn a_session_that_breaks_off_has_no_exit_code() {
    let stage = Stage::with("FAKE_FAILURE='Plugin with name InteractiveCommands not found'");
    let run = stage.exec(&["true"]).ends_with(10);
    assert!(
        run.errors()[0].contains("did not begin: Plugin with name InteractiveCommands not found"),
        "{}",
        run.stderr
    );
    let stage = Stage::new();
    let run = stage.exec(&["sh", "-c", "echo half; kill -9 $PPID"]).ends_with(10);
    assert!(run.errors()[0].contains("ended before the command did"), "{}", run.stderr);
    // What comes after it may be the command's, or the plugin's: nothing tells any more.
    assert!(run.stdout.starts_with("half\n"), "{}", run.stdout);
}

/// Runs it at a terminal, where `steps` are what to wait for and what then to type.
fn at_terminal(stage: &Stage, steps: &[(&str, &str)], words: &[&str]) -> Run {
    let adhoc = stage.command("exec gunicorn alpha", &[]);
    let mut command = Command::new("python3");
    command.arg(script("at_terminal.py")).arg(steps.len().to_string());
    for (seen, typed) in steps {
        command.args([seen, typed]);
    }
    command.arg(adhoc.get_program()).args(adhoc.get_args()).args(words).current_dir(stage.world.folder.path());
    command.env_clear().envs(adhoc.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let child = stage.start(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()));
    Run::of(child.wait_with_output().unwrap())
}

#[test]
fn a_shell_at_a_terminal_has_its_size_its_keys_and_its_exit_code() {
    let stage = Stage::new();
    let steps = [("size?", "stty size\r"), ("40 101", "sleep 60\r"), ("sleep 60", "\\x03"), ("^C", "exit 5\r")];
    let run = at_terminal(&stage, &steps, &["--", "sh", "-c", "echo size?; exec sh -i"]).ends_with(5);
    assert!(!run.stdout.contains("Starting session") && !run.stdout.contains("adhoc-"), "{}", run.stdout);
    assert!(run.stdout.contains("the terminal is as it was"), "{}", run.stdout);
}

#[test]
fn a_shell_is_what_there_is_without_a_command() {
    let stage = Stage::new();
    let run = at_terminal(&stage, &[(" ", "echo $((40+2))\r"), ("42", "exit 0\r")], &[]).ends_with(0);
    assert!(run.stdout.contains("42"), "{}", run.stdout);
    assert!(stage.asked()[0].contains("exec bash"));
}
