//! IKE and IPsec over UDP: between whom, by which program, and how the keys are agreed on.
//!
//! Spec: RFC 7296 (version 2), RFC 2408 and 2409 (version 1), RFC 3947 and 3948 (NAT), RFC 3706 (dead peers). Vendor
//! identities are digests of texts that their makers publish.
//! Emits: version as variant, software by its vendor identities, identities of aggressive mode, which gives a digest of
//! the shared key to whoever listens.
//! Blind to: identities of main mode and of version 2, which are encrypted; what ESP carries.
use facts::Grade;

use super::named::ours;
use crate::reader::text;
use crate::{Carrier, Cx, Decoder, Dialogue, Head, Malformed, Probe, Reader, Sender, Side, Step};

pub(super) static DECODER: Decoder = Decoder {
    name: "ike",
    title: "IKE and IPsec over UDP",
    carriers: &[Carrier::Udp(500), Carrier::Udp(4500)],
    probe,
    open: || Box::new(Ike::default()),
    remote: false,
    operations: &[],
    about: "Version, software by vendor identities, identities and weakness of aggressive mode.",
    spec: "RFC 7296; RFC 2408; RFC 2409; RFC 3947; RFC 3948",
    blind: "identities of main mode and of version 2; what ESP carries",
};

const HEADER: usize = 28;
/// Payloads of a message that are looked at.
const MOST_PAYLOADS: usize = 32;
/// Messages of a flow that are read: after them everything is encrypted, or is ESP.
const MOST_MESSAGES: u8 = 8;
/// Packets of ESP after which none is looked at.
const MOST_SEALED: u8 = 64;

/// Beginnings of vendor identities, and whose they are.
const VENDORS: &[(&[u8], &str)] = &[
    (
        &[
            0x88, 0x2f, 0xe5, 0x6d, 0x6f, 0xd2, 0x0d, 0xbc, 0x22, 0x51, 0x61, 0x3b, 0x2e, 0xbe,
            0x5b, 0xeb,
        ],
        "strongSwan",
    ),
    (
        &[
            0x1e, 0x2b, 0x51, 0x69, 0x05, 0x99, 0x1c, 0x7d, 0x7c, 0x96, 0xfc, 0xbf, 0xb5, 0x87,
            0xe4, 0x61,
        ],
        "Windows IPsec",
    ),
    (
        &[
            0x12, 0xf5, 0xf2, 0x8c, 0x45, 0x71, 0x68, 0xa9, 0x70, 0x2d, 0x9f, 0xe2, 0x74, 0xcc,
        ],
        "Cisco Unity",
    ),
    (b"CISCO", "Cisco"),
    (b"FLEXVPN-SUPPORTED", "Cisco FlexVPN"),
    (
        &[
            0xf4, 0xed, 0x19, 0xe0, 0xc1, 0x14, 0xeb, 0x51, 0x6f, 0xaa, 0xac, 0x0e, 0xe3, 0x7d,
            0xaf, 0x28, 0x07, 0xb4, 0x38, 0x1f,
        ],
        "Check Point",
    ),
    (
        &[
            0x82, 0x99, 0x03, 0x17, 0x57, 0xa3, 0x60, 0x82, 0xc6, 0xa6, 0x21, 0xde,
        ],
        "Fortinet",
    ),
    (b"OpenPGP10171", "OpenPGP-capable IKE"),
    (b"OE", "Openswan or Libreswan"),
];

/// RFC 7296, 3.1: cookies, version 1 or 2, and the length of the whole. On port 4500 four zeros stand before it, else it
/// is ESP or a keepalive (RFC 3948, 2). These say next to nothing: they count where both ends use that port, since a flow
/// that is taken for sealed is not read. Where a device of the way translates ports, the keys are agreed on first.
fn probe(head: &Head<'_>) -> Probe {
    let nat = head.on(4500);
    if !nat && !head.on(500) {
        return Probe::NotOurs;
    }
    let isakmp = |bytes: &[u8]| {
        let header = Header::read(&mut Reader::new(bytes)).ok();
        let header = header.filter(|header| header.length == bytes.len());
        ours(header.map(|header| match header.responder {
            0 => Sender::Client,
            _ => Sender::Unknown,
        }))
    };
    let both = head.from == 4500 && head.to == 4500;
    match head.bytes {
        [0, 0, 0, 0, rest @ ..] if nat => isakmp(rest),
        [0xff] if both => Probe::Ours(Sender::Unknown),
        rest if both && rest.len() >= 20 => Probe::Ours(Sender::Unknown),
        rest => isakmp(rest),
    }
}

struct Header {
    responder: u64,
    next: u8,
    version: u8,
    exchange: u8,
    encrypted: bool,
    length: usize,
}

impl Header {
    fn read(r: &mut Reader<'_>) -> Result<Header, Malformed> {
        let (initiator, responder) = (r.u64()?, r.u64()?);
        let (next, version, exchange, flags) = (r.u8()?, r.u8()?, r.u8()?, r.u8()?);
        r.skip(4)?;
        let length = usize::try_from(r.u32()?).unwrap_or(usize::MAX);
        r.check(initiator != 0, "initiator")?;
        r.check(matches!(version >> 4, 1 | 2) && exchange != 0, "version")?;
        r.check(length >= HEADER, "length")?;
        Ok(Header {
            responder,
            next,
            version: version >> 4,
            exchange,
            // RFC 2408, 3.1; in version 2 what is encrypted is a payload of its own.
            encrypted: version >> 4 == 1 && flags & 1 != 0,
            length,
        })
    }
}

