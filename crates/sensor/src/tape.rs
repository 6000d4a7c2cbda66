//! The bytes of a capture, from the first to the last, read in blocks.
//!
//! Readers ask for a view from some byte on. The tape holds one block, which slides forward and grows to the largest
//! record at most. A frame lies in one block, whole. Whoever wants frames to stay holds on to their block: then the tape
//! goes on in another, and carries over what was not passed yet.
use std::io::{self, Read};
use std::sync::Arc;

use crate::hashing::Ledger;
use crate::pool::{BLOCK, Block, Pool};

/// The first block of a compressed capture: many such captures may be open at the same time, and most are small.
const FIRST: usize = 1 << 16;

pub(crate) struct Tape {
    source: Box<dyn Read + Send>,
    pool: Pool,
    block: Arc<Block>,
    /// Where on the tape the block begins.
    base: u64,
    ended: bool,
    problem: Option<io::Error>,
    ledger: Option<Ledger>,
    /// Up to here the ledger has it.
    entered: u64,
}

/// Bytes from the place asked for: at least as many as asked for, unless the tape ends before.
pub(crate) struct View<'a> {
    pub(crate) bytes: &'a [u8],
    /// Nothing comes after `bytes`.
    pub(crate) ends: bool,
}

impl Tape {
    /// `length`: of the whole tape, where that is known. `ledger`: who hashes what was read.
    pub(crate) fn new(
        source: Box<dyn Read + Send>,
        length: Option<u64>,
        pool: &Pool,
        ledger: Option<Ledger>,
    ) -> Tape {
        let known = length.and_then(|length| usize::try_from(length).ok());
        // One byte more than there are: the end is met while the block is filled.
        let first = known.map_or(FIRST, |length| length.saturating_add(1).min(BLOCK));
        Tape {
            source,
            pool: pool.clone(),
            block: Arc::new(pool.block(first)),
            base: 0,
            ended: false,
            problem: None,
            ledger,
            entered: 0,
        }
    }

