//! Frames and packets: Ethernet II, 802.1Q, 802.3 with LLC, ARP, IPv4, IPv6, ICMP, UDP, TCP, with right checksums.
use std::net::{Ipv4Addr, Ipv6Addr};

use super::bytes::{Bytes, checksum, len16};

pub type Mac = [u8; 6];

pub const BROADCAST: Mac = [0xff; 6];
pub const IPV4: u16 = 0x0800;
pub const IPV6: u16 = 0x86dd;
pub const ARP: u16 = 0x0806;
pub const ICMP: u8 = 1;
pub const IGMP: u8 = 2;
pub const TCP: u8 = 6;
pub const UDP: u8 = 17;
pub const ICMP6: u8 = 58;

/// One 802.1Q or 802.1ad tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tag {
    pub tpid: u16,
    pub priority: u8,
    /// 0 makes a priority tag, which names no VLAN.
    pub vid: u16,
}

impl Tag {
    pub const fn vlan(vid: u16) -> Tag {
        Tag {
            tpid: 0x8100,
            priority: 0,
            vid,
        }
    }

    pub const fn priority(priority: u8) -> Tag {
        Tag {
            tpid: 0x8100,
            priority,
            vid: 0,
        }
    }

    /// The outer tag of QinQ (802.1ad).
    pub const fn service(vid: u16) -> Tag {
        Tag {
            tpid: 0x88a8,
            priority: 0,
            vid,
        }
    }
}

fn head(to: Mac, from: Mac, tags: &[Tag]) -> Bytes {
    tags.iter()
        .fold(Bytes::new().raw(&to).raw(&from), |bytes, tag| {
            bytes
                .be16(tag.tpid)
                .be16((u16::from(tag.priority) << 13) | (tag.vid & 0x0fff))
        })
}

/// Fills a frame up to the 60 bytes (without FCS) that Ethernet asks for.
fn padded(bytes: Bytes) -> Vec<u8> {
    let short = 60usize.saturating_sub(bytes.len());
    bytes.zeros(short).done()
}

/// An Ethernet II frame.
pub fn ethernet(to: Mac, from: Mac, tags: &[Tag], ethertype: u16, payload: &[u8]) -> Vec<u8> {
    padded(head(to, from, tags).be16(ethertype).raw(payload))
}

/// An 802.3 frame: a length where Ethernet II has its type, then LLC.
pub fn ieee_802_3(to: Mac, from: Mac, tags: &[Tag], llc: &[u8]) -> Vec<u8> {
    padded(head(to, from, tags).be16(len16(llc.len())).raw(llc))
}

/// ARP for IPv4 over Ethernet; `operation` 1 asks, 2 answers.
pub fn arp(operation: u16, sender: (Mac, Ipv4Addr), target: (Mac, Ipv4Addr)) -> Vec<u8> {
    Bytes::hex("0001 0800 06 04")
        .be16(operation)
        .raw(&sender.0)
        .raw(&sender.1.octets())
        .raw(&target.0)
        .raw(&target.1.octets())
        .done()
}

/// An IPv4 header without options.
#[derive(Clone, Copy, Debug)]
pub struct Ipv4 {
    pub from: Ipv4Addr,
    pub to: Ipv4Addr,
    pub protocol: u8,
    pub ttl: u8,
    pub id: u16,
    /// Differentiated services and ECN.
    pub tos: u8,
    pub dont_fragment: bool,
}

impl Ipv4 {
    fn packet(&self, offset: usize, more: bool, payload: &[u8]) -> Vec<u8> {
        let mut flags = len16(offset / 8) & 0x1fff;
        if self.dont_fragment {
            flags |= 0x4000;
        }
        if more {
            flags |= 0x2000;
        }
        let header = |sum: u16| {
            Bytes::new()
                .u8(0x45)
                .u8(self.tos)
                .be16(len16(payload.len().saturating_add(20)))
                .be16(self.id)
                .be16(flags)
                .u8(self.ttl)
                .u8(self.protocol)
                .be16(sum)
                .raw(&self.from.octets())
                .raw(&self.to.octets())
        };
        let sum = checksum(&[&header(0).done()]);
        header(sum).raw(payload).done()
    }

    /// The packet in one piece.
    pub fn whole(&self, payload: &[u8]) -> Vec<u8> {
        self.packet(0, false, payload)
    }

    /// The packet as fragments of at most `size` bytes of payload each, `size` being a multiple of 8.
    pub fn fragments(&self, payload: &[u8], size: usize) -> Vec<Vec<u8>> {
        let size = (size / 8).max(1).saturating_mul(8);
        let last = payload.len().div_ceil(size).saturating_sub(1);
        payload
            .chunks(size)
            .enumerate()
            .map(|(nth, piece)| self.packet(nth.saturating_mul(size), nth < last, piece))
            .collect()
    }
}

