//! What a row cites, resolved to frames of captures and lines of the site file.
use std::collections::{BTreeMap, BTreeSet};

use facts::kinds::KINDS;
use facts::{Time, Value};
use store::Snapshot;

use crate::{Cited, Error};

/// Facts cited per subject: enough to look up, bounded for a finding that repeats all day.
const MOST: usize = 64;

/// A parsed citation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Citation {
    /// Kind of fact and its id.
    Fact(&'static str, i64),
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
            _ => {
                let kind = KINDS.iter().find(|known| known.name == kind)?;
                Some(Citation::Fact(kind.name, rest.parse().ok()?))
            }
        }
    }
}

/// Facts looked up once for all subjects of a page.
#[derive(Debug, Default)]
pub(crate) struct Resolver {
    found: BTreeMap<(&'static str, i64), Cited>,
}

impl Resolver {
    pub(crate) fn look_up<'a>(
        snapshot: &Snapshot,
        citations: impl Iterator<Item = &'a Citation>,
    ) -> Result<Resolver, Error> {
        let mut wanted: BTreeMap<&'static str, BTreeSet<i64>> = BTreeMap::new();
        for citation in citations {
            if let Citation::Fact(kind, id) = citation {
                wanted.entry(kind).or_default().insert(*id);
            }
        }
        let mut found = BTreeMap::new();
        for (kind, ids) in wanted {
            let ids: Vec<i64> = ids.into_iter().collect();
            let ids = serde_json::to_string(&ids).unwrap_or_else(|_| "[]".to_owned());
            let sql = format!(
                "SELECT id, capture, frames, time FROM \"{kind}\" WHERE id IN (SELECT value FROM json_each(:ids)) AND capture IS NOT NULL"
            );
            for row in snapshot
                .query_with(&sql, &[("ids", Value::Text(ids))])?
                .rows
            {
                let [Value::Int(id), Value::Text(capture), frames, time] = row.as_slice() else {
                    continue;
                };
                let mut frames: Vec<u64> = match frames {
                    Value::Text(json) => serde_json::from_str(json).unwrap_or_default(),
                    _ => Vec::new(),
                };
                frames.sort_unstable();
                let time = match time {
                    Value::Text(time) => Time::parse(time),
                    _ => None,
                };
                let fact = format!("{kind} {id}");
                found.insert(
                    (kind, *id),
                    Cited {
                        capture: capture.clone(),
                        frames,
                        time,
                        fact,
                    },
                );
            }
        }
        Ok(Resolver { found })
    }

    /// The frames behind the citations, each fact and each set of frames once, in the order given.
    pub(crate) fn frames(&self, citations: &[Citation]) -> Vec<Cited> {
        let mut seen = BTreeSet::new();
        let facts = citations.iter().filter_map(|citation| match citation {
            Citation::Fact(kind, id) => Some((*kind, *id)),
            Citation::Site(_) | Citation::Edition(_) => None,
        });
        let facts = facts.filter(|fact| seen.insert(*fact));
        // A session and its conversation are shown by the same frames.
        let mut shown = BTreeSet::new();
        facts
            .filter_map(|fact| self.found.get(&fact))
            .filter(|cited| shown.insert((&cited.capture, &cited.frames)))
            .take(MOST)
            .cloned()
            .collect()
    }
}
