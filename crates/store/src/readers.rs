//! Several readers of one snapshot: what asks much of a large one asks it on every core.
//!
//! The tables lie in a database in memory that has a name. Each further reader has a copy of it for itself: on one that several
//! connections share, SQLite takes a lock for each page that is not in a connection's cache, and two that read tables larger than
//! their caches wait for each other most of the time. What comes of the work stands in the order of the items whoever did it.
use std::cmp::Reverse;
use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use facts::Time;
use hashbrown::HashMap;
use rusqlite::Connection;
use rusqlite::serialize::Data;

use crate::records_kept::Filled;
use crate::shown::Conversations;
use crate::snapshot::settle;
use crate::{Error, Snapshot, reads, threads};

/// Readers that one snapshot has at a time.
const MOST_READERS: usize = 8;
/// Rows of conversations, operations and records from which on a second reader is worth its own cache.
const WORTH_A_TWIN: usize = 20_000;

/// Bytes that the readers' copies of the tables of records may take together, and those of the tables of facts, so that they are
/// read in the memory of a small machine. Of records, two have theirs in any case; where copies of facts take more, all read the same.
const MOST_COPIED: usize = 512 << 20;

/// What a twin that reads the shared tables keeps of them, in KiB and below 0 as SQLite counts it.
const CACHE: i64 = -32768;

/// Tables that several connections of this process may read.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    name: String,
    clock: (String, Time),
    /// Whether they take so long to read that a second reader is worth it.
    is_large: bool,
}

impl Shared {
    pub(crate) fn new(name: String, clock: (String, Time), rows: usize) -> Shared {
        Shared {
            name,
            clock,
            is_large: rows >= WORTH_A_TWIN,
        }
    }
}

impl Snapshot {
    /// Does this work with each of the items, on as many cores as are worth it, and gives what came of them in their order. Each
    /// core has a reader of its own. Begun with are those whose query reads the largest tables, so that no core is left with a long
    /// one when the others are done.
    pub fn shared_out<I: Sync, T: Send>(
        &self,
        items: &[I],
        query: impl Fn(&I) -> &str,
        work: impl Fn(&Snapshot, &I) -> T + Sync,
    ) -> Vec<T> {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        let origin = self.origin();
        let twins = match &origin {
            Some(origin) => cores.min(origin.most_readers()).min(items.len()),
            None => 1,
        };
        if twins <= 1 {
            return items.iter().map(|item| work(self, item)).collect();
        }
        let mut order: Vec<(usize, &I)> = items.iter().enumerate().collect();
        let mut rows = HashMap::new();
        order.sort_by_cached_key(|(_, item)| Reverse(self.rows_read(query(item), &mut rows)));
        let next = AtomicUsize::new(0);
        let take = |reader: &Snapshot| {
            let mut done = Vec::new();
            while let Some((place, item)) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
                done.push((*place, work(reader, item)));
            }
            done
        };
        // One that cannot be had is one fewer: this one can do it all.
        let by_twin = || {
            let twin = origin.as_ref().map(|origin| origin.twin(twins - 1));
            twin.and_then(Result::ok).map(|twin| take(&twin))
        };
        let mut done = std::thread::scope(|scope| {
            let twins: Vec<_> = (1..twins)
                .map_while(|_| threads::beside(scope, by_twin))
                .collect();
            let mut done = take(self);
            done.extend(twins.into_iter().filter_map(threads::join).flatten());
            done
        });
        done.sort_unstable_by_key(|(place, _)| *place);
        done.into_iter().map(|(_, done)| done).collect()
    }

    /// How many rows the facts and records have that a query reads; `known` are those of tables that were counted before.
    fn rows_read(&self, query: &str, known: &mut HashMap<String, u64>) -> u64 {
        let read = reads::columns_of(query).unwrap_or_default();
        let of_records = |table: &str| {
            let apart = self.apart.as_ref()?;
            apart.lines(table).map(|lines| lines.count() as u64)
        };
        // Facts are numbered from 1.
        let of_facts = |table: &str| {
            let sql = format!("SELECT MAX(id) FROM \"{table}\"");
            let most = self
                .db
                .query_row(&sql, [], |row| row.get::<_, Option<i64>>(0));
            most.ok()
                .flatten()
                .and_then(|most| u64::try_from(most).ok())
        };
        let counted = read.keys().map(|table| match known.get(table) {
            Some(rows) => *rows,
            None => {
                let rows = of_records(table).or_else(|| of_facts(table)).unwrap_or(0);
                known.insert(table.clone(), rows);
                rows
            }
        });
        counted.sum()
    }

    /// What another reader of the same tables is made of, on whatever thread. `None` where these belong to one reader, or are read
    /// so soon that no second one is worth it.
    fn origin(&self) -> Option<Origin> {
        let shared = self.shared.as_ref().filter(|shared| shared.is_large)?;
        Some(Origin {
            shared: shared.clone(),
            apart: self.apart.clone(),
            aside: self.aside.clone(),
            limit: self.limit.load(Ordering::Relaxed),
        })
    }
}

