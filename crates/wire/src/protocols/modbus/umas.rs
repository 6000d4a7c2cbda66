//! UMAS: what Schneider's engineering tools say to Modicon controllers inside Modbus function 90.
//!
//! It has no public standard; written from the field's published knowledge of it and from captures. A request is a
//! session key and a function, an answer the key and 0xfe (done) or 0xfd (refused). The tools call the way into the
//! controller upload and the way out download; here, as everywhere, a program that leaves the controller is uploaded.
use sha2::{Digest, Sha256};

use crate::protocols::tls::hex;
use crate::reader::text;
use crate::{Asked, Cx, Malformed, Memo, Op, OpId, Outcome, Pending, Reader, Side, Verb};

/// The function of Modbus that carries it.
pub(super) const FUNCTION: u8 = 90;
/// Messages are as long as both ends agree on; controllers of today go to 1024 bytes.
pub(super) const MOST: usize = 1100;

/// Requests that wait for their answers.
const MOST_WAITING: usize = 16;
/// Frames remembered of a transfer.
const MOST_FRAMES: usize = 16;

const DONE: u8 = 0xfe;
const REFUSED: u8 = 0xfd;

mod function {
    pub(super) const INIT: u8 = 0x01;
    pub(super) const READ_ID: u8 = 0x02;
    pub(super) const READ_PROJECT: u8 = 0x03;
    pub(super) const TAKE_RESERVATION: u8 = 0x10;
    pub(super) const KEEP_ALIVE: u8 = 0x12;
    pub(super) const READ_MEMORY: u8 = 0x20;
    pub(super) const WRITE_MEMORY: u8 = 0x21;
    pub(super) const BEGIN_IN: u8 = 0x30;
    pub(super) const BLOCK_IN: u8 = 0x31;
    pub(super) const END_IN: u8 = 0x32;
    pub(super) const BEGIN_OUT: u8 = 0x33;
    pub(super) const BLOCK_OUT: u8 = 0x34;
    pub(super) const END_OUT: u8 = 0x35;
}

/// Verb and words of a function; `None` for what nobody knows.
const fn known(code: u8) -> Option<(Verb, &'static str)> {
    Some(match code {
        function::INIT => (Verb::Identify, "initialize communication"),
        function::READ_ID => (Verb::Identify, "read identification"),
        function::READ_PROJECT => (Verb::Identify, "read project information"),
        0x04 => (Verb::Diagnose, "read status"),
        0x06 => (Verb::Diagnose, "read memory card information"),
        0x0a => (Verb::Diagnose, "repeat"),
        function::TAKE_RESERVATION => (Verb::Lock, "take reservation"),
        0x11 => (Verb::Unlock, "release reservation"),
        function::KEEP_ALIVE => (Verb::Diagnose, "keep reservation"),
        function::READ_MEMORY => (Verb::Read, "read memory block"),
        function::WRITE_MEMORY => (Verb::Write, "write memory block"),
        0x22 => (Verb::Read, "read variables"),
        0x23 => (Verb::Write, "write variables"),
        0x24 => (Verb::Read, "read coils and registers"),
        0x25 => (Verb::Write, "write coils and registers"),
        0x26 => (Verb::Read, "read data dictionary"),
        function::BEGIN_IN | function::BLOCK_IN | function::END_IN => {
            (Verb::ProgramDownload, "transfer to the controller")
        }
        function::BEGIN_OUT | function::BLOCK_OUT | function::END_OUT => {
            (Verb::ProgramUpload, "transfer from the controller")
        }
        0x39 => (Verb::Read, "read Ethernet master data"),
        0x40 => (Verb::Start, "start"),
        0x41 => (Verb::Stop, "stop"),
        0x42 => (Verb::Reset, "initialize"),
        0x43 => (Verb::ModeChange, "swap"),
        0x50 => (Verb::Read, "monitor"),
        0x58 => (Verb::Diagnose, "check"),
        0x70 => (Verb::Read, "read I/O object"),
        0x71 => (Verb::Write, "write I/O object"),
        0x73 => (Verb::Diagnose, "read module status"),
        _ => return None,
    })
}

/// Session key and function; the function must be one that is known.
pub(super) fn fits_request(data: &[u8]) -> bool {
    matches!(data, [_, code, ..] if known(*code).is_some())
}

pub(super) const fn fits_answer(data: &[u8]) -> bool {
    matches!(data, [_, DONE | REFUSED, ..])
}

