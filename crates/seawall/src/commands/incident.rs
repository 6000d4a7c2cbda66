//! `seawall incident`: an incident from its findings to the last report.
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;
use facts::Time;
use facts::lists::Reporting;
use facts::records::{
    self, Addressee, Contact, FindingStep, Incident, IncidentKind, Person, Record, ReportMeans,
    ReportSent, ReportingProfile,
};
use report::Context;
use report::incident::{self, ADDRESSEES, Case, Hide, Opening, Redactor};
use serde_json::{Map, Value as Json};
use store::ledger::{Attachment, Content, Ledger, New, Stamp};

use super::explain::no_such;
use super::findings::{Format, style};
use super::record::place::{self, Place};
use super::record::{begin, body_of};
use crate::assessment::{self, Subject, time};
use crate::error::Error;
use crate::input::{Known, Terminal};
use crate::{clock, output};

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
    /// To whom: nrc, cgcyber, cisa, fbi; all four if not given.
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
    /// Devices, hosts, zones, cranes, third parties, the terminal.
    Names,
    /// People.
    People,
    /// Serial numbers, and the facility's.
    Serials,
    /// Hashes of content.
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

/// The site, its ledger, and the clock: what every step needs.
struct Desk {
    given: String,
    terminal: Terminal,
    ledger: Ledger,
    place: Place,
    lists: Reporting,
    /// Now, or the moment looked at.
    now: Time,
    /// The moment looked at, if it is another than now.
    as_of: Option<Time>,
    /// What was recorded by then counts.
    known: Time,
}

/// Records of a ledger that reports draw on, by id.
struct Drawn {
    people: BTreeMap<String, Person>,
    profile: Option<ReportingProfile>,
    contacts: Vec<(String, Contact)>,
    incidents: Vec<(String, Incident)>,
    sent: Vec<(String, ReportSent)>,
}

impl Drawn {
    /// What was recorded by one time, but for what is withdrawn `now`; if another is given, of that what held then, and nothing
    /// that came later.
    fn of(ledger: &Ledger, known: Time, as_of: Option<Time>, now: Time) -> Drawn {
        fn read<R: Record>(kind: &str, body: &Map<String, Json>) -> Option<R> {
            (kind == R::INFO.name)
                .then(|| R::from_body(body).ok())
                .flatten()
        }
        let mut drawn = Drawn {
            people: BTreeMap::new(),
            profile: None,
            contacts: Vec::new(),
            incidents: Vec::new(),
            sent: Vec::new(),
        };
        let entries = match as_of {
            Some(_) => ledger.as_of(known, as_of),
            None => ledger.known(known, now),
        };
        for entry in entries {
            let (kind, id) = (entry.kind, || entry.id.to_owned());
            let body = body_of(&entry).unwrap_or_default();
            drawn
                .people
                .extend(read(kind, &body).map(|one| (id(), one)));
            drawn
                .contacts
                .extend(read(kind, &body).map(|one| (id(), one)));
            drawn
                .incidents
                .extend(read(kind, &body).map(|one| (id(), one)));
            drawn.sent.extend(read(kind, &body).map(|one| (id(), one)));
            drawn.profile = drawn.profile.or_else(|| read(kind, &body));
        }
        // Recorded since, records tell of moments that were still to come.
        if let Some(as_of) = as_of {
            drawn.incidents.retain(|(_, one)| one.detected <= as_of);
            drawn.sent.retain(|(_, one)| one.sent <= as_of);
            for (_, incident) in &mut drawn.incidents {
                incident.closed = incident.closed.filter(|closed| *closed <= as_of);
            }
        }
        drawn
    }
}

impl Desk {
    fn open(site: &Path) -> Result<Desk, Error> {
        let terminal = Terminal::load(site)?;
        Ok(Desk {
            given: site.display().to_string(),
            ledger: terminal.ledger(None)?,
            place: Place::of(site),
            terminal,
            lists: Reporting::builtin(),
            now: clock::now(),
            as_of: None,
            known: Time::MAX,
        })
    }

