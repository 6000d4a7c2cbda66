//! NTLM messages: what they say of who sends them ([MS-NLMP] 2.2.1).
use crate::Reader;
use crate::reader::text;

/// What an NTLM message says of its sender.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Ntlm {
    pub host: Option<String>,
    pub version: Option<(u8, u8, u16)>,
    /// Who logs in, with the domain where one is named.
    pub user: Option<String>,
}

impl Ntlm {
    /// The first one in the body of a session set-up.
    pub(super) fn find(body: &[u8]) -> Option<Ntlm> {
        let start = body.windows(8).position(|part| part == b"NTLMSSP\0")?;
        Ntlm::read(body.get(start..)?)
    }

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
                    user: None,
                })
            }
            // Authenticate: domain, user and workstation ([MS-NLMP] 2.2.1.3).
            3 => {
                r.skip(8 + 8).ok()?;
                let domain = field(message, &mut r);
                let user = field(message, &mut r);
                let host = field(message, &mut r);
                r.skip(8).ok()?;
                let flags = r.u32_le().ok()?;
                let word = |bytes: &[u8]| {
                    // NTLMSSP_NEGOTIATE_UNICODE ([MS-NLMP] 2.2.2.5).
                    if flags & 1 != 0 {
                        utf16(bytes)
                    } else {
                        text(bytes, 64)
                    }
                };
                let user = user.and_then(word).map(|user| match domain.and_then(word) {
                    Some(domain) => format!("{domain}\\{user}"),
                    None => user,
                });
                Some(Ntlm {
                    host: host.and_then(word),
                    version: version(&mut r, flags),
                    user,
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
    super::wide(bytes, 64)
}
