//! Runs pages against a snapshot and turns their rows into verdicts.
//!
//! A page's query gives a row per subject: `subject`, `verdict`, `reason`, `evidence`, and where wanted `assets`, `zones`,
//! `key`, `rests_on`, `due` and `who`; every other column goes into the subject's facts. The page judges what is there;
//! whether what is there is enough is judged here, for all pages alike, and so is whether the next of it is overdue.
use std::time::Duration;

use facts::site::Site;
use facts::{Due, Facts, Shared, Time, Value};
use hashbrown::HashMap;
use sha2::{Digest, Sha256};
use store::{Records, Snapshot};

use crate::coverage::{Coverage, Ground};
use crate::evidence::{self, Citation, Recorded};
use crate::found::{self, Found, list, text};
use crate::stance::{self, Stances};
use crate::{
    Assessment, Catalogue, Edition, Editions, Error, Judged, NotJudged, Page, Source, Subject,
    Verdict,
};

/// The facts as tables, as far as these pages ask for them: much smaller than all of them where pages judge flows.
///
/// # Errors
/// The step at which the tables could not be made.
pub fn snapshot(
    facts: &Facts,
    site: &Site,
    records: Records<'_>,
    as_of: Time,
    pages: &[Page],
) -> Result<Snapshot, store::Error> {
    let queries = pages.iter().map(|page| page.sql.as_str());
    let queries = queries.chain([stance::QUERY]);
    Snapshot::for_queries(facts, site, records, as_of, queries)
}

/// Judges every page; `follow` names the edition that the terminal follows, the default one if `None`.
///
/// Same facts, same site, same pages, same time: the same result, byte for byte.
///
/// # Errors
/// There is no such edition, or else the first page, in their order, whose query does not run or gives a row that
/// breaks its contract with the engine. There is no assessment then, not even of the other pages.
pub fn assess(
    snapshot: &Snapshot,
    pages: &[Page],
    editions: &Editions,
    catalogue: &Catalogue,
    follow: Option<&str>,
) -> Result<Assessment, Error> {
    let timed = assess_timed(snapshot, pages, editions, catalogue, follow, &|| {
        Duration::ZERO
    });
    timed.map(|(assessment, _)| assessment)
}

/// The same, and how long each page took by that clock: for those who judge again and again, and some pages seldom.
///
/// # Errors
/// As of [`assess`].
pub fn assess_timed(
    snapshot: &Snapshot,
    pages: &[Page],
    editions: &Editions,
    catalogue: &Catalogue,
    follow: Option<&str>,
    clock: &(dyn Fn() -> Duration + Sync),
) -> Result<(Assessment, Vec<Duration>), Error> {
    let edition = editions.followed(follow)?;
    let engine = Engine::new(snapshot, editions, edition)?;
    let judge = |reader: &Snapshot, page: &Page| {
        let began = clock();
        let judged = engine.judge(reader, page);
        judged.map(|judged| (judged, clock().saturating_sub(began)))
    };
    let judged = snapshot.shared_out(pages, |page| page.sql.as_str(), judge);
    let judged = judged.into_iter().collect::<Result<Vec<_>, _>>()?;
    let (measures, took) = judged.into_iter().unzip();
    let not_judged = catalogue
        .measures
        .iter()
        .filter(|listed| !pages.iter().any(|page| page.id == listed.id))
        .map(|listed| NotJudged {
            id: listed.id.clone(),
            title: listed.title.clone(),
            why: listed.why.clone(),
        })
        .collect();
    let terminal = snapshot.query("SELECT name, time_zone, as_of FROM terminal")?;
    let mut terminal = terminal
        .rows
        .into_iter()
        .next()
        .unwrap_or_default()
        .into_iter();
    let mut told = || terminal.next().and_then(text);
    let assessment = Assessment {
        terminal: told().unwrap_or_default(),
        time_zone: told().unwrap_or_else(|| "UTC".to_owned()),
        as_of: told()
            .and_then(|time| Time::parse(&time))
            .unwrap_or_default(),
        edition: edition.id.clone(),
        evidence: sources(snapshot)?,
        measures,
        not_judged,
    };
    Ok((assessment, took))
}

