//! Synchrophasor: who has whom send measurements of a power grid, which stations measure; told apart by its frame and checksum.
//!
//! Spec: IEEE C37.118.2-2011, 6.2 (frame: SYNC, FRAMESIZE, IDCODE, SOC, FRACSEC, data, CHK by CRC-CCITT from all ones), 6.4 and 6.5
//! (configuration), 6.6 (commands).
//! Emits: one operation per command; stations and header as identity.
//! Blind to: phasors and other values; of a configuration 3 every station but the first.
use super::asking::Asks;
use crate::Carrier::{Tcp, Udp};
use crate::reader::text;
use crate::{Cx, Decoder, Dialogue, Head, Malformed, Op, Probe, Reader, Sender, Side, Step, Verb};

pub static DECODER: Decoder = Decoder {
    name: "synchrophasor",
    title: "Synchrophasor (IEEE C37.118)",
    carriers: &[Tcp(4712), Udp(4713), Tcp(4713), Udp(4712)],
    probe,
    open: || Box::new(Synchrophasor::default()),
    remote: false,
    operations: &[Verb::Read, Verb::Identify, Verb::Operate],
    about: "Commands by which data are turned on and off and configurations asked for, with their answers; the names of stations.",
    spec: "IEEE C37.118.2-2011",
    blind: "phasors and other values",
};

/// SYNC to FRACSEC.
const HEADER: usize = 14;
/// Stations of one configuration that are told.
const MOST_STATIONS: usize = 16;
/// Requests that wait for their answers.
const MOST_WAITING: usize = 8;

/// Kinds of frame (6.2, table 3).
mod kind {
    pub(super) const DATA: u8 = 0;
    pub(super) const TEXT: u8 = 1;
    pub(super) const CONFIGURATION_1: u8 = 2;
    pub(super) const CONFIGURATION_2: u8 = 3;
    pub(super) const COMMAND: u8 = 4;
    pub(super) const CONFIGURATION_3: u8 = 5;
}

/// Kind and size of the whole.
fn frame(r: &mut Reader<'_>) -> Result<(u8, usize), Malformed> {
    let (mark, second, size) = (r.u8()?, r.u8()?, r.u16()?);
    let kind = second >> 4;
    // Versions 1 and 2.
    let known = mark == 0xaa && kind <= kind::CONFIGURATION_3 && matches!(second & 0x0f, 1 | 2);
    r.check(known && size >= 16, "SYNC")?;
    Ok((kind, usize::from(size)))
}

fn is_sound(frame: &[u8]) -> bool {
    let summed = frame.split_last_chunk::<2>();
    summed.is_some_and(|(bytes, sum)| crc(bytes) == u16::from_be_bytes(*sum))
}

fn probe(head: &Head<'_>) -> Probe {
    head.read(|r| {
        let (kind, size) = frame(r)?;
        let whole = Reader::new(head.bytes).bytes(size)?;
        r.check(is_sound(whole), "CHK")?;
        // A command goes to who measures, everything else comes from there.
        Ok(if kind == kind::COMMAND {
            Sender::Client
        } else {
            Sender::Server
        })
    })
}

#[derive(Default)]
struct Synchrophasor {
    /// By the kind of frame that answers.
    asks: Asks<u8, (), MOST_WAITING>,
}

impl Dialogue for Synchrophasor {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        let (kind, size) = match frame(&mut Reader::new(bytes)) {
            Ok(found) => found,
            Err(error) => return Step::from_error(error, bytes.len()),
        };
        let Some(whole) = bytes.get(..size) else {
            return Step::Need(size);
        };
        // Values come many times a second, and are not looked into.
        if kind != kind::DATA && !is_sound(whole) {
            return Step::Bad("CHK");
        }
        let body = whole.get(HEADER..size - 2).unwrap_or(&[]);
        match kind {
            kind::COMMAND => self.command(cx, side, whole, body),
            _ => {
                tell(cx, side, kind, body);
                if let Some(asked) = self.asks.take(cx, side, kind) {
                    self.asks.done(cx, asked);
                }
            }
        }
        Step::Took(size)
    }

    fn close(&mut self, cx: &mut Cx<'_>) {
        self.asks.close(cx);
    }
}

