//! S7comm-plus: what stations ask of S7-1200 and S7-1500 controllers.
//!
//! Spec: none is public; written from the field's published knowledge of it (identifier 0x72, version, length; functions,
//! objects and attributes by number) and from captures. RFC 1006 and RFC 905 class 0 carry it.
//! Emits: one operation per request with its answer: variables read and written, subscriptions with each notification
//! counted, operating state requests, blocks and hardware configurations downloaded, uploaded and deleted with the hash of
//! the whole object and of the code alone; who the station says it is, what the controller says it is; the version as
//! variant.
//! Blind to: the values; symbols beyond their numbers; whatever goes inside TLS (variant `tls`), and whether a
//! legitimation was a password's: its answer to a challenge is all that is sent.
mod names;
mod ops;
mod program;
mod session;
#[cfg(test)]
mod tests;
mod unit;
mod value;

use std::sync::Arc;

use self::ops::Request;
use self::session::{connect, created};
use self::unit::{probe, tls, version};
use self::value::number;
use super::cotp::{self, Joiner, Tpdu};
use super::ops::{Doing, Known};
use crate::{
    Asked, Carrier, Cx, Decoder, Dialogue, Malformed, Op, OpId, Outcome, Pending, Reader, Side,
    Step, Verb,
};

pub static DECODER: Decoder = Decoder {
    name: "s7comm-plus",
    title: "S7comm-plus (Siemens S7-1200/1500)",
    carriers: &[Carrier::Tcp(102)],
    probe,
    open: || Box::new(Plus::default()),
    remote: false,
    operations: &[
        Verb::Read,
        Verb::Write,
        Verb::ProgramUpload,
        Verb::ProgramDownload,
        Verb::ProgramDelete,
        Verb::Start,
        Verb::Stop,
        Verb::Reset,
        Verb::ParameterChange,
        Verb::Configure,
        Verb::SetClock,
        Verb::Authenticate,
        Verb::Diagnose,
        Verb::Identify,
    ],
    about: "Requests with their answers: variables and subscriptions, start and stop, program blocks and hardware \
            configuration with the hash of the object and of its code, clock, legitimation; who station and controller \
            are. The version is its variant, `tls` where TLS follows.",
    spec: "RFC 1006; RFC 905 class 0; S7comm-plus itself has no public standard",
    blind: "the values, symbols beyond their numbers, everything inside TLS",
};

/// Identifier, version, length.
const HEADER: usize = 4;
/// Bytes of one message put together from its fragments. Longer ones are told without their content.
const MOST_MESSAGE: usize = 1 << 20;
/// Requests of one side that wait for their answers.
const MOST_WAITING: usize = 64;
/// Subscriptions whose notifications are counted.
const MOST_SUBSCRIPTIONS: usize = 32;

mod opcode {
    pub(super) const REQUEST: u8 = 0x31;
    pub(super) const RESPONSE: u8 = 0x32;
    pub(super) const NOTIFICATION: u8 = 0x33;
    /// An answer to a request that wanted it short.
    pub(super) const RESPONSE_2: u8 = 0x02;
}

mod function {
    pub(super) const EXPLORE: u16 = 0x04bb;
    pub(super) const CREATE: u16 = 0x04ca;
    pub(super) const DELETE: u16 = 0x04d4;
    pub(super) const SET: u16 = 0x04f2;
    pub(super) const GET: u16 = 0x04fc;
    pub(super) const ADD_LINK: u16 = 0x0506;
    pub(super) const REMOVE_LINK: u16 = 0x051a;
    pub(super) const GET_LINK: u16 = 0x0524;
    pub(super) const SET_MULTI: u16 = 0x0542;
    pub(super) const GET_MULTI: u16 = 0x054c;
    pub(super) const INVOKE: u16 = 0x056b;
    pub(super) const SET_STREAMED: u16 = 0x057c;
    pub(super) const GET_STREAMED: u16 = 0x0586;
    pub(super) const GET_ADDRESS: u16 = 0x0590;
    pub(super) const ERRORS: [u16; 2] = [0x04b1, 0x05a9];
}

/// A request until its answer.
#[derive(Clone, Debug)]
struct Waiting {
    request: Request,
    asked: Asked,
    side: Side,
    gaps: u32,
}

