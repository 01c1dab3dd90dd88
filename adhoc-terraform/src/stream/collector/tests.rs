use std::fmt::Write;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;

use adhoc_core::testing::{ManualClock, RecordingSink};
use adhoc_core::{EventSink, NullSink};
use tokio::io::{AsyncRead, ReadBuf};

use super::*;
use crate::stream::read_lines;

const LIMIT: usize = 1024 * 1024;

fn collector(sink: Arc<dyn EventSink>) -> Collector {
    let cx = Context::new(Arc::new(ManualClock::new()), sink);
    Collector::new(&cx, &"alpha".parse().expect("a name"), false)
}

async fn collected(recording: &str) -> (Collector, Arc<RecordingSink>) {
    let sink = Arc::new(RecordingSink::default());
    let mut collector = collector(sink.clone());
    read_lines(recording.as_bytes(), LIMIT, |line| collector.take(Message::parse(line))).await;
    (collector, sink)
}

fn hints(sink: &RecordingSink) -> Vec<String> {
    let hint = |event| match event {
        Event::Hint { message } => Some(message),
        _ => None,
    };
    sink.events().into_iter().filter_map(hint).collect()
}

fn counts(add: u64, change: u64, destroy: u64, import: u64) -> ChangeCounts {
    ChangeCounts { add, change, destroy, import }
}

fn change(address: &str, action: ResourceAction) -> ResourceChange {
    let kind = address.split('.').next().unwrap_or_default();
    ResourceChange::new(address, kind, action)
}

#[tokio::test]
async fn a_plan_lists_changes_drift_and_outputs() {
    let (collector, sink) = collected(include_str!("../../../tests/recorded/drift_move_import.jsonl")).await;
    let plan = collector.plan();
    assert!(plan.has_changes);
    assert_eq!(plan.counts, counts(0, 2, 0, 1));
    let expected = [
        change("aws_ssm_parameter.a", ResourceAction::Update),
        change("aws_ssm_parameter.foreign", ResourceAction::Update),
        change("aws_ssm_parameter.new", ResourceAction::Move),
    ];
    assert_eq!(plan.changes, expected);
    assert_eq!(plan.drift.len(), 2);
    assert!(sink.names().is_empty(), "a refresh is no progress: {:?}", sink.names());
}

#[tokio::test]
async fn outputs_that_stay_are_no_change() {
    let (collector, _) = collected(include_str!("../../../tests/recorded/plan_replace.jsonl")).await;
    let plan = collector.plan();
    let replaced = change("terraform_data.image", ResourceAction::Replace).with_reason(Some("cannot_update".into()));
    assert_eq!((plan.counts, plan.changes), (counts(1, 0, 1, 0), vec![replaced]));
    assert_eq!(plan.outputs, BTreeMap::from([("tag".to_owned(), ResourceAction::Update)]));
}

#[tokio::test]
async fn an_apply_reports_every_resource_and_what_it_did() {
    let (collector, sink) = collected(include_str!("../../../tests/recorded/forget_replace.jsonl")).await;
    let progress: Vec<_> = sink.events().into_iter().filter_map(phase).collect();
    let done = |address: &str, action| {
        [(address.to_owned(), action, ResourcePhase::Started), (address.to_owned(), action, ResourcePhase::Finished)]
    };
    let expected = [
        done("terraform_data.del", ResourceAction::Delete),
        done("terraform_data.swap", ResourceAction::Create),
        done("terraform_data.after", ResourceAction::Update),
        done("terraform_data.swap", ResourceAction::Delete),
    ];
    assert_eq!(progress, expected.concat());
    assert_eq!(collector.counts(), counts(1, 1, 2, 1));
    assert_eq!(collector.unfinished(), [""; 0]);
    let planned: Vec<_> = collector.plan().changes.iter().map(|change| change.action).collect();
    use ResourceAction::{Delete, Forget, Import, Replace, Update};
    assert_eq!(planned, [Update, Delete, Forget, Import, Replace], "by address");
    assert!(hints(&sink)[0].starts_with("terraform: Some objects will no longer be managed by Terraform: If you"));
}

fn phase(event: Event) -> Option<(String, ResourceAction, ResourcePhase)> {
    match event {
        Event::ResourceProgress { address, action, phase, .. } => Some((address, action, phase)),
        _ => None,
    }
}

