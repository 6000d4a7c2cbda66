//! EtherNet/IP and CIP: what stations ask of Rockwell and other CIP devices.
//!
//! Spec: CIP Networks Library Volume 1 (CIP) and Volume 2 (EtherNet/IP adaptation); Rockwell 1756-PM020 (tags) and
//! 1770-6.5.16 (PCCC). The objects of Logix programs and firmware have no public standard: read as captures show them.
//! Emits: one operation per service, answered or not, those inside Unconnected Send and Multiple Service Packets each;
//! one per program downloaded or read out, firmware or file; identity from ListIdentity and the identity object; the
//! implicit data that a Forward Open announces is expected as `enip-io`; who opened it, who owns outputs, how often they are
//! written.
//! Blind to: the values; CIP Security (TLS); vendor services beyond their number; vendors other than Rockwell that use
//! Rockwell's class numbers for something else.
mod batch;
mod cip;
mod encap;
mod identity;
pub(super) mod io;
mod ops;
mod pairing;
mod pccc;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use hashbrown::HashMap;

use self::batch::{Batches, Part, Work};
use self::cip::{Answer, Path, Request, class, service};
use self::encap::{HEADER, Header, Packet, command, item};
use self::identity::Identity;
use self::ops::{Doing, Expects, Meaning};
use self::pairing::{Asked, Key, Pairing, Waiting};
use crate::{
    Carrier, Cx, Decoder, Dialogue, Head, Malformed, Memo, Op, OpId, Outcome, Probe, Reader, Side,
    Step, Verb,
};

pub static DECODER: Decoder = Decoder {
    name: "enip",
    title: "EtherNet/IP (CIP)",
    carriers: &[Carrier::Tcp(44818), Carrier::Udp(44818)],
    probe,
    open: || Box::new(Enip::default()),
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
        Verb::FirmwareUpdate,
        Verb::ParameterChange,
        Verb::Configure,
        Verb::SetClock,
        Verb::Lock,
        Verb::Unlock,
        Verb::FileRead,
        Verb::FileWrite,
        Verb::FileDelete,
        Verb::Diagnose,
        Verb::Identify,
    ],
    about: "Every CIP service with its answer, through routes and in packets of several: tags by name, attributes by \
            object, start, stop, reset, clock, lock, program and firmware transfers as one operation each, PCCC; \
            identity; implicit connections announced, with their owner and intervals.",
    spec: "CIP Networks Library Volumes 1 and 2; Rockwell 1756-PM020, 1770-6.5.16; program and firmware objects of \
           Logix controllers have no public standard",
    blind: "the values, CIP Security (TLS), vendor services beyond their number, other vendors' use of Rockwell's \
            class numbers",
};

/// Cyclic requests whose words and rows are remembered.
const MOST_KNOWN: usize = 512;
/// Services in one Multiple Service Packet that are looked at.
const MOST_PARTS: usize = 256;
/// Where implicit data goes (Volume 2, 2-5).
const IMPLICIT_PORT: u16 = 2222;

fn probe(head: &Head<'_>) -> Probe {
    head.read(|r| encap::recognise(r, head.on(44818)))
}

/// One session (or the datagrams between two ends).
#[derive(Default)]
struct Enip {
    pairing: Pairing,
    known: HashMap<u64, Known>,
    batches: Batches,
}

#[derive(Clone)]
struct Known {
    doing: Arc<Doing>,
    row: Option<OpId>,
}

impl Dialogue for Enip {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        let mut r = Reader::new(bytes);
        let header = match Header::read(&mut r) {
            Ok(header) => header,
            Err(Malformed::Short) => return Step::Need(HEADER.max(bytes.len() + 1)),
            Err(Malformed::Bad(what)) => return Step::Bad(what),
        };
        let Ok(body) = r.bytes(header.length) else {
            return Step::Need(HEADER + header.length);
        };
        if !self.batches.is_empty() {
            self.batches.settle(cx);
        }
        match header.command {
            command::SEND_RR_DATA | command::SEND_UNIT_DATA => self.data(cx, side, &header, body),
            command::LIST_IDENTITY | command::LIST_SERVICES | command::LIST_INTERFACES => {
                self.list(cx, side, &header, body);
            }
            command::NOP
            | command::REGISTER
            | command::UNREGISTER
            | command::INDICATE_STATUS
            | command::CANCEL => {}
            _ => {}
        }
        Step::Took(r.at())
    }

    fn gap(&mut self, _cx: &mut Cx<'_>, _side: Side, _lost: u64) {
        self.pairing.gap();
        self.batches.gap();
    }

    fn close(&mut self, cx: &mut Cx<'_>) {
        while let Some(waiting) = self.pairing.next() {
            self.not_answered(cx, &waiting);
        }
        self.batches.close(cx);
    }

    fn is_settled(&self) -> bool {
        self.pairing.is_empty() && self.batches.is_empty()
    }
}

