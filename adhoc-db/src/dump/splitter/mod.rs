//! Splits a stream of SQL as psql does, without ever holding more than one statement.
//!
//! The rules are those of psql's scanner, `psqlscan.l`, with `standard_conforming_strings` on: quotes, dollar quotes,
//! comments, parentheses, and the semicolons inside a function body of standard SQL (`BEGIN ATOMIC .. END`).

mod data;
mod statement;
#[cfg(test)]
mod tests;

use std::io;

use bytes::{Buf, Bytes, BytesMut};
use memchr::memmem;

use super::item::{Fault, Read};
use super::words::begins_with;
use data::{copies_from_stdin, end_of_data};
use statement::Statement;

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

/// What to do about text in another encoding.
pub(crate) const NOT_UTF8: &str = "make the dump with `pg_dump --encoding=UTF8`";

/// The first word of a command to psql: what names it.
pub(crate) fn first_word(text: &str) -> &str {
    text.split_whitespace().next().unwrap_or(text)
}
