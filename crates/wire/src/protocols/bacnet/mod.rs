//! BACnet over UDP, over Ethernet and as adapters hand on what is on their serial bus (MS/TP): who asks devices of a building or a plant for what.
//!
//! Spec: ASHRAE 135-2020, 5 and 20 (application layer), 6 (network layer), 7 (Ethernet), 9 (MS/TP), 13 to 17 (services),
//! 21 (types), annex J (BACnet/IP).
//! Emits: one operation per confirmed request, answered or not; per unconfirmed request; per file read or written with the
//! hash of its content; identity from I-Am and from device objects; routers and broadcast managers; passwords that were
//! given.
//! Blind to: the values read and written; what devices report unasked; files by records; BACnet/SC (TLS), BACnet/IPv6.
//! Devices behind a router have no address of their own: they stand in the object.
//! Tried on: every capture that the tests are given; the number of requests by service equals tshark's.
mod files;
mod names;
mod pdu;
mod services;
#[cfg(test)]
mod tests;

use facts::{Address, Grade};

use self::files::Files;
use self::pdu::{Apdu, Content, Link, Network, Object, Segment, Station};
use self::services::confirmed;
use super::asking::{Asking, Doing, Known, fingerprint};
use crate::{
    Carrier, Cx, Decoder, Dialogue, End, Head, Malformed, Op, Outcome, Pending, Probe, Reader,
    Sender, Side, Step, Verb,
};

pub static DECODER: Decoder = Decoder {
    name: "bacnet",
    title: "BACnet (IP, Ethernet and MS/TP in frames)",
    carriers: &[
        Carrier::Udp(47808),
        Carrier::Llc(0x82),
        Carrier::Snap(0x00_1090, 0x0001),
    ],
    probe,
    open: || Box::new(Bacnet::default()),
    remote: false,
    operations: &[
        Verb::Read,
        Verb::Write,
        Verb::Operate,
        Verb::ModeChange,
        Verb::Reset,
        Verb::Configure,
        Verb::SetClock,
        Verb::Authenticate,
        Verb::FileRead,
        Verb::FileWrite,
        Verb::Diagnose,
        Verb::Identify,
    ],
    about: "Every service with its answer, by object and property; files with their hashes; what devices say of themselves; \
            routers, broadcast managers and foreign devices; passwords (that they were given).",
    spec: "ASHRAE 135-2020",
    blind: "the values read and written, what devices report unasked, files by records, BACnet/SC, BACnet/IPv6",
};

/// Requests that wait for their answers.
const MOST_WAITING: usize = 64;
/// Messages in segments that are under way.
const MOST_JOINING: usize = 4;
/// Octets of one message in segments.
const MOST_MESSAGE: usize = 1 << 16;
/// A client repeats an unanswered request within this time, in nanoseconds: ASHRAE 135, 12.11.28, has a few seconds.
const REPEATED_WITHIN: i64 = 15 * 1_000_000_000;

/// Port 47808 alone proves nothing: type, function, length and version must fit. At another port the length must be exact,
/// and the application message must be read.
fn probe(head: &Head<'_>) -> Probe {
    let here = head.on(47808);
    head.read(|r| match pdu::link(r, !here)? {
        Link::Control { function, content } => {
            let fits = match function {
                0x00 | 0x05 => content.len() == 2,
                0x02 | 0x06 => content.is_empty(),
                0x01 | 0x03 | 0x07 => content.len().is_multiple_of(10),
                0x08 => content.len() == 6,
                _ => false,
            };
            r.check(here && fits, "control")?;
            Ok(Sender::Unknown)
        }
        Link::Network { content, .. } => {
            let network = pdu::network(&mut Reader::new(content))?;
            let Content::Application(content) = network.content else {
                return Ok(Sender::Unknown);
            };
            Ok(match pdu::apdu(&mut Reader::new(content))? {
                // What a device tells unasked is a request too, of the other kind.
                Apdu::Confirmed {
                    service: 1 | 2 | 31,
                    ..
                } => Sender::Server,
                Apdu::Confirmed { service, .. } => {
                    r.check(service <= 33, "service")?;
                    Sender::Client
                }
                Apdu::Unconfirmed { service, .. } => {
                    r.check(service <= 12, "service")?;
                    match service {
                        0..=3 | 11 => Sender::Server,
                        _ => Sender::Client,
                    }
                }
                Apdu::Ack { .. } | Apdu::Error { .. } | Apdu::Reject { .. } => Sender::Server,
                Apdu::SegmentAck | Apdu::Abort { .. } => Sender::Unknown,
            })
        }
    })
}