impl Synchrophasor {
    /// 6.6, table 15.
    fn command(&mut self, cx: &mut Cx<'_>, side: Side, whole: &[u8], body: &[u8]) {
        let mut r = Reader::new(body);
        let Ok(command) = r.u16() else { return };
        let (verb, detail, answer) = match command {
            1 => (Verb::Read, "turn off data", None),
            2 => (Verb::Read, "turn on data", Some(kind::DATA)),
            3 => (Verb::Identify, "send header", Some(kind::TEXT)),
            4 => (
                Verb::Identify,
                "send configuration 1",
                Some(kind::CONFIGURATION_1),
            ),
            5 => (
                Verb::Identify,
                "send configuration 2",
                Some(kind::CONFIGURATION_2),
            ),
            6 => (
                Verb::Identify,
                "send configuration 3",
                Some(kind::CONFIGURATION_3),
            ),
            // What it says is the maker's or the user's own.
            _ => (Verb::Operate, "extended or own command", None),
        };
        let mut id = Reader::new(whole.get(4..6).unwrap_or(&[]));
        let stream = id.u16().unwrap_or(0);
        let what = [whole.get(4..6).unwrap_or(&[]), body].concat();
        let op = || Op {
            object: Some(format!("stream {stream}")),
            detail: Some(format!("{detail} ({command})")),
            ..Op::new(verb)
        };
        match answer {
            Some(kind) => self.asks.ask(cx, side, kind, (), &what, op),
            None => self.asks.ask_only(cx, side, &what, op),
        }
    }
}

/// What a station says of itself.
fn tell(cx: &mut Cx<'_>, side: Side, kind: u8, body: &[u8]) {
    let mut r = Reader::new(body);
    let names = match kind {
        kind::TEXT => {
            if let Some(header) = text(body, 128) {
                cx.identity(side, "system", format!("synchrophasor header: {header}"));
            }
            return;
        }
        kind::CONFIGURATION_1 | kind::CONFIGURATION_2 => stations(&mut r),
        kind::CONFIGURATION_3 => first_station(&mut r).into_iter().collect(),
        _ => return,
    };
    for (name, id) in names {
        let words = format!("synchrophasor station {name} (stream {id})");
        cx.identity(side, "system", words);
    }
}

/// 6.4, table 9: time base, count; then of each its name, its stream, what it measures by numbers, names and units of that, nominal
/// frequency and count of changes.
fn stations(r: &mut Reader<'_>) -> Vec<(String, u16)> {
    let mut found = Vec::new();
    let count = r.skip(4).and_then(|()| r.u16()).unwrap_or(0);
    let mut next = || -> Result<(Option<String>, u16), Malformed> {
        let name = text(r.bytes(16)?, 16).map(|name| name.trim().to_owned());
        let id = r.u16()?;
        r.skip(2)?;
        let (phasors, values, words) = (r.u16()?, r.u16()?, r.u16()?);
        let [phasors, values, words] = [phasors, values, words].map(usize::from);
        r.skip(16 * (phasors + values + 16 * words) + 4 * (phasors + values + words) + 2 + 2)?;
        Ok((name, id))
    };
    for _ in 0..usize::from(count).min(MOST_STATIONS) {
        let Ok((name, id)) = next() else { break };
        found.extend(name.filter(|name| !name.is_empty()).map(|name| (name, id)));
    }
    found
}

/// 6.5, table 10: which piece of how many, time base, count; then the name of the first with its length.
fn first_station(r: &mut Reader<'_>) -> Option<(String, u16)> {
    if r.u16().ok()? > 1 {
        return None;
    }
    r.skip(4 + 2).ok()?;
    let length = usize::from(r.u8().ok()?);
    let name = text(r.bytes(length).ok()?, 64)?;
    Some((name, r.u16().ok()?))
}

