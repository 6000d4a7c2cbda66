//! MMS, and IEC 61850 over it: what stations ask of protection relays, bay controllers and controllers of several makers.
//!
//! Spec: ISO 9506-1 and -2 (services and their coding); IEC 61850-8-1 (names of IEC 61850 in MMS); RFC 1006, X.225, X.226,
//! X.227 (what carries it).
//! Emits: one operation per confirmed request, answered or not; controls of IEC 61850 as `operate`; one per file read and
//! per domain downloaded or uploaded, with the hash of its content; identity from `identify` and from name plates that are
//! read; that a password was given.
//! Blind to: the values read and written; reports and events that servers send; secured associations (IEC 62351).
//! Tried on: every capture that the tests are given; the number of requests by service equals tshark's.
mod services;
mod stack;
#[cfg(test)]
mod tests;
mod transfer;

use self::services::service;
use self::transfer::{Id, Transfers};
use super::asking::{Asking, Known, fingerprint};
use super::ber::{self, CONSTRUCTED, Element, PRIMITIVE};
use super::s7comm::cotp::{self, Joiner, Tpdu};
use crate::{
    Carrier, Cx, Decoder, Dialogue, Head, Malformed, Outcome, Pending, Probe, Reader, Side, Step,
    Verb,
};

pub static DECODER: Decoder = Decoder {
    name: "mms",
    title: "MMS (IEC 61850 and ISO 9506)",
    carriers: &[Carrier::Tcp(102)],
    probe,
    open: || Box::new(Mms::default()),
    remote: false,
    operations: &[
        Verb::Read,
        Verb::Write,
        Verb::Operate,
        Verb::ParameterChange,
        Verb::Configure,
        Verb::ProgramDownload,
        Verb::ProgramUpload,
        Verb::ProgramDelete,
        Verb::Start,
        Verb::Stop,
        Verb::Reset,
        Verb::Lock,
        Verb::Unlock,
        Verb::FileRead,
        Verb::FileWrite,
        Verb::FileDelete,
        Verb::Diagnose,
        Verb::Identify,
    ],
    about: "Every confirmed service with its answer, by name of variable, domain, program or file; controls of IEC 61850; \
            files and domains with their hashes; who the server is; passwords (that they were given).",
    spec: "ISO 9506-1 and -2; IEC 61850-8-1; RFC 1006, X.225, X.226, X.227",
    blind: "the values read and written, reports and events that servers send, secured associations (IEC 62351)",
};

/// Requests of one association that wait for their answers.
const MOST_WAITING: usize = 64;

fn probe(head: &Head<'_>) -> Probe {
    head.read(|r| {
        let (content, whole) = cotp::content(r)?;
        stack::recognise(content, whole, head.on(102))
    })
}

/// A confirmed request until its answer.
struct Request {
    service: u32,
    asking: Asking,
    /// What it is a part of.
    id: Option<Id>,
    /// What the values that are read say of the device, one by one.
    plates: Vec<Option<&'static str>>,
}

/// One association.
#[derive(Default)]
struct Mms {
    joining: [Joiner; 2],
    waiting: Pending<(Side, u32), Request, MOST_WAITING>,
    known: Known,
    transfers: Transfers,
    /// Something was lost: answers may come without their requests.
    lost: bool,
}

impl Dialogue for Mms {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        match cotp::length(&mut Reader::new(bytes)) {
            Ok(length) if length > bytes.len() => return Step::Need(length),
            Ok(_) => {}
            Err(error) => return Step::from_error(error, bytes.len()),
        }
        let mut r = Reader::new(bytes);
        match cotp::read(&mut r) {
            Ok(Tpdu::Data { last: false, data }) => self.joiner(side).add(data),
            Ok(Tpdu::Data { last: true, data }) => {
                if self.joiner(side).is_empty() {
                    self.content(cx, side, data);
                } else if let Some(whole) = self.joiner(side).finish(data) {
                    self.content(cx, side, &whole);
                } else {
                    cx.oddity("mms.too_long", side, None);
                }
            }
            Ok(Tpdu::Connect { .. } | Tpdu::Other) => {}
            Err(error) => return Step::from_error(error, bytes.len()),
        }
        Step::Took(r.at())
    }

    fn gap(&mut self, _cx: &mut Cx<'_>, side: Side, _lost: u64) {
        self.known.gap();
        self.joiner(side).clear();
        self.transfers.gap();
        self.lost = true;
    }

    fn close(&mut self, cx: &mut Cx<'_>) {
        let waiting: Vec<Request> = self.waiting.drain().collect();
        for request in waiting {
            self.not_answered(cx, request);
        }
        self.transfers.close(cx);
    }

    fn is_settled(&self) -> bool {
        self.waiting.is_empty() && self.transfers.is_empty()
    }
}

