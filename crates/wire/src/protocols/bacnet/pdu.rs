//! BACnet as bytes: the virtual link, the network layer, the head of the application layer, and tagged values.
use std::net::Ipv4Addr;

use crate::{Malformed, Reader};

/// ASHRAE 135, J.2: type, function, length.
const BVLC: usize = 4;
/// Groups inside groups that are followed.
const MOST_DEPTH: usize = 16;

/// A message of the virtual link.
#[derive(Clone, Copy, Debug)]
pub(super) enum Link<'a> {
    /// A network message; `origin` where somebody else than the sender wrote it.
    Network {
        origin: Option<Ipv4Addr>,
        content: &'a [u8],
    },
    /// Addresses: result, tables, registration.
    Control { function: u8, content: &'a [u8] },
}

/// J.2. `exact`: the length must be that of the datagram; some devices pad.
pub(super) fn link<'a>(r: &mut Reader<'a>, exact: bool) -> Result<Link<'a>, Malformed> {
    let kind = r.u8()?;
    r.check(kind == 0x81, "type")?;
    let function = r.u8()?;
    r.check(function <= 0x0c, "function")?;
    let length = usize::from(r.u16()?);
    let Some(length) = length.checked_sub(BVLC) else {
        return Err(Malformed::Bad("length"));
    };
    r.check(!exact || length == r.left(), "length")?;
    let mut content = r.sub(length.min(r.left()))?;
    let origin = match function {
        0x04 => {
            let address = content.ipv4()?;
            content.skip(2)?;
            Some(address)
        }
        0x09..=0x0b => None,
        _ => {
            return Ok(Link::Control {
                function,
                content: content.rest(),
            });
        }
    };
    r.check(content.peek().first() == Some(&1), "network version")?;
    Ok(Link::Network {
        origin,
        content: content.rest(),
    })
}

/// A station behind a router: network number and address there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Station<'a> {
    pub network: u16,
    pub address: &'a [u8],
}

/// A network message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Network<'a> {
    pub to: Option<Station<'a>>,
    pub from: Option<Station<'a>>,
    pub content: Content<'a>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Content<'a> {
    /// Between routers: message type, and what it says.
    Routing(u8, &'a [u8]),
    Application(&'a [u8]),
}

/// The network layer in a frame without IP. Of MS/TP in the wrapper of Cimetrics (SNAP 001090/0001; three octets before it, as
/// observed) only frames with data have one: the rest pass the token on, which is most of them.
pub(super) fn on_the_bus(bytes: &[u8]) -> Result<Option<&[u8]>, Malformed> {
    let Some(frame) = bytes.strip_prefix(&[0x00, 0x00, 0x80]) else {
        return Ok(Some(bytes));
    };
    let mut r = Reader::new(frame);
    // 9.3: type, receiver, sender, length, checksum of these; then the data and theirs.
    let head = r.array::<5>()?;
    let sum = r.u8()?;
    r.check(header_sum(&head) == sum, "header checksum")?;
    let [kind, _, _, high, low] = head;
    if !matches!(kind, 5 | 6) {
        return Ok(None);
    }
    let content = r.bytes(usize::from(u16::from_be_bytes([high, low])))?;
    Ok(Some(content))
}

/// Annex G.1.
pub(super) fn header_sum(head: &[u8]) -> u8 {
    let sum = head.iter().fold(0xff_u8, |sum, byte| {
        let one = u16::from(sum ^ byte);
        let mixed = (1..8).fold(one, |mixed, shift| mixed ^ one << shift);
        let [high, low] = mixed.to_be_bytes();
        low & 0xfe ^ high & 1
    });
    !sum
}

/// ASHRAE 135, 6.2.
pub(super) fn network<'a>(r: &mut Reader<'a>) -> Result<Network<'a>, Malformed> {
    let version = r.u8()?;
    r.check(version == 1, "network version")?;
    let control = r.u8()?;
    let station = |r: &mut Reader<'a>| -> Result<Station<'a>, Malformed> {
        let network = r.u16()?;
        let length = usize::from(r.u8()?);
        Ok(Station {
            network,
            address: r.bytes(length)?,
        })
    };
    let to = if control & 0x20 != 0 {
        Some(station(r)?)
    } else {
        None
    };
    let from = if control & 0x08 != 0 {
        Some(station(r)?)
    } else {
        None
    };
    if to.is_some() {
        let _hops = r.u8()?;
    }
    let content = if control & 0x80 == 0 {
        Content::Application(r.rest())
    } else {
        let kind = r.u8()?;
        if kind >= 0x80 {
            let _vendor = r.u16()?;
        }
        Content::Routing(kind, r.rest())
    };
    Ok(Network { to, from, content })
}

