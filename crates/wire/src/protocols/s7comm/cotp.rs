//! What carries S7: ISO transport over TCP.
//!
//! RFC 1006, 6 (TPKT: version, reserved, length) around RFC 905, 13 (class 0: connect, confirm, data with its end mark).
use crate::{Malformed, Reader};

/// Version, reserved, length.
const TPKT: usize = 4;
/// RFC 1006, 6: a packet has at least 7 bytes.
const LEAST: usize = 7;
/// Bytes of one message put together from its data units; S7 negotiates far less.
const MOST_MESSAGE: usize = 1 << 16;

/// One transport data unit.
#[derive(Clone, Copy, Debug)]
pub(in crate::protocols) enum Tpdu<'a> {
    /// Connection request or its confirmation, with the transport selector that is called.
    Connect {
        confirms: bool,
        called: Option<&'a [u8]>,
    },
    Data {
        last: bool,
        data: &'a [u8],
    },
    /// Disconnect, error.
    Other,
}

/// Length of the whole packet, from its first bytes.
pub(in crate::protocols) fn length(r: &mut Reader<'_>) -> Result<usize, Malformed> {
    let version = r.u8()?;
    r.check(version == 3, "TPKT version")?;
    let reserved = r.u8()?;
    r.check(reserved == 0, "TPKT reserved byte")?;
    let length = usize::from(r.u16()?);
    r.check(length >= LEAST, "TPKT length")?;
    Ok(length)
}

/// A packet that is there as a whole.
pub(in crate::protocols) fn read<'a>(r: &mut Reader<'a>) -> Result<Tpdu<'a>, Malformed> {
    let length = length(r)?;
    let mut packet = r.sub(length - TPKT)?;
    let header = usize::from(packet.u8()?);
    let mut header = within(packet.sub(header))?;
    match within(header.u8())? & 0xf0 {
        0xf0 => {
            let number = within(header.u8())?;
            header.check(header.is_empty(), "COTP class")?;
            Ok(Tpdu::Data {
                last: number & 0x80 != 0,
                data: packet.rest(),
            })
        }
        kind @ (0xe0 | 0xd0) => {
            within(header.skip(5))?;
            let mut called = None;
            while !header.is_empty() {
                let code = within(header.u8())?;
                let size = usize::from(within(header.u8())?);
                let value = within(header.bytes(size))?;
                if code == 0xc2 {
                    called = Some(value);
                }
            }
            Ok(Tpdu::Connect {
                confirms: kind == 0xd0,
                called,
            })
        }
        0x80 | 0xc0 | 0x70 | 0x50 | 0x10 => Ok(Tpdu::Other),
        _ => Err(Malformed::Bad("COTP type")),
    }
}

/// The packet is whole: what is missing inside it will not come.
fn within<T>(read: Result<T, Malformed>) -> Result<T, Malformed> {
    read.map_err(|_| Malformed::Bad("COTP header"))
}

/// The content of the packets at the head of a stream: connects and empty data units are passed over. Gives the first
/// bytes of content, as many as are there, and whether that is all of the message; `Short` if there are none yet.
pub(in crate::protocols) fn content<'a>(r: &mut Reader<'a>) -> Result<(&'a [u8], bool), Malformed> {
    loop {
        let shown = r.peek();
        let size = length(&mut Reader::new(shown))?;
        if shown.len() >= size {
            match read(r)? {
                Tpdu::Data {
                    data: [],
                    last: false,
                }
                | Tpdu::Connect { .. }
                | Tpdu::Other => {}
                Tpdu::Data { data, last } => return Ok((data, last)),
            }
            continue;
        }
        // Cut off by the segment: garbage is told early all the same.
        r.skip(TPKT)?;
        let (header, kind) = (r.u8()?, r.u8()?);
        if kind & 0xf0 != 0xf0 {
            r.check(
                matches!(kind & 0xf0, 0xe0 | 0xd0 | 0x80 | 0xc0 | 0x70 | 0x50 | 0x10),
                "COTP type",
            )?;
            return Err(Malformed::Short);
        }
        r.check(header == 2, "COTP class")?;
        r.skip(1)?;
        let data = r.rest();
        return if data.is_empty() {
            Err(Malformed::Short)
        } else {
            Ok((data, false))
        };
    }
}

/// One direction's message in several data units.
#[derive(Debug, Default)]
pub(in crate::protocols) struct Joiner {
    held: Vec<u8>,
    /// The message grew too long: its rest is dropped.
    dropped: bool,
}

impl Joiner {
    /// Adds a unit.
    pub(in crate::protocols) fn add(&mut self, data: &[u8]) {
        if self.held.len() + data.len() > MOST_MESSAGE {
            self.dropped = true;
            self.held = Vec::new();
        }
        if !self.dropped {
            self.held.extend_from_slice(data);
        }
    }

    /// Nothing was said before the last unit.
    pub(in crate::protocols) const fn is_empty(&self) -> bool {
        self.held.is_empty() && !self.dropped
    }

    /// The whole message, of which `data` is the last unit; `None` if it was too long.
    pub(in crate::protocols) fn finish(&mut self, data: &[u8]) -> Option<Vec<u8>> {
        self.add(data);
        let whole = std::mem::take(self);
        (!whole.dropped).then_some(whole.held)
    }

    pub(in crate::protocols) fn clear(&mut self) {
        *self = Joiner::default();
    }
}
