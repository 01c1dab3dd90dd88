//! The `adhoc` command: arguments, reporters and exit codes over the crates, and no logic of its own.

mod args;
mod aws;
mod commands;
mod config;
mod http;
mod notifications;
mod reporters;

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use adhoc_core::{CancellationToken, Context, Error, Event, Summary, SystemClock};
use clap::Parser;

use crate::args::{Cli, Command};
use crate::reporters::OutputOptions;

fn main() -> ExitCode {
    let raw: Vec<OsString> = std::env::args_os().collect();
    match Cli::try_parse_from(&raw) {
        Ok(cli) => run(&cli, &as_typed(&raw)),
        Err(error) => refuse(&error, args::wants_json(&raw)),
    }
}

/// The command line for a shell, to be shown as the one that resumes.
fn as_typed(raw: &[OsString]) -> String {
    let words: Vec<String> = raw.iter().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    let words = std::iter::once("adhoc").chain(words.iter().map(String::as_str));
    // Only a NUL cannot be quoted, and no argument holds one.
    shlex::try_join(words).unwrap_or_else(|_| "the same command".to_owned())
}

/// Help and version go to stdout and succeed; anything else is a usage error, in JSON too if that was asked for.
fn refuse(error: &clap::Error, json: bool) -> ExitCode {
    let code = u8::try_from(error.exit_code()).unwrap_or(2);
    if json && error.use_stderr() {
        let cx = Context::new(Arc::new(SystemClock::new()), reporters::json_to_stdout());
        let summary = Summary::new("adhoc").with_error(&args::usage_error(error));
        cx.emit(Event::Summary(Box::new(summary)));
    } else {
        // Nothing can be done about a closed terminal.
        let _ = error.print();
    }
    ExitCode::from(code)
}

fn run(cli: &Cli, typed: &str) -> ExitCode {
    let options = OutputOptions::detect(&cli.global);
    let options = if matches!(cli.command, Command::Logs(_)) { options.with_logs_as_result() } else { options };
    let options = if cli.command.only_plans() { options.with_plan_as_result() } else { options };
    trace(cli.global.verbose);
    let cancellation = CancellationToken::new();
    let cx = Context::new(Arc::new(SystemClock::new()), reporters::reporter(options, &cancellation))
        .with_cancellation(cancellation.clone());
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let error = Error::internal("", "the runtime", "cannot be started").with_source(error);
            return finish(&cx, &Summary::new(cli.command.name()).with_error(&error));
        }
    };
    let summary = runtime.block_on(async {
        tokio::spawn(cancel_on_signal(cancellation, cx.clone()));
        let summary = commands::run(cli, typed, &cx).await;
        notifications::tell(cli, &summary, &cx).await;
        summary
    });
    // Child processes and open connections end with the runtime; nothing of them is waited for.
    runtime.shutdown_background();
    finish(&cx, &summary)
}

/// The last event, the files of GitHub Actions, and the exit code.
fn finish(cx: &Context, summary: &Summary) -> ExitCode {
    let file = |name: &str| std::env::var_os(name).filter(|path| !path.is_empty());
    let (step, output) = (file("GITHUB_STEP_SUMMARY"), file("GITHUB_OUTPUT"));
    let paths = (step.as_ref().map(std::path::Path::new), output.as_ref().map(std::path::Path::new));
    if let Err(error) = reporters::write_github(summary, paths.0, paths.1) {
        cx.hint(format!("the job summary could not be written: {error}"));
    }
    cx.emit(Event::Summary(Box::new(summary.clone())));
    let _ = std::io::stdout().flush();
    ExitCode::from(summary.exit_code)
}

/// The first Ctrl-C, SIGTERM or SIGHUP ends the current step in good order; the second one ends the program, or warns of it
/// where something would be lost.
async fn cancel_on_signal(cancellation: CancellationToken, cx: Context) {
    signal().await;
    cancellation.cancel();
    if commands::PATIENT.load(Ordering::Relaxed) {
        signal().await;
        cx.hint("Terraform is still at it; a third signal leaves it to end by itself, and the environment stays held until then");
    }
    signal().await;
    std::process::exit(130);
}

#[cfg(unix)]
async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    match (signal(SignalKind::terminate()), signal(SignalKind::hangup())) {
        (Ok(mut terminate), Ok(mut hangup)) => loop {
            tokio::select! {
                _ = terminate.recv() => return,
                _ = hangup.recv() => return,
                // A program in the foreground gets it, too, and knows what to do.
                _ = tokio::signal::ctrl_c() => if !commands::FOREGROUND.load(Ordering::Relaxed) { return },
            }
        },
        _ => {
            let _ = tokio::signal::ctrl_c().await;
        }
    }
}

#[cfg(not(unix))]
async fn signal() {
    let _ = tokio::signal::ctrl_c().await;
}

/// `-v` shows our own reasoning, `-vv` more of it. The SDK's logs stay out: they hold requests.
fn trace(verbose: u8) {
    let filter = match verbose {
        0 => return,
        1 => "adhoc=debug,adhoc_core=debug,adhoc_db=debug,adhoc_ecs=debug,adhoc_terraform=debug",
        _ => "adhoc=trace,adhoc_core=trace,adhoc_db=trace,adhoc_ecs=trace,adhoc_terraform=trace,adhoc_local=debug",
    };
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).without_time().try_init();
}
