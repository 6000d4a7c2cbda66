//! What carries packets inside packets, opened.
use crate::net::link::Payload;
use crate::net::{rare, transport};
use crate::reader::Reader;

/// RFC 3032: labels of 4 octets up to the bottom of the stack, then IP by its first nibble.
pub(super) fn mpls(bytes: &[u8]) -> Option<(Payload, &[u8])> {
    let rest = after_labels(bytes)?;
    match rest.first()? >> 4 {
        4 => Some((Payload::EtherType(0x0800), rest)),
        6 => Some((Payload::EtherType(0x86dd), rest)),
        _ => None,
    }
}

/// RFC 4448: an Ethernet pseudowire begins with a control word of first nibble 0.
pub(super) fn mpls_ethernet(bytes: &[u8]) -> Option<&[u8]> {
    let rest = after_labels(bytes)?;
    if rest.first()? >> 4 == 0 {
        rest.get(4..)
    } else {
        None
    }
}

fn after_labels(bytes: &[u8]) -> Option<&[u8]> {
    let mut r = Reader::new(bytes);
    for _ in 0..16 {
        if r.u32().ok()? & 0x100 != 0 {
            return Some(r.rest());
        }
    }
    None
}

/// RFC 2516, 4, and RFC 1661, 2: session stage, then the PPP protocol.
pub(super) fn pppoe(bytes: &[u8]) -> Option<(Payload, &[u8])> {
    let mut r = Reader::new(bytes);
    r.skip(6).ok()?;
    match r.u16().ok()? {
        0x0021 => Some((Payload::EtherType(0x0800), r.rest())),
        0x0057 => Some((Payload::EtherType(0x86dd), r.rest())),
        _ => None,
    }
}

/// The IP protocols that may carry packets of other hosts: IP in IP, IPv6 in IP, GRE, UDP for VXLAN and its kin, EtherIP,
/// L2TPv3, and MPLS in IP.
pub(super) fn may_carry(protocol: u8) -> bool {
    matches!(protocol, 4 | 41 | 47 | 17 | 97 | 115 | 137)
}

const VXLAN: u16 = 4789;
/// RFC 8926, 3.3.
const GENEVE: u16 = 6081;
/// 3GPP TS 29.281, 4.4.2.3: what a cellular network, a terminal's own among them, carries between mast and core.
const GTP: u16 = 2152;
/// TaZmen Sniffer Protocol: what radio equipment sends on to a sniffer.
const TZSP: u16 = 37008;
/// RFC 5415, 3.1: what access points hand to their controller, and get from it.
const CAPWAP: u16 = 5247;
/// RFC 2661, 8.1: either end may have it, and only who is called must.
const L2TP: u16 = 1701;
/// RFC 4380, 2.7: the server's. Between a client and a relay other ports are used, of which only the first packet tells.
const TEREDO: u16 = 3544;

/// UDP ports to which tunnels lead, or from which.
#[inline]
pub(super) const fn leads_inside(port: u16) -> bool {
    matches!(port, VXLAN | GENEVE | GTP | TZSP | CAPWAP | L2TP | TEREDO)
}

/// The port of a tunnel, in the first octets of a datagram: that to which it goes, else that from which it comes.
#[inline]
pub(super) const fn tunnel_of([a, b, c, d]: [u8; 4]) -> Option<u16> {
    let (from, to) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
    if leads_inside(to) {
        Some(to)
    } else if matches!(from, CAPWAP | L2TP | TEREDO) {
        Some(from)
    } else {
        None
    }
}

