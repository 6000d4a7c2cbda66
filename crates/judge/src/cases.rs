//! Cases of a page: small tables of facts with the verdicts expected, run through the very engine.
//!
//! In `## Cases` a first `facts` block is shared by all cases. Each case is a heading `### met: in words`, a `facts`
//! block and an `expect` block. A table is a line `table: column | column`, then a row per line; a table that a case
//! gives replaces the shared one of that name. Records stand in the tables `record_KIND`. What a row leaves out is null or
//! the usual value (see [`usual`]).
use std::collections::BTreeMap;

use facts::kinds::{KINDS, Verb};
use facts::{Time, Type, Value};
use store::{Snapshot, Table};

use crate::page::{Line, NEEDS, Page, blocks};
use crate::{Editions, Error, Judged, Verdict};

/// A small world and what is expected of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// The verdict of the measure.
    pub verdict: Verdict,
    /// The words of its heading behind the verdict.
    pub name: String,
    /// Line of its heading.
    pub line: usize,
    /// The world, as tables that a snapshot is made of.
    pub tables: Vec<Table>,
    /// Edition that the terminal follows, where the case says so.
    pub edition: Option<String>,
    /// Newest edition that there is, where the case says so.
    pub newest: Option<String>,
    /// Every subject that the page is to give, and no other.
    pub expected: Vec<Expected>,
}

/// One subject as expected.
#[derive(Clone, Debug, PartialEq)]
pub struct Expected {
    /// The subject, letter by letter.
    pub subject: String,
    /// Its verdict.
    pub verdict: Verdict,
    /// Part of the reason.
    pub reason: String,
    /// Line of the page, from 1.
    pub line: usize,
}

type Wrong = (usize, String);

/// Rows as written, by table.
#[derive(Clone, Default)]
struct Written<'a> {
    tables: BTreeMap<&'a str, Vec<WrittenRow<'a>>>,
}

type WrittenRow<'a> = (usize, Vec<(&'a str, &'a str)>);

pub(crate) fn parse(lines: &[Line<'_>], needs: &[String]) -> Result<Vec<Case>, Wrong> {
    let starts: Vec<usize> = lines
        .iter()
        .enumerate()
        .filter(|(_, (_, line))| line.starts_with("### "))
        .map(|(index, _)| index)
        .collect();
    let shared_end = starts.first().copied().unwrap_or(lines.len());
    let shared = written(lines.get(..shared_end).unwrap_or_default())?;
    let ends = starts.iter().copied().skip(1).chain([lines.len()]);
    let mut cases = Vec::new();
    for (start, end) in starts.iter().zip(ends) {
        let Some(((line, heading), body)) = lines.get(*start..end).and_then(<[_]>::split_first)
        else {
            continue;
        };
        let heading = heading.trim_start_matches('#').trim();
        let (verdict, name) = heading
            .split_once(':')
            .and_then(|(verdict, name)| {
                Some((Verdict::parse(verdict.trim())?, name.trim().to_owned()))
            })
            .ok_or_else(|| {
                (
                    *line,
                    format!("a case is headed `### met: what it shows`, not {heading:?}"),
                )
            })?;
        let mut world = shared.clone();
        world.tables.extend(written(body)?.tables);
        let follow = world.tables.remove("follow").unwrap_or_default();
        let followed = |column: &str| {
            let mut cells = follow.iter().flat_map(|(_, cells)| cells);
            let cell = cells.find(|(name, _)| *name == column);
            cell.map(|(_, edition)| (*edition).to_owned())
        };
        let expected = expectations(body)?;
        if expected.is_empty() {
            return Err((
                *line,
                "the case has no `expect` block with rows `subject | verdict | part of the reason`"
                    .to_owned(),
            ));
        }
        cases.push(Case {
            verdict,
            name,
            line: *line,
            tables: typed(&world, needs)?,
            edition: followed("edition"),
            newest: followed("newest"),
            expected,
        });
    }
    Ok(cases)
}

fn written<'a>(lines: &[Line<'a>]) -> Result<Written<'a>, Wrong> {
    let mut world = Written::default();
    for block in blocks(lines)
        .into_iter()
        .filter(|block| block.language == "facts")
    {
        let mut table: Option<(&str, Vec<&str>)> = None;
        for (number, line) in block.lines {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let head = line
                .split_once(':')
                .filter(|(name, _)| columns(name.trim()).is_some() || name.trim() == "follow");
            if let Some((name, rest)) = head {
                table = Some((
                    name.trim(),
                    rest.split('|')
                        .map(str::trim)
                        .filter(|c| !c.is_empty())
                        .collect(),
                ));
                world.tables.entry(name.trim()).or_default();
                continue;
            }
            let Some((name, columns)) = &table else {
                return Err((
                    number,
                    format!(
                        "a table begins with `table: column | column`; no table is called as in {line:?}"
                    ),
                ));
            };
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            if cells.len() > columns.len() {
                return Err((
                    number,
                    format!(
                        "{} cells for {} columns of {name}",
                        cells.len(),
                        columns.len()
                    ),
                ));
            }
            let row = columns
                .iter()
                .copied()
                .zip(cells)
                .filter(|(_, cell)| !cell.is_empty())
                .collect();
            world.tables.entry(name).or_default().push((number, row));
        }
    }
    Ok(world)
}

