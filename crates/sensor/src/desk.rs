//! Where several workers get their frames: one reading of the captures for all of them.
//!
//! Frames are looked up in batches, each frame for the worker that keeps it ([`wire::owner`]), or for all where that takes
//! more than a glance. Nobody is appointed to do it: whoever comes for a batch and finds few behind it makes one first;
//! whoever would have to wait hashes meanwhile. So the work that cannot be shared out by hosts goes to who is least
//! loaded with hosts. Each worker sees its frames in the order of the walk, whatever the others do.
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use facts::Time;
use wire::{Frame, Link};

use crate::hashing::{Hash, Hashing};
use crate::pool::Block;
use crate::prefetch::prefetch;
use crate::{Captures, Summary, Walk};

/// Frames and bytes after which a batch is full.
const FRAMES: usize = 4096;
const BYTES: usize = 1 << 20;

/// Batches that the fastest worker may be ahead of the slowest.
const AHEAD: usize = 8;

/// Whoever finds fewer batches to work on makes one before it goes on. Were the next one made only once it is wanted,
/// everybody would come for it at about the same time, and all but one would wait until it is there.
const STOCK: usize = 3;

/// So many frames ahead the first bytes of one are asked for, and are there when its turn comes: they mostly have to be
/// fetched from the core of another worker, who read them.
const FETCHED: usize = 3;
/// Bytes that a core fetches at once. Headers and what control messages say lie in the first two such lines.
const LINE: usize = 64;

/// Blocks that may wait to be hashed before that comes first.
const UNHASHED: usize = 24;

/// A frame in a block of its batch.
#[derive(Clone, Copy, Debug)]
struct Entry {
    time: Time,
    link: Link,
    /// Every worker has to see it.
    shared: bool,
    block: u16,
    at: u32,
    length: u32,
    wire_len: u32,
    capture: u32,
    number: u32,
}

/// Some frames of the walk, listed for each worker.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    blocks: Vec<Arc<Block>>,
    lists: Vec<Vec<Entry>>,
}

#[derive(Debug)]
pub(crate) struct Desk<'a> {
    workers: u32,
    walk: Mutex<Walk<'a>>,
    hashing: Hashing<'a>,
    board: Mutex<Board>,
    news: Condvar,
}

/// Who is how far.
#[derive(Debug, Default)]
struct Board {
    /// Batches that somebody still wants.
    ready: VecDeque<Arc<Batch>>,
    /// Number of the first of them.
    first: u64,
    /// By worker: the number of the batch that it wants next.
    wants: Vec<u64>,
    /// Somebody makes the next batch.
    making: bool,
    /// There are no more batches.
    over: bool,
    spare: Vec<Batch>,
}