/// The head of an application message (ASHRAE 135, 20.1).
#[derive(Clone, Copy, Debug)]
pub(super) enum Apdu<'a> {
    Confirmed {
        invoke: u8,
        service: u8,
        segment: Option<Segment>,
        data: &'a [u8],
    },
    Unconfirmed {
        service: u8,
        data: &'a [u8],
    },
    /// Done, with what was asked for.
    Ack {
        invoke: u8,
        service: u8,
        segment: Option<Segment>,
        data: &'a [u8],
    },
    SegmentAck,
    Error {
        invoke: u8,
        data: &'a [u8],
    },
    Reject {
        invoke: u8,
        reason: u8,
    },
    Abort {
        invoke: u8,
        by_server: bool,
        reason: u8,
    },
}

/// Number of a segment, and whether more follow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment {
    pub number: u8,
    pub more: bool,
}

pub(super) fn apdu<'a>(r: &mut Reader<'a>) -> Result<Apdu<'a>, Malformed> {
    let head = r.u8()?;
    let segment = |r: &mut Reader<'a>| -> Result<Option<Segment>, Malformed> {
        if head & 0x08 == 0 {
            return Ok(None);
        }
        let number = r.u8()?;
        let _window = r.u8()?;
        Ok(Some(Segment {
            number,
            more: head & 0x04 != 0,
        }))
    };
    Ok(match head >> 4 {
        0 => {
            let _sizes = r.u8()?;
            let invoke = r.u8()?;
            let segment = segment(r)?;
            Apdu::Confirmed {
                invoke,
                segment,
                service: r.u8()?,
                data: r.rest(),
            }
        }
        1 => Apdu::Unconfirmed {
            service: r.u8()?,
            data: r.rest(),
        },
        2 => Apdu::Ack {
            invoke: r.u8()?,
            service: r.u8()?,
            segment: None,
            data: &[],
        },
        3 => {
            let invoke = r.u8()?;
            let segment = segment(r)?;
            Apdu::Ack {
                invoke,
                segment,
                service: r.u8()?,
                data: r.rest(),
            }
        }
        4 => Apdu::SegmentAck,
        5 => {
            let invoke = r.u8()?;
            let _service = r.u8()?;
            Apdu::Error {
                invoke,
                data: r.rest(),
            }
        }
        6 => Apdu::Reject {
            invoke: r.u8()?,
            reason: r.u8()?,
        },
        7 => Apdu::Abort {
            invoke: r.u8()?,
            by_server: head & 1 != 0,
            reason: r.u8()?,
        },
        _ => return Err(Malformed::Bad("application message")),
    })
}

/// What stands behind a tag (ASHRAE 135, 20.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value<'a> {
    Open,
    Close,
    /// Content; a boolean's is in its tag, and here in one octet.
    Of(&'a [u8]),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tag<'a> {
    pub number: u8,
    /// Its meaning depends on where it stands; else the number is the kind of value.
    pub context: bool,
    pub value: Value<'a>,
}

/// Reads tag after tag.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tags<'a> {
    r: Reader<'a>,
}

