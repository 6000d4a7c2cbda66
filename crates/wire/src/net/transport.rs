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
    pub(crate) const ACK: u8 = 0x10;

    pub(crate) const fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

pub(crate) fn tcp(bytes: &[u8]) -> Result<Tcp<'_>, Malformed> {
    let mut r = Reader::new(bytes);
    let (src, dst, seq, ack) = (r.u16()?, r.u16()?, r.u32()?, r.u32()?);
    let (offset, flags) = (usize::from(r.u8()? >> 4) * 4, r.u8()?);
    r.check(offset >= 20, "TCP header length")?;
    r.skip(2)?;
    let checksum = r.u16()?;
    r.skip(2)?;
    r.skip(offset - 20)?;
    Ok(Tcp {
        src,
        dst,
        seq,
        ack,
        flags,
        checksum,
        payload: r.rest(),
    })
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
