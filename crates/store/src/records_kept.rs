//! Tables of records that stay from one judgement to the next.
//!
//! Who judges every second would fill the same tables from a ledger of years each time. They are kept in a database in memory
//! of their own, which each snapshot attaches, until something is recorded, begins or ends to hold, or other columns are read.
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use facts::Time;
use rusqlite::Connection;

use crate::Error;
use crate::ledger::Head;
use crate::records_rows::{self, ReadColumns, Records};

/// No two databases of a process have the same name.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// Tables of records, filled when first asked for and kept while they hold. See [`Records::kept_in`].
#[derive(Debug, Default)]
pub struct Kept(Mutex<Option<Filled>>);

#[derive(Debug)]
struct Filled {
    /// Holds the database in memory; snapshots open it by its name.
    _db: Connection,
    name: String,
    head: Head,
    columns: ReadColumns,
    /// Recorded and valid times from and until which the tables hold.
    from: (Time, Time),
    until: (Time, Time),
}

impl Kept {
    /// The name of a database that holds the tables of these records.
    pub(crate) fn name(
        &self,
        records: &Records<'_>,
        columns: &ReadColumns,
    ) -> Result<Option<String>, Error> {
        let Some((ledger, known, held)) = records.parts() else {
            return Ok(None);
        };
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let still = kept.as_ref().filter(|kept| {
            kept.head == ledger.head()
                && kept.columns == *columns
                && (kept.from.0..kept.until.0).contains(&known)
                && (kept.from.1..kept.until.1).contains(&held)
        });
        if let Some(still) = still {
            return Ok(Some(still.name.clone()));
        }
        // The old one goes before the new one is made: there is memory for one.
        *kept = None;
        let name = format!(
            "file:/records-{}?vfs=memdb",
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        let db = Connection::open(&name).map_err(Error::build("open"))?;
        db.execute_batch(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -65536; BEGIN;",
        )
        .map_err(Error::build("settings"))?;
        records_rows::Source::Ledger(*records, Some(columns)).load(&db)?;
        db.execute_batch("COMMIT; ANALYZE; PRAGMA cache_size = 0; PRAGMA shrink_memory;")
            .map_err(Error::build("commit"))?;
        *kept = Some(Filled {
            _db: db,
            name: name.clone(),
            head: ledger.head(),
            columns: columns.clone(),
            from: (known, held),
            until: ledger.next_turns(known, held),
        });
        Ok(Some(name))
    }
}
