//! SHA-256 of captures, computed from the blocks that were read for the walk, by whoever has time for it.
//!
//! A hash goes through a file byte by byte and cannot be shared out, so it is the one long piece of work that is no
//! worker's own. The ledger holds what was read and is not hashed yet, in the order of reading.
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};

use sha2::{Digest, Sha256};

use crate::ahead::Orders;
use crate::pool::Block;
use crate::{Captures, source};

/// How a walk comes by the hash of what it reads.
#[derive(Clone, Debug)]
pub(crate) enum Hash {
    /// It does not.
    No,
    /// While it reads.
    Here,
    /// While a thread beside it reads ahead.
    Ahead(Orders),
    /// It writes into a ledger what it read.
    Later(Entries),
}

/// Way into the ledger.
#[derive(Clone, Debug)]
pub(crate) struct Entries {
    to: Sender<Entry>,
    waiting: Arc<AtomicUsize>,
}

/// Way into the ledger for one capture.
#[derive(Debug)]
pub(crate) struct Ledger {
    capture: u32,
    entries: Entries,
}

#[derive(Debug)]
struct Entry {
    capture: u32,
    what: What,
}

#[derive(Debug)]
enum What {
    /// A block was read; what is new begins there.
    Read(Arc<Block>, usize),
    /// That was all of the capture.
    End,
}

/// The ledger, and the hashes under way.
#[derive(Debug)]
pub(crate) struct Hashing<'a> {
    captures: &'a Captures,
    under_way: Mutex<UnderWay>,
    waiting: Arc<AtomicUsize>,
}

#[derive(Debug)]
struct UnderWay {
    from: Receiver<Entry>,
    hashes: BTreeMap<u32, Sha256>,
}

impl Entries {
    pub(crate) fn of(&self, capture: u32) -> Ledger {
        Ledger {
            capture,
            entries: self.clone(),
        }
    }
}

impl Ledger {
    /// The block from that place on is new.
    pub(crate) fn enter(&self, block: &Arc<Block>, from: usize) {
        if from < block.bytes().len() {
            self.send(What::Read(Arc::clone(block), from));
        }
    }

    pub(crate) fn end(self) {
        self.send(What::End);
    }

    fn send(&self, what: What) {
        let capture = self.capture;
        self.entries.waiting.fetch_add(1, Ordering::Relaxed);
        // Nobody hashes any more only where nobody reads any more.
        let _ = self.entries.to.send(Entry { capture, what });
    }
}

impl<'a> Hashing<'a> {
    pub(crate) fn new(captures: &'a Captures) -> (Hashing<'a>, Entries) {
        let (to, from) = channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let entries = Entries {
            to,
            waiting: Arc::clone(&waiting),
        };
        let under_way = Mutex::new(UnderWay {
            from,
            hashes: BTreeMap::new(),
        });
        let hashing = Hashing {
            captures,
            under_way,
            waiting,
        };
        (hashing, entries)
    }

    /// Entries that wait, each a block at most.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Hashes one entry, unless there is none or somebody else is at it.
    pub(crate) fn step(&self) -> bool {
        let mut under_way = match self.under_way.try_lock() {
            Ok(under_way) => under_way,
            Err(TryLockError::WouldBlock) => return false,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
        };
        self.one(&mut under_way)
    }

    /// Hashes what is left.
    pub(crate) fn finish(&self) {
        let mut under_way = self
            .under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        while self.one(&mut under_way) {}
    }

    fn one(&self, under_way: &mut UnderWay) -> bool {
        let Ok(entry) = under_way.from.try_recv() else {
            return false;
        };
        self.enter(under_way, entry);
        true
    }

    fn enter(&self, under_way: &mut UnderWay, entry: Entry) {
        let Entry { capture, what } = entry;
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        match what {
            What::Read(block, from) => {
                let hash = under_way.hashes.entry(capture).or_default();
                hash.update(block.bytes().get(from..).unwrap_or(&[]));
            }
            What::End => {
                let hash = under_way.hashes.remove(&capture).unwrap_or_default();
                if let Some(capture) = self.captures.list().get(capture as usize) {
                    capture.hashed(source::hex(hash));
                }
            }
        }
    }
}
