//! Built-in types of the OPC UA binary encoding.
//!
//! Spec: OPC 10000-6, 5.2.
use std::fmt;

use crate::reader::{Malformed, Reader, text};

type Result<T> = std::result::Result<T, Malformed>;

/// How deep values may nest. OPC 10000-6, 5.1.11 asks decoders to bear 100; nothing real comes near.
const MOST_DEPTH: u8 = 16;
/// Characters kept of a string.
const MOST_TEXT: usize = 256;

/// Bytes of a string, byte string or XML element; a length of -1 stands for none.
pub(super) fn bytes<'a>(r: &mut Reader<'a>) -> Result<Option<&'a [u8]>> {
    match count(r)? {
        None => Ok(None),
        Some(length) => r.bytes(length).map(Some),
    }
}

pub(super) fn string(r: &mut Reader<'_>) -> Result<Option<String>> {
    Ok(bytes(r)?.and_then(|bytes| text(bytes, MOST_TEXT)))
}

/// A signed length; -1 (and, from sloppy senders, any negative) is none.
fn count(r: &mut Reader<'_>) -> Result<Option<usize>> {
    // The sign bit: all lengths of real messages are far below it.
    Ok(usize::try_from(r.u32_le()?.cast_signed()).ok())
}

/// Length of an array. Every element takes at least a byte: more elements than bytes is a contradiction.
pub(super) fn array(r: &mut Reader<'_>) -> Result<usize> {
    Ok(count(r)?.unwrap_or(0))
}

pub(super) fn strings(r: &mut Reader<'_>) -> Result<()> {
    for _ in 0..array(r)? {
        bytes(r)?;
    }
    Ok(())
}

/// The name of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NodeId {
    pub namespace: u16,
    pub id: Id,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Id {
    Number(u32),
    Text(String),
    /// A GUID or opaque bytes, as they are written.
    Other(String),
}

impl NodeId {
    /// OPC 10000-6, 5.2.2.9, with the parts that only expanded ones have (5.2.2.10).
    pub(super) fn read(r: &mut Reader<'_>) -> Result<NodeId> {
        let form = r.u8()?;
        let (namespace, id) = match form & 0x3f {
            0 => (0, Id::Number(u32::from(r.u8()?))),
            1 => (u16::from(r.u8()?), Id::Number(u32::from(r.u16_le()?))),
            2 => (r.u16_le()?, Id::Number(r.u32_le()?)),
            3 => (r.u16_le()?, Id::Text(string(r)?.unwrap_or_default())),
            4 => {
                let namespace = r.u16_le()?;
                let (a, b, c) = (r.u32_le()?, r.u16_le()?, r.u16_le()?);
                let [d, e, rest @ ..]: [u8; 8] = r.array()?;
                let tail = hex(&rest);
                (
                    namespace,
                    Id::Other(format!("g={a:08x}-{b:04x}-{c:04x}-{d:02x}{e:02x}-{tail}")),
                )
            }
            5 => {
                let namespace = r.u16_le()?;
                let opaque = bytes(r)?.unwrap_or_default();
                let shown = opaque.get(..32.min(opaque.len())).unwrap_or_default();
                (namespace, Id::Other(format!("b={}", hex(shown))))
            }
            _ => return Err(Malformed::Bad("node id")),
        };
        if form & 0x80 != 0 {
            bytes(r)?;
        }
        if form & 0x40 != 0 {
            r.skip(4)?;
        }
        Ok(NodeId { namespace, id })
    }

    /// Passes over one without making anything of it: every request has one for its session.
    pub(super) fn skip(r: &mut Reader<'_>) -> Result<()> {
        match r.u8()? {
            0 => r.skip(1),
            1 => r.skip(3),
            2 => r.skip(6),
            3 | 5 => {
                r.skip(2)?;
                bytes(r).map(|_| ())
            }
            4 => r.skip(18),
            _ => Err(Malformed::Bad("node id")),
        }
    }

    /// A node of the standard's own namespace.
    pub(super) const fn standard(&self) -> Option<u32> {
        match (self.namespace, &self.id) {
            (0, Id::Number(number)) => Some(*number),
            _ => None,
        }
    }
}

/// OPC 10000-6, 5.3.1.10: `ns=2;s=Crane.Hoist`, `i=2258`.
impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace != 0 {
            write!(f, "ns={};", self.namespace)?;
        }
        match &self.id {
            Id::Number(number) => write!(f, "i={number}"),
            Id::Text(text) => write!(f, "s={text}"),
            Id::Other(other) => f.write_str(other),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Namespace and name.
pub(super) fn qualified_name(r: &mut Reader<'_>) -> Result<Option<String>> {
    r.skip(2)?;
    string(r)
}

/// 5.2.2.14: a mask, locale, text.
pub(super) fn localized_text(r: &mut Reader<'_>) -> Result<Option<String>> {
    let mask = r.u8()?;
    if mask & 1 != 0 {
        bytes(r)?;
    }
    if mask & 2 != 0 { string(r) } else { Ok(None) }
}

/// 5.2.2.15: the number of its type, and its body if it is binary.
pub(super) fn extension<'a>(r: &mut Reader<'a>) -> Result<(NodeId, &'a [u8])> {
    let kind = NodeId::read(r)?;
    let body = match r.u8()? {
        0 => None,
        1 | 2 => bytes(r)?,
        _ => return Err(Malformed::Bad("extension object")),
    };
    Ok((kind, body.unwrap_or_default()))
}

