//! What the splitter remembers of a statement before its end.

/// A statement under way.
#[derive(Debug, Default)]
pub(super) struct Statement {
    pub(super) start: Option<usize>,
    pub(super) line: u64,
    pub(super) parentheses: u32,
    pub(super) bodies: u32,
    /// The first letters of its first four words, as psql keeps them.
    initials: [u8; 4],
    words: usize,
    /// Whether the last token was a string with escapes, which another string on a later line continues.
    pub(super) continues_escapes: bool,
}

impl Statement {
    /// Follows `CREATE [OR REPLACE] {FUNCTION | PROCEDURE} .. BEGIN .. CASE .. END .. END`.
    pub(super) fn note(&mut self, word: &[u8]) {
        if self.words < self.initials.len() && ROUTINE.iter().any(|known| word.eq_ignore_ascii_case(known)) {
            self.initials[self.words] = word[0].to_ascii_lowercase();
        }
        self.words += 1;
        let makes_routine = matches!(self.initials, [b'c', b'f' | b'p', ..] | [b'c', b'o', b'r', b'f' | b'p']);
        if !makes_routine || self.parentheses > 0 {
            return;
        }
        if word.eq_ignore_ascii_case(b"begin") || self.bodies > 0 && word.eq_ignore_ascii_case(b"case") {
            self.bodies += 1;
        } else if word.eq_ignore_ascii_case(b"end") {
            self.bodies = self.bodies.saturating_sub(1);
        }
    }
}

/// The words whose first letters tell whether a statement makes a routine.
const ROUTINE: [&[u8]; 5] = [b"create", b"or", b"replace", b"function", b"procedure"];
