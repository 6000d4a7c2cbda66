//! Lines read on all cores: what of each is kept, and whether those of a part follow on each other.
use std::hash::BuildHasher;
use std::num::NonZero;
use std::ops::Range;

use facts::Time;
use hashbrown::DefaultHashBuilder;
use memchr::memchr;
use serde_json::Value;

use super::canon;
use super::entry::{Entry, LONGEST};
use super::hash::Hash;
use crate::threads;

/// Threads that read lines.
const MOST_THREADS: usize = 8;
/// Bytes below which a thread more costs more than it reads.
const WORTH_A_THREAD: usize = 1 << 18;

/// Bytes that a short line has, by which room is made.
const USUAL: usize = 400;

/// Kinds up to which a part keeps its own list of them: there are some forty, and each is looked for from its beginning.
const MOST_KINDS: usize = 256;

/// What of an entry is asked of all of them.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) start: usize,
    pub(super) length: u32,
    /// Number of its kind among those of the book.
    pub(super) of_kind: u32,
    /// Where kind and id stand in the line.
    pub(super) kind: Range<u32>,
    pub(super) id: Range<u32>,
    pub(super) version: u32,
    /// Index of the version that followed; [`u32::MAX`] for the last.
    pub(super) after: u32,
    pub(super) recorded_at: Time,
    pub(super) valid_from: Time,
    pub(super) valid_until: Time,
    pub(super) withdrawn: bool,
    pub(super) attached: bool,
    /// Where the body ends that stands in front of the line; 0 where it stands elsewhere, or there is none.
    pub(super) body_end: u32,
}

/// What in front of a line is not yet its body.
pub(super) const BEFORE_BODY: &str = "{\"body\":";

/// What of a line only its neighbours want to know.
#[derive(Clone, Copy, Debug)]
pub(super) struct Links {
    pub(super) seq: u64,
    pub(super) previous: Hash,
    pub(super) stated: Hash,
    pub(super) computed: Hash,
    /// Of kind and id, for the table of last versions.
    pub(super) name: u64,
}

/// The last line that was followed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Last {
    pub(super) seq: u64,
    /// As the line states it, and as it is; `None` after a line that could not be read.
    pub(super) hashes: Option<(Hash, Hash)>,
    pub(super) time: Time,
}

impl Last {
    /// Whether it follows on the line before as one that says that `previous` is its hash.
    pub(super) fn follows(&self, before: &Last, previous: Hash) -> bool {
        Some(self.seq) == before.seq.checked_add(1)
            && self.time >= before.time
            && before
                .hashes
                .is_some_and(|(stated, computed)| stated == computed && previous == stated)
    }
}

/// Lines in which nothing is wrong, each following on the one before.
#[derive(Debug)]
pub(super) struct Run {
    /// Their kinds have the numbers of the run.
    pub(super) items: Vec<Item>,
    /// Of each, kind and id for the table of last versions.
    pub(super) names: Vec<u64>,
    pub(super) kinds: Vec<Box<[u8]>>,
    /// `None` where there are none.
    pub(super) ends: Option<Ends>,
}

/// What tells whether runs follow on each other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ends {
    /// With the hash that it says to follow on.
    pub(super) first: (Hash, Last),
    pub(super) last: Last,
}

pub(super) fn line<'a>(text: &'a [u8], item: &Item) -> Option<&'a str> {
    let end = item.start.checked_add(item.length as usize)?;
    std::str::from_utf8(text.get(item.start..end)?).ok()
}

/// Kind and id.
pub(super) fn name<'a>(text: &'a [u8], item: &Item) -> (&'a [u8], &'a [u8]) {
    let part = |range: &Range<u32>| {
        let (start, end) = (range.start as usize, range.end as usize);
        text.get(item.start.saturating_add(start)..item.start.saturating_add(end))
            .unwrap_or_default()
    };
    (part(&item.kind), part(&item.id))
}

pub(super) type Line = Result<(Item, Links), String>;

/// Reads lines on as many cores as are worth it, each a part of them from where it begins. What comes of each part stands in their
/// order; `None` where a thread ended badly.
pub(super) fn in_parts<T: Send>(
    bytes: &[u8],
    read: impl Fn(&[u8], usize) -> T + Sync,
) -> Vec<Option<T>> {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let threads = cores
        .min(MOST_THREADS)
        .min(bytes.len() / WORTH_A_THREAD + 1);
    let mut parts = Vec::new();
    let (mut rest, mut base) = (bytes, 0);
    for left in (1..=threads).rev() {
        let about = rest.len() / left;
        let end = rest
            .iter()
            .skip(about)
            .position(|byte| *byte == b'\n')
            .map_or(rest.len(), |more| about + more + 1);
        let (part, others) = rest.split_at_checked(end).unwrap_or((rest, &[]));
        parts.push((part, base));
        (rest, base) = (others, base + part.len());
    }
    std::thread::scope(|scope| {
        let read = &read;
        let mut parts = parts.into_iter();
        let own = parts.next();
        // A thread that cannot be had is one fewer: its part is read here.
        let other =
            |(part, base)| threads::beside(scope, move || read(part, base)).ok_or((part, base));
        let others: Vec<_> = parts.map(other).collect();
        let mut done = Vec::new();
        done.extend(own.map(|(part, base)| Some(read(part, base))));
        done.extend(others.into_iter().map(|other| match other {
            Ok(thread) => thread.join().ok(),
            Err((part, base)) => Some(read(part, base)),
        }));
        done
    })
}

