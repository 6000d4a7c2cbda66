//! GE-SRTP: what programming software and operator stations do to controllers of GE Fanuc and Emerson (Series 90, RX3i).
//!
//! Spec: none is public. From "Leveraging the SRTP protocol for over-the-network memory acquisition of a GE Fanuc Series 90-30"
//! (DFRWS 2017) and GFK-0582 (the serial protocol with the same requests).
//! Emits: memory read and written by reference, programs stored and loaded, states set, clock, faults cleared, log-ons and changes
//! of privilege, each with its answer.
//! Blind to: content of programs (that they go is told, not which bytes); what newer firmware encrypts; which state a controller
//! is set to beyond its number.
//! Tried on: no public capture was found; built from the sources above.
use super::asking::Asks;
use crate::{
    Carrier, Cx, Decoder, Dialogue, Head, Malformed, Op, Probe, Reader, Sender, Side, Step, Verb,
};

pub static DECODER: Decoder = Decoder {
    name: "ge-srtp",
    title: "GE-SRTP (GE Fanuc, Emerson)",
    carriers: &[Carrier::Tcp(18245)],
    probe,
    open: || Box::new(Srtp::default()),
    remote: false,
    operations: &[
        Verb::Read,
        Verb::Write,
        Verb::ProgramUpload,
        Verb::ProgramDownload,
        Verb::ModeChange,
        Verb::SetClock,
        Verb::Reset,
        Verb::Configure,
        Verb::Authenticate,
        Verb::Operate,
        Verb::Diagnose,
        Verb::Identify,
    ],
    about: "Service requests with the memory that they name, paired with answers and error codes: reads, writes, programs, states, clock, log-ons and privilege.",
    spec: "DFRWS 2017 (SRTP of Series 90-30), GFK-0582",
    blind: "content of programs, encrypted sessions, the meaning of state numbers",
};

/// Requests that wait for their answers.
const MOST_WAITING: usize = 32;
/// Every message has a header of this length; text may follow.
const HEADER: usize = 56;
/// Octets other than zero in the answer to a greeting.
const MOST_SAID: usize = 8;
/// Longest text.
const MOST_TEXT: usize = 0x4000;

struct Message<'a> {
    kind: u16,
    sequence: u16,
    /// What the mailbox holds: a request, a longer one, answers, an error.
    mail: u8,
    length: usize,
    /// From the service code on.
    service: &'a [u8],
    text: &'a [u8],
}

const REQUEST: u16 = 2;
const ANSWER: u16 = 3;

impl<'a> Message<'a> {
    fn read(bytes: &'a [u8]) -> Result<Message<'a>, Malformed> {
        let mut r = Reader::new(bytes);
        let (kind, sequence) = (r.u16_le()?, r.u16_le()?);
        r.check(matches!(kind, 0..=3 | 8 | 9), "kind")?;
        let text = usize::from(r.u16_le()?);
        r.check(text <= MOST_TEXT, "length")?;
        r.skip(25)?;
        let mail = r.u8()?;
        r.skip(8)?;
        let service = r.bytes(HEADER - 40)?;
        let text_shown = text.min(r.left());
        Ok(Message {
            kind,
            sequence,
            mail,
            length: HEADER + text,
            service,
            text: r.bytes(text_shown)?,
        })
    }

    /// Service, segment, offset, length: behind the packet number of a short request, further back in a long one.
    fn request(&self) -> Result<Request, Malformed> {
        let mut r = Reader::new(self.service);
        r.skip(if self.mail == 0x80 { 10 } else { 2 })?;
        Ok(Request {
            service: r.u8()?,
            segment: r.u8()?,
            offset: r.u16_le()?,
            length: r.u16_le()?,
        })
    }

    /// The values of a write stand in the header if there is room, else behind it.
    fn has_values(&self) -> bool {
        self.mail == 0x80
            || self
                .service
                .get(4..)
                .is_some_and(|rest| rest.iter().any(|byte| *byte != 0))
    }
}

struct Request {
    service: u8,
    segment: u8,
    offset: u16,
    length: u16,
}

/// The greeting is nothing but zeros, which says too little at another port; a request names a mailbox and a service.
fn probe(head: &Head<'_>) -> Probe {
    // The first octets are those of much else: less than a header is worth waiting for at the own port only.
    if head.bytes.len() < HEADER && !head.on(18245) {
        return Probe::NotOurs;
    }
    head.read(|r| {
        let message = Message::read(head.bytes)?;
        let at_port = head.on(18245);
        match (message.kind, message.mail) {
            (0, 0) => {
                let zeros = head.bytes.iter().all(|byte| *byte == 0);
                r.check(at_port && zeros && head.bytes.len() == HEADER, "greeting")?;
                Ok(Sender::Client)
            }
            (1, _) => {
                let said = head.bytes.iter().filter(|byte| **byte != 0).count();
                let greeting = said <= MOST_SAID && head.bytes.len() == HEADER;
                r.check(at_port && greeting, "greeting")?;
                Ok(Sender::Server)
            }
            (REQUEST, 0x80 | 0xc0) => {
                let request = message.request()?;
                r.check(
                    known(request.service).is_some() && (at_port || message.is_addressed()),
                    "service",
                )?;
                Ok(Sender::Client)
            }
            (ANSWER, 0x94 | 0xd4 | 0xd1) => {
                r.check(at_port || message.is_addressed(), "answer")?;
                Ok(Sender::Server)
            }
            _ => Err(Malformed::Bad("kind")),
        }
    })
}

impl Message<'_> {
    /// One packet of one, and a text whose length is known: what holds of every message that was described.
    fn is_addressed(&self) -> bool {
        matches!(self.service, [1, 1, ..]) && self.text.len() + HEADER == self.length
    }
}

