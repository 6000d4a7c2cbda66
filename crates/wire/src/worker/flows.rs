//! The flows under way: those awake and those at rest, a hash table that finds them, and a mark on those that moved.
use std::collections::HashMap;

use facts::Time;
use hashbrown::HashTable;

use super::slab::Slab;
use crate::flow::{Flow, Key, Link, Resting};

/// The place of a flow. It holds as long as the flow is open, and neither goes to rest nor wakes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place(u32);

/// Of the place of a flow at rest.
const RESTS: u32 = 1 << 31;

impl Place {
    const fn awake(place: u32) -> Place {
        Place(place)
    }

    const fn resting(place: u32) -> Place {
        Place(place | RESTS)
    }

    /// Among those at rest.
    #[inline]
    const fn at_rest(self) -> Option<u32> {
        if self.0 & RESTS == 0 {
            None
        } else {
            Some(self.0 & !RESTS)
        }
    }
}

#[derive(Default)]
pub(super) struct Flows {
    awake: Slab<Flow>,
    resting: Slab<Resting>,
    table: HashTable<Place>,
    /// Where the packet before this one belonged: question and answer often come one after the other.
    lately: Option<Place>,
    /// Of flows with the same ends all but the first, by the key of that: on which leg each began, and its realm.
    alike: HashMap<Key, Vec<(Link, u16)>>,
    /// Flows opened so far.
    opened: u32,
    /// Salt of the table: unknown to whoever sends packets, without influence on any result.
    seed: u64,
}

impl Flows {
    pub(super) fn new(seed: u64) -> Flows {
        Flows {
            seed,
            ..Flows::default()
        }
    }

    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    /// The flow there, if it is awake.
    #[inline]
    pub(super) fn get(&self, place: Place) -> Option<&Flow> {
        // No flow that is awake has the number of one at rest.
        self.awake.get(place.0)
    }

    #[inline]
    pub(super) fn get_mut(&mut self, place: Place) -> Option<&mut Flow> {
        self.awake.get_mut(place.0)
    }

    /// The flow, which has something to tell by now.
    #[inline]
    pub(super) fn touch(&mut self, place: Place) -> Option<&mut Flow> {
        self.awake.touch(place.0)
    }

    fn key(&self, place: Place) -> Option<&Key> {
        match place.at_rest() {
            None => self.awake.get(place.0).map(|flow| &flow.key),
            Some(place) => self.resting.get(place).map(|flow| &flow.key),
        }
    }

    /// The flow with those ends, awake.
    #[inline]
    pub(super) fn find(&mut self, key: &Key) -> Option<Place> {
        let lately = self.lately.and_then(|place| self.get(place));
        if lately.is_some_and(|flow| flow.key == *key) {
            return self.lately;
        }
        self.look_up(key)
    }

    fn look_up(&mut self, key: &Key) -> Option<Place> {
        let is_it = |place: &Place| self.key(*place) == Some(key);
        let found = *self.table.find(key.hash(self.seed), is_it)?;
        self.lately = self.wake(found);
        self.lately
    }

    /// Some flows have the ends of others.
    #[inline]
    pub(super) fn are_alike(&self) -> bool {
        !self.alike.is_empty()
    }

    /// The flows with the ends of that one: the leg on which each began, and its realm.
    pub(super) fn alike(&self, first: &Key) -> &[(Link, u16)] {
        self.alike.get(first).map_or(&[], Vec::as_slice)
    }

    #[cold]
    fn no_longer_alike(&mut self, key: Key) {
        let first = key.in_realm(0);
        if let Some(alike) = self.alike.get_mut(&first) {
            alike.retain(|(_, realm)| *realm != key.realm);
            if alike.is_empty() {
                self.alike.remove(&first);
            }
        }
    }

    /// Adds a flow whose key is not in the table yet, and which begins on that leg; `None` where no more can be named.
    pub(super) fn add(&mut self, mut flow: Flow, link: Link) -> Option<Place> {
        let key = flow.key;
        flow.nth = self.opened;
        self.opened = self.opened.wrapping_add(1);
        let hash = key.hash(self.seed);
        let at = self.awake.vacancy(RESTS)?;
        if key.realm > 0 {
            let alike = self.alike.entry(key.in_realm(0)).or_default();
            alike.push((link, key.realm));
        }
        self.awake.put(at, flow, false);
        let place = Place::awake(at);
        let Flows {
            table,
            awake,
            resting,
            seed,
            ..
        } = self;
        // Growing asks every flow for its key: it comes too seldom to keep a hash for each.
        table.insert_unique(hash, place, |place| {
            let key = match place.at_rest() {
                None => awake.get(place.0).map(|flow| &flow.key),
                Some(place) => resting.get(place).map(|flow| &flow.key),
            };
            key.map_or(0, |key| key.hash(*seed))
        });
        Some(place)
    }

