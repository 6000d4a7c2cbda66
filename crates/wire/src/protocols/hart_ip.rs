//! HART-IP: what asset management does to field devices behind gateways and multiplexers.
//!
//! Spec: FieldComm Group HCF_SPEC-085 (network management, HART-IP), HCF_SPEC-081 (token-passing frames), HCF_SPEC-127 and -151
//! (universal and common practice commands).
//! Emits: an operation per command with its response code; type, revision, serial number and long tag of the device that is
//! connected itself.
//! Blind to: makers' own commands beyond their number (they are told as reads); HART-IP over TLS; what devices behind a
//! gateway say of themselves.
//! Tried on: the two captures of `cisagov/icsnpp-hart-ip`; commands agree with tshark, which does not read direct messages.
use super::asking::Asks;
use crate::reader::text;
use crate::{
    Carrier, Cx, Decoder, Dialogue, Head, Malformed, Op, Probe, Reader, Sender, Side, Step, Verb,
};

pub static DECODER: Decoder = Decoder {
    name: "hart-ip",
    title: "HART-IP",
    carriers: &[Carrier::Tcp(5094), Carrier::Udp(5094), Carrier::Udp(5095)],
    probe,
    open: || Box::new(HartIp::default()),
    remote: false,
    operations: &[
        Verb::Read,
        Verb::Write,
        Verb::ParameterChange,
        Verb::Configure,
        Verb::Operate,
        Verb::Reset,
        Verb::SetClock,
        Verb::Lock,
        Verb::Unlock,
        Verb::Diagnose,
        Verb::Identify,
    ],
    about: "Universal and common practice commands to field devices, alone or several in one message, paired with their response codes; type, revision, serial number and tag of the device connected.",
    spec: "HCF_SPEC-085 (HART-IP), HCF_SPEC-081, HCF_SPEC-127, HCF_SPEC-151",
    blind: "makers' own commands (told as reads), HART-IP over TLS",
};

/// Requests that wait for their answers.
const MOST_WAITING: usize = 64;
const HEADER: usize = 8;
const MOST: usize = 0x1000;
/// In place of a command's number.
const AUDIT_LOG: u16 = u16::MAX;
/// Commands read of one direct message.
const MOST_COMMANDS: u8 = 16;

/// HCF_SPEC-085, message header.
struct Message<'a> {
    kind: u8,
    id: u8,
    status: u8,
    sequence: u16,
    length: usize,
    body: &'a [u8],
}

const REQUEST: u8 = 0;
const RESPONSE: u8 = 1;
const NAK: u8 = 15;

impl<'a> Message<'a> {
    fn read(bytes: &'a [u8]) -> Result<Message<'a>, Malformed> {
        let mut r = Reader::new(bytes);
        let (version, kind, id, status) = (r.u8()?, r.u8()?, r.u8()?, r.u8()?);
        r.check(matches!(version, 1 | 2), "version")?;
        r.check(matches!(kind, 0..=2 | NAK), "message type")?;
        r.check(id <= 5 || id == 128, "message id")?;
        let sequence = r.u16()?;
        let length = usize::from(r.u16()?);
        r.check((HEADER..=MOST).contains(&length), "length")?;
        let rest = (length - HEADER).min(r.left());
        Ok(Message {
            kind,
            id,
            status,
            sequence,
            length,
            body: r.bytes(rest)?,
        })
    }

    /// What little is said of itself holds together: enough at another port.
    fn is_sane(&self) -> bool {
        match (self.id, self.kind) {
            (0, REQUEST | RESPONSE) => {
                self.body.len() == 5 && matches!(self.body, [0 | 1, ..]) && self.status <= 16
            }
            (3, _) => Frame::read(self.body).is_ok(),
            _ => false,
        }
    }

    /// The length is one that the kind of message can have.
    fn fits(&self) -> bool {
        match self.id {
            0 => self.length == HEADER + 5 || self.kind == NAK,
            1 | 2 => self.length == HEADER,
            3 => Frame::read(self.body).is_ok() || self.kind == NAK,
            _ => self.length >= HEADER + 2,
        }
    }
}

fn probe(head: &Head<'_>) -> Probe {
    head.read(|r| {
        let message = Message::read(head.bytes)?;
        let at_port = head.on(5094) || head.on(5095);
        let fills = message.length == head.bytes.len();
        if message.length > head.bytes.len() && !head.udp {
            r.skip(message.length)?;
        }
        r.check(
            at_port && (fills || !head.udp) && message.fits() || fills && message.is_sane(),
            "message",
        )?;
        Ok(match message.kind {
            REQUEST => Sender::Client,
            RESPONSE | NAK | 2 => Sender::Server,
            _ => Sender::Unknown,
        })
    })
}

/// HCF_SPEC-081: a token-passing frame.
struct Frame<'a> {
    /// Short address, or expanded type and serial number.
    address: Address,
    command: u16,
    data: &'a [u8],
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Address {
    Short(u8),
    Long([u8; 5]),
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Address::Short(address) => write!(f, "device {}", address & 0x3f),
            // The upper bits of the first octet are the master's and the burst mode's.
            Address::Long([a, b, c, d, e]) => {
                write!(f, "device {:02x}{b:02x}-{c:02x}{d:02x}{e:02x}", a & 0x3f)
            }
        }
    }
}

