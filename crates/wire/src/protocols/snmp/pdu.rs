//! The messages of SNMP, as BER.
use std::fmt::Write;

use crate::{Malformed, Reader};

/// Variable bindings read of one message.
const MOST_BINDINGS: usize = 256;
/// RFC 2578, 3.5: sub-identifiers of an object identifier.
const MOST_ARCS: usize = 128;

/// Tags: universal ones (X.690, 8) and those of RFC 1157, RFC 3416 and RFC 3412.
mod tag {
    pub(crate) const INTEGER: u8 = 0x02;
    pub(crate) const OCTETS: u8 = 0x04;
    pub(crate) const OBJECT: u8 = 0x06;
    pub(crate) const SEQUENCE: u8 = 0x30;
}

/// Tags of the PDUs (RFC 3416, 3; RFC 1157, 4.1.6 for the trap of version 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Get,
    GetNext,
    Response,
    Set,
    TrapV1,
    GetBulk,
    Inform,
    Trap,
    Report,
}

impl Kind {
    const fn of(tag: u8) -> Option<Kind> {
        Some(match tag {
            0xa0 => Kind::Get,
            0xa1 => Kind::GetNext,
            0xa2 => Kind::Response,
            0xa3 => Kind::Set,
            0xa4 => Kind::TrapV1,
            0xa5 => Kind::GetBulk,
            0xa6 => Kind::Inform,
            0xa7 => Kind::Trap,
            0xa8 => Kind::Report,
            _ => return None,
        })
    }

    /// RFC 3411, 2.8: these are answered; traps, reports and answers are not.
    pub(super) const fn wants_answer(self) -> bool {
        self.reads_or_sets() || matches!(self, Kind::Inform)
    }

    /// Asks a device for something; an inform tells it something.
    pub(super) const fn reads_or_sets(self) -> bool {
        matches!(self, Kind::Get | Kind::GetNext | Kind::GetBulk | Kind::Set)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    V1,
    V2c,
    V3,
}

impl Version {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Version::V1 => "v1",
            Version::V2c => "v2c",
            Version::V3 => "v3",
        }
    }
}

/// A message up to its PDU.
pub(super) struct Message<'a> {
    pub version: Version,
    /// Versions 1 and 2c.
    pub community: Option<&'a [u8]>,
    /// Version 3: authoritative engine (RFC 3414, 2.4).
    pub engine: Option<&'a [u8]>,
    /// Absent when encrypted.
    pub pdu: Option<Pdu<'a>>,
    /// RFC 3412, 6.4: a report of version 3 may come in answer; of what is not answered anyway, none may.
    pub reportable: bool,
}

impl Message<'_> {
    pub(super) fn wants_answer(&self) -> bool {
        (self.pdu.as_ref()).map_or(self.reportable, |pdu| pdu.kind.wants_answer())
    }
}

pub(super) struct Pdu<'a> {
    pub kind: Kind,
    pub request: i64,
    /// 0 is none (RFC 3416, 3).
    pub error: i64,
    /// What the PDU's bytes are besides its request number, to know repetitions by.
    pub rest: &'a [u8],
    bindings: Reader<'a>,
}

/// A name and what it is bound to.
pub(super) struct Binding<'a> {
    pub object: &'a [u8],
    tag: u8,
    value: &'a [u8],
}

/// One element: tag and contents.
fn element<'a>(r: &mut Reader<'a>) -> Result<(u8, Reader<'a>), Malformed> {
    let tag = r.u8()?;
    r.check(tag & 0x1f != 0x1f, "tag")?;
    let length = match r.u8()? {
        short @ 0..=0x7f => usize::from(short),
        // Lengths of up to four octets; the indefinite form is not allowed (RFC 3417, 8).
        long @ 0x81..=0x84 => {
            let octets = r.bytes(usize::from(long & 0x7f))?;
            octets
                .iter()
                .fold(0, |sum, octet| sum << 8 | usize::from(*octet))
        }
        _ => return Err(Malformed::Bad("length")),
    };
    Ok((tag, r.sub(length)?))
}

fn expect<'a>(r: &mut Reader<'a>, wanted: u8, what: &'static str) -> Result<Reader<'a>, Malformed> {
    let (tag, inner) = element(r)?;
    r.check(tag == wanted, what)?;
    Ok(inner)
}

fn integer(r: &mut Reader<'_>) -> Result<i64, Malformed> {
    let mut inner = expect(r, tag::INTEGER, "integer")?;
    let octets = inner.rest();
    r.check((1..=8).contains(&octets.len()), "integer length")?;
    let sign = octets.first().is_some_and(|octet| octet & 0x80 != 0);
    let start = if sign { -1 } else { 0 };
    Ok(octets
        .iter()
        .fold(start, |sum, octet| sum << 8 | i64::from(*octet)))
}

fn octets<'a>(r: &mut Reader<'a>) -> Result<&'a [u8], Malformed> {
    expect(r, tag::OCTETS, "octet string").map(|mut inner| inner.rest())
}

