//! Tables of records as the pages of a database: its rows in the order of their ids, and its index.
use std::borrow::Cow;
use std::cmp::Ordering;

use facts::{Plain, Value};
use hashbrown::HashMap;
use rusqlite::Connection;
use rusqlite::ffi::SQLITE_FULL;

use crate::ledger::Ledger;
use crate::pages::{Encoder, Image, PAGE, Page, Tree};
use crate::records_cells::Cell;
use crate::records_cited::Noting;
use crate::records_rows::{self, Index, RecordTable, Wanted};
use crate::{Error, schema};

/// Bytes of one database.
const MOST_BYTES: usize = 1 << 30;

/// Room for the statistics of a table, until they are known.
const UNKNOWN: &str = "99999999999 99999999999 99999999999";

/// A database of tables, as it would lie on disk.
#[derive(Debug)]
pub(crate) struct Tables<'l> {
    pub(crate) image: Vec<u8>,
    /// By table, what its entries tell beside their numbers.
    pub(crate) noted: Vec<(&'static str, Noting<'l>)>,
}

/// Tables and the places of their records.
pub(crate) type Share<'w> = Vec<(&'w Wanted, Vec<usize>)>;

/// Makes these tables, empty but for `share`.
pub(crate) fn tables<'l>(
    ledger: &'l Ledger,
    unread: &[&RecordTable],
    share: Share<'_>,
) -> Result<Tables<'l>, Error> {
    let mut db = empty(unread, &share)?;
    let pages: i64 = db
        .query_row("PRAGMA page_count", [], |row| row.get(0))
        .map_err(Error::build("pages"))?;
    let rows = share.iter().map(|(_, places)| places.len()).sum();
    let mut image = Image::behind(usize::try_from(pages).unwrap_or_default(), rows);
    let (mut roots, mut noted) = (Vec::new(), Vec::new());
    for (of, places) in share {
        let table = of.table;
        let mut noting = Noting::of(places.len());
        let (rows, index) = fill(&mut image, &db, ledger, of, places, &mut noting)?;
        noted.push((table.name.as_str(), noting));
        roots.extend(told(&db, &table.name, rows)?);
        if let Some(index) = index {
            roots.extend(told(&db, &Index::name(table), index)?);
        }
    }
    let made = db.serialize("main").map_err(Error::build("pages"))?;
    // It has no more pages than before: no text in it became longer. Where a database is larger than readers should each have one
    // of, the tables are made in another way, as they are where one in memory is full.
    let image = image.complete(&made, roots);
    let image = image.filter(|image| image.len() <= MOST_BYTES);
    let full = || rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(SQLITE_FULL), None);
    let image = image.ok_or_else(full).map_err(Error::build("pages"))?;
    Ok(Tables { image, noted })
}

/// The tables as SQLite makes them, without rows, and room for what is to be told of each tree.
fn empty(unread: &[&RecordTable], share: &Share<'_>) -> Result<Connection, Error> {
    let db = Connection::open_in_memory().map_err(Error::build("open"))?;
    let step = |sql: &str| {
        db.execute_batch(sql)
            .map_err(Error::build("tables of records"))
    };
    step(&format!("PRAGMA page_size = {PAGE}; BEGIN;"))?;
    for table in unread {
        step(&records_rows::create(table))?;
    }
    for (of, _) in share {
        step(&records_rows::create(of.table))?;
        if let Some(index) = of.index {
            step(&index.create(of.table))?;
        }
    }
    // What it would say of tables with rows is counted while they are written.
    step("COMMIT; ANALYZE;")?;
    for (of, _) in share {
        let table = &of.table.name;
        let index = of.index.map(|_| Index::name(of.table));
        for tree in [Some(table), index.as_ref()].into_iter().flatten() {
            let row = [table.as_str(), tree, UNKNOWN];
            db.execute("INSERT INTO sqlite_stat1 VALUES (?, ?, ?)", row)
                .map_err(Error::build(table))?;
        }
    }
    Ok(db)
}

/// Tells SQLite how many there are in a tree; its root, with the number of the page that it stands in the place of.
fn told(
    db: &Connection,
    tree: &str,
    (root, counts): Written,
) -> Result<Option<(u32, Page)>, Error> {
    let sql = match counts {
        Some(_) => "UPDATE sqlite_stat1 SET stat = ?1 WHERE idx = ?2",
        None => "DELETE FROM sqlite_stat1 WHERE idx = ?2 AND ?1 IS NULL",
    };
    db.execute(sql, (&counts, tree))
        .map_err(Error::build(tree))?;
    let sql = "SELECT rootpage FROM sqlite_schema WHERE name = ?";
    let number = db.query_row(sql, [tree], |row| row.get(0));
    let number = number.map_err(Error::build(tree))?;
    Ok(root.map(|root| (number, root)))
}

