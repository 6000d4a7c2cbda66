//! pcapng: blocks with their length at both ends, in sections that each have a byte order and interfaces of their own.
//!
//! Spec: PCAP Now Generic, draft-ietf-opsawg-pcapng. Read are section headers, interface descriptions, enhanced, simple
//! and the obsolete packet blocks, and of interface statistics what the capturing machine dropped. Journal and system
//! call blocks hold no frame but are numbered, as Wireshark numbers them. All other blocks are passed over.
//! Blind to: checksum lengths stated per packet, names and secrets carried in blocks.
use facts::Time;
use wire::Link;

use crate::bytes::Endian;
use crate::pcap::MAX_FRAME;
use crate::tally::{Record, Tally};
use crate::tape::Tape;

const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const PACKET_OBSOLETE: u32 = 2;
const PACKET_SIMPLE: u32 = 3;
const STATISTICS: u32 = 5;
const PACKET: u32 = 6;
const JOURNAL: u32 = 9;
/// Sysdig events in their versions.
const SYSTEM_CALLS: [u32; 6] = [0x204, 0x208, 0x216, 0x217, 0x221, 0x222];

const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;

/// Type, two lengths.
const FRAMING: u32 = 12;
const MAX_BLOCK: u32 = MAX_FRAME + (64 << 10);
const MAX_INTERFACES: usize = 1 << 16;
const MAX_NAME: usize = 255;

/// While seeking in a stream: bytes looked at, and of them, bytes left over for the block found last.
const SEEK: usize = 4 << 20;
const SEEK_AHEAD: usize = 1 << 20;

/// How ticks become nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Resolution {
    Times(u64),
    Divided(u64),
    /// Ticks of 2 to the minus n seconds.
    Binary(u32),
}

impl Resolution {
    /// By option if_tsresol: the top bit chooses the base, the rest is the negative exponent.
    fn from_option(byte: u8) -> Resolution {
        let exponent = u32::from(byte & 0x7f);
        match (byte & 0x80, exponent) {
            (0, 0..=9) => Resolution::Times(10u64.pow(9 - exponent)),
            // Ticks that no 64 bits can make a nanosecond of.
            (0, _) => Resolution::Divided(10u64.checked_pow(exponent - 9).unwrap_or(u64::MAX)),
            _ => Resolution::Binary(exponent),
        }
    }

    fn nanoseconds(self, ticks: u64) -> i64 {
        let value = match self {
            Resolution::Times(factor) => i128::from(ticks) * i128::from(factor),
            Resolution::Divided(divisor) => i128::from(ticks / divisor),
            Resolution::Binary(exponent) => (i128::from(ticks) * 1_000_000_000)
                .checked_shr(exponent)
                .unwrap_or(0),
        };
        i64::try_from(value).unwrap_or(i64::MAX)
    }
}

#[derive(Debug)]
struct Interface {
    link: Link,
    snaplen: u32,
    resolution: Resolution,
    /// Added to every time, in nanoseconds.
    offset: i64,
    /// Bytes of checksum at the end of each frame.
    checksum: u32,
    dropped: u64,
}

#[derive(Debug)]
pub(crate) struct Pcapng {
    endian: Endian,
    interfaces: Vec<Interface>,
    /// Frames dropped by interfaces of earlier sections.
    dropped_before: u64,
    last_time: Time,
    at: u64,
    over: bool,
}

/// A block's type, byte order, length as stated, and the bytes that it takes.
#[derive(Clone, Copy, Debug)]
struct Block {
    kind: u32,
    endian: Endian,
    length: u32,
    /// Lengths that are no multiple of four are rounded up: some writers leave the padding out of the count.
    step: usize,
}

/// What a block meant.
enum Meaning {
    Frame(Record),
    Nothing,
}

impl Pcapng {
    pub(crate) fn open() -> Pcapng {
        Pcapng {
            endian: Endian::Little,
            interfaces: Vec::new(),
            dropped_before: 0,
            last_time: Time(0),
            at: 0,
            over: false,
        }
    }

