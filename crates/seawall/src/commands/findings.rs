//! `seawall findings`: what is found, and how it stands: open, in hand, borne, resolved.
use std::io::IsTerminal;
use std::process::ExitCode;

use crate::assessment::{self, Subject};
use crate::error::Error;
use crate::{life, output};

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    subject: Subject,
    /// Those that are resolved as well.
    #[arg(long)]
    all: bool,
    /// Instead: how the verdicts of measures changed, as recorded; nothing is judged.
    #[arg(long)]
    series: bool,
    /// With --series: of this measure alone.
    #[arg(long, value_name = "ID", requires = "series")]
    measure: Option<String>,
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For a terminal.
    Text,
    /// For programs.
    Json,
}

pub fn run(args: &Args) -> Result<ExitCode, Error> {
    let style = style(true);
    if args.series {
        let terminal = crate::input::Terminal::load(&args.subject.site)?;
        let known = &args.subject.known;
        let ledger = terminal.ledger(known.ledger.as_deref())?;
        let as_of = args.subject.as_of.unwrap_or_else(crate::clock::now);
        let turns = life::series(&ledger, args.measure.as_deref(), known.by(as_of), as_of);
        let text = match args.format {
            Format::Text => report::series_text(&turns, &terminal.site.time_zone, style),
            Format::Json => report::series_json(&turns),
        };
        output::write(None, &text)?;
        return Ok(ExitCode::SUCCESS);
    }
    let judged = assessment::judge(&args.subject)?;
    let known = &args.subject.known;
    let ledger = &judged.ledger;
    let known = known.by(judged.assessment.as_of);
    let as_of = judged.assessment.as_of;
    let standings = life::lives(ledger, known, as_of).standings(&judged.assessment);
    let recorded = life::steps(ledger, known, as_of);
    let steps = |finding: &str| recorded.get(finding).cloned().unwrap_or_default();
    let zone = &judged.assessment.time_zone;
    let text = match args.format {
        Format::Text => report::findings_text(&standings, args.all, zone, &steps, style),
        Format::Json => report::findings_json(&standings, args.all, &steps),
    };
    output::write(None, &text)?;
    Ok(ExitCode::SUCCESS)
}

/// Text for where it goes: colour on a terminal that has not asked for none (`NO_COLOR`), 80 columns unless it says more.
pub fn style(to_stdout: bool) -> report::Style {
    let width = std::env::var("COLUMNS")
        .ok()
        .and_then(|text| text.parse().ok());
    let quiet = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    report::Style {
        width: width.unwrap_or(80).min(120),
        color: to_stdout && std::io::stdout().is_terminal() && !quiet,
    }
}
