//! The engine on whole frames: layers, legs, streams, shards. Frames come from the lab's recipes.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests may fail loudly"
)]

use std::net::Ipv4Addr;

use facts::kinds::{Conversation, Verb};
use facts::{Facts, Time};
use lab::net::frame::{self, ACK, Ends, FIN, Ipv4, PSH, RST, SYN, Segment, Tag};
use wire::{Frame, Limits, Link, Shard, Worker};

const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 20, 10, 20);
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 20, 30, 10);
const CLIENT_MAC: [u8; 6] = [0x00, 0x1b, 0x1b, 0, 0, 1];
const SERVER_MAC: [u8; 6] = [0x28, 0x63, 0x36, 0, 0, 2];
const ROUTER_MAC: [u8; 6] = [0x00, 0x00, 0x5d, 0, 0, 9];

/// Reads frames, one a millisecond, with a worker or several, and gives the facts.
fn observe(frames: &[Vec<u8>], workers: u32) -> Facts {
    let mut pictures = (0..workers).map(|index| {
        let shard = Shard {
            index,
            of: workers,
            seed: 7,
        };
        let mut worker = Worker::new(shard, Limits::default());
        for (bytes, number) in frames.iter().zip(1u32..) {
            worker.frame(&Frame {
                link: Link::Ethernet,
                time: Time(i64::from(number) * 1_000_000),
                data: bytes,
                wire_len: u32::try_from(bytes.len()).unwrap(),
                capture: 0,
                number,
            });
        }
        worker.finish()
    });
    let mut first = pictures.next().unwrap();
    pictures.for_each(|other| first.merge(other));
    first.into_facts(vec!["test.pcap".to_owned()])
}

/// An IPv4 packet of one of the two hosts, identified by `id`.
fn packet(from_client: bool, protocol: u8, ttl: u8, id: u16, payload: &[u8]) -> Vec<u8> {
    let (from, to) = if from_client {
        (CLIENT, SERVER)
    } else {
        (SERVER, CLIENT)
    };
    Ipv4 {
        from,
        to,
        protocol,
        ttl,
        id,
        tos: 0,
        dont_fragment: true,
    }
    .whole(payload)
}

/// The packet as a switch sees it between the two hosts, in a VLAN.
fn direct(from_client: bool, vlan: u16, packet: &[u8]) -> Vec<u8> {
    let (to, from) = if from_client {
        (SERVER_MAC, CLIENT_MAC)
    } else {
        (CLIENT_MAC, SERVER_MAC)
    };
    frame::ethernet(to, from, &[Tag::vlan(vlan)], 0x0800, packet)
}

fn segment(from_client: bool, seq: u32, ack: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    let (from, to) = if from_client {
        (40_000, 502)
    } else {
        (502, 40_000)
    };
    let ends = if from_client {
        Ends::V4(CLIENT, SERVER)
    } else {
        Ends::V4(SERVER, CLIENT)
    };
    frame::tcp(
        ends,
        Segment {
            from,
            to,
            seq,
            ack,
            flags,
            window: 4096,
            options: &[],
            payload,
        },
    )
}

/// Modbus: read register 16, and its answer.
const ASK: [u8; 12] = [0, 1, 0, 0, 0, 6, 1, 3, 0, 16, 0, 1];
const ANSWER: [u8; 11] = [0, 1, 0, 0, 0, 5, 1, 3, 2, 0, 7];

/// A connection that reads one register: handshake, question, answer, end.
fn reading() -> Vec<(bool, Vec<u8>)> {
    vec![
        (true, segment(true, 100, 0, SYN, &[])),
        (false, segment(false, 900, 101, SYN | ACK, &[])),
        (true, segment(true, 101, 901, ACK, &[])),
        (true, segment(true, 101, 901, ACK | PSH, &ASK)),
        (false, segment(false, 901, 113, ACK | PSH, &ANSWER)),
        (true, segment(true, 113, 912, ACK | FIN, &[])),
        (false, segment(false, 912, 114, ACK | FIN, &[])),
        (true, segment(true, 114, 913, ACK, &[])),
    ]
}

