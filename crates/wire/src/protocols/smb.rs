//! SMB: that file shares are used, in which version, and what the computers call themselves.
//!
//! Spec: RFC 1002, 4.3 (session service); [MS-CIFS] 2.2.3 and [MS-SMB2] 2.2.1 (headers), 2.2.4 (dialect);
//! [MS-NLMP] 2.2.1 (NTLM messages).
//! Emits: the version as variant (`1`, `2`, `3`), host names and system versions from NetBIOS and NTLM.
//! Blind to: shares, files and what is done with them; Kerberos log-ins; SMB over QUIC.
use crate::reader::text;
use crate::{Carrier, Cx, Decoder, Dialogue, Head, Malformed, Probe, Reader, Sender, Side, Step};

use super::netbios;

pub static DECODER: Decoder = Decoder {
    name: "smb",
    title: "SMB (Windows file sharing)",
    carriers: &[Carrier::Tcp(445), Carrier::Tcp(139)],
    probe,
    open: || Box::new(Smb::default()),
    remote: false,
    operations: &[],
    about: "Version of the protocol (1, 2, 3); computer names and system versions of both ends.",
    spec: "RFC 1002; [MS-CIFS]; [MS-SMB2]; [MS-NLMP]",
    blind: "shares, files and what is done with them; Kerberos log-ins",
};

/// Header of the session service.
const SESSION: usize = 4;
/// As much of a message as is looked at: a whole session set-up is smaller.
const MOST_LOOK: usize = 16 * 1024;

/// Type and length of a session message (RFC 1002, 4.3.1; over port 445 the length has 24 bits).
fn session(r: &mut Reader<'_>) -> Result<(u8, usize), Malformed> {
    let kind = r.u8()?;
    r.check(matches!(kind, 0x00 | 0x81..=0x85), "session message type")?;
    let length = usize::try_from(r.u24()?).unwrap_or(usize::MAX);
    Ok((kind, length))
}

fn probe(head: &Head<'_>) -> Probe {
    head.read(|r| {
        match session(r)? {
            (0x00, length) => {
                r.check(length >= 32, "session message length")?;
                let magic = r.array::<4>()?;
                let rest = r.peek();
                match &magic {
                    // Flags: 0x80 is set in replies ([MS-CIFS] 2.2.3.1).
                    b"\xffSMB" => Ok(sender(rest.get(5).map(|flags| flags & 0x80 != 0))),
                    // Flags: 0x01 is set in what servers send ([MS-SMB2] 2.2.1).
                    b"\xfeSMB" => Ok(sender(rest.get(12).map(|flags| flags & 0x01 != 0))),
                    b"\xfdSMB" | b"\xfcSMB" => Ok(Sender::Unknown),
                    _ => Err(Malformed::Bad("magic")),
                }
            }
            (0x81, _) => {
                netbios::name(r)?;
                Ok(Sender::Client)
            }
            (0x82, 0) | (0x83, 1) if head.on(139) => Ok(Sender::Server),
            (0x85, 0) if head.on(139) || head.on(445) => Ok(Sender::Unknown),
            _ => Err(Malformed::Bad("session message")),
        }
    })
}

const fn sender(reply: Option<bool>) -> Sender {
    match reply {
        Some(true) => Sender::Server,
        Some(false) => Sender::Client,
        None => Sender::Unknown,
    }
}

/// One connection: the version, once told.
#[derive(Default)]
struct Smb {
    version: u8,
}

impl Dialogue for Smb {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        let mut r = Reader::new(bytes);
        let (kind, length) = match session(&mut r) {
            Ok(header) => header,
            Err(error) => return Step::from_error(error, bytes.len().max(SESSION - 1)),
        };
        let whole = SESSION + length;
        let look = whole.min(MOST_LOOK);
        match kind {
            0x00 => {
                let body = r.peek();
                if !Self::tells(body) && body.len() >= HEADER.min(length) {
                    self.header(cx, body);
                    return Step::Skip(whole as u64);
                }
                if bytes.len() < look {
                    return Step::Need(look);
                }
                self.header(cx, body);
                self.set_up(cx, side, body.get(..length).unwrap_or(body));
            }
            0x81 => {
                if bytes.len() < look {
                    return Step::Need(look);
                }
                if let (Ok(called), Ok(calling)) = (netbios::name(&mut r), netbios::name(&mut r)) {
                    for (side, name) in [(Side::Server, called), (Side::Client, calling)] {
                        if let Some(name) = name.name {
                            cx.identity(side, "hostname", name);
                        }
                    }
                }
            }
            _ => {}
        }
        Step::Skip(whole as u64)
    }
}

