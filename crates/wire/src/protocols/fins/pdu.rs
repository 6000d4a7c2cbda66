//! The messages of FINS, as bytes: what a command asks, and of what.
use crate::reader::text;
use crate::{Malformed, Op, Reader, Verb};

/// Header, then the command.
pub(super) const HEADER: usize = 12;

/// A FINS message with its header (W342, 3-3).
#[derive(Clone, Copy)]
pub(super) struct Message<'a> {
    pub response: bool,
    pub wants_answer: bool,
    /// Network, node and unit of the other end.
    pub to: [u8; 3],
    pub from: [u8; 3],
    pub service: u8,
    pub command: u16,
    pub data: &'a [u8],
}

impl<'a> Message<'a> {
    pub(super) fn read(r: &mut Reader<'a>) -> Result<Message<'a>, Malformed> {
        let (control, reserved, gateways) = (r.u8()?, r.u8()?, r.u8()?);
        // Whatever travels over Ethernet says that it may pass gateways.
        r.check(control & 0xbe == 0x80, "control field")?;
        r.check(reserved == 0 && gateways <= 7, "header")?;
        let (to, from) = (r.array()?, r.array()?);
        let [to_network, _, _] = to;
        let [from_network, _, _] = from;
        r.check(to_network <= 127 && from_network <= 127, "network")?;
        let service = r.u8()?;
        let command = r.u16()?;
        Ok(Message {
            response: control & 0x40 != 0,
            wants_answer: control & 1 == 0,
            to,
            from,
            service,
            command,
            data: r.rest(),
        })
    }

    /// The command is one of those listed, and what goes with it has the length that it must have.
    pub(super) fn is_sane(&self) -> bool {
        let Some(least) = COMMANDS
            .iter()
            .find(|known| known.0 == self.command)
            .map(|known| known.2)
        else {
            return false;
        };
        if self.response {
            // An end code, whose upper octet is a category (W342, 5-1-3).
            matches!(self.data, [main, _, ..] if main & 0x7f <= 0x40)
        } else {
            self.data.len() >= least
        }
    }

    /// Lengths agree to the octet, and a memory area is one that there is: what must hold where the port says nothing.
    pub(super) fn is_exact(&self) -> bool {
        let Some(least) = COMMANDS
            .iter()
            .find(|known| known.0 == self.command)
            .map(|known| known.2)
        else {
            return false;
        };
        let data = self.data;
        match (self.response, self.command, data) {
            (true, ..) => self.is_sane() && self.service != 0,
            (false, 0x0101, [area, _, _, _, _, _]) => is_area(*area),
            (false, 0x0102, [area, _, _, _, high, low, values @ ..]) => {
                let count = usize::from(u16::from_be_bytes([*high, *low]));
                let fills = [1, 2, 4].iter().any(|size| count * size == values.len());
                is_area(*area) && count > 0 && fills
            }
            (false, 0x0103, [area, _, _, _, _, _, _, _]) => is_area(*area),
            (false, 0x0101..=0x0103, _) => false,
            (false, 0x0401..=0x0403 | 0x0501 | 0x0601..=0x0603 | 0x0701, _) => data.len() <= 3,
            _ => data.len() >= least && least >= 2,
        }
    }

    pub(super) fn is_known(&self) -> bool {
        COMMANDS.iter().any(|known| known.0 == self.command)
    }

    /// W342, 5-1-3: bits of the end code tell errors of the controller, which do not concern the command.
    pub(super) fn refusal(&self) -> Option<String> {
        let [main, sub, ..] = self.data else {
            return Some("no end code".to_owned());
        };
        let (main, sub) = (main & 0x7f, sub & 0x3f);
        if (main, sub) == (0, 0) {
            return None;
        }
        let what = match main {
            0x00 => "service cancelled",
            0x01 => "local node error",
            0x02 => "destination node error",
            0x03 => "controller error",
            0x04 => "not supported",
            0x05 => "routing error",
            0x10 => "command format error",
            0x11 => "parameter error",
            0x20 => "read not possible",
            0x21 => "write not possible",
            0x22 => "not possible in this mode",
            0x23 => "no such device",
            0x24 => "cannot start or stop",
            0x25 => "unit error",
            0x26 => "command error",
            0x30 => "access right held by another",
            0x40 => "aborted",
            _ => "error",
        };
        Some(format!("{what} (end code {main:02x}{sub:02x})"))
    }

    /// What of a request tells it from others: command, address and count, not the values.
    pub(super) fn what(&self) -> ([u8; 15], usize) {
        let mut what = [0; 15];
        let command = self.command.to_be_bytes();
        let fixed = if self.is_batch() { 6 } else { 0 };
        let parts = self
            .to
            .iter()
            .chain(&command)
            .chain(self.data.iter().take(fixed));
        let mut used = 0;
        for (place, byte) in what.iter_mut().zip(parts) {
            *place = *byte;
            used += 1;
        }
        (what, used)
    }

    /// Reading or writing one range, the cyclic work; its first six octets say all but the values.
    pub(super) const fn is_batch(&self) -> bool {
        matches!(self.command, 0x0101..=0x0103)
    }

    pub(super) fn name(&self) -> &'static str {
        COMMANDS
            .iter()
            .find(|known| known.0 == self.command)
            .map_or("command", |known| known.1)
    }

