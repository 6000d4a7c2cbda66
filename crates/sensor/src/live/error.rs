//! What keeps live capture from starting or going on, and what to do about it.
use std::io;
use std::path::{Path, PathBuf};

/// Each says what was tried, where, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No interface of that name, and it is not to be waited for.
    #[error(
        "interface {name}: there is none of that name, there are {there}: check the sensor's `interface` in the site file"
    )]
    NoInterface {
        /// The interface, as the site file names it.
        name: String,
        /// The interfaces that there are, in words.
        there: String,
    },
    /// The process may not capture.
    #[error(
        "interface {name}: capturing needs the capability CAP_NET_RAW: start as root, put `AmbientCapabilities=CAP_NET_RAW` into the service, or run `setcap cap_net_raw=ep` on the program"
    )]
    Denied {
        /// The interface.
        name: String,
    },
    /// The interface has a link layer that is not captured.
    #[error(
        "interface {name}: its link layer is of type {kind} (ARPHRD_), expected Ethernet (1) or loopback (772): name the Ethernet interface that the mirror port is plugged into"
    )]
    NotEthernet {
        /// The interface.
        name: String,
        /// ARPHRD_ number of linux/if_arp.h.
        kind: u16,
    },
    /// A call on the interface failed.
    #[error("interface {name}: cannot {step}: {remedy}")]
    Interface {
        /// The interface.
        name: String,
        /// What was tried, to stand after "cannot".
        step: &'static str,
        /// What to do about it.
        remedy: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// Privileges could not be given up; the process is not to go on with those that it has.
    #[error("cannot give up privileges: {step}: {remedy}")]
    Privilege {
        /// What failed, or what is still too much.
        step: String,
        /// What to do about it.
        remedy: &'static str,
        /// What the system says; `None` where the check afterwards found it.
        #[source]
        source: Option<io::Error>,
    },
    /// A folder or file of the ring or of the kept evidence cannot be used.
    #[error("cannot {step} {}: check that the folder is there, is writable for the user that Seawall runs as, and has room", path.display())]
    Folder {
        /// What was tried, to stand after "cannot" and before the path.
        step: &'static str,
        /// The folder or file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A folder into which captures come cannot be looked at.
    #[error("cannot list {}: check that the folder is there, and that the user that Seawall runs as may read it", path.display())]
    Watched {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// File names of segments begin with the sensor's name, and this one cannot.
    #[error(
        "the sensor's name {name:?} cannot begin a file name: use letters, digits, `-`, `.` and `_` (at most 100) in the site file"
    )]
    SensorName {
        /// The name that was given.
        name: String,
    },
    /// No evidence of a further finding is kept.
    #[error(
        "{} holds the evidence of {findings} findings, which is the limit: move its files and its index to another folder",
        path.display()
    )]
    EvidenceFull {
        /// Folder of the kept evidence.
        path: PathBuf,
        /// Findings that it holds evidence of.
        findings: usize,
    },
    /// No further evidence is kept until the folder is within its budget.
    #[error(
        "{} holds {bytes} bytes of evidence of open findings, more than `kept_size` of [run] allows: raise it, or move the folder's content elsewhere; until then no more is kept",
        path.display()
    )]
    EvidenceOverBudget {
        /// Folder of the kept evidence.
        path: PathBuf,
        /// Bytes that its captures take.
        bytes: u64,
    },
    /// A segment that was to be cut from cannot be read.
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
