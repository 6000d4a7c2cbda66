//! Memory under attack: whatever floods the wire, the tables keep their limits, say what they left out, and the traffic
//! with the controllers beside the flood is read as if there were none.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "helpers of tests may fail loudly; counters are cut to the fields they fill"
)]

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use facts::kinds::Verb;
use facts::{Address, Time};
use lab::net::frame::{self, ACK, Ends, Ipv4, PSH, SYN, Segment};
use wire::{Frame, Limits, Link, Shard, Worker};

const STATION: Ipv4Addr = Ipv4Addr::new(10, 20, 10, 20);
const CONTROLLER: Ipv4Addr = Ipv4Addr::new(10, 20, 30, 10);
const STATION_MAC: [u8; 6] = [0x00, 0x1b, 0x1b, 0, 0, 1];
const CONTROLLER_MAC: [u8; 6] = [0x28, 0x63, 0x36, 0, 0, 2];
const INTRUDER: Ipv4Addr = Ipv4Addr::new(10, 20, 66, 6);
const INTRUDER_MAC: [u8; 6] = [0x00, 0x0c, 0x29, 0, 0, 6];

const SMALL: Limits = Limits {
    addresses: 200,
    identities: 50,
    clocks: 40,
    names: 150,
    credentials: 20,
    certificates: 20,
    routes: 20,
    oddities: 60,
    reported: 8,
    operations: 160,
    files: 16,
    conversations: 120,
    flows: 256,
    waiting_bytes: 200_000,
    expected: 64,
};

/// Reads a register, sets another, and their answers.
const MODBUS: [&[u8]; 2] = [
    &[0, 1, 0, 0, 0, 6, 1, 3, 0, 16, 0, 1],
    &[0, 1, 0, 0, 0, 5, 1, 3, 2, 0, 7],
];
/// S7comm: reads DB1.DBX0.0 BYTE 1, and its answer.
const S7: [&[u8]; 2] = [
    &[
        3, 0, 0, 31, 2, 0xf0, 0x80, 0x32, 1, 0, 0, 0, 1, 0, 14, 0, 0, 4, 1, 0x12, 10, 0x10, 2, 0,
        1, 0, 1, 0x84, 0, 0, 0,
    ],
    &[
        3, 0, 0, 26, 2, 0xf0, 0x80, 0x32, 3, 0, 0, 0, 1, 0, 2, 0, 5, 0, 0, 4, 1, 0xff, 4, 0, 8, 7,
    ],
];
/// S7comm: stops the controller, and its answer.
const STOP: [&[u8]; 2] = [
    &[
        3, 0, 0, 33, 2, 0xf0, 0x80, 0x32, 1, 0, 0, 0, 2, 0, 16, 0, 0, 0x29, 0, 0, 0, 0, 0, 9, b'P',
        b'_', b'P', b'R', b'O', b'G', b'R', b'A', b'M',
    ],
    &[
        3, 0, 0, 20, 2, 0xf0, 0x80, 0x32, 3, 0, 0, 0, 2, 0, 1, 0, 0, 0, 0, 0x29,
    ],
];

/// A connection that goes on and on.
struct Connection {
    ends: [(Ipv4Addr, [u8; 6], u16); 2],
    next: [u32; 2],
}

impl Connection {
    fn new(client: (Ipv4Addr, [u8; 6], u16), port: u16) -> Connection {
        Connection {
            ends: [client, (CONTROLLER, CONTROLLER_MAC, port)],
            next: [100, 900],
        }
    }

    fn send(&mut self, wire: &mut Wire, which: usize, flags: u8, payload: &[u8]) {
        let [from, to] = [self.ends[which], self.ends[1 - which]];
        let bytes = tcp(
            from,
            to,
            self.next[which],
            self.next[1 - which],
            flags,
            payload,
        );
        wire.send(&bytes);
        self.next[which] += payload.len() as u32 + u32::from(flags & SYN != 0);
    }

    fn open(&mut self, wire: &mut Wire) {
        self.send(wire, 0, SYN, &[]);
        self.send(wire, 1, SYN | ACK, &[]);
        self.send(wire, 0, ACK, &[]);
    }

    fn ask(&mut self, wire: &mut Wire, [question, answer]: [&[u8]; 2]) {
        self.send(wire, 0, ACK | PSH, question);
        self.send(wire, 1, ACK | PSH, answer);
    }
}