fn on_vlan_10(segments: Vec<(bool, Vec<u8>)>) -> Vec<Vec<u8>> {
    let numbered = segments.into_iter().zip(1u16..);
    numbered
        .map(|((client, bytes), id)| direct(client, 10, &packet(client, 6, 64, id, &bytes)))
        .collect()
}

fn only(facts: &Facts) -> &Conversation {
    let [one] = facts.conversations.as_slice() else {
        panic!("{:#?}", facts.conversations)
    };
    one
}

#[test]
fn how_a_connection_ended_is_told() {
    let ended = |segments: usize, last: Option<(bool, u8)>| {
        let mut reading = reading();
        reading.truncate(segments);
        reading.extend(last.map(|(client, flags)| {
            let (seq, ack) = if client { (113, 912) } else { (912, 113) };
            (client, segment(client, seq, ack, flags, &[]))
        }));
        let facts = observe(&on_vlan_10(reading), 1);
        only(&facts).ended.map(|ended| ended.as_str())
    };
    assert_eq!(ended(8, None), Some("closed"));
    assert_eq!(ended(6, None), Some("client-closed"));
    assert_eq!(ended(5, None), None);
    assert_eq!(ended(5, Some((false, ACK | FIN))), Some("server-closed"));
    assert_eq!(ended(5, Some((true, ACK | RST))), Some("client-reset"));
    assert_eq!(ended(5, Some((false, RST))), Some("server-reset"));
    assert_eq!(ended(6, Some((false, RST))), Some("server-reset"));
}

#[test]
fn a_packet_seen_before_and_behind_a_router_is_one_packet_and_proves_forwarding() {
    let mut frames = Vec::new();
    for ((client, bytes), id) in reading().into_iter().zip(1u16..) {
        let (from_mac, to_mac) = if client {
            (CLIENT_MAC, SERVER_MAC)
        } else {
            (SERVER_MAC, CLIENT_MAC)
        };
        let (near, far) = if client { (10, 30) } else { (30, 10) };
        let before = packet(client, 6, 64, id, &bytes);
        let behind = packet(client, 6, 63, id, &bytes);
        frames.push(frame::ethernet(
            ROUTER_MAC,
            from_mac,
            &[Tag::vlan(near)],
            0x0800,
            &before,
        ));
        frames.push(frame::ethernet(
            to_mac,
            ROUTER_MAC,
            &[Tag::vlan(far)],
            0x0800,
            &behind,
        ));
    }
    let facts = observe(&frames, 1);
    let one = only(&facts);
    assert_eq!((one.packets_out, one.packets_in), (5, 3));
    assert_eq!(
        (one.bytes_out, one.bytes_in),
        (ASK.len() as u64, ANSWER.len() as u64)
    );
    assert_eq!(one.vlans.as_slice(), [10, 30]);
    assert_eq!((one.vlan, one.lost_bytes, one.gaps), (Some(10), 0, 0));
    assert_eq!(facts.operations.len(), 1);
    assert_eq!(
        facts.operations[0].count, 1,
        "the copy behind the router is no second request"
    );
    let mut ways: Vec<_> = facts
        .routes
        .iter()
        .map(|way| (way.via.as_str(), way.vlan, way.to_vlan))
        .collect();
    ways.sort_unstable();
    assert_eq!(
        ways,
        [
            ("forwards", Some(10), Some(30)),
            ("forwards", Some(30), Some(10))
        ]
    );
    assert!(
        facts
            .routes
            .iter()
            .all(|way| way.mac == Some(facts::Mac(ROUTER_MAC)))
    );
    let far: Vec<_> = facts
        .addresses
        .iter()
        .filter(|row| row.mac == Some(facts::Mac(ROUTER_MAC)))
        .collect();
    assert_eq!(far.len(), 2, "the router carries both");
    assert!(far.iter().all(|row| row.hops == Some(1)));
}