/// Who asks, under which number, and whom behind a router.
type Key = (Side, u8, u64);

/// A confirmed request until its answer.
struct Request {
    service: u8,
    asking: Asking,
    /// Equal for a repetition.
    same: u64,
    /// The file that it reads or writes a part of.
    file: Option<Object>,
}

/// A message in segments that is under way: the side that sends it.
struct Joining {
    key: Key,
    service: u8,
    next: u8,
    data: Vec<u8>,
}

/// What passes between two ports.
#[derive(Default)]
struct Bacnet {
    waiting: Pending<Key, Request, MOST_WAITING>,
    /// Requests of the virtual link, answered in their order.
    control: Pending<Side, (u8, Asking), 8>,
    joining: Vec<Joining>,
    known: Known,
    files: Files,
}

impl Dialogue for Bacnet {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        self.files.settle(cx);
        let mut r = Reader::new(bytes);
        let link = if cx.flow.ip_protocol.is_some() {
            match pdu::link(&mut r, false) {
                Ok(link) => link,
                Err(error) => return Step::from_error(error, bytes.len()),
            }
        } else {
            let content = match pdu::on_the_bus(bytes) {
                Ok(None) => return Step::Took(bytes.len()),
                Ok(Some(content)) => {
                    cx.variant("mstp");
                    content
                }
                Err(error) => return Step::from_error(error, bytes.len()),
            };
            Link::Network {
                origin: None,
                content,
            }
        };
        match link {
            Link::Control { function, content } => self.control(cx, side, function, content),
            Link::Network { origin, content } => {
                let read = pdu::network(&mut Reader::new(content));
                let network = match read {
                    Ok(network) => network,
                    Err(error) => return Step::from_error(error, bytes.len()),
                };
                if let Err(error) = self.network(cx, side, origin, &network) {
                    return Step::from_error(error, bytes.len());
                }
            }
        }
        Step::Took(bytes.len())
    }

    fn close(&mut self, cx: &mut Cx<'_>) {
        let waiting: Vec<Request> = self.waiting.drain().collect();
        for request in waiting {
            self.not_answered(cx, request);
        }
        let control: Vec<(u8, Asking)> = self.control.drain().collect();
        for (_, asking) in control {
            self.known.lost(cx, asking);
        }
        self.files.close(cx);
    }
}

impl Bacnet {
    /// Annex J.2: tables of broadcast managers and foreign devices.
    fn control(&mut self, cx: &mut Cx<'_>, side: Side, function: u8, content: &[u8]) {
        let ask = match function {
            0x01 => Some((Verb::Configure, "write broadcast distribution table")),
            0x02 => Some((Verb::Diagnose, "read broadcast distribution table")),
            0x06 => Some((Verb::Diagnose, "read foreign device table")),
            0x08 => Some((Verb::Configure, "delete foreign device table entry")),
            _ => None,
        };
        if let Some((verb, what)) = ask {
            let same = fingerprint([&[function], content]);
            let asking = self
                .known
                .ask(cx, side, same, || Doing::new(verb, None, what));
            if let Some((_, lost)) = self.control.put(side, (function, asking)) {
                self.known.lost(cx, lost);
            }
            return;
        }
        let asker = side.other();
        match function {
            // A device of elsewhere wants the broadcasts of this network.
            0x05 => {
                let seconds = content
                    .first_chunk::<2>()
                    .map(|time| u16::from_be_bytes(*time));
                let detail = seconds.map(|seconds| format!("registered for {seconds} s"));
                cx.oddity("bacnet.foreign_device", side, detail);
            }
            0x00 => {
                let code = content
                    .first_chunk::<2>()
                    .map(|code| u16::from_be_bytes(*code));
                if let Some((_, asking)) = self.control.take(&asker) {
                    let (outcome, why) = match code {
                        Some(0) => (Outcome::Ok, None),
                        _ => (Outcome::Refused, Some("not acknowledged")),
                    };
                    self.known.tell(cx, asking, Some(outcome), why);
                } else {
                    cx.comes_early();
                }
            }
            0x03 | 0x07 => {
                cx.identity(side, "role", "BACnet broadcast manager");
                if let Some((_, asking)) = self.control.take(&asker) {
                    self.known.tell(cx, asking, Some(Outcome::Ok), None);
                } else {
                    cx.comes_early();
                }
            }
            _ => {}
        }
    }

