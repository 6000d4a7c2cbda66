//! pcap: a file header, then records until the end.
//!
//! Spec: PCAP Capture File Format, draft-ietf-opsawg-pcap. Also read: `a1b2cd34` of old Linux systems, whose record
//! headers have eight bytes more, and versions before 2.4, which swap both lengths.
//! A record header says nothing that would identify it, so damage shows only in absurd numbers; then the next place is
//! sought where several records follow one another in agreement. Frames after a damage are numbered as read.
//! Blind to: damage inside a frame, and to what a link type with a pseudo header says of the direction.
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

/// Records that must follow one another before a place counts as a record boundary; one less where a frame before it
/// says what time it should be.
const CHAIN: usize = 3;

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
        pcap
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

    pub(crate) fn next(&mut self, tape: &mut Tape, tally: &mut Tally) -> Option<Record> {
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
                return None;
            };
            let total = self.total(&header);
            let whole = view.bytes.len() >= total
                || (self.possible(&header)
                    && !view.ends
                    && tape.view(self.at, total).bytes.len() >= total);
            if whole && (self.plausible(&header, self.last_secs) || self.borne_out(tape, &header)) {
                return Some(self.record(&header, tally));
            }
            self.recover(tape, tally, &header, whole);
        }
        None
    }

    fn record(&mut self, header: &Header, tally: &mut Tally) -> Record {
        let unit = if self.nanoseconds { 1 } else { 1000 };
        let time = Time(i64::from(header.secs) * 1_000_000_000 + i64::from(header.fraction) * unit);
        let wire_len = header
            .wire_len
            .max(header.length)
            .saturating_sub(self.checksum);
        let record = Record {
            at: self.at + self.record_header as u64,
            length: header.length.min(wire_len),
            wire_len,
            time,
            link: self.link,
            number: tally.next_number(),
        };
        tally.frame(&record);
        tally.time(time);
        self.at += self.total(header) as u64;
        self.last_secs = Some(header.secs);
        record
    }

    #[inline]
    fn header(&self, bytes: &[u8]) -> Option<Header> {
        let bytes = bytes.get(..self.record_header)?;
        let (first, second) = (self.endian.u32(bytes, 8)?, self.endian.u32(bytes, 12)?);
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
            secs: self.endian.u32(bytes, 0)?,
            fraction: self.endian.u32(bytes, 4)?,
            length,
            wire_len,
        })
    }

    fn total(&self, header: &Header) -> usize {
        self.record_header + header.length as usize
    }

    /// Not absurd. A header of zeros is a hole: no frame has no length and no time.
    fn possible(&self, header: &Header) -> bool {
        let hole =
            header.secs == 0 && header.fraction == 0 && header.length == 0 && header.wire_len == 0;
        header.length <= self.max_length && header.wire_len <= MAX_FRAME && !hole
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
            && last_secs.is_none_or(|last| last.abs_diff(header.secs) <= NEAR_SECS)
    }

    /// An odd header counts if no absurd one follows: some writers are odd throughout.
    fn borne_out(&self, tape: &mut Tape, header: &Header) -> bool {
        if !self.possible(header) {
            return false;
        }
        let start = self.at;
        let mut ahead = self.total(header);
        for _ in 0..CHAIN {
            let view = tape.view(start, ahead.saturating_add(self.record_header));
            let Some(next) = view.bytes.get(ahead..).and_then(|rest| self.header(rest)) else {
                return true;
            };
            if !self.possible(&next) {
                return false;
            }
            ahead = ahead.saturating_add(self.total(&next));
            if ahead > SEEK {
                return true;
            }
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
            let places = if view.ends {
                view.bytes.len()
            } else {
                view.bytes.len().saturating_sub(SEEK_AHEAD)
            };
            let found = (0..places)
                .find(|place| self.chain(view.bytes.get(*place..).unwrap_or(&[]), view.ends));
            if let Some(place) = found {
                return (Some(from + place as u64), from);
            }
            from += places as u64;
            if view.ends {
                return (None, from);
            }
        }
    }

    fn chain(&self, bytes: &[u8], ends: bool) -> bool {
        let mut at = 0;
        let mut last = self.last_secs;
        for count in 0..CHAIN - usize::from(last.is_some()) {
            if ends && at == bytes.len() {
                return count > 0;
            }
            let Some(header) = bytes.get(at..).and_then(|rest| self.header(rest)) else {
                return count > 1;
            };
            if !self.plausible(&header, last) {
                return false;
            }
            last = Some(header.secs);
            at += self.total(&header);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Seen, data, hex, pcap, record, walk};

    const NOON: u32 = 1_732_190_400;

    fn numbers(seen: &[Seen]) -> Vec<u32> {
        seen.iter().map(|frame| frame.number).collect()
    }

    /// Five frames of 60 bytes, a second apart.
    fn five() -> Vec<u8> {
        let mut bytes = pcap(65_535, 1);
        for n in 0..5u8 {
            bytes.extend(record(NOON + u32::from(n), 7, &data(n, 60), 60));
        }
        bytes
    }

    #[test]
    fn both_byte_orders_and_both_units_say_the_same_time() {
        let frame = "aabbccdd";
        for (head, header, nanoseconds) in [
            (
                "a1b2c3d4 0002 0004 00000000 00000000 0000ffff 00000001",
                "00000001 00000002 00000004 00000009",
                1_000_002_000,
            ),
            (
                "d4c3b2a1 0200 0400 00000000 00000000 ffff0000 01000000",
                "01000000 02000000 04000000 09000000",
                1_000_002_000,
            ),
            (
                "a1b23c4d 0002 0004 00000000 00000000 0000ffff 00000001",
                "00000001 00000002 00000004 00000009",
                1_000_000_002,
            ),
            (
                "4d3cb2a1 0200 0400 00000000 00000000 ffff0000 01000000",
                "01000000 02000000 04000000 09000000",
                1_000_000_002,
            ),
            // Long record headers: interface 3, protocol 0800, packet type 0, padding.
            (
                "a1b2cd34 0002 0004 00000000 00000000 0000ffff 00000001",
                "00000001 00000002 00000004 00000009 00000003 0800 00 00",
                1_000_002_000,
            ),
            // Version 2.2 has the length on the wire first.
            (
                "a1b2c3d4 0002 0002 00000000 00000000 0000ffff 00000001",
                "00000001 00000002 00000009 00000004",
                1_000_002_000,
            ),
        ] {
            let bytes = hex(&[head, header, frame].concat());
            let (seen, summary) = walk(&bytes).unwrap();
            let expect = Seen {
                number: 1,
                nanoseconds,
                link: Link::Ethernet,
                data: hex(frame),
                wire_len: 9,
            };
            assert_eq!(seen, [expect], "{head}");
            assert_eq!(summary.problems, Vec::<String>::new());
            assert_eq!((summary.packets, summary.snapped), (1, 1));
        }
    }

    #[test]
    fn a_checksum_that_the_file_declares_is_no_part_of_the_frame() {
        // Link type 1, bit 26, two units of two bytes.
        let mut bytes = pcap(65_535, 1 | 1 << 26 | 2 << 28);
        bytes.extend(record(NOON, 0, &data(1, 64), 64));
        bytes.extend(record(NOON, 0, &data(1, 40), 64));
        let (seen, summary) = walk(&bytes).unwrap();
        assert_eq!((seen[0].data.len(), seen[0].wire_len), (60, 60));
        assert_eq!((seen[1].data.len(), seen[1].wire_len), (40, 60));
        assert_eq!(seen[0].link, Link::Ethernet);
        assert_eq!(summary.snapped, 1, "a frame without its checksum is whole");
    }

    #[test]
    fn an_unknown_link_type_is_counted_and_named() {
        let mut bytes = pcap(65_535, 220);
        bytes.extend(record(NOON, 0, &data(1, 64), 64));
        bytes.extend(record(NOON, 0, &data(2, 64), 64));
        let (seen, summary) = walk(&bytes).unwrap();
        assert_eq!(seen[1].link, Link::Other(220));
        assert_eq!((summary.packets, summary.undecoded), (2, 2));
        assert_eq!(summary.links, ["USB (Linux, padded) (link type 220)"]);
        assert_eq!(
            summary.problems,
            [
                "2 frames of USB (Linux, padded) (link type 220): link type not decoded, counted only"
            ]
        );
    }

    #[test]
    fn a_cut_says_where_and_how_much_is_there() {
        let whole = five();
        for (length, frames, problem) in [
            (
                10,
                0,
                Some("cut off inside the file header: 10 of 24 bytes are there"),
            ),
            (24, 0, None),
            (
                29,
                0,
                Some("cut off inside the header of frame 1 at byte 29: 5 of 16 bytes are there"),
            ),
            (
                24 + 4 * 76 + 16 + 40,
                4,
                Some("cut off inside frame 5 at byte 384: 40 of 60 bytes are there"),
            ),
            (24 + 4 * 76, 4, None),
        ] {
            let (seen, summary) = walk(&whole[..length]).unwrap();
            assert_eq!(seen.len(), frames, "{length} bytes");
            assert_eq!(summary.problems, Vec::from_iter(problem.map(str::to_owned)));
        }
    }

    #[test]
    fn reading_goes_on_behind_a_damaged_record() {
        let record_3 = 24 + 2 * 76;
        // A length beyond all bounds; one that is too long by a little; one that would reach past the end.
        for (value, field) in [
            (0xffff_fff0_u32, 8),
            (61, 8),
            (200_000, 8),
            (0xf000_0000, 12),
        ] {
            let mut bytes = five();
            bytes[record_3 + field..record_3 + field + 4].copy_from_slice(&value.to_le_bytes());
            let (seen, summary) = walk(&bytes).unwrap();
            assert_eq!(numbers(&seen), [1, 2, 3, 4], "field {field} := {value}");
            assert_eq!(
                seen[2].data,
                data(3, 60),
                "the third read is the fourth written"
            );
            assert_eq!(
                summary.problems,
                [
                    "damaged at byte 176 after frame 2: no record begins there; skipped 76 bytes and read on at byte 252"
                ]
            );
        }
    }

    #[test]
    fn holes_and_garbage_between_records_are_passed_and_told() {
        let mut bytes = five();
        let end = bytes.len();
        bytes.extend([0; 4096]);
        bytes.extend(b"GET / HTTP/1.1 and other text that is no record at all");
        let middle = bytes.len();
        bytes.extend(record(NOON + 9, 0, &data(9, 60), 60));
        bytes.extend(record(NOON + 10, 0, &data(9, 60), 60));
        let after = bytes.len();
        bytes.extend([0; 100]);
        let (seen, summary) = walk(&bytes).unwrap();
        assert_eq!(numbers(&seen), [1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(
            summary.problems,
            [
                format!(
                    "damaged at byte {end} after frame 5: no record begins there; skipped {} bytes and read on at byte {middle}",
                    middle - end
                ),
                format!(
                    "damaged at byte {after} after frame 7: no further record in the 100 bytes that follow"
                ),
            ]
        );
    }

    #[test]
    fn odd_but_consistent_records_are_read_like_any_others() {
        let mut bytes = pcap(96, 1);
        // Fractions beyond a second, a length beyond the snap length, an empty frame, years between, time going back.
        bytes.extend(record(NOON, 5_000_000, &data(1, 60), 60));
        bytes.extend(record(NOON, 5_000_000, &data(2, 1500), 1500));
        bytes.extend(record(NOON, 0, &[], 60));
        bytes.extend(record(NOON + 400_000_000, 0, &data(3, 60), 60));
        bytes.extend(record(NOON, 0, &data(4, 60), 0));
        let (seen, summary) = walk(&bytes).unwrap();
        assert_eq!(numbers(&seen), [1, 2, 3, 4, 5]);
        assert_eq!(
            seen[4].wire_len, 60,
            "no frame was shorter on the wire than here"
        );
        assert_eq!(summary.problems, Vec::<String>::new());
        assert_eq!(summary.first, Some(Time(i64::from(NOON) * 1_000_000_000)));
        assert_eq!(
            summary.last,
            Some(Time(i64::from(NOON + 400_000_000) * 1_000_000_000))
        );
    }

    #[test]
    fn a_length_that_asks_for_gigabytes_takes_none() {
        let mut bytes = pcap(u32::MAX, 1);
        bytes.extend(record(NOON, 0, &data(1, 60), 60));
        bytes.extend(hex("00000000 00000000 ffffff0f ffffff0f 00"));
        let (seen, summary) = walk(&bytes).unwrap();
        assert_eq!(seen.len(), 1);
        assert_eq!(
            summary.problems,
            ["cut off inside frame 2 at byte 117: 1 of 268435455 bytes are there"]
        );
    }
}
