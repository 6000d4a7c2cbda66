//! NTLM inside other protocols: who logs in, from which host, to which.
//!
//! Spec: [MS-NLMP] 2.2.1 (messages), 2.2.2.1 (target information), 2.2.2.10 (version).
//! Its answers are hashes of secrets: they are not looked at.
use crate::reader::text;
use crate::{Cx, Reader, Side};

/// Longest name that is told.
const MOST_NAME: usize = 64;

const MARK: &[u8] = b"NTLMSSP\0";
/// [MS-NLMP] 2.2.2.5: names are UTF-16.
const UNICODE: u32 = 1;
const VERSION: u32 = 0x0200_0000;

/// What a message says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Ntlm {
    /// Of the sender: the server in a challenge, the client in an answer to one.
    pub host: Option<String>,
    pub os: Option<String>,
    /// `DOMAIN\user`, in the client's answer.
    pub user: Option<String>,
}

/// Tells what the first NTLM message in `bytes`, which `side` sent, says. Returns the user, where it names one.
pub(super) fn tell(cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Option<String> {
    let ntlm = find(bytes)?;
    if let Some(host) = ntlm.host {
        cx.identity(side, "hostname", host);
    }
    if let Some(os) = ntlm.os {
        cx.identity(side, "os", os);
    }
    let user = ntlm.user?;
    cx.identity(side, "user", user.clone());
    Some(user)
}

/// The first NTLM message in `bytes`, wherever it begins.
pub(super) fn find(bytes: &[u8]) -> Option<Ntlm> {
    let start = bytes.windows(MARK.len()).position(|part| part == MARK)?;
    read(bytes.get(start..)?)
}

fn read(message: &[u8]) -> Option<Ntlm> {
    let mut r = Reader::new(message);
    r.skip(MARK.len()).ok()?;
    match r.u32_le().ok()? {
        // Challenge.
        2 => {
            r.skip(8).ok()?;
            let flags = r.u32_le().ok()?;
            r.skip(16).ok()?;
            let info = field(message, &mut r)?;
            let (mut dns, mut netbios) = (None, None);
            let mut pairs = Reader::new(info);
            while let (Ok(id @ 1..), Ok(length)) = (pairs.u16_le(), pairs.u16_le()) {
                let Ok(value) = pairs.bytes(usize::from(length)) else {
                    break;
                };
                match id {
                    1 => netbios = utf16(value),
                    3 => dns = utf16(value),
                    _ => {}
                }
            }
            Some(Ntlm {
                host: netbios.or(dns),
                os: version(&mut r, flags),
                user: None,
            })
        }
        // Authenticate: two answers, domain, user, workstation, key, flags.
        3 => {
            r.skip(16).ok()?;
            let (domain, user) = (field(message, &mut r), field(message, &mut r));
            let host = field(message, &mut r);
            r.skip(8).ok()?;
            let flags = r.u32_le().ok()?;
            let word = |bytes: Option<&[u8]>| match flags & UNICODE {
                0 => text(bytes?, MOST_NAME),
                _ => utf16(bytes?),
            };
            let user = match (word(domain), word(user)) {
                (Some(domain), Some(user)) => Some(format!("{domain}\\{user}")),
                (_, user) => user,
            };
            Some(Ntlm {
                host: word(host),
                os: version(&mut r, flags),
                user,
            })
        }
        _ => None,
    }
}

/// Length, room and offset of a value in the message.
fn field<'a>(message: &'a [u8], r: &mut Reader<'_>) -> Option<&'a [u8]> {
    let (length, _room, offset) = (r.u16_le().ok()?, r.u16_le().ok()?, r.u32_le().ok()?);
    let start = usize::try_from(offset).ok()?;
    message.get(start..start.checked_add(usize::from(length))?)
}

/// Where the flags say that it is there; who is not Windows fills in a fixed one without a build.
fn version(r: &mut Reader<'_>, flags: u32) -> Option<String> {
    let (major, minor, build) = (r.u8().ok()?, r.u8().ok()?, r.u16_le().ok()?);
    (flags & VERSION != 0 && major > 0 && build > 0)
        .then(|| format!("Windows {major}.{minor} build {build}"))
}

/// Text of UTF-16, little endian.
pub(super) fn utf16(bytes: &[u8]) -> Option<String> {
    let (pairs, _) = bytes.as_chunks::<2>();
    let units: Vec<u16> = pairs.iter().map(|pair| u16::from_le_bytes(*pair)).collect();
    text(String::from_utf16_lossy(&units).as_bytes(), MOST_NAME)
}

#[test]
fn an_answer_names_user_domain_and_workstation() {
    // Answers empty; domain PORT at 64, user op at 72, workstation ENG1 at 76; Unicode.
    let message = crate::testing::hex(
        "aabb 4e544c4d53535000 03000000 0000000040000000 0000000040000000 0800080040000000 0400040048000000 \
         080008004c000000 0000000054000000 01000000 50004f0052005400 6f007000 45004e0047003100",
    );
    assert_eq!(
        find(&message),
        Some(Ntlm {
            host: Some("ENG1".to_owned()),
            os: None,
            user: Some("PORT\\op".to_owned()),
        })
    );
}
