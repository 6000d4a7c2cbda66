//! The entries in memory: lines read on all cores, each part followed along the chain, and the parts then held together.
use std::collections::BTreeMap;
use std::hash::BuildHasher;
use std::ops::Range;

use facts::Time;
use hashbrown::{DefaultHashBuilder, HashSet, HashTable};
use memchr::memchr;

use super::entry::Entry;
use super::hash::Hash;
use super::lines::{self, BEFORE_BODY, Ends, Item, Last, Line, Links, Run};

/// Most entries of a ledger. Each takes its line and some 60 bytes of memory.
pub const MOST_ENTRIES: usize = 20_000_000;

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Flaw {
    /// Line of `ledger.jsonl`, from 1.
    pub(super) line: u64,
    pub(super) what: String,
}

/// Of which time records are asked for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Asked {
    /// What holds then.
    At(Time),
    /// The last versions, of whatever time they tell. A withdrawal counts once its time has come by `now`.
    Any { now: Time },
}

/// Records of one kind of which something is not as it was.
#[derive(Clone, Debug, Default)]
pub(crate) struct Turned {
    pub(crate) ids: Vec<String>,
    /// Where those that stand now lie in the ledger.
    pub(crate) standing: Vec<usize>,
}

/// Of an entry what a table of records needs of each, without a look at the rest of its line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Brief<'a> {
    pub(crate) seq: u64,
    pub(crate) id: &'a str,
    pub(crate) body: &'a str,
    pub(crate) by: &'a str,
    pub(crate) hash: Hash,
    pub(crate) recorded_at: Time,
}

/// Every entry, by place in the ledger and by kind and id.
#[derive(Debug)]
pub(super) struct Book {
    text: Vec<u8>,
    items: Vec<Item>,
    /// Indexes of the last versions.
    latest: HashTable<u32>,
    /// Every kind, by its number.
    kinds: Vec<Box<[u8]>>,
    kind_numbers: BTreeMap<Box<[u8]>, u32>,
    hasher: DefaultHashBuilder,
    last: Last,
    lines: u64,
    /// Versions are not counted on where something is missing.
    counts: bool,
}

impl Default for Book {
    fn default() -> Book {
        Book {
            text: Vec::new(),
            items: Vec::new(),
            latest: HashTable::new(),
            kinds: Vec::new(),
            kind_numbers: BTreeMap::new(),
            hasher: DefaultHashBuilder::default(),
            last: Last {
                seq: 0,
                hashes: Some((Hash::default(), Hash::default())),
                time: Time::MIN,
            },
            lines: 0,
            counts: true,
        }
    }
}

impl Book {
    /// An empty one that goes on where this ends: what it reads has to follow on that. Versions are not counted in it.
    pub(super) fn continued(&self) -> Book {
        Book {
            last: self.last,
            lines: self.lines,
            counts: false,
            ..Book::default()
        }
    }

    /// Reads the lines that follow. With `strict`, also whether each is canonical.
    pub(super) fn extend(&mut self, bytes: Vec<u8>, strict: bool) -> Vec<Flaw> {
        let runs = lines::in_parts(&bytes, |part, base| {
            lines::read_run(part, base, strict, &self.hasher)
        });
        let runs: Option<Vec<Run>> = runs.into_iter().map(Option::flatten).collect();
        if let Some(runs) = runs.filter(|runs| self.is_followed_by(runs)) {
            let base = self.take_text(bytes);
            self.make_room(runs.iter().map(|run| run.items.len()).sum());
            let runs = runs.into_iter();
            return runs.flat_map(|run| self.take_run(run, base)).collect();
        }
        // Something is wrong: what it is, is found line by line.
        let lost = || vec![Err("it could not be read: a thread ended".to_owned())];
        let read = lines::in_parts(&bytes, |part, base| {
            lines::read_part(part, base, strict, &self.hasher)
        });
        // A thread that ended badly would have taken lines with it: never seen, and never passed over.
        let read: Vec<Vec<Line>> = read
            .into_iter()
            .map(|lines| lines.unwrap_or_else(lost))
            .collect();
        let base = self.take_text(bytes);
        let count = read.iter().map(Vec::len).sum();
        self.make_room(count);
        let mut flaws = Vec::new();
        for line in read.into_iter().flatten() {
            self.lines += 1;
            let flaw = match line {
                Ok((mut item, links)) => {
                    item.start += base;
                    item.of_kind = self.number(&item);
                    self.follow(item, links)
                }
                Err(what) => {
                    self.last.seq += 1;
                    self.last.hashes = None;
                    self.counts = false;
                    Some(what)
                }
            };
            flaws.extend(flaw.map(|what| Flaw {
                line: self.lines,
                what,
            }));
        }
        flaws
    }