    fn is_at(&mut self, hash: u64, before: Place, now: Place) {
        if let Some(known) = self.table.find_mut(hash, |known| *known == before) {
            *known = now;
        }
    }

    /// The flow goes to rest.
    pub(super) fn rest(&mut self, place: Place) {
        let Some(at) = self.resting.vacancy(RESTS) else {
            return;
        };
        if let Some((flow, moved)) = self.awake.remove(place.0) {
            self.is_at(flow.key.hash(self.seed), place, Place::resting(at));
            self.resting.put(at, flow.rest(), moved);
        }
    }

    /// Where the flow is, awake.
    #[inline]
    pub(super) fn wake(&mut self, place: Place) -> Option<Place> {
        match place.at_rest() {
            None => Some(place),
            Some(at) => self.rouse(place, at),
        }
    }

    #[cold]
    fn rouse(&mut self, place: Place, at: u32) -> Option<Place> {
        let now = self.awake.vacancy(RESTS)?;
        let (flow, moved) = self.resting.remove(at)?;
        self.is_at(flow.key.hash(self.seed), place, Place::awake(now));
        self.awake.put(now, flow.wake(), moved);
        Some(Place::awake(now))
    }

    pub(super) fn remove(&mut self, place: Place) -> Option<Flow> {
        let flow = match place.at_rest() {
            None => self.awake.remove(place.0)?.0,
            Some(place) => self.resting.remove(place)?.0.wake(),
        };
        if flow.key.realm > 0 {
            self.no_longer_alike(flow.key);
        }
        let hash = flow.key.hash(self.seed);
        if let Ok(entry) = self.table.find_entry(hash, |found| *found == place) {
            entry.remove();
        }
        Some(flow)
    }

    /// The places that moved since this was asked last. Some may be empty by now.
    pub(super) fn moved(&mut self) -> Vec<Place> {
        let awake = self.awake.take_marks().into_iter().map(Place::awake);
        let mut moved: Vec<Place> = awake.collect();
        let resting = self.resting.take_marks().into_iter();
        moved.extend(resting.map(Place::resting));
        moved
    }

    /// Takes the flow out, where no more will be added.
    pub(super) fn take_out(&mut self, place: Place) -> Option<Flow> {
        match place.at_rest() {
            None => self.awake.take_out(place.0),
            Some(place) => self.resting.take_out(place).map(Resting::wake),
        }
    }

    /// No more will be added or found. Where those are that end with more than their own counts, in the order in which they
    /// were opened.
    pub(super) fn talking(&mut self) -> Vec<Place> {
        self.table = HashTable::new();
        let awake = self.awake.iter().filter(|(_, flow)| flow.talk.is_some());
        let awake = awake.map(|(place, flow)| (flow.nth, Place::awake(place)));
        let resting = self.resting.iter().filter(|(_, flow)| flow.has_to_tell());
        let resting = resting.map(|(place, flow)| (flow.nth, Place::resting(place)));
        let mut talking: Vec<(u32, Place)> = awake.chain(resting).collect();
        talking.sort_unstable_by_key(|(nth, _)| *nth);
        talking.into_iter().map(|(_, place)| place).collect()
    }

    /// Takes all flows out, in the order of places; their memory is given back on the way.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = Flow> + use<> {
        let Flows { awake, resting, .. } = std::mem::take(self);
        awake.drain().chain(resting.drain().map(Resting::wake))
    }

    /// The next `count` places of flows that are awake, round and round: every one has its turn.
    pub(super) fn turn(&mut self, count: u32) -> impl Iterator<Item = Place> + use<> {
        self.awake.turn(count).map(Place::awake)
    }

    /// The same of those at rest.
    pub(super) fn turn_at_rest(&mut self, count: u32) -> impl Iterator<Item = Place> + use<> {
        self.resting.turn(count).map(Place::resting)
    }

    /// Some in a row of which one has to go: of those at rest, where they are more.
    pub(super) fn turn_of_most(&mut self, count: u32) -> Vec<Place> {
        if self.resting.len() > self.awake.len() {
            self.turn_at_rest(count).collect()
        } else {
            self.turn(count).collect()
        }
    }

    /// Whether the connection there is over, and when its last packet came.
    pub(super) fn silence(&self, place: Place) -> Option<(bool, Time)> {
        match place.at_rest() {
            None => {
                let flow = self.awake.get(place.0)?;
                Some((flow.is_over(), flow.last))
            }
            Some(place) => {
                let flow = self.resting.get(place)?;
                Some((flow.is_over(), flow.last))
            }
        }
    }

    /// Whether the flow there fell silent so long ago that it is over.
    pub(super) fn is_stale(&self, place: Place, now: Time) -> bool {
        self.key(place)
            .zip(self.silence(place))
            .is_some_and(|(key, (_, last))| crate::flow::is_long_ago(key.transport, last, now))
    }
}
