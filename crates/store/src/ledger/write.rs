//! Writing: one at a time, whole or not at all.
mod merging;
mod signed;

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use facts::Time;
use serde_json::Value;

pub use self::merging::Imported;
use self::signed::Lines;
pub use self::signed::Pending;
use super::book::MOST_ENTRIES;
use super::entry::{Attached, Draft, LONGEST, Link};
use super::error::Error;
use super::hash::{Hash, from_hex, hex};
use super::head::{self, NONE};
use super::key::{Key, Public};
use super::{Attachment, Content, Ledger, New, Stamp, canon, files, replacing};

/// The longest id, name or means, in bytes.
const LONGEST_NAME: usize = 200;
/// Most files of one entry.
const MOST_ATTACHMENTS: usize = 100;
/// The largest file taken in, in bytes.
const LARGEST_ATTACHMENT: u64 = 4 << 30;
/// Torn ends kept aside; beyond that, something is wrong with the machine.
const MOST_TORN: u32 = 1000;

/// How far the last entry may lie in the future, in nanoseconds: a day, as clocks of two time zones may differ.
const MOST_AHEAD: i64 = 86_400_000_000_000;

/// What was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Numbers of the new entries, first and last.
    pub entries: Option<(u64, u64)>,
    /// Records that said the same already.
    pub unchanged: usize,
}

/// Keys of which one took the place of the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replaced {
    /// Public half of the key that signed so far.
    pub old: Public,
    /// Public half of the key that signs from now on.
    pub new: Public,
}

/// A ledger while this program alone may write to it. Dropping it lets others.
#[derive(Debug)]
pub struct Writing<'a> {
    ledger: &'a mut Ledger,
    /// Holds the lock.
    file: File,
    key: Key,
    /// The key that takes the place of `key` with the next write.
    next_key: Option<Key>,
}

impl Ledger {
    /// Waits until no other writes, reads what they wrote, and sets aside what a crash left. Makes the folder and its key
    /// where there is none.
    ///
    /// # Errors
    /// The folder cannot be made, read or locked, the ledger is broken, or its key is gone or another's; nothing was
    /// added then.
    pub fn begin(&mut self) -> Result<Writing<'_>, Error> {
        let file = self.open_to_write()?;
        file.lock().map_err(Error::file("lock", self.path()))?;
        self.begun(file)
    }

    /// As [`Ledger::begin`], but for those who cannot wait: `None` while another writes.
    ///
    /// # Errors
    /// As of [`Ledger::begin`].
    pub fn try_begin(&mut self) -> Result<Option<Writing<'_>>, Error> {
        let file = self.open_to_write()?;
        match file.try_lock() {
            Ok(()) => self.begun(file).map(Some),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(source)) => Err(Error::file("lock", self.path())(source)),
        }
    }

    fn open_to_write(&self) -> Result<File, Error> {
        let (folder, path) = (self.folder.clone(), self.path());
        if !folder.is_dir() {
            fs::create_dir_all(&folder)
                .and_then(|()| files::sync_folder_of(&folder))
                .map_err(Error::file("make", &folder))?;
        }
        OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(&path)
            .map_err(Error::file("open", &path))
    }

    /// Reads what others wrote, now that the file is locked.
    fn begun(&mut self, file: File) -> Result<Writing<'_>, Error> {
        let (folder, path) = (self.folder.clone(), self.path());
        let standing = self.standing(&file)?;
        if standing.rest > 0 {
            let aside = set_aside(&file, &folder, standing.head.bytes)
                .map_err(Error::file("set aside the torn end of", &path))?;
            self.notes.push(format!(
                "{}: a write did not come to its end; its {} bytes were set aside in {}, and nothing of it counts",
                path.display(),
                standing.rest,
                aside.display()
            ));
        }
        let (now, next) = (head::path(&folder), head::next_path(&folder));
        if standing.unfinished && head::signed_path(&folder, &standing.head)? == next {
            files::rename(&next, &now).map_err(Error::file("write", &now))?;
        } else {
            files::remove(&next).map_err(Error::file("remove", &next))?;
        }
        self.catch_up(&file, standing.head)?;
        Key::settle(&folder, self.head.key)?;
        let key = match Key::read(&folder)? {
            Some(key) if self.head.key.is_none_or(|signed| signed == key.public()) => key,
            Some(_) => {
                return Err(Error::OtherKey {
                    path: folder.join("ledger.key"),
                });
            }
            None if self.head == NONE => Key::make(&folder)?,
            None => {
                return Err(Error::NoKey {
                    path: folder.join("ledger.key"),
                });
            }
        };
        Ok(Writing {
            ledger: self,
            file,
            key,
            next_key: None,
        })
    }
}

