//! PROFINET IO connections: how a controller takes hold of a device, gives it its parameters and lets go.
//!
//! Spec: IEC 61158-6-10, 5.1 and 5.2 (blocks); DCE 1.1 RPC (C706), 12.5 (connectionless header) and 14 (NDR).
//! Emits: one operation per connect, release, end of parameters, write and read, answered or not; a write with its records and
//! the hash of what they carry; modules that differ from what is configured; identity: station names and roles, vendor and device, identification record 0.
//! Blind to: what records mean beyond their index.
mod records;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, PoisonError};

pub(in crate::protocols) use self::records::identification;
use crate::{
    Asked, Carrier, Cx, Decoder, Dialogue, Head, Malformed, Memo, Op, Outcome, Pending, Probe,
    Reader, Sender, Side, Step, Verb,
};

pub static DECODER: Decoder = Decoder {
    name: "profinet-cm",
    title: "PROFINET IO connections (DCE/RPC)",
    carriers: &[Carrier::Udp(34964)],
    probe,
    open: || Box::new(Cm::default()),
    remote: false,
    operations: &[
        Verb::Configure,
        Verb::ParameterChange,
        Verb::Diagnose,
        Verb::Read,
        Verb::Identify,
    ],
    about: "Connects, releases, reads and writes of records with their answers, ends of parameters, modules that \
            differ from what is configured; station names, vendor and device, identification record 0.",
    spec: "IEC 61158-6-10, 5.1 and 5.2; DCE 1.1 RPC (C706), 12.5 and 14",
    blind: "what records mean beyond their index",
};

/// Requests of one connection that wait for their answers.
const MOST_WAITING: usize = 16;
/// Bytes of one call put together from its fragments.
const MOST_CALL: usize = 1 << 16;
/// Frames remembered of a call in fragments.
const MOST_FRAMES: usize = 16;

type Uuid = [u8; 16];

/// Interfaces of devices, controllers, supervisors and parameter servers: DEA00001 to DEA00004.
const INTERFACE: [u8; 12] = [
    0x6c, 0x97, 0x11, 0xd1, 0x82, 0x71, 0x00, 0xa0, 0x24, 0x42, 0xdf, 0x7d,
];
/// The endpoint mapper, as an RPC server's directory.
const MAPPER: Uuid = [
    0xe1, 0xaf, 0x83, 0x08, 0x5d, 0x1f, 0x11, 0xc9, 0x91, 0xa4, 0x08, 0x00, 0x2b, 0x14, 0xa0, 0xfa,
];
const PORT: u16 = 34964;

mod packet {
    pub(super) const REQUEST: u8 = 0;
    pub(super) const RESPONSE: u8 = 2;
    pub(super) const FAULT: u8 = 3;
    pub(super) const REJECT: u8 = 6;
    pub(super) const LAST: u8 = 10;
}

mod operation {
    pub(super) const CONNECT: u16 = 0;
    pub(super) const RELEASE: u16 = 1;
    pub(super) const READ: u16 = 2;
    pub(super) const WRITE: u16 = 3;
    pub(super) const CONTROL: u16 = 4;
    pub(super) const READ_IMPLICIT: u16 = 5;
}

/// C706, 12.5: the header of a connectionless call.
#[derive(Clone, Copy, Debug)]
struct Call<'a> {
    kind: u8,
    /// It is a part of several: its number, and whether it is the last.
    part: Option<(u16, bool)>,
    little: bool,
    object: Uuid,
    mapper: bool,
    /// The device calls the controller back.
    back: bool,
    activity: Uuid,
    sequence: u32,
    operation: u16,
    body: &'a [u8],
}

