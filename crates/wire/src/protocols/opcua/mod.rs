//! OPC UA: who reads, writes, calls and configures which nodes of which server, and how securely.
//!
//! Spec: OPC 10000-4 (services), OPC 10000-6 (binary encoding, secure conversation, connection protocol).
//! Emits: one operation per request with its outcome; identity of client and server; the security mode as the
//! conversation's variant (`none`, `sign`, `encrypt`); readable passwords; the server's name as the client used it.
//! Blind to: what is encrypted; the values themselves; OPC UA over HTTPS, MQTT or UDP (PubSub), and over WebSocket as JSON.
mod chunk;
mod services;
mod types;

use std::collections::HashSet;
use std::sync::Arc;

use facts::{Address, Time};

use self::chunk::{HEADER, Header, Kind, Opening, Part, START};
use self::services::{Application, Ask, Body, Service, What};
use crate::reader::{Malformed, Reader, text};
use crate::{
    Asked, At, Carrier, Cx, Decoder, Dialogue, Head, Memo, Op, OpId, Outcome, Pending, Probe,
    Sender, Side, Step, Verb,
};

pub static DECODER: Decoder = Decoder {
    name: "opcua",
    title: "OPC UA (binary, TCP)",
    carriers: &[Carrier::Tcp(4840)],
    probe,
    open: || Box::new(OpcUa::default()),
    remote: false,
    operations: &[
        Verb::Read,
        Verb::Write,
        Verb::Operate,
        Verb::Configure,
        Verb::Identify,
    ],
    about: "Reads, writes, method calls, changes of the address space, discovery; security mode, users, client and server names.",
    spec: "OPC 10000-4 and OPC 10000-6, 1.05",
    blind: "encrypted channels beyond their existence, values, HTTPS and PubSub transports, JSON over WebSocket",
};

/// Requests that wait for their answers.
const MOST_WAITING: usize = 64;
/// Bytes put together of a message in several chunks; what follows is not looked at.
const MOST_BODY: usize = 256 << 10;
/// Bytes looked at of one chunk.
const MOST_CHUNK: usize = 256 << 10;
/// Different reads told apart in one conversation; those beyond are one row.
const MOST_READS: usize = 256;
/// Messages without a known service after which a channel without its opening counts as encrypted.
const CIPHERTEXT: u8 = 4;

fn probe(head: &Head<'_>) -> Probe {
    head.read(|r| {
        let header = Header::read(r)?;
        Ok(match header.kind {
            Kind::Hello => {
                chunk::hello(r, header.size)?;
                Sender::Client
            }
            Kind::Acknowledge | Kind::ReverseHello => Sender::Server,
            Kind::Error => Sender::Server,
            Kind::Open => {
                Opening::start(r)?;
                Sender::Unknown
            }
            Kind::Message | Kind::Close => {
                chunk::symmetric(r)?;
                // A channel identifies itself in every message; without one there is none.
                match services::body(r) {
                    Ok(Some(Body::Request(_))) => Sender::Client,
                    Ok(Some(Body::Answer(_) | Body::Fault)) => Sender::Server,
                    Ok(None) | Err(_) => Sender::Unknown,
                }
            }
        })
    })
}

/// How messages of the channel are protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Mode {
    #[default]
    Unknown,
    None,
    /// The opening was protected: whether messages are readable shows with the first.
    Protected,
    Sign,
    Encrypt,
}

/// One connection.
#[derive(Default)]
struct OpcUa {
    mode: Mode,
    /// Bytes of the signature behind each chunk of a protected channel.
    signature: usize,
    unreadable: u8,
    /// Messages in several chunks, by the end that sends them.
    parts: [Parts; 2],
    waiting: Pending<u32, Request, MOST_WAITING>,
    /// Rows of the reads and writes that come again and again, and what they asked.
    known: Memo,
    asks: Vec<(u64, Arc<Ask>)>,
    /// Fingerprints of the reads told apart.
    reads: HashSet<u64>,
    published: bool,
    /// Who acts in the session.
    who: Option<String>,
    /// Bytes were missing then: whether requests from before were answered is not known.
    lost: Option<Time>,
}

#[derive(Default)]
struct Parts {
    request: u32,
    body: Vec<u8>,
    frames: Vec<u32>,
}

/// A request until its answer.
struct Request {
    /// The end that asked: with a reversed connection it is the one that accepted it.
    from: (Address, u16),
    ask: Arc<Ask>,
    /// Fingerprint, where repetitions are expected.
    short: Option<u64>,
    at: At,
    /// Frames, where it is more than the one of `at`.
    frames: Vec<u32>,
}

