//! Whether a ledger is what was recorded, and if not, where it differs.
use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use facts::Time;
use sha2::{Digest, Sha256};

use super::book::Book;
use super::error::Error;
use super::hash::{Hash, hex};
use super::head::{Head, Heads, NONE};
use super::key::{self, Key};
use super::replacing::{self, Step};
use super::write::attachment;
use super::{FILE, files};

/// Problems that a report holds; those beyond are counted.
const MOST_PROBLEMS: usize = 1000;

const RESTORE: &str = "put the ledger back from a backup or an export, and verify that against a checkpoint kept elsewhere";
const ASK: &str = "find out who can write to the folder; what they added is no record";

/// What is wrong with a ledger: where, what, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Base name of the file.
    pub file: String,
    /// Line of it, from 1; `None` for the file as a whole.
    pub line: Option<u64>,
    /// What is wrong, in lower case and without a full stop.
    pub what: String,
    /// What to do; it stands behind a semicolon.
    pub remedy: &'static str,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}; {}", self.what, self.remedy)
    }
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Entries that could be read.
    pub entries: u64,
    /// Attached files that entries refer to.
    pub attachments: usize,
    /// The signed head, if there is one that can be read.
    pub head: Option<Head>,
    /// In the order of the file.
    pub problems: Vec<Problem>,
    /// Problems beyond those listed.
    pub more: usize,
    /// What is no problem, yet should be known.
    pub notes: Vec<String>,
}

impl Report {
    /// No problem was found; notes may stand all the same.
    pub fn is_sound(&self) -> bool {
        self.problems.is_empty()
    }

    fn add(
        &mut self,
        file: &str,
        line: Option<u64>,
        what: impl Into<String>,
        remedy: &'static str,
    ) {
        if self.problems.len() >= MOST_PROBLEMS {
            self.more += 1;
            return;
        }
        self.problems.push(Problem {
            file: file.to_owned(),
            line,
            what: what.into(),
            remedy,
        });
    }
}

/// Checks every byte of a ledger: each line and its hash, the chain, the signed head, the attached files; and, with a
/// checkpoint, that what it saw is still there. Changes nothing.
///
/// # Errors
/// A file cannot be read. Whatever is wrong with what was read stands in the report.
pub fn verify(folder: &Path, checkpoint: Option<&Head>) -> Result<Report, Error> {
    let mut report = Report::default();
    let path = folder.join(FILE);
    let bytes = match File::open(&path) {
        Ok(mut file) => {
            let mut bytes = Vec::new();
            file.lock_shared()
                .and_then(|()| file.read_to_end(&mut bytes))
                .map_err(Error::file("read", &path))?;
            // The head is read under the same lock, before others may write again.
            heads(folder, &mut report, bytes)?
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            none(folder, &mut report)?;
            return Ok(report);
        }
        Err(error) => return Err(Error::file("read", path)(error)),
    };
    let mut book = Book::default();
    for flaw in book.extend(bytes, true) {
        report.add(FILE, Some(flaw.line), flaw.what, RESTORE);
    }
    report.entries = book.len() as u64;
    held_against_head(&book, &mut report);
    let chain = replacing::chain(&book);
    for (line, what) in chain.wrong {
        report.add(FILE, Some(line), what, RESTORE);
    }
    report.notes.extend(chain.notes);
    let replaced = chain.steps;
    if let (Some(last), Some(head)) = (chain.last, report.head)
        && head.key != Some(last)
    {
        let what = format!(
            "it is signed by another key than {}, the last that took a place in the ledger",
            last.fingerprint()
        );
        report.add(
            "ledger.head",
            None,
            what,
            "if this is an export that was copied in by hand, import it into an empty folder; else put the ledger back from a backup",
        );
    }
    if let Some(checkpoint) = checkpoint {
        held_against_checkpoint(&book, checkpoint, &replaced, &mut report);
    }
    attachments(folder, &book, &mut report)?;
    if key::is_open_to_others(folder) == Some(true) {
        report.add(
            "ledger.key",
            None,
            "others than its owner may read the key, and sign with it",
            "chmod 600 it",
        );
    }
    let signed = report.head.and_then(|head| head.key);
    let wrong = match (signed, Key::read(folder)) {
        (Some(signed), Ok(Some(key))) if key.public() != signed => {
            Some("the key is not the one that signed the head")
        }
        // Who may not read the key can verify all the same.
        (_, Err(Error::NotAKey { .. })) => Some("it is damaged, and can sign nothing"),
        _ => None,
    };
    if let Some(what) = wrong {
        report.add("ledger.key", None, what, "put the key back from a backup");
    }
    Ok(report)
}

