//! DLMS messages: associations, and what is asked of objects.
use crate::protocols::asking::Doing;
use crate::protocols::ber::{self, CONSTRUCTED, PRIMITIVE};
use crate::reader::text;
use crate::{Malformed, Reader, Verb};

/// Objects of one request that are named; more are counted.
const MOST_NAMED: usize = 8;

/// One message.
#[derive(Debug)]
pub(super) enum Message<'a> {
    /// Association wanted: the kind of authentication (0 none, 1 password, above that a challenge).
    Associate {
        mechanism: u8,
    },
    /// Association given or not.
    Associated {
        accepted: bool,
    },
    Request(Request<'a>),
    Answer {
        invoke: u8,
        error: Option<u8>,
        value: &'a [u8],
    },
    /// Encrypted, or nothing that is looked at.
    Other,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Request<'a> {
    pub invoke: u8,
    /// IEC 62056-53, Invoke-Id-And-Priority: the service class, bit 6 of the octet that has the number.
    pub confirmed: bool,
    tag: u8,
    kind: u8,
    rest: &'a [u8],
}

/// An attribute or a method of an object.
#[derive(Clone, Copy, Debug)]
pub(super) struct Object {
    class: u16,
    name: [u8; 6],
    part: u8,
}

/// IEC 62056-53, 8: the tag tells the message.
pub(super) fn message<'a>(r: &mut Reader<'a>) -> Result<Message<'a>, Malformed> {
    let tag = r.u8()?;
    Ok(match tag {
        0x60 | 0x61 => {
            let length = usize::from(r.u8()?);
            let content = r.bytes(length)?;
            if tag == 0x60 {
                // The last number of the mechanism's name.
                let mechanism = ber::find(content, PRIMITIVE, 11).and_then(<[u8]>::last);
                Message::Associate {
                    mechanism: mechanism.copied().unwrap_or(0),
                }
            } else {
                let result = ber::find(content, CONSTRUCTED, 2).and_then(<[u8]>::last);
                Message::Associated {
                    accepted: result == Some(&0),
                }
            }
        }
        0xc0 | 0xc1 | 0xc3 => {
            let kind = r.u8()?;
            r.check((1..=6).contains(&kind), "kind of request")?;
            let invoke = r.u8()?;
            Message::Request(Request {
                tag,
                kind,
                invoke: invoke & 0x0f,
                confirmed: invoke & 0x40 != 0,
                rest: r.rest(),
            })
        }
        0xc4 | 0xc5 | 0xc7 => {
            let kind = r.u8()?;
            r.check((1..=6).contains(&kind), "kind of answer")?;
            let invoke = r.u8()? & 0x0f;
            // A value, or that there is none and why; writes and methods only have the second.
            let (error, value) = match (tag, kind) {
                (0xc4, 1) => match r.u8()? {
                    0 => (None, r.rest()),
                    _ => (Some(r.u8()?), r.rest()),
                },
                (0xc5 | 0xc7, 1) => {
                    let code = r.u8()?;
                    ((code != 0).then_some(code), r.rest())
                }
                _ => (None, r.rest()),
            };
            Message::Answer {
                invoke,
                error,
                value,
            }
        }
        // Release, events, exceptions; everything that is ciphered.
        0x62 | 0x63 | 0xc2 | 0xd8 | 0x0e | 0x0f | 0x01 | 0x08 | 0x05..=0x06 | 0x0c..=0x0d => {
            Message::Other
        }
        0xc8..=0xcf | 0xd0..=0xd7 | 0xdb..=0xdd | 0x21..=0x2d => Message::Other,
        _ => return Err(Malformed::Bad("message")),
    })
}

fn object(r: &mut Reader<'_>) -> Result<Object, Malformed> {
    Ok(Object {
        class: r.u16()?,
        name: r.array()?,
        part: r.u8()?,
    })
}

