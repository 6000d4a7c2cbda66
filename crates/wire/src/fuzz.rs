//! The way in for hostile bytes: one entry for any decoder of the registry, one for whole frames, and one for both.
//!
//! They read a byte string as a script, so that a fuzzer which only knows bytes can play whole dialogues: who speaks, where
//! bytes are lost, where the talk ends. Every byte string is a script. What must hold is that nothing panics and that
//! work and memory stay in proportion to the input; what came of it is returned, so that tests can see that a script
//! reached the decoder at all.
use facts::{Facts, Mac, Time};

use crate::cx::{At, Expectations};
use crate::flow::{self, Engine, Flow, Key, Transport, number_of_ip, number_of_mac, open_layer2};
use crate::net::link::{Class, Ends, Tags};
use crate::picture::Picture;
use crate::reader::Reader;
use crate::{Carrier, Decoder, Frame, Limits, Link, Shard, Side, Worker, protocols};

/// Lines of a script that are played: the rest would only say the same more slowly.
const MOST_LINES: u32 = 4096;
/// Line of a dialogue: bit 0 the server speaks, bit 1 as many bytes are lost instead of sent, bit 2 it comes a millisecond after the
/// line before, and not a second. Then the length, 16 bits.
const SERVER: u8 = 1;
const LOST: u8 = 2;
const SOON: u8 = 4;
/// Link types that seven bits cannot say, by numbers that none has.
const FURTHER: [(u32, u32); 7] = [
    (120, 163),
    (121, 192),
    (122, 227),
    (123, 239),
    (124, 240),
    (125, 241),
    (126, 258),
];
/// First byte of a dialogue: bit 0 leaves it to the content to tell the protocol, instead of opening it at once.
const RECOGNISE: u8 = 1;

/// What picks whole frames in an input of [`any`], in place of a decoder's name.
pub const FRAMES: &str = "frames";

/// Plays an input of the one generic target: two bytes pick a decoder of the registry or frames, the rest is their script.
pub fn any(input: &[u8]) -> Facts {
    let mut input = Reader::new(input);
    let pick = usize::from(input.u16().unwrap_or(0));
    let picked = protocols::ALL.get(pick % (protocols::ALL.len() + 1));
    let script = input.rest();
    picked.map_or_else(|| frames(script), |decoder| dialogue(decoder, script))
}

/// The input of [`any`] for a script and a name, which outlives the order of the registry; nothing for an unknown name.
pub fn picked(name: &str, script: &[u8]) -> Option<Vec<u8>> {
    let place = protocols::ALL.iter().position(|one| one.name == name);
    let pick = match place {
        None if name == FRAMES => protocols::ALL.len(),
        place => place?,
    };
    let pick = u16::try_from(pick).ok()?.to_be_bytes();
    Some([&pick[..], script].concat())
}

/// The name and the script that an input of [`any`] holds.
pub fn named(input: &[u8]) -> Option<(&'static str, &[u8])> {
    let (pick, script) = input.split_first_chunk::<2>()?;
    let pick = usize::from(u16::from_be_bytes(*pick)) % (protocols::ALL.len() + 1);
    let name = protocols::ALL.get(pick).map_or(FRAMES, |one| one.name);
    Some((name, script))
}

/// The script of a dialogue, from its messages: the seed of a corpus.
pub fn script(recognise: bool, messages: &[(Side, &[u8])]) -> Vec<u8> {
    let mut script = vec![u8::from(recognise) * RECOGNISE];
    for (side, bytes) in messages {
        let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
        script.push(if *side == Side::Server { SERVER } else { 0 });
        script.extend(length.to_be_bytes());
        script.extend(bytes.iter().take(usize::from(length)));
    }
    script
}

