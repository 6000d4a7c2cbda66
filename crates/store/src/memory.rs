//! What a running witness has told so far: the small facts of each interval, merged into those of the whole.
//!
//! Rows that speak of the same thing become one by the rules that each column declares ([`facts::merge`]). In whatever
//! intervals the facts came, together they are those of one run over everything. Each table has a limit; a full one lets
//! its oldest rows go, since the newest are those that somebody still has to be told of, and says so as coverage.
use std::hash::{BuildHasher, Hasher};

use facts::kinds::Coverage;
use facts::{Evidence, Facts, Kind, Time, Words, every_kind, in_order};
use hashbrown::{DefaultHashBuilder, HashMap, HashTable};

/// A full table lets so much of itself go at once: finding the oldest rows looks at all of them.
const SHARE: usize = 8;
/// Captures known by name: those that rows cite, and those told since rows were last forgotten.
const CAPTURES: usize = 1 << 18;

/// Rows of one kind, found by what tells them apart.
#[derive(Debug)]
struct Table<K> {
    rows: Vec<K>,
    /// Hash and place of each row. No result depends on the hash.
    index: HashTable<(u64, u32)>,
    hasher: DefaultHashBuilder,
    limit: usize,
    /// Rows let go, and the times of which they told.
    let_go: u64,
    let_go_first: Option<Time>,
    let_go_last: Option<Time>,
}

impl<K: Kind> Table<K> {
    fn new(limit: usize) -> Table<K> {
        Table {
            rows: Vec::new(),
            index: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
            limit: limit.clamp(1, u32::MAX as usize),
            let_go: 0,
            let_go_first: None,
            let_go_last: None,
        }
    }

    fn hash(&self, fact: &K) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        fact.hash_key(&mut hasher);
        hasher.finish()
    }

    fn absorb(&mut self, fact: K) {
        let hash = self.hash(&fact);
        let rows = &self.rows;
        let is_it = |(of, at): &(u64, u32)| {
            *of == hash && rows.get(*at as usize).is_some_and(|row| row.is_same(&fact))
        };
        if let Some((_, at)) = self.index.find(hash, is_it) {
            if let Some(row) = self.rows.get_mut(*at as usize) {
                row.merge(fact);
            }
            return;
        }
        if self.rows.len() >= self.limit {
            self.make_room();
        }
        if let Ok(at) = u32::try_from(self.rows.len()) {
            self.index.insert_unique(hash, (hash, at), |(of, _)| *of);
            self.rows.push(fact);
        }
    }

    /// Lets the rows go that ended first.
    fn make_room(&mut self) {
        let share = (self.limit / SHARE).max(1).min(self.rows.len());
        let mut ends: Vec<(Option<Time>, usize)> = self
            .rows
            .iter()
            .enumerate()
            .map(|(at, row)| (row.span().1, at))
            .collect();
        if share < ends.len() {
            ends.select_nth_unstable(share);
        }
        let mut goes = vec![false; ends.len()];
        for (_, at) in ends.into_iter().take(share) {
            if let Some(goes) = goes.get_mut(at) {
                *goes = true;
            }
        }
        let (mut first, mut last) = (self.let_go_first, self.let_go_last);
        let mut goes = goes.into_iter();
        self.retain(|row| {
            let goes = goes.next() == Some(true);
            if goes {
                let (begin, end) = row.span();
                first = first.into_iter().chain(begin).min();
                last = last.into_iter().chain(end).max();
            }
            !goes
        });
        self.let_go = self.let_go.saturating_add(share as u64);
        (self.let_go_first, self.let_go_last) = (first, last);
    }

    /// Keeps the rows that `keep` wants, and finds the others no more.
    fn retain(&mut self, keep: impl FnMut(&K) -> bool) {
        let before = self.rows.len();
        self.rows.retain(keep);
        if self.rows.len() != before {
            self.find_anew();
        }
    }

    /// Rows stand elsewhere now.
    fn find_anew(&mut self) {
        self.index.clear();
        for at in 0..self.rows.len() {
            let Some(hash) = self.rows.get(at).map(|row| self.hash(row)) else {
                continue;
            };
            let Ok(place) = u32::try_from(at) else {
                continue;
            };
            self.index.insert_unique(hash, (hash, place), |(of, _)| *of);
        }
    }

    fn forget(&mut self, before: Time) {
        self.retain(|row| row.span().1.is_none_or(|last| last >= before));
        self.forgive(before);
    }

    /// What was let go is no loss any more once it would have been forgotten anyway.
    fn forgive(&mut self, before: Time) {
        if self.let_go_last.is_none_or(|last| last < before) {
            (self.let_go, self.let_go_first, self.let_go_last) = (0, None, None);
        }
    }

    /// Takes the rows out, in order; to be put back.
    fn take(&mut self) -> Vec<K> {
        in_order(&mut self.rows);
        self.find_anew();
        std::mem::take(&mut self.rows)
    }

    fn in_order(&self) -> Vec<K>
    where
        K: Clone,
    {
        let mut rows = self.rows.clone();
        in_order(&mut rows);
        rows
    }

    fn coverage(&self, name: &str) -> Option<Coverage> {
        let name = format!("remembered {}", name.replace('_', " "));
        let (first, last) = (self.let_go_first, self.let_go_last);
        let row = Coverage::limit(&name, first, last, self.rows.len() as u64, self.let_go);
        (self.let_go > 0).then_some(row)
    }
}

