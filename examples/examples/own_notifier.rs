//! A notifier of one's own: what an update does, told in a chat room, while another sink keeps everything.
//!
//! Libraries emit events as data, so a team that wants a message per release writes an [`EventSink`]. It picks the few
//! events that people care about and hands them to a background task, because `emit` has to return at once while a chat
//! service may take its time. [`Tee`] feeds two sinks from one pipeline.
#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use std::sync::Arc;

use adhoc_core::testing::RecordingSink;
use adhoc_core::{Context, Event, EventRecord, EventSink, ImageChange, Result, SystemClock};
use adhoc_ecs::{UpdateRequest, update};
use adhoc_examples::Stage;
use adhoc_local::{Behaviour, Scenario};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

/// Turns events into messages for a chat room.
struct ChatNotifier {
    room: UnboundedSender<String>,
}

impl EventSink for ChatNotifier {
    fn emit(&self, record: &EventRecord) {
        if let Some(message) = message(&record.event) {
            // A room that is closed hears nothing; an update never fails for that.
            let _ = self.room.send(message);
        }
    }
}

fn message(event: &Event) -> Option<String> {
    match event {
        Event::Plan(plan) => {
            let image = plan.task_definitions.first().map_or("", |definition| &definition.image);
            let tag = image.rsplit_once(':').map_or(image, |(_, tag)| tag);
            Some(format!(":rocket: {} is getting {tag}", plan.environment))
        }
        Event::TaskStopped { family, exit_code: Some(0), .. } => Some(format!(":white_check_mark: {family}")),
        Event::ServiceVerdict(service) => Some(format!("*{}* {}: {}", service.service, service.verdict, service.to)),
        Event::StepFailed { step, error, .. } => Some(format!(":x: *{step}* failed: {error}")),
        Event::Hint { message } => Some(format!(":bulb: {message}")),
        _ => None,
    }
}

/// Gives every event to two sinks.
struct Tee(Arc<dyn EventSink>, Arc<dyn EventSink>);

impl EventSink for Tee {
    fn emit(&self, record: &EventRecord) {
        self.0.emit(record);
        self.1.emit(record);
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let conflict = "echo 'Applying blog.0008_unique_slug...'; echo 'IntegrityError: duplicate slug' >&2; exit 1";
    let failing = Behaviour::command("alpha-migrate", ["sh", "-c", conflict]).with_image("*:v3.0.0");
    let stage = Stage::start(Scenario::empty().with_behaviour(failing)).await?;

    let (room, mut messages) = unbounded_channel();
    let everything = Arc::new(RecordingSink::default());
    let sink = Tee(everything.clone(), Arc::new(ChatNotifier { room }));
    let cx = Context::new(Arc::new(SystemClock::new()), Arc::new(sink));
    // A real one posts to a webhook here.
    let poster = tokio::spawn(async move {
        while let Some(message) = messages.recv().await {
            println!("#deployments  {message}");
        }
    });

    for tag in ["v2.0.0", "v3.0.0"] {
        let request = UpdateRequest::new(stage.environment.clone(), "backend", ImageChange::Tag(tag.parse()?));
        let report = update(&cx, &stage.ecs, &request).await;
        cx.hint(format!("{tag} ended with exit code {}", report.outcome().exit_code()));
    }
    // The last sender goes with the context, which ends the poster once it has said everything.
    drop(cx);
    poster.await.map_err(|error| adhoc_core::Error::internal("", "the poster", "died").with_source(error))?;
    println!("The other sink has all {} events.", everything.events().len());
    assert!(everything.log_lines().iter().any(|line| line.contains("duplicate slug")));
    Ok(())
}
