//! How S7comm-plus writes values and objects: tagged, nested, with numbers of variable length.
//!
//! A number has seven bits a byte, most significant first, the top bit of a byte says that another follows; the ninth
//! byte of a 64-bit number counts whole. A value is flags, type, content. An object is a tree of attributes and objects.
use crate::{Malformed, Reader};

/// Structures inside structures, and objects inside objects; real ones reach six.
const MOST_DEPTH: usize = 24;

type Result<T> = std::result::Result<T, Malformed>;

/// Flags of a value that make it several.
mod flag {
    pub(super) const ARRAY: u8 = 0x10;
    pub(super) const ADDRESSES: u8 = 0x20;
    pub(super) const SPARSE: u8 = 0x40;
}

/// A number of up to 32 bits.
pub(super) fn number(r: &mut Reader<'_>) -> Result<u32> {
    let mut value: u32 = 0;
    for _ in 0..5 {
        let byte = r.u8()?;
        value = (value << 7) | u32::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(Malformed::Bad("number"))
}

/// A number of up to 64 bits.
pub(super) fn long(r: &mut Reader<'_>) -> Result<u64> {
    let mut value: u64 = 0;
    for _ in 0..8 {
        let byte = r.u8()?;
        value = (value << 7) | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Ok((value << 8) | u64::from(r.u8()?))
}

/// A value, as far as anyone here wants to know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value<'a> {
    /// Booleans, integers, identifiers. The sign of a negative one is lost.
    Number(u64),
    Text(&'a [u8]),
    Bytes(&'a [u8]),
    /// A structure: its identifier, and its members up to and with the zero that ends them.
    Struct(u32, &'a [u8]),
    /// Several numbers, of one type.
    Numbers(u8, &'a [u8]),
    Other,
}

impl<'a> Value<'a> {
    pub(super) fn number(self) -> Option<u64> {
        match self {
            Value::Number(number) => Some(number),
            _ => None,
        }
    }

    pub(super) fn text(self) -> Option<String> {
        match self {
            Value::Text(text) => crate::reader::text(text, 128),
            _ => None,
        }
    }

    pub(super) fn bytes(self) -> Option<&'a [u8]> {
        match self {
            Value::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The member of a structure.
    pub(super) fn member(self, wanted: u32) -> Option<Value<'a>> {
        let Value::Struct(_, members) = self else {
            return None;
        };
        let mut r = Reader::new(members);
        loop {
            let id = number(&mut r).ok()?;
            if id == 0 {
                return None;
            }
            let value = value_at(&mut r, 0).ok()?;
            if id == wanted {
                return Some(value);
            }
        }
    }

    /// The numbers of an array, in order.
    pub(super) fn numbers(self) -> impl Iterator<Item = u64> + 'a {
        let (kind, bytes) = match self {
            Value::Numbers(kind, bytes) => (kind, bytes),
            _ => (0, &[][..]),
        };
        let mut r = Reader::new(bytes);
        std::iter::from_fn(move || {
            if r.is_empty() {
                return None;
            }
            one(&mut r, kind, 0).ok().and_then(Value::number)
        })
    }
}

/// Flags, type, content.
pub(super) fn value<'a>(r: &mut Reader<'a>) -> Result<Value<'a>> {
    value_at(r, 0)
}

fn value_at<'a>(r: &mut Reader<'a>, depth: usize) -> Result<Value<'a>> {
    r.check(depth < MOST_DEPTH, "nested too deep")?;
    let (flags, kind) = (r.u8()?, r.u8()?);
    if flags & (flag::ARRAY | flag::ADDRESSES) != 0 {
        let count = number(r)?;
        // Elements without content would cost work and no bytes.
        r.check(kind != 0 || count == 0, "array of nothing")?;
        let (begin, from) = (r.peek(), r.at());
        for _ in 0..count {
            one(r, kind, depth)?;
        }
        let content = begin.get(..r.at() - from).unwrap_or(&[]);
        return Ok(match kind {
            0x14..=0x17 | 0 => Value::Other,
            _ => Value::Numbers(kind, content),
        });
    }
    if flags & flag::SPARSE != 0 {
        // Key and content, until a key of zero.
        while number(r)? != 0 {
            one(r, kind, depth)?;
        }
        return Ok(Value::Other);
    }
    one(r, kind, depth)
}

fn one<'a>(r: &mut Reader<'a>, kind: u8, depth: usize) -> Result<Value<'a>> {
    Ok(match kind {
        0x00 => Value::Other,
        0x01 | 0x02 | 0x06 | 0x0a => Value::Number(r.u8()?.into()),
        0x03 | 0x07 | 0x0b => Value::Number(r.u16()?.into()),
        0x04 | 0x08 | 0x13 => Value::Number(number(r)?.into()),
        0x05 | 0x09 | 0x11 => Value::Number(long(r)?),
        0x0c | 0x0e | 0x12 => Value::Number(r.u32()?.into()),
        0x0d | 0x0f | 0x10 => Value::Number(r.u64()?),
        0x14 => {
            // A blob that hangs in another place: its content is not here.
            let root = number(r)?;
            r.check(root == 0, "blob elsewhere")?;
            let length = number(r)?;
            Value::Bytes(r.bytes(length as usize)?)
        }
        0x15 => {
            let length = number(r)?;
            Value::Text(r.bytes(length as usize)?)
        }
        0x17 => structure(r, depth)?,
        _ => return Err(Malformed::Bad("type of value")),
    })
}

