//! Directory, log-in, database and remote-procedure services of Windows networks, by their first messages.
use super::ours;
use crate::reader::text;
use crate::{Cx, Head, Probe, Reader, Sender, Side};

/// Length of a BER element (X.690, 8.1.3), definite forms only.
fn ber_length(r: &mut Reader<'_>) -> Option<usize> {
    match r.u8().ok()? {
        length @ 0..=0x7f => Some(usize::from(length)),
        0x81 => Some(usize::from(r.u8().ok()?)),
        0x82 => Some(usize::from(r.u16().ok()?)),
        0x83 => usize::try_from(r.u24().ok()?).ok(),
        0x84 => usize::try_from(r.u32().ok()?).ok(),
        _ => None,
    }
}

/// An LDAP message up to the tag of its operation (RFC 4511, 4.1.1).
fn ldap_operation(r: &mut Reader<'_>) -> Option<u8> {
    if r.u8().ok()? != 0x30 {
        return None;
    }
    ber_length(r)?;
    if r.u8().ok()? != 0x02 {
        return None;
    }
    let length = ber_length(r).filter(|length| (1..=4).contains(length))?;
    r.skip(length).ok()?;
    let tag = r.u8().ok()?;
    ber_length(r)?;
    Some(tag)
}

/// A bind says enough; other operations need the port.
pub fn ldap(head: &Head<'_>) -> Probe {
    let mut r = Reader::new(head.bytes);
    let tag = ldap_operation(&mut r);
    let at_port = head.on(389) || head.on(3268);
    let rest = r.peek();
    ours(match tag {
        Some(0x60) if rest.starts_with(&[2, 1, 3, 4]) => Some(Sender::Client),
        Some(0x61) if matches!(rest, [0x0a, 1, _, 4, ..]) => Some(Sender::Server),
        Some(0x60 | 0x42 | 0x63 | 0x66 | 0x68 | 0x4a | 0x6c | 0x6e | 0x50 | 0x77) if at_port => {
            Some(Sender::Client)
        }
        Some(0x61 | 0x64 | 0x65 | 0x67 | 0x69 | 0x6b | 0x6d | 0x6f | 0x73 | 0x78) if at_port => {
            Some(Sender::Server)
        }
        _ => None,
    })
}

/// RFC 4511, 4.2: version, name, then a simple password under context tag 0.
pub fn ldap_bind(cx: &mut Cx<'_>, side: Side, bytes: &[u8]) {
    if side != Side::Client {
        return;
    }
    let mut r = Reader::new(bytes);
    if ldap_operation(&mut r) != Some(0x60) {
        return;
    }
    let mut bind = || -> Option<(Option<String>, usize)> {
        r.skip(3).ok()?;
        if r.u8().ok()? != 0x04 {
            return None;
        }
        let length = ber_length(&mut r)?;
        let user = text(r.bytes(length).ok()?, 120);
        if r.u8().ok()? != 0x80 {
            return None;
        }
        Some((user, ber_length(&mut r)?))
    };
    if let Some((user, 1..)) = bind() {
        cx.credential("password", user, false);
    }
}

/// RFC 4120, 5.4 and 5.9: an application tag, a sequence, and in it first the version 5; over TCP behind a length (7.2.2).
pub fn kerberos(head: &Head<'_>) -> Probe {
    ours(kerberos_sender(head))
}

fn kerberos_sender(head: &Head<'_>) -> Option<Sender> {
    let mut r = Reader::new(head.bytes);
    if !head.udp {
        let length = r.u32().ok()?;
        if length > 1 << 20 {
            return None;
        }
    }
    let tag = r.u8().ok()?;
    ber_length(&mut r)?;
    if r.u8().ok()? != 0x30 {
        return None;
    }
    ber_length(&mut r)?;
    match (tag, r.array::<5>().ok()?) {
        (0x6a | 0x6c, [0xa1, 3, 2, 1, 5]) | (0x6e, [0xa0, 3, 2, 1, 5]) => Some(Sender::Client),
        (0x6b | 0x6d | 0x6f | 0x7e, [0xa0, 3, 2, 1, 5]) => Some(Sender::Server),
        _ => None,
    }
}