fn expectations(lines: &[Line<'_>]) -> Result<Vec<Expected>, Wrong> {
    let mut expected = Vec::new();
    for block in blocks(lines)
        .into_iter()
        .filter(|block| block.language == "expect")
    {
        for (line, text) in block
            .lines
            .into_iter()
            .filter(|(_, text)| !text.trim().is_empty())
        {
            let mut cells = text.splitn(3, '|').map(str::trim);
            let (subject, verdict) = (
                cells.next().unwrap_or_default(),
                cells.next().unwrap_or_default(),
            );
            let verdict = Verdict::parse(verdict)
                .ok_or_else(|| (line, format!("{verdict:?} is no verdict")))?;
            let reason = cells.next().unwrap_or_default().to_owned();
            expected.push(Expected {
                subject: subject.to_owned(),
                verdict,
                reason,
                line,
            });
        }
    }
    Ok(expected)
}

/// Columns of a fact or site table; `None` for any other name.
fn columns(table: &str) -> Option<Vec<(String, Type)>> {
    store::columns(table)
}

fn typed(world: &Written<'_>, needs: &[String]) -> Result<Vec<Table>, Wrong> {
    let mut frame = 0;
    let mut tables = Vec::new();
    let mut all = world.tables.clone();
    // One row of coverage for every kind that the page needs.
    if let Some(rows) = all.get_mut("coverage") {
        *rows = rows.iter().flat_map(|row| every_need(row, needs)).collect();
    }
    for (name, rows) in &all {
        let columns = columns(name).unwrap_or_default();
        let mut table = Table {
            name: (*name).to_owned(),
            rows: Vec::new(),
        };
        for (line, cells) in rows {
            if name.starts_with("record_") && !cells.iter().any(|(column, _)| *column == "id") {
                return Err((*line, format!("a row of {name} needs an id")));
            }
            if let Some((column, _)) = cells
                .iter()
                .find(|(column, _)| !columns.iter().any(|(name, _)| name == column))
            {
                return Err((
                    *line,
                    format!(
                        "table {name} has no column {column:?}; `seawall sql --tables` lists them"
                    ),
                ));
            }
            frame += 1;
            let given: BTreeMap<&str, &str> = cells.iter().copied().collect();
            let row = columns
                .iter()
                .map(|(column, ty)| match given.get(column.as_str()) {
                    Some(text) => value(text, *ty).ok_or_else(|| {
                        (*line, format!("{text:?} is no {ty}, as {name}.{column} is"))
                    }),
                    None => Ok(usual(name, column, *ty, &given, frame)),
                });
            table.rows.push(row.collect::<Result<_, Wrong>>()?);
        }
        tables.push(table);
    }
    if !all.contains_key("terminal") {
        let row = [
            "Case terminal",
            "America/New_York",
            "2026-11-21T23:00:00.000000000Z",
        ];
        tables.push(Table {
            name: "terminal".into(),
            rows: vec![row.map(|text| Value::Text(text.into())).to_vec()],
        });
    }
    Ok(tables)
}

fn every_need<'a>(row: &WrittenRow<'a>, needs: &[String]) -> Vec<WrittenRow<'a>> {
    if !row.1.contains(&("what", "*")) {
        return vec![row.clone()];
    }
    let wanted = NEEDS
        .iter()
        .filter(|what| needs.iter().any(|need| need == *what));
    wanted
        .map(|what| {
            let cells = row
                .1
                .iter()
                .map(|(column, cell)| (*column, if *column == "what" { *what } else { *cell }));
            (row.0, cells.collect())
        })
        .collect()
}