/// A tree's root, where it has one, and what SQLite's `ANALYZE` would tell of it.
type Written = (Option<Page>, Option<String>);

/// Writes a table, and its index where it has one.
fn fill<'l>(
    image: &mut Image,
    db: &Connection,
    ledger: &'l Ledger,
    of: &Wanted,
    places: Vec<usize>,
    noting: &mut Noting<'l>,
) -> Result<(Written, Option<Written>), Error> {
    let are_numbers: Vec<bool> = of
        .wanted_columns()
        .map(|column| schema::affinity(column.ty) == "INTEGER")
        .collect();
    // The places of cells, of which only wanted columns have one.
    let place = |column: usize| {
        let before = of.columns.iter().take(column);
        before.filter(|is_wanted| **is_wanted).count()
    };
    let index = of.index.map(|index| Index {
        of: place(index.of),
        when: index.when.map(place),
    });
    let (mut tree, mut encoder, mut count) = (Tree::default(), Encoder::default(), 0);
    let mut keys = Keys::default();
    let told = |number: usize, entry: &_| noting.note(number, entry);
    records_rows::rows(ledger, of, places, told, |cells| {
        for (cell, is_number) in cells.iter_mut().zip(&are_numbers) {
            match (&cell, is_number) {
                (Cell::Int(number), false) => *cell = Cell::Text(number.to_string().into()),
                (Cell::Text(text), true) => *cell = in_column_of_numbers(db, text)?,
                _ => {}
            }
        }
        let mut wanted = cells.iter();
        for is_wanted in &of.columns {
            let cell = if *is_wanted { wanted.next() } else { None };
            encoder.value(cell.map_or(Plain::Null, Cell::plain));
        }
        tree.add(image, encoder.end());
        count += 1;
        if let Some(index) = index {
            keys.add(index, cells);
        }
        Ok(())
    })?;
    let told = (count > 0).then(|| format!("{count} 1"));
    let rows = (tree.end(image), told);
    Ok((rows, index.map(|index| keys.end(image, index))))
}

/// What a column of numbers makes of a text: SQLite knows. No record that was checked when it was recorded has one there.
fn in_column_of_numbers<'l>(db: &Connection, text: &str) -> Result<Cell<'l>, Error> {
    let step = || Error::build("a number");
    db.execute_batch(
        "CREATE TEMP TABLE IF NOT EXISTS number (value INTEGER); DELETE FROM temp.number;",
    )
    .map_err(step())?;
    db.execute("INSERT INTO temp.number VALUES (?)", [text])
        .map_err(step())?;
    let value = db.query_row("SELECT value FROM temp.number", [], |row| {
        row.get_ref(0).map(crate::snapshot::value)
    });
    Ok(match value.map_err(step())? {
        Value::Int(number) => Cell::Int(number),
        Value::Real(number) => Cell::Real(number),
        _ => Cell::Text(text.to_owned().into()),
    })
}

/// What of each row goes into the index, in the order of the ids.
#[derive(Debug, Default)]
struct Keys<'l> {
    keys: Vec<Key<'l>>,
    /// Of what rows are, with its number here and how many are.
    names: HashMap<Option<Cow<'l, str>>, (u32, usize)>,
}

#[derive(Debug)]
struct Key<'l> {
    /// Number of what it is of.
    of: u32,
    when: Cell<'l>,
    id: Cell<'l>,
}

