//! Tables of records in databases of their own.
//!
//! A ledger of years is most of what is judged, so its tables are filled on threads of their own, beside those of facts, and
//! every reader of a snapshot attaches them. Who judges every second would fill the same ones each time: kept, they stay until
//! other columns are read, and of what is recorded, begins or ends to hold, only the rows are put in their place. Since tables
//! stand in the order of ids, they are then what they would be if they were made anew (a test holds them against each other).
use std::collections::BTreeMap;
use std::num::NonZero;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use facts::Time;
use rusqlite::Connection;

use crate::ledger::{Brief, Head, Ledger, Turned};
use crate::reads::ReadColumns;
use crate::records_cited::Lines;
use crate::records_pages::{Share, Tables};
use crate::records_rows::{self, Records, Wanted};
use crate::{Error, records_pages, threads};

/// No two databases of a process have the same name.
static NEXT: AtomicU64 = AtomicU64::new(0);
/// Databases among which the tables are shared out, each filled by a thread.
const MOST_DATABASES: usize = 4;
/// Records of which the rows are put in their place, however few there are in all; beyond these and a quarter of all, it is sooner
/// done anew.
const FEW: usize = 1_000;
/// Records below which a thread more costs more than it fills.
const WORTH_A_THREAD: usize = 10_000;

/// A name by which the connections of this process, and nobody else, share a database in memory.
pub(crate) fn shared_name(what: &str) -> String {
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("file:/{what}-{number}?vfs=memdb")
}

/// Tables of records, filled when first asked for and kept while they hold. See [`Records::kept_in`].
#[derive(Debug, Default)]
pub struct Kept(Mutex<Option<Held>>);

#[derive(Debug)]
struct Held {
    filled: Arc<Filled>,
    head: Head,
    columns: ReadColumns,
    /// Recorded and valid times from and until which the tables hold.
    from: (Time, Time),
    until: (Time, Time),
}

/// Databases that hold the tables of records, as they would lie on disk; each reader gets a copy.
#[derive(Debug, Default)]
pub(crate) struct Filled {
    images: Vec<Vec<u8>>,
    /// In which of them each table stands.
    tables: BTreeMap<&'static str, usize>,
    count: usize,
    lines: BTreeMap<&'static str, Lines>,
}

impl Kept {
    /// The tables of these records; those from before where they still hold.
    pub(crate) fn filled(
        &self,
        records: &Records<'_>,
        columns: &ReadColumns,
    ) -> Result<Option<Arc<Filled>>, Error> {
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
            return Ok(Some(Arc::clone(&still.filled)));
        }
        if let Some(mut held) = kept.take()
            && held.turn(records, columns)
        {
            let filled = Arc::clone(&held.filled);
            *kept = Some(held);
            return Ok(Some(filled));
        }
        // The old one went before the new one is made: there is memory for one.
        let filled = Arc::new(Filled::of(records, columns)?);
        *kept = Some(Held {
            filled: Arc::clone(&filled),
            head: ledger.head(),
            columns: columns.clone(),
            from: (known, held),
            until: ledger.next_turns(known, held),
        });
        Ok(Some(filled))
    }
}

impl Held {
    /// Puts in their place the rows of those records alone of which something is not as it was; `false` where all is to be made
    /// anew. What was put in half is then not used again.
    fn turn(&mut self, records: &Records<'_>, columns: &ReadColumns) -> bool {
        let Some((ledger, known, held)) = records.parts() else {
            return false;
        };
        let goes_on = self.columns == *columns
            && ledger.holds(&self.head)
            && self.from.0 <= known
            && self.from.1 <= held;
        // Nobody may be reading them.
        let Some(filled) = Arc::get_mut(&mut self.filled).filter(|_| goes_on) else {
            return false;
        };
        let wanted = records_rows::wanted(Some(columns), records_rows::CITED_BY_ENTRY);
        let by_kind = records_rows::by_kind(&wanted);
        let turned = ledger.turned(
            &self.head,
            self.from.0..known,
            self.from.1..held,
            wanted.len(),
            |kind| by_kind.get(kind).copied(),
        );
        let count: usize = turned.iter().map(|one| one.ids.len()).sum();
        if count > filled.count / 4 + FEW {
            return false;
        }
        let turned = wanted.iter().zip(turned);
        let turned = turned.filter(|(_, turned)| !turned.ids.is_empty());
        if filled.refill(ledger, turned.collect()).is_none() {
            return false;
        }
        self.head = ledger.head();
        self.from = (known, held);
        self.until = ledger.next_turns(known, held);
        true
    }
}

