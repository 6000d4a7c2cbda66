//! `seawall incident`: an incident from its findings to the last report.
mod desk;
mod drawn;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;
use facts::Time;
use facts::records::{Addressee, IncidentKind, ReportMeans};
use report::incident::Hide;

use self::desk::Desk;
use super::findings::Format;
use crate::assessment::time;
use crate::error::Error;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The site folder, with its site.toml.
    #[arg(value_name = "SITE")]
    site: PathBuf,
    #[command(flatten)]
    moment: Moment,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Open one from findings.
    Open(Open),
    /// What is known, what is owed to whom since when; all incidents without an id.
    Show {
        id: Option<String>,
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
        #[command(flatten)]
        moment: Moment,
    },
    /// Write the texts for those who are to be told. Nothing is sent.
    Report(Report),
    /// Say that somebody was told, and keep what was sent.
    Sent(Sent),
    /// Say that it is over.
    Close {
        id: String,
        /// When it was over (RFC 3339 with offset); now if not given.
        #[arg(long, value_name = "TIME", value_parser = time)]
        at: Option<Time>,
        /// What was done, besides what is recorded already; may be given several times.
        #[arg(long, value_name = "TEXT")]
        action: Vec<String>,
        /// Who records; the system's name of this user if not given.
        #[arg(long, value_name = "NAME")]
        recorder: Option<String>,
    },
}

/// At which moment incidents are looked at.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
struct Moment {
    /// As they stood at this time (RFC 3339 with offset); now if not given.
    #[arg(long, value_name = "TIME", value_parser = time)]
    as_of: Option<Time>,
    /// By what was recorded by this time (RFC 3339 with offset); by that of --as-of if not given, though not later
    /// than now.
    #[arg(long, value_name = "TIME", value_parser = time)]
    known_at: Option<Time>,
}

impl Moment {
    fn is_given(self) -> bool {
        self.as_of.is_some() || self.known_at.is_some()
    }
}

#[derive(Debug, clap::Args)]
struct Open {
    /// Captures, or folders of captures, as for `assess`.
    #[arg(value_name = "CAPTURE")]
    captures: Vec<PathBuf>,
    /// A finding, as `seawall assess` calls it; may be given several times.
    #[arg(long, value_name = "FINDING", required = true)]
    finding: Vec<String>,
    /// The incident's name, e.g. INC-2026-3.
    #[arg(long, value_name = "ID")]
    id: String,
    /// What it is: compromised-equipment, suspicious-activity, breach-of-security, transportation-security-incident,
    /// reportable-cyber-incident or cyber-incident.
    #[arg(long, value_name = "KIND", default_value = "suspicious-activity", value_parser = kind_of_incident)]
    what: IncidentKind,
    /// Who reports it: the id of a person of the ledger.
    #[arg(long, value_name = "PERSON")]
    reporter: Option<String>,
    /// Mark it as Sensitive Security Information (49 CFR 1520).
    #[arg(long)]
    ssi: bool,
    /// Judge what `seawall run` remembered in this state folder.
    #[arg(long, value_name = "DIR", conflicts_with = "captures")]
    state: Option<PathBuf>,
    /// Judge as of this time (RFC 3339 with offset); now if not given.
    #[arg(long, value_name = "TIME", value_parser = time)]
    as_of: Option<Time>,
    /// Judge by what was recorded by this time (RFC 3339 with offset); by that of --as-of if not given, though not later than now.
    #[arg(long, value_name = "TIME", value_parser = time)]
    known_at: Option<Time>,
    /// Who records; the system's name of this user if not given.
    #[arg(long, value_name = "NAME")]
    recorder: Option<String>,
}

#[derive(Debug, clap::Args)]
struct Report {
    id: String,
    /// To whom: nrc, cgcyber, cisa, fbi; all four if not given. Also cotp, party, other.
    #[arg(long, value_name = "ADDRESSEE", value_parser = addressee)]
    to: Vec<Addressee>,
    /// What to hide, each by a placeholder; may be given several times.
    #[arg(long, value_enum, value_name = "WHAT", value_delimiter = ',')]
    redact: Vec<Level>,
    /// Write a file each into this folder instead of standard output.
    #[arg(long, short, value_name = "DIR")]
    output: Option<PathBuf>,
    #[command(flatten)]
    moment: Moment,
}

