//! History: what a live sensor saw, in a file per day that any SQLite tool opens.
//!
//! What is told gathers in memory ([`History::tell`]) and is written every few seconds in one transaction
//! ([`History::write`]). A write that fails (the disk is full, somebody reads) loses nothing: it is made up for by the next
//! that succeeds, within a limit; so history may stop while judging goes on. A crash loses what was not written, and the
//! next run knows from when to when ([`History::gaps`]).
//!
//! Rows stand in the file of the day on which they were written. A row that is told on two days stands in both files and
//! is merged when read, by the rules by which it would have been merged in memory.
mod day;
mod error;
mod layout;
#[cfg(test)]
mod tests;
mod watch;

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use facts::kinds::Coverage;
use facts::{Facts, Time};

use self::day::{Day, Past, Stamp};
pub use self::error::Error;
pub use self::watch::{End, Gap, Watch};
use crate::{Limits, Memory};

const SECOND: i64 = 1_000_000_000;
/// Time between two looks at what is to be deleted, in seconds.
const TIDY_SECONDS: i64 = 60;

/// A clock that jumped forward by more than a day is believed once it has gone on from there for so long: until then
/// nothing is deleted for its age by it.
const BELIEVED: i64 = 86_400 * SECOND;
/// Captures that were read, held until they can be written.
const MOST_READ: usize = 1 << 17;

/// A finished capture that was read: what it was then, and how many frames it had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadFile {
    /// Path by which the watch found it; a capture read again takes the place of the row of that path.
    pub path: String,
    /// Its size in bytes when it was read.
    pub bytes: u64,
    /// When it had been changed last.
    pub changed: Time,
    /// Frames that it had.
    pub frames: u64,
    /// Time of the first of them: what begins otherwise is another capture. `None` where it had none, or where an earlier
    /// version read it.
    pub first: Option<Time>,
}

/// How history is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Name of the terminal; a folder holds the history of one.
    pub terminal: String,
    /// Days kept beside today's; all if `None`.
    pub days: Option<u32>,
    /// Bytes that the files may take together; today's is kept whatever it takes.
    pub bytes: Option<u64>,
    /// Seconds after which a run that was not heard of was not watching.
    pub patience_seconds: u32,
    /// What is held until it can be written.
    pub waiting: Limits,
}

impl Options {
    /// All days are kept, and a run that was not heard of for 60 s was not watching.
    pub fn new(terminal: impl Into<String>) -> Options {
        Options {
            terminal: terminal.into(),
            days: None,
            bytes: None,
            patience_seconds: 60,
            waiting: Limits::default().share(2),
        }
    }
}

/// What a write did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Rows added or told again.
    pub rows: u64,
    /// What somebody should know of: a file was gone and begun anew, old days were deleted. A sentence each.
    pub notes: Vec<String>,
}

/// An interval of watching, and until when a file tells of it already.
#[derive(Clone, Copy, Debug)]
struct Kept {
    watch: Watch,
    until: Option<Time>,
}

impl Kept {
    const fn begin(now: Time) -> Kept {
        let watch = Watch {
            begin: now,
            last: now,
            end: End::Open,
        };
        Kept { watch, until: None }
    }
}

/// The history of a terminal, open for writing by one run at a time.
#[derive(Debug)]
pub struct History {
    folder: PathBuf,
    options: Options,
    /// Held as long as this run writes.
    _lock: File,
    day: Option<Day>,
    waiting: Memory,
    waiting_since: Option<Time>,
    /// The interval of watching that is open.
    watch: Kept,
    /// Intervals that are over, and not written as such yet.
    over: Vec<Kept>,
    heard: Time,
    /// When the clock jumped forward, if it is not believed yet.
    jumped: Option<Time>,
    /// Captures whose facts wait to be written.
    read: Vec<ReadFile>,
    /// When somebody was watching, by file, as long as that is not written again.
    looked: BTreeMap<PathBuf, (Stamp, Vec<Watch>)>,
    tidied: Option<Time>,
    notes: Vec<String>,
}