fn sources(snapshot: &Snapshot) -> Result<Vec<Source>, Error> {
    let rows = snapshot.query(
        "SELECT name, sha256, packets, time, last, sensor, problems FROM capture_file ORDER BY id",
    )?;
    let source = |row: Vec<Value>| {
        let mut row = row.into_iter();
        let mut next = || row.next().unwrap_or(Value::Null);
        Source {
            capture: text(next()).unwrap_or_default(),
            sha256: text(next()),
            packets: match next() {
                Value::Int(n) => u64::try_from(n).unwrap_or(0),
                _ => 0,
            },
            first: text(next()).and_then(|time| Time::parse(&time)),
            last: text(next()).and_then(|time| Time::parse(&time)),
            sensor: text(next()),
            problems: list(&next()).unwrap_or_default(),
        }
    };
    Ok(rows.rows.into_iter().map(source).collect())
}

/// Days before something falls due from which on a reason says so, where a page has no parameter `notice_days`.
const NOTICE: i64 = 30;

/// What all pages of one assessment share.
#[derive(Debug)]
pub(crate) struct Engine {
    coverage: Coverage,
    stances: Stances,
    /// Parameters that every query may name.
    shared: Vec<(&'static str, Value)>,
    as_of: Time,
    time_zone: String,
}

/// What stands under a `met` of one page, by the zones of which it speaks: thousands of subjects speak of the same few.
type Grounds = HashMap<Vec<String>, Vec<Ground>>;

impl Engine {
    pub(crate) fn new(
        snapshot: &Snapshot,
        editions: &Editions,
        edition: &Edition,
    ) -> Result<Engine, Error> {
        let terminal = snapshot.query("SELECT as_of, time_zone FROM terminal")?;
        let terminal = terminal.rows.into_iter().next().unwrap_or_default();
        let mut terminal = terminal.into_iter();
        let as_of = terminal.next().unwrap_or(Value::Null);
        let time = text(as_of.clone()).and_then(|time| Time::parse(&time));
        let time_zone = terminal.next().and_then(text);
        let time_zone = time_zone.unwrap_or_else(|| "UTC".to_owned());
        let stances = Stances::read(snapshot, &as_of, &time_zone)?;
        let shared = vec![
            ("as_of", as_of),
            ("edition", Value::Text(edition.id.clone())),
            ("editions", Value::Text(editions.as_json())),
        ];
        Ok(Engine {
            coverage: Coverage::read(snapshot)?,
            stances,
            shared,
            as_of: time.unwrap_or_default(),
            time_zone,
        })
    }

    pub(crate) fn judge(&self, snapshot: &Snapshot, page: &Page) -> Result<Judged, Error> {
        let own = page
            .parameters
            .iter()
            .map(|one| (one.name.as_str(), one.value.clone()));
        let parameters: Vec<(&str, Value)> = self.shared.iter().cloned().chain(own).collect();
        let rows = snapshot
            .query_with(&page.sql, &parameters)
            .map_err(|source| Error::Query {
                id: page.id.clone(),
                file: page.file.clone(),
                line: page.sql_line,
                source,
            })?;
        let found = found::found(page, rows)?;
        let cited: Vec<_> = found.iter().map(|one| one.citations.as_slice()).collect();
        let recorded = evidence::recorded(snapshot, &cited)?;
        let mut subjects = Vec::with_capacity(found.len());
        let mut grounds = Grounds::new();
        for found in found {
            subjects.push(self.subject(snapshot, page, found, &recorded, &mut grounds)?);
        }
        if subjects.is_empty() {
            subjects.push(nothing(page));
        }
        let short = |subjects: &[Subject]| summary(page, subjects);
        let mut subjects = self.stances.applied(&page.id, subjects, short);
        // The worst first, so that a reader meets what needs doing before what holds.
        subjects.sort_by(|a, b| {
            b.verdict
                .cmp(&a.verdict)
                .then_with(|| a.subject.cmp(&b.subject))
                .then_with(|| a.finding.cmp(&b.finding))
        });
        let verdict = subjects
            .iter()
            .map(|subject| subject.verdict)
            .max()
            .unwrap_or(Verdict::Unproven);
        let summary = summary(page, &subjects);
        Ok(Judged {
            id: page.id.clone(),
            title: page.title.clone(),
            verdict,
            summary,
            subjects: subjects.into(),
        })
    }

