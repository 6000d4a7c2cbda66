//! Wire formats of RDP: TPKT, X.224, negotiation, and the few T.125 messages that tell something in clear text.
use crate::reader::text;
use crate::{Malformed, Reader};

/// TPKT header (RFC 1006, 6).
pub const TPKT: usize = 4;

/// A TPKT with its X.224 TPDU.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Tpdu<'a> {
    /// Connection request: what stands behind its fixed part.
    Request(&'a [u8]),
    /// Connection confirm.
    Confirm(&'a [u8]),
    /// Data: a T.125 message.
    Data(&'a [u8]),
    /// Disconnect request.
    Disconnect,
}

/// The length that a TPKT header states.
pub fn tpkt_length(r: &mut Reader<'_>) -> Result<usize, Malformed> {
    let (version, _) = (r.u8()?, r.u8()?);
    r.check(version == 3, "TPKT version")?;
    let length = usize::from(r.u16()?);
    r.check(length >= TPKT + 3, "TPKT length")?;
    Ok(length)
}

impl<'a> Tpdu<'a> {
    pub fn read(r: &mut Reader<'a>) -> Result<Tpdu<'a>, Malformed> {
        let length = tpkt_length(r)?;
        let mut r = r.sub(length - TPKT)?;
        // X.224, 13.2: length indicator, code, then by code.
        let indicator = usize::from(r.u8()?);
        let code = r.u8()?;
        // The indicator of a connection request goes to its end; a client that states less is read like servers do.
        let rest = r.rest();
        match code {
            0xe0 | 0xd0 => {
                let (fixed, variable) = rest.split_at_checked(5).ok_or(Malformed::Bad("X.224"))?;
                if indicator < 6 || !matches!(fixed, [_, _, _, _, 0]) {
                    return Err(Malformed::Bad("X.224 class"));
                }
                Ok(if code == 0xe0 {
                    Tpdu::Request(variable)
                } else {
                    Tpdu::Confirm(variable)
                })
            }
            0xf0 => match rest {
                [0x80, data @ ..] if indicator == 2 => Ok(Tpdu::Data(data)),
                _ => Err(Malformed::Bad("X.224 data")),
            },
            0x80 => Ok(Tpdu::Disconnect),
            _ => Err(Malformed::Bad("X.224 code")),
        }
    }
}

/// What a connection request carries ([MS-RDPBCGR] 2.2.1.1).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Request {
    pub cookie: bool,
    pub user: Option<String>,
    /// Protocols that the client offers; `None`: standard RDP security only.
    pub offers: Option<u32>,
}

impl Request {
    /// `Err`: a connection request of another protocol (S7comm, MMS carry T-selectors).
    pub fn read(variable: &[u8]) -> Result<Request, Malformed> {
        let mut request = Request::default();
        let mut rest = variable;
        if rest.starts_with(b"Cookie: ") {
            let (line, length) = super::super::lines::line(rest).ok_or(Malformed::Bad("cookie"))?;
            request.cookie = true;
            request.user = line
                .strip_prefix(b"Cookie: mstshash=")
                .and_then(|user| text(user, 64));
            rest = rest.get(length..).unwrap_or(&[]);
        }
        // Some clients send the end of a cookie without a cookie.
        if !rest.is_empty() && rest != b"\r\n" {
            let mut r = Reader::new(rest);
            let (kind, _, length) = (r.u8()?, r.u8()?, r.u16_le()?);
            r.check(kind == 1 && length == 8, "negotiation request")?;
            request.offers = Some(r.u32_le()?);
            // Only the correlation of 36 octets may follow.
            r.check(r.is_empty() || r.left() == 36, "negotiation request")?;
        }
        Ok(request)
    }

    /// It says of itself that it is RDP.
    pub const fn is_telling(&self) -> bool {
        self.cookie || self.offers.is_some()
    }
}

/// What the server answered ([MS-RDPBCGR] 2.2.1.2).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Answer {
    /// No negotiation: standard RDP security.
    Standard,
    Selected(u32),
    Failed(u32),
}

impl Answer {
    pub fn read(variable: &[u8]) -> Result<Answer, Malformed> {
        if variable.is_empty() {
            return Ok(Answer::Standard);
        }
        let mut r = Reader::new(variable);
        let (kind, _, length) = (r.u8()?, r.u8()?, r.u16_le()?);
        r.check(length == 8 && r.left() == 4, "negotiation answer")?;
        match kind {
            2 => r.u32_le().map(Answer::Selected),
            3 => r.u32_le().map(Answer::Failed),
            _ => Err(Malformed::Bad("negotiation answer")),
        }
    }
}

/// Short name of a selected security protocol ([MS-RDPBCGR] 2.2.1.2.1).
pub const fn security(selected: u32) -> &'static str {
    match selected {
        0 => "rdp",
        1 => "tls",
        2 | 8 => "nla",
        4 => "rdstls",
        16 => "rdsaad",
        _ => "unknown",
    }
}

/// Names of the protocols that a client offers.
pub fn offered(offers: u32) -> String {
    let mut names = vec!["rdp"];
    for (bit, name) in [(1, "tls"), (2 | 8, "nla"), (4, "rdstls"), (16, "rdsaad")] {
        if offers & bit != 0 {
            names.push(name);
        }
    }
    names.join("+")
}

/// [MS-RDPBCGR] 2.2.1.2.2.
pub const fn failure(code: u32) -> &'static str {
    match code {
        1 => "server requires tls",
        2 => "server does not allow tls",
        3 => "server has no certificate",
        4 => "inconsistent flags",
        5 => "server requires nla",
        6 => "server requires tls with client certificate",
        _ => "negotiation failed",
    }
}

