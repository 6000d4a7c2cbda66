//! The frames of the MELSEC communication protocol, as bytes or as characters, and what a command asks.
use crate::reader::text;
use crate::{Malformed, Op, Reader, Verb};

/// Longest body: 960 words in characters and more than any command carries.
const MOST_BODY: usize = 0x4000;

/// Numbers of a frame: octets with the least first, or hexadecimal characters with the highest first.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a> {
    r: Reader<'a>,
    ascii: bool,
}

impl<'a> Fields<'a> {
    /// A number of `count` octets, or of twice as many characters.
    fn number(&mut self, count: usize) -> Result<u32, Malformed> {
        let mut value = 0u32;
        if self.ascii {
            for digit in self.r.bytes(count * 2)? {
                let digit = char::from(*digit)
                    .to_digit(16)
                    .ok_or(Malformed::Bad("hexadecimal digit"))?;
                value = value << 4 | digit;
            }
        } else {
            for byte in self.r.bytes(count)?.iter().rev() {
                value = value << 8 | u32::from(*byte);
            }
        }
        Ok(value)
    }

    fn small(&mut self, count: usize) -> Result<u16, Malformed> {
        self.number(count)
            .map(|value| u16::try_from(value).unwrap_or(u16::MAX))
    }

    const fn left(&self) -> usize {
        self.r.left()
    }

    pub(super) const fn bytes(&self) -> &'a [u8] {
        self.r.peek()
    }
}

/// A request or an answer.
#[derive(Clone, Copy)]
pub(super) struct Frame<'a> {
    pub response: bool,
    /// Four-E frames have a number of their own.
    pub serial: u16,
    /// Octets or characters of the whole.
    pub length: usize,
    /// Network, station and module that are meant.
    route: [u16; 4],
    /// Command and subcommand of a request; end code of an answer.
    pub command: u16,
    pub subcommand: u16,
    pub data: Fields<'a>,
}

