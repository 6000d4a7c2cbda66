//! Mitsubishi MELSEC controllers: SLMP and the MELSEC communication protocol (3E and 4E frames, octets or characters), and
//! the connection of the programming software (MELSOFT).
//!
//! Spec: Mitsubishi SH-080956ENG, SLMP Reference Manual, 4 and 5; SH-080008, MELSEC Communication Protocol Reference. The
//! programming software's connection has no public specification: see `melsoft`.
//! Emits: reads, writes, remote run, stop, pause and reset, files, remote passwords, each with its end code; the type name of
//! controllers.
//! Blind to: 1E frames; serial frames; what GX Works encrypts.
//! Tried on: no public capture of SLMP was found; built from the reference. MELSOFT: two captures, see there.
pub mod melsoft;
mod pdu;
#[cfg(test)]
mod tests;

use self::pdu::Frame;
use super::asking::{Asks, maker};
use crate::{Carrier, Cx, Decoder, Dialogue, Head, Malformed, Probe, Sender, Side, Step, Verb};

pub static DECODER: Decoder = Decoder {
    name: "slmp",
    title: "MELSEC communication protocol and SLMP (Mitsubishi)",
    carriers: &[
        Carrier::Tcp(5007),
        Carrier::Tcp(5006),
        Carrier::Udp(5006),
        Carrier::Tcp(45237),
        Carrier::Udp(45237),
    ],
    probe,
    open: || Box::new(Slmp::default()),
    remote: false,
    operations: &[
        Verb::Read,
        Verb::Write,
        Verb::Start,
        Verb::Stop,
        Verb::ModeChange,
        Verb::Reset,
        Verb::Lock,
        Verb::Unlock,
        Verb::Configure,
        Verb::FileRead,
        Verb::FileWrite,
        Verb::FileDelete,
        Verb::Diagnose,
        Verb::Identify,
    ],
    about: "Batch, random and block access with device names, remote run, stop, pause and reset, files and remote passwords (that one was sent, never which), by octets or characters.",
    spec: "SH-080956ENG (SLMP), SH-080008 (MELSEC communication protocol)",
    blind: "1E frames, serial frames, content of files",
};

/// Requests that wait for their answers.
const MOST_WAITING: usize = 16;

/// The header must agree with itself, and a request's command be a known one; at another port an answer, which says less,
/// must fill what came.
fn probe(head: &Head<'_>) -> Probe {
    head.read(|_| {
        let frame = Frame::read(head.bytes)?;
        let bad = Err(Malformed::Bad("command"));
        let at_port = head.on(5006) || head.on(5007) || head.on(45237);
        let fills = frame.length == head.bytes.len();
        if frame.response {
            let sane = frame.is_own_station() && fills && frame.length >= 11 || at_port;
            return if sane { Ok(Sender::Server) } else { bad };
        }
        let fits = fills || !head.udp && frame.length > head.bytes.len() || at_port;
        if frame.is_known() && fits {
            Ok(Sender::Client)
        } else {
            bad
        }
    })
}

#[derive(Default)]
struct Slmp {
    /// By serial number; 3E frames have none and are answered in order.
    asks: Asks<u16, u16, MOST_WAITING>,
    told_ascii: bool,
}

impl Dialogue for Slmp {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        let frame = match Frame::read(bytes) {
            Ok(frame) => frame,
            Err(error) => return Step::from_error(error, bytes.len()),
        };
        if frame.length > bytes.len() {
            return Step::Need(frame.length);
        }
        if frame.is_ascii() && !self.told_ascii {
            self.told_ascii = true;
            cx.variant("ascii");
        }
        if frame.response {
            self.answer(cx, side, &frame);
        } else {
            self.ask(cx, side, &frame);
        }
        Step::Took(frame.length)
    }

    fn gap(&mut self, cx: &mut Cx<'_>, _: Side, _: u64) {
        // Answers of 3E frames are told by their order alone: after a gap it is lost.
        self.asks.forget(cx);
    }

    fn close(&mut self, cx: &mut Cx<'_>) {
        self.asks.close(cx);
    }
}

impl Slmp {
    fn ask(&mut self, cx: &mut Cx<'_>, side: Side, frame: &Frame<'_>) {
        if !frame.is_known() {
            cx.oddity(
                "slmp.unknown_command",
                side,
                Some(format!("{:04x}/{:04x}", frame.command, frame.subcommand)),
            );
        }
        if matches!(frame.command, 0x1630 | 0x1631) {
            cx.credential("password", None, false);
        }
        // Command, subcommand and what names the range; values of a write are not part of it.
        let data = frame.data.bytes();
        let named = frame
            .range_length()
            .and_then(|length| data.get(..length))
            .unwrap_or(data);
        let ([a, b], [c, d]) = (frame.command.to_be_bytes(), frame.subcommand.to_be_bytes());
        let mut what = [0; 24];
        let parts = [a, b, c, d].into_iter().chain(named.iter().copied());
        let used = what
            .iter_mut()
            .zip(parts)
            .map(|(place, byte)| *place = byte)
            .count();
        let long;
        let what = if named.len() <= 20 {
            what.get(..used).unwrap_or(&[])
        } else {
            long = [&[a, b, c, d], named].concat();
            &long
        };
        self.asks
            .ask(cx, side, frame.serial, frame.command, what, || frame.op());
    }

    fn answer(&mut self, cx: &mut Cx<'_>, side: Side, frame: &Frame<'_>) {
        let Some(asked) = self.asks.take(cx, side, frame.serial) else {
            return;
        };
        if let Some(why) = frame.refusal() {
            self.asks.refused(cx, asked, &why);
            return;
        }
        if asked.tag == 0x0101
            && let Some(name) = frame.type_name()
        {
            cx.identity(side, "model", name);
            maker(cx, side, "Mitsubishi Electric");
        }
        self.asks.done(cx, asked);
    }
}
