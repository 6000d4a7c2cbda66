//! The housekeeping of layer 2 and 3: ARP, neighbour discovery, IGMP, LLDP, CDP, spanning tree, ping.
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::net::bytes::{Bytes, checksum, len16};
use crate::net::frame::{self, BROADCAST, Mac, Tag};
use crate::net::{Host, Micros, Network};

const LLDP_GROUP: Mac = [0x01, 0x80, 0xc2, 0, 0, 0x0e];
const STP_GROUP: Mac = [0x01, 0x80, 0xc2, 0, 0, 0];
const CISCO_GROUP: Mac = [0x01, 0x00, 0x0c, 0xcc, 0xcc, 0xcc];

/// Asks who has the address of `to`, and gets the answer.
pub fn arp(net: &mut Network, at: Micros, from: Host, to: Host) {
    arp_request(net, at, from, to.ip);
    let answer = frame::arp(2, (to.mac, to.ip), (from.mac, from.ip));
    net.layer2(at.saturating_add(250), to, from.mac, frame::ARP, &answer);
}

/// Asks who has an address, and nobody answers.
pub fn arp_request(net: &mut Network, at: Micros, from: Host, wanted: Ipv4Addr) {
    let question = frame::arp(1, (from.mac, from.ip), ([0; 6], wanted));
    net.layer2(at, from, BROADCAST, frame::ARP, &question);
}

/// Announces its own address (gratuitous ARP).
pub fn arp_announce(net: &mut Network, at: Micros, host: Host) {
    let announcement = frame::arp(1, (host.mac, host.ip), ([0; 6], host.ip));
    net.layer2(at, host, BROADCAST, frame::ARP, &announcement);
}

/// The link-local address that a host derives from its MAC address (RFC 4291, appendix A).
pub fn link_local(mac: Mac) -> Ipv6Addr {
    let [a, b, c, d, e, f] = mac;
    let word = |high: u8, low: u8| u16::from_be_bytes([high, low]);
    Ipv6Addr::new(
        0xfe80,
        0,
        0,
        0,
        word(a ^ 2, b),
        word(c, 0xff),
        word(0xfe, d),
        word(e, f),
    )
}

/// Duplicate address detection, then a router solicitation that nobody answers.
pub fn neighbour_discovery(net: &mut Network, at: Micros, host: Host) {
    let own = link_local(host.mac);
    let [.., d, e, f] = host.mac;
    let group = Ipv6Addr::new(
        0xff02,
        0,
        0,
        0,
        0,
        1,
        0xff00 | u16::from(d),
        u16::from_be_bytes([e, f]),
    );
    let question = frame::icmp6(Ipv6Addr::UNSPECIFIED, group, 135, 0, &own.octets());
    let packet = frame::ipv6(Ipv6Addr::UNSPECIFIED, group, frame::ICMP6, 255, &question);
    net.layer2(at, host, [0x33, 0x33, 0xff, d, e, f], frame::IPV6, &packet);
    let routers = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);
    let option = Bytes::hex("01 01").raw(&host.mac).done();
    let solicitation = frame::icmp6(own, routers, 133, 0, &option);
    let packet = frame::ipv6(own, routers, frame::ICMP6, 255, &solicitation);
    net.layer2(
        at.saturating_add(1_000_000),
        host,
        [0x33, 0x33, 0, 0, 0, 2],
        frame::IPV6,
        &packet,
    );
}

/// IGMPv2 membership report, with the router alert option left out.
pub fn join_group(net: &mut Network, at: Micros, host: Host, group: Ipv4Addr) {
    let message = |sum: u16| Bytes::hex("16 00").be16(sum).raw(&group.octets()).done();
    let sum = checksum(&[&message(0)]);
    net.ip_group(at, host, group, frame::IGMP, 1, &message(sum));
}

/// Echo request and, if `answered`, echo reply.
pub fn ping(net: &mut Network, at: Micros, from: Host, to: Host, sequence: u16, answered: bool) {
    let rest = (u32::from(from.mac[5]) << 16) | u32::from(sequence);
    let data: Vec<u8> = (b'a'..=b'w').chain(b'a'..=b'i').collect();
    net.ip(at, from, to, frame::ICMP, &frame::icmp(8, 0, rest, &data));
    if answered {
        net.ip(
            at.saturating_add(600),
            to,
            from,
            frame::ICMP,
            &frame::icmp(0, 0, rest, &data),
        );
    }
}

/// What a device tells its neighbours by LLDP.
#[derive(Clone, Copy, Debug)]
pub struct Station<'a> {
    pub name: &'a str,
    pub description: &'a str,
    pub port: &'a str,
    /// Capabilities: 0x0004 bridge, 0x0010 router, 0x0080 station.
    pub capabilities: u16,
}

