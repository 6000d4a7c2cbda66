//! What jobs mean in the one vocabulary, and what is kept of them until their answers.
use std::sync::Arc;

use super::pdu::{self, Items, Pdu, function};
use super::userdata;
use crate::reader::text;
use crate::{At, Cx, Malformed, Memo, Op, OpId, Outcome, Reader, Side, Verb};

/// Cyclic requests whose rows are remembered.
const MOST_KNOWN: usize = 16;
/// Blocks named by one program service.
const MOST_BLOCKS: usize = 256;

/// An operation in words.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Doing {
    pub verb: Verb,
    pub object: Option<String>,
    pub detail: String,
    pub content_bytes: Option<u64>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Request {
    /// An operation of its own, with the fingerprint of what was asked.
    Told(Arc<Doing>, u64),
    StartDownload(Option<String>),
    /// The controller asks for a part of the block.
    Block(Option<String>),
    StartUpload(Option<String>),
    Upload(Option<u32>),
    EndUpload(Option<u32>),
    /// Downloaded blocks enter the program.
    Insert(Vec<String>),
    /// The next part of a status list.
    ListPart,
}

/// A request until its answer.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub side: Side,
    pub request: Request,
    pub at: At,
    /// Gaps that were known when it was asked.
    pub gaps: u32,
}

impl Asked {
    pub(super) fn told(&self) -> crate::Asked {
        crate::Asked {
            time: self.at.now,
            capture: self.at.capture,
            frames: vec![self.at.frame],
        }
    }
}

/// The short path for cyclic requests: neither the words nor the row are made twice.
#[derive(Debug, Default)]
pub(super) struct Known {
    known: Vec<(u64, Arc<Doing>, Option<OpId>)>,
    next: usize,
}

impl Known {
    pub(super) fn doing(&self, fingerprint: u64) -> Option<Arc<Doing>> {
        self.find(fingerprint)
            .map(|(_, doing, _)| Arc::clone(doing))
    }

    pub(super) fn row(&self, fingerprint: u64) -> Option<OpId> {
        self.find(fingerprint).and_then(|(_, _, id)| *id)
    }

    fn find(&self, fingerprint: u64) -> Option<&(u64, Arc<Doing>, Option<OpId>)> {
        self.known.iter().find(|(known, ..)| *known == fingerprint)
    }

    pub(super) fn put(&mut self, fingerprint: u64, doing: &Arc<Doing>, id: Option<OpId>) {
        let entry = (fingerprint, Arc::clone(doing), id);
        if let Some(known) = self.known.iter_mut().find(|known| known.0 == fingerprint) {
            *known = entry;
            return;
        }
        if self.known.len() < MOST_KNOWN {
            self.known.push(entry);
            return;
        }
        if let Some(place) = self.known.get_mut(self.next) {
            *place = entry;
        }
        self.next = (self.next + 1) % MOST_KNOWN;
    }
}

/// Equal for requests that ask the same. The values of a write do not count.
pub(super) fn fingerprint(pdu: &Pdu<'_>) -> u64 {
    let param = Memo::fingerprint(pdu.param);
    if pdu.function() == function::WRITE {
        return param;
    }
    param ^ Memo::fingerprint(pdu.data).rotate_left(1)
}

/// A job that is one request and one answer; `None` for functions that nobody knows.
pub(super) fn job(pdu: &Pdu<'_>) -> Option<Doing> {
    let mut r = Reader::new(pdu.param);
    let function = r.u8().ok()?;
    Some(match function {
        function::READ | function::WRITE => {
            let count = r.u8().ok()?;
            let writes = function == function::WRITE;
            Doing {
                verb: if writes { Verb::Write } else { Verb::Read },
                object: pdu::objects(r, count),
                detail: detail(function).to_owned(),
                content_bytes: writes.then(|| pdu::written(pdu.data)),
            }
        }
        function::STOP => Doing {
            verb: Verb::Stop,
            object: None,
            detail: detail(function).to_owned(),
            content_bytes: None,
        },
        _ => return None,
    })
}

