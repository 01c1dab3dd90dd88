//! Splits a stream of SQL as psql does, without ever holding more than one statement.
//!
//! The rules are those of psql's scanner, `psqlscan.l`, with `standard_conforming_strings` on: quotes, dollar quotes,
//! comments, parentheses, and the semicolons inside a function body of standard SQL (`BEGIN ATOMIC .. END`).

use std::io;
use std::sync::LazyLock;

use bytes::{Buf, Bytes, BytesMut};
use memchr::memmem;

use super::item::{Fault, Read};
use super::words::{begins_with, tokens};

/// How much is read at once, and so the greatest piece of a table's data.
const CHUNK: usize = 128 * 1024;

/// The longest statement. `pg_dump` writes longer ones with `--inserts` only, for very large values.
const LONGEST_STATEMENT: usize = 64 * 1024 * 1024;

/// The longest name or key word: whatever is longer is no SQL.
const LONGEST_WORD: usize = 64 * 1024;

/// What the stream consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    /// A statement with its semicolon, without what precedes it.
    Statement { sql: String, line: u64 },
    /// `COPY .. FROM STDIN`; its data follow.
    Copy { sql: String, line: u64 },
    /// Bytes of a table, at least one.
    Data(Bytes),
    /// The line `\.` after the data.
    DataEnd,
    /// A command to psql, with its backslash.
    Meta { text: String, line: u64 },
    /// A comment of one line between statements.
    Comment(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Mode {
    Plain,
    Single { escapes: bool },
    Double,
    Dollar { tag: Vec<u8> },
    LineComment { from: usize },
    BlockComment { depth: u32 },
    Meta { from: usize },
    BeforeData,
    Data { at_line_start: bool },
}

/// A statement under way.
#[derive(Debug, Default)]
struct Statement {
    start: Option<usize>,
    line: u64,
    parentheses: u32,
    bodies: u32,
    /// The first letters of its first four words, as psql keeps them.
    initials: [u8; 4],
    words: usize,
    /// Whether the last token was a string with escapes, which another string on a later line continues.
    continues_escapes: bool,
}

/// The splitter. Fill it, take pieces until there is none, fill it again.
#[derive(Debug)]
pub(crate) struct Splitter {
    buffer: BytesMut,
    at: usize,
    line: u64,
    mode: Mode,
    statement: Statement,
    ended: bool,
}

/// What one step of scanning came to.
enum Step {
    Go,
    More,
    Piece(Piece),
}

impl Splitter {
    /// A splitter at the beginning of SQL.
    pub(crate) fn new() -> Self {
        Self {
            buffer: BytesMut::new(),
            at: 0,
            line: 1,
            mode: Mode::Plain,
            statement: Statement::default(),
            ended: false,
        }
    }

    /// A splitter in the middle: what comes are the data of a table.
    pub(crate) fn in_data() -> Self {
        Self { mode: Mode::Data { at_line_start: true }, ..Self::new() }
    }

    /// Reads on. At the end of the input the splitter knows that nothing more will come.
    pub(crate) fn fill(&mut self, input: &mut dyn io::Read) -> io::Result<()> {
        if self.buffer.capacity() - self.buffer.len() < CHUNK / 4 {
            self.buffer.reserve(CHUNK);
        }
        let filled = self.buffer.len();
        let room = (self.buffer.capacity() - filled).min(CHUNK);
        self.buffer.resize(filled + room, 0);
        let count = loop {
            match input.read(&mut self.buffer[filled..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => break result,
            }
        };
        self.buffer.truncate(filled + *count.as_ref().unwrap_or(&0));
        self.ended = count? == 0;
        Ok(())
    }

    /// Whether the input has ended.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended
    }

    /// The line that the splitter has reached.
    pub(crate) fn line(&self) -> u64 {
        self.line
    }

    /// What the input ends inside of, once it has ended and no piece is left; nothing if it ends well.
    pub(crate) fn unfinished(&self) -> Option<&'static str> {
        match self.mode {
            Mode::BeforeData | Mode::Data { .. } => Some("the data of a table"),
            Mode::Single { .. } | Mode::Dollar { .. } => Some("a string"),
            Mode::Double => Some("a quoted name"),
            Mode::BlockComment { .. } => Some("a comment"),
            _ if self.statement.start.is_some() => Some("a statement"),
            _ => None,
        }
    }

    /// The next piece; none if the splitter has to be filled first, or has ended.
    pub(crate) fn next(&mut self) -> Read<Option<Piece>> {
        loop {
            let step = match &self.mode {
                Mode::Plain => self.plain()?,
                Mode::Single { escapes } => self.single(*escapes),
                Mode::Double => self.until_quote(b'"', Mode::Plain),
                Mode::Dollar { .. } => self.dollar(),
                Mode::LineComment { from } => self.line_comment(*from),
                Mode::BlockComment { depth } => self.block_comment(*depth),
                Mode::Meta { from } => self.meta(*from)?,
                Mode::BeforeData => self.before_data()?,
                Mode::Data { at_line_start } => self.data(*at_line_start),
            };
            match step {
                Step::Go => {}
                Step::Piece(piece) => return Ok(Some(piece)),
                Step::More => return self.more().map(|()| None),
            }
        }
    }

    /// Forgets what no statement needs any more, and refuses to hold too much.
    fn more(&mut self) -> Read<()> {
        let is_comment = matches!(self.mode, Mode::LineComment { .. } | Mode::Meta { .. });
        if self.statement.start.is_none() && !is_comment {
            self.buffer.advance(self.at);
            self.at = 0;
        }
        if self.buffer.len() > LONGEST_STATEMENT {
            let line = if self.statement.start.is_some() { self.statement.line } else { self.line };
            let reason = format!("a statement of more than {} MiB", LONGEST_STATEMENT >> 20);
            return Err(Fault::at_line(line, reason).with_hint("make the dump without --inserts"));
        }
        Ok(())
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.buffer.get(self.at + ahead).copied()
    }

    /// Whether `ahead` more bytes may still come.
    fn lacks(&self, ahead: usize) -> bool {
        !self.ended && self.at + ahead >= self.buffer.len()
    }

    fn count_lines(&mut self, from: usize, to: usize) {
        let lines = memchr::memchr_iter(b'\n', &self.buffer[from..to]).count();
        self.line += lines as u64;
    }

    fn begin(&mut self) {
        if self.statement.start.is_none() {
            self.statement.start = Some(self.at);
            self.statement.line = self.line;
        }
    }

    fn plain(&mut self) -> Read<Step> {
        loop {
            let Some(byte) = self.peek(0) else { return Ok(Step::More) };
            match byte {
                b'\n' => {
                    self.line += 1;
                    self.at += 1;
                }
                b' ' | b'\t' | b'\r' | 0x0b | 0x0c => self.at += 1,
                b'-' | b'/' if self.lacks(1) => return Ok(Step::More),
                b'-' if self.peek(1) == Some(b'-') => {
                    return Ok(self.enter(Mode::LineComment { from: self.at }, 2));
                }
                b'/' if self.peek(1) == Some(b'*') => return Ok(self.enter(Mode::BlockComment { depth: 1 }, 2)),
                b'\\' => return Ok(self.enter(Mode::Meta { from: self.at }, 1)),
                0 => return Err(Fault::at_line(self.line, "a zero byte, which no SQL contains")),
                _ => match self.token(byte)? {
                    Step::Go if self.mode == Mode::Plain => {}
                    step => return Ok(step),
                },
            }
        }
    }

    fn enter(&mut self, mode: Mode, length: usize) -> Step {
        self.mode = mode;
        self.at += length;
        Step::Go
    }

    /// One token that belongs to a statement.
    fn token(&mut self, byte: u8) -> Read<Step> {
        if byte == b';' && self.statement.start.is_none() {
            self.at += 1;
            return Ok(Step::Go);
        }
        self.begin();
        let continued = std::mem::take(&mut self.statement.continues_escapes);
        match byte {
            b'\'' => return Ok(self.enter(Mode::Single { escapes: continued }, 1)),
            b'"' => return Ok(self.enter(Mode::Double, 1)),
            b'$' => return self.dollar_quote(),
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | 0x80.. => return self.word(),
            b'(' => self.statement.parentheses += 1,
            b')' => self.statement.parentheses = self.statement.parentheses.saturating_sub(1),
            b';' if self.statement.parentheses == 0 && self.statement.bodies == 0 => return self.end(),
            _ => {}
        }
        self.at += 1;
        Ok(Step::Go)
    }

    fn word(&mut self) -> Read<Step> {
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | 0x80..);
        let length = self.buffer[self.at..].iter().take_while(|byte| is_part(byte)).count();
        if length > LONGEST_WORD {
            return Err(Fault::at_line(self.line, "is no SQL"));
        }
        if self.lacks(length) {
            return Ok(Step::More);
        }
        if length == 1 && self.peek(1) == Some(b'\'') && matches!(self.buffer[self.at], b'e' | b'E') {
            return Ok(self.enter(Mode::Single { escapes: true }, 2));
        }
        self.statement.note(&self.buffer[self.at..self.at + length]);
        self.at += length;
        Ok(Step::Go)
    }

    fn dollar_quote(&mut self) -> Read<Step> {
        let rest = &self.buffer[self.at + 1..];
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | 0x80..);
        let length = rest.iter().take_while(|byte| is_part(byte)).count();
        if length > LONGEST_WORD {
            return Err(Fault::at_line(self.line, "is no SQL"));
        }
        if self.lacks(length + 1) {
            return Ok(Step::More);
        }
        if rest.get(length) != Some(&b'$') || rest[0].is_ascii_digit() {
            self.at += 1;
            return Ok(Step::Go);
        }
        let tag = self.buffer[self.at..self.at + length + 2].to_vec();
        Ok(self.enter(Mode::Dollar { tag }, length + 2))
    }

    /// The statement is complete.
    fn end(&mut self) -> Read<Step> {
        let start = self.statement.start.unwrap_or(self.at);
        self.buffer.advance(start);
        let text = self.buffer.split_to(self.at + 1 - start);
        self.at = 0;
        let line = std::mem::take(&mut self.statement).line;
        let Ok(sql) = std::str::from_utf8(&text) else {
            return Err(Fault::at_line(line, "a statement that is not UTF-8").with_hint(NOT_UTF8));
        };
        let sql = sql.to_owned();
        if begins_with(&sql, &["COPY"]) && copies_from_stdin(&sql) {
            self.mode = Mode::BeforeData;
            return Ok(Step::Piece(Piece::Copy { sql, line }));
        }
        Ok(Step::Piece(Piece::Statement { sql, line }))
    }

    fn single(&mut self, escapes: bool) -> Step {
        if !escapes {
            return self.until_quote(b'\'', Mode::Plain);
        }
        loop {
            let rest = &self.buffer[self.at..];
            let found = memchr::memchr2(b'\'', b'\\', rest).unwrap_or(rest.len());
            self.count_lines(self.at, self.at + found);
            self.at += found;
            if self.peek(0).is_none() || self.lacks(1) {
                return Step::More;
            }
            match (self.peek(0), self.peek(1)) {
                (Some(b'\\'), Some(b'\n')) => self.line += 1,
                (Some(b'\\'), Some(_)) | (Some(b'\''), Some(b'\'')) => {}
                (Some(b'\\'), None) => {
                    self.at += 1;
                    return Step::More;
                }
                _ => {
                    self.statement.continues_escapes = true;
                    return self.enter(Mode::Plain, 1);
                }
            }
            self.at += 2;
        }
    }

    /// Goes on to the closing quote; a doubled one does not close.
    fn until_quote(&mut self, quote: u8, then: Mode) -> Step {
        loop {
            let rest = &self.buffer[self.at..];
            let found = memchr::memchr(quote, rest).unwrap_or(rest.len());
            self.count_lines(self.at, self.at + found);
            self.at += found;
            if self.peek(0).is_none() || self.lacks(1) {
                return Step::More;
            }
            if self.peek(1) != Some(quote) {
                return self.enter(then, 1);
            }
            self.at += 2;
        }
    }

    fn dollar(&mut self) -> Step {
        let Mode::Dollar { tag } = &self.mode else { return Step::Go };
        let rest = &self.buffer[self.at..];
        let (skipped, found) = match memmem::find(rest, tag) {
            Some(found) => (found + tag.len(), true),
            // The tag may have begun at the end of what there is.
            None => (rest.len().saturating_sub(tag.len() - 1), false),
        };
        self.count_lines(self.at, self.at + skipped);
        self.at += skipped;
        if found { self.enter(Mode::Plain, 0) } else { Step::More }
    }

    fn line_comment(&mut self, from: usize) -> Step {
        let rest = &self.buffer[self.at..];
        let Some(length) = memchr::memchr(b'\n', rest).or(self.ended.then_some(rest.len())) else {
            return Step::More;
        };
        self.at += length;
        self.mode = Mode::Plain;
        if self.statement.start.is_some() {
            return Step::Go;
        }
        let text = String::from_utf8_lossy(&self.buffer[from..self.at]).trim_end().to_owned();
        self.buffer.advance(self.at);
        self.at = 0;
        Step::Piece(Piece::Comment(text))
    }

    fn block_comment(&mut self, mut depth: u32) -> Step {
        while depth > 0 {
            let rest = &self.buffer[self.at..];
            let found = memchr::memchr2(b'*', b'/', rest).unwrap_or(rest.len());
            self.count_lines(self.at, self.at + found);
            self.at += found;
            if self.peek(0).is_none() || self.lacks(1) {
                self.mode = Mode::BlockComment { depth };
                return Step::More;
            }
            let (change, length) = match (self.peek(0), self.peek(1)) {
                (Some(b'/'), Some(b'*')) => (depth + 1, 2),
                (Some(b'*'), Some(b'/')) => (depth - 1, 2),
                _ => (depth, 1),
            };
            depth = change;
            self.at += length;
        }
        self.enter(Mode::Plain, 0)
    }

    fn meta(&mut self, from: usize) -> Read<Step> {
        let rest = &self.buffer[self.at..];
        let Some(length) = memchr::memchr(b'\n', rest).or(self.ended.then_some(rest.len())) else {
            return Ok(if rest.len() > LONGEST_WORD {
                return Err(Fault::at_line(self.line, "is no SQL"));
            } else {
                Step::More
            });
        };
        let text = String::from_utf8_lossy(&self.buffer[from..self.at + length]).trim_end().to_owned();
        if self.statement.start.is_some() {
            return Err(Fault::at_line(self.line, format!("a backslash inside a statement: {}", first_word(&text))));
        }
        self.buffer.advance(self.at + length);
        self.at = 0;
        self.mode = Mode::Plain;
        Ok(Step::Piece(Piece::Meta { text, line: self.line }))
    }

    fn before_data(&mut self) -> Read<Step> {
        let Some(length) = memchr::memchr(b'\n', &self.buffer) else {
            return match self.buffer.iter().all(u8::is_ascii_whitespace) {
                true => Ok(Step::More),
                false => Err(self.junk_after_copy()),
            };
        };
        if !self.buffer[..length].iter().all(u8::is_ascii_whitespace) {
            return Err(self.junk_after_copy());
        }
        self.line += 1;
        self.buffer.advance(length + 1);
        self.mode = Mode::Data { at_line_start: true };
        Ok(Step::Go)
    }

    fn junk_after_copy(&self) -> Fault {
        Fault::at_line(self.line, "text after a COPY on the same line")
    }

    fn data(&mut self, at_line_start: bool) -> Step {
        let (data, marker) = end_of_data(&self.buffer, at_line_start, self.ended);
        if data > 0 {
            self.count_lines(0, data);
            let data = self.buffer.split_to(data).freeze();
            self.mode = Mode::Data { at_line_start: data.last() == Some(&b'\n') };
            return Step::Piece(Piece::Data(data));
        }
        if marker == 0 {
            return Step::More;
        }
        self.count_lines(0, marker);
        self.buffer.advance(marker);
        self.mode = Mode::Plain;
        Step::Piece(Piece::DataEnd)
    }
}