/// Plays a script on one flow of `decoder`, at its own port, and closes it.
pub fn dialogue(decoder: &'static Decoder, script: &[u8]) -> Facts {
    let mut script = Reader::new(script);
    let recognise = script.u8().is_ok_and(|first| first & RECOGNISE != 0);
    let (mut flow, client) = flow(decoder, !recognise);
    let (mut picture, mut expected) = (Picture::default(), Expectations::new());
    let mut engine = Engine {
        picture: &mut picture,
        expected: &mut expected,
    };
    let mut now = Time::from_secs(0);
    for frame in 1..=MOST_LINES {
        let Ok(head) = script.u8() else { break };
        let length = usize::from(script.u16().unwrap_or(0));
        let step = if head & SOON == 0 { 1_000 } else { 1 };
        now = Time(now.0 + step * 1_000_000);
        let at = At {
            now,
            capture: 0,
            frame,
        };
        let which = if head & SERVER == 0 {
            client
        } else {
            1 - client
        };
        if head & LOST != 0 && flow.key.transport == Transport::Tcp {
            engine.gap(&mut flow, which, length as u64, at);
            continue;
        }
        let bytes = script.bytes(length.min(script.left())).unwrap_or(&[]);
        let (from, to) = (mac(which), mac(1 - which));
        let ends = Ends {
            src: Some(from),
            dst: Some(to),
            tags: Tags::default(),
        };
        flow.see(which, flow::Link::new(&ends, which), (64, 0), frame, at);
        flow.count(which, bytes.len(), at);
        if flow.key.transport == Transport::Tcp {
            engine.stream(&mut flow, which, bytes, at);
        } else {
            engine.datagram(&mut flow, which, bytes, head & LOST != 0, at);
        }
    }
    engine.close(&mut flow);
    flow.tell(&mut picture);
    picture.into_facts(vec!["fuzz.pcap".to_owned()])
}

/// Plays a script of frames through a worker: link type, length (16 bits), bytes, again and again.
pub fn frames(script: &[u8]) -> Facts {
    let mut script = Reader::new(script);
    let mut worker = Worker::new(Shard::default(), Limits::default());
    for number in 1..=MOST_LINES {
        let Ok(head) = script.u8() else { break };
        let length = usize::from(script.u16().unwrap_or(0));
        let data = script.bytes(length.min(script.left())).unwrap_or(&[]);
        // The high bit: the capture cut the frame short.
        let wire_len = u32::try_from(data.len()).unwrap_or(u32::MAX) + u32::from(head >> 7) * 64;
        let link = u32::from(head & 0x7f);
        let further = FURTHER.iter().find(|(known, _)| *known == link);
        worker.frame(&Frame {
            link: Link::from_number(further.map_or(link, |(_, meant)| *meant)),
            time: Time::from_secs(i64::from(number)),
            data,
            wire_len,
            capture: 0,
            number,
        });
    }
    worker.finish().into_facts(vec!["fuzz.pcap".to_owned()])
}

fn mac(which: usize) -> Mac {
    Mac([2, 0, 0, 0, 0, if which == 0 { 1 } else { 2 }])
}

/// A flow at the decoder's first carrier, and which of its ends is the client.
fn flow(decoder: &'static Decoder, opened: bool) -> (Flow, usize) {
    let (transport, port) = match decoder.carriers.first() {
        Some(Carrier::Udp(port)) => (Transport::Udp, *port),
        Some(Carrier::EtherType(kind)) => (Transport::EtherType(*kind), 0),
        Some(Carrier::Llc(sap)) => (Transport::Llc(*sap), 0),
        Some(Carrier::Snap(oui, protocol)) => (Transport::Snap(*oui, *protocol), 0),
        Some(Carrier::Radio) => (Transport::Named(Class::RadioManagement), 0),
        Some(Carrier::Tcp(port)) => (Transport::Tcp, *port),
        None => (Transport::Tcp, 0),
    };
    let (client, server) = if transport.has_ports() {
        let ip = |last| number_of_ip(std::net::Ipv4Addr::new(10, 0, 0, last).into());
        ((ip(1), 50000), (ip(2), port))
    } else {
        ((number_of_mac(mac(0)), 0), (number_of_mac(mac(1)), 0))
    };
    let (key, client) = Key::new(client, server, transport);
    let mut flow = Flow::new(key, client, Time::from_secs(1), 0);
    if transport == Transport::Tcp {
        flow.shake(client, false);
        for end in [0, 1] {
            flow.dir_mut(end).stream.begin(0);
        }
    }
    if !transport.has_ports() || opened {
        open_layer2(&mut flow, decoder);
    }
    (flow, client)
}
