//! S7comm-plus, the protocol of S7-1200 and S7-1500: told apart from S7comm, not read.
//!
//! Spec: none is public; the frame (identifier 0x72, version, length) is common knowledge of the field.
//! Emits: the conversation under its own name, with the version as variant.
//! Blind to: everything inside.
use super::cotp::{self, Tpdu};
use crate::{Carrier, Cx, Decoder, Dialogue, Head, Malformed, Probe, Reader, Sender, Side, Step};

pub static DECODER: Decoder = Decoder {
    name: "s7comm-plus",
    title: "S7comm-plus (Siemens S7-1200/1500)",
    carriers: &[Carrier::Tcp(102)],
    probe,
    open: || Box::new(Plus::default()),
    remote: false,
    operations: &[],
    about: "Recognised and told apart from S7comm; the version is its variant.",
    spec: "RFC 1006; RFC 905 class 0; S7comm-plus itself has no public standard",
    blind: "everything that is done inside it",
};

const ID: u8 = 0x72;
/// Identifier, version, length.
const HEADER: usize = 4;

fn probe(head: &Head<'_>) -> Probe {
    head.read(|r| {
        let (content, whole) = cotp::content(r)?;
        recognise(content, whole)
    })
}

fn recognise(content: &[u8], whole: bool) -> Result<Sender, Malformed> {
    let mut r = Reader::new(content);
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
            0x31 => Sender::Client,
            0x32 | 0x33 => Sender::Server,
            _ => Sender::Unknown,
        })
    });
    match read {
        Err(Malformed::Short) if whole => Err(Malformed::Bad("length")),
        other => other,
    }
}

fn version(r: &mut Reader<'_>) -> Result<u8, Malformed> {
    let id = r.u8()?;
    r.check(id == ID, "identifier")?;
    let version = r.u8()?;
    r.check(matches!(version, 1..=3 | 0xfe | 0xff), "version")?;
    Ok(version)
}

/// One connection.
#[derive(Default)]
struct Plus {
    version: u8,
}

impl Dialogue for Plus {
    fn message(&mut self, cx: &mut Cx<'_>, _side: Side, bytes: &[u8]) -> Step {
        let length = match cotp::length(&mut Reader::new(bytes)) {
            Ok(length) => length,
            Err(error) => return Step::from_error(error, bytes.len()),
        };
        let known = if bytes.len() >= length {
            match cotp::read(&mut Reader::new(bytes)) {
                Ok(Tpdu::Data { data, .. }) if data.len() > HEADER => {
                    version(&mut Reader::new(data)).ok()
                }
                _ => None,
            }
        } else {
            return Step::Need(length);
        };
        // Versions 1 to 3 rise within a session; 0xfe and 0xff are no versions.
        if let Some(version @ 1..=3) = known
            && version > self.version
        {
            self.version = version;
            cx.variant(match version {
                1 => "v1",
                2 => "v2",
                _ => "v3",
            });
        }
        Step::Took(length)
    }
}
