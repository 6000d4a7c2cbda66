//! pcap: a file header, then records until the end.
//!
//! Spec: PCAP Capture File Format, draft-ietf-opsawg-pcap. Also read: `a1b2cd34` of old Linux systems, whose record
//! headers have eight bytes more, files of firewalls (Nokia IPSO) and old Linux systems that have four or eight bytes more
//! and do not say so, and versions before 2.4, which swap both lengths.
//! A record header says nothing that would identify it, so damage shows only in absurd numbers; then the next place is
//! sought where several records follow one another in agreement. Frames after a damage are numbered as read.
//! Blind to: damage inside a frame, and to what a link type with a pseudo header says of the direction.
#[cfg(test)]
mod tests;

use facts::Time;
use wire::Link;

use crate::bytes::Endian;
use crate::identify;
use crate::tally::{Record, Tally};
use crate::tape::Tape;

const FILE_HEADER: usize = 24;

/// No frame is larger (USB transfers come near); a record that says so is damaged.
pub(crate) const MAX_FRAME: u32 = 256 << 20;

/// Writers are known to store a little more than the snap length that they declare, up to libpcap's own maximum.
const USUAL_MAX: u32 = 262_144;

/// Frames next to each other are hardly further apart. Only asked where a record is in doubt.
const NEAR_SECS: u32 = 30 * 86_400;

/// Times before 1973 are not believed of a record that stands alone with them.
const EARLY_SECS: u32 = 100_000_000;

/// Records that must follow one another before a place counts as a record boundary; one less where the time of the
/// frame before agrees.
const CHAIN: usize = 3;

/// Bytes in which the first records are looked at.
const FIRST_RECORDS: usize = 1 << 14;

/// While seeking in a stream: bytes looked at, and of them, bytes left over for the chain.
const SEEK: usize = 4 << 20;
const SEEK_AHEAD: usize = 1 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lengths {
    CapturedFirst,
    WireFirst,
    /// Version 2.3: either, told apart by size.
    Unsure,
}

#[derive(Debug)]
pub(crate) struct Pcap {
    endian: Endian,
    nanoseconds: bool,
    record_header: usize,
    lengths: Lengths,
    max_length: u32,
    link: Link,
    /// Bytes of checksum at the end of each frame.
    checksum: u32,
    at: u64,
    last_secs: Option<u32>,
    /// Up to here, doubt has made us seek another boundary before, in vain.
    sought: u64,
    /// Up to here, odd records lead to a boundary that is beyond doubt.
    trusted: u64,
    over: bool,
}

#[derive(Clone, Copy, Debug)]
struct Header {
    secs: u32,
    fraction: u32,
    length: u32,
    wire_len: u32,
}

impl Pcap {
    pub(crate) fn open(tape: &mut Tape, tally: &mut Tally) -> Pcap {
        let head = tape.view(0, FILE_HEADER).bytes;
        let (endian, nanoseconds, record_header) =
            identify::pcap_magic(head).unwrap_or((Endian::Little, false, 16));
        let mut pcap = Pcap {
            endian,
            nanoseconds,
            record_header,
            lengths: Lengths::CapturedFirst,
            max_length: USUAL_MAX,
            link: Link::Ethernet,
            checksum: 0,
            at: FILE_HEADER as u64,
            last_secs: None,
            sought: 0,
            trusted: 0,
            over: false,
        };
        let fields = (
            endian.u16(head, 4),
            endian.u16(head, 6),
            endian.u32(head, 16),
            endian.u32(head, 20),
        );
        let (Some(major), Some(minor), Some(snaplen), Some(network)) = fields else {
            pcap.over = true;
            tally.problem(format!(
                "cut off inside the file header: {} of {FILE_HEADER} bytes are there",
                head.len()
            ));
            return pcap;
        };
        pcap.lengths = match (major, minor) {
            (2, 0..=2) => Lengths::WireFirst,
            (2, 3) => Lengths::Unsure,
            _ => Lengths::CapturedFirst,
        };
        if major != 2 || minor > 4 {
            tally.problem(format!(
                "version {major}.{minor} of pcap is not known: read like version 2.4"
            ));
        }
        pcap.max_length = snaplen.clamp(USUAL_MAX, MAX_FRAME);
        pcap.link = Link::from_number(network & 0xffff);
        // Bit 26: the length of the checksum is known; bits 28 to 31: that length in units of two bytes.
        pcap.checksum = if network & (1 << 26) == 0 {
            0
        } else {
            (network >> 28) * 2
        };
        tally.link(pcap.link);
        pcap.find_record_header(tape);
        pcap
    }

    /// Record headers that are longer than the magic number says show by records that follow one another in no other way.
    fn find_record_header(&mut self, tape: &mut Tape) {
        let stated = self.record_header;
        let view = tape.view(self.at, FIRST_RECORDS);
        for more in [0, 4, 8] {
            self.record_header = stated + more;
            if self.chain(view.bytes, view.ends, None) {
                return;
            }
        }
        self.record_header = stated;
    }

