//! The ledger of record: what people declared, in the order in which they did, and nothing taken back.
//!
//! A folder with `ledger.jsonl`, one entry a line, each with the hash of the one before it; `ledger.head`, which signs how
//! far it goes; the keys; and `attachments/`, files under their hashes. The file is the export: it can be read with any
//! tool, and checked with `sha256sum` and `openssl` alone.
//!
//! A write signs what the head will be first (`ledger.next`), then adds its lines, then moves the new head in place; each
//! step is brought to disk before the next. So whatever stands behind the signed head is either the rest of a write that
//! nobody was told had succeeded, and is set aside, or was added by somebody without the key, and is an error. Who can put
//! back all of an older folder can make the ledger forget; a checkpoint kept elsewhere tells that.
//!
//! Absent: a clock (the time is told), what a record means (`facts::records` knows), deletion.
mod book;
mod canon;
#[cfg(test)]
mod crashes;
mod entry;
mod error;
mod export;
mod files;
mod hash;
mod head;
mod import;
mod key;
mod lines;
#[cfg(test)]
mod power;
mod replacing;
mod scan;
mod verify;
mod write;

use std::fs::{File, TryLockError};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use facts::Time;
use serde_json::{Map, Value};

pub(crate) use self::book::Brief;
pub use self::book::MOST_ENTRIES;
pub(crate) use self::book::Turned;
use self::book::{Asked, Book};
pub use self::entry::{Attached, Entry, LONGEST, Origin};
pub use self::error::Error;
pub use self::hash::Hash;
pub use self::head::Head;
use self::head::Heads;
pub use self::key::Public;
pub(crate) use self::scan::is_plain;
pub use self::verify::{Problem, Report, verify};
pub use self::write::{Imported, Pending, Replaced, Writing, Written};

/// The file of entries in a ledger's folder.
pub const FILE: &str = "ledger.jsonl";

/// A ledger in memory. Reading changes nothing in the folder, so an export or a backup can be read in place.
#[derive(Debug)]
pub struct Ledger {
    folder: PathBuf,
    book: Book,
    head: Head,
    notes: Vec<String>,
}

/// What is to be recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct New {
    /// Lower-case letters, digits and dashes.
    pub kind: String,
    /// Id of the record, unique within its kind; an id that is known gives a new version.
    pub id: String,
    /// The body of the version, or that there is none any more.
    pub content: Content,
    /// From when on it holds; `None` if it always did.
    pub valid_from: Option<Time>,
    /// Until when it holds, later than `valid_from`; `None` for ever.
    pub valid_until: Option<Time>,
    /// Files taken in by [`Writing::attach`].
    pub attachments: Vec<Attachment>,
}

/// What an entry says of its record.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// The fields of the record by name. Numbers are whole; what is larger, or has a fraction, is text.
    Body(Map<String, Value>),
    /// The record holds no more, for this reason: from [`New::valid_from`] on, or at no time if there is none.
    Withdrawn(String),
}

/// A file of a record, as [`Attached`] but owned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// Name of the file for people; `None` where nobody gave one.
    pub name: Option<String>,
    /// SHA-256 of its content, lower-case hex: its name in `attachments/`.
    pub sha256: String,
}

/// Who records, by what means, and when.
#[derive(Clone, Copy, Debug)]
pub struct Stamp<'a> {
    /// Who records, as the entry will name them.
    pub by: &'a str,
    /// By what means: `cli`, `csv:NAME`, `import`.
    pub means: &'a str,
    /// The time of day; where it is up to a day behind the last entry, the time of that entry counts.
    pub now: Time,
}

/// The SHA-256 of some bytes, hexadecimal, as attached files are named.
pub fn sha256(bytes: &[u8]) -> String {
    hash::hex(&Hash::of(&[bytes]).0)
}

impl Ledger {
    fn empty(folder: &Path) -> Ledger {
        Ledger {
            folder: folder.to_owned(),
            book: Book::default(),
            head: head::NONE,
            notes: Vec::new(),
        }
    }

