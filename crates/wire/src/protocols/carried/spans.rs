//! Which bytes of a file were seen.

/// Stretches of one file that are told apart. Beyond that a stretch is left out: its bytes count as not seen.
const MOST_SPANS: usize = 256;

/// Stretches `[begin, end)`, in order and apart from each other.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Spans(Vec<(u64, u64)>);

impl Spans {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn add(&mut self, begin: u64, end: u64) {
        if begin >= end {
            return;
        }
        // Nearly always what comes next.
        if let Some((_, last)) = self.0.last_mut()
            && *last == begin
        {
            *last = end;
            return;
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
            if self.0.len() < MOST_SPANS {
                self.0.insert(first, joined);
            }
            return;
        }
        self.0.splice(first..behind, [joined]);
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
    let pieces = [(0, 10), (10, 20), (15, 30), (40, 50), (30, 40), (5, 12)];
    for turn in 0..pieces.len() {
        let mut spans = Spans::default();
        for nth in 0..pieces.len() {
            let (from, to) = pieces[(nth + turn) % pieces.len()];
            spans.add(from, to);
        }
        assert_eq!(spans.0, [(0, 50)], "begun with {turn}");
    }
    let mut spans = Spans::default();
    spans.add(0, 10);
    spans.add(20, 30);
    assert!(!spans.covers(30) && !spans.touch(10, 20) && spans.touch(9, 11));
    assert_eq!((spans.bytes(), spans.end()), (20, 30));
}

#[test]
fn scattered_pieces_stay_bounded() {
    let mut spans = Spans::default();
    for nth in 0..10_000 {
        spans.add(nth * 10, nth * 10 + 1);
    }
    assert_eq!(spans.0.len(), MOST_SPANS);
    assert!(!spans.covers(spans.end()));
}
