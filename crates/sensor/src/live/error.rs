//! What keeps live capture from starting or going on, and what to do about it.
use std::io;
use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "interface {name}: there is none of that name, there are {there}: check the sensor's `interface` in the site file"
    )]
    NoInterface { name: String, there: String },
    #[error(
        "interface {name}: capturing needs the capability CAP_NET_RAW: start as root, put `AmbientCapabilities=CAP_NET_RAW` into the service, or run `setcap cap_net_raw=ep` on the program"
    )]
    Denied { name: String },
    #[error(
        "interface {name}: its link layer is of type {kind} (ARPHRD_), expected Ethernet (1) or loopback (772): name the Ethernet interface that the mirror port is plugged into"
    )]
    NotEthernet { name: String, kind: u16 },
    #[error("interface {name}: cannot {step}: {remedy}")]
    Interface {
        name: String,
        step: &'static str,
        remedy: &'static str,
        source: io::Error,
    },
    #[error("cannot give up privileges: {step}: {remedy}")]
    Privilege {
        step: String,
        remedy: &'static str,
        #[source]
        source: Option<io::Error>,
    },
    #[error("cannot {step} {}: check that the folder is there, is writable for the user that Seawall runs as, and has room", path.display())]
    Folder {
        step: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    #[error(
        "the sensor's name {name:?} cannot begin a file name: use letters, digits, `-`, `.` and `_` (at most 100) in the site file"
    )]
    SensorName { name: String },
    #[error(
        "{} holds the evidence of {findings} findings, which is the limit: move its files and its index to another folder",
        path.display()
    )]
    EvidenceFull { path: PathBuf, findings: usize },
    #[error(
        "{} holds {bytes} bytes of evidence of open findings, more than `kept_size` of [run] allows: raise it, or move the folder's content elsewhere; until then no more is kept",
        path.display()
    )]
    EvidenceOverBudget { path: PathBuf, bytes: u64 },
    #[error("cannot cut packets out of the ring")]
    Cut(#[from] crate::Error),
}

impl Error {
    pub(super) fn folder(step: &'static str, path: &Path, source: io::Error) -> Error {
        Error::Folder {
            step,
            path: path.to_owned(),
            source,
        }
    }
}
