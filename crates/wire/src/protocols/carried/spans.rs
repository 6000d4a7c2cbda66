//! Which bytes of a file were seen.
use super::{Budget, Share};

/// Stretches of one file that are told apart. Beyond that a stretch is left out: its bytes count as not seen.
const MOST_SPANS: usize = 256;
/// Stretches that need no share of the budget: more has a file only that comes in disorder, or is made to cost memory.
const FREE: usize = 8;
/// Stretches by which the room grows, and the bytes of each: a list that grows has up to twice what it holds.
const STEP: usize = 8;
const STRETCH: usize = 2 * size_of::<(u64, u64)>();

/// Stretches `[begin, end)`, in order and apart from each other.
#[derive(Debug, Default)]
pub(super) struct Spans(Vec<(u64, u64)>, Option<Share>);

impl Spans {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether there is room for one more.
    fn has_room(&mut self, budget: &Budget) -> bool {
        let taken = self.1.as_ref().map_or(0, |share| share.bytes / STRETCH);
        if self.0.len() < FREE + taken {
            return true;
        }
        if self.0.len() >= MOST_SPANS {
            return false;
        }
        match &mut self.1 {
            Some(share) => share.grow(STEP * STRETCH),
            none => {
                *none = budget.take(STEP * STRETCH);
                none.is_some()
            }
        }
    }

    /// `false`: there was no room for it, and it counts as not seen.
    pub(super) fn add(&mut self, budget: &Budget, begin: u64, end: u64) -> bool {
        if begin >= end {
            return true;
        }
        // Nearly always what comes next.
        if let Some((_, last)) = self.0.last_mut()
            && *last == begin
        {
            *last = end;
            return true;
        }
        let first = self.0.partition_point(|(_, to)| *to < begin);
        let mut joined = (begin, end);
        let mut behind = first;
        while let Some((from, to)) = self.0.get(behind)
            && *from <= end
        {
            joined = (joined.0.min(*from), joined.1.max(*to));
            behind += 1;
        }
        if first == behind {
            let room = self.has_room(budget);
            if room {
                self.0.insert(first, joined);
            }
            return room;
        }
        self.0.splice(first..behind, [joined]);
        true
    }

    /// Whether any byte of the stretch was seen before.
    pub(super) fn touch(&self, begin: u64, end: u64) -> bool {
        let first = self.0.partition_point(|(_, to)| *to <= begin);
        self.0.get(first).is_some_and(|(from, _)| *from < end)
    }

    pub(super) fn bytes(&self) -> u64 {
        self.0.iter().map(|(from, to)| to - from).sum()
    }

    /// Where the last stretch ends.
    pub(super) fn end(&self) -> u64 {
        self.0.last().map_or(0, |(_, to)| *to)
    }

    /// Every byte of a file of that size was seen, and none behind it.
    pub(super) fn covers(&self, size: u64) -> bool {
        match self.0.as_slice() {
            [] => size == 0,
            [(0, to)] => *to == size,
            _ => false,
        }
    }
}

#[test]
fn stretches_join_in_any_order() {
    let budget = Budget::default();
    let pieces = [(0, 10), (10, 20), (15, 30), (40, 50), (30, 40), (5, 12)];
    for turn in 0..pieces.len() {
        let mut spans = Spans::default();
        for nth in 0..pieces.len() {
            let (from, to) = pieces[(nth + turn) % pieces.len()];
            spans.add(&budget, from, to);
        }
        assert_eq!(spans.0, [(0, 50)], "begun with {turn}");
    }
    let mut spans = Spans::default();
    spans.add(&budget, 0, 10);
    spans.add(&budget, 20, 30);
    assert!(!spans.covers(30) && !spans.touch(10, 20) && spans.touch(9, 11));
    assert_eq!((spans.bytes(), spans.end()), (20, 30));
}

#[test]
fn scattered_pieces_stay_bounded() {
    let budget = Budget::default();
    let mut spans = Spans::default();
    for nth in 0..10_000 {
        spans.add(&budget, nth * 10, nth * 10 + 1);
    }
    assert_eq!(spans.0.len(), MOST_SPANS);
    assert!(!spans.covers(spans.end()));
}

#[test]
fn scattered_pieces_of_many_files_share_one_budget() {
    let budget = Budget::default();
    let mut files = Vec::new();
    let mut refused = 0;
    for _ in 0..4096 {
        let mut spans = Spans::default();
        for nth in 0..MOST_SPANS as u64 {
            refused += u64::from(!spans.add(&budget, nth * 10, nth * 10 + 1));
        }
        files.push(spans);
    }
    let noted: usize = files.iter().map(|spans| spans.0.len()).sum();
    assert!(noted * STRETCH <= super::MOST_KEPT + files.len() * FREE * STRETCH);
    assert_eq!(noted as u64 + refused, 4096 * MOST_SPANS as u64);
    drop(files);
    let mut spans = Spans::default();
    let fits = |nth: u64| spans.add(&budget, nth * 10, nth * 10 + 1);
    assert!((0..MOST_SPANS as u64).all(fits), "given back");
}
