//! PROFINET IO connections: how a controller takes hold of a device, gives it its parameters and lets go.
//!
//! Spec: IEC 61158-6-10, 5.1 and 5.2 (blocks); DCE 1.1 RPC (C706), 12.5 (connectionless header) and 14 (NDR).
//! Emits: one operation per connect, release, write and read, answered or not; a write with its records and the hash of
//! what they carry; identity: station names and roles, vendor and device, identification record 0.
//! Blind to: what records mean beyond their index; the end of parameterization and readiness, which belong to the connect.
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};

use crate::protocols::tls::hex;
use crate::reader::text;
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
        Verb::Read,
        Verb::Identify,
    ],
    about: "Connects, releases, reads and writes of records with their answers; station names, vendor and device, \
            identification record 0.",
    spec: "IEC 61158-6-10, 5.1 and 5.2; DCE 1.1 RPC (C706), 12.5 and 14",
    blind: "what records mean beyond their index, control requests",
};

/// Requests of one connection that wait for their answers.
const MOST_WAITING: usize = 16;
/// Bytes of one call put together from its fragments.
const MOST_CALL: usize = 1 << 16;
/// Records named of one write.
const MOST_RECORDS: usize = 20;

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
}

type Requests = Pending<(Uuid, u32), Request, MOST_WAITING>;

