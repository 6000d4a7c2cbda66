//! Where the packets of a flow were seen. A packet that a router carried on is seen again on another leg, with other
//! MAC addresses and a lower TTL: it is one packet, and the second sight of it is proof that someone forwards.
use facts::{Mac, Time};

use crate::cx::At;
use crate::net::link::Ends;

/// Legs kept per direction; packets on further ones count as those of the last. A trunk shows a broadcast in each VLAN.
const MOST: usize = 32;

/// Between whom on layer 2, and in which VLAN, as two words that compare at once: 48 bits of MAC, a bit that says that
/// there is one, and beside the first the VLAN, one up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Link([u64; 2]);

impl Link {
    const HAS_MAC: u64 = 1 << 48;
    const VLAN: u32 = 49;

    pub(crate) fn new(ends: &Ends, sender: usize) -> Link {
        Link::between(ends.src, ends.dst, ends.tags.vlan, sender)
    }

    /// From the low end of the flow to the high one, whichever of them sends: the way back is mostly the same.
    #[inline]
    pub(crate) fn between(
        src: Option<Mac>,
        dst: Option<Mac>,
        vlan: Option<u16>,
        sender: usize,
    ) -> Link {
        let mac = |mac: Option<Mac>| mac.map_or(0, |mac| mac.bits() | Link::HAS_MAC);
        let vlan = vlan.map_or(0, |vlan| u64::from(vlan) + 1) << Link::VLAN;
        let (src, dst) = (mac(src), mac(dst));
        if sender == 0 {
            Link([src | vlan, dst])
        } else {
            Link([dst | vlan, src])
        }
    }

    fn mac(word: u64) -> Option<Mac> {
        let [_, _, a, b, c, d, e, f] = word.to_be_bytes();
        (word & Link::HAS_MAC != 0).then_some(Mac([a, b, c, d, e, f]))
    }

    fn end(self, which: usize) -> Option<Mac> {
        Link::mac(*of(&self.0, which))
    }

    fn vlan(self) -> Option<u16> {
        u16::try_from(self.0[0] >> Link::VLAN).ok()?.checked_sub(1)
    }

    /// A device of one is at either end of the other, too; `true` where that cannot be told.
    pub(crate) fn meets(self, other: Link) -> bool {
        let met = |which| {
            let mac = self.end(which);
            mac.is_none() || mac == other.end(0) || mac == other.end(1)
        };
        met(0) || met(1)
    }

    /// Who sends is another device on each of the two, and so is who receives, or it is elsewhere: as a device has one
    /// address on a network, and a switch-over of one end leaves the other.
    fn is_apart(self, other: Link, sender: usize) -> bool {
        let (own, peer) = (self.end(sender), self.end(1 - sender));
        own.zip(other.end(sender)).is_some_and(|(a, b)| a != b)
            && (peer != other.end(1 - sender)
                || self.vlan() != other.vlan()
                || peer.is_some_and(Mac::is_group))
    }
}

/// The packets seen in one place since that was told last: how many, when, and the frame of the first of them.
#[derive(Clone, Copy, Debug, Default)]
struct Sights {
    first: Time,
    last: Time,
    packets: u32,
    capture: u32,
    frame: u32,
}

impl Sights {
    fn pass(&mut self, at: At) {
        if self.packets == 0 {
            (self.first, self.last) = (at.now, at.now);
            (self.capture, self.frame) = (at.capture, at.frame);
        }
        self.packets = self.packets.saturating_add(1);
        self.first = self.first.min(at.now);
        self.last = self.last.max(at.now);
    }
}

/// A stretch of wire on which packets of one direction were seen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Leg {
    link: Link,
    sender: usize,
    /// Packets since the leg was told last; when, and the frame of the first of them.
    pub packets: u64,
    pub first: Time,
    pub last: Time,
    pub capture: u32,
    /// `None`: known before.
    pub frame: Option<u32>,
    /// Least distance of the sender seen here, in routers.
    pub hops: u8,
}

impl Leg {
    const fn new(link: Link, sender: usize, sights: Sights, hops: u8) -> Leg {
        Leg {
            link,
            sender,
            packets: sights.packets as u64,
            first: sights.first,
            last: sights.last,
            capture: sights.capture,
            frame: Some(sights.frame),
            hops,
        }
    }

    pub(crate) fn src(&self) -> Option<Mac> {
        let Link([low, high]) = self.link;
        Link::mac(if self.sender == 0 { low } else { high })
    }

