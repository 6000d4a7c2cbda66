//! Protocols of single makers of controllers that are recognised by content and named, but not read further.
use super::named::{named, ours, sends_only};
use crate::Carrier::{Tcp, Udp};
use crate::{Decoder, Head, Probe, Reader, Sender};

pub static EGD: Decoder = Decoder {
    open: sends_only,
    ..named(
        "egd",
        "Ethernet Global Data (GE, Emerson)",
        &[Udp(18246)],
        egd,
        "GFK-1541, TCP/IP Ethernet Communications: Ethernet Global Data",
    )
};
pub static BSAP: Decoder = named(
    "bsap",
    "BSAP (Bristol, Emerson)",
    &[Udp(1234), Udp(1235)],
    bsap,
    "BSAP message formats, D4052; over UDP as observed",
);
pub static GENISYS: Decoder = named(
    "genisys",
    "Genisys (railway signalling)",
    &[Tcp(10001)],
    genisys,
    "Union Switch & Signal SM-6700B, Genisys protocol",
);
pub static ETHER_SIO: Decoder = named(
    "ether-sio",
    "Ether-S-I/O (Saia)",
    &[Udp(6060)],
    ether_sio,
    "no public specification; messages as observed",
);
pub static IFIX: Decoder = named(
    "ifix",
    "GE iFIX (between nodes)",
    &[Tcp(2010)],
    ifix,
    "no public specification; messages as observed",
);

/// Data message, version 1; its reserved field is zero, and its producer names itself by an IP address.
fn egd(head: &Head<'_>) -> Probe {
    let mut r = Reader::new(head.bytes);
    let mut read = || -> Option<Sender> {
        let (kind, version) = (r.u8().ok()?, r.u8().ok()?);
        r.skip(2).ok()?;
        let (producer, exchange) = (r.u32().ok()?, r.u32_le().ok()?);
        // Time stamp, state, signature.
        r.skip(16).ok()?;
        let reserved = r.u32().ok()?;
        let sane = kind == 13 && version == 1 && reserved == 0 && producer != 0 && exchange != 0;
        (sane && head.on(18246) && r.left() <= 1400).then_some(Sender::Client)
    };
    ours(read())
}

/// The serial frame with its checksum, or the header of its own over UDP.
fn bsap(head: &Head<'_>) -> Probe {
    let serial = || -> Option<Sender> {
        let frame = head.bytes.strip_prefix(&[0x10, 0x02])?;
        let (body, end) = frame.split_last_chunk::<4>()?;
        let [0x10, 0x03, low, high] = *end else {
            return None;
        };
        // DLE is doubled; the end mark is part of what is summed.
        let mut crc = 0xffffu16;
        let mut doubled = false;
        for byte in body.iter().chain(&[0x03]) {
            doubled = *byte == 0x10 && !doubled;
            if !doubled {
                crc = step(crc, *byte, 0x8408);
            }
        }
        (crc == u16::from_le_bytes([low, high])).then_some(Sender::Unknown)
    };
    let own = || -> Option<Sender> {
        let mut r = Reader::new(head.bytes);
        let (mark, messages, kind) = (r.u16().ok()?, r.u16_le().ok()?, r.u16_le().ok()?);
        r.skip(8).ok()?;
        if mark != 0x0e00 || messages > 16 {
            return None;
        }
        if messages == 0 {
            return (kind == 0 && r.is_empty() && head.on(1234)).then_some(Sender::Unknown);
        }
        let length = usize::try_from(r.u32_le().ok()?).ok()?;
        let fits = if messages == 1 {
            length == r.left() + 4
        } else {
            length <= r.left() + 4
        };
        match kind {
            6 if fits => Some(Sender::Client),
            5 if fits => Some(Sender::Server),
            _ if fits && head.on(1234) => Some(Sender::Unknown),
            _ => None,
        }
    };
    ours(serial().or_else(own))
}

