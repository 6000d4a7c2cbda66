//! The messages of S7comm, as bytes.
use crate::{Malformed, Reader, Sender};

pub(super) const ID: u8 = 0x32;

/// Items of one request that are named; S7 allows 20.
pub(super) const MOST_ITEMS: usize = 20;

/// Functions of jobs and their answers.
pub(super) mod function {
    pub(in crate::protocols::s7comm) const READ: u8 = 0x04;
    pub(in crate::protocols::s7comm) const WRITE: u8 = 0x05;
    pub(in crate::protocols::s7comm) const REQUEST_DOWNLOAD: u8 = 0x1a;
    pub(in crate::protocols::s7comm) const DOWNLOAD_BLOCK: u8 = 0x1b;
    pub(in crate::protocols::s7comm) const DOWNLOAD_ENDED: u8 = 0x1c;
    pub(in crate::protocols::s7comm) const START_UPLOAD: u8 = 0x1d;
    pub(in crate::protocols::s7comm) const UPLOAD: u8 = 0x1e;
    pub(in crate::protocols::s7comm) const END_UPLOAD: u8 = 0x1f;
    pub(in crate::protocols::s7comm) const PI_SERVICE: u8 = 0x28;
    pub(in crate::protocols::s7comm) const STOP: u8 = 0x29;
    pub(in crate::protocols::s7comm) const SETUP: u8 = 0xf0;
}

/// Kind of message ("remote operating service control").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Job,
    Answer,
    Userdata,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Pdu<'a> {
    pub kind: Kind,
    pub reference: u16,
    /// Class and code; 0 is success. Jobs and userdata have none here.
    pub error: u16,
    pub param: &'a [u8],
    pub data: &'a [u8],
}

impl<'a> Pdu<'a> {
    pub(super) fn read(r: &mut Reader<'a>) -> Result<Pdu<'a>, Malformed> {
        let id = r.u8()?;
        r.check(id == ID, "S7 protocol identifier")?;
        let kind = match r.u8()? {
            1 => Kind::Job,
            2 | 3 => Kind::Answer,
            7 => Kind::Userdata,
            _ => return Err(Malformed::Bad("S7 message kind")),
        };
        r.skip(2)?;
        let reference = r.u16()?;
        let (param, data) = (usize::from(r.u16()?), usize::from(r.u16()?));
        let error = if kind == Kind::Answer { r.u16()? } else { 0 };
        Ok(Pdu {
            kind,
            reference,
            error,
            param: r.bytes(param)?,
            data: r.bytes(data)?,
        })
    }

    pub(super) fn function(&self) -> u8 {
        self.param.first().copied().unwrap_or(0)
    }

    /// Who must have sent it.
    pub(super) fn sender(&self) -> Sender {
        // In a download the controller asks for the blocks; everything else the station asks.
        let turned = matches!(
            self.function(),
            function::DOWNLOAD_BLOCK | function::DOWNLOAD_ENDED
        );
        match (self.kind, turned) {
            (Kind::Job, false) | (Kind::Answer, true) => Sender::Client,
            (Kind::Job, true) | (Kind::Answer, false) => Sender::Server,
            (Kind::Userdata, _) => match self.param {
                [0x00, 0x01, 0x12, _, _, group, ..] => match group >> 4 {
                    4 | 7 => Sender::Client,
                    _ => Sender::Server,
                },
                _ => Sender::Unknown,
            },
        }
    }
}

/// Reads as much of a message as is there: the role where it tells, `Short` while the header is not whole.
pub(super) fn recognise(content: &[u8], whole: bool) -> Result<Sender, Malformed> {
    let mut r = Reader::new(content);
    match Pdu::read(&mut r) {
        Ok(pdu) => {
            // Trailing bytes would be another protocol's.
            r.check(r.is_empty(), "S7 length")?;
            let known = match pdu.kind {
                Kind::Userdata => pdu.param.len() >= 4,
                Kind::Job => {
                    matches!(
                        pdu.function(),
                        0x00 | 0x04 | 0x05 | 0x1a..=0x1f | 0x28 | 0x29 | 0xf0
                    )
                }
                Kind::Answer => {
                    pdu.param.is_empty()
                        || matches!(
                            pdu.function(),
                            0x00 | 0x04 | 0x05 | 0x1a..=0x1f | 0x28 | 0x29 | 0xf0
                        )
                }
            };
            r.check(known, "S7 function")?;
            Ok(pdu.sender())
        }
        Err(Malformed::Short) if whole => Err(Malformed::Bad("S7 length")),
        Err(error) => Err(error),
    }
}

/// What became of the items of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Items {
    pub count: usize,
    pub failed: usize,
    /// Return code of the first that failed.
    pub code: u8,
}

