//! The command line: what a user may say, and how it is parsed.

mod database;
#[cfg(test)]
mod documented;
mod environment;
mod infrastructure;
mod inspection;
mod lifecycle;
mod maintenance;
mod reference;
mod release;
mod values;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use adhoc_core::{EnvironmentName, Error, ImageChange, ImageReference, ImageTag};
use adhoc_ecs::RevisionChoice;
use clap::builder::styling::{AnsiColor, Styles};
use clap::{ArgAction, ArgGroup, Args, Parser, Subcommand, ValueEnum, ValueHint};

pub(crate) use database::{
    DbAuditArgs, DbCloneArgs, DbCommand, DbDropArgs, DbRestoreArgs, DbShellArgs, DbUrlArgs, MarkerArgs,
};
pub(crate) use infrastructure::{
    BootstrapCommand, CreateArgs, CreateOptions, DestroyArgs, InfrastructureCommand, PlanOptions, SharedCommand,
};
use inspection::VERIFY_HELP;
pub(crate) use inspection::{CostArgs, QuotaArgs, VerifyArgs};
pub(crate) use lifecycle::{ExtendArgs, ListArgs, SleepArgs, SweepArgs};
pub(crate) use maintenance::MaintenanceCommand;
pub(crate) use reference::{COMPLETIONS_HELP, CompletionsArgs, IAM_POLICY_HELP, IamPolicyArgs, MAN_HELP, ManArgs};
pub(crate) use release::{ExecArgs, PromoteArgs};
pub(crate) use values::DesiredCount;
pub(crate) use values::parse_duration;
use values::{parse_desired_count, parse_named, parse_role};

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

const UPDATE_HELP: &str = "\
Examples:
  adhoc update backend alpha --tag v1.1.0
      Run the migrations of v1.1.0, then roll the services of the backend.
  adhoc update backend alpha --tag v1.1.0 --dry-run
      Show every change that this would make to a task definition, and make none.

Exit codes:
   0  done, or nothing to do
   2  bad argument, name or configuration file
   3  the environment, a family, a service or its network is not there
   4  a pre-update task ran and failed; no service was touched
   5  a pre-update task never started; no service was touched
   6  ECS rolled a service back
   7  a rollout failed and was not rolled back
   8  timed out while things still progressed
   9  another deployment replaced this one
  10  AWS refused, or stayed unreachable after retries
  11  the bastion or Postgres refused; nothing was registered, and no service was touched
 130  interrupted; run the same command again to resume";

const ROLLBACK_HELP: &str = "\
Examples:
  adhoc rollback backend alpha
      Go back to the last release before the newest one that each service was deployed with successfully.
  adhoc rollback backend alpha --to alpha-gunicorn:41 --to alpha-beat:17
      Go back to these revisions.";

const LOGS_HELP: &str = "\
Examples:
  adhoc logs gunicorn alpha -f
      Follow every task of the service, and those that replace them, until Ctrl-C (exit code 130).
  adhoc logs migrate alpha --since 1h
      Read what the migrations of the last hour wrote.";

