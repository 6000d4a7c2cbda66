//! Filling tables: rows go from where they are into SQLite cell by cell, without a copy in between.
use facts::{Cell, KindInfo, Plain, Time, Value};
use rusqlite::types::{Null, ToSqlOutput, ValueRef};
use rusqlite::{Connection, Statement};

use crate::{Error, schema};

/// Fills one table, row by row; rows are numbered from 1.
pub(crate) struct Loader<'db> {
    insert: Statement<'db>,
    table: &'static str,
    /// What each column was last given: SQLite keeps it until it is given another, and much of a row is as in the row before.
    bound: Vec<Bound>,
    /// Cells of the row under way.
    cells: usize,
    rows: i64,
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
    pub(crate) fn new(db: &'db Connection, kind: &KindInfo) -> Result<Loader<'db>, Error> {
        let insert = db
            .prepare(&schema::insert(kind))
            .map_err(Error::build(kind.name))?;
        Ok(Loader {
            insert,
            table: kind.name,
            bound: vec![Bound::Null; kind.columns.len()],
            cells: 0,
            rows: 0,
            scratch: String::new(),
        })
    }

    /// The next cell of the row.
    pub(crate) fn cell(&mut self, cell: Plain<'_>) -> Result<(), Error> {
        // One too many is told when the row ends.
        if let Some(bound) = self.bound.get_mut(self.cells)
            && !bound.is(cell)
        {
            bound.become_one(cell);
            // The first parameter is the number of the row.
            give(&mut self.insert, self.cells + 2, cell).map_err(Error::build(self.table))?;
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
                table: self.table.to_owned(),
                given: self.cells,
                expected: self.bound.len(),
            });
        }
        self.cells = 0;
        self.rows += 1;
        let numbered = self.insert.raw_bind_parameter(1, self.rows);
        let put = numbered.and_then(|()| self.insert.raw_execute());
        put.map(|_| ()).map_err(Error::build(self.table))
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