#[tokio::test]
async fn counts_without_a_summary_are_those_of_the_summary() {
    for (recording, planned, done) in [
        (include_str!("../../../tests/recorded/forget_replace.jsonl"), counts(1, 1, 2, 1), counts(1, 1, 2, 0)),
        (include_str!("../../../tests/recorded/drift_move_import.jsonl"), counts(0, 2, 0, 1), counts(0, 0, 0, 0)),
        (include_str!("../../../tests/recorded/apply.jsonl"), counts(4, 0, 0, 0), counts(4, 0, 0, 0)),
        (include_str!("../../../tests/recorded/destroy.jsonl"), counts(0, 0, 3, 0), counts(0, 0, 3, 0)),
    ] {
        let lines: Vec<_> = recording.lines().filter(|line| !line.contains("change_summary")).collect();
        let (collector, _) = collected(&lines.join("\n")).await;
        assert_eq!((collector.plan().counts, collector.counts()), (planned, done));
    }
}

#[tokio::test]
async fn an_interrupted_apply_says_what_was_done_and_what_was_not() {
    let recording = include_str!("../../../tests/recorded/apply_interrupted.jsonl");
    let (collector, sink) = collected(recording).await;
    assert_eq!(collector.counts(), counts(4, 0, 0, 0));
    assert_eq!(collector.unfinished(), [""; 0], "it errored, and so came to an end");
    assert_eq!(collector.errors().len(), 3);
    let progressing = |event: &Event| {
        matches!(event, Event::ResourceProgress { phase: ResourcePhase::Progressing, elapsed_ms: 10_000, .. })
    };
    assert!(sink.events().iter().any(progressing));
    let killed: Vec<_> = recording.lines().take_while(|line| !line.contains("Interrupt received")).collect();
    let (collector, _) = collected(&killed.join("\n")).await;
    assert_eq!(collector.unfinished(), ["terraform_data.long"]);
}