impl History {
    /// Opens a folder for writing, and makes it where it is not there. Watching begins `now`.
    ///
    /// # Errors
    /// The folder cannot be made or locked, another process writes it, or the file of today is of a later format or
    /// of another terminal. A file that cannot be written for now is no error yet: the next write tries again.
    pub fn open(folder: &Path, options: Options, now: Time) -> Result<History, Error> {
        let failed = |source| Error::Folder {
            path: folder.to_owned(),
            source,
        };
        fs::create_dir_all(folder).map_err(failed)?;
        let path = folder.join("history.lock");
        let lock = File::create(&path).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Error::InUse { path }),
            Err(TryLockError::Error(source)) => return Err(Error::Folder { path, source }),
        }
        let mut history = History {
            folder: folder.to_owned(),
            _lock: lock,
            day: None,
            waiting: Memory::new(&options.waiting),
            waiting_since: None,
            watch: Kept::begin(now),
            over: Vec::new(),
            heard: now,
            jumped: None,
            read: Vec::new(),
            looked: BTreeMap::new(),
            tidied: None,
            notes: Vec::new(),
            options,
        };
        // A machine without a clock of its own starts anywhere.
        let newest = day::days(folder)?.pop();
        if newest.is_some_and(|(newest, _)| day::days_after(&day::of(now), &newest) > 1) {
            history.jumped = Some(now);
        }
        // What a person has to decide is said at once; anything else may mend itself until there is something to write.
        match history.turn_to(&day::of(now)) {
            Err(error @ (Error::Newer { .. } | Error::OtherTerminal { .. })) => Err(error),
            _ => Ok(history),
        }
    }

    /// Takes what was seen since it was told last: facts as the witness gives them, not folded. Nothing is written yet.
    /// To be called at least every few seconds, with no facts if there are none: that is how history knows that somebody
    /// is watching.
    pub fn tell(&mut self, facts: Facts, now: Time) {
        self.tell_until(facts, now, now);
    }

    /// The same where what was seen lately is not all told yet: up to `until` it is.
    pub fn tell_until(&mut self, facts: Facts, now: Time, until: Time) {
        if now.since(self.heard) > BELIEVED {
            self.jumped = Some(now);
        } else if self.jumped.is_some_and(|jumped| now < jumped) {
            // It was set back: what it said in between counts no more.
            self.jumped = None;
        }
        // A clock set back leaves two intervals that overlap, which is no gap.
        if now.since(self.heard).abs() > self.patience() {
            let mut over = std::mem::replace(&mut self.watch, Kept::begin(now));
            over.watch.end = End::Paused;
            self.over.push(over);
        }
        self.heard = now;
        self.watch.watch.last = self.watch.watch.last.max(until.min(now));
        self.waiting_since.get_or_insert(now);
        self.waiting.absorb(facts);
    }

    /// Takes note of captures whose facts were told with [`History::tell`] just before: they are written in the same
    /// transaction, so that none is counted twice or lost, however the program ends.
    pub fn tell_read(&mut self, files: impl IntoIterator<Item = ReadFile>) {
        let room = MOST_READ.saturating_sub(self.read.len());
        self.read.extend(files.into_iter().take(room));
    }

    /// The captures whose facts are written or wait to be, as far back as there are files; each as it was read last.
    ///
    /// # Errors
    /// The folder cannot be listed. A file that cannot be read counts as without captures.
    pub fn files_read(&self) -> Result<Vec<ReadFile>, Error> {
        let mut files = BTreeMap::new();
        for (_, path) in day::days(&self.folder)? {
            // One that cannot be read has told of that elsewhere, and its captures are read again.
            let read = Past::open(&path).and_then(|past| past.read_files());
            for file in read.unwrap_or_default() {
                files.insert(file.path.clone(), file);
            }
        }
        for file in &self.read {
            files.insert(file.path.clone(), file.clone());
        }
        Ok(files.into_values().collect())
    }

    /// Writes everything told so far, all or nothing. After an error nothing is lost: the next write makes up for it.
    ///
    /// # Errors
    /// The file of the day cannot be made or written. What was told goes on waiting, within the limit of
    /// [`Options::waiting`].
    pub fn write(&mut self, now: Time) -> Result<Written, Error> {
        self.write_until(now, End::Open)
    }

    /// [`History::tell`] and [`History::write`] in one.
    ///
    /// # Errors
    /// As of [`History::write`]; the facts wait for the next write then.
    pub fn add(&mut self, facts: &Facts, now: Time) -> Result<Written, Error> {
        self.tell(facts.clone(), now);
        self.write(now)
    }

    /// The last write of a run that is stopped in order.
    ///
    /// # Errors
    /// As of [`History::write`]; what was not written by then is lost with the run.
    pub fn close(mut self, now: Time) -> Result<Written, Error> {
        self.write_until(now, End::Stopped)
    }

    fn write_until(&mut self, now: Time, end: End) -> Result<Written, Error> {
        let today = day::of(now);
        let facts = self.gathered(now);
        // A file that is deleted while it is written takes what was written with it: once more, into the new one.
        let mut rows = None;
        for _ in 0..2 {
            self.turn_to(&today)?;
            self.watch.watch.end = end;
            let watches = self.watches();
            let Some(day) = &mut self.day else {
                break;
            };
            match day.add(&facts, &self.read, &watches, &self.options.terminal) {
                Ok(written) if !day.is_gone() => {
                    rows = Some(written);
                    break;
                }
                Ok(_) => {}
                Err(error) => {
                    // What is wrong with the file may be mended by opening it again.
                    self.day = None;
                    return Err(error);
                }
            }
        }
        let rows = rows.ok_or_else(|| Error::Failed {
            path: day::path(&self.folder, &today),
            message: "it is deleted again and again while it is written".to_owned(),
        })?;
        self.watch.until = Some(self.watch.watch.last);
        self.over.clear();
        self.read.clear();
        self.waiting = Memory::new(&self.options.waiting);
        self.waiting_since = None;
        self.tidy(now, &today);
        Ok(Written {
            rows,
            notes: std::mem::take(&mut self.notes),
        })
    }

    /// What waits, with the account of what did not fit while it waited.
    fn gathered(&mut self, now: Time) -> Facts {
        // Only the captures that something cites.
        self.waiting.forget(Time::MIN);
        let mut facts = self.waiting.rows();
        facts.coverage.extend(self.given_up(now));
        facts
    }

    fn given_up(&self, now: Time) -> Option<Coverage> {
        let let_go = self.waiting.let_go();
        let lost = let_go
            .iter()
            .map(|row| row.total.saturating_sub(row.good))
            .fold(0, u64::saturating_add);
        let held: usize = self.waiting.held().iter().map(|(_, rows)| rows).sum();
        let since = self.waiting_since.unwrap_or(now);
        (lost > 0).then(|| Coverage::history(since, now, held as u64, lost))
    }

    /// What history says of itself while it cannot be written: rows that it had to give up. To be judged with the facts.
    pub fn coverage(&self, now: Time) -> Option<Coverage> {
        self.given_up(now)
    }

    /// Since when something waits to be written, if something does.
    pub fn waiting_since(&self) -> Option<Time> {
        self.waiting_since
    }

    /// Opens the file of that day unless it is open. Where it is another one than was written last, the watch goes on in it.
    fn turn_to(&mut self, today: &str) -> Result<(), Error> {
        let is_open = |day: &Day| day.day == today && !day.is_gone();
        if self.day.as_ref().is_some_and(is_open) {
            return Ok(());
        }
        if let Some(day) = self.day.take() {
            if day.is_gone() {
                self.notes.push(format!(
                    "{} was deleted or replaced while it was written: a new file was begun, and what the old one held \
                     of this day is not in it",
                    day.path.display()
                ));
            } else {
                let mut told = self.watch.watch;
                told.last = self.watch.until.unwrap_or(told.begin);
                day.continued(&told);
            }
        }
        let opened = Day::open(&self.folder, today, &self.options.terminal);
        let day = match opened {
            Err(Error::Damaged { path, message }) => {
                self.set_aside(&path, &message)?;
                Day::open(&self.folder, today, &self.options.terminal)?
            }
            opened => opened?,
        };
        // What was watched before is told by another file, for as long as that one is there.
        for kept in self.over.iter_mut().chain([&mut self.watch]) {
            if let Some(until) = kept.until
                && !day.knows(&kept.watch)
            {
                kept.watch.begin = until;
            }
        }
        self.day = Some(day);
        Ok(())
    }

    /// A file that cannot be read any more does not keep the rest of the day from being written.
    fn set_aside(&mut self, path: &Path, message: &str) -> Result<(), Error> {
        let aside = (1..)
            .map(|n| path.with_extension(format!("sqlite.damaged-{n}")))
            .find(|aside| !aside.exists())
            .unwrap_or_default();
        fs::rename(path, &aside).map_err(|source| Error::Folder {
            path: path.to_owned(),
            source,
        })?;
        // What its journal holds belongs to it, and to no other.
        let journal = |path: &Path| {
            let mut name = path.as_os_str().to_owned();
            name.push("-journal");
            PathBuf::from(name)
        };
        drop(fs::rename(journal(path), journal(&aside)));
        self.notes.push(format!(
            "{} is damaged ({message}): it was set aside as {}, and a new file was begun",
            path.display(),
            aside.display()
        ));
        Ok(())
    }

    /// Deletes the oldest days beyond what may be kept.
    fn tidy(&mut self, now: Time, today: &str) {
        let recently = |then: Time| now.since(then).abs() < TIDY_SECONDS * SECOND;
        if self.tidied.is_some_and(recently) {
            return;
        }
        self.tidied = Some(now);
        let Ok(days) = day::days(&self.folder) else {
            return;
        };
        let size = |path: &Path| fs::metadata(path).map_or(0, |meta| meta.len());
        let mut bytes: u64 = days.iter().map(|(_, path)| size(path)).sum();
        let oldest = self.options.days.and_then(|days| {
            let today = day::begin(today)?;
            Some(day::of(today.plus_secs(-86_400 * i64::from(days))))
        });
        let believed = self
            .jumped
            .is_none_or(|jumped| now.since(jumped) >= BELIEVED);
        if believed {
            self.jumped = None;
        }
        let oldest = oldest.filter(|_| believed);
        for (day, path) in days {
            let is_old = oldest.as_ref().is_some_and(|oldest| day < *oldest);
            let is_much = self.options.bytes.is_some_and(|most| bytes > most);
            if day.as_str() >= today || !is_old && !is_much {
                continue;
            }
            bytes = bytes.saturating_sub(size(&path));
            drop(fs::remove_file(path.with_extension("sqlite-journal")));
            let what = match fs::remove_file(&path) {
                Ok(()) => "was deleted, as the retention says".to_owned(),
                Err(error) => format!("should be deleted, as the retention says, but: {error}"),
            };
            self.notes.push(format!("{} {what}", path.display()));
        }
    }

    /// The facts that tell of the time between, of all days together, as far as they are written.
    ///
    /// # Errors
    /// The folder cannot be listed, or a file in it is of a later format ([`Error::Newer`]).
    pub fn load(&self, from: Time, until: Time, limits: &Limits) -> Result<Recalled, Error> {
        let look = Look::at(&self.folder, Some((from, until, limits)))?;
        Ok(look.recalled(self.watches(), from, until, self.patience()))
    }

    /// The times within the time asked for in which nobody was watching. This run counts as watching up to the last time
    /// it told something.
    ///
    /// # Errors
    /// The folder cannot be listed, or a file in it is of a later format. One that cannot be read otherwise is a gap.
    pub fn gaps(&mut self, from: Time, until: Time) -> Result<Vec<Gap>, Error> {
        let days = day::days(&self.folder)?;
        let mut looked = std::mem::take(&mut self.looked);
        let mut watches = self.watches();
        for (day, path) in days {
            let stamp = Stamp::of(&path);
            let known = looked
                .remove(&path)
                .filter(|(known, _)| Some(*known) == stamp);
            let found = match known {
                Some((_, found)) => found,
                None => match Past::open(&path).and_then(|past| past.watches()) {
                    Ok(found) => found,
                    Err(error @ Error::Newer { .. }) => return Err(error),
                    Err(_) => {
                        watches.push(Watch::lost(&day));
                        continue;
                    }
                },
            };
            watches.extend(&found);
            if let Some(stamp) = stamp {
                self.looked.insert(path, (stamp, found));
            }
        }
        Ok(watch::gaps(watches, from, until, self.patience()))
    }

    fn watches(&self) -> Vec<Watch> {
        let kept = self.over.iter().chain([&self.watch]);
        kept.map(|kept| kept.watch).collect()
    }

    fn patience(&self) -> i64 {
        i64::from(self.options.patience_seconds).saturating_mul(SECOND)
    }
}

