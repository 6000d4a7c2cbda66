//! S7comm: what stations ask of Siemens S7-300/400 controllers (and of later ones that still allow it).
//!
//! Spec: RFC 1006 and RFC 905 class 0 (what carries it); no public standard for S7comm itself: written from the field's
//! published knowledge of it and from captures.
//! Emits: one operation per job or userdata request, answered or not; one per block downloaded or uploaded, with the
//! hash of its content, and in words what the block says of itself, with the hash of its code; identity from status lists
//! 0x11 and 0x1c; the kind of connection (`pg`, `op`, `basic`) as variant.
//! Blind to: the values read and written; symbolic S7-1200 addresses beyond their block; what the controller pushes
//! unasked (alarms, cyclic data); S7comm-plus, which is told apart by name only.
mod block;
pub(super) mod cotp;
mod ops;
mod pdu;
pub(super) mod plus;
#[cfg(test)]
mod tests;
mod transfer;
mod userdata;

use std::sync::Arc;

use self::cotp::{Joiner, Tpdu};
use self::ops::{Asked, Known, Request};
use self::pdu::{Kind, Pdu, function};
use self::transfer::{Transfers, Way};
use self::userdata::{Head as UserdataHead, ListParts, group};
use crate::{
    Carrier, Cx, Decoder, Dialogue, Head, Malformed, Outcome, Pending, Probe, Reader, Side, Step,
    Verb,
};

pub static DECODER: Decoder = Decoder {
    name: "s7comm",
    title: "S7comm (Siemens S7-300/400)",
    carriers: &[Carrier::Tcp(102)],
    probe,
    open: || Box::new(S7::default()),
    remote: false,
    operations: &[
        Verb::Read,
        Verb::Write,
        Verb::ProgramUpload,
        Verb::ProgramDownload,
        Verb::ProgramDelete,
        Verb::Start,
        Verb::Stop,
        Verb::ModeChange,
        Verb::Reset,
        Verb::Configure,
        Verb::SetClock,
        Verb::Lock,
        Verb::Authenticate,
        Verb::FileDelete,
        Verb::Diagnose,
        Verb::Identify,
    ],
    about: "Jobs and userdata with their answers: variables by address, block up- and downloads with the hash of the \
            block, start, stop, program services, clock, status lists, passwords (that they were given), test functions.",
    spec: "RFC 1006; RFC 905 class 0; S7comm itself has no public standard",
    blind: "the values read and written, symbolic addresses beyond their block, alarms and cyclic data that the \
            controller pushes, S7comm-plus (recognised apart)",
};

/// Requests of one side that wait for their answers; S7 negotiates at most a few in parallel.
const MOST_WAITING: usize = 64;

fn probe(head: &Head<'_>) -> Probe {
    head.read(|r| {
        let (content, whole) = cotp::content(r)?;
        pdu::recognise(content, whole)
    })
}

/// One connection.
#[derive(Default)]
struct S7 {
    joining: [Joiner; 2],
    waiting: Pending<(Side, u16), Asked, MOST_WAITING>,
    transfers: Transfers,
    known: Known,
    list: ListParts,
    /// Gaps so far: an answer to what was asked before one may have been lost.
    gaps: u32,
    /// Transport selector that the client called.
    called: Option<[u8; 2]>,
}