impl Enip {
    /// The commands that list, asked and answered outside of any session.
    fn list(&mut self, cx: &mut Cx<'_>, side: Side, header: &Header, body: &[u8]) {
        let key = Key::Context(header.command, header.context);
        if body.is_empty() && header.status == 0 && side == Side::Client {
            let (verb, detail) = match header.command {
                command::LIST_IDENTITY => (Verb::Identify, "ListIdentity"),
                command::LIST_SERVICES => (Verb::Diagnose, "ListServices"),
                _ => (Verb::Diagnose, "ListInterfaces"),
            };
            let fingerprint = u64::from(header.command);
            let doing = self.doing(fingerprint, || Doing {
                verb,
                object: None,
                detail: detail.to_owned(),
                content_bytes: None,
                answer: Expects::Nothing,
            });
            let asked = Asked::Told {
                doing,
                fingerprint,
                route: None,
            };
            self.put(cx, side, key, asked);
            return;
        }
        let mut early = false;
        if let Some(waiting) = self.pairing.take(side, |known| known == key) {
            let why = (header.status != 0).then(|| encap::status(header.status));
            self.finished(cx, &waiting, why);
        } else {
            early = cx.comes_early();
        }
        let mut stated = Vec::new();
        let read = encap::items(&mut Reader::new(body), |kind, data| {
            if kind == item::IDENTITY {
                stated.extend(Identity::read_item(data));
            }
        });
        if read.is_err() && !early {
            cx.oddity("enip.malformed", side, Some("items".to_owned()));
        }
        for identity in stated {
            for (attribute, value) in identity.attributes() {
                cx.identity(side, attribute, value);
            }
        }
    }

    /// A CIP message, connected or not.
    fn data(&mut self, cx: &mut Cx<'_>, side: Side, header: &Header, body: &[u8]) {
        if header.status != 0 {
            let key = Key::Context(header.command, header.context);
            if let Some(waiting) = self.pairing.take(side, |known| known == key) {
                self.finished(cx, &waiting, Some(encap::status(header.status)));
            } else {
                cx.comes_early();
            }
            return;
        }
        let packet = match Packet::read(&mut Reader::new(body)) {
            Ok(packet) => packet,
            Err(_) => {
                cx.oddity("enip.malformed", side, Some("items".to_owned()));
                return;
            }
        };
        let message = packet.message();
        let Some(first) = message.first() else { return };
        let sequence = packet
            .connected
            .and_then(|connected| Reader::new(connected).u16_le().ok());
        let unmarked = Key::Context(header.command, header.context);
        let answers = first & 0x80 != 0
            || (side == Side::Server
                && packet.unconnected.is_some()
                && self.pairing.waits(|known| known == unmarked));
        if !answers {
            let (key, route) = match (packet.unconnected, packet.connection, sequence) {
                (None, Some(connection), Some(sequence)) => {
                    let route = self.pairing.route(connection);
                    (Key::Connected(connection, sequence), route)
                }
                _ => (Key::Context(header.command, header.context), None),
            };
            let asked = self.request(cx, side, message, route, 0);
            self.put(cx, side, key, asked);
            return;
        }
        let waiting = match (packet.unconnected, packet.connection, sequence) {
            (None, Some(connection), Some(sequence)) => {
                self.pairing.take_connected(side, connection, sequence)
            }
            _ => {
                let key = Key::Context(header.command, header.context);
                self.pairing.take(side, |known| known == key)
            }
        };
        let answer = match Answer::read(message) {
            Ok(answer) => answer,
            Err(_) => {
                cx.oddity("enip.malformed", side, Some("answer".to_owned()));
                return;
            }
        };
        match waiting {
            Some(waiting) => self.answer(cx, side, &waiting, &answer, packet.socket),
            None if cx.comes_early() => {}
            None => answer_alone(cx, side, &answer),
        }
    }

