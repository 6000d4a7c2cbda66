//! What a row cites, resolved to frames of captures, records of the ledger and lines of the site file.
use std::collections::{BTreeMap, BTreeSet};

use facts::kinds::KINDS;
use hashbrown::HashMap;
use store::Snapshot;

use crate::{Cited, CitedRecord, Error};

/// Facts cited per subject: enough to look up, bounded for a finding that repeats all day.
const MOST: usize = 64;

/// A parsed citation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Citation {
    /// Kind of fact and its id.
    Fact(&'static str, i64),
    /// Kind of record, its table and its id.
    Record(&'static str, &'static str, String),
    /// A line of the site file.
    Site(String),
    /// An edition of the advisory.
    Edition(String),
}

impl Citation {
    pub(crate) fn parse(text: &str) -> Option<Citation> {
        let (kind, rest) = text.split_once(':')?;
        match kind {
            "site" if !rest.is_empty() => Some(Citation::Site(rest.to_owned())),
            "edition" if !rest.is_empty() => Some(Citation::Edition(rest.to_owned())),
            "record" => {
                let (kind, id) = rest.split_once('/')?;
                let info = facts::records::kind(kind)?;
                Some(Citation::Record(
                    info.name,
                    store::record_table(info.name)?,
                    id.to_owned(),
                ))
            }
            _ => {
                let kind = KINDS.iter().find(|known| known.name == kind)?;
                Some(Citation::Fact(kind.name, rest.parse().ok()?))
            }
        }
    }
}

/// The frames behind the citations, each fact and each set of frames once, in the order given.
pub(crate) fn frames(snapshot: &Snapshot, citations: &[Citation]) -> Result<Vec<Cited>, Error> {
    let mut asked = Once::default();
    let mut frames: Vec<Cited> = Vec::new();
    for citation in citations {
        let Citation::Fact(kind, id) = citation else {
            continue;
        };
        if frames.len() >= MOST {
            break;
        }
        if !asked.insert((*kind, *id)) {
            continue;
        }
        let Some(shown) = snapshot.shown(kind, *id)? else {
            continue;
        };
        // A session and its conversation are shown by the same frames.
        let told = |one: &Cited| one.frames == shown.frames && one.capture == shown.capture;
        if !frames.iter().any(told) {
            frames.push(Cited {
                capture: shown.capture,
                frames: shown.frames,
                time: shown.time,
                fact: format!("{kind} {id}"),
            });
        }
    }
    Ok(frames)
}

/// The records that a page cites, by kind and id.
pub(crate) type Recorded = HashMap<&'static str, HashMap<String, CitedRecord>>;

/// The records that a page's citations show, asked for once per kind; one that is not there is passed over.
pub(crate) fn recorded(snapshot: &Snapshot, citations: &[&[Citation]]) -> Result<Recorded, Error> {
    let mut recorded = Recorded::new();
    let shown = citations.iter().flat_map(|one| records_of(one).take(MOST));
    ask(snapshot, shown, &mut recorded)?;
    // Where one of these is not there, another is shown in its place.
    let is_short = |one: &&&[Citation]| one.len() > MOST && records(&recorded, one).len() < MOST;
    let short: Vec<&&[Citation]> = citations.iter().filter(is_short).collect();
    let rest = short.into_iter().flat_map(|one| records_of(one).skip(MOST));
    ask(snapshot, rest, &mut recorded)?;
    Ok(recorded)
}

/// Those that are of records, each once, in the order given.
fn records_of(citations: &[Citation]) -> impl Iterator<Item = &Citation> {
    let mut told = Once::default();
    let records = citations.iter();
    records.filter(move |one| matches!(one, Citation::Record(..)) && told.insert(*one))
}

/// What was met before. Of most subjects so little is cited that looking at all of it takes less than a tree.
#[derive(Debug)]
struct Once<K> {
    few: Vec<K>,
    more: BTreeSet<K>,
}

impl<K> Default for Once<K> {
    fn default() -> Once<K> {
        Once {
            few: Vec::new(),
            more: BTreeSet::new(),
        }
    }
}

impl<K: Ord> Once<K> {
    const FEW: usize = 8;

    /// Whether it is met for the first time.
    fn insert(&mut self, one: K) -> bool {
        if self.few.contains(&one) {
            return false;
        }
        if self.few.len() < Once::<K>::FEW {
            self.few.push(one);
            return true;
        }
        self.more.insert(one)
    }
}

fn ask<'c>(
    snapshot: &Snapshot,
    citations: impl Iterator<Item = &'c Citation>,
    recorded: &mut Recorded,
) -> Result<(), Error> {
    let mut asked: BTreeMap<(&'static str, &str), Vec<&str>> = BTreeMap::new();
    for citation in citations {
        if let Citation::Record(kind, table, id) = citation {
            asked.entry((*kind, *table)).or_default().push(id);
        }
    }
    for ((kind, table), mut ids) in asked {
        // In the order of the table, each once.
        ids.sort_unstable();
        ids.dedup();
        let of_kind = recorded.entry(kind).or_default();
        for cited in snapshot.cited(table, &ids)? {
            let record = CitedRecord {
                record: format!("{kind}/{}", cited.id),
                entry: cited.entry,
                hash: cited.hash,
                recorded_at: cited.recorded_at,
                by: cited.by,
            };
            of_kind.insert(cited.id, record);
        }
    }
    Ok(())
}

/// The records that these citations name, each once, in the order given.
pub(crate) fn records(recorded: &Recorded, citations: &[Citation]) -> Vec<CitedRecord> {
    let mut told = Once::default();
    let mut records = Vec::new();
    for citation in citations {
        let Citation::Record(kind, _, id) = citation else {
            continue;
        };
        if records.len() < MOST && told.insert((*kind, id)) {
            let of_kind = recorded.get(kind);
            records.extend(of_kind.and_then(|of_kind| of_kind.get(id)).cloned());
        }
    }
    records
}
