//! The directory format: `toc.dat`, and one file for each table, each compressed or not.

use std::fs::File;
use std::io::{self, BufReader, Read as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use flate2::bufread::MultiGzDecoder;

use super::super::feeder::Feeder;
use super::super::item::{Fault, Read};
use super::super::source::Counted;
use super::player::Player;
use super::tar::large_object;
use super::toc::{Layout, read_toc};
use super::wire::Wire;

const BUFFER: usize = 128 * 1024;

/// The list of a directory's large objects is short: a line for each.
const LONGEST_LIST: u64 = 256 * 1024 * 1024;

/// How many bytes its files have.
pub(in super::super) fn directory_size(path: &Path) -> u64 {
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.metadata().ok()).filter(std::fs::Metadata::is_file).map(|file| file.len()).sum()
}

/// Reads a directory archive to its end.
pub(in super::super) fn read_directory(path: &Path, feeder: Feeder, counter: &Arc<AtomicU64>) -> Read<()> {
    let folder = Folder { path, counter };
    let toc = File::open(path.join("toc.dat")).map_err(|error| {
        Fault::new(format!("is a directory without a readable toc.dat ({error})"))
            .with_hint("give a directory that `pg_dump --format=directory` has made")
    })?;
    let toc = read_toc(&mut Wire::new(BufReader::new(Counted::new(toc, counter))), Layout::Files);
    let toc = toc.map_err(|fault| Fault { place: format!("/toc.dat{}", fault.place), ..fault })?;
    let mut player = Player::new(feeder, toc);
    player.before_data()?;
    for at in 0..player.toc().entries.len() {
        if player.toc().entries[at].has_data {
            read_entry(&folder, &mut player, at)?;
        }
    }
    player.after_data()
}

fn read_entry(folder: &Folder<'_>, player: &mut Player, at: usize) -> Read<()> {
    let (id, file) = (player.toc().entries[at].id, player.toc().entries[at].file.clone());
    let found = player.find(|entry| entry.id == id);
    if found != Some(at) {
        return Err(Fault::new(format!("toc.dat names the entry {id} twice")));
    }
    let mut input = folder.open(&file)?;
    if !player.toc().entries[at].holds_large_objects() {
        return player.data(at, &mut input);
    }
    for name in large_object_files(&mut input, &file)? {
        let oid = large_object(&name).ok_or_else(|| Fault::new(format!("{file} names the file {name:?}")))?;
        player.large_object(oid, &mut folder.open(&name)?)?;
    }
    Ok(())
}

/// The files of a list whose lines are `number file`.
fn large_object_files(input: &mut dyn io::Read, list: &str) -> Read<Vec<String>> {
    let mut text = String::new();
    let failed = |reason: String| Fault::new(format!("the list {list} cannot be read: {reason}"));
    input.take(LONGEST_LIST).read_to_string(&mut text).map_err(|error| failed(error.to_string()))?;
    let names = text.lines().map(|line| line.split_once(' ').map(|(_, name)| name.to_owned()));
    names.collect::<Option<_>>().ok_or_else(|| failed("it has a line without a file".to_owned()).truncated())
}

struct Folder<'a> {
    path: &'a Path,
    counter: &'a Arc<AtomicU64>,
}

impl Folder<'_> {
    /// The file that the table of contents calls `name`, which on disk has the ending of its compression.
    fn open(&self, name: &str) -> Read<Box<dyn io::Read>> {
        if name.is_empty() || name.contains(['/', '\\']) || name.starts_with('.') {
            return Err(Fault::new(format!("toc.dat names the file {name:?}")).with_hint("the dump is corrupt"));
        }
        if let Ok(file) = File::open(self.path.join(name)) {
            return Ok(Box::new(Counted::new(file, self.counter)));
        }
        let packed = format!("{name}.gz");
        match File::open(self.path.join(&packed)) {
            Ok(file) => {
                let file = BufReader::with_capacity(BUFFER, Counted::new(file, self.counter));
                Ok(Box::new(MultiGzDecoder::new(file)))
            }
            Err(error) => Err(Fault::new(format!("neither {name} nor {packed} can be read ({error})")).truncated()),
        }
    }
}
