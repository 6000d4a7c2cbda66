//! A snapshot: every fact and the site as tables, as of a time, for reading only.
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};

use facts::kinds::{Conversation, KINDS};
use facts::site::Site;
use facts::{Facts, Kind, Plain, Time, Value};
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Statement};

use crate::alike::Alike;
use crate::context::{Context, Known, Row};
use crate::flow::{Flows, Talk};
use crate::loading::{self, Loader};
use crate::readers::Shared;
use crate::reads::OfAll;
use crate::records_kept::{Filled, shared_name};
use crate::records_rows::{self, Records};
use crate::shown::{self, Conversations, Shown};
use crate::{Error, calendar, functions, schema, site_rows, threads};

/// Steps of SQLite's virtual machine between two looks at the limit.
const STRIDE: u64 = 10_000;
/// Steps that one query may take, in millions: some ten seconds of work.
const MOST_MILLION_STEPS: u64 = 2_000;
/// Bytes that one value may have.
const LONGEST_VALUE: i32 = 32 << 20;

/// Rows of one table, for snapshots that are not made from [`Facts`]: every column of the table in each row.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// Name of a table of the schema.
    pub name: String,
    /// Rows, each with a value per column in the order of the schema.
    pub rows: Vec<Vec<Value>>,
}

/// What a query gave.
#[derive(Clone, Debug, PartialEq)]
pub struct Rows {
    /// Names of the columns, as the query has them.
    pub columns: Vec<String>,
    /// Rows in the order of the query, each as wide as `columns`.
    pub rows: Vec<Vec<Value>>,
}

/// Every fact and the site as tables. Only reads; same facts and site, same answers.
#[derive(Debug)]
pub struct Snapshot {
    pub(crate) db: Connection,
    /// What another reader of the same tables needs.
    pub(crate) shared: Option<Shared>,
    /// Tables of records that stand apart.
    pub(crate) apart: Option<Arc<Filled>>,
    /// What shows the conversations, where their table is empty.
    pub(crate) aside: Option<Arc<Conversations>>,
    steps: Arc<AtomicU64>,
    pub(crate) limit: Arc<AtomicU64>,
    exhausted: Arc<AtomicBool>,
}

impl Snapshot {
    /// The facts, folded against the site, as of a time; in memory.
    ///
    /// # Errors
    /// [`Error::Build`] with the step at which SQLite failed.
    pub fn new(facts: &Facts, site: &Site, as_of: Time) -> Result<Snapshot, Error> {
        let db = Connection::open_in_memory().map_err(Error::build("open"))?;
        Snapshot::fill(db, facts, site, as_of, Wanted::all(Records::NONE))
    }

    /// Like [`Snapshot::new`], with the records of a ledger.
    ///
    /// # Errors
    /// [`Error::Build`] with the step at which SQLite failed.
    pub fn with_records(
        facts: &Facts,
        site: &Site,
        records: Records<'_>,
        as_of: Time,
    ) -> Result<Snapshot, Error> {
        let db = Connection::open_in_memory().map_err(Error::build("open"))?;
        Snapshot::fill(db, facts, site, as_of, Wanted::all(records))
    }