    pub(super) fn op(&self) -> Op {
        let verb = COMMANDS
            .iter()
            .find(|known| known.0 == self.command)
            .map_or(Verb::Read, |known| known.3);
        let mut op = Op::new(verb);
        let mut detail = format!("{:04x} {}", self.command, self.name());
        let (object, more, bytes) = describe(self.command, self.data).unwrap_or_default();
        op.object = object;
        if let Some(more) = more {
            detail.push_str(", ");
            detail.push_str(&more);
        }
        // Another unit of the same rack, or a node behind this one, is meant: the Ethernet end is not all of it.
        let [network, _, unit] = self.to;
        if network != 0 || unit != 0 {
            let [network, node, unit] = self.to;
            detail.push_str(&format!(", to {network}.{node}.{unit}"));
        }
        op.detail = Some(detail);
        op.content_bytes = bytes;
        op
    }
}

/// Command, name (W342, 5-1-1), least octets of parameters, operation.
const COMMANDS: &[(u16, &str, usize, Verb)] = &[
    (0x0101, "memory area read", 6, Verb::Read),
    (0x0102, "memory area write", 6, Verb::Write),
    (0x0103, "memory area fill", 8, Verb::Write),
    (0x0104, "multiple memory area read", 4, Verb::Read),
    (0x0105, "memory area transfer", 10, Verb::Write),
    (0x0201, "parameter area read", 6, Verb::Read),
    (0x0202, "parameter area write", 6, Verb::Configure),
    (0x0203, "parameter area clear", 8, Verb::Configure),
    (0x0220, "data link table read", 2, Verb::Read),
    (0x0221, "data link table write", 2, Verb::Configure),
    (0x0304, "program area protect", 11, Verb::Lock),
    (0x0305, "program area protect clear", 11, Verb::Unlock),
    (0x0306, "program area read", 8, Verb::ProgramUpload),
    (0x0307, "program area write", 8, Verb::ProgramDownload),
    (0x0308, "program area clear", 3, Verb::ProgramDelete),
    (0x0401, "run", 0, Verb::Start),
    (0x0402, "stop", 0, Verb::Stop),
    (0x0403, "reset", 0, Verb::Reset),
    (0x0501, "controller data read", 0, Verb::Identify),
    (0x0502, "connection data read", 1, Verb::Identify),
    (0x0601, "controller status read", 0, Verb::Diagnose),
    (0x0602, "network status read", 0, Verb::Diagnose),
    (0x0603, "data link status read", 0, Verb::Diagnose),
    (0x0620, "cycle time read", 1, Verb::Diagnose),
    (0x0701, "clock read", 0, Verb::Read),
    (0x0702, "clock write", 5, Verb::SetClock),
    (0x0801, "internode echo test", 0, Verb::Diagnose),
    (0x0802, "broadcast test results read", 0, Verb::Diagnose),
    (0x0803, "broadcast test data send", 0, Verb::Diagnose),
    (
        0x0920,
        "message read, message clear, FAL read",
        2,
        Verb::Diagnose,
    ),
    (0x0c01, "access right acquire", 2, Verb::Lock),
    (0x0c02, "access right forced acquire", 2, Verb::Lock),
    (0x0c03, "access right release", 2, Verb::Unlock),
    (0x2101, "error clear", 2, Verb::Reset),
    (0x2102, "error log read", 4, Verb::Diagnose),
    (0x2103, "error log clear", 0, Verb::Reset),
    (0x2140, "access log read", 4, Verb::Diagnose),
    (0x2141, "access log clear", 0, Verb::Reset),
    (0x2201, "file name read", 6, Verb::FileRead),
    (0x2202, "single file read", 20, Verb::FileRead),
    (0x2203, "single file write", 22, Verb::FileWrite),
    (0x2204, "file memory format", 2, Verb::FileDelete),
    (0x2205, "file delete", 4, Verb::FileDelete),
    (0x2206, "volume label create or delete", 4, Verb::FileWrite),
    (0x2207, "file copy", 28, Verb::FileWrite),
    (0x2208, "file name change", 26, Verb::FileWrite),
    (0x2209, "file data check", 14, Verb::Diagnose),
    (0x220a, "memory area file transfer", 22, Verb::FileWrite),
    (0x220b, "parameter area file transfer", 22, Verb::FileWrite),
    (0x220c, "program area file transfer", 24, Verb::FileWrite),
    (0x220f, "file memory index read", 3, Verb::FileRead),
    (0x2210, "file memory read", 4, Verb::FileRead),
    (0x2211, "file memory write", 4, Verb::FileWrite),
    (0x2215, "directory create or delete", 6, Verb::FileWrite),
    (0x2220, "memory cassette transfer", 4, Verb::ProgramDownload),
    (0x2301, "forced set or reset", 2, Verb::Write),
    (0x2302, "forced set or reset cancel", 0, Verb::Write),
    (0x230a, "multiple forced status read", 6, Verb::Read),
    (0x2601, "name set", 1, Verb::Configure),
    (0x2602, "name delete", 0, Verb::Configure),
    (0x2603, "name read", 0, Verb::Identify),
];

