//! A walk over all captures in time order, and the search for single frames.
//!
//! Captures of several sensors overlap in time, and one connection may be in two of them. So captures that overlap are
//! merged by the times of their frames, while within each the order of the file is kept, whatever its times say.
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use facts::Time;
use wire::Frame;

use crate::capture::Frames;
use crate::hashing::Hash;
use crate::pool::{Block, Pool};
use crate::tally::Summary;
use crate::{Capture, Captures};

/// Every frame of the captures, in time order. Belongs to one worker.
#[derive(Debug)]
pub struct Walk<'a> {
    captures: &'a Captures,
    /// Captures that no frame was taken of yet, in order.
    ahead: VecDeque<u32>,
    /// Captures under way, each at its next frame.
    open: Vec<Frames>,
    /// The capture of `open` whose frame is out now.
    turn: Option<usize>,
    /// As long as its frames come before this, it stays that capture's turn.
    until: (Time, u32),
    summaries: BTreeMap<u32, Summary>,
    done: u64,
    total: u64,
    pool: Pool,
    hash: Hash,
}

/// When the frame that comes next of a capture under way comes: its time, then its place in the order of captures.
#[inline]
fn key(frames: &Frames) -> (Time, u32) {
    (frames.record().time, frames.index())
}

impl<'a> Walk<'a> {
    pub(crate) fn new(
        captures: &'a Captures,
        plan: impl Iterator<Item = u32>,
        hash: Hash,
    ) -> Walk<'a> {
        let ahead: VecDeque<u32> = plan.collect();
        let sizes = ahead
            .iter()
            .filter_map(|index| captures.list().get(*index as usize))
            .map(Capture::bytes);
        let total = sizes.sum();
        Walk {
            captures,
            ahead,
            open: Vec::new(),
            turn: None,
            until: (Time::MIN, 0),
            summaries: BTreeMap::new(),
            done: 0,
            total,
            pool: Pool::default(),
            hash,
        }
    }

    /// The next frame; it borrows from its capture until the one after is asked for. `None` at the end, for good.
    #[expect(clippy::should_implement_trait)] // An iterator could not lend from itself.
    pub fn next(&mut self) -> Option<Frame<'_>> {
        self.step()?;
        self.current()
    }

    /// Goes to the next frame and says whose it is and which.
    #[inline]
    pub(crate) fn step(&mut self) -> Option<(u32, u32)> {
        if let Some(turn) = self.turn
            && let Some(open) = self.open.get_mut(turn)
        {
            if !open.advance() {
                self.close(turn);
            } else if key(open) < self.until {
                return Some((open.index(), open.record().number));
            }
        }
        self.choose()
    }

    #[inline]
    pub(crate) fn current(&self) -> Option<Frame<'_>> {
        let open = self.open.get(self.turn?)?;
        Some(open.frame())
    }

    /// The frame that is out now, and where its bytes are.
    #[inline]
    pub(crate) fn place(&self) -> Option<(Frame<'_>, &Arc<Block>, u32)> {
        Some(self.open.get(self.turn?)?.place())
    }

    /// Gives the turn to the capture whose next frame is the earliest, after opening those that begin before it.
    fn choose(&mut self) -> Option<(u32, u32)> {
        self.turn = None;
        loop {
            let earliest = self
                .open
                .iter()
                .enumerate()
                .min_by_key(|(_, open)| key(open));
            let begins = self.ahead.front().map(|index| {
                let first = self
                    .captures
                    .list()
                    .get(*index as usize)
                    .and_then(Capture::first);
                (first.unwrap_or(Time::MAX), *index)
            });
            if let Some((first, index)) = begins
                && earliest.is_none_or(|(_, open)| (first, index) < key(open))
            {
                self.ahead.pop_front();
                self.begin(index);
                continue;
            }
            let (turn, open) = earliest?;
            let others = self
                .open
                .iter()
                .enumerate()
                .filter(|(other, _)| *other != turn)
                .map(|(_, open)| key(open));
            self.until = others.chain(begins).min().unwrap_or((Time::MAX, u32::MAX));
            self.turn = Some(turn);
            return Some((open.index(), open.record().number));
        }
    }

    fn begin(&mut self, index: u32) {
        let Some(capture) = self.captures.list().get(index as usize) else {
            return;
        };
        match capture.read(index, &self.pool, &self.hash) {
            Ok(mut frames) => {
                if frames.advance() {
                    self.open.push(frames);
                } else {
                    self.over(frames);
                }
            }
            Err(error) => {
                self.done += capture.bytes();
                let problems = vec![format!("no longer readable: the file {}", error.reason())];
                self.summaries.insert(
                    index,
                    Summary {
                        problems,
                        ..Summary::default()
                    },
                );
            }
        }
    }

    fn close(&mut self, turn: usize) {
        if turn < self.open.len() {
            let frames = self.open.swap_remove(turn);
            self.over(frames);
        }
    }

    fn over(&mut self, mut frames: Frames) {
        let index = frames.index();
        let hash = frames.close();
        if let Some(capture) = self.captures.list().get(index as usize) {
            self.done += capture.bytes();
            if let Some(hash) = hash {
                capture.hashed(hash);
            }
        }
        self.summaries.insert(index, frames.summary());
    }

    /// Lets go of the capture whose frame is out now, whatever is left of it.
    fn leave(&mut self) {
        if let Some(turn) = self.turn.take() {
            self.close(turn);
        }
    }

    /// Bytes of the files that were read, and bytes in all.
    pub fn position(&self) -> (u64, u64) {
        let under_way: u64 = self.open.iter().map(Frames::position).sum();
        ((self.done + under_way).min(self.total), self.total)
    }

    /// Counts and problems by index of the capture; complete once [`Walk::next`] has given `None`.
    pub fn summaries(&self) -> Vec<Summary> {
        let indexes = (0u32..).take(self.captures.list().len());
        let summary = |index: u32| {
            let under_way = || self.open.iter().find(|open| open.index() == index);
            self.summaries
                .get(&index)
                .cloned()
                .or_else(|| under_way().map(Frames::summary))
        };
        indexes
            .map(|index| summary(index).unwrap_or_default())
            .collect()
    }
}

