//! The tar format: `toc.dat` first, then one file for each table. Read in one pass, as from a pipe.

use std::io;

use super::super::feeder::Feeder;
use super::super::item::{Fault, Read};
use super::player::Player;
use super::toc::{Layout, read_toc};
use super::wire::{Wire, io_error};

const BLOCK: usize = 512;

/// Reads a tar archive to its end.
pub(in super::super) fn read_tar(input: impl io::Read, feeder: Feeder) -> Read<()> {
    let mut tar = Wire::new(input);
    let mut player = match read_header(&mut tar)? {
        Some(header) if header.name == "toc.dat" => {
            let toc = member(&mut tar, header.size, |input| read_toc(&mut Wire::new(input), Layout::Files))?;
            Player::new(feeder, toc)
        }
        _ => return Err(Fault::new("is a tar file, but none of pg_dump: it does not begin with toc.dat")),
    };
    player.before_data()?;
    while let Some(Header { name, size }) = read_header(&mut tar)? {
        if let Some(oid) = large_object(&name) {
            member(&mut tar, size, |input| player.large_object(oid, input))?;
        } else if name.starts_with("blobs") && name.ends_with(".toc") {
            // Which the table of contents calls something else before PostgreSQL 17.
            let is_list = |id: i64| name == "blobs.toc" || name == format!("blobs_{id}.toc");
            player.find(|entry| entry.holds_large_objects() && is_list(entry.id));
            member(&mut tar, size, |_| Ok(()))?;
        } else if name == "restore.sql" {
            member(&mut tar, size, |_| Ok(()))?;
        } else if let Some(at) = player.find(|entry| entry.file == name) {
            member(&mut tar, size, |input| player.data(at, input))?;
        } else {
            return Err(tar.corrupt(format!("the unknown or repeated file {name:?}")));
        }
    }
    player.after_data()
}

/// The number of the large object in a file of this name.
pub(super) fn large_object(name: &str) -> Option<u32> {
    name.strip_prefix("blob_")?.strip_suffix(".dat")?.parse().ok()
}

#[derive(Debug)]
struct Header {
    name: String,
    size: u64,
}

/// The next file; none at the block of zeros that ends an archive. See
/// <https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html>, "ustar Interchange Format".
fn read_header<R: io::Read>(tar: &mut Wire<R>) -> Read<Option<Header>> {
    let mut block = [0; BLOCK];
    for byte in &mut block {
        *byte = tar.byte()?;
    }
    if block == [0; BLOCK] {
        return Ok(None);
    }
    let expected = number(&block[148..156]).ok_or_else(|| tar.corrupt("a file without checksum"))?;
    let sum: u64 = block.iter().map(|byte| u64::from(*byte)).sum();
    let own: u64 = block[148..156].iter().map(|byte| u64::from(*byte)).sum();
    if sum - own + 8 * u64::from(b' ') != expected {
        return Err(tar.corrupt("a file whose checksum is wrong"));
    }
    let size = number(&block[124..136]).ok_or_else(|| tar.corrupt("a file without size"))?;
    let name = block[..100].split(|byte| *byte == 0).next().unwrap_or_default();
    Ok(Some(Header { name: String::from_utf8_lossy(name).into_owned(), size }))
}

/// A number in octal digits, or for great ones in base 256.
fn number(field: &[u8]) -> Option<u64> {
    if field[0] & 0x80 != 0 {
        let great =
            field.iter().skip(1).try_fold(0_u64, |value, byte| Some(value.checked_mul(256)? + u64::from(*byte)));
        return great.filter(|_| field[0] == 0x80);
    }
    let text = std::str::from_utf8(field).ok()?.trim_matches([' ', '\0']);
    u64::from_str_radix(text, 8).ok()
}

/// Gives `work` one file, and goes on to the end of its last block.
fn member<R: io::Read, T>(tar: &mut Wire<R>, size: u64, work: impl FnOnce(&mut dyn io::Read) -> Read<T>) -> Read<T> {
    let mut file = Member { tar, left: size };
    let result = work(&mut file)?;
    let mut rest = [0; BLOCK];
    while file.left > 0 {
        io::Read::read(&mut file, &mut rest).map_err(|error| super::super::source::read_fault(&error, 0))?;
    }
    for _ in 0..size.next_multiple_of(BLOCK as u64) - size {
        tar.byte()?;
    }
    Ok(result)
}

/// One file of a tar archive, which has to have all its bytes.
struct Member<'a, R> {
    tar: &'a mut Wire<R>,
    left: u64,
}

impl<R: io::Read> io::Read for Member<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).map_or(buffer.len(), |left| left.min(buffer.len()));
        let count = self.tar.some(&mut buffer[..most]).map_err(io_error)?;
        if count == 0 && most > 0 {
            return Err(io_error(self.tar.ends()));
        }
        self.left -= count as u64;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_come_in_octal_and_for_great_files_in_base_256() {
        assert_eq!(number(b"00000000644\0"), Some(0o644));
        assert_eq!(number(&[0x80, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 1]), Some(2 * (1 << 32) + 1));
        assert_eq!(number(&[0xff; 12]), None);
        assert_eq!(number(b"9\0"), None);
    }

    #[test]
    fn a_large_object_is_known_by_its_name() {
        assert_eq!(large_object("blob_16412.dat"), Some(16412));
        assert_eq!(large_object("blobs.toc"), None);
    }
}
