//! The tables of a day's file, and the statements that keep them: all from the declarations of the kinds.
//!
//! A table has the columns that `seawall sql --tables` documents, without the judged ones, so that a query over facts also
//! runs over a day's file. `key` is a hash of what tells a row apart; a row told again is merged by SQL as it is in memory.
use facts::{Column, Evidence, Facts, Kind, Merge, Time, Type, Value, Words, every_kind, merge};
use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;
use rusqlite::types::ValueRef;
use sha2::{Digest, Sha256};

use crate::snapshot::bind;

/// The formats of the file: what leads from each to the next. Tables and columns that a file lacks are added without a
/// step of their own; a step is for what cannot be added.
///
/// 0 is a file without tables, or one from before formats were counted.
pub(super) const STEPS: &[&str] = &[""];
/// The format that this version writes.
pub(super) const FORMAT: u32 = STEPS.len() as u32;

/// The columns that are kept, each with its rule; `capture` and `frames` come last.
fn kept<K: Kind>() -> impl Iterator<Item = (&'static Column, Merge)> {
    let rules = K::MERGE.iter().copied();
    K::INFO
        .columns
        .iter()
        .zip(rules)
        .filter(|(_, rule)| !rule.is_judged())
}

const fn affinity(ty: Type) -> &'static str {
    match ty {
        Type::Bool | Type::Int => "INTEGER",
        Type::Real => "REAL",
        Type::Text | Type::Time | Type::List | Type::Numbers => "TEXT",
    }
}

fn create<K: Kind>() -> String {
    let columns: Vec<String> = kept::<K>()
        .map(|(column, _)| format!("\"{}\" {}", column.name, affinity(column.ty)))
        .collect();
    format!(
        "CREATE TABLE IF NOT EXISTS \"{}\" (id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, {})",
        K::INFO.name,
        columns.join(", ")
    )
}

/// Adds the columns that a table of an earlier format lacks.
fn complete<K: Kind>(db: &Connection) -> rusqlite::Result<()> {
    let there = columns(db, K::INFO.name)?;
    for (column, _) in kept::<K>() {
        if !there.iter().any(|name| name == column.name) {
            let (table, ty) = (K::INFO.name, affinity(column.ty));
            db.execute_batch(&format!(
                "ALTER TABLE \"{table}\" ADD COLUMN \"{}\" {ty}",
                column.name
            ))?;
        }
    }
    Ok(())
}

/// The columns that a table has; none where there is no such table.
pub(super) fn columns(db: &Connection, table: &str) -> rusqlite::Result<Vec<String>> {
    let mut statement = db.prepare("SELECT name FROM pragma_table_info(?1)")?;
    let names = statement.query_map([table], |row| row.get(0))?;
    names.collect()
}

/// The statement for a row that counts, and the one for an event, which is kept once.
fn statements<K: Kind>() -> [String; 2] {
    let names: Vec<String> = kept::<K>()
        .map(|(column, _)| format!("\"{}\"", column.name))
        .collect();
    let insert = format!(
        "INSERT INTO \"{}\" (key, {}) VALUES (?{}) ON CONFLICT (key) DO",
        K::INFO.name,
        names.join(", "),
        ", ?".repeat(names.len())
    );
    let merged: Vec<String> = kept::<K>()
        .filter_map(|(column, rule)| Some((column.name, merged(column.name, rule)?)))
        .map(|(name, merged)| format!("\"{name}\" = {merged}"))
        .collect();
    [
        format!("{insert} UPDATE SET {}", merged.join(", ")),
        format!("{insert} NOTHING"),
    ]
}

/// What the column becomes when its row is told again; nothing for what cannot differ.
fn merged(name: &str, rule: Merge) -> Option<String> {
    let (old, new) = (format!("\"{name}\""), format!("excluded.\"{name}\""));
    let either = format!("ifnull({old}, {new}), ifnull({new}, {old})");
    Some(match (rule, name) {
        (Merge::Key | Merge::Judged, _) => return None,
        (Merge::Least, _) => format!("min({either})"),
        (Merge::Most, _) => format!("max({either})"),
        // The column may be younger than the row.
        (Merge::Sum, _) => format!("ifnull({old}, 0) + {new}"),
        (Merge::Latest, _) => new,
        (Merge::Opening, _) => {
            format!("CASE WHEN excluded.\"time\" < \"time\" THEN {new} ELSE {old} END")
        }
        // The earlier capture was told first.
        (Merge::Join, "capture") => format!("ifnull({old}, {new})"),
        (Merge::Join, "frames") => format!(
            "CASE WHEN \"capture\" IS NULL THEN {new} WHEN \"capture\" = excluded.\"capture\" \
             THEN joined_frames({old}, {new}) ELSE {old} END"
        ),
        (Merge::Join, _) => format!("joined({old}, {new})"),
    })
}

