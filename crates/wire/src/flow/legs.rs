//! Where the packets of one direction were seen. A packet that a router carried on is seen again on another leg, with other
//! MAC addresses and a lower TTL: it is one packet, and the second sight of it is proof that someone forwards.
use facts::{Mac, Time};

use crate::cx::At;
use crate::net::link::Ends;

/// Legs kept per direction; packets on further ones count as those of the last. A trunk shows a broadcast in each VLAN.
const MOST: usize = 32;

/// Between whom on layer 2, and in which VLAN, as two words that compare at once: 48 bits of MAC, a bit that says that
/// there is one, and beside the source's the VLAN, one up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Link([u64; 2]);

impl Link {
    const HAS_MAC: u64 = 1 << 48;
    const VLAN: u32 = 49;

    fn new(ends: &Ends) -> Link {
        let mac = |mac: Option<Mac>| mac.map_or(0, |mac| mac.bits() | Link::HAS_MAC);
        let vlan = ends.tags.vlan.map_or(0, |vlan| u64::from(vlan) + 1);
        Link([mac(ends.src) | vlan << Link::VLAN, mac(ends.dst)])
    }

    fn mac(word: u64) -> Option<Mac> {
        let [_, _, a, b, c, d, e, f] = word.to_be_bytes();
        (word & Link::HAS_MAC != 0).then_some(Mac([a, b, c, d, e, f]))
    }
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Leg {
    link: Link,
    /// Packets since the leg was told last; when, and the frame of the first of them.
    pub packets: u64,
    pub first: Time,
    pub last: Time,
    pub capture: u32,
    pub frame: u32,
    /// Least distance of the sender seen here, in routers.
    pub hops: u8,
}

impl Leg {
    pub(crate) fn src(&self) -> Option<Mac> {
        Link::mac(self.link.0[0])
    }

    pub(crate) fn dst(&self) -> Option<Mac> {
        Link::mac(self.link.0[1])
    }

    pub(crate) fn vlan(&self) -> Option<u16> {
        u16::try_from(self.link.0[0] >> Link::VLAN)
            .ok()?
            .checked_sub(1)
    }

    /// A packet passed here; the first one since the leg was told gives time and frame.
    fn pass(&mut self, hops: u8, at: At) {
        if self.packets == 0 {
            (self.first, self.last) = (at.now, at.now);
            (self.capture, self.frame) = (at.capture, at.frame);
        }
        self.packets += 1;
        self.hops = self.hops.min(hops);
        self.first = self.first.min(at.now);
        self.last = self.last.max(at.now);
    }
}

/// Nearly every flow has one leg each way; the others stand apart.
#[derive(Debug, Default)]
pub(crate) struct Legs {
    home: Leg,
    /// The home leg has seen a packet.
    begun: bool,
    /// Place in `recent` that is written next.
    next: u8,
    recent: Recent,
    #[expect(
        clippy::box_collection,
        reason = "a word instead of three in each direction of each flow"
    )]
    others: Option<Box<Vec<Leg>>>,
}

/// Packets seen lately.
const RECENT: usize = 4;

/// Of each packet its signature, the leg, its TTL and when it passed; by column, since nearly always the signatures alone
/// are looked at.
#[derive(Clone, Copy, Debug, Default)]
struct Recent {
    signature: [u32; RECENT],
    at: [Time; RECENT],
    leg: [u8; RECENT],
    ttl: [u8; RECENT],
}

impl Recent {
    fn note(&mut self, place: u8, signature: u32, leg: u8, ttl: u8, now: Time) {
        let place = usize::from(place);
        let columns = (
            self.signature.get_mut(place),
            self.at.get_mut(place),
            self.leg.get_mut(place),
            self.ttl.get_mut(place),
        );
        if let (Some(a), Some(b), Some(c), Some(d)) = columns {
            (*a, *b, *c, *d) = (signature, now, leg, ttl);
        }
    }

    /// Leg and TTL of a sight of the same packet before.
    fn find(&self, signature: u32, leg: u8, ttl: u8, now: Time) -> Option<(u8, u8)> {
        if signature == 0 || !self.signature.contains(&signature) {
            return None;
        }
        let columns = self.signature.iter().zip(&self.at);
        let mut packets = columns.zip(self.leg.iter().zip(&self.ttl));
        packets.find_map(|((known, at), (on, with))| {
            // Without a TTL there is no router between two legs: only time tells copies from repetitions.
            let again = (*on != leg && ttl > 0) || now.since(*at).abs() <= COPY_WINDOW;
            (*known == signature && again).then_some((*on, *with))
        })
    }
}

/// Two sights of a packet on one leg are copies when they are no further apart than this, in nanoseconds: both directions
/// of a mirrored port, or two ports that it passed.
const COPY_WINDOW: i64 = 2_000_000;

/// The second sight of a packet: it came in on one leg and goes on along another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Forwarded {
    pub from: Leg,
    pub to: Leg,
}

/// What a packet is to the legs.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Sight {
    First,
    /// Seen before on another leg; forwarded if a router's work shows in the TTL.
    Again(Option<Forwarded>),
}

/// What a packet is to the legs, and whether the legs are others than before: one more, or nearer.
pub(crate) type Seen = (Sight, bool);