fn structure<'a>(r: &mut Reader<'a>, depth: usize) -> Result<Value<'a>> {
    let id = r.u32()?;
    // Structures of the user's program come packed, with the time of their declaration.
    if matches!(id, 0x0200_0001..=0x02ff_fffe | 0x9000_0001..=0x9fff_fffe) {
        r.skip(8)?;
        number(r)?;
        let length = number(r)?;
        return Ok(Value::Bytes(r.bytes(length as usize)?));
    }
    let (begin, from) = (r.peek(), r.at());
    while number(r)? != 0 {
        value_at(r, depth + 1)?;
    }
    let members = begin.get(..r.at() - from).unwrap_or(&[]);
    Ok(Value::Struct(id, members))
}

/// Tags inside objects.
pub(super) mod tag {
    pub(in crate::protocols::s7comm::plus) const OBJECT: u8 = 0xa1;
    pub(super) const END: u8 = 0xa2;
    pub(super) const ATTRIBUTE: u8 = 0xa3;
    pub(super) const RELATION: u8 = 0xa4;
    pub(super) const TYPES: u8 = 0xab;
    pub(super) const NAMES: u8 = 0xac;
}

/// What a walk over an object comes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen<'a> {
    /// Relation identifier (the object's place) and class.
    Open {
        rid: u32,
        class: u32,
    },
    Attribute(u32, Value<'a>),
    /// The innermost object is over: all its bytes.
    Close(&'a [u8]),
}

/// Walks over one object and all inside it. On an error whatever was seen before it was right.
pub(super) fn object<'a>(r: &mut Reader<'a>, mut see: impl FnMut(Seen<'a>)) -> Result<()> {
    let (begin, from) = (r.peek(), r.at());
    let mut open: Vec<usize> = Vec::new();
    loop {
        let at = r.at() - from;
        match r.u8()? {
            tag::OBJECT => {
                r.check(open.len() < MOST_DEPTH, "nested too deep")?;
                open.push(at);
                let (rid, class) = (r.u32()?, number(r)?);
                let _flags = number(r)?;
                // An object in a list of its kind has a key: by which attribute, and its value.
                if number(r)? != 0 {
                    number(r)?;
                }
                see(Seen::Open { rid, class });
            }
            tag::END => {
                let start = open.pop().ok_or(Malformed::Bad("end of object"))?;
                see(Seen::Close(begin.get(start..r.at() - from).unwrap_or(&[])));
                if open.is_empty() {
                    return Ok(());
                }
            }
            tag::ATTRIBUTE => {
                let id = number(r)?;
                see(Seen::Attribute(id, value(r)?));
            }
            tag::RELATION => {
                number(r)?;
                r.skip(4)?;
            }
            tag::TYPES | tag::NAMES => loop {
                let length = usize::from(r.u16()?);
                if length == 0 {
                    break;
                }
                r.skip(length)?;
            },
            _ => return Err(Malformed::Bad("tag in object")),
        }
        r.check(!open.is_empty(), "object")?;
    }
}

#[test]
fn numbers_have_seven_bits_a_byte_and_the_ninth_byte_counts_whole() {
    let read = |bytes: &[u8]| long(&mut Reader::new(bytes));
    assert_eq!(read(&[0x7f]), Ok(127));
    assert_eq!(read(&[0x82, 0x1f]), Ok(287));
    assert_eq!(read(&[0xff; 9]), Ok(u64::MAX));
    assert_eq!(read(&[0x80]), Err(Malformed::Short));
    assert_eq!(
        number(&mut Reader::new(&[0x80; 6])),
        Err(Malformed::Bad("number"))
    );
}

#[test]
fn a_value_that_claims_more_than_is_there_is_short_and_one_too_deep_is_bad() {
    // An array of 2^31 bytes, and a structure in a structure in a structure …
    assert_eq!(
        value(&mut Reader::new(&[
            0x10, 0x02, 0x87, 0xff, 0xff, 0xff, 0x7f, 1
        ])),
        Err(Malformed::Short)
    );
    let deep: Vec<u8> = [0x00, 0x17, 0, 0, 0, 1, 0x01].repeat(100);
    assert_eq!(
        value(&mut Reader::new(&deep)),
        Err(Malformed::Bad("nested too deep"))
    );
    // Null elements are empty: their number alone must not buy work.
    assert_eq!(
        value(&mut Reader::new(&[
            0x10, 0x00, 0x8f, 0xff, 0xff, 0xff, 0x7f
        ])),
        Err(Malformed::Bad("array of nothing"))
    );
}
