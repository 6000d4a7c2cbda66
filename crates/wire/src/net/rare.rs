//! Link layers that are met seldom: other machines' ways to hand on a packet, radio, rings and serial lines.
//!
//! Spec: the registry of link-layer header types (<https://www.tcpdump.org/linktypes.html>); IEEE 802.11-2020, 9.2 and
//! 9.3 (frames), 9.2.4.5 (QoS), 10.11 (A-MSDU); radiotap (<https://www.radiotap.org>); ISO 9314-2 (FDDI); RFC 1661, 2, and RFC 1662,
//! 3.1 (PPP); Linux `nfnetlink_log.h`. Blind to: what radio encrypts, aggregated frames beyond the first, checksums.
use super::link::{self, Class, Ends, Opened, Payload, Tags};
use crate::Link;
use crate::reader::{Malformed, Reader};

const PPP: u32 = 9;
const FDDI: u32 = 10;
const PPP_HDLC: u32 = 50;
const PPPOE: u32 = 51;
const CISCO_HDLC: u32 = 104;
const WLAN: u32 = 105;
const ENC: u32 = 109;
const PFLOG: u32 = 117;
const PRISM: u32 = 119;
const RADIOTAP: u32 = 127;
/// What files of macOS say instead of [`PKTAP`].
const USER_2: u32 = 149;
const AVS: u32 = 163;
const PPI: u32 = 192;
const SOCKET_CAN: u32 = 227;
const NFLOG: u32 = 239;
const NETANALYZER: u32 = 240;
const NETANALYZER_TRANSPARENT: u32 = 241;
const PKTAP: u32 = 258;

/// Whether a link type is one of those that are opened here.
pub(crate) const fn knows(number: u32) -> bool {
    matches!(
        number,
        PPP | FDDI
            | PPP_HDLC
            | PPPOE
            | CISCO_HDLC
            | WLAN
            | ENC
            | PFLOG
            | PRISM
            | RADIOTAP
            | USER_2
            | AVS
            | PPI
            | SOCKET_CAN
            | NFLOG
            | NETANALYZER
            | NETANALYZER_TRANSPARENT
            | PKTAP
    )
}

/// Opens a frame of one of these link types; `None` for others, also where they lie inside.
#[cold]
pub(crate) fn open(number: u32, bytes: &[u8]) -> Option<Opened<'_>> {
    let mut r = Reader::new(bytes);
    Some(match number {
        PPP | PPP_HDLC => ppp(&mut r),
        PPPOE => Ok((Ends::default(), Payload::EtherType(0x8864), bytes)),
        FDDI => fddi(&mut r),
        CISCO_HDLC => cisco(&mut r),
        WLAN => wlan(bytes),
        ENC => enc(&mut r),
        PFLOG => pflog(&mut r),
        RADIOTAP => behind_length(&mut r, 2).and_then(wlan),
        PRISM => prism(bytes).and_then(wlan),
        AVS => avs(&mut r).and_then(wlan),
        SOCKET_CAN => named(Class::Can, &mut r, 4),
        NFLOG => nflog(&mut r),
        NETANALYZER => r.skip(4).and_then(|()| with_checksum(&mut r)),
        NETANALYZER_TRANSPARENT => transparent(&mut r),
        PPI | PKTAP | USER_2 => return inside(number, &mut r),
        _ => return None,
    })
}

/// Headers that name the link type of what follows, which is none of their own kind.
fn inside<'a>(number: u32, r: &mut Reader<'a>) -> Option<Opened<'a>> {
    let named = if number == PPI {
        per_packet_information(r)
    } else {
        pktap(r)
    };
    match named {
        Ok((PPI | PKTAP | USER_2, _)) => None,
        Ok((inner, bytes)) => link::open(Link::from_number(inner), bytes),
        Err(error) => Some(Err(error)),
    }
}

/// Version, flags, length of all headers, link type; all little-endian.
fn per_packet_information<'a>(r: &mut Reader<'a>) -> Result<(u32, &'a [u8]), Malformed> {
    let mut head = *r;
    head.skip(4)?;
    let number = head.u32_le()?;
    Ok((number, behind_length(r, 2)?))
}

