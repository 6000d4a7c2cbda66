//! Captures built byte by byte, and what a walk over them saw.
use std::io::{self, Cursor, Read};

use wire::Link;

use crate::capture::Frames;
use crate::pool::Pool;
use crate::tally::Summary;
use crate::tape::Tape;

/// A frame as a test compares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) number: u32,
    pub(crate) nanoseconds: i64,
    pub(crate) link: Link,
    pub(crate) data: Vec<u8>,
    pub(crate) wire_len: u32,
}

/// Walks the bytes once in the blocks of a plain file and once in small pieces; both must see the same. `None`: not a
/// capture.
pub(crate) fn walk(bytes: &[u8]) -> Option<(Vec<Seen>, Summary)> {
    let length = bytes.len() as u64;
    let tape = |source, length| Tape::new(source, length, &Pool::default(), None);
    let whole = drain(tape(Box::new(Cursor::new(bytes.to_vec())), Some(length)));
    // A length of nothing: the smallest block there is, so that every record crosses from one to the next.
    let pieces = Box::new(Pieces(Cursor::new(bytes.to_vec())));
    assert_eq!(whole, drain(tape(pieces, Some(0))), "blocks are no borders");
    whole
}

fn drain(tape: Tape) -> Option<(Vec<Seen>, Summary)> {
    let mut frames = Frames::over(tape)?;
    let mut seen = Vec::new();
    while let Some(frame) = frames.next() {
        seen.push(Seen {
            number: frame.number,
            nanoseconds: frame.time.0,
            link: frame.link,
            data: frame.data.to_vec(),
            wire_len: frame.wire_len,
        });
    }
    assert!(frames.next().is_none());
    Some((seen, frames.summary()))
}

/// Gives a few hundred bytes at a time.
struct Pieces(Cursor<Vec<u8>>);

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = buffer.len().min(313);
        self.0.read(&mut buffer[..length])
    }
}

/// Bytes of hex text, spaces ignored.
pub(crate) fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(16)).collect();
    digits
        .chunks_exact(2)
        .map(|pair| (pair[0] << 4 | pair[1]) as u8)
        .collect()
}

/// Header of a little-endian pcap with microseconds.
pub(crate) fn pcap(snaplen: u32, network: u32) -> Vec<u8> {
    let mut bytes = hex("d4c3b2a1 0200 0400 00000000 00000000");
    bytes.extend(snaplen.to_le_bytes());
    bytes.extend(network.to_le_bytes());
    bytes
}

/// A record of such a pcap.
pub(crate) fn record(secs: u32, micros: u32, data: &[u8], wire_len: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    for word in [secs, micros, data.len() as u32, wire_len] {
        bytes.extend(word.to_le_bytes());
    }
    bytes.extend(data);
    bytes
}

/// A little-endian pcapng block around a body, padded.
pub(crate) fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let length = 12 + body.len().next_multiple_of(4);
    let mut bytes = Vec::new();
    bytes.extend(kind.to_le_bytes());
    bytes.extend((length as u32).to_le_bytes());
    bytes.extend(body);
    bytes.resize(length - 4, 0);
    bytes.extend((length as u32).to_le_bytes());
    bytes
}

pub(crate) fn section() -> Vec<u8> {
    block(0x0a0d_0d0a, &hex("4d3c2b1a 0100 0000 ffffffffffffffff"))
}

pub(crate) fn interface(network: u16, snaplen: u32, options: &str) -> Vec<u8> {
    let mut body = network.to_le_bytes().to_vec();
    body.extend([0, 0]);
    body.extend(snaplen.to_le_bytes());
    body.extend(hex(options));
    block(1, &body)
}

pub(crate) fn packet(interface: u32, ticks: u64, data: &[u8], wire_len: u32) -> Vec<u8> {
    let mut body = Vec::new();
    for word in [
        interface,
        (ticks >> 32) as u32,
        ticks as u32,
        data.len() as u32,
        wire_len,
    ] {
        body.extend(word.to_le_bytes());
    }
    body.extend(data);
    block(6, &body)
}

/// A frame's worth of bytes that differ from frame to frame.
pub(crate) fn data(seed: u8, length: usize) -> Vec<u8> {
    (0..length)
        .map(|n| seed.wrapping_mul(31).wrapping_add(n as u8))
        .collect()
}
