//! The manual: a page for every command, made from the definition of the command line.

use std::io::Write;
use std::path::Path;

use adhoc_core::{Error, Result};
use clap::{Command, CommandFactory};
use clap_mangen::Man;
use clap_mangen::roff::{Inline, Roff, bold, italic, roman};

use crate::args::Cli;

const EXIT_STATUS: &[(&str, &str)] = &[
    ("0", "Done, or nothing to do."),
    ("1", "A bug: everything else has a code of its own."),
    ("2", "Bad arguments, a bad name or a bad configuration file."),
    ("3", "The environment, a family, service, network, workspace or var file is not there."),
    ("4", "A one-off task ran and failed; no service was touched."),
    ("5", "A one-off task never started; no service was touched."),
    ("6", "ECS rolled a service back."),
    ("7", "A rollout failed and was not rolled back."),
    ("8", "The deadline passed while things still progressed."),
    ("9", "Another deployment replaced this one."),
    ("10", "AWS refused, or stayed unreachable after retries."),
    ("11", "The bastion, the tunnel or Postgres refused."),
    ("12", "Terraform failed."),
    ("13", "Another run holds the environment, or its state."),
    ("130", "Interrupted; what was left running is named, with the command that resumes it."),
];

const ENVIRONMENT: &[(&str, &str)] = &[
    ("AWS_REGION, AWS_PROFILE, AWS_ACCESS_KEY_ID, ...", "Region and credentials, as for every AWS client."),
    ("AWS_ENDPOINT_URL", "Another address for AWS, such as that of `adhoc local serve`."),
    ("AWS_CA_BUNDLE", "A PEM file with further authorities to trust."),
    ("HTTPS_PROXY, HTTP_PROXY, NO_PROXY", "The proxy through which AWS is reached."),
    ("NO_COLOR", "If it is set and not empty: no colour."),
    ("ADHOC_TF_PLUGIN_DIR", "A folder to take Terraform's providers from, instead of the registry."),
    ("SSH_AUTH_SOCK", "The agent that is asked for keys to the bastion."),
    ("GITHUB_ACTOR, USER", "Whose an environment or a database is, unless --owner says so."),
    ("ADHOC_SLACK_WEBHOOK", "Where a chat is told of what was changed, unless [notifications] names another variable."),
    ("GITHUB_TOKEN, GITHUB_REPOSITORY", "For --pr-comment: what may write the comment, and where."),
    ("GITHUB_STEP_SUMMARY, GITHUB_OUTPUT", "In GitHub Actions: where the report and the results are appended."),
];

const FILES: &[(&str, &str)] = &[
    ("adhoc.toml", "Names, components, database, Terraform and more of a project; without it there are conventions."),
    ("terraform/ad-hoc/envs/ENV.tfvars", "What an environment is made of."),
    ("terraform/ad-hoc/.adhoc/ENV/", "Terraform's data, and what an environment can be destroyed with."),
    ("~/.aws/config, ~/.aws/credentials", "Profiles."),
    ("~/.ssh/known_hosts", "The bastion's host key."),
];

/// The page of a command, given by its words; of `adhoc` itself if there are none.
///
/// # Errors
///
/// [`Error::Invalid`] if there is no such command.
pub(super) fn page(words: &[String]) -> Result<String> {
    let mut command = &whole();
    for word in words {
        command = command.find_subcommand(word).ok_or_else(|| {
            Error::invalid("", format!("command `{}`", words.join(" ")), "is not there")
                .with_hint("`adhoc --help` names the commands")
        })?;
    }
    Ok(render(command))
}

/// Writes every page into a folder, which is made if it is not there, and tells how many there are.
///
/// # Errors
///
/// [`Error::Invalid`] if the folder cannot be written to.
pub(super) fn write_all(folder: &Path) -> Result<usize> {
    let unwritable = |error| {
        Error::invalid("", folder.display().to_string(), "cannot be written to")
            .with_source(error)
            .with_hint("name a folder that you may write to")
    };
    std::fs::create_dir_all(folder).map_err(unwritable)?;
    let root = whole();
    let commands = with_subcommands(&root);
    for command in &commands {
        std::fs::write(folder.join(format!("{}.1", name(command))), render(command)).map_err(unwritable)?;
    }
    Ok(commands.len())
}

/// The whole command line, with the names that clap gives to commands when they are used.
fn whole() -> Command {
    let mut command = Cli::command();
    command.build();
    command
}

fn with_subcommands(command: &Command) -> Vec<&Command> {
    let below = command.get_subcommands().filter(|below| !below.is_hide_set()).flat_map(with_subcommands);
    std::iter::once(command).chain(below).collect()
}

/// Such as `adhoc-db-create`.
fn name(command: &Command) -> &str {
    command.get_display_name().unwrap_or_else(|| command.get_name())
}

