//! What keeps a capture from being read at all. Damage inside a capture is no error: it stands in its summary.
use std::io;
use std::path::{Path, PathBuf};

/// A capture that cannot be read, or a file that cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be opened, or is not there.
    #[error("cannot open {}: check the path and the permission to read it", path.display())]
    Open {
        /// The file, as it was named.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file was opened, and reading its bytes failed.
    #[error("cannot read {}: check the disk or share that it lies on", path.display())]
    Read {
        /// The file, as it was named.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The folder cannot be listed.
    #[error("cannot list the folder {}: check the permission to read it", path.display())]
    List {
        /// The folder, as it was named.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A pipe, a device or a folder where a file was expected.
    #[error("{} is not a regular file: write the capture to a file first, and name that", path.display())]
    NotAFile {
        /// What was named.
        path: PathBuf,
    },
    /// The file has no bytes.
    #[error("{} is empty: expected a pcap or pcapng capture; check that the capture was written and copied whole", path.display())]
    Empty {
        /// The file, as it was named.
        path: PathBuf,
    },
    /// The file is something else than a capture, by its first bytes.
    #[error(
        "{} is not a capture that can be read: found {found}; expected pcap or pcapng, plain or compressed with gzip or zstd; {remedy}",
        path.display()
    )]
    NotACapture {
        /// The file, as it was named.
        path: PathBuf,
        /// What it is instead, as far as its first bytes tell.
        found: String,
        /// What to do about that.
        remedy: String,
    },
    /// A file cannot be made or written.
    #[error("cannot write {}: check that the folder exists and has room", path.display())]
    Write {
        /// The file that was to be written.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl Error {
    /// The reason alone, for a list that names the path already.
    pub(crate) fn reason(&self) -> String {
        match self {
            Error::Open { source, .. } => format!("cannot be opened: {source}"),
            Error::Read { source, .. } => format!("cannot be read: {source}"),
            Error::List { source, .. } => format!("cannot be listed: {source}"),
            Error::NotAFile { .. } => "not a regular file".to_owned(),
            Error::Empty { .. } => "empty".to_owned(),
            Error::NotACapture { found, .. } => format!("not a capture: {found}"),
            Error::Write { source, .. } => format!("cannot be written: {source}"),
        }
    }

    pub(crate) fn read(path: &Path, source: io::Error) -> Error {
        Error::Read {
            path: path.to_owned(),
            source,
        }
    }
}