/// x^16 + x^12 + x^5 + 1, not reflected.
fn crc(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xffff, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte) << 8, |crc: u16, _| {
            if crc & 0x8000 == 0 {
                crc << 1
            } else {
                crc << 1 ^ 0x1021
            }
        })
    })
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::Side::{Client, Server};
    use crate::testing::{check, hex};

    /// A frame of that kind of stream 241.
    fn frame(kind: u8, body: &str) -> String {
        let body = hex(body);
        let digits: String = body.iter().map(|byte| format!("{byte:02x}")).collect();
        let frame = format!(
            "aa{kind:x}1 {:04x} 00f1 5975894f 000dda8d {digits}",
            body.len() + 16
        );
        let sum = crc(&hex(&frame));
        format!("{frame} {sum:04x}")
    }

    #[test]
    fn a_command_with_its_checksum_is_one_and_a_damaged_one_is_not() {
        // Command, version 1, 18 bytes, stream 1, time, fraction, "turn on data", CHK.
        let command = "aa41 0012 0001 5975894f 000dda8d 0005 9129";
        let told = |text: &str| {
            let bytes = hex(text);
            probe(&Head {
                bytes: &bytes,
                udp: false,
                from: 50_000,
                to: 9_000,
                first: false,
                open: false,
            })
        };
        assert_eq!(told(command), Probe::Ours(Sender::Client));
        assert_eq!(
            told(&command.replace("0005 9129", "0002 9129")),
            Probe::NotOurs
        );
    }

    #[test]
    fn a_session_asks_for_the_configuration_and_turns_data_on_and_off() {
        let pad = |name: &str| {
            let digits: String = name.bytes().map(|byte| format!("{byte:02x}")).collect();
            format!("{digits:0<32}")
        };
        // One phasor, no other values, two words of digital states; then a second station that measures nothing.
        let names: String = (0..33).map(|_| pad("V1")).collect();
        let configuration = format!(
            "00ffffff 0002 {} 00f1 0006 0001 0000 0002 {names} 00000001 0000000000000000 0001 0059
             {} 00f2 0006 0000 0000 0000 0001 0001 0032",
            pad("Quay 1 PMU"),
            pad("Quay 2 PMU")
        );
        let third = "0000 00ffffff 0001 04 51756179 00f3";
        check(
            &DECODER,
            &[
                (Client, &frame(4, "0001")),
                (Client, &frame(4, "0005")),
                (Server, &frame(3, &configuration)),
                (Client, &frame(4, "0003")),
                (Server, &frame(1, "72656164696e67")),
                (Client, &frame(4, "0006")),
                (Server, &frame(5, third)),
                (Client, &frame(4, "0002")),
                (Server, &frame(0, "0000 1122 3344")),
                (Server, &frame(0, "0000 1122 3345")),
                (Client, &frame(4, "0008 01")),
                (Client, &frame(4, "0004")),
            ],
            expect![[r#"
                conversation protocol=synchrophasor state=answered packets=7/5 bytes=127/722
                operation read "stream 241" (turn off data (1)) ? count=1 frames=[1]
                operation identify "stream 241" (send configuration 2 (5)) ok count=1 frames=[2, 3]
                operation identify "stream 241" (send header (3)) ok count=1 frames=[4, 5]
                operation identify "stream 241" (send configuration 3 (6)) ok count=1 frames=[6, 7]
                operation read "stream 241" (turn on data (2)) ok count=1 frames=[8, 9]
                operation operate "stream 241" (extended or own command (8)) ? count=1 frames=[11]
                operation identify "stream 241" (send configuration 1 (4)) unanswered count=1 frames=[12]
                identity 10.0.0.2 system=synchrophasor station Quay 1 PMU (stream 241) stated
                identity 10.0.0.2 system=synchrophasor station Quay 2 PMU (stream 242) stated
                identity 10.0.0.2 system=synchrophasor header: reading stated
                identity 10.0.0.2 system=synchrophasor station Quay (stream 243) stated
            "#]],
        );
    }
}