/// One connection.
#[derive(Default)]
struct Plus {
    version: u8,
    tls: bool,
    /// COTP's parts, then the message's own.
    joining: [Joiner; 2],
    parts: [Parts; 2],
    waiting: Pending<(Side, u16), Waiting, MOST_WAITING>,
    known: Known,
    subscriptions: Vec<Subscription>,
    gaps: u32,
    /// Frames of the message at hand, if it came in fragments.
    frames: Vec<u32>,
}

/// What a controller sends unasked once it was asked for.
struct Subscription {
    id: u32,
    row: OpId,
    side: Side,
    doing: Arc<Doing>,
}

/// One direction's message in fragments.
#[derive(Debug, Default)]
struct Parts {
    held: Vec<u8>,
    /// The message grew too long, or lost its begin: what is held is its head.
    cut: bool,
    frames: Vec<u32>,
}

/// Frames remembered of a message in fragments.
const MOST_FRAMES: usize = 16;

impl Dialogue for Plus {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        match cotp::length(&mut Reader::new(bytes)) {
            Ok(length) if length > bytes.len() => return Step::Need(length),
            Ok(_) => {}
            Err(error) => return Step::from_error(error, bytes.len()),
        }
        let mut r = Reader::new(bytes);
        match cotp::read(&mut r) {
            Ok(Tpdu::Connect { confirms, called }) => connect(cx, confirms, called),
            Ok(Tpdu::Data { last: false, data }) => joiner(&mut self.joining, side).add(data),
            Ok(Tpdu::Data { last: true, data }) => {
                if joiner(&mut self.joining, side).is_empty() {
                    self.content(cx, side, data);
                } else if let Some(whole) = joiner(&mut self.joining, side).finish(data) {
                    self.content(cx, side, &whole);
                } else {
                    cx.oddity("s7comm.too_long", side, None);
                }
            }
            Ok(Tpdu::Other) => {}
            Err(error) => return Step::from_error(error, bytes.len()),
        }
        Step::Took(r.at())
    }

    fn gap(&mut self, _cx: &mut Cx<'_>, side: Side, _lost: u64) {
        joiner(&mut self.joining, side).clear();
        *joiner(&mut self.parts, side) = Parts::default();
        self.gaps = self.gaps.saturating_add(1);
    }

    fn close(&mut self, cx: &mut Cx<'_>) {
        let waiting: Vec<Waiting> = self.waiting.drain().collect();
        for waiting in waiting {
            self.not_answered(cx, waiting);
        }
    }
}

fn joiner<T>(both: &mut [T; 2], side: Side) -> &mut T {
    let [client, server] = both;
    match side {
        Side::Client => client,
        Side::Server => server,
    }
}

impl Plus {
    /// Units one after the other: header, part of a message, and a trailer if that was the last part.
    fn content(&mut self, cx: &mut Cx<'_>, side: Side, content: &[u8]) {
        if self.tls || (!content.is_empty() && tls(&mut Reader::new(content)).is_ok()) {
            // Records, or their continuations.
            if !self.tls {
                self.tls = true;
                cx.variant("tls");
            }
            return;
        }
        let mut r = Reader::new(content);
        while !r.is_empty() {
            if let Err(error) = self.unit(cx, side, &mut r) {
                let what = match error {
                    Malformed::Bad(what) => what,
                    Malformed::Short => "length",
                };
                cx.oddity("s7comm.malformed", side, Some(what.to_owned()));
                *joiner(&mut self.parts, side) = Parts::default();
                return;
            }
        }
    }

    fn unit(&mut self, cx: &mut Cx<'_>, side: Side, r: &mut Reader<'_>) -> Result<(), Malformed> {
        let version = version(r)?;
        let length = usize::from(r.u16()?);
        if !matches!(version, 1..=3) {
            // Keep-alive and system events.
            r.rest();
            return Ok(());
        }
        self.rises(cx, version);
        let mut body = r.sub(length)?;
        if version == 3 && length > 0 {
            let digest = usize::from(body.u8()?);
            body.skip(digest)?;
        }
        let last = r.is_empty() || r.left() >= HEADER;
        let trailer = !r.is_empty() && last;
        if trailer {
            r.skip(HEADER)?;
        }
        let parts = joiner(&mut self.parts, side);
        if trailer && parts.held.is_empty() && !parts.cut {
            return self.whole(cx, side, version, body.rest(), false);
        }
        parts.add(cx, body.rest());
        if trailer {
            let Parts { held, cut, frames } = std::mem::take(parts);
            self.frames = frames;
            let read = self.whole(cx, side, version, &held, cut);
            self.frames = Vec::new();
            return read;
        }
        Ok(())
    }