impl Statement {
    /// Follows `CREATE [OR REPLACE] {FUNCTION | PROCEDURE} .. BEGIN .. CASE .. END .. END`.
    fn note(&mut self, word: &[u8]) {
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

/// What to do about text in another encoding.
pub(crate) const NOT_UTF8: &str = "make the dump with `pg_dump --encoding=UTF8`";

/// The first word of a command to psql: what names it.
pub(crate) fn first_word(text: &str) -> &str {
    text.split_whitespace().next().unwrap_or(text)
}

static MARKER: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new(b"\n\\."));

fn copies_from_stdin(sql: &str) -> bool {
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
fn end_of_data(buffer: &[u8], at_line_start: bool, ended: bool) -> (usize, usize) {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Everything that comes of `input` when it arrives in parts of these lengths, with adjacent data made one.
    fn pieces(input: &[u8], lengths: &[usize]) -> (Vec<Piece>, Option<&'static str>, Option<Fault>) {
        let mut splitter = Splitter::new();
        let mut found: Vec<Piece> = Vec::new();
        let (mut rest, mut lengths) = (input, lengths.iter().cycle());
        loop {
            match splitter.next() {
                Ok(Some(Piece::Data(more))) => match found.last_mut() {
                    Some(Piece::Data(data)) => *data = [&data[..], &more[..]].concat().into(),
                    _ => found.push(Piece::Data(more)),
                },
                Ok(Some(piece)) => found.push(piece),
                Ok(None) if splitter.has_ended() => return (found, splitter.unfinished(), None),
                Ok(None) => {
                    let (mut part, later) = rest.split_at((*lengths.next().unwrap()).clamp(1, 9).min(rest.len()));
                    splitter.fill(&mut part).unwrap();
                    rest = later;
                }
                Err(fault) => return (found, None, Some(fault)),
            }
        }
    }

    fn whole(input: &str) -> Vec<Piece> {
        let (found, unfinished, fault) = pieces(input.as_bytes(), &[9]);
        assert_eq!((unfinished, fault), (None, None), "{input}");
        found
    }

    fn statement(sql: &str, line: u64) -> Piece {
        Piece::Statement { sql: sql.to_owned(), line }
    }

    #[test]
    fn semicolons_in_quotes_comments_and_parentheses_end_nothing() {
        for sql in [
            "SELECT ';';",
            "SELECT 'it''s;';",
            r"SELECT E'\';';",
            r"SELECT E'a\\';",
            "SELECT 'a\\';",
            "SELECT e'a'\n'\\';';",
            "SELECT U&'\\0061;';",
            "SELECT \";\"\";\";",
            "SELECT $$;$$;",
            "SELECT $a$ $$ ; $b$ ; $a$;",
            "SELECT $1, a$b$;",
            "SELECT 1 -- ;\n;",
            "SELECT /* ; /* ; */ ; */ 1;",
            "CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2);",
            "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END;",
            "CREATE OR REPLACE PROCEDURE p() BEGIN ATOMIC INSERT INTO t VALUES (1); END;",
        ] {
            assert_eq!(whole(&format!("{sql}\nSELECT 2;")).len(), 2, "{sql}");
            assert_eq!(whole(sql), [statement(sql, 1)]);
        }
    }

    #[test]
    fn a_body_belongs_to_routines_only() {
        assert_eq!(whole("BEGIN; CREATE TABLE begin (a int); END;").len(), 3);
        assert_eq!(whole("CREATE FOREIGN TABLE begin (a int) SERVER s; SELECT 1;").len(), 2);
    }

    #[test]
    fn data_end_with_their_marker_and_lines_are_counted() {
        let found = whole(
            "-- c\n\nCOPY t (a) FROM stdin;\n\\N\n\\.x\n\\\\.\n\\.\nSELECT\n1;COPY u FROM STDIN;\r\n\\.\r\n SELECT 3;",
        );
        let expected = [
            Piece::Comment("-- c".into()),
            Piece::Copy { sql: "COPY t (a) FROM stdin;".into(), line: 3 },
            Piece::Data(Bytes::from_static(b"\\N\n\\.x\n\\\\.\n")),
            Piece::DataEnd,
            statement("SELECT\n1;", 8),
            Piece::Copy { sql: "COPY u FROM STDIN;".into(), line: 9 },
            Piece::DataEnd,
            statement("SELECT 3;", 11),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_copy_from_elsewhere_has_no_data() {
        assert_eq!(whole("COPY t FROM '/stdin'; COPY (SELECT a FROM stdin) TO stdout;").len(), 2);
    }

    #[test]
    fn commands_to_psql_are_found_wherever_psql_would() {
        assert_eq!(whole("\\restrict k\nSELECT 1;")[0], Piece::Meta { text: "\\restrict k".into(), line: 1 });
        let (_, _, fault) = pieces(b"SELECT 1\n\\gexec\n", &[3]);
        assert_eq!(fault.unwrap().to_string(), ":2: a backslash inside a statement: \\gexec");
    }

    #[test]
    fn an_end_in_the_middle_is_noticed() {
        let ends = [
            "SELECT 'a",
            "SELECT \"a",
            "SELECT $$a",
            "SELECT 1",
            "/* a",
            "COPY t FROM stdin;\n1\n",
            "COPY t FROM stdin;",
        ];
        let found = ends.map(|sql| pieces(sql.as_bytes(), &[2]).1.unwrap_or_default());
        let data = "the data of a table";
        assert_eq!(found, ["a string", "a quoted name", "a string", "a statement", "a comment", data, data]);
        assert_eq!(pieces(b"COPY t FROM stdin;\n1\n\\.", &[2]).1, None);
    }

    proptest! {
        #[test]
        fn the_way_it_arrives_does_not_matter(
            parts in proptest::collection::vec(
                prop_oneof![
                    Just("COPY t FROM stdin;\n"), Just("\\.\n"), Just("\\.\r\n"), Just("\\"), Just("."), Just("\n"), Just("'"),
                    Just("E'"), Just("$$"), Just("$a$"), Just("--"), Just("/*"), Just("*/"), Just("\""), Just(";"),
                    Just("("), Just(")"), Just("create function begin case end "), Just("e"), Just("ä"), Just(" x 1 "),
                ],
                0..40,
            ),
            lengths in proptest::collection::vec(1usize..9, 1..5),
        ) {
            let input = parts.concat();
            prop_assert_eq!(pieces(input.as_bytes(), &lengths), pieces(input.as_bytes(), &[9]));
        }

        #[test]
        fn no_bytes_make_it_panic(input in proptest::collection::vec(any::<u8>(), 0..200), length in 1usize..9) {
            pieces(&input, &[length]);
        }
    }
}