#[derive(Default)]
struct Srtp {
    asks: Asks<u16, (), MOST_WAITING>,
}

impl Dialogue for Srtp {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        let message = match Message::read(bytes) {
            Ok(message) => message,
            Err(Malformed::Short) => return Step::Need(HEADER),
            Err(Malformed::Bad(what)) => return Step::Bad(what),
        };
        if message.length > bytes.len() {
            return Step::Need(message.length);
        }
        match message.kind {
            REQUEST => self.ask(cx, side, &message),
            ANSWER => self.answer(cx, side, &message),
            _ => {}
        }
        Step::Took(message.length)
    }

    fn close(&mut self, cx: &mut Cx<'_>) {
        self.asks.close(cx);
    }
}

impl Srtp {
    fn ask(&mut self, cx: &mut Cx<'_>, side: Side, message: &Message<'_>) {
        let Ok(request) = message.request() else {
            return;
        };
        let Some((name, verb)) = known(request.service) else {
            cx.oddity(
                "ge-srtp.unknown_service",
                side,
                Some(format!("service {:02x}", request.service)),
            );
            return;
        };
        // A password is up to eight characters; without one, they are zero.
        if matches!(request.service, 0x20 | 0x21) && message.has_values() {
            cx.credential("password", None, false);
        }
        let memory = matches!(request.service, 0x04..=0x09 | 0x44);
        let object = memory.then(|| reference(request.segment, request.offset, request.length));
        let content = (matches!(request.service, 0x07..=0x09) && !message.text.is_empty())
            .then_some(message.text.len() as u64);
        let detail = match request.service {
            0x21 => format!("service 21, {name} {}", request.segment),
            0x23 => format!("service 23, {name}, number {}", request.segment),
            service => format!("service {service:02x}, {name}"),
        };
        let ([a, b], [c, d]) = (request.offset.to_le_bytes(), request.length.to_le_bytes());
        let what = [request.service, request.segment, a, b, c, d];
        self.asks.ask(cx, side, message.sequence, (), &what, || Op {
            object,
            detail: Some(detail),
            content_bytes: content,
            ..Op::new(verb)
        });
    }

    fn answer(&mut self, cx: &mut Cx<'_>, side: Side, message: &Message<'_>) {
        let Some(asked) = self.asks.take(cx, side, message.sequence) else {
            return;
        };
        match (message.mail, message.service) {
            (0xd1, [_, _, major, minor, ..]) => {
                let why = format!("error {major:02x}, {minor:02x}");
                self.asks.refused(cx, asked, &why);
            }
            (0xd1, _) => self.asks.refused(cx, asked, "error"),
            _ => self.asks.done(cx, asked),
        }
    }
}

/// References are numbered from one; bits in octets, words by themselves.
fn reference(segment: u8, offset: u16, length: u16) -> String {
    let (name, octets) = match segment {
        0x08 => ("%R", false),
        0x0a => ("%AI", false),
        0x0c => ("%AQ", false),
        0x10 => ("%I", true),
        0x12 => ("%Q", true),
        0x14 => ("%T", true),
        0x16 => ("%M", true),
        0x18 => ("%SA", true),
        0x1a => ("%SB", true),
        0x1c => ("%SC", true),
        0x1e => ("%S", true),
        0x38 => ("%G", true),
        0x46 => ("%I", false),
        0x48 => ("%Q", false),
        0x4a => ("%T", false),
        0x4c => ("%M", false),
        0x4e => ("%SA", false),
        0x50 => ("%SB", false),
        0x52 => ("%SC", false),
        0x54 => ("%S", false),
        0x56 => ("%G", false),
        other => return format!("segment {other:02x}h offset {offset} length {length}"),
    };
    let unit = if octets { 8 } else { 1 };
    let first = u32::from(offset) * unit + 1;
    let last = first + u32::from(length.max(1)) * unit - 1;
    if first == last {
        format!("{name}{first}")
    } else {
        format!("{name}{first}-{last}")
    }
}