/// What SQL cannot say of merging.
pub(super) fn register(db: &Connection) -> rusqlite::Result<()> {
    fn text(value: ValueRef<'_>) -> &str {
        value.as_str_or_null().ok().flatten().unwrap_or("[]")
    }
    let json = |list: serde_json::Result<String>| list.unwrap_or_else(|_| "[]".to_owned());
    let flags = FunctionFlags::SQLITE_UTF8
        | FunctionFlags::SQLITE_DETERMINISTIC
        | FunctionFlags::SQLITE_DIRECTONLY;
    db.create_scalar_function("joined", 2, flags, move |context| {
        let list = |at| serde_json::from_str(text(context.get_raw(at))).unwrap_or_default();
        let mut all: Vec<String> = list(0);
        merge::join(&mut all, list(1));
        Ok(json(serde_json::to_string(&all)))
    })?;
    db.create_scalar_function("joined_frames", 2, flags, move |context| {
        let of = |at| {
            let frames: Vec<u32> =
                serde_json::from_str(text(context.get_raw(at))).unwrap_or_default();
            Evidence {
                capture: Some(0),
                frames: frames.into(),
            }
        };
        let mut all = of(0);
        all.merge(of(1));
        Ok(json(serde_json::to_string(&*all.frames)))
    })
}

/// What tells a row apart, as 16 bytes that are the same on every machine and in every version.
fn key<K: Kind>(fact: &K, values: &[Value]) -> [u8; 16] {
    let event = !fact.is_counted();
    let mut hash = Sha256::new();
    // Each value says where it ends, so that no two rows write the same bytes.
    let mut put = |tag: u8, bytes: &[u8]| {
        hash.update([tag]);
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    for (value, rule) in values.iter().zip(K::MERGE) {
        if rule.is_judged() || !rule.is_key() && !event {
            continue;
        }
        match value {
            Value::Null => put(0, &[]),
            Value::Bool(on) => put(1, &[u8::from(*on)]),
            Value::Int(n) => put(2, &n.to_le_bytes()),
            Value::Real(n) => put(3, &n.to_le_bytes()),
            Value::Text(text) => put(4, text.as_bytes()),
            Value::List(list) => {
                put(5, &(list.len() as u64).to_le_bytes());
                list.iter().for_each(|text| put(4, text.as_bytes()));
            }
            Value::Numbers(list) => {
                put(6, &(list.len() as u64).to_le_bytes());
                list.iter().for_each(|n| put(2, &n.to_le_bytes()));
            }
        }
    }
    let digest: [u8; 32] = hash.finalize().into();
    digest.first_chunk().copied().unwrap_or_default()
}

fn put<K: Kind>(db: &Connection, rows: &[K], captures: &[String]) -> rusqlite::Result<u64> {
    if rows.is_empty() {
        return Ok(0);
    }
    let [counted, event] = statements::<K>();
    let mut counted = db.prepare_cached(&counted)?;
    let mut event = db.prepare_cached(&event)?;
    for fact in rows {
        let values = fact.row(captures);
        let statement = if fact.is_counted() {
            &mut counted
        } else {
            &mut event
        };
        statement.raw_bind_parameter(1, key(fact, &values))?;
        let values = values
            .iter()
            .zip(K::MERGE)
            .filter(|(_, rule)| !rule.is_judged());
        for (index, (value, _)) in (2..).zip(values) {
            bind(statement, index, value)?;
        }
        statement.raw_execute()?;
    }
    Ok(rows.len() as u64)
}

/// A value as its column has it; `None` where the file holds something else.
fn typed(value: ValueRef<'_>, ty: Type) -> Option<Value> {
    Some(match (value, ty) {
        (ValueRef::Null, _) => Value::Null,
        (ValueRef::Integer(n), Type::Bool) => Value::Bool(n != 0),
        (ValueRef::Integer(n), Type::Int) => Value::Int(n),
        (ValueRef::Real(n), Type::Real) => Value::Real(n),
        (ValueRef::Text(text), ty) => {
            let text = std::str::from_utf8(text).ok()?;
            match ty {
                Type::Text | Type::Time => Value::Text(text.to_owned()),
                Type::List => Value::List(serde_json::from_str(text).ok()?),
                Type::Numbers => Value::Numbers(serde_json::from_str(text).ok()?),
                Type::Bool | Type::Int | Type::Real => return None,
            }
        }
        _ => return None,
    })
}

/// Rows of a table that cannot be read, as those of a later version that knows more words.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LeftOut {
    table: &'static str,
    rows: u64,
    /// The first of them, and its column that holds something else.
    first: (i64, &'static str),
}

impl std::fmt::Display for LeftOut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (id, column) = self.first;
        let (rows, noun) = (self.rows, if self.rows == 1 { "row" } else { "rows" });
        write!(
            f,
            "{rows} {noun} of table {} left out: row {id} holds no {column} that can be read",
            self.table
        )
    }
}

