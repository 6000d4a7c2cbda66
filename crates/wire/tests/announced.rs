//! Channels that one protocol announces and another flow opens: they keep their name and the protocol they belong to.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail loudly"
)]
use std::net::{IpAddr, Ipv4Addr};

use facts::kinds::Outcome;
use facts::{Facts, Time};
use lab::net::frame::{self, ACK, Ends, Ipv4, PSH, SYN, Segment};
use wire::{Class, Frame, Limits, Link, Shard, Worker};

const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 20, 10, 20);
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 20, 30, 10);

/// Frames as they come, numbered and timed.
struct Talk {
    worker: Worker,
    number: u32,
    /// What each frame would be taken for under load.
    classes: Vec<Class>,
}

impl Talk {
    fn new() -> Talk {
        Talk {
            worker: Worker::new(Shard::default(), Limits::default()),
            number: 0,
            classes: Vec::new(),
        }
    }

    fn send(&mut self, from_client: bool, protocol: u8, payload: &[u8]) {
        let (from, to) = ends(from_client);
        self.send_between(from, to, protocol, payload);
    }

    fn send_between(&mut self, from: Ipv4Addr, to: Ipv4Addr, protocol: u8, payload: &[u8]) {
        self.number += 1;
        let id = u16::try_from(self.number).unwrap();
        let packet = Ipv4 {
            from,
            to,
            protocol,
            ttl: 64,
            id,
            tos: 0,
            dont_fragment: true,
        }
        .whole(payload);
        let (source, target) = (from.octets()[3], to.octets()[3]);
        let mac = |last: u8| [0x02, 0, 0, 0, 0, last];
        let bytes = frame::ethernet(mac(target), mac(source), &[], 0x0800, &packet);
        let frame = Frame {
            link: Link::Ethernet,
            time: Time(i64::from(self.number) * 1_000_000),
            data: &bytes,
            wire_len: u32::try_from(bytes.len()).unwrap(),
            capture: 0,
            number: self.number,
        };
        self.classes.push(self.worker.class(&frame));
        self.worker.frame(&frame);
    }

    fn udp(&mut self, from_client: bool, from: u16, to: u16, payload: &[u8]) {
        self.udp_with(SERVER, from_client, from, to, payload);
    }

    /// With another host in the server's place.
    fn udp_with(
        &mut self,
        server: Ipv4Addr,
        from_client: bool,
        from: u16,
        to: u16,
        payload: &[u8],
    ) {
        let (a, b) = turned(CLIENT, server, from_client);
        let datagram = frame::udp(Ends::V4(a, b), from, to, payload);
        self.send_between(a, b, 17, &datagram);
    }

    /// A connection that the client opens, then text in turns, the server first if the client's first text is empty.
    fn tcp(&mut self, port: u16, turns: &[&str]) {
        let mut next = [100u32, 900];
        let mut segment = |talk: &mut Talk, from_client: bool, flags: u8, payload: &[u8]| {
            let (a, b) = ends(from_client);
            let own = usize::from(!from_client);
            let (from, to) = if from_client {
                (40_000, port)
            } else {
                (port, 40_000)
            };
            let bytes = frame::tcp(
                Ends::V4(a, b),
                Segment {
                    from,
                    to,
                    seq: next[own],
                    ack: if flags & ACK != 0 { next[1 - own] } else { 0 },
                    flags,
                    window: 4096,
                    options: &[],
                    payload,
                },
            );
            next[own] += u32::try_from(payload.len()).unwrap() + u32::from(flags & SYN != 0);
            talk.send(from_client, 6, &bytes);
        };
        segment(self, true, SYN, &[]);
        segment(self, false, SYN | ACK, &[]);
        segment(self, true, ACK, &[]);
        for (turn, text) in turns
            .iter()
            .enumerate()
            .filter(|(_, text)| !text.is_empty())
        {
            segment(self, turn % 2 == 0, ACK | PSH, text.as_bytes());
        }
    }

    fn facts(self) -> Facts {
        self.worker
            .finish()
            .into_facts(vec!["test.pcap".to_owned()])
    }
}