pub fn lldp(net: &mut Network, at: Micros, from: Host, station: Station<'_>) {
    let tlv = |kind: u16, value: &[u8]| {
        Bytes::new()
            .be16((kind << 9) | len16(value.len()))
            .raw(value)
            .done()
    };
    let payload: Vec<u8> = [
        tlv(1, &Bytes::new().u8(4).raw(&from.mac).done()),
        tlv(2, &Bytes::new().u8(5).text(station.port).done()),
        tlv(3, &[0, 120]),
        tlv(5, station.name.as_bytes()),
        tlv(6, station.description.as_bytes()),
        tlv(
            7,
            &Bytes::new()
                .be16(station.capabilities)
                .be16(station.capabilities)
                .done(),
        ),
        tlv(
            8,
            &Bytes::hex("05 01")
                .raw(&from.ip.octets())
                .hex_interface()
                .done(),
        ),
        tlv(127, &Bytes::hex("0080c2 01").be16(from.vlan).done()),
        tlv(0, &[]),
    ]
    .concat();
    // Link protocols travel untagged, whatever VLAN the port is in.
    net.put(
        at,
        from.vlan,
        frame::ethernet(LLDP_GROUP, from.mac, &[], 0x88cc, &payload),
    );
}

impl Bytes {
    /// Interface number 1 by ifIndex, no object identifier.
    fn hex_interface(self) -> Bytes {
        self.u8(2).be32(1).u8(0)
    }
}

/// Cisco Discovery Protocol, version 2.
///
/// CDP sums an odd last byte in a way of its own; a blank after the software keeps the length even.
pub fn cdp(net: &mut Network, at: Micros, from: Host, name: &str, platform: &str, software: &str) {
    let tlv = |kind: u16, value: &[u8]| {
        Bytes::new()
            .be16(kind)
            .be16(len16(value.len().saturating_add(4)))
            .raw(value)
            .done()
    };
    // Beside these three texts the message is odd.
    let odd = (name.len() + platform.len() + software.len()).is_multiple_of(2);
    let software = if odd {
        format!("{software} ")
    } else {
        software.to_owned()
    };
    let address = Bytes::hex("00000001 01 01 cc 0004")
        .raw(&from.ip.octets())
        .done();
    let message = |sum: u16| {
        Bytes::hex("02 b4")
            .be16(sum)
            .raw(&tlv(1, name.as_bytes()))
            .raw(&tlv(2, &address))
            .raw(&tlv(3, b"GigabitEthernet1/0/1"))
            .raw(&tlv(4, &[0, 0, 0, 0x29]))
            .raw(&tlv(5, software.as_bytes()))
            .raw(&tlv(6, platform.as_bytes()))
            .raw(&tlv(10, &from.vlan.to_be_bytes()))
            .done()
    };
    let sum = checksum(&[&message(0)]);
    let llc = Bytes::hex("aa aa 03 00000c 2000").raw(&message(sum)).done();
    net.put(
        at,
        from.vlan,
        frame::ieee_802_3(CISCO_GROUP, from.mac, &[], &llc),
    );
}

/// A configuration message of rapid spanning tree, sent by the root itself.
pub fn stp(net: &mut Network, at: Micros, from: Host) {
    let root = Bytes::new().be16(0x8000 | from.vlan).raw(&from.mac).done();
    let message = Bytes::hex("0000 02 02 7c")
        .raw(&root)
        .be32(0)
        .raw(&root)
        .be16(0x8001)
        .be16(0)
        .be16(20 << 8)
        .be16(2 << 8)
        .be16(15 << 8)
        .u8(0)
        .done();
    let llc = Bytes::hex("42 42 03").raw(&message).done();
    net.put(
        at,
        from.vlan,
        frame::ieee_802_3(STP_GROUP, from.mac, &[], &llc),
    );
}

/// A datagram in IPv4 fragments of `size` bytes each.
pub fn fragmented_udp(
    net: &mut Network,
    at: Micros,
    from: Host,
    to: Host,
    ports: (u16, u16),
    data: &[u8],
    size: usize,
) {
    let datagram = frame::udp(frame::Ends::V4(from.ip, to.ip), ports.0, ports.1, data);
    let header = frame::Ipv4 {
        from: from.ip,
        to: to.ip,
        protocol: frame::UDP,
        ttl: from.ttl,
        id: 0x4711,
        tos: 0,
        dont_fragment: false,
    };
    for (nth, packet) in header.fragments(&datagram, size).iter().enumerate() {
        let when = at.saturating_add(i64::try_from(nth).unwrap_or(0).saturating_mul(60));
        let bytes = frame::ethernet(
            to.mac,
            from.mac,
            &[Tag::vlan(from.vlan)],
            frame::IPV4,
            packet,
        );
        net.put(when, from.vlan, bytes);
    }
}
