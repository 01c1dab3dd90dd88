//! Finds the command's output in what a session writes.

/// How much of what is no output is kept, to explain a failure.
const KEPT: usize = 2048;
/// No exit code has more digits.
const DIGITS: usize = 3;

/// Takes what a session writes in pieces of any size, and gives the command's own output and, in the end, its exit code. Holds
/// back no more than what may be the beginning of the mark.
pub(super) struct Marks {
    begin: Vec<u8>,
    end: Vec<u8>,
    state: State,
    held: Vec<u8>,
    /// What stood before the output: the plugin's own words.
    pub(super) before: Vec<u8>,
    translate: bool,
    /// Whether the terminal over there writes two characters for a newline.
    carriage_returns: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Before,
    Inside,
    Ended(u8),
}

impl Marks {
    /// The marks made with `nonce`. With `translate`, the newlines of a terminal become those of a file again.
    pub(super) fn new(nonce: &str, translate: bool) -> Self {
        Self {
            begin: format!("{nonce}:begin").into_bytes(),
            end: format!("\n{nonce}:").into_bytes(),
            state: State::Before,
            held: Vec::new(),
            before: Vec::new(),
            translate,
            carriage_returns: false,
        }
    }

    /// Whether the output has begun.
    pub(super) fn begun(&self) -> bool {
        self.state != State::Before
    }

    /// The exit code, once it is known.
    pub(super) fn exit_code(&self) -> Option<u8> {
        match self.state {
            State::Ended(code) => Some(code),
            _ => None,
        }
    }

    /// Takes another piece, and gives back what of the output is certain now.
    pub(super) fn feed(&mut self, piece: &[u8]) -> Vec<u8> {
        self.held.extend_from_slice(piece);
        if self.state == State::Before {
            self.look_for_begin();
        }
        match self.state {
            State::Inside => self.inside(),
            _ => Vec::new(),
        }
    }

    /// What was held back, where no mark can come any more.
    pub(super) fn rest(&mut self) -> Vec<u8> {
        let rest = std::mem::take(&mut self.held);
        if self.state == State::Inside { self.translated(rest) } else { Vec::new() }
    }

    fn look_for_begin(&mut self) {
        let newline = find(&self.held, &self.begin, 0).and_then(|at| {
            let line = at + self.begin.len();
            Some((at, line, self.held[line..].iter().position(|byte| *byte == b'\n')?))
        });
        let Some((at, line, newline)) = newline else {
            let excess = self.held.len().saturating_sub(KEPT);
            self.held.drain(..excess);
            self.before.clone_from(&self.held);
            return;
        };
        self.before = self.held[..at].to_vec();
        self.carriage_returns = self.held[line..line + newline].ends_with(b"\r");
        self.held.drain(..=line + newline);
        self.state = State::Inside;
    }

    fn inside(&mut self) -> Vec<u8> {
        let mut from = 0;
        while let Some(at) = find(&self.held, &self.end, from) {
            match number(&self.held[at + self.end.len()..]) {
                Number::Is(code) => {
                    let output = self.held[..self.start(at)].to_vec();
                    self.held.clear();
                    self.state = State::Ended(code);
                    return self.translated(output);
                }
                Number::May => return self.release(at),
                Number::IsNot => from = at + 1,
            }
        }
        // The mark has one newline, its first byte: only the last one can be its beginning.
        let last = self.held.iter().rposition(|byte| *byte == b'\n');
        let partial = last.filter(|at| self.end.starts_with(&self.held[*at..]));
        let end = partial.unwrap_or_else(|| self.held.len() - usize::from(self.held.ends_with(b"\r")));
        self.release(end)
    }

    /// Where a mark begins whose newline is at `at`.
    fn start(&self, at: usize) -> usize {
        at - usize::from(self.carriage_returns && self.held[..at].ends_with(b"\r"))
    }

    fn release(&mut self, end: usize) -> Vec<u8> {
        let end = self.start(end);
        let output = self.held.drain(..end).collect();
        self.translated(output)
    }

