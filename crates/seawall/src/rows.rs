//! Rows for people and programs: JSON lines, CSV (RFC 4180), and a table.
//!
//! Cells are written as they come, without a text of their own in between: there may be millions of rows, and none is kept. How
//! wide the columns of a table are is known only when all its rows were seen, so they are asked for twice.
use std::io::{self, Write};
use std::num::NonZero;
use std::ops::Range;
use std::thread::Builder;

use facts::{Plain, Type, Value};

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// One JSON object per line.
    Jsonl,
    /// Comma-separated values with a header line.
    Csv,
    /// Columns for reading in a terminal.
    Table,
}

/// A name and what stands below it.
pub type Head<'a> = (&'a str, Type);

/// Writes `count` rows below their head; `rows` gives those of a range. `kind` becomes the key `kind` of each JSON object, for
/// rows of several kinds in one stream.
///
/// Many rows are written out on every core, a share each. They stand in their order whatever the number of cores.
pub fn write(
    out: &mut impl Write,
    format: Format,
    kind: Option<&str>,
    columns: &[Head<'_>],
    count: usize,
    rows: impl Fn(&mut Rows<'_>, Range<usize>) -> io::Result<()> + Sync,
) -> io::Result<()> {
    let mut all = Rows::new(format, kind, columns);
    if format == Format::Table {
        all.measures = true;
        all.head()?;
        let measured = |share| {
            let mut lines = all.clone();
            rows(&mut lines, share)?;
            Ok(lines.widths)
        };
        let mut widths = all.widths.clone();
        in_shares(count, measured, |share| {
            for (width, other) in widths.iter_mut().zip(share) {
                *width = other.max(*width);
            }
            Ok(())
        })?;
        all.widths = widths;
        all.measures = false;
    }
    all.head()?;
    out.write_all(&all.text)?;
    (all.text, all.begin) = (Vec::new(), 0);
    let written = |share| {
        let mut lines = all.clone();
        rows(&mut lines, share)?;
        Ok(lines.text)
    };
    in_shares(count, written, |text| out.write_all(&text))
}

/// The same of a list of items, a row each.
pub fn write_each<T: Sync>(
    out: &mut impl Write,
    format: Format,
    columns: &[Head<'_>],
    items: &[T],
    row: impl Fn(&mut Rows<'_>, &T) -> io::Result<()> + Sync,
) -> io::Result<()> {
    write(out, format, None, columns, items.len(), |rows, share| {
        let mut some = items.get(share).unwrap_or_default().iter();
        some.try_for_each(|item| row(rows, item))
    })
}

/// Rows of a share: enough that a thread is worth it, and few enough that their text is small beside them.
const SHARE: usize = 2048;

/// Threads at most: what takes the text does not get faster with them.
const MOST_THREADS: usize = 4;

/// Makes something of each share of so many rows, on every core, and gives it on in the order of the rows.
fn in_shares<T: Send>(
    count: usize,
    make: impl Fn(Range<usize>) -> io::Result<T> + Sync,
    mut take: impl FnMut(T) -> io::Result<()>,
) -> io::Result<()> {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let make = &make;
    let shares = (0..count.div_ceil(SHARE)).map(|nth| nth * SHARE..count.min((nth + 1) * SHARE));
    let shares: Vec<_> = shares.collect();
    for at_once in shares.chunks(cores.min(MOST_THREADS)) {
        std::thread::scope(|scope| {
            let others = at_once.iter().skip(1).map(|share| {
                let thread = Builder::new().spawn_scoped(scope, || make(share.clone()));
                (share.clone(), thread)
            });
            let others: Vec<_> = others.collect();
            if let Some(first) = at_once.first() {
                take(make(first.clone())?)?;
            }
            for (share, thread) in others {
                // Where the system gives no thread, it takes longer.
                take(match thread {
                    Ok(thread) => thread
                        .join()
                        .unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
                    Err(_) => make(share),
                }?)?;
            }
            Ok::<(), io::Error>(())
        })?;
    }
    Ok(())
}

/// Takes rows of one kind, cell by cell, and makes lines of them.
#[derive(Clone, Debug)]
pub struct Rows<'a> {
    format: Format,
    columns: &'a [Head<'a>],
    /// Of each column that of the row which it shows. JSON names none twice: the last of a name counts, at the first's place.
    sources: Vec<Option<usize>>,
    /// What stands before each value of a JSON object.
    keys: Vec<String>,
    /// Of each column of a table, how many characters the longest cell has.
    widths: Vec<usize>,
    /// A table's first pass, which only measures.
    measures: bool,
    /// Cells of the row under way.
    place: usize,
    /// Lines, and from `begin` on the one under way.
    text: Vec<u8>,
    begin: usize,
}

impl<'a> Rows<'a> {
    fn new(format: Format, kind: Option<&str>, columns: &'a [Head<'a>]) -> Rows<'a> {
        let is_json = format == Format::Jsonl;
        let named = |name: &str| columns.iter().rposition(|(other, _)| *other == name);
        let first = |name: &str| columns.iter().position(|(other, _)| *other == name);
        let sources = columns
            .iter()
            .enumerate()
            .map(|(place, (name, _))| match is_json {
                true if first(name) == Some(place) => named(name),
                true => None,
                false => Some(place),
            });
        let text = |text: &str| serde_json::Value::from(text).to_string();
        let kind = kind.map(|kind| format!("\"kind\":{},", text(kind)));
        let keys = columns.iter().enumerate().map(|(place, (name, _))| {
            let before = if place == 0 {
                format!("{{{}", kind.as_deref().unwrap_or_default())
            } else {
                ",".to_owned()
            };
            format!("{before}{}:", text(name))
        });
        Rows {
            format,
            columns,
            sources: sources.collect(),
            keys: keys.collect(),
            widths: vec![0; columns.len()],
            measures: false,
            place: 0,
            text: Vec::new(),
            begin: 0,
        }
    }

    fn head(&mut self) -> io::Result<()> {
        if self.format == Format::Jsonl {
            return Ok(());
        }
        let columns = self.columns;
        for (place, (name, _)) in columns.iter().enumerate() {
            self.put(place, Type::Text, Plain::Text(name))?;
        }
        self.end()?;
        if self.format == Format::Table && !self.measures {
            for place in 0..columns.len() {
                let width = self.widths.get(place).copied().unwrap_or_default();
                self.put(place, Type::Text, Plain::Text(&"-".repeat(width)))?;
            }
            self.end()?;
        }
        Ok(())
    }

    /// A row as a whole, each cell of the type that it has.
    pub fn row(&mut self, row: &[Value]) -> io::Result<()> {
        let mut scratch = String::new();
        for place in 0..self.sources.len() {
            let source = self.sources.get(place).copied().flatten();
            if let Some(value) = source.and_then(|source| row.get(source)) {
                scratch.clear();
                self.put(place, type_of(value), Plain::of(value, &mut scratch))?;
            }
        }
        self.end()
    }

    /// The next cell of the row.
    pub fn cell(&mut self, cell: Plain<'_>) -> io::Result<()> {
        let place = self.place;
        self.place += 1;
        let ty = self.columns.get(place).map_or(Type::Text, |(_, ty)| *ty);
        self.put(place, ty, cell)
    }

    /// The end of the row.
    pub fn end(&mut self) -> io::Result<()> {
        self.place = 0;
        if self.measures {
            return Ok(());
        }
        match self.format {
            Format::Jsonl if self.text.len() == self.begin => self.text.extend_from_slice(b"{}\n"),
            Format::Jsonl => self.text.extend_from_slice(b"}\n"),
            Format::Csv => self.text.extend_from_slice(b"\r\n"),
            Format::Table => {
                let line = self.text.get(self.begin..).unwrap_or_default();
                let line = str::from_utf8(line).unwrap_or_default();
                self.text.truncate(self.begin + line.trim_end().len());
                self.text.push(b'\n');
            }
        }
        self.begin = self.text.len();
        Ok(())
    }

    fn put(&mut self, place: usize, ty: Type, cell: Plain<'_>) -> io::Result<()> {
        match self.format {
            Format::Jsonl => {
                let key = self.keys.get(place).map(String::as_bytes);
                self.text.extend_from_slice(key.unwrap_or_default());
                put_json(&mut self.text, ty, cell)
            }
            Format::Csv => {
                if place > 0 {
                    self.text.push(b',');
                }
                put_csv(&mut self.text, ty, cell)
            }
            Format::Table => self.put_padded(place, ty, cell),
        }
    }

    /// A cell of a table, or its width alone.
    fn put_padded(&mut self, place: usize, ty: Type, cell: Plain<'_>) -> io::Result<()> {
        let begin = self.text.len();
        put_visible(&mut self.text, ty, cell)?;
        let shown = self.text.get(begin..).unwrap_or_default();
        // A character has one byte that continues no other.
        let length = shown.iter().filter(|byte| **byte & 0xc0 != 0x80).count();
        let width = self.widths.get_mut(place);
        if self.measures {
            width
                .into_iter()
                .for_each(|width| *width = length.max(*width));
            self.text.truncate(begin);
        } else {
            let missing = width.map_or(0, |width| width.saturating_sub(length));
            self.text.resize(self.text.len() + missing + 2, b' ');
        }
        Ok(())
    }
}