#[test]
fn the_same_packet_tagged_and_untagged_is_no_forwarding() {
    let bytes = packet(
        true,
        17,
        64,
        9,
        &frame::udp(Ends::V4(CLIENT, SERVER), 5000, 6000, b"state"),
    );
    let frames = [
        frame::ethernet(SERVER_MAC, CLIENT_MAC, &[Tag::vlan(10)], 0x0800, &bytes),
        frame::ethernet(SERVER_MAC, CLIENT_MAC, &[], 0x0800, &bytes),
    ];
    let facts = observe(&frames, 1);
    assert_eq!(only(&facts).packets_out, 1);
    assert!(facts.routes.is_empty());
}

#[test]
fn a_doubled_mirror_port_is_told_and_counts_nothing_twice() {
    let once = on_vlan_10(reading());
    let twice: Vec<Vec<u8>> = once
        .iter()
        .flat_map(|one| [one.clone(), one.clone()])
        .collect();
    let mut worker = Worker::new(Shard::default(), Limits::default());
    for (bytes, number) in twice.iter().zip(1u32..) {
        worker.frame(&Frame {
            link: Link::Ethernet,
            time: Time(i64::from(number) * 1_000),
            data: bytes,
            wire_len: u32::try_from(bytes.len()).unwrap(),
            capture: 0,
            number,
        });
    }
    let picture = worker.finish();
    let counts = picture.frames().get(&0).unwrap();
    assert_eq!((counts.total, counts.copies), (16, 8));
    let facts = picture.into_facts(vec!["test.pcap".to_owned()]);
    assert_eq!((only(&facts).packets_out, only(&facts).packets_in), (5, 3));
}

#[test]
fn datagrams_that_count_up_with_their_packets_are_all_seen() {
    // A counter in the payload lowers the checksum by as much as the packet's number grows.
    let frames: Vec<Vec<u8>> = (0..64u8)
        .map(|n| {
            let udp = frame::udp(Ends::V4(CLIENT, SERVER), 5000, 6000, &[n, 0, 1, 2]);
            direct(true, 10, &packet(true, 17, 64, u16::from(n), &udp))
        })
        .collect();
    assert_eq!(only(&observe(&frames, 1)).packets_out, 64);
}

#[test]
fn a_priority_tag_is_no_vlan_and_two_tags_are_told() {
    let bytes = packet(
        true,
        17,
        64,
        9,
        &frame::udp(Ends::V4(CLIENT, SERVER), 5000, 6000, b"state"),
    );
    let tagged = |tags: &[Tag]| {
        observe(
            &[frame::ethernet(
                SERVER_MAC, CLIENT_MAC, tags, 0x0800, &bytes,
            )],
            1,
        )
    };
    assert_eq!(only(&tagged(&[Tag::priority(5)])).vlan, None);
    assert_eq!(
        only(&tagged(&[Tag::service(300), Tag::vlan(10)])).vlan,
        Some(10)
    );
}

#[test]
fn a_keep_alive_at_which_a_connection_is_picked_up_is_no_byte_of_its_first_message() {
    let read = |facts: &Facts| {
        let reads = facts
            .operations
            .iter()
            .filter(|op| op.operation == Verb::Read);
        reads.map(|op| op.count).sum::<u64>()
    };
    let asked_and_answered = [
        (true, segment(true, 101, 901, ACK | PSH, &ASK)),
        (false, segment(false, 901, 113, ACK | PSH, &ANSWER)),
    ];
    // One byte that was acknowledged long ago, from either end; the other acknowledges it again.
    let mut kept_alive = vec![
        (false, segment(false, 900, 101, ACK, &[0])),
        (true, segment(true, 101, 901, ACK, &[])),
        (true, segment(true, 100, 901, ACK, &[0])),
        (false, segment(false, 901, 101, ACK, &[])),
    ];
    kept_alive.extend(asked_and_answered.clone());
    // It comes again, now in front of bytes that were read.
    kept_alive.push((true, segment(true, 112, 912, ACK, &[0])));
    let facts = observe(&on_vlan_10(kept_alive), 1);
    let one = only(&facts);
    assert_eq!((one.protocol.as_deref(), read(&facts)), (Some("modbus"), 1));
    assert_eq!(
        (one.bytes_out, one.bytes_in, one.gaps),
        (ASK.len() as u64, ANSWER.len() as u64, 0)
    );
    // A byte that is pushed is said.
    let (first, rest) = ASK.split_at(1);
    let said = vec![
        (true, segment(true, 101, 901, ACK | PSH, first)),
        (true, segment(true, 102, 901, ACK | PSH, rest)),
        (false, segment(false, 901, 113, ACK | PSH, &ANSWER)),
    ];
    assert_eq!(read(&observe(&on_vlan_10(said), 1)), 1);
}