    /// Puts the lines behind those that are there; where they begin.
    fn take_text(&mut self, bytes: Vec<u8>) -> usize {
        let base = self.text.len();
        if self.text.is_empty() {
            self.text = bytes;
        } else {
            self.text.extend_from_slice(&bytes);
        }
        base
    }

    /// Whether these follow on what is there, one on the other.
    fn is_followed_by(&self, runs: &[Run]) -> bool {
        let mut before = self.last;
        runs.iter().filter_map(|run| run.ends).all(|ends| {
            let (previous, own) = ends.first;
            let follows = own.follows(&before, previous);
            before = ends.last;
            follows
        })
    }

    /// Takes in lines in which nothing is wrong; only the versions that they tell are still to be held against what is known.
    fn take_run(&mut self, run: Run, base: usize) -> Vec<Flaw> {
        let mut flaws = Vec::new();
        let Some(Ends { last, .. }) = run.ends else {
            return flaws;
        };
        let numbers: Vec<u32> = run.kinds.iter().map(|kind| self.number_of(kind)).collect();
        let seq = self.last.seq.saturating_add(1);
        for (seq, (mut item, name)) in (seq..).zip(run.items.into_iter().zip(run.names)) {
            self.lines += 1;
            item.start += base;
            item.of_kind = numbers
                .get(item.of_kind as usize)
                .copied()
                .unwrap_or(u32::MAX);
            let version = self.insert(item, name);
            flaws.extend(version.map(|(has, should)| Flaw {
                line: self.lines,
                what: wrong_version(seq, has, should),
            }));
        }
        self.last = last;
        flaws
    }

    /// The number of an item's kind. Mostly that of the item before, since people record several of a kind.
    fn number(&mut self, item: &Item) -> u32 {
        let (kind, _) = lines::name(&self.text, item);
        let last = self.items.last().map(|item| item.of_kind);
        let is_last = |last: &u32| self.kinds.get(*last as usize).map(AsRef::as_ref) == Some(kind);
        if let Some(last) = last.filter(is_last) {
            return last;
        }
        let kind: Box<[u8]> = kind.into();
        self.number_of(&kind)
    }

    fn number_of(&mut self, kind: &[u8]) -> u32 {
        if let Some(number) = self.kind_numbers.get(kind) {
            return *number;
        }
        let number = u32::try_from(self.kinds.len()).unwrap_or(u32::MAX);
        self.kind_numbers.insert(kind.into(), number);
        self.kinds.push(kind.into());
        number
    }

    /// For so many more records: a table that grows asks each of its names for its hash again.
    fn make_room(&mut self, records: usize) {
        let Book {
            text,
            items,
            latest,
            hasher,
            ..
        } = self;
        items.reserve(records);
        latest.reserve(records, |other| {
            let item = items.get(*other as usize);
            hasher.hash_one(item.map(|item| lines::name(text, item)).unwrap_or_default())
        });
    }

    /// Takes the entry in, and says what is wrong with its place in the chain.
    fn follow(&mut self, item: Item, links: Links) -> Option<String> {
        let Links {
            seq,
            previous,
            stated,
            computed,
            name,
        } = links;
        let before = std::mem::replace(
            &mut self.last,
            Last {
                seq,
                hashes: Some((stated, computed)),
                time: item.recorded_at,
            },
        );
        let expected = before.seq.saturating_add(1);
        let in_place = seq == expected;
        let flaw = if stated != computed {
            // Its number may be what was changed; that of the line goes on.
            self.last.seq = expected;
            Some(format!(
                "entry {expected} was changed: its hash is not that of what it says"
            ))
        } else if seq > expected {
            let missing = if seq == expected + 1 {
                format!("entry {expected} is missing")
            } else {
                format!("entries {expected} to {} are missing", seq - 1)
            };
            Some(format!("{missing}: entry {seq} stands here"))
        } else if seq < expected {
            Some(format!(
                "entry {seq} stands where entry {expected} should: entries were moved, or one stands twice"
            ))
        } else if before
            .hashes
            .is_some_and(|(stated, computed)| previous != stated && previous != computed)
        {
            Some(format!(
                "entry {seq} does not follow the one before it: one of the two was replaced"
            ))
        } else if item.recorded_at < before.time && before.hashes.is_some() {
            Some(format!(
                "entry {seq} was recorded before the one in front of it"
            ))
        } else {
            None
        };
        self.counts &= in_place && flaw.is_none();
        let version = self.insert(item, name);
        flaw.or_else(|| {
            let (has, should) = version?;
            Some(wrong_version(seq, has, should))
        })
    }