/// The lines of a text, each with its end, where it has one.
fn lines(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let length = memchr(b'\n', bytes).map_or(bytes.len(), |end| end + 1);
        let (line, rest) = bytes.split_at_checked(length)?;
        bytes = rest;
        (!line.is_empty()).then_some(line)
    })
}

pub(super) fn read_part(
    bytes: &[u8],
    base: usize,
    strict: bool,
    hasher: &DefaultHashBuilder,
) -> Vec<Line> {
    let mut start = base;
    let read = lines(bytes).map(|line| {
        let read = read_line(line, start, strict, hasher);
        start += line.len();
        read
    });
    read.collect()
}

/// Reads lines that follow on each other; `None` as soon as one is wrong or does not. What only neighbours want to know of a line
/// is asked at once, so it takes no memory.
pub(super) fn read_run(
    bytes: &[u8],
    base: usize,
    strict: bool,
    hasher: &DefaultHashBuilder,
) -> Option<Run> {
    let room = bytes.len() / USUAL + 1;
    let mut run = Run {
        items: Vec::with_capacity(room),
        names: Vec::with_capacity(room),
        kinds: Vec::new(),
        ends: None,
    };
    let mut start = base;
    for line in lines(bytes) {
        let (mut item, links) = read_line(line, start, strict, hasher).ok()?;
        start += line.len();
        let own = Last {
            seq: links.seq,
            hashes: Some((links.stated, links.computed)),
            time: item.recorded_at,
        };
        if links.stated != links.computed {
            return None;
        }
        match &mut run.ends {
            Some(ends) if own.follows(&ends.last, links.previous) => ends.last = own,
            Some(_) => return None,
            ends => {
                *ends = Some(Ends {
                    first: (links.previous, own),
                    last: own,
                });
            }
        }
        item.of_kind = run.number(line.get(item.kind.start as usize..item.kind.end as usize)?)?;
        run.items.push(item);
        run.names.push(links.name);
    }
    Some(run)
}

impl Run {
    /// The number of a kind. Mostly that of the item before; and there are few kinds. `None` where there are not.
    fn number(&mut self, kind: &[u8]) -> Option<u32> {
        let is = |number: u32| self.kinds.get(number as usize).map(AsRef::as_ref) == Some(kind);
        let last = self.items.last().map(|item| item.of_kind);
        if let Some(last) = last.filter(|last| is(*last)) {
            return Some(last);
        }
        let known = self.kinds.iter().position(|known| known.as_ref() == kind);
        let place = match known {
            Some(place) => place,
            None if self.kinds.len() == MOST_KINDS => return None,
            None => {
                self.kinds.push(kind.into());
                self.kinds.len().checked_sub(1)?
            }
        };
        u32::try_from(place).ok()
    }
}

fn read_line(line: &[u8], start: usize, strict: bool, hasher: &DefaultHashBuilder) -> Line {
    let Some(line) = line.strip_suffix(b"\n") else {
        return Err("the line has no end: it was cut off".to_owned());
    };
    if line.len() > LONGEST {
        return Err("the line is longer than any entry".to_owned());
    }
    let line = std::str::from_utf8(line).map_err(|_| "it is no entry (not UTF-8)".to_owned())?;
    let entry = match strict {
        true => Entry::parse_whole(line)?,
        false => Entry::parse(line)?,
    };
    let time = |read: Option<Time>| read.ok_or("it is no entry (a time is none)");
    let hash = |read: Option<Hash>| read.ok_or("it is no entry (a hash is none)");
    let links = Links {
        seq: entry.seq,
        previous: hash(entry.previous())?,
        stated: hash(entry.hash())?,
        computed: hash(entry.computed(line))?,
        name: hasher.hash_one((entry.kind.as_bytes(), entry.id.as_bytes())),
    };
    if links.stated != links.computed {
        // Of what was changed, the reader of JSON says more.
        Entry::parse_whole(line)?;
    }
    // Kind and id stand in the line as they are: neither may hold what JSON escapes.
    let range = |part: &str| {
        let at = (part.as_ptr() as usize).checked_sub(line.as_ptr() as usize)?;
        let at = u32::try_from(at).ok()?;
        Some(at..at.checked_add(u32::try_from(part.len()).ok()?)?)
    };
    let place = "it is no entry (kind and id)";
    let item = Item {
        start,
        length: u32::try_from(line.len()).unwrap_or(u32::MAX),
        of_kind: 0,
        kind: range(entry.kind).ok_or(place)?,
        id: range(entry.id).ok_or(place)?,
        version: entry.version,
        after: u32::MAX,
        recorded_at: time(entry.recorded_at())?,
        valid_from: entry.valid_from().unwrap_or(Time::MIN),
        valid_until: entry.valid_until().unwrap_or(Time::MAX),
        withdrawn: entry.withdrawn.is_some(),
        attached: !entry.attachments.is_empty(),
        body_end: entry
            .body_text()
            .and_then(range)
            .filter(|body| body.start as usize == BEFORE_BODY.len())
            .map_or(0, |body| body.end),
    };
    if strict && links.stated == links.computed {
        let value: Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
        if canon::text(&value).as_deref() != Ok(line) {
            return Err(format!("entry {} is not canonical JSON", entry.seq));
        }
    }
    Ok((item, links))
}
