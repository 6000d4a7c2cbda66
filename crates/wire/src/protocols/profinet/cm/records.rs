//! The blocks of PROFINET IO connections: what a connect asks for, which records are read and written.
use sha2::{Digest, Sha256};

use super::operation;
use crate::protocols::tls::hex;
use crate::reader::text;
use crate::{Cx, Malformed, Op, Reader, Side, Verb};

/// Records named of one write.
const MOST_RECORDS: usize = 20;

/// 5.2.1: type, length of what follows, version.
fn block<'a>(r: &mut Reader<'a>) -> Result<(u16, Reader<'a>), Malformed> {
    let (kind, length) = (r.u16()?, usize::from(r.u16()?));
    let mut block = r.sub(length)?;
    block.skip(2)?;
    Ok((kind, block))
}

/// 5.2.3.1 (the relation and who asks for it) and 5.2.3.4 (what is exchanged, how often).
pub(super) fn connect(cx: &mut Cx<'_>, side: Side, blocks: &[u8]) -> Result<Op, Malformed> {
    let mut r = Reader::new(blocks);
    let mut detail = vec!["connect".to_owned()];
    while r.left() >= 6 {
        let (kind, mut block) = block(&mut r)?;
        match kind {
            0x0101 => {
                let relation = block.u16()?;
                block.skip(16 + 2 + 6 + 16 + 4 + 2 + 2)?;
                let length = usize::from(block.u16()?);
                let name = text(block.bytes(length)?, 240);
                let role = if relation == 6 {
                    "io-supervisor"
                } else {
                    "io-controller"
                };
                cx.identity(side, "role", role);
                cx.identity(side.other(), "role", "io-device");
                if let Some(name) = name {
                    detail.push(format!("{role} {name}"));
                    cx.identity(side, "hostname", name);
                }
            }
            0x0102 => {
                let way = block.u16()?;
                block.skip(2 + 2 + 4)?;
                let (bytes, frame) = (block.u16()?, block.u16()?);
                let (clock, ratio) = (block.u16()?, block.u16()?);
                let way = if way == 1 { "input" } else { "output" };
                // The clock counts in units of 31.25 µs.
                let cycle = u64::from(clock) * u64::from(ratio) * 125 / 4;
                let frame = match frame {
                    0xffff => String::new(),
                    frame => format!(" frame 0x{frame:04x}"),
                };
                detail.push(format!("{way} {bytes} bytes every {cycle} µs{frame}"));
            }
            _ => {}
        }
    }
    Ok(Op {
        object: Some("IO connection".to_owned()),
        detail: Some(detail.join(", ")),
        ..Op::new(Verb::Configure)
    })
}

/// Where a record stands in the device, and what it holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record<'a> {
    slot: u16,
    subslot: u16,
    index: u16,
    data: &'a [u8],
}

impl Record<'_> {
    fn name(&self) -> String {
        let Record {
            slot,
            subslot,
            index,
            ..
        } = self;
        let what = match index {
            0x8020 => " (slot parameters)",
            0x802b => " (port check)",
            0x802c | 0x802d => " (isochronous or sync)",
            0x802f => " (port adjust)",
            0x8051 | 0x8052 => " (media redundancy)",
            0x8071 => " (interface adjust)",
            0x8028 => " (input)",
            0x8029 => " (output)",
            0xaff0 => " (I&M0)",
            0xaff1 => " (I&M1)",
            0xaff2 => " (I&M2)",
            0xaff3 => " (I&M3)",
            0xaff4 => " (I&M4)",
            0xf840 => " (I&M0 filter)",
            0xf830 => " (log)",
            _ => "",
        };
        if *slot == 0xffff || *index >= 0xf800 {
            return format!("record 0x{index:04x}{what}");
        }
        format!("slot {slot} subslot 0x{subslot:x} record 0x{index:04x}{what}")
    }
}

/// 5.2.4: the header of a read or write: sequence, relation, API, place, index, length; 64 bytes in all.
pub(super) fn record<'a>(r: &mut Reader<'a>, wanted: u16) -> Result<Record<'a>, Malformed> {
    let (kind, length) = (r.u16()?, r.u16()?);
    r.check(kind == wanted && length == 60, "record header")?;
    r.skip(2 + 2 + 16 + 4)?;
    let (slot, subslot) = (r.u16()?, r.u16()?);
    r.skip(2)?;
    let (index, length) = (r.u16()?, r.u32()?);
    r.skip(24)?;
    let length = if kind == 0x0008 { length as usize } else { 0 };
    Ok(Record {
        slot,
        subslot,
        index,
        data: r.bytes(length)?,
    })
}

/// A write of one record, or of several in one (index 0xe040): each begins at a multiple of four.
pub(super) fn records(blocks: &[u8]) -> Result<Vec<Record<'_>>, Malformed> {
    let mut r = Reader::new(blocks);
    let first = record(&mut r, 0x0008)?;
    if first.index != 0xe040 {
        return Ok(vec![first]);
    }
    let mut inside = Reader::new(first.data);
    let mut records = Vec::new();
    while inside.left() >= 64 {
        records.push(record(&mut inside, 0x0008)?);
        let over = inside.at() % 4;
        if over > 0 && inside.skip(4 - over).is_err() {
            break;
        }
    }
    Ok(records)
}

