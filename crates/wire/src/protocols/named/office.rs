//! Syslog, printing, telephony, messaging and log-in services, by their first messages.
use super::super::lines;
use super::ours;
use crate::reader::text;
use crate::{Cx, Head, Probe, Reader, Sender, Side};

/// RFC 5424, 6.2.1: the priority is at most 191. At another port the time must follow; at its own, over UDP, relays take
/// any text (RFC 3164, 4.3.3).
pub fn syslog(head: &Head<'_>) -> Probe {
    let plain = || head.udp && head.to == 514 && head.bytes.len() > 8 && is_plain(head.bytes);
    ours(syslog_sender(head).or_else(|| plain().then_some(Sender::Client)))
}

fn is_plain(bytes: &[u8]) -> bool {
    let text = bytes.strip_suffix(b"\0").unwrap_or(bytes);
    text.iter()
        .all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace())
}

fn syslog_sender(head: &Head<'_>) -> Option<Sender> {
    let mut bytes = head.bytes;
    if !head.udp {
        // Octet counting (RFC 6587, 3.4.1).
        let digits = bytes
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        if digits > 0 {
            bytes = bytes.get(digits..)?.strip_prefix(b" ")?;
        }
    }
    let rest = bytes.strip_prefix(b"<")?;
    let end = rest.iter().take(4).position(|byte| *byte == b'>')?;
    let priority: u8 = std::str::from_utf8(rest.get(..end)?).ok()?.parse().ok()?;
    let message = rest.get(end + 1..)?;
    if priority > 191 {
        return None;
    }
    let month = message
        .get(..3)
        .is_some_and(|start| MONTHS.iter().any(|month| start == month.as_bytes()));
    let telling = month || matches!(message, [b'1', b' ', b'0'..=b'9' | b'-', ..]);
    let at_port = head.on(514) || head.on(601) || head.on(5140);
    (telling || at_port).then_some(Sender::Client)
}

const MONTHS: &[&str] = &[
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// RFC 1179, 5: a command octet, the queue, a line feed; it says so little that the port must agree.
pub fn lpd(head: &Head<'_>) -> Probe {
    let command = match head.bytes {
        [1..=5, rest @ ..] => {
            lines::line(rest).is_some_and(|(queue, _)| !queue.is_empty() && lines::is_text(queue))
        }
        _ => false,
    };
    ours((command && head.to == 515).then_some(Sender::Client))
}

/// The universal exit that opens a PJL job, at any port; other beginnings of a print job at its own.
pub fn jetdirect(head: &Head<'_>) -> Probe {
    let opens = |start: &[u8]| head.bytes.starts_with(start);
    let job = opens(b"\x1b%-12345X")
        || head.to == 9100
            && (opens(b"@PJL") || opens(b"%!PS") || opens(b"\x1bE") || opens(b"\x1b&"));
    ours(job.then_some(Sender::Client))
}

/// RFC 3261, 7.1 and 7.2.
pub fn sip(head: &Head<'_>) -> Probe {
    if head.bytes.starts_with(b"SIP/2.0 ") {
        return Probe::Ours(Sender::Server);
    }
    let request = lines::line(head.bytes).is_some_and(|(line, _)| {
        line.ends_with(b" SIP/2.0")
            && line
                .split(|byte| *byte == b' ')
                .next()
                .is_some_and(|method| method.iter().all(u8::is_ascii_uppercase))
    });
    ours(request.then_some(Sender::Client))
}

/// MQTT 3.1.1, 2.2.3: seven bits to an octet, least first.
fn remaining_length(r: &mut Reader<'_>) -> Option<usize> {
    let mut length = 0usize;
    for shift in [0, 7, 14, 21] {
        let octet = r.u8().ok()?;
        length |= usize::from(octet & 0x7f) << shift;
        if octet & 0x80 == 0 {
            return Some(length);
        }
    }
    None
}

/// A connection opens with the protocol's name; in the middle the port must agree, and the length with what is there.
pub fn mqtt(head: &Head<'_>) -> Probe {
    ours(mqtt_sender(head))
}

fn mqtt_sender(head: &Head<'_>) -> Option<Sender> {
    let mut r = Reader::new(head.bytes);
    let kind = r.u8().ok()?;
    let length = remaining_length(&mut r)?;
    if kind == 0x10 {
        let rest = r.peek();
        let named = rest.starts_with(b"\0\x04MQTT") || rest.starts_with(b"\0\x06MQIsdp");
        return named.then_some(Sender::Client);
    }
    if !head.on(1883) || length > r.left() {
        return None;
    }
    match (kind, length) {
        (0x20, 2..) | (0xd0, 0) | (0x90, 3..) | (0xb0, 2..) => Some(Sender::Server),
        (0xc0 | 0xe0, 0) | (0x82, 5..) | (0xa2, 4..) => Some(Sender::Client),
        (0x30..=0x3f, 3..) | (0x40 | 0x50 | 0x62 | 0x70, 2..=4) => Some(Sender::Unknown),
        _ => None,
    }
}

/// Version, user and whether a password is there; a message in the middle, or cut short, tells nothing more.
pub fn mqtt_connect(cx: &mut Cx<'_>, side: Side, bytes: &[u8]) {
    if side == Side::Client {
        let _ = read_connect(cx, bytes);
    }
}

/// MQTT 3.1.1, 3.1: the flags tell which of the fields are there.
fn read_connect(cx: &mut Cx<'_>, bytes: &[u8]) -> Option<()> {
    let mut r = Reader::new(bytes);
    if r.u8().ok()? != 0x10 {
        return None;
    }
    remaining_length(&mut r)?;
    let name = r.u16().ok()?;
    r.skip(usize::from(name)).ok()?;
    let version = r.u8().ok()?;
    match version {
        3 => cx.variant("3.1"),
        4 => cx.variant("3.1.1"),
        5 => cx.variant("5"),
        _ => {}
    }
    let flags = r.u8().ok()?;
    r.skip(2).ok()?;
    let properties = |r: &mut Reader<'_>| {
        let length = if version >= 5 {
            remaining_length(r)?
        } else {
            0
        };
        r.skip(length).ok()
    };
    let field = |r: &mut Reader<'_>| {
        let length = r.u16().ok()?;
        r.skip(usize::from(length)).ok()
    };
    properties(&mut r)?;
    field(&mut r)?;
    if flags & 0x04 != 0 {
        properties(&mut r)?;
        field(&mut r)?;
        field(&mut r)?;
    }
    let mut user = None;
    if flags & 0x80 != 0 {
        let length = r.u16().ok()?;
        user = text(r.bytes(usize::from(length)).ok()?, 64);
    }
    if flags & 0x40 != 0 {
        cx.credential("password", user, false);
    }
    Some(())
}