impl<'a> Frame<'a> {
    fn read(bytes: &'a [u8]) -> Result<Frame<'a>, Malformed> {
        let mut r = Reader::new(bytes);
        let delimiter = r.u8()?;
        r.check(matches!(delimiter & 7, 1 | 2 | 6), "delimiter")?;
        let address = if delimiter & 0x80 == 0 {
            Address::Short(r.u8()?)
        } else {
            Address::Long(r.array()?)
        };
        r.skip(usize::from(delimiter >> 5 & 3))?;
        let command = u16::from(r.u8()?);
        let count = usize::from(r.u8()?);
        let data = r.bytes(count)?;
        r.check(r.left() <= 1, "byte count")?;
        Ok(Frame {
            address,
            command,
            data,
        })
    }

    /// Command 31 carries a number of two octets at the start of its data, behind code and status in an answer.
    fn expanded(mut self, response: bool) -> Self {
        if self.command == 31 {
            let at = if response { 2 } else { 0 };
            let number = self.data.get(at..).and_then(|rest| rest.first_chunk::<2>());
            if let Some(number) = number {
                self.command = u16::from_be_bytes(*number);
            }
        }
        self
    }
}

/// Sequence, place in a message of several.
type Key = (u16, u8);

#[derive(Default)]
struct HartIp {
    asks: Asks<Key, u16, MOST_WAITING>,
    /// The device that is connected itself: the first that answered to a short address.
    root: Option<[u8; 5]>,
    identified: bool,
}

impl Dialogue for HartIp {
    fn message(&mut self, cx: &mut Cx<'_>, side: Side, bytes: &[u8]) -> Step {
        let message = match Message::read(bytes) {
            Ok(message) => message,
            Err(error) => return Step::from_error(error, bytes.len()),
        };
        if message.length > bytes.len() {
            return Step::Need(message.length);
        }
        match (message.id, message.kind) {
            (3, REQUEST) => {
                if let Ok(frame) = Frame::read(message.body) {
                    let frame = frame.expanded(false);
                    let object = frame.address.to_string();
                    self.ask(cx, side, &message, 0, frame.command, frame.data, object);
                } else {
                    return Step::Bad("frame");
                }
            }
            (3, RESPONSE) => {
                if let Ok(frame) = Frame::read(message.body) {
                    let frame = frame.expanded(true);
                    self.answer(cx, side, message.sequence, 0, frame.command, frame.data);
                    self.device(cx, side, &frame);
                } else {
                    return Step::Bad("frame");
                }
            }
            (4, REQUEST | RESPONSE) => self.direct(cx, side, &message),
            // The audit log: its answer has no command in it.
            (5, REQUEST) => {
                let (key, what) = ((message.sequence, 0), b"audit log");
                self.asks.ask(cx, side, key, AUDIT_LOG, what, || Op {
                    object: Some("audit log".to_owned()),
                    detail: Some("message 5, read audit log".to_owned()),
                    ..Op::new(Verb::Diagnose)
                });
            }
            (5, RESPONSE) => {
                if let Some(asked) = self.asks.take(cx, side, (message.sequence, 0)) {
                    self.asks.done(cx, asked);
                }
            }
            (3..=5, NAK) => {
                // The gateway did not take it: the frame is not there, the number is.
                for place in 0..MOST_COMMANDS {
                    if let Some(asked) = self.asks.take(cx, side, (message.sequence, place)) {
                        let why = format!("not taken, status {}", message.status);
                        self.asks.refused(cx, asked, &why);
                    }
                }
            }
            _ => {}
        }
        Step::Took(message.length)
    }

