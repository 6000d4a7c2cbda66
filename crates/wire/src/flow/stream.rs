//! One direction of a TCP connection: bytes in order, or the knowledge of what is missing.
//!
//! Spec: RFC 9293, 3.4 (sequence numbers are modulo 2^32). A byte handed on is
//! never changed; of copies that wait, that of the segment that begins earlier counts. When what waits is handed on, and
//! when a hole in front of it is given up, is decided for both directions together (module `order`).
use std::collections::VecDeque;

use crate::cx::At;

/// Segments that wait behind a hole.
const MOST_SEGMENTS: usize = 128;
/// Bytes that wait behind a hole.
const MOST_BYTES: usize = 256 * 1024;
/// A jump further than this is no hole but a broken or foreign segment (the largest scaled window, RFC 7323).
const MOST_JUMP: u32 = 1 << 30;

#[derive(Debug, Default)]
pub(crate) struct Stream {
    /// Next sequence number expected; meaningful once `started`.
    next: u32,
    pub started: bool,
    /// Initial sequence number, if the handshake was seen.
    pub initial: Option<u32>,
    /// Highest byte of this direction that the other end acknowledged, and the first such number seen.
    acknowledged: Option<(u32, u32)>,
    /// This direction carries acknowledgements: the other end exists.
    pub acknowledges: bool,
    pub fin: bool,
    pub lost: u64,
    pub gaps: u32,
    waiting: Option<Box<Waiting>>,
}

#[derive(Debug, Default)]
struct Waiting {
    /// By sequence number; may overlap.
    segments: VecDeque<Segment>,
    bytes: usize,
}

#[derive(Debug)]
struct Segment {
    mark: Mark,
    bytes: Vec<u8>,
    /// Bytes that the segment had but the capture lacks.
    missing: u32,
    at: At,
}

/// What a segment says of its place in the connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    pub seq: u32,
    /// Everything of the other direction before this had arrived when it was sent.
    pub ack: Option<u32>,
    /// Packets of the connection when it came.
    pub came: u32,
}

/// A segment whose turn has come.
pub(crate) struct Piece {
    bytes: Vec<u8>,
    from: usize,
    /// Bytes that come after it and that the capture lacks.
    pub missing: u64,
    pub at: At,
}

impl Piece {
    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.get(self.from..).unwrap_or(&[])
    }
}

/// What a stream hands on, in order.
pub(crate) enum Deliver<'a> {
    Bytes { bytes: &'a [u8], at: At },
    Gap(u64),
}

/// `a - b` as a signed distance on the circle of sequence numbers.
#[allow(clippy::cast_possible_wrap)]
const fn distance(a: u32, b: u32) -> i32 {
    a.wrapping_sub(b) as i32
}

#[allow(clippy::cast_possible_truncation)]
const fn low(length: usize) -> u32 {
    length as u32
}

impl Stream {
    pub(crate) fn start(&mut self, seq: u32) {
        if !self.started {
            self.started = true;
            self.next = seq;
        }
    }

    /// The other end says that everything before `ack` arrived.
    pub(crate) fn acknowledge(&mut self, ack: u32) {
        self.acknowledged = Some(match self.acknowledged {
            None => (ack, ack),
            Some((first, highest)) => (
                first,
                if distance(ack, highest) > 0 {
                    ack
                } else {
                    highest
                },
            ),
        });
    }

    /// Nothing waits, and `seq` is what comes next: the common case.
    pub(crate) fn is_next(&self, seq: u32) -> bool {
        self.started && self.next == seq && self.waiting.is_none()
    }

    pub(crate) fn advance(&mut self, length: usize, missing: usize) {
        self.next = self.next.wrapping_add(low(length + missing));
        if missing > 0 {
            self.lost += missing as u64;
            self.gaps += 1;
        }
    }

    /// Keeps a segment until it is its turn. `missing` bytes at its end were cut off by the capture. Returns whether any
    /// byte was new.
    pub(crate) fn keep(&mut self, mark: Mark, bytes: &[u8], missing: usize, at: At) -> bool {
        self.start(mark.seq);
        let ahead = distance(mark.seq, self.next);
        let known = ahead.unsigned_abs() as usize;
        if ahead > 0 && ahead.unsigned_abs() > MOST_JUMP
            || ahead <= 0 && known >= bytes.len() + missing
        {
            return false;
        }
        let waiting = self.waiting.get_or_insert_default();
        let place = waiting
            .segments
            .partition_point(|other| distance(other.mark.seq, mark.seq) <= 0);
        let before = place
            .checked_sub(1)
            .and_then(|before| waiting.segments.get(before));
        let repeated = before
            .is_some_and(|other| other.mark.seq == mark.seq && other.bytes.len() >= bytes.len());
        if repeated {
            return false;
        }
        waiting.bytes += bytes.len();
        let segment = Segment {
            mark,
            bytes: bytes.to_vec(),
            missing: low(missing),
            at,
        };
        waiting.segments.insert(place, segment);
        true
    }

    /// The first segment that waits.
    pub(crate) fn front(&self) -> Option<Mark> {
        let first = self.waiting.as_ref()?.segments.front()?;
        Some(first.mark)
    }