type End = (Ipv4Addr, [u8; 6], u16);

fn ip(from: End, to: End, protocol: u8, id: u16, payload: &[u8]) -> Ipv4Frame {
    let packet = Ipv4 {
        from: from.0,
        to: to.0,
        protocol,
        ttl: 64,
        id,
        tos: 0,
        dont_fragment: false,
    };
    Ipv4Frame(packet, to.1, from.1, payload.to_vec())
}

struct Ipv4Frame(Ipv4, [u8; 6], [u8; 6], Vec<u8>);

impl Ipv4Frame {
    fn whole(&self) -> Vec<u8> {
        frame::ethernet(self.1, self.2, &[], 0x0800, &self.0.whole(&self.3))
    }
}

fn tcp(from: End, to: End, seq: u32, ack: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    let segment = Segment {
        from: from.2,
        to: to.2,
        seq,
        ack,
        flags,
        window: 4096,
        options: &[],
        payload,
    };
    let bytes = frame::tcp(Ends::V4(from.0, to.0), segment);
    ip(from, to, 6, seq as u16, &bytes).whole()
}

/// The worker, and frames that come one after another, ten microseconds apart.
struct Wire {
    worker: Worker,
    number: u32,
}

impl Wire {
    fn send(&mut self, bytes: &[u8]) {
        self.number += 1;
        self.worker.frame(&Frame {
            link: Link::Ethernet,
            time: Time(i64::from(self.number) * 10_000),
            data: bytes,
            wire_len: bytes.len() as u32,
            capture: 0,
            number: self.number,
        });
    }
}

/// What the intruder sends as its `nth` packet.
type Flood = fn(&mut Wire, &mut Connection, u32);

fn mac(nth: u32) -> [u8; 6] {
    let [a, b, c, d] = nth.to_be_bytes();
    [0x02, 0x11, a, b, c, d]
}

/// Spreads a counter over the addresses of 10.128.0.0/9.
fn address(nth: u32) -> Ipv4Addr {
    Ipv4Addr::from(0x0a80_0000 | nth.wrapping_mul(0x9e37_79b1) >> 9)
}

fn syn(wire: &mut Wire, _: &mut Connection, nth: u32) {
    let from = (address(nth), INTRUDER_MAC, nth as u16 | 1024);
    let to = (CONTROLLER, CONTROLLER_MAC, 80);
    wire.send(&tcp(from, to, nth, 0, SYN, &[]));
}

fn random_macs(wire: &mut Wire, _: &mut Connection, nth: u32) {
    wire.send(&frame::ethernet(
        [0xff; 6],
        mac(nth),
        &[],
        0x88b5,
        b"anyone there",
    ));
}

fn arp_claims(wire: &mut Wire, _: &mut Connection, nth: u32) {
    let claim = frame::arp(2, (mac(nth), address(nth)), (STATION_MAC, STATION));
    wire.send(&frame::ethernet(
        STATION_MAC,
        INTRUDER_MAC,
        &[],
        0x0806,
        &claim,
    ));
}

fn names(wire: &mut Wire, _: &mut Connection, nth: u32) {
    let mut query = vec![0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 8];
    query.extend(format!("{nth:08x}").into_bytes());
    query.extend(*b"\x07example\0\0\x01\0\x01");
    let (from, to) = ((INTRUDER, INTRUDER_MAC, 40_000), (STATION, STATION_MAC, 53));
    let datagram = frame::udp(Ends::V4(from.0, to.0), from.2, to.2, &query);
    wire.send(&ip(from, to, 17, nth as u16, &datagram).whole());
}

fn unique_objects(wire: &mut Wire, own: &mut Connection, nth: u32) {
    let [a, b, c] = [(nth >> 16) as u8, (nth >> 8) as u8, nth as u8];
    let [t, u] = (nth as u16).to_be_bytes();
    let ask = [t, u, 0, 0, 0, 6, a, 3, b, c, 0, 1];
    own.ask(wire, [&ask, &[t, u, 0, 0, 0, 5, a, 3, 2, 0, 7]]);
}

