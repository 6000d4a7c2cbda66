//! Ways to work on a host from elsewhere whose beginnings are known, and no more.
use super::ours;
use crate::reader::text;
use crate::{Cx, Head, Probe, Reader, Sender, Side, Step};

/// The first message of a client of Radmin 3 or 2: type 1, one octet of data, its sum, and that octet, 8 or the request for a
/// challenge. Later ones keep type, length and sum, and need the port.
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
    if let (1, [first @ (8 | CHALLENGE)]) = (length, data)
        && sum == u32::from(*first)
    {
        return Some(Sender::Client);
    }
    let whole = usize::try_from(length).is_ok_and(|length| length == data.len());
    (whole && head.on(4899)).then_some(Sender::Unknown)
}

/// Kinds of message that Radmin 2 uses to log in: a challenge is asked for and given, solved, and the solution taken or not.
const CHALLENGE: u8 = 0x1b;
const SOLUTION: u8 = 0x09;
const TAKEN: u8 = 0x0a;
const NOT_TAKEN: u8 = 0x0b;

/// Which version it is, and how the log-in ended in version 2; later messages are encrypted.
pub fn radmin_told(cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
    let mut r = Reader::new(bytes);
    let (Ok(1), Ok(length), Ok(_sum)) = (r.u8(), r.u32(), r.u32()) else {
        return Step::Done;
    };
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if length == 0 || length > MOST_RADMIN {
        return Step::Done;
    }
    let Ok(data) = r.bytes(length) else {
        return Step::Need(9 + length);
    };
    match (data.first(), side, length) {
        (Some(8), Side::Client, 1) => cx.variant("3"),
        (Some(&CHALLENGE), ..) => cx.variant("2"),
        (Some(&SOLUTION), Side::Client, 33) => {}
        (Some(&TAKEN), Side::Server, 1) => return Step::Done,
        (Some(&NOT_TAKEN), Side::Server, 1) => {
            cx.login_refused(side.other(), "wrong password", None);
        }
        _ => return Step::Done,
    }
    Step::Took(9 + length)
}

/// Octets of the longest message of a log-in.
const MOST_RADMIN: usize = 64;

/// Citrix: the server of ICA greets with its name; a client of the Common Gateway Protocol begins with its own.
pub fn citrix(head: &Head<'_>) -> Probe {
    let opens = |start: &[u8]| head.bytes.starts_with(start);
    ours(if opens(b"\x7f\x7fICA\0") {
        Some(Sender::Server)
    } else if opens(b"\x1aCGP/01") {
        Some(Sender::Client)
    } else {
        None
    })
}

/// Dameware Mini Remote Control: both ends begin with a message of forty octets that gives their version as a number with
/// a fraction.
pub fn dameware(head: &Head<'_>) -> Probe {
    let version = head.bytes.strip_prefix(&[0x30, 0x11, 0, 0, 0, 0, 0, 0]);
    let version = version.and_then(|rest| rest.first_chunk::<8>());
    let sane = version.is_some_and(|v| (1.0..100.0).contains(&f64::from_le_bytes(*v)));
    ours(
        (sane && head.bytes.len() == 40).then_some(if head.from == 6129 {
            Sender::Server
        } else {
            Sender::Client
        }),
    )
}

/// Which version the end has.
pub fn dameware_told(cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
    cx.session(None, None);
    let version = bytes.get(8..).and_then(|rest| rest.first_chunk::<8>());
    let version = version.map(|version| f64::from_le_bytes(*version));
    if let Some(version) = version.filter(|version| (1.0..100.0).contains(version)) {
        let software = format!("Dameware Mini Remote Control, protocol {version:.1}");
        cx.identity(side, "software", software);
    }
    Step::Done
}

/// A screen of the X Window System, asked for: byte order, version 11.0, lengths of the authorisation (X11 protocol, 8).
pub fn x11(head: &Head<'_>) -> Probe {
    let mut r = Reader::new(head.bytes);
    let mut read = || -> Option<Sender> {
        let (order, _) = (r.u8().ok()?, r.u8().ok()?);
        let mut number = || match order {
            b'l' => r.u16_le().ok(),
            b'B' => r.u16().ok(),
            _ => None,
        };
        let (major, minor, name, data, pad) =
            (number()?, number()?, number()?, number()?, number()?);
        let padded = |length: u16| usize::from(length).next_multiple_of(4);
        let fits = padded(name) + padded(data) == r.left();
        (major == 11 && minor == 0 && pad == 0 && name < 64 && data < 256 && fits)
            .then_some(Sender::Client)
    };
    ours(read())
}