impl Request<'_> {
    /// The objects that it names: one, or a list. Those that only go on with a block name none.
    pub(super) fn objects(&self) -> Vec<Object> {
        let mut r = Reader::new(self.rest);
        let mut read = || -> Result<Vec<Object>, Malformed> {
            let list = matches!((self.tag, self.kind), (0xc0 | 0xc3, 3) | (0xc1, 4));
            if !list {
                return Ok(vec![object(&mut r)?]);
            }
            let count = usize::from(r.u8()?);
            let mut objects = Vec::new();
            for _ in 0..count.min(MOST_NAMED) {
                objects.push(object(&mut r)?);
                if self.tag != 0xc3 && r.u8()? != 0 {
                    break;
                }
            }
            Ok(objects)
        };
        if self.goes_on() {
            return Vec::new();
        }
        read().unwrap_or_default()
    }

    /// A further block of something asked before.
    pub(super) const fn goes_on(&self) -> bool {
        matches!(
            (self.tag, self.kind),
            (0xc0, 2) | (0xc1, 3) | (0xc3, 2 | 5 | 6)
        )
    }

    pub(super) fn doing(&self) -> Doing {
        let objects = self.objects();
        let first = objects.first();
        let (verb, what) = match self.tag {
            0xc0 => (Verb::Read, "get"),
            0xc1 => (first.map_or(Verb::Write, Object::written), "set"),
            _ => first.map_or((Verb::Write, "action"), Object::acted),
        };
        let part = if self.tag == 0xc3 {
            "method"
        } else {
            "attribute"
        };
        let names: Vec<String> = objects.iter().map(|object| object.called(part)).collect();
        Doing::new(verb, (!names.is_empty()).then(|| names.join(", ")), what)
    }
}

impl Object {
    /// `class 3 1.0.1.8.0.255 attribute 2`.
    fn called(&self, part: &str) -> String {
        let name: Vec<String> = self.name.iter().map(u8::to_string).collect();
        let Object {
            class,
            part: number,
            ..
        } = self;
        format!("class {class} {} {part} {number}", name.join("."))
    }

    /// IEC 62056-62, 4.5: what a written attribute means.
    const fn written(&self) -> Verb {
        match (self.class, self.part) {
            (8, 2) => Verb::SetClock,
            (15 | 64, _) => Verb::Configure,
            _ => Verb::Write,
        }
    }

    /// IEC 62056-62, 4 and 5: what a method does.
    const fn acted(&self) -> (Verb, &'static str) {
        match (self.class, self.part) {
            (8, _) => (Verb::SetClock, "action, clock"),
            (9, _) => (Verb::Operate, "action, script"),
            (15, 1) => (Verb::Authenticate, "action, answer to a challenge"),
            (15, _) => (Verb::Configure, "action, association"),
            (18, _) => (Verb::FirmwareUpdate, "action, image transfer"),
            (64, _) => (Verb::Configure, "action, security set-up"),
            (70, 1) => (Verb::Operate, "action, disconnect"),
            (70, _) => (Verb::Operate, "action, reconnect"),
            _ => (Verb::Write, "action"),
        }
    }

    /// A block of firmware: one of many.
    pub(super) const fn is_image_block(&self) -> bool {
        self.class == 18 && self.part == 2
    }

    /// What the value of an attribute says of the device.
    pub(super) const fn says(&self) -> Option<&'static str> {
        match (self.name, self.part) {
            ([0, 0, 42, 0, 0, 255], 2) => Some("system"),
            ([0, 0, 96, 1, 0, 255], 2) => Some("serial"),
            ([1, 0, 0, 2, 0, 255], 2) => Some("firmware"),
            _ => None,
        }
    }
}

/// The text of a value that is an octet string or a visible string.
pub(super) fn string(value: &[u8]) -> Option<String> {
    match value {
        [9 | 10, length, content @ ..] => text(content.get(..usize::from(*length))?, 100),
        _ => None,
    }
}

/// IEC 62056-53, 8: DataAccessResult and ActionResult.
pub(super) const fn error(code: u8) -> &'static str {
    match code {
        1 => "hardware fault",
        2 => "temporary failure",
        3 => "read-write denied",
        4 => "object undefined",
        9 => "object class inconsistent",
        11 => "object unavailable",
        12 => "type unmatched",
        13 => "scope of access violated",
        14 => "data block unavailable",
        _ => "other reason",
    }
}
