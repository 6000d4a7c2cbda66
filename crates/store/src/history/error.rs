//! Why history could not be opened, written or read.
use std::path::PathBuf;

/// What went wrong, with the file and what to do. Nothing that was told is lost by a failed write: it is tried again with
/// the next.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the history folder {path} cannot be used: {source}")]
    Folder {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error(
        "{path} is locked: another run writes this history; stop it, or give this one a folder of its own"
    )]
    InUse { path: PathBuf },
    #[error(
        "{path} has history format {found}, this version knows formats up to {known}; run the version that wrote it, or move the file away"
    )]
    Newer {
        path: PathBuf,
        found: u32,
        known: u32,
    },
    #[error(
        "{path} is the history of terminal {found:?}, not of {wanted:?}; give each terminal a folder of its own, or move the old files away"
    )]
    OtherTerminal {
        path: PathBuf,
        found: String,
        wanted: String,
    },
    #[error("{path}: no room on the disk; free some, or keep fewer days of history")]
    Full { path: PathBuf },
    #[error(
        "{path} cannot be written: it or its disk is read-only; see that the sensor's user may write there"
    )]
    ReadOnly { path: PathBuf },
    #[error("{path} is being read by another program; it is written once that is done")]
    Busy { path: PathBuf },
    #[error("{path} is damaged: {message}; restore it from a copy, or move it away")]
    Damaged { path: PathBuf, message: String },
    #[error("{path} cannot be opened, read or written: {message}")]
    Failed { path: PathBuf, message: String },
}

impl Error {
    pub(super) fn of(path: &std::path::Path, error: &rusqlite::Error) -> Error {
        use rusqlite::ErrorCode as Code;
        let path = path.to_owned();
        let message = error.to_string();
        match error.sqlite_error_code() {
            Some(Code::DiskFull) => Error::Full { path },
            Some(Code::ReadOnly) => Error::ReadOnly { path },
            Some(Code::DatabaseBusy | Code::DatabaseLocked) => Error::Busy { path },
            Some(Code::DatabaseCorrupt | Code::NotADatabase) => Error::Damaged { path, message },
            _ => Error::Failed { path, message },
        }
    }
}
