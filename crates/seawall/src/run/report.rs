//! What the threads that witness hand to the keeper. One that judges for long is not buried below reports: who witnesses then
//! goes on in its own tables, which have their limits, and hands over more when it is asked for more.
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use facts::{Facts, Time};
use report::events::Event;
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

/// A finished capture that was read, how many frames it had then, and the time of the first of them, where that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    pub seen: Seen,
    pub frames: u64,
    pub first: Option<Time>,
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
    /// What is to be told besides.
    pub events: Vec<Event>,
    /// Makes room for another when this one was taken.
    pub receipt: Option<Receipt>,
}

/// Reports of one witness that the keeper has not taken, at most.
const MOST_UNTAKEN: usize = 4;

/// How many reports of one witness wait for the keeper.
#[derive(Clone, Debug, Default)]
pub struct Untaken(Arc<AtomicUsize>);

impl Untaken {
    pub fn has_room(&self) -> bool {
        self.0.load(Ordering::Relaxed) < MOST_UNTAKEN
    }

    pub fn receipt(&self) -> Receipt {
        self.0.fetch_add(1, Ordering::Relaxed);
        Receipt(Arc::clone(&self.0))
    }
}

/// Counts a report for as long as it waits.
#[derive(Debug)]
pub struct Receipt(Arc<AtomicUsize>);

impl Drop for Receipt {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[test]
fn a_report_that_was_taken_makes_room_for_another() {
    let untaken = Untaken::default();
    let mut waiting: Vec<Receipt> = (0..MOST_UNTAKEN).map(|_| untaken.receipt()).collect();
    assert!(!untaken.has_room());
    waiting.pop();
    assert!(untaken.has_room());
}