    pub(crate) fn next(&mut self, tape: &mut Tape, tally: &mut Tally) -> Option<Record> {
        while !self.over {
            let at = self.at;
            let view = tape.view(at, FRAMING as usize);
            let there = view.bytes.len();
            if there < FRAMING as usize {
                self.over = true;
                if there > 0 {
                    let end = tally.byte(at + there as u64);
                    tally.problem(format!(
                        "cut off inside the header of a block at {end} {}",
                        tally.after()
                    ));
                }
                return None;
            }
            let Some(block) = self.block(view.bytes) else {
                self.recover(tape, tally, None);
                continue;
            };
            let bytes = if there >= block.step {
                view.bytes
            } else {
                tape.view(at, block.step).bytes
            };
            let Some(whole) = bytes.get(..block.step) else {
                self.recover(tape, tally, Some(block));
                continue;
            };
            if !block.closes(whole) {
                let stated = block
                    .endian
                    .u32(whole, block.step.saturating_sub(4))
                    .unwrap_or(0);
                // Two lengths that disagree: the first counts if a sound block follows where it says.
                let ahead = tape.view(at, block.step.saturating_add(SEEK_AHEAD));
                let rest = ahead.bytes.get(block.step..).unwrap_or(&[]);
                let follows = (ahead.ends && rest.is_empty()) || self.sound(rest).is_some();
                if !follows {
                    self.recover(tape, tally, None);
                    continue;
                }
                tally.problem(format!(
                    "the two lengths of the block at {} disagree ({} and {stated}): the first was taken",
                    tally.byte(at),
                    block.length
                ));
            }
            self.at = at + block.step as u64;
            let body = tape
                .view(at, block.step)
                .bytes
                .get(..block.step)
                .unwrap_or(&[]);
            if let Meaning::Frame(record) = self.meaning(block, at, body, tally) {
                return Some(record);
            }
        }
        None
    }

    /// Reads a block's first twelve bytes; `None` if they cannot begin a block.
    #[inline]
    fn block(&self, bytes: &[u8]) -> Option<Block> {
        let mut endian = self.endian;
        let mut kind = endian.u32(bytes, 0)?;
        // The type of a section reads the same in both orders; the magic number behind it tells which it is.
        if kind == SECTION {
            endian = [Endian::Little, Endian::Big]
                .into_iter()
                .find(|e| e.u32(bytes, 8) == Some(BYTE_ORDER_MAGIC))?;
            kind = SECTION;
        }
        let length = endian.u32(bytes, 4)?;
        if !(FRAMING..=MAX_BLOCK).contains(&length) {
            return None;
        }
        Some(Block {
            kind,
            endian,
            length,
            step: (length as usize).next_multiple_of(4),
        })
    }

    /// A whole block of a kind that captures are made of, its two lengths the same.
    fn sound(&self, bytes: &[u8]) -> Option<Block> {
        let block = self.block(bytes)?;
        let known = matches!(
            block.kind,
            SECTION | INTERFACE..=PACKET | JOURNAL | 0xa | 0xbad | 0x4000_0bad
        );
        (known && block.length % 4 == 0 && block.closes(bytes.get(..block.step)?)).then_some(block)
    }

    fn meaning(&mut self, block: Block, at: u64, bytes: &[u8], tally: &mut Tally) -> Meaning {
        match block.kind {
            SECTION => self.section(block, at, bytes, tally),
            INTERFACE => self.interface(block, at, bytes, tally),
            PACKET | PACKET_OBSOLETE | PACKET_SIMPLE => {
                if let Some(record) = self.packet(block, at, bytes, tally) {
                    return Meaning::Frame(record);
                }
            }
            STATISTICS => self.statistics(block, bytes, tally),
            JOURNAL => tally.no_frame(),
            kind if SYSTEM_CALLS.contains(&kind) => tally.no_frame(),
            _ => {}
        }
        Meaning::Nothing
    }

    fn section(&mut self, block: Block, at: u64, bytes: &[u8], tally: &mut Tally) {
        self.endian = block.endian;
        self.dropped_before = self.dropped();
        self.interfaces.clear();
        let version = (block.endian.u16(bytes, 12), block.endian.u16(bytes, 14));
        // Version 1.2 is 1.0 by another name.
        if let (Some(major), Some(minor)) = version
            && !matches!((major, minor), (1, 0 | 2))
        {
            tally.problem(format!(
                "version {major}.{minor} of pcapng in the section at {} is not known: read like version 1.0",
                tally.byte(at)
            ));
        }
    }