    /// Reads the ledger of a folder and checks its chain; a folder that is not there holds an empty one. What a write left
    /// that did not come to its end is passed over, and told in [`Ledger::notes`].
    ///
    /// # Errors
    /// A file cannot be read or locked, or the ledger is broken: of that nothing is read.
    pub fn open(folder: &Path) -> Result<Ledger, Error> {
        let mut ledger = Ledger::empty(folder);
        let path = ledger.path();
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(ledger),
            Err(error) => return Err(Error::file("read", path)(error)),
        };
        file.lock_shared().map_err(Error::file("lock", &path))?;
        let standing = ledger.standing(&file)?;
        ledger.catch_up(&file, standing.head)?;
        if standing.rest > 0 {
            ledger.notes.push(format!(
                "{}: {} bytes at its end are of a write that did not come to its end; nothing of it counts, and the next write sets them aside",
                path.display(),
                standing.rest
            ));
        }
        Ok(ledger)
    }

    /// As [`Ledger::open`], but for those who cannot wait: `None` while another writes.
    ///
    /// # Errors
    /// As of [`Ledger::open`].
    pub fn try_open(folder: &Path) -> Result<Option<Ledger>, Error> {
        let path = folder.join(FILE);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ledger::open(folder).map(Some);
            }
            Err(error) => return Err(Error::file("read", path)(error)),
        };
        // Held while it is read, so that nobody begins to write before.
        match file.try_lock_shared() {
            Ok(()) => Ledger::open(folder).map(Some),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(source)) => Err(Error::file("lock", path)(source)),
        }
    }

    /// Reads what others recorded since, and nothing else: of a ledger of years that is next to nothing. `false` while another
    /// writes. An error where what is there does not follow on what was read: it is open to whoever asks to read all of it
    /// again, and nothing here has changed.
    ///
    /// # Errors
    /// The file cannot be read or locked, or does not follow on what was read.
    pub fn try_follow(&mut self) -> Result<bool, Error> {
        let path = self.path();
        let file = File::open(&path).map_err(Error::file("read", &path))?;
        match file.try_lock_shared() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(false),
            Err(TryLockError::Error(source)) => return Err(Error::file("lock", path)(source)),
        }
        let head = self.standing(&file)?.head;
        let mut rest = self.book.continued();
        let flaws = rest.extend(self.read(&file, self.book.bytes(), head.bytes)?, false);
        if !flaws.is_empty() || (rest.lines(), rest.end().0) != (head.seq, head.hash) {
            return Err(self.broken(format!(
                "{FILE} does not follow on entry {}, up to which it was read",
                self.head.seq
            )));
        }
        self.catch_up(&file, head)?;
        Ok(true)
    }

    /// The folder that it was read from.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn path(&self) -> PathBuf {
        self.folder.join(FILE)
    }

    /// How far it goes: what a checkpoint keeps.
    pub fn head(&self) -> Head {
        self.head
    }

    /// Whether it went as far as that head once: it holds the same entry in that place.
    pub fn holds(&self, head: &Head) -> bool {
        let index = head.seq.checked_sub(1);
        let index = index.and_then(|index| usize::try_from(index).ok());
        let Some(index) = index else {
            return true;
        };
        let entry = self.book.entry(index);
        entry.is_some_and(|entry| entry.hash() == Some(head.hash))
    }

    /// What somebody should know of, a sentence each.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The signed head as it stands in the folder, one line of JSON: a checkpoint, if kept elsewhere. `None` before the
    /// first entry.
    ///
    /// # Errors
    /// The head is there and cannot be read.
    pub fn checkpoint(&self) -> Result<Option<String>, Error> {
        let path = head::path(&self.folder);
        let bytes = files::read(&path).map_err(Error::file("read", path))?;
        Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// Entries, each version and each withdrawal counted.
    pub fn len(&self) -> usize {
        self.book.len()
    }

    /// Nothing was ever recorded.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Every entry, in the order of recording.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = Entry<'_>> {
        self.book.entries()
    }

    /// Every entry of a kind, in the order of recording. The others are not read again.
    pub fn entries_of(&self, kind: &str) -> impl DoubleEndedIterator<Item = Entry<'_>> + use<'_> {
        self.book.entries_of(kind)
    }

    /// The entries as the file holds them: the export.
    pub fn text(&self) -> &[u8] {
        self.book.text()
    }

    /// The last version of a record, withdrawn or not.
    pub fn latest(&self, kind: &str, id: &str) -> Option<Entry<'_>> {
        self.book.latest(kind, id).map(|(_, entry)| entry)
    }

    /// The records known at a time of recording: the last version of each then, unless withdrawn, by kind and id. With a
    /// time of validity: of each the last version that had begun to hold by then, unless withdrawn or at its end.
    /// [`Time::MAX`] asks for what is known now.
    pub fn as_of(&self, recorded: Time, valid: Option<Time>) -> Vec<Entry<'_>> {
        self.sorted(recorded, asked(valid))
    }

    /// The records known at a time of recording, of whatever time they tell, as [`Ledger::as_of`] gives them; also those whose
    /// withdrawal is still to come at `now`.
    pub fn known(&self, recorded: Time, now: Time) -> Vec<Entry<'_>> {
        self.sorted(recorded, Asked::Any { now })
    }

    fn sorted(&self, recorded: Time, asked: Asked) -> Vec<Entry<'_>> {
        let mut entries: Vec<Entry<'_>> = self.book.as_of(recorded, asked).collect();
        entries.sort_by(|a, b| (a.kind, a.id).cmp(&(b.kind, b.id)));
        entries
    }

    /// The last entry that was recorded by that time.
    pub fn known_by(&self, recorded: Time) -> Option<Entry<'_>> {
        self.book.known_by(recorded)
    }

    /// Until when what is known and held stays the same: the next time of recording after one time, and the next begin or end
    /// of validity after another.
    pub fn next_turns(&self, recorded: Time, valid: Time) -> (Time, Time) {
        self.book.next_turns(recorded, valid)
    }

    /// The records of [`Ledger::as_of`] whose kind is wanted, in the order of recording, one by one.
    pub fn held<'l>(
        &'l self,
        recorded: Time,
        valid: Option<Time>,
        wanted: impl Fn(&str) -> bool,
    ) -> impl Iterator<Item = Entry<'l>> {
        self.book.of_kinds(recorded, asked(valid), wanted)
    }

    /// Where the records of [`Ledger::as_of`] stand whose kind has a place, by that place, of so many.
    pub(crate) fn in_places(
        &self,
        recorded: Time,
        valid: Time,
        count: usize,
        of: impl Fn(&str) -> Option<usize>,
    ) -> Vec<Vec<usize>> {
        self.book.in_places(recorded, Asked::At(valid), count, of)
    }

    /// Of which records something is not as it was when the ledger had that head, and was known and held at those times.
    pub(crate) fn turned(
        &self,
        since: &Head,
        recorded: Range<Time>,
        valid: Range<Time>,
        count: usize,
        of: impl Fn(&str) -> Option<usize>,
    ) -> Vec<Turned> {
        let since = usize::try_from(since.seq).unwrap_or(usize::MAX);
        self.book.turned(since, recorded, valid, count, of)
    }

    /// The records of one kind that stand there, in the order of their ids: the number of each among the places, and its place.
    pub(crate) fn by_id(&self, places: Vec<usize>) -> impl Iterator<Item = (usize, usize)> {
        self.book.by_id(places)
    }

    /// The entry that stands there.
    pub(crate) fn entry(&self, place: usize) -> Option<Entry<'_>> {
        self.book.entry(place)
    }

    /// What a table needs of it; `None` where its line has to be read whole for that.
    pub(crate) fn brief(&self, place: usize) -> Option<Brief<'_>> {
        self.book.brief(place)
    }

    /// Records all of it or nothing; what says the same as the last version of its record is not recorded again.
    ///
    /// # Errors
    /// As of [`Ledger::begin`] and [`Writing::append`]; nothing is recorded then.
    pub fn append(&mut self, records: &[New], stamp: &Stamp<'_>) -> Result<Written, Error> {
        self.begin()?.append(records, stamp)
    }

    /// Says that a record does not hold, and never did.
    ///
    /// # Errors
    /// There is no such record, it is withdrawn already, no reason is given, or it cannot be written; nothing is
    /// recorded then.
    pub fn withdraw(
        &mut self,
        kind: &str,
        id: &str,
        reason: &str,
        stamp: &Stamp<'_>,
    ) -> Result<Written, Error> {
        self.withdraw_from(kind, id, None, reason, stamp)
    }

    /// Says that a record holds no more from that time on.
    ///
    /// # Errors
    /// As of [`Ledger::withdraw`].
    pub fn withdraw_from(
        &mut self,
        kind: &str,
        id: &str,
        from: Option<Time>,
        reason: &str,
        stamp: &Stamp<'_>,
    ) -> Result<Written, Error> {
        let mut writing = self.begin()?;
        match writing.ledger().latest(kind, id) {
            // One that is to come can be brought forward: who leaves at the end of the month may have to go today.
            Some(entry)
                if entry.withdrawn.is_some()
                    && from.unwrap_or(Time::MIN) >= entry.valid_from().unwrap_or(Time::MIN) =>
            {
                return Error::refused(
                    match entry.valid_from() {
                        None => format!("{kind} {id} is withdrawn already"),
                        Some(since) => format!("{kind} {id} is withdrawn already, from {since} on"),
                    },
                    "nothing is left to do",
                );
            }
            Some(_) => {}
            None => {
                return Error::refused(
                    format!("there is no {kind} {id}"),
                    format!("`seawall records {kind}` lists those there are"),
                );
            }
        }
        let new = New {
            kind: kind.to_owned(),
            id: id.to_owned(),
            content: Content::Withdrawn(reason.to_owned()),
            valid_from: from,
            valid_until: None,
            attachments: Vec::new(),
        };
        writing.append(&[new], stamp)
    }

    /// How far the file goes by its heads.
    fn standing(&self, file: &File) -> Result<Standing, Error> {
        let length = file
            .metadata()
            .map_err(Error::file("read", self.path()))?
            .len();
        let broken = |what: String| self.broken(what);
        let Heads { head, next } = match Heads::read(&self.folder)? {
            Ok(heads) => heads,
            Err(bad) => return Err(broken(format!("{}: {}", bad.file, bad.what))),
        };
        if length < head.bytes {
            return Err(broken(format!(
                "{FILE} ends at byte {length}, and its head signs {} entries in {} bytes: its end is missing",
                head.seq, head.bytes
            )));
        }
        match next {
            // All lines were there when the write ended: it lacks its last step only.
            Some(next) if length == next.bytes && self.ends_with(file, &head, &next)? => {
                Ok(Standing {
                    head: next,
                    rest: 0,
                    unfinished: true,
                })
            }
            None if length > head.bytes => Err(broken(format!(
                "{FILE} goes on for {} bytes behind entry {}, the last that its head signs: somebody else than Seawall added to it",
                length - head.bytes,
                head.seq
            ))),
            next => Ok(Standing {
                head,
                rest: length - head.bytes,
                unfinished: next.is_some(),
            }),
        }
    }

    /// Whether the file's last bytes are the entries that `next` signs.
    fn ends_with(&self, file: &File, head: &Head, next: &Head) -> Result<bool, Error> {
        let bytes = self.read(file, head.bytes, next.bytes)?;
        let mut tail = Book::default();
        tail.extend(bytes, false);
        Ok(tail.end().0 == next.hash && tail.lines() == next.seq - head.seq)
    }

    /// Reads what others wrote since, up to that head.
    fn catch_up(&mut self, file: &File, head: Head) -> Result<(), Error> {
        let (known, end) = (self.book.bytes(), head.bytes);
        if end < known {
            return Err(self.broken(format!(
                "{FILE} is shorter than it was a moment ago: an older one was put in its place"
            )));
        }
        let bytes = self.read(file, known, end)?;
        if let Some(flaw) = self.book.extend(bytes, false).into_iter().next() {
            return Err(self.broken(format!("{FILE}:{}: {}", flaw.line, flaw.what)));
        }
        if self.book.len() as u64 != head.seq || self.book.end().0 != head.hash {
            return Err(self.broken(format!(
                "{FILE}:{}: its last entry is not the one that the head signs: it was rewritten",
                self.book.lines()
            )));
        }
        self.head = head;
        Ok(())
    }

    fn read(&self, file: &File, from: u64, until: u64) -> Result<Vec<u8>, Error> {
        files::read_between(file, from, until).map_err(Error::file("read", self.path()))
    }

    fn broken(&self, first: String) -> Error {
        Error::Broken {
            folder: self.folder.clone(),
            first,
        }
    }
}

/// Without a time, a withdrawal counts whenever it begins.
fn asked(valid: Option<Time>) -> Asked {
    valid.map_or(Asked::Any { now: Time::MAX }, Asked::At)
}

/// How far a ledger's file goes.
#[derive(Clone, Copy, Debug)]
struct Standing {
    /// The head that holds.
    head: Head,
    /// Bytes behind it, of a write that did not come to its end.
    rest: u64,
    /// A write did not come to its last step.
    unfinished: bool,
}