/// [MS-TDS] 2.2.3.1: a header of eight octets; a prelogin then lists the version first (2.2.6.5).
pub fn mssql(head: &Head<'_>) -> Probe {
    ours(mssql_sender(head))
}

fn mssql_sender(head: &Head<'_>) -> Option<Sender> {
    let mut r = Reader::new(head.bytes);
    let (kind, status) = (r.u8().ok()?, r.u8().ok()?);
    let length = usize::from(r.u16().ok()?);
    r.skip(3).ok()?;
    let window = r.u8().ok()?;
    if window != 0 || status & !0x1f != 0 || length < 8 {
        return None;
    }
    let rest = r.peek();
    match kind {
        0x12 if matches!(rest, [0, 0, _, 0, 6, ..]) && length == head.bytes.len() => {
            Some(Sender::Client)
        }
        1..=3 | 6 | 7 | 0x0e | 0x10..=0x12 if head.to == 1433 => Some(Sender::Client),
        4 if head.from == 1433 => Some(Sender::Server),
        _ => None,
    }
}

/// C706, 12.6.3.1: version 5.0 or 5.1, a known type, little-endian ASCII IEEE representation, a length that can be. Over
/// UDP version 4 (12.6.3.2), which PROFINET and OPC use too.
pub fn dcerpc(head: &Head<'_>) -> Probe {
    ours(if head.udp {
        connectionless(head.bytes)
    } else {
        dcerpc_sender(head.bytes)
    })
}

fn connectionless(bytes: &[u8]) -> Option<Sender> {
    let mut r = Reader::new(bytes);
    let (version, kind) = (r.u8().ok()?, r.u8().ok()?);
    r.skip(2).ok()?;
    let representation = r.array::<3>().ok()?;
    r.skip(67).ok()?;
    let length = match representation {
        [0x10, 0, 0] => r.u16_le().ok()?,
        [0, 0, 0] => r.u16().ok()?,
        _ => return None,
    };
    r.skip(4).ok()?;
    if version != 4 || r.left() != usize::from(length) {
        return None;
    }
    match kind {
        0 | 1 | 8 => Some(Sender::Client),
        2..=6 | 10 => Some(Sender::Server),
        7 | 9 => Some(Sender::Unknown),
        _ => None,
    }
}

fn dcerpc_sender(bytes: &[u8]) -> Option<Sender> {
    let mut r = Reader::new(bytes);
    let (major, minor, kind, _flags) = (r.u8().ok()?, r.u8().ok()?, r.u8().ok()?, r.u8().ok()?);
    let representation = r.u32().ok()?;
    let (length, authenticator) = (r.u16_le().ok()?, r.u16_le().ok()?);
    let sane = major == 5
        && minor <= 1
        && representation == 0x1000_0000
        && length >= 16
        && authenticator < length;
    if !sane {
        return None;
    }
    match kind {
        0 | 11 | 14 | 16 | 18 | 19 => Some(Sender::Client),
        2 | 3 | 12 | 13 | 15 => Some(Sender::Server),
        17 => Some(Sender::Unknown),
        _ => None,
    }
}

/// The first message of a Radmin 3 client: type 1, one octet of data, its sum, and the octet 8. Later ones keep type,
/// length and sum, and need the port.
pub fn radmin(head: &Head<'_>) -> Probe {
    ours(radmin_sender(head))
}

fn radmin_sender(head: &Head<'_>) -> Option<Sender> {
    let mut r = Reader::new(head.bytes);
    let kind = r.u8().ok()?;
    let (length, sum) = (r.u32().ok()?, r.u32().ok()?);
    let data = r.peek();
    if kind != 1 || length == 0 {
        return None;
    }
    if (length, sum, data) == (1, 8, &[8]) {
        return Some(Sender::Client);
    }
    let whole = usize::try_from(length).is_ok_and(|length| length == data.len());
    (whole && head.on(4899)).then_some(Sender::Unknown)
}