impl Mms {
    fn joiner(&mut self, side: Side) -> &mut Joiner {
        let [client, server] = &mut self.joining;
        match side {
            Side::Client => client,
            Side::Server => server,
        }
    }

    fn content(&mut self, cx: &mut Cx<'_>, side: Side, content: &[u8]) {
        let read = stack::open(content).and_then(|carried| {
            if let (Some(empty), Side::Client) = (carried.password, side) {
                cx.credential("password", None, empty);
            }
            let Some(mms) = carried.mms else {
                return Ok(());
            };
            let message = ber::element(&mut Reader::new(mms))?;
            self.pdu(cx, side, &message);
            Ok(())
        });
        if let Err(error) = read {
            // The packet around it was whole: only this message is lost.
            let what = match error {
                Malformed::Bad(what) => what,
                Malformed::Short => "length",
            };
            cx.oddity("mms.malformed", side, Some(what.to_owned()));
        }
    }

    fn pdu(&mut self, cx: &mut Cx<'_>, side: Side, message: &Element<'_>) {
        if message.form != CONSTRUCTED {
            return;
        }
        let content = message.content;
        let invoked = || ber::find(content, PRIMITIVE, 0).and_then(ber::number);
        match message.number {
            0 => match services::numbered(content) {
                Some((number, request)) => self.ask(cx, side, number, &request),
                None => cx.oddity("mms.malformed", side, Some("request".to_owned())),
            },
            1 => match services::numbered(content) {
                Some((number, answer)) => self.answered(cx, side, number, &answer),
                None => cx.oddity("mms.malformed", side, Some("answer".to_owned())),
            },
            2 => {
                if let Some(request) = self.asked(cx, side, invoked()) {
                    self.refused(cx, request, &services::error(content));
                }
            }
            4 => {
                if let Some(request) = self.asked(cx, side, invoked()) {
                    self.refused(cx, request, "rejected");
                }
            }
            _ => {}
        }
    }

    /// The part of a transfer that a request asks for.
    fn part(request: &Element<'_>) -> Option<Id> {
        let number = || ber::number(request.content);
        let text = |content| crate::reader::text(content, 160);
        match request.number {
            service::FILE_READ | service::FILE_CLOSE => number().map(Id::File),
            service::UPLOAD_SEGMENT | service::TERMINATE_UPLOAD => number().map(Id::Upload),
            service::DOWNLOAD_SEGMENT => text(request.content).map(Id::Download),
            service::INITIATE_DOWNLOAD | service::TERMINATE_DOWNLOAD => {
                ber::find(request.content, PRIMITIVE, 0)
                    .and_then(text)
                    .map(Id::Download)
            }
            _ => None,
        }
    }

    fn ask(&mut self, cx: &mut Cx<'_>, side: Side, number: u32, request: &Element<'_>) {
        let id = Self::part(request);
        let mut plates = Vec::new();
        let asking = if id.is_some() || request.number == service::FILE_OPEN {
            self.known.once(cx, side, services::doing(request))
        } else {
            let same = fingerprint([&request.number.to_le_bytes(), request.content]);
            self.known.ask(cx, side, same, || {
                if request.number == service::READ {
                    let names = services::named(service::READ, request.content);
                    if names.iter().any(|name| services::plate(name).is_some()) {
                        plates = names.iter().map(|name| services::plate(name)).collect();
                    }
                }
                services::doing(request)
            })
        };
        if let Some(id) = &id {
            self.under_way(cx, side, request.number, id, &asking);
        }
        let request = Request {
            service: request.number,
            asking,
            id,
            plates,
        };
        let key = (side, number);
        // A number names one request at a time: the one before it never got its answer.
        if let Some(lost) = self.waiting.take(&key) {
            self.not_answered(cx, lost);
        }
        if let Some(lost) = self.waiting.put(key, request) {
            self.not_answered(cx, lost);
        }
    }

    /// A piece of something whose begin was not captured: it is told from here on.
    fn under_way(&mut self, cx: &mut Cx<'_>, side: Side, number: u32, id: &Id, asking: &Asking) {
        // The server asks for the pieces of a download.
        let (of, object) = match (number, id) {
            (service::FILE_READ, Id::File(number)) => (side, format!("file {number}")),
            (service::UPLOAD_SEGMENT, Id::Upload(number)) => (side, format!("upload {number}")),
            (service::DOWNLOAD_SEGMENT, Id::Download(name)) => (side.other(), name.clone()),
            _ => return,
        };
        let waits = self.waiting.is_empty() || cx.flow.midstream || self.lost;
        if waits && !self.transfers.is_known(of, id) {
            let mut doing = asking.op().clone();
            doing.object = Some(object);
            let asking = self.known.once(cx, of, doing);
            self.transfers.begin(cx, asking, id.clone(), None, false);
        }
    }

