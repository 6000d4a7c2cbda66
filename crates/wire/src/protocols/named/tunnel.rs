//! Tunnels and encrypted transports, by their handshakes: each is a way in or out of a network.
use super::ours;
use crate::reader::text;
use crate::{Cx, Head, Probe, Reader, Sender, Side, Step};

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

/// RFC 5415, 4.1 and 4.3: version 0, plain or sealed by DTLS; then, if plain, a header of two words or more, or, if sealed, three
/// octets of zero.
pub fn capwap(head: &Head<'_>) -> Probe {
    let at_port = [5246, 5247].iter().any(|port| head.on(*port));
    let sane = match head.bytes {
        [0, length, ..] => head.bytes.len() >= 8 && length >> 3 >= 2,
        [1, 0, 0, 0, kind, ..] => (20..=25).contains(kind),
        _ => false,
    };
    ours(
        (at_port && sane).then_some(if matches!(head.to, 5246 | 5247) {
            Sender::Client
        } else {
            Sender::Server
        }),
    )
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

/// Tailscale's way to find a path between two nodes: a mark, the sender's key, a nonce, and a sealed message.
pub fn tailscale(head: &Head<'_>) -> Probe {
    let ours_ =
        head.bytes.starts_with(b"TS\xf0\x9f\x92\xac") && head.bytes.len() >= 6 + 32 + 24 + 16;
    ours(ours_.then_some(Sender::Unknown))
}

/// ZeroTier's greeting is not encrypted: packet number, target, source, cipher 0, check, verb 1, and then the sender's
/// identity, whose address is the source once more.
pub fn zerotier(head: &Head<'_>) -> Probe {
    let mut r = Reader::new(head.bytes);
    let mut read = || -> Option<Sender> {
        r.skip(8 + 5).ok()?;
        let source = r.array::<5>().ok()?;
        let flags = r.u8().ok()?;
        r.skip(8).ok()?;
        let verb = r.u8().ok()?;
        // Version of the protocol and of the program, time.
        r.skip(1 + 1 + 1 + 2 + 8).ok()?;
        let own = r.array::<5>().ok()?;
        let sane = flags & 0x38 == 0 && verb & 0x1f == 1 && own == source && source != [0; 5];
        (sane && r.u8().ok()? == 0).then_some(Sender::Unknown)
    };
    ours(read())
}

/// Nebula's first message: version 1, type 0, no index yet, counter 1, then a protocol buffer.
pub fn nebula(head: &Head<'_>) -> Probe {
    let start = [0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x0a];
    ours((head.bytes.starts_with(&start) && head.bytes.len() > 40).then_some(Sender::Client))
}

/// RFC 2637, 2.1 and 2.2: behind version, results, capabilities and channels stand host and vendor, 64 octets each.
pub fn pptp_told(cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
    /// Octets of either of the first two messages (RFC 2637, 2.1 and 2.2).
    const FIRST: usize = 156;
    let opens = |bytes: &[u8]| matches!(bytes.get(8..10), Some([0, 1 | 2]));
    if bytes.len() < 10 || bytes.len() < FIRST && opens(bytes) {
        return Step::Need(if bytes.len() < 10 { 10 } else { FIRST });
    }
    let mut r = Reader::new(bytes);
    let mut names = || -> Option<(Option<String>, Option<String>)> {
        r.skip(8).ok()?;
        let kind = r.u16().ok()?;
        if !matches!(kind, 1 | 2) {
            return None;
        }
        r.skip(2 + 2 + 2 + 4 + 4 + 2 + 2).ok()?;
        let (host, vendor) = (r.bytes(64).ok()?, r.bytes(64).ok()?);
        Some((text(host, 64), text(vendor, 64)))
    };
    if let Some((host, vendor)) = names() {
        if let Some(host) = host {
            cx.identity(side, "hostname", host);
        }
        if let Some(vendor) = vendor {
            cx.identity(side, "software", format!("PPTP by {vendor}"));
        }
    }
    Step::Done
}

/// RFC 2661, 4.1 and 4.4.3: the first control messages hold the host's name (7) and the vendor's (8).
pub fn l2tp_told(cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
    let mut r = Reader::new(bytes);
    let mut read = || -> Option<()> {
        let flags = r.u16().ok()?;
        // Control messages have a length and numbers.
        if flags & 0xc800 != 0xc800 {
            return None;
        }
        r.skip(2 + 4 + 4).ok()?;
        while let (Ok(head), Ok(vendor), Ok(kind)) = (r.u16(), r.u16(), r.u16()) {
            let length = usize::from(head & 0x03ff).checked_sub(6)?;
            let value = r.bytes(length).ok()?;
            // Hidden values have bit 1 set; other values are numbers.
            let plain = head & 0x4000 == 0 && vendor == 0;
            match (kind, text(value, 64).filter(|_| plain)) {
                (7, Some(host)) => cx.identity(side, "hostname", host),
                (8, Some(vendor)) => cx.identity(side, "software", format!("L2TP by {vendor}")),
                _ => {}
            }
        }
        Some(())
    };
    let _ = read();
    Step::Done
}