#[derive(Default)]
struct Ike {
    messages: u8,
    sealed: u8,
}

impl Dialogue for Ike {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        let nat = [cx.flow.client.port, cx.flow.server.port].contains(&4500);
        let message = match bytes {
            [0, 0, 0, 0, rest @ ..] if nat => rest,
            // ESP, or a keepalive: what is agreed on later is encrypted.
            _ if nat && bytes.first() != Some(&0) || bytes.len() < HEADER => {
                self.sealed = self.sealed.saturating_add(1);
                return if self.sealed < MOST_SEALED {
                    Step::Took(bytes.len())
                } else {
                    Step::Done
                };
            }
            _ => bytes,
        };
        let mut r = Reader::new(message);
        let header = match Header::read(&mut r) {
            Ok(header) => header,
            // On port 4500 it may be ESP whose number begins with a zero.
            Err(_) if nat => return Step::Took(bytes.len()),
            Err(error) => return Step::from_error(error, bytes.len()),
        };
        self.messages += 1;
        cx.variant(if header.version == 1 { "1" } else { "2" });
        if !header.encrypted {
            let _ = payloads(cx, side, &header, &mut r);
        }
        if self.messages < MOST_MESSAGES {
            Step::Took(bytes.len())
        } else {
            Step::Done
        }
    }
}

/// RFC 7296, 3.2: each payload names the kind of the next.
fn payloads(
    cx: &mut Cx<'_>,
    side: Side,
    header: &Header,
    r: &mut Reader<'_>,
) -> Result<(), Malformed> {
    let mut next = header.next;
    for _ in 0..MOST_PAYLOADS {
        // 0 ends; in version 2 payload 46 and what follows is encrypted.
        if next == 0 || header.version == 2 && next >= 46 {
            break;
        }
        let kind = next;
        next = r.u8()?;
        r.skip(1)?;
        let length = usize::from(r.u16()?);
        r.check(length >= 4, "payload length")?;
        let body = r.bytes(length - 4)?;
        match (header.version, kind) {
            (1, 13) | (2, 43) => vendor(cx, side, body),
            // Identification, in the clear in aggressive mode (RFC 2409, 5; exchange 4).
            (1, 5) if header.exchange == 4 => {
                let who = body
                    .get(4..)
                    .filter(|_| matches!(body.first(), Some(2 | 3 | 11)));
                cx.oddity(
                    "ike.aggressive_mode",
                    side,
                    who.and_then(|who| text(who, 96)),
                );
            }
            _ => {}
        }
    }
    Ok(())
}

fn vendor(cx: &mut Cx<'_>, side: Side, id: &[u8]) {
    // Theirs is a short word and a digest in letters, twelve in all.
    let short = |start: &[u8]| start == b"OE" && id.len() != 12;
    let known = VENDORS
        .iter()
        .find(|(start, _)| id.starts_with(start) && !short(start));
    if let Some((_, name)) = known {
        let end = *cx.flow.end(side);
        let mac = end.mac.filter(|_| end.near);
        cx.identity_of(mac, end.address.ip(), "software", *name, Grade::Inferred);
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::DECODER;
    use crate::Side::Client;
    use crate::testing::check;
    use crate::{Head, Probe, Sender};

    #[test]
    fn aggressive_mode_gives_its_identity_and_the_vendor_away() {
        // Identification (5) of a user @ domain, then the vendor identity (13) of strongSwan.
        let message = "1122334455667788 0000000000000000 05 10 04 00 00000000 00000040 \
                       0d00 0010 03 11 01f4 6f70407374733031 0000 0014 882fe56d6fd20dbc2251613b2ebe5beb";
        check(
            &DECODER,
            &[(Client, message)],
            expect![[r#"
            conversation protocol=ike:1 state=unanswered packets=1/0 bytes=64/0
            identity 10.0.0.1 software=strongSwan inferred
            oddity what=ike.aggressive_mode detail=op@sts01 frames=Numbers([1])
        "#]],
        );
    }

    /// Whoever may choose a port would else have a flow that nobody reads.
    #[test]
    fn bytes_at_the_port_for_translated_keys_are_not_sealed_for_that_alone() {
        let sealed = [0x5a; 40];
        let says = |from, to, bytes| {
            (DECODER.probe)(&Head {
                bytes,
                udp: true,
                from,
                to,
                first: true,
                open: false,
            })
        };
        for (from, to) in [(4500, 47808), (9600, 4500)] {
            assert_eq!(says(from, to, &sealed), Probe::NotOurs);
            assert_eq!(says(from, to, &[0xff]), Probe::NotOurs);
        }
        assert_eq!(says(4500, 4500, &sealed), Probe::Ours(Sender::Unknown));
        assert_eq!(says(4500, 4500, &[0; 40]), Probe::NotOurs);
    }
}
