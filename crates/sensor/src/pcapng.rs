//! pcapng: blocks with their length at both ends, in sections that each have a byte order and interfaces of their own.
//!
//! Spec: PCAP Now Generic, draft-ietf-opsawg-pcapng. Read are section headers, interface descriptions, enhanced, simple
//! and the obsolete packet blocks, and what the capturing machine dropped, as interface statistics or packets tell it.
//! Journal and system call blocks hold no frame but are numbered, as Wireshark numbers them. All other blocks are passed
//! over.
//! Blind to: names and secrets carried in blocks, and what a packet's options say of its direction and its hash.
#[cfg(test)]
mod tests;

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
    /// Frames that its statistics say were dropped, and those that its packets say were before them. Both are of the whole
    /// capture, so the higher counts.
    dropped: u64,
    missed: u64,
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

    /// Puts the next record where the one before was.
    pub(crate) fn next(&mut self, tape: &mut Tape, tally: &mut Tally, record: &mut Record) -> bool {
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
                return false;
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
            if self.meaning(block, at, body, tally, record) {
                return true;
            }
        }
        false
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

    /// Takes a block for what it is; whether it gave a frame.
    fn meaning(
        &mut self,
        block: Block,
        at: u64,
        bytes: &[u8],
        tally: &mut Tally,
        record: &mut Record,
    ) -> bool {
        match block.kind {
            SECTION => self.section(block, at, bytes, tally),
            INTERFACE => self.interface(block, at, bytes, tally),
            PACKET | PACKET_OBSOLETE | PACKET_SIMPLE => {
                return self.packet(block, at, bytes, tally, record);
            }
            STATISTICS => self.statistics(block, bytes, tally),
            JOURNAL => tally.no_frame(),
            kind if SYSTEM_CALLS.contains(&kind) => tally.no_frame(),
            _ => {}
        }
        false
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
            missed: 0,
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
                sum.saturating_add(interface.dropped.max(interface.missed))
            })
    }

    #[inline]
    fn packet(
        &mut self,
        block: Block,
        at: u64,
        bytes: &[u8],
        tally: &mut Tally,
        record: &mut Record,
    ) -> bool {
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
            return false;
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
        // Where the packet has options, they stand behind the padded data.
        let behind = data + (length.min(room) as usize).next_multiple_of(4);
        let checksum = if ticks.is_some() && bytes.len() > behind + 4 {
            self.said_of_it(block, bytes, index, behind, tally)
        } else {
            interface.checksum
        };
        let Some(interface) = self.interfaces.get(index as usize) else {
            return false;
        };
        let mut wire_len = wire_len.max(length.min(room)).saturating_sub(checksum);
        if wire_len > MAX_FRAME {
            tally.problem(format!(
                "frame {} at {} says it was {wire_len} bytes long on the wire: taken for as long as it is here",
                tally.next_number(),
                tally.byte(at)
            ));
            wire_len = length.min(room);
        }
        let time = match ticks {
            Some(ticks) => Time(
                interface
                    .resolution
                    .nanoseconds(ticks)
                    .saturating_add(interface.offset),
            ),
            None => self.last_time,
        };
        *record = Record {
            at: at + data as u64,
            length: length.min(room).min(wire_len),
            wire_len,
            time,
            link: interface.link,
            number: tally.next_number(),
        };
        tally.frame(record);
        if ticks.is_some() {
            self.last_time = time;
            tally.time(time);
        } else {
            tally.timeless();
        }
        true
    }

    /// What a packet of that interface says of itself: how many were lost before it; gives the bytes of its checksum.
    #[inline(never)] // Most captures have no options; those that have, have them with every packet.
    fn said_of_it(
        &mut self,
        block: Block,
        bytes: &[u8],
        index: u32,
        behind: usize,
        tally: &mut Tally,
    ) -> u32 {
        let Some(interface) = self.interfaces.get_mut(index as usize) else {
            return 0;
        };
        let (mut checksum, mut missed) = (interface.checksum, 0);
        for (code, value) in options(block, bytes, behind) {
            match code {
                // epb_flags, pack_flags: the length in bytes, where it is known.
                2 => {
                    let flags = block.endian.u32(value, 0).unwrap_or(0);
                    let length = flags >> 5 & 0xf;
                    checksum = if length > 0 { length } else { checksum };
                }
                // epb_dropcount
                4 if block.kind == PACKET => missed = block.endian.u64(value, 0).unwrap_or(0),
                _ => {}
            }
        }
        if missed > 0 {
            interface.missed = interface.missed.saturating_add(missed);
            tally.dropped(self.dropped());
        }
        checksum
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