impl Dialogue for OpcUa {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        let mut r = Reader::new(bytes);
        let header = match Header::read(&mut r) {
            Ok(header) => header,
            Err(error) => return Step::from_error(error, bytes.len().max(HEADER - 1)),
        };
        let shown = bytes.len().min(header.size);
        let enough = if self.mode == Mode::Encrypt {
            START
        } else {
            MOST_CHUNK
        };
        if shown < header.size.min(enough) {
            return Step::Need(header.size.min(enough));
        }
        let mut r = Reader::new(bytes.get(HEADER..shown).unwrap_or_default());
        match self.chunk(cx, side, header, &mut r) {
            // More of it would not help: it is there, or it is longer than anyone looks.
            Err(Malformed::Bad(what)) => return Step::Bad(what),
            Err(Malformed::Short) if shown == header.size => {
                cx.oddity("protocol.malformed", side, Some("opcua: body".to_owned()));
            }
            Ok(()) | Err(Malformed::Short) => {}
        }
        if header.size > bytes.len() {
            Step::Skip(header.size as u64)
        } else {
            Step::Took(header.size)
        }
    }

    fn gap(&mut self, cx: &mut Cx<'_>, side: Side, _: u64) {
        *self.parts_of(side) = Parts::default();
        self.lost = Some(cx.now());
    }

    fn close(&mut self, cx: &mut Cx<'_>) {
        let lost: Vec<Request> = self.waiting.drain().collect();
        for request in lost {
            self.unanswered(cx, request);
        }
    }
}

impl OpcUa {
    fn parts_of(&mut self, side: Side) -> &mut Parts {
        let [client, server] = &mut self.parts;
        match side {
            Side::Client => client,
            Side::Server => server,
        }
    }

    fn chunk(
        &mut self,
        cx: &mut Cx<'_>,
        side: Side,
        header: Header,
        r: &mut Reader<'_>,
    ) -> Result<(), Malformed> {
        match header.kind {
            Kind::Hello => {
                cx.server_is(side.other());
                if let Some(url) = chunk::hello(r, header.size)? {
                    endpoint(cx, url);
                }
            }
            Kind::Acknowledge | Kind::ReverseHello | Kind::Error => {}
            Kind::Open => {
                let (opening, request) = Opening::read(r)?;
                if opening.is_plain() {
                    self.body(cx, side, request, r.rest(), &[])?;
                } else if self.mode != Mode::Sign && self.mode != Mode::Encrypt {
                    self.mode = Mode::Protected;
                    self.signature = opening.signature();
                    self.unreadable = 0;
                }
            }
            Kind::Message | Kind::Close => {
                if self.mode == Mode::Encrypt {
                    return Ok(());
                }
                let request = chunk::symmetric(r)?;
                return self.part(cx, side, header.part, request, r.rest());
            }
        }
        Ok(())
    }

    /// A chunk of a message; most messages have one.
    fn part(
        &mut self,
        cx: &mut Cx<'_>,
        side: Side,
        part: Part,
        request: u32,
        bytes: &[u8],
    ) -> Result<(), Malformed> {
        let signature = if matches!(self.mode, Mode::Protected | Mode::Sign) {
            self.signature
        } else {
            0
        };
        let parts = self.parts_of(side);
        let continues = !parts.body.is_empty() && parts.request == request;
        if part == Part::Final && !continues {
            *parts = Parts::default();
            return self.body(cx, side, request, bytes, &[]);
        }
        if part == Part::Abort {
            *parts = Parts::default();
            return Ok(());
        }
        if !continues {
            *parts = Parts {
                request,
                ..Parts::default()
            };
        }
        let room = MOST_BODY.saturating_sub(parts.body.len());
        let length = bytes.len().saturating_sub(signature).min(room);
        parts
            .body
            .extend_from_slice(bytes.get(..length).unwrap_or_default());
        if parts.frames.len() < facts::Evidence::MOST {
            parts.frames.extend_from_slice(cx.frames);
        }
        if part == Part::Final {
            let Parts { body, frames, .. } = std::mem::take(parts);
            return self.body(cx, side, request, &body, &frames);
        }
        Ok(())
    }

    /// A whole body, or its beginning. `frames`: those of all its chunks, where there are several.
    fn body(
        &mut self,
        cx: &mut Cx<'_>,
        side: Side,
        request: u32,
        bytes: &[u8],
        frames: &[u32],
    ) -> Result<(), Malformed> {
        let mut r = Reader::new(bytes);
        // Ciphertext need not even be a node id.
        let Ok(Some(body)) = services::body(&mut r) else {
            self.unreadable(cx);
            return Ok(());
        };
        self.unreadable = 0;
        if self.mode == Mode::Protected {
            self.mode = Mode::Sign;
            cx.variant("sign");
        }
        match body {
            Body::Request(service) => {
                cx.server_is(side.other());
                services::request_header(&mut r)?;
                self.ask(cx, side, request, service, r, frames)
            }
            Body::Answer(service) if service.what == What::CreateSession => {
                cx.server_is(side);
                let result = services::answer_header(&mut r)?;
                if !types::is_bad(result) {
                    services::session(&mut r)?;
                    endpoints(cx, side, r);
                }
                Ok(())
            }
            Body::Answer(_) | Body::Fault => {
                cx.server_is(side);
                let result = services::answer_header(&mut r)?;
                self.answer(cx, side, request, result, r);
                Ok(())
            }
        }
    }

