//! One log stream: appending and paging cost what they move, whatever the stream holds.

use std::collections::VecDeque;

const CHUNK: usize = 4096;
/// What CloudWatch counts for an event beside its message.
const EVENT_OVERHEAD: usize = 26;
const PAGE_BYTES: usize = 1_048_576;
/// The most events that one page has.
pub(crate) const PAGE_EVENTS: usize = 10_000;

#[derive(Default)]
struct Chunk {
    text: String,
    ends: Vec<u32>,
    times: Vec<u64>,
    readable: Vec<u64>,
}

/// Events in the order in which they came.
pub(crate) struct Stream {
    pub(crate) created_at: u64,
    chunks: Vec<Chunk>,
    len: usize,
    visible: usize,
    /// `(readable from, events up to here)`, for the lines that are still on their way.
    pending: VecDeque<(u64, usize)>,
    last_time: u64,
    sorted: bool,
    stored_bytes: usize,
}

/// An event of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) time: u64,
    /// When it became readable.
    pub(crate) ingested: u64,
    pub(crate) message: String,
}

/// A page: the events from position `start` up to, without, position `end`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) events: Vec<Event>,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// Which events a page may have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Range {
    pub(crate) from: u64,
    pub(crate) until: u64,
    pub(crate) limit: usize,
}

impl Default for Range {
    fn default() -> Self {
        Self { from: 0, until: u64::MAX, limit: PAGE_EVENTS }
    }
}

impl Stream {
    pub(crate) fn new(created_at: u64) -> Self {
        Self {
            created_at,
            chunks: Vec::new(),
            len: 0,
            visible: 0,
            pending: VecDeque::new(),
            last_time: 0,
            sorted: true,
            stored_bytes: 0,
        }
    }

