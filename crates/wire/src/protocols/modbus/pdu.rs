//! The messages of Modbus, as bytes.
use super::umas;
use crate::{Malformed, Reader, Verb};

/// Transaction, protocol, length.
pub(super) const HEADER: usize = 6;
/// Modbus Application Protocol V1.1b3, 4.1: a PDU has at most 253 bytes, plus the unit.
const MOST: usize = 254;

/// A message with its header.
#[derive(Clone, Copy)]
pub(super) struct Adu<'a> {
    pub transaction: u16,
    pub unit: u8,
    pub function: u8,
    data: &'a [u8],
}

/// What an answer carries beyond success.
pub(super) enum Body {
    Nothing,
    Identification(Vec<(&'static str, String)>),
}

impl<'a> Adu<'a> {
    pub(super) fn read(r: &mut Reader<'a>) -> Result<Adu<'a>, Malformed> {
        let transaction = r.u16()?;
        let protocol = r.u16()?;
        r.check(protocol == 0, "protocol identifier")?;
        let length = usize::from(r.u16()?);
        if length > MOST {
            // Only UMAS has longer ones.
            let function = r.peek().get(1).ok_or(Malformed::Short)?;
            let umas = *function & 0x7f == umas::FUNCTION && length <= umas::MOST;
            r.check(umas, "length")?;
        }
        r.check(length >= 2, "length")?;
        // The function is checked before all of the message is there: garbage is told early.
        if let Some(function) = r.peek().get(1) {
            r.check(*function != 0 && *function & 0x7f != 0, "function")?;
        }
        let mut body = r.sub(length)?;
        let (unit, function) = (body.u8()?, body.u8()?);
        Ok(Adu {
            transaction,
            unit,
            function,
            data: body.rest(),
        })
    }

    /// A message that came without this header.
    pub(super) const fn bare(unit: u8, function: u8, data: &'a [u8]) -> Adu<'a> {
        Adu {
            transaction: 0,
            unit,
            function,
            data,
        }
    }

    pub(super) const fn data(&self) -> &'a [u8] {
        self.data
    }

    /// V1.1b3, 7: an exception has the function's highest bit set and one code.
    pub(super) const fn is_exception(&self) -> bool {
        self.function & 0x80 != 0
    }

    pub(super) fn exception(&self) -> Option<&'static str> {
        Some(match self.data.first()? {
            1 => "illegal function",
            2 => "illegal data address",
            3 => "illegal data value",
            4 => "server device failure",
            5 => "acknowledge",
            6 => "server device busy",
            8 => "memory parity error",
            10 => "gateway path unavailable",
            11 => "gateway target device failed to respond",
            _ => "exception",
        })
    }

    pub(super) fn fits_request(&self) -> bool {
        if self.function == umas::FUNCTION {
            return umas::fits_request(self.data);
        }
        Request::read(self).is_some()
    }

    pub(super) fn fits_answer(&self) -> bool {
        let counted = |data: &[u8]| {
            data.first()
                .is_some_and(|count| usize::from(*count) + 1 == data.len())
        };
        match self.function {
            0x81..=0xff => self.data.len() == 1,
            1 | 2 => counted(self.data),
            3 | 4 | 23 => counted(self.data) && self.data.len() % 2 == 1,
            5 | 6 | 15 | 16 | 11 => self.data.len() == 4,
            7 => self.data.len() == 1,
            8 => self.data.len() >= 4,
            12 | 17 | 20 | 21 => counted(self.data),
            22 => self.data.len() == 6,
            24 => self.data.len() >= 4,
            43 => matches!(self.data.first(), Some(13 | 14)) && self.data.len() >= 6,
            umas::FUNCTION => umas::fits_answer(self.data),
            _ => false,
        }
    }

    /// V1.1b3, 6.21 (device identification) and 6.13 (report server id).
    pub(super) fn body(&self) -> Body {
        match (self.function, self.data) {
            (43, [14, rest @ ..]) => Body::Identification(identification(rest).unwrap_or_default()),
            // Identifier, run indicator and text stand in an order that each maker chooses.
            (17, [_, rest @ ..]) => {
                let name = crate::reader::text(rest, 128).filter(|name| name.len() >= 4);
                Body::Identification(name.map(|name| ("system", name)).into_iter().collect())
            }
            _ => Body::Nothing,
        }
    }
}

fn identification(data: &[u8]) -> Result<Vec<(&'static str, String)>, Malformed> {
    let mut r = Reader::new(data);
    r.skip(4)?;
    let count = r.u8()?;
    let mut objects = Vec::new();
    for _ in 0..count {
        let id = r.u8()?;
        let length = usize::from(r.u8()?);
        let Some(value) = crate::reader::text(r.bytes(length)?, 128) else {
            continue;
        };
        match id {
            0 => objects.push(("maker", value)),
            1 | 4 | 5 => objects.push(("model", value)),
            2 => objects.push(("firmware", value)),
            _ => {}
        }
    }
    Ok(objects)
}

/// A request, small enough to keep until its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Request {
    unit: u8,
    function: u8,
    /// Sub-function or kind, where the function has one.
    sub: u16,
    start: u16,
    count: u16,
    content: u16,
}

impl Request {
    /// `None` when the data does not fit the function.
    pub(super) fn read(adu: &Adu<'_>) -> Option<Request> {
        let mut r = Reader::new(adu.data);
        let mut request = Request {
            unit: adu.unit,
            function: adu.function,
            sub: 0,
            start: 0,
            count: 1,
            content: 0,
        };
        match adu.function {
            1..=4 => {
                request.start = r.u16().ok()?;
                request.count = r.u16().ok()?;
                let most = if adu.function <= 2 { 2000 } else { 125 };
                ((1..=most).contains(&request.count) && r.is_empty()).then_some(request)
            }
            5 | 6 => {
                request.start = r.u16().ok()?;
                let value = r.u16().ok()?;
                request.content = 2;
                (r.is_empty() && (adu.function == 6 || matches!(value, 0 | 0xff00)))
                    .then_some(request)
            }
            15 | 16 => {
                request.start = r.u16().ok()?;
                request.count = r.u16().ok()?;
                request.content = u16::from(r.u8().ok()?);
                let fits = if adu.function == 16 {
                    u32::from(request.content) == 2 * u32::from(request.count)
                } else {
                    request.content == request.count.div_ceil(8)
                };
                (fits && r.left() == usize::from(request.content)).then_some(request)
            }
            22 => {
                request.start = r.u16().ok()?;
                request.content = 4;
                (r.left() == 4).then_some(request)
            }
            23 => {
                r.skip(4).ok()?;
                request.start = r.u16().ok()?;
                request.count = r.u16().ok()?;
                request.content = u16::from(r.u8().ok()?);
                (r.left() == usize::from(request.content)).then_some(request)
            }
            7 | 11 | 12 | 17 => r.is_empty().then_some(request),
            8 => {
                request.sub = r.u16().ok()?;
                (r.left() >= 2).then_some(request)
            }
            20 | 21 => {
                let length = usize::from(r.u8().ok()?);
                if r.left() != length || length < 7 || r.u8().ok()? != 6 {
                    return None;
                }
                request.sub = r.u16().ok()?;
                request.start = r.u16().ok()?;
                request.count = r.u16().ok()?;
                request.content = if adu.function == 21 {
                    request.count.saturating_mul(2)
                } else {
                    0
                };
                Some(request)
            }
            24 => {
                request.start = r.u16().ok()?;
                r.is_empty().then_some(request)
            }
            43 => {
                let kind = r.u8().ok()?;
                request.sub = u16::from(kind);
                matches!((kind, r.left()), (13, 2..) | (14, 2)).then_some(request)
            }
            // User-defined and reserved functions: their number is all that is known of them.
            65..=72 | 90 | 91 | 100..=110 | 125 | 126 => Some(request),
            _ => None,
        }
    }

