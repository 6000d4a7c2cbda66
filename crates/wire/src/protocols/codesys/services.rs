//! What CODESYS services ask: groups, commands, and the tagged content behind them.
use crate::reader::text;
use crate::{Malformed, Reader, Verb};

/// Tags looked at in a message, and how deep they nest.
const MOST_TAGS: usize = 64;
const MOST_DEPTH: u8 = 3;

/// The header of a service (PlcServiceHeader of the CODESYS library documentation), and its content as far as it is there.
pub(super) struct Service<'a> {
    pub secured: bool,
    /// Answers have the highest bit set; it is taken off here.
    pub response: bool,
    pub group: u16,
    pub command: u16,
    /// Octets of content, here and in following blocks.
    pub length: u32,
    pub content: &'a [u8],
}

/// Header tags: content as it is, or encrypted.
const PLAIN: u16 = 0xcd55;
const SECURED: u16 = 0x7557;

impl<'a> Service<'a> {
    pub(super) fn read(r: &mut Reader<'a>) -> Result<Service<'a>, Malformed> {
        let (tag, size) = (r.u16_le()?, usize::from(r.u16_le()?));
        r.check(matches!(tag, PLAIN | SECURED), "header tag")?;
        r.check((12..=64).contains(&size), "header size")?;
        let mut header = r.sub(size)?;
        let (group, command) = (header.u16_le()?, header.u16_le()?);
        header.skip(4)?;
        Ok(Service {
            secured: tag == SECURED,
            response: group & 0x80 != 0,
            group: group & 0x7f,
            command,
            length: header.u32_le()?,
            content: r.rest(),
        })
    }

    /// The first text under one of `tags`, at any depth.
    pub(super) fn text(&self, tags: &[u32]) -> Option<String> {
        let mut found = None;
        let mut left = MOST_TAGS;
        walk(self.content, 0, &mut left, &mut |tag, data| {
            if found.is_none() && tags.contains(&tag) {
                let name = data.split(|byte| *byte == 0).next().unwrap_or(data);
                let readable =
                    name.len() > 1 && name.iter().all(|byte| (0x20..0x7f).contains(byte));
                found = readable.then(|| text(name, 128)).flatten();
            }
        });
        found
    }

    /// A number under a tag.
    pub(super) fn number(&self, tag: u32) -> Option<u32> {
        let mut found = None;
        let mut left = MOST_TAGS;
        walk(self.content, 0, &mut left, &mut |known, data| {
            if found.is_none() && known == tag {
                found = match *data {
                    [a, b] => Some(u32::from(u16::from_le_bytes([a, b]))),
                    [a, b, c, d, ..] => Some(u32::from_le_bytes([a, b, c, d])),
                    _ => None,
                };
            }
        });
        found
    }
}

/// Tag and length of seven bits to an octet, least first; a tag with its eighth bit set holds further ones.
fn walk<'a>(content: &'a [u8], depth: u8, left: &mut usize, leaf: &mut impl FnMut(u32, &'a [u8])) {
    let mut r = Reader::new(content);
    while !r.is_empty() && *left > 0 {
        *left -= 1;
        let (Ok(tag), Ok(length)) = (number(&mut r), number(&mut r)) else {
            return;
        };
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        // What runs into the next block is seen as far as it goes.
        let Ok(data) = r.bytes(length.min(r.left())) else {
            return;
        };
        if tag & 0x80 != 0 && depth < MOST_DEPTH {
            walk(data, depth + 1, left, leaf);
        } else {
            leaf(tag, data);
        }
    }
}

fn number(r: &mut Reader<'_>) -> Result<u32, Malformed> {
    let mut value = 0u32;
    for shift in [0, 7, 14, 21, 28] {
        let octet = r.u8()?;
        value |= u32::from(octet & 0x7f) << shift;
        if octet & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(Malformed::Bad("number"))
}

/// Group, command: what the component's interface calls it, and what it does.
pub(super) const fn known(group: u16, command: u16) -> Option<(&'static str, Verb)> {
    Some(match (group, command) {
        (1, 0x01) => ("device: get target identification", Verb::Identify),
        (1, 0x02) => ("device: log in", Verb::Authenticate),
        (1, 0x04) => ("device: reset to origin", Verb::Reset),
        (1, 0x05) => ("device: echo", Verb::Diagnose),
        (1, 0x06) => ("device: set operating mode", Verb::ModeChange),
        (1, 0x07) => ("device: get operating mode", Verb::Read),
        (1, 0x08) => ("device: interactive log in", Verb::Authenticate),
        (1, 0x09) => ("device: rename node", Verb::Configure),
        (2, 0x03) => ("application: create", Verb::ProgramDownload),
        (2, 0x04) => ("application: delete", Verb::ProgramDelete),
        (2, 0x05) => ("application: download", Verb::ProgramDownload),
        (2, 0x06) => ("application: online change", Verb::ProgramDownload),
        (2, 0x07) => ("application: device download", Verb::ProgramDownload),
        (2, 0x08) => (
            "application: create device application",
            Verb::ProgramDownload,
        ),
        (2, 0x10) => ("application: start", Verb::Start),
        (2, 0x11) => ("application: stop", Verb::Stop),
        (2, 0x12) => ("application: reset", Verb::Reset),
        (2, 0x13 | 0x15) => ("application: set or delete breakpoint", Verb::ModeChange),
        (2, 0x14 | 0x25) => ("application: read status", Verb::Diagnose),
        (2, 0x16) => ("application: read call stack", Verb::Diagnose),
        (2, 0x18 | 0x29 | 0x31) => ("application: read information", Verb::Identify),
        (2, 0x19) => ("application: set next statement", Verb::ModeChange),
        (2, 0x20) => ("application: release forced values", Verb::Write),
        (2, 0x21) => ("application: read forced values", Verb::Read),
        (2, 0x22) => ("application: single cycle", Verb::ModeChange),
        (2, 0x23) => ("application: create boot project", Verb::ProgramDownload),
        (2, 0x24) => ("application: initialise anew", Verb::Reset),
        (2, 0x26 | 0x27) => (
            "application: load or register boot project",
            Verb::ProgramDownload,
        ),
        (2, 0x30) => ("application: compact download", Verb::ProgramDownload),
        (5, _) => ("log", Verb::Diagnose),
        (6, 0x02 | 0x04) => ("settings: write", Verb::Configure),
        (6, _) => ("settings: read", Verb::Read),
        (8, 0x01) => ("file: information", Verb::FileRead),
        (8, 0x02) => ("file: start write", Verb::FileWrite),
        (8, 0x05) => ("file: start read", Verb::FileRead),
        (8, 0x0c) => ("file: list directory", Verb::FileRead),
        (8, 0x0e) => ("file: delete", Verb::FileDelete),
        (8, 0x10) => ("file: create directory", Verb::FileWrite),
        (8, 0x11) => ("file: delete directory", Verb::FileDelete),
        (9, 0x02) | (0x0b | 0x1b, 0x02) => ("variables: write", Verb::Write),
        (9 | 0x0b | 0x1b, _) => ("variables: read", Verb::Read),
        (0x11, 0x01) => ("shell of the controller", Verb::Operate),
        _ => return None,
    })
}
