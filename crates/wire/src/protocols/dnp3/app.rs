//! DNP3's application layer: fragments, object headers, and the objects behind them.
use crate::{Malformed, Reader};

/// Objects of one request that are named one by one; more are counted.
const MOST_NAMED: usize = 8;

/// IEEE 1815, 4.2.2: function codes that are looked at by name.
pub(super) mod function {
    pub const CONFIRM: u8 = 0;
    pub const READ: u8 = 1;
    pub const WRITE: u8 = 2;
    pub const OPEN_FILE: u8 = 25;
    pub const CLOSE_FILE: u8 = 26;
    pub const DELETE_FILE: u8 = 27;
    pub const GET_FILE_INFO: u8 = 28;
    pub const AUTHENTICATE_FILE: u8 = 29;
    pub const ABORT_FILE: u8 = 30;
    pub const AUTHENTICATE: u8 = 32;
    pub const RESPONSE: u8 = 129;
    pub const UNSOLICITED: u8 = 130;
    pub const AUTHENTICATE_RESPONSE: u8 = 131;
}

/// One application fragment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fragment<'a> {
    /// The first of its message.
    pub first: bool,
    pub sequence: u8,
    pub function: u8,
    /// Internal indications, of answers.
    pub indications: u16,
    /// Object headers and objects.
    pub objects: &'a [u8],
}

impl<'a> Fragment<'a> {
    pub(super) fn read(r: &mut Reader<'a>) -> Result<Fragment<'a>, Malformed> {
        let (control, function) = (r.u8()?, r.u8()?);
        let known = matches!(function, 0..=33 | 129..=131);
        r.check(known, "function")?;
        let indications = if function >= function::RESPONSE {
            r.u16()?
        } else {
            0
        };
        Ok(Fragment {
            first: control & 0x80 != 0,
            sequence: control & 0x0f,
            function,
            indications,
            objects: r.rest(),
        })
    }

    pub(super) const fn is_answer(&self) -> bool {
        self.function >= function::RESPONSE
    }

    /// The objects; those of a request to read have no content.
    pub(super) const fn headers(&self) -> Headers<'a> {
        let filled = matches!(
            self.function,
            2..=6 | function::OPEN_FILE..=function::ABORT_FILE | 32.. | 31
        );
        Headers {
            rest: Reader::new(self.objects),
            filled,
            // A request to read a file names the block that it wants.
            reads: self.function == function::READ,
        }
    }
}

/// Which objects a header means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Range {
    All,
    Span(u32, u32),
    Count(u32),
}

/// An object header and what stands behind it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header<'a> {
    pub group: u8,
    pub variation: u8,
    pub range: Range,
    /// Octets of the index before each object; `None` where objects have none.
    index: Option<usize>,
    /// Objects have their size before them instead.
    sized: bool,
    /// Octets of each object, if known and not packed in bits.
    width: Option<usize>,
    content: &'a [u8],
}

/// Reads header after header, until one whose size nobody knows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Headers<'a> {
    rest: Reader<'a>,
    filled: bool,
    reads: bool,
}

impl<'a> Iterator for Headers<'a> {
    type Item = Header<'a>;

    fn next(&mut self) -> Option<Header<'a>> {
        self.read().ok()
    }
}

fn number(r: &mut Reader<'_>, octets: usize) -> Result<u32, Malformed> {
    Ok(match octets {
        1 => u32::from(r.u8()?),
        2 => u32::from(r.u16_le()?),
        _ => r.u32_le()?,
    })
}

impl<'a> Headers<'a> {
    /// IEEE 1815, 4.2.2.7: group, variation, qualifier (prefix and range), range, objects.
    fn read(&mut self) -> Result<Header<'a>, Malformed> {
        let r = &mut self.rest;
        let (group, variation, qualifier) = (r.u8()?, r.u8()?, r.u8()?);
        let range = match qualifier & 0x0f {
            code @ (0..=5) => {
                let octets = [1, 2, 4].get(usize::from(code % 3)).copied().unwrap_or(4);
                let (start, stop) = (number(r, octets)?, number(r, octets)?);
                r.check(start <= stop, "range")?;
                Range::Span(start, stop)
            }
            6 => Range::All,
            7 => Range::Count(number(r, 1)?),
            8 => Range::Count(number(r, 2)?),
            9 => Range::Count(number(r, 4)?),
            0x0b => Range::Count(number(r, 1)?),
            _ => return Err(Malformed::Bad("qualifier")),
        };
        let (index, sized) = match qualifier >> 4 & 7 {
            0 => (None, false),
            1 => (Some(1), false),
            2 => (Some(2), false),
            3 => (Some(4), false),
            4..=6 => (None, true),
            _ => return Err(Malformed::Bad("qualifier")),
        };
        let filled = self.filled || (self.reads && group == 70);
        let mut header = Header {
            group,
            variation,
            range,
            index,
            sized,
            width: if filled {
                width(group, variation)
            } else {
                Some(0)
            },
            content: &[],
        };
        let count = header.count();
        if sized && filled {
            let mut sizes = *r;
            let octets = sizes.left();
            for _ in 0..count {
                let size = number(&mut sizes, size_octets(qualifier))?;
                sizes.skip(usize::try_from(size).unwrap_or(usize::MAX))?;
            }
            header.width = None;
            header.index = Some(size_octets(qualifier));
            header.content = r.bytes(octets - sizes.left())?;
            return Ok(header);
        }
        if range == Range::All {
            return Ok(header);
        }
        let octets = match header.width {
            Some(width) => count.checked_mul((width + index.unwrap_or(0)) as u64),
            None if filled && is_packed(group, variation) && index.is_none() => {
                Some(count.div_ceil(8))
            }
            // Device attributes say their own size.
            None if filled && group == 0 => {
                let size = r.peek().get(1).copied().unwrap_or_default();
                Some(u64::from(size) + 2)
            }
            None => return Err(Malformed::Bad("object size")),
        };
        let octets = octets.and_then(|octets| usize::try_from(octets).ok());
        header.content = r.bytes(octets.ok_or(Malformed::Bad("object count"))?)?;
        Ok(header)
    }
}