#[test]
fn a_lost_segment_loses_itself_and_not_the_connection() {
    let mut segments = reading();
    let second: Vec<u8> = [&[0, 2], &ASK[2..]].concat();
    let third: Vec<u8> = [&[0, 3], &ASK[2..]].concat();
    let answer_to = |n: u8| [&[0, n], &ANSWER[2..]].concat();
    segments.truncate(5);
    segments.push((true, segment(true, 113, 912, ACK | PSH, &second)));
    segments.push((false, segment(false, 912, 125, ACK | PSH, &answer_to(2))));
    segments.push((true, segment(true, 125, 923, ACK | PSH, &third)));
    segments.push((false, segment(false, 923, 137, ACK | PSH, &answer_to(3))));
    // The capture lacks the second question.
    segments.remove(5);
    let facts = observe(&on_vlan_10(segments), 1);
    let one = only(&facts);
    assert_eq!((one.lost_bytes, one.gaps), (12, 1));
    let reads: u64 = facts
        .operations
        .iter()
        .filter(|op| op.operation == Verb::Read)
        .map(|op| op.count)
        .sum();
    assert_eq!(reads, 2, "the first and the third question stand");
}

#[test]
fn questions_each_behind_a_hole_meet_their_answers() {
    // A capture filtered by what a display shows: in front of every question, bytes that were sent are missing.
    let mut segments = Vec::new();
    let (mut client, mut server) = (101, 901);
    for _ in 0..20 {
        let asked = client + 7 + u32::try_from(ASK.len()).unwrap();
        segments.push((true, segment(true, client + 7, server, ACK | PSH, &ASK)));
        segments.push((false, segment(false, server, asked, ACK | PSH, &ANSWER)));
        client = asked;
        server += u32::try_from(ANSWER.len()).unwrap();
    }
    let facts = observe(&on_vlan_10(segments), 1);
    let outcomes: Vec<_> = facts
        .operations
        .iter()
        .map(|op| (op.outcome, op.count))
        .collect();
    assert_eq!(outcomes, [(Some(facts::kinds::Outcome::Ok), 20)]);
    assert_eq!(
        only(&facts).gaps,
        19,
        "the first hole is the capture's begin"
    );
}

#[test]
fn reordered_and_repeated_segments_give_the_facts_of_the_ordered_ones() {
    let plain = observe(&on_vlan_10(reading()), 1);
    let mut shuffled = reading();
    shuffled.swap(3, 4);
    let doubled = shuffled[4].clone();
    shuffled.insert(6, doubled);
    let mixed = observe(&on_vlan_10(shuffled), 1);
    let told = |facts: &Facts| -> Vec<_> {
        facts
            .operations
            .iter()
            .map(|op| (op.operation, op.object.clone(), op.outcome, op.count))
            .collect()
    };
    assert_eq!(told(&mixed), told(&plain));
    assert_eq!(
        (only(&mixed).bytes_out, only(&mixed).bytes_in),
        (only(&plain).bytes_out, only(&plain).bytes_in)
    );
    assert_eq!(only(&mixed).lost_bytes, 0);
}