/// What a folder of history knows of a time.
#[derive(Clone, Debug, Default)]
pub struct Recalled {
    /// Rows of all days together, merged as if one run had told them; not folded.
    pub facts: Facts,
    /// When nobody was watching. [`Gap::coverage`] makes the rows that verdicts need.
    pub gaps: Vec<Gap>,
    /// When watching began, as far as it is still known.
    pub begins: Option<Time>,
    /// Files that could not be read, and rows of others, a sentence each. The day of such a file is a gap, whatever else of it
    /// was read.
    pub problems: Vec<String>,
}

/// Reads a folder of history, also while a run writes it, without changing it: the facts that tell of the time between,
/// and the times in which nobody was watching. A run that was heard of in the last `patience` nanoseconds is still watching.
///
/// # Errors
/// The folder cannot be listed, or a file in it is of a later format ([`Error::Newer`]).
pub fn recall(
    folder: &Path,
    from: Time,
    until: Time,
    limits: &Limits,
    patience: i64,
) -> Result<Recalled, Error> {
    let look = Look::at(folder, Some((from, until, limits)))?;
    Ok(look.recalled(Vec::new(), from, until, patience))
}

/// What the files of a folder hold.
struct Look {
    facts: Facts,
    watches: Vec<Watch>,
    problems: Vec<String>,
}