    fn network(
        &mut self,
        cx: &mut Cx<'_>,
        side: Side,
        origin: Option<std::net::Ipv4Addr>,
        network: &Network<'_>,
    ) -> Result<(), Malformed> {
        let content = match network.content {
            Content::Routing(kind, content) => {
                self.routing(cx, side, kind, content);
                return Ok(());
            }
            Content::Application(content) => content,
        };
        let apdu = pdu::apdu(&mut Reader::new(content))?;
        if let Some(origin) = origin {
            forwarded(cx, side, origin, network, &apdu);
            return Ok(());
        }
        // Behind which router the server is: of a request its target, of an answer its source.
        let to = station(network.to.as_ref());
        let from = station(network.from.as_ref());
        match apdu {
            Apdu::Confirmed {
                invoke,
                service,
                segment,
                data,
            } => {
                let key = (side, invoke, to);
                match segment {
                    None => self.ask(cx, key, service, data, network.to.as_ref()),
                    Some(segment) => {
                        if let Some((service, data)) = self.join(key, service, segment, data) {
                            self.ask(cx, key, service, &data, network.to.as_ref());
                        }
                    }
                }
            }
            Apdu::Unconfirmed { service, data } => {
                // Of these, Who-Has (7) and Who-Is (8) alone ask (ASHRAE 135, 16.9 and 16.10).
                if !matches!(service, 7 | 8) {
                    cx.asks_nothing();
                }
                if let (0, None) = (service, &network.from) {
                    i_am(cx, side, data);
                }
                if let Some(doing) = services::told(service, data) {
                    let same = fingerprint([&[service], data, &to.to_le_bytes()]);
                    let asking = self
                        .known
                        .ask(cx, side, same, || routed(doing, network.to.as_ref()));
                    self.known.tell(cx, asking, None, None);
                }
            }
            Apdu::Ack {
                invoke,
                service,
                segment,
                data,
            } => {
                let key = (side.other(), invoke, from);
                match segment {
                    None => self.acknowledged(cx, key, service, data, network.from.is_some()),
                    Some(segment) => {
                        let own = (side, invoke, from);
                        if let Some((service, data)) = self.join(own, service, segment, data) {
                            self.acknowledged(cx, key, service, &data, network.from.is_some());
                        }
                    }
                }
            }
            Apdu::SegmentAck => {}
            Apdu::Error { invoke, data } => {
                self.refused(cx, (side.other(), invoke, from), &services::refusal(data));
            }
            Apdu::Reject { invoke, reason } => {
                self.refused(cx, (side.other(), invoke, from), names::reject(reason));
            }
            Apdu::Abort {
                invoke,
                by_server,
                reason,
            } => {
                if by_server {
                    self.refused(cx, (side.other(), invoke, from), names::abort(reason));
                } else if let Some(request) = self.waiting.take(&(side, invoke, to)) {
                    self.known.tell(cx, request.asking, None, Some("given up"));
                }
            }
        }
        Ok(())
    }

