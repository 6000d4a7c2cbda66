//! Userdata: everything that Siemens put beside jobs: status lists, clock, blocks, alarms, test functions, passwords.
use super::pdu;
use crate::reader::text;
use crate::{Malformed, Reader, Verb};

/// Bytes of one status list put together from its parts.
const MOST_LIST: usize = 1 << 14;

/// The parameters of a userdata message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub kind: Kind,
    pub group: u8,
    pub function: u8,
    /// More parts of the same answer follow when asked for.
    pub more: bool,
    /// It asks for, or is, a part beyond the first of something.
    pub numbered: bool,
    pub error: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Sent unasked by the controller.
    Push,
    Request,
    Answer,
}

pub(super) mod group {
    pub(in crate::protocols::s7comm) const CPU: u8 = 4;
    pub(in crate::protocols::s7comm) const SECURITY: u8 = 5;
}

impl Head {
    pub(super) fn read(param: &[u8]) -> Result<Head, Malformed> {
        let mut r = Reader::new(param);
        let head = r.array::<3>()?;
        // The controller's word of a changed operating state has another head; it is a push as well.
        r.check(head == [0x00, 0x01, 0x12], "userdata head")?;
        let _length = r.u8()?;
        let _method = r.u8()?;
        let both = r.u8()?;
        let kind = match both >> 4 {
            4 | 7 => Kind::Request,
            8 | 0xb => Kind::Answer,
            _ => Kind::Push,
        };
        let (function, number) = (r.u8()?, r.u8()?);
        let (mut more, mut error) = (false, 0);
        if r.left() >= 4 {
            r.skip(1)?;
            more = r.u8()? == 1;
            error = r.u16()?;
        }
        Ok(Head {
            kind,
            group: both & 0x0f,
            function,
            more,
            numbered: number != 0,
            error,
        })
    }
}

/// The content behind return code, transport size and length.
pub(super) fn payload(data: &[u8]) -> (u8, &[u8]) {
    let mut r = Reader::new(data);
    pdu::value(&mut r).unwrap_or((0xff, &[]))
}

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asks {
    pub verb: Verb,
    pub object: Option<String>,
    pub detail: String,
}

/// `None` for requests that are no operation of their own.
pub(super) fn asks(head: Head, data: &[u8]) -> Option<Asks> {
    let (_, content) = payload(data);
    let mut object = None;
    let (verb, what) = match (head.group, head.function) {
        (1, 0x08) => (Verb::Write, "modify variable"),
        (1, 0x09) => (Verb::Write, "force"),
        (1, 0x0a) => (Verb::ModeChange, "set breakpoint"),
        (1, 0x0b) => (Verb::ModeChange, "leave hold"),
        (1, 0x0c) => (Verb::Reset, "memory reset"),
        (1, function) => (Verb::Diagnose, programmer_command(function)),
        (2, 0x01) | (2, 0x05) => {
            object = cyclic_objects(content);
            (Verb::Read, "subscribe to cyclic data")
        }
        (2, 0x04) => return None,
        (2, 0x07) => (Verb::Write, "change driven transfer"),
        (2, _) => (Verb::Read, "cyclic data"),
        (3, 0x01) => (Verb::Diagnose, "list blocks"),
        (3, 0x02) => {
            object = content.get(1).copied().and_then(kind_of_block);
            (Verb::Diagnose, "list blocks of type")
        }
        (3, 0x03) => {
            object = pdu::block(content);
            (Verb::Diagnose, "block information")
        }
        (3, _) => (Verb::Diagnose, "block function"),
        (group::CPU, 0x01) => {
            let id = StatusList::read(content).ok()?;
            object = Some(format!("SZL 0x{:04x} index 0x{:04x}", id.id, id.index));
            (id.verb(), id.what())
        }
        (group::CPU, 0x02) => (Verb::Diagnose, "message service"),
        (group::CPU, 0x0b) => (Verb::Write, "acknowledge alarms"),
        (group::CPU, 0x07) => (Verb::Write, "lock alarms"),
        (group::CPU, 0x08) => (Verb::Write, "unlock alarms"),
        (group::CPU, 0x13) => (Verb::Read, "query alarms"),
        (group::CPU, _) => (Verb::Diagnose, "processor function"),
        (group::SECURITY, 0x01) => (Verb::Authenticate, "password"),
        (group::SECURITY, 0x02) => (Verb::Lock, "end of the password's rights"),
        (group::SECURITY, _) => (Verb::Authenticate, "security function"),
        (6, _) => {
            object = content
                .get(4..8)
                .and_then(|id| id.try_into().ok())
                .map(|id| format!("block transfer 0x{:08x}", u32::from_be_bytes(id)));
            (Verb::Write, "send to the partner's block")
        }
        (7, 0x01 | 0x03) => (Verb::Read, "read clock"),
        (7, 0x02 | 0x04) => (Verb::SetClock, "set clock"),
        (7, _) => (Verb::Read, "clock function"),
        // Numerical controls move their part programs this way; only the first message of a transfer is told.
        (0x0f, 0x01) => (Verb::ProgramDownload, "request download of a part program"),
        (0x0f, 0x06) => (Verb::ProgramUpload, "start upload of a part program"),
        (0x0f, _) => return None,
        _ => return None,
    };
    if head.group == 7 {
        object = Some("clock".to_owned());
    }
    Some(Asks {
        verb,
        object,
        detail: what.to_owned(),
    })
}