impl Dialogue for S7 {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        match cotp::length(&mut Reader::new(bytes)) {
            Ok(length) if length > bytes.len() => return Step::Need(length),
            Ok(_) => {}
            Err(error) => return Step::from_error(error, bytes.len()),
        }
        let mut r = Reader::new(bytes);
        match cotp::read(&mut r) {
            Ok(Tpdu::Connect { confirms, called }) => self.connect(cx, confirms, called),
            Ok(Tpdu::Data { last: false, data }) => self.joiner(side).add(data),
            Ok(Tpdu::Data { last: true, data }) => {
                if self.joiner(side).is_empty() {
                    self.content(cx, side, data);
                } else if let Some(whole) = self.joiner(side).finish(data) {
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
        self.joiner(side).clear();
        self.transfers.gap();
        self.list.begin();
        self.gaps = self.gaps.saturating_add(1);
    }

    fn close(&mut self, cx: &mut Cx<'_>) {
        let waiting: Vec<Asked> = self.waiting.drain().collect();
        for asked in waiting {
            self.not_answered(cx, &asked);
        }
        self.transfers.close(cx);
    }

    fn is_settled(&self) -> bool {
        self.waiting.is_empty() && self.transfers.is_empty()
    }
}

impl S7 {
    fn joiner(&mut self, side: Side) -> &mut Joiner {
        let [client, server] = &mut self.joining;
        match side {
            Side::Client => client,
            Side::Server => server,
        }
    }

    /// The selector called names the kind of connection, and rack and slot of the module.
    fn connect(&mut self, cx: &mut Cx<'_>, confirms: bool, called: Option<&[u8]>) {
        let called = called.and_then(|called| <[u8; 2]>::try_from(called).ok());
        if !confirms {
            self.called = called;
            return;
        }
        let Some([kind, place]) = self.called.or(called) else {
            return;
        };
        match kind {
            1 => cx.variant("pg"),
            2 => cx.variant("op"),
            3 => cx.variant("basic"),
            _ => return,
        }
        let (rack, slot) = (place >> 5, place & 0x1f);
        cx.identity(Side::Server, "system", format!("rack {rack}, slot {slot}"));
    }

    fn content(&mut self, cx: &mut Cx<'_>, side: Side, content: &[u8]) {
        if content.is_empty() {
            return;
        }
        if !self.transfers.is_empty() {
            self.transfers.settle(cx);
        }
        let read = Pdu::read(&mut Reader::new(content)).and_then(|pdu| {
            match pdu.kind {
                Kind::Job => self.job(cx, side, &pdu),
                Kind::Answer => self.answer(cx, side, &pdu),
                Kind::Userdata => return self.userdata(cx, side, &pdu),
            }
            Ok(())
        });
        if let Err(error) = read {
            // The packet around it was whole: only this message is lost.
            let what = match error {
                Malformed::Bad(what) => what,
                Malformed::Short => "length",
            };
            cx.oddity("s7comm.malformed", side, Some(what.to_owned()));
        }
    }

    fn put(&mut self, cx: &mut Cx<'_>, side: Side, reference: u16, request: Request) {
        let asked = Asked {
            side,
            request,
            at: cx.at,
            gaps: self.gaps,
        };
        let key = (side, reference);
        // A reference names one job at a time: the one before it never got its answer.
        if let Some(lost) = self.waiting.take(&key) {
            self.not_answered(cx, &lost);
        }
        if let Some(lost) = self.waiting.put(key, asked) {
            self.not_answered(cx, &lost);
        }
    }

    fn job(&mut self, cx: &mut Cx<'_>, side: Side, pdu: &Pdu<'_>) {
        let request = match pdu.function() {
            function::SETUP | 0 => return,
            function::REQUEST_DOWNLOAD => {
                let (block, length) = ops::download(pdu.param);
                self.transfers.request(cx, Way::Down, block.clone(), length);
                Request::StartDownload(block)
            }
            function::DOWNLOAD_BLOCK => Request::Block(ops::file(pdu.param)),
            function::DOWNLOAD_ENDED => {
                let error = ops::transfer_error(pdu.param);
                self.transfers
                    .download_ended(cx, ops::file(pdu.param).as_deref(), error);
                return;
            }
            function::START_UPLOAD => {
                let block = ops::file(pdu.param);
                self.transfers.request(cx, Way::Up, block.clone(), None);
                Request::StartUpload(block)
            }
            function::UPLOAD => Request::Upload(ops::upload_id(pdu.param)),
            function::END_UPLOAD => Request::EndUpload(ops::upload_id(pdu.param)),
            function::PI_SERVICE => ops::program_service(pdu.param),
            _ => {
                let fingerprint = ops::fingerprint(pdu);
                let doing = self.known.doing(fingerprint);
                let doing = doing.or_else(|| ops::job(pdu).map(Arc::new));
                match doing {
                    Some(doing) => Request::Told(doing, fingerprint),
                    None => {
                        let detail = format!("function 0x{:02x}", pdu.function());
                        cx.oddity("s7comm.bad_request", side, Some(detail));
                        return;
                    }
                }
            }
        };
        self.put(cx, side, pdu.reference, request);
    }

    fn answer(&mut self, cx: &mut Cx<'_>, side: Side, pdu: &Pdu<'_>) {
        let Some(asked) = self.waiting.take(&(side.other(), pdu.reference)) else {
            self.answer_alone(cx, side, pdu);
            return;
        };
        let refused = (pdu.error != 0).then(|| pdu::error(pdu.error));
        match &asked.request {
            Request::Told(doing, fingerprint) => {
                let items = match pdu.function() {
                    _ if refused.is_some() => None,
                    function::READ => Some(pdu::read_results(pdu.data)),
                    function::WRITE => Some(pdu::write_results(pdu.data)),
                    _ => None,
                };
                match (refused, items) {
                    (Some(why), _) => {
                        ops::tell(cx, &asked, doing, Some(Outcome::Refused), Some(&why));
                    }
                    (None, Some(items)) if items.failed > 0 => {
                        let (outcome, why) = ops::of_items(items);
                        ops::tell(cx, &asked, doing, Some(outcome), Some(&why));
                    }
                    (None, _) => self.done(cx, &asked, doing, *fingerprint),
                }
            }
            Request::Insert(blocks) => {
                let outcome = match refused {
                    Some(_) => Outcome::Refused,
                    None => Outcome::Ok,
                };
                self.inserted(cx, &asked, blocks, Some(outcome), refused.as_deref());
            }
            Request::StartDownload(block) => {
                self.transfers
                    .answered(cx, Way::Down, block.as_deref(), None, None, refused);
            }
            Request::StartUpload(block) => {
                let (id, length) = ops::upload_started(pdu.param);
                self.transfers
                    .answered(cx, Way::Up, block.as_deref(), id, length, refused);
            }
            Request::Block(block) => {
                let (content, more) = ops::content(pdu);
                self.transfers.block(cx, block.as_deref(), content, more);
            }
            Request::Upload(id) => {
                let (content, more) = ops::content(pdu);
                if refused.is_none() {
                    self.transfers.upload(cx, *id, content, more);
                }
            }
            Request::EndUpload(id) => self.transfers.upload_ended(cx, *id),
            Request::ListPart => {}
        }
    }

    /// The request was not captured, or was lost in a gap: the answer tells what it can.
    fn answer_alone(&mut self, cx: &mut Cx<'_>, side: Side, pdu: &Pdu<'_>) {
        let one_sided = !cx.flow.end(side.other()).seen;
        match pdu.function() {
            function::SETUP => {}
            function::DOWNLOAD_BLOCK => {
                let (content, more) = ops::content(pdu);
                self.transfers.block(cx, None, content, more);
            }
            function::DOWNLOAD_ENDED if one_sided => self.transfers.download_ended(cx, None, 0),
            function::DOWNLOAD_ENDED => {}
            function::UPLOAD => {
                let (content, more) = ops::content(pdu);
                self.transfers.upload(cx, None, content, more);
            }
            function::END_UPLOAD => self.transfers.upload_ended(cx, None),
            function @ (function::READ | function::WRITE | function::STOP) => {
                if one_sided || cx.flow.midstream || self.gaps > 0 {
                    ops::tell_answer(cx, side.other(), function, pdu);
                } else {
                    cx.oddity("s7comm.answer_without_request", side, None);
                }
            }
            _ => {}
        }
    }

    fn userdata(&mut self, cx: &mut Cx<'_>, side: Side, pdu: &Pdu<'_>) -> Result<(), Malformed> {
        if !pdu.param.starts_with(&[0x00, 0x01, 0x12]) {
            // The controller says unasked that its operating state changed.
            return Ok(());
        }
        let head = UserdataHead::read(pdu.param)?;
        match head.kind {
            userdata::Kind::Push => {}
            userdata::Kind::Request => {
                let (_, content) = userdata::payload(pdu.data);
                // The rest of an answer that did not go into one message, of a status list or a list of blocks.
                let of_list = matches!((head.group, head.function), (group::CPU, 1) | (3, 1 | 2));
                if of_list && head.numbered && content.is_empty() {
                    self.put(cx, side, pdu.reference, Request::ListPart);
                    return Ok(());
                }
                if (head.group, head.function) == (group::SECURITY, 1) {
                    // The encoding is reversible without a key: whoever listens has the password.
                    cx.credential("password", None, false);
                }
                let fingerprint = ops::fingerprint(pdu);
                let doing = self.known.doing(fingerprint);
                let doing = doing.or_else(|| ops::userdata(head, pdu.data).map(Arc::new));
                if let Some(doing) = doing {
                    self.put(cx, side, pdu.reference, Request::Told(doing, fingerprint));
                }
            }
            userdata::Kind::Answer => self.userdata_answer(cx, side, pdu, head),
        }
        Ok(())
    }

    fn userdata_answer(&mut self, cx: &mut Cx<'_>, side: Side, pdu: &Pdu<'_>, head: UserdataHead) {
        let asked = self.waiting.take(&(side.other(), pdu.reference));
        let (_, content) = userdata::payload(pdu.data);
        let first = !matches!(&asked, Some(asked) if asked.request == Request::ListPart);
        if let Some(asked) = &asked
            && let Request::Told(doing, fingerprint) = &asked.request
        {
            if head.error == 0 {
                self.done(cx, asked, doing, *fingerprint);
            } else {
                let why = pdu::error(head.error);
                ops::tell(cx, asked, doing, Some(Outcome::Refused), Some(&why));
            }
        }
        if (head.group, head.function) != (group::CPU, 1) || head.error != 0 {
            return;
        }
        if first {
            self.list.begin();
        } else if self.list.is_empty() {
            // The begin was lost.
            return;
        }
        self.list.add(content);
        if !head.more {
            for (attribute, value) in self.list.identity() {
                cx.identity(side, attribute, value);
            }
        }
    }

    /// Told as a new row, or counted on the row of the same request before.
    fn done(&mut self, cx: &mut Cx<'_>, asked: &Asked, doing: &Arc<ops::Doing>, fingerprint: u64) {
        if let Some(id) = self.known.row(fingerprint)
            && cx.again(id, asked.at.now)
        {
            return;
        }
        let id = ops::tell(cx, asked, doing, Some(Outcome::Ok), None);
        if doing.verb.is_cyclic() {
            self.known.put(fingerprint, doing, id);
        }
    }

    fn inserted(
        &mut self,
        cx: &mut Cx<'_>,
        asked: &Asked,
        blocks: &[String],
        outcome: Option<Outcome>,
        why: Option<&str>,
    ) {
        let others = self
            .transfers
            .inserted(cx, &asked.told(), blocks, outcome, why);
        if !others.is_empty() {
            let doing = ops::Doing {
                verb: Verb::ProgramDownload,
                object: Some(others.join(", ")),
                detail: "program service _INSE, insert blocks".to_owned(),
                content_bytes: None,
            };
            ops::tell(cx, asked, &doing, outcome, why);
        }
    }

    fn not_answered(&mut self, cx: &mut Cx<'_>, asked: &Asked) {
        let outcome = if asked.gaps == self.gaps {
            cx.unanswered(asked.side.other())
        } else {
            None
        };
        // The message at hand is none of its own.
        let frames = std::mem::take(&mut cx.frames);
        match &asked.request {
            Request::Told(doing, _) => {
                ops::tell(cx, asked, doing, outcome, None);
            }
            Request::Insert(blocks) => self.inserted(cx, asked, blocks, outcome, None),
            // Transfers tell their own end.
            _ => {}
        }
        cx.frames = frames;
    }
}
