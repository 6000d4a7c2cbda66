//! `seawall facts`: everything observed, as rows.
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use ::facts::kinds::KINDS;
use ::facts::{Facts, KindInfo, Time};
use report::logs;

use crate::assessment::time;
use crate::error::Error;
use crate::input::{self, Known, Terminal};
use crate::output;
use crate::rows::{self, Format, Rows};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Captures, or folders of captures.
    #[arg(value_name = "CAPTURE", required_unless_present_any = ["site", "state"])]
    captures: Vec<PathBuf>,
    /// The site folder whose names, zones and conduits the facts are judged by.
    #[arg(long, value_name = "SITE")]
    site: Option<PathBuf>,
    /// What `seawall run` remembered in this state folder, instead of captures.
    #[arg(long, value_name = "DIR", conflicts_with = "captures")]
    state: Option<PathBuf>,
    /// As of this time (RFC 3339 with offset), now if not given: by the records that held then, and of a history what was seen
    /// in the window before it.
    #[arg(long, value_name = "TIME", value_parser = time)]
    as_of: Option<Time>,
    #[command(flatten)]
    known: Known,
    /// Only this kind of fact; may be given several times. Without it: every kind.
    #[arg(long, value_name = "KIND")]
    kind: Vec<String>,
    /// Also tell the SHA-256 of each capture, by which what is cited of it can be held against the file: of a large one that is a
    /// third of all the work. `--kind capture-file` tells it anyway, and so does `seawall assess`.
    #[arg(long)]
    sha256: bool,
    #[arg(long, value_enum, default_value_t = Shape::Jsonl)]
    format: Shape,
    /// Write to this file; with `--format zeek` to this folder, a log file each. Without it: to standard output.
    #[arg(short, long, value_name = "PATH")]
    output: Option<PathBuf>,
    /// Workers that read at the same time; one per core if not given. The result is the same for any number.
    #[arg(long, value_name = "N", value_parser = crate::input::workers)]
    workers: Option<usize>,
}

/// How facts are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Shape {
    /// One JSON object per line.
    Jsonl,
    /// Comma-separated values with a header line.
    Csv,
    /// Columns for reading in a terminal.
    Table,
    /// Zeek's logs: JSON lines with `_path`, or with `--output` a folder of log files.
    Zeek,
    /// Suricata's EVE: JSON lines with `event_type`.
    Eve,
}

impl Shape {
    /// The form of rows; `None` for the logs of other tools.
    fn rows(self) -> Option<Format> {
        match self {
            Shape::Jsonl => Some(Format::Jsonl),
            Shape::Csv => Some(Format::Csv),
            Shape::Table => Some(Format::Table),
            Shape::Zeek | Shape::Eve => None,
        }
    }
}

pub fn run(args: &Args) -> Result<ExitCode, Error> {
    let kinds = kinds(&args.kind)?;
    if args.format.rows().is_none() && !args.kind.is_empty() {
        return Err(Error::Usage(
            "the logs of other tools hold all kinds of fact: leave out --kind, or choose jsonl, csv or table".to_owned(),
        ));
    }
    if args.format.rows().is_none() && args.sha256 {
        return Err(Error::Usage(
            "the logs of other tools have no place for the SHA-256 of a capture: leave out --sha256, or choose jsonl, csv or table"
                .to_owned(),
        ));
    }
    let as_of = args.as_of.unwrap_or_else(crate::clock::now);
    let terminal = match &args.site {
        Some(site) => with_records(Terminal::load(site)?, &args.known, as_of)?,
        None if args.known.known_at.is_some() || args.known.ledger.is_some() => {
            return Err(Error::Usage(
                "records are held against a site: give --site beside --known-at and --ledger"
                    .to_owned(),
            ));
        }
        None => Terminal::none(),
    };
    let mut witness = terminal.witness(&args.captures, args.state.as_deref())?;
    let of_captures = !args.kind.is_empty() && kinds.iter().any(|kind| kind.name == "capture_file");
    if !args.sha256 && !of_captures {
        witness = witness.without_hashes();
    }
    let (facts, notes) = terminal.facts(&witness, args.workers, as_of)?;
    for note in notes {
        output::say(note);
    }
    write(args, &kinds, &facts)?;
    Ok(ExitCode::SUCCESS)
}

/// The site with the work orders and conduits of its ledger, as those who judge have it.
fn with_records(mut terminal: Terminal, known: &Known, as_of: Time) -> Result<Terminal, Error> {
    let ledger = terminal.ledger(known.ledger.as_deref())?;
    let (joined, left_out) = input::joined(&terminal.site, &input::records(&ledger, known, as_of));
    let joined = joined.into_owned();
    for note in left_out {
        output::say(note);
    }
    terminal.site = joined;
    Ok(terminal)
}

fn write(args: &Args, kinds: &[&KindInfo], facts: &Facts) -> Result<(), Error> {
    let failed = |source| match &args.output {
        Some(path) => Error::WriteFile {
            path: path.clone(),
            source,
        },
        None => Error::Output(source),
    };
    if let (Shape::Zeek, Some(folder)) = (args.format, &args.output) {
        return std::fs::create_dir_all(folder)
            .and_then(|()| logs::zeek_folder(facts, folder))
            .map_err(failed);
    }
    let out: Box<dyn Write> = match &args.output {
        Some(path) => Box::new(std::fs::File::create(path).map_err(failed)?),
        None => Box::new(std::io::stdout().lock()),
    };
    let mut out = BufWriter::new(out);
    let done = match args.format.rows() {
        Some(format) => rows(&mut out, format, kinds, facts),
        None if args.format == Shape::Zeek => logs::zeek_json(facts, &mut out),
        None => logs::eve(facts, &mut out),
    };
    done.and_then(|()| out.flush()).map_err(failed)
}

fn rows(
    out: &mut impl Write,
    format: Format,
    kinds: &[&KindInfo],
    facts: &Facts,
) -> std::io::Result<()> {
    for (place, kind) in kinds.iter().enumerate() {
        if kinds.len() > 1 && format != Format::Jsonl {
            let gap = if place > 0 { "\n" } else { "" };
            writeln!(out, "{gap}# {}", kind.name)?;
        }
        let name = (kinds.len() > 1).then_some(kind.name);
        let columns = kind.columns.iter().map(|column| (column.name, column.ty));
        let columns: Vec<_> = columns.collect();
        let count = facts.count(kind.name);
        rows::write(out, format, name, &columns, count, |rows, share| {
            facts.try_cells_of(kind.name, share, rows, Rows::cell, Rows::end)
        })?;
    }
    Ok(())
}

/// The kinds of those names, in the order of the registry; dashes and underscores are one.
fn kinds(names: &[String]) -> Result<Vec<&'static KindInfo>, Error> {
    let plain = |name: &str| name.replace('-', "_");
    for name in names {
        if !KINDS.iter().any(|kind| kind.name == plain(name)) {
            let known: Vec<String> = KINDS
                .iter()
                .map(|kind| kind.name.replace('_', "-"))
                .collect();
            return Err(Error::Usage(format!(
                "there is no kind of fact called {name:?}; the kinds are {}",
                known.join(", ")
            )));
        }
    }
    let wanted =
        |kind: &&KindInfo| names.is_empty() || names.iter().any(|name| kind.name == plain(name));
    Ok(KINDS.iter().filter(wanted).collect())
}
