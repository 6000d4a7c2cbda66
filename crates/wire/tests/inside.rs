//! Streams in frames: however they are cut, they say what they say bare, and where bytes are lost nothing is invented.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail loudly"
)]
mod support;

use facts::Facts;
use facts::kinds::Verb;
use lab::net::{Network, SECOND, Side, Tcp};
use lab::speech::websocket::{BINARY, LAST, PING, answer, frame, request};
use proptest::prelude::*;
use support::{AT, PANEL, STATION, observed, played};

const PORT: u16 = 6080;
const WAY: &str = "over WebSocket at /ws";
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

type Said = Vec<(Side, Vec<u8>)>;

fn said(lines: &[(Side, &[u8])]) -> Said {
    lines
        .iter()
        .map(|(side, bytes)| (*side, bytes.to_vec()))
        .collect()
}

fn hex(text: &str) -> Vec<u8> {
    lab::net::bytes::Bytes::hex(text).done()
}

use Side::{Client, Server};

fn desktop() -> Said {
    said(&[
        (Server, b"RFB 003.008\n"),
        (Client, b"RFB 003.008\n"),
        (Server, &[1, 2]),
        (Client, &[2]),
        (Server, &[7; 16]),
        (Client, &[9; 16]),
        (
            Server,
            &[0, 0, 0, 1, 0, 0, 0, 6, b'd', b'e', b'n', b'i', b'e', b'd'],
        ),
    ])
}

fn setup() -> Said {
    said(&[
        (
            Client,
            &hex("0300 0016 11 e0 0000 0001 00 c0 01 0a c1 02 0100 c2 02 0102"),
        ),
        (
            Server,
            &hex("0300 0016 11 d0 0001 0001 00 c0 01 0a c1 02 0100 c2 02 0102"),
        ),
    ])
}

fn stop() -> Said {
    said(&[
        (
            Client,
            &hex("0300 0021 02f080 32 01 0000 0001 0010 0000 29 0000000000 09 505f50524f4752414d"),
        ),
        (
            Server,
            &hex("0300 0014 02f080 32 03 0000 0001 0001 0000 0000 29"),
        ),
    ])
}

fn topics() -> Said {
    said(&[
        (
            Client,
            &hex("10 13 0004 4d515454 04 82 003c 0002 6331 0003 6f7065"),
        ),
        (Server, &hex("20 02 00 00")),
        (Client, &hex("30 09 0005 742f6c6573 3132")),
    ])
}

fn login() -> Said {
    said(&[
        (Server, &hex("fffd18 fffd20 fffb01")),
        (Client, &hex("fffb18")),
        (Server, b"sts07 login: "),
        (Client, b"service\r\n"),
        (Server, b"service\r\nPassword: "),
        (Client, b"hunter2\r\n"),
        (Server, b"\r\nLogin incorrect\r\nsts07 login: "),
    ])
}

/// How a frame is made, and how long the next segment is.
#[derive(Clone, Copy, Debug)]
struct Cut {
    content: usize,
    segment: usize,
    /// The message goes on in the next frame.
    fragment: bool,
    ping: bool,
    mask: [u8; 4],
}

fn cuts() -> impl Strategy<Value = Vec<Cut>> {
    let cut = (
        1..40usize,
        1..60usize,
        any::<bool>(),
        any::<bool>(),
        any::<[u8; 4]>(),
    );
    let cut = cut.prop_map(|(content, segment, fragment, ping, mask)| Cut {
        content,
        segment,
        fragment,
        ping,
        mask,
    });
    prop::collection::vec(cut, 1..12)
}

fn read(play: impl FnOnce(&mut Network, &mut Tcp)) -> Facts {
    read_at(PORT, play)
}

fn read_at(port: u16, play: impl FnOnce(&mut Network, &mut Tcp)) -> Facts {
    let frames = played(|net| {
        let mut tcp = Tcp::open(net, AT, STATION, PANEL, port);
        play(net, &mut tcp);
        tcp.close(net);
    });
    observed(&frames, usize::MAX).into_facts(vec!["test.pcap".to_owned()])
}

fn bare(dialogue: &Said) -> Facts {
    read(|net, tcp| {
        for (side, bytes) in dialogue {
            tcp.send(net, *side, bytes);
        }
    })
}