    /// Like [`Snapshot::with_records`], for these queries alone: where none of them reads the conversations, which are the most by
    /// far, their table is empty. What shows them is known all the same ([`Snapshot::shown`]). Of the records, those kinds
    /// and fields alone are there that one of them reads, and what evidence is resolved by.
    ///
    /// # Errors
    /// [`Error::Build`] with the step at which SQLite failed; a query that does not run is no error here.
    pub fn for_queries<'a>(
        facts: &Facts,
        site: &Site,
        records: Records<'_>,
        as_of: Time,
        queries: impl IntoIterator<Item = &'a str>,
    ) -> Result<Snapshot, Error> {
        let read = OfAll::new(queries);
        let wanted = |apart| Wanted {
            records,
            read: Some(&read),
            apart,
        };
        let name = shared_name("facts");
        let db = Connection::open(&name).map_err(Error::build("open"))?;
        match Snapshot::fill(db, facts, site, as_of, wanted(true)) {
            Ok(snapshot) => {
                let records = snapshot.apart.as_ref().map_or(0, |apart| apart.count());
                let rows = facts.conversations.len() + facts.operations.len() + records;
                let time_zone = site_rows::time_zone(site).to_owned();
                let shared = Shared::new(name, (time_zone, as_of), rows);
                Ok(Snapshot {
                    shared: Some(shared),
                    ..snapshot
                })
            }
            // What is shared has a limit of its own, which what belongs to one connection has not.
            Err(error) if error.is_full() => {
                let db = Connection::open_in_memory().map_err(Error::build("open"))?;
                Snapshot::fill(db, facts, site, as_of, wanted(false))
            }
            Err(error) => Err(error),
        }
    }

    /// Like [`Snapshot::new`], in a file that any SQLite tool opens. An existing file is an error.
    ///
    /// # Errors
    /// [`Error::Build`]: the path cannot be written, or a file with tables stands there already; a file half made may
    /// be left.
    pub fn in_file(
        path: &Path,
        facts: &Facts,
        site: &Site,
        as_of: Time,
    ) -> Result<Snapshot, Error> {
        let db = Connection::open(path).map_err(Error::build("open"))?;
        Snapshot::fill(db, facts, site, as_of, Wanted::all(Records::NONE))
    }

    fn fill(
        db: Connection,
        facts: &Facts,
        site: &Site,
        as_of: Time,
        wanted: Wanted<'_>,
    ) -> Result<Snapshot, Error> {
        let mut declared: BTreeMap<&str, Vec<Vec<Value>>> = BTreeMap::new();
        for (table, row) in site_rows::rows(site, as_of) {
            declared.entry(table).or_default().push(row);
        }
        let mut source = |table: &str, into: &mut Loader<'_>| {
            let declared = declared.remove(table).unwrap_or_default();
            declared.iter().try_for_each(|row| into.row(row))?;
            facts.try_cells(table, into, Loader::cell, Loader::end)
        };
        let flows = |known: &dyn Fn() -> Known| {
            let mut context = Context::default();
            context.learn(facts);
            let alike = Alike::gather(facts, &context);
            let mut flows = Flows::new(context, known());
            alike.add_to(&mut flows, facts);
            flows
        };
        let mut source = |table: &str, into: &mut Loader<'_>| {
            if table == Conversation::INFO.name && !wanted.conversations()? {
                return Ok(());
            }
            source(table, into)
        };
        // Nothing else in the tables names a conversation by its number.
        let aside = |cited: &[i64]| {
            let every = wanted.conversations()?;
            Ok((!every).then(|| Conversations::of(facts, cited)))
        };
        let records = records_rows::Source::Ledger {
            records: wanted.records,
            read: wanted.read,
            apart: wanted.apart,
        };
        let clock = (site_rows::time_zone(site), as_of);
        // Records are most of what there is where a ledger is old, and nothing else rests on their tables.
        let build = || Snapshot::build(db, clock, &records, &mut source, &flows, &aside);
        let (apart, built) = match records.is_apart() {
            true => threads::both(|| records.apart(), build),
            false => (Ok(None), build()),
        };
        let (db, aside) = built?;
        let mut snapshot = Snapshot::guard(db, apart?).map_err(Error::build("guard"))?;
        snapshot.aside = aside.map(Arc::new);
        Ok(snapshot)
    }

    /// A snapshot of given rows, as cases of measure pages have them.
    ///
    /// # Errors
    /// A table that the schema does not have, a row of another width, or the step at which SQLite failed.
    pub fn from_tables(tables: &[Table]) -> Result<Snapshot, Error> {
        if let Some(table) = tables
            .iter()
            .find(|table| schema::columns(&table.name).is_none())
        {
            return Err(Error::NoSuchTable {
                table: table.name.clone(),
            });
        }
        let db = Connection::open_in_memory().map_err(Error::build("open"))?;
        let terminal = tables
            .iter()
            .find(|t| t.name == "terminal")
            .and_then(|t| t.rows.first());
        let told = |column: usize| match terminal.and_then(|row| row.get(column)) {
            Some(Value::Text(text)) => Some(text.as_str()),
            _ => None,
        };
        let as_of = told(2).and_then(Time::parse).unwrap_or_default();
        let clock = (told(1).unwrap_or("UTC"), as_of);
        let rows = |name: &str| {
            let tables = tables.iter().filter(|t| t.name == name);
            (1..).zip(tables.flat_map(|t| &t.rows)).collect::<Vec<_>>()
        };
        let mut source = |name: &str, into: &mut Loader<'_>| {
            let mut rows = rows(name).into_iter();
            rows.try_for_each(|(_, row)| into.row(row))
        };
        let flows = |known: &dyn Fn() -> Known| {
            let mut context = Context::default();
            for kind in KINDS {
                for (_, values) in rows(kind.name) {
                    context.learn_row(Row { kind, values });
                }
            }
            let mut flows = Flows::new(context, known());
            let kind = &Conversation::INFO;
            for (id, values) in rows(kind.name) {
                flows.add(id, &Talk::of_row(Row { kind, values }));
            }
            flows
        };
        let records = records_rows::Source::Given(tables);
        let (db, _) = Snapshot::build(db, clock, &records, &mut source, &flows, &|_| Ok(None))?;
        Snapshot::guard(db, None).map_err(Error::build("guard"))
    }

    /// Makes every table, then what is worked out from them. What conversations have in common is looked for meanwhile; to which
    /// flow they belong is known once devices are.
    fn build(
        mut db: Connection,
        clock: (&str, Time),
        records: &records_rows::Source<'_>,
        source: &mut Source<'_>,
        flows: &Gather<'_>,
        aside: &Aside<'_>,
    ) -> Result<(Connection, Option<Conversations>), Error> {
        let step = |step: &'static str| Error::build(step);
        settle(&db, clock)?;
        db.execute_batch("BEGIN").map_err(step("begin"))?;
        for kind in KINDS.iter().chain(schema::SITE).chain(schema::GATHERED) {
            db.execute_batch(&schema::create(kind))
                .map_err(step(kind.name))?;
        }
        if !records.is_apart() {
            records.load(&db)?;
        }
        let (later, first): (Vec<_>, Vec<_>) =
            KINDS.iter().partition(|kind| LATER.contains(&kind.name));
        let (tell, told) = mpsc::channel();
        let told = Mutex::new(told);
        let gather = || {
            // Where the tables could not be filled, nothing comes, and nobody wants the flows.
            flows(&|| {
                let told = told.lock().unwrap_or_else(PoisonError::into_inner);
                told.recv().unwrap_or_default()
            })
        };
        let (gathered, filled) = threads::both(gather, || {
            // It ends with this, however this ends, so that nobody waits for what never comes.
            let tell = tell;
            for kind in schema::SITE.iter().chain(first) {
                loading::fill(&mut db, kind, |into| source(kind.name, into))?;
            }
            db.authorizer(Some(not_yet)).map_err(step("devices"))?;
            db.execute_batch(include_str!("derived_devices.sql"))
                .map_err(step("devices"))?;
            db.execute_batch(include_str!("derived_signs.sql"))
                .map_err(step("signs"))?;
            db.authorizer(None::<fn(AuthContext<'_>) -> Authorization>)
                .map_err(step("devices"))?;
            let known = known(&db).map_err(step("zones and roles"))?;
            // Who takes it is in this very call.
            let _ = tell.send(known);
            for kind in later {
                loading::fill(&mut db, kind, |into| source(kind.name, into))?;
            }
            db.execute_batch(include_str!("derived_later.sql"))
                .map_err(step("indices"))
        });
        filled?;
        let cited = gathered.cited();
        let (aside, told) = threads::both(
            || aside(&cited),
            || {
                loading::fill(&mut db, &schema::FLOW, |into| gathered.load(into))?;
                loading::fill(&mut db, &schema::LOG_SENT, |into| gathered.load_logs(into))?;
                db.execute_batch(include_str!("derived_flows.sql"))
                    .map_err(step("flows"))?;
                db.execute_batch("COMMIT; ANALYZE main;")
                    .map_err(step("commit"))
            },
        );
        told?;
        Ok((db, aside?))
    }

    /// From here on the database only answers questions, and no question may run for ever.
    pub(crate) fn guard(
        mut db: Connection,
        apart: Option<Arc<Filled>>,
    ) -> rusqlite::Result<Snapshot> {
        if let Some(apart) = &apart {
            apart.attach(&mut db)?;
        }
        db.execute_batch("PRAGMA query_only = ON")?;
        let steps = Arc::new(AtomicU64::new(0));
        let limit = Arc::new(AtomicU64::new(MOST_MILLION_STEPS));
        let exhausted = Arc::new(AtomicBool::new(false));
        db.set_limit(Limit::SQLITE_LIMIT_LENGTH, LONGEST_VALUE)?;
        db.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
        let (count, most, out) = (
            Arc::clone(&steps),
            Arc::clone(&limit),
            Arc::clone(&exhausted),
        );
        db.progress_handler(
            i32::try_from(STRIDE).unwrap_or(i32::MAX),
            Some(move || {
                let done = count
                    .fetch_add(STRIDE, Ordering::Relaxed)
                    .saturating_add(STRIDE);
                let stop = done > most.load(Ordering::Relaxed).saturating_mul(1_000_000);
                if stop {
                    out.store(true, Ordering::Relaxed);
                }
                stop
            }),
        )?;
        db.authorizer(Some(authorize))?;
        Ok(Snapshot {
            db,
            shared: None,
            apart,
            aside: None,
            steps,
            limit,
            exhausted,
        })
    }

    /// Sets how many million steps a query may take.
    pub fn set_work_limit(&self, million_steps: u64) {
        self.limit.store(million_steps, Ordering::Relaxed);
    }

    /// Runs one statement that only reads.
    ///
    /// # Errors
    /// The statement does not run, writes, is none or several, or takes more steps than a query may; the snapshot is
    /// as before.
    pub fn query(&self, sql: &str) -> Result<Rows, Error> {
        self.query_with(sql, &[])
    }

    /// Like [`Snapshot::query`], with values for the named parameters (`:edition`) that the statement has. Those that it
    /// does not have are left aside; those without a value are null.
    ///
    /// # Errors
    /// As of [`Snapshot::query`].
    pub fn query_with(&self, sql: &str, parameters: &[(&str, Value)]) -> Result<Rows, Error> {
        self.begin();
        let mut statement = self.db.prepare(sql).map_err(|error| self.failed(error))?;
        if statement.column_count() == 0 {
            return Err(if statement.readonly() {
                Error::Empty
            } else {
                Error::Writes
            });
        }
        if !statement.readonly() {
            return Err(Error::Writes);
        }
        for (name, value) in parameters {
            let index = statement
                .parameter_index(&format!(":{name}"))
                .map_err(|error| self.failed(error))?;
            if let Some(index) = index {
                bind(&mut statement, index, value).map_err(|error| self.failed(error))?;
            }
        }
        let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
        let mut rows = Vec::new();
        let mut cursor = statement.raw_query();
        while let Some(row) = cursor.next().map_err(|error| self.failed(error))? {
            let mut values = Vec::with_capacity(columns.len());
            for index in 0..columns.len() {
                let cell = row.get_ref(index).map_err(|error| self.failed(error))?;
                values.push(value(cell));
            }
            rows.push(values);
        }
        Ok(Rows { columns, rows })
    }

    /// The frames that show the fact of that kind and id; `None` where nothing does.
    ///
    /// # Errors
    /// The lookup was stopped or failed; the snapshot is as before.
    pub fn shown(&self, kind: &str, id: i64) -> Result<Option<Shown>, Error> {
        self.begin();
        shown::shown(&self.db, self.aside.as_deref(), kind, id).map_err(|error| self.failed(error))
    }

    /// A question is asked: its work is counted from here.
    pub(crate) fn begin(&self) {
        self.steps.store(0, Ordering::Relaxed);
        self.exhausted.store(false, Ordering::Relaxed);
    }

    pub(crate) fn failed(&self, error: rusqlite::Error) -> Error {
        if self.exhausted.load(Ordering::Relaxed) {
            return Error::TooMuchWork {
                steps: self.limit.load(Ordering::Relaxed),
            };
        }
        match error {
            rusqlite::Error::MultipleStatement => Error::SeveralStatements,
            rusqlite::Error::SqliteFailure(_, Some(message)) => told(message),
            rusqlite::Error::SqlInputError { msg, .. } => told(msg),
            error => told(error.to_string()),
        }
    }
}

fn told(message: String) -> Error {
    let hint = if message.contains("not authorized to use function") {
        ": it is not available, since the same facts must give the same answer at any time"
    } else if message.contains("not authorized") {
        ": queries only read"
    } else if message.contains("no such table") || message.contains("no such column") {
        "; `seawall sql --tables` lists tables and columns"
    } else {
        ""
    };
    Error::Query { message, hint }
}

/// Gives the rows of a table.
type Source<'a> = dyn FnMut(&str, &mut Loader<'_>) -> Result<(), Error> + 'a;
/// Gathers the flows; waits for what is known of devices and zones when it needs that.
type Gather<'a> = dyn Fn(&dyn Fn() -> Known) -> Flows<'a> + Sync + 'a;
/// What shows the conversations that rows name, by their numbers.
type Aside<'a> = dyn Fn(&[i64]) -> Result<Option<Conversations>, Error> + Sync + 'a;