/// What lies inside a tunnel.
pub(super) enum Inside<'a> {
    /// An Ethernet frame.
    Frame(&'a [u8]),
    /// An Ethernet frame that a switch mirrored without its tag, and the VLAN that it was in.
    Mirrored(&'a [u8], Option<u16>),
    /// A frame of IEEE 802.11.
    Radio(&'a [u8]),
    Packet(Payload, &'a [u8]),
}

/// What a datagram carries for others.
#[inline]
pub(super) fn in_datagram(datagram: &[u8]) -> Option<Inside<'_>> {
    let port = tunnel_of(*datagram.first_chunk()?)?;
    let udp = transport::udp(datagram).ok()?;
    match port {
        VXLAN => vxlan(udp.payload),
        GENEVE => geneve(udp.payload),
        GTP => gtp(udp.payload),
        CAPWAP => capwap(udp.payload),
        L2TP => l2tp(udp.payload),
        TEREDO => teredo(udp.payload),
        _ => tzsp(udp.payload),
    }
}

/// RFC 7348, 5: the flag that says that a network identifier is there.
fn vxlan(bytes: &[u8]) -> Option<Inside<'_>> {
    match bytes.split_first_chunk::<8>() {
        Some((&[0x08, ..], inner)) => Some(Inside::Frame(inner)),
        _ => None,
    }
}

/// RFC 8926, 3.4: version 0, options of as many words as the first octet says, no message of the tunnel's own.
fn geneve(bytes: &[u8]) -> Option<Inside<'_>> {
    let (&[first, flags, high, low, ..], rest) = bytes.split_first_chunk::<8>()?;
    if first >> 6 != 0 || flags & 0x80 != 0 {
        return None;
    }
    let inner = rest.get(usize::from(first & 0x3f) * 4..)?;
    Some(match u16::from_be_bytes([high, low]) {
        ETHERNET => Inside::Frame(inner),
        kind => Inside::Packet(Payload::EtherType(kind), inner),
    })
}

/// 3GPP TS 29.281, 5.1 and 5.2: version 1, a G-PDU, extension headers each of which names the next.
fn gtp(bytes: &[u8]) -> Option<Inside<'_>> {
    const G_PDU: u8 = 255;
    let (&[flags, G_PDU, high, low, ..], rest) = bytes.split_first_chunk::<8>()? else {
        return None;
    };
    if flags & 0xf0 != 0x30 {
        return None;
    }
    let length = usize::from(u16::from_be_bytes([high, low]));
    let mut r = Reader::new(rest.get(..length.min(rest.len()))?);
    if flags & 0x07 != 0 {
        r.skip(3).ok()?;
        let mut next = r.u8().ok()?;
        while flags & 0x04 != 0 && next != 0 {
            let words = usize::from(r.u8().ok()?);
            r.skip((words * 4).checked_sub(2)?).ok()?;
            next = r.u8().ok()?;
        }
    }
    let kind = match r.peek().first()? >> 4 {
        4 => 0x0800,
        6 => 0x86dd,
        _ => return None,
    };
    Some(Inside::Packet(Payload::EtherType(kind), r.rest()))
}

/// Version 1, a packet that was received or is to be sent, an Ethernet frame or one of IEEE 802.11; then fields up to the one
/// that ends them.
fn tzsp(bytes: &[u8]) -> Option<Inside<'_>> {
    let mut r = Reader::new(bytes);
    let radio = match r.array().ok()? {
        [1, 0 | 1, 0, 1] => false,
        [1, 0 | 1, 0, 18] => true,
        _ => return None,
    };
    loop {
        match r.u8().ok()? {
            0 => {}
            1 if radio => return Some(Inside::Radio(r.rest())),
            1 => return Some(Inside::Frame(r.rest())),
            _ => {
                let length = usize::from(r.u8().ok()?);
                r.skip(length).ok()?;
            }
        }
    }
}

/// RFC 5415, 4.3: version 0, not encrypted; the length of the header in words, whether a frame of radio follows, and whether it is
/// a piece. A piece after the first has nothing to begin with.
fn capwap(bytes: &[u8]) -> Option<Inside<'_>> {
    let mut r = Reader::new(bytes);
    if r.u8().ok()? != 0 {
        return None;
    }
    let [length, middle, _] = r.array().ok()?;
    let fragment = r.u16().ok().and(r.u16().ok())? >> 3;
    if fragment != 0 {
        return None;
    }
    let inner = bytes.get(usize::from(length >> 3).max(2) * 4..)?;
    // The last bit of the second of these octets: the frame is as its network made it.
    Some(if middle & 0x01 != 0 {
        Inside::Radio(inner)
    } else {
        Inside::Frame(inner)
    })
}

