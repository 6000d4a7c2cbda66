//! A record as the cells of a row, borrowed from the ledger's text wherever it says them as a table does.
//!
//! A ledger of years has a million records, and nearly all of a row stands in the line already: nothing of it is copied before
//! the database does.
use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;

use facts::records::{Field, RecordInfo};
use facts::{Plain, Time, Type};
use memchr::{Memchr, memchr_iter};
use rusqlite::Statement;
use rusqlite::types::{Null, ToSqlOutput, ValueRef};
use serde::Deserialize;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde_json::Value as Json;
use serde_json::value::RawValue;

use crate::ledger::{Brief, Entry, is_plain};

/// What stands in one place of a row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell<'l> {
    Null,
    Int(i64),
    /// What a column of numbers makes of some texts; no record holds one.
    Real(f64),
    Text(Cow<'l, str>),
}

impl<'l> Cell<'l> {
    pub(crate) fn bind(&self, insert: &mut Statement<'_>, index: usize) -> rusqlite::Result<()> {
        match self {
            Cell::Null => insert.raw_bind_parameter(index, Null),
            Cell::Int(number) => insert.raw_bind_parameter(index, *number),
            Cell::Real(number) => insert.raw_bind_parameter(index, *number),
            Cell::Text(text) => insert.raw_bind_parameter(
                index,
                ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            ),
        }
    }

