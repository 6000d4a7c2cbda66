//! What requests of S7comm-plus mean in the one vocabulary, and what their answers say.
use std::sync::Arc;

use super::super::ops::{Doing, Known};
use super::names::{self, Item, attribute, class, rid};
use super::session::Session;
use super::value::{self, Value, number};
use super::{function, program};
use crate::protocols::profinet;
use crate::reader::text;
use crate::{Cx, Malformed, Memo, Reader, Side, Verb};

type Result<T> = std::result::Result<T, Malformed>;

/// Opcode, function, number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    pub opcode: u8,
    pub function: u16,
    pub sequence: u16,
    flags: u8,
}

impl Head {
    /// Opcode, two reserved bytes, function, two reserved bytes, sequence number.
    pub(super) const LENGTH: usize = 9;

    pub(super) fn read(r: &mut Reader<'_>) -> Result<Head> {
        let opcode = r.u8()?;
        r.skip(2)?;
        let function = r.u16()?;
        r.skip(2)?;
        let sequence = r.u16()?;
        // Requests have the session in front of the flags.
        let flags = if opcode == super::opcode::REQUEST {
            r.skip(4)?;
            r.u8()?
        } else {
            0
        };
        Ok(Head {
            opcode,
            function,
            sequence,
            flags,
        })
    }

    /// The request wants no answer.
    pub(super) const fn unanswered(self) -> bool {
        self.flags & 0x40 != 0
    }
}

/// A request, or the head of one that was too long to keep.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message<'a> {
    pub head: Head,
    pub version: u8,
    pub cut: bool,
    /// From the opcode on.
    pub bytes: &'a [u8],
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Request {
    /// An operation of its own, with the fingerprint of what was asked (0: not to be counted on another's row), and
    /// whether the answer lists what became of each item.
    Told(Arc<Doing>, u64, bool),
    /// Asks for the identification record.
    Identify(Arc<Doing>, u64),
    /// A session opens.
    Session(Session),
    Subscribe(Arc<Doing>),
    /// Parts of the program, made anew in the controller.
    Blocks(Vec<program::Block>),
    /// Asks what is below an object; `program`: for all that the program is.
    Explore {
        program: bool,
        object: Option<String>,
    },
    /// Serves the session only.
    Quiet,
}

/// Goes to the objects of a message: from version 3 on, and in some earlier ones, a number stands in front of them.
pub(super) fn objects(r: &mut Reader<'_>, version: u8) -> Result<()> {
    if version == 3 || r.peek().first() != Some(&value::tag::OBJECT) {
        number(r)?;
    }
    Ok(())
}

pub(super) fn request(message: &Message<'_>, known: &Known) -> Result<Request> {
    let mut r = Reader::new(message.bytes);
    r.skip(Head::LENGTH)?;
    let session = r.u32()?;
    r.skip(1)?;
    let function = message.head.function;
    Ok(match function {
        function::GET_MULTI | function::SET_MULTI => multi(&mut r, message, session, known)?,
        function::SET | function::GET | function::GET_STREAMED | function::SET_STREAMED => {
            single(&mut r, message, session, known)?
        }
        function::EXPLORE => explore(&mut r)?,
        function::CREATE => create(&mut r, message)?,
        function::DELETE => delete(r.u32()?, session),
        function::GET_LINK => {
            let (rid, id) = (r.u32()?, number(&mut r)?);
            let object = Some(Item::new(rid, id).name());
            told(Verb::Read, object, function, fingerprint(message, &r))
        }
        function::GET_ADDRESS => told(Verb::Read, None, function, 0),
        function::ADD_LINK | function::REMOVE_LINK => {
            let object = Some(names::object(r.u32()?));
            told(Verb::Configure, object, function, 0)
        }
        function::INVOKE => {
            let object = Some(names::object(r.u32()?));
            told(Verb::Configure, object, function, 0)
        }
        _ => Request::Quiet,
    })
}

fn told(verb: Verb, object: Option<String>, function: u16, fingerprint: u64) -> Request {
    Request::Told(Arc::new(doing(verb, object, function)), fingerprint, false)
}

