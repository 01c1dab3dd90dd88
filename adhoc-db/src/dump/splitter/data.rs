//! The data of a table in the midst of SQL: where they begin and end.

use std::sync::LazyLock;

use memchr::memmem;

use super::super::words::tokens;

static MARKER: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new(b"\n\\."));

/// Whether a COPY takes its data from what follows it.
pub(super) fn copies_from_stdin(sql: &str) -> bool {
    let mut depth = 0;
    let mut after_from = false;
    for token in tokens(sql) {
        match token.text() {
            "(" => depth += 1,
            ")" => depth -= 1,
            _ if after_from && token.is("STDIN") => return true,
            _ => {}
        }
        after_from = depth == 0 && token.is("FROM");
    }
    false
}

/// How many bytes at the front of `buffer` are data, and how long the end marker is that follows them; no marker if none
/// has been found yet.
pub(super) fn end_of_data(buffer: &[u8], at_line_start: bool, ended: bool) -> (usize, usize) {
    let mut from = 0;
    if at_line_start && buffer.starts_with(b"\\") {
        match marker(buffer, ended) {
            Some(length) => return (0, length),
            None => from = 1,
        }
    }
    while let Some(found) = MARKER.find(&buffer[from..]) {
        let line = from + found + 1;
        match marker(&buffer[line..], ended) {
            Some(length) => return (line, length),
            None => from = line + 1,
        }
    }
    let may_begin = !ended && buffer.ends_with(b"\n\\");
    (buffer.len() - usize::from(may_begin), 0)
}

/// The length of the marker with which `line` begins, 0 if what there is could become one, and none if it is not one.
fn marker(line: &[u8], ended: bool) -> Option<usize> {
    match line {
        [b'\\', b'.', b'\n', ..] => Some(3),
        [b'\\', b'.', b'\r', b'\n', ..] => Some(4),
        [b'\\', b'.'] | [b'\\', b'.', b'\r'] if ended => Some(line.len()),
        [b'\\'] | [b'\\', b'.'] | [b'\\', b'.', b'\r'] if !ended => Some(0),
        _ => None,
    }
}
