//! Cranes that are built alike: the same addresses and ports, at the same time. Whose a packet is shows on layer 2 alone, and
//! what is carried on by a router is no other.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail loudly"
)]

use std::net::Ipv4Addr;

use facts::kinds::{Conversation, Verb};
use facts::{Facts, Time};
use lab::net::frame::{self, ACK, Ends, Ipv4, PSH, SYN, Segment, Tag};
use wire::{Frame, Limits, Link, Shard, Worker};

const PLC: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 10);
const DRIVE: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 20);
/// In another network, behind a router.
const OFFICE: Ipv4Addr = Ipv4Addr::new(10, 1, 0, 5);
const GROUP: Ipv4Addr = Ipv4Addr::new(239, 192, 1, 1);

/// Which device has an address in that network, 0 being what carries between networks.
type Mac = [u8; 6];

const fn mac(network: u8, device: u8) -> Mac {
    [2, 0, 0, 0, network, device]
}

/// Where a packet is seen.
#[derive(Clone, Copy)]
struct Leg {
    vlan: Option<u16>,
    from: Mac,
    to: Mac,
    ttl: u8,
}

struct Wire {
    worker: Worker,
    number: u32,
    /// In milliseconds.
    now: i64,
    /// Of the last packet.
    id: u16,
}

impl Wire {
    fn new() -> Wire {
        Wire {
            worker: Worker::new(Shard::default(), Limits::default()),
            number: 0,
            now: 0,
            id: 0,
        }
    }

    fn packet(&mut self, leg: Leg, from: Ipv4Addr, to: Ipv4Addr, protocol: u8, payload: &[u8]) {
        let packet = Ipv4 {
            from,
            to,
            protocol,
            ttl: leg.ttl,
            id: self.id,
            tos: 0,
            dont_fragment: true,
        };
        let tags: Vec<Tag> = leg.vlan.map(Tag::vlan).into_iter().collect();
        let data = frame::ethernet(leg.to, leg.from, &tags, 0x0800, &packet.whole(payload));
        self.number += 1;
        self.worker.frame(&Frame {
            link: Link::Ethernet,
            time: Time(self.now * 1_000_000),
            data: &data,
            wire_len: u32::try_from(data.len()).unwrap(),
            capture: 0,
            number: self.number,
        });
    }

    /// A datagram between equal ports, as of cyclic input and output; a new one, 10 ms later.
    fn cyclic(&mut self, leg: Leg, from: Ipv4Addr, to: Ipv4Addr) {
        (self.now, self.id) = (self.now + 10, self.id + 1);
        self.again(leg, from, to);
    }

    /// The last one, seen elsewhere.
    fn again(&mut self, leg: Leg, from: Ipv4Addr, to: Ipv4Addr) {
        let said = [7; 24];
        let datagram = frame::udp(Ends::V4(from, to), 2222, 2222, &said);
        self.packet(leg, from, to, frame::UDP, &datagram);
    }

    fn facts(self) -> Facts {
        let picture = self.worker.finish();
        picture.into_facts(vec!["test.pcap".to_owned()])
    }

    /// By VLAN, the packets that the end with the lower address sent, and the other.
    fn counts(self) -> Vec<(Option<u16>, u64, u64)> {
        let mut counts: Vec<_> = self
            .facts()
            .conversations
            .iter()
            .map(|one| {
                let forth = one.client.ip() < one.server.ip();
                let (low, high) = if forth {
                    (one.packets_out, one.packets_in)
                } else {
                    (one.packets_in, one.packets_out)
                };
                (one.vlan, low, high)
            })
            .collect();
        counts.sort_unstable();
        counts
    }
}

/// On a crane's own network.
const fn on(crane: u8, vlan: Option<u16>, from: u8, to: u8) -> Leg {
    Leg {
        vlan,
        from: mac(crane, from),
        to: mac(crane, to),
        ttl: 64,
    }
}

