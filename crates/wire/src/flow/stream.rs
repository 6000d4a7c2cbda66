//! One direction of a TCP connection: bytes in order, or the knowledge of what is missing.
//!
//! Spec: RFC 9293, 3.4 (sequence numbers are modulo 2^32). A byte handed on is
//! never changed; of copies that wait, that of the segment that begins earlier counts. A hole is given up when the other
//! end has acknowledged past it (it arrived there, so only the capture lacks it) and nothing filled it while
//! [`PATIENCE`] more packets came, or when [`MOST_SEGMENTS`] or [`MOST_BYTES`] wait behind it.
//!
//! The two directions are handed on in the order in which the ends spoke: a segment that acknowledges bytes of the other
//! direction comes after them. Where those wait behind a hole, or were not seen yet, the answer waits as long.
use std::collections::VecDeque;

use facts::Time;

/// Packets of the flow that may pass before an acknowledged hole is given up: captures reorder.
const PATIENCE: u32 = 8;
/// Packets that may pass before a hole is given up without any acknowledgement (the other side was not captured).
const PATIENCE_ALONE: u32 = 64;
/// Segments that wait behind a hole.
const MOST_SEGMENTS: usize = 128;
/// Bytes that wait behind a hole.
const MOST_BYTES: usize = 256 * 1024;
/// A jump further than this is no hole but a broken or foreign segment (the largest scaled window, RFC 7323).
const MOST_JUMP: u32 = 1 << 30;

#[derive(Debug, Default)]
pub(crate) struct Stream {
    /// Next sequence number expected, once `started`; before that the first one that the other end acknowledged.
    next: u32,
    /// Initial sequence number, where the handshake was seen.
    initial: u32,
    /// Highest byte of this direction that the other end acknowledged, where it did.
    acknowledged: u32,
    pub started: bool,
    marks: u8,
    /// This direction carries acknowledgements: the other end exists.
    pub acknowledges: bool,
    /// Of most streams every byte is captured, and in order.
    trouble: Option<Box<Trouble>>,
}

/// What is known of a stream beside its numbers, a bit each: there may be two million of them.
mod mark {
    pub(super) const INITIAL: u8 = 1;
    pub(super) const ACKNOWLEDGED: u8 = 2;
    pub(super) const FIN: u8 = 4;
    /// The FIN came right behind what was handed on.
    pub(super) const ENDED: u8 = 8;
    /// That it is over was told.
    pub(super) const TOLD: u8 = 16;
    /// A reset came in its turn.
    pub(super) const CUT: u8 = 32;
}

/// What was lost, and what waits for what may be.
#[derive(Debug, Default)]
struct Trouble {
    lost: u64,
    gaps: u32,
    waiting: Option<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    /// Packets of the flow since the first segment came, modulo 2^32.
    ticks: u32,
    /// By distance from the stream's position when they came; in order, may overlap.
    segments: VecDeque<Segment>,
    bytes: usize,
}

#[derive(Debug)]
struct Segment {
    seq: u32,
    bytes: Vec<u8>,
    /// Bytes that the segment had but the capture lacks.
    missing: u32,
    at: Seen,
    /// What it acknowledges: bytes of the other direction before this come first.
    after: Option<u32>,
    /// Packet of the flow that it came with.
    tick: u32,
}

/// A segment as it was captured. `missing` bytes at its end were cut off by the capture.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrived<'a> {
    pub seq: u32,
    pub bytes: &'a [u8],
    pub missing: usize,
    pub at: Seen,
    pub after: Option<u32>,
}

/// How far the other direction was handed on; `None` if nothing of it was seen.
pub(crate) type Reach = Option<u32>;

/// When a segment was captured, and in which frame.
pub(crate) type Seen = (Time, u32);

/// What a stream hands on, in order.
pub(crate) enum Deliver<'a> {
    Bytes { bytes: &'a [u8], at: Seen },
    Gap(u64),
}

