//! The messages that run the network itself: ARP, ICMP, IPv6 neighbour discovery.
//!
//! Spec: RFC 9568, 5.1 and RFC 3768 (VRRP); CARP as OpenBSD's carp(4) sends it; RFC 826 and RFC 5227 (ARP), RFC 792 (ICMP), RFC 4443 (ICMPv6), RFC 4861 (neighbour discovery).
use std::net::IpAddr;

use super::ip::{self, Packet};
use super::link::Ends;
use crate::cx::At;
use crate::flow::{Flow, Told};
use crate::picture::{OddityKey, Picture, RouteKey};
use crate::reader::{Malformed, Reader};

/// Reads an ARP message: who claims which address.
pub(crate) fn arp(
    bytes: &[u8],
    flow: &mut Flow,
    ends: &Ends,
    picture: &mut Picture,
    at: At,
) -> Result<(), Malformed> {
    let mut r = Reader::new(bytes);
    let (hardware, protocol, hardware_len, protocol_len) = (r.u16()?, r.u16()?, r.u8()?, r.u8()?);
    r.check(
        (hardware, protocol, hardware_len, protocol_len) == (1, 0x0800, 6, 4),
        "ARP for other than IPv4 on Ethernet",
    )?;
    let operation = r.u16()?;
    let (sender, sender_ip) = (r.mac()?, r.ipv4()?);
    let (_target, target_ip) = (r.mac()?, r.ipv4()?);
    r.check(matches!(operation, 1 | 2), "ARP operation")?;
    // A probe (RFC 5227, 2.1.1) has no sender address: it asks, it does not claim.
    picture.claim(sender, sender_ip.into(), ends.tags.vlan, at, &[at.frame]);
    if let Some(src) = ends.src.filter(|src| *src != sender && sender.is_device()) {
        let detail = Some(format!("claims {sender_ip} for {sender}"));
        let (source, target) = (Some(src.into()), ends.dst.map(Into::into));
        let key = OddityKey {
            what: "arp.foreign_sender",
            source,
            target,
            vlan: ends.tags.vlan,
            detail,
        };
        picture.oddity(key, at.now, at.capture, &[at.frame]);
    }
    let variant = if sender_ip == target_ip {
        "announcement"
    } else {
        "resolution"
    };
    flow.talk().learned.variant = Some(variant.into());
    if operation == 2 && ends.dst.is_some_and(|dst| !dst.is_group()) {
        // The one who answers is the server, even when the broadcast question is a flow of its own.
        let sender = usize::from(flow.key.end(0).0 != ends.src.unwrap_or_default().into());
        flow.tell_client(1 - sender, Told::Role);
    }
    Ok(())
}

/// Whether the answers of an echo are what was asked (RFC 792: "the data received in the echo message must be returned").
/// Where they are not, someone puts other things into them; a single one may be damage.
#[derive(Debug, Default)]
pub(crate) struct Echo {
    head: [u8; 4],
    data: Vec<u8>,
    differ: u32,
}

impl Echo {
    /// Octets of an echo that are compared.
    const MOST: usize = 256;
    /// Answers that differ before that is told.
    const LEAST: u32 = 3;

    /// Identifier and sequence number, and what follows them.
    fn parts(payload: &[u8]) -> Option<([u8; 4], &[u8])> {
        let (head, data) = payload.get(4..)?.split_first_chunk()?;
        Some((*head, data.get(..Echo::MOST).unwrap_or(data)))
    }

    fn asked(&mut self, payload: &[u8]) {
        if let Some((head, data)) = Echo::parts(payload) {
            self.head = head;
            self.data.clear();
            self.data.extend_from_slice(data);
        }
    }

    /// `true` when this answer, too, differs, after enough others. What a capture cut off does not count.
    fn answered(&mut self, payload: &[u8]) -> bool {
        let Some((head, data)) = Echo::parts(payload) else {
            return false;
        };
        let same = self
            .data
            .iter()
            .zip(data)
            .all(|(asked, answered)| asked == answered);
        if head != self.head || same {
            return false;
        }
        self.differ = self.differ.saturating_add(1);
        self.differ >= Echo::LEAST
    }
}