fn doing(verb: Verb, object: Option<String>, function: u16) -> Doing {
    Doing {
        verb,
        object,
        detail: names::function(function).to_owned(),
        content_bytes: None,
    }
}

/// Of what a request asks and whether it wants an answer, without its number, its session and whatever stands behind what
/// it names.
fn fingerprint(message: &Message<'_>, r: &Reader<'_>) -> u64 {
    let names = message.bytes.get(Head::LENGTH + 4..r.at()).unwrap_or(&[]);
    // 0 stands for none.
    (Memo::fingerprint(names) ^ u64::from(message.head.function)) | 1
}

/// Several variables, by their ways, or several attributes of one object.
fn multi(
    r: &mut Reader<'_>,
    message: &Message<'_>,
    session: u32,
    known: &Known,
) -> Result<Request> {
    let object = r.u32()?;
    let (count, fields) = (number(r)?, number(r)?);
    let start = *r;
    // Each item has a field at least, each field a byte.
    r.check(
        count as usize <= r.left() && fields as usize <= r.left(),
        "count of items",
    )?;
    let items = |r: &mut Reader<'_>, mut each: Box<dyn FnMut(Item) + '_>| -> Result<()> {
        for _ in 0..count {
            each(match object {
                0 => Item::read(r)?,
                object => Item::new(object, number(r)?),
            });
        }
        Ok(())
    };
    if object == 0 {
        for _ in 0..fields {
            number(r)?;
        }
    } else {
        items(r, Box::new(|_| ()))?;
    }
    let fingerprint = fingerprint(message, r);
    if let Some(doing) = known.doing(fingerprint) {
        return Ok(Request::Told(doing, fingerprint, true));
    }
    let mut named = Vec::new();
    let mut names = start;
    items(
        &mut names,
        Box::new(|item| {
            if named.len() <= super::super::pdu::MOST_ITEMS {
                named.push(item);
            }
        }),
    )?;
    let writes = message.head.function == function::SET_MULTI;
    let verb = if !writes {
        Verb::Read
    } else if named.iter().all(Item::is_variable) {
        Verb::Write
    } else if object != 0 && object == session {
        return Ok(of_session(&named, message));
    } else {
        // Number of the item and its value, in the order of the items.
        let operating = named.iter().position(is_operating_state);
        let value = operating.and_then(|place| value_of(*r, place));
        let verbs = named.iter().map(|item| setting(item, value));
        verbs.reduce(weightier).unwrap_or(Verb::Configure)
    };
    let doing = Arc::new(doing(verb, names::named(&named), message.head.function));
    let fingerprint = if verb.is_cyclic() { fingerprint } else { 0 };
    Ok(Request::Told(doing, fingerprint, true))
}

fn is_operating_state(item: &Item) -> bool {
    item.rid == rid::EXECUTION && item.attribute() == attribute::OPERATING_STATE
}

fn value_of(mut r: Reader<'_>, place: usize) -> Option<u64> {
    for _ in 0..place {
        number(&mut r).ok()?;
        value::value(&mut r).ok()?;
    }
    number(&mut r).ok()?;
    value::value(&mut r).ok()?.number()
}

/// What matters more of two things done by one request.
fn weightier(a: Verb, b: Verb) -> Verb {
    let weight = |verb| match verb {
        Verb::Stop => 6,
        Verb::Start | Verb::ModeChange | Verb::Reset => 5,
        Verb::Authenticate | Verb::SetClock => 4,
        Verb::Configure | Verb::ParameterChange => 3,
        Verb::Write => 2,
        _ => 1,
    };
    if weight(b) > weight(a) { b } else { a }
}

/// A session's own attributes: its version and keys, or the answer to the challenge that lifts protection.
fn of_session(items: &[Item], message: &Message<'_>) -> Request {
    let legitimates = items.iter().any(|item| {
        matches!(
            item.attribute(),
            attribute::RESPONSE | attribute::PASSWORD | attribute::LEGITIMATE
        )
    });
    if legitimates {
        let object = Some("session".to_owned());
        return told(Verb::Authenticate, object, message.head.function, 0);
    }
    Request::Quiet
}