    fn interface(&mut self, block: Block, at: u64, bytes: &[u8], tally: &mut Tally) {
        let (Some(network), Some(snaplen)) =
            (block.endian.u16(bytes, 8), block.endian.u32(bytes, 12))
        else {
            tally.problem(format!(
                "the interface description at {} is too short to be read",
                tally.byte(at)
            ));
            return;
        };
        if self.interfaces.len() >= MAX_INTERFACES {
            return;
        }
        let mut interface = Interface {
            link: Link::from_number(u32::from(network)),
            snaplen,
            resolution: Resolution::Times(1000),
            offset: 0,
            checksum: 0,
            dropped: 0,
        };
        for (code, value) in options(block, bytes, 16) {
            match (code, value) {
                (2, name) => {
                    let name = String::from_utf8_lossy(
                        name.get(..name.len().min(MAX_NAME)).unwrap_or(name),
                    );
                    tally.interface(name.trim_end_matches('\0').to_owned());
                }
                (9, [byte, ..]) => interface.resolution = Resolution::from_option(*byte),
                // In bytes; early drafts said bits.
                (13, [length @ 0..=8]) => interface.checksum = u32::from(*length),
                (13, [bits @ (16 | 32 | 64)]) => interface.checksum = u32::from(*bits / 8),
                (14, value) => {
                    let secs = block.endian.u64(value, 0).map_or(0, u64::cast_signed);
                    interface.offset = secs.saturating_mul(1_000_000_000);
                }
                _ => {}
            }
        }
        tally.link(interface.link);
        self.interfaces.push(interface);
    }

    fn statistics(&mut self, block: Block, bytes: &[u8], tally: &mut Tally) {
        let Some(index) = block.endian.u32(bytes, 8) else {
            return;
        };
        // isb_ifdrop and isb_osdrop: by the interface, by the system. Both count from the start of the capture.
        let dropped = options(block, bytes, 20)
            .filter(|(code, _)| matches!(code, 5 | 7))
            .filter_map(|(_, value)| block.endian.u64(value, 0))
            .fold(0u64, u64::saturating_add);
        if let Some(interface) = self.interfaces.get_mut(index as usize) {
            interface.dropped = interface.dropped.max(dropped);
            tally.dropped(self.dropped());
        }
    }

    fn dropped(&self) -> u64 {
        self.interfaces
            .iter()
            .fold(self.dropped_before, |sum, interface| {
                sum.saturating_add(interface.dropped)
            })
    }

    #[inline]
    fn packet(&mut self, block: Block, at: u64, bytes: &[u8], tally: &mut Tally) -> Option<Record> {
        let endian = block.endian;
        let (index, ticks, data, length, wire_len) = if block.kind == PACKET_SIMPLE {
            (0, None, 12, None, endian.u32(bytes, 8))
        } else {
            let index = if block.kind == PACKET {
                endian.u32(bytes, 8)
            } else {
                endian.u16(bytes, 8).map(u32::from)
            };
            let ticks = match (endian.u32(bytes, 12), endian.u32(bytes, 16)) {
                (Some(high), Some(low)) => Some(u64::from(high) << 32 | u64::from(low)),
                _ => None,
            };
            (
                index.unwrap_or(u32::MAX),
                ticks,
                28,
                endian.u32(bytes, 20),
                endian.u32(bytes, 24),
            )
        };
        // The block's second length follows the data.
        let room = u32::try_from(bytes.len().saturating_sub(data + 4)).unwrap_or(0);
        let Some(interface) = self.interfaces.get(index as usize) else {
            tally.undescribed(index);
            return None;
        };
        let wire_len = wire_len.unwrap_or(0);
        // A simple packet block leaves its length to the snap length and the block.
        let snapped_to = if interface.snaplen == 0 {
            u32::MAX
        } else {
            interface.snaplen
        };
        let length = length.unwrap_or_else(|| wire_len.min(snapped_to).min(room));
        if length > room {
            tally.problem(format!(
                "frame {} at {} says it holds {length} bytes, its block has {room}: read as far as the block goes",
                tally.next_number(),
                tally.byte(at)
            ));
        }
        let wire_len = wire_len.max(length).saturating_sub(interface.checksum);
        let time = match ticks {
            Some(ticks) => Time(
                interface
                    .resolution
                    .nanoseconds(ticks)
                    .saturating_add(interface.offset),
            ),
            None => self.last_time,
        };
        let record = Record {
            at: at + data as u64,
            length: length.min(room).min(wire_len),
            wire_len,
            time,
            link: interface.link,
            number: tally.next_number(),
        };
        tally.frame(&record);
        if ticks.is_some() {
            self.last_time = time;
            tally.time(time);
        } else {
            tally.timeless();
        }
        Some(record)
    }