    /// Segments wait.
    pub(crate) const fn waits(&self) -> bool {
        self.waiting.is_some()
    }

    pub(crate) fn is_full(&self) -> bool {
        let full = |waiting: &Waiting| {
            waiting.segments.len() > MOST_SEGMENTS || waiting.bytes > MOST_BYTES
        };
        self.waiting.as_deref().is_some_and(full)
    }

    /// Whether bytes are missing in front of this number.
    pub(crate) fn has_hole_before(&self, seq: u32) -> bool {
        distance(seq, self.next) > 0
    }

    /// Whether everything before this number was handed on, as far as it is known where this direction stands. (One number
    /// more may be the FIN's, RFC 9293, 3.4.)
    pub(crate) fn is_through(&self, ack: u32) -> bool {
        !self.started || distance(ack, self.next) <= 1
    }

    /// Whether the other end has everything before this number.
    pub(crate) fn is_acknowledged(&self, seq: u32) -> bool {
        self.acknowledged
            .is_some_and(|(_, highest)| distance(highest, seq) >= 0)
    }

    /// Takes the first segment that waits, without what was read already.
    pub(crate) fn take_front(&mut self) -> Option<Piece> {
        let waiting = self.waiting.as_mut()?;
        let segment = waiting.segments.pop_front()?;
        waiting.bytes -= segment.bytes.len();
        if waiting.segments.is_empty() {
            self.waiting = None;
        }
        let known = distance(self.next, segment.mark.seq).unsigned_abs() as usize;
        let from = known.min(segment.bytes.len());
        let missing = (segment.missing as usize).saturating_sub(known - from);
        self.advance(segment.bytes.len() - from, missing);
        Some(Piece {
            bytes: segment.bytes,
            from,
            missing: missing as u64,
            at: segment.at,
        })
    }

    /// What is missing before this number will not come. Gives its length.
    pub(crate) fn skip_to(&mut self, seq: u32) -> u64 {
        let hole = distance(seq, self.next);
        if hole <= 0 {
            return 0;
        }
        self.next = seq;
        self.lost += u64::from(hole.unsigned_abs());
        self.gaps += 1;
        u64::from(hole.unsigned_abs())
    }

    /// The flow is over and nothing waits: bytes acknowledged but never seen are lost.
    pub(crate) fn close(&mut self) {
        let Some((first, highest)) = self.acknowledged else {
            return;
        };
        // A direction of which nothing was captured: the acknowledgements alone tell how much there was.
        let known = if self.started { self.next } else { first };
        let beyond = distance(highest, known);
        // FIN takes one number (RFC 9293, 3.4), seen or not.
        if beyond > 1 && beyond.unsigned_abs() < MOST_JUMP {
            self.lost += u64::from(beyond.unsigned_abs());
            self.gaps += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use facts::Time;

    use super::*;

    const NOW: At = At {
        now: Time(0),
        capture: 0,
        frame: 1,
    };

    const fn mark(seq: u32) -> Mark {
        Mark {
            seq,
            ack: None,
            came: 0,
        }
    }

    /// Everything that waits, in order; `~` for a hole.
    fn all(stream: &mut Stream) -> String {
        let mut got = String::new();
        while let Some(front) = stream.front() {
            if stream.skip_to(front.seq) > 0 {
                got.push('~');
            }
            let piece = stream.take_front().unwrap();
            got.push_str(std::str::from_utf8(piece.bytes()).unwrap());
            if piece.missing > 0 {
                got.push('~');
            }
        }
        got
    }

    #[test]
    fn segments_are_put_in_order_and_what_was_read_stays() {
        let mut stream = Stream::default();
        stream.start(u32::MAX - 1);
        assert!(stream.keep(mark(2), b"efgh", 0, NOW));
        assert!(stream.keep(mark(0), b"CDEF", 0, NOW));
        assert!(stream.keep(mark(u32::MAX - 1), b"abXX", 0, NOW));
        assert!(
            !stream.keep(mark(u32::MAX - 1), b"abcd", 0, NOW),
            "waits already"
        );
        assert_eq!(all(&mut stream), "abXXEFgh");
        assert!(!stream.keep(mark(0), b"zz", 0, NOW), "was read");
        assert_eq!((stream.lost, stream.gaps), (0, 0));
    }

    #[test]
    fn bytes_cut_off_by_the_capture_are_a_gap() {
        let mut stream = Stream::default();
        stream.start(0);
        stream.keep(mark(0), b"head", 96, NOW);
        stream.keep(mark(100), b"next", 0, NOW);
        assert_eq!(all(&mut stream), "head~next");
        assert_eq!(stream.lost, 96);
    }

    #[test]
    fn what_was_acknowledged_but_never_seen_is_lost() {
        let mut stream = Stream::default();
        stream.start(1);
        stream.acknowledge(1);
        stream.acknowledge(501);
        stream.close();
        assert_eq!((stream.lost, stream.gaps), (500, 1));
        let mut fine = Stream::default();
        fine.start(1);
        fine.acknowledge(2);
        fine.close();
        assert_eq!(fine.gaps, 0, "an acknowledged FIN is no loss");
    }
}
