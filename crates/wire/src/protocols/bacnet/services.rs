//! BACnet's services in the one vocabulary: who asked for what, by object and property.
use super::names;
use super::pdu::{Object, Tags, Value, object, unsigned};
use crate::protocols::asking::Doing;
use crate::reader::text;
use crate::{Malformed, Verb};

/// Objects and properties of one request that are named; more are counted.
const MOST_NAMED: usize = 8;

/// Confirmed services that are looked at by number (ASHRAE 135, 21).
pub(super) mod confirmed {
    pub const READ_FILE: u8 = 6;
    pub const WRITE_FILE: u8 = 7;
    pub const READ_PROPERTY: u8 = 12;
    pub const READ_PROPERTY_MULTIPLE: u8 = 14;
    pub const DEVICE_COMMUNICATION_CONTROL: u8 = 17;
    pub const REINITIALIZE_DEVICE: u8 = 20;
}

/// Name of a confirmed service, and what it does; `None` for what a device tells unasked.
fn confirmed_service(service: u8) -> Option<(Verb, &'static str)> {
    Some(match service {
        0 => (Verb::Write, "acknowledgeAlarm"),
        3 => (Verb::Diagnose, "getAlarmSummary"),
        4 => (Verb::Diagnose, "getEnrollmentSummary"),
        5 => (Verb::Read, "subscribeCOV"),
        6 => (Verb::FileRead, "atomicReadFile"),
        7 => (Verb::FileWrite, "atomicWriteFile"),
        8 => (Verb::Configure, "addListElement"),
        9 => (Verb::Configure, "removeListElement"),
        10 => (Verb::Configure, "createObject"),
        11 => (Verb::Configure, "deleteObject"),
        12 => (Verb::Read, "readProperty"),
        13 => (Verb::Read, "readPropertyConditional"),
        14 => (Verb::Read, "readPropertyMultiple"),
        15 => (Verb::Write, "writeProperty"),
        16 => (Verb::Write, "writePropertyMultiple"),
        17 => (Verb::ModeChange, "deviceCommunicationControl"),
        18 => (Verb::Write, "confirmedPrivateTransfer"),
        19 => (Verb::Write, "confirmedTextMessage"),
        20 => (Verb::Reset, "reinitializeDevice"),
        21 => (Verb::Configure, "vtOpen"),
        22 => (Verb::Configure, "vtClose"),
        23 => (Verb::Write, "vtData"),
        24 => (Verb::Authenticate, "authenticate"),
        25 => (Verb::Authenticate, "requestKey"),
        26 => (Verb::Read, "readRange"),
        27 => (Verb::Operate, "lifeSafetyOperation"),
        28 => (Verb::Read, "subscribeCOVProperty"),
        29 => (Verb::Diagnose, "getEventInformation"),
        30 => (Verb::Read, "subscribeCOVPropertyMultiple"),
        _ => return None,
    })
}

/// An unconfirmed service that asks something.
fn unconfirmed_service(service: u8) -> Option<(Verb, &'static str)> {
    Some(match service {
        4 => (Verb::Write, "unconfirmedPrivateTransfer"),
        5 => (Verb::Write, "unconfirmedTextMessage"),
        6 => (Verb::SetClock, "timeSynchronization"),
        7 => (Verb::Identify, "who-Has"),
        8 => (Verb::Identify, "who-Is"),
        9 => (Verb::SetClock, "utcTimeSynchronization"),
        10 => (Verb::Write, "writeGroup"),
        _ => return None,
    })
}

/// The first objects and properties of a request, and how many more there were.
#[derive(Default)]
struct Named {
    names: Vec<String>,
    more: usize,
}

impl Named {
    fn add(&mut self, name: impl FnOnce() -> String) {
        if self.names.len() < MOST_NAMED {
            self.names.push(name());
        } else {
            self.more += 1;
        }
    }

    fn join(mut self) -> Option<String> {
        if self.more > 0 {
            self.names.push(format!("{} more", self.more));
        }
        (!self.names.is_empty()).then(|| self.names.join(", "))
    }
}

/// `analog-value 4 present-value[2]`.
fn named(object: Object, property: &[u8], index: Option<&[u8]>) -> String {
    let property = unsigned(property).map_or_else(|| "property".to_owned(), names::property);
    let object = names::object(object);
    match index.and_then(unsigned) {
        Some(index) => format!("{object} {property}[{index}]"),
        None => format!("{object} {property}"),
    }
}

/// The lists of `readPropertyMultiple` and `writePropertyMultiple`.
fn lists(tags: &mut Tags<'_>) -> Result<Option<String>, Malformed> {
    let mut all = Named::default();
    while !tags.is_empty() {
        let of = object(tags.context(0)?)?;
        if !tags.open(1) {
            return Err(Malformed::Bad("parameter"));
        }
        while !tags.close(1) {
            let property = tags.context(0)?;
            let index = tags.optional(1);
            all.add(|| named(of, property, index));
            // A value, and a priority.
            if tags.open(2) {
                tags.leave()?;
                tags.optional(3);
            }
        }
    }
    Ok(all.join())
}

