//! The link layer: from a frame to its network payload.
//!
//! Spec: IEEE 802.3 (length or type), IEEE 802.2 (LLC), RFC 1042 (SNAP), IEEE 802.1Q clauses 9.5 and 9.6 (tags: C-VLAN
//! 0x8100, S-VLAN 0x88A8; VID 0 carries a priority only), LINKTYPE_LINUX_SLL and _SLL2. What is met seldom is in [`rare`].
use facts::Mac;

use super::rare;
use crate::Link;
use crate::reader::{Malformed, Reader};

/// What stands under the network layer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ends {
    pub src: Option<Mac>,
    pub dst: Option<Mac>,
    pub tags: Tags,
}

/// The 802.1Q tags of a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tags {
    /// VLAN: the innermost VID other than 0. `None` is untagged or priority-tagged.
    pub vlan: Option<u16>,
    /// Outer VID of a frame with two tags.
    pub outer: Option<u16>,
    /// A tag with VID 0 was there.
    pub priority: bool,
}

/// What the payload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Payload {
    EtherType(u16),
    /// LLC destination service access point.
    Llc(u8),
    /// SNAP organisation code and protocol.
    Snap(u32, u16),
    /// What other link layers carry beside packets.
    Named(Class),
}

/// Frames of other link layers that carry no packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Class {
    RadioManagement,
    RadioControl,
    RadioEncrypted,
    /// Several frames in one.
    RadioAggregate,
    RingManagement,
    Can,
    /// A protocol of the capturing machine, by Linux's number: none that was on a wire by that.
    Cooked,
}

impl Class {
    pub(crate) const ALL: [Class; 7] = [
        Class::RadioManagement,
        Class::RadioControl,
        Class::RadioEncrypted,
        Class::RadioAggregate,
        Class::RingManagement,
        Class::Can,
        Class::Cooked,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Class::RadioManagement => "wlan-management",
            Class::RadioControl => "wlan-control",
            Class::RadioEncrypted => "wlan-encrypted",
            Class::RadioAggregate => "wlan-aggregate",
            Class::RingManagement => "fddi-management",
            Class::Can => "can",
            Class::Cooked => "linux-cooked",
        }
    }
}

/// Tags read before a frame counts as malformed.
const MOST_TAGS: usize = 4;
/// Values below are 802.3 lengths (IEEE 802.3, 3.2.6).
const FIRST_TYPE: u16 = 0x0600;

/// What a frame's header says, and what it carries.
pub(crate) type Opened<'a> = Result<(Ends, Payload, &'a [u8]), Malformed>;

/// Opens a frame; `None` for link types that are not decoded.
#[inline(always)] // For each frame, and once more where load is shed.
pub(crate) fn open(link: Link, bytes: &[u8]) -> Option<Opened<'_>> {
    let mut r = Reader::new(bytes);
    match link {
        Link::Ethernet => Some(ethernet(&mut r)),
        Link::Null => Some(family(&mut r, false)),
        Link::Loop => Some(family(&mut r, true)),
        Link::Raw => Some(raw(&mut r)),
        Link::Sll => Some(sll(&mut r)),
        Link::Sll2 => Some(sll2(&mut r)),
        Link::Rare(number) => rare::open(number, bytes),
        Link::Other(_) => None,
    }
}

#[inline(always)]
pub(crate) fn ethernet<'a>(r: &mut Reader<'a>) -> Result<(Ends, Payload, &'a [u8]), Malformed> {
    let mut head = Reader::new(r.chunk::<14>()?);
    let (dst, src, kind) = (head.mac()?, head.mac()?, head.u16()?);
    let (tags, payload, rest) = after_type(kind, r)?;
    Ok((
        Ends {
            src: Some(src),
            dst: Some(dst),
            tags,
        },
        payload,
        rest,
    ))
}

