//! HTTP/1: who asked which host for what, what ends say of themselves, files fetched and put, secrets in clear text.
//!
//! Spec: RFC 9110 (semantics), RFC 9112 (HTTP/1.1), RFC 7617 (basic authentication), RFC 4918 (WebDAV), RFC 6455
//! (WebSocket), RFC 8010 (IPP), SOAP 1.1, 6.1.1 (SOAPAction).
//! RFC 7578 (files of forms).
//! Emits: hosts and paths, software of both ends, clear-text credentials, files with their hash (plain, packed by gzip or
//! deflate, in forms, in parts of one connection), SOAP actions that read or configure; what XML messages say (see `soap.rs`); what CONNECT tunnels and WebSocket carry, as conversations of their own.
//! Blind to: HTTP/2 and 3; what pages and other messages say; the hash of files in other encodings or fetched in parts over several
//! connections; of WebSocket see `websocket.rs`.
mod body;
mod credentials;
mod head;
mod parts;
mod procedures;
mod ssdp;
mod transfers;
mod websocket;

use std::collections::VecDeque;

use self::body::{File, Length, Place, Through, Told, about, is_carried, is_file};
use self::head::{First, Head as Message, host, host_and_port, target};
use self::procedures::{Soap, soap, tell_soap};
pub(crate) use self::ssdp::DECODER as SSDP;
use self::transfers::Parted;
use crate::protocols::carried::About;
use crate::protocols::remote_tools::remote_tool_by_request;
use crate::{
    Asked, Carrier, Cx, Decoder, Dialogue, Head, Op, Outcome, Pending, Probe, Sender, Side, Step,
    Verb,
};

pub(crate) static DECODER: Decoder = Decoder {
    name: "http",
    title: "HTTP/1",
    carriers: &[
        Carrier::Tcp(80),
        Carrier::Tcp(8080),
        Carrier::Tcp(8000),
        Carrier::Tcp(81),
        Carrier::Tcp(631),
        Carrier::Tcp(7547),
    ],
    probe,
    open: || Box::new(Http::default()),
    remote: false,
    operations: &[
        Verb::FileRead,
        Verb::FileWrite,
        Verb::Read,
        Verb::Configure,
        Verb::FirmwareUpdate,
        Verb::Reset,
    ],
    about: "Hosts and paths asked for, software of both ends, clear-text credentials, files fetched and put with their hash (plain, gzip, deflate, in forms, in parts), SOAP actions and namespaces, devices that describe themselves in XML (ONVIF, UPnP, ISAPI), routers managed by CWMP (TR-069), messages of a logistics exchange, what CONNECT tunnels and WebSocket carry, as conversations of their own; `ipp` (printing), `websocket` and `2` (HTTP/2 in clear text) as variants.",
    spec: "RFC 9110; RFC 9112; RFC 7617; RFC 6455; RFC 7692; RFC 8010; SOAP 1.1; ONVIF Device Management; UPnP Device Architecture 1.1; TR-069 Amendment 6",
    blind: "HTTP/2 and HTTP/3, the content of pages and forms, the hash of files in other encodings, or fetched in parts over several connections; compressed messages of WebSocket, and what its frames carry once bytes between them were lost",
};

/// Requests that wait for their answers, and files put by them.
const MOST_WAITING: usize = 64;
/// Paths told of one connection; later requests tell their host only.
const MOST_PATHS: usize = 512;
/// RFC 9113, 3.4.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The first line tells, on any port.
fn probe(at: &Head<'_>) -> Probe {
    if at.udp {
        return Probe::NotOurs;
    }
    if at.first && at.bytes.starts_with(PREFACE) {
        return Probe::Ours(Sender::Client);
    }
    // Clients may send line ends before a request (RFC 9112, 2.2).
    at.read(|r| {
        let bytes = match r.peek() {
            [b'\r', b'\n', rest @ ..] => rest,
            bytes => bytes,
        };
        Ok(match head::first(bytes)? {
            First::Request { .. } => Sender::Client,
            First::Status(_) => Sender::Server,
        })
    })
}

