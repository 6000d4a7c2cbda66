//! Capture files, written by hand: classic pcap in microseconds, pcapng in nanoseconds.
use std::io::{self, Write};

use super::bytes::{Bytes, len32};
use super::network::Micros;

/// Link type Ethernet.
const ETHERNET: u16 = 1;
const SNAPLEN: u32 = 262_144;

/// A frame as captured: it may be shorter than it was on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Captured {
    pub at: Micros,
    pub bytes: Vec<u8>,
    /// Length on the wire.
    pub length: usize,
    /// Its number in the capture as first taken, from 1: what a disturbed capture is compared by.
    pub origin: u32,
    /// For frames of TCP: whether the client sent it.
    pub from_client: Option<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Classic pcap, little endian, microseconds.
    Pcap,
    /// pcapng, little endian, one interface with nanoseconds.
    PcapNg,
}

/// The header of a classic pcap file.
pub fn pcap_header() -> Vec<u8> {
    Bytes::new()
        .le32(0xa1b2_c3d4)
        .le16(2)
        .le16(4)
        .le32(0)
        .le32(0)
        .le32(SNAPLEN)
        .le32(u32::from(ETHERNET))
        .done()
}

/// One record of a classic pcap file.
pub fn pcap_record(
    out: &mut impl Write,
    at: Micros,
    bytes: &[u8],
    length: usize,
) -> io::Result<()> {
    let seconds = u32::try_from(at.div_euclid(1_000_000)).unwrap_or(0);
    let micros = u32::try_from(at.rem_euclid(1_000_000)).unwrap_or(0);
    for word in [seconds, micros, len32(bytes.len()), len32(length)] {
        out.write_all(&word.to_le_bytes())?;
    }
    out.write_all(bytes)
}

fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let padding = body.len().next_multiple_of(4).saturating_sub(body.len());
    let total = len32(body.len().saturating_add(padding).saturating_add(12));
    Bytes::new()
        .le32(kind)
        .le32(total)
        .raw(body)
        .zeros(padding)
        .le32(total)
        .done()
}

fn option(code: u16, value: &[u8]) -> Vec<u8> {
    let padding = value.len().next_multiple_of(4).saturating_sub(value.len());
    let length = u16::try_from(value.len()).unwrap_or(0);
    Bytes::new()
        .le16(code)
        .le16(length)
        .raw(value)
        .zeros(padding)
        .done()
}

/// A whole capture file.
pub fn write(format: Format, frames: &[Captured]) -> Vec<u8> {
    match format {
        Format::Pcap => {
            let mut out = pcap_header();
            for frame in frames {
                // Writing into memory cannot fail.
                let _ = pcap_record(&mut out, frame.at, &frame.bytes, frame.length);
            }
            out
        }
        Format::PcapNg => {
            let section = Bytes::new()
                .le32(0x1a2b_3c4d)
                .le16(1)
                .le16(0)
                .raw(&[0xff; 8])
                .raw(&option(3, b"sensor appliance"))
                .raw(&option(4, b"span capture"))
                .le32(0)
                .done();
            let interface = Bytes::new()
                .le16(ETHERNET)
                .le16(0)
                .le32(SNAPLEN)
                .raw(&option(2, b"span0"))
                // if_tsresol: ten to the minus nine
                .raw(&option(9, &[9]))
                .le32(0)
                .done();
            let mut out = block(0x0a0d_0d0a, &section);
            out.extend(block(1, &interface));
            for frame in frames {
                let [b0, b1, b2, b3, b4, b5, b6, b7] = frame.at.saturating_mul(1000).to_be_bytes();
                let packet = Bytes::new()
                    .le32(0)
                    .le32(u32::from_be_bytes([b0, b1, b2, b3]))
                    .le32(u32::from_be_bytes([b4, b5, b6, b7]))
                    .le32(len32(frame.bytes.len()))
                    .le32(len32(frame.length))
                    .raw(&frame.bytes)
                    .done();
                out.extend(block(6, &packet));
            }
            out
        }
    }
}