pub(super) fn written(records: &[Record<'_>]) -> Op {
    let mut names: Vec<String> = records
        .iter()
        .take(MOST_RECORDS)
        .map(Record::name)
        .collect();
    if records.len() > MOST_RECORDS {
        names.push("…".to_owned());
    }
    let mut hash = Sha256::new();
    let mut bytes = 0;
    for record in records {
        hash.update(record.data);
        bytes += record.data.len() as u64;
    }
    let count = records.len();
    Op {
        object: (!names.is_empty()).then(|| names.join(", ")),
        detail: Some(match count {
            1 => "write".to_owned(),
            count => format!("write of {count} records"),
        }),
        content_bytes: (bytes > 0).then_some(bytes),
        content_sha256: (bytes > 0).then(|| hex(&hash.finalize())),
        ..Op::new(Verb::ParameterChange)
    }
}

/// IEC 61158-6-10, 5.2.3.17: where a connection stands: its parameters are to begin, or are at their end.
pub(super) fn control(blocks: &[u8]) -> Result<Op, Malformed> {
    let (kind, _) = block(&mut Reader::new(blocks))?;
    let what = match kind {
        0x0110 => "end of parameters",
        0x0111 => "end of parameters after a module was plugged",
        0x0118 => "begin of parameters",
        _ => "other",
    };
    Ok(Op {
        object: Some("IO connection".to_owned()),
        detail: Some(format!("control, {what}")),
        ..Op::new(Verb::Diagnose)
    })
}

/// 5.2.3.15: the modules that a device has otherwise than the connection expects them, if it says of any.
pub(super) fn difference(blocks: &[u8]) -> Option<String> {
    let mut r = Reader::new(blocks);
    while let Ok((kind, mut block)) = block(&mut r) {
        if kind != 0x8104 {
            continue;
        }
        let mut differ = Vec::new();
        // What is cut off leaves what stands before it.
        let _ = modules(&mut block, &mut differ);
        return (!differ.is_empty()).then(|| differ.join(", "));
    }
    None
}

/// Per API its slots, per slot the module that should be there, whether it is, and the state of its submodules.
fn modules(block: &mut Reader<'_>, differ: &mut Vec<String>) -> Result<(), Malformed> {
    /// Slots named of one device.
    const MOST_SLOTS: usize = 16;
    for _ in 0..block.u16()? {
        block.skip(4)?;
        for _ in 0..block.u16()? {
            let (slot, _ident, state) = (block.u16()?, block.u32()?, block.u16()?);
            let what = match state {
                0 => Some("no module"),
                1 => Some("wrong module"),
                3 => Some("another module in its place"),
                _ => None,
            };
            for _ in 0..block.u16()? {
                let (_subslot, _ident, _state) = (block.u16()?, block.u32()?, block.u16()?);
            }
            if let Some(what) = what
                && differ.len() < MOST_SLOTS
            {
                differ.push(format!("slot {slot}: {what}"));
            }
        }
    }
    Ok(())
}

pub(super) fn read(blocks: &[u8]) -> Result<Op, Malformed> {
    let record = record(&mut Reader::new(blocks), 0x0009)?;
    let verb = match record.index {
        0xaff0..=0xaff4 | 0xf840 => Verb::Identify,
        _ => Verb::Read,
    };
    Ok(Op {
        object: Some(record.name()),
        ..Op::new(verb)
    })
}

/// The answer to a write has a status for each of its records.
pub(super) fn refused(blocks: &[u8], called: u16) -> Option<String> {
    if called != operation::WRITE {
        return None;
    }
    let mut r = Reader::new(blocks);
    let (mut all, mut failed) = (0u32, None);
    while let Ok(mut header) = r.sub(64) {
        let status = (|| {
            let kind = header.u16()?;
            header.check(kind == 0x8008, "record header")?;
            header.skip(42)?;
            header.u32()
        })();
        let Ok(status) = status else { break };
        all += 1;
        if status != 0 {
            let (count, first) = failed.get_or_insert((0u32, status));
            *count += 1;
            let _ = first;
        }
    }
    let (count, first) = failed?;
    Some(format!(
        "{count} of {all} records refused, error 0x{first:08x}"
    ))
}

/// IEC 61158-6-10, 5.2.7: record 0 of identification and maintenance: vendor, order number, serial number, hardware
/// revision, firmware.
pub(in crate::protocols) fn identification(
    cx: &mut Cx<'_>,
    side: Side,
    r: &mut Reader<'_>,
) -> Result<(), Malformed> {
    let (kind, length) = (r.u16()?, r.u16()?);
    r.check(kind == 0x20 && length >= 0x38, "record")?;
    r.skip(2)?;
    let vendor = r.u16()?;
    let (order, serial) = (text(r.bytes(20)?, 20), text(r.bytes(16)?, 16));
    r.skip(2)?;
    let [prefix, major, minor, patch] = r.array()?;
    if vendor == 0x002a {
        cx.identity(side, "maker", "Siemens");
    }
    if let Some(order) = order {
        cx.identity(side, "order_number", order);
    }
    if let Some(serial) = serial {
        cx.identity(side, "serial", serial);
    }
    if prefix == b'V' {
        cx.identity(side, "firmware", format!("V{major}.{minor}.{patch}"));
    }
    Ok(())
}
