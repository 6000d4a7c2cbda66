//! `seawall explain`: a finding, from what was seen to what to do.
use std::path::PathBuf;
use std::process::ExitCode;

use facts::Time;
use judge::Editions;
use report::Context;
use report::explain::{self, Call};

use super::findings::{Format, style};
use crate::assessment::{self, Judged, Subject, time};
use crate::error::Error;
use crate::input::Known;
use crate::{life, output};

#[derive(Debug, clap::Args)]
#[command(override_usage = "seawall explain SITE [CAPTURE]... FINDING")]
pub struct Args {
    /// The site folder, captures or folders of captures, and last the finding, as `seawall assess` calls it.
    #[arg(value_name = "SITE [CAPTURE]... FINDING", required = true)]
    words: Vec<String>,
    /// Judge what `seawall run` remembered in this state folder.
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// Judge as of this time (RFC 3339 with offset); now if not given.
    #[arg(long, value_name = "TIME", value_parser = time)]
    as_of: Option<Time>,
    #[command(flatten)]
    known: Known,
    /// The edition of the advisory to follow; the newest that was compared if not given.
    #[arg(long, value_name = "ID")]
    edition: Option<String>,
    /// Workers that read at the same time; one per core if not given.
    #[arg(long, value_name = "N", value_parser = crate::input::workers)]
    workers: Option<usize>,
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

pub fn run(args: &Args) -> Result<ExitCode, Error> {
    let usage = || {
        let what = "give SITE, captures if any, and last the finding: seawall explain SITE [CAPTURE]... FINDING";
        Error::Usage(what.to_owned())
    };
    let (site, rest) = args.words.split_first().ok_or_else(usage)?;
    let (finding, captures) = rest.split_last().ok_or_else(usage)?;
    let subject = Subject {
        site: PathBuf::from(site),
        captures: captures.iter().map(PathBuf::from).collect(),
        state: args.state.clone(),
        as_of: args.as_of,
        known: args.known.clone(),
        edition: args.edition.clone(),
        workers: args.workers,
    };
    let judged = assessment::judge(&subject)?;
    let ledger = &judged.ledger;
    let as_of = judged.assessment.as_of;
    let lives = life::lives(ledger, args.known.by(as_of), as_of);
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
    let measure = finding.split_once('-').map_or("", |(measure, _)| measure);
    let paragraphs = paragraphs(&judged, measure)?;
    let state = args.state.as_ref().map(|state| state.display().to_string());
    let call = Call {
        site,
        captures,
        state: state.as_deref(),
        paragraphs: &paragraphs,
    };
    let Some(explained) = explain::explain(&judged.assessment, &context, finding, &call) else {
        return Err(no_such(&judged, finding));
    };
    let text = match args.format {
        Format::Text => explain::text(&explained, style(true)),
        Format::Json => explain::json(&explained),
    };
    output::write(None, &text)?;
    Ok(ExitCode::SUCCESS)
}

/// The paragraphs of the edition followed that a measure answers.
fn paragraphs(judged: &Judged, measure: &str) -> Result<Vec<(String, String)>, Error> {
    let editions = Editions::built_in()?;
    let edition = editions.followed(Some(&judged.assessment.edition))?;
    let of_it = edition
        .paragraphs
        .iter()
        .filter(|one| one.measures.iter().any(|id| id == measure));
    Ok(of_it
        .map(|one| (one.id.clone(), one.title.clone()))
        .collect())
}

/// Findings that are listed where none is called as asked.
const MOST_LISTED: usize = 12;

/// That there is no such finding, and which was probably meant: of a name cut short the whole one, of a measure its own.
pub fn no_such(judged: &Judged, asked: &str) -> Error {
    let measures = judged.assessment.measures.iter();
    let subjects = measures.flat_map(|one| &one.subjects);
    let known: Vec<&str> = subjects.filter_map(|one| one.finding.as_deref()).collect();
    Error::NoSuchFinding {
        asked: asked.to_owned(),
        known: meant(&known, asked),
    }
}

fn meant(known: &[&str], asked: &str) -> String {
    let asked = asked.to_ascii_lowercase();
    let measure = asked.split('-').next().unwrap_or_default();
    let close = match beginning(known, &asked) {
        close if close.is_empty() => beginning(known, &format!("{measure}-")),
        close => close,
    };
    match (close.as_slice(), known.len()) {
        (_, 0) => "they give no finding at all".to_owned(),
        ([one], _) => format!("did you mean {one}?"),
        ([_, ..], _) if close.len() <= MOST_LISTED => format!("there are {}", close.join(", ")),
        (_, count) if count <= MOST_LISTED => format!("there are {}", known.join(", ")),
        (_, count) => format!("there are {count}, which `seawall findings` lists"),
    }
}

fn beginning<'k>(known: &[&'k str], begin: &str) -> Vec<&'k str> {
    let known = known.iter().copied();
    known
        .filter(|name| name.to_ascii_lowercase().starts_with(begin))
        .collect()
}

#[test]
fn who_mistypes_a_finding_is_told_the_one_that_was_meant() {
    let known = ["C1-7f401da042", "C12-5c0175c0b3", "C12-1f1562ebc5"];
    let told = |asked| meant(&known, asked);
    assert_eq!(told("c1-7f40"), "did you mean C1-7f401da042?");
    assert_eq!(told("C1-7f401da043"), "did you mean C1-7f401da042?");
    assert_eq!(told("C12"), "there are C12-5c0175c0b3, C12-1f1562ebc5");
    assert!(told("C9-5c0175c0b3").starts_with("there are C1-"));
    assert_eq!(meant(&[], "C1-x"), "they give no finding at all");
    let many: Vec<String> = (10..30).map(|number| format!("C3-{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert!(meant(&many, "C3-1").starts_with("there are C3-10, C3-11"));
    assert_eq!(
        meant(&many, "C3"),
        "there are 20, which `seawall findings` lists"
    );
}
