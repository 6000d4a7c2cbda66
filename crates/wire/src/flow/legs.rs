//! Where the packets of one direction were seen. A packet that a router carried on is seen again on another leg, with other
//! MAC addresses and a lower TTL: it is one packet, and the second sight of it is proof that someone forwards.
use facts::{Mac, Time};

use crate::cx::At;
use crate::net::link::Ends;

/// Legs kept per direction; packets on further ones count as those of the last. A trunk shows a broadcast in each VLAN.
const MOST: usize = 32;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Leg {
    pub vlan: Option<u16>,
    pub src: Option<Mac>,
    pub dst: Option<Mac>,
    /// Least distance of the sender seen here, in routers.
    pub hops: u8,
    /// Packets since the leg was told last; when, and the frame of the first of them.
    pub packets: u64,
    pub first: Time,
    pub last: Time,
    pub capture: u32,
    pub frame: u32,
}

#[derive(Debug, Default)]
pub(crate) struct Legs {
    home: Option<Leg>,
    others: Vec<Leg>,
    recent: [Recent; 4],
    next: u8,
}

/// A packet seen lately: its signature, the leg, its TTL and when.
#[derive(Clone, Copy, Debug, Default)]
struct Recent {
    signature: u32,
    leg: u8,
    ttl: u8,
    at: Time,
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
        self.home.iter().chain(&self.others)
    }

    /// Whether every packet went to all hosts of its network: the broadcast address of a subnet shows on layer 2 alone.
    pub(crate) fn to_all(&self) -> bool {
        self.home.is_some() && self.iter().all(|leg| leg.dst.is_some_and(Mac::is_group))
    }

    /// Those that saw packets since this was asked last, and how many.
    pub(crate) fn news(&mut self) -> impl Iterator<Item = Leg> + '_ {
        let legs = self.home.iter_mut().chain(&mut self.others);
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
    pub(crate) fn see(&mut self, ends: &Ends, ttl: u8, hops: u8, signature: u32, at: At) -> Sight {
        let At {
            now,
            capture,
            frame,
        } = at;
        let same =
            |leg: &Leg| leg.src == ends.src && leg.vlan == ends.tags.vlan && leg.dst == ends.dst;
        let fresh = Leg {
            vlan: ends.tags.vlan,
            src: ends.src,
            dst: ends.dst,
            hops,
            packets: 0,
            first: now,
            last: now,
            capture,
            frame,
        };
        let mut index = 0u8;
        let leg = match &mut self.home {
            None => self.home.insert(fresh),
            Some(home) if same(home) => home,
            Some(_) => {
                let place = self.others.iter().position(same).unwrap_or_else(|| {
                    if self.others.len() + 1 < MOST {
                        self.others.push(fresh);
                    }
                    self.others.len() - 1
                });
                index = u8::try_from(place + 1).unwrap_or(u8::MAX);
                match self.others.get_mut(place) {
                    Some(leg) => leg,
                    None => return Sight::First,
                }
            }
        };
        if leg.packets == 0 {
            let hops = leg.hops;
            *leg = Leg { hops, ..fresh };
        }
        leg.packets += 1;
        leg.hops = leg.hops.min(hops);
        leg.last = leg.last.max(now);
        leg.first = leg.first.min(now);
        let seen = self
            .recent
            .iter()
            .find(|one| {
                // Without a TTL there is no router between two legs: only time tells copies from repetitions.
                let again = (one.leg != index && ttl > 0) || now.since(one.at).abs() <= COPY_WINDOW;
                one.signature == signature && signature != 0 && again
            })
            .copied();
        if let Some(before) = seen {
            let (earlier, now_on) = (self.get(before.leg).copied(), self.get(index).copied());
            let moved = match (earlier, now_on) {
                // The lower TTL is behind the router, in whichever order the copies were captured.
                (Some(a), Some(b)) if ttl < before.ttl => Some(Forwarded { from: a, to: b }),
                (Some(a), Some(b)) if ttl > before.ttl => Some(Forwarded { from: b, to: a }),
                _ => None,
            };
            return Sight::Again(moved);
        }
        if let Some(place) = self.recent.get_mut(usize::from(self.next)) {
            *place = Recent {
                signature,
                leg: index,
                ttl,
                at: now,
            };
        }
        self.next = (self.next + 1) % 4;
        Sight::First
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
            legs.see(ends, ttl, 64 - ttl, signature, at)
        };
        let (near, far) = (ends(1, 2, 10), ends(2, 3, 20));
        // The copy behind the router is captured first.
        assert!(matches!(see(&far, 63, 7, 0), Sight::First));
        let Sight::Again(Some(step)) = see(&near, 64, 7, 5) else {
            panic!("the same packet on its way")
        };
        assert_eq!((step.from.vlan, step.to.vlan), (Some(10), Some(20)));
        // Twice in one place within a moment is a copy, a second later a repetition.
        assert!(matches!(see(&near, 64, 8, 100), Sight::First));
        assert!(matches!(see(&near, 64, 8, 103), Sight::Again(None)));
        assert!(matches!(see(&near, 64, 8, 1_000_100), Sight::First));
        assert_eq!(legs.nearest().unwrap().vlan, Some(10));
        assert_eq!(legs.farthest().unwrap().vlan, Some(20));
        assert!(!legs.to_all());
    }
}
