//! CIP messages: service, path, data; answers with their status.
//!
//! CIP Networks Library Volume 1, 2-4 (message router format), C-1 (segments of paths), B-1 (status codes).
use crate::{Malformed, Reader};

/// Characters of a tag name.
const MOST_NAME: usize = 256;

pub(super) mod service {
    pub(in crate::protocols::enip) const GET_ALL: u8 = 0x01;
    pub(in crate::protocols::enip) const MULTIPLE: u8 = 0x0a;
    pub(in crate::protocols::enip) const UNCONNECTED_SEND: u8 = 0x52;
    pub(in crate::protocols::enip) const FORWARD_OPEN: u8 = 0x54;
    pub(in crate::protocols::enip) const LARGE_FORWARD_OPEN: u8 = 0x5b;
}

pub(super) mod class {
    pub(in crate::protocols::enip) const IDENTITY: u16 = 0x01;
    pub(in crate::protocols::enip) const MESSAGE_ROUTER: u16 = 0x02;
    pub(in crate::protocols::enip) const CONNECTION_MANAGER: u16 = 0x06;
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Request<'a> {
    pub service: u8,
    pub path: &'a [u8],
    pub data: &'a [u8],
}

impl<'a> Request<'a> {
    pub(super) fn read(message: &'a [u8]) -> Result<Request<'a>, Malformed> {
        let mut r = Reader::new(message);
        let service = r.u8()?;
        r.check(service & 0x80 == 0, "service")?;
        let words = usize::from(r.u8()?);
        Ok(Request {
            service,
            path: r.bytes(words * 2)?,
            data: r.rest(),
        })
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Answer<'a> {
    pub service: u8,
    pub status: u8,
    pub extended: Option<u16>,
    pub data: &'a [u8],
}

impl<'a> Answer<'a> {
    /// The highest bit of the service marks answers; some simulators forget it, so the caller decides what it reads.
    pub(super) fn read(message: &'a [u8]) -> Result<Answer<'a>, Malformed> {
        let mut r = Reader::new(message);
        let service = r.u8()?;
        r.skip(1)?;
        let status = r.u8()?;
        let words = usize::from(r.u8()?);
        let mut extended = r.sub(words * 2)?;
        Ok(Answer {
            service: service & 0x7f,
            status,
            extended: extended.u16_le().ok(),
            data: r.rest(),
        })
    }

    /// 6 is an answer in parts: more of it comes when asked for.
    pub(super) const fn is_ok(&self) -> bool {
        matches!(self.status, 0 | 6)
    }

    pub(super) fn why(&self) -> String {
        let name = status(self.status);
        match self.extended {
            Some(extended) => format!("status 0x{:02x} {name}, 0x{extended:04x}", self.status),
            None => format!("status 0x{:02x} {name}", self.status),
        }
    }
}

const fn status(code: u8) -> &'static str {
    match code {
        0x01 => "connection failure",
        0x02 => "resource unavailable",
        0x03 => "invalid parameter value",
        0x04 => "path segment error",
        0x05 => "path destination unknown",
        0x07 => "connection lost",
        0x08 => "service not supported",
        0x09 => "invalid attribute value",
        0x0a => "attribute list error",
        0x0b => "already in the requested state",
        0x0c => "object state conflict",
        0x0d => "object already exists",
        0x0e => "attribute not settable",
        0x0f => "privilege violation",
        0x10 => "device state conflict",
        0x11 => "reply too large",
        0x13 => "not enough data",
        0x14 => "attribute not supported",
        0x15 => "too much data",
        0x16 => "object does not exist",
        0x19 => "store operation failure",
        0x1e => "embedded service error",
        0x1f => "vendor specific error",
        0x20 => "invalid parameter",
        0x25 => "key failure in path",
        0x26 => "path size invalid",
        0x2c => "attribute not gettable",
        0xff => "general error",
        _ => "error",
    }
}

/// Where a path leads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Path {
    /// Ports on the way, e.g. `port 1 address 0`.
    pub route: Option<String>,
    /// Tag name with its elements, e.g. `TWISTLOCK_CMD[0].Position`.
    pub name: Option<String>,
    /// The last class named, and the one before it.
    pub class: Option<u16>,
    pub outer: Option<u16>,
    pub instance: Option<u32>,
    pub attribute: Option<u32>,
    /// Connection points: paths to implicit data.
    pub points: u8,
}

impl Path {
    /// As far as the path can be read; what is behind an unknown segment is left out.
    pub(super) fn read(bytes: &[u8]) -> Path {
        let mut path = Path::default();
        let mut r = Reader::new(bytes);
        while !r.is_empty() {
            if path.segment(&mut r).is_err() {
                break;
            }
        }
        path
    }

