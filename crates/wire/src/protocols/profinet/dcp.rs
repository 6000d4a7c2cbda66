//! DCP frames as bytes: services, blocks, and the words for them.
use std::net::Ipv4Addr;

use crate::Verb;
use crate::reader::{Malformed, Reader, text};

/// Blocks read of one frame.
const MOST_BLOCKS: usize = 32;
/// Characters kept of a name: IEC 61158-6-10, 4.3.1.4.15 allows 240.
const MOST_NAME: usize = 240;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service {
    Get,
    Set,
    Identify,
    Hello,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Request,
    Success,
    NotSupported,
}

/// One DCP frame behind its FrameID.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    pub service: Service,
    pub status: Status,
    pub transaction: u32,
    pub blocks: Vec<Block>,
}

/// Option and suboption.
type Kind = (u8, u8);

/// Control: how each block of a Set went.
const RESPONSE: Kind = (5, 4);
const SIGNAL: Kind = (5, 3);
const FACTORY_RESET: Kind = (5, 5);
const RESET: Kind = (5, 6);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Block {
    purpose: Purpose,
    kind: Kind,
    /// Qualifier of a Set, information of an answer.
    info: u16,
    value: Value,
    /// Further kinds that one Get or Identify asks for.
    more: Vec<(Kind, Value)>,
}

/// What the block is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    Asks(Verb),
    Sets,
    Says,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    None,
    Text(String),
    /// Address, mask, gateway.
    Ip(Ipv4Addr, Ipv4Addr, Ipv4Addr),
    /// Vendor, device.
    Device(u16, u16),
    Role(u8),
    /// Kind of the block that is answered, and the error.
    Response(Kind, u8),
    Number(u16),
}

impl Frame {
    /// IEC 61158-6-10, 4.3.1.3: service, type, transaction, delay, length, blocks.
    pub(super) fn read(r: &mut Reader<'_>) -> Result<Frame, Malformed> {
        let service = match r.u8()? {
            3 => Service::Get,
            4 => Service::Set,
            5 => Service::Identify,
            6 => Service::Hello,
            _ => return Err(Malformed::Bad("DCP service")),
        };
        let status = match r.u8()? & 0x07 {
            0 => Status::Request,
            1 => Status::Success,
            5 => Status::NotSupported,
            _ => return Err(Malformed::Bad("DCP service type")),
        };
        let transaction = r.u32()?;
        r.skip(2)?;
        let length = usize::from(r.u16()?);
        let mut data = r.sub(length)?;
        let asks = status == Status::Request;
        let mut blocks = Vec::new();
        while data.left() >= 2 && blocks.len() < MOST_BLOCKS {
            let kind = (data.u8()?, data.u8()?);
            // A Get request lists kinds only.
            if service == Service::Get && asks {
                blocks.push(Block::new(Purpose::Asks(Verb::Read), kind, 0, Value::None));
                continue;
            }
            let length = usize::from(data.u16()?);
            let mut value = data.sub(length)?;
            // 4.3.1.4: blocks begin at even offsets; the last may go without its padding.
            if length % 2 == 1 && !data.is_empty() {
                data.skip(1)?;
            }
            let role = match (service, asks) {
                (Service::Identify, true) => Purpose::Asks(Verb::Identify),
                (Service::Set, true) => Purpose::Sets,
                _ => Purpose::Says,
            };
            // Filters of Identify and responses of control have neither qualifier nor information.
            let bare = matches!(role, Purpose::Asks(_)) || kind == RESPONSE;
            let info = if bare || value.is_empty() {
                0
            } else {
                value.u16()?
            };
            let value = Value::read(kind, &mut value)?;
            blocks.push(Block::new(role, kind, info, value));
        }
        Ok(Frame {
            service,
            status,
            transaction,
            blocks,
        })
    }

