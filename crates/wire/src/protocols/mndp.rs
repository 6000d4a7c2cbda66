//! MNDP: MikroTik's routers tell their neighbours who they are.
//!
//! Spec: none public; four bytes of header and sequence, then pieces with a type and a length of two bytes each, as observed.
//! Blind to: licences, uptime.
use crate::Carrier::Udp;
use crate::decoder::Step;
use crate::{Cx, Decoder, Dialogue, Head, Probe, Reader, Sender, Side};

pub static DECODER: Decoder = Decoder {
    name: "mndp",
    title: "MNDP (MikroTik neighbours)",
    carriers: &[Udp(5678)],
    probe,
    open: || Box::new(Neighbour),
    remote: false,
    operations: &[],
    about: "Name, version, platform and board of a MikroTik device.",
    spec: "no public specification; messages as observed",
    blind: "uptime, software id",
};

/// Pieces of one message.
const MOST_PIECES: usize = 32;

struct Neighbour;

/// The pieces, by type; `None` where they do not end with the message.
fn pieces(bytes: &[u8]) -> Option<Vec<(u16, &[u8])>> {
    let mut r = Reader::new(bytes);
    r.skip(4).ok()?;
    let mut found = Vec::new();
    while !r.is_empty() && found.len() < MOST_PIECES {
        let (kind, length) = (r.u16().ok()?, r.u16().ok()?);
        found.push((kind, r.bytes(length.into()).ok()?));
    }
    r.is_empty().then_some(found)
}

/// Pieces up to the end, of which the first is a MAC address.
fn probe(head: &Head<'_>) -> Probe {
    let found = pieces(head.bytes).filter(|_| head.udp && head.on(5678));
    match found.as_deref() {
        Some([(1, mac), _, ..]) if mac.len() == 6 => Probe::Ours(Sender::Unknown),
        _ => Probe::NotOurs,
    }
}

impl Dialogue for Neighbour {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        let Some(pieces) = pieces(bytes) else {
            return Step::Bad("pieces do not end with the message");
        };
        for (kind, value) in pieces {
            let attribute = match kind {
                5 => "hostname",
                7 => "firmware",
                8 => "maker",
                12 => "model",
                _ => continue,
            };
            let value = String::from_utf8_lossy(value);
            let value = value.trim_matches(char::from(0)).trim();
            if value.len() <= 128 {
                cx.identity(side, attribute, value);
            }
        }
        Step::Took(bytes.len())
    }
}

#[test]
fn a_router_tells_its_neighbours_who_it_is() {
    // Sequence; MAC; identity "gw7"; version "7.15"; platform "MikroTik"; board "RB750".
    let hello = "0000 0001  0001 0006 4c5e0c000007  0005 0003 677737  0007 0004 372e3135 \
                 0008 0008 4d696b726f54696b  000c 0005 5242373530";
    let facts = crate::testing::run(
        &DECODER,
        None,
        &[(Side::Client, crate::testing::hex(hello))],
    );
    let told: Vec<_> = (facts.identities.iter())
        .map(|one| (one.attribute.as_str(), one.value.as_str()))
        .collect();
    let expected = [
        ("firmware", "7.15"),
        ("hostname", "gw7"),
        ("maker", "MikroTik"),
        ("model", "RB750"),
    ];
    assert_eq!(told, expected);
}