/// Fixed part of an SMB 2 header: no smaller message exists.
const HEADER: usize = 64;

impl Smb {
    /// Negotiation and session set-up say more than their header.
    fn tells(body: &[u8]) -> bool {
        match body {
            [0xff, b'S', b'M', b'B', command, ..] => matches!(command, 0x72 | 0x73),
            [0xfe, b'S', b'M', b'B', _, _, _, _, _, _, _, _, low, 0, ..] => *low <= 1,
            [0xfd | 0xfc, b'S', b'M', b'B', ..] => false,
            _ => body.len() < 14,
        }
    }

    fn header(&mut self, cx: &mut Cx<'_>, body: &[u8]) {
        let version = match body {
            // A negotiation in the old form may lead to the new one ([MS-SMB2] 3.2.4.2.2).
            [0xff, b'S', b'M', b'B', 0x72, ..] => return,
            [0xff, b'S', b'M', b'B', ..] => 1,
            // Version 3 adds encryption and compression; a plain header does not tell 2 from 3.
            [0xfd | 0xfc, b'S', b'M', b'B', ..] => 3,
            _ => return,
        };
        self.tell(cx, version);
    }

    fn tell(&mut self, cx: &mut Cx<'_>, version: u8) {
        if self.version < version {
            self.version = version;
            cx.variant(version.to_string());
        }
    }

    fn set_up(&mut self, cx: &mut Cx<'_>, side: Side, body: &[u8]) {
        if side == Side::Server
            && let Some(version) = dialect(body)
        {
            self.tell(cx, version);
        }
        let Some(start) = body.windows(8).position(|part| part == b"NTLMSSP\0") else {
            return;
        };
        let message = body.get(start..).unwrap_or(&[]);
        if let Some(ntlm) = Ntlm::read(message) {
            if let Some(host) = ntlm.host {
                cx.identity(side, "hostname", host);
            }
            if let Some((major, minor, build)) = ntlm.version {
                cx.identity(side, "os", format!("Windows {major}.{minor} build {build}"));
            }
        }
    }
}

/// The version that a negotiation's answer selects.
fn dialect(body: &[u8]) -> Option<u8> {
    let mut r = Reader::new(body);
    match &r.array::<4>().ok()? {
        b"\xfeSMB" => {
            r.skip(8).ok()?;
            if r.u16_le().ok()? != 0 {
                return None;
            }
            r.skip(HEADER - 14).ok()?;
            // Structure size 65, security mode, dialect.
            if r.u16_le().ok()? != 65 {
                return None;
            }
            r.skip(2).ok()?;
            match r.u16_le().ok()? {
                0x0202 | 0x0210 => Some(2),
                0x0300 | 0x0302 | 0x0311 => Some(3),
                // 0x02ff: the client is to ask again.
                _ => None,
            }
        }
        b"\xffSMB" => {
            // Command, then status, flags … up to word count and dialect index.
            if r.u8().ok()? != 0x72 {
                return None;
            }
            r.skip(27).ok()?;
            let words = r.u8().ok()?;
            let index = r.u16_le().ok()?;
            (words > 0 && index != 0xffff).then_some(1)
        }
        _ => None,
    }
}

/// What an NTLM message says of its sender.
#[derive(Debug, Default, PartialEq)]
struct Ntlm {
    host: Option<String>,
    version: Option<(u8, u8, u16)>,
}

impl Ntlm {
    fn read(message: &[u8]) -> Option<Ntlm> {
        let mut r = Reader::new(message);
        r.skip(8).ok()?;
        match r.u32_le().ok()? {
            // Challenge: target information lists the server's names ([MS-NLMP] 2.2.1.2, 2.2.2.1).
            2 => {
                r.skip(8).ok()?;
                let flags = r.u32_le().ok()?;
                r.skip(16).ok()?;
                let info = field(message, &mut r)?;
                let version = version(&mut r, flags);
                let mut pairs = Reader::new(info);
                let (mut dns, mut netbios) = (None, None);
                while let (Ok(id), Ok(length)) = (pairs.u16_le(), pairs.u16_le()) {
                    let Ok(value) = pairs.bytes(usize::from(length)) else {
                        break;
                    };
                    match id {
                        0 => break,
                        1 => netbios = utf16(value),
                        3 => dns = utf16(value),
                        _ => {}
                    }
                }
                Some(Ntlm {
                    host: netbios.or(dns),
                    version,
                })
            }
            // Authenticate: the client's workstation ([MS-NLMP] 2.2.1.3).
            3 => {
                r.skip(8 + 8 + 8 + 8).ok()?;
                let host = field(message, &mut r);
                r.skip(8).ok()?;
                let flags = r.u32_le().ok()?;
                Some(Ntlm {
                    host: host.and_then(utf16),
                    version: version(&mut r, flags),
                })
            }
            _ => None,
        }
    }
}

