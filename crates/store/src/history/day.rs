//! The file of one day.
//!
//! A file is complete in itself: written with a rollback journal and synchronised at each transaction, so that after `kill
//! -9` or a loss of power it holds every transaction that was acknowledged and nothing of another. Pages go into it only at
//! the end of a transaction, so that a plain copy, taken between two of them, is a whole file; tools that know SQLite
//! (`.backup`, `VACUUM INTO`) may copy at any moment.
use std::fs;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use facts::{Facts, Time};
use rusqlite::{Connection, OpenFlags, OptionalExtension};

use super::error::Error;
use super::layout::{self, LeftOut};
use super::watch::{End, Watch};
use super::{ReadFile, SECOND};

const PREFIX: &str = "history-";
const SUFFIX: &str = ".sqlite";
/// How long a write waits for a reader, and a reader for a write.
const WRITE_PATIENCE: Duration = Duration::from_millis(500);
const READ_PATIENCE: Duration = Duration::from_secs(10);

/// `2026-11-22`, the day of a time in UTC.
pub(super) fn of(time: Time) -> String {
    time.to_string().chars().take(10).collect()
}

/// The first moment of a day.
pub(super) fn begin(day: &str) -> Option<Time> {
    Time::parse(&format!("{day}T00:00:00Z"))
}

pub(super) fn path(folder: &Path, day: &str) -> PathBuf {
    folder.join(format!("{PREFIX}{day}{SUFFIX}"))
}

/// The days of which a folder has a file, from the oldest.
pub(super) fn days(folder: &Path) -> Result<Vec<(String, PathBuf)>, Error> {
    let failed = |source| Error::Folder {
        path: folder.to_owned(),
        source,
    };
    let mut days = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let day = name
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.strip_suffix(SUFFIX));
        if let Some(day) = day.filter(|day| begin(day).is_some()) {
            days.push((day.to_owned(), entry.path()));
        }
    }
    days.sort();
    Ok(days)
}

/// Whole days that one day comes after another; 0 where it does not.
pub(super) fn days_after(day: &str, other: &str) -> i64 {
    let between = begin(day).zip(begin(other)).map(|(a, b)| a.since(b));
    between.map_or(0, |between| (between / (86_400 * SECOND)).max(0))
}

/// A file that was not written since it was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    identity: Identity,
    bytes: u64,
    changed: (i64, i64),
}

impl Stamp {
    pub(super) fn of(path: &Path) -> Option<Stamp> {
        let meta = fs::metadata(path).ok()?;
        Some(Stamp {
            identity: Identity(meta.dev(), meta.ino()),
            bytes: meta.len(),
            changed: (meta.mtime(), meta.mtime_nsec()),
        })
    }
}

/// The file that stands at a path now. One that was deleted and made anew is another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity(u64, u64);

impl Identity {
    fn of(path: &Path) -> Option<Identity> {
        let meta = fs::metadata(path).ok()?;
        Some(Identity(meta.dev(), meta.ino()))
    }
}

/// A day's file, open for writing.
#[derive(Debug)]
pub(super) struct Day {
    pub(super) day: String,
    pub(super) path: PathBuf,
    identity: Option<Identity>,
    db: Connection,
}