/// Length of the header, kind of record (1 is a packet), link type; little-endian.
fn pktap<'a>(r: &mut Reader<'a>) -> Result<(u32, &'a [u8]), Malformed> {
    let all = r.peek();
    let length = usize::try_from(r.u32_le()?).unwrap_or(usize::MAX);
    let (kind, number) = (r.u32_le()?, r.u32_le()?);
    r.check(kind == 1 && length >= 12, "PKTAP record")?;
    Ok((number, all.get(length..).ok_or(Malformed::Short)?))
}

/// What lies behind a header whose length stands in it, in 16 bits, little-endian, `at` octets from its start.
fn behind_length<'a>(r: &mut Reader<'a>, at: usize) -> Result<&'a [u8], Malformed> {
    let all = r.peek();
    r.skip(at)?;
    let length = usize::from(r.u16_le()?);
    r.check(length >= at + 2, "header length")?;
    all.get(length..).ok_or(Malformed::Short)
}

/// The message code stands in the byte order of the capturing machine; the length of 144 is the same everywhere. A driver that
/// uses this link type for the other header says so by that header's version.
fn prism(bytes: &[u8]) -> Result<&[u8], Malformed> {
    const LENGTH: usize = 144;
    match bytes.first_chunk::<3>() {
        Some([0x80, 0x21, 0x10]) => avs(&mut Reader::new(bytes)),
        _ => bytes.get(LENGTH..).ok_or(Malformed::Short),
    }
}

/// Version (0x80211001 and its likes) and length, big-endian.
fn avs<'a>(r: &mut Reader<'a>) -> Result<&'a [u8], Malformed> {
    let all = r.peek();
    let (version, length) = (r.u32()?, r.u32()?);
    r.check(version >> 8 == 0x80_2110, "AVS version")?;
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    all.get(length.max(8)..).ok_or(Malformed::Short)
}

/// A frame that is known by what it is, between the two ends of which nothing is said.
fn named<'a>(class: Class, r: &mut Reader<'a>, head: usize) -> Opened<'a> {
    r.skip(head)?;
    Ok((Ends::default(), Payload::Named(class), r.rest()))
}

/// Address family, then attributes of which one is the packet, in the byte order of the machine that logged: lengths tell which.
fn nflog<'a>(r: &mut Reader<'a>) -> Opened<'a> {
    const PAYLOAD: u16 = 9;
    const HARDWARE_ADDRESS: u16 = 8;
    /// Attributes looked at.
    const MOST: usize = 64;
    let family = r.u8()?;
    r.skip(3)?;
    let little = matches!(r.peek(), [low, 0, ..] if *low >= 4);
    let mut ends = Ends::default();
    for _ in 0..MOST {
        let (length, kind) = if little {
            (r.u16_le()?, r.u16_le()?)
        } else {
            (r.u16()?, r.u16()?)
        };
        let length = usize::from(length).checked_sub(4);
        let length = length.ok_or(Malformed::Bad("NFLOG attribute"))?;
        match kind & 0x7fff {
            // A packet that the capture cut short is read as far as it goes.
            PAYLOAD => {
                let packet = r.bytes(length.min(r.left()))?;
                let payload = match (family, packet.first().map(|first| first >> 4)) {
                    (2, _) | (0, Some(4)) => Payload::EtherType(0x0800),
                    (10, _) | (0, Some(6)) => Payload::EtherType(0x86dd),
                    (3, _) => Payload::EtherType(0x0806),
                    _ => return Err(Malformed::Bad("NFLOG family")),
                };
                return Ok((ends, payload, packet));
            }
            HARDWARE_ADDRESS => {
                let mut address = r.sub(length)?;
                if address.u16()? == 6 {
                    address.skip(2)?;
                    ends.src = Some(address.mac()?).filter(|mac| mac.is_device());
                }
            }
            _ => r.skip(length)?,
        }
        r.skip((length.next_multiple_of(4) - length).min(r.left()))?;
    }
    Err(Malformed::Bad("NFLOG without a packet"))
}

/// OpenBSD and its kin on IPsec: family in the byte order of the machine, index and flags.
fn enc<'a>(r: &mut Reader<'a>) -> Opened<'a> {
    r.skip(12)?;
    link::raw(r)
}