    /// Looks at another moment than now.
    fn look_at(&mut self, moment: Moment) {
        let known = moment.as_of.map(|as_of| as_of.min(self.now));
        self.known = moment.known_at.or(known).unwrap_or(Time::MAX);
        (self.as_of, self.now) = (moment.as_of, moment.as_of.unwrap_or(self.now));
    }

    fn drawn(&self) -> Drawn {
        Drawn::of(&self.ledger, self.known, self.as_of, self.now)
    }

    /// Calls with one incident, or says which there are.
    fn with<T>(&self, id: &str, then: impl FnOnce(&Case<'_>, &Drawn) -> T) -> Result<T, Error> {
        let drawn = self.drawn();
        let Some((id, one)) = drawn.incidents.iter().find(|(known, _)| known == id) else {
            let known: Vec<&str> = drawn.incidents.iter().map(|(id, _)| id.as_str()).collect();
            let known = match known.is_empty() {
                true => "none is recorded".to_owned(),
                false => format!("there are {}", known.join(", ")),
            };
            return Err(Error::Usage(format!(
                "no incident is called \"{id}\"; {known}"
            )));
        };
        let sent = sent_of(&drawn, id);
        let case = self.case(id, one, &drawn, &sent);
        Ok(then(&case, &drawn))
    }

    fn case<'a>(
        &'a self,
        id: &'a str,
        incident: &'a Incident,
        drawn: &'a Drawn,
        sent: &'a [(String, ReportSent)],
    ) -> Case<'a> {
        let person = |id: &str| drawn.people.get(id);
        Case {
            id,
            incident,
            reporter: incident.reporter.as_ref().and_then(|one| person(&one.0)),
            profile: drawn.profile.as_ref(),
            reachable: drawn
                .profile
                .as_ref()
                .and_then(|one| person(&one.reachable.0)),
            contacts: &drawn.contacts,
            sent,
            site: &self.terminal.site,
            lists: &self.lists,
            now: self.now,
        }
    }

    fn list(&self) -> Result<(), Error> {
        let drawn = self.drawn();
        let sent: Vec<_> = drawn
            .incidents
            .iter()
            .map(|(id, _)| sent_of(&drawn, id))
            .collect();
        let cases = drawn.incidents.iter().zip(&sent);
        let cases: Vec<Case<'_>> = cases
            .map(|((id, one), sent)| self.case(id, one, &drawn, sent))
            .collect();
        output::write(None, &incident::list(&cases, style(true)))
    }

    fn show(&self, id: &str, format: Format) -> Result<(), Error> {
        let text = self.with(id, |case, _| match format {
            Format::Text => incident::text(case, &self.given, style(true)),
            Format::Json => incident::json(case),
        })?;
        output::write(None, &text)
    }

    fn start(mut self, open: &Open) -> Result<(), Error> {
        if let Some(known) = self.ledger.latest(Incident::INFO.name, &open.id) {
            return Err(Error::Usage(format!(
                "there is an incident {} already, recorded by {}; give another --id, or change it with seawall record incident --id {}",
                open.id, known.by, open.id
            )));
        }
        let subject = Subject {
            site: self.terminal.folder().to_owned(),
            captures: open.captures.clone(),
            state: open.state.clone(),
            as_of: open.as_of,
            known: Known {
                known_at: open.known_at,
                ledger: None,
            },
            edition: None,
            workers: None,
        };
        let judged = assessment::judge(&subject)?;
        let pages = assessment::page_texts(&judged.terminal.pages);
        let context = Context {
            version: env!("CARGO_PKG_VERSION"),
            site: &judged.terminal.site,
            facts: &judged.facts,
            pages: &pages,
            skipped: &[],
            notes: &[],
            standings: None,
        };
        let opening = Opening {
            what: open.what,
            reporter: open.reporter.as_deref(),
            findings: &open.finding,
            detected: self.noticed(&open.finding),
            ssi: open.ssi,
            version: env!("CARGO_PKG_VERSION"),
        };
        let body = incident::draft(&judged.assessment, &context, &opening)
            .map_err(|finding| no_such(&judged, &finding))?;
        self.write::<Incident>(&open.id, body, &[], open.recorder.as_deref())?;
        self.show(&open.id, Format::Text)
    }

    /// When a finding was first recorded; now if none was.
    fn noticed(&self, findings: &[String]) -> Time {
        let recorded = self.ledger.entries_of(FindingStep::INFO.name);
        recorded
            .filter(|entry| findings.iter().any(|finding| finding == entry.id))
            .filter_map(|entry| entry.recorded_at())
            .min()
            .unwrap_or(self.now)
    }

    fn report(&self, asked: &Report) -> Result<(), Error> {
        let to = match asked.to.as_slice() {
            [] => ADDRESSEES,
            to => to,
        };
        let hide: Vec<Hide> = asked
            .redact
            .iter()
            .flat_map(|level| level.hide())
            .copied()
            .collect();
        let (people, serials) = self.to_hide();
        let texts = self.with(&asked.id, |case, _| {
            let redactor = Redactor::new(case, &hide, &people, &serials);
            let texts = to
                .iter()
                .map(|to| (to.word(), incident::report(case, *to, &redactor)));
            texts.collect::<Vec<_>>()
        })?;
        for (number, (to, text)) in texts.iter().enumerate() {
            match &asked.output {
                Some(folder) => {
                    let path = folder.join(format!("{}-{to}.txt", file_name(&asked.id)));
                    output::write(Some(&path), text)?;
                    println!("{}", path.display());
                }
                None => {
                    let between = if number > 0 { "\n\n" } else { "" };
                    output::write(None, &format!("{between}{text}"))?;
                }
            }
        }
        Ok(())
    }

    /// The people and the serial numbers of the whole ledger, whatever moment is looked at: a narrative may name who was
    /// recorded only afterwards, or was withdrawn.
    fn to_hide(&self) -> (Vec<(String, Person)>, Vec<String>) {
        let (mut people, mut serials) = (Vec::new(), BTreeSet::new());
        for entry in self.ledger.entries() {
            let body = body_of(&entry).unwrap_or_default();
            if entry.kind == Person::INFO.name {
                let person = Person::from_body(&body).ok();
                people.extend(person.map(|person| (entry.id.to_owned(), person)));
            }
            for field in ["serial", "facility_id"] {
                let serial = body.get(field).and_then(Json::as_str);
                serials.extend(serial.map(str::to_owned));
            }
        }
        (people, serials.into_iter().collect())
    }

    fn sent(mut self, sent: &Sent) -> Result<(), Error> {
        let count = self.with(&sent.id, |case, _| case.sent.len())?;
        let mut files = Vec::new();
        if let Some(path) = &sent.file {
            let read = |source| Error::ReadRecords {
                path: path.clone(),
                source,
            };
            files.push((place::base_name(path), std::fs::read(path).map_err(read)?));
        }
        let mut body = Map::new();
        let mut put = |name: &str, value: String| body.insert(name.to_owned(), value.into());
        put("incident", sent.id.clone());
        put("addressee", sent.to.word().to_owned());
        put("sent", sent.at.unwrap_or(self.now).to_string());
        put("channel", sent.channel.word().to_owned());
        put("sender", sent.by.clone());
        if let Some(number) = &sent.case {
            put("case_number", number.clone());
        }
        let id = format!("{}-{}-{}", sent.id, sent.to.word(), count + 1);
        self.write::<ReportSent>(&id, body, &files, sent.recorder.as_deref())?;
        self.show(&sent.id, Format::Text)
    }

    fn close(
        mut self,
        id: &str,
        at: Option<Time>,
        actions: &[String],
        recorder: Option<&str>,
    ) -> Result<(), Error> {
        let mut body = self.with(id, |case, _| case.incident.body())?;
        body.insert(
            "closed".to_owned(),
            at.unwrap_or(self.now).to_string().into(),
        );
        let known = body
            .get("actions")
            .and_then(Json::as_array)
            .cloned()
            .unwrap_or_default();
        let new = actions.iter().map(|action| Json::from(action.as_str()));
        let all: Vec<Json> = known
            .iter()
            .cloned()
            .chain(new.filter(|one| !known.contains(one)))
            .collect();
        if !all.is_empty() {
            body.insert("actions".to_owned(), all.into());
        }
        self.write::<Incident>(id, body, &[], recorder)?;
        self.show(id, Format::Text)
    }

    /// Writes a record as the ledger's door for people does: checked, with names that are known.
    fn write<R: Record>(
        &mut self,
        id: &str,
        mut body: Map<String, Json>,
        files: &[(String, Vec<u8>)],
        recorder: Option<&str>,
    ) -> Result<(), Error> {
        let info =
            records::kind(R::INFO.name).ok_or_else(|| Error::Usage("no such kind".to_owned()))?;
        let names = self.place.names(info)?.with(&self.ledger, info);
        let by = recorder.map_or_else(place::user, str::to_owned);
        let stamp = Stamp {
            by: &by,
            means: "cli",
            now: self.now,
        };
        if info.field("text_sha256").is_some()
            && let [(_, bytes), ..] = files
        {
            body.insert(
                "text_sha256".to_owned(),
                store::ledger::sha256(bytes).into(),
            );
        }
        let mut wrongs = info.check(&body);
        wrongs.extend(info.unknown_names(&body, &names));
        if let Err(wrong) = records::check_id(id) {
            wrongs.push(("--id", wrong));
        }
        if !wrongs.is_empty() {
            let problem = |(field, wrong): &(&str, records::Wrong)| {
                format!("{field}: {}; {}", wrong.what, wrong.remedy)
            };
            return Err(Error::Records {
                what: format!("{} {id}", info.name),
                problems: wrongs.iter().map(problem).collect(),
            });
        }
        let before = self.ledger.latest(info.name, id).map(|entry| entry.seq);
        let mut writing = begin(&mut self.ledger)?;
        let latest = writing.ledger().latest(info.name, id);
        if latest.as_ref().map(|entry| entry.seq) != before {
            return Err(Error::Usage(format!(
                "{} {id} was changed by somebody else a moment ago; look at it, and try again",
                info.name
            )));
        }
        let kept = latest.iter().flat_map(|entry| &entry.attachments);
        let mut attachments: Vec<Attachment> = kept
            .map(|one| Attachment {
                name: one.name.map(str::to_owned),
                sha256: one.sha256.to_owned(),
            })
            .collect();
        for (name, bytes) in files {
            attachments.push(writing.attach(Some(name), bytes)?);
        }
        let new = New {
            kind: info.name.to_owned(),
            id: id.to_owned(),
            content: Content::Body(body),
            valid_from: None,
            valid_until: None,
            attachments,
        };
        writing.append(&[new], &stamp)?;
        Ok(())
    }
}

fn sent_of(drawn: &Drawn, incident: &str) -> Vec<(String, ReportSent)> {
    let of_it = drawn
        .sent
        .iter()
        .filter(|(_, sent)| sent.incident.0 == incident);
    let mut sent: Vec<(String, ReportSent)> = of_it.cloned().collect();
    sent.sort_by_key(|(id, sent)| (sent.sent, id.clone()));
    sent
}

/// The id as a name of a file: what would lead out of the folder, or hide the file, is left out.
fn file_name(id: &str) -> String {
    let plain = |c: &char| c.is_alphanumeric() || "-_.".contains(*c);
    let name: String = id.chars().filter(plain).collect();
    match name.trim_start_matches('.') {
        "" => "incident".to_owned(),
        name => name.to_owned(),
    }
}

#[test]
fn the_id_of_an_incident_does_not_lead_out_of_the_folder() {
    assert_eq!(file_name("INC-2026_1.a"), "INC-2026_1.a");
    assert_eq!(file_name("../../etc/cron.d/x"), "etccron.dx");
    assert_eq!(file_name("/../"), "incident");
}