fn ends(from_client: bool) -> (Ipv4Addr, Ipv4Addr) {
    turned(CLIENT, SERVER, from_client)
}

fn turned(client: Ipv4Addr, server: Ipv4Addr, from_client: bool) -> (Ipv4Addr, Ipv4Addr) {
    if from_client {
        (client, server)
    } else {
        (server, client)
    }
}

/// A call of PROFINET's context manager: 0 asks to connect, 2 answers; `host` tells the activities apart.
fn call(kind: u8, host: u8, body: &[u8]) -> Vec<u8> {
    const SPACE: [u8; 12] = [
        0x6c, 0x97, 0x11, 0xd1, 0x82, 0x71, 0x00, 0xa0, 0x24, 0x42, 0xdf, 0x7d,
    ];
    let mut call = vec![4, kind, 0x20, 0, 0, 0, 0, 0];
    call.extend([0; 16]);
    call.extend([0xde, 0xa0, 0x00, 0x01]);
    call.extend(SPACE);
    call.extend([host; 16]);
    // Boot time, interface version, sequence, operation, hints, length, fragment.
    call.extend([0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255]);
    call.extend(u16::try_from(body.len()).unwrap().to_be_bytes());
    call.extend([0; 4]);
    call.extend(body);
    call
}

#[test]
fn a_device_that_answers_from_a_port_of_its_own_is_paired_with_what_it_was_asked() {
    let other = Ipv4Addr::new(10, 20, 30, 11);
    let mut talk = Talk::new();
    // Both devices are asked from one port; each answers from a port of its own, the second one first.
    talk.udp(true, 49153, 34964, &call(0, 1, &[0; 20]));
    talk.udp_with(other, true, 49153, 34964, &call(0, 2, &[0; 20]));
    let refused = [&[0xdb, 0x81, 0x40, 0x04][..], &[0; 16]].concat();
    talk.udp_with(other, false, 49155, 49153, &call(2, 2, &refused));
    talk.udp(false, 49155, 49153, &call(2, 1, &[0; 20]));
    let facts = talk.facts();
    let said: Vec<_> = facts
        .operations
        .iter()
        .map(|o| (o.target.to_string(), o.outcome, o.evidence.frames.to_vec()))
        .collect();
    assert_eq!(
        said,
        [
            (SERVER.to_string(), Some(Outcome::Ok), vec![1, 4]),
            (other.to_string(), Some(Outcome::Refused), vec![2, 3]),
        ]
    );
    let own = facts.conversations.iter().filter(|c| c.parent.is_some());
    assert_eq!(own.count(), 2, "the answers belong to the calls");
}

#[test]
fn a_tftp_transfer_from_a_port_of_its_own_is_the_request_s() {
    let mut talk = Talk::new();
    talk.udp(true, 2000, 69, b"\0\x01fw.bin\0octet\0");
    talk.udp(false, 3000, 2000, b"\0\x03\0\x01abc");
    talk.udp(true, 2000, 3000, b"\0\x04\0\x01");
    talk.udp(true, 2001, 69, b"\0\x01lost.bin\0octet\0");
    let facts = talk.facts();
    let told: Vec<_> = facts
        .operations
        .iter()
        .map(|o| {
            (
                o.object.as_deref(),
                o.outcome,
                o.content_bytes,
                o.evidence.frames.to_vec(),
            )
        })
        .collect();
    let whole = (Some("fw.bin"), Some(Outcome::Ok), Some(3), vec![1, 2]);
    // Nothing came from that port: whether an answer was captured cannot be told.
    let lost = (Some("lost.bin"), None, None, vec![4]);
    assert_eq!(told.len(), 2, "each request once: {told:?}");
    assert!(told.contains(&whole) && told.contains(&lost), "{told:?}");
    assert!(facts.operations.iter().all(
        |o| o.source == IpAddr::from(CLIENT).into() && o.target == IpAddr::from(SERVER).into()
    ));
    let transfer = facts
        .conversations
        .iter()
        .find(|c| c.server_port == Some(3000))
        .unwrap();
    assert_eq!(
        (transfer.protocol.as_deref(), transfer.parent.as_deref()),
        (Some("tftp"), Some("tftp"))
    );
    assert_eq!(
        transfer.client,
        IpAddr::from(CLIENT).into(),
        "who asked is the client, whoever sent first"
    );
    // Of the two requests, one was answered, if not from its port.
    let asked = facts.conversations.iter();
    let asked = asked.filter(|c| c.server_port == Some(69));
    let asked: Vec<_> = asked
        .map(|c| (c.client_port.unwrap(), c.packets_in, c.state.as_str()))
        .collect();
    assert_eq!(asked, [(2000, 0, "answered"), (2001, 0, "unanswered")]);
}