#[tokio::test]
async fn what_is_made_anew_before_it_goes_is_under_way_twice() {
    let line = |kind: &str| format!(r#"{{"type":"{kind}","hook":{{"resource":{{"addr":"a.b"}},"action":"create"}}}}"#);
    let lines = ["apply_start", "apply_start", "apply_complete", "apply_errored"].map(line);
    for (count, unfinished) in [(2, vec!["a.b"]), (3, vec!["a.b"]), (4, vec![])] {
        let (collector, _) = collected(&lines[..count].join("\n")).await;
        assert_eq!(collector.unfinished(), unfinished, "{count}");
    }
}

#[tokio::test]
async fn warnings_are_told_once_each_and_not_without_end() {
    let (collector, sink) = collected(include_str!("../../../tests/recorded/undeclared_file.jsonl")).await;
    drop(collector);
    assert!(hints(&sink)[0].starts_with("terraform: Value for undeclared variable: The root module does not declare"));

    let mut many = String::new();
    for number in (0..25).flat_map(|number| [number, number]) {
        let _ =
            writeln!(many, r#"{{"type":"diagnostic","diagnostic":{{"severity":"warning","summary":"W{number}"}}}}"#);
    }
    let (mut collector, sink) = collected(&many).await;
    collector.finish();
    drop(collector);
    let hints = hints(&sink);
    assert_eq!(hints.len(), WARNINGS + 1);
    assert_eq!(hints[..2], ["terraform: W0", "terraform: W1"]);
    assert_eq!(hints[WARNINGS], "terraform: and 30 more warnings");

    let (collector, sink) = collected(&many).await;
    drop(collector);
    assert_eq!(sink.names().len(), WARNINGS + 1, "said at the end, whoever forgets it");
}

#[tokio::test]
async fn text_is_kept_from_its_end() {
    let (collector, _) = collected("\nUsage: terraform\n\n  -json\n").await;
    assert_eq!(collector.text(), "Usage: terraform\n\n  -json\n");
    let lines: String = (0..1000).map(|number| format!("line {number}\n")).collect();
    let (collector, _) = collected(&lines).await;
    assert!(collector.text().len() <= TEXT && collector.text().ends_with("line 998\nline 999\n"));
    assert!(collector.text().starts_with("line "));
    let (collector, _) = collected(&"ä".repeat(3000)).await;
    assert!((TEXT - 1..=TEXT).contains(&collector.text().len()), "{}", collector.text().len());
}

/// A run of so many bytes as the largest environments could never give, made on the way.
struct Endless {
    left: usize,
    number: usize,
    block: Vec<u8>,
    at: usize,
}

impl Endless {
    fn new(bytes: usize) -> Self {
        Self { left: bytes, number: 0, block: Vec::new(), at: 0 }
    }

    fn refill(&mut self) {
        let mut block = String::new();
        for _ in 0..32 {
            let number = self.number;
            let resource = format!(
                r#"{{"addr":"module.m[{number}].aws_ecs_service.this","module":"module.m[{number}]","resource":"aws_ecs_service.this","implied_provider":"aws","resource_type":"aws_ecs_service","resource_name":"this","resource_key":null}}"#
            );
            for (kind, body) in [
                ("planned_change", format!(r#""change":{{"resource":{resource},"action":"create"}}"#)),
                ("resource_drift", format!(r#""change":{{"resource":{resource},"action":"update"}}"#)),
                ("refresh_start", format!(r#""hook":{{"resource":{resource},"id_key":"id","id_value":"{number}"}}"#)),
                ("apply_start", format!(r#""hook":{{"resource":{resource},"action":"create"}}"#)),
                (
                    "diagnostic",
                    format!(r#""diagnostic":{{"severity":"error","summary":"E{number}","detail":{resource:?}}}"#),
                ),
                ("diagnostic", format!(r#""diagnostic":{{"severity":"warning","summary":"W{number}","detail":""}}"#)),
            ] {
                let _ = writeln!(
                    block,
                    r#"{{"@level":"info","@message":"{number}","@module":"terraform.ui","@timestamp":"2026-11-21T10:00:00Z",{body},"type":"{kind}"}}"#
                );
            }
            let _ = writeln!(block, "Usage {number}");
            self.number += 1;
        }
        self.block = block.into_bytes();
        self.at = 0;
    }
}

impl AsyncRead for Endless {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.at == self.block.len() {
            self.refill();
        }
        let size = to.remaining().min(self.left).min(self.block.len() - self.at);
        to.put_slice(&self.block[self.at..self.at + size]);
        self.at += size;
        self.left -= size;
        Poll::Ready(Ok(()))
    }
}

async fn endless(bytes: usize) -> Collector {
    let mut collector = collector(Arc::new(NullSink));
    read_lines(Endless::new(bytes), LIMIT, |line| collector.take(Message::parse(line))).await;
    collector
}

#[tokio::test]
async fn a_long_run_is_kept_in_short() {
    let collector = endless(8 * 1024 * 1024).await;
    let plan = collector.plan();
    assert_eq!((plan.changes.len(), plan.drift.len()), (LISTED, LISTED));
    assert!(plan.counts.add > 2 * LISTED as u64, "{plan:?}");
    let drifted = plan.counts.add.abs_diff(plan.omitted + 2 * LISTED as u64 - plan.counts.add);
    assert!(drifted <= 1, "what is not listed is counted: {} of {:?}", plan.omitted, plan.counts);
    assert_eq!((collector.errors().len(), collector.unfinished().len()), (ERRORS, UNFINISHED));
    assert_eq!((collector.under_way.len(), collector.warned.len()), (LISTED, WARNINGS));
    assert!(collector.text().len() <= TEXT);
}

/// `cargo test --release -p adhoc-terraform --lib -- --ignored --nocapture hundred`
#[tokio::test]
#[ignore = "measures time and memory of a release build"]
async fn a_hundred_megabytes_take_a_second_and_little_memory() {
    let before = peak_kib();
    let begun = Instant::now();
    let collector = endless(100 * 1024 * 1024).await;
    let (took, after) = (begun.elapsed(), peak_kib());
    let figures =
        format!("{took:?}, peak {before} KiB before and {after} KiB after, {} changes", collector.plan().counts.add);
    let _ = io::Write::write_all(&mut io::stderr(), format!("{figures}\n").as_bytes());
    assert!(after - before < 16 * 1024 && took.as_secs() < 3, "{figures}");
}

/// The most memory that this process ever had.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}
