//! What carries packets inside packets, opened.
use crate::net::link::Payload;
use crate::reader::Reader;

/// RFC 3032: labels of 4 octets up to the bottom of the stack, then IP by its first nibble.
pub(super) fn mpls(bytes: &[u8]) -> Option<(Payload, &[u8])> {
    let rest = after_labels(bytes)?;
    match rest.first()? >> 4 {
        4 => Some((Payload::EtherType(0x0800), rest)),
        6 => Some((Payload::EtherType(0x86dd), rest)),
        _ => None,
    }
}

/// RFC 4448: an Ethernet pseudowire begins with a control word of first nibble 0.
pub(super) fn mpls_ethernet(bytes: &[u8]) -> Option<&[u8]> {
    let rest = after_labels(bytes)?;
    if rest.first()? >> 4 == 0 {
        rest.get(4..)
    } else {
        None
    }
}

fn after_labels(bytes: &[u8]) -> Option<&[u8]> {
    let mut r = Reader::new(bytes);
    for _ in 0..16 {
        if r.u32().ok()? & 0x100 != 0 {
            return Some(r.rest());
        }
    }
    None
}

/// RFC 2516, 4, and RFC 1661, 2: session stage, then the PPP protocol.
pub(super) fn pppoe(bytes: &[u8]) -> Option<(Payload, &[u8])> {
    let mut r = Reader::new(bytes);
    r.skip(6).ok()?;
    match r.u16().ok()? {
        0x0021 => Some((Payload::EtherType(0x0800), r.rest())),
        0x0057 => Some((Payload::EtherType(0x86dd), r.rest())),
        _ => None,
    }
}

/// RFC 2784 and RFC 2890: version 0 with optional checksum, key and sequence number.
pub(super) fn gre(bytes: &[u8]) -> Option<(Payload, &[u8])> {
    let mut r = Reader::new(bytes);
    let flags = r.u16().ok()?;
    let protocol = r.u16().ok()?;
    if flags & 0x0007 != 0 {
        return None;
    }
    for (flag, length) in [(0x8000, 4), (0x2000, 4), (0x1000, 4)] {
        if flags & flag != 0 {
            r.skip(length).ok()?;
        }
    }
    Some((Payload::EtherType(protocol), r.rest()))
}
