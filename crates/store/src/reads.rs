//! Which tables and columns a query reads. SQLite says so while it prepares the query, before there is any row.
//!
//! A sensor asks it of the same pages every second, so what was said of a query is kept, as are the empty tables that it was
//! prepared for.
use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError};

use hashbrown::HashMap;
use rusqlite::hooks::{AuthAction, AuthContext};

use crate::snapshot::{Snapshot, authorize};
use crate::{Error, Table};

/// Which columns of which tables are read.
pub(crate) type ReadColumns = BTreeMap<String, BTreeSet<String>>;

/// Queries of which it is kept: more than there are pages. Whoever asks for others is told anew each time.
const MOST_KEPT: usize = 256;

static ASKED: LazyLock<Mutex<Asked>> = LazyLock::new(Mutex::default);

/// What was asked so far.
#[derive(Default)]
struct Asked {
    /// Every table, without rows, and what is read of them by the query that is being prepared.
    empty: Option<(Snapshot, Arc<Mutex<ReadColumns>>)>,
    known: HashMap<String, Arc<ReadColumns>>,
}

/// The tables that a query reads; none if it does not run.
///
/// # Errors
/// [`Error::Build`] where the empty tables cannot be made to ask.
pub fn tables_of(query: &str) -> Result<Vec<String>, Error> {
    Ok(columns_of(query)?.keys().cloned().collect())
}

/// What some queries read, asked when it is needed: that takes a while, and much can be done before.
#[derive(Debug)]
pub(crate) struct OfAll<'q> {
    queries: Vec<&'q str>,
    read: OnceLock<ReadColumns>,
}

impl<'q> OfAll<'q> {
    pub(crate) fn new(queries: impl IntoIterator<Item = &'q str>) -> OfAll<'q> {
        OfAll {
            queries: queries.into_iter().collect(),
            read: OnceLock::new(),
        }
    }

    /// The tables and columns that they read.
    pub(crate) fn columns(&self) -> Result<&ReadColumns, Error> {
        if let Some(read) = self.read.get() {
            return Ok(read);
        }
        let mut all = ReadColumns::new();
        for query in &self.queries {
            for (table, columns) in columns_of(query)?.iter() {
                let known = all.entry(table.clone()).or_default();
                known.extend(columns.iter().cloned());
            }
        }
        Ok(self.read.get_or_init(|| all))
    }
}

/// The tables and columns that a query reads. One that does not run is left to fail where it is asked.
pub(crate) fn columns_of(query: &str) -> Result<Arc<ReadColumns>, Error> {
    let mut asked = ASKED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = asked.known.get(query) {
        return Ok(Arc::clone(known));
    }
    let (empty, read) = match &mut asked.empty {
        Some(empty) => empty,
        none => none.insert(noting()?),
    };
    drop(empty.db.prepare(query));
    let read = read.lock().map(|mut read| mem::take(&mut *read));
    let read = Arc::new(read.unwrap_or_default());
    if asked.known.len() < MOST_KEPT {
        asked.known.insert(query.to_owned(), Arc::clone(&read));
    }
    Ok(read)
}

/// Every table without rows, and what is read of them.
fn noting() -> Result<(Snapshot, Arc<Mutex<ReadColumns>>), Error> {
    const NONE: &[Table] = &[];
    let mut empty = Snapshot::from_tables(NONE)?;
    let read = Arc::new(Mutex::new(ReadColumns::new()));
    let note = Arc::clone(&read);
    let noted = empty.db.authorizer(Some(move |context: AuthContext<'_>| {
        if let AuthAction::Read {
            table_name,
            column_name,
        } = context.action
            && let Ok(mut read) = note.lock()
        {
            let columns = read.entry(table_name.to_owned()).or_default();
            columns.insert(column_name.to_owned());
        }
        authorize(context)
    }));
    noted.map_err(Error::build("look at the queries"))?;
    Ok((empty, read))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_reads_what_it_says_however_often_it_is_asked() {
        let query =
            "SELECT o.time, z.kind FROM operation o JOIN site_zone z ON z.name = o.target_zone";
        let columns = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let read = ReadColumns::from([
            ("operation".to_owned(), columns(&["time", "target_zone"])),
            ("site_zone".to_owned(), columns(&["kind", "name"])),
        ]);
        for _ in 0..2 {
            assert_eq!(*columns_of(query).unwrap(), read);
            assert_eq!(tables_of("SELECT nothing FROM nowhere").unwrap(), [""; 0]);
        }
        let both = OfAll::new([query, "SELECT id FROM operation"]);
        let both = both.columns().unwrap();
        assert!(both["operation"].is_superset(&columns(&["id", "time", "target_zone"])));
        assert_eq!(both.len(), 2);
    }
}
