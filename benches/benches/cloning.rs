//! Cloning a large task definition, and parsing image references.
//!
//! The peer is the way that most tools clone: parse the reply into types, change the image, write the types out. The
//! ratio that is printed at the end compares the same job, from the bytes of a reply to the bytes of a request.
#![expect(clippy::print_stdout, reason = "a bench talks to its reader")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use adhoc_benches::{TypedDefinition, large_definition};
use adhoc_core::{ContainerName, ImageChange, ImageReference, TaskDefinition};
use adhoc_ecs::clone_with_image;
use criterion::{BenchmarkId, Criterion, Throughput};
use serde_json::{Map, Value};

const NEW_IMAGE: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com/backend:v1.1.0";

fn parsed(reply: &[u8]) -> Map<String, Value> {
    serde_json::from_slice(reply).expect("an object")
}

/// From the bytes of a reply to the bytes of a request, as `adhoc-ecs` does it: nothing is lost.
fn documents(reply: &[u8], container: &ContainerName, change: &ImageChange) -> Vec<u8> {
    let source = TaskDefinition::new(parsed(reply), Vec::new());
    let clone = clone_with_image(&source, container, change).expect("clones");
    serde_json::to_vec(&clone.input).expect("serialises")
}

/// The same through types: members that they do not know are lost.
fn types(reply: &[u8], container: &ContainerName) -> Vec<u8> {
    let mut definition: TypedDefinition = serde_json::from_slice(reply).expect("a definition");
    definition.set_image(container.as_str(), NEW_IMAGE);
    serde_json::to_vec(&definition).expect("serialises")
}

fn cloning(c: &mut Criterion, reply: &[u8], container: &ContainerName, change: &ImageChange) {
    let source = TaskDefinition::new(parsed(reply), Vec::new());
    let mut group = c.benchmark_group("clone a large definition");
    group.throughput(Throughput::Bytes(reply.len() as u64));
    group.bench_function("clone_with_image", |b| b.iter(|| clone_with_image(black_box(&source), container, change)));
    group.bench_function("reply to request, documents", |b| b.iter(|| documents(black_box(reply), container, change)));
    group.bench_function("reply to request, typed serde", |b| b.iter(|| types(black_box(reply), container)));
    group.finish();
}

fn images(c: &mut Criterion) {
    let digest = format!("host.example.com:5000/team/app:v1@sha256:{}", "0123456789abcdef".repeat(4));
    let mut group = c.benchmark_group("parse an image reference");
    for (name, text) in [("short", "redis:7"), ("ECR", NEW_IMAGE), ("port, tag and digest", digest.as_str())] {
        group.bench_with_input(BenchmarkId::from_parameter(name), text, |b, text| {
            b.iter(|| black_box(text).parse::<ImageReference>());
        });
    }
    group.finish();
}

/// The best of many short runs: noise only ever adds.
fn best(mut work: impl FnMut()) -> Duration {
    let run = |work: &mut dyn FnMut()| {
        let started = Instant::now();
        for _ in 0..20 {
            work();
        }
        started.elapsed() / 20
    };
    (0..30).map(|_| run(&mut work)).min().unwrap_or_default()
}

fn main() {
    let reply = serde_json::to_vec(&large_definition()).expect("serialises");
    let (container, change) = (ContainerName::new("gunicorn"), ImageChange::Tag("v1.1.0".parse().expect("a tag")));

    let mut criterion = Criterion::default()
        .sample_size(30)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(3))
        .configure_from_args();
    cloning(&mut criterion, &reply, &container, &change);
    images(&mut criterion);
    criterion.final_summary();

    let ours = best(|| drop(black_box(documents(&reply, &container, &change))));
    let theirs = best(|| drop(black_box(types(&reply, &container))));
    let ratio = ours.as_secs_f64() / theirs.as_secs_f64();
    println!(
        "\nreply to request, {} KB: documents {ours:.1?}, typed serde {theirs:.1?}, ratio {ratio:.2}",
        reply.len() / 1024
    );
    println!("an update clones about four, so the whole difference is {:.1?}", ours.saturating_sub(theirs) * 4);
}