    pub(crate) fn describe(&self) -> String {
        let order = if self.endian == Endian::Big {
            "big endian"
        } else {
            "little endian"
        };
        let unit = if self.nanoseconds {
            "nanoseconds"
        } else {
            "microseconds"
        };
        let variant = if self.record_header == 16 {
            ""
        } else {
            ", long record headers"
        };
        format!("pcap, {order}, {unit}{variant}")
    }

    /// Puts the next record where the one before was: it is written once, in place, some millions of times a second.
    #[inline]
    pub(crate) fn next(&mut self, tape: &mut Tape, tally: &mut Tally, record: &mut Record) -> bool {
        let bytes = tape.rest(self.at);
        if let Some(header) = self.header(bytes)
            && bytes.len() >= self.total(&header)
            && self.plausible(&header, self.last_secs)
        {
            self.record(&header, tally, record);
            return true;
        }
        self.next_with_care(tape, tally, record)
    }

    /// The next record where it is not all there yet, or odd, or none.
    #[cold]
    fn next_with_care(&mut self, tape: &mut Tape, tally: &mut Tally, record: &mut Record) -> bool {
        while !self.over {
            let view = tape.view(self.at, self.record_header);
            let Some(header) = self.header(view.bytes) else {
                let there = view.bytes.len();
                self.over = true;
                if there > 0 {
                    tally.problem(format!(
                        "cut off inside the header of frame {} at {}: {there} of {} bytes are there",
                        tally.next_number(),
                        tally.byte(self.at + there as u64),
                        self.record_header
                    ));
                }
                return false;
            };
            let total = self.total(&header);
            let whole = view.bytes.len() >= total
                || (self.possible(&header)
                    && !view.ends
                    && tape.view(self.at, total).bytes.len() >= total);
            if whole && (self.plausible(&header, self.last_secs) || self.believable(tape, &header))
            {
                self.record(&header, tally, record);
                return true;
            }
            self.recover(tape, tally, &header, whole);
        }
        false
    }

    #[inline]
    fn record(&mut self, header: &Header, tally: &mut Tally, record: &mut Record) {
        let unit = if self.nanoseconds { 1 } else { 1000 };
        let time = Time(i64::from(header.secs) * 1_000_000_000 + i64::from(header.fraction) * unit);
        let mut wire_len = header
            .wire_len
            .max(header.length)
            .saturating_sub(self.checksum);
        if wire_len > MAX_FRAME {
            tally.problem(format!(
                "frame {} at {} says it was {wire_len} bytes long on the wire: taken for as long as it is here",
                tally.next_number(),
                tally.byte(self.at)
            ));
            wire_len = header.length;
        }
        record.at = self.at + self.record_header as u64;
        record.length = header.length.min(wire_len);
        record.wire_len = wire_len;
        record.time = time;
        record.link = self.link;
        record.number = tally.next_number();
        tally.frame(record);
        tally.time(time);
        self.at += self.total(header) as u64;
        self.last_secs = Some(header.secs);
    }

    #[inline]
    fn header(&self, bytes: &[u8]) -> Option<Header> {
        let [secs, fraction, first, second] = self.endian.four(bytes)?;
        if bytes.len() < self.record_header {
            return None;
        }
        let swap = match self.lengths {
            Lengths::CapturedFirst => false,
            Lengths::WireFirst => true,
            Lengths::Unsure => first > second,
        };
        let (length, wire_len) = if swap {
            (second, first)
        } else {
            (first, second)
        };
        Some(Header {
            secs,
            fraction,
            length,
            wire_len,
        })
    }

    fn total(&self, header: &Header) -> usize {
        self.record_header + header.length as usize
    }

    /// Not absurd as far as the next record is found by it. A header of zeros is a hole: no frame has no length and no
    /// time.
    fn possible(&self, header: &Header) -> bool {
        let hole =
            header.secs == 0 && header.fraction == 0 && header.length == 0 && header.wire_len == 0;
        header.length <= self.max_length && !hole
    }

    /// Everything about it is as it should be.
    #[inline]
    fn plausible(&self, header: &Header, last_secs: Option<u32>) -> bool {
        let limit = if self.nanoseconds {
            1_000_000_000
        } else {
            1_000_000
        };
        header.length > 0
            && header.length <= header.wire_len
            && header.wire_len <= self.max_length
            && header.fraction < limit
            && last_secs.is_none_or(|last| near(last, header.secs))
    }

