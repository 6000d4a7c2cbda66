//! Filling tables: rows go from where they are into SQLite cell by cell, without a copy in between.
//!
//! A few rows are told to SQLite. Where there are many, the rest is written as the pages that SQLite would make of it, in a database
//! of its own, from which SQLite takes the rows as they are, in two thirds of the time.
use facts::{Cell, KindInfo, Plain, Time, Value};
use rusqlite::types::{Null, ToSqlOutput, ValueRef};
use rusqlite::{Connection, Statement};

use crate::pages::{Encoder, Image, PAGE, Tree};
use crate::{Error, schema};

/// Rows of a table that are told to SQLite.
const TOLD: usize = 1_000;
/// Bytes of pages that are written: they take their memory twice until SQLite has the rows, so those of a larger table are told again.
const MOST: usize = 64 << 20;

/// Fills a table, which has no row and no index yet, with those that `source` gives.
pub(crate) fn fill(
    db: &mut Connection,
    kind: &KindInfo,
    source: impl FnOnce(&mut Loader<'_>) -> Result<(), Error>,
) -> Result<(), Error> {
    fill_by(MOST, db, kind, source)
}

fn fill_by(
    most: usize,
    db: &mut Connection,
    kind: &KindInfo,
    source: impl FnOnce(&mut Loader<'_>) -> Result<(), Error>,
) -> Result<(), Error> {
    let behind = {
        let mut loader = Loader::new(db, kind, most)?;
        source(&mut loader)?;
        loader.behind
    };
    match behind {
        Some(behind) => behind.put(db, kind.name),
        None => Ok(()),
    }
}

/// Fills one table, row by row; rows are numbered from 1.
pub(crate) struct Loader<'db> {
    insert: Statement<'db>,
    kind: &'db KindInfo,
    /// The rows behind those that SQLite was told, until they have so many bytes.
    behind: Option<Behind>,
    most: usize,
    /// What each column was last given: SQLite keeps it until it is given another, and much of a row is as in the row before.
    bound: Vec<Bound>,
    /// Cells of the row under way.
    cells: usize,
    rows: usize,
    scratch: String,
}

#[derive(Clone, Debug, Default)]
enum Bound {
    #[default]
    Null,
    Int(i64),
    Real(f64),
    Text(String),
}

impl Bound {
    fn is(&self, cell: Plain<'_>) -> bool {
        match (self, cell) {
            (Bound::Null, Plain::Null) => true,
            (Bound::Int(a), Plain::Int(b)) => *a == b,
            (Bound::Real(a), Plain::Real(b)) => a.to_bits() == b.to_bits(),
            (Bound::Text(a), Plain::Text(b)) => a == b,
            _ => false,
        }
    }

    fn become_one(&mut self, cell: Plain<'_>) {
        match (self, cell) {
            (Bound::Text(known), Plain::Text(text)) => {
                known.clear();
                known.push_str(text);
            }
            (bound, cell) => {
                *bound = match cell {
                    Plain::Null => Bound::Null,
                    Plain::Int(n) => Bound::Int(n),
                    Plain::Real(n) => Bound::Real(n),
                    Plain::Text(text) => Bound::Text(text.to_owned()),
                }
            }
        }
    }
}

impl<'db> Loader<'db> {
    fn new(db: &'db Connection, kind: &'db KindInfo, most: usize) -> Result<Loader<'db>, Error> {
        let insert = db
            .prepare(&schema::insert(kind))
            .map_err(Error::build(kind.name))?;
        Ok(Loader {
            insert,
            kind,
            behind: None,
            most,
            bound: vec![Bound::Null; kind.columns.len()],
            cells: 0,
            rows: 0,
            scratch: String::new(),
        })
    }

    /// The next cell of the row.
    pub(crate) fn cell(&mut self, cell: Plain<'_>) -> Result<(), Error> {
        // One too many is told when the row ends.
        if let Some(behind) = Behind::open(&mut self.behind, self.most) {
            let column = self.kind.columns.get(self.cells);
            let is_text = column.is_some_and(|column| schema::affinity(column.ty) == "TEXT");
            behind.cell(cell, is_text);
        } else if let Some(bound) = self.bound.get_mut(self.cells)
            && !bound.is(cell)
        {
            bound.become_one(cell);
            // The first parameter is the number of the row.
            give(&mut self.insert, self.cells + 2, cell).map_err(Error::build(self.kind.name))?;
        }
        self.cells += 1;
        Ok(())
    }

    pub(crate) fn text(&mut self, text: Option<&str>) -> Result<(), Error> {
        self.cell(text.map_or(Plain::Null, Plain::Text))
    }

    pub(crate) fn flag(&mut self, flag: bool) -> Result<(), Error> {
        self.cell(Plain::Int(i64::from(flag)))
    }

    pub(crate) fn time(&mut self, time: Option<Time>, scratch: &mut String) -> Result<(), Error> {
        scratch.clear();
        self.cell(time.plain(scratch))
    }

    /// The row is complete.
    pub(crate) fn end(&mut self) -> Result<(), Error> {
        if self.cells != self.bound.len() {
            return Err(Error::Width {
                table: self.kind.name.to_owned(),
                given: self.cells,
                expected: self.bound.len(),
            });
        }
        self.cells = 0;
        self.rows += 1;
        match Behind::open(&mut self.behind, self.most) {
            Some(behind) => behind.end(self.rows),
            None => {
                let number = i64::try_from(self.rows).unwrap_or(i64::MAX);
                let numbered = self.insert.raw_bind_parameter(1, number);
                let put = numbered.and_then(|()| self.insert.raw_execute());
                put.map_err(Error::build(self.kind.name))?;
                if self.rows == TOLD {
                    let behind = Behind::new(self.kind).map_err(Error::build(self.kind.name))?;
                    self.behind = Some(behind);
                }
            }
        }
        Ok(())
    }

    pub(crate) fn row(&mut self, values: &[Value]) -> Result<(), Error> {
        let mut scratch = std::mem::take(&mut self.scratch);
        for value in values {
            scratch.clear();
            self.cell(Plain::of(value, &mut scratch))?;
        }
        self.scratch = scratch;
        self.end()
    }
}