    fn unreadable(&mut self, cx: &mut Cx<'_>) {
        self.unreadable = self.unreadable.saturating_add(1);
        let sure = match self.mode {
            Mode::Protected => true,
            // The middle of a message in several chunks looks like ciphertext too.
            Mode::Unknown => self.unreadable >= CIPHERTEXT,
            _ => false,
        };
        if sure {
            self.mode = Mode::Encrypt;
            cx.variant("encrypt");
        }
    }

    fn ask(
        &mut self,
        cx: &mut Cx<'_>,
        side: Side,
        request: u32,
        service: Service,
        mut r: Reader<'_>,
        frames: &[u32],
    ) -> Result<(), Malformed> {
        let verb = match service.what {
            What::Operation(verb) => verb,
            What::Publish if !self.published => {
                self.published = true;
                Verb::Read
            }
            What::Publish | What::Housekeeping => return Ok(()),
            What::OpenChannel => {
                // Version, issue or renew, mode (OPC 10000-4, 7.20): 1 none, 2 sign, 3 sign and encrypt.
                r.skip(4 + 4)?;
                let (mode, name) = match r.u32_le()? {
                    2 => (Mode::Sign, "sign"),
                    3 => (Mode::Encrypt, "encrypt"),
                    _ => (Mode::None, "none"),
                };
                self.mode = mode;
                cx.variant(name);
                return Ok(());
            }
            What::CreateSession => {
                application(cx, side, &Application::read(&mut r)?);
                return Ok(());
            }
            What::ActivateSession => {
                let token = services::activation(&mut r)?;
                if token.readable_password {
                    cx.credential("password", token.user, false);
                }
                self.who = token.who;
                return Ok(());
            }
        };
        let short = verb
            .is_cyclic()
            .then(|| Memo::fingerprint(r.peek()) ^ u64::from(service.request));
        let known = short.and_then(|short| {
            let known = self.asks.iter().find(|(one, _)| *one == short);
            known.map(|(_, ask)| Arc::clone(ask))
        });
        let ask = known.unwrap_or_else(|| Arc::new(self.read(service, verb, short, &mut r)));
        if self.mode == Mode::Unknown {
            // Picked up in the middle: what stands behind the parameters tells.
            let told = match ask.behind {
                Some(0) => Some((Mode::None, "none")),
                Some(20 | 32) => Some((Mode::Sign, "sign")),
                _ => None,
            };
            if let Some((mode, name)) = told {
                self.mode = mode;
                self.signature = ask.behind.unwrap_or(0);
                cx.variant(name);
            }
        }
        let end = cx.flow.end(side);
        let frames = if frames.is_empty() { cx.frames } else { frames };
        let waits = Request {
            from: (end.address, end.port),
            ask,
            short,
            at: cx.at,
            frames: if frames.len() > 1 {
                frames.to_vec()
            } else {
                Vec::new()
            },
        };
        if let Some(lost) = self.waiting.put(request, waits) {
            self.unanswered(cx, lost);
        }
        Ok(())
    }

    fn read(
        &mut self,
        service: Service,
        verb: Verb,
        short: Option<u64>,
        r: &mut Reader<'_>,
    ) -> Ask {
        let mut ask = Ask::read(service, verb, r);
        if let Some(short) = short.filter(|_| ask.verb == Verb::Read && ask.object.is_some()) {
            // A client that walks all nodes must not make a row of each.
            if self.reads.len() < MOST_READS {
                self.reads.insert(short);
            } else if !self.reads.contains(&short) {
                ask.object = Some("further nodes".to_owned());
            }
        } else if let Some(who) = self.who.as_ref().filter(|_| ask.verb.modifies()) {
            ask.say(who);
        }
        ask
    }

