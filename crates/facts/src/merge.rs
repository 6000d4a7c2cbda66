//! How rows that speak of the same thing become one.
//!
//! A live sensor tells what it saw second by second, and a history keeps it by day. So each column says, where its kind is
//! declared ([`kind!`](macro@crate::kind)), what becomes of it when its row is told again: `packets: u64 => sum`. A column
//! that says nothing is part of the key. The rules are the same in memory and in the SQL of a day's file, and give the
//! same row whatever the pieces it came in.
use crate::{Evidence, Time};

/// What becomes of a column when its row is told again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merge {
    /// Tells rows apart.
    Key,
    /// The lower of both; what is known beats what is not. `first` of times, `least` of numbers.
    Least,
    /// The higher of both; what is known beats what is not. `last` of times, `any` of flags.
    Most,
    /// Both together.
    Sum,
    /// The newer.
    Latest,
    /// That of the row which began first.
    Opening,
    /// Each of both once, sorted, the first [`JOINED`].
    Join,
    /// Nothing: it is worked out against the site each time, and neither merged nor kept.
    Judged,
}

/// Values kept of a list that grows by merging.
pub const JOINED: usize = 16;

impl Merge {
    /// The rule of a column. Its doc line decides first: one that begins with "Judged:" is worked out, whatever its rule.
    pub const fn of(doc: &str, rule: Merge) -> Merge {
        let (doc, judged) = (doc.as_bytes(), " Judged:".as_bytes());
        let Some((head, _)) = doc.split_at_checked(judged.len()) else {
            return rule;
        };
        let mut at = 0;
        while at < judged.len() {
            match (head.split_at_checked(at), judged.split_at_checked(at)) {
                (Some((_, [a, ..])), Some((_, [b, ..]))) if *a == *b => at += 1,
                _ => return rule,
            }
        }
        Merge::Judged
    }

    /// Whether the column tells rows apart.
    pub const fn is_key(self) -> bool {
        matches!(self, Merge::Key)
    }

    /// Whether the column is worked out anew each time, and neither merged nor kept.
    pub const fn is_judged(self) -> bool {
        matches!(self, Merge::Judged)
    }
}

/// Values of which one may be the lower. Of an optional value the known one counts.
pub trait Extent: Sized {
    /// Leaves the lower of both in place.
    fn least(&mut self, other: Self);
    /// Leaves the higher of both in place.
    fn most(&mut self, other: Self);
}

macro_rules! extents {
    ($($ty:ty)*) => {$(
        impl Extent for $ty {
            fn least(&mut self, other: Self) {
                *self = (*self).min(other);
            }
            fn most(&mut self, other: Self) {
                *self = (*self).max(other);
            }
        }
    )*};
}
extents! { bool u8 u64 Time }

impl<T: Extent> Extent for Option<T> {
    fn least(&mut self, other: Self) {
        match (self, other) {
            (Some(one), Some(two)) => one.least(two),
            (none, two) => *none = none.take().or(two),
        }
    }
    fn most(&mut self, other: Self) {
        match (self, other) {
            (Some(one), Some(two)) => one.most(two),
            (none, two) => *none = none.take().or(two),
        }
    }
}

/// Adds a count; it stays at the highest number rather than run over.
pub fn sum(into: &mut u64, other: u64) {
    *into = into.saturating_add(other);
}

/// Takes in the values of both lists: each once, sorted, the first [`JOINED`].
pub fn join<T: Ord>(into: &mut Vec<T>, other: Vec<T>) {
    into.extend(other);
    into.sort_unstable();
    into.dedup();
    into.truncate(JOINED);
}

impl Evidence {
    /// The evidence of the earlier capture; of the same one the lowest frames of both.
    pub fn merge(&mut self, other: Evidence) {
        match (self.capture, other.capture) {
            (Some(one), Some(two)) if one == two => {
                let mut frames = [&*self.frames, &*other.frames].concat();
                frames.sort_unstable();
                frames.dedup();
                frames.truncate(Evidence::MOST);
                self.frames = frames.into();
            }
            (Some(one), Some(two)) if one < two => {}
            (Some(_), None) => {}
            (_, _) => *self = other,
        }
    }
}

/// The rule that a word stands for.
#[doc(hidden)]
#[macro_export]
macro_rules! merge_rule {
    (key) => {
        $crate::merge::Merge::Key
    };
    (first) => {
        $crate::merge::Merge::Least
    };
    (last) => {
        $crate::merge::Merge::Most
    };
    (least) => {
        $crate::merge::Merge::Least
    };
    (any) => {
        $crate::merge::Merge::Most
    };
    (sum) => {
        $crate::merge::Merge::Sum
    };
    (latest) => {
        $crate::merge::Merge::Latest
    };
    (opening) => {
        $crate::merge::Merge::Opening
    };
    (join) => {
        $crate::merge::Merge::Join
    };
    (judged) => {
        $crate::merge::Merge::Judged
    };
    // A column's own word goes before that of its kind.
    ($usual:ident $own:ident) => {
        $crate::merge_rule!($own)
    };
}

/// Merges one column by its rule. `$opens`: whether the other row began first.
#[doc(hidden)]
#[macro_export]
macro_rules! merge_column {
    (key: $into:expr, $other:expr, $opens:ident) => {};
    (judged: $into:expr, $other:expr, $opens:ident) => {};
    (first: $into:expr, $other:expr, $opens:ident) => {
        $crate::merge::Extent::least(&mut $into, $other)
    };
    (last: $into:expr, $other:expr, $opens:ident) => {
        $crate::merge::Extent::most(&mut $into, $other)
    };
    (least: $into:expr, $other:expr, $opens:ident) => {
        $crate::merge::Extent::least(&mut $into, $other)
    };
    (any: $into:expr, $other:expr, $opens:ident) => {
        $crate::merge::Extent::most(&mut $into, $other)
    };
    (sum: $into:expr, $other:expr, $opens:ident) => {
        $crate::merge::sum(&mut $into, $other)
    };
    (latest: $into:expr, $other:expr, $opens:ident) => {
        $into = $other
    };
    (opening: $into:expr, $other:expr, $opens:ident) => {
        if $opens {
            $into = $other;
        }
    };
    (join: $into:expr, $other:expr, $opens:ident) => {
        $crate::merge::join(&mut $into, $other)
    };
    ($usual:ident $own:ident: $into:expr, $other:expr, $opens:ident) => {
        $crate::merge_column!($own: $into, $other, $opens)
    };
}

#[test]
fn a_column_that_is_judged_says_so_in_its_doc() {
    let of = |doc| Merge::of(doc, Merge::Sum);
    assert_eq!(of(" Judged: zone of the client."), Merge::Judged);
    assert_eq!(of(" Judge of it."), Merge::Sum);
    assert_eq!(of(" J"), Merge::Sum);
}

#[test]
fn what_is_known_beats_what_is_not() {
    let mut hops = None;
    hops.least(Some(3u8));
    hops.least(None);
    hops.least(Some(5));
    assert_eq!(hops, Some(3));
    let mut answered = Some(false);
    answered.most(None);
    assert_eq!(answered, Some(false));
    answered.most(Some(true));
    assert_eq!(answered, Some(true));
}