const RUN_HELP: &str = "\
Examples:
  adhoc run migrate alpha --tag v1.1.0
      Run the migrations of another release.
  adhoc run migrate alpha -- python manage.py showmigrations
      Run another command in the same container.";

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "adhoc",
    version,
    styles = STYLES,
    about = "Short-lived, complete copies of a web application on AWS ECS, and safe updates of it",
    disable_help_subcommand = true,
    max_term_width = 100
)]
pub(crate) struct Cli {
    /// The options of every command.
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options that every command takes, before or after its name.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct GlobalArgs {
    /// Read names and components from FILE [default: adhoc.toml if it is there, else the built-in conventions]
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) config: Option<PathBuf>,
    /// The shared environment that owns network and database [default: that of adhoc.toml, else dev]
    #[arg(long, global = true, value_name = "NAME", value_parser = parse_named::<EnvironmentName>)]
    pub(crate) shared: Option<EnvironmentName>,
    /// The AWS region [default: that of adhoc.toml, else AWS_REGION or the profile's]
    #[arg(long, global = true, value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(crate) region: Option<String>,
    /// The profile in ~/.aws/config whose credentials to use [default: AWS_PROFILE]
    #[arg(long, global = true, value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(crate) profile: Option<String>,
    /// Write for people, or one JSON object per line on stdout
    #[arg(long, global = true, value_enum, value_name = "FORMAT", default_value_t = OutputFormat::Human)]
    pub(crate) output: OutputFormat,
    /// Show only the result and errors
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Say more about what is tried again and why; twice for everything
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Use no colour, as NO_COLOR does
    #[arg(long, global = true)]
    pub(crate) no_color: bool,
    /// Ask nothing before a change that cannot be undone
    #[arg(long, global = true)]
    pub(crate) yes: bool,
    /// Keep one comment about the environment on pull request N up to date; needs GITHUB_TOKEN and GITHUB_REPOSITORY
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) pr_comment: Option<u64>,
}

/// How events and results are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum OutputFormat {
    /// For people.
    #[default]
    Human,
    /// One JSON object per line on stdout.
    Json,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Live through the whole life of an environment on an embedded AWS: no account needed
    Demo(DemoArgs),
    /// The embedded AWS, for other tools
    #[command(subcommand)]
    Local(LocalCommand),
    /// The commands that drive Terraform.
    #[command(flatten)]
    Infrastructure(InfrastructureCommand),
    /// Bring a component of an environment to a release: register, migrate, roll, wait
    #[command(after_help = UPDATE_HELP, group = image_group(true))]
    Update(UpdateArgs),
    /// Put a component of an environment back on earlier revisions
    #[command(after_help = ROLLBACK_HELP)]
    Rollback(RollbackArgs),
    /// Run a one-off task, stream its logs, and end with an exit code that tells how it went
    #[command(after_help = RUN_HELP, group = image_group(false))]
    Run(RunArgs),
    /// Bring the release that one environment runs to another one, by its digest
    #[command(after_help = release::PROMOTE_HELP)]
    Promote(PromoteArgs),
    /// Show what runs in an environment: services, counts, revisions, images
    Status(StatusArgs),
    /// Check what an update would need, before it
    #[command(after_help = VERIFY_HELP, group = image_group(false).requires("component"))]
    Verify(VerifyArgs),
    /// Show every environment: whose it is, what it runs, what it costs, when it expires
    List(ListArgs),
    /// Put an environment to sleep: no task runs, everything else stays
    Stop(SleepArgs),
    /// Wake an environment up, with as many tasks as it had
    Start(SleepArgs),
    /// Let an environment live longer
    Extend(ExtendArgs),
    /// Find environments that have expired and what was left behind; with --apply, destroy them
    Sweep(SweepArgs),
    /// Print the logs of a service
    #[command(after_help = LOGS_HELP)]
    Logs(LogsArgs),
    /// Run a command, or a shell, in a container of a service
    #[command(after_help = release::EXEC_HELP)]
    Exec(ExecArgs),
    /// Answer with a maintenance page instead of the application
    #[command(subcommand)]
    Maintenance(MaintenanceCommand),
    /// Show how many more environments fit, and what runs out first
    Quota(QuotaArgs),
    /// Show what environments and the shared part cost per day
    Cost(CostArgs),
    /// The environments' databases in the shared Postgres server, through the bastion
    #[command(subcommand)]
    Db(DbCommand),
    /// Print the least IAM policy that commands need
    #[command(after_help = IAM_POLICY_HELP)]
    IamPolicy(IamPolicyArgs),
    /// Print the completions of a shell
    #[command(after_help = COMPLETIONS_HELP)]
    Completions(CompletionsArgs),
    /// Print the manual, as a page for man
    #[command(after_help = MAN_HELP)]
    Man(ManArgs),
}

