//! Whose frame it is, told from its first bytes alone.
//!
//! Workers decide for themselves what they keep ([`Worker::frame`](crate::Worker::frame)). Whoever hands frames out asks
//! here first, and spares all but one worker a frame that is beyond doubt. Where packets may lie inside, where one came
//! in fragments, or where anything is odd, every worker has to look.
use crate::flow::Key;
use crate::{Frame, Link};

const TAG: [u8; 2] = [0x81, 0x00];
const VLAN_TAGS: [[u8; 2]; 4] = [TAG, [0x88, 0xa8], [0x91, 0x00], [0x92, 0x00]];
const MOST_TAGS: usize = 2;

/// The one of `of` workers to whom the frame means anything; `None` where all of them have to see it.
#[inline]
pub fn owner(frame: &Frame<'_>, of: u32) -> Option<u32> {
    if of <= 1 {
        return Some(0);
    }
    match frame.link {
        Link::Ethernet => {
            let pair = plain(frame.data).or_else(|| ethernet(frame.data.get(12..)?))?;
            Some(worker_of(pair, of))
        }
        _ => None,
    }
}

/// The one of `of` workers who keeps the flows of the pair of hosts with this hash ([`Key::hash_of_pair`]): its upper half,
/// spread over them without a division.
#[inline]
pub(super) fn worker_of(pair: u64, of: u32) -> u32 {
    u32::try_from(((pair >> 32) * u64::from(of)) >> 32).unwrap_or(0)
}

/// As [`ethernet`] and [`v4`], for what nearly every frame is: TCP over IPv4 without options or fragments, and one tag at
/// most. It is asked for each frame by who has to hand them out to all others.
#[inline]
fn plain(frame: &[u8]) -> Option<u64> {
    let tagged = *frame.first_chunk::<14>()?.last_chunk()? == TAG;
    let ip = frame.get(if tagged { 16 } else { 12 }..)?;
    let [
        0x08,
        0x00,
        0x45,
        _,
        high,
        low,
        _,
        _,
        flags,
        0,
        _,
        6,
        _,
        _,
        ends @ ..,
    ] = ip.first_chunk::<22>()?
    else {
        return None;
    };
    let total = u16::from_be_bytes([*high, *low]);
    if flags & 0x3f != 0 || (1..20).contains(&total) {
        return None;
    }
    let [a, b, c, d, e, f, g, h] = *ends;
    Some(Key::hash_of_v4_pair([a, b, c, d], [e, f, g, h]))
}

/// What follows the addresses of an Ethernet frame, as far as the hash of the pair of hosts that it is between.
#[inline]
fn ethernet(mut bytes: &[u8]) -> Option<u64> {
    for _ in 0..=MOST_TAGS {
        let (kind, rest) = bytes.split_first_chunk::<2>()?;
        match kind {
            [0x08, 0x00] => return v4(rest),
            [0x86, 0xdd] => return v6(rest),
            tag if VLAN_TAGS.contains(tag) => bytes = rest.get(2..)?,
            _ => return None,
        }
    }
    None
}

#[inline]
fn v4(bytes: &[u8]) -> Option<u64> {
    let [
        first,
        _,
        high,
        low,
        _,
        _,
        flags,
        offset,
        _,
        protocol,
        _,
        _,
        ends @ ..,
    ] = bytes.first_chunk::<20>()?;
    let header = usize::from(first & 0x0f) * 4;
    let total = usize::from(u16::from_be_bytes([*high, *low]));
    let sound = first >> 4 == 4
        && header >= 20
        && bytes.len() >= header
        && (total == 0 || total >= header)
        && flags & 0x3f == 0
        && *offset == 0;
    if !sound || !is_plain(*protocol, bytes.get(header..)?) {
        return None;
    }
    let [a, b, c, d, e, f, g, h] = *ends;
    Some(Key::hash_of_v4_pair([a, b, c, d], [e, f, g, h]))
}

