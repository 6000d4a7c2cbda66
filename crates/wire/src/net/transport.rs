//! TCP and UDP headers.
//!
//! Spec: RFC 9293, 3.1 (TCP), RFC 768 (UDP).
use crate::reader::{Malformed, Reader};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Tcp<'a> {
    pub src: u16,
    pub dst: u16,
    pub seq: u32,
    pub ack: u32,
    pub flags: u8,
    pub checksum: u16,
    pub payload: &'a [u8],
}

impl Tcp<'_> {
    pub(crate) const FIN: u8 = 0x01;
    pub(crate) const SYN: u8 = 0x02;
    pub(crate) const RST: u8 = 0x04;
    pub(crate) const PSH: u8 = 0x08;
    pub(crate) const ACK: u8 = 0x10;

    pub(crate) const fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// Equal for copies of one segment.
    #[inline]
    pub(crate) const fn signature(&self) -> u32 {
        self.seq
            ^ self.ack.rotate_left(16)
            ^ (self.flags as u32).rotate_left(24)
            ^ self.checksum as u32
    }

    /// Whether it has the form of a keep-alive: one byte that repeats the last one sent, or stands in for it (RFC 9293,
    /// 3.8.4). Whoever has a byte to say pushes it.
    pub(crate) fn may_keep_alive(&self) -> bool {
        self.payload.len() == 1 && !self.has(Tcp::PSH | Tcp::SYN | Tcp::FIN | Tcp::RST)
    }
}

#[inline]
pub(crate) fn tcp(bytes: &[u8]) -> Result<Tcp<'_>, Malformed> {
    let mut r = Reader::new(bytes);
    let Ok(head) = r.chunk::<20>() else {
        let offset = bytes
            .get(12)
            .zip(bytes.get(13))
            .map(|(offset, _)| offset >> 4);
        r.check(offset.is_none_or(|offset| offset >= 5), "TCP header length")?;
        return Err(Malformed::Short);
    };
    // Named as RFC 9293 draws them, word by word.
    let [
        s0,
        s1,
        d0,
        d1,
        q0,
        q1,
        q2,
        q3,
        a0,
        a1,
        a2,
        a3,
        offset,
        flags,
        _,
        _,
        c0,
        c1,
        _,
        _,
    ] = *head;
    let offset = usize::from(offset >> 4) * 4;
    r.check(offset >= 20, "TCP header length")?;
    r.skip(offset - 20)?;
    Ok(Tcp {
        src: u16::from_be_bytes([s0, s1]),
        dst: u16::from_be_bytes([d0, d1]),
        seq: u32::from_be_bytes([q0, q1, q2, q3]),
        ack: u32::from_be_bytes([a0, a1, a2, a3]),
        flags,
        checksum: u16::from_be_bytes([c0, c1]),
        payload: r.rest(),
    })
}

/// The timestamp among the options of a segment (RFC 7323, 3.2: kind 8, length 10, then the sender's clock and an echo).
pub(crate) fn timestamp(segment: &[u8]) -> Option<u32> {
    let length = usize::from(segment.get(12)? >> 4) * 4;
    let mut r = Reader::new(segment.get(20..length)?);
    loop {
        match (r.u8().ok()?, r.peek()) {
            (0, _) => return None,
            (1, _) => {}
            (8, [10, ..]) => {
                r.skip(1).ok()?;
                return r.u32().ok();
            }
            (_, [length, ..]) => r.skip(usize::from(*length).max(2) - 1).ok()?,
            (_, []) => return None,
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Udp<'a> {
    pub src: u16,
    pub dst: u16,
    pub checksum: u16,
    pub payload: &'a [u8],
}

pub(crate) fn udp(bytes: &[u8]) -> Result<Udp<'_>, Malformed> {
    let mut r = Reader::new(bytes);
    let (src, dst, length, checksum) = (r.u16()?, r.u16()?, usize::from(r.u16()?), r.u16()?);
    // A length of 0 is a jumbogram (RFC 2675) or offload: everything counts.
    r.check(length == 0 || length >= 8, "UDP length")?;
    let payload = r.rest();
    let payload = if length == 0 {
        payload
    } else {
        payload.get(..length - 8).unwrap_or(payload)
    };
    Ok(Udp {
        src,
        dst,
        checksum,
        payload,
    })
}