impl<'a> Tags<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Tags<'a> {
        Tags {
            r: Reader::new(bytes),
        }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.r.is_empty()
    }

    pub(super) fn tag(&mut self) -> Result<Tag<'a>, Malformed> {
        let r = &mut self.r;
        let first = r.u8()?;
        let number = match first >> 4 {
            15 => r.u8()?,
            number => number,
        };
        let context = first & 0x08 != 0;
        let value = match first & 7 {
            6 if context => Value::Open,
            7 if context => Value::Close,
            // An application tag 1 is a boolean, whose length is its value.
            0 if !context && number == 1 => Value::Of(&[0]),
            1 if !context && number == 1 => Value::Of(&[1]),
            5 => {
                let length = match r.u8()? {
                    254 => usize::from(r.u16()?),
                    255 => usize::try_from(r.u32()?).unwrap_or(usize::MAX),
                    short => usize::from(short),
                };
                Value::Of(r.bytes(length)?)
            }
            length => Value::Of(r.bytes(usize::from(length))?),
        };
        Ok(Tag {
            number,
            context,
            value,
        })
    }

    /// The next tag, without taking it.
    pub(super) fn peek(&self) -> Option<Tag<'a>> {
        let mut ahead = *self;
        ahead.tag().ok()
    }

    /// The content of context tag `number`, which must be next.
    pub(super) fn context(&mut self, number: u8) -> Result<&'a [u8], Malformed> {
        self.optional(number).ok_or(Malformed::Bad("parameter"))
    }

    /// The content of context tag `number`, if it is next.
    pub(super) fn optional(&mut self, number: u8) -> Option<&'a [u8]> {
        match self.peek()? {
            Tag {
                number: found,
                context: true,
                value: Value::Of(content),
            } if found == number => {
                self.tag().ok()?;
                Some(content)
            }
            _ => None,
        }
    }

    /// Takes the opening tag `number`, if it is next.
    pub(super) fn open(&mut self, number: u8) -> bool {
        let wanted = Tag {
            number,
            context: true,
            value: Value::Open,
        };
        let is = self.peek() == Some(wanted);
        if is {
            _ = self.tag();
        }
        is
    }

    /// Takes the closing tag `number`, if it is next.
    pub(super) fn close(&mut self, number: u8) -> bool {
        let wanted = Tag {
            number,
            context: true,
            value: Value::Close,
        };
        let is = self.peek() == Some(wanted);
        if is {
            _ = self.tag();
        }
        is
    }

    /// The content of a value of kind `number`, which must be next.
    pub(super) fn application(&mut self, number: u8) -> Result<&'a [u8], Malformed> {
        match self.tag()? {
            Tag {
                number: found,
                context: false,
                value: Value::Of(content),
            } if found == number => Ok(content),
            _ => Err(Malformed::Bad("parameter")),
        }
    }

    /// Passes over the rest of a group that is open, with its closing tag.
    pub(super) fn leave(&mut self) -> Result<(), Malformed> {
        let mut depth = 1;
        while depth > 0 {
            match self.tag()?.value {
                Value::Open => depth += 1,
                Value::Close => depth -= 1,
                Value::Of(_) => {}
            }
            if depth > MOST_DEPTH {
                return Err(Malformed::Bad("groups in groups"));
            }
        }
        Ok(())
    }
}

/// An unsigned number or an enumeration.
pub(super) fn unsigned(content: &[u8]) -> Option<u32> {
    if content.is_empty() || content.len() > 4 {
        return None;
    }
    Some(
        content
            .iter()
            .fold(0, |number, byte| number << 8 | u32::from(*byte)),
    )
}

/// An object: its type and its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Object {
    pub kind: u16,
    pub instance: u32,
}

pub(super) fn object(content: &[u8]) -> Result<Object, Malformed> {
    let number: [u8; 4] = content
        .try_into()
        .map_err(|_| Malformed::Bad("object identifier"))?;
    let number = u32::from_be_bytes(number);
    Ok(Object {
        kind: (number >> 22) as u16,
        instance: number & 0x3f_ffff,
    })
}

/// ASHRAE 135, 20.2.9: a character set, then text.
pub(super) fn string(content: &[u8], most: usize) -> Option<String> {
    let (set, text) = content.split_first()?;
    match set {
        // UCS-2.
        4 => {
            let (units, _) = text.as_chunks::<2>();
            let units = units.iter().map(|unit| u16::from_be_bytes(*unit));
            let text: String = char::decode_utf16(units).flatten().collect();
            crate::reader::text(text.as_bytes(), most)
        }
        // ISO 8859-1.
        5 => {
            let text: String = text.iter().copied().map(char::from).collect();
            crate::reader::text(text.as_bytes(), most)
        }
        _ => crate::reader::text(text, most),
    }
}