/// 5.2.2.12.
pub(super) fn diagnostic(r: &mut Reader<'_>) -> Result<()> {
    for _ in 0..MOST_DEPTH {
        let mask = r.u8()?;
        for bit in [1, 2, 4, 8] {
            if mask & bit != 0 {
                r.skip(4)?;
            }
        }
        if mask & 0x10 != 0 {
            bytes(r)?;
        }
        if mask & 0x20 != 0 {
            r.skip(4)?;
        }
        // An inner one follows.
        if mask & 0x40 == 0 {
            return Ok(());
        }
    }
    Err(Malformed::Bad("nesting"))
}

/// A value with its status and times (5.2.2.17); the status, and the value where it is text.
pub(super) fn data_value(r: &mut Reader<'_>) -> Result<(u32, Option<String>)> {
    data_value_at(r, 0)
}

fn data_value_at(r: &mut Reader<'_>, depth: u8) -> Result<(u32, Option<String>)> {
    let mask = r.u8()?;
    let value = if mask & 0x01 != 0 {
        variant(r, depth)?
    } else {
        None
    };
    let status = if mask & 0x02 != 0 { r.u32_le()? } else { 0 };
    // Source time and its fraction, then the server's.
    for (time, fraction) in [(0x04, 0x10), (0x08, 0x20)] {
        if mask & time != 0 {
            r.skip(8)?;
        }
        if mask & fraction != 0 {
            r.skip(2)?;
        }
    }
    Ok((status, value))
}

/// 5.2.2.16: type, an array if bit 7 is set, its dimensions if bit 6 is. Gives the value where it is one text.
fn variant(r: &mut Reader<'_>, depth: u8) -> Result<Option<String>> {
    if depth >= MOST_DEPTH {
        return Err(Malformed::Bad("nesting"));
    }
    let form = r.u8()?;
    let kind = form & 0x3f;
    if form & 0x80 == 0 {
        return scalar(r, kind, depth);
    }
    let elements = array(r)?;
    match fixed(kind) {
        Some(0) => {}
        Some(size) => r.skip(elements.saturating_mul(size))?,
        None => {
            for _ in 0..elements {
                scalar(r, kind, depth)?;
            }
        }
    }
    if form & 0x40 != 0 {
        let dimensions = array(r)?;
        r.skip(dimensions.saturating_mul(4))?;
    }
    Ok(None)
}

/// Bytes of a type of fixed size; 0 for the null type.
const fn fixed(kind: u8) -> Option<usize> {
    Some(match kind {
        0 => 0,
        1..=3 => 1,
        4 | 5 => 2,
        6 | 7 | 10 | 19 => 4,
        8 | 9 | 11 | 13 => 8,
        14 => 16,
        _ => return None,
    })
}

fn scalar(r: &mut Reader<'_>, kind: u8, depth: u8) -> Result<Option<String>> {
    if let Some(size) = fixed(kind) {
        r.skip(size)?;
        return Ok(None);
    }
    match kind {
        12 => return string(r),
        // Byte string, XML element, and 26 to 31, which are reserved and read as byte strings.
        15 | 16 | 26..=31 => {
            bytes(r)?;
        }
        17 | 18 => {
            NodeId::read(r)?;
        }
        20 => {
            qualified_name(r)?;
        }
        21 => return localized_text(r),
        22 => {
            extension(r)?;
        }
        23 => {
            data_value_at(r, depth + 1)?;
        }
        24 => {
            variant(r, depth + 1)?;
        }
        25 => diagnostic(r)?,
        _ => return Err(Malformed::Bad("variant type")),
    }
    Ok(None)
}

/// Input arguments and the like: values that are passed over.
pub(super) fn variants(r: &mut Reader<'_>) -> Result<()> {
    for _ in 0..array(r)? {
        variant(r, 0)?;
    }
    Ok(())
}

/// What a status says when it is bad; the names are those of OPC 10000-6, annex A.2.
pub(super) fn status(code: u32) -> String {
    let name = match code >> 16 {
        0x8001 => "unexpected error",
        0x8002 => "internal error",
        0x800a => "timeout",
        0x800b => "service unsupported",
        0x800d => "server not connected",
        0x8010 => "too many operations",
        0x8013 => "security checks failed",
        0x801a => "certificate untrusted",
        0x801f => "user access denied",
        0x8020 => "identity token invalid",
        0x8021 => "identity token rejected",
        0x8022 => "secure channel id invalid",
        0x8025 => "session id invalid",
        0x8026 => "session closed",
        0x8027 => "session not activated",
        0x8033 => "node id invalid",
        0x8034 => "node id unknown",
        0x8035 => "attribute id invalid",
        0x803a => "not readable",
        0x803b => "not writable",
        0x803c => "out of range",
        0x803d => "not supported",
        0x803e => "not found",
        0x8054 => "security mode rejected",
        0x8055 => "security policy rejected",
        0x8056 => "too many sessions",
        0x8057 => "user signature invalid",
        0x805b => "parent node id invalid",
        0x805d => "node id rejected",
        0x805e => "node id exists",
        0x8074 => "type mismatch",
        0x8075 => "method invalid",
        0x80ab => "invalid argument",
        _ => return format!("status 0x{code:08x}"),
    };
    name.to_owned()
}

/// OPC 10000-4, 7.39: the two highest bits are the severity; 2 and 3 are bad.
pub(super) const fn is_bad(code: u32) -> bool {
    code & 0x8000_0000 != 0
}