#[test]
fn cranes_that_are_addressed_alike_have_conversations_of_their_own() {
    for vlans in [[Some(110), Some(120)], [None, None]] {
        let mut wire = Wire::new();
        // In whichever order they are first seen.
        wire.cyclic(on(1, vlans[0], 1, 2), PLC, DRIVE);
        wire.cyclic(on(2, vlans[1], 2, 1), DRIVE, PLC);
        for _ in 0..20 {
            wire.cyclic(on(1, vlans[0], 1, 2), PLC, DRIVE);
            wire.cyclic(on(2, vlans[1], 1, 2), PLC, DRIVE);
            wire.cyclic(on(1, vlans[0], 2, 1), DRIVE, PLC);
        }
        let mut told = vec![(vlans[0], 21, 20), (vlans[1], 20, 1)];
        told.sort_unstable();
        assert_eq!(wire.counts(), told);
    }
}

#[test]
fn more_cranes_than_are_kept_apart_are_counted_all_the_same() {
    let mut wire = Wire::new();
    for _ in 0..3 {
        for crane in 1..=80 {
            wire.cyclic(on(crane, None, 1, 2), PLC, DRIVE);
        }
    }
    let counts = wire.counts();
    assert_eq!(counts.len(), 64);
    let sent: u64 = counts.iter().map(|(_, sent, _)| sent).sum();
    assert_eq!(sent, 240);
}

#[test]
fn producers_that_send_to_one_group_from_one_address_are_told_apart() {
    let mut wire = Wire::new();
    let group = [1, 0, 0x5e, 64, 1, 1];
    for _ in 0..5 {
        for crane in [1, 2] {
            let leg = Leg {
                to: group,
                ttl: 1,
                ..on(crane, None, 1, 2)
            };
            wire.cyclic(leg, PLC, GROUP);
        }
    }
    let macs = |one: &Conversation| one.client_mac.map(|mac| mac.0);
    let mut told: Vec<_> = wire.facts().conversations.iter().map(macs).collect();
    told.sort_unstable();
    assert_eq!(told, [Some(mac(1, 1)), Some(mac(2, 1))]);
}

/// The way from one network to the other: what is seen in front of what carries it on, and behind.
fn carried(ttl: u8) -> (Leg, Leg) {
    let near = on(1, Some(10), 1, 0);
    let far = Leg {
        ttl,
        ..on(2, Some(20), 0, 2)
    };
    (near, far)
}

#[test]
fn what_is_carried_on_is_one_conversation() {
    // By a router, and by a firewall that does not count as one.
    for ttl in [63, 64] {
        for own in [PLC, OFFICE] {
            let mut wire = Wire::new();
            let (near, far) = carried(ttl);
            for _ in 0..5 {
                wire.cyclic(near, own, DRIVE);
                wire.again(far, own, DRIVE);
            }
            assert_eq!(wire.facts().conversations.len(), 1, "{ttl} {own}");
        }
    }
}

#[test]
fn each_direction_in_its_own_vlan_is_one_conversation() {
    let mut wire = Wire::new();
    for _ in 0..5 {
        wire.cyclic(on(1, Some(10), 1, 0), OFFICE, DRIVE);
        wire.cyclic(on(2, Some(20), 2, 0), DRIVE, OFFICE);
    }
    let told = wire.facts().conversations;
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].packets_out, told[0].packets_in), (5, 5));
}

#[test]
fn another_way_through_the_core_and_another_card_of_one_end_change_nothing() {
    let mut wire = Wire::new();
    let behind = |network| Leg {
        ttl: 63,
        ..on(network, Some(7), 8, 9)
    };
    for network in [1, 2] {
        for _ in 0..5 {
            wire.cyclic(behind(network), OFFICE, DRIVE);
        }
    }
    assert_eq!(wire.facts().conversations.len(), 1, "routers in the core");
    let mut wire = Wire::new();
    for card in [1, 3] {
        for _ in 0..5 {
            wire.cyclic(on(1, Some(10), card, 2), PLC, DRIVE);
            wire.cyclic(on(1, Some(10), 2, card), DRIVE, PLC);
        }
    }
    assert_eq!(wire.facts().conversations.len(), 1, "a card in reserve");
}

/// A connection of a crane's PLC to its drive, whose numbers have nothing to do with those of another.
struct Connection {
    crane: u8,
    seq: [u32; 2],
    /// Each segment of it goes another way.
    wanders: bool,
}