    /// What a request asks, down to the services inside of it.
    fn request(
        &mut self,
        cx: &mut Cx<'_>,
        side: Side,
        message: &[u8],
        route: Option<Arc<str>>,
        depth: u8,
    ) -> Asked {
        let Ok(request) = Request::read(message) else {
            cx.oddity("enip.malformed", side, Some("request".to_owned()));
            return Asked::Nothing;
        };
        let at = |wanted: u16| {
            let class = u8::try_from(wanted).unwrap_or(0);
            matches!(request.path, [0x20, is, ..] if *is == class)
        };
        if depth < 3
            && request.service == service::UNCONNECTED_SEND
            && at(class::CONNECTION_MANAGER)
        {
            let Ok((inner, way)) = cip::unconnected_send(request.data) else {
                return Asked::Nothing;
            };
            let way = Path::read(way).route.map(Arc::from);
            return self.request(cx, side, inner, way.or(route), depth + 1);
        }
        if depth < 3 && request.service == service::MULTIPLE && at(class::MESSAGE_ROUTER) {
            let parts = cip::parts(request.data)
                .take(MOST_PARTS)
                .map(|part| self.request(cx, side, part, route.clone(), depth + 1))
                .collect();
            return Asked::Several(parts);
        }
        // Of writes, values differ each time and do not count; of all others every byte tells what is asked.
        let counted = match request.service {
            0x4d | 0x4e | 0x53 | 0x02 | 0x04 | 0x10 => {
                message.get(..2 + request.path.len() + 2).unwrap_or(message)
            }
            _ => message,
        };
        let way = route
            .as_deref()
            .map_or(0, |route| Memo::fingerprint(route.as_bytes()));
        let fingerprint =
            Memo::fingerprint(counted) ^ way.rotate_left(7) ^ (message.len() as u64) << 32;
        let changing = self.batches.runs(Work::Change);
        if let Some(known) = self.known.get(&fingerprint) {
            return Asked::Told {
                doing: Arc::clone(&known.doing),
                fingerprint,
                route,
            };
        }
        let path = Path::read(request.path);
        if matches!(
            request.service,
            service::FORWARD_OPEN | service::LARGE_FORWARD_OPEN
        ) && path.class == Some(class::CONNECTION_MANAGER)
        {
            let large = request.service == service::LARGE_FORWARD_OPEN;
            return match cip::forward_open(large, request.data) {
                Ok(opening) => Asked::Open {
                    route: opening.route.map(Arc::from).or(route),
                    implicit: opening.implicit,
                    writes: opening.writes,
                },
                Err(_) => Asked::Nothing,
            };
        }
        match ops::meaning(&request, &path, changing) {
            Meaning::Told(mut doing) => {
                if let Some(route) = &route {
                    doing.detail = format!("{}, via {route}", doing.detail);
                }
                if matches!(doing.verb, Verb::Start | Verb::Stop) {
                    // A download ends with the controller's start, and begins after its stop.
                    self.batches.end(cx, Work::Change);
                }
                Asked::Told {
                    doing: Arc::new(doing),
                    fingerprint,
                    route,
                }
            }
            Meaning::Part(part, content) => {
                let Part { work, .. } = part;
                self.batches.asked(cx, side, &part, content);
                Asked::Part(work)
            }
            Meaning::Nothing => Asked::Nothing,
        }
    }

    fn doing(&self, fingerprint: u64, make: impl FnOnce() -> Doing) -> Arc<Doing> {
        match self.known.get(&fingerprint) {
            Some(known) => Arc::clone(&known.doing),
            None => Arc::new(make()),
        }
    }

    fn put(&mut self, cx: &mut Cx<'_>, side: Side, key: Key, asked: Asked) {
        if let Some(lost) = self.pairing.put(key, side, asked, cx.at) {
            self.not_answered(cx, &lost);
        }
    }

