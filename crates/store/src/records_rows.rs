//! The ledger's records as tables: one per kind, named `record_` and the kind, so that none collides with a fact's.
//!
//! Of each record the version that was known at one time and holds at another; what was withdrawn is absent. Rows stand in
//! the order of ids, so that the order of recording reaches no result.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use facts::records::{COMMON, Form, RECORDS, RecordInfo, Shape};
use facts::{Column, Time, Type, Value};
use rusqlite::{Connection, Statement};
use serde_json::{Map, Value as Json};

use crate::ledger::{Brief, Entry, Ledger, Turned};
use crate::reads::{OfAll, ReadColumns};
use crate::records_cells::{Cell, Places};
use crate::records_kept::{Filled, Kept};
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

/// Where the rows of a snapshot's records come from.
pub(crate) enum Source<'a> {
    Ledger {
        records: Records<'a>,
        /// Only those tables and columns are filled, where it is known which are read.
        read: Option<&'a OfAll<'a>>,
        /// Whether the tables stand in databases of their own.
        apart: bool,
    },
    /// Rows as cases of pages have them.
    Given(&'a [Table]),
}

impl Source<'_> {
    /// The databases of their own in which the tables of records stand, where they do; [`Source::load`] makes them elsewhere.
    pub(crate) fn apart(&self) -> Result<Option<Arc<Filled>>, Error> {
        match self {
            Source::Ledger {
                records,
                read: Some(read),
                ..
            } if self.is_apart() => match records.kept {
                Some(kept) => kept.filled(records, read.columns()?),
                None => Ok(Some(Arc::new(Filled::of(records, read.columns()?)?))),
            },
            _ => Ok(None),
        }
    }

    pub(crate) fn is_apart(&self) -> bool {
        matches!(self, Source::Ledger { records, read: Some(_), apart: true } if records.ledger.is_some())
    }

    /// Makes every table of records, and fills those that are asked for.
    pub(crate) fn load(&self, db: &Connection) -> Result<(), Error> {
        for table in tables() {
            db.execute_batch(&create(table))
                .map_err(Error::build(&table.name))?;
        }
        match self {
            Source::Ledger { records, read, .. } => {
                let read = read.map(OfAll::columns).transpose()?;
                let wanted = wanted(read, CITED);
                let places = places(records, &wanted);
                let mut tables = wanted.iter().zip(places);
                tables.try_for_each(|(of, places)| fill(db, records, of, places))
            }
            Source::Given(given) => {
                for table in *given {
                    let Some(known) = find(&table.name) else {
                        continue;
                    };
                    let insert = insert(known, &|_| true);
                    let mut insert = db.prepare(&insert).map_err(Error::build(&known.name))?;
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
/// Those of them that are needed where the rest of an entry stands aside ([`Lines`](crate::records_cited::Lines)).
pub(crate) const CITED_BY_ENTRY: &[&str] = &["id", "entry"];
/// What of a kind's records goes into its table.
pub(crate) struct Wanted {
    pub(crate) table: &'static RecordTable,
    /// Of the columns that every record has.
    common: Vec<&'static str>,
    fields: Places,
    /// Of every column of the table, whether it is wanted.
    pub(crate) columns: Vec<bool>,
    insert: String,
    pub(crate) index: Option<Index>,
}

/// An index of a table: by what its records are of and when, by the columns' places in the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Index {
    pub(crate) of: usize,
    pub(crate) when: Option<usize>,
}

/// Every table of which something is read; the columns `cited` are there whoever reads them.
pub(crate) fn wanted(read: Option<&ReadColumns>, cited: &[&str]) -> Vec<Wanted> {
    let mut wanted = Vec::new();
    for table in tables() {
        let columns = match read {
            None => None,
            Some(read) => match read.get(&table.name) {
                Some(columns) => Some(columns),
                None => continue,
            },
        };
        let is_read = |name: &str| columns.is_none_or(|columns| columns.contains(name));
        let is_wanted = |name: &str| cited.contains(&name) || is_read(name);
        let own = table.info.table.columns.len();
        let common = table.columns.iter().map(|column| column.name);
        wanted.push(Wanted {
            table,
            common: common
                .take(table.columns.len().saturating_sub(own))
                .filter(|name| is_wanted(name))
                .collect(),
            fields: Places::of(table.info, is_wanted),
            columns: table.columns.iter().map(|c| is_wanted(c.name)).collect(),
            insert: insert(table, &is_wanted),
            index: index(table, &is_read),
        });
    }
    wanted
}

/// The places of the kinds among the wanted tables.
pub(crate) fn by_kind(wanted: &[Wanted]) -> BTreeMap<&'static str, usize> {
    let places = wanted.iter().enumerate();
    places
        .map(|(place, of)| (of.table.info.name, place))
        .collect()
}

/// Where the records of each wanted table stand in the ledger.
pub(crate) fn places(records: &Records<'_>, wanted: &[Wanted]) -> Vec<Vec<usize>> {
    let Some((ledger, known, held)) = records.parts() else {
        return Vec::new();
    };
    let by_kind = by_kind(wanted);
    // A kind that this version does not know was recorded by a later one; nothing here can ask for it.
    ledger.in_places(known, held, wanted.len(), |kind| by_kind.get(kind).copied())
}

/// Reads the records that stand there as rows of the table: the wanted cells of each, in the order of the ids. `told` gets each
/// entry with its number among the places.
pub(crate) fn rows<'l>(
    ledger: &'l Ledger,
    of: &Wanted,
    places: Vec<usize>,
    mut told: impl FnMut(usize, &Brief<'l>),
    mut row: impl FnMut(&mut [Cell<'l>]) -> Result<(), Error>,
) -> Result<(), Error> {
    // Most tables need no more of a line than its front.
    let in_brief = of.common.iter().all(|c| CITED_BY_ENTRY.contains(c));
    let mut cells = Vec::new();
    for (number, place) in ledger.by_id(places) {
        cells.clear();
        let brief = in_brief.then(|| ledger.brief(place)).flatten();
        let brief = match brief {
            Some(brief) => {
                let common = of.common.iter();
                cells.extend(common.map(|column| Cell::of_brief(&brief, column)));
                brief
            }
            None => {
                let Some(entry) = ledger.entry(place) else {
                    continue;
                };
                let common = of.common.iter();
                cells.extend(common.map(|column| Cell::of_entry(&entry, column)));
                entry.brief()
            }
        };
        told(number, &brief);
        if of.fields.fill(brief.body, &mut cells) {
            row(&mut cells)?;
        }
    }
    Ok(())
}

/// Fills a table with the records that stand there. In the order of ids, which is that of the table: each row goes behind the
/// last, where it costs half of what it takes to find its place.
fn fill(
    db: &Connection,
    records: &Records<'_>,
    of: &Wanted,
    places: Vec<usize>,
) -> Result<(), Error> {
    let Some(ledger) = records.ledger else {
        return Ok(());
    };
    put_in(db, ledger, of, places, |_, _| ())?;
    let failed = |error| Error::build(&of.table.name)(error);
    match of.index {
        Some(index) => db.execute_batch(&index.create(of.table)).map_err(failed),
        None => Ok(()),
    }
}

/// Puts the records that stand there into a table that has its index, in place of what it had of them; gives how many more it
/// has. `told` gets each entry with its number among them.
pub(crate) fn refill<'l>(
    db: &Connection,
    ledger: &'l Ledger,
    of: &Wanted,
    turned: Turned,
    told: impl FnMut(usize, &Brief<'l>),
) -> Result<isize, Error> {
    let failed = |error| Error::build(&of.table.name)(error);
    let delete = format!("DELETE FROM \"{}\" WHERE id = ?", of.table.name);
    let mut delete = db.prepare(&delete).map_err(failed)?;
    let mut more = 0isize;
    for id in &turned.ids {
        let gone = delete.execute([id]).map_err(failed)?;
        more = more.saturating_sub_unsigned(gone);
    }
    more = more.saturating_add_unsigned(turned.standing.len());
    put_in(db, ledger, of, turned.standing, told)?;
    Ok(more)
}

fn put_in<'l>(
    db: &Connection,
    ledger: &'l Ledger,
    of: &Wanted,
    places: Vec<usize>,
    told: impl FnMut(usize, &Brief<'l>),
) -> Result<(), Error> {
    let failed = |error| Error::build(&of.table.name)(error);
    let mut insert = db.prepare(&of.insert).map_err(failed)?;
    let put = |cells: &mut [Cell<'_>]| {
        (1..)
            .zip(cells.iter())
            .try_for_each(|(index, cell)| cell.bind(&mut insert, index))
            .and_then(|()| insert.raw_execute().map(|_| ()))
            .map_err(failed)
    };
    rows(ledger, of, places, told, put)
}

/// Where the first field of a kind is a name, it says of what each record is: pages look for the backups of an item, the
/// approvals of a change. Without an index each such look would read them all. Mostly they look for the last of them, so the
/// time that a record must have stands in it too, the latest first.
fn index(table: &RecordTable, is_read: &dyn Fn(&str) -> bool) -> Option<Index> {
    let field = table.info.fields.first()?;
    if !is_read(field.name) || field.shape.is_list() || !matches!(field.form, Form::Name(_)) {
        return None;
    }
    let mut fields = table.info.fields.iter();
    let when = fields.find(|field| {
        matches!(field.form, Form::Time) && field.shape == Shape::One && is_read(field.name)
    });
    let place = |name: &str| table.columns.iter().position(|column| column.name == name);
    Some(Index {
        of: place(field.name)?,
        when: when.and_then(|when| place(when.name)),
    })
}

impl Wanted {
    pub(crate) fn wanted_columns(&self) -> impl Iterator<Item = &'static Column> {
        let columns = self.table.columns.iter().zip(&self.columns);
        columns.filter_map(|(column, is_wanted)| is_wanted.then_some(column))
    }
}

impl Index {
    /// The name of a table's index.
    pub(crate) fn name(table: &RecordTable) -> String {
        format!("{}_of", table.name)
    }

    pub(crate) fn create(&self, table: &RecordTable) -> String {
        let column = |place: usize| table.columns.get(place).map_or("id", |column| column.name);
        let when = self
            .when
            .map_or_else(String::new, |when| format!(", \"{}\" DESC", column(when)));
        format!(
            "CREATE INDEX \"{}\" ON \"{}\" (\"{}\"{when})",
            Index::name(table),
            table.name,
            column(self.of)
        )
    }
}

pub(crate) fn create(table: &RecordTable) -> String {
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

fn insert(table: &RecordTable, is_wanted: &dyn Fn(&str) -> bool) -> String {
    let names = table.columns.iter().map(|column| column.name);
    let names: Vec<String> = names
        .filter(|name| is_wanted(name))
        .map(|name| format!("\"{name}\""))
        .collect();
    let places = vec!["?"; names.len()].join(", ");
    format!(
        "INSERT INTO \"{}\" ({}) VALUES ({places})",
        table.name,
        names.join(", ")
    )
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
        // What is the key stands in front of a row whose pages are written by hand.
        let first = table.columns.first().map(|column| column.name);
        assert_eq!(first, Some("id"), "{}", table.name);
    }
}
