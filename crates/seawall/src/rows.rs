//! Rows for people and programs: JSON lines, CSV (RFC 4180), and a table.
use std::io::{self, Write};

use facts::Value;

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

/// Writes rows of one kind as they come; a table is written by [`Rows::finish`], when its widths are known.
pub struct Rows<'a, W: Write> {
    out: &'a mut W,
    format: Format,
    kind: Option<&'a str>,
    columns: Vec<&'a str>,
    table: Vec<Vec<String>>,
}

impl<'a, W: Write> Rows<'a, W> {
    /// `kind` becomes the key `kind` of each JSON object, for rows of several kinds in one stream.
    pub fn new(
        out: &'a mut W,
        format: Format,
        kind: Option<&'a str>,
        columns: Vec<&'a str>,
    ) -> io::Result<Self> {
        if format == Format::Csv {
            let names: Vec<String> = columns.iter().map(|name| (*name).to_owned()).collect();
            csv_line(out, &names)?;
        }
        Ok(Rows {
            out,
            format,
            kind,
            columns,
            table: Vec::new(),
        })
    }

    pub fn row(&mut self, row: Vec<Value>) -> io::Result<()> {
        match self.format {
            Format::Jsonl => {
                let mut object = serde_json::Map::new();
                if let Some(kind) = self.kind {
                    object.insert("kind".to_owned(), kind.into());
                }
                for (column, value) in self.columns.iter().zip(row) {
                    object.insert((*column).to_owned(), json(value));
                }
                serde_json::to_writer(&mut *self.out, &object)?;
                self.out.write_all(b"\n")
            }
            Format::Csv => csv_line(
                self.out,
                &row.into_iter().map(plain_text).collect::<Vec<_>>(),
            ),
            Format::Table => {
                self.table.push(row.into_iter().map(shown).collect());
                Ok(())
            }
        }
    }

    pub fn finish(self) -> io::Result<()> {
        if self.format != Format::Table {
            return Ok(());
        }
        let mut widths: Vec<usize> = self
            .columns
            .iter()
            .map(|name| name.chars().count())
            .collect();
        for row in &self.table {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let head: Vec<String> = self.columns.iter().map(|name| (*name).to_owned()).collect();
        let rule = widths.iter().map(|width| "-".repeat(*width)).collect();
        for row in [head, rule].iter().chain(&self.table) {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                line.push_str(cell);
                line.extend(std::iter::repeat_n(' ', width + 2 - cell.chars().count()));
            }
            writeln!(self.out, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// A value as JSON.
pub fn json(value: Value) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(yes) => yes.into(),
        Value::Int(number) => number.into(),
        Value::Real(number) => number.into(),
        Value::Text(text) => text.into(),
        Value::List(list) => list.into(),
        Value::Numbers(list) => list.into(),
    }
}

fn plain_text(value: Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Text(text) => text,
        other => json(other).to_string(),
    }
}

/// For a terminal: control characters would let a name from the wire write on the screen.
fn shown(value: Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::Text(text) => text
            .chars()
            .map(|c| if c.is_control() { '\u{fffd}' } else { c })
            .collect(),
        Value::List(list) if list.is_empty() => "-".to_owned(),
        other => plain_text(other),
    }
}

fn csv_line(out: &mut impl Write, cells: &[String]) -> io::Result<()> {
    for (place, cell) in cells.iter().enumerate() {
        if place > 0 {
            out.write_all(b",")?;
        }
        // A cell that a spreadsheet would run as a formula is made text by a quote in front of it.
        let formula = cell.starts_with(['=', '+', '-', '@']) && cell.parse::<f64>().is_err();
        let cell = if formula {
            format!("'{cell}")
        } else {
            cell.clone()
        };
        if cell.contains([',', '"', '\n', '\r']) {
            write!(out, "\"{}\"", cell.replace('"', "\"\""))?;
        } else {
            out.write_all(cell.as_bytes())?;
        }
    }
    out.write_all(b"\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(format: Format, rows: Vec<Vec<Value>>) -> String {
        let mut out = Vec::new();
        let mut writer = Rows::new(&mut out, format, None, vec!["name", "count"]).unwrap();
        for row in rows {
            writer.row(row).unwrap();
        }
        writer.finish().unwrap();
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