#[derive(Debug)]
struct Request {
    code: u8,
    unit: u8,
    object: Option<String>,
    fingerprint: u64,
    /// A program transfer's block.
    block: u16,
    asked: Asked,
}

/// A program on its way.
#[derive(Debug)]
struct Transfer {
    verb: Verb,
    unit: u8,
    asked: Asked,
    hash: Sha256,
    bytes: u64,
    blocks: u16,
    /// A block is missing.
    broken: bool,
}

/// What one connection says in UMAS.
#[derive(Debug, Default)]
pub(super) struct Umas {
    waiting: Pending<u16, Request, MOST_WAITING>,
    known: Memo,
    transfer: Option<Transfer>,
}

impl Umas {
    pub(super) fn ask(&mut self, cx: &mut Cx<'_>, transaction: u16, unit: u8, data: &[u8]) {
        let [_, code, body @ ..] = data else {
            cx.oddity(
                "modbus.bad_request",
                Side::Client,
                Some("function 90".to_owned()),
            );
            return;
        };
        let mut request = Request {
            code: *code,
            unit,
            object: None,
            // Without the session key, and without the number of a program's block.
            fingerprint: Memo::fingerprint(data.get(1..).unwrap_or(&[])) | 1,
            block: 0,
            asked: cx.asked(),
        };
        // What is too short for its function is told by its function alone.
        let _ = self.content(cx, &mut request, body);
        if let Some(lost) = self.waiting.put(transaction, request) {
            self.lost(cx, &lost);
        }
    }

    fn content(
        &mut self,
        cx: &mut Cx<'_>,
        request: &mut Request,
        body: &[u8],
    ) -> Result<(), Malformed> {
        let mut r = Reader::new(body);
        match request.code {
            function::TAKE_RESERVATION => {
                r.skip(4)?;
                let length = usize::from(r.u8()?);
                if let Some(host) = text(r.bytes(length)?, 64) {
                    request.object = Some(format!("unit {} by {host}", request.unit));
                    cx.identity(Side::Client, "hostname", host);
                }
            }
            function::READ_MEMORY | function::WRITE_MEMORY => {
                r.skip(1)?;
                let (block, from) = (r.u16_le()?, r.u16_le()?);
                r.skip(2)?;
                let count = r.u16_le()?;
                let (unit, to) = (request.unit, u32::from(from) + u32::from(count));
                let last = to.saturating_sub(1);
                let object = format!("unit {unit} memory block 0x{block:02x} bytes {from}-{last}");
                request.object = Some(object);
            }
            function::BEGIN_IN | function::BEGIN_OUT => {
                let verb = match request.code {
                    function::BEGIN_IN => Verb::ProgramDownload,
                    _ => Verb::ProgramUpload,
                };
                self.end(cx, None, None);
                self.transfer = Some(Transfer::new(verb, request.unit, cx.asked()));
            }
            function::BLOCK_IN => {
                r.skip(2)?;
                let (block, length) = (r.u16_le()?, usize::from(r.u16_le()?));
                let content = r.bytes(length)?;
                let transfer = self.running(Verb::ProgramDownload, request);
                transfer.block(cx, block, content);
            }
            function::BLOCK_OUT => {
                r.skip(2)?;
                request.block = r.u16_le()?;
            }
            _ => {}
        }
        Ok(())
    }

    /// The transfer under way; one whose begin was not captured begins here.
    fn running(&mut self, verb: Verb, request: &Request) -> &mut Transfer {
        let fresh = || {
            let mut transfer = Transfer::new(verb, request.unit, request.asked.clone());
            transfer.broken = true;
            transfer
        };
        self.transfer.get_or_insert_with(fresh)
    }