/// A T.125 message, by which end sends it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mcs<'a> {
    ConnectInitial(&'a [u8]),
    ConnectResponse,
    /// Small messages of the channel set-up: from the client, from the server.
    ClientSetup,
    ServerSetup,
    /// User data of a channel.
    ClientData(&'a [u8]),
    ServerData,
    Disconnect,
}

impl<'a> Mcs<'a> {
    /// T.125, 7 and 11: BER for the connection, PER with the choice in six bits for the rest.
    pub fn read(data: &'a [u8]) -> Option<Mcs<'a>> {
        Some(match data {
            [0x7f, 0x65, rest @ ..] => Mcs::ConnectInitial(rest),
            [0x7f, 0x66, ..] => Mcs::ConnectResponse,
            [0x04, _, _, _, _] | [0x28] | [0x38, _, _, _, _] => Mcs::ClientSetup,
            [0x2e, _, _, _] | [0x2c, _] | [0x3e, ..] | [0x3c, ..] => Mcs::ServerSetup,
            [0x21, 0x80] | [0x20, 0x80] => Mcs::Disconnect,
            [choice @ (0x64 | 0x68), _, _, _, _, priority, rest @ ..] if priority & 0x0f == 0 => {
                let user = match rest {
                    [high, low, user @ ..] if high & 0x80 != 0 => {
                        let length = usize::from(high & 0x3f) << 8 | usize::from(*low);
                        (length == user.len()).then_some(user)?
                    }
                    [length, user @ ..] => (usize::from(*length) == user.len()).then_some(user)?,
                    [] => return None,
                };
                if *choice == 0x64 {
                    Mcs::ClientData(user)
                } else {
                    Mcs::ServerData
                }
            }
            _ => return None,
        })
    }
}

/// The computer name and the build of the client's system in its core data ([MS-RDPBCGR] 2.2.1.3.2), inside GCC user data after the key `Duca`.
pub fn client(initial: &[u8]) -> Option<(Option<String>, u32)> {
    let key = initial.windows(4).position(|window| window == b"Duca")?;
    let mut r = Reader::new(initial.get(key + 4..)?);
    // PER length of one or two octets.
    if r.u8().ok()? & 0x80 != 0 {
        r.skip(1).ok()?;
    }
    while let (Ok(kind), Ok(length)) = (r.u16_le(), r.u16_le()) {
        let mut block = r.sub(usize::from(length).checked_sub(4)?).ok()?;
        if kind == 0xc001 {
            // Version, width, height, colour depth, SAS sequence, keyboard layout; build.
            block.skip(16).ok()?;
            let build = block.u32_le().ok()?;
            return Some((utf16(block.bytes(32).ok()?), build));
        }
    }
    None
}

/// What a Client Info PDU gives when nothing encrypts it ([MS-RDPBCGR] 2.2.1.11).
#[derive(Clone, Debug, PartialEq)]
pub struct Info {
    pub user: Option<String>,
    pub password: bool,
}

pub fn client_info(user_data: &[u8]) -> Option<Info> {
    let mut r = Reader::new(user_data);
    let (flags, _) = (r.u16_le().ok()?, r.u16_le().ok()?);
    // SEC_INFO_PKT without SEC_ENCRYPT.
    if flags & 0x0040 == 0 || flags & 0x0008 != 0 {
        return None;
    }
    let (_code_page, info) = (r.u32_le().ok()?, r.u32_le().ok()?);
    // INFO_UNICODE: the only form that clients still send.
    if info & 0x0010 == 0 {
        return None;
    }
    let (domain, user, password) = (r.u16_le().ok()?, r.u16_le().ok()?, r.u16_le().ok()?);
    r.skip(4).ok()?;
    // Each string is followed by a zero that its length does not count.
    r.skip(usize::from(domain) + 2).ok()?;
    let user = utf16(r.bytes(usize::from(user)).ok()?);
    Some(Info {
        user,
        password: password > 0,
    })
}

/// Little-endian UTF-16 up to its zero.
fn utf16(bytes: &[u8]) -> Option<String> {
    let (pairs, _) = bytes.as_chunks::<2>();
    let units: Vec<u16> = pairs
        .iter()
        .map(|pair| u16::from_le_bytes(*pair))
        .take_while(|unit| *unit != 0)
        .collect();
    text(String::from_utf16_lossy(&units).as_bytes(), 64)
}

/// Fast-path output and input ([MS-RDPBCGR] 2.2.8.1.2, 2.2.9.1.2): action 0 in the low bits, then the length.
pub fn fast_path(r: &mut Reader<'_>) -> Result<usize, Malformed> {
    let header = r.u8()?;
    r.check(header & 0x03 == 0, "fast-path action")?;
    let first = r.u8()?;
    let length = if first & 0x80 == 0 {
        usize::from(first)
    } else {
        usize::from(first & 0x7f) << 8 | usize::from(r.u8()?)
    };
    r.check(length > r.at(), "fast-path length")?;
    Ok(length)
}

/// First datagrams of RDP over UDP ([MS-RDPEUDP] 2.2.2.1): `Some(true)` asks, `Some(false)` answers.
pub fn udp_syn(datagram: &[u8]) -> Option<bool> {
    let mut r = Reader::new(datagram);
    let acknowledged = r.u32().ok()?;
    let _window = r.u16().ok()?;
    let flags = r.u16().ok()?;
    let _sequence = r.u32().ok()?;
    let (up, down) = (r.u16().ok()?, r.u16().ok()?);
    let sane = |mtu: u16| (1132..=1232).contains(&mtu);
    if flags & 0x0001 == 0 || !sane(up) || !sane(down) {
        return None;
    }
    let asks = acknowledged == u32::MAX;
    // An answer acknowledges.
    (asks != (flags & 0x0004 != 0)).then_some(asks)
}