/// RustDesk tells its rendezvous server, over and over, that it is there: protocol buffer field 6, in it the number by
/// which others reach it.
pub fn rustdesk(head: &Head<'_>) -> Probe {
    let told = head.udp && rustdesk_number(head.bytes).is_some();
    ours(told.then_some(Sender::Client))
}

fn rustdesk_number(bytes: &[u8]) -> Option<&[u8]> {
    let mut r = Reader::new(bytes);
    let (field, length) = (r.u8().ok()?, usize::from(r.u8().ok()?));
    if field != 0x32 || length != r.left() || r.u8().ok()? != 0x0a {
        return None;
    }
    let length = usize::from(r.u8().ok()?);
    let number = r.bytes(length).ok()?;
    let digits = (6..=16).contains(&length) && number.iter().all(u8::is_ascii_digit);
    // A serial number may follow.
    (digits && matches!(r.rest(), [] | [0x10, ..])).then_some(number)
}

/// By which number others reach it.
pub fn rustdesk_told(cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
    let number = rustdesk_number(bytes).and_then(|number| text(number, 16));
    if let (Side::Client, Some(number)) = (side, number) {
        cx.session(None, Some(format!("ready to be reached as {number}")));
    }
    Step::Done
}

/// rlogin (RFC 1282): a zero, then two users and the terminal with its speed, each ended by a zero.
pub fn rlogin(head: &Head<'_>) -> Probe {
    ours(rlogin_users(head.bytes).map(|_| Sender::Client))
}

fn rlogin_users(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut parts = bytes
        .strip_prefix(b"\0")?
        .strip_suffix(b"\0")?
        .split(|byte| *byte == 0);
    let (local, remote, terminal) = (parts.next()?, parts.next()?, parts.next()?);
    let word =
        |word: &[u8]| !word.is_empty() && word.len() < 64 && word.iter().all(u8::is_ascii_graphic);
    let slash = terminal.iter().position(|byte| *byte == b'/')?;
    let speed = terminal.get(slash + 1..)?;
    let sane = word(local) && word(remote) && word(terminal) && parts.next().is_none();
    (sane && !speed.is_empty() && speed.iter().all(u8::is_ascii_digit)).then_some((local, remote))
}

/// As whom.
pub fn rlogin_told(cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
    if side == Side::Client
        && let Some((local, remote)) = rlogin_users(bytes)
    {
        let from = text(local, 64).map(|local| format!("as {local} from there"));
        cx.session(text(remote, 64), from);
    }
    Step::Done
}

/// IPMI over LAN: RMCP version 6 of class ASF or IPMI, then what the class puts there (IPMI 2.0, 13.1 and 13.6).
pub fn ipmi(head: &Head<'_>) -> Probe {
    let mut r = Reader::new(head.bytes);
    let mut read = || -> Option<Sender> {
        let (version, zero, _, class) = (r.u8().ok()?, r.u8().ok()?, r.u8().ok()?, r.u8().ok()?);
        if version != 6 || zero != 0 {
            return None;
        }
        let sane = match class & 0x1f {
            // ASF names its enterprise, 4542.
            6 => r.u32().ok()? == 4542,
            7 => matches!(r.u8().ok()?, 0..=2 | 4..=6),
            _ => false,
        };
        (sane && (head.on(623) || head.on(664))).then_some(match head.from {
            623 | 664 => Sender::Server,
            _ => Sender::Client,
        })
    };
    ours(read())
}

/// The third message of a log-in by RMCP+ names the user in the clear (IPMI 2.0, 13.20).
pub fn ipmi_told(cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
    let mut r = Reader::new(bytes);
    let mut rakp = || -> Option<String> {
        r.skip(4).ok()?;
        let (auth, kind) = (r.u8().ok()?, r.u8().ok()?);
        if auth != 6 || kind & 0x3f != 0x12 {
            return None;
        }
        // Session, sequence, length; tag, reserved, the server's session, random number, role, reserved.
        r.skip(4 + 4 + 2 + 4 + 4 + 16 + 1 + 2).ok()?;
        let length = usize::from(r.u8().ok()?);
        text(r.bytes(length.min(16)).ok()?, 16)
    };
    if side == Side::Client
        && let Some(user) = rakp()
    {
        cx.session(Some(user), Some("log-in by RMCP+".to_owned()));
    }
    Step::Took(bytes.len())
}