type Described = (Option<String>, Option<String>, Option<u64>);

/// Object, more, octets of content.
fn describe(command: u16, data: &[u8]) -> Result<Described, Malformed> {
    let mut r = Reader::new(data);
    let mut content = None;
    let mut more = None;
    let object = match command {
        0x0101..=0x0103 => {
            let (area, word, bit, count) = (r.u8()?, r.u16()?, r.u8()?, r.u16()?);
            if command == 0x0102 {
                content = Some(r.left() as u64);
            }
            Some(range(area, word, bit, count))
        }
        0x0104 => {
            let mut names = Vec::new();
            while let Ok(area) = r.u8()
                && names.len() < 4
            {
                names.push(range(area, r.u16()?, r.u8()?, 1));
            }
            if r.left() > 0 {
                names.push("…".to_owned());
            }
            Some(names.join(", "))
        }
        0x0105 => {
            let (area, word, bit) = (r.u8()?, r.u16()?, r.u8()?);
            let (to_area, to_word, to_bit, count) = (r.u8()?, r.u16()?, r.u8()?, r.u16()?);
            more = Some(format!("from {}", range(area, word, bit, count)));
            Some(range(to_area, to_word, to_bit, count))
        }
        0x0201..=0x0203 => {
            let (area, begin, count) = (r.u16()?, r.u16()?, r.u16()?);
            if command == 0x0202 {
                content = Some(r.left() as u64);
            }
            let name = match area {
                0x8010 => "PLC setup".to_owned(),
                0x8011 => "peripheral device settings".to_owned(),
                0x8012 => "I/O table".to_owned(),
                0x8013 => "routing table".to_owned(),
                0x8002 => "CPU bus unit settings".to_owned(),
                other => format!("parameter area {other:04x}"),
            };
            more = Some(format!("{} words from {begin}", count & 0x7fff));
            Some(name)
        }
        0x0304..=0x0308 => {
            let program = r.u16()?;
            Some(format!("program {program}"))
        }
        0x0401 => {
            let program = r.u16().ok();
            more = Some(match r.u8() {
                Ok(0x04) => "run mode".to_owned(),
                Ok(0x01) => "debug mode".to_owned(),
                _ => "monitor mode".to_owned(),
            });
            program.map(|program| format!("program {program}"))
        }
        0x2202 | 0x2203 => {
            let disk = r.u16()?;
            let name = file(r.bytes(12)?);
            r.skip(6)?;
            if command == 0x2203 {
                content = Some(r.left() as u64);
            }
            more = Some(format!("disk {disk}"));
            name
        }
        0x2201 | 0x2204 | 0x220f..=0x2211 => Some(format!("disk {}", r.u16()?)),
        0x2205 => {
            let (disk, count) = (r.u16()?, r.u16()?);
            more = Some(format!("disk {disk}"));
            let mut names = Vec::new();
            for _ in 0..count.min(4) {
                names.extend(r.bytes(12).ok().and_then(file));
            }
            Some(names.join(", ")).filter(|names| !names.is_empty())
        }
        0x2207 => {
            r.skip(2)?;
            let from = file(r.bytes(12)?);
            r.skip(2)?;
            more = from.map(|from| format!("from {from}"));
            file(r.bytes(12)?)
        }
        0x2208 => {
            r.skip(2)?;
            let new = file(r.bytes(12)?);
            more = file(r.bytes(12)?).map(|old| format!("was {old}"));
            new
        }
        0x2209 => {
            r.skip(2)?;
            file(r.bytes(12)?)
        }
        0x220a | 0x220b => {
            let way = r.u16()?;
            more = Some(way_of(way).to_owned());
            r.skip(8)?;
            file(r.bytes(12)?)
        }
        0x220c => {
            let way = r.u16()?;
            more = Some(way_of(way).to_owned());
            r.skip(12)?;
            file(r.bytes(r.left().min(12))?)
        }
        0x2301 => {
            let count = r.u16()?;
            let mut names = Vec::new();
            for _ in 0..count.min(4) {
                let (how, area, word, bit) = (r.u16()?, r.u8()?, r.u16()?, r.u8()?);
                let how = match how {
                    0x0000 => "force reset",
                    0x0001 => "force set",
                    0x8000 | 0x8001 => "forced status released",
                    0xffff => "released",
                    _ => "forced",
                };
                more = Some(how.to_owned());
                names.push(range(area, word, bit, 1));
            }
            Some(names.join(", "))
        }
        0x230a => {
            let (area, word, bit, count) = (r.u8()?, r.u16()?, r.u8()?, r.u16()?);
            Some(range(area, word, bit, count))
        }
        _ => None,
    };
    Ok((object, more, content))
}