    /// Messages between routers.
    fn routing(&mut self, cx: &mut Cx<'_>, side: Side, kind: u8, content: &[u8]) {
        match kind {
            1 if content.len() >= 2 => {
                let role = format!("BACnet router to networks {}", services::networks(content));
                cx.identity(side, "role", role);
            }
            // Initialize-Routing-Table; none means that it is asked for only.
            6 if content.first().is_some_and(|ports| *ports > 0) => {
                let doing = Doing::new(Verb::Configure, None, "initialize routing table");
                let asking = self.known.once(cx, side, doing);
                self.known.tell(cx, asking, None, None);
            }
            _ => {}
        }
    }

    /// Puts a segment to those before it; gives the whole with its service.
    fn join(
        &mut self,
        key: Key,
        service: u8,
        segment: Segment,
        data: &[u8],
    ) -> Option<(u8, Vec<u8>)> {
        let mut place = self.joining.iter().position(|known| known.key == key);
        if let (0, Some(at)) = (segment.number, place)
            && self.joining.get(at).is_some_and(|known| known.next > 1)
        {
            // Another message under the same number: the one before it was not seen to its end.
            self.joining.remove(at);
            place = None;
        }
        if segment.number == 0 && place.is_none() {
            if self.joining.len() >= MOST_JOINING {
                self.joining.remove(0);
            }
            self.joining.push(Joining {
                key,
                service,
                next: 1,
                data: data.to_vec(),
            });
            return None;
        }
        let place = place?;
        let known = self.joining.get_mut(place)?;
        // Repeated segments are passed over.
        if segment.number.wrapping_add(1) == known.next {
            return None;
        }
        if segment.number != known.next || known.data.len() + data.len() > MOST_MESSAGE {
            self.joining.remove(place);
            return None;
        }
        known.next = known.next.wrapping_add(1);
        known.data.extend_from_slice(data);
        if segment.more {
            return None;
        }
        let whole = self.joining.remove(place);
        Some((whole.service, whole.data))
    }

    fn ask(
        &mut self,
        cx: &mut Cx<'_>,
        key: Key,
        service: u8,
        data: &[u8],
        to: Option<&Station<'_>>,
    ) {
        let (side, _, route) = key;
        let same = fingerprint([&[service], data, &route.to_le_bytes()]);
        if let Some(before) = self.waiting.take(&key) {
            let repeated =
                before.same == same && cx.now().since(before.asking.asked.time) < REPEATED_WITHIN;
            if repeated {
                _ = self.waiting.put(key, before);
                return;
            }
            self.not_answered(cx, before);
        }
        let mut password = None;
        let asking = match service {
            // The parts of a file are told together.
            confirmed::READ_FILE | confirmed::WRITE_FILE => {
                let Some(asked) = services::asked(service, data) else {
                    return;
                };
                self.known.once(cx, side, routed(asked.doing, to))
            }
            _ => {
                // What a device tells unasked is no operation.
                if matches!(service, 1 | 2 | 31) {
                    return;
                }
                self.known.ask(cx, side, same, || {
                    let asked = services::asked(service, data);
                    password = asked.as_ref().and_then(|asked| asked.password);
                    let doing = asked.map_or_else(
                        || Doing::new(Verb::Write, None, format!("service {service}")),
                        |asked| asked.doing,
                    );
                    routed(doing, to)
                })
            }
        };
        // Both ends may ask; a credential is told of the one that is the client.
        if let (Some(empty), Side::Client) = (password, side) {
            cx.credential("password", None, empty);
        }
        let file = match service {
            confirmed::WRITE_FILE => {
                // Read where it lies: content is not kept until the answer.
                let part = services::part(data, false);
                let of = part.and_then(|part| Some((services::file(data)?, part)));
                of.map(|(of, part)| {
                    self.files.part(cx, asking.clone(), of, false, &part);
                    of
                })
            }
            confirmed::READ_FILE => services::file(data),
            _ => None,
        };
        let request = Request {
            service,
            asking,
            same,
            file,
        };
        if let Some(lost) = self.waiting.put(key, request) {
            self.not_answered(cx, lost);
        }
    }