    /// Appends events that become readable at `readable_at`.
    pub(crate) fn append<'a>(&mut self, events: impl IntoIterator<Item = (u64, &'a str)>, readable_at: u64) {
        for (time, message) in events {
            if self.chunks.last().is_none_or(|chunk| chunk.ends.len() == CHUNK) {
                if let Some(full) = self.chunks.last_mut() {
                    full.text.shrink_to_fit();
                }
                self.chunks.push(Chunk::default());
            }
            let Some(chunk) = self.chunks.last_mut() else { continue };
            chunk.text.push_str(message);
            chunk.ends.push(u32::try_from(chunk.text.len()).unwrap_or(u32::MAX));
            chunk.times.push(time);
            chunk.readable.push(readable_at);
            self.sorted &= time >= self.last_time;
            self.last_time = self.last_time.max(time);
            self.stored_bytes += message.len() + EVENT_OVERHEAD;
            self.len += 1;
        }
        self.pending.push_back((readable_at, self.len));
    }

    /// How many events are readable now.
    pub(crate) fn readable(&mut self, now: u64) -> usize {
        while let Some((_, upto)) = self.pending.pop_front_if(|(at, _)| *at <= now) {
            self.visible = upto;
        }
        self.visible
    }

    pub(crate) fn stored_bytes(&self) -> usize {
        self.stored_bytes
    }

    /// Time of the first and the last event.
    pub(crate) fn times(&self) -> Option<(u64, u64)> {
        (self.len > 0).then(|| (self.time(0), self.last_time))
    }

    fn time(&self, at: usize) -> u64 {
        self.chunks.get(at / CHUNK).and_then(|chunk| chunk.times.get(at % CHUNK)).copied().unwrap_or(0)
    }

    fn ingested(&self, at: usize) -> u64 {
        self.chunks.get(at / CHUNK).and_then(|chunk| chunk.readable.get(at % CHUNK)).copied().unwrap_or(0)
    }

    fn message(&self, at: usize) -> &str {
        let Some(chunk) = self.chunks.get(at / CHUNK) else { return "" };
        let end = |index: usize| chunk.ends.get(index).map_or(0, |end| *end as usize);
        let start = if at.is_multiple_of(CHUNK) { 0 } else { end(at % CHUNK - 1) };
        chunk.text.get(start..end(at % CHUNK)).unwrap_or("")
    }

    /// First position whose time is `time` or later, if the stream is in order.
    fn seek(&self, time: u64) -> usize {
        let (mut low, mut high) = (0, self.len);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.time(middle) < time {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// The part of the readable stream that can be in `range`.
    fn bounds(&mut self, range: Range, now: u64) -> (usize, usize) {
        let readable = self.readable(now);
        if !self.sorted {
            return (0, readable);
        }
        let first = if range.from == 0 { 0 } else { self.seek(range.from) };
        let last = if range.until == u64::MAX { readable } else { self.seek(range.until) };
        (first.min(readable), last.min(readable))
    }

    /// Time and position of the readable events that hold `pattern`.
    pub(crate) fn matching(&mut self, range: Range, pattern: &str, now: u64) -> Vec<(u64, usize)> {
        let (first, last) = self.bounds(range, now);
        let times = (first..last).map(|at| (self.time(at), at));
        times
            .filter(|(time, at)| *time >= range.from && *time < range.until && self.message(*at).contains(pattern))
            .collect()
    }

    pub(crate) fn event(&self, at: usize, range: Range) -> Option<Event> {
        let time = self.time(at);
        (time >= range.from && time < range.until).then(|| Event {
            time,
            ingested: self.ingested(at),
            message: self.message(at).to_owned(),
        })
    }

    /// The page that begins at `position`.
    pub(crate) fn forward(&mut self, position: usize, range: Range, now: u64) -> Page {
        let (first, last) = self.bounds(range, now);
        let start = position.max(first);
        let mut page = Page { events: Vec::new(), start, end: start };
        let mut bytes = 0;
        while page.end < last && page.events.len() < range.limit.min(PAGE_EVENTS) {
            if let Some(event) = self.event(page.end, range) {
                bytes += event.message.len() + EVENT_OVERHEAD;
                if bytes > PAGE_BYTES && !page.events.is_empty() {
                    break;
                }
                page.events.push(event);
            }
            page.end += 1;
        }
        page
    }

    /// The page that ends before `position`, oldest event first.
    pub(crate) fn backward(&mut self, position: usize, range: Range, now: u64) -> Page {
        let (first, last) = self.bounds(range, now);
        let end = position.min(last);
        let mut page = Page { events: Vec::new(), start: end, end };
        let mut bytes = 0;
        while page.start > first && page.events.len() < range.limit.min(PAGE_EVENTS) {
            if let Some(event) = self.event(page.start - 1, range) {
                bytes += event.message.len() + EVENT_OVERHEAD;
                if bytes > PAGE_BYTES && !page.events.is_empty() {
                    break;
                }
                page.events.push(event);
            }
            page.start -= 1;
        }
        page.events.reverse();
        page
    }
}

#[cfg(test)]
mod tests {
    use super::{PAGE_EVENTS, Range, Stream};

    fn stream(lines: usize) -> Stream {
        let mut stream = Stream::new(0);
        let lines: Vec<String> = (0..lines).map(|n| format!("line {n}")).collect();
        stream.append(lines.iter().enumerate().map(|(n, line)| (n as u64 / 3, line.as_str())), 0);
        stream
    }

    #[test]
    fn pages_forward_cover_every_event_once() {
        let mut stream = stream(25_001);
        let (mut position, mut seen) = (0, Vec::new());
        loop {
            let page = stream.forward(position, Range::default(), 0);
            if page.events.is_empty() {
                assert_eq!(page.end, position);
                break;
            }
            assert!(page.events.len() <= PAGE_EVENTS);
            seen.extend(page.events.into_iter().map(|event| event.message));
            position = page.end;
        }
        assert_eq!(seen.len(), 25_001);
        assert!(seen.iter().enumerate().all(|(n, line)| *line == format!("line {n}")));
    }

    #[test]
    fn pages_backward_end_where_they_were_asked() {
        let mut stream = stream(10);
        let page = stream.backward(usize::MAX, Range { limit: 4, ..Range::default() }, 0);
        assert_eq!((page.start, page.end), (6, 10));
        assert_eq!(page.events[0].message, "line 6");
        assert_eq!(stream.backward(page.start, Range::default(), 0).events.len(), 6);
        assert!(stream.backward(0, Range::default(), 0).events.is_empty());
    }

    #[test]
    fn times_bound_a_page_from_inclusive_until_exclusive() {
        let mut stream = stream(30);
        let range = Range { from: 2, until: 4, ..Range::default() };
        let lines: Vec<String> = stream.forward(0, range, 0).events.into_iter().map(|event| event.message).collect();
        assert_eq!(lines, ["line 6", "line 7", "line 8", "line 9", "line 10", "line 11"]);
        stream.append([(0, "late")], 0);
        assert_eq!(stream.forward(0, range, 0).events.len(), 6);
        assert_eq!(stream.forward(30, Range::default(), 0).events[0].message, "late");
    }

    #[test]
    fn a_page_holds_a_megabyte() {
        let mut stream = Stream::new(0);
        let long = "x".repeat(300_000);
        stream.append((0..5).map(|n| (n, long.as_str())), 0);
        assert_eq!(stream.forward(0, Range::default(), 0).events.len(), 3);
    }

    #[test]
    fn lines_on_their_way_are_not_readable_yet() {
        let mut stream = Stream::new(0);
        stream.append([(1, "a")], 10);
        stream.append([(2, "b")], 20);
        assert_eq!(stream.forward(0, Range::default(), 9).events.len(), 0);
        assert_eq!(stream.forward(0, Range::default(), 10).events.len(), 1);
        assert_eq!(stream.forward(0, Range::default(), 20).events.len(), 2);
    }
}