/// RFC 2661, 3.1: no control message, version 2; what stands in the header the first bits tell. Of
/// version 3 (RFC 3931, 4.1.2.1) a word of flags and the session stand there.
fn l2tp(bytes: &[u8]) -> Option<Inside<'_>> {
    let mut r = Reader::new(bytes);
    let flags = r.u16().ok()?;
    if flags & 0x800f == 0x0003 {
        r.skip(2).ok()?;
        return l2tp_session(r.rest());
    }
    if flags & 0x800f != 0x0002 {
        return None;
    }
    if flags & 0x4000 != 0 {
        let length = usize::from(r.u16().ok()?);
        r = Reader::new(bytes.get(..length.min(bytes.len()))?);
        r.skip(4).ok()?;
    }
    r.skip(4).ok()?;
    if flags & 0x0800 != 0 {
        r.skip(4).ok()?;
    }
    if flags & 0x0200 != 0 {
        let padding = usize::from(r.u16().ok()?);
        r.skip(padding).ok()?;
    }
    packet_of_ppp(&mut r)
}

/// RFC 3931, 4.1.1: a session, 0 for control messages, then a cookie of 0, 4 or 8 octets and a sublayer of 0 or 4. How long these are is
/// agreed on beforehand and does not stand in the packet: an Ethernet frame is where one can be.
pub(super) fn l2tp_session(bytes: &[u8]) -> Option<Inside<'_>> {
    let (session, rest) = bytes.split_first_chunk::<4>()?;
    if *session == [0; 4] {
        return None;
    }
    let places = [0, 4, 8, 12].into_iter();
    let mut frames = places.filter_map(|place| rest.get(place..));
    frames.find(|frame| is_ethernet(frame)).map(Inside::Frame)
}

/// A frame whose type and the packet behind it agree with each other.
fn is_ethernet(frame: &[u8]) -> bool {
    /// What stands behind two addresses, or `None`.
    fn packet(frame: &[u8]) -> Option<bool> {
        let mut r = Reader::new(frame);
        let (to, from) = (r.array::<6>().ok()?, r.array::<6>().ok()?);
        // Nobody sends as a group, and no device is called so.
        if from.first()? & 1 != 0 || from == [0; 6] || to == [0; 6] {
            return Some(false);
        }
        let mut kind = r.u16().ok()?;
        while matches!(kind, 0x8100 | 0x88a8) {
            r.skip(2).ok()?;
            kind = r.u16().ok()?;
        }
        let left = r.left();
        Some(match kind {
            0x0800 => {
                let [first, _, high, low] = r.array().ok()?;
                let length = usize::from(u16::from_be_bytes([high, low]));
                first >> 4 == 4 && first & 0x0f >= 5 && (20..=left).contains(&length)
            }
            0x86dd => {
                let [first, _, _, _, high, low] = r.array().ok()?;
                let length = usize::from(u16::from_be_bytes([high, low]));
                first >> 4 == 6 && length + 40 <= left
            }
            0x0806 => r.array::<6>().ok()? == [0, 1, 8, 0, 6, 4],
            _ => false,
        })
    }
    packet(frame) == Some(true)
}

/// RFC 4380, 5.1.1: who the client is to the server and where it is seen may stand before the IPv6 packet.
fn teredo(bytes: &[u8]) -> Option<Inside<'_>> {
    let mut r = Reader::new(bytes);
    if r.peek().starts_with(&[0, 1]) {
        r.skip(2).ok()?;
        let (id, proof) = (r.u8().ok()?, r.u8().ok()?);
        r.skip(usize::from(id) + usize::from(proof) + 8 + 1).ok()?;
    }
    if r.peek().starts_with(&[0, 0]) {
        r.skip(8).ok()?;
    }
    (r.peek().first()? >> 4 == 6).then(|| Inside::Packet(Payload::EtherType(0x86dd), r.rest()))
}

/// RFC 2637, 4.1: version 1 of GRE, whose key is the length of the packet and the call.
fn pptp<'a>(flags: u16, r: &mut Reader<'a>) -> Option<Inside<'a>> {
    if flags & 0xe007 != 0x2001 {
        return None;
    }
    let length = usize::from(r.u16().ok()?);
    r.skip(2).ok()?;
    for flag in [0x1000, 0x0080] {
        if flags & flag != 0 {
            r.skip(4).ok()?;
        }
    }
    let mut packet = r.sub(length.min(r.left())).ok()?;
    packet_of_ppp(&mut packet)
}