/// An IPv6 packet without extension headers.
pub fn ipv6(from: Ipv6Addr, to: Ipv6Addr, next: u8, hops: u8, payload: &[u8]) -> Vec<u8> {
    Bytes::new()
        .be32(0x6000_0000)
        .be16(len16(payload.len()))
        .u8(next)
        .u8(hops)
        .raw(&from.octets())
        .raw(&to.octets())
        .raw(payload)
        .done()
}

/// What a transport checksum covers beside the segment itself.
#[derive(Clone, Copy, Debug)]
pub enum Ends {
    V4(Ipv4Addr, Ipv4Addr),
    V6(Ipv6Addr, Ipv6Addr),
}

impl Ends {
    fn sum(self, protocol: u8, segment: &[u8]) -> u16 {
        let length = u32::from(len16(segment.len()));
        let pseudo = match self {
            Ends::V4(from, to) => Bytes::new().raw(&from.octets()).raw(&to.octets()),
            Ends::V6(from, to) => Bytes::new().raw(&from.octets()).raw(&to.octets()),
        }
        .be32(length)
        .be32(u32::from(protocol))
        .done();
        checksum(&[&pseudo, segment])
    }
}

pub fn udp(ends: Ends, from: u16, to: u16, payload: &[u8]) -> Vec<u8> {
    let datagram = |sum: u16| {
        Bytes::new()
            .be16(from)
            .be16(to)
            .be16(len16(payload.len().saturating_add(8)))
            .be16(sum)
            .raw(payload)
            .done()
    };
    // RFC 768: a computed checksum of zero is sent as all ones.
    let sum = match ends.sum(UDP, &datagram(0)) {
        0 => 0xffff,
        sum => sum,
    };
    datagram(sum)
}

/// The fields of a TCP header that a recipe chooses.
#[derive(Clone, Copy, Debug)]
pub struct Segment<'a> {
    pub from: u16,
    pub to: u16,
    pub seq: u32,
    pub ack: u32,
    pub flags: u8,
    pub window: u16,
    /// Padded to a multiple of four by the recipe.
    pub options: &'a [u8],
    pub payload: &'a [u8],
}

pub const FIN: u8 = 0x01;
pub const SYN: u8 = 0x02;
pub const RST: u8 = 0x04;
pub const PSH: u8 = 0x08;
pub const ACK: u8 = 0x10;

pub fn tcp(ends: Ends, segment: Segment<'_>) -> Vec<u8> {
    let words = u8::try_from(segment.options.len() / 4)
        .unwrap_or(0)
        .saturating_add(5);
    let bytes = |sum: u16| {
        Bytes::new()
            .be16(segment.from)
            .be16(segment.to)
            .be32(segment.seq)
            .be32(segment.ack)
            .u8(words << 4)
            .u8(segment.flags)
            .be16(segment.window)
            .be16(sum)
            .be16(0)
            .raw(segment.options)
            .raw(segment.payload)
            .done()
    };
    let sum = ends.sum(TCP, &bytes(0));
    bytes(sum)
}

/// Puts the checksums of an IPv4 header at `ip`, without options, and of its TCP segment right again.
pub fn sum_again(frame: &mut [u8], ip: usize) {
    let Some((header, segment)) = frame
        .get_mut(ip..)
        .and_then(|packet| packet.split_first_chunk_mut::<20>())
    else {
        return;
    };
    header[10..12].fill(0);
    let sum = checksum(&[header.as_slice()]);
    header[10..12].copy_from_slice(&sum.to_be_bytes());
    let pseudo = [0, TCP];
    let length = len16(segment.len()).to_be_bytes();
    if let Some(field) = segment.get_mut(16..18) {
        field.fill(0);
    }
    let sum = checksum(&[&header[12..20], &pseudo, &length, segment]);
    if let Some(field) = segment.get_mut(16..18) {
        field.copy_from_slice(&sum.to_be_bytes());
    }
}

/// ICMP for IPv4: the four bytes after the checksum, then the data.
pub fn icmp(kind: u8, code: u8, rest: u32, data: &[u8]) -> Vec<u8> {
    let message = |sum: u16| {
        Bytes::new()
            .u8(kind)
            .u8(code)
            .be16(sum)
            .be32(rest)
            .raw(data)
            .done()
    };
    let sum = checksum(&[&message(0)]);
    message(sum)
}

/// ICMPv6, whose checksum covers the addresses too.
pub fn icmp6(from: Ipv6Addr, to: Ipv6Addr, kind: u8, rest: u32, data: &[u8]) -> Vec<u8> {
    let message = |sum: u16| {
        Bytes::new()
            .u8(kind)
            .u8(0)
            .be16(sum)
            .be32(rest)
            .raw(data)
            .done()
    };
    let sum = Ends::V6(from, to).sum(ICMP6, &message(0));
    message(sum)
}