/// The kinds of fact with the most rows. What is worked out of devices rests on none of them, so it need not wait.
const LATER: &[&str] = &["conversation", "operation", "remote_session"];

/// What every connection needs before it reads or fills tables.
pub(crate) fn settle(db: &Connection, (time_zone, as_of): (&str, Time)) -> Result<(), Error> {
    // Nothing here outlives a crash, so nothing waits for a disk.
    db.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -65536;")
        .map_err(Error::build("settings"))?;
    functions::register(db, time_zone).map_err(Error::build("functions"))?;
    calendar::register(db, time_zone, as_of).map_err(Error::build("functions"))
}

/// What of facts and records a snapshot is to hold.
struct Wanted<'a> {
    records: Records<'a>,
    /// What is read of them, where that is known.
    read: Option<&'a OfAll<'a>>,
    /// Whether the tables of records stand in databases of their own.
    apart: bool,
}

impl<'a> Wanted<'a> {
    fn all(records: Records<'a>) -> Wanted<'a> {
        Wanted {
            records,
            read: None,
            apart: false,
        }
    }

    /// Whether the table of conversations is read.
    fn conversations(&self) -> Result<bool, Error> {
        let read = self.read.map(OfAll::columns).transpose()?;
        Ok(read.is_none_or(|read| read.contains_key(Conversation::INFO.name)))
    }
}

fn known(db: &Connection) -> rusqlite::Result<Known> {
    let mut known = Known::default();
    let pairs = |sql: &str| -> rusqlite::Result<Vec<(String, String, bool)>> {
        let mut statement = db.prepare(sql)?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        rows.collect()
    };
    for (name, kind, is_crane) in pairs("SELECT name, kind, is_crane IS TRUE FROM site_zone")? {
        known.zones.insert(name, (kind, is_crane));
    }
    for (net, _, _) in pairs("SELECT value, '', 0 FROM site_zone, json_each(subnets)")? {
        if let Ok(ipnet::IpNet::V4(net)) = net.parse::<ipnet::IpNet>()
            && net.prefix_len() < 31
        {
            known.broadcasts.insert(net.broadcast().to_string());
        }
    }
    for (name, role, _) in pairs(
        "SELECT name, role, 0 FROM asset WHERE role IS NOT NULL UNION ALL SELECT name, role, 0 FROM site_asset WHERE role IS NOT NULL",
    )? {
        known.roles.insert(name, role);
    }
    for (mac, device, declared) in pairs(
        "SELECT DISTINCT p.mac, s.asset, p.declared FROM path_sign s JOIN presence p ON p.asset = s.asset WHERE p.mac IS NOT NULL
         UNION
         SELECT r.mac, s.asset, s.asset IN (SELECT name FROM site_asset)
         FROM path_sign s JOIN crane_route r ON s.evidence = 'route:' || r.id AND s.asset = r.device
         WHERE r.mac IS NOT NULL
         ORDER BY 2 DESC",
    )? {
        if let Ok(mac) = mac.parse() {
            known.hidden_macs.insert(mac, (device, declared));
        }
    }
    Ok(known)
}

pub(crate) fn bind(
    statement: &mut Statement<'_>,
    index: usize,
    value: &Value,
) -> rusqlite::Result<()> {
    loading::give(statement, index, Plain::of(value, &mut String::new()))
}

pub(crate) fn value(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(n) => Value::Int(n),
        ValueRef::Real(n) => Value::Real(n),
        ValueRef::Text(bytes) => Value::Text(match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => String::from_utf8_lossy(bytes).into_owned(),
        }),
        ValueRef::Blob(bytes) => {
            Value::Text(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
        }
    }
}