/// An IP packet in PPP: what else it carries, and what it encrypts or squeezes, stays with the tunnel.
fn packet_of_ppp<'a>(r: &mut Reader<'a>) -> Option<Inside<'a>> {
    match rare::ppp(r).ok()? {
        (_, payload @ Payload::EtherType(0x0800 | 0x86dd), packet) => {
            Some(Inside::Packet(payload, packet))
        }
        _ => None,
    }
}

/// RFC 3378, 3: version 3, then an Ethernet frame.
pub(super) fn ether_ip(bytes: &[u8]) -> Option<Inside<'_>> {
    match bytes.split_first_chunk::<2>()? {
        ([0x30, 0x00], frame) => Some(Inside::Frame(frame)),
        _ => None,
    }
}

/// RFC 4023, 3: labels, then what they are for.
pub(super) fn mpls_in_ip(bytes: &[u8]) -> Option<Inside<'_>> {
    let packet = mpls(bytes).map(|(payload, packet)| Inside::Packet(payload, packet));
    packet.or_else(|| mpls_ethernet(bytes).map(Inside::Frame))
}

/// Transparent Ethernet bridging.
const ETHERNET: u16 = 0x6558;

/// RFC 2784 and RFC 2890: version 0 with optional checksum, key and sequence number. What switches mirror comes this way too
/// (draft-foschiano-erspan-03): type I without a header of its own, type II with 8 octets, type III with 12 or 20.
pub(super) fn gre(bytes: &[u8]) -> Option<Inside<'_>> {
    let mut r = Reader::new(bytes);
    let flags = r.u16().ok()?;
    let protocol = r.u16().ok()?;
    if flags & 0x0007 != 0 {
        return (protocol == 0x880b).then(|| pptp(flags, &mut r))?;
    }
    for (flag, length) in [(0x8000, 4), (0x2000, 4), (0x1000, 4)] {
        if flags & flag != 0 {
            r.skip(length).ok()?;
        }
    }
    let numbered = flags & 0x1000 != 0;
    Some(match protocol {
        ETHERNET => Inside::Frame(r.rest()),
        0x88be if !numbered => Inside::Mirrored(r.rest(), None),
        0x88be => {
            let vlan = mirrored_in(r.array::<8>().ok()?, 1)?;
            Inside::Mirrored(r.rest(), vlan)
        }
        0x22eb => {
            let head = r.array::<12>().ok()?;
            let [.., kind, last] = head;
            let vlan = mirrored_in(head, 2)?;
            // Packets without their frame are of another kind.
            if kind & 0x7c != 0 {
                return None;
            }
            // The last bit tells of a header that some platforms add.
            r.skip(usize::from(last & 1) * 8).ok()?;
            Inside::Mirrored(r.rest(), vlan)
        }
        kind => Inside::Packet(Payload::EtherType(kind), r.rest()),
    })
}

/// Version and VLAN, with which both kinds of header begin. `None` for another version.
fn mirrored_in<const N: usize>(head: [u8; N], version: u16) -> Option<Option<u16>> {
    let first = u16::from_be_bytes(*head.first_chunk()?);
    let vlan = first & 0x0fff;
    (first >> 12 == version).then_some((1..0xfff).contains(&vlan).then_some(vlan))
}

/// Tags that stand in front of the type of a frame that goes two ways (IEC 62439-3, 5.5, HSR; IEEE 802.1CB, 7.8): a number that
/// both copies share.
pub(super) fn doubled(bytes: &[u8]) -> Option<(Payload, &[u8])> {
    let mut r = Reader::new(bytes);
    r.skip(4).ok()?;
    let kind = r.u16().ok()?;
    (kind >= 0x0600).then_some((Payload::EtherType(kind), r.rest()))
}

/// IEEE 802.1Q, 9.7: a provider's tag of four octets, then the customer's frame.
pub(super) fn backbone(bytes: &[u8]) -> Option<&[u8]> {
    bytes.get(4..)
}

#[cfg(test)]
mod tests {
    use facts::Time;

    use crate::testing::hex;
    use crate::{Frame, Limits, Link, Shard, Worker};

