//! Where the packets of one direction were seen. A packet that a router carried on is seen again on another leg, with other
//! MAC addresses and a lower TTL: it is one packet, and the second sight of it is proof that someone forwards.
use facts::{Mac, Time};

use crate::net::link::Ends;

/// Legs kept per direction; packets on further ones count as those of the last.
const MOST: usize = 4;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Leg {
    pub vlan: Option<u16>,
    pub src: Option<Mac>,
    pub dst: Option<Mac>,
    /// Least distance of the sender seen here, in routers.
    pub hops: u8,
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
    /// Signatures of the last packets and the leg each was seen on.
    recent: [(u32, u8, u8); 4],
    next: u8,
}

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
    pub(crate) fn first(&self) -> Option<&Leg> {
        self.home.as_ref()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Leg> {
        self.home.iter().chain(&self.others)
    }

    /// Whether every packet went to all hosts of its network: the broadcast address of a subnet shows on layer 2 alone.
    pub(crate) fn to_all(&self) -> bool {
        self.home.is_some() && self.iter().all(|leg| leg.dst.is_some_and(Mac::is_group))
    }

    fn get(&self, index: u8) -> Option<&Leg> {
        self.iter().nth(usize::from(index))
    }

    /// Notes a packet. `signature` is equal for copies of one packet whatever the leg, and differs for different packets.
    pub(crate) fn see(
        &mut self,
        ends: &Ends,
        ttl: u8,
        hops: u8,
        signature: u32,
        now: Time,
        capture: u32,
        frame: u32,
    ) -> Sight {
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
        leg.packets += 1;
        leg.hops = leg.hops.min(hops);
        leg.last = leg.last.max(now);
        leg.first = leg.first.min(now);
        let seen = self
            .recent
            .iter()
            .find(|(known, on, _)| *known == signature && *on != index)
            .copied();
        if let Some((_, on, before)) = seen {
            let (earlier, now_on) = (self.get(on).copied(), self.get(index).copied());
            let moved = match (earlier, now_on) {
                // The lower TTL is behind the router, in whichever order the copies were captured.
                (Some(a), Some(b)) if ttl < before => Some(Forwarded { from: a, to: b }),
                (Some(a), Some(b)) if ttl > before => Some(Forwarded { from: b, to: a }),
                _ => None,
            };
            return Sight::Again(moved);
        }
        if let Some(place) = self.recent.get_mut(usize::from(self.next)) {
            *place = (signature, index, ttl);
        }
        self.next = (self.next + 1) % 4;
        Sight::First
    }
}