    /// Says what is wrong at `self.at`, and goes on behind it if there is a behind. `cut`: the block that does not fit.
    fn recover(&mut self, tape: &mut Tape, tally: &mut Tally, cut: Option<Block>) {
        let damage = self.at;
        // A stream lets go of what was passed while seeking, so what the message needs is taken before.
        let there = cut.map_or(0, |block| tape.view(damage, block.step).bytes.len());
        let (found, end) = self.seek(tape, damage + 1);
        let (frame, after) = (tally.next_number(), tally.after());
        let sentence = match (found, cut) {
            (Some(next), _) => format!(
                "damaged at {} {after}: no block begins there; skipped {} bytes and read on at {}",
                tally.byte(damage),
                next - damage,
                tally.byte(next)
            ),
            (None, Some(block)) => {
                let end = tally.byte(damage + there as u64);
                let length = block.length;
                match block.kind {
                    PACKET | PACKET_OBSOLETE | PACKET_SIMPLE => {
                        format!(
                            "cut off inside frame {frame} at {end}: {there} of the {length} bytes of its block are there"
                        )
                    }
                    _ => format!(
                        "cut off inside a block at {end} {after}: {there} of its {length} bytes are there"
                    ),
                }
            }
            (None, None) => format!(
                "damaged at {} {after}: no further block in the {} bytes that follow",
                tally.byte(damage),
                end - damage
            ),
        };
        tally.problem(sentence);
        match found {
            Some(next) => self.at = next,
            None => self.over = true,
        }
    }

