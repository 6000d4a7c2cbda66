//! Synchrophasor: measurements of a power grid, told apart by its frame and its checksum.
//!
//! Spec: IEEE C37.118.2, 6.2 (frame: SYNC, FRAMESIZE, IDCODE, SOC, FRACSEC, data, CHK by CRC-CCITT from all ones).
//! Blind to: phasors, configuration, commands.
use super::named::named;
use crate::Carrier::{Tcp, Udp};
use crate::{Decoder, Head, Probe, Reader, Sender};

pub static DECODER: Decoder = named(
    "synchrophasor",
    "Synchrophasor (IEEE C37.118)",
    &[Tcp(4712), Udp(4713), Tcp(4713), Udp(4712)],
    probe,
    "IEEE C37.118.2-2011",
);

fn probe(head: &Head<'_>) -> Probe {
    head.read(|r| {
        let (mark, kind, size) = (r.u8()?, r.u8()?, r.u16()?);
        // Data, header, two configurations, command, configuration 3; versions 1 and 2.
        let known = mark == 0xaa && kind >> 4 <= 5 && matches!(kind & 0x0f, 1 | 2);
        r.check(known && size >= 16, "SYNC")?;
        let mut frame = Reader::new(head.bytes);
        let mut body = frame.sub(usize::from(size))?;
        let summed = body.peek().split_last_chunk::<2>();
        let sum = summed.map(|(bytes, _)| crc(bytes));
        body.skip(usize::from(size) - 2)?;
        r.check(sum == Some(body.u16()?), "CHK")?;
        // A command goes to who measures, everything else comes from there.
        Ok(if kind >> 4 == 4 {
            Sender::Client
        } else {
            Sender::Server
        })
    })
}

/// x^16 + x^12 + x^5 + 1, not reflected.
fn crc(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xffff, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte) << 8, |crc: u16, _| {
            if crc & 0x8000 == 0 {
                crc << 1
            } else {
                crc << 1 ^ 0x1021
            }
        })
    })
}

#[test]
fn a_command_with_its_checksum_is_one_and_a_damaged_one_is_not() {
    // Command, version 1, 18 bytes, stream 1, time, fraction, "turn on data", CHK.
    let command = "aa41 0012 0001 5975894f 000dda8d 0005 9129";
    let told = |text: &str| {
        let bytes = crate::testing::hex(text);
        probe(&Head {
            bytes: &bytes,
            udp: false,
            from: 50_000,
            to: 9_000,
            first: false,
            open: false,
        })
    };
    assert_eq!(told(command), Probe::Ours(Sender::Client));
    assert_eq!(
        told(&command.replace("0005 9129", "0002 9129")),
        Probe::NotOurs
    );
}
