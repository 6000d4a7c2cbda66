//! What the threads that witness hand to the keeper.
use facts::{Facts, Time};
use sensor::live::Seen;

use super::listen::Health;

/// Who witnessed: a worker on an interface.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source {
    /// Name of the sensor in the site file, and as files bear it.
    pub sensor: String,
    pub label: String,
    pub interface: String,
    pub worker: usize,
}

/// A finished capture that was read, and how many frames it had then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    pub seen: Seen,
    pub frames: u64,
}

/// What was seen since the last report of the same witness.
#[derive(Debug)]
pub struct Report {
    pub at: Time,
    pub facts: Facts,
    /// How the worker fares; `None` from the reader of finished captures.
    pub health: Option<(Source, Health)>,
    /// Finished captures that these facts come from, to be remembered as read once the facts are saved.
    pub files: Vec<Read>,
}