    /// The next place where a sound block lies, or where the tape ends. Each byte is looked at once.
    fn seek(&self, tape: &mut Tape, from: u64) -> (Option<u64>, u64) {
        let mut from = from;
        loop {
            let view = tape.view(from, SEEK);
            let places = if view.ends {
                view.bytes.len()
            } else {
                view.bytes.len().saturating_sub(SEEK_AHEAD)
            };
            let found = (0..places).find(|place| {
                view.bytes
                    .get(*place..)
                    .is_some_and(|rest| self.sound(rest).is_some())
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
}

impl Block {
    /// Whether the length at the end is that of the beginning.
    #[inline]
    fn closes(&self, whole: &[u8]) -> bool {
        self.endian.u32(whole, self.step.saturating_sub(4)) == Some(self.length)
    }
}

/// The options from a place of a block on, until their end or the first that does not fit.
fn options(block: Block, bytes: &[u8], from: usize) -> impl Iterator<Item = (u16, &[u8])> {
    let end = bytes.len().saturating_sub(4);
    let mut rest = bytes.get(from..end).unwrap_or(&[]);
    std::iter::from_fn(move || {
        let code = block.endian.u16(rest, 0).filter(|code| *code != 0)?;
        let length = usize::from(block.endian.u16(rest, 2)?);
        let value = rest.get(4..4 + length)?;
        rest = rest.get((4 + length).next_multiple_of(4)..).unwrap_or(&[]);
        Some((code, value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{block, data, hex, interface, packet, section, walk};

    const NONE: Vec<String> = Vec::new();

    /// A section, an Ethernet interface, three frames of 61 bytes: blocks of 28, 20, and three of 96 bytes.
    fn three() -> Vec<u8> {
        let mut bytes = [section(), interface(1, 0, "")].concat();
        for n in 0..3u8 {
            bytes.extend(packet(
                0,
                1_732_190_400_000_000 + u64::from(n),
                &data(n, 61),
                61,
            ));
        }
        bytes
    }

    #[test]
    fn interfaces_have_their_own_link_type_resolution_offset_and_name() {
        let bytes = [
            section(),
            // if_name eth1
            interface(1, 0, "0200 0400 65746831 00000000"),
            // if_tsresol 9
            interface(113, 0, "0900 0100 09000000 00000000"),
            // if_tsresol 2 to the minus 10, if_tsoffset 100 s
            interface(
                101,
                0,
                "0900 0100 8a000000 0e00 0800 6400000000000000 00000000",
            ),
            // if_tsresol 12
            interface(1, 0, "0900 0100 0c000000"),
            packet(0, 5_000_001, &data(0, 3), 3),
            packet(1, 5_000_000_001, &data(1, 4), 90),
            packet(2, 1024 + 512, &data(2, 5), 5),
            packet(3, 5_000_000_001_999, &data(2, 5), 5),
        ]
        .concat();
        let (seen, summary) = walk(&bytes).unwrap();
        let got: Vec<_> = seen
            .iter()
            .map(|frame| (frame.number, frame.link, frame.nanoseconds))
            .collect();
        assert_eq!(
            got,
            [
                (1, Link::Ethernet, 5_000_001_000),
                (2, Link::Sll, 5_000_000_001),
                (3, Link::Raw, 101_500_000_000),
                (4, Link::Ethernet, 5_000_000_001)
            ]
        );
        assert_eq!(seen[1].data, data(1, 4));
        assert_eq!(summary.links, ["Ethernet", "Linux cooked v1", "raw IP"]);
        assert_eq!(summary.interfaces, ["eth1"]);
        assert_eq!(
            (summary.packets, summary.snapped, summary.problems),
            (4, 1, NONE)
        );
    }

    #[test]
    fn ticks_that_no_time_can_hold_stop_at_the_last_time() {
        assert_eq!(Resolution::from_option(0).nanoseconds(u64::MAX), i64::MAX);
        assert_eq!(Resolution::from_option(0x7f).nanoseconds(u64::MAX - 1), 0);
        assert_eq!(Resolution::from_option(0xff).nanoseconds(u64::MAX), 0);
        assert_eq!(Resolution::from_option(0x80).nanoseconds(3), 3_000_000_000);
    }

    #[test]
    fn each_section_has_its_own_byte_order_and_interfaces() {
        let big = "0a0d0d0a 0000001c 1a2b3c4d 0001 0000 ffffffffffffffff 0000001c
            00000001 00000014 0001 0000 00000000 00000014
            00000006 00000024 00000000 00000000 00000001 00000004 00000004 aabbccdd 00000024";
        let bytes = [three(), hex(big), three()].concat();
        let (seen, summary) = walk(&bytes).unwrap();
        assert_eq!(seen.len(), 7);
        assert_eq!(
            (seen[3].nanoseconds, seen[3].data.as_slice()),
            (1000, hex("aabbccdd").as_slice())
        );
        assert_eq!(seen[6].number, 7);
        assert_eq!(summary.problems, NONE);

        // The second section does not inherit the interface of the first.
        let bytes = [three(), section(), packet(0, 0, &data(1, 8), 8)].concat();
        let (seen, summary) = walk(&bytes).unwrap();
        assert_eq!((seen.len(), summary.packets, summary.undecoded), (3, 4, 1));
        assert_eq!(
            summary.problems,
            [
                "1 frame of an interface that the file does not describe, counted only (the first is frame 4, interface 0)"
            ]
        );
    }

    #[test]
    fn simple_and_obsolete_packets_count_and_other_blocks_do_not() {
        let simple = |wire_len: u32, held: usize| {
            block(
                3,
                &[wire_len.to_le_bytes().to_vec(), data(7, held)].concat(),
            )
        };
        let obsolete = hex("0000 ffff 00000000 40420f00 04000000 04000000 aabbccdd");
        let bytes = [
            section(),
            interface(1, 8, ""),
            block(2, &obsolete),
            block(4, &hex("00000000")),           // name resolution
            block(0xbad, &hex("01020304")),       // custom
            block(0x8000_0001, &hex("01020304")), // local use
            simple(5, 5),
            simple(60, 8),
        ]
        .concat();
        let (seen, summary) = walk(&bytes).unwrap();
        let got: Vec<_> = seen
            .iter()
            .map(|f| (f.number, f.data.len(), f.wire_len, f.nanoseconds))
            .collect();
        assert_eq!(
            got,
            [
                (1, 4, 4, 1_000_000_000),
                (2, 5, 5, 1_000_000_000),
                (3, 8, 60, 1_000_000_000)
            ]
        );
        assert_eq!(
            summary.problems,
            ["2 frames without a time: each is given the time of the one before"]
        );
    }

    #[test]
    fn entries_without_a_frame_are_numbered_as_wireshark_numbers_them() {
        let journal = block(9, b"__REALTIME_TIMESTAMP=1700000000000000\nMESSAGE=hi\n");
        let bytes = [
            section(),
            interface(1, 0, ""),
            journal,
            packet(0, 1, &data(1, 8), 8),
        ]
        .concat();
        let (seen, summary) = walk(&bytes).unwrap();
        assert_eq!(
            (
                seen.len(),
                seen[0].number,
                summary.packets,
                summary.undecoded
            ),
            (1, 2, 2, 1)
        );
    }

    #[test]
    fn what_the_capturing_machine_dropped_is_told() {
        // isb_ifdrop 120, isb_osdrop 3; the later block holds the whole count again.
        let statistics =
            |drops: &str| block(5, &hex(&["00000000 00000000 00000000", drops].concat()));
        let bytes = [
            three(),
            statistics("0500 0800 0a00000000000000 00000000"),
            statistics("0500 0800 7800000000000000 0700 0800 0300000000000000 00000000"),
        ]
        .concat();
        let (_, summary) = walk(&bytes).unwrap();
        assert_eq!(
            summary.problems,
            ["the capturing machine dropped 123 frames: they are missing here"]
        );
    }

    #[test]
    fn a_declared_checksum_is_no_part_of_the_frame() {
        let bytes = [
            section(),
            interface(1, 0, "0d00 0100 04000000"),
            packet(0, 1, &data(1, 64), 64),
        ]
        .concat();
        let (seen, _) = walk(&bytes).unwrap();
        assert_eq!((seen[0].data.len(), seen[0].wire_len), (60, 60));
    }

    #[test]
    fn a_cut_says_where_and_how_much_is_there() {
        let whole = three();
        for (length, frames, problem) in [
            (48, 0, None),
            (48 + 96 * 2, 2, None),
            (
                48 + 96 * 2 + 5,
                2,
                Some("cut off inside the header of a block at byte 245 after frame 2"),
            ),
            (
                48 + 96 * 3 - 1,
                2,
                Some(
                    "cut off inside frame 3 at byte 335: 95 of the 96 bytes of its block are there",
                ),
            ),
            (
                40,
                0,
                Some(
                    "cut off inside a block at byte 40 before the first frame: 12 of its 20 bytes are there",
                ),
            ),
            (
                6,
                0,
                Some("cut off inside the header of a block at byte 6 before the first frame"),
            ),
        ] {
            let (seen, summary) = walk(&whole[..length]).unwrap();
            assert_eq!(seen.len(), frames, "{length} bytes");
            assert_eq!(summary.problems, Vec::from_iter(problem.map(str::to_owned)));
        }
    }

    #[test]
    fn reading_goes_on_behind_a_damaged_block() {
        let second = 48 + 96;
        for value in [0, 8, 97, 4096, u32::MAX] {
            let mut bytes = three();
            bytes[second + 4..second + 8].copy_from_slice(&u32::to_le_bytes(value));
            let (seen, summary) = walk(&bytes).unwrap();
            assert_eq!(
                seen.iter().map(|frame| frame.number).collect::<Vec<_>>(),
                [1, 2],
                "length := {value}"
            );
            assert_eq!(
                seen[1].data,
                data(2, 61),
                "the second read is the third written"
            );
            assert_eq!(
                summary.problems,
                [
                    "damaged at byte 144 after frame 1: no block begins there; skipped 96 bytes and read on at byte 240"
                ]
            );
        }
    }

    #[test]
    fn a_wrong_second_length_alone_loses_no_frame() {
        for block in 0..3 {
            let mut bytes = three();
            let end = 48 + 96 * (block + 1);
            bytes[end - 4..end].copy_from_slice(&5u32.to_le_bytes());
            let (seen, summary) = walk(&bytes).unwrap();
            assert_eq!(seen.len(), 3);
            let at = end - 96;
            let expect = format!(
                "the two lengths of the block at byte {at} disagree (96 and 5): the first was taken"
            );
            assert_eq!(summary.problems, [expect]);
        }
    }

    #[test]
    fn padding_left_out_of_the_length_is_there_all_the_same() {
        let mut bytes = three();
        for at in [48 + 4, 48 + 92] {
            bytes[at..at + 4].copy_from_slice(&93u32.to_le_bytes());
        }
        let (seen, summary) = walk(&bytes).unwrap();
        assert_eq!(
            (seen.len(), seen[0].data.len(), summary.problems),
            (3, 61, NONE)
        );
    }

    #[test]
    fn a_frame_ends_where_its_block_ends() {
        let mut bytes = three();
        bytes[48 + 20..48 + 24].copy_from_slice(&100u32.to_le_bytes());
        let (seen, summary) = walk(&bytes).unwrap();
        assert_eq!(
            (seen.len(), seen[0].data.len(), seen[0].wire_len),
            (3, 64, 100)
        );
        assert_eq!(
            summary.problems,
            [
                "frame 1 at byte 48 says it holds 100 bytes, its block has 64: read as far as the block goes"
            ]
        );
    }

    #[test]
    fn text_behind_the_last_block_is_told() {
        let bytes = [three(), b"-- end of capture, copied by hand --".to_vec()].concat();
        let (seen, summary) = walk(&bytes).unwrap();
        assert_eq!(seen.len(), 3);
        assert_eq!(
            summary.problems,
            ["damaged at byte 336 after frame 3: no further block in the 36 bytes that follow"]
        );
    }
}
