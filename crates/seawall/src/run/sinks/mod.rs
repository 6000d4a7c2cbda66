//! Where events go: the journal, a file, a log server. Siblings, all alike: a [`Sink`] takes events and says what it lost.
//!
//! No sink ever holds up who calls it: the file is local, and what goes over a network or to whoever reads standard error is
//! queued, bounded, and sent by a thread of its own.
mod file;
mod journal;
mod syslog;

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use report::events::{Event, Format, Origin};

pub use file::File;
pub use journal::Journal;
pub use syslog::{Client, Facility, Syslog, SyslogConfig, Transport};

/// A sink as the site declares it.
#[derive(Clone, Debug, PartialEq)]
pub enum SinkConfig {
    /// Standard error, which under systemd is the journal.
    Journal,
    /// A file of lines, appended to.
    File {
        path: PathBuf,
        format: Format,
    },
    Syslog(SyslogConfig),
}

/// What a sink has done since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Events handed to the journal, the file, the network.
    pub sent: u64,
    /// Events that will never be.
    pub lost: u64,
    /// Events that wait for the other end.
    pub waiting: u64,
    /// Whether the last attempt went well; nothing was tried yet counts as well.
    pub working: bool,
}

/// Takes events.
pub trait Sink: Send {
    /// Hands events on. An error is of this batch only and for a person to read; what was lost by it is counted.
    fn send(&mut self, events: &[Event], origin: &Origin) -> Result<(), Error>;

    /// After SIGHUP: opens anew what it holds, since it may have been moved away or replaced.
    fn reopen(&mut self) {}

    fn counts(&self) -> Counts;

    /// What is wrong while it does not work, for a person to read; for sinks that cannot tell it at once.
    fn problem(&self) -> Option<String> {
        None
    }

    /// Waits that long at most until nothing waits any more; at the end of the program.
    fn drain(&mut self, _within: Duration) {}
}

/// Why a sink does not work, with what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot write events to {path}; give it room and a folder that this user may write to", path = path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("cannot write events to the journal")]
    Journal(#[source] io::Error),
    #[error("{path} cannot be used for TLS: {problem}", path = path.display())]
    Tls { path: PathBuf, problem: String },
    #[error("{address:?} is no address of a log server: {problem}")]
    Address { address: String, problem: String },
    #[error("cannot start the thread that sends to {address}")]
    Thread { address: String, source: io::Error },
}

impl SinkConfig {
    /// Opens it. What is wrong with its configuration is told here; that a log server is away is not an error.
    pub fn open(&self) -> Result<Box<dyn Sink>, Error> {
        Ok(match self {
            SinkConfig::Journal => Box::new(Journal::new()),
            SinkConfig::File { path, format } => Box::new(File::open(path.clone(), *format)?),
            SinkConfig::Syslog(config) => Box::new(Syslog::open(config.clone())?),
        })
    }
}

#[cfg(test)]
pub(crate) mod testing {
    //! Events for the tests of every sink.
    use facts::Time;
    use report::events::{Event, Health, Origin, Trouble};

    pub(crate) fn event(number: i64) -> Event {
        let time = Time::parse("2026-11-21T07:12:44.123456789Z")
            .unwrap()
            .plus_secs(number);
        let detail = format!("1,204 packets were lost on eth1, number {number}.");
        Event::health(time, Health::new(Trouble::Drops, Some("eth1"), detail))
    }

    pub(crate) fn origin() -> Origin {
        Origin {
            version: "0.1.0".to_owned(),
            terminal: "Harborview".to_owned(),
            time_zone: "America/New_York".to_owned(),
            host: "seawall1".to_owned(),
        }
    }

    /// An empty folder for one test.
    pub(crate) fn folder(name: &str) -> std::path::PathBuf {
        let folder = std::env::temp_dir().join(format!("seawall-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }
}
