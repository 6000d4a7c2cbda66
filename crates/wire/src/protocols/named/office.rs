//! Syslog, printing, telephony, messaging and log-in services, by their first messages.
use super::super::lines;
use super::ours;
use crate::reader::text;
use crate::{Cx, Head, Probe, Reader, Sender, Side, Step};

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

/// Programs under a licence look for whoever serves it with forty characters of base 64.
pub fn sentinel(head: &Head<'_>) -> Probe {
    let base64 = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=".contains(byte);
    let asks = head.udp && head.bytes.len() == 40 && head.bytes.iter().all(base64);
    ours((asks && head.to == 1947).then_some(Sender::Client))
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

/// RFC 8489, 14.14 and 18.2: software; methods 3 to 9 are those of a relay (RFC 8656, 17).
pub fn stun_told(cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
    let mut r = Reader::new(bytes);
    let (Ok(kind), Ok(length)) = (r.u16(), r.u16()) else {
        return Step::Done;
    };
    // Media shares the ports of those who found each other by it.
    if kind & 0xc000 != 0 || r.skip(16).is_err() || usize::from(length) > r.left() {
        return Step::Done;
    }
    if matches!(kind & 0x3e0f, 3..=9) {
        cx.variant("turn");
    }
    // RFC 8489, 6.3.2: an indication has no response.
    if kind & 0x0110 == 0x0010 {
        cx.asks_nothing();
    }
    while let (Ok(attribute), Ok(length)) = (r.u16(), r.u16()) {
        let length = usize::from(length);
        let Ok(value) = r.bytes(length) else {
            break;
        };
        if attribute == 0x8022
            && let Some(software) = text(value, 96)
        {
            cx.identity(side, "software", software);
        }
        if r.skip(length.next_multiple_of(4) - length).is_err() {
            break;
        }
    }
    Step::Done
}

/// Host and program of a message. A relay speaks for many, so the host is none that the sender says of itself.
pub fn syslog_told(cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
    // RFC 5424, 5: a collector acknowledges nothing.
    cx.asks_nothing();
    // A word that the capture cut off is another.
    let last = bytes.iter().rposition(u8::is_ascii_whitespace);
    let whole = last
        .filter(|_| cx.is_cut())
        .and_then(|end| bytes.get(..=end));
    if let Some((host, program)) = syslog_names(whole.unwrap_or(bytes)) {
        let words: Vec<String> = [("of host", host), ("by", program)]
            .into_iter()
            .filter_map(|(what, name)| Some(format!("{what} {}", name?)))
            .collect();
        if !words.is_empty() {
            cx.identity(side, "service", format!("logs {}", words.join(" ")));
        }
    }
    if cx.flow.udp {
        Step::Took(bytes.len())
    } else {
        Step::Done
    }
}

/// RFC 5424, 6.2: version, time, host, program. RFC 3164, 4.1.2: month, day, time, host, program with a bracket or colon.
fn syslog_names(bytes: &[u8]) -> Option<(Option<String>, Option<String>)> {
    let start = bytes.iter().position(|byte| *byte == b'>')?;
    let message = bytes.get(start + 1..)?;
    let mut words = message
        .split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty());
    let first = words.next()?;
    let name = |word: &[u8]| -> Option<String> {
        let plain = word
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte));
        let letter = word.iter().any(u8::is_ascii_alphabetic);
        (plain && letter && (2..64).contains(&word.len()))
            .then(|| text(word, 64))
            .flatten()
    };
    if first == b"1" {
        words.next()?;
        let (host, program) = (words.next()?, words.next()?);
        return Some((name(host), name(program)));
    }
    MONTHS.iter().find(|month| month.as_bytes() == first)?;
    let (day, time, host) = (words.next()?, words.next()?, words.next()?);
    let is_time = time.get(2) == Some(&b':') && day.iter().all(u8::is_ascii_digit);
    // Many devices leave the host out: what ends with a colon is the program.
    if !is_time || host.contains(&b':') || host.contains(&b'[') {
        return None;
    }
    let program = words.next().filter(|word| word.ends_with(b":"));
    let program = program.and_then(|word| word.split(|byte| matches!(byte, b'[' | b':')).next());
    Some((name(host), program.and_then(name)))
}
