//! What a row cites, resolved to frames of captures, records of the ledger and lines of the site file.
use std::collections::BTreeSet;

use facts::kinds::KINDS;
use facts::{Time, Value};
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
    let mut asked = BTreeSet::new();
    // A session and its conversation are shown by the same frames.
    let mut told = BTreeSet::new();
    let mut frames = Vec::new();
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
        if told.insert((shown.capture.clone(), shown.frames.clone())) {
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

/// The records behind the citations, each once, in the order given; one that is not there is passed over.
pub(crate) fn records(
    snapshot: &Snapshot,
    citations: &[Citation],
) -> Result<Vec<CitedRecord>, Error> {
    let mut asked = BTreeSet::new();
    let mut records = Vec::new();
    for citation in citations {
        let Citation::Record(kind, table, id) = citation else {
            continue;
        };
        if records.len() >= MOST || !asked.insert((*kind, id)) {
            continue;
        }
        let sql = format!(
            "SELECT entry, entry_hash, recorded_at, recorded_by FROM {table} WHERE id = :id"
        );
        let rows = snapshot.query_with(&sql, &[("id", Value::Text(id.clone()))])?;
        let Some(row) = rows.rows.first() else {
            continue;
        };
        let text = |column: usize| match row.get(column) {
            Some(Value::Text(text)) => text.clone(),
            _ => String::new(),
        };
        records.push(CitedRecord {
            record: format!("{kind}/{id}"),
            entry: match row.first() {
                Some(Value::Int(n)) => u64::try_from(*n).unwrap_or(0),
                _ => 0,
            },
            hash: text(1),
            recorded_at: Time::parse(&text(2)),
            by: text(3),
        });
    }
    Ok(records)
}