    /// The error that the answer gives for what a block asked; `None` where it says nothing of it.
    pub(super) fn error_of(&self, asked: &Block) -> Option<u8> {
        self.blocks.iter().find_map(|block| match block.value {
            Value::Response(kind, error) if kind == asked.kind => Some(error),
            _ => None,
        })
    }

    /// 4.3.1.4.3: the highest bit of an address block's information says that another station has the address.
    pub(super) fn conflict(&self) -> Option<String> {
        let says = |block: &&Block| block.purpose == Purpose::Says && block.info & 0x80 != 0;
        self.blocks
            .iter()
            .filter(says)
            .find_map(|block| match block.value {
                Value::Ip(ip, ..) => Some(ip.to_string()),
                _ => None,
            })
    }
}

impl Value {
    fn read(kind: Kind, r: &mut Reader<'_>) -> Result<Value, Malformed> {
        Ok(match kind {
            (1, 2 | 3) if r.left() >= 12 => Value::Ip(r.ipv4()?, r.ipv4()?, r.ipv4()?),
            (2, 1 | 2 | 6) => text(r.rest(), MOST_NAME).map_or(Value::None, Value::Text),
            (2, 3 | 8) if r.left() >= 4 => Value::Device(r.u16()?, r.u16()?),
            (2, 4) if r.left() >= 1 => Value::Role(r.u8()?),
            RESPONSE => Value::Response((r.u8()?, r.u8()?), r.u8()?),
            (5, _) if r.left() >= 2 => Value::Number(r.u16()?),
            _ => Value::None,
        })
    }

    fn words(&self) -> Option<String> {
        match self {
            Value::Text(text) => Some(text.clone()),
            Value::Ip(ip, mask, gateway) => Some(format!("{ip} mask {mask} gateway {gateway}")),
            Value::Device(vendor, device) => {
                Some(format!("vendor 0x{vendor:04x} device 0x{device:04x}"))
            }
            Value::Role(_) | Value::Response(..) | Value::Number(_) | Value::None => None,
        }
    }
}

/// The blocks that make an operation: each one of a Set, and all of a Get or an Identify together.
pub(super) fn grouped(blocks: &[Block]) -> Vec<Block> {
    let mut grouped: Vec<Block> = Vec::new();
    for block in blocks {
        match (block.purpose, grouped.last_mut()) {
            (Purpose::Says, _) => {}
            // Begin and end of a transaction do nothing by themselves.
            (Purpose::Sets, _) if matches!(block.kind, (5, 1 | 2)) => {}
            (Purpose::Asks(_), Some(first)) => first.more.push((block.kind, block.value.clone())),
            _ => grouped.push(block.clone()),
        }
    }
    grouped
}

impl Block {
    const fn new(purpose: Purpose, kind: Kind, info: u16, value: Value) -> Block {
        Block {
            purpose,
            kind,
            info,
            value,
            more: Vec::new(),
        }
    }

    pub(super) const fn verb(&self) -> Verb {
        match (self.purpose, self.kind) {
            (Purpose::Asks(verb), _) => verb,
            (_, FACTORY_RESET | RESET) => Verb::Reset,
            // Flashes a lamp, so that people find the station.
            (_, SIGNAL) => Verb::Diagnose,
            _ => Verb::Configure,
        }
    }

    pub(super) fn object(&self) -> String {
        let filter = matches!(self.purpose, Purpose::Asks(Verb::Identify));
        let one = |kind: Kind, value: &Value| match (value, filter) {
            (Value::Text(text), true) => format!("{} {text}", name(kind)),
            _ => name(kind),
        };
        let first = one(self.kind, &self.value);
        let more = self.more.iter().map(|(kind, value)| one(*kind, value));
        std::iter::once(first)
            .chain(more)
            .collect::<Vec<_>>()
            .join(", ")
    }