#[test]
fn a_tftp_transfer_that_overtakes_its_request_is_the_request_s_all_the_same() {
    let mut talk = Talk::new();
    let block = |number: u8, byte: u8, length: usize| {
        let mut block = vec![0, 3, 0, number];
        block.resize(4 + length, byte);
        block
    };
    talk.udp(false, 3000, 2000, &block(1, b'a', 512));
    talk.udp(true, 2000, 69, b"\0\x01fw.bin\0octet\0");
    talk.udp(true, 2000, 3000, b"\0\x04\0\x01");
    talk.udp(false, 3000, 2000, &block(2, b'b', 3));
    talk.udp(true, 2000, 3000, b"\0\x04\0\x02");
    // Of the second all there was came first.
    talk.udp(false, 3001, 2001, &block(1, b'c', 3));
    talk.udp(true, 2001, 69, b"\0\x01small.cfg\0octet\0");
    talk.udp(true, 2001, 3001, b"\0\x04\0\x01");
    let facts = talk.facts();
    let operations: Vec<_> = (facts.operations.iter())
        .map(|o| (o.object.as_deref().unwrap(), o.outcome, o.content_bytes))
        .collect();
    assert_eq!(
        operations,
        [
            ("fw.bin", Some(Outcome::Ok), Some(515)),
            ("small.cfg", None, None),
        ]
    );
    let [file] = facts.carried_files.as_slice() else {
        panic!("{:?}", facts.carried_files);
    };
    assert_eq!(
        (file.bytes, file.size, file.complete),
        (515, Some(515), true)
    );
    for flow in &facts.conversations {
        assert_eq!(
            (flow.protocol.as_deref(), flow.state.as_str()),
            (Some("tftp"), "answered")
        );
    }
}

#[test]
fn media_of_rtsp_and_data_of_ftp_are_named_and_belong_to_them() {
    let mut talk = Talk::new();
    talk.tcp(
        554,
        &[
            "SETUP rtsp://10.20.30.10/v RTSP/1.0\r\nCSeq: 3\r\nTransport: RTP/AVP;unicast;client_port=5000-5001\r\n\r\n",
            "RTSP/1.0 200 OK\r\nCSeq: 3\r\nTransport: RTP/AVP;unicast;client_port=5000-5001;server_port=6000-6001\r\n\r\n",
        ],
    );
    talk.udp(
        false,
        6000,
        5000,
        &[0x80, 96, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 7, 7],
    );
    talk.udp(false, 6001, 5001, &[0x80, 200, 0, 1, 0, 0, 0, 1]);
    talk.tcp(
        21,
        &[
            "",
            "220 FTP server ready\r\n",
            "PASV\r\n",
            "227 Entering Passive Mode (10,20,30,10,156,64).\r\n",
        ],
    );
    talk.tcp(40_000, &["", "-rw-r--r-- 1 a b 3 fw.bin\r\n"]);
    let facts = talk.facts();
    let channel = |port: u16| {
        let c = facts
            .conversations
            .iter()
            .find(|c| c.server_port == Some(port) || c.client_port == Some(port));
        c.map(|c| {
            (
                c.protocol.clone().unwrap_or_default(),
                c.parent.clone().unwrap_or_default(),
            )
        })
    };
    let named = |protocol: &str, parent: &str| Some((protocol.into(), parent.into()));
    assert_eq!(channel(5000), named("rtp", "rtsp"));
    assert_eq!(channel(5001), named("rtp", "rtsp"));
    let data = facts
        .conversations
        .iter()
        .find(|c| c.protocol.as_deref() == Some("ftp-data"));
    assert_eq!(data.and_then(|c| c.parent.as_deref()), Some("ftp"));
}

