//! Who is told how a command has ended: a chat, by its webhook, and a pull request, by one comment.
//!
//! Whoever cannot be told is no reason to fail: that is a hint, and the exit code stays.

mod comment;
mod delivery;
mod github;
mod message;
mod slack;
mod surroundings;

use adhoc_core::{Context, Error, Outcome, Summary};

use self::github::PullRequest;
pub(crate) use self::message::ExpiryWarning;
pub(crate) use self::slack::Notifier;
pub(crate) use self::surroundings::Surroundings;
use crate::args::{Cli, Command};
use crate::commands;
use crate::config::Config;
use crate::reporters;

/// Tells whoever wants to know how the command has ended. To be called before the summary is emitted.
pub(crate) async fn tell(cli: &Cli, summary: &Summary, cx: &Context) {
    if matches!(cli.command, Command::Demo(_) | Command::Local(_)) {
        return;
    }
    // A file that cannot be read is what the summary complains of, or nothing that this command needs.
    let config = commands::load_config(cli).unwrap_or_default();
    let surroundings = Surroundings::detect();
    let told = async {
        if is_told(cli, &config, summary) {
            notify(&config, summary, &surroundings, cx)
                .await
                .unwrap_or_else(|error| warn(cx, "nobody was notified", &error));
        }
    };
    let commented = async {
        if let Some(number) = cli.global.pr_comment {
            let commented = comment(&config, summary, &surroundings, number, cx).await;
            commented
                .unwrap_or_else(|error| warn(cx, &format!("pull request {number} has no comment of this"), &error));
        }
    };
    tokio::join!(told, commented);
}

fn warn(cx: &Context, what: &str, error: &Error) {
    let hint = error.detail().hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
    cx.hint(format!("{what}: {}{hint}", error.chain().join(": ")));
}

/// Whether the chat hears of it. What was refused, or only looked, has changed nothing.
fn is_told(cli: &Cli, config: &Config, summary: &Summary) -> bool {
    let only_looks = match &cli.command {
        Command::Update(args) => args.dry_run,
        Command::Rollback(args) => args.dry_run,
        Command::Promote(args) => args.dry_run,
        Command::Sweep(args) => !args.apply,
        _ => false,
    };
    let succeeded = summary.outcome == Outcome::Succeeded;
    !only_looks && summary.outcome != Outcome::Usage && config.notifications.covers(cli.command.name(), succeeded)
}

async fn notify(
    config: &Config,
    summary: &Summary,
    surroundings: &Surroundings,
    cx: &Context,
) -> adhoc_core::Result<()> {
    let notifier = Notifier::new(cx.clone(), &config.notifications)?;
    notifier.send(&message::of_summary(summary, surroundings)).await.map(drop)
}

async fn comment(
    config: &Config,
    summary: &Summary,
    surroundings: &Surroundings,
    number: u64,
    cx: &Context,
) -> adhoc_core::Result<()> {
    let environment = summary.environment.as_deref().ok_or_else(|| {
        Error::invalid("", format!("`adhoc {}`", summary.command), "is about no environment")
            .with_hint("`--pr-comment` keeps one comment for each environment")
    })?;
    let pull_request = PullRequest::of_job(number)?;
    let url = url(config, summary, environment);
    let body = comment::body(summary, environment, url.as_deref(), surroundings, cx.clock().now());
    pull_request.comment(cx, environment, &body).await
}

/// Where the environment is reached, if it still is there.
fn url(config: &Config, summary: &Summary, environment: &str) -> Option<String> {
    let is_gone = summary.command == "destroy" && summary.outcome == Outcome::Succeeded;
    let name = environment.parse().ok().filter(|_| !is_gone)?;
    let told = summary.result.as_ref().and_then(|result| result["url"].as_str().map(str::to_owned));
    told.or_else(|| config.health.url_of(&name, &config.project))
}

/// The images that a command has brought, without their registries.
fn versions(summary: &Summary) -> Vec<String> {
    let mut versions = Vec::new();
    for definition in &summary.task_definitions {
        let version = reporters::image(&definition.image);
        if !versions.contains(&version) {
            versions.push(version);
        }
    }
    versions
}

/// A moment for people: `2026-03-06 12:00 UTC`.
fn moment(at: adhoc_core::Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}