const fn type_of(value: &Value) -> Type {
    match value {
        Value::Bool(_) => Type::Bool,
        Value::Int(_) => Type::Int,
        Value::Real(_) => Type::Real,
        Value::Null | Value::Text(_) => Type::Text,
        Value::List(_) => Type::List,
        Value::Numbers(_) => Type::Numbers,
    }
}

/// What is no text, as JSON writes it; of null nothing.
fn put_number(line: &mut Vec<u8>, ty: Type, cell: Plain<'_>) -> io::Result<()> {
    match (ty, cell) {
        (Type::Bool, Plain::Int(n)) => line.extend(if n == 0 { "false" } else { "true" }.bytes()),
        (_, Plain::Int(n)) => write!(line, "{n}")?,
        (_, Plain::Real(n)) => serde_json::to_writer(line, &n)?,
        (_, Plain::Text(_) | Plain::Null) => {}
    }
    Ok(())
}

/// For a terminal: control characters would let a name from the wire write on the screen.
fn put_visible(line: &mut Vec<u8>, ty: Type, cell: Plain<'_>) -> io::Result<()> {
    match cell {
        Plain::Null => line.push(b'-'),
        Plain::Text("[]") if ty == Type::List => line.push(b'-'),
        Plain::Text(text) if !text.contains(char::is_control) => {
            line.extend_from_slice(text.as_bytes());
        }
        Plain::Text(text) => {
            let visible = |c: char| if c.is_control() { '\u{fffd}' } else { c };
            line.extend(text.chars().map(visible).collect::<String>().bytes());
        }
        number => put_number(line, ty, number)?,
    }
    Ok(())
}

