//! Modbus RTU over TCP: the serial line's frames, with their checksum and without the header of Modbus/TCP, as converters
//! and some drives send them.
//!
//! Spec: Modbus over Serial Line V1.02, 2.5.1 (frame, CRC); Modbus Application Protocol V1.1b3, 6.
//! Emits: as Modbus/TCP.
//! Blind to: frames whose begin was lost, until the next one; requests to all (unit 0) have no answer.
use super::pdu::{Adu, Request};
use super::{Asked, answered, lost, tell, unasked};
use crate::{
    Carrier, Cx, Decoder, Dialogue, Head, Malformed, Memo, Probe, Reader, Sender, Side, Step, Verb,
};

pub static DECODER: Decoder = Decoder {
    name: "modbus-rtu",
    title: "Modbus RTU over TCP",
    // No port is its own: this is where it is mistaken for Modbus/TCP, which is asked first.
    carriers: &[Carrier::Tcp(502)],
    probe,
    open: || Box::new(Rtu::default()),
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
    ],
    about: "Requests and answers of every public function, by unit and order; each frame is proven by its checksum.",
    spec: "Modbus over Serial Line V1.02, 2.5.1; Modbus Application Protocol V1.1b3",
    blind: "frames whose begin was lost; vendor functions",
};

/// Modbus over Serial Line V1.02, 2.5.1: a frame has at most 256 bytes.
const MOST: usize = 256;
/// Units that can be addressed.
const MOST_UNIT: u8 = 247;

/// All that came must be frames with right checksums: 16 bits that fit, each time. A frame is small and comes whole; to
/// wait for the rest of what may be one would make every other protocol wait with it.
fn probe(head: &Head<'_>) -> Probe {
    let (asks, says) = (
        whole(head.bytes, Side::Client),
        whole(head.bytes, Side::Server),
    );
    match (asks.is_ok(), says.is_ok()) {
        _ if head.bytes.is_empty() => Probe::NotOurs,
        (true, true) => Probe::Ours(Sender::Unknown),
        (true, false) => Probe::Ours(Sender::Client),
        (false, true) => Probe::Ours(Sender::Server),
        (false, false) => Probe::NotOurs,
    }
}

fn whole(mut bytes: &[u8], side: Side) -> Result<(), Malformed> {
    while !bytes.is_empty() {
        let length = length(bytes, side)?;
        let (frame, rest) = bytes.split_at_checked(length).ok_or(Malformed::Short)?;
        read(frame).ok_or(Malformed::Bad("checksum"))?;
        bytes = rest;
    }
    Ok(())
}

/// Length of the frame that begins here, by its function.
fn length(bytes: &[u8], side: Side) -> Result<usize, Malformed> {
    let at = |place: usize| {
        let byte = bytes.get(place).ok_or(Malformed::Short)?;
        Ok(usize::from(*byte))
    };
    let mut r = Reader::new(bytes);
    let (unit, function) = (r.u8()?, r.u8()?);
    r.check(unit <= MOST_UNIT, "unit")?;
    let length = match (side, function) {
        (Side::Client, 1..=6 | 8) => 8,
        (Side::Client, 7 | 11 | 12 | 17) => 4,
        (Side::Client, 15 | 16) => 9 + at(6)?,
        (Side::Client, 20 | 21) | (Side::Server, 1..=4 | 12 | 17 | 20 | 21 | 23) => 5 + at(2)?,
        (_, 22) => 10,
        (Side::Client, 23) => 13 + at(10)?,
        (Side::Client, 24) => 6,
        (Side::Client, 43) => 7,
        (Side::Server, 5 | 6 | 8 | 11 | 15 | 16) => 8,
        (Side::Server, 7 | 0x81..=0x98 | 0xab) => 5,
        (Side::Server, 24) => 6 + (at(2)? << 8 | at(3)?),
        (Side::Server, 43) => {
            // Objects, each with its length.
            let mut end = 8;
            for _ in 0..at(7)? {
                end += 2 + at(end + 1)?;
            }
            end + 2
        }
        _ => return Err(Malformed::Bad("function")),
    };
    r.check(length <= MOST, "length")?;
    Ok(length)
}

/// The frame without its checksum, if that is right.
fn read(frame: &[u8]) -> Option<Adu<'_>> {
    let (body, sum) = frame.split_last_chunk::<2>()?;
    (crc(body) == u16::from_le_bytes(*sum)).then_some(())?;
    let [unit, function, data @ ..] = body else {
        return None;
    };
    Some(Adu::bare(*unit, *function, data))
}

/// Modbus over Serial Line V1.02, 6.2.2: polynomial 0xa001, all ones at first.
fn crc(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xffff, |sum, byte| {
        (0..8).fold(sum ^ u16::from(*byte), |sum, _| {
            (sum >> 1) ^ if sum & 1 == 1 { 0xa001 } else { 0 }
        })
    })
}

/// One connection. The line behind it has one request at a time.
#[derive(Default)]
struct Rtu {
    waiting: Option<(u8, Asked)>,
    known: Memo,
}