impl Command {
    /// The command as a summary names it, such as `update` or `local serve`.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Demo(_) => "demo",
            Self::Local(LocalCommand::Serve(_)) => "local serve",
            Self::Infrastructure(command) => command.name(),
            Self::Update(_) => "update",
            Self::Rollback(_) => "rollback",
            Self::Run(_) => "run",
            Self::Status(_) => "status",
            Self::Logs(_) => "logs",
            Self::Promote(_) => "promote",
            Self::Verify(_) => "verify",
            Self::List(_) => "list",
            Self::Stop(_) => "stop",
            Self::Start(_) => "start",
            Self::Extend(_) => "extend",
            Self::Sweep(_) => "sweep",
            Self::Exec(_) => "exec",
            Self::Maintenance(MaintenanceCommand::On(_)) => "maintenance on",
            Self::Maintenance(MaintenanceCommand::Off(_)) => "maintenance off",
            Self::Quota(_) => "quota",
            Self::Cost(_) => "cost",
            Self::IamPolicy(_) => "iam-policy",
            Self::Completions(_) => "completions",
            Self::Man(_) => "man",
            Self::Db(command) => command.name(),
        }
    }

    /// Whether the plan of an infrastructure is all that it gives.
    pub(crate) fn only_plans(&self) -> bool {
        matches!(self, Self::Infrastructure(command) if command.only_plans())
    }
}

fn image_group(required: bool) -> ArgGroup {
    ArgGroup::new("release").args(["tag", "image"]).required(required)
}

/// `adhoc demo`.
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Do not linger: run at the speed of a test
    #[arg(long)]
    pub(crate) fast: bool,
}

/// `adhoc local`.
#[derive(Debug, Subcommand)]
pub(crate) enum LocalCommand {
    /// Serve the embedded AWS on loopback until interrupted; point AWS_ENDPOINT_URL at it
    Serve(ServeArgs),
}

/// `adhoc local serve`.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// The port on 127.0.0.1; 0 takes a free one
    #[arg(long, value_name = "N", default_value_t = 4566)]
    pub(crate) port: u16,
    /// Begin with the environments and faults that FILE describes
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) scenario: Option<PathBuf>,
}

/// A component of an environment.
#[derive(Debug, Args)]
pub(crate) struct TargetArgs {
    /// The component, as adhoc.toml defines it: backend, frontend, ...
    #[arg(value_parser = parse_role)]
    pub(crate) component: String,
    /// The environment, such as alpha or pr-42
    #[arg(value_name = "ENV", value_parser = parse_named::<EnvironmentName>)]
    pub(crate) environment: EnvironmentName,
}

/// Which image to use.
#[derive(Debug, Args)]
#[group(skip)]
pub(crate) struct ImageArgs {
    /// Keep each image's repository and use this tag
    #[arg(long, value_name = "TAG", value_parser = parse_named::<ImageTag>)]
    pub(crate) tag: Option<ImageTag>,
    /// Use this whole image reference, such as registry/backend@sha256:...
    #[arg(long, value_name = "REF", value_parser = parse_named::<ImageReference>)]
    pub(crate) image: Option<ImageReference>,
}

impl ImageArgs {
    /// The change that was asked for; [`ImageChange::Keep`] if none was.
    pub(crate) fn change(&self) -> ImageChange {
        match (&self.tag, &self.image) {
            (Some(tag), _) => ImageChange::Tag(tag.clone()),
            (None, Some(image)) => ImageChange::Reference(image.clone()),
            (None, None) => ImageChange::Keep,
        }
    }
}

/// How long to wait.
#[derive(Debug, Args)]
pub(crate) struct TimeoutArgs {
    /// Give up after this long, such as 30m or 1h30m; what was begun goes on
    #[arg(long, value_name = "DURATION", default_value = "30m", value_parser = parse_duration)]
    pub(crate) timeout: Duration,
}

