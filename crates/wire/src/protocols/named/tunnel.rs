//! Tunnels and encrypted transports, by their handshakes: each is a way in or out of a network.
use super::ours;
use crate::{Head, Probe, Reader, Sender};

/// Opcode in the upper five bits, key in the lower three; over TCP behind a length. A client's reset opens a session: it
/// counts at any port, what follows at its own.
pub fn openvpn(head: &Head<'_>) -> Probe {
    ours(openvpn_sender(head))
}

fn openvpn_sender(head: &Head<'_>) -> Option<Sender> {
    let mut packet = head.bytes;
    if !head.udp {
        let (length, rest) = packet.split_first_chunk::<2>()?;
        let length = usize::from(u16::from_be_bytes(*length));
        if length < 14 || length > rest.len() && !head.on(1194) {
            return None;
        }
        packet = rest.get(..length).unwrap_or(rest);
    }
    let (first, rest) = packet.split_first()?;
    let (opcode, key) = (first >> 3, first & 7);
    // Session, no acknowledgements, first packet; in between, with authentication: digest, counter of one, time.
    let signed = matches!(packet.len(), 42 | 54 | 86)
        && packet.ends_with(&[0; 5])
        && packet.get(packet.len() - 13..packet.len() - 9) == Some(&[0, 0, 0, 1]);
    let plain =
        packet.len() == 14 && rest.get(8..) == Some(&[0; 5]) && rest.get(..8) != Some(&[0; 8]);
    if key == 0 && (plain || signed || head.on(1194) && packet.len() >= 14) {
        match opcode {
            7 | 10 => return Some(Sender::Client),
            8 if head.on(1194) => return Some(Sender::Server),
            _ => {}
        }
    }
    (head.on(1194) && matches!(opcode, 4 | 5 | 6 | 9) && packet.len() >= 14)
        .then_some(Sender::Unknown)
}

/// Types 1 to 4 with three octets of zero, each of fixed length or padded to 16.
pub fn wireguard(head: &Head<'_>) -> Probe {
    ours(wireguard_sender(head))
}

fn wireguard_sender(head: &Head<'_>) -> Option<Sender> {
    let mut r = Reader::new(head.bytes);
    let kind = r.u32_le().ok()?;
    let peer = r.u32_le().ok()?;
    match (kind, head.bytes.len()) {
        (1, 148) => Some(Sender::Client),
        (2, 92) => Some(Sender::Server),
        (3, 64) => Some(Sender::Server),
        (4, length) if length >= 32 && length % 16 == 0 => {
            // The counter is far from its end.
            let counter = r.u64_le().ok()?;
            let likely = peer != 0 && counter < 1 << 40 && (head.on(51820) || !head.first);
            likely.then_some(Sender::Unknown)
        }
        _ => None,
    }
}

/// RFC 7296, 3.1: cookies, version 1 or 2, and the length of the whole. On port 4500 four zeros stand before it, else it
/// is ESP or a keepalive (RFC 3948, 2).
pub fn ike(head: &Head<'_>) -> Probe {
    let nat = head.on(4500);
    if !nat && !head.on(500) {
        return Probe::NotOurs;
    }
    match head.bytes {
        [0, 0, 0, 0, rest @ ..] if nat => ours(isakmp(rest)),
        [0xff] if nat => Probe::Ours(Sender::Unknown),
        rest if nat && rest.len() >= 20 => Probe::Ours(Sender::Unknown),
        rest => ours(isakmp(rest)),
    }
}

fn isakmp(message: &[u8]) -> Option<Sender> {
    let mut r = Reader::new(message);
    let (initiator, responder) = (r.u64().ok()?, r.u64().ok()?);
    let _next = r.u8().ok()?;
    let (version, exchange, _flags) = (r.u8().ok()?, r.u8().ok()?, r.u8().ok()?);
    let _id = r.u32().ok()?;
    let length = usize::try_from(r.u32().ok()?).ok()?;
    let sane =
        initiator != 0 && matches!(version >> 4, 1 | 2) && exchange != 0 && length == message.len();
    sane.then_some(if responder == 0 {
        Sender::Client
    } else {
        Sender::Unknown
    })
}