    /// The version that it has and the one that it should have, where they differ.
    fn insert(&mut self, item: Item, hash: u64) -> Option<(u32, u32)> {
        let Book {
            text,
            items,
            latest,
            hasher,
            ..
        } = self;
        let index = u32::try_from(items.len()).unwrap_or(u32::MAX);
        let version = item.version;
        items.push(item);
        let named = |index: u32| {
            items
                .get(index as usize)
                .map(|item| lines::name(text, item))
        };
        let entry = latest.entry(
            hash,
            |other| named(*other) == named(index),
            |other| hasher.hash_one(named(*other).unwrap_or_default()),
        );
        let before = match entry {
            hashbrown::hash_table::Entry::Occupied(mut entry) => {
                Some(std::mem::replace(entry.get_mut(), index))
            }
            hashbrown::hash_table::Entry::Vacant(entry) => {
                entry.insert(index);
                None
            }
        };
        let mut expected = 1;
        if let Some(before) = before.and_then(|before| items.get_mut(before as usize)) {
            before.after = index;
            expected = before.version.saturating_add(1);
        }
        (self.counts && version != expected).then_some((version, expected))
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    pub(super) fn lines(&self) -> u64 {
        self.lines
    }

    pub(super) fn bytes(&self) -> u64 {
        self.text.len() as u64
    }

    pub(super) fn text(&self) -> &[u8] {
        &self.text
    }

    /// Hash and time of the last entry.
    pub(super) fn end(&self) -> (Hash, Time) {
        (self.last.hashes.unwrap_or_default().0, self.last.time)
    }

    fn entry_of(&self, item: &Item) -> Option<Entry<'_>> {
        Entry::parse(lines::line(&self.text, item)?).ok()
    }