fn value(text: &str, ty: Type) -> Option<Value> {
    let items = || {
        text.split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
    };
    Some(match ty {
        Type::Bool => Value::Bool(match text {
            "yes" | "true" | "1" => true,
            "no" | "false" | "0" => false,
            _ => return None,
        }),
        Type::Int => Value::Int(text.parse().ok()?),
        Type::Real => Value::Real(text.parse().ok()?),
        Type::Text => Value::Text(text.to_owned()),
        // A bare clock time stands on the day of the cases.
        Type::Time => {
            let time = Time::parse(text).or_else(|| Time::parse(&format!("2026-11-21T{text}Z")))?;
            Value::Text(time.to_string())
        }
        Type::List => Value::List(items().map(str::to_owned).collect()),
        Type::Numbers => Value::Numbers(
            items()
                .map(|item| item.parse().ok())
                .collect::<Option<_>>()?,
        ),
    })
}

/// What a column holds that a case does not give: what is usual on a healthy wire, else null.
fn usual(table: &str, column: &str, ty: Type, given: &BTreeMap<&str, &str>, frame: u64) -> Value {
    let text = |text: &str| Value::Text(text.to_owned());
    let like = |other: &str| given.get(other).map_or(Value::Null, |cell| text(cell));
    let is_fact = KINDS.iter().any(|kind| kind.name == table)
        && !matches!(table, "coverage" | "capture_file");
    // All tables of records are alike here.
    let table = if table.starts_with("record_") {
        "record"
    } else {
        table
    };
    match (table, column) {
        ("conversation", "client") => like("client_asset"),
        ("conversation", "server") => like("server_asset"),
        ("conversation", "transport") => text("tcp"),
        ("conversation", "direction") => text("handshake"),
        ("conversation", "state") => text("answered"),
        ("conversation", "crosses") => {
            Value::Bool(given.get("client_zone") != given.get("server_zone"))
        }
        ("conversation", "bytes_out" | "bytes_in") => Value::Int(100),
        ("operation" | "file", "source") => like("source_asset"),
        ("operation" | "file", "target") => like("target_asset"),
        ("operation" | "file", "outcome") => text("ok"),
        ("file", "direction") => text("upload"),
        ("file", "complete") => Value::Bool(true),
        ("file", "bytes") => given
            .get("size")
            .and_then(|size| value(size, Type::Int))
            .unwrap_or(Value::Int(100)),
        ("operation", "modifies") => Value::Bool(
            given
                .get("operation")
                .and_then(|verb| Verb::parse(verb))
                .is_some_and(Verb::modifies),
        ),
        ("asset", "declared" | "seen") | ("address", "own" | "claimed") => Value::Bool(true),
        ("asset", "capture" | "frames") if given.get("seen") == Some(&"no") => Value::Null,
        ("asset", "zones") => given.get("zone").map_or(Value::List(Vec::new()), |zone| {
            Value::List(vec![(*zone).to_owned()])
        }),
        ("name" | "remote_session", "client") => like("client_asset"),
        ("remote_session", "server") => like("server_asset"),
        ("site_zone", "is_crane") => {
            let kind = given
                .get("kind")
                .and_then(|kind| facts::site::ZoneKind::parse(kind));
            Value::Bool(kind.is_some_and(facts::site::ZoneKind::is_crane))
        }
        ("site_asset", "joins_networks" | "is_core_control") => {
            let role = given
                .get("role")
                .and_then(|role| facts::site::Role::parse(role));
            let test = if column == "joins_networks" {
                facts::site::Role::joins_networks
            } else {
                facts::site::Role::is_core_control
            };
            Value::Bool(role.is_some_and(test))
        }
        ("coverage", "state") => text("complete"),
        ("coverage", "good" | "total") => Value::Int(100),
        (_, "file") if table.starts_with("site_") => text("site.toml"),
        (_, "line") if table.starts_with("site_") => Value::Int(i64::try_from(frame).unwrap_or(0)),
        ("record", "version") => Value::Int(1),
        ("record", "recorded_at") => text("2026-11-20T12:00:00.000000000Z"),
        ("record", "recorded_by") => text("case"),
        ("record", "means") => text("cli"),
        ("record", "entry") => Value::Int(i64::try_from(frame).unwrap_or(0)),
        ("record", "entry_hash") => text("sha256:00"),
        ("record", _) if matches!(ty, Type::List | Type::Numbers) => Value::List(Vec::new()),
        (_, "count") if is_fact => Value::Int(1),
        (_, "time") if is_fact => text("2026-11-21T15:00:00.000000000Z"),
        (_, "last") if is_fact => {
            let time = given.get("time").and_then(|time| value(time, Type::Time));
            time.unwrap_or_else(|| text("2026-11-21T15:00:00.000000000Z"))
        }
        (_, "capture") if is_fact => text("case.pcap"),
        (_, "frames") if is_fact => Value::Numbers(vec![frame]),
        _ if ty == Type::Bool => Value::Bool(false),
        _ => Value::Null,
    }
}

