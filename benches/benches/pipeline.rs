//! A whole update of three services and a migration on the embedded AWS, again and again.
//!
//! Prints where the time went, measured on the server's side, beside the targets. It asserts nothing: a figure above its
//! target is to be read, and a slow machine is no bug. `cargo bench -p adhoc-benches --bench pipeline [RUNS]`; with
//! `--profile dev` it needs no release build.
#![expect(clippy::print_stdout, reason = "a bench talks to its reader")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use adhoc_benches::{Anatomy, dissect};
use adhoc_core::{Clock, Context, ImageChange, NullSink, Result, SystemClock, TaskArn, Timestamp, async_trait};
use adhoc_ecs::{Ecs, UpdateRequest, update};
use adhoc_examples::{Stage, sdk_config};
use adhoc_local::{Behaviour, Scenario, Timing};

type Figure = (&'static str, fn(&Anatomy) -> i64, Option<i64>);

const FIGURES: [Figure; 12] = [
    ("wall time of the update, ms", |it| it.wall, None),
    ("critical path, ms", Anatomy::critical_path, None),
    ("  register", |it| it.register, None),
    ("  migration", |it| it.migration, None),
    ("  slowest rollout", |it| it.rollout, None),
    ("overhead, ms", Anatomy::overhead, Some(500)),
    ("  resolve, before the first register", |it| it.resolve, None),
    ("  last register to RunTask", |it| it.to_run_task, None),
    ("  task stopped to first UpdateService", |it| it.to_roll, None),
    ("  last rollout finished to return", |it| it.to_return, None),
    ("API calls beyond polls", |it| it.calls.others, Some(25)),
    ("polls", |it| it.calls.polls, None),
];

/// The machine's clock, on which every pause is divided: to see what finer polling would buy, and cost. It breaks the
/// contract of `sleep` on purpose.
struct Hasty {
    clock: SystemClock,
    divisor: u32,
}

#[async_trait]
impl Clock for Hasty {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    async fn sleep(&self, duration: Duration) {
        self.clock.sleep(duration / self.divisor).await;
    }
}

/// What is measured.
struct Setting {
    title: &'static str,
    scenario: Scenario,
    timing: Timing,
    divisor: u32,
    /// Whether the targets are meant for it.
    judged: bool,
}

/// One update, in a world and with clients of its own, as a command has them.
async fn one_update(setting: &Setting, operations: &mut BTreeMap<String, usize>) -> Result<Anatomy> {
    let stage = Stage::start_with(setting.scenario.clone(), setting.timing).await?;
    let config = sdk_config(&stage.server.endpoint());
    let request = UpdateRequest::new(stage.environment.clone(), "backend", ImageChange::Tag("v2.0.0".parse()?));
    let clock = Arc::new(Hasty { clock: SystemClock::new(), divisor: setting.divisor });

    let began = clock.now();
    let ecs = Ecs::on_aws(&config);
    let report = update(&Context::new(clock.clone(), Arc::new(NullSink)), &ecs, &request).await.into_result()?;
    let ended = clock.now();

    let calls = stage.server.calls();
    operations.clear();
    for call in &calls {
        *operations.entry(call.operation.clone()).or_default() += 1;
    }
    let task = report.tasks.first().and_then(|task| task.arn.clone()).map(TaskArn::new);
    let task = task.unwrap_or_else(|| TaskArn::new(""));
    let times = (began.as_millisecond(), ended.as_millisecond());
    dissect(&stage.ecs, &aws_sdk_ecs::Client::new(&config), &calls, times, &task).await
}

/// One figure a line: the best, the median and the worst run, and the target.
fn report(setting: &Setting, runs: &[Anatomy], operations: &BTreeMap<String, usize>) {
    println!("\n{}, {} runs\n{:<40}{:>8}{:>8}{:>8}   target", setting.title, runs.len(), "", "best", "median", "worst");
    for (name, figure, target) in FIGURES {
        let mut values: Vec<i64> = runs.iter().map(figure).collect();
        values.sort_unstable();
        // There is at least one run.
        let (best, median, worst) = (values[0], values[values.len() / 2], values[values.len() - 1]);
        let target = target.filter(|_| setting.judged).map_or(String::new(), |target| {
            format!("≤ {target}, {}", if worst <= target { "met by all" } else { "MISSED by the worst" })
        });
        println!("{name:<40}{best:>8}{median:>8}{worst:>8}   {target}");
    }
    let operations: Vec<String> = operations.iter().map(|(name, times)| format!("{name} {times}")).collect();
    println!("the calls of the last run: {}", operations.join(", "));
}

#[tokio::main]
async fn main() -> Result<()> {
    let runs = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(10).max(1);
    // Without a process, a task runs at once and ends at once: the least that an update can take.
    let idle = ["alpha-gunicorn", "alpha-default", "alpha-beat"]
        .into_iter()
        .fold(Scenario::empty(), |scenario, family| scenario.with_behaviour(Behaviour::idle(family)));
    let setting = |title, scenario, timing, divisor, judged| Setting { title, scenario, timing, divisor, judged };
    for setting in [
        setting("No latency", Scenario::empty(), Timing::instant(), 1, true),
        setting("No latency, services without a process", idle, Timing::instant(), 1, true),
        setting("No latency, every pause a quarter as long", Scenario::empty(), Timing::instant(), 4, false),
        setting("Brisk, as `adhoc demo`", Scenario::empty(), Timing::brisk(), 1, false),
    ] {
        let (mut anatomies, mut operations) = (Vec::new(), BTreeMap::new());
        for _ in 0..runs {
            anatomies.push(one_update(&setting, &mut operations).await?);
        }
        report(&setting, &anatomies, &operations);
    }
    Ok(())
}