    fn answer(
        &mut self,
        cx: &mut Cx<'_>,
        side: Side,
        waiting: &Waiting,
        answer: &Answer<'_>,
        socket: Option<&[u8]>,
    ) {
        if let Asked::Open {
            route,
            implicit,
            writes,
        } = &waiting.asked
        {
            if answer.is_ok() {
                self.opened(cx, side, route.clone(), *implicit, answer.data, socket);
                if *implicit {
                    exchanged(cx, side, route.as_deref(), *writes, answer.data);
                }
            } else if answer.extended == Some(cip::OWNED) {
                let at = route.as_deref().map(|route| format!("at {route}"));
                cx.oddity("cip.owned_by_another", side.other(), at);
            }
            return;
        }
        self.settled(cx, side, waiting, &waiting.asked, answer);
    }

    fn opened(
        &mut self,
        cx: &mut Cx<'_>,
        side: Side,
        route: Option<Arc<str>>,
        implicit: bool,
        data: &[u8],
        socket: Option<&[u8]>,
    ) {
        if !implicit {
            if let Ok((to_target, to_origin)) = cip::opened(data) {
                self.pairing.opened(to_target, to_origin, route);
            }
            return;
        }
        let ends = [cx.flow.end(side).address, cx.flow.end(side.other()).address];
        let group = socket.and_then(socket_address);
        for ip in ends.iter().filter_map(|end| end.ip()).chain(group) {
            cx.expect(ip, IMPLICIT_PORT, true, "enip-io", Some(&io::DECODER));
        }
    }

    /// One service and its answer; those of several in one packet pairwise.
    fn settled(
        &mut self,
        cx: &mut Cx<'_>,
        side: Side,
        waiting: &Waiting,
        asked: &Asked,
        answer: &Answer<'_>,
    ) {
        match asked {
            Asked::Several(parts) => {
                let mut answers = cip::parts(answer.data);
                for part in parts {
                    match answers.next().map(Answer::read) {
                        Some(Ok(inner)) => self.settled(cx, side, waiting, part, &inner),
                        // Refused as a whole, or cut short.
                        _ => self.settled(cx, side, waiting, part, answer),
                    }
                }
            }
            Asked::Part(work) => {
                let refused = (!answer.is_ok()).then(|| answer.why());
                self.batches.answered(cx, *work, refused, answer.data);
            }
            Asked::Told {
                doing,
                fingerprint,
                route,
            } => {
                if !answer.is_ok() {
                    tell(
                        cx,
                        waiting,
                        doing,
                        Some(Outcome::Refused),
                        Some(&answer.why()),
                    );
                    return;
                }
                if doing.answer == Expects::Pccc
                    && let Ok(Some(why)) = pccc::refusal(answer.data)
                {
                    tell(cx, waiting, doing, Some(Outcome::Refused), Some(&why));
                    return;
                }
                self.done(cx, waiting, doing, *fingerprint);
                if doing.answer == Expects::Identity
                    && let Ok(known) = Identity::read(&mut Reader::new(answer.data))
                {
                    match route {
                        Some(route) => cx.identity(side, "system", known.module(route)),
                        None => {
                            for (attribute, value) in known.attributes() {
                                cx.identity(side, attribute, value);
                            }
                        }
                    }
                }
            }
            Asked::Open { .. } | Asked::Nothing => {}
        }
    }

    /// A whole request ended without a CIP answer: well, or with an error of the encapsulation.
    fn finished(&mut self, cx: &mut Cx<'_>, waiting: &Waiting, why: Option<String>) {
        self.ended(cx, waiting, &waiting.asked, why.as_deref());
    }

    fn ended(&mut self, cx: &mut Cx<'_>, waiting: &Waiting, asked: &Asked, why: Option<&str>) {
        match (asked, why) {
            (
                Asked::Told {
                    doing, fingerprint, ..
                },
                None,
            ) => self.done(cx, waiting, doing, *fingerprint),
            (Asked::Told { doing, .. }, Some(why)) => {
                tell(cx, waiting, doing, Some(Outcome::Refused), Some(why));
            }
            (Asked::Several(parts), _) => {
                for part in parts {
                    self.ended(cx, waiting, part, why);
                }
            }
            (Asked::Part(work), Some(why)) => {
                self.batches.answered(cx, *work, Some(why.to_owned()), &[]);
            }
            (Asked::Part(_) | Asked::Open { .. } | Asked::Nothing, _) => {}
        }
    }