impl Day {
    /// Opens the file of that day, or makes it; one of an earlier format is brought up to this one's.
    pub(super) fn open(folder: &Path, day: &str, terminal: &str) -> Result<Day, Error> {
        let path = path(folder, day);
        fs::create_dir_all(folder).map_err(|source| Error::Folder {
            path: folder.to_owned(),
            source,
        })?;
        // Who talks to whom is not for every user of the machine.
        let made = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o640)
            .open(&path);
        if let Err(error) = made {
            use std::io::ErrorKind as Kind;
            match error.kind() {
                Kind::StorageFull => return Err(Error::Full { path }),
                Kind::ReadOnlyFilesystem | Kind::PermissionDenied => {
                    return Err(Error::ReadOnly { path });
                }
                // It is there, or SQLite says better what is wrong.
                _ => {}
            }
        }
        let failed = |error: rusqlite::Error| Error::of(&path, &error);
        let db = Connection::open(&path).map_err(failed)?;
        db.busy_timeout(WRITE_PATIENCE).map_err(failed)?;
        db.set_prepared_statement_cache_capacity(64);
        db.execute_batch(
            "PRAGMA journal_mode = TRUNCATE; PRAGMA synchronous = FULL; PRAGMA cache_spill = OFF; \
             PRAGMA cache_size = -16384; PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF;",
        )
        .map_err(failed)?;
        layout::register(&db).map_err(failed)?;
        upgrade(&db, &path)?;
        let found: Option<String> = db
            .query_row("SELECT value FROM meta WHERE key = 'terminal'", [], |row| {
                row.get(0)
            })
            .optional()
            .map_err(failed)?;
        if let Some(found) = found.filter(|found| found != terminal) {
            return Err(Error::OtherTerminal {
                path,
                found,
                wanted: terminal.to_owned(),
            });
        }
        Ok(Day {
            day: day.to_owned(),
            identity: Identity::of(&path),
            path,
            db,
        })
    }

    /// Whether the file that is written is no more the one at its path.
    pub(super) fn is_gone(&self) -> bool {
        self.identity.is_none() || Identity::of(&self.path) != self.identity
    }

    /// Adds facts, the captures that they come from and intervals of watching, all or nothing. Gives the number of rows.
    pub(super) fn add(
        &mut self,
        facts: &Facts,
        read: &[ReadFile],
        watches: &[Watch],
        terminal: &str,
    ) -> Result<u64, Error> {
        let path = &self.path;
        let mut write = || -> rusqlite::Result<u64> {
            let change = self
                .db
                .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
            {
                let mut order = change
                    .prepare_cached("INSERT OR IGNORE INTO capture_order (name) VALUES (?1)")?;
                for name in &facts.captures {
                    order.execute([name])?;
                }
            }
            let rows = layout::add(&change, facts)?;
            put_read(&change, read)?;
            put_watches(&change, watches)?;
            let mut meta = change.prepare_cached(
                "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            )?;
            let written = watches.iter().map(|watch| watch.last).max();
            let written = written.unwrap_or_default().to_string();
            meta.execute(["terminal", terminal])?;
            meta.execute(["written", &written])?;
            meta.execute(["written_by", env!("CARGO_PKG_VERSION")])?;
            drop(meta);
            change.commit()?;
            Ok(rows)
        };
        write().map_err(|error| Error::of(path, &error))
    }

    /// Whether the file tells of that interval of watching.
    pub(super) fn knows(&self, watch: &Watch) -> bool {
        let known = self.db.query_row(
            "SELECT 1 FROM watch WHERE \"begin\" = ?1",
            [watch.begin.to_string()],
            |_| Ok(()),
        );
        known.is_ok()
    }

    /// Says that the watch goes on in another file. Not vital: without it, that file's loss would look like a crash.
    pub(super) fn continued(&self, watch: &Watch) {
        let watch = Watch {
            end: End::Continued,
            ..*watch
        };
        drop(put_watches(&self.db, &[watch]));
    }

    #[cfg(test)]
    pub(super) fn db(&self) -> &Connection {
        &self.db
    }
}

fn put_read(db: &Connection, read: &[ReadFile]) -> rusqlite::Result<()> {
    let mut put = db.prepare_cached(
        "INSERT INTO read_file (path, bytes, changed, frames, first) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (path) \
         DO UPDATE SET bytes = excluded.bytes, changed = excluded.changed, frames = excluded.frames, first = excluded.first",
    )?;
    let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    for file in read {
        let (bytes, frames) = (number(file.bytes), number(file.frames));
        let first = file.first.map(|first| first.0);
        put.execute((&file.path, bytes, file.changed.0, frames, first))?;
    }
    Ok(())
}

fn put_watches(db: &Connection, watches: &[Watch]) -> rusqlite::Result<()> {
    let mut put = db.prepare_cached(
        "INSERT INTO watch (\"begin\", \"last\", \"end\") VALUES (?1, ?2, ?3) \
         ON CONFLICT (\"begin\") DO UPDATE SET \"last\" = max(\"last\", excluded.\"last\"), \"end\" = excluded.\"end\"",
    )?;
    for watch in watches {
        put.execute((
            watch.begin.to_string(),
            watch.last.to_string(),
            watch.end.name(),
        ))?;
    }
    Ok(())
}

/// The format of a file, if this version knows it.
fn format(db: &Connection, path: &Path) -> Result<u32, Error> {
    let found: u32 = db
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .map_err(|error| Error::of(path, &error))?;
    if found > layout::FORMAT {
        return Err(Error::Newer {
            path: path.to_owned(),
            found,
            known: layout::FORMAT,
        });
    }
    Ok(found)
}

