use std::fs::{File, Metadata};
use std::io::{self, IsTerminal, Write, stdin, stdout};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::Ordering;

use adhoc_core::{Context, Error, Event, Outcome, Result, Summary};
use adhoc_ecs::aws::AwsExecSessions;
use adhoc_ecs::{ExecInput, ExecPlugin, ExecReport, ExecRequest};

use super::{FOREGROUND, Session};
use crate::args::{ExecArgs, OutputFormat};

/// `adhoc exec`: its exit code is that of the command.
pub(super) async fn exec(args: &ExecArgs, session: &Session) -> Summary {
    let summary = Summary::new("exec").with_environment(args.environment.as_str());
    match run(args, session).await {
        Ok(report) => ended(summary, &report, session.global.output),
        Err(error) => summary.with_error(&error),
    }
}

async fn run(args: &ExecArgs, session: &Session) -> Result<ExecReport> {
    let json = session.global.output == OutputFormat::Json;
    let input = input(json)?;
    if args.command.is_empty() && !matches!(input, ExecInput::Terminal(_)) {
        return Err(Error::invalid("", "", "a shell needs a terminal on both sides, and there is none here")
            .with_hint("name a command: `adhoc exec SERVICE ENV -- COMMAND`"));
    }
    let environment = session.environment(&args.environment);
    let service = environment.service(&args.service);
    let request =
        ExecRequest::new(environment, &args.service).with_task(args.task.clone()).with_command(args.command.clone());
    // The credentials of an assumed role are in no profile.
    let profile = session.global.profile.clone().filter(|_| session.config.account.assume_role.is_none());
    let plugin = ExecPlugin::new().with_profile(profile);
    let sessions = AwsExecSessions::on_aws(&session.sdk);
    let mut lines = Lines { cx: &session.cx, source: service.to_string(), begun: Vec::new() };
    let mut plain = stdout();
    let output: &mut (dyn Write + Send) = if json { &mut lines } else { &mut plain };
    FOREGROUND.store(matches!(input, ExecInput::Terminal(_)), Ordering::Relaxed);
    let done = adhoc_ecs::exec(&session.cx, &session.ecs, &sessions, &plugin, &request, input, output).await;
    FOREGROUND.store(false, Ordering::Relaxed);
    lines.end();
    done
}

/// The terminal, where there is one on both sides; else what is piped in.
fn input(json: bool) -> Result<ExecInput> {
    let input = stdin();
    let given = input.as_fd().try_clone_to_owned().map(File::from);
    let given = given.map_err(|error| Error::internal("", "standard input", "cannot be shared").with_source(error))?;
    Ok(match (input.is_terminal(), stdout().is_terminal() && !json) {
        (true, true) => ExecInput::Terminal(given.into()),
        (true, false) => ExecInput::Nothing,
        (false, _) if is_nothing(&given) => ExecInput::Nothing,
        (false, _) => ExecInput::Stream(Box::new(tokio::fs::File::from_std(given))),
    })
}

/// Whether this is `/dev/null`: then the image needs no `base64`.
fn is_nothing(file: &File) -> bool {
    let device = |metadata: io::Result<Metadata>| metadata.map(|metadata| metadata.rdev()).unwrap_or_default();
    let given = device(file.metadata());
    given != 0 && given == device(std::fs::metadata("/dev/null"))
}

fn ended(mut summary: Summary, report: &ExecReport, output: OutputFormat) -> Summary {
    if report.exit_code != 0 {
        summary = summary.with_outcome(Outcome::TaskFailed);
        summary.exit_code = report.exit_code;
    }
    // People have seen what it wrote.
    if output == OutputFormat::Json {
        summary.result = Some(serde_json::json!({
            "task": report.task,
            "container": report.container,
            "exit_code": report.exit_code,
        }));
    }
    summary
}

/// What a command writes, as events.
struct Lines<'a> {
    cx: &'a Context,
    source: String,
    begun: Vec<u8>,
}

impl Lines<'_> {
    fn emit(&self, line: &[u8]) {
        let message = String::from_utf8_lossy(line).into_owned();
        let (source, at) = (self.source.clone(), self.cx.clock().now());
        self.cx.emit(Event::LogLine { source, task: String::new(), at, message });
    }

    /// A last line without its end.
    fn end(&mut self) {
        if !self.begun.is_empty() {
            let line = std::mem::take(&mut self.begun);
            self.emit(&line);
        }
    }
}

impl Write for Lines<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.begun.extend_from_slice(bytes);
        while let Some(newline) = self.begun.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.begun.drain(..=newline).collect();
            self.emit(&line[..newline]);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