fn upgrade(net: &mut Network, tcp: &mut Tcp) {
    tcp.exchange(
        net,
        request("hmi", "/ws", "").as_bytes(),
        answer("").as_bytes(),
    );
}

fn framed(dialogue: &Said, cuts: &[Cut]) -> Facts {
    let mut turns = cuts.iter().cycle();
    read(|net, tcp| {
        upgrade(net, tcp);
        for (side, content) in dialogue {
            let (mut rest, mut wire, mut under_way) = (content.as_slice(), Vec::new(), false);
            while !rest.is_empty() {
                let cut = turns.next().unwrap();
                let mask = (*side == Client).then_some(cut.mask);
                let (piece, after) = rest.split_at(cut.content.min(rest.len()));
                rest = after;
                if cut.ping {
                    wire.extend(frame(PING, mask, b"RFB 003.008\n"));
                }
                let kind = if under_way { 0 } else { BINARY & !LAST };
                under_way = cut.fragment && !rest.is_empty();
                let last = if under_way { 0 } else { LAST };
                wire.extend(frame(kind | last, mask, piece));
            }
            let mut wire = wire.as_slice();
            while !wire.is_empty() {
                let length = turns.next().unwrap().segment.min(wire.len());
                let (segment, after) = wire.split_at(length);
                tcp.send(net, *side, segment);
                wire = after;
            }
        }
    })
}

/// What is told of what was said, without where it stood.
fn told(facts: &Facts) -> Vec<String> {
    let plain = |detail: &Option<String>| {
        let detail = detail.as_deref().unwrap_or_default();
        let parts = detail.split("; ").filter(|part| *part != WAY);
        parts.collect::<Vec<_>>().join("; ")
    };
    let operations = facts.operations.iter().map(|one| {
        let (verb, object, outcome) = (one.operation, &one.object, one.outcome);
        format!(
            "{} {verb} {object:?} {outcome:?} {}",
            one.protocol,
            plain(&one.detail)
        )
    });
    let sessions = facts
        .remote_sessions
        .iter()
        .map(|one| format!("{} {:?} {}", one.protocol, one.user, plain(&one.detail)));
    let secrets = facts
        .credentials
        .iter()
        .map(|one| format!("{} {} {:?}", one.protocol, one.what, one.user));
    let odd = facts
        .oddities
        .iter()
        .map(|one| format!("{} {:?}", one.what, one.detail));
    operations
        .chain(sessions)
        .chain(secrets)
        .chain(odd)
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_stream_says_the_same_in_frames_however_it_is_cut(cuts in cuts()) {
        let controller = [setup(), stop()].concat();
        for dialogue in [desktop(), controller, topics(), login()] {
            let expected = told(&bare(&dialogue));
            prop_assert!(!expected.is_empty());
            prop_assert_eq!(told(&framed(&dialogue, &cuts)), expected);
        }
    }

    #[test]
    fn whatever_follows_the_handshake_nothing_is_invented(
        lines in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 1..80)), 1..12),
    ) {
        let facts = read(|net, tcp| {
            upgrade(net, tcp);
            for (server, bytes) in &lines {
                tcp.send(net, if *server { Server } else { Client }, bytes);
            }
        });
        prop_assert!(facts.operations.is_empty());
        prop_assert!(facts.remote_sessions.is_empty());
        prop_assert!(facts.credentials.is_empty());
    }
}

/// A controller is spoken to in frames, and of a long one so many bytes are lost before it is stopped.
fn with_a_hole(lost: usize) -> Facts {
    read(|net, tcp| {
        upgrade(net, tcp);
        for (side, bytes) in setup() {
            let mask = (side == Client).then_some(MASK);
            tcp.send(net, side, &frame(BINARY, mask, &bytes));
        }
        let long = frame(BINARY, Some(MASK), &[0x55; 400]);
        tcp.send(net, Client, &long[..100]);
        tcp.unseen(Client, u32::try_from(lost).unwrap());
        tcp.send(net, Client, long.get(100 + lost..).unwrap_or(&[]));
        for (side, bytes) in stop() {
            let mask = (side == Client).then_some(MASK);
            tcp.send(net, side, &frame(BINARY, mask, &bytes));
        }
    })
}