    pub(crate) fn dst(&self) -> Option<Mac> {
        let Link([low, high]) = self.link;
        Link::mac(if self.sender == 0 { high } else { low })
    }

    pub(crate) fn vlan(&self) -> Option<u16> {
        self.link.vlan()
    }
}

/// Where the packets of a flow were seen. Nearly every flow has one leg, on which both ends send; what else there is
/// stands apart.
#[derive(Debug, Default)]
pub(crate) struct Legs {
    /// The leg of the first packet.
    home: Link,
    ways: [Way; 2],
    others: Option<Box<Others>>,
}

/// One direction: what was seen on its first leg, and lately.
#[derive(Debug)]
struct Way {
    first: Time,
    last: Time,
    packets: u32,
    capture: u32,
    frame: u32,
    recent: Recent,
    /// Least distance of the sender on the first leg; [`NEVER`] before the first packet.
    hops: u8,
    /// Since all was told last, the flow told of packets on the first leg before it went to rest: the frame that shows them is
    /// known.
    shown: bool,
}

/// The legs of a flow at rest, whose packets on the first leg are told: what is left is by which its last packets are known
/// where they went on, and of each way what [`Way`] says. By column, as the rows would not fit together.
#[derive(Debug)]
pub(crate) struct Trace {
    home: Link,
    recent: [Recent; 2],
    hops: [u8; 2],
    shown: [bool; 2],
    others: Option<Box<Others>>,
}

/// More than a TTL can tell.
const NEVER: u8 = u8::MAX;

/// By sender, the legs that are not the flow's first.
#[derive(Debug, Default)]
struct Others {
    /// The first leg of that direction, where it is another than the flow's.
    homes: [Option<Link>; 2],
    legs: [Vec<(Link, Sights, u8)>; 2],
}

impl Default for Way {
    fn default() -> Way {
        Way {
            first: Time::default(),
            last: Time::default(),
            packets: 0,
            capture: 0,
            frame: 0,
            recent: Recent::default(),
            hops: NEVER,
            shown: false,
        }
    }
}

impl Way {
    const fn begun(&self) -> bool {
        self.hops != NEVER
    }

    const fn sights(&self) -> Sights {
        Sights {
            first: self.first,
            last: self.last,
            packets: self.packets,
            capture: self.capture,
            frame: self.frame,
        }
    }

    fn wake(recent: Recent, hops: u8, shown: bool) -> Way {
        Way {
            recent,
            hops,
            shown,
            ..Way::default()
        }
    }

    fn pass(&mut self, at: At) {
        let mut sights = self.sights();
        sights.pass(at);
        (self.first, self.last) = (sights.first, sights.last);
        (self.packets, self.capture, self.frame) = (sights.packets, sights.capture, sights.frame);
    }
}

/// Packets seen lately.
const RECENT: usize = 4;

/// Of each packet its signature, when it passed, the leg and its TTL, the latest first; by column, since nearly always
/// the signatures alone are looked at.
#[derive(Clone, Copy, Debug, Default)]
struct Recent {
    signature: [u32; RECENT],
    /// As [`moment`] tells it.
    at: [u32; RECENT],
    leg: [u8; RECENT],
    ttl: [u8; RECENT],
}

/// A time in units of 1.024 microseconds, modulo 73 minutes: enough to tell what came at once.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the low bits are what is wanted"
)]
const fn moment(time: Time) -> u32 {
    (time.0 >> 10) as u32
}

/// The same column one place on, with the new value in front.
const fn shifted<T: Copy>([a, b, c, _]: [T; RECENT], new: T) -> [T; RECENT] {
    [new, a, b, c]
}

impl Recent {
    fn note(&mut self, signature: u32, leg: u8, ttl: u8, now: Time) {
        self.signature = shifted(self.signature, signature);
        self.at = shifted(self.at, moment(now));
        self.leg = shifted(self.leg, leg);
        self.ttl = shifted(self.ttl, ttl);
    }

    /// Whether the packet was seen on any leg before. What does not count its packets is told by the moment.
    fn is_copied(&self, signature: u32, now: Time) -> bool {
        let ttl = u8::from(signature >> 16 != 0);
        self.find(signature, u8::MAX, ttl, now).is_some()
    }

