//! The clocks in TCP's timestamps, as a sign that two addresses are one system.
//!
//! Spec: RFC 7323, 3 and 5.4. Many systems count their timestamps from one clock that began when they did: its rate and the
//! moment of its zero go with them wherever they speak. Linux since 4.10 adds a number for each pair of addresses: its zeros,
//! one for each peer, are far apart, and say nothing. Systems that one switch turned on together begin alike. So it is a
//! hint and no more.
//!
//! The identification of IPv4 packets (Bellovin, "A technique for counting NATted hosts", 2002) is no such sign: a counter that two
//! addresses share also counts what a sensor does not see, so its steps have to be allowed some width, and then two devices that
//! send as steadily and began alike look like one. In the captures of the tests half of 460 hosts count so; with steps of up
//! to 8 and 20 turns from one address to the other a computer and a device of another maker passed for one, with up to 256 four pairs
//! did, and none was one. The clock that NTP shows is in `protocols/ntp.rs`.
//!
//! Of each sender a few peers are kept, those with the lowest addresses, whoever came first; of senders those that rank
//! first by a number that hangs on nothing but themselves. So the clocks are the same for any number of workers.
use std::collections::BTreeMap;
use std::net::IpAddr;

use facts::{Evidence, Grade, Mac, Time};

use super::{IdentityKey, Picture, Tally, row};
use crate::cx::At;
use crate::flow::key::{mix, number_of_ip, number_of_mac};

/// Peers kept of each.
const MOST_PEERS: usize = 4;
/// Rates that stacks count at, in ticks a second.
const RATES: [i64; 7] = [1, 2, 10, 60, 100, 250, 1000];
/// A rate that is off by more than that, in thousandths, is none of them.
const RATE_OFF: i64 = 20;
/// A rate is worked out over so long at least, in nanoseconds, and so many ticks.
const LEAST_TIME: i64 = 2 * SECOND;
const LEAST_TICKS: u32 = 4;
/// It is worked out over that long at most: a clock that ran otherwise once, or whose ticks begin at 0 again, is known
/// again after it.
const MOST_TIME: i64 = 24 * 3600 * SECOND;
/// A count that began anew is a clock again once it ran on for so long: stacks that begin at random for each connection
/// would have one each.
const STEADY: i64 = 3600 * SECOND;
/// Packets overtake each other by less than that.
const OVERTAKING: i64 = SECOND;

const SECOND: i64 = 1_000_000_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Sender {
    pub mac: Option<Mac>,
    pub ip: IpAddr,
    pub vlan: Option<u16>,
}

/// In this order senders are kept: those of the network at hand before those behind a router, of whom there may be the
/// whole internet; else as if by lot, so that no part of the address space goes before another.
type Rank = (bool, u64, Sender);

impl Sender {
    #[allow(clippy::cast_possible_truncation)]
    fn rank(self) -> Rank {
        let ip = number_of_ip(self.ip);
        let ip = mix((ip >> 64) as u64 ^ 0x9e37_79b9_7f4a_7c15, ip as u64);
        let mac = self.mac.map_or(0, number_of_mac) as u64;
        let vlan = self.vlan.map_or(u64::MAX, u64::from);
        let lot = mix(mix(ip ^ 0xd1b5_4a32_d192_ed03, mac), vlan.rotate_left(32));
        (self.mac.is_none(), lot, self)
    }
}

/// A timestamp as it was seen.
#[derive(Clone, Copy, Debug)]
struct Tick {
    at: At,
    value: u32,
}

/// What a sender showed one peer, first and last, and between them where a new day of it may begin.
#[derive(Clone, Copy, Debug)]
struct Shown {
    peer: IpAddr,
    first: Tick,
    middle: Tick,
    last: Tick,
    /// It began anew, and was not steady since.
    anew: bool,
}

impl Shown {
    const fn new(peer: IpAddr, tick: Tick) -> Shown {
        Shown {
            peer,
            first: tick,
            middle: tick,
            last: tick,
            anew: false,
        }
    }