/// Moves what stands behind the head into a file of its own. It is copied before it is cut off.
fn set_aside(mut file: &File, folder: &Path, from: u64) -> io::Result<PathBuf> {
    let mut torn = Vec::new();
    file.seek(SeekFrom::Start(from))?;
    file.read_to_end(&mut torn)?;
    let aside = (1..=MOST_TORN)
        .map(|number| folder.join(format!("ledger.torn-{number}")))
        .find(|path| !path.exists())
        .ok_or_else(|| io::Error::other("too many torn ends are kept in the folder"))?;
    files::replace(&aside, &torn, files::OWNER_ALONE)?;
    files::cut(file, from)?;
    Ok(aside)
}

impl Writing<'_> {
    /// The ledger as it is while nobody else can change it.
    pub fn ledger(&self) -> &Ledger {
        self.ledger
    }

    /// Records all of it or nothing; what says the same as the last version of its record is not recorded again.
    ///
    /// # Errors
    /// [`Error::Refused`] where a record cannot stand as it is (its kind, id, times, body, attachments or reason),
    /// or the clock is more than a day behind the last entry; else the step that failed. Nothing is recorded then.
    pub fn append(&mut self, records: &[New], stamp: &Stamp<'_>) -> Result<Written, Error> {
        let (written, lines) = self.made(records, stamp)?;
        lines.map_or(Ok(()), |lines| self.write(lines))?;
        Ok(written)
    }

    /// The same, for those who cannot wait for the disk: what is to be put there. `None` where all is said already.
    ///
    /// # Errors
    /// As of [`Writing::append`]; nothing is on disk yet.
    pub fn prepare(self, records: &[New], stamp: &Stamp<'_>) -> Result<Option<Pending>, Error> {
        let lines = self.made(records, stamp)?.1;
        let signed = lines.map(|lines| self.sign(lines)).transpose()?;
        let file = self.file;
        Ok(signed.map(|signed| Pending { signed, file }))
    }

    fn made(&self, records: &[New], stamp: &Stamp<'_>) -> Result<(Written, Option<Lines>), Error> {
        name("who records", stamp.by)?;
        name("the means", stamp.means)?;
        let bodies = records
            .iter()
            .map(|new| self.checked(new))
            .collect::<Result<Vec<_>, _>>()?;
        let attached: Vec<Vec<Attached<'_>>> = records
            .iter()
            .map(|new| new.attachments.iter().map(Attachment::as_entry).collect())
            .collect();
        let drafts: Vec<Draft<'_>> = records
            .iter()
            .zip(&bodies)
            .zip(&attached)
            .map(|((new, body), attachments)| Draft {
                kind: &new.kind,
                id: &new.id,
                body: body.as_deref(),
                withdrawn: match &new.content {
                    Content::Withdrawn(reason) => Some(reason),
                    Content::Body(_) => None,
                },
                valid_from: new.valid_from,
                valid_until: new.valid_until,
                attachments,
                by: stamp.by,
                means: stamp.means,
                origin: None,
            })
            .collect();
        self.lines(&drafts, stamp.now)
    }

    /// The canonical body, or what is wrong.
    fn checked(&self, new: &New) -> Result<Option<String>, Error> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if new.kind.is_empty() || !new.kind.chars().all(plain) {
            return Error::refused(
                format!("{:?} is no kind of record", new.kind),
                "kinds are written in lower-case letters, digits and dashes",
            );
        }
        name("the kind", &new.kind)?;
        name("the id", &new.id)?;
        if let (Some(from), Some(until)) = (new.valid_from, new.valid_until)
            && until <= from
        {
            return Error::refused(
                format!(
                    "{} {} would be valid until {until}, which is not after {from}",
                    new.kind, new.id
                ),
                "give a later end, or leave it out",
            );
        }
        if new.attachments.len() > MOST_ATTACHMENTS {
            return Error::refused(
                format!(
                    "{} {} has more than {MOST_ATTACHMENTS} files",
                    new.kind, new.id
                ),
                "pack them into one",
            );
        }
        for attached in &new.attachments {
            if let Some(file) = &attached.name {
                name("the name of an attached file", file)?;
            }
            let path = attachment(self.ledger.folder(), &attached.sha256);
            if path.is_none_or(|path| !path.is_file()) {
                return Error::refused(
                    format!("no file {} is attached", attached.sha256),
                    "take the file in first",
                );
            }
        }
        match &new.content {
            Content::Withdrawn(reason) if reason.trim().is_empty() => Error::refused(
                format!(
                    "{} {} would be withdrawn without a reason",
                    new.kind, new.id
                ),
                "say why",
            ),
            Content::Withdrawn(_) if new.valid_until.is_some() => Error::refused(
                format!(
                    "{} {} would be withdrawn for a while only",
                    new.kind, new.id
                ),
                "record it again, with the time from when on it holds",
            ),
            Content::Withdrawn(_) => Ok(None),
            Content::Body(body) => match canon::text(&Value::Object(body.clone())) {
                Ok(text) => Ok(Some(text)),
                Err(error) => Error::refused(
                    format!("{} {}: {error}", new.kind, new.id),
                    "write fractions and larger numbers as text",
                ),
            },
        }
    }

    /// Takes a file in, under its hash. A file that is there already stays as it is.
    ///
    /// # Errors
    /// The file is larger than 4 GiB, or cannot be written.
    pub fn attach(&mut self, name: Option<&str>, bytes: &[u8]) -> Result<Attachment, Error> {
        let sha256 = hex(&Hash::of(&[bytes]).0);
        let named = Attachment {
            name: name.map(str::to_owned),
            sha256,
        };
        if bytes.len() as u64 > LARGEST_ATTACHMENT {
            return Error::refused(
                "the file is larger than 4 GiB",
                "attach a list of its parts",
            );
        }
        let folder = self.ledger.folder.join("attachments");
        fs::create_dir_all(&folder).map_err(Error::file("make", &folder))?;
        let path = folder.join(&named.sha256);
        // One that somebody changed is put right by its own content.
        if files::read(&path)
            .map_err(Error::file("read", &path))?
            .as_deref()
            != Some(bytes)
        {
            files::replace(&path, bytes, files::ALL_READ)
                .map_err(|source| Error::NotRecorded { path, source })?;
            files::sync_folder_of(&folder).map_err(Error::file("write", &folder))?;
        }
        Ok(named)
    }

    /// Puts a new key in the place of the one that signs. Both sign the entry that says so, and the head behind it; from then
    /// on the old one signs nothing, and is gone from the folder.
    ///
    /// # Errors
    /// The ledger has no entries, no reason is given, or a file cannot be written: the old key goes on signing then.
    pub fn replace_key(&mut self, reason: &str, stamp: &Stamp<'_>) -> Result<Replaced, Error> {
        name("who records", stamp.by)?;
        if self.ledger.is_empty() {
            return Error::refused(
                "the ledger has no entries, and its key has signed nothing",
                "record something first, or remove the folder",
            );
        }
        if reason.trim().is_empty() {
            return Error::refused("the key would be replaced without a reason", "say why");
        }
        let next = Key::make_next(&self.ledger.folder)?;
        let replaced = Replaced {
            old: self.key.public(),
            new: next.public(),
        };
        let body = replacing::body(&self.key, &next, self.ledger.head.hash, reason);
        let text = match body.and_then(|body| canon::text(&Value::Object(body))) {
            Ok(text) => text,
            Err(error) => {
                return Error::refused(error.to_string(), "write the reason in plain words");
            }
        };
        self.next_key = Some(next);
        let added = self.add(&[replacing::draft(&text, stamp)], stamp.now);
        // Had it failed before the head was in place, the old key goes on.
        self.next_key = None;
        added?;
        Ok(replaced)
    }

    fn add(&mut self, drafts: &[Draft<'_>], now: Time) -> Result<Written, Error> {
        let (written, lines) = self.lines(drafts, now)?;
        lines.map_or(Ok(()), |lines| self.write(lines))?;
        Ok(written)
    }

    /// What is to be written of them; nothing where all is said already.
    fn lines(&self, drafts: &[Draft<'_>], now: Time) -> Result<(Written, Option<Lines>), Error> {
        let book = &self.ledger.book;
        let (mut previous, last) = book.end();
        behind(last, now)?;
        // The clock may step back; what was recorded later stays later.
        let recorded_at = now.max(last);
        let first = book.len() as u64 + 1;
        let mut seq = first;
        let mut text = String::new();
        let mut written = Written::default();
        // What this very write says of a record counts as its last version.
        let mut versions = std::collections::HashMap::new();
        for draft in drafts {
            let before = versions.get(&(draft.kind, draft.id)).copied();
            let latest = book.latest(draft.kind, draft.id);
            let is_said = match (before, &latest) {
                (Some((_, said)), _) => draft.says_the_same(said),
                (None, Some((_, entry))) => draft.is_said_by(entry),
                (None, None) => false,
            };
            if is_said {
                written.unchanged += 1;
                continue;
            }
            let last = before
                .map(|(version, _)| version)
                .or(latest.map(|(version, _)| version));
            let version = last.unwrap_or(0).saturating_add(1);
            versions.insert((draft.kind, draft.id), (version, draft));
            let link = Link {
                seq,
                version,
                previous,
                recorded_at,
            };
            let (line, hash) = draft.line(link);
            if line.len() > LONGEST {
                return Error::refused(
                    format!("{} {} takes {} bytes", draft.kind, draft.id, line.len()),
                    format!("an entry takes at most {LONGEST}; attach what is long as a file"),
                );
            }
            text.push_str(&line);
            text.push('\n');
            (previous, seq) = (hash, seq + 1);
        }
        if seq == first {
            return Ok((written, None));
        }
        if seq > MOST_ENTRIES as u64 {
            return Error::refused(
                format!(
                    "the ledger holds {} entries, and at most {MOST_ENTRIES}",
                    first - 1
                ),
                "begin another ledger",
            );
        }
        written.entries = Some((first, seq - 1));
        let lines = Lines {
            text: text.into_bytes(),
            seq: seq - 1,
            hash: previous,
            time: recorded_at,
        };
        Ok((written, Some(lines)))
    }

    /// Adds the lines, on disk before it ends.
    fn write(&mut self, lines: Lines) -> Result<(), Error> {
        let signed = self.sign(lines)?;
        signed.put(&self.file)?;
        let flaws = self.ledger.book.extend(signed.lines, false);
        self.ledger.head = signed.head;
        if let Some(next) = self.next_key.take() {
            self.key = next;
            Key::settle(&self.ledger.folder, signed.head.key)?;
        }
        match flaws.into_iter().next() {
            Some(flaw) => Err(self.ledger.broken(flaw.what)),
            None => Ok(()),
        }
    }
}

impl Attachment {
    fn as_entry(&self) -> Attached<'_> {
        Attached {
            name: self.name.as_deref(),
            sha256: &self.sha256,
        }
    }
}

