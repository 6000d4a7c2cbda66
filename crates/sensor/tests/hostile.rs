//! Hostile bytes: the fuzzers' entries, replayed over a corpus made here. Nothing may panic, whatever the bytes.
//!
//! The corpus is the dialogues of the sample terminal and of the real captures beside the project, whole and damaged in
//! the ways that find most: bits turned, lengths made extreme, bytes cut, doubled and swapped, messages lost. The dice
//! are seeded, so a failure comes back; `FUZZ_ROUNDS` plays more of them, `FUZZ_SEEDS=FOLDER` writes the whole ones as
//! the first corpus of a fuzzer, `FUZZ_OWN=1` leaves the real captures out of it.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail loudly"
)]

mod spoken;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use sensor::Captures;
use wire::{Carrier, Decoder, Side, fuzz, protocols};

/// Dialogues kept per port or layer-2 protocol, and messages and bytes kept of each.
const MOST_TALKS: usize = 24;
const MOST_MESSAGES: usize = 24;
const MOST_BYTES: usize = 1500;

/// Seeded dice.
struct Dice(lab::net::bytes::Dice);

impl Dice {
    fn new(seed: u64) -> Dice {
        Dice(lab::net::bytes::Dice::new(seed))
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.0.below(u64::try_from(limit).unwrap().max(1))).unwrap()
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).unwrap()
    }
}

/// What was said between two ends, in order.
type Talk = Vec<(Side, Vec<u8>)>;

/// Dialogues by carrier, as far as the frame alone tells it.
#[derive(Default)]
struct Corpus {
    talks: BTreeMap<Place, Vec<Talk>>,
    frames: Vec<(u8, Vec<u8>)>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Tcp(u16),
    Udp(u16),
    Ether(u16),
    Llc(u8),
    Snap(u32, u16),
    Radio,
}

impl From<&Carrier> for Place {
    fn from(carrier: &Carrier) -> Place {
        match carrier {
            Carrier::Tcp(port) => Place::Tcp(*port),
            Carrier::Udp(port) => Place::Udp(*port),
            Carrier::EtherType(kind) => Place::Ether(*kind),
            Carrier::Llc(sap) => Place::Llc(*sap),
            Carrier::Snap(oui, protocol) => Place::Snap(*oui, *protocol),
            Carrier::Radio => Place::Radio,
        }
    }
}

#[test]
fn no_dialogue_makes_a_decoder_panic() {
    let corpus = corpus();
    let (rounds, mut dice) = (rounds(), Dice::new(0x5ea_0a11));
    let everything: Vec<&Talk> = corpus.talks.values().flatten().collect();
    let mut silent = Vec::new();
    for decoder in protocols::ALL {
        let own = own_talks(decoder, &corpus);
        let mut said = 0;
        for (number, talk) in own.iter().enumerate() {
            for recognise in [false, true] {
                let script = fuzz::script(recognise, &borrowed(talk));
                let facts = fuzz::dialogue(decoder, &script);
                let own = |c: &&facts::kinds::Conversation| {
                    recognise && c.protocol.as_deref() == Some(decoder.name)
                };
                said += facts.conversations.iter().filter(own).count();
                let file = format!("{}-{number}{}", decoder.name, u8::from(recognise));
                keep_seed(decoder.name, &file, &script);
            }
        }
        if said == 0 {
            silent.push(decoder.name);
        }
        for round in 0..rounds {
            let talk = match round % 4 {
                // Other protocols' bytes, and none at all.
                0 => everything[dice.below(everything.len())].clone(),
                1 if own.is_empty() => noise(&mut dice),
                _ if own.is_empty() => everything[dice.below(everything.len())].clone(),
                _ => own[dice.below(own.len())].clone(),
            };
            let mut script = fuzz::script(round % 8 == 7, &borrowed(&damaged(talk, &mut dice)));
            if round % 5 == 4 {
                damage(&mut script, &mut dice);
            }
            fuzz::dialogue(decoder, &script);
        }
    }
    println!(
        "{} decoders, {} dialogues, {rounds} damaged ones each",
        protocols::ALL.len(),
        everything.len()
    );
    if !silent.is_empty() {
        println!("without a dialogue of their own: {}", silent.join(", "));
    }
    // Without dialogues that decoders understand, the test would prove nothing.
    assert!(
        std::env::var_os("FUZZ_OWN").is_some() || silent.len() * 3 <= protocols::ALL.len(),
        "too few decoders have a dialogue of their own: {silent:?}"
    );
}

