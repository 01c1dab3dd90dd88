//! What a dump consists of, in the order in which it is to be executed.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

/// Where in a dump something stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// A line of a plain dump, from 1.
    Line(u64),
    /// An entry of an archive, such as `TABLE public.orders`.
    Entry(Arc<str>),
}

impl Place {
    /// The place inside the dump `name`.
    pub(crate) fn within(&self, name: &str) -> String {
        match self {
            Self::Line(line) => format!("{name}:{line}"),
            Self::Entry(entry) => format!("{name}: entry {entry}"),
        }
    }
}

/// One statement of a [`Batch`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    /// Where it begins in the batch, in bytes.
    pub(crate) offset: usize,
    /// Where it stands in the dump.
    pub(crate) place: Place,
    /// Whether it inserts rows.
    pub(crate) inserts: bool,
}

/// Statements that travel together.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Batch {
    /// The statements, each with its semicolon.
    pub(crate) sql: String,
    /// What each of them is, in order.
    pub(crate) members: Vec<Member>,
}

impl Batch {
    /// The text of one member.
    pub(crate) fn text(&self, index: usize) -> &str {
        let Some(member) = self.members.get(index) else { return "" };
        let end = self.members.get(index + 1).map_or(self.sql.len(), |next| next.offset);
        &self.sql[member.offset..end]
    }

    /// The member at a position that the server has named, which counts characters from 1.
    pub(crate) fn member_at(&self, position: u32) -> usize {
        let characters = usize::try_from(position.saturating_sub(1)).unwrap_or(usize::MAX);
        let offset = self.sql.char_indices().nth(characters).map_or(self.sql.len(), |(offset, _)| offset);
        self.members.partition_point(|member| member.offset <= offset).saturating_sub(1)
    }
}

/// One thing to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Item {
    /// The dump is one; nothing has been taken from it yet.
    Opened {
        /// How many bytes the source has; none if it does not tell.
        total: Option<u64>,
    },
    /// Statements to execute.
    Batch(Batch),
    /// A `COPY .. FROM STDIN`, followed by its [`Data`](Item::Data) and one [`DataEnd`](Item::DataEnd).
    Copy {
        /// The statement.
        sql: String,
        /// The table's name as it stands in the statement.
        table: String,
        /// Where it stands.
        place: Place,
    },
    /// A large object that exists by now, followed by its [`Data`](Item::Data) and one [`DataEnd`](Item::DataEnd).
    LargeObject {
        /// Its number.
        oid: u32,
        /// Where it stands.
        place: Place,
    },
    /// Bytes of a table or of a large object.
    Data(Bytes),
    /// There are no more of them.
    DataEnd,
    /// The dump is complete. Without this nothing may be committed.
    Complete {
        /// What was left out, and how often.
        skipped: Vec<(&'static str, u64)>,
    },
}

/// Why a dump cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Where, such as `:12` or ` at byte 4711`; directly after the dump's name.
    pub(crate) place: String,
    /// Why.
    pub(crate) reason: String,
    /// What to do about it.
    pub(crate) hint: Option<String>,
}

impl Fault {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self { place: String::new(), reason: reason.into(), hint: None }
    }

    pub(crate) fn at_line(line: u64, reason: impl Into<String>) -> Self {
        Self { place: format!(":{line}"), ..Self::new(reason) }
    }

    pub(crate) fn at_byte(offset: u64, reason: impl Into<String>) -> Self {
        Self { place: format!(" at byte {offset}"), ..Self::new(reason) }
    }

    pub(crate) fn at(place: &Place, reason: impl Into<String>) -> Self {
        Self { place: place.within(""), ..Self::new(reason) }
    }

    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The dump ends too early.
    pub(crate) fn truncated(mut self) -> Self {
        self.hint = Some("the dump is truncated: make or fetch it again".to_owned());
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.reason)
    }
}

impl std::error::Error for Fault {}

/// What came of reading something of a dump.
pub(crate) type Read<T> = Result<T, Fault>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_leads_to_its_statement_also_after_wide_characters() {
        let member = |offset| Member { offset, place: Place::Line(1), inserts: false };
        let batch = Batch { sql: "SELECT 'ä';SELECT 2;".to_owned(), members: vec![member(0), member(12)] };
        assert_eq!([1, 11, 12, 13, 99].map(|position| batch.member_at(position)), [0, 0, 1, 1, 1]);
        assert_eq!((batch.text(0), batch.text(1), batch.text(2)), ("SELECT 'ä';", "SELECT 2;", ""));
    }
}