    fn subject(
        &self,
        snapshot: &Snapshot,
        page: &Page,
        found: Found,
        recorded: &Recorded,
        grounds: &mut Grounds,
    ) -> Result<Subject, Error> {
        let evidence = evidence::frames(snapshot, &found.citations)?;
        let records = evidence::records(recorded, &found.citations);
        let mut facts = found.facts;
        let elsewhere = |pick: fn(&Citation) -> Option<&String>| {
            let mut places: Vec<String> =
                found.citations.iter().filter_map(pick).cloned().collect();
            places.dedup();
            places
        };
        let lines = elsewhere(|citation| {
            if let Citation::Site(place) = citation {
                Some(place)
            } else {
                None
            }
        });
        let editions = elsewhere(|citation| {
            if let Citation::Edition(id) = citation {
                Some(id)
            } else {
                None
            }
        });
        if found.verdict == Verdict::NotMet
            && evidence.is_empty()
            && records.is_empty()
            && lines.is_empty()
            && editions.is_empty()
        {
            return Err(Error::Row {
                id: page.id.clone(),
                file: page.file.clone(),
                line: page.sql_line,
                subject: found.subject,
                message:
                    "a `not met` has to cite facts that frames show, a record, or a line of the site file"
                        .to_owned(),
            });
        }
        for (name, places) in [("site", lines), ("edition", editions)] {
            if !places.is_empty() {
                facts.push((Shared::from(name), Value::List(places)));
            }
        }
        let (mut verdict, mut reason, mut rests_on) = (found.verdict, found.reason, found.rests_on);
        let due = found
            .due
            .as_deref()
            .map(|text| self.due(page, &found.subject, text));
        let due = due.transpose()?;
        if verdict == Verdict::Met {
            let bare = evidence.is_empty() && records.is_empty();
            if bare && !page.records.is_empty() && page.needs.is_empty() {
                verdict = Verdict::Unproven;
                reason = format!("{}, but no record shows it.", reason.trim_end_matches('.'));
            }
        }
        if let (Verdict::Met, Some(due)) = (verdict, &due) {
            let (words, day) = (due.words(self.as_of, &self.time_zone), due.day);
            let plain = reason.trim_end_matches('.').to_owned();
            if due.is_over(self.as_of) {
                // Pages say in their own words what is overdue; none may forget it.
                let shown = !(evidence.is_empty() && records.is_empty());
                verdict = if shown {
                    Verdict::NotMet
                } else {
                    Verdict::Unproven
                };
                reason = format!("{plain}, but what comes next is {words} ({day}).");
            } else if due.days_left(self.as_of, &self.time_zone) <= notice(page)
                && !reason.contains(&words)
            {
                // Of what ends, the page has said when.
                reason = match words.strip_prefix("due ") {
                    Some(when) if plain.contains(&format!("until {day}")) => {
                        format!("{plain}; that is {when}.")
                    }
                    _ => format!("{plain}; the next is {words} ({day})."),
                };
            }
        }
        // A row that speaks of no zone and cites records rests on these alone: no capture could add to it.
        let by_records = !records.is_empty() && found.zones.as_ref().is_some_and(Vec::is_empty);
        if verdict == Verdict::Met && !by_records {
            let zones = found.zones.as_deref().unwrap_or(&self.coverage.crane_zones);
            if !grounds.contains_key(zones) {
                let ground = self.coverage.ground(zones, &page.needs);
                grounds.insert(zones.to_vec(), ground);
            }
            let mut missing = Vec::new();
            for ground in grounds.get(zones).into_iter().flatten() {
                match ground {
                    Ground::Firm(sentence) => rests_on.push(sentence.clone()),
                    Ground::Missing(clause) => missing.push(clause.clone()),
                }
            }
            if !missing.is_empty() {
                verdict = Verdict::Unproven;
                reason = format!(
                    "{}, but {}.",
                    reason.trim_end_matches('.'),
                    joined(&missing)
                );
                rests_on = missing.iter().map(|clause| sentence(clause)).collect();
            }
        }
        let finding = (verdict == Verdict::NotMet).then(|| {
            finding_id(
                &page.id,
                &found.subject,
                found.key.as_deref().unwrap_or_default(),
            )
        });
        Ok(Subject {
            subject: found.subject,
            verdict,
            reason,
            assets: found.assets,
            facts,
            finding,
            evidence,
            records,
            due,
            who: found.who,
            rests_on,
        })
    }

