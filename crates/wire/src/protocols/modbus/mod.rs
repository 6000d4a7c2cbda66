//! Modbus/TCP: who asked which controller for what, and how it was answered.
//!
//! Spec: Modbus Messaging on TCP/IP Implementation Guide V1.0b, 3.1 (framing); Modbus Application Protocol V1.1b3, 6
//! (functions) and 7 (exceptions). UMAS (function 90) has no public standard.
//! Emits: one operation per request, answered or not; identity from function 43/14 and 17; of UMAS reservation, start,
//! stop, memory, identification, and a program's transfer as one operation with the hash of its content.
//! Blind to: Modbus/TCP Security (TLS, port 802); vendor functions beyond their number.
mod pdu;
pub(super) mod rtu;
mod umas;

use self::pdu::{Adu, Body, HEADER, Request};
use self::umas::Umas;
use crate::{
    Carrier, Cx, Decoder, Dialogue, Head, Memo, Op, Outcome, Pending, Probe, Reader, Sender, Side,
    Step, Verb,
};

pub static DECODER: Decoder = Decoder {
    name: "modbus",
    title: "Modbus/TCP",
    carriers: &[Carrier::Tcp(502), Carrier::Udp(502)],
    probe,
    open: || Box::new(Modbus::default()),
    remote: false,
    operations: &[
        Verb::Read,
        Verb::Write,
        Verb::FileRead,
        Verb::FileWrite,
        Verb::Diagnose,
        Verb::Identify,
        Verb::Reset,
        Verb::ModeChange,
        Verb::Start,
        Verb::Stop,
        Verb::Lock,
        Verb::Unlock,
        Verb::ProgramUpload,
        Verb::ProgramDownload,
    ],
    about: "Requests and answers of every public function, paired by transaction; device identification; UMAS \
            (Schneider): reservation, start, stop, memory, program transfer with the hash of its content.",
    spec: "Modbus Messaging on TCP/IP V1.0b; Modbus Application Protocol V1.1b3",
    blind: "Modbus/TCP Security, the content of vendor functions but UMAS, UMAS's variables beyond their number",
};

/// Requests that wait for their answers.
const MOST_WAITING: usize = 64;

/// Port 502 alone proves nothing: the header must agree with itself and with the function behind it. At another port so
/// must everything that came with it: two zero bytes and a small length are common elsewhere.
fn probe(head: &Head<'_>) -> Probe {
    head.read(|r| {
        let adu = Adu::read(r)?;
        while !head.on(502) && !r.is_empty() {
            let next = Adu::read(r)?;
            r.check(next.fits_request() || next.fits_answer(), "function")?;
        }
        Ok(match (adu.fits_request(), adu.fits_answer()) {
            (true, false) => Sender::Client,
            (false, true) => Sender::Server,
            (true, true) => Sender::Unknown,
            (false, false) => return Err(crate::Malformed::Bad("function")),
        })
    })
}

/// One connection: the requests still waiting for an answer.
#[derive(Default)]
struct Modbus {
    waiting: Pending<u16, Asked, MOST_WAITING>,
    known: Memo,
    /// Few connections speak it.
    umas: Option<Box<Umas>>,
}

/// A request until its answer; small and without allocation, since most are cyclic.
#[derive(Clone, Copy)]
struct Asked {
    request: Request,
    at: crate::At,
}

impl Dialogue for Modbus {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        let mut r = Reader::new(bytes);
        let adu = match Adu::read(&mut r) {
            Ok(adu) => adu,
            Err(error) => return Step::from_error(error, bytes.len().max(HEADER)),
        };
        match side {
            _ if adu.function & 0x7f == umas::FUNCTION => self.umas(cx, side, &adu),
            Side::Client => self.ask(cx, &adu),
            Side::Server => self.answer(cx, &adu),
        }
        Step::Took(r.at())
    }

    fn gap(&mut self, _cx: &mut Cx<'_>, _side: Side, _lost: u64) {
        if let Some(umas) = &mut self.umas {
            umas.gap();
        }
    }

    fn close(&mut self, cx: &mut Cx<'_>) {
        if let Some(mut umas) = self.umas.take() {
            umas.close(cx);
        }
        let waiting: Vec<Asked> = self.waiting.drain().collect();
        for asked in waiting {
            lost(cx, &asked);
        }
    }

    fn is_settled(&self) -> bool {
        self.umas.is_none() && self.waiting.is_empty()
    }
}

impl Modbus {
    #[cold]
    fn umas(&mut self, cx: &mut Cx<'_>, side: Side, adu: &Adu<'_>) {
        let umas = self.umas.get_or_insert_default();
        match side {
            Side::Client => umas.ask(cx, adu.transaction, adu.unit, adu.data()),
            Side::Server => {
                let exception = adu.is_exception().then(|| adu.exception()).flatten();
                umas.answer(cx, adu.transaction, adu.data(), exception);
            }
        }
    }

    fn ask(&mut self, cx: &mut Cx<'_>, adu: &Adu<'_>) {
        let Some(request) = Request::read(adu) else {
            cx.oddity(
                "modbus.bad_request",
                Side::Client,
                Some(format!("function {}", adu.function)),
            );
            return;
        };
        if let Some(lost) = self
            .waiting
            .put(adu.transaction, Asked { request, at: cx.at })
        {
            self::lost(cx, &lost);
        }
    }

