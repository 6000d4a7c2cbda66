//! One direction of a TCP connection: bytes in order, or the knowledge of what is missing.
//!
//! Spec: RFC 9293, 3.4 (sequence numbers are modulo 2^32). A byte handed on is
//! never changed; of copies that wait, that of the segment that begins earlier counts. A hole is given up when the other
//! end has acknowledged past it (it arrived there, so only the capture lacks it) and nothing filled it while
//! [`PATIENCE`] more packets came, or when [`MOST_SEGMENTS`] or [`MOST_BYTES`] wait behind it. Until then an answer that
//! acknowledges past the hole is held back: what waits may be its question, and comes first.
use std::collections::VecDeque;

use facts::Time;

/// Packets of the flow that may pass before an acknowledged hole is given up: captures reorder.
const PATIENCE: u16 = 8;
/// Packets that may pass before a hole is given up without any acknowledgement (the other side was not captured).
const PATIENCE_ALONE: u16 = 64;
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
    /// By distance from the stream's position when they came; in order, may overlap.
    segments: VecDeque<Segment>,
    bytes: usize,
    passed: u16,
}

#[derive(Debug)]
struct Segment {
    seq: u32,
    bytes: Vec<u8>,
    /// Bytes that the segment had but the capture lacks.
    missing: u32,
    at: Seen,
}

/// When a segment was captured, and in which frame.
pub(crate) type Seen = (Time, u32);