impl Filled {
    /// `None` where it did not come to its end.
    fn refill(&mut self, ledger: &Ledger, turned: Vec<(&Wanted, Turned)>) -> Option<()> {
        let mut by_image: BTreeMap<usize, Vec<_>> = BTreeMap::new();
        for (of, turned) in turned {
            let number = *self.tables.get(of.table.name.as_str())?;
            by_image.entry(number).or_default().push((of, turned));
        }
        for (number, turned) in by_image {
            let image = self.images.get_mut(number)?;
            let mut db = Connection::open_in_memory().ok()?;
            db.deserialize_read_exact("main", image.as_slice(), image.len(), false)
                .ok()?;
            db.execute_batch("PRAGMA journal_mode = OFF; BEGIN").ok()?;
            for (of, turned) in turned {
                let lines = self.lines.get_mut(of.table.name.as_str())?;
                let told = |_: usize, entry: &Brief<'_>| lines.add(entry);
                let more = records_rows::refill(&db, ledger, of, turned, told);
                self.count = self.count.saturating_add_signed(more.ok()?);
            }
            db.execute_batch("COMMIT").ok()?;
            image.clear();
            image.extend_from_slice(&db.serialize("main").ok()?);
        }
        Some(())
    }

    /// Makes every table, and fills those that are read, on as many cores as are worth it.
    pub(crate) fn of(records: &Records<'_>, columns: &ReadColumns) -> Result<Filled, Error> {
        let Some((ledger, _, _)) = records.parts() else {
            return Ok(Filled::default());
        };
        let wanted = records_rows::wanted(Some(columns), records_rows::CITED_BY_ENTRY);
        let places = records_rows::places(records, &wanted);
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        let count: usize = places.iter().map(Vec::len).sum();
        let shares = cores.min(MOST_DATABASES).min(count / WORTH_A_THREAD + 1);
        let mut shares = shared_out(wanted.iter().zip(places).collect(), shares).into_iter();
        let own = shares.next().unwrap_or_default();
        let others = shares.len();
        let shares = Mutex::new(shares);
        // Each takes the next share until there is none, so that fewer threads than wanted do it all the same.
        let fill = || {
            let next = || {
                let mut shares = shares.lock().unwrap_or_else(PoisonError::into_inner);
                shares.next()
            };
            std::iter::from_fn(next)
                .map(|share| records_pages::tables(ledger, &[], share))
                .collect::<Vec<_>>()
        };
        let dbs = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..others)
                .map_while(|_| threads::beside(scope, fill))
                .collect();
            let tables = records_rows::tables().iter();
            let unread: Vec<_> = tables
                .filter(|table| !columns.contains_key(&table.name))
                .collect();
            let mut dbs = vec![records_pages::tables(ledger, &unread, own)];
            dbs.extend(fill());
            dbs.extend(threads.into_iter().flat_map(threads::join));
            dbs.into_iter().collect::<Result<Vec<_>, _>>()
        })?;
        let (mut images, mut lines) = (Vec::new(), BTreeMap::new());
        let mut tables = BTreeMap::new();
        for Tables { image, noted } in dbs {
            let number = images.len();
            images.push(image);
            for (table, noting) in noted {
                tables.insert(table, number);
                lines.insert(table, noting.end());
            }
        }
        Ok(Filled {
            images,
            tables,
            count,
            lines,
        })
    }

    /// What the entries of a table tell beside their numbers; `None` where nobody reads the table.
    pub(crate) fn lines(&self, table: &str) -> Option<&Lines> {
        self.lines.get(table)
    }

    #[cfg(test)]
    pub(crate) fn images(&self) -> &[Vec<u8>] {
        &self.images
    }

    /// How much memory each reader's copy takes.
    pub(crate) fn bytes(&self) -> usize {
        self.images.iter().map(Vec::len).sum()
    }

    /// How many records.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Gives a reader the tables. It has the pages for itself, and looks at them where they lie: a copy of all of them takes less
    /// than fetching each into a cache when it is read.
    pub(crate) fn attach(&self, db: &mut Connection) -> rusqlite::Result<()> {
        for (number, image) in self.images.iter().enumerate() {
            let name = format!("records{number}");
            db.execute_batch(&format!("ATTACH ':memory:' AS {name}"))?;
            db.deserialize_read_exact(name.as_str(), image.as_slice(), image.len(), true)?;
            db.execute_batch(&format!("PRAGMA {name}.mmap_size = {}", image.len()))?;
        }
        Ok(())
    }
}

/// Shares tables out so that each share has about as many records, the largest tables first.
fn shared_out(mut tables: Share<'_>, shares: usize) -> Vec<Share<'_>> {
    tables.sort_by_key(|(_, places)| std::cmp::Reverse(places.len()));
    let mut shared: Vec<(usize, Share<'_>)> =
        (0..shares.max(1)).map(|_| Default::default()).collect();
    for (of, places) in tables {
        if let Some((count, share)) = shared.iter_mut().min_by_key(|(count, _)| *count) {
            *count += places.len();
            share.push((of, places));
        }
    }
    shared.into_iter().map(|(_, share)| share).collect()
}
