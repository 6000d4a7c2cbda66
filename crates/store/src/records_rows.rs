//! The ledger's records as tables: one per kind, named `record_` and the kind, so that none collides with a fact's.
//!
//! Of each record the version that was known at one time and holds at another; what was withdrawn is absent. Rows stand in
//! the order of ids, so that the order of recording reaches no result.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use facts::records::{COMMON, RECORDS, RecordInfo};
use facts::{Column, Time, Type, Value};
use rusqlite::{Connection, Statement};
use serde_json::{Map, Value as Json};

use crate::ledger::{Entry, Ledger};
use crate::snapshot::{Table, bind};
use crate::{Error, TableDoc, schema};

/// What each record has as evidence, behind the columns that all records have.
const OF_ENTRY: &[Column] = &[
    Column {
        name: "entry",
        ty: Type::Int,
        doc: " Number of its entry in the ledger.",
    },
    Column {
        name: "entry_hash",
        ty: Type::Text,
        doc: " Hash of that entry.",
    },
];

/// A table of records.
pub(crate) struct RecordTable {
    pub(crate) name: String,
    pub(crate) info: &'static RecordInfo,
    pub(crate) columns: Vec<Column>,
}

static TABLES: LazyLock<Vec<RecordTable>> = LazyLock::new(|| {
    let common = COMMON.iter().map(|column| match column.name {
        // A word of SQL, which every query would have to quote.
        "by" => Column {
            name: "recorded_by",
            ..*column
        },
        _ => *column,
    });
    let table = |info: &'static RecordInfo| RecordTable {
        name: format!("record_{}", info.name.replace('-', "_")),
        info,
        columns: common
            .clone()
            .chain(OF_ENTRY.iter().copied())
            .chain(info.table.columns.iter().copied())
            .collect(),
    };
    RECORDS.iter().map(table).collect()
});

/// Every table of records, in the order of the kinds.
pub(crate) fn tables() -> &'static [RecordTable] {
    &TABLES
}

pub(crate) fn find(name: &str) -> Option<&'static RecordTable> {
    TABLES.iter().find(|table| table.name == name)
}

/// The table that holds the records of a kind.
pub fn record_table(kind: &str) -> Option<&'static str> {
    let table = TABLES.iter().find(|table| table.info.name == kind)?;
    Some(&table.name)
}

pub(crate) fn docs() -> impl Iterator<Item = TableDoc> {
    TABLES.iter().map(|table| TableDoc {
        name: table.name.clone(),
        doc: schema::tidy(table.info.doc),
        columns: table
            .columns
            .iter()
            .map(|c| (c.name.to_owned(), c.ty.to_string(), schema::tidy(c.doc)))
            .collect(),
    })
}

/// Records as a judgement sees them: what was recorded by one time, and of that what holds at another.
#[derive(Clone, Copy, Debug, Default)]
pub struct Records<'l> {
    ledger: Option<&'l Ledger>,
    known_at: Time,
    as_of: Time,
}

impl<'l> Records<'l> {
    /// No ledger: no record.
    pub const NONE: Records<'static> = Records {
        ledger: None,
        known_at: Time::MIN,
        as_of: Time::MIN,
    };

    /// What the ledger knew at `known_at`, as far as it holds at `as_of`.
    pub fn of(ledger: &'l Ledger, known_at: Time, as_of: Time) -> Records<'l> {
        Records {
            ledger: Some(ledger),
            known_at,
            as_of,
        }
    }

    /// The entries of these kinds, in the order of recording.
    fn entries(&self, kinds: BTreeSet<&'static str>) -> impl Iterator<Item = Entry<'l>> + use<'l> {
        let (known, held) = (self.known_at, self.as_of);
        let of = move |ledger: &'l Ledger| {
            ledger.held(known, Some(held), move |kind| kinds.contains(kind))
        };
        self.ledger.map(of).into_iter().flatten()
    }

    /// The records of these kinds, with their bodies.
    pub fn bodies(
        &self,
        kinds: &[&'static str],
    ) -> impl Iterator<Item = (Entry<'l>, Map<String, Json>)> + use<'l> {
        self.entries(kinds.iter().copied().collect())
            .filter_map(|entry| match entry.body()? {
                Json::Object(body) => Some((entry, body)),
                _ => None,
            })
    }
}

/// Where the rows of a snapshot's records come from.
pub(crate) enum Source<'a> {
    /// A ledger; only those tables are filled, where it is known which are read.
    Ledger(Records<'a>, Option<&'a BTreeSet<String>>),
    /// Rows as cases of pages have them.
    Given(&'a [Table]),
}

impl Source<'_> {
    /// Makes every table of records, and fills those that are asked for.
    pub(crate) fn load(&self, db: &Connection) -> Result<(), Error> {
        for table in tables() {
            db.execute_batch(&create(table))
                .map_err(Error::build(&table.name))?;
        }
        match self {
            Source::Ledger(records, wanted) => load(db, *records, *wanted),
            Source::Given(given) => {
                for table in *given {
                    let Some(known) = find(&table.name) else {
                        continue;
                    };
                    let mut insert = prepare(db, known)?;
                    for row in &table.rows {
                        if row.len() != known.columns.len() {
                            return Err(Error::Width {
                                table: table.name.clone(),
                                given: row.len(),
                                expected: known.columns.len(),
                            });
                        }
                        put(&mut insert, row).map_err(Error::build(&known.name))?;
                    }
                }
                Ok(())
            }
        }
    }
}

