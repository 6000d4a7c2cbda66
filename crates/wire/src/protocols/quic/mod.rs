//! QUIC: which server a client asks for by name, and by what software, as far as the first packets tell everyone.
//!
//! Spec: RFC 9000 (packets 17, frames 19), RFC 9001 (protection), RFC 9369 (version 2), drafts 23 to 34.
//! Emits: the server's name, JA4 of the client, the version as variant; a remote session where the name is that of a
//! remote-support tool.
//! Blind to: everything behind the hellos, certificates among it; encrypted client hellos; connections whose beginning was
//! not captured; Google's own versions beyond their recognition.
mod initial;

use std::collections::BTreeMap;

use self::initial::{Keys, Long, MOST_ID, Version, varint};
use super::carried::Share;
use super::tls::{ClientHello, tell_client};
use crate::{Carrier, Cx, Decoder, Dialogue, Head, Malformed, Probe, Reader, Sender, Side, Step};

pub(crate) static DECODER: Decoder = Decoder {
    name: "quic",
    title: "QUIC",
    carriers: &[Carrier::Udp(443)],
    probe,
    open: || Box::new(Quic::default()),
    remote: false,
    operations: &[],
    about: "Server names asked for and JA4 of clients, out of the Initial packets of versions 1, 2 and the drafts 23 to 34.",
    spec: "RFC 9000; RFC 9001; RFC 9369; FoxIO JA4 (TLS client)",
    blind: "everything behind the client's hello, encrypted client hellos, Google's own versions",
};

/// Packets of a connection in which a hello is looked for: opening one costs some ten thousand instructions.
const MOST_PACKETS: u8 = 24;
/// Octets of handshake that are kept until the hello is whole; post-quantum keys make it two packets long.
const MOST_CRYPTO: usize = 1 << 14;
/// Pieces of it.
const MOST_PIECES: usize = 64;
/// What a piece costs beside its octets.
const PIECE: usize = 64;

/// RFC 9000, 17.2: the long header with a version that exists. Who opens a connection fills 1200 octets (14.1).
fn probe(head: &Head<'_>) -> Probe {
    match sender(head) {
        Some(sender) if head.udp => Probe::Ours(sender),
        _ => Probe::NotOurs,
    }
}

fn sender(head: &Head<'_>) -> Option<Sender> {
    let mut r = Reader::new(head.bytes);
    let first = r.u8().ok()?;
    if first & 0xc0 != 0xc0 {
        return google(head);
    }
    let number = r.u32().ok()?;
    let version = Version::of(number);
    if version.is_none() && number >> 8 != 0x00ff_0000 {
        return google(head);
    }
    let to = usize::from(r.u8().ok()?);
    r.skip(to).ok()?;
    let from = usize::from(r.u8().ok()?);
    if to > MOST_ID || from > MOST_ID || r.skip(from).is_err() {
        return None;
    }
    let initial = (first >> 4) & 3 == version.map_or(0, Version::initial);
    let opens = initial && head.bytes.len() >= 1200 && head.first;
    Some(if opens && head.from != 443 {
        Sender::Client
    } else {
        Sender::Unknown
    })
}

/// Google's QUIC before the standard: versions Q024 to Q050 behind flags and connection.
fn google(head: &Head<'_>) -> Option<Sender> {
    let version = google_version(head.bytes)?;
    let known =
        matches!(version, [b'Q', b'0', b'2'..=b'5', b'0'..=b'9']) && (head.on(443) || head.on(80));
    known.then_some(Sender::Client)
}

fn google_version(bytes: &[u8]) -> Option<&[u8]> {
    let (flags, rest) = bytes.split_first()?;
    if flags & 0x80 != 0 {
        rest.get(..4)
    } else if flags & 0x09 == 0x09 {
        rest.get(8..12)
    } else {
        None
    }
}

/// One connection until the client's hello is read.
#[derive(Default)]
struct Quic {
    packets: u8,
    /// Pieces of the client's handshake, by their places.
    pieces: BTreeMap<usize, (Vec<u8>, Share)>,
    /// Octets of them.
    kept: usize,
    told: bool,
}