impl<'a> Call<'a> {
    fn read(r: &mut Reader<'a>) -> Result<Call<'a>, Malformed> {
        let (version, kind) = (r.u8()?, r.u8()?);
        r.check(version == 4 && kind <= packet::LAST, "RPC version")?;
        let (flags, _flags2, drep) = (r.u8()?, r.u8()?, r.u24()?);
        r.check(drep & 0xef_ffff == 0, "RPC data representation")?;
        let little = drep != 0;
        r.skip(1)?;
        let object = uuid(r, little)?;
        let interface = uuid(r, little)?;
        let mapper = interface == MAPPER;
        let back = matches!(interface, [_, _, _, 2, ..]);
        let ours =
            matches!(interface, [0xde, 0xa0, 0x00, 1..=4, ..]) && interface.ends_with(&INTERFACE);
        r.check(ours || mapper, "RPC interface")?;
        let activity = uuid(r, little)?;
        r.skip(8)?;
        let sequence = int(r, little)?;
        let operation = short(r, little)?;
        r.skip(4)?;
        let (length, number) = (short(r, little)?, short(r, little)?);
        r.skip(2)?;
        Ok(Call {
            kind,
            part: (flags & 0x04 != 0).then_some((number, flags & 0x02 != 0)),
            little,
            object,
            mapper,
            back,
            activity,
            sequence,
            operation,
            body: r.bytes(usize::from(length))?,
        })
    }
}

fn short(r: &mut Reader<'_>, little: bool) -> Result<u16, Malformed> {
    if little { r.u16_le() } else { r.u16() }
}

fn int(r: &mut Reader<'_>, little: bool) -> Result<u32, Malformed> {
    if little { r.u32_le() } else { r.u32() }
}

/// Its first three fields are numbers, in the sender's order.
fn uuid(r: &mut Reader<'_>, little: bool) -> Result<Uuid, Malformed> {
    let mut uuid: Uuid = r.array()?;
    if little {
        let [a, b, c, d, e, f, g, h, ..] = &mut uuid;
        std::mem::swap(a, d);
        std::mem::swap(b, c);
        std::mem::swap(e, f);
        std::mem::swap(g, h);
    }
    Ok(uuid)
}

fn probe(head: &Head<'_>) -> Probe {
    head.read(|r| {
        let call = Call::read(r)?;
        r.check(!call.mapper || head.on(PORT), "RPC interface")?;
        Ok(match call.kind {
            packet::REQUEST => Sender::Client,
            packet::RESPONSE | packet::FAULT | packet::REJECT => Sender::Server,
            _ => Sender::Unknown,
        })
    })
}

/// A request until its answer.
#[derive(Debug)]
struct Request {
    op: Op,
    asked: Asked,
    /// The device's records are asked for: its answer says who it is.
    reads: bool,
    key: (Uuid, u32),
    /// Port that was asked.
    port: u16,
}

type Requests = Pending<(Uuid, u32), Request, MOST_WAITING>;

/// One connection, or the half of one: a device answers the first call from a port of its own, so that the request and
/// its answer stand in two flows. Both know the same requests.
#[derive(Debug, Default)]
struct Cm {
    waiting: Arc<Mutex<Requests>>,
    /// Calls that failed, by all that is said of them: a controller tries for ever.
    failed: Memo,
    parts: Option<Parts>,
}

/// A call in fragments.
#[derive(Debug)]
struct Parts {
    activity: Uuid,
    sequence: u32,
    kind: u8,
    next: u16,
    held: Vec<u8>,
    /// When the first came, and the frames of all.
    asked: Asked,
}

impl Dialogue for Cm {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        let mut r = Reader::new(bytes);
        let call = match Call::read(&mut r) {
            Ok(call) => call,
            Err(error) => return Step::from_error(error, bytes.len()),
        };
        match call.kind {
            packet::REQUEST => cx.server_is(side.other()),
            packet::RESPONSE => cx.server_is(side),
            _ => {}
        }
        match call.part {
            None => {
                let asked = cx.asked();
                self.call(cx, side, &call, call.body, asked);
            }
            Some((number, last)) => {
                if let Some(whole) = self.part(cx, &call, number, last) {
                    self.call(cx, side, &call, &whole.held, whole.asked);
                }
            }
        }
        // Some stacks pad.
        Step::Took(bytes.len())
    }

