//! What can go wrong with a ledger: the step, the file, and what to do.
use std::io;
use std::path::PathBuf;

/// A step that failed. Nothing of it is left in the ledger.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot {step} {path}", path = path.display())]
    File {
        step: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    /// The disk is full, a limit was met: the file is as long as before.
    #[error("nothing was recorded: {path} cannot be written; make room and record it again", path = path.display())]
    NotRecorded { path: PathBuf, source: io::Error },
    #[error(
        "the ledger {folder} is broken, and nothing is read from it or added to it: {first}; `seawall ledger verify` says all that is wrong",
        folder = folder.display()
    )]
    Broken { folder: PathBuf, first: String },
    #[error(
        "{path} is not there, and the ledger has entries that it signed; put it back from a backup",
        path = path.display()
    )]
    NoKey { path: PathBuf },
    #[error("{path} holds no key of a ledger; put it back from a backup", path = path.display())]
    NotAKey { path: PathBuf },
    #[error("{path} holds the key of another ledger: it is not the one that signed this one; put that back from a backup", path = path.display())]
    OtherKey { path: PathBuf },
    #[error("no key can be made: the system gives no random numbers")]
    NoRandomness,
    /// What was to be recorded is off.
    #[error("{what}; {remedy}")]
    Refused { what: String, remedy: String },
    /// What is to be imported is no sound ledger.
    #[error("{path} is no sound export: {first}; ask for another copy", path = path.display())]
    Unsound { path: PathBuf, first: String },
    #[error(
        "nothing was imported: {count} {records} differ here and there, and neither follows the other:\n  {shown}\nrecord here what holds, and import again with what differs left out",
        count = conflicts.len(),
        records = if conflicts.len() == 1 { "record" } else { "records" },
        shown = shown(conflicts)
    )]
    Conflicts { conflicts: Vec<String> },
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