/// One connection, or the half of one: a device answers the first call from a port of its own, so that the request and
/// its answer stand in two flows. Both know the same requests.
#[derive(Debug, Default)]
struct Cm {
    waiting: Arc<Mutex<Requests>>,
    announced: bool,
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
            None => self.call(cx, side, &call, call.body),
            Some((number, last)) => {
                if let Some(whole) = self.part(&call, number, last) {
                    self.call(cx, side, &call, &whole);
                }
            }
        }
        // Some stacks pad.
        Step::Took(bytes.len())
    }

    fn close(&mut self, cx: &mut Cx<'_>) {
        // The half that holds the answers' flow only must not take the requests from the other.
        if Arc::strong_count(&self.waiting) > 1 && !self.announced {
            return;
        }
        let waiting: Vec<Request> = self.requests(|requests| requests.drain().collect());
        for request in waiting {
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
    fn part(&mut self, call: &Call<'_>, number: u16, last: bool) -> Option<Vec<u8>> {
        if number == 0 {
            self.parts = Some(Parts {
                activity: call.activity,
                sequence: call.sequence,
                kind: call.kind,
                next: 0,
                held: Vec::new(),
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
        if last {
            return self.parts.take().map(|parts| parts.held);
        }
        None
    }

    fn call(&mut self, cx: &mut Cx<'_>, side: Side, call: &Call<'_>, body: &[u8]) {
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
                    asked: cx.asked(),
                    reads,
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
                self.answer(cx, side, call, body, asked);
            }
            packet::FAULT | packet::REJECT => {
                let asked = self.requests(|requests| requests.take(&key));
                if let Some(request) = asked {
                    let why = Some("RPC fault".to_owned());
                    self.tell(cx, side.other(), request, Some(Outcome::Refused), why);
                }
            }
            _ => {}
        }
    }

    /// The answer may come from any port of the server: a flow with the same requests waits for it.
    fn announce(&mut self, cx: &mut Cx<'_>, side: Side) {
        let (from, to) = (*cx.flow.end(side), *cx.flow.end(side.other()));
        if to.port != PORT || to.seen {
            return;
        }
        let Some(ip) = from.address.ip() else { return };
        self.announced = true;
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
        if let Some(id) = failed.and_then(|said| self.failed.get(said)) {
            cx.again(id, asked.time);
        } else {
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
            operation::CONNECT => connect(cx, side, blocks),
            operation::RELEASE => Ok(Op {
                object: Some("IO connection".to_owned()),
                detail: Some("release".to_owned()),
                ..Op::new(Verb::Configure)
            }),
            operation::WRITE => records(blocks).map(|records| written(&records)),
            operation::READ | operation::READ_IMPLICIT => read(blocks),
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
            0 => (Outcome::Ok, refused(blocks, call.operation)),
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

/// 5.2.1: type, length of what follows, version.
fn block<'a>(r: &mut Reader<'a>) -> Result<(u16, Reader<'a>), Malformed> {
    let (kind, length) = (r.u16()?, usize::from(r.u16()?));
    let mut block = r.sub(length)?;
    block.skip(2)?;
    Ok((kind, block))
}

/// 5.2.3.1 (the relation and who asks for it) and 5.2.3.4 (what is exchanged, how often).
fn connect(cx: &mut Cx<'_>, side: Side, blocks: &[u8]) -> Result<Op, Malformed> {
    let mut r = Reader::new(blocks);
    let mut detail = vec!["connect".to_owned()];
    while r.left() >= 6 {
        let (kind, mut block) = block(&mut r)?;
        match kind {
            0x0101 => {
                let relation = block.u16()?;
                block.skip(16 + 2 + 6 + 16 + 4 + 2 + 2)?;
                let length = usize::from(block.u16()?);
                let name = text(block.bytes(length)?, 240);
                let role = if relation == 6 {
                    "io-supervisor"
                } else {
                    "io-controller"
                };
                cx.identity(side, "role", role);
                cx.identity(side.other(), "role", "io-device");
                if let Some(name) = name {
                    detail.push(format!("{role} {name}"));
                    cx.identity(side, "hostname", name);
                }
            }
            0x0102 => {
                let way = block.u16()?;
                block.skip(2 + 2 + 4)?;
                let (bytes, frame) = (block.u16()?, block.u16()?);
                let (clock, ratio) = (block.u16()?, block.u16()?);
                let way = if way == 1 { "input" } else { "output" };
                // The clock counts in units of 31.25 µs.
                let cycle = u32::from(clock) * u32::from(ratio) * 125 / 4;
                let frame = match frame {
                    0xffff => String::new(),
                    frame => format!(" frame 0x{frame:04x}"),
                };
                detail.push(format!("{way} {bytes} bytes every {cycle} µs{frame}"));
            }
            _ => {}
        }
    }
    Ok(Op {
        object: Some("IO connection".to_owned()),
        detail: Some(detail.join(", ")),
        ..Op::new(Verb::Configure)
    })
}

/// Where a record stands in the device, and what it holds.
#[derive(Clone, Copy, Debug)]
struct Record<'a> {
    slot: u16,
    subslot: u16,
    index: u16,
    data: &'a [u8],
}

impl Record<'_> {
    fn name(&self) -> String {
        let Record {
            slot,
            subslot,
            index,
            ..
        } = self;
        let what = match index {
            0x8020 => " (slot parameters)",
            0x802b => " (port check)",
            0x802c | 0x802d => " (isochronous or sync)",
            0x802f => " (port adjust)",
            0x8051 | 0x8052 => " (media redundancy)",
            0x8071 => " (interface adjust)",
            0x8028 => " (input)",
            0x8029 => " (output)",
            0xaff0 => " (I&M0)",
            0xaff1 => " (I&M1)",
            0xaff2 => " (I&M2)",
            0xaff3 => " (I&M3)",
            0xaff4 => " (I&M4)",
            0xf840 => " (I&M0 filter)",
            0xf830 => " (log)",
            _ => "",
        };
        if *slot == 0xffff || *index >= 0xf800 {
            return format!("record 0x{index:04x}{what}");
        }
        format!("slot {slot} subslot 0x{subslot:x} record 0x{index:04x}{what}")
    }
}

/// 5.2.4: the header of a read or write: sequence, relation, API, place, index, length; 64 bytes in all.
fn record<'a>(r: &mut Reader<'a>, wanted: u16) -> Result<Record<'a>, Malformed> {
    let (kind, length) = (r.u16()?, r.u16()?);
    r.check(kind == wanted && length == 60, "record header")?;
    r.skip(2 + 2 + 16 + 4)?;
    let (slot, subslot) = (r.u16()?, r.u16()?);
    r.skip(2)?;
    let (index, length) = (r.u16()?, r.u32()?);
    r.skip(24)?;
    let length = if kind == 0x0008 { length as usize } else { 0 };
    Ok(Record {
        slot,
        subslot,
        index,
        data: r.bytes(length)?,
    })
}

