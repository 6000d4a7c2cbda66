//! The ledger's records as tables: one per kind, named `record_` and the kind, so that none collides with a fact's.
//!
//! Of each record the version that was known at one time and holds at another; what was withdrawn is absent. Rows stand in
//! the order of ids, so that the order of recording reaches no result.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use facts::records::{COMMON, Form, RECORDS, RecordInfo};
use facts::{Column, Time, Type, Value};
use rusqlite::{Connection, Statement};
use serde_json::{Map, Value as Json};

use crate::ledger::{Entry, Ledger};
use crate::records_cells::{Cell, Places};
use crate::records_kept::Kept;
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
    kept: Option<&'l Kept>,
}

impl<'l> Records<'l> {
    /// No ledger: no record.
    pub const NONE: Records<'static> = Records {
        ledger: None,
        known_at: Time::MIN,
        as_of: Time::MIN,
        kept: None,
    };

    /// What the ledger knew at `known_at`, as far as it holds at `as_of`.
    pub fn of(ledger: &'l Ledger, known_at: Time, as_of: Time) -> Records<'l> {
        Records {
            ledger: Some(ledger),
            known_at,
            as_of,
            kept: None,
        }
    }

    /// The same; snapshots for the same queries share the tables of them as long as nothing of them changes.
    #[must_use]
    pub fn kept_in(self, kept: &'l Kept) -> Records<'l> {
        Records {
            kept: Some(kept),
            ..self
        }
    }

    /// The ledger, and the times at which it was known and holds.
    pub(crate) fn parts(&self) -> Option<(&'l Ledger, Time, Time)> {
        Some((self.ledger?, self.known_at, self.as_of))
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

/// Which columns of which tables are read.
pub(crate) type ReadColumns = BTreeMap<String, BTreeSet<String>>;

/// Where the rows of a snapshot's records come from.
pub(crate) enum Source<'a> {
    /// A ledger; only those tables and columns are filled, where it is known which are read.
    Ledger(Records<'a>, Option<&'a ReadColumns>),
    /// Rows as cases of pages have them.
    Given(&'a [Table]),
}

impl Source<'_> {
    /// Attaches tables that are kept, where these are; [`Source::load`] makes none then. Not within a transaction.
    pub(crate) fn attach(&self, db: &Connection) -> Result<bool, Error> {
        let Source::Ledger(records, Some(columns)) = self else {
            return Ok(false);
        };
        let name = match records.kept {
            Some(kept) => kept.name(records, columns)?,
            None => None,
        };
        if let Some(name) = &name {
            db.execute("ATTACH ? AS records", [name])
                .map_err(Error::build("records"))?;
        }
        Ok(name.is_some())
    }

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
                    let mut insert = prepare(db, known, &|_| true)?;
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

/// Columns by which evidence is resolved, whatever the pages read.
const CITED: &[&str] = &["id", "recorded_at", "recorded_by", "entry", "entry_hash"];
/// Records that are handed from the thread that reads to the one that fills the tables.
const BATCH: usize = 1024;
/// Batches that may wait.
const MOST_BATCHES: usize = 8;

/// What of a kind's records goes into its table.
struct Wanted {
    table: &'static RecordTable,
    /// Of the columns that every record has.
    common: Vec<&'static str>,
    fields: Places,
}

/// Rows one behind the other, of the wanted tables by number.
#[derive(Default)]
struct Batch<'l> {
    tables: Vec<usize>,
    cells: Vec<Cell<'l>>,
}

/// Fills the tables. The lines are read on a thread of their own, since reading takes about as long as filling; the rows come
/// in the order of the ledger all the same.
fn load(db: &Connection, records: Records<'_>, read: Option<&ReadColumns>) -> Result<(), Error> {
    let (mut wanted, mut inserts, mut kinds) = (Vec::new(), Vec::new(), BTreeMap::new());
    for table in tables() {
        let columns = match read {
            None => None,
            Some(read) => match read.get(&table.name) {
                Some(columns) => Some(columns),
                None => continue,
            },
        };
        let is_wanted = |name: &str| {
            CITED.contains(&name) || columns.is_none_or(|columns| columns.contains(name))
        };
        let own = table.info.table.columns.len();
        let common = table.columns.iter().map(|column| column.name);
        kinds.insert(table.info.name, wanted.len());
        inserts.push(prepare(db, table, &is_wanted)?);
        wanted.push(Wanted {
            table,
            common: common
                .take(table.columns.len().saturating_sub(own))
                .filter(|name| is_wanted(name))
                .collect(),
            fields: Places::of(table.info, is_wanted),
        });
    }
    let entries = records.entries(kinds.keys().copied().collect());
    let (wanted, kinds) = (&wanted, &kinds);
    std::thread::scope(|scope| {
        let (give, take) = std::sync::mpsc::sync_channel(MOST_BATCHES);
        scope.spawn(move || {
            let mut batch = Batch::default();
            for entry in entries {
                batch.add(&entry, wanted, kinds);
                // Whoever takes them stopped for an error that is told there.
                if batch.tables.len() >= BATCH && give.send(std::mem::take(&mut batch)).is_err() {
                    return;
                }
            }
            give.send(batch).ok();
        });
        for batch in take {
            let mut cells = batch.cells.iter();
            for number in batch.tables {
                let (Some(insert), Some(of)) = (inserts.get_mut(number), wanted.get(number)) else {
                    continue;
                };
                let count = of.common.len() + of.fields.len();
                (1..)
                    .zip(cells.by_ref().take(count))
                    .try_for_each(|(index, cell)| cell.bind(insert, index))
                    .and_then(|()| insert.raw_execute())
                    .map_err(Error::build(&of.table.name))?;
            }
        }
        Ok(())
    })?;
    drop(inserts);
    wanted.iter().try_for_each(|of| index(db, of.table, read))
}

/// Where the first field of a kind is a name, it says of what each record is: pages look for the backups of an item, the
/// approvals of a change. Without an index each such look would read them all.
fn index(db: &Connection, table: &RecordTable, read: Option<&ReadColumns>) -> Result<(), Error> {
    let Some(field) = table.info.fields.first() else {
        return Ok(());
    };
    let is_read = read.is_none_or(|read| {
        let columns = read.get(&table.name);
        columns.is_some_and(|columns| columns.contains(field.name))
    });
    if !is_read || field.shape.is_list() || !matches!(field.form, Form::Name(_)) {
        return Ok(());
    }
    let (name, column) = (&table.name, field.name);
    db.execute_batch(&format!(
        "CREATE INDEX \"{name}_of\" ON \"{name}\" (\"{column}\")"
    ))
    .map_err(Error::build(name))
}

impl<'l> Batch<'l> {
    fn add(&mut self, entry: &Entry<'l>, wanted: &[Wanted], kinds: &BTreeMap<&str, usize>) {
        // A kind that this version does not know was recorded by a later one; nothing here can ask for it.
        let Some((number, of)) = kinds
            .get(entry.kind)
            .and_then(|number| Some((*number, wanted.get(*number)?)))
        else {
            return;
        };
        let begin = self.cells.len();
        let common = of.common.iter();
        self.cells
            .extend(common.map(|column| Cell::of_entry(entry, column)));
        let body = entry.body_text().unwrap_or_default();
        match of.fields.fill(body, &mut self.cells) {
            true => self.tables.push(number),
            false => self.cells.truncate(begin),
        }
    }
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

fn prepare<'d>(
    db: &'d Connection,
    table: &RecordTable,
    is_wanted: &dyn Fn(&str) -> bool,
) -> Result<Statement<'d>, Error> {
    let names = table.columns.iter().map(|column| column.name);
    let names: Vec<String> = names
        .filter(|name| is_wanted(name))
        .map(|name| format!("\"{name}\""))
        .collect();
    let places = vec!["?"; names.len()].join(", ");
    db.prepare(&format!(
        "INSERT INTO \"{}\" ({}) VALUES ({places})",
        table.name,
        names.join(", ")
    ))
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