#[inline]
fn v6(bytes: &[u8]) -> Option<u64> {
    let (head, payload) = bytes.split_first_chunk::<40>()?;
    let (fixed, ends) = head.split_first_chunk::<8>()?;
    let [first, _, _, _, _, _, next, _] = fixed;
    // Extension headers are left to the workers.
    if first >> 4 != 6 || !matches!(next, 6 | 17 | 58) || !is_plain(*next, payload) {
        return None;
    }
    let (src, dst) = (ends.first_chunk::<16>()?, ends.last_chunk::<16>()?);
    Some(Key::hash_of_pair(
        u128::from_be_bytes(*src),
        u128::from_be_bytes(*dst),
    ))
}

/// Nothing can lie inside that is the business of other hosts.
#[inline]
fn is_plain(protocol: u8, payload: &[u8]) -> bool {
    match protocol {
        17 => payload
            .first_chunk()
            .is_none_or(|ports| super::tunnels::tunnel_of(*ports).is_none()),
        other => !super::tunnels::may_carry(other),
    }
}

#[cfg(test)]
mod tests {
    use facts::{Facts, Time};

    use super::*;
    use crate::testing::hex;
    use crate::{Limits, Shard, Worker};

    /// Whether one of three workers makes nothing of a frame.
    fn passes_over(frame: &Frame<'_>, index: u32) -> bool {
        let shard = Shard {
            index,
            of: 3,
            seed: 0,
        };
        let mut worker = Worker::new(shard, Limits::default());
        worker.frame(frame);
        let picture = worker.finish();
        picture.frames().is_empty()
            && picture.left_out().next().is_none()
            && picture.into_facts(Vec::new()) == Facts::default()
    }

    #[test]
    fn no_other_worker_would_have_kept_a_frame_that_has_an_owner() {
        let ends = "020000000002 020000000001";
        let udp = |port: &str| format!("0001 {port} 0020 0000 08000000 00000100");
        let mut frames: Vec<Vec<u8>> = [
            format!(
                "{ends} 0800 45000034 00000000 4006 0000 c0000201 c0000202 {}",
                "00".repeat(20)
            ),
            format!(
                "{ends} 0800 45000034 00002000 4006 0000 c0000201 c0000202 {}",
                "00".repeat(20)
            ),
            format!(
                "{ends} 8100 0005 0800 45000000 00004000 4011 0000 c0000201 c0000207 {}",
                udp("0035")
            ),
            format!(
                "{ends} 0800 45000038 00000000 4011 0000 c0000201 c0000203 {} {ends} 0800",
                udp("12b5")
            ),
            format!("{ends} 0800 45000034 00000000 402f 0000 c0000201 c0000204 0000 0800 45"),
            format!("{ends} 0800 4600001c 00000000 4001 0000 c0000201 c0000205 01010101 0800"),
            format!(
                "{ends} 86dd 60000000 0010 11 40 {} {} {}",
                "fe".repeat(16),
                "ff".repeat(16),
                udp("0035")
            ),
            format!(
                "{ends} 86dd 60000000 0010 00 40 {} {} 0600 0000",
                "fe".repeat(16),
                "ff".repeat(16)
            ),
        ]
        .iter()
        .map(|text| hex(text))
        .collect();
        for capture in lab::oddments::scenario().captures {
            frames.extend(capture.frames.into_iter().map(|frame| frame.bytes));
        }
        // Each as it is, then with some bit of its headers turned over.
        let (mut state, mut owned, mut shared) = (1u32, 0, 0);
        for data in frames {
            for turned in 0..24 {
                let mut data = data.clone();
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let at = (state >> 8) as usize % data.len().min(70);
                if turned > 0 {
                    data[at] ^= 1 << (state & 7);
                }
                let frame = Frame {
                    link: Link::Ethernet,
                    time: Time(0),
                    wire_len: u32::try_from(data.len()).unwrap(),
                    data: &data,
                    capture: 0,
                    number: 1,
                };
                let Some(owner) = owner(&frame, 3) else {
                    shared += 1;
                    continue;
                };
                owned += 1;
                for other in (0..3).filter(|other| *other != owner) {
                    assert!(passes_over(&frame, other), "{data:02x?}");
                }
            }
        }
        assert!(owned > 500 && shared > 100, "{owned} {shared}");
    }
}