/// OpenBSD and its kin on a firewall's log: length of the header, which is padded to whole words, then the packet.
fn pflog<'a>(r: &mut Reader<'a>) -> Opened<'a> {
    let all = r.peek();
    let length = usize::from(r.u8()?).next_multiple_of(4);
    r.check(length >= 48, "pflog header")?;
    link::raw(&mut Reader::new(all.get(length..).ok_or(Malformed::Short)?))
}

/// A frame with its checksum at the end.
fn with_checksum<'a>(r: &mut Reader<'a>) -> Opened<'a> {
    let all = r.peek();
    let length = all.len().saturating_sub(4);
    link::ethernet(&mut Reader::new(all.get(..length).unwrap_or(all)))
}

/// A frame as it was on the wire: behind the header stands a preamble, as much of it as was heard, up to the octet that ends it.
fn transparent<'a>(r: &mut Reader<'a>) -> Opened<'a> {
    const PREAMBLE: usize = 8;
    r.skip(4)?;
    let begin = r.peek().iter().take(PREAMBLE);
    let end = begin.take_while(|octet| **octet != 0xd5).count();
    r.check(end < PREAMBLE, "frame delimiter")?;
    r.skip(end + 1)?;
    with_checksum(r)
}

/// RFC 1662, 3.1: address and control may be left out; RFC 1661, 2: so may the first octet of the protocol.
pub(crate) fn ppp<'a>(r: &mut Reader<'a>) -> Opened<'a> {
    let mut head = *r;
    // Cisco's framing has its own first octets, and stands under the same number in some files.
    match head.array::<2>()? {
        [0xff, 0x03] => *r = head,
        [0x0f | 0x8f, 0x00] => return cisco(r),
        _ => {}
    }
    let first = u16::from(r.u8()?);
    let protocol = if first & 1 == 1 {
        first
    } else {
        first << 8 | u16::from(r.u8()?)
    };
    let payload = match protocol {
        0x0021 => Payload::EtherType(0x0800),
        0x0057 => Payload::EtherType(0x86dd),
        0x0281 => Payload::EtherType(0x8847),
        0x0283 => Payload::EtherType(0x8848),
        _ => Payload::EtherType(0x880b),
    };
    Ok((Ends::default(), payload, r.rest()))
}

/// Address and control, then an EtherType.
fn cisco<'a>(r: &mut Reader<'a>) -> Opened<'a> {
    r.skip(2)?;
    let kind = r.u16()?;
    Ok((Ends::default(), Payload::EtherType(kind), r.rest()))
}

/// Frame control, ends, and LLC where the control says so. Systems differ in the order of an address's bits: it stays as written.
fn fddi<'a>(r: &mut Reader<'a>) -> Opened<'a> {
    let control = r.u8()?;
    let (dst, src) = (r.mac()?, r.mac()?);
    let ends = Ends {
        src: Some(src),
        dst: Some(dst),
        tags: Tags::default(),
    };
    // The upper bits are class and length of addresses; of the lower, async LLC frames use some for a priority.
    if control & 0x30 == 0x10 {
        let (payload, rest) = link::llc(*r)?;
        return Ok((ends, payload, rest));
    }
    Ok((ends, Payload::Named(Class::RingManagement), r.rest()))
}

/// A frame of IEEE 802.11.
pub(crate) fn wlan(bytes: &[u8]) -> Opened<'_> {
    let mut r = Reader::new(bytes);
    let [mut first, mut flags] = r.array::<2>()?;
    // Controllers of one maker send the two octets the other way round (CAPWAP); no version other than 0 exists.
    if first & 0x03 != 0 && flags & 0x03 == 0 {
        (first, flags) = (flags, first);
    }
    r.check(first & 0x03 == 0, "802.11 version")?;
    let (kind, subtype) = (first >> 2 & 0x03, first >> 4);
    r.skip(2)?; // duration
    let one = r.mac()?;
    // An acknowledgement names nobody but whom it is for.
    let two = match r.mac() {
        Ok(mac) => mac,
        Err(_) if kind == 1 => {
            let ends = Ends {
                dst: Some(one),
                ..Ends::default()
            };
            return Ok((ends, Payload::Named(Class::RadioControl), &[]));
        }
        Err(error) => return Err(error),
    };
    let ends = |src, dst| Ends {
        src: Some(src),
        dst: Some(dst),
        tags: Tags::default(),
    };
    match kind {
        0 => {
            let named = Payload::Named(Class::RadioManagement);
            // Its kind stands in the head.
            Ok((ends(two, one), named, bytes))
        }
        2 => {
            let three = r.mac()?;
            r.skip(2)?; // sequence
            let between = match flags & 0x03 {
                0 => ends(two, one),
                1 => ends(two, three),
                2 => ends(three, one),
                _ => ends(r.mac()?, three),
            };
            data(&mut r, subtype, flags, between)
        }
        _ => Ok((
            ends(two, one),
            Payload::Named(Class::RadioControl),
            r.rest(),
        )),
    }
}