/// Rows as pages of a database that holds nothing else.
struct Behind {
    /// The database without rows, as SQLite makes it.
    empty: Vec<u8>,
    root: u32,
    image: Image,
    tree: Tree,
    row: Encoder,
    number: String,
}

impl Behind {
    fn new(kind: &KindInfo) -> rusqlite::Result<Behind> {
        let mut db = Connection::open_in_memory()?;
        db.execute_batch(&format!(
            "PRAGMA page_size = {PAGE}; {}",
            schema::create(kind)
        ))?;
        let root = db.query_row("SELECT rootpage FROM sqlite_schema", [], |row| row.get(0))?;
        let empty = db.serialize("main")?.to_vec();
        let mut behind = Behind {
            image: Image::behind(empty.len() / PAGE, TOLD),
            empty,
            root,
            tree: Tree::of_rows(),
            row: Encoder::default(),
            number: String::new(),
        };
        behind.begin();
        Ok(behind)
    }

    /// Those pages to which the next row goes, as long as there are no more bytes of them.
    fn open(behind: &mut Option<Behind>, most: usize) -> Option<&mut Behind> {
        behind.as_mut().filter(|behind| behind.image.bytes() < most)
    }

    /// Of each row the number stands beside it, and not in it.
    fn begin(&mut self) {
        self.row.value(Plain::Null);
    }

    fn cell(&mut self, cell: Plain<'_>, is_text: bool) {
        // As SQLite puts a number into a column of texts.
        if let (Plain::Int(number), true) = (cell, is_text) {
            self.number = number.to_string();
            self.row.value(Plain::Text(&self.number));
        } else {
            self.row.value(cell);
        }
    }

    fn end(&mut self, number: usize) {
        self.tree.add_row(&mut self.image, number, self.row.end());
        self.begin();
    }

    /// Puts the rows into the table.
    fn put(mut self, db: &mut Connection, table: &str) -> Result<(), Error> {
        let Some(root) = self.tree.end(&mut self.image) else {
            return Ok(());
        };
        let failed = || Error::build("pages");
        let image = self.image.complete(&self.empty, vec![(self.root, root)]);
        let image = image
            .ok_or(rusqlite::Error::InvalidQuery)
            .map_err(failed())?;
        // What a transaction reads from, it does not let go.
        let is_within = !db.is_autocommit();
        let (end, begin) = if is_within {
            ("COMMIT;", "BEGIN;")
        } else {
            ("", "")
        };
        db.execute_batch(&format!("{end} ATTACH ':memory:' AS behind"))
            .map_err(failed())?;
        let bytes = image.len();
        db.deserialize_read_exact("behind", image.as_slice(), bytes, true)
            .map_err(failed())?;
        drop(image);
        db.execute_batch(&format!(
            "PRAGMA behind.mmap_size = {bytes}; INSERT INTO main.\"{table}\" SELECT * FROM behind.\"{table}\"; DETACH behind; {begin}"
        ))
        .map_err(failed())
    }
}

/// Binds one parameter.
pub(crate) fn give(
    statement: &mut Statement<'_>,
    index: usize,
    cell: Plain<'_>,
) -> rusqlite::Result<()> {
    match cell {
        Plain::Null => statement.raw_bind_parameter(index, Null),
        Plain::Int(n) => statement.raw_bind_parameter(index, n),
        Plain::Real(n) => statement.raw_bind_parameter(index, n),
        Plain::Text(text) => {
            let borrowed = ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes()));
            statement.raw_bind_parameter(index, borrowed)
        }
    }
}