    fn close(&mut self, cx: &mut Cx<'_>) {
        self.asks.close(cx);
    }
}

impl HartIp {
    #[expect(
        clippy::too_many_arguments,
        reason = "what a command is, and where it stood"
    )]
    fn ask(
        &mut self,
        cx: &mut Cx<'_>,
        side: Side,
        message: &Message<'_>,
        place: u8,
        command: u16,
        data: &[u8],
        object: String,
    ) {
        let (name, verb) = match (command, data.first()) {
            // HCF_SPEC-151, 71: lock code 0.
            (71, Some(0)) => ("unlock device", Verb::Unlock),
            _ => known(command),
        };
        // Reads are told apart by what they ask for, writes not by what they write.
        let named = if verb.modifies() { &[] } else { data };
        let what = [object.as_bytes(), &command.to_be_bytes(), named].concat();
        let bytes = (verb.modifies() && !data.is_empty()).then_some(data.len() as u64);
        let key = (message.sequence, place);
        self.asks.ask(cx, side, key, command, &what, || Op {
            object: Some(object),
            detail: Some(match name {
                "" if matches!(command, 128..=253 | 0xfc00..) => {
                    format!("command {command}, the maker's own")
                }
                "" => format!("command {command}"),
                name => format!("command {command}, {name}"),
            }),
            content_bytes: bytes,
            ..Op::new(verb)
        });
    }

    /// HCF_SPEC-127: response code, then the state of the device, then data.
    fn answer(
        &mut self,
        cx: &mut Cx<'_>,
        side: Side,
        sequence: u16,
        place: u8,
        command: u16,
        data: &[u8],
    ) {
        let Some(asked) = self.asks.take(cx, side, (sequence, place)) else {
            return;
        };
        if asked.tag != command {
            cx.oddity("hart-ip.other_command_answered", side, None);
        }
        match data.first().copied() {
            Some(code) if is_error(code) => {
                let why = response_code(code);
                self.asks.refused(cx, asked, &why);
            }
            _ => self.asks.done(cx, asked),
        }
    }

    /// HCF_SPEC-085, direct messages: two octets of state, then commands with count and data.
    fn direct(&mut self, cx: &mut Cx<'_>, side: Side, message: &Message<'_>) {
        let mut r = Reader::new(message.body);
        let mut read = || -> Result<(), Malformed> {
            r.skip(2)?;
            for place in 0..MOST_COMMANDS {
                if r.is_empty() {
                    break;
                }
                let (command, count) = (r.u16()?, usize::from(r.u8()?));
                let data = r.bytes(count)?;
                if message.kind == REQUEST {
                    let object = "the device itself".to_owned();
                    self.ask(cx, side, message, place, command, data, object);
                } else {
                    self.answer(cx, side, message.sequence, place, command, data);
                }
            }
            Ok(())
        };
        if read().is_err() {
            cx.oddity("hart-ip.malformed", side, Some("direct message".to_owned()));
        }
    }

    fn device(&mut self, cx: &mut Cx<'_>, side: Side, frame: &Frame<'_>) {
        let data = frame.data.get(2..).unwrap_or(&[]);
        if frame.data.first().is_none_or(|code| is_error(*code)) {
            return;
        }
        match frame.command {
            0 if !self.identified => {
                let own = matches!(frame.address, Address::Short(_)) || self.root.is_none();
                if own {
                    self.identified = identify(cx, side, data, &mut self.root).is_ok();
                }
            }
            // The long tag, of the device that is connected itself.
            20 => {
                let own = match (frame.address, self.root) {
                    (Address::Short(_), _) => true,
                    (Address::Long([_, rest @ ..]), Some([_, root @ ..])) => rest == root,
                    _ => false,
                };
                if own && let Some(tag) = text(data, 32) {
                    cx.identity(side, "system", format!("HART long tag {tag}"));
                }
            }
            _ => {}
        }
    }
}

