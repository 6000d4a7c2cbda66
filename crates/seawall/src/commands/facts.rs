//! `seawall facts`: everything observed, as rows.
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use ::facts::KindInfo;
use ::facts::kinds::KINDS;

use crate::error::Error;
use crate::input::Terminal;
use crate::rows::{Format, Rows};

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
    /// Only this kind of fact; may be given several times. Without it: every kind.
    #[arg(long, value_name = "KIND")]
    kind: Vec<String>,
    #[arg(long, value_enum, default_value_t = Format::Jsonl)]
    format: Format,
    /// Workers that read at the same time; one per core if not given. The result is the same for any number.
    #[arg(long, value_name = "N")]
    workers: Option<usize>,
}

pub fn run(args: &Args) -> Result<ExitCode, Error> {
    let kinds = kinds(&args.kind)?;
    let terminal = match &args.site {
        Some(site) => Terminal::load(site)?,
        None => Terminal::none(),
    };
    let mut witness = terminal.witness(&args.captures, args.state.as_deref())?;
    if !kinds.iter().any(|kind| kind.name == "capture_file") {
        witness = witness.without_hashes();
    }
    let (facts, notes) = terminal.facts(&witness, args.workers, crate::clock::now())?;
    for note in notes {
        eprintln!("seawall: {note}");
    }
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let write = |out: &mut std::io::BufWriter<_>| -> std::io::Result<()> {
        for (place, kind) in kinds.iter().enumerate() {
            let columns = kind.columns.iter().map(|column| column.name).collect();
            if kinds.len() > 1 && args.format != Format::Jsonl {
                let gap = if place > 0 { "\n" } else { "" };
                writeln!(out, "{gap}# {}", kind.name)?;
            }
            let name = (kinds.len() > 1).then_some(kind.name);
            let mut rows = Rows::new(out, args.format, name, columns)?;
            facts.try_rows(kind.name, |row| rows.row(row))?;
            rows.finish()?;
        }
        out.flush()
    };
    write(&mut out).map_err(Error::Output)?;
    Ok(ExitCode::SUCCESS)
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