impl<'a> Frame<'a> {
    /// SLMP reference (SH-080956ENG), 4: subheader, access route, length, then timer and command, or end code. `whole`:
    /// false is enough for recognition, the body may be cut.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Frame<'a>, Malformed> {
        let r = Reader::new(bytes);
        let ascii = matches!(bytes, [b'5' | b'D', ..]) && bytes.get(1) != Some(&0);
        // In octets the subheader stands high octet first, unlike everything after it.
        let (mut f, subheader) = if ascii {
            let mut f = Fields { r, ascii };
            let subheader = f.small(2)?;
            (f, subheader)
        } else {
            let mut r = r;
            let subheader = r.u16()?;
            (Fields { r, ascii }, subheader)
        };
        let (response, numbered) = match subheader {
            0x5000 => (false, false),
            0x5400 => (false, true),
            0xd000 => (true, false),
            0xd400 => (true, true),
            _ => return Err(Malformed::Bad("subheader")),
        };
        let mut serial = 0;
        if numbered {
            serial = f.small(2)?;
            let zero = f.small(2)?;
            f.r.check(zero == 0, "fixed value")?;
        }
        let route = [f.small(1)?, f.small(1)?, f.small(2)?, f.small(1)?];
        let [_, _, module, drop] = route;
        f.r.check(
            matches!(module, 0x03ff | 0x03d0..=0x03d3 | 0x03e0..=0x03e3 | 0..=0x01ff) && drop <= 31,
            "route",
        )?;
        let length = usize::from(f.small(2)?);
        let least = if response { 2 } else { 6 } * if ascii { 2 } else { 1 };
        f.r.check((least..=MOST_BODY).contains(&length), "length")?;
        let whole = f.r.at() + length;
        if !response {
            f.small(2)?;
        }
        let command = f.small(2)?;
        let subcommand = if response { 0 } else { f.small(2)? };
        let rest = whole.saturating_sub(f.r.at()).min(f.left());
        Ok(Frame {
            response,
            serial,
            length: whole,
            route,
            command,
            subcommand,
            data: Fields {
                r: f.r.sub(rest)?,
                ascii,
            },
        })
    }

    pub(super) fn is_known(&self) -> bool {
        command(self.command).is_some()
            && matches!(self.subcommand, 0..=3 | 0x40 | 0x80..=0x83 | 0x0004..=0x0008)
    }

    /// It goes to the station that is connected, and to its own CPU.
    pub(super) const fn is_own_station(&self) -> bool {
        matches!(self.route, [0, 0xff, 0x03ff, 0])
    }

    /// Reading or writing ranges, the cyclic work; and how much of its data names them.
    pub(super) const fn range_length(&self) -> Option<usize> {
        match self.command {
            0x0401 | 0x1401 => Some(if self.data.ascii { 16 } else { 8 }),
            _ => None,
        }
    }

    pub(super) const fn is_ascii(&self) -> bool {
        self.data.ascii
    }

    pub(super) fn op(&self) -> Op {
        let (name, verb) = command(self.command).unwrap_or(("command", Verb::Read));
        let mut op = Op::new(verb);
        let mut detail = format!("{:04x} {name}", self.command);
        let (object, more, bytes) = self.describe().unwrap_or_default();
        if let Some(more) = more {
            detail.push_str(", ");
            detail.push_str(&more);
        }
        if !self.is_own_station() {
            let [network, station, module, drop] = self.route;
            detail.push_str(&format!(
                ", to network {network} station {station} module {module:04x} drop {drop}"
            ));
        }
        op.object = object;
        op.detail = Some(detail);
        op.content_bytes = bytes;
        op
    }

    fn describe(&self) -> Result<Described, Malformed> {
        let mut f = self.data;
        let bits = self.subcommand & 1 != 0;
        let wide = self.subcommand & 2 != 0;
        let mut content = None;
        let mut more = None;
        let object = match self.command {
            0x0401 | 0x1401 => {
                let (name, number, hexadecimal) = device(&mut f, wide)?;
                let count = f.small(2)?;
                if self.command == 0x1401 {
                    content = Some(octets(&f));
                }
                if bits {
                    more = Some("bits".to_owned());
                }
                Some(range(name, number, hexadecimal, count))
            }
            0x0403 | 0x0801 => {
                let (words, doubles) = (f.small(1)?, f.small(1)?);
                Some(devices(&mut f, wide, words + doubles, 0)?)
            }
            0x1402 if bits => {
                let count = f.small(1)?;
                Some(devices(&mut f, wide, count, if wide { 2 } else { 1 })?)
            }
            0x1402 => {
                let (words, doubles) = (f.small(1)?, f.small(1)?);
                // Words carry two octets, doubles four: where there are both, the doubles stand after all words.
                let names = devices(&mut f, wide, words, 2)?;
                let more = devices(&mut f, wide, doubles, 4).unwrap_or_default();
                Some(
                    [names, more]
                        .iter()
                        .filter(|part| !part.is_empty())
                        .cloned()
                        .collect::<Vec<_>>()
                        .join(", "),
                )
            }
            0x0406 | 0x1406 => {
                let (words, bits) = (f.small(1)?, f.small(1)?);
                let (name, number, hexadecimal) = device(&mut f, wide)?;
                let count = f.small(2)?;
                more = Some(format!("{} blocks", words + bits));
                Some(range(name, number, hexadecimal, count))
            }
            0x0601 | 0x1601 => {
                let (address, length, module) = (f.number(4)?, f.small(2)?, f.small(2)?);
                more = Some(format!("module {module:04x}"));
                Some(format!("buffer {address:x}h, {length} octets"))
            }
            0x0613 | 0x1613 => {
                let (address, length) = (f.number(4)?, f.small(2)?);
                Some(format!("buffer {address:x}h, {length} words"))
            }
            0x1001 | 0x1003 => {
                more = Some(match f.small(2)? {
                    1 => "not forced".to_owned(),
                    3 => "forced".to_owned(),
                    mode => format!("mode {mode}"),
                });
                if self.command == 0x1001
                    && let Ok(clear) = f.small(1)
                {
                    let clear = match clear {
                        0 => "devices kept",
                        1 => "devices cleared but latched ones",
                        2 => "devices cleared",
                        _ => "clear mode",
                    };
                    more = more.map(|mode| format!("{mode}, {clear}"));
                }
                None
            }
            0x1827 => {
                // Password and mode come first; the name is what can be read at the end.
                file_name(&f)
            }
            0x1820 | 0x1822 | 0x1824 | 0x1811 => file_name(&f),
            0x1828 => {
                let (handle, offset, count) = (f.small(2)?, f.number(4)?, f.small(2)?);
                more = Some(format!("{count} octets from {offset}"));
                Some(format!("open file {handle}"))
            }
            0x1829 => {
                let (handle, offset, count) = (f.small(2)?, f.number(4)?, f.small(2)?);
                more = Some(format!("{count} octets from {offset}"));
                content = Some(u64::from(count));
                Some(format!("open file {handle}"))
            }
            _ => None,
        };
        Ok((object, more, content))
    }
}

