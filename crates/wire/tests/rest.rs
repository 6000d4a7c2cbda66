//! Flows that fell silent are put away while others open: nothing that is told changes by it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail loudly"
)]

use std::net::Ipv4Addr;

use facts::kinds::{Outcome, Verb};
use facts::{Facts, Time};
use lab::net::frame::{self, ACK, Ends, FIN, Ipv4, PSH, RST, SYN, Segment};
use lab::{Scenario, harborview};
use wire::{Frame, Limits, Link, Shard, Worker};

/// Of those who only open flows, so that others are put away.
const STRANGER: [u8; 2] = [198, 51];

/// A worker, and strangers that open so many flows before each frame.
struct Wire {
    worker: Worker,
    strangers: u32,
    opened: u32,
}

impl Wire {
    fn new(limits: Limits, strangers: u32) -> Wire {
        Wire {
            worker: Worker::new(Shard::default(), limits),
            strangers,
            opened: 0,
        }
    }

    fn send(&mut self, time: Time, capture: u32, number: u32, bytes: &[u8]) {
        for _ in 0..self.strangers {
            self.opened += 1;
            let [_, high, low, port] = self.opened.to_be_bytes();
            let from = Ipv4Addr::new(STRANGER[0], STRANGER[1], high, low);
            let packet = tcp((from, u16::from(port) + 1024), (HOST, 9), 7, 0, SYN, b"");
            self.put(time, capture + 1, self.opened, &packet);
        }
        self.put(time, capture, number, bytes);
    }

    fn put(&mut self, time: Time, capture: u32, number: u32, data: &[u8]) {
        self.worker.frame(&Frame {
            link: Link::Ethernet,
            time,
            data,
            wire_len: u32::try_from(data.len()).unwrap(),
            capture,
            number,
        });
    }
}

const HOST: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 9);
const STATION: Ipv4Addr = Ipv4Addr::new(10, 20, 10, 20);
const CONTROLLER: Ipv4Addr = Ipv4Addr::new(10, 20, 30, 10);

type End = (Ipv4Addr, u16);

fn tcp(from: End, to: End, seq: u32, ack: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    let segment = Segment {
        from: from.1,
        to: to.1,
        seq,
        ack,
        flags,
        window: 4096,
        options: &[],
        payload,
    };
    let packet = Ipv4 {
        from: from.0,
        to: to.0,
        protocol: 6,
        ttl: 64,
        id: 1,
        tos: 0,
        dont_fragment: false,
    };
    let mac = |ip: Ipv4Addr| [2, 0, ip.octets()[0], ip.octets()[2], 0, ip.octets()[3]];
    let bytes = packet.whole(&frame::tcp(Ends::V4(from.0, to.0), segment));
    frame::ethernet(mac(to.0), mac(from.0), &[], 0x0800, &bytes)
}

/// The facts without those of the strangers.
fn own(mut facts: Facts) -> Facts {
    let stranger = |ip: std::net::IpAddr| match ip {
        std::net::IpAddr::V4(ip) => ip.octets()[..2] == STRANGER,
        std::net::IpAddr::V6(_) => false,
    };
    facts
        .conversations
        .retain(|one| !one.client.ip().is_some_and(stranger));
    facts.addresses.retain(|one| !one.ip.is_some_and(stranger));
    facts
}

/// A scenario in the order of time, told after each `stride` frames (and at the end); 0 tells at the end only.
fn told(scenario: &Scenario, strangers: u32, stride: usize) -> Vec<Facts> {
    let mut wire = Wire::new(Limits::default(), strangers);
    let mut frames: Vec<_> = (0u32..)
        .step_by(2)
        .zip(&scenario.captures)
        .flat_map(|(capture, frames)| {
            let frames = (1u32..).zip(&frames.frames);
            frames.map(move |(number, frame)| (frame.at, capture, number, &frame.bytes))
        })
        .collect();
    frames.sort_by_key(|(at, capture, number, _)| (*at, *capture, *number));
    let mut told = Vec::new();
    for (nth, (at, capture, number, bytes)) in (1usize..).zip(frames) {
        wire.send(Time(at * 1000), capture, number, bytes);
        if stride > 0 && nth.is_multiple_of(stride) {
            told.push(own(wire.worker.take().into_facts(Vec::new())));
        }
    }
    told.push(own(wire.worker.finish().into_facts(Vec::new())));
    told
}

#[test]
fn whoever_else_opens_connections_changes_nothing_of_what_is_told() {
    let scenario = harborview::bad_day();
    for stride in [0, 700] {
        let (quiet, busy) = (told(&scenario, 0, stride), told(&scenario, 1, stride));
        assert!(quiet[0].operations.len() > 10);
        for (quiet, busy) in quiet.iter().zip(&busy) {
            macro_rules! same {
                ($($kind:ident)*) => {$(
                    for (one, other) in quiet.$kind.iter().zip(&busy.$kind) {
                        assert_eq!(one, other);
                    }
                    assert_eq!(quiet.$kind.len(), busy.$kind.len());
                )*};
            }
            same!(conversations operations addresses identities names remote_sessions carried_files credentials certificates);
            assert!(quiet == busy);
        }
    }
}