/// A request as read: in words, and what else it shows.
pub(super) struct Asked {
    pub doing: Doing,
    /// It carried a password; whether that was empty.
    pub password: Option<bool>,
}

/// The words of a confirmed request; `None` for what a device tells unasked, or what nobody knows.
pub(super) fn asked(service: u8, data: &[u8]) -> Option<Asked> {
    let (verb, name) = confirmed_service(service)?;
    let mut asked = Asked {
        doing: Doing::new(verb, None, name),
        password: None,
    };
    // What cannot be read is told without its object.
    _ = parameters(service, &mut Tags::new(data), &mut asked);
    Some(asked)
}

fn parameters(service: u8, tags: &mut Tags<'_>, asked: &mut Asked) -> Result<(), Malformed> {
    let Asked { doing, password } = asked;
    let mut more = |what: &str| {
        doing.detail.push_str(", ");
        doing.detail.push_str(what);
    };
    match service {
        8 | 9 | confirmed::READ_PROPERTY | 15 | 26 => {
            let of = object(tags.context(0)?)?;
            let (property, index) = (tags.context(1)?, tags.optional(2));
            doing.object = Some(named(of, property, index));
        }
        confirmed::READ_PROPERTY_MULTIPLE | 16 => doing.object = lists(tags)?,
        0 | 5 | 28 => {
            let _process = tags.context(0)?;
            let of = object(tags.context(1)?)?;
            doing.object = Some(names::object(of));
            // Neither kind nor lifetime: the subscription ends.
            if service != 0 && tags.optional(2).is_none() && tags.optional(3).is_none() {
                more("cancelled");
            }
        }
        confirmed::READ_FILE | confirmed::WRITE_FILE | 11 => {
            let of = object(tags.application(12)?)?;
            doing.object = Some(names::object(of));
        }
        10 if tags.open(0) => {
            doing.object = match (tags.optional(0), tags.optional(1)) {
                (_, Some(of)) => Some(names::object(object(of)?)),
                (Some(kind), _) => unsigned(kind)
                    .and_then(|kind| u16::try_from(kind).ok())
                    .map(|kind| names::object(Object { kind, instance: 0 })),
                _ => None,
            };
        }
        confirmed::DEVICE_COMMUNICATION_CONTROL => {
            let minutes = tags.optional(0).and_then(unsigned);
            let state = unsigned(tags.context(1)?);
            more(match state {
                Some(0) => "enable",
                Some(1) => "disable",
                Some(2) => "disable initiation",
                _ => "unknown state",
            });
            if let Some(minutes) = minutes {
                more(&format!("{minutes} minutes"));
            }
            *password = tags.optional(2).map(|text| text.len() <= 1);
        }
        confirmed::REINITIALIZE_DEVICE => {
            let state = unsigned(tags.context(0)?);
            // All of them take the device out of its work, some until it has started anew.
            let what = match state {
                Some(0) => "cold start",
                Some(1) => "warm start",
                Some(2) => "start backup",
                Some(3) => "end backup",
                Some(4) => "start restore",
                Some(5) => "end restore",
                Some(6) => "abort restore",
                Some(7) => "activate changes",
                _ => "unknown state",
            };
            more(what);
            *password = tags.optional(1).map(|text| text.len() <= 1);
        }
        18 => {
            let (vendor, number) = (unsigned(tags.context(0)?), unsigned(tags.context(1)?));
            if let (Some(vendor), Some(number)) = (vendor, number) {
                more(&format!("vendor {vendor}, service {number}"));
            }
        }
        27 => {
            let _process = tags.context(0)?;
            let _source = tags.context(1)?;
            if let Some(operation) = unsigned(tags.context(2)?) {
                more(&format!("operation {operation}"));
            }
            if let Some(of) = tags.optional(3) {
                doing.object = Some(names::object(object(of)?));
            }
        }
        _ => {}
    }
    Ok(())
}

/// The words of an unconfirmed request; `None` for what a device tells unasked.
pub(super) fn told(service: u8, data: &[u8]) -> Option<Doing> {
    let (verb, name) = unconfirmed_service(service)?;
    let mut doing = Doing::new(verb, None, name);
    let mut tags = Tags::new(data);
    match service {
        7 | 8 => {
            let low = tags.optional(0).and_then(unsigned);
            let high = tags.optional(1).and_then(unsigned);
            doing.object = match (low, high) {
                (Some(low), Some(high)) if low == high => Some(format!("device {low}")),
                (Some(low), Some(high)) => Some(format!("devices {low} to {high}")),
                _ => None,
            };
            if let Some(of) = tags.optional(2).and_then(|of| object(of).ok()) {
                doing.object = Some(names::object(of));
            }
        }
        4 => {
            let (vendor, number) = (tags.optional(0), tags.optional(1));
            if let (Some(vendor), Some(number)) =
                (vendor.and_then(unsigned), number.and_then(unsigned))
            {
                doing.detail = format!("{name}, vendor {vendor}, service {number}");
            }
        }
        _ => {}
    }
    Some(doing)
}

