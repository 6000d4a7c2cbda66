//! The way of new lines to the disk: the head that is to come is signed before they are written.
use std::fs::File;
use std::path::PathBuf;

use facts::Time;

use super::Writing;
use crate::ledger::error::Error;
use crate::ledger::hash::Hash;
use crate::ledger::head::{self, Head};
use crate::ledger::{FILE, files};

/// Lines to be added, and what the last of them is.
pub(super) struct Lines {
    pub(super) text: Vec<u8>,
    pub(super) seq: u64,
    pub(super) hash: Hash,
    pub(super) time: Time,
}

impl Writing<'_> {
    /// Signs the head that is to come.
    pub(super) fn sign(&self, lines: Lines) -> Result<Signed, Error> {
        let Lines {
            text,
            seq,
            hash,
            time,
        } = lines;
        let before = self.ledger.head.bytes;
        let head = Head {
            seq,
            bytes: before + text.len() as u64,
            hash,
            time,
            key: Some(self.next_key.as_ref().unwrap_or(&self.key).public()),
            before: self.next_key.as_ref().map(|_| self.key.public()),
        };
        let signed = match &self.next_key {
            Some(next) => head.sign(next, Some(&self.key)),
            None => head.sign(&self.key, None),
        };
        let signed = match signed {
            Ok(signed) => signed,
            Err(error) => return Error::refused(error.to_string(), "begin another ledger"),
        };
        Ok(Signed {
            folder: self.ledger.folder.clone(),
            before,
            lines: text,
            head,
            signed,
        })
    }
}

/// Lines that are signed for, and not on disk yet.
#[derive(Debug)]
pub(super) struct Signed {
    folder: PathBuf,
    /// Bytes before them.
    before: u64,
    pub(super) lines: Vec<u8>,
    pub(super) head: Head,
    signed: String,
}

impl Signed {
    /// Writes what is to come, then the lines, then moves the head in place, each on disk before the next.
    pub(super) fn put(&self, file: &File) -> Result<(), Error> {
        let (now, next) = (head::path(&self.folder), head::next_path(&self.folder));
        files::replace(&next, self.signed.as_bytes(), files::ALL_READ).map_err(|source| {
            Error::NotRecorded {
                path: next.clone(),
                source,
            }
        })?;
        if let Err(source) = files::append(file, &self.lines) {
            // What cannot be taken back here, the next write sets aside.
            if files::cut(file, self.before).is_ok() {
                files::remove(&next).map_err(Error::file("remove", &next))?;
            }
            let path = self.folder.join(FILE);
            return Err(Error::NotRecorded { path, source });
        }
        // Should this fail, the entries are there and signed for: whoever writes next makes up for the step.
        files::rename(&next, &now).map_err(Error::file("write", &now))
    }
}

/// A write that is made and signed, and waits for the disk: for those who cannot wait themselves. Nobody else writes until it is
/// put there or dropped, and the ledger that it was made for reads it as it reads what others recorded.
#[derive(Debug)]
pub struct Pending {
    pub(super) signed: Signed,
    /// Holds the lock.
    pub(super) file: File,
}

impl Pending {
    /// On disk, all of it or nothing.
    ///
    /// # Errors
    /// What the disk says; nothing is recorded then.
    pub fn put(self) -> Result<(), Error> {
        self.signed.put(&self.file)
    }
}