impl<'a> Desk<'a> {
    pub(crate) fn new(captures: &'a Captures, workers: u32) -> Desk<'a> {
        let (hashing, entries) = Hashing::new(captures);
        Desk {
            workers,
            walk: Mutex::new(captures.walk_hashing(Hash::Later(entries))),
            hashing,
            board: Mutex::new(Board {
                wants: (0..workers).map(|_| 0).collect(),
                ..Board::default()
            }),
            news: Condvar::new(),
        }
    }

    /// Gives a worker all frames that it has to see, in order, and says of each whether others see it, too. Every worker
    /// has to be served, each by a thread.
    pub(crate) fn serve(
        &self,
        worker: u32,
        progress: &dyn Fn(u64, u64),
        mut each: impl FnMut(&Frame<'_>, bool),
    ) {
        let place = Place {
            desk: self,
            index: worker as usize,
        };
        while let Some(batch) = self.next(place.index, progress) {
            let list = batch.lists.get(place.index).map_or(&[][..], Vec::as_slice);
            for (number, entry) in list.iter().enumerate() {
                if let Some(later) = list.get(number + FETCHED) {
                    batch.fetch(later);
                }
                each(&batch.frame(entry), entry.shared);
            }
            drop(batch);
            place.done_with_one();
        }
    }

    /// Once all workers are done: the rest of the hashing, and what the walk has to say.
    pub(crate) fn finish(self) -> Vec<Summary> {
        self.hashing.finish();
        let walk = self.walk.into_inner();
        walk.unwrap_or_else(PoisonError::into_inner).summaries()
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next batch for that worker, made by itself if need be; `None` once there are no more.
    fn next(&self, index: usize, progress: &dyn Fn(u64, u64)) -> Option<Arc<Batch>> {
        let mut board = self.board();
        // There was nothing to hash, or somebody else is at it.
        let mut nothing_to_hash = false;
        let mut made = false;
        loop {
            let late = self.hashing.waiting() > UNHASHED;
            if nothing_to_hash || !late {
                let stock = board.stock_of(index);
                let wanting = stock == 0 || (stock < STOCK && !made);
                let may = !board.over && !board.making && board.ready.len() < AHEAD;
                if wanting && may && !late {
                    board = self.make(board, progress);
                    (made, nothing_to_hash) = (true, false);
                    continue;
                }
                if let Some(batch) = board.wanted_by(index) {
                    return Some(batch);
                }
                if board.over {
                    drop(board);
                    while self.hash() {}
                    return None;
                }
                if nothing_to_hash {
                    let news = self.news.wait(board);
                    board = news.unwrap_or_else(PoisonError::into_inner);
                    nothing_to_hash = false;
                    continue;
                }
            }
            drop(board);
            nothing_to_hash = !self.hash();
            board = self.board();
        }
    }

    fn hash(&self) -> bool {
        let hashed = self.hashing.step();
        if hashed {
            self.news.notify_all();
        }
        hashed
    }

    /// Makes the next batch, without the board.
    fn make<'d>(
        &'d self,
        mut board: MutexGuard<'d, Board>,
        progress: &dyn Fn(u64, u64),
    ) -> MutexGuard<'d, Board> {
        board.making = true;
        let mut batch = board.spare.pop().unwrap_or_default();
        drop(board);
        let making = Making(self);
        let mut walk = self.walk.lock().unwrap_or_else(PoisonError::into_inner);
        batch.fill(&mut walk, self.workers);
        let (done, total) = walk.position();
        drop(walk);
        progress(done, total);
        std::mem::forget(making);
        let mut board = self.board();
        board.making = false;
        if batch.blocks.is_empty() {
            board.over = true;
        } else {
            board.ready.push_back(Arc::new(batch));
        }
        self.news.notify_all();
        board
    }
}

/// Stands for the one who makes a batch: should it not come back, there are no more batches, and nobody waits for one.
struct Making<'d, 'a>(&'d Desk<'a>);

impl Drop for Making<'_, '_> {
    fn drop(&mut self) {
        let mut board = self.0.board();
        board.making = false;
        board.over = true;
        self.0.news.notify_all();
    }
}

/// A worker's place at the desk. Who leaves it, however, wants nothing any more, and nobody waits for him.
struct Place<'d, 'a> {
    desk: &'d Desk<'a>,
    index: usize,
}

impl Place<'_, '_> {
    fn done_with_one(&self) {
        self.wants(|number| number + 1);
    }

    fn wants(&self, change: impl FnOnce(u64) -> u64) {
        let mut board = self.desk.board();
        if let Some(number) = board.wants.get_mut(self.index) {
            *number = change(*number);
        }
        board.clear();
        drop(board);
        self.desk.news.notify_all();
    }
}

impl Drop for Place<'_, '_> {
    fn drop(&mut self) {
        self.wants(|_| u64::MAX);
    }
}

impl Board {
    /// How many batches are there for that worker.
    fn stock_of(&self, index: usize) -> usize {
        let wanted = self.wants.get(index).copied().unwrap_or(u64::MAX);
        let behind = wanted.saturating_sub(self.first);
        let behind = usize::try_from(behind).unwrap_or(usize::MAX);
        self.ready.len().saturating_sub(behind)
    }

    fn wanted_by(&self, index: usize) -> Option<Arc<Batch>> {
        let ahead = self.wants.get(index)?.checked_sub(self.first)?;
        let batch = self.ready.get(usize::try_from(ahead).ok()?)?;
        Some(Arc::clone(batch))
    }

