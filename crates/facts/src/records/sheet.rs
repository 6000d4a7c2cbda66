//! A CSV of records of one kind: all of it, or everything that is wrong with it.
use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use super::COMMON;
use super::csv::{self, Flaw};
use super::form::{Target, Wrong, time};
use super::names::Known;
use super::record::{Field, RecordInfo};
use crate::Time;
use crate::site::{Place, Problem};

/// Most records of a file.
const MOST_ROWS: usize = 1_000_000;
/// Mistakes after which a file is not looked at any further: it was saved in a wrong form, and each name that nobody knows
/// is compared with all those that are.
const MOST_PROBLEMS: usize = 1_000;
/// The longest id, in bytes; the ledger's own limit.
const LONGEST_ID: usize = 200;
/// Columns that stand beside a kind's own.
const OWN: &[&str] = &["id", "valid_from", "valid_until"];

/// A record of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Line on which it begins, from 1.
    pub line: u32,
    /// Its id, unique in the file.
    pub id: String,
    /// From when on it holds; `None` if the cell is empty or there is no such column.
    pub valid_from: Option<Time>,
    /// Until when it holds; `None` if the cell is empty or there is no such column. Where both stand, it is the later.
    pub valid_until: Option<Time>,
    /// Its own fields by name, without those that are empty; every value is of its field's form.
    pub body: Map<String, Json>,
}

/// The header line of a file to fill in.
pub fn template(info: &RecordInfo) -> String {
    let mut names = vec!["id"];
    names.extend(info.fields.iter().map(|field| field.name));
    names.extend(["valid_from", "valid_until"]);
    names.join(",") + "\r\n"
}

/// What a column holds.
#[derive(Clone, Copy)]
enum Column {
    Id,
    From,
    Until,
    Field(&'static Field),
    /// Written by the ledger, in a file that `seawall records` wrote; not read.
    Ledger,
    Unknown,
}

/// Reads a file of that name. Records of the same file may refer to each other.
///
/// # Errors
/// Everything that is wrong with the file, in the order of its lines; no row is taken from a file with a mistake.
pub fn read(
    info: &'static RecordInfo,
    file: &str,
    bytes: &[u8],
    known: &dyn Known,
) -> Result<Vec<Row>, Vec<Problem>> {
    let mut sheet = Sheet {
        info,
        file,
        problems: Vec::new(),
    };
    let rows = sheet.read(bytes, known);
    match sheet.problems.is_empty() {
        true => Ok(rows),
        false => {
            sheet.problems.sort_by_key(|problem| problem.place.line);
            Err(sheet.problems)
        }
    }
}

struct Sheet<'a> {
    info: &'static RecordInfo,
    file: &'a str,
    problems: Vec<Problem>,
}