const fn detail(function: u8) -> &'static str {
    match function {
        function::READ => "function 0x04, read variables",
        function::WRITE => "function 0x05, write variables",
        _ => "function 0x29, stop",
    }
}

/// A userdata request; `None` for those that are no operation of their own.
pub(super) fn userdata(head: userdata::Head, data: &[u8]) -> Option<Doing> {
    let asks = userdata::asks(head, data)?;
    Some(Doing {
        verb: asks.verb,
        object: asks.object,
        detail: asks.detail,
        content_bytes: None,
    })
}

/// The file name of a transfer's job, as a block.
pub(super) fn file(param: &[u8]) -> Option<String> {
    let mut r = Reader::new(param);
    r.skip(8).ok()?;
    let length = usize::from(r.u8().ok()?);
    pdu::block(r.bytes(length).ok()?)
}

/// Block and its length in the load memory, of a request to download.
pub(super) fn download(param: &[u8]) -> (Option<String>, Option<u64>) {
    let length = || {
        let mut r = Reader::new(param);
        r.skip(8).ok()?;
        let name = usize::from(r.u8().ok()?);
        r.skip(name).ok()?;
        // One digit, then six of the load memory and six of the code, in ASCII.
        let second = usize::from(r.u8().ok()?);
        number(r.bytes(second).ok()?.get(1..7)?)
    };
    (file(param), length())
}

fn number(digits: &[u8]) -> Option<u64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// The error with which the controller ends a download; 0 is success.
pub(super) fn transfer_error(param: &[u8]) -> u16 {
    match param {
        [_, _, high, low, ..] => u16::from_be_bytes([*high, *low]),
        _ => 0,
    }
}

pub(super) fn upload_id(param: &[u8]) -> Option<u32> {
    let id: [u8; 4] = param.get(4..8)?.try_into().ok()?;
    Some(u32::from_be_bytes(id))
}

/// Number and length of an upload, from the answer to its start.
pub(super) fn upload_started(param: &[u8]) -> (Option<u32>, Option<u64>) {
    let length = || {
        let mut r = Reader::new(param);
        r.skip(8).ok()?;
        let digits = usize::from(r.u8().ok()?);
        number(r.bytes(digits).ok()?)
    };
    (upload_id(param), length())
}

/// Content of a part, and whether more follows.
pub(super) fn content<'a>(pdu: &Pdu<'a>) -> (&'a [u8], bool) {
    let more = pdu.param.get(1).is_some_and(|status| status & 1 != 0);
    let mut r = Reader::new(pdu.data);
    let mut read = || {
        let length = usize::from(r.u16()?);
        r.skip(2)?;
        r.bytes(length)
    };
    (read().unwrap_or(&[]), more)
}

/// A program service: its name and what it is done to.
pub(super) fn program_service(param: &[u8]) -> Request {
    let parts = service_parts(param)
        .ok()
        .filter(|(_, name)| !name.is_empty());
    let (argument, name) = parts.unwrap_or((&[], last_name(param)));
    let name = text(name, 64).unwrap_or_default();
    let words = || text(argument, 64);
    let (verb, object, what) = match name.as_str() {
        "_INSE" => {
            let blocks = blocks(argument);
            if !blocks.is_empty() {
                return Request::Insert(blocks);
            }
            (Verb::ProgramDownload, None, "insert blocks")
        }
        "_DELE" => {
            let blocks = blocks(argument);
            let object = (!blocks.is_empty()).then(|| blocks.join(", "));
            (Verb::ProgramDelete, object, "delete blocks")
        }
        "P_PROGRAM" => match argument.first() {
            Some(b'C') => (Verb::Start, None, "cold restart"),
            _ => (Verb::Start, None, "restart"),
        },
        "_MODU" => (Verb::Configure, words(), "copy RAM to ROM"),
        "_GARB" => (Verb::Configure, words(), "compress memory"),
        "_N_LOGIN_" => (Verb::Authenticate, None, "log in"),
        "_N_F_DELE" | "_N_F_DELR" | "_N_DELECO" => (Verb::FileDelete, words(), "delete file"),
        _ => (Verb::Configure, words(), ""),
    };
    let detail = match (name.as_str(), what) {
        ("", _) => "program service without a name".to_owned(),
        (name, "") => format!("program service {name}"),
        (name, what) => format!("program service {name}, {what}"),
    };
    let doing = Doing {
        verb,
        object,
        detail,
        content_bytes: None,
    };
    Request::Told(Arc::new(doing), 0)
}

