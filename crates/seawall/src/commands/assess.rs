//! `seawall assess`: the verdicts.
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use judge::Verdict;
use report::{Context, Style};

use crate::assessment::{self, Subject};
use crate::error::Error;
use crate::{life, output};

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    subject: Subject,
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Write to this file instead of standard output.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Exit with 1 if any measure has this verdict or a worse one.
    #[arg(long, value_enum, value_name = "VERDICT")]
    fail_on: Option<FailOn>,
    /// Write to the site's ledger what is new: findings opened, resolved, reopened, and verdicts that changed.
    #[arg(long)]
    record: bool,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    /// For a terminal.
    Text,
    /// For programs.
    Json,
    /// One self-contained file, for reading, printing and handing on.
    Html,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum FailOn {
    NotMet,
    Unproven,
}

/// Columns of text where nothing tells the terminal's.
const WIDTH: usize = 80;

pub fn run(args: &Args) -> Result<ExitCode, Error> {
    // What is to come is no step of a finding: whatever happens until then would be earlier than the record says.
    if args.record
        && let Some(as_of) = args.subject.as_of
        && as_of > crate::clock::now()
    {
        return Err(Error::Usage(format!(
            "--record with --as-of {as_of}, which is later than now: what is recorded is judged as of now or earlier; leave one of the two out"
        )));
    }
    let mut judged = assessment::judge(&args.subject)?;
    let known = &args.subject.known;
    if args.record {
        let now = crate::clock::now();
        let count = life::record(&mut judged.ledger, &judged.assessment, "assess", now)?;
        output::say(format_args!(
            "{count} steps of findings and verdicts recorded"
        ));
    }
    let as_of = judged.assessment.as_of;
    let lives = life::lives(&judged.ledger, known.by(as_of), as_of);
    let standings = lives.standings(&judged.assessment);
    let pages = assessment::page_texts(&judged.terminal.pages);
    let context = Context {
        version: env!("CARGO_PKG_VERSION"),
        site: &judged.terminal.site,
        facts: &judged.facts,
        pages: &pages,
        skipped: &judged.skipped,
        notes: &judged.notes,
        standings: Some(&standings),
    };
    let text = match args.format {
        Format::Text => report::text(&judged.assessment, &context, style(args.output.is_none())),
        Format::Json => report::json(&judged.assessment, &context),
        Format::Html => report::html(&judged.assessment, &context),
    };
    output::write(args.output.as_deref(), &text)?;
    let worst = judged
        .assessment
        .measures
        .iter()
        .map(|measure| measure.verdict)
        .max();
    let failed = match args.fail_on {
        None => false,
        Some(FailOn::NotMet) => worst >= Some(Verdict::NotMet),
        Some(FailOn::Unproven) => worst >= Some(Verdict::Unproven),
    };
    Ok(ExitCode::from(u8::from(failed)))
}

/// Colour on a terminal that has not asked for none (`NO_COLOR`).
fn style(to_stdout: bool) -> Style {
    let terminal = to_stdout && std::io::stdout().is_terminal();
    let width = std::env::var("COLUMNS")
        .ok()
        .and_then(|text| text.parse().ok());
    let quiet = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    Style {
        width: width.unwrap_or(WIDTH).min(120),
        color: terminal && !quiet,
    }
}
