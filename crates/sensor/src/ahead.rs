//! Reading ahead of a lone worker: a thread beside it reads, unpacks and hashes what the worker comes to next.
//!
//! None of the three can be shared out within a file, and none needs what the worker knows. So they are what a second
//! core can take off it. A worker that copies what was read ahead pays less than one that reads: the bytes are in a cache
//! of the machine by then, and the page cache is not walked.
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

/// Bytes that are read ahead in one piece.
const PIECE: usize = 1 << 17;

/// Pieces of one file that are read, or being read, before they are wanted.
const PIECES: usize = 3;

/// Files that are read ahead at a time, where many overlap: each has its pieces.
const MOST_FILES: usize = 16;

/// The thread beside a worker, while it serves.
#[derive(Debug)]
pub(crate) struct Ahead {
    orders: Receiver<Order>,
}

/// Way to the thread; it serves as long as there is one.
#[derive(Clone, Debug)]
pub(crate) struct Orders {
    to: Sender<Order>,
    files: Arc<AtomicUsize>,
}

enum Order {
    /// Read that file, in the pieces given, and send them there.
    Open(u32, Box<dyn Read + Send>, Sender<Piece>),
    /// A piece to be filled from that file.
    Piece(u32, Piece),
    /// Nobody wants any more of it.
    Close(u32),
}

impl std::fmt::Debug for Order {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (what, file) = match self {
            Order::Open(file, ..) => ("Open", file),
            Order::Piece(file, _) => ("Piece", file),
            Order::Close(file) => ("Close", file),
        };
        f.debug_tuple(what).field(file).finish()
    }
}

/// Bytes that follow one another, and what kept more from following.
#[derive(Debug, Default)]
struct Piece {
    room: Vec<u8>,
    filled: usize,
    ended: Option<io::Result<()>>,
}

/// A file that is read ahead, for its reader.
pub(crate) struct Fetched {
    file: u32,
    orders: Orders,
    pieces: Receiver<Piece>,
    /// The piece that is being handed out, and how far that is.
    piece: Piece,
    at: usize,
}

impl Ahead {
    pub(crate) fn new() -> (Ahead, Orders) {
        let (to, orders) = channel();
        let files = Arc::new(AtomicUsize::new(0));
        (Ahead { orders }, Orders { to, files })
    }

    /// Reads what is ordered, until nobody can order anything any more.
    pub(crate) fn serve(self) {
        let mut files = BTreeMap::new();
        while let Ok(order) = self.orders.recv() {
            match order {
                Order::Open(file, source, to) => {
                    files.insert(file, (source, to));
                }
                Order::Close(file) => {
                    files.remove(&file);
                }
                Order::Piece(file, mut piece) => {
                    let Some((source, to)) = files.get_mut(&file) else {
                        continue;
                    };
                    piece.fill(source);
                    // Nobody is there to take it only where a close is on its way.
                    let _ = to.send(piece);
                }
            }
        }
    }
}

impl Orders {
    /// The same bytes, read ahead unless enough files are. `file`: a number that no other file under way has.
    pub(crate) fn fetch(&self, file: u32, source: Box<dyn Read + Send>) -> Box<dyn Read + Send> {
        if self.files.fetch_add(1, Ordering::Relaxed) >= MOST_FILES {
            self.files.fetch_sub(1, Ordering::Relaxed);
            return source;
        }
        let (to, pieces) = channel();
        self.send(Order::Open(file, source, to));
        // The one that is handed out, empty still, is the last of them.
        for _ in 1..PIECES {
            self.send(Order::Piece(file, Piece::default()));
        }
        Box::new(Fetched {
            file,
            orders: self.clone(),
            pieces,
            piece: Piece::default(),
            at: 0,
        })
    }

    fn send(&self, order: Order) {
        // The thread ends after those who order.
        let _ = self.to.send(order);
    }
}

impl Piece {
    /// Fills the room from its beginning, up to the end of the file or an error.
    fn fill(&mut self, source: &mut dyn Read) {
        self.room.resize(PIECE, 0);
        self.filled = 0;
        while let Some(room) = self.room.get_mut(self.filled..)
            && !room.is_empty()
        {
            let length = room.len();
            match source.read(room) {
                Ok(0) => {
                    self.ended = Some(Ok(()));
                    return;
                }
                Ok(count) => self.filled += count.min(length),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => {
                    self.ended = Some(Err(e));
                    return;
                }
            }
        }
    }

    fn from(&self, at: usize) -> &[u8] {
        self.room.get(at..self.filled).unwrap_or(&[])
    }
}

impl Read for Fetched {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        while self.piece.from(self.at).is_empty() && !room.is_empty() {
            if let Some(ended) = &mut self.piece.ended {
                return std::mem::replace(ended, Ok(())).map(|()| 0);
            }
            let done = std::mem::take(&mut self.piece);
            self.orders.send(Order::Piece(self.file, done));
            self.at = 0;
            self.piece = self.pieces.recv().map_err(io::Error::other)?;
        }
        let bytes = self.piece.from(self.at);
        let count = bytes.len().min(room.len());
        if let (Some(room), Some(bytes)) = (room.get_mut(..count), bytes.get(..count)) {
            room.copy_from_slice(bytes);
        }
        self.at += count;
        Ok(count)
    }
}

impl Drop for Fetched {
    fn drop(&mut self) {
        self.orders.send(Order::Close(self.file));
        self.orders.files.fetch_sub(1, Ordering::Relaxed);
    }
}

#[test]
fn what_is_read_ahead_is_what_lies_there_up_to_its_error() {
    /// So many bytes, then an error, then the end.
    struct Torn(usize, bool);

    impl Read for Torn {
        fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
            let count = room.len().min(1000).min(self.0);
            room[..count].fill(7);
            self.0 -= count;
            match (count, self.1) {
                (0, true) => {
                    self.1 = false;
                    Err(io::Error::other("torn"))
                }
                _ => Ok(count),
            }
        }
    }
    let (ahead, orders) = Ahead::new();
    std::thread::scope(|scope| {
        scope.spawn(|| ahead.serve());
        let torn = |length, torn| Box::new(Torn(length, torn));
        let others: Vec<_> = (10..)
            .take(MOST_FILES)
            .map(|file| orders.fetch(file, torn(3, false)))
            .collect();
        let mut bytes = Vec::new();
        let mut beyond = orders.fetch(9, torn(5, false));
        beyond.read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes, [7; 5], "one more than are read ahead");
        drop(others);
        for length in [0, 1, PIECE - 1, PIECE, PIECE + 1, 7 * PIECE + 11] {
            for torn in [false, true] {
                // One that is not read to its end keeps nobody.
                let mut left = orders.fetch(1, Box::new(Torn(length, torn)));
                let _ = left.read(&mut [0; 10]);
                let mut fetched = orders.fetch(2, Box::new(Torn(length, torn)));
                let mut bytes = Vec::new();
                let error = fetched.read_to_end(&mut bytes).err();
                assert!(bytes.len() == length && bytes.iter().all(|byte| *byte == 7));
                assert_eq!(
                    error.map(|e| e.to_string()),
                    torn.then(|| "torn".to_owned())
                );
                assert_eq!(fetched.read(&mut [0; 10]).unwrap(), 0, "over");
            }
        }
        drop(orders);
    });
}