fn render(command: &Command) -> String {
    let is_root = name(command) == "adhoc";
    // Every page would repeat them.
    let shown = command.clone().mut_args(|arg| match arg.get_help_heading() {
        Some("Global options") if !is_root => arg.hide(true),
        _ => arg,
    });
    let man = Man::new(shown.clone());
    let mut page = Vec::new();
    let written = write(&mut page, &man, &shown, is_root);
    debug_assert!(written.is_ok(), "a buffer takes everything");
    without_repetition(&String::from_utf8_lossy(&page))
}

/// Every section comes with the definitions that a page needs once, at its beginning.
fn without_repetition(page: &str) -> String {
    let definitions = Roff::new().render();
    format!("{definitions}{}", page.replace(&definitions, ""))
}

fn write(page: &mut Vec<u8>, man: &Man, command: &Command, is_root: bool) -> std::io::Result<()> {
    // Without a date, so that the same program always makes the same page; `Man` would leave the empty word out.
    writeln!(page, ".TH {} 1 \"\" \"adhoc {}\" \"adhoc\"", name(command), env!("CARGO_PKG_VERSION"))?;
    man.render_name_section(page)?;
    synopsis(command).to_writer(page)?;
    man.render_description_section(page)?;
    if command.get_subcommands().any(|below| !below.is_hide_set()) {
        man.render_subcommands_section(page)?;
    }
    man.render_options_section(page)?;
    examples(command).to_writer(page)?;
    if is_root {
        table("EXIT STATUS", EXIT_STATUS).to_writer(page)?;
        table("ENVIRONMENT", ENVIRONMENT).to_writer(page)?;
        table("FILES", FILES).to_writer(page)?;
    }
    see_also(command, is_root).to_writer(page)
}

/// The usage as `--help` has it, which is shorter than a list of all options.
fn synopsis(command: &Command) -> Roff {
    let usage = command.clone().render_usage().to_string();
    let usage = usage.strip_prefix("Usage: ").unwrap_or(&usage).trim();
    let mut roff = Roff::new();
    roff.control("SH", ["SYNOPSIS"]);
    for (index, line) in usage.lines().map(str::trim).filter(|line| !line.is_empty()).enumerate() {
        if index > 0 {
            roff.control("br", []);
        }
        roff.text([roman(line)]);
    }
    roff
}

/// What follows the options in `--help`: explanations, examples and exit codes. Its lines stay lines, and what ends with a
/// colon is a heading.
fn examples(command: &Command) -> Roff {
    let mut roff = Roff::new();
    let text = command.get_after_long_help().or_else(|| command.get_after_help()).map(ToString::to_string);
    let mut section = Section { heading: "NOTES".to_owned(), ..Section::default() };
    for line in text.iter().flat_map(|text| text.lines()) {
        if let Some(title) = heading_of(line) {
            section.end(&mut roff);
            section = Section { heading: title.to_uppercase(), ..Section::default() };
        } else if line.trim().is_empty() {
            section.has_gap = section.is_begun;
        } else {
            section.line(&mut roff, line);
        }
    }
    section.end(&mut roff);
    roff
}

/// A section while it is written.
#[derive(Default)]
struct Section {
    heading: String,
    is_begun: bool,
    is_literal: bool,
    has_gap: bool,
}

impl Section {
    fn line(&mut self, roff: &mut Roff, line: &str) {
        if !std::mem::replace(&mut self.is_begun, true) {
            roff.control("SH", [self.heading.as_str()]);
        }
        if std::mem::take(&mut self.has_gap) {
            self.end(roff);
            roff.control("PP", []);
        }
        if line.starts_with(' ') && !std::mem::replace(&mut self.is_literal, true) {
            roff.control("nf", []);
        }
        roff.text([roman(line.strip_prefix("  ").unwrap_or(line))]);
    }

    fn end(&mut self, roff: &mut Roff) {
        if std::mem::take(&mut self.is_literal) {
            roff.control("fi", []);
        }
    }
}

fn heading_of(line: &str) -> Option<&str> {
    line.strip_suffix(':').filter(|title| !title.starts_with(' ') && !title.contains("  "))
}

fn table(heading: &str, rows: &[(&str, &str)]) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", [heading]);
    for (term, meaning) in rows {
        roff.control("TP", []);
        roff.text([bold(*term)]);
        roff.text([roman(*meaning)]);
    }
    roff
}

fn see_also(command: &Command, is_root: bool) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["SEE ALSO"]);
    if is_root {
        roff.text(reference("terraform").into_iter().chain([roman(", ")]).chain(reference("aws")).collect::<Vec<_>>());
        return roff;
    }
    roff.text(
        reference("adhoc")
            .into_iter()
            .chain([roman(", for the options that every command takes.")])
            .collect::<Vec<_>>(),
    );
    for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
        roff.control("br", []);
        roff.text(reference(name(below)));
    }
    roff
}

fn reference(page: &str) -> Vec<Inline> {
    vec![italic(page), roman("(1)")]
}