impl Items {
    fn add(&mut self, code: u8) {
        self.count += 1;
        if code != 0xff {
            if self.failed == 0 {
                self.code = code;
            }
            self.failed += 1;
        }
    }
}

const NO_ITEMS: Items = Items {
    count: 0,
    failed: 0,
    code: 0xff,
};

/// Return codes of a write's answer: a byte per item.
pub(super) fn write_results(data: &[u8]) -> Items {
    let mut items = NO_ITEMS;
    for code in data {
        items.add(*code);
    }
    items
}

/// Return codes of a read's answer: each in front of its value.
pub(super) fn read_results(data: &[u8]) -> Items {
    let mut items = NO_ITEMS;
    let mut r = Reader::new(data);
    while let Ok((code, _)) = value(&mut r) {
        items.add(code);
    }
    items
}

/// Bytes of the values that a write carries.
pub(super) fn written(data: &[u8]) -> u64 {
    let mut r = Reader::new(data);
    let mut bytes = 0;
    while let Ok((_, value)) = value(&mut r) {
        bytes += value.len() as u64;
    }
    bytes
}

/// Return code and value; values of odd length are padded unless they are the last. Failed items have no value, whatever
/// their length says.
pub(super) fn value<'a>(r: &mut Reader<'a>) -> Result<(u8, &'a [u8]), Malformed> {
    let (code, transport, length) = (r.u8()?, r.u8()?, usize::from(r.u16()?));
    // Bits and words count in bits, the others in bytes.
    let length = match (code, transport) {
        (0x01..=0xfe, _) => 0,
        (_, 3..=5) => length.div_ceil(8),
        _ => length,
    };
    let value = r.bytes(length)?;
    if length % 2 == 1 && !r.is_empty() {
        r.skip(1)?;
    }
    Ok((code, value))
}

/// The objects that a read or write names, e.g. `DB11.DBX0.0 BYTE 4, M10.0`.
pub(super) fn objects(mut r: Reader<'_>, count: u8) -> Option<String> {
    let mut named = Vec::new();
    for _ in 0..count {
        if named.len() >= MOST_ITEMS {
            named.push("…".to_owned());
            break;
        }
        let Ok(item) = item(&mut r) else { break };
        named.push(item);
    }
    (!named.is_empty()).then(|| named.join(", "))
}

fn item(r: &mut Reader<'_>) -> Result<String, Malformed> {
    let kind = r.u8()?;
    r.check(kind == 0x12, "item")?;
    let length = usize::from(r.u8()?);
    let mut item = r.sub(length)?;
    if length % 2 == 1 && !r.is_empty() {
        r.skip(1)?;
    }
    match item.u8()? {
        // "Any" pointer: type, count, block, area, bit address.
        0x10 if length == 10 => any(&mut item),
        // Several parts of data blocks in one item.
        0xb0 => {
            let parts = item.u8()?;
            let mut named = Vec::new();
            for _ in 0..parts {
                let (bytes, block, at) = (item.u8()?, item.u16()?, item.u16()?);
                named.push(format!("DB{block}.DBX{at}.0 BYTE {bytes}"));
            }
            Ok(named.join(", "))
        }
        // S7-1200/1500 access by checksum of the symbol.
        0xb2 => {
            item.skip(1)?;
            let (area, block) = (item.u16()?, item.u16()?);
            Ok(match area {
                0x8a0e => format!("DB{block} symbolic"),
                _ => "symbolic".to_owned(),
            })
        }
        0xa2 => Ok("drive parameter".to_owned()),
        0x82..=0x84 => Ok("NCK variable".to_owned()),
        _ => Ok("other item".to_owned()),
    }
}