#[test]
fn answers_that_differ_again_and_again_are_told_and_lost_or_cut_ones_are_not() {
    let packet =
        |kind: u8, sequence: u8, data: &[u8]| [&[kind, 0, 0, 0, 0, 1, 0, sequence], data].concat();
    let mut echo = Echo::default();
    for sequence in 0..4 {
        echo.asked(&packet(8, sequence, b"abcdefgh"));
        assert!(!echo.answered(&packet(0, sequence, b"abcd")), "cut off");
        assert!(
            !echo.answered(&packet(0, sequence + 1, b"12345678")),
            "to another"
        );
    }
    let mut told = Vec::new();
    for sequence in 0..4 {
        echo.asked(&packet(8, sequence, b"abcdefgh"));
        told.push(echo.answered(&packet(0, sequence, b"12345678")));
    }
    assert_eq!(told, [false, false, true, true]);
}

/// Reads a message of those that only routers send to each other; gives its name where that is finer than the number of
/// its protocol.
pub(crate) fn routers(
    packet: &Packet<'_>,
    ends: &Ends,
    picture: &mut Picture,
    at: At,
) -> Option<&'static str> {
    let (via, gateway, detail) = match packet.protocol {
        88 => ("eigrp", None, None),
        89 => ("ospf", None, None),
        112 => shared_gateway(packet)?,
        _ => return None,
    };
    let key = RouteKey {
        via,
        mac: crate::worker::device(ends.src),
        ip: Some(packet.src_ip()),
        vlan: ends.tags.vlan,
        to_vlan: None,
        gateway,
        detail,
    };
    picture.route(key, at, &[at.frame]);
    Some(via)
}

/// VRRP, or CARP, which took its number: an advertisement of seven words of authentication in 36 bytes.
fn shared_gateway(packet: &Packet<'_>) -> Option<(&'static str, Option<IpAddr>, Option<String>)> {
    let mut r = Reader::new(packet.payload);
    let (kind, group, priority, count) = (r.u8().ok()?, r.u8().ok()?, r.u8().ok()?, r.u8().ok()?);
    let detail = Some(format!("group {group}, priority {priority}"));
    if (kind, count, packet.payload.len()) == (0x21, 7, 36) {
        return Some(("carp", None, Some(format!("group {group}"))));
    }
    if !matches!(kind, 0x21 | 0x31) || count == 0 {
        return None;
    }
    r.skip(4).ok()?;
    let gateway = match packet.src_ip() {
        IpAddr::V4(_) => r.ipv4().ok().map(IpAddr::V4),
        IpAddr::V6(_) => r.ipv6().ok().map(IpAddr::V6),
    };
    Some(("vrrp", gateway, detail))
}

/// RFC 1256, 3: count and size of entries, lifetime; then the router's first address and how it is to be preferred, where the
/// lowest says that it is no default router.
fn discovered(payload: &[u8]) -> Option<(IpAddr, u16)> {
    const NEVER: u32 = 0x8000_0000;
    let mut r = Reader::new(payload);
    r.skip(4).ok()?;
    let (count, size, lifetime) = (r.u8().ok()?, r.u8().ok()?, r.u16().ok()?);
    if count == 0 || size < 2 {
        return None;
    }
    let (gateway, preference) = (r.ipv4().ok()?, r.u32().ok()?);
    let lifetime = if preference == NEVER { 0 } else { lifetime };
    Some((gateway.into(), lifetime))
}

#[test]
fn a_router_that_announces_itself_names_its_address_and_for_how_long() {
    let read = |hex: &str| discovered(&crate::testing::hex(hex));
    let gateway: IpAddr = [10, 0, 0, 66].into();
    let head = "0900 0000 01 02 0708";
    assert_eq!(
        read(&format!("{head} 0a000042 00000000")),
        Some((gateway, 1800))
    );
    assert_eq!(
        read(&format!("{head} 0a000042 80000000")),
        Some((gateway, 0))
    );
    assert_eq!(read("0900 0000 00 02 0708"), None);
    assert_eq!(read(&format!("{head} 0a0000")), None);
}