    fn add(&mut self, tick: Tick) {
        let since = tick.at.now.since(self.last.at.now);
        let ticks = tick.value.wrapping_sub(self.last.value);
        let (fastest, off) = (RATES.into_iter().max().unwrap_or_default(), RATE_OFF + 1000);
        let most = i128::from(since) * i128::from(fastest) * i128::from(off) / 1000;
        // Back, or on by more than any clock runs in that time and packets overtake each other.
        let jumps =
            i128::from(ticks) * i128::from(SECOND) > most + i128::from(OVERTAKING * fastest);
        if since < 0 || jumps && since < OVERTAKING {
            return;
        }
        if jumps {
            *self = Shown::new(self.peer, tick);
            self.anew = true;
            return;
        }
        if tick.at.now.since(self.first.at.now) > MOST_TIME {
            (self.first, self.middle) = (self.middle, tick);
        }
        if self.middle.at.now.since(self.first.at.now) < MOST_TIME / 2 {
            self.middle = tick;
        }
        self.last = tick;
        self.anew &= self.last.at.now.since(self.first.at.now) < STEADY;
    }

    /// Takes what was shown the same peer elsewhere.
    fn merge(&mut self, other: &Shown) {
        let (mut one, mut two) = (*self, *other);
        if (two.first.at.now, two.first.value) < (one.first.at.now, one.first.value) {
            std::mem::swap(&mut one, &mut two);
        }
        for tick in [two.first, two.middle, two.last] {
            one.add(tick);
        }
        one.anew |= two.anew;
        *self = one;
    }

    /// Ticks a second, and when the count was zero.
    fn clock(&self) -> Option<(i64, Time)> {
        let time = self.last.at.now.since(self.first.at.now);
        let ticks = self.last.value.wrapping_sub(self.first.value);
        if self.anew || time < LEAST_TIME || !(LEAST_TICKS..1 << 31).contains(&ticks) {
            return None;
        }
        let ticks = i128::from(ticks) * i128::from(SECOND);
        let fits = |rate: &i64| {
            let wanted = i128::from(time) * i128::from(*rate);
            (ticks - wanted).abs() * 1000 <= wanted * i128::from(RATE_OFF)
        };
        let rate = RATES.into_iter().find(fits)?;
        let since = i64::from(self.last.value).saturating_mul(SECOND) / rate;
        Some((rate, Time(self.last.at.now.0.saturating_sub(since))))
    }

    fn tally(&self) -> Tally {
        let mut evidence = Evidence::default();
        evidence.add(self.first.at.capture, self.first.at.frame);
        if self.last.at.capture == self.first.at.capture {
            evidence.add(self.last.at.capture, self.last.at.frame);
        }
        Tally {
            first: self.first.at.now,
            last: self.last.at.now,
            count: 1,
            evidence,
        }
    }
}

/// What a sender showed its peers, by address.
#[derive(Clone, Debug, Default)]
pub(super) struct Peers {
    shown: Vec<Shown>,
    /// The last, of whatever peer.
    last: Time,
    /// Timestamps that were looked at since it was told.
    ticks: u64,
    /// Something came since it was told that is kept.
    news: bool,
}

impl Peers {
    fn add(&mut self, peer: IpAddr, tick: Tick) {
        self.ticks += 1;
        self.last = self.last.max(tick.at.now);
        self.put(Shown::new(peer, tick), |known| known.add(tick));
    }

    fn merge(&mut self, other: Peers) {
        self.ticks += other.ticks;
        self.last = self.last.max(other.last);
        for one in other.shown {
            self.put(one, |known| known.merge(&one));
        }
    }

    /// Adds it, or does that to what is known of the peer, unless the peer is none of those that are kept.
    fn put(&mut self, fresh: Shown, again: impl FnOnce(&mut Shown)) {
        let place = self.shown.partition_point(|one| one.peer < fresh.peer);
        let known = self.shown.get_mut(place);
        match known.filter(|one| one.peer == fresh.peer) {
            Some(known) => again(known),
            None if place >= MOST_PEERS => return,
            None => {
                self.shown.truncate(MOST_PEERS - 1);
                self.shown.insert(place, fresh);
            }
        }
        self.news = true;
    }

    /// Peers to which it fell silent keep no place from others.
    fn forget_peers(&mut self) {
        let last = self.last;
        self.shown
            .retain(|one| last.since(one.last.at.now) <= MOST_TIME);
    }
}

