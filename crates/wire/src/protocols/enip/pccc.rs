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

/// Why an answer refuses; `None` where it does not. Status 0xf0 says that a second octet tells.
pub(super) fn refusal(data: &[u8]) -> Result<Option<String>, Malformed> {
    let mut r = Reader::new(data);
    requestor(&mut r)?;
    r.skip(1)?;
    let status = r.u8()?;
    if status == 0 {
        return Ok(None);
    }
    r.skip(2)?;
    let more = r.u8().ok().filter(|_| status == 0xf0);
    let words = match (status, more) {
        (0x10, _) => ", illegal command or format",
        (0x50, _) => ", address or memory protection",
        (0x60, _) => ", not allowed by command protection",
        (0x70, _) => ", the processor is in program mode",
        (_, Some(0x0b)) => ", access denied",
        (_, Some(0x0e)) => ", cannot be executed",
        (_, Some(0x1a)) => ", the file is another's",
        (_, Some(0x1b)) => ", another owns the program",
        _ => "",
    };
    let code = more.map_or_else(
        || format!("0x{status:02x}"),
        |more| format!("0x{status:02x}/0x{more:02x}"),
    );
    Ok(Some(format!("PCCC status {code}{words}")))
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
        (0x06, 0x02 | 0x04..=0x06 | 0x08 | 0x0a) => (Verb::Configure, "set parameters of the link"),
        (0x06, 0x07) => (Verb::Reset, "reset diagnostic counters"),
        (0x06, _) => (Verb::Diagnose, "diagnosis"),
        (0x07, 0x00) => (Verb::ModeChange, "disable outputs"),
        (0x07, 0x01) => (Verb::ModeChange, "enable outputs"),
        (0x07, 0x03) => (Verb::Start, "enable scanning"),
        (0x07, 0x04) => (Verb::ModeChange, "enter download mode"),
        (0x07, 0x05) => (Verb::ModeChange, "leave download or upload mode"),
        (0x07, 0x06) => (Verb::ModeChange, "enter upload mode"),
        (0x0f, 0x01 | 0x04 | 0x09 | 0x68 | 0xa1 | 0xa2) => (Verb::Read, "read"),
        (0x0f, 0x00 | 0x03 | 0x08 | 0x67 | 0xa9 | 0xaa) => (Verb::Write, "write"),
        (0x0f, 0x02 | 0x26 | 0x79 | 0xab) => (Verb::Write, "write bits"),
        (0x0f, 0x05) => (Verb::ProgramDownload, "download request"),
        (0x0f, 0x06) => (Verb::ProgramUpload, "upload"),
        (0x0f, 0x07) => (Verb::Stop, "shut down"),
        (0x0f, 0x0a) => (Verb::Start, "restart"),
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
        (0x0f, 0x41) => (Verb::Write, "disable forces"),
        (0x0f, 0x5e) => (Verb::Configure, "modify compatibility file"),
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

#[test]
fn what_changes_a_processor_is_told_from_what_asks_it() {
    use Verb::{
        Configure, Diagnose, FileRead, FileWrite, Identify, Lock, ModeChange, ProgramDelete,
        ProgramDownload, ProgramUpload, Read, Reset, Start, Stop, Unlock, Write,
    };
    // 1770-6.5.16, chapter 7, function by function; Wireshark names the same ones so.
    let commands: &[(u8, &[(u8, Verb)])] = &[
        (
            0x06,
            &[
                (0x00, Diagnose),  // echo
                (0x01, Diagnose),  // read diagnostic counters
                (0x02, Configure), // set variables
                (0x03, Identify),  // diagnostic status
                (0x04, Configure), // set timeout
                (0x05, Configure), // set NAKs
                (0x06, Configure), // set ENQs
                (0x07, Reset),     // reset diagnostic counters
                (0x08, Configure), // set data table size
                (0x09, Diagnose),  // read link parameters
                (0x0a, Configure), // set link parameters
            ],
        ),
        (
            0x07,
            &[
                (0x00, ModeChange), // disable outputs
                (0x01, ModeChange), // enable outputs
                (0x03, Start),      // enable scanning
                (0x04, ModeChange), // enter download mode
                (0x05, ModeChange), // exit download and upload mode
                (0x06, ModeChange), // enter upload mode
            ],
        ),
        (
            0x0f,
            &[
                (0x00, Write),           // word range write
                (0x01, Read),            // word range read
                (0x02, Write),           // bit write
                (0x03, Write),           // file write
                (0x04, Read),            // file read
                (0x05, ProgramDownload), // download request
                (0x06, ProgramUpload),   // upload
                (0x07, Stop),            // shutdown
                (0x08, Write),           // physical write
                (0x09, Read),            // physical read
                (0x0a, Start),           // restart request
                (0x11, Lock),            // get edit resource
                (0x12, Unlock),          // return edit resource
                (0x17, ProgramUpload),   // read bytes physical
                (0x18, ProgramDownload), // write bytes physical
                (0x26, Write),           // read-modify-write
                (0x29, Diagnose),        // read section size
                (0x3a, ModeChange),      // set CPU mode
                (0x41, Write),           // disable forces
                (0x50, ProgramDownload), // download all
                (0x52, ProgramDownload), // download completed
                (0x53, ProgramUpload),   // upload all
                (0x55, ProgramUpload),   // upload completed
                (0x57, ProgramDelete),   // initialize memory
                (0x5e, Configure),       // modify PLC-2 compatibility file
                (0x67, Write),           // typed write
                (0x68, Read),            // typed read
                (0x79, Write),           // read-modify-write N
                (0x80, ModeChange),      // change CPU mode
                (0x88, Configure),       // execute multiple commands
                (0x8f, Configure),       // apply port configuration
                (0xa1, Read),
                (0xa2, Read),
                (0xa7, FileRead),
                (0xa9, Write),
                (0xaa, Write),
                (0xab, Write),
                (0xaf, FileWrite),
            ],
        ),
    ];
    for (command, functions) in commands {
        for (function, verb) in *functions {
            // Remote test, of the modes.
            let told = meaning(*command, *function, &[0x07]).0;
            assert_eq!(told, *verb, "{command:02x} {function:02x}");
        }
    }
}

#[test]
fn a_refusal_names_its_code_and_what_it_means() {
    let answer = |hex: &str| refusal(&crate::testing::hex(hex)).unwrap();
    assert_eq!(answer("07 0100 78563412 4f 00 0100"), None);
    assert_eq!(
        answer("07 0100 78563412 4f 60 0100").unwrap(),
        "PCCC status 0x60, not allowed by command protection"
    );
    assert_eq!(
        answer("07 0100 78563412 4f f0 0100 0b").unwrap(),
        "PCCC status 0xf0/0x0b, access denied"
    );
}