/// What the readers of the same tables have in common.
struct Origin {
    shared: Shared,
    apart: Option<Arc<Filled>>,
    aside: Option<Arc<Conversations>>,
    limit: u64,
}

impl Origin {
    /// Each has the tables of records for itself.
    fn most_readers(&self) -> usize {
        let bytes = self.apart.as_ref().map_or(0, |apart| apart.bytes());
        MOST_READERS.min(MOST_COPIED / bytes.max(1)).max(2)
    }

    /// One of so many.
    fn twin(&self, of: usize) -> Result<Snapshot, Error> {
        let mut shared = Connection::open(&self.shared.name).map_err(Error::build("open"))?;
        let clock = (self.shared.clock.0.as_str(), self.shared.clock.1);
        let db =
            match copy_of(&mut shared, MOST_COPIED / of.max(1)).map_err(Error::build("open"))? {
                Some(copy) => {
                    settle(&copy, clock)?;
                    copy
                }
                None => {
                    settle(&shared, clock)?;
                    shared
                        .pragma_update(None, "cache_size", CACHE)
                        .map_err(Error::build("settings"))?;
                    shared
                }
            };
        let mut twin = Snapshot::guard(db, self.apart.clone()).map_err(Error::build("guard"))?;
        twin.set_work_limit(self.limit);
        twin.aside = self.aside.clone();
        Ok(twin)
    }
}

/// The same tables in a database that nobody else reads, looked at where they lie; `None` where they are too large for a copy.
fn copy_of(shared: &mut Connection, most: usize) -> rusqlite::Result<Option<Connection>> {
    let image = shared.serialize("main")?;
    let bytes = image.len();
    if bytes > most {
        return Ok(None);
    }
    let mut copy = Connection::open_in_memory()?;
    match image {
        Data::Owned(image) => copy.deserialize("main", image, true)?,
        Data::Shared(image) => copy.deserialize_read_exact("main", &image[..], bytes, true)?,
    }
    copy.execute_batch(&format!("PRAGMA mmap_size = {bytes}"))?;
    Ok(Some(copy))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use facts::site::Site;
    use facts::{Facts, Value};
    use serde_json::json;

    use super::*;
    use crate::Records;
    use crate::ledger::{Content, Ledger, New, Stamp};

    const SQL: &str = "SELECT id, day(recorded_at) FROM record_person WHERE id > :from UNION ALL SELECT name, as_of FROM terminal";

    #[test]
    fn every_reader_reads_the_same_and_what_they_say_stands_in_order() {
        let folder = std::env::temp_dir().join(format!("seawall-readers-{}", std::process::id()));
        fs::remove_dir_all(&folder).ok();
        let person = |number: u32| New {
            kind: "person".to_owned(),
            id: format!("p-{number}"),
            content: Content::Body(json!({ "name": "Ann" }).as_object().unwrap().clone()),
            valid_from: None,
            valid_until: None,
            attachments: Vec::new(),
        };
        let mut ledger = Ledger::open(&folder).unwrap();
        let now = Time::from_secs(1_790_000_000);
        let stamp = Stamp {
            by: "tester",
            means: "cli",
            now,
        };
        let people: Vec<New> = (0..50).map(person).collect();
        ledger.append(&people, &stamp).unwrap();
        let (facts, site) = (Facts::default(), Site::default());
        let records = Records::of(&ledger, now, now);
        let mut snapshot = Snapshot::for_queries(&facts, &site, records, now, [SQL]).unwrap();
        // So few rows are not worth a second reader.
        assert!(snapshot.origin().is_none());
        snapshot.shared.as_mut().unwrap().is_large = true;
        let twin = snapshot.origin().unwrap().twin(1).unwrap();
        assert!(twin.query("DELETE FROM record_person").is_err());
        assert!(twin.query("SELECT random()").is_err());
        let items: Vec<String> = (0..40).map(|number| format!("p-{number}")).collect();
        let ask = |reader: &Snapshot, from: &String| {
            let from = [("from", Value::Text(from.clone()))];
            reader.query_with(SQL, &from).unwrap().rows
        };
        let alone: Vec<_> = items.iter().map(|item| ask(&snapshot, item)).collect();
        assert_eq!(alone.first().map(Vec::len), Some(50));
        let by_twin: Vec<_> = items.iter().map(|item| ask(&twin, item)).collect();
        assert_eq!(by_twin, alone);
        // Where there is no room for a copy each, they read the same tables.
        let many = snapshot.origin().unwrap().twin(usize::MAX).unwrap();
        assert!(many.query("DELETE FROM record_person").is_err());
        let by_many: Vec<_> = items.iter().map(|item| ask(&many, item)).collect();
        assert_eq!(by_many, alone);
        fn query(_: &String) -> &str {
            SQL
        }
        assert_eq!(snapshot.shared_out(&items, query, ask), alone);
        let shared_out = || snapshot.shared_out(&items, query, ask);
        assert_eq!(threads::tests::without(shared_out), alone);
        fs::remove_dir_all(&folder).ok();
    }
}