impl<'a> Message<'a> {
    pub(super) fn read(r: &mut Reader<'a>) -> Result<Message<'a>, Malformed> {
        let mut r = expect(r, tag::SEQUENCE, "message")?;
        let version = match integer(&mut r)? {
            0 => Version::V1,
            1 => Version::V2c,
            3 => Version::V3,
            _ => return Err(Malformed::Bad("version")),
        };
        if version != Version::V3 {
            let community = octets(&mut r)?;
            let pdu = Pdu::read(&mut r)?;
            return Ok(Message {
                version,
                community: Some(community),
                engine: None,
                pdu: Some(pdu),
                reportable: false,
            });
        }
        // RFC 3412, 6: id, size, flags, security model.
        let mut header = expect(&mut r, tag::SEQUENCE, "header")?;
        integer(&mut header)?;
        integer(&mut header)?;
        let flags = octets(&mut header)?.first().copied().unwrap_or(0);
        let model = integer(&mut header)?;
        let security = octets(&mut r)?;
        let engine = (model == 3).then(|| engine(security)).transpose()?;
        let pdu = if flags & 0x02 == 0 {
            let mut scoped = expect(&mut r, tag::SEQUENCE, "scoped PDU")?;
            octets(&mut scoped)?;
            octets(&mut scoped)?;
            Some(Pdu::read(&mut scoped)?)
        } else {
            octets(&mut r)?;
            None
        };
        Ok(Message {
            version,
            community: None,
            engine: engine.filter(|engine| !engine.is_empty()),
            pdu,
            reportable: flags & 0x04 != 0,
        })
    }
}

/// RFC 3414, 2.4: the authoritative engine's id stands first.
fn engine(security: &[u8]) -> Result<&[u8], Malformed> {
    let mut inner = expect(&mut Reader::new(security), tag::SEQUENCE, "security")?;
    let engine = octets(&mut inner)?;
    inner.check(engine.len() <= 32, "engine id length")?;
    Ok(engine)
}

impl<'a> Pdu<'a> {
    fn read(r: &mut Reader<'a>) -> Result<Pdu<'a>, Malformed> {
        let (tag, mut inner) = element(r)?;
        let kind = Kind::of(tag).ok_or(Malformed::Bad("PDU type"))?;
        if kind == Kind::TrapV1 {
            // Enterprise, agent, generic and specific number, time; then the bindings.
            expect(&mut inner, tag::OBJECT, "enterprise")?;
            for _ in 0..4 {
                element(&mut inner)?;
            }
            return Ok(Pdu {
                kind,
                request: 0,
                error: 0,
                rest: inner.peek(),
                bindings: expect(&mut inner, tag::SEQUENCE, "bindings")?,
            });
        }
        let request = integer(&mut inner)?;
        let rest = inner.peek();
        let error = integer(&mut inner)?;
        integer(&mut inner)?;
        Ok(Pdu {
            kind,
            request,
            error,
            rest,
            bindings: expect(&mut inner, tag::SEQUENCE, "bindings")?,
        })
    }

    /// The bindings, and whether one of them was malformed.
    pub(super) fn bindings(&self) -> (Vec<Binding<'a>>, Option<Malformed>) {
        let mut r = self.bindings;
        let mut bindings = Vec::new();
        while !r.is_empty() && bindings.len() < MOST_BINDINGS {
            match binding(&mut r) {
                Ok(binding) => bindings.push(binding),
                Err(error) => return (bindings, Some(error)),
            }
        }
        (bindings, None)
    }
}

fn binding<'a>(r: &mut Reader<'a>) -> Result<Binding<'a>, Malformed> {
    let mut inner = expect(r, tag::SEQUENCE, "binding")?;
    let object = expect(&mut inner, tag::OBJECT, "object identifier")?.rest();
    let (tag, mut value) = element(&mut inner)?;
    Ok(Binding {
        object,
        tag,
        value: value.rest(),
    })
}

impl<'a> Binding<'a> {
    pub(super) fn octets(&self) -> Option<&'a [u8]> {
        (self.tag == tag::OCTETS).then_some(self.value)
    }

    pub(super) fn object_value(&self) -> Option<String> {
        (self.tag == tag::OBJECT)
            .then(|| dotted(self.value, MOST_ARCS))
            .flatten()
    }

    pub(super) const fn length(&self) -> usize {
        self.value.len()
    }
}

/// An object identifier in dots, at most `most` arcs of it (X.690, 8.19); `None` if it is malformed.
pub(super) fn dotted(object: &[u8], most: usize) -> Option<String> {
    let mut out = String::new();
    let (mut arcs, mut arc) = (0, 0u64);
    if object.last().is_none_or(|octet| octet & 0x80 != 0) {
        return None;
    }
    for octet in object {
        if arc > u64::from(u32::MAX) {
            return None;
        }
        arc = arc << 7 | u64::from(octet & 0x7f);
        if octet & 0x80 != 0 {
            continue;
        }
        if arcs == 0 {
            // The first two arcs share a number.
            let first = (arc / 40).min(2);
            _ = write!(out, "{first}.{}", arc - first * 40);
            arcs = 2;
        } else {
            _ = write!(out, ".{arc}");
            arcs += 1;
        }
        if arcs >= most {
            break;
        }
        arc = 0;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn object_identifiers_are_written_in_dots() {
        let of = |text: &str| dotted(&crate::testing::hex(text), MOST_ARCS);
        assert_eq!(of("2b06010201010100").as_deref(), Some("1.3.6.1.2.1.1.1.0"));
        assert_eq!(of("883703").as_deref(), Some("2.999.3"));
        assert_eq!(of("2b0680"), None, "ends inside a number");
        assert_eq!(of("2b ffffffffff7f"), None, "a number beyond 32 bits");
        assert_eq!(dotted(&[0x2b, 6, 1, 2], 3).as_deref(), Some("1.3.6"));
    }
}