impl Case {
    pub(crate) fn snapshot(&self) -> Result<Snapshot, store::Error> {
        Snapshot::from_tables(&self.tables)
    }

    /// Runs the case; `Ok` holds what differs from what is expected, nothing if all is well.
    ///
    /// # Errors
    /// The tables make no snapshot, or the page's query does not run or breaks its contract with the engine.
    pub fn run(&self, page: &Page, editions: &Editions) -> Result<Vec<String>, Error> {
        let judged = self.judge(page, editions, &self.snapshot()?)?;
        let mut differences = Vec::new();
        let mut left: Vec<_> = judged.subjects.iter().collect();
        for wanted in &self.expected {
            let place = left.iter().position(|subject| {
                subject.subject == wanted.subject
                    && subject.verdict == wanted.verdict
                    && subject.reason.contains(&wanted.reason)
            });
            match place {
                Some(place) => drop(left.remove(place)),
                None => differences.push(format!(
                    "{}:{}: expected {} | {} | {}",
                    page.file, wanted.line, wanted.subject, wanted.verdict, wanted.reason
                )),
            }
        }
        differences.extend(left.iter().map(|s| {
            format!(
                "{}:{}: gave {} | {} | {}",
                page.file, self.line, s.subject, s.verdict, s.reason
            )
        }));
        if judged.verdict != self.verdict {
            differences.push(format!(
                "{}:{}: the measure is {}, not {}",
                page.file, self.line, judged.verdict, self.verdict
            ));
        }
        Ok(differences)
    }

    pub(crate) fn judge(
        &self,
        page: &Page,
        editions: &Editions,
        snapshot: &Snapshot,
    ) -> Result<Judged, Error> {
        let editions = editions.up_to(self.newest.as_deref());
        let edition = editions.followed(self.edition.as_deref())?;
        crate::engine::Engine::new(snapshot, &editions, edition)?.judge(snapshot, page)
    }
}