/// Length, room and offset of a value in the message.
fn field<'a>(message: &'a [u8], r: &mut Reader<'_>) -> Option<&'a [u8]> {
    let (length, _room, offset) = (r.u16_le().ok()?, r.u16_le().ok()?, r.u32_le().ok()?);
    let start = usize::try_from(offset).ok()?;
    message.get(start..start.checked_add(usize::from(length))?)
}

/// [MS-NLMP] 2.2.2.10, where the flags say that it is there.
fn version(r: &mut Reader<'_>, flags: u32) -> Option<(u8, u8, u16)> {
    let version = (r.u8().ok()?, r.u8().ok()?, r.u16_le().ok()?);
    // Servers that are not Windows fill in a fixed version without a build.
    (flags & 0x0200_0000 != 0 && version.0 > 0 && version.2 > 0).then_some(version)
}

fn utf16(bytes: &[u8]) -> Option<String> {
    let (pairs, _) = bytes.as_chunks::<2>();
    let units: Vec<u16> = pairs.iter().map(|pair| u16::from_le_bytes(*pair)).collect();
    text(String::from_utf16_lossy(&units).as_bytes(), 64)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::DECODER;
    use crate::Side::{Client, Server};
    use crate::testing::{check, check_at};

    /// An SMB 2 header with that command and those flags.
    fn smb2(command: u8, flags: u8, body: &str) -> String {
        let body = body.replace(' ', "");
        let length = 64 + body.len() / 2;
        format!(
            "00{length:06x} fe534d42 4000 0000 00000000 {command:02x}00 0000 {flags:02x}000000 00000000 {} {body}",
            "00".repeat(40)
        )
    }

    #[test]
    fn the_answer_selects_the_version_and_the_challenge_names_the_server() {
        let challenge = "4e544c4d53535000 02000000 0000 0000 38000000 00000002 1122334455667788 0000000000000000 \
                         1000 1000 38000000 0a00 614a 0000000f 0100 0800 43004d0053003100 0000 0000";
        check_at(
            &DECODER,
            4455,
            &[
                (Client, &smb2(0, 0, "2400 0100")),
                (Server, &smb2(0, 1, "4100 0100 1103 0000")),
                (Client, &smb2(1, 0, "1900")),
                (Server, &smb2(1, 1, challenge)),
                (Client, &smb2(9, 0, "3100")),
            ],
            expect![[r#"
                conversation protocol=smb:3 state=answered packets=3/2 bytes=212/216
                identity 10.0.0.2 hostname=CMS1 stated
                identity 10.0.0.2 os=Windows 10.0 build 19041 stated
            "#]],
        );
    }

    #[test]
    fn the_old_version_is_told_once_it_is_used() {
        let smb1 = |command: &str, flags: &str, body: &str| {
            format!(
                "00000025 ff534d42 {command} 00000000 {flags} {} {body}",
                "00".repeat(22)
            )
        };
        check(
            &DECODER,
            &[
                (Client, &smb1("72", "18", "00 02ff ff00 00")),
                (Server, &smb1("72", "98", "01 0000 0000 00")),
            ],
            expect![[r#"
                conversation protocol=smb:1 state=answered packets=1/1 bytes=42/42
            "#]],
        );
    }

    #[test]
    fn names_of_a_session_request_and_bulk_are_read_cheaply() {
        let name = |text: &str| {
            text.bytes()
                .map(|byte| format!("{byte:02x}"))
                .collect::<String>()
        };
        let called = name("EDENFDDADHCACACACACACACACACACACA");
        let calling = name("EFEOEHDBCACACACACACACACACACACAAA");
        let bulk = format!("00010000 fd534d42 {}", "00".repeat(60));
        check_at(
            &DECODER,
            139,
            &[
                (Client, &format!("81000044 20{called}00 20{calling}00")),
                (Server, "82000000"),
                (Client, &bulk),
                (Client, &"00".repeat(65536 - 64)),
                (Client, &smb2(9, 0, "3100")),
            ],
            expect![[r#"
                conversation protocol=smb:3 state=answered packets=4/1 bytes=65682/4
                identity 10.0.0.2 hostname=CMS07 stated
                identity 10.0.0.1 hostname=ENG1 stated
            "#]],
        );
    }
}