    /// `exception`: the Modbus exception that answered in its stead.
    pub(super) fn answer(
        &mut self,
        cx: &mut Cx<'_>,
        transaction: u16,
        data: &[u8],
        exception: Option<&'static str>,
    ) {
        let Some(request) = self.waiting.take(&transaction) else {
            if !cx.comes_early() && !cx.flow.midstream {
                cx.oddity("modbus.answer_without_request", Side::Server, None);
            }
            return;
        };
        let refused = match (exception, data) {
            (Some(exception), _) => Some(exception.to_owned()),
            (None, [_, REFUSED, error @ ..]) => Some(match error {
                [] => "refused".to_owned(),
                error => format!("refused, error {}", hex(error.get(..8).unwrap_or(error))),
            }),
            _ => None,
        };
        let body = data.get(2..).unwrap_or(&[]);
        let outcome = if refused.is_some() {
            Outcome::Refused
        } else {
            Outcome::Ok
        };
        match request.code {
            function::BLOCK_OUT if refused.is_none() => {
                // What is too short is a block that is missing.
                let content = Transfer::content(&mut Reader::new(body)).unwrap_or(&[]);
                let transfer = self.running(Verb::ProgramUpload, &request);
                transfer.block(cx, request.block, content);
            }
            function::BEGIN_IN | function::BEGIN_OUT | function::BLOCK_IN if refused.is_none() => {}
            function::BEGIN_IN | function::BEGIN_OUT | function::BLOCK_IN | function::BLOCK_OUT => {
                let _ = self.running(verb(request.code), &request);
                self.end(cx, Some(outcome), refused);
            }
            function::END_IN | function::END_OUT => {
                let _ = self.running(verb(request.code), &request);
                self.end(cx, Some(outcome), refused);
            }
            code => {
                self.done(cx, &request, Some(outcome), refused);
                if outcome == Outcome::Ok {
                    let mut r = Reader::new(body);
                    // What is shorter than it should be says nothing of who the device is.
                    let _ = match code {
                        function::READ_ID => identification(cx, &mut r),
                        function::READ_PROJECT => project(cx, body),
                        _ => Ok(()),
                    };
                }
            }
        }
    }

    pub(super) fn close(&mut self, cx: &mut Cx<'_>) {
        let waiting: Vec<Request> = self.waiting.drain().collect();
        for request in waiting {
            self.lost(cx, &request);
        }
        self.end(cx, None, None);
    }

    pub(super) fn gap(&mut self) {
        if let Some(transfer) = &mut self.transfer {
            transfer.broken = true;
        }
    }

    fn lost(&mut self, cx: &mut Cx<'_>, request: &Request) {
        if matches!(request.code, function::BEGIN_IN..=function::END_OUT) {
            // Its transfer tells.
            return;
        }
        let outcome = cx.unanswered(Side::Server);
        let frames = std::mem::take(&mut cx.frames);
        self.tell(cx, request, outcome, None);
        cx.frames = frames;
    }

    fn done(
        &mut self,
        cx: &mut Cx<'_>,
        request: &Request,
        outcome: Option<Outcome>,
        why: Option<String>,
    ) {
        if outcome == Some(Outcome::Ok)
            && let Some(id) = self.known.get(request.fingerprint)
            && cx.again(id, request.asked.time)
        {
            return;
        }
        let id = self.tell(cx, request, outcome, why);
        if outcome == Some(Outcome::Ok) && verb(request.code).is_cyclic() {
            self.known.put(request.fingerprint, id);
        }
    }

    fn tell(
        &self,
        cx: &mut Cx<'_>,
        request: &Request,
        outcome: Option<Outcome>,
        why: Option<String>,
    ) -> Option<OpId> {
        let code = request.code;
        let what = known(code).map_or("unknown", |(_, what)| what);
        let detail = match why {
            Some(why) => format!("UMAS 0x{code:02x}, {what}, {why}"),
            None => format!("UMAS 0x{code:02x}, {what}"),
        };
        let object = request.object.clone();
        let op = Op {
            object: Some(object.unwrap_or_else(|| format!("unit {}", request.unit))),
            detail: Some(detail),
            outcome,
            asked: Some(request.asked.clone()),
            ..Op::new(verb(code))
        };
        cx.operation(Side::Client, op)
    }

    /// The transfer is over, or the connection is (`outcome` is not known).
    fn end(&mut self, cx: &mut Cx<'_>, outcome: Option<Outcome>, why: Option<String>) {
        let Some(transfer) = self.transfer.take() else {
            return;
        };
        let whole = outcome == Some(Outcome::Ok) && !transfer.broken && transfer.bytes > 0;
        let Transfer {
            verb, unit, blocks, ..
        } = transfer;
        let mut detail = format!("UMAS, {blocks} blocks");
        if transfer.bytes > 0 && !whole {
            detail.push_str(", content incomplete");
        }
        if let Some(why) = why {
            detail.push_str(", ");
            detail.push_str(&why);
        }
        let op = Op {
            object: Some(format!("unit {unit} program")),
            detail: Some(detail),
            outcome,
            content_bytes: (transfer.bytes > 0).then_some(transfer.bytes),
            content_sha256: whole.then(|| hex(&transfer.hash.finalize())),
            asked: Some(transfer.asked),
            ..Op::new(verb)
        };
        let frames = cx.frames;
        if outcome.is_none() {
            // The message at hand is none of its own.
            cx.frames = &[];
        }
        cx.operation(Side::Client, op);
        cx.frames = frames;
    }
}