/// What a data frame carries: LLC, unless it is encrypted or empty.
fn data<'a>(r: &mut Reader<'a>, subtype: u8, flags: u8, ends: Ends) -> Opened<'a> {
    const EMPTY: u8 = 0x4;
    const QOS: u8 = 0x8;
    const PROTECTED: u8 = 0x40;
    const ORDER: u8 = 0x80;
    let mut aggregated = false;
    if subtype & QOS != 0 {
        aggregated = r.u8()? & 0x80 != 0;
        r.skip(1)?;
        if flags & ORDER != 0 {
            r.skip(4)?;
        }
    }
    if subtype & EMPTY != 0 {
        let named = Payload::Named(Class::RadioControl);
        return Ok((ends, named, r.rest()));
    }
    if flags & PROTECTED != 0 {
        let named = Payload::Named(Class::RadioEncrypted);
        return Ok((ends, named, r.rest()));
    }
    if aggregated {
        let named = Payload::Named(Class::RadioAggregate);
        return Ok((ends, named, r.rest()));
    }
    if subtype & QOS != 0
        && let Some((far, rest)) = meshed(r.peek())
    {
        let ends = Ends {
            src: far.src.or(ends.src),
            dst: far.dst.or(ends.dst),
            tags: Tags::default(),
        };
        let (payload, rest) = link::llc(Reader::new(rest))?;
        return Ok((ends, payload, rest));
    }
    // The pieces of a frame after the first have no header of what they carry.
    let (payload, rest) = link::llc(*r)?;
    Ok((ends, payload, rest))
}

/// What stands before the content between stations of a mesh (IEEE 802.11-2020, 9.2.4.8.3): flags, how far it may go, a number, and
/// up to two addresses more, those of hosts behind the mesh. That it is there only the content shows beyond doubt.
fn meshed(bytes: &[u8]) -> Option<(Ends, &[u8])> {
    const SNAP: [u8; 3] = [0xaa, 0xaa, 0x03];
    if bytes.starts_with(&SNAP) {
        return None;
    }
    let mut r = Reader::new(bytes);
    let flags = r.u8().ok()?;
    r.skip(1 + 4).ok()?;
    let mut far = Ends::default();
    match flags {
        0 => {}
        // To a group: the frame has no room for who sent it.
        1 => far.src = Some(r.mac().ok()?),
        2 => (far.dst, far.src) = (Some(r.mac().ok()?), Some(r.mac().ok()?)),
        _ => return None,
    }
    r.peek().starts_with(&SNAP).then_some((far, r.rest()))
}

