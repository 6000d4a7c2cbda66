//! The name of a flow in the table: both ends in order, whichever spoke.
use std::borrow::Cow;
use std::net::{IpAddr, Ipv6Addr};

use facts::{Address, Mac, Time, Uid};

use crate::names;
use crate::net::link::{Class, Payload};

/// What carries a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Transport {
    Tcp,
    Udp,
    Icmp,
    Icmp6,
    /// Another IP protocol.
    Ip(u8),
    EtherType(u16),
    Llc(u8),
    Snap(u32, u16),
    Named(Class),
}

impl Transport {
    pub(crate) fn name(self) -> Cow<'static, str> {
        match self {
            Transport::Tcp => "tcp".into(),
            Transport::Udp => "udp".into(),
            Transport::Icmp => "icmp".into(),
            Transport::Icmp6 => "icmp6".into(),
            Transport::Ip(number) => format!("ip/{number}").into(),
            Transport::EtherType(kind) => format!("ethertype/{kind:#06x}").into(),
            Transport::Llc(sap) => format!("llc/{sap:#04x}").into(),
            Transport::Snap(oui, protocol) => format!("snap/{oui:06x}:{protocol:04x}").into(),
            Transport::Named(_) => "link".into(),
        }
    }

    pub(crate) const fn ip_protocol(self) -> Option<u8> {
        match self {
            Transport::Tcp => Some(6),
            Transport::Udp => Some(17),
            Transport::Icmp => Some(1),
            Transport::Icmp6 => Some(58),
            Transport::Ip(number) => Some(number),
            _ => None,
        }
    }

    /// The same number in every build and on every machine.
    const fn number(self) -> u64 {
        match self {
            Transport::Tcp => 1,
            Transport::Udp => 2,
            Transport::Icmp => 3,
            Transport::Icmp6 => 4,
            Transport::Ip(protocol) => 1 << 8 | protocol as u64,
            Transport::EtherType(kind) => 1 << 16 | kind as u64,
            Transport::Llc(sap) => 2 << 16 | sap as u64,
            Transport::Named(class) => 3 << 16 | class as u64,
            Transport::Snap(oui, protocol) => 1 << 48 | (oui as u64) << 16 | protocol as u64,
        }
    }

    /// What is recognised by its number alone.
    pub(crate) const fn named(self) -> Option<&'static str> {
        match self {
            Transport::Tcp | Transport::Udp => None,
            Transport::Icmp => Some("icmp"),
            Transport::Icmp6 => Some("icmp6"),
            Transport::Ip(number) => names::of_ip(number),
            Transport::EtherType(kind) => names::of_layer2(Payload::EtherType(kind)),
            Transport::Llc(sap) => names::of_layer2(Payload::Llc(sap)),
            Transport::Snap(oui, protocol) => names::of_layer2(Payload::Snap(oui, protocol)),
            Transport::Named(class) => Some(class.name()),
        }
    }

    pub(crate) const fn has_ports(self) -> bool {
        matches!(self, Transport::Tcp | Transport::Udp)
    }

    /// Whether its ports tell one flow from another. Those of SCTP do, and no decoder knows them.
    pub(crate) const fn counts_by_port(self) -> bool {
        self.has_ports() || matches!(self, Transport::Ip(132))
    }
}

/// Both ends in numeric order, so that the two directions share one flow. IPv4 addresses stand as mapped IPv6 ones, MAC
/// addresses as their number: `transport` tells which.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub low: u128,
    pub high: u128,
    pub low_port: u16,
    pub high_port: u16,
    pub transport: Transport,
    /// Of flows between devices that have the same addresses, which: 0 nearly always.
    pub realm: u16,
}

impl Key {
    /// The key, and which end (0 low, 1 high) is the sender.
    pub(crate) fn new(src: (u128, u16), dst: (u128, u16), transport: Transport) -> (Key, usize) {
        let sender_is_low = src <= dst;
        let (low, high) = if sender_is_low {
            (src, dst)
        } else {
            (dst, src)
        };
        let key = Key {
            low: low.0,
            high: high.0,
            low_port: low.1,
            high_port: high.1,
            transport,
            realm: 0,
        };
        (key, usize::from(!sender_is_low))
    }

    pub(crate) fn end(&self, which: usize) -> (Address, u16) {
        let (number, port) = if which == 0 {
            (self.low, self.low_port)
        } else {
            (self.high, self.high_port)
        };
        let address = match self.transport.ip_protocol() {
            Some(_) => Address::Ip(Ipv6Addr::from(number).to_canonical()),
            None => {
                let [.., a, b, c, d, e, f] = number.to_be_bytes();
                Address::Mac(Mac([a, b, c, d, e, f]))
            }
        };
        (address, port)
    }

