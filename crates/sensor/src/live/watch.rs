//! Watches folders into which others put captures, and gives each once it is finished.
//!
//! By looking, again and again: that also works on shares, where no event tells of a file.
use std::cell::OnceCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use facts::Time;
use facts::site::pattern_matches;

use super::Error;

/// Endings of packed files.
const PACKERS: [&str; 5] = ["gz", "zst", "xz", "lz4", "bz2"];
/// Files of one look, and files remembered.
const MOST_FILES: usize = 1 << 17;

/// A file as it was given: the same name, size and time are the same file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seen {
    /// Path of the file, in the folder as it was named.
    pub path: PathBuf,
    /// Size in bytes.
    pub bytes: u64,
    /// When it was changed last.
    pub changed: Time,
}

/// A capture that nobody writes to any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// The file as it was when nobody wrote to it any more.
    pub seen: Seen,
    /// It was given before, and has been changed since.
    pub again: bool,
}

/// A file that may still be written.
#[derive(Clone, Copy, Debug)]
struct Pending {
    bytes: u64,
    changed: Time,
    /// When it was first seen like this.
    since: Time,
}

/// A watch over folders. [`Watch::poll`] is to be called every few seconds.
#[derive(Debug)]
pub struct Watch {
    folders: Vec<PathBuf>,
    patterns: Vec<String>,
    settle: i64,
    pending: BTreeMap<PathBuf, Pending>,
    /// Size and time of what was given, by path.
    given: BTreeMap<PathBuf, (u64, Time)>,
    problems: Vec<String>,
}

impl Watch {
    /// Watches the folders for files whose base names match one of the patterns (`*` and `?`; no pattern: all), and gives
    /// those that were not changed for `settle_secs`. What stands in `seen` was given in an earlier run.
    pub fn new(
        folders: Vec<PathBuf>,
        patterns: Vec<String>,
        settle_secs: u32,
        seen: impl IntoIterator<Item = Seen>,
    ) -> Watch {
        let given = seen
            .into_iter()
            .map(|seen| (seen.path, (seen.bytes, seen.changed)));
        Watch {
            folders,
            patterns,
            settle: i64::from(settle_secs).saturating_mul(1_000_000_000),
            pending: BTreeMap::new(),
            given: given.collect(),
            problems: Vec::new(),
        }
    }

    /// The captures that are finished and were not given yet, oldest first.
    ///
    /// Finished is a file that has stood still: two looks `settle` apart found it the same, or it was old when it was first
    /// seen, as one is that was renamed into place. And one that has a younger sibling, begun after its last change: whoever
    /// writes `span-7.pcap` is done with `span-6.pcap`.
    pub fn poll(&mut self, now: Time) -> Vec<Finished> {
        self.problems.clear();
        let there = self.look();
        // When the latest file of each writer was begun.
        let mut youngest: BTreeMap<(PathBuf, String), Time> = BTreeMap::new();
        for (seen, begun) in &there {
            let time = youngest.entry(series(&seen.path)).or_insert(Time::MIN);
            *time = (*time).max(begun.unwrap_or(Time::MIN));
        }
        let (mut pending, mut given) = (BTreeMap::new(), Vec::new());
        let mut finished = Vec::new();
        let gone = OnceCell::new();
        for (seen, begun) in there.iter().cloned() {
            let before = self.given.get(&seen.path);
            if before == Some(&(seen.bytes, seen.changed)) {
                continue;
            }
            let again = before.is_some();
            let known = self
                .pending
                .get(&seen.path)
                .filter(|known| (known.bytes, known.changed) == (seen.bytes, seen.changed));
            let since = known.map_or(now, |known| known.since);
            let stood = now.since(since) >= self.settle;
            let old = now.since(seen.changed) >= self.settle;
            let followed = youngest
                .get(&series(&seen.path))
                .is_some_and(|latest| Some(*latest) > begun && *latest >= seen.changed);
            // An empty file is one that someone has just made.
            if seen.bytes > 0 && (stood || old || followed) {
                given.push((seen.path.clone(), (seen.bytes, seen.changed)));
                let gone = || gone.get_or_init(|| self.gone(&there));
                if !again && self.was_given_by_another_name(&seen, gone) {
                    continue;
                }
                finished.push(Finished { seen, again });
            } else {
                let (bytes, changed) = (seen.bytes, seen.changed);
                pending.insert(
                    seen.path,
                    Pending {
                        bytes,
                        changed,
                        since,
                    },
                );
            }
        }
        self.pending = pending;
        self.given.extend(given);
        self.forget();
        finished
            .sort_by(|a, b| (a.seen.changed, &a.seen.path).cmp(&(b.seen.changed, &b.seen.path)));
        finished
    }