/// Frames looked up by number. Only the captures asked for are read, each no further than its last frame asked for.
#[derive(Debug)]
pub struct Fetch<'a> {
    walk: Walk<'a>,
    wanted: BTreeMap<u32, BTreeSet<u32>>,
}

impl<'a> Fetch<'a> {
    pub(crate) fn new(captures: &'a Captures, wanted: &[(u32, Vec<u32>)]) -> Fetch<'a> {
        let mut by_capture: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
        for (index, numbers) in wanted {
            if !numbers.is_empty() {
                by_capture.entry(*index).or_default().extend(numbers);
            }
        }
        let plan: Vec<u32> = by_capture.keys().copied().collect();
        Fetch {
            walk: Walk::new(captures, plan.into_iter(), Hash::No),
            wanted: by_capture,
        }
    }

    /// The next of the frames; it borrows from its capture until the one after is asked for.
    #[expect(clippy::should_implement_trait)] // An iterator could not lend from itself.
    pub fn next(&mut self) -> Option<Frame<'_>> {
        loop {
            let (index, number) = self.walk.step()?;
            match self.wanted.get_mut(&index) {
                Some(numbers) if !numbers.is_empty() => {
                    if numbers.remove(&number) {
                        return self.walk.current();
                    }
                    // The one behind the last: not needed any more.
                }
                _ => self.walk.leave(),
            }
        }
    }

    /// What was asked for and not found, once [`Fetch::next`] has given `None`.
    pub fn missing(&self) -> Vec<(u32, u32)> {
        self.wanted
            .iter()
            .flat_map(|(index, numbers)| numbers.iter().map(|number| (*index, *number)))
            .collect()
    }
}
