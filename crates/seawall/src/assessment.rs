//! One assessment, from the command's arguments to the verdicts: what `assess` and `packets` share.
use std::collections::BTreeMap;
use std::path::PathBuf;

use facts::site::Site;
use facts::{Facts, Time};
use judge::{Assessment, Catalogue, Editions, Page, Verdict};
use store::Records;
use store::ledger::Ledger;

use crate::error::Error;
use crate::input::{self, Known, Terminal, Witness};

/// What to judge.
#[derive(Debug, clap::Args)]
pub struct Subject {
    /// The site folder, with its site.toml.
    #[arg(value_name = "SITE")]
    pub site: PathBuf,
    /// Captures, or folders of captures; without any, the site's own captures/ folder where it has one, else what
    /// `seawall run` remembered.
    #[arg(value_name = "CAPTURE")]
    pub captures: Vec<PathBuf>,
    /// Judge what `seawall run` remembered in this state folder.
    #[arg(long, value_name = "DIR", conflicts_with = "captures")]
    pub state: Option<PathBuf>,
    /// Judge as of this time (RFC 3339 with offset); now if not given.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub as_of: Option<Time>,
    #[command(flatten)]
    pub known: Known,
    /// The edition of the advisory to follow; the newest that was compared if not given.
    #[arg(long, value_name = "ID")]
    pub edition: Option<String>,
    /// Workers that read at the same time; one per core if not given. The result is the same for any number.
    #[arg(long, value_name = "N", value_parser = crate::input::workers)]
    pub workers: Option<usize>,
}

/// Of declarations that say nothing, so many are told.
const MOST_POINTLESS: usize = 20;

/// Reads a time of the command line.
pub fn time(text: &str) -> Result<Time, String> {
    Time::parse(text).ok_or_else(|| match Time::is_beyond(text) {
        true => format!(
            "it is further away than a time can be; expected one {}",
            Time::RANGE
        ),
        false => "expected RFC 3339 with an offset, such as 2026-11-21T08:00:00Z".to_owned(),
    })
}

/// The verdicts and everything that a report shows beside them.
pub struct Judged {
    pub assessment: Assessment,
    pub terminal: Terminal,
    /// As it was read for the verdicts: a second reading would take as long, and could find more.
    pub ledger: Ledger,
    pub facts: Facts,
    pub witness: Witness,
    /// Names of persons, by the ids of their records.
    pub persons: BTreeMap<String, String>,
    pub skipped: Vec<String>,
    pub notes: Vec<String>,
}

/// Reads, folds, judges.
pub fn judge(subject: &Subject) -> Result<Judged, Error> {
    let mut terminal = Terminal::load(&subject.site)?;
    let witness = terminal.witness(&subject.captures, subject.state.as_deref())?;
    let as_of = subject.as_of.unwrap_or_else(crate::clock::now);
    let ledger = terminal.ledger(subject.known.ledger.as_deref())?;
    let records = input::records(&ledger, &subject.known, as_of);
    let (joined, left_out) = input::joined(&terminal.site, &records);
    terminal.site = joined.into_owned();
    let (facts, skipped) = terminal.facts(&witness, subject.workers, as_of)?;
    let (editions, catalogue) = (Editions::built_in()?, Catalogue::built_in()?);
    let (site, pages) = (&terminal.site, &terminal.pages);
    let snapshot = judge::snapshot(&facts, site, records, as_of, pages)?;
    let edition = subject.edition.as_deref();
    let assessment = judge::assess(&snapshot, pages, &editions, &catalogue, edition)?;
    let mut notes: Vec<String> = Vec::new();
    if witness.is_empty() {
        notes
            .push("No capture was read: nothing could be witnessed on the wire, so nothing that rests on it is met.".to_owned());
    }
    notes.extend(untimely(&facts, &terminal.site, as_of));
    let followed = editions.followed(edition)?;
    notes.push(format!(
        "Edition followed: {}. {}",
        followed.title, followed.note
    ));
    notes.extend(terminal.replaced.iter().cloned());
    notes.extend(left_out);
    notes.extend(ledger.known_by(subject.known.by(as_of)).map(|last| {
        let hash = last.hash().map(|hash| hash.to_string());
        format!(
            "Records: what was recorded by {}, up to entry {} of the ledger ({}), as far as it holds at the time judged.",
            subject.known.by(as_of).local(&terminal.site.time_zone),
            last.seq,
            hash.unwrap_or_default()
        )
    }));
    notes.extend(pointless(&records, &assessment));
    let now = crate::clock::now();
    if let Some(last) = ledger.entries().next_back()
        && let Some(at) = last.recorded_at()
        && at > now
    {
        notes.push(format!(
            "The ledger's last entry, {}, was recorded at {}, and it is {} now: what was recorded by a clock that was ahead does not count yet. Compare the machine's clock.",
            last.seq,
            at.local(&terminal.site.time_zone),
            now.local(&terminal.site.time_zone)
        ));
    }
    let persons = records.bodies(&["person"]).filter_map(|(entry, body)| {
        let name = body.get("name")?.as_str()?;
        Some((entry.id.to_owned(), name.to_owned()))
    });
    let persons = persons.collect();
    Ok(Judged {
        assessment,
        terminal,
        ledger,
        facts,
        witness,
        persons,
        skipped,
        notes,
    })
}

