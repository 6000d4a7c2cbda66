//! The rows of a page's query, taken apart: what the engine asks of each by name, and what is left as telling values.
use std::hash::BuildHasher;

use facts::{Shared, Value};
use hashbrown::{DefaultHashBuilder, HashTable};
use store::Rows;

use crate::evidence::Citation;
use crate::{Error, Page, Verdict};

/// A row of a page, taken apart.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) subject: String,
    pub(crate) verdict: Verdict,
    pub(crate) reason: String,
    pub(crate) key: Option<String>,
    pub(crate) assets: Vec<String>,
    pub(crate) zones: Option<Vec<String>>,
    pub(crate) rests_on: Vec<String>,
    pub(crate) facts: Vec<(Shared, Value)>,
    pub(crate) citations: Vec<Citation>,
    pub(crate) due: Option<String>,
    pub(crate) who: Option<String>,
}

/// All that a page found: one per subject and key, in the order of the rows.
///
/// # Errors
/// [`Error::Row`] for the first row that breaks the contract between pages and the engine.
pub(crate) fn found(page: &Page, rows: Rows) -> Result<Vec<Found>, Error> {
    let columns = Columns::of(page, rows.columns);
    let rows = rows.rows.into_iter();
    collapse(rows.len(), rows.map(|row| columns.take_apart(row)))
}

/// The places of the columns that the engine knows, and the names of all others.
struct Columns<'p> {
    page: &'p Page,
    subject: Option<usize>,
    verdict: Option<usize>,
    reason: Option<usize>,
    key: Option<usize>,
    evidence: Option<usize>,
    assets: Option<usize>,
    zones: Option<usize>,
    rests_on: Option<usize>,
    due: Option<usize>,
    who: Option<usize>,
    facts: Vec<(usize, Shared)>,
}

impl<'p> Columns<'p> {
    fn of(page: &'p Page, names: Vec<String>) -> Columns<'p> {
        let mut names: Vec<(usize, String)> = names.into_iter().enumerate().collect();
        // Of two columns of one name the second is a fact, as any other.
        let mut take = |name: &str| {
            let at = names.iter().position(|(_, column)| column == name)?;
            Some(names.remove(at).0)
        };
        Columns {
            page,
            subject: take("subject"),
            verdict: take("verdict"),
            reason: take("reason"),
            key: take("key"),
            evidence: take("evidence"),
            assets: take("assets"),
            zones: take("zones"),
            rests_on: take("rests_on"),
            due: take("due"),
            who: take("who"),
            facts: names
                .into_iter()
                .map(|(at, name)| (at, Shared::from(name)))
                .collect(),
        }
    }

    fn take_apart(&self, mut row: Vec<Value>) -> Result<Found, Error> {
        let page = self.page;
        let mut take = |column: Option<usize>| {
            let cell = column.and_then(|at| row.get_mut(at));
            cell.map_or(Value::Null, |cell| std::mem::replace(cell, Value::Null))
        };
        let subject = text(take(self.subject)).unwrap_or_default();
        let wrong = |message: String| Error::Row {
            id: page.id.clone(),
            file: page.file.clone(),
            line: page.sql_line,
            subject: subject.clone(),
            message,
        };
        let words = text(take(self.verdict)).unwrap_or_default();
        let verdict =
            Verdict::parse(&words).ok_or_else(|| wrong(format!("{words:?} is no verdict")))?;
        let reason = text(take(self.reason)).filter(|reason| !reason.is_empty());
        let reason =
            reason.ok_or_else(|| wrong("column `reason` is missing or null".to_owned()))?;
        if subject.is_empty() {
            return Err(wrong("column `subject` is missing or null".to_owned()));
        }
        let mut lists = |name: &str, column: Option<usize>| match take(column) {
            Value::Null => Ok(None),
            value => list(&value)
                .map(Some)
                .ok_or_else(|| wrong(format!("column `{name}` is no JSON list"))),
        };
        let evidence = lists("evidence", self.evidence)?.unwrap_or_default();
        let assets = lists("assets", self.assets)?.unwrap_or_default();
        let zones = lists("zones", self.zones)?;
        let rests_on = lists("rests_on", self.rests_on)?.unwrap_or_default();
        let key = text(take(self.key));
        let (due, who) = (text(take(self.due)), text(take(self.who)));
        let mut citations = Vec::with_capacity(evidence.len());
        for one in &evidence {
            citations.push(Citation::parse(one).ok_or_else(|| {
                wrong(format!(
                    "{one:?} cites nothing known, as `operation:12` does"
                ))
            })?);
        }
        let mut facts = Vec::with_capacity(self.facts.len());
        for (at, name) in &self.facts {
            // What is null says nothing; what is a JSON list is one.
            match take(Some(*at)) {
                Value::Null => {}
                value => {
                    facts.push((name.clone(), list(&value).map_or(value, Value::List)));
                }
            }
        }
        Ok(Found {
            subject,
            verdict,
            reason,
            key,
            assets,
            zones,
            rests_on,
            facts,
            citations,
            due,
            who,
        })
    }
}

/// One row per subject and key: of several the worst, with the evidence of all that say the same.
fn collapse(
    count: usize,
    found: impl Iterator<Item = Result<Found, Error>>,
) -> Result<Vec<Found>, Error> {
    let hasher = DefaultHashBuilder::default();
    let mut places: HashTable<(u64, usize)> = HashTable::with_capacity(count);
    let mut kept: Vec<Found> = Vec::with_capacity(count);
    for one in found {
        let one = one?;
        let hash = hasher.hash_one((&one.subject, &one.key));
        let is_same = |(_, at): &(u64, usize)| {
            let known = kept.get(*at);
            known.is_some_and(|known| known.subject == one.subject && known.key == one.key)
        };
        let known = places.find(hash, is_same).map(|(_, at)| *at);
        match known.and_then(|at| kept.get_mut(at)) {
            None => {
                places.insert_unique(hash, (hash, kept.len()), |(hash, _)| *hash);
                kept.push(one);
            }
            Some(known) if one.verdict > known.verdict => *known = one,
            Some(known) if one.verdict == known.verdict => {
                known.citations.extend(one.citations);
                for asset in one.assets {
                    if !known.assets.contains(&asset) {
                        known.assets.push(asset);
                    }
                }
            }
            Some(_) => {}
        }
    }
    Ok(kept)
}

/// A cell as text; `None` where it is null.
pub(crate) fn text(value: Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(text),
        Value::Int(n) => Some(n.to_string()),
        _ => None,
    }
}

/// A JSON list of texts; nulls are left out. `None` where it is no list.
pub(crate) fn list(value: &Value) -> Option<Vec<String>> {
    let Value::Text(json) = value else {
        return None;
    };
    // Every cell that is a text is asked, and most of them are no list.
    if !json.trim_start().starts_with('[') {
        return None;
    }
    if let Ok(words) = serde_json::from_str::<Vec<Option<String>>>(json) {
        return Some(words.into_iter().flatten().collect());
    }
    let items: Vec<serde_json::Value> = serde_json::from_str(json).ok()?;
    let words = items.into_iter().filter(|item| !item.is_null());
    let words = words.map(|item| match item {
        serde_json::Value::String(word) => word,
        other => other.to_string(),
    });
    Some(words.collect())
}