const fn programmer_command(function: u8) -> &'static str {
    match function {
        0x01 | 0x13 => "block status",
        0x02 => "variable status",
        0x03 => "interrupt stack",
        0x04 => "block stack",
        0x05 => "local data stack",
        0x06 => "time measurement",
        0x07 => "selection of forced variables",
        0x0d => "disable test job",
        0x0e => "enable test job",
        0x0f => "delete test job",
        0x10 => "list of test jobs",
        0x11 => "read test job",
        0x12 => "replace test job",
        0x16 => "flash lamp",
        _ => "test function",
    }
}

fn kind_of_block(kind: u8) -> Option<String> {
    let name = match kind {
        b'8' => "OB",
        b'A' => "DB",
        b'B' => "SDB",
        b'C' => "FC",
        b'D' => "SFC",
        b'E' => "FB",
        b'F' => "SFB",
        _ => return None,
    };
    Some(name.to_owned())
}

/// Count, interval, then items as in a read.
fn cyclic_objects(content: &[u8]) -> Option<String> {
    let mut r = Reader::new(content);
    let count = r.u16().ok()?;
    r.skip(2).ok()?;
    pdu::objects(r, u8::try_from(count).ok()?)
}

/// A system status list ("SZL"): what the controller tells of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StatusList {
    pub id: u16,
    pub index: u16,
}

impl StatusList {
    pub(super) fn read(content: &[u8]) -> Result<StatusList, Malformed> {
        let mut r = Reader::new(content);
        Ok(StatusList {
            id: r.u16()?,
            index: r.u16()?,
        })
    }

    /// The list without the extract's number.
    const fn part(self) -> u16 {
        self.id & 0x00ff
    }

    fn verb(self) -> Verb {
        match self.part() {
            0x11 | 0x1c => Verb::Identify,
            _ => Verb::Diagnose,
        }
    }

    const fn what(self) -> &'static str {
        match self.part() {
            0x00 => "list of status lists",
            0x11 => "module identification",
            0x12 => "characteristics",
            0x13 => "memory areas",
            0x14 => "system areas",
            0x15 => "block types",
            0x19 | 0x74 => "lamps",
            0x1c => "component identification",
            0x22 => "interrupts",
            0x24 => "operating mode",
            0x31 | 0x32 => "communication status",
            0x37 => "interfaces",
            0x71 => "redundancy status",
            0x91..=0x96 => "module and station status",
            0xa0 => "diagnostic buffer",
            0xb1..=0xb4 => "module diagnosis",
            _ => "status list",
        }
    }
}

/// A status list that comes in parts.
#[derive(Debug, Default)]
pub(super) struct ListParts {
    held: Vec<u8>,
}

impl ListParts {
    pub(super) fn begin(&mut self) {
        self.held.clear();
    }

    pub(super) fn add(&mut self, part: &[u8]) {
        if self.held.len() + part.len() <= MOST_LIST {
            self.held.extend_from_slice(part);
        }
    }

    /// What the whole list says of who the device is.
    pub(super) fn identity(&mut self) -> Vec<(&'static str, String)> {
        let held = std::mem::take(&mut self.held);
        identity(&held).unwrap_or_default()
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.held.is_empty()
    }
}

/// Status lists 0x11 (modules and their versions) and 0x1c (names and numbers of the station and its parts).
fn identity(list: &[u8]) -> Result<Vec<(&'static str, String)>, Malformed> {
    let id = StatusList::read(list)?;
    let mut r = Reader::new(list);
    r.skip(4)?;
    let (size, count) = (usize::from(r.u16()?), r.u16()?);
    let mut known = Vec::new();
    for _ in 0..count {
        let Ok(mut entry) = r.sub(size) else { break };
        let index = entry.u16()?;
        match id.part() {
            0x11 if size >= 28 => module(index, &mut entry, &mut known)?,
            0x1c if size >= 34 => component(index, entry.bytes(32)?, &mut known),
            _ => {}
        }
    }
    Ok(known)
}

fn module(
    index: u16,
    entry: &mut Reader<'_>,
    known: &mut Vec<(&'static str, String)>,
) -> Result<(), Malformed> {
    let order_number = text(entry.bytes(20)?, 20);
    entry.skip(2)?;
    let [release, major] = entry.array()?;
    let [minor, patch] = entry.array()?;
    match index {
        1 => known.extend(order_number.map(|number| ("order_number", number))),
        // Versions are a letter and three numbers, or three numbers alone.
        7 if release == b'V' => known.push(("firmware", format!("V{major}.{minor}.{patch}"))),
        _ => {}
    }
    Ok(())
}

fn component(index: u16, value: &[u8], known: &mut Vec<(&'static str, String)>) {
    let Some(value) = text(value, 32) else { return };
    match index {
        1 | 2 => known.push(("system", value)),
        3 => known.push(("system", format!("plant {value}"))),
        0x0b => known.push(("system", format!("location {value}"))),
        4 if value.contains("Siemens") => known.push(("maker", "Siemens".to_owned())),
        5 => known.push(("serial", value)),
        7 => known.push(("model", value)),
        _ => {}
    }
}