/// A folder without entries. That there is nothing is never in order: somebody may have taken it away.
fn none(folder: &Path, report: &mut Report) -> Result<(), Error> {
    match Heads::read(folder)? {
        Ok(Heads { head, .. }) if head == NONE => {
            let what = format!("there is none in {}", folder.display());
            let remedy = "name the ledger's folder, or put it back from a backup if there was one";
            report.add(FILE, None, what, remedy);
        }
        Ok(Heads { head, .. }) => {
            report.head = Some(head);
            report.add(FILE, None, "it is missing", RESTORE);
        }
        Err(bad) => report.add(bad.file, None, bad.what, RESTORE),
    }
    Ok(())
}

/// Reads the heads, and gives back the bytes that count.
fn heads(folder: &Path, report: &mut Report, mut bytes: Vec<u8>) -> Result<Vec<u8>, Error> {
    let length = bytes.len() as u64;
    let Heads { head, next } = match Heads::read(folder)? {
        Ok(heads) => heads,
        Err(bad) => {
            report.add(bad.file, None, bad.what, RESTORE);
            return Ok(bytes);
        }
    };
    report.head = (head != NONE).then_some(head);
    match next {
        _ if length <= head.bytes => {}
        Some(next) if length == next.bytes && ends_with(&bytes, head, next) => {
            report.head = Some(next);
            report.notes.push(format!(
                "{FILE}: the last write lacks its last step only; the next write makes up for it"
            ));
        }
        Some(_) => {
            report.notes.push(format!(
                "{FILE}: its last {} bytes are of a write that did not come to its end; the next write sets them aside",
                length - head.bytes
            ));
            bytes.truncate(usize::try_from(head.bytes).unwrap_or(usize::MAX));
        }
        // Line by line, once they are read.
        None => {}
    }
    Ok(bytes)
}

fn ends_with(bytes: &[u8], head: Head, next: Head) -> bool {
    let tail = usize::try_from(head.bytes)
        .ok()
        .and_then(|at| bytes.get(at..));
    let mut book = Book::default();
    book.extend(tail.unwrap_or_default().to_vec(), false);
    book.end().0 == next.hash && book.lines() == next.seq - head.seq
}

fn held_against_head(book: &Book, report: &mut Report) {
    let Some(head) = report.head else {
        // A head that cannot be read is told already.
        if book.lines() > 0 && report.problems.iter().all(|one| one.file == FILE) {
            let what = "there is none, and the ledger has entries: nothing says how far it went";
            report.add("ledger.head", None, what, RESTORE);
        }
        return;
    };
    if book.bytes() < head.bytes {
        let (lines, seq) = (book.lines(), head.seq);
        let what = if lines < seq {
            format!(
                "it ends after line {lines}, and its head signs {seq} entries: the end is missing"
            )
        } else {
            format!(
                "it has {} bytes, and its head signs {}: some are missing",
                book.bytes(),
                head.bytes
            )
        };
        report.add(FILE, Some(lines), what, RESTORE);
    } else if book.lines() > head.seq {
        let what = format!(
            "it goes on behind entry {}, the last that its head signs",
            head.seq
        );
        report.add(FILE, Some(head.seq + 1), what, ASK);
    } else if book.end().0 != head.hash && report.problems.iter().all(|one| one.file != FILE) {
        let what = format!(
            "its entries fit each other, and the last is not the one that the head signed at {}: they were written anew",
            head.time
        );
        report.add(FILE, Some(head.seq), what, RESTORE);
    }
}