/// The frames that a data frame carries together (IEEE 802.11-2020, 9.3.2.2): each with its own ends and a length, and filled up to whole
/// words but for the last. One that is not sound hides none of the others.
pub(crate) fn aggregated(bytes: &[u8]) -> impl Iterator<Item = (Ends, Payload, &[u8])> {
    /// What fits into the longest of them, with nothing but heads.
    const MOST: usize = 1024;
    let mut r = Reader::new(bytes);
    std::iter::from_fn(move || {
        let (dst, src) = (r.mac().ok()?, r.mac().ok()?);
        let length = usize::from(r.u16().ok()?);
        let part = r.sub(length.min(r.left())).ok()?;
        let filling = (14 + length).next_multiple_of(4) - (14 + length);
        r.skip(filling.min(r.left())).ok()?;
        let ends = Ends {
            src: Some(src),
            dst: Some(dst),
            tags: Tags::default(),
        };
        let opened = link::llc(part).ok();
        Some(opened.map(|(payload, rest)| (ends, payload, rest)))
    })
    .take(MOST)
    .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::hex;

    const TO: &str = "020000000002";
    const FROM: &str = "020000000001";
    const POINT: &str = "0200000000aa";
    /// SNAP and the first octet of an IPv4 packet.
    const IP: &str = "aaaa03 000000 0800 45";

    /// The ends by their last octet, what the frame is and how long its content.
    fn told(number: u32, frame: &str) -> String {
        let bytes = hex(frame);
        match link::open(Link::from_number(number), &bytes) {
            None => "not decoded".to_owned(),
            Some(Err(error)) => format!("{error:?}"),
            Some(Ok((ends, payload, rest))) => {
                let last = |mac: Option<facts::Mac>| {
                    mac.map_or("-".to_owned(), |mac| format!("{:02x}", mac.0[5]))
                };
                let what = match payload {
                    Payload::EtherType(kind) => format!("{kind:04x}"),
                    Payload::Named(class) => class.name().to_owned(),
                    other => format!("{other:?}"),
                };
                format!(
                    "{}→{} {what} {}",
                    last(ends.src),
                    last(ends.dst),
                    rest.len()
                )
            }
        }
    }

    #[test]
    fn frames_of_radio_give_their_ends_and_what_is_not_encrypted() {
        let frames = [
            // From a station to its access point, from there to a station, between two bridges, between stations.
            (
                105,
                format!("0801 0000 {POINT} {FROM} {TO} 1000 {IP}"),
                "01→02 0800 1",
            ),
            (
                105,
                format!("0802 0000 {TO} {POINT} {FROM} 1000 {IP}"),
                "01→02 0800 1",
            ),
            (
                105,
                format!("0803 0000 {POINT} {POINT} {TO} 1000 {FROM} {IP}"),
                "01→02 0800 1",
            ),
            (
                105,
                format!("0800 0000 {TO} {FROM} {POINT} 1000 {IP}"),
                "01→02 0800 1",
            ),
            // Through a mesh: between its stations, to a group, and between hosts behind them.
            (
                105,
                format!("8803 0000 {POINT} {POINT} {TO} 1000 {FROM} 0001 00 1f 01000000 {IP}"),
                "01→02 0800 1",
            ),
            (
                105,
                format!(
                    "8802 0000 ffffffffffff {POINT} {POINT} 1000 0001 01 1f 01000000 {FROM} {IP}"
                ),
                "01→ff 0800 1",
            ),
            (
                105,
                format!(
                    "8803 0000 {POINT} {POINT} {POINT} 1000 {POINT} 0001 02 1f 01000000 {TO} {FROM} {IP}"
                ),
                "01→02 0800 1",
            ),
            // Quality of service, with and without the field for high throughput.
            (
                105,
                format!("8801 0000 {POINT} {FROM} {TO} 1000 0600 {IP}"),
                "01→02 0800 1",
            ),
            (
                105,
                format!("8881 0000 {POINT} {FROM} {TO} 1000 0600 00000000 {IP}"),
                "01→02 0800 1",
            ),
            // Aggregated: what it carries is opened for itself.
            (
                105,
                format!("8801 0000 {POINT} {FROM} {POINT} 1000 8000 {TO} {FROM} 0009 {IP} 0000"),
                "01→aa wlan-aggregate 25",
            ),
            (
                105,
                format!("0841 0000 {POINT} {FROM} {TO} 1000 00112233"),
                "01→02 wlan-encrypted 4",
            ),
            (
                105,
                format!("4801 0000 {POINT} {FROM} {TO} 1000"),
                "01→02 wlan-control 0",
            ),
            (
                105,
                format!("8000 0000 ffffffffffff {FROM} {FROM} 1000 00"),
                "01→ff wlan-management 25",
            ),
            (105, format!("d400 0000 {TO}"), "-→02 wlan-control 0"),
            (
                105,
                format!("0b01 0000 {TO} {FROM}"),
                "Bad(\"802.11 version\")",
            ),
            // Headers before it: radiotap, AVS under either number, Prism, PPI.
            (
                127,
                format!("0000 0a00 00000000 0000 0801 0000 {POINT} {FROM} {TO} 1000 {IP}"),
                "01→02 0800 1",
            ),
            (
                119,
                format!("80211001 0000000a 0000 0801 0000 {POINT} {FROM} {TO} 1000 {IP}"),
                "01→02 0800 1",
            ),
            (
                119,
                format!(
                    "44000000 {} 0801 0000 {POINT} {FROM} {TO} 1000 {IP}",
                    "00".repeat(140)
                ),
                "01→02 0800 1",
            ),
            (
                192,
                format!("0000 0a00 69000000 0000 0801 0000 {POINT} {FROM} {TO} 1000 {IP}"),
                "01→02 0800 1",
            ),
            (192, "0000 0800 c0000000 0000".to_owned(), "not decoded"),
            (
                127,
                "0000 0300 00000000".to_owned(),
                "Bad(\"header length\")",
            ),
        ];
        for (number, frame, expected) in frames {
            assert_eq!(told(number, &frame), expected, "{frame}");
        }
    }

    #[test]
    fn each_frame_of_an_aggregate_has_its_own_ends() {
        // Filled up to whole words; the second is empty, and the third says that it is longer than the capture; then none is left.
        let bytes = hex(&format!(
            "{TO} {FROM} 0009 {IP} 00 {TO} {FROM} 0000 0000 {POINT} {TO} 0020 aaaa03 000000 0806 0001"
        ));
        let all: Vec<_> = aggregated(&bytes)
            .map(|(ends, payload, rest)| (ends.src, ends.dst, payload, rest.len()))
            .collect();
        let mac = |last| Some(facts::Mac([2, 0, 0, 0, 0, last]));
        assert_eq!(
            all,
            [
                (mac(1), mac(2), Payload::EtherType(0x0800), 1),
                (mac(2), mac(0xaa), Payload::EtherType(0x0806), 2),
            ]
        );
    }

    #[test]
    fn logs_of_firewalls_rings_and_serial_lines_give_their_packets() {
        let ip4 = "45000014";
        let frames = [
            (
                239,
                format!(
                    "02000005 0800 0100 00000000 1000 0800 0006 0000 {FROM} 0000 0800 0900 {ip4}"
                ),
                "01→- 0800 4",
            ),
            // Logged by a machine of the other byte order.
            (
                239,
                format!("0a000005 0008 0001 00000000 0008 0009 {ip4}"),
                "-→- 86dd 4",
            ),
            (
                239,
                "02000005 0003 0001".to_owned(),
                "Bad(\"NFLOG attribute\")",
            ),
            (
                258,
                format!("0c000000 01000000 01000000 {TO}{FROM} 0800 {ip4}"),
                "01→02 0800 4",
            ),
            (
                149,
                format!("0c000000 01000000 65000000 {ip4}"),
                "-→- 0800 4",
            ),
            (
                109,
                format!("02000000 00000001 00000000 {ip4}"),
                "-→- 0800 4",
            ),
            (
                117,
                format!("3d 02 {} {ip4}", "00".repeat(62)),
                "-→- 0800 4",
            ),
            (10, format!("50 {TO}{FROM} {IP}"), "01→02 0800 1"),
            (10, format!("41 {TO}{FROM} 00"), "01→02 fddi-management 1"),
            (9, format!("ff03 0021 {ip4}"), "-→- 0800 4"),
            (50, format!("21 {ip4}"), "-→- 0800 4"),
            (50, "ff03 c021 01".to_owned(), "-→- 880b 1"),
            (104, format!("0f00 0800 {ip4}"), "-→- 0800 4"),
            (51, "1100 0001 0006 0021 45".to_owned(), "-→- 8864 9"),
            (227, "00000733 01000000 00".to_owned(), "-→- can 5"),
            (
                240,
                format!("00000000 {TO}{FROM} 0800 {ip4} 11223344"),
                "01→02 0800 4",
            ),
            (
                241,
                format!("00000000 555555555555d5 {TO}{FROM} 0800 {ip4} 11223344"),
                "01→02 0800 4",
            ),
            (
                241,
                format!("00000000 {TO}{FROM}"),
                "Bad(\"frame delimiter\")",
            ),
        ];
        for (number, frame, expected) in frames {
            assert_eq!(told(number, &frame), expected, "{frame}");
        }
    }
}
