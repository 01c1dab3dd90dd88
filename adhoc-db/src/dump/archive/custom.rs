//! The custom format: the table of contents, then blocks of data. Read in one pass, as from a pipe.

use std::io::{self, BufRead};

use flate2::bufread::ZlibDecoder;

use super::super::feeder::Feeder;
use super::super::item::Read;
use super::player::Player;
use super::toc::{Compression, Layout, read_toc};
use super::wire::{Wire, io_error};

const DATA: u8 = 1;
const LARGE_OBJECTS: u8 = 3;

/// How much of a chunk is held at once; pg_dump writes chunks of 4 to 128 KiB.
const PIECE: usize = 64 * 1024;

/// Reads a custom archive to its end.
pub(in super::super) fn read_custom(input: impl io::Read, feeder: Feeder) -> Read<()> {
    let mut wire = Wire::new(input);
    let toc = read_toc(&mut wire, Layout::Custom)?;
    let compression = toc.compression;
    let mut player = Player::new(feeder, toc);
    player.before_data()?;
    while let Some(block) = wire.byte_or_end()? {
        let id = wire.int()?;
        let found = player.find(|entry| entry.id == id);
        let at = found.ok_or_else(|| wire.corrupt(format!("data of the unknown or repeated entry {id}")))?;
        let holds_large_objects = player.toc().entries[at].holds_large_objects();
        match block {
            DATA if !holds_large_objects => unpacked(&mut wire, compression, |input| player.data(at, input))?,
            LARGE_OBJECTS if holds_large_objects => read_large_objects(&mut wire, compression, &mut player)?,
            _ => return Err(wire.corrupt(format!("a block of the unknown kind {block}"))),
        }
    }
    player.after_data()
}

fn read_large_objects<R: io::Read>(wire: &mut Wire<R>, compression: Compression, player: &mut Player) -> Read<()> {
    loop {
        let oid = wire.length(u64::from(u32::MAX))?;
        match u32::try_from(oid) {
            Ok(0) => return Ok(()),
            Ok(oid) => unpacked(wire, compression, |input| player.large_object(oid, input))?,
            Err(_) => return Err(wire.corrupt("the number of a large object is out of range")),
        }
    }
}

/// Gives `work` what the chunks that follow contain, and sees that nothing of them is left.
fn unpacked<R: io::Read>(
    wire: &mut Wire<R>,
    compression: Compression,
    work: impl FnOnce(&mut dyn io::Read) -> Read<()>,
) -> Read<()> {
    let mut chunks = Chunks { wire, piece: Vec::new(), at: 0, left: 0, ended: false };
    // An empty large object may have no compressed data at all.
    let is_empty = chunks.advance()?;
    match compression {
        Compression::Zlib if !is_empty => work(&mut ZlibDecoder::new(&mut chunks))?,
        Compression::Zlib | Compression::None => work(&mut chunks)?,
    }
    match chunks.advance()? {
        true => Ok(()),
        false => Err(wire.corrupt("data after the end of the compressed data")),
    }
}

/// Chunks with their lengths, up to one without length, as one stream.
struct Chunks<'a, R> {
    wire: &'a mut Wire<R>,
    piece: Vec<u8>,
    at: usize,
    left: u64,
    ended: bool,
}

impl<R: io::Read> Chunks<'_, R> {
    /// Sees to it that there is something to read; true at the end.
    fn advance(&mut self) -> Read<bool> {
        while self.at == self.piece.len() && !self.ended {
            if self.left == 0 {
                self.left = self.wire.length(u64::from(u32::MAX))?;
                self.ended = self.left == 0;
                continue;
            }
            let length = usize::try_from(self.left).map_or(PIECE, |left| left.min(PIECE));
            self.piece.resize(length, 0);
            self.at = 0;
            let count = self.wire.some(&mut self.piece)?;
            self.piece.truncate(count);
            if count == 0 {
                return Err(self.wire.ends());
            }
            self.left -= count as u64;
        }
        Ok(self.ended)
    }
}

impl<R: io::Read> BufRead for Chunks<'_, R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.advance().map_err(io_error)?;
        Ok(&self.piece[self.at..])
    }

    fn consume(&mut self, amount: usize) {
        self.at += amount;
    }
}

impl<R: io::Read> io::Read for Chunks<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let count = available.len().min(buffer.len());
        buffer[..count].copy_from_slice(&available[..count]);
        self.consume(count);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::item::Fault;
    use super::*;

    #[test]
    fn chunks_become_one_stream_and_lengths_are_not_believed() {
        let read = |bytes: &[u8]| {
            let mut wire = Wire::new(bytes);
            let mut text = String::new();
            unpacked(&mut wire, Compression::None, |input| {
                input
                    .read_to_string(&mut text)
                    .map(drop)
                    .map_err(|error| super::super::super::source::read_fault(&error, 0))
            })
            .map(|()| text)
        };
        let chunk = |length: u32, bytes: &[u8]| [&[0][..], &length.to_le_bytes(), bytes].concat();
        let good = [chunk(2, b"ab"), chunk(1, b"c"), chunk(0, b"")].concat();
        assert_eq!(read(&good), Ok("abc".to_owned()));
        assert_eq!(read(&chunk(u32::MAX, b"abc")).unwrap_err().place, " at byte 8");
        assert_eq!(read(&good[..good.len() - 1]).unwrap_err(), Fault::at_byte(17, "ends in the middle").truncated());
    }
}