    /// An odd header counts if proper records follow it, or if it is one of many odd ones that follow one another.
    ///
    /// Otherwise its length may be what is damaged; then going by it would lose the records after it, or worse, go
    /// on out of step. So a boundary that is beyond doubt and that the odd records miss speaks against them.
    fn believable(&mut self, tape: &mut Tape, header: &Header) -> bool {
        if !self.possible(header) || self.at < self.trusted {
            return self.possible(header);
        }
        let (at, total) = (self.at, self.total(header));
        let view = tape.view(at, total.saturating_add(SEEK));
        let after = view.bytes.get(total..).unwrap_or(&[]);
        // A time that cannot be vouched for vouches for none that follows.
        let vouched =
            header.secs >= EARLY_SECS || self.last_secs.is_none_or(|last| near(last, header.secs));
        let before = if vouched {
            Some(header.secs)
        } else {
            self.last_secs
        };
        if self.chain(after, view.ends, before) || (view.ends && after.len() < self.record_header) {
            return true;
        }
        let from = usize::try_from(self.sought.saturating_sub(at))
            .unwrap_or(usize::MAX)
            .max(1);
        let until = (self.record_header + USUAL_MAX as usize).min(view.bytes.len());
        let boundary = (from..until).find(|place| {
            let rest = view.bytes.get(*place..).unwrap_or(&[]);
            self.chain(rest, view.ends, self.last_secs)
        });
        // With no boundary to lead to, a few odd records in a row will do.
        let hops = if boundary.is_some() {
            usize::MAX
        } else {
            CHAIN
        };
        let mut ahead = total;
        for _ in 0..hops {
            if boundary.is_some_and(|boundary| ahead >= boundary) {
                break;
            }
            let Some(next) = view.bytes.get(ahead..).and_then(|rest| self.header(rest)) else {
                break;
            };
            if !self.possible(&next) {
                return false;
            }
            ahead = ahead.saturating_add(self.total(&next));
        }
        match boundary {
            None => self.sought = at + until as u64,
            Some(boundary) if boundary == ahead => self.trusted = at + boundary as u64,
            Some(_) => return false,
        }
        true
    }

    /// Says what is wrong at `self.at`, and goes on behind it if there is a behind.
    fn recover(&mut self, tape: &mut Tape, tally: &mut Tally, header: &Header, whole: bool) {
        let damage = self.at;
        let cut = self.possible(header) && !whole;
        // A stream lets go of what was passed while seeking, so what the message needs is taken before.
        let there = if cut {
            tape.view(damage, self.total(header)).bytes.len()
        } else {
            0
        };
        let (found, end) = self.seek(tape, damage + 1);
        let (frame, after) = (tally.next_number(), tally.after());
        match found {
            Some(next) => {
                tally.problem(format!(
                    "damaged at {} {after}: no record begins there; skipped {} bytes and read on at {}",
                    tally.byte(damage),
                    next - damage,
                    tally.byte(next)
                ));
                self.at = next;
            }
            None => {
                self.over = true;
                tally.problem(if cut {
                    format!(
                        "cut off inside frame {frame} at {}: {} of {} bytes are there",
                        tally.byte(damage + there as u64),
                        there.saturating_sub(self.record_header),
                        header.length
                    )
                } else {
                    format!(
                        "damaged at {} {after}: no further record in the {} bytes that follow",
                        tally.byte(damage),
                        end - damage
                    )
                });
            }
        }
    }

    /// The next place from which records follow one another, or where the tape ends. Each byte is looked at once.
    fn seek(&self, tape: &mut Tape, from: u64) -> (Option<u64>, u64) {
        let mut from = from;
        loop {
            let view = tape.view(from, SEEK);
            let left_over = if view.ends { 0 } else { SEEK_AHEAD };
            let places = view.bytes.len().saturating_sub(left_over);
            let found = (0..places).find(|place| {
                let rest = view.bytes.get(*place..).unwrap_or(&[]);
                self.chain(rest, view.ends, self.last_secs)
            });
            if let Some(place) = found {
                return (Some(from + place as u64), from);
            }
            from += places as u64;
            if view.ends {
                return (None, from);
            }
        }
    }

    /// Whether proper records follow one another here, after a frame of that time.
    fn chain(&self, bytes: &[u8], ends: bool, before: Option<u32>) -> bool {
        let Some(first) = self
            .header(bytes)
            .filter(|first| self.plausible(first, None))
        else {
            return false;
        };
        let near = before.is_some_and(|before| near(before, first.secs));
        if !near && first.secs < EARLY_SECS {
            return false;
        }
        let needed = if near { CHAIN - 1 } else { CHAIN };
        let (mut at, mut last) = (self.total(&first), first.secs);
        for count in 1..needed {
            if at >= bytes.len() {
                // The last record of all ends where the file does, or is cut off.
                return ends && ((near && at == bytes.len()) || count > 1);
            }
            let Some(header) = bytes.get(at..).and_then(|rest| self.header(rest)) else {
                return near || count > 1;
            };
            if !self.plausible(&header, Some(last)) {
                return false;
            }
            last = header.secs;
            at += self.total(&header);
        }
        true
    }
}

fn near(secs: u32, other: u32) -> bool {
    secs.abs_diff(other) <= NEAR_SECS
}
