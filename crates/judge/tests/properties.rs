//! What has to hold of every page, whatever the terminal: on small terminals drawn from the rows of all cases.
//!
//! A terminal is drawn by a seed: for each table some of the rows that the cases of a few pages give it. So rows meet that no
//! author of a page put together, and a failure names the seed that draws it again.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::expect_used,
    reason = "helpers of tests may fail loudly"
)]

use std::collections::{BTreeMap, BTreeSet};

use facts::Value;
use judge::{Assessment, Catalogue, Editions, Page, Subject, Verdict, built_in};
use store::{Snapshot, Table};

/// Terminals drawn for each property.
const TERMINALS: u64 = 30;

/// SplitMix64, so that a seed draws the same terminal on every machine.
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end.max(1)).unwrap()).unwrap()
    }

    fn shuffle<T>(&mut self, all: &mut [T]) {
        for last in (1..all.len()).rev() {
            all.swap(last, self.below(last + 1));
        }
    }
}

struct Pages {
    pages: Vec<Page>,
    editions: Editions,
    catalogue: Catalogue,
}

impl Pages {
    fn new() -> Pages {
        Pages {
            pages: built_in().unwrap(),
            editions: Editions::built_in().unwrap(),
            catalogue: Catalogue::built_in().unwrap(),
        }
    }

    fn page(&self, id: &str) -> &Page {
        self.pages.iter().find(|page| page.id == id).unwrap()
    }

    /// Rows of the cases of one page, or of a few, thinned by chance; a name or an id stands in one row of its table.
    fn terminal(&self, seed: u64, of: Option<&str>) -> Vec<Table> {
        let mut draw = Draw(seed);
        let cases: Vec<_> = match of {
            Some(id) => self.page(id).cases.iter().collect(),
            None => {
                let all: Vec<_> = self.pages.iter().flat_map(|page| &page.cases).collect();
                (0..4).map(|_| all[draw.below(all.len())]).collect()
            }
        };
        let mut pool: BTreeMap<&str, Vec<&Vec<Value>>> = BTreeMap::new();
        for table in cases.iter().flat_map(|case| &case.tables) {
            pool.entry(&table.name).or_default().extend(&table.rows);
        }
        let mut tables = Vec::new();
        for (name, mut rows) in pool {
            draw.shuffle(&mut rows);
            if name == "terminal" {
                rows.truncate(1);
            }
            // Zones, sensors and coverage stay: without them there is little to judge.
            if !matches!(name, "terminal" | "site_zone" | "site_sensor" | "coverage") {
                let left = rows.len() - draw.below(rows.len() / 2 + 1);
                rows.truncate(left);
            }
            let mut taken = BTreeSet::new();
            let key = key(name);
            if name == "coverage" {
                let at = ["sensor", "zone", "what"].map(|name| column("coverage", name).unwrap());
                rows.retain(|row| taken.insert(format!("{:?}", at.map(|at| &row[at]))));
            }
            rows.retain(|row| key.is_none_or(|key| taken.insert(format!("{:?}", row[key]))));
            let mut rows: Vec<_> = rows.into_iter().cloned().collect();
            // A page's own cases leave out what that page does not ask; no decoder does.
            if let Some(at) = column(name, "protocol") {
                for row in rows.iter_mut().filter(|row| row[at] == Value::Null) {
                    row[at] = text("s7comm");
                }
            }
            tables.push(Table {
                name: name.to_owned(),
                rows,
            });
        }
        tables
    }

    fn judge(&self, tables: &[Table], pages: &[Page]) -> Assessment {
        let snapshot = Snapshot::from_tables(tables).unwrap();
        judge::assess(&snapshot, pages, &self.editions, &self.catalogue, None).unwrap_or_else(
            |error| {
                panic!(
                    "{error} {:?}",
                    std::error::Error::source(&error).map(ToString::to_string)
                )
            },
        )
    }
}

/// The column by which a row is named.
fn key(table: &str) -> Option<usize> {
    let named = if table.starts_with("record_") {
        "id"
    } else {
        "name"
    };
    let named_at = column(table, named);
    named_at
        .filter(|_| table.starts_with("record_") || table.starts_with("site_") || table == "asset")
}

fn column(table: &str, column: &str) -> Option<usize> {
    let columns = store::columns(table).unwrap();
    columns.iter().position(|(name, _)| name == column)
}

