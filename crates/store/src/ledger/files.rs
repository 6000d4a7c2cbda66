//! Files that are there whole or not at all, also after the power failed.
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::num::NonZero;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

#[cfg(test)]
use super::power;
use crate::threads;

pub(super) const OWNER_ALONE: u32 = 0o600;
pub(super) const ALL_READ: u32 = 0o644;

/// Bytes that one thread reads at a time. The memory that takes them is made where it is first written to, which takes as long
/// as the copy.
const READ_AT_ONCE: usize = 4 << 20;
/// Threads that read a file.
const MOST_READERS: usize = 4;

/// What stands between two places of a file.
pub(super) fn read_between(file: &File, from: u64, until: u64) -> io::Result<Vec<u8>> {
    let length = until.saturating_sub(from);
    let mut bytes = vec![0; usize::try_from(length).map_err(io::Error::other)?];
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let readers = cores
        .min(MOST_READERS)
        .min(bytes.len().div_ceil(READ_AT_ONCE));
    let places = (0..).step_by(READ_AT_ONCE);
    let parts = Mutex::new(places.zip(bytes.chunks_mut(READ_AT_ONCE)));
    // Each takes the next part until there is none, so that fewer threads than wanted do it all the same.
    let read = || -> io::Result<()> {
        let next = || {
            let mut parts = parts.lock().unwrap_or_else(PoisonError::into_inner);
            parts.next()
        };
        while let Some((at, part)) = next() {
            file.read_exact_at(part, from.saturating_add(at))?;
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..readers)
            .map_while(|_| threads::beside(scope, read))
            .collect();
        let own = read();
        let others = others.into_iter().map(threads::join);
        others.chain([own]).collect::<io::Result<()>>()
    })?;
    Ok(bytes)
}

/// Puts the bytes in the place of the file: written beside it, brought to disk, moved there.
pub(super) fn replace(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".part");
    let beside = Path::new(&beside);
    // One left by a crash may have another mode.
    remove(beside)?;
    let written = make(beside, mode).and_then(|file| append(&file, bytes));
    if let Err(error) = written {
        // Best effort: the error told is the one that matters.
        let _ = remove(beside);
        return Err(error);
    }
    rename(beside, path)
}

fn make(path: &Path, mode: u32) -> io::Result<File> {
    #[cfg(test)]
    power::step(power::Step::Make(path))?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(mode).open(path)
}

/// Adds to the end of an open file, and brings that to disk.
pub(super) fn append(mut file: &File, bytes: &[u8]) -> io::Result<()> {
    #[cfg(test)]
    power::step_within(file, bytes)?;
    file.write_all(bytes)?;
    sync(file)
}

/// Cuts an open file off behind so many bytes, and brings that to disk.
pub(super) fn cut(file: &File, length: u64) -> io::Result<()> {
    #[cfg(test)]
    power::step(power::Step::Cut(file, length))?;
    file.set_len(length)?;
    sync(file)
}

fn sync(file: &File) -> io::Result<()> {
    #[cfg(test)]
    if power::step(power::Step::Sync(file))? {
        return Ok(());
    }
    file.sync_all()
}

/// Moves a file within its folder, and brings the folder to disk.
pub(super) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    #[cfg(test)]
    power::step(power::Step::Rename(from, to))?;
    fs::rename(from, to)?;
    sync_folder_of(to)
}

/// Removes a file that may not be there.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    #[cfg(test)]
    power::step(power::Step::Remove(path))?;
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Reads a file that may not be there.
pub(super) fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// That a file is in its folder is itself to be brought to disk.
pub(super) fn sync_folder_of(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) if folder.as_os_str().is_empty() => sync(&File::open(".")?),
        Some(folder) => sync(&File::open(folder)?),
        None => Ok(()),
    }
}

/// Files of a folder whose names begin so.
pub(super) fn count(folder: &Path, prefix: &str) -> io::Result<usize> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        entries => entries?,
    };
    let begins = |name: std::ffi::OsString| name.to_string_lossy().starts_with(prefix);
    Ok(entries
        .flatten()
        .filter(|entry| begins(entry.file_name()))
        .count())
}
