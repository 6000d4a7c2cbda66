//! What the numbers of S7comm-plus name: objects, their classes and attributes.
//!
//! Only those that tell something to people; the controller's object model has thousands.
use super::super::pdu::MOST_ITEMS;
use super::value::number;
use crate::{Malformed, Reader};

pub(super) mod rid {
    pub(in crate::protocols::s7comm::plus) const PROGRAM: u32 = 3;
    pub(in crate::protocols::s7comm::plus) const CPU_COMMON: u32 = 50;
    pub(in crate::protocols::s7comm::plus) const EXECUTION: u32 = 52;
    /// A client asks the server to number the object itself.
    pub(in crate::protocols::s7comm::plus) const NEW: u32 = 211;
}

pub(super) mod class {
    pub(in crate::protocols::s7comm::plus) const SESSION: u32 = 287;
    pub(in crate::protocols::s7comm::plus) const SUBSCRIPTION: u32 = 1001;
    pub(in crate::protocols::s7comm::plus) const ALARM_SUBSCRIPTION: u32 = 2662;
    pub(in crate::protocols::s7comm::plus) const TEST_SUBSCRIPTION: u32 = 2712;
    /// A job of the test system that outlives its session: forcing.
    pub(in crate::protocols::s7comm::plus) const CONTINUING_JOB: u32 = 2708;
    pub(in crate::protocols::s7comm::plus) const SESSION_JOB: u32 = 2709;
    pub(in crate::protocols::s7comm::plus) const HARDWARE: u32 = 2496;
}

pub(super) mod attribute {
    pub(in crate::protocols::s7comm::plus) const NAME: u32 = 233;
    pub(in crate::protocols::s7comm::plus) const CLIENT_ID: u32 = 289;
    pub(in crate::protocols::s7comm::plus) const APPLICATION: u32 = 297;
    pub(in crate::protocols::s7comm::plus) const HOST: u32 = 298;
    pub(in crate::protocols::s7comm::plus) const ROLE: u32 = 299;
    pub(in crate::protocols::s7comm::plus) const COMMENT: u32 = 301;
    pub(in crate::protocols::s7comm::plus) const CHALLENGE: u32 = 303;
    pub(in crate::protocols::s7comm::plus) const RESPONSE: u32 = 304;
    pub(in crate::protocols::s7comm::plus) const VERSION: u32 = 306;
    pub(in crate::protocols::s7comm::plus) const PASSWORD: u32 = 309;
    /// In the structure of `VERSION`.
    pub(in crate::protocols::s7comm::plus) const SYSTEM_VERSION: u32 = 319;
    pub(in crate::protocols::s7comm::plus) const MEMORY_RESET: u32 = 387;
    pub(in crate::protocols::s7comm::plus) const RESET: u32 = 388;
    pub(in crate::protocols::s7comm::plus) const REFERENCES: u32 = 1048;
    pub(in crate::protocols::s7comm::plus) const LEGITIMATE: u32 = 1846;
    pub(in crate::protocols::s7comm::plus) const OPERATING_STATE: u32 = 2167;
    pub(in crate::protocols::s7comm::plus) const WRITE_RECORDS: u32 = 2372;
    pub(in crate::protocols::s7comm::plus) const LOCAL_TIME: u32 = 2415;
    pub(in crate::protocols::s7comm::plus) const SYSTEM_TIME: u32 = 2421;
    pub(in crate::protocols::s7comm::plus) const MODIFIED: u32 = 2453;
    pub(in crate::protocols::s7comm::plus) const BLOCK_NUMBER: u32 = 2521;
    pub(in crate::protocols::s7comm::plus) const LANGUAGE: u32 = 2523;
    pub(in crate::protocols::s7comm::plus) const KNOW_HOW: u32 = 2524;
    pub(in crate::protocols::s7comm::plus) const BODY: u32 = 2533;
    pub(in crate::protocols::s7comm::plus) const INTERFACE: u32 = 2544;
    pub(in crate::protocols::s7comm::plus) const CODE: u32 = 2580;
    pub(in crate::protocols::s7comm::plus) const MODIFYING_JOB: u32 = 2691;
    /// In the structure of `KNOW_HOW`.
    pub(in crate::protocols::s7comm::plus) const KNOW_HOW_MODE: u32 = 3448;
    /// Identification and maintenance record 0 of IEC 61158: order number, serial number, firmware.
    pub(in crate::protocols::s7comm::plus) const IDENTIFICATION: u32 = 3753;
}