    /// V1.1b3, 6.8.1: a device that is forced into listen-only mode returns no response.
    pub(super) const fn wants_answer(&self) -> bool {
        !(self.function == 8 && self.sub == 4)
    }

    pub(super) const fn unit(&self) -> u8 {
        self.unit
    }

    pub(super) fn fingerprint(&self) -> u64 {
        let [a, b] = self.start.to_be_bytes();
        let [c, d] = self.count.to_be_bytes();
        let [e, f] = self.sub.to_be_bytes();
        // Never 0, which stands for "nothing remembered".
        u64::from_be_bytes([self.unit, self.function, a, b, c, d, e, f]) | 1 << 63
    }

    pub(super) const fn verb(&self) -> Verb {
        match self.function {
            5 | 6 | 15 | 16 | 22 | 23 => Verb::Write,
            // Sub-function 1 restarts the communication port; 4 forces listen-only mode.
            8 if self.sub == 1 => Verb::Reset,
            8 if self.sub == 4 => Verb::ModeChange,
            7 | 8 | 11 | 12 => Verb::Diagnose,
            17 | 43 => Verb::Identify,
            20 => Verb::FileRead,
            21 => Verb::FileWrite,
            _ => Verb::Read,
        }
    }

    pub(super) fn object(&self) -> Option<String> {
        let Request {
            unit,
            start,
            count,
            sub,
            ..
        } = *self;
        let (one, many) = match self.function {
            1 | 5 | 15 => ("coil", "coils"),
            2 => ("discrete input", "discrete inputs"),
            4 => ("input register", "input registers"),
            3 | 6 | 16 | 22 | 23 => ("holding register", "holding registers"),
            20 | 21 => return Some(format!("unit {unit} file {sub} record {start}")),
            24 => return Some(format!("unit {unit} FIFO queue {start}")),
            _ => return Some(format!("unit {unit}")),
        };
        Some(if count > 1 {
            format!(
                "unit {unit} {many} {start}-{}",
                u32::from(start) + u32::from(count) - 1
            )
        } else {
            format!("unit {unit} {one} {start}")
        })
    }

    pub(super) fn detail(&self) -> String {
        match self.function {
            8 => {
                let what = match self.sub {
                    0 => "return query data",
                    1 => "restart communications",
                    2 => "return diagnostic register",
                    4 => "force listen only mode",
                    10 => "clear counters",
                    _ => "counters",
                };
                format!("function 8/{}, {what}", self.sub)
            }
            43 if self.sub == 14 => "function 43/14, read device identification".to_owned(),
            43 => format!("function 43/{}", self.sub),
            function => format!("function {function}"),
        }
    }

    pub(super) fn content_bytes(&self) -> Option<u64> {
        (self.content > 0).then_some(u64::from(self.content))
    }
}