/// A request until its answer.
struct Request {
    /// How many came before it.
    number: u64,
    asked: Asked,
    method: &'static str,
    path: Option<String>,
    soap: Option<Soap>,
    /// It says who asks, and proves it at once.
    claims: bool,
    user: Option<String>,
}

/// What the connection carries by now.
#[derive(Default)]
enum Inside {
    #[default]
    Http,
    WebSocket(Box<websocket::Socket>),
    Other,
}

/// One end's way through its messages.
#[derive(Default)]
struct Half {
    place: Place,
    file: Option<File>,
    software: Option<String>,
}

/// One connection.
#[derive(Default)]
struct Http {
    waiting: Pending<(), Request, MOST_WAITING>,
    inside: Inside,
    client: Half,
    server: Half,
    requests: u64,
    /// The request whose body is under way, or came last.
    putting: u64,
    /// Files that were put, by the number of their request, until its answer.
    put: VecDeque<(u64, Told)>,
    /// A file that is fetched in parts.
    parted: Option<Box<Parted>>,
    user: Option<String>,
    paths: usize,
    /// Where CONNECT asked to be led, until the answer.
    tunnel: Option<String>,
    /// The last request to go on as WebSocket by its number, until its answer.
    upgrade: Option<Box<(u64, websocket::Asked)>>,
}

impl Dialogue for Http {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        match &mut self.inside {
            Inside::Http => {}
            Inside::WebSocket(socket) => return socket.message(cx, side, bytes),
            Inside::Other => return Step::Done,
        }
        // Until the proxy says whether it reached the other end, what is sent to that waits.
        if side == Side::Client && self.tunnel.is_some() {
            return Step::Need(bytes.len() + 1);
        }
        if !matches!(self.half(side).place, Place::Head) {
            return self.body(cx, side, bytes);
        }
        if bytes.starts_with(b"\r\n") {
            return Step::Took(2);
        }
        if bytes.starts_with(PREFACE) {
            return self.leave(cx, "2");
        }
        let head = match Message::read(bytes) {
            Ok(head) => head,
            // Frames that were captured before the server agreed to them.
            Err(Step::Bad(_)) if side == Side::Client && self.upgrade.is_some() => {
                return Step::Need(bytes.len() + 1);
            }
            Err(step) => return step,
        };
        if head.odd_field {
            cx.oddity("http.field_without_colon", side, None);
        }
        if let Some(length) = credentials::form(&head) {
            let Some(form) = bytes.get(head.length..head.length + length) else {
                return Step::Need(head.length + length);
            };
            credentials::of_form(cx, form);
        }
        match head.first {
            First::Request { method, target } => self.request(cx, side, &head, method, target),
            First::Status(status) => self.answer(cx, side, &head, status),
        }
    }

    fn gap(&mut self, cx: &mut Cx<'_>, side: Side, lost: u64) {
        if let Inside::WebSocket(socket) = &mut self.inside {
            return socket.gap(cx, side, lost);
        }
        (self.tunnel, self.upgrade) = (None, None);
        // A request or an answer may be among what is lost: those that wait cannot be paired any more.
        self.forget(cx, None);
        self.end(cx, side, false);
        self.half(side).place = Place::Head;
    }

    fn bridge(&mut self, cx: &mut Cx<'_>, side: Side, lost: u64) -> bool {
        match &mut self.inside {
            Inside::Http => {}
            Inside::WebSocket(socket) => return socket.bridge(cx, side, lost),
            Inside::Other => return false,
        }
        let half = self.half(side);
        half.place.bridge(lost, half.file.as_mut())
    }

    fn over(&mut self, cx: &mut Cx<'_>, side: Side) {
        if matches!(self.inside, Inside::Http) {
            let whole = matches!(self.half(side).place, Place::UntilClose);
            self.end(cx, side, whole);
            self.half(side).place = Place::Head;
        }
        self.leave_parts(cx);
    }

    fn close(&mut self, cx: &mut Cx<'_>) {
        let outcome = cx.unanswered(Side::Server);
        self.end(cx, Side::Client, false);
        self.end(cx, Side::Server, false);
        self.forget(cx, outcome);
        self.leave_parts(cx);
    }

    fn is_settled(&self) -> bool {
        self.waiting.is_empty()
            && matches!(self.inside, Inside::Http)
            && [&self.client, &self.server]
                .iter()
                .all(|half| half.file.is_none())
            && self.put.is_empty()
            && self.parted.is_none()
            && self.tunnel.is_none()
            && self.upgrade.is_none()
    }
}