/// The functions, by the names of the field.
pub(super) const fn function(function: u16) -> &'static str {
    match function {
        0x04b1 | 0x05a9 => "Error",
        0x04bb => "Explore",
        0x04ca => "CreateObject",
        0x04d4 => "DeleteObject",
        0x04f2 => "SetVariable",
        0x04fc => "GetVariable",
        0x0506 => "AddLink",
        0x051a => "RemoveLink",
        0x0524 => "GetLink",
        0x052e => "Notify",
        0x0542 => "SetMultiVariables",
        0x054c => "GetMultiVariables",
        0x0556 => "BeginSequence",
        0x0560 => "EndSequence",
        0x056b => "Invoke",
        0x057c => "SetVarSubStreamed",
        0x0586 => "GetVarSubStreamed",
        0x0590 => "GetVariablesAddress",
        0x059a => "Abort",
        0x05b3 => "InitSSL",
        _ => "",
    }
}

/// What a class of the program is, as the prefix of a block's number.
pub(super) const fn block(class: u32) -> Option<&'static str> {
    Some(match class {
        2574 => "DB",
        2578 => "FB",
        2579 => "FC",
        2610 | 2637..=2658 => "OB",
        3932 => "UDT",
        3933 => "FBT",
        3934 => "SDT",
        3935 => "FCT",
        _ => return None,
    })
}

/// The object of that number, for people.
pub(super) fn object(rid: u32) -> String {
    let known = match rid {
        1 => "AS root",
        2 => "hardware configuration",
        rid::PROGRAM => "PLC program",
        4 => "folders",
        5 => "logs",
        7 | 11 => "test system",
        8 => "alarms",
        9 => "diagnostic buffer",
        12 => "connections",
        16 => "firmware package",
        30..=34 => "station",
        35 => "routing tables",
        48 => "CPU",
        49 => "CPU proxy",
        rid::CPU_COMMON => "CPU common",
        51 => "memory card",
        rid::EXECUTION => "CPU execution unit",
        53 => "web server",
        54 => "display",
        56 => "PLC program change",
        60 | 61 => "PROFIBUS interface",
        64..=79 => "network interface",
        80 => "I",
        81 => "Q",
        82 => "M",
        83 => "C",
        84 => "T",
        114 => "texts",
        537 => "type information",
        201 => "server",
        285 | 288 => "session",
        // Numbered anew in each session: sessions themselves, subscriptions, jobs.
        700..=1000 | 0x1000_0000..=0x1fff_ffff | 0x7000_0000..=0x7fff_ffff => "session object",
        _ => return program(rid),
    };
    known.to_owned()
}

/// Objects of the program and the hardware have their kind in the upper half of their number.
fn program(rid: u32) -> String {
    let low = rid & 0xffff;
    match rid >> 16 {
        0x8a0e => format!("DB{low}"),
        0x8a20 => format!("FB{low}"),
        0x8a24 => format!("UDT{low}"),
        0x8a32 => format!("OB{low}"),
        0x8a38 => "texts".to_owned(),
        0x8a11 => "program information".to_owned(),
        _ => format!("object 0x{rid:x}"),
    }
}

/// Whether the number is one of a block of the program; texts and notes of the project stand among them.
pub(super) const fn is_block(rid: u32) -> bool {
    matches!(rid >> 16, 0x8a00..=0x8aff) && !matches!(rid >> 16, 0x8a11 | 0x8a38)
}

/// The attribute of that number, for people.
fn attribute_name(id: u32) -> Option<&'static str> {
    Some(match id {
        attribute::NAME => "name",
        attribute::CHALLENGE => "challenge",
        attribute::RESPONSE | attribute::LEGITIMATE => "legitimation",
        attribute::VERSION => "session version",
        attribute::PASSWORD => "password",
        attribute::MEMORY_RESET => "memory reset",
        attribute::RESET => "reset",
        1842 | 1843 => "protection level",
        1844 => "expected protection level",
        1845 => "collaboration token",
        attribute::OPERATING_STATE => "operating state request",
        2173..=2175 => "cycle time",
        2115..=2117 => "memory card",
        2118 => "memory card command",
        attribute::WRITE_RECORDS => "write data records",
        2343..=2345 => "load memory",
        2406 => "clock status",
        attribute::LOCAL_TIME => "local time",
        attribute::SYSTEM_TIME => "system time",
        2418 | 2419 => "work memory",
        2447 => "log entries",
        2458 | 3635 => "consistency",
        2459 => "engineering version",
        2462 => "version",
        2479 => "change counter",
        attribute::CODE => "code",
        attribute::INTERFACE => "interface",
        3451 => "protection level",
        2237 => "diagnostic state",
        3586 => "network parameters",
        3587 => "configured network parameters",
        3701 | 3702 => "LEDs",
        attribute::IDENTIFICATION => "identification",
        1037 => "limits",
        1001..=1082 => "subscription",
        300 => "number",
        2449 => "identification of the project",
        _ => return None,
    })
}

