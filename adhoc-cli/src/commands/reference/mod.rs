//! `adhoc completions`, `man` and `iam-policy`: what the program says about itself.

mod iam;
mod manual;

use adhoc_core::{Context, Error, Result, Summary};
use clap::CommandFactory;

use crate::args::{Cli, CompletionsArgs, IamPolicyArgs, ManArgs, OutputFormat};
use crate::reporters::print_result;

/// `adhoc completions`.
pub(super) fn completions(cli: &Cli, args: &CompletionsArgs) -> Summary {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "adhoc", &mut script);
    answer("completions", cli, Ok(String::from_utf8_lossy(&script).into_owned()))
}

/// `adhoc man`.
pub(super) fn man(cli: &Cli, args: &ManArgs) -> Summary {
    let Some(folder) = &args.dir else {
        return answer("man", cli, manual::page(&args.command));
    };
    let mut summary = Summary::new("man");
    match manual::write_all(folder) {
        Ok(count) => {
            summary.result = Some(format!("{count} pages in {}", folder.display()).into());
            summary
        }
        Err(error) => summary.with_error(&error),
    }
}

/// `adhoc iam-policy`.
pub(super) fn iam_policy(cli: &Cli, args: &IamPolicyArgs, cx: &Context) -> Summary {
    let policy = super::load_config(cli).and_then(|config| iam::policy(&args.commands, &config));
    if let Ok(policy) = &policy {
        policy.hints().into_iter().for_each(|hint| cx.hint(hint));
    }
    answer("iam-policy", cli, policy.map(|policy| policy.to_string()))
}

/// A summary whose result is a text, which is printed to its last byte as it is, for a pipe.
fn answer(command: &str, cli: &Cli, text: Result<String, Error>) -> Summary {
    let mut summary = Summary::new(command);
    match text {
        Ok(text) if cli.global.output == OutputFormat::Human => print_result(&text),
        Ok(text) => summary.result = Some(text.into()),
        Err(error) => return summary.with_error(&error),
    }
    summary
}