/// A row of that table with these cells; the rest as in `like`, else null.
fn row(table: &str, cells: &[(&str, Value)]) -> Vec<Value> {
    let columns = store::columns(table).unwrap();
    for (name, _) in cells {
        assert!(
            columns.iter().any(|(column, _)| column == name),
            "{table}.{name}"
        );
    }
    let cell = |column: &str| cells.iter().find(|(name, _)| *name == column);
    let usual = |column: &str| match column {
        "version" | "entry" => Value::Int(1),
        "recorded_at" => text("2026-11-20T12:00:00.000000000Z"),
        "recorded_by" => text("test"),
        "means" => text("cli"),
        "entry_hash" => text("sha256:00"),
        _ => Value::Null,
    };
    let cells = columns.iter();
    cells
        .map(|(name, _)| cell(name).map_or_else(|| usual(name), |(_, value)| value.clone()))
        .collect()
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn add(tables: &mut Vec<Table>, name: &str, row: Vec<Value>) {
    match tables.iter_mut().find(|table| table.name == name) {
        Some(table) => table.rows.push(row),
        None => tables.push(Table {
            name: name.to_owned(),
            rows: vec![row],
        }),
    }
}

fn subjects(assessment: &Assessment) -> impl Iterator<Item = (&str, &Subject)> {
    let measures = assessment.measures.iter();
    measures.flat_map(|judged| judged.subjects.iter().map(|one| (judged.id.as_str(), one)))
}

/// Subjects by measure and name; where a page tells two things of one name, the best of them.
fn best(assessment: &Assessment) -> BTreeMap<(&str, &str), Verdict> {
    let mut best = BTreeMap::new();
    for (id, one) in subjects(assessment) {
        let verdict = best
            .entry((id, one.subject.as_str()))
            .or_insert(one.verdict);
        *verdict = one.verdict.min(*verdict);
    }
    best
}

#[test]
fn the_same_terminal_gives_the_same_bytes_in_whatever_order_its_records_stand() {
    let pages = Pages::new();
    let mut told = 0;
    for seed in 0..TERMINALS {
        let mut tables = pages.terminal(seed, None);
        let first = pages.judge(&tables, &pages.pages);
        told += subjects(&first)
            .filter(|(_, one)| !one.records.is_empty())
            .count();
        assert_eq!(
            format!("{first:?}"),
            format!("{:?}", pages.judge(&tables, &pages.pages)),
            "seed {seed}: twice"
        );
        let mut draw = Draw(seed);
        for table in &mut tables {
            if table.name.starts_with("record_") {
                draw.shuffle(&mut table.rows);
            }
        }
        let again = pages.judge(&tables, &pages.pages);
        for (one, other) in first.measures.iter().zip(&again.measures) {
            assert_eq!(one, other, "seed {seed}: shuffled");
        }
    }
    assert!(told > 100, "only {told} subjects rest on records");
}

/// Records that tell against somebody or ask for something: without them less is known to be wrong. A kind of which every record
/// only speaks for the terminal has no business here.
const TELL_AGAINST: &[(&str, &str)] = &[
    ("record_access_grant", "two share an account"),
    ("record_contact_test", "nobody answered"),
    ("record_door_event", "nobody says who opened it"),
    ("record_drill", "it missed its aims"),
    ("record_finding", "it lies about"),
    ("record_inspection", "it found something"),
    ("record_key", "it is lost"),
    ("record_media_permit", "it is one use more"),
    ("record_person", "they allowed what they did themselves"),
    ("record_program_baseline", "it replaces an older one"),
    ("record_rebuild_test", "it failed"),
    ("record_restore_test", "it failed"),
    ("record_rule_recertification", "it asks for a change"),
];

/// Ways to have less evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Loss {
    /// One row of coverage or of a record.
    One,
    /// Some of them, whatever they are of.
    Some,
    /// All of one table.
    Table,
    /// All coverage, and all records that speak for the terminal.
    All,
    /// Nothing is recorded, whatever it would tell.
    Ledger,
    /// What coverage there is, is of a part.
    Dim,
    /// No capture is there: neither facts nor coverage.
    Captures,
}

const LOSSES: &[Loss] = &[
    Loss::One,
    Loss::Some,
    Loss::Table,
    Loss::All,
    Loss::Ledger,
    Loss::Dim,
    Loss::Captures,
];

fn is_record(table: &Table) -> bool {
    table.name.starts_with("record_")
}

