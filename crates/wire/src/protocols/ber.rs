//! BER, as far as MMS, GOOSE and what carries them need: tag, length, content.
//!
//! Spec: ITU-T X.690, 8.1.
use crate::{Malformed, Reader};

/// One element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Element<'a> {
    /// Class and form: the three highest bits of the tag.
    pub form: u8,
    pub number: u32,
    pub content: &'a [u8],
}

/// ITU-T X.690, 8.1: class "context", primitive and constructed; "application", constructed.
pub(super) const PRIMITIVE: u8 = 0x80;
pub(super) const CONSTRUCTED: u8 = 0xa0;
pub(super) const APPLICATION: u8 = 0x60;
/// Class "universal", primitive and constructed.
pub(super) const UNIVERSAL: u8 = 0x00;
pub(super) const SEQUENCE: u8 = 0x20;

impl Element<'_> {
    pub(super) const fn is(&self, form: u8, number: u32) -> bool {
        self.form == form && self.number == number
    }
}

/// Reads the next element. Lengths are definite: nobody sends MMS otherwise.
pub(super) fn element<'a>(r: &mut Reader<'a>) -> Result<Element<'a>, Malformed> {
    let first = r.u8()?;
    let mut number = u32::from(first & 0x1f);
    if number == 0x1f {
        number = 0;
        // Two octets are enough for every service.
        for turn in 0..3 {
            let octet = r.u8()?;
            r.check(turn < 2, "tag")?;
            number = number << 7 | u32::from(octet & 0x7f);
            if octet & 0x80 == 0 {
                break;
            }
        }
    }
    let length = match r.u8()? {
        short @ 0..=0x7f => usize::from(short),
        0x81 => usize::from(r.u8()?),
        0x82 => usize::from(r.u16()?),
        0x83 => usize::try_from(r.u24()?).unwrap_or(usize::MAX),
        0x84 => usize::try_from(r.u32()?).unwrap_or(usize::MAX),
        _ => return Err(Malformed::Bad("length of an element")),
    };
    Ok(Element {
        form: first & 0xe0,
        number,
        content: r.bytes(length)?,
    })
}

/// The elements that stand in a row, until one cannot be read.
pub(super) fn elements(content: &[u8]) -> impl Iterator<Item = Element<'_>> {
    let mut r = Reader::new(content);
    std::iter::from_fn(move || element(&mut r).ok())
}

/// The first element of that form and number.
pub(super) fn find(content: &[u8], form: u8, number: u32) -> Option<&[u8]> {
    elements(content)
        .find(|element| element.is(form, number))
        .map(|element| element.content)
}

/// A number that is not negative and has at most 32 bits.
pub(super) fn number(content: &[u8]) -> Option<u32> {
    let content = match content {
        [0, rest @ ..] if !rest.is_empty() => rest,
        content => content,
    };
    if content.is_empty() || content.len() > 4 {
        return None;
    }
    Some(
        content
            .iter()
            .fold(0, |number, octet| number << 8 | u32::from(*octet)),
    )
}