    fn due(&self, page: &Page, subject: &str, text: &str) -> Result<Due, Error> {
        Due::read(text, &self.time_zone).ok_or_else(|| Error::Row {
            id: page.id.clone(),
            file: page.file.clone(),
            line: page.sql_line,
            subject: subject.to_owned(),
            message: format!("column `due` holds {text:?}, which is neither a time nor a date"),
        })
    }
}

/// Missing coverage in one clause: the first few in full, the rest counted.
fn joined(missing: &[String]) -> String {
    const TOLD: usize = 3;
    let told = missing
        .iter()
        .take(TOLD)
        .cloned()
        .collect::<Vec<_>>()
        .join("; ");
    match missing.len().saturating_sub(TOLD) {
        0 => told,
        more => format!("{told}; and {more} more"),
    }
}

fn sentence(clause: &str) -> String {
    let mut letters = clause.chars();
    let first = letters
        .next()
        .map(|first| first.to_uppercase().collect::<String>())
        .unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}

/// Days before something falls due from which on the reader is told: the page's own `notice_days`, else [`NOTICE`].
fn notice(page: &Page) -> i64 {
    let own = page.parameters.iter().find(|one| one.name == "notice_days");
    match own.map(|one| &one.value) {
        Some(Value::Int(days)) => *days,
        _ => NOTICE,
    }
}

fn nothing(page: &Page) -> Subject {
    let reason = match page.records.first() {
        None => format!(
            "There is nothing to judge: no {} was seen or declared.",
            page.subjects.0
        ),
        Some(kind) => format!(
            "Nothing is recorded of it. Record each {} with `seawall record {kind} --id ID FIELD=VALUE...`; `seawall record {kind} --fields` says what it holds.",
            kind.replace('-', " ")
        ),
    };
    Subject::terminal(reason)
}

fn summary(page: &Page, subjects: &[Subject]) -> String {
    let count = |verdict| {
        subjects
            .iter()
            .filter(|subject| subject.verdict == verdict)
            .count()
    };
    let total = subjects.len();
    let noun = if total == 1 {
        &page.subjects.0
    } else {
        &page.subjects.1
    };
    let shares: Vec<String> = Verdict::ALL
        .into_iter()
        .filter(|verdict| count(*verdict) > 0)
        .map(|verdict| format!("{} {verdict}", count(verdict)))
        .collect();
    format!("{total} {noun}: {}.", shares.join(", "))
}

/// Stable across runs: depends on the measure, the subject and what tells several findings of a subject apart.
fn finding_id(measure: &str, subject: &str, key: &str) -> String {
    let digest = Sha256::digest(format!("{measure}\0{subject}\0{key}"));
    let hex: String = digest
        .iter()
        .take(5)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("{measure}-{hex}")
}