/// W342, 5-3-13: which way a file transfer inside the controller goes.
const fn way_of(way: u16) -> &'static str {
    match way {
        0 => "to file",
        1 => "from file",
        2 => "compared",
        _ => "transfer",
    }
}

/// Eight characters, dot, three characters.
fn file(name: &[u8]) -> Option<String> {
    text(name, 12)
}

/// W342, 5-2-2: the codes of memory areas.
const fn is_area(area: u8) -> bool {
    matches!(
        area,
        0x00 | 0x02
            | 0x06..=0x0a
            | 0x20..=0x33
            | 0x46
            | 0x49
            | 0x70..=0x73
            | 0x80..=0x82
            | 0x89
            | 0x90..=0x98
            | 0xa0..=0xb3
            | 0xbc
            | 0xdc
            | 0xf0..=0xf3
    )
}

/// W342, 5-2-2: memory areas by code, with the names that the programming software shows.
fn range(area: u8, word: u16, bit: u8, count: u16) -> String {
    let (name, bits) = match area {
        0x30 | 0x70 | 0x00 => ("CIO".to_owned(), true),
        0x31 | 0x71 => ("W".to_owned(), true),
        0x32 | 0x72 => ("H".to_owned(), true),
        0x33 => ("A".to_owned(), true),
        0xb0 | 0xf0 | 0x80 => ("CIO".to_owned(), false),
        0xb1 | 0xf1 => ("W".to_owned(), false),
        0xb2 | 0xf2 => ("H".to_owned(), false),
        0xb3 => ("A".to_owned(), false),
        0x09 | 0x49 => ("T/C flag ".to_owned(), false),
        0x89 | 0x81 => ("T/C ".to_owned(), false),
        0x02 => ("D".to_owned(), true),
        0x82 => ("D".to_owned(), false),
        0x06 | 0x46 => ("TK".to_owned(), false),
        0x20..=0x2f => (format!("E{:X}_", area & 0x0f), true),
        // Of the CV series, and of the later ones.
        0x90..=0x97 | 0xa0..=0xaf => (format!("E{:X}_", area & 0x0f), false),
        0x0a => ("E_".to_owned(), true),
        0x98 => ("E_".to_owned(), false),
        0xdc => ("IR".to_owned(), false),
        0xbc => ("DR".to_owned(), false),
        0x07 => ("clock pulse ".to_owned(), false),
        other => (format!("area {other:02x} "), bit != 0),
    };
    if bits {
        let last = u32::from(bit) + u32::from(count.max(1)) - 1;
        if count > 1 {
            format!(
                "{name}{word}.{bit:02}-{}.{:02}",
                u32::from(word) + last / 16,
                last % 16
            )
        } else {
            format!("{name}{word}.{bit:02}")
        }
    } else if count > 1 {
        format!("{name}{word}-{}", u32::from(word) + u32::from(count) - 1)
    } else {
        format!("{name}{word}")
    }
}
