//! The frame around S7comm-plus: identifier, version, length; and how it is told by it.
use super::super::cotp;
use super::opcode;
use crate::{Head, Malformed, Probe, Reader, Sender};

const ID: u8 = 0x72;

pub(super) fn probe(head: &Head<'_>) -> Probe {
    head.read(|r| {
        let (content, whole) = cotp::content(r)?;
        recognise(content, whole)
    })
}

fn recognise(content: &[u8], whole: bool) -> Result<Sender, Malformed> {
    let mut r = Reader::new(content);
    if content.first().is_some_and(|first| *first != ID) {
        return tls(&mut r).map(|()| Sender::Unknown);
    }
    let read = version(&mut r).and_then(|version| {
        let length = usize::from(r.u16()?);
        // The whole unit, or its first part of several; a trailer with the same identifier may follow.
        r.check(
            !whole || length <= r.left() || content.len() > 256,
            "length",
        )?;
        if matches!(version, 0xfe | 0xff) {
            return Ok(Sender::Unknown);
        }
        // From version 3 on an integrity part stands in front.
        if version == 3 {
            let size = usize::from(r.u8()?);
            r.skip(size)?;
        }
        Ok(match r.u8()? {
            opcode::REQUEST => Sender::Client,
            opcode::RESPONSE | opcode::NOTIFICATION => Sender::Server,
            _ => Sender::Unknown,
        })
    });
    match read {
        Err(Malformed::Short) if whole => Err(Malformed::Bad("length")),
        other => other,
    }
}

pub(super) fn version(r: &mut Reader<'_>) -> Result<u8, Malformed> {
    let id = r.u8()?;
    r.check(id == ID, "identifier")?;
    let version = r.u8()?;
    r.check(matches!(version, 1..=3 | 0xfe | 0xff), "version")?;
    Ok(version)
}

/// A TLS record begins: after `InitSSL` they stand where messages stood, in COTP's data units.
pub(super) fn tls(r: &mut Reader<'_>) -> Result<(), Malformed> {
    let kind = r.u8()?;
    r.check(matches!(kind, 0x14..=0x17), "identifier")?;
    let version = r.u16()?;
    r.check(matches!(version, 0x0301..=0x0304), "TLS version")?;
    let length = r.u16()?;
    r.check((1..=0x4100).contains(&length), "TLS length")
}