/// Functions that know the clock or chance: the same facts must give the same answer at any time.
const UNSTABLE: &[&str] = &[
    "random",
    "randomblob",
    "date",
    "time",
    "datetime",
    "julianday",
    "unixepoch",
    "strftime",
    "timediff",
    "current_date",
    "current_time",
    "current_timestamp",
    "load_extension",
    "sqlite_version",
    "sqlite_source_id",
    "changes",
    "total_changes",
    "last_insert_rowid",
];

/// Whoever reads a table before it is filled is told so.
fn not_yet(context: AuthContext<'_>) -> Authorization {
    match context.action {
        AuthAction::Read { table_name, .. } if LATER.contains(&table_name) => Authorization::Deny,
        _ => Authorization::Allow,
    }
}

pub(crate) fn authorize(context: AuthContext<'_>) -> Authorization {
    match context.action {
        AuthAction::Select | AuthAction::Recursive => Authorization::Allow,
        AuthAction::Read { table_name, .. } => {
            // The schema tables name what the reference names; the rest of SQLite's own stay shut.
            let own = table_name.starts_with("sqlite_")
                && !matches!(table_name, "sqlite_master" | "sqlite_schema");
            if own {
                Authorization::Deny
            } else {
                Authorization::Allow
            }
        }
        AuthAction::Function { function_name } => {
            let unstable = UNSTABLE
                .iter()
                .any(|name| name.eq_ignore_ascii_case(function_name));
            if unstable {
                Authorization::Deny
            } else {
                Authorization::Allow
            }
        }
        _ => Authorization::Deny,
    }
}