    /// Whether it is a file that was given, moved or packed since: both leave the time of the last change as it was. A file
    /// whose other name is still there is another one.
    fn was_given_by_another_name<'g>(
        &self,
        seen: &Seen,
        gone: impl Fn() -> &'g HashMap<(u64, Time), Vec<PathBuf>>,
    ) -> bool {
        let is_packed = unpacked(&seen.path).is_some_and(|path| {
            let before = self.given.get(&path);
            before.is_some_and(|(_, changed)| *changed == seen.changed) && !path.exists()
        });
        let was_moved = || {
            let moved = gone().get(&(seen.bytes, seen.changed));
            moved.is_some_and(|paths| paths.iter().any(|path| !path.exists()))
        };
        is_packed || was_moved()
    }

    /// What was given and is not among what is there, by size and time.
    fn gone(&self, there: &[(Seen, Option<Time>)]) -> HashMap<(u64, Time), Vec<PathBuf>> {
        let there: HashSet<&Path> = there.iter().map(|(seen, _)| seen.path.as_path()).collect();
        let mut gone: HashMap<(u64, Time), Vec<PathBuf>> = HashMap::new();
        for (path, seen) in &self.given {
            if !there.contains(path.as_path()) {
                gone.entry(*seen).or_default().push(path.clone());
            }
        }
        gone
    }

    /// It could not be read: it is given again.
    pub fn take_back(&mut self, path: &Path) {
        if let Some((bytes, changed)) = self.given.remove(path) {
            // As it has stood still already.
            let pending = Pending {
                bytes,
                changed,
                since: Time::MIN,
            };
            self.pending.insert(path.to_owned(), pending);
        }
    }

    /// It is not given again before it is changed.
    pub fn give_up(&mut self, path: &Path) {
        if let Some(pending) = self.pending.remove(path) {
            self.given
                .insert(path.to_owned(), (pending.bytes, pending.changed));
        }
    }

    /// What could not be looked at the last time.
    pub fn problems(&self) -> &[String] {
        &self.problems
    }

    /// The files that are there, and when each was begun, where the file system remembers that.
    fn look(&mut self) -> Vec<(Seen, Option<Time>)> {
        let mut there = Vec::new();
        for folder in &self.folders {
            let entries = match fs::read_dir(folder) {
                Ok(entries) => entries,
                Err(error) => {
                    let why = error.to_string();
                    let error = Error::Watched {
                        path: folder.clone(),
                        source: error,
                    };
                    self.problems.push(format!("{error} ({why})"));
                    continue;
                }
            };
            for entry in entries.flatten() {
                let path = entry.path();
                if !self.is_wanted(&path) {
                    continue;
                }
                // Follows links. What is gone since is no concern.
                let Ok(metadata) = fs::metadata(&path) else {
                    continue;
                };
                let changed = metadata.modified().ok().map(since_epoch);
                if let (true, Some(changed)) = (metadata.is_file(), changed) {
                    if there.len() >= MOST_FILES {
                        self.problems.push(format!(
                            "{} holds more than {MOST_FILES} captures: the rest is not looked at; move those away that are read",
                            folder.display()
                        ));
                        return there;
                    }
                    let seen = Seen {
                        bytes: metadata.len(),
                        path,
                        changed,
                    };
                    there.push((seen, metadata.created().ok().map(since_epoch)));
                }
            }
        }
        there
    }

    /// Names that begin with a dot are those of files on their way.
    fn is_wanted(&self, path: &Path) -> bool {
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            return false;
        };
        let matches = || {
            self.patterns
                .iter()
                .any(|pattern| pattern_matches(pattern, name))
        };
        !name.starts_with('.') && (self.patterns.is_empty() || matches())
    }

    /// Forgets files that are not there any more, but only for want of room: a share may be away for a while.
    fn forget(&mut self) {
        if self.given.len() > MOST_FILES {
            self.given.retain(|path, _| path.exists());
        }
    }
}

/// Of what a packer made this file, going by its name, which has an ending more.
fn unpacked(packed: &Path) -> Option<PathBuf> {
    let ending = packed.extension().and_then(|ending| ending.to_str())?;
    PACKERS.contains(&ending).then(|| packed.with_extension(""))
}

fn since_epoch(time: std::time::SystemTime) -> Time {
    let nanoseconds = match time.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_nanos()),
        Err(before) => i64::try_from(before.duration().as_nanos()).map(|n| -n),
    };
    Time(nanoseconds.unwrap_or(i64::MAX))
}

/// The folder, and the name with each run of digits as one sign: the same for all files of one writer.
fn series(path: &Path) -> (PathBuf, String) {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut pattern = String::new();
    for c in name.chars() {
        if !c.is_ascii_digit() {
            pattern.push(c);
        } else if !pattern.ends_with('#') {
            pattern.push('#');
        }
    }
    let folder = path.parent().unwrap_or(path);
    (folder.to_owned(), pattern)
}