const fn size_octets(qualifier: u8) -> usize {
    match qualifier >> 4 & 7 {
        4 => 1,
        5 => 2,
        _ => 4,
    }
}

/// IEEE 1815, annex A: octets of the objects that masters send, and of those that echo them.
const fn width(group: u8, variation: u8) -> Option<usize> {
    Some(match (group, variation) {
        (12, 1 | 2) => 11,
        (41, 1 | 3) => 5,
        (41, 2) => 3,
        (41, 4) => 9,
        (34, 1) => 2,
        (34, 2 | 3) => 4,
        (50, 1 | 3) | (51, _) => 6,
        (50, 2) => 10,
        (50, 4) => 11,
        (52, _) => 2,
        (60, _) => 0,
        // Octet strings: the variation is the length.
        (110..=113, _) => variation as usize,
        _ => return None,
    })
}

/// Objects of one bit each.
const fn is_packed(group: u8, variation: u8) -> bool {
    matches!((group, variation), (1 | 10 | 80, 1) | (12, 3))
}

impl<'a> Header<'a> {
    fn count(&self) -> u64 {
        match self.range {
            Range::All => 0,
            Range::Span(start, stop) => u64::from(stop - start) + 1,
            Range::Count(count) => u64::from(count),
        }
    }

    /// Each object with its index, if it has one, and its content.
    pub(super) fn objects(&self) -> impl Iterator<Item = (Option<u32>, &'a [u8])> + use<'a> {
        let (mut r, sized) = (Reader::new(self.content), self.sized);
        let (prefix, width) = (self.index, self.width);
        let mut next = match self.range {
            Range::Span(start, _) => Some(start),
            _ => None,
        };
        let packed = width.is_none() && !sized && self.group != 0;
        let mut left = self.count();
        std::iter::from_fn(move || {
            left = left.checked_sub(1)?;
            let mut index = next;
            next = next.and_then(|next| next.checked_add(1));
            let mut size = width.unwrap_or(0);
            if let Some(octets) = prefix {
                let number = number(&mut r, octets).ok()?;
                if sized {
                    size = usize::try_from(number).ok()?;
                } else {
                    index = Some(number);
                }
            } else if width.is_none() {
                size = r.left();
            }
            let content = if packed { &[] } else { r.bytes(size).ok()? };
            Some((index, content))
        })
    }

    /// The first object's content.
    pub(super) fn first(&self) -> Option<&'a [u8]> {
        self.objects().next().map(|(_, content)| content)
    }

    /// `g12v1[3]`, `g30v0[0-9]`, `g60v2`.
    fn name(&self) -> String {
        let Header {
            group, variation, ..
        } = self;
        let plain = format!("g{group}v{variation}");
        match self.range {
            Range::All => plain,
            Range::Span(start, stop) if start == stop => format!("{plain}[{start}]"),
            Range::Span(start, stop) => format!("{plain}[{start}-{stop}]"),
            Range::Count(count) => {
                let mut named: Vec<String> = self
                    .objects()
                    .take(MOST_NAMED)
                    .map_while(|(index, _)| index.map(|index| index.to_string()))
                    .collect();
                if named.is_empty() {
                    return plain;
                }
                let more = u64::from(count).saturating_sub(named.len() as u64);
                if more > 0 {
                    named.push(format!("{more} more"));
                }
                format!("{plain}[{}]", named.join(","))
            }
        }
    }
}

/// The objects of a request, for people.
pub(super) fn objects(fragment: &Fragment<'_>) -> Option<String> {
    let mut names: Vec<String> = fragment
        .headers()
        .take(MOST_NAMED + 1)
        .map(|header| header.name())
        .collect();
    if names.len() > MOST_NAMED {
        names.truncate(MOST_NAMED);
        names.push("more".to_owned());
    }
    (!names.is_empty()).then(|| names.join(", "))
}