#[inline(always)]
fn after_type<'a>(kind: u16, r: &mut Reader<'a>) -> Result<(Tags, Payload, &'a [u8]), Malformed> {
    let (mut kind, mut tags, mut count) = (kind, Tags::default(), 0);
    // C-VLAN, S-VLAN, and what was used before there was an S-VLAN.
    while matches!(kind, 0x8100 | 0x88a8 | 0x9100 | 0x9200) && count < MOST_TAGS {
        let [high, low, next @ ..] = *r.chunk::<4>()?;
        match u16::from_be_bytes([high, low]) & 0x0fff {
            0 => tags.priority = true,
            vid => (tags.vlan, tags.outer) = (Some(vid), tags.vlan),
        }
        kind = u16::from_be_bytes(next);
        count += 1;
    }
    if kind >= FIRST_TYPE {
        return Ok((tags, Payload::EtherType(kind), r.rest()));
    }
    let (payload, rest) = with_length(kind, r)?;
    Ok((tags, payload, rest))
}

/// An 802.3 length; padding after it is not payload. A length of more than there is: the frame was snapped.
fn with_length<'a>(length: u16, r: &mut Reader<'a>) -> Result<(Payload, &'a [u8]), Malformed> {
    let length = usize::from(length).min(r.left());
    llc(r.sub(length)?)
}

/// IEEE 802.2, and SNAP where that is what it says.
pub(crate) fn llc(mut llc: Reader<'_>) -> Result<(Payload, &[u8]), Malformed> {
    let (dsap, ssap, control) = (llc.u8()?, llc.u8()?, llc.u8()?);
    if (dsap, ssap, control) == (0xaa, 0xaa, 0x03) {
        let (oui, protocol) = (llc.u24()?, llc.u16()?);
        // RFC 1042: organisation 0 means that an EtherType follows.
        let payload = if oui == 0 {
            Payload::EtherType(protocol)
        } else {
            Payload::Snap(oui, protocol)
        };
        return Ok((payload, llc.rest()));
    }
    Ok((Payload::Llc(dsap), llc.rest()))
}

/// LINKTYPE_NULL and LINKTYPE_LOOP: a protocol family. AF_INET is 2 everywhere, AF_INET6 differs between systems.
fn family<'a>(r: &mut Reader<'a>, big: bool) -> Result<(Ends, Payload, &'a [u8]), Malformed> {
    let number = if big { r.u32()? } else { r.u32_le()? };
    let number = if number > 0xffff {
        number.swap_bytes()
    } else {
        number
    };
    let kind = match number {
        2 => 0x0800,
        10 | 23 | 24 | 28 | 30 => 0x86dd,
        _ => return Err(Malformed::Bad("loopback family")),
    };
    Ok((Ends::default(), Payload::EtherType(kind), r.rest()))
}

pub(crate) fn raw<'a>(r: &mut Reader<'a>) -> Result<(Ends, Payload, &'a [u8]), Malformed> {
    let kind = match r.peek().first().ok_or(Malformed::Short)? >> 4 {
        4 => 0x0800,
        6 => 0x86dd,
        _ => return Err(Malformed::Bad("IP version")),
    };
    Ok((Ends::default(), Payload::EtherType(kind), r.rest()))
}

fn sll<'a>(r: &mut Reader<'a>) -> Result<(Ends, Payload, &'a [u8]), Malformed> {
    let (_direction, hardware, length) = (r.u16()?, r.u16()?, r.u16()?);
    let address: [u8; 8] = r.array()?;
    let kind = r.u16()?;
    cooked(
        hardware,
        u8::try_from(length).unwrap_or(u8::MAX),
        address,
        kind,
        r,
    )
}

fn sll2<'a>(r: &mut Reader<'a>) -> Result<(Ends, Payload, &'a [u8]), Malformed> {
    let kind = r.u16()?;
    r.skip(2 + 4)?;
    let hardware = r.u16()?;
    let (_direction, length) = (r.u8()?, r.u8()?);
    let address: [u8; 8] = r.array()?;
    cooked(hardware, length, address, kind, r)
}