impl Sheet<'_> {
    fn problem(&mut self, line: u32, what: impl Into<String>, remedy: impl Into<String>) {
        let place = Place {
            file: self.file.to_owned(),
            line,
        };
        self.problems.push(Problem::new(&place, what, remedy));
    }

    fn cell(&mut self, line: u32, column: &str, wrong: Wrong) {
        self.problem(line, format!("{column}: {}", wrong.what), wrong.remedy);
    }

    fn read(&mut self, bytes: &[u8], known: &dyn Known) -> Vec<Row> {
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
                let ends = before.iter().filter(|byte| **byte == b'\n').count();
                let line = u32::try_from(ends + 1).unwrap_or(u32::MAX);
                self.problem(line, "the file is not UTF-8 text", "save it as CSV UTF-8");
                return Vec::new();
            }
        };
        let mut lines = csv::lines(text).into_iter();
        let header = match lines.next() {
            Some(Ok(header)) => header,
            Some(Err((line, flaw))) => {
                self.flaw(line, flaw);
                return Vec::new();
            }
            None => {
                let remedy = format!(
                    "`seawall record {} --template` prints the header line",
                    self.info.name
                );
                self.problem(0, "the file is empty", remedy);
                return Vec::new();
            }
        };
        // Spreadsheets of many countries write other marks between cells: one message instead of one per column.
        if let [only] = header.cells.as_slice()
            && let Some(mark) = [';', '\t', '|']
                .into_iter()
                .find(|mark| only.contains(*mark))
        {
            let mark = if mark == '\t' {
                "tabs".to_owned()
            } else {
                format!("\"{mark}\"")
            };
            let what = format!("the cells are separated by {mark}");
            self.problem(header.number, what, "save it with commas between the cells");
            return Vec::new();
        }
        let columns = self.columns(header.number, &header.cells);
        let mut rows = Vec::new();
        let mut ids: BTreeMap<String, u32> = BTreeMap::new();
        for (count, line) in lines.enumerate() {
            if count == MOST_ROWS {
                let line = line.map_or_else(|(line, _)| line, |line| line.number);
                let what = format!("the file has more than {MOST_ROWS} records");
                self.problem(line, what, "make it several files");
                break;
            }
            if self.is_enough(rows.last().map_or(header.number, |row: &Row| row.line)) {
                return rows;
            }
            match line {
                Ok(line) => rows.extend(self.row(&columns, line, &mut ids)),
                Err((line, flaw)) => self.flaw(line, flaw),
            }
        }
        if self.is_enough(rows.last().map_or(header.number, |row| row.line)) {
            return rows;
        }
        let known = WithFile {
            kind: self.info.name,
            ids: &ids,
            known,
        };
        for row in &rows {
            if self.is_enough(row.line) {
                break;
            }
            for (field, wrong) in self.info.unknown_names(&row.body, &known) {
                self.cell(row.line, field, wrong);
            }
        }
        rows
    }

    /// Whether so much is wrong that the rest is not looked at, which is told then.
    fn is_enough(&mut self, line: u32) -> bool {
        let is_enough = self.problems.len() >= MOST_PROBLEMS;
        if is_enough {
            let what =
                format!("{MOST_PROBLEMS} mistakes were found by here, and no more were looked for");
            self.problem(line, what, "mend these, and read the file again");
        }
        is_enough
    }

    fn flaw(&mut self, line: u32, flaw: Flaw) {
        let (what, remedy) = match flaw {
            Flaw::Open => (
                "a quotation mark opens a cell that does not end",
                "close it, and double quotation marks within a cell",
            ),
            Flaw::Behind => (
                "something stands behind the quotation mark that ends a cell",
                "put a comma there, and double quotation marks within a cell",
            ),
            Flaw::Within => (
                "a quotation mark stands within a cell that does not begin with one",
                "put the cell in quotation marks, and double those within",
            ),
        };
        self.problem(line, what, remedy);
    }

    /// What each column holds; mistakes of the header are told once.
    fn columns(&mut self, line: u32, names: &[String]) -> Vec<(Column, String)> {
        let mut columns: Vec<(Column, String)> = Vec::new();
        for name in names {
            let name = name.trim();
            if columns.iter().any(|(_, before)| before == name) {
                let what = format!("the column \"{name}\" stands twice");
                self.problem(line, what, "delete one of the two");
                columns.push((Column::Unknown, name.to_owned()));
                continue;
            }
            let column = match (name, self.info.field(name)) {
                (_, Some(field)) => Column::Field(field),
                ("id", _) => Column::Id,
                ("valid_from", _) => Column::From,
                ("valid_until", _) => Column::Until,
                _ if COMMON.iter().any(|column| column.name == name) => Column::Ledger,
                _ => {
                    let what = format!(
                        "\"{name}\" is no field of a record of kind {}",
                        self.info.name
                    );
                    let hint = self.info.field_hint(name, OWN);
                    self.problem(line, what, hint);
                    Column::Unknown
                }
            };
            columns.push((column, name.to_owned()));
        }
        let needed = self
            .info
            .fields
            .iter()
            .filter(|field| field.shape.is_needed());
        for name in ["id"].into_iter().chain(needed.map(|field| field.name)) {
            if columns.iter().all(|(_, there)| there != name) {
                let what = format!("the column \"{name}\" is missing");
                let remedy = format!(
                    "add it; `seawall record {} --fields` says what it holds",
                    self.info.name
                );
                self.problem(line, what, remedy);
            }
        }
        columns
    }

    /// The record of a line, without the cells in which something is wrong, which is then noted; `None` where it cannot be
    /// told which cell is whose. What it refers to is looked at later, and its id counts even so.
    fn row(
        &mut self,
        columns: &[(Column, String)],
        line: csv::Line,
        ids: &mut BTreeMap<String, u32>,
    ) -> Option<Row> {
        let number = line.number;
        if line.cells.len() != columns.len() {
            let what = format!(
                "the line has {} cells, and the header {}",
                line.cells.len(),
                columns.len()
            );
            self.problem(
                number,
                what,
                "look for a comma too many or too few, or one that needs quotation marks",
            );
            return None;
        }
        let mut row = Row {
            line: number,
            id: String::new(),
            valid_from: None,
            valid_until: None,
            body: Map::new(),
        };
        for ((column, name), cell) in columns.iter().zip(&line.cells) {
            let cell = undefused(cell).trim();
            let read = match column {
                Column::Id => {
                    row.id = cell.to_owned();
                    check_id(cell)
                }
                Column::From => read_time(cell).map(|time| row.valid_from = time),
                Column::Until => read_time(cell).map(|time| row.valid_until = time),
                Column::Field(field) => field.read(cell).map(|value| {
                    row.body
                        .extend(value.map(|value| (field.name.to_owned(), value)));
                }),
                Column::Ledger | Column::Unknown => Ok(()),
            };
            if let Err(wrong) = read {
                self.cell(number, name, wrong);
            }
        }
        if let (Some(from), Some(until)) = (row.valid_from, row.valid_until)
            && until <= from
        {
            let wrong = Wrong::new(
                "it is not after valid_from",
                "give a later end, or leave it empty",
            );
            self.cell(number, "valid_until", wrong);
        }
        for (field, wrong) in self.info.out_of_order(&row.body) {
            self.cell(number, field, wrong);
        }
        if !row.id.is_empty() {
            if let Some(first) = ids.get(&row.id) {
                let what = format!("id: \"{}\" stands on line {first} already", row.id);
                self.problem(number, what, "give each record an id of its own");
            } else {
                ids.insert(row.id.clone(), number);
            }
        }
        Some(row)
    }
}

