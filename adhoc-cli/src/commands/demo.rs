//! The life of an environment on the embedded AWS: the commands that a user would type, run for real, with a narrator.

use adhoc_core::{Context, Error, Outcome, Result, Summary, SystemClock};
use adhoc_local::{Behaviour, EnvironmentSpec, Scenario, Server, Timing};
use aws_config::SdkConfig;
use clap::Parser;
use std::sync::Arc;

use super::{Session, execute};
use crate::args::{Cli, DemoArgs, OutputFormat};
use crate::aws;
use crate::config::Config;
use crate::reporters::{self, OutputOptions, Style};

/// One act: what it shows, the command, and how the command has to end.
struct Scene {
    title: &'static str,
    says: &'static str,
    command: &'static str,
    ends: Outcome,
}

const SCENES: [Scene; 8] = [
    Scene {
        title: "An environment appears",
        says: "Terraform would have made this: a cluster, task definitions and services, all at a placeholder image and \
               at count 0.",
        command: "adhoc status alpha",
        ends: Outcome::Succeeded,
    },
    Scene {
        title: "Its first update starts the services",
        says: "Migrations run first, as a task of their own; the output below is that of a real child process.",
        command: "adhoc update backend alpha --tag v1.0.0",
        ends: Outcome::Succeeded,
    },
    Scene {
        title: "The next release rolls",
        says: "Each service is judged by its own deployment, not by whether it looks stable.",
        command: "adhoc update backend alpha --tag v1.1.0",
        ends: Outcome::Succeeded,
    },
    Scene {
        title: "Saying it again does nothing",
        says: "The newest revision is what was asked for, and the services run it: nothing is registered or deployed.",
        command: "adhoc update backend alpha --tag v1.1.0 --skip-pre-update",
        ends: Outcome::Succeeded,
    },
    Scene {
        title: "A migration fails",
        says: "The update stops there. No service is touched.",
        command: "adhoc update backend alpha --tag v1.2.0",
        ends: Outcome::TaskFailed,
    },
    Scene {
        title: "A release crashes",
        says: "The migration passes, but gunicorn of v1.3.0 dies at its start. ECS rolls it back; adhoc says so, and why.",
        command: "adhoc update backend alpha --tag v1.3.0",
        ends: Outcome::RolledBack,
    },
    Scene {
        title: "The other services go back too",
        says: "Worker and scheduler had succeeded with v1.3.0. One command puts them beside gunicorn again.",
        command: "adhoc rollback backend alpha",
        ends: Outcome::Succeeded,
    },
    Scene { title: "What runs now", says: "", command: "adhoc status alpha", ends: Outcome::Succeeded },
];

/// `adhoc demo`.
pub(super) async fn demo(cli: &Cli, args: &DemoArgs, cx: &Context) -> Summary {
    let summary = Summary::new("demo").with_environment("alpha");
    match play(cli, args, cx).await {
        Ok(()) => summary,
        Err(error) => summary.with_error(&error),
    }
}

async fn play(cli: &Cli, args: &DemoArgs, cx: &Context) -> Result<()> {
    let server = stage(args).await?;
    server.create_environment(&EnvironmentSpec::new("alpha").with_owner("demo"));
    let sdk = aws::loopback_config(&server.endpoint())?;
    let style = Style::new(OutputOptions::detect(&cli.global).stdout_color);
    let narrator = Narrator { silent: cli.global.output == OutputFormat::Json, style };
    narrator.say(&format!("An embedded AWS runs at {}; no account is needed.\n", server.endpoint()));
    for (number, scene) in SCENES.iter().enumerate() {
        narrator.announce(number + 1, scene);
        perform(scene, &sdk, cx).await?;
    }
    narrator.title(SCENES.len() + 1, "It is removed");
    server.remove_environment("alpha");
    narrator.say(&format!("   Environments left: {}.\n", server.environments().len()));
    narrator.say("   `adhoc local serve` keeps the embedded AWS running for your own commands.\n");
    server.shutdown().await;
    Ok(())
}

/// The embedded AWS, with two images that misbehave.
async fn stage(args: &DemoArgs) -> Result<Server> {
    let timing = if args.fast { Timing::instant() } else { Timing::brisk() };
    let failing = "echo 'Operations to perform:'; echo '  Apply all migrations: blog'; \
        echo '  Applying blog.0008_unique_slug...'; \
        echo 'django.db.utils.IntegrityError: could not create unique index \"blog_post_slug\"' >&2; exit 1";
    let crashing = "echo '[INFO] Starting gunicorn 23.0.0'; \
        echo \"ModuleNotFoundError: No module named 'ublog.settings.production'\" >&2; exit 3";
    let scenario = Scenario::empty()
        .with_timing(timing)
        .with_behaviour(Behaviour::command("*-migrate", ["sh", "-c", failing]).with_image("*:v1.2.0"))
        .with_behaviour(Behaviour::command("*-gunicorn", ["sh", "-c", crashing]).with_image("*:v1.3.0"));
    Server::start_with(scenario)
        .await
        .map_err(|error| Error::internal("", "the embedded AWS", "did not start").with_source(error))
}

/// Runs a scene's command through the same code as the command line does, and checks how it ends.
async fn perform(scene: &Scene, sdk: &SdkConfig, cx: &Context) -> Result<()> {
    if cx.cancellation().is_cancelled() {
        return Err(Error::cancelled("", "", "interrupted"));
    }
    let cli = Cli::try_parse_from(scene.command.split(' '))
        .map_err(|error| Error::internal("", scene.command, "cannot be parsed").with_source(error))?;
    let own = cx.restarted(Arc::new(SystemClock::new()));
    let session = Session::on(own.clone(), Config::default(), cli.global.clone(), sdk.clone(), scene.command);
    let summary = execute(&cli.command, &session).await;
    let ended = summary.outcome;
    own.emit(adhoc_core::Event::Summary(Box::new(summary)));
    match ended {
        Outcome::Interrupted => Err(Error::cancelled("", "", "interrupted")),
        ended if ended == scene.ends => Ok(()),
        ended => {
            let reason = format!("ended with {}, not {}", ended.exit_code(), scene.ends.exit_code());
            Err(Error::internal("", scene.command, reason))
        }
    }
}

/// Prints what leads from one command to the next; silent where the reader is a program.
struct Narrator {
    silent: bool,
    style: Style,
}

impl Narrator {
    fn announce(&self, number: usize, scene: &Scene) {
        self.title(number, scene.title);
        let says = if scene.says.is_empty() { String::new() } else { format!("   {}\n", scene.says) };
        self.say(&format!("{says}\n{}\n", self.style.cyan(&format!("$ {}", scene.command))));
    }

    fn title(&self, number: usize, title: &str) {
        self.say(&format!("\n{}\n", self.style.bold(&format!("{number}. {title}"))));
    }

    fn say(&self, text: &str) {
        if !self.silent {
            reporters::print_result(text);
        }
    }
}