#[test]
fn bytes_lost_within_a_frame_are_a_gap_inside_and_what_comes_after_it_is_read() {
    let facts = with_a_hole(200);
    let inner = facts
        .conversations
        .iter()
        .find(|one| one.carried_by.is_some())
        .unwrap();
    assert_eq!(inner.protocol.as_deref(), Some("s7comm"));
    assert_eq!((inner.lost_bytes, inner.gaps), (200, 1));
    assert_eq!(inner.carried_by.as_deref(), Some("http"));
    let verbs: Vec<_> = facts.operations.iter().map(|one| one.operation).collect();
    assert_eq!(verbs, [Verb::Stop]);
}

#[test]
fn where_the_beginning_of_a_frame_is_lost_its_sender_is_not_read_any_more() {
    let facts = with_a_hole(500);
    assert!(facts.operations.is_empty(), "{:?}", facts.operations);
    let lost: Vec<_> = facts
        .conversations
        .iter()
        .map(|one| (one.carried_by.is_some(), one.lost_bytes))
        .collect();
    assert_eq!(lost, [(false, 500), (true, 500)]);
}

#[test]
fn datagrams_by_a_proxy_are_conversations_with_where_they_go() {
    let at = AT;
    let header = |place: &str| hex(&format!("0000 00 {place}"));
    let read_register = hex("0001 0000 0006 01 03 0010 0001");
    let query = hex("1234 0100 0001 0000 0000 0000 03 706c63 03 6c616e 00 0001 0001");
    let answer = hex(
        "1234 8180 0001 0001 0000 0000 03 706c63 03 6c616e 00 0001 0001 c00c 0001 0001 0000003c 0004 0a090005",
    );
    let facts = read_at(1080, |net, tcp| {
        for (question, answer) in [
            ("05 01 00", "05 00"),
            ("05 03 00 01 00000000 0000", "05 00 00 01 00000000 9c41"),
        ] {
            tcp.exchange(net, &hex(question), &hex(answer));
        }
        // A resolver by its address, twice, a host by its name, and between them the answer of the resolver.
        let dns = header("01 0a090035 0035");
        let lines = [
            (true, [dns.clone(), query.clone()].concat()),
            (
                true,
                [header("03 03 706c63 01f6"), read_register.clone()].concat(),
            ),
            (false, [dns.clone(), answer.clone()].concat()),
            (true, [dns, query.clone()].concat()),
            // A fragment, and one that is cut off.
            (
                true,
                [hex("0000 01 01 0a090063 0035"), query.clone()].concat(),
            ),
            (true, hex("0000 00 01 0a09")),
        ];
        for (nth, (asks, bytes)) in (0i64..).zip(&lines) {
            let at = at + SECOND * (nth + 1);
            if *asks {
                net.udp(at, STATION, 5000, PANEL, 40001, bytes);
            } else {
                net.udp(at, PANEL, 40001, STATION, 5000, bytes);
            }
        }
    });
    let told: Vec<String> = facts
        .conversations
        .iter()
        .map(|one| {
            format!(
                "{} {}:{} {} {:?} {}/{} {}",
                one.transport,
                one.server,
                one.server_port.unwrap(),
                one.protocol.as_deref().unwrap_or("?"),
                one.asked_for,
                one.packets_out,
                one.packets_in,
                one.state
            )
        })
        .collect();
    expect_test::expect![[r#"
        tcp 10.20.7.2:1080 socks None 7/4 answered
        udp 10.9.0.53:53 dns None 2/1 answered
        udp 10.20.7.2:40001 socks None 5/1 answered
        udp 10.20.7.2:502 modbus Some("plc") 1/0 unanswered
    "#]]
    .assert_eq(&(told.join("\n") + "\n"));
    let names: Vec<_> = facts
        .names
        .iter()
        .map(|one| (one.via.as_str(), one.name.as_str(), one.server.to_string()))
        .collect();
    expect_test::expect![[r#"
        [
            (
                "dns",
                "plc.lan",
                "10.9.0.53",
            ),
            (
                "socks",
                "plc",
                "10.20.7.2",
            ),
        ]
    "#]]
    .assert_debug_eq(&names);
}
