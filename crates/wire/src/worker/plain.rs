//! What nearly every frame is, opened in one look: TCP over IPv4 without options or fragments, in Ethernet with one tag at
//! most.
//!
//! Either it gives what the link layer, IP and TCP give when they are asked one after the other, or nothing, and they are
//! asked. So the way of these frames is short, and there is one way only from their flow on.
use facts::Mac;

use super::Passing;
use crate::flow::{Link, Transport};
use crate::net::ip;
use crate::net::transport::{self, Tcp};

const TAG: [u8; 2] = [0x81, 0x00];
const IPV4: [u8; 2] = [0x08, 0x00];
/// Of an IPv4 header without options.
const HEADER: usize = 20;

/// A TCP segment, and its place in the flow table.
pub(super) struct Plain<'a> {
    pub vlan: Option<u16>,
    pub passing: Passing,
    pub tcp: Tcp<'a>,
}

#[inline(always)] // For nearly each frame.
pub(super) fn open(frame: &[u8]) -> Option<Plain<'_>> {
    let [d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, k0, k1] = *frame.first_chunk::<14>()?;
    let (vlan, packet) = match [k0, k1] {
        IPV4 => (None, frame.get(14..)?),
        TAG => {
            let [high, low, k0, k1] = *frame.get(14..)?.first_chunk::<4>()?;
            let vid = u16::from_be_bytes([high & 0x0f, low]);
            if [k0, k1] != IPV4 || vid == 0 {
                return None;
            }
            (Some(vid), frame.get(18..)?)
        }
        _ => return None,
    };
    let (head, rest) = packet.split_first_chunk::<HEADER>()?;
    let [
        0x45,
        _,
        l0,
        l1,
        i0,
        i1,
        flags,
        0,
        ttl,
        6,
        _,
        _,
        a,
        b,
        c,
        d,
        e,
        f,
        g,
        h,
    ] = *head
    else {
        return None;
    };
    let length = usize::from(u16::from_be_bytes([l0, l1])).checked_sub(HEADER)?;
    if flags & 0x3f != 0 {
        return None;
    }
    let tcp = transport::tcp(rest.get(..length)?).ok()?;
    let ends = [
        (ip::mapped([a, b, c, d]), tcp.src),
        (ip::mapped([e, f, g, h]), tcp.dst),
    ];
    let (src, dst) = (Mac([s0, s1, s2, s3, s4, s5]), Mac([d0, d1, d2, d3, d4, d5]));
    let passing = Passing::new(
        ends,
        Transport::Tcp,
        (ttl, u32::from(u16::from_be_bytes([i0, i1]))),
        tcp.signature(),
        tcp.payload.len(),
        |sender| Link::between(Some(src), Some(dst), vlan, sender),
    );
    Some(Plain {
        vlan,
        passing: passing.of_segment(&tcp),
        tcp,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::link::{self, Payload};
    use crate::worker::transport::passing;

    #[test]
    fn what_is_opened_in_one_look_is_what_layer_by_layer_gives() {
        let (mut state, mut plain, mut other) = (1u32, 0, 0);
        let captures = lab::oddments::scenario().captures.into_iter();
        let captures = captures.chain(lab::harborview::bad_day().captures);
        for frame in captures.flat_map(|capture| capture.frames).take(6_000) {
            // As it is, then cut off or with some bit of its headers turned over.
            for turned in 0..6 {
                let mut data = frame.bytes.clone();
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let at = (state >> 8) as usize % data.len().min(80);
                match turned {
                    0 => {}
                    1 => data.truncate(at),
                    _ => data[at] ^= 1 << (state & 7),
                }
                let Some(opened) = open(&data) else {
                    other += 1;
                    continue;
                };
                plain += 1;
                let link = link::open(crate::Link::Ethernet, &data);
                let Some(Ok((ends, Payload::EtherType(0x0800), bytes))) = link else {
                    panic!("{data:02x?}");
                };
                let packet = ip::v4(bytes).unwrap();
                assert_eq!((packet.protocol, packet.missing), (6, 0));
                assert!(packet.fragment.is_none() && ends.tags.outer.is_none());
                assert_eq!(opened.vlan, ends.tags.vlan);
                let tcp = transport::tcp(packet.payload).unwrap();
                assert_eq!(format!("{:?}", opened.tcp), format!("{tcp:?}"));
                let (ports, length) = ((tcp.src, tcp.dst), tcp.payload.len());
                let general = passing(
                    &packet,
                    Transport::Tcp,
                    ports,
                    tcp.signature(),
                    length,
                    &ends,
                );
                assert_eq!(opened.passing, general.of_segment(&tcp));
            }
        }
        assert!(plain > 2_000 && other > 2_000, "{plain} {other}");
    }
}