fn cooked<'a>(
    hardware: u16,
    length: u8,
    address: [u8; 8],
    kind: u16,
    r: &mut Reader<'a>,
) -> Result<(Ends, Payload, &'a [u8]), Malformed> {
    let [a, b, c, d, e, f, ..] = address;
    // ARPHRD_ETHER is 1; ARPHRD_LOOPBACK 772 has an all-zero address.
    let src = (length == 6 && matches!(hardware, 1 | 772)).then_some(Mac([a, b, c, d, e, f]));
    let src = src.filter(|mac| mac.is_device());
    // Linux's own numbers of what is no EtherType: raw 802.3 (Novell), 802.2 LLC, CAN in its three widths.
    let (tags, payload, rest) = match kind {
        1 => (Tags::default(), Payload::Llc(0xff), r.rest()),
        4 => {
            let (payload, rest) = llc(*r)?;
            (Tags::default(), payload, rest)
        }
        0x0c..=0x0e => (Tags::default(), Payload::Named(Class::Can), r.rest()),
        kind if kind < FIRST_TYPE => (Tags::default(), Payload::Named(Class::Cooked), r.rest()),
        kind => after_type(kind, r)?,
    };
    Ok((
        Ends {
            src,
            dst: None,
            tags,
        },
        payload,
        rest,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open_ethernet(hex: &str) -> (Ends, Payload, usize) {
        let bytes = crate::testing::hex(hex);
        let (ends, payload, rest) = open(Link::Ethernet, &bytes).unwrap().unwrap();
        (ends, payload, rest.len())
    }

    const MACS: &str = "01 80 c2 00 00 0e  00 1b 1b 00 00 01";

    #[test]
    fn vlan_0_is_untagged_and_two_tags_are_told_apart() {
        let (ends, payload, _) = open_ethernet(&format!("{MACS} 8100 c000 8892 8000"));
        assert_eq!(
            ends.tags,
            Tags {
                vlan: None,
                outer: None,
                priority: true
            }
        );
        assert_eq!(payload, Payload::EtherType(0x8892));
        let (ends, ..) = open_ethernet(&format!("{MACS} 88a8 0064 8100 000a 0800 45"));
        assert_eq!(
            ends.tags,
            Tags {
                vlan: Some(10),
                outer: Some(100),
                priority: false
            }
        );
    }

    #[test]
    fn an_802_3_frame_gives_its_llc_without_the_padding() {
        let (_, payload, left) = open_ethernet(&format!("{MACS} 0005 42 42 03 aa bb 00 00 00 00"));
        assert_eq!((payload, left), (Payload::Llc(0x42), 2));
        let (_, payload, _) = open_ethernet(&format!("{MACS} 0009 aa aa 03 00 00 0c 20 00 01"));
        assert_eq!(payload, Payload::Snap(0x0c, 0x2000));
        let (_, payload, _) = open_ethernet(&format!("{MACS} 0009 aa aa 03 00 00 00 08 06 00"));
        assert_eq!(payload, Payload::EtherType(0x0806));
    }

    #[test]
    fn cooked_and_loopback_captures_open() {
        let sll = crate::testing::hex("0000 0001 0006 28633 68a01100000 0800 45");
        let (ends, payload, _) = open(Link::Sll, &sll).unwrap().unwrap();
        assert_eq!(ends.src, "28:63:36:8a:01:10".parse().ok());
        assert_eq!(payload, Payload::EtherType(0x0800));
        let null = crate::testing::hex("1e000000 60");
        assert_eq!(
            open(Link::Null, &null).unwrap().unwrap().1,
            Payload::EtherType(0x86dd)
        );
        assert!(open(Link::Other(220), &null).is_none());
        let bridged =
            crate::testing::hex("0000 0001 0006 28633 68a01100000 0004 aaaa03 00000c 2000 01");
        assert_eq!(
            open(Link::Sll, &bridged).unwrap().unwrap().1,
            Payload::Snap(0x0c, 0x2000)
        );
    }
}
