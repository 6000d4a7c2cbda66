//! History, written beside the judging: what is told while a write is under way waits here, within the limits that history has
//! itself, and is told to it when it is back.
use std::time::Duration;

use facts::kinds::Coverage;
use facts::{Facts, Time};
use store::history::{Error, Gap, History, Options, ReadFile, Written};
use store::{Limits, Memory};

use super::errand::Errand;
use super::report::Read;
use crate::clock;

/// Between two times of which history is told that somebody was watching, in nanoseconds.
const HEARD: i64 = 5_000_000_000;
/// Such times that are kept; at one every five seconds, those of a day.
const MOST_HEARD: usize = 1 << 14;
/// Captures that were read and are held until history is back.
const MOST_READ: usize = 1 << 17;
/// A write that takes longer than this is one that does not get through.
const PATIENCE: Duration = Duration::from_secs(30);

/// A write that is over.
pub struct Done {
    pub outcome: Result<Written, Error>,
    /// Finished captures whose facts are saved now.
    pub read: Vec<Read>,
}

pub struct Historian {
    errand: Errand<History, Time, Result<Written, Error>>,
    /// What is told while history is away.
    waiting: Memory,
    limits: Limits,
    waiting_files: Vec<ReadFile>,
    /// Times at which it would have been told, and up to when all was told then.
    heard: Vec<(Time, Time)>,
    /// When the write under way began.
    began: Option<Duration>,
    /// What history said of itself when it left.
    given_up: Option<Coverage>,
    /// Finished captures whose facts are not saved yet: those told since the write under way began, and those before.
    read: Vec<Read>,
    read_before: Vec<Read>,
}

fn in_history(read: &Read) -> ReadFile {
    ReadFile {
        path: read.seen.path.to_string_lossy().into_owned(),
        bytes: read.seen.bytes,
        changed: read.seen.changed,
        frames: read.frames,
        first: read.first,
    }
}

impl Historian {
    pub fn new(history: History, options: &Options) -> std::io::Result<Historian> {
        let errand = Errand::new("history", history, |history: &mut History, now| {
            history.write(now)
        })?;
        Ok(Historian {
            errand,
            waiting: Memory::new(&options.waiting),
            limits: options.waiting.clone(),
            waiting_files: Vec::new(),
            heard: Vec::new(),
            began: None,
            given_up: None,
            read: Vec::new(),
            read_before: Vec::new(),
        })
    }

    /// As [`History::tell_until`] and [`History::tell_read`].
    pub fn tell(&mut self, facts: Facts, read: Vec<Read>, at: Time, until: Time) {
        let files = read.iter().map(in_history);
        if let Some(history) = self.errand.here() {
            history.tell_until(facts, at, until);
            history.tell_read(files);
        } else {
            self.waiting.absorb(facts);
            let room = MOST_READ.saturating_sub(self.waiting_files.len());
            self.waiting_files.extend(files.take(room));
            let is_new = |(last, _): &(Time, Time)| at.since(*last).abs() >= HEARD;
            if self.heard.last().is_none_or(is_new) && self.heard.len() < MOST_HEARD {
                self.heard.push((at, until));
            }
        }
        let known = self.read.len() + self.read_before.len();
        let room = MOST_READ.saturating_sub(known);
        self.read.extend(read.into_iter().take(room));
    }

    /// Begins to write what was told, unless a write is under way.
    pub fn begin(&mut self, now: Time) {
        let Some(history) = self.errand.here() else {
            return;
        };
        self.given_up = history.coverage(now);
        if self.errand.send(now) {
            self.began = Some(clock::monotonic());
            self.read_before.append(&mut self.read);
        }
    }

    /// The write that is over by now, once.
    pub fn done(&mut self) -> Option<Done> {
        let outcome = self.errand.back()?;
        Some(self.arrived(outcome))
    }

    /// Writes what was told, and waits for it. `None` where that can never be.
    pub fn write(&mut self, now: Time) -> Option<Done> {
        let (mut read, mut notes) = (Vec::new(), Vec::new());
        if let Some(outcome) = self.errand.wait() {
            let done = self.arrived(outcome);
            read = done.read;
            notes = done
                .outcome
                .map(|written| written.notes)
                .unwrap_or_default();
        }
        self.begin(now);
        let outcome = self.errand.wait()?;
        let mut done = self.arrived(outcome);
        done.read.splice(..0, read);
        if let Ok(written) = &mut done.outcome {
            written.notes.splice(..0, notes);
        }
        Some(done)
    }

    /// It is back: what waited meanwhile is told to it.
    fn arrived(&mut self, outcome: Result<Written, Error>) -> Done {
        (self.began, self.given_up) = (None, None);
        let waiting = std::mem::replace(&mut self.waiting, Memory::new(&self.limits));
        let heard = std::mem::take(&mut self.heard);
        let files = std::mem::take(&mut self.waiting_files);
        if let (Some(history), Some(last)) = (self.errand.here(), heard.last().copied()) {
            for (at, until) in heard {
                history.tell_until(Facts::default(), at, until);
            }
            history.tell_until(waiting.facts(), last.0, last.1);
            history.tell_read(files);
        }
        let mut read = std::mem::take(&mut self.read_before);
        if outcome.is_err() {
            // To be saved by the next write that succeeds.
            self.remember_later(std::mem::take(&mut read));
        }
        Done { outcome, read }
    }

    /// Captures whose facts are saved and that could not be written down as read.
    pub fn remember_later(&mut self, mut read: Vec<Read>) {
        read.append(&mut self.read);
        self.read = read;
    }

    /// For how long a write has not got through, if that is long.
    pub fn is_stuck(&self) -> Option<Duration> {
        let took = clock::monotonic().saturating_sub(self.began?);
        (took >= PATIENCE).then_some(took)
    }

    /// What history says of itself while it cannot be written.
    pub fn coverage(&mut self, now: Time) -> Option<Coverage> {
        match self.errand.here() {
            Some(history) => history.coverage(now),
            None => self.given_up.clone(),
        }
    }

    /// As [`History::gaps`]; `None` while it is being written.
    pub fn gaps(&mut self, from: Time, until: Time) -> Option<Result<Vec<Gap>, Error>> {
        Some(self.errand.here()?.gaps(from, until))
    }

    /// History itself, once it was written with [`Historian::write`].
    pub fn history(&mut self) -> Option<&mut History> {
        self.errand.here()
    }

    /// Whether history can never be written any more.
    pub fn is_lost(&self) -> bool {
        self.errand.is_lost()
    }

    /// The last write of a run that is stopped in order.
    pub fn close(mut self, now: Time) -> Result<(), Error> {
        if let Some(outcome) = self.errand.wait() {
            self.arrived(outcome);
        }
        match self.errand.into_here() {
            Some(history) => history.close(now).map(|_| ()),
            None => Ok(()),
        }
    }
}
