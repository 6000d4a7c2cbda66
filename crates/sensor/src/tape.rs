//! The bytes of a capture, from the first to the last: mapped where the file is plain, streamed where it is compressed.
//!
//! Readers ask for a view from some byte on and never learn which of the two they have. A mapped file is shared by all
//! who walk it; a stream holds a window that slides forward and grows to the largest record at most.
use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;

use memmap2::Mmap;

/// Window of a stream to begin with.
const WINDOW: usize = 1 << 20;

pub(crate) enum Tape {
    Mapped(Arc<Mmap>),
    Streamed(Stream),
}

/// Bytes from the place asked for: at least as many as asked for, unless the tape ends before.
pub(crate) struct View<'a> {
    pub(crate) bytes: &'a [u8],
    /// Nothing comes after `bytes`.
    pub(crate) ends: bool,
}

pub(crate) struct Stream {
    source: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    /// Bytes of the buffer that are filled.
    filled: usize,
    /// Where on the tape the buffer begins.
    base: u64,
    ended: bool,
    problem: Option<io::Error>,
}

impl Tape {
    /// Maps the first `bytes` of a file (a file that is still being written is read as long as it was when opened).
    pub(crate) fn map(file: &File, bytes: u64) -> io::Result<Mmap> {
        let here = file.metadata()?.len().min(bytes);
        let length =
            usize::try_from(here).map_err(|_| io::Error::from(io::ErrorKind::FileTooLarge))?;
        // SAFETY: the map is read-only and bytes of it are only ever read as plain numbers by checked reads, so a file
        // that is changed by someone else meanwhile gives other numbers, which every reader here takes for damage. The
        // one thing that hurts is a file cut shorter while it is read: then the system ends the program (SIGBUS) at
        // the missing page. It never gives foreign memory. Captures at rest are not cut, and the length is taken anew
        // above, right before the map is made.
        #[allow(unsafe_code)]
        let map = unsafe { memmap2::MmapOptions::new().len(length).map(file)? };
        #[cfg(unix)]
        {
            // A hint for read-ahead: without it everything works as well.
            let _ = map.advise(memmap2::Advice::Sequential);
        }
        Ok(map)
    }

    pub(crate) fn stream(source: Box<dyn Read + Send>) -> Tape {
        Tape::Streamed(Stream {
            source,
            buffer: Vec::new(),
            filled: 0,
            base: 0,
            ended: false,
            problem: None,
        })
    }

    /// Bytes from `at` on. Views only go forward: what lies before `at` may be gone afterwards.
    pub(crate) fn view(&mut self, at: u64, want: usize) -> View<'_> {
        match self {
            Tape::Mapped(map) => View {
                bytes: mapped(map, at),
                ends: true,
            },
            Tape::Streamed(stream) => stream.view(at, want),
        }
    }

    /// Bytes of the latest view, without moving.
    pub(crate) fn held(&self, at: u64, length: u32) -> &[u8] {
        let rest = match self {
            Tape::Mapped(map) => mapped(map, at),
            Tape::Streamed(stream) => stream.rest(at),
        };
        rest.get(..length as usize).unwrap_or(&[])
    }

    /// What ended a stream before its end.
    pub(crate) fn problem(&self) -> Option<&io::Error> {
        match self {
            Tape::Mapped(_) => None,
            Tape::Streamed(stream) => stream.problem.as_ref(),
        }
    }
}

fn mapped(map: &Mmap, at: u64) -> &[u8] {
    usize::try_from(at)
        .ok()
        .and_then(|at| map.get(at..))
        .unwrap_or(&[])
}

impl Stream {
    fn view(&mut self, at: u64, want: usize) -> View<'_> {
        if self.rest(at).len() < want {
            self.fill(at, want);
        }
        View {
            bytes: self.rest(at),
            ends: self.ended,
        }
    }

    fn rest(&self, at: u64) -> &[u8] {
        let filled = self.buffer.get(..self.filled).unwrap_or(&[]);
        let skip = at
            .checked_sub(self.base)
            .and_then(|skip| usize::try_from(skip).ok());
        skip.and_then(|skip| filled.get(skip..)).unwrap_or(&[])
    }

    /// Reads until `want` bytes from `at` on are there, or no more come.
    fn fill(&mut self, at: u64, want: usize) {
        while self.rest(at).len() < want && !self.ended {
            self.make_room(at);
            let room = self.buffer.get_mut(self.filled..).unwrap_or(&mut []);
            match self.source.read(room) {
                Ok(0) => self.ended = true,
                Ok(count) => self.filled += count.min(room.len()),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => {
                    self.ended = true;
                    self.problem = Some(e);
                }
            }
        }
    }

    /// Lets go of bytes before `at`, or grows the buffer.
    ///
    /// Bytes are moved only when that frees half of the buffer, so each is moved about once. The buffer doubles as
    /// bytes arrive, not at once: a length in a hostile header costs nothing by itself.
    fn make_room(&mut self, at: u64) {
        let behind = usize::try_from(at.saturating_sub(self.base)).unwrap_or(usize::MAX);
        if behind >= self.filled {
            self.base += self.filled as u64;
            self.filled = 0;
        } else if self.filled == self.buffer.len() && behind >= self.filled / 2 {
            self.buffer.copy_within(behind..self.filled, 0);
            self.filled -= behind;
            self.base += behind as u64;
        }
        if self.filled == self.buffer.len() {
            self.buffer.resize((self.filled * 2).max(WINDOW), 0);
        }
    }
}

#[test]
fn a_stream_gives_what_was_asked_for_and_says_when_it_ends() {
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
    let mut tape = Tape::stream(Box::new(Drip(0)));
    let view = tape.view(3, 2);
    assert!(view.bytes.starts_with(&[3, 4]) && !view.ends);
    assert_eq!(tape.held(4, 1), [4]);
    assert!(
        tape.view(100, 50).bytes.starts_with(&[100, 101]),
        "bytes between may be skipped"
    );
    let view = tape.view(198, 50);
    assert!(view.bytes == [198, 199] && view.ends);
    assert_eq!(tape.problem().unwrap().to_string(), "broken");
    assert!(tape.view(u64::MAX, 1).bytes.is_empty());
}