/// RFC 2661, 3.1: version 2 (3 with RFC 3931), for control messages with their length.
pub fn l2tp(head: &Head<'_>) -> Probe {
    let mut r = Reader::new(head.bytes);
    let (Ok(flags), true) = (r.u16(), head.on(1701)) else {
        return Probe::NotOurs;
    };
    let version = flags & 0x000f;
    let control = flags & 0x8000 != 0;
    let fits = flags & 0x4000 == 0
        || r.u16()
            .is_ok_and(|length| usize::from(length) == head.bytes.len());
    let sane = matches!(version, 2 | 3)
        && flags & 0x34f0 == 0
        && fits
        && (!control || flags & 0xc800 == 0xc800);
    ours(sane.then_some(Sender::Unknown))
}

/// RFC 2637, 2.1: length, control message, the cookie 1A2B3C4D.
pub fn pptp(head: &Head<'_>) -> Probe {
    let mut r = Reader::new(head.bytes);
    let mut read = || -> Option<Sender> {
        let (length, message, cookie) = (r.u16().ok()?, r.u16().ok()?, r.u32().ok()?);
        let kind = r.u16().ok()?;
        let sane = length >= 12
            && matches!(message, 1 | 2)
            && cookie == 0x1a2b_3c4d
            && (1..=15).contains(&kind);
        sane.then_some(match kind {
            1 | 7 | 12 => Sender::Client,
            2 | 8 => Sender::Server,
            _ => Sender::Unknown,
        })
    };
    ours(read())
}

/// RFC 9000, 17.2: the long header with a version that exists. Who opens a connection fills 1200 octets (14.1).
pub fn quic(head: &Head<'_>) -> Probe {
    ours(quic_sender(head))
}

fn quic_sender(head: &Head<'_>) -> Option<Sender> {
    let mut r = Reader::new(head.bytes);
    let first = r.u8().ok()?;
    if first & 0xc0 != 0xc0 {
        return google(head);
    }
    let version = r.u32().ok()?;
    let draft = version >> 8 == 0x00_ff00;
    if !(matches!(version, 1 | 0x6b33_43cf) || draft) {
        return google(head);
    }
    let to = usize::from(r.u8().ok()?);
    r.skip(to).ok()?;
    let from = usize::from(r.u8().ok()?);
    if to > 20 || from > 20 || r.skip(from).is_err() {
        return None;
    }
    // Type 0 is an Initial in version 1, type 1 in version 2 (RFC 9369, 3.2).
    let initial = (first >> 4) & 3 == u8::from(version == 0x6b33_43cf);
    let opens = initial && head.bytes.len() >= 1200 && head.first;
    Some(if opens && head.from != 443 {
        Sender::Client
    } else {
        Sender::Unknown
    })
}

/// Google's QUIC before the standard: versions Q024 to Q050 behind flags and connection.
fn google(head: &Head<'_>) -> Option<Sender> {
    let (flags, rest) = head.bytes.split_first()?;
    let version = if flags & 0x80 != 0 {
        rest.get(..4)?
    } else if flags & 0x09 == 0x09 {
        rest.get(8..12)?
    } else {
        return None;
    };
    let known =
        matches!(version, [b'Q', b'0', b'2'..=b'5', b'0'..=b'9']) && (head.on(443) || head.on(80));
    known.then_some(Sender::Client)
}

/// RFC 4380, 4: IPv6 over UDP from or to a Teredo address; authentication and origin may stand before it (5.1.1).
pub fn teredo(head: &Head<'_>) -> Probe {
    ours(teredo_sender(head))
}

fn teredo_sender(head: &Head<'_>) -> Option<Sender> {
    let mut r = Reader::new(head.bytes);
    if head.on(3544) {
        if r.peek().starts_with(&[0, 1]) {
            r.skip(2).ok()?;
            let (client, signature) = (r.u8().ok()?, r.u8().ok()?);
            r.skip(usize::from(client) + usize::from(signature) + 9)
                .ok()?;
        }
        if r.peek().starts_with(&[0, 0]) {
            r.skip(8).ok()?;
        }
    }
    let version = r.u32().ok()? >> 28;
    let length = usize::from(r.u16().ok()?);
    r.skip(2).ok()?;
    let (from, to) = (r.ipv6().ok()?, r.ipv6().ok()?);
    let teredo = [from, to]
        .iter()
        .any(|ip| matches!(ip.segments(), [0x2001, 0, ..]));
    let sane = version == 6 && length == r.left() && (teredo || head.on(3544));
    sane.then_some(if head.to == 3544 {
        Sender::Client
    } else {
        Sender::Unknown
    })
}
