//! The template of an environment, by the app itself.

use std::path::Path;
use std::process::Stdio;

use adhoc_core::{Context, EnvironmentName, Error, Result};
use tokio::process::Command;

use super::{CdkConfig, CdkWorkspaces};

/// What CloudFormation takes in a request; anything longer has to lie in a bucket.
const LONGEST_TEMPLATE: usize = 51_200;

/// How many lines of what `cdk` wrote an error repeats.
const SHOWN_LINES: usize = 8;

/// Runs `cdk synth`, which needs neither network nor account, and gives the template without its white space.
pub(super) async fn template(at: &CdkWorkspaces, cx: &Context, environment: &EnvironmentName) -> Result<String> {
    let stack = at.stack_name(environment);
    // A folder of its own: two environments may be synthesised at once.
    let output = tempfile::tempdir().map_err(|error| {
        Error::terraform("cdk synth", stack.as_str(), "no folder for its output can be made").with_source(error)
    })?;
    let mut command = command(&at.config, environment, &stack, output.path())?;
    let ended = cx.unless_cancelled(async { Ok(command.output().await) }).await?;
    let ended = ended.map_err(|error| {
        Error::terraform("cdk synth", stack.as_str(), "cannot be started")
            .with_source(error)
            .with_hint("is Node.js there?")
    })?;
    if !ended.status.success() {
        return Err(Error::terraform("cdk synth", stack, last_lines(&ended.stderr)));
    }
    read(&output.path().join(format!("{stack}.template.json")), &stack)
}

fn command(config: &CdkConfig, environment: &EnvironmentName, stack: &str, output: &Path) -> Result<Command> {
    let dir = std::path::absolute(&config.dir).unwrap_or_else(|_| config.dir.clone());
    let program = dir.join("node_modules/.bin/cdk");
    if !program.exists() {
        let reason = format!("{} has no cdk in its node_modules", config.dir.display());
        return Err(Error::not_found("cdk synth", stack, reason).with_hint("run `npm ci` there"));
    }
    let mut command = Command::new(program);
    command
        .args(["synth", stack, "--exclusively", "--quiet", "--no-lookups", "--no-notices", "--no-version-reporting"])
        .arg("--output")
        .arg(output)
        .args(["--context", &format!("environment={environment}")])
        .args(["--context", &format!("prefix={}", config.prefix)]);
    for (name, value) in &config.context {
        command.args(["--context", &format!("{name}={value}")]);
    }
    // `CI` makes it write errors alone to stderr, and ask nobody anything.
    let ours = [("CI", "true"), ("CDK_DISABLE_CLI_TELEMETRY", "true"), ("AWS_EC2_METADATA_DISABLED", "true")];
    command.env_clear().envs(config.variables.iter().cloned()).envs(ours);
    command.current_dir(dir).stdin(Stdio::null()).kill_on_drop(true);
    Ok(command)
}

fn read(file: &Path, stack: &str) -> Result<String> {
    let unreadable = |error: std::io::Error| {
        Error::terraform("cdk synth", stack, "wrote no template of that stack")
            .with_source(error)
            .with_hint("the app has to name its stack `{prefix}-{environment}`")
    };
    let text = std::fs::read(file).map_err(unreadable)?;
    let template: serde_json::Value = serde_json::from_slice(&text).map_err(|error| {
        Error::terraform("cdk synth", stack, "wrote a template that is not JSON").with_source(error)
    })?;
    let template = template.to_string();
    if template.len() > LONGEST_TEMPLATE {
        let reason = format!("the template has {} bytes, and CloudFormation takes {LONGEST_TEMPLATE}", template.len());
        return Err(Error::invalid("cdk synth", stack, reason).with_hint("split the stack"));
    }
    Ok(template)
}

fn last_lines(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    // Where in Node.js it happened is of no use to whoever reads the error.
    let is_frame = |line: &str| line.starts_with("at ") || line.starts_with("Node.js v");
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty() && !is_frame(line)).collect();
    match lines.len().checked_sub(SHOWN_LINES) {
        _ if lines.is_empty() => "failed, and said nothing".to_owned(),
        None => lines.join("; "),
        Some(left_out) => lines[left_out..].join("; "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_app_that_fails_is_quoted_by_its_last_lines() {
        let many: String = (1..=20).map(|line| format!("line {line}\n\n")).collect();
        assert!(last_lines(many.as_bytes()).starts_with("line 13; line 14"));
        let thrown = b"Error: subnets is not set\n    at given (app.js:14:11)\n\nNode.js v20.20.2\n";
        assert_eq!(last_lines(thrown), "Error: subnets is not set");
        assert_eq!(last_lines(b"\n"), "failed, and said nothing");
    }
}