    fn answer(&mut self, cx: &mut Cx<'_>, side: Side, request: u32, result: u32, r: Reader<'_>) {
        let Some(request) = self.waiting.take(&request) else {
            return;
        };
        let known = request.short.and_then(|short| self.known.get(short));
        if let (Some(id), Verb::Read, false) = (known, request.ask.verb, types::is_bad(result))
            && cx.again(id, request.at.now)
        {
            return;
        }
        let refused = if types::is_bad(result) {
            Some((types::status(result), true))
        } else {
            // Of the parts of a request some may fail: it is refused when all did.
            let parts = services::refused(request.ask.service, &mut r.clone());
            parts
                .filter(|(bad, ..)| *bad > 0)
                .map(|(bad, total, status)| {
                    let why = types::status(status);
                    if bad == total {
                        (why, true)
                    } else {
                        (format!("{bad} of {total} refused: {why}"), false)
                    }
                })
        };
        if let (None, Some(id)) = (&refused, known)
            && cx.again(id, request.at.now)
        {
            return;
        }
        let places = &request.ask.identity;
        for (attribute, value) in services::identity(places, &mut r.clone()) {
            cx.identity(side, attribute, value);
        }
        if refused.is_none() && request.ask.service.request == 428 {
            endpoints(cx, side, r);
        }
        let outcome = match &refused {
            Some((_, true)) => Outcome::Refused,
            _ => Outcome::Ok,
        };
        let is_plain = refused.is_none();
        let (short, ask) = (request.short, Arc::clone(&request.ask));
        let id = tell(cx, request, Some(outcome), refused.map(|(why, _)| why));
        if let Some(short) = short.filter(|_| is_plain && id.is_some()) {
            self.remember(short, id, ask);
        }
    }

    fn unanswered(&self, cx: &mut Cx<'_>, request: Request) {
        // A server keeps a Publish until there is something to publish; an answer may lie in what is missing.
        let unclear = request.ask.service.what == What::Publish
            || self.lost.is_some_and(|lost| request.at.now <= lost);
        let outcome = cx.unanswered(side_of(cx, request.from).other());
        tell(cx, request, outcome.filter(|_| !unclear), None);
    }

    fn remember(&mut self, short: u64, id: Option<OpId>, ask: Arc<Ask>) {
        /// As many as [`Memo`] holds.
        const MOST: usize = 8;
        self.known.put(short, id);
        self.asks.retain(|(known, _)| *known != short);
        if self.asks.len() >= MOST {
            self.asks.remove(0);
        }
        self.asks.push((short, ask));
    }
}

/// The side that `from` is now.
fn side_of(cx: &Cx<'_>, from: (Address, u16)) -> Side {
    let client = &cx.flow.client;
    if (client.address, client.port) == from {
        Side::Client
    } else {
        Side::Server
    }
}

fn tell(
    cx: &mut Cx<'_>,
    request: Request,
    outcome: Option<Outcome>,
    why: Option<String>,
) -> Option<OpId> {
    let Request {
        from,
        ask,
        at,
        frames,
        ..
    } = request;
    let detail = match (&ask.detail, why) {
        (Some(detail), Some(why)) => Some(format!("{detail}, {why}")),
        (detail, why) => why.or_else(|| detail.clone()),
    };
    let op = Op {
        verb: ask.verb,
        object: ask.object.clone(),
        detail,
        outcome,
        asked: Some(Asked {
            time: at.now,
            capture: at.capture,
            frames: if frames.is_empty() {
                vec![at.frame]
            } else {
                frames
            },
        }),
        ..Op::default()
    };
    let side = side_of(cx, from);
    cx.operation(side, op)
}

/// What an application calls itself.
fn application(cx: &mut Cx<'_>, side: Side, application: &Application) {
    if let Some(name) = &application.name {
        cx.identity(side, "software", name.clone());
    }
    if let Some(uri) = &application.uri {
        cx.identity(side, "system", uri.clone());
    }
}

/// In the answers to GetEndpoints and CreateSession (OPC 10000-4, 5.4.4.2 and 5.6.2.2): endpoints, each with its URL and its server.
fn endpoints(cx: &mut Cx<'_>, side: Side, mut r: Reader<'_>) {
    let first = types::array(&mut r).and_then(|count| {
        r.check(count > 0, "endpoints")?;
        types::bytes(&mut r)?;
        Application::read(&mut r)
    });
    // All endpoints of a server describe the same one.
    if let Ok(first) = first {
        application(cx, side, &first);
    }
}

/// `opc.tcp://HOST:PORT/PATH`: the name by which the client knows the server.
fn endpoint(cx: &mut Cx<'_>, url: &[u8]) {
    let Some(url) = text(url, 256) else { return };
    let Some((_, rest)) = url.split_once("://") else {
        return;
    };
    let authority = rest.split('/').next().unwrap_or_default();
    let host = authority
        .rsplit_once(':')
        .map_or(authority, |(host, _)| host);
    let is_address = host.starts_with('[') || host.parse::<std::net::IpAddr>().is_ok();
    if !host.is_empty() && !is_address && host != "localhost" {
        cx.name_used("opcua-endpoint", host, None);
    }
}

#[cfg(test)]
mod tests;