    pub(super) fn detail(&self) -> Option<String> {
        let permanent = match (self.purpose, self.kind) {
            (Purpose::Sets, (1..=3, _)) if self.info & 1 == 1 => ", permanent",
            (Purpose::Sets, (1..=3, _)) => ", until restart",
            (Purpose::Sets, RESET) => return Some(format!("mode {}", self.info >> 1)),
            (Purpose::Sets, _) => "",
            _ => return None,
        };
        // The empty name deletes the name.
        let words = match (&self.value, self.kind) {
            (Value::None, (2, 2)) => "none".to_owned(),
            (value, _) => value.words()?,
        };
        Some(format!("{words}{permanent}"))
    }

    /// The address that a station says is its own.
    pub(super) fn address(&self) -> Option<Ipv4Addr> {
        match self.value {
            // 4.3.1.4.3: the lower bits of the information are 0 where no address is set.
            Value::Ip(ip, ..) if self.info & 0x03 != 0 && !ip.is_unspecified() => Some(ip),
            _ => None,
        }
    }

    /// What a station says of itself, as attributes.
    pub(super) fn says(&self) -> Vec<(&'static str, String)> {
        match (&self.value, self.kind) {
            (Value::Text(text), (2, 1)) => vec![("model", text.clone())],
            (Value::Text(text), (2, 2)) => vec![("hostname", text.clone())],
            (Value::Device(vendor, device), (2, 3)) => {
                let id = format!("PROFINET vendor 0x{vendor:04x} device 0x{device:04x}");
                let mut says = vec![("system", id)];
                says.extend(maker(*vendor).map(|maker| ("maker", maker.to_owned())));
                says
            }
            (Value::Role(bits), (2, 4)) => {
                role(*bits).map(|role| ("role", role)).into_iter().collect()
            }
            _ => Vec::new(),
        }
    }
}

fn name(kind: Kind) -> String {
    let name = match kind {
        (1, 1) => "MAC address",
        (1, 2) => "IP address",
        (1, 3) => "IP address and name servers",
        (2, 1) => "type of station",
        (2, 2) => "name of station",
        (2, 3) => "device id",
        (2, 4) => "device role",
        (2, 5) => "device options",
        (2, 6) => "alias name",
        (2, 7) => "device instance",
        (2, 8) => "OEM device id",
        (2, 9) => "standard gateway",
        (2, 10) => "RSI properties",
        (3, _) => "DHCP",
        SIGNAL => "signal",
        FACTORY_RESET => "factory settings",
        RESET => "reset to factory settings",
        (6, 1) => "device initiative",
        (255, 255) => "all",
        (option, suboption) => return format!("option {option}/{suboption}"),
    };
    name.to_owned()
}

/// IEC 61158-6-10, 4.3.1.4.12: block errors.
pub(super) const fn error(code: u8) -> &'static str {
    match code {
        1 => "option not supported",
        2 => "suboption not supported",
        3 => "suboption not set",
        4 => "resource error",
        5 => "not possible by local reasons",
        6 => "not possible in operation",
        _ => "error",
    }
}

/// 4.3.1.4.18: what the station is, in the words of the standard.
fn role(bits: u8) -> Option<String> {
    const WORDS: [(u8, &str); 4] = [
        (0x02, "io-controller"),
        (0x08, "io-supervisor"),
        (0x01, "io-device"),
        (0x04, "io-multidevice"),
    ];
    let words: Vec<&str> = WORDS
        .iter()
        .filter(|(bit, _)| bits & bit != 0)
        .map(|(_, word)| *word)
        .collect();
    (!words.is_empty()).then(|| words.join(", "))
}

/// Vendor ids that PROFIBUS & PROFINET International gave to makers whose own devices carry them. Makers of interface
/// chips are left out: their ids stand in the devices of others.
const fn maker(vendor: u16) -> Option<&'static str> {
    Some(match vendor {
        0x002a => "Siemens",
        0x00b0 => "Phoenix Contact",
        0x010a => "SEW-Eurodrive",
        0x011d => "WAGO",
        0x0120 => "Beckhoff",
        0x014d => "Festo",
        _ => return None,
    })
}