/// HCF_SPEC-127, command 0.
fn identify(
    cx: &mut Cx<'_>,
    side: Side,
    data: &[u8],
    root: &mut Option<[u8; 5]>,
) -> Result<(), Malformed> {
    let mut r = Reader::new(data);
    let (mark, kind) = (r.u8()?, r.array::<2>()?);
    r.check(mark == 254, "expansion")?;
    let (_, universal, device, software) = (r.u8()?, r.u8()?, r.u8()?, r.u8()?);
    r.skip(2)?;
    let serial = r.array::<3>()?;
    let ([a, b], [c, d, e]) = (kind, serial);
    *root = Some([a, b, c, d, e]);
    let number = u32::from_be_bytes([0, c, d, e]);
    cx.identity(side, "serial", number.to_string());
    cx.identity(side, "model", format!("HART device type {a:02x}{b:02x}"));
    cx.identity(
        side,
        "firmware",
        format!("device revision {device}, software {software}"),
    );
    // From revision 7 on the maker has a number of its own; before, it is the first octet of the type.
    let maker = if universal >= 7 {
        r.skip(5)?;
        r.u16()?
    } else {
        u16::from(a)
    };
    let name = match maker {
        17 => "Endress+Hauser".to_owned(),
        19 => "Fisher Controls".to_owned(),
        23 => "Honeywell".to_owned(),
        31 => "Micro Motion".to_owned(),
        38 => "Rosemount".to_owned(),
        42 => "Siemens".to_owned(),
        55 => "Yokogawa".to_owned(),
        other => format!("HART maker {other}"),
    };
    cx.identity(side, "maker", name);
    Ok(())
}

/// HCF_SPEC-307: with the highest bit the line was at fault; some codes are warnings.
const fn is_error(code: u8) -> bool {
    matches!(code, 1..=7 | 9..=13 | 15..=23 | 28 | 29 | 32..=34 | 64..=95 | 128..)
}

fn response_code(code: u8) -> String {
    let what = match code {
        2 => "invalid selection",
        3 => "parameter too large",
        4 => "parameter too small",
        5 => "too few octets",
        6 => "device's own error",
        7 => "write protected",
        16 => "access restricted",
        32 => "busy",
        33 => "delayed response begun",
        64 => "command not implemented",
        128.. => "communication error",
        _ => "error",
    };
    format!("{what} (code {code})")
}