/// A cell that a spreadsheet would run was written with a quote in front of it: `seawall records` did so.
fn undefused(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(rest) if rest.starts_with(['=', '+', '-', '@']) => rest,
        _ => cell,
    }
}

/// A time, or none in an empty cell.
///
/// # Errors
/// The cell holds something that is no time in RFC 3339 with an offset.
pub fn read_time(cell: &str) -> Result<Option<Time>, Wrong> {
    match cell {
        "" => Ok(None),
        text => time(text).map(Some),
    }
}

/// Whether the ledger takes it as an id.
///
/// # Errors
/// The text is empty, has more than 200 bytes, or holds a control character, a quotation mark, a backslash or a
/// semicolon.
pub fn check_id(text: &str) -> Result<(), Wrong> {
    if text.is_empty() {
        return Err(Wrong::new(
            "it is empty",
            "give each record an id of its own",
        ));
    }
    let odd = |c: char| c.is_control() || matches!(c, '"' | '\\' | ';' | '\u{2028}' | '\u{2029}');
    if text.len() > LONGEST_ID || text.contains(odd) {
        return Err(Wrong::new(
            format!("{text:?} cannot be an id"),
            format!(
                "write at most {LONGEST_ID} bytes in one line, without quotation marks, backslashes and semicolons"
            ),
        ));
    }
    Ok(())
}

/// What is known, and the records of the file itself.
struct WithFile<'a> {
    kind: &'static str,
    ids: &'a BTreeMap<String, u32>,
    known: &'a dyn Known,
}

impl Known for WithFile<'_> {
    fn has(&self, target: Target, name: &str) -> bool {
        (target == Target::Record(self.kind) && self.ids.contains_key(name))
            || self.known.has(target, name)
    }
    fn names(&self, target: Target) -> Vec<&str> {
        let mut names = self.known.names(target);
        if target == Target::Record(self.kind) {
            names.extend(self.ids.keys().map(String::as_str));
        }
        names
    }
}

#[test]
fn a_file_that_is_wrong_on_every_line_is_not_looked_at_to_its_end() {
    let info = super::kind("backup").unwrap();
    for taken in ["yesterday", "2026-11-21T08:00:00Z"] {
        // Neither its time, nor, where that is one, the name of the item.
        let lines = (0..5_000).map(|n| format!("b{n},srv{n},{taken}\n"));
        let text: String = std::iter::once("id,item,taken\n".to_owned())
            .chain(lines)
            .collect();
        let problems = read(info, "backups.csv", text.as_bytes(), &super::Nothing).unwrap_err();
        assert_eq!(problems.len(), MOST_PROBLEMS + 1, "{taken}");
        let last = problems.last().unwrap();
        assert!(last.what.ends_with("no more were looked for"), "{last}");
        assert!((900..1_100).contains(&last.place.line), "{last}");
    }
}
