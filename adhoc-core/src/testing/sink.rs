use std::sync::{Mutex, PoisonError};

use crate::{Event, EventRecord, EventSink};

/// A sink that remembers everything, for assertions.
#[derive(Debug, Default)]
pub struct RecordingSink {
    records: Mutex<Vec<EventRecord>>,
}

impl RecordingSink {
    /// What was emitted, in order.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        self.lock().iter().map(|record| record.event.clone()).collect()
    }

    /// The names of what was emitted, in order.
    #[must_use]
    pub fn names(&self) -> Vec<&'static str> {
        self.lock().iter().map(|record| record.event.name()).collect()
    }

    /// The log lines that were emitted, in order.
    #[must_use]
    pub fn log_lines(&self) -> Vec<String> {
        let lines = self.events().into_iter().filter_map(|event| match event {
            Event::LogLine { message, .. } => Some(message),
            _ => None,
        });
        lines.collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<EventRecord>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl EventSink for RecordingSink {
    fn emit(&self, record: &EventRecord) {
        self.lock().push(record.clone());
    }
}