/// Universal (HCF_SPEC-127) and common practice (HCF_SPEC-151) commands.
const fn known(command: u16) -> (&'static str, Verb) {
    match command {
        0 => ("read unique identifier", Verb::Identify),
        1 => ("read primary variable", Verb::Read),
        2 => ("read loop current and percent of range", Verb::Read),
        3 => ("read dynamic variables", Verb::Read),
        6 => ("write polling address", Verb::Configure),
        7 => ("read loop configuration", Verb::Read),
        8 => ("read classification", Verb::Read),
        9 => ("read device variables with status", Verb::Read),
        11 => ("read identifier by tag", Verb::Identify),
        12 => ("read message", Verb::Read),
        13 => ("read tag and descriptor", Verb::Identify),
        14 => ("read transducer information", Verb::Identify),
        15 => ("read device information", Verb::Read),
        16 => ("read final assembly number", Verb::Identify),
        17 => ("write message", Verb::Configure),
        18 => ("write tag and descriptor", Verb::Configure),
        19 => ("write final assembly number", Verb::Configure),
        20 => ("read long tag", Verb::Identify),
        21 => ("read identifier by long tag", Verb::Identify),
        22 => ("write long tag", Verb::Configure),
        33 => ("read device variables", Verb::Read),
        34 => ("write damping", Verb::ParameterChange),
        35 => ("write range values", Verb::ParameterChange),
        36 => ("set upper range value", Verb::ParameterChange),
        37 => ("set lower range value", Verb::ParameterChange),
        38 => ("reset configuration changed flag", Verb::Diagnose),
        39 => ("EEPROM control", Verb::ParameterChange),
        40 => ("enter or exit fixed current mode", Verb::Operate),
        41 => ("self test", Verb::Diagnose),
        42 => ("device reset", Verb::Reset),
        43 => ("set zero", Verb::ParameterChange),
        44 => ("write units", Verb::ParameterChange),
        45 => ("trim loop current zero", Verb::ParameterChange),
        46 => ("trim loop current gain", Verb::ParameterChange),
        47 => ("write transfer function", Verb::ParameterChange),
        48 => ("read additional status", Verb::Diagnose),
        49 => ("write sensor serial number", Verb::ParameterChange),
        50 => ("read variable assignments", Verb::Read),
        51 => ("write variable assignments", Verb::ParameterChange),
        52 => ("set variable zero", Verb::ParameterChange),
        53 => ("write variable units", Verb::ParameterChange),
        54 => ("read variable information", Verb::Read),
        55 => ("write variable damping", Verb::ParameterChange),
        56 => ("write sensor serial number", Verb::ParameterChange),
        59 => ("write number of preambles", Verb::Configure),
        66..=68 => ("fixed output or trim", Verb::Operate),
        71 => ("lock device", Verb::Lock),
        72 => ("squawk", Verb::Diagnose),
        73 => ("find device", Verb::Identify),
        74 => ("read I/O system capabilities", Verb::Read),
        75 => ("poll sub-device", Verb::Identify),
        76 => ("read lock state", Verb::Read),
        77 => ("send to sub-device", Verb::Write),
        79 => ("write device variable", Verb::Operate),
        80..=82 => ("read trim points", Verb::Read),
        83 => ("write trim point", Verb::ParameterChange),
        84 => ("read sub-device identity", Verb::Identify),
        89 => ("set clock", Verb::SetClock),
        90 => ("read clock", Verb::Read),
        103 => ("write burst period", Verb::Configure),
        104 => ("write burst trigger", Verb::Configure),
        105 => ("read burst mode", Verb::Read),
        106 => ("flush delayed responses", Verb::Diagnose),
        107 => ("write burst variables", Verb::Configure),
        108 => ("write burst command", Verb::Configure),
        109 => ("burst mode control", Verb::Configure),
        _ => ("", Verb::Read),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::DECODER;
    use crate::Side::{Client, Server};
    use crate::testing::{check, check_at};

    fn message(kind: &str, id: &str, sequence: &str, body: &str) -> String {
        let length = body.replace(' ', "").len() / 2 + 8;
        format!("01 {kind} {id} 00 {sequence} {length:04x} {body}")
    }

    #[test]
    fn commands_are_paired_and_the_device_names_itself() {
        let identity =
            "06 00 00 18 00 40 fe 264e 05 07 04 01 0e 0c 0000d2 05 02 0002 d0 0026 0026 84 00";
        let tag = "86 a64e0000d2 14 08 00 40 4352414e4539 00"; // CRANE9
        check_at(
            &DECODER,
            40001,
            &[
                (Client, &message("00", "00", "0001", "01 00007530")),
                (Server, &message("01", "00", "0001", "01 0000ea60")),
                (Client, &message("00", "03", "0002", "02 00 00 00 02")),
                (Server, &message("01", "03", "0002", identity)),
                (
                    Client,
                    &message("00", "03", "0003", "82 264e0000d2 14 00 00"),
                ),
                (Server, &message("01", "03", "0003", tag)),
                // Range values are refused: write protected.
                (
                    Client,
                    &message(
                        "00",
                        "03",
                        "0004",
                        "82 264e0000d2 23 09 06 41200000 00000000 00",
                    ),
                ),
                (
                    Server,
                    &message("01", "03", "0004", "86 a64e0000d2 23 02 07 40 00"),
                ),
                // A write and a warning, cut in two segments.
                (Client, "01 00 03 00 0005"),
                (Client, "0015 82 264e0000d2 22 04 3f800000 00"),
                (
                    Server,
                    &message("01", "03", "0005", "86 a64e0000d2 22 02 08 40 00"),
                ),
                // Not taken by the gateway.
                (
                    Client,
                    &message("00", "03", "0006", "82 111100000f 2a 00 00"),
                ),
                (Server, "01 0f 03 08 0006 0008"),
                // Two commands in one, the second by its number of two octets.
                (
                    Client,
                    &message("00", "04", "0007", "0000 0003 00 0206 01 00"),
                ),
                (
                    Server,
                    &message("01", "04", "0007", "0000 0003 01 00 0206 01 40"),
                ),
                (
                    Client,
                    &message("00", "03", "0008", "82 264e0000d2 59 00 00"),
                ),
                // Locked for good, and unlocked.
                (
                    Client,
                    &message("00", "03", "0009", "82 264e0000d2 47 01 02 00"),
                ),
                (
                    Server,
                    &message("01", "03", "0009", "86 a64e0000d2 47 03 00 40 02 00"),
                ),
                (
                    Client,
                    &message("00", "03", "000a", "82 264e0000d2 47 01 00 00"),
                ),
                (
                    Server,
                    &message("01", "03", "000a", "86 a64e0000d2 47 03 00 40 00 00"),
                ),
            ],
            expect![[r#"
                conversation protocol=hart-ip state=answered packets=11/9 bytes=177/179
                operation identify "device 0" (command 0, read unique identifier) ok count=1 frames=[3, 4]
                operation identify "device 264e-0000d2" (command 20, read long tag) ok count=1 frames=[5, 6]
                operation parameter-change "device 264e-0000d2" (command 35, write range values, write protected (code 7)) refused count=1 frames=[7, 8]
                operation parameter-change "device 264e-0000d2" (command 34, write damping) ok count=1 frames=[9, 10, 11]
                operation reset "device 1111-00000f" (command 42, device reset, not taken, status 8) refused count=1 frames=[12, 13]
                operation read "the device itself" (command 3, read dynamic variables) ok count=1 frames=[14, 15]
                operation read "the device itself" (command 518, command not implemented (code 64)) refused count=1 frames=[14, 15]
                operation set-clock "device 264e-0000d2" (command 89, set clock) unanswered count=1 frames=[16]
                operation lock "device 264e-0000d2" (command 71, lock device) ok count=1 frames=[17, 18]
                operation unlock "device 264e-0000d2" (command 71, unlock device) ok count=1 frames=[19, 20]
                identity 10.0.0.2 firmware=device revision 4, software 1 stated
                identity 10.0.0.2 maker=Rosemount stated
                identity 10.0.0.2 model=HART device type 264e stated
                identity 10.0.0.2 serial=210 stated
                identity 10.0.0.2 system=HART long tag CRANE9 stated
            "#]],
        );
    }

    #[test]
    fn the_audit_log_is_asked_for_by_a_message_of_its_own() {
        check(
            &DECODER,
            &[
                (Client, &message("00", "05", "0001", "00ff")),
                (Server, &message("01", "05", "0001", "03f8 0011 64df4785")),
                (Client, &message("00", "05", "0002", "01ff")),
                (Server, &message("0f", "05", "0002", "")),
            ],
            expect![[r#"
                conversation protocol=hart-ip state=answered packets=2/2 bytes=20/24
                operation diagnose "audit log" (message 5, read audit log) ok count=1 frames=[1, 2]
                operation diagnose "audit log" (message 5, read audit log, not taken, status 0) refused count=1 frames=[3, 4]
            "#]],
        );
    }

    #[test]
    fn a_frame_that_contradicts_its_length_is_malformed() {
        check(
            &DECODER,
            &[
                (Client, &message("00", "00", "0001", "01 00007530")),
                (
                    Client,
                    &message("00", "03", "0002", "82 264e0000d2 22 ff 3f80"),
                ),
            ],
            expect![[r#"
                conversation protocol=hart-ip state=unanswered packets=2/0 bytes=31/0
                oddity what=protocol.malformed detail=hart-ip: frame frames=Numbers([2])
            "#]],
        );
    }
}