/// A control character, the station, data with escapes, a checksum, the terminator. What an office sends has a checksum,
/// but for a short poll; what a station answers at least its own control character.
fn genisys(head: &Head<'_>) -> Probe {
    let read = || -> Option<Sender> {
        let (end, frame) = head.bytes.split_last()?;
        let (control, _) = frame.split_first()?;
        let sender = match control {
            0xf1..=0xf3 => Sender::Server,
            0xf9..=0xfe => Sender::Client,
            _ => return None,
        };
        if *end != 0xf6 {
            return None;
        }
        if frame.len() == 2 {
            let short = matches!(frame, [0xf1 | 0xfa, 1..=255]);
            return (short && head.on(10001)).then_some(sender);
        }
        // An escape adds the low digit of the next octet to F0.
        let mut plain = Vec::with_capacity(frame.len());
        let mut escaped = false;
        for byte in frame {
            if *byte == 0xf0 && !escaped {
                escaped = true;
                continue;
            }
            plain.push(if escaped { 0xf0 | byte } else { *byte });
            escaped = false;
        }
        let (body, sum) = plain.split_last_chunk::<2>()?;
        let crc = body
            .iter()
            .fold(0xffff, |crc, byte| step(crc, *byte, 0xa001));
        (body.len() >= 2 && crc == u16::from_le_bytes(*sum)).then_some(sender)
    };
    ours(read())
}

/// Its name, a version, a number.
fn ether_sio(head: &Head<'_>) -> Probe {
    let ours_it_is = head.bytes.starts_with(b"ESIO\0\x01\0\0") && head.bytes.len() >= 16;
    ours(ours_it_is.then_some(Sender::Unknown))
}

/// One octet of a CRC-16, least bit first.
fn step(crc: u16, byte: u8, polynomial: u16) -> u16 {
    (0..8).fold(crc ^ u16::from(byte), |crc, _| {
        if crc & 1 != 0 {
            crc >> 1 ^ polynomial
        } else {
            crc >> 1
        }
    })
}

/// Two fixed octets, a number, a kind; requests carry a word of their own, answers zeros in its place.
fn ifix(head: &Head<'_>) -> Probe {
    let read = || -> Option<Sender> {
        let mut r = Reader::new(head.bytes);
        let mark = r.u16().ok()?;
        r.skip(2).ok()?;
        let kind = r.u16().ok()?;
        r.skip(1).ok()?;
        let word = r.bytes(6).ok()?;
        if mark != 0x6607 || !matches!(kind >> 8, 0xc1 | 0xc4) {
            return None;
        }
        if word == b"NFLAG\0" {
            return Some(Sender::Client);
        }
        // Kinds of answers are those of requests and one, or one bit, more.
        (word == [0; 6] && kind & 3 == 2).then_some(Sender::Server)
    };
    ours(read())
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::{BSAP, EGD, ETHER_SIO, GENISYS, IFIX};
    use crate::Side::{Client, Server};
    use crate::testing::check;

    #[test]
    fn each_is_told_by_its_first_messages() {
        check(
            &EGD,
            &[(
                Client,
                "0d01 0100 0a000001 7b000000 be8a7e38 00811b2c 00000000 00000000 00000000 0102",
            )],
            expect![[r#"
                conversation protocol=egd state=one-way packets=1/0 bytes=34/0
            "#]],
        );
        check(
            &BSAP,
            // With a DLE in its data, which is doubled.
            &[
                (Client, "1002 01 eb 1010 1003 f4e5"),
                (Server, "0e00 0000 0000 00000000 00000000"),
            ],
            expect![[r#"
                conversation protocol=bsap state=answered packets=1/1 bytes=10/14
            "#]],
        );
        check(
            &GENISYS,
            &[(Client, "fb 01 8340 f6"), (Server, "f1 01 f6")],
            expect![[r#"
                conversation protocol=genisys state=answered packets=1/1 bytes=5/3
            "#]],
        );
        check(
            &ETHER_SIO,
            &[(Client, "4553494f 00010000 00317616 00000018 00000000")],
            expect![[r#"
                conversation protocol=ether-sio state=unanswered packets=1/0 bytes=20/0
            "#]],
        );
        check(
            &IFIX,
            &[
                (Client, "6607 c0e9 c101 55 4e464c414700 7e927ca8"),
                (Server, "6607 c0e9 c102 00 000000000000 00000000"),
            ],
            expect![[r#"
                conversation protocol=ifix state=answered packets=1/1 bytes=17/17
            "#]],
        );
    }
}