/// Whether the rows come out of captures.
fn is_seen(table: &Table) -> bool {
    !is_record(table) && table.name != "terminal" && !table.name.starts_with("site_")
}

/// What it has left then; nothing where it had none of that.
fn poorer(tables: &[Table], loss: Loss, draw: &mut Draw) -> Option<(Vec<Table>, String)> {
    let mut left = tables.to_vec();
    let gives = |table: &Table| {
        let against = TELL_AGAINST.iter().any(|(name, _)| *name == table.name);
        !against && (table.name == "coverage" || is_record(table))
    };
    // Who refuses tells against as well, who approves does not.
    let refuses = |row: &Vec<Value>| row.contains(&text("refused"));
    let places = (0..left.len()).filter(|at| gives(&left[*at]));
    let rows = places.flat_map(|at| (0..left[at].rows.len()).map(move |row| (at, row)));
    let mut rows: Vec<_> = rows
        .filter(|(at, row)| !refuses(&left[*at].rows[*row]))
        .collect();
    draw.shuffle(&mut rows);
    match loss {
        Loss::One => rows.truncate(1),
        Loss::Some => rows.truncate(1 + draw.below(rows.len())),
        Loss::Table => {
            let of = rows.first()?.0;
            rows.retain(|(at, _)| *at == of);
        }
        Loss::All => {}
        Loss::Ledger => left.retain(|table| !is_record(table)),
        Loss::Captures => left.retain(|table| !is_seen(table)),
        Loss::Dim => {
            let coverage = left.iter_mut().find(|table| table.name == "coverage")?;
            let [state, good, total] =
                ["state", "good", "total"].map(|name| column("coverage", name).unwrap());
            for row in &mut coverage.rows {
                if draw.below(2) == 0 {
                    row[state] = text("partial");
                    row[good] = match &row[total] {
                        Value::Int(total) => Value::Int(total / 2),
                        other => other.clone(),
                    };
                }
            }
        }
    }
    if !matches!(loss, Loss::Ledger | Loss::Captures | Loss::Dim) {
        rows.sort_unstable();
        for (at, row) in rows.iter().rev() {
            left[*at].rows.remove(*row);
        }
    }
    let count = |tables: &[Table], table: &Table| {
        let same = tables.iter().find(|other| other.name == table.name);
        same.map_or(0, |table| table.rows.len())
    };
    let gone = tables
        .iter()
        .filter(|table| count(&left, table) < table.rows.len());
    let gone: Vec<_> = gone.map(|table| table.name.as_str()).collect();
    let told = format!("{loss:?} of {}", gone.join(", "));
    (loss == Loss::Dim || !gone.is_empty()).then_some((left, told))
}