/// A device says who it is (ASHRAE 135, 16.10): number and vendor.
pub(super) fn i_am(data: &[u8]) -> Option<(u32, u32)> {
    let mut tags = Tags::new(data);
    let device = object(tags.application(12).ok()?).ok()?;
    let _length = tags.application(2).ok()?;
    let _segmentation = tags.application(9).ok()?;
    let vendor = unsigned(tags.application(2).ok()?)?;
    (device.kind == names::DEVICE).then_some((device.instance, vendor))
}

/// What the answer to a read says of the device: attribute and value.
pub(super) fn identity(service: u8, data: &[u8]) -> Vec<(&'static str, String)> {
    let mut said = Vec::new();
    let tags = &mut Tags::new(data);
    // What cannot be read any more ends it.
    _ = if service == confirmed::READ_PROPERTY_MULTIPLE {
        identities(tags, &mut said)
    } else {
        one_identity(tags, &mut said)
    };
    said
}

type Said = Vec<(&'static str, String)>;

fn one_identity(tags: &mut Tags<'_>, said: &mut Said) -> Result<(), Malformed> {
    let of = object(tags.context(0)?)?;
    let property = unsigned(tags.context(1)?);
    tags.optional(2);
    if tags.open(3) {
        say(of, property, tags, said);
    }
    Ok(())
}

fn identities(tags: &mut Tags<'_>, said: &mut Said) -> Result<(), Malformed> {
    while !tags.is_empty() {
        let of = object(tags.context(0)?)?;
        if !tags.open(1) {
            return Err(Malformed::Bad("parameter"));
        }
        while !tags.close(1) {
            let property = unsigned(tags.context(2)?);
            tags.optional(3);
            if tags.open(4) {
                say(of, property, tags, said);
                tags.leave()?;
            } else if tags.open(5) {
                tags.leave()?;
            } else {
                return Err(Malformed::Bad("parameter"));
            }
        }
    }
    Ok(())
}

/// The value that is next, if it names the device. Takes nothing.
fn say(of: Object, property: Option<u32>, tags: &Tags<'_>, said: &mut Said) {
    let Some(attribute) = property.and_then(names::identity) else {
        return;
    };
    let Some(value) = tags.peek() else { return };
    // Other objects have names and descriptions too.
    if of.kind != names::DEVICE || value.context || value.number != 7 {
        return;
    }
    if let Value::Of(content) = value.value
        && let Some(text) = super::pdu::string(content, 100)
    {
        said.push((attribute, text));
    }
}

/// Why an error answer refuses.
pub(super) fn refusal(data: &[u8]) -> String {
    let mut tags = Tags::new(data);
    // Some services wrap it in a group.
    tags.open(0);
    let mut number = || tags.application(9).ok().and_then(unsigned);
    match (number(), number()) {
        (Some(class), Some(code)) => names::error(class, code),
        _ => "error".to_owned(),
    }
}

/// Part of a file: where it begins, its octets, and whether the file ends with it.
pub(super) struct Part<'a> {
    pub start: u32,
    pub content: &'a [u8],
    pub last: bool,
}

/// The object of a file service.
pub(super) fn file(data: &[u8]) -> Option<Object> {
    let of = object(Tags::new(data).application(12).ok()?).ok()?;
    (of.kind == names::FILE).then_some(of)
}

/// A part of a file as a stream, from the answer to a read (`read`), or from a request to write. Records are not read.
pub(super) fn part(data: &[u8], read: bool) -> Option<Part<'_>> {
    let mut tags = Tags::new(data);
    let last = if read {
        tags.application(1).ok()? == [1]
    } else {
        tags.application(12).ok()?;
        false
    };
    if !tags.open(0) {
        return None;
    }
    let start = unsigned(tags.application(3).ok()?)?;
    let content = tags.application(6).ok()?;
    Some(Part {
        start,
        content,
        last,
    })
}

/// Networks that a router says it leads to (ASHRAE 135, 6.4.3).
pub(super) fn networks(content: &[u8]) -> String {
    let (numbers, _) = content.as_chunks::<2>();
    let numbers: Vec<String> = numbers
        .iter()
        .take(16)
        .map(|number| u16::from_be_bytes(*number).to_string())
        .collect();
    numbers.join(", ")
}

/// An address behind a router, for people.
pub(super) fn address(address: &[u8]) -> String {
    match address {
        [] => "all".to_owned(),
        [one] => one.to_string(),
        more => text(crate::protocols::tls::hex(more).as_bytes(), 32).unwrap_or_default(),
    }
}