impl Http {
    fn half(&mut self, side: Side) -> &mut Half {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }

    /// Another protocol from here on.
    fn leave(&mut self, cx: &mut Cx<'_>, variant: &'static str) -> Step {
        cx.variant(variant);
        self.inside = Inside::Other;
        Step::Done
    }

    fn body(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        let half = self.half(side);
        match half.place.read(cx, bytes, half.file.as_mut()) {
            Through::Step(step) => step,
            Through::End(step) => {
                let whole = !matches!(step, Step::Bad(_));
                half.place = Place::Head;
                self.end(cx, side, whole);
                step
            }
        }
    }

    /// Nothing that waits will get an answer that could be told to be its own.
    fn forget(&mut self, cx: &mut Cx<'_>, outcome: Option<Outcome>) {
        let waiting: Vec<Request> = self.waiting.drain().collect();
        for request in waiting {
            tell_soap(cx, request, outcome);
        }
        for (_, mut told) in std::mem::take(&mut self.put) {
            told.answered(outcome);
            told.tell(cx);
        }
    }

    fn request(
        &mut self,
        cx: &mut Cx<'_>,
        side: Side,
        head: &Message<'_>,
        method: &'static str,
        place: &[u8],
    ) -> Step {
        if side == Side::Server {
            cx.server_is(Side::Client);
        }
        // What goes by a proxy is told of the host behind it, where that is seen.
        let direct = place.starts_with(b"/");
        let (named, path) = if method == "CONNECT" {
            let authority = crate::reader::text(place, 300);
            let named = authority.as_deref().and_then(host);
            self.tunnel = Some(authority.unwrap_or_default());
            (named, None)
        } else {
            target(place)
        };
        if let Some(name) = named.or_else(|| head.text("host").as_deref().and_then(host)) {
            self.paths += 1;
            let path = path.clone().filter(|_| self.paths <= MOST_PATHS);
            if direct && let Some(tool) = remote_tool_by_request(&name, method, path.as_deref()) {
                cx.remote_tool(&tool);
            }
            cx.name_used("http-host", &name, path);
        }
        self.software(cx, side, head.text("user-agent"));
        self.user = credentials::of_request(cx, head);
        if head.content_type().as_deref() == Some("application/ipp") {
            cx.variant("ipp");
        }
        if head.says("transfer-encoding", "chunked") && head.field("content-length").is_some() {
            // Two lengths let a proxy and a server disagree on where a request ends (RFC 9112, 6.1).
            cx.oddity("http.two_lengths", side, None);
        }
        let length = Length::of_request(head);
        if length != Length::None && is_carried(head) {
            let named = head.file_name();
            let keeps = matches!(method, "PUT" | "POST")
                && is_file(head, path.as_deref().filter(|_| method == "PUT"));
            // The files of a form are named in it.
            let form = head.content_type().as_deref() == Some("multipart/form-data");
            let op = (keeps || form).then(|| Op {
                object: named.clone().or_else(|| path.clone()),
                asked: Some(cx.asked()),
                ..Op::new(Verb::FileWrite)
            });
            let about = About {
                sender: Some(side),
                name: named,
                page: !keeps,
                user: self.user.clone(),
                ..about(true, path.clone(), Some(cx.asked()))
            };
            self.half(side).file = Some(File::new(cx, about, op, head, length, false));
        }
        self.requests = self.requests.saturating_add(1);
        self.putting = self.requests;
        let upgrade = websocket::Asked::of(head, path.as_deref());
        self.upgrade = upgrade.map(|asked| Box::new((self.requests, asked)));
        let request = Request {
            number: self.requests,
            asked: cx.asked(),
            method,
            path,
            soap: soap(head),
            claims: credentials::claims(head),
            user: self.user.clone().or_else(|| credentials::digest_user(head)),
        };
        if let Some(lost) = self.waiting.put((), request) {
            let outcome = cx.unanswered(Side::Server);
            if let Some(mut told) = self.take_put(lost.number) {
                told.answered(outcome);
                told.tell(cx);
            }
            tell_soap(cx, lost, outcome);
        }
        self.half(side).place = Place::enter(length);
        Step::Took(head.length)
    }