fn put_json(line: &mut Vec<u8>, ty: Type, cell: Plain<'_>) -> io::Result<()> {
    match (ty, cell) {
        (_, Plain::Null) => line.extend_from_slice(b"null"),
        // Lists are JSON already.
        (Type::List | Type::Numbers, Plain::Text(list)) => line.extend_from_slice(list.as_bytes()),
        (_, Plain::Text(text)) => {
            let as_it_is = |byte: u8| byte >= b' ' && !matches!(byte, b'"' | b'\\');
            if text.bytes().all(as_it_is) {
                line.push(b'"');
                line.extend_from_slice(text.as_bytes());
                line.push(b'"');
            } else {
                serde_json::to_writer(line, text)?;
            }
        }
        (ty, cell) => put_number(line, ty, cell)?,
    }
    Ok(())
}

fn put_csv(line: &mut Vec<u8>, ty: Type, cell: Plain<'_>) -> io::Result<()> {
    let Plain::Text(text) = cell else {
        return put_number(line, ty, cell);
    };
    // A cell that a spreadsheet would run as a formula is made text by a quote in front of it.
    let formula = text.starts_with(['=', '+', '-', '@']) && text.parse::<f64>().is_err();
    let quote: &[u8] = if formula { b"'" } else { b"" };
    if !text.contains([',', '"', '\n', '\r']) {
        line.extend_from_slice(quote);
        line.extend_from_slice(text.as_bytes());
        return Ok(());
    }
    line.push(b'"');
    line.extend_from_slice(quote);
    for byte in text.bytes() {
        line.extend(std::iter::repeat_n(byte, 1 + usize::from(byte == b'"')));
    }
    line.push(b'"');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(format: Format, rows: Vec<Vec<Value>>) -> String {
        let mut out = Vec::new();
        let columns = [("name", Type::Text), ("count", Type::Int)];
        let count = rows.len();
        let each = |lines: &mut Rows<'_>, share: Range<usize>| {
            let mut rows = rows[share].iter();
            rows.try_for_each(|row| lines.row(row))
        };
        write(&mut out, format, None, &columns, count, each).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn csv_quotes_what_needs_it_and_defuses_formulas() {
        let row = |text: &str| vec![Value::Text(text.to_owned()), Value::Int(-1)];
        assert_eq!(
            written(Format::Csv, vec![row("a,\"b\""), row("=cmd()")]),
            "name,count\r\n\"a,\"\"b\"\"\",-1\r\n'=cmd(),-1\r\n"
        );
    }

    #[test]
    fn shares_stand_in_order_and_a_table_is_as_wide_as_the_widest_of_all() {
        let last = 3 * SHARE as i64 + 1;
        let row = |n| vec![Value::Text(format!("row {n}")), Value::Int(n)];
        let rows = || (0..=last).map(row).collect::<Vec<_>>();
        let lines: String = (0..=last).map(|n| format!("row {n},{n}\r\n")).collect();
        assert_eq!(
            written(Format::Csv, rows()),
            format!("name,count\r\n{lines}")
        );
        let table = written(Format::Table, rows());
        assert_eq!(table.lines().nth(2), Some("row 0     0"));
        assert_eq!(table.lines().last(), Some(&*format!("row {last}  {last}")));
    }

    #[test]
    fn a_name_that_a_query_gives_twice_stands_once_in_an_object() {
        let columns = [("n", Type::Text), ("m", Type::Text), ("n", Type::Text)];
        let row = [Value::Int(1), Value::Bool(true), Value::Numbers(vec![3])];
        let mut out = Vec::new();
        write(
            &mut out,
            Format::Jsonl,
            Some("k"),
            &columns,
            1,
            |rows, _| rows.row(&row),
        )
        .unwrap();
        assert_eq!(out, b"{\"kind\":\"k\",\"n\":[3],\"m\":true}\n");
    }

    #[test]
    fn what_was_not_seen_is_null_and_a_dash() {
        assert_eq!(
            written(Format::Jsonl, vec![vec![Value::Null, Value::Int(1)]]),
            "{\"name\":null,\"count\":1}\n"
        );
        assert_eq!(
            written(
                Format::Table,
                vec![vec![Value::Text("e\u{1b}vil".into()), Value::Null]]
            ),
            "name   count\n-----  -----\ne\u{fffd}vil  -\n"
        );
    }
}