    /// The entry of that index, from 0.
    pub(super) fn entry(&self, index: usize) -> Option<Entry<'_>> {
        self.entry_of(self.items.get(index)?)
    }

    /// The last entry that was recorded by that time.
    pub(super) fn known_by(&self, recorded: Time) -> Option<Entry<'_>> {
        let known = self
            .items
            .partition_point(|item| item.recorded_at <= recorded);
        self.entry(known.checked_sub(1)?)
    }

    /// When the next entry was recorded after one time, and when the next one begins or ends to hold after another.
    pub(super) fn next_turns(&self, recorded: Time, valid: Time) -> (Time, Time) {
        let known = self
            .items
            .partition_point(|item| item.recorded_at <= recorded);
        let next = self.items.get(known);
        let turns = self
            .items
            .iter()
            .flat_map(|item| [item.valid_from, item.valid_until])
            .filter(|turn| *turn > valid);
        (
            next.map_or(Time::MAX, |item| item.recorded_at),
            turns.min().unwrap_or(Time::MAX),
        )
    }

    /// The last version of a record, and its entry.
    pub(super) fn latest(&self, kind: &str, id: &str) -> Option<(u32, Entry<'_>)> {
        let wanted = (kind.as_bytes(), id.as_bytes());
        let item = |index: u32| self.items.get(index as usize);
        let index = self
            .latest
            .find(self.hasher.hash_one(wanted), |other| {
                item(*other).map(|item| lines::name(&self.text, item)) == Some(wanted)
            })
            .copied()?;
        let item = item(index)?;
        Some((item.version, self.entry_of(item)?))
    }

    /// Every entry, in order.
    pub(super) fn entries(&self) -> impl DoubleEndedIterator<Item = Entry<'_>> {
        self.items.iter().filter_map(|item| self.entry_of(item))
    }

    /// The entries with attached files, in order. The others, which are nearly all, are not read again.
    pub(super) fn with_attachments(&self) -> impl Iterator<Item = Entry<'_>> {
        let attached = self.items.iter().filter(|item| item.attached);
        attached.filter_map(|item| self.entry_of(item))
    }

    /// Every entry of a kind, in order. The others are not read again.
    pub(super) fn entries_of<'b>(
        &'b self,
        kind: &str,
    ) -> impl DoubleEndedIterator<Item = Entry<'b>> + use<'b> {
        let number = self.kind_numbers.get(kind.as_bytes()).copied();
        let items = self.items.iter();
        let items = items.filter(move |item| Some(item.of_kind) == number);
        items.filter_map(|item| self.entry_of(item))
    }

    /// The versions that stand as of a time of recording, and of them those valid then; see [`Book::held`].
    pub(super) fn as_of(&self, recorded: Time, asked: Asked) -> impl Iterator<Item = Entry<'_>> {
        self.of_kinds(recorded, asked, |_| true)
    }

    /// Those of them whose kind is wanted; the others are not even read.
    pub(super) fn of_kinds<'b>(
        &'b self,
        recorded: Time,
        asked: Asked,
        wanted: impl Fn(&str) -> bool,
    ) -> impl Iterator<Item = Entry<'b>> {
        let places = self.by_kind(|kind| wanted(kind).then_some(()));
        self.held(recorded, asked)
            .filter(move |(_, item)| place(&places, item).is_some())
            .filter_map(|(_, item)| self.entry_of(item))
    }

    /// Indexes of those of them whose kind has a place, by that place, of so many.
    pub(super) fn in_places(
        &self,
        recorded: Time,
        asked: Asked,
        count: usize,
        of: impl Fn(&str) -> Option<usize>,
    ) -> Vec<Vec<usize>> {
        let mut found = vec![Vec::new(); count];
        let places = self.by_kind(of);
        for (index, item) in self.held(recorded, asked) {
            let found = place(&places, item).and_then(|place| found.get_mut(place));
            found.into_iter().for_each(|found| found.push(index));
        }
        found
    }

    /// The ids of the records, of kinds that have a place, of which something was recorded behind the first `since` entries, or
    /// that something began or ceased to be known or to hold between those times; by that place, of so many. With them the
    /// indexes of those that stand now.
    pub(super) fn turned(
        &self,
        since: usize,
        recorded: Range<Time>,
        valid: Range<Time>,
        count: usize,
        of: impl Fn(&str) -> Option<usize>,
    ) -> Vec<Turned> {
        let mut found: Vec<Turned> = std::iter::repeat_with(Turned::default)
            .take(count)
            .collect();
        let places = self.by_kind(of);
        let between = |span: &Range<Time>, time: Time| span.start < time && time <= span.end;
        let mut names: HashSet<(&[u8], &[u8])> = HashSet::new();
        for (index, item) in self.items.iter().enumerate() {
            let turns = [item.valid_from, item.valid_until];
            let is_turned = index >= since
                || between(&recorded, item.recorded_at)
                || turns.into_iter().any(|turn| between(&valid, turn));
            if !is_turned {
                continue;
            }
            let (kind, id) = lines::name(&self.text, item);
            let place = place(&places, item).and_then(|place| found.get_mut(place));
            if let Some(found) = place
                && names.insert((kind, id))
            {
                found.ids.push(String::from_utf8_lossy(id).into_owned());
            }
        }
        for (index, item) in self.held(recorded.end, Asked::At(valid.end)) {
            let place = place(&places, item).and_then(|place| found.get_mut(place));
            if let Some(found) = place.filter(|found| !found.ids.is_empty())
                && names.contains(&lines::name(&self.text, item))
            {
                found.standing.push(index);
            }
        }
        found
    }

    /// What a table needs of the entry of that index; `None` where its line has to be read whole for it.
    pub(super) fn brief(&self, index: usize) -> Option<Brief<'_>> {
        let item = self.items.get(index)?;
        let line = self.text.get(item.start..)?.get(..item.length as usize)?;
        let (front, rest) = line.split_at_checked(item.body_end as usize)?;
        let body = front.get(BEFORE_BODY.len()..)?;
        let rest = rest.strip_prefix(b",\"by\":\"")?;
        let end = memchr(b'"', rest)?;
        let (by, rest) = rest.split_at_checked(end)?;
        let rest = rest.strip_prefix(b"\",\"hash\":\"")?;
        let hash = rest.get(..Hash::WRITTEN)?;
        if by.contains(&b'\\') {
            return None;
        }
        Some(Brief {
            // Nothing is wrong with a ledger of which somebody asks for tables: each entry stands in its place.
            seq: u64::try_from(index).ok()?.checked_add(1)?,
            id: std::str::from_utf8(lines::name(&self.text, item).1).ok()?,
            body: std::str::from_utf8(body).ok()?,
            by: std::str::from_utf8(by).ok()?,
            hash: Hash::parse(std::str::from_utf8(hash).ok()?)?,
            recorded_at: item.recorded_at,
        })
    }

    /// The entries of a kind that stand there in the order of their ids: the number of each among the places, and its index.
    pub(super) fn by_id(&self, places: Vec<usize>) -> impl Iterator<Item = (usize, usize)> {
        let id = |index: usize| {
            let item = self.items.get(index);
            item.map_or(&[][..], |item| lines::name(&self.text, item).1)
        };
        // Ids lie all over the text, and mostly begin alike (`backup-`): what tells them apart is taken out of it once, so that
        // few comparisons have to wait for memory.
        let first = places.first().map_or(&[][..], |index| id(*index));
        let alike = |known: usize, index: &usize| {
            let pairs = first.iter().zip(id(*index)).take(known);
            pairs.take_while(|(a, b)| a == b).count()
        };
        let alike = places.iter().fold(first.len(), alike);
        let beginning = |index: usize| {
            let mut bytes = [0; 16];
            let apart = id(index).get(alike..).unwrap_or_default();
            for (byte, own) in bytes.iter_mut().zip(apart) {
                *byte = *own;
            }
            u128::from_be_bytes(bytes)
        };
        let mut keyed: Vec<(u128, usize, usize)> = (0..)
            .zip(places)
            .map(|(number, index)| (beginning(index), number, index))
            .collect();
        // Ids often count on: what is in order already takes one look.
        keyed.sort_by(|(a, _, one), (b, _, other)| {
            let behind = || id(*one).cmp(id(*other));
            a.cmp(b).then_with(behind)
        });
        keyed.into_iter().map(|(_, number, index)| (number, index))
    }

    /// What is said of each kind, by its number.
    fn by_kind<T>(&self, of: impl Fn(&str) -> Option<T>) -> Vec<Option<T>> {
        let kinds = self.kinds.iter();
        kinds
            .map(|kind| of(std::str::from_utf8(kind).ok()?))
            .collect()
    }

    /// Of each record the version that stands as of a time of recording, with its index, unless it was withdrawn; and where a
    /// time of validity is asked for, only if it held then.
    ///
    /// A version takes the place of those before it from when on it holds: until then, they stand. So a price that was
    /// recorded for next year hides nothing of this one, and an end that was recorded for yesterday is the end, though the
    /// version before knew none. Of whatever time, the last version stands.
    fn held(&self, recorded: Time, asked: Asked) -> impl Iterator<Item = (usize, &Item)> {
        let known = self
            .items
            .partition_point(|item| item.recorded_at <= recorded);
        let holds = move |item: &Item| match asked {
            Asked::At(at) => item.valid_from <= at && at < item.valid_until,
            Asked::Any { .. } => true,
        };
        self.items
            .iter()
            .take(known)
            .enumerate()
            .filter(move |(_, item)| !item.withdrawn && holds(item))
            .filter(move |(_, item)| !self.is_replaced(item, known, asked))
    }

    /// Whether one of the first `known` entries is a later version that has begun to hold. Each walk ends at the next one that
    /// has, so that all of them together take one look at each entry.
    fn is_replaced(&self, item: &Item, known: usize, asked: Asked) -> bool {
        let later = |index: u32| {
            self.items
                .get(index as usize)
                .filter(|_| (index as usize) < known)
        };
        let mut versions = std::iter::successors(later(item.after), |item| later(item.after));
        versions.any(|version| match asked {
            Asked::At(at) => version.valid_from <= at,
            Asked::Any { now } => !version.withdrawn || version.valid_from <= now,
        })
    }
}

fn place<T: Copy>(places: &[Option<T>], item: &Item) -> Option<T> {
    places.get(item.of_kind as usize).copied().flatten()
}

fn wrong_version(seq: u64, has: u32, should: u32) -> String {
    format!("entry {seq} is version {has} of its record, and should be {should}")
}