/// What setting an attribute is; `value` is that of the operating state.
fn setting(item: &Item, value: Option<u64>) -> Verb {
    if item.is_variable() {
        return Verb::Write;
    }
    match (item.rid, item.attribute()) {
        (rid::EXECUTION, attribute::OPERATING_STATE) => match value {
            Some(1) => Verb::Stop,
            Some(2) => Verb::Reset,
            Some(3 | 4) => Verb::Start,
            _ => Verb::ModeChange,
        },
        (_, attribute::MEMORY_RESET | attribute::RESET) => Verb::Reset,
        (_, attribute::LOCAL_TIME | attribute::SYSTEM_TIME) => Verb::SetClock,
        (_, attribute::WRITE_RECORDS) => Verb::ParameterChange,
        // A subscription is kept going, or ended: its credit, its pause; so with the jobs of the test system.
        (_, 1001..=1082 | 2692 | 2711) => Verb::Read,
        _ => Verb::Configure,
    }
}

/// One attribute, or a part of it.
fn single(
    r: &mut Reader<'_>,
    message: &Message<'_>,
    session: u32,
    known: &Known,
) -> Result<Request> {
    let function = message.head.function;
    let object = r.u32()?;
    let streamed = matches!(function, function::GET_STREAMED | function::SET_STREAMED);
    if streamed {
        // The way stands in an array of addresses: flags, type.
        let (flags, kind) = (r.u8()?, r.u8()?);
        r.check(flags == 0x20 && kind == 4, "addresses")?;
    }
    let item = Item::steps(r, object)?;
    let writes = matches!(function, function::SET | function::SET_STREAMED);
    let fingerprint = fingerprint(message, r);
    if let Some(doing) = known.doing(fingerprint) {
        return Ok(Request::Told(doing, fingerprint, false));
    }
    if !writes {
        let verb = match (object, item.attribute()) {
            (_, attribute::IDENTIFICATION) => Verb::Identify,
            (rid::CPU_COMMON, attribute::NAME) => Verb::Identify,
            _ => Verb::Read,
        };
        let doing = Arc::new(doing(verb, Some(item.name()), function));
        return Ok(if verb == Verb::Identify {
            Request::Identify(doing, fingerprint)
        } else {
            Request::Told(doing, fingerprint, false)
        });
    }
    if object == session {
        return Ok(of_session(&[item], message));
    }
    let set = value::value(r).ok().and_then(Value::number);
    let verb = setting(&item, set);
    let mut doing = doing(verb, Some(item.name()), function);
    if is_operating_state(&item) {
        doing.object = None;
        doing.detail = match set {
            Some(1) => "SetVariable, operating state request STOP".to_owned(),
            Some(2) => "SetVariable, operating state request reset".to_owned(),
            Some(3) => "SetVariable, operating state request RUN".to_owned(),
            Some(4) => "SetVariable, operating state request RUN redundant".to_owned(),
            _ => "SetVariable, operating state request".to_owned(),
        };
    }
    let fingerprint = if verb.is_cyclic() { fingerprint } else { 0 };
    Ok(Request::Told(Arc::new(doing), fingerprint, false))
}

/// Object, number of the exploration, then how deep and which attributes: none listed are all.
fn explore(r: &mut Reader<'_>) -> Result<Request> {
    let object = r.u32()?;
    let _exploration = number(r)?;
    let deep = r.u8()? != 0;
    r.skip(2)?;
    let filters = r.u8()?;
    let listed = number(r)?;
    let of_program = object == rid::PROGRAM || names::is_block(object);
    Ok(Request::Explore {
        program: of_program && deep && filters == 0 && listed == 0,
        object: Some(names::object(object)),
    })
}