fn any(item: &mut Reader<'_>) -> Result<String, Malformed> {
    let (transport, count, block, area) = (item.u8()?, item.u16()?, item.u16()?, item.u8()?);
    let address = item.u24()?;
    let (byte, bit) = (address >> 3, address & 7);
    let place = match area {
        0x84 => format!("DB{block}.DBX{byte}.{bit}"),
        0x85 => format!("DI{block}.DIX{byte}.{bit}"),
        0x81 => format!("I{byte}.{bit}"),
        0x82 => format!("Q{byte}.{bit}"),
        0x83 => format!("M{byte}.{bit}"),
        0x80 => format!("P{byte}.{bit}"),
        0x86 => format!("L{byte}.{bit}"),
        0x87 => format!("V{byte}.{bit}"),
        0x1c => format!("C{address}"),
        0x1d => format!("T{address}"),
        0x06 => format!("AI{byte}"),
        0x07 => format!("AQ{byte}"),
        0x05 => format!("SM{byte}.{bit}"),
        0x03 => format!("SI{byte}.{bit}"),
        other => format!("area 0x{other:02x} {byte}.{bit}"),
    };
    let kind = match transport {
        0x01 => "BIT",
        0x02 => "BYTE",
        0x03 => "CHAR",
        0x04 => "WORD",
        0x05 => "INT",
        0x06 => "DWORD",
        0x07 => "DINT",
        0x08 => "REAL",
        0x09 => "DATE",
        0x0a => "TOD",
        0x0b => "TIME",
        0x0c => "S5TIME",
        0x0f => "DATE_AND_TIME",
        0x1c => "COUNTER",
        0x1d => "TIMER",
        _ => "TYPE",
    };
    Ok(match (transport, count) {
        (0x01 | 0x1c | 0x1d, 1) => place,
        _ => format!("{place} {kind} {count}"),
    })
}

/// A block by its file name, e.g. `_0A00011P` → `DB11`; other names stay as they are.
pub(super) fn block(name: &[u8]) -> Option<String> {
    let plain = name.strip_prefix(b"_").unwrap_or(name);
    let known = match plain {
        [b'0', kind, number @ .., b'P' | b'A' | b'B'] if number.len() == 5 => {
            let kind = match kind {
                b'8' => "OB",
                b'A' => "DB",
                b'B' => "SDB",
                b'C' => "FC",
                b'D' => "SFC",
                b'E' => "FB",
                b'F' => "SFB",
                _ => "",
            };
            std::str::from_utf8(number)
                .ok()
                .and_then(|number| number.parse::<u32>().ok())
                .filter(|_| !kind.is_empty())
                .map(|number| format!("{kind}{number}"))
        }
        _ => None,
    };
    known.or_else(|| crate::reader::text(name, 64))
}

/// What an item's return code says.
pub(super) const fn item_code(code: u8) -> &'static str {
    match code {
        0x01 => "hardware error",
        0x03 => "access not allowed",
        0x05 => "address out of range",
        0x06 => "data type not supported",
        0x07 => "data type inconsistent",
        0x0a => "object does not exist",
        _ => "failed",
    }
}

/// What an error says: class and code of an answer, or the code of userdata.
pub(super) fn error(code: u16) -> String {
    let known = match code {
        0x0112 => "invalid parameter",
        0x0114 => "block not found",
        0x0115 => "block already exists",
        0x0116 => "block is write-protected",
        0x0119 | 0xd602 => "wrong password",
        0x8001 => "not possible in the block's state",
        0x8003 => "error while transferring the block",
        0x8100 => "service unknown",
        0x8104 => "not implemented or bad frame",
        0x8304 => "no further parallel upload",
        0x8305 => "function not available",
        0x8401 => "invalid service sequence",
        0x8402 | 0x8404 => "not possible in the present state",
        0x8500 => "wrong frame",
        0x8701 => "addressing error",
        0x8702 => "service not supported",
        0x8703 => "access refused",
        0xd002 => "illegal job variant",
        0xd0a1 | 0xd241 => "not permitted at the current protection level",
        0xd240 => "coordination rules violated",
        0xd201 => "syntax error in block name",
        0xd202 => "syntax error in parameters",
        0xd209 => "block not found",
        0xd20e => "no block available",
        0xd210 => "invalid block number",
        0xd401 | 0xd402 => "information not available",
        0xd603 => "already legitimised",
        0xd604 => "already enabled",
        0xd605 => "no password set",
        0xdc01 => "date or time invalid",
        _ => return format!("error 0x{code:04x}"),
    };
    format!("error 0x{code:04x} {known}")
}