impl Dialogue for Rtu {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        let length = match length(bytes, side) {
            Ok(length) if length > bytes.len() => return Step::Need(length),
            Ok(length) => length,
            Err(error) => return Step::from_error(error, bytes.len()),
        };
        let Some(adu) = bytes.get(..length).and_then(read) else {
            return Step::Bad("checksum");
        };
        match side {
            Side::Client => self.ask(cx, &adu),
            Side::Server => self.answer(cx, &adu),
        }
        Step::Took(length)
    }

    fn gap(&mut self, _cx: &mut Cx<'_>, _side: Side, _lost: u64) {
        // What is answered next need not be what was asked last.
        self.waiting = None;
    }

    fn close(&mut self, cx: &mut Cx<'_>) {
        self.lost(cx);
    }
}

impl Rtu {
    fn ask(&mut self, cx: &mut Cx<'_>, adu: &Adu<'_>) {
        let Some(request) = Request::read(adu) else {
            let detail = format!("function {}", adu.function);
            cx.oddity("modbus.bad_request", Side::Client, Some(detail));
            return;
        };
        self.lost(cx);
        self.waiting = Some((adu.function, Asked { request, at: cx.at }));
    }

    fn lost(&mut self, cx: &mut Cx<'_>) {
        if let Some((_, asked)) = self.waiting.take() {
            let frames = std::mem::take(&mut cx.frames);
            // A request to all is never answered.
            match asked.request.unit() {
                0 => _ = tell(cx, &asked, None, None),
                _ => lost(cx, &asked),
            }
            cx.frames = frames;
        }
    }

    fn answer(&mut self, cx: &mut Cx<'_>, adu: &Adu<'_>) {
        let fits = |(function, asked): &mut (u8, Asked)| {
            *function == adu.function & 0x7f && asked.request.unit() == adu.unit
        };
        match self.waiting.take_if(fits) {
            Some((_, asked)) => answered(cx, &mut self.known, &asked, adu),
            None => unasked(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::{DECODER, crc};
    use crate::Side::{self, Client, Server};
    use crate::testing::{check, check_at, hex};
    use crate::{Head, Probe};

    fn frame(text: &str) -> String {
        let [low, high] = crc(&hex(text)).to_le_bytes();
        format!("{text} {low:02x}{high:02x}")
    }

    fn play(messages: &[(Side, &str)], expect: expect_test::Expect) {
        let framed: Vec<(Side, String)> = messages
            .iter()
            .map(|(side, text)| (*side, frame(text)))
            .collect();
        let framed: Vec<(Side, &str)> = framed
            .iter()
            .map(|(side, text)| (*side, text.as_str()))
            .collect();
        check(&DECODER, &framed, expect);
    }

    #[test]
    fn the_checksum_is_that_of_the_specification() {
        // Modbus over Serial Line V1.02, 6.2.2: 02 07 has 0x1241.
        assert_eq!(crc(&[0x02, 0x07]), 0x1241);
    }

    #[test]
    fn frames_are_paired_in_order_and_the_unit_must_fit() {
        play(
            &[
                (Client, "11 03 006b 0003"),
                (Server, "11 03 06 ae4156524340"),
                (Client, "11 03 006b 0003"),
                (Server, "11 03 06 ae4156524340"),
                (Client, "11 06 0001 0003"),
                (Server, "11 86 02"),
                (Client, "11 08 0004 0000"),
                (Client, "12 11"),
                (Server, "12 11 06 0cff 44726976"),
                (Client, "00 10 0001 0001 02 000a"),
            ],
            expect![[r#"
                conversation protocol=modbus-rtu state=answered packets=6/4 bytes=47/38
                operation read "unit 17 holding registers 107-109" (function 3) ok count=2 frames=[1, 2, 4]
                operation write "unit 17 holding register 1" (function 6, illegal data address) refused count=1 frames=[5, 6]
                operation mode-change "unit 17" (function 8/4, force listen only mode) ? count=1 frames=[7]
                operation identify "unit 18" (function 17) ok count=1 frames=[8, 9]
                operation write "unit 0 holding register 1" (function 16) ? count=1 frames=[10]
                identity 10.0.0.2 system=Driv stated
            "#]],
        );
    }

    #[test]
    fn at_any_port_the_checksum_is_the_proof() {
        let (ask, answer) = (frame("01 04 0000 0002"), frame("01 04 04 00010002"));
        check_at(
            &DECODER,
            26,
            &[(Client, &ask), (Server, &answer)],
            expect![[r#"
                conversation protocol=modbus-rtu state=answered packets=1/1 bytes=8/9
                operation read "unit 1 input registers 0-1" (function 4) ok count=1 frames=[1, 2]
            "#]],
        );
        let probe = |text: &str| {
            (DECODER.probe)(&Head {
                bytes: &hex(text),
                udp: false,
                from: 50000,
                to: 4001,
                first: true,
                open: true,
            })
        };
        assert_eq!(probe("01 04 0000 0002 7140"), Probe::NotOurs);
        assert_eq!(probe("01 04 0000"), Probe::NotOurs);
        assert_eq!(probe(&format!("{ask} ff")), Probe::NotOurs);
        assert_eq!(probe(&format!("{ask} ffff")), Probe::NotOurs);
        // Modbus/TCP, TPKT, a line of text.
        assert_eq!(probe("0001 0000 0006 01 03 0000 0001"), Probe::NotOurs);
        assert_eq!(
            probe("0300 0016 11e0 00000001 00c1 0201 00c2"),
            Probe::NotOurs
        );
    }
}