#[test]
fn a_connection_picked_up_in_the_middle_is_read_and_its_ends_told_by_role() {
    let facts = observe(&on_vlan_10(reading().split_off(3)), 1);
    let one = only(&facts);
    assert_eq!(
        (one.client, one.direction.as_str(), one.midstream),
        (std::net::IpAddr::V4(CLIENT).into(), "role", true)
    );
    assert_eq!(facts.operations.len(), 1);
}

#[test]
fn one_side_alone_is_known_for_half_of_a_connection() {
    let client_only = reading()
        .into_iter()
        .filter(|(client, _)| *client)
        .collect();
    let facts = observe(&on_vlan_10(client_only), 1);
    let one = only(&facts);
    assert_eq!(one.state, "one-sided");
    // An acknowledged FIN takes one number of the sequence (RFC 9293, 3.4), and it was not captured either.
    assert_eq!(
        one.lost_bytes,
        ANSWER.len() as u64 + 1,
        "the acknowledgements tell how much is missing"
    );
    assert_eq!(
        facts.operations[0].outcome, None,
        "nobody can say that it went unanswered"
    );
}

#[test]
fn a_new_handshake_on_the_same_ports_is_a_new_conversation() {
    let again = [
        (true, segment(true, 70_000, 0, SYN, &[])),
        (false, segment(false, 90_000, 70_001, SYN | ACK, &[])),
    ];
    let facts = observe(&on_vlan_10(reading().into_iter().chain(again).collect()), 1);
    assert_eq!(facts.conversations.len(), 2);
}

#[test]
fn what_is_refused_was_asked_and_not_served() {
    let asked = packet(
        true,
        17,
        64,
        5,
        &frame::udp(Ends::V4(CLIENT, SERVER), 5000, 161, &[0x30, 0x00]),
    );
    let quoted = [&[0u8; 0][..], &asked].concat();
    let refusal = packet(false, 1, 64, 6, &frame::icmp(3, 3, 0, &quoted));
    let facts = observe(&[direct(true, 10, &asked), direct(false, 10, &refusal)], 1);
    let udp = facts
        .conversations
        .iter()
        .find(|one| one.transport == "udp")
        .unwrap();
    assert_eq!(udp.state, "refused");
    let icmp = facts
        .conversations
        .iter()
        .find(|one| one.transport == "icmp")
        .unwrap();
    assert_eq!(icmp.variant.as_deref(), Some("error"));
}

#[test]
fn a_datagram_in_fragments_and_one_inside_vxlan_are_read() {
    // Simple look-up of crane.example.
    let query = lab::net::Bytes::new()
        .be16(0x77)
        .be16(0x0100)
        .be16(1)
        .be16(0)
        .be16(0)
        .be16(0)
        .len8(b"crane")
        .len8(b"example")
        .u8(0)
        .be16(1)
        .be16(1)
        .done();
    let udp = frame::udp(Ends::V4(CLIENT, SERVER), 5353, 53, &query);
    let header = Ipv4 {
        from: CLIENT,
        to: SERVER,
        protocol: 17,
        ttl: 64,
        id: 3,
        tos: 0,
        dont_fragment: false,
    };
    let pieces: Vec<_> = header
        .fragments(&udp, 16)
        .iter()
        .map(|piece| direct(true, 10, piece))
        .collect();
    assert!(pieces.len() > 1);
    let names = |frames: &[Vec<u8>]| -> Vec<String> {
        observe(frames, 1)
            .names
            .into_iter()
            .map(|name| name.name)
            .collect()
    };
    assert_eq!(names(&pieces), ["crane.example"]);

    let inner = direct(true, 10, &header.whole(&udp));
    let vxlan = [&[0x08, 0, 0, 0, 0, 0, 7, 0][..], &inner].concat();
    let outer = packet(
        true,
        17,
        64,
        4,
        &frame::udp(Ends::V4(CLIENT, SERVER), 6000, 4789, &vxlan),
    );
    assert_eq!(names(&[direct(true, 20, &outer)]), ["crane.example"]);
}