/// Brings a file of an earlier format, or an empty one, up to this one's; all or nothing.
fn upgrade(db: &Connection, path: &Path) -> Result<(), Error> {
    let found = format(db, path)?;
    let change = || -> rusqlite::Result<()> {
        let change = db.unchecked_transaction()?;
        for step in layout::STEPS.iter().skip(found as usize) {
            change.execute_batch(step)?;
        }
        change.execute_batch(
            "CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
             CREATE TABLE IF NOT EXISTS watch (\"begin\" TEXT PRIMARY KEY, \"last\" TEXT NOT NULL, \"end\" TEXT) WITHOUT ROWID;
             CREATE TABLE IF NOT EXISTS read_file (path TEXT PRIMARY KEY, bytes INTEGER NOT NULL, \
             changed INTEGER NOT NULL, frames INTEGER NOT NULL, first INTEGER) WITHOUT ROWID;
             CREATE TABLE IF NOT EXISTS capture_order (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);",
        )?;
        if !has(&change, "read_file", "first")? {
            change.execute_batch("ALTER TABLE read_file ADD COLUMN first INTEGER")?;
        }
        layout::make(&change)?;
        if found != layout::FORMAT {
            change.pragma_update(None, "user_version", layout::FORMAT)?;
        }
        change.commit()
    };
    change().map_err(|error| Error::of(path, &error))
}

fn has(db: &Connection, table: &str, column: &str) -> rusqlite::Result<bool> {
    let columns = layout::columns(db, table)?;
    Ok(columns.iter().any(|name| name == column))
}

/// A day's file, open for reading; never changed, whatever its format.
#[derive(Debug)]
pub(super) struct Past {
    path: PathBuf,
    db: Connection,
}

impl Past {
    pub(super) fn open(path: &Path) -> Result<Past, Error> {
        let failed = |error: rusqlite::Error| Error::of(path, &error);
        // A journal left by a crash has to be played back, which writes; without leave to write, reading says so.
        let flags = OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let db = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_READ_WRITE)
            .or_else(|_| {
                Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_READ_ONLY)
            })
            .map_err(failed)?;
        db.busy_timeout(READ_PATIENCE).map_err(failed)?;
        db.execute_batch("PRAGMA query_only = ON; PRAGMA trusted_schema = OFF;")
            .map_err(failed)?;
        format(&db, path)?;
        Ok(Past {
            path: path.to_owned(),
            db,
        })
    }

    /// When somebody was watching, as far as the file knows.
    pub(super) fn watches(&self) -> Result<Vec<Watch>, Error> {
        let read = || -> rusqlite::Result<Vec<Watch>> {
            if layout::columns(&self.db, "watch")?.is_empty() {
                return Ok(Vec::new());
            }
            let mut statement = self
                .db
                .prepare("SELECT \"begin\", \"last\", \"end\" FROM watch ORDER BY \"begin\"")?;
            let mut cursor = statement.query([])?;
            let mut watches = Vec::new();
            while let Some(row) = cursor.next()? {
                let time = |at| -> rusqlite::Result<Option<Time>> {
                    Ok(Time::parse(&row.get::<_, String>(at)?))
                };
                let end: Option<String> = row.get(2)?;
                if let (Some(begin), Some(last)) = (time(0)?, time(1)?) {
                    let end = End::parse(end.as_deref());
                    watches.push(Watch { begin, last, end });
                }
            }
            Ok(watches)
        };
        read().map_err(|error| Error::of(&self.path, &error))
    }

    /// The captures whose facts the file holds.
    pub(super) fn read_files(&self) -> Result<Vec<ReadFile>, Error> {
        let read = || -> rusqlite::Result<Vec<ReadFile>> {
            if layout::columns(&self.db, "read_file")?.is_empty() {
                return Ok(Vec::new());
            }
            let first = match has(&self.db, "read_file", "first")? {
                true => "first",
                false => "NULL",
            };
            let mut statement = self.db.prepare(&format!(
                "SELECT path, bytes, changed, frames, {first} FROM read_file ORDER BY path"
            ))?;
            let number = |n: i64| u64::try_from(n).unwrap_or(0);
            let files = statement.query_map([], |row| {
                Ok(ReadFile {
                    path: row.get(0)?,
                    bytes: number(row.get(1)?),
                    changed: Time(row.get(2)?),
                    frames: number(row.get(3)?),
                    first: row.get::<_, Option<i64>>(4)?.map(Time),
                })
            })?;
            files.collect()
        };
        read().map_err(|error| Error::of(&self.path, &error))
    }

    /// The facts that tell of the time between, and what had to be left out.
    pub(super) fn load(&self, from: Time, until: Time) -> Result<(Facts, Vec<LeftOut>), Error> {
        let read = || -> rusqlite::Result<(Facts, Vec<LeftOut>)> {
            // One look, whatever is written meanwhile.
            let look = self.db.unchecked_transaction()?;
            let captures = if layout::columns(&look, "capture_order")?.is_empty() {
                Vec::new()
            } else {
                let mut statement = look.prepare("SELECT name FROM capture_order ORDER BY id")?;
                let names = statement.query_map([], |row| row.get(0))?;
                names.collect::<rusqlite::Result<Vec<String>>>()?
            };
            layout::load(&look, captures, from, until)
        };
        read().map_err(|error| Error::of(&self.path, &error))
    }
}
