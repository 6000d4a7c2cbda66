//! The clocks in TCP's timestamps, as a sign that two addresses are one system.
//!
//! Spec: RFC 7323, 3 and 5.4. Many systems count their timestamps from one clock that began when they did: its rate and the
//! moment of its zero go with them wherever they speak. Linux since 4.10 adds a number for each pair of addresses: its zeros,
//! one for each peer, are far apart, and say nothing. Systems that one switch turned on together begin alike. So it is a
//! hint and no more.
//!
//! Of each sender a few peers are kept, those with the lowest addresses, whoever came first: so the clocks are the same for
//! any number of workers.
use std::net::IpAddr;

use facts::{Evidence, Grade, Mac, Time};
use hashbrown::HashMap;

use super::{IdentityKey, Picture, Tally, row};
use crate::cx::At;

/// Senders whose clocks are kept. What does not fit is no loss of evidence: a sign less.
const MOST_SENDERS: usize = 1 << 13;
/// Peers kept of each.
const MOST_PEERS: usize = 4;
/// Rates that stacks count at, in ticks a second.
const RATES: [i64; 7] = [1, 2, 10, 60, 100, 250, 1000];
/// A rate that is off by more than that, in thousandths, is none of them.
const RATE_OFF: i64 = 20;
/// A rate is worked out over so long at least, in nanoseconds, and so many ticks.
const LEAST_TIME: i64 = 2 * SECOND;
const LEAST_TICKS: u32 = 4;

const SECOND: i64 = 1_000_000_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Sender {
    pub mac: Option<Mac>,
    pub ip: IpAddr,
    pub vlan: Option<u16>,
}

/// A timestamp as it was seen.
#[derive(Clone, Copy, Debug)]
struct Tick {
    at: At,
    value: u32,
}

/// What a sender showed one peer, first and last.
#[derive(Clone, Copy, Debug)]
struct Shown {
    peer: IpAddr,
    first: Tick,
    last: Tick,
}

impl Shown {
    fn add(&mut self, tick: Tick) {
        if tick.at.now < self.first.at.now {
            self.first = tick;
        }
        if tick.at.now >= self.last.at.now {
            self.last = tick;
        }
    }

    /// Ticks a second, and when the count was zero.
    fn clock(&self) -> Option<(i64, Time)> {
        let time = self.last.at.now.since(self.first.at.now);
        let ticks = self.last.value.wrapping_sub(self.first.value);
        if time < LEAST_TIME || !(LEAST_TICKS..1 << 31).contains(&ticks) {
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
    /// It is on the list of news.
    news: bool,
}

impl Peers {
    /// `false` where the peer is none of those that are kept.
    fn add(&mut self, peer: IpAddr, first: Tick, last: Tick) -> bool {
        let place = self.shown.partition_point(|one| one.peer < peer);
        match self.shown.get_mut(place).filter(|one| one.peer == peer) {
            Some(known) => {
                known.add(first);
                known.add(last);
            }
            None if place >= MOST_PEERS => return false,
            None => {
                self.shown.truncate(MOST_PEERS - 1);
                self.shown.insert(place, Shown { peer, first, last });
            }
        }
        true
    }
}

/// Clocks by sender.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clocks {
    of: HashMap<Sender, Peers>,
    /// Senders of which something came since they were told.
    news: Vec<Sender>,
}

impl Clocks {
    /// The sender showed `value` to `peer`.
    pub(crate) fn see(&mut self, sender: Sender, peer: IpAddr, value: u32, at: At) {
        let tick = Tick { at, value };
        self.put(sender, peer, tick, tick);
    }

    fn put(&mut self, sender: Sender, peer: IpAddr, first: Tick, last: Tick) {
        if self.of.len() >= MOST_SENDERS && !self.of.contains_key(&sender) {
            return;
        }
        let peers = self.of.entry(sender).or_default();
        if peers.add(peer, first, last) && !std::mem::replace(&mut peers.news, true) {
            self.news.push(sender);
        }
    }

    pub(super) fn merge(&mut self, other: Clocks) {
        for (sender, peers) in other.of {
            for one in &peers.shown {
                self.put(sender, one.peer, one.first, one.last);
            }
        }
    }

    /// Those of which something is new, to be told; all go on here.
    pub(super) fn take_news(&mut self) -> Clocks {
        let mut told = Clocks::default();
        for sender in self.news.drain(..) {
            if let Some(peers) = self.of.get_mut(&sender) {
                peers.news = false;
                told.of.insert(sender, peers.clone());
            }
        }
        // A flood of senders does not keep later ones out for good.
        if self.of.len() >= MOST_SENDERS {
            self.of.retain(|sender, _| told.of.contains_key(sender));
        }
        told
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
    for (sender, peers) in &clocks.of {
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
        let mut clocks = Clocks::default();
        // One worker, and two that share the peers, see the same.
        let (mut even, mut odd) = (Clocks::default(), Clocks::default());
        for (number, (last, second, value)) in (1..).zip(ticks) {
            let at = At {
                now: Time::default().plus_secs(1_000_000 + second),
                capture: 0,
                frame: number,
            };
            clocks.see(HOST, peer(*last), *value, at);
            let half = if last % 2 == 0 { &mut even } else { &mut odd };
            half.see(HOST, peer(*last), *value, at);
        }
        even.merge(odd);
        let [one, two] = [clocks, even].map(|clocks| {
            let mut picture = Picture::new(super::super::Limits::default());
            picture.clocks = clocks;
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
    fn senders_and_peers_have_limits() {
        let mut clocks = Clocks::default();
        for number in 0..20_000u32 {
            let ip = IpAddr::V4(number.into());
            let at = At::default();
            clocks.see(Sender { ip, ..HOST }, peer(1), 7, at);
            clocks.see(HOST, ip, 7, at);
        }
        assert_eq!(clocks.of.len(), MOST_SENDERS);
        assert!(
            clocks
                .of
                .values()
                .all(|peers| peers.shown.len() <= MOST_PEERS)
        );
    }
}