/// Registers are written to a controller, over a connection that somebody announced as one for files.
fn written(announce: &[&str], parts: &[&str]) -> (Facts, Vec<Class>) {
    let mut talk = Talk::new();
    talk.tcp(21, announce);
    let before = talk.classes.len();
    talk.tcp(502, parts);
    let classes = talk.classes.split_off(before);
    (talk.facts(), classes)
}

#[test]
fn nobody_hides_control_by_announcing_it_as_a_file() {
    const WRITE: &str = "\0\x01\0\0\0\x06\x01\x06\0\x01\0\x07";
    let hello = ["", "220 FTP server ready\r\n"];
    let active = "PORT 10,20,10,20,156,64\r\n";
    let passive = [
        "PASV\r\n",
        "227 Entering Passive Mode (10,20,30,10,1,246).\r\n",
    ];
    let whole: &[&str] = &[WRITE, WRITE];
    let (one, rest) = WRITE.split_at(1);
    // A byte of its own in front must not be enough to be taken for a file.
    let torn: &[&str] = &[one, "", rest, WRITE];
    let cases: [(&[&str], &[&str]); 3] = [
        (&[hello[0], hello[1], active], whole),
        (&[hello[0], hello[1], passive[0], passive[1]], whole),
        (&[hello[0], hello[1], passive[0], passive[1]], torn),
    ];
    for (announce, parts) in cases {
        let (facts, classes) = written(announce, parts);
        let said: Vec<_> = facts
            .operations
            .iter()
            .map(|o| (o.protocol.as_str(), o.outcome))
            .collect();
        assert_eq!(said, [("modbus", Some(Outcome::Ok))], "{announce:?}");
        let flow = facts
            .conversations
            .iter()
            .find(|c| c.server_port == Some(502))
            .unwrap();
        assert_eq!(
            (flow.protocol.as_deref(), flow.parent.as_deref()),
            (Some("modbus"), None),
            "what allows the files does not allow this"
        );
        assert!(
            classes.iter().all(|class| *class == Class::Control),
            "{classes:?}"
        );
    }
}

#[test]
fn a_request_for_a_file_does_not_hide_what_else_comes_from_its_port() {
    // Omron FINS: a word is written to the memory of a controller, and its answer.
    let ask = [
        0x80, 0, 2, 0, 10, 0, 0, 20, 0, 1, 1, 2, 0x82, 0, 100, 0, 0, 1, 0, 7,
    ];
    let answer = [0xc0, 0, 2, 0, 20, 0, 0, 10, 0, 1, 1, 2, 0, 0];
    let mut talk = Talk::new();
    talk.udp(true, 2000, 69, b"\0\x01fw.bin\0octet\0");
    talk.udp(true, 2000, 9600, &ask);
    talk.udp(false, 9600, 2000, &answer);
    let facts = talk.facts();
    assert!(
        facts.operations.iter().any(|o| o.protocol == "fins"),
        "{:?}",
        facts.operations
    );
}

#[test]
fn a_file_of_ftp_goes_as_text_until_something_else_is_said() {
    for (kind, remark) in [
        ("NOOP", Some("as text, with the line ends of the way")),
        ("TYPE I", None),
    ] {
        let mut talk = Talk::new();
        talk.tcp(
            21,
            &[
                "",
                "220 FTP server ready\r\n",
                &format!("{kind}\r\nPASV\r\n"),
                "200 ok\r\n227 Entering Passive Mode (10,20,30,10,156,64).\r\n",
                "STOR plan.txt\r\n",
                "150 go\r\n",
            ],
        );
        talk.tcp(40_000, &["some lines\r\n"]);
        let facts = talk.facts();
        let [file] = facts.carried_files.as_slice() else {
            panic!("{:?}", facts.carried_files)
        };
        assert_eq!(file.detail.as_deref(), remark, "after {kind}");
    }
}