#[cfg(test)]
mod tests {
    use facts::{Column, Type};

    use super::*;

    const KIND: KindInfo = KindInfo {
        name: "many",
        doc: "",
        columns: &[
            column("text", Type::Text),
            column("number", Type::Int),
            column("share", Type::Real),
            column("flag", Type::Bool),
            column("list", Type::List),
        ],
    };

    const fn column(name: &'static str, ty: Type) -> Column {
        Column { name, ty, doc: "" }
    }

    /// Rows of every size, now and then one that is longer than a page or than many.
    fn rows(count: usize) -> Vec<[Value; 5]> {
        let row = |n: usize| {
            let long = match n % 997 {
                0 => 40_000,
                1 => 4_061,
                2 => 4_062,
                n => n % 300,
            };
            let number = i64::try_from(n).unwrap();
            [
                match n % 7 {
                    0 => Value::Int(number),
                    1 => Value::Null,
                    _ => Value::Text("a".repeat(long)),
                },
                Value::Int(
                    number.wrapping_mul(0x1234_5678_9abc)
                        * if n.is_multiple_of(2) { 1 } else { -1 },
                ),
                match n % 3 {
                    0 => Value::Int(number),
                    _ => Value::Real(n as f64 / 7.0),
                },
                Value::Bool(n.is_multiple_of(2)),
                Value::List(vec!["ä\u{1}".to_owned(); n % 4]),
            ]
        };
        (0..count).map(row).collect()
    }

    fn filled(rows: &[[Value; 5]], most: usize) -> Connection {
        let mut db = Connection::open_in_memory().unwrap();
        db.execute_batch(&schema::create(&KIND)).unwrap();
        let put = |into: &mut Loader<'_>| rows.iter().try_for_each(|row| into.row(row));
        fill_by(most, &mut db, &KIND, put).unwrap();
        db
    }

    /// All that SQLite says of the table, cell by cell with the type.
    fn told(db: &Connection) -> Vec<String> {
        let sql = "SELECT id, text, typeof(text), number, typeof(number), share, typeof(share), flag, list FROM many ORDER BY id";
        let mut statement = db.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| {
            let cells = (0..9).map(|at| Ok(format!("{:?}", row.get_ref(at)?)));
            Ok(cells.collect::<rusqlite::Result<Vec<_>>>()?.join(" "))
        });
        rows.unwrap().map(Result::unwrap).collect()
    }

    #[test]
    fn rows_that_are_written_as_pages_are_as_those_that_are_told() {
        for (count, most) in [
            (0, MOST),
            (1, MOST),
            (TOLD, MOST),
            (TOLD + 1, MOST),
            (TOLD + 2, MOST),
            (30_000, MOST),
            (30_000, 1 << 20),
        ] {
            let rows = rows(count);
            let written = filled(&rows, most);
            let by_one = {
                let db = Connection::open_in_memory().unwrap();
                db.execute_batch(&schema::create(&KIND)).unwrap();
                db.execute_batch("BEGIN").unwrap();
                for some in rows.chunks(TOLD) {
                    // Never so many that pages are written; each row keeps its number.
                    let mut loader = Loader::new(&db, &KIND, MOST).unwrap();
                    let done = db.query_row("SELECT COUNT(*) FROM many", [], |row| row.get(0));
                    let done: i64 = done.unwrap();
                    for (nth, row) in (1..).zip(some) {
                        for (cell, at) in row.iter().zip(2..) {
                            let mut scratch = String::new();
                            give(&mut loader.insert, at, Plain::of(cell, &mut scratch)).unwrap();
                        }
                        loader.insert.raw_bind_parameter(1, done + nth).unwrap();
                        loader.insert.raw_execute().unwrap();
                    }
                }
                db.execute_batch("COMMIT").unwrap();
                db
            };
            assert!(told(&written) == told(&by_one), "{count} rows");
            assert_eq!(told(&written).len(), count);
            let sound = "PRAGMA integrity_check";
            let sound: String = written.query_row(sound, [], |row| row.get(0)).unwrap();
            assert_eq!(sound, "ok");
        }
    }

    #[test]
    fn a_row_of_another_width_is_told_among_many_as_among_few() {
        for count in [1, TOLD + 5] {
            let mut db = Connection::open_in_memory().unwrap();
            db.execute_batch(&schema::create(&KIND)).unwrap();
            let rows = rows(count);
            let wrong = |into: &mut Loader<'_>| {
                rows.iter().try_for_each(|row| into.row(row))?;
                into.row(&[Value::Null])
            };
            let error = fill(&mut db, &KIND, wrong).unwrap_err();
            assert!(
                matches!(
                    error,
                    Error::Width {
                        given: 1,
                        expected: 5,
                        ..
                    }
                ),
                "{error}"
            );
        }
    }
}