    /// Leg and TTL of a sight of the same packet before.
    #[inline]
    fn find(&self, signature: u32, leg: u8, ttl: u8, now: Time) -> Option<(u8, u8)> {
        if signature == 0 || !self.signature.contains(&signature) {
            return None;
        }
        let now = moment(now);
        let columns = self.signature.iter().zip(&self.at);
        let mut packets = columns.zip(self.leg.iter().zip(&self.ttl));
        packets.find_map(|((known, at), (on, with))| {
            let apart = now.wrapping_sub(*at).cast_signed().unsigned_abs();
            // Without a TTL there is no router between two legs: only time tells copies from repetitions.
            let again = (*on != leg && ttl > 0) || apart <= COPY_WINDOW;
            (*known == signature && again).then_some((*on, *with))
        })
    }
}

/// Two sights of a packet on one leg are copies when they are no further apart than this, 2 ms: both directions of a
/// mirrored port, or two ports that it passed.
const COPY_WINDOW: u32 = 2_000_000 >> 10;

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

const fn of<T>([low, high]: &[T; 2], which: usize) -> &T {
    if which == 0 { low } else { high }
}

const fn of_mut<T>([low, high]: &mut [T; 2], which: usize) -> &mut T {
    if which == 0 { low } else { high }
}

impl Legs {
    /// The leg nearest to that end, whichever was captured first.
    pub(crate) fn nearest(&self, sender: usize) -> Option<Leg> {
        self.iter(sender).min_by_key(|leg| leg.hops)
    }

    /// The leg nearest to the receiver of what that end sent.
    pub(crate) fn farthest(&self, sender: usize) -> Option<Leg> {
        self.iter(sender).max_by_key(|leg| leg.hops)
    }

    /// The first leg of that end is this one.
    #[inline]
    pub(crate) fn is_home(&self, sender: usize, link: Link) -> bool {
        self.home(sender) == link
    }

    /// Whether a packet is not of this flow, but of other devices that have the same addresses: cranes that are built alike
    /// are often addressed alike.
    ///
    /// A packet that was carried on has other MAC addresses, too. But it has a lower TTL, or, behind what leaves that as it
    /// is, was seen a moment ago. Of `neighbours`, and of who is near, no router is on the way to here that another could
    /// have stood in for.
    pub(crate) fn is_of_others(
        &self,
        sender: usize,
        link: Link,
        (ttl, hops): (u8, u8),
        signature: u32,
        neighbours: bool,
        now: Time,
    ) -> bool {
        let known = |which| self.iter(which).any(|leg| leg.link == link);
        if ttl == 0 || self.home == link || known(0) || known(1) {
            return false;
        }
        let (way, back) = (of(&self.ways, sender), of(&self.ways, 1 - sender));
        if !way.begun() {
            // Behind routers each direction may go its own way.
            return neighbours && hops == 0 && back.hops == 0 && !link.meets(self.home);
        }
        let to_group = link.end(1 - sender).is_some_and(Mac::is_group);
        let apart = |leg: Leg| link.is_apart(leg.link, sender);
        (hops == 0 || neighbours || to_group)
            && way.recent.ttl.contains(&ttl)
            && self.iter(sender).all(apart)
            && !way.recent.is_copied(signature, now)
    }

    fn home(&self, sender: usize) -> Link {
        let own = self.others.as_ref();
        own.and_then(|others| *of(&others.homes, sender))
            .unwrap_or(self.home)
    }

    /// The legs of what that end sent.
    pub(crate) fn iter(&self, sender: usize) -> impl Iterator<Item = Leg> {
        let way = of(&self.ways, sender);
        let home = Leg::new(self.home(sender), sender, way.sights(), way.hops);
        let others = self.others.iter();
        let others = others.flat_map(move |others| of(&others.legs, sender));
        way.begun()
            .then_some(home)
            .into_iter()
            .chain(others.map(move |(link, sights, hops)| Leg::new(*link, sender, *sights, *hops)))
    }

    /// Whether every packet of that end went to all hosts of its network: the broadcast address of a subnet shows on
    /// layer 2 alone.
    pub(crate) fn to_all(&self, sender: usize) -> bool {
        let to_all = |leg: Leg| leg.dst().is_some_and(Mac::is_group);
        of(&self.ways, sender).begun() && self.iter(sender).all(to_all)
    }

    /// Tells those that saw packets since this was asked last, and how many.
    pub(crate) fn news(&mut self, sender: usize, mut tell: impl FnMut(Leg)) {
        let shown = of(&self.ways, sender).shown;
        for (nth, mut leg) in self.iter(sender).enumerate() {
            if nth == 0 && shown {
                leg.frame = None;
            }
            if leg.packets > 0 {
                tell(leg);
            }
        }
        let way = of_mut(&mut self.ways, sender);
        (way.packets, way.shown) = (0, false);
        for (_, sights, _) in self
            .others
            .iter_mut()
            .flat_map(|others| of_mut(&mut others.legs, sender))
        {
            sights.packets = 0;
        }
    }

