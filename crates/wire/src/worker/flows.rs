//! The flows under way: places that are used again, a hash table that finds them, and a mark on those that moved.
use hashbrown::HashTable;

use crate::flow::{Flow, Key};

/// The place of a flow. It holds as long as the flow is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place(u32);

impl Place {
    const fn segment(self) -> usize {
        (self.0 >> BITS) as usize
    }

    const fn within(self) -> usize {
        (self.0 & ((1 << BITS) - 1)) as usize
    }
}

/// Places are made so many at a time: what grows by doubling would hold all flows twice while it does. Large enough for
/// the system to give the memory, page by page as it is used, and to get it back: what is smaller than the largest that was
/// ever freed, such as an outgrown hash table, an allocator may cut out of what it keeps.
const BITS: u32 = 14;
const SEGMENT: usize = 1 << BITS;

/// Some places, and which of their flows had packets since they were last told.
struct Segment {
    flows: Vec<Option<Flow>>,
    moved: Vec<u64>,
}

impl Segment {
    fn move_mark(&mut self, within: usize) -> Option<(&mut u64, u64)> {
        Some((self.moved.get_mut(within / 64)?, 1 << (within % 64)))
    }
}

#[derive(Default)]
pub(super) struct Flows {
    segments: Vec<Segment>,
    free: Vec<Place>,
    table: HashTable<Place>,
    /// Where the search for flows that may go goes on.
    hand: u32,
    /// Where the packet before this one belonged: question and answer often come one after the other.
    lately: Option<Place>,
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

    #[inline]
    pub(super) fn get(&self, place: Place) -> Option<&Flow> {
        let segment = self.segments.get(place.segment())?;
        segment.flows.get(place.within())?.as_ref()
    }

    #[inline]
    pub(super) fn get_mut(&mut self, place: Place) -> Option<&mut Flow> {
        let segment = self.segments.get_mut(place.segment())?;
        segment.flows.get_mut(place.within())?.as_mut()
    }

    pub(super) fn find(&mut self, key: &Key) -> Option<Place> {
        let lately = self.lately.and_then(|place| self.get(place));
        if lately.is_some_and(|flow| flow.key == *key) {
            return self.lately;
        }
        let is_it = |place: &Place| self.get(*place).is_some_and(|flow| flow.key == *key);
        let found = *self.table.find(key.hash(self.seed), is_it)?;
        self.lately = Some(found);
        self.lately
    }

    /// A place without a flow; `None` where no more can be named.
    fn vacancy(&mut self) -> Option<Place> {
        if let Some(place) = self.free.pop() {
            return Some(place);
        }
        let full = |segment: &Segment| segment.flows.len() >= SEGMENT;
        if self.segments.last().is_none_or(full) {
            self.segments.push(Segment {
                flows: Vec::with_capacity(SEGMENT),
                moved: vec![0; SEGMENT / 64],
            });
        }
        let place = u32::try_from(self.places_made()).ok()?;
        self.segments.last_mut()?.flows.push(None);
        Some(Place(place))
    }

    /// Adds a flow whose key is not in the table yet; `None` where no more can be named.
    pub(super) fn add(&mut self, flow: Flow) -> Option<Place> {
        let hash = flow.key.hash(self.seed);
        let place = self.vacancy()?;
        let segment = self.segments.get_mut(place.segment())?;
        *segment.flows.get_mut(place.within())? = Some(flow);
        let Flows {
            table,
            segments,
            seed,
            ..
        } = self;
        // Growing asks every flow for its key: it comes too seldom to keep a hash for each.
        table.insert_unique(hash, place, |place| {
            let segment = segments.get(place.segment());
            let flow = segment.and_then(|segment| segment.flows.get(place.within())?.as_ref());
            flow.map_or(0, |flow| flow.key.hash(*seed))
        });
        Some(place)
    }

    pub(super) fn remove(&mut self, place: Place) -> Option<Flow> {
        let segment = self.segments.get_mut(place.segment())?;
        let flow = segment.flows.get_mut(place.within())?.take()?;
        let hash = flow.key.hash(self.seed);
        let entry = self.table.find_entry(hash, |found| *found == place);
        if let Ok(entry) = entry {
            entry.remove();
        }
        self.free.push(place);
        Some(flow)
    }

    /// The flow, which has something to tell by now.
    #[inline]
    pub(super) fn touch(&mut self, place: Place) -> Option<&mut Flow> {
        let segment = self.segments.get_mut(place.segment())?;
        let (word, mark) = segment.move_mark(place.within())?;
        *word |= mark;
        segment.flows.get_mut(place.within())?.as_mut()
    }

    /// The places that moved since this was asked last, in their order. Some may be empty by now.
    pub(super) fn moved(&mut self) -> Vec<Place> {
        let mut moved = Vec::new();
        for (place, word) in (0u32..).step_by(64).zip(
            self.segments
                .iter_mut()
                .flat_map(|segment| &mut segment.moved),
        ) {
            let mut marks = std::mem::take(word);
            while marks != 0 {
                moved.push(Place(place + marks.trailing_zeros()));
                marks &= marks - 1;
            }
        }
        moved
    }

    fn places_made(&self) -> usize {
        let last = self
            .segments
            .last()
            .map_or(0, |segment| segment.flows.len());
        self.segments.len().saturating_sub(1) * SEGMENT + last
    }

    fn all(&self) -> u32 {
        u32::try_from(self.places_made()).unwrap_or(u32::MAX)
    }

    /// Takes all flows out, in the order of places; their memory is given back on the way.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = Flow> + use<> {
        let Flows { segments, .. } = std::mem::take(self);
        segments
            .into_iter()
            .flat_map(|segment| segment.flows)
            .flatten()
    }

    /// The next `count` places, round and round: every place has its turn.
    pub(super) fn turn(&mut self, count: u32) -> impl Iterator<Item = Place> + use<> {
        let all = self.all();
        let from = self.hand;
        let count = count.min(all);
        self.hand = (from + count).checked_rem(all).unwrap_or(0);
        (0..count).map(move |nth| Place((from + nth).checked_rem(all).unwrap_or(0)))
    }
}