    /// Versions 1 to 3 rise within a session.
    fn rises(&mut self, cx: &mut Cx<'_>, version: u8) {
        if version > self.version {
            self.version = version;
            cx.variant(match version {
                1 => "v1",
                2 => "v2",
                _ => "v3",
            });
        }
    }

    /// A message, or the head of one that was too long to keep.
    fn whole(
        &mut self,
        cx: &mut Cx<'_>,
        side: Side,
        version: u8,
        bytes: &[u8],
        cut: bool,
    ) -> Result<(), Malformed> {
        let mut r = Reader::new(bytes);
        match r.u8()? {
            opcode::NOTIFICATION => {
                self.notification(cx, r.u32()?);
                return Ok(());
            }
            opcode::REQUEST | opcode::RESPONSE | opcode::RESPONSE_2 => {}
            // The rest of a message whose begin was not captured.
            _ => return Ok(()),
        }
        let head = ops::Head::read(&mut Reader::new(bytes))?;
        if names::function(head.function).is_empty() {
            // It only begins like one.
            return Ok(());
        }
        r.skip(ops::Head::LENGTH - 1)?;
        if head.opcode == opcode::REQUEST {
            let message = ops::Message {
                head,
                version,
                cut,
                bytes,
            };
            self.request(cx, side, message)
        } else {
            self.answer(cx, side, head, version, r, cut)
        }
    }

    fn notification(&mut self, cx: &mut Cx<'_>, subscription: u32) {
        let known = self
            .subscriptions
            .iter_mut()
            .find(|known| known.id == subscription);
        let Some(known) = known else { return };
        if cx.again(known.row, cx.now()) {
            return;
        }
        // Its row was handed on since: another one counts what follows.
        let op = Op {
            object: known.doing.object.clone(),
            detail: Some(known.doing.detail.clone()),
            outcome: Some(Outcome::Ok),
            content_bytes: known.doing.content_bytes,
            ..Op::new(known.doing.verb)
        };
        if let Some(row) = cx.operation(known.side, op) {
            known.row = row;
        }
    }

    fn request(
        &mut self,
        cx: &mut Cx<'_>,
        side: Side,
        message: ops::Message<'_>,
    ) -> Result<(), Malformed> {
        let request = ops::request(&message, &self.known)?;
        if let Request::Session(session) = &request {
            session.tell(cx, side);
        }
        let head = message.head;
        let waiting = Waiting {
            request,
            asked: self.asked(cx),
            side,
            gaps: self.gaps,
        };
        if head.unanswered() {
            // The station wants no answer: said is done, as far as can be known.
            self.done(cx, &waiting, None, None);
            return Ok(());
        }
        let key = (side, head.sequence);
        if let Some(lost) = self.waiting.take(&key) {
            self.not_answered(cx, lost);
        }
        if let Some(lost) = self.waiting.put(key, waiting) {
            self.not_answered(cx, lost);
        }
        Ok(())
    }

    /// Where the request is, with the frames of its fragments.
    fn asked(&self, cx: &Cx<'_>) -> Asked {
        let mut asked = cx.asked();
        add_frames(&mut asked, &self.frames);
        asked
    }