    fn segment(&mut self, r: &mut Reader<'_>) -> Result<(), Malformed> {
        let kind = r.u8()?;
        match kind >> 5 {
            0 => self.port(kind, r),
            1 => self.logical(kind, r),
            2 => {
                // Network segments: one byte, or a count of words.
                let words = r.u8()?;
                if kind & 0x10 != 0 {
                    r.skip(usize::from(words) * 2)?;
                }
                Ok(())
            }
            3 => {
                let length = usize::from(kind & 0x1f);
                r.check(length > 0, "symbol")?;
                let name = r.bytes(length)?;
                self.named(name);
                r.skip(1 - length % 2)
            }
            4 if kind == 0x91 => {
                let length = usize::from(r.u8()?);
                let name = r.bytes(length)?;
                self.named(name);
                r.skip((length % 2).min(r.left()))
            }
            4 => {
                let words = usize::from(r.u8()?);
                r.skip(words * 2)
            }
            _ => Err(Malformed::Bad("segment")),
        }
    }

    fn port(&mut self, kind: u8, r: &mut Reader<'_>) -> Result<(), Malformed> {
        let start = r.left();
        let size = if kind & 0x10 == 0 {
            1
        } else {
            usize::from(r.u8()?)
        };
        let port = match kind & 0x0f {
            0x0f => r.u16_le()?,
            port => u16::from(port),
        };
        let link = r.bytes(size)?;
        // The whole segment, its first byte included, is padded to words.
        if (1 + start - r.left()) % 2 == 1 {
            r.skip(1.min(r.left()))?;
        }
        let link = match link {
            [address] => format!("port {port} address {address}"),
            text => format!(
                "port {port} address {}",
                crate::reader::text(text, 64).unwrap_or_default()
            ),
        };
        self.route = Some(match self.route.take() {
            Some(route) if route.len() < MOST_NAME => format!("{route}, {link}"),
            Some(route) => route,
            None => link,
        });
        Ok(())
    }

    fn logical(&mut self, kind: u8, r: &mut Reader<'_>) -> Result<(), Malformed> {
        // An electronic key is told by its whole byte: format 4, eight bytes.
        if kind == 0x34 {
            let format = r.u8()?;
            r.check(format == 4, "electronic key")?;
            return r.skip(8);
        }
        let value = match kind & 3 {
            0 => u32::from(r.u8()?),
            1 => {
                r.skip(1)?;
                u32::from(r.u16_le()?)
            }
            2 => {
                r.skip(1)?;
                r.u32_le()?
            }
            _ => return Err(Malformed::Bad("logical format")),
        };
        match (kind >> 2) & 7 {
            0 => {
                self.outer = self.class;
                self.class = u16::try_from(value).ok();
                self.instance = None;
                self.attribute = None;
            }
            1 => self.instance = Some(value),
            2 => self.element(value),
            3 => self.points = self.points.saturating_add(1),
            4 => self.attribute = Some(value),
            _ => {}
        }
        Ok(())
    }

    fn named(&mut self, name: &[u8]) {
        let Some(name) = crate::reader::text(name, MOST_NAME) else {
            return;
        };
        self.name = Some(match self.name.take() {
            Some(outer) if outer.len() < MOST_NAME => format!("{outer}.{name}"),
            Some(outer) => outer,
            None => name,
        });
    }

    /// Elements of arrays: several in a row are dimensions.
    fn element(&mut self, number: u32) {
        let Some(name) = &mut self.name else { return };
        if name.len() >= MOST_NAME {
            return;
        }
        if name.ends_with(']') {
            name.pop();
            name.push_str(&format!(",{number}]"));
        } else {
            name.push_str(&format!("[{number}]"));
        }
    }