/// Reads an ICMP or ICMPv6 message. For "unreachable" gives the packet that it quotes.
#[allow(clippy::too_many_arguments)]
pub(crate) fn icmp<'a>(
    six: bool,
    kind: u8,
    code: u8,
    packet: &Packet<'a>,
    flow: &mut Flow,
    ends: &Ends,
    picture: &mut Picture,
    at: At,
) -> Option<Packet<'a>> {
    let body = packet.payload.get(8..).unwrap_or(&[]);
    let variant = match (six, kind) {
        (false, 0 | 8) | (true, 128 | 129) => "echo",
        (false, 3 | 4 | 11 | 12) | (true, 1..=4) => "error",
        (false, 5) | (true, 137) => "redirect",
        (false, 9 | 10) => "router-discovery",
        (true, 133..=136) => "neighbour-discovery",
        (true, 130..=132 | 143) => "multicast-listener",
        _ => "other",
    };
    // An echo is the finest name of a pair that also exchanged errors: what was asked for by someone.
    let learned = &mut flow.talk().learned;
    if learned.variant.as_deref() != Some("echo") {
        learned.variant = Some(variant.into());
    }
    match (six, kind) {
        (false, 8) | (true, 128) => {
            learned.echo.get_or_insert_default().asked(packet.payload);
        }
        (false, 0) | (true, 129) => {
            let odd = learned
                .echo
                .as_mut()
                .is_some_and(|echo| echo.answered(packet.payload));
            if odd {
                let key = OddityKey {
                    what: "icmp.tunnel_sign",
                    source: Some(packet.src_ip().into()),
                    target: Some(packet.dst_ip().into()),
                    vlan: ends.tags.vlan,
                    detail: Some("echo answers differ from what was asked".to_owned()),
                };
                picture.oddity(key, at.now, at.capture, &[at.frame]);
            }
        }
        _ => {}
    }
    let mac = crate::worker::device(ends.src);
    match (six, kind) {
        (false, 3) if code <= 3 || code == 13 || code == 10 || code == 9 => ip::v4(body).ok(),
        (true, 1) => ip::v6(body).ok(),
        (false, 5) => {
            let gateway = packet
                .payload
                .get(4..8)
                .and_then(|bytes| Reader::new(bytes).ipv4().ok())
                .map(IpAddr::V4);
            let key = RouteKey {
                via: "redirect",
                mac,
                ip: Some(packet.src_ip()),
                vlan: ends.tags.vlan,
                to_vlan: None,
                gateway,
                detail: None,
            };
            picture.route(key, at, &[at.frame]);
            None
        }
        (false, 9) => {
            let (gateway, lifetime) = discovered(packet.payload)?;
            let key = RouteKey {
                via: "ra",
                mac,
                ip: Some(packet.src_ip()),
                vlan: ends.tags.vlan,
                to_vlan: None,
                gateway: (lifetime > 0).then_some(gateway),
                detail: (lifetime == 0).then(|| "not a default router".to_owned()),
            };
            picture.route(key, at, &[at.frame]);
            None
        }
        (true, 134) => {
            // Router advertisement: a lifetime of 0 says "not a default router" (RFC 4861, 4.2).
            let lifetime = packet
                .payload
                .get(6..8)
                .and_then(|bytes| Reader::new(bytes).u16().ok())
                .unwrap_or(0);
            let key = RouteKey {
                via: "ra",
                mac,
                ip: Some(packet.src_ip()),
                vlan: ends.tags.vlan,
                to_vlan: None,
                gateway: (lifetime > 0).then(|| packet.src_ip()),
                detail: (lifetime == 0).then(|| "not a default router".to_owned()),
            };
            picture.route(key, at, &[at.frame]);
            None
        }
        // Neighbour solicitation claims its own address, an advertisement the target's.
        (true, 135) => {
            if let Some(mac) = mac.filter(|_| packet.src != 0) {
                picture.claim(mac, packet.src_ip(), ends.tags.vlan, at, &[at.frame]);
            }
            None
        }
        (true, 136) => {
            let target = body.first_chunk::<16>().map(|octets| IpAddr::from(*octets));
            if let (Some(mac), Some(target)) = (mac, target) {
                picture.claim(mac, target, ends.tags.vlan, at, &[at.frame]);
            }
            None
        }
        _ => None,
    }
}
