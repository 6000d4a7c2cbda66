//! The flow table: every packet finds its flow here, and every flow's end gives its facts.
use std::net::IpAddr;

use facts::Address;

use super::transport::settle;
use super::{Here, Passing, Worker};
use crate::cx::At;
use crate::flow::{Engine, Flow, Key, Sight, Stream, Transport, is_stale, open_expected};
use crate::net::link::Ends;
use crate::picture::{self, AddressKey, Picture, RouteKey, limits};

impl Worker {
    /// Whether the flows of this pair of hosts are this worker's.
    pub(super) fn mine(&self, key: &Key) -> bool {
        let of = u64::from(self.shard.of);
        of <= 1 || key.pair_hash() % of == u64::from(self.shard.index)
    }

    pub(super) fn is_at(&self, index: usize, key: &Key) -> bool {
        matches!(self.flows.get(index), Some(Some(flow)) if flow.key == *key)
    }

    /// Finds or opens the flow and counts the packet on it (TCP counts for itself: `late`). Gives its place and whether the
    /// packet is the second sight of one that was counted.
    pub(super) fn pass(
        &mut self,
        here: Here,
        ends: &Ends,
        passing: Passing,
        late: bool,
    ) -> Option<(usize, bool)> {
        let hash = passing.key.hash(self.shard.seed);
        let found = self
            .table
            .find(hash, |index| self.is_at(*index, &passing.key))
            .copied();
        let stale = found.filter(|index| {
            matches!(self.flows.get(*index), Some(Some(flow)) if is_stale(flow, here.at.now))
        });
        if let Some(index) = stale {
            self.close(index);
        }
        let index = match found.filter(|_| stale.is_none()) {
            Some(index) => index,
            None => self.open(here, &passing, hash),
        };
        let Some(Some(flow)) = self.flows.get_mut(index) else {
            return None;
        };
        let At {
            now,
            capture,
            frame,
        } = here.at;
        let sent = flow.dir_mut(passing.sender);
        let sight = sent
            .legs
            .see(ends, passing.ttl, passing.hops, passing.signature, here.at);
        match sight {
            Sight::First => {
                if !late {
                    flow.count(passing.sender, passing.bytes, now, capture, frame);
                }
                Some((index, false))
            }
            Sight::Again(forwarded) => {
                if let Some(step) = forwarded {
                    flow.forwarded_by(&step);
                    self.forwarded(here, &step);
                }
                Some((index, true))
            }
        }
    }

    /// A flow, and what its dialogue writes to.
    pub(super) fn parts(&mut self, index: usize) -> Option<(&mut Flow, Engine<'_>)> {
        let flow = self.flows.get_mut(index)?.as_mut()?;
        Some((
            flow,
            Engine {
                picture: &mut self.picture,
                expected: &mut self.expected,
            },
        ))
    }

    /// The same packet came and went: who carried it joins the two networks.
    pub(super) fn forwarded(&mut self, here: Here, step: &crate::flow::Forwarded) {
        let detail = match (step.from.dst, step.to.src) {
            (Some(in_by), Some(out_by)) if in_by != out_by => Some(format!("leaves by {out_by}")),
            _ => None,
        };
        let key = RouteKey {
            via: "forwards",
            mac: step.from.dst.or(step.to.src).filter(|mac| mac.is_device()),
            ip: None,
            vlan: step.from.vlan,
            to_vlan: step.to.vlan,
            gateway: None,
            detail,
        };
        self.picture.route(key, here.at, &[here.at.frame]);
    }

    pub(super) fn open(&mut self, here: Here, passing: &Passing, hash: u64) -> usize {
        if self.table.len() >= limits::FLOWS {
            self.evict();
        }
        let mut flow = Flow::new(passing.key, passing.sender, here.at.now, here.at.capture);
        self.announced(here, &mut flow, passing.sender);
        let index = match self.free.pop() {
            Some(index) => index,
            None => {
                self.flows.push(None);
                self.flows.len() - 1
            }
        };
        if let Some(place) = self.flows.get_mut(index) {
            *place = Some(flow);
        }
        let (flows, seed) = (&self.flows, self.shard.seed);
        self.table
            .insert_unique(hash, index, |index| match flows.get(*index) {
                Some(Some(flow)) => flow.key.hash(seed),
                _ => 0,
            });
        index
    }

    /// Whether another protocol announced this flow.
    pub(super) fn announced(&mut self, here: Here, flow: &mut Flow, sender: usize) {
        if self.expected.is_empty() || !flow.key.transport.has_ports() {
            return;
        }
        let udp = flow.key.transport == Transport::Udp;
        for which in [1 - sender, sender] {
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
            flow.parent = Some(expected.parent);
            match expected.decoder {
                Some(decoder) => open_expected(flow, decoder, expected.dialogue.take()),
                None => flow.named = Some(expected.name),
            }
            return;
        }
    }

    /// Makes room: of eight flows in a row the one that was silent longest gives way.
    pub(super) fn evict(&mut self) {
        let mut oldest: Option<(usize, facts::Time)> = None;
        for _ in 0..64 {
            self.hand = if self.hand + 1 >= self.flows.len() {
                0
            } else {
                self.hand + 1
            };
            if let Some(Some(flow)) = self.flows.get(self.hand)
                && oldest.is_none_or(|(_, last)| flow.last < last)
            {
                oldest = Some((self.hand, flow.last));
            }
        }
        if let Some((index, _)) = oldest {
            *self.picture.left_out.entry("flows cut short").or_default() += 1;
            self.close(index);
        }
    }

    /// Ends a flow: what waits is read, what was asked stays unanswered, and the picture gets its facts.
    pub(super) fn close(&mut self, index: usize) {
        let Some(mut flow) = self.flows.get_mut(index).and_then(Option::take) else {
            return;
        };
        let hash = flow.key.hash(self.shard.seed);
        if let Ok(entry) = self.table.find_entry(hash, |other| *other == index) {
            entry.remove();
        }
        self.free.push(index);
        let at = At {
            now: flow.last,
            capture: flow.capture,
            frame: flow.frames.first().copied().unwrap_or(0),
        };
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
        engine.close(&mut flow);
        for which in [0, 1] {
            self.addresses(&flow, which);
        }
        self.picture.conversation(flow.conversation());
        if let Some(session) = flow.remote_session() {
            self.picture.sessions.push(session);
        }
    }

    /// The addresses that the packets of one direction came from.
    pub(super) fn addresses(&mut self, flow: &Flow, which: usize) {
        let (address, _) = flow.key.end(which);
        let ip = address
            .ip()
            .filter(|ip| !ip.is_unspecified() && !is_group(*ip));
        for leg in flow.dir(which).legs.iter() {
            let mac = leg.src.filter(|mac| mac.is_device());
            if mac.is_none() && ip.is_none() {
                continue;
            }
            let key = AddressKey {
                mac,
                ip,
                vlan: leg.vlan,
            };
            let Picture {
                addresses,
                left_out,
                ..
            } = &mut self.picture;
            let Some(row) = picture::row(addresses, key, "addresses", limits::ADDRESSES, left_out)
            else {
                return;
            };
            row.hops = match (row.hops, ip.is_some().then_some(leg.hops)) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            };
            let evidence = facts::Evidence::one(leg.capture, leg.frame);
            let tally = picture::Tally {
                first: leg.first,
                last: leg.last,
                count: leg.packets,
                evidence,
            };
            row.tally.take(tally);
        }
    }
}

fn is_group(ip: IpAddr) -> bool {
    Address::Ip(ip).is_group()
}