impl Transfer {
    fn new(verb: Verb, unit: u8, asked: Asked) -> Transfer {
        Transfer {
            verb,
            unit,
            asked,
            hash: Sha256::new(),
            bytes: 0,
            blocks: 0,
            broken: false,
        }
    }

    /// Blocks count from 1.
    fn block(&mut self, cx: &Cx<'_>, number: u16, content: &[u8]) {
        if number != self.blocks.wrapping_add(1) || content.is_empty() {
            self.broken = true;
        }
        self.blocks = number;
        self.hash.update(content);
        self.bytes += content.len() as u64;
        for frame in cx.frames {
            if self.asked.frames.len() < MOST_FRAMES - 2 {
                self.asked.frames.push(*frame);
            }
        }
    }

    /// Whether more follows, a byte of zero, length, content.
    fn content<'a>(r: &mut Reader<'a>) -> Result<&'a [u8], Malformed> {
        r.skip(2)?;
        let length = usize::from(r.u16_le()?);
        r.bytes(length)
    }
}

fn verb(code: u8) -> Verb {
    known(code).map_or(Verb::Read, |(verb, _)| verb)
}

/// Kind, identifier, model, version of the communication, of the inside, of the hardware, a crash code, then the name
/// with its length in front.
fn identification(cx: &mut Cx<'_>, r: &mut Reader<'_>) -> Result<(), Malformed> {
    r.skip(8)?;
    let version = r.u16_le()?;
    r.skip(12)?;
    let length = usize::from(r.u8()?);
    let name = r.bytes(length)?;
    cx.identity(Side::Server, "maker", "Schneider Electric");
    if let Some(name) = text(name, 64) {
        cx.identity(Side::Server, "model", name);
    }
    let [major, minor] = version.to_be_bytes();
    cx.identity(Side::Server, "firmware", format!("{major:x}.{minor:02x}"));
    Ok(())
}

