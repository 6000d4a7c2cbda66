//! What tests share: bytes from hex, and the one way to run a decoder over a dialogue.
use std::fmt::Write;

use facts::{Address, Facts, Mac, Time, Value};

use crate::cx::{At, Expectations};
use crate::decoder::{Carrier, Decoder, Head, Probe, Side};
use crate::flow::{self, Engine, Flow, Key, Transport, number_of_ip, number_of_mac, open_layer2};
use crate::net::link::{Class, Ends, Tags};
use crate::picture::Picture;

/// Bytes from hex; blanks do not count.
pub(crate) fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text
        .chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| c.to_digit(16).unwrap())
        .collect();
    assert!(
        digits.len().is_multiple_of(2),
        "an odd number of hex digits"
    );
    digits
        .chunks(2)
        .map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap())
        .collect()
}

/// Runs a dialogue through recognition and reading, as the worker would, and holds all that came of it against `expect`.
///
/// The client is 10.0.0.1, the server 10.0.0.2 at the decoder's first port (on layer 2: two MAC addresses). Message `n` is
/// frame `n` at second `n`.
pub(crate) fn check(
    decoder: &'static Decoder,
    messages: &[(Side, &str)],
    expect: expect_test::Expect,
) {
    let messages: Vec<(Side, Vec<u8>)> = messages
        .iter()
        .map(|(side, text)| (*side, hex(text)))
        .collect();
    expect.assert_eq(&render(&run(decoder, None, &messages)));
    overtaken(decoder, None, &messages);
}

/// Like [`check`], at another port of the server: recognition has nothing but the content.
pub(crate) fn check_at(
    decoder: &'static Decoder,
    port: u16,
    messages: &[(Side, &str)],
    expect: expect_test::Expect,
) {
    let messages: Vec<(Side, Vec<u8>)> = messages
        .iter()
        .map(|(side, text)| (*side, hex(text)))
        .collect();
    expect.assert_eq(&render(&run(decoder, Some(port), &messages)));
    overtaken(decoder, Some(port), &messages);
}

/// Where datagrams can carry the dialogue, every answer that follows its request comes a millisecond before it instead: nothing
/// else may be told for that.
fn overtaken(decoder: &'static Decoder, port: Option<u16>, messages: &[(Side, Vec<u8>)]) {
    let apart = |carrier: &&Carrier| matches!(carrier, Carrier::Udp(_) | Carrier::EtherType(_));
    let Some(carrier) = decoder.carriers.iter().find(apart).copied() else {
        return;
    };
    // A dialogue for streams may not be one of datagrams.
    let Ok(plain) = play(decoder, carrier, port, in_order(messages)) else {
        return;
    };
    let told = |facts: &Facts| {
        let text = render(facts);
        let lines = text
            .lines()
            .filter(|line| !line.starts_with("conversation"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    if told(&plain) != told(&run(decoder, port, messages)) {
        return;
    }
    let mut turned: Vec<Sent<'_>> = in_order(messages).collect();
    // What cannot be told by itself is nobody's yet when it comes first; who speaks over streams as well may leave it to the
    // handshake to tell who asks.
    let streams = matches!(decoder.carriers.first(), Some(Carrier::Tcp(_)));
    let opens = |bytes: &[u8]| {
        let Carrier::Udp(own) = carrier else {
            return true;
        };
        let head = Head {
            bytes,
            udp: true,
            from: port.unwrap_or(own),
            to: 50000,
            first: true,
            open: false,
        };
        !streams && (decoder.probe)(&head) != Probe::NotOurs
    };
    let known = matches!(messages, [_, (_, second), ..] if opens(second));
    let mut at = usize::from(!known);
    while let Some([first, second, ..]) = turned.get_mut(at..) {
        at += 1;
        // Who asks again does not know of an answer.
        let (sent, before) = (first.bytes, messages.iter().take(at - 1));
        let again = before.filter(|(_, bytes)| bytes == sent).count() > 0;
        if (first.side, second.side) == (Side::Client, Side::Server) && !again {
            second.now = Time(first.now.0 - 1_000_000);
            std::mem::swap(first, second);
            at += 1;
        }
    }
    let turned = play(decoder, carrier, port, turned.into_iter());
    let [one, two] = [plain, turned.expect("recognised")].map(|facts| render(&facts));
    let sorted = |text: &str| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        // Before an end was seen, its address may not be known for its own: the same is said twice, with and without it.
        lines.sort_unstable();
        lines.dedup();
        lines
    };
    assert_eq!(sorted(&one), sorted(&two), "answers before their requests");
}

/// A message of a dialogue, when and in which frame it is sent.
struct Sent<'a> {
    side: Side,
    bytes: &'a [u8],
    now: Time,
    frame: u32,
}

fn in_order(messages: &[(Side, Vec<u8>)]) -> impl Iterator<Item = Sent<'_>> {
    messages
        .iter()
        .zip(1u32..)
        .map(|((side, bytes), frame)| Sent {
            side: *side,
            bytes,
            now: Time::from_secs(i64::from(frame)),
            frame,
        })
}