/// Object, more, octets of content.
type Described = (Option<String>, Option<String>, Option<u64>);

/// Octets that the values of a request fill.
const fn octets(f: &Fields<'_>) -> u64 {
    (f.left() / if f.ascii { 2 } else { 1 }) as u64
}

fn file_name(f: &Fields<'_>) -> Option<String> {
    let bytes = f.bytes();
    let utf16: Vec<u8> = bytes.iter().copied().filter(|byte| *byte != 0).collect();
    let start = utf16
        .iter()
        .rposition(|byte| !byte.is_ascii_graphic())
        .map_or(0, |place| place + 1);
    let name = utf16.get(start..)?;
    (name.len() >= 3).then(|| text(name, 64)).flatten()
}

/// Command (SH-080956ENG, 5), name, operation.
pub(super) fn command(command: u16) -> Option<(&'static str, Verb)> {
    Some(match command {
        0x0101 => ("read type name", Verb::Identify),
        0x0401 => ("read", Verb::Read),
        0x0403 => ("read random", Verb::Read),
        0x0406 => ("read block", Verb::Read),
        0x0601 => ("extend unit read", Verb::Read),
        0x0613 => ("memory read", Verb::Read),
        0x0619 => ("self test", Verb::Diagnose),
        0x0801 => ("entry monitor device", Verb::Read),
        0x0802 => ("execute monitor", Verb::Read),
        0x0e30 => ("node search", Verb::Identify),
        0x0e31 => ("node IP address set", Verb::Configure),
        0x1001 => ("remote run", Verb::Start),
        0x1002 => ("remote stop", Verb::Stop),
        0x1003 => ("remote pause", Verb::ModeChange),
        0x1005 => ("remote latch clear", Verb::Reset),
        0x1006 => ("remote reset", Verb::Reset),
        0x1401 => ("write", Verb::Write),
        0x1402 => ("write random", Verb::Write),
        0x1406 => ("write block", Verb::Write),
        0x1601 => ("extend unit write", Verb::Write),
        0x1613 => ("memory write", Verb::Write),
        0x1617 => ("clear error", Verb::Reset),
        0x1630 => ("remote password unlock", Verb::Unlock),
        0x1631 => ("remote password lock", Verb::Lock),
        0x1810 => ("read directory or file", Verb::FileRead),
        0x1811 => ("search directory or file", Verb::FileRead),
        0x1820 => ("new file", Verb::FileWrite),
        0x1822 => ("delete file", Verb::FileDelete),
        0x1824 => ("copy file", Verb::FileWrite),
        0x1825 => ("change file state", Verb::FileWrite),
        0x1826 => ("change file date", Verb::FileWrite),
        0x1827 => ("open file", Verb::FileRead),
        0x1828 => ("read file", Verb::FileRead),
        0x1829 => ("write file", Verb::FileWrite),
        0x182a => ("close file", Verb::FileRead),
        0x2101 => ("on-demand data", Verb::Read),
        _ => return None,
    })
}

/// A device: three octets of number and one of kind, or four and two in the wide form; two characters of kind and six of
/// number.
fn device(f: &mut Fields<'_>, wide: bool) -> Result<(&'static str, u32, bool), Malformed> {
    if f.ascii {
        let code = f.r.bytes(if wide { 4 } else { 2 })?;
        let digits = f.r.bytes(if wide { 8 } else { 6 })?;
        let known = DEVICES
            .iter()
            .find(|known| known.2.iter().eq(code.iter().filter(|byte| **byte != b'*')));
        let (name, hexadecimal) = known.map_or(("?", false), |known| (known.1, known.3));
        let mut number = 0u32;
        for digit in digits {
            let base = if hexadecimal { 16 } else { 10 };
            let digit = char::from(*digit)
                .to_digit(base)
                .ok_or(Malformed::Bad("device number"))?;
            number = number.wrapping_mul(base).wrapping_add(digit);
        }
        return Ok((name, number, hexadecimal));
    }
    let number = f.number(if wide { 4 } else { 3 })?;
    let code = f.small(if wide { 2 } else { 1 })?;
    let known = DEVICES.iter().find(|known| u16::from(known.0) == code);
    Ok(known.map_or(("?", number, false), |known| (known.1, number, known.3)))
}