fn held_against_checkpoint(book: &Book, checkpoint: &Head, replaced: &[Step], report: &mut Report) {
    let same_key = report.head.is_none_or(|head| head.key == checkpoint.key);
    let earlier = replaced.iter().any(|step| Some(step.old) == checkpoint.key);
    if !same_key && earlier {
        report.notes.push(
            "the checkpoint is signed by an earlier key of this ledger, which was replaced since"
                .to_owned(),
        );
    } else if !same_key {
        report.notes.push(
            "the checkpoint is signed by the key of another installation; its hash was compared all the same"
                .to_owned(),
        );
    }
    let Some(seq) = checkpoint.seq.checked_sub(1) else {
        return;
    };
    let entry = usize::try_from(seq)
        .ok()
        .and_then(|index| book.entry(index));
    match entry.and_then(|entry| entry.hash()) {
        None => report.add(
            FILE,
            Some(book.lines()),
            format!(
                "it ends after entry {}, and the checkpoint of {} saw {}: the end is missing, an older ledger was put in its place",
                book.len(),
                checkpoint.time,
                checkpoint.seq
            ),
            RESTORE,
        ),
        Some(hash) if hash != checkpoint.hash => report.add(
            FILE,
            Some(checkpoint.seq),
            format!(
                "entry {} is not the one that the checkpoint of {} saw: it or one before it was written anew",
                checkpoint.seq, checkpoint.time
            ),
            RESTORE,
        ),
        Some(_) => {}
    }
}

/// Every attached file, once: whether it is there and still what it was.
fn attachments(folder: &Path, book: &Book, report: &mut Report) -> Result<(), Error> {
    let mut named: BTreeMap<String, (u64, String)> = BTreeMap::new();
    for entry in book.with_attachments() {
        for attached in &entry.attachments {
            let record = format!("{} {}", entry.kind, entry.id);
            let of = (entry.seq, record);
            named.entry(attached.sha256.to_owned()).or_insert(of);
        }
    }
    report.attachments = named.len();
    for (sha256, (seq, record)) in &named {
        let path = attachment(folder, sha256);
        let file = format!("attachments/{sha256}");
        match path.map(|path| digest(&path)) {
            None => {
                let what =
                    format!("entry {seq} ({record}) names an attached file that is no SHA-256");
                report.add(FILE, Some(*seq), what, RESTORE);
            }
            Some(Err(error)) if error.kind() == io::ErrorKind::NotFound => {
                let what = format!("the file is missing; entry {seq} ({record}) refers to it");
                report.add(&file, None, what, "put the file back from a backup");
            }
            Some(Err(error)) => {
                let what = format!("the file of entry {seq} ({record}) cannot be read: {error}");
                report.add(&file, None, what, "let this user read it");
            }
            Some(Ok(found)) if found != *sha256 => {
                let what = format!(
                    "the file of entry {seq} ({record}) was changed: its content is not that of its name"
                );
                report.add(&file, None, what, "put the file back from a backup");
            }
            Some(Ok(_)) => {}
        }
    }
    let there = match fs::read_dir(folder.join("attachments")) {
        Ok(there) => there.flatten().map(|file| file.file_name()).collect(),
        Err(_) => Vec::new(),
    };
    let mut unnamed: Vec<String> = there
        .iter()
        .map(|name| name.to_string_lossy().into_owned())
        .filter(|name| !named.contains_key(name))
        .collect();
    unnamed.sort();
    match unnamed.as_slice() {
        [] => {}
        [one] => report
            .notes
            .push(format!("attachments/{one} belongs to no entry")),
        [first, others @ ..] => report.notes.push(format!(
            "attachments/{first} and {} more files there belong to no entry",
            others.len()
        )),
    }
    let torn = files::count(folder, "ledger.torn-").map_err(Error::file("read", folder))?;
    if torn > 0 {
        report.notes.push(format!(
            "{torn} ends of writes that did not come to their end are kept as ledger.torn-N; nothing of them counts"
        ));
    }
    Ok(())
}

/// The hash of a file, read piece by piece: an attachment may be larger than memory.
fn digest(path: &PathBuf) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex(&Hash(hash.finalize().into()).0)),
            read => hash.update(buffer.get(..read).unwrap_or_default()),
        }
    }
}

impl fmt::Display for Report {
    /// As `seawall ledger verify` prints it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.problems {
            writeln!(f, "{problem}")?;
        }
        if self.more > 0 {
            writeln!(f, "and {} problems more", self.more)?;
        }
        for note in &self.notes {
            writeln!(f, "note: {note}")?;
        }
        let verdict = if self.is_sound() { "sound" } else { "BROKEN" };
        let time = |head: &Head| (head.time > Time::MIN).then(|| head.time.to_string());
        let signed = self.head.as_ref().and_then(time);
        let signed = signed.map_or("unsigned".to_owned(), |time| format!("signed {time}"));
        writeln!(
            f,
            "{verdict}: {} {}, {} attached file{}, {signed}",
            self.entries,
            if self.entries == 1 {
                "entry"
            } else {
                "entries"
            },
            self.attachments,
            if self.attachments == 1 { "" } else { "s" }
        )
    }
}