impl Connection {
    fn send(&mut self, wire: &mut Wire, from: usize, flags: u8, payload: &[u8]) {
        (wire.now, wire.id) = (wire.now + 1, wire.id + 1);
        let ends = [(PLC, 1), (DRIVE, 2)];
        let ports = [50_000, 502];
        let (own, other) = (ends[from], ends[1 - from]);
        let segment = Segment {
            from: ports[from],
            to: ports[1 - from],
            seq: self.seq[from],
            ack: self.seq[1 - from],
            flags,
            window: 4096,
            options: &[],
            payload,
        };
        let said = u32::try_from(payload.len()).unwrap() + u32::from(flags & SYN != 0);
        self.seq[from] = self.seq[from].wrapping_add(said);
        let bytes = frame::tcp(Ends::V4(own.0, other.0), segment);
        let leg = on(self.crane, None, own.1, other.1);
        self.crane += u8::from(self.wanders);
        wire.packet(leg, own.0, other.0, frame::TCP, &bytes);
    }
}

#[test]
fn connections_of_cranes_that_are_addressed_alike_do_not_disturb_each_other() {
    let mut wire = Wire::new();
    let mut cranes =
        [(1, [100, 9_000]), (2, [7_000_000, 44_000_000])].map(|(crane, seq)| Connection {
            crane,
            seq,
            wanders: false,
        });
    for crane in &mut cranes {
        crane.send(&mut wire, 0, SYN, b"");
    }
    for crane in &mut cranes {
        crane.send(&mut wire, 1, SYN | ACK, b"");
    }
    // Both write register 16; each its own number of times.
    for round in 0..6u8 {
        for (nth, crane) in cranes.iter_mut().enumerate() {
            if nth == 1 && round >= 4 {
                continue;
            }
            let write = [0, round, 0, 0, 0, 6, 1, 6, 0, 16, 0, 5];
            crane.send(&mut wire, 0, ACK | PSH, &write);
            crane.send(&mut wire, 1, ACK | PSH, &write);
        }
    }
    let facts = wire.facts();
    let mut told: Vec<_> = facts
        .conversations
        .iter()
        .map(|one| {
            (
                one.client_mac.map(|mac| mac.0),
                one.packets_out,
                one.lost_bytes,
            )
        })
        .collect();
    told.sort_unstable();
    assert_eq!(told, [(Some(mac(1, 1)), 7, 0), (Some(mac(2, 1)), 5, 0)]);
    let mut writes: Vec<_> = facts
        .operations
        .iter()
        .filter(|one| one.operation == Verb::Write)
        .map(|one| (one.target_mac.map(|mac| mac.0), one.count))
        .collect();
    writes.sort_unstable();
    assert_eq!(writes, [(Some(mac(1, 2)), 6), (Some(mac(2, 2)), 4)]);
}

#[test]
fn a_connection_that_goes_on_is_one_whatever_its_way() {
    let mut wire = Wire::new();
    let mut one = Connection {
        crane: 1,
        seq: [100, 9_000],
        wanders: true,
    };
    one.send(&mut wire, 0, SYN, b"");
    one.send(&mut wire, 1, SYN | ACK, b"");
    for _ in 0..5 {
        one.send(&mut wire, 0, ACK | PSH, b"to and");
        one.send(&mut wire, 1, ACK | PSH, b"fro");
    }
    let told = wire.facts().conversations;
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].bytes_out, told[0].bytes_in), (30, 15));
}

#[test]
fn devices_that_come_long_after_others_begin_anew() {
    let mut wire = Wire::new();
    wire.cyclic(on(1, None, 1, 2), PLC, DRIVE);
    wire.now += 24 * 3_600_000;
    wire.cyclic(on(2, None, 1, 2), PLC, DRIVE);
    let late = wire.facts().conversations.pop().unwrap();
    let mut alone = Wire::new();
    alone.now += 10 + 24 * 3_600_000;
    alone.cyclic(on(2, None, 1, 2), PLC, DRIVE);
    let told = alone.facts().conversations.pop().unwrap();
    assert_eq!((late.client_mac, late.uid), (told.client_mac, told.uid));
}