impl Dialogue for Quic {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        if self.told || self.packets > MOST_PACKETS {
            self.pieces.clear();
            return Step::Done;
        }
        if google_version(bytes).is_some_and(|version| matches!(version, [b'Q', b'0', ..])) {
            self.told = true;
            cx.variant("google");
            return Step::Done;
        }
        let mut r = Reader::new(bytes);
        // Several packets share a datagram (RFC 9000, 12.2); what follows them without a long header is none.
        while let Ok(long) = Long::read(&mut r) {
            self.packets = self.packets.saturating_add(1);
            if self.told || self.packets > MOST_PACKETS {
                break;
            }
            cx.variant(long.version.name());
            // The client's Initials are opened by the id that it sends them to: its own choice, after a Retry the
            // server's. The server's go to an id that says nothing of the keys, and fail.
            let keys = long
                .initial
                .then(|| Keys::new(long.version, long.to, true))
                .flatten();
            if let Some(frames) = keys.and_then(|keys| long.open(&keys)) {
                let _ = self.frames(cx, &mut Reader::new(&frames));
                self.hello(cx, side);
            }
        }
        Step::Took(bytes.len())
    }
}

impl Quic {
    /// RFC 9000, 12.4: which frames an Initial may hold.
    fn frames(&mut self, cx: &mut Cx<'_>, r: &mut Reader<'_>) -> Result<(), Malformed> {
        while !r.is_empty() {
            match r.u8()? {
                // PADDING, PING.
                0 | 1 => {}
                // ACK (19.3): largest, delay, ranges.
                kind @ (2 | 3) => {
                    varint(r)?;
                    varint(r)?;
                    let ranges = varint(r)?;
                    let counts = if kind == 3 { 3 } else { 0 };
                    for _ in 0..ranges.saturating_mul(2).saturating_add(1 + counts) {
                        varint(r)?;
                    }
                }
                // CRYPTO (19.6).
                6 => {
                    let (offset, length) = (varint(r)?, varint(r)?);
                    let piece = r.bytes(length)?;
                    let fits = offset.saturating_add(length) <= MOST_CRYPTO
                        && self.kept + length <= MOST_CRYPTO;
                    if fits && self.pieces.len() < MOST_PIECES && !self.pieces.contains_key(&offset)
                    {
                        match cx.picture.budget.take(length + PIECE) {
                            Some(share) => {
                                self.kept += length;
                                self.pieces.insert(offset, (piece.to_vec(), share));
                            }
                            None => cx.leave_out("pieces of handshakes", 1),
                        }
                    }
                }
                _ => return Ok(()),
            }
        }
        Ok(())
    }

