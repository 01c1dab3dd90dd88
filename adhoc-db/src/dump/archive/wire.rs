//! The numbers and strings of an archive. No length in it is trusted.

use std::io::{self, Read as _};

use super::super::item::{Fault, Read};
use super::super::source::read_fault;
use super::super::splitter::NOT_UTF8;

/// The longest string; definitions of functions and views are the longest ones.
const LONGEST_STRING: u64 = 64 * 1024 * 1024;

/// Reads an archive's parts, and knows where it is.
#[derive(Debug)]
pub(super) struct Wire<R> {
    inner: R,
    offset: u64,
    int_size: usize,
}

impl<R: io::Read> Wire<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { inner, offset: 0, int_size: 4 }
    }

    pub(super) fn set_int_size(&mut self, size: usize) {
        self.int_size = size;
    }

    /// A fault here.
    pub(super) fn corrupt(&self, reason: impl Into<String>) -> Fault {
        Fault::at_byte(self.offset, reason).with_hint("the dump is corrupt: make or fetch it again")
    }

    fn failed(&self, error: &io::Error) -> Fault {
        read_fault(error, self.offset)
    }

    /// Up to `buffer.len()` bytes; none at the end.
    pub(super) fn some(&mut self, buffer: &mut [u8]) -> Read<usize> {
        loop {
            match self.inner.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.failed(&error)),
                Ok(count) => {
                    self.offset += count as u64;
                    return Ok(count);
                }
            }
        }
    }

    /// One byte, or none at the end.
    pub(super) fn byte_or_end(&mut self) -> Read<Option<u8>> {
        let mut byte = [0];
        Ok((self.some(&mut byte)? == 1).then_some(byte[0]))
    }

    pub(super) fn byte(&mut self) -> Read<u8> {
        self.byte_or_end()?.ok_or_else(|| self.ends())
    }

    /// The fault of an end where there must be none.
    pub(super) fn ends(&self) -> Fault {
        Fault::at_byte(self.offset, "ends in the middle").truncated()
    }

    /// A number: a sign, and bytes of which the least comes first.
    pub(super) fn int(&mut self) -> Read<i64> {
        let negative = match self.byte()? {
            0 => false,
            1 => true,
            sign => return Err(self.corrupt(format!("{sign} where a sign belongs"))),
        };
        let mut value: u64 = 0;
        for place in 0..self.int_size {
            value |= u64::from(self.byte()?) << (8 * place);
        }
        let value = i64::from(u32::try_from(value).map_err(|_| self.corrupt("a number out of range"))?);
        Ok(if negative { -value } else { value })
    }

    /// A length or count, at most `most`.
    pub(super) fn length(&mut self, most: u64) -> Read<u64> {
        let length = self.int()?;
        match u64::try_from(length) {
            Ok(length) if length <= most => Ok(length),
            _ => Err(self.corrupt(format!("a length of {length}"))),
        }
    }

    /// A string, or none.
    pub(super) fn string(&mut self) -> Read<Option<String>> {
        let length = self.int()?;
        let Ok(length) = u64::try_from(length) else { return Ok(None) };
        if length > LONGEST_STRING {
            return Err(self.corrupt(format!("a string of {length} bytes")));
        }
        let mut bytes = Vec::new();
        let count = (&mut self.inner).take(length).read_to_end(&mut bytes).map_err(|error| self.failed(&error))?;
        self.offset += count as u64;
        if count as u64 != length {
            return Err(self.ends());
        }
        let text = String::from_utf8(bytes);
        text.map(Some).map_err(|_| self.corrupt("a string that is not UTF-8").with_hint(NOT_UTF8))
    }

    /// A string that may be absent; then it is empty.
    pub(super) fn text(&mut self) -> Read<String> {
        Ok(self.string()?.unwrap_or_default())
    }
}

/// A fault on its way through a reader.
pub(super) fn io_error(fault: Fault) -> io::Error {
    io::Error::other(fault)
}
