//! Devices that have the same addresses, in cranes that are built alike: whose packet it is shows on layer 2 alone.
//!
//! The flow that came first has its place in the table by the ends alone, and nearly every packet is on the leg on which that
//! began. Only one that is not is looked at here.
use facts::Time;

use super::flows::Place;
use super::{Passing, Worker};
use crate::flow::{Flow, Key, Link, is_stale};

/// Flows of the same ends kept apart; what is beyond counts as of the first. Whoever forges senders makes no more.
const MOST: u16 = 64;

impl Worker {
    /// The flow of a packet, awake, and when its last packet came; or the key by which to open one.
    #[inline(always)] // For each packet; a handshake asks once more.
    pub(super) fn find(&mut self, passing: &Passing, now: Time) -> Result<(Place, Time), Key> {
        let first = self.flows.find(&passing.key);
        match first.and_then(|place| Some((place, self.flows.get(place)?))) {
            Some((place, flow)) if flow.legs.is_home(passing.sender, passing.link) => {
                Ok((place, flow.last))
            }
            None if !self.flows.are_alike() => Err(passing.key),
            _ => {
                let place = self.find_alike(passing, first, now)?;
                let flow = self.flows.get(place);
                Ok((place, flow.map_or(now, |flow| flow.last)))
            }
        }
    }

    #[cold]
    fn find_alike(
        &mut self,
        passing: &Passing,
        first: Option<Place>,
        now: Time,
    ) -> Result<Place, Key> {
        let Passing { key, link, .. } = *passing;
        let alike = self.flows.alike(&key).to_vec();
        let mut found = |realm| self.flows.find(&key.in_realm(realm));
        let home = alike.iter().find(|(home, _)| *home == link);
        if let Some(place) = home.and_then(|(_, realm)| found(*realm)) {
            return Ok(place);
        }
        let others = alike.iter().filter_map(|(_, realm)| found(*realm));
        let all: Vec<Place> = first.into_iter().chain(others).collect();
        if let Some(own) = all
            .iter()
            .find(|place| !self.is_of_others(**place, passing, now))
        {
            return Ok(*own);
        }
        let taken = |realm: &u16| alike.iter().any(|(_, taken)| taken == realm);
        let vacant = (u16::from(first.is_some())..MOST).find(|realm| !taken(realm));
        match (vacant, first) {
            (None, Some(first)) => Ok(first),
            (vacant, _) => Err(key.in_realm(vacant.unwrap_or(0))),
        }
    }

    /// Whether a packet is not of the flow there, but of others between the same addresses.
    fn is_of_others(&self, place: Place, passing: &Passing, now: Time) -> bool {
        let Passing {
            key,
            sender,
            link,
            segment,
            ttl,
            hops,
            signature,
            ..
        } = *passing;
        // Whoever has no address yet shares that with all others.
        !key.is_unspecified(sender)
            && self.flows.get(place).is_some_and(|flow| {
                let near = key.neighbours();
                let distance = (ttl, hops);
                !is_stale(flow, now)
                    && !segment.is_some_and(|segment| goes_on(flow, sender, segment))
                    && flow
                        .legs
                        .is_of_others(sender, link, distance, signature, near, now)
            })
    }

    /// The flow with these ends of which a device is on that leg, or else the first.
    pub(super) fn find_beside(&mut self, key: &Key, link: Link) -> Option<Place> {
        let alike = self.flows.alike(key);
        let beside = alike.iter().find(|(home, _)| home.meets(link));
        let realm = beside.map_or(0, |(_, realm)| *realm);
        self.flows.find(&key.in_realm(realm))
    }
}

/// Bytes that may be under way at most, without a scale of windows (RFC 9293, 3.1).
const WINDOW: u32 = 1 << 16;

/// Whether a segment is near to where the connection stands: the numbers of two have nothing to do with each other.
fn goes_on(flow: &Flow, sender: usize, (seq, ack): (u32, Option<u32>)) -> bool {
    let (own, other) = (&flow.dir(sender).stream, &flow.dir(1 - sender).stream);
    let near = |number: u32, reach: Option<u32>| {
        let apart = |reach: u32| number.wrapping_sub(reach).min(reach.wrapping_sub(number));
        reach.is_some_and(|reach| apart(reach) <= WINDOW)
    };
    near(seq, own.reach()) || ack.is_some_and(|ack| near(ack, other.reach()))
}