/// A write of one record, or of several in one (index 0xe040): each begins at a multiple of four.
fn records(blocks: &[u8]) -> Result<Vec<Record<'_>>, Malformed> {
    let mut r = Reader::new(blocks);
    let first = record(&mut r, 0x0008)?;
    if first.index != 0xe040 {
        return Ok(vec![first]);
    }
    let mut inside = Reader::new(first.data);
    let mut records = Vec::new();
    while inside.left() >= 64 {
        records.push(record(&mut inside, 0x0008)?);
        let over = inside.at() % 4;
        if over > 0 && inside.skip(4 - over).is_err() {
            break;
        }
    }
    Ok(records)
}

fn written(records: &[Record<'_>]) -> Op {
    let mut names: Vec<String> = records
        .iter()
        .take(MOST_RECORDS)
        .map(Record::name)
        .collect();
    if records.len() > MOST_RECORDS {
        names.push("…".to_owned());
    }
    let mut hash = Sha256::new();
    let mut bytes = 0;
    for record in records {
        hash.update(record.data);
        bytes += record.data.len() as u64;
    }
    let count = records.len();
    Op {
        object: (!names.is_empty()).then(|| names.join(", ")),
        detail: Some(match count {
            1 => "write".to_owned(),
            count => format!("write of {count} records"),
        }),
        content_bytes: (bytes > 0).then_some(bytes),
        content_sha256: (bytes > 0).then(|| hex(&hash.finalize())),
        ..Op::new(Verb::ParameterChange)
    }
}

fn read(blocks: &[u8]) -> Result<Op, Malformed> {
    let record = record(&mut Reader::new(blocks), 0x0009)?;
    let verb = match record.index {
        0xaff0..=0xaff4 | 0xf840 => Verb::Identify,
        _ => Verb::Read,
    };
    Ok(Op {
        object: Some(record.name()),
        ..Op::new(verb)
    })
}

/// The answer to a write has a status for each of its records.
fn refused(blocks: &[u8], called: u16) -> Option<String> {
    if called != operation::WRITE {
        return None;
    }
    let mut r = Reader::new(blocks);
    let (mut all, mut failed) = (0u32, None);
    while let Ok(mut header) = r.sub(64) {
        let status = (|| {
            let kind = header.u16()?;
            header.check(kind == 0x8008, "record header")?;
            header.skip(42)?;
            header.u32()
        })();
        let Ok(status) = status else { break };
        all += 1;
        if status != 0 {
            let (count, first) = failed.get_or_insert((0u32, status));
            *count += 1;
            let _ = first;
        }
    }
    let (count, first) = failed?;
    Some(format!(
        "{count} of {all} records refused, error 0x{first:08x}"
    ))
}

/// IEC 61158-6-10, 5.2.7: record 0 of identification and maintenance: vendor, order number, serial number, hardware
/// revision, firmware.
pub(in crate::protocols) fn identification(
    cx: &mut Cx<'_>,
    side: Side,
    r: &mut Reader<'_>,
) -> Result<(), Malformed> {
    let (kind, length) = (r.u16()?, r.u16()?);
    r.check(kind == 0x20 && length >= 0x38, "record")?;
    r.skip(2)?;
    let vendor = r.u16()?;
    let (order, serial) = (text(r.bytes(20)?, 20), text(r.bytes(16)?, 16));
    r.skip(2)?;
    let [prefix, major, minor, patch] = r.array()?;
    if vendor == 0x002a {
        cx.identity(side, "maker", "Siemens");
    }
    if let Some(order) = order {
        cx.identity(side, "order_number", order);
    }
    if let Some(serial) = serial {
        cx.identity(side, "serial", serial);
    }
    if prefix == b'V' {
        cx.identity(side, "firmware", format!("V{major}.{minor}.{patch}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::DECODER;
    use crate::Side::{self, Client, Server};
    use crate::testing::{check, check_at, hex};
    use crate::{Head, Probe};

    /// A call: kind, flags, sequence number, operation, fragment, body. Big endian.
    fn call(kind: u8, flags: u8, sequence: u32, operation: u16, part: u16, body: &str) -> String {
        let body = body.replace(' ', "");
        format!(
            "04{kind:02x}{flags:02x}00 000000 00 dea000006c9711d1827100010003015a dea000016c9711d1827100a02442df7d \
             13142f9000001000a994d2106890ca5a 00000000 00000001 {sequence:08x} {operation:04x} ffff ffff {:04x} {part:04x} 00 00 {body}",
            body.len() / 2
        )
    }

    /// Lengths and the array's, then the blocks.
    fn blocks(blocks: &str) -> String {
        let length = blocks.replace(' ', "").len() / 2;
        format!("00001000 {length:08x} 00001000 00000000 {length:08x} {blocks}")
    }

    fn asks(sequence: u32, operation: u16, body: &str) -> (Side, String) {
        (Client, call(0, 0x20, sequence, operation, 0, &blocks(body)))
    }

    fn says(sequence: u32, operation: u16, status: &str, body: &str) -> (Side, String) {
        let length = body.replace(' ', "").len() / 2;
        let body = format!("{status} {length:08x} 00001000 00000000 {length:08x} {body}");
        (Server, call(2, 0x08, sequence, operation, 0, &body))
    }

    fn play(messages: &[(Side, String)], expect: expect_test::Expect) {
        let messages: Vec<(Side, &str)> = messages
            .iter()
            .map(|(side, text)| (*side, text.as_str()))
            .collect();
        check(&DECODER, &messages, expect);
    }

    const RELATION: &str = "7c74224e166c4a58bf6b6c25a75870f0";

    fn connect() -> String {
        format!(
            "0101 003a 0100 0001 {RELATION} 0001 00a0456dd343 dea000006c9711d1827100010003015a 00000011 0258 8892 0004 706c6331 \
             0102 0014 0100 0001 0001 8892 00000001 0028 c002 0020 0008 0007"
        )
    }

    /// Header of a read or write of slot 1, subslot 1: kind, index, length, what follows it.
    fn record(kind: &str, index: &str, length: u32, status: &str) -> String {
        format!(
            "{kind} 003c 0100 0001 {RELATION} 00000000 0001 0001 0000 {index} {length:08x} 0000 0000 {status} {}",
            "00".repeat(16)
        )
    }

    #[test]
    fn a_controller_connects_writes_reads_and_releases() {
        let several = format!(
            "{} 11223344 {} 5566",
            record("0008", "8071", 4, "00000000"),
            record("0008", "0001", 2, "00000000")
        );
        let length = u32::try_from(several.replace(' ', "").len() / 2).unwrap();
        let several = format!("{} {several}", record("0008", "e040", length, "00000000"));
        let done = format!(
            "{} {}",
            record("8008", "8071", 0, "00000000"),
            record("8008", "0001", 0, "df80b500")
        );
        let who = "0020 0038 0100 002a 36455337203135352d36415530302d30434e3020 532041424331323334353637383930 20 0001 56040203 0000 0000 0000 0101 001e";
        play(
            &[
                asks(0, 0, &connect()),
                says(0, 0, "00000000", ""),
                // The end of parameters is told by no operation.
                asks(1, 4, "0110 001c 0100 0000"),
                says(1, 4, "00000000", ""),
                asks(2, 3, &several),
                says(2, 3, "00000000", &done),
                asks(3, 2, &record("0009", "aff0", 0x1000, "00000000")),
                says(
                    3,
                    2,
                    "00000000",
                    &format!("{} {who}", record("8009", "aff0", 60, "00000000")),
                ),
                // The same connect fails twice, and once in other words.
                asks(4, 0, &connect()),
                says(4, 0, "db814004", ""),
                asks(5, 0, &connect()),
                says(5, 0, "db814004", ""),
                asks(6, 0, &connect()),
                (Server, call(6, 0, 6, 0, 0, "1c010003")),
                asks(7, 1, "0114 001c 0100 0000"),
            ],
            expect![[r#"
                conversation protocol=profinet-cm state=answered packets=8/7 bytes=1430/936
                operation configure "IO connection" (connect, io-controller plc1, input 40 bytes every 8000 µs frame 0xc002) ok count=1 frames=[1, 2]
                operation parameter-change "slot 1 subslot 0x1 record 0x8071 (interface adjust), slot 1 subslot 0x1 record 0x0001" (write of 2 records, 1 of 2 records refused, error 0xdf80b500) ok content=6 sha256=bb000ddd count=1 frames=[5, 6]
                operation identify "slot 1 subslot 0x1 record 0xaff0 (I&M0)" ok count=1 frames=[7, 8]
                operation configure "IO connection" (connect, io-controller plc1, input 40 bytes every 8000 µs frame 0xc002, error 0xdb814004) refused count=2 frames=[9, 10, 12]
                operation configure "IO connection" (connect, io-controller plc1, input 40 bytes every 8000 µs frame 0xc002, RPC fault) refused count=1 frames=[13, 14]
                operation configure "IO connection" (release) unanswered count=1 frames=[15]
                identity 10.0.0.2 role=io-device stated
                identity 10.0.0.2 system=PROFINET vendor 0x015a device 0x0003 stated
                identity 10.0.0.1 hostname=plc1 stated
                identity 10.0.0.1 role=io-controller stated
                identity 10.0.0.2 system=PROFINET vendor 0x015a device 0x0003 stated
                identity 10.0.0.2 firmware=V4.2.3 stated
                identity 10.0.0.2 maker=Siemens stated
                identity 10.0.0.2 order_number=6ES7 155-6AU00-0CN0 stated
                identity 10.0.0.2 serial=S ABC1234567890 stated
                identity 10.0.0.2 role=io-device stated
            "#]],
        );
    }

    #[test]
    fn a_call_in_fragments_is_one_and_what_is_missing_takes_it() {
        let body = blocks(&format!(
            "{} 11223344",
            record("0008", "0002", 4, "00000000")
        ))
        .replace(' ', "");
        let (first, second) = body.split_at(60);
        play(
            &[
                (Client, call(0, 0x24, 1, 3, 0, first)),
                (Client, call(0, 0x24, 1, 3, 0, first)),
                (Client, call(0, 0x2e, 1, 3, 1, second)),
                says(1, 3, "00000000", ""),
                (Client, call(0, 0x24, 2, 3, 0, first)),
                (Client, call(0, 0x2e, 2, 3, 2, second)),
                // Lengths that lie, and a body that ends too early.
                asks(3, 3, "0008 003c 0100"),
                asks(4, 3, &record("0008", "0002", 0xffff_ffff, "00000000")),
            ],
            expect![[r#"
                conversation protocol=profinet-cm state=answered packets=7/1 bytes=876/100
                operation parameter-change "slot 1 subslot 0x1 record 0x0002" (write) ok content=4 sha256=1a835ed8 count=1 frames=[3, 4]
                identity 10.0.0.2 system=PROFINET vendor 0x015a device 0x0003 stated
                identity 10.0.0.2 system=PROFINET vendor 0x015a device 0x0003 stated
                oddity count=2 what=profinet.bad_request frames=Numbers([7, 8])
            "#]],
        );
    }

    #[test]
    fn at_any_port_the_interface_is_the_proof() {
        let (side, text) = asks(0, 0, &connect());
        check_at(&DECODER, 49155, &[(side, &text)], expect![[r#"
            conversation protocol=profinet-cm state=unanswered packets=1/0 bytes=188/0
            operation configure "IO connection" (connect, io-controller plc1, input 40 bytes every 8000 µs frame 0xc002) ? count=1 frames=[1]
            identity 10.0.0.2 role=io-device stated
            identity 10.0.0.2 system=PROFINET vendor 0x015a device 0x0003 stated
            identity 10.0.0.1 hostname=plc1 stated
            identity 10.0.0.1 role=io-controller stated
        "#]]);
        let probe = |text: &str| {
            (DECODER.probe)(&Head {
                bytes: &hex(text),
                udp: true,
                from: 50000,
                to: 34964,
                first: true,
                open: false,
            })
        };
        assert_eq!(
            probe(&text.replace("6c9711d1827100a02442df7d", "6c9711d1827100a02442df7e")),
            Probe::NotOurs
        );
        assert_eq!(probe("04000000 000000"), Probe::NotOurs);
    }
}