    fn close(&mut self, cx: &mut Cx<'_>) {
        let waiting: Vec<Request> = self.requests(|requests| requests.drain().collect());
        for request in waiting {
            // The other half tells its own.
            if request.port != cx.flow.server.port && request.port != cx.flow.client.port {
                self.requests(|requests| requests.put(request.key, request));
                continue;
            }
            let outcome = cx.unanswered(Side::Server);
            self.tell(cx, Side::Client, request, outcome, None);
        }
    }
}

impl Cm {
    fn requests<T>(&self, act: impl FnOnce(&mut Requests) -> T) -> T {
        // Nothing that holds the lock can fail; a poisoned one is as good.
        act(&mut self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Adds a fragment; gives the whole call at its last.
    fn part(&mut self, cx: &Cx<'_>, call: &Call<'_>, number: u16, last: bool) -> Option<Parts> {
        if number == 0 {
            self.parts = Some(Parts {
                activity: call.activity,
                sequence: call.sequence,
                kind: call.kind,
                next: 0,
                held: Vec::new(),
                asked: Asked {
                    frames: Vec::new(),
                    ..cx.asked()
                },
            });
        }
        let parts = self.parts.as_mut()?;
        let same = parts.activity == call.activity
            && parts.sequence == call.sequence
            && parts.kind == call.kind;
        if !same || parts.next != number || parts.held.len() + call.body.len() > MOST_CALL {
            // A repetition; what is missing shows at the next number.
            return None;
        }
        parts.next += 1;
        parts.held.extend_from_slice(call.body);
        let frames = &mut parts.asked.frames;
        // The last place is kept for the end.
        if frames.len() < MOST_FRAMES - usize::from(!last) {
            frames.extend_from_slice(cx.frames);
            frames.truncate(MOST_FRAMES);
        }
        if last { self.parts.take() } else { None }
    }

    fn call(&mut self, cx: &mut Cx<'_>, side: Side, call: &Call<'_>, body: &[u8], asked: Asked) {
        let key = (call.activity, call.sequence);
        match call.kind {
            packet::REQUEST => {
                let Some(op) = self.asks(cx, side, call, body) else {
                    return;
                };
                let reads = matches!(call.operation, operation::READ | operation::READ_IMPLICIT)
                    && !call.mapper;
                let request = Request {
                    op,
                    asked,
                    reads,
                    key,
                    port: cx.flow.end(side.other()).port,
                };
                // The same call again is the client's repetition.
                let repeated = self.requests(|requests| match requests.take(&key) {
                    Some(before) => {
                        let _ = requests.put(key, before);
                        true
                    }
                    None => false,
                });
                if repeated {
                    return;
                }
                let lost = self.requests(|requests| requests.put(key, request));
                if let Some(lost) = lost {
                    let outcome = cx.unanswered(side.other());
                    self.tell(cx, side, lost, outcome, None);
                }
                self.announce(cx, side);
            }
            packet::RESPONSE => {
                let asked = self.requests(|requests| requests.take(&key));
                if asked.is_none() && cx.comes_early() {
                    return;
                }
                self.answer(cx, side, call, body, asked);
            }
            packet::FAULT | packet::REJECT => {
                let asked = self.requests(|requests| requests.take(&key));
                if let Some(request) = asked {
                    let why = Some("RPC fault".to_owned());
                    self.tell(cx, side.other(), request, Some(Outcome::Refused), why);
                } else {
                    cx.comes_early();
                }
            }
            _ => {}
        }
    }

    /// The answer may come from any port of the server: a flow with the same requests waits for it.
    fn announce(&self, cx: &mut Cx<'_>, side: Side) {
        let (from, to) = (*cx.flow.end(side), *cx.flow.end(side.other()));
        if to.port != PORT || to.seen {
            return;
        }
        let Some(ip) = from.address.ip() else { return };
        let half = Cm {
            waiting: Arc::clone(&self.waiting),
            ..Cm::default()
        };
        cx.expect_dialogue(ip, from.port, true, Box::new(half));
    }

    /// Tells a call at its answer, or counts it on the row of the same failure before.
    fn tell(
        &mut self,
        cx: &mut Cx<'_>,
        from: Side,
        request: Request,
        outcome: Option<Outcome>,
        why: Option<String>,
    ) {
        let Request { op, asked, .. } = request;
        let detail = match (op.detail, why) {
            (Some(detail), Some(why)) => Some(format!("{detail}, {why}")),
            (detail, why) => detail.or(why),
        };
        let failed = (outcome != Some(Outcome::Ok)).then(|| {
            let said = format!("{:?} {:?} {detail:?} {outcome:?}", op.verb, op.object);
            Memo::fingerprint(said.as_bytes()) | 1
        });
        let frames = cx.frames;
        if outcome.is_none() || outcome == Some(Outcome::Unanswered) {
            // The message at hand is none of its own.
            cx.frames = &[];
        }
        let known = failed.and_then(|said| self.failed.get(said));
        if known.is_none_or(|id| !cx.again(id, asked.time)) {
            let op = Op {
                detail,
                outcome,
                asked: Some(asked),
                ..op
            };
            let id = cx.operation(from, op);
            if let Some(said) = failed {
                self.failed.put(said, id);
            }
        }
        cx.frames = frames;
    }

    fn asks(&self, cx: &mut Cx<'_>, side: Side, call: &Call<'_>, body: &[u8]) -> Option<Op> {
        if call.mapper {
            return Some(Op {
                object: Some("endpoint mapper".to_owned()),
                ..Op::new(Verb::Identify)
            });
        }
        // An object is an instance of a device: its type by the maker.
        if let [0xde, 0xa0, .., a, b, c, d] = call.object {
            let (device, vendor) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
            let value = format!("PROFINET vendor 0x{vendor:04x} device 0x{device:04x}");
            cx.identity(side.other(), "system", value);
        }
        // Most and present length, then most, offset and count of the array.
        let blocks = body.get(20..).unwrap_or(&[]);
        let read = match call.operation {
            operation::CONNECT => records::connect(cx, side, blocks),
            operation::RELEASE => Ok(Op {
                object: Some("IO connection".to_owned()),
                detail: Some("release".to_owned()),
                ..Op::new(Verb::Configure)
            }),
            operation::WRITE => records::records(blocks).map(|records| records::written(&records)),
            operation::READ | operation::READ_IMPLICIT => records::read(blocks),
            // That it is ready is the device's word, and no operation on the controller.
            operation::CONTROL if call.back => {
                if let Some(differ) = records::difference(blocks) {
                    cx.oddity("profinet.other_modules", side, Some(differ));
                }
                return None;
            }
            operation::CONTROL => records::control(blocks),
            _ => return None,
        };
        match read {
            Ok(op) => Some(op),
            Err(_) => {
                cx.oddity("profinet.bad_request", side, None);
                None
            }
        }
    }

    fn answer(
        &mut self,
        cx: &mut Cx<'_>,
        side: Side,
        call: &Call<'_>,
        body: &[u8],
        asked: Option<Request>,
    ) {
        let Some(request) = asked else { return };
        if call.mapper {
            self.tell(cx, side.other(), request, Some(Outcome::Ok), None);
            return;
        }
        let mut r = Reader::new(body);
        // 5.2.6: error code, decode, code 1, code 2; as a number, in the sender's order.
        let status = int(&mut r, call.little).unwrap_or(0);
        let blocks = body.get(20..).unwrap_or(&[]);
        let (outcome, why) = match status {
            0 => (Outcome::Ok, records::refused(blocks, call.operation)),
            status => (Outcome::Refused, Some(format!("error 0x{status:08x}"))),
        };
        let reads = request.reads && outcome == Outcome::Ok;
        self.tell(cx, side.other(), request, Some(outcome), why);
        if reads {
            // Behind the header of the answer stands the record, if it is one that says who the device is.
            let record = blocks.get(64..).unwrap_or(&[]);
            let _ = identification(cx, side, &mut Reader::new(record));
        }
    }
}
