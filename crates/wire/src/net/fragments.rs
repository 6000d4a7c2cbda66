//! Fragments put together again.
//!
//! Bounded: [`MOST_PACKETS`] packets under way, the oldest gives way; the first copy of a byte wins.
use std::collections::{BTreeMap, VecDeque};

use facts::Time;

use super::ip::Packet;

/// Packets under way at once.
pub(crate) const MOST_PACKETS: usize = 1024;
/// Pieces of one packet.
const MOST_PIECES: usize = 128;
/// RFC 791, 3.2: a packet is no longer than this.
const MOST_BYTES: usize = 65_535;
/// RFC 8200, 4.5: 60 s after the first fragment a packet is given up.
const PATIENCE_SECS: i64 = 60;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    src: u128,
    dst: u128,
    id: u32,
    protocol: u8,
    /// The same packet carried on by a router is put together on its own.
    vlan: Option<u16>,
}

#[derive(Debug, Default)]
struct Whole {
    since: Time,
    pieces: BTreeMap<usize, Vec<u8>>,
    length: Option<usize>,
}

#[derive(Debug, Default)]
pub(crate) struct Fragments {
    under_way: BTreeMap<Key, Whole>,
    order: VecDeque<Key>,
    /// Packets given up because there were too many.
    pub dropped: u64,
}

impl Fragments {
    /// Packets under way.
    pub(crate) fn len(&self) -> usize {
        self.under_way.len()
    }

    /// Takes a fragment; gives the payload when it is complete.
    pub(crate) fn add(
        &mut self,
        packet: &Packet<'_>,
        vlan: Option<u16>,
        now: Time,
    ) -> Option<Vec<u8>> {
        let fragment = packet.fragment?;
        let end = fragment
            .offset
            .checked_add(packet.payload.len())
            .filter(|end| *end <= MOST_BYTES)?;
        let key = Key {
            src: packet.src,
            dst: packet.dst,
            id: packet.id,
            protocol: packet.protocol,
            vlan,
        };
        if !self.under_way.contains_key(&key) {
            if self.under_way.len() >= MOST_PACKETS {
                while let Some(oldest) = self.order.pop_front() {
                    if self.under_way.remove(&oldest).is_some() {
                        self.dropped += 1;
                        break;
                    }
                }
            }
            self.order.push_back(key);
        }
        let whole = self.under_way.entry(key).or_insert_with(|| Whole {
            since: now,
            ..Whole::default()
        });
        if now.since(whole.since) > PATIENCE_SECS * 1_000_000_000 {
            *whole = Whole {
                since: now,
                ..Whole::default()
            };
        }
        if whole.pieces.len() < MOST_PIECES {
            whole
                .pieces
                .entry(fragment.offset)
                .or_insert_with(|| packet.payload.to_vec());
        }
        if !fragment.more {
            whole.length.get_or_insert(end);
        }
        let payload = whole.complete()?;
        self.under_way.remove(&key);
        // Completed keys leave the queue lazily; it must not outgrow the table.
        if self.order.len() > 2 * MOST_PACKETS {
            self.order.retain(|key| self.under_way.contains_key(key));
        }
        Some(payload)
    }
}

impl Whole {
    fn complete(&self) -> Option<Vec<u8>> {
        let length = self.length?;
        let mut out = Vec::with_capacity(length);
        for (offset, piece) in &self.pieces {
            let known = out.len().checked_sub(*offset)?;
            out.extend_from_slice(piece.get(known..).unwrap_or(&[]));
        }
        out.truncate(length);
        (out.len() == length).then_some(out)
    }
}

#[cfg(test)]
mod tests {
    use super::super::ip::Fragment;
    use super::*;

    fn piece(offset: usize, more: bool, payload: &[u8]) -> Packet<'_> {
        let (src, dst) = (1, 2);
        Packet {
            src,
            dst,
            protocol: 17,
            ttl: 64,
            id: 7,
            fragment: Some(Fragment { offset, more }),
            payload,
            missing: 0,
        }
    }

    #[test]
    fn fragments_complete_in_any_order_and_with_overlaps() {
        let mut fragments = Fragments::default();
        assert_eq!(
            fragments.add(&piece(16, false, b"end"), None, Time(0)),
            None
        );
        assert_eq!(
            fragments.add(&piece(8, true, b"MIDDLE--"), None, Time(0)),
            None
        );
        assert_eq!(
            fragments
                .add(&piece(0, true, b"begin---mid"), None, Time(0))
                .unwrap(),
            b"begin---midDLE--end"
        );
    }

    #[test]
    fn a_flood_of_first_fragments_stays_bounded() {
        let mut fragments = Fragments::default();
        for id in 0..10_000u32 {
            fragments.add(
                &Packet {
                    id,
                    ..piece(0, true, b"12345678")
                },
                None,
                Time(0),
            );
        }
        assert_eq!(fragments.under_way.len(), MOST_PACKETS);
        assert_eq!(fragments.dropped, 10_000 - MOST_PACKETS as u64);
    }

    #[test]
    fn a_hole_is_never_filled_with_invention() {
        let mut fragments = Fragments::default();
        assert_eq!(
            fragments.add(&piece(0, true, b"12345678"), None, Time(0)),
            None
        );
        assert_eq!(
            fragments.add(&piece(16, false, b"end"), None, Time(0)),
            None
        );
    }
}