/// One thing that a request names: an object, and the way into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Item {
    pub rid: u32,
    /// The way in: an attribute, then places inside it.
    way: [u32; Item::MOST],
    length: u8,
}

impl Item {
    /// Steps of a way that are kept; deeper structures are named by their upper part.
    const MOST: usize = 8;

    pub(super) fn new(rid: u32, attribute: u32) -> Item {
        let mut way = [0; Item::MOST];
        way[0] = attribute;
        Item {
            rid,
            way,
            length: 1,
        }
    }

    /// Symbol's checksum, object, number of steps, steps.
    pub(super) fn read(r: &mut Reader<'_>) -> Result<Item, Malformed> {
        let _checksum = number(r)?;
        let rid = number(r)?;
        Item::steps(r, rid)
    }

    /// Number of steps, steps.
    pub(super) fn steps(r: &mut Reader<'_>, rid: u32) -> Result<Item, Malformed> {
        let steps = number(r)?;
        let mut item = Item::new(rid, 0);
        item.length = 0;
        for _ in 0..steps {
            let step = number(r)?;
            if let Some(place) = item.way.get_mut(usize::from(item.length)) {
                *place = step;
                item.length += 1;
            }
        }
        Ok(item)
    }

    /// From numbers that are read already, as subscriptions list them.
    pub(super) fn from_steps(rid: u32, steps: impl Iterator<Item = u32>) -> Item {
        let mut item = Item::new(rid, 0);
        item.length = 0;
        for (place, step) in item.way.iter_mut().zip(steps) {
            *place = step;
            item.length += 1;
        }
        item
    }

    pub(super) const fn attribute(&self) -> u32 {
        let [attribute, ..] = self.way;
        attribute
    }

    /// A value of the process: inputs, outputs, flags, counters, timers, data blocks.
    pub(super) const fn is_variable(&self) -> bool {
        matches!(self.rid, 80..=84 | 0x8a0e_0000..=0x8a0e_ffff)
            && matches!(self.attribute(), 2548 | 2550 | 3735 | 3736)
    }

    pub(super) fn name(&self) -> String {
        let object = object(self.rid);
        let steps = self.way.get(..usize::from(self.length)).unwrap_or(&[]);
        let (first, inside) = match steps {
            [] => return object,
            [first, inside @ ..] => (*first, inside),
        };
        if self.is_variable() {
            return match inside {
                // Absolute: bytes from an offset on, or a bit of them.
                [3, at, _, bit] => format!("{object}{}{at}.{bit}", dot(self.rid)),
                [3, at, bytes] => format!("{object}{}{at} BYTE {bytes}", dot(self.rid)),
                [] => object,
                inside => format!("{object}[{}]", joined(inside)),
            };
        }
        let attribute = match attribute_name(first) {
            Some(name) => name.to_owned(),
            None => format!("attribute {first}"),
        };
        if inside.is_empty() || attribute_name(first).is_some() {
            format!("{object} {attribute}")
        } else {
            format!("{object} {attribute}.{}", joined(inside))
        }
    }
}

const fn dot(rid: u32) -> &'static str {
    if rid < 0x1000 { "" } else { ".DBX" }
}

fn joined(steps: &[u32]) -> String {
    let steps: Vec<String> = steps.iter().map(u32::to_string).collect();
    steps.join(".")
}

/// The names of several, each once.
pub(super) fn named(items: &[Item]) -> Option<String> {
    let mut names: Vec<String> = Vec::new();
    for item in items {
        if names.len() >= MOST_ITEMS {
            names.push("…".to_owned());
            break;
        }
        let name = item.name();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    (!names.is_empty()).then(|| names.join(", "))
}