/// `adhoc update`.
#[derive(Debug, Args)]
pub(crate) struct UpdateArgs {
    /// What to update.
    #[command(flatten)]
    pub(crate) target: TargetArgs,
    /// The image; one of the two is required.
    #[command(flatten)]
    pub(crate) image: ImageArgs,
    /// Show what would change, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// The deadline.
    #[command(flatten)]
    pub(crate) deadline: TimeoutArgs,
    /// Roll the services without running the pre-update tasks (migrations)
    #[arg(long)]
    pub(crate) skip_pre_update: bool,
    /// Do not make sure that the environment has its database
    #[arg(long)]
    pub(crate) skip_db: bool,
    /// Answer with the maintenance page from before the pre-update tasks until the services run the release
    #[arg(long)]
    pub(crate) maintenance: bool,
    /// Set the number of tasks of every service, or of one role; may be repeated [default: stays; a stopped one gets 1]
    #[arg(long, value_name = "N|ROLE=N", value_parser = parse_desired_count)]
    pub(crate) desired_count: Vec<DesiredCount>,
}

impl UpdateArgs {
    /// The counts that were asked for; where a word is repeated, the last one wins.
    pub(crate) fn desired_counts(&self) -> adhoc_ecs::DesiredCount {
        let mut counts = adhoc_ecs::DesiredCount::default();
        for DesiredCount { role, count } in &self.desired_count {
            match role {
                Some(role) => drop(counts.by_role.insert(role.clone(), *count)),
                None => counts.all = Some(*count),
            }
        }
        counts
    }
}

/// `adhoc rollback`.
#[derive(Debug, Args)]
pub(crate) struct RollbackArgs {
    /// What to put back.
    #[command(flatten)]
    pub(crate) target: TargetArgs,
    /// The revision to go back to: 41 for every family, alpha-gunicorn:41 for one; may be repeated
    /// [default: the last one that was deployed successfully before the newest release]
    #[arg(long, value_name = "REVISION", value_parser = parse_named::<RevisionChoice>)]
    pub(crate) to: Vec<RevisionChoice>,
    /// Show what would change, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// The deadline.
    #[command(flatten)]
    pub(crate) deadline: TimeoutArgs,
}

/// `adhoc run`.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// The task's role: migrate, collectstatic, gunicorn, ...
    #[arg(value_parser = parse_role)]
    pub(crate) task: String,
    /// The environment, such as alpha or pr-42
    #[arg(value_name = "ENV", value_parser = parse_named::<EnvironmentName>)]
    pub(crate) environment: EnvironmentName,
    /// The image; that of the newest revision if neither is given.
    #[command(flatten)]
    pub(crate) image: ImageArgs,
    /// The deadline.
    #[command(flatten)]
    pub(crate) deadline: TimeoutArgs,
    /// Run this instead of the container's own command
    #[arg(last = true, value_name = "COMMAND", value_hint = ValueHint::CommandWithArguments)]
    pub(crate) command: Vec<String>,
}

/// `adhoc status`.
#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// The environment, such as alpha or pr-42
    #[arg(value_name = "ENV", value_parser = parse_named::<EnvironmentName>)]
    pub(crate) environment: EnvironmentName,
}

/// `adhoc logs`.
#[derive(Debug, Args)]
pub(crate) struct LogsArgs {
    /// The role of a service, or of a one-off task: gunicorn, web-ui, migrate, ...
    #[arg(value_parser = parse_role)]
    pub(crate) service: String,
    /// The environment, such as alpha or pr-42
    #[arg(value_name = "ENV", value_parser = parse_named::<EnvironmentName>)]
    pub(crate) environment: EnvironmentName,
    /// Go on printing as lines are written, until interrupted
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// Begin this long ago, such as 90s, 10m or 5d
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = parse_duration)]
    pub(crate) since: Duration,
}