#[test]
fn less_evidence_never_makes_a_subject_met() {
    let pages = Pages::new();
    let mut tried = BTreeMap::<Loss, usize>::new();
    let mut wrong = Vec::new();
    for (seed, page) in (0..4).flat_map(|seed| pages.pages.iter().map(move |page| (seed, page))) {
        let tables = pages.terminal(seed, Some(&page.id));
        let pages_of = std::slice::from_ref(page);
        let whole = pages.judge(&tables, pages_of);
        let before = best(&whole);
        let mut draw = Draw(seed);
        for loss in LOSSES {
            let Some((left, told)) = poorer(&tables, *loss, &mut draw) else {
                continue;
            };
            *tried.entry(*loss).or_default() += 1;
            let left = pages.judge(&left, pages_of);
            // A record stands where nothing was captured that refutes it; pages say so (R2, and what T1 says of declarations).
            let refutable: BTreeSet<_> = subjects(&left)
                .filter(|(_, one)| *loss == Loss::Captures && !one.records.is_empty())
                .map(|(_, one)| one.subject.as_str())
                .collect();
            for ((id, subject), verdict) in best(&left) {
                let was = before.get(&(id, subject)).copied();
                let gained = verdict <= Verdict::Met && was.is_some_and(|was| was > Verdict::Met);
                if gained && !refutable.contains(subject) {
                    wrong.push(format!(
                        "seed {seed}: {id} {subject} is met with {told} gone"
                    ));
                }
            }
            // What is asked of a terminal is recorded: with fewer captures there is no less of it.
            let verdict = |judged: &Assessment| judged.measures[0].verdict;
            let seen = matches!(loss, Loss::Captures | Loss::Dim) && refutable.is_empty();
            if seen && verdict(&left) <= Verdict::Met && verdict(&whole) > Verdict::Met {
                wrong.push(format!("seed {seed}: {} is met with {told} gone", page.id));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for loss in LOSSES {
        assert!(tried.get(loss) > Some(&20), "{loss:?}: {tried:?}");
    }
}

#[test]
fn allowing_something_never_makes_a_finding_of_its_kind() {
    let pages = Pages::new();
    let mut ended = BTreeMap::<&str, usize>::new();
    for seed in 0..TERMINALS {
        for (what, ids) in ALLOWS {
            let id = ids[usize::try_from(seed).unwrap() % ids.len()];
            let page = std::slice::from_ref(pages.page(id));
            let tables = pages.terminal(seed, Some(id));
            let mut richer = tables.clone();
            if !allow(what, &mut richer, &mut Draw(seed)) {
                continue;
            }
            let (before, after) = (pages.judge(&tables, page), pages.judge(&richer, page));
            let (before, after) = (findings(&before), findings(&after));
            let new: Vec<_> = after.difference(&before).collect();
            assert!(new.is_empty(), "seed {seed}: {what} makes {new:?} of {id}");
            *ended.entry(what).or_default() += before.len() - after.len();
        }
    }
    for (what, _) in ALLOWS {
        assert!(
            ended.get(what) > Some(&0),
            "{what} ended no finding: {ended:?}"
        );
    }
}

/// Pages that ask more of what is allowed: C8 a work order where a conduit stands, C14 a change request where an update is made
/// from afar and G3 a new baseline after a change (one that nothing allows is C9's alone), G1 a password that is not there to be read
/// (in what nothing explains it is told where that is), G5 and T2 a contract that agrees to what a conduit lets through.
const ASK_MORE: &[(&str, &[&str])] = &[
    ("work order", &["C14", "G3"]),
    ("conduit", &["C8", "C14", "G1", "G3", "G5", "T2"]),
];

#[test]
fn allowing_what_the_wire_shows_makes_no_finding_of_any_measure() {
    let pages = Pages::new();
    let mut ended = BTreeMap::<&str, usize>::new();
    let mut wrong = Vec::new();
    for seed in 0..TERMINALS {
        let tables = pages.terminal(seed, None);
        let before = findings(&pages.judge(&tables, &pages.pages));
        for (what, ask_more) in ASK_MORE {
            let mut richer = tables.clone();
            if !allow(what, &mut richer, &mut Draw(seed)) {
                continue;
            }
            let after = findings(&pages.judge(&richer, &pages.pages));
            let of = |finding: &str, id: &str| finding.split(' ').next() == Some(id);
            let new = after.difference(&before);
            let new = new.filter(|one| !ask_more.iter().any(|id| of(one, id)));
            wrong.extend(new.map(|one| format!("seed {seed}: {what} makes {one}")));
            *ended.entry(what).or_default() += before.difference(&after).count();
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for (what, _) in ASK_MORE {
        assert!(
            ended.get(what) > Some(&0),
            "{what} ended no finding: {ended:?}"
        );
    }
}

/// What a terminal is told to have allowed, and the pages that ask whether it was.
const ALLOWS: &[(&str, &[&str])] = &[
    ("work order", &["C9", "C4", "C6", "C14", "R0"]),
    // Not C8: that a conduit stands where a work order should is what it finds.
    (
        "conduit",
        &[
            "C1", "C2", "C4", "C6", "C9", "C11", "C12", "C15", "G7", "T1", "T3",
        ],
    ),
    ("access grant", &["G1"]),
    ("contract permission", &["G5", "T2"]),
    ("approval", &["C7", "C14"]),
    ("exception", &["G2"]),
];

fn findings(assessment: &Assessment) -> BTreeSet<String> {
    let found = subjects(assessment).filter(|(_, one)| one.verdict == Verdict::NotMet);
    found
        .map(|(id, one)| format!("{id} {}: {}", one.subject, one.finding.clone().unwrap()))
        .collect()
}

/// Allows one thing that the terminal has; whether there was one to allow.
fn allow(what: &str, tables: &mut Vec<Table>, draw: &mut Draw) -> bool {
    let rows = |tables: &[Table], name: &str| {
        let table = tables.iter().find(|table| table.name == name);
        table.map_or(Vec::new(), |table| table.rows.clone())
    };
    let pick = |tables: &[Table], draw: &mut Draw, name: &str| {
        let rows = rows(tables, name);
        let one = draw.below(rows.len());
        rows.into_iter().nth(one)
    };
    let of = |name: &str, from: &[Value], field: &str| from[column(name, field).unwrap()].clone();
    let list = |value: Value| match value {
        Value::Text(text) => Value::List(vec![text]),
        _ => Value::List(Vec::new()),
    };
    match what {
        // The fold writes what allows a row into it.
        "work order" | "conduit" => {
            let (kinds, field): (&[&str], &str) = match what {
                "work order" => (&["operation", "file"], "work_order"),
                _ => (
                    &[
                        "conversation",
                        "remote_session",
                        "operation",
                        "name",
                        "file",
                    ],
                    "conduit",
                ),
            };
            let mut any = false;
            for table in tables
                .iter_mut()
                .filter(|table| kinds.contains(&table.name.as_str()))
            {
                let Some(at) = column(&table.name, field) else {
                    continue;
                };
                for row in table.rows.iter_mut().filter(|row| row[at] == Value::Null) {
                    row[at] = text("allowed here");
                    any = true;
                }
            }
            any
        }
        "access grant" => {
            let Some(session) = pick(tables, draw, "remote_session") else {
                return false;
            };
            let name = "remote_session";
            let grant = row(
                "record_access_grant",
                &[
                    ("id", text("new")),
                    ("person", text("new")),
                    ("targets", list(of(name, &session, "server_asset"))),
                    ("rights", list(text("program"))),
                    ("path", text("jump-host")),
                    ("account", of(name, &session, "user")),
                    ("mfa", Value::Bool(true)),
                    ("approved_by", text("other")),
                    ("because", text("duty")),
                    ("granted", text("2026-01-01")),
                ],
            );
            // One more person with an account that somebody has is a finding of its own.
            let account = column("record_access_grant", "account").unwrap();
            let taken = rows(tables, "record_access_grant")
                .iter()
                .any(|row| row[account] == grant[account]);
            add(tables, "record_access_grant", grant);
            !taken
        }
        "contract permission" => {
            let (Some(contract), Some(flow)) = (
                pick(tables, draw, "record_third_party_contract"),
                pick(tables, draw, "conversation"),
            ) else {
                return false;
            };
            let near = of("conversation", &flow, "client_asset");
            add(
                tables,
                "record_contract_permission",
                row(
                    "record_contract_permission",
                    &[
                        ("id", text("new")),
                        (
                            "contract",
                            of("record_third_party_contract", &contract, "id"),
                        ),
                        ("purpose", text("what flows")),
                        ("systems", list(near)),
                        ("destinations", Value::List(Vec::new())),
                        ("services", Value::List(Vec::new())),
                        ("direction", text("both")),
                        ("data", list(text("diagnostic"))),
                        ("may_modify", Value::Bool(false)),
                        ("begins", text("2025-01-01")),
                    ],
                ),
            );
            // Whoever agreed to no remote access at all, or whose contract is over, has no use for a permission.
            let of = |field| of("record_third_party_contract", &contract, field);
            let runs = match of("ends") {
                Value::Text(day) => day.as_str() > "2026-11-21",
                _ => true,
            };
            runs && of("remote_access") != text("never")
        }
        "approval" => {
            let changes = rows(tables, "record_change_request");
            for (number, change) in changes.iter().enumerate() {
                let name = "record_change_request";
                for who in ["one", "two"] {
                    add(
                        tables,
                        "record_approval",
                        row(
                            "record_approval",
                            &[
                                ("id", text(&format!("new {number} {who}"))),
                                ("change", of(name, change, "id")),
                                ("approver", text(who)),
                                ("decided", of(name, change, "requested")),
                                ("decision", text("approved")),
                            ],
                        ),
                    );
                }
            }
            !changes.is_empty()
        }
        "exception" => {
            let Some(weak) = pick(tables, draw, "record_remediation") else {
                return false;
            };
            add(
                tables,
                "record_exception",
                row(
                    "record_exception",
                    &[
                        ("id", text("new")),
                        ("measure", text("G2")),
                        ("subject", of("record_remediation", &weak, "advisory")),
                        ("risk", text("a stop")),
                        ("reason", text("no spare")),
                        ("approved_by", text("one")),
                        ("decided", text("2026-01-01")),
                        ("ends", text("2027-12-31")),
                    ],
                ),
            );
            true
        }
        _ => unreachable!("{what}"),
    }
}
