//! Taking another ledger's export in. What of it goes where, `ledger/import.rs` plans.
use std::fs;
use std::path::Path;

use super::signed::Lines;
use super::{Writing, attachment, behind, name};
use crate::ledger::Stamp;
use crate::ledger::book::Book;
use crate::ledger::entry::Link;
use crate::ledger::error::Error;
use crate::ledger::hash::{Hash, hex};
use crate::ledger::{import, replacing};

/// What an import did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Entries added.
    pub added: usize,
    /// Records that were known alike.
    pub known: usize,
    /// Attached files brought along.
    pub attachments: usize,
}

impl Writing<'_> {
    /// Brings another ledger's export in: byte by byte into an empty ledger (with an entry behind it where their key was
    /// replaced, since ours signs from then on), else record by record (see
    /// `ledger/import.rs`). `path` is the file; attached files are looked for beside it.
    ///
    /// # Errors
    /// The file cannot be read, is no sound export, or went on from the same record in another way
    /// ([`Error::Conflicts`]). No entry is added then; attached files that were brought in stay.
    pub fn import(&mut self, path: &Path, stamp: &Stamp<'_>) -> Result<Imported, Error> {
        let bytes = fs::read(path).map_err(Error::file("read", path))?;
        let mut theirs = Book::default();
        if let Some(flaw) = theirs.extend(bytes, true).into_iter().next() {
            return Err(Error::Unsound {
                path: path.to_owned(),
                first: format!("line {}: {}", flaw.line, flaw.what),
            });
        }
        let mut imported = Imported {
            attachments: self.bring_attachments(&theirs, path)?,
            ..Imported::default()
        };
        if theirs.len() == 0 {
            return Ok(imported);
        }
        if self.ledger.is_empty() {
            behind(theirs.end().1, stamp.now)?;
            imported.added = theirs.len();
            let (mut text, mut seq) = (theirs.text().to_vec(), theirs.len() as u64);
            let (mut hash, last) = theirs.end();
            let recorded_at = stamp.now.max(last);
            // Where their key was replaced, whoever verifies has to know that it is ours that signs from here on.
            if theirs.entries().any(|entry| entry.kind == replacing::KIND) {
                let before = theirs.latest(replacing::KIND, replacing::ID);
                let link = Link {
                    seq: seq + 1,
                    version: before.map_or(0, |(version, _)| version).saturating_add(1),
                    previous: hash,
                    recorded_at,
                };
                let (line, of_line) = self.begins(hash, link, stamp)?;
                text.extend_from_slice(line.as_bytes());
                text.push(b'\n');
                (seq, hash) = (seq + 1, of_line);
            }
            self.write(Lines {
                text,
                seq,
                hash,
                time: recorded_at,
            })?;
            return Ok(imported);
        }
        let plan = import::plan(&self.ledger.book, &theirs);
        if !plan.conflicts.is_empty() {
            return Err(Error::Conflicts {
                conflicts: plan.conflicts,
            });
        }
        imported.known = plan.known;
        let entries: Vec<_> = plan
            .add
            .iter()
            .filter_map(|index| theirs.entry(*index))
            .collect();
        imported.added = entries.len();
        let drafts: Vec<_> = entries
            .iter()
            .map(|entry| import::draft(entry, &entry.attachments, stamp.means))
            .collect();
        self.add(&drafts, stamp.now)?;
        Ok(imported)
    }

    /// The entry which says that our key signs from here on.
    fn begins(&self, after: Hash, link: Link, stamp: &Stamp<'_>) -> Result<(String, Hash), Error> {
        name("who records", stamp.by)?;
        name("the means", stamp.means)?;
        let body = match replacing::begin_body(&self.key, after) {
            Ok(body) => body,
            Err(error) => return Error::refused(error.to_string(), "begin another ledger"),
        };
        Ok(replacing::draft(&body, stamp).line(link))
    }

    /// Takes in what their entries refer to and is not here yet.
    fn bring_attachments(&mut self, theirs: &Book, path: &Path) -> Result<usize, Error> {
        let beside = path.parent().unwrap_or(Path::new("."));
        let mut brought = 0;
        for entry in theirs.entries() {
            for attached in &entry.attachments {
                let here = attachment(&self.ledger.folder, attached.sha256);
                let there = attachment(beside, attached.sha256);
                let (Some(here), Some(there)) = (here, there) else {
                    return Err(Error::Unsound {
                        path: path.to_owned(),
                        first: format!("entry {}: an attached file has no SHA-256", entry.seq),
                    });
                };
                if here.is_file() {
                    continue;
                }
                let bytes = fs::read(&there).map_err(Error::file("read", &there))?;
                if hex(&Hash::of(&[&bytes]).0) != attached.sha256 {
                    return Err(Error::Unsound {
                        path: there,
                        first: "its content is not that of its name".to_owned(),
                    });
                }
                self.attach(attached.name, &bytes)?;
                brought += 1;
            }
        }
        Ok(brought)
    }
}