/// Whether what acknowledges `after` may be handed on when the other direction was handed on up to `reach`. One number may
/// be the FIN's.
fn follows(after: Option<u32>, reach: Reach) -> bool {
    match (after, reach) {
        (Some(after), Some(reach)) => distance(after, reach) <= 1,
        _ => true,
    }
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
    const fn has(&self, mark: u8) -> bool {
        self.marks & mark != 0
    }

    pub(crate) fn start(&mut self, seq: u32) {
        if !self.started {
            self.started = true;
            self.next = seq;
        }
    }

    /// The handshake shows where this direction begins.
    pub(crate) fn begin(&mut self, initial: u32) {
        self.initial = initial;
        self.marks |= mark::INITIAL;
    }

    pub(crate) fn initial(&self) -> Option<u32> {
        self.has(mark::INITIAL).then_some(self.initial)
    }

    /// Bytes that the capture lacks, and in how many places.
    pub(crate) fn lost(&self) -> (u64, u32) {
        self.trouble
            .as_ref()
            .map_or((0, 0), |trouble| (trouble.lost, trouble.gaps))
    }

    /// Bytes are missing.
    #[cold]
    pub(crate) fn lose(&mut self, bytes: u64) {
        let trouble = self.trouble.get_or_insert_default();
        trouble.lost += bytes;
        trouble.gaps += 1;
    }

    fn queue(&self) -> Option<&Waiting> {
        self.trouble.as_ref()?.waiting.as_ref()
    }

    fn queue_mut(&mut self) -> Option<&mut Waiting> {
        self.trouble.as_mut()?.waiting.as_mut()
    }

    fn first_waiting(&self) -> Option<&Segment> {
        self.queue()?.segments.front()
    }

    /// The other end says that everything before `ack` arrived.
    pub(crate) fn acknowledge(&mut self, ack: u32) {
        if !self.has(mark::ACKNOWLEDGED) {
            self.marks |= mark::ACKNOWLEDGED;
            self.acknowledged = ack;
            if !self.started {
                self.next = ack;
            }
        } else if distance(ack, self.acknowledged) > 0 {
            self.acknowledged = ack;
        }
    }

    /// Nothing waits, `seq` is what comes next and follows nothing that is still to come: the common case.
    pub(crate) fn is_next(&self, seq: u32, after: Option<u32>, reach: Reach) -> bool {
        self.started && self.next == seq && !self.waits() && follows(after, reach)
    }

    /// Nothing waits, and no end was announced: there is nothing to see to.
    pub(crate) fn is_smooth(&self) -> bool {
        self.trouble.is_none() && !self.has(mark::FIN)
    }

    /// A FIN, whose number is `seq`.
    pub(crate) fn finish(&mut self, seq: u32) {
        self.marks |= mark::FIN;
        if self.started && self.next == seq {
            self.marks |= mark::ENDED;
        }
    }

    /// Whether the end was seen and all that comes before it was handed on: it came in its turn, or was acknowledged there.
    /// Says so once.
    pub(crate) fn is_over_now(&mut self) -> bool {
        if !self.has(mark::FIN) || self.has(mark::TOLD) || self.waits() {
            return false;
        }
        let acknowledged =
            self.has(mark::ACKNOWLEDGED) && distance(self.acknowledged, self.next) == 1;
        if self.has(mark::ENDED) || acknowledged {
            self.marks |= mark::TOLD;
        }
        self.has(mark::TOLD)
    }

    /// A reset, whose number is `seq`: another one than what comes next is not obeyed (RFC 5961, 3.2).
    pub(crate) fn cut(&mut self, seq: u32) {
        let fin = u32::from(self.has(mark::FIN));
        if self.started && !self.waits() && matches!(seq.wrapping_sub(self.next), n if n <= fin) {
            self.marks |= mark::CUT;
        }
    }

    /// A reset in its turn ended it.
    pub(crate) const fn is_cut(&self) -> bool {
        self.has(mark::CUT)
    }

    /// Its end was announced.
    pub(crate) const fn ends(&self) -> bool {
        self.has(mark::FIN)
    }

    /// Its end was seen, and all that comes before it was handed on.
    pub(crate) const fn is_over(&self) -> bool {
        self.has(mark::TOLD)
    }

    /// Of what the other end acknowledged, nothing lacks.
    pub(crate) fn is_whole(&self) -> bool {
        let beyond = self.has(mark::ACKNOWLEDGED) && distance(self.acknowledged, self.next) > 1;
        self.started && !self.waits() && !beyond
    }

    pub(crate) fn advance(&mut self, length: usize, missing: usize) {
        self.next = self.next.wrapping_add(low(length + missing));
        if missing > 0 {
            self.lose(missing as u64);
        }
    }

    /// How far this direction was handed on.
    pub(crate) fn reach(&self) -> Reach {
        self.started.then_some(self.next)
    }

    /// Takes a segment that is not simply the next one. Whatever can be handed on goes to `deliver`. Returns whether any
    /// byte was new.
    pub(crate) fn segment(
        &mut self,
        arrived: Arrived<'_>,
        reach: Reach,
        deliver: &mut dyn FnMut(Deliver<'_>),
    ) -> bool {
        let Arrived {
            seq,
            bytes,
            missing,
            at,
            after,
        } = arrived;
        self.start(seq);
        let ahead = distance(seq, self.next);
        if ahead > 0 && ahead.unsigned_abs() > MOST_JUMP {
            return false;
        }
        if ahead <= 0 && ahead.unsigned_abs() as usize >= bytes.len() + missing {
            return false;
        }
        let trouble = self.trouble.get_or_insert_default();
        let waiting = trouble.waiting.get_or_insert_default();
        let place = waiting
            .segments
            .partition_point(|other| distance(other.seq, seq) <= 0);
        let repeated = place
            .checked_sub(1)
            .and_then(|before| waiting.segments.get(before))
            .is_some_and(|other| {
                // A copy with the same bytes of which the capture cut off more tells of bytes that the other did not have.
                other.seq == seq
                    && other.bytes.len() >= bytes.len()
                    && other.bytes.len() + other.missing as usize >= bytes.len() + missing
            });
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
                after,
                tick: waiting.ticks,
            },
        );
        let full = waiting.segments.len() > MOST_SEGMENTS || waiting.bytes > MOST_BYTES;
        self.flush(reach, deliver);
        if full && self.waits() {
            self.give_up(reach, deliver);
        }
        true
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

    /// Hands on what waits, is next, and follows nothing that the other direction still has to hand on. Returns whether
    /// there was any.
    pub(crate) fn flush(&mut self, reach: Reach, deliver: &mut dyn FnMut(Deliver<'_>)) -> bool {
        let mut any = false;
        loop {
            let next = self.next;
            let Some(waiting) = self.queue_mut() else {
                break;
            };
            let Some(first) = waiting.segments.front() else {
                if let Some(trouble) = &mut self.trouble {
                    trouble.waiting = None;
                }
                break;
            };
            if distance(first.seq, next) > 0 || !follows(first.after, reach) {
                break;
            }
            let Some(segment) = waiting.segments.pop_front() else {
                break;
            };
            any = true;
            waiting.bytes -= segment.bytes.len();
            let known = distance(self.next, segment.seq).unsigned_abs() as usize;
            let missing = segment.missing as usize;
            if known < segment.bytes.len() + missing {
                let fresh = segment.bytes.get(known..).unwrap_or(&[]);
                let missing = missing - known.saturating_sub(segment.bytes.len()).min(missing);
                self.hand_on(fresh, missing, segment.at, deliver);
            }
        }
        any
    }

    /// What the first waiting segment waits for will not come: the hole in front of it is skipped, or it goes before
    /// what it follows.
    pub(crate) fn give_up(&mut self, reach: Reach, deliver: &mut dyn FnMut(Deliver<'_>)) {
        let next = self.next;
        let Some(first) = self
            .queue_mut()
            .and_then(|waiting| waiting.segments.front_mut())
        else {
            return;
        };
        let seq = first.seq;
        let hole = distance(seq, next);
        if hole > 0 {
            self.next = seq;
            self.lose(u64::from(hole.unsigned_abs()));
            deliver(Deliver::Gap(u64::from(hole.unsigned_abs())));
        } else {
            first.after = None;
        }
        self.flush(reach, deliver);
    }

    /// Segments wait: behind a hole, or for the other direction.
    pub(crate) fn waits(&self) -> bool {
        self.queue().is_some()
    }

    /// Bytes that wait, with what it costs to keep them.
    pub(crate) fn waiting(&self) -> usize {
        self.queue().map_or(0, |waiting| {
            waiting.bytes + waiting.segments.len() * size_of::<Segment>()
        })
    }

    /// Packets of the flow since the first waiting segment came; `None` if none waits.
    pub(crate) fn age(&self) -> Option<u32> {
        let waiting = self.queue()?;
        Some(waiting.ticks.wrapping_sub(waiting.segments.front()?.tick))
    }

    /// A packet of the flow passed.
    pub(crate) fn tick(&mut self) {
        if let Some(waiting) = self.queue_mut() {
            waiting.ticks = waiting.ticks.wrapping_add(1);
        }
    }

    /// The first waiting segment has waited long enough. A hole that was not acknowledged may be one of the network.
    pub(crate) fn is_overdue(&self) -> bool {
        let (Some(first), Some(age)) = (self.first_waiting(), self.age()) else {
            return false;
        };
        let acknowledged =
            self.has(mark::ACKNOWLEDGED) && distance(self.acknowledged, first.seq) >= 0;
        let hole = distance(first.seq, self.next) > 0;
        age > PATIENCE_ALONE || (age > PATIENCE && (acknowledged || !hole))
    }

    /// The flow is over: nothing more will fill a hole, and bytes acknowledged but never seen are lost.
    pub(crate) fn close(&mut self, deliver: &mut dyn FnMut(Deliver<'_>)) {
        while self.waits() {
            self.give_up(None, deliver);
        }
        if !self.has(mark::ACKNOWLEDGED) {
            return;
        }
        // Of a direction of which nothing was captured the acknowledgements alone tell how much there was.
        let beyond = distance(self.acknowledged, self.next);
        // FIN takes one number (RFC 9293, 3.4), seen or not.
        if beyond > 1 && beyond.unsigned_abs() < MOST_JUMP {
            self.lose(u64::from(beyond.unsigned_abs()));
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

    fn arrived(seq: u32, bytes: &[u8], missing: usize) -> Arrived<'_> {
        Arrived {
            seq,
            bytes,
            missing,
            at: (Time(0), 1),
            after: None,
        }
    }

    #[test]
    fn segments_are_put_in_order_and_what_was_read_stays() {
        let (mut stream, mut got) = (Stream::default(), Got::default());
        stream.start(u32::MAX - 1);
        stream.segment(arrived(2, b"efgh", 0), None, &mut got.take());
        stream.segment(arrived(0, b"CDEF", 0), None, &mut got.take());
        stream.segment(arrived(u32::MAX - 1, b"abXX", 0), None, &mut got.take());
        stream.segment(arrived(u32::MAX - 1, b"abcd", 0), None, &mut got.take());
        assert_eq!(String::from_utf8(got.0).unwrap(), "abXXEFgh");
        assert_eq!(stream.lost(), (0, 0));
    }

    #[test]
    fn a_hole_is_given_up_once_acknowledged_and_waited_for() {
        let (mut stream, mut got) = (Stream::default(), Got::default());
        stream.start(100);
        stream.segment(arrived(110, b"after", 0), None, &mut got.take());
        stream.acknowledge(115);
        for _ in 0..PATIENCE {
            stream.tick();
        }
        assert!(!stream.is_overdue(), "reordering gets its chance");
        stream.tick();
        assert!(stream.is_overdue());
        stream.give_up(None, &mut got.take());
        assert_eq!((got.0.as_slice(), got.1), (b"~after".as_slice(), 10));
        assert_eq!(stream.lost(), (10, 1));
    }

    #[test]
    fn an_answer_waits_for_the_question_that_it_acknowledges() {
        let (mut stream, mut got) = (Stream::default(), Got::default());
        stream.start(100);
        let answer = |seq, bytes, after| Arrived {
            after: Some(after),
            ..arrived(seq, bytes, 0)
        };
        // The other direction was handed on up to 50 only.
        stream.segment(answer(106, b"second", 90), Some(50), &mut got.take());
        stream.segment(answer(100, b"first ", 70), Some(50), &mut got.take());
        let again = stream.segment(answer(100, b"first ", 70), Some(50), &mut got.take());
        assert!(!again && got.0.is_empty(), "a repeated one waits once");
        stream.flush(Some(70), &mut got.take());
        assert_eq!(got.0, b"first ", "the second answers more than that");
        stream.flush(Some(90), &mut got.take());
        assert_eq!(got.0, b"first second");
        assert!(!stream.waits());
    }

    #[test]
    fn bytes_cut_off_by_the_capture_are_a_gap() {
        let (mut stream, mut got) = (Stream::default(), Got::default());
        stream.start(0);
        stream.segment(arrived(0, b"head", 96), None, &mut got.take());
        stream.segment(arrived(100, b"next", 0), None, &mut got.take());
        assert_eq!(got.0, b"head~next");
        assert_eq!(stream.lost().0, 96);
        // Of two that wait the one reaches further, by bytes that were cut off.
        let (mut stream, mut got) = (Stream::default(), Got::default());
        stream.start(0);
        stream.segment(arrived(4, b"copy", 0), None, &mut got.take());
        stream.segment(arrived(4, b"copy", 2), None, &mut got.take());
        stream.segment(arrived(0, b"head", 0), None, &mut got.take());
        assert_eq!(got.0, b"headcopy~");
    }

    #[test]
    fn what_was_acknowledged_but_never_seen_is_lost() {
        let mut stream = Stream::default();
        stream.start(1);
        stream.acknowledge(1);
        stream.acknowledge(501);
        stream.close(&mut |_| {});
        assert_eq!(stream.lost(), (500, 1));
        let mut fine = Stream::default();
        fine.start(1);
        fine.acknowledge(2);
        fine.close(&mut |_| {});
        assert_eq!(fine.lost(), (0, 0), "an acknowledged FIN is no loss");
    }

    #[test]
    fn what_waits_behind_a_hole_is_bounded() {
        let (mut stream, mut got) = (Stream::default(), Got::default());
        stream.start(0);
        for n in 0..10_000u32 {
            stream.segment(arrived(1000 + n * 20, &[7; 10], 0), None, &mut got.take());
            let waiting = stream.queue().map_or(0, |waiting| waiting.segments.len());
            assert!(waiting <= MOST_SEGMENTS);
        }
    }
}
