//! Places that are used again, made many at a time, each with a mark on whether something is new there.

/// Places are made so many at a time: what grows by doubling would hold everything twice while it does. Large enough for
/// the system to give the memory, page by page as it is used, and to get it back: what is smaller than the largest that was
/// ever freed, such as an outgrown hash table, an allocator may cut out of what it keeps.
const BITS: u32 = 15;
const SEGMENT: usize = 1 << BITS;

const fn segment_of(place: u32) -> usize {
    (place >> BITS) as usize
}

const fn within(place: u32) -> usize {
    (place & ((1 << BITS) - 1)) as usize
}

struct Segment<T> {
    all: Vec<Option<T>>,
    /// A bit for each place.
    marks: Vec<u64>,
    /// Places in use.
    used: usize,
}

impl<T> Segment<T> {
    fn mark(&mut self, within: usize) -> Option<(&mut u64, u64)> {
        Some((self.marks.get_mut(within / 64)?, 1 << (within % 64)))
    }
}

pub(super) struct Slab<T> {
    segments: Vec<Segment<T>>,
    free: Vec<u32>,
    /// Where the next turn goes on.
    hand: u32,
}

impl<T> Default for Slab<T> {
    fn default() -> Slab<T> {
        Slab {
            segments: Vec::new(),
            free: Vec::new(),
            hand: 0,
        }
    }
}

impl<T> Slab<T> {
    #[inline]
    pub(super) fn get(&self, place: u32) -> Option<&T> {
        let segment = self.segments.get(segment_of(place))?;
        segment.all.get(within(place))?.as_ref()
    }

    #[inline]
    pub(super) fn get_mut(&mut self, place: u32) -> Option<&mut T> {
        let segment = self.segments.get_mut(segment_of(place))?;
        segment.all.get_mut(within(place))?.as_mut()
    }

    /// As [`Slab::get_mut`], and marks the place.
    #[inline]
    pub(super) fn touch(&mut self, place: u32) -> Option<&mut T> {
        let segment = self.segments.get_mut(segment_of(place))?;
        let (word, mark) = segment.mark(within(place))?;
        *word |= mark;
        segment.all.get_mut(within(place))?.as_mut()
    }

    /// A place for one more, below `most`; `None` where there is none.
    pub(super) fn vacancy(&mut self, most: u32) -> Option<u32> {
        let place = match self.free.pop() {
            Some(place) => place,
            None => self.make()?,
        };
        (place < most).then_some(place)
    }

    /// Fills a vacancy.
    pub(super) fn put(&mut self, place: u32, one: T, marked: bool) {
        let Some(segment) = self.segments.get_mut(segment_of(place)) else {
            return;
        };
        if let Some(there) = segment.all.get_mut(within(place)) {
            *there = Some(one);
            segment.used += 1;
        }
        if marked && let Some((word, mark)) = segment.mark(within(place)) {
            *word |= mark;
        }
    }

    fn make(&mut self) -> Option<u32> {
        let full = |segment: &Segment<T>| segment.all.len() >= SEGMENT;
        if self.segments.last().is_none_or(full) {
            self.segments.push(Segment {
                all: Vec::with_capacity(SEGMENT),
                marks: vec![0; SEGMENT / 64],
                used: 0,
            });
        }
        let place = u32::try_from(self.made()).ok()?;
        self.segments.last_mut()?.all.push(None);
        Some(place)
    }

    /// What is there, and whether it was marked.
    pub(super) fn remove(&mut self, place: u32) -> Option<(T, bool)> {
        let segment = self.segments.get_mut(segment_of(place))?;
        let one = segment.all.get_mut(within(place))?.take()?;
        segment.used = segment.used.saturating_sub(1);
        let (word, mark) = segment.mark(within(place))?;
        let marked = *word & mark != 0;
        *word &= !mark;
        self.free.push(place);
        Some((one, marked))
    }

    /// As [`Slab::remove`], where nothing is added any more: memory is given back on the way.
    pub(super) fn take_out(&mut self, place: u32) -> Option<T> {
        let (one, _) = self.remove(place)?;
        let segment = self.segments.get_mut(segment_of(place))?;
        if segment.used == 0 {
            segment.all = Vec::new();
        }
        Some(one)
    }

    /// The marked places, in their order, which bear no mark any more.
    pub(super) fn take_marks(&mut self) -> Vec<u32> {
        let mut marked = Vec::new();
        let words = self
            .segments
            .iter_mut()
            .flat_map(|segment| &mut segment.marks);
        for (place, word) in (0u32..).step_by(64).zip(words) {
            let mut marks = std::mem::take(word);
            while marks != 0 {
                marked.push(place + marks.trailing_zeros());
                marks &= marks - 1;
            }
        }
        marked
    }

    fn made(&self) -> usize {
        let last = self.segments.last().map_or(0, |segment| segment.all.len());
        self.segments.len().saturating_sub(1) * SEGMENT + last
    }

    pub(super) fn len(&self) -> usize {
        self.made().saturating_sub(self.free.len())
    }

    /// The next `count` places, round and round: every place has its turn. Some may be empty.
    pub(super) fn turn(&mut self, count: u32) -> impl Iterator<Item = u32> + use<T> {
        let all = u32::try_from(self.made()).unwrap_or(u32::MAX);
        let from = self.hand;
        let count = count.min(all);
        self.hand = (from + count).checked_rem(all).unwrap_or(0);
        (0..count).map(move |nth| (from + nth).checked_rem(all).unwrap_or(0))
    }

    /// All there is, with its place, in the order of places.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        let all = self.segments.iter().flat_map(|segment| &segment.all);
        (0u32..)
            .zip(all)
            .filter_map(|(place, one)| Some((place, one.as_ref()?)))
    }

    /// All there is, in the order of places; its memory is given back on the way.
    pub(super) fn drain(self) -> impl Iterator<Item = T> {
        let segments = self.segments.into_iter();
        segments.flat_map(|segment| segment.all).flatten()
    }
}
