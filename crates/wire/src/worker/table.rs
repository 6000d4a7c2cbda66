//! The flow table: every packet finds its flow here, and every flow's end gives its facts.
use std::net::IpAddr;

use facts::{Address, Evidence, Time};

use super::flows::Place;
use super::transport::{SILENT, settle};
use super::{Here, Passing, Shard, Worker, shard};
use crate::flow::{
    Engine, Flow, Forwarded, Key, Leg, Sight, Stream, Transport, is_stale, open_expected,
};
use crate::picture::{AddressKey, Frames, Picture, RouteKey, Tally};

/// Flows looked at for each that opens, to find those that may rest: more than one, so that it is kept up with them.
const LOOKED_AFTER: u32 = 4;
/// Flows looked at to find one that may give way.
const MOST_LOOKED_AT: u32 = 64;

/// A packet that found its flow.
pub(super) struct Passed<'a> {
    pub place: Place,
    pub flow: &'a mut Flow,
    /// What the flow's dialogue writes to.
    pub engine: Engine<'a>,
    /// It is the second sight of a packet that was counted.
    pub again: bool,
}

impl Worker {
    /// Whether the flows of this pair of hosts are this worker's.
    #[inline]
    pub(super) fn mine(&self, here: Here, one: u128, other: u128) -> bool {
        let Shard { index, of, .. } = self.shard;
        here.own || shard::worker_of(Key::hash_of_pair(one, other), of) == index
    }

    /// Finds or opens the flow of a packet, and notes where it was seen. It is for the caller to count it.
    pub(super) fn pass(&mut self, here: Here, passing: &Passing) -> Option<Passed<'_>> {
        let place = match self.find(passing, here.at.now) {
            Ok((place, last)) if here.at.now.since(last) > SILENT => {
                self.after_silence(here, passing, place)?
            }
            Ok((place, _)) => place,
            Err(key) => self.open(here, passing, key)?,
        };
        let Worker {
            flows,
            picture,
            expected,
            counts,
            ..
        } = self;
        let flow = flows.touch(place)?;
        let distance = (passing.ttl, passing.hops);
        let sight = flow.see(
            passing.sender,
            passing.link,
            distance,
            passing.signature,
            here.at,
        );
        if let Sight::Again(Some(step)) = &sight {
            flow.forwarded_by(step);
            forwarded(picture, here, step);
        }
        counts.1.copies += u64::from(here.depth == 0 && matches!(sight, Sight::Again(None)));
        Some(Passed {
            place,
            flow,
            engine: Engine { picture, expected },
            again: matches!(sight, Sight::Again(_)),
        })
    }

    /// Like [`Worker::pass`], and counts the packet with the bytes that it carries, unless it is a copy.
    pub(super) fn pass_and_count(&mut self, here: Here, passing: &Passing) -> Option<Passed<'_>> {
        let passed = self.pass(here, passing)?;
        if !passed.again {
            passed.flow.count(passing.sender, passing.bytes, here.at);
        }
        Some(passed)
    }

    /// The flow of a packet that comes after a while. What becomes of it must not depend on whether it was at rest, which is as
    /// others spoke.
    #[cold]
    fn after_silence(&mut self, here: Here, passing: &Passing, place: Place) -> Option<Place> {
        let flow = self.flows.get_mut(place)?;
        if is_stale(flow, here.at.now) {
            let key = flow.key;
            self.close(place);
            return self.open(here, passing, key);
        }
        flow.leave_off();
        self.reweigh(place);
        Some(place)
    }

    /// Where nothing came for twice as long as ends a dialogue, whose packets came in another order than captured does not
    /// matter.
    fn let_rest(&mut self, now: Time) {
        for place in self.flows.turn(LOOKED_AFTER) {
            let Some(flow) = self.flows.get_mut(place) else {
                continue;
            };
            if now.since(flow.last) <= 2 * SILENT {
                continue;
            }
            flow.leave_off();
            self.reweigh(place);
            let Some(flow) = self.flows.get_mut(place).filter(|flow| flow.held() == 0) else {
                continue;
            };
            for which in [0, 1] {
                let (address, _) = flow.key.end(which);
                let picture = &mut self.picture;
                flow.legs
                    .news_of_home(which, |leg| sighted(picture, address, leg));
            }
            self.flows.rest(place);
        }
    }

    fn open(&mut self, here: Here, passing: &Passing, key: Key) -> Option<Place> {
        self.let_rest(here.at.now);
        if self.flows.len() >= self.picture.limits.flows {
            self.evict(here.at.now);
        }
        let mut flow = Flow::new(key, passing.sender, here.at.now, here.at.capture);
        self.announced(here, &mut flow, passing);
        self.flows.add(flow, passing.link)
    }

    /// Whether another protocol announced this flow.
    pub(super) fn announced(&mut self, here: Here, flow: &mut Flow, passing: &Passing) {
        if self.expected.is_empty() || !flow.key.transport.has_ports() {
            return;
        }
        let udp = flow.key.transport == Transport::Udp;
        let sender = passing.sender;
        // What was announced is where someone waits: who connects from there opens something else.
        let waits = |which: &usize| passing.opener != Some(*which);
        for which in [1 - sender, sender].into_iter().filter(waits) {
            let (address, port) = flow.key.end(which);
            let Some(ip) = address.ip() else { continue };
            // For this pair of hosts before for any.
            let own = (ip, port, udp, flow.key.end(1 - which).0.ip());
            let key = if self.expected.contains_key(&own) {
                own
            } else {
                (ip, port, udp, None)
            };
            let Some(expected) = self.expected.get_mut(&key) else {
                continue;
            };
            if expected.until < here.at.now {
                continue;
            }
            flow.talk().parent = Some(expected.parent);
            match expected.decoder {
                Some(decoder) => open_expected(flow, decoder, expected.dialogue.take()),
                None => flow.talk().named = Some(expected.name),
            }
            return;
        }
    }

    /// Makes room: of some flows in a row one that is over gives way, or else the one that was silent longest.
    fn evict(&mut self, now: Time) {
        // Whole stretches may be empty, of flows that went to rest or woke.
        let stretches = self.picture.limits.flows / MOST_LOOKED_AT as usize + 1;
        let first = (0..stretches).find_map(|_| {
            let turn = self.flows.turn_of_most(MOST_LOOKED_AT).into_iter();
            let candidates = turn.filter_map(|place| {
                let (over, last) = self.flows.silence(place)?;
                let under_way = !over || now.since(last) <= SILENT;
                Some((under_way, last, place))
            });
            candidates.min_by_key(|(under_way, last, _)| (*under_way, *last))
        });
        if let Some((under_way, _, place)) = first {
            if under_way {
                *self.picture.left_out.entry("flows cut short").or_default() += 1;
            }
            self.close(place);
        }
    }

    /// Ends a flow: what waits is read, what was asked stays unanswered, and the picture gets its facts.
    pub(super) fn close(&mut self, place: Place) {
        if let Some(flow) = self.flows.remove(place) {
            self.end(flow);
        }
    }

    pub(super) fn end(&mut self, mut flow: Flow) {
        self.waiting = self.waiting.saturating_sub(flow.held());
        let at = flow.place_in_time();
        let mut engine = Engine {
            picture: &mut self.picture,
            expected: &mut self.expected,
        };
        settle(&mut engine, &mut flow, at, Stream::waits);
        for which in [0, 1] {
            let mut stream = std::mem::take(&mut flow.dir_mut(which).stream);
            stream.close(&mut |delivered| engine.deliver(&mut flow, which, delivered, at));
            flow.dir_mut(which).stream = stream;
        }
        for which in [0, 1] {
            if flow.dir_mut(which).stream.is_over_now() {
                engine.over(&mut flow, which, at);
            }
        }
        engine.close(&mut flow);
        tell(&mut self.picture, &mut flow);
    }

    /// The flow at that place tells what is new, and goes on.
    pub(super) fn tell_at(&mut self, place: Place) {
        let Some(place) = self.flows.wake(place) else {
            return;
        };
        if let Some(flow) = self.flows.get_mut(place) {
            tell(&mut self.picture, flow);
        }
    }
}