fn fragments(wire: &mut Wire, _: &mut Connection, nth: u32) {
    let (from, to) = (
        (address(nth), INTRUDER_MAC, 0),
        (CONTROLLER, CONTROLLER_MAC, 0),
    );
    let Ipv4Frame(packet, to, from, payload) = ip(from, to, 17, nth as u16, &[7; 1400]);
    let first = packet.fragments(&payload, 1400 / 2).remove(0);
    wire.send(&frame::ethernet(to, from, &[], 0x0800, &first));
}

fn out_of_order(wire: &mut Wire, _: &mut Connection, nth: u32) {
    // Eight segments a connection, each behind a hole of its own.
    let connection = nth / 8;
    let from = (address(connection), INTRUDER_MAC, connection as u16 | 1024);
    let to = (CONTROLLER, CONTROLLER_MAC, 502);
    if nth.is_multiple_of(8) {
        wire.send(&tcp(from, to, 99, 0, SYN, &[]));
    }
    let seq = 100 + (nth % 8 + 1) * 5000;
    wire.send(&tcp(from, to, seq, 0, PSH, &[0; 1200]));
}

fn half_messages(wire: &mut Wire, _: &mut Connection, nth: u32) {
    // The head of an S7 packet of which the rest never comes.
    let from = (address(nth), INTRUDER_MAC, nth as u16 | 1024);
    let to = (CONTROLLER, CONTROLLER_MAC, 102);
    wire.send(&tcp(from, to, 99, 0, SYN, &[]));
    let mut head = vec![3, 0, 4, 0, 2, 0xf0, 0x80];
    head.extend([0x32, 1, 0, 0, 0, 1]);
    head.extend([0; 900]);
    wire.send(&tcp(from, to, 100, 0, PSH, &head));
}

