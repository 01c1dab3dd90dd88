//! Plain SQL dumps.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use super::feeder::Feeder;
use super::item::{Fault, Place, Read};
use super::source::read_fault;
use super::splitter::{Piece, Splitter, first_word};

/// Reads a plain dump to its end.
pub(super) fn read(input: &mut dyn io::Read, mut feeder: Feeder, counter: &AtomicU64) -> Read<()> {
    let mut splitter = Splitter::new();
    let mut frame = Frame::default();
    loop {
        match splitter.next()? {
            Some(piece) => take(piece, &mut feeder, &mut frame)?,
            None if splitter.has_ended() => break,
            None => {
                let filled = splitter.fill(input);
                filled.map_err(|error| read_fault(&error, counter.load(Ordering::Relaxed)))?;
            }
        }
    }
    if let Some(inside) = splitter.unfinished() {
        return Err(Fault::at_line(splitter.line(), format!("ends inside {inside}")).truncated());
    }
    frame.finish(splitter.line())?;
    feeder.complete()
}

fn take(piece: Piece, feeder: &mut Feeder, frame: &mut Frame) -> Read<()> {
    match piece {
        Piece::Statement { sql, line } => feeder.statement(&sql, Place::Line(line)),
        Piece::Copy { sql, line } => feeder.copy(sql, Place::Line(line)),
        Piece::Data(data) => feeder.data(data),
        Piece::DataEnd => feeder.data_end(),
        Piece::Meta { text, line } => frame.command(&text, line),
        Piece::Comment(text) => frame.comment(&text),
    }
}

/// What pg_dump writes around a dump.
#[derive(Debug, Default)]
struct Frame {
    /// Whether the heading was seen whose closing words are still to come.
    is_open: bool,
    restricted: Option<String>,
}

impl Frame {
    fn comment(&mut self, text: &str) -> Read<()> {
        match text {
            "-- PostgreSQL database dump" => self.is_open = true,
            "-- PostgreSQL database dump complete" => self.is_open = false,
            "-- PostgreSQL database cluster dump" => {
                return Err(Fault::new("is a dump of a whole server by pg_dumpall")
                    .with_hint("make a dump of one database with pg_dump"));
            }
            _ => {}
        }
        Ok(())
    }

    /// Accepts `\restrict KEY` and `\unrestrict KEY`, which guard a dump against commands in its data; see
    /// <https://www.postgresql.org/docs/current/app-psql.html>.
    fn command(&mut self, text: &str, line: u64) -> Read<()> {
        let mut words = text.split_whitespace();
        match (words.next().unwrap_or_default(), words.next(), words.next()) {
            ("\\restrict", Some(key), None) if self.restricted.is_none() => self.restricted = Some(key.to_owned()),
            ("\\unrestrict", Some(key), None) if self.restricted.as_deref() == Some(key) => self.restricted = None,
            ("\\unrestrict", ..) => return Err(Fault::at_line(line, "\\unrestrict with another key than \\restrict")),
            _ => return Err(refused(text, line)),
        }
        Ok(())
    }

    fn finish(&self, line: u64) -> Read<()> {
        if self.is_open {
            return Err(Fault::at_line(line, "ends without `-- PostgreSQL database dump complete`").truncated());
        }
        Ok(())
    }
}

fn refused(text: &str, line: u64) -> Fault {
    let name = first_word(text);
    let hint = match name {
        "\\connect" | "\\c" => "make the dump without --create",
        "\\i" | "\\ir" | "\\include" | "\\include_relative" => "put everything into one file",
        "\\copy" => "use COPY .. FROM STDIN with the data in the dump",
        "\\." => "there is no COPY before it",
        _ => "only psql runs such commands; take the line out of the dump",
    };
    let name: String = name.chars().take(40).collect();
    Fault::at_line(line, format!("the psql command {name} in a dump")).with_hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_to_match() {
        let mut frame = Frame::default();
        assert_eq!(frame.command("\\restrict abc", 1), Ok(()));
        assert!(frame.command("\\restrict abc", 1).is_err());
        assert!(frame.command("\\unrestrict abd", 2).is_err());
        assert_eq!(frame.command("\\unrestrict abc", 3), Ok(()));
        assert!(frame.command("\\unrestrict abc", 4).is_err());
    }

    #[test]
    fn every_other_command_is_refused_by_name() {
        for text in ["\\! rm -rf /", "\\connect x", "\\c", "\\i a.sql", "\\copy t from 'x'", "\\set a b", "\\.", "\\"] {
            let fault = Frame::default().command(text, 7).unwrap_err();
            assert!(fault.reason.contains(first_word(text)) && fault.place == ":7" && fault.hint.is_some(), "{fault}");
        }
    }
}
