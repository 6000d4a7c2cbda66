//! The flows under way: places that are used again, a hash table that finds them, and a list of those that moved.
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use crate::flow::{Flow, Key};

/// The place of a flow. It holds as long as the flow is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place(u32);

/// What the hash table holds: with the hash beside it, neither growth nor most comparisons touch a flow.
struct Found {
    hash: u32,
    place: Place,
}

impl Found {
    /// The table wants its bits spread over the whole word.
    const fn spread(hash: u32) -> u64 {
        (hash as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
}

#[derive(Default)]
struct Slot {
    flow: Option<Flow>,
    /// Stands in the list of what moved.
    moved: bool,
}

pub(super) struct Flows {
    slots: Vec<Slot>,
    free: Vec<Place>,
    table: HashTable<Found>,
    /// Places whose flows had packets since they were last told, each once.
    moved: Vec<Place>,
    /// Where the search for flows that may go goes on.
    hand: u32,
    /// Where the packet before this one belonged: question and answer often come one after the other.
    lately: Option<Place>,
    /// Salt of the table: unknown to whoever sends packets, without influence on any result.
    seed: u64,
}

impl Flows {
    pub(super) const fn new(seed: u64) -> Flows {
        Flows {
            slots: Vec::new(),
            free: Vec::new(),
            table: HashTable::new(),
            moved: Vec::new(),
            hand: 0,
            lately: None,
            seed,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    pub(super) fn get(&self, place: Place) -> Option<&Flow> {
        self.slots.get(place.0 as usize)?.flow.as_ref()
    }

    pub(super) fn get_mut(&mut self, place: Place) -> Option<&mut Flow> {
        self.slots.get_mut(place.0 as usize)?.flow.as_mut()
    }

    #[allow(clippy::cast_possible_truncation, reason = "half of a hash is a hash")]
    fn hash(&self, key: &Key) -> u32 {
        key.hash(self.seed) as u32
    }

    pub(super) fn find(&mut self, key: &Key) -> Option<Place> {
        let lately = self.lately.and_then(|place| self.get(place));
        if lately.is_some_and(|flow| flow.key == *key) {
            return self.lately;
        }
        let hash = self.hash(key);
        let is_it = |found: &Found| {
            found.hash == hash && self.get(found.place).is_some_and(|flow| flow.key == *key)
        };
        let found = self.table.find(Found::spread(hash), is_it)?;
        self.lately = Some(found.place);
        self.lately
    }

    /// Adds a flow whose key is not in the table yet; `None` where no more can be named.
    pub(super) fn add(&mut self, flow: Flow) -> Option<Place> {
        let hash = self.hash(&flow.key);
        let place = match self.free.pop() {
            Some(place) => place,
            None => {
                let place = Place(u32::try_from(self.slots.len()).ok()?);
                self.slots.push(Slot::default());
                place
            }
        };
        self.slots.get_mut(place.0 as usize)?.flow = Some(flow);
        self.table
            .insert_unique(Found::spread(hash), Found { hash, place }, |found| {
                Found::spread(found.hash)
            });
        Some(place)
    }

    pub(super) fn remove(&mut self, place: Place) -> Option<Flow> {
        let flow = self.slots.get_mut(place.0 as usize)?.flow.take()?;
        let hash = self.hash(&flow.key);
        let entry = self.table.entry(
            Found::spread(hash),
            |found| found.place == place,
            |found| Found::spread(found.hash),
        );
        if let Entry::Occupied(entry) = entry {
            entry.remove();
        }
        self.free.push(place);
        Some(flow)
    }

    /// The flow, which has something to tell by now.
    pub(super) fn touch(&mut self, place: Place) -> Option<&mut Flow> {
        let slot = self.slots.get_mut(place.0 as usize)?;
        if !slot.moved {
            slot.moved = true;
            self.moved.push(place);
        }
        slot.flow.as_mut()
    }

    /// The places that moved since this was asked last. Some may be empty by now.
    pub(super) fn moved(&mut self) -> Vec<Place> {
        let moved = std::mem::take(&mut self.moved);
        for place in &moved {
            if let Some(slot) = self.slots.get_mut(place.0 as usize) {
                slot.moved = false;
            }
        }
        moved
    }

    /// All places, in their order.
    pub(super) fn places(&self) -> impl Iterator<Item = Place> + use<> {
        (0..u32::try_from(self.slots.len()).unwrap_or(u32::MAX)).map(Place)
    }

    /// The next `count` places, round and round: every place has its turn.
    pub(super) fn turn(&mut self, count: u32) -> impl Iterator<Item = Place> + use<> {
        let all = u32::try_from(self.slots.len()).unwrap_or(u32::MAX);
        let from = self.hand;
        let count = count.min(all);
        self.hand = (from + count).checked_rem(all).unwrap_or(0);
        (0..count).map(move |nth| Place((from + nth).checked_rem(all).unwrap_or(0)))
    }
}
