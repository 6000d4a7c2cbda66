//! All captures of a run: found in files and folders, in time order, each with a name of its own.
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::path::{Component, Path, PathBuf};

use facts::{Time, kinds};

use crate::hashing::Hash;
use crate::walk::{Fetch, Walk};
use crate::{Capture, Error, Summary};

/// The captures of a run. A capture's place in [`Captures::list`] is its index in every fact.
#[derive(Debug, Default)]
pub struct Captures {
    list: Vec<Capture>,
    skipped: Vec<Skipped>,
    /// Nobody asks for the hashes.
    unhashed: bool,
}

/// Something in a folder that was not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// The file or folder, by the path at which it was found.
    pub path: PathBuf,
    /// Why, in lower case and without a full stop.
    pub reason: String,
}

impl Captures {
    /// Opens files and folders. A folder gives the captures in it and in its subfolders; what else lies there stands in
    /// [`Captures::skipped`]. A file named itself must be a capture. The same file twice is one capture.
    ///
    /// Order is by the time of the first frame, then by name; captures without a frame come last.
    ///
    /// # Errors
    /// The first file named itself that is no capture or cannot be read, or a folder named itself that cannot be
    /// listed. What is wrong with the content of a folder stands in [`Captures::skipped`].
    pub fn open<P: AsRef<Path>>(paths: &[P]) -> Result<Captures, Error> {
        let mut found = Captures::default();
        let mut seen = BTreeSet::new();
        let mut is_new =
            |path: &Path| seen.insert(fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()));
        // Files first: named itself, a file is an error where it would be skipped in a folder.
        let (folders, files): (Vec<&Path>, Vec<&Path>) = paths
            .iter()
            .map(AsRef::as_ref)
            .partition(|path| path.is_dir());
        for path in files {
            if is_new(path) {
                found.list.push(Capture::open(path)?);
            }
        }
        for folder in folders {
            let skipped = found.skipped.len();
            let files = found.files_of(folder)?;
            if files.is_empty() && found.skipped.len() == skipped {
                found.skip(folder.to_owned(), "no file lies in it".to_owned());
            }
            for path in files {
                if is_new(&path) {
                    match Capture::open(&path) {
                        Ok(capture) => found.list.push(capture),
                        Err(error) => found.skip(path, error.reason()),
                    }
                }
            }
        }
        found.list.sort_by_cached_key(|capture| {
            (
                capture.first().unwrap_or(Time::MAX),
                capture.name().to_owned(),
                capture.path().to_owned(),
            )
        });
        found.distinguish();
        Ok(found)
    }

    fn skip(&mut self, path: PathBuf, reason: String) {
        self.skipped.push(Skipped { path, reason });
    }

    /// The files of a folder and of its subfolders, by name.
    fn files_of(&mut self, folder: &Path) -> Result<Vec<PathBuf>, Error> {
        let mut files = Vec::new();
        for path in entries(folder)? {
            if !path.is_dir() {
                files.push(path);
                continue;
            }
            match entries(&path) {
                Ok(inner) => {
                    for path in inner {
                        if path.is_dir() {
                            self.skip(
                                path,
                                "folder in a subfolder: name it to have it read".to_owned(),
                            );
                        } else {
                            files.push(path);
                        }
                    }
                }
                Err(error) => self.skip(path, error.reason()),
            }
        }
        Ok(files)
    }

    /// Puts folders before base names that occur twice, as many as it takes.
    fn distinguish(&mut self) {
        let longest = self
            .list
            .iter()
            .map(|capture| capture.path().components().count())
            .max()
            .unwrap_or(0);
        for parts in 2..=longest {
            let mut count: BTreeMap<&str, usize> = BTreeMap::new();
            for capture in &self.list {
                *count.entry(capture.name()).or_default() += 1;
            }
            let twice: BTreeSet<String> = count
                .iter()
                .filter(|(_, count)| **count > 1)
                .map(|(name, _)| (*name).to_owned())
                .collect();
            if twice.is_empty() {
                return;
            }
            for capture in &mut self.list {
                if twice.contains(capture.name()) {
                    let name = last_parts(capture.path(), parts);
                    capture.rename(name);
                }
            }
        }
    }

    /// The captures in time order; facts cite them by their place in it.
    pub fn list(&self) -> &[Capture] {
        &self.list
    }

    /// What lay in the folders and was not read.
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    /// No capture was found.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Names by index, as facts cite them.
    pub fn names(&self) -> Vec<String> {
        self.list
            .iter()
            .map(|capture| capture.name().to_owned())
            .collect()
    }

    /// Leaves the hashes of the files out of what is told of them, for those who do not show them: hashing is a third of
    /// the work on a large capture.
    #[must_use]
    pub fn without_hashes(mut self) -> Captures {
        self.unhashed = true;
        self
    }

    /// Every frame of every capture, once. Any number of walks may be under way at the same time.
    pub fn walk(&self) -> Walk<'_> {
        self.walk_hashing(Hash::No)
    }

    /// The same, hashing what it reads, unless nobody asks for that.
    pub(crate) fn walk_hashing(&self, hash: Hash) -> Walk<'_> {
        let hash = if self.unhashed { Hash::No } else { hash };
        Walk::new(self, (0..).take(self.list.len()), hash)
    }

    /// The frames with these numbers, by capture, in the order of a walk.
    pub fn fetch(&self, wanted: &[(u32, Vec<u32>)]) -> Fetch<'_> {
        Fetch::new(self, wanted)
    }

    /// The facts about the captures, from the summaries of a walk that is done.
    pub fn infos(&self, summaries: &[Summary]) -> Vec<kinds::Capture> {
        let numbered = self.list.iter().zip(0u32..).zip(summaries);
        numbered
            .map(|((capture, index), summary)| capture.info(index, summary, !self.unhashed))
            .collect()
    }
}

/// What lies in a folder, sorted.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let fail = |source| Error::List {
        path: folder.to_owned(),
        source,
    };
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(fail)? {
        paths.push(entry.map_err(fail)?.path());
    }
    paths.sort();
    Ok(paths)
}

/// The last parts of a path, with `/` between them on every system.
fn last_parts(path: &Path, parts: usize) -> String {
    let names: Vec<&OsStr> = path
        .components()
        .filter(|part| !matches!(part, Component::RootDir | Component::Prefix(_)))
        .map(Component::as_os_str)
        .collect();
    let tail = names
        .get(names.len().saturating_sub(parts)..)
        .unwrap_or(&names);
    tail.iter()
        .map(|name| name.to_string_lossy())
        .collect::<Vec<_>>()
        .join("/")
}
