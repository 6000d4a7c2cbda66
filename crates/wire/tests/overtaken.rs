//! Answers that a capture holds before their requests: for a moment they wait, and no longer, and not more of them than there is
//! room for.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail loudly")]

use std::net::Ipv4Addr;

use facts::{Facts, Time};
use lab::net::frame::{self, Ends, Ipv4};
use wire::{Frame, Limits, Link, Shard, Worker};

/// Modbus: read register 16, and its answer.
const ASK: [u8; 12] = [0, 1, 0, 0, 0, 6, 1, 3, 0, 16, 0, 1];
const ANSWER: [u8; 11] = [0, 1, 0, 0, 0, 5, 1, 3, 2, 0, 7];

const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);

/// Reads datagrams, each of the client's port and of a time in milliseconds.
fn read(limits: Limits, datagrams: &[(i64, u16, bool, &[u8])]) -> (Facts, u64) {
    read_at(502, limits, datagrams)
}

fn read_at(server: u16, limits: Limits, datagrams: &[(i64, u16, bool, &[u8])]) -> (Facts, u64) {
    let mut worker = Worker::new(Shard::default(), limits);
    for ((at, port, asks, payload), number) in datagrams.iter().zip(1u32..) {
        let (from, to) = if *asks {
            (CLIENT, SERVER)
        } else {
            (SERVER, CLIENT)
        };
        let (source, target) = if *asks {
            (*port, server)
        } else {
            (server, *port)
        };
        let datagram = frame::udp(Ends::V4(from, to), source, target, payload);
        let packet = Ipv4 {
            from,
            to,
            protocol: 17,
            ttl: 64,
            id: u16::try_from(number & 0xffff).unwrap(),
            tos: 0,
            dont_fragment: true,
        };
        let [one, other] = [[2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]];
        let (to, from) = if *asks { (other, one) } else { (one, other) };
        let data = frame::ethernet(to, from, &[], 0x0800, &packet.whole(&datagram));
        worker.frame(&Frame {
            link: Link::Ethernet,
            time: Time(at * 1_000_000),
            data: &data,
            wire_len: u32::try_from(data.len()).unwrap(),
            capture: 0,
            number,
        });
    }
    let picture = worker.finish();
    let left_out = picture.left_out().map(|(_, count)| count).sum();
    (picture.into_facts(vec!["test.pcap".to_owned()]), left_out)
}

/// Operations with their outcome, count and frames, then oddities with their count.
fn told(datagrams: &[(i64, u16, bool, &[u8])]) -> Vec<String> {
    let (facts, _) = read(Limits::default(), datagrams);
    let operations = facts.operations.iter().map(|row| {
        let outcome = row.outcome.map_or("?", |outcome| outcome.name());
        format!("{outcome} {} {:?}", row.count, row.evidence.frames)
    });
    let oddities = facts.oddities.iter();
    let oddities = oddities.map(|row| format!("{} {}", row.what, row.count));
    operations.chain(oddities).collect()
}

fn numbered(message: &[u8], number: u8) -> Vec<u8> {
    let mut message = message.to_vec();
    *message.get_mut(1).unwrap() = number;
    message
}

#[test]
fn an_answer_that_comes_a_moment_before_its_request_is_that_request_s_and_a_later_one_s_it_is_not()
{
    assert_eq!(
        told(&[(100, 5000, false, &ANSWER), (101, 5000, true, &ASK)]),
        ["ok 1 [2, 1]"]
    );
    assert_eq!(
        told(&[(100, 5000, false, &ANSWER), (200, 5000, true, &ASK)]),
        ["unanswered 1 [2]", "modbus.answer_without_request 1"]
    );
    assert_eq!(
        told(&[(100, 5000, false, &ANSWER)]),
        ["modbus.answer_without_request 1"]
    );
}

/// What waited is read as everything is: that it is malformed is told.
#[test]
fn an_answer_that_waited_in_vain_and_is_malformed_says_so() {
    // DNS: one question and one record, of which the capture holds the beginning.
    let answer =
        b"\x12\x34\x81\x80\0\x01\0\x01\0\0\0\0\x03plc\x07example\0\0\x01\0\x01\xc0\x0c\0\x01";
    let (facts, _) = read_at(53, Limits::default(), &[(100, 5000, false, answer)]);
    let odd: Vec<_> = facts.oddities.iter().map(|row| row.what.as_str()).collect();
    assert_eq!(odd, ["protocol.malformed"]);
}

#[test]
fn several_answers_before_their_requests_find_each_its_own() {
    let [ask, answer] = [ASK.as_slice(), &ANSWER].map(|message| numbered(message, 2));
    assert_eq!(
        told(&[
            (100, 5000, false, &answer),
            (101, 5000, false, &ANSWER),
            (102, 5000, true, &ASK),
            (103, 5000, true, &ask),
        ]),
        ["ok 2 [3, 2, 1]"]
    );
}

#[test]
fn answers_that_nobody_asked_for_take_no_more_room_than_there_is_and_are_all_told() {
    let limits = Limits {
        waiting_bytes: 1000,
        ..Limits::default()
    };
    let flood: Vec<_> = (0..2000u16)
        .map(|n| (i64::from(n) / 100, 10_000 + n, false, ANSWER.as_slice()))
        .collect();
    let (facts, left_out) = read(limits, &flood);
    let odd: u64 = facts.oddities.iter().map(|row| row.count).sum();
    assert_eq!(odd, 2000);
    assert!(left_out > 0, "nothing had to give way");
}