/// Clocks by sender.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clocks {
    of: BTreeMap<Rank, Peers>,
}

impl Clocks {
    /// The last in rank goes where there are more than `most`. Gives the timestamps that are lost with it: in the end all
    /// of those senders that are not kept, in whatever order they came and whoever saw them.
    fn put(&mut self, sender: Sender, most: usize, with: impl FnOnce(&mut Peers)) -> u64 {
        with(self.of.entry(sender.rank()).or_default());
        if self.of.len() <= most {
            return 0;
        }
        self.of.pop_last().map_or(0, |(_, peers)| peers.ticks)
    }

    /// Those of which something is new, to be told; the others go on here, up to half of `most`: those that showed
    /// something last, so that a flood of senders does not keep later ones out for good.
    pub(super) fn take_news(&mut self, most: usize) -> Clocks {
        let mut told = Clocks::default();
        for (rank, peers) in &mut self.of {
            if std::mem::take(&mut peers.news) {
                told.of.insert(*rank, peers.clone());
            }
            peers.ticks = 0;
            peers.forget_peers();
        }
        if let Some(more) = self.of.len().checked_sub(most / 2) {
            let times = self.of.iter().map(|(rank, peers)| (peers.last, *rank));
            let mut by_time: Vec<(Time, Rank)> = times.collect();
            by_time.sort_unstable();
            for (_, rank) in by_time.into_iter().take(more) {
                self.of.remove(&rank);
            }
        }
        told
    }
}

impl Picture {
    /// The sender showed `value` to `peer`.
    pub(crate) fn clock(&mut self, sender: Sender, peer: IpAddr, value: u32, at: At) {
        let tick = Tick { at, value };
        let most = self.limits.clocks;
        let lost = self.clocks.put(sender, most, |peers| peers.add(peer, tick));
        self.lose_clocks(lost);
    }

    pub(super) fn merge_clocks(&mut self, other: Clocks) {
        for ((.., sender), theirs) in other.of {
            let most = self.limits.clocks;
            let lost = self.clocks.put(sender, most, |peers| peers.merge(theirs));
            self.lose_clocks(lost);
        }
    }

    fn lose_clocks(&mut self, lost: u64) {
        if lost > 0 {
            *self.left_out.entry("clocks").or_default() += lost;
        }
    }
}

/// Adds what each peer was shown: zeros that are far apart tell that there is a number for each.
pub(super) fn tell(picture: &mut Picture) {
    let clocks = std::mem::take(&mut picture.clocks);
    let Picture {
        identities,
        left_out,
        limits,
        ..
    } = picture;
    for ((.., sender), peers) in &clocks.of {
        for shown in &peers.shown {
            let Some((rate, zero)) = shown.clock() else {
                continue;
            };
            let key = IdentityKey {
                mac: sender.mac,
                ip: Some(sender.ip),
                vlan: sender.vlan,
                attribute: "tcp_clock",
                value: format!("{rate} Hz from {}", second(zero)),
                source: "tcp",
                grade: Grade::Inferred,
            };
            if let Some(row) = row(identities, key, "identities", limits.identities, left_out) {
                row.take(shown.tally());
            }
        }
    }
}