#[test]
fn no_frame_makes_a_worker_panic() {
    let corpus = corpus();
    let mut dice = Dice::new(0x0f_4a3e5);
    let mut whole = 0;
    for round in 0..rounds() * 4 {
        let mut script = Vec::new();
        let whole_ones = dice.below(4) == 0;
        for _ in 0..=dice.below(12) {
            let (link, bytes) = &corpus.frames[dice.below(corpus.frames.len())];
            let mut bytes = bytes.clone();
            if !whole_ones {
                damage(&mut bytes, &mut dice);
            }
            let link = match dice.below(12) {
                0 => dice.byte(),
                1 => *link | 0x80,
                _ => *link,
            };
            script.push(link);
            script.extend(u16::try_from(bytes.len()).unwrap_or(0).to_be_bytes());
            script.extend(bytes);
        }
        whole += fuzz::frames(&script).conversations.len();
        if whole_ones {
            keep_seed(fuzz::FRAMES, &format!("frames-{round}"), &script);
        }
    }
    assert!(whole > 0, "no script became a conversation");
}

/// Rounds of damaged input for each decoder.
fn rounds() -> usize {
    let asked = std::env::var("FUZZ_ROUNDS").ok();
    asked.and_then(|text| text.parse().ok()).unwrap_or(400)
}

fn borrowed(talk: &Talk) -> Vec<(Side, &[u8])> {
    talk.iter()
        .map(|(side, bytes)| (*side, bytes.as_slice()))
        .collect()
}

fn own_talks(decoder: &Decoder, corpus: &Corpus) -> Vec<Talk> {
    let talks = |carrier| corpus.talks.get(&Place::from(carrier));
    decoder
        .carriers
        .iter()
        .filter_map(talks)
        .flatten()
        .cloned()
        .collect()
}

fn keep_seed(name: &str, file: &str, script: &[u8]) {
    if let Some(folder) = std::env::var_os("FUZZ_SEEDS") {
        fs::create_dir_all(&folder).unwrap();
        let input = fuzz::picked(name, script).unwrap();
        fs::write(PathBuf::from(folder).join(file), input).unwrap();
    }
}

fn noise(dice: &mut Dice) -> Talk {
    let message = |dice: &mut Dice| -> Vec<u8> {
        let length = dice.below(200);
        (0..length).map(|_| dice.byte()).collect()
    };
    (0..4)
        .map(|n| {
            let side = if n % 2 == 0 {
                Side::Client
            } else {
                Side::Server
            };
            (side, message(dice))
        })
        .collect()
}

fn damaged(mut talk: Talk, dice: &mut Dice) -> Talk {
    for _ in 0..=dice.below(3) {
        if talk.is_empty() {
            break;
        }
        let place = dice.below(talk.len());
        match dice.below(8) {
            0 => {
                talk.remove(place);
            }
            1 => talk.insert(place, talk[place].clone()),
            2 => {
                let other = dice.below(talk.len());
                talk.swap(place, other);
            }
            3 => talk[place].0 = talk[place].0.other(),
            _ => damage(&mut talk[place].1, dice),
        }
    }
    talk
}

fn damage(bytes: &mut Vec<u8>, dice: &mut Dice) {
    for _ in 0..=dice.below(4) {
        if bytes.is_empty() {
            bytes.push(dice.byte());
        }
        let place = dice.below(bytes.len());
        match dice.below(7) {
            0 => bytes[place] ^= 1 << dice.below(8),
            1 => bytes[place] = [0, 1, 0x7f, 0x80, 0xff][dice.below(5)],
            2 => bytes.truncate(place),
            3 => {
                let double = bytes[place..].to_vec();
                bytes.extend(double);
                bytes.truncate(4 * MOST_BYTES);
            }
            4 => {
                bytes.remove(place);
            }
            5 => bytes.insert(place, dice.byte()),
            _ => {
                for byte in bytes.iter_mut().skip(place).take(2) {
                    *byte = 0xff;
                }
            }
        }
    }
}

