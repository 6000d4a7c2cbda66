//! TriStation: the programming protocol of Triconex safety controllers (Schneider Electric).
//!
//! Spec: none is public. Message types, function codes and layout after the analysis of the malware that spoke it
//! (FireEye/Mandiant, "A Totally Tubular Treatise on TRITON and TriStation", 2018).
//! Emits: an operation per command: programs allocated, loaded and uploaded, run, halt and pause, values and labels set, clock;
//! refused connections as such.
//! Blind to: content and names of programs.
//! Tried on: no public capture was found; built from the analysis.
use super::asking::Asks;
use crate::{
    Carrier, Cx, Decoder, Dialogue, Head, Malformed, Op, Probe, Reader, Sender, Side, Step, Verb,
};

pub static DECODER: Decoder = Decoder {
    name: "tristation",
    title: "TriStation (Triconex)",
    carriers: &[Carrier::Udp(1502)],
    probe,
    open: || Box::new(TriStation::default()),
    remote: false,
    operations: &[
        Verb::Read,
        Verb::Write,
        Verb::ProgramUpload,
        Verb::ProgramDownload,
        Verb::Start,
        Verb::Stop,
        Verb::ModeChange,
        Verb::SetClock,
        Verb::Configure,
        Verb::Reset,
        Verb::Operate,
        Verb::Diagnose,
        Verb::Identify,
    ],
    about: "Commands to safety controllers by function code: program downloads and uploads, run, halt, pause, forced values, clock; connections that were refused.",
    spec: "no public specification; Mandiant's analysis of TRITON (2018)",
    blind: "content and names of programs",
};

/// Requests that wait for their answers.
const MOST_WAITING: usize = 32;

/// Type, then the length of what follows, and a checksum at the end.
struct Message<'a> {
    kind: u8,
    command: Option<(u8, u8)>,
    from_controller: bool,
    data: &'a [u8],
}

impl<'a> Message<'a> {
    fn read(bytes: &'a [u8]) -> Result<Message<'a>, Malformed> {
        let mut r = Reader::new(bytes);
        let (kind, channel) = (r.u8()?, r.u8()?);
        r.check((1..=11).contains(&kind) && channel <= 15, "type")?;
        let length = usize::from(r.u16_le()?);
        // What follows, and the checksum, which is left out of the count.
        r.check(length + 6 == bytes.len(), "length")?;
        let (covered, sum) = bytes.split_last_chunk::<2>().ok_or(Malformed::Short)?;
        r.check(checksum(covered) == u16::from_le_bytes(*sum), "checksum")?;
        if kind != 5 || length < 10 {
            return Ok(Message {
                kind,
                command: None,
                from_controller: matches!(kind, 2 | 3 | 7..=11),
                data: &[],
            });
        }
        let (direction, _) = (r.u8()?, r.u8()?);
        let (command, count) = (r.u8()?, r.u8()?);
        r.skip(6)?;
        Ok(Message {
            kind,
            command: Some((command, count)),
            from_controller: direction != 0 || command >= FIRST_ANSWER,
            data: r.bytes(r.left().saturating_sub(2))?,
        })
    }
}

/// Function codes of answers begin here, with the one that rejects.
const FIRST_ANSWER: u8 = 100;
/// From here on they are reasons to reject.
const REJECTIONS: u8 = 200;

/// CRC-16 with the polynomial of Modbus, from zero.
fn checksum(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |crc: u16, _| {
            if crc & 1 != 0 {
                crc >> 1 ^ 0xa001
            } else {
                crc >> 1
            }
        })
    })
}

fn probe(head: &Head<'_>) -> Probe {
    if !head.udp {
        return Probe::NotOurs;
    }
    head.read(|_| {
        Ok(if Message::read(head.bytes)?.from_controller {
            Sender::Server
        } else {
            Sender::Client
        })
    })
}

#[derive(Default)]
struct TriStation {
    asks: Asks<u8, (), MOST_WAITING>,
}

