//! Blocks of memory that captures are read into: used over and over, shared while frames in them are worked on.
use std::sync::{Arc, Mutex, PoisonError};

/// A full-grown block; a record larger than that gets a larger one. It is small enough to stay in the cache of a core from
/// reading to hashing and walking, and large enough for the calls to the system to cost nothing.
pub(crate) const BLOCK: usize = 1 << 18;

/// Spare blocks kept for the next use.
const MOST_SPARE: usize = 64;

/// Memory of one walk. Blocks come back by themselves once nobody holds them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pool(Arc<Mutex<Vec<Vec<u8>>>>);

/// Bytes of a tape. Who holds it with others only reads.
#[derive(Debug)]
pub(crate) struct Block {
    /// All of it, filled or not: reading needs bytes that are there.
    room: Vec<u8>,
    filled: usize,
    home: Pool,
}

impl Pool {
    /// An empty block with room for at least so many bytes.
    pub(crate) fn block(&self, length: usize) -> Block {
        let spare = if length == BLOCK {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).pop()
        } else {
            None
        };
        Block {
            room: spare.unwrap_or_else(|| vec![0; length]),
            filled: 0,
            home: self.clone(),
        }
    }
}

impl Block {
    pub(crate) fn bytes(&self) -> &[u8] {
        self.room.get(..self.filled).unwrap_or(&[])
    }

    /// So many of the bytes, from one on.
    #[inline]
    pub(crate) fn part(&self, at: u32, length: u32) -> Option<&[u8]> {
        let (from, length) = (at as usize, length as usize);
        self.bytes().get(from..from.checked_add(length)?)
    }

    pub(crate) fn capacity(&self) -> usize {
        self.room.len()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.filled == self.room.len()
    }

    /// Room behind what is there.
    pub(crate) fn room(&mut self) -> &mut [u8] {
        self.room.get_mut(self.filled..).unwrap_or(&mut [])
    }

    /// So many bytes were put into the room.
    pub(crate) fn filled(&mut self, count: usize) {
        self.filled = (self.filled + count).min(self.room.len());
    }

    /// Lets go of the first bytes.
    pub(crate) fn forget(&mut self, count: usize) {
        let count = count.min(self.filled);
        self.room.copy_within(count..self.filled, 0);
        self.filled -= count;
    }

    pub(crate) fn grow(&mut self, length: usize) {
        if length > self.room.len() {
            self.room.resize(length, 0);
        }
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        if self.room.len() == BLOCK {
            let mut spare = self.home.0.lock().unwrap_or_else(PoisonError::into_inner);
            if spare.len() < MOST_SPARE {
                spare.push(std::mem::take(&mut self.room));
            }
        }
    }
}