/// Whether raw arguments ask for JSON: even a usage error then ends with a JSON summary. Looks no further than `--`.
pub(crate) fn wants_json(args: &[OsString]) -> bool {
    let ours: Vec<&OsString> = args.iter().take_while(|arg| *arg != "--").collect();
    ours.iter().any(|arg| *arg == "--output=json")
        || ours.windows(2).any(|pair| pair[0] == "--output" && pair[1] == "json")
}

/// A usage error of clap's as ours, in one line, for a summary.
pub(crate) fn usage_error(error: &clap::Error) -> Error {
    let text = error.render().to_string();
    let paragraph: Vec<&str> = text.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
    let line = paragraph.join(" ");
    let reason = line.strip_prefix("error: ").unwrap_or(&line);
    let tip = text.lines().find_map(|line| line.trim().strip_prefix("tip: "));
    Error::invalid("", "", reason).with_hint(tip.unwrap_or("run the command with `--help` for its arguments"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use clap::CommandFactory;

    use super::infrastructure::SharedCommand;
    use super::*;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split_whitespace().map(|word| if word == "''" { "" } else { word }))
    }

    fn update(line: &str) -> UpdateArgs {
        match parse(line).expect(line).command {
            Command::Update(args) => args,
            other => panic!("{other:?}"),
        }
    }

    fn refusal(line: &str) -> String {
        let error = parse(line).expect_err(line);
        assert_eq!(error.exit_code(), 2, "{line}");
        let error = usage_error(&error);
        format!("error: {error}\nhint: {}", error.detail().hint.as_deref().expect("a hint"))
    }

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn an_update_takes_everything_the_design_says() {
        let args = update(
            "adhoc update backend alpha --tag v1.1.0 --dry-run --timeout 1h30m --skip-pre-update --desired-count 1 \
             --desired-count gunicorn=3",
        );
        assert_eq!((args.target.component.as_str(), args.target.environment.as_str()), ("backend", "alpha"));
        assert_eq!(args.image.change(), ImageChange::Tag("v1.1.0".parse().expect("a tag")));
        assert_eq!(args.deadline.timeout, Duration::from_secs(5400));
        assert!(args.dry_run && args.skip_pre_update);
        let counts = args.desired_counts();
        assert_eq!((counts.all, counts.by_role), (Some(1), BTreeMap::from([("gunicorn".to_owned(), 3)])));
    }

    #[test]
    fn global_options_may_follow_the_command() {
        let cli =
            parse("adhoc status alpha --output json -vv --no-color --shared stage --config x.toml").expect("valid");
        assert_eq!((cli.global.output, cli.global.verbose), (OutputFormat::Json, 2));
        assert_eq!(cli.global.shared.as_ref().map(EnvironmentName::as_str), Some("stage"));
        assert!(cli.global.no_color);
    }

    #[test]
    fn revisions_are_numbers_with_or_without_a_family() {
        let cli = parse("adhoc rollback backend alpha --to 41 --to alpha-beat:17").expect("valid");
        let Command::Rollback(args) = cli.command else { panic!("{cli:?}") };
        let one: RevisionChoice = "alpha-beat:17".parse().expect("a revision");
        assert_eq!(args.to, [RevisionChoice::Number(41), one]);
    }

    #[test]
    fn a_task_takes_a_command_after_two_hyphens() {
        let cli = parse("adhoc run migrate alpha -- python manage.py --help").expect("valid");
        let Command::Run(args) = cli.command else { panic!("{cli:?}") };
        assert_eq!(args.command, ["python", "manage.py", "--help"]);
        assert_eq!(args.image.change(), ImageChange::Keep);
    }

    #[test]
    fn variables_are_set_to_anything() {
        let cli = parse("adhoc create alpha --set a=1 --set tags-2=k=v --set _b= --yes").expect("valid");
        let Command::Infrastructure(InfrastructureCommand::Create(args)) = cli.command else { panic!("{cli:?}") };
        let set: Vec<_> = args.options.settings.set.iter().map(|set| set.split_once('=').expect("KEY=VALUE")).collect();
        assert_eq!(set, [("a", "1"), ("tags-2", "k=v"), ("_b", "")]);
    }

    #[test]
    fn a_shared_environment_is_no_global_option() {
        let cli = parse("adhoc shared plan stage --shared dev --destroy").expect("valid");
        assert_eq!(cli.global.shared.as_ref().map(EnvironmentName::as_str), Some("dev"));
        assert_eq!(cli.command.name(), "shared plan");
        let Command::Infrastructure(InfrastructureCommand::Shared(SharedCommand::Plan(args))) = cli.command else {
            panic!("{cli:?}")
        };
        assert_eq!(args.environment.as_str(), "stage");
        assert!(args.options.destroy);
    }

    #[test]
    fn durations_have_a_unit() {
        for (text, seconds) in [("30m", 1800), ("90s", 90), ("1h30m", 5400), ("5d", 432_000), ("2 hours", 7200)] {
            assert_eq!(parse_duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for bad in ["", "30", "-5m", "0s", "x", "1month", "99999999999999999999h"] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn refusals_are_one_line_with_a_reason_and_a_way_out() {
        let lines: Vec<String> = [
            "adhoc update backend Alpha --tag v1",
            "adhoc update backend alpha --tag a:b",
            "adhoc update backend alpha --tag ''",
            "adhoc update backend alpha --image a//b",
            "adhoc update backend alpha",
            "adhoc update backend alpha --tag v1 --image a:b",
            "adhoc update back/end alpha --tag v1",
            "adhoc update backend alpha --tag v1 --timeout 30",
            "adhoc update backend alpha --tag v1 --timeout soon",
            "adhoc update backend alpha --tag v1 --desired-count many",
            "adhoc rollback backend alpha --to 0",
            "adhoc logs gunicorn alpha --since 1month",
            "adhoc updat backend alpha",
            "adhoc create default",
            "adhoc create ''",
            "adhoc plan a/b",
            "adhoc destroy a234567890123456789012345678901234567890",
            "adhoc shared create default",
            "adhoc shared plan a/b",
            "adhoc create alpha --set",
            "adhoc create alpha --set tag=v1 --plan alpha.plan",
            "adhoc create alpha --plan ''",
            "adhoc create alpha --from a.tfvars --plan alpha.plan",
            "adhoc create alpha --tag backend=a:b",
            "adhoc create alpha --ttl 5",
            "adhoc sweep --limit 0",
            "adhoc stop",
            "adhoc extend alpha --ttl 5d --keep demo",
            "adhoc plan alpha --drift --destroy",
            "adhoc plan alpha --drift --out alpha.plan",
            "adhoc shared plan dev --drift --markdown dev.md",
            "adhoc plan alpha --set tag=v1",
        ]
        .into_iter()
        .map(|line| format!("$ {line}\n{}\n", refusal(line)))
        .collect();
        insta::with_settings!({ snapshot_path => "snapshots", prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!("usage_errors", lines.join("\n"));
        });
    }

    #[test]
    fn json_is_recognised_in_raw_arguments() {
        let wants = |line: &str| wants_json(&line.split(' ').map(OsString::from).collect::<Vec<_>>());
        assert!(wants("adhoc --output json updat"));
        assert!(wants("adhoc status ALPHA --output=json"));
        assert!(!wants("adhoc status ALPHA --output human"));
        assert!(!wants("adhoc run migrate alpha -- tool --output json"));
    }

    #[test]
    fn helps_read_well() {
        let mut command = Cli::command();
        command.build();
        for name in ["update", "create", "plan"] {
            let help = command.find_subcommand_mut(name).expect("defined").render_help().to_string();
            insta::with_settings!({ snapshot_path => "snapshots", prepend_module_to_snapshot => false }, {
                insta::assert_snapshot!(format!("{name}_help"), help);
            });
        }
    }
}