/// What the times of the captures say of clocks: frames of a moment that was still to come, sensors that never watched together.
fn untimely(facts: &Facts, site: &Site, as_of: Time) -> Vec<String> {
    let zone = &site.time_zone;
    let mut notes = Vec::new();
    let last = facts.files.iter().filter_map(|file| file.last).max();
    if let Some(last) = last.filter(|last| *last > as_of) {
        notes.push(format!(
            "The captures go on until {}, and the moment judged is {}: all that they show counts, and records count by that moment. If the captures are older, a sensor's clock is ahead.",
            last.local(zone),
            as_of.local(zone)
        ));
    }
    let mut watched: BTreeMap<&str, (Time, Time)> = BTreeMap::new();
    for file in &facts.files {
        let (Some(sensor), Some(first), Some(last)) =
            (file.sensor.as_deref(), file.time, file.last)
        else {
            continue;
        };
        watched
            .entry(sensor)
            .and_modify(|known| *known = (known.0.min(first), known.1.max(last)))
            .or_insert((first, last));
    }
    let latest = watched.iter().max_by_key(|(_, (first, _))| *first);
    let earliest = watched.iter().min_by_key(|(_, (_, last))| *last);
    if let (Some((late, (begin, _))), Some((early, (_, end)))) = (latest, earliest)
        && end < begin
    {
        notes.push(format!(
            "Sensor {early} watched until {}, and sensor {late} from {} on: they never saw the same moment. If they were meant to, the clock of one is wrong, and times and work orders are judged by it.",
            end.local(zone),
            begin.local(zone)
        ));
    }
    notes
}

/// Declarations that say something of nothing that is judged: whoever made them thinks that they hold.
fn pointless(records: &Records<'_>, assessment: &Assessment) -> Vec<String> {
    let same = |one: &str, other: &str| one.trim().to_lowercase() == other.trim().to_lowercase();
    let declared = records.bodies(&["not-applicable", "exception"]);
    let told = declared.filter_map(|(entry, body)| {
        let text = |field: &str| body.get(field).and_then(serde_json::Value::as_str);
        let measure = text("measure")?;
        let judged = assessment.measures.iter().find(|one| same(&one.id, measure));
        let Some(judged) = judged else {
            return Some(format!(
                "Record {}/{} names \"{measure}\", which is no measure: it says nothing of any. `seawall measures` lists them.",
                entry.kind, entry.id
            ));
        };
        let subject = text("subject").filter(|_| entry.kind == "not-applicable")?;
        let is_there = judged.verdict == Verdict::NotApplicable
            || judged.subjects.iter().any(|one| same(&one.subject, subject));
        (!is_there).then(|| {
            format!(
                "Record {}/{} names \"{subject}\", which is no subject of {} now: it says nothing of any.",
                entry.kind, entry.id, judged.id
            )
        })
    });
    told.take(MOST_POINTLESS).collect()
}

/// What a parameter means, its value, and where that is from.
fn shown(one: &judge::Parameter) -> (String, String, String) {
    let source = match &one.set {
        Some(place) => format!(
            "set by the site at {place}; the default is from {}",
            one.source
        ),
        None => one.source.clone(),
    };
    (one.about.clone(), one.shown(), source)
}

/// What a report quotes of the pages.
pub fn page_texts(pages: &[Page]) -> Vec<report::PageText> {
    let lists = |map: &std::collections::BTreeMap<String, Vec<String>>| {
        map.iter()
            .map(|(name, ids)| (name.clone(), ids.clone()))
            .collect()
    };
    let texts = pages.iter().map(|page| report::PageText {
        id: page.id.clone(),
        what_it_asks_markdown: page.asks.clone(),
        how_judged_markdown: page.judged.clone(),
        when_it_fails_markdown: page.fails.clone(),
        parameters: page.parameters.iter().map(shown).collect(),
        paragraphs: lists(&page.paragraphs),
        crosswalk: lists(&page.crosswalk),
    });
    texts.collect()
}
