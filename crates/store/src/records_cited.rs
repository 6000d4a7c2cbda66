//! What evidence tells of a record: the entry that it is in the ledger.
//!
//! Of a million records some thousand are cited. Hash, time and author of each stand beside the tables, in half of the memory that
//! they would take in the rows, which pages then walk over faster.
use facts::{Time, Value};
use hashbrown::HashMap;

use crate::ledger::{Brief, Hash};
use crate::snapshot::value;
use crate::{Error, Snapshot};

/// An entry of the ledger as evidence cites it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CitedEntry {
    /// Id of the record.
    pub id: String,
    /// Number of the entry, from 1.
    pub entry: u64,
    /// Hash of the entry, as the ledger writes it.
    pub hash: String,
    /// When it was recorded.
    pub recorded_at: Option<Time>,
    /// Who recorded it.
    pub by: String,
}

/// What each entry of a table tells beside its number.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    /// In the order of the ledger.
    lines: Vec<Line>,
    authors: Vec<Box<str>>,
}

#[derive(Clone, Debug, Default)]
struct Line {
    entry: u64,
    hash: Hash,
    recorded_at: Time,
    /// Index among the authors.
    by: usize,
}

/// Takes down the lines of a table.
#[derive(Debug)]
pub(crate) struct Noting<'l> {
    lines: Lines,
    known: HashMap<&'l str, usize>,
}

impl<'l> Noting<'l> {
    /// Of so many entries.
    pub(crate) fn of(count: usize) -> Noting<'l> {
        let lines = Lines {
            lines: vec![Line::default(); count],
            authors: Vec::new(),
        };
        Noting {
            lines,
            known: HashMap::new(),
        }
    }

    /// The entry of that number among those of the table, as they stand in the ledger.
    pub(crate) fn note(&mut self, number: usize, entry: &Brief<'l>) {
        let Some(line) = self.lines.lines.get_mut(number) else {
            return;
        };
        let authors = &mut self.lines.authors;
        let by = *self.known.entry(entry.by).or_insert_with(|| {
            authors.push(entry.by.into());
            authors.len().saturating_sub(1)
        });
        *line = Line::of(entry, by);
    }

    pub(crate) fn end(self) -> Lines {
        self.lines
    }
}

impl Line {
    fn of(entry: &Brief<'_>, by: usize) -> Line {
        Line {
            entry: entry.seq,
            hash: entry.hash,
            recorded_at: entry.recorded_at,
            by,
        }
    }
}

impl Lines {
    pub(crate) fn count(&self) -> usize {
        self.lines.len()
    }

    /// Of an entry whose row came later. Those of rows that are gone stay: nothing asks for them.
    pub(crate) fn add(&mut self, entry: &Brief<'_>) {
        let place = self
            .lines
            .binary_search_by_key(&entry.seq, |line| line.entry);
        let Err(place) = place else {
            return;
        };
        let known = self.authors.iter().position(|by| **by == *entry.by);
        let by = known.unwrap_or_else(|| {
            self.authors.push(entry.by.into());
            self.authors.len().saturating_sub(1)
        });
        self.lines.insert(place, Line::of(entry, by));
    }

    fn cited(&self, id: &str, entry: u64) -> Option<CitedEntry> {
        let at = self.lines.binary_search_by_key(&entry, |line| line.entry);
        let line = self.lines.get(at.ok()?)?;
        Some(CitedEntry {
            id: id.to_owned(),
            entry,
            hash: line.hash.to_string(),
            recorded_at: Some(line.recorded_at),
            by: self.authors.get(line.by)?.to_string(),
        })
    }
}

impl Snapshot {
    /// The entries of those records of a table that are there, in the order of the ids given.
    ///
    /// # Errors
    /// There is no such table, or a query failed.
    pub fn cited(&self, table: &str, ids: &[&str]) -> Result<Vec<CitedEntry>, Error> {
        let lines = self.apart.as_ref().map(|apart| apart.lines(table));
        let rest = match lines {
            Some(_) => "",
            None => ", entry_hash, recorded_at, recorded_by",
        };
        let sql = format!("SELECT entry{rest} FROM \"{table}\" WHERE id = ?");
        self.begin();
        let failed = |error| self.failed(error);
        let mut statement = self.db.prepare_cached(&sql).map_err(failed)?;
        let mut cited = Vec::with_capacity(ids.len());
        for id in ids {
            let mut rows = statement.query([id]).map_err(failed)?;
            let Some(row) = rows.next().map_err(failed)? else {
                continue;
            };
            let text = |column: usize| match row.get_ref(column).map(value) {
                Ok(Value::Text(text)) => text,
                _ => String::new(),
            };
            let entry = match row.get_ref(0).map(value) {
                Ok(Value::Int(n)) => u64::try_from(n).unwrap_or(0),
                _ => 0,
            };
            match lines {
                Some(lines) => cited.extend(lines.and_then(|lines| lines.cited(id, entry))),
                None => cited.push(CitedEntry {
                    id: (*id).to_owned(),
                    entry,
                    hash: text(1),
                    recorded_at: Time::parse(&text(2)),
                    by: text(3),
                }),
            }
        }
        Ok(cited)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use facts::Facts;
    use facts::site::Site;
    use serde_json::json;

    use super::*;
    use crate::Records;
    use crate::ledger::{Content, Ledger, New, Stamp};

    #[test]
    fn an_entry_is_cited_alike_from_the_row_and_from_beside_the_table() {
        let folder = std::env::temp_dir().join(format!("seawall-cited-{}", std::process::id()));
        fs::remove_dir_all(&folder).ok();
        let mut ledger = Ledger::open(&folder).unwrap();
        let begin = Time::from_secs(1_790_000_000);
        // Told in another order than that of the ids, by two people, and one of them twice.
        let told = [
            ("p-9", "ada"),
            ("p-10", "ben"),
            ("p-1", "ada"),
            ("p-10", "ada"),
        ];
        for (nth, (id, by)) in (0..).zip(told) {
            let person = New {
                kind: "person".to_owned(),
                id: id.to_owned(),
                content: Content::Body(
                    json!({ "name": format!("Ann {nth}") })
                        .as_object()
                        .unwrap()
                        .clone(),
                ),
                valid_from: None,
                valid_until: None,
                attachments: Vec::new(),
            };
            let stamp = Stamp {
                by,
                means: "cli",
                now: begin.plus_secs(nth),
            };
            ledger.append(&[person], &stamp).unwrap();
        }
        let (facts, site, now) = (Facts::default(), Site::default(), begin.plus_secs(60));
        let records = Records::of(&ledger, now, now);
        let within = Snapshot::with_records(&facts, &site, records, now).unwrap();
        let sql = "SELECT name FROM record_person";
        let beside = Snapshot::for_queries(&facts, &site, records, now, [sql]).unwrap();
        let ids = ["p-1", "p-10", "p-9", "p-2"];
        let cited = beside.cited("record_person", &ids).unwrap();
        let seen: Vec<_> = cited
            .iter()
            .map(|one| (one.id.as_str(), one.entry, one.by.as_str()))
            .collect();
        assert_eq!(
            seen,
            [("p-1", 3, "ada"), ("p-10", 4, "ada"), ("p-9", 1, "ada")]
        );
        assert_eq!(cited, within.cited("record_person", &ids).unwrap());
        // What stands beside the table does not stand in it.
        let hashes = "SELECT COUNT(entry_hash) FROM record_person";
        assert_eq!(beside.query(hashes).unwrap().rows, [[Value::Int(0)]]);
        fs::remove_dir_all(&folder).ok();
    }
}