impl Look {
    /// Reads when somebody was watching, and the facts of the time asked for.
    fn at(folder: &Path, asked: Option<(Time, Time, &Limits)>) -> Result<Look, Error> {
        let mut memory = asked.map(|(_, _, limits)| Memory::new(limits));
        let (mut watches, mut problems) = (Vec::new(), Vec::new());
        for (day, path) in day::days(folder)? {
            let read = || {
                let past = Past::open(&path)?;
                // A row stands in the file of the day on which it was written: the last ones before midnight in that of
                // the next day.
                let within = |(from, until): (Time, Time)| {
                    day >= day::of(from) && day <= day::of(until.plus_secs(86_400))
                };
                let loaded = match asked {
                    Some((from, until, _)) if within((from, until)) => past.load(from, until)?,
                    _ => Default::default(),
                };
                Ok((loaded, past.watches()?))
            };
            match read() {
                Ok(((facts, left_out), found)) => {
                    if let Some(memory) = &mut memory {
                        memory.absorb(facts);
                    }
                    // What is left tells what happened, and cannot tell that nothing else did.
                    if left_out.is_empty() {
                        watches.extend(found);
                    } else {
                        watches.push(Watch::lost(&day));
                    }
                    let told = left_out.iter();
                    problems.extend(told.map(|left_out| format!("{}: {left_out}", path.display())));
                }
                Err(error @ Error::Newer { .. }) => return Err(error),
                Err(error) => {
                    problems.push(error.to_string());
                    watches.push(Watch::lost(&day));
                }
            }
        }
        Ok(Look {
            facts: memory.map(|memory| memory.facts()).unwrap_or_default(),
            watches,
            problems,
        })
    }

    fn recalled(mut self, more: Vec<Watch>, from: Time, until: Time, patience: i64) -> Recalled {
        self.watches.extend(more);
        Recalled {
            facts: self.facts,
            begins: self.watches.iter().map(|watch| watch.begin).min(),
            gaps: watch::gaps(self.watches, from, until, patience),
            problems: self.problems,
        }
    }
}