/// To the second: a clock that drifts is told anew a few times a day.
fn second(time: Time) -> String {
    let nearest = time.0.saturating_add(SECOND / 2).div_euclid(SECOND);
    let text = Time::from_secs(nearest).to_string();
    text.replace(".000000000Z", "Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: Sender = Sender {
        mac: None,
        ip: IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 9)),
        vlan: Some(10),
    };

    fn peer(last: u8) -> IpAddr {
        IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, last))
    }

    /// What is told of a host that showed these timestamps: peer, second, value.
    fn told(ticks: &[(u8, i64, u32)]) -> Vec<String> {
        let fresh = || Picture::new(super::super::Limits::default());
        // One worker, and two that share the peers, see the same.
        let (mut all, mut even, mut odd) = (fresh(), fresh(), fresh());
        for (number, (last, second, value)) in (1..).zip(ticks) {
            let at = At {
                now: Time::default().plus_secs(1_000_000 + second),
                capture: 0,
                frame: number,
            };
            all.clock(HOST, peer(*last), *value, at);
            let half = if last % 2 == 0 { &mut even } else { &mut odd };
            half.clock(HOST, peer(*last), *value, at);
        }
        even.merge(odd);
        let [one, two] = [all, even].map(|mut picture| {
            tell(&mut picture);
            let mut told: Vec<_> = picture.identities.into_iter().collect();
            told.sort_by_key(|(_, tally)| tally.first);
            told.into_iter()
                .map(|(key, _)| key.value)
                .collect::<Vec<_>>()
        });
        assert_eq!(one, two);
        one
    }

    #[test]
    fn a_clock_is_told_by_its_rate_and_zero_and_one_for_each_peer_by_several() {
        let one = ["1000 Hz from 1970-01-12T13:38:20Z"];
        let shown = [
            (1, 0, 500_000),
            (1, 10, 510_010),
            (2, 5, 505_000),
            (2, 95, 595_000),
        ];
        assert_eq!(told(&shown), one);
        let each = [
            "1000 Hz from 1970-01-12T13:38:20Z",
            "1000 Hz from 1970-01-12T11:08:20Z",
        ];
        let shown = [
            (1, 0, 500_000),
            (1, 10, 510_000),
            (2, 5, 9_505_000),
            (2, 95, 9_595_000),
        ];
        assert_eq!(told(&shown), each);
        let slow = [(1, 0, 50_000), (1, 10, 51_000)];
        assert_eq!(told(&slow), ["100 Hz from 1970-01-12T13:38:20Z"]);
        // Of five peers the lowest four are kept, in whatever order they came.
        let many = [9, 3, 4, 5, 6].map(|peer| [(peer, 0, 500_000), (peer, 10, 510_000)]);
        assert_eq!(told(many.as_flattened()), one);
        // Too short, backwards after a restart, and at a rate that nobody has.
        let none: [&str; 0] = [];
        assert_eq!(told(&[(1, 0, 500_000), (1, 1, 501_000)]), none);
        assert_eq!(told(&[(1, 0, 500_000), (1, 10, 3_000)]), none);
        assert_eq!(told(&[(1, 0, 500_000), (1, 10, 507_000)]), none);
    }

    #[test]
    fn a_clock_that_began_anew_or_ran_for_weeks_is_known_again() {
        // A restart, after which it counts from 0, or from a number by chance.
        let anew = [
            (1, 0, 500_000),
            (1, 10, 510_000),
            (1, 100, 3_000),
            (1, 110, 13_000),
            (1, 3800, 3_703_000),
        ];
        assert_eq!(told(&anew), ["1000 Hz from 1970-01-12T13:48:17Z"]);
        let chance = [
            (1, 0, 500_000),
            (1, 10, 510_000),
            (1, 100, 900_000_000),
            (1, 3800, 903_700_000),
        ];
        assert_eq!(told(&chance), ["1000 Hz from 1970-01-02T03:48:20Z"]);
        // By chance for each connection.
        let each: Vec<(u8, i64, u32)> = (0..100u32)
            .map(|number| (number / 2 * 20, number % 2 * 10, number / 2 * 70_000_001))
            .map(|(begun, since, value)| (1, i64::from(begun + since), value + since * 1000))
            .collect();
        assert!(told(&each).is_empty());
        // A packet that was overtaken is no restart.
        let overtaken = [
            (1, 0, 500_000),
            (1, 10, 510_000),
            (1, 10, 509_990),
            (1, 20, 520_000),
        ];
        assert_eq!(told(&overtaken), ["1000 Hz from 1970-01-12T13:38:20Z"]);
        // For sixty days each quarter of an hour: the count passes its end on the way, and is never over half of it.
        let long = |last: i64| -> Vec<(u8, i64, u32)> {
            (0..=last)
                .map(|number| number * 900)
                .map(|second| (1, second, u32::try_from(second * 1000 % (1 << 32)).unwrap()))
                .collect()
        };
        assert_eq!(told(&long(30 * 96)), ["1000 Hz from 1970-01-12T13:46:40Z"]);
        assert_eq!(told(&long(60 * 96)), ["1000 Hz from 1970-03-03T06:49:27Z"]);
        // A rate that nobody has, half a day long; a day later it is known at any moment.
        for last in [200, 250, 289, 290, 333] {
            let mut mended = long(last);
            for (_, second, value) in mended.iter_mut().take(50) {
                *value = u32::try_from(45_000_000 - (45_000 - *second) * 500).unwrap();
            }
            let one = ["1000 Hz from 1970-01-12T13:46:40Z"];
            assert_eq!(told(&mended), one, "{last}");
        }
    }

    #[test]
    fn beyond_the_limit_the_same_senders_stay_and_as_much_is_counted_for_any_order_and_workers() {
        let limits = super::super::Limits {
            clocks: 8,
            ..super::super::Limits::default()
        };
        let senders: Vec<Sender> = (0..100u32)
            .map(|number| Sender {
                mac: (number % 25 == 0).then_some(Mac([2, 0, 0, 0, 0, 1])),
                ip: IpAddr::V4(number.wrapping_mul(0x0101_0107).into()),
                ..HOST
            })
            .collect();
        let drawn = |order: &mut dyn Iterator<Item = (usize, u8)>, workers: usize| {
            let mut pictures: Vec<Picture> = (0..workers).map(|_| Picture::new(limits)).collect();
            for (number, last) in order {
                let second = i64::from(last) / 2 * 10;
                let at = At {
                    now: Time::default().plus_secs(1_000_000 + second),
                    ..At::default()
                };
                let value = u32::try_from(second * 100).unwrap();
                let worker = (number + usize::from(last % 2)) % workers;
                pictures[worker].clock(senders[number], peer(last % 2), value, at);
            }
            let mut all = Picture::new(limits);
            for picture in pictures {
                all.merge(picture);
            }
            let lost = all.left_out.get("clocks").copied();
            tell(&mut all);
            let mut told: Vec<_> = all.identities.into_keys().collect();
            told.sort();
            (told, lost)
        };
        let times = || 0..4u8;
        let one = drawn(&mut times().flat_map(|t| (0..100).map(move |n| (n, t))), 1);
        assert_eq!((one.0.len(), one.1), (8, Some(92 * 4)));
        assert_eq!(one.0.iter().filter(|key| key.mac.is_some()).count(), 4);
        for workers in [1, 3] {
            let back = &mut times().flat_map(|t| (0..100).rev().map(move |n| (n, t)));
            assert_eq!(drawn(back, workers), one, "{workers}");
            let each = &mut (0..100).flat_map(|n| times().map(move |t| (n, t)));
            assert_eq!(drawn(each, workers), one, "{workers}");
        }
    }

    #[test]
    fn what_was_told_makes_room_and_peers_have_a_limit() {
        let mut picture = Picture::new(super::super::Limits {
            clocks: 8,
            ..super::super::Limits::default()
        });
        for second in 0..100u32 {
            let at = At {
                now: Time::default().plus_secs(second.into()),
                ..At::default()
            };
            let [ip, lower] = [second, 1000 - second].map(|number| IpAddr::V4(number.into()));
            picture.clock(Sender { ip, ..HOST }, peer(1), 7, at);
            picture.clock(HOST, lower, 7, at);
            if second % 3 == 2 {
                let told = picture.take();
                assert!(told.clocks.of.contains_key(&HOST.rank()), "{second}");
            }
        }
        assert_eq!(picture.left_out.get("clocks"), None);
        assert!(picture.clocks.of.len() <= 8);
        let peers = |picture: &Picture| {
            let known = picture.clocks.of.get(&HOST.rank()).unwrap();
            known.shown.iter().map(|one| one.peer).collect::<Vec<_>>()
        };
        assert_eq!(peers(&picture).len(), MOST_PEERS);
        // A day later one with a higher address has a place, too, once the others are told.
        let higher = IpAddr::V4(5000.into());
        for second in [90_000, 90_010] {
            let at = At {
                now: Time::default().plus_secs(second),
                ..At::default()
            };
            picture.clock(HOST, higher, 7, at);
            picture.take();
        }
        assert_eq!(peers(&picture), [higher]);
    }
}