    /// The same ends, among the devices that have these addresses the nth seen.
    pub(crate) const fn in_realm(self, realm: u16) -> Key {
        Key { realm, ..self }
    }

    /// Both ends are likely on one network: equal but for the last 8 bits of an IPv4 address, 64 of an IPv6 one.
    pub(crate) const fn neighbours(&self) -> bool {
        let apart = self.low ^ self.high;
        let host = if self.low >> 32 == 0xffff { 8 } else { 64 };
        apart >> host == 0
    }

    /// That end is who has no address yet.
    pub(crate) const fn is_unspecified(&self, which: usize) -> bool {
        let number = if which == 0 { self.low } else { self.high };
        number == 0 || number == 0xffff << 32
    }

    /// The same for every flow between the two hosts: their channels stay in one shard.
    pub(crate) const fn pair_hash(&self) -> u64 {
        hash_in_order(self.low, self.high)
    }

    /// The same of two hosts, whichever of them sends.
    #[inline]
    pub(crate) const fn hash_of_pair(one: u128, other: u128) -> u64 {
        if one <= other {
            hash_in_order(one, other)
        } else {
            hash_in_order(other, one)
        }
    }

    /// The same of two IPv4 addresses, which stand in a key as mapped ones.
    #[inline]
    pub(crate) fn hash_of_v4_pair(one: [u8; 4], other: [u8; 4]) -> u64 {
        let mapped = |address| 0xffff_0000_0000 | u64::from(u32::from_be_bytes(address));
        let (one, other) = (mapped(one), mapped(other));
        hash_folded(one.min(other), one.max(other))
    }

    /// Ports and realm as one number.
    const fn ports(&self) -> u64 {
        (self.low_port as u64) << 16 | self.high_port as u64 | (self.realm as u64) << 48
    }

    pub(crate) const fn hash(&self, seed: u64) -> u64 {
        mix(
            self.pair_hash() ^ seed,
            self.ports() ^ self.transport.number().rotate_left(32),
        )
    }

    /// The name of the conversation that began with a packet at that time. Nothing of it hangs on this run: not on the
    /// salt, nor on who turns out to be the client.
    pub(crate) const fn uid(&self, began: Time) -> Uid {
        let ends = mix(
            self.hash(0x6a09_e667_f3bc_c908) ^ fold(self.low).rotate_left(23),
            fold(self.high) ^ 0xbb67_ae85_84ca_a73b,
        );
        Uid(mix(
            ends ^ 0x3c6e_f372_fe94_f82b,
            began.0.cast_unsigned() ^ 0xa54f_f53a_5f1d_36f1,
        ))
    }
}

/// The name of a conversation that came out of another, so many deep: its ends may be those of the other.
pub(crate) const fn uid_inside(own: Uid, depth: u8) -> Uid {
    match depth {
        0 => own,
        depth => Uid(mix(
            own.0 ^ 0x510e_527f_ade6_82d1,
            depth as u64 ^ 0x9b05_688c_2b3e_6c1f,
        )),
    }
}

#[inline]
const fn hash_in_order(low: u128, high: u128) -> u64 {
    hash_folded(fold(low), fold(high))
}

#[inline]
const fn hash_folded(low: u64, high: u64) -> u64 {
    mix(low ^ 0x9e37_79b9_7f4a_7c15, high ^ 0xd1b5_4a32_d192_ed03)
}

pub(crate) const fn number_of_mac(mac: Mac) -> u128 {
    mac.bits() as u128
}

pub(crate) fn number_of_ip(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => u128::from(ip.to_ipv6_mapped()),
        IpAddr::V6(ip) => u128::from(ip),
    }
}

#[allow(clippy::cast_possible_truncation)]
const fn fold(number: u128) -> u64 {
    (number >> 64) as u64 ^ (number as u64)
}

#[allow(clippy::cast_possible_truncation)]
pub(crate) const fn mix(a: u64, b: u64) -> u64 {
    let product = (a as u128) * ((b | 1) as u128);
    let folded = (product >> 64) as u64 ^ product as u64;
    folded ^ (folded >> 29)
}

#[test]
fn both_directions_name_the_same_flow() {
    let (a, b) = (
        number_of_ip("10.0.0.1".parse().unwrap()),
        number_of_ip("10.0.0.2".parse().unwrap()),
    );
    let (forth, from) = Key::new((a, 40000), (b, 502), Transport::Tcp);
    let (back, other) = Key::new((b, 502), (a, 40000), Transport::Tcp);
    assert_eq!((forth, from, other), (back, 0, 1));
    assert_eq!(forth.hash(7), back.hash(7));
    assert_eq!(
        forth.end(0),
        (Address::Ip("10.0.0.1".parse().unwrap()), 40000)
    );
}
