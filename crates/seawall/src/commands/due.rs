//! `seawall due`: what falls due when, by person.
use std::path::PathBuf;
use std::process::ExitCode;

use report::due::{Agenda, ical, json, text};

use crate::assessment::{self, Subject};
use crate::error::Error;
use crate::output;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    subject: Subject,
    /// Only what is overdue, or falls due in so many days.
    #[arg(long, value_name = "DAYS")]
    within: Option<u16>,
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Write to this file instead of standard output.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    /// For a terminal, by person.
    Text,
    /// For programs.
    Json,
    /// For calendars (RFC 5545).
    Ical,
}

pub fn run(args: &Args) -> Result<ExitCode, Error> {
    let judged = assessment::judge(&args.subject)?;
    let assessment = &judged.assessment;
    let duties = judge::duties(assessment, args.within.map(i64::from));
    let agenda = Agenda {
        terminal: &assessment.terminal,
        time_zone: &assessment.time_zone,
        as_of: assessment.as_of,
        duties: &duties,
        persons: &judged.persons,
    };
    let written = match args.format {
        Format::Text => text(&agenda),
        Format::Json => json(&agenda),
        Format::Ical => ical(&agenda),
    };
    output::write(args.output.as_deref(), &written)?;
    Ok(ExitCode::SUCCESS)
}