    /// The object, for people.
    pub(super) fn object(&self) -> Option<String> {
        if let Some(name) = &self.name {
            return Some(name.clone());
        }
        let class = self.class?;
        let mut object = match class_name(class) {
            Some(name) => name.to_owned(),
            None => format!("class 0x{class:02x}"),
        };
        // There is one controller; others are numbered.
        if let Some(instance) = self.instance.filter(|_| class != 0x8e) {
            object.push_str(&format!(" {instance}"));
        }
        if let Some(attribute) = self.attribute {
            object.push_str(&format!(" attribute {attribute}"));
        }
        Some(object)
    }
}

/// Classes by name: Volume 1, 5-1, and those of Rockwell controllers as the field knows them.
const fn class_name(class: u16) -> Option<&'static str> {
    Some(match class {
        0x01 => "Identity",
        0x02 => "Message Router",
        0x04 => "Assembly",
        0x05 => "Connection",
        0x06 => "Connection Manager",
        0x0f => "Parameter",
        0x28 => "Motor Data",
        0x29 => "Control Supervisor",
        0x2a => "AC/DC Drive",
        0x37 => "File",
        0x43 => "Time Sync",
        0x47 => "Device Level Ring",
        0x48 => "QoS",
        0x67 => "PCCC",
        0x68 => "Program",
        0x69 => "Module",
        0x6b => "Symbol",
        0x6c => "Template",
        0x6d => "Routine",
        0x70 => "Task",
        0x72 => "Tag List",
        0x8b => "Wall Clock Time",
        0x8e => "Controller",
        0xa1 => "Firmware",
        0xf3 => "Connection Configuration",
        0xf4 => "Port",
        0xf5 => "TCP/IP Interface",
        0xf6 => "Ethernet Link",
        _ => return None,
    })
}

/// The message inside an Unconnected Send, and the way it goes (Volume 1, 3-5.5.4).
pub(super) fn unconnected_send(data: &[u8]) -> Result<(&[u8], &[u8]), Malformed> {
    let mut r = Reader::new(data);
    r.skip(2)?;
    let size = usize::from(r.u16_le()?);
    let message = r.bytes(size)?;
    r.skip((size % 2).min(r.left()))?;
    let words = usize::from(r.u8()?);
    r.skip(1)?;
    Ok((message, r.bytes(words * 2)?))
}

/// The parts of a Multiple Service Packet, request or answer (Volume 1, A-4.10).
pub(super) fn parts(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    let count = Reader::new(data).u16_le().map_or(0, usize::from);
    let offset = |index: usize| {
        let at = 2 + 2 * index;
        let bytes: [u8; 2] = data.get(at..at + 2)?.try_into().ok()?;
        Some(usize::from(u16::from_le_bytes(bytes)))
    };
    (0..count).map_while(move |index| {
        let from = offset(index)?;
        let to = if index + 1 < count {
            offset(index + 1)?
        } else {
            data.len()
        };
        data.get(from..to)
    })
}

/// What an opened connection is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Opening {
    pub route: Option<String>,
    /// Transport class 0 or 1: implicit data.
    pub implicit: bool,
    /// Values go to the target, and not only signs of life: who opens it controls outputs.
    pub writes: bool,
}

/// Bytes towards the target that hold no value: a sequence number and the run and idle header (Volume 1, 3-6.1).
const NO_VALUE: u32 = 6;
/// Volume 1, 3-5.6, extended status of a Forward Open: another owns the outputs.
pub(super) const OWNED: u16 = 0x0106;

/// Forward Open, and the large one (Volume 1, 3-5.5.2).
pub(super) fn forward_open(large: bool, data: &[u8]) -> Result<Opening, Malformed> {
    let mut r = Reader::new(data);
    // Ticks, both connection numbers, serial numbers, multiplier, reserved.
    r.skip(2 + 8 + 8 + 4)?;
    // Towards the target: interval and parameters, of which the low bits are the size; then the same the other way.
    r.skip(4)?;
    let size = if large {
        let size = r.u32_le()? & 0xffff;
        r.skip(8)?;
        size
    } else {
        let size = u32::from(r.u16_le()? & 0x01ff);
        r.skip(6)?;
        size
    };
    let trigger = r.u8()?;
    let words = usize::from(r.u8()?);
    let path = Path::read(r.bytes(words * 2)?);
    Ok(Opening {
        route: path.route,
        implicit: trigger & 0x0f <= 1,
        writes: size > NO_VALUE,
    })
}

/// The intervals agreed on, in microseconds, towards the target and back: behind numbers of connection and origin.
pub(super) fn intervals(data: &[u8]) -> Result<(u32, u32), Malformed> {
    let mut r = Reader::new(data);
    r.skip(8 + 8)?;
    Ok((r.u32_le()?, r.u32_le()?))
}

/// Connection numbers towards target and origin, from the answer to a Forward Open.
pub(super) fn opened(data: &[u8]) -> Result<(u32, u32), Malformed> {
    let mut r = Reader::new(data);
    Ok((r.u32_le()?, r.u32_le()?))
}