/// The same packet came and went: who carried it joins the two networks.
fn forwarded(picture: &mut Picture, here: Here, step: &Forwarded) {
    let detail = match (step.from.dst(), step.to.src()) {
        (Some(in_by), Some(out_by)) if in_by != out_by => Some(format!("leaves by {out_by}")),
        _ => None,
    };
    let key = RouteKey {
        via: "forwards",
        mac: step
            .from
            .dst()
            .or(step.to.src())
            .filter(|mac| mac.is_device()),
        ip: None,
        vlan: step.from.vlan(),
        to_vlan: step.to.vlan(),
        gateway: None,
        detail,
    };
    picture.route(key, here.at, &[here.at.frame]);
}

/// What a flow has to tell since it was asked last.
fn tell(picture: &mut Picture, flow: &mut Flow) {
    for which in [0, 1] {
        addresses(picture, flow, which);
    }
    let unclassified = flow.take_nameless();
    if unclassified > 0 {
        let counts = Frames {
            unclassified,
            ..Frames::default()
        };
        picture.count_frames(flow.capture, counts);
    }
    flow.tell(picture);
}

/// The addresses that the packets of one direction came from.
fn addresses(told: &mut Picture, flow: &mut Flow, which: usize) {
    let (address, _) = flow.key.end(which);
    flow.legs.news(which, |leg| sighted(told, address, leg));
}

/// Packets from that address were seen on a leg.
fn sighted(told: &mut Picture, address: Address, leg: Leg) {
    let ip = address
        .ip()
        .filter(|ip| !ip.is_unspecified() && !is_group(*ip));
    let mac = leg.src().filter(|mac| mac.is_device());
    if mac.is_none() && ip.is_none() {
        return;
    }
    let key = AddressKey {
        mac,
        ip,
        vlan: leg.vlan(),
    };
    let Picture {
        addresses,
        left_out,
        limits,
        ..
    } = told;
    let evidence = leg.frame.map(|frame| Evidence::one(leg.capture, frame));
    let tally = Tally {
        first: leg.first,
        last: leg.last,
        count: leg.packets,
        evidence: evidence.unwrap_or_default(),
    };
    let Some(row) = addresses.row(key, "addresses", limits.addresses, left_out) else {
        return;
    };
    row.hops = match (row.hops, ip.is_some().then_some(leg.hops)) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    };
    row.tally.take(tally);
}

fn is_group(ip: IpAddr) -> bool {
    Address::Ip(ip).is_group()
}
