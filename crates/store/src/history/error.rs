//! Why history could not be opened, written or read.
use std::path::{Path, PathBuf};

/// What went wrong, with the file and what to do. Nothing that was told is lost by a failed write: it is tried again with
/// the next.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The folder cannot be made, listed or locked.
    #[error("the history folder {path} cannot be used: {source}")]
    Folder {
        /// The folder, or its lock file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Another process writes this folder.
    #[error(
        "{path} is locked: another run writes this history; stop it, or give this one a folder of its own"
    )]
    InUse {
        /// The lock file.
        path: PathBuf,
    },
    /// The file was written by a later version; it is left as it is.
    #[error(
        "{path} has history format {found}, this version knows formats up to {known}; run the version that wrote it, or move the file away"
    )]
    Newer {
        /// The file of a day.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The latest format that this version reads.
        known: u32,
    },
    /// The folder belongs to another terminal; nothing of it is changed.
    #[error(
        "{path} is the history of terminal {found:?}, not of {wanted:?}; give each terminal a folder of its own, or move the old files away"
    )]
    OtherTerminal {
        /// The file of a day.
        path: PathBuf,
        /// The terminal that the file names.
        found: String,
        /// The terminal that was asked for.
        wanted: String,
    },
    /// The disk is full; what was to be written waits for the next write.
    #[error("{path}: no room on the disk; free some, or keep fewer days of history")]
    Full {
        /// The file of a day.
        path: PathBuf,
    },
    /// The file or its disk may not be written.
    #[error(
        "{path} cannot be written: it or its disk is read-only; see that the sensor's user may write there"
    )]
    ReadOnly {
        /// The file of a day.
        path: PathBuf,
    },
    /// Somebody reads the file and keeps it locked; the next write tries again.
    #[error("{path} is being read by another program; it is written once that is done")]
    Busy {
        /// The file of a day.
        path: PathBuf,
    },
    /// The file is no sound database.
    #[error("{path} is damaged: {message}; restore it from a copy, or move it away")]
    Damaged {
        /// The file of a day.
        path: PathBuf,
        /// What SQLite says.
        message: String,
    },
    /// Any other failure.
    #[error("{path} cannot be opened, read or written: {message}")]
    Failed {
        /// The file of a day.
        path: PathBuf,
        /// What SQLite or the system says.
        message: String,
    },
}

impl Error {
    pub(super) fn of(path: &Path, error: &rusqlite::Error) -> Error {
        use rusqlite::ErrorCode as Code;
        let path = path.to_owned();
        let message = error.to_string();
        match error.sqlite_error_code() {
            Some(Code::DiskFull) => Error::Full { path },
            Some(Code::ReadOnly) => Error::ReadOnly { path },
            Some(Code::DatabaseBusy | Code::DatabaseLocked) => Error::Busy { path },
            Some(Code::DatabaseCorrupt | Code::NotADatabase) => Error::Damaged { path, message },
            // A disk that became read-only while the file was open gives errors of reading and writing.
            Some(Code::SystemIoFailure) if is_read_only(&path) => Error::ReadOnly { path },
            _ => Error::Failed { path, message },
        }
    }
}

fn is_read_only(path: &Path) -> bool {
    let opened = std::fs::OpenOptions::new().append(true).open(path);
    opened.is_err_and(|error| error.kind() == std::io::ErrorKind::ReadOnlyFilesystem)
}
