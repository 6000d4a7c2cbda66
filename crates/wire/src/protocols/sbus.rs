//! Ether-S-Bus of Saia PCD controllers: data, programs, mode and identity.
//!
//! Spec: Saia-Burgess, S-Bus manual 26/739, and Ether-S-Bus; command numbers as the S-Bus command list gives them.
//! Emits: an operation per telegram with its acknowledgement; the firmware of controllers.
//! Blind to: what lies in blocks that are written and read in pieces (that they are is told); serial S-Bus.
//! Tried on: `ControlThings-io__ct-samples__SBus-Ethernet.pcap`; commands agree with tshark.
use super::asking::{Asks, maker};
use crate::reader::text;
use crate::{
    Carrier, Cx, Decoder, Dialogue, Head, Malformed, Op, Probe, Reader, Sender, Side, Step, Verb,
};

pub static DECODER: Decoder = Decoder {
    name: "s-bus",
    title: "Saia Ether-S-Bus",
    carriers: &[Carrier::Udp(5050)],
    probe,
    open: || Box::new(SBus::default()),
    remote: false,
    operations: &[
        Verb::Read,
        Verb::Write,
        Verb::SetClock,
        Verb::Start,
        Verb::Stop,
        Verb::Reset,
        Verb::ModeChange,
        Verb::ProgramUpload,
        Verb::ProgramDownload,
        Verb::ProgramDelete,
        Verb::FirmwareUpdate,
        Verb::Configure,
        Verb::Operate,
        Verb::Diagnose,
        Verb::Identify,
    ],
    about: "Every telegram with its registers, flags and blocks, paired with its answer or acknowledgement; run, stop, restart, program lines and blocks, firmware.",
    spec: "Saia-Burgess 26/739 (S-Bus), Ether-S-Bus",
    blind: "content of blocks, serial S-Bus",
};

/// Requests that wait for their answers.
const MOST_WAITING: usize = 32;
/// Length, version, protocol, sequence, attribute, and the checksum at the end.
const LEAST: usize = 11;

/// One telegram.
struct Telegram<'a> {
    sequence: u16,
    /// 0 request, 1 answer, 2 acknowledgement.
    attribute: u8,
    body: &'a [u8],
}

impl<'a> Telegram<'a> {
    fn read(bytes: &'a [u8]) -> Result<Telegram<'a>, Malformed> {
        let mut r = Reader::new(bytes);
        let length = usize::try_from(r.u32()?).unwrap_or(usize::MAX);
        r.check(length == bytes.len() && length >= LEAST, "length")?;
        let (version, protocol) = (r.u8()?, r.u8()?);
        r.check(version <= 1 && protocol == 0, "version")?;
        let (sequence, attribute) = (r.u16()?, r.u8()?);
        r.check(attribute <= 2, "attribute")?;
        let body = r.bytes(length - LEAST)?;
        let sum = r.u16()?;
        let (covered, _) = bytes.split_at_checked(length - 2).ok_or(Malformed::Short)?;
        r.check(checksum(covered) == sum, "checksum")?;
        Ok(Telegram {
            sequence,
            attribute,
            body,
        })
    }
}

/// CRC-16 of CCITT, from zero.
fn checksum(bytes: &[u8]) -> u16 {
    let mut crc = 0u16;
    for byte in bytes {
        crc ^= u16::from(*byte) << 8;
        for _ in 0..8 {
            let carry = crc & 0x8000 != 0;
            crc <<= 1;
            if carry {
                crc ^= 0x1021;
            }
        }
    }
    crc
}

fn probe(head: &Head<'_>) -> Probe {
    if !head.udp {
        return Probe::NotOurs;
    }
    head.read(|_| {
        Ok(match Telegram::read(head.bytes)?.attribute {
            0 => Sender::Client,
            _ => Sender::Server,
        })
    })
}

#[derive(Default)]
struct SBus {
    asks: Asks<u16, u8, MOST_WAITING>,
    identified: bool,
}

impl Dialogue for SBus {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        let telegram = match Telegram::read(bytes) {
            Ok(telegram) => telegram,
            Err(error) => return Step::from_error(error, bytes.len()),
        };
        match telegram.attribute {
            0 => {
                let (command, detail, verb) = match telegram.body {
                    [_, command, rest @ ..] => (*command, rest, known(*command, rest)),
                    _ => return Step::Bad("request"),
                };
                let (name, verb) = verb;
                // Of a write, the address counts and not the values.
                let named = if verb == Verb::Write {
                    detail.get(..3.min(detail.len())).unwrap_or(&[])
                } else {
                    detail
                };
                let station = telegram.body.first().copied().unwrap_or(0);
                let what = [&[station, command], named].concat();
                let key = telegram.sequence;
                self.asks.ask(cx, side, key, command, &what, || Op {
                    object: Some(object(station, command, detail)),
                    detail: Some(format!("command {command}, {name}")),
                    content_bytes: (verb.modifies() && detail.len() > 3)
                        .then_some(detail.len().saturating_sub(3) as u64),
                    ..Op::new(verb)
                });
            }
            1 => {
                if let Some(asked) = self.asks.take(cx, side, telegram.sequence) {
                    if asked.tag == 32
                        && !std::mem::replace(&mut self.identified, true)
                        && let Some(firmware) = text(telegram.body, 16)
                    {
                        cx.identity(side, "firmware", firmware);
                        maker(cx, side, "Saia");
                    }
                    self.asks.done(cx, asked);
                }
            }
            _ => {
                if let Some(asked) = self.asks.take(cx, side, telegram.sequence) {
                    match telegram.body {
                        [_, 0] => self.asks.done(cx, asked),
                        [_, 2] => self.asks.refused(cx, asked, "refused for the password"),
                        [_, 3] => self.asks.refused(cx, asked, "port in reduced protocol"),
                        [_, 4] => self.asks.refused(cx, asked, "port in use by another"),
                        _ => self.asks.refused(cx, asked, "refused"),
                    }
                }
            }
        }
        Step::Took(bytes.len())
    }