    /// Takes away what nobody wants any more, and keeps its memory for the next batches.
    fn clear(&mut self) {
        let slowest = self.wants.iter().min().copied().unwrap_or(u64::MAX);
        while self.first < slowest
            && let Some(batch) = self.ready.pop_front()
        {
            self.first += 1;
            if let Some(mut batch) = Arc::into_inner(batch) {
                batch.blocks.clear();
                batch.lists.iter_mut().for_each(Vec::clear);
                self.spare.push(batch);
            }
        }
    }
}

impl Batch {
    /// Takes frames from the walk until it is full; it stays empty at the end of the walk.
    fn fill(&mut self, walk: &mut Walk<'_>, workers: u32) {
        self.lists.resize_with(workers as usize, Vec::new);
        let (mut frames, mut bytes) = (0, 0);
        while frames < FRAMES
            && bytes < BYTES
            && walk.step().is_some()
            && let Some((frame, block, at)) = walk.place()
        {
            frames += 1;
            bytes += frame.data.len();
            let entry = Entry {
                time: frame.time,
                link: frame.link,
                shared: false,
                block: self.place_of(block),
                at,
                length: u32::try_from(frame.data.len()).unwrap_or(0),
                wire_len: frame.wire_len,
                capture: frame.capture,
                number: frame.number,
            };
            match wire::owner(&frame, workers) {
                Some(owner) => {
                    if let Some(list) = self.lists.get_mut(owner as usize) {
                        list.push(entry);
                    }
                }
                None => {
                    let entry = Entry {
                        shared: true,
                        ..entry
                    };
                    self.lists.iter_mut().for_each(|list| list.push(entry));
                }
            }
        }
    }

    /// Number of the block in this batch. Frames that follow one another mostly share theirs.
    #[inline]
    fn place_of(&mut self, block: &Arc<Block>) -> u16 {
        let known = self.blocks.iter().rposition(|one| Arc::ptr_eq(one, block));
        let place = known.unwrap_or_else(|| {
            self.blocks.push(Arc::clone(block));
            self.blocks.len() - 1
        });
        // There are no more blocks than frames.
        u16::try_from(place).unwrap_or(u16::MAX)
    }

    #[inline]
    fn fetch(&self, entry: &Entry) {
        if let Some(block) = self.blocks.get(entry.block as usize) {
            let at = entry.at as usize;
            prefetch(block.bytes(), at);
            prefetch(block.bytes(), at + LINE);
        }
    }

    #[inline]
    fn frame(&self, entry: &Entry) -> Frame<'_> {
        let block = self.blocks.get(entry.block as usize);
        let data = block.and_then(|block| block.part(entry.at, entry.length));
        Frame {
            link: entry.link,
            time: entry.time,
            data: data.unwrap_or(&[]),
            wire_len: entry.wire_len,
            capture: entry.capture,
            number: entry.number,
        }
    }
}

#[test]
fn a_worker_that_breaks_down_leaves_nobody_waiting() {
    let path = std::env::temp_dir().join(format!("seawall-desk-{}.pcap", std::process::id()));
    let mut bytes = crate::testing::pcap(65_535, 1);
    for n in 0..(FRAMES * (AHEAD + 3)) {
        let secs = 1_700_000_000 + u32::try_from(n).unwrap();
        bytes.extend(crate::testing::record(secs, 0, &[0; 20], 20));
    }
    std::fs::write(&path, bytes).unwrap();
    let captures = Captures::open(&[&path]).unwrap();
    let desk = Desk::new(&captures, 2);
    let seen = std::thread::scope(|scope| {
        let breaks = scope.spawn(|| {
            desk.serve(1, &|_, _| {}, |_, _| {
                std::panic::resume_unwind(Box::new(()))
            })
        });
        let mut seen = 0;
        desk.serve(0, &|_, _| {}, |_, _| seen += 1);
        assert!(breaks.join().is_err());
        seen
    });
    std::fs::remove_file(&path).unwrap();
    assert_eq!(seen, FRAMES * (AHEAD + 3));
}