    fn answer(
        &mut self,
        cx: &mut Cx<'_>,
        side: Side,
        head: ops::Head,
        version: u8,
        mut r: Reader<'_>,
        cut: bool,
    ) -> Result<(), Malformed> {
        let _flags = r.u8()?;
        let result = value::long(&mut r)?;
        let asked = self.waiting.take(&(side.other(), head.sequence));
        let refused = ops::refusal(result).or_else(|| {
            let error = function::ERRORS.contains(&head.function);
            error.then(|| "error".to_owned())
        });
        let waiting = match asked {
            Some(mut waiting) => {
                add_frames(&mut waiting.asked, &self.frames);
                waiting
            }
            None => match self.alone(cx, side, head) {
                Some(waiting) => waiting,
                None => return Ok(()),
            },
        };
        if let Some(why) = refused {
            self.done(cx, &waiting, Some(Outcome::Refused), Some(why));
            return Ok(());
        }
        match &waiting.request {
            Request::Session(_) => created(cx, side, &mut r, version),
            Request::Subscribe(doing) => {
                let row = self.done(cx, &waiting, Some(Outcome::Ok), None);
                let id = first_id(&mut r);
                if let (Some(row), Some(id)) = (row, id) {
                    if self.subscriptions.len() >= MOST_SUBSCRIPTIONS {
                        self.subscriptions.remove(0);
                    }
                    self.subscriptions.push(Subscription {
                        id,
                        row,
                        side: waiting.side,
                        doing: Arc::clone(doing),
                    });
                }
            }
            Request::Identify(..) => {
                self.done(cx, &waiting, Some(Outcome::Ok), None);
                ops::identification(cx, side, &mut r);
            }
            Request::Explore { .. } => self.explored(cx, &waiting, r, version, cut),
            Request::Told(_, _, items) => {
                let failed = items.then(|| ops::failed(&mut r, head.function)).flatten();
                self.done(cx, &waiting, Some(Outcome::Ok), failed);
            }
            Request::Blocks(_) | Request::Quiet => {
                self.done(cx, &waiting, Some(Outcome::Ok), None);
            }
        }
        Ok(())
    }

    /// The request was not captured: the answer says what was done, not to what.
    fn alone(&self, cx: &Cx<'_>, side: Side, head: ops::Head) -> Option<Waiting> {
        if cx.flow.end(side.other()).seen {
            // Both directions are captured, so it stands before the capture's begin or in a gap. An upload tells
            // itself all the same.
            return (head.function == function::EXPLORE).then(|| Waiting {
                request: Request::Explore {
                    program: false,
                    object: None,
                },
                asked: cx.asked(),
                side: side.other(),
                gaps: self.gaps,
            });
        }
        let verb = match head.function {
            function::GET_MULTI | function::GET_STREAMED | function::GET => Verb::Read,
            function::SET_MULTI | function::SET | function::SET_STREAMED => Verb::Write,
            function::EXPLORE => Verb::Read,
            _ => return None,
        };
        let doing = Doing {
            verb,
            object: None,
            detail: format!("{}, request not seen", names::function(head.function)),
            content_bytes: None,
        };
        Some(Waiting {
            request: Request::Told(Arc::new(doing), 0, false),
            asked: cx.asked(),
            side: side.other(),
            gaps: self.gaps,
        })
    }

    /// An answer to `Explore`: the blocks that it carries have left the controller.
    fn explored(
        &mut self,
        cx: &mut Cx<'_>,
        waiting: &Waiting,
        mut r: Reader<'_>,
        version: u8,
        cut: bool,
    ) {
        let _id = r.u32();
        let objects = ops::objects(&mut r, version);
        let made = match objects {
            Ok(()) => program::read(&mut r),
            Err(_) => program::Made::default(),
        };
        let Request::Explore { program, object } = &waiting.request else {
            return;
        };
        for block in &made.blocks {
            tell_block(
                cx,
                waiting,
                Verb::ProgramUpload,
                block,
                Some(Outcome::Ok),
                None,
            );
        }
        if (*program && made.blocks.is_empty())
            || ((cut || made.partial) && !made.blocks.is_empty())
        {
            let op = Op {
                object: Some("PLC program".to_owned()),
                detail: Some("Explore, content not read whole".to_owned()),
                outcome: Some(Outcome::Ok),
                asked: Some(waiting.asked.clone()),
                ..Op::new(Verb::ProgramUpload)
            };
            cx.operation(waiting.side, op);
        } else if made.blocks.is_empty()
            && let Some(object) = object
        {
            let op = Op {
                object: Some(object.clone()),
                detail: Some("Explore".to_owned()),
                outcome: Some(Outcome::Ok),
                asked: Some(waiting.asked.clone()),
                ..Op::new(Verb::Read)
            };
            cx.operation(waiting.side, op);
        }
    }