/// The facts of a dialogue.
pub(crate) fn run(
    decoder: &'static Decoder,
    port: Option<u16>,
    messages: &[(Side, Vec<u8>)],
) -> Facts {
    let carrier = *decoder.carriers.first().expect("a carrier");
    play(decoder, carrier, port, in_order(messages))
        .expect("recognised as another protocol, or not at all")
}

/// Plays messages on one flow; an error names what else it was recognised as.
fn play<'a>(
    decoder: &'static Decoder,
    carrier: Carrier,
    port: Option<u16>,
    messages: impl Iterator<Item = Sent<'a>>,
) -> Result<Facts, Option<&'static str>> {
    let (client_mac, server_mac) = (Mac([2, 0, 0, 0, 0, 1]), Mac([2, 0, 0, 0, 0, 2]));
    let (transport, at_port) = match carrier {
        Carrier::Tcp(at) => (Transport::Tcp, at),
        Carrier::Udp(at) => (Transport::Udp, at),
        Carrier::EtherType(kind) => (Transport::EtherType(kind), 0),
        Carrier::Llc(sap) => (Transport::Llc(sap), 0),
        Carrier::Snap(oui, protocol) => (Transport::Snap(oui, protocol), 0),
        Carrier::Radio => (Transport::Named(Class::RadioManagement), 0),
    };
    let port = port.unwrap_or(at_port);
    let (client, server) = if transport.ip_protocol().is_some() {
        let ip = |text: &str| number_of_ip(text.parse().unwrap());
        ((ip("10.0.0.1"), 50000), (ip("10.0.0.2"), port))
    } else {
        (
            (number_of_mac(client_mac), 0),
            (number_of_mac(server_mac), 0),
        )
    };
    let (key, client_end) = Key::new(client, server, transport);
    let mut flow = Flow::new(key, client_end, Time::from_secs(1), 0);
    let (mut picture, mut expected) = (Picture::default(), Expectations::new());
    if transport == Transport::Tcp {
        flow.shake(client_end, false);
        for end in [0, 1] {
            flow.dir_mut(end).stream.begin(0);
        }
    } else if transport != Transport::Udp {
        open_layer2(&mut flow, decoder);
    }
    for message in messages {
        let Sent {
            side,
            bytes,
            now,
            frame,
        } = message;
        let at = At {
            now,
            capture: 0,
            frame,
        };
        let which = if side == Side::Client {
            client_end
        } else {
            1 - client_end
        };
        let (src, dst) = if side == Side::Client {
            (client_mac, server_mac)
        } else {
            (server_mac, client_mac)
        };
        let ends = Ends {
            src: Some(src),
            dst: Some(dst),
            tags: Tags::default(),
        };
        flow.see(which, flow::Link::new(&ends, which), (64, 0), frame, at);
        flow.count(which, bytes.len(), at);
        let mut engine = Engine {
            picture: &mut picture,
            expected: &mut expected,
        };
        if transport == Transport::Tcp {
            engine.stream(&mut flow, which, bytes, at);
        } else {
            engine.datagram(&mut flow, which, bytes, false, at);
        }
    }
    let recognised = flow.decoder().map(|decoder| decoder.name);
    if recognised != Some(decoder.name) {
        return Err(recognised);
    }
    let mut engine = Engine {
        picture: &mut picture,
        expected: &mut expected,
    };
    engine.close(&mut flow);
    flow.tell(&mut picture);
    Ok(picture.into_facts(vec!["test.pcap".to_owned()]))
}

/// So many clients each send that to a port, and never go on. Gives the bytes that all of them have kept together, how much
/// was left out of that table meanwhile, and the bytes kept once all of them are over.
pub(crate) fn flood(
    clients: u32,
    port: u16,
    udp: bool,
    payload: &[u8],
    table: &str,
) -> (usize, u64, usize) {
    use lab::net::frame::{self, ACK, Ends, Ipv4, PSH, SYN, Segment};

    let mut worker = crate::Worker::new(crate::Shard::default(), crate::Limits::default());
    let (mut number, to) = (0u32, std::net::Ipv4Addr::new(10, 0, 0, 2));
    let mut send = |worker: &mut crate::Worker, from, protocol, segment: &[u8]| {
        let packet = Ipv4 {
            from,
            to,
            protocol,
            ttl: 64,
            id: 0,
            tos: 0,
            dont_fragment: true,
        };
        let whole = packet.whole(segment);
        let bytes = frame::ethernet([2, 0, 0, 0, 0, 2], [2, 0, 0, 0, 0, 1], &[], 0x0800, &whole);
        number += 1;
        worker.frame(&crate::Frame {
            link: crate::Link::Ethernet,
            time: Time(i64::from(number) * 1000),
            data: &bytes,
            wire_len: u32::try_from(bytes.len()).unwrap(),
            capture: 0,
            number,
        });
    };
    for client in 0..clients {
        let from = std::net::Ipv4Addr::from(0x0a80_0000 + client);
        if udp {
            let datagram = frame::udp(Ends::V4(from, to), 50_000, port, payload);
            send(&mut worker, from, 17, &datagram);
            continue;
        }
        for (seq, flags, payload) in [(1, SYN, &[][..]), (2, ACK | PSH, payload)] {
            let segment = Segment {
                from: 50_000,
                to: port,
                seq,
                ack: 0,
                flags,
                window: 4096,
                options: &[],
                payload,
            };
            send(
                &mut worker,
                from,
                6,
                &frame::tcp(Ends::V4(from, to), segment),
            );
        }
    }
    let told = worker.take();
    let left_out = told.left_out().find(|(name, _)| *name == table);
    let kept = told.budget.taken();
    drop(worker.finish());
    (
        kept,
        left_out.map_or(0, |(_, count)| count),
        told.budget.taken(),
    )
}

