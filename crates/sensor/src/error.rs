//! What keeps a capture from being read at all. Damage inside a capture is no error: it stands in its summary.
use std::io;
use std::path::{Path, PathBuf};

/// A capture that cannot be read, or a file that cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot open {}: check the path and the permission to read it", path.display())]
    Open { path: PathBuf, source: io::Error },
    #[error("cannot read {}: check the disk or share that it lies on", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot list the folder {}: check the permission to read it", path.display())]
    List { path: PathBuf, source: io::Error },
    #[error("{} is not a regular file: write the capture to a file first, and name that", path.display())]
    NotAFile { path: PathBuf },
    #[error("{} is empty: expected a pcap or pcapng capture; check that the capture was written and copied whole", path.display())]
    Empty { path: PathBuf },
    #[error(
        "{} is not a capture that can be read: found {found}; expected pcap or pcapng, plain or compressed with gzip or zstd; {remedy}",
        path.display()
    )]
    NotACapture {
        path: PathBuf,
        found: String,
        remedy: String,
    },
    #[error("cannot write {}: check that the folder exists and has room", path.display())]
    Write { path: PathBuf, source: io::Error },
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