/// The captures that facts cite, each by its place in the list.
#[derive(Debug, Default)]
struct Captures {
    names: Vec<String>,
    places: HashMap<String, u32>,
}

impl Captures {
    fn place(&mut self, name: &str) -> Option<u32> {
        if let Some(place) = self.places.get(name) {
            return Some(*place);
        }
        let place = u32::try_from(self.names.len()).ok()?;
        if self.names.len() >= CAPTURES {
            return None;
        }
        self.names.push(name.to_owned());
        self.places.insert(name.to_owned(), place);
        Some(place)
    }

    /// Keeps those that are `cited`, in their order, and tells where each stands now.
    fn compact(&mut self, cited: &[bool]) -> Vec<Option<u32>> {
        let old = std::mem::take(self);
        let names = old.names.into_iter().zip(cited);
        names
            .map(|(name, cited)| cited.then(|| self.place(&name)).flatten())
            .collect()
    }
}

/// Says where the capture stands now. One that has no place shows nothing any more.
fn moved(evidence: &mut Evidence, places: &[Option<u32>]) {
    let place = |capture: u32| places.get(capture as usize).copied().flatten();
    evidence.capture = evidence.capture.and_then(place);
    if evidence.capture.is_none() {
        evidence.frames.clear();
    }
}

macro_rules! memory {
    ($($field:ident : $kind:ty,)*) => {
        /// How many rows of each kind may be remembered.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct Limits { $(
            /// Most rows of that kind.
            pub $field: usize,
        )* }

        impl Limits {
            fn map(&self, each: impl Fn(usize) -> usize) -> Limits {
                Limits { $($field: each(self.$field),)* }
            }
        }

        #[derive(Debug)]
        struct Tables { $($field: Table<$kind>,)* }

        /// Everything told so far, up to a limit.
        #[derive(Debug)]
        pub struct Memory {
            captures: Captures,
            tables: Tables,
            words: Words,
        }

        impl Memory {
            /// Remembers nothing yet; each table goes up to its limit.
            pub fn new(limits: &Limits) -> Memory {
                let tables = Tables { $($field: Table::new(limits.$field),)* };
                Memory { captures: Captures::default(), tables, words: Words::default() }
            }

            /// Takes over what was told of an interval: facts as a witness gives them, not folded. What was told last
            /// counts as the newest.
            pub fn absorb(&mut self, told: Facts) {
                let places: Vec<_> = told.captures.iter().map(|name| self.captures.place(name)).collect();
                $(if <$kind as Kind>::WITNESSED {
                    for mut fact in told.$field {
                        moved(fact.evidence_mut(), &places);
                        // Each report brings its own words: those kept are shared with what is here already.
                        fact.share(&mut self.words);
                        self.tables.$field.absorb(fact);
                    }
                })*
            }

            /// Everything remembered, in the order in which one run over everything would give it.
            pub fn facts(&self) -> Facts {
                let mut facts = self.rows();
                facts.coverage.extend(self.let_go());
                facts
            }

            /// Lends what [`Memory::facts`] copies, to be folded and judged in place. Folding works its columns out anew
            /// each time, so they may stay; what it adds does not.
            pub fn lend<T>(&mut self, judge: impl FnOnce(&mut Facts) -> T) -> T {
                let let_go = self.let_go();
                let mut facts = Facts {
                    captures: std::mem::take(&mut self.captures.names),
                    $($field: self.tables.$field.take(),)*
                };
                let (files, coverage) = (facts.files.clone(), facts.coverage.clone());
                let oddities = facts.oddities.len();
                facts.coverage.extend(let_go);
                let done = judge(&mut facts);
                facts.assets.clear();
                facts.oddities.truncate(oddities);
                (facts.files, facts.coverage) = (files, coverage);
                self.captures.names = facts.captures;
                $(self.tables.$field.rows = facts.$field;)*
                done
            }

            /// Everything told, without what the memory says of itself.
            pub(crate) fn rows(&self) -> Facts {
                Facts {
                    captures: self.captures.names.clone(),
                    $($field: self.tables.$field.in_order(),)*
                }
            }

            /// Which tables had to let rows go, as coverage.
            pub fn let_go(&self) -> Vec<Coverage> {
                let rows = [$(self.tables.$field.coverage(stringify!($field)),)*];
                rows.into_iter().flatten().collect()
            }

            /// Rows held, by kind.
            pub fn held(&self) -> Vec<(&'static str, usize)> {
                vec![$((<$kind as Kind>::INFO.name, self.tables.$field.rows.len()),)*]
            }

            /// Forgets what ended before that time, and the captures that nothing cites any more.
            pub fn forget(&mut self, before: Time) {
                // A capture is remembered as long as a fact cites it, however old it is.
                let mut files = std::mem::replace(&mut self.tables.files, Table::new(0));
                $(self.tables.$field.forget(before);)*
                let cited = self.cited();
                let is_cited = |capture: u32| cited.get(capture as usize) == Some(&true);
                files.retain(|file| {
                    file.last.is_none_or(|last| last >= before) || file.evidence.capture.is_some_and(is_cited)
                });
                files.forgive(before);
                self.tables.files = files;
                let cited = self.cited();
                let places = self.captures.compact(&cited);
                $(for fact in &mut self.tables.$field.rows {
                    moved(fact.evidence_mut(), &places);
                })*
            }

            /// Which captures the rows cite.
            fn cited(&self) -> Vec<bool> {
                let mut cited = vec![false; self.captures.names.len()];
                $(for fact in &self.tables.$field.rows {
                    let place = fact.evidence().capture.and_then(|capture| cited.get_mut(capture as usize));
                    if let Some(place) = place {
                        *place = true;
                    }
                })*
                cited
            }
        }
    };
}
every_kind!(memory);

impl Memory {
    /// Rows of operations held.
    pub fn operations(&self) -> usize {
        self.tables.operations.rows.len()
    }
}

impl Limits {
    /// A part of it, for what is held beside.
    #[must_use]
    pub fn share(&self, of: usize) -> Limits {
        self.map(|rows| rows / of.max(1))
    }
}

impl Default for Limits {
    /// For a small box: some 600 MB when every table is full.
    fn default() -> Limits {
        Limits {
            assets: 0,
            addresses: 1 << 16,
            conversations: 1 << 18,
            operations: 1 << 18,
            carried_files: 1 << 16,
            names: 1 << 17,
            remote_sessions: 1 << 16,
            credentials: 1 << 14,
            certificates: 1 << 13,
            identities: 1 << 16,
            routes: 1 << 14,
            coverage: 1 << 14,
            oddities: 1 << 14,
            files: 1 << 16,
        }
    }
}