/// Reads the rows that tell of the time between; `place` names captures by index. What cannot be read is left out.
fn read<K: Kind>(
    db: &Connection,
    from: Time,
    until: Time,
    place: &mut dyn FnMut(&str) -> Option<u32>,
    left_out: &mut Vec<LeftOut>,
) -> rusqlite::Result<Vec<K>> {
    let table = K::INFO.name;
    let there = columns(db, table)?;
    if there.is_empty() {
        return Ok(Vec::new());
    }
    // A file of an earlier format, opened for reading only, may lack columns.
    let column = |name: &str| {
        let lacks = !there.iter().any(|column| column == name);
        if lacks {
            "NULL".to_owned()
        } else {
            format!("\"{name}\"")
        }
    };
    let names: Vec<String> = kept::<K>().map(|(kept, _)| column(kept.name)).collect();
    let types: Vec<Type> = kept::<K>().map(|(kept, _)| kept.ty).collect();
    let mut statement = db.prepare(&format!(
        "SELECT id, {} FROM \"{table}\" WHERE ifnull(\"last\", ?1) >= ?1 AND ifnull(\"time\", ?2) <= ?2 ORDER BY id",
        names.join(", ")
    ))?;
    let mut cursor = statement.query([from.to_string(), until.to_string()])?;
    let mut rows = Vec::new();
    let mut lost: Option<LeftOut> = None;
    let mut leave_out = |id, column| match &mut lost {
        Some(lost) => lost.rows += 1,
        None => {
            lost = Some(LeftOut {
                table,
                rows: 1,
                first: (id, column),
            });
        }
    };
    let mut words = Words::default();
    while let Some(row) = cursor.next()? {
        let id: i64 = row.get(0)?;
        let mut values = Vec::with_capacity(types.len());
        let mut wrong = None;
        for ((index, ty), (column, _)) in (1..).zip(&types).zip(kept::<K>()) {
            match typed(row.get_ref(index)?, *ty) {
                Some(value) => values.push(value),
                None => wrong = wrong.or(Some(column.name)),
            }
        }
        if let Some(column) = wrong {
            leave_out(id, column);
            continue;
        }
        let evidence = match (values.pop(), values.pop()) {
            (Some(Value::Numbers(frames)), Some(Value::Text(capture))) => Evidence {
                capture: place(&capture),
                frames: frames
                    .into_iter()
                    .filter_map(|n| n.try_into().ok())
                    .collect(),
            },
            _ => Evidence::default(),
        };
        match K::from_row(&mut values.into_iter(), evidence) {
            Ok(mut fact) => {
                fact.share(&mut words);
                rows.push(fact);
            }
            Err(column) => leave_out(id, column),
        }
    }
    left_out.extend(lost);
    Ok(rows)
}

macro_rules! tables {
    ($($field:ident : $kind:ty,)*) => {
        /// Makes the tables that are not there, and adds the columns that they lack.
        pub(super) fn make(db: &Connection) -> rusqlite::Result<()> {
            $(if <$kind as Kind>::WITNESSED {
                db.execute_batch(&create::<$kind>())?;
                complete::<$kind>(db)?;
            })*
            Ok(())
        }

        /// Adds facts to what the tables hold; gives how many.
        pub(super) fn add(db: &Connection, facts: &Facts) -> rusqlite::Result<u64> {
            let mut rows = 0;
            $(if <$kind as Kind>::WITNESSED {
                rows += put(db, &facts.$field, &facts.captures)?;
            })*
            Ok(rows)
        }

        /// The facts that tell of the time between, and what had to be left out.
        pub(super) fn load(
            db: &Connection,
            captures: Vec<String>,
            from: Time,
            until: Time,
        ) -> rusqlite::Result<(Facts, Vec<LeftOut>)> {
            let places: std::collections::HashMap<String, u32> = captures.iter().cloned().zip(0..).collect();
            let mut place = |name: &str| places.get(name).copied();
            let mut left_out = Vec::new();
            let facts = Facts {
                $($field: if <$kind as Kind>::WITNESSED {
                    read(db, from, until, &mut place, &mut left_out)?
                } else {
                    Vec::new()
                },)*
                captures,
            };
            Ok((facts, left_out))
        }
    };
}
every_kind!(tables);
