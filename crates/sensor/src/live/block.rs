//! A block of the packet ring: the packets that the kernel put into it, one behind the other, each read where it lies.
//!
//! Spec: TPACKET_V3 as in Documentation/networking/packet_mmap.rst of the kernel.
use facts::Time;
use wire::Link;

use super::{Packet, sys};

/// A tag, put back behind the two MAC addresses.
pub(super) const TAG: usize = 4;
const MACS: usize = 12;

/// Hands over each packet, and whether its card stamped it; gives how many there were. A header that points out of the block
/// ends it.
pub(super) fn packets(block: &mut [u8], mut each: impl FnMut(Packet<'_>, bool)) -> usize {
    let (packets, first) = (number(block, 12), number(block, 16));
    let mut at = first;
    let mut count = 0;
    for _ in 0..packets {
        let Some(header) = block.get(at..).and_then(sys::header) else {
            break;
        };
        let Some(packet) = packet(block, at, &header) else {
            break;
        };
        each(
            packet,
            header.tp_status & libc::TP_STATUS_TS_RAW_HARDWARE != 0,
        );
        count += 1;
        at += header.tp_next_offset as usize;
    }
    count
}

/// A number of the kernel's, in the byte order of this machine; 0 where there is none.
pub(super) fn number(bytes: &[u8], at: usize) -> usize {
    let raw = bytes.get(at..).and_then(|rest| rest.first_chunk());
    raw.map_or(0, |raw| u32::from_ne_bytes(*raw) as usize)
}

/// The packet whose header stands at `at`, with its tag put back where the card or the kernel took it off.
fn packet<'a>(block: &'a mut [u8], at: usize, header: &libc::tpacket3_hdr) -> Option<Packet<'a>> {
    let mut start = at.checked_add(usize::from(header.tp_mac))?;
    let end = start.checked_add(header.tp_snaplen as usize)?;
    let mut wire_len = header.tp_len;
    if header.tp_status & libc::TP_STATUS_VLAN_VALID != 0
        && header.tp_snaplen as usize >= MACS
        && usize::from(header.tp_mac) >= size_of::<libc::tpacket3_hdr>() + TAG
    {
        // What stands before the frame is room that was reserved for this, and an address that no one reads.
        let tpid = if header.tp_status & libc::TP_STATUS_VLAN_TPID_VALID != 0 {
            header.hv1.tp_vlan_tpid
        } else {
            0x8100
        };
        let [a, b] = tpid.to_be_bytes();
        let [.., c, d] = header.hv1.tp_vlan_tci.to_be_bytes();
        let moved = start - TAG;
        if end > block.len() {
            return None;
        }
        block.copy_within(start..start + MACS, moved);
        block
            .get_mut(moved + MACS..start + MACS)?
            .copy_from_slice(&[a, b, c, d]);
        start = moved;
        wire_len = wire_len.saturating_add(4);
    }
    let nanoseconds = i64::from(header.tp_nsec);
    Some(Packet {
        time: Time(
            Time::from_secs(i64::from(header.tp_sec))
                .0
                .saturating_add(nanoseconds),
        ),
        data: block.get(start..end)?,
        wire_len,
        link: Link::Ethernet,
    })
}