/// The name at the end, by the length in front of it: some clients get the lengths before it wrong, and are obeyed.
fn last_name(param: &[u8]) -> &[u8] {
    let is_name = |(length, name): &(&u8, &[u8])| {
        usize::from(**length) == name.len() && name.iter().all(u8::is_ascii_graphic)
    };
    let ends = (1..param.len()).rev().filter_map(|at| {
        let (before, name) = param.split_at_checked(at)?;
        Some((before.last()?, name))
    });
    ends.take(32).find(is_name).map_or(&[], |(_, name)| name)
}

fn service_parts(param: &[u8]) -> Result<(&[u8], &[u8]), Malformed> {
    let mut r = Reader::new(param);
    r.skip(8)?;
    let argument = usize::from(r.u16()?);
    let argument = r.bytes(argument)?;
    let name = usize::from(r.u8()?);
    Ok((argument, r.bytes(name)?))
}

/// Count, a filling byte, then names of eight characters.
fn blocks(argument: &[u8]) -> Vec<String> {
    let names = argument.get(2..).unwrap_or(&[]);
    names
        .chunks_exact(8)
        .take(MOST_BLOCKS)
        .filter_map(pdu::block)
        .collect()
}

/// How a request with several items ended when some of them failed.
pub(super) fn of_items(items: Items) -> (Outcome, String) {
    let Items {
        count,
        failed,
        code,
    } = items;
    let why = pdu::item_code(code);
    if failed == count {
        (Outcome::Refused, why.to_owned())
    } else {
        (
            Outcome::Ok,
            format!("{failed} of {count} items refused: {why}"),
        )
    }
}

pub(super) fn tell(
    cx: &mut Cx<'_>,
    asked: &Asked,
    doing: &Doing,
    outcome: Option<Outcome>,
    why: Option<&str>,
) -> Option<OpId> {
    let detail = match why {
        Some(why) => format!("{}, {why}", doing.detail),
        None => doing.detail.clone(),
    };
    let op = Op {
        object: doing.object.clone(),
        detail: Some(detail),
        outcome,
        content_bytes: doing.content_bytes,
        asked: Some(asked.told()),
        ..Op::new(doing.verb)
    };
    cx.operation(asked.side, op)
}

/// An answer whose request was not captured says what was done, not to what.
pub(super) fn tell_answer(cx: &mut Cx<'_>, source: Side, function: u8, pdu: &Pdu<'_>) {
    let verb = match function {
        function::READ => Verb::Read,
        function::WRITE => Verb::Write,
        _ => Verb::Stop,
    };
    let items = match function {
        function::READ => Some(pdu::read_results(pdu.data)),
        function::WRITE => Some(pdu::write_results(pdu.data)),
        _ => None,
    };
    let (outcome, why) = match items {
        _ if pdu.error != 0 => (Outcome::Refused, Some(pdu::error(pdu.error))),
        Some(items) if items.failed > 0 => {
            let (outcome, why) = of_items(items);
            (outcome, Some(why))
        }
        _ => (Outcome::Ok, None),
    };
    let mut detail = format!("{}, request not seen", detail(function));
    if let Some(why) = why {
        detail = format!("{detail}, {why}");
    }
    let op = Op {
        detail: Some(detail),
        outcome: Some(outcome),
        ..Op::new(verb)
    };
    cx.operation(source, op);
}