/// Where a file of that hash lies; `None` if it is no hash.
pub(super) fn attachment(folder: &Path, sha256: &str) -> Option<PathBuf> {
    let _: [u8; 32] = from_hex(sha256)?;
    Some(folder.join("attachments").join(sha256))
}

/// What is recorded behind an entry of the future would be of the future too, and nothing that asks for what is known now
/// would see it.
fn behind(last: Time, now: Time) -> Result<(), Error> {
    if last.since(now) <= MOST_AHEAD {
        return Ok(());
    }
    Error::refused(
        format!(
            "the last entry was recorded at {last}, and it is {now} now: what is recorded now would count from then on only"
        ),
        "set the machine's clock if it is behind; if it was ahead when that was recorded, put the ledger back from a backup of before and record again what came since",
    )
}

/// Names stand in the line as they are, so that a line can be read with the eye and with `grep`.
fn name(what: &str, text: &str) -> Result<(), Error> {
    let odd = |c: char| c.is_control() || matches!(c, '"' | '\\' | '\u{2028}' | '\u{2029}');
    if text.trim() != text || text.is_empty() || text.len() > LONGEST_NAME || text.contains(odd) {
        return Error::refused(
            format!("{what} is {text:?}"),
            format!(
                "write 1 to {LONGEST_NAME} bytes in one line, without blanks at the ends, quotation marks and backslashes"
            ),
        );
    }
    Ok(())
}