    fn acknowledged(&mut self, cx: &mut Cx<'_>, key: Key, service: u8, data: &[u8], behind: bool) {
        let server = key.0.other();
        // What a device behind a router says is not true of the router.
        let reads = matches!(
            service,
            confirmed::READ_PROPERTY | confirmed::READ_PROPERTY_MULTIPLE
        );
        if reads && !behind {
            for (attribute, value) in services::identity(service, data) {
                cx.identity(server, attribute, value);
            }
        }
        let Some(request) = self.waiting.take(&key) else {
            cx.comes_early();
            return;
        };
        let Request { asking, file, .. } = request;
        match (request.service, file) {
            (confirmed::READ_FILE, Some(of)) => match services::part(data, true) {
                Some(part) => self.files.part(cx, asking, of, true, &part),
                None => self.known.tell(cx, asking, Some(Outcome::Ok), None),
            },
            (confirmed::WRITE_FILE, Some(of)) => self.files.written(asking.side, of),
            _ => self.known.tell(cx, asking, Some(Outcome::Ok), None),
        }
    }

    fn refused(&mut self, cx: &mut Cx<'_>, key: Key, why: &str) {
        let Some(request) = self.waiting.take(&key) else {
            cx.comes_early();
            return;
        };
        match (request.service, request.file) {
            (confirmed::WRITE_FILE, Some(of)) => {
                self.files.refused(cx, request.asking.side, of, why);
            }
            _ => {
                let refused = Some(Outcome::Refused);
                self.known.tell(cx, request.asking, refused, Some(why));
            }
        }
    }

    fn not_answered(&mut self, cx: &mut Cx<'_>, request: Request) {
        // A part that is written is told with its file.
        if request.service != confirmed::WRITE_FILE || request.file.is_none() {
            self.known.lost(cx, request.asking);
        }
    }
}

/// A number for a station behind a router; 0 for none.
fn station(station: Option<&Station<'_>>) -> u64 {
    match station {
        Some(station) => fingerprint([&station.network.to_le_bytes(), station.address]) | 1,
        None => 0,
    }
}

/// A request to a station behind a router says so in its object.
fn routed(mut doing: Doing, to: Option<&Station<'_>>) -> Doing {
    // Network 65535 is every network.
    let Some(to) = to.filter(|to| to.network != 0xffff) else {
        return doing;
    };
    let place = format!(
        "network {} station {}",
        to.network,
        services::address(to.address)
    );
    doing.object = Some(match doing.object {
        Some(object) => format!("{place} {object}"),
        None => place,
    });
    doing
}

/// A device says who it is.
fn i_am(cx: &mut Cx<'_>, side: Side, data: &[u8]) {
    let Some((device, vendor)) = services::i_am(data) else {
        return;
    };
    cx.identity(side, "role", format!("BACnet device {device}"));
    match names::vendor(vendor) {
        Some(maker) => cx.identity(side, "maker", maker),
        None => cx.identity(side, "system", format!("BACnet vendor {vendor}")),
    }
}

/// A broadcast that a broadcast manager passes on: whoever wrote it stands in it.
fn forwarded(
    cx: &mut Cx<'_>,
    side: Side,
    origin: std::net::Ipv4Addr,
    network: &Network<'_>,
    apdu: &Apdu<'_>,
) {
    cx.identity(side, "role", "BACnet broadcast manager");
    let Apdu::Unconfirmed { service, data } = *apdu else {
        return;
    };
    if let (0, None, Some((device, _))) = (service, network.from, services::i_am(data)) {
        let role = format!("BACnet device {device}");
        cx.identity_of(None, Some(origin.into()), "role", role, Grade::Stated);
    }
    // Questions who is there are counted where they were asked; what changes something is told wherever it goes.
    if let Some(doing) = services::told(service, data).filter(|doing| doing.verb.modifies()) {
        let from = End {
            address: Address::Ip(origin.into()),
            port: 47808,
            mac: None,
            near: false,
            seen: true,
            begun: false,
            hides: false,
        };
        let to = *cx.flow.end(side.other());
        let doing = routed(doing, network.to.as_ref());
        let op = Op {
            object: doing.object,
            detail: Some(format!("{}, passed on", doing.detail)),
            ..Op::new(doing.verb)
        };
        cx.operation_between(&from, &to, op);
    }
}