fn load(
    db: &Connection,
    records: Records<'_>,
    wanted: Option<&BTreeSet<String>>,
) -> Result<(), Error> {
    let mut inserts: BTreeMap<&'static str, (&RecordTable, Statement<'_>)> = BTreeMap::new();
    for table in tables() {
        if wanted.is_none_or(|wanted| wanted.contains(&table.name)) {
            inserts.insert(table.info.name, (table, prepare(db, table)?));
        }
    }
    // A kind that this version does not know was recorded by a later one; nothing here can ask for it.
    for entry in records.entries(inserts.keys().copied().collect()) {
        let Some((table, insert)) = inserts.get_mut(entry.kind) else {
            continue;
        };
        let body = match entry.body() {
            Some(Json::Object(body)) => body,
            _ => continue,
        };
        put(insert, &row(table, &entry, &body)).map_err(Error::build(&table.name))?;
    }
    Ok(())
}

fn row(table: &RecordTable, entry: &Entry<'_>, body: &Map<String, Json>) -> Vec<Value> {
    let text = |text: &str| Value::Text(text.to_owned());
    let time = |time: Option<Time>| time.map_or(Value::Null, |time| text(&time.to_string()));
    let mut row = vec![
        text(entry.id),
        Value::Int(entry.version.into()),
        time(entry.recorded_at()),
        text(entry.by),
        text(entry.means),
        time(entry.valid_from()),
        time(entry.valid_until()),
        i64::try_from(entry.seq).map_or(Value::Null, Value::Int),
        entry
            .hash()
            .map_or(Value::Null, |hash| text(&hash.to_string())),
    ];
    row.extend(table.info.row(body));
    row
}

fn create(table: &RecordTable) -> String {
    let columns: Vec<String> = table
        .columns
        .iter()
        .map(|c| {
            let key = if c.name == "id" { " PRIMARY KEY" } else { "" };
            format!("\"{}\" {}{key}", c.name, schema::affinity(c.ty))
        })
        .collect();
    format!(
        "CREATE TABLE \"{}\" ({}) WITHOUT ROWID",
        table.name,
        columns.join(", ")
    )
}

fn prepare<'d>(db: &'d Connection, table: &RecordTable) -> Result<Statement<'d>, Error> {
    let places = vec!["?"; table.columns.len()].join(", ");
    db.prepare(&format!("INSERT INTO \"{}\" VALUES ({places})", table.name))
        .map_err(Error::build(&table.name))
}

fn put(insert: &mut Statement<'_>, row: &[Value]) -> rusqlite::Result<()> {
    for (index, value) in (1..).zip(row) {
        bind(insert, index, value)?;
    }
    insert.raw_execute().map(|_| ())
}

#[test]
fn no_field_of_a_kind_hides_a_column_that_all_have() {
    for table in tables() {
        let names: BTreeSet<&str> = table.columns.iter().map(|column| column.name).collect();
        assert_eq!(names.len(), table.columns.len(), "{}", table.name);
    }
}