    /// Tells what was asked, or counts it on the row of the same request before.
    fn done(
        &mut self,
        cx: &mut Cx<'_>,
        waiting: &Waiting,
        outcome: Option<Outcome>,
        why: Option<String>,
    ) -> Option<OpId> {
        match &waiting.request {
            Request::Told(doing, fingerprint, _) | Request::Identify(doing, fingerprint) => {
                let plain = why.is_none() && outcome != Some(Outcome::Refused);
                if plain
                    && *fingerprint != 0
                    && let Some(id) = self.known.row(*fingerprint)
                    && cx.again(id, waiting.asked.time)
                {
                    return Some(id);
                }
                let id = tell(cx, waiting, doing, outcome, why);
                if plain && *fingerprint != 0 && doing.verb.is_cyclic() {
                    self.known.put(*fingerprint, doing, id);
                }
                id
            }
            Request::Subscribe(doing) => tell(cx, waiting, doing, outcome, why),
            Request::Blocks(blocks) => {
                for block in blocks {
                    let verb = Verb::ProgramDownload;
                    tell_block(cx, waiting, verb, block, outcome, why.as_deref());
                }
                None
            }
            Request::Explore { program, object } => {
                let verb = if *program {
                    Verb::ProgramUpload
                } else {
                    Verb::Read
                };
                let doing = Doing {
                    verb,
                    object: object.clone(),
                    detail: "Explore".to_owned(),
                    content_bytes: None,
                };
                tell(cx, waiting, &doing, outcome, why)
            }
            Request::Session(_) | Request::Quiet => None,
        }
    }

    fn not_answered(&mut self, cx: &mut Cx<'_>, waiting: Waiting) {
        let outcome = if waiting.gaps == self.gaps {
            cx.unanswered(waiting.side.other())
        } else {
            None
        };
        // The message at hand is none of its own.
        let frames = std::mem::take(&mut cx.frames);
        self.tell_late(cx, &waiting, outcome);
        cx.frames = frames;
    }

    fn tell_late(&mut self, cx: &mut Cx<'_>, waiting: &Waiting, outcome: Option<Outcome>) {
        if let Request::Told(doing, ..) | Request::Identify(doing, _) = &waiting.request {
            // Not by the short path: that one stands for answered requests.
            tell(cx, waiting, doing, outcome, None);
        } else {
            self.done(cx, waiting, outcome, None);
        }
    }
}

fn add_frames(asked: &mut Asked, frames: &[u32]) {
    for frame in frames {
        if asked.frames.len() < MOST_FRAMES && !asked.frames.contains(frame) {
            asked.frames.push(*frame);
        }
    }
    asked.frames.sort_unstable();
}

fn tell(
    cx: &mut Cx<'_>,
    waiting: &Waiting,
    doing: &Doing,
    outcome: Option<Outcome>,
    why: Option<String>,
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
        asked: Some(waiting.asked.clone()),
        ..Op::new(doing.verb)
    };
    cx.operation(waiting.side, op)
}

fn tell_block(
    cx: &mut Cx<'_>,
    waiting: &Waiting,
    verb: Verb,
    block: &program::Block,
    outcome: Option<Outcome>,
    why: Option<&str>,
) {
    let detail = match why {
        Some(why) if block.detail.is_empty() => why.to_owned(),
        Some(why) => format!("{}, {why}", block.detail),
        None => block.detail.clone(),
    };
    let op = Op {
        object: Some(block.object.clone()),
        detail: (!detail.is_empty()).then_some(detail),
        outcome,
        content_bytes: Some(block.bytes),
        content_sha256: Some(block.sha256.clone()),
        asked: Some(waiting.asked.clone()),
        ..Op::new(verb)
    };
    cx.operation(waiting.side, op);
}

/// The object that a `CreateObject` made, by its answer: count, identifiers.
fn first_id(r: &mut Reader<'_>) -> Option<u32> {
    let count = r.u8().ok()?;
    (count > 0).then(|| number(r).ok()).flatten()
}

impl Parts {
    fn add(&mut self, cx: &Cx<'_>, bytes: &[u8]) {
        for frame in cx.frames {
            if self.frames.len() < MOST_FRAMES && self.frames.last() != Some(frame) {
                self.frames.push(*frame);
            }
        }
        if self.held.len() + bytes.len() > MOST_MESSAGE {
            self.cut = true;
        }
        if !self.cut {
            self.held.extend_from_slice(bytes);
        }
    }
}