/// The parent, a value that nobody uses, four bytes, then the objects.
fn create(r: &mut Reader<'_>, message: &Message<'_>) -> Result<Request> {
    let _parent = r.u32()?;
    value::value(r)?;
    r.skip(4)?;
    objects(r, message.version)?;
    let mut made = *r;
    let mut object = program::read(&mut made);
    object.partial |= message.cut;
    if object.class == class::SESSION {
        return Ok(Request::Session(Session::read(r)));
    }
    if !object.blocks.is_empty() {
        return Ok(Request::Blocks(object.blocks));
    }
    if program::is_program(object.class) {
        // Its content was too long to keep, or there was none.
        let name = object.name.unwrap_or_else(|| names::object(object.rid));
        return Ok(told(Verb::ProgramDownload, Some(name), function::CREATE, 0));
    }
    let Some((verb, name, what)) = program::making(&object) else {
        return Ok(Request::Quiet);
    };
    let doing = Arc::new(Doing {
        verb,
        object: name,
        detail: format!("CreateObject, {what}"),
        content_bytes: None,
    });
    Ok(if object.class == class::SUBSCRIPTION {
        Request::Subscribe(doing)
    } else {
        Request::Told(doing, 0, false)
    })
}

fn delete(object: u32, session: u32) -> Request {
    let name = names::object(object);
    if object == session || object == rid::NEW || name == "session object" {
        return Request::Quiet;
    }
    let verb = if names::is_block(object) {
        Verb::ProgramDelete
    } else {
        Verb::Configure
    };
    told(verb, Some(name), function::DELETE, 0)
}

/// Why a result is a refusal: negative codes are; the others are results of a kind.
pub(super) fn refusal(result: u64) -> Option<String> {
    let [.., high, low] = result.to_be_bytes();
    let code = i16::from_be_bytes([high, low]);
    if code >= 0 {
        return None;
    }
    let what = match code {
        -2 => " wrong type of value",
        -3 => " wrong value",
        -4 => " not enough memory",
        -12 => " object not found",
        -17 => " invalid checksum",
        -118 => " wrong password",
        -134 => " more than one engineering station not supported",
        -255 => " invalid symbol",
        _ => "",
    };
    Some(format!("error {code}{what}"))
}

/// What became of the items of an answer: after a read's values, and in a write's answer, stand numbers of items with
/// their errors.
pub(super) fn failed(r: &mut Reader<'_>, function: u16) -> Option<String> {
    if function == function::GET_MULTI {
        while number(r).ok()? != 0 {
            value::value(r).ok()?;
        }
    }
    let (mut failed, mut why) = (0u32, None);
    while number(r).ok()? != 0 {
        let error = value::long(r).ok()?;
        failed += 1;
        why = why.or_else(|| refusal(error));
    }
    let why = why?;
    let items = if failed == 1 { "item" } else { "items" };
    Some(format!("{failed} {items} refused: {why}"))
}

/// `1;6ES7 215-1AG40-0XB0 ;V4.3`.
pub(super) fn system_version(cx: &mut Cx<'_>, side: Side, version: &[u8]) {
    let Some(version) = text(version, 128) else {
        return;
    };
    let mut parts = version.split(';').skip(1).map(str::trim);
    let (Some(order), Some(firmware)) = (parts.next(), parts.next()) else {
        return;
    };
    if order.is_empty() {
        return;
    }
    cx.identity(side, "order_number", order);
    cx.identity(side, "firmware", firmware);
    if order.starts_with("6ES7") {
        cx.identity(side, "maker", "Siemens");
    }
}

/// The answer to a request for identification: a name, or the record of identification and maintenance.
pub(super) fn identification(cx: &mut Cx<'_>, side: Side, r: &mut Reader<'_>) {
    // Not in the answer's form of the oldest controllers.
    if r.skip(1).is_err() {
        return;
    }
    let Ok(value) = value::value(r) else { return };
    if let Some(name) = value.text() {
        cx.identity(side, "hostname", name);
    }
    if let Some(record) = value.bytes() {
        // A record that is not one says nothing.
        let _ = profinet::identification(cx, side, &mut Reader::new(record));
    }
}
