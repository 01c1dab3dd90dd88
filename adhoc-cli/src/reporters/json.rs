//! One JSON object per line.

use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use adhoc_core::{EventRecord, EventSink};

/// Writes every record as one line, and flushes it. When nobody reads any more, it writes no more.
pub(crate) struct JsonReporter {
    out: Mutex<Option<Box<dyn Write + Send>>>,
}

impl JsonReporter {
    /// A reporter that writes to `out`.
    pub(crate) fn new(out: Box<dyn Write + Send>) -> Self {
        Self { out: Mutex::new(Some(out)) }
    }
}

impl EventSink for JsonReporter {
    fn emit(&self, record: &EventRecord) {
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        if out.as_mut().is_some_and(|out| write_line(out, record).is_err()) {
            *out = None;
        }
    }
}

/// One write per line, so that lines of two processes on one pipe do not mix.
fn write_line(out: &mut dyn Write, record: &EventRecord) -> io::Result<()> {
    let mut line = serde_json::to_vec(record)?;
    line.push(b'\n');
    out.write_all(&line)?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reporters::samples;

    struct Closed;

    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn every_event_is_one_object_on_one_line() {
        let shared = samples::SharedBuffer::default();
        let reporter = JsonReporter::new(Box::new(shared.clone()));
        for record in samples::every_event() {
            reporter.emit(&record);
        }
        let text = shared.text();
        assert!(text.lines().all(|line| line.starts_with(r#"{"ts":"2026-01-01T00:00:"#)), "{text}");
        assert!(
            text.lines().all(|line| line.matches(r#""elapsed_ms":"#).count() == 1),
            "no member comes twice: {text}"
        );
        samples::assert_snapshot("json_events", &text);
    }

    #[test]
    fn a_closed_pipe_is_nothing_to_speak_of() {
        let reporter = JsonReporter::new(Box::new(Closed));
        samples::every_event().iter().for_each(|record| reporter.emit(record));
        assert!(reporter.out.lock().expect("not poisoned").is_none());
    }
}
