//! The life of findings, between the ledger and the judge: what the ledger says of them, and the steps that a judgement
//! adds to it.
use std::path::{Path, PathBuf};

use facts::Time;
use judge::{Assessment, Lives, Standings};
use report::{Stepped, Turn};
use serde_json::{Map, Value as Json};
use store::ledger::{Content, FILE, Ledger, New, Stamp};

use crate::commands::record::{begin, body_of};
use crate::error::Error;

/// The ledger's folder of a site.
pub fn ledger_of(site: &Path) -> PathBuf {
    site.join("ledger")
}

/// Opens it, and tells what should be known of it.
pub fn open(site: &Path) -> Result<Ledger, Error> {
    let ledger = Ledger::open(&ledger_of(site))?;
    for note in ledger.notes() {
        eprintln!("seawall: {note}");
    }
    Ok(ledger)
}

/// What was known of findings at a time.
pub fn lives(ledger: &Ledger, known: Time) -> Lives {
    let mut lives = Lives::default();
    for entry in ledger.as_of(known, None) {
        if Lives::wants(entry.kind) {
            lives.add(entry.kind, entry.id, &body_of(&entry).unwrap_or_default());
        }
    }
    lives
}

/// How the findings of an assessment stand by what the site's ledger says.
pub fn standings(site: &Path, assessment: &Assessment, known: Option<Time>) -> Result<Standings, Error> {
    let ledger = open(site)?;
    Ok(lives(&ledger, known.unwrap_or(Time::MAX)).standings(assessment))
}

/// Writes what the judgement adds, and gives how many records that were. Another's write is waited for, and counts.
pub fn record(ledger: &mut Ledger, assessment: &Assessment, means: &str, now: Time) -> Result<usize, Error> {
    let steps = |ledger: &Ledger| {
        let lives = lives(ledger, Time::MAX);
        lives.steps(assessment, &lives.standings(assessment))
    };
    // Mostly there is nothing to add, and then nothing is locked or made.
    if steps(ledger).is_empty() {
        return Ok(0);
    }
    let mut writing = begin(ledger)?;
    let new: Vec<New> = steps(writing.ledger())
        .into_iter()
        .map(|step| New {
            kind: step.kind.to_owned(),
            id: step.id,
            content: Content::Body(step.body),
            valid_from: None,
            valid_until: None,
            attachments: Vec::new(),
        })
        .collect();
    let stamp = Stamp {
        by: "seawall",
        means,
        now,
    };
    writing.append(&new, &stamp)?;
    Ok(new.len())
}

/// The site has a ledger in which records lie.
pub fn has_ledger(site: &Path) -> bool {
    ledger_of(site).join(FILE).is_file()
}

fn text(body: &Map<String, Json>, name: &str) -> String {
    let text = body.get(name).and_then(Json::as_str);
    text.unwrap_or_default().to_owned()
}

fn list(body: &Map<String, Json>, name: &str) -> Vec<String> {
    let list = body.get(name).and_then(Json::as_array).into_iter().flatten();
    list.filter_map(Json::as_str).map(str::to_owned).collect()
}

/// The steps of a finding that were recorded, the oldest first.
pub fn steps(ledger: &Ledger, finding: &str) -> Vec<Stepped> {
    let of_it = ledger.entries().filter(|entry| entry.kind == "finding" && entry.id == finding);
    of_it
        .filter_map(|entry| {
            let body = body_of(&entry)?;
            Some(Stepped {
                step: text(&body, "step"),
                at: Time::parse(&text(&body, "at")),
                why: text(&body, "why"),
                evidence: list(&body, "evidence"),
                entry: entry.seq,
                by: entry.by.to_owned(),
            })
        })
        .collect()
}

/// The verdicts that were recorded, by measure and then from the oldest; of one measure if it is named.
pub fn series(ledger: &Ledger, measure: Option<&str>) -> Vec<Turn> {
    let of_it = ledger.entries().filter(|entry| {
        entry.kind == "verdict" && measure.is_none_or(|id| entry.id.eq_ignore_ascii_case(id))
    });
    let mut turns: Vec<Turn> = of_it
        .filter_map(|entry| {
            let body = body_of(&entry)?;
            Some(Turn {
                measure: entry.id.to_owned(),
                at: Time::parse(&text(&body, "at")),
                verdict: text(&body, "verdict"),
                summary: text(&body, "summary"),
                edition: text(&body, "edition"),
                findings: list(&body, "findings"),
                entry: entry.seq,
            })
        })
        .collect();
    turns.sort_by(|a, b| a.measure.cmp(&b.measure).then(a.entry.cmp(&b.entry)));
    turns
}

/// Records the life of findings while Seawall runs, where the site has a ledger: at most once a minute, so that what flaps
/// does not fill it.
#[derive(Debug, Default)]
pub struct Recorder {
    ledger: Option<Ledger>,
    last: Option<Time>,
    problem: Option<String>,
}

/// Nanoseconds between two writes.
const EVERY: i64 = 60_000_000_000;

impl Recorder {
    pub fn is_due(&self, now: Time) -> bool {
        self.last.is_none_or(|last| now.since(last).abs() >= EVERY)
    }

    /// Gives what went wrong, once as long as it stays the same.
    pub fn record(&mut self, site: &Path, assessment: &Assessment, now: Time) -> Option<String> {
        self.last = Some(now);
        if !has_ledger(site) {
            return None;
        }
        let outcome = match self.ledger.take() {
            Some(ledger) => Ok(ledger),
            None => open(site),
        }
        .and_then(|mut ledger| {
            record(&mut ledger, assessment, "run", now)?;
            Ok(ledger)
        });
        match outcome {
            Ok(ledger) => {
                self.ledger = Some(ledger);
                self.problem = None;
                None
            }
            Err(error) => {
                let problem = format!(
                    "the steps of findings are not recorded: {}; let this user write to {}",
                    crate::error::chain(&error),
                    ledger_of(site).display()
                );
                let is_known = self.problem.as_ref() == Some(&problem);
                self.problem = Some(problem.clone());
                (!is_known).then_some(problem)
            }
        }
    }
}