impl<'l> Keys<'l> {
    /// Of a row, whose columns are by their places among its cells. The first one is the id.
    fn add(&mut self, index: Index, cells: &[Cell<'l>]) {
        let cell = |place: usize| cells.get(place).cloned().unwrap_or(Cell::Null);
        let name = match cell(index.of) {
            Cell::Text(name) => Some(name),
            _ => None,
        };
        let next = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        let (of, count) = self.names.entry(name).or_insert((next, 0));
        *count += 1;
        self.keys.push(Key {
            of: *of,
            when: index.when.map_or(Cell::Null, cell),
            id: cell(0),
        });
    }

    fn end(self, image: &mut Image, index: Index) -> Written {
        let count = self.keys.len();
        let mut names: Vec<_> = self.names.into_iter().collect();
        names.sort_unstable();
        // Where the keys of each begin, by its number.
        let mut begins = vec![0; names.len()];
        let mut begin = 0;
        for (_, (number, count)) in &names {
            if let Some(place) = begins.get_mut(*number as usize) {
                *place = begin;
            }
            begin += count;
        }
        let mut sorted = vec![(0, 0); count];
        for (number, key) in self.keys.iter().enumerate() {
            if let Some(begin) = begins.get_mut(key.of as usize) {
                if let Some(place) = sorted.get_mut(*begin) {
                    *place = (beginning(&key.when), number);
                }
                *begin += 1;
            }
        }
        let when = |number: usize| self.keys.get(number).map_or(&Cell::Null, |key| &key.when);
        let (mut tree, mut encoder) = (Tree::default(), Encoder::default());
        let (mut several, mut rest) = (0, sorted.as_mut_slice());
        for (name, (_, count)) in &names {
            let Some((own, others)) = rest.split_at_mut_checked(*count) else {
                break;
            };
            rest = others;
            // The latest first. What is of one time stays in the order of ids.
            own.sort_by(|(a, one), (b, other)| {
                let whole = || compare(when(*other), when(*one));
                b.cmp(a).then_with(whole)
            });
            let mut last = None;
            for (_, number) in own {
                let Some(key) = self.keys.get(*number) else {
                    continue;
                };
                encoder.value(name.as_deref().map_or(Plain::Null, Plain::Text));
                if index.when.is_some() {
                    encoder.value(key.when.plain());
                }
                encoder.value(key.id.plain());
                tree.add(image, encoder.end());
                several += u64::from(last.is_none_or(|last: &Cell<'_>| *last != key.when));
                last = Some(&key.when);
            }
        }
        let count = count as u64;
        let told = (count > 0).then(|| {
            let of = each(count, names.len() as u64);
            match index.when {
                Some(_) => format!("{count} {of} {}", each(count, several)),
                None => format!("{count} {of}"),
            }
        });
        (tree.end(image), told)
    }
}

/// Rows to each of so many, as `ANALYZE` rounds them.
fn each(rows: u64, different: u64) -> u64 {
    match rows.div_ceil(different.max(1)) {
        2 if rows * 10 <= different * 11 => 1,
        each => each,
    }
}

/// Whatever stands in front of a text has none.
fn beginning(cell: &Cell<'_>) -> u128 {
    let Cell::Text(text) = cell else {
        return 0;
    };
    let mut bytes = [0; 16];
    for (byte, own) in bytes.iter_mut().zip(text.as_bytes()) {
        *byte = *own;
    }
    u128::from_be_bytes(bytes)
}

/// The order of SQLite for what stands in a column of texts.
fn compare(a: &Cell<'_>, b: &Cell<'_>) -> Ordering {
    match (a, b) {
        (Cell::Text(a), Cell::Text(b)) => a.as_bytes().cmp(b.as_bytes()),
        (Cell::Text(_), _) => Ordering::Greater,
        (_, Cell::Text(_)) => Ordering::Less,
        _ => Ordering::Equal,
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, reason = "tests may fail loudly")]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;

    use facts::site::Site;
    use facts::{Facts, Time};
    use serde_json::{Map, json};

    use super::*;
    use crate::ledger::{Content, New, Stamp};
    use crate::records_kept::Filled;
    use crate::{Records, Snapshot};

    fn backup(number: u32, body: serde_json::Value) -> New {
        New {
            kind: "backup".to_owned(),
            id: format!("b-{number}"),
            content: Content::Body(body.as_object().cloned().unwrap_or_else(Map::new)),
            valid_from: None,
            valid_until: None,
            attachments: Vec::new(),
        }
    }

    /// Enough rows for three levels of pages, some longer than a page, and what no check would have let through.
    fn records() -> Vec<New> {
        let taken = |n: u32| Time::from_secs(1_700_000_000 + i64::from(n % 977) * 7_000_000);
        let sizes = [
            0_i64,
            1,
            127,
            -128,
            128,
            32_768,
            -8_388_609,
            1 << 33,
            1 << 47,
            1 - (1 << 53),
        ];
        let plain = |n: u32| {
            let bytes = sizes[n as usize % sizes.len()];
            json!({ "item": format!("item-{}", n % 71), "taken": taken(n).to_string(), "read_back": n.is_multiple_of(2), "bytes": bytes })
        };
        let mut all: Vec<New> = (0..9_000).map(|n| backup(n, plain(n))).collect();
        let long = [900, 980, 1_000, 1_010, 4_000, 5_082, 5_083, 9_000, 300_000];
        for (n, length) in (9_000..).zip(long) {
            let mut body = plain(n);
            body["release"] = "ü".repeat(length / 2).into();
            all.push(backup(n, body));
            // An index holds long texts as well.
            let mut body = plain(n);
            body["item"] = format!("{n}{}", "y".repeat(length)).into();
            all.push(backup(n + 100, body));
        }
        let odd = [
            json!({}),
            json!({ "item": 7, "taken": 7, "bytes": "-9223372036854775808" }),
            json!({ "item": "item-1", "taken": "", "bytes": " 1.50 " }),
            json!({ "item": "", "taken": "soon", "bytes": "1e3", "read_back": "yes" }),
            json!({ "item": "a\u{0}b", "taken": null, "bytes": "9223372036854775808" }),
        ];
        all.extend((9_500..).zip(odd).map(|(n, body)| backup(n, body)));
        all
    }

    /// A ledger in memory with these records, and when they were recorded.
    fn ledger_of(name: &str, records: &[New]) -> (Ledger, Time) {
        let folder = std::env::temp_dir().join(format!("seawall-{name}-{}", std::process::id()));
        fs::remove_dir_all(&folder).ok();
        let mut ledger = Ledger::open(&folder).unwrap();
        let now = Time::from_secs(1_790_000_000);
        let stamp = Stamp {
            by: "ada",
            means: "cli",
            now,
        };
        ledger.append(records, &stamp).unwrap();
        fs::remove_dir_all(&folder).ok();
        (ledger, now)
    }

    #[test]
    fn pages_written_by_hand_hold_what_sqlite_would_have_put_there() {
        let (ledger, now) = ledger_of("pages", &records());
        let records = Records::of(&ledger, now, now);
        let (facts, site) = (Facts::default(), Site::default());
        let told = Snapshot::with_records(&facts, &site, records, now).unwrap();
        let asked = [
            "SELECT id, entry, item, taken, typeof(taken), read_back, bytes, typeof(bytes), release FROM record_backup ORDER BY id",
            "SELECT id FROM record_backup",
            "SELECT item, taken, id FROM record_backup INDEXED BY record_backup_of ORDER BY item, taken DESC, id",
            "SELECT id FROM record_backup WHERE item = 'item-3' AND taken < '2026' ORDER BY taken DESC, id",
            "SELECT id, bytes FROM record_backup WHERE id IN ('b-1', 'b-8999', 'b-9008', 'b-9503', 'b-', 'c')",
            "SELECT COUNT(*) FROM record_person",
        ];
        let written = Snapshot::for_queries(&facts, &site, records, now, asked).unwrap();
        for sql in asked {
            assert_eq!(
                written.query(sql).unwrap(),
                told.query(sql).unwrap(),
                "{sql}"
            );
        }
        assert_eq!(written.query(asked[0]).unwrap().rows.len(), 9_023);
    }

    #[test]
    fn sqlite_finds_nothing_wrong_and_counts_the_same() {
        let mut all = records();
        all.extend(["ann", "ben"].map(|id| New {
            kind: "person".to_owned(),
            id: id.to_owned(),
            ..backup(0, json!({ "name": id }))
        }));
        let (ledger, now) = ledger_of("counts", &all);
        let read = |columns: &[&str]| columns.iter().map(|one| (*one).to_owned()).collect();
        let columns = BTreeMap::from([
            (
                "record_backup".to_owned(),
                read(&["item", "taken", "bytes", "release"]),
            ),
            ("record_person".to_owned(), read(&["name"])),
            // Of which there is none.
            ("record_spare".to_owned(), read(&["item", "serial"])),
        ]);
        let filled = Filled::of(&Records::of(&ledger, now, now), &columns).unwrap();
        for image in filled.images() {
            let mut db = Connection::open_in_memory().unwrap();
            db.deserialize_read_exact("main", image.as_slice(), image.len(), false)
                .unwrap();
            let texts = |sql: &str| {
                let mut rows = db.prepare(sql).unwrap();
                let rows = rows.query_map([], |row| row.get::<_, String>(0)).unwrap();
                rows.collect::<Result<Vec<String>, _>>().unwrap()
            };
            assert_eq!(texts("PRAGMA integrity_check"), ["ok"]);
            let counts = "SELECT tbl || ' ' || idx || ' ' || stat FROM sqlite_stat1 ORDER BY 1";
            let counted = texts(counts);
            assert!(
                counted
                    .iter()
                    .any(|one| one.contains("record_backup_of 9023 "))
            );
            db.execute_batch("ANALYZE").unwrap();
            assert_eq!(texts(counts), counted);
        }
    }
}