impl Dialogue for TriStation {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        let message = match Message::read(bytes) {
            Ok(message) => message,
            Err(error) => return Step::from_error(error, bytes.len()),
        };
        let refusal = match message.kind {
            4 if side == Side::Server => Some("disconnected"),
            7 => Some("connection limit reached"),
            8 => Some("not connected"),
            9 => Some("main processors are dead"),
            10 => Some("access denied"),
            11 => Some("connection failed"),
            _ => None,
        };
        if let Some(why) = refusal {
            cx.oddity("tristation.refused", side, Some(why.to_owned()));
        }
        let Some((command, count)) = message.command else {
            return Step::Took(bytes.len());
        };
        if message.from_controller {
            if let Some(asked) = self.asks.take(cx, side, count) {
                match command {
                    FIRST_ANSWER => {
                        let code = message.data.first().copied().unwrap_or(command);
                        self.asks.refused(cx, asked, &rejection(code));
                    }
                    REJECTIONS.. => self.asks.refused(cx, asked, &rejection(command)),
                    _ => self.asks.done(cx, asked),
                }
            }
        } else if let Some((name, verb)) = known(command) {
            let bytes = message.data.len() as u64;
            let what = [&[command], message.data].concat();
            self.asks.ask(cx, side, count, (), &what, || Op {
                detail: Some(format!("function {command}, {name}")),
                content_bytes: (verb.modifies() && bytes > 0).then_some(bytes),
                ..Op::new(verb)
            });
        }
        Step::Took(bytes.len())
    }

    fn close(&mut self, cx: &mut Cx<'_>) {
        self.asks.close(cx);
    }
}

fn rejection(code: u8) -> String {
    let what = match code {
        200 => "wrong command",
        201 => "load in progress",
        203 => "control program not halted",
        204 => "checksum of control program",
        206 => "control program not valid",
        211 => "download time mismatches",
        212 => "key position prohibits it",
        213 => "bad version of control program",
        214 => "not in sequence",
        223 => "program name invalid",
        239 => "variable write protected",
        241 => "command not allowed",
        244 => "no free port",
        251 => "disable not allowed",
        _ => "rejected",
    };
    format!("{what} (code {code})")
}