/// The project's name is the last thing said, with its length in front.
fn project(cx: &mut Cx<'_>, body: &[u8]) -> Result<(), Malformed> {
    let ends = (1..body.len()).rev().take(64).filter_map(|at| {
        let (before, name) = body.split_at_checked(at)?;
        (usize::from(*before.last()?) == name.len()).then_some(name)
    });
    let graphic = |name: &&[u8]| {
        let name = name.strip_suffix(&[0]).unwrap_or(name);
        name.len() > 1 && name.iter().all(|byte| matches!(byte, 0x20..=0x7e | 0x80..))
    };
    let mut ends = ends.filter(graphic);
    if let Some(name) = ends.next().and_then(|name| text(name, 64)) {
        cx.identity(Side::Server, "system", format!("project {name}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::super::DECODER;
    use crate::Side::{self, Client, Server};
    use crate::testing::check;

    fn said(side: Side, transaction: u16, body: &str) -> (Side, String) {
        let body = body.replace(' ', "");
        (
            side,
            format!("{transaction:04x}0000{:04x}005a{body}", body.len() / 2 + 2),
        )
    }

    fn play(messages: &[(Side, String)], expect: expect_test::Expect) {
        let messages: Vec<(Side, &str)> = messages
            .iter()
            .map(|(side, text)| (*side, text.as_str()))
            .collect();
        check(&DECODER, &messages, expect);
    }

    #[test]
    fn a_station_reserves_the_controller_stops_it_and_is_told_who_it_is() {
        play(
            &[
                said(Client, 1, "00 02"),
                said(
                    Server,
                    1,
                    "00 fe 10ff 5a010100 0000 7002 0000 2700 0900 08000000 0000 0e 313430204350552033313120313031",
                ),
                said(Client, 2, "00 03 00"),
                said(Server, 2, "00 fe 0205000098880100 08000000 06 4352414e4500"),
                said(Client, 3, "00 10 434c0000 04 454e4731"),
                said(Server, 3, "00 fe 01"),
                said(Client, 4, "01 41 ff00"),
                said(Server, 4, "01 fe"),
                said(Client, 5, "01 40 ff00"),
                said(Server, 5, "01 fd 83 00"),
                // Keeping the reservation is cyclic.
                said(Client, 6, "01 12"),
                said(Server, 6, "01 fe"),
                said(Client, 7, "01 12"),
                said(Server, 7, "01 fe"),
                said(Client, 8, "01 20 00 1300 6400 0000 9c00"),
                (Server, "0008 0000 0003 00 da 01".replace(' ', "")),
                said(Client, 9, "01 11"),
            ],
            expect![[r#"
                conversation protocol=modbus state=answered packets=9/8 bytes=113/139
                operation identify "unit 0" (UMAS 0x02, read identification) ok count=1 frames=[1, 2]
                operation identify "unit 0" (UMAS 0x03, read project information) ok count=1 frames=[3, 4]
                operation lock "unit 0 by ENG1" (UMAS 0x10, take reservation) ok count=1 frames=[5, 6]
                operation stop "unit 0" (UMAS 0x41, stop) ok count=1 frames=[7, 8]
                operation start "unit 0" (UMAS 0x40, start, refused, error 8300) refused count=1 frames=[9, 10]
                operation diagnose "unit 0" (UMAS 0x12, keep reservation) ok count=2 frames=[11, 12, 14]
                operation read "unit 0 memory block 0x13 bytes 100-255" (UMAS 0x20, read memory block, illegal function) refused count=1 frames=[15, 16]
                operation unlock "unit 0" (UMAS 0x11, release reservation) unanswered count=1 frames=[17]
                identity 10.0.0.2 firmware=2.70 stated
                identity 10.0.0.2 maker=Schneider Electric stated
                identity 10.0.0.2 model=140 CPU 311 10 stated
                identity 10.0.0.2 system=project CRANE stated
                identity 10.0.0.1 hostname=ENG1 stated
            "#]],
        );
    }

    #[test]
    fn a_program_is_hashed_both_ways_and_a_missing_block_takes_the_hash() {
        // Longer than Modbus allows.
        let long = "5a".repeat(300);
        play(
            &[
                said(Client, 1, "01 30 0001"),
                said(Server, 1, "01 fe"),
                said(Client, 2, &format!("01 31 0001 0100 2c01 {long}")),
                said(Server, 2, "01 fe"),
                said(Client, 3, "01 31 0001 0200 0200 cafe"),
                said(Server, 3, "01 fe"),
                said(Client, 4, "01 32 0001 0200"),
                said(Server, 4, "01 fe"),
                said(Client, 5, "01 33 0001 fb00"),
                said(Server, 5, "01 fe 0001 3730 0000"),
                said(Client, 6, "01 34 0001 0100"),
                said(Server, 6, &format!("01 fe 00 00 2c01 {long}")),
                said(Client, 7, "01 34 0001 0200"),
                said(Server, 7, "01 fe 01 00 0200 cafe"),
                said(Client, 8, "01 35 0001 0200"),
                said(Server, 8, "01 fe"),
                said(Client, 9, "01 33 0001 fb00"),
                said(Server, 9, "01 fe 0001 3730 0000"),
                said(Client, 10, "01 34 0001 0200"),
                said(Server, 10, "01 fe 01 00 0200 cafe"),
                said(Client, 11, "01 35 0001 0200"),
                said(Server, 11, "01 fe"),
                // Refused at the begin, and one that never ends.
                said(Client, 12, "01 30 0001"),
                said(Server, 12, "01 fd 01"),
                said(Client, 13, "01 30 0001"),
                said(Server, 13, "01 fe"),
            ],
            expect![[r#"
                conversation protocol=modbus state=answered packets=13/13 bytes=482/459
                operation program-download "unit 0 program" (UMAS, 2 blocks) ok content=302 sha256=211e6673 count=1 frames=[1, 3, 5, 8]
                operation program-upload "unit 0 program" (UMAS, 2 blocks) ok content=302 sha256=211e6673 count=1 frames=[9, 12, 14, 16]
                operation program-upload "unit 0 program" (UMAS, 2 blocks, content incomplete) ok count=1 frames=[17, 20, 22]
                operation program-download "unit 0 program" (UMAS, 0 blocks, refused, error 01) refused count=1 frames=[23, 24]
                operation program-download "unit 0 program" (UMAS, 0 blocks) ? count=1 frames=[25]
            "#]],
        );
    }
}