    /// A carriage return at the very end was held back, so that each pair is whole.
    fn translated(&self, mut output: Vec<u8>) -> Vec<u8> {
        if self.translate && self.carriage_returns {
            let mut at = 0;
            let pairs: Vec<bool> = output.windows(2).map(|pair| pair == b"\r\n").chain([false]).collect();
            output.retain(|_| {
                at += 1;
                !pairs[at - 1]
            });
        }
        output
    }
}

enum Number {
    Is(u8),
    May,
    IsNot,
}

/// The exit code at the beginning of a line that may not be complete yet.
fn number(text: &[u8]) -> Number {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let rest = &text[digits..];
    let code = std::str::from_utf8(&text[..digits]).ok().and_then(|digits| digits.parse().ok());
    match (rest, code) {
        ([], _) | ([b'\r'], _) if digits <= DIGITS => Number::May,
        ([b'\n', ..] | [b'\r', b'\n', ..], Some(code)) => Number::Is(code),
        _ => Number::IsNot,
    }
}

fn find(text: &[u8], what: &[u8], from: usize) -> Option<usize> {
    text[from..].windows(what.len()).position(|window| window == what).map(|at| at + from)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The output and the exit code of a session that writes `text`, `size` bytes at a time.
    fn read(text: &[u8], size: usize, translate: bool) -> (Vec<u8>, Option<u8>) {
        let mut marks = Marks::new("NONCE", translate);
        let mut output: Vec<u8> = text.chunks(size).flat_map(|piece| marks.feed(piece)).collect();
        output.extend(marks.rest());
        (output, marks.exit_code())
    }

    #[test]
    fn only_what_stands_between_the_marks_is_output() {
        let text = b"\nStarting session with SessionId: x\nNONCE:begin\nhello\n\nNONCE:137\n\nExiting session\n";
        for size in 1..text.len() {
            assert_eq!(read(text, size, true), (b"hello\n".to_vec(), Some(137)), "{size} at a time");
        }
    }

    #[test]
    fn newlines_of_a_terminal_become_those_of_a_file() {
        let text = b"NONCE:begin\r\none\r\ntwo\rthree\r\n\r\nNONCE:0\r\n";
        for size in 1..text.len() {
            assert_eq!(read(text, size, true), (b"one\ntwo\rthree\n".to_vec(), Some(0)));
            assert_eq!(read(text, size, false), (b"one\r\ntwo\rthree\r\n".to_vec(), Some(0)));
        }
    }

    #[test]
    fn what_only_looks_like_a_mark_is_output() {
        let text = b"NONCE:begin\n\nNONCE:x\n\nNONCE:1234\n\nNONCE:\n\nNONCE:5\n";
        for size in 1..text.len() {
            assert_eq!(read(text, size, true), (b"\nNONCE:x\n\nNONCE:1234\n\nNONCE:\n".to_vec(), Some(5)));
        }
    }

    #[test]
    fn output_is_not_held_back_for_long() {
        let mut marks = Marks::new("NONCE", true);
        assert_eq!(marks.feed(b"NONCE:begin\npassword: "), b"password: ");
        assert_eq!(marks.feed(b"x\nNON"), b"x");
        assert_eq!(marks.feed(b"SENSE"), b"\nNONSENSE");
    }

    #[test]
    fn a_session_that_breaks_off_has_no_exit_code_and_says_what_it_said() {
        assert_eq!(read(b"NONCE:begin\nhal", 3, true), (b"hal".to_vec(), None));
        let mut marks = Marks::new("NONCE", true);
        marks.feed(b"Cannot perform start session: EOF\n");
        assert_eq!(marks.before, b"Cannot perform start session: EOF\n");
    }

    proptest! {
        #[test]
        fn any_output_arrives_as_it_was(output in prop::collection::vec(any::<u8>(), 0..60), code: u8, size in 1..20_usize) {
            let mut text = b"NONCE:begin\n".to_vec();
            text.extend_from_slice(&output);
            text.extend_from_slice(format!("\nNONCE:{code}\n").as_bytes());
            prop_assert_eq!(read(&text, size, true), (output, Some(code)));
        }
    }
}