    /// An ICMP echo request from 10.0.0.1, alone and in its frame.
    const PACKET: &str = "4500001c 00000000 40010000 0a000001 0a000164 0800000000010001";
    const FRAME: &str = "020000000003 020000000004 0800";
    /// The same from a station to its access point, the first two octets as a maker of controllers sends them.
    const RADIO: &str = "0108 0000 0200000000aa 020000000004 020000000003 1000 aaaa03 000000 0800";

    /// What is outermost: an IPv4 packet between two routers.
    fn over_ip(protocol: u8, payload: &str) -> Vec<u8> {
        let payload = hex(payload);
        let mut frame = hex(&format!(
            "020000000002 020000000001 0800 4500{:04x} 00000000 40{protocol:02x}0000 c0000201 c0000202",
            payload.len() + 20
        ));
        frame.extend(payload);
        frame
    }

    fn over_udp(port: u16, payload: &str) -> Vec<u8> {
        let length = hex(payload).len() + 8;
        over_ip(17, &format!("c350{port:04x}{length:04x}0000 {payload}"))
    }

    #[test]
    fn what_a_tunnel_carries_is_read_as_if_it_lay_on_the_wire() {
        let gtp = hex(PACKET).len();
        // IPv6 that carries IPv4 in turn.
        let six = format!(
            "60000000 {gtp:04x} 04 40 20010000000000000000000000000001 20010000000000000000000000000002 "
        );
        let tunnels = [
            ("GRE", over_ip(47, &format!("00000800 {PACKET}")), None),
            (
                "ERSPAN I",
                over_ip(47, &format!("000088be {FRAME}{PACKET}")),
                None,
            ),
            (
                "ERSPAN II",
                over_ip(
                    47,
                    &format!("100088be 00000007 100b0001 00000000 {FRAME}{PACKET}"),
                ),
                Some(11),
            ),
            (
                "ERSPAN II, another version",
                over_ip(
                    47,
                    &format!("100088be 00000007 300b0001 00000000 {FRAME}{PACKET}"),
                ),
                None,
            ),
            (
                "ERSPAN III",
                over_ip(
                    47,
                    &format!(
                        "100022eb 00000007 200c0001 00000000 00000001 0000000000000000 {FRAME}{PACKET}"
                    ),
                ),
                Some(12),
            ),
            (
                "VXLAN",
                over_udp(4789, &format!("0800000000000700 {FRAME}{PACKET}")),
                None,
            ),
            (
                "Geneve",
                over_udp(
                    6081,
                    &format!("0100 6558 00000700 01020304 {FRAME}{PACKET}"),
                ),
                None,
            ),
            (
                "GTP",
                over_udp(2152, &format!("30ff{gtp:04x} 00000001 {PACKET}")),
                None,
            ),
            (
                "GTP with an extension header",
                over_udp(
                    2152,
                    &format!("34ff{:04x} 00000001 000000 85 01 100900 {PACKET}", gtp + 8),
                ),
                None,
            ),
            (
                "TZSP",
                over_udp(37008, &format!("01000001 00 0a01ff 01 {FRAME}{PACKET}")),
                None,
            ),
            (
                "TZSP, radio",
                over_udp(37008, &format!("01000012 01 {RADIO}{PACKET}")),
                None,
            ),
            (
                "CAPWAP",
                over_udp(5247, &format!("00 100000 00000000 {FRAME}{PACKET}")),
                None,
            ),
            (
                "CAPWAP, radio",
                over_udp(5247, &format!("00 100100 00000000 {RADIO}{PACKET}")),
                None,
            ),
            (
                "PPTP",
                over_ip(
                    47,
                    &format!(
                        "3081880b {:04x} 0007 00000001 00000002 ff03 0021 {PACKET}",
                        gtp + 4
                    ),
                ),
                None,
            ),
            (
                "PPTP, encrypted, not another version",
                over_ip(
                    47,
                    &format!("3001880b {:04x} 0007 00000001 00fd {PACKET}", gtp + 2),
                ),
                None,
            ),
            (
                "L2TP",
                over_udp(
                    1701,
                    &format!("4002 {:04x} 0001 0002 ff03 0021 {PACKET}", gtp + 12),
                ),
                None,
            ),
            (
                "L2TP with sequence, offset and the protocol in one octet",
                over_udp(
                    1701,
                    &format!("0a02 0001 0002 0000 0000 0002 ffff 21 {PACKET}"),
                ),
                None,
            ),
            (
                "L2TP, another version",
                over_udp(1701, &format!("0004 0000 00000001 {FRAME}{PACKET}")),
                None,
            ),
            (
                "L2TPv3 over UDP",
                over_udp(1701, &format!("0003 0000 00000001 {FRAME}{PACKET}")),
                None,
            ),
            (
                "L2TPv3 with a cookie of 8 octets and a sublayer",
                over_ip(
                    115,
                    &format!("00000001 0102030405060708 40000001 {FRAME}{PACKET}"),
                ),
                None,
            ),
            (
                "L2TPv3 control, not of a session, another version",
                over_ip(115, &format!("00000000 c8030014 {FRAME}{PACKET}")),
                None,
            ),
            ("6in4", over_ip(41, &format!("{six}{PACKET}")), None),
            ("Teredo", over_udp(3544, &format!("{six}{PACKET}")), None),
            (
                "Teredo from the server, with proof and origin",
                over_udp(
                    3544,
                    &format!(
                        "0001 0104 aa 01020304 0000000000000001 00 0000 f32f 3ffffdfe {six}{PACKET}"
                    ),
                ),
                None,
            ),
            (
                "EtherIP",
                over_ip(97, &format!("3000 {FRAME}{PACKET}")),
                None,
            ),
            (
                "MPLS in IP",
                over_ip(137, &format!("00007140 {PACKET}")),
                None,
            ),
            (
                "HSR",
                hex(&format!(
                    "020000000003 020000000004 892f 00220001 0800 {PACKET}"
                )),
                None,
            ),
            (
                "provider backbone",
                hex(&format!(
                    "020000000002 020000000001 88e7 00000007 {FRAME}{PACKET}"
                )),
                None,
            ),
        ];
        let told: Vec<String> = tunnels
            .iter()
            .map(|(name, data, vlan)| {
                let mut worker = Worker::new(Shard::default(), Limits::default());
                worker.frame(&Frame {
                    capture: 0,
                    number: 1,
                    time: Time(1),
                    link: Link::Ethernet,
                    wire_len: u32::try_from(data.len()).unwrap(),
                    data,
                });
                let facts = worker.finish().into_facts(vec!["a".to_owned()]);
                let inner = facts
                    .conversations
                    .iter()
                    .find(|row| row.client.to_string() == "10.0.0.1");
                match inner {
                    Some(row) if row.vlan == *vlan => format!("{name}: read"),
                    Some(row) => format!("{name}: in VLAN {:?}", row.vlan),
                    None => format!("{name}: left alone"),
                }
            })
            .collect();
        let expected: Vec<String> = tunnels
            .iter()
            .map(|(name, ..)| {
                let read = !name.ends_with("another version");
                format!("{name}: {}", if read { "read" } else { "left alone" })
            })
            .collect();
        assert_eq!(told, expected);
    }