/// A connection of the station to the controller: what either end sends in turn, at that second.
struct Connection {
    ends: [End; 2],
    next: [u32; 2],
    number: u32,
}

impl Connection {
    fn new(port: u16) -> Connection {
        Connection {
            ends: [(STATION, port), (CONTROLLER, 502)],
            next: [100, 900],
            number: 0,
        }
    }

    fn send(&mut self, wire: &mut Wire, millis: i64, which: usize, flags: u8, payload: &[u8]) {
        let (seq, ack) = (self.next[which], self.next[1 - which]);
        let bytes = tcp(
            self.ends[which],
            self.ends[1 - which],
            seq,
            ack,
            flags,
            payload,
        );
        self.number += 1;
        wire.send(Time(millis * 1_000_000), 0, self.number, &bytes);
        let counts = u32::from(flags & (SYN | FIN) != 0);
        self.next[which] += u32::try_from(payload.len()).unwrap() + counts;
    }

    /// The handshake, a register read, and the end.
    fn short(&mut self, wire: &mut Wire, millis: i64, broken_off: bool) {
        self.send(wire, millis, 0, SYN, b"");
        self.send(wire, millis, 1, SYN | ACK, b"");
        self.send(wire, millis, 0, ACK, b"");
        self.send(
            wire,
            millis,
            0,
            PSH | ACK,
            &[0, 1, 0, 0, 0, 6, 1, 3, 0, 16, 0, 1],
        );
        self.send(
            wire,
            millis,
            1,
            PSH | ACK,
            &[0, 1, 0, 0, 0, 5, 1, 3, 2, 0, 7],
        );
        if broken_off {
            self.send(wire, millis, 0, RST | ACK, b"");
        } else {
            self.send(wire, millis, 0, FIN | ACK, b"");
            self.send(wire, millis, 1, FIN | ACK, b"");
            self.send(wire, millis, 0, ACK, b"");
        }
    }
}

#[test]
fn a_reset_that_nobody_obeys_hides_nothing_of_what_follows() {
    let write = [0, 2, 0, 0, 0, 6, 1, 6, 0, 16, 0, 9];
    let facts = |strangers, late| {
        let mut wire = Wire::new(Limits::default(), strangers);
        let mut connection = Connection::new(50_001);
        connection.short(&mut wire, 1_000, true);
        connection.send(&mut wire, late, 0, PSH | ACK, &write);
        connection.send(&mut wire, late, 1, PSH | ACK, &write);
        own(wire.worker.finish().into_facts(Vec::new()))
    };
    // At once, after the dialogue was let go of, and after the flow was put away.
    for late in [1_500, 2_500, 9_000] {
        let (quiet, busy) = (facts(0, late), facts(5, late));
        assert!(quiet == busy, "{late}");
        assert_eq!(quiet.conversations.len(), 1);
        assert_eq!(quiet.conversations[0].packets_out, 5);
        let done = |one: &&facts::kinds::Operation| one.operation == Verb::Write;
        let writes: Vec<_> = quiet.operations.iter().filter(done).collect();
        assert_eq!(writes.len(), 1, "{late}");
        assert_eq!(writes[0].outcome, Some(Outcome::Ok), "{late}");
    }
}

#[test]
fn what_waits_for_its_answer_at_the_end_of_a_connection_is_told_as_without_others() {
    let ask = [0, 3, 0, 0, 0, 6, 1, 3, 0, 32, 0, 1];
    let facts = |strangers| {
        let mut wire = Wire::new(Limits::default(), strangers);
        // More of them than a row has room to cite.
        for port in 0..20u16 {
            let mut connection = Connection::new(50_000 + port * 7);
            connection.number = u32::from(port) * 100;
            connection.send(&mut wire, i64::from(port) * 700, 0, SYN, b"");
            connection.send(&mut wire, i64::from(port) * 700, 1, SYN | ACK, b"");
            connection.send(&mut wire, i64::from(port) * 700, 0, PSH | ACK, &ask);
            connection.send(&mut wire, i64::from(port) * 700, 1, ACK, b"");
            connection.send(&mut wire, i64::from(port) * 700, 0, RST | ACK, b"");
        }
        own(wire.worker.finish().into_facts(Vec::new()))
    };
    let (quiet, busy) = (facts(0), facts(5));
    assert_eq!(quiet.operations, busy.operations);
    assert_eq!(quiet.operations[0].outcome, Some(Outcome::Unanswered));
    assert_eq!(quiet.operations[0].count, 20);
}

#[test]
fn a_table_full_of_connections_that_are_over_cuts_none_short() {
    let limits = Limits {
        flows: 64,
        ..Limits::default()
    };
    for broken_off in [true, false] {
        let mut wire = Wire::new(limits, 0);
        for nth in 0..1000u16 {
            let mut connection = Connection::new(10_000 + nth);
            connection.short(&mut wire, i64::from(nth) * 100, broken_off);
        }
        let picture = wire.worker.finish();
        assert_eq!(picture.left_out().collect::<Vec<_>>(), []);
        let facts = picture.into_facts(Vec::new());
        assert_eq!(facts.conversations.len(), 1000);
        assert_eq!(facts.operations[0].count, 1000);
    }
}