/// The first names of `count` devices, each followed by `value` octets.
fn devices(f: &mut Fields<'_>, wide: bool, count: u16, value: usize) -> Result<String, Malformed> {
    const MOST_NAMED: u16 = 4;
    let mut names = Vec::new();
    for _ in 0..count.min(MOST_NAMED) {
        let (name, number, hexadecimal) = device(f, wide)?;
        f.r.skip(if f.ascii { value * 2 } else { value })?;
        names.push(range(name, number, hexadecimal, 1));
    }
    if count > MOST_NAMED {
        names.push(format!("and {} more", count - MOST_NAMED));
    }
    Ok(names.join(", "))
}

fn range(name: &str, number: u32, hexadecimal: bool, count: u16) -> String {
    let last = number.saturating_add(u32::from(count.max(1)) - 1);
    match (count > 1, hexadecimal) {
        (true, true) => format!("{name}{number:X}-{last:X}"),
        (true, false) => format!("{name}{number}-{last}"),
        (false, true) => format!("{name}{number:X}"),
        (false, false) => format!("{name}{number}"),
    }
}

/// SH-080956ENG, 5.2: code, name, name in characters, numbered in hexadecimal.
const DEVICES: &[(u8, &str, &[u8], bool)] = &[
    (0x91, "SM", b"SM", false),
    (0xa9, "SD", b"SD", false),
    (0x9c, "X", b"X", true),
    (0x9d, "Y", b"Y", true),
    (0x90, "M", b"M", false),
    (0x92, "L", b"L", false),
    (0x93, "F", b"F", false),
    (0x94, "V", b"V", false),
    (0xa0, "B", b"B", true),
    (0xa8, "D", b"D", false),
    (0xb4, "W", b"W", true),
    (0xc1, "TS", b"TS", false),
    (0xc0, "TC", b"TC", false),
    (0xc2, "TN", b"TN", false),
    (0xc7, "STS", b"SS", false),
    (0xc6, "STC", b"SC", false),
    (0xc8, "STN", b"SN", false),
    (0xc4, "CS", b"CS", false),
    (0xc3, "CC", b"CC", false),
    (0xc5, "CN", b"CN", false),
    (0xa1, "SB", b"SB", true),
    (0xb5, "SW", b"SW", true),
    (0x98, "S", b"S", false),
    (0xa2, "DX", b"DX", true),
    (0xa3, "DY", b"DY", true),
    (0xcc, "Z", b"Z", false),
    (0xaf, "R", b"R", false),
    (0xb0, "ZR", b"ZR", true),
    (0x2c, "RD", b"RD", false),
];

impl Frame<'_> {
    /// The type name that an answer to command 0101 carries: sixteen characters.
    pub(super) fn type_name(&self) -> Option<String> {
        let bytes = self.data.bytes();
        text(bytes.get(..16.min(bytes.len()))?, 16)
    }

    /// SH-080956ENG, appendix: why a request was refused.
    pub(super) fn refusal(&self) -> Option<String> {
        let what = match self.command {
            0 => return None,
            0xc051..=0xc054 => "wrong number of points",
            0xc056 => "device range exceeded",
            0xc059 | 0xc05a => "wrong command",
            0xc05b => "device cannot be accessed",
            0xc05c => "wrong subcommand",
            0xc05f => "not possible for this station",
            0xc061 => "wrong length",
            0xc200 => "wrong password",
            0xc201 => "locked by remote password",
            0xc204 => "unlocked by another",
            0x4010 | 0x4013 => "not possible in run",
            _ => "error",
        };
        Some(format!("{what} (end code {:04x})", self.command))
    }
}