    fn answer(&mut self, cx: &mut Cx<'_>, side: Side, head: &Message<'_>, status: u16) -> Step {
        self.software(cx, side, head.text("server"));
        if head.content_type().as_deref() == Some("application/ipp") {
            cx.variant("ipp");
        }
        if matches!(status, 100 | 102 | 103) {
            return Step::Took(head.length);
        }
        let request = self.waiting.take(&());
        let method = request.as_ref().map_or("", |request| request.method);
        let upgrade = self.upgrade.take_if(|asked| {
            let answered = request.as_ref();
            answered.is_none_or(|request| request.number == asked.0)
        });
        if status == 101 {
            if head.says("upgrade", "websocket") {
                cx.variant("websocket");
                let asked = upgrade.map(|asked| asked.1).unwrap_or_default();
                self.inside = Inside::WebSocket(Box::new(asked.agreed(cx, side, head)));
                return Step::Took(head.length);
            }
            if head.says("upgrade", "h2c") {
                return self.leave(cx, "2");
            }
            self.inside = Inside::Other;
            return Step::Done;
        }
        if method == "CONNECT" {
            let to = self.tunnel.take();
            if (200..300).contains(&status) {
                let Some((host, port)) = to.as_deref().and_then(host_and_port) else {
                    // It is a tunnel, wherever it leads (RFC 9110, 9.3.6).
                    self.inside = Inside::Other;
                    return Step::Done;
                };
                cx.hand_over(side.other(), host, port);
                return Step::Took(head.length);
            }
        }
        let bodiless = method == "HEAD" || matches!(status, 204 | 304);
        let length = if bodiless {
            Length::None
        } else {
            Length::of_answer(head)
        };
        let outcome = if status < 400 {
            Outcome::Ok
        } else {
            Outcome::Refused
        };
        if length != Length::None && is_carried(head) {
            self.fetched(cx, side, head, request.as_ref(), (status, outcome), length);
        }
        if let Some(request) = request {
            if status == 401 && request.claims && !head.says("www-authenticate", "stale=true") {
                cx.login_refused(side.other(), "unauthorised", request.user.as_deref());
            }
            if matches!(method, "PUT" | "POST") {
                if let Some(mut told) = self.take_put(request.number) {
                    told.answered(Some(outcome));
                    told.tell(cx);
                } else if self.putting == request.number
                    && let Some(file) = &mut self.half(side.other()).file
                {
                    // Answered before it was through.
                    file.answered(outcome);
                }
            }
            tell_soap(cx, request, Some(outcome));
        }
        self.half(side).place = Place::enter(length);
        Step::Took(head.length)
    }

    /// What one end runs, told once per connection unless it changes.
    fn software(&mut self, cx: &mut Cx<'_>, side: Side, stated: Option<String>) {
        let half = self.half(side);
        if stated.is_none() || half.software == stated {
            return;
        }
        half.software.clone_from(&stated);
        if let Some(software) = stated {
            cx.identity(side, "software", software);
        }
    }
}

#[cfg(test)]
mod tests;