#[derive(Debug, clap::Args)]
struct Sent {
    id: String,
    /// To whom: nrc, cgcyber, cisa, fbi, cotp, party, other.
    #[arg(long, value_name = "ADDRESSEE", value_parser = addressee)]
    to: Addressee,
    /// How: phone, email, portal, person.
    #[arg(long, value_name = "HOW", value_parser = means)]
    channel: ReportMeans,
    /// Who told them: the id of a person of the ledger.
    #[arg(long, value_name = "PERSON")]
    by: String,
    /// When (RFC 3339 with offset); now if not given.
    #[arg(long, value_name = "TIME", value_parser = time)]
    at: Option<Time>,
    /// The number that they gave it.
    #[arg(long, value_name = "NUMBER")]
    case: Option<String>,
    /// What was sent, word by word; it is kept under its hash.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Who records; the system's name of this user if not given.
    #[arg(long, value_name = "NAME")]
    recorder: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Level {
    /// IP and MAC addresses.
    Addresses,
    /// Devices, hosts, zones, cranes, third parties, sensors, captures, the terminal and its place.
    Names,
    /// People: names, telephones, mail, accounts.
    People,
    /// Serial numbers, and the facility's.
    Serials,
    /// Hashes of content, and the names of findings, which are made of hashes.
    Hashes,
    /// All of these.
    All,
}

impl Level {
    fn hide(self) -> &'static [Hide] {
        match self {
            Level::Addresses => &[Hide::Addresses],
            Level::Names => &[Hide::Names],
            Level::People => &[Hide::People],
            Level::Serials => &[Hide::Serials],
            Level::Hashes => &[Hide::Hashes],
            Level::All => Hide::ALL,
        }
    }
}

fn kind_of_incident(word: &str) -> Result<IncidentKind, String> {
    let words = || words(IncidentKind::ALL.iter().map(|one| one.word()));
    IncidentKind::parse(word).ok_or_else(words)
}

fn addressee(word: &str) -> Result<Addressee, String> {
    let words = || words(Addressee::ALL.iter().map(|one| one.word()));
    Addressee::parse(word).ok_or_else(words)
}

fn means(word: &str) -> Result<ReportMeans, String> {
    let words = || words(ReportMeans::ALL.iter().map(|one| one.word()));
    ReportMeans::parse(word).ok_or_else(words)
}

fn words<'a>(all: impl Iterator<Item = &'a str>) -> String {
    format!("the words are {}", all.collect::<Vec<_>>().join(", "))
}

pub fn run(args: &Args) -> Result<ExitCode, Error> {
    let mut desk = Desk::open(&args.site)?;
    match &args.command {
        None => desk.look_at(args.moment),
        // Taken for another moment than the one asked for, an answer would mislead.
        Some(_) if args.moment.is_given() => {
            return Err(Error::Usage(
                "--as-of and --known-at belong behind what is asked: seawall incident SITE show --as-of TIME".to_owned(),
            ));
        }
        Some(Command::Show { moment, .. } | Command::Report(Report { moment, .. })) => {
            desk.look_at(*moment);
        }
        Some(_) => {}
    }
    match &args.command {
        None => desk.list()?,
        Some(Command::Show {
            id: None, format, ..
        }) if *format == Format::Text => desk.list()?,
        Some(Command::Show { id: None, .. }) => {
            return Err(Error::Usage(
                "as JSON one incident is shown; give its id, or use seawall records incident --format jsonl".to_owned(),
            ));
        }
        Some(Command::Show {
            id: Some(id),
            format,
            ..
        }) => desk.show(id, *format)?,
        Some(Command::Open(open)) => desk.start(open)?,
        Some(Command::Report(report)) => desk.report(report)?,
        Some(Command::Sent(sent)) => desk.sent(sent)?,
        Some(Command::Close {
            id,
            at,
            action,
            recorder,
        }) => {
            desk.close(id, *at, action, recorder.as_deref())?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