#[test]
fn any_number_of_workers_gives_the_same_facts() {
    let frames = on_vlan_10(reading());
    let mut others: Vec<Vec<u8>> = (0..40u8)
        .map(|n| {
            let from = Ipv4Addr::new(10, 20, 10, 100 + n);
            let udp = frame::udp(Ends::V4(from, SERVER), 4000, 9999, &[n; 20]);
            let packet = Ipv4 {
                from,
                to: SERVER,
                protocol: 17,
                ttl: 64,
                id: 1,
                tos: 0,
                dont_fragment: true,
            };
            frame::ethernet(
                SERVER_MAC,
                [2, 0, 0, 0, 0, n],
                &[],
                0x0800,
                &packet.whole(&udp),
            )
        })
        .collect();
    others.extend(frames);
    let one = observe(&others, 1);
    for workers in [2, 3, 7] {
        assert_eq!(observe(&others, workers), one, "{workers} workers");
    }
}

#[test]
fn frames_before_a_protocol_was_told_are_of_its_class_and_a_port_alone_is_none() {
    let classes = |frames: &[Vec<u8>]| {
        let mut worker = Worker::new(Shard::default(), Limits::default());
        for (bytes, number) in frames.iter().zip(1u32..) {
            worker.frame(&Frame {
                link: Link::Ethernet,
                time: Time(i64::from(number) * 1_000_000),
                data: bytes,
                wire_len: u32::try_from(bytes.len()).unwrap(),
                capture: 0,
                number,
            });
        }
        let picture = worker.finish();
        let counts = picture.frames().get(&0).unwrap();
        (counts.total, counts.unclassified)
    };
    // The question comes in three pieces: nobody can tell the first two.
    let (one, two, three) = (&ASK[..3], &ASK[3..6], &ASK[6..]);
    let mut segments = reading();
    segments.splice(
        3..4,
        [
            (true, segment(true, 101, 901, ACK | PSH, one)),
            (true, segment(true, 104, 901, ACK | PSH, two)),
            (true, segment(true, 107, 901, ACK | PSH, three)),
        ],
    );
    assert_eq!(classes(&on_vlan_10(segments)), (10, 0));
    // At the same port, something else: handshake and end are TCP's own, what was said is nobody's.
    let mut segments = reading();
    segments[3].1 = segment(true, 101, 901, ACK | PSH, &[7; 12]);
    segments[4].1 = segment(false, 901, 113, ACK | PSH, &[9; 11]);
    assert_eq!(classes(&on_vlan_10(segments)), (8, 2));
}

#[test]
fn of_a_request_to_everybody_the_device_that_it_names_is_the_target() {
    let everybody = Ipv4Addr::new(239, 255, 255, 250);
    let ask = b"<?xml version=\"1.0\" encoding=\"utf-8\"?><Probe><Uuid>1</Uuid><MAC>44-19-B6-00-00-07</MAC>\
        <Types>restoreInactive</Types><Password>c2VjcmV0</Password></Probe>";
    let datagram = frame::udp(Ends::V4(CLIENT, everybody), 50_000, 37_020, ask);
    let packet = Ipv4 {
        from: CLIENT,
        to: everybody,
        protocol: 17,
        ttl: 1,
        id: 1,
        tos: 0,
        dont_fragment: false,
    };
    let group = [0x01, 0x00, 0x5e, 0x7f, 0xff, 0xfa];
    let bytes = packet.whole(&datagram);
    let facts = observe(
        &[frame::ethernet(group, CLIENT_MAC, &[], 0x0800, &bytes)],
        1,
    );
    let [reset] = facts.operations.as_slice() else {
        panic!("{:?}", facts.operations);
    };
    assert_eq!(reset.operation, Verb::Reset);
    assert_eq!(reset.source, facts::Address::Ip(CLIENT.into()));
    let camera = facts::Mac([0x44, 0x19, 0xb6, 0, 0, 7]);
    assert_eq!(reset.target, facts::Address::Mac(camera));
    assert_eq!(reset.target_mac, Some(camera));
}