/// What a stream hands on, in order.
pub(crate) enum Deliver<'a> {
    Bytes { bytes: &'a [u8], at: Seen },
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

    /// Takes a segment that is not simply the next one. `missing` bytes at its end were cut off by the capture. Whatever can
    /// be handed on goes to `deliver`. Returns whether any byte was new.
    pub(crate) fn segment(
        &mut self,
        seq: u32,
        bytes: &[u8],
        missing: usize,
        at: Seen,
        deliver: &mut dyn FnMut(Deliver<'_>),
    ) -> bool {
        self.start(seq);
        let ahead = distance(seq, self.next);
        if ahead > 0 {
            if ahead.unsigned_abs() > MOST_JUMP {
                return false;
            }
            let waiting = self.waiting.get_or_insert_default();
            let place = waiting
                .segments
                .partition_point(|other| distance(other.seq, seq) <= 0);
            let repeated = place
                .checked_sub(1)
                .and_then(|before| waiting.segments.get(before))
                .is_some_and(|other| other.seq == seq && other.bytes.len() >= bytes.len());
            if repeated {
                return false;
            }
            waiting.bytes += bytes.len();
            waiting.segments.insert(
                place,
                Segment {
                    seq,
                    bytes: bytes.to_vec(),
                    missing: low(missing),
                    at,
                },
            );
            if waiting.segments.len() > MOST_SEGMENTS || waiting.bytes > MOST_BYTES {
                self.give_up(deliver);
            }
            return true;
        }
        let known = ahead.unsigned_abs() as usize;
        if known >= bytes.len() + missing && !bytes.is_empty() {
            return false;
        }
        let fresh = bytes.get(known..).unwrap_or(&[]);
        let missing = missing - known.saturating_sub(bytes.len()).min(missing);
        self.hand_on(fresh, missing, at, deliver);
        self.flush(deliver);
        !fresh.is_empty()
    }

    fn hand_on(
        &mut self,
        bytes: &[u8],
        missing: usize,
        at: Seen,
        deliver: &mut dyn FnMut(Deliver<'_>),
    ) {
        if !bytes.is_empty() {
            deliver(Deliver::Bytes { bytes, at });
        }
        self.advance(bytes.len(), missing);
        if missing > 0 {
            deliver(Deliver::Gap(missing as u64));
        }
    }

    /// Hands on what waits and is next.
    fn flush(&mut self, deliver: &mut dyn FnMut(Deliver<'_>)) {
        while let Some(waiting) = &mut self.waiting {
            let Some(first) = waiting.segments.front() else {
                self.waiting = None;
                return;
            };
            if distance(first.seq, self.next) > 0 {
                return;
            }
            let Some(segment) = waiting.segments.pop_front() else {
                return;
            };
            waiting.bytes -= segment.bytes.len();
            waiting.passed = 0;
            let known = distance(self.next, segment.seq).unsigned_abs() as usize;
            let missing = segment.missing as usize;
            if known < segment.bytes.len() + missing {
                let fresh = segment.bytes.get(known..).unwrap_or(&[]);
                let missing = missing - known.saturating_sub(segment.bytes.len()).min(missing);
                self.hand_on(fresh, missing, segment.at, deliver);
            }
        }
    }

    /// The hole will not be filled: neither that in front of what waits, nor what was acknowledged and never seen.
    pub(crate) fn give_up(&mut self, deliver: &mut dyn FnMut(Deliver<'_>)) {
        let first = self
            .waiting
            .as_ref()
            .and_then(|waiting| waiting.segments.front());
        let end = match (first, self.acknowledged) {
            (Some(first), _) => first.seq,
            (None, Some((_, highest))) => highest,
            (None, None) => return,
        };
        let hole = distance(end, self.next);
        if hole > 0 {
            self.next = end;
            self.lost += u64::from(hole.unsigned_abs());
            self.gaps += 1;
            deliver(Deliver::Gap(u64::from(hole.unsigned_abs())));
        }
        self.flush(deliver);
    }

    /// Segments wait behind a hole.
    pub(crate) const fn waits(&self) -> bool {
        self.waiting.is_some()
    }

    /// Keeps a segment that could be handed on until the other direction has handed on what comes before it. `false` when
    /// too much is held already.
    pub(crate) fn hold(&mut self, seq: u32, bytes: &[u8], missing: usize, at: Seen) -> bool {
        self.start(seq);
        let waiting = self.waiting.get_or_insert_default();
        let place = waiting
            .segments
            .partition_point(|other| distance(other.seq, seq) < 0);
        let known = waiting.segments.get(place);
        if known.is_some_and(|other| other.seq == seq && other.bytes.len() >= bytes.len()) {
            return true;
        }
        waiting.bytes += bytes.len();
        let missing = low(missing);
        waiting.segments.insert(
            place,
            Segment {
                seq,
                bytes: bytes.to_vec(),
                missing,
                at,
            },
        );
        waiting.segments.len() < MOST_SEGMENTS && waiting.bytes < MOST_BYTES
    }

    /// What waits could be handed on: it is held back, there is no hole in front of it.
    pub(crate) fn is_held(&self) -> bool {
        let first = self
            .waiting
            .as_ref()
            .and_then(|waiting| waiting.segments.front());
        first.is_some_and(|first| distance(first.seq, self.next) <= 0)
    }

    /// Hands on what was held back.
    pub(crate) fn release(&mut self, deliver: &mut dyn FnMut(Deliver<'_>)) {
        self.flush(deliver);
    }

    /// The other end has bytes that were not handed on yet, be they behind a hole or not seen at all. (One number may be
    /// the FIN's.)
    pub(crate) fn is_past(&self) -> bool {
        let ahead = |(_, highest): (u32, u32)| distance(highest, self.next);
        self.started && self.acknowledged.is_some_and(|range| ahead(range) > 1)
    }

    /// The other end has what is missing in front of what waits.
    fn is_acknowledged(&self) -> bool {
        let waiting = self.waiting.as_ref();
        match (
            waiting.and_then(|waiting| waiting.segments.front()),
            self.acknowledged,
        ) {
            (Some(first), Some((_, highest))) => distance(highest, first.seq) >= 0,
            _ => false,
        }
    }

    /// A packet of the flow passed while this is held back; `true` once that has been so for long enough.
    pub(crate) fn is_patient_no_more(&mut self) -> bool {
        let Some(waiting) = &mut self.waiting else {
            return false;
        };
        waiting.passed = waiting.passed.saturating_add(1);
        waiting.passed > PATIENCE
    }

    /// A packet of the flow passed: holes that were acknowledged, or that are old, are given up.
    pub(crate) fn passed(&mut self, deliver: &mut dyn FnMut(Deliver<'_>)) {
        let past = self.is_acknowledged();
        let Some(waiting) = &mut self.waiting else {
            return;
        };
        waiting.passed = waiting.passed.saturating_add(1);
        let passed = waiting.passed;
        if passed > PATIENCE_ALONE || (past && passed > PATIENCE) {
            self.give_up(deliver);
            if let Some(waiting) = &mut self.waiting {
                waiting.passed = 0;
            }
        }
    }

    /// The flow is over: nothing more will fill a hole, and bytes acknowledged but never seen are lost.
    pub(crate) fn close(&mut self, deliver: &mut dyn FnMut(Deliver<'_>)) {
        while self.waiting.is_some() {
            self.give_up(deliver);
        }
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
    use super::*;

    #[derive(Default)]
    struct Got(Vec<u8>, u64);

    impl Got {
        fn take(&mut self) -> impl FnMut(Deliver<'_>) + '_ {
            |delivered| match delivered {
                Deliver::Bytes { bytes, .. } => self.0.extend_from_slice(bytes),
                Deliver::Gap(lost) => {
                    self.1 += lost;
                    self.0.push(b'~');
                }
            }
        }
    }

    #[test]
    fn segments_are_put_in_order_and_what_was_read_stays() {
        let (mut stream, mut got) = (Stream::default(), Got::default());
        stream.start(u32::MAX - 1);
        stream.segment(2, b"efgh", 0, (Time(0), 2), &mut got.take());
        stream.segment(0, b"CDEF", 0, (Time(0), 3), &mut got.take());
        stream.segment(u32::MAX - 1, b"abXX", 0, (Time(0), 1), &mut got.take());
        stream.segment(u32::MAX - 1, b"abcd", 0, (Time(0), 1), &mut got.take());
        assert_eq!(String::from_utf8(got.0).unwrap(), "abXXEFgh");
        assert_eq!((stream.lost, stream.gaps), (0, 0));
    }

    #[test]
    fn a_hole_is_given_up_once_acknowledged_and_waited_for() {
        let (mut stream, mut got) = (Stream::default(), Got::default());
        stream.start(100);
        stream.segment(110, b"after", 0, (Time(0), 2), &mut got.take());
        stream.acknowledge(115);
        for _ in 0..PATIENCE {
            stream.passed(&mut got.take());
        }
        assert!(got.0.is_empty(), "reordering gets its chance");
        stream.passed(&mut got.take());
        assert_eq!((got.0.as_slice(), got.1), (b"~after".as_slice(), 10));
        assert_eq!((stream.lost, stream.gaps), (10, 1));
    }

    #[test]
    fn what_is_held_back_comes_in_order_once_released() {
        let (mut stream, mut got) = (Stream::default(), Got::default());
        stream.start(100);
        assert!(stream.hold(106, b"second", 0, (Time(0), 3)));
        assert!(stream.hold(100, b"first ", 0, (Time(0), 2)));
        assert!(
            stream.hold(100, b"first ", 0, (Time(0), 4)),
            "a repeated one is held once"
        );
        assert!(stream.is_held() && got.0.is_empty());
        stream.release(&mut got.take());
        assert_eq!(got.0, b"first second");
        assert!(!stream.waits());
    }

    #[test]
    fn bytes_cut_off_by_the_capture_are_a_gap() {
        let (mut stream, mut got) = (Stream::default(), Got::default());
        stream.start(0);
        stream.segment(0, b"head", 96, (Time(0), 1), &mut got.take());
        stream.segment(100, b"next", 0, (Time(0), 2), &mut got.take());
        assert_eq!(got.0, b"head~next");
        assert_eq!(stream.lost, 96);
    }

    #[test]
    fn what_was_acknowledged_but_never_seen_is_lost() {
        let mut stream = Stream::default();
        stream.start(1);
        stream.acknowledge(1);
        stream.acknowledge(501);
        stream.close(&mut |_| {});
        assert_eq!((stream.lost, stream.gaps), (500, 1));
        let mut fine = Stream::default();
        fine.start(1);
        fine.acknowledge(2);
        fine.close(&mut |_| {});
        assert_eq!(fine.gaps, 0, "an acknowledged FIN is no loss");
    }

    #[test]
    fn what_waits_behind_a_hole_is_bounded() {
        let (mut stream, mut got) = (Stream::default(), Got::default());
        stream.start(0);
        for n in 0..10_000u32 {
            stream.segment(1000 + n * 20, &[7; 10], 0, (Time(0), n), &mut got.take());
            let waiting = stream
                .waiting
                .as_ref()
                .map_or(0, |waiting| waiting.segments.len());
            assert!(waiting <= MOST_SEGMENTS);
        }
    }
}