    /// ICMP echo requests between hosts behind GRE, one per inner pair, all between the same outer routers.
    #[test]
    fn whoever_keeps_the_inner_flows_looks_into_the_tunnel() {
        let frames: Vec<Vec<u8>> = (1..=8u8)
            .map(|last| {
                hex(&format!(
                    "020000000002 020000000001 0800 \
                     45000034 00000000 402f0000 c0000201 c0000202 00000800 \
                     4500001c 00000000 40010000 0a0000{last:02x} 0a000164 0800000000010001"
                ))
            })
            .collect();
        let conversations = |of: u32| {
            let mut pictures = (0..of).map(|index| {
                let mut worker = Worker::new(Shard { index, of, seed: 0 }, Limits::default());
                for (number, data) in (1u32..).zip(&frames) {
                    let length = u32::try_from(data.len()).unwrap();
                    worker.frame(&Frame {
                        capture: 0,
                        number,
                        time: Time(i64::from(number)),
                        link: Link::Ethernet,
                        wire_len: length,
                        data,
                    });
                }
                worker.finish()
            });
            let mut picture = pictures.next().unwrap();
            pictures.for_each(|other| picture.merge(other));
            picture.into_facts(vec!["a".to_owned()]).conversations
        };
        let one = conversations(1);
        assert_eq!(one.iter().filter(|row| row.transport == "icmp").count(), 8);
        assert_eq!(one, conversations(3));
    }
}
