//! IPv4 and IPv6 up to the transport header.
//!
//! Spec: RFC 791 (IPv4), RFC 8200 (IPv6 and its extension headers).
use std::net::{IpAddr, Ipv6Addr};

use crate::reader::{Malformed, Reader};

/// An IP packet, opened.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packet<'a> {
    /// IPv4 addresses stand as mapped IPv6 ones.
    pub src: u128,
    pub dst: u128,
    /// Transport protocol number.
    pub protocol: u8,
    /// Time to live, or hop limit.
    pub ttl: u8,
    /// Identification (0 where there is none).
    pub id: u32,
    pub fragment: Option<Fragment>,
    pub payload: &'a [u8],
    /// Payload bytes that the header promises but the capture lacks.
    pub missing: usize,
}

/// Where a fragment lies in its packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fragment {
    /// In bytes.
    pub offset: usize,
    pub more: bool,
}

/// Extension headers read before a packet counts as malformed.
const MOST_HEADERS: usize = 8;

impl Packet<'_> {
    pub(crate) fn src_ip(&self) -> IpAddr {
        Ipv6Addr::from(self.src).to_canonical()
    }

    pub(crate) fn dst_ip(&self) -> IpAddr {
        Ipv6Addr::from(self.dst).to_canonical()
    }
}

/// An IPv4 address as the mapped IPv6 one (RFC 4291, 2.5.5.2).
pub(crate) const fn mapped(octets: [u8; 4]) -> u128 {
    0xffff << 32 | u32::from_be_bytes(octets) as u128
}

/// Bytes of an IPv4 header without options.
const V4: usize = 20;

#[inline]
pub(crate) fn v4(bytes: &[u8]) -> Result<Packet<'_>, Malformed> {
    let first = *bytes.first().ok_or(Malformed::Short)?;
    let mut r = Reader::new(bytes);
    r.check(first >> 4 == 4, "IP version")?;
    let header = usize::from(first & 0x0f) * 4;
    r.check(header >= V4, "IPv4 header length")?;
    // Named as RFC 791 draws them, word by word.
    let [
        _,
        _,
        l0,
        l1,
        i0,
        i1,
        f0,
        f1,
        ttl,
        protocol,
        _,
        _,
        src @ ..,
        d0,
        d1,
        d2,
        d3,
    ] = *r.chunk::<V4>()?;
    r.skip(header - V4)?;
    let total = usize::from(u16::from_be_bytes([l0, l1]));
    let flags = u16::from_be_bytes([f0, f1]);
    // Offload leaves a total length of 0 in captures of the sending host: the frame's length counts then.
    let total = if total == 0 { bytes.len() } else { total };
    r.check(total >= header, "IPv4 total length")?;
    let promised = total - header;
    let payload = r.peek().get(..promised).unwrap_or(r.peek());
    let offset = usize::from(flags & 0x1fff) * 8;
    let more = flags & 0x2000 != 0;
    Ok(Packet {
        src: mapped(src),
        dst: mapped([d0, d1, d2, d3]),
        protocol,
        ttl,
        id: u32::from(u16::from_be_bytes([i0, i1])),
        fragment: (more || offset > 0).then_some(Fragment { offset, more }),
        payload,
        missing: promised - payload.len(),
    })
}

pub(crate) fn v6(bytes: &[u8]) -> Result<Packet<'_>, Malformed> {
    let mut r = Reader::new(bytes);
    r.check(
        r.peek().first().ok_or(Malformed::Short)? >> 4 == 6,
        "IP version",
    )?;
    r.skip(4)?;
    let promised = usize::from(r.u16()?);
    let (mut next, ttl) = (r.u8()?, r.u8()?);
    let (src, dst) = (u128::from(r.ipv6()?), u128::from(r.ipv6()?));
    // A length of 0 is a jumbogram (RFC 2675) or an offloaded segment: the frame's length counts.
    let promised = if promised == 0 { r.left() } else { promised };
    let mut missing = promised.saturating_sub(r.left());
    let mut body = Reader::new(r.peek().get(..promised).unwrap_or(r.peek()));
    let (mut fragment, mut id) = (None, 0);
    for _ in 0..MOST_HEADERS {
        match next {
            // Hop-by-hop, routing, destination options, mobility, HIP, shim6: length in units of 8 without the first.
            0 | 43 | 60 | 135 | 139 | 140 => {
                next = body.u8()?;
                let length = usize::from(body.u8()?);
                body.skip(length * 8 + 6)?;
            }
            // Authentication header: length in units of 4 minus 2 (RFC 4302, 2.2).
            51 => {
                next = body.u8()?;
                let length = usize::from(body.u8()?);
                body.skip((length * 4 + 8).saturating_sub(2))?;
            }
            44 => {
                next = body.u8()?;
                body.skip(1)?;
                let flags = body.u16()?;
                id = body.u32()?;
                let here = Fragment {
                    offset: usize::from(flags & 0xfff8),
                    more: flags & 1 != 0,
                };
                if here.more || here.offset > 0 {
                    fragment = Some(here);
                    break;
                }
                // An atomic fragment (RFC 6946) is a whole packet.
            }
            _ => break,
        }
    }
    if promised == 0 {
        missing = 0;
    }
    Ok(Packet {
        src,
        dst,
        protocol: next,
        ttl,
        id,
        fragment,
        payload: body.rest(),
        missing,
    })
}

/// Routers between the sender and this wire: the distance to the next usual start value of the TTL. Controllers of Siemens, and others,
/// start at 30. What is far below is meant not to come far.
pub(crate) const fn hops(ttl: u8) -> u8 {
    match ttl {
        20..=30 => 30 - ttl,
        0..=32 => 32 - ttl,
        33..=64 => 64 - ttl,
        65..=128 => 128 - ttl,
        _ => 255 - ttl,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::hex;

    #[test]
    fn a_distance_is_counted_from_the_next_start() {
        let distances = [255, 128, 127, 64, 60, 32, 31, 30, 28, 4, 1].map(hops);
        assert_eq!(distances, [0, 0, 1, 0, 4, 0, 1, 0, 2, 28, 31]);
    }

    #[test]
    fn padding_is_not_payload_and_snapped_bytes_are_counted() {
        let head = "4500 001c 0001 0000 40 11 0000 0a000001 0a000002";
        let packet = hex(&format!("{head} 0001 0002 0008 0000 ffff ffff"));
        let whole = v4(&packet).unwrap();
        assert_eq!((whole.payload.len(), whole.missing), (8, 0));
        let packet = hex(&format!("{head} 0001"));
        let cut = v4(&packet).unwrap();
        assert_eq!((cut.payload.len(), cut.missing), (2, 6));
    }

    #[test]
    fn extension_headers_are_walked_to_the_transport() {
        let ends = "fe800000000000000000000000000001 ff020000000000000000000000000016";
        let packet = hex(&format!(
            "60000000 0010 00 01 {ends} 3a 00 0502 0000 0100 8f00 0000 0000 0000"
        ));
        let opened = v6(&packet).unwrap();
        assert_eq!(
            (opened.protocol, opened.payload.len(), opened.fragment),
            (58, 8, None)
        );
    }

    #[test]
    fn a_header_that_contradicts_itself_is_malformed() {
        let packet = hex("4300 001c 0001 0000 40 11 0000 0a000001 0a000002");
        assert_eq!(
            v4(&packet).unwrap_err(),
            Malformed::Bad("IPv4 header length")
        );
    }
}