    pub(crate) fn plain(&self) -> Plain<'_> {
        match self {
            Cell::Null => Plain::Null,
            Cell::Int(number) => Plain::Int(*number),
            Cell::Real(number) => Plain::Real(*number),
            Cell::Text(text) => Plain::Text(text),
        }
    }

    fn text(text: &'l str) -> Cell<'l> {
        Cell::Text(Cow::Borrowed(text))
    }

    /// A column that every record has, by its name in the table.
    pub(crate) fn of_entry(entry: &Entry<'l>, column: &str) -> Cell<'l> {
        match column {
            "id" => Cell::text(entry.id),
            "version" => Cell::Int(entry.version.into()),
            "recorded_at" => time(Some(entry.recorded_text())),
            "recorded_by" => Cell::text(entry.by),
            "means" => Cell::text(entry.means),
            "valid_from" => time(entry.valid_text().0),
            "valid_until" => time(entry.valid_text().1),
            "entry" => i64::try_from(entry.seq).map_or(Cell::Null, Cell::Int),
            "entry_hash" => match entry.hash() {
                Some(_) => Cell::text(entry.hash_text()),
                None => Cell::Null,
            },
            _ => Cell::Null,
        }
    }

    /// One of those by which an entry is found again.
    pub(crate) fn of_brief(brief: &Brief<'l>, column: &str) -> Cell<'l> {
        match column {
            "id" => Cell::text(brief.id),
            "entry" => i64::try_from(brief.seq).map_or(Cell::Null, Cell::Int),
            _ => Cell::Null,
        }
    }

    /// A value of a body, as [`RecordInfo::row`] has it.
    fn of(raw: &'l str) -> Cell<'l> {
        match raw.as_bytes().first() {
            Some(b'"') => match raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"')) {
                Some(plain) if !plain.contains('\\') => Cell::text(plain),
                _ => serde_json::from_str(raw)
                    .map_or(Cell::Null, |text| Cell::Text(Cow::Owned(text))),
            },
            Some(b't') => Cell::Int(1),
            Some(b'f') => Cell::Int(0),
            Some(b'n') | None => Cell::Null,
            Some(b'[') if is_plain_list(raw) => Cell::text(raw),
            _ => match serde_json::from_str(raw) {
                Ok(Json::Number(number)) => number.as_i64().map_or(Cell::Null, Cell::Int),
                Ok(Json::Array(values)) => {
                    let cells: Vec<String> = values.iter().map(Field::cell).collect();
                    Cell::Text(Json::from(cells).to_string().into())
                }
                Ok(other) => Cell::Text(other.to_string().into()),
                Err(_) => Cell::Null,
            },
        }
    }
}

/// Whether it is a list of texts as a table has it: without escapes, which could be written otherwise, and without spaces.
fn is_plain_list(raw: &str) -> bool {
    let inside = raw
        .strip_prefix("[\"")
        .and_then(|raw| raw.strip_suffix("\"]"));
    raw == "[]"
        || inside.is_some_and(|inside| {
            !inside.contains('\\') && inside.split("\",\"").all(|text| !text.contains('"'))
        })
}

/// Times are written as the ledger writes them; what was written otherwise is written anew.
fn time(text: Option<&str>) -> Cell<'_> {
    let Some(text) = text else {
        return Cell::Null;
    };
    let Some(time) = Time::parse(text) else {
        return Cell::Null;
    };
    // Text that parses, is as long and has no second 60 is what would be written again.
    let is_own = text.len() == "2026-11-21T08:00:00.000000000Z".len()
        && text.ends_with('Z')
        && text.as_bytes().get(10) == Some(&b'T')
        && text.get(17..19) != Some("60");
    match is_own {
        true => Cell::text(text),
        false => Cell::Text(time.to_string().into()),
    }
}

/// Where the fields of a kind that are wanted stand in a row.
#[derive(Debug)]
pub(crate) struct Places {
    /// By name.
    fields: Vec<(&'static str, usize)>,
    /// What stands where the body says nothing.
    empty: Vec<Cell<'static>>,
}

impl Places {
    /// The fields that `is_wanted`, in the order of the kind.
    pub(crate) fn of(info: &RecordInfo, is_wanted: impl Fn(&str) -> bool) -> Places {
        let wanted = info.fields.iter().filter(|field| is_wanted(field.name));
        let (mut fields, mut empty) = (Vec::new(), Vec::new());
        for (place, field) in wanted.enumerate() {
            fields.push((field.name, place));
            empty.push(match field.ty {
                Type::List => Cell::text("[]"),
                _ => Cell::Null,
            });
        }
        fields.sort_unstable();
        Places { fields, empty }
    }

    /// Puts the body's values behind `cells`; whether it was a body at all.
    pub(crate) fn fill<'l>(&self, body: &'l str, cells: &mut Vec<Cell<'l>>) -> bool {
        let begin = cells.len();
        cells.extend(self.empty.iter().cloned());
        let own = cells.get_mut(begin..).unwrap_or_default();
        if self.fill_plainly(body, own).is_some() {
            return true;
        }
        own.clone_from_slice(&self.empty);
        let mut reader = serde_json::Deserializer::from_str(body);
        let is_body =
            serde::Deserializer::deserialize_map(&mut reader, Filling { places: self, own })
                .is_ok();
        if !is_body {
            cells.truncate(begin);
        }
        is_body
    }

    /// The same for a body as the ledger writes nearly all: keys in order, texts and lists of texts without escapes. `None`
    /// leaves it to the reader of JSON, with whatever was filled so far.
    fn fill_plainly<'l>(&self, body: &'l str, own: &mut [Cell<'l>]) -> Option<()> {
        if body == "{}" {
            return Some(());
        }
        if !is_plain(body) {
            return None;
        }
        let bytes = body.as_bytes();
        // Where no quote is escaped, each begins a text or ends it.
        let mut quotes = memchr_iter(b'"', bytes);
        // Both are in order, so each key is looked for behind the last.
        let mut fields = self.fields.iter().peekable();
        let (mut last, mut at) = ("", "{".len());
        if !body.starts_with('{') {
            return None;
        }
        loop {
            let end = text_end(&mut quotes, at)?;
            let key = inside(body, at, end)?;
            if key <= last && !last.is_empty() || bytes.get(end) != Some(&b':') {
                return None;
            }
            last = key;
            let begin = end + 1;
            let end = match bytes.get(begin)? {
                b'"' => text_end(&mut quotes, begin)?,
                b'[' => list_end(&mut quotes, bytes, begin)?,
                _ => begin + plain_word(body.get(begin..)?)?.len(),
            };
            while let Some((name, place)) = fields.peek() {
                match (*name).cmp(key) {
                    Ordering::Less => {}
                    Ordering::Equal => *own.get_mut(*place)? = plain_cell(body, begin, end)?,
                    Ordering::Greater => break,
                }
                fields.next();
            }
            at = end + 1;
            match bytes.get(end)? {
                b',' => {}
                b'}' => return (at == bytes.len()).then_some(()),
                _ => return None,
            }
        }
    }
}

/// What stands between the quotes at both ends.
fn inside(body: &str, begin: usize, end: usize) -> Option<&str> {
    body.get(begin + 1..end.checked_sub(1)?)
}

/// Where the text ends that begins there, if one does.
fn text_end(quotes: &mut Memchr<'_>, begin: usize) -> Option<usize> {
    let is_there = quotes.next()? == begin;
    let end = quotes.next()?;
    is_there.then_some(end + 1)
}

/// Where the list of texts ends that begins there, if one does.
fn list_end(quotes: &mut Memchr<'_>, bytes: &[u8], begin: usize) -> Option<usize> {
    let mut at = begin + 1;
    if bytes.get(at) == Some(&b']') {
        return Some(at + 1);
    }
    loop {
        let end = text_end(quotes, at)?;
        at = end + 1;
        match bytes.get(end)? {
            b',' => {}
            b']' => return Some(at),
            _ => return None,
        }
    }
}

/// The value that stands there, which is known to be simple.
fn plain_cell(body: &str, begin: usize, end: usize) -> Option<Cell<'_>> {
    match body.as_bytes().get(begin)? {
        b'"' => inside(body, begin, end).map(Cell::text),
        // Of texts that say themselves, as a table has it.
        b'[' => body.get(begin..end).map(Cell::text),
        _ => body.get(begin..end).map(Cell::of),
    }
}