    /// Tells of the packets on the first leg, which does not end what [`Legs::news`] tells at once: so that they need not be kept.
    pub(crate) fn news_of_home(&mut self, sender: usize, tell: impl FnOnce(Leg)) {
        let way = of(&self.ways, sender);
        if !way.begun() || way.packets == 0 {
            return;
        }
        let mut leg = Leg::new(self.home(sender), sender, way.sights(), way.hops);
        if way.shown {
            leg.frame = None;
        }
        tell(leg);
        let way = of_mut(&mut self.ways, sender);
        (way.packets, way.shown) = (0, true);
    }

    pub(crate) fn rest(self) -> Trace {
        let Legs { home, ways, others } = self;
        let [low, high] = ways;
        Trace {
            home,
            recent: [low.recent, high.recent],
            hops: [low.hops, high.hops],
            shown: [low.shown, high.shown],
            others,
        }
    }

    pub(crate) fn wake(trace: Trace) -> Legs {
        let Trace {
            home,
            recent: [low, high],
            hops: [low_hops, high_hops],
            shown: [low_shown, high_shown],
            others,
        } = trace;
        Legs {
            home,
            ways: [
                Way::wake(low, low_hops, low_shown),
                Way::wake(high, high_hops, high_shown),
            ],
            others,
        }
    }

    fn get(&self, sender: usize, index: u8) -> Option<Leg> {
        self.iter(sender).nth(usize::from(index))
    }

    /// Notes a packet. `signature` is equal for copies of one packet whatever the leg, and differs for different packets.
    #[inline(always)] // For each packet.
    pub(crate) fn see(
        &mut self,
        sender: usize,
        link: Link,
        (ttl, hops): (u8, u8),
        signature: u32,
        at: At,
    ) -> Seen {
        if !of(&self.ways, sender).begun() {
            self.begin(sender, link);
        }
        let (index, changed) = if self.home(sender) == link {
            let way = of_mut(&mut self.ways, sender);
            let nearer = hops < way.hops;
            way.hops = way.hops.min(hops);
            way.pass(at);
            (0, nearer)
        } else {
            self.elsewhere(sender, link, hops, at)
        };
        let found = of(&self.ways, sender)
            .recent
            .find(signature, index, ttl, at.now);
        if let Some((leg, with)) = found {
            let (earlier, now_on) = (self.get(sender, leg), self.get(sender, index));
            let moved = match (earlier, now_on) {
                // The lower TTL is behind the router, in whichever order the copies were captured.
                (Some(a), Some(b)) if ttl < with => Some(Forwarded { from: a, to: b }),
                (Some(a), Some(b)) if ttl > with => Some(Forwarded { from: b, to: a }),
                _ => None,
            };
            return (Sight::Again(moved), changed);
        }
        let recent = &mut of_mut(&mut self.ways, sender).recent;
        recent.note(signature, index, ttl, at.now);
        (Sight::First, changed)
    }

    /// The first packet of a direction.
    #[cold]
    fn begin(&mut self, sender: usize, link: Link) {
        if !of(&self.ways, 1 - sender).begun() {
            self.home = link;
        } else if self.home != link {
            *of_mut(&mut self.others.get_or_insert_default().homes, sender) = Some(link);
        }
    }

    /// A packet on another leg than the first: its index, and whether the legs changed.
    fn elsewhere(&mut self, sender: usize, link: Link, hops: u8, at: At) -> (u8, bool) {
        let others = of_mut(&mut self.others.get_or_insert_default().legs, sender);
        let known = others.iter().position(|(known, ..)| *known == link);
        let room = others.len() + 1 < MOST;
        if known.is_none() && room {
            others.push((link, Sights::default(), hops));
        }
        let place = known.unwrap_or(others.len() - 1);
        let mut changed = known.is_none() && room;
        if let Some((_, sights, nearest)) = others.get_mut(place) {
            changed |= hops < *nearest;
            *nearest = hops.min(*nearest);
            sights.pass(at);
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
            let link = Link::new(ends, 0);
            legs.see(0, link, (ttl, 64 - ttl), signature, at).0
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
        assert_eq!(legs.nearest(0).unwrap().vlan(), Some(10));
        assert_eq!(legs.farthest(0).unwrap().vlan(), Some(20));
        assert!(!legs.to_all(0));
    }
}