    fn close(&mut self, cx: &mut Cx<'_>) {
        self.asks.close(cx);
    }
}

fn object(station: u8, command: u8, data: &[u8]) -> String {
    let what = match command {
        0 | 10 => "counters",
        2 | 11 => "flags",
        3 => "inputs",
        5 | 13 => "outputs",
        6 | 14 => "registers",
        7 | 15 => "timers",
        _ => return format!("station {station}"),
    };
    match (command, data) {
        (0..=9, [last, high, low]) => {
            let first = u32::from(u16::from_be_bytes([*high, *low]));
            match last {
                0 => format!("station {station} {what} {first}"),
                more => format!(
                    "station {station} {what} {first}-{}",
                    first + u32::from(*more)
                ),
            }
        }
        (10..=15, [_, high, low, ..]) => {
            let first = u16::from_be_bytes([*high, *low]);
            format!("station {station} {what} from {first}")
        }
        _ => format!("station {station} {what}"),
    }
}

/// Numbers of the command list; block telegrams by their kind.
fn known(command: u8, data: &[u8]) -> (&'static str, Verb) {
    match command {
        0 | 2 | 3 | 5..=7 => ("read", Verb::Read),
        1 => ("read display register", Verb::Read),
        4 => ("read clock", Verb::Read),
        10 | 11 | 13..=15 => ("write", Verb::Write),
        12 => ("write clock", Verb::SetClock),
        20..=27 => ("read status", Verb::Diagnose),
        29 => ("read station number", Verb::Identify),
        30 => ("read user memory", Verb::Read),
        31 => ("read program line", Verb::ProgramUpload),
        32 => ("read firmware version", Verb::Identify),
        33 => ("read text", Verb::Read),
        34 => ("read active transition", Verb::Read),
        35 => ("write user memory", Verb::ProgramDownload),
        36 => ("write program line", Verb::ProgramDownload),
        37 => ("write text", Verb::Write),
        40..=48 => ("run", Verb::Start),
        50..=57 => ("restart cold", Verb::Reset),
        60..=68 => ("stop", Verb::Stop),
        70..=74 => ("read", Verb::Read),
        75 => ("find history", Verb::Diagnose),
        80..=83 => ("write", Verb::Write),
        90..=94 => ("clear", Verb::Reset),
        100..=107 => ("restart warm", Verb::Reset),
        110 => ("change block", Verb::ProgramDownload),
        111 => ("clear history", Verb::Reset),
        112 => ("delete program line", Verb::ProgramDelete),
        113 | 115 | 116 | 118 | 119 => ("step through the program", Verb::ModeChange),
        114 => ("insert program line", Verb::ProgramDownload),
        117 => ("make text", Verb::ProgramDownload),
        130..=132 => ("interrupt", Verb::Operate),
        145 => ("read hangup timeout", Verb::Read),
        150 => ("read data block", Verb::Read),
        151 => ("write data block", Verb::Write),
        152 => ("make data block", Verb::ProgramDownload),
        153 => ("clear data block", Verb::ProgramDelete),
        154 => ("clear text", Verb::ProgramDelete),
        155..=159 => ("read blocks", Verb::Read),
        161 => ("read user EEPROM", Verb::Read),
        163 => ("write user EEPROM", Verb::Configure),
        165 => ("erase flash", Verb::ProgramDelete),
        166 => ("restart cold flag", Verb::Reset),
        167 => ("write system buffer", Verb::Write),
        168 => ("read system buffer", Verb::Read),
        169 => match data.first() {
            Some(0..=2 | 8) => ("write block", Verb::ProgramDownload),
            Some(16 | 17 | 24) => ("read block", Verb::ProgramUpload),
            Some(32) => ("delete block", Verb::ProgramDelete),
            _ => ("block list and size", Verb::Read),
        },
        170 => ("get diagnostic", Verb::Diagnose),
        171 => ("read system information", Verb::Identify),
        172 => ("change blocks in run", Verb::ProgramDownload),
        174 => ("download firmware", Verb::FirmwareUpdate),
        _ => ("telegram", Verb::Read),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::{DECODER, checksum};
    use crate::Side::{Client, Server};
    use crate::testing::{check_at, hex};

    fn telegram(sequence: &str, attribute: &str, body: &str) -> String {
        let body = body.replace(' ', "");
        let plain = format!("{:08x}0100{sequence}{attribute}{body}", body.len() / 2 + 11);
        let sum = checksum(&hex(&plain));
        format!("{plain}{sum:04x}")
    }

    #[test]
    fn the_checksum_is_that_of_ccitt_from_zero() {
        assert_eq!(
            checksum(b"123456789"),
            0x31c3,
            "the check value that catalogues give"
        );
    }

    #[test]
    fn telegrams_are_paired_with_answers_and_acknowledgements() {
        check_at(
            &DECODER,
            40001,
            &[
                (Client, &telegram("0001", "00", "0a 20")),
                (Server, &telegram("0001", "01", "44324d34 38303230 00")),
                (Client, &telegram("0002", "00", "0a 06 03 0010")), // registers 16-19
                (
                    Server,
                    &telegram("0002", "01", "00000001 00000002 00000003 00000004"),
                ),
                (Client, &telegram("0003", "00", "0a 0e 05 0021 00000007")),
                (Server, &telegram("0003", "02", "0000")),
                (Client, &telegram("0004", "00", "0a 43")), // stop
                (Server, &telegram("0004", "02", "0002")),
                (Client, &telegram("0005", "00", "0a 2f")), // run
                (Server, &telegram("0005", "02", "0000")),
                (Client, &telegram("0006", "00", "0a a9 00 21 0001")), // a program block begins
                (Client, &telegram("0007", "00", "0a 39")),            // all restart cold
                (Client, "0000000d 0100 0008 00 0a 20 0000"),          // a wrong checksum
            ],
            expect![[r#"
                conversation protocol=s-bus state=answered packets=8/5 bytes=118/86
                operation identify "station 10" (command 32, read firmware version) ok count=1 frames=[1, 2]
                operation read "station 10 registers 16-19" (command 6, read) ok count=1 frames=[3, 4]
                operation write "station 10 registers from 33" (command 14, write) ok count=1 frames=[5, 6]
                operation stop "station 10" (command 67, stop, refused for the password) refused count=1 frames=[7, 8]
                operation start "station 10" (command 47, run) ok count=1 frames=[9, 10]
                operation program-download "station 10" (command 169, write block) unanswered count=1 frames=[11]
                operation reset "station 10" (command 57, restart cold) unanswered count=1 frames=[12]
                identity 10.0.0.2 firmware=D2M48020 stated
                identity 10.0.0.2 maker=Saia inferred
                oddity what=protocol.malformed detail=s-bus: checksum frames=Numbers([13])
            "#]],
        );
    }
}