    /// Bytes from `at` on. Views only go forward: what lies before `at` may be gone afterwards.
    #[inline]
    pub(crate) fn view(&mut self, at: u64, want: usize) -> View<'_> {
        if self.rest(at).len() < want {
            self.fill(at, want);
        }
        View {
            bytes: self.rest(at),
            ends: self.ended,
        }
    }

    /// The block of the latest view, and where in it that place is.
    #[inline]
    pub(crate) fn place(&self, at: u64) -> (&Arc<Block>, u32) {
        let skip = self.skip(at).and_then(|skip| u32::try_from(skip).ok());
        (&self.block, skip.unwrap_or(u32::MAX))
    }

    /// Nothing more is wanted of the tape but its hash.
    pub(crate) fn close(&mut self) {
        if self.ledger.is_some() {
            self.view(u64::MAX, 1);
        }
        if let Some(ledger) = self.ledger.take()
            && self.problem.is_none()
        {
            ledger.end();
        }
    }

    /// What ended a tape before its end.
    pub(crate) fn problem(&self) -> Option<&io::Error> {
        self.problem.as_ref()
    }

    #[inline]
    fn skip(&self, at: u64) -> Option<usize> {
        at.checked_sub(self.base)
            .and_then(|skip| usize::try_from(skip).ok())
    }

    /// What is there from `at` on, without reading any further.
    #[inline]
    pub(crate) fn rest(&self, at: u64) -> &[u8] {
        self.skip(at)
            .and_then(|skip| self.block.bytes().get(skip..))
            .unwrap_or(&[])
    }

    /// Reads until `want` bytes from `at` on are there, or no more come; once begun, until the block is full.
    #[cold]
    fn fill(&mut self, at: u64, want: usize) {
        while self.rest(at).len() < want && !self.ended {
            self.make_room(at);
            let Some(block) = Arc::get_mut(&mut self.block) else {
                return; // Never: room was made in a block of its own.
            };
            while !block.is_full() && !self.ended {
                let room = block.room();
                let length = room.len();
                match self.source.read(room) {
                    Ok(0) => self.ended = true,
                    Ok(count) => block.filled(count.min(length)),
                    Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                    Err(e) => {
                        self.ended = true;
                        self.problem = Some(e);
                    }
                }
            }
            self.enter();
        }
    }

    /// Lets go of bytes before `at`; where others still read the block, goes on in another.
    ///
    /// At least half of the room is free then, so each byte is moved about once. Blocks double as bytes arrive, not at
    /// once: a length in a hostile header costs nothing by itself. One that grew for a large record is not kept.
    fn make_room(&mut self, at: u64) {
        let capacity = self.block.capacity();
        let filled = self.block.bytes().len();
        let behind = self.skip(at).unwrap_or(0).min(filled);
        let left = filled - behind;
        let length = if left > capacity / 2 {
            capacity * 2
        } else if capacity < BLOCK {
            (capacity * 2).min(BLOCK)
        } else if left <= BLOCK / 2 {
            BLOCK
        } else {
            capacity
        };
        self.base += behind as u64;
        match Arc::get_mut(&mut self.block) {
            Some(block) if filled < capacity => block.forget(behind),
            Some(block) if length >= capacity => {
                block.forget(behind);
                block.grow(length);
            }
            _ => {
                let mut next = self.pool.block(length);
                let tail = self.block.bytes().get(behind..).unwrap_or(&[]);
                if let Some(room) = next.room().get_mut(..left) {
                    room.copy_from_slice(tail);
                }
                next.filled(left);
                self.block = Arc::new(next);
            }
        }
    }

    /// Tells the ledger of what was read since.
    fn enter(&mut self) {
        if let Some(ledger) = &self.ledger {
            ledger.enter(&self.block, self.skip(self.entered).unwrap_or(0));
            self.entered = self.base + self.block.bytes().len() as u64;
        }
    }
}

#[test]
fn a_tape_gives_what_was_asked_for_and_says_when_it_ends() {
    struct Drip(u8);
    impl Read for Drip {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            match self.0 {
                200 => Err(io::Error::other("broken")),
                n => {
                    buffer[0] = n;
                    self.0 += 1;
                    Ok(1)
                }
            }
        }
    }
    for length in [None, Some(9), Some(31)] {
        let mut tape = Tape::new(Box::new(Drip(0)), length, &Pool::default(), None);
        assert!(tape.view(3, 2).bytes.starts_with(&[3, 4]));
        let (block, at) = tape.place(4);
        assert_eq!(block.part(at, 1), Some(&[4][..]));
        assert!(
            tape.view(100, 50).bytes.starts_with(&[100, 101]),
            "bytes between may be skipped"
        );
        let view = tape.view(198, 50);
        assert!(view.bytes == [198, 199] && view.ends);
        assert_eq!(tape.problem().unwrap().to_string(), "broken");
        assert!(tape.view(u64::MAX, 1).bytes.is_empty());
    }
}

#[test]
fn a_block_that_is_held_stays_as_it_is_while_the_tape_goes_on() {
    let content: Vec<u8> = (0..3 * BLOCK).map(|n| (n / 7) as u8).collect();
    let source = Box::new(io::Cursor::new(content.clone()));
    let mut tape = Tape::new(source, None, &Pool::default(), None);
    let mut held = Vec::new();
    for at in (0..content.len()).step_by(1000) {
        assert!(
            tape.view(at as u64, 1000)
                .bytes
                .starts_with(&content[at..(at + 1000).min(content.len())])
        );
        let (block, place) = tape.place(at as u64);
        held.push((Arc::clone(block), place as usize, at));
    }
    for (block, place, at) in held {
        let end = (at + 1000).min(content.len());
        assert_eq!(block.bytes()[place..place + end - at], content[at..end]);
    }
}