    fn answer(&mut self, cx: &mut Cx<'_>, adu: &Adu<'_>) {
        match self.waiting.take(&adu.transaction) {
            Some(asked) => answered(cx, &mut self.known, &asked, adu),
            None if cx.comes_early() => {}
            None => unasked(cx),
        }
    }
}

/// An answer to a request that was not seen: ordinary when the capture began between the two.
fn unasked(cx: &mut Cx<'_>) {
    if !cx.flow.midstream {
        cx.oddity("modbus.answer_without_request", Side::Server, None);
    }
}

/// A request with its answer; one that was seen before is counted on its row.
fn answered(cx: &mut Cx<'_>, known: &mut Memo, asked: &Asked, adu: &Adu<'_>) {
    if adu.is_exception() {
        tell(cx, asked, Some(Outcome::Refused), adu.exception());
        return;
    }
    let short = asked.request.fingerprint();
    if let Some(id) = known.get(short)
        && cx.again(id, asked.at.now)
    {
        return;
    }
    let id = tell(cx, asked, Some(Outcome::Ok), None);
    if asked.request.verb().is_cyclic() {
        known.put(short, id);
    }
    if let Body::Identification(objects) = adu.body() {
        for (attribute, value) in objects {
            cx.identity(Side::Server, attribute, value);
        }
    }
}

/// A request that got no answer.
fn lost(cx: &mut Cx<'_>, asked: &Asked) {
    let wants = asked.request.wants_answer();
    let outcome = cx.unanswered(Side::Server).filter(|_| wants);
    tell(cx, asked, outcome, None);
}

fn tell(
    cx: &mut Cx<'_>,
    asked: &Asked,
    outcome: Option<Outcome>,
    why: Option<&str>,
) -> Option<crate::OpId> {
    let Asked { request, at } = asked;
    let detail = request.detail();
    let detail = match why {
        Some(why) => Some(format!("{detail}, {why}")),
        None => Some(detail),
    };
    let op = Op {
        verb: request.verb(),
        object: request.object(),
        detail,
        outcome,
        content_bytes: request.content_bytes(),
        asked: Some(crate::Asked {
            time: at.now,
            capture: at.capture,
            frames: vec![at.frame],
        }),
        ..Op::default()
    };
    cx.operation(Side::Client, op)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::DECODER;
    use crate::Side::{Client, Server};
    use crate::testing::check;

    #[test]
    fn a_refused_write_is_paired_with_its_request() {
        check(
            &DECODER,
            &[
                (Client, "0001 0000 0006 01 06 0010 00ff"), // write register 16 := 255
                (Server, "0001 0000 0003 01 86 02"),        // exception 2
            ],
            expect![[r#"
                conversation protocol=modbus state=answered packets=1/1 bytes=12/9
                operation write "unit 1 holding register 16" (function 6, illegal data address) refused count=1 frames=[1, 2]
            "#]],
        );
    }

    #[test]
    fn cyclic_reads_are_one_row_with_a_count() {
        check(
            &DECODER,
            &[
                (Client, "0001 0000 0006 ff 03 0064 0002"),
                (Server, "0001 0000 0007 ff 03 04 0001 0002"),
                (Client, "0002 0000 0006 ff 03 0064 0002"),
                (Server, "0002 0000 0007 ff 03 04 0003 0004"),
            ],
            expect![[r#"
                conversation protocol=modbus state=answered packets=2/2 bytes=24/26
                operation read "unit 255 holding registers 100-101" (function 3) ok count=2 frames=[1, 2, 4]
            "#]],
        );
    }

    #[test]
    fn messages_split_and_joined_by_segments_are_read() {
        check(
            &DECODER,
            &[
                (Client, "0001 0000 0006 01 01 0000"),
                (Client, "0008 0002 0000 0006 01 05 0003 ff00"),
                (
                    Server,
                    "0001 0000 0004 01 01 01 55 0002 0000 0006 01 05 0003 ff00",
                ),
            ],
            expect![[r#"
                conversation protocol=modbus state=answered packets=2/1 bytes=24/22
                operation read "unit 1 coils 0-7" (function 1) ok count=1 frames=[1, 3]
                operation write "unit 1 coil 3" (function 5) ok count=1 frames=[1, 3]
            "#]],
        );
    }

    #[test]
    fn an_unanswered_request_says_so_and_device_identification_names_the_device() {
        check(
            &DECODER,
            &[
                (Client, "0001 0000 0005 01 2b 0e 01 00"),
                (
                    Server,
                    "0001 0000 0014 01 2b 0e 01 01 00 00 02 00 03 414243 01 05 4d2d333430",
                ),
                (Client, "0002 0000 0006 01 08 0001 0000"),
            ],
            expect![[r#"
                conversation protocol=modbus state=answered packets=2/1 bytes=23/26
                operation identify "unit 1" (function 43/14, read device identification) ok count=1 frames=[1, 2]
                operation reset "unit 1" (function 8/1, restart communications) unanswered count=1 frames=[3]
                identity 10.0.0.2 maker=ABC stated
                identity 10.0.0.2 model=M-340 stated
            "#]],
        );
    }
}
