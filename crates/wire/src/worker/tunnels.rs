//! What carries packets inside packets, opened.
use crate::net::link::Payload;
use crate::net::transport;
use crate::reader::Reader;

/// RFC 3032: labels of 4 octets up to the bottom of the stack, then IP by its first nibble.
pub(super) fn mpls(bytes: &[u8]) -> Option<(Payload, &[u8])> {
    let rest = after_labels(bytes)?;
    match rest.first()? >> 4 {
        4 => Some((Payload::EtherType(0x0800), rest)),
        6 => Some((Payload::EtherType(0x86dd), rest)),
        _ => None,
    }
}

/// RFC 4448: an Ethernet pseudowire begins with a control word of first nibble 0.
pub(super) fn mpls_ethernet(bytes: &[u8]) -> Option<&[u8]> {
    let rest = after_labels(bytes)?;
    if rest.first()? >> 4 == 0 {
        rest.get(4..)
    } else {
        None
    }
}

fn after_labels(bytes: &[u8]) -> Option<&[u8]> {
    let mut r = Reader::new(bytes);
    for _ in 0..16 {
        if r.u32().ok()? & 0x100 != 0 {
            return Some(r.rest());
        }
    }
    None
}

/// RFC 2516, 4, and RFC 1661, 2: session stage, then the PPP protocol.
pub(super) fn pppoe(bytes: &[u8]) -> Option<(Payload, &[u8])> {
    let mut r = Reader::new(bytes);
    r.skip(6).ok()?;
    match r.u16().ok()? {
        0x0021 => Some((Payload::EtherType(0x0800), r.rest())),
        0x0057 => Some((Payload::EtherType(0x86dd), r.rest())),
        _ => None,
    }
}

/// The IP protocols that may carry packets of other hosts: IP in IP, IPv6 in IP, GRE, and UDP for VXLAN.
pub(super) fn may_carry(protocol: u8) -> bool {
    matches!(protocol, 4 | 41 | 47 | 17)
}

/// RFC 7348, 5: the port, and the flag that says that a network identifier is there.
pub(super) fn vxlan(datagram: &[u8]) -> Option<&[u8]> {
    let udp = transport::udp(datagram)
        .ok()
        .filter(|udp| udp.dst == 4789)?;
    match udp.payload.split_first_chunk::<8>() {
        Some((&[0x08, ..], inner)) => Some(inner),
        _ => None,
    }
}

/// RFC 2784 and RFC 2890: version 0 with optional checksum, key and sequence number.
pub(super) fn gre(bytes: &[u8]) -> Option<(Payload, &[u8])> {
    let mut r = Reader::new(bytes);
    let flags = r.u16().ok()?;
    let protocol = r.u16().ok()?;
    if flags & 0x0007 != 0 {
        return None;
    }
    for (flag, length) in [(0x8000, 4), (0x2000, 4), (0x1000, 4)] {
        if flags & flag != 0 {
            r.skip(length).ok()?;
        }
    }
    Some((Payload::EtherType(protocol), r.rest()))
}

#[cfg(test)]
mod tests {
    use facts::Time;

    use crate::testing::hex;
    use crate::{Frame, Limits, Link, Shard, Worker};

    /// ICMP echo requests between hosts behind GRE, one per inner pair, all between the same outer routers.
    #[test]
    fn whoever_keeps_the_inner_flows_looks_into_the_tunnel() {
        let frames: Vec<Vec<u8>> = (1..=8u8)
            .map(|last| {
                hex(&format!(
                    "020000000002 020000000001 0800 \
                     45000034 00000000 402f0000 c0000201 c0000202 00000800 \
                     4500001c 00000000 40010000 0a0000{last:02x} 0a000164 0800000000010001"
                ))
            })
            .collect();
        let conversations = |of: u32| {
            let mut pictures = (0..of).map(|index| {
                let mut worker = Worker::new(Shard { index, of, seed: 0 }, Limits::default());
                for (number, data) in (1u32..).zip(&frames) {
                    let length = u32::try_from(data.len()).unwrap();
                    worker.frame(&Frame {
                        capture: 0,
                        number,
                        time: Time(i64::from(number)),
                        link: Link::Ethernet,
                        wire_len: length,
                        data,
                    });
                }
                worker.finish()
            });
            let mut picture = pictures.next().unwrap();
            pictures.for_each(|other| picture.merge(other));
            picture.into_facts(vec!["a".to_owned()]).conversations
        };
        let one = conversations(1);
        assert_eq!(one.iter().filter(|row| row.transport == "icmp").count(), 8);
        assert_eq!(one, conversations(3));
    }
}