/// The number or word at the beginning; `None` for all but the simple ones.
fn plain_word(rest: &str) -> Option<&str> {
    let digits = rest.strip_prefix('-').unwrap_or(rest);
    if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        let mut words = ["true", "false", "null"].into_iter();
        return words.find(|word| rest.starts_with(word));
    }
    let after = digits.trim_start_matches(|c: char| c.is_ascii_digit());
    // What goes on is a fraction or none at all, and what begins with 0 is 0.
    let is_whole = matches!(after.as_bytes().first()?, b',' | b'}')
        && (!digits.starts_with('0') || digits.len() == after.len() + 1 && digits == rest);
    rest.get(..rest.len().checked_sub(after.len())?)
        .filter(|_| is_whole)
}

struct Filling<'p, 'c, 'l> {
    places: &'p Places,
    own: &'c mut [Cell<'l>],
}

#[derive(Deserialize)]
struct Key<'l>(#[serde(borrow)] Cow<'l, str>);

impl<'l> Visitor<'l> for Filling<'_, '_, 'l> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the body of a record")
    }

    fn visit_map<A: MapAccess<'l>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(Key(name)) = map.next_key()? {
            let fields = &self.places.fields;
            let place = fields.binary_search_by(|(field, _)| (*field).cmp(name.as_ref()));
            let place = place.ok().and_then(|index| fields.get(index));
            match place.and_then(|(_, place)| self.own.get_mut(*place)) {
                Some(cell) => *cell = Cell::of(map.next_value::<&RawValue>()?.get()),
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::*;

    fn as_bound(value: &facts::Value) -> Cell<'static> {
        match value {
            facts::Value::Null => Cell::Null,
            facts::Value::Bool(on) => Cell::Int(i64::from(*on)),
            facts::Value::Int(number) => Cell::Int(*number),
            facts::Value::Text(text) => Cell::Text(text.clone().into()),
            facts::Value::List(texts) => Cell::Text(Json::from(texts.clone()).to_string().into()),
            other => panic!("no field of a record is {other:?}"),
        }
    }

    /// Every way in which a value can stand in a body, held against the row that a body gives when it is read whole.
    #[test]
    fn a_cell_says_what_the_row_of_the_body_says() {
        let info = facts::records::kind("custody").unwrap();
        let places = Places::of(info, |_| true);
        for body in [
            r#"{}"#,
            r#"{"backups":["b-1","b-2"],"label":"D-7","encrypted":true,"unknown":{"label":"x"}}"#,
            r#"{"backups":[],"label":"a \"b\"\n","encrypted":false,"medium":null}"#,
            r#"{"backups":["a\\b"],"label":"ü","place":["x",7,true,null]}"#,
            r#"{"backups":["a","] b"],"label":7,"place":-1,"seal":1.5,"keeper":{"a":[1]}}"#,
            r#"{ "backups" : [ "a" , "b" ], "la\u0062el" : " x " , "label":"twice","seal":18446744073709551615}"#,
            r#"{"backups":["a\",\"b","c"],"label":"\u00e9\ud83d\ude00"}"#,
            r#"{"label":0}"#,
            r#"{"label":-0}"#,
        ] {
            let whole: Map<String, Json> = serde_json::from_str(body).unwrap();
            let expected: Vec<Cell<'_>> = info.row(&whole).iter().map(as_bound).collect();
            let mut cells = vec![Cell::Int(1)];
            assert!(places.fill(body, &mut cells), "{body}");
            assert_eq!(cells[1..], expected, "{body}");
        }
        let mut cells = vec![Cell::Int(1)];
        for none in [
            "[1]",
            r#"{"label":-}"#,
            r#"{"label":-,"place":"x"}"#,
            r#"{"label":01}"#,
            r#"{"label":tru}"#,
        ] {
            assert!(!places.fill(none, &mut cells) && cells.len() == 1, "{none}");
        }
    }

    #[test]
    fn a_time_is_written_as_every_table_has_it() {
        for (given, written) in [
            (
                "2026-11-21T08:00:00.000000000Z",
                "2026-11-21T08:00:00.000000000Z",
            ),
            ("2026-11-21T08:00:00Z", "2026-11-21T08:00:00.000000000Z"),
            (
                "2026-11-21T08:00:00.0000000-05:00",
                "2026-11-21T13:00:00.000000000Z",
            ),
            (
                "2026-11-21T23:59:60.000000000Z",
                "2026-11-21T23:59:59.000000000Z",
            ),
        ] {
            assert_eq!(time(Some(given)), Cell::text(written), "{given}");
        }
        assert_eq!(time(Some("soon")), Cell::Null);
    }
}
