//! PCCC: the commands of PLC-5, SLC 500 and MicroLogix, carried in CIP.
//!
//! Rockwell 1770-6.5.16 (DF1 protocol and command set), chapter 7.
use crate::{Malformed, Reader, Verb};

/// What a command asks for, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Command {
    pub verb: Verb,
    pub object: Option<String>,
    pub detail: String,
    pub content_bytes: Option<u64>,
}

/// The data of service Execute PCCC: who asks, command, status, transaction, function, its parameters.
pub(super) fn command(data: &[u8]) -> Result<Command, Malformed> {
    let mut r = Reader::new(data);
    requestor(&mut r)?;
    let command = r.u8()? & 0x0f;
    r.skip(3)?;
    // Only these commands have a function.
    let function = match command {
        0x06 | 0x07 | 0x0f => r.u8()?,
        _ => 0,
    };
    let (verb, what) = meaning(command, function, r.peek());
    let addressed = matches!((command, function), (0x0f, 0xa1 | 0xa2 | 0xa9..=0xab));
    let object = if addressed {
        address(&mut r, function).ok()
    } else {
        None
    };
    let content_bytes = (verb == Verb::Write && addressed).then_some(r.left() as u64);
    Ok(Command {
        verb,
        object,
        detail: format!("PCCC command 0x{command:02x} function 0x{function:02x}, {what}"),
        content_bytes,
    })
}

/// The status in an answer; 0 is success.
pub(super) fn status(data: &[u8]) -> Result<u8, Malformed> {
    let mut r = Reader::new(data);
    requestor(&mut r)?;
    r.skip(1)?;
    r.u8()
}

fn requestor(r: &mut Reader<'_>) -> Result<(), Malformed> {
    let length = usize::from(r.u8()?);
    r.check(length >= 1, "requestor")?;
    r.skip(length - 1)
}

fn meaning(command: u8, function: u8, parameters: &[u8]) -> (Verb, &'static str) {
    match (command, function) {
        (0x00 | 0x08, _) => (Verb::Write, "write"),
        (0x01, _) => (Verb::Read, "read"),
        (0x02 | 0x05, _) => (Verb::Write, "write bits"),
        (0x06, 0x03) => (Verb::Identify, "diagnostic status"),
        (0x06, _) => (Verb::Diagnose, "diagnosis"),
        (0x07, 0x00) => (Verb::ModeChange, "disable outputs"),
        (0x07, 0x01) => (Verb::ModeChange, "enable outputs"),
        (0x0f, 0x01 | 0x04 | 0x68 | 0xa1 | 0xa2) => (Verb::Read, "read"),
        (0x0f, 0x00 | 0x03 | 0x67 | 0xa9 | 0xaa) => (Verb::Write, "write"),
        (0x0f, 0x02 | 0x26 | 0xab) => (Verb::Write, "write bits"),
        (0x0f, 0x11) => (Verb::Lock, "get edit resource"),
        (0x0f, 0x12) => (Verb::Unlock, "return edit resource"),
        (0x0f, 0x17 | 0x53) => (Verb::ProgramUpload, "upload"),
        (0x0f, 0x18 | 0x50) => (Verb::ProgramDownload, "download"),
        (0x0f, 0x52) => (Verb::ProgramDownload, "download complete"),
        (0x0f, 0x55) => (Verb::ProgramUpload, "upload complete"),
        (0x0f, 0x57) => (Verb::ProgramDelete, "initialise memory"),
        // 7-31: the low bits name the mode; 2 is remote run of a PLC-5.
        (0x0f, 0x3a) => match parameters.first() {
            Some(2) => (Verb::Start, "set processor mode to run"),
            Some(0) => (Verb::Stop, "set processor mode to program"),
            _ => (Verb::ModeChange, "set processor mode"),
        },
        // 7-5: 6 is run, 1 is program.
        (0x0f, 0x80) => match parameters.first() {
            Some(6) => (Verb::Start, "change mode to run"),
            Some(1) => (Verb::Stop, "change mode to program"),
            _ => (Verb::ModeChange, "change mode"),
        },
        (0x0f, 0x88) => (Verb::Configure, "execute command list"),
        (0x0f, 0x8f) => (Verb::Configure, "apply port configuration"),
        (0x0f, 0x81 | 0x82) => (Verb::Diagnose, "open or close file"),
        (0x0f, 0xa7) => (Verb::FileRead, "read file"),
        (0x0f, 0xaf) => (Verb::FileWrite, "write file"),
        _ => (Verb::Diagnose, "other"),
    }
}

/// File, element and sub-element of a typed logical access, e.g. `N7:0`.
fn address(r: &mut Reader<'_>, function: u8) -> Result<String, Malformed> {
    let _size = r.u8()?;
    let file = number(r)?;
    let letter = match r.u8()? {
        0x84 => "S",
        0x85 => "B",
        0x86 => "T",
        0x87 => "C",
        0x88 => "R",
        0x89 => "N",
        0x8a => "F",
        0x8b => "O",
        0x8c => "I",
        0x8d => "ST",
        0x8e => "A",
        _ => "file ",
    };
    let element = number(r)?;
    // Three address fields instead of two.
    let sub = match function {
        0xa2 | 0xaa | 0xab => number(r)?,
        _ => 0,
    };
    Ok(if sub == 0 {
        format!("{letter}{file}:{element}")
    } else {
        format!("{letter}{file}:{element}.{sub}")
    })
}

/// One byte, or 0xff and two.
fn number(r: &mut Reader<'_>) -> Result<u16, Malformed> {
    match r.u8()? {
        0xff => r.u16_le(),
        small => Ok(u16::from(small)),
    }
}