    /// Tells the hello once its pieces are all there.
    fn hello(&mut self, cx: &mut Cx<'_>, side: Side) {
        let mut joined = Vec::new();
        for (offset, (piece, _)) in &self.pieces {
            // Pieces sent again may overlap.
            let Some(known) = joined.len().checked_sub(*offset) else {
                return;
            };
            joined.extend_from_slice(piece.get(known..).unwrap_or(&[]));
        }
        let mut r = Reader::new(&joined);
        let (Ok(1), Ok(length)) = (r.u8(), r.u24()) else {
            return;
        };
        let Ok(body) = r.bytes(length as usize) else {
            return;
        };
        if let Ok(hello) = ClientHello::read(body, false) {
            self.told = true;
            self.pieces.clear();
            tell_client(cx, side, &hello, 'q');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check_at, hex};
    use expect_test::expect;

    /// RFC 9001, A.2: the client's Initial of the worked example, as its recipe makes it, for the id 8394c8f03e515708.
    /// Built here and not copied, so that the keys, the mask and the seal are all checked.
    fn sealed(version: Version, number: u32, id: &[u8], frames: &[u8]) -> Vec<u8> {
        let keys = Keys::new(version, id, true).unwrap();
        let mut frames = frames.to_vec();
        frames.resize(1162, 0);
        let kind = version.initial() << 4;
        let mut packet = vec![0xc3 | kind];
        packet.extend(number.to_be_bytes());
        packet.push(u8::try_from(id.len()).unwrap());
        packet.extend(id);
        // No id of its own, no token, the length of number, frames and seal in two octets.
        packet.extend([0, 0]);
        packet.extend((0x4000u16 | u16::try_from(4 + frames.len() + 16).unwrap()).to_be_bytes());
        let at = packet.len();
        packet.extend([0, 0, 0, 2]);
        let mut nonce = keys.vector();
        nonce[11] ^= 2;
        keys.seal(nonce, &packet, &mut frames);
        packet.extend(frames);
        let mask = keys.mask(&packet[at + 4..at + 20]);
        packet[0] ^= mask[0] & 0x0f;
        for place in 0..4 {
            packet[at + place] ^= mask[1 + place];
        }
        packet
    }

    /// The client hello of RFC 9001, A.2, which asks for example.com.
    const HELLO: &str = "010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e868\
        04fe3a47f06a2b69484c00000413011302010000c000000010000e00000b6578616d706c652e636f6dff01000100000a\
        00080006001d0017001800100007000504616c706e000500050100000000003300260024001d00209370b2c9caa47fba\
        baf4559fedba753de171fa71f50f1ce15d43e994ec74d748002b0003020304000d0010000e0403050306030203080408\
        050806002d00020101001c00024001003900320408ffffffffffffffff05048000ffff07048000ffff08011001048000\
        75300901100f088394c8f03e51570806048000ffff";

    #[test]
    fn the_example_of_the_standard_opens_and_names_the_server() {
        let hello = hex(HELLO);
        let id = hex("8394c8f03e515708");
        let mut frames = vec![0x06, 0x00, 0x40, u8::try_from(hello.len()).unwrap()];
        frames.extend(&hello);
        for (version, number) in [
            (Version::V1, 1),
            (Version::V2, 0x6b33_43cf),
            (Version::Draft29, 0xff00_001d),
        ] {
            let packet = sealed(version, number, &id, &frames);
            let text: String = packet.iter().map(|byte| format!("{byte:02x}")).collect();
            if version == Version::V1 {
                // RFC 9001, A.2: the protected packet begins and ends so.
                assert!(
                    text.starts_with(
                        "c000000001088394c8f03e5157080000449e7b9aec34d1b1c98dd7689fb8ec11"
                    ),
                    "{text}"
                );
                assert!(text.ends_with("e221af44860018ab0856972e194cd934"), "{text}");
            }
            let facts = crate::testing::render(&crate::testing::run(
                &DECODER,
                Some(8443),
                &[(Side::Client, packet)],
            ));
            assert!(facts.contains("name=example.com via=tls-sni"), "{facts}");
            let variant = format!("protocol=quic:{} ", version.name());
            assert!(facts.contains(&variant), "{facts}");
        }
    }

    #[test]
    fn a_hello_in_pieces_out_of_order_is_put_together_and_a_forged_packet_says_nothing() {
        let hello = hex(HELLO);
        let id = hex("8394c8f03e515708");
        let piece = |from: usize, to: usize| {
            let mut frame = vec![
                0x06,
                0x40,
                u8::try_from(from).unwrap(),
                0x40,
                u8::try_from(to - from).unwrap(),
            ];
            frame.extend(&hello[from..to]);
            frame
        };
        let first = sealed(Version::V1, 1, &id, &piece(100, hello.len()));
        let second = sealed(Version::V1, 1, &id, &piece(0, 100));
        let text =
            |packet: &[u8]| -> String { packet.iter().map(|byte| format!("{byte:02x}")).collect() };
        let mut forged = second.clone();
        forged[600] ^= 1;
        check_at(
            &DECODER,
            443,
            &[
                (Side::Client, &text(&first)),
                (Side::Client, &text(&forged)),
                (Side::Client, &text(&second)),
            ],
            expect![[r#"
                conversation protocol=quic:1 state=unanswered packets=3/0 bytes=3600/0
                identity 10.0.0.1 ja4=q13d0211an_62ed6f6ca7ad_4d634acda6c0 stated
                name client=10.0.0.1 server=10.0.0.2 name=example.com via=tls-sni frames=Numbers([3])
            "#]],
        );
    }

    #[test]
    fn a_flood_of_hellos_that_never_end_keeps_to_the_budget_and_gives_it_back() {
        // A piece of 1100 octets, from place 100 on.
        let mut frames = vec![0x06, 0x40, 100, 0x44, 0x4c];
        frames.resize(5 + 1100, 7);
        let packet = sealed(Version::V1, 1, &hex("8394c8f03e515708"), &frames);
        let clients = 16_000;
        let (kept, left_out, after) =
            crate::testing::flood(clients, 443, true, &packet, "pieces of handshakes");
        let most = crate::protocols::carried::MOST_KEPT;
        assert!(kept <= most && kept > most - 2000, "{kept}");
        assert_eq!(
            left_out,
            u64::from(clients) - (kept / (1100 + PIECE)) as u64
        );
        assert_eq!(after, 0);
    }
}
