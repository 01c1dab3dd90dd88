//! Events and results, written for people, for programs and for GitHub Actions.
//!
//! Progress goes to stderr and the result to stdout; with `--output json` everything goes to stdout, one object per
//! line. What a reporter writes is made by pure functions, which the snapshot tests call.

mod closing;
mod databases;
mod environments;
mod error;
mod github;
mod human;
mod infrastructure;
mod inspection;
mod json;
mod live;
mod plain;
mod plan;
#[cfg(test)]
pub(crate) mod samples;
mod status;
mod style;
mod summary;
mod text;

use std::io::{self, IsTerminal, Stdout, Write, stderr, stdout};
use std::sync::Arc;

use adhoc_core::{CancellationToken, EventSink};

pub(crate) use closing::{ComponentReport, EnvironmentReport};
pub(crate) use databases::{AuditRow, AuditTable, DatabaseChange, DatabaseKind, DatabaseRow, DatabaseTable};
pub(crate) use environments::{EnvironmentTable, Extension, SleepChange, SleepRow, SleepTable, SweepRow, SweepTable};
pub(crate) use github::{code, escaped, markdown_parts, table, write_github};
pub(crate) use infrastructure::{ApplyReport, DestroyReport, DriftReport, PlanReport, plan_markdown};
pub(crate) use inspection::{
    CostGroup, CostReport, CostRow, FindingRow, QuotaRow, QuotaTable, UnknownQuota, VerifyReport,
};
pub(crate) use status::{ServiceState, StatusRow, StatusTable};
pub(crate) use style::{Style, Tone};
pub(crate) use summary::{outcome_words, plain_result, subject};
pub(crate) use text::{bytes as size, count, image, one_safe_line};

use crate::args::{GlobalArgs, OutputFormat};

/// How events and results are to be written.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct OutputOptions {
    /// For people or for programs.
    pub(crate) format: OutputFormat,
    /// Only the result and errors.
    pub(crate) quiet: bool,
    /// How often `-v` was given.
    pub(crate) verbose: u8,
    /// Whether stdout takes colour.
    pub(crate) stdout_color: bool,
    /// Whether stderr takes colour.
    pub(crate) stderr_color: bool,
    /// Whether stderr can be redrawn: spinners instead of lines.
    pub(crate) live: bool,
    /// Whether log lines are the result, and so belong on stdout: `adhoc logs`.
    pub(crate) logs_are_result: bool,
    /// Whether the plan of an infrastructure is the result, which the summary holds: `adhoc plan`.
    pub(crate) plan_is_result: bool,
}

impl OutputOptions {
    /// What the arguments, the terminal, and the environment variables `NO_COLOR` and `TERM` ask for. With `-v` there
    /// are no spinners, since `tracing` writes to stderr too.
    pub(crate) fn detect(global: &GlobalArgs) -> Self {
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let color = !(global.no_color || no_color || dumb);
        Self {
            format: global.output,
            quiet: global.quiet,
            verbose: global.verbose,
            stdout_color: color && stdout().is_terminal(),
            stderr_color: color && stderr().is_terminal(),
            live: !dumb && global.verbose == 0 && stderr().is_terminal(),
            logs_are_result: false,
            plan_is_result: false,
        }
    }

    /// Sends log lines to stdout, without the decoration of progress.
    #[must_use]
    pub(crate) fn with_logs_as_result(mut self) -> Self {
        self.logs_are_result = true;
        self
    }

    /// Leaves the plan of an infrastructure to the summary, so that it is shown once.
    #[must_use]
    pub(crate) fn with_plan_as_result(mut self) -> Self {
        self.plan_is_result = true;
        self
    }
}

/// The reporter for stdout and stderr. Where log lines are the result and nobody reads them any more, `unread` is cancelled.
pub(crate) fn reporter(options: OutputOptions, unread: &CancellationToken) -> Arc<dyn EventSink> {
    let out: Box<dyn Write + Send> = match options.logs_are_result {
        true => Box::new(Watched { out: stdout(), unread: unread.clone() }),
        false => Box::new(stdout()),
    };
    reporter_to(options, out, Box::new(stderr()))
}

/// A stdout that tells when its reader has gone.
struct Watched {
    out: Stdout,
    unread: CancellationToken,
}

impl Write for Watched {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes).inspect_err(|error| self.notice(error))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush().inspect_err(|error| self.notice(error))
    }
}

impl Watched {
    fn notice(&self, error: &io::Error) {
        if error.kind() == io::ErrorKind::BrokenPipe {
            self.unread.cancel();
        }
    }
}

/// JSON on stdout, for an error in the arguments themselves: there are no options then.
pub(crate) fn json_to_stdout() -> Arc<dyn EventSink> {
    Arc::new(json::JsonReporter::new(Box::new(stdout())))
}

/// Writes text that is a command's result to stdout. A reader that has gone is no reason to fail.
pub(crate) fn print_result(text: &str) {
    let mut out = stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// A reporter that writes to `out` and `err`. Spinners, where `options` have them, go to the process's own stderr.
pub(crate) fn reporter_to(
    options: OutputOptions,
    out: Box<dyn Write + Send>,
    err: Box<dyn Write + Send>,
) -> Arc<dyn EventSink> {
    match options.format {
        OutputFormat::Json => Arc::new(json::JsonReporter::new(out)),
        OutputFormat::Human => Arc::new(human::HumanReporter::new(options, out, err)),
    }
}