    /// The request that `side` answers.
    fn asked(&mut self, cx: &mut Cx<'_>, side: Side, number: Option<u32>) -> Option<Request> {
        let request = number.and_then(|number| self.waiting.take(&(side.other(), number)));
        if request.is_none() && !cx.flow.midstream && !self.lost && cx.flow.end(side.other()).seen {
            cx.oddity("mms.answer_without_request", side, None);
        }
        request
    }

    fn answered(&mut self, cx: &mut Cx<'_>, side: Side, number: u32, answer: &Element<'_>) {
        let Some(request) = self.asked(cx, side, Some(number)) else {
            return;
        };
        let Request {
            service,
            asking,
            id,
            plates,
        } = request;
        let content = answer.content;
        let asker = asking.side;
        match (service, id) {
            (service::FILE_OPEN, _) => {
                let attributes = ber::find(content, CONSTRUCTED, 1).unwrap_or_default();
                let size = ber::find(attributes, PRIMITIVE, 0).and_then(ber::number);
                match ber::find(content, PRIMITIVE, 0).and_then(ber::number) {
                    Some(file) => {
                        let size = size.map(u64::from);
                        self.transfers.begin(cx, asking, Id::File(file), size, true);
                    }
                    None => self.known.tell(cx, asking, Some(Outcome::Ok), None),
                }
            }
            (service::INITIATE_UPLOAD, _) => {
                match ber::find(content, PRIMITIVE, 0).and_then(ber::number) {
                    Some(upload) => {
                        self.transfers
                            .begin(cx, asking, Id::Upload(upload), None, true);
                    }
                    None => self.known.tell(cx, asking, Some(Outcome::Ok), None),
                }
            }
            (service::INITIATE_DOWNLOAD, Some(id)) => {
                self.transfers.begin(cx, asking, id, None, true);
            }
            (service::FILE_READ | service::UPLOAD_SEGMENT, Some(id)) => {
                self.transfers.piece(cx, asker, &id, content);
            }
            (service::DOWNLOAD_SEGMENT, Some(id)) => {
                self.transfers.piece(cx, asker.other(), &id, content);
            }
            (service::FILE_CLOSE | service::TERMINATE_UPLOAD, Some(id)) => {
                self.transfers.end(cx, asker, &id, Outcome::Ok, None);
            }
            (service::TERMINATE_DOWNLOAD, Some(id)) => {
                self.transfers
                    .end(cx, asker.other(), &id, Outcome::Ok, None);
            }
            (service::READ | service::WRITE, _) => {
                if service == service::READ {
                    for (attribute, value) in plates.iter().zip(services::texts(content)) {
                        if let (Some(attribute), Some(value)) = (attribute, value) {
                            cx.identity(side, attribute, value);
                        }
                    }
                }
                let why = services::failed(service, content);
                let outcome = if why.is_some() {
                    Outcome::Refused
                } else {
                    Outcome::Ok
                };
                self.known.tell(cx, asking, Some(outcome), why);
            }
            _ => {
                if service == service::IDENTIFY {
                    for (attribute, value) in services::identity(content) {
                        cx.identity(side, attribute, value);
                    }
                }
                self.known.tell(cx, asking, Some(Outcome::Ok), None);
            }
        }
    }

    fn refused(&mut self, cx: &mut Cx<'_>, request: Request, why: &str) {
        let Request {
            service,
            asking,
            id,
            ..
        } = request;
        let asker = asking.side;
        match (service, id) {
            (service::FILE_READ | service::UPLOAD_SEGMENT, Some(id)) => {
                self.transfers.broke(asker, &id);
            }
            (service::DOWNLOAD_SEGMENT, Some(id)) => self.transfers.broke(asker.other(), &id),
            (service::FILE_CLOSE | service::TERMINATE_UPLOAD, Some(id)) => {
                self.transfers.end(cx, asker, &id, Outcome::Ok, Some(why));
            }
            (service::TERMINATE_DOWNLOAD, Some(id)) => {
                self.transfers
                    .end(cx, asker.other(), &id, Outcome::Refused, Some(why));
            }
            _ => self
                .known
                .tell(cx, asking, Some(Outcome::Refused), Some(why)),
        }
    }

    fn not_answered(&mut self, cx: &mut Cx<'_>, request: Request) {
        let of_transfer = matches!(
            request.service,
            service::FILE_READ
                | service::FILE_CLOSE
                | service::DOWNLOAD_SEGMENT
                | service::TERMINATE_DOWNLOAD
                | service::UPLOAD_SEGMENT
                | service::TERMINATE_UPLOAD
        );
        // Those are told with the file or the domain that they belong to.
        if !of_transfer {
            self.known.lost(cx, request.asking);
        }
    }
}