impl Legs {
    /// The leg nearest to the sender, whichever was captured first.
    pub(crate) fn nearest(&self) -> Option<&Leg> {
        self.iter().min_by_key(|leg| leg.hops)
    }

    /// The leg nearest to the receiver.
    pub(crate) fn farthest(&self) -> Option<&Leg> {
        self.iter().max_by_key(|leg| leg.hops)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Leg> {
        let home = self.begun.then_some(&self.home);
        home.into_iter()
            .chain(self.others.iter().flat_map(|legs| legs.iter()))
    }

    /// Whether every packet went to all hosts of its network: the broadcast address of a subnet shows on layer 2 alone.
    pub(crate) fn to_all(&self) -> bool {
        self.begun && self.iter().all(|leg| leg.dst().is_some_and(Mac::is_group))
    }

    /// Those that saw packets since this was asked last, and how many.
    pub(crate) fn news(&mut self) -> impl Iterator<Item = Leg> + '_ {
        let others = self.others.iter_mut().flat_map(|legs| legs.iter_mut());
        let legs = std::iter::once(&mut self.home).chain(others);
        legs.filter(|leg| leg.packets > 0).map(|leg| {
            let told = *leg;
            leg.packets = 0;
            told
        })
    }

    fn get(&self, index: u8) -> Option<&Leg> {
        self.iter().nth(usize::from(index))
    }

    /// Notes a packet. `signature` is equal for copies of one packet whatever the leg, and differs for different packets.
    pub(crate) fn see(&mut self, ends: &Ends, ttl: u8, hops: u8, signature: u32, at: At) -> Seen {
        let link = Link::new(ends);
        let (index, changed) = if self.begun && self.home.link != link {
            self.elsewhere(link, hops, at)
        } else {
            let nearer = !self.begun || hops < self.home.hops;
            if !self.begun {
                (self.home.link, self.home.hops, self.begun) = (link, hops, true);
            }
            self.home.pass(hops, at);
            (0, nearer)
        };
        if let Some((leg, with)) = self.recent.find(signature, index, ttl, at.now) {
            let (earlier, now_on) = (self.get(leg).copied(), self.get(index).copied());
            let moved = match (earlier, now_on) {
                // The lower TTL is behind the router, in whichever order the copies were captured.
                (Some(a), Some(b)) if ttl < with => Some(Forwarded { from: a, to: b }),
                (Some(a), Some(b)) if ttl > with => Some(Forwarded { from: b, to: a }),
                _ => None,
            };
            return (Sight::Again(moved), changed);
        }
        self.recent.note(self.next, signature, index, ttl, at.now);
        self.next = (self.next + 1) % 4;
        (Sight::First, changed)
    }

    /// A packet on another leg than the first: its index, and whether the legs changed.
    fn elsewhere(&mut self, link: Link, hops: u8, at: At) -> (u8, bool) {
        let others = self.others.get_or_insert_default();
        let known = others.iter().position(|leg| leg.link == link);
        let room = others.len() + 1 < MOST;
        if known.is_none() && room {
            others.push(Leg {
                link,
                hops,
                ..Leg::default()
            });
        }
        let place = known.unwrap_or(others.len() - 1);
        let mut changed = known.is_none() && room;
        if let Some(leg) = others.get_mut(place) {
            changed |= hops < leg.hops;
            leg.pass(hops, at);
        }
        (u8::try_from(place + 1).unwrap_or(u8::MAX), changed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::link::Tags;

    fn ends(src: u8, dst: u8, vlan: u16) -> Ends {
        Ends {
            src: Some(Mac([2, 0, 0, 0, 0, src])),
            dst: Some(Mac([2, 0, 0, 0, 0, dst])),
            tags: Tags {
                vlan: Some(vlan),
                ..Tags::default()
            },
        }
    }

    #[test]
    fn copies_behind_a_router_are_told_from_copies_of_one_place() {
        let mut legs = Legs::default();
        let mut see = |ends: &Ends, ttl: u8, signature: u32, micros: i64| {
            let at = At {
                now: Time(micros * 1000),
                capture: 0,
                frame: 1,
            };
            legs.see(ends, ttl, 64 - ttl, signature, at).0
        };
        let (near, far) = (ends(1, 2, 10), ends(2, 3, 20));
        // The copy behind the router is captured first.
        assert!(matches!(see(&far, 63, 7, 0), Sight::First));
        let Sight::Again(Some(step)) = see(&near, 64, 7, 5) else {
            panic!("the same packet on its way")
        };
        assert_eq!((step.from.vlan(), step.to.vlan()), (Some(10), Some(20)));
        // Twice in one place within a moment is a copy, a second later a repetition.
        assert!(matches!(see(&near, 64, 8, 100), Sight::First));
        assert!(matches!(see(&near, 64, 8, 103), Sight::Again(None)));
        assert!(matches!(see(&near, 64, 8, 1_000_100), Sight::First));
        assert_eq!(legs.nearest().unwrap().vlan(), Some(10));
        assert_eq!(legs.farthest().unwrap().vlan(), Some(20));
        assert!(!legs.to_all());
    }
}