/// Service request codes.
const fn known(service: u8) -> Option<(&'static str, Verb)> {
    Some(match service {
        0x00 => ("short status", Verb::Diagnose),
        0x03 => ("program names", Verb::Identify),
        0x04 => ("read system memory", Verb::Read),
        0x05 => ("read task memory", Verb::Read),
        0x06 => ("read program memory", Verb::Read),
        0x07 => ("write system memory", Verb::Write),
        0x08 => ("write task memory", Verb::Write),
        0x09 => ("write program block memory", Verb::ProgramDownload),
        0x20 => ("programmer log-on", Verb::Authenticate),
        0x21 => ("change privilege level", Verb::Authenticate),
        0x22 => ("set controller id", Verb::Configure),
        0x23 => ("set state", Verb::ModeChange),
        0x24 => ("set date and time", Verb::SetClock),
        0x25 => ("date and time", Verb::Read),
        0x38 => ("fault table", Verb::Diagnose),
        0x39 => ("clear fault table", Verb::Reset),
        // Named from the controller's side: it stores to the programmer, and loads from it.
        0x3f => ("program store", Verb::ProgramUpload),
        0x40 => ("program load", Verb::ProgramDownload),
        0x43 => ("controller type and id", Verb::Identify),
        0x44 => ("toggle force of system memory", Verb::Operate),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::DECODER;
    use crate::Side::{Client, Server};
    use crate::testing::{check, check_at};

    /// A header: kind and sequence, text length, mailbox kind, then the sixteen octets from the packet number on.
    fn message(kind: &str, text: &str, mail: &str, service: &str, rest: &str) -> String {
        let blank = "00".repeat(25);
        format!("{kind} {text} {blank} {mail} 00000000 100e0000 {service} {rest}")
    }

    #[test]
    fn memory_states_and_refusals_are_told() {
        let greeting = "00".repeat(56);
        let welcome = format!("01{}", "00".repeat(55));
        let read = message(
            "0200 0600",
            "0000",
            "c0",
            "0101 04 08 6300 0200 0000000000000000",
            "",
        );
        let read_done = message(
            "0300 0600",
            "0000",
            "d4",
            "0101 0000 01000200 0000000000000000",
            "",
        );
        let write = message(
            "0200 0700",
            "0800",
            "80",
            "00000000 00000000 0101 07 08 0000 0400",
            "0001000200030004",
        );
        let write_done = message(
            "0300 0700",
            "0000",
            "d4",
            "0101 0000 00000000 0000000000000000",
            "",
        );
        let stop = message(
            "0200 0800",
            "0000",
            "c0",
            "0101 23 01 0000 0000 0000000000000000",
            "",
        );
        let refused = message(
            "0300 0800",
            "0000",
            "d1",
            "0101 05 f4 00000000 0000000000000000",
            "",
        );
        let logon = message(
            "0200 0900",
            "0000",
            "c0",
            "0101 21 02 7365 6372 6574000000000000",
            "",
        );
        check(
            &DECODER,
            &[
                (Client, &greeting),
                (Server, &welcome),
                (Client, &read),
                (Server, &read_done),
                (Client, &write),
                (Server, &write_done),
                (Client, &stop),
                (Server, &refused),
                (Client, &logon),
            ],
            expect![[r#"
                conversation protocol=ge-srtp state=answered packets=5/4 bytes=288/224
                operation read "%R100-101" (service 04, read system memory) ok count=1 frames=[3, 4]
                operation write "%R1-4" (service 07, write system memory) ok count=1 frames=[5, 6]
                operation mode-change (service 23, set state, number 1, error 05, f4) refused count=1 frames=[7, 8]
                operation authenticate (service 21, change privilege level 2) unanswered count=1 frames=[9]
                credential protocol=ge-srtp client=10.0.0.1 server=10.0.0.2 what=password frames=Numbers([9])
            "#]],
        );
        // In the middle and at another port: the request says enough.
        check_at(
            &DECODER,
            40001,
            &[(Client, &read), (Server, &read_done)],
            expect![[r#"
                conversation protocol=ge-srtp state=answered packets=1/1 bytes=56/56
                operation read "%R100-101" (service 04, read system memory) ok count=1 frames=[1, 2]
            "#]],
        );
    }
}