/// Function codes, as the analysis lists them.
const fn known(command: u8) -> Option<(&'static str, Verb)> {
    Some(match command {
        0 => ("start download all", Verb::ProgramDownload),
        1 => ("start download change", Verb::ProgramDownload),
        2 => ("update configuration", Verb::Configure),
        3 => ("upload configuration", Verb::ProgramUpload),
        4 => ("set I/O addresses", Verb::Configure),
        5 => ("allocate network", Verb::Configure),
        6 => ("load vector table", Verb::ProgramDownload),
        7 => ("set calendar", Verb::SetClock),
        8 => ("get calendar", Verb::Read),
        9 => ("set scan time", Verb::Configure),
        10 => ("end download all", Verb::ProgramDownload),
        11 => ("end download change", Verb::ProgramDownload),
        12 => ("cancel download change", Verb::ProgramDownload),
        13 => ("attach", Verb::Diagnose),
        14 => ("set I/O address limits", Verb::Configure),
        15 => ("configure module", Verb::Configure),
        16 => ("set multiple point values", Verb::Operate),
        17 => ("enable all points", Verb::Operate),
        18 => ("upload vector table", Verb::ProgramUpload),
        19 => ("get control program status", Verb::Diagnose),
        20 => ("run program", Verb::Start),
        21 => ("halt program", Verb::Stop),
        22 => ("pause program", Verb::Stop),
        23 => ("do single scan", Verb::ModeChange),
        24 => ("get chassis status", Verb::Diagnose),
        25 => ("get minimum scan time", Verb::Read),
        26 => ("set node number", Verb::Configure),
        27 => ("set I/O point values", Verb::Operate),
        28 => ("get I/O point values", Verb::Read),
        29 => ("get main processor status", Verb::Diagnose),
        30 => ("set retentive values", Verb::Write),
        31 => ("adjust clock calendar", Verb::SetClock),
        32 => ("clear module alarms", Verb::Reset),
        33 => ("get event log", Verb::Diagnose),
        34 => ("set SOE block", Verb::Configure),
        35 => ("record event log", Verb::Diagnose),
        36 => ("get SOE data", Verb::Read),
        37..=40 => (
            "enable or disable output voters' diagnosis",
            Verb::Configure,
        ),
        41 => ("process Modbus", Verb::Write),
        42 => ("upload network", Verb::ProgramUpload),
        43 => ("set label", Verb::Configure),
        44 => ("configure system variables", Verb::Configure),
        45 => ("deconfigure module", Verb::Configure),
        46 => ("get system variables", Verb::Read),
        47 => ("get module types", Verb::Identify),
        48..=50 => ("download conversion table", Verb::ProgramDownload),
        51 => ("get conversion table", Verb::Read),
        52 => ("set ICM status", Verb::Configure),
        54 => ("get module versions", Verb::Identify),
        55 => ("allocate program", Verb::ProgramDownload),
        56 => ("allocate function", Verb::ProgramDownload),
        57 => ("clear retentives", Verb::Reset),
        58 => ("set initial values", Verb::Write),
        59 => ("start program download", Verb::ProgramDownload),
        60 => ("set data area", Verb::Write),
        61 => ("get data", Verb::Read),
        62 => ("set data", Verb::Write),
        63 => ("set program information", Verb::ProgramDownload),
        64 => ("get program information", Verb::Read),
        65 => ("upload program", Verb::ProgramUpload),
        66 => ("upload function", Verb::ProgramUpload),
        67 => ("get point groups", Verb::Read),
        68 => ("allocate symbol table", Verb::ProgramDownload),
        69 => ("get I/O address", Verb::Read),
        70 => ("resend I/O address", Verb::Read),
        71 => ("get program timing", Verb::Diagnose),
        72 => ("allocate multiple functions", Verb::ProgramDownload),
        73 => ("get node number", Verb::Identify),
        74 => ("get symbol table", Verb::Read),
        80 => ("go to download mode", Verb::ModeChange),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::{DECODER, checksum};
    use crate::Side::{Client, Server};
    use crate::testing::{check_at, hex};

    fn message(kind: &str, body: &str) -> String {
        let body = body.replace(' ', "");
        let plain = format!("{kind}00{:02x}00{body}", body.len() / 2);
        let [low, high] = checksum(&hex(&plain)).to_le_bytes();
        format!("{plain}{low:02x}{high:02x}")
    }

    fn command(code: &str, count: &str, data: &str) -> String {
        message("05", &format!("0000 {code} {count} 0000 0000 0000 {data}"))
    }

    fn answer(code: &str, count: &str, data: &str) -> String {
        message("05", &format!("0100 {code} {count} 0000 0000 0000 {data}"))
    }

    #[test]
    fn programs_are_allocated_halted_and_refused() {
        assert_eq!(
            checksum(b"123456789"),
            0xbb3d,
            "the check value that catalogues give"
        );
        check_at(
            &DECODER,
            40001,
            &[
                (Client, "0600 0000 0088"), // the ping that the malware sent to all
                (Client, &message("01", "")),
                (Server, &message("02", "0000")),
                (Client, &command("13", "01", "")),
                (Server, &answer("6c", "01", "0011")),
                (Client, &command("37", "02", "0000 61626364")),
                (Server, &answer("99", "02", "")),
                (Client, &command("15", "03", "")),
                (Server, &answer("64", "03", "d4")), // the key prohibits it
                (Client, &command("14", "04", "")),
                (Server, &message("0a", "")),
            ],
            expect![[r#"
                conversation protocol=tristation state=answered packets=6/5 bytes=82/65
                operation diagnose (function 19, get control program status) ok count=1 frames=[4, 5]
                operation program-download (function 55, allocate program) ok count=1 frames=[6, 7]
                operation stop (function 21, halt program, key position prohibits it (code 212)) refused count=1 frames=[8, 9]
                operation start (function 20, run program) unanswered count=1 frames=[10]
                oddity what=tristation.refused detail=access denied frames=Numbers([11])
            "#]],
        );
    }
}
