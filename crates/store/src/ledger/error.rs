//! What can go wrong with a ledger: the step, the file, and what to do.
use std::io;
use std::path::PathBuf;

/// A step that failed. Nothing of it is left in the ledger.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder of the ledger cannot be used.
    #[error("cannot {step} {path}", path = path.display())]
    File {
        /// What was tried, to stand after "cannot".
        step: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The disk is full, a limit was met: the file is as long as before.
    #[error("nothing was recorded: {path} cannot be written; make room and record it again", path = path.display())]
    NotRecorded {
        /// The file that cannot be written.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The chain, the head or the keys do not fit each other.
    #[error(
        "the ledger {folder} is broken, and nothing is read from it or added to it: {first}; `seawall ledger verify` says all that is wrong",
        folder = folder.display()
    )]
    Broken {
        /// Folder of the ledger.
        folder: PathBuf,
        /// The first thing that is wrong.
        first: String,
    },
    /// The private key that signed the ledger is gone.
    #[error(
        "{path} is not there, and the ledger has entries that it signed; put it back from a backup",
        path = path.display()
    )]
    NoKey {
        /// Where it should be.
        path: PathBuf,
    },
    /// The file of the key holds something else.
    #[error("{path} holds no key of a ledger; put it back from a backup", path = path.display())]
    NotAKey {
        /// The file.
        path: PathBuf,
    },
    /// The key is not the one that signed the ledger's head.
    #[error("{path} holds the key of another ledger: it is not the one that signed this one; put that back from a backup", path = path.display())]
    OtherKey {
        /// The file.
        path: PathBuf,
    },
    /// The system's source of random numbers fails, so that no key is made.
    #[error("no key can be made: the system gives no random numbers")]
    NoRandomness,
    /// What was to be recorded is off.
    #[error("{what}; {remedy}")]
    Refused {
        /// What cannot be recorded, and why.
        what: String,
        /// What to do.
        remedy: String,
    },
    /// What is to be imported is no sound ledger.
    #[error("{path} is no sound export: {first}; ask for another copy", path = path.display())]
    Unsound {
        /// The file that was to be imported.
        path: PathBuf,
        /// The first thing that is wrong.
        first: String,
    },
    /// Both ledgers went on from the same version of a record, each in its own way.
    #[error(
        "nothing was imported: {count} {records} differ here and there, and neither follows the other:\n  {shown}\nrecord here what holds, and import again with what differs left out",
        count = conflicts.len(),
        records = if conflicts.len() == 1 { "record" } else { "records" },
        shown = shown(conflicts)
    )]
    Conflicts {
        /// A line per record, saying what stands here and there.
        conflicts: Vec<String>,
    },
}

/// The first few, one a line.
fn shown(conflicts: &[String]) -> String {
    const MOST: usize = 20;
    let mut lines: Vec<&str> = conflicts.iter().take(MOST).map(String::as_str).collect();
    if conflicts.len() > MOST {
        lines.push("…");
    }
    lines.join("\n  ")
}

impl Error {
    pub(super) fn file(
        step: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Error {
        let path = path.into();
        move |source| Error::File { step, path, source }
    }

    pub(super) fn refused<T>(
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Result<T, Error> {
        Err(Error::Refused {
            what: what.into(),
            remedy: remedy.into(),
        })
    }
}