/// The sample terminal's two days and the real captures, as far as they are there.
fn corpus() -> Corpus {
    let mut corpus = Corpus::default();
    for scenario in [lab::harborview::clean_day(), lab::harborview::bad_day()] {
        for capture in &scenario.captures {
            corpus.add(capture.frames.iter().map(|frame| (1, &frame.bytes[..])));
        }
    }
    let tcp = spoken::TCP
        .iter()
        .map(|(port, said)| (Place::Tcp(*port), said));
    let udp = spoken::UDP
        .iter()
        .map(|(port, said)| (Place::Udp(*port), said));
    for (place, said) in tcp.chain(udp) {
        let said = said.iter();
        let talk = said.map(|(side, text)| (*side, spoken::bytes(text)));
        corpus.talks.entry(place).or_default().push(talk.collect());
    }
    let real = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/captures");
    if std::env::var_os("FUZZ_OWN").is_some() || !real.is_dir() {
        println!("skipped: no captures; the sample terminal alone is played");
        return corpus;
    }
    let mut files: Vec<PathBuf> = fs::read_dir(&real)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    for file in files {
        let Ok(captures) = Captures::open(std::slice::from_ref(&file)) else {
            continue;
        };
        let mut walk = captures.walk();
        let mut frames: Vec<(u8, Vec<u8>)> = Vec::new();
        while let Some(frame) = walk.next() {
            if frame.link == wire::Link::Ethernet {
                frames.push((1, frame.data.to_vec()));
            }
            if frames.len() >= 400 {
                break;
            }
        }
        corpus.add(frames.iter().map(|(link, bytes)| (*link, bytes.as_slice())));
    }
    corpus
}

impl Corpus {
    fn add<'a>(&mut self, frames: impl Iterator<Item = (u8, &'a [u8])>) {
        let mut talks: BTreeMap<Vec<u8>, (Place, Vec<u8>, Talk)> = BTreeMap::new();
        for (number, (link, bytes)) in frames.enumerate() {
            if number.is_multiple_of(7) && bytes.len() <= MOST_BYTES {
                self.frames.push((link, bytes.to_vec()));
            }
            let Some((place, from, to, payload)) = taken_apart(bytes) else {
                continue;
            };
            if payload.is_empty() || payload.len() > MOST_BYTES {
                continue;
            }
            let mut pair = [from.clone(), to];
            pair.sort();
            let (_, first, talk) = talks
                .entry(pair.concat())
                .or_insert_with(|| (place, from.clone(), Talk::new()));
            if talk.len() < MOST_MESSAGES {
                let side = if *first == from {
                    Side::Client
                } else {
                    Side::Server
                };
                talk.push((side, payload.to_vec()));
            }
        }
        for (_, (place, _, talk)) in talks {
            let talks = self.talks.entry(place).or_default();
            if talks.len() < MOST_TALKS {
                talks.push(talk);
            }
        }
    }
}

/// A frame's place, sender, receiver and payload.
type Apart<'a> = (Place, Vec<u8>, Vec<u8>, &'a [u8]);

/// Where a frame's payload belongs, who sent it to whom, and the payload; nothing for what is not plain.
fn taken_apart(frame: &[u8]) -> Option<Apart<'_>> {
    let (macs, mut rest) = (frame.get(..12)?, frame.get(12..)?);
    let two = |bytes: &[u8], at: usize| {
        bytes
            .get(at..at + 2)
            .map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
    };
    while two(rest, 0)? == 0x8100 {
        rest = rest.get(4..)?;
    }
    let (kind, payload) = (two(rest, 0)?, rest.get(2..)?);
    let (from, to) = (macs[6..].to_vec(), macs[..6].to_vec());
    if kind < 0x600 {
        let (sap, control) = (*payload.first()?, payload.get(3..)?);
        if sap == 0xaa {
            let oui = u32::from(*control.first()?) << 16 | u32::from(two(control, 1)?);
            let place = Place::Snap(oui, two(control, 3)?);
            return Some((place, from, to, control.get(5..)?));
        }
        return Some((Place::Llc(sap), from, to, control));
    }
    if kind != 0x0800 {
        return Some((Place::Ether(kind), from, to, payload));
    }
    let header = usize::from(payload.first()? & 0xf) * 4;
    let packet = payload.get(..usize::from(two(payload, 2)?))?;
    let (protocol, segment) = (*packet.get(9)?, packet.get(header..)?);
    let (source, target) = (two(segment, 0)?, two(segment, 2)?);
    let data = match protocol {
        6 => segment.get(usize::from(segment.get(12)? >> 4) * 4..)?,
        17 => segment.get(8..)?,
        _ => return None,
    };
    // The lower port is most often the server's; a dialogue filed wrongly still is one.
    let port = source.min(target);
    let place = if protocol == 6 {
        Place::Tcp(port)
    } else {
        Place::Udp(port)
    };
    let end = |address: &[u8], port: u16| [address, &port.to_be_bytes()[..]].concat();
    Some((
        place,
        end(packet.get(12..16)?, source),
        end(packet.get(16..20)?, target),
        data,
    ))
}
