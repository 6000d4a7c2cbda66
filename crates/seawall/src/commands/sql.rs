//! `seawall sql`: any query over the facts.
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ::facts::{Time, Type};
use store::Snapshot;

use crate::assessment::time;
use crate::error::Error;
use crate::input::{self, Known, Terminal};
use crate::output;
use crate::rows::{self, Format};

#[derive(Debug, clap::Args)]
#[command(override_usage = "seawall sql SITE [CAPTURE]... QUERY\n       seawall sql --tables")]
pub struct Args {
    /// The site folder, captures or folders of captures, and last the query.
    #[arg(
        value_name = "SITE [CAPTURE]... QUERY",
        required_unless_present = "tables"
    )]
    words: Vec<String>,
    /// Ask what `seawall run` remembered in this state folder.
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// Ask as of this time (RFC 3339 with offset); now if not given.
    #[arg(long, value_name = "TIME", value_parser = time)]
    as_of: Option<Time>,
    #[command(flatten)]
    known: Known,
    /// Document the tables and functions, and stop.
    #[arg(long)]
    tables: bool,
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Workers that read at the same time; one per core if not given.
    #[arg(long, value_name = "N", value_parser = crate::input::workers)]
    workers: Option<usize>,
}

pub fn run(args: &Args) -> Result<ExitCode, Error> {
    if args.tables {
        output::write(None, &reference())?;
        return Ok(ExitCode::SUCCESS);
    }
    let usage = || {
        Error::Usage(
            "give SITE, captures if any, and last the query: seawall sql SITE [CAPTURE]... QUERY"
                .to_owned(),
        )
    };
    let (site, rest) = args.words.split_first().ok_or_else(usage)?;
    let (query, captures) = rest.split_last().ok_or_else(usage)?;
    let mut terminal = Terminal::load(Path::new(site))?;
    let named: Vec<PathBuf> = captures.iter().map(PathBuf::from).collect();
    let as_of = args.as_of.unwrap_or_else(crate::clock::now);
    let witness = terminal.witness(&named, args.state.as_deref())?;
    let ledger = terminal.ledger(args.known.ledger.as_deref())?;
    let records = input::records(&ledger, &args.known, as_of);
    let (joined, left_out) = input::joined(&terminal.site, &records);
    terminal.site = joined.into_owned();
    for note in left_out {
        output::say(note);
    }
    let (facts, notes) = terminal.facts(&witness, args.workers, as_of)?;
    for note in notes {
        output::say(note);
    }
    let snapshot = Snapshot::with_records(&facts, &terminal.site, records, as_of)?;
    let result = snapshot.query(query)?;
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let columns = result.columns.iter();
    // What a column of a query holds, only its cells tell.
    let columns: Vec<_> = columns.map(|name| (name.as_str(), Type::Text)).collect();
    rows::write_each(
        &mut out,
        args.format,
        &columns,
        &result.rows,
        |rows, row| rows.row(row),
    )
    .and_then(|()| out.flush())
    .map_err(Error::Output)?;
    Ok(ExitCode::SUCCESS)
}

/// The reference of tables and functions, as Markdown.
pub fn reference() -> String {
    let mut text = String::from("# Tables\n");
    for table in store::tables() {
        text.push_str(&format!("\n## {}\n\n{}\n", table.name, table.doc.trim()));
        if !table.columns.is_empty() {
            text.push_str("\n| column | type | |\n|---|---|---|\n");
            for (name, ty, doc) in &table.columns {
                text.push_str(&format!(
                    "| {name} | {ty} | {} |\n",
                    doc.trim().replace('|', "\\|")
                ));
            }
        }
    }
    text
}