/// RFC 2165, 5: version 1 says little of itself and needs the port.
fn slp_1(head: &Head<'_>) -> Option<Sender> {
    let mut r = Reader::new(head.bytes);
    let (version, function) = (r.u8().ok()?, r.u8().ok()?);
    let length = usize::from(r.u16().ok()?);
    let sane = version == 1 && (1..=10).contains(&function) && length == head.bytes.len();
    (sane && head.on(427)).then_some(if matches!(function, 2 | 5 | 7) {
        Sender::Server
    } else {
        Sender::Client
    })
}

/// RFC 2608, 8: version 2, eleven functions, and the length of the whole.
pub fn slp(head: &Head<'_>) -> Probe {
    ours(slp_sender(head).or_else(|| slp_1(head)))
}

fn slp_sender(head: &Head<'_>) -> Option<Sender> {
    let mut r = Reader::new(head.bytes);
    let (version, function) = (r.u8().ok()?, r.u8().ok()?);
    let length = usize::try_from(r.u24().ok()?).ok()?;
    let flags = r.u16().ok()?;
    let fits = length == head.bytes.len() || !head.udp && length > head.bytes.len();
    let sane = version == 2 && (1..=11).contains(&function) && length >= 16;
    if !sane || !fits || flags & 0x1fff != 0 {
        return None;
    }
    r.skip(5).ok()?;
    let language = usize::from(r.u16().ok()?);
    if !(1..=8).contains(&language) {
        return None;
    }
    let language = r.bytes(language).ok()?;
    let language = language
        .iter()
        .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-');
    language.then_some(match function {
        2 | 5 | 7 | 8 | 10 | 11 => Sender::Server,
        _ => Sender::Client,
    })
}

/// RFC 2865, 3: code, identifier, length, authenticator, then attributes that fill the length.
pub fn radius(head: &Head<'_>) -> Probe {
    let at_port = [1812, 1813, 1645, 1646, 3799]
        .iter()
        .any(|port| head.on(*port));
    ours(radius_sender(head.bytes).filter(|_| at_port))
}

fn radius_sender(bytes: &[u8]) -> Option<Sender> {
    let mut r = Reader::new(bytes);
    let (code, _) = (r.u8().ok()?, r.u8().ok()?);
    let length = usize::from(r.u16().ok()?);
    r.skip(16).ok()?;
    let mut attributes = r.sub(length.checked_sub(20)?).ok()?;
    while !attributes.is_empty() {
        let (kind, length) = (attributes.u8().ok()?, attributes.u8().ok()?);
        if kind == 0 {
            return None;
        }
        attributes.skip(usize::from(length).checked_sub(2)?).ok()?;
    }
    match code {
        1 | 4 | 12 | 40 | 43 => Some(Sender::Client),
        2 | 3 | 5 | 11 | 41 | 42 | 44 | 45 => Some(Sender::Server),
        _ => None,
    }
}

/// RFC 8489, 5: two zero bits, a length of whole words, the cookie. RFC 3489 had no cookie: there the port must agree.
pub fn stun(head: &Head<'_>) -> Probe {
    ours(stun_sender(head))
}

fn stun_sender(head: &Head<'_>) -> Option<Sender> {
    let mut r = Reader::new(head.bytes);
    let kind = r.u16().ok()?;
    let length = usize::from(r.u16().ok()?);
    let cookie = r.u32().ok()? == 0x2112_a442;
    r.skip(12).ok()?;
    let fits = length == r.left() || !head.udp && length > r.left();
    if kind & 0xc000 != 0 || length % 4 != 0 || !fits {
        return None;
    }
    let at_port = head.on(3478) && kind & 0xfeef <= 12;
    (cookie || at_port).then_some(match kind & 0x0110 {
        0x0000 => Sender::Client,
        0x0100 | 0x0110 => Sender::Server,
        _ => Sender::Unknown,
    })
}

/// WS-Discovery 1.1, 3.1.1: a SOAP envelope that names the discovery; Windows and ONVIF cameras look for devices by it.
pub fn ws_discovery(head: &Head<'_>) -> Probe {
    let start = head.bytes.trim_ascii_start();
    let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start);
    let envelope = start.starts_with(b"<") && lines::contains(start, b":Envelope");
    if !envelope || !lines::contains(start, b"/ws/2005/04/discovery") && !head.on(3702) {
        return Probe::NotOurs;
    }
    let asks = lines::contains(start, b"/discovery/Probe<")
        || lines::contains(start, b"/discovery/Resolve<");
    Probe::Ours(if asks || head.to == 3702 {
        Sender::Client
    } else {
        Sender::Server
    })
}