fn open_files(wire: &mut Wire, _: &mut Connection, nth: u32) {
    // Writes to files of which neither the opening nor the closing is seen, sixteen in each of four packets.
    let connection = nth / 4;
    let from = (address(connection), INTRUDER_MAC, connection as u16 | 1024);
    let to = (CONTROLLER, CONTROLLER_MAC, 445);
    if nth.is_multiple_of(4) {
        wire.send(&tcp(from, to, 99, 0, SYN, &[]));
    }
    let mut packet = Vec::new();
    for one in 0..16 {
        let mut write = vec![0, 0, 0, 113];
        write.extend(*b"\xfeSMB\x40\0\0\0\0\0\0\0\x09\0\x01\0");
        write.resize(4 + 24, 0);
        write.push(one);
        write.resize(4 + 64, 0);
        // WRITE: a byte at place 0 of the file of that number.
        write.extend([49, 0, 112, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        write.extend([(nth % 4) as u8, one]);
        write.resize(4 + 112, 7);
        write.push(b'x');
        packet.extend(write);
    }
    let seq = 100 + nth % 4 * packet.len() as u32;
    wire.send(&tcp(from, to, seq, 0, PSH, &packet));
}

const FLOODS: [(&str, Flood, &[&str]); 9] = [
    ("open files", open_files, &["open files"]),
    ("SYN flood", syn, &["flows cut short", "conversations"]),
    (
        "MAC addresses",
        random_macs,
        &["addresses", "flows cut short"],
    ),
    ("ARP claims", arp_claims, &["addresses", "oddities"]),
    ("names", names, &["names"]),
    ("unique objects", unique_objects, &["operations"]),
    ("fragments", fragments, &["fragments"]),
    ("out of order", out_of_order, &["bytes out of order"]),
    ("half messages", half_messages, &["bytes out of order"]),
];

/// What came of a flood.
struct Outcome {
    /// Read and write requests beside the flood, and how many of each were told.
    rounds: u64,
    reads: BTreeMap<String, u64>,
    stops: u64,
    left_out: BTreeMap<&'static str, u64>,
    /// Most rows of a telling, by kind, and most that waited.
    most: BTreeMap<&'static str, usize>,
}

/// Plays `count` packets of a flood, with controllers' traffic after every fifty, and a telling after each `stride`.
fn play(flood: Flood, count: u32, stride: u32, limits: Limits) -> Outcome {
    let worker = Worker::new(Shard::default(), limits);
    let mut wire = Wire { worker, number: 0 };
    let mut modbus = Connection::new((STATION, STATION_MAC, 50_001), 502);
    let mut s7 = Connection::new((STATION, STATION_MAC, 50_002), 102);
    let mut own = Connection::new((INTRUDER, INTRUDER_MAC, 50_003), 502);
    for connection in [&mut modbus, &mut s7, &mut own] {
        connection.open(&mut wire);
    }
    let mut outcome = Outcome {
        rounds: 0,
        reads: BTreeMap::new(),
        stops: 0,
        left_out: BTreeMap::new(),
        most: BTreeMap::new(),
    };
    for nth in 0..count {
        if nth.is_multiple_of(50) {
            modbus.ask(&mut wire, MODBUS);
            s7.ask(&mut wire, S7);
            outcome.rounds += 1;
        }
        flood(&mut wire, &mut own, nth);
        let load = wire.worker.load();
        outcome.note("flows", load.flows);
        outcome.note("waiting bytes", load.waiting_bytes);
        outcome.note("fragments", load.fragments);
        if (nth + 1).is_multiple_of(stride) {
            outcome.note("megabytes resident", (resident() >> 20) as usize);
            let told = wire.worker.take();
            outcome.add(told);
        }
    }
    s7.ask(&mut wire, STOP);
    outcome.add(wire.worker.finish());
    outcome
}

impl Outcome {
    fn note(&mut self, what: &'static str, count: usize) {
        let most = self.most.entry(what).or_default();
        *most = count.max(*most);
    }

    fn add(&mut self, told: wire::Picture) {
        for (table, count) in told.left_out() {
            *self.left_out.entry(table).or_default() += count;
        }
        let facts = told.into_facts(Vec::new());
        self.note("addresses", facts.addresses.len());
        self.note("names", facts.names.len());
        self.note("operations", facts.operations.len());
        self.note("conversations", facts.conversations.len());
        self.note("oddities", facts.oddities.len());
        for row in facts.operations {
            if row.source == Address::Ip(STATION.into()) {
                match row.operation {
                    Verb::Stop => self.stops += row.count,
                    _ => *self.reads.entry(row.protocol).or_default() += row.count,
                }
            }
        }
    }

    fn hold(&self, name: &str, limits: Limits, left_out: &[&str]) {
        for protocol in ["modbus", "s7comm"] {
            assert_eq!(
                self.reads.get(protocol),
                Some(&self.rounds),
                "{name}: {protocol}"
            );
        }
        assert_eq!(self.stops, 1, "{name}: the controller was stopped");
        for (what, limit) in [
            ("flows", limits.flows),
            ("addresses", limits.addresses),
            ("names", limits.names),
            ("operations", limits.operations),
            ("conversations", limits.conversations),
            ("oddities", limits.oddities),
            // One segment may come on top before its flow goes on without.
            ("waiting bytes", limits.waiting_bytes + 4096),
            ("fragments", 1024),
        ] {
            let most = self.most.get(what).copied().unwrap_or(0);
            assert!(most <= limit, "{name}: {most} {what}");
        }
        for table in left_out {
            assert!(
                self.left_out.contains_key(table),
                "{name}: {table} in {:?}",
                self.left_out
            );
        }
    }
}

#[test]
fn a_flood_fills_its_table_and_hides_nothing_of_the_controllers() {
    for (name, flood, left_out) in FLOODS {
        let outcome = play(flood, 4000, u32::MAX, SMALL);
        outcome.hold(name, SMALL, left_out);
    }
}

#[test]
fn telling_during_a_flood_loses_no_count() {
    for (name, flood, _) in FLOODS {
        let outcome = play(flood, 2000, 300, SMALL);
        outcome.hold(name, SMALL, &[]);
    }
}

/// Names that were asked for, and how many messages were malformed.
fn told_of(wire: Wire) -> (Vec<String>, u64) {
    let facts = wire.worker.finish().into_facts(Vec::new());
    let names = facts.names.into_iter().map(|row| row.name);
    let odd = facts.oddities.iter();
    let odd = odd.filter(|row| row.what == "protocol.malformed");
    (names.collect(), odd.map(|row| row.count).sum())
}

#[test]
fn garbage_between_two_ends_buys_no_silence_for_what_they_say_to_each_other() {
    let (from, to) = ((INTRUDER, INTRUDER_MAC, 40_000), (STATION, STATION_MAC, 53));
    let garbage = |wire: &mut Wire, payload: &[u8], count: u16| {
        for nth in 0..count {
            let datagram = frame::udp(Ends::V4(from.0, to.0), from.2, to.2, payload);
            wire.send(&ip(from, to, 17, nth, &datagram).whole());
        }
    };
    let own = &mut Connection::new((INTRUDER, INTRUDER_MAC, 50_003), 502);
    let fresh = || Wire {
        worker: Worker::new(Shard::default(), SMALL),
        number: 0,
    };
    // Before anybody knows what the flow is; and once that is known, questions of which the end is missing.
    let mut wire = fresh();
    garbage(&mut wire, b"no question at all", 100);
    names(&mut wire, own, 1);
    garbage(
        &mut wire,
        &[0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 8, b'x'],
        1000,
    );
    names(&mut wire, own, 2);
    let (told, malformed) = told_of(wire);
    assert_eq!(told, ["00000001.example", "00000002.example"]);
    assert_eq!(malformed, 1000);
    // What passes for another protocol at the port of this one holds it no longer than until that speaks: be it one whose
    // messages are read, or one of which nothing is read but the first.
    let mut netflow = vec![0, 5, 0, 1];
    netflow.resize(24 + 48, 0);
    let mut stun = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
    stun.resize(20, 7);
    for other in [netflow, stun] {
        let mut wire = fresh();
        garbage(&mut wire, &other, 1);
        names(&mut wire, own, 3);
        assert_eq!(told_of(wire).0, ["00000003.example"]);
    }
    // A stream is read on from the next segment that begins with a message.
    let mut wire = fresh();
    let mut modbus = Connection::new((STATION, STATION_MAC, 50_001), 502);
    modbus.open(&mut wire);
    for _ in 0..100 {
        modbus.ask(&mut wire, MODBUS);
        modbus.send(&mut wire, 0, ACK | PSH, &[0xff; 40]);
    }
    let facts = wire.worker.finish().into_facts(Vec::new());
    let reads: u64 = facts.operations.iter().map(|row| row.count).sum();
    assert_eq!(reads, 100, "{:?}", facts.operations);
}

/// Resident memory of this process in bytes.
fn resident() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = pages
        .split_whitespace()
        .nth(1)
        .and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or(0) * 4096
}

/// With the limits of a sensor in service; `FLOOD` says another number of packets. `cargo test --release -p wire --test limits -- --ignored --nocapture`
#[test]
#[ignore = "ten million packets of each flood: for measuring memory, in a release build"]
fn ten_million_of_each() {
    let limits = Limits::live();
    let count = std::env::var("FLOOD")
        .ok()
        .and_then(|count| count.parse().ok());
    let count = count.unwrap_or(10_000_000);
    for (name, flood, _) in FLOODS {
        let outcome = play(flood, count, count / 10, limits);
        outcome.hold(name, limits, &[]);
        let Outcome { most, left_out, .. } = outcome;
        println!("{name}: most {most:?}, left out {left_out:?}");
    }
}

/// What a flow costs while it is under way, and once it is over. Run it as the test above, alone.
#[test]
#[ignore = "a million flows: for measuring memory, in a release build"]
fn a_million_flows() {
    const FLOWS: u32 = 1 << 20;
    for (name, protocol) in [("UDP question and answer", 17), ("TCP handshake", 6)] {
        let worker = Worker::new(Shard::default(), Limits::default());
        let mut wire = Wire { worker, number: 0 };
        let before = resident();
        for nth in 0..FLOWS {
            let from = (address(nth), INTRUDER_MAC, nth as u16 | 1024);
            let to = (CONTROLLER, CONTROLLER_MAC, 9999);
            if protocol == 6 {
                wire.send(&tcp(from, to, nth, 0, SYN, &[]));
                wire.send(&tcp(to, from, nth, nth + 1, SYN | ACK, &[]));
                wire.send(&tcp(from, to, nth + 1, nth + 1, ACK, &[]));
            } else {
                for (from, to) in [(from, to), (to, from)] {
                    let datagram = frame::udp(Ends::V4(from.0, to.0), from.2, to.2, b"anyone");
                    wire.send(&ip(from, to, 17, nth as u16, &datagram).whole());
                }
            }
        }
        let flows = wire.worker.load().flows as u64;
        let open = (resident() - before) / flows;
        let picture = wire.worker.finish();
        let over = resident().saturating_sub(before) / flows;
        println!("{name}: {flows} flows, {open} bytes each under way, {over} once over");
        drop(picture);
    }
}
