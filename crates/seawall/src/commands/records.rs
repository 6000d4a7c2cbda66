//! `seawall records`: what was recorded, as rows.
use std::io::Write;
use std::process::ExitCode;

use ::facts::records::{COMMON, Field, RecordInfo};
use ::facts::{Time, Type, Value};
use store::ledger::Entry;

use super::record::place::Place;
use super::record::{body_of, kind};
use crate::assessment::time;
use crate::clock;
use crate::error::Error;
use crate::rows::{self, Format};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only records of this kind, each field a column. Without it: every record, its body in one column.
    #[arg(value_name = "KIND")]
    kind: Option<String>,
    /// Only the record of this id.
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// What held at this time (RFC 3339 with offset), and was known by then. Without it: all that is known now, of whatever time.
    #[arg(long, value_name = "TIME", value_parser = time)]
    as_of: Option<Time>,
    /// What was recorded by this time; by that of --as-of if not given, though not later than now.
    #[arg(long, value_name = "TIME", value_parser = time)]
    known_at: Option<Time>,
    /// Every version, those withdrawn and those replaced included, in the order of recording.
    #[arg(long, conflicts_with = "as_of")]
    history: bool,
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    #[command(flatten)]
    place: Place,
}

pub fn run(args: &Args) -> Result<ExitCode, Error> {
    let info = args.kind.as_deref().map(kind).transpose()?;
    let until = args.known_at.or(args.as_of.map(|at| at.min(clock::now())));
    let until = until.unwrap_or(Time::MAX);
    let ledger = args.place.open()?;
    let known = |entry: &Entry<'_>| entry.recorded_at().is_some_and(|time| time <= until);
    let entries: Vec<Entry<'_>> = match args.history {
        true => ledger.entries().filter(known).collect(),
        false => match args.as_of {
            Some(as_of) => ledger.as_of(until, Some(as_of)),
            None => ledger.known(until, until.min(clock::now())),
        },
    };
    let wanted = |entry: &&Entry<'_>| {
        info.is_none_or(|info| entry.kind == info.name)
            && args.id.as_ref().is_none_or(|id| entry.id == id)
    };
    let mut columns: Vec<&str> = Vec::new();
    if info.is_none() {
        columns.push("kind");
    }
    columns.extend(COMMON.iter().map(|column| column.name));
    if args.history {
        columns.push("withdrawn");
    }
    match info {
        Some(info) => columns.extend(info.fields.iter().map(|field| field.name)),
        None => columns.push("body"),
    }
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    // A cell says itself what it is.
    let columns: Vec<_> = columns.into_iter().map(|name| (name, Type::Text)).collect();
    let entries: Vec<_> = entries.iter().filter(wanted).collect();
    rows::write_each(&mut out, args.format, &columns, &entries, |rows, entry| {
        rows.row(&row(entry, info, args))
    })
    .and_then(|()| out.flush())
    .map_err(Error::Output)?;
    Ok(ExitCode::SUCCESS)
}

fn row(entry: &Entry<'_>, info: Option<&RecordInfo>, args: &Args) -> Vec<Value> {
    let text = |text: &str| Value::Text(text.to_owned());
    let time = |time: Option<Time>| time.map_or(Value::Null, |time| text(&time.to_string()));
    let mut row = Vec::new();
    if info.is_none() {
        row.push(text(entry.kind));
    }
    row.extend([
        text(entry.id),
        Value::Int(entry.version.into()),
        time(entry.recorded_at()),
        text(entry.by),
        text(entry.means),
        time(entry.valid_from()),
        time(entry.valid_until()),
    ]);
    if args.history {
        row.push(entry.withdrawn.as_deref().map_or(Value::Null, text));
    }
    match info {
        Some(info) => {
            let body = body_of(entry).unwrap_or_default();
            row.extend(
                info.row(&body)
                    .into_iter()
                    .map(|value| match (value, args.format) {
                        // As a cell that `seawall record --csv` reads.
                        (Value::List(list), Format::Csv | Format::Table) => match list.is_empty() {
                            true => Value::Null,
                            false => Value::Text(list.join("; ")),
                        },
                        (Value::Bool(yes), Format::Csv | Format::Table) => {
                            Value::Text(Field::cell(&yes.into()))
                        }
                        (value, _) => value,
                    }),
            );
        }
        None => row.push(entry.body_text().map_or(Value::Null, text)),
    }
    row
}