/// All facts, a line each: short enough to read, complete enough to catch a change.
pub(crate) fn render(facts: &Facts) -> String {
    let mut out = String::new();
    for c in &facts.conversations {
        let (protocol, variant) = (c.protocol.as_deref().unwrap_or("?"), c.variant.as_deref());
        let variant = variant
            .map(|variant| format!(":{variant}"))
            .unwrap_or_default();
        let state = &c.state;
        let (po, pi, bo, bi) = (c.packets_out, c.packets_in, c.bytes_out, c.bytes_in);
        writeln!(out, "conversation protocol={protocol}{variant} state={state} packets={po}/{pi} bytes={bo}/{bi}").unwrap();
    }
    for o in &facts.operations {
        let object = o
            .object
            .as_ref()
            .map(|object| format!(" {object:?}"))
            .unwrap_or_default();
        let detail = o
            .detail
            .as_ref()
            .map(|detail| format!(" ({detail})"))
            .unwrap_or_default();
        let outcome = o.outcome.map_or("?", |outcome| outcome.name());
        let content = match (&o.content_bytes, &o.content_sha256) {
            (Some(bytes), Some(hash)) => {
                format!(" content={bytes} sha256={}", hash.get(..8).unwrap_or(hash))
            }
            _ => String::new(),
        };
        let turned = if o.source == Address::Ip("10.0.0.2".parse().unwrap()) {
            " from server"
        } else {
            ""
        };
        let (verb, count, frames) = (o.operation, o.count, &o.evidence.frames);
        writeln!(out, "operation {verb}{object}{detail} {outcome}{content} count={count} frames={frames:?}{turned}").unwrap();
    }
    for f in &facts.carried_files {
        let path = f.path.as_deref().or(f.name.as_deref()).unwrap_or("?");
        let hash = f.sha256.as_deref().and_then(|hash| hash.get(..8));
        let size = f.size.map_or("?".to_owned(), |size| size.to_string());
        let (way, bytes, kind) = (&f.direction, f.bytes, f.content.as_deref().unwrap_or("?"));
        let detail = f.detail.as_deref().unwrap_or("");
        let page = if f.page { " page" } else { "" };
        let user = f.user.as_deref().unwrap_or("");
        let outcome = f.outcome.map_or("?", |outcome| outcome.name());
        let frames = &f.evidence.frames;
        let (from, to) = (f.source, f.target);
        writeln!(out, "file{page} {way} {path:?} ({detail}) {user} {from}→{to} {bytes}/{size} {kind} {} {outcome} frames={frames:?}", hash.unwrap_or("-")).unwrap();
    }
    for i in &facts.identities {
        let who = i.ip.map_or_else(
            || i.mac.map(|mac| mac.to_string()).unwrap_or_default(),
            |ip| ip.to_string(),
        );
        writeln!(
            out,
            "identity {who} {}={} {}",
            i.attribute,
            i.value,
            i.grade.map_or("", |grade| grade.name())
        )
        .unwrap();
    }
    for kind in [
        "name",
        "remote_session",
        "credential",
        "route",
        "oddity",
        "address",
    ] {
        let columns = facts::kinds::KINDS
            .iter()
            .find(|info| info.name == kind)
            .unwrap()
            .columns;
        facts.rows(kind, |row| {
            write!(out, "{kind}").unwrap();
            for (column, value) in columns.iter().zip(row) {
                let dull = [
                    "time",
                    "uid",
                    "last",
                    "capture",
                    "client_mac",
                    "community_id",
                    "source",
                    "target",
                    "packets",
                ];
                if dull.contains(&column.name) || (column.name == "count" && value == Value::Int(1))
                {
                    continue;
                }
                match value {
                    Value::Null | Value::Bool(false) => {}
                    Value::Text(text) => write!(out, " {}={text}", column.name).unwrap(),
                    Value::Int(number) => write!(out, " {}={number}", column.name).unwrap(),
                    Value::List(list) if list.is_empty() => {}
                    other => write!(out, " {}={other:?}", column.name).unwrap(),
                }
            }
            out.push('\n');
        });
    }
    out
}