    /// Told as a new row, or counted on the row of the same request before.
    fn done(&mut self, cx: &mut Cx<'_>, waiting: &Waiting, doing: &Arc<Doing>, fingerprint: u64) {
        if let Some(Known { row: Some(id), .. }) = self.known.get(&fingerprint)
            && cx.again(*id, waiting.at.now)
        {
            return;
        }
        let row = tell(cx, waiting, doing, Some(Outcome::Ok), None);
        if doing.verb.is_cyclic() {
            if self.known.len() >= MOST_KNOWN && !self.known.contains_key(&fingerprint) {
                self.known.clear();
            }
            let doing = Arc::clone(doing);
            self.known.insert(fingerprint, Known { doing, row });
        }
    }

    fn not_answered(&mut self, cx: &mut Cx<'_>, waiting: &Waiting) {
        let outcome = if self.pairing.complete_since(waiting) {
            cx.unanswered(waiting.side.other())
        } else {
            None
        };
        // The message at hand is none of its own.
        let frames = std::mem::take(&mut cx.frames);
        unanswered(cx, waiting, &waiting.asked, outcome);
        cx.frames = frames;
    }
}

fn unanswered(cx: &mut Cx<'_>, waiting: &Waiting, asked: &Asked, outcome: Option<Outcome>) {
    match asked {
        Asked::Told { doing, .. } => {
            tell(cx, waiting, doing, outcome, None);
        }
        Asked::Several(parts) => {
            for part in parts {
                unanswered(cx, waiting, part, outcome);
            }
        }
        Asked::Part(_) | Asked::Open { .. } | Asked::Nothing => {}
    }
}

/// Who reads a device's inputs or owns its outputs, and how often they exchange them, as the device agreed to.
fn exchanged(cx: &mut Cx<'_>, side: Side, route: Option<&str>, writes: bool, data: &[u8]) {
    let Ok((to_target, to_origin)) = cip::intervals(data) else {
        return;
    };
    let own = if writes {
        format!(", which writes it every {to_target} µs")
    } else {
        String::new()
    };
    let at = route
        .map(|route| format!(" at {route}"))
        .unwrap_or_default();
    let origin = cx.flow.end(side.other()).address;
    let value = format!("I/O{at} every {to_origin} µs to {origin}{own}");
    cx.identity(side, "service", value);
}

/// Address family, port and address in network order, of a socket address item.
fn socket_address(item: &[u8]) -> Option<IpAddr> {
    let mut r = Reader::new(item);
    r.skip(4).ok()?;
    let ip = r.ipv4().ok()?;
    (ip != Ipv4Addr::UNSPECIFIED).then_some(IpAddr::V4(ip))
}

/// An answer whose request was never captured: services that mean the same everywhere say what was done. Many objects can be
/// reset (a list of tags is), so that says nothing.
fn answer_alone(cx: &mut Cx<'_>, side: Side, answer: &Answer<'_>) {
    if cx.flow.end(side.other()).seen {
        return;
    }
    let verb = match answer.service {
        0x02 | 0x04 | 0x10 => Verb::Write,
        0x06 => Verb::Start,
        0x07 => Verb::Stop,
        _ => return,
    };
    let name = ops::service_name(answer.service);
    let (outcome, detail) = if answer.is_ok() {
        (Outcome::Ok, format!("{name}, request not seen"))
    } else {
        let why = answer.why();
        (Outcome::Refused, format!("{name}, request not seen, {why}"))
    };
    let op = Op {
        detail: Some(detail),
        outcome: Some(outcome),
        ..Op::new(verb)
    };
    cx.operation(side.other(), op);
}

fn tell(
    cx: &mut Cx<'_>,
    waiting: &Waiting,
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
        asked: Some(crate::Asked {
            time: waiting.at.now,
            capture: waiting.at.capture,
            frames: vec![waiting.at.frame],
        }),
        ..Op::new(doing.verb)
    };
    cx.operation(waiting.side, op)
}
